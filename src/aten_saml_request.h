/* AuthnRequest by HTTP-Redirect (saml-core 3.4.1, saml-bindings 3.4). */
#ifndef ATEN_SAML_REQUEST_H
#define ATEN_SAML_REQUEST_H

#include "aten_saml.h"
#include "aten_verdict.h"

typedef struct {
    const char *nonce;             /* of the pending login: the request's ID is made of it */
    const char *destination;       /* the portal's SingleSignOnService; may have a query already */
    const char *acs;
    const char *service_id;
    const char *relay_state;       /* at most 80 bytes (saml-bindings 3.4.3) */
    apr_time_t now;
    int force;                     /* ForceAuthn */
    const apr_array_header_t *contexts; /* const char *: RequestedAuthnContext (exact); NULL: none */
    const aten_saml_key_t *key;    /* private; NULL: not signed */
    int retry;                     /* the second try in a row: its ID says so */
} aten_saml_request_t;

/** "_" and the nonce, "r" and the nonce for a second try: an xs:ID, and enough to find the pending login again. By it
 *  a portal that drops RelayState says, in what it signs, which try it answers. */
char *aten_saml_request_id(const char *nonce, int retry, apr_pool_t *p);

/** The nonce of an ID that aten_saml_request_id made, and in *retry which try; or NULL. */
const char *aten_saml_request_nonce(const char *id, int *retry, apr_pool_t *p);

/** The nonce of an ID of ours that begins with one of these letters, or NULL. */
const char *aten_saml_id_nonce(const char *id, const char *starts, apr_pool_t *p);

/** The whole address to send the browser to: SAMLRequest (DEFLATE, base64), RelayState and, with a key, SigAlg
 *  (rsa-sha256, or ecdsa-sha256 for an EC key) and Signature over the parameters as they stand. An empty
 *  RelayState is left out, as if it were NULL.
 *  @return NULL if something failed (compression, signature), or relay_state is too long */
char *aten_saml_request_url(const aten_saml_request_t *request, apr_pool_t *p);

#endif
