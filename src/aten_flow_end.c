#include <string.h>

#include <apr_strings.h>

#include "aten_cookie.h"
#include "aten_flow_private.h"
#include "aten_session_variables.h"

aten_answer_t *aten_end_with_cookies(const aten_turn_t *turn, const apr_array_header_t *cookies, aten_answer_t *answer)
{
    answer->cookies = apr_array_append(turn->p, cookies, answer->cookies);
    return answer;
}

aten_answer_t *aten_end_begin_again(const aten_turn_t *turn, const char *id, const aten_pending_t *pending, int retry)
{
    const aten_profile_t *profile = aten_profile_find(turn->site->profiles, id);
    const char *to = pending ? pending->to : NULL;
    const aten_place_t *place;

    if (turn->request->person) {
        return aten_answer_redirect(turn, apr_pstrcat(turn->p, turn->site->base->url, to ? to : turn->site->home,
                                                      NULL));
    }
    if (!to) to = profile && profile->home ? profile->home : turn->site->home;
    if (!profile) return aten_answer_to_chooser(turn, to, pending && pending->renew);
    place = turn->env->place_of(turn->env->place_baton, to);
    return aten_login_begin(turn, place, profile, to, pending && pending->renew, retry);
}

aten_answer_t *aten_end_nothing_pending(const aten_turn_t *turn, const aten_state_t *state,
                                        const aten_pending_t *pending)
{
    if (state->retry && !turn->request->person) {
        return aten_answer_error(turn, ATEN_V_COOKIES_REFUSED, "no pending login, at the second try",
                                 pending ? pending->to : NULL);
    }
    return aten_end_begin_again(turn, state->profile, pending, 1);
}

void aten_end_once(aten_once_t *once, const aten_store_key_t *key, apr_time_t until)
{
    const int room = (int)(sizeof(once->writes) / sizeof(once->writes[0]));

    if (once->count == room) once->failed = 1;
    else once->writes[once->count++] = (aten_store_write_t){*key, 0, until, 0, 0};
}

void aten_end_once_login(aten_once_t *once, const char *nonce, apr_time_t begun)
{
    const char *parts[] = {nonce, NULL};
    aten_store_key_t key;

    if (!aten_store_key(&key, "login", parts)) once->failed = 1;
    aten_end_once(once, &key, begun + apr_time_from_sec(ATEN_PENDING_KEPT_SECONDS));
}

static aten_verdict_t store_failed(const aten_turn_t *turn, apr_status_t rv, const char **why)
{
    char message[128];

    *why = apr_pstrdup(turn->p, apr_strerror(rv, message, sizeof(message)));
    return ATEN_V_STORE;
}

static aten_verdict_t store_missing(const char **why)
{
    *why = "it could not be opened";
    return ATEN_V_STORE;
}

aten_verdict_t aten_end_look(const aten_turn_t *turn, const aten_once_t *once, aten_verdict_t used, const char **why)
{
    const aten_store_t *store = turn->env->store;
    aten_store_key_t keys[ATEN_STORE_READ_MAX];
    apr_time_t values[ATEN_STORE_READ_MAX];
    apr_status_t rv;
    int i;

    if (!store) return store_missing(why);
    for (i = 0; i < once->count; i++) keys[i] = once->writes[i].key;
    rv = store->read(store->baton, keys, once->count, values, turn->env->now);
    if (rv != APR_SUCCESS) return store_failed(turn, rv, why);
    for (i = 0; i < once->count; i++) {
        if (values[i] != ATEN_STORE_ABSENT) return used;
    }
    return ATEN_V_OK;
}

aten_verdict_t aten_end_write(const aten_turn_t *turn, const aten_store_write_t *writes, int count, aten_verdict_t used,
                              const char **why)
{
    const aten_store_t *store = turn->env->store;
    apr_status_t rv;

    if (!store) return store_missing(why);
    rv = store->write(store->baton, writes, count, turn->env->now);
    if (rv == APR_SUCCESS) return ATEN_V_OK;
    if (APR_STATUS_IS_EEXIST(rv)) return used;
    return store_failed(turn, rv, why);
}

aten_verdict_t aten_end_session(const aten_turn_t *turn, const char **why)
{
    const aten_request_t *request = turn->request;
    aten_store_write_t writes[2];
    int count = 0;

    if (!request->person) return ATEN_V_OK;
    writes[count++] = aten_ended_session(request->person->session, turn->env->now);
    /* What a neighbour domain planted must not come to light behind the one that goes. */
    if (request->second) writes[count++] = aten_ended_session(request->second, turn->env->now);
    return aten_end_write(turn, writes, count, ATEN_V_STORE, why);
}

/* Attributes that no application will see, because their variables would have the same name. */
static const char *said_of_clashes(const aten_turn_t *turn, const aten_session_t *session)
{
    apr_array_header_t *none = apr_array_make(turn->p, 0, sizeof(const aten_population_t *));
    const char *clashes = NULL;

    aten_session_variables(session, none, turn->site->fields, &clashes, turn->p);
    return clashes ? apr_pstrcat(turn->p, ", not exported because their ATEN_ATTR_ names are the same: ", clashes, NULL)
                   : "";
}

/* The session's cookie and the way to where the person wanted to go. */
static aten_answer_t *grant(const aten_turn_t *turn, aten_session_t *session, int needed, const char *to,
                            const char *by)
{
    const aten_env_t *env = turn->env;
    const aten_site_t *site = turn->site;
    aten_answer_t *answer;
    char *value;
    aten_verdict_t verdict = aten_session_seal(&value, session, needed, env->keys, &site->bind, env->random,
                                               env->random_baton, turn->p);

    if (verdict != ATEN_V_OK) return aten_answer_error(turn, verdict, "the session cannot be sealed", to);
    answer = aten_answer_redirect(turn, apr_pstrcat(turn->p, site->base->url, to, NULL));
    APR_ARRAY_PUSH(answer->cookies, const char *) =
        aten_cookie_set(site->cookie_name, value, site->base->https, site->cookie_domain, -1, turn->p);
    answer->level = ATEN_LOG_INFO;
    answer->why = apr_pstrcat(turn->p, "login by ", by, ", profile ", session->profile, ", ",
                              aten_said_of_person(turn, session),
                              session->attributes_left_out ? ", some attributes did not fit into the session" : "",
                              said_of_clashes(turn, session), NULL);
    return answer;
}

/* A logout of this very login that arrived while it was being validated, or a mark that was set meanwhile. Asked when
 * the login is noted: a logout from now on finds it there. */
static aten_verdict_t was_ended(const aten_turn_t *turn, const aten_session_t *session, aten_once_t *once)
{
    const aten_store_key_t *login_key = (const aten_store_key_t *)session->login_key;
    const apr_uint64_t place = once->validation;
    aten_ended_keys_t keys;
    aten_store_write_t write;
    const char *why;

    once->validation = 0;
    if (aten_validations_finish(turn->env->validations, place)) {
        write = aten_ended_login(login_key, turn->site->longest, turn->env->now);
        aten_end_write(turn, &write, 1, ATEN_V_STORE, &why); /* no cookie is given in any case */
        return ATEN_V_SESSION_ENDED;
    }
    if (!aten_ended_keys(&keys, session)) return ATEN_V_INTERNAL;
    return aten_ended_check(turn->env->store, &keys, session, turn->env->now, NULL);
}

/* All that the login uses up, and the end of the session that it replaces, in one write. */
static aten_verdict_t note(const aten_turn_t *turn, const aten_once_t *once, int replaces, const char **why)
{
    aten_store_write_t writes[ATEN_STORE_WRITE_MAX];
    int count = once->count;

    if (once->failed || !count) {
        *why = "a hash failed";
        return ATEN_V_INTERNAL;
    }
    memcpy(writes, once->writes, sizeof(writes[0]) * (size_t)count);
    if (replaces && turn->request->person) {
        writes[count++] = aten_ended_session(turn->request->person->session, turn->env->now);
    }
    return aten_end_write(turn, writes, count, ATEN_V_PENDING_USED, why);
}

aten_answer_t *aten_end_judge(const aten_turn_t *turn, aten_session_t *session, int needed, aten_once_t *once,
                              const char *to, const char *by)
{
    const aten_place_t *place = turn->env->place_of(turn->env->place_baton, to);
    const aten_person_t person = {session, aten_site_populations_of(turn->site, session, turn->p)};
    aten_request_t request = *turn->request;
    const char *why = NULL;
    aten_standing_t standing;
    const aten_verdict_t admitted = aten_flow_admit(place, &person, turn->env->now, &standing, turn->p);
    aten_verdict_t verdict = note(turn, once, admitted == ATEN_V_OK, &why);

    if (verdict == ATEN_V_PENDING_USED) return NULL;
    if (verdict == ATEN_V_OK) verdict = was_ended(turn, session, once);
    if (verdict != ATEN_V_OK) return aten_answer_error(turn, verdict, why, to);
    if (admitted == ATEN_V_OK) return grant(turn, session, needed, to, by);
    request.person = &person;
    request.uri = to;
    return aten_flow_refuse(turn->env, turn->site, place, &request, admitted, &standing, turn->p);
}
