#include "aten_saml_read.h"

#include <apr_strings.h>

#include "aten_util.h"
#include "aten_xml.h"

/* The assertion: for whom, when, about whom, and how the person logged in (saml-profiles 4.1.4.3). */

#define BEARER "urn:oasis:names:tc:SAML:2.0:cm:bearer"
#define AUDIENCES_SHOWN 10

aten_verdict_t aten_saml_read_head(aten_saml_reading_t *reading)
{
    const xmlNode *assertion = reading->assertion;
    aten_verdict_t verdict = aten_saml_message_root(reading, assertion, ATEN_NS_SAML, "Assertion");

    if (verdict == ATEN_V_OK) verdict = aten_saml_message_version(reading, assertion);
    if (verdict == ATEN_V_OK) verdict = aten_saml_message_id(reading, assertion, &reading->answer->assertion_id);
    return verdict == ATEN_V_OK ? aten_saml_check_issuer(reading, assertion) : verdict;
}

/* --- time --- */

static apr_int64_t seconds_between(apr_time_t from, apr_time_t to)
{
    return apr_time_sec(to - from);
}

/* saml-core 2.5.1.2: valid from NotBefore on, and no longer at NotOnOrAfter. */
aten_verdict_t aten_saml_not_past(aten_saml_reading_t *reading, const char *what, apr_time_t end)
{
    if (end > reading->expect->now - reading->expect->skew) return ATEN_V_OK;
    return aten_saml_no(reading, ATEN_V_SAML_EXPIRED, "%s was %" APR_INT64_T_FMT " seconds ago, and the clocks may be %"
                        APR_INT64_T_FMT " apart (AtenPortalClockSkew)", what,
                        seconds_between(end, reading->expect->now), apr_time_sec(reading->expect->skew));
}

aten_verdict_t aten_saml_not_future(aten_saml_reading_t *reading, aten_verdict_t verdict, const char *what,
                                    apr_time_t begin)
{
    if (begin <= reading->expect->now + reading->expect->skew) return ATEN_V_OK;
    return aten_saml_no(reading, verdict, "%s is in %" APR_INT64_T_FMT " seconds, and the clocks may be %"
                        APR_INT64_T_FMT " apart (AtenPortalClockSkew)", what,
                        seconds_between(reading->expect->now, begin), apr_time_sec(reading->expect->skew));
}

int aten_saml_read_time(aten_saml_reading_t *reading, const xmlNode *node, const char *name, apr_time_t *out)
{
    const char *text = aten_xml_attribute(node, name, reading->p);

    *out = 0;
    if (!text || aten_saml_time(text, out)) return 1;
    aten_saml_no(reading, ATEN_V_REFUSED, "%s is not a time in UTC: '%s'", name, aten_saml_shown(reading, text));
    return 0;
}

/* --- conditions --- */

static aten_verdict_t check_window(aten_saml_reading_t *reading, const xmlNode *conditions)
{
    apr_time_t begin, end;
    aten_verdict_t verdict = ATEN_V_OK;

    if (!aten_saml_read_time(reading, conditions, "NotBefore", &begin)
        || !aten_saml_read_time(reading, conditions, "NotOnOrAfter", &end)) {
        return ATEN_V_SAML_CONDITIONS;
    }
    if (begin && end && begin > end) {
        return aten_saml_no(reading, ATEN_V_SAML_CONDITIONS, "NotBefore is after NotOnOrAfter");
    }
    if (begin) verdict = aten_saml_not_future(reading, ATEN_V_SAML_NOT_YET, "NotBefore", begin);
    if (verdict == ATEN_V_OK && end) verdict = aten_saml_not_past(reading, "NotOnOrAfter of the Conditions", end);
    reading->answer->valid_until = end ? end + reading->expect->skew : 0;
    return verdict;
}

/* Audiences of one restriction are alternatives, restrictions add up (saml-core 2.5.1.4). */
static aten_verdict_t check_audience(aten_saml_reading_t *reading, const xmlNode *restriction)
{
    apr_array_header_t *came = apr_array_make(reading->p, 2, sizeof(const char *));
    const xmlNode *node;

    for (node = aten_xml_first(restriction); node; node = aten_xml_next(node)) {
        const char *text;

        if (!aten_xml_is(node, ATEN_NS_SAML, "Audience")) continue;
        text = aten_trim(reading->p, aten_xml_text(node, reading->p));
        if (aten_same(text, reading->expect->service_id)) return ATEN_V_OK;
        if (came->nelts >= AUDIENCES_SHOWN) continue;
        APR_ARRAY_PUSH(came, const char *) = apr_pstrcat(reading->p, " '", aten_saml_shown(reading, text), "'", NULL);
    }
    return aten_saml_no(reading, ATEN_V_SAML_AUDIENCE, "Audience:%s; expected: '%s' (AtenServiceEntityID)",
                        came->nelts ? apr_array_pstrcat(reading->p, came, '\0') : " none",
                        aten_saml_shown(reading, reading->expect->service_id));
}

/* What the other conditions ask for, this module does anyway: an assertion is used once, and none is issued by it. */
static int is_met(const xmlNode *condition)
{
    return aten_xml_is(condition, ATEN_NS_SAML, "OneTimeUse")
           || aten_xml_is(condition, ATEN_NS_SAML, "ProxyRestriction");
}

static aten_verdict_t check_restrictions(aten_saml_reading_t *reading, const xmlNode *conditions)
{
    const xmlNode *node;
    int restrictions = 0;

    for (node = aten_xml_first(conditions); node; node = aten_xml_next(node)) {
        if (aten_xml_is(node, ATEN_NS_SAML, "AudienceRestriction")) {
            const aten_verdict_t verdict = check_audience(reading, node);

            if (verdict != ATEN_V_OK) return verdict;
            restrictions++;
        }
        else if (!is_met(node)) {
            /* saml-core 2.5.1.1: what is not understood leaves the assertion's validity open. */
            return aten_saml_no(reading, ATEN_V_SAML_CONDITIONS, "a condition that is not known: '%s' of '%s'",
                                aten_saml_shown(reading, (const char *)node->name),
                                aten_saml_shown(reading, node->ns ? (const char *)node->ns->href : NULL));
        }
    }
    if (restrictions) return ATEN_V_OK;
    return aten_saml_no(reading, ATEN_V_SAML_AUDIENCE, "there is no AudienceRestriction; expected: '%s'",
                        aten_saml_shown(reading, reading->expect->service_id));
}

aten_verdict_t aten_saml_read_conditions(aten_saml_reading_t *reading)
{
    int count;
    const xmlNode *conditions = aten_xml_child(reading->assertion, ATEN_NS_SAML, "Conditions", &count);
    aten_verdict_t verdict;

    if (count != 1) {
        return aten_saml_no(reading, ATEN_V_SAML_CONDITIONS, "the assertion has %d Conditions, not one", count);
    }
    verdict = check_window(reading, conditions);
    return verdict == ATEN_V_OK ? check_restrictions(reading, conditions) : verdict;
}

/* --- the subject --- */

/* An attribute that is kept, if it has a value. @return 0 and why where it cannot be kept */
static int read_kept(aten_saml_reading_t *reading, const xmlNode *node, const char *name, const char **out)
{
    const char *text = aten_xml_attribute(node, name, reading->p);

    *out = text && *text ? text : NULL;
    if (!*out || aten_text_is_clean(*out, ATEN_SAML_NAMEID_BYTES_MAX)) return 1;
    aten_saml_no(reading, ATEN_V_REFUSED, "%s is longer than %d bytes or has control characters", name,
                 ATEN_SAML_NAMEID_BYTES_MAX);
    return 0;
}

static aten_verdict_t read_plain_id(aten_saml_reading_t *reading, aten_saml_subject_t *subject, const xmlNode *node)
{
    subject->name_id = aten_trim(reading->p, aten_xml_text(node, reading->p));
    if (!aten_text_is_clean(subject->name_id, ATEN_SAML_NAMEID_BYTES_MAX)) {
        return aten_saml_no(reading, ATEN_V_SAML_SUBJECT, "the NameID is empty, longer than %d bytes, or has "
                            "an element or control characters inside", ATEN_SAML_NAMEID_BYTES_MAX);
    }
    if (!read_kept(reading, node, "Format", &subject->format)
        || !read_kept(reading, node, "NameQualifier", &subject->name_qualifier)
        || !read_kept(reading, node, "SPNameQualifier", &subject->sp_name_qualifier)) {
        return ATEN_V_SAML_SUBJECT;
    }
    return ATEN_V_OK;
}

/* It stands in verified bytes, so that CBC may be used. */
static aten_verdict_t read_encrypted_id(aten_saml_reading_t *reading, aten_saml_subject_t *subject,
                                        const xmlNode *encrypted)
{
    xmlDocPtr doc;
    const xmlNode *root;
    const aten_verdict_t verdict = aten_saml_open(reading, &doc, encrypted, 1, "NameID");

    if (verdict != ATEN_V_OK) return verdict;
    root = xmlDocGetRootElement(doc);
    if (aten_xml_is(root, ATEN_NS_SAML, "NameID")) return read_plain_id(reading, subject, root);
    return aten_saml_no(reading, ATEN_V_SAML_SUBJECT, "the EncryptedID has a '%s', not a NameID",
                        aten_saml_shown(reading, (const char *)root->name));
}

int aten_saml_is_name_id(const xmlNode *node)
{
    return aten_xml_is(node, ATEN_NS_SAML, "NameID") || aten_xml_is(node, ATEN_NS_SAML, "EncryptedID");
}

aten_verdict_t aten_saml_read_name_id(aten_saml_reading_t *reading, aten_saml_subject_t *subject, const xmlNode *node)
{
    if (aten_xml_is(node, ATEN_NS_SAML, "NameID")) return read_plain_id(reading, subject, node);
    return read_encrypted_id(reading, subject, node);
}

/* Who it is: a NameID or an EncryptedID, or nobody by a name. Nothing else is taken for one. */
static aten_verdict_t read_identifier(aten_saml_reading_t *reading, const xmlNode *subject)
{
    const xmlNode *node, *id = NULL;

    for (node = aten_xml_first(subject); node; node = aten_xml_next(node)) {
        if (aten_xml_is(node, ATEN_NS_SAML, "SubjectConfirmation")) continue;
        if (!aten_saml_is_name_id(node)) {
            return aten_saml_no(reading, ATEN_V_SAML_SUBJECT, "the Subject has a '%s', which is no NameID",
                                aten_saml_shown(reading, (const char *)node->name));
        }
        if (id) return aten_saml_no(reading, ATEN_V_SAML_SUBJECT, "the Subject has more than one NameID, EncryptedID");
        id = node;
    }
    return id ? aten_saml_read_name_id(reading, &reading->answer->subject, id) : ATEN_V_OK;
}

/* @param until set to NotOnOrAfter with OK */
static aten_verdict_t check_confirmation(aten_saml_reading_t *reading, const xmlNode *confirmation,
                                         const xmlNode **data, apr_time_t *until)
{
    const char *recipient;
    int count;

    *data = aten_xml_child(confirmation, ATEN_NS_SAML, "SubjectConfirmationData", &count);
    if (count != 1) {
        return aten_saml_no(reading, ATEN_V_SAML_CONFIRMATION, "a bearer confirmation has %d SubjectConfirmationData, "
                            "not one", count);
    }
    recipient = aten_xml_attribute(*data, "Recipient", reading->p);
    if (!aten_same(recipient, reading->expect->acs)) {
        return aten_saml_no(reading, ATEN_V_SAML_CONFIRMATION, "Recipient is '%s', not '%s'",
                            aten_saml_shown(reading, recipient), aten_saml_shown(reading, reading->expect->acs));
    }
    if (aten_xml_attribute(*data, "NotBefore", reading->p)) {
        return aten_saml_no(reading, ATEN_V_SAML_CONFIRMATION, "the bearer confirmation has a NotBefore, which it must "
                            "not (saml-profiles 4.1.4.2)");
    }
    if (!aten_saml_read_time(reading, *data, "NotOnOrAfter", until)) return ATEN_V_SAML_CONFIRMATION;
    if (!*until) {
        return aten_saml_no(reading, ATEN_V_SAML_CONFIRMATION, "the bearer confirmation has no NotOnOrAfter");
    }
    return aten_saml_not_past(reading, "NotOnOrAfter of the confirmation", *until);
}

/* What is remembered of the confirmations that hold. */
typedef struct {
    int holding;
    apr_time_t until;           /* the latest */
    const char *in_response_to; /* of each of them */
} confirmed_t;

static aten_verdict_t take_confirmation(aten_saml_reading_t *reading, confirmed_t *confirmed, const xmlNode *data,
                                        apr_time_t until)
{
    const char *in_response_to = aten_xml_attribute(data, "InResponseTo", reading->p);

    if (confirmed->holding++ && !aten_same(in_response_to, confirmed->in_response_to)
        && (in_response_to || confirmed->in_response_to)) {
        return aten_saml_no(reading, ATEN_V_SAML_IN_RESPONSE_TO, "two bearer confirmations of the assertion have two "
                            "InResponseTo");
    }
    confirmed->in_response_to = in_response_to;
    if (until > confirmed->until) confirmed->until = until;
    return ATEN_V_OK;
}

/* One that holds is enough; of those that don't, the first says why, but that it came too late says more: then the
 * same again would be right. */
static aten_verdict_t read_confirmations(aten_saml_reading_t *reading, const xmlNode *subject, confirmed_t *confirmed)
{
    aten_verdict_t refusal = ATEN_V_OK, verdict;
    const char *why = NULL;
    const xmlNode *node, *data;
    apr_time_t until;

    for (node = aten_xml_first(subject); node; node = aten_xml_next(node)) {
        if (!aten_xml_is(node, ATEN_NS_SAML, "SubjectConfirmation")) continue;
        if (!aten_same(aten_xml_attribute(node, "Method", reading->p), BEARER)) continue;
        verdict = check_confirmation(reading, node, &data, &until);
        if (verdict == ATEN_V_OK) {
            verdict = take_confirmation(reading, confirmed, data, until);
            if (verdict != ATEN_V_OK) return verdict;
        }
        else if (refusal == ATEN_V_OK || (refusal != ATEN_V_SAML_EXPIRED && verdict == ATEN_V_SAML_EXPIRED)) {
            refusal = verdict;
            why = reading->why;
        }
    }
    if (confirmed->holding) return ATEN_V_OK;
    if (refusal != ATEN_V_OK) return aten_saml_no(reading, refusal, "%s", why);
    return aten_saml_no(reading, ATEN_V_SAML_CONFIRMATION, "the Subject has no SubjectConfirmation of the Method "
                        BEARER);
}

aten_verdict_t aten_saml_read_subject(aten_saml_reading_t *reading)
{
    int count;
    const xmlNode *subject = aten_xml_child(reading->assertion, ATEN_NS_SAML, "Subject", &count);
    aten_saml_answer_t *answer = reading->answer;
    confirmed_t confirmed = {0};
    aten_verdict_t verdict;

    if (count != 1) return aten_saml_no(reading, ATEN_V_SAML_SUBJECT, "the assertion has %d Subject, not one", count);
    verdict = read_identifier(reading, subject);
    if (verdict == ATEN_V_OK) verdict = read_confirmations(reading, subject, &confirmed);
    if (verdict != ATEN_V_OK) return verdict;
    answer->in_response_to = confirmed.in_response_to;
    confirmed.until += reading->expect->skew;
    if (!answer->valid_until || confirmed.until < answer->valid_until) answer->valid_until = confirmed.until;
    /* So long it would have to be remembered as used, and a portal could fill the store for all others. */
    if (answer->valid_until > reading->expect->now + ATEN_SAML_VALIDITY_MAX) {
        return aten_saml_no(reading, ATEN_V_SAML_CONDITIONS, "the assertion is valid for %" APR_INT64_T_FMT " seconds "
                            "more, and %" APR_INT64_T_FMT " at most are taken",
                            seconds_between(reading->expect->now, answer->valid_until),
                            apr_time_sec(ATEN_SAML_VALIDITY_MAX));
    }
    return ATEN_V_OK;
}

/* --- how the person logged in --- */

static aten_verdict_t read_context(aten_saml_reading_t *reading, const xmlNode *statement)
{
    int contexts, classes;
    const xmlNode *context = aten_xml_child(statement, ATEN_NS_SAML, "AuthnContext", &contexts);
    const xmlNode *class = aten_xml_child(context, ATEN_NS_SAML, "AuthnContextClassRef", &classes);
    const char *text;

    if (contexts > 1 || classes > 1) {
        return aten_saml_no(reading, ATEN_V_SAML_AUTHN, "the AuthnStatement has more than one AuthnContextClassRef");
    }
    if (!class) return ATEN_V_OK;
    text = aten_trim(reading->p, aten_xml_text(class, reading->p));
    if (!text || (*text && !aten_text_is_clean(text, ATEN_SAML_NAMEID_BYTES_MAX))) {
        return aten_saml_no(reading, ATEN_V_SAML_AUTHN, "AuthnContextClassRef is longer than %d bytes, or has an "
                            "element or control characters inside", ATEN_SAML_NAMEID_BYTES_MAX);
    }
    reading->answer->subject.authn_context = *text ? text : NULL;
    return ATEN_V_OK;
}

aten_verdict_t aten_saml_read_authn(aten_saml_reading_t *reading)
{
    const xmlNode *statement = aten_xml_child(reading->assertion, ATEN_NS_SAML, "AuthnStatement", NULL);
    aten_saml_answer_t *answer = reading->answer;
    aten_verdict_t verdict;

    if (!statement) return aten_saml_no(reading, ATEN_V_SAML_AUTHN, "the assertion has no AuthnStatement");
    if (!aten_saml_read_time(reading, statement, "AuthnInstant", &answer->authn_instant)
        || !aten_saml_read_time(reading, statement, "SessionNotOnOrAfter", &answer->session_end)
        || !read_kept(reading, statement, "SessionIndex", &answer->subject.session_index)) {
        return ATEN_V_SAML_AUTHN;
    }
    if (!answer->authn_instant) {
        return aten_saml_no(reading, ATEN_V_SAML_AUTHN, "the AuthnStatement has no AuthnInstant");
    }
    verdict = aten_saml_not_future(reading, ATEN_V_SAML_AUTHN, "AuthnInstant", answer->authn_instant);
    if (verdict != ATEN_V_OK) return verdict;
    /* Without skew: it ends our session too, which would be over before it began. */
    if (answer->session_end && answer->session_end <= reading->expect->now) {
        return aten_saml_no(reading, ATEN_V_SAML_EXPIRED, "SessionNotOnOrAfter was %" APR_INT64_T_FMT " seconds ago: "
                            "the portal's own session is over",
                            seconds_between(answer->session_end, reading->expect->now));
    }
    answer->subject.authn_instant = answer->authn_instant;
    return read_context(reading, statement);
}
