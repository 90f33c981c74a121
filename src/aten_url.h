/* Addresses: what a person may be sent to, and the module's own. */
#ifndef ATEN_URL_H
#define ATEN_URL_H

#include <apr_pools.h>
#include <apr_tables.h>

#include "aten_verdict.h"

#define ATEN_TO_MAX 2048 /* bytes of an address to go to */

/* Scheme, host and port as browsers see them (AtenBaseURL). */
typedef struct {
    const char *url;    /* "https://ent.example:8443", without a final slash */
    const char *scheme; /* "https" or "http" */
    const char *host;   /* lower case, IPv6 in brackets */
    int port;
    int https;
    int loopback;       /* localhost, *.localhost, 127.0.0.0/8 or [::1] */
} aten_base_t;

/** Parse AtenBaseURL: scheme http or https, host, optional port, at most a final slash; no user, path, query or
 *  fragment. A default port is left out of url. @return NULL and *out set, or a sentence */
const char *aten_base_parse(aten_base_t **out, const char *text, apr_pool_t *p);

/** Is the host (name, IPv4 or IPv6 in brackets or bare) the machine itself? */
int aten_host_is_loopback(const char *host);

/** A host as AtenReturnURLAllow names it: a name or an IPv4 address, nothing around it.
 *  @return NULL and *out set (in lower case), or a sentence */
const char *aten_host_parse(const char **out, const char *text, apr_pool_t *p);

/** The one function that judges every address to go to, whatever parameter it came by: it refuses what is odd and
 *  repairs nothing (DESIGN section 2, `to`). The only address that may lead elsewhere is judged by aten_return_url.
 *  A path on this host: at most ATEN_TO_MAX bytes; begins with one '/', and not with "//" or "/\", also after decoding
 *  once and twice, and after removing dot segments ("/.//host"); no '\' or control character (U+0000 to U+001F, U+007F
 *  to U+009F) or overlong UTF-8 in the path, nor in what decoding it once or twice gives; no broken %-escape in the
 *  path; no control character, raw or decoded once, in the query; bytes outside printable ASCII and blanks are refused;
 *  no fragment; not under aten_path ("/aten" and "/aten/x", not "/atenx"; compared after decoding and after removing
 *  dot segments, empty segments kept and merged); parameters ticket=ST-... of the query are dropped.
 *  @return a copy, or NULL: then the caller takes AtenHome */
const char *aten_return_path(const char *to, const char *aten_path, apr_pool_t *p);

/** The host of an absolute address that a browser may be sent to: https, or http to this machine alone; 1 to
 *  ATEN_TO_MAX bytes of printable ASCII without blank, '\', quotes, '<', '>' and '@' (no user, nor what could be taken
 *  for one); no fragment; scheme, host and port as aten_base_parse takes them; no broken %-escape, and no control
 *  character decoded once or twice.
 *  @return NULL and *host set (as aten_base_parse writes it), or a sentence for the log, which has at most the
 *          address's host */
const char *aten_url_host(const char **host, const char *url, apr_pool_t *p);

/** Judge an absolute address where a portal wants a person sent after a logout (FrEduUrlRetour): one of which
 *  aten_url_host gives a host, and a host that is one of hosts (const char *, in lower case), whole.
 *  @return NULL and *out set to a copy, which begins with "http" (a path begins with '/'); or a sentence as above */
const char *aten_return_url(const char **out, const char *url, const apr_array_header_t *hosts, apr_pool_t *p);

/** Parse AtenPath: "/" and 1 to 64 letters, digits, '-', '_', '/', without a final '/', an empty segment or a dot.
 *  @return NULL, or a constant sentence that says what to write, without the value */
const char *aten_path_parse(const char *text);

/** Is uri (decoded, as r->uri) one of our own pages?
 *  @return what stands behind the prefix ("/login"; "" for the prefix itself), or NULL (also for a NULL argument) */
const char *aten_path_of(const char *uri, const char *aten_path);

/** Parse a query or form body (application/x-www-form-urlencoded).
 *  Only names in wanted (NULL-terminated) are read; any of them twice is PARAM_REPEATED; a broken %-escape, a NUL or
 *  invalid UTF-8 in a wanted one is PARAM_MALFORMED. '+' is a blank.
 *  @param text may be NULL or empty
 *  @param out  a table of the wanted parameters, decoded, perhaps empty; empty on an error
 *  @param which set to the name of the parameter on an error, otherwise to NULL */
aten_verdict_t aten_params(apr_table_t **out, const char *text, const char *const wanted[], const char **which,
                           apr_pool_t *p);

/** base + path + "?name=value&...", values percent-encoded. params: name, value, name, value, ..., NULL; a pair whose
 *  value is NULL is left out. path may have a query already. base, path and params may be NULL. */
char *aten_url_with(apr_pool_t *p, const char *base, const char *path, const char *const params[]);

#endif
