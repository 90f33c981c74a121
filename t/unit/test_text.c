/* The catalogue: every text stands in both languages and keeps the rules of its language. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_pools.h>

#include "aten_text.h"
#include "aten_util.h"

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))
#define NBSP "\xc2\xa0"
#define TEXT_MAX 400
#define TITLE_MAX 64 /* with the portal's name behind it the browser's tab still shows it whole */

static apr_pool_t *pool;

static const char *const names[ATEN_T_COUNT] = {
#define X(id, fr, en) #id,
    ATEN_TEXTS(X)
#undef X
};

static const char *fr_of(int id)
{
    static const char *const texts[ATEN_T_COUNT] = {
#define X(id, fr, en) fr,
        ATEN_TEXTS(X)
#undef X
    };
    return texts[id];
}

static const char *en_of(int id)
{
    static const char *const texts[ATEN_T_COUNT] = {
#define X(id, fr, en) en,
        ATEN_TEXTS(X)
#undef X
    };
    return texts[id];
}

static int setup(void **state)
{
    if (apr_initialize() != APR_SUCCESS) return -1;
    return apr_pool_create(&pool, NULL) == APR_SUCCESS ? 0 : -1;
}

static int teardown(void **state)
{
    apr_pool_destroy(pool);
    apr_terminate();
    return 0;
}

static void require(int good, int id, const char *text, const char *rule)
{
    if (!good) fail_msg("%s: %s: '%s'", names[id], rule, text);
}

static int ends_with(const char *text, const char *tail)
{
    size_t len = strlen(text), tail_len = strlen(tail);

    return len >= tail_len && !strcmp(text + len - tail_len, tail);
}

/* --- the words --- */

static void check_any_language(int id, const char *text)
{
    require(aten_text_is_clean(text, TEXT_MAX), id, text, "clean UTF-8, not too long, not empty");
    require(!strpbrk(text, "<>&\""), id, text, "no markup, and quotes that the language has");
    require(!strchr(text, '\''), id, text, "the apostrophe is ’");
    require(!strstr(text, "  "), id, text, "no double blank");
    require(text[0] != ' ' && !ends_with(text, " "), id, text, "no blank at the ends");
    require(!ends_with(names[id], "_TITLE") || strlen(text) <= TITLE_MAX, id, text, "a title is short");
    require(!ends_with(names[id], "_TITLE") || !ends_with(text, "."), id, text, "a title has no full stop");
    require(!ends_with(names[id], "_WHY") || ends_with(text, "."), id, text, "a sentence ends in a full stop");
    require(!ends_with(names[id], "_WHAT") || ends_with(text, "."), id, text, "a sentence ends in a full stop");
}

static void test_both_languages(void **state)
{
    for (int id = 0; id < ATEN_T_COUNT; id++) {
        check_any_language(id, fr_of(id));
        check_any_language(id, en_of(id));
        require(strcmp(fr_of(id), en_of(id)) != 0, id, fr_of(id), "two languages, two texts");
    }
}

static int has_placeholder(const char *text, int n)
{
    char wanted[] = {'{', (char)('0' + n), '}', '\0'};

    return strstr(text, wanted) != NULL;
}

static int braces(const char *text)
{
    int count = 0;

    for (const char *s = strchr(text, '{'); s; s = strchr(s + 1, '{')) count++;
    return count;
}

/* Both languages say the same about the same things: a placeholder each that the other has too, and once. */
static void test_placeholders(void **state)
{
    for (int id = 0; id < ATEN_T_COUNT; id++) {
        int count = 0;

        for (int n = 0; n < 4; n++) {
            require(has_placeholder(fr_of(id), n) == has_placeholder(en_of(id), n), id, en_of(id),
                    "the same arguments in both languages");
            require(!has_placeholder(fr_of(id), n) || n == 0 || has_placeholder(fr_of(id), n - 1), id, fr_of(id),
                    "arguments without a gap");
            count += has_placeholder(fr_of(id), n);
        }
        require(braces(fr_of(id)) == count && braces(en_of(id)) == count, id, en_of(id),
                "a brace is a placeholder's, {0} to {3}, once");
    }
}

/* French typography: a no-break space before : ; ? ! and inside « ». */
static void test_french_spaces(void **state)
{
    for (int id = 0; id < ATEN_T_COUNT; id++) {
        const char *text = fr_of(id);

        for (const char *s = strpbrk(text, ":;?!"); s; s = strpbrk(s + 1, ":;?!")) {
            if (!strncmp(s, "://", 3)) continue;
            require(s - text >= 2 && !strncmp(s - 2, NBSP, 2), id, text, "a no-break space before : ; ? !");
        }
        for (const char *s = strstr(text, "«"); s; s = strstr(s + 1, "«")) {
            require(!strncmp(s + strlen("«"), NBSP, 2), id, text, "a no-break space after «");
        }
        for (const char *s = strstr(text, "»"); s; s = strstr(s + 1, "»")) {
            require(s - text >= 2 && !strncmp(s - 2, NBSP, 2), id, text, "a no-break space before »");
        }
        require(!strpbrk(en_of(id), ";") && !strstr(en_of(id), NBSP), id, en_of(id), "English has no such space");
    }
}

/* Families read these pages. */
static void test_plain_words(void **state)
{
    static const char *const jargon[] = {"ticket", "token", "SSO", "SAML", "HTTP ", "backend", "redirig", "serveur",
                                         "authentif", "population", "login", "URL", "tu ", "votre ENT"};

    for (int id = 0; id < ATEN_T_COUNT; id++) {
        for (int i = 0; i < COUNT(jargon); i++) {
            require(!strstr(fr_of(id), jargon[i]), id, fr_of(id), "plain words");
        }
        for (const char *s = strstr(fr_of(id), "CAS"); s; s = strstr(s + 1, "CAS")) {
            require(s > fr_of(id) && s[-1] == '(' && s[3] == ')', id, fr_of(id), "CAS in brackets only");
        }
    }
}

/* --- the arguments --- */

static void test_arguments(void **state)
{
    static const struct {
        const char *lang;
        aten_text_t id;
        const char *args[5];
        const char *want;
        const char *why;
    } rows[] = {
        {"fr", ATEN_T_CHOOSER_TITLE, {NULL}, "Indiquez votre profil", "the guide's own words"},
        {"en", ATEN_T_CHOOSER_TITLE, {NULL}, "Choose your profile", "English"},
        {"de", ATEN_T_CHOOSER_TITLE, {NULL}, "Choose your profile", "any other language gets English"},
        {"FR", ATEN_T_CHOOSER_TITLE, {NULL}, "Choose your profile", "languages are compared byte for byte"},
        {NULL, ATEN_T_CHOOSER_TITLE, {NULL}, "Choose your profile", "no language"},
        {"en", ATEN_T_MOVED, {"/ent"}, "Continue to /ent", "at the end"},
        {"en", ATEN_T_CHOOSER_CLOSED_SINCE, {"1 March 2017"}, "Closed since 1 March 2017. Use another choice.",
         "in the middle"},
        {"en", ATEN_T_REFUSED_SINCE, {"1 March", "parents"},
         "Since 1 March, the school portal’s own identifier (CAS) no longer opens this page for: parents.", "two"},
        {"en", ATEN_T_CHOOSER_CLOSED_FOR, {"parents", "1 March"},
         "Since 1 March, this choice is no longer open for: parents. Other people can go on using it.",
         "the text's order is not the arguments'"},
        {"en", ATEN_T_MOVED, {NULL}, "Continue to ", "a missing argument gives nothing"},
        {"en", ATEN_T_CHOOSER_CLOSED_FOR, {"parents"},
         "Since , this choice is no longer open for: parents. Other people can go on using it.", "one of two missing"},
        {"en", ATEN_T_MOVED, {"/a", "/b", "/c"}, "Continue to /a", "arguments too many are left out"},
        {"en", ATEN_T_MOVED, {""}, "Continue to ", "an empty argument"},
        {"en", ATEN_T_CHOOSER_CLOSED_FOR, {"{1}{0}", "{0}"},
         "Since {0}, this choice is no longer open for: {1}{0}. Other people can go on using it.",
         "an argument's own braces are not looked at again"},
        {"en", ATEN_T_MOVED, {"<b>&\"'"}, "Continue to <b>&\"'", "not escaped here: the page does that"},
        {"en", ATEN_T_MOVED, {"%s%n"}, "Continue to %s%n", "no printf format anywhere"},
        {"fr", ATEN_T_GO_PROFILE, {"élèves"}, "Se connecter" NBSP ": élèves", "UTF-8 goes through"},
    };

    for (int i = 0; i < COUNT(rows); i++) {
        const char *got = aten_text(rows[i].lang, rows[i].id, rows[i].args, pool);

        if (strcmp(got, rows[i].want)) fail_msg("row %d (%s): '%s'", i, rows[i].why, got);
    }
}

static void test_no_arguments(void **state)
{
    assert_string_equal(aten_text("en", ATEN_T_MOVED, NULL, pool), "Continue to ");
    assert_string_equal(aten_text("en", ATEN_T_TRY_AGAIN, NULL, pool), "Try again");
}

static void test_outside_the_list(void **state)
{
    assert_string_equal(aten_text("fr", ATEN_T_COUNT, NULL, pool), "");
    assert_string_equal(aten_text("fr", (aten_text_t)-1, NULL, pool), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_languages), cmocka_unit_test(test_placeholders),
        cmocka_unit_test(test_french_spaces),  cmocka_unit_test(test_plain_words),
        cmocka_unit_test(test_arguments),      cmocka_unit_test(test_no_arguments),
        cmocka_unit_test(test_outside_the_list),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
