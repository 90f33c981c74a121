#include "unit.h"

#include "aten_info.h"
#include "aten_util.h"

#define SECONDS(n) apr_time_from_sec(n)
#define CAS "https://cas.mon-ent.fr/cas"
#define PORTAL "https://portal.example/idp"

static aten_info_t *info_of(apr_interval_time_t lifetime, int shared)
{
    aten_info_t *info = apr_pcalloc(pool, sizeof(*info));

    info->lifetime = lifetime;
    info->shared = shared;
    info->backends = apr_array_make(pool, 2, sizeof(aten_info_backend_t));
    return info;
}

static void add(aten_info_t *info, aten_backend_t backend, const char *target)
{
    APR_ARRAY_PUSH(info->backends, aten_info_backend_t) = (aten_info_backend_t){backend, target};
}

static const char *parse(aten_info_t **out, const char *text)
{
    *out = NULL;
    return aten_info_parse(out, text, strlen(text), pool);
}

static void what_is_written_is_read(void **state)
{
    aten_info_t *info = info_of(SECONDS(28800), 1), *read;
    const aten_info_backend_t *backend;
    const char *text;

    add(info, ATEN_BACKEND_CAS, CAS);
    add(info, ATEN_BACKEND_ATEN, PORTAL);
    add(info, ATEN_BACKEND_ATEN, CAS);                      /* the same address as another kind of backend */
    add(info, ATEN_BACKEND_ATEN, "urn:éducation:\"idp\"\\"); /* an entityID is any URI, and JSON escapes what it must */
    text = aten_info_text(info, pool);
    assert_non_null(text);
    assert_int_equal(strcspn(text, "\n"), strlen(text) - 1);
    assert_null(parse(&read, text));
    assert_true(read->lifetime == SECONDS(28800));
    assert_int_equal(read->shared, 1);
    assert_int_equal(read->backends->nelts, 4);
    backend = &APR_ARRAY_IDX(read->backends, 0, aten_info_backend_t);
    assert_int_equal(backend[0].backend, ATEN_BACKEND_CAS);
    assert_string_equal(backend[0].target, CAS);
    assert_int_equal(backend[1].backend, ATEN_BACKEND_ATEN);
    assert_string_equal(backend[1].target, PORTAL);
    assert_string_equal(backend[3].target, "urn:éducation:\"idp\"\\");
}

static void the_form_is_fixed(void **state)
{
    aten_info_t *info = info_of(SECONDS(3600), 0), *read;

    add(info, ATEN_BACKEND_CAS, CAS);
    assert_string_equal(aten_info_text(info, pool),
                        "{\"version\":1,\"lifetime\":3600,\"shared\":false,"
                        "\"backends\":[{\"backend\":\"cas\",\"target\":\"" CAS "\"}]}\n");
    info = info_of(SECONDS(1), 2);
    assert_string_equal(aten_info_text(info, pool), "{\"version\":1,\"lifetime\":1,\"shared\":true,\"backends\":[]}\n");
    assert_null(parse(&read, aten_info_text(info, pool)));
    assert_int_equal(read->shared, 1);
    assert_int_equal(read->backends->nelts, 0);
}

static char *repeat(char c, apr_size_t times)
{
    char *text = apr_palloc(pool, times + 1);

    memset(text, c, times);
    text[times] = '\0';
    return text;
}

static void what_would_be_refused_is_not_written(void **state)
{
    const struct {
        apr_interval_time_t lifetime;
        aten_backend_t backend;
        const char *target;
        int ok;
        const char *why;
    } rows[] = {
        {SECONDS(28800), ATEN_BACKEND_CAS, CAS, 1, "as it should be"},
        {0, ATEN_BACKEND_CAS, CAS, 0, "no lifetime"},
        {-SECONDS(1), ATEN_BACKEND_CAS, CAS, 0, "a negative one"},
        {SECONDS(1) + 1, ATEN_BACKEND_CAS, CAS, 0, "one that is not of whole seconds"},
        {SECONDS((apr_int64_t)86400 * 36600), ATEN_BACKEND_CAS, CAS, 0, "a hundred years"},
        {SECONDS(1), ATEN_BACKEND_CLOSED, CAS, 0, "no backend"},
        {SECONDS(1), ATEN_BACKEND_CAS, NULL, 0, "no target"},
        {SECONDS(1), ATEN_BACKEND_CAS, "", 0, "an empty one"},
        {SECONDS(1), ATEN_BACKEND_CAS, "a\nb", 0, "a line end"},
        {SECONDS(1), ATEN_BACKEND_CAS, "\xff", 0, "not UTF-8"},
        {SECONDS(1), ATEN_BACKEND_CAS, repeat('a', ATEN_INFO_TARGET_MAX), 1, "the longest"},
        {SECONDS(1), ATEN_BACKEND_CAS, repeat('a', ATEN_INFO_TARGET_MAX + 1), 0, "a longer one"},
    };
    aten_info_t *info;
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        info = info_of(rows[i].lifetime, 0);
        add(info, rows[i].backend, rows[i].target);
        if (!aten_info_text(info, pool) != !rows[i].ok) fail_msg("%s", rows[i].why);
    }
    info = info_of(SECONDS(1), 0);
    add(info, ATEN_BACKEND_ATEN, CAS);
    add(info, ATEN_BACKEND_CAS, CAS);
    add(info, ATEN_BACKEND_ATEN, apr_pstrdup(pool, CAS));
    assert_null(aten_info_text(info, pool)); /* one stands twice */
}

static void there_are_limits(void **state)
{
    aten_info_t *info = info_of(SECONDS(1), 0), *read;
    const char *text;
    int i;

    for (i = 0; i < ATEN_INFO_BACKENDS_MAX; i++) add(info, ATEN_BACKEND_CAS, apr_itoa(pool, i));
    text = aten_info_text(info, pool);
    assert_non_null(text);
    assert_null(parse(&read, text));
    assert_int_equal(read->backends->nelts, ATEN_INFO_BACKENDS_MAX);
    add(info, ATEN_BACKEND_CAS, "one more");
    assert_null(aten_info_text(info, pool));
    text = apr_pstrcat(pool, apr_pstrmemdup(pool, text, strlen(text) - 3),
                       ",{\"backend\":\"cas\",\"target\":\"one more\"}]}\n", NULL);
    assert_non_null(strstr(parse(&read, text), "too many"));
    assert_null(read);
    assert_non_null(strstr(parse(&read, repeat(' ', ATEN_INFO_BYTES_MAX + 1)), "too large"));
}

#define ROW(members) "{\"version\":1,\"lifetime\":3600,\"shared\":false,\"backends\":" members "}"
#define ONE "{\"backend\":\"cas\",\"target\":\"x\"}"

static void reading_is_strict(void **state)
{
    static const struct {
        const char *text;
        const char *error; /* NULL: it is taken */
        const char *why;
    } rows[] = {
        {ROW("[" ONE "]"), NULL, "as it is written"},
        {" " ROW("[ " ONE " ]") "\n", NULL, "with blanks"},
        {"", "JSON", "nothing"},
        {"{", "JSON", "the beginning alone"},
        {ROW("[" ONE "]") "x", "JSON", "something behind it"},
        {"[]", "version", "no object"},
        {"{}", "version", "no member"},
        {"{\"version\":2}", "version 1", "a later version"},
        {"{\"version\":2,\"lifetime\":1,\"shared\":true,\"backends\":[]}", "version 1", "with the same members"},
        {"{\"version\":\"1\",\"lifetime\":1,\"shared\":true,\"backends\":[]}", "version 1", "a text"},
        {"{\"version\":1,\"shared\":true,\"backends\":[]}", "members", "no lifetime"},
        {"{\"version\":1,\"lifetime\":1,\"backends\":[]}", "members", "no shared"},
        {"{\"version\":1,\"lifetime\":1,\"shared\":true}", "members", "no backends"},
        {"{\"version\":1,\"lifetime\":1,\"shared\":true,\"backends\":[],\"x\":1}", "members", "one more"},
        {"{\"version\":1,\"version\":1,\"lifetime\":1,\"shared\":true,\"backends\":[]}", "JSON", "one twice"},
        {"{\"version\":1,\"lifetime\":\"1\",\"shared\":true,\"backends\":[]}", "members", "a lifetime as text"},
        {"{\"version\":1,\"lifetime\":1.5,\"shared\":true,\"backends\":[]}", "members", "a part of a second"},
        {"{\"version\":1,\"lifetime\":0,\"shared\":true,\"backends\":[]}", "range", "no lifetime"},
        {"{\"version\":1,\"lifetime\":-1,\"shared\":true,\"backends\":[]}", "range", "a negative one"},
        {"{\"version\":1,\"lifetime\":9223372036854775807,\"shared\":true,\"backends\":[]}", "range", "an endless one"},
        {"{\"version\":1,\"lifetime\":1,\"shared\":1,\"backends\":[]}", "members", "a number for a truth"},
        {ROW("{}"), "members", "no list"},
        {ROW("[1]"), "two texts", "a number in it"},
        {ROW("[{\"backend\":\"cas\"}]"), "two texts", "no target"},
        {ROW("[{\"backend\":\"cas\",\"target\":1}]"), "two texts", "a target that is no text"},
        {ROW("[{\"backend\":\"cas\",\"target\":\"x\",\"y\":1}]"), "two texts", "something more"},
        {ROW("[{\"backend\":\"CAS\",\"target\":\"x\"}]"), "neither", "case counts"},
        {ROW("[{\"backend\":\"closed\",\"target\":\"x\"}]"), "neither", "a backend that nobody logs in with"},
        {ROW("[{\"backend\":\"cas\",\"target\":\"\"}]"), "target", "an empty target"},
        {ROW("[{\"backend\":\"cas\",\"target\":\"a\\nb\"}]"), "target", "a line end in it"},
        {ROW("[{\"backend\":\"cas\",\"target\":\"a\\u0000b\"}]"), "JSON", "a NUL in it"},
        {ROW("[" ONE "," ONE "]"), "twice", "one twice"},
    };
    aten_info_t *info;
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        const char *error = parse(&info, rows[i].text);

        if (!error != !rows[i].error || (error && !strstr(error, rows[i].error)) || !info != !!error) {
            fail_msg("%s: %s", rows[i].why, error ? error : "(taken)");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(the_form_is_fixed),
        cmocka_unit_test(what_would_be_refused_is_not_written),
        cmocka_unit_test(there_are_limits),
        cmocka_unit_test(reading_is_strict),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
