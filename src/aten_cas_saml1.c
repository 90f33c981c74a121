#include "aten_cas_read.h"

#include <string.h>

#include <apr_escape.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_uri.h>

#include "aten_date.h"
#include "aten_util.h"
#include "aten_xml.h"

/* SAML 1.1 core (oasis-sstc-saml-core-1.1) in a SOAP 1.1 envelope, as CAS servers speak it. */
#define SOAP_NS "http://schemas.xmlsoap.org/soap/envelope/"
#define SAMLP_NS "urn:oasis:names:tc:SAML:1.0:protocol"
#define SAML_NS "urn:oasis:names:tc:SAML:1.0:assertion"
#define SKEW apr_time_from_sec(60)

void aten_cas_saml1_request(aten_http_request_t *request, const char *ticket, const char *request_id, apr_time_t now,
                            apr_pool_t *p)
{
    apr_time_exp_t t;

    apr_time_exp_gmt(&t, now);
    /* The empty Header stays: django-cas-server takes the envelope's second child for the Body. */
    request->body = apr_psprintf(
        p,
        "<SOAP-ENV:Envelope xmlns:SOAP-ENV=\"" SOAP_NS "\"><SOAP-ENV:Header/><SOAP-ENV:Body>"
        "<samlp:Request xmlns:samlp=\"" SAMLP_NS "\" MajorVersion=\"1\" MinorVersion=\"1\" RequestID=\"%s\""
        " IssueInstant=\"%04d-%02d-%02dT%02d:%02d:%02dZ\"><samlp:AssertionArtifact>%s</samlp:AssertionArtifact>"
        "</samlp:Request></SOAP-ENV:Body></SOAP-ENV:Envelope>",
        apr_pescape_entity(p, request_id ? request_id : "", 1), t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour,
        t.tm_min, t.tm_sec, apr_pescape_entity(p, ticket, 1));
    request->content_type = "text/xml; charset=utf-8";
    request->soap_action = "http://www.oasis-open.org/committees/security";
}

/* The only child of that name, or NULL and the reason. */
static xmlNode *only_child(aten_cas_reading_t *reading, const xmlNode *node, const char *ns, const char *name)
{
    int count;
    xmlNode *child = aten_xml_child(node, ns, name, &count);

    if (count == 1) return child;
    aten_cas_no(reading, ATEN_V_CAS_UNEXPECTED, "%s has %d %s, not one",
                aten_cas_shown(reading, (const char *)node->name), count, name);
    return NULL;
}

/* An address as a log may have it: what stands behind '?' is the login's state. */
static const char *shown_address(const aten_cas_reading_t *reading, const char *address)
{
    return aten_log_text(reading->p, apr_pstrmemdup(reading->p, address, strcspn(address, "?")), 200);
}

/* --- status --- */

/* The local part of a status code, which is a QName of the SAML protocol's namespace (core section 3.4.3.1). */
static const char *status_code(const aten_cas_reading_t *reading, xmlNode *node)
{
    const char *value = aten_trim(reading->p, aten_xml_attribute(node, "Value", reading->p));
    const char *colon = value ? strchr(value, ':') : NULL;
    const char *prefix = colon ? apr_pstrmemdup(reading->p, value, (apr_size_t)(colon - value)) : NULL;
    const xmlNs *ns = value ? xmlSearchNs(node->doc, node, (const xmlChar *)prefix) : NULL;

    if (!ns || !aten_same((const char *)ns->href, SAMLP_NS)) return NULL;
    return colon ? colon + 1 : value;
}

static int is_word(const char *text)
{
    const apr_size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    return len && len <= 40 && !text[len];
}

/* SAML has no code for "this ticket is not known": servers say RequestDenied (Apereo's), or AuthnFailed, which SAML 1.1
 * does not have (django-cas-server). The text beside it is never shown, for it may name the ticket. */
static aten_verdict_t read_status(aten_cas_reading_t *reading, const xmlNode *response)
{
    const xmlNode *status = only_child(reading, response, SAMLP_NS, "Status");
    xmlNode *code = status ? only_child(reading, status, SAMLP_NS, "StatusCode") : NULL;
    xmlNode *inner;
    const char *word;

    if (!code) return ATEN_V_CAS_UNEXPECTED;
    word = status_code(reading, code);
    inner = aten_xml_child(code, SAMLP_NS, "StatusCode", NULL);
    if (aten_same(word, "Success") && !inner) return ATEN_V_OK;
    while (word && inner) {
        word = status_code(reading, inner);
        inner = aten_xml_child(inner, SAMLP_NS, "StatusCode", NULL);
    }
    if (!word || !is_word(word) || aten_same(word, "Success")) {
        return aten_cas_no(reading, ATEN_V_CAS_UNEXPECTED, "its status is not a code of SAML 1.1");
    }
    return aten_cas_no(reading, aten_same(word, "RequestDenied") || aten_same(word, "AuthnFailed")
                                    ? ATEN_V_CAS_TICKET_REFUSED
                                    : ATEN_V_CAS_REFUSED, "%s", word);
}

/* --- for whom, and when --- */

/* Apereo CAS 5 and later write the service's host name where SAML wants its address. */
static int is_recipient(const aten_cas_reading_t *reading, const char *recipient)
{
    apr_uri_t uri;

    if (aten_same(recipient, reading->service)) return 1;
    return apr_uri_parse(reading->p, reading->service, &uri) == APR_SUCCESS && aten_same(recipient, uri.hostname);
}

static aten_verdict_t check_addressee(aten_cas_reading_t *reading, const xmlNode *response)
{
    const char *recipient = aten_trim(reading->p, aten_xml_attribute(response, "Recipient", reading->p));
    const char *request_id = aten_trim(reading->p, aten_xml_attribute(response, "InResponseTo", reading->p));

    if (recipient && *recipient && !is_recipient(reading, recipient)) {
        return aten_cas_no(reading, ATEN_V_CAS_AUDIENCE, "its Recipient is '%s', not '%s'",
                           shown_address(reading, recipient), shown_address(reading, reading->service));
    }
    if (reading->request_id && request_id && *request_id && !aten_same(request_id, reading->request_id)) {
        return aten_cas_no(reading, ATEN_V_CAS_UNEXPECTED, "it answers another request (InResponseTo)");
    }
    return ATEN_V_OK;
}

/* Audiences of one condition are alternatives, conditions add up (core section 2.3.2.1.3). */
static aten_verdict_t check_audience(aten_cas_reading_t *reading, const xmlNode *condition)
{
    const xmlNode *node;
    const char *text = NULL;

    for (node = aten_xml_first(condition); node; node = aten_xml_next(node)) {
        if (!aten_xml_is(node, SAML_NS, "Audience")) continue;
        text = aten_trim(reading->p, aten_xml_text(node, reading->p));
        if (aten_same(text, reading->service)) return ATEN_V_OK;
    }
    return aten_cas_no(reading, ATEN_V_CAS_AUDIENCE, "its Audience is '%s', not '%s'",
                       shown_address(reading, text ? text : ""), shown_address(reading, reading->service));
}

/* xsd:dateTime; SAML wants UTC (core section 1.2.2), so a time without a zone is that. Fractions are cut off: they
 * count for nothing beside the skew. */
static int parse_instant(apr_time_t *out, const char *text, apr_pool_t *p)
{
    static const char shape[] = "0000-00-00T00:00:00";
    const apr_size_t len = sizeof(shape) - 1;
    const char *zone;
    int has_offset = 0;
    apr_size_t i;

    for (i = 0; i < len; i++) {
        if (shape[i] == '0' ? !apr_isdigit(text[i]) : text[i] != shape[i]) return 0;
    }
    zone = text + len;
    if (*zone == '.') {
        const apr_size_t digits = strspn(zone + 1, "0123456789");

        if (!digits) return 0;
        zone += 1 + digits;
    }
    return !aten_date_parse(out, &has_offset, apr_pstrcat(p, apr_pstrmemdup(p, text, len), *zone ? zone : "Z", NULL))
           && has_offset;
}

static aten_verdict_t check_instant(aten_cas_reading_t *reading, const xmlNode *conditions, const char *name)
{
    const char *text = aten_trim(reading->p, aten_xml_attribute(conditions, name, reading->p));
    const int begins = aten_same(name, "NotBefore");
    apr_time_t instant;

    if (!text && begins) return ATEN_V_OK;
    if (!text) return aten_cas_no(reading, ATEN_V_CAS_WINDOW, "NotOnOrAfter is missing");
    if (!parse_instant(&instant, text, reading->p)) {
        return aten_cas_no(reading, ATEN_V_CAS_WINDOW, "%s is not a time: '%s'", name, aten_cas_shown(reading, text));
    }
    if (begins ? instant <= reading->now + SKEW : instant > reading->now - SKEW) return ATEN_V_OK;
    return aten_cas_no(reading, ATEN_V_CAS_WINDOW, "%s is %s: are both clocks right?", name,
                       aten_cas_shown(reading, text));
}

static aten_verdict_t check_conditions(aten_cas_reading_t *reading, const xmlNode *assertion)
{
    int count;
    const xmlNode *conditions = aten_xml_child(assertion, SAML_NS, "Conditions", &count);
    const xmlNode *node;
    aten_verdict_t verdict;
    int audiences = 0;

    /* CAS always sends them: an assertion that is valid for ever and for everybody is not one of CAS. */
    if (count != 1) return aten_cas_no(reading, ATEN_V_CAS_UNEXPECTED, "Assertion has %d Conditions", count);
    verdict = check_instant(reading, conditions, "NotBefore");
    if (verdict == ATEN_V_OK) verdict = check_instant(reading, conditions, "NotOnOrAfter");
    for (node = aten_xml_first(conditions); node && verdict == ATEN_V_OK; node = aten_xml_next(node)) {
        if (aten_xml_is(node, SAML_NS, "AudienceRestrictionCondition")) {
            verdict = check_audience(reading, node);
            audiences++;
        }
        else if (!aten_xml_is(node, SAML_NS, "DoNotCacheCondition")) {
            /* Core section 2.3.2: what is not understood leaves the assertion's validity open. */
            verdict = aten_cas_no(reading, ATEN_V_CAS_UNEXPECTED, "it has a condition that is not of SAML 1.1: '%s'",
                                  aten_cas_shown(reading, (const char *)node->name));
        }
    }
    if (verdict == ATEN_V_OK && !audiences) {
        return aten_cas_no(reading, ATEN_V_CAS_AUDIENCE, "AudienceRestrictionCondition is missing");
    }
    return verdict;
}

/* --- who --- */

static aten_verdict_t read_subject(aten_cas_reading_t *reading, const xmlNode *statement)
{
    const char *before = reading->answer->user;
    const xmlNode *subject = only_child(reading, statement, SAML_NS, "Subject");
    const xmlNode *name = subject ? only_child(reading, subject, SAML_NS, "NameIdentifier") : NULL;
    aten_verdict_t verdict;

    if (!name) return ATEN_V_CAS_USER;
    verdict = aten_cas_take_user(reading, aten_xml_text(name, reading->p));
    if (verdict == ATEN_V_OK && before && !aten_same(before, reading->answer->user)) {
        return aten_cas_no(reading, ATEN_V_CAS_USER, "its statements are about different people");
    }
    return verdict;
}

static aten_verdict_t read_attribute(aten_cas_reading_t *reading, const xmlNode *attribute)
{
    const char *name = aten_xml_attribute(attribute, "AttributeName", reading->p);
    const xmlNode *node;

    for (node = aten_xml_first(attribute); node; node = aten_xml_next(node)) {
        const char *text = aten_xml_text(node, reading->p);
        aten_verdict_t verdict;

        if (!text || !aten_xml_is(node, SAML_NS, "AttributeValue")) continue;
        verdict = aten_cas_take_value(reading, name, text);
        if (verdict != ATEN_V_OK) return verdict;
    }
    return ATEN_V_OK;
}

static aten_verdict_t read_statement(aten_cas_reading_t *reading, const xmlNode *statement)
{
    aten_verdict_t verdict = read_subject(reading, statement);
    const xmlNode *node;

    for (node = aten_xml_first(statement); node && verdict == ATEN_V_OK; node = aten_xml_next(node)) {
        if (aten_xml_is(node, SAML_NS, "Attribute")) verdict = read_attribute(reading, node);
    }
    return verdict;
}

static aten_verdict_t read_assertion(aten_cas_reading_t *reading, const xmlNode *assertion)
{
    aten_verdict_t verdict = check_conditions(reading, assertion);
    const xmlNode *node;
    int authenticated = 0;

    for (node = aten_xml_first(assertion); node && verdict == ATEN_V_OK; node = aten_xml_next(node)) {
        const int says_who = aten_xml_is(node, SAML_NS, "AuthenticationStatement");

        authenticated |= says_who;
        if (says_who || aten_xml_is(node, SAML_NS, "AttributeStatement")) verdict = read_statement(reading, node);
    }
    if (verdict == ATEN_V_OK && !authenticated) {
        return aten_cas_no(reading, ATEN_V_CAS_UNEXPECTED, "Assertion has no AuthenticationStatement");
    }
    return verdict;
}

static aten_verdict_t read_response(aten_cas_reading_t *reading, const xmlNode *response)
{
    const char *version = aten_xml_attribute(response, "MajorVersion", reading->p);
    const xmlNode *assertion;
    aten_verdict_t verdict;

    if (!aten_same(version, "1")) {
        return aten_cas_no(reading, ATEN_V_CAS_UNEXPECTED, "its MajorVersion is '%s', not 1",
                           aten_cas_shown(reading, version));
    }
    verdict = read_status(reading, response);
    if (verdict == ATEN_V_OK) verdict = check_addressee(reading, response);
    if (verdict != ATEN_V_OK) return verdict;
    assertion = only_child(reading, response, SAML_NS, "Assertion");
    return assertion ? read_assertion(reading, assertion) : ATEN_V_CAS_UNEXPECTED;
}

aten_verdict_t aten_cas_saml1_read(aten_cas_reading_t *reading, xmlNode *root)
{
    const xmlNode *body, *response;

    if (!aten_xml_is(root, SOAP_NS, "Envelope")) {
        return aten_cas_no(reading, ATEN_V_CAS_UNEXPECTED, "its root is '%s', not Envelope of " SOAP_NS,
                           aten_cas_shown(reading, (const char *)root->name));
    }
    body = only_child(reading, root, SOAP_NS, "Body");
    if (!body) return ATEN_V_CAS_UNEXPECTED;
    response = aten_xml_first(body);
    if (aten_xml_is(response, SOAP_NS, "Fault")) {
        return aten_cas_no(reading, ATEN_V_CAS_REFUSED, "a SOAP fault");
    }
    if (!aten_xml_is(response, SAMLP_NS, "Response") || aten_xml_next(response)) {
        return aten_cas_no(reading, ATEN_V_CAS_UNEXPECTED, "its Body does not have one Response and nothing else");
    }
    return read_response(reading, response);
}
