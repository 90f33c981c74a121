/* Between the files of decryption: what stands in the XML, and what OpenSSL makes of it. */
#ifndef ATEN_SAML_DECRYPT_PRIVATE_H
#define ATEN_SAML_DECRYPT_PRIVATE_H

#include <libxml/tree.h>
#include <openssl/evp.h>

#include "aten_saml.h"
#include "aten_verdict.h"

#define ATEN_ENCRYPTED_KEYS_MAX 8
#define ATEN_CONTENT_KEY_BYTES_MAX 32

typedef struct {
    const unsigned char *bytes;
    apr_size_t len;
} aten_saml_bytes_t;

/* An EncryptedKey: a content key by RSA-OAEP. */
typedef struct {
    const EVP_MD *digest;
    const EVP_MD *mask;       /* MGF1's digest */
    aten_saml_bytes_t label;  /* OAEPparams */
    aten_saml_bytes_t cipher;
} aten_saml_encrypted_key_t;

typedef struct {
    const EVP_CIPHER *algorithm;
    int is_cbc;
    aten_saml_bytes_t cipher;
    aten_saml_encrypted_key_t keys[ATEN_ENCRYPTED_KEYS_MAX];
    int keys_count;
} aten_saml_encrypted_t;

/** Read an EncryptedAssertion or EncryptedID; see aten_saml_decrypt.
 *  @return OK and *out set, SAML_ENCRYPTION_FORM or SAML_ALGORITHM */
aten_verdict_t aten_saml_encrypted_read(aten_saml_encrypted_t *out, const xmlNode *encrypted, const char **why,
                                        apr_pool_t *p);

#endif
