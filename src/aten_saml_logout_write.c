#include "aten_saml_logout.h"

#include <apr_strings.h>

#include "aten_saml_request.h"
#include "aten_saml_write.h"

/* What we say to a portal of a logout. The order of elements is the schema's (saml-core 3.2.1, 3.2.2, 3.7). */

#define STATUS "urn:oasis:names:tc:SAML:2.0:status:"
#define ID_START "l" /* of one letter */

char *aten_saml_logout_id(const char *nonce, apr_pool_t *p)
{
    return apr_pstrcat(p, ID_START, nonce, NULL);
}

const char *aten_saml_logout_nonce(const char *id, apr_pool_t *p)
{
    return aten_saml_id_nonce(id, ID_START, p);
}

/* The root, which stays open for attributes. */
static void open_message(aten_saml_writer_t *to, const char *name, const char *id, const char *destination,
                         apr_time_t now)
{
    aten_saml_write_open(to, name);
    aten_saml_write_attribute(to, "xmlns:samlp", ATEN_NS_SAMLP);
    aten_saml_write_attribute(to, "xmlns:saml", ATEN_NS_SAML);
    aten_saml_write_attribute(to, "ID", id);
    aten_saml_write_attribute(to, "Version", "2.0");
    aten_saml_write_time(to, "IssueInstant", now);
    aten_saml_write_attribute(to, "Destination", destination);
}

static void write_issuer(aten_saml_writer_t *to, const char *service_id)
{
    aten_saml_write_open(to, "saml:Issuer");
    aten_saml_write_text(to, service_id);
    aten_saml_write_close(to);
}

static void write_optional(aten_saml_writer_t *to, const char *name, const char *value)
{
    if (value) aten_saml_write_attribute(to, name, value);
}

/* With the qualifiers that the portal gave: a name is the same only with them (saml-core 3.7.3.2). */
static void write_name_id(aten_saml_writer_t *to, const aten_saml_subject_t *subject)
{
    aten_saml_write_open(to, "saml:NameID");
    write_optional(to, "NameQualifier", subject->name_qualifier);
    write_optional(to, "SPNameQualifier", subject->sp_name_qualifier);
    write_optional(to, "Format", subject->format);
    aten_saml_write_text(to, subject->name_id);
    aten_saml_write_close(to);
}

char *aten_saml_logout_request(const aten_saml_logout_request_t *request, apr_pool_t *p)
{
    const aten_saml_subject_t *subject = request->subject;
    aten_saml_writer_t *to;

    if (!subject || !subject->name_id) return NULL;
    to = aten_saml_write(0, p);
    open_message(to, "samlp:LogoutRequest", request->id, request->destination, request->now);
    aten_saml_write_time(to, "NotOnOrAfter", request->now + ATEN_SAML_LOGOUT_AGE_MAX);
    write_issuer(to, request->service_id);
    write_name_id(to, subject);
    if (subject->session_index) {
        aten_saml_write_open(to, "samlp:SessionIndex");
        aten_saml_write_text(to, subject->session_index);
        aten_saml_write_close(to);
    }
    return aten_saml_write_end(to, p);
}

/* saml-core 3.2.2.2: PartialLogout is a second-level code. */
static void write_status(aten_saml_writer_t *to, aten_logout_t outcome)
{
    aten_saml_write_open(to, "samlp:Status");
    aten_saml_write_open(to, "samlp:StatusCode");
    aten_saml_write_attribute(to, "Value", outcome == ATEN_LOGOUT_DONE ? STATUS "Success" : STATUS "Responder");
    if (outcome == ATEN_LOGOUT_PARTIAL) {
        aten_saml_write_open(to, "samlp:StatusCode");
        aten_saml_write_attribute(to, "Value", STATUS "PartialLogout");
        aten_saml_write_close(to);
    }
    aten_saml_write_close(to);
    aten_saml_write_close(to);
}

char *aten_saml_logout_response(const aten_saml_logout_response_t *response, apr_pool_t *p)
{
    aten_saml_writer_t *to = aten_saml_write(0, p);

    open_message(to, "samlp:LogoutResponse", response->id, response->destination, response->now);
    aten_saml_write_attribute(to, "InResponseTo", response->in_response_to);
    write_issuer(to, response->service_id);
    write_status(to, response->outcome);
    return aten_saml_write_end(to, p);
}
