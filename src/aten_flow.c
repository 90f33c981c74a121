#include "aten_cas_logout.h"
#include "aten_flow_private.h"

#include <string.h>

#include <apr_strings.h>

/* A message of 256 KiB (aten_xml.h) in base64, with every '+', '/' and line end percent-encoded. */
#define ATEN_ACS_BODY_MAX (512 * 1024)

static int place_has_profile(const aten_place_t *place, const char *id)
{
    return !place->profile_ids || aten_has(place->profile_ids, id);
}

/* AtenPortalAuthnContext holds for a session too that was made by a login for another path. */
static int place_takes_context(const aten_place_t *place, const aten_session_t *session)
{
    if (!place->authn_contexts || session->backend != ATEN_BACKEND_ATEN) return 1;
    return session->subject && aten_has(place->authn_contexts, session->subject->authn_context);
}

aten_verdict_t aten_flow_admit(const aten_place_t *place, const aten_person_t *person, apr_time_t now,
                               aten_standing_t *standing, apr_pool_t *p)
{
    memset(standing, 0, sizeof(*standing));
    standing->verdict = ATEN_V_OK;
    standing->reported = ATEN_V_OK;
    standing->days_left = -1;
    standing->open = person->populations;

    if (!place_has_profile(place, person->session->profile)) return ATEN_V_PROFILE_NOT_HERE;
    if (!place_takes_context(place, person->session)) return ATEN_V_CONTEXT_NOT_HERE;
    if (!place->cutoff || place->cutoff->off || person->session->backend != ATEN_BACKEND_CAS) return ATEN_V_OK;
    aten_cutoff_judge(place->cutoff, place->notice, person->populations, now, standing, p);
    return standing->verdict;
}

/* A person is sent to the chooser, or straight to the backend where one profile is left and nothing has to be
 * explained. */
static aten_answer_t *challenge_person(const aten_turn_t *turn, const aten_place_t *place, const char *to)
{
    const aten_profile_t *only = NULL;
    int explain = 0;

    aten_chooser_view(turn, place, to, 1, 0, &explain, &only);
    if (only && !explain) return aten_login_begin(turn, place, only, to, 0, 0);
    return aten_answer_to_chooser(turn, to, 0);
}

/* Inside a frame a login could be watched or clicked for the person, and SameSite cookies would not come back. */
static aten_answer_t *challenge_frame(const aten_turn_t *turn, const char *to)
{
    aten_page_t *page = aten_turn_page(turn, ATEN_T_FRAMED_TITLE);
    const char *params[] = {"to", to, NULL};

    page->top_target = "_top";
    aten_page_line(page, aten_say(turn, ATEN_T_FRAMED_WHY, NULL));
    aten_page_button(page, aten_own_url(turn, "/login", params), aten_say(turn, ATEN_T_OPEN_TOP, NULL), 1);
    return aten_answer_page(turn, page, 401, ATEN_V_FRAMED, ATEN_LOG_DEBUG);
}

aten_answer_t *aten_flow_challenge(const aten_env_t *env, const aten_site_t *site, const aten_place_t *place,
                                   const aten_request_t *request, apr_pool_t *p)
{
    aten_turn_t turn = aten_turn_make(env, site, request, p);
    const char *to = aten_return_path(request->uri, site->path, p);
    aten_answer_t *answer;

    if (!to) to = site->home;
    switch (aten_client_of(request)) {
    case ATEN_CLIENT_PERSON:
        return challenge_person(&turn, place, to);
    case ATEN_CLIENT_FRAME:
        answer = challenge_frame(&turn, to);
        break;
    default:
        answer = aten_answer_script(&turn, 401, ATEN_V_NO_SESSION, ATEN_LOG_DEBUG, to);
        break;
    }
    /* A scheme of our own: a browser must not open its password box (RFC 9110, 11.6.1). */
    apr_table_setn(answer->headers, "WWW-Authenticate", "Aten");
    return answer;
}

/* A button for each profile of this place that leads to the portal now. @return how many */
static int buttons_to_portal(const aten_turn_t *turn, const aten_place_t *place, const char *to, aten_page_t *page)
{
    apr_array_header_t *profiles = aten_profile_select(turn->site->profiles, place->profile_ids, NULL, turn->p);
    int i, count = 0;

    for (i = 0; i < profiles->nelts; i++) {
        const aten_profile_t *profile = APR_ARRAY_IDX(profiles, i, aten_profile_t *);

        if (aten_profile_way(profile, turn->env->now)->backend != ATEN_BACKEND_ATEN) continue;
        aten_page_button(page, aten_switch_url(turn, to, profile->id),
                         aten_say(turn, ATEN_T_GO_PROFILE, aten_profile_text(turn, profile), NULL), !count);
        count++;
    }
    return count;
}

static const char *names_of(const aten_turn_t *turn, const apr_array_header_t *populations)
{
    apr_array_header_t *names = apr_array_make(turn->p, 4, sizeof(const char *));
    int i;

    for (i = 0; populations && i < populations->nelts; i++) {
        APR_ARRAY_PUSH(names, const char *) = APR_ARRAY_IDX(populations, i, const aten_population_t *)->name;
    }
    return aten_populations_text(turn, names);
}

/* The CAS path is closed here for this person: since when, why, and what to do now. */
static aten_page_t *page_closed(const aten_turn_t *turn, const aten_place_t *place, const aten_standing_t *standing,
                                const char *to)
{
    aten_page_t *page = aten_turn_page(turn, ATEN_T_REFUSED_TITLE);
    const char *since = aten_date_long(turn->p, standing->since, turn->lang);

    if (standing->closed && standing->closed->nelts) {
        aten_page_line(page, aten_say(turn, ATEN_T_REFUSED_SINCE, since, names_of(turn, standing->closed), NULL));
    }
    else {
        aten_page_line(page, aten_say(turn, ATEN_T_REFUSED_EVERYONE, since, NULL));
    }
    aten_page_line(page, aten_say(turn, ATEN_T_REFUSED_WHY, NULL));
    if (buttons_to_portal(turn, place, to, page)) aten_page_line(page, aten_say(turn, ATEN_T_REFUSED_WHAT, NULL));
    else aten_page_line(page, aten_say(turn, ATEN_T_REFUSED_NO_WAY, NULL));
    /* At a shared computer the account may be somebody else's. */
    aten_page_button(page, aten_switch_url(turn, to, NULL), aten_say(turn, ATEN_T_NOT_YOU, NULL), 0);
    return page;
}

static aten_page_t *page_unknown(const aten_turn_t *turn, const aten_place_t *place, const char *to)
{
    aten_page_t *page = aten_turn_page(turn, ATEN_T_UNKNOWN_TITLE);

    aten_page_line(page, aten_say(turn, ATEN_T_UNKNOWN_WHY, NULL));
    aten_page_line(page, aten_say(turn, ATEN_T_UNKNOWN_WHAT, NULL));
    buttons_to_portal(turn, place, to, page);
    aten_page_button(page, aten_switch_url(turn, to, NULL), aten_say(turn, ATEN_T_TRY_AGAIN, NULL), 0);
    return page;
}

static aten_page_t *page_not_here(const aten_turn_t *turn, const char *to)
{
    aten_page_t *page = aten_turn_page(turn, ATEN_T_PROFILE_NOT_HERE_TITLE);
    const aten_person_t *person = turn->request->person;
    const aten_profile_t *profile = person ? aten_profile_find(turn->site->profiles, person->session->profile) : NULL;

    aten_page_line(page, aten_say(turn, ATEN_T_PROFILE_NOT_HERE_WHY,
                                  profile ? aten_profile_text(turn, profile) : person->session->profile, NULL));
    aten_page_button(page, aten_switch_url(turn, to, NULL), aten_say(turn, ATEN_T_TO_CHOOSER, NULL), 1);
    return page;
}

/* Logged in, but by a way that this page does not take: the same profile once more, and the portal is asked for one. */
static aten_page_t *page_context(const aten_turn_t *turn, const char *to)
{
    aten_page_t *page = aten_turn_page(turn, ATEN_T_PORTAL_CONTEXT_TITLE);
    const aten_person_t *person = turn->request->person;
    const char *profile = person ? person->session->profile : NULL;

    aten_page_line(page, aten_say(turn, ATEN_T_PORTAL_CONTEXT_WHY, NULL));
    aten_page_button(page, aten_switch_url(turn, to, profile), aten_say(turn, ATEN_T_TRY_AGAIN, NULL), 1);
    return page;
}

/* Who was refused, for the log: an administrator must be able to find the account. */
static const char *refused_user(const aten_turn_t *turn)
{
    return turn->request->person ? aten_said_of_person(turn, turn->request->person->session) : NULL;
}

aten_answer_t *aten_flow_refuse(const aten_env_t *env, const aten_site_t *site, const aten_place_t *place,
                                const aten_request_t *request, aten_verdict_t verdict,
                                const aten_standing_t *standing, apr_pool_t *p)
{
    aten_turn_t turn = aten_turn_make(env, site, request, p);
    const char *to = aten_return_path(request->uri, site->path, p);
    aten_answer_t *answer;
    aten_page_t *page;

    if (!to) to = site->home;
    if (aten_client_of(request) == ATEN_CLIENT_SCRIPT) {
        answer = aten_answer_script(&turn, 403, verdict, ATEN_LOG_INFO, to);
    }
    else {
        if (verdict == ATEN_V_CAS_CLOSED) page = page_closed(&turn, place, standing, to);
        else if (verdict == ATEN_V_POPULATION_UNKNOWN) page = page_unknown(&turn, place, to);
        else if (verdict == ATEN_V_CONTEXT_NOT_HERE) page = page_context(&turn, to);
        else page = page_not_here(&turn, to);
        page->help = aten_help_buttons(&turn, place, NULL);
        answer = aten_answer_page(&turn, page, 403, verdict, ATEN_LOG_INFO);
    }
    answer->why = refused_user(&turn);
    return answer;
}

aten_answer_t *aten_flow_forbid(const aten_env_t *env, const aten_site_t *site, const aten_request_t *request,
                                apr_pool_t *p)
{
    aten_turn_t turn = aten_turn_make(env, site, request, p);
    const char *user = request->person ? request->person->session->identity.user : "";
    const char *to = aten_return_path(request->uri, site->path, p);
    aten_answer_t *answer;
    aten_page_t *page;

    if (aten_client_of(request) == ATEN_CLIENT_SCRIPT) {
        answer = aten_answer_script(&turn, 403, ATEN_V_FORBIDDEN, ATEN_LOG_INFO, to ? to : site->home);
    }
    else {
        page = aten_turn_page(&turn, ATEN_T_FORBIDDEN_TITLE);
        aten_page_line(page, aten_say(&turn, ATEN_T_FORBIDDEN_WHY, user, NULL));
        aten_page_button(page, site->home, aten_say(&turn, ATEN_T_TO_HOME, NULL), 1);
        aten_page_button(page, aten_switch_url(&turn, to, NULL), aten_say(&turn, ATEN_T_NOT_YOU, NULL), 0);
        answer = aten_answer_page(&turn, page, 403, ATEN_V_FORBIDDEN, ATEN_LOG_INFO);
    }
    answer->why = refused_user(&turn);
    return answer;
}

aten_answer_t *aten_flow_fail(const aten_env_t *env, const aten_site_t *site, const aten_request_t *request,
                              aten_verdict_t verdict, const char *why, apr_pool_t *p)
{
    aten_turn_t turn = aten_turn_make(env, site, request, p);

    return aten_answer_error(&turn, verdict, why, NULL);
}

/* --- the small pages --- */

static void json_set(json_t *object, const char *name, const char *value)
{
    if (value) json_object_set_new(object, name, json_string(value));
}

static json_t *session_json(const aten_turn_t *turn, const aten_person_t *person)
{
    const aten_session_t *session = person->session;
    json_t *roles = json_array(), *object = json_object();
    apr_time_t end = session->login + turn->site->last.lifetime;
    int i;

    json_object_set_new(object, "authenticated", json_true());
    json_set(object, "user", session->identity.user);
    json_set(object, "backend", session->backend == ATEN_BACKEND_CAS ? "cas" : "aten");
    json_set(object, "profile", session->profile);
    for (i = 0; i < person->populations->nelts; i++) {
        const aten_population_t *population = APR_ARRAY_IDX(person->populations, i, const aten_population_t *);
        json_array_append_new(roles, json_string(population->name));
    }
    json_object_set_new(object, "populations", roles);
    json_set(object, "login", aten_date_iso(turn->p, session->login));
    json_set(object, "until", aten_date_iso(turn->p, end < session->end ? end : session->end));
    json_object_set_new(object, "idle_seconds", json_integer(apr_time_sec(turn->site->last.idle)));
    return object;
}

static aten_answer_t *page_session(const aten_turn_t *turn)
{
    json_t *object;

    if (turn->request->person) {
        object = session_json(turn, turn->request->person);
    }
    else {
        object = json_object();
        json_object_set_new(object, "authenticated", json_false());
        json_set(object, "login_url", aten_own_url(turn, "/login", NULL));
    }
    return aten_answer_json(turn, 200, object);
}

static aten_answer_t *page_style(const aten_turn_t *turn)
{
    aten_answer_t *answer = aten_answer_make(turn, 200, ATEN_V_OK, ATEN_LOG_NONE);

    answer->content_type = "text/css; charset=utf-8";
    answer->body = aten_page_style();
    answer->cacheable = 1;
    return answer;
}

static int is_get(const aten_request_t *request)
{
    return aten_same(request->method, "GET") || aten_same(request->method, "HEAD");
}

/* The module's own pages. */
typedef struct {
    const char *page;
    aten_answer_t *(*get)(const aten_turn_t *turn);
    aten_answer_t *(*post)(const aten_turn_t *turn);
    int head;            /* a HEAD is answered like a GET: not where a GET uses something up */
    int needs_store;     /* where sessions cannot be judged, it says so and does nothing */
    apr_size_t body_max; /* of a POST */
} own_page_t;

static const own_page_t own_pages[] = {
    {"/login", aten_login_page, NULL, 1, 1, 0},
    {"/cas", aten_cas_return, aten_cas_logout_post, 0, 0, ATEN_CAS_LOGOUT_BYTES_MAX},
    {"/saml/acs", NULL, aten_saml_acs, 0, 0, ATEN_ACS_BODY_MAX},
    {"/saml/done", aten_saml_done, NULL, 0, 1, 0},
    {"/saml/metadata", aten_saml_metadata_page, NULL, 1, 0, 0},
    {"/saml/logout", aten_slo_get, aten_slo_post, 0, 0, ATEN_ACS_BODY_MAX},
    {"/logout", aten_logout_page, aten_logout_page, 0, 0, 0},
    {"/session", page_session, NULL, 1, 1, 0},
    {"/style.css", page_style, NULL, 1, 0, 0},
};

static const own_page_t *own_page_of(const char *page)
{
    apr_size_t i;

    for (i = 0; i < sizeof(own_pages) / sizeof(own_pages[0]); i++) {
        if (aten_same(own_pages[i].page, page)) return &own_pages[i];
    }
    return NULL;
}

apr_size_t aten_flow_body_max(const char *page, const char *method)
{
    const own_page_t *own = own_page_of(page);

    return own && aten_same(method, "POST") ? own->body_max : 0;
}

static const char *allowed_methods(const own_page_t *own)
{
    if (!own->get) return "POST";
    if (own->post) return "GET, POST";
    return own->head ? "GET, HEAD" : "GET";
}

aten_answer_t *aten_flow_page(const aten_env_t *env, const aten_site_t *site, const aten_request_t *request,
                              const char *page, apr_pool_t *p)
{
    aten_turn_t turn = aten_turn_make(env, site, request, p);
    const own_page_t *own = own_page_of(page);
    aten_answer_t *answer;

    if (!*page || aten_same(page, "/")) return aten_answer_to_chooser(&turn, NULL, 0);
    if (!own || (!strncmp(page, "/saml/", 6) && !site->portals->nelts)) {
        return aten_answer_error(&turn, ATEN_V_NOT_FOUND, NULL, NULL);
    }
    /* Not before a login or a logout could end; the style sheet is for the page that says so. */
    if (request->unknown != ATEN_V_OK && own->needs_store) {
        return aten_answer_error(&turn, request->unknown, "the session cannot be judged", NULL);
    }
    if (own->post && aten_same(request->method, "POST")) return own->post(&turn);
    if (own->get && is_get(request) && (own->head || aten_same(request->method, "GET"))) return own->get(&turn);
    answer = aten_answer_error(&turn, ATEN_V_METHOD, NULL, NULL);
    apr_table_setn(answer->headers, "Allow", allowed_methods(own));
    return answer;
}
