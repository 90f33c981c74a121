/* aten_saml_metadata.h: what is read from portals' files, what is passed over, what refuses a file; aten_saml_key.h by
 * way of it. */
#include "unit.h"

#include "aten_saml_key.h"
#include "aten_saml_metadata.h"
#include "aten_xml.h"
#include "unit_key.h"

#define ID "https://portail.example/idp"
#define HTTP "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-"
#define XMLNS " xmlns:md=\"" ATEN_NS_MD "\" xmlns:ds=\"" ATEN_NS_DS "\""
#define CERTIFICATE(name) "<ds:X509Certificate>@" name "@</ds:X509Certificate>"
#define DATA(name) "<ds:X509Data>" CERTIFICATE(name) "</ds:X509Data>"
#define INFO(text) "<ds:KeyInfo>" text "</ds:KeyInfo>"
#define DESCRIPTOR(use, text) "<md:KeyDescriptor" use ">" INFO(text) "</md:KeyDescriptor>"
#define SIGNING " use=\"signing\""
#define KEYS DESCRIPTOR(SIGNING, DATA("a"))
#define RSA_VALUE(modulus, exponent) "<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>" modulus "</ds:Modulus>" \
    "<ds:Exponent>" exponent "</ds:Exponent></ds:RSAKeyValue></ds:KeyValue>"
#define ENDPOINT(name, way, location) "<md:" name " Binding=\"" HTTP way "\" Location=\"" location "\"/>"
#define SSO ENDPOINT("SingleSignOnService", "Redirect", "https://portail.example/sso")
#define LOGOUT \
    "<md:SingleLogoutService Binding=\"" HTTP "Redirect\" Location=\"https://portail.example/lo\"" \
    " ResponseLocation=\"https://portail.example/back\"/>" \
    "<md:SingleLogoutService Binding=\"" HTTP "POST\" Location=\"https://portail.example/post\"/>"
#define PROTOCOL " protocolSupportEnumeration=\"" ATEN_NS_SAMLP "\""
#define ROLE "<md:IDPSSODescriptor" PROTOCOL ">" KEYS LOGOUT \
    ENDPOINT("SingleSignOnService", "POST", "https://portail.example/sso-post") SSO "</md:IDPSSODescriptor>"
#define ENTITY "<md:EntityDescriptor" XMLNS " entityID=\"" ID "\">" ROLE "</md:EntityDescriptor>"
#define ENTITIES(text) "<md:EntitiesDescriptor" XMLNS ">" text "</md:EntitiesDescriptor>"
#define SERVICE "<md:EntityDescriptor" XMLNS " entityID=\"https://sp.example\"><md:SPSSODescriptor" PROTOCOL ">" KEYS \
    "</md:SPSSODescriptor></md:EntityDescriptor>"

/* --- texts and keys --- */

static const struct { const char *name, *kind; } kinds[] = {
    {"a", "rsa2048"}, {"b", "rsa2048"}, {"small", "rsa1024"}, {"odd", "rsa2047"}, {"p256", "P-256"}, {"p384", "P-384"},
    {"p521", "P-521"}, {"k1", "secp256k1"}, {"p224", "P-224"}, {"ed", "ed25519"},
};
static EVP_PKEY *keys[COUNT(kinds)];
static const char *certificates[COUNT(kinds)];

static EVP_PKEY *key(const char *name)
{
    int i;

    for (i = 0; i < COUNT(kinds); i++) {
        if (!strcmp(kinds[i].name, name)) return keys[i];
    }
    fail_msg("no key '%s'", name);
    return NULL;
}

static int setup_keys(void **state)
{
    int i;

    if (setup(state)) return -1;
    for (i = 0; i < COUNT(kinds); i++) {
        keys[i] = make_key(kinds[i].kind);
        certificates[i] = certificate_base64(keys[i]);
    }
    return 0;
}

/* Every place of from in text, which is there, is to. */
static const char *swapped(const char *text, const char *from, const char *to)
{
    const char *out = "", *at = strstr(text, from);

    if (!at) fail_msg("'%s' is not in the text", from);
    for (; at; at = strstr(text, from)) {
        out = apr_pstrcat(pool, out, apr_pstrmemdup(pool, text, (apr_size_t)(at - text)), to, NULL);
        text = at + strlen(from);
    }
    return apr_pstrcat(pool, out, text, NULL);
}

/* @name@ stands for the certificate of that key. */
static const char *filled(const char *text)
{
    int i;

    for (i = 0; i < COUNT(kinds); i++) {
        const char *mark = apr_pstrcat(pool, "@", kinds[i].name, "@", NULL);

        if (strstr(text, mark)) text = swapped(text, mark, certificates[i]);
    }
    return text;
}

static const char *read_into(aten_saml_metadata_t *metadata, const char *text)
{
    return aten_saml_metadata_add(metadata, text, strlen(text), pool);
}

/* The one entity of text. */
static const aten_saml_entity_t *entity_of(const char *text, const char *why)
{
    aten_saml_metadata_t *metadata = aten_saml_metadata_make(pool);
    const char *error = read_into(metadata, filled(text));

    if (error) fail_msg("%s: %s", why, error);
    if (metadata->entities->nelts != 1) fail_msg("%s: %d entities", why, metadata->entities->nelts);
    return APR_ARRAY_IDX(metadata->entities, 0, const aten_saml_entity_t *);
}

static const aten_saml_key_t *nth_key(const aten_saml_entity_t *entity, int n)
{
    return APR_ARRAY_IDX(entity->keys, n, const aten_saml_key_t *);
}

static int says(const char *text, const char *part)
{
    return part ? text && strstr(text, part) : !text;
}

/* --- an entity --- */

static void an_entity(void **state)
{
    const aten_saml_entity_t *entity = entity_of(ENTITY, "as a portal has it");
    const aten_saml_key_t *only;

    assert_string_equal(entity->entity_id, ID);
    assert_string_equal(entity->sso, "https://portail.example/sso");
    assert_string_equal(entity->logout_redirect, "https://portail.example/lo");
    assert_string_equal(entity->logout_redirect_response, "https://portail.example/back");
    assert_string_equal(entity->logout_post, "https://portail.example/post");
    assert_null(entity->logout_post_response);
    assert_int_equal(entity->wants_signed_requests, 0);
    assert_int_equal(entity->valid_until, 0);
    assert_null(entity->unusable);
    assert_null(entity->remarks);
    assert_int_equal(entity->keys->nelts, 1);
    only = nth_key(entity, 0);
    assert_int_equal(EVP_PKEY_eq(only->pkey, key("a")), 1);
    assert_int_equal(only->not_before, apr_time_from_sec(1577836800)); /* SOON */
    assert_int_equal(only->not_after, apr_time_from_sec(2208988800));  /* LATE */
    assert_string_equal(only->certificate, certificates[0]);
}

/* The entity of ENTITY, whatever stands around it. */
static void same_entity(void **state)
{
#define EXTENSIONS "<md:Extensions><shibmd:Scope xmlns:shibmd=\"urn:mace:shibboleth:metadata:1.0\">portail.example" \
    "</shibmd:Scope><alg:DigestMethod xmlns:alg=\"urn:oasis:names:tc:SAML:metadata:algsupport\" Algorithm=\"urn:x\"/>" \
    "<mdui:UIInfo xmlns:mdui=\"urn:oasis:names:tc:SAML:metadata:ui\"><mdui:DisplayName xml:lang=\"fr\">L'\xC3\xA9t\xC3\xA9" \
    "</mdui:DisplayName></mdui:UIInfo></md:Extensions>"
    static const struct { const char *from, *to, *why; } cases[] = {
        {"<md:EntityDescriptor", "<md:EntityDescriptor", "alone"},
        {ENTITY, "\xEF\xBB\xBF<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- x -->" ENTITY, "a mark, a declaration"},
        {ENTITY, ENTITIES(ENTITY), "among none"},
        {ENTITY, ENTITIES(SERVICE ENTITY), "behind a service, which is nobody to log in by"},
        {ENTITY, ENTITIES(ENTITIES(SERVICE) ENTITIES(ENTITIES(ENTITIES(ENTITY)) SERVICE)), "nested"},
        {ENTITY, "<md:EntitiesDescriptor" XMLNS " Name=\"urn:f\" cacheDuration=\"PT1H\" ID=\"_1\"><ds:Signature>"
            "<ds:SignatureValue>AAAA</ds:SignatureValue></ds:Signature>" EXTENSIONS ENTITY "</md:EntitiesDescriptor>",
         "a signed file: whoever may write it is believed"},
        {"<md:IDPSSODescriptor", EXTENSIONS "<md:IDPSSODescriptor", "extensions of the entity"},
        {KEYS, EXTENSIONS KEYS, "of the role"},
        {KEYS, KEYS "<x:KeyDescriptor xmlns:x=\"urn:x\" use=\"signing\">" INFO(DATA("b")) "</x:KeyDescriptor>",
         "elements of strangers with the names of ours"},
        {KEYS, KEYS "<md:Other><md:SingleSignOnService Binding=\"" HTTP "Redirect\" Location=\"https://x.example\"/>"
            KEYS "</md:Other>", "what stands inside another element"},
        {SSO, SSO ENDPOINT("SingleSignOnService", "Redirect", "https://portail.example/second"), "the first counts"},
        {SSO, "<md:SingleSignOnService Binding=\"urn:mace:shibboleth:1.0:profiles:AuthnRequest\" Location=\"http://x\"/>"
            SSO, "other bindings"},
        {"https://portail.example/sso\"", " https://portail.example/sso\n\"", "blanks around an xs:anyURI"},
        {PROTOCOL, " protocolSupportEnumeration=\"urn:mace:shibboleth:1.0\n\t" ATEN_NS_SAMLP "  urn:x\"", "among others"},
        {"<md:IDPSSODescriptor", "<md:IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:1.1:protocol\">"
            DESCRIPTOR(SIGNING, DATA("b")) "</md:IDPSSODescriptor><md:SPSSODescriptor" PROTOCOL ">"
            DESCRIPTOR(SIGNING, DATA("b")) "</md:SPSSODescriptor><md:IDPSSODescriptor",
         "another protocol and another role are not this one"},
        {"<ds:X509Certificate>", "<ds:X509Certificate>\r\n\t <!-- the key of 2016 --> ", "white space and a comment"},
        {"@a@", "<![CDATA[@a@]]>", "a section of characters"},
        {INFO(DATA("a")), INFO("<ds:KeyName>a</ds:KeyName><ds:X509Data><ds:X509SubjectName>CN=a</ds:X509SubjectName>"
            CERTIFICATE("a") "</ds:X509Data>"), "names beside the certificate"},
    };
    int i;

    for (i = 0; i < COUNT(cases); i++) {
        const char *text = swapped(ENTITY, cases[i].from, cases[i].to);
        const aten_saml_entity_t *entity = entity_of(text, cases[i].why);

        if (strcmp(entity->entity_id, ID)) fail_msg("%s: the name", cases[i].why);
        if (!entity->sso || strcmp(entity->sso, "https://portail.example/sso")) fail_msg("%s: sso", cases[i].why);
        if (entity->unusable || entity->remarks) {
            fail_msg("%s: %s, %s", cases[i].why, entity->unusable ? entity->unusable : "-",
                     entity->remarks ? entity->remarks : "-");
        }
        if (entity->keys->nelts != 1 || EVP_PKEY_eq(nth_key(entity, 0)->pkey, key("a")) != 1) {
            fail_msg("%s: the key", cases[i].why);
        }
    }
}

static void signed_requests(void **state)
{
    static const struct { const char *value; int wants; } cases[] = {
        {"true", 1}, {"1", 1}, {"false", 0}, {"0", 0}, {"TRUE", 0}, {"yes", 0}, {"", 0},
    };
    int i;

    for (i = 0; i < COUNT(cases); i++) {
        const char *to = apr_pstrcat(pool, "<md:IDPSSODescriptor WantAuthnRequestsSigned=\"", cases[i].value, "\"", NULL);

        assert_int_equal(entity_of(swapped(ENTITY, "<md:IDPSSODescriptor", to), cases[i].value)->wants_signed_requests,
                         cases[i].wants);
    }
}

/* --- files --- */

static void bad_files(void **state)
{
#define UNTIL(value) " validUntil=\"" value "\""
    static const struct { const char *from, *to, *error, *why; } cases[] = {
        {ENTITY, "", "well-formed", "empty"},
        {ENTITY, "<html><body>Maintenance</body></html>", "EntityDescriptor", "a page of a proxy"},
        {"</md:EntityDescriptor>", "", "well-formed", "cut off"},
        {ENTITY, ENTITY "<more/>", "well-formed", "something behind it"},
        {ENTITY, "<!DOCTYPE x [<!ENTITY y 'z'>]>" ENTITY, "document type", "entities"},
        {ATEN_NS_MD, "urn:oasis:names:tc:SAML:2.0:assertion", "EntityDescriptor", "another namespace"},
        {"<md:IDPSSODescriptor", "<md:IDPSSODescriptor xmlns:md=\"urn:x\"", "identity provider", "of the role"},
        {ENTITY, SERVICE, "identity provider", "a service alone"},
        {ENTITY, ENTITIES(""), "identity provider", "nobody"},
        {ENTITY, ENTITIES("<md:Extensions>" ENTITY "</md:Extensions>"), "identity provider", "inside of what is ignored"},
        {PROTOCOL, "", "identity provider", "no protocol"},
        {PROTOCOL, " protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:1.1:protocol\"", "identity provider", "SAML 1.1"},
        {PROTOCOL, " protocolSupportEnumeration=\"" ATEN_NS_SAMLP "x x" ATEN_NS_SAMLP "\"", "identity provider",
         "a longer word"},
        {" entityID=\"" ID "\"", "", "line 1: an EntityDescriptor without an entityID", "no name"},
        {ID, "", "entityID", "an empty one"},
        {ID, "urn:a&#x85;b", "entityID", "with a control character"},
        {ENTITY, ENTITIES("\n" ENTITY "\n" ENTITY), "line 3: the entityID '" ID "' stands a second time", "twice"},
        {"<md:IDPSSODescriptor", "<md:IDPSSODescriptor" UNTIL("demain"), "validUntil 'demain'", "the role ends some day"},
        {" entityID", UNTIL("2030-01-01") " entityID", "validUntil '2030-01-01'", "a day"},
        {ENTITY, "<md:EntitiesDescriptor" XMLNS UNTIL("2030-01-01T00:00:00+01:00") ">" ENTITY "</md:EntitiesDescriptor>",
         "validUntil", "not in UTC (saml-core 1.3.3)"},
        {ENTITY, ENTITIES("<md:EntitiesDescriptor" UNTIL("") ">" ENTITY "</md:EntitiesDescriptor>"), "validUntil ''",
         "nothing"},
        {ENTITY, "<md:EntitiesDescriptor" XMLNS UNTIL("&#10;\xC3\xA9") ">" ENTITY "</md:EntitiesDescriptor>",
         "'\\n\\xc3\\xa9'", "escaped"},
    };
    int i;

    for (i = 0; i < COUNT(cases); i++) {
        const char *error = read_into(aten_saml_metadata_make(pool),
                                      filled(swapped(ENTITY, cases[i].from, cases[i].to)));

        if (!error || !strstr(error, cases[i].error)) fail_msg("%s: %s", cases[i].why, error ? error : "taken");
    }
}

static void limits(void **state)
{
    static const char comment[] = "<!-- not one more word -->";
    aten_saml_metadata_t *metadata = aten_saml_metadata_make(pool);
    const char *text = filled(ENTITY), *error;
    char *large, *at, id[1100];
    xmlDocPtr doc;
    int i;

    /* An entityID has 1024 bytes at most (saml-core 8.3.6). */
    memset(id, 'x', sizeof(id));
    memcpy(id, "urn:", 4);
    id[1024] = '\0';
    assert_null(read_into(aten_saml_metadata_make(pool), swapped(text, ID, id)));
    id[1024] = 'x';
    id[1025] = '\0';
    error = read_into(aten_saml_metadata_make(pool), swapped(text, ID, id));
    assert_true(error && strstr(error, "entityID"));

    /* A file may be larger than a message, with the same guards. */
    large = malloc(ATEN_METADATA_BYTES_MAX + 1);
    at = large + strlen(text);
    memcpy(large, text, strlen(text));
    for (; at < large + ATEN_METADATA_BYTES_MAX + 1 - strlen(comment); at += strlen(comment)) {
        memcpy(at, comment, strlen(comment));
    }
    memset(at, ' ', (size_t)(large + ATEN_METADATA_BYTES_MAX + 1 - at));
    assert_null(aten_saml_metadata_add(metadata, large, ATEN_METADATA_BYTES_MAX, pool));
    error = aten_saml_metadata_add(aten_saml_metadata_make(pool), large, ATEN_METADATA_BYTES_MAX + 1, pool);
    assert_true(error && strstr(error, "too large"));
    assert_int_equal(aten_xml_parse(&doc, large, ATEN_XML_BYTES_MAX + 1, pool), ATEN_V_XML_LARGE);
    assert_int_equal(aten_xml_parse_large(&doc, large, 2000, 1999, pool), ATEN_V_XML_LARGE);
    assert_null(doc);
    free(large);

    /* Too deep, though nothing of it would be read. */
    text = "";
    for (i = 0; i < 40; i++) text = apr_pstrcat(pool, text, "<md:EntitiesDescriptor", i ? ">" : XMLNS ">", NULL);
    error = read_into(aten_saml_metadata_make(pool), text);
    assert_true(error && strstr(error, "deep"));
}

static void several_files(void **state)
{
    aten_saml_metadata_t *metadata = aten_saml_metadata_make(pool);
    const char *one = filled(ENTITY), *two = swapped(one, ID, "urn:two"), *error;

    assert_null(aten_saml_metadata_find(metadata, ID));
    assert_null(read_into(metadata, one));
    assert_null(read_into(metadata, two));
    assert_int_equal(metadata->entities->nelts, 2);
    assert_string_equal(APR_ARRAY_IDX(metadata->entities, 0, const aten_saml_entity_t *)->entity_id, ID);
    assert_string_equal(APR_ARRAY_IDX(metadata->entities, 1, const aten_saml_entity_t *)->entity_id, "urn:two");
    assert_ptr_equal(aten_saml_metadata_find(metadata, "urn:two"),
                     APR_ARRAY_IDX(metadata->entities, 1, const aten_saml_entity_t *));
    assert_null(aten_saml_metadata_find(metadata, "urn:TWO"));
    assert_null(aten_saml_metadata_find(metadata, "urn:tw"));
    assert_null(aten_saml_metadata_find(metadata, ""));
    assert_null(aten_saml_metadata_find(metadata, NULL));
    error = read_into(metadata, two);
    assert_true(error && strstr(error, "'urn:two' stands a second time"));
    error = read_into(metadata, filled(SERVICE));
    assert_true(error && strstr(error, "identity provider")); /* a file without one, whatever the others have */
}

/* A federation's file. */
static void thousands(void **state)
{
    enum { MANY = 3000 };
    const char *one = swapped(filled(ENTITY), XMLNS, ""), *id;
    aten_saml_metadata_t *metadata = aten_saml_metadata_make(pool);
    apr_array_header_t *parts = apr_array_make(pool, MANY + 2, sizeof(const char *));
    const aten_saml_entity_t *entity;
    int i;

    APR_ARRAY_PUSH(parts, const char *) = "<md:EntitiesDescriptor" XMLNS ">";
    for (i = 0; i < MANY; i++) {
        APR_ARRAY_PUSH(parts, const char *) = swapped(one, ID, apr_psprintf(pool, "urn:portal:%d", i));
    }
    APR_ARRAY_PUSH(parts, const char *) = "</md:EntitiesDescriptor>";
    assert_null(read_into(metadata, apr_array_pstrcat(pool, parts, '\n')));
    assert_int_equal(metadata->entities->nelts, MANY);
    for (i = 0; i < MANY; i++) {
        id = apr_psprintf(pool, "urn:portal:%d", i);
        entity = aten_saml_metadata_find(metadata, id);
        assert_ptr_equal(entity, APR_ARRAY_IDX(metadata->entities, i, const aten_saml_entity_t *));
        assert_string_equal(entity->entity_id, id);
        assert_null(entity->unusable);
        assert_string_equal(entity->sso, "https://portail.example/sso");
        assert_int_equal(EVP_PKEY_eq(nth_key(entity, 0)->pkey, key("a")), 1);
    }
}

/* --- keys --- */

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
    {DESCRIPTOR(SIGNING, "<ds:X509Data><ds:X509Certificate/></ds:X509Data>") KEYS, "a", "cannot be read", NULL, "empty"},
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
    {DESCRIPTOR(SIGNING, "<ds:KeyName>a</ds:KeyName>") KEYS, "a", "neither a certificate nor", NULL, "a name is no key"},
    {DESCRIPTOR(SIGNING, "<ds:RetrievalMethod URI=\"https://x.example\"/>") KEYS, "a", "neither a certificate nor", NULL,
     "nothing is fetched"},
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

        if (!says(entity->remarks, key_cases[i].remark)) fail_msg("%s: %s", why, entity->remarks ? entity->remarks : "-");
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

/* --- addresses --- */

static void addresses(void **state)
{
    static const struct { const char *address; int good; const char *why; } cases[] = {
        {"https://portail.example/sso", 1, "plain"},
        {"https://portail.example", 1, "a host alone"},
        {"HTTPS://Portail.Example:8443/a?b=c&amp;d=%20e", 1, "a port, a query, any case"},
        {"https://192.0.2.7/sso", 1, "a number"},
        {"https://[2001:db8::7]:8443/sso", 1, "of the newer kind"},
        {"http://localhost:8080/sso", 1, "this machine needs no TLS"},
        {"http://portail.localhost/sso", 1, "nor so"},
        {"http://127.0.0.1/sso", 1, "nor so"},
        {"http://[::1]:81/sso", 1, "nor so"},
        {"http://portail.example/sso", 0, "plain http to another machine"},
        {"http://127.0.0.1.example/sso", 0, "which only looks like this one"},
        {"http://localhost.example/sso", 0, "likewise"},
        {"http://localhost@portail.example/sso", 0, "a user's name"},
        {"https://portail.example@evil.example/", 0, "of the same kind"},
        {"http://evil.example%2f.localhost/sso", 0, "an encoded host"},
        {"http://evil.example\\.localhost/sso", 0, "a backslash, which browsers read as a slash"},
        {"https://portail.example/sso#a", 0, "a fragment, which nothing may stand behind"},
        {"https://portail.example/s so", 0, "a blank inside"},
        {"https://portail.example/s&#10;so", 0, "a line end"},
        {"https://portail.example/\xC3\xA9", 0, "not ASCII"},
        {"https://portail.example/&lt;", 0, "no character of an address"},
        {"https://portail.example/&quot;", 0, "nor this"},
        {"https:/portail.example/sso", 0, "one slash"},
        {"https:///sso", 0, "no host"},
        {"//portail.example/sso", 0, "no scheme"},
        {"/sso", 0, "a path"},
        {"javascript://portail.example/%0aalert(1)", 0, "a script"},
        {"ftp://portail.example/sso", 0, "another scheme"},
        {"https://portail.example:99999/sso", 0, "no port"},
        {"", 0, "nothing"},
    };
    char *path;
    int i;

    for (i = 0; i < COUNT(cases); i++) {
        const char *sso = swapped(SSO, "https://portail.example/sso", cases[i].address);
        const aten_saml_entity_t *entity = entity_of(swapped(ENTITY, SSO, sso), cases[i].why);

        if (!entity->sso != !cases[i].good || !entity->unusable != !!cases[i].good) {
            fail_msg("%s: %s", cases[i].why, entity->unusable ? entity->unusable : "taken");
        }
        if (entity->unusable && !strstr(entity->unusable, "SingleSignOnService's Location '")) fail_msg("%s: which?",
                                                                                                      cases[i].why);
    }
    path = apr_pcalloc(pool, 2100);
    memset(path, 'x', 2049 - strlen("https://portail.example/"));
    path = apr_pstrcat(pool, "https://portail.example/", path, "\"", NULL);
    assert_non_null(entity_of(swapped(ENTITY, "https://portail.example/sso\"", path), "2049")->unusable);
    assert_null(entity_of(swapped(ENTITY, "https://portail.example/sso\"", swapped(path, "xx\"", "x\"")), "2048")->unusable);
}

static void endpoints(void **state)
{
#define PLAIN(name, way) ENDPOINT(name, way, "http://portail.example/plain")
#define LO "SingleLogoutService"
#define REDIRECT_LO "<md:" LO " Binding=\"" HTTP "Redirect\""
    static const struct {
        const char *from, *to;
        const char *sso, *redirect, *back, *post;
        const char *unusable, *remark, *why;
    } cases[] = {
        {SSO, "", NULL, "lo", "back", "post", "no SingleSignOnService by HTTP-Redirect", NULL, "POST alone"},
        {SSO, "<md:SingleSignOnService Binding=\"" HTTP "Redirect\"/>", NULL, "lo", "back", "post", "has no Location", NULL,
         "nowhere to go to"},
        {SSO, "<md:SingleSignOnService Location=\"https://x.example\"/>", NULL, "lo", "back", "post", "by HTTP-Redirect", NULL,
         "by no binding"},
        {SSO, PLAIN("SingleSignOnService", "Redirect") SSO, "sso", "lo", "back", "post", NULL, NULL,
         "the first that can be used"},
        {LOGOUT, "", "sso", NULL, NULL, NULL, NULL, NULL, "no logout"},
        {LOGOUT, PLAIN(LO, "Redirect"), "sso", NULL, NULL, NULL, NULL, LO "'s Location 'http://portail.example/plain'",
         "one that cannot be used: people can log in without"},
        {LOGOUT, PLAIN(LO, "POST") ENDPOINT(LO, "SOAP", "https://portail.example/soap"), "sso", NULL, NULL, NULL, NULL, LO,
         "by POST, and by a binding that is not read"},
        {LOGOUT, REDIRECT_LO " Location=\"https://portail.example/lo\" ResponseLocation=\"http://portail.example/b\"/>",
         "sso", NULL, NULL, NULL, NULL, LO "'s ResponseLocation", "half of it"},
        {LOGOUT, REDIRECT_LO " ResponseLocation=\"https://portail.example/back\"/>", "sso", NULL, NULL, NULL, NULL,
         "has no Location", "the other half"},
    };
    int i;

    for (i = 0; i < COUNT(cases); i++) {
        const aten_saml_entity_t *entity = entity_of(swapped(ENTITY, cases[i].from, cases[i].to), cases[i].why);
        const char *found[] = {entity->sso, entity->logout_redirect, entity->logout_redirect_response, entity->logout_post};
        const char *wanted[] = {cases[i].sso, cases[i].redirect, cases[i].back, cases[i].post};
        int k;

        for (k = 0; k < COUNT(found); k++) {
            const char *address = wanted[k] ? apr_pstrcat(pool, "https://portail.example/", wanted[k], NULL) : NULL;

            if (!found[k] != !address || (address && strcmp(address, found[k]))) fail_msg("%s: %d", cases[i].why, k);
        }
        if (!says(entity->unusable, cases[i].unusable)) fail_msg("%s: %s", cases[i].why, entity->unusable);
        if (!says(entity->remarks, cases[i].remark)) fail_msg("%s: %s", cases[i].why, entity->remarks);
    }
}

/* --- validity --- */

static void ends(void **state)
{
#define DAY(n) (n ? apr_time_from_sec(1893456000 + (n - 1) * 86400) : 0) /* 2030-01-n */
    static const struct { int outer, inner, entity, role, until; const char *why; } cases[] = {
        {0, 0, 0, 0, 0, "no end"},
        {1, 0, 0, 0, 1, "of the file"},
        {0, 2, 0, 0, 2, "of a group in it"},
        {0, 0, 3, 0, 3, "its own"},
        {0, 0, 0, 4, 4, "of the role"},
        {1, 2, 3, 4, 1, "the earliest is outside"},
        {4, 3, 2, 1, 1, "... inside"},
        {4, 1, 3, 2, 1, "... in between"},
        {2, 2, 1, 0, 1, "... its own"},
    };
    int i;

    for (i = 0; i < COUNT(cases); i++) {
        const int days[] = {cases[i].outer, cases[i].inner, cases[i].entity, cases[i].role};
        const char *until[4], *text;
        aten_saml_metadata_t *metadata = aten_saml_metadata_make(pool);
        int k;

        for (k = 0; k < 4; k++) {
            until[k] = days[k] ? apr_psprintf(pool, " validUntil=\"2030-01-%02dT00:00:00Z\"", days[k]) : "";
        }
        text = swapped(ENTITY, " entityID", apr_pstrcat(pool, until[2], " entityID", NULL));
        text = swapped(text, "<md:IDPSSODescriptor", apr_pstrcat(pool, "<md:IDPSSODescriptor", until[3], NULL));
        /* Behind it one in no group: what another one has around it is not its own. */
        text = apr_pstrcat(pool, "<md:EntitiesDescriptor" XMLNS, until[0], "><md:EntitiesDescriptor", until[1], ">", text,
                           "</md:EntitiesDescriptor>", swapped(ENTITY, ID, "urn:x"), "</md:EntitiesDescriptor>", NULL);
        assert_null(read_into(metadata, filled(text)));
        if (aten_saml_metadata_find(metadata, ID)->valid_until != DAY(cases[i].until)) fail_msg("%s", cases[i].why);
        if (aten_saml_metadata_find(metadata, "urn:x")->valid_until != DAY(cases[i].outer)) fail_msg("%s", cases[i].why);
    }
}

static void check(void **state)
{
    const apr_time_t end = apr_time_from_sec(1893456000);
    aten_saml_entity_t entity = {.entity_id = ID};
    const char *why = NULL;

    assert_int_equal(aten_saml_entity_check(NULL, end, &why, pool), ATEN_V_SAML_METADATA);
    assert_non_null(strstr(why, "not in the metadata"));
    assert_int_equal(aten_saml_entity_check(&entity, end, &why, pool), ATEN_V_OK);
    entity.valid_until = end;
    assert_int_equal(aten_saml_entity_check(&entity, end - 1, &why, pool), ATEN_V_OK);
    assert_int_equal(aten_saml_entity_check(&entity, end, &why, pool), ATEN_V_SAML_METADATA);
    assert_non_null(strstr(why, "valid until 2030-01-01T"));
    entity.unusable = "no key";
    assert_int_equal(aten_saml_entity_check(&entity, 0, &why, pool), ATEN_V_SAML_METADATA);
    assert_string_equal(why, "no key");
}

/* No directive could name it, but a federation's file may have it. */
static void odd_names(void **state)
{
    static const char *const names[] = {"portail.example", "urn:\xC3\xA9t\xC3\xA9", "urn:a b", "/idp"};
    int i;

    for (i = 0; i < COUNT(names); i++) {
        const aten_saml_entity_t *entity = entity_of(swapped(ENTITY, ID, names[i]), names[i]);

        if (!says(entity->unusable, "entityID")) fail_msg("%s", names[i]);
        assert_string_equal(entity->entity_id, names[i]);
    }
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
        cmocka_unit_test(an_entity), cmocka_unit_test(same_entity),   cmocka_unit_test(signed_requests),
        cmocka_unit_test(bad_files), cmocka_unit_test(limits),        cmocka_unit_test(several_files),
        cmocka_unit_test(thousands), cmocka_unit_test(some_keys),     cmocka_unit_test(dates),
        cmocka_unit_test(many_keys), cmocka_unit_test(addresses),     cmocka_unit_test(endpoints),
        cmocka_unit_test(ends),      cmocka_unit_test(check),         cmocka_unit_test(odd_names),
        cmocka_unit_test(pem),       cmocka_unit_test(base64_has_no_nul),
    };

    return cmocka_run_group_tests_name("saml_metadata", tests, setup_keys, teardown);
}
