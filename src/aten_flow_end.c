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

aten_verdict_t aten_end_remember(const aten_turn_t *turn, const aten_store_key_t *keys, int count, apr_time_t until,
                                 aten_verdict_t used, const char **why)
{
    const aten_store_t *store = turn->env->store;
    apr_status_t rv;
    char message[128];

    if (!store || !count) {
        *why = "it could not be opened";
        return ATEN_V_STORE;
    }
    rv = store->add(store->baton, keys, count, until, turn->env->now);
    if (rv == APR_SUCCESS) return ATEN_V_OK;
    if (APR_STATUS_IS_EEXIST(rv)) return used;
    *why = apr_pstrdup(turn->p, apr_strerror(rv, message, sizeof(message)));
    return ATEN_V_STORE;
}

aten_verdict_t aten_end_use_once(const aten_turn_t *turn, const char *nonce, apr_time_t begun, const char **why)
{
    const char *parts[] = {nonce, NULL};
    aten_store_key_t key;
    const int count = aten_store_key(&key, "login", parts);

    return aten_end_remember(turn, &key, count, begun + apr_time_from_sec(ATEN_PENDING_KEPT_SECONDS),
                             ATEN_V_PENDING_USED, why);
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

aten_answer_t *aten_end_judge(const aten_turn_t *turn, aten_session_t *session, int needed, const char *to,
                              const char *by)
{
    const aten_place_t *place = turn->env->place_of(turn->env->place_baton, to);
    aten_person_t person = {session, NULL};
    aten_request_t request = *turn->request;
    aten_standing_t standing;
    aten_answer_t *answer;
    aten_verdict_t verdict;

    person.populations = session->backend == ATEN_BACKEND_CAS
        ? aten_population_of(turn->site->populations, session->identity.attributes, turn->p)
        : apr_array_make(turn->p, 1, sizeof(const aten_population_t *));
    verdict = aten_flow_admit(place, &person, turn->env->now, &standing, turn->p);
    if (verdict == ATEN_V_OK) return grant(turn, session, needed, to, by);
    request.person = &person;
    request.uri = to;
    answer = aten_flow_refuse(turn->env, turn->site, place, &request, verdict, &standing, turn->p);
    return answer;
}
