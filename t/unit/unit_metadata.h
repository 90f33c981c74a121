/* A portal's metadata, for a test to change as it likes: text, and the certificates in it. */
#ifndef ATEN_UNIT_METADATA_H
#define ATEN_UNIT_METADATA_H

#include "unit.h"

#include "aten_saml_key.h"
#include "aten_saml_metadata.h"
#include "unit_key.h"

#define ID "https://portail.example/idp"
#define HTTP "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-"
#define XMLNS " xmlns:md=\"" ATEN_NS_MD "\" xmlns:ds=\"" ATEN_NS_DS "\""
#define CERTIFICATE(name) "<ds:X509Certificate>@" name "@</ds:X509Certificate>"
#define DATA(name) "<ds:X509Data>" CERTIFICATE(name) "</ds:X509Data>"
#define INFO(text) "<ds:KeyInfo>" text "</ds:KeyInfo>"
#define DESCRIPTOR(use, text) "<md:KeyDescriptor" use ">" INFO(text) "</md:KeyDescriptor>"
#define SIGNING " use=\"signing\""
#define KEYS DESCRIPTOR(SIGNING, DATA("a"))
#define RSA_VALUE(modulus, exponent) "<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>" modulus "</ds:Modulus>" \
    "<ds:Exponent>" exponent "</ds:Exponent></ds:RSAKeyValue></ds:KeyValue>"
#define ENDPOINT(name, way, location) "<md:" name " Binding=\"" HTTP way "\" Location=\"" location "\"/>"
#define SSO ENDPOINT("SingleSignOnService", "Redirect", "https://portail.example/sso")
#define LOGOUT \
    "<md:SingleLogoutService Binding=\"" HTTP "Redirect\" Location=\"https://portail.example/lo\"" \
    " ResponseLocation=\"https://portail.example/back\"/>" \
    "<md:SingleLogoutService Binding=\"" HTTP "POST\" Location=\"https://portail.example/post\"/>"
#define PROTOCOL " protocolSupportEnumeration=\"" ATEN_NS_SAMLP "\""
#define ROLE "<md:IDPSSODescriptor" PROTOCOL ">" KEYS LOGOUT \
    ENDPOINT("SingleSignOnService", "POST", "https://portail.example/sso-post") SSO "</md:IDPSSODescriptor>"
#define ENTITY "<md:EntityDescriptor" XMLNS " entityID=\"" ID "\">" ROLE "</md:EntityDescriptor>"
#define ENTITIES(text) "<md:EntitiesDescriptor" XMLNS ">" text "</md:EntitiesDescriptor>"
#define SERVICE "<md:EntityDescriptor" XMLNS " entityID=\"https://sp.example\"><md:SPSSODescriptor" PROTOCOL ">" KEYS \
    "</md:SPSSODescriptor></md:EntityDescriptor>"

/* --- texts and keys --- */

static const struct { const char *name, *kind; } kinds[] = {
    {"a", "rsa2048"}, {"b", "rsa2048"}, {"small", "rsa1024"}, {"odd", "rsa2047"}, {"p256", "P-256"}, {"p384", "P-384"},
    {"p521", "P-521"}, {"k1", "secp256k1"}, {"p224", "P-224"}, {"ed", "ed25519"},
};
static EVP_PKEY *keys[COUNT(kinds)];
static const char *certificates[COUNT(kinds)];

static inline EVP_PKEY *key(const char *name)
{
    int i;

    for (i = 0; i < COUNT(kinds); i++) {
        if (!strcmp(kinds[i].name, name)) return keys[i];
    }
    fail_msg("no key '%s'", name);
    return NULL;
}

static inline int setup_keys(void **state)
{
    int i;

    if (setup(state)) return -1;
    for (i = 0; i < COUNT(kinds); i++) {
        keys[i] = make_key(kinds[i].kind);
        certificates[i] = certificate_base64(keys[i]);
    }
    return 0;
}

/* Every place of from in text, which is there, is to. */
static inline const char *swapped(const char *text, const char *from, const char *to)
{
    const char *out = "", *at = strstr(text, from);

    if (!at) fail_msg("'%s' is not in the text", from);
    for (; at; at = strstr(text, from)) {
        out = apr_pstrcat(pool, out, apr_pstrmemdup(pool, text, (apr_size_t)(at - text)), to, NULL);
        text = at + strlen(from);
    }
    return apr_pstrcat(pool, out, text, NULL);
}

/* @name@ stands for the certificate of that key. */
static inline const char *filled(const char *text)
{
    int i;

    for (i = 0; i < COUNT(kinds); i++) {
        const char *mark = apr_pstrcat(pool, "@", kinds[i].name, "@", NULL);

        if (strstr(text, mark)) text = swapped(text, mark, certificates[i]);
    }
    return text;
}

static inline const char *read_into(aten_saml_metadata_t *metadata, const char *text)
{
    return aten_saml_metadata_add(metadata, text, strlen(text), pool);
}

/* The one entity of text. */
static inline const aten_saml_entity_t *entity_of(const char *text, const char *why)
{
    aten_saml_metadata_t *metadata = aten_saml_metadata_make(pool);
    const char *error = read_into(metadata, filled(text));

    if (error) fail_msg("%s: %s", why, error);
    if (metadata->entities->nelts != 1) fail_msg("%s: %d entities", why, metadata->entities->nelts);
    return APR_ARRAY_IDX(metadata->entities, 0, const aten_saml_entity_t *);
}

static inline const aten_saml_key_t *nth_key(const aten_saml_entity_t *entity, int n)
{
    return APR_ARRAY_IDX(entity->keys, n, const aten_saml_key_t *);
}

static inline int says(const char *text, const char *part)
{
    return part ? text && strstr(text, part) : !text;
}

#endif
