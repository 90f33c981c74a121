/* The ATEN side of a server's configuration: portals resolved and judged, service keys read. */
#include <string.h>

#include <apr_file_io.h>
#include <apr_strings.h>
#include <httpd.h>
#include <http_log.h>

#include "mod_aten_check.h"

APLOG_USE_MODULE(auth_aten);

#define CERTIFICATE_FILE_MAX (64 * 1024)

/* --- the service's own keys --- */

static const char *read_certificate(char **text, const char *file, apr_pool_t *p)
{
    apr_size_t len = CERTIFICATE_FILE_MAX;
    apr_finfo_t info;
    apr_file_t *fd;
    char message[128];
    apr_status_t rv = apr_stat(&info, file, APR_FINFO_TYPE, p); /* to open a FIFO would wait for its writer */

    if (rv == APR_SUCCESS && info.filetype != APR_REG) return apr_psprintf(p, "'%s' is not a file", file);
    if (rv == APR_SUCCESS) rv = apr_file_open(&fd, file, APR_FOPEN_READ, 0, p);
    if (rv == APR_SUCCESS) {
        *text = apr_pcalloc(p, len + 1);
        rv = apr_file_read_full(fd, *text, len, &len);
        apr_file_close(fd);
    }
    if (rv == APR_EOF) return NULL;
    if (rv == APR_SUCCESS) return apr_psprintf(p, "'%s' is too large for a certificate", file);
    return apr_psprintf(p, "'%s' cannot be read: %s", file, apr_strerror(rv, message, sizeof(message)));
}

static const char *read_texts(apr_array_header_t **texts, const apr_array_header_t *files, int secret, apr_pool_t *p)
{
    apr_size_t len;
    const char *error, *file;
    char *text;
    int i;

    *texts = apr_array_make(p, 2, sizeof(const char *));
    for (i = 0; files && i < files->nelts; i++) {
        file = APR_ARRAY_IDX(files, i, const char *);
        error = secret ? mod_aten_read_secret(&text, &len, file, p) : read_certificate(&text, file, p);
        if (error) return *error ? error : apr_psprintf(p, "'%s' does not exist", file);
        APR_ARRAY_PUSH(*texts, const char *) = text;
    }
    return NULL;
}

static void wipe(const apr_array_header_t *texts)
{
    int i;

    for (i = 0; i < texts->nelts; i++) {
        char *text = APR_ARRAY_IDX(texts, i, char *);

        OPENSSL_cleanse(text, strlen(text));
    }
}

static int load_service(server_rec *s, mod_aten_server_conf *conf, apr_pool_t *p)
{
    apr_array_header_t *keys, *certificates;
    aten_saml_service_t *service = NULL;
    const char *which = "AtenServiceKey", *error, *file = NULL;
    int nth = 0;

    if (!conf->service_keys && !conf->service_certificates) return 1;
    error = read_texts(&keys, conf->service_keys, 1, p);
    if (!error) {
        which = "AtenServiceCertificate";
        error = read_texts(&certificates, conf->service_certificates, 0, p);
        if (!error) {
            const apr_array_header_t *files;

            error = aten_saml_service_load(&service, keys, certificates, &which, &nth, p);
            files = error && !strcmp(which, "AtenServiceKey") ? conf->service_keys : conf->service_certificates;
            if (error && files && nth < files->nelts) file = APR_ARRAY_IDX(files, nth, const char *);
        }
    }
    wipe(keys);
    conf->service = service;
    if (!error) return 1;
    if (file) MOD_ATEN_COMPLAIN(s, "%s: '%s': %s", which, file, error);
    else MOD_ATEN_COMPLAIN(s, "%s: %s", which, error);
    return 0;
}

/* --- portals --- */

static const char *names_of(const aten_saml_metadata_t *metadata, apr_pool_t *p)
{
    const char *names = "";
    int i;

    for (i = 0; i < metadata->entities->nelts && i < 5; i++) {
        const aten_saml_entity_t *entity = APR_ARRAY_IDX(metadata->entities, i, const aten_saml_entity_t *);

        names = apr_pstrcat(p, names, i ? ", " : "", aten_log_text(p, entity->entity_id, 256), NULL);
    }
    return i < metadata->entities->nelts ? apr_pstrcat(p, names, ", ...", NULL) : names;
}

static int read_metadata(server_rec *s, mod_aten_server_conf *conf, apr_pool_t *p)
{
    const char *error;

    if (!conf->portal_files) return 1;
    error = mod_aten_portals_read(&conf->portal_source, conf->portal_files, p);
    if (error) MOD_ATEN_COMPLAIN(s, "AtenPortalMetadata: %s", error);
    return !error;
}

int mod_aten_saml_read(server_rec *s, const server_rec *main_server, apr_pool_t *p)
{
    mod_aten_server_conf *conf = mod_aten_server(s);
    const mod_aten_server_conf *main_conf = mod_aten_server(main_server);

    /* What is inherited is read once, and shared. */
    if (s != main_server && conf->portal_files == main_conf->portal_files) {
        conf->portal_source = main_conf->portal_source;
    }
    else if (!read_metadata(s, conf, p)) return 0;
    if (s != main_server && conf->service_keys == main_conf->service_keys
        && conf->service_certificates == main_conf->service_certificates) {
        conf->service = main_conf->service;
        return 1;
    }
    return load_service(s, conf, p);
}

static void add_portal(aten_site_t *site, const mod_aten_server_conf *conf, const char *entity_id, apr_pool_t *p)
{
    const aten_portal_t *known = conf->portals ? aten_portal_find(conf->portals, entity_id) : NULL;
    aten_portal_t *portal = NULL;

    if (aten_portal_find(site->portals, entity_id)) return;
    if (!known && !aten_portal_make(&portal, entity_id, p)) known = portal;
    if (known) APR_ARRAY_PUSH(site->portals, const aten_portal_t *) = known;
}

static const char *default_portal(const mod_aten_server_conf *conf)
{
    const aten_saml_metadata_t *metadata;

    if (conf->portals) return APR_ARRAY_IDX(conf->portals, 0, const aten_portal_t *)->entity_id;
    if (!conf->portal_source) return NULL;
    metadata = mod_aten_portals_first(conf->portal_source);
    if (metadata->entities->nelts != 1) return NULL;
    return APR_ARRAY_IDX(metadata->entities, 0, const aten_saml_entity_t *)->entity_id;
}

void mod_aten_saml_resolve(aten_site_t *site, const mod_aten_server_conf *conf, apr_pool_t *p)
{
    const char *entity_id = default_portal(conf);
    const char *own = apr_pstrcat(p, site->base->url, site->path, NULL);
    int i, k;

    site->portals = apr_array_make(p, 2, sizeof(const aten_portal_t *));
    if (entity_id) add_portal(site, conf, entity_id, p);
    site->has_default_portal = site->portals->nelts;
    for (i = 0; i < site->profiles->nelts; i++) {
        const apr_array_header_t *ways = APR_ARRAY_IDX(site->profiles, i, aten_profile_t *)->ways;

        for (k = 0; k < ways->nelts; k++) {
            const aten_way_t *way = &APR_ARRAY_IDX(ways, k, aten_way_t);

            if (way->backend == ATEN_BACKEND_ATEN && way->target) add_portal(site, conf, way->target, p);
        }
    }
    site->self.acs = apr_pstrcat(p, own, "/saml/acs", NULL);
    site->self.logout = apr_pstrcat(p, own, "/saml/logout", NULL);
    site->self.service_id = conf->service_id ? conf->service_id : apr_pstrcat(p, own, "/saml/metadata", NULL);
    site->self.service = conf->service;
    site->clock_skew = conf->clock_skew == MOD_ATEN_UNSET ? ATEN_SAML_CLOCK_SKEW_DEFAULT : conf->clock_skew;
    site->unsolicited = conf->unsolicited;
}

/* --- judging --- */

static int check_portal(server_rec *s, const mod_aten_server_conf *conf, const aten_portal_t *portal, apr_pool_t *p)
{
    const aten_saml_metadata_t *metadata;
    const aten_saml_entity_t *entity;

    if (!conf->portal_source) {
        MOD_ATEN_COMPLAIN(s, "AtenPortalMetadata: missing, and the portal '%s' is named; give the file with its "
                          "metadata", portal->entity_id);
        return 0;
    }
    metadata = mod_aten_portals_first(conf->portal_source);
    entity = aten_saml_metadata_find(metadata, portal->entity_id);
    if (!entity) {
        MOD_ATEN_COMPLAIN(s, "AtenPortalMetadata: no portal '%s' in it; it has %s", portal->entity_id,
                          names_of(metadata, p));
        return 0;
    }
    if (!entity->unusable) return 1;
    MOD_ATEN_COMPLAIN(s, "AtenPortalMetadata: nobody can log in by '%s': %s", portal->entity_id, entity->unusable);
    return 0;
}

/* Metadata for all virtual hosts in the main server, and a default portal in each of them: the main server then logs
 * nobody in, which is judged where somebody wants to (check_section). */
static int leaves_it_to_hosts(const server_rec *s, const mod_aten_server_conf *conf)
{
    const server_rec *host;

    if (s->is_virtual || conf->profiles || conf->portals) return 0;
    for (host = s->next; host; host = host->next) {
        if (mod_aten_server(host)->portals) return 1;
    }
    return 0;
}

static void complain_of_default(server_rec *s, const mod_aten_server_conf *conf, apr_pool_t *p)
{
    const aten_saml_metadata_t *metadata = mod_aten_portals_first(conf->portal_source);
    const aten_saml_entity_t *only;

    if (metadata->entities->nelts != 1) {
        MOD_ATEN_COMPLAIN(s, "AtenPortal: missing, and the metadata has several portals (%s); name the default",
                          names_of(metadata, p));
        return;
    }
    only = APR_ARRAY_IDX(metadata->entities, 0, const aten_saml_entity_t *);
    MOD_ATEN_COMPLAIN(s, "AtenPortalMetadata: nobody can log in by '%s': %s", aten_log_text(p, only->entity_id, 256),
                      only->unusable ? only->unusable : "its entityID is no absolute URI");
}

/* @return 1 if each way of the profile to a portal leads somewhere */
static int check_ways(server_rec *s, const mod_aten_server_conf *conf, const aten_profile_t *profile, apr_pool_t *p)
{
    int i;

    for (i = 0; i < profile->ways->nelts; i++) {
        const aten_way_t *way = &APR_ARRAY_IDX(profile->ways, i, aten_way_t);

        if (way->backend != ATEN_BACKEND_ATEN || aten_site_portal(conf->site[0], way)) continue;
        if (!conf->portal_source) {
            MOD_ATEN_COMPLAIN(s, "AtenBackend: profile '%s' leads to the ATEN portal, but there is no "
                              "AtenPortalMetadata; give the file with the portal's metadata", profile->id);
        }
        else if (leaves_it_to_hosts(s, conf)) continue;
        else complain_of_default(s, conf, p);
        return 0;
    }
    return 1;
}

/* What accept names is believed without having been asked: it must be somebody who is believed at all. */
static int check_unsolicited(server_rec *s, const mod_aten_server_conf *conf)
{
    const apr_array_header_t *from = conf->unsolicited ? conf->unsolicited->from : NULL;
    int i;

    for (i = 0; from && i < from->nelts; i++) {
        const char *entity_id = APR_ARRAY_IDX(from, i, const char *);

        if (aten_portal_find(conf->site[0]->portals, entity_id)) continue;
        MOD_ATEN_COMPLAIN(s, "AtenPortalUnsolicited: '%s' is neither the default portal nor one that a profile leads "
                          "to", entity_id);
        return 0;
    }
    return 1;
}

int mod_aten_saml_check(server_rec *s, apr_pool_t *p)
{
    const mod_aten_server_conf *conf = mod_aten_server(s);
    const aten_site_t *site = conf->site[0];
    int i;

    for (i = 0; i < site->profiles->nelts; i++) {
        if (!check_ways(s, conf, APR_ARRAY_IDX(site->profiles, i, aten_profile_t *), p)) return 0;
    }
    for (i = 0; i < site->portals->nelts; i++) {
        if (!check_portal(s, conf, APR_ARRAY_IDX(site->portals, i, const aten_portal_t *), p)) return 0;
    }
    return check_unsolicited(s, conf);
}

/* --- what is wrong only for now, or worth a word: told at start --- */

static void tell_key_dates(server_rec *s, const char *what, const aten_saml_key_t *key, apr_time_t now, apr_pool_t *p)
{
    if (!key->not_after || (key->not_before <= now && now < key->not_after)) return;
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, "the certificate of %s is valid from %s to %s, which is not now; its "
                 "key is used all the same", what, aten_date_iso(p, key->not_before), aten_date_iso(p, key->not_after));
}

static void tell_portal(server_rec *s, const mod_aten_server_conf *conf, const aten_portal_t *portal, apr_pool_t *p)
{
    const aten_saml_entity_t *entity = aten_saml_metadata_find(mod_aten_portals_first(conf->portal_source),
                                                               portal->entity_id);
    const char *name = aten_log_text(p, portal->entity_id, 256), *why;
    const apr_time_t now = apr_time_now();
    int i;

    if (aten_saml_entity_check(entity, now, &why, p) != ATEN_V_OK) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, s, "AtenPortalMetadata: nobody can log in by %s: %s", name, why);
    }
    if (!entity) return;
    if (entity->remarks) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, "AtenPortalMetadata: %s: %s", name, entity->remarks);
    }
    for (i = 0; i < entity->keys->nelts; i++) {
        tell_key_dates(s, apr_pstrcat(p, "the portal ", name, NULL),
                       APR_ARRAY_IDX(entity->keys, i, const aten_saml_key_t *), now, p);
    }
    if (entity->wants_signed_requests && !conf->service) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, "AtenServiceKey: missing, and the portal %s wants signed "
                     "requests: it will refuse logins", name);
    }
}

void mod_aten_saml_tell(server_rec *s, const server_rec *main_server, apr_pool_t *p)
{
    const mod_aten_server_conf *conf = mod_aten_server(s), *said = mod_aten_server(main_server);
    const apr_array_header_t *portals = conf->site[0]->portals;
    int i;

    if (s != main_server && conf->portal_source == said->portal_source && conf->portals == said->portals
        && conf->profiles == said->profiles && conf->service == said->service) return;
    for (i = 0; conf->portal_source && i < portals->nelts; i++) {
        tell_portal(s, conf, APR_ARRAY_IDX(portals, i, const aten_portal_t *), p);
    }
    for (i = 0; conf->service && i < conf->service->keys->nelts; i++) {
        tell_key_dates(s, "AtenServiceCertificate", APR_ARRAY_IDX(conf->service->keys, i, const aten_saml_key_t *),
                       apr_time_now(), p);
    }
}
