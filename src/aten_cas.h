/* The CAS protocol: the addresses of login and logout, the validation call, and reading its answer.
 * CAS protocol 3.0 specification (sections 2.1 /login, 2.3 /logout, 2.4 /validate, 2.5 /serviceValidate,
 * 2.8 /p3/serviceValidate) and the /samlValidate of its appendix. Proxy tickets are not supported. */
#ifndef ATEN_CAS_H
#define ATEN_CAS_H

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

#include "aten_http.h"
#include "aten_identity.h"
#include "aten_verdict.h"

#define ATEN_TICKET_MAX 256
#define ATEN_USER_MAX 256   /* bytes of a user name */

typedef enum { ATEN_CAS_UNSET, ATEN_CAS_1, ATEN_CAS_2, ATEN_CAS_3, ATEN_CAS_SAML11 } aten_cas_protocol_t;

typedef struct {
    const char *url;                    /* base URL without a final slash: https://cas.example/cas */
    aten_cas_protocol_t protocol;
    const char *validate_url;           /* AtenCASValidateURL (the whole address of the call), or NULL: derived */
    apr_interval_time_t timeout;
    apr_interval_time_t connect_timeout;
    aten_trust_t *trust;
    unsigned char key[8];               /* aten_backend_key of it: how cookies name it */
} aten_cas_server_t;

/** Parse the protocol's word (3, 2, 1, saml1.1). @return NULL and *out set, or a sentence */
const char *aten_cas_protocol_parse(aten_cas_protocol_t *out, const char *text, apr_pool_t *p);

/** Check a CAS address (AtenCASServer, AtenCASValidateURL, AtenBackend cas URL): https, or http to loopback alone;
 *  a host; no user, query or fragment; printable ASCII; a final slash is taken off.
 *  @return NULL and *out set, or a sentence */
const char *aten_cas_url_parse(const char **out, const char *text, apr_pool_t *p);

/** URL/login?service=...[&renew=true] */
char *aten_cas_login_url(const aten_cas_server_t *server, const char *service, int renew, apr_pool_t *p);

/** URL/logout[?service=...] */
char *aten_cas_logout_url(const aten_cas_server_t *server, const char *service, apr_pool_t *p);

/** 1 to ATEN_TICKET_MAX characters of [A-Za-z0-9._-]. @return OK or TICKET_MALFORMED */
aten_verdict_t aten_cas_ticket_check(const char *ticket);

typedef struct {
    const char *user;               /* clean UTF-8, 1 to ATEN_USER_MAX bytes, trimmed */
    apr_array_header_t *attributes; /* aten_attribute_t; values trimmed; empty values left out */
} aten_cas_answer_t;

/** Ask the server whether the ticket is good for the service, and read the answer.
 *  @param request_id for saml1.1: a fresh id of letters, digits and '_' (RequestID); otherwise unused
 *  @param why on anything but OK: a text for the log, escaped, without ticket or attribute values. A 404 of protocol 3
 *             says that AtenCASProtocol 2 may be right; INVALID_SERVICE names the expression for the CAS registry
 *  @return OK and *out set; CAS_*, XML_*, TICKET_MALFORMED or INTERNAL otherwise. INVALID_TICKET is
 *          CAS_TICKET_REFUSED, any other failure CAS_REFUSED */
aten_verdict_t aten_cas_validate(const aten_cas_server_t *server, const char *service, const char *ticket, int renew,
                                 const char *request_id, apr_time_t now, aten_http_fn *http, void *baton,
                                 aten_cas_answer_t **out, const char **why, apr_pool_t *p);

/** Read an answer that came with HTTP status 200 (aten_cas_validate's second half, for tests and fuzzing). */
aten_verdict_t aten_cas_read(aten_cas_protocol_t protocol, const char *service, const char *body, apr_size_t len,
                             apr_time_t now, aten_cas_answer_t **out, const char **why, apr_pool_t *p);

#endif
