/* Directives: create, merge, command table. Parsing is the logic's; what needs the whole configuration is judged in
 * mod_aten_check.c. */
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>

#include "aten_cookie.h"
#include "mod_auth_aten.h"

APLOG_USE_MODULE(auth_aten);

/* One configuration is read at a time, by one thread; it lives in pconf. */
static mod_aten_global_conf *global;

void mod_aten_global_reset(apr_pool_t *p)
{
    global = apr_pcalloc(p, sizeof(*global));
    global->cas_max_pending = MOD_ATEN_UNSET;
    global->sections = apr_array_make(p, 16, sizeof(mod_aten_section_t *));
}

const mod_aten_global_conf *mod_aten_global(void)
{
    return global;
}

mod_aten_server_conf *mod_aten_server(const server_rec *s)
{
    return ap_get_module_config(s->module_config, &auth_aten_module);
}

const mod_aten_dir_conf *mod_aten_dir(const request_rec *r)
{
    return ap_get_module_config(r->per_dir_config, &auth_aten_module);
}

/* --- create and merge --- */

void *mod_aten_create_server(apr_pool_t *p, server_rec *s)
{
    mod_aten_server_conf *conf = apr_pcalloc(p, sizeof(*conf));

    conf->cas_timeout = MOD_ATEN_UNSET;
    conf->clock_skew = MOD_ATEN_UNSET;
    conf->session_lifetime = MOD_ATEN_UNSET;
    conf->session_idle = MOD_ATEN_UNSET;
    conf->insecure_http = MOD_ATEN_UNSET;
    conf->server = s;
    return conf;
}

#define MERGE(field, unset) conf->field = (over->field != (unset)) ? over->field : base->field

void *mod_aten_merge_server(apr_pool_t *p, void *base_conf, void *over_conf)
{
    const mod_aten_server_conf *base = base_conf, *over = over_conf;
    mod_aten_server_conf *conf = apr_pcalloc(p, sizeof(*conf));

    MERGE(cas_url, NULL);
    MERGE(cas_protocol, ATEN_CAS_UNSET);
    /* These belong to a server: with another AtenCASServer the outer ones would name the wrong machine. */
    conf->cas_validate_url = over->cas_url ? over->cas_validate_url
                             : over->cas_validate_url ? over->cas_validate_url : base->cas_validate_url;
    MERGE(cas_ca_file, NULL);
    MERGE(cas_timeout, MOD_ATEN_UNSET);
    conf->cas_fields = !base->cas_fields ? over->cas_fields
                       : !over->cas_fields ? base->cas_fields
                       : aten_cas_fields_merge(base->cas_fields, over->cas_fields, p);
    conf->populations = aten_population_merge(base->populations, over->populations, p);
    MERGE(portal_files, NULL); /* those of a virtual host replace the main server's, whole */
    MERGE(portals, NULL);
    MERGE(unsolicited, NULL);
    MERGE(clock_skew, MOD_ATEN_UNSET);
    MERGE(service_id, NULL);
    /* A key belongs to its certificate: a server has both of its own, or inherits both. */
    conf->service_keys = over->service_keys || over->service_certificates ? over->service_keys : base->service_keys;
    conf->service_certificates = over->service_keys || over->service_certificates ? over->service_certificates
                                                                                  : base->service_certificates;
    MERGE(profiles, NULL);
    MERGE(session_lifetime, MOD_ATEN_UNSET);
    MERGE(session_idle, MOD_ATEN_UNSET);
    MERGE(cookie_base, NULL);
    MERGE(cookie_domain, NULL);
    MERGE(path, NULL);
    MERGE(base, NULL);
    MERGE(base_server, NULL);
    MERGE(home, NULL);
    MERGE(return_hosts, NULL);
    MERGE(insecure_http, MOD_ATEN_UNSET);
    conf->server = over->server;
    return conf;
}

void *mod_aten_create_dir(apr_pool_t *p, char *path)
{
    mod_aten_dir_conf *conf = apr_pcalloc(p, sizeof(*conf));

    (void)path;
    conf->optional = MOD_ATEN_UNSET;
    conf->pass_cookie = MOD_ATEN_UNSET;
    conf->force_authn = MOD_ATEN_UNSET;
    return conf;
}

void *mod_aten_merge_dir(apr_pool_t *p, void *base_conf, void *over_conf)
{
    const mod_aten_dir_conf *base = base_conf, *over = over_conf;
    mod_aten_dir_conf *conf = apr_pcalloc(p, sizeof(*conf));

    conf->auth_type_aten = over->auth_type_aten;
    MERGE(profile_ids, NULL);
    MERGE(cutoff, NULL); /* an inner section's lines replace the outer ones; "off" is an object of its own */
    MERGE(notice, NULL);
    conf->help = !base->help ? over->help : !over->help ? base->help : apr_array_append(p, over->help, base->help);
    MERGE(optional, MOD_ATEN_UNSET);
    MERGE(pass_cookie, MOD_ATEN_UNSET);
    MERGE(force_authn, MOD_ATEN_UNSET);
    MERGE(authn_contexts, NULL); /* "none" is an object of its own */
    return conf;
}

/* --- helpers of the setters --- */

static mod_aten_server_conf *server_conf(cmd_parms *cmd)
{
    return mod_aten_server(cmd->server);
}

/* What is wrong, behind the directive's name: "AtenCASNotice: '...' is ...". */
static const char *wrong(cmd_parms *cmd, const char *error)
{
    return error ? apr_pstrcat(cmd->pool, cmd->cmd->name, ": ", error, NULL) : NULL;
}

static const char *only_in_server(cmd_parms *cmd)
{
    return ap_check_cmd_context(cmd, NOT_IN_DIR_CONTEXT);
}

static const char *only_in_main(cmd_parms *cmd)
{
    return ap_check_cmd_context(cmd, GLOBAL_ONLY);
}

/* A setter's cmd->info: a member of the server's configuration, and for seconds what is allowed. */
typedef struct {
    apr_size_t offset;
    apr_int64_t min, max;
} member_t;

static void *member(cmd_parms *cmd)
{
    return (char *)server_conf(cmd) + ((const member_t *)cmd->info)->offset;
}

static const char *set_seconds(cmd_parms *cmd, void *dir, const char *text)
{
    const member_t *allowed = cmd->info;
    const char *error = only_in_server(cmd);
    apr_int64_t seconds;

    (void)dir;
    if (error) return error;
    if (!aten_parse_number(text, allowed->min, allowed->max, &seconds)) {
        return apr_psprintf(cmd->pool, "%s: '%s' is not a number of seconds from %" APR_INT64_T_FMT " to %"
                            APR_INT64_T_FMT, cmd->cmd->name, text, allowed->min, allowed->max);
    }
    *(apr_interval_time_t *)member(cmd) = apr_time_from_sec(seconds);
    return NULL;
}

static const char *set_path_of(cmd_parms *cmd, const char **out, const char *text)
{
    *out = ap_server_root_relative(cmd->pool, text);
    return *out ? NULL : wrong(cmd, apr_psprintf(cmd->pool, "'%s' is not a path", text));
}

/* Remember where a section with our directives stands, so that check_config can judge it and say where it is.
 * .htaccess has no check_config: there the request judges. */
static void note_section(cmd_parms *cmd, mod_aten_dir_conf *conf)
{
    mod_aten_section_t *section;
    int i;

    if (!(cmd->override & (RSRC_CONF | ACCESS_CONF))) return;
    for (i = global->sections->nelts; i-- > 0;) {
        if (APR_ARRAY_IDX(global->sections, i, mod_aten_section_t *)->conf == conf) return;
    }
    section = apr_pcalloc(cmd->pool, sizeof(*section));
    section->server = cmd->server;
    section->conf = conf;
    section->where = apr_psprintf(cmd->pool, "%s:%d", cmd->directive->filename, cmd->directive->line_num);
    APR_ARRAY_PUSH(global->sections, mod_aten_section_t *) = section;
}

/* --- setters: servers --- */

static const char *set_cas_url(cmd_parms *cmd, void *dir, const char *text)
{
    const char *error = only_in_server(cmd);

    (void)dir;
    return error ? error : wrong(cmd, aten_cas_url_parse(member(cmd), text, cmd->pool));
}

static const char *set_cas_protocol(cmd_parms *cmd, void *dir, const char *text)
{
    const char *error = only_in_server(cmd);

    (void)dir;
    return error ? error : wrong(cmd, aten_cas_protocol_parse(&server_conf(cmd)->cas_protocol, text, cmd->pool));
}

static const char *set_cas_ca_file(cmd_parms *cmd, void *dir, const char *text)
{
    const char *error = only_in_server(cmd);

    (void)dir;
    return error ? error : set_path_of(cmd, &server_conf(cmd)->cas_ca_file, text);
}

static const char *set_cas_max_pending(cmd_parms *cmd, void *dir, const char *text)
{
    const char *error = only_in_main(cmd);
    apr_int64_t number;

    (void)dir;
    if (error) return error;
    if (!aten_parse_number(text, 1, 30000, &number)) {
        return wrong(cmd, apr_psprintf(cmd->pool, "'%s' is not a number from 1 to 30000", text));
    }
    global->cas_max_pending = (int)number;
    return NULL;
}

static const char *set_cas_field(cmd_parms *cmd, void *dir, int argc, char *const argv[])
{
    mod_aten_server_conf *conf = server_conf(cmd);
    const char *error = only_in_server(cmd);

    (void)dir;
    if (error) return error;
    if (!conf->cas_fields) conf->cas_fields = apr_pcalloc(cmd->pool, sizeof(*conf->cas_fields));
    return wrong(cmd, aten_cas_fields_set(conf->cas_fields, argc, argv, cmd->pool));
}

static const char *set_population(cmd_parms *cmd, void *dir, int argc, char *const argv[])
{
    mod_aten_server_conf *conf = server_conf(cmd);
    const char *error = only_in_server(cmd);
    aten_population_t *population;

    (void)dir;
    if (!error) error = wrong(cmd, aten_population_parse(&population, argc, argv, cmd->pool));
    if (error) return error;
    if (!conf->populations) conf->populations = apr_array_make(cmd->pool, 4, sizeof(const aten_population_t *));
    aten_population_put(conf->populations, population);
    return NULL;
}

/* --- setters: portals, and our own side of SAML --- */

/* Files named one a line, in their order. A setter's cmd->info says which list. */
static const char *add_file(cmd_parms *cmd, void *dir, const char *text)
{
    const char *error = only_in_server(cmd), *file;
    apr_array_header_t **list = member(cmd);
    int i;

    (void)dir;
    if (!error) error = set_path_of(cmd, &file, text);
    if (error) return error;
    if (!*list) *list = apr_array_make(cmd->pool, 2, sizeof(const char *));
    for (i = 0; i < (*list)->nelts; i++) {
        if (!strcmp(APR_ARRAY_IDX(*list, i, const char *), file)) {
            return wrong(cmd, apr_psprintf(cmd->pool, "'%s' stands twice", text));
        }
    }
    APR_ARRAY_PUSH(*list, const char *) = file;
    return NULL;
}

static const char *add_service_file(cmd_parms *cmd, void *dir, const char *text)
{
    const apr_array_header_t *list = *(apr_array_header_t **)member(cmd);

    if (list && list->nelts == ATEN_SERVICE_KEYS_MAX) {
        return wrong(cmd, apr_psprintf(cmd->pool, "'%s' is one too many: two at most, during a roll-over", text));
    }
    return add_file(cmd, dir, text);
}

static const char *set_portal(cmd_parms *cmd, void *dir, int argc, char *const argv[])
{
    mod_aten_server_conf *conf = server_conf(cmd);
    const char *error = only_in_server(cmd);
    aten_portal_t *portal;

    (void)dir;
    if (!error) error = wrong(cmd, aten_portal_parse(&portal, argc, argv, cmd->pool));
    if (error) return error;
    if (!conf->portals) conf->portals = apr_array_make(cmd->pool, 2, sizeof(aten_portal_t *));
    if (aten_portal_find(conf->portals, portal->entity_id)) {
        return wrong(cmd, apr_psprintf(cmd->pool, "'%s' stands twice; put all words into one line",
                                       portal->entity_id));
    }
    APR_ARRAY_PUSH(conf->portals, aten_portal_t *) = portal;
    return NULL;
}

static const char *set_unsolicited(cmd_parms *cmd, void *dir, int argc, char *const argv[])
{
    const char *error = only_in_server(cmd);

    (void)dir;
    return error ? error : wrong(cmd, aten_unsolicited_parse(&server_conf(cmd)->unsolicited, argc, argv, cmd->pool));
}

static const char *check_uri(cmd_parms *cmd, const char *text)
{
    if (aten_entity_id_is(text)) return NULL;
    return wrong(cmd, apr_psprintf(cmd->pool, "'%s' is not an absolute URI of at most 1024 printable ASCII characters "
                                   "without blanks", aten_log_text(cmd->pool, text, 100)));
}

static const char *set_service_id(cmd_parms *cmd, void *dir, const char *text)
{
    const char *error = only_in_server(cmd);

    (void)dir;
    if (!error) error = check_uri(cmd, text);
    if (!error) server_conf(cmd)->service_id = text;
    return error;
}

/* --- setters: profiles --- */

/* Inside <AtenProfile> the profile is what httpd hands to the setters as the directory's configuration: they are called
 * through ap_walk_config with a configuration vector of our own. */
typedef struct {
    mod_aten_dir_conf dir; /* AtenHelpLink works in both kinds of section */
    aten_profile_t *profile;
} profile_section_t;

static const char profile_section_name[] = "<AtenProfile";

static aten_profile_t *profile_of(cmd_parms *cmd, void *dir)
{
    const ap_directive_t *parent = cmd->directive->parent;

    if (!parent || ap_cstr_casecmp(parent->directive, profile_section_name)) return NULL;
    return ((profile_section_t *)dir)->profile;
}

static const char *only_in_profile(cmd_parms *cmd)
{
    return apr_pstrcat(cmd->pool, cmd->cmd->name, " stands inside <AtenProfile ID> ... </AtenProfile>", NULL);
}

static const char *set_label(cmd_parms *cmd, void *dir, int argc, char *const argv[])
{
    aten_profile_t *profile = profile_of(cmd, dir);

    return profile ? wrong(cmd, aten_profile_label(profile, argc, argv, cmd->pool)) : only_in_profile(cmd);
}

static const char *set_backend(cmd_parms *cmd, void *dir, int argc, char *const argv[])
{
    aten_profile_t *profile = profile_of(cmd, dir);

    if (!profile) return only_in_profile(cmd);
    return wrong(cmd, aten_profile_backend(profile, argc, argv, cmd->pool));
}

static const char *set_backend_from(cmd_parms *cmd, void *dir, int argc, char *const argv[])
{
    aten_profile_t *profile = profile_of(cmd, dir);

    if (!profile) return only_in_profile(cmd);
    return wrong(cmd, aten_profile_backend_from(profile, argc, argv, cmd->pool));
}

static const char *check_targets(cmd_parms *cmd, aten_profile_t *profile)
{
    int i;

    for (i = 0; i < profile->ways->nelts; i++) {
        aten_way_t *way = &APR_ARRAY_IDX(profile->ways, i, aten_way_t);
        const char *error = NULL;
        aten_portal_t *portal;

        if (way->backend == ATEN_BACKEND_CAS && way->target) {
            error = aten_cas_url_parse(&way->target, way->target, cmd->pool);
        }
        else if (way->backend == ATEN_BACKEND_ATEN && way->target) {
            error = aten_portal_make(&portal, way->target, cmd->pool);
        }
        if (error) return apr_pstrcat(cmd->pool, way->from ? "AtenBackendFrom: " : "AtenBackend: ", error, NULL);
    }
    return NULL;
}

static const char *profile_end(cmd_parms *cmd, aten_profile_t *profile)
{
    if (!profile->ways->nelts) {
        return apr_psprintf(cmd->pool, "<AtenProfile %s> has no AtenBackend: write AtenBackend aten, cas or closed",
                            profile->id);
    }
    if (!profile->labels->nelts) {
        return apr_psprintf(cmd->pool, "<AtenProfile %s> has no AtenLabel: write AtenLabel fr \"...\"", profile->id);
    }
    if (APR_ARRAY_IDX(profile->ways, 0, aten_way_t).from) {
        return apr_psprintf(cmd->pool, "<AtenProfile %s> has AtenBackendFrom, but no AtenBackend for the time before",
                            profile->id);
    }
    return check_targets(cmd, profile);
}

/* Anything else inside would be read, and never used. */
static const char *foreign_directive(cmd_parms *cmd)
{
    static const char *const ours[] = {"AtenLabel", "AtenBackend", "AtenBackendFrom", "AtenHelpLink", "AtenHome", NULL};
    const ap_directive_t *d;
    int i;

    for (d = cmd->directive->first_child; d; d = d->next) {
        for (i = 0; ours[i] && ap_cstr_casecmp(ours[i], d->directive); i++) continue;
        if (!ours[i]) {
            return apr_psprintf(cmd->pool, "%s (line %d) does not belong inside <AtenProfile>", d->directive,
                                d->line_num);
        }
    }
    return NULL;
}

static const char *profile_section(cmd_parms *cmd, void *dir, const char *args)
{
    mod_aten_server_conf *conf = server_conf(cmd);
    const char *error = only_in_server(cmd), *end = ap_strrchr_c(args, '>');
    profile_section_t *section;
    ap_conf_vector_t *vector;
    const char *id;

    (void)dir;
    if (error) return error;
    if (!end) return apr_pstrcat(cmd->pool, cmd->cmd->name, "> directive missing closing '>'", NULL);
    args = apr_pstrndup(cmd->temp_pool, args, (apr_size_t)(end - args));
    id = ap_getword_conf(cmd->pool, &args);
    section = apr_pcalloc(cmd->pool, sizeof(*section));
    section->dir.optional = section->dir.pass_cookie = section->dir.force_authn = MOD_ATEN_UNSET;
    error = aten_profile_make(&section->profile, id, cmd->pool);
    if (error || *args) return apr_pstrcat(cmd->pool, "<AtenProfile>: ", error ? error : "one ID, nothing else", NULL);
    if (!conf->profiles) conf->profiles = apr_array_make(cmd->pool, 4, sizeof(aten_profile_t *));
    if (aten_profile_find(conf->profiles, id)) {
        return apr_psprintf(cmd->pool, "<AtenProfile %s> stands twice in this server", id);
    }
    error = foreign_directive(cmd);
    if (error) return error;
    vector = ap_create_per_dir_config(cmd->pool);
    ap_set_module_config(vector, &auth_aten_module, section);
    error = ap_walk_config(cmd->directive->first_child, cmd, vector);
    if (!error) error = profile_end(cmd, section->profile);
    if (error) return error;
    section->profile->help = section->dir.help;
    APR_ARRAY_PUSH(conf->profiles, aten_profile_t *) = section->profile;
    return NULL;
}

/* --- setters: sessions and addresses --- */

static const char *set_session_keys(cmd_parms *cmd, void *dir, const char *text)
{
    const char *error = only_in_main(cmd);

    (void)dir;
    return error ? error : set_path_of(cmd, &global->keys_file, text);
}

/* lmdb | redis://... [ca=FILE]. An error never repeats the address, which has the password in it. */
static const char *set_store(cmd_parms *cmd, void *dir, const char *text, const char *option)
{
    const char *error = only_in_main(cmd), *ca = NULL;
    aten_redis_address_t *address = NULL;

    (void)dir;
    if (error) return error;
    if (!ap_cstr_casecmp(text, "lmdb")) {
        global->redis = NULL;
        return option ? "AtenStore: nothing stands behind lmdb" : NULL;
    }
    if (option && strncmp(option, "ca=", 3)) {
        return apr_psprintf(cmd->pool, "AtenStore: '%s' is not ca=FILE", aten_log_text(cmd->pool, option, 64));
    }
    if (option && (error = set_path_of(cmd, &ca, option + 3))) return error;
    error = aten_redis_parse(&address, text, ca, cmd->pool);
    if (error) return apr_pstrcat(cmd->pool, "AtenStore: ", error, NULL);
    if (ca && !address->tls) return "AtenStore: ca=FILE stands behind rediss:// alone, which is TLS";
    global->redis = address;
    return NULL;
}

static const char *set_state_dir(cmd_parms *cmd, void *dir, const char *text)
{
    const char *error = only_in_main(cmd);

    (void)dir;
    return error ? error : set_path_of(cmd, &global->state_dir, text);
}

static int is_domain(const char *domain)
{
    const char *c;

    if (!*domain || *domain == '.' || !strchr(domain, '.')) return 0;
    for (c = domain; *c; c++) {
        if (!apr_isalnum(*c) && *c != '-' && *c != '.') return 0;
    }
    return c[-1] != '.';
}

static const char *set_session_cookie(cmd_parms *cmd, void *dir, const char *name, const char *domain)
{
    mod_aten_server_conf *conf = server_conf(cmd);
    const char *error = only_in_server(cmd);

    (void)dir;
    if (!error) error = wrong(cmd, aten_cookie_name_parse(&conf->cookie_base, name, cmd->pool));
    if (error) return error;
    conf->cookie_domain = "";
    if (!domain) return NULL;
    if (strncmp(domain, "domain=", 7) || !is_domain(domain + 7)) {
        return wrong(cmd, apr_psprintf(cmd->pool, "'%s' is not domain=NAME, such as domain=mon-ent.fr", domain));
    }
    conf->cookie_domain = domain + 7;
    return NULL;
}

static const char *set_path(cmd_parms *cmd, void *dir, const char *text)
{
    const char *error = only_in_server(cmd);

    (void)dir;
    if (error) return error;
    error = aten_path_parse(text);
    if (error) return wrong(cmd, apr_psprintf(cmd->pool, "'%s': %s", text, error));
    server_conf(cmd)->path = text;
    return NULL;
}

static const char *set_base_url(cmd_parms *cmd, void *dir, const char *text)
{
    const char *error = only_in_server(cmd);

    (void)dir;
    server_conf(cmd)->base_server = cmd->server;
    return error ? error : wrong(cmd, aten_base_parse(&server_conf(cmd)->base, text, cmd->pool));
}

/* Judged like every address to go to. That it is not one of our own pages is judged in check_config, where AtenPath is
 * known; until then no path is ours. */
static const char *set_home(cmd_parms *cmd, void *dir, const char *text)
{
    const ap_directive_t *parent = cmd->directive->parent;
    int in_profile = parent && !ap_cstr_casecmp(parent->directive, profile_section_name);
    const char *error = in_profile ? NULL : only_in_server(cmd);

    if (error) return error;
    if (!aten_return_path(text, "/.none", cmd->pool)) {
        return wrong(cmd, apr_psprintf(cmd->pool, "'%s' is not a path on this host, such as /accueil/", text));
    }
    if (in_profile) profile_of(cmd, dir)->home = text;
    else server_conf(cmd)->home = text;
    return NULL;
}

static const char *add_return_hosts(cmd_parms *cmd, void *dir, int argc, char *const argv[])
{
    mod_aten_server_conf *conf = server_conf(cmd);
    const char *error = only_in_server(cmd), *host;
    int i;

    (void)dir;
    if (error) return error;
    if (!argc) return wrong(cmd, "names one or more hosts, such as www.mon-ent.fr");
    if (!conf->return_hosts) conf->return_hosts = apr_array_make(cmd->pool, argc, sizeof(const char *));
    for (i = 0; i < argc; i++) {
        error = aten_host_parse(&host, argv[i], cmd->pool);
        if (!error && aten_has(conf->return_hosts, host)) error = apr_psprintf(cmd->pool, "'%s' stands twice", argv[i]);
        if (error) return wrong(cmd, error);
        APR_ARRAY_PUSH(conf->return_hosts, const char *) = host;
    }
    return NULL;
}

static const char *set_insecure_http(cmd_parms *cmd, void *dir, int on)
{
    const char *error = only_in_server(cmd);

    (void)dir;
    if (!error) server_conf(cmd)->insecure_http = on;
    return error;
}

/* --- setters: places --- */

/* Beside mod_authn_core's own handler: we only listen, to know the sections at check_config. */
static const char *hear_auth_type(cmd_parms *cmd, void *dir, const char *type)
{
    mod_aten_dir_conf *conf = dir;

    conf->auth_type_aten = !ap_cstr_casecmp(type, MOD_ATEN_AUTH_TYPE);
    if (conf->auth_type_aten) note_section(cmd, conf);
    return DECLINE_CMD;
}

static const char *set_profiles(cmd_parms *cmd, void *dir, int argc, char *const argv[])
{
    mod_aten_dir_conf *conf = dir;
    int i, k;

    if (!argc) return wrong(cmd, "names one or more profiles");
    conf->profile_ids = apr_array_make(cmd->pool, argc, sizeof(const char *));
    for (i = 0; i < argc; i++) {
        for (k = 0; k < i; k++) {
            if (!strcmp(argv[i], argv[k])) return wrong(cmd, apr_psprintf(cmd->pool, "'%s' stands twice", argv[i]));
        }
        APR_ARRAY_PUSH(conf->profile_ids, const char *) = argv[i];
    }
    note_section(cmd, conf);
    return NULL;
}

static const char *set_authn_context(cmd_parms *cmd, void *dir, int argc, char *const argv[])
{
    mod_aten_dir_conf *conf = dir;
    const char *error;
    int i;

    if (!argc) return wrong(cmd, "names the URI of an authentication context or more, or none");
    conf->authn_contexts = apr_array_make(cmd->pool, argc, sizeof(const char *));
    if (argc == 1 && !strcmp(argv[0], "none")) return NULL;
    for (i = 0; i < argc; i++) {
        error = check_uri(cmd, argv[i]);
        if (error) return error;
        APR_ARRAY_PUSH(conf->authn_contexts, const char *) = argv[i];
    }
    return NULL;
}

static const char *set_cutoff(cmd_parms *cmd, void *dir, int argc, char *const argv[])
{
    mod_aten_dir_conf *conf = dir;

    note_section(cmd, conf);
    return wrong(cmd, aten_cutoff_add(&conf->cutoff, argc, argv, cmd->pool));
}

static const char *set_notice(cmd_parms *cmd, void *dir, const char *text)
{
    mod_aten_dir_conf *conf = dir;

    note_section(cmd, conf);
    return wrong(cmd, aten_notice_parse(&conf->notice, text, cmd->pool));
}

static const char *set_help_link(cmd_parms *cmd, void *dir, int argc, char *const argv[])
{
    return wrong(cmd, aten_help_link_add(&((mod_aten_dir_conf *)dir)->help, argc, argv, cmd->pool));
}

/* --- the table --- */

#define SERVER RSRC_CONF
#define PLACE (ACCESS_CONF)
#define ANYWHERE (RSRC_CONF | ACCESS_CONF | OR_AUTHCFG)
#define HTACCESS OR_AUTHCFG

#define TAKE_ARGV(name, func, where, help) AP_INIT_TAKE_ARGV(name, func, NULL, where, help)
#define MEMBER(field) APR_OFFSETOF(mod_aten_server_conf, field)

static const member_t cas_url = {MEMBER(cas_url), 0, 0};
static const member_t cas_validate_url = {MEMBER(cas_validate_url), 0, 0};
static const member_t cas_timeout = {MEMBER(cas_timeout), 1, 60};
static const member_t portal_files = {MEMBER(portal_files), 0, 0};
static const member_t service_keys = {MEMBER(service_keys), 0, 0};
static const member_t service_certificates = {MEMBER(service_certificates), 0, 0};
static const member_t clock_skew = {MEMBER(clock_skew), 0, 600};
static const member_t session_lifetime = {MEMBER(session_lifetime), 60, 30 * 86400};
static const member_t session_idle = {MEMBER(session_idle), 60, 30 * 86400};

/* httpd's table wants a pointer that is not const; nobody writes through it. */
#define INFO(member) ((void *)(apr_uintptr_t)&(member))

const command_rec mod_aten_commands[] = {
    AP_INIT_TAKE1("AuthType", hear_auth_type, NULL, OR_AUTHCFG, "'aten': the path is protected by mod_auth_aten"),

    AP_INIT_TAKE1("AtenPortalMetadata", add_file, INFO(portal_files), SERVER,
                  "file with the SAML 2.0 metadata of one or several ATEN portals, read again when it changes"),
    TAKE_ARGV("AtenPortal", set_portal, SERVER,
              "ENTITYID [uai=034*,030*] [vectors|staff] [FrEduCtId]: the default portal (the first line), and what a "
              "portal may say"),
    TAKE_ARGV("AtenPortalUnsolicited", set_unsolicited, SERVER,
              "restart|off|accept ENTITYID...: what becomes of an answer that nobody here asked for (default restart)"),
    AP_INIT_TAKE1("AtenPortalClockSkew", set_seconds, INFO(clock_skew), SERVER,
                  "seconds that a portal's clock may differ from this machine's, 0 to 600 (default 60)"),
    AP_INIT_FLAG("AtenPortalForceAuthn", ap_set_flag_slot, (void *)APR_OFFSETOF(mod_aten_dir_conf, force_authn),
                 SERVER | PLACE, "on: the portal asks for the password at each login for this path (default off)"),
    TAKE_ARGV("AtenPortalAuthnContext", set_authn_context, SERVER | PLACE,
              "URI... | none: ways of logging in at the portal that this path takes (default none: any)"),
    AP_INIT_TAKE1("AtenServiceEntityID", set_service_id, NULL, SERVER,
                  "our own entityID (default: the address of our metadata page)"),
    AP_INIT_TAKE1("AtenServiceKey", add_service_file, INFO(service_keys), SERVER,
                  "PEM file of the private key that signs requests and decrypts answers; two during a roll-over"),
    AP_INIT_TAKE1("AtenServiceCertificate", add_service_file, INFO(service_certificates), SERVER,
                  "PEM file of the certificate of an AtenServiceKey"),

    AP_INIT_TAKE1("AtenCASServer", set_cas_url, INFO(cas_url), SERVER,
                  "base URL of the CAS server: https://cas.mon-ent.fr/cas (http only to this machine)"),
    AP_INIT_TAKE1("AtenCASProtocol", set_cas_protocol, NULL, SERVER,
                  "protocol of the CAS server: 3, 2, 1 or saml1.1 (default 3)"),
    AP_INIT_TAKE1("AtenCASValidateURL", set_cas_url, INFO(cas_validate_url), SERVER,
                  "address for the validation of tickets, where it is not below AtenCASServer"),
    AP_INIT_TAKE1("AtenCASCAFile", set_cas_ca_file, NULL, SERVER,
                  "PEM file of the authorities that the CAS server's certificate is checked against "
                  "(default: the system's)"),
    AP_INIT_TAKE1("AtenCASTimeout", set_seconds, INFO(cas_timeout), SERVER,
                  "seconds for a whole call to the CAS server, 1 to 60 (default 5; at most 2 of them to connect)"),
    AP_INIT_TAKE1("AtenCASMaxPending", set_cas_max_pending, NULL, SERVER,
                  "validations in flight at the same time over all children; beyond it people get 503 and "
                  "Retry-After (default: a quarter of MaxRequestWorkers)"),
    TAKE_ARGV("AtenCASField", set_cas_field, SERVER,
              "uai|nom|prenom|eleveId followed by the CAS attributes that have it, the first present one wins"),
    TAKE_ARGV("AtenPopulation", set_population, SERVER,
              "NAME [role=eleve|parent|personnel|autre] ATTRIBUTE VALUE...: who is who in the CAS answer"),

    AP_INIT_RAW_ARGS("<AtenProfile", profile_section, NULL, SERVER,
                     "an entry of the chooser: <AtenProfile ID> ... </AtenProfile>"),
    TAKE_ARGV("AtenLabel", set_label, SERVER | PLACE,
              "[fr|en] \"group > label\": the profile's text on the chooser"),
    TAKE_ARGV("AtenBackend", set_backend, SERVER | PLACE,
              "aten [ENTITYID] | cas [URL] | closed: which way this profile logs in"),
    TAKE_ARGV("AtenBackendFrom", set_backend_from, SERVER | PLACE,
              "DATE aten [ENTITYID] | cas [URL] | closed: another way from that date on"),
    TAKE_ARGV("AtenHelpLink", set_help_link, SERVER | PLACE,
              "KIND [fr|en] URL [\"text\"]; KIND: no-identifier, first-login, lost-password, no-email, locked, contact"),
    TAKE_ARGV("AtenProfiles", set_profiles, HTACCESS, "the ids of the profiles of this path, in this order"),

    TAKE_ARGV("AtenCASCutoff", set_cutoff, ANYWHERE,
              "DATE everyone|POPULATION... [report-only] | announced \"TEXT\" POPULATION... | off: "
              "from DATE on the CAS path is closed here for them"),
    AP_INIT_TAKE1("AtenCASNotice", set_notice, NULL, ANYWHERE,
                  "DAYS|DATE|always|off: from when people are warned (default 30)"),

    AP_INIT_TAKE1("AtenSessionLifetime", set_seconds, INFO(session_lifetime), SERVER,
                  "seconds after login at which a session ends (default 28800)"),
    AP_INIT_TAKE1("AtenSessionIdle", set_seconds, INFO(session_idle), SERVER,
                  "seconds without a request after which a session ends (default 3600)"),
    AP_INIT_TAKE1("AtenSessionKeys", set_session_keys, NULL, SERVER,
                  "file of base64 keys of 32 bytes, one a line: the first seals, all open "
                  "(default: made in the state directory)"),
    AP_INIT_TAKE12("AtenSessionCookie", set_session_cookie, NULL, SERVER,
                   "NAME [domain=...] of the session cookie (default __Host-aten)"),
    AP_INIT_FLAG("AtenPassCookie", ap_set_flag_slot, (void *)APR_OFFSETOF(mod_aten_dir_conf, pass_cookie), PLACE,
                 "on: the application sees the module's cookies (default off)"),
    AP_INIT_TAKE1("AtenStateDir", set_state_dir, NULL, SERVER,
                  "directory of the session keys and of the store (default " ATEN_STATE_DIR ")"),
    AP_INIT_TAKE12("AtenStore", set_store, NULL, SERVER,
                   "lmdb, or redis://[user:password@]host[:port][/db] or rediss://... [ca=FILE]: several servers that "
                   "share which sessions were ended (default lmdb)"),
    AP_INIT_FLAG("AtenOptional", ap_set_flag_slot, (void *)APR_OFFSETOF(mod_aten_dir_conf, optional), HTACCESS,
                 "on: who has no session is let through as nobody (default off)"),

    AP_INIT_TAKE1("AtenPath", set_path, NULL, SERVER, "where the module's own pages live (default /aten)"),
    AP_INIT_TAKE1("AtenBaseURL", set_base_url, NULL, SERVER,
                  "scheme, host and port as browsers see them, behind a reverse proxy (default: from ServerName)"),
    AP_INIT_TAKE1("AtenHome", set_home, NULL, SERVER | PLACE,
                  "path to go to when nothing was asked for (default /)"),
    TAKE_ARGV("AtenReturnURLAllow", add_return_hosts, SERVER,
              "HOST...: where, beside the portal's own hosts, a portal may send people after a logout (FrEduUrlRetour)"),
    AP_INIT_FLAG("AtenInsecureHTTP", set_insecure_http, NULL, SERVER,
                 "on: AuthType aten also over plain http elsewhere than on this machine (default off)"),
    {NULL}
};
