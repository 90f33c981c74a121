/* aten_saml_logout.h with messages that other software made: t/data/saml/logout.txt (see make_logout.py there). */
#include "unit_saml.h"

#include "aten_saml_logout.h"
#include "aten_util.h"

#define PORTAL "https://portail.example/idp"
#define NOW APR_TIME_C(1795514400000000) /* 2026-11-24T10:00:00Z */

static const char *records;
static aten_saml_logout_expect_t expect;
static aten_portal_t portal = {.entity_id = PORTAL};
static aten_saml_entity_t entity = {.entity_id = PORTAL, .sso = "https://portail.example/sso"};

static int setup_records(void **state)
{
    aten_saml_metadata_t *metadata;
    apr_array_header_t *portals;

    if (setup(state) || !aten_saml_global()) return -1;
    records = data_file("logout.txt");
    metadata = aten_saml_metadata_make(pool);
    portals = apr_array_make(pool, 1, sizeof(const aten_portal_t *));
    entity.keys = keys_of(records, "portal", 0);
    APR_ARRAY_PUSH(metadata->entities, const aten_saml_entity_t *) = &entity;
    apr_hash_set(metadata->by_id, PORTAL, APR_HASH_KEY_STRING, &entity);
    APR_ARRAY_PUSH(portals, const aten_portal_t *) = &portal;
    expect = (aten_saml_logout_expect_t){portals, metadata, keys_of(records, "service", 1),
                                         "https://ent.example/aten/saml/logout", apr_time_from_sec(60), NOW};
    return 0;
}

static aten_saml_logout_message_t *read_record(const char *name)
{
    const char *text = aten_trim(pool, record_of(records, name)), *why = NULL;
    const aten_portal_t *believed;
    aten_saml_logout_message_t *out;
    const aten_verdict_t verdict =
        strstr(name, "redirect") ? aten_saml_logout_read_redirect(&out, &expect, text, &believed, &why, pool)
                                 : aten_saml_logout_read_post(&out, &expect, text, strstr(name, "response") != NULL,
                                                              "r", &believed, &why, pool);

    if (verdict != ATEN_V_OK) fail_msg("%s: %s: %s", name, aten_verdict_tag(verdict), why);
    assert_int_equal(ERR_peek_error(), 0);
    return out;
}

static void requests(void **state)
{
    static const char *const names[] = {
        "pysaml2 request redirect", "pysaml2 request redirect sha512", "pysaml2 request post",
        "simplesamlphp request redirect", "simplesamlphp request redirect encrypted", "simplesamlphp request post",
        "simplesamlphp request post encrypted",
    };
    int i;

    for (i = 0; i < COUNT(names); i++) {
        const aten_saml_logout_message_t *out = read_record(names[i]);

        assert_false(out->is_response);
        assert_string_equal(out->name_id, "Zname-1");
        assert_string_equal(apr_array_pstrcat(pool, out->session_indexes, '|'), "Zindex-1|Zindex-2");
        assert_int_equal(out->valid_until, NOW + apr_time_from_sec(180));
        assert_ptr_equal(out->portal, &portal);
    }
}

static void responses(void **state)
{
    static const struct { const char *name; aten_logout_t outcome; } cases[] = {
        {"pysaml2 response redirect", ATEN_LOGOUT_DONE},
        {"pysaml2 response post partial", ATEN_LOGOUT_PARTIAL},
        {"simplesamlphp response redirect", ATEN_LOGOUT_DONE},
        {"simplesamlphp response redirect partial", ATEN_LOGOUT_PARTIAL},
        {"simplesamlphp response post", ATEN_LOGOUT_DONE},
    };
    int i;

    for (i = 0; i < COUNT(cases); i++) {
        const aten_saml_logout_message_t *out = read_record(cases[i].name);

        assert_true(out->is_response);
        if (out->outcome != cases[i].outcome) fail_msg("%s: %s", cases[i].name, out->status);
        assert_string_equal(aten_saml_logout_nonce(out->in_response_to, pool), "AbCdEfGhIjKlMnOpQrSt-_");
    }
}

static void relay_states(void **state)
{
    assert_string_equal(read_record("pysaml2 request redirect")->relay_state, "an opaque state/+");
    assert_string_equal(read_record("simplesamlphp response redirect")->relay_state,
                        "https://portail.example/module.php?state=_a:b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests),
        cmocka_unit_test(responses),
        cmocka_unit_test(relay_states),
    };

    return cmocka_run_group_tests_name("saml_logout_others", tests, setup_records, teardown);
}
