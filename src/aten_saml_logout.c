#include "aten_saml_logout.h"

#include <apr_strings.h>

#include "aten_saml_read.h"
#include "aten_saml_redirect.h"
#include "aten_saml_verify.h"
#include "aten_util.h"
#include "aten_xml.h"

/* A portal's LogoutRequest and LogoutResponse, by whichever binding they come (saml-core 3.7, saml-profiles 4.4.4). */

#define STATUS "urn:oasis:names:tc:SAML:2.0:status:"
#define SUCCESS STATUS "Success"
#define REQUESTER STATUS "Requester"
#define RESPONDER STATUS "Responder"
#define PARTIAL STATUS "PartialLogout"

/* One message while it is read. root is what may be believed only once the signature holds. */
typedef struct {
    aten_saml_reading_t reading;
    aten_saml_logout_message_t *message;
    const xmlNode *root;
    const char *address;
} logout_t;

/* --- the form --- */

/* What is not known is refused, and with it a name in the wrong namespace: a SessionIndex that nobody sees would be a
 * request to end all sessions. */
static int is_known(const xmlNode *node, int is_response)
{
    if (aten_xml_is(node, ATEN_NS_SAML, "Issuer") || aten_xml_is(node, ATEN_NS_DS, "Signature")
        || aten_xml_is(node, ATEN_NS_SAMLP, "Extensions")) {
        return 1;
    }
    if (is_response) return aten_xml_is(node, ATEN_NS_SAMLP, "Status");
    return aten_saml_is_name_id(node) || aten_xml_is(node, ATEN_NS_SAML, "BaseID")
           || aten_xml_is(node, ATEN_NS_SAMLP, "SessionIndex");
}

static aten_verdict_t check_children(aten_saml_reading_t *reading, const xmlNode *root, int is_response)
{
    const xmlNode *node;

    for (node = aten_xml_first(root); node; node = aten_xml_next(node)) {
        if (is_known(node, is_response)) continue;
        return aten_saml_no(reading, ATEN_V_SAML_MALFORMED, "the %s has a '%s' of the namespace '%s', which belongs to "
                            "none", (const char *)root->name, aten_saml_shown(reading, (const char *)node->name),
                            aten_saml_shown(reading, node->ns ? (const char *)node->ns->href : NULL));
    }
    return ATEN_V_OK;
}

/* Asks nothing of what the values say. */
static aten_verdict_t check_form(logout_t *logout, xmlDocPtr doc)
{
    aten_saml_reading_t *reading = &logout->reading;
    const int is_response = logout->message->is_response;
    const xmlNode *root = xmlDocGetRootElement(doc);
    aten_verdict_t verdict = aten_saml_message_root(reading, root, ATEN_NS_SAMLP,
                                                    is_response ? "LogoutResponse" : "LogoutRequest");

    logout->root = root;
    if (verdict == ATEN_V_OK) verdict = aten_saml_message_version(reading, root);
    if (verdict == ATEN_V_OK) verdict = aten_saml_message_ids(reading, root);
    if (verdict == ATEN_V_OK) verdict = aten_saml_message_id(reading, root, &logout->message->id);
    if (verdict == ATEN_V_OK) verdict = aten_saml_message_only(reading, root, ATEN_NS_SAML, "Issuer");
    if (verdict == ATEN_V_OK) verdict = check_children(reading, root, is_response);
    if (verdict == ATEN_V_OK && is_response) verdict = aten_saml_message_status(reading, root);
    return verdict == ATEN_V_OK ? aten_saml_message_signatures(reading, root, NULL) : verdict;
}

/* --- what both say --- */

/* saml-bindings 3.4.5.2, 3.5.5.2: a signed message has a Destination, or whoever gets it could send it on. */
static aten_verdict_t check_destination(logout_t *logout)
{
    aten_saml_reading_t *reading = &logout->reading;
    const char *destination = aten_xml_attribute(logout->root, "Destination", reading->p);

    if (aten_same(destination, logout->address)) return ATEN_V_OK;
    return aten_saml_no(reading, ATEN_V_SAML_DESTINATION, "Destination is '%s', not '%s'",
                        aten_saml_shown(reading, destination), aten_saml_shown(reading, logout->address));
}

static aten_verdict_t read_issued(logout_t *logout, apr_time_t *issued)
{
    aten_saml_reading_t *reading = &logout->reading;

    if (!aten_saml_read_time(reading, logout->root, "IssueInstant", issued)) return ATEN_V_SAML_MALFORMED;
    if (!*issued) return aten_saml_no(reading, ATEN_V_SAML_MALFORMED, "the message has no IssueInstant");
    return aten_saml_not_future(reading, ATEN_V_SAML_NOT_YET, "IssueInstant", *issued);
}

/* --- a request --- */

/* An ID is remembered as used until the request could not be taken any more; so that has an end, and a near one. */
static aten_verdict_t check_age(logout_t *logout, apr_time_t issued)
{
    aten_saml_reading_t *reading = &logout->reading;
    apr_time_t until = issued + ATEN_SAML_LOGOUT_AGE_MAX, end;
    const char *what = apr_psprintf(reading->p, "the end of the %" APR_INT64_T_FMT " seconds after IssueInstant",
                                    apr_time_sec(ATEN_SAML_LOGOUT_AGE_MAX));
    aten_verdict_t verdict = aten_saml_not_past(reading, what, until);

    if (verdict != ATEN_V_OK) return verdict;
    if (!aten_saml_read_time(reading, logout->root, "NotOnOrAfter", &end)) return ATEN_V_SAML_MALFORMED;
    if (end) verdict = aten_saml_not_past(reading, "NotOnOrAfter", end);
    if (end && end < until) until = end;
    logout->message->valid_until = until + reading->expect->skew;
    return verdict;
}

static aten_verdict_t read_person(logout_t *logout)
{
    aten_saml_reading_t *reading = &logout->reading;
    aten_saml_subject_t subject = {0};
    const xmlNode *node, *id = NULL;
    int count = 0;
    aten_verdict_t verdict;

    for (node = aten_xml_first(logout->root); node; node = aten_xml_next(node)) {
        if (!aten_saml_is_name_id(node) && !aten_xml_is(node, ATEN_NS_SAML, "BaseID")) continue;
        id = node;
        count++;
    }
    if (count != 1 || aten_xml_is(id, ATEN_NS_SAML, "BaseID")) {
        return aten_saml_no(reading, ATEN_V_SAML_SUBJECT, "the request has %d NameID, EncryptedID and BaseID; one of "
                            "the former two is taken", count);
    }
    verdict = aten_saml_read_name_id(reading, &subject, id);
    logout->message->name_id = subject.name_id;
    return verdict;
}

/* An empty one is not passed over: without any, all sessions are meant. */
static aten_verdict_t read_indexes(logout_t *logout)
{
    aten_saml_reading_t *reading = &logout->reading;
    apr_array_header_t *indexes = apr_array_make(reading->p, 2, sizeof(const char *));
    const xmlNode *node;

    for (node = aten_xml_first(logout->root); node; node = aten_xml_next(node)) {
        const char *index;

        if (!aten_xml_is(node, ATEN_NS_SAMLP, "SessionIndex")) continue;
        index = aten_trim(reading->p, aten_xml_text(node, reading->p));
        if (!aten_text_is_clean(index, ATEN_SAML_NAMEID_BYTES_MAX)) {
            return aten_saml_no(reading, ATEN_V_SAML_SUBJECT, "a SessionIndex is empty, longer than %d bytes, or has "
                                "an element or control characters inside", ATEN_SAML_NAMEID_BYTES_MAX);
        }
        if (indexes->nelts >= ATEN_SAML_LOGOUT_INDEXES_MAX) {
            return aten_saml_no(reading, ATEN_V_SAML_SUBJECT, "the request has more than %d SessionIndex",
                                ATEN_SAML_LOGOUT_INDEXES_MAX);
        }
        APR_ARRAY_PUSH(indexes, const char *) = index;
    }
    logout->message->session_indexes = indexes;
    return ATEN_V_OK;
}

static aten_verdict_t read_request(logout_t *logout, apr_time_t issued)
{
    aten_verdict_t verdict = check_age(logout, issued);

    if (verdict == ATEN_V_OK) verdict = read_person(logout);
    return verdict == ATEN_V_OK ? read_indexes(logout) : verdict;
}

/* --- a response --- */

/* saml-core 3.2.2.2: PartialLogout is a second-level code, and its place is below Responder; some portals have it below
 * Success. */
static aten_logout_t outcome_of(const char *outer, const char *inner)
{
    const int is_success = aten_same(outer, SUCCESS);

    if (aten_same(inner, PARTIAL) && (is_success || aten_same(outer, RESPONDER) || aten_same(outer, REQUESTER))) {
        return ATEN_LOGOUT_PARTIAL;
    }
    return is_success ? ATEN_LOGOUT_DONE : ATEN_LOGOUT_FAILED;
}

static aten_verdict_t read_response(logout_t *logout)
{
    aten_saml_reading_t *reading = &logout->reading;
    aten_saml_logout_message_t *message = logout->message;
    const xmlNode *status = aten_xml_child(logout->root, ATEN_NS_SAMLP, "Status", NULL);
    const xmlNode *code = aten_xml_child(status, ATEN_NS_SAMLP, "StatusCode", NULL);
    const char *outer = aten_xml_attribute(code, "Value", reading->p);
    const char *inner = aten_xml_attribute(aten_xml_child(code, ATEN_NS_SAMLP, "StatusCode", NULL), "Value",
                                           reading->p);

    message->in_response_to = aten_xml_attribute(logout->root, "InResponseTo", reading->p);
    if (!aten_text_is_clean(message->in_response_to, ATEN_SAML_ID_BYTES_MAX)) {
        return aten_saml_no(reading, ATEN_V_SAML_IN_RESPONSE_TO, "InResponseTo is missing, empty, longer than %d "
                            "bytes, or has control characters", ATEN_SAML_ID_BYTES_MAX);
    }
    message->outcome = outcome_of(outer, inner);
    message->status = apr_pstrcat(reading->p, "StatusCode '", aten_saml_shown(reading, outer), "', in it '",
                                  aten_saml_shown(reading, inner), "'", NULL);
    return ATEN_V_OK;
}

/* --- bindings --- */

static aten_verdict_t judge(logout_t *logout)
{
    apr_time_t issued;
    aten_verdict_t verdict = aten_saml_check_issuer(&logout->reading, logout->root);

    if (verdict == ATEN_V_OK) verdict = check_destination(logout);
    if (verdict == ATEN_V_OK) verdict = read_issued(logout, &issued);
    if (verdict != ATEN_V_OK) return verdict;
    return logout->message->is_response ? read_response(logout) : read_request(logout, issued);
}

/* saml-bindings 3.4.4.1: a signature in the message was to be removed before it was signed as an address. */
static aten_verdict_t trust_redirect(logout_t *logout, const aten_saml_redirect_t *came)
{
    aten_saml_reading_t *reading = &logout->reading;
    const char *why = NULL;
    aten_verdict_t verdict;

    if (aten_saml_signature(logout->root, NULL)) {
        return aten_saml_no(reading, ATEN_V_SAML_SIGNATURE_FORM, "there is a ds:Signature in a message by "
                            "HTTP-Redirect, which is signed by the address alone");
    }
    verdict = aten_saml_redirect_verify(came, reading->entity->keys, &why, reading->p);
    if (verdict == ATEN_V_OK) return verdict;
    return aten_saml_no(reading, verdict, "signature of the %s: %s", (const char *)logout->root->name,
                        why ? why : "it does not hold");
}

/* From here on only what was digested is there. The tree that came in is freed with came. */
static aten_verdict_t trust_post(logout_t *logout, xmlDocPtr doc, apr_pool_t *came)
{
    aten_saml_reading_t *reading = &logout->reading;
    xmlDocPtr digested;
    aten_verdict_t verdict;

    if (!aten_saml_signature(logout->root, NULL)) {
        return aten_saml_no(reading, ATEN_V_SAML_UNSIGNED, "there is no ds:Signature in the %s",
                            (const char *)logout->root->name);
    }
    verdict = aten_saml_verified(reading, &digested, xmlDocGetRootElement(doc));
    logout->root = NULL;
    apr_pool_destroy(came);
    return verdict == ATEN_V_OK ? check_form(logout, digested) : verdict;
}

static void begin(logout_t *logout, aten_saml_expect_t *rules, const aten_saml_logout_expect_t *expect, apr_pool_t *p)
{
    *rules = (aten_saml_expect_t){.portals = expect->portals, .metadata = expect->metadata, .keys = expect->keys,
                                  .acs = expect->address, .skew = expect->skew, .now = expect->now};
    *logout = (logout_t){.reading = {.expect = rules, .p = p}, .address = expect->address,
                         .message = apr_pcalloc(p, sizeof(aten_saml_logout_message_t))};
}

/* @return verdict */
static aten_verdict_t end(aten_saml_logout_message_t **out, logout_t *logout, aten_verdict_t verdict, const char **why)
{
    if (verdict != ATEN_V_OK) {
        *why = logout->reading.why;
        return verdict;
    }
    logout->message->portal = logout->reading.portal;
    logout->message->entity = logout->reading.entity;
    *out = logout->message;
    return verdict;
}

aten_verdict_t aten_saml_logout_read_redirect(aten_saml_logout_message_t **out, const aten_saml_logout_expect_t *expect,
                                              const char *query, const aten_portal_t **portal, const char **why,
                                              apr_pool_t *p)
{
    aten_saml_redirect_t came;
    aten_saml_expect_t rules;
    logout_t logout;
    xmlDocPtr doc;
    aten_verdict_t verdict;

    *out = NULL;
    *why = NULL;
    if (portal) *portal = NULL;
    begin(&logout, &rules, expect, p);
    verdict = aten_saml_redirect_read(&came, query, &logout.reading.why, p);
    logout.message->is_response = came.is_response;
    logout.message->relay_state = came.relay_state;
    if (verdict == ATEN_V_OK) {
        verdict = aten_saml_parse(&logout.reading, &doc, came.message, came.len, "message", p);
    }
    if (verdict == ATEN_V_OK) verdict = check_form(&logout, doc);
    if (verdict == ATEN_V_OK) verdict = aten_saml_believe(&logout.reading, logout.root, portal);
    if (verdict == ATEN_V_OK) verdict = trust_redirect(&logout, &came);
    if (verdict == ATEN_V_OK) verdict = judge(&logout);
    return end(out, &logout, verdict, why);
}

static aten_verdict_t decode(logout_t *logout, const char *base64, const char **text, apr_size_t *len)
{
    const aten_verdict_t verdict = aten_saml_response_decode(base64, text, len, logout->reading.p);

    if (verdict == ATEN_V_OK) return verdict;
    return aten_saml_no(&logout->reading, verdict, "%s is empty, too long, or not base64",
                        logout->message->is_response ? "SAMLResponse" : "SAMLRequest");
}

static aten_verdict_t check_relay_state(logout_t *logout, const char *relay_state)
{
    if (!relay_state || !*relay_state) return ATEN_V_OK;
    logout->message->relay_state = relay_state;
    if (aten_text_is_clean(relay_state, ATEN_SAML_FOREIGN_RELAY_STATE_MAX)) return ATEN_V_OK;
    return aten_saml_no(&logout->reading, ATEN_V_PARAM_MALFORMED, "RelayState has more than %d bytes, or control "
                        "characters", ATEN_SAML_FOREIGN_RELAY_STATE_MAX);
}

aten_verdict_t aten_saml_logout_read_post(aten_saml_logout_message_t **out, const aten_saml_logout_expect_t *expect,
                                          const char *base64, int is_response, const char *relay_state,
                                          const aten_portal_t **portal, const char **why, apr_pool_t *p)
{
    aten_saml_expect_t rules;
    logout_t logout;
    xmlDocPtr doc;
    const char *text;
    apr_size_t len;
    apr_pool_t *came;
    aten_verdict_t verdict;

    *out = NULL;
    *why = "no memory";
    if (portal) *portal = NULL;
    if (apr_pool_create(&came, p) != APR_SUCCESS) return ATEN_V_INTERNAL;
    *why = NULL;
    begin(&logout, &rules, expect, p);
    logout.message->is_response = is_response;
    verdict = check_relay_state(&logout, relay_state);
    if (verdict == ATEN_V_OK) verdict = decode(&logout, base64, &text, &len);
    if (verdict == ATEN_V_OK) verdict = aten_saml_parse(&logout.reading, &doc, text, len, "message", came);
    if (verdict == ATEN_V_OK) verdict = check_form(&logout, doc);
    if (verdict == ATEN_V_OK) verdict = aten_saml_believe(&logout.reading, logout.root, portal);
    if (verdict == ATEN_V_OK) verdict = trust_post(&logout, doc, came);
    if (verdict == ATEN_V_OK) verdict = judge(&logout);
    return end(out, &logout, verdict, why);
}
