/* aten_saml_key.h: which keys of a portal's metadata are taken, and keys out of PEM. */
#include "unit.h"

#include "aten_saml_key.h"
#include "aten_saml_metadata.h"
#include "unit_metadata.h"

/* --- in metadata --- */

static const char *base64_number(EVP_PKEY *pkey, const char *which)
{
    BIGNUM *number = NULL;
    unsigned char bytes[512], text[1024];
    int len;

    assert_true(EVP_PKEY_get_bn_param(pkey, which, &number));
    len = BN_bn2bin(number, bytes);
    BN_free(number);
    EVP_EncodeBlock(text, bytes, len);
    return apr_pstrdup(pool, (const char *)text);
}

#define FIRST "<ds:X509Data>" CERTIFICATE("b") CERTIFICATE("a") "</ds:X509Data>"

static const struct { const char *descriptors, *keys, *remark, *unusable, *why; } key_cases[] = {
    {KEYS, "a", NULL, NULL, "one"},
    {DESCRIPTOR(SIGNING, DATA("b")) KEYS, "b|a", NULL, NULL, "two during a roll-over, in their order"},
    {DESCRIPTOR("", DATA("a")), "a", NULL, NULL, "no use: for both"},
    {DESCRIPTOR(" use=\"encryption\"", DATA("a")), "", NULL, "no key", "one for encryption never verifies"},
    {DESCRIPTOR(" use=\"encryption\"", DATA("b")) KEYS, "a", NULL, NULL, "beside one for signatures"},
    {DESCRIPTOR(" use=\"encryption\"", DATA("small")) KEYS, "a", NULL, NULL, "what is wrong with it is no matter"},
    {DESCRIPTOR(" use=\"Signing\"", DATA("b")) KEYS, "a", NULL, NULL, "case counts"},
    {DESCRIPTOR(" use=\"\"", DATA("b")) KEYS, "a", NULL, NULL, "an empty use is none that is known"},
    {"", "", NULL, "no key", "none at all"},

    {DESCRIPTOR(SIGNING, DATA("p256")), "p256", NULL, NULL, "P-256"},
    {DESCRIPTOR(SIGNING, DATA("p384")) DESCRIPTOR(SIGNING, DATA("p521")), "p384|p521", NULL, NULL, "P-384, P-521"},
    {DESCRIPTOR(SIGNING, DATA("small")) KEYS, "a", "RSA key of 1024 bits; 2048", NULL, "RSA 1024 beside a good one"},
    {DESCRIPTOR(SIGNING, DATA("small")), "", "RSA key of 1024 bits", "no key", "... alone"},
    {DESCRIPTOR(SIGNING, DATA("odd")) KEYS, "a", "RSA key of 2047 bits", NULL, "one bit less"},
    {DESCRIPTOR(SIGNING, DATA("k1")) KEYS, "a", "P-256, P-384 or P-521", NULL, "another curve"},
    {DESCRIPTOR(SIGNING, DATA("p224")) KEYS, "a", "P-256, P-384 or P-521", NULL, "a short one"},
    {DESCRIPTOR(SIGNING, DATA("ed")) KEYS, "a", "neither RSA nor EC", NULL, "a kind that no XML signature has here"},
    {DESCRIPTOR(SIGNING, DATA("explicit")) KEYS, "a", "by name", NULL, "a curve of its own making"},
    {DESCRIPTOR(SIGNING, DATA("past")), "a", NULL, NULL, "expired: dates are told, not judged"},
    {DESCRIPTOR(SIGNING, DATA("future")), "a", NULL, NULL, "not valid yet: likewise"},

    {DESCRIPTOR(SIGNING, "<ds:X509Data><ds:X509Certificate>%%%</ds:X509Certificate></ds:X509Data>") KEYS, "a",
     "cannot be read", NULL, "no base64"},
    {DESCRIPTOR(SIGNING, "<ds:X509Data><ds:X509Certificate/></ds:X509Data>") KEYS, "a", "cannot be read", NULL,
     "empty"},
    {DESCRIPTOR(SIGNING, "<ds:X509Data><ds:X509Certificate>@longer@</ds:X509Certificate></ds:X509Data>") KEYS, "a",
     "cannot be read", NULL, "something behind it"},
    {DESCRIPTOR(SIGNING, "<ds:X509Data><ds:X509Certificate>AAAA@a@</ds:X509Certificate></ds:X509Data>") KEYS, "a",
     "cannot be read", NULL, "in front"},
    {DESCRIPTOR(SIGNING, "<ds:X509Data><ds:X509Certificate>@half@</ds:X509Certificate></ds:X509Data>") KEYS, "a",
     "cannot be read", NULL, "cut off"},
    {DESCRIPTOR(SIGNING, "<ds:X509Data><ds:X509Certificate>@a@<x/></ds:X509Certificate></ds:X509Data>") KEYS, "a",
     "cannot be read", NULL, "an element inside"},
    {DESCRIPTOR(SIGNING, "<ds:X509Data><ds:X509Certificate>@pem@</ds:X509Certificate></ds:X509Data>") KEYS, "a",
     "cannot be read", NULL, "with PEM's lines around it"},
    {DESCRIPTOR(SIGNING, "<ds:X509Data><ds:X509Certificate>-</ds:X509Certificate></ds:X509Data>"
        RSA_VALUE("@n@", "@e@")) KEYS, "a", "cannot be read", NULL, "a KeyValue does not stand in for it"},
    {"<md:KeyDescriptor use=\"signing\"/>" KEYS, "a", "neither a certificate nor", NULL, "no KeyInfo"},
    {DESCRIPTOR(SIGNING, "<ds:KeyName>a</ds:KeyName>") KEYS, "a", "neither a certificate nor", NULL,
     "a name is no key"},
    {DESCRIPTOR(SIGNING, "<ds:RetrievalMethod URI=\"https://x.example\"/>") KEYS, "a", "neither a certificate nor",
     NULL, "nothing is fetched"},
    {DESCRIPTOR(SIGNING, "<ds:X509Data><X509Certificate xmlns=\"urn:x\">@b@</X509Certificate></ds:X509Data>") KEYS, "a",
     "neither a certificate nor", NULL, "an element of strangers"},

    {DESCRIPTOR(SIGNING, FIRST), "b", "further certificates", NULL, "who issued it is no portal"},
    {DESCRIPTOR(SIGNING, DATA("b") DATA("a")), "b|a", NULL, NULL, "two keys by two X509Data"},
    {DESCRIPTOR(SIGNING, "<ds:X509Data/>" DATA("a")), "a", NULL, NULL, "an empty one"},

    {DESCRIPTOR(SIGNING, RSA_VALUE("@n@", "@e@")), "n", NULL, NULL, "a key without a certificate"},
    {DESCRIPTOR(SIGNING, RSA_VALUE("\n @n@\n", "@e@") DATA("b")), "b", NULL, NULL, "a certificate goes first"},
    {DESCRIPTOR(SIGNING, RSA_VALUE("@small-n@", "@e@")) KEYS, "a", "RSA key of 1024 bits", NULL, "a short one"},
    {DESCRIPTOR(SIGNING, RSA_VALUE("@n@", "AQ==")) KEYS, "a", "exponent", NULL, "exponent 1: all signatures hold"},
    {DESCRIPTOR(SIGNING, RSA_VALUE("@n@", "BA==")) KEYS, "a", "exponent", NULL, "an even one"},
    {DESCRIPTOR(SIGNING, RSA_VALUE("@n@", "")) KEYS, "a", "RSAKeyValue that cannot be read", NULL, "no exponent"},
    {DESCRIPTOR(SIGNING, RSA_VALUE("", "@e@")) KEYS, "a", "RSAKeyValue that cannot be read", NULL, "no modulus"},
    {DESCRIPTOR(SIGNING, RSA_VALUE("*", "@e@")) KEYS, "a", "RSAKeyValue that cannot be read", NULL, "no base64"},
    {DESCRIPTOR(SIGNING, "<ds:KeyValue><ds:RSAKeyValue/></ds:KeyValue>") KEYS, "a", "RSAKeyValue that cannot be read",
     NULL, "nothing in it"},
    {DESCRIPTOR(SIGNING, "<ds:KeyValue><ds:DSAKeyValue/></ds:KeyValue>") KEYS, "a", "neither a certificate nor", NULL,
     "another kind"},
};

/* A certificate with a byte behind it. */
static const char *longer_certificate(EVP_PKEY *pkey)
{
    X509 *certificate = make_certificate(pkey, SOON, LATE);
    unsigned char bytes[4096] = {0}, *end = bytes, *text = apr_pcalloc(pool, 8192);
    const int len = i2d_X509(certificate, &end);

    X509_free(certificate);
    assert_true(len > 0 && len < 4096);
    EVP_EncodeBlock(text, bytes, len + 1);
    return (const char *)text;
}

/* What the rows of key_cases have in addition to certificates. */
static const char *with_specials(const char *text)
{
    EVP_PKEY *a = key("a");
    const char *specials[][2] = {
        {"@n@", base64_number(a, OSSL_PKEY_PARAM_RSA_N)},
        {"@e@", base64_number(a, OSSL_PKEY_PARAM_RSA_E)},
        {"@small-n@", base64_number(key("small"), OSSL_PKEY_PARAM_RSA_N)},
        {"@half@", apr_pstrmemdup(pool, certificates[0], strlen(certificates[0]) / 8 * 4)},
        {"@longer@", longer_certificate(a)},
        {"@pem@", certificate_pem(a)},
        {"@past@", base64_of_pem(certificate_pem_from(a, "20000101000000Z", "20010101000000Z"))},
        {"@future@", base64_of_pem(certificate_pem_from(a, "21000101000000Z", "21010101000000Z"))},
        {"@explicit@", strstr(text, "@explicit@") ? certificate_base64(make_explicit_key()) : NULL},
    };
    int i;

    for (i = 0; i < COUNT(specials); i++) {
        if (strstr(text, specials[i][0])) text = swapped(text, specials[i][0], specials[i][1]);
    }
    return text;
}

static void some_keys(void **state)
{
    int i, k;

    for (i = 0; i < COUNT(key_cases); i++) {
        const char *why = key_cases[i].why;
        const char *text = with_specials(swapped(ENTITY, KEYS, key_cases[i].descriptors));
        const aten_saml_entity_t *entity = entity_of(text, why);
        char *names[WORDS_MAX];
        const int n = split(key_cases[i].keys, names);

        if (!says(entity->remarks, key_cases[i].remark)) {
            fail_msg("%s: %s", why, entity->remarks ? entity->remarks : "-");
        }
        if (entity->remarks && !strstr(entity->remarks, "KeyDescriptor in line 1: ")) fail_msg("%s: where?", why);
        if (!says(entity->unusable, key_cases[i].unusable)) fail_msg("%s: %s", why, entity->unusable);
        if (entity->keys->nelts != n) fail_msg("%s: %d keys", why, entity->keys->nelts);
        for (k = 0; k < n; k++) {
            const aten_saml_key_t *found = nth_key(entity, k);
            const int bare = !strcmp(names[k], "n");

            if (EVP_PKEY_eq(found->pkey, key(bare ? "a" : names[k])) != 1) fail_msg("%s: key %d", why, k);
            if (bare ? found->certificate || found->not_after : !found->certificate || !found->not_after) {
                fail_msg("%s: its certificate", why);
            }
        }
        assert_int_equal(ERR_peek_error(), 0);
    }
}

static void dates(void **state)
{
    const aten_saml_key_t *old = nth_key(entity_of(with_specials(swapped(ENTITY, "@a@", "@past@")), "past"), 0);
    const aten_saml_key_t *far;
    const char *before_1970 = base64_of_pem(certificate_pem_from(key("a"), "19650101000000Z", "99991231235959Z"));

    assert_int_equal(old->not_before, apr_time_from_sec(946684800));
    assert_int_equal(old->not_after, apr_time_from_sec(978307200));
    far = nth_key(entity_of(swapped(ENTITY, "@a@", before_1970), "without an end"), 0);
    assert_int_equal(far->not_before, 0);
    assert_int_equal(far->not_after, apr_time_from_sec(APR_INT64_C(253402300799)));
}

/* A false signature is tried with each key, and remarks are read by people. */
static void many_keys(void **state)
{
    const char *good = "", *broken = "";
    const aten_saml_entity_t *entity;
    int i;

    for (i = 0; i < 20; i++) good = apr_pstrcat(pool, good, KEYS, NULL);
    entity = entity_of(swapped(ENTITY, KEYS, good), "20 keys");
    assert_int_equal(entity->keys->nelts, 16);
    assert_non_null(strstr(entity->remarks, "more than 16 keys"));
    for (i = 0; i < 2000; i++) broken = apr_pstrcat(pool, broken, "<md:KeyDescriptor/>", NULL);
    entity = entity_of(swapped(ENTITY, KEYS, apr_pstrcat(pool, broken, KEYS, NULL)), "2000 broken ones");
    assert_int_equal(entity->keys->nelts, 1);
    assert_non_null(strstr(entity->remarks, "; and more"));
    assert_true(strlen(entity->remarks) < 1000);
}

/* --- PEM --- */

/* As PEM had it before PKCS#8: a certificate can be encrypted too. */
static const char *encrypted_certificate(EVP_PKEY *pkey, char *passphrase)
{
    X509 *certificate = make_certificate(pkey, SOON, LATE);
    BIO *bio = BIO_new(BIO_s_mem());

    assert_true(PEM_ASN1_write_bio((i2d_of_void *)i2d_X509, PEM_STRING_X509, bio, certificate, EVP_aes_128_cbc(),
                                   (unsigned char *)passphrase, (int)strlen(passphrase), NULL, NULL));
    X509_free(certificate);
    return text_of(bio);
}

static void pem(void **state)
{
    const char *a = certificate_pem(key("a")), *b = certificate_pem(key("b"));
    const char *locked = encrypted_certificate(key("a"), (char[]){"secret"});
    const struct { const char *text, *key, *error, *why; } cases[] = {
        {a, "a", NULL, "plain"},
        {apr_pstrcat(pool, "Bag Attributes\n  friendlyName: x\n", a, NULL), "a", NULL, "words in front"},
        {apr_pstrcat(pool, private_pem(key("b"), NULL), a, NULL), "a", NULL, "a key in front"},
        {apr_pstrcat(pool, b, a, NULL), "b", NULL, "a chain: the first is its own"},
        {swapped(a, "\n", "\r\n"), "a", NULL, "line ends of others"},
        {"", NULL, "no certificate in PEM", "nothing"},
        {certificates[0], NULL, "no certificate in PEM", "without PEM's lines"},
        {private_pem(key("a"), NULL), NULL, "no certificate in PEM", "a key"},
        {swapped(a, "MI", "NI"), NULL, "no certificate in PEM", "other bytes"},
        {certificate_pem(key("small")), NULL, "1024 bits", "too short"},
        {locked, NULL, "no certificate in PEM", "one with a passphrase: nobody is asked"},
    };
    const int typing = typing_begin("secret\n");
    int i;

    for (i = 0; i < COUNT(cases); i++) {
        aten_saml_key_t *out = NULL;
        const char *error = aten_saml_key_from_certificate(&out, cases[i].text, strlen(cases[i].text), 1, pool);

        if (!says(error, cases[i].error)) fail_msg("%s: %s", cases[i].why, error ? error : "taken");
        if (!out != !cases[i].key) fail_msg("%s", cases[i].why);
        if (out && EVP_PKEY_eq(out->pkey, key(cases[i].key)) != 1) fail_msg("%s: the key", cases[i].why);
        assert_int_equal(ERR_peek_error(), 0);
    }
    typing_end(typing);
}

static void base64_has_no_nul(void **state)
{
    const apr_size_t len = strlen(certificates[0]);
    char *text = apr_pcalloc(pool, len + 2);
    aten_saml_key_t *out = NULL;

    memcpy(text, certificates[0], 100);
    memcpy(text + 101, certificates[0] + 100, len - 100);
    assert_non_null(aten_saml_key_from_certificate(&out, text, len + 1, 0, pool));
    assert_null(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(some_keys), cmocka_unit_test(dates),           cmocka_unit_test(many_keys),
        cmocka_unit_test(pem),       cmocka_unit_test(base64_has_no_nul),
    };

    return cmocka_run_group_tests_name("saml_key", tests, setup_keys, teardown);
}
