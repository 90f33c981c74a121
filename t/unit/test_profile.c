/* aten_profile.h: the entries of the chooser, their labels, ways and help links. */
#include <time.h>

#include "unit.h"
#include "aten_date.h"
#include "aten_profile.h"

#define A20 "aaaaaaaaaaaaaaaaaaaa"
#define A200 A20 A20 A20 A20 A20 A20 A20 A20 A20 A20

static int setup_in_paris(void **state)
{
    setenv("TZ", "Europe/Paris", 1);
    tzset();
    return setup(state);
}

typedef const char *setter_t(aten_profile_t *profile, int argc, char *const argv[], apr_pool_t *p);

static const char *set(setter_t *setter, aten_profile_t *profile, const char *line)
{
    char *words[WORDS_MAX];
    const int n = split(line, words);

    return setter(profile, n, words, pool);
}

static aten_profile_t *made(const char *id)
{
    aten_profile_t *profile = NULL;

    assert_null(aten_profile_make(&profile, id, pool));
    return profile;
}

static apr_time_t at(const char *text)
{
    apr_time_t when = 0;
    int has_offset;

    assert_null(aten_date_parse(&when, &has_offset, text));
    return when;
}

static void expect(const char *got, const char *want, const char *row, const char *why)
{
    if (got == want || (got && want && !strcmp(got, want))) return;
    fail_msg("%s (%s): '%s' instead of '%s'", row, why, got ? got : "NULL", want ? want : "NULL");
}

static void expect_error(const char *err, const char *says, const char *row, const char *why)
{
    if (!err || !strstr(err, says)) fail_msg("%s (%s): %s", row, why, err ? err : "accepted");
}

/* --- ids --- */

static void ids(void **state)
{
    static const struct { const char *id; int fine; const char *why; } rows[] = {
        {"eleves-parents", 1, "as built in"},
        {"A_9", 1, "every kind of character"},
        {"0", 1, "one character"},
        {A20 A20 A20 "1234", 1, "64 characters"},
        {A20 A20 A20 "12345", 0, "65 characters"},
        {"", 0, "empty"},
        {"a b", 0, "a blank"},
        {"a.b", 0, "a dot"},
        {"a/b", 0, "a slash"},
        {"\xc3\xa9l\xc3\xa8ves", 0, "an accent"},
        {"a\n", 0, "a control character"},
        {"a&b", 0, "it stands in a query"},
    };
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        aten_profile_t *profile = NULL;
        const char *err = aten_profile_make(&profile, rows[i].id, pool);

        if ((err == NULL) != rows[i].fine) fail_msg("%s (%s)", rows[i].id, rows[i].why);
        if (err) assert_non_null(strstr(err, "1 to 64 letters, digits, '-' or '_'"));
        if (err) assert_null(profile);
        else assert_string_equal(profile->id, rows[i].id);
    }
}

static void a_new_profile_is_empty(void **state)
{
    const aten_profile_t *profile = made("a");

    assert_int_equal(profile->labels->nelts, 0);
    assert_int_equal(profile->ways->nelts, 0);
    assert_int_equal(profile->help->nelts, 0);
    assert_null(profile->home);
    assert_null(aten_profile_way(profile, at("2017-03-01")));
    assert_null(aten_profile_label_for(profile, "fr"));
}

/* --- labels --- */

static void labels_that_are_right(void **state)
{
    static const struct { const char *line, *lang, *group, *text, *why; } rows[] = {
        {"Autres publics", NULL, NULL, "Autres publics", "for every language"},
        {"fr|Autres publics", "fr", NULL, "Autres publics", "French"},
        {"en|Everyone else", "en", NULL, "Everyone else", "English"},
        {"a > b", NULL, "a", "b", "nested"},
        {"fr|\xc3\xa9l\xc3\xa8ves ou parents > \xc3\xa9tablissement", "fr", "\xc3\xa9l\xc3\xa8ves ou parents",
         "\xc3\xa9tablissement", "nested, with accents"},
        {"a>b", NULL, "a", "b", "blanks around '>' are not needed"},
        {"  a  >  b c  ", NULL, "a", "b c", "blanks around go"},
        {"  a  ", NULL, NULL, "a", "blanks around go"},
        {"fr", NULL, NULL, "fr", "one word is the text, never the language"},
        {"fr|fr", "fr", NULL, "fr", "the second word is the text"},
        {"<b>\"x\"", NULL, "<b", "\"x\"", "markup is text like any other"},
        {A200, NULL, NULL, A200, "200 bytes"},
    };
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        aten_profile_t *profile = made("a");
        const aten_label_t *label;

        expect(set(aten_profile_label, profile, rows[i].line), NULL, rows[i].line, rows[i].why);
        assert_int_equal(profile->labels->nelts, 1);
        label = &APR_ARRAY_IDX(profile->labels, 0, aten_label_t);
        expect(label->lang, rows[i].lang, rows[i].line, rows[i].why);
        expect(label->group, rows[i].group, rows[i].line, rows[i].why);
        expect(label->text, rows[i].text, rows[i].line, rows[i].why);
    }
}

static void labels_that_are_wrong(void **state)
{
    static const struct { const char *line, *says, *why; } rows[] = {
        {"", "[fr|en] \"label\"", "nothing"},
        {"fr|a|b", "[fr|en] \"label\"", "quotes forgotten"},
        {"de|a", "'de' is not a language of the pages: write fr or en", "an unknown language"},
        {"FR|a", "'FR' is not a language", "another spelling"},
        {"fr|", "'' is not a label", "an empty text"},
        {"   ", "'   ' has an empty part", "blanks alone"},
        {"a > ", "'a > ' has an empty part", "nothing behind"},
        {" > b", "' > b' has an empty part", "nothing before"},
        {">", "'>' has an empty part", "nothing on both sides"},
        {"a > b > c", "'a > b > c' nests more than once", "nested twice"},
        {"a >> b", "'a >> b' nests more than once", "nested twice"},
        {"a\tb", "is not a label", "a control character"},
        {"a\xc2\x85", "is not a label", "a control character beyond ASCII"},
        {"\xe9l\xe8ves", "is not a label: write 1 to 200 bytes of UTF-8", "ISO-8859-1"},
        {A200 "a", "is not a label: write 1 to 200 bytes", "201 bytes"},
    };
    aten_profile_t *profile = made("a");
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        expect_error(set(aten_profile_label, profile, rows[i].line), rows[i].says, rows[i].line, rows[i].why);
    }
    assert_int_equal(profile->labels->nelts, 0);
}

static void one_label_a_language(void **state)
{
    aten_profile_t *profile = made("p");

    assert_null(set(aten_profile_label, profile, "fr|a"));
    assert_null(set(aten_profile_label, profile, "en|b"));
    assert_null(set(aten_profile_label, profile, "c"));
    expect_error(set(aten_profile_label, profile, "fr|d"),
                 "'d': the profile 'p' has a label in the language fr already", "fr|d", "twice");
    expect_error(set(aten_profile_label, profile, "e"), "'e': the profile 'p' has a label without a language already",
                 "e", "twice without one");
    assert_int_equal(profile->labels->nelts, 3);
}

static void the_label_for_a_language(void **state)
{
    static const struct { const char *first, *second, *lang, *text, *why; } rows[] = {
        {"fr|a", "en|b", "fr", "a", "its own"},
        {"fr|a", "en|b", "en", "b", "its own, wherever it stands"},
        {"fr|a", "c", "en", "c", "the one without a language"},
        {"c", "fr|a", "fr", "a", "its own before the one without"},
        {"fr|a", "fr|x", "en", "a", "else the first"},
        {"en|b", "fr|a", "de", "b", "else the first"},
        {"en|b", "c", NULL, "c", "no language asked for"},
        {"en|b", "fr|a", NULL, "b", "no language asked for: the first"},
    };
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        aten_profile_t *profile = made("p");

        set(aten_profile_label, profile, rows[i].first);
        set(aten_profile_label, profile, rows[i].second);
        expect(aten_profile_label_for(profile, rows[i].lang)->text, rows[i].text, rows[i].first, rows[i].why);
    }
}

/* --- ways --- */

static void ways_that_are_right(void **state)
{
    static const struct { const char *line; aten_backend_t backend; const char *target, *why; } rows[] = {
        {"cas", ATEN_BACKEND_CAS, NULL, "AtenCASServer"},
        {"cas|https://cas.example/cas", ATEN_BACKEND_CAS, "https://cas.example/cas", "another server, as written"},
        {"aten", ATEN_BACKEND_ATEN, NULL, "the default portal"},
        {"aten|urn:fi:ent:prod", ATEN_BACKEND_ATEN, "urn:fi:ent:prod", "another portal"},
        {"aten|https://portal.example/idp?x#y", ATEN_BACKEND_ATEN, "https://portal.example/idp?x#y", "an entityID is a "
         "name, whatever it looks like"},
        {"closed", ATEN_BACKEND_CLOSED, NULL, "no way"},
    };
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        aten_profile_t *profile = made("p");
        const aten_way_t *way;

        expect(set(aten_profile_backend, profile, rows[i].line), NULL, rows[i].line, rows[i].why);
        way = aten_profile_way(profile, at("2017-03-01"));
        assert_non_null(way);
        assert_int_equal(way->backend, rows[i].backend);
        assert_int_equal(way->from, 0);
        assert_int_equal(way->has_offset, 0);
        expect(way->target, rows[i].target, rows[i].line, rows[i].why);
    }
}

static void ways_that_are_wrong(void **state)
{
    static const struct { const char *line, *says, *why; } rows[] = {
        {"", "'' is not a way to log in: write aten [ENTITYID], cas [URL] or closed", "nothing"},
        {"ldap", "'ldap' is not a way to log in", "an unknown way"},
        {"CAS", "'CAS' is not a way to log in", "another spelling"},
        {"closed|x", "'x' is one word too many", "closed leads nowhere"},
        {"cas|https://a|b", "'b' is one word too many", "three words"},
        {"cas|", "'' is not the address of a CAS server", "an empty address"},
        {"cas|https://a b", "is not the address of a CAS server", "a blank"},
        {"cas|https://a\n", "is not the address of a CAS server", "a control character"},
        {"cas|https://\xc3\xa9", "is not the address of a CAS server", "an accent"},
        {"aten|", "'' is not a portal's entityID", "an empty entityID"},
        {"aten|a b", "'a b' is not a portal's entityID", "a blank"},
    };
    aten_profile_t *profile = made("p");
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        expect_error(set(aten_profile_backend, profile, rows[i].line), rows[i].says, rows[i].line, rows[i].why);
        if (!*rows[i].line) continue;
        expect_error(set(aten_profile_backend_from, profile, apr_pstrcat(pool, "2017-03-01|", rows[i].line, NULL)),
                     rows[i].says, rows[i].line, rows[i].why);
    }
    assert_int_equal(profile->ways->nelts, 0);
}

static void a_target_has_a_limit(void **state)
{
    char *target = apr_palloc(pool, 1026);
    char *words[] = {apr_pstrdup(pool, "aten"), target};
    aten_profile_t *profile = made("p");

    memset(target, 'a', 1025);
    target[1025] = '\0';
    expect_error(aten_profile_backend(profile, 2, words, pool), "at most 1024", "1025 bytes", "SAML's limit");
    target[1024] = '\0';
    assert_null(aten_profile_backend(profile, 2, words, pool));
}

static void one_way_from_the_beginning(void **state)
{
    aten_profile_t *profile = made("p");

    assert_null(set(aten_profile_backend, profile, "cas"));
    expect_error(set(aten_profile_backend, profile, "aten"), "'aten': the profile 'p' has an AtenBackend already",
                 "aten", "twice");
    expect_error(set(aten_profile_backend, profile, "cas"), "AtenBackendFrom", "cas", "twice the same");
    assert_int_equal(profile->ways->nelts, 1);
}

static void dates_that_are_wrong(void **state)
{
    static const struct { const char *line, *says, *why; } rows[] = {
        {"", "DATE aten [ENTITYID]", "nothing"},
        {"2017-03-01", "'' is not a way to log in", "a date alone"},
        {"cas", "'cas' is not a date", "no date"},
        {"01/03/2017|cas", "'01/03/2017' is not a date", "another form"},
        {"2017-02-29|cas", "'2017-02-29' ", "no such day"},
        {"2017-03-26T02:30|cas", "'2017-03-26T02:30' ", "a time that a change of clock skips"},
        {"1970-01-01|cas", "'1970-01-01' is too early", "before the epoch in Paris"},
        {"1970-01-01T00:00Z|cas", "is too early", "the epoch itself stands for AtenBackend"},
        {"2017-03-01|aten", "'2017-03-01' stands twice in the profile 'p'", "a date twice"},
        {"2017-03-01T00:00|closed", "stands twice", "the same instant in other words"},
        {"2017-02-28T23:00:00Z|closed", "stands twice", "the same instant in another zone"},
    };
    aten_profile_t *profile = made("p");
    int i;

    assert_null(set(aten_profile_backend_from, profile, "2017-03-01|aten"));
    for (i = 0; i < COUNT(rows); i++) {
        expect_error(set(aten_profile_backend_from, profile, rows[i].line), rows[i].says, rows[i].line, rows[i].why);
    }
    assert_int_equal(profile->ways->nelts, 1);
}

/* The guide's three phases and what came after, from one configuration. */
static void the_calendar(void **state)
{
    static const struct { const char *now; aten_backend_t backend; const char *target, *why; } rows[] = {
        {"1971-01-01", ATEN_BACKEND_CAS, NULL, "long before"},
        {"2016-08-31T23:59:59", ATEN_BACKEND_CAS, NULL, "a second before the first date"},
        {"2016-09-01T00:00:00", ATEN_BACKEND_ATEN, NULL, "a date acts on the first request that is not before it"},
        {"2017-03-01", ATEN_BACKEND_ATEN, NULL, "in between"},
        {"2021-01-01T12:00:00+01:00", ATEN_BACKEND_ATEN, "urn:educonnect", "the second date"},
        {"2029-12-31T23:59:59", ATEN_BACKEND_ATEN, "urn:educonnect", "a second before the last"},
        {"2030-01-01", ATEN_BACKEND_CLOSED, NULL, "the last date"},
        {"2099-01-01", ATEN_BACKEND_CLOSED, NULL, "for good"},
    };
    static const char *const lines[] = {"2021-01-01T12:00:00+01:00|aten|urn:educonnect", "2030-01-01|closed",
                                        "2016-09-01|aten"};
    int order, i;

    for (order = 0; order < 2; order++) {
        aten_profile_t *profile = made("p");

        if (order) assert_null(set(aten_profile_backend, profile, "cas"));
        for (i = 0; i < COUNT(lines); i++) assert_null(set(aten_profile_backend_from, profile, lines[i]));
        if (!order) assert_null(aten_profile_way(profile, at("2016-08-31")));
        if (!order) assert_null(set(aten_profile_backend, profile, "cas"));
        for (i = 1; i < profile->ways->nelts; i++) {
            assert_true(APR_ARRAY_IDX(profile->ways, i - 1, aten_way_t).from <
                        APR_ARRAY_IDX(profile->ways, i, aten_way_t).from);
        }
        assert_int_equal(APR_ARRAY_IDX(profile->ways, 1, aten_way_t).has_offset, 0);
        assert_int_equal(APR_ARRAY_IDX(profile->ways, 2, aten_way_t).has_offset, 1);
        for (i = 0; i < COUNT(rows); i++) {
            const aten_way_t *way = aten_profile_way(profile, at(rows[i].now));

            if (way->backend != rows[i].backend) fail_msg("%s (%s): %d", rows[i].now, rows[i].why, way->backend);
            expect(way->target, rows[i].target, rows[i].now, rows[i].why);
        }
        assert_int_equal(aten_profile_way(profile, 0)->backend, ATEN_BACKEND_CAS);
        assert_int_equal(aten_profile_way(profile, -1)->backend, ATEN_BACKEND_CAS);
    }
}

static void a_microsecond_before(void **state)
{
    aten_profile_t *profile = made("p");
    const apr_time_t from = at("2017-03-01");

    assert_null(set(aten_profile_backend, profile, "cas"));
    assert_null(set(aten_profile_backend_from, profile, "2017-03-01|closed"));
    assert_int_equal(aten_profile_way(profile, from - 1)->backend, ATEN_BACKEND_CAS);
    assert_int_equal(aten_profile_way(profile, from)->backend, ATEN_BACKEND_CLOSED);
}

/* --- help links --- */

static const char *help(apr_array_header_t **list, const char *line)
{
    char *words[WORDS_MAX];
    const int n = split(line, words);

    return aten_help_link_add(list, n, words, pool);
}

static void links_that_are_right(void **state)
{
    static const struct { const char *line, *kind, *lang, *url, *text, *why; } rows[] = {
        {"contact|https://help.example/a?b=c#d", "contact", NULL, "https://help.example/a?b=c#d", NULL, "shortest"},
        {"contact|fr|https://help.example/", "contact", "fr", "https://help.example/", NULL, "a language"},
        {"contact|https://help.example/|Aide", "contact", NULL, "https://help.example/", "Aide", "a text"},
        {"contact|en|https://help.example/|Help me", "contact", "en", "https://help.example/", "Help me", "both"},
        {"no-identifier|http://help.example:8080", "no-identifier", NULL, "http://help.example:8080", NULL, "http"},
        {"first-login|/help/first", "first-login", NULL, "/help/first", NULL, "a path"},
        {"lost-password|/", "lost-password", NULL, "/", NULL, "the home page"},
        {"no-email|mailto:help@school.example", "no-email", NULL, "mailto:help@school.example", NULL, "an address"},
        {"locked|tel:+33-4.67(00)00", "locked", NULL, "tel:+33-4.67(00)00", NULL, "a number"},
        {"contact|HTTPS://HELP.example/", "contact", NULL, "HTTPS://HELP.example/", NULL, "a scheme has no case"},
        {"contact|/a|  \xc3\x89" "cole  ", "contact", NULL, "/a", "\xc3\x89" "cole", "a text is trimmed"},
        {"contact|/a|fr", "contact", NULL, "/a", "fr", "behind the address it is the text"},
        {"contact|https://[2001:db8::1]/", "contact", NULL, "https://[2001:db8::1]/", NULL, "an IPv6 address"},
        {"contact|/a|" A200, "contact", NULL, "/a", A200, "200 bytes"},
    };
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        apr_array_header_t *list = NULL;
        const aten_help_link_t *link;

        expect(help(&list, rows[i].line), NULL, rows[i].line, rows[i].why);
        assert_int_equal(list->nelts, 1);
        link = &APR_ARRAY_IDX(list, 0, aten_help_link_t);
        expect(link->kind, rows[i].kind, rows[i].line, rows[i].why);
        expect(link->lang, rows[i].lang, rows[i].line, rows[i].why);
        expect(link->url, rows[i].url, rows[i].line, rows[i].why);
        expect(link->text, rows[i].text, rows[i].line, rows[i].why);
    }
}

static void links_that_are_wrong(void **state)
{
    static const struct { const char *line, *says, *why; } rows[] = {
        {"", "KIND [fr|en] URL", "nothing"},
        {"contact", "KIND [fr|en] URL", "a kind alone"},
        {"contact|fr", "'contact' needs an address", "a language alone"},
        {"contact|fr|/a|b|c", "'contact' needs an address", "too many words"},
        {"contact|/a|b|c", "'contact' needs an address", "too many words"},
        {"help|/a", "'help' is not a kind of help: write no-identifier, first-login", "an unknown kind"},
        {"Contact|/a", "'Contact' is not a kind of help", "another spelling"},
        {"contact|de|/a", "'de' is not the address of a help page", "an unknown language"},
        {"contact|", "'' is not the address of a help page", "an empty address"},
        {"contact|help.html", "is not the address of a help page", "relative"},
        {"contact|//help.example/", "is not the address of a help page", "no scheme"},
        {"contact|/\\help.example/", "is not the address of a help page", "a backslash"},
        {"contact|https://a\\b", "is not the address of a help page", "a backslash"},
        {"contact|javascript:alert(1)", "'javascript:alert(1)' is not the address of a help page", "runs something"},
        {"contact|data:text/html,x", "is not the address of a help page", "shows something"},
        {"contact|ftp://help.example/", "is not the address of a help page", "no scheme of ours"},
        {"contact|https:help.example", "is not the address of a help page", "no slashes"},
        {"contact|https://", "is not the address of a help page", "no host"},
        {"contact|https:///a", "is not the address of a help page", "no host"},
        {"contact|https://:80/", "is not the address of a help page", "no host"},
        {"contact|https://me@help.example/", "is not the address of a help page", "a user"},
        {"contact|https://me:pw@help.example/", "is not the address of a help page", "a password"},
        {"contact|https://help.example/a b", "is not the address of a help page", "a blank"},
        {"contact|https://help.example/\xc3\xa9", "percent-encoded", "an accent"},
        {"contact|/a\n", "is not the address of a help page", "a control character"},
        {"contact|mailto:", "is not the address of a help page", "nobody"},
        {"contact|mailto:help", "is not the address of a help page", "no host"},
        {"contact|mailto:@school.example", "is not the address of a help page", "nobody"},
        {"contact|mailto:help@", "is not the address of a help page", "no host"},
        {"contact|tel:", "is not the address of a help page", "no number"},
        {"contact|tel:call me", "is not the address of a help page", "no number"},
        {"contact|/a|", "'' is not a link's text", "an empty text"},
        {"contact|/a|   ", "'' is not a link's text", "a text of blanks"},
        {"contact|/a|b\x1b", "is not a link's text", "a control character"},
        {"contact|/a|" A200 "a", "is not a link's text: write 1 to 200 bytes", "201 bytes"},
    };
    apr_array_header_t *list = NULL;
    char *words[] = {apr_pstrdup(pool, "contact"), apr_palloc(pool, 2050)};
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        expect_error(help(&list, rows[i].line), rows[i].says, rows[i].line, rows[i].why);
    }
    memset(words[1], '/', 1);
    memset(words[1] + 1, 'a', 2048);
    words[1][2049] = '\0';
    expect_error(aten_help_link_add(&list, 2, words, pool), "is not the address", "2049 bytes", "too long");
    assert_null(list);
    words[1][2048] = '\0';
    assert_null(aten_help_link_add(&list, 2, words, pool));
}

static void one_link_a_kind_and_language(void **state)
{
    apr_array_header_t *list = NULL;

    assert_null(help(&list, "contact|/a"));
    assert_null(help(&list, "contact|fr|/b"));
    assert_null(help(&list, "contact|en|/c"));
    assert_null(help(&list, "locked|/d"));
    expect_error(help(&list, "contact|/e"), "'/e': the kind contact has a link without a language already", "e", "");
    expect_error(help(&list, "contact|fr|/f"), "'/f': the kind contact has a link in the language fr already", "f", "");
    assert_int_equal(list->nelts, 4);
}

static void the_link_that_fits(void **state)
{
    static const struct { const char *kind, *lang, *url, *why; } rows[] = {
        {"contact", "fr", "/inner-fr", "the inner list, in the language"},
        {"contact", "en", "/inner", "the inner list, for every language, before an outer one in the language"},
        {"locked", "fr", "/outer-locked-fr", "only the outer list has it"},
        {"locked", "en", "/outer-locked", "only the outer list has it, for every language"},
        {"no-email", "fr", "/outer-mail", "an inner link in another language does not fit"},
        {"no-email", "en", "/inner-mail-en", "the inner one fits"},
        {"first-login", "fr", NULL, "nobody has it"},
        {"lost-password", "fr", NULL, "only in another language"},
        {"unknown", "fr", NULL, "no kind"},
        {"contact", NULL, "/inner", "no language asked for"},
    };
    apr_array_header_t *lists[3] = {NULL, NULL, NULL};
    int i;

    assert_null(help(&lists[0], "contact|/inner"));
    assert_null(help(&lists[0], "contact|fr|/inner-fr"));
    assert_null(help(&lists[0], "no-email|en|/inner-mail-en"));
    assert_null(help(&lists[2], "contact|en|/outer-en"));
    assert_null(help(&lists[2], "locked|fr|/outer-locked-fr"));
    assert_null(help(&lists[2], "locked|/outer-locked"));
    assert_null(help(&lists[2], "no-email|/outer-mail"));
    assert_null(help(&lists[2], "lost-password|en|/outer-lost"));
    for (i = 0; i < COUNT(rows); i++) {
        const aten_help_link_t *link = aten_help_link_find(lists, 3, rows[i].kind, rows[i].lang);

        expect(link ? link->url : NULL, rows[i].url, rows[i].kind, rows[i].why);
    }
    assert_null(aten_help_link_find(lists, 0, "contact", "fr"));
    assert_null(aten_help_link_find(lists, 3, NULL, "fr"));
}

static void the_kinds(void **state)
{
    static const char *const want[] = {"no-identifier", "first-login", "lost-password", "no-email", "locked",
                                       "contact", NULL};
    const char *const *kinds = aten_help_kinds();
    int i;

    for (i = 0; want[i]; i++) assert_string_equal(kinds[i], want[i]);
    assert_null(kinds[i]);
}

/* --- built in --- */

static void the_guides_profiles(void **state)
{
    static const struct { int has_aten, has_cas; const char *ways, *why; } rows[] = {
        {1, 1, "eleves-parents=aten autres-publics=cas", "the guide's second phase"},
        {0, 1, "eleves-parents=cas autres-publics=cas", "the guide's first phase"},
        {1, 0, "eleves-parents=aten", "a portal alone: only the first"},
        {0, 0, "", "nothing to log in with"},
    };
    int i, j;

    for (i = 0; i < COUNT(rows); i++) {
        const apr_array_header_t *list = aten_profile_builtin(rows[i].has_aten, rows[i].has_cas, pool);
        const char *got = "";

        for (j = 0; j < list->nelts; j++) {
            const aten_profile_t *profile = APR_ARRAY_IDX(list, j, aten_profile_t *);
            const aten_way_t *way = aten_profile_way(profile, at("2017-03-01"));

            assert_null(way->target);
            got = apr_pstrcat(pool, got, j ? " " : "", profile->id,
                              way->backend == ATEN_BACKEND_ATEN ? "=aten" : "=cas", NULL);
        }
        expect(got, rows[i].ways, rows[i].ways, rows[i].why);
    }
}

static void the_guides_words(void **state)
{
    static const struct { const char *id, *lang, *group, *text; } rows[] = {
        {"eleves-parents", "fr", "\xc3\xa9l\xc3\xa8ves ou parents", "\xc3\xa9tablissement Education Nationale"},
        {"eleves-parents", "en", "pupils or parents", "Education Nationale school"},
        {"autres-publics", "fr", NULL, "Autres publics"},
        {"autres-publics", "en", NULL, "Everyone else"},
    };
    const apr_array_header_t *list = aten_profile_builtin(1, 1, pool);
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        const aten_label_t *label = aten_profile_label_for(aten_profile_find(list, rows[i].id), rows[i].lang);

        expect(label->group, rows[i].group, rows[i].id, rows[i].lang);
        expect(label->text, rows[i].text, rows[i].id, rows[i].lang);
    }
}

/* --- finding and choosing --- */

static void finding(void **state)
{
    const apr_array_header_t *list = aten_profile_builtin(1, 1, pool);

    assert_string_equal(aten_profile_find(list, "autres-publics")->id, "autres-publics");
    assert_null(aten_profile_find(list, "Autres-Publics"));
    assert_null(aten_profile_find(list, "autres"));
    assert_null(aten_profile_find(list, ""));
    assert_null(aten_profile_find(list, NULL));
    assert_null(aten_profile_find(NULL, "autres-publics"));
}

static void choosing(void **state)
{
    static const struct { const char *ids, *got, *unknown, *why; } rows[] = {
        {NULL, "a b c", NULL, "no AtenProfiles: all, in file order"},
        {"c|a", "c a", NULL, "in the order of AtenProfiles"},
        {"b", "b", NULL, "one"},
        {"b|x|a|y", "b a", "x", "the first that nobody defined"},
        {"x", "", "x", "none is left: not all of them"},
        {"A", "", "A", "ids have a case"},
        {"a|a|b|a", "a b", NULL, "each once"},
        {"", "", NULL, "an empty list is not the same as none"},
    };
    apr_array_header_t *profiles = apr_array_make(pool, 3, sizeof(aten_profile_t *));
    int i, j;

    APR_ARRAY_PUSH(profiles, aten_profile_t *) = made("a");
    APR_ARRAY_PUSH(profiles, aten_profile_t *) = made("b");
    APR_ARRAY_PUSH(profiles, aten_profile_t *) = made("c");
    for (i = 0; i < COUNT(rows); i++) {
        apr_array_header_t *ids = rows[i].ids ? apr_array_make(pool, 4, sizeof(const char *)) : NULL, *out;
        const char *unknown = "?", *got = "";
        char *words[WORDS_MAX];
        const int n = rows[i].ids ? split(rows[i].ids, words) : 0;

        for (j = 0; j < n; j++) APR_ARRAY_PUSH(ids, const char *) = words[j];
        out = aten_profile_select(profiles, ids, &unknown, pool);
        for (j = 0; j < out->nelts; j++) {
            got = apr_pstrcat(pool, got, j ? " " : "", APR_ARRAY_IDX(out, j, aten_profile_t *)->id, NULL);
        }
        expect(got, rows[i].got, rows[i].why, rows[i].why);
        expect(unknown, rows[i].unknown, rows[i].why, rows[i].why);
        assert_ptr_not_equal(out, profiles);
        assert_int_equal(aten_profile_select(profiles, ids, NULL, pool)->nelts, out->nelts);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids),
        cmocka_unit_test(a_new_profile_is_empty),
        cmocka_unit_test(labels_that_are_right),
        cmocka_unit_test(labels_that_are_wrong),
        cmocka_unit_test(one_label_a_language),
        cmocka_unit_test(the_label_for_a_language),
        cmocka_unit_test(ways_that_are_right),
        cmocka_unit_test(ways_that_are_wrong),
        cmocka_unit_test(a_target_has_a_limit),
        cmocka_unit_test(one_way_from_the_beginning),
        cmocka_unit_test(dates_that_are_wrong),
        cmocka_unit_test(the_calendar),
        cmocka_unit_test(a_microsecond_before),
        cmocka_unit_test(links_that_are_right),
        cmocka_unit_test(links_that_are_wrong),
        cmocka_unit_test(one_link_a_kind_and_language),
        cmocka_unit_test(the_link_that_fits),
        cmocka_unit_test(the_kinds),
        cmocka_unit_test(the_guides_profiles),
        cmocka_unit_test(the_guides_words),
        cmocka_unit_test(finding),
        cmocka_unit_test(choosing),
    };

    return cmocka_run_group_tests_name("profile", tests, setup_in_paris, teardown);
}
