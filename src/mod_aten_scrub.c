/* Headers by which a client pretends an identity: X-Aten-* in every spelling leaves the request before anybody reads
 * it, on every virtual host while the module is loaded; applications trust these names (AtenRequestHeaders). */
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>
#include <http_protocol.h>
#include <util_filter.h>

#include "mod_auth_aten.h"

#define PREFIX "x-aten-"

static ap_filter_rec_t *scrub_filter_handle;

/* A CGI turns every character that is not a letter or digit into '_', so that X_Aten-Nom and X-Aten-Nom are one. */
static int pretends(const char *name)
{
    const char *prefix = PREFIX;

    for (; *prefix; prefix++, name++) {
        if (*prefix == '-' ? (!*name || apr_isalnum(*name)) : apr_tolower(*name) != *prefix) return 0;
    }
    return 1;
}

static void scrub_table(apr_table_t *headers)
{
    const apr_array_header_t *elements = apr_table_elts(headers);
    const apr_table_entry_t *entry = (const apr_table_entry_t *)elements->elts;
    int i = 0;

    while (i < elements->nelts) {
        if (entry[i].key && pretends(entry[i].key)) {
            apr_table_unset(headers, entry[i].key);
            i = 0; /* the table has moved */
        }
        else {
            i++;
        }
    }
}

/* Connection: X-Aten-Nom would make a proxy drop the header that we are going to set (RFC 9110, 7.6.1). */
static void scrub_connection(request_rec *r)
{
    const char *value = apr_table_get(r->headers_in, "Connection");
    const char *rest = NULL, *item, *list = value;
    int found = 0;

    if (!value || (!strchr(value, 'x') && !strchr(value, 'X'))) return;
    while ((item = ap_get_list_item(r->pool, &list))) {
        if (pretends(item)) found = 1;
        else rest = rest ? apr_pstrcat(r->pool, rest, ", ", item, NULL) : item;
    }
    if (!found) return;
    if (rest) apr_table_setn(r->headers_in, "Connection", rest);
    else apr_table_unset(r->headers_in, "Connection");
}

/* Trailers come with the end of the body, and MergeTrailers puts them among the headers. */
static apr_status_t scrub_filter(ap_filter_t *f, apr_bucket_brigade *brigade, ap_input_mode_t mode,
                                 apr_read_type_e block, apr_off_t readbytes)
{
    apr_status_t rv = ap_get_brigade(f->next, brigade, mode, block, readbytes);

    if (rv == APR_SUCCESS && !APR_BRIGADE_EMPTY(brigade) && APR_BUCKET_IS_EOS(APR_BRIGADE_LAST(brigade))) {
        scrub_table(f->r->headers_in);
        scrub_table(f->r->trailers_in);
    }
    return rv;
}

void mod_aten_register_scrub_filter(void)
{
    scrub_filter_handle = ap_register_input_filter("ATEN_SCRUB", scrub_filter, NULL, AP_FTYPE_CONTENT_SET);
}

void mod_aten_scrub(request_rec *r)
{
    scrub_table(r->headers_in);
    scrub_connection(r);
    if (r->proto_num >= HTTP_VERSION(2, 0) || apr_table_get(r->headers_in, "Transfer-Encoding")) {
        ap_add_input_filter_handle(scrub_filter_handle, NULL, r, r->connection);
    }
}
