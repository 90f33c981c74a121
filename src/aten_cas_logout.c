#include "aten_cas_logout.h"

#include "aten_cas_read.h"
#include "aten_util.h"
#include "aten_xml.h"

#define SAMLP_NS "urn:oasis:names:tc:SAML:2.0:protocol"

/* Never a text of the message: it might be the ticket. */
static aten_verdict_t read_request(aten_cas_reading_t *reading, const xmlNode *root, const char **ticket)
{
    const xmlNode *index;
    const char *text;
    int count;

    if (!aten_xml_is(root, SAMLP_NS, "LogoutRequest")) {
        return aten_cas_no(reading, ATEN_V_CAS_LOGOUT, "its root is '%s' of the namespace '%s', not LogoutRequest of "
                           SAMLP_NS, aten_cas_shown(reading, (const char *)root->name),
                           aten_cas_shown(reading, root->ns ? (const char *)root->ns->href : ""));
    }
    index = aten_xml_child(root, SAMLP_NS, "SessionIndex", &count);
    if (count != 1) return aten_cas_no(reading, ATEN_V_CAS_LOGOUT, "it has %d samlp:SessionIndex, not one", count);
    text = aten_trim(reading->p, aten_xml_text(index, reading->p));
    if (!text) return aten_cas_no(reading, ATEN_V_CAS_LOGOUT, "its samlp:SessionIndex has elements inside");
    if (aten_cas_ticket_check(text) != ATEN_V_OK) {
        return aten_cas_no(reading, ATEN_V_TICKET_MALFORMED, "its samlp:SessionIndex is not 1 to %d characters of "
                           "A-Z, a-z, 0-9, '.', '_' and '-'", ATEN_TICKET_MAX);
    }
    *ticket = text;
    return ATEN_V_OK;
}

aten_verdict_t aten_cas_logout_read(const char **ticket, const char *text, apr_size_t len, const char **why,
                                    apr_pool_t *p)
{
    aten_cas_reading_t reading = {.p = p};
    aten_verdict_t verdict;
    xmlDocPtr doc;

    *ticket = NULL;
    *why = NULL;
    verdict = aten_xml_parse_large(&doc, text, len, ATEN_CAS_LOGOUT_BYTES_MAX, p);
    if (verdict == ATEN_V_OK) verdict = read_request(&reading, xmlDocGetRootElement(doc), ticket);
    else aten_cas_no(&reading, verdict, "logoutRequest has %" APR_SIZE_T_FMT " bytes", len);
    if (verdict != ATEN_V_OK) *why = reading.why;
    return verdict;
}
