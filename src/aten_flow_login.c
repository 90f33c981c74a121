#include <string.h>

#include <apr_strings.h>

#include "aten_cookie.h"
#include "aten_flow_private.h"

/* Why an entry of the chooser is closed, or who may still use it. @return 1 if a login can begin here */
static int explain_entry(const aten_turn_t *turn, const aten_profile_t *profile, const aten_outlook_t *outlook,
                         aten_entry_t *entry)
{
    aten_backend_t backend = aten_profile_way(profile, turn->env->now)->backend;
    const char *line = NULL;
    int open = 1;

    if (backend == ATEN_BACKEND_CLOSED) {
        line = aten_say(turn, ATEN_T_CHOOSER_CLOSED, NULL);
        open = 0;
    }
    else if (backend == ATEN_BACKEND_CAS && outlook->closed) {
        line = aten_say(turn, ATEN_T_CHOOSER_CLOSED_SINCE, aten_date_long(turn->p, outlook->since, turn->lang), NULL);
        open = 0;
    }
    else if (backend == ATEN_BACKEND_CAS && outlook->closed_for && outlook->closed_for->nelts) {
        line = aten_say(turn, ATEN_T_CHOOSER_CLOSED_FOR, aten_populations_text(turn, outlook->closed_for),
                        aten_date_long(turn->p, outlook->closed_since, turn->lang), NULL);
    }
    if (line) {
        entry->lines = apr_array_make(turn->p, 1, sizeof(const char *));
        APR_ARRAY_PUSH(entry->lines, const char *) = line;
    }
    return open;
}

static void add_notices(const aten_turn_t *turn, const aten_outlook_t *outlook, apr_array_header_t *notices)
{
    if (outlook->next) {
        const char *date = aten_date_long(turn->p, outlook->next, turn->lang);

        APR_ARRAY_PUSH(notices, const char *) = outlook->next_everyone
            ? aten_say(turn, ATEN_T_NOTICE_EVERYONE, date, NULL)
            : aten_say(turn, ATEN_T_NOTICE_FOR, date, aten_populations_text(turn, outlook->next_for), NULL);
    }
    if (outlook->announced) apr_array_cat(notices, outlook->announced);
}

static int has_role(const apr_array_header_t *populations, aten_role_t role)
{
    int i;

    for (i = 0; populations && i < populations->nelts; i++) {
        if (APR_ARRAY_IDX(populations, i, const aten_population_t *)->role == role) return 1;
    }
    return 0;
}

static void show_connected(const aten_turn_t *turn, const aten_place_t *place, const char *to, int asked,
                           aten_chooser_t *chooser)
{
    const aten_person_t *person = turn->request->person;
    aten_standing_t standing;
    aten_verdict_t verdict;

    if (!person) return;
    chooser->connected_as = aten_person_name(turn, person);
    chooser->switch_href = aten_switch_url(turn, asked ? to : NULL, NULL);
    verdict = aten_flow_admit(place, person, turn->env->now, &standing, turn->p);
    if (verdict != ATEN_V_OK) return;
    chooser->continue_href = to;
    if (has_role(standing.closed, ATEN_ROLE_PARENT)) {
        chooser->connected_note = aten_say(turn, ATEN_T_CONNECTED_PARENT_ROLE,
                                           aten_date_long(turn->p, standing.closed_since, turn->lang), NULL);
    }
}

aten_chooser_t *aten_chooser_view(const aten_turn_t *turn, const aten_place_t *place, const char *to, int asked,
                                  int renew, int *explain, const aten_profile_t **only)
{
    apr_array_header_t *profiles = aten_profile_select(turn->site->profiles, place->profile_ids, NULL, turn->p);
    aten_chooser_t *chooser = apr_pcalloc(turn->p, sizeof(*chooser));
    aten_outlook_t outlook;
    int i, open = 0, cas = 0;

    aten_cutoff_outlook(place->cutoff, place->notice, turn->env->now, &outlook, turn->p);
    chooser->lang = turn->lang;
    chooser->style_url = aten_own_url(turn, "/style.css", NULL);
    chooser->entries = apr_array_make(turn->p, profiles->nelts, sizeof(aten_entry_t));
    chooser->notices = apr_array_make(turn->p, 2, sizeof(const char *));
    chooser->help = aten_help_buttons(turn, place, NULL);
    *only = NULL;
    *explain = 0;
    for (i = 0; i < profiles->nelts; i++) {
        const aten_profile_t *profile = APR_ARRAY_IDX(profiles, i, aten_profile_t *);
        const aten_label_t *label = aten_profile_label_for(profile, turn->lang);
        const char *params[] = {"to", asked ? to : NULL, "profile", profile->id, "switch", renew ? "1" : NULL, NULL};
        aten_entry_t *entry = apr_array_push(chooser->entries);

        entry->group = label ? label->group : NULL;
        entry->label = label ? label->text : profile->id;
        cas |= aten_profile_way(profile, turn->env->now)->backend == ATEN_BACKEND_CAS;
        if (explain_entry(turn, profile, &outlook, entry)) {
            entry->href = aten_own_url(turn, "/login", params);
            *only = open++ ? NULL : profile;
        }
        if (entry->lines) *explain = 1;
    }
    if (cas) add_notices(turn, &outlook, chooser->notices);
    if (chooser->notices->nelts) *explain = 1;
    show_connected(turn, place, to, asked, chooser);
    return chooser;
}

static aten_answer_t *chooser_answer(const aten_turn_t *turn, const aten_place_t *place, const char *to, int asked,
                                     int renew, const char *notice)
{
    const aten_profile_t *only;
    int explain;
    aten_chooser_t *chooser = aten_chooser_view(turn, place, to, asked, renew, &explain, &only);
    aten_answer_t *answer = aten_answer_make(turn, 200, ATEN_V_OK, ATEN_LOG_NONE);

    if (notice) APR_ARRAY_PUSH(chooser->notices, const char *) = notice;
    answer->content_type = "text/html; charset=utf-8";
    answer->body = aten_chooser_render(chooser, turn->p);
    return answer;
}

static aten_answer_t *profile_closed(const aten_turn_t *turn, const aten_place_t *place, const aten_profile_t *profile,
                                     const char *to, const char *line)
{
    aten_page_t *page = aten_turn_page(turn, ATEN_T_PROFILE_CLOSED_TITLE);
    const char *params[] = {"to", to, NULL};

    aten_page_line(page, aten_say(turn, ATEN_T_PROFILE_CLOSED_WHY, aten_profile_text(turn, profile), NULL));
    if (line) aten_page_line(page, line);
    aten_page_button(page, aten_own_url(turn, "/login", params), aten_say(turn, ATEN_T_TO_CHOOSER, NULL), 1);
    page->help = aten_help_buttons(turn, place, profile);
    return aten_answer_page(turn, page, 403, ATEN_V_PROFILE_CLOSED, ATEN_LOG_INFO);
}

/* Bytes that session, pending logins and a portal's result may have together in one Cookie header: below httpd's
 * LimitRequestFieldSize (8190), with room for the application's own cookies. */
#define COOKIES_TOGETHER 7600

static apr_size_t session_bytes(const aten_turn_t *turn)
{
    const char *value;
    apr_size_t len = 0;

    return aten_cookie_find(turn->request->cookies, turn->site->cookie_name, 0, &value, &len) ? len : 0;
}

/* Before the browser comes back with the result, everything must have room in its Cookie header. */
static int has_room(const aten_turn_t *turn, const apr_array_header_t *cookies)
{
    const apr_size_t pending_bytes = strlen(APR_ARRAY_IDX(cookies, cookies->nelts - 1, const char *));

    return session_bytes(turn) + pending_bytes + ATEN_RESULT_MAX <= COOKIES_TOGETHER;
}

/* A session that is dead goes, and so does one that is so large that this very login would not have room beside it: a
 * login replaces it anyway. One that cannot be judged stays. */
aten_answer_t *aten_login_with_cookies(const aten_turn_t *turn, const char *to, const apr_array_header_t *cookies,
                                       aten_answer_t *answer)
{
    const aten_request_t *request = turn->request;
    const int crowded = turn->site->portals->nelts && session_bytes(turn)
                        && !(request->person && has_room(turn, cookies));
    const char *why;
    aten_verdict_t verdict;

    if (crowded && request->person && !aten_is_own_wish(turn, NULL)) return aten_answer_to_chooser(turn, to, 0);
    apr_array_cat(answer->cookies, cookies);
    if (!crowded || request->unknown != ATEN_V_OK) return answer;
    verdict = aten_end_session(turn, &why);
    if (verdict != ATEN_V_OK) return aten_answer_error(turn, verdict, why, to);
    aten_answer_end_session(turn, answer);
    return answer;
}

aten_pending_place_t aten_login_slots(const aten_turn_t *turn)
{
    aten_pending_place_t place = aten_turn_pending_place(turn);
    const apr_size_t session = turn->request->person ? session_bytes(turn) : 0;
    const apr_size_t room = COOKIES_TOGETHER - ATEN_RESULT_MAX;

    if (!turn->site->portals->nelts) return place;
    place.all = session < room ? room - session : 0;
    if (place.all > ATEN_PENDING_ALL) place.all = ATEN_PENDING_ALL;
    return place;
}

static aten_answer_t *begin_cas(const aten_turn_t *turn, const aten_cas_server_t *server,
                                const aten_profile_t *profile, const char *to, int renew, int retry)
{
    const aten_env_t *env = turn->env;
    aten_pending_place_t place = aten_login_slots(turn);
    apr_array_header_t *cookies = apr_array_make(turn->p, 2, sizeof(const char *));
    aten_pending_t *pending = aten_pending_make(ATEN_BACKEND_CAS, server->url, profile->id, to, renew, env->now,
                                                env->random, env->random_baton, turn->p);
    const char *params[] = {"state", NULL, NULL};
    aten_answer_t *answer;
    aten_verdict_t verdict;

    if (!pending) return aten_answer_error(turn, ATEN_V_INTERNAL, "no random bytes", to);
    verdict = aten_pending_store(&place, pending, turn->request->cookies, env->now, cookies, env->random,
                                 env->random_baton, turn->p);
    if (verdict != ATEN_V_OK) return aten_answer_error(turn, verdict, "the pending login cannot be sealed", to);
    params[1] = aten_pending_state(pending, retry, turn->p);
    answer = aten_answer_redirect(turn, aten_cas_login_url(server, aten_cas_address(turn, params), renew, turn->p));
    return aten_login_with_cookies(turn, to, cookies, answer);
}

aten_answer_t *aten_login_begin(const aten_turn_t *turn, const aten_place_t *place, const aten_profile_t *profile,
                                const char *to, int renew, int retry)
{
    const aten_way_t *way = aten_profile_way(profile, turn->env->now);
    const aten_cas_server_t *server = aten_site_cas_server(turn->site, way);
    const aten_portal_t *portal = aten_site_portal(turn->site, way);
    aten_outlook_t outlook;

    if (portal) return aten_saml_begin(turn, place, portal, profile, to, renew, retry);
    if (!server) return profile_closed(turn, place, profile, to, NULL);
    aten_cutoff_outlook(place->cutoff, place->notice, turn->env->now, &outlook, turn->p);
    if (outlook.closed) {
        const char *since = aten_date_long(turn->p, outlook.since, turn->lang);

        return profile_closed(turn, place, profile, to, aten_say(turn, ATEN_T_CHOOSER_CLOSED_SINCE, since, NULL));
    }
    return begin_cas(turn, server, profile, to, renew, retry);
}

/* Already connected by the profile that the link asks for, and let in there: nothing to do. */
static int already_there(const aten_turn_t *turn, const aten_place_t *place, const aten_profile_t *profile)
{
    const aten_person_t *person = turn->request->person;
    aten_standing_t standing;

    return person && aten_same(person->session->profile, profile->id)
           && aten_flow_admit(place, person, turn->env->now, &standing, turn->p) == ATEN_V_OK;
}

/* @param asked somebody asked for `to`; otherwise it is the site's home, and the profile may have one of its own */
static aten_answer_t *login_for(const aten_turn_t *turn, const aten_place_t *place, const char *id, const char *to,
                                int asked, int renew)
{
    apr_array_header_t *here = aten_profile_select(turn->site->profiles, place->profile_ids, NULL, turn->p);
    const aten_profile_t *profile = aten_profile_find(here, id);

    if (!profile) {
        return chooser_answer(turn, place, to, asked, renew, aten_say(turn, ATEN_T_PROFILE_UNKNOWN_WHY, NULL));
    }
    if (!asked && profile->home) {
        to = profile->home;
        place = turn->env->place_of(turn->env->place_baton, to);
    }
    if (!renew && already_there(turn, place, profile)) {
        return aten_answer_redirect(turn, apr_pstrcat(turn->p, turn->site->base->url, to, NULL));
    }
    return aten_login_begin(turn, place, profile, to, renew, 0);
}

/* Where there is no session it does no harm: the way back from the CAS server is cross-site as well. A HEAD ends
 * nothing. */
static int may_ask_again(const aten_turn_t *turn, const char *confirm)
{
    if (!turn->request->person) return 1;
    return aten_same(turn->request->method, "GET") && aten_is_own_wish(turn, confirm);
}

aten_answer_t *aten_login_page(const aten_turn_t *turn)
{
    static const char *const wanted[] = {"to", "profile", "selection", "switch", "confirm", NULL};
    const aten_place_t *place;
    const char *which, *to, *id;
    aten_answer_t *answer;
    apr_table_t *params;
    int ask_again, asked;
    aten_verdict_t verdict = aten_params(&params, turn->request->query, wanted, &which, turn->p);

    if (verdict != ATEN_V_OK) return aten_answer_error(turn, verdict, which, NULL);
    to = aten_return_path(apr_table_get(params, "to"), turn->site->path, turn->p);
    asked = to != NULL;
    if (!asked) to = turn->site->home;
    place = turn->env->place_of(turn->env->place_baton, to);
    id = apr_table_get(params, "profile");
    if (!id) id = apr_table_get(params, "selection");
    ask_again = aten_same(apr_table_get(params, "switch"), "1")
                && may_ask_again(turn, apr_table_get(params, "confirm"));
    if (!ask_again) {
        return id ? login_for(turn, place, id, to, asked, 0) : chooser_answer(turn, place, to, asked, 0, NULL);
    }
    verdict = aten_end_session(turn, &which);
    if (verdict != ATEN_V_OK) return aten_answer_error(turn, verdict, which, to);
    {
        aten_request_t nobody = *turn->request;
        aten_turn_t after = *turn;

        nobody.person = NULL;
        after.request = &nobody;
        answer = id ? login_for(&after, place, id, to, asked, 1) : chooser_answer(&after, place, to, asked, 1, NULL);
    }
    aten_answer_end_session(turn, answer);
    return answer;
}
