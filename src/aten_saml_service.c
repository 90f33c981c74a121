#include "aten_saml_service.h"

#include <string.h>

#include <apr_strings.h>
#include <libxml/tree.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "aten_saml_key.h"
#include "aten_saml_metadata.h"

/* --- keys --- */

/* A key with a passphrase would have OpenSSL ask for it at the terminal: it gets none. */
static int no_passphrase(char *buf, int size, int writing, void *baton)
{
    (void)buf;
    (void)size;
    (void)writing;
    *(int *)baton = 1;
    return -1;
}

static const char *read_key(aten_saml_key_t **out, const char *text, apr_pool_t *p)
{
    BIO *bio = BIO_new_mem_buf(text, -1);
    int asked = 0;
    EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &asked) : NULL;
    const char *error = pkey ? aten_saml_key_weakness(pkey, p)
                        : asked ? "the key has a passphrase; take it off (openssl pkey)"
                                : "no private key in PEM";

    BIO_free(bio);
    if (!error) *out = aten_saml_key_adopt(pkey, p);
    else EVP_PKEY_free(pkey);
    return error;
}

/* @return the certificate of that key, which is then taken out of the list */
static const aten_saml_key_t *partner(const aten_saml_key_t *key, aten_saml_key_t **certificates, int count)
{
    int i;

    for (i = 0; i < count; i++) {
        const aten_saml_key_t *certificate = certificates[i];

        if (!certificate || EVP_PKEY_eq(key->pkey, certificate->pkey) != 1) continue;
        certificates[i] = NULL;
        return certificate;
    }
    return NULL;
}

static const char *read_certificates(aten_saml_key_t **out, const apr_array_header_t *texts, int *nth, apr_pool_t *p)
{
    const char *error = NULL;

    for (*nth = 0; *nth < texts->nelts && *nth < ATEN_SERVICE_KEYS_MAX; (*nth)++) {
        const char *text = APR_ARRAY_IDX(texts, *nth, const char *);

        error = aten_saml_key_from_certificate(&out[*nth], text, strlen(text), 1, p);
        if (error) return error;
    }
    return NULL;
}

const char *aten_saml_service_load(aten_saml_service_t **out, const apr_array_header_t *keys,
                                   const apr_array_header_t *certificates, const char **which, int *nth,
                                   apr_pool_t *p)
{
    aten_saml_key_t *found[ATEN_SERVICE_KEYS_MAX] = {NULL};
    aten_saml_service_t *service = apr_pcalloc(p, sizeof(*service));
    const aten_saml_key_t *certificate;
    const char *error;
    int i;

    service->keys = apr_array_make(p, ATEN_SERVICE_KEYS_MAX, sizeof(const aten_saml_key_t *));
    *which = "AtenServiceCertificate";
    error = read_certificates(found, certificates, nth, p);
    if (error) return error;
    *which = "AtenServiceKey";
    for (*nth = 0; *nth < keys->nelts; (*nth)++) {
        aten_saml_key_t *key;

        error = read_key(&key, APR_ARRAY_IDX(keys, *nth, const char *), p);
        if (error) return error;
        certificate = partner(key, found, ATEN_SERVICE_KEYS_MAX);
        if (!certificate) return "no AtenServiceCertificate has this key's public half";
        key->certificate = certificate->certificate;
        key->not_before = certificate->not_before;
        key->not_after = certificate->not_after;
        APR_ARRAY_PUSH(service->keys, const aten_saml_key_t *) = key;
    }
    *which = "AtenServiceCertificate";
    for (i = 0; i < ATEN_SERVICE_KEYS_MAX; i++) {
        *nth = i;
        if (found[i]) return "no AtenServiceKey belongs to this certificate";
    }
    *out = service;
    return NULL;
}

/* --- metadata --- */

#define X(text) ((const xmlChar *)(text))

static xmlNode *add(xmlNode *parent, xmlNs *ns, const char *name, const char *text)
{
    return xmlNewTextChild(parent, ns, X(name), text ? X(text) : NULL);
}

static int add_methods(xmlNode *descriptor, xmlNs *md)
{
    static const char *const methods[] = {
        "http://www.w3.org/2009/xmlenc11#aes128-gcm", "http://www.w3.org/2009/xmlenc11#aes256-gcm",
        "http://www.w3.org/2009/xmlenc11#aes192-gcm", "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p",
        "http://www.w3.org/2009/xmlenc11#rsa-oaep",
    };
    apr_size_t i;

    for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        xmlNode *method = add(descriptor, md, "EncryptionMethod", NULL);

        if (!method || !xmlNewProp(method, X("Algorithm"), X(methods[i]))) return 0;
    }
    return 1;
}

static int add_key(xmlNode *role, xmlNs *md, const aten_saml_key_t *key, const char *use)
{
    xmlNode *descriptor = add(role, md, "KeyDescriptor", NULL), *info, *data;
    xmlNs *ds;

    if (!descriptor || !xmlNewProp(descriptor, X("use"), X(use))) return 0;
    info = xmlNewChild(descriptor, NULL, X("KeyInfo"), NULL);
    ds = info ? xmlNewNs(info, X(ATEN_NS_DS), X("ds")) : NULL;
    if (!ds) return 0;
    xmlSetNs(info, ds);
    data = add(info, ds, "X509Data", NULL);
    if (!data || !add(data, ds, "X509Certificate", key->certificate)) return 0;
    return strcmp(use, "encryption") || add_methods(descriptor, md);
}

static int add_keys(xmlNode *role, xmlNs *md, const aten_saml_service_t *service)
{
    int i;

    for (i = 0; service && i < service->keys->nelts; i++) {
        if (!add_key(role, md, APR_ARRAY_IDX(service->keys, i, const aten_saml_key_t *), "signing")) return 0;
    }
    for (i = 0; service && i < service->keys->nelts; i++) {
        const aten_saml_key_t *key = APR_ARRAY_IDX(service->keys, i, const aten_saml_key_t *);

        if (EVP_PKEY_get_base_id(key->pkey) == EVP_PKEY_RSA && !add_key(role, md, key, "encryption")) return 0;
    }
    return 1;
}

static xmlNode *add_address(xmlNode *role, xmlNs *md, const char *name, const char *binding, const char *location)
{
    xmlNode *node = add(role, md, name, NULL);

    if (!node || !xmlNewProp(node, X("Binding"), X(binding)) || !xmlNewProp(node, X("Location"), X(location))) {
        return NULL;
    }
    return node;
}

/* The order of elements is the schema's (saml-metadata 2.4.4). */
static int fill(xmlNode *root, xmlNs *md, const aten_saml_self_t *self)
{
    const int has_keys = self->service && self->service->keys->nelts;
    xmlNode *role, *acs;

    if (!xmlNewProp(root, X("entityID"), X(self->service_id))) return 0;
    role = add(root, md, "SPSSODescriptor", NULL);
    if (!role || !xmlNewProp(role, X("AuthnRequestsSigned"), X(has_keys ? "true" : "false"))
        || !xmlNewProp(role, X("WantAssertionsSigned"), X("true"))
        || !xmlNewProp(role, X("protocolSupportEnumeration"), X(ATEN_NS_SAMLP)) || !add_keys(role, md, self->service)
        || !add_address(role, md, "SingleLogoutService", ATEN_BINDING_REDIRECT, self->logout)
        || !add_address(role, md, "SingleLogoutService", ATEN_BINDING_POST, self->logout)
        || !add(role, md, "NameIDFormat", ATEN_NAMEID_TRANSIENT)) {
        return 0;
    }
    acs = add_address(role, md, "AssertionConsumerService", ATEN_BINDING_POST, self->acs);
    return acs && xmlNewProp(acs, X("index"), X("0")) && xmlNewProp(acs, X("isDefault"), X("true"));
}

char *aten_saml_service_metadata(const aten_saml_self_t *self, apr_pool_t *p)
{
    xmlDoc *doc = xmlNewDoc(X("1.0"));
    xmlNode *root = doc ? xmlNewNode(NULL, X("EntityDescriptor")) : NULL;
    xmlChar *bytes = NULL;
    char *text = NULL;
    int len = 0;
    xmlNs *md;

    if (!root) goto leave;
    xmlDocSetRootElement(doc, root);
    md = xmlNewNs(root, X(ATEN_NS_MD), X("md"));
    if (!md) goto leave;
    xmlSetNs(root, md);
    if (!fill(root, md, self)) goto leave;
    xmlDocDumpFormatMemoryEnc(doc, &bytes, &len, "UTF-8", 1);
    if (bytes && len > 0) text = apr_pstrmemdup(p, (const char *)bytes, (apr_size_t)len);
leave:
    xmlFree(bytes);
    xmlFreeDoc(doc);
    return text;
}
