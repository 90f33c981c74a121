/* Our own side of SAML: keys, certificates, and the metadata page that portals read. */
#ifndef ATEN_SAML_SERVICE_H
#define ATEN_SAML_SERVICE_H

#include "aten_saml.h"

#define ATEN_SERVICE_KEYS_MAX 2 /* two during a roll-over */

typedef struct {
    apr_array_header_t *keys; /* const aten_saml_key_t * (private), each with its certificate; the first signs, all
                                 decrypt (RSA), all stand in the metadata */
} aten_saml_service_t;

/** Pair private keys with certificates, both PEM texts, in any order. RSA of 2048 bits or more, or EC on P-256, P-384,
 *  P-521; a key that has a passphrase is an error, and so is a key without its certificate and the other way round.
 *  @param keys, certificates texts (const char *), in the order of the directives
 *  @param which set on an error to "AtenServiceKey" or "AtenServiceCertificate", *nth to the text's number from 0
 *  @return NULL and *out set, or a sentence without a byte of the text */
const char *aten_saml_service_load(aten_saml_service_t **out, const apr_array_header_t *keys,
                                   const apr_array_header_t *certificates, const char **which, int *nth,
                                   apr_pool_t *p);

typedef struct {
    const char *service_id;
    const char *acs;
    const char *logout;
    const aten_saml_service_t *service; /* may be NULL: no keys */
} aten_saml_self_t;

/** The key that signs, or NULL. */
const aten_saml_key_t *aten_saml_self_key(const aten_saml_self_t *self);

/** The metadata of this service (EntityDescriptor with one SPSSODescriptor): the same bytes as long as the
 *  configuration is the same. A key's certificate stands for signing, and an RSA one for encryption too, with the
 *  algorithms that aten_saml_decrypt always takes (so not CBC). @return NULL if something failed */
char *aten_saml_service_metadata(const aten_saml_self_t *self, apr_pool_t *p);

#endif
