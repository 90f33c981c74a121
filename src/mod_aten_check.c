/* The configuration as a whole, judged where configtest sees it (check_config) and without side effects: what could not
 * log anybody in, or names what does not exist, stops the start with one line. Also resolves each server into the sites
 * that the logic works with. */
#include <string.h>
#include <unistd.h>

#include <apr_file_io.h>
#include <apr_strings.h>
#include <ap_listen.h>
#include <http_core.h>
#include <http_log.h>

#include "aten_cookie.h"
#include "mod_aten_check.h"

APLOG_USE_MODULE(auth_aten);

#define ATEN_DEFAULT_PATH "/aten"
#define ATEN_DEFAULT_HOME "/"
#define ATEN_DEFAULT_COOKIE "aten"
#define ATEN_DEFAULT_LIFETIME apr_time_from_sec(28800)
#define ATEN_DEFAULT_IDLE apr_time_from_sec(3600)
#define ATEN_DEFAULT_CAS_TIMEOUT apr_time_from_sec(5)
#define CAS_CONNECT_TIMEOUT apr_time_from_sec(2)
#define KEYS_FILE_MAX (16 * 1024)

/* --- resolving a server into sites --- */

static aten_cas_server_t *cas_server(const mod_aten_server_conf *conf, const char *url, apr_pool_t *p)
{
    aten_cas_server_t *server = apr_pcalloc(p, sizeof(*server));

    server->url = url;
    server->protocol = conf->cas_protocol == ATEN_CAS_UNSET ? ATEN_CAS_3 : conf->cas_protocol;
    server->validate_url = url == conf->cas_url ? conf->cas_validate_url : NULL;
    server->timeout = conf->cas_timeout == MOD_ATEN_UNSET ? ATEN_DEFAULT_CAS_TIMEOUT : conf->cas_timeout;
    server->connect_timeout = server->timeout < CAS_CONNECT_TIMEOUT ? server->timeout : CAS_CONNECT_TIMEOUT;
    aten_backend_key(server->key, ATEN_BACKEND_CAS, url);
    return server;
}

static int has_server(const apr_array_header_t *servers, const char *url)
{
    int i;

    for (i = 0; i < servers->nelts; i++) {
        if (aten_same(APR_ARRAY_IDX(servers, i, aten_cas_server_t *)->url, url)) return 1;
    }
    return 0;
}

/* AtenCASServer, and the servers that profiles name. */
static apr_array_header_t *cas_servers(const mod_aten_server_conf *conf, const apr_array_header_t *profiles,
                                       apr_pool_t *p)
{
    apr_array_header_t *servers = apr_array_make(p, 2, sizeof(aten_cas_server_t *));
    int i, k;

    if (conf->cas_url) APR_ARRAY_PUSH(servers, aten_cas_server_t *) = cas_server(conf, conf->cas_url, p);
    for (i = 0; i < profiles->nelts; i++) {
        const apr_array_header_t *ways = APR_ARRAY_IDX(profiles, i, aten_profile_t *)->ways;

        for (k = 0; k < ways->nelts; k++) {
            const aten_way_t *way = &APR_ARRAY_IDX(ways, k, aten_way_t);

            if (way->backend != ATEN_BACKEND_CAS || !way->target || has_server(servers, way->target)) continue;
            APR_ARRAY_PUSH(servers, aten_cas_server_t *) = cas_server(conf, way->target, p);
        }
    }
    return servers;
}

/* Of several Listen the main server is taken to be at the scheme's own port, else at the first (httpd has them in
 * reverse order). */
static int listening_port(int usual)
{
    const ap_listen_rec *listener;
    int port = 0;

    for (listener = ap_listeners; listener && port != usual; listener = listener->next) {
        if (listener->bind_addr) port = listener->bind_addr->port;
    }
    return port;
}

static int port_of(const server_rec *s, int usual)
{
    if (s->port) return s->port;
    if (s->addrs && s->addrs->host_port) return s->addrs->host_port;
    return listening_port(usual);
}

/* From ServerName and port, never from the Host header. */
static aten_base_t *base_of(const server_rec *s, int https, apr_pool_t *p)
{
    const char *scheme = s->server_scheme ? s->server_scheme : https ? "https" : "http";
    int port = port_of(s, !strcmp(scheme, "https") ? 443 : 80);
    aten_base_t *base = NULL;

    aten_base_parse(&base, port ? apr_psprintf(p, "%s://%s:%d", scheme, s->server_hostname, port)
                                : apr_psprintf(p, "%s://%s", scheme, s->server_hostname), p);
    return base;
}

static int uses_module(const mod_aten_server_conf *conf)
{
    return conf->cas_url || conf->profiles || conf->portal_files;
}

static aten_site_t *make_site(const mod_aten_server_conf *conf, const server_rec *s, int https, apr_pool_t *p)
{
    aten_site_t *site = apr_pcalloc(p, sizeof(*site));
    aten_base_t *unused = NULL;
    const char *domain = conf->cookie_domain && *conf->cookie_domain ? conf->cookie_domain : NULL;

    site->base = conf->base ? conf->base : base_of(s, https, p);
    if (!site->base) {
        if (uses_module(conf)) return NULL;
        aten_base_parse(&unused, "http://localhost", p);
        site->base = unused; /* never looked at: nobody logs in here */
    }
    site->path = conf->path ? conf->path : ATEN_DEFAULT_PATH;
    site->home = conf->home ? conf->home : ATEN_DEFAULT_HOME;
    site->return_hosts = conf->return_hosts;
    site->profiles = conf->profiles;
    if (!site->profiles) site->profiles = aten_profile_builtin(conf->portal_files != NULL, conf->cas_url != NULL, p);
    site->cas_servers = cas_servers(conf, site->profiles, p);
    mod_aten_saml_resolve(site, conf, p);
    site->populations = aten_population_merge(aten_population_builtin(p), conf->populations, p);
    site->fields = conf->cas_fields ? aten_cas_fields_merge(aten_cas_fields_builtin(p), conf->cas_fields, p)
                                    : aten_cas_fields_builtin(p);
    site->last.lifetime = conf->session_lifetime == MOD_ATEN_UNSET ? ATEN_DEFAULT_LIFETIME : conf->session_lifetime;
    site->last.idle = conf->session_idle == MOD_ATEN_UNSET ? ATEN_DEFAULT_IDLE : conf->session_idle;
    site->cookie_base = conf->cookie_base ? conf->cookie_base : ATEN_DEFAULT_COOKIE;
    site->cookie_domain = domain;
    site->cookie_name = aten_cookie_name(site->cookie_base, "", site->base->https, domain != NULL, p);
    site->bind.purpose = "session";
    site->bind.name = site->cookie_name;
    site->bind.scheme = site->base->scheme;
    site->bind.host = domain ? domain : site->base->host;
    site->insecure_http = conf->insecure_http == 1;
    return site;
}

/* httpd lets a virtual host without any directive of ours share the main server's struct; its sites are its own. */
static int own_conf(server_rec *s, const server_rec *main_server, apr_pool_t *p)
{
    mod_aten_server_conf *conf = mod_aten_server(s);

    if (conf->server != s) {
        conf = apr_pmemdup(p, conf, sizeof(*conf));
        conf->server = s;
        ap_set_module_config(s->module_config, &auth_aten_module, conf);
    }
    /* A session is bound to the host of the base URL: another host must not take the main server's for its own. */
    if (conf->base && conf->base_server != s && ap_cstr_casecmp(s->server_hostname, conf->base->host)) {
        conf->base = NULL;
    }
    if (!mod_aten_saml_read(s, main_server, p)) return 0;
    conf->site[0] = make_site(conf, s, 0, p);
    conf->site[1] = make_site(conf, s, 1, p);
    return 1;
}

/* --- judging --- */

#define COMPLAIN MOD_ATEN_COMPLAIN

static int check_home(server_rec *s, const char *home, const char *path, apr_pool_t *p)
{
    if (!home || aten_return_path(home, path, p)) return 1;
    COMPLAIN(s, "AtenHome: '%s' is one of the module's own pages (AtenPath %s); name a page of the site", home, path);
    return 0;
}

static int check_profile(server_rec *s, const mod_aten_server_conf *conf, const aten_profile_t *profile, apr_pool_t *p)
{
    int i;

    if (!check_home(s, profile->home, conf->site[0]->path, p)) return 0;
    for (i = 0; i < profile->ways->nelts; i++) {
        const aten_way_t *way = &APR_ARRAY_IDX(profile->ways, i, aten_way_t);

        if (way->backend != ATEN_BACKEND_CAS || way->target || conf->cas_url) continue;
        COMPLAIN(s, "AtenBackend: profile '%s' leads to CAS, but there is no AtenCASServer; name the CAS server",
                 profile->id);
        return 0;
    }
    return 1;
}

static int check_insecure(server_rec *s, const mod_aten_server_conf *conf)
{
    if (!conf->base || conf->base->https || conf->base->loopback || conf->insecure_http == 1) return 1;
    COMPLAIN(s, "AtenBaseURL: '%s' is plain http: sessions could be read on the way; use https, or say "
             "AtenInsecureHTTP on", conf->base->url);
    return 0;
}

/* A browser refuses a cookie for a domain that its host is not in: a login would end without a session, and begin anew
 * for ever. */
int mod_aten_cookie_fits(const aten_site_t *site)
{
    const apr_size_t host = strlen(site->base->host);
    const apr_size_t domain = site->cookie_domain ? strlen(site->cookie_domain) : 0;
    const char *end;

    if (!domain) return 1;
    if (domain > host) return 0;
    end = site->base->host + host - domain;
    return !ap_cstr_casecmp(end, site->cookie_domain) && (domain == host || end[-1] == '.');
}

/* Where the directive stands. A server that inherits it may have no part in it: there the request judges. */
static int check_cookie(server_rec *s, const mod_aten_server_conf *conf, const server_rec *main_server)
{
    const aten_site_t *site = conf->site[0];

    if (s == main_server || conf->cookie_domain == mod_aten_server(main_server)->cookie_domain) return 1;
    if (mod_aten_cookie_fits(site)) return 1;
    COMPLAIN(s, "AtenSessionCookie: 'domain=%s' does not have this site's host %s in it, and browsers would refuse the "
             "cookie; name a domain of that host", site->cookie_domain, site->base->host);
    return 0;
}

static int check_ca_file(server_rec *s, const mod_aten_server_conf *conf, apr_pool_t *ptemp)
{
    aten_trust_t *trust;
    const char *error = conf->cas_ca_file ? aten_trust_load(&trust, conf->cas_ca_file, ptemp) : NULL;

    if (error) COMPLAIN(s, "AtenCASCAFile: %s", error);
    return error == NULL;
}

static int check_server(server_rec *s, const server_rec *main_server, apr_pool_t *ptemp)
{
    mod_aten_server_conf *conf = mod_aten_server(s);
    const apr_array_header_t *profiles;
    int i;

    if (!conf->site[0] || !conf->site[1]) {
        COMPLAIN(s, "ServerName: '%s' gives no address that a browser could use; set ServerName or AtenBaseURL",
                 s->server_hostname);
        return 0;
    }
    if (conf->cas_validate_url && !conf->cas_url) {
        COMPLAIN(s, "AtenCASValidateURL: '%s' stands without AtenCASServer", conf->cas_validate_url);
        return 0;
    }
    profiles = conf->site[0]->profiles;
    for (i = 0; i < profiles->nelts; i++) {
        if (!check_profile(s, conf, APR_ARRAY_IDX(profiles, i, aten_profile_t *), ptemp)) return 0;
    }
    return mod_aten_saml_check(s, ptemp) && check_home(s, conf->home, conf->site[0]->path, ptemp)
           && check_insecure(s, conf) && check_cookie(s, conf, main_server) && check_ca_file(s, conf, ptemp);
}

static int can_log_in(const server_rec *s)
{
    const aten_site_t *site = mod_aten_server(s)->site[0];
    int i, k;

    for (i = 0; i < site->profiles->nelts; i++) {
        const aten_profile_t *profile = APR_ARRAY_IDX(site->profiles, i, aten_profile_t *);

        for (k = 0; k < profile->ways->nelts; k++) {
            const aten_way_t *way = &APR_ARRAY_IDX(profile->ways, k, aten_way_t);

            if (aten_site_cas_server(site, way) || aten_site_portal(site, way)) return 1;
        }
    }
    return 0;
}

/* A section of the main server holds for every virtual host: judge it by a server that can log people in. */
static server_rec *server_for(server_rec *main_server, server_rec *s)
{
    server_rec *host;

    if (s != main_server || can_log_in(s)) return s;
    for (host = s->next; host; host = host->next) {
        if (can_log_in(host)) return host;
    }
    return s;
}

static int check_cutoff(const mod_aten_section_t *section, server_rec *s)
{
    const aten_site_t *site = mod_aten_server(s)->site[0];
    const char *unknown;
    int i;

    if (!section->conf->cutoff) return 1;
    unknown = aten_cutoff_unknown_population(section->conf->cutoff, site->populations);
    if (unknown) {
        COMPLAIN(s, "AtenCASCutoff: '%s' (%s) is no population; AtenPopulation defines one, pupils, parents and staff "
                 "are built in", unknown, section->where);
        return 0;
    }
    for (i = 0; aten_cutoff_needs_populations(section->conf->cutoff) && i < site->cas_servers->nelts; i++) {
        if (APR_ARRAY_IDX(site->cas_servers, i, aten_cas_server_t *)->protocol != ATEN_CAS_1) continue;
        COMPLAIN(s, "AtenCASCutoff: populations (%s) need attributes, and AtenCASProtocol 1 has none; use 3, 2 or "
                 "saml1.1, or close the path for everyone", section->where);
        return 0;
    }
    return 1;
}

static int check_section(const mod_aten_section_t *section, server_rec *main_server, apr_pool_t *ptemp)
{
    server_rec *s = server_for(main_server, section->server);
    const char *unknown = NULL;

    if (section->conf->auth_type_aten && !can_log_in(s)) {
        COMPLAIN(s, "AuthType aten (%s): nobody could log in; name the portal with "
                 "AtenPortalMetadata, or the CAS server with AtenCASServer", section->where);
        return 0;
    }
    aten_profile_select(mod_aten_server(s)->site[0]->profiles, section->conf->profile_ids, &unknown, ptemp);
    if (unknown) {
        COMPLAIN(s, "AtenProfiles: '%s' (%s) is no profile; <AtenProfile> defines one", unknown, section->where);
        return 0;
    }
    return check_cutoff(section, s);
}

/* What the open file is, and not what its name meant a moment before. @return NULL, or what is wrong */
static const char *check_secret(const char *file, apr_file_t *fd, apr_pool_t *p)
{
    const apr_int32_t others = APR_FPROT_GREAD | APR_FPROT_GWRITE | APR_FPROT_WREAD | APR_FPROT_WWRITE;
    apr_finfo_t info;

    if (apr_file_info_get(&info, APR_FINFO_TYPE | APR_FINFO_PROT | APR_FINFO_SIZE | APR_FINFO_OWNER, fd) != APR_SUCCESS
        || info.filetype != APR_REG) {
        return apr_psprintf(p, "'%s' is not a file", file);
    }
    if (info.protection & others) return apr_psprintf(p, "'%s' may be read or written by others; chmod 0600", file);
    /* Whoever owns it can change it, and with known keys log in as anybody. */
    if (info.user && info.user != geteuid()) {
        return apr_psprintf(p, "'%s' belongs to a user who is not root; chown root", file);
    }
    return info.size > KEYS_FILE_MAX ? apr_psprintf(p, "'%s' is too large for a key file", file) : NULL;
}

const char *mod_aten_read_secret(char **text, apr_size_t *len, const char *file, apr_pool_t *p)
{
    const char *error = NULL;
    apr_finfo_t info;
    apr_file_t *fd;
    char message[128];
    apr_status_t rv = apr_stat(&info, file, APR_FINFO_TYPE, p); /* to open a FIFO would wait for its writer */

    if (APR_STATUS_IS_ENOENT(rv)) return "";
    if (rv == APR_SUCCESS && info.filetype != APR_REG) return apr_psprintf(p, "'%s' is not a file", file);
    if (rv == APR_SUCCESS) rv = apr_file_open(&fd, file, APR_FOPEN_READ, 0, p);
    if (rv == APR_SUCCESS) {
        error = check_secret(file, fd, p);
        *len = KEYS_FILE_MAX;
        *text = apr_pcalloc(p, *len + 1);
        if (!error) rv = apr_file_read_full(fd, *text, *len, len);
        apr_file_close(fd);
    }
    if (rv == APR_SUCCESS || rv == APR_EOF) return error;
    return apr_psprintf(p, "'%s' cannot be read: %s", file, apr_strerror(rv, message, sizeof(message)));
}

const char *mod_aten_read_keys(aten_keyring_t **keys, const char *file, apr_pool_t *p)
{
    apr_size_t len;
    char *text;
    const char *error = mod_aten_read_secret(&text, &len, file, p);

    if (error) return error;
    error = aten_keyring_parse(keys, text, len, p);
    OPENSSL_cleanse(text, len);
    return error ? apr_psprintf(p, "'%s': %s", file, error) : NULL;
}

const char *mod_aten_state_dir(void)
{
    const char *dir = mod_aten_global()->state_dir;

    return dir ? dir : ATEN_STATE_DIR;
}

static int check_keys(server_rec *s, apr_pool_t *ptemp)
{
    const char *file = mod_aten_global()->keys_file;
    aten_keyring_t *keys;
    const char *error;

    error = mod_aten_read_keys(&keys, file ? file : apr_pstrcat(ptemp, mod_aten_state_dir(), "/keys", NULL), ptemp);
    if (!error || (!*error && !file)) return 1; /* the state directory's own is made at the first start */
    if (!*error) error = apr_psprintf(ptemp, "'%s' does not exist", file);
    COMPLAIN(s, "AtenSessionKeys: %s", error);
    return 0;
}

/* Does a population close anywhere on this server? Then a login without a population is worth a word. */
static int populations_matter(const server_rec *s, const server_rec *main_server)
{
    const apr_array_header_t *sections = mod_aten_global()->sections;
    int i;

    for (i = 0; i < sections->nelts; i++) {
        const mod_aten_section_t *section = APR_ARRAY_IDX(sections, i, mod_aten_section_t *);

        if (section->server != s && section->server != main_server) continue;
        if (section->conf->cutoff && aten_cutoff_needs_populations(section->conf->cutoff)) return 1;
    }
    return 0;
}

/* Redis itself is not asked: one that is away only for now must not stop a start. */
static int check_store(server_rec *main_server)
{
    const char *missing = mod_aten_global()->redis ? mod_aten_watchdog_needs() : NULL;

    if (!missing) return 1;
    ap_log_error(APLOG_MARK, APLOG_CRIT, 0, main_server, "%s", missing);
    return 0;
}

int mod_aten_check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *main_server)
{
    const apr_array_header_t *sections = mod_aten_global()->sections;
    server_rec *s;
    int i;

    (void)plog;
    for (s = main_server; s; s = s->next) {
        if (!own_conf(s, main_server, pconf)) return !OK;
    }
    for (s = main_server; s; s = s->next) {
        if (!check_server(s, main_server, ptemp)) return !OK;
        mod_aten_server(s)->site[0]->populations_matter = populations_matter(s, main_server);
        mod_aten_server(s)->site[1]->populations_matter = mod_aten_server(s)->site[0]->populations_matter;
    }
    for (s = main_server; s; s = s->next) {
        for (i = 0; i < 2; i++) mod_aten_server(s)->site[i]->longest = mod_aten_longest_lifetime(main_server);
    }
    for (i = 0; i < sections->nelts; i++) {
        if (!check_section(APR_ARRAY_IDX(sections, i, mod_aten_section_t *), main_server, ptemp)) return !OK;
    }
    return check_keys(main_server, ptemp) && check_store(main_server) ? OK : !OK;
}
