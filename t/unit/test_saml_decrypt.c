/* aten_saml_decrypt.h: what is decrypted, by which of our keys, and what is refused for what. The messages are made by
 * python3-cryptography (t/data/saml/make.py), and changes of their text. */
#include "aten_saml_decrypt.h"
#include "unit_saml.h"

#define XENC "http://www.w3.org/2001/04/xmlenc#"

static const char *records;

typedef struct {
    const char *record;
    const char *keys;
    int cbc_allowed;
    const char *old, *new;
    aten_verdict_t verdict;
    const char *says, *why;
} bad_t;

#define FORM ATEN_V_SAML_ENCRYPTION_FORM
#define ALGORITHM ATEN_V_SAML_ALGORITHM
#define ENCRYPTION ATEN_V_SAML_ENCRYPTION
#define CBC ATEN_V_SAML_ENCRYPTION_CBC
#define ONE_TEXT "it cannot be decrypted by AtenServiceKey"

static int begin(void **state)
{
    if (setup(state)) return -1;
    records = data_file("encrypted.txt");
    return 0;
}

static aten_verdict_t decrypt(const xmlNode *element, const apr_array_header_t *keys, int cbc_allowed,
                              const char **text, const char **why)
{
    apr_size_t len = 1;
    aten_verdict_t verdict;

    *text = *why = "unset";
    ERR_clear_error();
    verdict = aten_saml_decrypt(element, keys, cbc_allowed, text, &len, why, pool);
    assert_true(ERR_peek_error() == 0);
    if (verdict == ATEN_V_OK) {
        assert_null(*why);
        assert_int_equal(len, strlen(*text));
        return verdict;
    }
    assert_null(*text);
    assert_int_equal(len, 0);
    assert_non_null(*why);
    for (const char *s = *why; *s; s++) assert_in_range(*s, 0x20, 0x7E);
    return verdict;
}

/* --- what is decrypted --- */

static void good(void **state)
{
    static const struct { const char *record, *keys; int cbc_allowed; const char *why; } cases[] = {
        {"aes128-gcm", "service", 0, "GCM with 128 bits"},
        {"aes192-gcm", "service", 0, "with 192"},
        {"aes256-gcm", "service", 0, "with 256"},
        {"aes256-gcm", "service", 1, "where CBC would be allowed"},
        {"aes128-cbc", "service", 1, "CBC with 128 bits, where allowed"},
        {"aes192-cbc", "service", 1, "with 192"},
        {"aes256-cbc", "service", 1, "with 256"},
        {"mgf1p-sha1", "service", 0, "the older OAEP, its default said"},
        {"mgf1p-sha224", "service", 0, "with SHA-224, and a mask of SHA-1 as always"},
        {"mgf1p-sha256", "service", 0, "with SHA-256"},
        {"mgf1p-sha384", "service", 0, "with SHA-384"},
        {"mgf1p-sha512", "service", 0, "with SHA-512"},
        {"oaep-sha1", "service", 0, "the newer OAEP, digest and mask"},
        {"oaep-sha224", "service", 0, "likewise"},
        {"oaep-sha256", "service", 0, "likewise"},
        {"oaep-sha384", "service", 0, "likewise"},
        {"oaep-sha512", "service", 0, "likewise"},
        {"oaep-mask-sha1", "service", 0, "a mask, and the default digest"},
        {"oaep-mask-sha224", "service", 0, "likewise"},
        {"oaep-mask-sha256", "service", 0, "likewise"},
        {"oaep-mask-sha384", "service", 0, "likewise"},
        {"oaep-mask-sha512", "service", 0, "likewise"},
        {"oaep-mixed", "service", 0, "a digest and another mask"},
        {"label", "service", 0, "OAEPparams"},
        {"label-11", "service", 0, "with the newer OAEP"},
        {"name-id", "service", 0, "an EncryptedID"},
        {"no-type", "service", 0, "no Type"},
        {"beside", "service", 0, "the key beside, with a RetrievalMethod"},
        {"beside-without-info", "service", 0, "the key beside, which says what it is for"},
        {"hint", "service", 0, "the key says whose it is"},
        {"several-recipients", "service", 0, "the eighth EncryptedKey"},
        {"several-recipients", "other", 0, "the first one, wrapped the same"},
        {"spaced", "service", 0, "white space in base64"},
        {"aes256-gcm", "other|service", 0, "roll-over: the second key of ours"},
        {"aes256-gcm", "ec|-|service", 0, "keys that cannot be it are passed over"},
        {"to-other", "service|other", 0, "the other key"},
    };
    const char *wanted = record_of(records, "text");

    for (int i = 0; i < COUNT(cases); i++) {
        const char *text, *why;
        const xmlNode *element = root_of(record_of(records, cases[i].record));
        aten_verdict_t verdict = decrypt(element, keys_of(records, cases[i].keys, 1), cases[i].cbc_allowed, &text,
         &why);

        if (verdict != ATEN_V_OK) fail_msg("%s: %s: %s %s", cases[i].record, cases[i].why, aten_verdict_tag(verdict),
         why);
        assert_string_equal(text, wanted);
    }
}

/* A block of nothing but padding stands behind a text that fills its blocks. */
static void whole_blocks(void **state)
{
    const char *text, *why;
    const xmlNode *element = root_of(record_of(records, "cbc-whole-block"));

    assert_int_equal(decrypt(element, keys_of(records, "service", 1), 1, &text, &why), ATEN_V_OK);
    assert_int_equal(strlen(text) % 16, 0);
    assert_true(!strncmp(text, record_of(records, "text"), strlen(record_of(records, "text"))));
}

/* --- what is not --- */

static void refuse(const bad_t *cases, int count)
{
    for (int i = 0; i < count; i++) {
        const bad_t *bad = &cases[i];
        const char *text, *why;
        const xmlNode *element = root_of(replaced(record_of(records, bad->record), bad->old, bad->new));
        const apr_array_header_t *keys = bad->keys ? keys_of(records, bad->keys, 1) : NULL;
        aten_verdict_t verdict = decrypt(element, keys, bad->cbc_allowed, &text, &why);

        if (verdict != bad->verdict) {
            fail_msg("%s: %s: %s %s", bad->record, bad->why, aten_verdict_tag(verdict), why ? why : "decrypted");
        }
        /* Whoever could tell one failure from another could decrypt by asking. */
        if (verdict == ENCRYPTION ? strcmp(why, ONE_TEXT) != 0 : !strstr(why, bad->says)) {
            fail_msg("%s: %s: %s", bad->record, bad->why, why);
        }
    }
}

static void unreadable(void **state)
{
    static const bad_t cases[] = {
        {"aes256-gcm", "other", 0, NULL, NULL, ENCRYPTION, "", "for another key"},
        {"aes256-gcm", NULL, 0, NULL, NULL, ENCRYPTION, "", "no keys"},
        {"aes256-gcm", "", 0, NULL, NULL, ENCRYPTION, "", "none of them"},
        {"aes256-gcm", "-|ec", 0, NULL, NULL, ENCRYPTION, "", "none that could be it"},
        {"to-other", "service", 0, NULL, NULL, ENCRYPTION, "", "for somebody else"},
        {"rsa-1_5-hidden", "service", 0, NULL, NULL, ENCRYPTION, "", "PKCS#1 v1.5 under OAEP's name"},
        {"key-of-0", "service", 0, NULL, NULL, ENCRYPTION, "", "an empty content key"},
        {"key-of-15", "service", 0, NULL, NULL, ENCRYPTION, "", "one of no algorithm"},
        {"key-of-16", "service", 0, NULL, NULL, ENCRYPTION, "", "one of 128 bits for 256"},
        {"key-of-24", "service", 0, NULL, NULL, ENCRYPTION, "", "one of 192"},
        {"key-of-31", "service", 0, NULL, NULL, ENCRYPTION, "", "a byte too few"},
        {"key-of-33", "service", 0, NULL, NULL, ENCRYPTION, "", "a byte too many"},
        {"key-of-64", "service", 0, NULL, NULL, ENCRYPTION, "", "twice as many"},
        {"key-of-32-for-128", "service", 0, NULL, NULL, ENCRYPTION, "", "one of 256 bits for 128"},
        {"key-cut", "service", 0, NULL, NULL, ENCRYPTION, "", "too short for RSA"},
        {"key-zeros", "service", 0, NULL, NULL, ENCRYPTION, "", "zeros"},
        {"oaep-sha256", "service", 0, "mgf1sha256", "mgf1sha1", ENCRYPTION, "", "another mask than was taken"},
        {"oaep-mask-sha256", "service", 0, "mgf1sha256", "mgf1sha512", ENCRYPTION, "", "likewise"},
        {"mgf1p-sha256", "service", 0, "#sha256", "#sha512", ENCRYPTION, "", "another digest"},
        {"label", "service", 0, ">YSBsYWJlbA==<", ">QSBsYWJlbA==<", ENCRYPTION, "", "another label"},
        {"label", "service", 0, "<xenc:OAEPparams>YSBsYWJlbA==</xenc:OAEPparams>", "", ENCRYPTION, "",
         "without its label"},
        {"gcm-cut", "service", 0, NULL, NULL, ENCRYPTION, "", "cut by a byte"},
        {"gcm-cut-16", "service", 0, NULL, NULL, ENCRYPTION, "", "by the tag"},
        {"gcm-short", "service", 0, NULL, NULL, ENCRYPTION, "", "shorter than nonce and tag"},
        {"gcm-nonce", "service", 0, NULL, NULL, ENCRYPTION, "", "the nonce alone"},
        {"gcm-one", "service", 0, NULL, NULL, ENCRYPTION, "", "one byte"},
        {"gcm-tag", "service", 0, NULL, NULL, ENCRYPTION, "", "the tag changed"},
        {"gcm-text", "service", 0, NULL, NULL, ENCRYPTION, "", "the text changed"},
        {"gcm-nonce-changed", "service", 0, NULL, NULL, ENCRYPTION, "", "the nonce changed"},
        {"gcm-longer", "service", 0, NULL, NULL, ENCRYPTION, "", "a byte behind"},
        {"cbc-fill-0", "service", 1, NULL, NULL, ENCRYPTION, "", "padding of nothing"},
        {"cbc-fill-17", "service", 1, NULL, NULL, ENCRYPTION, "", "more than a block"},
        {"cbc-fill-255", "service", 1, NULL, NULL, ENCRYPTION, "", "more than there is"},
        {"cbc-cut", "service", 1, NULL, NULL, ENCRYPTION, "", "no whole blocks"},
        {"cbc-vector", "service", 1, NULL, NULL, ENCRYPTION, "", "the vector alone"},
        {"cbc-short", "service", 1, NULL, NULL, ENCRYPTION, "", "not even that"},
        {"aes256-gcm", "service", 1, "xmlenc11#aes256-gcm", "xmlenc11#aes128-gcm", ENCRYPTION, "", "another algorithm"},
        {"aes256-gcm", "service", 1, "http://www.w3.org/2009/xmlenc11#aes256-gcm", XENC "aes256-cbc", ENCRYPTION, "",
         "CBC said of what is GCM: not even whole blocks"},
        {"aes256-cbc", "service", 1, XENC "aes256-cbc", "http://www.w3.org/2009/xmlenc11#aes256-gcm", ENCRYPTION, "",
         "and the other way round"},
    };

    refuse(cases, COUNT(cases));
}

static void algorithms(void **state)
{
    static const bad_t cases[] = {
        {"aes128-cbc", "service", 0, NULL, NULL, CBC, "AES-GCM", "CBC where it is not allowed"},
        {"aes192-cbc", "service", 0, NULL, NULL, CBC, "AES-GCM", "with 192 bits"},
        {"aes256-cbc", "other", 0, NULL, NULL, CBC, "AES-GCM", "before any key is tried"},
        {"3des", "service", 1, NULL, NULL, ALGORITHM, "encryption is '" XENC "tripledes-cbc'", "3DES"},
        {"unknown", "service", 1, NULL, NULL, ALGORITHM, "'urn:none'", "one of nobody"},
        {"aes256-gcm", "service", 1, "http://www.w3.org/2009/xmlenc11#aes256-gcm", XENC "kw-aes256", ALGORITHM,
         "kw-aes256",
         "key wrap as encryption"},
        {"aes256-gcm", "service", 1, "xenc:EncryptionMethod Algorithm", "xenc:EncryptionMethod A", ALGORITHM, "'-'",
         "none"},
        {"rsa-1_5", "service", 1, NULL, NULL, ALGORITHM, "key transport is '" XENC "rsa-1_5'", "PKCS#1 v1.5"},
        {"rsa-1_5-first", "service", 1, NULL, NULL, ALGORITHM, "rsa-1_5", "of another recipient, beside a good one"},
        {"aes256-gcm", "service", 1, "#rsa-oaep-mgf1p", "#kw-aes256", ALGORITHM, "kw-aes256", "key wrap"},
        {"mgf1p-sha1", "service", 1, "xmldsig#sha1", "xmldsig#md5", ALGORITHM,
         "DigestMethod of the key transport is '", "MD5"},
        {"oaep-sha256", "service", 1, "mgf1sha256", "mgf1md5", ALGORITHM, "MGF of the key transport is '",
         "a mask of MD5"},
    };

    refuse(cases, COUNT(cases));
}

static void forms(void **state)
{
    static const bad_t cases[] = {
        {"reference", "service", 1, NULL, NULL, FORM, "CipherValue", "a CipherReference to an address"},
        {"reference-inside", "service", 1, NULL, NULL, FORM, "CipherValue", "into the message"},
        {"key-reference", "service", 1, NULL, NULL, FORM, "CipherValue", "of the key"},
        {"empty", "service", 1, NULL, NULL, FORM, "base64", "nothing in CipherValue"},
        {"no-base64", "service", 1, NULL, NULL, FORM, "base64", "no base64"},
        {"half-base64", "service", 1, NULL, NULL, FORM, "base64", "padding in the middle"},
        {"element-inside", "service", 1, NULL, NULL, FORM, "base64", "an element in it"},
        {"two-values", "service", 1, NULL, NULL, FORM, "CipherValue", "two of them"},
        {"content", "service", 1, NULL, NULL, FORM, "EncryptedData is not", "Type Content"},
        {"encoding", "service", 1, NULL, NULL, FORM, "EncryptedData is not", "an Encoding"},
        {"nine-keys", "service", 1, NULL, NULL, FORM, "more than 8", "nine keys"},
        {"no-key", "service", 1, NULL, NULL, FORM, "no EncryptedKey", "none"},
        {"retrieval", "service", 1, NULL, NULL, FORM, "RetrievalMethod", "a RetrievalMethod to an address"},
        {"retrieval-raw", "service", 1, NULL, NULL, FORM, "RetrievalMethod", "of something else"},
        {"retrieval-transforms", "service", 1, NULL, NULL, FORM, "RetrievalMethod", "with transforms"},
        {"agreement", "service", 1, NULL, NULL, FORM, "KeyInfo", "AgreementMethod"},
        {"agreement-of-key", "service", 1, NULL, NULL, FORM, "EncryptedKey is not", "of a key"},
        {"key-of-key", "service", 1, NULL, NULL, FORM, "EncryptedKey is not", "a key for the key"},
        {"mask-of-mgf1p", "service", 1, NULL, NULL, FORM, "EncryptionMethod of an EncryptedKey",
         "MGF where it is fixed"},

        {"aes256-gcm", "service", 1, "aes256-gcm\"/>",
         "aes256-gcm\"><xenc:KeySize>128</xenc:KeySize></xenc:EncryptionMethod>", FORM,
         "EncryptionMethod of EncryptedData", "a KeySize"},
        {"aes256-gcm", "service", 1, "aes256-gcm\"/>", "aes256-gcm\"/><xenc:EncryptionMethod Algorithm=\"urn:x\"/>",
         FORM,
         "EncryptedData is not", "two algorithms"},
        {"aes256-gcm", "service", 1, "</xenc:EncryptedData>", "<xenc:CipherData/></xenc:EncryptedData>", FORM,
         "EncryptedData is not",
         "two CipherData"},
        {"aes256-gcm", "service", 1, "</xenc:EncryptedData>", "<xenc:EncryptionProperties/></xenc:EncryptedData>", FORM,
         "EncryptedData is not", "properties"},
        {"aes256-gcm", "service", 1, "</xenc:EncryptedData>", "</xenc:EncryptedData><xenc:EncryptedData/>", FORM,
         "something else",
         "two EncryptedData"},
        {"aes256-gcm", "service", 1, "</xenc:EncryptedData>", "</xenc:EncryptedData><a/>", FORM, "something else",
         "something beside"},
        {"aes256-gcm", "service", 1, "<xenc:EncryptedData ", "<a/><xenc:EncryptedData ", FORM, "no EncryptedData",
         "before it"},
        {"aes256-gcm", "service", 1, "<xenc:EncryptedData ", "<xenc:EncryptedData xenc:Type=\"x\" ", FORM,
         "EncryptedData is not",
         "a Type in a namespace"},
        {"aes256-gcm", "service", 1, "</ds:KeyInfo>", "<ds:KeyValue/></ds:KeyInfo>", FORM, "KeyInfo", "a KeyValue"},
        {"aes256-gcm", "service", 1, "</ds:KeyInfo>", "</ds:KeyInfo><ds:KeyInfo/>", FORM, "EncryptedData is not",
         "two KeyInfo"},
        {"aes256-gcm", "service", 1, "<xenc:EncryptedKey>", "<xenc:EncryptedKey MimeType=\"x\">", FORM,
         "EncryptedKey is not",
         "an attribute"},
        {"aes256-gcm", "service", 1, "</xenc:EncryptedKey>", "<a/></xenc:EncryptedKey>", FORM, "EncryptedKey is not",
         "an element more"},
        {"hint", "service", 1, "<ds:X509Data/>", "<ds:RetrievalMethod URI=\"#x\"/>", FORM, "EncryptedKey is not",
         "a RetrievalMethod of a key"},
        {"mgf1p-sha1", "service", 1, "xmldsig#sha1\"/>", "xmldsig#sha1\"><a/></ds:DigestMethod>", FORM, "parameters",
         "in DigestMethod"},
        {"label", "service", 1, ">YSBsYWJlbA==<", ">?<", FORM, "OAEPparams", "a label that is no base64"},
    };

    refuse(cases, COUNT(cases));
}

/* Only SAML's own elements may be around it. */
static void wrappers(void **state)
{
    static const struct { const char *begin, *end; aten_verdict_t verdict; } cases[] = {
        {"<saml:EncryptedAssertion xmlns:saml=\"" ATEN_NS_SAML "\">", "</saml:EncryptedAssertion>", ATEN_V_OK},
        {"<saml:EncryptedID xmlns:saml=\"" ATEN_NS_SAML "\">", "</saml:EncryptedID>", ATEN_V_OK},
        {"<saml:EncryptedAttribute xmlns:saml=\"" ATEN_NS_SAML "\">", "</saml:EncryptedAttribute>", FORM},
        {"<EncryptedAssertion>", "</EncryptedAssertion>", FORM},
    };
    const char *whole = record_of(records, "aes256-gcm");
    const char *start = strstr(whole, "<xenc:EncryptedData"), *end = strstr(whole, "</saml:EncryptedAssertion>");
    const char *data = replaced(apr_pstrmemdup(pool, start, (apr_size_t)(end - start)), "<xenc:EncryptedData",
                                "<xenc:EncryptedData xmlns:xenc=\"" XENC "\" xmlns:ds=\"" ATEN_NS_DS "\"");
    const char *text, *why;

    for (int i = 0; i < COUNT(cases); i++) {
        const xmlNode *element = root_of(apr_pstrcat(pool, cases[i].begin, data, cases[i].end, NULL));

        if (decrypt(element, keys_of(records, "service", 1), 0, &text, &why) != cases[i].verdict) fail_msg("%s",
         cases[i].begin);
    }
    assert_int_equal(decrypt(root_of("<a/>"), keys_of(records, "service", 1), 0, &text, &why), FORM);
}

/* The document is read and nothing more: as often as one likes, and from a copy that is const. */
static void twice(void **state)
{
    const xmlNode *element = root_of(record_of(records, "beside"));
    const apr_array_header_t *keys = keys_of(records, "service", 1);
    const char *text, *why;

    assert_int_equal(decrypt(element, keys, 0, &text, &why), ATEN_V_OK);
    assert_int_equal(decrypt(element, keys, 0, &text, &why), ATEN_V_OK);
    assert_null(element->doc->ids);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good),  cmocka_unit_test(whole_blocks), cmocka_unit_test(unreadable),
         cmocka_unit_test(algorithms),
        cmocka_unit_test(forms), cmocka_unit_test(wrappers),     cmocka_unit_test(twice),
    };

    return cmocka_run_group_tests_name("saml_decrypt", tests, begin, teardown);
}
