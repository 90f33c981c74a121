#include "aten_saml_request.h"

#include <string.h>

#include <apr_encode.h>
#include <apr_escape.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <zlib.h>

#include "aten_pending.h"
#include "aten_saml_write.h"

#define RSA_SHA256 "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
#define ECDSA_SHA256 "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
#define ID_START "_" /* of one letter each */
#define RETRY_START "r"
#define NONCE_CHARS ((ATEN_NONCE_BYTES * 8 + 5) / 6)
#define NONCE_SET "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
#define WINDOW_BITS 10
#define MEMORY_LEVEL 3
#define MESSAGE_BYTES_MAX 65536
#define RELAY_STATE_BYTES_MAX 80

char *aten_saml_request_id(const char *nonce, int retry, apr_pool_t *p)
{
    return apr_pstrcat(p, retry ? RETRY_START : ID_START, nonce, NULL);
}

const char *aten_saml_request_nonce(const char *id, int *retry, apr_pool_t *p)
{
    if (!id || (*id != *ID_START && *id != *RETRY_START)) return NULL;
    if (strlen(id) != 1 + NONCE_CHARS || strspn(id + 1, NONCE_SET) != NONCE_CHARS) return NULL;
    *retry = *id == *RETRY_START;
    return apr_pstrdup(p, id + 1);
}

/* --- the message --- */

/* xs:dateTime in UTC (saml-core 1.3.3). */
static const char *time_text(apr_time_t when, apr_pool_t *p)
{
    apr_time_exp_t t;

    if (apr_time_exp_gmt(&t, when) != APR_SUCCESS) return NULL;
    return apr_psprintf(p, "%04d-%02d-%02dT%02d:%02d:%02dZ", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour,
                        t.tm_min, t.tm_sec);
}

static void write_contexts(aten_saml_writer_t *to, const apr_array_header_t *contexts)
{
    int i;

    if (!contexts || !contexts->nelts) return;
    aten_saml_write_open(to, "samlp:RequestedAuthnContext");
    aten_saml_write_attribute(to, "Comparison", "exact");
    for (i = 0; i < contexts->nelts; i++) {
        aten_saml_write_open(to, "saml:AuthnContextClassRef");
        aten_saml_write_text(to, APR_ARRAY_IDX(contexts, i, const char *));
        aten_saml_write_close(to);
    }
    aten_saml_write_close(to);
}

/* The order of elements is the schema's (saml-core 3.2.1, 3.4.1). */
static char *message(const aten_saml_request_t *request, apr_pool_t *p)
{
    aten_saml_writer_t *to = aten_saml_write(0, p);

    aten_saml_write_open(to, "samlp:AuthnRequest");
    aten_saml_write_attribute(to, "xmlns:samlp", ATEN_NS_SAMLP);
    aten_saml_write_attribute(to, "xmlns:saml", ATEN_NS_SAML);
    aten_saml_write_attribute(to, "ID", aten_saml_request_id(request->nonce, request->retry, p));
    aten_saml_write_attribute(to, "Version", "2.0");
    aten_saml_write_attribute(to, "IssueInstant", time_text(request->now, p));
    aten_saml_write_attribute(to, "Destination", request->destination);
    aten_saml_write_attribute(to, "AssertionConsumerServiceURL", request->acs);
    aten_saml_write_attribute(to, "ProtocolBinding", ATEN_BINDING_POST);
    if (request->force) aten_saml_write_attribute(to, "ForceAuthn", "true");
    aten_saml_write_open(to, "saml:Issuer");
    aten_saml_write_text(to, request->service_id);
    aten_saml_write_close(to);
    aten_saml_write_open(to, "samlp:NameIDPolicy");
    aten_saml_write_attribute(to, "Format", ATEN_NAMEID_TRANSIENT);
    aten_saml_write_attribute(to, "AllowCreate", "true");
    aten_saml_write_close(to);
    write_contexts(to, request->contexts);
    return aten_saml_write_end(to, p);
}

/* --- the parameters --- */

/* DEFLATE alone, without zlib's header (saml-bindings 3.4.4.1). A request has some hundred bytes: a small window and
 * little memory are quicker to set up than the usual ones, and lose nothing. */
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

/* --- the signature --- */

/* OpenSSL gives DER. XML signatures have the two numbers one behind the other, each as long as the curve's order
 * (xmldsig-core1, section 6.4.3), and SigAlg names one of theirs. */
static const unsigned char *plain_ecdsa(const EVP_PKEY *pkey, const unsigned char *der, size_t *len, apr_pool_t *p)
{
    const int half = (EVP_PKEY_get_bits(pkey) + 7) / 8;
    unsigned char *out = apr_palloc(p, 2 * (apr_size_t)half);
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &der, (long)*len);
    const int good = signature && BN_bn2binpad(ECDSA_SIG_get0_r(signature), out, half) == half &&
                     BN_bn2binpad(ECDSA_SIG_get0_s(signature), out + half, half) == half;

    ECDSA_SIG_free(signature);
    *len = 2 * (size_t)half;
    return good ? out : NULL;
}

static int is_ec(const aten_saml_key_t *key)
{
    return EVP_PKEY_get_base_id(key->pkey) == EVP_PKEY_EC;
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
    bytes = is_ec(key) ? plain_ecdsa(key->pkey, raw, &len, p) : raw;
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

static const char *separator_for(const char *address)
{
    const char last = *address ? address[strlen(address) - 1] : '\0';

    if (!strchr(address, '?')) return "?";
    return last == '?' || last == '&' ? "" : "&";
}

char *aten_saml_request_url(const aten_saml_request_t *request, apr_pool_t *p)
{
    const char *relay = request->relay_state, *text, *query;

    if (relay && strlen(relay) > RELAY_STATE_BYTES_MAX) return NULL;
    text = message(request, p);
    text = text ? deflated(text, p) : NULL;
    if (!text) return NULL;
    query = apr_pstrcat(p, "SAMLRequest=", encoded(text, p), NULL);
    if (relay && *relay) query = apr_pstrcat(p, query, "&RelayState=", encoded(relay, p), NULL);
    if (request->key) query = signed_query(request->key, query, p);
    if (!query) return NULL;
    return apr_pstrcat(p, request->destination, separator_for(request->destination), query, NULL);
}
