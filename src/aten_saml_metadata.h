/* Metadata of portals: entityID, addresses, signature keys. SAML 2.0 metadata (saml-metadata-2.0-os), with the
 * certificates read as the metadata interoperability profile says: containers for keys. */
#ifndef ATEN_SAML_METADATA_H
#define ATEN_SAML_METADATA_H

#include <apr_hash.h>

#include "aten_saml.h"
#include "aten_verdict.h"

#define ATEN_METADATA_BYTES_MAX (32 * 1024 * 1024)

/* An identity provider. */
typedef struct {
    const char *entity_id;
    const char *sso;                 /* SingleSignOnService by HTTP-Redirect */
    const char *logout_redirect;     /* SingleLogoutService; each may be NULL */
    const char *logout_redirect_response;
    const char *logout_post;
    const char *logout_post_response;
    apr_array_header_t *keys;        /* const aten_saml_key_t *: for signatures, in the file's order, 16 at most */
    int wants_signed_requests;       /* WantAuthnRequestsSigned */
    apr_time_t valid_until;          /* the earliest of those around it; 0: no end */
    const char *unusable;            /* NULL, or a sentence: why nobody can log in by it (no key that is allowed, no
                                        address by HTTP-Redirect, a plain http address elsewhere than loopback, an
                                        entityID that no directive can name) */
    const char *remarks;             /* NULL, or what an administrator should know: keys and logout addresses passed
                                        over */
} aten_saml_entity_t;

typedef struct {
    apr_array_header_t *entities;    /* const aten_saml_entity_t *, of all files, in their order */
    apr_hash_t *by_id;               /* the same by entityID: a federation's file has thousands */
} aten_saml_metadata_t;

/** An empty one. */
aten_saml_metadata_t *aten_saml_metadata_make(apr_pool_t *p);

/** Read a file's text (EntityDescriptor, or EntitiesDescriptor nested as one likes) into metadata: entities without an
 *  IDPSSODescriptor of the SAML 2.0 protocol are passed over. An entityID that is there already is an error.
 *  KeyDescriptors of use signing or of none give keys: of RSA with 2048 bits or more, and EC on P-256, P-384, P-521;
 *  others are passed over with a remark. Of each X509Data the first certificate is read; a ds:KeyValue (RSA) where
 *  there is no certificate.
 *  Addresses must be https, or http to loopback; printable ASCII, without a fragment. Of several by one binding the
 *  first that can be used counts.
 *  @return NULL, or a sentence without the file's name: not XML, no identity provider in it, a validUntil that is no
 *          date, ... then metadata may have been added to, and must be dropped */
const char *aten_saml_metadata_add(aten_saml_metadata_t *metadata, const char *text, apr_size_t len, apr_pool_t *p);

/** @return the entity of that entityID, or NULL */
const aten_saml_entity_t *aten_saml_metadata_find(const aten_saml_metadata_t *metadata, const char *entity_id);

/** May it be used now? @param why set to a sentence otherwise @return OK or SAML_METADATA (also for a NULL entity) */
aten_verdict_t aten_saml_entity_check(const aten_saml_entity_t *entity, apr_time_t now, const char **why,
                                      apr_pool_t *p);

/** A key from a certificate's base64 (white space allowed) or, with pem, from the text of a PEM certificate.
 *  @return NULL and *out set, or a sentence without a byte of the text */
const char *aten_saml_key_from_certificate(aten_saml_key_t **out, const char *text, apr_size_t len, int pem,
                                           apr_pool_t *p);

#endif
