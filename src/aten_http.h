/* The HTTP client as the logic sees it; aten_http.c is the one over libcurl. */
#ifndef ATEN_HTTP_H
#define ATEN_HTTP_H

#include <apr_pools.h>
#include <apr_time.h>

#include "aten_verdict.h"

#define ATEN_HTTP_BODY_MAX (256 * 1024) /* bytes of an answer */

/* A trust store, parsed once (an OpenSSL X509_STORE). */
typedef struct aten_trust_t aten_trust_t;

typedef struct {
    const char *url;
    const char *body;                   /* NULL: GET; otherwise POST */
    const char *content_type;           /* with body */
    const char *soap_action;            /* with body: the SOAPAction header's value, or NULL */
    apr_interval_time_t timeout;        /* for the whole call */
    apr_interval_time_t connect_timeout;
    aten_trust_t *trust;                /* for https; NULL trusts nobody */
} aten_http_request_t;

typedef struct {
    int status;
    const char *body;   /* len bytes and a NUL, never NULL with OK */
    apr_size_t len;
} aten_http_answer_t;

/** One call to a server. No redirect is followed, TLS is verified (chain, name, dates), the body has a limit.
 *  @param why on failure a text for the log (never a secret: addresses are cut at '?')
 *  @return OK (whatever the HTTP status), CAS_UNREACHABLE, CAS_TLS, CAS_TIMEOUT, CAS_LARGE, CAS_BUSY or INTERNAL */
typedef aten_verdict_t aten_http_fn(void *baton, const aten_http_request_t *request, aten_http_answer_t *answer,
                                    const char **why, apr_pool_t *p);

/* A pool of kept-alive libcurl handles, shared by the threads of one process. Made after the fork. Not an apr_reslist,
 * which aborts the process when its pool is destroyed while a handle is in use: prefork does that to a child that waits
 * for a CAS server when httpd stops. */
typedef struct aten_http_t aten_http_t;

/** libcurl's process-wide set-up. Call in the parent once per configuration; undone by a cleanup of p. */
apr_status_t aten_http_global(apr_pool_t *p);

/** Parse a CA file (PEM) into a store that lives as long as p; NULL for the system's bundle. For one p the same file is
 *  parsed once: connections are kept and shared among all who have the same store.
 *  @return NULL and *out set, or a sentence that names the file */
const char *aten_trust_load(aten_trust_t **out, const char *file, apr_pool_t *p);

/** @param max calls at once: one more is CAS_BUSY @param p the child's pool; handles are closed by its cleanup */
apr_status_t aten_http_create(aten_http_t **out, int max, apr_pool_t *p);

/** The aten_http_fn over libcurl; baton is the aten_http_t. */
aten_verdict_t aten_http_call(void *baton, const aten_http_request_t *request, aten_http_answer_t *answer,
                              const char **why, apr_pool_t *p);

#endif
