/* Which keys are taken, and their way from a certificate into a pool. Shared by metadata and service. */
#ifndef ATEN_SAML_KEY_H
#define ATEN_SAML_KEY_H

#include "aten_saml.h"

/** Is the key strong enough: RSA of 2048 bits or more, EC on P-256, P-384 or P-521? @return NULL, or what it is */
const char *aten_saml_key_weakness(const struct evp_pkey_st *pkey, apr_pool_t *p);

/** Give the key to a pool, which frees it. */
aten_saml_key_t *aten_saml_key_adopt(struct evp_pkey_st *pkey, apr_pool_t *p);

/** A key from the base64 texts of an RSAKeyValue. @return NULL and *out set, or what is wrong */
const char *aten_saml_key_from_rsa(aten_saml_key_t **out, const char *modulus, const char *exponent, apr_pool_t *p);

#endif
