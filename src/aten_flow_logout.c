#include <string.h>

#include <apr_strings.h>

#include "aten_cas_logout.h"
#include "aten_flow_private.h"
#include "aten_identity_aten.h"

/* Logouts that begin here, and CAS single logout. The session is ended in the store before anything is answered: the
 * cookie that the browser gives up may have copies. */

aten_leaving_place_t aten_turn_leaving_place(const aten_turn_t *turn, const char *page)
{
    const aten_site_t *site = turn->site;
    aten_leaving_place_t place = {turn->env->keys, site->cookie_base, site->base->https, site->base->host,
                                  aten_own_url(turn, page, NULL)};

    return place;
}

static aten_answer_t *ask(const aten_turn_t *turn, const char *to)
{
    const char *params[] = {"to", to, "confirm", aten_wish_token(turn), NULL};
    aten_page_t *page = aten_turn_page(turn, ATEN_T_LOGOUT_ASK_TITLE);

    aten_page_line(page, aten_say(turn, ATEN_T_LOGOUT_ASK_WHY, NULL));
    aten_page_button(page, aten_own_url(turn, "/logout", params), aten_say(turn, ATEN_T_LOGOUT_ASK_YES, NULL), 1);
    aten_page_button(page, turn->site->home, aten_say(turn, ATEN_T_LOGOUT_ASK_NO, NULL), 0);
    return aten_answer_page(turn, page, 200, ATEN_V_LOGOUT_FOREIGN, ATEN_LOG_DEBUG);
}

/* --- what was ended --- */

/* The texts that begin the page: what there was to end here. */
static aten_page_t *page_logged_out(const aten_turn_t *turn, aten_text_t first)
{
    aten_page_t *page = aten_turn_page(turn, ATEN_T_LOGGED_OUT_TITLE);

    aten_page_line(page, aten_say(turn, first, NULL));
    return page;
}

static aten_answer_t *finish_page(const aten_turn_t *turn, aten_page_t *page, aten_verdict_t verdict)
{
    aten_page_line(page, aten_say(turn, ATEN_T_LOGGED_OUT_WHY, NULL));
    aten_page_button(page, turn->site->home, aten_say(turn, ATEN_T_TO_HOME, NULL), 1);
    return aten_answer_page(turn, page, 200, verdict, verdict == ATEN_V_OK ? ATEN_LOG_NONE : ATEN_LOG_INFO);
}

/* Judged already: a path of this host, which alone begins with '/', or what aten_return_url let through. */
static aten_answer_t *go_to(const aten_turn_t *turn, const char *to)
{
    return aten_answer_redirect(turn, *to == '/' ? apr_pstrcat(turn->p, turn->site->base->url, to, NULL) : to);
}

aten_answer_t *aten_logged_out(const aten_turn_t *turn, const char *to, aten_verdict_t verdict, aten_text_t line)
{
    aten_page_t *page;

    if (to && verdict == ATEN_V_OK) return go_to(turn, to);
    page = page_logged_out(turn, ATEN_T_LOGGED_OUT_HERE);
    aten_page_line(page, aten_say(turn, line, NULL));
    if (to) aten_page_button(page, to, aten_say(turn, ATEN_T_CONTINUE, NULL), 0);
    return finish_page(turn, page, verdict);
}

/* Whoever is logged in (again), or whose logout does not wait for this, was sent here by somebody else. */
aten_answer_t *aten_cas_logged_out(const aten_turn_t *turn, const char *nonce)
{
    const aten_leaving_place_t place = aten_turn_leaving_place(turn, "/cas");
    apr_array_header_t *cookies = apr_array_make(turn->p, 1, sizeof(const char *));
    aten_leaving_t *leaving;

    if (turn->request->unknown != ATEN_V_OK) {
        return aten_answer_error(turn, turn->request->unknown, "the session cannot be judged", NULL);
    }
    if (turn->request->person) return go_to(turn, turn->site->home);
    if (aten_leaving_take(&place, nonce, turn->request->cookies, turn->env->now, &leaving, cookies, turn->p)
        != ATEN_V_OK) {
        return finish_page(turn, page_logged_out(turn, ATEN_T_LOGGED_OUT_NOBODY), ATEN_V_OK);
    }
    return aten_end_with_cookies(turn, cookies,
                                 aten_logged_out(turn, leaving->to, ATEN_V_OK, ATEN_T_LOGGED_OUT_CAS));
}

/* The browser forgets the session all the same; more cannot be promised. */
static aten_answer_t *not_ended(const aten_turn_t *turn, aten_verdict_t verdict, const char *why)
{
    aten_page_t *page = aten_turn_page(turn, ATEN_T_LOGOUT_FAILED_TITLE);
    aten_answer_t *answer;

    aten_page_line(page, aten_say(turn, ATEN_T_LOGOUT_FAILED_WHY, NULL));
    aten_page_button(page, turn->site->home, aten_say(turn, ATEN_T_TO_HOME, NULL), 0);
    answer = aten_answer_page(turn, page, 503, verdict, ATEN_LOG_ERROR);
    answer->why = why;
    apr_table_setn(answer->headers, "Retry-After", "5");
    aten_answer_end_session(turn, answer);
    return answer;
}

/* --- where a portal wants people sent afterwards --- */

/* The hosts of AtenReturnURLAllow, and those of the portal's own addresses. */
static const apr_array_header_t *return_hosts(const aten_turn_t *turn, const aten_portal_t *portal)
{
    const aten_site_t *site = turn->site;
    const aten_env_t *env = turn->env;
    const aten_saml_entity_t *entity = aten_saml_metadata_find(env->metadata_of(env->metadata_baton),
                                                               portal->entity_id);
    apr_array_header_t *hosts = apr_array_make(turn->p, 8, sizeof(const char *));
    const char *host, *why;
    int i;

    if (site->return_hosts) apr_array_cat(hosts, site->return_hosts);
    if (aten_saml_entity_check(entity, env->now, &why, turn->p) == ATEN_V_OK) {
        const char *const own[] = {entity->sso, entity->logout_redirect, entity->logout_redirect_response,
                                   entity->logout_post, entity->logout_post_response};

        for (i = 0; i < (int)(sizeof(own) / sizeof(own[0])); i++) {
            if (own[i] && !aten_url_host(&host, own[i], turn->p)) APR_ARRAY_PUSH(hosts, const char *) = host;
        }
    }
    return hosts;
}

/* FrEduUrlRetour of a session by a portal (DESIGN section 3).
 * @param passed_over for the log: why it leads nowhere, with its host at most @return NULL: nowhere */
static const char *return_url(const aten_turn_t *turn, const char **passed_over)
{
    const aten_session_t *session = turn->request->person->session;
    const apr_array_header_t *attributes = session->identity.attributes;
    const aten_portal_t *portal = aten_site_portal_by_key(turn->site, session->backend_key);
    const char *url = aten_known_value(attributes, ATEN_A_URL_RETOUR), *error = "has several values";

    if (session->backend != ATEN_BACKEND_ATEN || !portal) return NULL;
    if (!aten_known_attribute(attributes, ATEN_A_URL_RETOUR)) return NULL;
    if (url) error = aten_return_url(&url, url, return_hosts(turn, portal), turn->p);
    if (!error) return url;
    *passed_over = apr_pstrcat(turn->p, "; FrEduUrlRetour ", error, " (AtenReturnURLAllow)", NULL);
    return NULL;
}

/* --- /logout --- */

static const aten_cas_server_t *server_of_person(const aten_turn_t *turn)
{
    const aten_session_t *session = turn->request->person->session;

    if (session->backend != ATEN_BACKEND_CAS) return NULL;
    return aten_site_cas_by_key(turn->site, session->backend_key);
}

/* CAS sends the browser back to the address that its registry knows; where to go on from there waits in a cookie. */
static aten_answer_t *end_at_cas(const aten_turn_t *turn, const aten_cas_server_t *server, const char *to)
{
    const aten_env_t *env = turn->env;
    const aten_leaving_place_t place = aten_turn_leaving_place(turn, "/cas");
    const aten_leaving_t *leaving = aten_leaving_make(turn->request->person->session, to, env->now, env->random,
                                                      env->random_baton, turn->p);
    const char *params[] = {"logout", leaving ? leaving->nonce : "-", NULL}, *cookie = NULL;
    const char *url = aten_cas_logout_url(server, aten_cas_address(turn, params), turn->p);
    aten_answer_t *answer = aten_answer_redirect(turn, url);

    if (leaving && aten_leaving_store(&place, leaving, env->random, env->random_baton, &cookie, turn->p) == ATEN_V_OK) {
        APR_ARRAY_PUSH(answer->cookies, const char *) = cookie;
    }
    return answer;
}

static aten_answer_t *end_at_backend(const aten_turn_t *turn, const char *to)
{
    const aten_cas_server_t *server = server_of_person(turn);
    aten_answer_t *answer;

    if (server) return end_at_cas(turn, server, to);
    answer = aten_slo_begin(turn, to);
    return answer ? answer : aten_logged_out(turn, to, ATEN_V_OK, ATEN_T_LOGGED_OUT_PORTAL);
}

static aten_answer_t *nobody(const aten_turn_t *turn, const char *to)
{
    const aten_verdict_t unknown = turn->request->unknown;

    if (unknown != ATEN_V_OK) return not_ended(turn, unknown, "the session cannot be judged");
    if (to) return go_to(turn, to);
    return finish_page(turn, page_logged_out(turn, ATEN_T_LOGGED_OUT_NOBODY), ATEN_V_OK);
}

/* /logout?to=/path: ends the session here, everywhere and at once, and then at its backend. */
aten_answer_t *aten_logout_page(const aten_turn_t *turn)
{
    static const char *const wanted[] = {"to", "confirm", NULL};
    const char *which, *to, *why = NULL, *passed_over = "";
    apr_table_t *params;
    aten_answer_t *answer;
    aten_verdict_t verdict = aten_params(&params, turn->request->query, wanted, &which, turn->p);

    if (verdict != ATEN_V_OK) return aten_answer_error(turn, verdict, which, NULL);
    to = aten_return_path(apr_table_get(params, "to"), turn->site->path, turn->p);
    if (!turn->request->person) {
        if (turn->request->unknown != ATEN_V_OK && !aten_is_own_wish(turn, NULL)) return ask(turn, to);
        answer = nobody(turn, to);
        if (turn->request->unknown == ATEN_V_OK) aten_answer_end_session(turn, answer);
        return answer;
    }
    if (!aten_is_own_wish(turn, apr_table_get(params, "confirm"))) return ask(turn, to);
    verdict = aten_end_session(turn, &why);
    if (verdict != ATEN_V_OK) return not_ended(turn, verdict, why);
    answer = end_at_backend(turn, to ? to : return_url(turn, &passed_over));
    aten_answer_end_session(turn, answer);
    if (answer->level == ATEN_LOG_NONE) {
        answer->level = ATEN_LOG_INFO;
        answer->why = apr_pstrcat(turn->p, "logout, ", aten_said_of_person(turn, turn->request->person->session),
                                  passed_over, NULL);
    }
    return answer;
}

/* --- POST /cas: CAS single logout --- */

static aten_answer_t *plain(const aten_turn_t *turn, int status, aten_verdict_t verdict, aten_log_level_t level,
                            const char *why)
{
    aten_answer_t *answer = aten_answer_make(turn, status, verdict, level);

    answer->content_type = "text/plain; charset=utf-8";
    answer->why = why;
    if (status == 503) apr_table_setn(answer->headers, "Retry-After", "5");
    return answer;
}

typedef enum { TICKET_UNKNOWN, TICKET_KNOWN, TICKET_UNDER_WAY, TICKET_CANNOT_ASK } known_t;

/* The login may end between the look at the store and that at the validations under way: so, once more. */
static known_t look_for(const aten_turn_t *turn, const aten_store_key_t *key)
{
    const aten_store_t *store = turn->env->store;
    apr_status_t rv = APR_SUCCESS;
    apr_time_t value;
    int i;

    for (i = 0; i < 2; i++) {
        rv = store->find(store->baton, key, &value, turn->env->now);
        if (rv == APR_SUCCESS) return TICKET_KNOWN;
        if (APR_STATUS_IS_EINPROGRESS(rv)) return TICKET_UNDER_WAY;
        if (rv != APR_NOTFOUND && rv != APR_EAGAIN) return TICKET_CANNOT_ASK;
        if (!i && aten_validations_logout(turn->env->validations, key, turn->env->now)) return TICKET_UNDER_WAY;
    }
    return rv == APR_EAGAIN ? TICKET_CANNOT_ASK : TICKET_UNKNOWN;
}

/* Which of the site's servers sent it is not known, for anybody can send one. A ticket that no login here has brought
 * writes nothing. */
static aten_answer_t *end_ticket(const aten_turn_t *turn, const char *ticket)
{
    const apr_array_header_t *servers = turn->site->cas_servers;
    const char *why = NULL;
    aten_store_write_t write;
    aten_store_key_t key;
    int i, cannot = 0;

    for (i = 0; i < servers->nelts; i++) {
        const aten_cas_server_t *server = APR_ARRAY_IDX(servers, i, const aten_cas_server_t *);

        if (!aten_ended_login_key(&key, ATEN_BACKEND_CAS, server->url, ticket)) continue;
        switch (look_for(turn, &key)) {
        case TICKET_KNOWN:
            write = aten_ended_login(&key, turn->site->longest, turn->env->now);
            if (aten_end_write(turn, &write, 1, ATEN_V_STORE, &why) != ATEN_V_OK) {
                return plain(turn, 503, ATEN_V_STORE, ATEN_LOG_ERROR, why);
            }
            return plain(turn, 200, ATEN_V_SESSION_ENDED, ATEN_LOG_INFO, "by the CAS server's single logout");
        case TICKET_UNDER_WAY:
            return plain(turn, 200, ATEN_V_SESSION_ENDED, ATEN_LOG_INFO, "by the CAS server's single logout, while its "
                         "login was under way");
        case TICKET_CANNOT_ASK:
            cannot = 1;
            break;
        case TICKET_UNKNOWN:
            break;
        }
    }
    if (cannot) {
        return plain(turn, 503, ATEN_V_CAS_LOGOUT_UNKNOWN, ATEN_LOG_INFO, "the other servers cannot be asked at the "
                     "moment");
    }
    return plain(turn, 200, ATEN_V_CAS_LOGOUT_UNKNOWN, ATEN_LOG_DEBUG, NULL);
}

/* A program sent it: the verdict and its words are enough of an answer. */
static aten_answer_t *bad(const aten_turn_t *turn, aten_verdict_t verdict, const char *why)
{
    return plain(turn, verdict == ATEN_V_BODY_LARGE ? 413 : 400, verdict, ATEN_LOG_INFO, why);
}

aten_answer_t *aten_cas_logout_post(const aten_turn_t *turn)
{
    static const char *const wanted[] = {"logoutRequest", NULL};
    const char *which, *text, *ticket = NULL, *why = NULL;
    apr_table_t *params;
    aten_verdict_t verdict;

    if (!turn->site->cas_servers->nelts) return aten_answer_error(turn, ATEN_V_NOT_FOUND, NULL, NULL);
    verdict = aten_turn_form(turn, wanted, &params, &which);
    if (verdict != ATEN_V_OK) return bad(turn, verdict, which);
    text = apr_table_get(params, "logoutRequest");
    if (!text) return bad(turn, ATEN_V_CAS_LOGOUT, "there is no logoutRequest in it");
    verdict = aten_cas_logout_read(&ticket, text, strlen(text), &why, turn->p);
    if (verdict != ATEN_V_OK) return bad(turn, verdict, why);
    if (!turn->env->store) return plain(turn, 503, ATEN_V_STORE, ATEN_LOG_ERROR, "it could not be opened");
    return end_ticket(turn, ticket);
}
