#include <string.h>

#include <apr_strings.h>

#include "aten_flow_private.h"
#include "aten_identity_aten.h"
#include "aten_saml_request.h"
#include "aten_saml_response.h"

/* The assertion consumer service. A cross-site POST brings no cookie of ours, and none is trusted here: what the answer
 * says is judged, sealed, and sent on to /saml/done, where the browser shows whether it began this login. */

#define REMEMBERED_LONGER apr_time_from_sec(86400)

/* What /saml/done gets to know in its address: which login, which try, and the profile to begin anew with. */
static aten_answer_t *to_done(const aten_turn_t *turn, const aten_portal_t *portal, const char *nonce, int retry)
{
    const aten_profile_t *profile = aten_site_profile_of_portal(turn->site, portal, turn->env->now);
    const char *params[] = {"state", NULL, NULL};
    aten_pending_t login = {0};

    apr_cpystrn(login.nonce, nonce, sizeof(login.nonce));
    login.profile = profile ? profile->id : "-"; /* none by now: the pending login still says where to go on */
    params[1] = aten_pending_state(&login, retry, turn->p);
    return aten_answer_redirect(turn, apr_pstrcat(turn->p, turn->site->base->url,
                                                  aten_own_url(turn, "/saml/done", params), NULL));
}

/* Not believed and no error: /saml/done finds no result, and goes on with the live session or asks anew. */
static aten_answer_t *not_believed(const aten_turn_t *turn, const aten_portal_t *portal, const aten_state_t *relay,
                                   aten_verdict_t verdict, const char *why)
{
    aten_answer_t *answer;
    char nonce[24];

    if (!relay->nonce && !aten_nonce_make(nonce, turn->env->random, turn->env->random_baton)) {
        return aten_answer_error(turn, ATEN_V_INTERNAL, "no random bytes", NULL);
    }
    answer = to_done(turn, portal, relay->nonce ? relay->nonce : nonce, relay->retry);
    answer->verdict = verdict;
    answer->level = ATEN_LOG_INFO;
    answer->why = aten_said_of_portal(turn, portal, why);
    return answer;
}

/* What is used up when the login ends, at /saml/done. Remembered for a day longer than the answer could be used again:
 * until then a clock that is set back finds it remembered. @return 1, or 0 if a hash failed */
static int make_once(aten_result_once_t *once, const aten_saml_answer_t *saml)
{
    const char *assertion[] = {saml->portal->entity_id, saml->assertion_id, NULL};
    const char *response[] = {saml->portal->entity_id, saml->response_id, NULL};

    memset(once, 0, sizeof(*once));
    once->until = saml->valid_until + REMEMBERED_LONGER;
    once->count = saml->response_id ? 2 : 1;
    return aten_store_key(&once->keys[0], "assertion", assertion)
           && (once->count == 1 || aten_store_key(&once->keys[1], "response", response));
}

/* Was the answer used before? Nothing is written yet: whoever has no login that waits for it uses nothing up. */
static aten_verdict_t look(const aten_turn_t *turn, const aten_result_once_t *once, const char **why)
{
    aten_once_t keys = {0};
    int i;

    for (i = 0; i < once->count; i++) aten_end_once(&keys, &once->keys[i], once->until);
    return aten_end_look(turn, &keys, ATEN_V_SAML_REPLAYED, why);
}

/* Who the person is, and whether this portal may say so. */
static aten_verdict_t identify(const aten_turn_t *turn, const aten_saml_answer_t *saml, aten_identity_t *identity,
                               const char **why)
{
    aten_verdict_t verdict = aten_identity_user(&identity->user, saml->attributes, why, turn->p);

    identity->attributes = saml->attributes;
    return verdict == ATEN_V_OK ? aten_portal_allows(saml->portal, identity, why, turn->p) : verdict;
}

/* The session that will be granted, if this browser is the one. @param retry which try was answered */
static aten_answer_t *send_result(const aten_turn_t *turn, const aten_saml_answer_t *saml, const char *nonce, int retry,
                                  int unsolicited, aten_identity_t *identity, const aten_result_once_t *once)
{
    const aten_env_t *env = turn->env;
    aten_result_place_t place = aten_turn_result_place(turn);
    aten_session_t *session;
    aten_answer_t *answer;
    aten_verdict_t verdict;
    const char *cookie;
    int needed = 0;

    identity->attributes = aten_identity_aten_by_need(saml->attributes, &needed, turn->p);
    session = aten_session_make(ATEN_BACKEND_ATEN, saml->portal->entity_id,
                                aten_session_credential(&saml->subject, turn->p), NULL, identity, env->now,
                                &turn->site->last, env->random, env->random_baton, turn->p);
    if (!session) return aten_answer_error(turn, ATEN_V_INTERNAL, "no random bytes", NULL);
    session->subject = &saml->subject;
    if (saml->session_end && saml->session_end < session->end) session->end = saml->session_end;
    verdict = aten_result_store(&place, session, needed, nonce, unsolicited, once, env->random, env->random_baton,
                                &cookie, turn->p);
    if (verdict != ATEN_V_OK) {
        return aten_answer_error(turn, verdict,
                                 aten_said_of_portal(turn, saml->portal, "the answer cannot be sealed"), NULL);
    }
    answer = to_done(turn, saml->portal, nonce, retry);
    APR_ARRAY_PUSH(answer->cookies, const char *) = cookie;
    return answer;
}

static aten_answer_t *accept_answer(const aten_turn_t *turn, const aten_saml_answer_t *saml, const aten_state_t *relay)
{
    const aten_unsolicited_t rule = aten_unsolicited_for(turn->site->unsolicited, saml->portal);
    const char *nonce = NULL, *why = NULL;
    aten_identity_t identity = {0};
    aten_result_once_t once;
    aten_verdict_t verdict;
    int retry = 0;
    char fresh[24];

    if (saml->in_response_to) {
        nonce = aten_saml_request_nonce(saml->in_response_to, &retry, turn->p);
        if (!nonce) {
            return aten_answer_error(turn, ATEN_V_SAML_IN_RESPONSE_TO,
                                     aten_said_of_portal(turn, saml->portal, "InResponseTo is no request of ours"),
                                     NULL);
        }
    }
    else if (rule == ATEN_UNSOLICITED_OFF) {
        return aten_answer_error(turn, ATEN_V_SAML_UNSOLICITED,
                                 aten_said_of_portal(turn, saml->portal, "AtenPortalUnsolicited is off"), NULL);
    }
    else if (rule == ATEN_UNSOLICITED_RESTART) {
        return not_believed(turn, saml->portal, relay, ATEN_V_SAML_UNSOLICITED, "a fresh request is made");
    }
    verdict = identify(turn, saml, &identity, &why);
    if (verdict == ATEN_V_OK && !make_once(&once, saml)) verdict = ATEN_V_INTERNAL;
    if (verdict == ATEN_V_OK) verdict = look(turn, &once, &why);
    if (verdict == ATEN_V_SAML_REPLAYED) return not_believed(turn, saml->portal, relay, verdict, NULL);
    if (verdict != ATEN_V_OK) {
        return aten_answer_error(turn, verdict, aten_said_of_portal(turn, saml->portal, why), NULL);
    }
    if (!nonce && !aten_nonce_make(fresh, turn->env->random, turn->env->random_baton)) {
        return aten_answer_error(turn, ATEN_V_INTERNAL, "no random bytes", NULL);
    }
    return send_result(turn, saml, nonce ? nonce : fresh, retry, !nonce, &identity, &once);
}

static aten_saml_expect_t expectations(const aten_turn_t *turn)
{
    const aten_site_t *site = turn->site;
    const aten_env_t *env = turn->env;
    aten_saml_expect_t expect = {
        site->portals, env->metadata_of(env->metadata_baton), site->self.service ? site->self.service->keys : NULL,
        site->self.acs, site->self.service_id, site->clock_skew, env->now,
    };

    return expect;
}

static aten_answer_t *judge(const aten_turn_t *turn, const char *base64, const char *relay_state)
{
    aten_saml_expect_t expect = expectations(turn);
    const aten_portal_t *portal = NULL;
    aten_state_t relay = {0};
    aten_saml_answer_t *saml;
    const char *text, *why = NULL;
    apr_size_t len;
    aten_verdict_t verdict = aten_saml_response_decode(base64, &text, &len, turn->p);

    if (!aten_pending_relay_parse(&relay, relay_state, turn->p)) memset(&relay, 0, sizeof(relay));
    if (verdict == ATEN_V_OK) {
        verdict = aten_saml_response_read(&saml, &expect, text, len, &portal, &why, turn->p);
    }
    if (verdict == ATEN_V_OK) return accept_answer(turn, saml, &relay);
    /* It comes late: a page that was left open, the button "back". Once more, unless that was tried already. */
    if (verdict == ATEN_V_SAML_EXPIRED && portal && !relay.retry) {
        return not_believed(turn, portal, &relay, verdict, why);
    }
    return aten_answer_portal_error(turn, verdict, aten_said_of_portal(turn, portal, why));
}

aten_answer_t *aten_saml_acs(const aten_turn_t *turn)
{
    static const char *const wanted[] = {"SAMLResponse", "RelayState", NULL};
    const char *which, *base64;
    apr_table_t *params;
    const aten_verdict_t verdict = aten_turn_form(turn, wanted, &params, &which);

    if (verdict != ATEN_V_OK) return aten_answer_error(turn, verdict, which, NULL);
    base64 = apr_table_get(params, "SAMLResponse");
    if (!base64) return aten_answer_error(turn, ATEN_V_PARAM_MALFORMED, "SAMLResponse is missing", NULL);
    return judge(turn, base64, apr_table_get(params, "RelayState"));
}
