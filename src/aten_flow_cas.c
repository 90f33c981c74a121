#include <apr_escape.h>
#include <apr_strings.h>

#include "aten_cookie.h"
#include "aten_flow_private.h"

/* The cookies that take the pending login away go first: the answer may put a new one into the same place. */
static aten_answer_t *with_cookies(const aten_turn_t *turn, const apr_array_header_t *cookies, aten_answer_t *answer)
{
    answer->cookies = apr_array_append(turn->p, cookies, answer->cookies);
    return answer;
}

/* An answer that comes late, twice, or with no pending login is never believed and never an error: the live session
 * goes on, or one fresh request goes to the same backend, whose own session answers without a screen. */
static aten_answer_t *begin_again(const aten_turn_t *turn, const aten_state_t *state, const char *to, int retry)
{
    const aten_profile_t *profile = aten_profile_find(turn->site->profiles, state->profile);
    const aten_place_t *place;

    if (turn->request->person) {
        return aten_answer_redirect(turn, apr_pstrcat(turn->p, turn->site->base->url, to ? to : turn->site->home,
                                                      NULL));
    }
    if (!to) to = profile && profile->home ? profile->home : turn->site->home;
    if (!profile) return aten_answer_to_chooser(turn, to);
    place = turn->env->place_of(turn->env->place_baton, to);
    return aten_login_begin(turn, place, profile, to, 0, retry);
}

static aten_answer_t *nothing_pending(const aten_turn_t *turn, const aten_state_t *state)
{
    if (state->retry && !turn->request->person) {
        return aten_answer_error(turn, ATEN_V_COOKIES_REFUSED, "no pending login, at the second try", NULL);
    }
    return begin_again(turn, state, NULL, 1);
}

/* Read at the end of a login as at its start: the profile, its way, the server and the path may have changed since. */
static const aten_cas_server_t *server_still(const aten_turn_t *turn, const aten_pending_t *pending,
                                             const aten_profile_t *profile)
{
    const aten_cas_server_t *server = aten_site_cas_by_key(turn->site, pending->backend_key);

    if (!server || !profile) return NULL;
    return aten_site_cas_server(turn->site, aten_profile_way(profile, turn->env->now)) == server ? server : NULL;
}

static char *random_id(const aten_turn_t *turn)
{
    unsigned char bytes[16];

    if (turn->env->random(turn->env->random_baton, bytes, sizeof(bytes)) != APR_SUCCESS) return NULL;
    return apr_pstrcat(turn->p, "_", apr_pescape_hex(turn->p, bytes, sizeof(bytes), 0), NULL);
}

/* Attributes that no application will see, because their variables would have the same name. */
static const char *said_of_clashes(const aten_turn_t *turn, const aten_identity_t *identity)
{
    apr_array_header_t *none = apr_array_make(turn->p, 0, sizeof(const aten_population_t *));
    const char *clashes = NULL;

    aten_identity_variables(identity, "", none, turn->site->fields, &clashes, turn->p);
    return clashes ? apr_pstrcat(turn->p, ", not exported because their ATEN_ATTR_ names are the same: ", clashes, NULL)
                   : "";
}

/* The session's cookie and the way to where the person wanted to go. */
static aten_answer_t *grant(const aten_turn_t *turn, const aten_cas_server_t *server, const char *ticket,
                            const aten_pending_t *pending, aten_identity_t *identity, int needed)
{
    const aten_env_t *env = turn->env;
    const aten_site_t *site = turn->site;
    aten_session_t *session = aten_session_make(ATEN_BACKEND_CAS, server->url, ticket, pending->profile, identity,
                                                env->now, &site->last, env->random, env->random_baton, turn->p);
    aten_answer_t *answer;
    aten_verdict_t verdict;
    char *value;

    if (!session) return aten_answer_error(turn, ATEN_V_INTERNAL, "no random bytes", pending->to);
    verdict = aten_session_seal(&value, session, needed, env->keys, &site->bind, env->random, env->random_baton,
                                turn->p);
    if (verdict != ATEN_V_OK) return aten_answer_error(turn, verdict, "the session cannot be sealed", pending->to);
    answer = aten_answer_redirect(turn, apr_pstrcat(turn->p, site->base->url, pending->to, NULL));
    APR_ARRAY_PUSH(answer->cookies, const char *) =
        aten_cookie_set(site->cookie_name, value, site->base->https, site->cookie_domain, -1, turn->p);
    answer->level = ATEN_LOG_INFO;
    answer->why = apr_pstrcat(turn->p, "login by CAS, profile ", pending->profile, ", user ",
                              aten_log_text(turn->p, identity->user, 128),
                              session->attributes_left_out ? ", some attributes did not fit into the session" : "",
                              said_of_clashes(turn, identity), NULL);
    return answer;
}

/* Who has just proved who they are: let in at the path that they asked for? If not, no session is made at all. */
static aten_answer_t *judge(const aten_turn_t *turn, const aten_cas_server_t *server, const char *ticket,
                            const aten_pending_t *pending, const aten_cas_answer_t *cas)
{
    const aten_site_t *site = turn->site;
    const aten_place_t *place = turn->env->place_of(turn->env->place_baton, pending->to);
    aten_session_t session = {0};
    aten_person_t person = {&session, NULL};
    aten_request_t request = *turn->request;
    aten_standing_t standing;
    aten_answer_t *answer;
    aten_verdict_t verdict;
    int needed = 0;

    session.backend = ATEN_BACKEND_CAS;
    session.profile = pending->profile;
    session.identity.user = cas->user;
    session.identity.attributes = aten_attributes_by_need(cas->attributes, site->populations, site->fields, &needed,
                                                          turn->p);
    person.populations = aten_population_of(site->populations, cas->attributes, turn->p);
    verdict = aten_flow_admit(place, &person, turn->env->now, &standing, turn->p);
    if (verdict != ATEN_V_OK) {
        request.person = &person;
        request.uri = pending->to;
        answer = aten_flow_refuse(turn->env, site, place, &request, verdict, &standing, turn->p);
    }
    else {
        answer = grant(turn, server, ticket, pending, &session.identity, needed);
    }
    if (site->populations_matter && !person.populations->nelts) answer->unknown_user = cas->user;
    return answer;
}

static aten_answer_t *finish(const aten_turn_t *turn, const aten_state_t *state, const char *ticket,
                             const aten_pending_t *pending)
{
    const aten_profile_t *profile = aten_profile_find(turn->site->profiles, pending->profile);
    const aten_cas_server_t *server = server_still(turn, pending, profile);
    const char *params[] = {"state", aten_pending_state(pending, state->retry, turn->p), NULL};
    const char *service = aten_url_with(turn->p, apr_pstrcat(turn->p, turn->site->base->url, turn->site->path, NULL),
                                        "/cas", params);
    const char *id = random_id(turn), *why = NULL;
    aten_cas_answer_t *cas;
    aten_verdict_t verdict;

    if (!server) return begin_again(turn, state, pending->to, 1);
    if (!id) return aten_answer_error(turn, ATEN_V_INTERNAL, "no random bytes", pending->to);
    verdict = aten_cas_validate(server, service, ticket, pending->renew, id, turn->env->now, turn->env->http,
                                turn->env->http_baton, &cas, &why, turn->p);
    /* A ticket that the server no longer knows came late or twice: once more, and its session answers by itself. */
    if (verdict == ATEN_V_CAS_TICKET_REFUSED && !state->retry) return begin_again(turn, state, pending->to, 1);
    if (verdict != ATEN_V_OK) return aten_answer_error(turn, verdict, why, pending->to);
    return judge(turn, server, ticket, pending, cas);
}

aten_answer_t *aten_cas_return(const aten_turn_t *turn)
{
    static const char *const wanted[] = {"state", "ticket", NULL};
    apr_array_header_t *cookies = apr_array_make(turn->p, 2, sizeof(const char *));
    aten_pending_place_t place = aten_turn_pending_place(turn);
    const char *which, *ticket;
    aten_pending_t *pending = NULL;
    aten_state_t state = {0};
    apr_table_t *params;
    aten_verdict_t verdict = aten_params(&params, turn->request->query, wanted, &which, turn->p);

    if (verdict != ATEN_V_OK) return aten_answer_error(turn, verdict, which, NULL);
    ticket = apr_table_get(params, "ticket");
    if (ticket && aten_cas_ticket_check(ticket) != ATEN_V_OK) {
        return aten_answer_error(turn, ATEN_V_TICKET_MALFORMED, NULL, NULL);
    }
    if (!aten_pending_state_parse(&state, apr_table_get(params, "state"), turn->p)) {
        return nothing_pending(turn, &state);
    }
    verdict = aten_pending_take(&place, state.nonce, turn->request->cookies, turn->env->now, &pending, cookies,
                                turn->p);
    if (verdict == ATEN_V_PENDING_EXPIRED) {
        return with_cookies(turn, cookies, begin_again(turn, &state, pending->to, 0));
    }
    if (verdict != ATEN_V_OK) return nothing_pending(turn, &state);
    /* Without a ticket the person turned back at the CAS page. */
    if (!ticket) return with_cookies(turn, cookies, aten_answer_to_chooser(turn, pending->to));
    return with_cookies(turn, cookies, finish(turn, &state, ticket, pending));
}
