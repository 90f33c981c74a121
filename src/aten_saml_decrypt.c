#include "aten_saml_decrypt.h"

#include <limits.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "aten_saml_decrypt_private.h"

/* OpenSSL itself and not libxmlsec1, which would read the structure a second time in its own way, register IDs in the
 * caller's document, and look at KeyInfo wherever it has no key yet. With the bytes at hand there is little left. */

#define RSA_BYTES_MAX 2048
#define GCM_NONCE_BYTES 12 /* xmlenc-core 1.1 section 5.2.4 */
#define GCM_TAG_BYTES 16
#define AES_BLOCK_BYTES 16

/* --- the content key --- */

static int set_padding(EVP_PKEY_CTX *ctx, const aten_saml_encrypted_key_t *key)
{
    unsigned char *label;

    if (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) <= 0 ||
        EVP_PKEY_CTX_set_rsa_oaep_md(ctx, key->digest) <= 0 ||
        EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, key->mask) <= 0) return 0;
    if (!key->label.len) return 1;
    label = OPENSSL_memdup(key->label.bytes, key->label.len);
    if (!label) return 0;
    if (EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, label, (int)key->label.len) > 0) return 1; /* the context frees it */
    OPENSSL_free(label);
    return 0;
}

/* Exactly wanted bytes, and no others. */
static int open_key(unsigned char *out, apr_size_t wanted, const aten_saml_encrypted_key_t *key, EVP_PKEY *pkey)
{
    unsigned char plain[RSA_BYTES_MAX];
    size_t len = sizeof(plain);
    EVP_PKEY_CTX *ctx = NULL;
    int opened = 0;

    if (EVP_PKEY_get_base_id(pkey) != EVP_PKEY_RSA || EVP_PKEY_get_size(pkey) > RSA_BYTES_MAX) return 0;
    ctx = EVP_PKEY_CTX_new(pkey, NULL);
    if (!ctx || EVP_PKEY_decrypt_init(ctx) <= 0 || !set_padding(ctx, key)) goto leave;
    if (EVP_PKEY_decrypt(ctx, plain, &len, key->cipher.bytes, key->cipher.len) <= 0 || len != wanted) goto leave;
    memcpy(out, plain, wanted);
    opened = 1;
leave:
    OPENSSL_cleanse(plain, sizeof(plain));
    EVP_PKEY_CTX_free(ctx);
    return opened;
}

/* During a roll-over there are two keys of ours, and nothing says which one the portal took. */
static int find_key(unsigned char *out, const aten_saml_encrypted_t *encrypted, const apr_array_header_t *keys)
{
    const apr_size_t wanted = (apr_size_t)EVP_CIPHER_get_key_length(encrypted->algorithm);
    int i, k;

    for (i = 0; i < encrypted->keys_count; i++) {
        for (k = 0; keys && k < keys->nelts; k++) {
            const aten_saml_key_t *key = APR_ARRAY_IDX(keys, k, const aten_saml_key_t *);

            if (key && key->pkey && open_key(out, wanted, &encrypted->keys[i], key->pkey)) return 1;
        }
    }
    return 0;
}

/* --- the content --- */

static int open_gcm(unsigned char *out, int *len, const aten_saml_encrypted_t *encrypted, const unsigned char *key,
                    EVP_CIPHER_CTX *ctx)
{
    const unsigned char *nonce = encrypted->cipher.bytes, *text = nonce + GCM_NONCE_BYTES, *tag;
    int more = 0, text_len;

    if (encrypted->cipher.len < GCM_NONCE_BYTES + GCM_TAG_BYTES) return 0;
    text_len = (int)encrypted->cipher.len - GCM_NONCE_BYTES - GCM_TAG_BYTES;
    tag = text + text_len;
    return EVP_DecryptInit_ex(ctx, encrypted->algorithm, NULL, key, nonce) > 0 &&
           EVP_DecryptUpdate(ctx, out, len, text, text_len) > 0 &&
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, GCM_TAG_BYTES, (void *)tag) > 0 &&
           EVP_DecryptFinal_ex(ctx, out + *len, &more) > 0;
}

/* The last byte says how many were added; the others may be anything (xmlenc-core 1.1 section 5.2.2), which OpenSSL's
 * own padding does not take. */
static int open_cbc(unsigned char *out, int *len, const aten_saml_encrypted_t *encrypted, const unsigned char *key,
                    EVP_CIPHER_CTX *ctx)
{
    const unsigned char *vector = encrypted->cipher.bytes, *text = vector + AES_BLOCK_BYTES;
    int more = 0, text_len, added;

    if (encrypted->cipher.len < 2 * AES_BLOCK_BYTES || encrypted->cipher.len % AES_BLOCK_BYTES) return 0;
    text_len = (int)encrypted->cipher.len - AES_BLOCK_BYTES;
    if (EVP_DecryptInit_ex(ctx, encrypted->algorithm, NULL, key, vector) <= 0 ||
        EVP_CIPHER_CTX_set_padding(ctx, 0) <= 0 || EVP_DecryptUpdate(ctx, out, len, text, text_len) <= 0 ||
        EVP_DecryptFinal_ex(ctx, out + *len, &more) <= 0 || *len != text_len) return 0;
    added = out[text_len - 1];
    if (added < 1 || added > AES_BLOCK_BYTES) return 0;
    *len -= added;
    return 1;
}

static int open_content(const char **text, apr_size_t *len, const aten_saml_encrypted_t *encrypted,
                        const unsigned char *key, apr_pool_t *p)
{
    EVP_CIPHER_CTX *ctx;
    unsigned char *out;
    int opened, out_len = 0;

    if (encrypted->cipher.len > INT_MAX) return 0;
    ctx = EVP_CIPHER_CTX_new();
    if (!ctx) return 0;
    out = apr_palloc(p, encrypted->cipher.len + 1);
    opened = encrypted->is_cbc ? open_cbc(out, &out_len, encrypted, key, ctx)
                               : open_gcm(out, &out_len, encrypted, key, ctx);
    EVP_CIPHER_CTX_free(ctx);
    if (!opened) {
        OPENSSL_cleanse(out, encrypted->cipher.len + 1); /* unauthenticated text */
        return 0;
    }
    out[out_len] = '\0';
    *text = (const char *)out;
    *len = (apr_size_t)out_len;
    return 1;
}

/* One answer, whichever step failed: whoever can tell them apart can decrypt by asking. */
static int open_all(const char **text, apr_size_t *len, const aten_saml_encrypted_t *encrypted,
                    const apr_array_header_t *keys, apr_pool_t *p)
{
    unsigned char key[ATEN_CONTENT_KEY_BYTES_MAX];
    int opened;

    ERR_set_mark();
    opened = find_key(key, encrypted, keys) && open_content(text, len, encrypted, key, p);
    ERR_pop_to_mark();
    OPENSSL_cleanse(key, sizeof(key));
    return opened;
}

aten_verdict_t aten_saml_decrypt(const xmlNode *encrypted, const apr_array_header_t *keys, int cbc_allowed,
                                 const char **text, apr_size_t *len, const char **why, apr_pool_t *p)
{
    aten_saml_encrypted_t read;
    aten_verdict_t verdict;

    *text = NULL;
    *len = 0;
    verdict = aten_saml_encrypted_read(&read, encrypted, why, p);
    if (verdict != ATEN_V_OK) return verdict;
    if (read.is_cbc && !cbc_allowed) {
        *why = "AES-CBC does not show changes; it is taken inside a signed response alone. AES-GCM would be right";
        return ATEN_V_SAML_ENCRYPTION_CBC;
    }
    if (!open_all(text, len, &read, keys, p)) {
        *why = "it cannot be decrypted by AtenServiceKey";
        return ATEN_V_SAML_ENCRYPTION;
    }
    *why = NULL;
    return ATEN_V_OK;
}
