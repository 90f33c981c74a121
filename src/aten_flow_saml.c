#include <string.h>

#include <apr_strings.h>

#include "aten_cookie.h"
#include "aten_flow_private.h"
#include "aten_saml_request.h"

aten_result_place_t aten_turn_result_place(const aten_turn_t *turn)
{
    const aten_site_t *site = turn->site;
    aten_result_place_t place = {turn->env->keys, site->cookie_base, site->base->https, site->base->host,
                                 aten_own_url(turn, "/saml/done", NULL)};

    return place;
}

static char *request_url(const aten_turn_t *turn, const aten_place_t *place, const aten_saml_entity_t *entity,
                         const aten_pending_t *pending, int retry)
{
    const aten_site_t *site = turn->site;
    aten_saml_request_t request = {
        pending->nonce, entity->sso, site->self.acs, site->self.service_id,
        aten_pending_relay(pending, retry, turn->p), turn->env->now, pending->renew || place->force_authn,
        place->authn_contexts, aten_saml_self_key(&site->self), retry,
    };

    return aten_saml_request_url(&request, turn->p);
}

aten_answer_t *aten_saml_begin(const aten_turn_t *turn, const aten_place_t *place, const aten_portal_t *portal,
                               const aten_profile_t *profile, const char *to, int renew, int retry)
{
    const aten_env_t *env = turn->env;
    const aten_saml_entity_t *entity = aten_saml_metadata_find(env->metadata_of(env->metadata_baton),
                                                               portal->entity_id);
    aten_pending_place_t slots = aten_login_slots(turn);
    apr_array_header_t *cookies = apr_array_make(turn->p, 2, sizeof(const char *));
    aten_pending_t *pending;
    aten_answer_t *answer;
    const char *url, *why = NULL;
    aten_verdict_t verdict = aten_saml_entity_check(entity, env->now, &why, turn->p);

    if (verdict != ATEN_V_OK) {
        why = apr_pstrcat(turn->p, aten_log_text(turn->p, portal->entity_id, 256), ": ", why, NULL);
        return aten_answer_error(turn, verdict, why, to);
    }
    pending = aten_pending_make(ATEN_BACKEND_ATEN, portal->entity_id, profile->id, to, renew, env->now, env->random,
                                env->random_baton, turn->p);
    if (!pending) return aten_answer_error(turn, ATEN_V_INTERNAL, "no random bytes", to);
    pending->retry = retry;
    verdict = aten_pending_store(&slots, pending, turn->request->cookies, env->now, cookies, env->random,
                                 env->random_baton, turn->p);
    if (verdict != ATEN_V_OK) return aten_answer_error(turn, verdict, "the pending login cannot be sealed", to);
    url = request_url(turn, place, entity, pending, retry);
    if (!url) return aten_answer_error(turn, ATEN_V_INTERNAL, "the AuthnRequest cannot be made", to);
    answer = aten_answer_redirect(turn, url);
    return aten_login_with_cookies(turn, to, cookies, answer);
}

aten_answer_t *aten_saml_metadata_page(const aten_turn_t *turn)
{
    aten_answer_t *answer;
    char *text;

    text = aten_saml_service_metadata(&turn->site->self, turn->p);
    if (!text) return aten_answer_error(turn, ATEN_V_INTERNAL, "our metadata cannot be made", NULL);
    answer = aten_answer_make(turn, 200, ATEN_V_OK, ATEN_LOG_NONE);
    answer->content_type = "application/samlmetadata+xml";
    answer->body = text;
    return answer;
}
