#include "aten_cookie.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#define NAME_MAX_BYTES 64
#define HOST_PREFIX "__Host-"     /* RFC 6265bis section 4.1.3: from this host alone, by https */
#define SECURE_PREFIX "__Secure-" /* by https; may have a domain */
#define LOGIN_SUFFIX "-login-"
#define RESULT_SUFFIX "-result"
#define LOGOUT_SUFFIX "-logout"
#define TOKEN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~" /* RFC 7230, 3.2.6 */

/* Bytes of a prefix at the beginning of a name, 0 without one. In any case of letters, as browsers compare it. */
static apr_size_t prefix_bytes(const char *name, apr_size_t len)
{
    static const char *const prefixes[] = {HOST_PREFIX, SECURE_PREFIX};
    apr_size_t i;

    for (i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        const apr_size_t n = strlen(prefixes[i]);

        if (len >= n && !strncasecmp(name, prefixes[i], n)) return n;
    }
    return 0;
}

const char *aten_cookie_name_parse(const char **base, const char *name, apr_pool_t *p)
{
    const char *bare = name + prefix_bytes(name, strlen(name));
    const apr_size_t len = strlen(bare);

    if (!len || len > NAME_MAX_BYTES || bare[strspn(bare, TOKEN)] || prefix_bytes(bare, len)) {
        return apr_psprintf(p, "'%s' is not a cookie's name: write 1 to %d letters, digits, '-' or '_', as in aten; "
                               "the prefix __Host- or __Secure- is set by the module", name, NAME_MAX_BYTES);
    }
    *base = apr_pstrdup(p, bare);
    return NULL;
}

char *aten_cookie_name(const char *base, const char *suffix, int https, int shared, apr_pool_t *p)
{
    const char *const secure = shared ? SECURE_PREFIX : HOST_PREFIX;

    return apr_pstrcat(p, https ? secure : "", base, suffix, NULL);
}

/* -- Reading a Cookie header -- */

typedef struct {
    const char *name;
    apr_size_t name_len;
    const char *value;
    apr_size_t value_len;
} pair_t;

static int is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void trim(const char **start, const char **end)
{
    while (*start < *end && is_blank(**start)) ++*start;
    while (*start < *end && is_blank((*end)[-1])) --*end;
}

/* @return 0 for a part that is no cookie: without '=', or without a name */
static int read_pair(pair_t *pair, const char *start, const char *end)
{
    const char *equals = memchr(start, '=', (apr_size_t)(end - start));
    const char *value, *name_end = equals;

    if (!equals) return 0;
    value = equals + 1;
    trim(&start, &name_end);
    trim(&value, &end);
    if (end - value >= 2 && *value == '"' && end[-1] == '"') {
        value++;
        end--;
    }
    pair->name = start;
    pair->name_len = (apr_size_t)(name_end - start);
    pair->value = value;
    pair->value_len = (apr_size_t)(end - value);
    return pair->name_len > 0;
}

static const char *end_of_part(const char *part)
{
    const char *end = strchr(part, ';'); /* several times as fast as strcspn, and a session's cookie is long */

    return end ? end : part + strlen(part);
}

void aten_cookie_each(const char *header,
                      int (*each)(void *baton, const char *name, apr_size_t name_len, const char *value,
                                  apr_size_t value_len),
                      void *baton)
{
    const char *end;
    pair_t pair;

    for (; header && *header; header = *end ? end + 1 : end) {
        end = end_of_part(header);
        if (!read_pair(&pair, header, end)) continue;
        if (!each(baton, pair.name, pair.name_len, pair.value, pair.value_len)) return;
    }
}

typedef struct {
    const char *name;
    apr_size_t name_len;
    int skip;
    const char *value;
    apr_size_t value_len;
} search_t;

static int is_wanted(void *baton, const char *name, apr_size_t name_len, const char *value, apr_size_t value_len)
{
    search_t *search = baton;

    if (name_len != search->name_len || memcmp(name, search->name, name_len) || search->skip-- > 0) return 1;
    search->value = value;
    search->value_len = value_len;
    return 0;
}

int aten_cookie_find(const char *header, const char *name, int nth, const char **value, apr_size_t *len)
{
    search_t search = {name, strlen(name), nth, NULL, 0};

    aten_cookie_each(header, is_wanted, &search);
    if (!search.value) return 0;
    *value = search.value;
    *len = search.value_len;
    return 1;
}

static int begins_with(const char *name, const char *end, const char *beginning)
{
    const apr_size_t len = strlen(beginning);

    return (apr_size_t)(end - name) >= len && !memcmp(name, beginning, len);
}

/* Nothing, -result, -logout or -login-N: what stands behind the base. */
static int is_suffix(const char *name, const char *end)
{
    if (name == end) return 1;
    if (begins_with(name, end, RESULT_SUFFIX)) return name + strlen(RESULT_SUFFIX) == end;
    if (begins_with(name, end, LOGOUT_SUFFIX)) return name + strlen(LOGOUT_SUFFIX) == end;
    if (!begins_with(name, end, LOGIN_SUFFIX)) return 0;
    name += strlen(LOGIN_SUFFIX);
    if (name == end) return 0;
    for (; name < end; name++) {
        if (*name < '0' || *name > '9') return 0;
    }
    return 1;
}

/* With or without a prefix. */
static int is_ours(const pair_t *pair, const char *base)
{
    const char *const name = pair->name + prefix_bytes(pair->name, pair->name_len);
    const char *const end = pair->name + pair->name_len;

    return begins_with(name, end, base) && is_suffix(name + strlen(base), end);
}

/* Part by part, so that what stays is copied as it came, malformed parts too.
 * @param out room for the header, or NULL to count alone @return how many cookies are ours */
static int strip_into(char *out, const char *header, const char *base)
{
    const char *part, *end;
    char *o = out;
    int ours = 0;
    pair_t pair;

    for (part = header; *part; part = *end ? end + 1 : end) {
        end = end_of_part(part);
        if (read_pair(&pair, part, end) && is_ours(&pair, base)) {
            ours++;
            continue;
        }
        if (!out) continue;
        if (o > out) *o++ = ';';
        memcpy(o, part, (apr_size_t)(end - part));
        o += end - part;
    }
    if (out) *o = '\0';
    return ours;
}

const char *aten_cookie_strip(const char *header, const char *base, apr_pool_t *p)
{
    char *out;

    if (!header || !strip_into(NULL, header, base)) return header;
    out = apr_palloc(p, strlen(header) + 1);
    strip_into(out, header, base);
    out += strspn(out, " \t;");
    return *out ? out : NULL;
}

/* -- Writing Set-Cookie -- */

static char *set_cookie(const char *name, const char *value, int https, const char *path, const char *domain,
                        int max_age, apr_pool_t *p)
{
    const char *age = max_age >= 0 ? apr_psprintf(p, "; Max-Age=%d", max_age) : "";

    return apr_pstrcat(p, name, "=", max_age ? value : "", "; Path=", path, domain ? "; Domain=" : "",
                       domain ? domain : "", age, https ? "; Secure" : "", "; HttpOnly; SameSite=Lax", NULL);
}

char *aten_cookie_set(const char *name, const char *value, int https, const char *domain, int max_age, apr_pool_t *p)
{
    return set_cookie(name, value, https, "/", domain, max_age, p);
}

char *aten_cookie_set_at(const char *name, const char *value, int https, const char *path, int max_age, apr_pool_t *p)
{
    return set_cookie(name, value, https, path, NULL, max_age, p);
}
