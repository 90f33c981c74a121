/* The session of a request: opened once for a chain of requests, and once for a cookie on a kept-alive connection;
 * judged on every request. */
#include <string.h>

#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <util_filter.h>

#include "aten_cookie.h"
#include "aten_session_variables.h"
#include "mod_auth_aten.h"

APLOG_USE_MODULE(auth_aten);

#define COOKIES_TRIED 2     /* cookies of our name in one request: a parent domain may have planted one */
#define REMEMBERED_MAX 4    /* sessions kept for a connection; a proxy's connection carries many people's */

/* What a cookie turned out to be. */
typedef struct {
    const aten_site_t *site;
    const char *value;
    apr_size_t len;
    aten_person_t person;
    aten_ended_keys_t ended;
    apr_uint64_t alive;     /* the store's version when the session was last found alive there */
    apr_table_t *variables; /* when no population is closed */
    const char *header;     /* the Cookie header in which it came first, and what strip_cookies leaves of it; NULL: a
                             * session that the connection does not remember */
    const char *rest;
} known_t;

typedef struct {
    int tried; /* cookies opened in the connection's memory, which grows by each: good or bad */
    int count;
    known_t *known[REMEMBERED_MAX];
} connection_memory_t;

static ap_filter_rec_t *session_filter_handle;

/* --- opening --- */

static known_t *open_cookie(request_rec *r, const aten_site_t *site, const char *value, apr_size_t len, apr_pool_t *p)
{
    known_t *known = apr_pcalloc(p, sizeof(*known));
    aten_verdict_t verdict = aten_session_open(&known->person.session, value, len, mod_aten_keys(), &site->bind, p);

    if (verdict == ATEN_V_OK) verdict = aten_site_allows(site, known->person.session, p);
    if (verdict == ATEN_V_OK && !aten_ended_keys(&known->ended, known->person.session)) verdict = ATEN_V_INTERNAL;
    if (verdict != ATEN_V_OK) {
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r, "%s: %s", aten_verdict_tag(verdict), aten_verdict_text(verdict));
        return NULL;
    }
    known->site = site;
    known->value = apr_pmemdup(p, value, len);
    known->len = len;
    known->person.populations = aten_site_populations_of(site, known->person.session, p);
    known->variables = aten_session_variables(known->person.session, known->person.populations, site->fields, NULL, p);
    return known;
}

/* All bytes and the site are compared; on the request's own connection, which in HTTP/2 is the stream's. The oldest are
 * never dropped: what an earlier request still logs (pipelining) stands in them. */
static known_t *open_remembered(request_rec *r, const aten_site_t *site, const char *value, apr_size_t len)
{
    conn_rec *c = r->connection;
    connection_memory_t *memory = ap_get_module_config(c->conn_config, &auth_aten_module);
    known_t *known;
    int i;

    for (i = 0; memory && i < memory->count; i++) {
        known = memory->known[i];
        if (known->site == site && known->len == len && !memcmp(known->value, value, len)) return known;
    }
    if (memory && memory->tried == REMEMBERED_MAX) return open_cookie(r, site, value, len, mod_aten_first(r)->pool);
    if (!memory) {
        memory = apr_pcalloc(c->pool, sizeof(*memory));
        ap_set_module_config(c->conn_config, &auth_aten_module, memory);
    }
    memory->tried++;
    known = open_cookie(r, site, value, len, c->pool);
    if (!known) return NULL;
    memory->known[memory->count++] = known;
    known->header = apr_pstrdup(c->pool, mod_aten_chain(r)->cookies);
    known->rest = aten_cookie_strip(known->header, site->cookie_base, c->pool);
    return known;
}

/* A session that was ended, or of which that cannot be known, is not let in. */
static aten_verdict_t judge_ended(request_rec *r, known_t *known)
{
    aten_verdict_t verdict = mod_aten_store_ready();

    if (verdict != ATEN_V_OK) return verdict;
    return aten_ended_check(mod_aten_store(), &known->ended, known->person.session, mod_aten_first(r)->request_time,
                            &known->alive);
}

static int is_alive(request_rec *r, const aten_site_t *site, known_t *known)
{
    const aten_session_t *session = known->person.session;
    aten_verdict_t verdict = aten_session_check(session, &site->last, mod_aten_first(r)->request_time);

    if (verdict == ATEN_V_OK && !aten_site_has_backend(site, session->backend, session->backend_key)) {
        verdict = ATEN_V_SESSION_BACKEND;
    }
    if (verdict == ATEN_V_OK) {
        verdict = judge_ended(r, known);
        if (verdict == ATEN_V_STORE || verdict == ATEN_V_STORE_BEHIND) mod_aten_chain(r)->unknown = verdict;
    }
    if (verdict == ATEN_V_OK) return 1;
    ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r, "%s: %s", aten_verdict_tag(verdict), aten_verdict_text(verdict));
    return 0;
}

/* The same header as before, as a browser sends it: nothing in it needs to be looked for again. */
static known_t *find_header(request_rec *r, const aten_site_t *site, const char *header)
{
    const connection_memory_t *memory = ap_get_module_config(r->connection->conn_config, &auth_aten_module);
    int i;

    for (i = 0; header && memory && i < memory->count; i++) {
        known_t *known = memory->known[i];

        if (known->site == site && !strcmp(known->header, header)) return known;
    }
    return NULL;
}

static const aten_person_t *admit_known(mod_aten_chain_t *chain, known_t *known)
{
    chain->person = &known->person;
    chain->ended = &known->ended;
    chain->unknown = ATEN_V_OK;
    chain->variables = known->variables;
    return chain->person;
}

const aten_person_t *mod_aten_person(request_rec *r)
{
    mod_aten_chain_t *chain = mod_aten_chain(r);
    const aten_site_t *site;
    known_t *again;
    const char *value;
    apr_size_t len;
    int nth;

    if (chain->looked) return chain->person;
    chain->looked = 1;
    site = chain->site;
    again = find_header(r, site, chain->cookies);
    if (again && is_alive(r, site, again)) {
        chain->stripped = 1;
        chain->rest = again->rest;
        return admit_known(chain, again);
    }
    for (nth = 0; nth < COOKIES_TRIED; nth++) {
        known_t *known;

        if (!aten_cookie_find(chain->cookies, site->cookie_name, nth, &value, &len)) break;
        known = open_remembered(r, site, value, len);
        if (!known || !is_alive(r, site, known)) continue;
        return admit_known(chain, known);
    }
    return NULL;
}

/* Only our own pages ask: most requests have one cookie of the name, or end at the first that is good. */
const aten_session_t *mod_aten_second_session(request_rec *r)
{
    const mod_aten_chain_t *chain = mod_aten_chain(r);
    const char *value;
    apr_size_t len;
    int nth;

    for (nth = 0; chain->person && nth < COOKIES_TRIED; nth++) {
        known_t *known;

        if (!aten_cookie_find(chain->cookies, chain->site->cookie_name, nth, &value, &len)) return NULL;
        known = open_remembered(r, chain->site, value, len);
        if (!known || !is_alive(r, chain->site, known)) continue;
        if (memcmp(known->person.session->id, chain->person->session->id, ATEN_SESSION_ID_BYTES)) {
            return known->person.session;
        }
    }
    return NULL;
}

/* --- what the application sees --- */

void mod_aten_set_user(request_rec *r, const aten_person_t *person)
{
    r->user = (char *)person->session->identity.user;
    r->ap_auth_type = (char *)MOD_ATEN_AUTH_TYPE;
}

/* Most requests have no variable yet, and a whole table is copied at the price of three entries. */
static void set_all(request_rec *r, const apr_table_t *variables)
{
    const apr_array_header_t *elements = apr_table_elts(variables);
    const apr_table_entry_t *entry = (const apr_table_entry_t *)elements->elts;
    int i;

    if (apr_is_empty_table(r->subprocess_env)) {
        r->subprocess_env = apr_table_copy(r->pool, variables);
        return;
    }
    for (i = 0; i < elements->nelts; i++) apr_table_setn(r->subprocess_env, entry[i].key, entry[i].val);
}

void mod_aten_set_variables(request_rec *r, const aten_person_t *person, const aten_standing_t *standing)
{
    const apr_table_t *variables = mod_aten_chain(r)->variables;

    if (standing->closed && standing->closed->nelts) {
        variables = aten_session_variables(person->session, standing->open, mod_aten_site(r)->fields, NULL, r->pool);
    }
    set_all(r, variables);
    if (standing->days_left >= 0) {
        apr_table_setn(r->subprocess_env, "ATEN_CAS_DAYS_LEFT", apr_itoa(r->pool, standing->days_left));
    }
    else if (r->main) {
        apr_table_unset(r->subprocess_env, "ATEN_CAS_DAYS_LEFT"); /* of the path that it was copied from */
    }
}

void mod_aten_strip_cookies(request_rec *r)
{
    mod_aten_chain_t *chain;
    const char *header, *rest;

    if (mod_aten_dir(r)->pass_cookie == 1) {
        /* An internal redirect may lead from where ours are taken out to where they are left in. */
        header = mod_aten_chain(r)->cookies;
        if (header) apr_table_setn(r->headers_in, "Cookie", header);
        return;
    }
    header = apr_table_get(r->headers_in, "Cookie");
    if (!header) return;
    chain = mod_aten_chain(r); /* keeps the header as it came */
    if (chain->stripped && header == chain->cookies) rest = chain->rest;
    else rest = aten_cookie_strip(header, chain->site->cookie_base, r->pool);
    if (rest == header) return;
    if (rest) apr_table_setn(r->headers_in, "Cookie", rest);
    else apr_table_unset(r->headers_in, "Cookie");
}

/* --- the answer under a session --- */

static int is_token(const char *item, const char *name)
{
    apr_size_t len = strlen(name);

    return !strncasecmp(item, name, len) && (!item[len] || item[len] == '=' || item[len] == ' ');
}

/* @return the value with private and without what allows a shared cache to keep it; NULL if it is strict already */
static const char *made_private(const char *value, apr_pool_t *p)
{
    const char *result = "private", *item;

    while ((item = ap_get_list_item(p, &value))) {
        if (is_token(item, "no-store") || !strcmp(item, "private")) return NULL;
        if (is_token(item, "public") || is_token(item, "s-maxage") || is_token(item, "private")) continue;
        result = apr_pstrcat(p, result, ", ", item, NULL);
    }
    return result;
}

static int make_private(apr_table_t *headers, apr_pool_t *p)
{
    const char *value = apr_table_get(headers, "Cache-Control");
    const char *better = value ? made_private(value, p) : NULL;

    if (better) apr_table_setn(headers, "Cache-Control", better);
    return value != NULL;
}

/* The variable keeps mod_cache from storing the answer even where it is told to store what is private; behind the
 * handler, so that no application sees it. */
static void mark_private(request_rec *r)
{
    int found = make_private(r->headers_out, r->pool);

    apr_table_setn(r->subprocess_env, "no-cache", "1");
    if (make_private(r->err_headers_out, r->pool) || found) return;
    apr_table_setn(r->headers_out, "Cache-Control", "private");
}

/* The store is asked again: the person may have logged out while this answer was made, and a late answer must bring no
 * session back to life. */
static int still_alive(const mod_aten_chain_t *chain, const aten_site_t *site, apr_time_t now)
{
    const aten_session_t *session = chain->person->session;

    return aten_session_check(session, &site->last, now) == ATEN_V_OK
           && aten_ended_check(mod_aten_store(), chain->ended, session, now, NULL) == ATEN_V_OK;
}

/* The sliding cookie: when the headers go out, once, with the time of that moment. */
static void reissue(request_rec *r)
{
    mod_aten_chain_t *chain = mod_aten_chain(r);
    const aten_site_t *site = mod_aten_site(r);
    apr_time_t now = apr_time_now();
    aten_session_t fresh;
    char *value;

    if (chain->reissued || !aten_session_wants_reissue(chain->person->session, &site->last, now)) return;
    chain->reissued = 1;
    if (!still_alive(chain, site, now)) return;
    fresh = *chain->person->session;
    fresh.seen = now;
    if (aten_session_seal(&value, &fresh, fresh.identity.attributes->nelts, mod_aten_keys(), &site->bind,
                          mod_aten_random, NULL, r->pool) != ATEN_V_OK) {
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r, "the session cookie cannot be issued anew; it goes on as it is");
        return;
    }
    apr_table_addn(r->err_headers_out, "Set-Cookie",
                   aten_cookie_set(site->cookie_name, value, site->base->https, site->cookie_domain, -1, r->pool));
}

static apr_status_t session_filter(ap_filter_t *f, apr_bucket_brigade *brigade)
{
    ap_remove_output_filter(f);
    mark_private(f->r);
    reissue(f->r);
    return ap_pass_brigade(f->next, brigade);
}

void mod_aten_register_filters(void)
{
    session_filter_handle = ap_register_output_filter("ATEN_SESSION", session_filter, NULL, AP_FTYPE_CONTENT_SET);
}

void mod_aten_insert_filter(request_rec *r)
{
    if (r->main || !r->ap_auth_type || strcmp(r->ap_auth_type, MOD_ATEN_AUTH_TYPE)) return;
    if (!mod_aten_chain(r)->person) return;
    ap_add_output_filter_handle(session_filter_handle, NULL, r, r->connection);
}
