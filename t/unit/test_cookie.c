#include "unit.h"
#include "aten_cookie.h"

#define NAME_64 "a234567890123456789012345678901234567890123456789012345678901234"

static void names_are_parsed(void **state)
{
    static const struct {
        const char *name;
        const char *base; /* NULL: refused */
        const char *why;
    } rows[] = {
        {"aten", "aten", "the usual one"},
        {"__Host-aten", "aten", "the module sets the prefix itself"},
        {"__Secure-aten", "aten", "... this one too"},
        {"__HOST-aten", "aten", "browsers don't look at the case of a prefix"},
        {"__Hostaten", "__Hostaten", "no prefix"},
        {"ent_Session.2!", "ent_Session.2!", "a token has more than letters"},
        {NAME_64, NAME_64, "64 characters"},
        {"__Host-" NAME_64, NAME_64, "64 characters without the prefix"},
        {NAME_64 "5", NULL, "65 characters"},
        {"", NULL, "empty"},
        {"__Host-", NULL, "a prefix alone"},
        {"__Host-__Secure-aten", NULL, "two prefixes"},
        {"a b", NULL, "a blank"},
        {"a=b", NULL, "the separator"},
        {"a;b", NULL, "ends a cookie"},
        {"a,b", NULL, "no token character"},
        {"a\"b", NULL, "no token character"},
        {"a\r\nSet-Cookie: x", NULL, "a header of its own"},
        {"\xC3\xA9", NULL, "not ASCII"},
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *base = NULL;
        const char *error = aten_cookie_name_parse(&base, rows[i].name, pool);

        if (rows[i].base) {
            if (error || !base || strcmp(base, rows[i].base)) fail_msg("%s: %s", rows[i].why, error ? error : base);
        }
        else {
            if (!error || base) fail_msg("accepted: %s", rows[i].why);
            assert_non_null(strstr(error, apr_pstrcat(pool, "'", rows[i].name, "'", NULL)));
        }
    }
}

static void names_have_their_prefix(void **state)
{
    assert_string_equal(aten_cookie_name("aten", "", 1, 0, pool), "__Host-aten");
    assert_string_equal(aten_cookie_name("aten", "", 1, 1, pool), "__Secure-aten");
    assert_string_equal(aten_cookie_name("aten", "", 0, 0, pool), "aten");
    assert_string_equal(aten_cookie_name("aten", "", 0, 1, pool), "aten");
    assert_string_equal(aten_cookie_name("aten", "-login-3", 1, 0, pool), "__Host-aten-login-3");
    assert_string_equal(aten_cookie_name("aten", "-result", 1, 1, pool), "__Secure-aten-result");
    assert_string_equal(aten_cookie_name("aten", "-result", 0, 1, pool), "aten-result");
}

static void cookies_are_found(void **state)
{
    static const struct {
        const char *header;
        int nth;
        const char *value; /* NULL: not found */
        const char *why;
    } rows[] = {
        {"aten=x", 0, "x", "alone"},
        {"a=1; aten=x; b=2", 0, "x", "among others"},
        {"a=1;aten=x;b=2", 0, "x", "without blanks"},
        {"a=1 ;\t aten = x \t; b=2", 0, "x", "with more blanks"},
        {"aten=x; aten=y", 0, "x", "the first of two"},
        {"aten=x; aten=y", 1, "y", "the second"},
        {"aten=x; aten=y", 2, NULL, "there is no third"},
        {"aten=\"x\"", 0, "x", "quoted"},
        {"aten=\"\"", 0, "", "quoted and empty"},
        {"aten=\"", 0, "\"", "one quote is a value"},
        {"aten=", 0, "", "empty"},
        {"aten=a=b", 0, "a=b", "'=' in the value"},
        {"atenx=1", 0, NULL, "a longer name"},
        {"aten-login-1=1", 0, NULL, "a longer name"},
        {"xaten=1", 0, NULL, "a longer name"},
        {"ate=1", 0, NULL, "a shorter name"},
        {"ATEN=1", 0, NULL, "names are case-sensitive"},
        {"__Host-aten=1", 0, NULL, "with a prefix it is another name"},
        {"x=aten=1", 0, NULL, "inside a value"},
        {"aten", 0, NULL, "no '='"},
        {"aten; aten=x", 0, "x", "a malformed one before it"},
        {"=x; aten=y", 0, "y", "no name"},
        {"=; ==; ;;; ; aten=y;", 0, "y", "crafted (CVE-2023-28625)"},
        {"", 0, NULL, "empty header"},
        {";", 0, NULL, "nothing but a separator"},
        {NULL, 0, NULL, "no header"},
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *value = NULL;
        apr_size_t len = 0;
        const int found = aten_cookie_find(rows[i].header, "aten", rows[i].nth, &value, &len);

        if (found != (rows[i].value != NULL)) fail_msg("%s: %d", rows[i].why, found);
        if (!found) continue;
        if (len != strlen(rows[i].value) || memcmp(value, rows[i].value, len)) fail_msg("%s: %s", rows[i].why, value);
        assert_true(value >= rows[i].header && value <= rows[i].header + strlen(rows[i].header));
    }
}

typedef struct {
    char *seen;
    int stop_after;
} collector_t;

static int collect(void *baton, const char *name, apr_size_t name_len, const char *value, apr_size_t value_len)
{
    collector_t *c = baton;

    c->seen = apr_psprintf(pool, "%s[%.*s|%.*s]", c->seen, (int)name_len, name, (int)value_len, value);
    return --c->stop_after != 0;
}

static void each_cookie_is_visited(void **state)
{
    collector_t c = {apr_pstrdup(pool, ""), -1};

    aten_cookie_each("a=1; junk; b=\"2\"; =3; c=; a=4 ", collect, &c);
    assert_string_equal(c.seen, "[a|1][b|2][c|][a|4]");
    c = (collector_t){apr_pstrdup(pool, ""), 2};
    aten_cookie_each("a=1; b=2; c=3", collect, &c);
    assert_string_equal(c.seen, "[a|1][b|2]");
    c = (collector_t){apr_pstrdup(pool, ""), -1};
    aten_cookie_each(NULL, collect, &c);
    aten_cookie_each("", collect, &c);
    assert_string_equal(c.seen, "");
}

static void ours_are_stripped(void **state)
{
    static const struct {
        const char *header;
        const char *left; /* NULL: nothing */
        const char *why;
    } rows[] = {
        {"__Host-aten=x", NULL, "ours alone"},
        {"__Host-aten=x; ", NULL, "... with an empty part behind it"},
        {"; __Host-aten=x; ;", NULL, "... between empty parts"},
        {"__Host-aten=x; b=2", "b=2", "first"},
        {"a=1; __Host-aten=x; b=2", "a=1; b=2", "in the middle"},
        {"a=1; __Host-aten=x", "a=1", "last"},
        {"a=1; __Secure-aten=x; b=2", "a=1; b=2", "the other prefix"},
        {"a=1; aten=x; b=2", "a=1; b=2", "without a prefix: from when the site was http"},
        {"a=1; __hOST-aten=x; b=2", "a=1; b=2", "a prefix in any case"},
        {"a=1; \t__Host-aten =x;b=2", "a=1;b=2", "blanks around the name"},
        {"a=1; __Host-aten=x; __Host-aten=y; b=2", "a=1; b=2", "twice"},
        {"__Host-aten-login-0=x; __Host-aten-login-4=y; a=1", "a=1", "pending logins"},
        {"aten-login-7=x; __Secure-aten-login-123=y; a=1", "a=1", "pending logins of any number and spelling"},
        {"__Secure-aten-result=x; a=1", "a=1", "a portal's result"},
        {"__Host-aten-result=x; a=1; aten-result=y; __sEcUrE-aten-result=z", "a=1", "... in any spelling"},
        {"aten-result=x", NULL, "... alone"},
        {"b;__Host-aten=x; =;\"q; b = 2 ", "b; =;\"q; b = 2 ", "the others stay as they are, also malformed ones"},
    };
    static const char *const untouched[] = {
        "", ";", "a=1; b=2", "atenx=1", "xaten=1", "aten-login-=1", "aten-login-x=1", "aten-login-1x=1", "aten-login=1",
        "aten-logout-1=1", "aten-result-1=1", "aten-results=1", "aten-resul=1", "xaten-result=1",
        "__Secure-result=1", "a=__Host-aten=x", "__Host-ate=1", "__Host-=1", "aten", "ATEN=1", "; = ;=",
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *left = aten_cookie_strip(rows[i].header, "aten", pool);

        if (!left != !rows[i].left || (left && strcmp(left, rows[i].left))) {
            fail_msg("%s: %s", rows[i].why, left ? left : "(nothing)");
        }
    }
    for (i = 0; i < sizeof(untouched) / sizeof(untouched[0]); i++) {
        if (aten_cookie_strip(untouched[i], "aten", pool) != untouched[i]) fail_msg("changed: %s", untouched[i]);
    }
    assert_null(aten_cookie_strip(NULL, "aten", pool));
}

static void cookies_are_written(void **state)
{
    assert_string_equal(aten_cookie_set("__Host-aten", "v", 1, NULL, -1, pool),
                        "__Host-aten=v; Path=/; Secure; HttpOnly; SameSite=Lax");
    assert_string_equal(aten_cookie_set("__Secure-aten", "v", 1, "ent.example", -1, pool),
                        "__Secure-aten=v; Path=/; Domain=ent.example; Secure; HttpOnly; SameSite=Lax");
    assert_string_equal(aten_cookie_set("aten", "v", 0, NULL, 600, pool),
                        "aten=v; Path=/; Max-Age=600; HttpOnly; SameSite=Lax");
    assert_string_equal(aten_cookie_set("__Host-aten", "v", 1, NULL, 0, pool),
                        "__Host-aten=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax");
    assert_string_equal(aten_cookie_set_at("__Secure-aten-result", "v", 1, "/aten/saml/done", 60, pool),
                        "__Secure-aten-result=v; Path=/aten/saml/done; Max-Age=60; Secure; HttpOnly; SameSite=Lax");
    assert_string_equal(aten_cookie_set_at("aten-result", "v", 0, "/aten/saml/done", 0, pool),
                        "aten-result=; Path=/aten/saml/done; Max-Age=0; HttpOnly; SameSite=Lax");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_parsed),
        cmocka_unit_test(names_have_their_prefix),
        cmocka_unit_test(cookies_are_found),
        cmocka_unit_test(each_cookie_is_visited),
        cmocka_unit_test(ours_are_stripped),
        cmocka_unit_test(cookies_are_written),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
