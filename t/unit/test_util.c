/* aten_util.h: comparing, numbers, clean text, trimming, joining, log text. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <jansson.h>

#include "aten_util.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static int make_pool(void **state)
{
    return apr_pool_create((apr_pool_t **)state, NULL) != APR_SUCCESS;
}

static int drop_pool(void **state)
{
    apr_pool_destroy(*state);
    return 0;
}

static void same_is_byte_for_byte(void **state)
{
    static const struct { const char *a, *b; int same; const char *why; } cases[] = {
        {"abc", "abc", 1, "the same bytes"},
        {"", "", 1, "two empty values are values"},
        {"abc", "ABC", 0, "case counts"},
        {"abc", "abcd", 0, "a prefix is not the whole"},
        {"abcd", "abc", 0, "nor the other way"},
        {"01", "1", 0, "no natural order: other bytes are another value"},
        {"a b", "a  b", 0, "blanks count"},
        {NULL, "", 0, "a missing value is not the empty one"},
        {"", NULL, 0, "nor the other way"},
        {NULL, NULL, 0, "two missing values never match"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        if (aten_same(cases[i].a, cases[i].b) != cases[i].same) fail_msg("%s", cases[i].why);
    }
}

static void numbers_are_whole_and_in_range(void **state)
{
    static const struct { const char *text; apr_int64_t min, max, value; int ok; const char *why; } cases[] = {
        {"0", 0, 10, 0, 1, "the smallest"},
        {"10", 0, 10, 10, 1, "the largest"},
        {"11", 0, 10, 0, 0, "one too many"},
        {"4", 5, 10, 0, 0, "one too few"},
        {"007", 0, 10, 7, 1, "leading zeros are decimal, not octal"},
        {"010", 0, 10, 10, 1, "ten, not eight"},
        {"9223372036854775807", 0, APR_INT64_MAX, APR_INT64_MAX, 1, "the type's largest"},
        {"9223372036854775808", 0, APR_INT64_MAX, 0, 0, "one beyond the type"},
        {"99999999999999999999999999", 0, APR_INT64_MAX, 0, 0, "far beyond the type"},
        {"18446744073709551621", 0, 10, 0, 0, "would be 5 if it wrapped"},
        {"", 0, 10, 0, 0, "empty"},
        {NULL, 0, 10, 0, 0, "missing"},
        {"+5", 0, 10, 0, 0, "a sign"},
        {"-5", -10, 10, 0, 0, "a sign, even where the range has room"},
        {" 5", 0, 10, 0, 0, "a blank before"},
        {"5 ", 0, 10, 0, 0, "a blank behind"},
        {"5s", 0, 10, 0, 0, "a unit"},
        {"0x5", 0, 10, 0, 0, "hexadecimal"},
        {"5.0", 0, 10, 0, 0, "a fraction"},
        {"1e1", 0, 10, 0, 0, "an exponent"},
        {"\xd9\xa5", 0, 10, 0, 0, "a digit of another script"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        apr_int64_t out = -77;
        const int ok = aten_parse_number(cases[i].text, cases[i].min, cases[i].max, &out);

        if (ok != cases[i].ok) fail_msg("'%s': %s", cases[i].text ? cases[i].text : "NULL", cases[i].why);
        if (out != (ok ? cases[i].value : -77)) fail_msg("'%s' gave %ld: %s", cases[i].text, (long)out, cases[i].why);
    }
}

static void clean_text(void **state)
{
    static const struct { const char *text; apr_size_t max; int clean; const char *why; } cases[] = {
        {"Zo\xc3\xa9", 100, 1, "two bytes"},
        {"\xe2\x82\xac", 3, 1, "three bytes, at the limit"},
        {"\xe2\x82\xac", 2, 0, "a limit inside a character"},
        {"\xf0\x9f\x98\x80", 4, 1, "four bytes"},
        {" ", 1, 1, "a blank is a character"},
        {"~", 1, 1, "the last of ASCII that prints"},
        {"ab", 1, 0, "one byte too many"},
        {"a", 0, 0, "nothing fits into nothing"},
        {"", 100, 0, "empty"},
        {NULL, 100, 0, "missing"},
        {"a\nb", 100, 0, "a new line"},
        {"a\tb", 100, 0, "a tab"},
        {"\x01", 100, 0, "U+0001"},
        {"\x1f", 100, 0, "U+001F"},
        {"\x7f", 100, 0, "U+007F"},
        {"\xc2\x80", 100, 0, "U+0080, a control of C1"},
        {"\xc2\x85", 100, 0, "U+0085, next line"},
        {"\xc2\x9f", 100, 0, "U+009F, the last of C1"},
        {"\xc2\xa0", 100, 1, "U+00A0 is no control"},
        {"\xc3\x80", 100, 1, "U+00C0: 80 behind C3 is no control"},
        {"\x80", 100, 0, "a continuation alone"},
        {"\xc3", 100, 0, "cut after one of two"},
        {"\xe2\x82", 100, 0, "cut after two of three"},
        {"\xf0\x9f\x98", 100, 0, "cut after three of four"},
        {"\xc3(", 100, 0, "no continuation behind the start"},
        {"\xc0\x80", 100, 0, "overlong NUL"},
        {"\xc0\xaf", 100, 0, "overlong slash"},
        {"\xc1\xbf", 100, 0, "overlong U+007F"},
        {"\xe0\x80\xaf", 100, 0, "overlong slash in three bytes"},
        {"\xe0\x9f\xbf", 100, 0, "overlong U+07FF"},
        {"\xe0\xa0\x80", 100, 1, "U+0800"},
        {"\xf0\x8f\xbf\xbf", 100, 0, "overlong U+FFFF"},
        {"\xf0\x90\x80\x80", 100, 1, "U+10000"},
        {"\xed\x9f\xbf", 100, 1, "U+D7FF, before the surrogates"},
        {"\xed\xa0\x80", 100, 0, "the first surrogate"},
        {"\xed\xbf\xbf", 100, 0, "the last surrogate"},
        {"\xee\x80\x80", 100, 1, "U+E000, behind the surrogates"},
        {"\xf4\x8f\xbf\xbf", 100, 1, "U+10FFFF"},
        {"\xf4\x90\x80\x80", 100, 0, "U+110000"},
        {"\xf5\x80\x80\x80", 100, 0, "no character begins with F5"},
        {"\xff", 100, 0, "nor with FF"},
        {"caf\xe9", 100, 0, "Latin-1"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        if (aten_text_is_clean(cases[i].text, cases[i].max) != cases[i].clean) fail_msg("%s", cases[i].why);
    }
}

static int clean_says_jansson(const char *text)
{
    json_t *string = json_string(text); /* takes valid UTF-8 only */
    const int valid = string != NULL;

    json_decref(string);
    if (!valid) return 0;
    for (; *text; text++) {
        const unsigned char c = (unsigned char)text[0];

        if (c < 0x20 || c == 0x7F) return 0;
        if (c == 0xC2 && (unsigned char)text[1] < 0xA0) return 0;
    }
    return 1;
}

static void check_against_jansson(const unsigned char bytes[4])
{
    const char text[5] = {(char)bytes[0], (char)bytes[1], (char)bytes[2], (char)bytes[3], '\0'};

    if (aten_text_is_clean(text, 4) != clean_says_jansson(text)) {
        fail_msg("%02x %02x %02x %02x", bytes[0], bytes[1], bytes[2], bytes[3]);
    }
}

/* A second opinion from other code: all pairs of bytes, and each border of RFC 3629's table in every place. */
static void clean_text_agrees_with_another_decoder(void **state)
{
    static const unsigned char borders[] = {0x1F, 0x20, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0,
                                            0xC1, 0xC2, 0xC3, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0,
                                            0xF1, 0xF3, 0xF4, 0xF5, 0xFF};
    const unsigned int n = COUNT(borders);

    for (unsigned int i = 0x100; i < 0x10000; i++) {
        check_against_jansson((unsigned char[4]){(unsigned char)(i >> 8), (unsigned char)i, 0, 0});
    }
    for (unsigned int i = 0; i < n * n * n * n; i++) {
        check_against_jansson((unsigned char[4]){borders[i / (n * n * n)], borders[i / (n * n) % n],
                                                 borders[i / n % n], borders[i % n]});
    }
}

static void trim_takes_both_ends(void **state)
{
    static const struct { const char *text, *trimmed; } cases[] = {
        {"a", "a"}, {" a ", "a"}, {"\t\r\n a b \n\r\t", "a b"}, {"", ""}, {" \t\r\n", ""},
        {"\xc2\xa0" "a", "\xc2\xa0" "a"}, {"\va\f", "\va\f"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) assert_string_equal(aten_trim(*state, cases[i].text), cases[i].trimmed);
    assert_null(aten_trim(*state, NULL));
}

static void trim_gives_a_copy(void **state)
{
    char text[] = "abc";
    const char *trimmed = aten_trim(*state, text);

    text[0] = 'x';
    assert_string_equal(trimmed, "abc");
}

static void join_as_shibboleth(void **state)
{
    static const struct { int n; const char *values[4], *joined, *why; } cases[] = {
        {0, {NULL}, "", "no value"},
        {1, {"a"}, "a", "one has no separator"},
        {2, {"a", "b"}, "a;b", "two"},
        {3, {"a", "", "b"}, "a;;b", "an empty value keeps its place"},
        {3, {"", "", ""}, ";;", "also at both ends"},
        {1, {""}, "", "one empty value"},
        {2, {"a;b", "c"}, "a\\;b;c", "a separator inside a value"},
        {2, {";", ";;"}, "\\;;\\;\\;", "nothing but separators"},
        {2, {"a", "a"}, "a;a", "duplicates are kept"},
        {1, {"a\\b"}, "a\\b", "a backslash stays as it is, as in Shibboleth"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        apr_array_header_t *values = apr_array_make(*state, 1, sizeof(const char *));

        for (int k = 0; k < cases[i].n; k++) APR_ARRAY_PUSH(values, const char *) = cases[i].values[k];
        if (strcmp(aten_join(*state, values), cases[i].joined)) fail_msg("%s", cases[i].why);
    }
}

static void log_text_is_one_printable_line(void **state)
{
    static const struct { const char *text; apr_size_t max; const char *log, *why; } cases[] = {
        {"abc", 10, "abc", "nothing to do"},
        {"abc", 3, "abc", "exactly as long as allowed"},
        {"abcd", 3, "abc...", "one longer"},
        {"abcd", 0, "...", "nothing allowed"},
        {"", 10, "", "empty"},
        {NULL, 10, "-", "missing"},
        {"a\r\nb", 10, "a\\r\\nb", "no second line"},
        {"a\x1b[31m", 10, "a\\x1b[31m", "no colours in a terminal"},
        {"caf\xc3\xa9", 10, "caf\\xc3\\xa9", "bytes beyond ASCII"},
        {"\x7f\x80\xff", 10, "\\x7f\\x80\\xff", "DEL and the upper half"},
        {"\"a\\", 10, "\\\"a\\\\", "quotes and backslashes"},
        {"\n\n\n\n", 2, "\\n\\n...", "the limit counts what came in"},
        {"%s%n", 10, "%s%n", "a format is text"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *log = aten_log_text(*state, cases[i].text, cases[i].max);

        if (strcmp(log, cases[i].log)) fail_msg("'%s': %s", log, cases[i].why);
    }
}

static void log_text_of_every_byte_is_printable(void **state)
{
    for (int c = 1; c < 256; c++) {
        const char text[2] = {(char)c, '\0'};

        for (const char *s = aten_log_text(*state, text, 1); *s; s++) assert_in_range(*s, 0x20, 0x7E);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_is_byte_for_byte),
        cmocka_unit_test(numbers_are_whole_and_in_range),
        cmocka_unit_test(clean_text),
        cmocka_unit_test(clean_text_agrees_with_another_decoder),
        cmocka_unit_test_setup_teardown(trim_takes_both_ends, make_pool, drop_pool),
        cmocka_unit_test_setup_teardown(trim_gives_a_copy, make_pool, drop_pool),
        cmocka_unit_test_setup_teardown(join_as_shibboleth, make_pool, drop_pool),
        cmocka_unit_test_setup_teardown(log_text_is_one_printable_line, make_pool, drop_pool),
        cmocka_unit_test_setup_teardown(log_text_of_every_byte_is_printable, make_pool, drop_pool),
    };

    if (apr_initialize() != APR_SUCCESS) return EXIT_FAILURE;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
