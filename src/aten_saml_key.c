#include "aten_saml_key.h"

#include <string.h>

#include <apr_encode.h>
#include <apr_strings.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "aten_saml_metadata.h"

static apr_status_t free_key(void *data)
{
    EVP_PKEY_free(data);
    return APR_SUCCESS;
}

aten_saml_key_t *aten_saml_key_adopt(struct evp_pkey_st *pkey, apr_pool_t *p)
{
    aten_saml_key_t *key = apr_pcalloc(p, sizeof(*key));

    apr_pool_cleanup_register(p, pkey, free_key, apr_pool_cleanup_null);
    key->pkey = pkey;
    return key;
}

static int is_known_curve(const EVP_PKEY *pkey)
{
    char name[64];
    size_t len = 0;

    if (!EVP_PKEY_get_utf8_string_param(pkey, OSSL_PKEY_PARAM_GROUP_NAME, name, sizeof(name), &len)) return 0;
    return !strcmp(name, "prime256v1") || !strcmp(name, "secp384r1") || !strcmp(name, "secp521r1");
}

const char *aten_saml_key_weakness(const struct evp_pkey_st *pkey, apr_pool_t *p)
{
    switch (EVP_PKEY_get_base_id(pkey)) {
    case EVP_PKEY_RSA:
        if (EVP_PKEY_get_bits(pkey) >= 2048) return NULL;
        return apr_psprintf(p, "an RSA key of %d bits; 2048 or more are needed", EVP_PKEY_get_bits(pkey));
    case EVP_PKEY_EC:
        return is_known_curve(pkey) ? NULL : "an EC key on another curve than P-256, P-384 and P-521";
    default:
        return "a key that is neither RSA nor EC";
    }
}

static apr_time_t time_of(const ASN1_TIME *when)
{
    struct tm tm;
    apr_time_exp_t parts = {0};
    apr_time_t t = 0;

    if (!ASN1_TIME_to_tm(when, &tm)) return 0;
    parts.tm_sec = tm.tm_sec;
    parts.tm_min = tm.tm_min;
    parts.tm_hour = tm.tm_hour;
    parts.tm_mday = tm.tm_mday;
    parts.tm_mon = tm.tm_mon;
    parts.tm_year = tm.tm_year;
    return apr_time_exp_gmt_get(&t, &parts) == APR_SUCCESS ? t : 0;
}

static const char *der_base64(X509 *certificate, apr_pool_t *p)
{
    unsigned char *der = NULL;
    int len = i2d_X509(certificate, &der);
    const char *text = len > 0 ? apr_pencode_base64_binary(p, der, len, APR_ENCODE_NONE, NULL) : NULL;

    OPENSSL_free(der);
    return text;
}

static X509 *from_pem(const char *text, apr_size_t len)
{
    BIO *bio = BIO_new_mem_buf(text, (int)len);
    X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

    BIO_free(bio);
    return certificate;
}

/* The bytes of a base64 text, white space passed over. @return NULL if it is none, or empty */
static const unsigned char *bytes_of(const char *text, apr_size_t len, apr_size_t *out_len, apr_pool_t *p)
{
    char *packed = apr_palloc(p, len + 1), *end = packed;
    apr_size_t i;

    for (i = 0; i < len; i++) {
        if (!strchr(" \t\r\n", text[i])) *end++ = text[i];
    }
    *end = '\0';
    return *packed ? apr_pdecode_base64_binary(p, packed, end - packed, APR_ENCODE_NONE, out_len) : NULL;
}

static X509 *from_base64(const char *text, apr_size_t len, apr_pool_t *p)
{
    const unsigned char *der, *at;
    X509 *certificate;
    apr_size_t der_len;

    at = der = bytes_of(text, len, &der_len, p);
    if (!der) return NULL;
    certificate = d2i_X509(NULL, &at, (long)der_len);
    if (certificate && at == der + der_len) return certificate;
    X509_free(certificate);
    return NULL;
}

const char *aten_saml_key_from_certificate(aten_saml_key_t **out, const char *text, apr_size_t len, int pem,
                                           apr_pool_t *p)
{
    X509 *certificate = len > 1024 * 1024 ? NULL : pem ? from_pem(text, len) : from_base64(text, len, p);
    const char *error = "a certificate that cannot be read";
    EVP_PKEY *pkey;
    aten_saml_key_t *key;

    if (!certificate) return error;
    pkey = X509_get_pubkey(certificate);
    error = pkey ? aten_saml_key_weakness(pkey, p) : "a certificate whose key cannot be read";
    if (error) {
        EVP_PKEY_free(pkey);
        goto leave;
    }
    key = aten_saml_key_adopt(pkey, p);
    key->not_before = time_of(X509_get0_notBefore(certificate));
    key->not_after = time_of(X509_get0_notAfter(certificate));
    key->certificate = der_base64(certificate, p);
    *out = key;
leave:
    X509_free(certificate);
    return error;
}

static BIGNUM *number(const char *base64, apr_pool_t *p)
{
    const unsigned char *bytes;
    apr_size_t len;

    if (!base64) return NULL;
    bytes = bytes_of(base64, strlen(base64), &len, p);
    return bytes && len && len <= 2048 ? BN_bin2bn(bytes, (int)len, NULL) : NULL;
}

static EVP_PKEY *rsa_of(const BIGNUM *modulus, const BIGNUM *exponent)
{
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    OSSL_PARAM *params = NULL;
    EVP_PKEY *pkey = NULL;

    if (build && ctx && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus)
        && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent)
        && (params = OSSL_PARAM_BLD_to_param(build)) && EVP_PKEY_fromdata_init(ctx) > 0
        && EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) <= 0) {
        pkey = NULL;
    }
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(ctx);
    return pkey;
}

const char *aten_saml_key_from_rsa(aten_saml_key_t **out, const char *modulus, const char *exponent, apr_pool_t *p)
{
    BIGNUM *n = number(modulus, p), *e = number(exponent, p);
    EVP_PKEY *pkey = n && e ? rsa_of(n, e) : NULL;
    const char *error = pkey ? aten_saml_key_weakness(pkey, p) : "an RSAKeyValue that cannot be read";

    BN_free(n);
    BN_free(e);
    if (!error) *out = aten_saml_key_adopt(pkey, p);
    else EVP_PKEY_free(pkey);
    return error;
}
