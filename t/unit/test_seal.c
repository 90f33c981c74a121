#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>

#include "aten_seal.h"

/* Two keys with the same id: found by trying 80,000. */
#define TWIN_A "AADx8gAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define TWIN_B "AAEsuAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define KEY_1 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define KEY_2 "ISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0A="
#define KEY_3 "/v38+/r5+Pf29fTz8vHw7+7t7Ovq6ejn5uXk4+Lh4N8="

#define ALPHABET "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

static apr_pool_t *pool;
static const aten_bind_t bind_session = {"session", "__Host-aten", "https", "ent.example"};

static int set_up(void **state)
{
    apr_initialize();
    return apr_pool_create(&pool, NULL) == APR_SUCCESS ? 0 : 1;
}

static int tear_down(void **state)
{
    apr_pool_destroy(pool);
    apr_terminate();
    return 0;
}

/* Another value at each call. */
static apr_status_t counting(void *baton, unsigned char *buf, apr_size_t len)
{
    unsigned char *n = baton;

    memset(buf, ++*n, len);
    return APR_SUCCESS;
}

static apr_status_t failing(void *baton, unsigned char *buf, apr_size_t len)
{
    return APR_EGENERAL;
}

static unsigned char counter;

static aten_keyring_t *ring(const char *text)
{
    aten_keyring_t *keys = NULL;
    const char *error = aten_keyring_parse(&keys, text, strlen(text), pool);

    if (error) fail_msg("%s", error);
    return keys;
}

static char *seal(aten_keyring_t *keys, const char *plain)
{
    return aten_seal(keys, &bind_session, plain, strlen(plain), counting, &counter, pool);
}

static aten_verdict_t opened(aten_keyring_t *keys, const aten_bind_t *bind, const char *text, apr_size_t len)
{
    unsigned char *const untouched = (unsigned char *)"untouched";
    unsigned char *plain = untouched;
    apr_size_t plain_len = 12345;
    aten_verdict_t v = aten_open(keys, bind, text, len, &plain, &plain_len, pool);

    if (v == ATEN_V_OK) {
        assert_int_equal(plain[plain_len], 0);
    }
    else {
        assert_ptr_equal(plain, untouched);
        assert_int_equal(plain_len, 12345);
    }
    return v;
}

static aten_verdict_t opens(aten_keyring_t *keys, const char *text)
{
    return opened(keys, &bind_session, text, strlen(text));
}

static void is_refusal(aten_verdict_t v, const char *what, size_t where)
{
    if (v != ATEN_V_SEAL_MALFORMED && v != ATEN_V_SEAL_KEY && v != ATEN_V_SEAL_BROKEN) {
        fail_msg("%s at %lu: %s", what, (unsigned long)where, aten_verdict_text(v));
    }
}

/* -- What is sealed comes back -- */

static void any_length_comes_back(void **state)
{
    aten_keyring_t *keys = ring(KEY_1 "\n");
    unsigned char *plain = apr_palloc(pool, ATEN_SEAL_MAX + 1);
    static const apr_size_t lengths[] = {0, 1, 2, 3, 15, 16, 17, 400, 4096, ATEN_SEAL_MAX};
    size_t i, j;

    for (j = 0; j <= ATEN_SEAL_MAX; j++) plain[j] = (unsigned char)(j * 7);
    for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        const apr_size_t len = lengths[i];
        char *text = aten_seal(keys, &bind_session, plain, len, counting, &counter, pool);
        unsigned char *back;
        apr_size_t back_len;

        assert_non_null(text);
        assert_int_equal(strlen(text), aten_seal_length(len));
        assert_int_equal(strspn(text, ALPHABET), strlen(text));
        assert_int_equal(aten_open(keys, &bind_session, text, strlen(text), &back, &back_len, pool), ATEN_V_OK);
        assert_int_equal(back_len, len);
        assert_memory_equal(back, plain, len);
        assert_int_equal(back[len], 0);
    }
    assert_null(aten_seal(keys, &bind_session, plain, ATEN_SEAL_MAX + 1, counting, &counter, pool));
}

static void room_is_the_inverse_of_length(void **state)
{
    apr_size_t n;

    assert_int_equal(aten_seal_room(0), 0);
    assert_int_equal(aten_seal_room(aten_seal_length(0)), 0);
    for (n = 45; n < 5000; n++) {
        assert_true(aten_seal_length(aten_seal_room(n)) <= n);
        assert_true(aten_seal_length(aten_seal_room(n) + 1) > n);
    }
}

/* Written by another program (Python's cryptography): a new version of the module must open what an old one sealed. */
static void the_format_stays(void **state)
{
    static const char text[] = "Adr6KVFkZWZnaGlqa2xtbm8gfrIKFsV223A2YtUP_aXjXZ_Cd2EzeWHF5w";
    unsigned char *plain;
    apr_size_t len;

    assert_int_equal(aten_open(ring(KEY_1), &bind_session, text, strlen(text), &plain, &len, pool), ATEN_V_OK);
    assert_int_equal(len, 10);
    assert_string_equal((char *)plain, "hello, ENT");
}

/* CVE-2021-32791: a constant nonce. */
static void two_seals_differ(void **state)
{
    aten_keyring_t *keys = ring(KEY_1);
    const char *a = seal(keys, "the same"), *b = seal(keys, "the same");

    assert_string_not_equal(a, b);
    assert_string_not_equal(a + strlen(a) - 20, b + strlen(b) - 20);
    assert_int_equal(opens(keys, a), ATEN_V_OK);
    assert_int_equal(opens(keys, b), ATEN_V_OK);
}

static void no_randomness_no_seal(void **state)
{
    char *text = NULL;

    assert_null(aten_seal(ring(KEY_1), &bind_session, "x", 1, failing, NULL, pool));
    assert_int_equal(aten_keyring_text(&text, failing, NULL, pool), APR_EGENERAL);
    assert_null(text);
}

/* -- What was changed does not open -- */

static void every_flipped_bit_is_refused(void **state)
{
    aten_keyring_t *keys = ring(KEY_1);
    static const char *const plains[] = {"a session of some length", "one byte more than that..",
                                         "and another one of these.."};
    size_t k, i;
    int bit;

    for (k = 0; k < 3; k++) { /* the last character has 0, 2 or 4 bits that mean nothing */
        char *text = seal(keys, plains[k]);
        const size_t len = strlen(text);

        assert_int_equal(opens(keys, text), ATEN_V_OK);
        for (i = 0; i < len; i++) {
            for (bit = 0; bit < 8; bit++) {
                text[i] = (char)(text[i] ^ (1 << bit));
                is_refusal(opened(keys, &bind_session, text, len), plains[k], i * 8 + (size_t)bit);
                text[i] = (char)(text[i] ^ (1 << bit));
            }
        }
        assert_int_equal(opens(keys, text), ATEN_V_OK); /* a refusal leaves the context usable */
    }
}

static void every_other_last_character_is_refused(void **state)
{
    aten_keyring_t *keys = ring(KEY_1);
    static const char *const plains[] = {"", "1", "22"};
    size_t k;
    const char *c;

    for (k = 0; k < 3; k++) {
        char *text = seal(keys, plains[k]);
        char *last = text + strlen(text) - 1;
        const char right = *last;

        for (c = ALPHABET "+/=. \n"; *c; c++) {
            if (*c == right) continue;
            *last = *c;
            is_refusal(opens(keys, text), plains[k], (size_t)(c - ALPHABET));
        }
    }
}

static void every_other_length_is_refused(void **state)
{
    aten_keyring_t *keys = ring(KEY_1);
    char *text = seal(keys, "a session of some length");
    static const char *const tails[] = {"A", "=", "==", "AA", "AAA", "AAAA", "\n", " ", ";"};
    size_t i;

    for (i = 0; i < strlen(text); i++) {
        char *cut = malloc(i + 1); /* the sanitizer sees a byte read too many */

        memcpy(cut + 1, text, i);
        is_refusal(opened(keys, &bind_session, cut + 1, i), "cut", i);
        free(cut);
    }
    for (i = 1; i < strlen(text); i++) is_refusal(opens(keys, text + i), "beheaded", i);
    for (i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
        is_refusal(opens(keys, apr_pstrcat(pool, text, tails[i], NULL)), "longer", i);
    }
    assert_int_equal(opened(keys, &bind_session, "", 0), ATEN_V_SEAL_MALFORMED);
    text = apr_palloc(pool, 200000);
    memset(text, 'A', 200000);
    assert_int_equal(opened(keys, &bind_session, text, 200000), ATEN_V_SEAL_MALFORMED);
}

static void another_alphabet_is_refused(void **state)
{
    aten_keyring_t *keys = ring(KEY_1);
    int seen = 0, i;

    for (i = 0; i < 20; i++) {
        char *text = seal(keys, "the same bits in plain base64");
        char *odd = strpbrk(text, "-_");

        if (!odd) continue;
        seen++;
        *odd = *odd == '-' ? '+' : '/';
        assert_int_equal(opens(keys, text), ATEN_V_SEAL_MALFORMED);
    }
    assert_true(seen > 0);
}

static void verdicts_tell_why(void **state)
{
    aten_keyring_t *keys = ring(KEY_1);
    char *text = seal(keys, "x");

    text[1] = 'g'; /* format 2 */
    assert_int_equal(opens(keys, text), ATEN_V_SEAL_MALFORMED);
    text = seal(keys, "x");
    text[3] ^= 1;
    assert_int_equal(opens(keys, text), ATEN_V_SEAL_KEY);
    text = seal(keys, "x");
    text[10] = text[10] == 'A' ? 'B' : 'A';
    assert_int_equal(opens(keys, text), ATEN_V_SEAL_BROKEN);
    assert_int_equal(opens(keys, "no cookie of ours at all, but long enough to be one of them"), ATEN_V_SEAL_MALFORMED);
}

/* -- What it is bound to -- */

static void it_opens_for_its_own_binding_only(void **state)
{
    static const struct {
        aten_bind_t bind;
        const char *why;
    } others[] = {
        {{"pending", "__Host-aten", "https", "ent.example"}, "another purpose"},
        {{"session", "__Host-other", "https", "ent.example"}, "another name"},
        {{"session", "aten", "https", "ent.example"}, "without the prefix"},
        {{"session", "__Host-aten", "http", "ent.example"}, "another scheme"},
        {{"session", "__Host-aten", "https", "other.example"}, "another virtual host (CVE-2017-6807)"},
        {{"session", "__Host-aten", "https", "ent.exampl"}, "a shorter host"},
        {{"session", "__Host-aten", "https", ""}, "no host"},
        {{"session", "__Host-atenh", "ttps", "ent.example"}, "the same characters, cut elsewhere"},
        {{"", "session__Host-aten", "https", "ent.example"}, "the same characters, cut elsewhere"},
    };
    aten_keyring_t *keys = ring(KEY_1);
    char *text = seal(keys, "x");
    aten_bind_t huge = bind_session;
    size_t i;

    assert_int_equal(opens(keys, text), ATEN_V_OK);
    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (opened(keys, &others[i].bind, text, strlen(text)) != ATEN_V_SEAL_BROKEN) fail_msg("%s", others[i].why);
    }
    huge.host = memset(apr_pcalloc(pool, 2001), 'h', 2000);
    assert_null(aten_seal(keys, &huge, "x", 1, counting, &counter, pool));
    assert_int_equal(opened(keys, &huge, text, strlen(text)), ATEN_V_SEAL_BROKEN);
    assert_int_equal(opens(keys, text), ATEN_V_OK);
}

/* -- Keys -- */

static void keys_roll_over(void **state)
{
    static const struct {
        const char *sealing;
        const char *opening;
        aten_verdict_t verdict;
        const char *why;
    } rows[] = {
        {KEY_1 "\n", KEY_1 "\n", ATEN_V_OK, "the same key, read twice"},
        {KEY_1 "\n", KEY_2 "\n", ATEN_V_SEAL_KEY, "another key"},
        {KEY_1 "\n", KEY_1 "\n" KEY_2 "\n", ATEN_V_OK, "step 1, add last: what the old key sealed opens"},
        {KEY_1 "\n" KEY_2 "\n", KEY_1 "\n", ATEN_V_OK, "step 1: opens on a front end that lacks the new key"},
        {KEY_2 "\n" KEY_1 "\n", KEY_1 "\n" KEY_2 "\n", ATEN_V_OK, "step 2, move first: opens where it is still last"},
        {KEY_1 "\n" KEY_2 "\n", KEY_2 "\n" KEY_1 "\n", ATEN_V_OK, "step 2: what the old key sealed opens"},
        {KEY_2 "\n" KEY_1 "\n", KEY_2 "\n", ATEN_V_OK, "step 3, the old one removed"},
        {KEY_1 "\n" KEY_2 "\n", KEY_2 "\n" KEY_3 "\n", ATEN_V_SEAL_KEY, "step 3: a retired key"},
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *text = seal(ring(rows[i].sealing), "x");

        if (opens(ring(rows[i].opening), text) != rows[i].verdict) fail_msg("%s", rows[i].why);
    }
}

static void keys_with_one_id_are_both_tried(void **state)
{
    char *text = seal(ring(TWIN_A), "x");

    assert_int_equal(opens(ring(TWIN_B), text), ATEN_V_SEAL_BROKEN); /* not SEAL_KEY: the id is the same */
    assert_int_equal(opens(ring(TWIN_B "\n" TWIN_A), text), ATEN_V_OK);
    assert_int_equal(opens(ring(TWIN_A "\n" TWIN_B), text), ATEN_V_OK);
}

static void key_files_that_are_read(void **state)
{
    static const struct {
        const char *text;
        const char *why;
    } rows[] = {
        {KEY_1, "without a line end"},
        {KEY_1 "\r\n", "written on Windows"},
        {"  " KEY_1 " \t\n", "blanks around it"},
        {"# a comment\n\n  # another\n" KEY_1 "\n\n", "comments and blank lines"},
        {"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n", "without padding"},
    };
    char *text = seal(ring(KEY_1), "x");
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (opens(ring(rows[i].text), text) != ATEN_V_OK) fail_msg("%s", rows[i].why);
    }
}

static void key_files_that_are_refused(void **state)
{
    static const struct {
        const char *text;
        const char *says;
        const char *why;
    } rows[] = {
        {"", "there is no key", "empty"},
        {"\n# " KEY_1 "\n", "there is no key", "nothing but comments"},
        {KEY_1 "\n\nnonsense\n", "line 3 is not the base64 of 32 bytes", "the line counts blank ones too"},
        {"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==", "line 1 is not the base64 of 32 bytes", "31 bytes"},
        {"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g", "line 1 is not the base64 of 32 bytes", "33 bytes"},
        {KEY_1 KEY_2, "line 1 is not the base64 of 32 bytes", "two on a line"},
        {KEY_1 " comment", "line 1 is not the base64 of 32 bytes", "a comment behind it"},
        {KEY_1 "\n" KEY_2 "\n# x\n" KEY_1, "line 4 has the same key as line 1", "a key twice"},
        {"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n" KEY_1, "line 2 has the same key as line 1", "unpadded"},
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        aten_keyring_t *keys = NULL;
        const char *error = aten_keyring_parse(&keys, rows[i].text, strlen(rows[i].text), pool);

        if (!error || keys || !strstr(error, rows[i].says)) fail_msg("%s: %s", rows[i].why, error ? error : "accepted");
        /* Never a byte of the line: it may be most of a key. */
        if (strstr(error, "AAECAwQF") || strstr(error, "nonsense")) fail_msg("%s", error);
    }
}

static void a_key_file_has_its_limit(void **state)
{
    aten_keyring_t *keys = NULL;
    char *text = apr_pstrdup(pool, "");
    char *one, *first = NULL;
    unsigned char n = 100;
    const char *error;
    int i;

    for (i = 0; i < ATEN_KEYS_MAX; i++) {
        assert_int_equal(aten_keyring_text(&one, counting, &n, pool), APR_SUCCESS);
        if (!first) first = one;
        text = apr_pstrcat(pool, text, one, NULL);
    }
    keys = ring(text);
    assert_int_equal(opens(keys, seal(ring(one), "x")), ATEN_V_OK); /* the last of them */
    assert_int_equal(opens(ring(first), seal(keys, "x")), ATEN_V_OK);

    assert_int_equal(aten_keyring_text(&one, counting, &n, pool), APR_SUCCESS);
    text = apr_pstrcat(pool, text, one, NULL);
    error = aten_keyring_parse(&keys, text, strlen(text), pool);
    assert_non_null(error);
    assert_string_equal(error, "line 34 is one key too many: at most 16");

    /* A NUL byte is no end. */
    error = aten_keyring_parse(&keys, KEY_1 "\n\0\n", strlen(KEY_1) + 3, pool);
    assert_non_null(error);
    assert_ptr_equal(strstr(error, "line 2 "), error);
}

static void a_new_key_file_can_be_read(void **state)
{
    char *text = NULL;
    unsigned char n = 0;

    assert_int_equal(aten_keyring_text(&text, counting, &n, pool), APR_SUCCESS);
    assert_int_equal(text[0], '#');
    assert_non_null(strstr(text, "\nAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n"));
    assert_int_equal(text[strlen(text) - 1], '\n');
    assert_int_equal(opens(ring(text), seal(ring(text), "x")), ATEN_V_OK);
}

/* -- Threads and processes -- */

typedef struct {
    aten_keyring_t *keys;
    const char *from_parent;
    int failures;
} work_t;

static void *APR_THREAD_FUNC seal_and_open(apr_thread_t *thread, void *data)
{
    work_t *work = data;
    unsigned char n = 0;
    apr_pool_t *p;
    int i;

    apr_pool_create(&p, NULL);
    for (i = 0; i < 200; i++) {
        const char *text = aten_seal(work->keys, &bind_session, "x", 1, counting, &n, p);
        unsigned char *plain;
        apr_size_t len;

        if (!text || aten_open(work->keys, &bind_session, text, strlen(text), &plain, &len, p) != ATEN_V_OK) {
            work->failures++;
        }
        text = work->from_parent;
        if (aten_open(work->keys, &bind_session, text, strlen(text), &plain, &len, p) != ATEN_V_OK) work->failures++;
        apr_pool_clear(p);
    }
    apr_pool_destroy(p);
    return NULL;
}

static void threads_share_a_keyring(void **state)
{
    enum { THREADS = 4 };
    aten_keyring_t *keys = ring(KEY_1 "\n" KEY_2 "\n");
    work_t work[THREADS];
    apr_thread_t *threads[THREADS];
    apr_status_t rv;
    int i;

    for (i = 0; i < THREADS; i++) {
        work[i] = (work_t){keys, seal(ring(KEY_2), "x"), 0};
        assert_int_equal(apr_thread_create(&threads[i], NULL, seal_and_open, &work[i], pool), APR_SUCCESS);
    }
    for (i = 0; i < THREADS; i++) {
        apr_thread_join(&rv, threads[i]);
        assert_int_equal(work[i].failures, 0);
    }
}

static void a_child_uses_the_parents_keyring(void **state)
{
    aten_keyring_t *keys = ring(KEY_1);
    char *text = seal(keys, "x"); /* the parent's contexts exist already */
    int status = -1;
    pid_t child = fork();

    assert_true(child >= 0);
    if (!child) {
        char *mine = seal(keys, "y");

        _exit(mine && opens(keys, text) == ATEN_V_OK && opens(keys, mine) == ATEN_V_OK ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(opens(keys, text), ATEN_V_OK);
}

static void the_pool_takes_everything_along(void **state)
{
    apr_pool_t *p;
    aten_keyring_t *keys;
    unsigned char *plain;
    apr_size_t len;
    char *text;
    int i;

    /* More often than a process may have thread-specific keys. */
    for (i = 0; i < 1100; i++) {
        apr_pool_create(&p, pool);
        assert_null(aten_keyring_parse(&keys, KEY_1, strlen(KEY_1), p));
        text = aten_seal(keys, &bind_session, "x", 1, counting, &counter, p);
        assert_int_equal(aten_open(keys, &bind_session, text, strlen(text), &plain, &len, p), ATEN_V_OK);
        apr_pool_destroy(p);
    }
}

/* -- Hashes -- */

static void digests_keep_parts_apart(void **state)
{
    /* Python: sha256(len("a") + "a" + len("bc") + "bc"), lengths as eight bytes */
    static const unsigned char expected[32] = {
        0x3f, 0xaf, 0xa1, 0xcf, 0x2f, 0x19, 0xa7, 0xc1, 0x12, 0x9b, 0xeb, 0x20, 0xcf, 0x09, 0x83, 0xf7,
        0x3a, 0x48, 0x9a, 0x22, 0x1f, 0xc0, 0xdd, 0x2f, 0x16, 0xd1, 0xbe, 0x29, 0x2d, 0x08, 0x92, 0x05};
    const char *const a_bc[] = {"a", "bc", NULL}, *const ab_c[] = {"ab", "c", NULL}, *const abc[] = {"abc", NULL};
    const char *const with_empty[] = {"a", "bc", "", NULL}, *const nothing[] = {NULL};
    unsigned char x[33], y[33];

    memset(x, 0xEE, sizeof(x));
    assert_true(aten_digest(x, 32, a_bc));
    assert_memory_equal(x, expected, 32);
    assert_int_equal(x[32], 0xEE);
    assert_true(aten_digest(y, 16, a_bc));
    assert_memory_equal(y, expected, 16);
    assert_true(aten_digest(y, 32, ab_c));
    assert_memory_not_equal(x, y, 32);
    assert_true(aten_digest(y, 32, abc));
    assert_memory_not_equal(x, y, 32);
    assert_true(aten_digest(y, 32, with_empty));
    assert_memory_not_equal(x, y, 32);
    assert_true(aten_digest(y, 32, nothing));
    assert_false(aten_digest(x, 33, a_bc));
    memset(y, 0, sizeof(y));
    assert_memory_equal(x, y, 33);
}

static void secrets_are_compared_whole(void **state)
{
    assert_true(aten_equal_secret("abcd", "abcd", 4));
    assert_false(aten_equal_secret("abcd", "abcx", 4));
    assert_false(aten_equal_secret("xbcd", "abcd", 4));
    assert_true(aten_equal_secret("a\0b", "a\0b", 3));
    assert_false(aten_equal_secret("a\0b", "a\0c", 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_length_comes_back),
        cmocka_unit_test(room_is_the_inverse_of_length),
        cmocka_unit_test(the_format_stays),
        cmocka_unit_test(two_seals_differ),
        cmocka_unit_test(no_randomness_no_seal),
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(every_other_last_character_is_refused),
        cmocka_unit_test(every_other_length_is_refused),
        cmocka_unit_test(another_alphabet_is_refused),
        cmocka_unit_test(verdicts_tell_why),
        cmocka_unit_test(it_opens_for_its_own_binding_only),
        cmocka_unit_test(keys_roll_over),
        cmocka_unit_test(keys_with_one_id_are_both_tried),
        cmocka_unit_test(key_files_that_are_read),
        cmocka_unit_test(key_files_that_are_refused),
        cmocka_unit_test(a_key_file_has_its_limit),
        cmocka_unit_test(a_new_key_file_can_be_read),
        cmocka_unit_test(threads_share_a_keyring),
        cmocka_unit_test(a_child_uses_the_parents_keyring),
        cmocka_unit_test(the_pool_takes_everything_along),
        cmocka_unit_test(digests_keep_parts_apart),
        cmocka_unit_test(secrets_are_compared_whole),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
