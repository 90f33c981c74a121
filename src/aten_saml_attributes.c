#include "aten_saml_read.h"

#include <string.h>

#include "aten_util.h"
#include "aten_xml.h"

#define NS_XSI "http://www.w3.org/2001/XMLSchema-instance"

/* How many there are so far. */
typedef struct {
    int attributes;
    int values;
} count_t;

static int is_nil(const xmlNode *value)
{
    xmlChar *nil = xmlGetNsProp((xmlNode *)value, (const xmlChar *)"nil", (const xmlChar *)NS_XSI);
    const int is = nil && (aten_same((const char *)nil, "true") || aten_same((const char *)nil, "1"));

    xmlFree(nil);
    return is;
}

/* Is there nothing but blanks (comments left aside) around the only element of value? */
static int is_alone(const xmlNode *value, const xmlNode *element)
{
    const xmlNode *node;

    for (node = value->children; node; node = node->next) {
        if (node == element || node->type == XML_COMMENT_NODE || node->type == XML_PI_NODE) continue;
        if (node->type != XML_TEXT_NODE || !xmlIsBlankNode((xmlNode *)node)) return 0;
    }
    return 1;
}

/* The text of a value, or of the NameID that it is (eduPersonTargetedID is one). NULL: it is no text. */
static const char *text_of(const aten_saml_reading_t *reading, const xmlNode *value)
{
    const xmlNode *element = aten_xml_first(value);

    if (!element) return aten_trim(reading->p, aten_xml_text(value, reading->p));
    if (!aten_xml_is(element, ATEN_NS_SAML, "NameID") || !is_alone(value, element)) return NULL;
    return aten_trim(reading->p, aten_xml_text(element, reading->p));
}

static aten_verdict_t read_value(aten_saml_reading_t *reading, const char *name, const xmlNode *value, count_t *count)
{
    const char *text;

    if (!aten_xml_is(value, ATEN_NS_SAML, "AttributeValue")) {
        return aten_saml_no(reading, ATEN_V_SAML_ATTRIBUTE, "the attribute '%s' has a '%s' that is no AttributeValue",
                            aten_saml_shown(reading, name), aten_saml_shown(reading, (const char *)value->name));
    }
    if (++count->values > ATEN_SAML_VALUES_MAX) {
        return aten_saml_no(reading, ATEN_V_SAML_ATTRIBUTE, "there are more than %d values", ATEN_SAML_VALUES_MAX);
    }
    text = is_nil(value) ? "" : text_of(reading, value);
    if (!text) {
        return aten_saml_no(reading, ATEN_V_SAML_ATTRIBUTE, "a value of the attribute '%s' has an element inside",
                            aten_saml_shown(reading, name));
    }
    /* An empty vector is a broken one, and is judged as such: left out, a parent with a mail address would be staff. */
    if (!*text && !aten_same(name, "FrEduVecteur")) return ATEN_V_OK;
    if (*text && !aten_text_is_clean(text, ATEN_SAML_VALUE_BYTES_MAX)) {
        return aten_saml_no(reading, ATEN_V_SAML_ATTRIBUTE, "a value of the attribute '%s' is longer than %d bytes, or "
                            "has control characters or line ends inside", aten_saml_shown(reading, name),
                            ATEN_SAML_VALUE_BYTES_MAX);
    }
    aten_attribute_add(reading->answer->attributes, name, text, reading->p);
    return ATEN_V_OK;
}

static aten_verdict_t read_attribute(aten_saml_reading_t *reading, const xmlNode *attribute, count_t *count)
{
    const char *name = aten_xml_attribute(attribute, "Name", reading->p);
    aten_verdict_t verdict = ATEN_V_OK;
    const xmlNode *node;

    if (!aten_text_is_clean(name, ATEN_SAML_NAME_BYTES_MAX)) {
        return aten_saml_no(reading, ATEN_V_SAML_ATTRIBUTE, "an attribute's Name is missing, empty, longer than %d "
                            "bytes, or has control characters: '%s'", ATEN_SAML_NAME_BYTES_MAX,
                            aten_saml_shown(reading, name));
    }
    if (++count->attributes > ATEN_SAML_ATTRIBUTES_MAX) {
        return aten_saml_no(reading, ATEN_V_SAML_ATTRIBUTE, "there are more than %d attributes",
                            ATEN_SAML_ATTRIBUTES_MAX);
    }
    for (node = aten_xml_first(attribute); node && verdict == ATEN_V_OK; node = aten_xml_next(node)) {
        verdict = read_value(reading, name, node, count);
    }
    return verdict;
}

static aten_verdict_t read_statement(aten_saml_reading_t *reading, const xmlNode *statement, count_t *count)
{
    aten_verdict_t verdict = ATEN_V_OK;
    const xmlNode *node;

    for (node = aten_xml_first(statement); node && verdict == ATEN_V_OK; node = aten_xml_next(node)) {
        if (aten_xml_is(node, ATEN_NS_SAML, "EncryptedAttribute")) {
            return aten_saml_no(reading, ATEN_V_SAML_ATTRIBUTE, "it has an EncryptedAttribute, which is not supported: "
                                "the portal should encrypt the assertion as a whole");
        }
        if (!aten_xml_is(node, ATEN_NS_SAML, "Attribute")) {
            return aten_saml_no(reading, ATEN_V_SAML_ATTRIBUTE, "an AttributeStatement has a '%s' that is no Attribute "
                                "of SAML 2.0", aten_saml_shown(reading, (const char *)node->name));
        }
        verdict = read_attribute(reading, node, count);
    }
    return verdict;
}

aten_verdict_t aten_saml_read_attributes(aten_saml_reading_t *reading)
{
    aten_verdict_t verdict = ATEN_V_OK;
    count_t count = {0};
    const xmlNode *node;

    reading->answer->attributes = apr_array_make(reading->p, 16, sizeof(aten_attribute_t));
    for (node = aten_xml_first(reading->assertion); node && verdict == ATEN_V_OK; node = aten_xml_next(node)) {
        if (!aten_xml_is(node, ATEN_NS_SAML, "AttributeStatement")) continue;
        verdict = read_statement(reading, node, &count);
    }
    return verdict;
}
