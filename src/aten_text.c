#include "aten_text.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include "aten_util.h"

#define ARGUMENTS_MAX 4 /* {0} to {3} */

static const struct {
    const char *fr;
    const char *en;
} texts[ATEN_T_COUNT] = {
#define X(id, fr, en) {fr, en},
    ATEN_TEXTS(X)
#undef X
};

/* The number inside "{0}" to "{3}" at s, or -1. */
static int placeholder(const char *s)
{
    return s[0] == '{' && s[1] >= '0' && s[1] < '0' + ARGUMENTS_MAX && s[2] == '}' ? s[1] - '0' : -1;
}

/* The argument of that number; the list may end before it. */
static const char *argument(const char *const args[], int n)
{
    for (int i = 0; args && args[i]; i++) {
        if (i == n)
            return args[i];
    }
    return "";
}

static void push(apr_array_header_t *parts, const char *part)
{
    APR_ARRAY_PUSH(parts, const char *) = part;
}

/* Only the text's own braces are looked at, never what an argument brings: a name may hold "{1}". */
static const char *fill(const char *text, const char *const args[], apr_pool_t *p)
{
    apr_array_header_t *parts = apr_array_make(p, 8, sizeof(const char *));
    const char *from = text;

    for (const char *s = strchr(text, '{'); s; s = strchr(s, '{')) {
        int n = placeholder(s);

        if (n < 0) {
            s++;
            continue;
        }
        push(parts, apr_pstrmemdup(p, from, (apr_size_t)(s - from)));
        push(parts, argument(args, n));
        s += 3;
        from = s;
    }
    push(parts, from);
    return apr_array_pstrcat(p, parts, 0);
}

const char *aten_text(const char *lang, aten_text_t id, const char *const args[], apr_pool_t *p)
{
    const char *text;

    if ((unsigned int)id >= ATEN_T_COUNT)
        return "";
    text = aten_same(lang, "fr") ? texts[id].fr : texts[id].en;
    return strchr(text, '{') ? fill(text, args, p) : text;
}
