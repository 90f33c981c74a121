#include "aten_url.h"

#include <arpa/inet.h>
#include <string.h>

#include <apr_cstr.h>
#include <apr_escape.h>
#include <apr_strings.h>
#include <apr_uri.h>
#include <jansson.h>

#include "aten_util.h"

#define HOST_MAX_BYTES 253 /* RFC 1035, section 2.3.4, as text */
#define HOST_LABEL_MAX_BYTES 63
#define PATH_MAX_LETTERS 64
#define SHOWN 200 /* bytes of a wrong value that an error repeats */
#define DIGITS "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS "-_"

/* --- hosts and the base address --- */

int aten_host_is_loopback(const char *host)
{
    static const char suffix[] = ".localhost";
    const apr_size_t len = host ? strlen(host) : 0;
    struct in6_addr v6;
    struct in_addr v4;
    char bare[INET6_ADDRSTRLEN];

    if (!len) return 0;
    if (inet_pton(AF_INET, host, &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
    if (inet_pton(AF_INET6, host, &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6);
    if (*host == '[') {
        if (host[len - 1] != ']' || len - 2 >= sizeof(bare)) return 0;
        apr_cpystrn(bare, host + 1, len - 1);
        return inet_pton(AF_INET6, bare, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
    }
    if (!apr_cstr_casecmp(host, "localhost")) return 1;
    return len >= sizeof(suffix) && !apr_cstr_casecmp(host + len - strlen(suffix), suffix);
}

/* A browser reads a host whose last label is a number as an IPv4 address, in octal and hexadecimal too (WHATWG URL,
 * "ends in a number"). */
static int ends_in_a_number(const char *host)
{
    const char *last = strrchr(host, '.');

    last = last ? last + 1 : host;
    if (!last[strspn(last, DIGITS)]) return 1;
    return last[0] == '0' && (last[1] == 'x' || last[1] == 'X') && !last[2 + strspn(last + 2, DIGITS "abcdefABCDEF")];
}

static int name_is_fit(const char *host)
{
    struct in_addr v4;
    apr_size_t n;

    if (strlen(host) > HOST_MAX_BYTES) return 0;
    if (ends_in_a_number(host)) return inet_pton(AF_INET, host, &v4) == 1;
    for (;; host += n + 1) {
        n = strspn(host, LETTERS);
        if (!n || n > HOST_LABEL_MAX_BYTES || host[0] == '-' || host[n - 1] == '-') return 0;
        if (!host[n]) return 1;
        if (host[n] != '.') return 0;
    }
}

/* @return the host as a browser writes it, or NULL */
static const char *canonical_host(const char *host, int in_brackets, apr_pool_t *p)
{
    struct in6_addr v6;
    char text[INET6_ADDRSTRLEN];
    char *name, *c;

    if (in_brackets) {
        if (inet_pton(AF_INET6, host, &v6) != 1 || !inet_ntop(AF_INET6, &v6, text, sizeof(text))) return NULL;
        return apr_pstrcat(p, "[", text, "]", NULL);
    }
    if (!name_is_fit(host)) return NULL;
    name = apr_pstrdup(p, host);
    for (c = name; *c; c++) {
        if (*c >= 'A' && *c <= 'Z') *c = (char)(*c - 'A' + 'a');
    }
    return name;
}

static int base_read(aten_base_t *base, const char *text, apr_pool_t *p)
{
    apr_int64_t port;
    apr_uri_t uri;

    /* Only these characters, before the parser: '@', '?', '#', '\', '%' and blanks are where parsers differ. */
    if (text[strspn(text, LETTERS ".:/[]")] || apr_uri_parse(p, text, &uri) != APR_SUCCESS) return 0;
    if (!uri.scheme || !uri.hostname || (uri.path && strcmp(uri.path, "/"))) return 0;
    base->https = !apr_cstr_casecmp(uri.scheme, "https");
    if (!base->https && apr_cstr_casecmp(uri.scheme, "http")) return 0;
    base->scheme = base->https ? "https" : "http";
    base->host = canonical_host(uri.hostname, strchr(text, '[') != NULL, p);
    if (!base->host) return 0;
    port = base->https ? 443 : 80;
    if (uri.port_str && !aten_parse_number(uri.port_str, 1, 65535, &port)) return 0;
    base->port = (int)port;
    return 1;
}

const char *aten_base_parse(aten_base_t **out, const char *text, apr_pool_t *p)
{
    aten_base_t *base = apr_pcalloc(p, sizeof(*base));

    if (!base_read(base, text, p)) {
        return apr_psprintf(p, "'%s' is not a base address: write scheme, host and port as browsers see them, such as "
                            "https://ent.example or https://ent.example:8443, nothing behind, a name with accents in "
                            "its xn-- form", aten_log_text(p, text, SHOWN));
    }
    base->loopback = aten_host_is_loopback(base->host);
    base->url = base->port == (base->https ? 443 : 80)
                    ? apr_pstrcat(p, base->scheme, "://", base->host, NULL)
                    : apr_psprintf(p, "%s://%s:%d", base->scheme, base->host, base->port);
    *out = base;
    return NULL;
}

const char *aten_host_parse(const char **out, const char *text, apr_pool_t *p)
{
    const char *host = canonical_host(text, 0, p);

    if (!host) {
        return apr_psprintf(p, "'%s' is not a host: write its whole name alone, such as www.mon-ent.fr, without scheme, "
                            "port, path or '*', a name with accents in its xn-- form", aten_log_text(p, text, SHOWN));
    }
    *out = host;
    return NULL;
}

/* --- percent-encoding --- */

typedef struct {
    char *text;     /* NUL-terminated; may have a NUL inside */
    apr_size_t len;
    int broken;     /* a '%' without two hexadecimal digits behind it stood there, and was kept */
} decoded_t;

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* apr_punescape_url gives nothing where an escape is broken; what a lenient server would make of the text is the
 * question here. */
static decoded_t decode(const char *text, apr_size_t len, int plus, apr_pool_t *p)
{
    decoded_t out = {apr_palloc(p, len + 1), 0, 0};
    apr_size_t i;

    for (i = 0; i < len; i++) {
        const int high = text[i] == '%' && len - i > 2 ? hex_value(text[i + 1]) : -1;
        const int low = high >= 0 ? hex_value(text[i + 2]) : -1;

        if (low >= 0) {
            out.text[out.len++] = (char)(high * 16 + low);
            i += 2;
            continue;
        }
        if (text[i] == '%') out.broken = 1;
        out.text[out.len++] = plus && text[i] == '+' ? ' ' : text[i];
    }
    out.text[out.len] = '\0';
    return out;
}

/* --- addresses to go to --- */

/* U+0000 to U+001F, U+007F to U+009F. */
static int has_control(const char *text, apr_size_t len)
{
    const unsigned char *s = (const unsigned char *)text;
    apr_size_t i;

    for (i = 0; i < len; i++) {
        if (s[i] < 0x20 || s[i] == 0x7f) return 1;
        if (s[i] == 0xc2 && i + 1 < len && s[i + 1] >= 0x80 && s[i + 1] < 0xa0) return 1;
    }
    return 0;
}

/* The bytes of an overlong UTF-8 form, which a careless decoder reads as '/', '\' or '.'. Other bytes that are not
 * UTF-8 pass: old applications have paths in ISO-8859-1. */
static int has_overlong(const char *text, apr_size_t len)
{
    const unsigned char *s = (const unsigned char *)text;
    apr_size_t i;

    for (i = 0; i + 1 < len; i++) {
        const unsigned char next = s[i + 1];

        if (next < 0x80 || next > 0xbf) continue;
        if (s[i] == 0xc0 || s[i] == 0xc1) return 1;
        if ((s[i] == 0xe0 && next < 0xa0) || (s[i] == 0xf0 && next < 0x90)) return 1;
        if ((s[i] == 0xf8 && next < 0x88) || (s[i] == 0xfc && next < 0x84)) return 1;
    }
    return 0;
}

/* RFC 3986, section 5.2.4; with merge, empty segments go too, as httpd's MergeSlashes does before it looks at dots. */
static char *without_dots(const char *path, int merge, apr_pool_t *p)
{
    char *out = apr_palloc(p, strlen(path) + 1);
    char *end = out;

    while (*path == '/') {
        const apr_size_t n = strcspn(path + 1, "/");

        if (n == 2 && !strncmp(path + 1, "..", 2)) {
            while (end > out && *--end != '/');
        }
        else if (!(n == 1 && path[1] == '.') && (n || !merge)) {
            memcpy(end, path, n + 1);
            end += n + 1;
        }
        path += n + 1;
    }
    *end = '\0';
    return out;
}

/* Is one reading of the path (as it stands, decoded once, decoded twice) not a plain path of this host, or one of our
 * own pages? */
static int reading_is_odd(const char *path, apr_size_t len, const char *aten_path, apr_pool_t *p)
{
    const char *plain, *merged;

    if (len < 1 || path[0] != '/' || path[1] == '/') return 1;
    if (has_control(path, len) || has_overlong(path, len) || memchr(path, '\\', len)) return 1;
    plain = without_dots(path, 0, p);
    merged = without_dots(path, 1, p);
    if (!strncmp(plain, "//", 2)) return 1; /* "/.//host": whoever normalizes it has an address of another host */
    return aten_path_of(path, aten_path) || aten_path_of(plain, aten_path) || aten_path_of(merged, aten_path);
}

static int path_is_odd(const char *path, apr_size_t len, const char *aten_path, apr_pool_t *p)
{
    const decoded_t once = decode(path, len, 0, p);
    const decoded_t twice = decode(once.text, once.len, 0, p);

    return once.broken || reading_is_odd(apr_pstrmemdup(p, path, len), len, aten_path, p) ||
           reading_is_odd(once.text, once.len, aten_path, p) || reading_is_odd(twice.text, twice.len, aten_path, p);
}

/* ticket=ST-..., however it is spelled: a ticket is for the CAS return alone, and belongs in no address. */
static int is_ticket(const char *param, apr_size_t len, apr_pool_t *p)
{
    static const char start[] = "ticket=ST-";
    const decoded_t decoded = decode(param, len, 1, p);

    return decoded.len >= strlen(start) && !memcmp(decoded.text, start, strlen(start));
}

/* @return the query, "?..." or "", without tickets; the other parameters as they were */
static const char *without_tickets(const char *query, apr_pool_t *p)
{
    char *out = apr_palloc(p, strlen(query) + 1);
    char *end = out;

    while (*query) {
        const apr_size_t n = 1 + strcspn(query + 1, "&");

        if (!is_ticket(query + 1, n - 1, p)) {
            memcpy(end, query, n);
            end += n;
        }
        query += n;
    }
    *end = '\0';
    if (end != out) *out = '?';
    return out;
}

const char *aten_return_path(const char *to, const char *aten_path, apr_pool_t *p)
{
    const apr_size_t len = to ? strnlen(to, ATEN_TO_MAX + 1) : 0;
    apr_size_t i, path_len;
    decoded_t query;

    if (!len || len > ATEN_TO_MAX) return NULL;
    for (i = 0; i < len; i++) {
        if (to[i] < 0x21 || to[i] > 0x7e || to[i] == '#') return NULL;
    }
    path_len = strcspn(to, "?");
    if (path_is_odd(to, path_len, aten_path, p)) return NULL;
    query = decode(to + path_len, len - path_len, 0, p);
    if (has_control(query.text, query.len)) return NULL;
    return apr_pstrcat(p, apr_pstrmemdup(p, to, path_len), without_tickets(to + path_len, p), NULL);
}

/* What no reader of an address, old or new, may take for something else. '@' could stand in a path; some have looked
 * for the user's name there. */
static int url_is_odd(const char *url, apr_pool_t *p)
{
    const apr_size_t len = strnlen(url, ATEN_TO_MAX + 1);
    decoded_t once, twice;
    apr_size_t i;

    if (!len || len > ATEN_TO_MAX) return 1;
    for (i = 0; i < len; i++) {
        if (url[i] < 0x21 || url[i] > 0x7e || strchr("\\\"'`<>@#", url[i])) return 1;
    }
    once = decode(url, len, 0, p);
    twice = decode(once.text, once.len, 0, p);
    return once.broken || has_control(twice.text, twice.len);
}

const char *aten_url_host(const char **host, const char *url, apr_pool_t *p)
{
    const char *start = url_is_odd(url, p) ? NULL : strstr(url, "://");
    aten_base_t *base;

    if (!start) return "is odd, or no absolute address";
    start += strlen("://");
    if (aten_base_parse(&base, apr_pstrmemdup(p, url, (apr_size_t)(start - url) + strcspn(start, "/?")), p)) {
        return "does not begin with https:// and a host that can be used";
    }
    if (!base->https && !base->loopback) {
        return apr_pstrcat(p, "leads to ", base->host, " by plain http, which is taken to this machine alone", NULL);
    }
    *host = base->host;
    return NULL;
}

const char *aten_return_url(const char **out, const char *url, const apr_array_header_t *hosts, apr_pool_t *p)
{
    const char *host, *error = aten_url_host(&host, url, p);

    if (error) return error;
    if (!aten_has(hosts, host)) return apr_pstrcat(p, "leads to ", host, ", which is not allowed", NULL);
    *out = apr_pstrdup(p, url);
    return NULL;
}

/* --- the module's own addresses --- */

const char *aten_path_parse(const char *text)
{
    const apr_size_t len = strlen(text);

    if (len < 2 || len > 1 + PATH_MAX_LETTERS || text[0] != '/' || text[len - 1] == '/' || strstr(text, "//") ||
        text[strspn(text, LETTERS "/")]) {
        return "write '/' and 1 to 64 letters, digits, '-', '_' or '/', such as /aten, without a '/' at the end or an "
               "empty part";
    }
    return NULL;
}

const char *aten_path_of(const char *uri, const char *aten_path)
{
    apr_size_t len;

    /* Asked several times for each request, and two bytes tell mostly. */
    if (!uri || !aten_path || !*aten_path || uri[0] != aten_path[0] || uri[1] != aten_path[1]) return NULL;
    len = strlen(aten_path);
    if (strncmp(uri, aten_path, len)) return NULL;
    return uri[len] == '/' || !uri[len] ? uri + len : NULL;
}

/* --- queries and forms --- */

static const char *wanted_name(const char *const wanted[], const decoded_t *name)
{
    for (; *wanted; wanted++) {
        if (strlen(*wanted) == name->len && !memcmp(*wanted, name->text, name->len)) return *wanted;
    }
    return NULL;
}

/* RFC 3629, strictly: jansson refuses overlong forms, surrogates and what is beyond U+10FFFF. */
static int is_utf8(const char *text, apr_size_t len)
{
    json_t *string = json_stringn(text, len);
    const int ok = string != NULL;

    json_decref(string);
    return ok;
}

static aten_verdict_t add_param(apr_table_t *params, const char *text, apr_size_t len, const char *const wanted[],
                                const char **which, apr_pool_t *p)
{
    const char *equals = memchr(text, '=', len);
    const apr_size_t name_len = equals ? (apr_size_t)(equals - text) : len;
    const decoded_t name = decode(text, name_len, 1, p);
    const char *found = wanted_name(wanted, &name);
    decoded_t value;

    if (!found) return ATEN_V_OK;
    *which = found;
    if (apr_table_get(params, found)) return ATEN_V_PARAM_REPEATED;
    value = equals ? decode(equals + 1, len - name_len - 1, 1, p) : decode("", 0, 1, p);
    if (value.broken || memchr(value.text, '\0', value.len) || !is_utf8(value.text, value.len)) {
        return ATEN_V_PARAM_MALFORMED;
    }
    apr_table_setn(params, found, value.text);
    *which = NULL;
    return ATEN_V_OK;
}

aten_verdict_t aten_params(apr_table_t **out, const char *text, const char *const wanted[], const char **which,
                           apr_pool_t *p)
{
    *out = apr_table_make(p, 5);
    *which = NULL;
    while (text && *text) {
        const apr_size_t len = strcspn(text, "&");
        const aten_verdict_t verdict = add_param(*out, text, len, wanted, which, p);

        if (verdict != ATEN_V_OK) {
            apr_table_clear(*out);
            return verdict;
        }
        text += len + (text[len] == '&');
    }
    return ATEN_V_OK;
}

/* apr_pescape_urlencoded writes a blank as '+', which is right in a form, but not everywhere in an address. A '+' of
 * the value itself is %2B by then. */
static const char *encode(const char *value, apr_pool_t *p)
{
    const char *from = apr_pescape_urlencoded(p, value);
    char *out = apr_palloc(p, 3 * strlen(from) + 1);
    char *end = out;

    for (; *from; from++) {
        if (*from != '+') {
            *end++ = *from;
            continue;
        }
        memcpy(end, "%20", 3);
        end += 3;
    }
    *end = '\0';
    return out;
}

static const char *separator_for(const char *address)
{
    const apr_size_t len = strlen(address);

    if (!strchr(address, '?')) return "?";
    return address[len - 1] == '?' || address[len - 1] == '&' ? "" : "&";
}

char *aten_url_with(apr_pool_t *p, const char *base, const char *path, const char *const params[])
{
    char *out = apr_pstrcat(p, base ? base : "", path ? path : "", NULL);
    int i;

    for (i = 0; params && params[i]; i += 2) {
        if (!params[i + 1]) continue;
        out = apr_pstrcat(p, out, separator_for(out), params[i], "=", encode(params[i + 1], p), NULL);
    }
    return out;
}
