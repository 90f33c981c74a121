/* `to`, query strings, the state parameter, Accept-Language. What passes as `to` stays on this host. */
#include <string.h>

#include "aten_page.h"
#include "aten_pending.h"
#include "aten_url.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    static const char *const wanted[] = {"to", "ticket", "state", NULL};
    apr_pool_t *p = fuzz_pool();
    const char *text = fuzz_text(data, size, p), *which = NULL, *to;
    apr_table_t *params = NULL;
    aten_state_t state;

    to = aten_return_path(text, "/aten", p);
    if (to) {
        fuzz_require(to[0] == '/' && to[1] != '/' && to[1] != '\\' && strlen(to) <= ATEN_TO_MAX);
        fuzz_require(!strpbrk(to, "\r\n\t\\ ") || strchr(to, '?'));
        fuzz_require(!aten_path_of(to, "/aten"));
    }
    aten_params(&params, text, wanted, &which, p);
    aten_pending_state_parse(&state, text, p);
    aten_page_language(text);
    apr_pool_clear(p);
    return 0;
}
