#include "unit.h"

#include "aten_cas.h"
#include "aten_cas_logout.h"

#define SAMLP "urn:oasis:names:tc:SAML:2.0:protocol"
#define SAML "urn:oasis:names:tc:SAML:2.0:assertion"
#define TICKET "ST-956-Lyg0BdLkgdrBO9W17bXS"
#define BEGIN "<samlp:LogoutRequest xmlns:samlp=\"" SAMLP "\" ID=\"_1\" Version=\"2.0\" " \
              "IssueInstant=\"2016-09-01T08:00:00Z\">"
#define NAME_ID "<saml:NameID xmlns:saml=\"" SAML "\">@NOT_USED@</saml:NameID>"
#define INDEX(text) "<samlp:SessionIndex>" text "</samlp:SessionIndex>"
#define END "</samlp:LogoutRequest>"

static char *repeat(char c, apr_size_t times)
{
    char *text = apr_palloc(pool, times + 1);

    memset(text, c, times);
    text[times] = '\0';
    return text;
}

static aten_verdict_t read_it(const char **ticket, const char **why, const char *text, apr_size_t len)
{
    aten_verdict_t verdict;

    *ticket = "unset";
    *why = "unset";
    verdict = aten_cas_logout_read(ticket, text, len, why, pool);
    assert_true((verdict == ATEN_V_OK) == (*ticket != NULL));
    assert_true((verdict == ATEN_V_OK) == (*why == NULL));
    return verdict;
}

/* What servers send: the ticket is found in each. */
static void servers_differ(void **state)
{
    static const struct {
        const char *text;
        const char *ticket;
        const char *server;
    } rows[] = {
        {BEGIN NAME_ID INDEX(TICKET) END, TICKET, "Apereo CAS to 5: one line, a NameID that names nobody"},
        {"<samlp:LogoutRequest xmlns:samlp=\"" SAMLP "\" ID=\"LR-7-cPbb8TNbkzFDLKDQ3ZFPHMJo\" Version=\"2.0\" "
         "IssueInstant=\"2024-03-02T09:21:46Z\"><saml:NameID xmlns:saml=\"" SAML "\">zoe.martin</saml:NameID>"
         INDEX(TICKET "-cas-7d9f6b5c4-x2x8p") END, TICKET "-cas-7d9f6b5c4-x2x8p",
         "Apereo CAS since 6: the person's name; a ticket with the host's name"},
        {"<samlp:LogoutRequest xmlns:samlp=\"" SAMLP "\"\n ID=\"_6fWzwlbSjHkZ\" Version=\"2.0\" "
         "IssueInstant=\"2016-09-01T08:00:00.123456+00:00\">\n<saml:NameID xmlns:saml=\"" SAML "\"></saml:NameID>\n"
         INDEX("ST-EjOPLFhhvWaVyd6VJTQCqPoQmnfbgWqGBmFTXlqoXYwJHTpbBj") "\n" END,
         "ST-EjOPLFhhvWaVyd6VJTQCqPoQmnfbgWqGBmFTXlqoXYwJHTpbBj", "django-cas-server: several lines, an empty NameID"},
        {"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<samlp:LogoutRequest xmlns:samlp=\"" SAMLP "\" xmlns:saml=\""
         SAML "\" ID=\"ID_0f1\" Version=\"2.0\"><saml:NameID>zoe</saml:NameID>" INDEX(TICKET) END "\n", TICKET,
         "Keycloak's extension: a declaration, namespaces at the root, no IssueInstant"},
        {BEGIN INDEX(TICKET) END, TICKET, "what phpCAS looks for, and nothing else"},
        {BEGIN "<samlp:SessionIndex>\n  " TICKET "\r\n\t</samlp:SessionIndex>" END, TICKET, "blanks around the ticket"},
        {"<LogoutRequest xmlns=\"" SAMLP "\"><SessionIndex>" TICKET "</SessionIndex></LogoutRequest>", TICKET,
         "without a prefix"},
        {"<p:LogoutRequest xmlns:p=\"" SAMLP "\"><q:SessionIndex xmlns:q=\"" SAMLP "\">" TICKET
         "</q:SessionIndex></p:LogoutRequest>", TICKET, "with other prefixes"},
        {BEGIN INDEX("<![CDATA[" TICKET "]]>") END, TICKET, "as CDATA"},
        {BEGIN INDEX("ST-1-<!-- -->abc") END, "ST-1-abc", "a comment never cuts it"},
        {BEGIN "<samlp:Extensions><x xmlns=\"urn:x\">" INDEX("ST-other") "</x></samlp:Extensions>" INDEX(TICKET) END,
         TICKET, "another one deeper inside is passed over"},
        {BEGIN "<SessionIndex xmlns=\"urn:x\">ST-other</SessionIndex>" INDEX(TICKET) END, TICKET,
         "one of another namespace is passed over"},
        {BEGIN INDEX("PGT-1") END, "PGT-1", "any ticket: which one is known here decides the store"},
    };
    const char *ticket, *why;
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        if (read_it(&ticket, &why, rows[i].text, strlen(rows[i].text)) != ATEN_V_OK
            || strcmp(ticket, rows[i].ticket)) {
            fail_msg("%s: %s", rows[i].server, why ? why : ticket);
        }
    }
}

static void anything_else_is_refused(void **state)
{
    const struct {
        const char *text;
        aten_verdict_t verdict;
        const char *shown; /* in why */
        const char *why;
    } rows[] = {
        {"", ATEN_V_XML_MALFORMED, "0 bytes", "nothing"},
        {TICKET, ATEN_V_XML_MALFORMED, "bytes", "the ticket alone"},
        {BEGIN INDEX(TICKET), ATEN_V_XML_MALFORMED, "bytes", "cut off"},
        {BEGIN INDEX(TICKET) END "<a/>", ATEN_V_XML_MALFORMED, "bytes", "a second root"},
        {"<samlp:LogoutRequest>" INDEX(TICKET) END, ATEN_V_XML_MALFORMED, "bytes",
         "a prefix that nothing declares: RubyCAS"},
        {"<!DOCTYPE a [<!ENTITY e \"ST-1\">]>" BEGIN INDEX("&e;") END, ATEN_V_XML_DTD, "bytes", "a DTD"},
        {BEGIN INDEX("ST-&e;") END, ATEN_V_XML_MALFORMED, "bytes", "an entity that nobody declares"},
        {apr_pstrcat(pool, BEGIN INDEX(TICKET), repeat(' ', ATEN_CAS_LOGOUT_BYTES_MAX), END, NULL),
         ATEN_V_XML_LARGE, "bytes", "larger than it may be"},
        {"<a xmlns=\"" SAMLP "\">" INDEX(TICKET) "</a>", ATEN_V_XML_MALFORMED, "bytes", "no prefix declared inside"},
        {"<Response xmlns=\"" SAMLP "\"><SessionIndex>" TICKET "</SessionIndex></Response>", ATEN_V_CAS_LOGOUT,
         "'Response'", "another message of SAML"},
        {"<LogoutRequest><SessionIndex>" TICKET "</SessionIndex></LogoutRequest>", ATEN_V_CAS_LOGOUT, "namespace ''",
         "no namespace"},
        {"<LogoutRequest xmlns=\"urn:oasis:names:tc:SAML:1.0:protocol\"><SessionIndex>" TICKET
         "</SessionIndex></LogoutRequest>", ATEN_V_CAS_LOGOUT, "SAML:1.0", "another version of SAML"},
        {"<e xmlns=\"urn:x\">" BEGIN INDEX(TICKET) END "</e>", ATEN_V_CAS_LOGOUT, "'e'", "a request inside"},
        {BEGIN NAME_ID END, ATEN_V_CAS_LOGOUT, "0 samlp:SessionIndex", "no ticket"},
        {BEGIN INDEX(TICKET) INDEX("ST-2") END, ATEN_V_CAS_LOGOUT, "2 samlp:SessionIndex", "two tickets"},
        {BEGIN INDEX(TICKET) INDEX(TICKET) END, ATEN_V_CAS_LOGOUT, "2 samlp:SessionIndex", "the same twice"},
        {BEGIN "<a xmlns=\"urn:x\">" INDEX(TICKET) "</a>" END, ATEN_V_CAS_LOGOUT, "0 samlp:SessionIndex",
         "deeper inside"},
        {BEGIN INDEX("<b xmlns=\"urn:x\">" TICKET "</b>") END, ATEN_V_CAS_LOGOUT, "elements inside", "in an element"},
        {BEGIN INDEX("ST-1<b xmlns=\"urn:x\"/>") END, ATEN_V_CAS_LOGOUT, "elements inside", "an element beside it"},
        {BEGIN INDEX("") END, ATEN_V_TICKET_MALFORMED, "characters", "an empty one"},
        {BEGIN "<samlp:SessionIndex/>" END, ATEN_V_TICKET_MALFORMED, "characters", "nothing at all"},
        {BEGIN INDEX(" ") END, ATEN_V_TICKET_MALFORMED, "characters", "blanks"},
        {BEGIN INDEX("ST-1 ST-2") END, ATEN_V_TICKET_MALFORMED, "characters", "two in one"},
        {BEGIN INDEX("ST-1/../x") END, ATEN_V_TICKET_MALFORMED, "characters", "a path"},
        {BEGIN INDEX("ST-\xc3\xa9") END, ATEN_V_TICKET_MALFORMED, "characters", "not ASCII"},
        {BEGIN INDEX("ST-1&#10;") "</samlp:LogoutRequest >", ATEN_V_OK, NULL, "a line end as a reference is a blank"},
        {apr_pstrcat(pool, BEGIN "<samlp:SessionIndex>", repeat('a', ATEN_TICKET_MAX), "</samlp:SessionIndex>" END,
                     NULL), ATEN_V_OK, NULL, "the longest"},
        {apr_pstrcat(pool, BEGIN "<samlp:SessionIndex>", repeat('a', ATEN_TICKET_MAX + 1), "</samlp:SessionIndex>" END,
                     NULL), ATEN_V_TICKET_MALFORMED, "256", "a longer one"},
    };
    const char *ticket, *why;
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        const aten_verdict_t verdict = read_it(&ticket, &why, rows[i].text, strlen(rows[i].text));

        if (verdict != rows[i].verdict) fail_msg("%s: %s", rows[i].why, aten_verdict_tag(verdict));
        if (!why) continue;
        if (!strstr(why, rows[i].shown)) fail_msg("%s: '%s'", rows[i].why, why);
        if (strstr(why, TICKET) || strstr(why, "ST-")) fail_msg("it shows a ticket: '%s'", why);
    }
}

static void bytes_count_not_the_end_of_a_string(void **state)
{
    static const char good[] = BEGIN INDEX(TICKET) END;
    const char *ticket, *why;
    char *text = apr_pstrcat(pool, good, "junk", NULL);

    assert_int_equal(read_it(&ticket, &why, text, sizeof(good) - 1), ATEN_V_OK);
    text[sizeof(good) - 1] = '\0';
    assert_int_equal(read_it(&ticket, &why, text, sizeof(good)), ATEN_V_XML_MALFORMED);
}

static void what_it_says_is_fit_for_a_log(void **state)
{
    static const char text[] = "<a\xc3\xa9 xmlns=\"urn:x\"/>";
    const char *ticket, *why;

    assert_int_equal(read_it(&ticket, &why, text, strlen(text)), ATEN_V_CAS_LOGOUT);
    assert_int_equal(strcspn(why, "\xc3\xa9"), strlen(why));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers_differ),
        cmocka_unit_test(anything_else_is_refused),
        cmocka_unit_test(bytes_count_not_the_end_of_a_string),
        cmocka_unit_test(what_it_says_is_fit_for_a_log),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
