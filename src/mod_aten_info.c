/* What the command aten-session has to know of the configuration: a file in the state directory. */
#include <string.h>

#include <apr_file_io.h>
#include <apr_strings.h>
#include <httpd.h>
#include <http_log.h>

#include "aten_info.h"
#include "mod_auth_aten.h"

APLOG_USE_MODULE(auth_aten);

#define READABLE (APR_FPROT_UREAD | APR_FPROT_UWRITE | APR_FPROT_GREAD | APR_FPROT_WREAD)

static void add_backend(apr_array_header_t *backends, aten_backend_t backend, const char *target)
{
    aten_info_backend_t *added;
    int i;

    for (i = 0; i < backends->nelts; i++) {
        const aten_info_backend_t *there = &APR_ARRAY_IDX(backends, i, aten_info_backend_t);

        if (there->backend == backend && !strcmp(there->target, target)) return;
    }
    added = apr_array_push(backends);
    added->backend = backend;
    added->target = target;
}

static void add_site(apr_array_header_t *backends, const aten_site_t *site)
{
    int i;

    for (i = 0; i < site->cas_servers->nelts; i++) {
        add_backend(backends, ATEN_BACKEND_CAS, APR_ARRAY_IDX(site->cas_servers, i, const aten_cas_server_t *)->url);
    }
    for (i = 0; i < site->portals->nelts; i++) {
        add_backend(backends, ATEN_BACKEND_ATEN, APR_ARRAY_IDX(site->portals, i, const aten_portal_t *)->entity_id);
    }
}

static apr_status_t replace(const char *file, const char *text, apr_pool_t *p)
{
    char *temp = apr_pstrcat(p, file, ".XXXXXX", NULL);
    apr_file_t *fd;
    apr_status_t rv = apr_file_mktemp(&fd, temp, APR_FOPEN_CREATE | APR_FOPEN_EXCL | APR_FOPEN_WRITE, p);

    if (rv != APR_SUCCESS) return rv;
    rv = apr_file_write_full(fd, text, strlen(text), NULL);
    apr_file_close(fd);
    if (rv == APR_SUCCESS) rv = apr_file_perms_set(temp, READABLE);
    if (rv == APR_SUCCESS) rv = apr_file_rename(temp, file, p);
    if (rv != APR_SUCCESS) apr_file_remove(temp, p);
    return rv;
}

void mod_aten_info_write(server_rec *main_server, apr_pool_t *ptemp)
{
    aten_info_t info = {mod_aten_longest_lifetime(main_server), mod_aten_global()->redis != NULL,
                        apr_array_make(ptemp, 4, sizeof(aten_info_backend_t))};
    const char *file = apr_pstrcat(ptemp, mod_aten_state_dir(), "/info.json", NULL), *text;
    apr_status_t rv = APR_EGENERAL;
    server_rec *s;

    for (s = main_server; s; s = s->next) {
        add_site(info.backends, mod_aten_server(s)->site[0]);
        add_site(info.backends, mod_aten_server(s)->site[1]);
    }
    text = aten_info_text(&info, ptemp);
    if (text) rv = replace(file, text, ptemp);
    if (rv == APR_SUCCESS) return;
    ap_log_error(APLOG_MARK, APLOG_WARNING, rv, main_server, "'%s' cannot be written: the command aten-session will not "
                 "know the backends of this configuration", file);
}
