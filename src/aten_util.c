#include "aten_util.h"

#include <errno.h>
#include <string.h>

#include <apr_escape.h>
#include <apr_strings.h>

#define BLANKS " \t\r\n"

int aten_same(const char *a, const char *b)
{
    return a && b && !strcmp(a, b);
}

int aten_has(const apr_array_header_t *list, const char *text)
{
    int i;

    for (i = 0; i < list->nelts; i++) {
        if (aten_same(APR_ARRAY_IDX(list, i, const char *), text)) return 1;
    }
    return 0;
}

int aten_parse_number(const char *text, apr_int64_t min, apr_int64_t max, apr_int64_t *out)
{
    apr_int64_t n;

    /* Digits first: apr_strtoi64 would let blanks, a sign and junk pass. */
    if (!text || !*text || text[strspn(text, "0123456789")]) return 0;
    errno = 0;
    n = apr_strtoi64(text, NULL, 10);
    if (errno || n < min || n > max) return 0;
    *out = n;
    return 1;
}

static int is_continuation(unsigned char c, unsigned char low, unsigned char high)
{
    return c >= low && c <= high;
}

/* The bytes of the character at s, or 0 where none of RFC 3629 section 4 stands. The second byte's narrower ranges
 * keep out overlong forms (E0, F0), surrogates (ED) and what is beyond U+10FFFF (F4). xmlCheckUTF8 lets these pass. */
static apr_size_t utf8_bytes(const unsigned char *s)
{
    const unsigned char low = s[0] == 0xE0 ? 0xA0 : s[0] == 0xF0 ? 0x90 : 0x80;
    const unsigned char high = s[0] == 0xED ? 0x9F : s[0] == 0xF4 ? 0x8F : 0xBF;

    if (s[0] < 0x80) return 1;
    if (s[0] < 0xC2 || s[0] > 0xF4 || !is_continuation(s[1], low, high)) return 0;
    if (s[0] < 0xE0) return 2;
    if (!is_continuation(s[2], 0x80, 0xBF)) return 0;
    if (s[0] < 0xF0) return 3;
    return is_continuation(s[3], 0x80, 0xBF) ? 4 : 0;
}

/* U+0000 to U+001F, U+007F, and U+0080 to U+009F, which are C2 80 to C2 9F. */
static int is_control(const unsigned char *s)
{
    return s[0] < 0x20 || s[0] == 0x7F || (s[0] == 0xC2 && s[1] < 0xA0);
}

int aten_text_is_clean(const char *text, apr_size_t max)
{
    const unsigned char *s = (const unsigned char *)text;
    apr_size_t used = 0;

    if (!text || !*text) return 0;
    while (s[used]) {
        const apr_size_t n = utf8_bytes(s + used);

        if (!n || is_control(s + used) || n > max - used) return 0;
        used += n;
    }
    return 1;
}

char *aten_trim(apr_pool_t *p, const char *text)
{
    apr_size_t len;

    if (!text) return NULL;
    text += strspn(text, BLANKS);
    len = strlen(text);
    while (len && strchr(BLANKS, text[len - 1])) len--;
    return apr_pstrmemdup(p, text, len);
}

static const char *escape_semicolons(apr_pool_t *p, const char *value)
{
    apr_size_t extra = 0;
    const char *c;
    char *out, *o;

    for (c = value; *c; c++) extra += *c == ';';
    if (!extra) return value;
    out = o = apr_palloc(p, (apr_size_t)(c - value) + extra + 1);
    for (c = value; *c; c++) {
        if (*c == ';') *o++ = '\\';
        *o++ = *c;
    }
    *o = '\0';
    return out;
}

char *aten_join(apr_pool_t *p, const apr_array_header_t *values)
{
    apr_array_header_t *escaped = apr_array_make(p, values->nelts, sizeof(const char *));
    int i;

    for (i = 0; i < values->nelts; i++) {
        APR_ARRAY_PUSH(escaped, const char *) = escape_semicolons(p, APR_ARRAY_IDX(values, i, const char *));
    }
    return apr_array_pstrcat(p, escaped, ';');
}

const char *aten_log_text(apr_pool_t *p, const char *text, apr_size_t max)
{
    if (!text) return "-";
    if (strlen(text) <= max) return apr_pescape_echo(p, text, 1);
    return apr_pstrcat(p, apr_pescape_echo(p, apr_pstrmemdup(p, text, max), 1), "...", NULL);
}
