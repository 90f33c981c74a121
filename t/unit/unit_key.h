/* Keys and certificates for the unit tests, made as they run. All are freed with the pool. */
#ifndef ATEN_UNIT_KEY_H
#define ATEN_UNIT_KEY_H

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <unistd.h>

#include "unit.h"

#define SOON "20200101000000Z"
#define LATE "20400101000000Z"

static inline apr_status_t drop_key(void *pkey)
{
    EVP_PKEY_free(pkey);
    return APR_SUCCESS;
}

static inline EVP_PKEY *kept(EVP_PKEY *pkey)
{
    assert_non_null(pkey);
    apr_pool_cleanup_register(pool, pkey, drop_key, apr_pool_cleanup_null);
    return pkey;
}

/* "rsa2048", "ed25519", or a curve by its name in OpenSSL. */
static inline EVP_PKEY *make_key(const char *kind)
{
    if (!strncmp(kind, "rsa", 3)) return kept(EVP_RSA_gen((unsigned int)strtoul(kind + 3, NULL, 10)));
    if (!strcmp(kind, "ed25519")) return kept(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
    return kept(EVP_EC_gen(kind));
}

/* A P-256 key that writes its curve out instead of naming it. */
static inline EVP_PKEY *make_explicit_key(void)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
    EVP_PKEY *pkey = NULL;

    assert_true(EVP_PKEY_keygen_init(ctx) > 0);
    assert_true(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx, NID_X9_62_prime256v1) > 0);
    assert_true(EVP_PKEY_CTX_set_ec_param_enc(ctx, OPENSSL_EC_EXPLICIT_CURVE) > 0);
    assert_true(EVP_PKEY_keygen(ctx, &pkey) > 0);
    EVP_PKEY_CTX_free(ctx);
    return kept(pkey);
}

static inline X509 *make_certificate(EVP_PKEY *pkey, const char *from, const char *to)
{
    X509 *certificate = X509_new();
    const EVP_MD *md = EVP_PKEY_get_base_id(pkey) == EVP_PKEY_ED25519 ? NULL : EVP_sha256();

    assert_true(X509_set_version(certificate, 2));
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    assert_true(ASN1_TIME_set_string_X509(X509_getm_notBefore(certificate), from));
    assert_true(ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate), to));
    assert_true(X509_set_pubkey(certificate, pkey));
    assert_true(X509_sign(certificate, pkey, md) > 0);
    return certificate;
}

/* What was written into bio, which is freed. */
static inline char *text_of(BIO *bio)
{
    char *data = NULL;
    const long len = BIO_get_mem_data(bio, &data);
    char *text = apr_pstrmemdup(pool, data, (apr_size_t)len);

    BIO_free(bio);
    return text;
}

static inline const char *certificate_pem_from(EVP_PKEY *pkey, const char *from, const char *to)
{
    X509 *certificate = make_certificate(pkey, from, to);
    BIO *bio = BIO_new(BIO_s_mem());

    assert_true(PEM_write_bio_X509(bio, certificate));
    X509_free(certificate);
    return text_of(bio);
}

static inline const char *certificate_pem(EVP_PKEY *pkey)
{
    return certificate_pem_from(pkey, SOON, LATE);
}

/* One line, without the PEM around it. */
static inline const char *base64_of_pem(const char *pem)
{
    const char *from = strchr(pem, '\n') + 1;
    char *out = apr_pcalloc(pool, strlen(pem)), *end = out;

    for (; *from != '-'; from++) {
        if (*from != '\n') *end++ = *from;
    }
    return out;
}

static inline const char *certificate_base64(EVP_PKEY *pkey)
{
    return base64_of_pem(certificate_pem(pkey));
}

static inline const char *private_pem(EVP_PKEY *pkey, const char *passphrase)
{
    BIO *bio = BIO_new(BIO_s_mem());
    const EVP_CIPHER *cipher = passphrase ? EVP_aes_128_cbc() : NULL;

    assert_true(PEM_write_bio_PKCS8PrivateKey(bio, pkey, cipher, passphrase, passphrase ? (int)strlen(passphrase) : 0,
                                              NULL, NULL));
    return text_of(bio);
}

/* Somebody who types text, as often as it takes, wherever a passphrase is asked for. @return what typing_end wants */
static inline int typing_begin(const char *text)
{
    const int saved = dup(0);
    int ends[2], i;

    assert_int_equal(pipe(ends), 0);
    for (i = 0; i < 4; i++) assert_true(write(ends[1], text, strlen(text)) > 0);
    close(ends[1]);
    dup2(ends[0], 0);
    close(ends[0]);
    return saved;
}

static inline void typing_end(int saved)
{
    dup2(saved, 0);
    close(saved);
}

#endif
