#include "aten_saml_form.h"

#include <string.h>

#include <apr_encode.h>

#include "aten_util.h"
#include "aten_xml.h"

xmlNode *aten_saml_take(xmlNode **at, const char *ns, const char *name)
{
    xmlNode *node = *at;

    if (!aten_xml_is(node, ns, name)) return NULL;
    *at = aten_xml_next(node);
    return node;
}

static int is_named(const char *name, const char *const *names)
{
    while (*names && strcmp(name, *names)) names++;
    return *names != NULL;
}

int aten_saml_attributes_are(const xmlNode *element, const char *const *names)
{
    const xmlAttr *attribute;

    for (attribute = element->properties; attribute; attribute = attribute->next) {
        if (attribute->ns || !is_named((const char *)attribute->name, names)) return 0;
    }
    return 1;
}

int aten_saml_has_elements(const xmlNode *element)
{
    const xmlNode *child;

    for (child = element->children; child; child = child->next) {
        if (child->type == XML_ELEMENT_NODE) continue;
        if (child->type != XML_TEXT_NODE || !xmlIsBlankNode(child)) return 0;
    }
    return 1;
}

int aten_saml_has_text(const xmlNode *element)
{
    const xmlNode *child;

    for (child = element->children; child; child = child->next) {
        if (child->type != XML_TEXT_NODE) return 0;
    }
    return 1;
}

/* xsd:base64Binary may have white space anywhere; APR's decoder takes none. */
const unsigned char *aten_saml_base64(const xmlNode *element, apr_size_t *len, apr_pool_t *p)
{
    const char *text = aten_xml_text(element, p);
    const unsigned char *bytes;
    char *packed, *end;

    *len = 0;
    if (!text) return NULL;
    packed = end = apr_palloc(p, strlen(text) + 1);
    for (; *text; text++) {
        if (!strchr(" \t\r\n", *text)) *end++ = *text;
    }
    *end = '\0';
    bytes = apr_pdecode_base64_binary(p, packed, end - packed, APR_ENCODE_NONE, len);
    return *len ? bytes : NULL;
}
