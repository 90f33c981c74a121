/* Which keys are taken, and their way from a text into a pool. What metadata and service share. None of these functions
 * leaves an error in OpenSSL's queue, where it would be taken for one of a TLS connection. */
#ifndef ATEN_SAML_KEY_H
#define ATEN_SAML_KEY_H

#include "aten_saml.h"

/** Is the key one that is taken: RSA of 2048 bits or more whose exponent is odd and not 1, EC on P-256, P-384 or P-521,
 *  by name? @return NULL, or what it is */
const char *aten_saml_key_weakness(const struct evp_pkey_st *pkey, apr_pool_t *p);

/** Give the key to a pool, which frees it. */
aten_saml_key_t *aten_saml_key_adopt(struct evp_pkey_st *pkey, apr_pool_t *p);

/** A public key from the base64 texts of an RSAKeyValue. @return NULL and *out set, or what is wrong */
const char *aten_saml_key_from_rsa(aten_saml_key_t **out, const char *modulus, const char *exponent, apr_pool_t *p);

/** A private key from a PEM text. Nobody is ever asked for a passphrase.
 *  @return NULL and *out set, or a sentence without a byte of the text */
const char *aten_saml_key_from_pem(aten_saml_key_t **out, const char *text, apr_pool_t *p);

#endif
