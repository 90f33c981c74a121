/* aten_saml_metadata.h: what is read from portals' files, what is passed over, what refuses a file. Keys have a test of
 * their own. */
#include "unit.h"

#include "aten_saml_metadata.h"
#include "aten_xml.h"
#include "unit_metadata.h"

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
#define SAML11 " protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:1.1:protocol\""
#define EXTENSIONS "<md:Extensions><shibmd:Scope xmlns:shibmd=\"urn:mace:shibboleth:metadata:1.0\">portail.example" \
    "</shibmd:Scope><alg:DigestMethod xmlns:alg=\"urn:oasis:names:tc:SAML:metadata:algsupport\" Algorithm=\"urn:x\"/>" \
    "<mdui:UIInfo xmlns:mdui=\"urn:oasis:names:tc:SAML:metadata:ui\"><mdui:DisplayName xml:lang=\"fr\">" \
    "L'\xC3\xA9t\xC3\xA9</mdui:DisplayName></mdui:UIInfo></md:Extensions>"
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
        {SSO, "<md:SingleSignOnService Binding=\"urn:mace:shibboleth:1.0:profiles:AuthnRequest\""
            " Location=\"http://x\"/>" SSO, "other bindings"},
        {"https://portail.example/sso\"", " https://portail.example/sso\n\"", "blanks around an xs:anyURI"},
        {PROTOCOL, " protocolSupportEnumeration=\"urn:mace:shibboleth:1.0\n\t" ATEN_NS_SAMLP "  urn:x\"",
         "among others"},
        {"<md:IDPSSODescriptor", "<md:IDPSSODescriptor" SAML11 ">" DESCRIPTOR(SIGNING, DATA("b"))
            "</md:IDPSSODescriptor><md:SPSSODescriptor" PROTOCOL ">" DESCRIPTOR(SIGNING, DATA("b"))
            "</md:SPSSODescriptor><md:IDPSSODescriptor",
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
        assert_string_equal(nth_key(entity, 0)->certificate, certificates[0]);
    }
}

static void signed_requests(void **state)
{
    static const struct { const char *value; int wants; } cases[] = {
        {"true", 1}, {"1", 1}, {"false", 0}, {"0", 0}, {"TRUE", 0}, {"yes", 0}, {"", 0},
    };
    int i;

    for (i = 0; i < COUNT(cases); i++) {
        const char *to = apr_pstrcat(pool, "<md:IDPSSODescriptor WantAuthnRequestsSigned=\"", cases[i].value, "\"",
                                     NULL);

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
        {ENTITY, ENTITIES("<md:Extensions>" ENTITY "</md:Extensions>"), "identity provider", "inside what is ignored"},
        {PROTOCOL, "", "identity provider", "no protocol"},
        {PROTOCOL, SAML11, "identity provider", "SAML 1.1"},
        {PROTOCOL, " protocolSupportEnumeration=\"" ATEN_NS_SAMLP "x x" ATEN_NS_SAMLP "\"", "identity provider",
         "a longer word"},
        {" entityID=\"" ID "\"", "", "line 1: an EntityDescriptor without an entityID", "no name"},
        {ID, "", "entityID", "an empty one"},
        {ID, "urn:a&#x85;b", "entityID", "with a control character"},
        {ENTITY, ENTITIES("\n" ENTITY "\n" ENTITY), "line 3: the entityID '" ID "' stands a second time", "twice"},
        {"<md:IDPSSODescriptor", "<md:IDPSSODescriptor" UNTIL("demain"), "validUntil 'demain'", "of the role"},
        {" entityID", UNTIL("2030-01-01") " entityID", "validUntil '2030-01-01'", "a day"},
        {ENTITY, "<md:EntitiesDescriptor" XMLNS UNTIL("2030-01-01T00:00:00+01:00") ">" ENTITY
            "</md:EntitiesDescriptor>", "validUntil", "not in UTC (saml-core 1.3.3)"},
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
    path = apr_pstrcat(pool, swapped(path, "xx\"", "x\""), NULL);
    assert_null(entity_of(swapped(ENTITY, "https://portail.example/sso\"", path), "2048")->unusable);
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
        {SSO, "<md:SingleSignOnService Binding=\"" HTTP "Redirect\"/>", NULL, "lo", "back", "post", "has no Location",
         NULL, "nowhere to go to"},
        {SSO, "<md:SingleSignOnService Location=\"https://x.example\"/>", NULL, "lo", "back", "post",
         "by HTTP-Redirect", NULL, "by no binding"},
        {SSO, PLAIN("SingleSignOnService", "Redirect") SSO, "sso", "lo", "back", "post", NULL, NULL,
         "the first that can be used"},
        {LOGOUT, "", "sso", NULL, NULL, NULL, NULL, NULL, "no logout"},
        {LOGOUT, PLAIN(LO, "Redirect"), "sso", NULL, NULL, NULL, NULL, LO "'s Location 'http://portail.example/plain'",
         "one that cannot be used: people can log in without"},
        {LOGOUT, PLAIN(LO, "POST") ENDPOINT(LO, "SOAP", "https://portail.example/soap"), "sso", NULL, NULL, NULL, NULL,
         LO, "by POST, and by a binding that is not read"},
        {LOGOUT, REDIRECT_LO " Location=\"https://portail.example/lo\" ResponseLocation=\"http://portail.example/b\"/>",
         "sso", NULL, NULL, NULL, NULL, LO "'s ResponseLocation", "half of it"},
        {LOGOUT, REDIRECT_LO " ResponseLocation=\"https://portail.example/back\"/>", "sso", NULL, NULL, NULL, NULL,
         "has no Location", "the other half"},
    };
    int i;

    for (i = 0; i < COUNT(cases); i++) {
        const aten_saml_entity_t *entity = entity_of(swapped(ENTITY, cases[i].from, cases[i].to), cases[i].why);
        const char *found[] = {entity->sso, entity->logout_redirect, entity->logout_redirect_response,
                               entity->logout_post};
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
        text = apr_pstrcat(pool, "<md:EntitiesDescriptor" XMLNS, until[0], "><md:EntitiesDescriptor", until[1], ">",
                           text, "</md:EntitiesDescriptor>", swapped(ENTITY, ID, "urn:x"), "</md:EntitiesDescriptor>",
                           NULL);
        assert_null(read_into(metadata, filled(text)));
        if (aten_saml_metadata_find(metadata, ID)->valid_until != DAY(cases[i].until)) fail_msg("%s", cases[i].why);
        assert_int_equal(aten_saml_metadata_find(metadata, "urn:x")->valid_until, DAY(cases[i].outer));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entity), cmocka_unit_test(same_entity),   cmocka_unit_test(signed_requests),
        cmocka_unit_test(bad_files), cmocka_unit_test(limits),        cmocka_unit_test(several_files),
        cmocka_unit_test(thousands), cmocka_unit_test(addresses),     cmocka_unit_test(endpoints),
        cmocka_unit_test(ends),      cmocka_unit_test(check),         cmocka_unit_test(odd_names),
    };

    return cmocka_run_group_tests_name("saml_metadata", tests, setup_keys, teardown);
}
