/* A CAS logoutRequest: what is taken is a ticket, and what is refused says why without one. */
#include <string.h>

#include "aten_cas.h"
#include "aten_cas_logout.h"
#include "aten_util.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    const char *ticket = NULL, *why = NULL;
    const aten_verdict_t verdict = aten_cas_logout_read(&ticket, fuzz_text(data, size, p), size, &why, p);

    fuzz_require(verdict != ATEN_V_REFUSED && verdict != ATEN_V_INTERNAL);
    if (verdict == ATEN_V_OK) {
        fuzz_require(aten_cas_ticket_check(ticket) == ATEN_V_OK && !why && size <= ATEN_CAS_LOGOUT_BYTES_MAX);
        fuzz_require(strlen(ticket) <= size);
    }
    else {
        fuzz_require(!ticket && why && aten_text_is_clean(why, 1000));
    }
    apr_pool_clear(p);
    return 0;
}
