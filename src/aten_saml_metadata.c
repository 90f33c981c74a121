#include "aten_saml_metadata.h"

#include <string.h>

#include <apr_strings.h>

#include "aten_date.h"
#include "aten_portal.h"
#include "aten_saml_key.h"
#include "aten_saml_response.h"
#include "aten_url.h"
#include "aten_util.h"
#include "aten_xml.h"

#define KEYS_MAX 16               /* of an entity: a false signature is tried with each of them */
#define REMARKS_MAX 8
#define ADDRESS_BYTES_MAX 2048
#define ENTITY_ID_BYTES_MAX 1024  /* saml-core 8.3.6 */
#define SHOWN 200                 /* bytes of a wrong value that a sentence repeats */

/* A file while it is read. */
typedef struct {
    aten_saml_metadata_t *metadata;
    aten_saml_entity_t *entity;    /* the one that is being read */
    int remarks;                   /* ... and how many there are about it */
    apr_pool_t *p;
    apr_pool_t *scratch;           /* cleared after each entity: a federation's file has thousands */
} reading_t;

/* --- what was read --- */

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
    *why = entity ? entity->unusable : "it is not in the metadata";
    if (*why) return ATEN_V_SAML_METADATA;
    if (!entity->valid_until || now < entity->valid_until) return ATEN_V_OK;
    *why = apr_pstrcat(p, "its metadata was valid until ", aten_date_iso(p, entity->valid_until), NULL);
    return ATEN_V_SAML_METADATA;
}

/* --- attributes --- */

static const char *attribute(const reading_t *reading, const xmlNode *node, const char *name)
{
    return aten_xml_attribute(node, name, reading->scratch);
}

static const char *shown(const reading_t *reading, const char *text)
{
    return aten_log_text(reading->scratch, text, SHOWN);
}

/* For somebody who has to find the place among thousands. libxml2 keeps 16 bits of it. */
static const char *place(const reading_t *reading, const xmlNode *node)
{
    const long line = xmlGetLineNo(node);

    return apr_psprintf(reading->scratch, "line %ld%s", line, line < 65535 ? "" : " or later");
}

static const char *wrong(const reading_t *reading, const xmlNode *node, const char *text)
{
    return apr_pstrcat(reading->p, place(reading, node), ": ", text, NULL);
}

static void remark(reading_t *reading, const char *text)
{
    aten_saml_entity_t *entity = reading->entity;

    if (++reading->remarks > REMARKS_MAX) return;
    if (reading->remarks == REMARKS_MAX) text = "and more";
    entity->remarks = entity->remarks ? apr_pstrcat(reading->p, entity->remarks, "; ", text, NULL)
                                      : apr_pstrdup(reading->p, text);
}

/* @return NULL, or a sentence */
static const char *read_until(const reading_t *reading, const xmlNode *node, apr_time_t *until)
{
    const char *text = attribute(reading, node, "validUntil");
    apr_time_t when;

    if (!text) return NULL;
    if (!aten_saml_time(text, &when)) {
        return wrong(reading, node, apr_psprintf(reading->scratch, "validUntil '%s' is not a time in UTC, such as "
                                                 "2026-12-31T00:00:00Z", shown(reading, text)));
    }
    if (!*until || when < *until) *until = when;
    return NULL;
}

/* --- addresses --- */

/* A browser is sent there, with a person's data in the end. @return NULL, or what is wrong */
static const char *check_address(const reading_t *reading, const char *address)
{
    const char *host = strstr(address, "://"), *c;
    aten_base_t *base;

    for (c = address; *c; c++) {
        if (*c < 0x21 || *c > 0x7e || strchr("\"<>\\^`{|}", *c)) return "has a character that no address has";
        if (*c == '#') return "has a fragment";
    }
    if (c - address > ADDRESS_BYTES_MAX) return "is too long";
    if (!host) return "is no address with a host";
    host = apr_pstrmemdup(reading->scratch, address, (apr_size_t)(host - address) + 3 + strcspn(host + 3, "/?"));
    if (aten_base_parse(&base, host, reading->scratch)) return "is no https address, or its host cannot be used";
    return base->https || base->loopback ? NULL : "is not https, and http is taken to this machine alone";
}

/* @return the attribute's address, or NULL: it is not there, or *sentence is set. Blanks around it do not count, for it
 * is an xs:anyURI. */
static const char *read_address(const reading_t *reading, const xmlNode *node, const char *name, const char **sentence)
{
    const char *address = aten_trim(reading->p, attribute(reading, node, name)), *error;

    error = address ? check_address(reading, address) : NULL;
    if (!error) return address;
    *sentence = apr_psprintf(reading->p, "%s's %s '%s' %s", (const char *)node->name, name, shown(reading, address),
                             error);
    return NULL;
}

/* The first endpoint of that kind whose addresses can be used. @return NULL, or what is wrong with the first of them */
static const char *read_endpoint(const reading_t *reading, const xmlNode *role, const char *name, const char *binding,
                                 const char **location, const char **response)
{
    const char *first = NULL;
    const xmlNode *node;

    for (node = aten_xml_first(role); node; node = aten_xml_next(node)) {
        const char *sentence = NULL, *to, *back;

        if (!aten_xml_is(node, ATEN_NS_MD, name)) continue;
        if (!aten_same(attribute(reading, node, "Binding"), binding)) continue;
        to = read_address(reading, node, "Location", &sentence);
        back = sentence ? NULL : read_address(reading, node, "ResponseLocation", &sentence);
        if (!to && !sentence) sentence = apr_psprintf(reading->p, "%s has no Location", name);
        if (!sentence) {
            *location = to;
            if (response) *response = back;
            return NULL;
        }
        if (!first) first = sentence;
    }
    return first;
}

static void read_addresses(reading_t *reading, const xmlNode *role)
{
    aten_saml_entity_t *entity = reading->entity;
    const char *error = read_endpoint(reading, role, "SingleSignOnService", ATEN_BINDING_REDIRECT, &entity->sso, NULL);

    if (!entity->sso && !error) error = "no SingleSignOnService by HTTP-Redirect";
    if (error && !entity->unusable) entity->unusable = error;
    /* People can log in without these. */
    error = read_endpoint(reading, role, "SingleLogoutService", ATEN_BINDING_REDIRECT, &entity->logout_redirect,
                          &entity->logout_redirect_response);
    if (error) remark(reading, error);
    error = read_endpoint(reading, role, "SingleLogoutService", ATEN_BINDING_POST, &entity->logout_post,
                          &entity->logout_post_response);
    if (error) remark(reading, error);
}

/* --- keys --- */

static void pass_over(reading_t *reading, const xmlNode *descriptor, const char *what)
{
    remark(reading, apr_pstrcat(reading->scratch, "KeyDescriptor in ", place(reading, descriptor), ": ", what,
                                ", passed over", NULL));
}

static void take_key(reading_t *reading, const xmlNode *descriptor, const aten_saml_key_t *key, const char *error)
{
    if (!error && reading->entity->keys->nelts == KEYS_MAX) {
        error = apr_psprintf(reading->scratch, "there are more than %d keys", KEYS_MAX);
    }
    if (error) pass_over(reading, descriptor, error);
    else APR_ARRAY_PUSH(reading->entity->keys, const aten_saml_key_t *) = key;
}

/* Its first certificate: what stands behind it is the chain of those who issued it, and no key of the portal's
 * (xmldsig-core1, section 4.5.4). @return 1 if there is one */
static int read_certificate(reading_t *reading, const xmlNode *descriptor, const xmlNode *data)
{
    int count;
    const xmlNode *node = aten_xml_child(data, ATEN_NS_DS, "X509Certificate", &count);
    const char *text = aten_xml_text(node, reading->scratch), *error = "a certificate that cannot be read";
    aten_saml_key_t *key = NULL;

    if (!node) return 0;
    if (text) error = aten_saml_key_from_certificate(&key, text, strlen(text), 0, reading->p);
    take_key(reading, descriptor, key, error);
    if (count > 1) pass_over(reading, descriptor, "further certificates behind the first of an X509Data");
    return 1;
}

static void read_key_value(reading_t *reading, const xmlNode *descriptor, const xmlNode *info)
{
    const xmlNode *value = aten_xml_child(info, ATEN_NS_DS, "KeyValue", NULL);
    const xmlNode *rsa = aten_xml_child(value, ATEN_NS_DS, "RSAKeyValue", NULL);
    aten_saml_key_t *key = NULL;
    const char *error = "neither a certificate nor an RSAKeyValue in it";

    if (rsa) {
        const xmlNode *modulus = aten_xml_child(rsa, ATEN_NS_DS, "Modulus", NULL);
        const xmlNode *exponent = aten_xml_child(rsa, ATEN_NS_DS, "Exponent", NULL);

        error = aten_saml_key_from_rsa(&key, aten_xml_text(modulus, reading->scratch),
                                       aten_xml_text(exponent, reading->scratch), reading->p);
    }
    take_key(reading, descriptor, key, error);
}

static void read_descriptor(reading_t *reading, const xmlNode *descriptor)
{
    const char *use = attribute(reading, descriptor, "use");
    const xmlNode *info = aten_xml_child(descriptor, ATEN_NS_DS, "KeyInfo", NULL), *data;
    int found = 0;

    /* A key for encryption never verifies; without a use it is for both (saml-metadata 2.4.1.1). */
    if (use && strcmp(use, "signing")) return;
    for (data = aten_xml_first(info); data; data = aten_xml_next(data)) {
        if (aten_xml_is(data, ATEN_NS_DS, "X509Data") && read_certificate(reading, descriptor, data)) found = 1;
    }
    if (!found) read_key_value(reading, descriptor, info);
}

static void read_keys(reading_t *reading, const xmlNode *role)
{
    aten_saml_entity_t *entity = reading->entity;
    const xmlNode *node;

    entity->keys = apr_array_make(reading->p, 2, sizeof(const aten_saml_key_t *));
    for (node = aten_xml_first(role); node; node = aten_xml_next(node)) {
        if (aten_xml_is(node, ATEN_NS_MD, "KeyDescriptor")) read_descriptor(reading, node);
    }
    if (!entity->keys->nelts && !entity->unusable) entity->unusable = "no key for signatures that is taken";
}

/* --- entities --- */

static int has_word(const char *list, const char *word)
{
    const char *blanks = " \t\r\n";
    apr_size_t len;

    for (; list && *list; list += len + strspn(list + len, blanks)) {
        len = strcspn(list, blanks);
        if (len == strlen(word) && !memcmp(list, word, len)) return 1;
    }
    return 0;
}

/* The first identity provider that speaks SAML 2.0. */
static const xmlNode *find_role(const reading_t *reading, const xmlNode *node)
{
    const xmlNode *role;

    for (role = aten_xml_first(node); role; role = aten_xml_next(role)) {
        if (!aten_xml_is(role, ATEN_NS_MD, "IDPSSODescriptor")) continue;
        if (has_word(attribute(reading, role, "protocolSupportEnumeration"), ATEN_NS_SAMLP)) return role;
    }
    return NULL;
}

/* xs:boolean. */
static int is_true(const char *text)
{
    return aten_same(text, "true") || aten_same(text, "1");
}

static const char *add_entity(reading_t *reading, const xmlNode *node, const xmlNode *role, apr_time_t until)
{
    const char *id = attribute(reading, node, "entityID"), *error;
    aten_saml_entity_t *entity;

    if (!id || !aten_text_is_clean(id, ENTITY_ID_BYTES_MAX)) {
        return wrong(reading, node, "an EntityDescriptor without an entityID of 1 to 1024 bytes");
    }
    if (aten_saml_metadata_find(reading->metadata, id)) {
        return wrong(reading, node, apr_psprintf(reading->scratch, "the entityID '%s' stands a second time",
                                                 shown(reading, id)));
    }
    error = read_until(reading, node, &until);
    if (!error) error = read_until(reading, role, &until);
    if (error) return error;
    entity = apr_pcalloc(reading->p, sizeof(*entity));
    entity->entity_id = apr_pstrdup(reading->p, id);
    entity->valid_until = until;
    entity->wants_signed_requests = is_true(attribute(reading, role, "WantAuthnRequestsSigned"));
    if (!aten_entity_id_is(id)) entity->unusable = "its entityID is no absolute URI of printable ASCII";
    reading->entity = entity;
    reading->remarks = 0;
    read_addresses(reading, role);
    read_keys(reading, role);
    APR_ARRAY_PUSH(reading->metadata->entities, const aten_saml_entity_t *) = entity;
    apr_hash_set(reading->metadata->by_id, entity->entity_id, APR_HASH_KEY_STRING, entity);
    return NULL;
}

/* As deep as the parser lets elements be nested. */
static const char *read_node(reading_t *reading, const xmlNode *node, apr_time_t until)
{
    const xmlNode *child, *role;
    const char *error;

    if (aten_xml_is(node, ATEN_NS_MD, "EntityDescriptor")) {
        role = find_role(reading, node);
        error = role ? add_entity(reading, node, role, until) : NULL;
        apr_pool_clear(reading->scratch);
        return error;
    }
    if (!aten_xml_is(node, ATEN_NS_MD, "EntitiesDescriptor")) return NULL;
    error = read_until(reading, node, &until);
    for (child = aten_xml_first(node); !error && child; child = aten_xml_next(child)) {
        error = read_node(reading, child, until);
    }
    return error;
}

static const char *read_document(reading_t *reading, const xmlNode *root)
{
    const int before = reading->metadata->entities->nelts;
    const char *error;

    if (!aten_xml_is(root, ATEN_NS_MD, "EntityDescriptor") && !aten_xml_is(root, ATEN_NS_MD, "EntitiesDescriptor")) {
        return "not SAML 2.0 metadata: the root is neither EntityDescriptor nor EntitiesDescriptor";
    }
    error = read_node(reading, root, 0);
    if (error) return error;
    if (reading->metadata->entities->nelts == before) return "no SAML 2.0 identity provider (IDPSSODescriptor) in it";
    return NULL;
}

const char *aten_saml_metadata_add(aten_saml_metadata_t *metadata, const char *text, apr_size_t len, apr_pool_t *p)
{
    reading_t reading = {metadata, NULL, 0, p, NULL};
    apr_pool_t *tree;
    xmlDocPtr doc;
    const char *error;
    aten_verdict_t verdict;

    apr_pool_create(&tree, p);
    apr_pool_create(&reading.scratch, tree);
    verdict = aten_xml_parse_large(&doc, text, len, ATEN_METADATA_BYTES_MAX, tree);
    error = verdict == ATEN_V_OK ? read_document(&reading, xmlDocGetRootElement(doc)) : aten_verdict_text(verdict);
    apr_pool_destroy(tree);
    return error;
}
