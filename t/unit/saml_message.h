/* A portal's answers for the unit tests: text, changed as a test likes, signed and encrypted. Done with OpenSSL and
 * libxml2's canonicalization alone, so that nothing that is tested here judges its own work. */
#ifndef ATEN_UNIT_SAML_MESSAGE_H
#define ATEN_UNIT_SAML_MESSAGE_H

#include "unit.h"

#include <apr_base64.h>
#include <libxml/c14n.h>
#include <libxml/parser.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "aten_saml.h"

#define PORTAL "https://portail.example/idp"
#define OTHER_PORTAL "https://agents.example/idp"
#define SERVICE "https://ent.example/aten/saml/metadata"
#define ACS "https://ent.example/aten/saml/acs"
#define BEARER "urn:oasis:names:tc:SAML:2.0:cm:bearer"
#define SUCCESS "urn:oasis:names:tc:SAML:2.0:status:Success"
#define PASSWORD "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
#define NAME_ID "Zname-1"      /* neither may ever stand in a log */
#define VALUE "4|L'Hérault|Zoé|701294|0340039X"
#define XMLNS_SAML " xmlns:saml=\"" ATEN_NS_SAML "\""

/* The answer's parts, for what a test replaces. All times are around 2026-11-24T10:00:00Z. */
#define ISSUER "<saml:Issuer>" PORTAL "</saml:Issuer>"
#define STATUS "<samlp:Status><samlp:StatusCode Value=\"" SUCCESS "\"/></samlp:Status>"
#define NAMEID "<saml:NameID Format=\"" ATEN_NAMEID_TRANSIENT "\">" NAME_ID "</saml:NameID>"
#define DATA "<saml:SubjectConfirmationData Recipient=\"" ACS "\" NotOnOrAfter=\"2026-11-24T10:05:00Z\"" \
    " InResponseTo=\"_q\"/>"
#define CONFIRMATION "<saml:SubjectConfirmation Method=\"" BEARER "\">" DATA "</saml:SubjectConfirmation>"
#define SUBJECT "<saml:Subject>" NAMEID CONFIRMATION "</saml:Subject>"
#define WINDOW " NotBefore=\"2026-11-24T09:59:00Z\" NotOnOrAfter=\"2026-11-24T10:04:00Z\""
#define RESTRICTION "<saml:AudienceRestriction><saml:Audience>" SERVICE "</saml:Audience></saml:AudienceRestriction>"
#define CONDITIONS "<saml:Conditions" WINDOW ">" RESTRICTION "</saml:Conditions>"
#define CLASS "<saml:AuthnContextClassRef>" PASSWORD "</saml:AuthnContextClassRef>"
#define AUTHN "<saml:AuthnStatement AuthnInstant=\"2026-11-24T09:58:00Z\" SessionIndex=\"_s\">" \
    "<saml:AuthnContext>" CLASS "</saml:AuthnContext></saml:AuthnStatement>"
#define ATTRIBUTE "<saml:Attribute Name=\"FrEduVecteur\"><saml:AttributeValue>" VALUE "</saml:AttributeValue>" \
    "</saml:Attribute>"
#define STATEMENT "<saml:AttributeStatement>" ATTRIBUTE "</saml:AttributeStatement>"
#define ASSERTION "<saml:Assertion" XMLNS_SAML " ID=\"_a\" Version=\"2.0\" IssueInstant=\"2026-11-24T10:00:00Z\">" \
    ISSUER SUBJECT CONDITIONS AUTHN STATEMENT "</saml:Assertion>"
#define RESPONSE "<samlp:Response xmlns:samlp=\"" ATEN_NS_SAMLP "\"" XMLNS_SAML " ID=\"_r\" Version=\"2.0\"" \
    " IssueInstant=\"2026-11-24T10:00:00Z\" Destination=\"" ACS "\" InResponseTo=\"_q\">" \
    ISSUER STATUS ASSERTION "</samlp:Response>"

#define EXC_C14N "http://www.w3.org/2001/10/xml-exc-c14n#"
#define EMPTY(name, algorithm) "<ds:" name " Algorithm=\"" algorithm "\"></ds:" name ">"

typedef struct {
    EVP_PKEY *portal, *other_portal, *stranger, *service;
} message_keys_t;

static message_keys_t message_keys;

static inline void message_keys_make(void)
{
    message_keys.portal = EVP_RSA_gen(2048);
    message_keys.other_portal = EVP_RSA_gen(2048);
    message_keys.stranger = EVP_RSA_gen(2048);
    message_keys.service = EVP_RSA_gen(2048);
    assert_non_null(message_keys.service);
}

static inline void message_keys_free(void)
{
    EVP_PKEY_free(message_keys.portal);
    EVP_PKEY_free(message_keys.other_portal);
    EVP_PKEY_free(message_keys.stranger);
    EVP_PKEY_free(message_keys.service);
}

/* --- text --- */

/* from, which stands there at least once, replaced by to: the first one, or all of them. */
static inline const char *replaced(const char *text, const char *from, const char *to, int all)
{
    const char *at = strstr(text, from), *head;

    if (!at) fail_msg("'%s' does not stand in the message", from);
    head = apr_pstrcat(pool, apr_pstrmemdup(pool, text, (apr_size_t)(at - text)), to, NULL);
    text = at + strlen(from);
    if (all && strstr(text, from)) text = replaced(text, from, to, all);
    return apr_pstrcat(pool, head, text, NULL);
}

/* The first piece of text from start to end, both included. */
static inline const char *piece(const char *text, const char *start, const char *end)
{
    const char *from = strstr(text, start), *to = from ? strstr(from, end) : NULL;

    if (!to) fail_msg("no piece from '%s' to '%s'", start, end);
    return apr_pstrmemdup(pool, from, (apr_size_t)(to - from) + strlen(end));
}

static inline const char *base64(const unsigned char *bytes, apr_size_t len)
{
    char *out = apr_palloc(pool, (apr_size_t)apr_base64_encode_len((int)len) + 1);

    apr_base64_encode_binary(out, bytes, (int)len);
    return out;
}

/* --- signatures --- */

static inline int is_below(void *top, xmlNodePtr node, xmlNodePtr parent)
{
    if (node == top) return 1;
    for (; parent; parent = parent->parent) {
        if (parent == top) return 1;
    }
    return 0;
}

static inline xmlNode *with_id(xmlNode *node, const char *id)
{
    for (; node; node = node->next) {
        xmlChar *value = node->type == XML_ELEMENT_NODE ? xmlGetNoNsProp(node, (const xmlChar *)"ID") : NULL;
        const int is = value && !strcmp((const char *)value, id);
        xmlNode *found;

        xmlFree(value);
        if (is) return node;
        found = node->type == XML_ELEMENT_NODE ? with_id(node->children, id) : NULL;
        if (found) return found;
    }
    return NULL;
}

/* Exclusive canonicalization, without comments, of the element of that ID. */
static inline const char *canonical(const char *text, const char *id)
{
    xmlDocPtr doc = xmlReadMemory(text, (int)strlen(text), NULL, NULL, XML_PARSE_NONET);
    xmlOutputBufferPtr buffer = xmlAllocOutputBuffer(NULL);
    xmlNode *top;
    const char *out;

    assert_non_null(doc);
    top = with_id(doc->children, id);
    if (!top) fail_msg("no element has the ID '%s'", id);
    assert_true(xmlC14NExecute(doc, is_below, top, XML_C14N_EXCLUSIVE_1_0, NULL, 0, buffer) >= 0);
    out = apr_pstrmemdup(pool, (const char *)xmlOutputBufferGetContent(buffer), xmlOutputBufferGetSize(buffer));
    xmlOutputBufferClose(buffer);
    xmlFreeDoc(doc);
    return out;
}

static inline const char *signed_by(EVP_PKEY *key, const char *text)
{
    unsigned char value[512];
    size_t len = sizeof(value);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestSign(ctx, value, &len, (const unsigned char *)text, strlen(text)), 1);
    EVP_MD_CTX_free(ctx);
    return base64(value, len);
}

/* A ds:Signature over the element of that ID, as it will stand in it. */
static inline const char *signature_of(const char *text, const char *id, EVP_PKEY *key)
{
    const char *bytes = canonical(text, id), *info;
    unsigned char digest[32];

    EVP_Digest(bytes, strlen(bytes), digest, NULL, EVP_sha256(), NULL);
    info = apr_pstrcat(
        pool, "<ds:SignedInfo xmlns:ds=\"" ATEN_NS_DS "\">" EMPTY("CanonicalizationMethod", EXC_C14N)
        EMPTY("SignatureMethod", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256") "<ds:Reference URI=\"#", id,
        "\"><ds:Transforms>" EMPTY("Transform", ATEN_NS_DS "enveloped-signature") EMPTY("Transform", EXC_C14N)
        "</ds:Transforms>" EMPTY("DigestMethod", ATEN_NS_XENC "sha256") "<ds:DigestValue>", base64(digest, 32),
        "</ds:DigestValue></ds:Reference></ds:SignedInfo>", NULL);
    return apr_pstrcat(pool, "<ds:Signature xmlns:ds=\"" ATEN_NS_DS "\">", info, "<ds:SignatureValue>",
                       signed_by(key, info), "</ds:SignatureValue></ds:Signature>", NULL);
}

/* Sign the element that begins so and has that ID: the signature goes behind its Issuer. */
static inline const char *sign(const char *text, const char *start, const char *id, EVP_PKEY *key)
{
    const char *at = strstr(text, start), *signature = signature_of(text, id, key);

    assert_non_null(at);
    at = strstr(at, "</saml:Issuer>");
    assert_non_null(at);
    at += strlen("</saml:Issuer>");
    return apr_pstrcat(pool, apr_pstrmemdup(pool, text, (apr_size_t)(at - text)), signature, at, NULL);
}

/* --- encryption --- */

static inline const char *wrapped_key(const unsigned char key[16])
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(message_keys.service, NULL);
    unsigned char out[512];
    size_t len = sizeof(out);

    assert_int_equal(EVP_PKEY_encrypt_init(ctx), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING), 1);
    assert_int_equal(EVP_PKEY_encrypt(ctx, out, &len, key, 16), 1);
    EVP_PKEY_CTX_free(ctx);
    return base64(out, len);
}

/* AES-128 with a nonce in front; GCM has its tag behind. */
static inline const char *enciphered(const unsigned char key[16], const char *text, int cbc)
{
    const int nonce_len = cbc ? 16 : 12;
    unsigned char *out = apr_pcalloc(pool, strlen(text) + 64);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int len, more;

    memset(out, 'n', (size_t)nonce_len);
    assert_int_equal(EVP_EncryptInit_ex(ctx, cbc ? EVP_aes_128_cbc() : EVP_aes_128_gcm(), NULL, key, out), 1);
    assert_int_equal(EVP_EncryptUpdate(ctx, out + nonce_len, &len, (const unsigned char *)text, (int)strlen(text)), 1);
    assert_int_equal(EVP_EncryptFinal_ex(ctx, out + nonce_len + len, &more), 1);
    len += nonce_len + more;
    if (!cbc) {
        assert_int_equal(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, 16, out + len), 1);
        len += 16;
    }
    EVP_CIPHER_CTX_free(ctx);
    return base64(out, (apr_size_t)len);
}

/* A saml:EncryptedAssertion, saml:EncryptedID, ... of the text. */
static inline const char *encrypted(const char *name, const char *text, int cbc)
{
    static const unsigned char key[16] = "a content's key";

    return apr_pstrcat(
        pool, "<saml:", name, XMLNS_SAML "><xenc:EncryptedData xmlns:xenc=\"" ATEN_NS_XENC "\" Type=\"" ATEN_NS_XENC
        "Element\"><xenc:EncryptionMethod Algorithm=\"", cbc ? ATEN_NS_XENC "aes128-cbc" : ATEN_NS_XENC11 "aes128-gcm",
        "\"/><ds:KeyInfo xmlns:ds=\"" ATEN_NS_DS "\"><xenc:EncryptedKey><xenc:EncryptionMethod Algorithm=\""
        ATEN_NS_XENC "rsa-oaep-mgf1p\"/><xenc:CipherData><xenc:CipherValue>", wrapped_key(key),
        "</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey></ds:KeyInfo><xenc:CipherData><xenc:CipherValue>",
        enciphered(key, text, cbc), "</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData></saml:", name, ">",
        NULL);
}

/* --- what is done to a message, one letter each, from left to right ---
 *  a, r  sign the assertion, the response          A, R  the same by a key of nobody
 *  b, s  the same by the other portal's key        g, c  encrypt the assertion (or what stands for it) by GCM, by CBC
 *  n, m  encrypt the NameID by GCM, by CBC */
static inline const char *encrypted_element(const char *text, const char *name, const char *as, int cbc)
{
    const char *start = apr_pstrcat(pool, "<saml:", name, NULL);
    const char *plain = piece(text, start, apr_pstrcat(pool, "</saml:", name, ">", NULL));
    const char *whole = strstr(plain, XMLNS_SAML) == plain + strlen(start)
                            ? plain : replaced(plain, start, apr_pstrcat(pool, start, XMLNS_SAML, NULL), 0);

    return replaced(text, plain, encrypted(as, whole, cbc), 0);
}

static inline const char *message_done(const char *text, const char *ops)
{
    for (; *ops; ops++) {
        switch (*ops) {
        case 'a': text = sign(text, "<saml:Assertion", "_a", message_keys.portal); break;
        case 'A': text = sign(text, "<saml:Assertion", "_a", message_keys.stranger); break;
        case 'b': text = sign(text, "<saml:Assertion", "_a", message_keys.other_portal); break;
        case 'r': text = sign(text, "<samlp:Response", "_r", message_keys.portal); break;
        case 'R': text = sign(text, "<samlp:Response", "_r", message_keys.stranger); break;
        case 's': text = sign(text, "<samlp:Response", "_r", message_keys.other_portal); break;
        case 'g':
        case 'c':
            text = encrypted_element(text, strstr(text, "<saml:Assertion") ? "Assertion" : "EncryptedAssertion",
                                     "EncryptedAssertion", *ops == 'c');
            break;
        case 'n':
        case 'm': text = encrypted_element(text, "NameID", "EncryptedID", *ops == 'm'); break;
        default: fail_msg("no such letter: %c", *ops);
        }
    }
    return text;
}

#endif
