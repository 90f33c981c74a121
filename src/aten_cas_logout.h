/* CAS single logout (CAS protocol 3.0 specification, section 2.3.3): the server's back channel POSTs
 * logoutRequest=<samlp:LogoutRequest>...<samlp:SessionIndex>TICKET</samlp:SessionIndex> to the service's address.
 * Anybody can send one; all that counts in it is the ticket. */
#ifndef ATEN_CAS_LOGOUT_H
#define ATEN_CAS_LOGOUT_H

#include <apr_pools.h>

#include "aten_verdict.h"

#define ATEN_CAS_LOGOUT_BYTES_MAX (16 * 1024) /* of the request's body */

/** Read the form parameter's value: a samlp:LogoutRequest (namespace of SAML 2.0's protocol) with exactly one
 *  samlp:SessionIndex, a direct child, whose text (trimmed) is a CAS ticket (aten_cas_ticket_check). Whatever else
 *  stands in it (NameID, ID, IssueInstant, an extension) is passed over; servers differ in it.
 *  @param why for the log, escaped, without the ticket
 *  @return OK and *ticket set; XML_*, CAS_LOGOUT (not of that form) or TICKET_MALFORMED */
aten_verdict_t aten_cas_logout_read(const char **ticket, const char *text, apr_size_t len, const char **why,
                                    apr_pool_t *p);

#endif
