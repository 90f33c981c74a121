/* aten_saml_service.h: our keys and their certificates, and the page that portals read. */
#include "unit.h"

#include <libxml/parser.h>
#include <libxml/xmlsave.h>

#include "aten_saml_metadata.h"
#include "aten_saml_service.h"
#include "aten_xml.h"
#include "unit_key.h"

static EVP_PKEY *a, *b, *ec, *small, *k1;
static const char *a_key, *b_key, *ec_key, *a_cert, *b_cert, *ec_cert;

static int setup_keys(void **state)
{
    if (setup(state)) return -1;
    a = make_key("rsa2048");
    b = make_key("rsa2048");
    ec = make_key("P-256");
    small = make_key("rsa1024");
    k1 = make_key("secp256k1");
    a_key = private_pem(a, NULL);
    b_key = private_pem(b, NULL);
    ec_key = private_pem(ec, NULL);
    a_cert = certificate_pem(a);
    b_cert = certificate_pem_from(b, "20100101000000Z", "20110101000000Z");
    ec_cert = certificate_pem(ec);
    return 0;
}

static apr_array_header_t *list(const char *const texts[3])
{
    apr_array_header_t *all = apr_array_make(pool, 3, sizeof(const char *));
    int i;

    for (i = 0; i < 3 && texts[i]; i++) APR_ARRAY_PUSH(all, const char *) = texts[i];
    return all;
}

static aten_saml_service_t *loaded(const char *const key_texts[3], const char *const certificate_texts[3])
{
    aten_saml_service_t *service = NULL;
    const char *which, *error;
    int nth;

    error = aten_saml_service_load(&service, list(key_texts), list(certificate_texts), &which, &nth, pool);
    if (error) fail_msg("%s %d: %s", which, nth, error);
    return service;
}

#define LIST(...) ((const char *const[3]){__VA_ARGS__})

/* --- keys --- */

static int is_key(const aten_saml_key_t *key, EVP_PKEY *pkey, const char *certificate)
{
    BIGNUM *secret = NULL;
    const char *which = EVP_PKEY_get_base_id(pkey) == EVP_PKEY_RSA ? OSSL_PKEY_PARAM_RSA_D : OSSL_PKEY_PARAM_PRIV_KEY;
    const int is_private = EVP_PKEY_get_bn_param(key->pkey, which, &secret);

    BN_clear_free(secret);
    return is_private && EVP_PKEY_eq(key->pkey, pkey) == 1 && !strcmp(key->certificate, base64_of_pem(certificate));
}

static void pairs(void **state)
{
    const struct {
        const char *keys[3], *certificates[3];
        EVP_PKEY *first, *second;
        const char *first_cert, *second_cert, *why;
    } cases[] = {
        {{NULL}, {NULL}, NULL, NULL, NULL, NULL, "none"},
        {{a_key}, {a_cert}, a, NULL, a_cert, NULL, "one"},
        {{ec_key}, {ec_cert}, ec, NULL, ec_cert, NULL, "of the other kind"},
        {{a_key, b_key}, {a_cert, b_cert}, a, b, a_cert, b_cert, "two"},
        {{b_key, a_key}, {a_cert, b_cert}, b, a, b_cert, a_cert, "the keys' order counts, for the first signs"},
        {{ec_key, a_key}, {a_cert, ec_cert}, ec, a, ec_cert, a_cert, "of both kinds"},
        {{apr_pstrcat(pool, a_cert, a_key, NULL)}, {apr_pstrcat(pool, a_key, a_cert, b_cert, NULL)}, a, NULL, a_cert,
         NULL, "files with both in them, and a chain"},
        {{a_key, a_key}, {a_cert, a_cert}, a, a, a_cert, a_cert, "the same twice: useless, and no harm"},
    };
    int i;

    for (i = 0; i < COUNT(cases); i++) {
        const aten_saml_service_t *service = loaded(cases[i].keys, cases[i].certificates);
        const aten_saml_key_t *const *keys = (const aten_saml_key_t *const *)service->keys->elts;
        const int n = !!cases[i].first + !!cases[i].second;

        if (service->keys->nelts != n) fail_msg("%s: %d keys", cases[i].why, service->keys->nelts);
        if (n > 0 && !is_key(keys[0], cases[i].first, cases[i].first_cert)) fail_msg("%s: the first", cases[i].why);
        if (n > 1 && !is_key(keys[1], cases[i].second, cases[i].second_cert)) fail_msg("%s: the second", cases[i].why);
    }
}

static void dates_come_along(void **state)
{
    const aten_saml_service_t *service = loaded(LIST(b_key), LIST(b_cert));
    const aten_saml_key_t *key = APR_ARRAY_IDX(service->keys, 0, const aten_saml_key_t *);

    assert_int_equal(key->not_before, apr_time_from_sec(1262304000));
    assert_int_equal(key->not_after, apr_time_from_sec(1293840000)); /* told, not judged */
}

/* As OpenSSL wrote keys before PKCS#8. */
static const char *traditional(EVP_PKEY *pkey, char *passphrase)
{
    BIO *bio = BIO_new(BIO_s_mem());

    assert_true(PEM_write_bio_PrivateKey_traditional(bio, pkey, passphrase ? EVP_aes_128_cbc() : NULL,
                                                     (unsigned char *)passphrase,
                                                     passphrase ? (int)strlen(passphrase) : 0, NULL, NULL));
    return text_of(bio);
}

#define THE_KEY "AtenServiceKey"
#define THE_CERTIFICATE "AtenServiceCertificate"

static void bad_pairs(void **state)
{
    const char *small_key = private_pem(small, NULL), *small_cert = certificate_pem(small);
    const struct {
        const char *keys[3], *certificates[3];
        const char *which;
        int nth;
        const char *error, *why;
    } cases[] = {
        {{a_key}, {NULL}, THE_KEY, 0, "no AtenServiceCertificate belongs", "a key alone"},
        {{NULL}, {a_cert}, THE_CERTIFICATE, 0, "no AtenServiceKey belongs", "a certificate alone"},
        {{a_key}, {b_cert}, THE_KEY, 0, "no AtenServiceCertificate belongs", "of another key"},
        {{a_key}, {ec_cert}, THE_KEY, 0, "no AtenServiceCertificate belongs", "of another kind"},
        {{a_key, b_key}, {a_cert}, THE_KEY, 1, "no AtenServiceCertificate belongs", "the second lacks one"},
        {{a_key, a_key}, {a_cert}, THE_KEY, 1, "no AtenServiceCertificate belongs", "a certificate stands for one key"},
        {{a_key}, {a_cert, b_cert}, THE_CERTIFICATE, 1, "no AtenServiceKey belongs", "one too many"},
        {{b_key}, {a_cert, b_cert}, THE_CERTIFICATE, 0, "no AtenServiceKey belongs", "... the first"},
        {{a_key, b_key, ec_key}, {a_cert, b_cert}, THE_KEY, 2, "two at most", "three keys"},
        {{a_key, b_key}, {a_cert, b_cert, ec_cert}, THE_CERTIFICATE, 2, "two at most", "three certificates"},
        {{""}, {a_cert}, THE_KEY, 0, "no private key in PEM", "an empty file"},
        {{a_cert}, {a_cert}, THE_KEY, 0, "no private key in PEM", "a certificate where the key belongs"},
        {{a_key}, {a_key}, THE_CERTIFICATE, 0, "no certificate in PEM", "and the other way round"},
        {{a_key, "x"}, {a_cert, b_cert}, THE_KEY, 1, "no private key in PEM", "the second is none"},
        {{a_key, b_key}, {a_cert, "x"}, THE_CERTIFICATE, 1, "no certificate in PEM", "likewise"},
        {{small_key}, {a_cert}, THE_KEY, 0, "RSA key of 1024 bits; 2048", "too short"},
        {{small_key}, {small_cert}, THE_CERTIFICATE, 0, "RSA key of 1024 bits", "as its certificate says too"},
        {{private_pem(k1, NULL)}, {a_cert}, THE_KEY, 0, "P-256, P-384 or P-521", "another curve"},
        {{private_pem(a, "secret")}, {a_cert}, THE_KEY, 0, "passphrase", "a passphrase: nobody is asked"},
        {{traditional(a, (char[]){"secret"})}, {a_cert}, THE_KEY, 0, "passphrase", "in the old form"},
        {{"-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n"}, {a_cert}, THE_KEY, 0,
         "no private key in PEM", "broken"},
    };
    const int typing = typing_begin("secret\n");
    int i;

    for (i = 0; i < COUNT(cases); i++) {
        aten_saml_service_t *service = NULL;
        const char *which = "", *error;
        int nth = -1;

        error = aten_saml_service_load(&service, list(cases[i].keys), list(cases[i].certificates), &which, &nth, pool);
        if (!error || !strstr(error, cases[i].error)) fail_msg("%s: %s", cases[i].why, error ? error : "taken");
        if (strcmp(which, cases[i].which) || nth != cases[i].nth) fail_msg("%s: %s %d", cases[i].why, which, nth);
        if (service) fail_msg("%s: a service all the same", cases[i].why);
        if (strstr(error, "BEGIN") || strstr(error, "MII")) fail_msg("%s: %s", cases[i].why, error);
        assert_int_equal(ERR_peek_error(), 0);
    }
    typing_end(typing);
    loaded(LIST(traditional(a, NULL)), LIST(a_cert));
    loaded(LIST(traditional(ec, NULL)), LIST(ec_cert));
}

/* --- the page --- */

static char *page(const aten_saml_service_t *service)
{
    const aten_saml_self_t self = {"https://ent.example/aten/saml/metadata", "https://ent.example/aten/saml/acs",
                                   "https://ent.example/aten/saml/logout", service};
    char *text = aten_saml_service_metadata(&self, pool);

    assert_non_null(text);
    return text;
}

/* Portals keep a copy: these bytes stay as they are. */
static void every_byte(void **state)
{
    static const char expected[] =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\""
        " xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\" entityID=\"https://ent.example/aten/saml/metadata\">\n"
        "  <md:SPSSODescriptor AuthnRequestsSigned=\"false\" WantAssertionsSigned=\"true\""
        " protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">\n"
        "    <md:SingleLogoutService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\""
        " Location=\"https://ent.example/aten/saml/logout\"/>\n"
        "    <md:SingleLogoutService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\""
        " Location=\"https://ent.example/aten/saml/logout\"/>\n"
        "    <md:NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:transient</md:NameIDFormat>\n"
        "    <md:AssertionConsumerService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\""
        " Location=\"https://ent.example/aten/saml/acs\" index=\"0\" isDefault=\"true\"/>\n"
        "  </md:SPSSODescriptor>\n"
        "</md:EntityDescriptor>\n";

    assert_string_equal(page(NULL), expected);
    assert_string_equal(page(loaded(LIST(NULL), LIST(NULL))), expected);
}

static void same_bytes(void **state)
{
    const char *const keys[3] = {a_key, ec_key};
    const char *before = page(loaded(keys, LIST(a_cert, ec_cert)));
    const int indent = xmlIndentTreeOutput, full = xmlSaveNoEmptyTags;

    assert_string_equal(page(loaded(keys, LIST(ec_cert, a_cert))), before); /* the keys' order counts alone */
    xmlIndentTreeOutput = !indent; /* as another module of the process may have it */
    xmlSaveNoEmptyTags = !full;
    assert_string_equal(page(loaded(keys, LIST(a_cert, ec_cert))), before);
    xmlIndentTreeOutput = indent;
    xmlSaveNoEmptyTags = full;
}

static xmlNode *role_of(const char *text)
{
    xmlDocPtr doc;
    xmlNode *root, *role;

    assert_int_equal(aten_xml_parse(&doc, text, strlen(text), pool), ATEN_V_OK);
    root = xmlDocGetRootElement(doc);
    assert_true(aten_xml_is(root, ATEN_NS_MD, "EntityDescriptor"));
    role = aten_xml_first(root);
    assert_true(aten_xml_is(role, ATEN_NS_MD, "SPSSODescriptor"));
    assert_null(aten_xml_next(role));
    return role;
}

/* "signing b|signing a|encryption b|..." by the certificates of the two keys. */
static const char *descriptors_of(const xmlNode *role)
{
    const char *out = "";
    const xmlNode *node;

    for (node = aten_xml_first(role); aten_xml_is(node, ATEN_NS_MD, "KeyDescriptor"); node = aten_xml_next(node)) {
        const xmlNode *info = aten_xml_child(node, ATEN_NS_DS, "KeyInfo", NULL);
        const xmlNode *data = aten_xml_child(info, ATEN_NS_DS, "X509Data", NULL);
        const char *certificate = aten_xml_text(aten_xml_child(data, ATEN_NS_DS, "X509Certificate", NULL), pool);
        aten_saml_key_t *key = NULL;

        assert_null(aten_saml_key_from_certificate(&key, certificate, strlen(certificate), 0, pool));
        out = apr_pstrcat(pool, out, *out ? "|" : "", aten_xml_attribute(node, "use", pool),
                          EVP_PKEY_eq(key->pkey, a) == 1 ? " a" : EVP_PKEY_eq(key->pkey, b) == 1 ? " b" : " ec", NULL);
    }
    return out;
}

static void keys_on_the_page(void **state)
{
    const struct { const char *keys[3], *certificates[3], *descriptors, *signs, *why; } cases[] = {
        {{NULL}, {NULL}, "", "false", "no key: nothing is signed, nothing encrypted for us"},
        {{a_key}, {a_cert}, "signing a|encryption a", "true", "one for both"},
        {{ec_key}, {ec_cert}, "signing ec", "true", "nobody encrypts for an EC key here"},
        {{b_key, a_key}, {a_cert, b_cert}, "signing b|signing a|encryption b|encryption a", "true", "a roll-over"},
        {{ec_key, a_key}, {ec_cert, a_cert}, "signing ec|signing a|encryption a", "true", "of both kinds"},
    };
    int i;

    for (i = 0; i < COUNT(cases); i++) {
        const xmlNode *role = role_of(page(loaded(cases[i].keys, cases[i].certificates)));

        if (strcmp(descriptors_of(role), cases[i].descriptors)) fail_msg("%s: %s", cases[i].why, descriptors_of(role));
        assert_string_equal(aten_xml_attribute(role, "AuthnRequestsSigned", pool), cases[i].signs);
        assert_string_equal(aten_xml_attribute(role, "WantAssertionsSigned", pool), "true");
    }
}

static void encryption_methods(void **state)
{
    static const char *const offered[] = {
        "http://www.w3.org/2009/xmlenc11#aes128-gcm",      "http://www.w3.org/2009/xmlenc11#aes256-gcm",
        "http://www.w3.org/2009/xmlenc11#aes192-gcm",      "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p",
        "http://www.w3.org/2009/xmlenc11#rsa-oaep",
    };
    const char *text = page(loaded(LIST(a_key), LIST(a_cert)));
    const xmlNode *signing = aten_xml_first(role_of(text)), *encryption = aten_xml_next(signing), *method;
    int i = 0;

    assert_null(aten_xml_child(signing, ATEN_NS_MD, "EncryptionMethod", NULL));
    method = aten_xml_next(aten_xml_first(encryption)); /* behind KeyInfo (saml-metadata 2.4.1.1) */
    for (; method; method = aten_xml_next(method), i++) {
        assert_true(aten_xml_is(method, ATEN_NS_MD, "EncryptionMethod"));
        assert_true(i < COUNT(offered));
        assert_string_equal(aten_xml_attribute(method, "Algorithm", pool), offered[i]);
    }
    assert_int_equal(i, COUNT(offered));
    assert_null(strstr(text, "cbc"));
    assert_null(strstr(text, "rsa-1_5"));
}

static void no_secret(void **state)
{
    const char *text = page(loaded(LIST(a_key), LIST(a_cert))), *secret = base64_of_pem(a_key);

    assert_non_null(strstr(text, base64_of_pem(a_cert)));
    assert_null(strstr(text, apr_pstrmemdup(pool, secret + 200, 40)));
    assert_null(strstr(text, "PRIVATE"));
}

static void escaped(void **state)
{
    aten_saml_self_t self = {"urn:a&b\"<c>", "https://ent.example/acs?x&y", "https://ent.example/logout", NULL};
    const char *text = aten_saml_service_metadata(&self, pool);
    xmlNode *role = role_of(text), *acs;

    assert_string_equal(aten_xml_attribute(role->parent, "entityID", pool), self.service_id);
    acs = aten_xml_child(role, ATEN_NS_MD, "AssertionConsumerService", NULL);
    assert_string_equal(aten_xml_attribute(acs, "Location", pool), self.acs);
    self.logout = NULL;
    assert_null(aten_saml_service_metadata(&self, pool)); /* rather nothing than half of it */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs),      cmocka_unit_test(dates_come_along), cmocka_unit_test(bad_pairs),
        cmocka_unit_test(every_byte), cmocka_unit_test(same_bytes),       cmocka_unit_test(keys_on_the_page),
        cmocka_unit_test(no_secret),  cmocka_unit_test(encryption_methods), cmocka_unit_test(escaped),
    };

    return cmocka_run_group_tests_name("saml_service", tests, setup_keys, teardown);
}
