/* What an administrator may write: words separated by line ends go to each parser of a directive. */
#include <apr_strings.h>

#include "aten_cutoff.h"
#include "aten_date.h"
#include "aten_identity.h"
#include "aten_profile.h"
#include "aten_url.h"
#include "fuzz.h"

#define WORDS_MAX 16

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    char *rest = apr_pstrdup(p, fuzz_text(data, size, p)), *argv[WORDS_MAX], *last = NULL;
    aten_population_t *population = NULL;
    aten_profile_t *profile = NULL;
    aten_cutoff_t *cut = NULL;
    aten_notice_t *notice = NULL;
    apr_array_header_t *help = NULL;
    aten_base_t *base = NULL;
    apr_time_t when = 0;
    int argc = 0, has_offset = 0;

    while (argc < WORDS_MAX && (argv[argc] = apr_strtok(argc ? NULL : rest, "\n", &last))) argc++;
    if (argc) {
        aten_date_parse(&when, &has_offset, argv[0]);
        aten_base_parse(&base, argv[0], p);
        aten_notice_parse(&notice, argv[0], p);
        aten_cutoff_add(&cut, argc, argv, p);
        aten_population_parse(&population, argc, argv, p);
        aten_help_link_add(&help, argc, argv, p);
        fuzz_require(!aten_profile_make(&profile, "p", p));
        aten_profile_label(profile, argc, argv, p);
        aten_profile_backend_from(profile, argc, argv, p);
    }
    apr_pool_clear(p);
    return 0;
}
