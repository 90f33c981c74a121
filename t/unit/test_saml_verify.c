/* aten_saml_verify.h: which signatures hold, what is given back of them, and which are refused for what. The messages
 * are xmlsec's own (t/data/saml/make.py), and changes of their text. */
#include <sys/wait.h>

#include <libxml/parser.h>
#include <libxml/valid.h>
#include <xmlsec/crypto.h>
#include <xmlsec/xmlsec.h>

#include "aten_saml_verify.h"
#include "unit_saml.h"

#define VALUE "4|||701294|0790031E"
#define SHA1 "http://www.w3.org/2000/09/xmldsig#sha1"
#define EVIL "<saml:Assertion ID=\"_a\"><saml:Issuer>evil</saml:Issuer></saml:Assertion>"

static const char *records;
static xmlExternalEntityLoader loader;

typedef struct {
    aten_verdict_t verdict;
    const char *bytes;
    apr_size_t len;
    const char *why;
    int left; /* something that was not there before */
} outcome_t;

static int begin(void **state)
{
    if (setup(state)) return -1;
    records = data_file("signed.txt");
    loader = xmlGetExternalEntityLoader();
    return 0;
}

/* The response, its last assertion, or its first. */
static xmlNode *element_of(xmlNode *root, char what)
{
    xmlNode *node, *found = NULL;

    if (what == 'r') return root;
    for (node = aten_xml_first(root); node; node = aten_xml_next(node)) {
        if (!aten_xml_is(node, ATEN_NS_SAML, "Assertion")) continue;
        if (what == 'f' && found) break;
        found = node;
    }
    assert_non_null(found);
    return found;
}

/* Nothing that can fail here: it runs while standard error is turned away. */
static outcome_t verify_only(xmlNode *element, const apr_array_header_t *keys)
{
    outcome_t outcome = {ATEN_V_REFUSED, "unset", 1, "unset", 0};
    const xmlAttr *before = xmlGetID(element->doc, (const xmlChar *)"_a");

    ERR_clear_error();
    outcome.verdict = aten_saml_verify(element, keys, &outcome.bytes, &outcome.len, &outcome.why, pool);
    /* OpenSSL's queue, and the IDs that the document knew before. */
    outcome.left = ERR_peek_error() != 0 || xmlGetID(element->doc, (const xmlChar *)"_a") != before ||
                   xmlGetID(element->doc, (const xmlChar *)"_ref");
    return outcome;
}

static void check(const outcome_t *outcome)
{
    assert_false(outcome->left);
    if (outcome->verdict == ATEN_V_OK) {
        assert_null(outcome->why);
        assert_int_equal(outcome->len, strlen(outcome->bytes));
        return;
    }
    assert_null(outcome->bytes);
    assert_int_equal(outcome->len, 0);
    assert_non_null(outcome->why);
    for (const char *s = outcome->why; *s; s++) assert_in_range(*s, 0x20, 0x7E);
}

static const apr_array_header_t *named(const char *keys)
{
    return keys ? keys_of(records, keys, 0) : NULL;
}

static outcome_t verify(xmlNode *element, const char *keys)
{
    outcome_t outcome = verify_only(element, named(keys));

    check(&outcome);
    return outcome;
}

static outcome_t verify_text(const char *text, char what, const char *keys)
{
    return verify(element_of(root_of(text), what), keys);
}

/* The vector that an assertion says. */
static const char *value_of(const xmlNode *assertion)
{
    const xmlNode *node = aten_xml_child(assertion, ATEN_NS_SAML, "AttributeStatement", NULL);

    node = aten_xml_child(node, ATEN_NS_SAML, "Attribute", NULL);
    return aten_xml_text(aten_xml_child(node, ATEN_NS_SAML, "AttributeValue", NULL), pool);
}

/* --- set-up --- */

static void not_set_up(void **state)
{
    outcome_t outcome = verify_text(record_of(records, "rsa-sha256"), 'a', "rsa");

    assert_int_equal(outcome.verdict, ATEN_V_INTERNAL);
    outcome = verify_text(record_of(records, "rsa-sha256"), 'r', "rsa");
    assert_int_equal(outcome.verdict, ATEN_V_SAML_UNSIGNED);
}

static int in_child(int (*run)(void))
{
    pid_t pid = fork();
    int status = 0;

    if (!pid) _exit(run());
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static int works(void)
{
    return verify_text(record_of(records, "rsa-sha256"), 'a', "rsa").verdict == ATEN_V_OK &&
           verify_text(record_of(records, "rsa-sha256"), 'a', "rsa-other").verdict == ATEN_V_SAML_SIGNATURE;
}

static int after_another_module(void)
{
    if (xmlSecInit() < 0 || xmlSecCryptoInit() < 0) return 10;
    return aten_saml_global() && works() ? 0 : 11;
}

static int after_half_of_one(void)
{
    if (xmlSecInit() < 0) return 10;
    return aten_saml_global() && works() ? 0 : 11;
}

/* Another module may do its set-up late. */
static int before_another_module(void)
{
    if (!aten_saml_global() || xmlSecInit() < 0 || xmlSecCryptoInit() < 0) return 10;
    return works() ? 0 : 11;
}

static void set_up(void **state)
{
    void *list;

    assert_int_equal(in_child(after_another_module), 0);
    assert_int_equal(in_child(after_half_of_one), 0);
    assert_int_equal(in_child(before_another_module), 0);
    assert_true(aten_saml_global());
    list = xmlSecTransformIdsGet()->data;
    assert_true(aten_saml_global());
    assert_ptr_equal(xmlSecTransformIdsGet()->data, list); /* not anew */
    assert_ptr_equal(xmlGetExternalEntityLoader(), loader); /* the process's, not ours */
    assert_true(works());
}

/* --- what holds --- */

static void good(void **state)
{
    static const struct { const char *record; char what; const char *keys, *old, *new, *why; } cases[] = {
        {"rsa-sha256", 'a', "rsa", NULL, NULL, "RSA, as nearly everybody has it"},
        {"rsa-sha384", 'a', "rsa", NULL, NULL, "SHA-384, of the digest too"},
        {"rsa-sha512", 'a', "rsa", NULL, NULL, "SHA-512 likewise"},
        {"ec256-sha256", 'a', "ec256", NULL, NULL, "P-256"},
        {"ec384-sha384", 'a', "ec384", NULL, NULL, "P-384"},
        {"ec521-sha512", 'a', "ec521", NULL, NULL, "P-521"},
        {"ec256-sha512", 'a', "ec256", NULL, NULL, "a curve and a longer hash"},
        {"response", 'r', "rsa", NULL, NULL, "the response is signed"},
        {"both", 'a', "rsa", NULL, NULL, "both are: the assertion"},
        {"both", 'r', "rsa", NULL, NULL, "both are: the response"},
        {"with-comments", 'a', "rsa", NULL, NULL,
         "canonicalization with comments: a reference by ID has none all the same"},
        {"inclusive-namespaces", 'a', "rsa", NULL, NULL, "InclusiveNamespaces in both places"},
        {"reference-id", 'a', "rsa", NULL, NULL, "a KeyInfo whose Id is that of the assertion"},
        {"cdata", 'a', "rsa", NULL, NULL, "CDATA in the value"},
        {"no-prefix", 'a', "rsa", NULL, NULL, "namespaces of its own"},
        {"xml-id-of-itself", 'a', "rsa", NULL, NULL, "an xml:id that is another"},

        {"rsa-sha256", 'a', "rsa-other|rsa", NULL, NULL, "roll-over: the second key"},
        {"other-key", 'a', "rsa|rsa-other", NULL, NULL, "the other way round"},
        {"rsa-sha256", 'a', "ec256|-|rsa-short|rsa", NULL, NULL, "keys that do not fit are passed over"},
        {"ec256-sha256", 'a', "rsa|ec384|ec256", NULL, NULL, "likewise for EC"},

        {"rsa-sha256", 'a', "rsa", VALUE, "4|||<!-- c -->701294|0790031E",
         "a comment that nobody signed: it is not given back"},
        {"rsa-sha256", 'a', "rsa", VALUE, "<![CDATA[4|||]]>701294|0790031E", "CDATA is the same text"},
        {"rsa-sha256", 'a', "rsa", "0790031E", "079003&#x31;E", "so is a character reference"},
        {"rsa-sha256", 'a', "rsa", "</ds:SignatureValue>", "\n \t</ds:SignatureValue>", "white space in base64"},
        {"rsa-sha256", 'a', "rsa", "Version=\"2.0\"><saml:Issuer>https://idp.example/</saml:Issuer><saml:Ass",
         "Version=\"2.0\"><saml:Issuer>other</saml:Issuer><saml:Ass", "what is around the assertion is not signed"},
        {"rsa-sha256", 'a', "rsa", "<saml:Assertion", EVIL "<saml:Assertion", "the same ID before it: still this one"},
        {"rsa-sha256", 'f', "rsa", "</samlp:Response>", EVIL "</samlp:Response>", "the same ID behind it"},
        {"rsa-sha256", 'a', "rsa", "xmlns:xs=\"http://www.w3.org/2001/XMLSchema\"", "xmlns:xs=\"urn:x\"",
         "a prefix that stands in a value alone is not signed without InclusiveNamespaces"},
        {"rsa-sha256", 'a', "rsa", "<saml:Assertion", "<samlp:X Id=\"_a\" id=\"_a\"/><saml:Assertion",
         "other names of it"},
    };

    for (int i = 0; i < COUNT(cases); i++) {
        const char *text = replaced(record_of(records, cases[i].record), cases[i].old, cases[i].new);
        const char what = cases[i].what;
        xmlNode *element = element_of(root_of(text), what), *read;
        outcome_t outcome = verify(element, cases[i].keys), again;

        if (outcome.verdict != ATEN_V_OK) {
            fail_msg("%s: %s: %s %s", cases[i].record, cases[i].why, aten_verdict_tag(outcome.verdict), outcome.why);
        }
        assert_null(strstr(outcome.bytes, "<!--"));
        assert_null(strstr(outcome.bytes, "CDATA"));
        read = root_of(outcome.bytes);
        assert_string_equal(aten_xml_attribute(read, "ID", pool), what == 'r' ? "_r" : "_a");
        assert_null(aten_xml_child(read, ATEN_NS_DS, "Signature", NULL));
        assert_string_equal(value_of(what == 'r' ? element_of(read, 'a') : read), VALUE);
        again = verify(element, cases[i].keys);
        assert_int_equal(again.verdict, ATEN_V_OK);
        assert_string_equal(again.bytes, outcome.bytes);
    }
}

/* --- what does not --- */

typedef struct {
    const char *record;
    char what;
    const char *keys, *old, *new;
    aten_verdict_t verdict;
    const char *says, *why;
} bad_t;

#define FORM ATEN_V_SAML_SIGNATURE_FORM
#define ALGORITHM ATEN_V_SAML_ALGORITHM
#define SIGNATURE ATEN_V_SAML_SIGNATURE

static void refuse(const bad_t *cases, int count)
{
    const apr_array_header_t *those[100];
    xmlNode *elements[100];
    outcome_t outcomes[100];
    quiet_t quiet;
    long written;
    int i;

    assert_true(count <= 100);
    for (i = 0; i < count; i++) {
        const char *text = replaced(record_of(records, cases[i].record), cases[i].old, cases[i].new);

        elements[i] = element_of(root_of(text), cases[i].what);
        those[i] = named(cases[i].keys);
    }
    quiet = quiet_begin();
    for (i = 0; i < count; i++) outcomes[i] = verify_only(elements[i], those[i]);
    written = quiet_end(quiet);
    for (i = 0; i < count; i++) {
        const bad_t *bad = &cases[i];

        check(&outcomes[i]);
        if (outcomes[i].verdict != bad->verdict) {
            fail_msg("%s: %s: %s %s", bad->record, bad->why, aten_verdict_tag(outcomes[i].verdict),
                     outcomes[i].why ? outcomes[i].why : "accepted");
        }
        if (!strstr(outcomes[i].why, bad->says)) fail_msg("%s: %s: %s", bad->record, bad->why, outcomes[i].why);
    }
    assert_int_equal(written, 0);
}

static void keys(void **state)
{
    static const bad_t cases[] = {
        {"rsa-sha256", 'a', "rsa-other", NULL, NULL, SIGNATURE, "none of the portal's 1 RSA", "another key"},
        {"rsa-sha256", 'a', "rsa-other|ec256|rsa-other", NULL, NULL, SIGNATURE, "none of the portal's 2 RSA", "two"},
        {"rsa-sha256", 'a', NULL, NULL, NULL, SIGNATURE, "RSA key, and the portal's metadata has none", "no keys"},
        {"rsa-sha256", 'a', "", NULL, NULL, SIGNATURE, "has none", "none of them"},
        {"rsa-sha256", 'a', "-", NULL, NULL, SIGNATURE, "has none", "an empty one"},
        {"rsa-sha256", 'a', "ec256", NULL, NULL, SIGNATURE, "RSA key, and the portal's metadata has none",
         "of another type"},
        {"ec256-sha256", 'a', "rsa", NULL, NULL, SIGNATURE, "EC key, and the portal's metadata has none", "likewise"},
        {"ec256-sha256", 'a', "ec384", NULL, NULL, SIGNATURE, "none of the portal's 1 EC", "of another curve"},
        {"key-info", 'a', "rsa", NULL, NULL, SIGNATURE, "none of the portal's", "the signer's key in KeyInfo alone"},
        {"key-info", 'a', "", NULL, NULL, SIGNATURE, "has none", "and no other key"},
        {"key-short", 'a', "rsa-short", NULL, NULL, SIGNATURE, "has none", "1024 bits, though the signature is right"},
        {"key-curve", 'a', "ec256k1", NULL, NULL, SIGNATURE, "has none", "a curve that is not taken, likewise"},
        {"hmac-pem", 'a', "rsa", NULL, NULL, ALGORITHM, "hmac-sha256", "HMAC with the public key's PEM"},
        {"hmac-der", 'a', "rsa", NULL, NULL, ALGORITHM, "hmac-sha256", "HMAC with its DER"},
        {"hmac-length", 'a', "rsa", NULL, NULL, ALGORITHM, "hmac-sha256", "and cut short"},
    };

    refuse(cases, COUNT(cases));
}

static void algorithms(void **state)
{
    static const bad_t cases[] = {
        {"rsa-sha1", 'a', "rsa", NULL, NULL, ALGORITHM,
         "SignatureMethod is 'http://www.w3.org/2000/09/xmldsig#rsa-sha1'", "SHA-1"},
        {"rsa-sha224", 'a', "rsa", NULL, NULL, ALGORITHM, "rsa-sha224", "SHA-224"},
        {"ecdsa-sha1", 'a', "ec256", NULL, NULL, ALGORITHM, "ecdsa-sha1", "SHA-1 with EC"},
        {"digest-sha1", 'a', "rsa", NULL, NULL, ALGORITHM, "DigestMethod is '" SHA1 "'", "digest SHA-1"},
        {"digest-md5", 'a', "rsa", NULL, NULL, ALGORITHM, "#md5'", "digest MD5"},
        {"digest-sha224", 'a', "rsa", NULL, NULL, ALGORITHM, "#sha224'", "digest SHA-224"},
        {"info-inclusive", 'a', "rsa", NULL, NULL, ALGORITHM, "CanonicalizationMethod is '",
         "inclusive canonicalization"},
        {"info-inclusive-comments", 'a', "rsa", NULL, NULL, ALGORITHM, "WithComments", "with comments"},
        {"rsa-sha256", 'a', "rsa", "xmldsig-more#rsa-sha256", "xmldsig-more#rsa-md5", ALGORITHM, "rsa-md5", "MD5"},
        {"rsa-sha256", 'a', "rsa", "xmldsig-more#rsa-sha256", "xmldsig-more#RSA-SHA256", ALGORITHM, "RSA",
         "in capitals"},
        {"rsa-sha256", 'a', "rsa", "xmldsig-more#rsa-sha256", "none&quot;&#10;&#233; '", ALGORITHM, "none",
         "what a log must not get as it is"},
        {"rsa-sha256", 'a', "rsa", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "", ALGORITHM, "''", "empty"},
        {"rsa-sha256", 'a', "rsa", "<ds:SignatureMethod Algorithm", "<ds:SignatureMethod A", ALGORITHM, "'-'",
         "none at all"},
        {"rsa-sha256", 'a', "rsa", "<ds:SignatureMethod Algorithm", "<ds:SignatureMethod ds:Algorithm", ALGORITHM,
         "'-'",
         "in a namespace, where libxml2's look-up without one finds it"},
        {"rsa-sha256", 'a', "rsa", "#rsa-sha256", "#rsa-sha512", SIGNATURE, "none of", "another one than was signed"},
        {"rsa-sha256", 'a', "rsa|ec256", "#rsa-sha256", "#ecdsa-sha256", SIGNATURE, "none of", "of another type"},
    };

    refuse(cases, COUNT(cases));
}

static void forms(void **state)
{
    static const bad_t cases[] = {
        {"transform-inclusive", 'a', "rsa", NULL, NULL, FORM, "Transforms", "inclusive canonicalization"},
        {"transform-enveloped-alone", 'a', "rsa", NULL, NULL, FORM, "Transforms", "no canonicalization"},
        {"transform-xpath", 'a', "rsa", NULL, NULL, FORM, "Transforms", "XPath"},
        {"transform-xpath-third", 'a', "rsa", NULL, NULL, FORM, "Transforms", "XPath besides"},
        {"transform-xslt", 'a', "rsa", NULL, NULL, FORM, "Transforms", "XSLT"},
        {"transform-base64", 'a', "rsa", NULL, NULL, FORM, "Transforms", "base64"},
        {"transform-twice", 'a', "rsa", NULL, NULL, FORM, "Transforms", "enveloped-signature twice"},
        {"rsa-sha256", 'a', "rsa", "xmldsig#enveloped-signature", "xmldsig#base64", FORM, "Transforms", "base64 first"},
        {"rsa-sha256", 'a', "rsa", "enveloped-signature\"/>", "enveloped-signature\"><ds:XPath/></ds:Transform>", FORM,
         "Transform has", "a parameter"},
        {"inclusive-namespaces", 'a', "rsa", "PrefixList=\"xs xsi\"", "PrefixList=\"xs xsi\" x=\"\"", FORM,
         "Transform has",
         "an attribute more"},
        {"inclusive-namespaces", 'a', "rsa", "PrefixList=\"xs xsi\"", "ds:PrefixList=\"xs xsi\"", FORM, "Transform has",
         "in a namespace"},
        {"inclusive-namespaces", 'a', "rsa", "PrefixList=\"saml\"", "", FORM, "CanonicalizationMethod has", "no list"},
        {"too-many-prefixes", 'a', "rsa", NULL, NULL, FORM, "Transform has", "a list that costs time"},

        {"uri-empty", 'r', "rsa", NULL, NULL, FORM, "Reference is not to", "URI is empty: the document"},
        {"uri-none", 'r', "rsa", NULL, NULL, FORM, "Reference is not to", "no URI"},
        {"uri-root", 'r', "rsa", NULL, NULL, FORM, "Reference is not to", "the root by XPointer"},
        {"uri-xpointer", 'a', "rsa", NULL, NULL, FORM, "Reference is not to", "the ID by XPointer"},
        {"uri-response", 'a', "rsa", NULL, NULL, FORM, "Reference is not to", "the element around"},
        {"uri-other", 'a', "rsa", NULL, NULL, FORM, "Reference is not to", "another element"},
        {"rsa-sha256", 'a', "rsa", "URI=\"#_a\"", "URI=\"http://127.0.0.1:9/a#_a\"", FORM, "Reference is not to",
         "an address"},
        {"rsa-sha256", 'a', "rsa", "URI=\"#_a\"", "URI=\"file:///etc/passwd\"", FORM, "Reference is not to", "a file"},
        {"rsa-sha256", 'a', "rsa", "URI=\"#_a\"", "URI=\"#_a \"", FORM, "Reference is not to", "a blank behind"},
        {"rsa-sha256", 'a', "rsa", "URI=\"#_a\"", "URI=\"#\"", FORM, "Reference is not to", "nothing behind"},
        {"rsa-sha256", 'a', "rsa", "URI=\"#_a\"", "URI=\"_a\"", FORM, "Reference is not to", "no '#'"},
        {"rsa-sha256", 'a', "rsa", "URI=\"#_a\"", "ds:URI=\"#_a\"", FORM, "Reference is not of", "in a namespace"},
        {"rsa-sha256", 'a', "rsa", "URI=\"#_a\"", "URI=\"#_a\" ds:URI=\"#_e\"", FORM, "Reference is not of",
         "two, of which one"},
        {"type", 'a', "rsa", NULL, NULL, FORM, "Reference is not of", "a Type"},
        {"two-references", 'a', "rsa", NULL, NULL, FORM, "one Reference", "two references"},
        {"manifest", 'a', "rsa", NULL, NULL, FORM, "Signature is not", "an Object with a Manifest"},
        {"object", 'a', "rsa", NULL, NULL, FORM, "Signature is not", "an Object that is signed"},

        {"rsa-sha256", 'a', "rsa", "<ds:SignedInfo>", "<ds:SignedInfo/><ds:SignedInfo>", FORM, "Signature is not",
         "two SignedInfo"},
        {"rsa-sha256", 'a', "rsa", "<ds:SignatureValue>", "<ds:SignatureValue/><ds:SignatureValue>", FORM,
         "Signature is not",
         "two values"},
        {"rsa-sha256", 'a', "rsa", "</ds:Signature>", "<ds:KeyInfo/><ds:KeyInfo/></ds:Signature>", FORM,
         "Signature is not",
         "two KeyInfo"},
        {"rsa-sha256", 'a', "rsa", "</ds:Signature>", "<a/></ds:Signature>", FORM, "Signature is not",
         "something else"},
        {"rsa-sha256", 'a', "rsa", "<ds:SignedInfo>", "text<ds:SignedInfo>", FORM, "Signature is not", "text"},
        {"rsa-sha256", 'a', "rsa", "<ds:SignedInfo>", "<ds:SignedInfo><!-- -->", FORM, "SignedInfo is not",
         "a comment"},
        {"rsa-sha256", 'a', "rsa", "<ds:SignedInfo>", "<ds:SignedInfo><?p ?>", FORM, "SignedInfo is not",
         "an instruction"},
        {"rsa-sha256", 'a', "rsa", "<ds:SignedInfo>", "<ds:SignedInfo x=\"\">", FORM, "SignedInfo is not",
         "an attribute"},
        {"rsa-sha256", 'a', "rsa", "<ds:Reference ", "<ds:Manifest/><ds:Reference ", FORM, "SignedInfo is not",
         "a Manifest in it"},
        {"rsa-sha256", 'a', "rsa", "<ds:DigestValue>", "<ds:DigestValue><!-- -->", FORM, "DigestValue",
         "a comment in the digest"},
        {"rsa-sha256", 'a', "rsa", "<ds:DigestValue>", "<ds:DigestValue>!", FORM, "DigestValue",
         "a digest that is no base64"},
        {"rsa-sha256", 'a', "rsa", "</ds:DigestValue>", "<a/></ds:DigestValue>", FORM, "DigestValue",
         "an element in it"},
        {"rsa-sha256", 'a', "rsa", "<ds:SignatureValue>", "<ds:SignatureValue><![CDATA[]]><!-- -->", FORM,
         "SignatureValue",
         "a comment in the value"},
        {"rsa-sha256", 'a', "rsa", "<ds:SignatureValue>", "<ds:SignatureValue>*", FORM, "SignatureValue", "no base64"},
        {"rsa-sha256", 'a', "rsa", "#rsa-sha256\"/>",
         "#rsa-sha256\"><ds:HMACOutputLength>8</ds:HMACOutputLength></ds:SignatureMethod>",
         FORM, "SignatureMethod has", "a length, for RSA"},
        {"rsa-sha256", 'a', "rsa", "#sha256\"/>", "#sha256\">x</ds:DigestMethod>", FORM, "DigestMethod has",
         "text in it"},

        {"rsa-sha256", 'a', "rsa", "<ds:Signature ",
         "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"/><ds:Signature ",
         FORM, "more than one", "two signatures"},
        {"rsa-sha256", 'a', "rsa", "<saml:Assertion ID=\"_a\"", "<saml:Assertion", FORM, "ID", "no ID"},
        {"rsa-sha256", 'a', "rsa", "<saml:Assertion ID=\"_a\"", "<saml:Assertion Id=\"_a\"", FORM, "ID", "an Id"},
        {"rsa-sha256", 'a', "rsa", "<saml:Assertion ID=\"_a\"", "<saml:Assertion saml:ID=\"_a\"", FORM, "ID",
         "in a namespace"},
        {"rsa-sha256", 'a', "rsa", "<saml:Assertion ID=\"_a\"", "<saml:Assertion xml:id=\"_a\"", FORM, "ID",
         "an xml:id alone"},
        {"rsa-sha256", 'a', "rsa", "<saml:Assertion ID=\"_a\"", "<saml:Assertion ID=\"\"", FORM, "ID", "empty"},
        {"rsa-sha256", 'a', "rsa", "<saml:Assertion ID=\"_a\"", "<saml:Assertion ID=\"_b\"", FORM, "Reference",
         "another ID"},
        {"rsa-sha256", 'a', "rsa", "<saml:Assertion ID=\"_a\"", "<saml:Assertion ID=\"x') | //*[('\"", FORM, "ID",
         "an XPath"},
        {"rsa-sha256", 'a', "rsa", "<saml:Assertion ID=\"_a\"", "<saml:Assertion ID=\"_a _b\"", FORM, "ID",
         "two in one"},
        {"rsa-sha256", 'a', "rsa", "<saml:Assertion ID=\"_a\"", "<saml:Assertion ID=\"_a\" xml:id=\"_a\"", FORM,
         "xml:id",
         "its own xml:id is the same"},
        {"rsa-sha256", 'a', "rsa", "<saml:Assertion", "<samlp:X xml:id=\"_a\"/><saml:Assertion", FORM, "xml:id",
         "another's, before it"},
        {"rsa-sha256", 'a', "rsa", "</samlp:Response>", "<samlp:X xml:id=\"_a\"/></samlp:Response>", FORM, "xml:id",
         "behind it"},
    };

    refuse(cases, COUNT(cases));
}

static void changes(void **state)
{
    static const bad_t cases[] = {
        {"rsa-sha256", 'a', "rsa", "701294", "666666", SIGNATURE, "digest", "the value"},
        {"rsa-sha256", 'a', "rsa", "<saml:Issuer>https://idp.example/</saml:Issuer><ds:",
         "<saml:Issuer>evil</saml:Issuer><ds:",
         SIGNATURE, "digest", "the issuer"},
        {"rsa-sha256", 'a', "rsa", VALUE, "4|||<?p ?>701294|0790031E", SIGNATURE, "digest", "an instruction inside"},
        {"rsa-sha256", 'a', "rsa", VALUE, VALUE " ", SIGNATURE, "digest", "a blank"},
        {"rsa-sha256", 'a', "rsa", "<saml:AttributeStatement>",
         "<saml:AttributeStatement><saml:Attribute Name=\"x\"/>", SIGNATURE,
         "digest", "an attribute more"},
        {"inclusive-namespaces", 'a', "rsa", "xmlns:xs=\"http://www.w3.org/2001/XMLSchema\"", "xmlns:xs=\"urn:evil\"",
         SIGNATURE,
         "digest", "a namespace that is signed by its prefix"},
        {"response", 'r', "rsa", "Version=\"2.0\"", "Version=\"2.1\"", SIGNATURE, "digest", "of the response"},
        {"response", 'r', "rsa", "701294", "666666", SIGNATURE, "digest", "the value in a signed response"},
        {"both", 'r', "rsa", "</saml:Assertion>", "<x/></saml:Assertion>", SIGNATURE, "digest", "both are signed"},
        {"rsa-sha256", 'a', "rsa", "<ds:DigestValue>", "<ds:DigestValue>AAAA", SIGNATURE, "digest", "the digest"},
        {"rsa-sha256", 'a', "rsa", "<ds:SignatureValue>", "<ds:SignatureValue>AAAA", SIGNATURE, "none of", "longer"},
        {"rsa-sha256", 'a', "rsa", "<ds:SignedInfo>", "<ds:SignedInfo>\n", SIGNATURE, "none of",
         "a line end in SignedInfo"},
        {"rsa-sha256", 'a', "rsa", "<ds:SignedInfo>", "<ds:SignedInfo Id=\"_i\">", SIGNATURE, "none of",
         "an Id in SignedInfo"},
        {"relative-namespace", 'a', "rsa", NULL, NULL, SIGNATURE, "digest", "what canonicalization does not take"},

        {"rsa-sha256", 'f', "rsa", "<saml:Assertion", EVIL "<saml:Assertion", ATEN_V_SAML_UNSIGNED, "no ds:Signature",
         "the same ID before it: the other one is not signed"},
        {"rsa-sha256", 'r', "rsa", NULL, NULL, ATEN_V_SAML_UNSIGNED, "no ds:Signature",
         "the response around it is not"},
        {"response", 'a', "rsa", NULL, NULL, ATEN_V_SAML_UNSIGNED, "no ds:Signature", "nor the assertion in it"},
        {"rsa-sha256", 'a', "rsa", "http://www.w3.org/2000/09/xmldsig#\">", "http://www.w3.org/2000/09/xmldsig\">",
         ATEN_V_SAML_UNSIGNED, "no ds:Signature", "in another namespace"},
    };

    refuse(cases, COUNT(cases));
}

/* One character of each base64, everywhere. */
static void every_value(void **state)
{
    const char *text = record_of(records, "ec256-sha256");
    const char *const names[] = {"<ds:SignatureValue>", "<ds:DigestValue>"};

    for (int i = 0; i < COUNT(names); i++) {
        apr_size_t at = (apr_size_t)(strstr(text, names[i]) - text) + strlen(names[i]);

        for (; text[at] != '<'; at++) {
            char *changed = apr_pstrdup(pool, text);

            if (strchr("=\n", text[at])) continue;
            changed[at] = text[at] == 'A' ? 'Q' : 'A';
            if (verify_text(changed, 'a', "ec256").verdict == ATEN_V_OK) fail_msg("%s at %d", names[i], (int)at);
        }
    }
}

/* A signature of the true assertion does not hold where the evil one has it, ID and all. */
static void wrapped(void **state)
{
    const char *text = record_of(records, "rsa-sha256");
    const char *start = strstr(text, "<saml:Assertion"), *end = strstr(start, "</saml:Assertion>") + 17;
    const char *assertion = apr_pstrmemdup(pool, start, (apr_size_t)(end - start));
    const char *evil = replaced(assertion, "701294", "666666");
    const char *both = replaced(text, "<saml:Assertion", apr_pstrcat(pool, evil, "<saml:Assertion", NULL));
    outcome_t outcome;

    assert_int_equal(verify_text(both, 'f', "rsa").verdict, SIGNATURE);
    outcome = verify_text(both, 'a', "rsa");
    assert_int_equal(outcome.verdict, ATEN_V_OK);
    assert_string_equal(value_of(root_of(outcome.bytes)), VALUE);
    /* The true one as a child of the evil one, whose ID is the same, in its Signature's Object, and in KeyInfo. */
    both = apr_pstrcat(pool, assertion, "</saml:Assertion>", NULL);
    both = replaced(text, assertion, replaced(evil, "</saml:Assertion>", both));
    assert_int_equal(verify_text(both, 'a', "rsa").verdict, SIGNATURE);
    both = apr_pstrcat(pool, "<ds:Object>", assertion, "</ds:Object></ds:Signature>", NULL);
    both = replaced(text, assertion, replaced(evil, "</ds:Signature>", both));
    assert_int_equal(verify_text(both, 'a', "rsa").verdict, FORM);
    both = apr_pstrcat(pool, "<ds:KeyInfo>", assertion, "</ds:KeyInfo></ds:Signature>", NULL);
    both = replaced(text, assertion, replaced(evil, "</ds:Signature>", both));
    assert_int_equal(verify_text(both, 'a', "rsa").verdict, SIGNATURE);
}

/* --- what costs time --- */

/* before, a number of its own, after: count times. */
static const char *repeated(const char *before, const char *after, int count)
{
    apr_array_header_t *parts = apr_array_make(pool, count, sizeof(const char *));

    for (int i = 0; i < count; i++) {
        APR_ARRAY_PUSH(parts, const char *) = apr_psprintf(pool, "%s%d%s", before, i, after);
    }
    return apr_array_pstrcat(pool, parts, '\0');
}

static const char *characters(apr_size_t count)
{
    char *text = apr_pcalloc(pool, count + 1);

    memset(text, 'u', count);
    return text;
}

static void bounds(void **state)
{
    const char *text = record_of(records, "rsa-sha256");
    const struct { const char *inside; aten_verdict_t verdict; const char *why; } cases[] = {
        {repeated("<a", "/>", 4000), SIGNATURE, "many elements"},
        {repeated("<a", "/>", 4200), FORM, "too many"},
        {apr_pstrcat(pool, "<a ", repeated(" a", "=''", 64), "/>", NULL), SIGNATURE, "many attributes"},
        {apr_pstrcat(pool, "<a ", repeated(" a", "=''", 65), "/>", NULL), FORM, "too many"},
        {apr_pstrcat(pool, "<a ", repeated(" xmlns:a", "='urn:u'", 50), "/>", NULL), SIGNATURE, "many namespaces"},
        {apr_pstrcat(pool, "<a ", repeated(" xmlns:a", "='urn:u'", 65), "/>", NULL), FORM, "too many"},
        {apr_pstrcat(pool, "<a ", repeated(" xmlns:a", "='urn:u'", 40), "><b ", repeated(" xmlns:b", "='urn:u'", 40), "/></a>",
         NULL), FORM,
         "too many of parent and child"},
        {apr_pstrcat(pool, "<a xmlns='urn:", characters(252), "'/>", NULL), SIGNATURE, "a long namespace"},
        {apr_pstrcat(pool, "<a xmlns='urn:", characters(253), "'/>", NULL), FORM,
         "too long: written again at each element"},
    };

    for (int i = 0; i < COUNT(cases); i++) {
        const char *with = apr_pstrcat(pool, cases[i].inside, "<saml:AttributeStatement>", NULL);
        outcome_t outcome = verify_text(replaced(text, "<saml:AttributeStatement>", with), 'a', "rsa");

        if (outcome.verdict != cases[i].verdict) fail_msg("%s: %s", cases[i].why, outcome.why);
    }
    /* Outside what is signed they are in scope too. */
    text = replaced(text, " ID=\"_r\"", apr_pstrcat(pool, " xmlns:x='urn:", characters(253), "' ID=\"_r\"", NULL));
    assert_int_equal(verify_text(text, 'a', "rsa").verdict, FORM);
}

static void signature_child(void **state)
{
    int count = -1;
    xmlNode *root = root_of(record_of(records, "rsa-sha256"));

    assert_null(aten_saml_signature(root, &count));
    assert_int_equal(count, 0);
    assert_non_null(aten_saml_signature(element_of(root, 'a'), &count));
    assert_int_equal(count, 1);
    assert_non_null(aten_saml_signature(element_of(root, 'a'), NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(not_set_up), cmocka_unit_test(set_up),   cmocka_unit_test(good),    cmocka_unit_test(keys),
        cmocka_unit_test(algorithms), cmocka_unit_test(forms),    cmocka_unit_test(changes),
         cmocka_unit_test(every_value),
        cmocka_unit_test(wrapped),    cmocka_unit_test(bounds),   cmocka_unit_test(signature_child),
    };

    return cmocka_run_group_tests_name("saml_verify", tests, begin, teardown);
}
