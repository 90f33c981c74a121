/* mod_auth_aten: the module record and its hooks, in the order in which a request meets them. */
#include <string.h>

#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <mod_auth.h>

#include "aten_url.h"
#include "mod_auth_aten.h"

/* mod_authz_core's own check, found among the hooks: its "401, log in again" becomes our 403. Set in post_config. */
static int (*authorize)(request_rec *r);

/* --- start --- */

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    (void)plog;
    (void)ptemp;
    mod_aten_global_reset(pconf);
    return OK;
}

static void find_authorize(void)
{
    const apr_array_header_t *hooks = ap_hook_get_auth_checker();
    const ap_LINK_auth_checker_t *hook = (const ap_LINK_auth_checker_t *)hooks->elts;
    int i;

    authorize = NULL;
    for (i = 0; i < hooks->nelts; i++) {
        if (!strcmp(hook[i].szName, "mod_authz_core.c")) authorize = hook[i].pFunc;
    }
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    find_authorize();
    return mod_aten_post_config(pconf, plog, ptemp, s);
}

/* --- the module's own pages --- */

/* @return what stands behind AtenPath in the request's path, or NULL: not ours. Only where somebody can log in: the
 * module alone takes no path away from a site that does not use it. */
static const char *own_page(request_rec *r)
{
    const aten_site_t *site = mod_aten_server(r->server)->site[0]; /* the path is the same for http and https */

    if (!r->uri || !aten_site_is_active(site)) return NULL;
    return aten_path_of(r->uri, site->path);
}

static int fail(request_rec *r, const aten_site_t *site, aten_verdict_t verdict, const char *why)
{
    aten_env_t env = mod_aten_env(r);
    aten_request_t request = mod_aten_request(r);

    if (r->main) return HTTP_FORBIDDEN;
    return mod_aten_send(r, aten_flow_fail(&env, site, &request, verdict, why, r->pool));
}

/* Passwords, tickets and cookies could be read on the way. */
static int is_insecure(const aten_site_t *site)
{
    return !site->base->https && !site->base->loopback && !site->insecure_http;
}

/* A subrequest (SSI, mod_dir) has no business with the pages of a login. */
static int answer_own_page(request_rec *r)
{
    const aten_site_t *site = mod_aten_site(r);
    const char *page = own_page(r);
    aten_request_t request;
    apr_size_t max;
    aten_env_t env;

    if (r->main) return HTTP_NOT_FOUND;
    /* No login begins or ends where no page could be reached with it. The page that says so needs its style. */
    if (is_insecure(site) && strcmp(page, "/style.css")) return fail(r, site, ATEN_V_INSECURE_HTTP, site->base->url);
    env = mod_aten_env(r);
    request = mod_aten_request(r);
    request.second = mod_aten_second_session(r);
    max = aten_flow_body_max(page, r->method);
    if (max) mod_aten_read_body(r, max, &request);
    return mod_aten_send(r, aten_flow_page(&env, site, &request, page, r->pool));
}

/* Before a proxy or a rewriting front controller can claim them. */
static int pre_translate_name(request_rec *r)
{
    return own_page(r) ? OK : DECLINED;
}

static int translate_name(request_rec *r)
{
    const char *page = own_page(r);

    if (!page) return DECLINED;
    r->filename = apr_pstrcat(r->pool, "aten:", page, NULL);
    return OK;
}

/* No directory is walked and no .htaccess read for what is not a file. */
static int map_to_storage(request_rec *r)
{
    return own_page(r) ? OK : DECLINED;
}

/* Nor does its address tell a file's type: an ending like .gz would be taken for a compressed page. */
static int type_checker(request_rec *r)
{
    return own_page(r) ? OK : DECLINED;
}

/* --- who gets in --- */

static int is_ours(request_rec *r)
{
    const char *type = ap_auth_type(r);

    return type && !ap_cstr_casecmp(type, MOD_ATEN_AUTH_TYPE);
}

/* The person of this request, if this place lets them in. */
static const aten_person_t *admitted(request_rec *r, aten_standing_t *standing)
{
    const aten_person_t *person = mod_aten_person(r);
    aten_place_t place;

    if (!person) return NULL;
    mod_aten_place(&place, mod_aten_dir(r));
    if (aten_flow_admit(&place, person, mod_aten_first(r)->request_time, standing, r->pool) != ATEN_V_OK) return NULL;
    return person;
}

/* Would any user at all be let in here? AtenOptional is inherited, and a section below may say "Require user chief":
 * there nobody is asked who they are. mod_authz_core is asked in silence, for it would log a refusal. */
static int any_user_will_do(request_rec *r)
{
    static const struct ap_logconf silence = {NULL, APLOG_EMERG};
    static char no_name[] = "";
    const struct ap_logconf *log = r->log;
    int status;

    if (!authorize) return 0;
    r->user = no_name;
    r->log = &silence;
    status = authorize(r);
    r->user = NULL;
    r->log = log;
    return status == OK;
}

/* Runs behind mod_authz_core, so only where a user was missing and nothing else: "Require ip" and "all denied" hold
 * for our own pages too. */
static int access_checker_ex(request_rec *r)
{
    const char *type = ap_auth_type(r);
    aten_standing_t standing;

    if (type && ap_cstr_casecmp(type, MOD_ATEN_AUTH_TYPE)) return DECLINED;
    if (own_page(r)) return OK;
    if (!type || mod_aten_dir(r)->optional != 1) return DECLINED;
    return admitted(r, &standing) || !any_user_will_do(r) ? DECLINED : OK;
}

/* AtenOptional: a session is shown to the application, also where nothing requires a user. */
static int force_authn(request_rec *r)
{
    aten_standing_t standing;

    if (mod_aten_dir(r)->optional != 1 || !is_ours(r) || own_page(r)) return DECLINED;
    return admitted(r, &standing) ? OK : DECLINED;
}

/* What check_config cannot see: .htaccess files, expressions, and what a virtual host inherits without need.
 * @return NULL, or what is wrong */
static const char *unusable(request_rec *r, const aten_site_t *site, const aten_place_t *place)
{
    const char *unknown = NULL;

    if (!aten_site_is_active(site)) return "AuthType aten, but neither a portal nor a CAS server on this server";
    if (!mod_aten_cookie_fits(site)) {
        return apr_psprintf(r->pool, "AtenSessionCookie: domain=%s does not have this site's host %s in it",
                            site->cookie_domain, site->base->host);
    }
    if (place->cutoff && (unknown = aten_cutoff_unknown_population(place->cutoff, site->populations))) {
        return apr_psprintf(r->pool, "AtenCASCutoff: '%s' is no population", unknown);
    }
    if (place->profile_ids) aten_profile_select(site->profiles, place->profile_ids, &unknown, r->pool);
    if (!unknown) return NULL;
    return apr_psprintf(r->pool, "AtenProfiles: '%s' is no profile", unknown);
}

static int challenge(request_rec *r, const aten_site_t *site, const aten_place_t *place)
{
    aten_env_t env = mod_aten_env(r);
    aten_request_t request = mod_aten_request(r);

    if (r->main) return HTTP_UNAUTHORIZED;
    return mod_aten_send(r, aten_flow_challenge(&env, site, place, &request, r->pool));
}

static int refuse(request_rec *r, const aten_site_t *site, const aten_place_t *place, aten_verdict_t verdict,
                  const aten_standing_t *standing)
{
    aten_env_t env = mod_aten_env(r);
    aten_request_t request = mod_aten_request(r);

    if (r->main) return HTTP_FORBIDDEN;
    return mod_aten_send(r, aten_flow_refuse(&env, site, place, &request, verdict, standing, r->pool));
}

static void log_reported(request_rec *r, const aten_person_t *person, const aten_standing_t *standing)
{
    if (standing->reported == standing->verdict || r->main) return;
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "report-only: user %s would be refused: %s: %s",
                  aten_log_text(r->pool, person->session->identity.user, 128), aten_verdict_tag(standing->reported),
                  aten_verdict_text(standing->reported));
}

static int check_authn(request_rec *r)
{
    const aten_site_t *site;
    const aten_person_t *person;
    aten_standing_t standing;
    aten_place_t place;
    aten_verdict_t verdict;
    const char *error;

    if (!is_ours(r)) return DECLINED;
    if (own_page(r)) return answer_own_page(r);
    site = mod_aten_site(r);
    mod_aten_place(&place, mod_aten_dir(r));
    error = unusable(r, site, &place);
    if (error) return fail(r, site, ATEN_V_CONFIG, error);
    if (is_insecure(site)) return fail(r, site, ATEN_V_INSECURE_HTTP, site->base->url);
    person = mod_aten_person(r);
    if (mod_aten_chain(r)->unknown != ATEN_V_OK) {
        return fail(r, site, mod_aten_chain(r)->unknown, "the session cannot be judged");
    }
    if (!person) return challenge(r, site, &place);
    verdict = aten_flow_admit(&place, person, mod_aten_first(r)->request_time, &standing, r->pool);
    if (verdict != ATEN_V_OK) return refuse(r, site, &place, verdict, &standing);
    log_reported(r, person, &standing);
    mod_aten_set_user(r, person);
    return OK;
}

/* A refused right is 403 with a page, not a 401 that asks to log in again. */
static int auth_checker(request_rec *r)
{
    aten_request_t request;
    aten_env_t env;
    int status;

    if (!authorize || !r->ap_auth_type || strcmp(r->ap_auth_type, MOD_ATEN_AUTH_TYPE)) return DECLINED;
    status = authorize(r);
    if (status != HTTP_UNAUTHORIZED && status != HTTP_FORBIDDEN) return status;
    if (r->main) return HTTP_FORBIDDEN;
    apr_table_unset(r->err_headers_out, "WWW-Authenticate");
    env = mod_aten_env(r);
    request = mod_aten_request(r);
    return mod_aten_send(r, aten_flow_forbid(&env, mod_aten_site(r), &request, r->pool));
}

/* --- before the handler --- */

/* @return the request at which the person was let in: this one, or the one whose internal redirect (an Action, an
 * ErrorDocument, a rewriting) led to a place that asks nobody who they are; NULL if there is none */
static request_rec *let_in_at(request_rec *r)
{
    request_rec *at = r;

    if (!r->user && (mod_aten_dir(r)->optional == 1 || (ap_auth_type(r) && !is_ours(r)))) return NULL;
    while (!at->user && at->prev) at = at->prev;
    return at->user && at->ap_auth_type && !strcmp(at->ap_auth_type, MOD_ATEN_AUTH_TYPE) ? at : NULL;
}

/* The protocol is changed in the handler phase (the core's own handler), and the new one starts the request anew from
 * its headers (h2c, RFC 7540, 3.2): our cookies must still be among them then. */
static int offers_upgrade(request_rec *r)
{
    return apr_table_get(r->headers_in, "Upgrade") != NULL;
}

static int strip_after_upgrade(request_rec *r)
{
    if (offers_upgrade(r)) mod_aten_strip_cookies(r);
    return DECLINED;
}

/* For every request and subrequest: httpd skips authentication where the configuration is the same as before, and an
 * internal redirect turns variables into REDIRECT_*. */
static int fixups(request_rec *r)
{
    const aten_person_t *person;
    aten_standing_t standing;
    request_rec *at;

    if (own_page(r)) return answer_own_page(r);
    if (!offers_upgrade(r)) mod_aten_strip_cookies(r);
    at = let_in_at(r);
    if (!at) return DECLINED;
    person = admitted(at, &standing);
    if (!person) return HTTP_FORBIDDEN;
    if (at != r) mod_aten_set_user(r, person);
    mod_aten_set_variables(r, person, &standing);
    return DECLINED;
}

static int post_read_request(request_rec *r)
{
    mod_aten_scrub(r);
    return DECLINED;
}

static void register_hooks(apr_pool_t *p)
{
    static const char *const authz_core[] = {"mod_authz_core.c", NULL};
    static const char *const headers[] = {"mod_headers.c", NULL};
    static const char *const core[] = {"core.c", NULL};

    (void)p;
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_config(mod_aten_check_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(mod_aten_child_init, NULL, NULL, APR_HOOK_MIDDLE);

    ap_hook_post_read_request(post_read_request, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_pre_translate_name(pre_translate_name, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_translate_name(translate_name, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_map_to_storage(map_to_storage, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_post_perdir_config(mod_aten_end_probe, NULL, NULL, APR_HOOK_REALLY_FIRST);

    ap_hook_check_access_ex(access_checker_ex, authz_core, NULL, APR_HOOK_LAST, AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_force_authn(force_authn, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_authn(check_authn, NULL, NULL, APR_HOOK_MIDDLE, AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_check_authz(auth_checker, NULL, authz_core, APR_HOOK_LAST, AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_type_checker(type_checker, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_fixups(fixups, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_handler(strip_after_upgrade, core, NULL, APR_HOOK_REALLY_FIRST);

    ap_hook_insert_filter(mod_aten_insert_filter, headers, NULL, APR_HOOK_REALLY_LAST);
    ap_hook_insert_error_filter(mod_aten_insert_filter, headers, NULL, APR_HOOK_REALLY_LAST);
    mod_aten_register_filters();
    mod_aten_register_scrub_filter();
}

AP_DECLARE_MODULE(auth_aten) = {
    STANDARD20_MODULE_STUFF,
    mod_aten_create_dir,
    mod_aten_merge_dir,
    mod_aten_create_server,
    mod_aten_merge_server,
    mod_aten_commands,
    register_hooks,
    0
};
