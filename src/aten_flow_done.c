#include <apr_strings.h>

#include "aten_flow_private.h"

/* /saml/done: the result comes back with the browser's cookies, and the login ends only if this browser began it. */

/* Read at the end of a login as at its start: the profile and its way may have changed since. */
static const aten_portal_t *portal_still(const aten_turn_t *turn, const aten_pending_t *pending)
{
    const aten_portal_t *portal = aten_site_portal_by_key(turn->site, pending->backend_key);
    const aten_profile_t *profile = aten_profile_find(turn->site->profiles, pending->profile);

    if (!portal || !profile || pending->backend != ATEN_BACKEND_ATEN) return NULL;
    return aten_site_portal(turn->site, aten_profile_way(profile, turn->env->now)) == portal ? portal : NULL;
}

/* Did the portal do what the request asked for (saml-core 3.4.1: ForceAuthn; 3.3.2.2.1: RequestedAuthnContext)? */
static aten_verdict_t check_authn(const aten_turn_t *turn, const aten_place_t *place, const aten_pending_t *pending,
                                  const aten_saml_subject_t *subject, const char **why)
{
    const apr_interval_time_t skew = turn->site->clock_skew;

    if ((pending->renew || place->force_authn) && subject->authn_instant + skew < pending->begun) {
        *why = apr_psprintf(turn->p, "AuthnInstant is %" APR_TIME_T_FMT " seconds before the request",
                            apr_time_sec(pending->begun - subject->authn_instant));
        return ATEN_V_SAML_AUTHN_OLD;
    }
    if (place->authn_contexts && !aten_has(place->authn_contexts, subject->authn_context)) {
        *why = apr_pstrcat(turn->p, "AuthnContextClassRef is ", aten_log_text(turn->p, subject->authn_context, 256),
                           ", which AtenPortalAuthnContext does not name", NULL);
        return ATEN_V_SAML_AUTHN_CONTEXT;
    }
    return ATEN_V_OK;
}

/* What was answered is used up with the login: assertion and response by their IDs. */
static void add_answer(aten_once_t *once, const aten_result_once_t *answer)
{
    int i;

    for (i = 0; i < answer->count; i++) aten_end_once(once, &answer->keys[i], answer->until);
}

/* The same answer twice, and the other one was quicker. */
static aten_answer_t *replayed(const aten_turn_t *turn, const aten_state_t *state, const aten_pending_t *pending)
{
    aten_answer_t *answer = aten_end_nothing_pending(turn, state, pending);

    if (answer->level != ATEN_LOG_NONE) return answer;
    answer->verdict = ATEN_V_SAML_REPLAYED;
    answer->level = ATEN_LOG_INFO;
    return answer;
}

static aten_answer_t *finish(const aten_turn_t *turn, const aten_state_t *state, const aten_pending_t *pending,
                             aten_session_t *session, const aten_result_once_t *used)
{
    const aten_portal_t *portal = portal_still(turn, pending);
    const aten_place_t *place = turn->env->place_of(turn->env->place_baton, pending->to);
    const char *why = NULL;
    aten_once_t once = {0};
    aten_answer_t *answer;
    aten_verdict_t verdict;

    if (!portal) return aten_end_begin_again(turn, pending->profile, pending, 1);
    if (!aten_equal_secret(session->backend_key, pending->backend_key, sizeof(session->backend_key))) {
        return aten_answer_error(turn, ATEN_V_PENDING_OTHER, NULL, pending->to);
    }
    verdict = check_authn(turn, place, pending, session->subject, &why);
    if (verdict != ATEN_V_OK) return aten_answer_error(turn, verdict, why, pending->to);
    aten_end_once_login(&once, pending->nonce, pending->begun);
    add_answer(&once, used);
    session->profile = pending->profile;
    answer = aten_end_judge(turn, session, session->identity.attributes->nelts, &once, pending->to,
                            aten_said_of_portal(turn, portal, NULL));
    return answer ? answer : replayed(turn, state, pending);
}

/* Nobody here asked, and the administrator wants it believed all the same. */
static aten_answer_t *finish_unsolicited(const aten_turn_t *turn, const aten_state_t *state, aten_session_t *session,
                                         const aten_result_once_t *used)
{
    const aten_site_t *site = turn->site;
    const aten_portal_t *portal = aten_site_portal_by_key(site, session->backend_key);
    const aten_profile_t *profile = portal ? aten_site_profile_of_portal(site, portal, turn->env->now) : NULL;
    const char *to = profile && profile->home ? profile->home : site->home;
    aten_once_t once = {0};
    aten_answer_t *answer;

    /* Where each login has to be one anew (AtenPortalForceAuthn), one that nobody asked for is not. */
    if (!profile || aten_unsolicited_for(site->unsolicited, portal) != ATEN_UNSOLICITED_ACCEPT
        || turn->env->place_of(turn->env->place_baton, to)->force_authn) {
        return aten_end_nothing_pending(turn, state, NULL);
    }
    aten_end_once_login(&once, state->nonce, turn->env->now);
    add_answer(&once, used);
    session->profile = profile->id;
    answer = aten_end_judge(turn, session, session->identity.attributes->nelts, &once, to,
                            aten_said_of_portal(turn, portal, NULL));
    return answer ? answer : replayed(turn, state, NULL);
}

/* No result: the answer was not believed (late, twice), or the browser refuses the cookie that carries it. */
static aten_answer_t *without_result(const aten_turn_t *turn, const aten_state_t *state, const aten_pending_t *pending)
{
    aten_pending_place_t slots = aten_turn_pending_place(turn);

    /* A portal that says neither which request it answers nor gives our RelayState back. */
    if (!pending && !turn->request->person
        && aten_pending_tried_again(&slots, turn->request->cookies, turn->env->now, turn->p)) {
        return aten_answer_error(turn, ATEN_V_SAML_UNSOLICITED, "twice in a row: the portal's answers do not say which "
                                 "request they answer", NULL);
    }
    if (!pending) return aten_end_nothing_pending(turn, state, NULL);
    if (state->retry && !turn->request->person) {
        return aten_answer_error(turn, ATEN_V_COOKIES_REFUSED, "no result of the portal, at the second try",
                                 pending->to);
    }
    return aten_end_begin_again(turn, pending->profile, pending, 1);
}

aten_answer_t *aten_saml_done(const aten_turn_t *turn)
{
    static const char *const wanted[] = {"state", NULL};
    const char *header = turn->request->cookies, *which;
    apr_array_header_t *cookies = apr_array_make(turn->p, 2, sizeof(const char *));
    aten_pending_place_t slots = aten_turn_pending_place(turn);
    aten_result_place_t place = aten_turn_result_place(turn);
    const apr_time_t now = turn->env->now;
    aten_result_once_t used = {0};
    aten_session_t *session = NULL;
    aten_pending_t *pending = NULL;
    aten_state_t state = {0};
    aten_answer_t *answer;
    apr_table_t *params;
    int unsolicited = 0;
    aten_verdict_t verdict = aten_params(&params, turn->request->query, wanted, &which, turn->p);

    if (verdict != ATEN_V_OK) return aten_answer_error(turn, verdict, which, NULL);
    if (!aten_pending_state_parse(&state, apr_table_get(params, "state"), turn->p)) {
        return aten_end_nothing_pending(turn, &state, NULL);
    }
    if (aten_result_take(&place, state.nonce, header, now, &session, &unsolicited, &used, cookies, turn->p)
        != ATEN_V_OK) {
        session = NULL;
    }
    verdict = aten_pending_take(&slots, state.nonce, header, now, &pending, cookies, turn->p);
    if (session && unsolicited) answer = finish_unsolicited(turn, &state, session, &used);
    else if (verdict == ATEN_V_PENDING_EXPIRED) answer = aten_end_begin_again(turn, pending->profile, pending, 0);
    else if (!session) answer = without_result(turn, &state, pending);
    else if (verdict != ATEN_V_OK) answer = aten_end_nothing_pending(turn, &state, NULL);
    else answer = finish(turn, &state, pending, session, &used);
    return aten_end_with_cookies(turn, cookies, answer);
}
