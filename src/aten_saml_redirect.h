/* The HTTP-Redirect binding (saml-bindings 3.4): a message in an address, by DEFLATE and base64, and its signature over
 * the parameters as they stand there. */
#ifndef ATEN_SAML_REDIRECT_H
#define ATEN_SAML_REDIRECT_H

#include "aten_saml.h"
#include "aten_verdict.h"

#define ATEN_SAML_RELAY_STATE_BYTES_MAX 80    /* of ours (saml-bindings 3.4.3) */
#define ATEN_SAML_FOREIGN_RELAY_STATE_MAX 2048 /* of a portal's, kept as it came */

/** The whole address to send the browser to.
 *  @param parameter   "SAMLRequest" or "SAMLResponse"
 *  @param relay_state NULL or empty: left out
 *  @param key         private; NULL: not signed. rsa-sha256, or ecdsa-sha256 for an EC key
 *  @return NULL if something failed (compression, signature) */
char *aten_saml_redirect_url(const char *destination, const char *parameter, const char *message,
                             const char *relay_state, const aten_saml_key_t *key, apr_pool_t *p);

typedef struct {
    int is_response;           /* SAMLResponse, otherwise SAMLRequest */
    const char *message;       /* inflated; len bytes and a NUL */
    apr_size_t len;
    const char *relay_state;   /* decoded; NULL: none */
    const char *signed_query;  /* the octets that the signature covers, as they came; NULL: not signed */
    const char *algorithm;     /* SigAlg, decoded */
    const unsigned char *signature;
    apr_size_t signature_len;
} aten_saml_redirect_t;

/** Read the raw query of a request: exactly one of SAMLRequest and SAMLResponse; RelayState, SigAlg, Signature and
 *  SAMLEncoding (DEFLATE alone) at most once each; the names as they are, not percent-encoded; other parameters are
 *  passed over (a portal's address may have some). Inflating stops at ATEN_XML_BYTES_MAX, and bytes behind the end of
 *  the DEFLATE data are an error. The order in which parameters stand does not matter, what is signed has its own
 *  (section 3.4.4.1).
 *  @param why for the log
 *  @return OK and *out set, PARAM_REPEATED, PARAM_MALFORMED, SAML_ENCODING or XML_LARGE */
aten_verdict_t aten_saml_redirect_read(aten_saml_redirect_t *out, const char *query, const char **why, apr_pool_t *p);

/** Does the signature hold with one of the keys? RSA and ECDSA with SHA-256 or better; ECDSA as XML signatures have it
 *  (two numbers of one length) or in DER, which some senders use.
 *  @param keys const aten_saml_key_t * (public); too weak ones and those of another type are passed over
 *  @return OK, SAML_UNSIGNED, SAML_ALGORITHM, SAML_SIGNATURE or INTERNAL */
aten_verdict_t aten_saml_redirect_verify(const aten_saml_redirect_t *message, const apr_array_header_t *keys,
                                         const char **why, apr_pool_t *p);

#endif
