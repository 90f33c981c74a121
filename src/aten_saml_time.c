#include <string.h>

#include "aten_date.h"
#include "aten_saml_response.h"

int aten_saml_time(const char *text, apr_time_t *out)
{
    static const char shape[] = "0000-00-00T00:00:00";
    const apr_size_t len = sizeof(shape) - 1;
    char whole[sizeof(shape) + 1];
    const char *zone;
    int has_offset = 0;
    apr_size_t i;

    if (!text) return 0;
    for (i = 0; i < len; i++) {
        if (shape[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != shape[i]) return 0;
        whole[i] = text[i];
    }
    zone = text + len;
    if (*zone == '.') {
        const apr_size_t digits = strspn(zone + 1, "0123456789");

        if (!digits) return 0;
        zone += 1 + digits;
    }
    if (strcmp(zone, "Z")) return 0;
    whole[len] = 'Z';
    whole[len + 1] = '\0';
    return !aten_date_parse(out, &has_offset, whole);
}
