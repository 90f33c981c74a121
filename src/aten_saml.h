/* SAML 2.0: names that several files use, and the keys of entities. */
#ifndef ATEN_SAML_H
#define ATEN_SAML_H

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

#define ATEN_NS_SAML  "urn:oasis:names:tc:SAML:2.0:assertion"
#define ATEN_NS_SAMLP "urn:oasis:names:tc:SAML:2.0:protocol"
#define ATEN_NS_MD    "urn:oasis:names:tc:SAML:2.0:metadata"
#define ATEN_NS_DS    "http://www.w3.org/2000/09/xmldsig#"
#define ATEN_NS_XENC  "http://www.w3.org/2001/04/xmlenc#"
#define ATEN_NS_XENC11 "http://www.w3.org/2009/xmlenc11#"
#define ATEN_BINDING_REDIRECT "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
#define ATEN_BINDING_POST     "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
#define ATEN_NAMEID_TRANSIENT "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"

#define ATEN_SAML_CLOCK_SKEW_DEFAULT apr_time_from_sec(60)

/* A public or private key (an OpenSSL EVP_PKEY), with what its certificate says. */
struct evp_pkey_st;
typedef struct {
    struct evp_pkey_st *pkey;   /* freed by a cleanup of the pool that it was read into */
    apr_time_t not_before;      /* of the certificate, 0 if the key came without one: reported, never judged (SAML */
    apr_time_t not_after;       /* metadata interoperability profile: a certificate is a container for a key) */
    const char *certificate;    /* base64 of the DER, one line; NULL without one */
} aten_saml_key_t;

/** libxmlsec1's set-up for this process, if nobody has done it yet: once in each child, after the fork. What it could
 *  fetch by itself (a Reference, a CipherReference, a RetrievalMethod) is switched off.
 *  @return 1, or 0 if it failed */
int aten_saml_global(void);

#endif
