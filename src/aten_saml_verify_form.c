#include "aten_saml_verify_private.h"

#include <string.h>

#include <apr_strings.h>
#include <openssl/evp.h>

#include "aten_saml_form.h"
#include "aten_saml_verify.h"
#include "aten_util.h"
#include "aten_xml.h"

#define MORE "http://www.w3.org/2001/04/xmldsig-more#"
#define EXCLUSIVE "http://www.w3.org/2001/10/xml-exc-c14n#"
#define ENVELOPED ATEN_NS_DS "enveloped-signature"
#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

typedef struct {
    const char **why;
    apr_pool_t *p;
} reading_t;

/* xmldsig-core 1.1 section 6 and RFC 4051, without SHA-1, MD5, SHA-224, DSA and every MAC. */
static const struct { const char *uri; int key_type; } methods[] = {
    {MORE "rsa-sha256", EVP_PKEY_RSA}, {MORE "rsa-sha384", EVP_PKEY_RSA}, {MORE "rsa-sha512", EVP_PKEY_RSA},
    {MORE "ecdsa-sha256", EVP_PKEY_EC}, {MORE "ecdsa-sha384", EVP_PKEY_EC}, {MORE "ecdsa-sha512", EVP_PKEY_EC},
};
static const char *const digests[] = {ATEN_NS_XENC "sha256", MORE "sha384", ATEN_NS_XENC "sha512", NULL};
static const char *const canonicalizations[] = {EXCLUSIVE, EXCLUSIVE "WithComments", NULL};

static aten_verdict_t no(const reading_t *reading, const char *text)
{
    *reading->why = text;
    return ATEN_V_SAML_SIGNATURE_FORM;
}

static aten_verdict_t no_algorithm(const reading_t *reading, const char *what, const char *algorithm)
{
    *reading->why = apr_psprintf(reading->p, "the %s is '%s', which is not allowed", what,
                                 aten_log_text(reading->p, algorithm, 120));
    return ATEN_V_SAML_ALGORITHM;
}

static int is_one_of(const char *value, const char *const *list)
{
    while (*list && !aten_same(value, *list)) list++;
    return *list != NULL;
}

static int has_nothing(const xmlNode *element)
{
    return aten_saml_has_text(element) && aten_saml_has_elements(element);
}

static const char *algorithm_of(const reading_t *reading, const xmlNode *element)
{
    return aten_xml_attribute(element, "Algorithm", reading->p);
}

/* --- parts --- */

/* Exclusive canonicalization's only parameter (xml-exc-c14n section 4). */
static int is_canonicalization_form(const reading_t *reading, const xmlNode *element)
{
    xmlNode *at = aten_xml_first(element);
    const xmlNode *inclusive = aten_saml_take(&at, EXCLUSIVE, "InclusiveNamespaces");
    const char *prefixes;

    if (at || !aten_saml_attributes_are(element, NAMES("Algorithm")) || !aten_saml_has_elements(element)) return 0;
    if (!inclusive) return 1;
    prefixes = aten_xml_attribute(inclusive, "PrefixList", reading->p);
    return prefixes && strlen(prefixes) <= ATEN_SAML_PREFIXES_BYTES_MAX && has_nothing(inclusive) &&
           aten_saml_attributes_are(inclusive, NAMES("PrefixList"));
}

static aten_verdict_t check_method(const reading_t *reading, aten_saml_signed_t *out, const xmlNode *element)
{
    const char *algorithm = algorithm_of(reading, element);
    apr_size_t i;

    for (i = 0; i < sizeof(methods) / sizeof(methods[0]) && !aten_same(algorithm, methods[i].uri); i++) continue;
    if (i == sizeof(methods) / sizeof(methods[0])) return no_algorithm(reading, "SignatureMethod", algorithm);
    if (!has_nothing(element) || !aten_saml_attributes_are(element, NAMES("Algorithm"))) {
        return no(reading, "SignatureMethod has parameters");
    }
    out->key_type = methods[i].key_type;
    return ATEN_V_OK;
}

/* saml-core section 5.4.4; in this order, for what is digested must be what canonicalization gives. */
static aten_verdict_t check_transforms(const reading_t *reading, const xmlNode *element)
{
    xmlNode *at = aten_xml_first(element);
    const xmlNode *first = aten_saml_take(&at, ATEN_NS_DS, "Transform");
    const xmlNode *second = aten_saml_take(&at, ATEN_NS_DS, "Transform");

    if (!first || !second || at || element->properties || !aten_saml_has_elements(element) ||
        !aten_same(algorithm_of(reading, first), ENVELOPED) ||
        !is_one_of(algorithm_of(reading, second), canonicalizations)) {
        return no(reading, "the Transforms are not enveloped-signature and exclusive canonicalization");
    }
    if (!has_nothing(first) || !aten_saml_attributes_are(first, NAMES("Algorithm")) ||
        !is_canonicalization_form(reading, second)) {
        return no(reading, "a Transform has parameters that are not taken");
    }
    return ATEN_V_OK;
}

static int is_base64_form(const reading_t *reading, const xmlNode *element, const char *const *attributes)
{
    apr_size_t len;

    return aten_saml_has_text(element) && aten_saml_attributes_are(element, attributes) &&
           aten_saml_base64(element, &len, reading->p);
}

static aten_verdict_t check_reference(const reading_t *reading, const aten_saml_signed_t *out, const xmlNode *element)
{
    xmlNode *at = aten_xml_first(element);
    const xmlNode *transforms = aten_saml_take(&at, ATEN_NS_DS, "Transforms");
    const xmlNode *method = aten_saml_take(&at, ATEN_NS_DS, "DigestMethod");
    const xmlNode *value = aten_saml_take(&at, ATEN_NS_DS, "DigestValue");
    const char *uri = aten_xml_attribute(element, "URI", reading->p);
    aten_verdict_t verdict;

    if (!transforms || !method || !value || at || !aten_saml_has_elements(element) ||
        !aten_saml_attributes_are(element, NAMES("URI", "Id"))) {
        return no(reading, "Reference is not of the form that is taken");
    }
    if (!uri || *uri != '#' || strcmp(uri + 1, out->id)) {
        return no(reading, "the Reference is not to the element that the signature stands in");
    }
    verdict = check_transforms(reading, transforms);
    if (verdict != ATEN_V_OK) return verdict;
    if (!is_one_of(algorithm_of(reading, method), digests)) {
        return no_algorithm(reading, "DigestMethod", algorithm_of(reading, method));
    }
    if (!has_nothing(method) || !aten_saml_attributes_are(method, NAMES("Algorithm"))) {
        return no(reading, "DigestMethod has parameters");
    }
    return is_base64_form(reading, value, NAMES(NULL)) ? ATEN_V_OK : no(reading, "DigestValue is not base64");
}

static aten_verdict_t check_info(const reading_t *reading, aten_saml_signed_t *out, const xmlNode *element)
{
    xmlNode *at = aten_xml_first(element);
    const xmlNode *canonicalization = aten_saml_take(&at, ATEN_NS_DS, "CanonicalizationMethod");
    const xmlNode *method = aten_saml_take(&at, ATEN_NS_DS, "SignatureMethod");
    const xmlNode *reference = aten_saml_take(&at, ATEN_NS_DS, "Reference");
    aten_verdict_t verdict;

    if (!canonicalization || !method || !reference || at || !aten_saml_has_elements(element) ||
        !aten_saml_attributes_are(element, NAMES("Id"))) {
        return no(reading, "SignedInfo is not CanonicalizationMethod, SignatureMethod and one Reference");
    }
    if (!is_one_of(algorithm_of(reading, canonicalization), canonicalizations)) {
        return no_algorithm(reading, "CanonicalizationMethod", algorithm_of(reading, canonicalization));
    }
    if (!is_canonicalization_form(reading, canonicalization)) {
        return no(reading, "CanonicalizationMethod has parameters that are not taken");
    }
    verdict = check_method(reading, out, method);
    return verdict == ATEN_V_OK ? check_reference(reading, out, reference) : verdict;
}

/* KeyInfo may be anything: nobody reads it. */
static aten_verdict_t check_signature(const reading_t *reading, aten_saml_signed_t *out)
{
    xmlNode *at = aten_xml_first(out->signature);
    const xmlNode *info = aten_saml_take(&at, ATEN_NS_DS, "SignedInfo");
    const xmlNode *value = aten_saml_take(&at, ATEN_NS_DS, "SignatureValue");
    aten_verdict_t verdict;

    aten_saml_take(&at, ATEN_NS_DS, "KeyInfo");
    if (!info || !value || at || !aten_saml_has_elements(out->signature) ||
        !aten_saml_attributes_are(out->signature, NAMES("Id"))) {
        return no(reading, "Signature is not SignedInfo, SignatureValue and perhaps KeyInfo");
    }
    verdict = check_info(reading, out, info);
    if (verdict != ATEN_V_OK) return verdict;
    return is_base64_form(reading, value, NAMES("Id")) ? ATEN_V_OK : no(reading, "SignatureValue is not base64");
}

/* --- the element that is signed --- */

/* An NCName (saml-core section 1.3.4) and nothing else: libxmlsec1 writes the ID between the quotes of an XPointer. */
static int read_id(const reading_t *reading, aten_saml_signed_t *out, const xmlNode *element)
{
    out->id = aten_xml_attribute(element, "ID", reading->p);
    out->id_attribute = xmlHasNsProp((xmlNode *)element, (const xmlChar *)"ID", NULL);
    return out->id && out->id_attribute && !xmlValidateNCName((const xmlChar *)out->id, 0);
}

/* How many it declares; more than are taken if one is too long. */
static int count_namespaces(const xmlNode *element)
{
    const xmlNs *ns;
    int count = 0;

    for (ns = element->nsDef; ns; ns = ns->next) {
        if (ns->href && strlen((const char *)ns->href) > ATEN_SAML_NAMESPACE_BYTES_MAX) return ATEN_SAML_NAMES_MAX + 1;
        count++;
    }
    return count;
}

/* The parser bounds how deep this goes. */
static int is_bounded(const xmlNode *element, int namespaces, int *elements)
{
    const xmlNode *child;
    const xmlAttr *attribute;
    int names = count_namespaces(element);

    namespaces += names;
    for (attribute = element->properties; attribute; attribute = attribute->next) names++;
    if (names > ATEN_SAML_NAMES_MAX || namespaces > ATEN_SAML_NAMESPACES_MAX) return 0;
    if (++*elements > ATEN_SAML_ELEMENTS_MAX) return 0;
    for (child = aten_xml_first(element); child; child = aten_xml_next(child)) {
        if (!is_bounded(child, namespaces, elements)) return 0;
    }
    return 1;
}

static int is_bounded_within(const xmlNode *element)
{
    const xmlNode *around;
    int namespaces = 0, elements = 0;

    for (around = element->parent; around && around->type == XML_ELEMENT_NODE; around = around->parent) {
        namespaces += count_namespaces(around);
    }
    return is_bounded(element, namespaces, &elements);
}

aten_verdict_t aten_saml_signature_form(aten_saml_signed_t *out, const xmlNode *element, const char **why,
                                        apr_pool_t *p)
{
    const reading_t reading = {why, p};
    int count;

    out->signature = aten_saml_signature(element, &count);
    if (!count) {
        *why = "there is no ds:Signature in it";
        return ATEN_V_SAML_UNSIGNED;
    }
    if (count > 1) return no(&reading, "there is more than one ds:Signature in it");
    if (!read_id(&reading, out, element)) return no(&reading, "the element that is signed has no usable ID");
    if (!is_bounded_within(element)) {
        return no(&reading, "it has too many elements, attributes or namespaces, or one too long");
    }
    return check_signature(&reading, out);
}
