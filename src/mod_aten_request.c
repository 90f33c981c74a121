/* request_rec <-> what the logic reads and answers. */
#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>

#include "aten_page.h"
#include "mod_auth_aten.h"

APLOG_USE_MODULE(auth_aten);

request_rec *mod_aten_first(request_rec *r)
{
    while (r->main || r->prev) r = r->main ? r->main : r->prev;
    return r;
}

static const aten_site_t *site_of(request_rec *r)
{
    const mod_aten_server_conf *conf = mod_aten_server(r->server);

    if (conf->base) return conf->site[0];
    return conf->site[!strcmp(ap_http_scheme(r), "https")];
}

mod_aten_chain_t *mod_aten_chain(request_rec *r)
{
    request_rec *first = mod_aten_first(r);
    mod_aten_chain_t *chain = ap_get_module_config(first->request_config, &auth_aten_module);

    if (chain) return chain;
    chain = apr_pcalloc(first->pool, sizeof(*chain));
    chain->site = site_of(first);
    chain->unknown = ATEN_V_OK;
    chain->cookies = apr_table_get(first->headers_in, "Cookie");
    ap_set_module_config(first->request_config, &auth_aten_module, chain);
    return chain;
}

const aten_site_t *mod_aten_site(request_rec *r)
{
    return mod_aten_chain(r)->site;
}

void mod_aten_place(aten_place_t *place, const mod_aten_dir_conf *conf)
{
    place->profile_ids = conf->profile_ids;
    place->cutoff = conf->cutoff;
    place->notice = conf->notice;
    place->help = conf->help;
    place->optional = conf->optional == 1;
    place->force_authn = conf->force_authn == 1;
    place->authn_contexts = conf->authn_contexts && conf->authn_contexts->nelts ? conf->authn_contexts : NULL;
}

/* --- the configuration of another path --- */

int mod_aten_end_probe(request_rec *r)
{
    mod_aten_chain_t *chain;

    if (!r->main) return DECLINED;
    chain = mod_aten_chain(r);
    if (!chain->probing) return DECLINED;
    chain->probed = mod_aten_dir(r);
    return DONE;
}

/* httpd itself finds out what holds for a path, as if it were asked for: translated, walked through directories,
 * .htaccess, locations and <If>. The sub-request ends there: no authentication, no handler. Its pool lives as long as
 * the request, for the configuration found may stand in it. */
static const aten_place_t *place_of(void *baton, const char *to)
{
    request_rec *r = baton;
    mod_aten_chain_t *chain = mod_aten_chain(r);
    aten_place_t *place = apr_pcalloc(r->pool, sizeof(*place));

    chain->probing = 1;
    chain->probed = NULL;
    ap_sub_req_method_uri("GET", to, r, NULL);
    chain->probing = 0;
    if (!chain->probed) {
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r, "the configuration of the path to go to cannot be read: "
                      "the server's own holds");
        chain->probed = ap_get_module_config(r->server->lookup_defaults, &auth_aten_module);
    }
    mod_aten_place(place, chain->probed);
    return place;
}

static const aten_saml_metadata_t *metadata_of(void *baton)
{
    return mod_aten_portals(baton);
}

aten_env_t mod_aten_env(request_rec *r)
{
    aten_env_t env = {mod_aten_first(r)->request_time, mod_aten_keys(), mod_aten_random, NULL, mod_aten_http, NULL,
                      mod_aten_store(), mod_aten_validations(), metadata_of, r, place_of, r};
    return env;
}

aten_request_t mod_aten_request(request_rec *r)
{
    aten_request_t request = {0};

    request.method = r->method;
    request.uri = mod_aten_first(r)->unparsed_uri;
    request.query = r->args;
    request.cookies = mod_aten_chain(r)->cookies;
    request.accept = apr_table_get(r->headers_in, "Accept");
    request.accept_language = apr_table_get(r->headers_in, "Accept-Language");
    request.sec_fetch_mode = apr_table_get(r->headers_in, "Sec-Fetch-Mode");
    request.sec_fetch_dest = apr_table_get(r->headers_in, "Sec-Fetch-Dest");
    request.sec_fetch_site = apr_table_get(r->headers_in, "Sec-Fetch-Site");
    request.requested_with = apr_table_get(r->headers_in, "X-Requested-With");
    request.content_type = apr_table_get(r->headers_in, "Content-Type");
    request.purpose = apr_table_get(r->headers_in, "Sec-Purpose");
    if (!request.purpose) request.purpose = apr_table_get(r->headers_in, "Purpose");
    request.referer = apr_table_get(r->headers_in, "Referer");
    request.person = mod_aten_person(r);
    request.unknown = mod_aten_chain(r)->unknown;
    return request;
}

void mod_aten_read_body(request_rec *r, apr_size_t max, aten_request_t *request)
{
    char *body = apr_palloc(r->pool, max + 2);
    apr_size_t len = 0;
    long got = 0;

    request->body = "";
    request->body_verdict = ATEN_V_BODY_BROKEN;
    if (ap_setup_client_block(r, REQUEST_CHUNKED_DECHUNK) != OK) return;
    if (r->remaining > (apr_off_t)max) {
        request->body_verdict = ATEN_V_BODY_LARGE;
        return;
    }
    if (ap_should_client_block(r)) {
        while (len <= max && (got = ap_get_client_block(r, body + len, max + 1 - len)) > 0) len += (apr_size_t)got;
    }
    if (got < 0) return;
    if (len > max) {
        request->body_verdict = ATEN_V_BODY_LARGE;
        return;
    }
    body[len] = '\0';
    request->body = body;
    request->body_len = len;
    request->body_verdict = ATEN_V_OK;
}

/* --- the answer --- */

static void log_answer(request_rec *r, const aten_answer_t *answer)
{
    static const int levels[] = {0, APLOG_DEBUG, APLOG_INFO, APLOG_WARNING, APLOG_ERR};
    const char *reference = answer->reference ? apr_pstrcat(r->pool, " (reference ", answer->reference, ")", NULL) : "";

    if (answer->level == ATEN_LOG_NONE) return;
    ap_log_rerror(APLOG_MARK, levels[answer->level], 0, r, "%s: %s%s%s%s", aten_verdict_tag(answer->verdict),
                  aten_verdict_text(answer->verdict), answer->why ? ": " : "", answer->why ? answer->why : "",
                  reference);
}

static void count_unknown(request_rec *r, const aten_answer_t *answer)
{
    if (!answer->unknown_user || !mod_aten_note_unknown_population(r->request_time)) return;
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r, "%s: the CAS server's answer puts user %s into no population "
                  "(AtenPopulation); where AtenCASCutoff closes for populations such people are refused from its date "
                  "on. This line stands once an hour at most", aten_verdict_tag(ATEN_V_POPULATION_UNKNOWN),
                  aten_log_text(r->pool, answer->unknown_user, 128));
}

static void set_headers(request_rec *r, const aten_answer_t *answer)
{
    apr_table_t *headers = r->err_headers_out;
    int i;

    apr_table_overlap(headers, answer->headers, APR_OVERLAP_TABLES_SET);
    if (answer->location) apr_table_setn(headers, "Location", answer->location);
    for (i = 0; i < answer->cookies->nelts; i++) {
        apr_table_addn(headers, "Set-Cookie", APR_ARRAY_IDX(answer->cookies, i, const char *));
    }
    apr_table_setn(headers, "Cache-Control", answer->cacheable ? "public, max-age=86400" : "no-store");
    apr_table_setn(headers, "X-Content-Type-Options", "nosniff");
    if (answer->verdict == ATEN_V_FRAMED) {
        apr_table_setn(headers, "Content-Security-Policy", aten_page_csp_framed());
    }
    else {
        apr_table_setn(headers, "Content-Security-Policy", answer->has_form ? aten_page_csp_form() : aten_page_csp());
        apr_table_setn(headers, "X-Frame-Options", "DENY");
    }
    /* httpd writes the Referer behind log lines, and a page at the CAS return address has a ticket in its own. */
    apr_table_setn(headers, "Referrer-Policy", "no-referrer");
}

/* In the hook that decides, and not through httpd's error path: a site's ErrorDocument must not replace the answer, and
 * no content handler may run behind it (mod_auth_openidc sent protected content after its page: CVE-2025-31492). */
int mod_aten_send(request_rec *r, const aten_answer_t *answer)
{
    apr_size_t len = strlen(answer->body);

    log_answer(r, answer);
    count_unknown(r, answer);
    mod_aten_chain(r)->reissued = 1; /* the answer's own cookies are the last word */
    r->status = answer->status;
    r->status_line = NULL;
    ap_set_content_type(r, answer->content_type);
    set_headers(r, answer);
    if (!answer->cacheable) apr_table_setn(r->subprocess_env, "no-cache", "1"); /* for mod_cache: see mark_private */
    ap_set_content_length(r, (apr_off_t)len);
    ap_run_insert_error_filter(r);
    if (len) ap_rwrite(answer->body, (int)len, r);
    return DONE;
}
