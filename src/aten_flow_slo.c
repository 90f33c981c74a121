#include <string.h>

#include <apr_escape.h>
#include <apr_strings.h>

#include "aten_flow_private.h"
#include "aten_saml_logout.h"
#include "aten_saml_redirect.h"
#include "aten_saml_sign.h"

/* SAML single logout (saml-profiles 4.4), begun here or by the portal. What the portal asks for is done by the keys of
 * the store alone: its message may come without any cookie, in a frame or by a cross-site POST. */

/* --- begun here --- */

static const aten_saml_entity_t *entity_of_session(const aten_turn_t *turn, const aten_session_t *session)
{
    const aten_portal_t *portal = aten_site_portal_by_key(turn->site, session->backend_key);
    const aten_saml_entity_t *entity;
    const char *why;

    if (session->backend != ATEN_BACKEND_ATEN || !portal) return NULL;
    entity = aten_saml_metadata_find(turn->env->metadata_of(turn->env->metadata_baton), portal->entity_id);
    return aten_saml_entity_check(entity, turn->env->now, &why, turn->p) == ATEN_V_OK ? entity : NULL;
}

aten_answer_t *aten_slo_begin(const aten_turn_t *turn, const char *to)
{
    const aten_env_t *env = turn->env;
    const aten_session_t *session = turn->request->person->session;
    const aten_saml_key_t *key = aten_saml_self_key(&turn->site->self);
    const aten_saml_entity_t *entity = entity_of_session(turn, session);
    const aten_leaving_place_t place = aten_turn_leaving_place(turn, "/saml/logout");
    const char *text, *url, *cookie;
    aten_saml_logout_request_t request;
    aten_leaving_t *leaving;
    aten_answer_t *answer;

    /* A portal takes no logout that is not signed (saml-profiles 4.4.3.1), and one without a name says nothing. */
    if (!entity || !entity->logout_redirect || !session->subject->name_id || !key) return NULL;
    leaving = aten_leaving_make(session, to, env->now, env->random, env->random_baton, turn->p);
    if (!leaving) return NULL;
    if (aten_leaving_store(&place, leaving, env->random, env->random_baton, &cookie, turn->p) != ATEN_V_OK) return NULL;
    request = (aten_saml_logout_request_t){aten_saml_logout_id(leaving->nonce, turn->p), entity->logout_redirect,
                                           turn->site->self.service_id, session->subject, env->now};
    text = aten_saml_logout_request(&request, turn->p);
    if (!text) return NULL;
    url = aten_saml_redirect_url(entity->logout_redirect, "SAMLRequest", text, leaving->nonce, key, turn->p);
    if (!url) return NULL;
    answer = aten_answer_redirect(turn, url);
    APR_ARRAY_PUSH(answer->cookies, const char *) = cookie;
    return answer;
}

/* --- the portal's answer to it --- */

static const char *const outcome_words[] = {"done", "partial", "failed"}; /* aten_logout_t */

static aten_answer_t *left(const aten_turn_t *turn, const aten_leaving_t *leaving, aten_logout_t outcome,
                           const char *why)
{
    const aten_store_key_t *login_key = (const aten_store_key_t *)leaving->login_key;
    aten_store_write_t write;
    aten_answer_t *answer;
    const char *failed;

    if (outcome != ATEN_LOGOUT_DONE) {
        answer = aten_logged_out(turn, leaving->to, ATEN_V_SAML_LOGOUT_STATUS, ATEN_T_LOGGED_OUT_PARTLY);
        answer->why = why;
        return answer;
    }
    /* Other sessions of the same session at the portal have ended with it. */
    write = aten_ended_login(login_key, turn->site->longest, turn->env->now);
    if (aten_end_write(turn, &write, 1, ATEN_V_STORE, &failed) != ATEN_V_OK) {
        return aten_answer_error(turn, ATEN_V_STORE, failed, NULL);
    }
    return aten_logged_out(turn, leaving->to, ATEN_V_OK, ATEN_T_LOGGED_OUT_AT_PORTAL);
}

/* A portal as addresses name it. */
static const char *word_of(const aten_turn_t *turn, const aten_portal_t *portal)
{
    return apr_pescape_hex(turn->p, portal->key, sizeof(portal->key), 0);
}

/* @param from the portal of the answer, by its word @param why for the log */
static aten_answer_t *answered(const aten_turn_t *turn, const char *nonce, const char *from, aten_logout_t outcome,
                               const char *why)
{
    apr_array_header_t *cookies = apr_array_make(turn->p, 1, sizeof(const char *));
    const aten_leaving_place_t place = aten_turn_leaving_place(turn, "/saml/logout");
    const aten_portal_t *portal;
    aten_leaving_t *leaving;
    aten_answer_t *answer;
    const aten_verdict_t verdict = aten_leaving_take(&place, nonce, turn->request->cookies, turn->env->now, &leaving,
                                                     cookies, turn->p);

    if (verdict != ATEN_V_OK) return aten_answer_error(turn, verdict, why, NULL);
    portal = aten_site_portal_by_key(turn->site, leaving->backend_key);
    if (!portal || !aten_same(from, word_of(turn, portal))) {
        return aten_answer_error(turn, ATEN_V_PENDING_OTHER, why, NULL);
    }
    answer = left(turn, leaving, outcome, why);
    /* What could not be written may be tried again. */
    return answer->verdict == ATEN_V_STORE ? answer : aten_end_with_cookies(turn, cookies, answer);
}

/* A cross-site POST brought no cookie: on to a page that the browser asks for with it. What the address says of the
 * outcome changes what is shown, and ends at most sessions of this browser's own login. */
static aten_answer_t *to_own_page(const aten_turn_t *turn, const char *nonce, const char *from, aten_logout_t outcome,
                                  const char *why)
{
    const char *params[] = {"state", nonce, "from", from, "outcome", outcome_words[outcome], NULL};
    aten_answer_t *answer = aten_answer_redirect(turn, apr_pstrcat(turn->p, turn->site->base->url,
                                                                   aten_own_url(turn, "/saml/logout", params), NULL));

    if (outcome == ATEN_LOGOUT_DONE) return answer;
    answer->verdict = ATEN_V_SAML_LOGOUT_STATUS;
    answer->level = ATEN_LOG_INFO;
    answer->why = why;
    return answer;
}

static aten_answer_t *take_response(const aten_turn_t *turn, const aten_saml_logout_message_t *message, int by_post)
{
    const char *nonce = aten_saml_logout_nonce(message->in_response_to, turn->p);
    const char *why = aten_said_of_portal(turn, message->portal, message->status);

    if (!nonce) {
        return aten_answer_error(turn, ATEN_V_SAML_IN_RESPONSE_TO,
                                 aten_said_of_portal(turn, message->portal, "InResponseTo is no logout of ours"), NULL);
    }
    if (by_post) return to_own_page(turn, nonce, word_of(turn, message->portal), message->outcome, why);
    return answered(turn, nonce, word_of(turn, message->portal), message->outcome, why);
}

/* --- begun by the portal --- */

static int push(aten_store_write_t *writes, int *count, const aten_store_key_t *key, const aten_turn_t *turn)
{
    writes[(*count)++] = aten_ended_login(key, turn->site->longest, turn->env->now);
    return *count == ATEN_STORE_WRITE_MAX - 1;
}

static int login_key_of(aten_store_key_t *key, const aten_saml_logout_message_t *message, const char *index,
                        apr_pool_t *p)
{
    const aten_saml_subject_t subject = {.name_id = message->name_id, .session_index = index};
    const char *credential = aten_session_credential(&subject, p);

    return aten_ended_login_key(key, ATEN_BACKEND_ATEN, message->portal->entity_id, credential);
}

/* The sessions of the SessionIndexes, or all of the NameID (saml-core 3.7.1). The request's ID is noted in the last
 * write, so that one that broke off in the middle is done again.
 * @return OK, STORE or INTERNAL */
static aten_verdict_t end_sessions(const aten_turn_t *turn, const aten_saml_logout_message_t *message,
                                   const aten_once_t *once, const char **why)
{
    const apr_array_header_t *indexes = message->session_indexes;
    aten_store_write_t writes[ATEN_STORE_WRITE_MAX];
    aten_verdict_t verdict;
    aten_store_key_t key;
    int i, count = 0;

    for (i = 0; i < indexes->nelts; i++) {
        if (!login_key_of(&key, message, APR_ARRAY_IDX(indexes, i, const char *), turn->p)) return ATEN_V_INTERNAL;
        if (!push(writes, &count, &key, turn)) continue;
        verdict = aten_end_write(turn, writes, count, ATEN_V_STORE, why);
        if (verdict != ATEN_V_OK) return verdict;
        count = 0;
    }
    if (!indexes->nelts) {
        if (!aten_ended_name_key(&key, message->portal->entity_id, message->name_id)) return ATEN_V_INTERNAL;
        writes[count++] = aten_ended_mark(&key, turn->env->now, turn->site->longest, turn->env->now);
    }
    writes[count++] = once->writes[0];
    return aten_end_write(turn, writes, count, ATEN_V_OK, why);
}

/* @return OK, SAML_REPLAYED (done already), STORE or INTERNAL */
static aten_verdict_t do_request(const aten_turn_t *turn, const aten_saml_logout_message_t *message, const char **why)
{
    const char *parts[] = {message->portal->entity_id, message->id, NULL};
    aten_once_t once = {0};
    aten_store_key_t key;
    aten_verdict_t verdict;

    if (!aten_store_key(&key, "logout", parts)) return ATEN_V_INTERNAL;
    aten_end_once(&once, &key, message->valid_until + ATEN_ENDED_KEPT_LONGER);
    /* A mark that is set a second time would end sessions that began afterwards. */
    verdict = aten_end_look(turn, &once, ATEN_V_SAML_REPLAYED, why);
    return verdict == ATEN_V_OK ? end_sessions(turn, message, &once, why) : verdict;
}

/* Is the session of this browser one of those that the portal ended? */
static int ends_own(const aten_turn_t *turn, const aten_saml_logout_message_t *message)
{
    const aten_person_t *person = turn->request->person;
    const aten_session_t *session = person ? person->session : NULL;
    const apr_array_header_t *indexes = message->session_indexes;
    aten_store_key_t key;
    int i;

    if (!session || session->backend != ATEN_BACKEND_ATEN || !session->subject->name_id) return 0;
    if (memcmp(session->backend_key, message->portal->key, sizeof(session->backend_key))) return 0;
    if (!indexes->nelts) return aten_same(session->subject->name_id, message->name_id);
    for (i = 0; i < indexes->nelts; i++) {
        if (!login_key_of(&key, message, APR_ARRAY_IDX(indexes, i, const char *), turn->p)) continue;
        if (!memcmp(key.bytes, session->login_key, sizeof(session->login_key))) return 1;
    }
    return 0;
}

static const char *first_of(const char *a, const char *b)
{
    return a ? a : b;
}

static char *random_id(const aten_turn_t *turn)
{
    char nonce[24];

    if (!aten_nonce_make(nonce, turn->env->random, turn->env->random_baton)) return NULL;
    return aten_saml_logout_id(nonce, turn->p);
}

static char *response_text(const aten_turn_t *turn, const aten_saml_logout_message_t *message, const char *destination,
                           aten_logout_t outcome)
{
    const aten_saml_logout_response_t response = {
        random_id(turn), destination, turn->site->self.service_id, message->id, outcome, turn->env->now,
    };

    return response.id ? aten_saml_logout_response(&response, turn->p) : NULL;
}

static aten_answer_t *respond_by_redirect(const aten_turn_t *turn, const aten_saml_logout_message_t *message,
                                          const char *to, aten_logout_t outcome)
{
    const char *text = response_text(turn, message, to, outcome);
    const aten_saml_key_t *key = aten_saml_self_key(&turn->site->self);
    const char *url = text ? aten_saml_redirect_url(to, "SAMLResponse", text, message->relay_state, key, turn->p) : NULL;

    if (url) return aten_answer_redirect(turn, url);
    return aten_answer_error(turn, ATEN_V_INTERNAL, "the LogoutResponse cannot be made", NULL);
}

/* A portal that takes nothing but a form: the person sends it. */
static aten_answer_t *respond_by_form(const aten_turn_t *turn, const aten_saml_logout_message_t *message,
                                      const char *to, aten_logout_t outcome)
{
    const aten_saml_key_t *key = aten_saml_self_key(&turn->site->self);
    const char *base64 = aten_saml_sign(response_text(turn, message, to, outcome), key, turn->p);
    const char **fields = apr_pcalloc(turn->p, 5 * sizeof(*fields));
    aten_form_t *form = apr_pcalloc(turn->p, sizeof(*form));
    aten_page_t *page = aten_turn_page(turn, ATEN_T_LOGOUT_RETURN_TITLE);
    aten_answer_t *answer;

    if (!base64) return aten_answer_error(turn, ATEN_V_INTERNAL, "the LogoutResponse cannot be made", NULL);
    fields[0] = "SAMLResponse";
    fields[1] = base64;
    fields[2] = "RelayState";
    fields[3] = message->relay_state;
    *form = (aten_form_t){to, fields, aten_say(turn, ATEN_T_LOGOUT_RETURN, NULL)};
    page->form = form;
    aten_page_line(page, aten_say(turn, ATEN_T_LOGOUT_RETURN_WHY, NULL));
    answer = aten_answer_page(turn, page, 200, ATEN_V_OK, ATEN_LOG_NONE);
    answer->has_form = 1;
    return answer;
}

static aten_answer_t *respond(const aten_turn_t *turn, const aten_saml_logout_message_t *message, aten_logout_t outcome)
{
    const aten_saml_entity_t *entity = message->entity;
    const char *to = first_of(entity->logout_redirect_response, entity->logout_redirect);

    if (to) return respond_by_redirect(turn, message, to, outcome);
    to = first_of(entity->logout_post_response, entity->logout_post);
    /* By a form only with a signature of the message's own, which needs a key (AtenServiceKey). */
    if (to && aten_saml_self_key(&turn->site->self)) return respond_by_form(turn, message, to, outcome);
    return aten_logged_out(turn, NULL, ATEN_V_OK, ATEN_T_LOGGED_OUT_PORTAL);
}

static aten_answer_t *take_request(const aten_turn_t *turn, const aten_saml_logout_message_t *message)
{
    const char *why = NULL;
    const aten_verdict_t verdict = do_request(turn, message, &why);
    const int done = verdict == ATEN_V_OK || verdict == ATEN_V_SAML_REPLAYED;
    aten_answer_t *answer = respond(turn, message, done ? ATEN_LOGOUT_DONE : ATEN_LOGOUT_PARTIAL);

    if (answer->level == ATEN_LOG_NONE) {
        answer->verdict = verdict == ATEN_V_OK ? ATEN_V_SESSION_ENDED : verdict;
        answer->level = done ? ATEN_LOG_INFO : ATEN_LOG_ERROR;
        answer->why = aten_said_of_portal(turn, message->portal, done ? "single logout" : why);
    }
    if (verdict == ATEN_V_OK && ends_own(turn, message)) aten_answer_end_session(turn, answer);
    return answer;
}

/* --- both --- */

static aten_saml_logout_expect_t expectations(const aten_turn_t *turn)
{
    const aten_site_t *site = turn->site;
    const aten_env_t *env = turn->env;
    aten_saml_logout_expect_t expect = {
        site->portals, env->metadata_of(env->metadata_baton), site->self.service ? site->self.service->keys : NULL,
        site->self.logout, site->clock_skew, env->now,
    };

    return expect;
}

static aten_answer_t *take(const aten_turn_t *turn, const aten_saml_logout_message_t *message, int by_post)
{
    return message->is_response ? take_response(turn, message, by_post) : take_request(turn, message);
}

static int outcome_of(const char *word, aten_logout_t *outcome)
{
    apr_size_t i;

    for (i = 0; i < sizeof(outcome_words) / sizeof(outcome_words[0]); i++) {
        if (!aten_same(word, outcome_words[i])) continue;
        *outcome = (aten_logout_t)i;
        return 1;
    }
    return 0;
}

aten_answer_t *aten_slo_get(const aten_turn_t *turn)
{
    static const char *const wanted[] = {"state", "from", "outcome", NULL};
    const aten_saml_logout_expect_t expect = expectations(turn);
    const aten_portal_t *portal = NULL;
    const char *which, *why = NULL;
    aten_saml_logout_message_t *message;
    aten_logout_t outcome;
    apr_table_t *params;
    aten_verdict_t verdict = aten_params(&params, turn->request->query, wanted, &which, turn->p);

    if (verdict != ATEN_V_OK) return aten_answer_error(turn, verdict, which, NULL);
    if (outcome_of(apr_table_get(params, "outcome"), &outcome)) {
        return answered(turn, apr_table_get(params, "state"), apr_table_get(params, "from"), outcome,
                        "told in the request before");
    }
    verdict = aten_saml_logout_read_redirect(&message, &expect, turn->request->query, &portal, &why, turn->p);
    if (verdict != ATEN_V_OK) return aten_answer_portal_error(turn, verdict, aten_said_of_portal(turn, portal, why));
    return take(turn, message, 0);
}

aten_answer_t *aten_slo_post(const aten_turn_t *turn)
{
    static const char *const wanted[] = {"SAMLRequest", "SAMLResponse", "RelayState", NULL};
    const aten_saml_logout_expect_t expect = expectations(turn);
    const aten_portal_t *portal = NULL;
    const char *which, *request, *response, *why = NULL;
    aten_saml_logout_message_t *message;
    apr_table_t *params;
    aten_verdict_t verdict = aten_turn_form(turn, wanted, &params, &which);

    if (verdict != ATEN_V_OK) return aten_answer_error(turn, verdict, which, NULL);
    request = apr_table_get(params, "SAMLRequest");
    response = apr_table_get(params, "SAMLResponse");
    if (!request == !response) {
        return aten_answer_error(turn, ATEN_V_PARAM_MALFORMED, "neither or both of SAMLRequest and SAMLResponse", NULL);
    }
    verdict = aten_saml_logout_read_post(&message, &expect, request ? request : response, response != NULL,
                                         apr_table_get(params, "RelayState"), &portal, &why, turn->p);
    if (verdict != ATEN_V_OK) return aten_answer_portal_error(turn, verdict, aten_said_of_portal(turn, portal, why));
    return take(turn, message, 1);
}
