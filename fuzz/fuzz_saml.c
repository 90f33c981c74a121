/* What a portal's answer goes through; the first byte chooses: 0 a signature, 1 something encrypted, 2 the rules for an
 * assertion, 3 a whole message, 4 its base64. */
#include <openssl/pem.h>

#include "aten_saml_decrypt_private.h"
#include "aten_saml_read.h"
#include "aten_saml_verify.h"
#include "aten_util.h"
#include "aten_xml.h"
#include "fuzz.h"

#define NOW apr_time_from_sec(1472724000) /* 2016-09-01T10:00:00Z */
#define ENTITY "https://portail.example/idp"

static const char public_key[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA1P6VtV8ScpBicznY4rX8\n"
    "K+JyEPVzouII4bVfumtWhieq8phrdgDo8JJJG6qaGO3AcUHgN4cYG4m7u5ucpbGG\n"
    "rTCvYsBIT/QtLhW1OGeGLO+t2f5hCaBRNKCq6g+3Hh139AOapeNBHBNvlOTynlmD\n"
    "3iiRFJkTNAz5l1g9xTLtORcHTqRIg+bhz1ghKpoTRPNtRXAWLBMN7twyZtle/K2Q\n"
    "kAWTmeoSYiYPBW/v1ca34F7BhHygbrwqM+WwKXRtXLQS/HLaVMujS3jGiHltQchz\n"
    "dzp37YhYjJxd2Utyhcasgrt8wLm/6uZRNjzKX47mblRbZwVfmlq7I7DBx3DKYCc2\n"
    "tQIDAQAB\n"
    "-----END PUBLIC KEY-----\n";

/* For the whole process. */
static EVP_PKEY *the_key(void)
{
    static EVP_PKEY *pkey;
    BIO *bio;

    if (pkey) return pkey;
    fuzz_require(aten_saml_global());
    bio = BIO_new_mem_buf(public_key, -1);
    pkey = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    BIO_free(bio);
    fuzz_require(pkey != NULL);
    return pkey;
}

static aten_saml_expect_t expectations(apr_pool_t *p)
{
    aten_saml_expect_t expect = {0};
    aten_saml_metadata_t *metadata = aten_saml_metadata_make(p);
    static const char text[] =
        "<EntityDescriptor xmlns='" ATEN_NS_MD "' entityID='" ENTITY "'><IDPSSODescriptor "
        "protocolSupportEnumeration='" ATEN_NS_SAMLP "'><SingleSignOnService Binding='" ATEN_BINDING_REDIRECT "' "
        "Location='https://portail.example/sso'/></IDPSSODescriptor></EntityDescriptor>";
    apr_array_header_t *portals = apr_array_make(p, 1, sizeof(const aten_portal_t *));
    aten_portal_t *portal = NULL;

    fuzz_require(!aten_saml_metadata_add(metadata, text, sizeof(text) - 1, p));
    fuzz_require(!aten_portal_make(&portal, ENTITY, p));
    APR_ARRAY_PUSH(portals, const aten_portal_t *) = portal;
    expect.portals = portals;
    expect.metadata = metadata;
    expect.acs = "https://ent.example/aten/saml/acs";
    expect.service_id = "https://ent.example/aten/saml/metadata";
    expect.skew = apr_time_from_sec(60);
    expect.now = NOW;
    return expect;
}

static void signature(xmlNode *root, apr_pool_t *p)
{
    aten_saml_key_t key = {the_key(), 0, 0, NULL};
    apr_array_header_t *keys = apr_array_make(p, 1, sizeof(const aten_saml_key_t *));
    const char *bytes, *why = NULL;
    apr_size_t len;
    aten_verdict_t verdict;

    APR_ARRAY_PUSH(keys, const aten_saml_key_t *) = &key;
    verdict = aten_saml_verify(root, keys, &bytes, &len, &why, p);
    fuzz_require((verdict == ATEN_V_OK) == (bytes != NULL && len > 0));
    fuzz_require((verdict == ATEN_V_OK) == (why == NULL));
}

static void encrypted(const xmlNode *root, apr_pool_t *p)
{
    aten_saml_encrypted_t out;
    const char *why = NULL;

    if (aten_saml_encrypted_read(&out, root, &why, p) != ATEN_V_OK) fuzz_require(why != NULL);
}

/* As if it had been signed: so that the rules behind the signature are reached. */
static void assertion(const xmlNode *root, apr_pool_t *p)
{
    static aten_verdict_t (*const steps[])(aten_saml_reading_t *) = {
        aten_saml_read_head, aten_saml_read_conditions, aten_saml_read_subject, aten_saml_read_authn,
        aten_saml_read_attributes,
    };
    aten_saml_expect_t expect = expectations(p);
    aten_saml_reading_t reading = {.expect = &expect, .assertion = root, .p = p};
    size_t i;

    reading.portal = APR_ARRAY_IDX(expect.portals, 0, const aten_portal_t *);
    reading.answer = apr_pcalloc(p, sizeof(*reading.answer));
    for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        aten_verdict_t verdict = steps[i](&reading);

        fuzz_require(verdict != ATEN_V_REFUSED);
        if (verdict != ATEN_V_OK) fuzz_require(reading.why != NULL);
        if (verdict != ATEN_V_OK && i < 2) return;
    }
}

/* Nothing here is signed by anybody who is believed: it never gets in. */
static void message(const char *text, apr_size_t len, apr_pool_t *p)
{
    aten_saml_expect_t expect = expectations(p);
    aten_saml_answer_t *answer = NULL;
    const char *why = NULL;

    fuzz_require(aten_saml_response_read(&answer, &expect, text, len, NULL, &why, p) != ATEN_V_OK);
    fuzz_require(!answer && why);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    const char *text, *decoded;
    xmlDocPtr doc;
    apr_size_t len;

    if (!size) return 0;
    text = fuzz_text(data + 1, size - 1, p);
    the_key();
    if (data[0] % 5 == 4) {
        if (aten_saml_response_decode(text, &decoded, &len, p) == ATEN_V_OK) message(decoded, len, p);
    }
    else if (data[0] % 5 == 3) {
        message(text, size - 1, p);
    }
    else if (aten_xml_parse(&doc, text, size - 1, p) == ATEN_V_OK) {
        if (data[0] % 5 == 0) signature(xmlDocGetRootElement(doc), p);
        else if (data[0] % 5 == 1) encrypted(xmlDocGetRootElement(doc), p);
        else assertion(xmlDocGetRootElement(doc), p);
    }
    apr_pool_clear(p);
    return 0;
}
