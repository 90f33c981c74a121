#include "unit_saml.h"

#include <apr_encode.h>

#include "aten_saml_sign.h"
#include "aten_saml_verify.h"

#define START "<samlp:LogoutResponse xmlns:samlp=\"" ATEN_NS_SAMLP "\" xmlns:saml=\"" ATEN_NS_SAML "\" "
#define ISSUER "<saml:Issuer>https://ent.example/aten/saml/metadata</saml:Issuer>"
#define STATUS "<samlp:Status><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/></samlp:Status>"
#define MESSAGE START "ID=\"_a1\" Version=\"2.0\">" ISSUER STATUS "</samlp:LogoutResponse>"

static const char *records;

static int set_up(void **state)
{
    if (setup(state) || !aten_saml_global()) return -1;
    records = data_file("encrypted.txt");
    return 0;
}

static const char *decoded(const char *base64)
{
    apr_size_t len;
    const char *text = (const char *)apr_pdecode_base64_binary(pool, base64, APR_ENCODE_STRING, APR_ENCODE_NONE, &len);

    assert_non_null(text);
    return apr_pstrmemdup(pool, text, len);
}

/* What we sign is of the one form that we take ourselves, and holds with that key alone. */
static void test_signed(void **state)
{
    static const char *const names[] = {"service", "ec"};
    const char *bytes, *why, *text;
    apr_size_t len;
    xmlNode *root;
    int i;

    for (i = 0; i < COUNT(names); i++) {
        text = decoded(aten_saml_sign(MESSAGE, key_of(records, names[i], 1), pool));
        root = root_of(text);
        assert_string_equal((const char *)aten_xml_next(aten_xml_first(root))->name, "Signature");
        assert_null(strstr(text, "KeyInfo"));
        assert_int_equal(aten_saml_verify(root, keys_of(records, names[i], 1), &bytes, &len, &why, pool), ATEN_V_OK);
        assert_non_null(strstr(bytes, "status:Success"));
        assert_int_equal(aten_saml_verify(root, keys_of(records, "other", 1), &bytes, &len, &why, pool),
                         ATEN_V_SAML_SIGNATURE);
        root = root_of(replaced(text, "status:Success", "status:Responder"));
        assert_int_equal(aten_saml_verify(root, keys_of(records, names[i], 1), &bytes, &len, &why, pool),
                         ATEN_V_SAML_SIGNATURE);
    }
}

static void test_refused(void **state)
{
    const aten_saml_key_t *key = key_of(records, "service", 1);
    const struct {
        const char *why, *text;
        const aten_saml_key_t *key;
    } rows[] = {
        {"no message", NULL, key},
        {"no key", MESSAGE, NULL},
        {"no XML", "x", key},
        {"no ID", START "Version=\"2.0\">" ISSUER "</samlp:LogoutResponse>", key},
        {"no Issuer", START "ID=\"_a\">" STATUS "</samlp:LogoutResponse>", key},
        {"nothing in it", START "ID=\"_a\"/>", key},
    };
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        if (aten_saml_sign(rows[i].text, rows[i].key, pool)) fail_msg("%s", rows[i].why);
    }
    assert_int_equal(ERR_peek_error(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_signed), cmocka_unit_test(test_refused)};

    return cmocka_run_group_tests(tests, set_up, teardown);
}
