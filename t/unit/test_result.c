#include "unit.h"

#include "aten_cookie.h"
#include "aten_result.h"

#define KEY_1 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define KEY_2 "ISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0A="
#define PORTAL "https://portal.example/idp"
#define NOW apr_time_from_sec(1488322800)
#define SECONDS(n) apr_time_from_sec(n)
#define NONCE "AAECAwQFBgcICQoLDA0ODw"
#define OTHER_NONCE "AAECAwQFBgcICQoLDA0OEA"
#define PATH "/aten/saml/done"
#define REMOVAL "__Secure-aten-result=; Path=" PATH "; Max-Age=0; Secure; HttpOnly; SameSite=Lax"

static aten_keyring_t *keys, *other_keys;
static aten_result_place_t here;
static const aten_lifetimes_t last = {SECONDS(28800), SECONDS(3600)};
static const aten_saml_subject_t subject = {.name_id = "_n", .session_index = "_s", .authn_instant = NOW - SECONDS(5)};
static const aten_result_once_t once = {
    {{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}}, {{0xff, 0, 0xfe}}}, 2, NOW + SECONDS(420),
};
static unsigned char counter;

static int set_up(void **state)
{
    if (setup(state)) return -1;
    if (aten_keyring_parse(&keys, KEY_1, strlen(KEY_1), pool)) return -1;
    if (aten_keyring_parse(&other_keys, KEY_2, strlen(KEY_2), pool)) return -1;
    here = (aten_result_place_t){keys, "aten", 1, "ent.example", PATH};
    return 0;
}

static apr_status_t counting(void *baton, unsigned char *buf, apr_size_t len)
{
    memset(buf, ++counter, len);
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

static aten_session_t *answer_of(apr_time_t login)
{
    const aten_identity_t identity = {"eleve:701294@0790031E", apr_array_make(pool, 4, sizeof(aten_attribute_t))};
    aten_session_t *s;

    aten_attribute_add(identity.attributes, "FrEduVecteur", "4|||701294|0790031E", pool);
    s = aten_session_make(ATEN_BACKEND_ATEN, PORTAL, aten_session_credential(&subject, pool), NULL, &identity, login,
                          &last, counting, NULL, pool);
    assert_non_null(s);
    s->subject = &subject;
    return s;
}

/* @return the Set-Cookie value */
static const char *stored_as(aten_session_t *s, const char *nonce, int unsolicited)
{
    const char *cookie = NULL;

    assert_int_equal(aten_result_store(&here, s, 1, nonce, unsolicited, &once, counting, NULL, &cookie, pool),
                     ATEN_V_OK);
    return cookie;
}

static const char *stored(void)
{
    return stored_as(answer_of(NOW), NONCE, 0);
}

/* What the browser sends for a Set-Cookie value. */
static const char *sent(const char *cookie)
{
    return apr_pstrmemdup(pool, cookie, strcspn(cookie, ";"));
}

typedef struct {
    aten_verdict_t verdict;
    aten_session_t *session;
    int unsolicited;
    aten_result_once_t once;
    apr_array_header_t *cookies;
} taken_t;

static taken_t take_at(const aten_result_place_t *place, const char *nonce, const char *header, apr_time_t now)
{
    taken_t t = {.unsolicited = -1, .once.count = -1, .cookies = apr_array_make(pool, 1, sizeof(const char *))};

    t.verdict = aten_result_take(place, nonce, header, now, &t.session, &t.unsolicited, &t.once, t.cookies, pool);
    assert_true((t.verdict == ATEN_V_OK) == (t.session != NULL));
    assert_true(t.verdict == ATEN_V_OK || (t.verdict == ATEN_V_RESULT_NONE && t.unsolicited == -1));
    assert_true((t.verdict == ATEN_V_OK) == (t.once.count != -1));
    return t;
}

static taken_t take(const char *header)
{
    return take_at(&here, NONCE, header, NOW);
}

/* -- The way through the browser -- */

static void a_result_comes_back(void **state)
{
    aten_session_t *s = answer_of(NOW);
    const char *cookie = stored_as(s, NONCE, 0);
    taken_t t;

    assert_int_equal(strncmp(cookie, "__Secure-aten-result=", 21), 0);
    assert_string_equal(strchr(cookie, ';'), "; Path=" PATH "; Max-Age=60; Secure; HttpOnly; SameSite=Lax");
    t = take(apr_pstrcat(pool, "a=1; ", sent(cookie), "; b=2", NULL));
    assert_int_equal(t.verdict, ATEN_V_OK);
    assert_int_equal(t.unsolicited, 0);
    assert_int_equal(t.cookies->nelts, 1);
    assert_string_equal(APR_ARRAY_IDX(t.cookies, 0, const char *), REMOVAL);

    assert_null(t.session->profile);
    assert_int_equal(t.session->backend, ATEN_BACKEND_ATEN);
    assert_memory_equal(t.session->id, s->id, sizeof(s->id));
    assert_memory_equal(t.session->login_key, s->login_key, sizeof(s->login_key));
    assert_memory_equal(t.session->subject_key, s->subject_key, sizeof(s->subject_key));
    assert_memory_equal(t.session->backend_key, s->backend_key, sizeof(s->backend_key));
    assert_true(t.session->login == NOW && t.session->end == s->end);
    assert_string_equal(t.session->identity.user, "eleve:701294@0790031E");
    assert_string_equal(t.session->subject->name_id, "_n");
    assert_string_equal(t.session->subject->session_index, "_s");
    assert_int_equal(t.session->identity.attributes->nelts, 1);
}

static void on_plain_http_it_has_no_prefix(void **state)
{
    const aten_result_place_t http = {keys, "aten", 0, "localhost", PATH};
    const char *cookie = NULL;
    taken_t t;

    assert_int_equal(aten_result_store(&http, answer_of(NOW), 1, NONCE, 0, &once, counting, NULL, &cookie, pool),
                     ATEN_V_OK);
    assert_int_equal(strncmp(cookie, "aten-result=", 12), 0);
    assert_string_equal(strchr(cookie, ';'), "; Path=" PATH "; Max-Age=60; HttpOnly; SameSite=Lax");
    t = take_at(&http, NONCE, sent(cookie), NOW);
    assert_int_equal(t.verdict, ATEN_V_OK);
}

static void an_unsolicited_one_stays_one(void **state)
{
    taken_t t = take(sent(stored_as(answer_of(NOW), NONCE, 1)));

    assert_int_equal(t.verdict, ATEN_V_OK);
    assert_int_equal(t.unsolicited, 1);
}

static void its_profile_stays_out(void **state)
{
    aten_session_t *s = answer_of(NOW);
    taken_t t;

    s->profile = "eleves-parents";
    t = take(sent(stored_as(s, NONCE, 0)));
    assert_null(t.session->profile);
    assert_string_equal(s->profile, "eleves-parents");
}

static void what_was_used_comes_along(void **state)
{
    static const aten_result_once_t nothing;
    aten_result_once_t carried = once;
    int count;

    for (count = 0; count <= ATEN_RESULT_KEYS_MAX; count++) {
        const char *cookie = NULL;
        taken_t t;
        int i;

        carried.count = count;
        carried.until = count ? once.until : 0;
        assert_int_equal(aten_result_store(&here, answer_of(NOW), 1, NONCE, 0, &carried, counting, NULL, &cookie, pool),
                         ATEN_V_OK);
        t = take(sent(cookie));
        assert_int_equal(t.verdict, ATEN_V_OK);
        assert_int_equal(t.once.count, count);
        assert_true(t.once.until == carried.until);
        for (i = 0; i < ATEN_RESULT_KEYS_MAX; i++) {
            assert_memory_equal(&t.once.keys[i], i < count ? &once.keys[i] : &nothing.keys[0], ATEN_STORE_KEY_BYTES);
        }
        assert_string_equal(t.session->identity.user, "eleve:701294@0790031E");
    }
}

/* An older one of the same nonce stands before it, and had more keys. */
static void what_another_used_stays_out(void **state)
{
    static const aten_result_once_t nothing;
    const char *old = sent(stored_as(answer_of(NOW - SECONDS(100)), NONCE, 0)), *cookie = NULL;
    taken_t t;

    assert_int_equal(aten_result_store(&here, answer_of(NOW), 1, NONCE, 0, &nothing, counting, NULL, &cookie, pool),
                     ATEN_V_OK);
    t = take(apr_pstrcat(pool, old, "; ", sent(cookie), NULL));
    assert_int_equal(t.verdict, ATEN_V_OK);
    assert_memory_equal(&t.once, &nothing, sizeof(nothing));
}

static void what_was_used_has_its_form(void **state)
{
    static const struct {
        int count;
        apr_time_t until;
        const char *why;
    } rows[] = {
        {-1, NOW, "fewer keys than none"},
        {ATEN_RESULT_KEYS_MAX + 1, NOW, "more keys than there is room for"},
        {0, NOW, "a time without a key"},
        {1, 0, "a key without a time"},
        {1, -1, "a time before the epoch"},
    };
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        aten_result_once_t odd = once;
        const char *cookie = NULL;

        odd.count = rows[i].count;
        odd.until = rows[i].until;
        if (aten_result_store(&here, answer_of(NOW), 1, NONCE, 0, &odd, counting, NULL, &cookie, pool)
                != ATEN_V_INTERNAL || cookie) {
            fail_msg("%s", rows[i].why);
        }
    }
}

/* Sealed by the right key for the right place, but not of the form: a result of an earlier version, and worse. */
static void another_form_is_no_result(void **state)
{
    static const aten_bind_t bind = {"result", "__Secure-aten-result " NONCE, "https", "ent.example"};
    static const struct {
        const char *head;
        apr_size_t len;
        int ok;
        const char *why;
    } rows[] = {
        {"", 0, 0, "the session alone, as it was before"},
        {"\3\0", 2, 1, "the form, and no key"},
        {"\2\0", 2, 0, "another format"},
        {"\3\3", 2, 0, "more keys than there may be"},
        {"\3\1", 2, 0, "a key that is not there"},
        {"\3\0\0", 3, 0, "something between"},
    };
    aten_session_t *s = answer_of(NOW);
    aten_pack_t packed;
    int i;

    assert_int_equal(aten_session_pack(&packed, s, 1, 2000, pool), ATEN_V_OK);
    for (i = 0; i < COUNT(rows); i++) {
        aten_pack_t pack;
        const char *value;

        aten_pack_init(&pack, 2100, pool);
        aten_pack_bytes(&pack, rows[i].head, rows[i].len);
        aten_pack_bytes(&pack, packed.data, packed.len);
        value = aten_seal(keys, &bind, pack.data, pack.len, counting, NULL, pool);
        if ((take(apr_pstrcat(pool, "__Secure-aten-result=", value, NULL)).verdict == ATEN_V_OK) != rows[i].ok) {
            fail_msg("%s", rows[i].why);
        }
    }
}

static void two_results_differ(void **state)
{
    assert_string_not_equal(stored(), stored());
}

/* -- What it is bound to -- */

static void it_opens_for_its_nonce_alone(void **state)
{
    static const struct {
        const char *nonce;
        const char *why;
    } rows[] = {
        {OTHER_NONCE, "another login's"},
        {"", "an empty one"},
        {NULL, "none"},
        {NONCE " ", "a longer one"},
        {"AAECAwQFBgcICQoLDA0OD", "a shorter one"},
        {"aAECAwQFBgcICQoLDA0ODw", "in another case"},
    };
    const char *header = sent(stored());
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        taken_t t = take_at(&here, rows[i].nonce, header, NOW);

        if (t.verdict != ATEN_V_RESULT_NONE) fail_msg("%s", rows[i].why);
        if (t.cookies->nelts != 1) fail_msg("not taken away: %s", rows[i].why);
        assert_string_equal(APR_ARRAY_IDX(t.cookies, 0, const char *), REMOVAL);
    }
    assert_int_equal(take_at(&here, repeat('n', 2000), header, NOW).verdict, ATEN_V_RESULT_NONE);
}

static void it_opens_in_its_own_place_only(void **state)
{
    const aten_result_place_t places[] = {
        {keys, "aten", 1, "b.example", PATH},         /* another host */
        {keys, "other", 1, "ent.example", PATH},      /* another cookie */
        {keys, "aten", 0, "ent.example", PATH},       /* another scheme */
        {keys, "__Secure-aten", 0, "ent.example", PATH}, /* ... where the name is the same */
        {other_keys, "aten", 1, "ent.example", PATH}, /* another key */
    };
    const char *value = strchr(sent(stored()), '=');
    int i;

    for (i = 0; i < COUNT(places); i++) {
        const char *name = aten_cookie_name(places[i].base, "-result", places[i].https, 1, pool);
        taken_t t = take_at(&places[i], NONCE, apr_pstrcat(pool, name, value, NULL), NOW);

        if (t.verdict != ATEN_V_RESULT_NONE) fail_msg("place %d", i);
        assert_int_equal(t.cookies->nelts, 1);
    }
}

static void only_the_cookie_of_that_name_counts(void **state)
{
    static const char *const names[] = {"aten-result", "__Host-aten-result", "__Secure-aten", "__Secure-aten-results",
                                        "__SECURE-aten-result", "x__Secure-aten-result"};
    const char *value = strchr(sent(stored()), '=');
    taken_t t;
    int i;

    for (i = 0; i < COUNT(names); i++) {
        t = take(apr_pstrcat(pool, names[i], value, NULL));
        if (t.verdict != ATEN_V_RESULT_NONE || t.cookies->nelts) fail_msg("%s", names[i]);
    }
    t = take(NULL);
    assert_int_equal(t.verdict, ATEN_V_RESULT_NONE);
    assert_int_equal(t.cookies->nelts, 0);
}

/* The cookie of a session, put by hand under the name of a result, and the other way round. */
static void a_session_is_no_result(void **state)
{
    const aten_bind_t as_session = {"session", "__Host-aten", "https", "ent.example"};
    const aten_bind_t with_a_profile = {"result", "__Secure-aten-result " NONCE, "https", "ent.example"};
    aten_session_t *s = answer_of(NOW), *opened = NULL;
    const char *result = strchr(sent(stored()), '=') + 1;
    char *value;

    s->profile = "eleves-parents";
    assert_int_equal(aten_session_seal(&value, s, 1, keys, &as_session, counting, NULL, pool), ATEN_V_OK);
    assert_int_equal(take(apr_pstrcat(pool, "__Secure-aten-result=", value, NULL)).verdict, ATEN_V_RESULT_NONE);
    assert_int_equal(aten_session_seal(&value, s, 1, keys, &with_a_profile, counting, NULL, pool), ATEN_V_OK);
    assert_int_equal(take(apr_pstrcat(pool, "__Secure-aten-result=", value, NULL)).verdict, ATEN_V_RESULT_NONE);
    assert_int_equal(aten_session_open(&opened, result, strlen(result), keys, &as_session, pool), ATEN_V_SEAL_BROKEN);
    assert_int_equal(aten_session_open(&opened, result, strlen(result), keys, &with_a_profile, pool),
                     ATEN_V_SESSION_MALFORMED);
    assert_null(opened);
}

static void every_flipped_bit_is_refused(void **state)
{
    char *header = apr_pstrdup(pool, sent(stored()));
    const size_t begin = (size_t)(strchr(header, '=') + 1 - header);
    size_t i;
    int bit;

    for (i = begin; header[i]; i++) {
        for (bit = 0; bit < 7; bit++) {
            header[i] = (char)(header[i] ^ (1 << bit));
            if (header[i] && take(header).verdict == ATEN_V_OK) fail_msg("byte %lu, bit %d", (unsigned long)i, bit);
            header[i] = (char)(header[i] ^ (1 << bit));
        }
    }
    assert_int_equal(take(header).verdict, ATEN_V_OK);
}

/* -- Time -- */

static void it_lives_a_minute(void **state)
{
    static const struct {
        apr_time_t after; /* microseconds after it was made */
        int ok;
        const char *why;
    } rows[] = {
        {0, 1, "at once"},
        {SECONDS(60) - 1, 1, "the last microsecond"},
        {SECONDS(60), 0, "the instant itself is past it"},
        {SECONDS(3600), 0, "an hour later"},
        {-SECONDS(60), 1, "another front end's clock is a minute ahead"},
        {-SECONDS(60) - 1, 0, "more than that: how old it is cannot be known"},
        {-SECONDS(86400), 0, "a clock was set back"},
    };
    const char *header = sent(stored());
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        taken_t t = take_at(&here, NONCE, header, NOW + rows[i].after);

        if ((t.verdict == ATEN_V_OK) != rows[i].ok) fail_msg("%s", rows[i].why);
        assert_int_equal(t.cookies->nelts, 1);
    }
}

/* -- Several cookies of the name -- */

static void others_are_passed_over(void **state)
{
    const char *good = sent(stored()), *name = "__Secure-aten-result=";
    const char *other = sent(stored_as(answer_of(NOW), OTHER_NONCE, 0));
    const char *old = sent(stored_as(answer_of(NOW - SECONDS(100)), NONCE, 0));
    const char *huge = apr_pstrcat(pool, name, repeat('A', ATEN_RESULT_MAX), NULL);
    const struct {
        const char *cookies[5];
        int ok;
        const char *why;
    } rows[] = {
        {{other, good}, 1, "another nonce's before it"},
        {{old, good}, 1, "an old one before it"},
        {{"__Secure-aten-result=junk", huge, other, good}, 1, "the fourth"},
        {{"__Secure-aten-result=1", "__Secure-aten-result=2", "__Secure-aten-result=3", "__Secure-aten-result=4", good},
         0, "the fifth: the work is bounded"},
        {{huge, huge, huge, huge, good}, 0, "the fifth, behind ones that are not even opened"},
        {{good, other}, 1, "others behind it"},
        {{other, old, huge}, 0, "nothing but others"},
    };
    int i, j;

    for (i = 0; i < COUNT(rows); i++) {
        const char *header = "x=1";
        taken_t t;

        for (j = 0; j < 5 && rows[i].cookies[j]; j++) {
            header = apr_pstrcat(pool, header, "; ", rows[i].cookies[j], NULL);
        }
        t = take(header);
        if ((t.verdict == ATEN_V_OK) != rows[i].ok) fail_msg("%s", rows[i].why);
        assert_int_equal(t.cookies->nelts, 1);
    }
}

/* -- Size -- */

static void it_keeps_to_its_limit(void **state)
{
    apr_size_t extra;
    int in = 0, out = 0;

    for (extra = 1800; extra < 2300; extra++) {
        aten_session_t *s = answer_of(NOW);
        const char *cookie = NULL;
        aten_verdict_t v;

        aten_attribute_add(s->identity.attributes, "long", repeat('x', extra), pool);
        v = aten_result_store(&here, s, 2, NONCE, 0, &once, counting, NULL, &cookie, pool);
        if (v == ATEN_V_OK) {
            assert_false(out);
            assert_true(strlen(sent(cookie)) - 1 <= ATEN_RESULT_MAX);
            assert_int_equal(take(sent(cookie)).verdict, ATEN_V_OK);
            if (strlen(sent(cookie)) - 1 + 4 > ATEN_RESULT_MAX) in++; /* the limit is used up */
            continue;
        }
        assert_int_equal(v, ATEN_V_SESSION_LARGE);
        assert_null(cookie);
        out++;
    }
    assert_true(in && out);
}

static void what_does_not_fit_is_left_out(void **state)
{
    const aten_bind_t as_session = {"session", "__Host-aten", "https", "ent.example"};
    aten_session_t *s = answer_of(NOW);
    taken_t t;
    char *value;

    aten_attribute_add(s->identity.attributes, "big", repeat('a', 2500), pool);
    aten_attribute_add(s->identity.attributes, "small", "1", pool);
    s->attributes_left_out = 3;
    t = take(sent(stored_as(s, NONCE, 0)));
    assert_int_equal(t.verdict, ATEN_V_OK);
    assert_int_equal(t.session->attributes_left_out, 4);
    assert_int_equal(t.session->identity.attributes->nelts, 2);
    assert_non_null(aten_attribute_values(t.session->identity.attributes, "small"));
    assert_int_equal(s->identity.attributes->nelts, 3); /* the caller's session stays */
    assert_int_equal(s->attributes_left_out, 3);

    /* What came through as a result fits into a session, whatever its profile's id. */
    t.session->profile = repeat('p', 64);
    assert_int_equal(aten_session_seal(&value, t.session, 2, keys, &as_session, counting, NULL, pool), ATEN_V_OK);
    assert_int_equal(t.session->attributes_left_out, 4);
}

static void storing_can_fail(void **state)
{
    const aten_result_place_t far_too_long = {keys, repeat('n', ATEN_RESULT_MAX), 1, "ent.example", PATH};
    aten_session_t *s = answer_of(NOW);
    const char *cookie = NULL;

#define STORE(place, nonce, random) aten_result_store(place, s, 1, nonce, 0, &once, random, NULL, &cookie, pool)
    assert_int_equal(STORE(&here, NONCE, failing), ATEN_V_INTERNAL);
    assert_int_equal(STORE(&here, NULL, counting), ATEN_V_INTERNAL);
    assert_int_equal(STORE(&here, "", counting), ATEN_V_INTERNAL);
    assert_int_equal(STORE(&far_too_long, NONCE, counting), ATEN_V_INTERNAL);
    s->identity.user = "a\nb";
    assert_int_equal(STORE(&here, NONCE, counting), ATEN_V_INTERNAL);
    s = answer_of(NOW);
    s->subject = NULL;
    assert_int_equal(STORE(&here, NONCE, counting), ATEN_V_INTERNAL);
    assert_null(cookie);
#undef STORE
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_result_comes_back),
        cmocka_unit_test(on_plain_http_it_has_no_prefix),
        cmocka_unit_test(an_unsolicited_one_stays_one),
        cmocka_unit_test(its_profile_stays_out),
        cmocka_unit_test(what_was_used_comes_along),
        cmocka_unit_test(what_another_used_stays_out),
        cmocka_unit_test(what_was_used_has_its_form),
        cmocka_unit_test(another_form_is_no_result),
        cmocka_unit_test(two_results_differ),
        cmocka_unit_test(it_opens_for_its_nonce_alone),
        cmocka_unit_test(it_opens_in_its_own_place_only),
        cmocka_unit_test(only_the_cookie_of_that_name_counts),
        cmocka_unit_test(a_session_is_no_result),
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(it_lives_a_minute),
        cmocka_unit_test(others_are_passed_over),
        cmocka_unit_test(it_keeps_to_its_limit),
        cmocka_unit_test(what_does_not_fit_is_left_out),
        cmocka_unit_test(storing_can_fail),
    };

    return cmocka_run_group_tests(tests, set_up, teardown);
}
