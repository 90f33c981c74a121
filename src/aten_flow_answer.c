#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include <apr_escape.h>
#include <apr_strings.h>
#include <jansson.h>

#include "aten_cookie.h"
#include "aten_flow_private.h"
#include "aten_session_variables.h"

#define REFERENCE_BYTES 5   /* 10 hexadecimal digits: short enough to be read out on the telephone */
#define SAY_ARGUMENTS 4

aten_turn_t aten_turn_make(const aten_env_t *env, const aten_site_t *site, const aten_request_t *request,
                           apr_pool_t *p)
{
    aten_turn_t turn = {env, site, request, aten_page_language(request->accept_language), p};
    return turn;
}

static int has_word(const char *text, const char *word)
{
    return text && strstr(text, word) != NULL;
}

/* Only GET, HEAD and what an HTML form can POST come from a person who is looking at a page. */
static int is_page_method(const aten_request_t *request)
{
    if (aten_same(request->method, "GET") || aten_same(request->method, "HEAD")) return 1;
    if (!aten_same(request->method, "POST")) return 0;
    return has_word(request->content_type, "application/x-www-form-urlencoded")
           || has_word(request->content_type, "multipart/form-data") || has_word(request->content_type, "text/plain");
}

static int is_frame(const char *dest)
{
    return aten_same(dest, "iframe") || aten_same(dest, "frame") || aten_same(dest, "embed")
           || aten_same(dest, "object");
}

aten_client_t aten_client_of(const aten_request_t *request)
{
    if (request->sec_fetch_mode) {
        if (!aten_same(request->sec_fetch_mode, "navigate")) return ATEN_CLIENT_SCRIPT;
        if (aten_same(request->sec_fetch_dest, "document")) return ATEN_CLIENT_PERSON;
        return is_frame(request->sec_fetch_dest) ? ATEN_CLIENT_FRAME : ATEN_CLIENT_SCRIPT;
    }
    if (request->requested_with || !has_word(request->accept, "text/html") || !is_page_method(request)) {
        return ATEN_CLIENT_SCRIPT;
    }
    return ATEN_CLIENT_PERSON;
}

const char *aten_say(const aten_turn_t *turn, aten_text_t id, ...)
{
    const char *args[SAY_ARGUMENTS + 1] = {NULL};
    va_list list;
    int i;

    va_start(list, id);
    for (i = 0; i < SAY_ARGUMENTS && (args[i] = va_arg(list, const char *)); i++) continue;
    va_end(list);
    return aten_text(turn->lang, id, args, turn->p);
}

aten_answer_t *aten_answer_make(const aten_turn_t *turn, int status, aten_verdict_t verdict, aten_log_level_t level)
{
    aten_answer_t *answer = apr_pcalloc(turn->p, sizeof(*answer));

    answer->status = status;
    answer->verdict = verdict;
    answer->level = level;
    answer->content_type = "text/plain; charset=utf-8";
    answer->body = "";
    answer->headers = apr_table_make(turn->p, 4);
    answer->cookies = apr_array_make(turn->p, 4, sizeof(const char *));
    return answer;
}

/* 303, so that the address is fetched with GET whatever the method was (RFC 9110, 15.4.4). */
aten_answer_t *aten_answer_redirect(const aten_turn_t *turn, const char *location)
{
    aten_answer_t *answer = aten_answer_make(turn, 303, ATEN_V_OK, ATEN_LOG_NONE);

    answer->location = location;
    return answer;
}

aten_answer_t *aten_answer_to_chooser(const aten_turn_t *turn, const char *to, int renew)
{
    const char *params[] = {"to", to, "switch", renew ? "1" : NULL, NULL};

    return aten_answer_redirect(turn, apr_pstrcat(turn->p, turn->site->base->url,
                                                  aten_own_url(turn, "/login", params), NULL));
}

char *aten_own_url(const aten_turn_t *turn, const char *page, const char *const params[])
{
    static const char *const none[] = {NULL};

    return aten_url_with(turn->p, turn->site->path, page, params ? params : none);
}

aten_page_t *aten_turn_page(const aten_turn_t *turn, aten_text_t title)
{
    aten_page_t *page = apr_pcalloc(turn->p, sizeof(*page));

    page->lang = turn->lang;
    page->style_url = aten_own_url(turn, "/style.css", NULL);
    page->title = aten_say(turn, title, NULL);
    page->lines = apr_array_make(turn->p, 4, sizeof(const char *));
    page->buttons = apr_array_make(turn->p, 4, sizeof(aten_button_t));
    return page;
}

void aten_page_line(aten_page_t *page, const char *line)
{
    APR_ARRAY_PUSH(page->lines, const char *) = line;
}

void aten_page_button(aten_page_t *page, const char *href, const char *label, int primary)
{
    aten_button_t *button = apr_array_push(page->buttons);

    memset(button, 0, sizeof(*button));
    button->href = href;
    button->label = label;
    button->primary = primary;
}

/* What a person reads out and what stands in the log line of the same answer. */
static const char *make_reference(const aten_turn_t *turn)
{
    unsigned char bytes[REFERENCE_BYTES];

    if (turn->env->random(turn->env->random_baton, bytes, sizeof(bytes)) != APR_SUCCESS) return NULL;
    return apr_pescape_hex(turn->p, bytes, sizeof(bytes), 0);
}

aten_answer_t *aten_answer_page(const aten_turn_t *turn, aten_page_t *page, int status, aten_verdict_t verdict,
                                aten_log_level_t level)
{
    aten_answer_t *answer = aten_answer_make(turn, status, verdict, level);

    answer->reference = status >= 400 ? make_reference(turn) : NULL;
    page->reference = answer->reference;
    answer->content_type = "text/html; charset=utf-8";
    answer->body = aten_page_render(page, turn->p);
    return answer;
}

static char *json_text(json_t *object, apr_pool_t *p)
{
    size_t size = json_dumpb(object, NULL, 0, JSON_COMPACT);
    char *text = apr_pcalloc(p, size + 1);

    json_dumpb(object, text, size, JSON_COMPACT);
    json_decref(object);
    return text;
}

aten_answer_t *aten_answer_json(const aten_turn_t *turn, int status, json_t *object)
{
    aten_answer_t *answer = aten_answer_make(turn, status, ATEN_V_OK, ATEN_LOG_NONE);

    answer->content_type = "application/json";
    answer->body = json_text(object, turn->p);
    return answer;
}

aten_answer_t *aten_answer_script(const aten_turn_t *turn, int status, aten_verdict_t verdict, aten_log_level_t level,
                                  const char *to)
{
    const char *params[] = {"to", to, NULL};
    const char *login = apr_pstrcat(turn->p, turn->site->base->url, aten_own_url(turn, "/login", params), NULL);
    const char *reference = make_reference(turn);
    json_t *object = json_object();
    aten_answer_t *answer;

    json_object_set_new(object, "error", json_string(aten_verdict_tag(verdict)));
    json_object_set_new(object, "message", json_string(aten_verdict_text(verdict)));
    json_object_set_new(object, "login", json_string(login));
    if (reference) json_object_set_new(object, "reference", json_string(reference));
    answer = aten_answer_json(turn, status, object);
    answer->verdict = verdict;
    answer->level = level;
    answer->reference = reference;
    return answer;
}

/* How each verdict is told: to the person (title, why), to httpd (status) and to the administrator (level). */
typedef struct {
    aten_verdict_t verdict;
    int status;
    aten_text_t title;
    aten_text_t why;
    aten_log_level_t level;
} telling_t;

static const telling_t tellings[] = {
    {ATEN_V_INTERNAL, 500, ATEN_T_INTERNAL_TITLE, ATEN_T_INTERNAL_WHY, ATEN_LOG_ERROR}, /* also for all not listed */
    {ATEN_V_PARAM_REPEATED, 400, ATEN_T_BAD_REQUEST_TITLE, ATEN_T_BAD_REQUEST_WHY, ATEN_LOG_INFO},
    {ATEN_V_PARAM_MALFORMED, 400, ATEN_T_BAD_REQUEST_TITLE, ATEN_T_BAD_REQUEST_WHY, ATEN_LOG_INFO},
    {ATEN_V_TICKET_MALFORMED, 400, ATEN_T_BAD_REQUEST_TITLE, ATEN_T_BAD_REQUEST_WHY, ATEN_LOG_INFO},
    {ATEN_V_METHOD, 405, ATEN_T_BAD_REQUEST_TITLE, ATEN_T_METHOD_WHY, ATEN_LOG_INFO},
    {ATEN_V_NOT_FOUND, 404, ATEN_T_NOT_FOUND_TITLE, ATEN_T_NOT_FOUND_WHY, ATEN_LOG_DEBUG},
    {ATEN_V_COOKIES_REFUSED, 400, ATEN_T_COOKIES_TITLE, ATEN_T_COOKIES_WHY, ATEN_LOG_INFO},
    {ATEN_V_INSECURE_HTTP, 403, ATEN_T_INSECURE_TITLE, ATEN_T_INSECURE_WHY, ATEN_LOG_ERROR},
    {ATEN_V_SESSION_LARGE, 500, ATEN_T_SESSION_LARGE_TITLE, ATEN_T_SESSION_LARGE_WHY, ATEN_LOG_ERROR},
    {ATEN_V_CAS_UNREACHABLE, 502, ATEN_T_CAS_DOWN_TITLE, ATEN_T_CAS_DOWN_WHY, ATEN_LOG_ERROR},
    {ATEN_V_CAS_TLS, 502, ATEN_T_CAS_DOWN_TITLE, ATEN_T_CAS_DOWN_WHY, ATEN_LOG_ERROR},
    {ATEN_V_CAS_TIMEOUT, 504, ATEN_T_CAS_DOWN_TITLE, ATEN_T_CAS_DOWN_WHY, ATEN_LOG_ERROR},
    {ATEN_V_CAS_BUSY, 503, ATEN_T_CAS_BUSY_TITLE, ATEN_T_CAS_BUSY_WHY, ATEN_LOG_WARN},
    {ATEN_V_CAS_HTTP_STATUS, 502, ATEN_T_CAS_ANSWER_TITLE, ATEN_T_CAS_ANSWER_WHY, ATEN_LOG_ERROR},
    {ATEN_V_CAS_LARGE, 502, ATEN_T_CAS_ANSWER_TITLE, ATEN_T_CAS_ANSWER_WHY, ATEN_LOG_ERROR},
    {ATEN_V_CAS_UNEXPECTED, 502, ATEN_T_CAS_ANSWER_TITLE, ATEN_T_CAS_ANSWER_WHY, ATEN_LOG_ERROR},
    {ATEN_V_CAS_REFUSED, 502, ATEN_T_CAS_ANSWER_TITLE, ATEN_T_CAS_ANSWER_WHY, ATEN_LOG_ERROR},
    {ATEN_V_CAS_USER, 502, ATEN_T_CAS_ANSWER_TITLE, ATEN_T_CAS_ANSWER_WHY, ATEN_LOG_ERROR},
    {ATEN_V_CAS_ATTRIBUTE, 502, ATEN_T_CAS_ANSWER_TITLE, ATEN_T_CAS_ANSWER_WHY, ATEN_LOG_ERROR},
    {ATEN_V_CAS_WINDOW, 502, ATEN_T_CAS_ANSWER_TITLE, ATEN_T_CAS_ANSWER_WHY, ATEN_LOG_ERROR},
    {ATEN_V_CAS_AUDIENCE, 502, ATEN_T_CAS_ANSWER_TITLE, ATEN_T_CAS_ANSWER_WHY, ATEN_LOG_ERROR},
    {ATEN_V_XML_MALFORMED, 502, ATEN_T_CAS_ANSWER_TITLE, ATEN_T_CAS_ANSWER_WHY, ATEN_LOG_ERROR},
    {ATEN_V_XML_DTD, 502, ATEN_T_CAS_ANSWER_TITLE, ATEN_T_CAS_ANSWER_WHY, ATEN_LOG_ERROR},
    {ATEN_V_XML_DEEP, 502, ATEN_T_CAS_ANSWER_TITLE, ATEN_T_CAS_ANSWER_WHY, ATEN_LOG_ERROR},
    {ATEN_V_XML_LARGE, 502, ATEN_T_CAS_ANSWER_TITLE, ATEN_T_CAS_ANSWER_WHY, ATEN_LOG_ERROR},
    {ATEN_V_BODY_LARGE, 413, ATEN_T_BAD_REQUEST_TITLE, ATEN_T_BAD_REQUEST_WHY, ATEN_LOG_INFO},
    {ATEN_V_BODY_BROKEN, 400, ATEN_T_BAD_REQUEST_TITLE, ATEN_T_BAD_REQUEST_WHY, ATEN_LOG_INFO},
    {ATEN_V_SESSION_ENDED, 403, ATEN_T_ENDED_TITLE, ATEN_T_ENDED_WHY, ATEN_LOG_INFO},
    {ATEN_V_LOGOUT_NONE, 400, ATEN_T_LOGOUT_ANSWER_TITLE, ATEN_T_LOGOUT_ANSWER_WHY, ATEN_LOG_INFO},
    {ATEN_V_STORE_BEHIND, 503, ATEN_T_STORE_BEHIND_TITLE, ATEN_T_STORE_BEHIND_WHY, ATEN_LOG_DEBUG},
    {ATEN_V_STORE, 503, ATEN_T_STORE_TITLE, ATEN_T_STORE_WHY, ATEN_LOG_ERROR},
    {ATEN_V_PENDING_OTHER, 403, ATEN_T_PORTAL_ANSWER_TITLE, ATEN_T_PORTAL_ANSWER_WHY, ATEN_LOG_WARN},
    {ATEN_V_SAML_ENCODING, 400, ATEN_T_BAD_REQUEST_TITLE, ATEN_T_BAD_REQUEST_WHY, ATEN_LOG_INFO},
    {ATEN_V_SAML_METADATA, 503, ATEN_T_PORTAL_DOWN_TITLE, ATEN_T_PORTAL_DOWN_WHY, ATEN_LOG_ERROR},
    {ATEN_V_SAML_STATUS, 403, ATEN_T_PORTAL_STATUS_TITLE, ATEN_T_PORTAL_STATUS_WHY, ATEN_LOG_INFO},
    {ATEN_V_SAML_UNSOLICITED, 403, ATEN_T_PORTAL_UNSOLICITED_TITLE, ATEN_T_PORTAL_UNSOLICITED_WHY, ATEN_LOG_INFO},
    {ATEN_V_SAML_AUTHN_OLD, 403, ATEN_T_PORTAL_CONTEXT_TITLE, ATEN_T_PORTAL_CONTEXT_WHY, ATEN_LOG_WARN},
    {ATEN_V_SAML_AUTHN_CONTEXT, 403, ATEN_T_PORTAL_CONTEXT_TITLE, ATEN_T_PORTAL_CONTEXT_WHY, ATEN_LOG_WARN},
    {ATEN_V_IDENTITY_NONE, 403, ATEN_T_IDENTITY_TITLE, ATEN_T_IDENTITY_WHY, ATEN_LOG_WARN},
    {ATEN_V_IDENTITY_NAME, 403, ATEN_T_IDENTITY_TITLE, ATEN_T_IDENTITY_WHY, ATEN_LOG_WARN},
    {ATEN_V_IDENTITY_USER, 403, ATEN_T_IDENTITY_TITLE, ATEN_T_IDENTITY_WHY, ATEN_LOG_WARN},
    {ATEN_V_VECTEUR_MALFORMED, 403, ATEN_T_IDENTITY_TITLE, ATEN_T_IDENTITY_WHY, ATEN_LOG_WARN},
    {ATEN_V_VECTEUR_MIXED, 403, ATEN_T_IDENTITY_TITLE, ATEN_T_IDENTITY_WHY, ATEN_LOG_WARN},
    {ATEN_V_VECTEUR_SEVERAL, 403, ATEN_T_IDENTITY_TITLE, ATEN_T_IDENTITY_WHY, ATEN_LOG_WARN},
    {ATEN_V_PORTAL_SCOPE, 403, ATEN_T_SCOPE_TITLE, ATEN_T_SCOPE_WHY, ATEN_LOG_WARN},
    {ATEN_V_PORTAL_KIND, 403, ATEN_T_SCOPE_TITLE, ATEN_T_SCOPE_WHY, ATEN_LOG_WARN},
    {ATEN_V_CAS_TICKET_REFUSED, 403, ATEN_T_CAS_TICKET_TITLE, ATEN_T_CAS_TICKET_WHY, ATEN_LOG_INFO},
};

/* What a portal's answer is refused for, whatever it is: one page for all of it, so that who forges messages learns
 * nothing from it. The reason stands in the log. */
static const telling_t portal_answer = {ATEN_V_SAML_MALFORMED, 403, ATEN_T_PORTAL_ANSWER_TITLE,
                                        ATEN_T_PORTAL_ANSWER_WHY, ATEN_LOG_WARN};

static int is_saml(aten_verdict_t verdict)
{
    return verdict >= ATEN_V_SAML_ENCODING && verdict <= ATEN_V_SAML_REPLAYED;
}

static const telling_t *telling_of(aten_verdict_t verdict)
{
    apr_size_t i;

    for (i = 0; i < sizeof(tellings) / sizeof(tellings[0]); i++) {
        if (tellings[i].verdict == verdict) return &tellings[i];
    }
    return is_saml(verdict) ? &portal_answer : &tellings[0];
}

/* Where the configuration itself is in doubt, nothing of it is asked. */
static apr_array_header_t *help_for(const aten_turn_t *turn, aten_verdict_t verdict, const char *to)
{
    if (verdict == ATEN_V_CONFIG || verdict == ATEN_V_INSECURE_HTTP) return NULL;
    return aten_help_buttons(turn, turn->env->place_of(turn->env->place_baton, to ? to : turn->site->home), NULL);
}

static aten_answer_t *answer_error(const aten_turn_t *turn, const telling_t *tell, aten_verdict_t verdict,
                                   const char *why, const char *to)
{
    /* Where a portal or CAS server would answer from a session that has ended, the password is asked for anew. */
    const char *params[] = {"to", to, "switch", verdict == ATEN_V_SESSION_ENDED ? "1" : NULL, NULL};
    aten_answer_t *answer;
    aten_page_t *page;

    if (aten_client_of(turn->request) == ATEN_CLIENT_SCRIPT) {
        /* No more than the page says: what was wrong with a forged answer stands in the log alone. */
        answer = aten_answer_script(turn, tell->status, tell == &portal_answer ? tell->verdict : verdict, tell->level,
                                    to);
        answer->verdict = verdict;
    }
    else {
        page = aten_turn_page(turn, tell->title);
        aten_page_line(page, aten_say(turn, tell->why, NULL));
        if (verdict == ATEN_V_COOKIES_REFUSED) aten_page_line(page, aten_say(turn, ATEN_T_COOKIES_WHAT, NULL));
        if (verdict != ATEN_V_INSECURE_HTTP) {
            aten_page_button(page, aten_own_url(turn, "/login", params), aten_say(turn, ATEN_T_TRY_AGAIN, NULL), 1);
        }
        aten_page_button(page, turn->site->home, aten_say(turn, ATEN_T_TO_HOME, NULL), 0);
        page->help = help_for(turn, verdict, to);
        answer = aten_answer_page(turn, page, tell->status, verdict, tell->level);
    }
    answer->why = why;
    if (tell->status == 503) apr_table_setn(answer->headers, "Retry-After", "5");
    return answer;
}

aten_answer_t *aten_answer_error(const aten_turn_t *turn, aten_verdict_t verdict, const char *why, const char *to)
{
    return answer_error(turn, telling_of(verdict), verdict, why, to);
}

aten_answer_t *aten_answer_portal_error(const aten_turn_t *turn, aten_verdict_t verdict, const char *why)
{
    const telling_t *tell = verdict >= ATEN_V_XML_MALFORMED && verdict <= ATEN_V_XML_LARGE ? &portal_answer
                                                                                           : telling_of(verdict);

    return answer_error(turn, tell, verdict, why, NULL);
}

const char *aten_populations_text(const aten_turn_t *turn, const apr_array_header_t *names)
{
    static const struct {
        const char *name;
        aten_text_t text;
    } known[] = {
        {"pupils", ATEN_T_POPULATION_PUPILS},
        {"parents", ATEN_T_POPULATION_PARENTS},
        {"staff", ATEN_T_POPULATION_STAFF},
    };
    apr_array_header_t *texts = apr_array_make(turn->p, 4, sizeof(const char *));
    const char *joined = "";
    apr_size_t k;
    int i;

    for (i = 0; names && i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);

        for (k = 0; k < sizeof(known) / sizeof(known[0]); k++) {
            if (aten_same(name, known[k].name)) name = aten_say(turn, known[k].text, NULL);
        }
        APR_ARRAY_PUSH(texts, const char *) = name;
    }
    for (i = 0; i < texts->nelts; i++) {
        joined = apr_pstrcat(turn->p, joined, i ? ", " : "", APR_ARRAY_IDX(texts, i, const char *), NULL);
    }
    return joined;
}

static aten_text_t help_text(const char *kind)
{
    static const struct {
        const char *kind;
        aten_text_t text;
    } texts[] = {
        {"no-identifier", ATEN_T_HELP_NO_IDENTIFIER}, {"first-login", ATEN_T_HELP_FIRST_LOGIN},
        {"lost-password", ATEN_T_HELP_LOST_PASSWORD}, {"no-email", ATEN_T_HELP_NO_EMAIL},
        {"locked", ATEN_T_HELP_LOCKED},
    };
    apr_size_t i;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (aten_same(texts[i].kind, kind)) return texts[i].text;
    }
    return ATEN_T_HELP_CONTACT;
}

apr_array_header_t *aten_help_buttons(const aten_turn_t *turn, const aten_place_t *place,
                                      const aten_profile_t *profile)
{
    apr_array_header_t *const lists[] = {profile ? profile->help : NULL, place->help};
    apr_array_header_t *buttons = apr_array_make(turn->p, 6, sizeof(aten_button_t));
    const char *const *kind;

    for (kind = aten_help_kinds(); *kind; kind++) {
        const aten_help_link_t *link = aten_help_link_find(lists, 2, *kind, turn->lang);
        aten_button_t *button;

        if (!link) continue;
        button = apr_array_push(buttons);
        memset(button, 0, sizeof(*button));
        button->href = link->url;
        button->label = link->text ? link->text : aten_say(turn, help_text(*kind), NULL);
    }
    return buttons;
}

const char *aten_profile_text(const aten_turn_t *turn, const aten_profile_t *profile)
{
    const aten_label_t *label = aten_profile_label_for(profile, turn->lang);

    if (!label) return profile->id;
    if (!label->group) return label->text;
    return apr_pstrcat(turn->p, label->group, " > ", label->text, NULL);
}

const char *aten_person_name(const aten_turn_t *turn, const aten_person_t *person)
{
    const apr_table_t *variables = aten_session_variables(person->session, person->populations, turn->site->fields,
                                                          NULL, turn->p);
    const char *prenom = apr_table_get(variables, "ATEN_PRENOM"), *nom = apr_table_get(variables, "ATEN_NOM");

    if (prenom && nom) return apr_pstrcat(turn->p, prenom, " ", nom, NULL);
    return nom ? nom : person->session->identity.user;
}

const char *aten_said_of_person(const aten_turn_t *turn, const aten_session_t *session)
{
    apr_array_header_t *none = apr_array_make(turn->p, 0, sizeof(const aten_population_t *));
    const char *role;

    if (session->backend == ATEN_BACKEND_CAS) {
        return apr_pstrcat(turn->p, "user ", aten_log_text(turn->p, session->identity.user, 128), NULL);
    }
    role = apr_table_get(aten_session_variables(session, none, turn->site->fields, NULL, turn->p), "ATEN_ROLE");
    return apr_pstrcat(turn->p, "a person of the portal, role ", role ? role : "none", NULL);
}

const char *aten_said_of_portal(const aten_turn_t *turn, const aten_portal_t *portal, const char *why)
{
    if (!portal) return why;
    return apr_pstrcat(turn->p, "portal ", aten_log_text(turn->p, portal->entity_id, 256), why ? ": " : "",
                       why ? why : "", NULL);
}

char *aten_cas_address(const aten_turn_t *turn, const char *const params[])
{
    return apr_pstrcat(turn->p, turn->site->base->url, aten_own_url(turn, "/cas", params), NULL);
}

void aten_answer_end_session(const aten_turn_t *turn, aten_answer_t *answer)
{
    const aten_site_t *site = turn->site;
    const char *value;
    apr_size_t len;

    if (!aten_cookie_find(turn->request->cookies, site->cookie_name, 0, &value, &len)) return;
    APR_ARRAY_PUSH(answer->cookies, const char *) =
        aten_cookie_set(site->cookie_name, "", site->base->https, site->cookie_domain, 0, turn->p);
}

aten_pending_place_t aten_turn_pending_place(const aten_turn_t *turn)
{
    const aten_site_t *site = turn->site;
    aten_pending_place_t place = {turn->env->keys, site->cookie_base, site->base->https, site->base->host,
                                  ATEN_PENDING_ALL};

    return place;
}

#define FORM_TYPE "application/x-www-form-urlencoded"

static int is_form(const char *content_type)
{
    const apr_size_t len = sizeof(FORM_TYPE) - 1;

    return content_type && !strncasecmp(content_type, FORM_TYPE, len)
           && (!content_type[len] || strchr("; \t", content_type[len]));
}

aten_verdict_t aten_turn_form(const aten_turn_t *turn, const char *const wanted[], apr_table_t **params,
                              const char **why)
{
    const aten_request_t *request = turn->request;

    *why = NULL;
    if (request->body_verdict != ATEN_V_OK) return request->body_verdict;
    *why = "the body is no form (" FORM_TYPE ")";
    if (!is_form(request->content_type)) return ATEN_V_PARAM_MALFORMED;
    *why = "the body has a NUL";
    if (strlen(request->body) != request->body_len) return ATEN_V_PARAM_MALFORMED;
    return aten_params(params, request->body, wanted, why, turn->p);
}
