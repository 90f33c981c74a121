/* CAS answers, each protocol: the first byte chooses it. */
#include <apr_general.h>
#include <apr_time.h>

#include "aten_cas.h"
#include "aten_util.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    static const aten_cas_protocol_t protocols[] = {ATEN_CAS_3, ATEN_CAS_2, ATEN_CAS_1, ATEN_CAS_SAML11};
    apr_pool_t *p = fuzz_pool();
    aten_cas_answer_t *answer = NULL;
    const char *why = NULL;
    aten_verdict_t verdict;

    if (!size) return 0;
    verdict = aten_cas_read(protocols[data[0] % 4], "https://ent.example/aten/cas?state=x",
                            fuzz_text(data + 1, size - 1, p), size - 1, apr_time_from_sec(1472716800), &answer, &why, p);
    fuzz_require(verdict != ATEN_V_REFUSED);
    if (verdict == ATEN_V_OK) fuzz_require(aten_text_is_clean(answer->user, ATEN_USER_MAX));
    else fuzz_require(why != NULL);
    apr_pool_clear(p);
    return 0;
}
