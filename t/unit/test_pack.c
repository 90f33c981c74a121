#include "unit.h"
#include "aten_pack.h"

static char *repeat(char c, apr_size_t times)
{
    char *text = apr_palloc(pool, times + 1);

    memset(text, c, times);
    text[times] = '\0';
    return text;
}

static void everything_comes_back(void **state)
{
    unsigned char bytes[3], *copy;
    aten_unpack_t in;
    aten_pack_t pack;

    aten_pack_init(&pack, 1000, pool);
    aten_pack_number(&pack, 0x1234, 2);
    aten_pack_number(&pack, UINT64_MAX, 8);
    aten_pack_bytes(&pack, "\0\1\2", 3);
    aten_pack_time(&pack, APR_INT64_MAX);
    aten_pack_size(&pack, 3);
    aten_pack_text(&pack, "");
    aten_pack_name(&pack, "Élodie");
    aten_pack_text(&pack, repeat('x', 300));
    assert_false(pack.full || pack.bad);

    copy = apr_pmemdup(pool, pack.data, pack.len);
    aten_unpack_init(&in, copy, pack.len);
    assert_int_equal(aten_unpack_number(&in, 2), 0x1234);
    assert_true(aten_unpack_number(&in, 8) == UINT64_MAX);
    aten_unpack_bytes(&in, bytes, 3);
    assert_memory_equal(bytes, "\0\1\2", 3);
    assert_true(aten_unpack_time(&in) == APR_INT64_MAX);
    assert_int_equal(aten_unpack_size(&in, 1), 3);
    assert_string_equal(aten_unpack_text(&in), "");
    assert_string_equal(aten_unpack_name(&in), "Élodie");
    assert_false(aten_unpack_done(&in));
    assert_string_equal(aten_unpack_text(&in), repeat('x', 300));
    assert_true(aten_unpack_done(&in));
}

static void the_bytes_are_these(void **state)
{
    static const unsigned char expected[] = {0x01, 0x02, 0,    0,    0,    0,    0,   0,   0,
                                             9,    2,    'a',  'b',  0,    0x7F, 0x80, 0x80, 0xFF, 0xFF};
    aten_pack_t pack;

    aten_pack_init(&pack, 100, pool);
    aten_pack_number(&pack, 0xFF0102, 2);
    aten_pack_time(&pack, 9);
    aten_pack_text(&pack, "ab");
    aten_pack_size(&pack, 0x7F);
    aten_pack_size(&pack, 0x80);
    aten_pack_size(&pack, ATEN_PACK_TEXT_MAX);
    assert_int_equal(pack.len, sizeof(expected));
    assert_memory_equal(pack.data, expected, sizeof(expected));
}

static void what_does_not_fit_stays_out(void **state)
{
    aten_pack_t pack;

    aten_pack_init(&pack, 4, pool);
    aten_pack_bytes(&pack, "abcd", 4);
    assert_false(pack.full);
    aten_pack_bytes(&pack, "", 0);
    assert_false(pack.full);
    aten_pack_number(&pack, 1, 1);
    assert_true(pack.full);
    assert_int_equal(pack.len, 4);

    aten_pack_init(&pack, 4, pool);
    aten_pack_text(&pack, "abc"); /* with length and NUL: one too many */
    assert_true(pack.full);
    aten_pack_bytes(&pack, "", 0); /* stays */
    assert_true(pack.full);

    aten_pack_init(&pack, 100000, pool);
    aten_pack_text(&pack, repeat('x', ATEN_PACK_TEXT_MAX));
    assert_false(pack.full);
    aten_pack_text(&pack, repeat('x', ATEN_PACK_TEXT_MAX + 1));
    assert_true(pack.full);
}

/* The same table holds for packing and reading: what one refuses, the other does. */
static const struct {
    const char *text;
    int ok;
    const char *why;
} texts[] = {
    {"", 1, "an attribute's value may be empty"},
    {"a", 1, "shorter than a word of eight"},
    {"abcdefgh", 1, "exactly one word"},
    {"abcdefghi", 1, "one word and a byte, read by a word that overlaps"},
    {"~~~~~~~~ ~~~~~~~", 1, "both ends of printable ASCII"},
    {"Élodie Lefèvre", 1, "two bytes a character"},
    {"\xE2\x82\xAC", 1, "three bytes"},
    {"\xF0\x9F\x8E\x92", 1, "four bytes"},
    {"\xC2\xA0", 1, "the first one behind the C1 controls"},
    {"abc\x1F", 0, "a control character in the tail"},
    {"abcdefg\x01", 0, "... at the end of a word"},
    {"\nabcdefghijk", 0, "... at the beginning of a word"},
    {"abcdefghijk\t", 0, "... in the word that overlaps"},
    {"abc\x7F", 0, "DEL"},
    {"abcdefg\x7F", 0, "DEL in a word"},
    {"\xC2\x85", 0, "C1"},
    {"abcdefgh\x80", 0, "a lone continuation byte"},
    {"\xC0\xAF", 0, "overlong"},
    {"\xED\xA0\x80", 0, "a surrogate"},
    {"\xC3", 0, "cut inside a character"},
    {"\xF4\x90\x80\x80", 0, "behind U+10FFFF"},
};

static void texts_are_clean(void **state)
{
    size_t i;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const apr_size_t len = strlen(texts[i].text);
        unsigned char *data = apr_palloc(pool, len + 2);
        aten_unpack_t in;
        aten_pack_t pack;

        aten_pack_init(&pack, 100, pool);
        aten_pack_text(&pack, texts[i].text);
        if (pack.bad == texts[i].ok) fail_msg("packing: %s", texts[i].why);

        data[0] = (unsigned char)len;
        memcpy(data + 1, texts[i].text, len + 1);
        aten_unpack_init(&in, data, len + 2);
        if (strcmp(aten_unpack_text(&in), texts[i].ok ? texts[i].text : "")) fail_msg("reading: %s", texts[i].why);
        if (aten_unpack_done(&in) != texts[i].ok) fail_msg("reading ends: %s", texts[i].why);
    }
}

static void names_are_not_empty(void **state)
{
    aten_unpack_t in;
    aten_pack_t pack;

    aten_pack_init(&pack, 10, pool);
    aten_pack_name(&pack, "");
    assert_true(pack.bad);
    aten_pack_init(&pack, 10, pool);
    aten_pack_name(&pack, NULL);
    assert_true(pack.bad);
    aten_pack_init(&pack, 10, pool);
    aten_pack_text(&pack, NULL);
    assert_true(pack.bad);
    aten_pack_init(&pack, 10, pool);
    aten_pack_time(&pack, -1);
    assert_true(pack.bad);

    aten_unpack_init(&in, (const unsigned char *)"\0\0", 2);
    assert_string_equal(aten_unpack_name(&in), "");
    assert_true(in.failed);
}

static const struct {
    const char *data;
    apr_size_t len;
    const char *why;
} broken_texts[] = {
    {"", 0, "nothing there"},
    {"\x01", 1, "a length alone"},
    {"\x01" "a", 2, "no NUL"},
    {"\x01" "ab", 3, "another byte where the NUL has to be"},
    {"\x03" "a\0c\0", 5, "a NUL inside"},
    {"\x03" "é\0\0", 5, "a NUL behind a character that is no ASCII"},
    {"\x09" "a\0", 3, "longer than what is there"},
    {"\xFF\xFF" "a\0", 4, "far longer"},
    {"\x80\x01" "a\0", 4, "a short length in the long form"},
    {"\x81", 1, "a long form cut"},
};

static void broken_texts_fail(void **state)
{
    size_t i;

    for (i = 0; i < sizeof(broken_texts) / sizeof(broken_texts[0]); i++) {
        /* A copy of the very size, so that the sanitizer sees a byte read too many. */
        unsigned char *data = malloc(broken_texts[i].len ? broken_texts[i].len : 1);
        aten_unpack_t in;

        memcpy(data, broken_texts[i].data, broken_texts[i].len);
        aten_unpack_init(&in, data, broken_texts[i].len);
        if (*aten_unpack_text(&in) || !in.failed) fail_msg("%s", broken_texts[i].why);
        free(data);
    }
}

static void a_failure_stays(void **state)
{
    unsigned char bytes[2] = {7, 7};
    aten_unpack_t in;

    aten_unpack_init(&in, (const unsigned char *)"\1\2\3", 3);
    assert_int_equal(aten_unpack_number(&in, 4), 0);
    assert_int_equal(aten_unpack_number(&in, 1), 0);
    aten_unpack_bytes(&in, bytes, 2);
    assert_memory_equal(bytes, "\0\0", 2);
    assert_int_equal(aten_unpack_size(&in, 1), 0);
    assert_true(aten_unpack_time(&in) == 0);
    assert_string_equal(aten_unpack_text(&in), "");
    assert_false(aten_unpack_done(&in));

    aten_unpack_init(&in, (const unsigned char *)"\x80\0\0\0\0\0\0\0", 8);
    assert_true(aten_unpack_time(&in) == 0); /* before the epoch */
    assert_false(aten_unpack_done(&in));
}

/* CVE-2024-24814: a count out of a cookie was a loop's bound. */
static void counts_are_held_against_what_is_there(void **state)
{
    aten_unpack_t in;

    aten_unpack_init(&in, (const unsigned char *)"\2\0\0\0\0", 5);
    assert_int_equal(aten_unpack_size(&in, 2), 2);
    aten_unpack_init(&in, (const unsigned char *)"\3\0\0\0\0", 5);
    assert_int_equal(aten_unpack_size(&in, 2), 0);
    assert_true(in.failed);
    aten_unpack_init(&in, (const unsigned char *)"\xFF\xFF\0\0\0", 5);
    assert_int_equal(aten_unpack_size(&in, 1), 0);
    assert_true(in.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_comes_back),
        cmocka_unit_test(the_bytes_are_these),
        cmocka_unit_test(what_does_not_fit_stays_out),
        cmocka_unit_test(texts_are_clean),
        cmocka_unit_test(names_are_not_empty),
        cmocka_unit_test(broken_texts_fail),
        cmocka_unit_test(a_failure_stays),
        cmocka_unit_test(counts_are_held_against_what_is_there),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
