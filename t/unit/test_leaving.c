#include "unit.h"

#include "aten_leaving.h"

#define KEY_1 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define KEY_2 "ISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0A="
#define NOW apr_time_from_sec(1488322800)
#define SECONDS(n) apr_time_from_sec(n)
#define PATH "/aten/saml/logout"
#define REMOVAL "__Secure-aten-logout=; Path=" PATH "; Max-Age=0; Secure; HttpOnly; SameSite=Lax"

static aten_leaving_place_t here;
static aten_keyring_t *keys, *other_keys;
static aten_session_t session;
static unsigned char counter;

static int set_up(void **state)
{
    if (setup(state)) return -1;
    if (aten_keyring_parse(&keys, KEY_1, strlen(KEY_1), pool)) return -1;
    if (aten_keyring_parse(&other_keys, KEY_2, strlen(KEY_2), pool)) return -1;
    here = (aten_leaving_place_t){keys, "aten", 1, "ent.example", PATH};
    memset(session.backend_key, 7, sizeof(session.backend_key));
    memset(session.login_key, 9, sizeof(session.login_key));
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

static aten_leaving_t *made(const char *to)
{
    aten_leaving_t *leaving = aten_leaving_make(&session, to, NOW, counting, NULL, pool);

    assert_non_null(leaving);
    return leaving;
}

static const char *stored(const aten_leaving_t *leaving)
{
    const char *cookie = NULL;

    assert_int_equal(aten_leaving_store(&here, leaving, counting, NULL, &cookie, pool), ATEN_V_OK);
    return cookie;
}

static const char *sent(const char *cookie)
{
    return apr_pstrmemdup(pool, cookie, strcspn(cookie, ";"));
}

static aten_verdict_t take_at(const aten_leaving_place_t *place, const char *nonce, const char *header, apr_time_t now,
                              aten_leaving_t **out, int *removals)
{
    apr_array_header_t *cookies = apr_array_make(pool, 1, sizeof(const char *));
    const aten_verdict_t verdict = aten_leaving_take(place, nonce, header, now, out, cookies, pool);

    *removals = cookies->nelts;
    if (cookies->nelts && place->https) assert_string_equal(APR_ARRAY_IDX(cookies, 0, const char *), REMOVAL);
    return verdict;
}

static void test_round_trip(void **state)
{
    static const char *const tos[] = {NULL, "/ent/cours?a=1&b=2", "/"};
    aten_leaving_t *leaving, *back;
    const char *cookie;
    int i, removals;

    for (i = 0; i < COUNT(tos); i++) {
        leaving = made(tos[i]);
        cookie = stored(leaving);
        assert_non_null(strstr(cookie, "__Secure-aten-logout="));
        assert_non_null(strstr(cookie, "; Path=" PATH "; Max-Age=600; Secure; HttpOnly; SameSite=Lax"));
        assert_int_equal(take_at(&here, leaving->nonce, sent(cookie), NOW + SECONDS(599), &back, &removals), ATEN_V_OK);
        assert_int_equal(removals, 1);
        assert_string_equal(back->nonce, leaving->nonce);
        assert_int_equal(back->begun, NOW);
        assert_memory_equal(back->backend_key, session.backend_key, sizeof(session.backend_key));
        assert_memory_equal(back->login_key, session.login_key, sizeof(session.login_key));
        if (tos[i]) assert_string_equal(back->to, tos[i]);
        else assert_null(back->to);
    }
}

/* None of these finds it, and none takes the cookie of another logout away. */
static void test_not_found(void **state)
{
    const aten_leaving_t *leaving = made("/ent/");
    const char *header = sent(stored(leaving));
    const aten_leaving_place_t other_host = {keys, "aten", 1, "autre.example", PATH};
    const aten_leaving_place_t plain = {keys, "aten", 0, "ent.example", PATH};
    const aten_leaving_place_t rotated = {other_keys, "aten", 1, "ent.example", PATH};
    const struct {
        const char *why;
        const aten_leaving_place_t *place;
        const char *nonce, *header;
        apr_time_t now;
    } rows[] = {
        {"no cookie", &here, leaving->nonce, NULL, NOW},
        {"another logout's nonce", &here, made(NULL)->nonce, header, NOW},
        {"no nonce", &here, NULL, header, NOW},
        {"an empty nonce", &here, "", header, NOW},
        {"a shorter nonce", &here, apr_pstrmemdup(pool, leaving->nonce, 21), header, NOW},
        {"its time has come", &here, leaving->nonce, header, NOW + SECONDS(600)},
        {"from the future", &here, leaving->nonce, header, NOW - SECONDS(61)},
        {"another host", &other_host, leaving->nonce, header, NOW},
        {"plain http", &plain, leaving->nonce, header, NOW},
        {"another key", &rotated, leaving->nonce, header, NOW},
        {"changed", &here, leaving->nonce, apr_pstrcat(pool, header, "A", NULL), NOW},
    };
    aten_leaving_t *out;
    int i, removals;

    for (i = 0; i < COUNT(rows); i++) {
        if (take_at(rows[i].place, rows[i].nonce, rows[i].header, rows[i].now, &out, &removals) != ATEN_V_LOGOUT_NONE
            || removals) {
            fail_msg("%s", rows[i].why);
        }
    }
}

/* A neighbour domain may have planted cookies of our name before ours. */
static void test_among_others(void **state)
{
    const aten_leaving_t *leaving = made("/");
    const char *ours = sent(stored(leaving));
    const char *header = apr_pstrcat(pool, "__Secure-aten-logout=x; a=b; __Secure-aten-logout=y; ", ours, NULL);
    aten_leaving_t *out;
    int removals;

    assert_int_equal(take_at(&here, leaving->nonce, header, NOW, &out, &removals), ATEN_V_OK);
}

static void test_sizes(void **state)
{
    char *longest = apr_palloc(pool, 2049);
    aten_leaving_t *leaving;
    const char *cookie;

    memset(longest, 'a', 2048);
    longest[0] = '/';
    longest[2048] = '\0';
    cookie = stored(made(longest));
    assert_true(strcspn(cookie, ";") <= ATEN_LEAVING_MAX + 1);
    leaving = made(apr_pstrcat(pool, longest, longest, NULL));
    assert_int_equal(aten_leaving_store(&here, leaving, counting, NULL, &cookie, pool), ATEN_V_PARAM_MALFORMED);
}

static void test_failures(void **state)
{
    const char *cookie = NULL;

    assert_null(aten_leaving_make(&session, NULL, NOW, failing, NULL, pool));
    assert_int_equal(aten_leaving_store(&here, made(NULL), failing, NULL, &cookie, pool), ATEN_V_INTERNAL);
    assert_int_equal(aten_leaving_store(&here, made("/\x01"), counting, NULL, &cookie, pool), ATEN_V_INTERNAL);
    assert_null(cookie);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_not_found), cmocka_unit_test(test_among_others),
        cmocka_unit_test(test_sizes),      cmocka_unit_test(test_failures),
    };

    return cmocka_run_group_tests(tests, set_up, teardown);
}
