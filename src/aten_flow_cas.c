#include <apr_escape.h>
#include <apr_strings.h>

#include "aten_flow_private.h"
#include "aten_identity_aten.h"

/* Read at the end of a login as at its start: the profile, its way, the server and the path may have changed since. */
static const aten_cas_server_t *server_still(const aten_turn_t *turn, const aten_pending_t *pending,
                                             const aten_profile_t *profile)
{
    const aten_cas_server_t *server = aten_site_cas_by_key(turn->site, pending->backend_key);

    if (!server || !profile || pending->backend != ATEN_BACKEND_CAS) return NULL;
    return aten_site_cas_server(turn->site, aten_profile_way(profile, turn->env->now)) == server ? server : NULL;
}

static char *random_id(const aten_turn_t *turn)
{
    unsigned char bytes[16];

    if (turn->env->random(turn->env->random_baton, bytes, sizeof(bytes)) != APR_SUCCESS) return NULL;
    return apr_pstrcat(turn->p, "_", apr_pescape_hex(turn->p, bytes, sizeof(bytes), 0), NULL);
}

/* The validation of one ticket, from its start to its end. */
typedef struct {
    const aten_cas_server_t *server;
    const char *ticket;
    const aten_state_t *state;
    const aten_pending_t *pending;
    aten_store_key_t login_key;
    aten_once_t once;
} validation_t;

static aten_answer_t *judge(const aten_turn_t *turn, validation_t *v, const aten_cas_answer_t *cas)
{
    const aten_env_t *env = turn->env;
    const aten_site_t *site = turn->site;
    aten_identity_t identity = {cas->user, NULL};
    aten_session_t *session;
    aten_answer_t *answer;
    int needed = 0;

    identity.attributes = aten_attributes_by_need(cas->attributes, site->populations, site->fields, &needed, turn->p);
    session = aten_session_make(ATEN_BACKEND_CAS, v->server->url, v->ticket, v->pending->profile, &identity, env->now,
                                &site->last, env->random, env->random_baton, turn->p);
    if (!session) return aten_answer_error(turn, ATEN_V_INTERNAL, "no random bytes", v->pending->to);
    v->once.writes[v->once.count++] = aten_ended_known(session);
    answer = aten_end_judge(turn, session, needed, &v->once, v->pending->to, "CAS");
    if (!answer) return aten_end_nothing_pending(turn, v->state, v->pending);
    if (site->populations_matter && !aten_population_of(site->populations, cas->attributes, turn->p)->nelts) {
        answer->unknown_user = cas->user;
    }
    return answer;
}

static char *service_of(const aten_turn_t *turn, const validation_t *v)
{
    const char *params[] = {"state", aten_pending_state(v->pending, v->state->retry, turn->p), NULL};

    return aten_cas_address(turn, params);
}

/* Ask the server. A logout of the ticket may arrive from now on. */
static aten_answer_t *validate(const aten_turn_t *turn, validation_t *v)
{
    const aten_env_t *env = turn->env;
    const aten_pending_t *pending = v->pending;
    const char *id = random_id(turn), *why = NULL;
    aten_cas_answer_t *cas;
    aten_verdict_t verdict;

    if (!id) return aten_answer_error(turn, ATEN_V_INTERNAL, "no random bytes", pending->to);
    env->store->expect(env->store->baton, &v->login_key, env->now);
    verdict = aten_cas_validate(v->server, service_of(turn, v), v->ticket, pending->renew, id, env->now, env->http,
                                env->http_baton, &cas, &why, turn->p);
    /* A ticket that the server no longer knows came late or twice: once more, and its session answers by itself. */
    if (verdict == ATEN_V_CAS_TICKET_REFUSED && !v->state->retry) {
        return aten_end_begin_again(turn, v->state->profile, pending, 1);
    }
    if (verdict != ATEN_V_OK) return aten_answer_error(turn, verdict, why, pending->to);
    /* An application that knows people by REMOTE_USER must not take one of CAS for one of a portal. */
    if (turn->site->portals->nelts && aten_identity_looks_made(cas->user)) {
        return aten_answer_error(turn, ATEN_V_CAS_USER, "it begins with eleve: or parent:, as the names of people who "
                                 "come by a portal do", pending->to);
    }
    return judge(turn, v, cas);
}

static aten_answer_t *finish(const aten_turn_t *turn, const aten_state_t *state, const char *ticket,
                             const aten_pending_t *pending)
{
    const aten_profile_t *profile = aten_profile_find(turn->site->profiles, pending->profile);
    validation_t v = {.server = server_still(turn, pending, profile), .ticket = ticket, .state = state,
                      .pending = pending};
    const char *why = NULL;
    aten_answer_t *answer;
    aten_verdict_t verdict;

    if (!v.server) return aten_end_begin_again(turn, state->profile, pending, 1);
    aten_end_once_login(&v.once, pending->nonce, pending->begun);
    /* Looked at first, noted only when the ticket is good: who sends invented ones writes nothing. */
    verdict = aten_end_look(turn, &v.once, ATEN_V_PENDING_USED, &why);
    if (verdict == ATEN_V_PENDING_USED) return aten_end_nothing_pending(turn, state, pending);
    if (verdict == ATEN_V_OK
        && !aten_ended_login_key(&v.login_key, ATEN_BACKEND_CAS, v.server->url, ticket)) {
        verdict = ATEN_V_INTERNAL;
    }
    if (verdict != ATEN_V_OK) return aten_answer_error(turn, verdict, why, pending->to);
    v.once.validation = aten_validations_begin(turn->env->validations, &v.login_key, turn->env->now);
    answer = validate(turn, &v);
    aten_validations_finish(turn->env->validations, v.once.validation);
    return answer;
}

aten_answer_t *aten_cas_return(const aten_turn_t *turn)
{
    static const char *const wanted[] = {"state", "ticket", "logout", NULL};
    apr_array_header_t *cookies = apr_array_make(turn->p, 2, sizeof(const char *));
    aten_pending_place_t place = aten_turn_pending_place(turn);
    const char *which, *ticket;
    aten_pending_t *pending = NULL;
    aten_state_t state = {0};
    aten_answer_t *answer;
    apr_table_t *params;
    aten_verdict_t verdict = aten_params(&params, turn->request->query, wanted, &which, turn->p);

    if (verdict != ATEN_V_OK) return aten_answer_error(turn, verdict, which, NULL);
    if (apr_table_get(params, "logout")) return aten_cas_logged_out(turn, apr_table_get(params, "logout"));
    ticket = apr_table_get(params, "ticket");
    if (ticket && aten_cas_ticket_check(ticket) != ATEN_V_OK) {
        return aten_answer_error(turn, ATEN_V_TICKET_MALFORMED, NULL, NULL);
    }
    if (!aten_pending_state_parse(&state, apr_table_get(params, "state"), turn->p)) {
        return aten_end_nothing_pending(turn, &state, NULL);
    }
    verdict = aten_pending_take(&place, state.nonce, turn->request->cookies, turn->env->now, &pending, cookies,
                                turn->p);
    if (verdict == ATEN_V_PENDING_EXPIRED) answer = aten_end_begin_again(turn, state.profile, pending, 0);
    else if (verdict != ATEN_V_OK) return aten_end_nothing_pending(turn, &state, NULL);
    /* Without a ticket the person turned back at the CAS page. */
    else if (!ticket) answer = aten_answer_to_chooser(turn, pending->to, pending->renew);
    else answer = finish(turn, &state, ticket, pending);
    return aten_end_with_cookies(turn, cookies, answer);
}
