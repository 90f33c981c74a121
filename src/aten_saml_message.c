#include "aten_saml_read.h"

#include <string.h>
#include <strings.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "aten_util.h"
#include "aten_xml.h"

/* The form of a message, before and after its signatures were verified: which elements there are, and that nobody else
 * can be meant by them. */

#define SUCCESS "urn:oasis:names:tc:SAML:2.0:status:Success"

aten_verdict_t aten_saml_message_root(aten_saml_reading_t *reading, const xmlNode *root, const char *ns,
                                      const char *name)
{
    if (aten_xml_is(root, ns, name)) return ATEN_V_OK;
    return aten_saml_no(reading, ATEN_V_SAML_MALFORMED, "the element is '%s' of the namespace '%s', not %s of %s",
                        aten_saml_shown(reading, root ? (const char *)root->name : NULL),
                        aten_saml_shown(reading, root && root->ns ? (const char *)root->ns->href : NULL), name, ns);
}

aten_verdict_t aten_saml_message_version(aten_saml_reading_t *reading, const xmlNode *element)
{
    const char *version = aten_xml_attribute(element, "Version", reading->p);

    if (aten_same(version, "2.0")) return ATEN_V_OK;
    return aten_saml_no(reading, ATEN_V_SAML_VERSION, "Version of the %s is '%s', not 2.0", (const char *)element->name,
                        aten_saml_shown(reading, version));
}

aten_verdict_t aten_saml_message_id(aten_saml_reading_t *reading, const xmlNode *element, const char **id)
{
    *id = aten_xml_attribute(element, "ID", reading->p);
    if (aten_text_is_clean(*id, ATEN_SAML_ID_BYTES_MAX)) return ATEN_V_OK;
    return aten_saml_no(reading, ATEN_V_SAML_MALFORMED, "the %s has no ID, or one of more than %d bytes or with "
                        "control characters: '%s'", (const char *)element->name, ATEN_SAML_ID_BYTES_MAX,
                        aten_saml_shown(reading, *id));
}

/* --- over the whole tree --- */

/* The element behind node in document order, or NULL behind the last one below root. */
static xmlNode *step(const xmlNode *node, const xmlNode *root)
{
    xmlNode *next = aten_xml_first(node);

    while (!next && node != root) {
        next = aten_xml_next(node);
        node = node->parent;
    }
    return next;
}

/* What some library takes for an ID: SAML's, those of xmldsig and xmlenc, wsu:Id, xml:id, SAML 1.1's. */
static int is_id(const xmlAttr *attribute)
{
    static const char *const older[] = {"AssertionID", "ResponseID", "RequestID"};
    const char *name = (const char *)attribute->name;
    apr_size_t i;

    if (attribute->atype == XML_ATTRIBUTE_ID || !strcasecmp(name, "id")) return 1;
    for (i = 0; i < sizeof(older) / sizeof(older[0]); i++) {
        if (!strcmp(name, older[i])) return 1;
    }
    return 0;
}

/* Trimmed, for a value of the type ID is compared so (XML 1.0, 3.3.3). */
static const char *value_of(const xmlAttr *attribute, apr_pool_t *p)
{
    xmlChar *value = xmlNodeListGetString(attribute->doc, attribute->children, 1);
    const char *copy = aten_trim(p, value ? (const char *)value : "");

    xmlFree(value);
    return copy;
}

/* Which of two elements a reference leads to would depend on who looks. */
aten_verdict_t aten_saml_message_ids(aten_saml_reading_t *reading, const xmlNode *root)
{
    apr_hash_t *seen = apr_hash_make(reading->p);
    const xmlNode *node;
    const xmlAttr *attribute;

    for (node = root; node; node = step(node, root)) {
        for (attribute = node->properties; attribute; attribute = attribute->next) {
            const char *value = is_id(attribute) ? value_of(attribute, reading->p) : NULL;

            if (!value) continue;
            if (apr_hash_get(seen, value, APR_HASH_KEY_STRING)) {
                return aten_saml_no(reading, ATEN_V_SAML_DUPLICATE_ID, "'%s'", aten_saml_shown(reading, value));
            }
            apr_hash_set(seen, value, APR_HASH_KEY_STRING, value);
        }
    }
    return ATEN_V_OK;
}

/* By the local name alone: one of another namespace is no assertion, and nothing that belongs into a response. */
static int is_called_assertion(const xmlNode *node)
{
    return !strcmp((const char *)node->name, "Assertion") || !strcmp((const char *)node->name, "EncryptedAssertion");
}

static int count_assertions(const xmlNode *root, xmlNode **first)
{
    xmlNode *node;
    int count = 0;

    *first = NULL;
    for (node = step(root, root); node; node = step(node, root)) {
        if (is_called_assertion(node) && !count++) *first = node;
    }
    return count;
}

/* A portal that could not log the person in sends no assertion: then Status says why, which is what has to be read. */
static aten_verdict_t find_assertion(aten_saml_reading_t *reading, aten_saml_message_t *message)
{
    const int count = count_assertions(message->response, &message->assertion);
    const xmlNode *found = message->assertion;
    const char *code;

    if (!count && !aten_saml_message_is_success(reading, message->response, &code)) return ATEN_V_OK;
    if (count != 1) {
        return aten_saml_no(reading, ATEN_V_SAML_ASSERTIONS, "there are %d elements Assertion or EncryptedAssertion in "
                            "it, at any depth", count);
    }
    if (found->parent != message->response) {
        return aten_saml_no(reading, ATEN_V_SAML_ASSERTIONS, "its assertion stands inside '%s', not in the Response "
                            "itself", aten_saml_shown(reading, (const char *)found->parent->name));
    }
    if (aten_xml_is(found, ATEN_NS_SAML, (const char *)found->name)) return ATEN_V_OK;
    return aten_saml_no(reading, ATEN_V_SAML_ASSERTIONS, "its assertion is of the namespace '%s', not " ATEN_NS_SAML,
                        aten_saml_shown(reading, found->ns ? (const char *)found->ns->href : NULL));
}

/* What is signed in one place and stands in another is how signatures are wrapped. */
aten_verdict_t aten_saml_message_signatures(aten_saml_reading_t *reading, const xmlNode *root,
                                            const xmlNode *assertion)
{
    const xmlNode *node;
    int of_root = 0, of_assertion = 0;

    for (node = step(root, root); node; node = step(node, root)) {
        if (!aten_xml_is(node, ATEN_NS_DS, "Signature")) continue;
        if (node->parent == root && !of_root++) continue;
        if (node->parent == assertion && !of_assertion++) continue;
        return aten_saml_no(reading, ATEN_V_SAML_SIGNATURE_FORM, "a ds:Signature stands in '%s', where none belongs, "
                            "or a second one", aten_saml_shown(reading, (const char *)node->parent->name));
    }
    return ATEN_V_OK;
}

/* --- documents --- */

aten_verdict_t aten_saml_message_only(aten_saml_reading_t *reading, const xmlNode *element, const char *ns,
                                      const char *name)
{
    int count;

    aten_xml_child(element, ns, name, &count);
    if (count == 1) return ATEN_V_OK;
    return aten_saml_no(reading, ATEN_V_SAML_MALFORMED, "the %s has %d %s, not one", (const char *)element->name, count,
                        name);
}

aten_verdict_t aten_saml_message_status(aten_saml_reading_t *reading, const xmlNode *response)
{
    const xmlNode *status = aten_xml_child(response, ATEN_NS_SAMLP, "Status", NULL);
    const aten_verdict_t verdict = aten_saml_message_only(reading, response, ATEN_NS_SAMLP, "Status");

    return verdict == ATEN_V_OK ? aten_saml_message_only(reading, status, ATEN_NS_SAMLP, "StatusCode") : verdict;
}

int aten_saml_message_is_success(const aten_saml_reading_t *reading, const xmlNode *response, const char **code)
{
    const xmlNode *status = aten_xml_child(response, ATEN_NS_SAMLP, "Status", NULL);

    *code = aten_xml_attribute(aten_xml_child(status, ATEN_NS_SAMLP, "StatusCode", NULL), "Value", reading->p);
    return aten_same(*code, SUCCESS);
}

aten_verdict_t aten_saml_message_response(aten_saml_reading_t *reading, aten_saml_message_t *message, xmlDocPtr doc)
{
    xmlNode *root = xmlDocGetRootElement(doc);
    aten_verdict_t verdict = aten_saml_message_root(reading, root, ATEN_NS_SAMLP, "Response");
    const char *id;

    message->response = root;
    message->assertion = NULL;
    if (verdict == ATEN_V_OK) verdict = aten_saml_message_version(reading, root);
    if (verdict == ATEN_V_OK) verdict = aten_saml_message_ids(reading, root);
    if (verdict == ATEN_V_OK) verdict = aten_saml_message_id(reading, root, &id);
    if (verdict == ATEN_V_OK) verdict = aten_saml_message_only(reading, root, ATEN_NS_SAML, "Issuer");
    if (verdict == ATEN_V_OK) verdict = aten_saml_message_status(reading, root);
    if (verdict == ATEN_V_OK) verdict = find_assertion(reading, message);
    if (verdict != ATEN_V_OK) return verdict;
    if (!aten_xml_is(message->assertion, ATEN_NS_SAML, "Assertion")) {
        return aten_saml_message_signatures(reading, root, NULL);
    }
    return aten_saml_message_signatures(reading, root, message->assertion);
}

aten_verdict_t aten_saml_message_assertion(aten_saml_reading_t *reading, xmlNode **assertion, xmlDocPtr doc)
{
    xmlNode *root = xmlDocGetRootElement(doc), *other;
    aten_verdict_t verdict = aten_saml_message_root(reading, root, ATEN_NS_SAML, "Assertion");

    *assertion = root;
    if (verdict == ATEN_V_OK) verdict = aten_saml_message_ids(reading, root);
    if (verdict != ATEN_V_OK) return verdict;
    if (count_assertions(root, &other)) {
        return aten_saml_no(reading, ATEN_V_SAML_ASSERTIONS, "there is another Assertion or EncryptedAssertion inside "
                            "the assertion");
    }
    return aten_saml_message_signatures(reading, root, NULL);
}
