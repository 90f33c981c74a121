#include "aten_session_variables.h"

#include "aten_identity_aten.h"

apr_table_t *aten_session_variables(const aten_session_t *session, const apr_array_header_t *open,
                                    const aten_cas_fields_t *fields, const char **clashes, apr_pool_t *p)
{
    if (session->backend == ATEN_BACKEND_ATEN) {
        return aten_identity_aten_variables(&session->identity, session->profile, clashes, p);
    }
    return aten_identity_variables(&session->identity, session->profile, open, fields, clashes, p);
}
