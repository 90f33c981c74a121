/* The variables of a session, whichever way the person came. */
#ifndef ATEN_SESSION_VARIABLES_H
#define ATEN_SESSION_VARIABLES_H

#include <apr_tables.h>

#include "aten_identity.h"
#include "aten_session.h"

/** aten_identity_variables for a session by CAS, aten_identity_aten_variables for one by a portal.
 *  @param open    the populations that the cut-off left open here (aten_population_t *): of no effect for a portal's
 *  @param fields  likewise
 *  @param clashes as these functions have it */
apr_table_t *aten_session_variables(const aten_session_t *session, const apr_array_header_t *open,
                                    const aten_cas_fields_t *fields, const char **clashes, apr_pool_t *p);

#endif
