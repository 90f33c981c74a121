/* XML signatures that we make (xmldsig-core, saml-core section 5), by libxmlsec1: for messages by HTTP-POST. */
#ifndef ATEN_SAML_SIGN_H
#define ATEN_SAML_SIGN_H

#include "aten_saml.h"

/** Sign a message of ours: an enveloped signature of its root (by its ID), behind its Issuer as the schema has it, with
 *  RSA or ECDSA and SHA-256, exclusive canonicalization, without KeyInfo (the key stands in our metadata).
 *  @param text a message, with an ID and an Issuer as the first element; NULL gives NULL
 *  @return the signed message in base64, for a form; NULL if something failed */
char *aten_saml_sign(const char *text, const aten_saml_key_t *key, apr_pool_t *p);

#endif
