#include "aten_saml_metadata.h"

#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>
#include <apr_uri.h>

#include "aten_date.h"
#include "aten_saml_key.h"
#include "aten_saml_response.h"
#include "aten_url.h"
#include "aten_util.h"
#include "aten_xml.h"

#define SAML2 "urn:oasis:names:tc:SAML:2.0:protocol"
#define NESTED_MAX 16

aten_saml_metadata_t *aten_saml_metadata_make(apr_pool_t *p)
{
    aten_saml_metadata_t *metadata = apr_pcalloc(p, sizeof(*metadata));

    metadata->entities = apr_array_make(p, 4, sizeof(const aten_saml_entity_t *));
    metadata->by_id = apr_hash_make(p);
    return metadata;
}

const aten_saml_entity_t *aten_saml_metadata_find(const aten_saml_metadata_t *metadata, const char *entity_id)
{
    return entity_id ? apr_hash_get(metadata->by_id, entity_id, APR_HASH_KEY_STRING) : NULL;
}

aten_verdict_t aten_saml_entity_check(const aten_saml_entity_t *entity, apr_time_t now, const char **why,
                                      apr_pool_t *p)
{
    *why = "it is not in the metadata";
    if (!entity) return ATEN_V_SAML_METADATA;
    *why = entity->unusable;
    if (entity->unusable) return ATEN_V_SAML_METADATA;
    if (!entity->valid_until || now < entity->valid_until) return ATEN_V_OK;
    *why = apr_pstrcat(p, "its metadata was valid until ", aten_date_iso(p, entity->valid_until), NULL);
    return ATEN_V_SAML_METADATA;
}

/* --- addresses --- */

/* Somewhere a browser may be sent to: https, or http to this machine. @return NULL, or what is wrong */
static const char *check_address(const char *location, apr_pool_t *p)
{
    apr_uri_t uri;
    const char *c;

    if (!location) return "no Location";
    for (c = location; *c; c++) {
        if (*c < 0x21 || *c > 0x7E || strchr("\"<>\\^`{|}#", *c)) return "an address with odd characters";
    }
    if (apr_uri_parse(p, location, &uri) != APR_SUCCESS || !uri.scheme || !uri.hostname || !*uri.hostname) {
        return "an address without a host";
    }
    if (uri.user || uri.password) return "an address with a user";
    if (!strcasecmp(uri.scheme, "https")) return NULL;
    if (!strcasecmp(uri.scheme, "http") && aten_host_is_loopback(uri.hostname)) return NULL;
    return "an address that is not https (http only to this machine)";
}

/* The first one of that element and binding. */
static const xmlNode *endpoint(const xmlNode *role, const char *name, const char *binding, apr_pool_t *p)
{
    const xmlNode *node;

    for (node = aten_xml_first(role); node; node = aten_xml_next(node)) {
        if (!aten_xml_is(node, ATEN_NS_MD, name)) continue;
        if (aten_same(aten_xml_attribute(node, "Binding", p), binding)) return node;
    }
    return NULL;
}

/* A logout address that cannot be used is left out: people can log in without it. */
static const char *logout_address(const xmlNode *node, const char *attribute, apr_pool_t *p)
{
    const char *location = node ? aten_xml_attribute(node, attribute, p) : NULL;

    return check_address(location, p) ? NULL : location;
}

static void read_addresses(aten_saml_entity_t *entity, const xmlNode *role, apr_pool_t *p)
{
    const xmlNode *sso = endpoint(role, "SingleSignOnService", ATEN_BINDING_REDIRECT, p);
    const xmlNode *redirect = endpoint(role, "SingleLogoutService", ATEN_BINDING_REDIRECT, p);
    const xmlNode *post = endpoint(role, "SingleLogoutService", ATEN_BINDING_POST, p);
    const char *wrong;

    entity->logout_redirect = logout_address(redirect, "Location", p);
    entity->logout_redirect_response = logout_address(redirect, "ResponseLocation", p);
    entity->logout_post = logout_address(post, "Location", p);
    entity->logout_post_response = logout_address(post, "ResponseLocation", p);
    if (!sso) {
        entity->unusable = "no SingleSignOnService by HTTP-Redirect";
        return;
    }
    entity->sso = aten_xml_attribute(sso, "Location", p);
    wrong = check_address(entity->sso, p);
    if (wrong) entity->unusable = apr_pstrcat(p, "SingleSignOnService: ", wrong, NULL);
}

/* --- keys --- */

static void remark(aten_saml_entity_t *entity, const char *text, apr_pool_t *p)
{
    entity->remarks = apr_pstrcat(p, entity->remarks ? entity->remarks : "", entity->remarks ? "; " : "",
                                  "passed over: ", text, NULL);
}

static const char *add_certificate(aten_saml_entity_t *entity, const xmlNode *node, apr_pool_t *p)
{
    const char *text = aten_xml_text(node, p), *error;
    aten_saml_key_t *key;

    if (!text) return "a certificate that cannot be read";
    error = aten_saml_key_from_certificate(&key, text, strlen(text), 0, p);
    if (!error) APR_ARRAY_PUSH(entity->keys, const aten_saml_key_t *) = key;
    return error;
}

/* SAML metadata 2.4.1.1: several X509Data elements say the same key; each certificate is one here. */
static int add_certificates(aten_saml_entity_t *entity, const xmlNode *info, apr_pool_t *p)
{
    const xmlNode *data, *node;
    int found = 0;

    for (data = aten_xml_first(info); data; data = aten_xml_next(data)) {
        if (!aten_xml_is(data, ATEN_NS_DS, "X509Data")) continue;
        for (node = aten_xml_first(data); node; node = aten_xml_next(node)) {
            const char *error;

            if (!aten_xml_is(node, ATEN_NS_DS, "X509Certificate")) continue;
            found = 1;
            error = add_certificate(entity, node, p);
            if (error) remark(entity, error, p);
        }
    }
    return found;
}

static void add_key_value(aten_saml_entity_t *entity, const xmlNode *info, apr_pool_t *p)
{
    const xmlNode *value = aten_xml_child(info, ATEN_NS_DS, "KeyValue", NULL);
    const xmlNode *rsa = value ? aten_xml_child(value, ATEN_NS_DS, "RSAKeyValue", NULL) : NULL;
    const xmlNode *modulus = rsa ? aten_xml_child(rsa, ATEN_NS_DS, "Modulus", NULL) : NULL;
    const xmlNode *exponent = rsa ? aten_xml_child(rsa, ATEN_NS_DS, "Exponent", NULL) : NULL;
    aten_saml_key_t *key = NULL;
    const char *error;

    if (!modulus || !exponent) {
        remark(entity, "a KeyDescriptor with neither a certificate nor an RSA key", p);
        return;
    }
    error = aten_saml_key_from_rsa(&key, aten_xml_text(modulus, p), aten_xml_text(exponent, p), p);
    if (error) remark(entity, error, p);
    else APR_ARRAY_PUSH(entity->keys, const aten_saml_key_t *) = key;
}

static void read_keys(aten_saml_entity_t *entity, const xmlNode *role, apr_pool_t *p)
{
    const xmlNode *node, *info;

    for (node = aten_xml_first(role); node; node = aten_xml_next(node)) {
        const char *use;

        if (!aten_xml_is(node, ATEN_NS_MD, "KeyDescriptor")) continue;
        use = aten_xml_attribute(node, "use", p);
        if (use && strcmp(use, "signing")) continue; /* a key for encryption never verifies */
        info = aten_xml_child(node, ATEN_NS_DS, "KeyInfo", NULL);
        if (!info) remark(entity, "a KeyDescriptor without KeyInfo", p);
        else if (!add_certificates(entity, info, p)) add_key_value(entity, info, p);
    }
    if (!entity->keys->nelts && !entity->unusable) entity->unusable = "no key for signatures that is taken";
}

/* --- entities --- */

/* @return NULL, or a sentence */
static const char *read_until(const xmlNode *node, apr_time_t *until, apr_pool_t *p)
{
    const char *text = aten_xml_attribute(node, "validUntil", p);
    apr_time_t when;

    if (!text) return NULL;
    if (!aten_saml_time(text, &when)) {
        return apr_psprintf(p, "validUntil '%s' is not a time in UTC", aten_log_text(p, text, 64));
    }
    if (!*until || when < *until) *until = when;
    return NULL;
}

static int has_word(const char *list, const char *word)
{
    const apr_size_t len = strlen(word);
    const char *at = list;

    while (at && (at = strstr(at, word))) {
        if ((at == list || strchr(" \t\r\n", at[-1])) && (!at[len] || strchr(" \t\r\n", at[len]))) return 1;
        at += len;
    }
    return 0;
}

static const xmlNode *idp_role(const xmlNode *node, apr_pool_t *p)
{
    const xmlNode *role;

    for (role = aten_xml_first(node); role; role = aten_xml_next(role)) {
        if (!aten_xml_is(role, ATEN_NS_MD, "IDPSSODescriptor")) continue;
        if (has_word(aten_xml_attribute(role, "protocolSupportEnumeration", p), SAML2)) return role;
    }
    return NULL;
}

static int is_true(const char *text)
{
    return aten_same(text, "true") || aten_same(text, "1");
}

static const char *read_entity(aten_saml_metadata_t *metadata, const xmlNode *node, apr_time_t until, apr_pool_t *p)
{
    const xmlNode *role = idp_role(node, p);
    aten_saml_entity_t *entity;
    const char *id, *error;

    if (!role) return NULL;
    id = aten_xml_attribute(node, "entityID", p);
    if (!id || !*id || strlen(id) > 1024 || !aten_text_is_clean(id, 1024)) return "an EntityDescriptor without a usable entityID";
    if (aten_saml_metadata_find(metadata, id)) {
        return apr_psprintf(p, "the entityID '%s' stands twice", aten_log_text(p, id, 256));
    }
    error = read_until(node, &until, p);
    if (!error) error = read_until(role, &until, p);
    if (error) return error;
    entity = apr_pcalloc(p, sizeof(*entity));
    entity->entity_id = id;
    entity->valid_until = until;
    entity->wants_signed_requests = is_true(aten_xml_attribute(role, "WantAuthnRequestsSigned", p));
    entity->keys = apr_array_make(p, 2, sizeof(const aten_saml_key_t *));
    read_addresses(entity, role, p);
    read_keys(entity, role, p);
    APR_ARRAY_PUSH(metadata->entities, const aten_saml_entity_t *) = entity;
    apr_hash_set(metadata->by_id, entity->entity_id, APR_HASH_KEY_STRING, entity);
    return NULL;
}

static const char *read_node(aten_saml_metadata_t *metadata, const xmlNode *node, apr_time_t until, int depth,
                             apr_pool_t *p)
{
    const xmlNode *child;
    const char *error;

    if (aten_xml_is(node, ATEN_NS_MD, "EntityDescriptor")) return read_entity(metadata, node, until, p);
    if (!aten_xml_is(node, ATEN_NS_MD, "EntitiesDescriptor")) return NULL;
    if (depth > NESTED_MAX) return "EntitiesDescriptor is nested too deep";
    error = read_until(node, &until, p);
    for (child = aten_xml_first(node); !error && child; child = aten_xml_next(child)) {
        error = read_node(metadata, child, until, depth + 1, p);
    }
    return error;
}

static const char *read_document(aten_saml_metadata_t *metadata, const xmlNode *root, apr_pool_t *p)
{
    const int before = metadata->entities->nelts;
    const char *error;

    if (!aten_xml_is(root, ATEN_NS_MD, "EntityDescriptor") && !aten_xml_is(root, ATEN_NS_MD, "EntitiesDescriptor")) {
        return "not SAML 2.0 metadata: the root is neither EntityDescriptor nor EntitiesDescriptor";
    }
    error = read_node(metadata, root, 0, 0, p);
    if (error) return error;
    return metadata->entities->nelts > before ? NULL : "no SAML 2.0 identity provider (IDPSSODescriptor) in it";
}

const char *aten_saml_metadata_add(aten_saml_metadata_t *metadata, const char *text, apr_size_t len, apr_pool_t *p)
{
    apr_pool_t *scratch;
    xmlDocPtr doc;
    const char *error;
    aten_verdict_t verdict;

    apr_pool_create(&scratch, p);
    verdict = aten_xml_parse_large(&doc, text, len, ATEN_METADATA_BYTES_MAX, scratch);
    error = verdict == ATEN_V_OK ? read_document(metadata, xmlDocGetRootElement(doc), p) : aten_verdict_text(verdict);
    apr_pool_destroy(scratch);
    return error;
}
