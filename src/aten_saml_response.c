#include "aten_saml_read.h"

#include <stdarg.h>
#include <string.h>

#include <apr_encode.h>
#include <apr_strings.h>

#include "aten_saml_decrypt.h"
#include "aten_saml_verify.h"
#include "aten_util.h"
#include "aten_xml.h"

#define ENTITY_FORMAT "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"
#define SHOWN 200         /* bytes of a value that a log shows */
#define PORTALS_SHOWN 10

aten_verdict_t aten_saml_no(aten_saml_reading_t *reading, aten_verdict_t verdict, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    reading->why = apr_pvsprintf(reading->p, format, values);
    va_end(values);
    return verdict;
}

const char *aten_saml_shown(const aten_saml_reading_t *reading, const char *text)
{
    return aten_log_text(reading->p, text, SHOWN);
}

/* --- base64 --- */

/* Digits alone, line breaks taken out. APR's decoder would take other alphabets and what is cut off. */
static apr_size_t copy_digits(char *out, const char *base64)
{
    apr_size_t len = 0;

    for (; *base64; base64++) {
        if (*base64 != '\r' && *base64 != '\n') out[len++] = *base64;
    }
    out[len] = '\0';
    return len;
}

static int is_base64(const char *digits, apr_size_t len)
{
    const apr_size_t data = strspn(digits, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
    const apr_size_t padding = strspn(digits + data, "=");

    return data && padding <= 2 && data + padding == len && len % 4 == 0;
}

aten_verdict_t aten_saml_response_decode(const char *base64, const char **text, apr_size_t *len, apr_pool_t *p)
{
    const apr_size_t room = strlen(base64) + 1;
    char *digits = apr_palloc(p, room), *bytes;
    const apr_size_t count = copy_digits(digits, base64);

    *text = NULL;
    *len = 0;
    if (count / 4 > (ATEN_XML_BYTES_MAX + 2) / 3) return ATEN_V_XML_LARGE;
    if (!is_base64(digits, count)) return ATEN_V_SAML_ENCODING;
    bytes = apr_palloc(p, count / 4 * 3 + 1);
    if (apr_decode_base64(bytes, digits, (apr_ssize_t)count, APR_ENCODE_NONE, len) != APR_SUCCESS) {
        return ATEN_V_SAML_ENCODING;
    }
    bytes[*len] = '\0';
    *text = bytes;
    return ATEN_V_OK;
}

/* --- who says it --- */

static const char *issuer_of(const aten_saml_reading_t *reading, const xmlNode *element)
{
    return aten_trim(reading->p, aten_xml_text(aten_xml_child(element, ATEN_NS_SAML, "Issuer", NULL), reading->p));
}

static const char *believed(const aten_saml_reading_t *reading)
{
    const apr_array_header_t *portals = reading->expect->portals;
    apr_array_header_t *shown = apr_array_make(reading->p, PORTALS_SHOWN + 1, sizeof(const char *));
    int i;

    for (i = 0; portals && i < portals->nelts && i < PORTALS_SHOWN; i++) {
        const aten_portal_t *portal = APR_ARRAY_IDX(portals, i, const aten_portal_t *);

        APR_ARRAY_PUSH(shown, const char *) =
            apr_pstrcat(reading->p, "'", aten_saml_shown(reading, portal->entity_id), "' ", NULL);
    }
    if (portals && portals->nelts > i) APR_ARRAY_PUSH(shown, const char *) = "and others";
    return apr_array_pstrcat(reading->p, shown, '\0');
}

/* What the message says of itself, before anything of it was verified: it chooses whose keys are tried. */
aten_verdict_t aten_saml_believe(aten_saml_reading_t *reading, const xmlNode *message, const aten_portal_t **portal)
{
    const char *issuer = issuer_of(reading, message), *why = NULL;
    aten_verdict_t verdict;

    reading->portal = aten_portal_find(reading->expect->portals, issuer);
    if (!reading->portal) {
        return aten_saml_no(reading, ATEN_V_SAML_ISSUER, "the Issuer is '%s'; believed here: %s",
                            aten_saml_shown(reading, issuer), believed(reading));
    }
    if (portal) *portal = reading->portal;
    if (reading->expect->metadata) {
        reading->entity = aten_saml_metadata_find(reading->expect->metadata, reading->portal->entity_id);
    }
    verdict = aten_saml_entity_check(reading->entity, reading->expect->now, &why, reading->p);
    return verdict == ATEN_V_OK ? verdict : aten_saml_no(reading, verdict, "%s", why ? why : "it cannot be used");
}

aten_verdict_t aten_saml_check_issuer(aten_saml_reading_t *reading, const xmlNode *element)
{
    int count;
    const xmlNode *node = aten_xml_child(element, ATEN_NS_SAML, "Issuer", &count);
    const char *format = aten_xml_attribute(node, "Format", reading->p);
    const char *issuer = issuer_of(reading, element);

    if (count != 1) {
        return aten_saml_no(reading, ATEN_V_SAML_MALFORMED, "the %s has %d Issuer, not one",
                            (const char *)element->name, count);
    }
    /* saml-profiles 4.1.4.2 */
    if (format && !aten_same(format, ENTITY_FORMAT)) {
        return aten_saml_no(reading, ATEN_V_SAML_ISSUER, "Format of the %s's Issuer is '%s', not " ENTITY_FORMAT,
                            (const char *)element->name, aten_saml_shown(reading, format));
    }
    if (aten_same(issuer, reading->portal->entity_id)) return ATEN_V_OK;
    return aten_saml_no(reading, ATEN_V_SAML_ISSUER, "the Issuer of the %s is '%s', that of the response '%s'",
                        (const char *)element->name, aten_saml_shown(reading, issuer),
                        aten_saml_shown(reading, reading->portal->entity_id));
}

/* --- signatures --- */

aten_verdict_t aten_saml_parse(aten_saml_reading_t *reading, xmlDocPtr *doc, const char *text, apr_size_t len,
                               const char *what, apr_pool_t *p)
{
    const aten_verdict_t verdict = aten_xml_parse(doc, text, len, p);

    if (verdict == ATEN_V_OK) return verdict;
    return aten_saml_no(reading, verdict, "the %s has %" APR_SIZE_T_FMT " bytes (up to %d are read, %d elements deep, "
                        "with %d attributes on one element and %d namespaces)", what, len, ATEN_XML_BYTES_MAX,
                        ATEN_XML_DEPTH_MAX, ATEN_XML_ATTRIBUTES_MAX, ATEN_XML_NAMESPACES_MAX);
}

aten_verdict_t aten_saml_verified(aten_saml_reading_t *reading, xmlDocPtr *doc, xmlNode *element)
{
    const char *what = (const char *)element->name, *bytes, *why = NULL;
    apr_size_t len;
    const aten_verdict_t verdict = aten_saml_verify(element, reading->entity->keys, &bytes, &len, &why, reading->p);

    if (verdict == ATEN_V_OK) return aten_saml_parse(reading, doc, bytes, len, "signed text", reading->p);
    return aten_saml_no(reading, verdict, "signature of the %s: %s", what, why ? why : "it does not hold");
}

aten_verdict_t aten_saml_open(aten_saml_reading_t *reading, xmlDocPtr *doc, const xmlNode *encrypted, int cbc_allowed,
                              const char *what)
{
    const apr_array_header_t *keys = reading->expect->keys;
    const char *text, *why = NULL;
    apr_size_t len;
    aten_verdict_t verdict;

    if (!keys || !keys->nelts) {
        return aten_saml_no(reading, ATEN_V_SAML_ENCRYPTION, "the %s is encrypted, and there is no AtenServiceKey to "
                            "read it with", what);
    }
    verdict = aten_saml_decrypt(encrypted, keys, cbc_allowed, &text, &len, &why, reading->p);
    if (verdict != ATEN_V_OK) {
        return aten_saml_no(reading, verdict, "encrypted %s: %s", what, why ? why : "it cannot be read");
    }
    return aten_saml_parse(reading, doc, text, len, apr_pstrcat(reading->p, "decrypted ", what, NULL), reading->p);
}

/* A signed response: from here on only what was digested is there. The tree that came in is freed with came. */
static aten_verdict_t trust_response(aten_saml_reading_t *reading, aten_saml_message_t *message, apr_pool_t *came)
{
    xmlDocPtr doc;
    aten_verdict_t verdict;

    if (aten_saml_signature(message->response, NULL)) {
        verdict = aten_saml_verified(reading, &doc, message->response);
        if (verdict != ATEN_V_OK) return verdict;
        reading->response_signed = 1;
        apr_pool_destroy(came);
        verdict = aten_saml_message_response(reading, message, doc);
        if (verdict != ATEN_V_OK) return verdict;
    }
    reading->response = message->response;
    return ATEN_V_OK;
}

/* CBC is malleable: what it hides is looked at only where a signature around it held. */
static aten_verdict_t open_assertion(aten_saml_reading_t *reading, aten_saml_message_t *message)
{
    xmlDocPtr doc;
    aten_verdict_t verdict;

    if (!aten_xml_is(message->assertion, ATEN_NS_SAML, "EncryptedAssertion")) return ATEN_V_OK;
    verdict = aten_saml_open(reading, &doc, message->assertion, reading->response_signed, "assertion");
    return verdict == ATEN_V_OK ? aten_saml_message_assertion(reading, &message->assertion, doc) : verdict;
}

static aten_verdict_t trust_assertion(aten_saml_reading_t *reading, aten_saml_message_t *message)
{
    xmlDocPtr doc;
    aten_verdict_t verdict;

    if (aten_saml_signature(message->assertion, NULL)) {
        verdict = aten_saml_verified(reading, &doc, message->assertion);
        if (verdict == ATEN_V_OK) verdict = aten_saml_message_assertion(reading, &message->assertion, doc);
        if (verdict != ATEN_V_OK) return verdict;
    }
    else if (!reading->response_signed) {
        return aten_saml_no(reading, ATEN_V_SAML_UNSIGNED, "there is no ds:Signature in the Response itself nor in its "
                            "Assertion");
    }
    reading->assertion = message->assertion;
    return ATEN_V_OK;
}

static aten_verdict_t trust(aten_saml_reading_t *reading, aten_saml_message_t *message, apr_pool_t *came)
{
    aten_verdict_t verdict = trust_response(reading, message, came);

    if (verdict != ATEN_V_OK || !message->assertion) return verdict;
    verdict = open_assertion(reading, message);
    return verdict == ATEN_V_OK ? trust_assertion(reading, message) : verdict;
}

/* --- what the response says --- */

static aten_verdict_t check_status(aten_saml_reading_t *reading)
{
    const xmlNode *status = aten_xml_child(reading->response, ATEN_NS_SAMLP, "Status", NULL);
    const xmlNode *outer = aten_xml_child(status, ATEN_NS_SAMLP, "StatusCode", NULL);
    const char *code, *inner, *message;

    if (aten_saml_message_is_success(reading, reading->response, &code)) return ATEN_V_OK;
    inner = aten_xml_attribute(aten_xml_child(outer, ATEN_NS_SAMLP, "StatusCode", NULL), "Value", reading->p);
    message = aten_trim(reading->p,
                        aten_xml_text(aten_xml_child(status, ATEN_NS_SAMLP, "StatusMessage", NULL), reading->p));
    return aten_saml_no(reading, ATEN_V_SAML_STATUS, "StatusCode '%s', in it '%s', StatusMessage '%s'%s",
                        aten_saml_shown(reading, code), aten_saml_shown(reading, inner),
                        aten_saml_shown(reading, message),
                        reading->response_signed ? "" : " (the response is not signed)");
}

static aten_verdict_t check_response_issuer(aten_saml_reading_t *reading)
{
    return aten_saml_check_issuer(reading, reading->response);
}

static aten_verdict_t check_response_id(aten_saml_reading_t *reading)
{
    const char *id;
    const aten_verdict_t verdict = aten_saml_message_id(reading, reading->response, &id);

    if (reading->response_signed) reading->answer->response_id = id;
    return verdict;
}

static aten_verdict_t check_destination(aten_saml_reading_t *reading)
{
    const char *destination = aten_xml_attribute(reading->response, "Destination", reading->p);

    if (aten_same(destination, reading->expect->acs)) return ATEN_V_OK;
    if (destination) {
        return aten_saml_no(reading, ATEN_V_SAML_DESTINATION, "Destination is '%s', not '%s'",
                            aten_saml_shown(reading, destination), aten_saml_shown(reading, reading->expect->acs));
    }
    if (!reading->response_signed) return ATEN_V_OK;
    /* saml-bindings 3.5.5.2 */
    return aten_saml_no(reading, ATEN_V_SAML_DESTINATION, "a signed response without a Destination; '%s' is right",
                        aten_saml_shown(reading, reading->expect->acs));
}

/* An unsigned response may be silent, for what the assertion says of it was signed; it must not say another thing. The
 * IDs themselves stay out of the log: ours are made of the login's nonce. */
static aten_verdict_t check_in_response_to(aten_saml_reading_t *reading)
{
    const char *of_response = aten_xml_attribute(reading->response, "InResponseTo", reading->p);
    const char *of_assertion = reading->answer->in_response_to;

    if (of_assertion && !aten_text_is_clean(of_assertion, ATEN_SAML_ID_BYTES_MAX)) {
        return aten_saml_no(reading, ATEN_V_SAML_IN_RESPONSE_TO, "InResponseTo is empty, longer than %d bytes, or has "
                            "control characters", ATEN_SAML_ID_BYTES_MAX);
    }
    if (aten_same(of_response, of_assertion)) return ATEN_V_OK;
    if (!of_response && (!of_assertion || !reading->response_signed)) return ATEN_V_OK;
    if (of_response && of_assertion) {
        return aten_saml_no(reading, ATEN_V_SAML_IN_RESPONSE_TO, "InResponseTo of the response and of the assertion's "
                            "SubjectConfirmationData are two");
    }
    return aten_saml_no(reading, ATEN_V_SAML_IN_RESPONSE_TO, "%s has an InResponseTo, %s has none",
                        of_response ? "the response" : "the assertion's SubjectConfirmationData",
                        of_response ? "the assertion's SubjectConfirmationData" : "the response");
}

static aten_verdict_t judge(aten_saml_reading_t *reading)
{
    static aten_verdict_t (*const steps[])(aten_saml_reading_t *) = {
        check_status, check_response_id, check_response_issuer, aten_saml_read_head, check_destination,
        aten_saml_read_conditions, aten_saml_read_subject, check_in_response_to, aten_saml_read_authn,
        aten_saml_read_attributes,
    };
    aten_verdict_t verdict = ATEN_V_OK;
    apr_size_t i;

    for (i = 0; verdict == ATEN_V_OK && i < sizeof(steps) / sizeof(steps[0]); i++) verdict = steps[i](reading);
    return verdict;
}

aten_verdict_t aten_saml_response_read(aten_saml_answer_t **out, const aten_saml_expect_t *expect, const char *text,
                                       apr_size_t len, const aten_portal_t **portal, const char **why, apr_pool_t *p)
{
    aten_saml_reading_t reading = {.expect = expect, .answer = apr_pcalloc(p, sizeof(aten_saml_answer_t)), .p = p};
    aten_saml_message_t message;
    aten_verdict_t verdict;
    apr_pool_t *came;
    xmlDocPtr doc;

    *out = NULL;
    *why = NULL;
    if (portal) *portal = NULL;
    if (apr_pool_create(&came, p) != APR_SUCCESS) {
        *why = "no memory";
        return ATEN_V_INTERNAL;
    }
    verdict = aten_saml_parse(&reading, &doc, text, len, "message", came);
    if (verdict == ATEN_V_OK) verdict = aten_saml_message_response(&reading, &message, doc);
    if (verdict == ATEN_V_OK) verdict = aten_saml_believe(&reading, message.response, portal);
    if (verdict == ATEN_V_OK) verdict = trust(&reading, &message, came);
    if (verdict == ATEN_V_OK) verdict = judge(&reading);
    if (verdict != ATEN_V_OK) {
        *why = reading.why;
        return verdict;
    }
    reading.answer->portal = reading.portal;
    *out = reading.answer;
    return verdict;
}
