#include "aten_saml_request.h"

#include <string.h>

#include <apr_encode.h>
#include <apr_strings.h>
#include <libxml/tree.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <zlib.h>

#include "aten_url.h"

#define RSA_SHA256 "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
#define ECDSA_SHA256 "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
#define NONCE_CHARS 22
#define NONCE_SET "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
#define ALL_BYTES 65536 /* of a request: far more than one ever has */

char *aten_saml_request_id(const char *nonce, apr_pool_t *p)
{
    return apr_pstrcat(p, "_", nonce, NULL);
}

const char *aten_saml_request_nonce(const char *id, apr_pool_t *p)
{
    if (!id || *id != '_' || strlen(id) != NONCE_CHARS + 1 || strspn(id + 1, NONCE_SET) != NONCE_CHARS) return NULL;
    return apr_pstrdup(p, id + 1);
}

/* --- the message --- */

/* xs:dateTime in UTC (saml-core 1.3.3). */
static const char *time_text(apr_time_t when, apr_pool_t *p)
{
    apr_time_exp_t t;

    if (apr_time_exp_gmt(&t, when) != APR_SUCCESS) return "";
    return apr_psprintf(p, "%04d-%02d-%02dT%02d:%02d:%02dZ", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min,
                        t.tm_sec);
}

#define X(text) ((const xmlChar *)(text))

static xmlNode *add(xmlNode *parent, xmlNs *ns, const char *name, const char *text)
{
    xmlNode *node = xmlNewTextChild(parent, ns, X(name), text ? X(text) : NULL);

    return node;
}

static int add_contexts(xmlNode *root, xmlNs *samlp, xmlNs *saml, const apr_array_header_t *contexts)
{
    xmlNode *requested;
    int i;

    if (!contexts || !contexts->nelts) return 1;
    requested = add(root, samlp, "RequestedAuthnContext", NULL);
    if (!requested || !xmlNewProp(requested, X("Comparison"), X("exact"))) return 0;
    for (i = 0; i < contexts->nelts; i++) {
        if (!add(requested, saml, "AuthnContextClassRef", APR_ARRAY_IDX(contexts, i, const char *))) return 0;
    }
    return 1;
}

static int fill(xmlNode *root, xmlNs *samlp, xmlNs *saml, const aten_saml_request_t *request, apr_pool_t *p)
{
    const char *const attributes[][2] = {
        {"ID", aten_saml_request_id(request->nonce, p)},
        {"Version", "2.0"},
        {"IssueInstant", time_text(request->now, p)},
        {"Destination", request->destination},
        {"AssertionConsumerServiceURL", request->acs},
        {"ProtocolBinding", ATEN_BINDING_POST},
        {request->force ? "ForceAuthn" : NULL, "true"},
    };
    xmlNode *policy;
    apr_size_t i;

    for (i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
        if (attributes[i][0] && !xmlNewProp(root, X(attributes[i][0]), X(attributes[i][1]))) return 0;
    }
    if (!add(root, saml, "Issuer", request->service_id)) return 0;
    policy = add(root, samlp, "NameIDPolicy", NULL);
    return policy && xmlNewProp(policy, X("Format"), X(ATEN_NAMEID_TRANSIENT))
           && xmlNewProp(policy, X("AllowCreate"), X("true")) && add_contexts(root, samlp, saml, request->contexts);
}

static char *message(const aten_saml_request_t *request, apr_pool_t *p)
{
    xmlDoc *doc = xmlNewDoc(X("1.0"));
    xmlNode *root = doc ? xmlNewNode(NULL, X("AuthnRequest")) : NULL;
    xmlNs *samlp, *saml;
    xmlBuffer *buffer = NULL;
    char *text = NULL;

    if (!root) goto leave;
    xmlDocSetRootElement(doc, root);
    samlp = xmlNewNs(root, X(ATEN_NS_SAMLP), X("samlp"));
    saml = xmlNewNs(root, X(ATEN_NS_SAML), X("saml"));
    if (!samlp || !saml) goto leave;
    xmlSetNs(root, samlp);
    if (!fill(root, samlp, saml, request, p)) goto leave;
    buffer = xmlBufferCreate();
    if (buffer && xmlNodeDump(buffer, doc, root, 0, 0) > 0) text = apr_pstrdup(p, (const char *)xmlBufferContent(buffer));
leave:
    if (buffer) xmlBufferFree(buffer);
    xmlFreeDoc(doc);
    return text;
}

/* DEFLATE without zlib's header (saml-bindings 3.4.4.1), then base64. */
static const char *packed(const char *text, apr_pool_t *p)
{
    const apr_size_t len = strlen(text), room = compressBound((uLong)len) + 64;
    unsigned char *out = apr_palloc(p, room);
    z_stream stream = {0};
    int done;

    if (len > ALL_BYTES || deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        return NULL;
    }
    stream.next_in = (z_const Bytef *)(apr_uintptr_t)text;
    stream.avail_in = (uInt)len;
    stream.next_out = out;
    stream.avail_out = (uInt)room;
    done = deflate(&stream, Z_FINISH) == Z_STREAM_END;
    deflateEnd(&stream);
    return done ? apr_pencode_base64_binary(p, out, (apr_ssize_t)stream.total_out, APR_ENCODE_NONE, NULL) : NULL;
}

/* --- the signature --- */

/* OpenSSL gives DER; XML signatures have the two numbers one behind the other, as long as the curve
 * (xmldsig-core1 6.4.3, by which SigAlg is defined). */
static const unsigned char *plain_ecdsa(const EVP_PKEY *pkey, const unsigned char *der, apr_size_t *len, apr_pool_t *p)
{
    const int half = (EVP_PKEY_get_bits(pkey) + 7) / 8;
    unsigned char *out = apr_palloc(p, 2 * (apr_size_t)half);
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &der, (long)*len);
    int good = signature && BN_bn2binpad(ECDSA_SIG_get0_r(signature), out, half) == half
               && BN_bn2binpad(ECDSA_SIG_get0_s(signature), out + half, half) == half;

    ECDSA_SIG_free(signature);
    *len = 2 * (apr_size_t)half;
    return good ? out : NULL;
}

static const char *sign(const aten_saml_key_t *key, const char *text, apr_pool_t *p)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const unsigned char *bytes = NULL;
    unsigned char *raw = NULL;
    size_t len = 0;

    if (!ctx || EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key->pkey) <= 0) goto leave;
    if (EVP_DigestSign(ctx, NULL, &len, (const unsigned char *)text, strlen(text)) <= 0) goto leave;
    raw = apr_palloc(p, len);
    if (EVP_DigestSign(ctx, raw, &len, (const unsigned char *)text, strlen(text)) <= 0) goto leave;
    bytes = EVP_PKEY_get_base_id(key->pkey) == EVP_PKEY_EC ? plain_ecdsa(key->pkey, raw, &len, p) : raw;
leave:
    EVP_MD_CTX_free(ctx);
    return bytes ? apr_pencode_base64_binary(p, bytes, (apr_ssize_t)len, APR_ENCODE_NONE, NULL) : NULL;
}

char *aten_saml_request_url(const aten_saml_request_t *request, apr_pool_t *p)
{
    const aten_saml_key_t *key = request->key;
    const char *text = message(request, p);
    const char *params[] = {"SAMLRequest", text ? packed(text, p) : NULL, "RelayState", request->relay_state, "SigAlg",
                            NULL, NULL};
    const char *signature[] = {"Signature", NULL, NULL};
    char *query;

    if (!params[1]) return NULL;
    if (key) params[5] = EVP_PKEY_get_base_id(key->pkey) == EVP_PKEY_EC ? ECDSA_SHA256 : RSA_SHA256;
    query = aten_url_with(p, NULL, NULL, params) + 1; /* what stands behind the '?' is what is signed, as it stands */
    if (key) {
        signature[1] = sign(key, query, p);
        if (!signature[1]) return NULL;
        query = apr_pstrcat(p, query, "&", aten_url_with(p, NULL, NULL, signature) + 1, NULL);
    }
    return apr_pstrcat(p, request->destination, strchr(request->destination, '?') ? "&" : "?", query, NULL);
}
