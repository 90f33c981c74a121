#include "aten_saml_redirect.h"

#include <string.h>

#include <apr_encode.h>
#include <apr_escape.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <zlib.h>

#include "aten_saml_key.h"
#include "aten_saml_response.h"
#include "aten_url.h"
#include "aten_util.h"
#include "aten_xml.h"

#define MORE "http://www.w3.org/2001/04/xmldsig-more#"
#define RSA_SHA256 MORE "rsa-sha256"
#define ECDSA_SHA256 MORE "ecdsa-sha256"
#define DEFLATE_ENCODING "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE"
#define WINDOW_BITS 10
#define MEMORY_LEVEL 3
#define MESSAGE_BYTES_MAX 65536 /* of ours */
#define SHOWN 200               /* bytes of a value that a log shows */

/* --- compression --- */

/* DEFLATE alone, without zlib's header (saml-bindings 3.4.4.1). A message of ours has some hundred bytes: a small
 * window and little memory are quicker to set up than the usual ones, and lose nothing. */
static const char *deflated(const char *text, apr_pool_t *p)
{
    z_stream stream = {0};
    const char *base64 = NULL;
    unsigned char *out;
    apr_size_t room;

    if (strlen(text) > MESSAGE_BYTES_MAX) return NULL;
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -WINDOW_BITS, MEMORY_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        return NULL;
    }
    room = deflateBound(&stream, (uLong)strlen(text));
    out = apr_palloc(p, room);
    stream.next_in = (z_const Bytef *)(apr_uintptr_t)text;
    stream.avail_in = (uInt)strlen(text);
    stream.next_out = out;
    stream.avail_out = (uInt)room;
    if (deflate(&stream, Z_FINISH) == Z_STREAM_END) {
        base64 = apr_pencode_base64_binary(p, out, (apr_ssize_t)stream.total_out, APR_ENCODE_NONE, NULL);
    }
    deflateEnd(&stream);
    return base64;
}

/* Inflate all of it, into room that grows with what comes: few bytes may become a thousand times as many. One byte more
 * than is taken tells what is too large. @return zlib's status, as of the last call */
static int inflate_all(z_stream *stream, char **out, apr_pool_t *p)
{
    apr_size_t room = 0, wanted = 4 * (apr_size_t)stream->avail_in + 1024;
    int status = Z_OK;

    *out = NULL;
    while (status == Z_OK && room <= ATEN_XML_BYTES_MAX) {
        const apr_size_t had = room;
        char *larger;

        room = wanted <= ATEN_XML_BYTES_MAX ? wanted : ATEN_XML_BYTES_MAX + 1;
        wanted = 2 * room;
        larger = apr_palloc(p, room + 1);
        if (had) memcpy(larger, *out, had);
        *out = larger;
        stream->next_out = (Bytef *)larger + had;
        stream->avail_out = (uInt)(room - had);
        status = inflate(stream, Z_NO_FLUSH);
        if (status == Z_OK && stream->avail_out) status = Z_BUF_ERROR; /* there is no more, and it has not ended */
    }
    return status;
}

static aten_verdict_t inflated(aten_saml_redirect_t *out, const char *data, apr_size_t len, const char **why,
                               apr_pool_t *p)
{
    z_stream stream = {0};
    char *text;
    int status;

    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) {
        *why = "zlib cannot be used";
        return ATEN_V_INTERNAL;
    }
    stream.next_in = (z_const Bytef *)(apr_uintptr_t)data;
    stream.avail_in = (uInt)len;
    status = inflate_all(&stream, &text, p);
    out->len = stream.total_out;
    inflateEnd(&stream);
    if (out->len > ATEN_XML_BYTES_MAX) {
        *why = apr_psprintf(p, "what is compressed has more than %d bytes", ATEN_XML_BYTES_MAX);
        return ATEN_V_XML_LARGE;
    }
    if (status != Z_STREAM_END || stream.avail_in) {
        *why = status == Z_STREAM_END ? "there is something behind the end of the DEFLATE data"
                                      : "it is not compressed by DEFLATE (RFC 1951), or it is cut off";
        return ATEN_V_SAML_ENCODING;
    }
    text[out->len] = '\0';
    out->message = text;
    return ATEN_V_OK;
}

/* --- written: the parameters --- */

/* Percent-encoded, in upper case (RFC 3986, section 2.1), unlike APR's: some portals decode the parameters, encode them
 * again, in upper case, and verify the signature over that. */
static const char *encoded(const char *value, apr_pool_t *p)
{
    char *out = apr_pstrdup(p, apr_pescape_urlencoded(p, value)), *c;

    for (c = out; *c; c++) {
        if (*c != '%') continue;
        c[1] = (char)apr_toupper(c[1]);
        c[2] = (char)apr_toupper(c[2]);
        c += 2;
    }
    return out;
}

static const char *separator_for(const char *address)
{
    const char last = *address ? address[strlen(address) - 1] : '\0';

    if (!strchr(address, '?')) return "?";
    return last == '?' || last == '&' ? "" : "&";
}

/* --- the signature --- */

typedef struct {
    const char *uri;
    int key_type;
    const EVP_MD *(*md)(void);
} algorithm_t;

static const algorithm_t algorithms[] = {
    {RSA_SHA256, EVP_PKEY_RSA, EVP_sha256},  {MORE "rsa-sha384", EVP_PKEY_RSA, EVP_sha384},
    {MORE "rsa-sha512", EVP_PKEY_RSA, EVP_sha512},
    {ECDSA_SHA256, EVP_PKEY_EC, EVP_sha256}, {MORE "ecdsa-sha384", EVP_PKEY_EC, EVP_sha384},
    {MORE "ecdsa-sha512", EVP_PKEY_EC, EVP_sha512},
    {NULL, 0, NULL},
};

static int is_ec(const aten_saml_key_t *key)
{
    return EVP_PKEY_get_base_id(key->pkey) == EVP_PKEY_EC;
}

/* XML signatures have the two numbers of ECDSA one behind the other, each as long as the curve's order (xmldsig-core1,
 * section 6.4.3), and SigAlg names one of theirs. OpenSSL has DER. */
static apr_size_t half_of(const EVP_PKEY *pkey)
{
    return ((apr_size_t)EVP_PKEY_get_bits(pkey) + 7) / 8;
}

static const unsigned char *plain_of_der(const EVP_PKEY *pkey, const unsigned char *der, size_t *len, apr_pool_t *p)
{
    const int half = (int)half_of(pkey);
    unsigned char *out = apr_palloc(p, 2 * (apr_size_t)half);
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &der, (long)*len);
    const int good = signature && BN_bn2binpad(ECDSA_SIG_get0_r(signature), out, half) == half &&
                     BN_bn2binpad(ECDSA_SIG_get0_s(signature), out + half, half) == half;

    ECDSA_SIG_free(signature);
    *len = 2 * (size_t)half;
    return good ? out : NULL;
}

/* @return NULL if something failed */
static const unsigned char *der_of_plain(const unsigned char *plain, apr_size_t half, apr_size_t *len, apr_pool_t *p)
{
    ECDSA_SIG *signature = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(plain, (int)half, NULL), *s = BN_bin2bn(plain + half, (int)half, NULL);
    unsigned char *der = NULL, *copy = NULL;
    int size = -1;

    if (signature && r && s && ECDSA_SIG_set0(signature, r, s)) {
        r = s = NULL; /* signature's now */
        size = i2d_ECDSA_SIG(signature, &der);
    }
    if (size > 0) copy = apr_pmemdup(p, der, (apr_size_t)size);
    *len = size > 0 ? (apr_size_t)size : 0;
    OPENSSL_free(der);
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(signature);
    return copy;
}

/* @return the signature's base64, or NULL */
static const char *signature_of(const aten_saml_key_t *key, const char *text, apr_pool_t *p)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const unsigned char *octets = (const unsigned char *)text, *bytes = NULL;
    unsigned char *raw;
    size_t len = 0;

    ERR_set_mark();
    if (!ctx || EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key->pkey) <= 0) goto leave;
    if (EVP_DigestSign(ctx, NULL, &len, octets, strlen(text)) <= 0) goto leave;
    raw = apr_palloc(p, len);
    if (EVP_DigestSign(ctx, raw, &len, octets, strlen(text)) <= 0) goto leave;
    bytes = is_ec(key) ? plain_of_der(key->pkey, raw, &len, p) : raw;
leave:
    ERR_pop_to_mark();
    EVP_MD_CTX_free(ctx);
    return bytes ? apr_pencode_base64_binary(p, bytes, (apr_ssize_t)len, APR_ENCODE_NONE, NULL) : NULL;
}

/* What is signed is what stands in the address, octet by octet, in this order (saml-bindings 3.4.4.1). */
static const char *signed_query(const aten_saml_key_t *key, const char *query, apr_pool_t *p)
{
    const char *algorithm = encoded(is_ec(key) ? ECDSA_SHA256 : RSA_SHA256, p), *signature;

    query = apr_pstrcat(p, query, "&SigAlg=", algorithm, NULL);
    signature = signature_of(key, query, p);
    return signature ? apr_pstrcat(p, query, "&Signature=", encoded(signature, p), NULL) : NULL;
}

char *aten_saml_redirect_url(const char *destination, const char *parameter, const char *message,
                             const char *relay_state, const aten_saml_key_t *key, apr_pool_t *p)
{
    const char *text = message ? deflated(message, p) : NULL, *query;

    if (!text || !destination) return NULL;
    query = apr_pstrcat(p, parameter, "=", encoded(text, p), NULL);
    if (relay_state && *relay_state) query = apr_pstrcat(p, query, "&RelayState=", encoded(relay_state, p), NULL);
    if (key) query = signed_query(key, query, p);
    if (!query) return NULL;
    return apr_pstrcat(p, destination, separator_for(destination), query, NULL);
}

/* --- read: the parameters --- */

/* The first parameter whose name stands there in plain letters, with its name and value as they came, or NULL. */
static const char *as_it_came(const char *query, const char *name, apr_pool_t *p)
{
    const apr_size_t len = strlen(name);

    for (; query && *query; query += strspn(query, "&")) {
        const apr_size_t whole = strcspn(query, "&");

        if (strcspn(query, "=&") == len && !memcmp(query, name, len)) return apr_pstrmemdup(p, query, whole);
        query += whole;
    }
    return NULL;
}

/* Decoded by the one parser of parameters, which sees every spelling of a name. What verifies a signature over octets
 * must not read a value from elsewhere than those (CVE-2025-31335): so a name in another spelling is refused. */
static aten_verdict_t read_parameters(apr_table_t **params, const char *query, const char **why, apr_pool_t *p)
{
    static const char *const names[] = {"SAMLRequest", "SAMLResponse", "RelayState", "SigAlg", "Signature",
                                        "SAMLEncoding", NULL};
    const char *which = NULL;
    const aten_verdict_t verdict = aten_params(params, query, names, &which, p);
    int i;

    if (verdict != ATEN_V_OK) {
        *why = which;
        return verdict;
    }
    for (i = 0; names[i]; i++) {
        if (!apr_table_get(*params, names[i]) || as_it_came(query, names[i], p)) continue;
        *why = apr_psprintf(p, "the name of %s is percent-encoded", names[i]);
        return ATEN_V_PARAM_MALFORMED;
    }
    return ATEN_V_OK;
}

static aten_verdict_t read_relay_state(aten_saml_redirect_t *out, const apr_table_t *params, const char **why,
                                       apr_pool_t *p)
{
    const char *relay = apr_table_get(params, "RelayState");

    out->relay_state = relay && *relay ? relay : NULL;
    if (!out->relay_state || aten_text_is_clean(relay, ATEN_SAML_FOREIGN_RELAY_STATE_MAX)) return ATEN_V_OK;
    *why = apr_psprintf(p, "RelayState has more than %d bytes, or control characters",
                        ATEN_SAML_FOREIGN_RELAY_STATE_MAX);
    return ATEN_V_PARAM_MALFORMED;
}

static aten_verdict_t read_signature(aten_saml_redirect_t *out, const apr_table_t *params, const char *query,
                                     const char **why, apr_pool_t *p)
{
    const char *base64 = apr_table_get(params, "Signature"), *bytes, *relay;

    out->algorithm = apr_table_get(params, "SigAlg");
    if (!out->algorithm && !base64) return ATEN_V_OK;
    if (!out->algorithm || !base64) {
        *why = base64 ? "a Signature without a SigAlg" : "a SigAlg without a Signature";
        return ATEN_V_PARAM_MALFORMED;
    }
    if (aten_saml_response_decode(base64, &bytes, &out->signature_len, p) != ATEN_V_OK) {
        *why = "Signature is not base64";
        return ATEN_V_PARAM_MALFORMED;
    }
    out->signature = (const unsigned char *)bytes;
    relay = as_it_came(query, "RelayState", p);
    out->signed_query = apr_pstrcat(p, as_it_came(query, out->is_response ? "SAMLResponse" : "SAMLRequest", p),
                                    relay ? "&" : "", relay ? relay : "", "&", as_it_came(query, "SigAlg", p), NULL);
    return ATEN_V_OK;
}

static aten_verdict_t read_message(aten_saml_redirect_t *out, const apr_table_t *params, const char **why,
                                   apr_pool_t *p)
{
    const char *request = apr_table_get(params, "SAMLRequest"), *response = apr_table_get(params, "SAMLResponse");
    const char *encoding = apr_table_get(params, "SAMLEncoding"), *data;
    aten_verdict_t verdict;
    apr_size_t len;

    if (!request == !response) {
        *why = request ? "both SAMLRequest and SAMLResponse" : "neither SAMLRequest nor SAMLResponse";
        return ATEN_V_PARAM_MALFORMED;
    }
    if (encoding && !aten_same(encoding, DEFLATE_ENCODING)) {
        *why = apr_pstrcat(p, "SAMLEncoding is '", aten_log_text(p, encoding, SHOWN), "', not " DEFLATE_ENCODING, NULL);
        return ATEN_V_SAML_ENCODING;
    }
    out->is_response = response != NULL;
    verdict = aten_saml_response_decode(response ? response : request, &data, &len, p);
    if (verdict == ATEN_V_OK) return inflated(out, data, len, why, p);
    *why = apr_pstrcat(p, response ? "SAMLResponse" : "SAMLRequest", " is empty, too long, or not base64 (a '+' must "
                       "be percent-encoded)", NULL);
    return verdict;
}

aten_verdict_t aten_saml_redirect_read(aten_saml_redirect_t *out, const char *query, const char **why, apr_pool_t *p)
{
    apr_table_t *params;
    aten_verdict_t verdict;

    *out = (aten_saml_redirect_t){0};
    *why = NULL;
    verdict = read_parameters(&params, query, why, p);
    if (verdict == ATEN_V_OK) verdict = read_message(out, params, why, p);
    if (verdict == ATEN_V_OK) verdict = read_relay_state(out, params, why, p);
    if (verdict == ATEN_V_OK) verdict = read_signature(out, params, query, why, p);
    if (verdict != ATEN_V_OK) *out = (aten_saml_redirect_t){0};
    return verdict;
}

/* --- read: the signature --- */

static const algorithm_t *algorithm_of(const char *uri)
{
    const algorithm_t *algorithm;

    for (algorithm = algorithms; algorithm->uri; algorithm++) {
        if (aten_same(uri, algorithm->uri)) return algorithm;
    }
    return NULL;
}

/* @return 1, 0, or -1 if it could not be tried */
static int is_signature(const char *text, const unsigned char *signature, apr_size_t len, EVP_PKEY *pkey,
                        const algorithm_t *algorithm)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int holds = -1;

    if (ctx && EVP_DigestVerifyInit(ctx, NULL, algorithm->md(), NULL, pkey) > 0) {
        holds = EVP_DigestVerify(ctx, signature, len, (const unsigned char *)text, strlen(text)) == 1;
    }
    EVP_MD_CTX_free(ctx);
    return holds;
}

/* Java's and OpenSSL's users (OpenSAML, lasso) send ECDSA signatures in DER, which says the same numbers. */
static int holds_with(const aten_saml_redirect_t *message, const aten_saml_key_t *key, const algorithm_t *algorithm,
                      apr_pool_t *p)
{
    const apr_size_t half = half_of(key->pkey);
    const unsigned char *signature = message->signature;
    apr_size_t len = message->signature_len;

    if (algorithm->key_type == EVP_PKEY_EC && len == 2 * half) {
        signature = der_of_plain(message->signature, half, &len, p);
        if (!signature) return -1;
    }
    return is_signature(message->signed_query, signature, len, key->pkey, algorithm);
}

/* Metadata lets no other key in; this does not depend on it. */
static int is_usable(const aten_saml_key_t *key, int type, apr_pool_t *p)
{
    return key && key->pkey && EVP_PKEY_get_base_id(key->pkey) == type && !aten_saml_key_weakness(key->pkey, p);
}

static aten_verdict_t try_keys(const aten_saml_redirect_t *message, const apr_array_header_t *keys,
                               const algorithm_t *algorithm, const char **why, apr_pool_t *p)
{
    const char *kind = algorithm->key_type == EVP_PKEY_RSA ? "RSA" : "EC";
    int i, tried = 0;

    for (i = 0; keys && i < keys->nelts; i++) {
        const aten_saml_key_t *key = APR_ARRAY_IDX(keys, i, const aten_saml_key_t *);
        int holds;

        if (!is_usable(key, algorithm->key_type, p)) continue;
        tried++;
        holds = holds_with(message, key, algorithm, p);
        if (holds > 0) return ATEN_V_OK;
        if (holds < 0) {
            *why = "OpenSSL could not verify the signature";
            return ATEN_V_INTERNAL;
        }
    }
    *why = tried ? apr_psprintf(p, "the address was signed by none of the portal's %d %s keys, or changed afterwards",
                                tried, kind)
                 : apr_psprintf(p, "the signature is one of an %s key, and the portal's metadata has none", kind);
    return ATEN_V_SAML_SIGNATURE;
}

aten_verdict_t aten_saml_redirect_verify(const aten_saml_redirect_t *message, const apr_array_header_t *keys,
                                         const char **why, apr_pool_t *p)
{
    const algorithm_t *algorithm;
    aten_verdict_t verdict;

    *why = NULL;
    if (!message->signed_query) {
        *why = "the address has no SigAlg and no Signature";
        return ATEN_V_SAML_UNSIGNED;
    }
    algorithm = algorithm_of(message->algorithm);
    if (!algorithm) {
        *why = apr_pstrcat(p, "SigAlg is '", aten_log_text(p, message->algorithm, SHOWN), "'", NULL);
        return ATEN_V_SAML_ALGORITHM;
    }
    ERR_set_mark(); /* nothing of this stays in OpenSSL's queue, where mod_ssl would take it for its own */
    verdict = try_keys(message, keys, algorithm, why, p);
    ERR_pop_to_mark();
    return verdict;
}
