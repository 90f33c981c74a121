/* aten_saml_response.h: which answers of a portal are believed, what is read of them, and what the log says of those
 * that are not. Signature and encryption themselves have tests of their own; here it matters what they cover. What an
 * assertion has to say is in test_saml_assertion.c. */
#include "saml_rows.h"

#define ENTITY_FORMAT "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"

/* --- base64 --- */

static void decoding(void **state)
{
    static const struct { const char *base64, *text, *why; } cases[] = {
        {"PHgvPg==", "<x/>", "padded"},
        {"PHh5Lz4=", "<xy/>", "padded by one"},
        {"PHh5ei8+", "<xyz/>", "without padding, with a plus"},
        {"PHg+Pz8/PC94Pg==", "<x>?\?\?</x>", "with a slash"},
        {"PHgv\r\nPg==\r\n", "<x/>", "with line breaks"},
        {"PHgv\nPg=\n=", "<x/>", "with line breaks anywhere"},
        {"\nPHgvPg==", "<x/>", "and in front"},
        {"", NULL, "nothing"},
        {"\r\n", NULL, "nothing but a line break"},
        {"====", NULL, "nothing but padding"},
        {"PHgvPg", NULL, "the padding is missing"},
        {"PHgvPg=", NULL, "half of it"},
        {"PHgvPg===", NULL, "too much of it"},
        {"PHgv====", NULL, "four of it"},
        {"PHgvP===", NULL, "one digit and three of it"},
        {"PHgv=Pg=", NULL, "padding inside"},
        {"PHgvPg==PHgvPg==", NULL, "two texts"},
        {"PHgv Pg==", NULL, "a blank, as an unescaped plus becomes"},
        {"PHgv\tPg==", NULL, "a tab"},
        {"PHg-Pz8_PC94Pg==", NULL, "the alphabet of addresses"},
        {"PHgvPg==%", NULL, "another sign behind it"},
        {"%PHgvPg==", NULL, "and in front"},
        {"PHgvPg\xC3\xA9=", NULL, "beyond ASCII"},
        {"<x/>", NULL, "not encoded at all"},
    };

    (void)state;
    for (int i = 0; i < COUNT(cases); i++) {
        const char *text = "";
        apr_size_t len = 1;
        const aten_verdict_t verdict = aten_saml_response_decode(cases[i].base64, &text, &len, pool);

        if (verdict != (cases[i].text ? ATEN_V_OK : ATEN_V_SAML_ENCODING)) fail_msg("%s", cases[i].why);
        if (!cases[i].text != !text) fail_msg("%s: text", cases[i].why);
        if (text && (strcmp(text, cases[i].text) || len != strlen(text))) fail_msg("%s: '%s'", cases[i].why, text);
    }
}

static void decoding_sizes(void **state)
{
    static const struct { apr_size_t bytes; aten_verdict_t verdict; const char *why; } cases[] = {
        {ATEN_XML_BYTES_MAX - 1, ATEN_V_OK, "one below the limit"},
        {ATEN_XML_BYTES_MAX, ATEN_V_OK, "the limit"},
        {ATEN_XML_BYTES_MAX + 3, ATEN_V_XML_LARGE, "beyond it"},
        {ATEN_XML_BYTES_MAX * 4, ATEN_V_XML_LARGE, "far beyond it"},
    };

    (void)state;
    for (int i = 0; i < COUNT(cases); i++) {
        char *digits = apr_palloc(pool, cases[i].bytes * 2);
        const apr_size_t whole = cases[i].bytes / 3 * 4, rest = cases[i].bytes % 3;
        const char *text;
        apr_size_t len;

        memset(digits, 'A', whole);
        strncpy(digits + whole, rest == 1 ? "AA==" : rest == 2 ? "AAA=" : "", 5);
        if (aten_saml_response_decode(digits, &text, &len, pool) != cases[i].verdict) fail_msg("%s", cases[i].why);
        if (cases[i].verdict == ATEN_V_OK) assert_int_equal(len, cases[i].bytes);
    }
    {
        char *breaks = apr_palloc(pool, ATEN_XML_BYTES_MAX * 2);
        const char *text;
        apr_size_t len;

        memset(breaks, '\n', ATEN_XML_BYTES_MAX * 2);
        strncpy(breaks + ATEN_XML_BYTES_MAX * 2 - 9, "PHgvPg==", 9);
        assert_int_equal(aten_saml_response_decode(breaks, &text, &len, pool), ATEN_V_OK);
    }
}

/* --- good answers --- */

static void good(void **state)
{
    static const struct { const char *ops; int response_signed; const char *why; } cases[] = {
        {"a", 0, "the assertion is signed"},
        {"r", 1, "the response is signed"},
        {"ar", 1, "both are"},
        {"ag", 0, "signed, then encrypted"},
        {"gr", 1, "encrypted, then the response signed"},
        {"agr", 1, "signed, encrypted, and the response signed"},
        {"cr", 1, "CBC inside a signed response"},
        {"acr", 1, "the same with a signature inside"},
        {"na", 0, "the NameID is encrypted"},
        {"nr", 1, "the same in a signed response"},
        {"ma", 0, "the NameID by CBC, inside a signature"},
        {"mr", 1, "the same in a signed response"},
        {"nag", 0, "the NameID and the assertion are encrypted"},
        {"magr", 1, "the same by CBC, in a signed response"},
        {"ngr", 1, "the signature is around all of it"},
    };

    (void)state;
    for (int i = 0; i < COUNT(cases); i++) {
        const aten_saml_answer_t *answer = judged(cases[i].why, message_done(RESPONSE, cases[i].ops), ATEN_V_OK, NULL,
                                                  NOW);

        assert_ptr_equal(answer->portal, &portal);
        if (cases[i].response_signed) assert_string_equal(answer->response_id, "_r");
        else if (answer->response_id) fail_msg("%s: its ID was not signed", cases[i].why);
        assert_string_equal(answer->assertion_id, "_a");
        assert_string_equal(answer->in_response_to, "_q");
        assert_string_equal(answer->subject.name_id, NAME_ID);
        assert_string_equal(answer->subject.format, ATEN_NAMEID_TRANSIENT);
        assert_null(answer->subject.name_qualifier);
        assert_null(answer->subject.sp_name_qualifier);
        assert_string_equal(answer->subject.session_index, "_s");
        assert_string_equal(answer->subject.authn_context, PASSWORD);
        assert_int_equal(answer->subject.authn_instant, NOW - 120 * SECOND);
        assert_int_equal(answer->authn_instant, NOW - 120 * SECOND);
        assert_int_equal(answer->session_end, 0);
        assert_int_equal(answer->valid_until, NOW + (240 + 60) * SECOND);
        assert_int_equal(answer->attributes->nelts, 1);
        assert_string_equal(values_of(answer, "FrEduVecteur"), VALUE);
    }
}

/* What an answer may leave out, or have besides. */
static void good_variants(void **state)
{
    static const row_t rows[] = {
        {"a,r", NAMEID, "", ATEN_V_OK, NULL, "no NameID: attributes name the person"},
        {"a,r", " Format=\"" ATEN_NAMEID_TRANSIENT "\"", "", ATEN_V_OK, NULL, "a NameID without a format"},
        {"a,r", " SessionIndex=\"_s\"", "", ATEN_V_OK, NULL, "no SessionIndex"},
        {"a,r", CLASS, "", ATEN_V_OK, NULL, "no class"},
        {"a,r", "<saml:AuthnContext>" CLASS "</saml:AuthnContext>", "", ATEN_V_OK, NULL, "no context"},
        {"a,r", CLASS, "<saml:AuthnContextDeclRef>urn:x</saml:AuthnContextDeclRef>", ATEN_V_OK, NULL, "a declaration"},
        {"a,r", AUTHN, AUTHN AUTHN, ATEN_V_OK, NULL, "two AuthnStatements"},
        {"a,r", STATEMENT, "", ATEN_V_OK, NULL, "no attributes: the identity will miss something, not this"},
        {"a,r", CONDITIONS, CONDITIONS "<saml:Advice><x:y xmlns:x=\"urn:x\"/></saml:Advice>", ATEN_V_OK, NULL,
         "Advice"},
        {"a,r", AUTHN, AUTHN "<saml:AuthzDecisionStatement Resource=\"urn:x\" Decision=\"Deny\"/>", ATEN_V_OK, NULL,
         "a statement of another kind"},
        {"a,r", ISSUER, ISSUER "<samlp:Extensions><x:y xmlns:x=\"urn:x\"/></samlp:Extensions>", ATEN_V_OK, NULL,
         "Extensions"},
        {"a,r", ISSUER SUBJECT, "<saml:Issuer Format=\"" ENTITY_FORMAT "\">" PORTAL "</saml:Issuer>" SUBJECT, ATEN_V_OK,
         NULL, "the assertion's Issuer says that it is an entity"},
        {"a,r", ISSUER STATUS, "<saml:Issuer Format=\"" ENTITY_FORMAT "\"> " PORTAL "\n</saml:Issuer>" STATUS,
         ATEN_V_OK,
         NULL, "so does the response's, with blanks around"},
        {"a,r", "<saml:Audience>", "<saml:Audience>https://autre.example</saml:Audience><saml:Audience>", ATEN_V_OK,
         NULL,
         "one Audience of several"},
        {"a,r", RESTRICTION, RESTRICTION "<saml:OneTimeUse/>", ATEN_V_OK, NULL, "OneTimeUse"},
        {"a,r", RESTRICTION, "<saml:ProxyRestriction Count=\"0\"/>" RESTRICTION, ATEN_V_OK, NULL, "ProxyRestriction"},
        {"a,r", RESTRICTION, RESTRICTION RESTRICTION, ATEN_V_OK, NULL, "two restrictions, both with us"},
        {"a,r", WINDOW, "", ATEN_V_OK, NULL, "Conditions without a window: the confirmation has an end"},
        {"a", " Destination=\"" ACS "\"", "", ATEN_V_OK, NULL, "no Destination, where only the assertion is signed"},
        {"a,r", "<samlp:StatusCode ", "<!-- x --><samlp:StatusCode ", ATEN_V_OK, NULL, "a comment in Status"},
        {"a,r", "/></samlp:Status>", "/><samlp:StatusMessage>x</samlp:StatusMessage></samlp:Status>", ATEN_V_OK, NULL,
         "a message with Success"},
    };

    (void)state;
    RUN(rows);
}

/* --- XML --- */

static void xml(void **state)
{
    char *large = apr_pstrdup(pool, RESPONSE);
    const char *deep = "";

    (void)state;
    judged("nothing", "", ATEN_V_XML_MALFORMED, "message has 0 bytes", NOW);
    judged("no XML", "bonjour", ATEN_V_XML_MALFORMED, "message has 7 bytes", NOW);
    judged("cut", apr_pstrndup(pool, large, 500), ATEN_V_XML_MALFORMED, "500 bytes", NOW);
    judged("a document type", "<!DOCTYPE x>" RESPONSE, ATEN_V_XML_DTD, "message", NOW);
    judged("an entity in a value", replaced("<!DOCTYPE x [<!ENTITY e \"" VALUE "\">]>" RESPONSE, ">" VALUE, ">&e;", 0),
           ATEN_V_XML_DTD, "message", NOW);
    judged("an entity of nobody", replaced(RESPONSE, VALUE, "&e;", 0), ATEN_V_XML_MALFORMED, "message", NOW);
    for (int i = 0; i < ATEN_XML_DEPTH_MAX; i++) deep = apr_pstrcat(pool, deep, "<x>", NULL);
    judged("too deep", replaced(RESPONSE, STATUS, deep, 0), ATEN_V_XML_DEEP, "32 elements deep", NOW);
    large = apr_palloc(pool, ATEN_XML_BYTES_MAX + 2);
    memset(large, ' ', ATEN_XML_BYTES_MAX + 1);
    large[ATEN_XML_BYTES_MAX + 1] = '\0';
    judged("too large", large, ATEN_V_XML_LARGE, "262145 bytes|262144", NOW);
    read_ok(apr_pstrcat(pool, "\xEF\xBB\xBF<?xml version=\"1.0\"?><!-- x -->", message_done(RESPONSE, "a"), "<?x?>",
                        NULL));
}

/* --- form --- */

static void forms(void **state)
{
    static const row_t rows[] = {
        {"", "<samlp:Response", "<samlp:LogoutResponse", ATEN_V_SAML_MALFORMED, "LogoutResponse|not Response",
         "another message",
         .from2 = "</samlp:Response", .to2 = "</samlp:LogoutResponse"},
        {"", ATEN_NS_SAMLP, "urn:oasis:names:tc:SAML:1.0:protocol", ATEN_V_SAML_MALFORMED, "SAML:1.0:protocol",
         "SAML 1.1"},
        {"", "<samlp:Response", "<Response xmlns=\"\"", ATEN_V_SAML_MALFORMED, "'Response'|'-'", "no namespace",
         .from2 = "</samlp:Response", .to2 = "</Response"},
        {"", "<samlp:Response", "<x><samlp:Response", ATEN_V_SAML_MALFORMED, "'x'", "inside another element",
         .from2 = "</samlp:Response>", .to2 = "</samlp:Response></x>"},
        {"r,a", "Version=\"2.0\"", "Version=\"2.1\"", ATEN_V_SAML_VERSION, "Response|'2.1'|2.0", "another version"},
        {"r,a", " Version=\"2.0\"", "", ATEN_V_SAML_VERSION, "'-'", "no version"},
        {"r,a", "Version=\"2.0\"", "Version=\"2\"", ATEN_V_SAML_VERSION, "'2'", "half of it"},
        {"r,a", "Version=\"2.0\"", "Version=\"2.0 \"", ATEN_V_SAML_VERSION, "'2.0 '", "a blank behind it"},
        {"r,a,ag", "ID=\"_a\" Version=\"2.0\"", "ID=\"_a\" Version=\"1.1\"", ATEN_V_SAML_VERSION, "Assertion|'1.1'",
         "an assertion of another version"},
        {"a", " ID=\"_r\"", "", ATEN_V_SAML_MALFORMED, "Response has no ID", "a response without an ID"},
        {"a", "ID=\"_r\"", "ID=\"\"", ATEN_V_SAML_MALFORMED, "Response has no ID", "an empty one"},
        {"a", "ID=\"_r\"", "ID=\"_r&#x85;\"", ATEN_V_SAML_MALFORMED, "control", "one with a control character"},
        {"a", "ID=\"_r\"", "x:ID=\"_r\" xmlns:x=\"urn:x\"", ATEN_V_SAML_MALFORMED, "no ID", "one of another namespace"},
        {"r", " ID=\"_a\"", "", ATEN_V_SAML_MALFORMED, "Assertion has no ID", "an assertion without an ID"},
        {"r", "ID=\"_a\"", "ID=\"\"", ATEN_V_SAML_MALFORMED, "Assertion has no ID", "an empty one"},
        {"r,a", ISSUER STATUS, STATUS, ATEN_V_SAML_MALFORMED, "Response has 0 Issuer", "no Issuer of the response"},
        {"r,a", ISSUER STATUS, ISSUER ISSUER STATUS, ATEN_V_SAML_MALFORMED, "Response has 2 Issuer", "two"},
        {"r", ISSUER SUBJECT, SUBJECT, ATEN_V_SAML_MALFORMED, "Assertion has 0 Issuer", "no Issuer of the assertion"},
        {"r,a", ISSUER SUBJECT, ISSUER ISSUER SUBJECT, ATEN_V_SAML_MALFORMED, "Assertion has 2 Issuer", "two"},
        {"r,a", STATUS, "", ATEN_V_SAML_MALFORMED, "0 Status", "no Status"},
        {"r,a", STATUS, STATUS STATUS, ATEN_V_SAML_MALFORMED, "2 Status", "two"},
        {"r,a", STATUS, "<samlp:Status/>", ATEN_V_SAML_MALFORMED, "0 StatusCode", "no code"},
        {"r,a", "<samlp:StatusCode Value=\"" SUCCESS "\"/>",
         "<samlp:StatusCode Value=\"" SUCCESS "\"/><samlp:StatusCode Value=\"urn:x\"/>", ATEN_V_SAML_MALFORMED,
         "2 StatusCode", "two codes"},
    };

    (void)state;
    RUN(rows);
}

/* An element more, with an attribute that is somebody's ID. */
#define EXTENSION(attribute) ISSUER "<samlp:Extensions><x " attribute "/></samlp:Extensions>"

static void ids(void **state)
{
    static const row_t rows[] = {
        {"r", "ID=\"_a\"", "ID=\"_r\"", ATEN_V_SAML_DUPLICATE_ID, "'_r'", "response and assertion"},
        {"a,ar", NULL, NULL, ATEN_V_SAML_DUPLICATE_ID, "'_a'", "ID", .after = ISSUER, .forged = EXTENSION("ID=\"_a\"")},
        {"a", NULL, NULL, ATEN_V_SAML_DUPLICATE_ID, "'_a'", "Id", .after = ISSUER, .forged = EXTENSION("Id=\"_a\"")},
        {"a", NULL, NULL, ATEN_V_SAML_DUPLICATE_ID, "'_a'", "id", .after = ISSUER, .forged = EXTENSION("id=\"_a\"")},
        {"a", NULL, NULL, ATEN_V_SAML_DUPLICATE_ID, "'_a'", "iD", .after = ISSUER, .forged = EXTENSION("iD=\"_a\"")},
        {"a", NULL, NULL, ATEN_V_SAML_DUPLICATE_ID, "'_a'", "xml:id", .after = ISSUER,
         .forged = EXTENSION("xml:id=\"_a\"")},
        {"a", NULL, NULL, ATEN_V_SAML_DUPLICATE_ID, "'_a'", "xml:id with blanks, which XML takes off", .after = ISSUER,
         .forged = EXTENSION("xml:id=\" _a \"")},
        {"a", NULL, NULL, ATEN_V_SAML_DUPLICATE_ID, "'_a'", "an Id of another namespace", .after = ISSUER,
         .forged = EXTENSION("xmlns:u=\"urn:u\" u:Id=\"_a\"")},
        {"a", NULL, NULL, ATEN_V_SAML_DUPLICATE_ID, "'_a'", "SAML 1.1's of an assertion", .after = ISSUER,
         .forged = EXTENSION("AssertionID=\"_a\"")},
        {"a", NULL, NULL, ATEN_V_SAML_DUPLICATE_ID, "'_a'", "SAML 1.1's of a response", .after = ISSUER,
         .forged = EXTENSION("ResponseID=\"_a\"")},
        {"a", NULL, NULL, ATEN_V_SAML_DUPLICATE_ID, "'_a'", "SAML 1.1's of a request", .after = ISSUER,
         .forged = EXTENSION("RequestID=\"_a\"")},
        {"a", NULL, NULL, ATEN_V_SAML_DUPLICATE_ID, "'_a'", "written as a reference", .after = ISSUER,
         .forged = EXTENSION("ID=\"&#95;a\"")},
        {"a", NULL, NULL, ATEN_V_SAML_DUPLICATE_ID, "'_a'", "two on one element", .after = "<saml:Assertion ",
         .forged = "<saml:Assertion xml:id=\"_a\" "},
        {"a", NULL, NULL, ATEN_V_SAML_DUPLICATE_ID, "'_x'", "an ID of nothing that is signed", .after = ISSUER,
         .forged = ISSUER "<samlp:Extensions><x ID=\"_x\"/><y id=\"_x\"/></samlp:Extensions>"},
        {"r", ISSUER SUBJECT, ISSUER SUBJECT "<x ID=\"_a\"/>", ATEN_V_SAML_DUPLICATE_ID, "'_a'",
         "signed by the portal itself, and odd all the same"},
        {"gr", ISSUER SUBJECT, ISSUER SUBJECT "<x ID=\"_a\"/>", ATEN_V_SAML_DUPLICATE_ID, "'_a'",
         "only inside what was encrypted"},
        {"a", ISSUER, EXTENSION("ID=\"_x\" name=\"_a\""), ATEN_V_OK, NULL, "another ID, and an attribute that is none"},
    };

    (void)state;
    RUN(rows);
}

/* --- who --- */

static void issuers(void **state)
{
    static const row_t rows[] = {
        {"r,a", PORTAL, "https://absent.example/idp", ATEN_V_SAML_ISSUER,
         "'https://absent.example/idp'|believed here|" PORTAL "|" OTHER_PORTAL, "nobody's portal",
         .from2 = ISSUER, .to2 = "<saml:Issuer>https://absent.example/idp</saml:Issuer>"},
        {"R,A", PORTAL, "https://x.example", ATEN_V_SAML_ISSUER, "'https://x.example'",
         "a portal of the metadata that is not believed, by its own key", .from2 = ISSUER,
         .to2 = "<saml:Issuer>https://x.example</saml:Issuer>"},
        {"r,a", PORTAL "<", PORTAL "/<", ATEN_V_SAML_ISSUER, "/idp/'", "a slash behind it"},
        {"r,a", PORTAL "<", PORTAL "<!-- -->.evil.example<", ATEN_V_SAML_ISSUER, "/idp.evil.example'",
         "a comment cuts nothing"},
        {"r,a", PORTAL "<", PORTAL "<x/><", ATEN_V_SAML_ISSUER, "'-'", "an element inside"},
        {"r,a", PORTAL "<", "<", ATEN_V_SAML_ISSUER, "''", "an empty one"},
        {"r,a", PORTAL "<", "x\xC3\xA9\n\"y<", ATEN_V_SAML_ISSUER, "x\\xc3\\xa9\\n\\\"y",
         "what must not get into a log as it is"},
        {"r,a", ISSUER STATUS, "<saml:Issuer>" OTHER_PORTAL "</saml:Issuer>" STATUS, ATEN_V_SAML_SIGNATURE,
         "signature of the", "says to be the other portal, by this one's key"},
        {"s,b", ISSUER STATUS, "<saml:Issuer>" OTHER_PORTAL "</saml:Issuer>" STATUS, ATEN_V_SAML_ISSUER,
         "Assertion|'" PORTAL "'|'" OTHER_PORTAL "'", "the other portal gives an assertion in this one's name"},
        {"s,b", NULL, NULL, ATEN_V_SAML_SIGNATURE, "signature of the", "the other portal's key, in this one's name"},
        {"r,a", ISSUER SUBJECT, "<saml:Issuer>" OTHER_PORTAL "</saml:Issuer>" SUBJECT, ATEN_V_SAML_ISSUER,
         "Assertion|'" OTHER_PORTAL "'|'" PORTAL "'", "an assertion in the other one's name"},
        {"r,a", ISSUER SUBJECT, "<saml:Issuer>" PORTAL "<![CDATA[.evil]]></saml:Issuer>" SUBJECT, ATEN_V_SAML_ISSUER,
         "/idp.evil'", "CDATA cuts nothing"},
        {"r,a", ISSUER SUBJECT, "<saml:Issuer Format=\"urn:x\">" PORTAL "</saml:Issuer>" SUBJECT, ATEN_V_SAML_ISSUER,
         "Assertion|'urn:x'|entity", "a Format that is not an entity's"},
        {"r,a", ISSUER SUBJECT, "<saml:Issuer Format=\"\">" PORTAL "</saml:Issuer>" SUBJECT, ATEN_V_SAML_ISSUER,
         "''|entity", "an empty one"},
        {"r,a", ISSUER STATUS, "<saml:Issuer Format=\"urn:x\">" PORTAL "</saml:Issuer>" STATUS, ATEN_V_SAML_ISSUER,
         "Response|'urn:x'", "the response's"},
    };

    (void)state;
    RUN(rows);
}

static void other_portals_login(void **state)
{
    const char *text = replaced(RESPONSE, PORTAL, OTHER_PORTAL, 1);

    (void)state;
    assert_ptr_equal(read_ok(message_done(text, "b"))->portal, &other_portal);
    assert_ptr_equal(read_ok(message_done(text, "s"))->portal, &other_portal);
    judged("its metadata has another key", message_done(text, "a"), ATEN_V_SAML_SIGNATURE, "signature of the Assertion",
           NOW);
}

/* What the caller learns of a refused answer, and what a set-up without this or that gives. */
static void set_ups(void **state)
{
    const aten_saml_expect_t whole = expect;
    const char *text = message_done(RESPONSE, "a"), *why;
    const aten_portal_t *seen = &other_portal;
    aten_saml_answer_t *answer;
    apr_array_header_t *many = apr_array_make(pool, 20, sizeof(const aten_portal_t *));
    aten_saml_entity_t *entity = entity_of(PORTAL, message_keys.portal);
    aten_saml_metadata_t *metadata = aten_saml_metadata_make(pool);

    (void)state;
    assert_int_equal(aten_saml_response_read(&answer, &whole, text, strlen(text), NULL, &why, pool), ATEN_V_OK);
    text = message_done(RESPONSE, "A");
    assert_int_equal(aten_saml_response_read(&answer, &whole, text, strlen(text), &seen, &why, pool),
                     ATEN_V_SAML_SIGNATURE);
    assert_ptr_equal(seen, &portal);
    text = replaced(RESPONSE, PORTAL, "urn:x", 1);
    assert_int_equal(aten_saml_response_read(&answer, &whole, text, strlen(text), &seen, &why, pool),
                     ATEN_V_SAML_ISSUER);
    assert_null(seen);
    assert_int_equal(aten_saml_response_read(&answer, &whole, "<x/>", 4, &seen, &why, pool), ATEN_V_SAML_MALFORMED);
    assert_null(seen);

    text = message_done(RESPONSE, "a");
    expect.portals = NULL;
    judged("no portals", text, ATEN_V_SAML_ISSUER, "believed here", NOW);
    expect = whole;
    for (int i = 0; i < 20; i++) APR_ARRAY_PUSH(many, const aten_portal_t *) = &other_portal;
    expect.portals = many;
    judged("many portals", text, ATEN_V_SAML_ISSUER, OTHER_PORTAL "|and others", NOW);
    expect = whole;
    expect.metadata = NULL;
    judged("no metadata", text, ATEN_V_SAML_METADATA, "", NOW);
    expect.metadata = metadata;
    judged("metadata without the portal", text, ATEN_V_SAML_METADATA, "", NOW);
    add(metadata, entity);
    judged("metadata with it", text, ATEN_V_OK, NULL, NOW);
    entity->valid_until = NOW;
    judged("metadata that has ended", text, ATEN_V_SAML_METADATA, "", NOW);
    entity->valid_until = 0;
    entity->unusable = "it has no key";
    judged("an entity that cannot be used", text, ATEN_V_SAML_METADATA, "no key", NOW);
    expect = whole;
    expect.service_id = NULL;
    judged("no entityID of ours", text, ATEN_V_SAML_AUDIENCE, SERVICE, NOW);
    expect = whole;
    expect.acs = NULL;
    judged("no address of ours", text, ATEN_V_SAML_DESTINATION, ACS, NOW);
    expect = whole;
    expect.keys = NULL;
    judged("no key of ours, and none is needed", text, ATEN_V_OK, NULL, NOW);
    judged("no key of ours", message_done(RESPONSE, "ag"), ATEN_V_SAML_ENCRYPTION, "assertion|no AtenServiceKey", NOW);
    judged("no key of ours, for a NameID", message_done(RESPONSE, "na"), ATEN_V_SAML_ENCRYPTION,
           "NameID|no AtenServiceKey", NOW);
    expect.keys = apr_array_make(pool, 1, sizeof(const aten_saml_key_t *));
    judged("an empty list of keys", message_done(RESPONSE, "ag"), ATEN_V_SAML_ENCRYPTION, "no AtenServiceKey", NOW);
    expect = whole;
}

/* --- what is signed --- */

static void signatures(void **state)
{
    static const row_t rows[] = {
        {"", NULL, NULL, ATEN_V_SAML_UNSIGNED, "Response|Assertion", "nothing is signed"},
        {"g", NULL, NULL, ATEN_V_SAML_UNSIGNED, "Signature", "encrypted by whoever knows our public key"},
        {"n", NULL, NULL, ATEN_V_SAML_UNSIGNED, "Signature", "so is the NameID"},
        {"", WINDOW, " NotOnOrAfter=\"2015-01-01T00:00:00Z\"", ATEN_V_SAML_UNSIGNED, "Signature",
         "not a word of what it says comes before that"},
        {"A", NULL, NULL, ATEN_V_SAML_SIGNATURE, "signature of the Assertion", "nobody's key"},
        {"R", NULL, NULL, ATEN_V_SAML_SIGNATURE, "signature of the Response", "nobody's key, for the response"},
        {"Ar", NULL, NULL, ATEN_V_SAML_SIGNATURE, "signature of the Assertion", "the inner one does not hold"},
        {"aR", NULL, NULL, ATEN_V_SAML_SIGNATURE, "signature of the Response", "the outer one does not hold"},
        {"Agr", NULL, NULL, ATEN_V_SAML_SIGNATURE, "signature of the Assertion", "the encrypted one does not hold"},
        {"Ag", NULL, NULL, ATEN_V_SAML_SIGNATURE, "signature of the Assertion", "the same without another"},
        {"a,r,ar", NULL, NULL, ATEN_V_SAML_SIGNATURE, "signature of the", "changed afterwards", .after = "701294",
         .forged = "701295"},
        {"r,ar", NULL, NULL, ATEN_V_SAML_SIGNATURE, "signature of the Response", "changed around the assertion",
         .after = "InResponseTo", .forged = "x"},
        {"a", NULL, NULL, ATEN_V_OK, NULL, "changed around the assertion, which nobody signed", .after = "IssueInstant",
         .forged = "x"},
        {"r,a,gr", "</saml:Conditions>", "</saml:Conditions><ds:Signature xmlns:ds=\"" ATEN_NS_DS "\"/>",
         ATEN_V_SAML_SIGNATURE_FORM, "", "one that is empty", .from2 = "IssueInstant", .to2 = "x"},
        {"a,r,ar", NULL, NULL, ATEN_V_SAML_SIGNATURE_FORM, "'Status'", "one inside Status",
         .after = "<samlp:StatusCode",
         .forged = "<ds:Signature xmlns:ds=\"" ATEN_NS_DS "\"/><samlp:StatusCode"},
        {"a,r,ar", NULL, NULL, ATEN_V_SAML_SIGNATURE_FORM, "'Subject'", "one inside the Subject",
         .after = "<saml:NameID",
         .forged = "<ds:Signature xmlns:ds=\"" ATEN_NS_DS "\"/><saml:NameID"},
        {"ar", NULL, NULL, ATEN_V_SAML_SIGNATURE_FORM, "'Response'", "a second one of the response",
         .after = "</samlp:Response>",
         .forged = "<ds:Signature xmlns:ds=\"" ATEN_NS_DS "\"/></samlp:Response>"},
        {"ar", NULL, NULL, ATEN_V_SAML_SIGNATURE_FORM, "'Assertion'", "a second one of the assertion",
         .after = "</saml:Assertion>",
         .forged = "<ds:Signature xmlns:ds=\"" ATEN_NS_DS "\"/></saml:Assertion>"},
        {"agr,ag", NULL, NULL, ATEN_V_SAML_SIGNATURE_FORM, "'EncryptedAssertion'", "one beside encrypted data",
         .after = "</saml:EncryptedAssertion>",
         .forged = "<ds:Signature xmlns:ds=\"" ATEN_NS_DS "\"/></saml:EncryptedAssertion>"},
        {"a,r", NULL, NULL, ATEN_V_SAML_UNSIGNED, "Signature", "signatures of another namespace are none",
         .after = "Signature xmlns:ds=\"" ATEN_NS_DS "\"", .forged = "Signature xmlns:ds=\"urn:x\""},
        {"a,r,ag", ISSUER, ISSUER "<samlp:Extensions><Signature xmlns=\"urn:x\"/></samlp:Extensions>", ATEN_V_OK, NULL,
         "nor is one elsewhere"},
        {"gr", "</saml:Conditions>", "</saml:Conditions><saml:Advice><ds:Signature xmlns:ds=\"" ATEN_NS_DS
         "\"/></saml:Advice>",
         ATEN_V_SAML_SIGNATURE_FORM, "'Advice'", "one where none belongs, encrypted"},
    };

    (void)state;
    RUN(rows);
}

/* The assertion's signature put into the response, and the other way round. */
static void moved_signatures(void **state)
{
    const char *text = message_done(RESPONSE, "a"), *node = piece(text, "<ds:Signature", "</ds:Signature>");
    const char *without = replaced(text, node, "", 0);

    (void)state;
    judged("the assertion's in the response", replaced(without, STATUS, apr_pstrcat(pool, node, STATUS, NULL), 0),
           ATEN_V_SAML_SIGNATURE_FORM, "signature of the Response", NOW);
    text = message_done(RESPONSE, "r");
    node = piece(text, "<ds:Signature", "</ds:Signature>");
    without = replaced(text, node, "", 0);
    judged("the response's in the assertion", replaced(without, SUBJECT, apr_pstrcat(pool, node, SUBJECT, NULL), 0),
           ATEN_V_SAML_SIGNATURE_FORM, "signature of the Assertion", NOW);
}

/* What an unsigned response says around its signed assertion can refuse, and never grants. */
static void around(void **state)
{
    static const row_t rows[] = {
        {"a", SUCCESS, "urn:oasis:names:tc:SAML:2.0:status:Responder", ATEN_V_SAML_STATUS, "Responder|not signed",
         "its Status"},
        {"a", "Destination=\"" ACS "\"", "Destination=\"https://autre.example/acs\"", ATEN_V_SAML_DESTINATION,
         "autre.example|" ACS, "its Destination"},
        {"a", "InResponseTo=\"_q\"", "InResponseTo=\"_p\"", ATEN_V_SAML_IN_RESPONSE_TO, "are two", "its InResponseTo"},
        {"a", "Destination=\"" ACS "\" InResponseTo=\"_q\"", "", ATEN_V_OK, NULL, "it says neither"},
        {"a", DATA, "<saml:SubjectConfirmationData Recipient=\"https://autre.example/acs\" "
         "NotOnOrAfter=\"2026-11-24T10:05:00Z\" InResponseTo=\"_q\"/>", ATEN_V_SAML_CONFIRMATION, "Recipient",
         "a right Destination does not make up for a wrong Recipient"},
    };

    (void)state;
    RUN(rows);
    assert_null(read_ok(message_done(RESPONSE, "a"))->response_id);
}

/* --- wrapping --- */

/* The evil twin: another person, another ID, no signature. */
static const char *evil_of(const char *element)
{
    return replaced(replaced(replaced(element, NAME_ID, EVIL, 1), "701294", "666666", 1), "ID=\"_a\"", "ID=\"_evil\"",
                    0);
}

typedef struct {
    const char *text;      /* the whole message */
    const char *assertion; /* the signed element, with its signature */
    const char *plain;     /* the same without */
    const char *signature;
    const char *evil;      /* without a signature */
} wrapped_t;

static wrapped_t wrapped(void)
{
    wrapped_t w;

    w.text = message_done(RESPONSE, "a");
    w.assertion = piece(w.text, "<saml:Assertion", "</saml:Assertion>");
    w.signature = piece(w.text, "<ds:Signature", "</ds:Signature>");
    w.plain = replaced(w.assertion, w.signature, "", 0);
    w.evil = evil_of(w.plain);
    return w;
}

static const char *inserted(const char *text, const char *before, const char *what)
{
    return replaced(text, before, apr_pstrcat(pool, what, before, NULL), 0);
}

static const char *in_signature(const wrapped_t *w, const char *around_start, const char *around_end)
{
    return inserted(w->signature, "</ds:Signature>", apr_pstrcat(pool, around_start, w->plain, around_end, NULL));
}

/* Each once with the evil element of its own ID, and once with the signed one's. */
static void refused_wrapping(const char *name, const wrapped_t *w, const char *in_place)
{
    const char *text = replaced(w->text, w->assertion, in_place, 0);

    judged(name, text, ATEN_V_SAML_ASSERTIONS, "", NOW);
    judged(name, replaced(text, "_evil", "_a", 1), ATEN_V_SAML_DUPLICATE_ID, "'_a'", NOW);
}

/* Somorovsky and others, On Breaking SAML (USENIX Security 2012). */
static void wrapping_assertions(void **state)
{
    const wrapped_t w = wrapped();
    const char *end = "</saml:Assertion>", *evil, *text;

    (void)state;
    evil = inserted(w.evil, "<saml:Subject>", in_signature(&w, "", ""));
    refused_wrapping("XSW1: the signed one in the evil one's Signature", &w, evil);
    evil = inserted(w.evil, "<saml:Subject>", apr_pstrcat(pool, w.plain, w.signature, NULL));
    refused_wrapping("XSW2: the signed one before the evil one's Signature", &w, evil);
    refused_wrapping("XSW3: the evil one in front", &w, apr_pstrcat(pool, w.evil, w.assertion, NULL));
    refused_wrapping("XSW3: and behind", &w, apr_pstrcat(pool, w.assertion, w.evil, NULL));
    refused_wrapping("XSW4: the signed one inside the evil one", &w, inserted(w.evil, end, w.assertion));
    evil = inserted(w.evil, "<saml:Subject>", w.signature);
    refused_wrapping("XSW5: the evil one has the Signature", &w, apr_pstrcat(pool, evil, w.plain, NULL));
    evil = inserted(w.evil, "<saml:Subject>", in_signature(&w, "<ds:KeyInfo>", "</ds:KeyInfo>"));
    refused_wrapping("XSW6: the signed one in the Signature's KeyInfo", &w, evil);
    text = apr_pstrcat(pool, "<samlp:Extensions>", w.evil, "</samlp:Extensions>", STATUS, NULL);
    text = replaced(w.text, STATUS, text, 0);
    judged("XSW7: the evil one in Extensions", text, ATEN_V_SAML_ASSERTIONS, "2 elements", NOW);
    judged("XSW7: of the same ID", replaced(text, "_evil", "_a", 1), ATEN_V_SAML_DUPLICATE_ID, "'_a'", NOW);
    evil = inserted(w.evil, "<saml:Subject>", in_signature(&w, "<ds:Object>", "</ds:Object>"));
    refused_wrapping("XSW8: the signed one in the Signature's Object", &w, evil);
}

/* The same with a signed response: the evil response around, inside or in front of what was signed. */
static void wrapping_responses(void **state)
{
    const char *text = message_done(RESPONSE, "r"), *signature = piece(text, "<ds:Signature", "</ds:Signature>");
    const char *plain = replaced(text, signature, "", 0), *end = "</samlp:Response>";
    const char *evil = replaced(evil_of(plain), "ID=\"_r\"", "ID=\"_evil2\"", 0);
    const char *object = inserted(signature, "</ds:Signature>",
                                  apr_pstrcat(pool, "<ds:Object>", plain, "</ds:Object>", NULL));
    const char *const shapes[] = {
        inserted(evil, STATUS, inserted(signature, "</ds:Signature>", plain)),
        inserted(evil, STATUS, apr_pstrcat(pool, plain, signature, NULL)),
        inserted(evil, end, text),
        inserted(evil, STATUS, apr_pstrcat(pool, "<samlp:Extensions>", text, "</samlp:Extensions>", NULL)),
        inserted(evil, STATUS, object),
        replaced(text, STATUS, apr_pstrcat(pool, "<samlp:Extensions>", evil, "</samlp:Extensions>", STATUS, NULL), 0),
    };

    (void)state;
    for (int i = 0; i < COUNT(shapes); i++) {
        judged(apr_psprintf(pool, "shape %d", i), shapes[i], ATEN_V_SAML_ASSERTIONS, "", NOW);
        judged(apr_psprintf(pool, "shape %d, same ID", i), replaced(shapes[i], "_evil2", "_r", 1),
               ATEN_V_SAML_DUPLICATE_ID,
               "", NOW);
    }
}

/* One Assertion or EncryptedAssertion in all of the message, whatever its namespace and however deep. */
static void assertions(void **state)
{
#define SECOND_ONE "<saml:Assertion" XMLNS_SAML " ID=\"_b\"/>"
    static const row_t rows[] = {
        {"r,a", "</saml:Assertion>", "</saml:Assertion>" SECOND_ONE, ATEN_V_SAML_ASSERTIONS, "2 elements", "behind it"},
        {"r", "</saml:Assertion>", "</saml:Assertion><saml:EncryptedAssertion/>", ATEN_V_SAML_ASSERTIONS, "2 elements",
         "an encrypted one behind it"},
        {"gr,agr,ag", NULL, NULL, ATEN_V_SAML_ASSERTIONS, "2 elements", "two encrypted ones",
         .after = "</samlp:Response>", .forged = "<saml:EncryptedAssertion/></samlp:Response>"},
        {"gr,ag", NULL, NULL, ATEN_V_SAML_ASSERTIONS, "2 elements", "a plain one beside an encrypted one",
         .after = "</samlp:Response>", .forged = SECOND_ONE "</samlp:Response>"},
        {"a,ag", NULL, NULL, ATEN_V_SAML_ASSERTIONS, "2 elements", "in Extensions", .after = ISSUER,
         .forged = ISSUER "<samlp:Extensions>" SECOND_ONE "</samlp:Extensions>"},
        {"a,ag", NULL, NULL, ATEN_V_SAML_ASSERTIONS, "2 elements", "deep in Extensions", .after = ISSUER,
         .forged = ISSUER "<samlp:Extensions><x><y><z>" SECOND_ONE "</z></y></x></samlp:Extensions>"},
        {"a", NULL, NULL, ATEN_V_SAML_ASSERTIONS, "2 elements", "of no namespace", .after = ISSUER,
         .forged = ISSUER "<samlp:Extensions><Assertion/></samlp:Extensions>"},
        {"a", NULL, NULL, ATEN_V_SAML_ASSERTIONS, "2 elements", "of SAML 1.1", .after = ISSUER,
         .forged = ISSUER
         "<samlp:Extensions><Assertion xmlns=\"urn:oasis:names:tc:SAML:1.0:assertion\"/></samlp:Extensions>"},
        {"a", NULL, NULL, ATEN_V_SAML_ASSERTIONS, "2 elements", "an encrypted one in Extensions", .after = ISSUER,
         .forged = ISSUER "<samlp:Extensions><saml:EncryptedAssertion/></samlp:Extensions>"},
        {"r,a,gr,ag", CONDITIONS, CONDITIONS "<saml:Advice>" SECOND_ONE "</saml:Advice>", ATEN_V_SAML_ASSERTIONS, "",
         "in Advice"},
        {"r,a,gr,ag", CONDITIONS, CONDITIONS "<saml:Advice><saml:EncryptedAssertion/></saml:Advice>",
         ATEN_V_SAML_ASSERTIONS,
         "", "an encrypted one in Advice"},
        {"r,a,gr,ag", VALUE, SECOND_ONE, ATEN_V_SAML_ASSERTIONS, "", "as a value"},
        {"r", "/></samlp:Status>", "/><samlp:StatusDetail>" SECOND_ONE "</samlp:StatusDetail></samlp:Status>",
         ATEN_V_SAML_ASSERTIONS, "2 elements", "in StatusDetail"},
        {"r,a", "<saml:Assertion", "<box><saml:Assertion", ATEN_V_SAML_ASSERTIONS, "'box'|Response", "one, but deeper",
         .from2 = "</saml:Assertion>", .to2 = "</saml:Assertion></box>"},
        {"r", XMLNS_SAML " ID=\"_a\"", " xmlns:saml=\"urn:oasis:names:tc:SAML:1.0:assertion\" ID=\"_a\"",
         ATEN_V_SAML_ASSERTIONS,
         "SAML:1.0:assertion", "one, but of SAML 1.1"},
        {"r", ASSERTION, "", ATEN_V_SAML_ASSERTIONS, "0 elements", "none, and success"},
        {"", ASSERTION, "", ATEN_V_SAML_ASSERTIONS, "0 elements", "nor a signature"},
        {"r", ASSERTION, "<!-- " ASSERTION " -->", ATEN_V_SAML_ASSERTIONS, "0 elements", "in a comment"},
        {"r", ASSERTION, "<![CDATA[" ASSERTION "]]>", ATEN_V_SAML_ASSERTIONS, "0 elements", "in CDATA"},
    };
#undef SECOND_ONE

    (void)state;
    RUN(rows);
}

/* --- encryption --- */

static void encryption(void **state)
{
    static const row_t rows[] = {
        {"ac", NULL, NULL, ATEN_V_SAML_ENCRYPTION_CBC, "encrypted assertion", "CBC, with a signature inside alone"},
        {"c", NULL, NULL, ATEN_V_SAML_ENCRYPTION_CBC, "encrypted assertion", "CBC, and nothing is signed"},
        {"cR", NULL, NULL, ATEN_V_SAML_SIGNATURE, "Response",
         "CBC is not looked at before the signature around it holds"},
        {"agg,aggr", NULL, NULL, ATEN_V_SAML_MALFORMED, "'EncryptedAssertion'|not Assertion", "encrypted twice"},
        {"g,ag", NULL, NULL, ATEN_V_SAML_ENCRYPTION_FORM, "encrypted assertion", "no data",
         .after = "<xenc:EncryptedData ",
         .forged = "<x/><xenc:EncryptedData "},
        {"ag", NULL, NULL, ATEN_V_SAML_ENCRYPTION, "encrypted assertion", "changed", .after = "<xenc:CipherValue>",
         .forged = "<xenc:CipherValue>AAAA"},
        {"gr", NULL, NULL, ATEN_V_SAML_SIGNATURE, "Response", "changed inside what was signed",
         .after = "<xenc:CipherValue>",
         .forged = "<xenc:CipherValue>AAAA"},
        {"nag", WINDOW, " NotOnOrAfter=\"2026-11-24T09:50:00Z\"", ATEN_V_SAML_EXPIRED, "600 seconds",
         "judged like any other"},
    };

    (void)state;
    RUN(rows);
}

/* An answer whose assertion is this text, encrypted. */
static const char *with_encrypted(const char *name, const char *text, const char *stands_for, const char *ops)
{
    return message_done(replaced(RESPONSE, stands_for, encrypted(name, text, 0), 0), ops);
}

static void decrypted_texts(void **state)
{
    static const struct { const char *text; aten_verdict_t verdict; const char *said, *why; } assertions_of[] = {
        {"bonjour", ATEN_V_XML_MALFORMED, "decrypted assertion|7 bytes", "no XML"},
        {"<samlp:Response xmlns:samlp=\"" ATEN_NS_SAMLP "\"/>", ATEN_V_SAML_MALFORMED, "'Response'|not Assertion",
         "another element"},
        {"<Assertion ID=\"_a\"/>", ATEN_V_SAML_MALFORMED, "'Assertion'|'-'", "of no namespace"},
        {"<!DOCTYPE x [<!ENTITY e \"x\">]><saml:Assertion" XMLNS_SAML ">&e;</saml:Assertion>", ATEN_V_XML_DTD,
         "decrypted assertion", "a document type"},
        {"<saml:Assertion ID=\"_a\"/>", ATEN_V_XML_MALFORMED, "decrypted assertion", "a prefix that is not declared"},
        {ASSERTION ASSERTION, ATEN_V_XML_MALFORMED, "decrypted assertion", "two"},
        {"<!-- x -->" ASSERTION "<!-- y -->", ATEN_V_OK, NULL, "with comments around"},
    };
    static const struct { const char *text; aten_verdict_t verdict; const char *said, *why; } names[] = {
        {NAME_ID, ATEN_V_XML_MALFORMED, "decrypted NameID", "no XML"},
        {"<saml:BaseID" XMLNS_SAML "/>", ATEN_V_SAML_SUBJECT, "'BaseID'", "another element"},
        {"<NameID>x</NameID>", ATEN_V_SAML_SUBJECT, "'NameID'", "of no namespace"},
        {"<saml:NameID" XMLNS_SAML "/>", ATEN_V_SAML_SUBJECT, "empty", "an empty one"},
        {"<saml:NameID" XMLNS_SAML ">x<y/></saml:NameID>", ATEN_V_SAML_SUBJECT, "element", "an element inside"},
        {"<saml:NameID" XMLNS_SAML ">x<!-- y --><![CDATA[z]]></saml:NameID>", ATEN_V_OK, NULL, "comments and CDATA"},
    };
    const char *id = piece(with_encrypted("EncryptedID", "<saml:NameID" XMLNS_SAML ">x</saml:NameID>", NAMEID, ""),
                           "<saml:EncryptedID", "</saml:EncryptedID>");

    (void)state;
    for (int i = 0; i < COUNT(assertions_of); i++) {
        judged(assertions_of[i].why, with_encrypted("EncryptedAssertion", assertions_of[i].text, ASSERTION, "r"),
               assertions_of[i].verdict, assertions_of[i].said, NOW);
    }
    for (int i = 0; i < COUNT(names); i++) {
        judged(names[i].why, with_encrypted("EncryptedID", names[i].text, NAMEID, "a"), names[i].verdict, names[i].said,
               NOW);
    }
    judged("an EncryptedID and a NameID", message_done(replaced(RESPONSE, NAMEID, apr_pstrcat(pool, NAMEID, id, NULL),
                                                                0), "a"),
           ATEN_V_SAML_SUBJECT, "more than one", NOW);
    judged("two EncryptedIDs", message_done(replaced(RESPONSE, NAMEID, apr_pstrcat(pool, id, id, NULL), 0), "a"),
           ATEN_V_SAML_SUBJECT, "more than one", NOW);
}

/* --- status --- */

static void statuses(void **state)
{
#define CODE(outer, inner) "<samlp:StatusCode Value=\"" outer "\">" inner "</samlp:StatusCode>"
#define SAML_CODE(word) "urn:oasis:names:tc:SAML:2.0:status:" word
    static const row_t rows[] = {
        {"r,a", SUCCESS, SAML_CODE("Requester"), ATEN_V_SAML_STATUS, "status:Requester|'-'", "a failure"},
        {"r,a", SUCCESS, "", ATEN_V_SAML_STATUS, "''", "an empty code"},
        {"r,a", SUCCESS, SAML_CODE("success"), ATEN_V_SAML_STATUS, "status:success", "small letters"},
        {"r,a", " Value=\"" SUCCESS "\"", "", ATEN_V_SAML_STATUS, "'-'", "no value"},
        {"r,a", "<samlp:StatusCode Value=\"" SUCCESS "\"/>",
         CODE(SAML_CODE("Responder"), "<samlp:StatusCode Value=\"" SUCCESS "\"/>"), ATEN_V_SAML_STATUS,
         "status:Responder|status:Success", "success inside a failure"},
        {"r,", ASSERTION, "", ATEN_V_SAML_STATUS,
         "status:Responder|status:AuthnFailed|mot de passe \\xc3\\xa9\\n\\\"x\\\"",
         "as a portal says no: without an assertion", .from2 = "<samlp:StatusCode Value=\"" SUCCESS "\"/>",
         .to2 = CODE(SAML_CODE("Responder"), "<samlp:StatusCode Value=\"" SAML_CODE("AuthnFailed") "\"/>")
                "<samlp:StatusMessage> mot de passe \xC3\xA9\n\"x\" </samlp:StatusMessage>"},
        {"r,", SUCCESS, SAML_CODE("Responder"), ATEN_V_SAML_ASSERTIONS, "2 elements", "a failure, with two assertions",
         .from2 = "</samlp:Response>", .to2 = "<saml:Assertion/></samlp:Response>"},
        {"R", ASSERTION, "", ATEN_V_SAML_SIGNATURE, "signature of the Response", "the same by nobody's key",
         .from2 = SUCCESS,
         .to2 = SAML_CODE("Responder")},
    };
#undef CODE

    (void)state;
    RUN(rows);
    judged("nobody's portal says no", replaced(replaced(RESPONSE, ASSERTION, "", 0), PORTAL, "urn:x", 1),
           ATEN_V_SAML_ASSERTIONS,
           "", NOW);
    judged("the same as a failure", replaced(replaced(replaced(RESPONSE, ASSERTION, "", 0), PORTAL, "urn:x", 1),
                                             SUCCESS,
           SAML_CODE("Responder"), 0), ATEN_V_SAML_ISSUER, "urn:x", NOW);
}

/* --- for whom --- */

static void destinations(void **state)
{
    static const row_t rows[] = {
        {"r,a", "Destination=\"" ACS, "Destination=\"" ACS "/", ATEN_V_SAML_DESTINATION, ACS "/'|not '" ACS "'",
         "a slash more"},
        {"r,a", "Destination=\"https", "Destination=\"http", ATEN_V_SAML_DESTINATION, "'http:|'https:",
         "another scheme"},
        {"r,a", "Destination=\"" ACS, "Destination=\"", ATEN_V_SAML_DESTINATION, "''", "an empty one"},
        {"r,a", "Destination=\"" ACS, "Destination=\" " ACS, ATEN_V_SAML_DESTINATION, "' https", "a blank before it"},
        {"r,a", "Destination=\"" ACS, "Destination=\"x\xC3\xA9&#10;", ATEN_V_SAML_DESTINATION, "x\\xc3\\xa9\\n",
         "escaped"},
        {"r,ar,gr", " Destination=\"" ACS "\"", "", ATEN_V_SAML_DESTINATION, "without a Destination|" ACS,
         "none in a signed response"},
        {"r", " Destination=\"" ACS "\"", " x:Destination=\"" ACS "\" xmlns:x=\"urn:x\"", ATEN_V_SAML_DESTINATION,
         "without",
         "one of another namespace"},
    };

    (void)state;
    RUN(rows);
}

/* What comes before what: the first thing that is wrong is what the log says. */
static void order(void **state)
{
    const char *text = replaced(RESPONSE, "Version=\"2.0\"", "Version=\"1.0\"", 0);

    (void)state;
    judged("version before the rest", replaced(text, PORTAL, "urn:x", 1), ATEN_V_SAML_VERSION, "", NOW);
    text = replaced(RESPONSE, PORTAL, "urn:x", 1);
    judged("form before the issuer", replaced(text, STATUS, "", 0), ATEN_V_SAML_MALFORMED, "Status", NOW);
    judged("issuer before the signature", text, ATEN_V_SAML_ISSUER, "urn:x", NOW);
    text = replaced(RESPONSE, SUCCESS, "urn:x", 0);
    judged("signature before Status", text, ATEN_V_SAML_UNSIGNED, "", NOW);
    text = replaced(text, "Destination=\"" ACS, "Destination=\"urn:y", 0);
    judged("Status before Destination", message_done(text, "r"), ATEN_V_SAML_STATUS, "", NOW);
    text = replaced(text, "\"urn:x\"", "\"" SUCCESS "\"", 0);
    text = replaced(text, SERVICE, "urn:z", 0);
    judged("Destination before Conditions", message_done(text, "r"), ATEN_V_SAML_DESTINATION, "", NOW);
    text = replaced(text, "\"urn:y", "\"" ACS, 0);
    text = replaced(text, CONFIRMATION, "", 0);
    judged("Conditions before the subject", message_done(text, "r"), ATEN_V_SAML_AUDIENCE, "", NOW);
    judged("the window before the audience", message_done(text, "r"), ATEN_V_SAML_EXPIRED, "", NOW + 3600 * SECOND);
    text = replaced(text, "urn:z", SERVICE, 0);
    text = replaced(text, AUTHN, "", 0);
    judged("the subject before the login", message_done(text, "r"), ATEN_V_SAML_CONFIRMATION, "", NOW);
    text = replaced(RESPONSE, AUTHN, "", 0);
    text = replaced(text, " Name=\"FrEduVecteur\"", "", 0);
    judged("the login before attributes", message_done(text, "r"), ATEN_V_SAML_AUTHN, "", NOW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoding),
        cmocka_unit_test(decoding_sizes),
        cmocka_unit_test(good),
        cmocka_unit_test(good_variants),
        cmocka_unit_test(xml),
        cmocka_unit_test(forms),
        cmocka_unit_test(ids),
        cmocka_unit_test(issuers),
        cmocka_unit_test(other_portals_login),
        cmocka_unit_test(set_ups),
        cmocka_unit_test(signatures),
        cmocka_unit_test(moved_signatures),
        cmocka_unit_test(around),
        cmocka_unit_test(wrapping_assertions),
        cmocka_unit_test(wrapping_responses),
        cmocka_unit_test(assertions),
        cmocka_unit_test(encryption),
        cmocka_unit_test(decrypted_texts),
        cmocka_unit_test(statuses),
        cmocka_unit_test(destinations),
        cmocka_unit_test(order),
    };

    return cmocka_run_group_tests(tests, setup_messages, teardown_messages);
}
