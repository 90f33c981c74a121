/* Addresses: the base, our own paths, parameters, and the one function that judges where a person may be sent. */

#include <apr_cstr.h>

#include "unit.h"
#include "aten_url.h"
#include "aten_util.h"

#define ATEN "/aten"
#define REDIRECTS "data/open-redirects.txt"

/* Is got what the row wants? NULL is a result too. */
static void expect(const char *got, const char *want, const char *row, const char *why)
{
    if (got == want || (got && want && !strcmp(got, want))) return;
    fail_msg("%s (%s): '%s' instead of '%s'", row ? row : "NULL", why, got ? got : "NULL", want ? want : "NULL");
}

static void expect_number(int got, int want, const char *row, const char *why)
{
    if (got != want) fail_msg("%s (%s): %d instead of %d", row ? row : "NULL", why, got, want);
}

/* --- aten_base_parse, aten_host_is_loopback --- */

static void base_accepts(void **state)
{
    static const struct {
        const char *text, *url, *host;
        int port, https, loopback;
        const char *why;
    } rows[] = {
        {"https://ent.example", "https://ent.example", "ent.example", 443, 1, 0, "the usual form"},
        {"https://ent.example/", "https://ent.example", "ent.example", 443, 1, 0, "a final slash goes"},
        {"https://ent.example:443", "https://ent.example", "ent.example", 443, 1, 0, "a browser leaves out 443"},
        {"http://ent.example:80/", "http://ent.example", "ent.example", 80, 0, 0, "a browser leaves out 80"},
        {"https://ent.example:80", "https://ent.example:80", "ent.example", 80, 1, 0, "80 is not https's own"},
        {"https://ent.example:8443", "https://ent.example:8443", "ent.example", 8443, 1, 0, "another port stays"},
        {"HTTPS://ENT.Example:8443/", "https://ent.example:8443", "ent.example", 8443, 1, 0, "case doesn't matter"},
        {"http://localhost:8080", "http://localhost:8080", "localhost", 8080, 0, 1, "this machine by name"},
        {"http://app.localhost", "http://app.localhost", "app.localhost", 80, 0, 1, "RFC 6761, 6.3"},
        {"http://127.0.0.1:8080", "http://127.0.0.1:8080", "127.0.0.1", 8080, 0, 1, "this machine by number"},
        {"http://127.1.2.3", "http://127.1.2.3", "127.1.2.3", 80, 0, 1, "all of 127.0.0.0/8"},
        {"http://[::1]:8080/", "http://[::1]:8080", "[::1]", 8080, 0, 1, "IPv6 in brackets"},
        {"http://[0:0:0:0:0:0:0:1]", "http://[::1]", "[::1]", 80, 0, 1, "IPv6 as a browser shortens it"},
        {"https://[2001:DB8::A]", "https://[2001:db8::a]", "[2001:db8::a]", 443, 1, 0, "IPv6 in lower case"},
        {"https://192.0.2.7", "https://192.0.2.7", "192.0.2.7", 443, 1, 0, "IPv4"},
        {"https://xn--cole-9oa.example", "https://xn--cole-9oa.example", "xn--cole-9oa.example", 443, 1, 0, "IDNA"},
        {"https://ent-1.my_site.example", "https://ent-1.my_site.example", "ent-1.my_site.example", 443, 1, 0,
         "names inside a network have '_'"},
        {"https://ent.example:65535", "https://ent.example:65535", "ent.example", 65535, 1, 0, "the last port"},
        {"https://ent", "https://ent", "ent", 443, 1, 0, "a short name"},
    };
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        aten_base_t *base = NULL;

        expect(aten_base_parse(&base, rows[i].text, pool), NULL, rows[i].text, rows[i].why);
        expect(base->url, rows[i].url, rows[i].text, rows[i].why);
        expect(base->host, rows[i].host, rows[i].text, rows[i].why);
        expect(base->scheme, rows[i].https ? "https" : "http", rows[i].text, rows[i].why);
        expect_number(base->port, rows[i].port, rows[i].text, rows[i].why);
        expect_number(base->https, rows[i].https, rows[i].text, rows[i].why);
        expect_number(base->loopback, rows[i].loopback, rows[i].text, rows[i].why);
    }
}

static void base_refuses(void **state)
{
    static const struct { const char *text, *why; } rows[] = {
        {"", "nothing"},
        {"ent.example", "no scheme"},
        {"//ent.example", "no scheme"},
        {"ftp://ent.example", "not a scheme of the web"},
        {"https:ent.example", "no slashes"},
        {"https:/ent.example", "one slash"},
        {"https://", "no host"},
        {"https:///", "no host"},
        {"https://:443", "no host"},
        {"https://ent.example/ent", "a path"},
        {"https://ent.example//", "a path of two slashes"},
        {"https://ent.example?a", "a query"},
        {"https://ent.example/?", "an empty query"},
        {"https://ent.example#a", "a fragment"},
        {"https://me@ent.example", "a user"},
        {"https://me:pw@ent.example", "a user and a password"},
        {"https://ent.example:", "an empty port"},
        {"https://ent.example:0", "not a port"},
        {"https://ent.example:65536", "not a port"},
        {"https://ent.example:44x", "not a number"},
        {"https://ent.example:-1", "not a number"},
        {"https://ent.example:80:80", "two ports"},
        {"https://ent..example", "an empty label"},
        {"https://.example", "an empty label"},
        {"https://ent.example.", "a final dot: another host to a browser"},
        {"https://-ent.example", "a label doesn't begin with '-'"},
        {"https://ent-.example", "a label doesn't end with '-'"},
        {"https://ent example", "a blank"},
        {" https://ent.example", "a blank"},
        {"https://ent.example\n", "a control character"},
        {"https://\xc3\xa9nt.example", "accents: to be written as xn--"},
        {"https://ent%2eexample", "an escape"},
        {"https://ent.example\\", "a backslash"},
        {"https://127.1", "a browser makes 127.0.0.1 of it"},
        {"https://0x7f.0.0.1", "a browser makes 127.0.0.1 of it"},
        {"https://2130706433", "a browser makes 127.0.0.1 of it"},
        {"https://1.2.3.256", "not an IPv4 address"},
        {"https://ent.0x10", "ends in a number"},
        {"https://[::1", "a bracket missing"},
        {"https://::1", "brackets missing"},
        {"https://[::1]x", "something behind the bracket"},
        {"https://[ent.example]", "a name in brackets"},
        {"https://[::1%25eth0]", "a zone"},
        {"https://[127.0.0.1]", "IPv4 in brackets"},
    };
    char *label = apr_palloc(pool, 65), *name = apr_palloc(pool, 300);
    aten_base_t *base = NULL;
    const char *err;
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        err = aten_base_parse(&base, rows[i].text, pool);
        if (!err || base) fail_msg("%s was let through: %s", rows[i].text, rows[i].why);
        assert_non_null(strstr(err, "https://ent.example:8443"));
        assert_non_null(strstr(err, aten_log_text(pool, rows[i].text, 200)));
    }
    memset(label, 'a', 64);
    label[64] = '\0';
    assert_non_null(aten_base_parse(&base, apr_pstrcat(pool, "https://", label, NULL), pool));
    assert_null(aten_base_parse(&base, apr_pstrcat(pool, "https://", label + 1, NULL), pool));
    base = NULL;
    for (i = 0; i < 254; i++) name[i] = i % 2 ? '.' : 'a';
    name[253] = 'a';
    name[254] = '\0';
    assert_non_null(aten_base_parse(&base, apr_pstrcat(pool, "https://", name, NULL), pool));
    name[253] = '\0';
    assert_null(aten_base_parse(&base, apr_pstrcat(pool, "https://", name, NULL), pool));
}

static void loopback(void **state)
{
    static const struct { const char *host; int is; const char *why; } rows[] = {
        {"localhost", 1, "by name"},
        {"LocalHost", 1, "in any case"},
        {"a.localhost", 1, "RFC 6761"},
        {"a.b.LOCALHOST", 1, "RFC 6761"},
        {"127.0.0.1", 1, "by number"},
        {"127.255.255.254", 1, "all of 127/8"},
        {"::1", 1, "bare"},
        {"[::1]", 1, "in brackets"},
        {"0:0:0:0:0:0:0:1", 1, "in another spelling"},
        {"[0::1]", 1, "in another spelling"},
        {NULL, 0, "nothing"},
        {"", 0, "nothing"},
        {"[", 0, "no address"},
        {"[]", 0, "no address"},
        {"[::1", 0, "no address"},
        {"::1]", 0, "no address"},
        {"[::1]x", 0, "no address"},
        {"localhost.example", 0, "another host"},
        {"localhost.", 0, "not what browsers call this machine"},
        {".localhost", 0, "an empty label"},
        {"notlocalhost", 0, "another host"},
        {"127.0.0.1.example", 0, "another host"},
        {"127.example", 0, "another host"},
        {"128.0.0.1", 0, "another host"},
        {"126.255.255.255", 0, "another host"},
        {"127.1", 0, "not four numbers"},
        {"0.0.0.0", 0, "every address of the machine, not the loopback one"},
        {"::", 0, "likewise"},
        {"::2", 0, "another host"},
        {"[::ffff:127.0.0.1]", 0, "not in the contract"},
        {"[1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111]", 0, "longer than any address"},
    };
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        expect_number(aten_host_is_loopback(rows[i].host), rows[i].is, rows[i].host, rows[i].why);
    }
}

/* --- aten_path_parse, aten_path_of --- */

static void own_path(void **state)
{
    static const struct { const char *text; int fine; const char *why; } rows[] = {
        {"/aten", 1, "the default"},
        {"/a", 1, "one letter"},
        {"/ent/login-1_b", 1, "two segments, every kind of character"},
        {"/a234567890123456789012345678901234567890123456789012345678901234", 1, "64 behind the slash"},
        {"/a2345678901234567890123456789012345678901234567890123456789012345", 0, "65 behind the slash"},
        {"", 0, "nothing"},
        {"/", 0, "the whole site"},
        {"aten", 0, "no slash"},
        {"/aten/", 0, "a final slash"},
        {"//aten", 0, "an empty segment"},
        {"/a//b", 0, "an empty segment"},
        {"/.aten", 0, "a dot"},
        {"/a/../b", 0, "dots"},
        {"/at en", 0, "a blank"},
        {"/aten?", 0, "a query"},
        {"/at%65n", 0, "an escape"},
        {"/at\xc3\xa9n", 0, "an accent"},
        {"/aten\n", 0, "a control character"},
        {"/at\\en", 0, "a backslash"},
    };
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        const char *err = aten_path_parse(rows[i].text);

        expect_number(err == NULL, rows[i].fine, rows[i].text, rows[i].why);
        if (err) assert_non_null(strstr(err, "such as /aten"));
    }
}

static void own_pages(void **state)
{
    static const struct { const char *uri, *path, *rest, *why; } rows[] = {
        {"/aten/login", "/aten", "/login", "a page of ours"},
        {"/aten", "/aten", "", "the prefix"},
        {"/aten/", "/aten", "/", "the prefix as a folder"},
        {"/aten/saml/acs", "/aten", "/saml/acs", "a page further down"},
        {"/a/b/login", "/a/b", "/login", "a prefix of two segments"},
        {"/atenx", "/aten", NULL, "another path"},
        {"/aten.html", "/aten", NULL, "another path"},
        {"/aten;x/login", "/aten", NULL, "another path"},
        {"/Aten/login", "/aten", NULL, "paths have a case"},
        {"/ent/aten/login", "/aten", NULL, "not from the root"},
        {"/", "/aten", NULL, "another path"},
        {"", "/aten", NULL, "nothing"},
        {NULL, "/aten", NULL, "nothing"},
        {"/aten", NULL, NULL, "no prefix"},
        {"/aten", "", NULL, "no prefix"},
    };
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        expect(aten_path_of(rows[i].uri, rows[i].path), rows[i].rest, rows[i].uri, rows[i].why);
    }
}

/* --- aten_return_path: what applications use --- */

static void ordinary_paths(void **state)
{
    static const struct { const char *to, *why; } rows[] = {
        {"/", "the home page"},
        {"/ent", "a page"},
        {"/ent/", "a folder"},
        {"/ent/index.php", "a file"},
        {"/ent/index.php/a/b", "path info"},
        {"/ent?", "an empty query"},
        {"/?", "an empty query of the home page"},
        {"/ent?a=b&c=d", "a query"},
        {"/ent?a=b&amp;c=d;e", "a query as some write it"},
        {"/ent?a&b=&=c&&d==", "a query with odd but harmless parts"},
        {"/ent?a=%20b+c", "blanks in a query"},
        {"/ent?a=%C3%A9l%C3%A8ve", "accents in a query"},
        {"/ent?a=%E9l%E8ve", "accents in a query, ISO-8859-1"},
        {"/ent?url=https://other.example/a?b=c", "an address inside a query is data"},
        {"/ent?url=//other.example", "likewise"},
        {"/ent?a=\\b", "a backslash in a query is data"},
        {"/ent?a=100%", "a broken escape in a query is the application's own matter"},
        {"/ent?a=%zz", "likewise"},
        {"/ent?a=%250a", "an escaped escape in a query"},
        {"/ent?a=/aten/login", "our own path inside a query is data"},
        {"/ent?a={\"b\":[1,2]}", "JSON, as browsers send it"},
        {"/ent?a[]=1&a[]=2", "lists of PHP"},
        {"/ent/a%20b", "a blank in a path"},
        {"/ent/%C3%A9l%C3%A8ves", "accents in a path"},
        {"/ent/%E9l%E8ves", "accents in a path, ISO-8859-1"},
        {"/a%2Fb", "an encoded slash inside"},
        {"/a%2F%2Fb", "two of them inside"},
        {"/a%252Fb", "an escaped escape"},
        {"/100%25", "a percent sign"},
        {"/100%25/b", "a percent sign that decodes to a broken escape"},
        {"/ent//b", "an empty segment inside"},
        {"/a/./b", "a dot segment that stays inside"},
        {"/a/b/../c", "dot segments that stay inside"},
        {"/../ent", "dot segments stop at the root"},
        {"/..", "likewise"},
        {"/...", "three dots are a name"},
        {"/.well-known/a", "a name with a dot"},
        {"/.evil.example", "likewise: this host, whatever it looks like"},
        {"/@evil.example", "likewise"},
        {"/:80", "likewise"},
        {"/https://evil.example", "likewise"},
        {"/http:/evil.example", "likewise"},
        {"/javascript:alert(1)", "likewise"},
        {"/evil.example//", "likewise"},
        {"/%EF%BC%8Fevil.example", "an encoded full-width slash: no browser makes a slash of it in a path"},
        {"/%E5%98%8D%E5%98%8Aa", "two ideographs whose low bytes are CR and LF"},
        {"/%25252fevil.example", "encoded three times: nobody decodes that often"},
        {"/~jean.dupont/", "a home page"},
        {"/ent/a;jsessionid=1?b", "a path parameter"},
        {"/ent/a,b(c)'d!$*+=|^`{}<>\"", "signs that browsers leave as they are"},
        {"/atenx", "begins like our own path"},
        {"/aten-ent/login", "likewise"},
        {"/ent/aten/login", "has our own path further on"},
        {"/a/..aten", "no dot segment"},
        {"/Aten", "paths have a case"},
    };
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        const char *got = aten_return_path(rows[i].to, ATEN, pool);

        expect(got, rows[i].to, rows[i].to, rows[i].why);
        assert_ptr_not_equal(got, rows[i].to);
    }
}

static void tickets_are_dropped(void **state)
{
    static const struct { const char *to, *got, *why; } rows[] = {
        {"/ent?ticket=ST-1", "/ent", "alone"},
        {"/ent?ticket=ST-", "/ent", "empty behind ST-"},
        {"/ent?a=b&ticket=ST-1-a.cas", "/ent?a=b", "last"},
        {"/ent?ticket=ST-1&a=b", "/ent?a=b", "first"},
        {"/ent?a=b&ticket=ST-1&c=d", "/ent?a=b&c=d", "in the middle"},
        {"/ent?ticket=ST-1&ticket=ST-2", "/ent", "twice"},
        {"/ent?tick%65t=ST-1&a", "/ent?a", "its name encoded"},
        {"/ent?ticket=%53T-1", "/ent", "its value encoded"},
        {"/ent?ticket=S%54%2D1", "/ent", "its value encoded"},
        {"/ent?&ticket=ST-1", "/ent?", "the empty part before it stays"},
        {"/ent?a=%20&ticket=ST-1&b=%2F", "/ent?a=%20&b=%2F", "the others keep their bytes"},
        {"/ent?ticket=42", "/ent?ticket=42", "another kind of ticket: a support tool's"},
        {"/ent?ticket=PT-1", "/ent?ticket=PT-1", "a proxy ticket is not spoken of"},
        {"/ent?ticket=st-1", "/ent?ticket=st-1", "not how tickets begin"},
        {"/ent?myticket=ST-1", "/ent?myticket=ST-1", "another parameter"},
        {"/ent?Ticket=ST-1", "/ent?Ticket=ST-1", "another parameter"},
        {"/ent?ticket", "/ent?ticket", "no value"},
        {"/ent/ticket=ST-1", "/ent/ticket=ST-1", "in the path"},
    };
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        expect(aten_return_path(rows[i].to, ATEN, pool), rows[i].got, rows[i].to, rows[i].why);
    }
}

static void length_limit(void **state)
{
    char *to = apr_palloc(pool, ATEN_TO_MAX + 2);

    memset(to, 'a', ATEN_TO_MAX + 1);
    to[0] = '/';
    to[ATEN_TO_MAX + 1] = '\0';
    assert_null(aten_return_path(to, ATEN, pool));
    to[ATEN_TO_MAX] = '\0';
    assert_string_equal(aten_return_path(to, ATEN, pool), to);
    to[100] = '?';
    assert_string_equal(aten_return_path(to, ATEN, pool), to);
    memcpy(to + 100, "?ticket=ST-", 11);
    assert_int_equal(strlen(aten_return_path(to, ATEN, pool)), 100);
    to[ATEN_TO_MAX] = 'a';
    assert_null(aten_return_path(to, ATEN, pool)); /* judged as it came, before the ticket goes */
}

static void nothing_at_all(void **state)
{
    assert_null(aten_return_path(NULL, ATEN, pool));
    assert_null(aten_return_path("", ATEN, pool));
    assert_string_equal(aten_return_path("/aten/login", NULL, pool), "/aten/login");
    assert_string_equal(aten_return_path("/aten/login", "/.none", pool), "/aten/login");
    assert_null(aten_return_path("/a/b/login", "/a/b", pool));
    assert_null(aten_return_path("/a/x/../b/login", "/a/b", pool));
    assert_string_equal(aten_return_path("/a/login", "/a/b", pool), "/a/login");
}

/* --- aten_return_path: the list of open redirects --- */

/* Undo the escapes of the list. @return the length */
static size_t unescape(char *line)
{
    char *from = line, *to = line;

    while (*from) {
        if (*from != '\\') {
            *to++ = *from++;
        }
        else if (from[1] == 'x') {
            const char digits[3] = {from[2], from[3], '\0'};

            *to++ = (char)strtol(digits, NULL, 16);
            from += 4;
        }
        else {
            assert_int_equal(from[1], '\\');
            *to++ = '\\';
            from += 2;
        }
    }
    *to = '\0';
    return (size_t)(to - line);
}

/* As it comes over HTTP when somebody encodes it properly. @return what aten_return_path says, NULL if the query
 * itself is refused */
static const char *through_query(const char *entry, size_t len, int encode, apr_pool_t *p)
{
    static const char *const wanted[] = {"to", NULL};
    char *query = apr_palloc(p, 3 * len + 4), *end = query + 3;
    apr_table_t *params;
    const char *which;
    size_t i;

    memcpy(query, "to=", 3);
    for (i = 0; i < len; i++) {
        if (encode) end += snprintf(end, 4, "%%%02X", (unsigned char)entry[i]);
        else *end++ = entry[i];
    }
    *end = '\0';
    if (aten_params(&params, query, wanted, &which, p) != ATEN_V_OK) return NULL;
    return aten_return_path(apr_table_get(params, "to"), ATEN, p);
}

static void decode_leniently(char *text)
{
    char *from = text, *to = text;

    while (*from) {
        unsigned int byte;

        if (from[0] == '%' && strspn(from + 1, "0123456789abcdefABCDEF") >= 2) {
            const char digits[3] = {from[1], from[2], '\0'};

            byte = (unsigned int)strtoul(digits, NULL, 16);
            from += 3;
        }
        else {
            byte = (unsigned char)*from++;
        }
        *to++ = (char)byte;
    }
    *to = '\0';
}

/* The path that somebody arrives at who resolves path: a browser (dots alone), or httpd (empty segments go first). */
static char *resolve(const char *path, int merge, apr_pool_t *p)
{
    char *segments[64], *copy = apr_pstrdup(p, path + 1), *out = apr_pstrdup(p, "");
    int n = 0, i;

    for (;;) {
        char *slash = strchr(copy, '/');

        if (slash) *slash = '\0';
        if (!strcmp(copy, "..")) n -= n > 0;
        else if (strcmp(copy, ".") && (*copy || !merge)) segments[n++] = copy;
        assert_true(n < 64);
        if (!slash) break;
        copy = slash + 1;
    }
    for (i = 0; i < n; i++) out = apr_pstrcat(p, out, "/", segments[i], NULL);
    return out;
}

/* Does a browser that gets this path in Location stay on this host, and off our own pages? A model of the WHATWG URL
 * parser that shares no code with what it judges: tab, CR and LF vanish, '\' is '/', then dots are resolved. */
static int stays_here(const char *path, apr_pool_t *p)
{
    char *seen = apr_palloc(p, strlen(path) + 1), *end = seen;
    const char *c;
    int merge;

    for (c = path; *c && *c != '?' && *c != '#'; c++) {
        if (*c == '\\') *end++ = '/';
        else if (!strchr("\t\r\n", *c)) *end++ = *c;
    }
    *end = '\0';
    if (seen[0] != '/' || seen[1] == '/') return 0;
    for (merge = 0; merge < 2; merge++) {
        const char *at = resolve(seen, merge, p);

        if (!strncmp(at, "//", 2)) return 0;
        if (!strcmp(at, ATEN) || !strncmp(at, ATEN "/", strlen(ATEN "/"))) return 0;
    }
    return 1;
}

static void assert_harmless(const char *got, const char *entry, apr_pool_t *p)
{
    char *reading = apr_pstrdup(p, got);
    int i;

    if (strchr(reading, '?')) *strchr(reading, '?') = '\0';
    for (i = 0; i < 3; i++) {
        if (!stays_here(reading, p)) fail_msg("%s was let through as %s, which reads as %s", entry, got, reading);
        decode_leniently(reading);
    }
}

/* From the top directory, or from t/. */
static FILE *open_list(void)
{
    FILE *file = fopen("t/" REDIRECTS, "r");

    if (!file) file = fopen(REDIRECTS, "r");
    if (!file) fail_msg("t/%s cannot be read: run the test in the top directory", REDIRECTS);
    return file;
}

static void open_redirects(void **state)
{
    FILE *file = open_list();
    char line[4096];
    int count = 0;

    while (fgets(line, sizeof(line), file)) {
        apr_pool_t *p;
        const char *got;
        char *shown;
        size_t len;

        line[strcspn(line, "\n")] = '\0';
        if (!line[0] || line[0] == '#') continue;
        apr_pool_create(&p, pool);
        shown = apr_pstrdup(p, line);
        len = unescape(line);
        count++;
        got = strlen(line) == len ? aten_return_path(line, ATEN, p) : NULL;
        if (got) fail_msg("%s was let through as %s", shown, got);
        got = through_query(line, len, 1, p);
        if (got) fail_msg("%s was let through a query as %s", shown, got);
        /* Put into a query by hand, an entry is decoded once before it is judged, or cut at '&'. It may have become
         * something harmless then, and that is judged by the model of a browser. */
        got = strlen(line) == len ? through_query(line, len, 0, p) : NULL;
        if (got) assert_harmless(got, shown, p);
        apr_pool_destroy(p);
    }
    fclose(file);
    print_message("  %d entries\n", count);
    assert_true(count > 1000);
}

/* Every string of up to five of these parts: what passes must be harmless however often it is decoded. */
static void all_combinations(void **state)
{
    static const char *const parts[] = {"/", "\\", ".", "..", "%2f", "%5c", "%25", "2f", "2e", "aten", "x"};
    apr_pool_t *p;
    int passed = 0, refused = 0, length;

    apr_pool_create(&p, pool);
    for (length = 1; length <= 5; length++) {
        int digits[5] = {0, 0, 0, 0, 0}, at = 0;

        while (at < length) {
            char to[64] = "/";
            const char *got;

            for (at = 0; at < length; at++) apr_cpystrn(to + strlen(to), parts[digits[at]], 8);
            got = aten_return_path(to, ATEN, p);
            if (got) {
                assert_string_equal(got, to);
                assert_harmless(got, to, p);
                passed++;
            }
            else {
                refused++;
            }
            for (at = 0; at < length && ++digits[at] == COUNT(parts); at++) digits[at] = 0;
            if (!((passed + refused) & 0xff)) apr_pool_clear(p);
        }
    }
    print_message("  %d passed, %d refused\n", passed, refused);
    assert_true(passed > 10000 && refused > 10000);
    apr_pool_destroy(p);
}

/* --- aten_host_parse, aten_url_host, aten_return_url --- */

static void hosts_of_directive(void **state)
{
    static const struct { const char *text, *host, *why; } rows[] = {
        {"www.mon-ent.fr", "www.mon-ent.fr", "a name"},
        {"WWW.Mon-ENT.fr", "www.mon-ent.fr", "in any case"},
        {"localhost", "localhost", "a short name"},
        {"192.0.2.7", "192.0.2.7", "a number"},
        {"xn--cole-9oa.example", "xn--cole-9oa.example", "IDNA"},
        {"", NULL, "nothing"},
        {"*", NULL, "every host"},
        {"*.mon-ent.fr", NULL, "a wildcard"},
        {".mon-ent.fr", NULL, "an empty label"},
        {"mon-ent.fr.", NULL, "a final dot: another host to a browser"},
        {"mon-ent.fr:443", NULL, "a port"},
        {"https://mon-ent.fr", NULL, "a scheme"},
        {"mon-ent.fr/", NULL, "a path"},
        {"me@mon-ent.fr", NULL, "a user"},
        {"mon ent.fr", NULL, "a blank"},
        {"\xc3\xa9nt.example", NULL, "accents: to be written as xn--"},
        {"127.1", NULL, "a browser makes 127.0.0.1 of it"},
        {"[::1]", NULL, "not a name"},
        {"::1", NULL, "not a name"},
    };
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        const char *host = NULL, *error = aten_host_parse(&host, rows[i].text, pool);

        expect(host, rows[i].host, rows[i].text, rows[i].why);
        expect_number(error == NULL, rows[i].host != NULL, rows[i].text, rows[i].why);
        if (error) assert_non_null(strstr(error, "www.mon-ent.fr"));
        if (error) assert_non_null(strstr(error, aten_log_text(pool, rows[i].text, 200)));
    }
}

static apr_array_header_t *allowed(void)
{
    static const char *const names_allowed[] = {"ent.example", "localhost", "127.0.0.1", "[::1]", "192.0.2.7"};
    apr_array_header_t *hosts = apr_array_make(pool, 5, sizeof(const char *));
    int i;

    for (i = 0; i < COUNT(names_allowed); i++) APR_ARRAY_PUSH(hosts, const char *) = names_allowed[i];
    return hosts;
}

static void return_urls(void **state)
{
    static const struct { const char *url, *why; } rows[] = {
        {"https://ent.example", "a host alone"},
        {"https://ent.example/", "its root"},
        {"https://ent.example?a=b", "a query without a path"},
        {"https://ent.example/deconnexion?a=b&c=%2F%2Fx", "path and query stay as they are"},
        {"https://ent.example/%C3%A9?q=%40", "what is encoded well"},
        {"https://ent.example/?to=http://evil.example/", "a query may say what it likes"},
        {"https://ent.example/a:b;c=d,e+f*(g)!$~[h]|{i}^", "characters that mean nothing"},
        {"https://ent.example:8443/", "any port of the host"},
        {"HTTPS://ENT.Example/A", "scheme and host in any case"},
        {"https://192.0.2.7/", "a number"},
        {"https://localhost/", "this machine"},
        {"http://localhost:8080/", "... by http too"},
        {"http://127.0.0.1/", "... by number"},
        {"http://[::1]:8080/", "... by IPv6"},
    };
    const char *url, *host;
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        url = NULL;
        expect(aten_return_url(&url, rows[i].url, allowed(), pool), NULL, rows[i].url, rows[i].why);
        expect(url, rows[i].url, rows[i].url, rows[i].why);
    }
    assert_null(aten_url_host(&host, "https://WWW.Autre.example:8443/x?y", pool));
    assert_string_equal(host, "www.autre.example");
}

/* said: what the sentence has to have; NULL: it must not name a host. */
static void return_urls_refused(void **state)
{
    static const struct { const char *url, *said, *why; } rows[] = {
        {"https://evil.example/secret", "evil.example", "another host"},
        {"https://ent.example.evil.example/secret", "ent.example.evil.example", "ours at the beginning"},
        {"https://evil-ent.example/secret", "evil-ent.example", "ours at the end"},
        {"https://sub.ent.example/secret", "sub.ent.example", "below ours"},
        {"https://example/secret", "leads to example,", "above ours"},
        {"https://ent.exampl/secret", "ent.exampl,", "cut"},
        {"https://192.0.2.77/secret", "192.0.2.77", "another number"},
        {"http://ent.example/secret", "ent.example by plain http", "http elsewhere than here"},
        {"http://192.0.2.7/secret", "192.0.2.7 by plain http", "likewise"},
        {"http://localhost.example/secret", "localhost.example by plain http", "not this machine"},
        {"", NULL, "nothing"},
        {"/secret", NULL, "a path"},
        {"//ent.example/secret", NULL, "no scheme"},
        {"ent.example/secret", NULL, "no scheme"},
        {"://ent.example/secret", NULL, "an empty scheme"},
        {"https:ent.example/secret", NULL, "no slashes"},
        {"https:/ent.example/secret", NULL, "one slash"},
        {"https:///ent.example/secret", NULL, "three"},
        {"https:/x://ent.example/secret", NULL, "slashes further on"},
        {"/x?https://ent.example/secret", NULL, "an address inside a path"},
        {"ftp://ent.example/secret", NULL, "not a scheme of the web"},
        {"javascript://ent.example/secret", NULL, "a program"},
        {"data://ent.example/secret", NULL, "no address at all"},
        {"xhttps://ent.example/secret", NULL, "another scheme"},
        {"https://me:pw@ent.example/secret", NULL, "a user"},
        {"https://ent.example@evil.example/secret", NULL, "a user that looks like a host"},
        {"https://ent.example/@evil.example/secret", NULL, "some parsers see a user"},
        {"https://ent.example/secret#a", NULL, "a fragment"},
        {"https://evil.example#.ent.example/secret", NULL, "a fragment that looks like a host"},
        {"https://evil.example\\.ent.example/secret", NULL, "a backslash, which browsers take for a slash"},
        {"https://ent.example/secret\\", NULL, "a backslash"},
        {"https://ent.example/secret x", NULL, "a blank"},
        {" https://ent.example/secret", NULL, "a blank before"},
        {"https://ent.example/secret ", NULL, "a blank behind"},
        {"https://ent.example/secret\t", NULL, "a tab"},
        {"ht\ntps://ent.example/secret", NULL, "a line's end, which browsers drop"},
        {"https://ent.example/secret\r\nX: y", NULL, "a header's end"},
        {"https://ent.example/secret\x7f", NULL, "a control character"},
        {"https://ent.example/\xc3\xa9secret", NULL, "not ASCII"},
        {"https://ent.example/secret\"", NULL, "a quote"},
        {"https://ent.example/secret'", NULL, "a quote"},
        {"https://ent.example/secret`", NULL, "a quote"},
        {"https://ent.example/secret<", NULL, "markup"},
        {"https://ent.example/secret>", NULL, "markup"},
        {"https://ent.example/secret%0d%0a", NULL, "a line's end, encoded"},
        {"https://ent.example/secret?a=%250a", NULL, "... twice"},
        {"https://ent.example/secret%00", NULL, "a NUL"},
        {"https://ent.example/secret%c2%85", NULL, "a control character beyond ASCII"},
        {"https://ent.example/secret%", NULL, "a broken escape"},
        {"https://ent.example/secret%2", NULL, "a broken escape"},
        {"https://ent.example/secret?%zz", NULL, "a broken escape"},
        {"https://ent.example%2fsecret", NULL, "an escape in the host"},
        {"https://ent%2eexample/secret", NULL, "an escape in the host"},
        {"https://ent.example;secret/", NULL, "not a character of a host"},
        {"https://ent.example./secret", NULL, "a final dot"},
        {"https://ent..example/secret", NULL, "an empty label"},
        {"https://ent.example:/secret", NULL, "an empty port"},
        {"https://ent.example:0/secret", NULL, "not a port"},
        {"https://ent.example:65536/secret", NULL, "not a port"},
        {"https://ent.example:443:443/secret", NULL, "two ports"},
        {"https:///secret", NULL, "no host"},
        {"https://?secret", NULL, "no host"},
        {"https://127.1/secret", NULL, "a browser makes 127.0.0.1 of it"},
        {"https://0x7f000001/secret", NULL, "a browser makes 127.0.0.1 of it"},
        {"https://[::1]x/secret", NULL, "something behind the bracket"},
    };
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        const char *url = NULL, *error = aten_return_url(&url, rows[i].url, allowed(), pool);

        if (!error || url) fail_msg("%s was let through: %s", rows[i].url, rows[i].why);
        if (strstr(error, "secret")) fail_msg("%s: '%s' has more than the host", rows[i].url, error);
        if (rows[i].said && !strstr(error, rows[i].said)) fail_msg("%s: '%s'", rows[i].url, error);
        if (!rows[i].said && strstr(error, "example")) fail_msg("%s: '%s' has a host", rows[i].url, error);
    }
}

static void return_url_limits(void **state)
{
    static const char start[] = "https://ent.example/";
    char *long_url = apr_palloc(pool, ATEN_TO_MAX + 2);
    apr_array_header_t *none = apr_array_make(pool, 1, sizeof(const char *));
    const char *url = NULL;

    memset(long_url, 'a', ATEN_TO_MAX + 1);
    memcpy(long_url, start, strlen(start));
    long_url[ATEN_TO_MAX + 1] = '\0';
    assert_non_null(aten_return_url(&url, long_url, allowed(), pool));
    long_url[ATEN_TO_MAX] = '\0';
    assert_null(aten_return_url(&url, long_url, allowed(), pool));
    assert_string_equal(url, long_url);
    assert_ptr_not_equal(url, long_url);
    url = NULL;
    assert_non_null(aten_return_url(&url, start, none, pool)); /* no list allows nothing */
    assert_null(url);
}

/* None leads to another host; four entries are plain addresses of ours, which are wrong as paths alone. */
static void open_redirects_by_portal(void **state)
{
    apr_array_header_t *hosts = apr_array_make(pool, 1, sizeof(const char *));
    FILE *file = open_list();
    char line[4096];
    int count = 0, ours = 0;

    APR_ARRAY_PUSH(hosts, const char *) = "ent.example";
    while (fgets(line, sizeof(line), file)) {
        apr_pool_t *p;
        const char *url = NULL;

        line[strcspn(line, "\n")] = '\0';
        if (!line[0] || line[0] == '#') continue;
        apr_pool_create(&p, pool);
        unescape(line); /* what stands behind a NUL cannot come here */
        aten_return_url(&url, line, hosts, p);
        if (url && apr_cstr_casecmpn(url, "https://ent.example/", 20)) fail_msg("%s was let through", url);
        ours += url != NULL;
        count++;
        apr_pool_destroy(p);
    }
    fclose(file);
    assert_int_equal(ours, 4);
    assert_true(count > 1000);
}

/* --- aten_params --- */

static const char *const names[] = {"to", "profile", "ticket", NULL};

static void params(void **state)
{
    static const struct {
        const char *text;
        aten_verdict_t verdict;
        const char *to, *profile, *which, *why;
    } rows[] = {
        {NULL, ATEN_V_OK, NULL, NULL, NULL, "no query"},
        {"", ATEN_V_OK, NULL, NULL, NULL, "an empty query"},
        {"to=/ent", ATEN_V_OK, "/ent", NULL, NULL, "one"},
        {"to=/ent&profile=a", ATEN_V_OK, "/ent", "a", NULL, "two"},
        {"x=1&to=/ent&y=2", ATEN_V_OK, "/ent", NULL, NULL, "others are passed over"},
        {"x=1&x=2&to=a", ATEN_V_OK, "a", NULL, NULL, "others may repeat"},
        {"x=%zz&to=a", ATEN_V_OK, "a", NULL, NULL, "others may be malformed"},
        {"x=%00&y=%ff&to=a", ATEN_V_OK, "a", NULL, NULL, "others may be malformed"},
        {"to=", ATEN_V_OK, "", NULL, NULL, "an empty value"},
        {"to", ATEN_V_OK, "", NULL, NULL, "no value"},
        {"&&to=a&", ATEN_V_OK, "a", NULL, NULL, "empty parts"},
        {"=a&to=b", ATEN_V_OK, "b", NULL, NULL, "no name"},
        {"to=a=b", ATEN_V_OK, "a=b", NULL, NULL, "an equals sign in the value"},
        {"to=a;profile=b", ATEN_V_OK, "a;profile=b", NULL, NULL, "only '&' separates"},
        {"to=a+b%20c%2Bd", ATEN_V_OK, "a b c+d", NULL, NULL, "'+' is a blank"},
        {"to=%2fent%3Fa%3Db%26c", ATEN_V_OK, "/ent?a=b&c", NULL, NULL, "decoded once"},
        {"to=%252f", ATEN_V_OK, "%2f", NULL, NULL, "decoded once only"},
        {"t%6F=a", ATEN_V_OK, "a", NULL, NULL, "the name is decoded too"},
        {"to=%C3%A9", ATEN_V_OK, "\xc3\xa9", NULL, NULL, "UTF-8"},
        {"to=\xc3\xa9", ATEN_V_OK, "\xc3\xa9", NULL, NULL, "UTF-8, raw"},
        {"to=%0a%09", ATEN_V_OK, "\n\t", NULL, NULL, "control characters are for whoever uses the value to judge"},
        {"to=%F0%9F%8E%92", ATEN_V_OK, "\xf0\x9f\x8e\x92", NULL, NULL, "beyond the first plane"},
        {"TO=a", ATEN_V_OK, NULL, NULL, NULL, "names have a case"},
        {"to%00=a", ATEN_V_OK, NULL, NULL, NULL, "a NUL in a name makes another name"},
        {"to%00x=a&to=b", ATEN_V_OK, "b", NULL, NULL, "likewise"},
        {"to[]=a", ATEN_V_OK, NULL, NULL, NULL, "another name"},
        {"+to=a", ATEN_V_OK, NULL, NULL, NULL, "another name"},
        {"to=a&to=b", ATEN_V_PARAM_REPEATED, NULL, NULL, "to", "twice"},
        {"to=a&to=a", ATEN_V_PARAM_REPEATED, NULL, NULL, "to", "twice the same"},
        {"to=a&to", ATEN_V_PARAM_REPEATED, NULL, NULL, "to", "twice, once empty"},
        {"to&to", ATEN_V_PARAM_REPEATED, NULL, NULL, "to", "twice empty"},
        {"to=a&%74o=b", ATEN_V_PARAM_REPEATED, NULL, NULL, "to", "twice, once spelled differently"},
        {"profile=a&x=1&profile=b&to=c", ATEN_V_PARAM_REPEATED, NULL, NULL, "profile", "names which"},
        {"to=%", ATEN_V_PARAM_MALFORMED, NULL, NULL, "to", "a broken escape"},
        {"to=%2", ATEN_V_PARAM_MALFORMED, NULL, NULL, "to", "a broken escape"},
        {"to=%2&x=f", ATEN_V_PARAM_MALFORMED, NULL, NULL, "to", "an escape doesn't reach over '&'"},
        {"to=%zz", ATEN_V_PARAM_MALFORMED, NULL, NULL, "to", "a broken escape"},
        {"to=%u0041", ATEN_V_PARAM_MALFORMED, NULL, NULL, "to", "a broken escape"},
        {"profile=a&to=%00", ATEN_V_PARAM_MALFORMED, NULL, NULL, "to", "a NUL, and what came before is gone too"},
        {"to=a%00b", ATEN_V_PARAM_MALFORMED, NULL, NULL, "to", "a NUL"},
        {"to=%ff", ATEN_V_PARAM_MALFORMED, NULL, NULL, "to", "not UTF-8"},
        {"to=%C3", ATEN_V_PARAM_MALFORMED, NULL, NULL, "to", "cut UTF-8"},
        {"to=%C0%AF", ATEN_V_PARAM_MALFORMED, NULL, NULL, "to", "overlong UTF-8"},
        {"to=%E0%80%AF", ATEN_V_PARAM_MALFORMED, NULL, NULL, "to", "overlong UTF-8"},
        {"to=%ED%A0%80", ATEN_V_PARAM_MALFORMED, NULL, NULL, "to", "a surrogate"},
        {"to=%F4%90%80%80", ATEN_V_PARAM_MALFORMED, NULL, NULL, "to", "beyond U+10FFFF"},
        {"to=\xe9", ATEN_V_PARAM_MALFORMED, NULL, NULL, "to", "ISO-8859-1, raw"},
    };
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        apr_table_t *table = NULL;
        const char *which = "x";

        expect_number((int)aten_params(&table, rows[i].text, names, &which, pool), (int)rows[i].verdict, rows[i].text,
                      rows[i].why);
        assert_non_null(table);
        expect(apr_table_get(table, "to"), rows[i].to, rows[i].text, rows[i].why);
        expect(apr_table_get(table, "profile"), rows[i].profile, rows[i].text, rows[i].why);
        expect(which, rows[i].which, rows[i].text, rows[i].why);
    }
}

/* --- aten_url_with --- */

static void addresses(void **state)
{
    static const struct {
        const char *base, *path;
        const char *params[7];
        const char *url, *why;
    } rows[] = {
        {"https://e.example", "/aten/cas", {NULL}, "https://e.example/aten/cas", "no parameters"},
        {"https://e.example", "/aten/cas", {"state", "AZaz09.-_", NULL}, "https://e.example/aten/cas?state=AZaz09.-_",
         "what may stand as it is"},
        {"", "/login", {"to", "/a?b=c&d", "profile", "x", NULL}, "/login?to=%2fa%3fb%3dc%26d&profile=x", "two"},
        {"", "/a", {"b", NULL, "c", "d", NULL}, "/a?c=d", "a value of NULL is left out"},
        {"", "/a", {"b", NULL, "c", NULL, NULL}, "/a", "all left out: no question mark"},
        {"", "/a", {"b", "", NULL}, "/a?b=", "an empty value stands"},
        {"", "/a?b=c", {"d", "e", NULL}, "/a?b=c&d=e", "a query goes on"},
        {"", "/a?", {"d", "e", NULL}, "/a?d=e", "an empty query goes on"},
        {"", "/a?b&", {"d", "e", NULL}, "/a?b&d=e", "an '&' is not doubled"},
        {"", "/a", {"b", "c d+e  f", NULL}, "/a?b=c%20d%2be%20%20f", "a blank is %20, '+' is %2b"},
        {"", "/a", {"b", "\xc3\xa9\r\n%\"<#", NULL}, "/a?b=%c3%a9%0d%0a%25%22%3c%23", "everything else is encoded"},
        {NULL, NULL, {"a", "b", NULL}, "?a=b", "nothing before"},
        {"https://e.example/?x", NULL, {"a", "b", NULL}, "https://e.example/?x&a=b", "the base has a query"},
    };
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        const char *got = aten_url_with(pool, rows[i].base, rows[i].path, rows[i].params);

        expect(got, rows[i].url, rows[i].url, rows[i].why);
    }
    assert_string_equal(aten_url_with(pool, "https://e.example", "/a", NULL), "https://e.example/a");
}

/* What aten_url_with writes, aten_params reads. */
static void there_and_back(void **state)
{
    char value[256];
    const char *params_in[] = {"to", value, NULL};
    apr_table_t *table;
    const char *which;
    int i;

    for (i = 1; i < 128; i++) value[i - 1] = (char)i;
    apr_cpystrn(value + 127, "\xc3\xa9\xe2\x82\xac", 16);
    assert_int_equal(aten_params(&table, aten_url_with(pool, "", "", params_in) + 1, names, &which, pool), ATEN_V_OK);
    assert_string_equal(apr_table_get(table, "to"), value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base_accepts),
        cmocka_unit_test(base_refuses),
        cmocka_unit_test(loopback),
        cmocka_unit_test(own_path),
        cmocka_unit_test(own_pages),
        cmocka_unit_test(ordinary_paths),
        cmocka_unit_test(tickets_are_dropped),
        cmocka_unit_test(length_limit),
        cmocka_unit_test(nothing_at_all),
        cmocka_unit_test(open_redirects),
        cmocka_unit_test(all_combinations),
        cmocka_unit_test(hosts_of_directive),
        cmocka_unit_test(return_urls),
        cmocka_unit_test(return_urls_refused),
        cmocka_unit_test(return_url_limits),
        cmocka_unit_test(open_redirects_by_portal),
        cmocka_unit_test(params),
        cmocka_unit_test(addresses),
        cmocka_unit_test(there_and_back),
    };

    return cmocka_run_group_tests_name("url", tests, setup, teardown);
}
