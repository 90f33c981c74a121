/* aten_saml_request.h: the message as a portal gets it out of the address, and the signature over the address. */
#include "unit.h"

#include <apr_encode.h>
#include <apr_lib.h>
#include <openssl/ecdsa.h>
#include <zlib.h>

#include "aten_saml_request.h"
#include "aten_url.h"
#include "aten_xml.h"
#include "unit_key.h"

#define NONCE "AbCdEfGhIjKlMnOpQrSt-_"
#define SSO "https://portail.example/sso"
#define ACS "https://ent.example/aten/saml/acs"
#define SERVICE "https://ent.example/aten/saml/metadata"
#define NOW (apr_time_from_sec(1479981600) + 999999) /* 2016-11-24T10:00:00.999999Z */
#define XMLDSIG "http://www.w3.org/2001/04/xmldsig-more#"

static EVP_PKEY *rsa, *curves[3];
static const char *const curve_names[] = {"P-256", "P-384", "P-521"};

static int setup_keys(void **state)
{
    int i;

    if (setup(state)) return -1;
    rsa = make_key("rsa2048");
    for (i = 0; i < 3; i++) curves[i] = make_key(curve_names[i]);
    return 0;
}

static aten_saml_request_t usual(void)
{
    aten_saml_request_t request = {NONCE, SSO, ACS, SERVICE, NONCE ".0", NOW, 0, NULL, NULL, 0};

    return request;
}

static aten_saml_key_t *key_of(EVP_PKEY *pkey)
{
    aten_saml_key_t *key = apr_pcalloc(pool, sizeof(*key));

    key->pkey = pkey;
    return key;
}

static const char *url_of(const aten_saml_request_t *request)
{
    const char *url = aten_saml_request_url(request, pool);

    assert_non_null(url);
    assert_int_equal(ERR_peek_error(), 0);
    return url;
}

/* --- as a portal reads it --- */

static const char *param(const char *url, const char *name)
{
    static const char *const names[] = {"SAMLRequest", "RelayState", "SigAlg", "Signature", "SAMLEncoding", NULL};
    const char *which = NULL;
    apr_table_t *params;

    assert_non_null(strchr(url, '?'));
    assert_int_equal(aten_params(&params, strchr(url, '?') + 1, names, &which, pool), ATEN_V_OK);
    return apr_table_get(params, name);
}

/* DEFLATE without a header, nothing behind it. */
static const char *message_of(const char *url)
{
    apr_size_t len;
    const unsigned char *bytes = apr_pdecode_base64_binary(pool, param(url, "SAMLRequest"), APR_ENCODE_STRING, 0, &len);
    char *text = apr_pcalloc(pool, 65536);
    z_stream stream = {0};

    assert_non_null(bytes);
    assert_int_equal(inflateInit2(&stream, -MAX_WBITS), Z_OK);
    stream.next_in = (unsigned char *)(uintptr_t)bytes;
    stream.avail_in = (uInt)len;
    stream.next_out = (unsigned char *)text;
    stream.avail_out = 65535;
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(stream.avail_in, 0);
    inflateEnd(&stream);
    return text;
}

static xmlNode *root_of(const char *url)
{
    const char *text = message_of(url);
    xmlDocPtr doc;

    assert_int_equal(aten_xml_parse(&doc, text, strlen(text), pool), ATEN_V_OK);
    return xmlDocGetRootElement(doc);
}

static xmlNode *child(const xmlNode *node, const char *ns, const char *name)
{
    int count;
    xmlNode *found = aten_xml_child(node, ns, name, &count);

    if (count != 1) fail_msg("%d %s", count, name);
    return found;
}

/* --- identifiers --- */

static void identifiers(void **state)
{
    static const struct { const char *id, *nonce, *why; } cases[] = {
        {"_" NONCE, NONCE, "ours"},
        {"r" NONCE, NONCE, "of a second try"},
        {"rr" NONCE, NULL, "one letter too many there"},
        {"r", NULL, "no nonce either"},
        {NULL, NULL, "none"},
        {"", NULL, "empty"},
        {"_", NULL, "no nonce"},
        {NONCE, NULL, "without the first letter"},
        {"a" NONCE, NULL, "with another"},
        {"__" NONCE, NULL, "one letter too many"},
        {"_" NONCE "A", NULL, "behind it too"},
        {"_" NONCE "/", NULL, "nor another one there"},
        {"_AbCdEfGhIjKlMnOpQrSt-", NULL, "one too few"},
        {"_AbCdEfGhIjKlMnOpQrSt-/", NULL, "a letter that no nonce has"},
        {"_AbCdEfGhIjKlMnOpQrSt-\n", NULL, "nor this"},
        {" _" NONCE, NULL, "a blank in front"},
    };
    int i, retry;

    assert_string_equal(aten_saml_request_id(NONCE, 0, pool), "_" NONCE);
    assert_string_equal(aten_saml_request_id(NONCE, 1, pool), "r" NONCE);
    for (i = 0; i < COUNT(cases); i++) {
        const char *nonce = aten_saml_request_nonce(cases[i].id, &retry, pool);

        if (cases[i].nonce ? !nonce || strcmp(nonce, cases[i].nonce) : nonce != NULL) fail_msg("%s", cases[i].why);
        if (nonce) assert_int_equal(retry, *cases[i].id == 'r');
    }
}

/* --- the message --- */

static void attributes(void **state)
{
    static const struct { const char *name, *value; } expected[] = {
        {"ID", "_" NONCE},
        {"Version", "2.0"},
        {"IssueInstant", "2016-11-24T10:00:00Z"},
        {"Destination", SSO},
        {"AssertionConsumerServiceURL", ACS},
        {"ProtocolBinding", "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"},
    };
    const aten_saml_request_t request = usual();
    const char *url = url_of(&request);
    const xmlNode *root = root_of(url), *issuer, *policy;
    const xmlAttr *attribute;
    int i, count = 0;

    assert_true(aten_xml_is(root, ATEN_NS_SAMLP, "AuthnRequest"));
    for (i = 0; i < COUNT(expected); i++) {
        const char *value = aten_xml_attribute(root, expected[i].name, pool);

        if (!value || strcmp(value, expected[i].value)) fail_msg("%s: %s", expected[i].name, value ? value : "-");
    }
    for (attribute = root->properties; attribute; attribute = attribute->next) count++;
    assert_int_equal(count, COUNT(expected));
    issuer = aten_xml_first(root); /* the first (saml-core 3.2.1) */
    assert_true(aten_xml_is(issuer, ATEN_NS_SAML, "Issuer"));
    assert_string_equal(aten_xml_text(issuer, pool), SERVICE);
    assert_null(issuer->properties);
    policy = aten_xml_next(issuer);
    assert_true(aten_xml_is(policy, ATEN_NS_SAMLP, "NameIDPolicy"));
    assert_string_equal(aten_xml_attribute(policy, "Format", pool), ATEN_NAMEID_TRANSIENT);
    assert_string_equal(aten_xml_attribute(policy, "AllowCreate", pool), "true");
    assert_null(aten_xml_next(policy));
    assert_string_equal(param(url, "RelayState"), NONCE ".0");
    assert_null(param(url, "SigAlg"));
    assert_null(param(url, "Signature"));
    assert_null(param(url, "SAMLEncoding")); /* DEFLATE where it is not said */
    assert_null(strstr(message_of(url), "<?xml"));
}

static void force(void **state)
{
    aten_saml_request_t request = usual();

    request.force = 1;
    assert_string_equal(aten_xml_attribute(root_of(url_of(&request)), "ForceAuthn", pool), "true");
}

static void second_try(void **state)
{
    aten_saml_request_t request = usual();

    request.retry = 1;
    assert_string_equal(aten_xml_attribute(root_of(url_of(&request)), "ID", pool), "r" NONCE);
}

static void contexts(void **state)
{
    static const char *const classes[] = {"urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport",
                                          "https://educonnect.example/a?b=c&d=<e>"};
    aten_saml_request_t request = usual();
    apr_array_header_t *list = apr_array_make(pool, 2, sizeof(const char *));
    const xmlNode *requested, *reference;
    int i;

    request.contexts = list; /* with nothing in it */
    assert_null(aten_xml_child(root_of(url_of(&request)), ATEN_NS_SAMLP, "RequestedAuthnContext", NULL));
    for (i = 0; i < COUNT(classes); i++) APR_ARRAY_PUSH(list, const char *) = classes[i];
    requested = child(root_of(url_of(&request)), ATEN_NS_SAMLP, "RequestedAuthnContext");
    assert_null(aten_xml_next(requested)); /* the last (saml-core 3.4.1) */
    assert_string_equal(aten_xml_attribute(requested, "Comparison", pool), "exact");
    reference = aten_xml_first(requested);
    for (i = 0; i < COUNT(classes); i++, reference = aten_xml_next(reference)) {
        assert_true(aten_xml_is(reference, ATEN_NS_SAML, "AuthnContextClassRef"));
        assert_string_equal(aten_xml_text(reference, pool), classes[i]);
    }
    assert_null(reference);
}

static void escaped(void **state)
{
    aten_saml_request_t request = usual();
    const xmlNode *root;

    request.destination = SSO "?a=b&c='d'";
    request.service_id = "urn:a&b\"<c>";
    root = root_of(url_of(&request));
    assert_string_equal(aten_xml_attribute(root, "Destination", pool), request.destination);
    assert_string_equal(aten_xml_text(child(root, ATEN_NS_SAML, "Issuer"), pool), request.service_id);
}

static void instants(void **state)
{
    static const struct { apr_int64_t seconds; const char *text; } cases[] = {
        {0, "1970-01-01T00:00:00Z"},
        {1456790399, "2016-02-29T23:59:59Z"},
        {1490489999, "2017-03-26T00:59:59Z"}, /* when clocks change in France */
        {1490490000, "2017-03-26T01:00:00Z"},
        {4102444800, "2100-01-01T00:00:00Z"},
    };
    aten_saml_request_t request = usual();
    int i;

    setenv("TZ", "Europe/Paris", 1);
    tzset();
    for (i = 0; i < COUNT(cases); i++) {
        request.now = apr_time_from_sec(cases[i].seconds);
        assert_string_equal(aten_xml_attribute(root_of(url_of(&request)), "IssueInstant", pool), cases[i].text);
    }
}

static void too_much(void **state)
{
    aten_saml_request_t request = usual();
    char *long_id = apr_pcalloc(pool, 70000);

    memset(long_id, 'x', 69999);
    request.service_id = long_id;
    assert_null(aten_saml_request_url(&request, pool));
    request.service_id = NULL;
    assert_null(aten_saml_request_url(&request, pool)); /* rather nothing than half of it */
}

/* --- the address --- */

static void destinations(void **state)
{
    static const struct { const char *destination, *start, *why; } cases[] = {
        {SSO, SSO "?SAMLRequest=", "no query"},
        {SSO "?a=b", SSO "?a=b&SAMLRequest=", "a query"},
        {SSO "?", SSO "?SAMLRequest=", "an empty one"},
        {SSO "?a=b&", SSO "?a=b&SAMLRequest=", "one that is open"},
        {SSO "?x=SAMLRequest=y", SSO "?x=SAMLRequest=y&SAMLRequest=", "words of ours in it"},
    };
    int i;

    for (i = 0; i < COUNT(cases); i++) {
        aten_saml_request_t request = usual();
        const char *url;

        request.destination = cases[i].destination;
        url = url_of(&request);
        if (strncmp(url, cases[i].start, strlen(cases[i].start))) fail_msg("%s: %s", cases[i].why, url);
        assert_string_equal(aten_xml_attribute(root_of(url), "Destination", pool), cases[i].destination);
    }
}

static void relay_states(void **state)
{
    aten_saml_request_t request = usual();
    char most[82];

    memset(most, 'r', sizeof(most));
    most[80] = '\0';
    request.relay_state = most;
    assert_string_equal(param(url_of(&request), "RelayState"), most);
    most[80] = 'r';
    most[81] = '\0';
    assert_null(aten_saml_request_url(&request, pool)); /* saml-bindings 3.4.3 */
    request.relay_state = "a&b=c+d e%";
    assert_string_equal(param(url_of(&request), "RelayState"), "a&b=c+d e%");
    request.relay_state = NULL;
    assert_null(strstr(url_of(&request), "RelayState"));
    request.relay_state = "";
    assert_null(strstr(url_of(&request), "RelayState"));
}

/* Base64 and a URI, with the letters that must not stand in a query as they are, in upper case. */
static void letters(void **state)
{
    aten_saml_request_t request = usual();
    int i, escapes = 0;

    request.key = key_of(rsa);
    request.relay_state = "\xC3\xA9~";
    for (i = 0; i < 20; i++) {
        const char *url, *c;

        request.now += apr_time_from_sec(1);
        url = url_of(&request);
        for (c = strchr(url, '?') + 1; *c; c++) {
            if (!apr_isalnum(*c) && !strchr("-_.%=&", *c)) fail_msg("%s", url);
            if (*c != '%') continue;
            if (!strchr("0123456789ABCDEF", c[1]) || !strchr("0123456789ABCDEF", c[2])) fail_msg("%.3s", c);
            escapes++;
        }
    }
    assert_true(escapes > 100);
}

/* --- the signature --- */

/* What stands in the address between the portal's own part and the signature. */
static const char *signed_octets(const char *url, const char *destination)
{
    const char *start = url + strlen(destination) + 1, *end = strstr(start, "&Signature=");

    assert_non_null(end);
    assert_null(strchr(end + 1, '&')); /* it is the last */
    return apr_pstrmemdup(pool, start, (apr_size_t)(end - start));
}

static int holds(EVP_PKEY *pkey, const char *octets, const unsigned char *signature, apr_size_t len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int good;

    assert_true(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, pkey) > 0);
    good = EVP_DigestVerify(ctx, signature, len, (const unsigned char *)octets, strlen(octets)) == 1;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return good;
}

static const unsigned char *signature_bytes(const char *url, apr_size_t *len)
{
    const unsigned char *bytes = apr_pdecode_base64_binary(pool, param(url, "Signature"), APR_ENCODE_STRING, 0, len);

    assert_non_null(bytes);
    return bytes;
}

static void by_rsa(void **state)
{
    static const char *const relays[] = {NONCE ".0", NULL, "a b&c"};
    aten_saml_request_t request = usual();
    const char *url, *octets;
    const unsigned char *signature;
    apr_size_t len;
    int i;

    request.key = key_of(rsa);
    request.destination = SSO "?a=b";
    for (i = 0; i < COUNT(relays); i++) {
        request.relay_state = relays[i];
        url = url_of(&request);
        octets = signed_octets(url, request.destination);
        signature = signature_bytes(url, &len);
        assert_string_equal(param(url, "SigAlg"), XMLDSIG "rsa-sha256");
        assert_true(!strncmp(octets, "SAMLRequest=", 12));
        assert_true(!strstr(octets, "&RelayState=") == !relays[i]);
        assert_non_null(strstr(octets, "&SigAlg=http%3A%2F%2Fwww.w3.org%2F2001%2F04%2Fxmldsig-more%23rsa-sha256"));
        assert_true(holds(rsa, octets, signature, len));
        assert_false(holds(rsa, apr_pstrcat(pool, octets, "x", NULL), signature, len));
    }
    assert_string_equal(url_of(&request), url); /* PKCS#1 v1.5 has no salt */
}

/* In this order, whatever stands between (saml-bindings 3.4.4.1). */
static void order(void **state)
{
    aten_saml_request_t request = usual();
    const char *url, *relay, *algorithm, *signature;

    request.key = key_of(rsa);
    url = url_of(&request);
    relay = strstr(url, "&RelayState=");
    algorithm = strstr(url, "&SigAlg=");
    signature = strstr(url, "&Signature=");
    assert_true(relay && algorithm && signature && relay < algorithm && algorithm < signature);
}

static void by_curves(void **state)
{
    static const apr_size_t lengths[] = {64, 96, 132};
    aten_saml_request_t request = usual();
    int i, k;

    for (i = 0; i < 3; i++) {
        request.key = key_of(curves[i]);
        for (k = 0; k < 40; k++) { /* each 256th number is a byte shorter than the curve */
            const char *url = url_of(&request);
            unsigned char *der = NULL;
            ECDSA_SIG *both = ECDSA_SIG_new();
            apr_size_t len, half;
            const unsigned char *plain = signature_bytes(url, &len);
            int der_len;

            assert_string_equal(param(url, "SigAlg"), XMLDSIG "ecdsa-sha256");
            assert_int_equal(len, lengths[i]);
            half = len / 2;
            ECDSA_SIG_set0(both, BN_bin2bn(plain, (int)half, NULL), BN_bin2bn(plain + half, (int)half, NULL));
            der_len = i2d_ECDSA_SIG(both, &der);
            assert_true(holds(curves[i], signed_octets(url, SSO), der, (apr_size_t)der_len));
            OPENSSL_free(der);
            ECDSA_SIG_free(both);
        }
    }
}

/* A key that cannot sign: no address, and not one without a signature. */
static void half_a_key(void **state)
{
    aten_saml_request_t request = usual();
    BIO *bio = BIO_new(BIO_s_mem());

    assert_true(PEM_write_bio_PUBKEY(bio, rsa));
    request.key = key_of(kept(PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL)));
    BIO_free(bio);
    assert_null(aten_saml_request_url(&request, pool));
    assert_int_equal(ERR_peek_error(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identifiers), cmocka_unit_test(attributes),   cmocka_unit_test(force),
        cmocka_unit_test(contexts),    cmocka_unit_test(escaped),      cmocka_unit_test(instants),
        cmocka_unit_test(too_much),    cmocka_unit_test(destinations), cmocka_unit_test(relay_states),
        cmocka_unit_test(letters),     cmocka_unit_test(by_rsa),       cmocka_unit_test(order),
        cmocka_unit_test(by_curves),   cmocka_unit_test(half_a_key),   cmocka_unit_test(second_try),
    };

    return cmocka_run_group_tests_name("saml_request", tests, setup_keys, teardown);
}
