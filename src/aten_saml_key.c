#include "aten_saml_key.h"

#include <string.h>

#include <apr_encode.h>
#include <apr_strings.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "aten_saml_metadata.h"

#define RSA_BITS_MIN 2048
#define TEXT_BYTES_MAX (1024 * 1024)
#define NUMBER_BYTES_MAX 2048 /* OpenSSL verifies with 16384 bits at most */

/* --- strength --- */

static int is_allowed_curve(const EVP_PKEY *pkey)
{
    static const char *const curves[] = {"prime256v1", "secp384r1", "secp521r1"};
    char name[32];
    int is_explicit = 1;
    size_t i, len;

    /* With parameters of its own a key could bring the generator that fits somebody else's public point. */
    if (!EVP_PKEY_get_int_param(pkey, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &is_explicit)) return 0;
    if (is_explicit || !EVP_PKEY_get_group_name(pkey, name, sizeof(name), &len)) return 0;
    for (i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
        if (!strcmp(name, curves[i])) return 1;
    }
    return 0;
}

/* By 1 everything would be its own signature. */
static int has_sound_exponent(const EVP_PKEY *pkey)
{
    BIGNUM *exponent = NULL;
    int sound = EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &exponent) && BN_is_odd(exponent) &&
                !BN_is_one(exponent);

    BN_free(exponent);
    return sound;
}

static const char *weakness_of(const EVP_PKEY *pkey, apr_pool_t *p)
{
    const int bits = EVP_PKEY_get_bits(pkey);

    switch (EVP_PKEY_get_base_id(pkey)) {
    case EVP_PKEY_RSA:
        if (bits < RSA_BITS_MIN) return apr_psprintf(p, "an RSA key of %d bits; %d are the least", bits, RSA_BITS_MIN);
        return has_sound_exponent(pkey) ? NULL : "an RSA key whose exponent is 1 or even";
    case EVP_PKEY_EC:
        return is_allowed_curve(pkey) ? NULL : "an EC key that is not on P-256, P-384 or P-521 by name";
    default:
        return "a key that is neither RSA nor EC";
    }
}

const char *aten_saml_key_weakness(const struct evp_pkey_st *pkey, apr_pool_t *p)
{
    const char *weakness;

    ERR_set_mark();
    weakness = weakness_of(pkey, p);
    ERR_pop_to_mark();
    return weakness;
}

/* --- pools --- */

static apr_status_t free_key(void *pkey)
{
    EVP_PKEY_free(pkey);
    return APR_SUCCESS;
}

aten_saml_key_t *aten_saml_key_adopt(struct evp_pkey_st *pkey, apr_pool_t *p)
{
    aten_saml_key_t *key = apr_pcalloc(p, sizeof(*key));

    apr_pool_cleanup_register(p, pkey, free_key, apr_pool_cleanup_null);
    key->pkey = pkey;
    return key;
}

/* Takes the key over: into the pool, or away where it is NULL or too weak. */
static const char *judge(aten_saml_key_t **out, EVP_PKEY *pkey, const char *unreadable, apr_pool_t *p)
{
    const char *error = pkey ? weakness_of(pkey, p) : unreadable;

    if (!error) *out = aten_saml_key_adopt(pkey, p);
    else EVP_PKEY_free(pkey);
    return error;
}

/* --- base64 --- */

/* White space passed over. @return NULL if it is none, or empty */
static const unsigned char *bytes_of(const char *text, apr_size_t len, apr_size_t *out_len, apr_pool_t *p)
{
    char *packed = apr_palloc(p, len + 1), *end = packed;
    apr_size_t i;

    for (i = 0; i < len; i++) {
        if (text[i] == ' ' || text[i] == '\t' || text[i] == '\r' || text[i] == '\n') continue;
        *end++ = text[i];
    }
    *end = '\0';
    return end == packed ? NULL : apr_pdecode_base64_binary(p, packed, end - packed, APR_ENCODE_NONE, out_len);
}

/* --- certificates --- */

static apr_time_t time_of(const ASN1_TIME *when)
{
    apr_time_exp_t parts = {0};
    apr_time_t t = 0;
    struct tm tm;

    if (!ASN1_TIME_to_tm(when, &tm)) return 0;
    parts.tm_sec = tm.tm_sec;
    parts.tm_min = tm.tm_min;
    parts.tm_hour = tm.tm_hour;
    parts.tm_mday = tm.tm_mday;
    parts.tm_mon = tm.tm_mon;
    parts.tm_year = tm.tm_year;
    return apr_time_exp_gmt_get(&t, &parts) == APR_SUCCESS ? t : 0;
}

static const char *base64_of(X509 *certificate, apr_pool_t *p)
{
    unsigned char *der = NULL;
    const int len = i2d_X509(certificate, &der);
    const char *text = len > 0 ? apr_pencode_base64_binary(p, der, len, APR_ENCODE_NONE, NULL) : NULL;

    OPENSSL_free(der);
    return text;
}

/* OpenSSL would ask for a passphrase at the terminal, in a certificate's PEM too. */
static int no_passphrase(char *buf, int size, int writing, void *asked)
{
    (void)buf;
    (void)size;
    (void)writing;
    *(int *)asked = 1;
    return -1;
}

static X509 *certificate_from_pem(const char *text, apr_size_t len)
{
    BIO *bio = BIO_new_mem_buf(text, (int)len);
    int asked = 0;
    X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, no_passphrase, &asked) : NULL;

    BIO_free(bio);
    return certificate;
}

static X509 *certificate_from_base64(const char *text, apr_size_t len, apr_pool_t *p)
{
    const unsigned char *der, *at;
    X509 *certificate = NULL;
    apr_pool_t *scratch;
    apr_size_t der_len;

    apr_pool_create(&scratch, p);
    at = der = bytes_of(text, len, &der_len, scratch);
    if (der) certificate = d2i_X509(NULL, &at, (long)der_len);
    if (certificate && at != der + der_len) {
        X509_free(certificate);
        certificate = NULL;
    }
    apr_pool_destroy(scratch);
    return certificate;
}

static const char *read_certificate(aten_saml_key_t **out, const char *text, apr_size_t len, int pem, apr_pool_t *p)
{
    X509 *certificate = NULL;
    aten_saml_key_t *key = NULL;
    const char *error;

    if (len <= TEXT_BYTES_MAX) {
        certificate = pem ? certificate_from_pem(text, len) : certificate_from_base64(text, len, p);
    }
    if (!certificate) return pem ? "no certificate in PEM" : "a certificate that cannot be read";
    error = judge(&key, X509_get_pubkey(certificate), "a certificate whose key cannot be read", p);
    if (error) goto leave;
    key->not_before = time_of(X509_get0_notBefore(certificate));
    key->not_after = time_of(X509_get0_notAfter(certificate));
    key->certificate = base64_of(certificate, p);
    error = "a certificate that cannot be written";
    if (!key->certificate) goto leave;
    error = NULL;
    *out = key;
leave:
    X509_free(certificate);
    return error;
}

const char *aten_saml_key_from_certificate(aten_saml_key_t **out, const char *text, apr_size_t len, int pem,
                                           apr_pool_t *p)
{
    const char *error;

    ERR_set_mark();
    error = read_certificate(out, text, len, pem, p);
    ERR_pop_to_mark();
    return error;
}

/* --- RSAKeyValue --- */

static BIGNUM *number(const char *base64, apr_pool_t *p)
{
    const unsigned char *bytes;
    apr_size_t len;

    if (!base64) return NULL;
    bytes = bytes_of(base64, strlen(base64), &len, p);
    return bytes && len <= NUMBER_BYTES_MAX ? BN_bin2bn(bytes, (int)len, NULL) : NULL;
}

static EVP_PKEY *rsa_of(const BIGNUM *modulus, const BIGNUM *exponent)
{
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    OSSL_PARAM *params = NULL;
    EVP_PKEY *pkey = NULL;

    if (!build || !ctx || EVP_PKEY_fromdata_init(ctx) <= 0) goto leave;
    if (!OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus)) goto leave;
    if (!OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent)) goto leave;
    params = OSSL_PARAM_BLD_to_param(build);
    if (!params || EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) <= 0) pkey = NULL;
leave:
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(ctx);
    return pkey;
}

const char *aten_saml_key_from_rsa(aten_saml_key_t **out, const char *modulus, const char *exponent, apr_pool_t *p)
{
    BIGNUM *n = number(modulus, p), *e = number(exponent, p);
    const char *error;

    ERR_set_mark();
    error = judge(out, n && e ? rsa_of(n, e) : NULL, "an RSAKeyValue that cannot be read", p);
    ERR_pop_to_mark();
    BN_free(n);
    BN_free(e);
    return error;
}

/* --- private keys --- */

const char *aten_saml_key_from_pem(aten_saml_key_t **out, const char *text, apr_pool_t *p)
{
    const char *error = "no private key in PEM";
    EVP_PKEY *pkey;
    int asked = 0;
    BIO *bio;

    ERR_set_mark();
    bio = BIO_new_mem_buf(text, -1);
    pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &asked) : NULL;
    if (asked) error = "a key with a passphrase, which nobody could type here; openssl pkey writes it without one";
    error = judge(out, pkey, error, p);
    BIO_free(bio);
    ERR_pop_to_mark();
    return error;
}
