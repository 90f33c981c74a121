#include "unit.h"

#include "aten_site.h"

#define A "https://portail.example/idp"
#define B "https://agents.example/idp"
#define NOW apr_time_from_sec(1488322800)

static aten_site_t site;

static aten_portal_t *portal(const char *entity_id)
{
    aten_portal_t *made = NULL;

    assert_null(aten_portal_make(&made, entity_id, pool));
    return made;
}

static void profile(const char *id, const char *backend)
{
    char *words[WORDS_MAX];
    aten_profile_t *made = NULL;

    assert_null(aten_profile_make(&made, id, pool));
    assert_null(aten_profile_backend(made, split(backend, words), words, pool));
    APR_ARRAY_PUSH(site.profiles, aten_profile_t *) = made;
}

static int fresh(void **state)
{
    (void)state;
    memset(&site, 0, sizeof(site));
    site.cas_servers = apr_array_make(pool, 1, sizeof(aten_cas_server_t *));
    site.portals = apr_array_make(pool, 2, sizeof(aten_portal_t *));
    site.profiles = apr_array_make(pool, 2, sizeof(aten_profile_t *));
    return 0;
}

static void a_way_leads_to_its_portal(void **state)
{
    aten_way_t way = {ATEN_BACKEND_ATEN, NULL, 0, 0};

    APR_ARRAY_PUSH(site.portals, aten_portal_t *) = portal(A);
    APR_ARRAY_PUSH(site.portals, aten_portal_t *) = portal(B);
    assert_null(aten_site_portal(&site, &way)); /* no default is known: none is guessed */
    site.has_default_portal = 1;
    assert_string_equal(aten_site_portal(&site, &way)->entity_id, A);
    way.target = B;
    assert_string_equal(aten_site_portal(&site, &way)->entity_id, B);
    way.target = "https://other.example/idp";
    assert_null(aten_site_portal(&site, &way));
    way.target = NULL;
    way.backend = ATEN_BACKEND_CAS;
    assert_null(aten_site_portal(&site, &way));
    way.backend = ATEN_BACKEND_CLOSED;
    assert_null(aten_site_portal(&site, &way));
    assert_null(aten_site_portal(&site, NULL));
}

static void a_session_holds_where_its_backend_is(void **state)
{
    aten_portal_t *a = portal(A);
    unsigned char key[ATEN_BACKEND_KEY_BYTES];

    assert_false(aten_site_is_active(&site));
    APR_ARRAY_PUSH(site.portals, aten_portal_t *) = a;
    assert_true(aten_site_is_active(&site));
    assert_true(aten_site_has_backend(&site, ATEN_BACKEND_ATEN, a->key));
    assert_false(aten_site_has_backend(&site, ATEN_BACKEND_CAS, a->key));
    assert_false(aten_site_has_backend(&site, ATEN_BACKEND_CLOSED, a->key));
    assert_false(aten_site_has_backend(&site, ATEN_BACKEND_ATEN, portal(B)->key));
    assert_int_equal(aten_backend_key(key, ATEN_BACKEND_CAS, A), 1); /* a CAS server of the same address */
    assert_false(aten_site_has_backend(&site, ATEN_BACKEND_ATEN, key));
}

static void the_first_profile_of_a_portal(void **state)
{
    aten_portal_t *a = portal(A), *b = portal(B);

    APR_ARRAY_PUSH(site.portals, aten_portal_t *) = a;
    APR_ARRAY_PUSH(site.portals, aten_portal_t *) = b;
    site.has_default_portal = 1;
    profile("ent", "cas");
    profile("agents", "aten|" B);
    profile("familles", "aten");
    profile("familles-2", "aten|" A);
    assert_string_equal(aten_site_profile_of_portal(&site, a, NOW)->id, "familles");
    assert_string_equal(aten_site_profile_of_portal(&site, b, NOW)->id, "agents");
    site.profiles->nelts = 1;
    assert_null(aten_site_profile_of_portal(&site, a, NOW));
}

static void unsolicited_answers(void **state)
{
    static const struct {
        const char *line;
        aten_unsolicited_t a, b;
        const char *error;
    } rows[] = {
        {"restart", ATEN_UNSOLICITED_RESTART, ATEN_UNSOLICITED_RESTART, NULL},
        {"off", ATEN_UNSOLICITED_OFF, ATEN_UNSOLICITED_OFF, NULL},
        {"accept|" A, ATEN_UNSOLICITED_ACCEPT, ATEN_UNSOLICITED_RESTART, NULL}, /* the others are not believed */
        {"accept|" A "|" B, ATEN_UNSOLICITED_ACCEPT, ATEN_UNSOLICITED_ACCEPT, NULL},
        {"accept", 0, 0, "entityID"},
        {"off|" A, 0, 0, "'off'"},
        {"restart|now", 0, 0, "'restart'"},
        {"on", 0, 0, "'on'"},
        {"Accept|" A, 0, 0, "'Accept'"},
        {"accept|no uri", 0, 0, "'no uri'"},
        {"", 0, 0, "''"},
    };
    char *words[WORDS_MAX];
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        aten_unsolicited_rule_t *rule = NULL;
        const char *error = aten_unsolicited_parse(&rule, split(rows[i].line, words), words, pool);

        if (rows[i].error) {
            if (!error || !strstr(error, rows[i].error)) fail_msg("%s: %s", rows[i].line, error ? error : "taken");
            assert_null(rule);
            continue;
        }
        if (error) fail_msg("%s: %s", rows[i].line, error);
        assert_int_equal(aten_unsolicited_for(rule, portal(A)), rows[i].a);
        assert_int_equal(aten_unsolicited_for(rule, portal(B)), rows[i].b);
    }
    assert_int_equal(aten_unsolicited_for(NULL, portal(A)), ATEN_UNSOLICITED_RESTART);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_way_leads_to_its_portal, fresh),
        cmocka_unit_test_setup(a_session_holds_where_its_backend_is, fresh),
        cmocka_unit_test_setup(the_first_profile_of_a_portal, fresh),
        cmocka_unit_test(unsolicited_answers),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
