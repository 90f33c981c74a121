/* What httpd notes at its start, in STATE_DIR/info.json, for the command aten-session: it has no part in httpd's
 * configuration, and needs to know which backends there are and how long a session can live. */
#ifndef ATEN_INFO_H
#define ATEN_INFO_H

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

#include "aten_profile.h"

#define ATEN_INFO_FILE "info.json"  /* in the state directory; 0644: there is no secret in it */
#define ATEN_INFO_VERSION 1
#define ATEN_INFO_BYTES_MAX (1024 * 1024)
#define ATEN_INFO_BACKENDS_MAX 1000
#define ATEN_INFO_TARGET_MAX 2048   /* bytes */

typedef struct {
    aten_backend_t backend;  /* CAS or ATEN */
    const char *target;      /* the CAS server's base URL, or the portal's entityID, as aten_session_make takes it */
} aten_info_backend_t;

typedef struct {
    apr_interval_time_t lifetime;  /* the longest AtenSessionLifetime of all sites; whole seconds */
    int shared;                    /* AtenStore is a server that several share */
    apr_array_header_t *backends;  /* aten_info_backend_t, each once */
} aten_info_t;

/** The file's text: JSON and a newline.
 *  @return NULL for what parsing would refuse */
char *aten_info_text(const aten_info_t *info, apr_pool_t *p);

/** Read what aten_info_text made: strictly, with every member there and nothing else, no name twice.
 *  @return NULL and *out set, or a sentence */
const char *aten_info_parse(aten_info_t **out, const char *text, apr_size_t len, apr_pool_t *p);

#endif
