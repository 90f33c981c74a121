#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "aten_cookie.h"
#include "aten_pack.h"
#include "aten_pending.h"

#define KEY_1 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define KEY_2 "ISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0A="
#define CAS "https://cas.example/cas"
#define NOW apr_time_from_sec(1488322800)
#define SECONDS(n) apr_time_from_sec(n)
#define TABS (ATEN_PENDING_SLOTS - 1) /* slots for short addresses */

static apr_pool_t *pool;
static aten_keyring_t *keys;
static aten_pending_place_t here;
static unsigned char counter;

static int set_up(void **state)
{
    apr_initialize();
    if (apr_pool_create(&pool, NULL) != APR_SUCCESS) return 1;
    if (aten_keyring_parse(&keys, KEY_1, strlen(KEY_1), pool)) return 1;
    here = (aten_pending_place_t){keys, "aten", 1, "ent.example", ATEN_PENDING_ALL};
    return 0;
}

static int tear_down(void **state)
{
    apr_pool_destroy(pool);
    apr_terminate();
    return 0;
}

static apr_status_t counting(void *baton, unsigned char *buf, apr_size_t len)
{
    apr_size_t i;

    ++counter;
    for (i = 0; i < len; i++) buf[i] = (unsigned char)(counter * 37 + i * 11);
    return APR_SUCCESS;
}

static apr_status_t failing(void *baton, unsigned char *buf, apr_size_t len)
{
    return APR_EGENERAL;
}

static char *repeat(char c, apr_size_t times)
{
    char *text = apr_palloc(pool, times + 1);

    memset(text, c, times);
    text[times] = '\0';
    return text;
}

static aten_pending_t *make(aten_backend_t backend, const char *profile, const char *to, int renew, apr_time_t when)
{
    return aten_pending_make(backend, CAS, profile, to, renew, when, counting, NULL, pool);
}

static aten_pending_t *begun(const char *to, apr_time_t when)
{
    aten_pending_t *pending = make(ATEN_BACKEND_CAS, "autres-publics", to, 0, when);

    assert_non_null(pending);
    return pending;
}

/* Stores it for a browser that sends this header. @return the Set-Cookie value */
static const char *stored(const aten_pending_t *pending, const char *header, apr_time_t now)
{
    apr_array_header_t *cookies = apr_array_make(pool, 1, sizeof(const char *));

    assert_int_equal(aten_pending_store(&here, pending, header, now, cookies, counting, NULL, pool), ATEN_V_OK);
    assert_int_equal(cookies->nelts, 1);
    return APR_ARRAY_IDX(cookies, 0, const char *);
}

static int begins_with(const char *text, const char *beginning)
{
    return !strncmp(text, beginning, strlen(beginning));
}

/* -- A browser: keeps what Set-Cookie says, by name, and sends it all -- */

typedef struct {
    apr_table_t *jar;
} browser_t;

static browser_t browser(void)
{
    return (browser_t){apr_table_make(pool, 8)};
}

static void take_cookie(browser_t *b, const char *text)
{
    char *name = apr_pstrmemdup(pool, text, strcspn(text, "="));
    const char *value = text + strlen(name) + 1;

    if (strstr(text, "; Max-Age=0;")) {
        apr_table_unset(b->jar, name);
    }
    else {
        apr_table_set(b->jar, name, apr_pstrmemdup(pool, value, strcspn(value, ";")));
    }
}

static const char *header_of(const browser_t *b)
{
    const apr_array_header_t *all = apr_table_elts(b->jar);
    char *header = apr_pstrdup(pool, "other=1");
    int i;

    for (i = 0; i < all->nelts; i++) {
        const apr_table_entry_t *e = &APR_ARRAY_IDX(all, i, apr_table_entry_t);

        header = apr_pstrcat(pool, header, "; ", e->key, "=", e->val, NULL);
    }
    return header;
}

static int count_of(const browser_t *b)
{
    return apr_table_elts(b->jar)->nelts;
}

static void store_at(browser_t *b, const aten_pending_t *pending, apr_time_t now)
{
    apr_array_header_t *cookies = apr_array_make(pool, 1, sizeof(const char *));
    int i;

    assert_int_equal(aten_pending_store(&here, pending, header_of(b), now, cookies, counting, NULL, pool), ATEN_V_OK);
    for (i = 0; i < cookies->nelts; i++) take_cookie(b, APR_ARRAY_IDX(cookies, i, const char *));
}

static aten_verdict_t taken(browser_t *b, const char *nonce, apr_time_t now, aten_pending_t **out)
{
    apr_array_header_t *cookies = apr_array_make(pool, 1, sizeof(const char *));
    aten_verdict_t v = aten_pending_take(&here, nonce, header_of(b), now, out, cookies, pool);

    assert_int_equal(cookies->nelts, v == ATEN_V_PENDING_NONE ? 0 : 1);
    if (cookies->nelts) take_cookie(b, APR_ARRAY_IDX(cookies, 0, const char *));
    return v;
}

/* -- Making, and the state parameter -- */

static void a_pending_login_is_made(void **state)
{
    aten_pending_t *a = begun("/ent", NOW), *b = begun("/ent", NOW);
    unsigned char key[ATEN_BACKEND_KEY_BYTES];

    assert_int_equal(strlen(a->nonce), 22);
    assert_string_not_equal(a->nonce, b->nonce);
    assert_true(a->begun == NOW);
    aten_backend_key(key, ATEN_BACKEND_CAS, CAS);
    assert_memory_equal(a->backend_key, key, sizeof(key));
    assert_int_equal(make(ATEN_BACKEND_CAS, "p", "/", 7, NOW)->renew, 1);
    assert_null(aten_pending_make(ATEN_BACKEND_CAS, CAS, "p", "/", 0, NOW, failing, NULL, pool));
    assert_null(aten_pending_make(ATEN_BACKEND_CAS, NULL, "p", "/", 0, NOW, counting, NULL, pool));
    assert_null(aten_pending_make(ATEN_BACKEND_CLOSED, CAS, "p", "/", 0, NOW, counting, NULL, pool));
}

#define NONCE "0123456789-_abcdefABCD"

static void states_are_parsed(void **state)
{
    static const struct {
        const char *text;
        int retry; /* -1: refused */
        const char *profile;
        const char *why;
    } rows[] = {
        {NONCE ".0.autres-publics", 0, "autres-publics", "the first try"},
        {NONCE ".1.p_1", 1, "p_1", "the second in a row"},
        {NONCE ".2.p", -1, NULL, "no third"},
        {NONCE ".00.p", -1, NULL, "one digit"},
        {NONCE ".0.", -1, NULL, "no profile"},
        {NONCE ".0", -1, NULL, "no profile"},
        {NONCE, -1, NULL, "a nonce alone"},
        {NONCE "x.0.p", -1, NULL, "a nonce that is too long"},
        {"x.0.p", -1, NULL, "a nonce that is too short"},
        {"+123456789-_abcdefABCD.0.p", -1, NULL, "a nonce of another alphabet"},
        {NONCE ".0.p.q", -1, NULL, "something behind it"},
        {NONCE ".0.p ", -1, NULL, "a blank behind it"},
        {NONCE ".0.p/../q", -1, NULL, "no profile id"},
        {NONCE ".0.\xC3\xA9", -1, NULL, "no profile id"},
        {NONCE "-0-p", -1, NULL, "other separators"},
        {"", -1, NULL, "empty"},
        {NULL, -1, NULL, "none"},
    };
    aten_state_t out;
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const int ok = aten_pending_state_parse(&out, rows[i].text, pool);

        if (ok != (rows[i].retry >= 0)) fail_msg("%s", rows[i].why);
        if (!ok) continue;
        assert_string_equal(out.nonce, NONCE);
        assert_int_equal(out.retry, rows[i].retry);
        assert_string_equal(out.profile, rows[i].profile);
    }
    assert_true(aten_pending_state_parse(&out, apr_pstrcat(pool, NONCE ".0.", repeat('p', 64), NULL), pool));
    assert_false(aten_pending_state_parse(&out, apr_pstrcat(pool, NONCE ".0.", repeat('p', 65), NULL), pool));
}

static void relays_are_parsed(void **state)
{
    static const struct {
        const char *text;
        int retry; /* -1: refused */
        const char *why;
    } rows[] = {
        {NONCE ".0", 0, "the first try"},
        {NONCE ".1", 1, "the second in a row"},
        {NONCE ".2", -1, "no third"},
        {NONCE ".0.p", -1, "a state of CAS"},
        {NONCE ".0 ", -1, "a blank behind it"},
        {NONCE ".0\r\n", -1, "a line end behind it"},
        {NONCE ".", -1, "no try"},
        {NONCE, -1, "a nonce alone"},
        {"https://elsewhere.example/", -1, "an address"},
        {"", -1, "empty"},
        {NULL, -1, "none"},
    };
    aten_pending_t *pending = begun("/", NOW);
    aten_state_t out;
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const int ok = aten_pending_relay_parse(&out, rows[i].text, pool);

        if (ok != (rows[i].retry >= 0)) fail_msg("%s", rows[i].why);
        if (!ok) continue;
        assert_string_equal(out.nonce, NONCE);
        assert_int_equal(out.retry, rows[i].retry);
        assert_null(out.profile);
    }
    assert_true(aten_pending_relay_parse(&out, aten_pending_relay(pending, 1, pool), pool));
    assert_string_equal(out.nonce, pending->nonce);
    assert_int_equal(out.retry, 1);
    assert_in_range(strlen(aten_pending_relay(pending, 0, pool)), 1, 80); /* saml-bindings 3.4.3 */
}

static void states_are_written(void **state)
{
    aten_pending_t *pending = begun("/", NOW);
    aten_state_t out;
    char *text = aten_pending_state(pending, 1, pool);

    assert_string_equal(text, apr_pstrcat(pool, pending->nonce, ".1.autres-publics", NULL));
    assert_true(aten_pending_state_parse(&out, text, pool));
    assert_string_equal(out.nonce, pending->nonce);
    assert_int_equal(out.retry, 1);
    assert_true(aten_pending_state_parse(&out, aten_pending_state(pending, 0, pool), pool));
    assert_int_equal(out.retry, 0);
}

/* -- From beginning to end -- */

static void a_login_ends_in_the_browser_that_began_it(void **state)
{
    browser_t mine = browser(), other = browser();
    aten_pending_t *pending = make(ATEN_BACKEND_CAS, "autres-publics", "/ent/page?x=1", 1, NOW);
    aten_pending_t *out = NULL;

    store_at(&mine, pending, NOW);
    store_at(&other, begun("/other", NOW), NOW);
    assert_int_equal(taken(&other, pending->nonce, NOW, &out), ATEN_V_PENDING_NONE);
    assert_null(out);
    assert_int_equal(count_of(&other), 1);

    assert_int_equal(taken(&mine, pending->nonce, NOW + SECONDS(30), &out), ATEN_V_OK);
    assert_string_equal(out->nonce, pending->nonce);
    assert_true(out->begun == NOW);
    assert_int_equal(out->backend, ATEN_BACKEND_CAS);
    assert_memory_equal(out->backend_key, pending->backend_key, sizeof(pending->backend_key));
    assert_string_equal(out->profile, "autres-publics");
    assert_string_equal(out->to, "/ent/page?x=1");
    assert_int_equal(out->renew, 1);

    assert_int_equal(count_of(&mine), 0); /* used once */
    assert_int_equal(taken(&mine, pending->nonce, NOW + SECONDS(31), &out), ATEN_V_PENDING_NONE);
}

static void cookies_are_written_so(void **state)
{
    apr_array_header_t *cookies = apr_array_make(pool, 1, sizeof(const char *));
    aten_pending_t *pending = begun("/", NOW), *out;
    aten_pending_place_t plain = {keys, "aten", 0, "localhost", ATEN_PENDING_ALL};
    const char *text;

    assert_int_equal(aten_pending_store(&here, pending, NULL, NOW, cookies, counting, NULL, pool), ATEN_V_OK);
    text = APR_ARRAY_IDX(cookies, 0, const char *);
    assert_ptr_equal(strstr(text, "__Host-aten-login-"), text);
    assert_non_null(strstr(text, "; Path=/; Max-Age=14400; Secure; HttpOnly; SameSite=Lax"));
    assert_null(strstr(text, "Domain"));

    assert_int_equal(aten_pending_store(&plain, pending, NULL, NOW, cookies, counting, NULL, pool), ATEN_V_OK);
    text = APR_ARRAY_IDX(cookies, 1, const char *);
    assert_ptr_equal(strstr(text, "aten-login-"), text);
    assert_null(strstr(text, "Secure"));
    text = apr_pstrmemdup(pool, text, strcspn(text, ";"));
    assert_int_equal(aten_pending_take(&plain, pending->nonce, text, NOW, &out, cookies, pool), ATEN_V_OK);
    assert_non_null(strstr(APR_ARRAY_IDX(cookies, 2, const char *), "=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"));
}

static void time_is_judged(void **state)
{
    static const struct {
        aten_backend_t backend;
        int after;
        aten_verdict_t verdict;
        const char *why;
    } rows[] = {
        {ATEN_BACKEND_CAS, 0, ATEN_V_OK, "at once"},
        {ATEN_BACKEND_CAS, 599, ATEN_V_OK, "CAS: ten minutes less a second"},
        {ATEN_BACKEND_CAS, 600, ATEN_V_PENDING_EXPIRED, "CAS: ten minutes"},
        {ATEN_BACKEND_ATEN, 3599, ATEN_V_OK, "SAML: an hour, for a first login includes a trip to the mailbox"},
        {ATEN_BACKEND_ATEN, 3600, ATEN_V_PENDING_EXPIRED, "SAML: an hour"},
        {ATEN_BACKEND_CAS, -60, ATEN_V_OK, "the clock of another front end"},
        {ATEN_BACKEND_CAS, -61, ATEN_V_PENDING_EXPIRED, "begun in the future: a clock was set back"},
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const apr_time_t then = NOW + SECONDS(rows[i].after);
        aten_pending_t *pending = make(rows[i].backend, "p", "/wanted", 0, NOW);
        aten_pending_t *out = NULL;
        browser_t b = browser();

        store_at(&b, pending, NOW);
        if (taken(&b, pending->nonce, then, &out) != rows[i].verdict) fail_msg("%s", rows[i].why);
        assert_string_equal(out->to, "/wanted"); /* also of an expired one */
        assert_int_equal(count_of(&b), 0);
    }
}

static void nonces_that_are_none(void **state)
{
    browser_t b = browser();
    aten_pending_t *pending = begun("/", NOW), *out = NULL;
    char *wrong = apr_pstrdup(pool, pending->nonce);

    store_at(&b, pending, NOW);
    wrong[21] = wrong[21] == 'A' ? 'B' : 'A';
    assert_int_equal(taken(&b, NULL, NOW, &out), ATEN_V_PENDING_NONE);
    assert_int_equal(taken(&b, "", NOW, &out), ATEN_V_PENDING_NONE);
    assert_int_equal(taken(&b, wrong, NOW, &out), ATEN_V_PENDING_NONE);
    assert_int_equal(taken(&b, apr_pstrmemdup(pool, pending->nonce, 21), NOW, &out), ATEN_V_PENDING_NONE);
    assert_int_equal(taken(&b, apr_pstrcat(pool, pending->nonce, "A", NULL), NOW, &out), ATEN_V_PENDING_NONE);
    assert_null(out);
    assert_int_equal(aten_pending_take(&here, pending->nonce, NULL, NOW, &out, NULL, pool), ATEN_V_PENDING_NONE);
    assert_int_equal(aten_pending_take(&here, pending->nonce, "", NOW, &out, NULL, pool), ATEN_V_PENDING_NONE);
    assert_int_equal(taken(&b, pending->nonce, NOW, &out), ATEN_V_OK);
}

/* -- Slots -- */

static void parallel_tabs_do_not_meet(void **state)
{
    browser_t b = browser();
    aten_pending_t *tabs[TABS], *out;
    int i;

    for (i = 0; i < TABS; i++) store_at(&b, tabs[i] = begun(apr_psprintf(pool, "/%d", i), NOW + i), NOW + i);
    assert_int_equal(count_of(&b), TABS);
    for (i = TABS - 1; i >= 0; i--) {
        assert_int_equal(taken(&b, tabs[i]->nonce, NOW + 10, &out), ATEN_V_OK);
        assert_string_equal(out->to, apr_psprintf(pool, "/%d", i));
    }
    assert_int_equal(count_of(&b), 0);
}

static void tabs_of_the_same_moment_rarely_meet(void **state)
{
    int used[ATEN_PENDING_SLOTS] = {0};
    int i;

    for (i = 0; i < 256; i++) { /* none of them knows the others' cookies yet */
        const char *text = stored(begun("/", NOW), NULL, NOW);

        used[apr_atoi64(text + strlen("__Host-aten-login-"))]++;
    }
    assert_int_equal(used[0], 0);
    for (i = 1; i < ATEN_PENDING_SLOTS; i++) assert_true(used[i] >= 4);
}

static void the_oldest_goes_first(void **state)
{
    browser_t b = browser();
    aten_pending_t *tabs[TABS + 2], *out = NULL;
    int i;

    for (i = 0; i < TABS + 2; i++) store_at(&b, tabs[i] = begun("/", NOW + i), NOW + i);
    assert_int_equal(count_of(&b), TABS);
    assert_int_equal(taken(&b, tabs[0]->nonce, NOW + 10, &out), ATEN_V_PENDING_NONE);
    assert_int_equal(taken(&b, tabs[1]->nonce, NOW + 10, &out), ATEN_V_PENDING_NONE);
    for (i = 2; i < TABS + 2; i++) assert_int_equal(taken(&b, tabs[i]->nonce, NOW + 10, &out), ATEN_V_OK);
}

static void expired_ones_count_as_free(void **state)
{
    browser_t b = browser();
    aten_pending_t *old = begun("/", NOW), *live = begun("/", NOW + SECONDS(100)), *out = NULL;
    aten_pending_t *later[TABS - 1];
    const apr_time_t then = NOW + SECONDS(650);
    int i;

    store_at(&b, live, NOW + SECONDS(100));
    store_at(&b, old, NOW + SECONDS(100)); /* older, though stored later */
    for (i = 0; i < TABS - 1; i++) store_at(&b, later[i] = begun("/", then), then);
    assert_int_equal(count_of(&b), TABS);
    assert_int_equal(taken(&b, old->nonce, then, &out), ATEN_V_PENDING_NONE);
    assert_int_equal(taken(&b, live->nonce, then, &out), ATEN_V_OK);
    for (i = 0; i < TABS - 1; i++) assert_int_equal(taken(&b, later[i]->nonce, then, &out), ATEN_V_OK);
}

static void an_expired_one_goes_before_an_older_one_that_lives(void **state)
{
    browser_t b = browser();
    const apr_time_t then = NOW + SECONDS(700);
    aten_pending_t *saml = make(ATEN_BACKEND_ATEN, "p", "/", 0, NOW), *cas = begun("/", NOW + 1), *out = NULL;
    int i;

    store_at(&b, saml, NOW);
    store_at(&b, cas, NOW + 1);
    for (i = 0; i < TABS - 1; i++) store_at(&b, begun("/", then), then);
    assert_int_equal(taken(&b, cas->nonce, then, &out), ATEN_V_PENDING_NONE);
    assert_int_equal(taken(&b, saml->nonce, then, &out), ATEN_V_OK);
}

static void long_addresses_have_a_slot(void **state)
{
    browser_t b = browser();
    const char *longest = apr_pstrcat(pool, "/", repeat('x', 2047), NULL);
    aten_pending_t *a = begun(longest, NOW), *c = begun(longest, NOW + 1), *shorter = begun("/", NOW), *out = NULL;
    apr_array_header_t *cookies = apr_array_make(pool, 1, sizeof(const char *));

    a->profile = c->profile = repeat('p', 64);
    store_at(&b, shorter, NOW);
    store_at(&b, a, NOW);
    assert_int_equal(count_of(&b), 2);
    assert_non_null(apr_table_get(b.jar, "__Host-aten-login-0"));
    assert_true(strlen(apr_table_get(b.jar, "__Host-aten-login-0")) <= ATEN_PENDING_LONG_MAX);
    store_at(&b, c, NOW + 1); /* there is one such slot */
    assert_int_equal(count_of(&b), 2);
    assert_int_equal(taken(&b, a->nonce, NOW + 2, &out), ATEN_V_PENDING_NONE);
    assert_int_equal(taken(&b, c->nonce, NOW + 2, &out), ATEN_V_OK);
    assert_string_equal(out->to, longest);
    assert_int_equal(taken(&b, shorter->nonce, NOW + 2, &out), ATEN_V_OK);

    a->to = repeat('x', 3000);
    assert_int_equal(aten_pending_store(&here, a, NULL, NOW, cookies, counting, NULL, pool), ATEN_V_PARAM_MALFORMED);
    a->to = "/\n";
    assert_int_equal(aten_pending_store(&here, a, NULL, NOW, cookies, counting, NULL, pool), ATEN_V_PARAM_MALFORMED);
    assert_int_equal(aten_pending_store(&here, c, NULL, NOW, cookies, failing, NULL, pool), ATEN_V_INTERNAL);
    assert_int_equal(cookies->nelts, 0);
}

static apr_size_t bytes_of(const browser_t *b)
{
    apr_size_t all = 0;
    int i;

    for (i = 0; i < ATEN_PENDING_SLOTS; i++) {
        const char *value = apr_table_get(b->jar, apr_psprintf(pool, "__Host-aten-login-%d", i));

        if (!value) continue;
        assert_true(strlen(value) <= (i ? ATEN_PENDING_SHORT_MAX : ATEN_PENDING_LONG_MAX));
        all += strlen(value);
    }
    return all;
}

static void all_slots_together_are_bounded(void **state)
{
    browser_t b = browser();
    apr_size_t len;
    int i;

    for (len = 1; len < 2048; len += 7) {
        store_at(&b, begun(apr_pstrcat(pool, "/", repeat('x', len), NULL), NOW + (int)len), NOW + (int)len);
        assert_true(count_of(&b) <= ATEN_PENDING_SLOTS);
        assert_true(bytes_of(&b) <= ATEN_PENDING_ALL);
        assert_true(strlen(header_of(&b)) + ATEN_COOKIE_MAX < 8190);
    }
    assert_non_null(apr_table_get(b.jar, "__Host-aten-login-0"));
    for (i = 0; i < 20; i++) {
        store_at(&b, begun("/", NOW + 3000 + i), NOW + 3000 + i);
        assert_true(bytes_of(&b) <= ATEN_PENDING_ALL);
    }
    assert_null(apr_table_get(b.jar, "__Host-aten-login-0")); /* the oldest had to go */
}

#define WIDE 7

static void the_oldest_make_room_for_longer_ones(void **state)
{
    browser_t b = browser();
    aten_pending_t *tabs[TABS], *wide[WIDE], *gone = begun("/", NOW), *out = NULL;
    const apr_time_t then = NOW + SECONDS(700);
    const char *address = apr_pstrcat(pool, "/", repeat('x', 280), NULL);
    int i;

    for (i = 0; i < TABS; i++) store_at(&b, tabs[i] = begun("/", NOW + i), NOW + i);
    for (i = 0; i < 6; i++) store_at(&b, wide[i] = begun(address, NOW + 20 + i), NOW + 20 + i);
    assert_true(bytes_of(&b) <= ATEN_PENDING_ALL);
    assert_int_equal(taken(&b, tabs[0]->nonce, NOW + 30, &out), ATEN_V_PENDING_NONE);
    assert_int_equal(taken(&b, tabs[TABS - 1]->nonce, NOW + 30, &out), ATEN_V_OK);
    for (i = 0; i < 6; i++) assert_int_equal(taken(&b, wide[i]->nonce, NOW + 30, &out), ATEN_V_OK);

    /* An expired one has no slot of its own any more, but its cookie is as long as ever. */
    b = browser();
    store_at(&b, gone, NOW);
    for (i = 0; i < WIDE; i++) store_at(&b, wide[i] = begun(address, then + i), then + i);
    assert_true(bytes_of(&b) <= ATEN_PENDING_ALL);
    assert_int_equal(taken(&b, gone->nonce, then + 5, &out), ATEN_V_PENDING_NONE);
    assert_int_equal(taken(&b, wide[WIDE - 1]->nonce, then + 5, &out), ATEN_V_OK);
}

/* -- What somebody else put there -- */

static const char *value_of(const browser_t *b)
{
    assert_int_equal(count_of(b), 1);
    return APR_ARRAY_IDX(apr_table_elts(b->jar), 0, apr_table_entry_t).val;
}

static const char *name_of(const browser_t *b)
{
    return APR_ARRAY_IDX(apr_table_elts(b->jar), 0, apr_table_entry_t).key;
}

static void a_second_try_is_remembered(void **state)
{
    aten_pending_t *first = begun("/", NOW), *again = begun("/", NOW + SECONDS(1)), *out = NULL;
    browser_t b = browser();

    store_at(&b, first, NOW);
    assert_false(aten_pending_tried_again(&here, header_of(&b), NOW, pool)); /* a login that a person began */
    again->retry = 1;
    store_at(&b, again, NOW + SECONDS(1));
    assert_true(aten_pending_tried_again(&here, header_of(&b), NOW + SECONDS(2), pool));
    assert_true(aten_pending_tried_again(&here, header_of(&b), NOW + SECONDS(ATEN_PENDING_RETRY_SECONDS), pool));
    assert_false(aten_pending_tried_again(&here, header_of(&b), NOW + SECONDS(ATEN_PENDING_RETRY_SECONDS + 1), pool));
    assert_false(aten_pending_tried_again(&here, NULL, NOW, pool));
    assert_int_equal(taken(&b, again->nonce, NOW + SECONDS(2), &out), ATEN_V_OK);
    assert_int_equal(out->retry, 1);
    assert_int_equal(out->renew, 0);
    assert_int_equal(taken(&b, first->nonce, NOW + SECONDS(2), &out), ATEN_V_OK);
    assert_int_equal(out->retry, 0);
}

/* Where a session and a portal's answer need room beside them, only the newest may stay. */
static void less_room_leaves_the_newest(void **state)
{
    aten_pending_t *old = begun("/old", NOW), *fresh = begun("/new", NOW + SECONDS(1)), *out = NULL;
    browser_t b = browser();

    store_at(&b, old, NOW);
    here.all = 0;
    store_at(&b, fresh, NOW + SECONDS(1));
    here.all = ATEN_PENDING_ALL;
    assert_int_equal(taken(&b, old->nonce, NOW + SECONDS(2), &out), ATEN_V_PENDING_NONE);
    assert_int_equal(taken(&b, fresh->nonce, NOW + SECONDS(2), &out), ATEN_V_OK);
}

static void forged_cookies_are_passed_over(void **state)
{
    browser_t b = browser();
    aten_pending_t *pending = begun("/mine", NOW), *out = NULL;
    char *header = apr_pstrdup(pool, "x=1");
    apr_array_header_t *cookies = apr_array_make(pool, 1, sizeof(const char *));
    const char *name, *value;
    int i;

    store_at(&b, pending, NOW);
    name = name_of(&b);
    value = value_of(&b);
    /* Fifty of our names with other values, before and after the real one: a neighbour's may come first. */
    for (i = 0; i < 50; i++) {
        header = apr_psprintf(pool, "%s; __Host-aten-login-%d=forged; %s=\"%.*s\"", header, i % 7, name, i, value);
    }
    header = apr_psprintf(pool, "%s; %s=%s; %s=; __Host-aten-login-99=%s", header, name, value, name, value);
    assert_int_equal(aten_pending_take(&here, pending->nonce, header, NOW, &out, cookies, pool), ATEN_V_OK);
    assert_string_equal(out->to, "/mine");
    assert_int_equal(cookies->nelts, 1);
    assert_true(begins_with(APR_ARRAY_IDX(cookies, 0, const char *), name));

    /* Forged ones take no slot: the logins that follow find the free ones, and then the oldest gives way. */
    for (i = 0; i < TABS - 1; i++) {
        const char *text = stored(begun("/", NOW + 1), header, NOW + 1);

        assert_false(begins_with(text, name));
        header = apr_pstrcat(pool, header, "; ", apr_pstrmemdup(pool, text, strcspn(text, ";")), NULL);
    }
    assert_true(begins_with(stored(begun("/", NOW + 2), header, NOW + 2), name));
}

static void bound_to(const char *why, aten_pending_place_t place, const browser_t *b, const char *name,
                     const char *nonce)
{
    aten_pending_t *out = NULL;
    const char *header = apr_pstrcat(pool, name, "=", value_of(b), NULL);
    apr_array_header_t *cookies = apr_array_make(pool, 1, sizeof(const char *));
    const aten_verdict_t v = aten_pending_take(&place, nonce, header, NOW, &out, cookies, pool);

    if (v != ATEN_V_PENDING_NONE || out || cookies->nelts) fail_msg("%s", why);
}

static void it_opens_in_its_own_place_only(void **state)
{
    browser_t b = browser();
    aten_pending_t *pending = begun("/", NOW), *out = NULL;
    aten_keyring_t *others;
    const char *name;
    char *other_slot;

    assert_null(aten_keyring_parse(&others, KEY_2, strlen(KEY_2), pool));
    store_at(&b, pending, NOW);
    name = name_of(&b);
    other_slot = apr_pstrdup(pool, name);
    other_slot[strlen(name) - 1] = name[strlen(name) - 1] == '1' ? '2' : '1'; /* also of two digits */

    bound_to("another slot", here, &b, other_slot, pending->nonce);
    bound_to("the name without its prefix", here, &b, name + strlen("__Host-"), pending->nonce);
    bound_to("the session's name", here, &b, "__Host-aten", pending->nonce);
    bound_to("a slot that there is not", here, &b, "__Host-aten-login-13", pending->nonce);
    bound_to("another base name", (aten_pending_place_t){keys, "other", 1, "ent.example", ATEN_PENDING_ALL}, &b, "__Host-other-login-1",
             pending->nonce);
    bound_to("another host", (aten_pending_place_t){keys, "aten", 1, "b.example", ATEN_PENDING_ALL}, &b, name, pending->nonce);
    bound_to("another scheme", (aten_pending_place_t){keys, "aten", 0, "ent.example", ATEN_PENDING_ALL}, &b, name + strlen("__Host-"),
             pending->nonce);
    bound_to("another key", (aten_pending_place_t){others, "aten", 1, "ent.example", ATEN_PENDING_ALL}, &b, name, pending->nonce);
    assert_int_equal(taken(&b, pending->nonce, NOW, &out), ATEN_V_OK);
}

static void a_session_is_no_pending_login(void **state)
{
    aten_pending_t *pending = begun("/", NOW), *out = NULL;
    aten_bind_t bind = {"session", "__Host-aten-login-1", "https", "ent.example"};
    browser_t b = browser();
    unsigned char *plain;
    apr_size_t len;

    store_at(&b, pending, NOW);
    bind.purpose = "pending";
    bind.name = name_of(&b);
    assert_int_equal(aten_open(keys, &bind, value_of(&b), strlen(value_of(&b)), &plain, &len, pool), ATEN_V_OK);
    bind.purpose = "session"; /* the same bytes under the same name, sealed for another purpose */
    apr_table_set(b.jar, bind.name, aten_seal(keys, &bind, plain, len, counting, NULL, pool));
    assert_int_equal(taken(&b, pending->nonce, NOW, &out), ATEN_V_PENDING_NONE);
}

static void what_stands_inside_is_read_strictly(void **state)
{
    enum { FORMAT = 0, NONCE_AT = 1, BEGUN = 23, BACKEND = 31, RENEW = 40, PROFILE = 41 };
    static const struct {
        apr_size_t at;
        unsigned char byte;
        const char *why;
    } rows[] = {
        {FORMAT, 2, "a format of a later version"},
        {NONCE_AT, '+', "a nonce of another alphabet"},
        {NONCE_AT + 21, 0, "a nonce that ends early"},
        {BEGUN, 0x80, "begun before the epoch"},
        {BACKEND, 0, "no backend"},
        {BACKEND, 3, "an unknown backend"},
        {RENEW, 4, "a flag that there is not"},
        {PROFILE, 0, "no profile"},
        {PROFILE, 0x7F, "a longer profile"},
        {PROFILE + 1, '\n', "a line end"},
        {PROFILE + 2, 'x', "no NUL"},
    };
    aten_bind_t bind = {"pending", NULL, "https", "ent.example"};
    aten_pending_t *pending, *out = NULL;
    browser_t b = browser();
    unsigned char *plain;
    apr_size_t len, i;
    char *nonce;

    pending = make(ATEN_BACKEND_CAS, "p", "/to", 0, NOW);
    store_at(&b, pending, NOW);
    bind.name = name_of(&b);
    assert_int_equal(aten_open(keys, &bind, value_of(&b), strlen(value_of(&b)), &plain, &len, pool), ATEN_V_OK);
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unsigned char *odd = apr_pmemdup(pool, plain, len);

        odd[rows[i].at] = rows[i].byte;
        apr_table_set(b.jar, bind.name, aten_seal(keys, &bind, odd, len, counting, NULL, pool));
        if (taken(&b, pending->nonce, NOW, &out) != ATEN_V_PENDING_NONE) fail_msg("%s", rows[i].why);
        /* ... also for whoever asks for the nonce that stands there now. */
        nonce = apr_pstrmemdup(pool, (const char *)odd + NONCE_AT, 22);
        if (taken(&b, nonce, NOW, &out) != ATEN_V_PENDING_NONE) fail_msg("%s", rows[i].why);
    }
    for (i = 0; i < len; i++) {
        apr_table_set(b.jar, bind.name, aten_seal(keys, &bind, plain, i, counting, NULL, pool));
        if (taken(&b, pending->nonce, NOW, &out) != ATEN_V_PENDING_NONE) fail_msg("cut at %lu", (unsigned long)i);
    }
    assert_null(out);
    apr_table_set(b.jar, bind.name, aten_seal(keys, &bind, plain, len, counting, NULL, pool));
    assert_int_equal(taken(&b, pending->nonce, NOW, &out), ATEN_V_OK);
}

static void every_flipped_bit_is_refused(void **state)
{
    browser_t b = browser();
    aten_pending_t *pending = begun("/", NOW), *out = NULL;
    char *value;
    size_t i;
    int bit;

    store_at(&b, pending, NOW);
    value = apr_pstrdup(pool, value_of(&b));
    apr_table_setn(b.jar, name_of(&b), value);
    for (i = 0; i < strlen(value); i++) {
        for (bit = 0; bit < 7; bit++) {
            value[i] = (char)(value[i] ^ (1 << bit));
            if (taken(&b, pending->nonce, NOW, &out) != ATEN_V_PENDING_NONE) fail_msg("%lu.%d", (unsigned long)i, bit);
            value[i] = (char)(value[i] ^ (1 << bit));
        }
    }
    assert_int_equal(taken(&b, pending->nonce, NOW, &out), ATEN_V_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pending_login_is_made),
        cmocka_unit_test(states_are_parsed),
        cmocka_unit_test(states_are_written),
        cmocka_unit_test(relays_are_parsed),
        cmocka_unit_test(a_second_try_is_remembered),
        cmocka_unit_test(less_room_leaves_the_newest),
        cmocka_unit_test(a_login_ends_in_the_browser_that_began_it),
        cmocka_unit_test(cookies_are_written_so),
        cmocka_unit_test(time_is_judged),
        cmocka_unit_test(nonces_that_are_none),
        cmocka_unit_test(parallel_tabs_do_not_meet),
        cmocka_unit_test(tabs_of_the_same_moment_rarely_meet),
        cmocka_unit_test(the_oldest_goes_first),
        cmocka_unit_test(expired_ones_count_as_free),
        cmocka_unit_test(an_expired_one_goes_before_an_older_one_that_lives),
        cmocka_unit_test(long_addresses_have_a_slot),
        cmocka_unit_test(all_slots_together_are_bounded),
        cmocka_unit_test(the_oldest_make_room_for_longer_ones),
        cmocka_unit_test(forged_cookies_are_passed_over),
        cmocka_unit_test(it_opens_in_its_own_place_only),
        cmocka_unit_test(a_session_is_no_pending_login),
        cmocka_unit_test(what_stands_inside_is_read_strictly),
        cmocka_unit_test(every_flipped_bit_is_refused),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
