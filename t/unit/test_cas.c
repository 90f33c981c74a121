/* aten_cas.h: addresses, the validation call, and reading the answers of all four protocols. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "aten_cas.h"
#include "aten_xml.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define SERVICE "https://ent.example:8443/aten/cas?state=AbC-_9"
#define NOW APR_TIME_C(1472716800000000) /* 2016-09-01T08:00:00Z */

static int make_pool(void **state)
{
    return apr_pool_create((apr_pool_t **)state, NULL) != APR_SUCCESS;
}

static int drop_pool(void **state)
{
    apr_pool_destroy(*state);
    return 0;
}

/* --- words and addresses --- */

static void protocols(void **state)
{
    static const struct { const char *text; aten_cas_protocol_t protocol; const char *why; } cases[] = {
        {"3", ATEN_CAS_3, "the default"},
        {"2", ATEN_CAS_2, "without attributes in the specification, with them in life"},
        {"1", ATEN_CAS_1, "a user and nothing else"},
        {"saml1.1", ATEN_CAS_SAML11, "the SAML answer of JA-SIG and Apereo"},
        {"", ATEN_CAS_UNSET, "nothing"},
        {"4", ATEN_CAS_UNSET, "there is none"},
        {"03", ATEN_CAS_UNSET, "not a number but a word"},
        {"3 ", ATEN_CAS_UNSET, "with a blank"},
        {"3.0", ATEN_CAS_UNSET, "as the specification is called"},
        {"SAML1.1", ATEN_CAS_UNSET, "case counts"},
        {"saml", ATEN_CAS_UNSET, "half the word"},
        {NULL, ATEN_CAS_UNSET, "no text"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        aten_cas_protocol_t out = ATEN_CAS_UNSET;
        const char *error = aten_cas_protocol_parse(&out, cases[i].text, *state);

        if (out != cases[i].protocol || !error != (out != ATEN_CAS_UNSET)) fail_msg("%s", cases[i].why);
        if (error && (!strstr(error, "saml1.1") || (cases[i].text && !strstr(error, cases[i].text)))) {
            fail_msg("names the value and what is right: %s", error);
        }
    }
}

static void addresses(void **state)
{
    static const struct { const char *text, *url, *error, *why; } cases[] = {
        {"https://cas.mon-ent.fr/cas", "https://cas.mon-ent.fr/cas", NULL, "as in the documentation"},
        {"https://cas.mon-ent.fr/cas/", "https://cas.mon-ent.fr/cas", NULL, "a final slash is taken off"},
        {"https://cas.mon-ent.fr", "https://cas.mon-ent.fr", NULL, "at the root"},
        {"https://cas.mon-ent.fr/", "https://cas.mon-ent.fr", NULL, "at the root with a slash"},
        {"HTTPS://CAS.Mon-ENT.fr/CAS", "https://cas.mon-ent.fr/CAS", NULL, "case counts in the path alone"},
        {"https://cas.example:443/cas", "https://cas.example/cas", NULL, "the scheme's own port says nothing"},
        {"http://localhost:80/cas", "http://localhost/cas", NULL, "that of http"},
        {"https://cas.example:80/cas", "https://cas.example:80/cas", NULL, "not that of the other one"},
        {"https://cas.example:8443/cas", "https://cas.example:8443/cas", NULL, "another port"},
        {"https://192.0.2.7/cas", "https://192.0.2.7/cas", NULL, "an address"},
        {"https://[2001:DB8::7]:8443/cas", "https://[2001:db8::7]:8443/cas", NULL, "of the newer kind"},
        {"https://cas_int.example/c%20s", "https://cas_int.example/c%20s", NULL, "names of containers, encoded paths"},
        {"http://127.0.0.1:8000/cas", "http://127.0.0.1:8000/cas", NULL, "this machine needs no TLS"},
        {"http://[::1]/cas", "http://[::1]/cas", NULL, "nor so"},
        {"http://localhost/cas", "http://localhost/cas", NULL, "nor so"},

        {"http://cas.example/cas", NULL, "https", "plain http to another machine"},
        {"http://127.0.0.1.example/cas", NULL, "https", "which only looks like this one"},
        {"http://localhost.example/cas", NULL, "https", "likewise"},
        {"http://192.0.2.7/cas", NULL, "https", "by address"},
        {"http://[2001:db8::1]/cas", NULL, "https", "by the newer kind"},
        {"", NULL, "https://cas.example/cas", "nothing"},
        {"cas.example/cas", NULL, "https://cas.example/cas", "without a scheme"},
        {"//cas.example/cas", NULL, "https://cas.example/cas", "likewise"},
        {"/cas", NULL, "https://cas.example/cas", "a path"},
        {"https:/cas", NULL, "https://cas.example/cas", "one slash"},
        {"https:///cas", NULL, "https://cas.example/cas", "no host"},
        {"https://:8443/cas", NULL, "https://cas.example/cas", "likewise"},
        {"https://-cas/cas", NULL, "https://cas.example/cas", "a host that could be an option"},
        {"https://c,s/cas", NULL, "https://cas.example/cas", "no host's name"},
        {"https://[::zz]/cas", NULL, "https://cas.example/cas", "no address"},
        {"https://[127.0.0.1]/cas", NULL, "https://cas.example/cas", "nor this"},
        {"ftp://cas.example/cas", NULL, "https", "another scheme"},
        {"file:///etc/passwd", NULL, "https", "a file"},
        {"https://user@cas.example/cas", NULL, "user", "with a user"},
        {"https://user:pw@cas.example/cas", NULL, "user", "and a password"},
        {"https://@cas.example/cas", NULL, "user", "with an empty one"},
        {"https://a@b@cas.example/cas", NULL, "", "with two, where readers differ on the host"},
        {"https://cas.example/cas?a=b", NULL, "query", "with a query"},
        {"https://cas.example/cas?", NULL, "query", "with an empty one"},
        {"https://cas.example/cas#a", NULL, "fragment", "with a fragment"},
        {"https://cas.example:0/cas", NULL, "port", "no port"},
        {"https://cas.example:65536/cas", NULL, "port", "nor this"},
        {"https://cas.example:+1/cas", NULL, "", "nor this"},
        {"https://cas.example:8x/cas", NULL, "", "nor this"},
        {"https://cas.example/a//b", NULL, "segment", "an empty segment"},
        {"https://cas.example/cas//", NULL, "segment", "at the end"},
        {"https://cas.example//", NULL, "segment", "at the root"},
        {"https://cas.example/a/../b", NULL, "segment", "one up"},
        {"https://cas.example/a/..", NULL, "segment", "at the end"},
        {"https://cas.example/./b", NULL, "segment", "a dot"},
        {"https://cas.example/a b", NULL, "character", "a blank"},
        {" https://cas.example/cas", NULL, "character", "in front"},
        {"https://cas.example/cas\n", NULL, "character", "a line end"},
        {"https://cas.example\\@evil.example/", NULL, "character", "a backslash, which some read as a slash"},
        {"https://cas.example/\"><script>", NULL, "character", "what breaks out of a page"},
        {"https://cas.ex\xC3\xA9mple/", NULL, "character", "beyond ASCII: its xn-- form is right"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *url = NULL;
        const char *error = aten_cas_url_parse(&url, cases[i].text, *state);

        if (!cases[i].url != !!error || !url != !!error) fail_msg("%s: %s", cases[i].why, error ? error : url);
        if (url && strcmp(url, cases[i].url)) fail_msg("%s: %s", cases[i].why, url);
        if (error && !strstr(error, cases[i].error)) fail_msg("%s: %s", cases[i].why, error);
        for (const char *s = error; s && *s; s++) assert_in_range(*s, 0x20, 0x7E);
    }
    assert_non_null(aten_cas_url_parse(&(const char *){NULL}, NULL, *state));
}

static aten_cas_server_t server_of(aten_cas_protocol_t protocol)
{
    return (aten_cas_server_t){.url = "https://cas.example/cas", .protocol = protocol,
                               .timeout = apr_time_from_sec(5), .connect_timeout = apr_time_from_sec(2)};
}

/* The digits of %3A may be written in either case. */
static void assert_url(const char *url, const char *expected)
{
    if (strcasecmp(url, expected)) fail_msg("%s is not %s", url, expected);
}

static void login_and_logout(void **state)
{
    const aten_cas_server_t server = server_of(ATEN_CAS_3);

    assert_url(aten_cas_login_url(&server, "https://ent.example/aten/cas?state=a&b", 0, *state),
               "https://cas.example/cas/login?service=https%3A%2F%2Fent.example%2Faten%2Fcas%3Fstate%3Da%26b");
    assert_url(aten_cas_login_url(&server, "https://ent.example/", 1, *state),
               "https://cas.example/cas/login?service=https%3A%2F%2Fent.example%2F&renew=true");
    assert_url(aten_cas_logout_url(&server, NULL, *state), "https://cas.example/cas/logout");
    assert_url(aten_cas_logout_url(&server, "https://ent.example/?a=b&c", *state),
               "https://cas.example/cas/logout?service=https%3A%2F%2Fent.example%2F%3Fa%3Db%26c");
}

static void tickets(void **state)
{
    static const struct { const char *ticket; int ok; const char *why; } cases[] = {
        {"ST-1856339-aA5Yuvrxzpv8Tau1cYQ7", 1, "as servers make them"},
        {"ST-1-a.b_c-d", 1, "all that is allowed"},
        {"x", 1, "the shortest"},
        {NULL, 0, "none"},
        {"", 0, "empty"},
        {"ST-1&renew=false", 0, "a parameter smuggled in (CVE-2014-4172)"},
        {"ST-1%26a=b", 0, "the same, encoded"},
        {"ST-1 2", 0, "a blank"},
        {"ST-1\n", 0, "a line end"},
        {"ST-1\r\nHost: x", 0, "a header smuggled in"},
        {"../ST-1", 0, "a slash"},
        {"ST-1#", 0, "a fragment"},
        {"<ST>", 0, "an element in the SOAP envelope"},
        {"ST-\xC3\xA9", 0, "beyond ASCII"},
    };
    char *longest = apr_palloc(*state, ATEN_TICKET_MAX + 2);

    for (size_t i = 0; i < COUNT(cases); i++) {
        if ((aten_cas_ticket_check(cases[i].ticket) == ATEN_V_OK) != cases[i].ok) fail_msg("%s", cases[i].why);
    }
    memset(longest, 'A', ATEN_TICKET_MAX + 1);
    longest[ATEN_TICKET_MAX + 1] = '\0';
    assert_int_equal(aten_cas_ticket_check(longest), ATEN_V_TICKET_MALFORMED);
    assert_int_equal(aten_cas_ticket_check(longest + 1), ATEN_V_OK);
}

/* --- what an answer says --- */

/* name=value;value,name=value */
static const char *flat(const apr_array_header_t *attributes, apr_pool_t *p)
{
    const char *text = "";

    for (int i = 0; i < attributes->nelts; i++) {
        const aten_attribute_t *a = &APR_ARRAY_IDX(attributes, i, aten_attribute_t);

        text = apr_pstrcat(p, text, i ? "," : "", a->name, "=", apr_array_pstrcat(p, a->values, ';'), NULL);
    }
    return text;
}

static void check_why(const char *why, const char *reason)
{
    static const char *const secrets[] = {"jean", "dupont", "ST-", "valeur", "National"};

    if (!why) fail_msg("%s: no reason given", reason);
    for (size_t i = 0; i < COUNT(secrets); i++) {
        if (strstr(why, secrets[i])) fail_msg("%s: the log would have '%s': %s", reason, secrets[i], why);
    }
    for (const char *s = why; *s; s++) assert_in_range(*s, 0x20, 0x7E);
}

static void check_read(aten_cas_protocol_t protocol, const char *body, apr_size_t len, aten_verdict_t expected,
                       const char *user, const char *attributes, const char *why_part, const char *reason,
                       apr_pool_t *p)
{
    aten_cas_answer_t *answer = (aten_cas_answer_t *)&answer;
    const char *why = "untouched";
    const aten_verdict_t verdict = aten_cas_read(protocol, SERVICE, body, len, NOW, &answer, &why, p);

    if (verdict != expected) fail_msg("%s: %s %s", reason, aten_verdict_tag(verdict), why ? why : "");
    if (!answer != (verdict != ATEN_V_OK)) fail_msg("%s: an answer with OK alone", reason);
    if (verdict != ATEN_V_OK) {
        check_why(why, reason);
        if (why_part && !strstr(why, why_part)) fail_msg("%s: why: %s", reason, why);
        return;
    }
    if (strcmp(answer->user, user)) fail_msg("%s: user '%s'", reason, answer->user);
    if (strcmp(flat(answer->attributes, p), attributes)) fail_msg("%s: %s", reason, flat(answer->attributes, p));
}

#define NS "http://www.yale.edu/tp/cas"
#define CAS(x) "<cas:serviceResponse xmlns:cas='" NS "'>" x "</cas:serviceResponse>"
#define GOOD(x) CAS("<cas:authenticationSuccess>" x "</cas:authenticationSuccess>")
#define USER "<cas:user>jean.dupont</cas:user>"
#define WITH(x) GOOD(USER "<cas:attributes>" x "</cas:attributes>")
#define BAD(code) CAS("<cas:authenticationFailure code='" code "'>Ticket ST-1 of jean</cas:authenticationFailure>")

typedef struct {
    const char *body;
    aten_verdict_t verdict;
    const char *user, *attributes; /* of OK */
    const char *why_part;          /* of anything else, or NULL */
    const char *reason;
} read_case_t;

/* Protocols 2 and 3 are read alike: servers send attributes with both. */
static const read_case_t service_cases[] = {
    {GOOD(USER), ATEN_V_OK, "jean.dupont", "", NULL, "a user alone"},
    {"<?xml version='1.0' encoding='UTF-8'?>\n" GOOD(USER) "\n\n", ATEN_V_OK, "jean.dupont", "", NULL,
     "with a declaration"},
    {"<s:serviceResponse xmlns:s='" NS "'><s:authenticationSuccess><s:user>j</s:user></s:authenticationSuccess>"
     "</s:serviceResponse>", ATEN_V_OK, "j", "", NULL, "the prefix is the server's choice"},
    {"<serviceResponse xmlns='" NS "'><authenticationSuccess><user>j</user></authenticationSuccess></serviceResponse>",
     ATEN_V_OK, "j", "", NULL, "also none"},
    {GOOD("\n  <cas:user>\n\tjean.dupont \r\n</cas:user>\n"), ATEN_V_OK, "jean.dupont", "", NULL,
     "blanks around it are the template's"},
    {GOOD("<cas:user>jean <!-- x -->.dupont</cas:user>"), ATEN_V_OK, "jean .dupont", "", NULL,
     "a comment never cuts a name"},
    {GOOD("<cas:user><![CDATA[jean]]>.<![CDATA[dupont]]></cas:user>"), ATEN_V_OK, "jean.dupont", "", NULL,
     "nor CDATA, which mod_auth_mellon drops from a name"},
    {GOOD("<cas:user>H\xC3\xA9l\xC3\xA8ne &amp; &lt;b&gt;</cas:user>"), ATEN_V_OK, "H\xC3\xA9l\xC3\xA8ne & <b>", "",
     NULL, "references are their character"},
    {CAS("<!-- c --> \n<?pi?><cas:authenticationSuccess>" USER "</cas:authenticationSuccess>"), ATEN_V_OK,
     "jean.dupont", "", NULL, "comments are no children"},
    {WITH("<cas:sn>Dupont</cas:sn>"), ATEN_V_OK, "jean.dupont", "sn=Dupont", NULL, "an attribute"},
    {WITH("<cas:a>1</cas:a><cas:b>x</cas:b><cas:a>2</cas:a>"), ATEN_V_OK, "jean.dupont", "a=1;2,b=x", NULL,
     "repeated: several values"},
    {WITH("<cas:a>1</cas:a><cas:a>1</cas:a>"), ATEN_V_OK, "jean.dupont", "a=1;1", NULL,
     "twice the same: as the server says it"},
    {WITH("<cas:a> x </cas:a><cas:b>\n</cas:b><cas:c/>"), ATEN_V_OK, "jean.dupont", "a=x", NULL,
     "trimmed; what is empty is not there"},
    {WITH("<cas:a>1<!-- x -->2<![CDATA[3]]></cas:a>"), ATEN_V_OK, "jean.dupont", "a=123", NULL,
     "a value is read whole too"},
    {WITH("<cas:a>1 rue X\r\n34000\t\nY</cas:a>"), ATEN_V_OK, "jean.dupont", "a=1 rue X 34000 Y", NULL,
     "a postal address of several lines"},
    {WITH("<cas:a>1&#13;&#10;&#9;2</cas:a>"), ATEN_V_OK, "jean.dupont", "a=1 2", NULL, "likewise by reference"},
    {WITH("<cas:A>1</cas:A><cas:a>2</cas:a>"), ATEN_V_OK, "jean.dupont", "A=1,a=2", NULL, "names are case sensitive"},
    {WITH("<cas:user>x</cas:user>"), ATEN_V_OK, "jean.dupont", "user=x", NULL, "an attribute called user is no user"},
    {WITH("<cas:a><cas:b>National_3</cas:b></cas:a><cas:c>1</cas:c>"), ATEN_V_OK, "jean.dupont", "c=1", NULL,
     "a value with elements inside is left out, which can only take a population away"},
    {WITH("<cas:a>1</cas:a><cas:a><cas:b>2</cas:b></cas:a>"), ATEN_V_OK, "jean.dupont", "a=1", NULL,
     "its other values stay"},
    {WITH("<a xmlns=''>1</a><o:b xmlns:o='urn:o'>2</o:b>"), ATEN_V_OK, "jean.dupont", "", NULL,
     "attributes are elements of CAS's namespace"},
    {GOOD("<cas:attributes><cas:a>1</cas:a></cas:attributes>" USER), ATEN_V_OK, "jean.dupont", "a=1", NULL,
     "their order does not matter"},
    {GOOD(USER "<cas:proxyGrantingTicket>PGTIOU-1</cas:proxyGrantingTicket><cas:attribute name='a' value='1'/>"
          "<cas:a>2</cas:a>"), ATEN_V_OK, "jean.dupont", "", NULL, "what else stands beside the user is passed over"},
    {GOOD(USER "<o:user xmlns:o='urn:o'>other</o:user>"), ATEN_V_OK, "jean.dupont", "", NULL,
     "a user of another namespace is none"},
    {"\xEF\xBB\xBF" GOOD(USER), ATEN_V_OK, "jean.dupont", "", NULL, "a byte order mark"},

    {BAD("INVALID_TICKET"), ATEN_V_CAS_TICKET_REFUSED, NULL, NULL, "INVALID_TICKET", "used, late or made up"},
    {BAD("INVALID_SERVICE"), ATEN_V_CAS_REFUSED, NULL, NULL, "https://ent.example:8443/aten/cas(\\?.*)?",
     "names what the registry needs"},
    {BAD("UNAUTHORIZED_SERVICE"), ATEN_V_CAS_REFUSED, NULL, NULL, "https://ent.example:8443/aten/cas(\\?.*)?",
     "likewise"},
    {BAD("INVALID_REQUEST"), ATEN_V_CAS_REFUSED, NULL, NULL, "INVALID_REQUEST", "the others are named"},
    {BAD("INVALID_TICKET_SPEC"), ATEN_V_CAS_REFUSED, NULL, NULL, "INVALID_TICKET_SPEC",
     "a longer code is another code"},
    {BAD("invalid_ticket"), ATEN_V_CAS_REFUSED, NULL, NULL, NULL, "case counts"},
    {BAD(""), ATEN_V_CAS_REFUSED, NULL, NULL, NULL, "no code in it"},
    {BAD("ST-1 of jean.dupont"), ATEN_V_CAS_REFUSED, NULL, NULL, NULL,
     "a code that is none is not logged: it may be anything"},
    {CAS("<cas:authenticationFailure>ST-1</cas:authenticationFailure>"), ATEN_V_CAS_REFUSED, NULL, NULL, NULL,
     "no code"},
    {CAS("<cas:authenticationFailure code='X'>" GOOD(USER) "</cas:authenticationFailure>"), ATEN_V_CAS_REFUSED, NULL,
     NULL, NULL, "a success inside a failure (phpCAS #228)"},
    {CAS("<cas:authenticationFailure code='X'/><cas:authenticationSuccess>" USER "</cas:authenticationSuccess>"),
     ATEN_V_CAS_UNEXPECTED, NULL, NULL, "several", "a success beside a failure"},
    {CAS("<cas:authenticationSuccess>" USER "</cas:authenticationSuccess><cas:authenticationFailure code='X'/>"),
     ATEN_V_CAS_UNEXPECTED, NULL, NULL, "several", "the other way round"},
    {CAS("<cas:authenticationSuccess>" USER "</cas:authenticationSuccess><cas:authenticationSuccess>" USER
         "</cas:authenticationSuccess>"), ATEN_V_CAS_UNEXPECTED, NULL, NULL, "several", "two successes"},
    {CAS("<x/><cas:authenticationSuccess>" USER "</cas:authenticationSuccess>"), ATEN_V_CAS_UNEXPECTED, NULL, NULL,
     "several", "a success beside anything"},
    {CAS("<!-- <cas:authenticationSuccess>" USER "</cas:authenticationSuccess> -->"), ATEN_V_CAS_UNEXPECTED, NULL,
     NULL, "no child", "a success in a comment"},
    {CAS("<![CDATA[<cas:authenticationSuccess>" USER "</cas:authenticationSuccess>]]>"), ATEN_V_CAS_UNEXPECTED, NULL,
     NULL, "no child", "a success in CDATA"},
    {CAS("<x><cas:authenticationSuccess>" USER "</cas:authenticationSuccess></x>"), ATEN_V_CAS_UNEXPECTED, NULL, NULL,
     NULL, "a success one deeper"},
    {CAS(""), ATEN_V_CAS_UNEXPECTED, NULL, NULL, "no child", "nothing in it"},
    {CAS("<cas:proxySuccess><cas:proxyTicket>ST-1</cas:proxyTicket></cas:proxySuccess>"), ATEN_V_CAS_UNEXPECTED, NULL,
     NULL, "proxySuccess", "another call's answer"},
    {CAS("<authenticationSuccess>" USER "</authenticationSuccess>"), ATEN_V_CAS_UNEXPECTED, NULL, NULL, NULL,
     "a success of no namespace"},
    {CAS("<cas:AuthenticationSuccess>" USER "</cas:AuthenticationSuccess>"), ATEN_V_CAS_UNEXPECTED, NULL, NULL, NULL,
     "case counts"},
    {"<x>" GOOD(USER) "</x>", ATEN_V_CAS_UNEXPECTED, NULL, NULL, "'x'", "the root is something else"},
    {"<cas:serviceResponse xmlns:cas='https://www.yale.edu/tp/cas'><cas:authenticationSuccess>" USER
     "</cas:authenticationSuccess></cas:serviceResponse>", ATEN_V_CAS_UNEXPECTED, NULL, NULL, "https://www.yale",
     "nearly the namespace"},
    {"<cas:serviceResponse xmlns:cas='" NS "/'><cas:authenticationSuccess>" USER
     "</cas:authenticationSuccess></cas:serviceResponse>", ATEN_V_CAS_UNEXPECTED, NULL, NULL, NULL, "with a slash"},
    {"<serviceResponse><authenticationSuccess><user>j</user></authenticationSuccess></serviceResponse>",
     ATEN_V_CAS_UNEXPECTED, NULL, NULL, NULL, "no namespace"},
    {"<cas:serviceResponse xmlns:cas='" NS "' xmlns:b='urn:b'><b:authenticationSuccess>" USER
     "</b:authenticationSuccess></cas:serviceResponse>", ATEN_V_CAS_UNEXPECTED, NULL, NULL, NULL,
     "a success of another namespace"},
    {GOOD(USER "<cas:attributes><cas:a>1</cas:a></cas:attributes><cas:attributes/>"), ATEN_V_CAS_UNEXPECTED, NULL,
     NULL, "2 cas:attributes", "which of them?"},
    {GOOD(USER "<cas:proxies><cas:proxy>https://p.example/</cas:proxy></cas:proxies>"), ATEN_V_CAS_UNEXPECTED, NULL,
     NULL, "proxy ticket",
     "somebody else came with the person's ticket"},
    {GOOD(USER "<cas:proxies/>"), ATEN_V_CAS_UNEXPECTED, NULL, NULL, "proxy ticket", "also where none is named"},

    {GOOD(""), ATEN_V_CAS_USER, NULL, NULL, "0 cas:user", "mod_auth_cas takes a success without a user for one"},
    {GOOD("<cas:attributes><cas:user>jean</cas:user></cas:attributes>"), ATEN_V_CAS_USER, NULL, NULL, NULL,
     "the user stands in one place alone"},
    {GOOD("<user>jean</user>"), ATEN_V_CAS_USER, NULL, NULL, NULL, "a user of no namespace"},
    {GOOD("<cas:user/>"), ATEN_V_CAS_USER, NULL, NULL, "empty", "empty"},
    {GOOD("<cas:user/><cas:attributes><cas:a>1</cas:a></cas:attributes>"), ATEN_V_CAS_USER, NULL, NULL, "empty",
     "attributes do not make up for it"},
    {GOOD("<cas:user> \n </cas:user>"), ATEN_V_CAS_USER, NULL, NULL, "empty", "blank"},
    {GOOD("<cas:user><!-- jean --></cas:user>"), ATEN_V_CAS_USER, NULL, NULL, "empty", "only a comment"},
    {GOOD(USER USER), ATEN_V_CAS_USER, NULL, NULL, "2 cas:user", "twice, be it the same"},
    {GOOD("<cas:user>jean<b/></cas:user>"), ATEN_V_CAS_USER, NULL, NULL, NULL, "with an element inside"},
    {GOOD("<cas:user>jean\ndupont</cas:user>"), ATEN_V_CAS_USER, NULL, NULL, "control", "a line end inside"},
    {GOOD("<cas:user>jean&#9;dupont</cas:user>"), ATEN_V_CAS_USER, NULL, NULL, "control", "a tab"},
    {GOOD("<cas:user>jean&#x7F;</cas:user>"), ATEN_V_CAS_USER, NULL, NULL, "control", "DEL"},
    {GOOD("<cas:user>jean&#x85;dupont</cas:user>"), ATEN_V_CAS_USER, NULL, NULL, "control",
     "a control character beyond ASCII"},
    {WITH("<cas:mail>valeur&#x7F;</cas:mail>"), ATEN_V_CAS_ATTRIBUTE, NULL, NULL, "'mail'",
     "a control character in a value: the attribute is named"},
    {WITH("<cas:mail>valeur&#x9B;x</cas:mail>"), ATEN_V_CAS_ATTRIBUTE, NULL, NULL, "'mail'",
     "which a terminal would obey"},

    {"", ATEN_V_CAS_UNEXPECTED, NULL, NULL, "empty", "an empty body, where mod_auth_cas crashed"},
    {"yes\njean.dupont\n", ATEN_V_XML_MALFORMED, NULL, NULL, NULL, "protocol 1's answer"},
    {GOOD(USER) "x", ATEN_V_XML_MALFORMED, NULL, NULL, NULL, "something behind it"},
    {"<!DOCTYPE html>\n<html><body>jean.dupont</body></html>", ATEN_V_XML_DTD, NULL, NULL, "HTML page", "a web page"},
    {"  <html><body>jean.dupont<br></html>", ATEN_V_XML_MALFORMED, NULL, NULL, "HTML page", "an older one"},
    {"<!DOCTYPE x [<!ENTITY e 'jean'>]>" GOOD("<cas:user>&e;</cas:user>"), ATEN_V_XML_DTD, NULL, NULL, NULL,
     "a name by entity"},
    {GOOD("<cas:user>&jean;</cas:user>"), ATEN_V_XML_MALFORMED, NULL, NULL, NULL, "an entity that nobody declared"},
    {"<cas:serviceResponse><cas:authenticationSuccess>" USER "</cas:authenticationSuccess></cas:serviceResponse>",
     ATEN_V_XML_MALFORMED, NULL, NULL, NULL, "the prefix is not declared"},
};

static void service_answers(void **state)
{
    for (size_t i = 0; i < COUNT(service_cases); i++) {
        const read_case_t *c = &service_cases[i];
        const aten_cas_protocol_t both[] = {ATEN_CAS_2, ATEN_CAS_3};

        for (size_t n = 0; n < COUNT(both); n++) {
            check_read(both[n], c->body, strlen(c->body), c->verdict, c->user, c->attributes, c->why_part, c->reason,
                       *state);
        }
    }
}

static void a_nul_in_the_body(void **state)
{
    static const char body[] = GOOD(USER) "\0" BAD("INVALID_TICKET");
    static const char lines[] = "yes\njean\0\n";

    check_read(ATEN_CAS_3, body, sizeof(body) - 1, ATEN_V_XML_MALFORMED, NULL, NULL, NULL, "XML has no NUL", *state);
    check_read(ATEN_CAS_1, lines, sizeof(lines) - 1, ATEN_V_CAS_UNEXPECTED, NULL, NULL, NULL, "nor a line", *state);
}

static void the_users_length_is_bounded(void **state)
{
    char name[ATEN_USER_MAX + 2];

    memset(name, 'a', sizeof(name));
    for (size_t len = ATEN_USER_MAX; len <= ATEN_USER_MAX + 1; len++) {
        const aten_verdict_t verdict = len > ATEN_USER_MAX ? ATEN_V_CAS_USER : ATEN_V_OK;
        char *body;

        name[len] = '\0';
        body = apr_psprintf(*state, GOOD("<cas:user> %s </cas:user>"), name);
        check_read(ATEN_CAS_3, body, strlen(body), verdict, name, "", "256", "as XML, blanks not counted", *state);
        body = apr_psprintf(*state, "yes\n%s\n", name);
        check_read(ATEN_CAS_1, body, strlen(body), verdict, name, "", "256", "as a line", *state);
        name[len] = 'a';
    }
}

static char *with_attributes(int names, int values_each, apr_pool_t *p)
{
    apr_array_header_t *parts = apr_array_make(p, names * values_each + 2, sizeof(const char *));

    APR_ARRAY_PUSH(parts, const char *) = "<cas:serviceResponse xmlns:cas='" NS "'><cas:authenticationSuccess>" USER
                                          "<cas:attributes>";
    for (int i = 0; i < names * values_each; i++) {
        APR_ARRAY_PUSH(parts, const char *) = apr_psprintf(p, "<cas:a%d>1</cas:a%d>", i % names, i % names);
    }
    APR_ARRAY_PUSH(parts, const char *) = "</cas:attributes></cas:authenticationSuccess></cas:serviceResponse>";
    return apr_array_pstrcat(p, parts, '\0');
}

static void attributes_are_bounded(void **state)
{
    static const struct { int names, each; aten_verdict_t verdict; } cases[] = {
        {256, 1, ATEN_V_OK}, {257, 1, ATEN_V_CAS_ATTRIBUTE}, {256, 4, ATEN_V_OK}, {1, 1024, ATEN_V_OK},
        {1, 1025, ATEN_V_CAS_ATTRIBUTE}, {205, 5, ATEN_V_CAS_ATTRIBUTE},
    };
    char name[130];

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *body = with_attributes(cases[i].names, cases[i].each, *state);
        aten_cas_answer_t *answer;
        const char *why;

        assert_int_equal(aten_cas_read(ATEN_CAS_3, SERVICE, body, strlen(body), NOW, &answer, &why, *state),
                         cases[i].verdict);
        if (answer) assert_int_equal(answer->attributes->nelts, cases[i].names);
        else check_why(why, "bounds");
    }
    for (size_t len = 128; len <= 129; len++) {
        char *body;

        memset(name, 'a', len);
        name[len] = '\0';
        body = apr_psprintf(*state, WITH("<cas:%s>1</cas:%s>"), name, name);
        check_read(ATEN_CAS_3, body, strlen(body), len > 128 ? ATEN_V_CAS_ATTRIBUTE : ATEN_V_OK, "jean.dupont",
                   apr_psprintf(*state, "%s=1", name), "name", "a name's length", *state);
    }
}

/* --- protocol 1 --- */

static const read_case_t line_cases[] = {
    {"yes\njean.dupont\n", ATEN_V_OK, "jean.dupont", "", NULL, "as the specification has it"},
    {"yes\r\njean.dupont\r\n", ATEN_V_OK, "jean.dupont", "", NULL, "with the line ends of the network"},
    {"yes\n jean dupont \n", ATEN_V_OK, "jean dupont", "", NULL, "trimmed"},
    {"yes\nH\xC3\xA9l\xC3\xA8ne\n", ATEN_V_OK, "H\xC3\xA9l\xC3\xA8ne", "", NULL, "UTF-8"},
    {"yes\nno\n", ATEN_V_OK, "no", "", NULL, "somebody may be called so"},
    {"no\n\n", ATEN_V_CAS_TICKET_REFUSED, NULL, NULL, NULL, "as the specification has it"},
    {"no\n", ATEN_V_CAS_TICKET_REFUSED, NULL, NULL, NULL, "as servers send it"},
    {"no\r\n\r\n", ATEN_V_CAS_TICKET_REFUSED, NULL, NULL, NULL, "with the line ends of the network"},
    {"no", ATEN_V_CAS_TICKET_REFUSED, NULL, NULL, NULL, "cut off or not: a no is a no"},
    {"yes\njean.dupont", ATEN_V_CAS_UNEXPECTED, NULL, NULL, NULL, "cut off: the name may have gone on"},
    {"yes\n", ATEN_V_CAS_UNEXPECTED, NULL, NULL, NULL, "nobody"},
    {"yes\n\n", ATEN_V_CAS_USER, NULL, NULL, "empty", "an empty name"},
    {"yes\n \t\n", ATEN_V_CAS_USER, NULL, NULL, "empty", "a blank one"},
    {"yes", ATEN_V_CAS_UNEXPECTED, NULL, NULL, NULL, "half an answer"},
    {"yes\njean\ndupont\n", ATEN_V_CAS_UNEXPECTED, NULL, NULL, NULL, "a line too many"},
    {"yes\njean\n\n", ATEN_V_CAS_UNEXPECTED, NULL, NULL, NULL, "be it empty"},
    {"yes\rjean\r", ATEN_V_CAS_UNEXPECTED, NULL, NULL, NULL, "no line ends"},
    {"yes jean\n", ATEN_V_CAS_UNEXPECTED, NULL, NULL, NULL, "one line"},
    {"yes \njean\n", ATEN_V_CAS_UNEXPECTED, NULL, NULL, NULL, "a blank behind yes"},
    {" yes\njean\n", ATEN_V_CAS_UNEXPECTED, NULL, NULL, NULL, "a blank before it"},
    {"\nyes\njean\n", ATEN_V_CAS_UNEXPECTED, NULL, NULL, NULL, "an empty line before it"},
    {"YES\njean\n", ATEN_V_CAS_UNEXPECTED, NULL, NULL, NULL, "case counts"},
    {"yesno\njean\n", ATEN_V_CAS_UNEXPECTED, NULL, NULL, NULL, "a longer word, where strncmp would see yes"},
    {"no\njean\n", ATEN_V_CAS_UNEXPECTED, NULL, NULL, NULL, "a no with a name is neither"},
    {"nope", ATEN_V_CAS_UNEXPECTED, NULL, NULL, NULL, "a longer word"},
    {"no\n\n\n\n\n", ATEN_V_CAS_UNEXPECTED, NULL, NULL, NULL, "more than the protocol has"},
    {"", ATEN_V_CAS_UNEXPECTED, NULL, NULL, "empty", "nothing"},
    {"\n", ATEN_V_CAS_UNEXPECTED, NULL, NULL, NULL, "an empty line"},
    {"<html>yes\njean\n", ATEN_V_CAS_UNEXPECTED, NULL, NULL, NULL, "a web page"},
    {GOOD(USER), ATEN_V_CAS_UNEXPECTED, NULL, NULL, NULL, "another protocol's answer"},
    {"yes\njean\tdupont\n", ATEN_V_CAS_USER, NULL, NULL, "control", "a control character"},
    {"yes\njean\rdupont\n", ATEN_V_CAS_USER, NULL, NULL, "control", "a carriage return inside"},
    {"yes\njean\x1B[0m\n", ATEN_V_CAS_USER, NULL, NULL, "control", "an escape sequence"},
    {"yes\nH\xE9l\xE8ne\n", ATEN_V_CAS_USER, NULL, NULL, "UTF-8", "Latin-1"},
};

static void line_answers(void **state)
{
    for (size_t i = 0; i < COUNT(line_cases); i++) {
        const read_case_t *c = &line_cases[i];

        check_read(ATEN_CAS_1, c->body, strlen(c->body), c->verdict, c->user, c->attributes, c->why_part, c->reason,
                   *state);
    }
}

static void without_a_protocol_nothing_is_read(void **state)
{
    check_read(ATEN_CAS_UNSET, GOOD(USER), sizeof(GOOD(USER)) - 1, ATEN_V_INTERNAL, NULL, NULL, NULL, "none is set",
               *state);
}

/* --- SAML 1.1 --- */

#define SOAP "http://schemas.xmlsoap.org/soap/envelope/"
#define SAMLP "urn:oasis:names:tc:SAML:1.0:protocol"
#define SAML "urn:oasis:names:tc:SAML:1.0:assertion"
#define SUBJECT(name) "<Subject><NameIdentifier>" name "</NameIdentifier><SubjectConfirmation>" \
                      "<ConfirmationMethod>urn:oasis:names:tc:SAML:1.0:cm:artifact</ConfirmationMethod>" \
                      "</SubjectConfirmation></Subject>"
#define ATTRIBUTE(name, values) "<Attribute AttributeName='" name "' AttributeNamespace='urn:n'>" values "</Attribute>"
#define VALUE(x) "<AttributeValue>" x "</AttributeValue>"
#define ATTRIBUTES(x) "<AttributeStatement>" SUBJECT("jean.dupont") x "</AttributeStatement>"
#define AUTHENTICATION "<AuthenticationStatement AuthenticationInstant='2016-09-01T08:00:00Z'>" SUBJECT("jean.dupont") \
                       "</AuthenticationStatement>"
#define CONDITIONS "<Conditions NotBefore='2016-09-01T08:00:00Z' NotOnOrAfter='2016-09-01T08:01:00Z'>" \
                   "<AudienceRestrictionCondition><Audience>\n " SERVICE "\n</Audience>" \
                   "</AudienceRestrictionCondition></Conditions>"
#define SUCCESS "<Status><StatusCode Value='samlp:Success'> </StatusCode></Status>"
#define ASSERTION(x) "<Assertion xmlns='" SAML "' MajorVersion='1' MinorVersion='1'>" x "</Assertion>"
#define RESPONSE(attributes, x) \
    "<Response xmlns='" SAMLP "' xmlns:samlp='" SAMLP "' MajorVersion='1' MinorVersion='1'" attributes ">" x \
    "</Response>"
#define ENVELOPE(x) "<SOAP-ENV:Envelope xmlns:SOAP-ENV='" SOAP "'><SOAP-ENV:Header/><SOAP-ENV:Body>" x \
                    "</SOAP-ENV:Body></SOAP-ENV:Envelope>"
#define ANSWER(x) ENVELOPE(RESPONSE("", x))
#define CONDITIONED(x) ANSWER(SUCCESS ASSERTION(x))
#define ASSERTED(x) CONDITIONED(CONDITIONS x)
#define UNTIL " NotOnOrAfter='2016-09-01T08:01:00Z'"
#define FOR_US "<AudienceRestrictionCondition><Audience>" SERVICE "</Audience></AudienceRestrictionCondition>"
#define LOGIN ASSERTION(CONDITIONS AUTHENTICATION)
#define CODE(value) ANSWER("<Status><StatusCode Value='" value "'/><StatusMessage>ST-1 jean</StatusMessage></Status>")
#define NESTED(outer, inner) \
    ANSWER("<Status><StatusCode Value='" outer "'><StatusCode Value='" inner "'/></StatusCode></Status>")
#define WHOLE ENVELOPE(RESPONSE(" Recipient='" SERVICE "'", SUCCESS ASSERTION(CONDITIONS ATTRIBUTES( \
    ATTRIBUTE("sn", VALUE("Dupont")) ATTRIBUTE("p", VALUE(" 1 ") VALUE("2"))) AUTHENTICATION)))

static const read_case_t saml_cases[] = {
    {WHOLE, ATEN_V_OK, "jean.dupont", "sn=Dupont,p=1;2", NULL, "all that a server sends"},
    {ASSERTED(AUTHENTICATION), ATEN_V_OK, "jean.dupont", "", NULL, "no attributes: mod_auth_cas found no user then"},
    {ASSERTED(ATTRIBUTES("")), ATEN_V_CAS_UNEXPECTED, NULL, NULL, "AuthenticationStatement",
     "nobody says that they logged in"},
    {CONDITIONED("<Conditions>" FOR_US "</Conditions>" AUTHENTICATION), ATEN_V_CAS_WINDOW, NULL, NULL, "NotOnOrAfter",
     "valid for ever"},
    {CONDITIONED("<Conditions" UNTIL "/>" AUTHENTICATION), ATEN_V_CAS_AUDIENCE, NULL, NULL, "missing", "for everybody"},
    {CONDITIONED(AUTHENTICATION), ATEN_V_CAS_UNEXPECTED, NULL, NULL, "0 Conditions", "valid for ever, for everybody"},
    {ASSERTED(ATTRIBUTES(ATTRIBUTE("a", VALUE("1"))) ATTRIBUTES(ATTRIBUTE("a", VALUE("2"))) AUTHENTICATION), ATEN_V_OK,
     "jean.dupont",
     "a=1;2", NULL, "two statements add up"},
    {ASSERTED(ATTRIBUTES(ATTRIBUTE("a",
     VALUE("x<!-- c --><![CDATA[y]]>") VALUE(" ") VALUE("<b>National_3</b>"))) AUTHENTICATION),
     ATEN_V_OK,
     "jean.dupont", "a=xy", NULL, "values are read as those of protocol 3"},
    {ASSERTED(ATTRIBUTES(ATTRIBUTE("a",
     "<x>1</x><AttributeValue xmlns='urn:x'>2</AttributeValue>" VALUE("3"))) AUTHENTICATION),
     ATEN_V_OK, "jean.dupont", "a=3", NULL, "a value is an AttributeValue"},
    {ASSERTED(ATTRIBUTES(ATTRIBUTE("a b", VALUE("1"))) AUTHENTICATION), ATEN_V_OK, "jean.dupont", "a b=1", NULL,
     "a name may have blanks here"},
    {ASSERTED("<AuthenticationStatement>" SUBJECT("jean<!-- c -->.<![CDATA[dupont]]>") "</AuthenticationStatement>"),
     ATEN_V_OK,
     "jean.dupont", "", NULL, "a comment never cuts a name"},
    {ASSERTED(AUTHENTICATION "<AuthorizationDecisionStatement>" SUBJECT("other") "</AuthorizationDecisionStatement>"),
     ATEN_V_OK, "jean.dupont", "", NULL, "what no CAS server sends is passed over"},
    {"<e:Envelope xmlns:e='" SOAP "'><e:Body><r:Response xmlns:r='" SAMLP "' MajorVersion='1' MinorVersion='0'>"
     "<r:Status><r:StatusCode Value='r:Success'/></r:Status><a:Assertion xmlns:a='" SAML "'>"
     "<a:Conditions NotOnOrAfter='2016-09-01T08:01:00Z'><a:AudienceRestrictionCondition><a:Audience>" SERVICE
     "</a:Audience></a:AudienceRestrictionCondition></a:Conditions><a:AuthenticationStatement>"
     "<a:Subject><a:NameIdentifier> j </a:NameIdentifier></a:Subject>"
     "</a:AuthenticationStatement></a:Assertion></r:Response></e:Body></e:Envelope>", ATEN_V_OK, "j", "", NULL,
     "other prefixes, no header"},
    {ANSWER("<Status><StatusCode Value='Success'/></Status>" LOGIN), ATEN_V_OK, "jean.dupont", "",
     NULL, "a code of the default namespace"},
    {ANSWER("<Status><StatusCode Value=' samlp:Success '/></Status>" LOGIN), ATEN_V_OK,
     "jean.dupont", "", NULL,
     "a QName's blanks go"},
    {ENVELOPE(RESPONSE(" Recipient=' " SERVICE " '", SUCCESS LOGIN)), ATEN_V_OK, "jean.dupont", "",
     NULL, "the recipient is us"},
    {ENVELOPE(RESPONSE(" Recipient='ent.example'", SUCCESS LOGIN)), ATEN_V_OK, "jean.dupont", "",
     NULL, "Apereo CAS 5 and later write the host alone"},
    {ENVELOPE(RESPONSE(" Recipient=''", SUCCESS LOGIN)), ATEN_V_OK, "jean.dupont", "", NULL,
     "nobody is named"},
    {ENVELOPE(RESPONSE(" InResponseTo='_x'", SUCCESS LOGIN)), ATEN_V_OK, "jean.dupont", "", NULL,
     "not known here what was asked"},
    {CONDITIONED("<Conditions" UNTIL "><DoNotCacheCondition/>" FOR_US "</Conditions>" AUTHENTICATION), ATEN_V_OK,
     "jean.dupont", "", NULL,
     "nothing is cached"},
    {CONDITIONED("<Conditions" UNTIL "><AudienceRestrictionCondition><Audience>urn:x</Audience><Audience>" SERVICE
              "</Audience></AudienceRestrictionCondition></Conditions>" AUTHENTICATION), ATEN_V_OK, "jean.dupont", "",
              NULL, "one of several"},

    {CODE("samlp:RequestDenied"), ATEN_V_CAS_TICKET_REFUSED, NULL, NULL, "RequestDenied",
     "Apereo's word for an unknown ticket"},
    {CODE("samlp:AuthnFailed"), ATEN_V_CAS_TICKET_REFUSED, NULL, NULL, "AuthnFailed", "django-cas-server's"},
    {NESTED("samlp:Responder", "samlp:RequestDenied"), ATEN_V_CAS_TICKET_REFUSED, NULL, NULL, "RequestDenied",
     "where SAML has it"},
    {CODE("samlp:VersionMismatch"), ATEN_V_CAS_REFUSED, NULL, NULL, "VersionMismatch", "anything else"},
    {CODE("samlp:Responder"), ATEN_V_CAS_REFUSED, NULL, NULL, "Responder", "likewise"},
    {NESTED("samlp:Responder", "samlp:ResourceNotRecognized"), ATEN_V_CAS_REFUSED, NULL, NULL, "ResourceNotRecognized",
     "the inner word says more"},
    {CODE("samlp:Success"), ATEN_V_CAS_UNEXPECTED, NULL, NULL, "0 Assertion",
     "mod_auth_cas: a success without an assertion passes"},
    {NESTED("samlp:Success", "samlp:RequestDenied"), ATEN_V_CAS_TICKET_REFUSED, NULL, NULL, NULL,
     "a success that takes itself back"},
    {NESTED("samlp:Responder", "samlp:Success"), ATEN_V_CAS_UNEXPECTED, NULL, NULL, NULL, "a success inside a failure"},
    {NESTED("samlp:Success", "samlp:Success"), ATEN_V_CAS_UNEXPECTED, NULL, NULL, NULL, "twice is not what SAML has"},
    {CODE("samlp: Success"), ATEN_V_CAS_UNEXPECTED, NULL, NULL, NULL, "apr_strnatcmp would pass over the blank"},
    {CODE("samlp:success"), ATEN_V_CAS_REFUSED, NULL, NULL, NULL, "case counts"},
    {CODE("saml:Success"), ATEN_V_CAS_UNEXPECTED, NULL, NULL, NULL, "a prefix that nobody declared"},
    {CODE(":Success"), ATEN_V_CAS_UNEXPECTED, NULL, NULL, NULL, "an empty prefix"},
    {CODE("SOAP-ENV:Success"), ATEN_V_CAS_UNEXPECTED, NULL, NULL, NULL, "another namespace's success"},
    {ANSWER("<Status><StatusCode Value='SOAP-ENV:Success'/></Status>" LOGIN),
     ATEN_V_CAS_UNEXPECTED, NULL, NULL, "status", "be there an assertion"},
    {CODE("samlp:a:Success"), ATEN_V_CAS_UNEXPECTED, NULL, NULL, NULL, "no QName"},
    {CODE("samlp:"), ATEN_V_CAS_UNEXPECTED, NULL, NULL, NULL, "no name"},
    {CODE(""), ATEN_V_CAS_UNEXPECTED, NULL, NULL, NULL, "nothing"},
    {CODE("samlp:ST-1-jean"), ATEN_V_CAS_UNEXPECTED, NULL, NULL, NULL, "a code that is none is not logged"},
    {ANSWER("<Status><StatusCode/></Status>" LOGIN), ATEN_V_CAS_UNEXPECTED, NULL, NULL, NULL,
     "no value"},
    {ANSWER("<Status/>" LOGIN), ATEN_V_CAS_UNEXPECTED, NULL, NULL, "0 StatusCode", "no code"},
    {ANSWER(LOGIN), ATEN_V_CAS_UNEXPECTED, NULL, NULL, "0 Status", "no status"},
    {ANSWER(SUCCESS SUCCESS LOGIN), ATEN_V_CAS_UNEXPECTED, NULL, NULL, "2 Status", "two"},
    {ANSWER("<Status><StatusCode Value='samlp:Success'/><StatusCode Value='samlp:RequestDenied'/></Status>"
            LOGIN), ATEN_V_CAS_UNEXPECTED, NULL, NULL, "2 StatusCode", "two codes"},
    {ANSWER("<Status xmlns=''><StatusCode Value='samlp:Success'/></Status>" LOGIN),
     ATEN_V_CAS_UNEXPECTED, NULL, NULL, NULL, "a status of no namespace"},
    {ANSWER(SUCCESS LOGIN LOGIN), ATEN_V_CAS_UNEXPECTED, NULL, NULL,
     "2 Assertion", "two assertions"},
    {ANSWER(SUCCESS "<Assertion>" AUTHENTICATION "</Assertion>"), ATEN_V_CAS_UNEXPECTED, NULL, NULL, NULL,
     "an assertion of the wrong namespace"},
    {ANSWER(SUCCESS "<x>" LOGIN "</x>"), ATEN_V_CAS_UNEXPECTED, NULL, NULL, NULL, "one deeper"},
    {ANSWER(SUCCESS "<!-- " LOGIN " -->"), ATEN_V_CAS_UNEXPECTED, NULL, NULL, NULL, "in a comment"},
    {ENVELOPE(RESPONSE("", SUCCESS LOGIN) RESPONSE("", SUCCESS LOGIN)),
     ATEN_V_CAS_UNEXPECTED, NULL, NULL, NULL, "two responses"},
    {ENVELOPE(""), ATEN_V_CAS_UNEXPECTED, NULL, NULL, NULL, "none"},
    {ENVELOPE("<Response MajorVersion='1'/>"), ATEN_V_CAS_UNEXPECTED, NULL, NULL, NULL, "of no namespace"},
    {ENVELOPE("<SOAP-ENV:Fault><faultstring>ST-1</faultstring></SOAP-ENV:Fault>"), ATEN_V_CAS_REFUSED, NULL, NULL,
     "fault", "a SOAP fault"},
    {ENVELOPE("<Response xmlns='" SAMLP "' MajorVersion='2'/>"), ATEN_V_CAS_UNEXPECTED, NULL, NULL, "MajorVersion",
     "another version"},
    {ENVELOPE("<Response xmlns='" SAMLP "'/>"), ATEN_V_CAS_UNEXPECTED, NULL, NULL, "MajorVersion", "no version"},
    {"<SOAP-ENV:Envelope xmlns:SOAP-ENV='" SOAP "'><SOAP-ENV:Body/><SOAP-ENV:Body>" RESPONSE("", SUCCESS
     LOGIN) "</SOAP-ENV:Body></SOAP-ENV:Envelope>", ATEN_V_CAS_UNEXPECTED, NULL, NULL, "2 Body",
     "two bodies"},
    {"<SOAP-ENV:Envelope xmlns:SOAP-ENV='" SOAP "'><SOAP-ENV:Header>" RESPONSE("", SUCCESS LOGIN)
     "</SOAP-ENV:Header></SOAP-ENV:Envelope>", ATEN_V_CAS_UNEXPECTED, NULL, NULL, "0 Body", "a response in the header"},
    {RESPONSE("", SUCCESS LOGIN), ATEN_V_CAS_UNEXPECTED, NULL, NULL, "Envelope",
     "without an envelope"},
    {"<Envelope><Body>" RESPONSE("", SUCCESS LOGIN) "</Body></Envelope>", ATEN_V_CAS_UNEXPECTED,
     NULL, NULL, NULL, "an envelope of no namespace"},
    {GOOD(USER), ATEN_V_CAS_UNEXPECTED, NULL, NULL, "serviceResponse", "another protocol's answer"},
    {"", ATEN_V_CAS_UNEXPECTED, NULL, NULL, "empty", "nothing"},
    {"<!DOCTYPE x>" WHOLE, ATEN_V_XML_DTD, NULL, NULL, NULL, "a document type declaration"},

    {ENVELOPE(RESPONSE(" Recipient='https://other.example/aten/cas?state=ST-1'", SUCCESS LOGIN)),
     ATEN_V_CAS_AUDIENCE, NULL, NULL, "other.example", "for somebody else"},
    {ENVELOPE(RESPONSE(" Recipient='" SERVICE "0'", SUCCESS LOGIN)), ATEN_V_CAS_AUDIENCE, NULL,
     NULL, NULL, "nearly us"},
    {ENVELOPE(RESPONSE(" Recipient='https://ent.example:8443/aten/cas'", SUCCESS LOGIN)),
     ATEN_V_CAS_AUDIENCE, NULL, NULL, NULL,
     "another login"},
    {ENVELOPE(RESPONSE(" Recipient='evil-ent.example'", SUCCESS LOGIN)), ATEN_V_CAS_AUDIENCE, NULL,
     NULL, NULL, "nearly our host"},
    {CONDITIONED("<Conditions" UNTIL "><AudienceRestrictionCondition><Audience>https://other.example/</Audience>"
              "</AudienceRestrictionCondition></Conditions>" AUTHENTICATION), ATEN_V_CAS_AUDIENCE, NULL, NULL,
              "other.example", "for somebody else"},
    {CONDITIONED("<Conditions" UNTIL "><AudienceRestrictionCondition/></Conditions>" AUTHENTICATION),
     ATEN_V_CAS_AUDIENCE, NULL,
     NULL, NULL, "for nobody"},
    {CONDITIONED("<Conditions" UNTIL "><AudienceRestrictionCondition><Audience>" SERVICE "</Audience>"
              "</AudienceRestrictionCondition>"
              "<AudienceRestrictionCondition><Audience>x</Audience></AudienceRestrictionCondition></Conditions>"
              AUTHENTICATION), ATEN_V_CAS_AUDIENCE, NULL, NULL, NULL, "each condition has to hold"},
    {CONDITIONED("<Conditions" UNTIL "><AudienceRestrictionCondition><Audience xmlns='urn:x'>" SERVICE "</Audience>"
              "</AudienceRestrictionCondition></Conditions>" AUTHENTICATION), ATEN_V_CAS_AUDIENCE, NULL, NULL, NULL,
              "an audience of another namespace"},
    {CONDITIONED("<Conditions NotOnOrAfter='2015-09-01T08:00:00Z'><AudienceRestrictionCondition><Audience>" SERVICE
              "</Audience></AudienceRestrictionCondition></Conditions>" AUTHENTICATION), ATEN_V_CAS_WINDOW, NULL, NULL,
     "NotOnOrAfter", "for us, but long ago"},
    {CONDITIONED("<Conditions" UNTIL "><x/></Conditions>" AUTHENTICATION), ATEN_V_CAS_UNEXPECTED, NULL, NULL, "'x'",
     "a condition that nobody understands"},
    {CONDITIONED("<Conditions/><Conditions/>" AUTHENTICATION), ATEN_V_CAS_UNEXPECTED, NULL, NULL, "2 Conditions",
     "which of them?"},

    {ASSERTED(""), ATEN_V_CAS_UNEXPECTED, NULL, NULL, "AuthenticationStatement", "about nobody"},
    {ASSERTED("<AuthenticationStatement/>"), ATEN_V_CAS_USER, NULL, NULL, "0 Subject", "a statement about nobody"},
    {ASSERTED("<AuthenticationStatement><Subject/></AuthenticationStatement>"), ATEN_V_CAS_USER, NULL, NULL,
     "0 NameIdentifier", "without a name"},
    {ASSERTED("<AuthenticationStatement>" SUBJECT("") "</AuthenticationStatement>"), ATEN_V_CAS_USER, NULL, NULL,
     "empty", "an empty name"},
    {ASSERTED("<AuthenticationStatement>" SUBJECT("jean\ndupont") "</AuthenticationStatement>"), ATEN_V_CAS_USER, NULL,
     NULL, "control", "a line end in it"},
    {ASSERTED("<AuthenticationStatement><Subject><NameIdentifier>jean</NameIdentifier><NameIdentifier>jean"
              "</NameIdentifier></Subject></AuthenticationStatement>"), ATEN_V_CAS_USER, NULL, NULL,
              "2 NameIdentifier", "two names"},
    {ASSERTED("<AuthenticationStatement>" SUBJECT("jean") SUBJECT("jean") "</AuthenticationStatement>"),
     ATEN_V_CAS_USER, NULL, NULL, "2 Subject", "two subjects"},
    {ASSERTED(ATTRIBUTES("") "<AuthenticationStatement>" SUBJECT("autre") "</AuthenticationStatement>"),
     ATEN_V_CAS_USER, NULL, NULL, "different",
     "attributes of one, login of another"},
    {ASSERTED(ATTRIBUTES("") "<AuthenticationStatement>" SUBJECT("JEAN.DUPONT") "</AuthenticationStatement>"),
     ATEN_V_CAS_USER, NULL, NULL, "different",
     "who differs by case is another"},
    {ASSERTED("<NameIdentifier>jean</NameIdentifier>"), ATEN_V_CAS_UNEXPECTED, NULL, NULL, "AuthenticationStatement",
     "a name outside a statement"},
    {ASSERTED("<Advice><AuthenticationStatement>" SUBJECT("jean") "</AuthenticationStatement></Advice>"),
     ATEN_V_CAS_UNEXPECTED, NULL, NULL, "AuthenticationStatement",
     "a statement that is only advice"},
    {ASSERTED(ATTRIBUTES("<Attribute>" VALUE("valeur") "</Attribute>")), ATEN_V_CAS_ATTRIBUTE, NULL, NULL, "name",
     "an attribute without a name"},
    {ASSERTED(ATTRIBUTES(ATTRIBUTE("", VALUE("valeur")))), ATEN_V_CAS_ATTRIBUTE, NULL, NULL, "name",
     "with an empty one"},
    {ASSERTED(ATTRIBUTES(ATTRIBUTE("a&#10;b", VALUE("valeur")))), ATEN_V_CAS_ATTRIBUTE, NULL, NULL, "a\\nb",
     "with a line end in it"},
    {ASSERTED(ATTRIBUTES(ATTRIBUTE("mail", VALUE("valeur&#x7F;")))), ATEN_V_CAS_ATTRIBUTE, NULL, NULL, "'mail'",
     "a control character in a value"},
};

static void saml_answers(void **state)
{
    for (size_t i = 0; i < COUNT(saml_cases); i++) {
        const read_case_t *c = &saml_cases[i];

        check_read(ATEN_CAS_SAML11, c->body, strlen(c->body), c->verdict, c->user, c->attributes, c->why_part,
                   c->reason, *state);
    }
}

/* NOW is 2016-09-01T08:00:00Z, and both clocks may be a minute apart. */
static void saml_windows(void **state)
{
    static const struct { const char *before, *after; int ok; const char *why; } cases[] = {
        {"2016-09-01T08:00:00Z", "2016-09-01T08:01:00Z", 1, "a minute from now on"},
        {"2016-09-01T08:00:00.123456+00:00", "2016-09-01T08:01:00.123456+00:00", 1, "as django-cas-server writes it"},
        {"2016-09-01T10:00:00+02:00", "2016-09-01T10:01:00+02:00", 1, "in French time"},
        {"2016-09-01T08:00:00", "2016-09-01T08:01:00", 1, "without a zone it is UTC, as SAML wants"},
        {"2016-09-01T08:00:00.000Z", "2016-09-01T08:00:30.999Z", 1, "fractions"},
        {" 2016-09-01T08:00:00Z ", "2016-09-01T08:01:00Z", 1, "blanks"},
        {"2016-09-01T08:01:00Z", "2016-09-01T09:00:00Z", 1, "their clock is a minute ahead"},
        {"2016-09-01T08:01:01Z", "2016-09-01T09:00:00Z", 0, "more than a minute"},
        {"2016-09-01T07:00:00Z", "2016-09-01T07:59:01Z", 1, "our clock is nearly a minute ahead"},
        {"2016-09-01T07:00:00Z", "2016-09-01T07:59:00Z", 0, "a minute: NotOnOrAfter is no longer"},
        {"2016-09-01T07:00:00Z", "2016-09-01T07:59:00.999Z", 0, "a fraction saves nobody"},
        {"2016-09-01T08:00:00+00:00", "2016-09-01T08:01:00+02:00", 0, "an offset counts"},
        {"2016-09-01T10:00:00", "2016-09-01T10:01:00", 0, "local time without a zone is not local time"},
        {"2015-09-01T08:00:00Z", "2015-09-01T08:01:00Z", 0, "a year ago"},
        {"", "2016-09-01T08:01:00Z", 0, "empty"},
        {"2016-09-01", "2016-09-01T08:01:00Z", 0, "a day"},
        {"2016-09-01T08:00Z", "2016-09-01T08:01:00Z", 0, "without seconds"},
        {"2016-9-1T08:00:00Z", "2016-09-01T08:01:00Z", 0, "one digit"},
        {"2016-09-01 08:00:00Z", "2016-09-01T08:01:00Z", 0, "a blank for T"},
        {"2016-09-01T08:00:00.Z", "2016-09-01T08:01:00Z", 0, "a point and no fraction"},
        {"2016-09-01T08:00:00,5Z", "2016-09-01T08:01:00Z", 0, "a comma"},
        {"2016-09-01T08:00:00ZZ", "2016-09-01T08:01:00Z", 0, "junk behind"},
        {"2016-09-01T08:00:00 Z", "2016-09-01T08:01:00Z", 0, "a blank before the zone"},
        {"2016-02-30T08:00:00Z", "2016-09-01T08:01:00Z", 0, "no such day"},
        {"2016-09-01T25:00:00Z", "2016-09-01T08:01:00Z", 0, "no such hour"},
        {"1472716800", "2016-09-01T08:01:00Z", 0, "seconds"},
        {"2016-09-01T08:00:00Z", "never", 0, "no time at all"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *body = apr_psprintf(*state,
        CONDITIONED("<Conditions NotBefore='%s' NotOnOrAfter='%s'>" FOR_US "</Conditions>" AUTHENTICATION),
                                        cases[i].before, cases[i].after);

        check_read(ATEN_CAS_SAML11, body, strlen(body), cases[i].ok ? ATEN_V_OK : ATEN_V_CAS_WINDOW, "jean.dupont", "",
                   NULL, cases[i].why, *state);
    }
}

/* --- an answer that was cut off or changed on its way --- */

static const struct { aten_cas_protocol_t protocol; const char *body; } whole[] = {
    {ATEN_CAS_1, "yes\njean.dupont\n"},
    {ATEN_CAS_1, "yes\r\njean.dupont\r\n"},
    {ATEN_CAS_3, WITH("<cas:ENTPersonProfils>National_1</cas:ENTPersonProfils>")},
    {ATEN_CAS_SAML11, WHOLE},
};

static void half_an_answer_is_none(void **state)
{
    for (size_t i = 0; i < COUNT(whole); i++) {
        const apr_size_t len = strlen(whole[i].body);
        apr_pool_t *p;

        apr_pool_create(&p, *state);
        for (apr_size_t n = 0; n < len; n++) {
            aten_cas_answer_t *answer;
            const char *why;

            if (aten_cas_read(whole[i].protocol, SERVICE, whole[i].body, n, NOW, &answer, &why, p) == ATEN_V_OK) {
                fail_msg("%" APR_SIZE_T_FMT " bytes of '%s'", n, whole[i].body);
            }
            check_why(why, "cut off");
            apr_pool_clear(p);
        }
        apr_pool_destroy(p);
    }
}

/* Not to be believed or not, but never to break anything: for the sanitizers. */
static void any_byte_may_be_wrong(void **state)
{
    static const char bytes[] = {'\0', '<', '>', '&', '\'', ':', ' ', '\n', '\x7F', '\xC3', '\xFF'};

    for (size_t i = 0; i < COUNT(whole); i++) {
        apr_pool_t *p;

        apr_pool_create(&p, *state);
        for (apr_size_t n = 0; whole[i].body[n]; n++) {
            for (size_t b = 0; b < COUNT(bytes); b++) {
                char *body = apr_pstrdup(p, whole[i].body);
                aten_cas_answer_t *answer;
                const char *why;

                body[n] = bytes[b];
                if (aten_cas_read(whole[i].protocol, SERVICE, body, strlen(whole[i].body), NOW, &answer, &why, p)
                    != ATEN_V_OK) {
                    assert_null(answer);
                    assert_non_null(why);
                }
                apr_pool_clear(p);
            }
        }
        apr_pool_destroy(p);
    }
}

/* --- the call --- */

typedef struct {
    int calls;
    aten_http_request_t request;
    aten_http_answer_t answer;
    aten_verdict_t verdict;
    const char *why;
} fake_http_t;

static aten_verdict_t fake_http(void *baton, const aten_http_request_t *request, aten_http_answer_t *answer,
                                const char **why, apr_pool_t *p)
{
    fake_http_t *fake = baton;

    fake->calls++;
    fake->request = *request;
    *why = fake->why;
    if (fake->verdict == ATEN_V_OK) *answer = fake->answer;
    return fake->verdict;
}

static fake_http_t answering(int status, const char *body)
{
    return (fake_http_t){.answer = {status, body, strlen(body)}, .verdict = ATEN_V_OK};
}

typedef struct {
    aten_verdict_t verdict;
    aten_cas_answer_t *answer;
    const char *why;
} result_t;

static result_t ask(const aten_cas_server_t *server, fake_http_t *fake, const char *ticket, int renew, apr_pool_t *p)
{
    result_t r = {.answer = (aten_cas_answer_t *)&r, .why = "untouched"};

    r.verdict = aten_cas_validate(server, SERVICE, ticket, renew, "_id_1", NOW, fake_http, fake, &r.answer, &r.why, p);
    if (!r.answer != (r.verdict != ATEN_V_OK)) fail_msg("an answer with OK alone");
    if (r.verdict != ATEN_V_OK) check_why(r.why, "validate");
    return r;
}

#define ENCODED "https%3A%2F%2Fent.example%3A8443%2Faten%2Fcas%3Fstate%3DAbC-_9"

static void each_protocol_has_its_address(void **state)
{
    static const struct {
        aten_cas_protocol_t protocol;
        const char *validate_url;
        int renew;
        const char *url;
    } cases[] = {
        {ATEN_CAS_3, NULL, 0, "https://cas.example/cas/p3/serviceValidate?service=" ENCODED "&ticket=ST-1.a_b"},
        {ATEN_CAS_2, NULL, 0, "https://cas.example/cas/serviceValidate?service=" ENCODED "&ticket=ST-1.a_b"},
        {ATEN_CAS_1, NULL, 0, "https://cas.example/cas/validate?service=" ENCODED "&ticket=ST-1.a_b"},
        {ATEN_CAS_SAML11, NULL, 0, "https://cas.example/cas/samlValidate?TARGET=" ENCODED},
        {ATEN_CAS_3, NULL, 1,
         "https://cas.example/cas/p3/serviceValidate?service=" ENCODED "&ticket=ST-1.a_b&renew=true"},
        {ATEN_CAS_SAML11, NULL, 1, "https://cas.example/cas/samlValidate?TARGET=" ENCODED "&renew=true"},
        {ATEN_CAS_3, "http://127.0.0.1:9/x", 0, "http://127.0.0.1:9/x?service=" ENCODED "&ticket=ST-1.a_b"},
        {ATEN_CAS_SAML11, "http://127.0.0.1:9/x", 0, "http://127.0.0.1:9/x?TARGET=" ENCODED},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        aten_cas_server_t server = server_of(cases[i].protocol);
        fake_http_t fake = answering(200, "");

        server.validate_url = cases[i].validate_url;
        server.trust = (aten_trust_t *)&fake;
        ask(&server, &fake, "ST-1.a_b", cases[i].renew, *state);
        assert_url(fake.request.url, cases[i].url);
        assert_int_equal(fake.request.timeout, apr_time_from_sec(5));
        assert_int_equal(fake.request.connect_timeout, apr_time_from_sec(2));
        assert_ptr_equal(fake.request.trust, &fake);
        assert_int_equal(!fake.request.body, cases[i].protocol != ATEN_CAS_SAML11);
    }
}

static void the_saml_request_is_one(void **state)
{
    const aten_cas_server_t server = server_of(ATEN_CAS_SAML11);
    fake_http_t fake = answering(200, WHOLE);
    xmlNode *body, *request;
    xmlDocPtr doc;

    assert_int_equal(ask(&server, &fake, "ST-1.a_b", 0, *state).verdict, ATEN_V_OK);
    assert_string_equal(fake.request.soap_action, "http://www.oasis-open.org/committees/security");
    assert_string_equal(fake.request.content_type, "text/xml; charset=utf-8");
    assert_int_equal(aten_xml_parse(&doc, fake.request.body, strlen(fake.request.body), *state), ATEN_V_OK);
    body = aten_xml_next(aten_xml_first(xmlDocGetRootElement(doc))); /* django-cas-server takes the second child */
    assert_true(aten_xml_is(body, SOAP, "Body"));
    request = aten_xml_first(body);
    assert_true(aten_xml_is(request, SAMLP, "Request"));
    assert_string_equal(aten_xml_attribute(request, "RequestID", *state), "_id_1");
    assert_string_equal(aten_xml_attribute(request, "MajorVersion", *state), "1");
    assert_string_equal(aten_xml_attribute(request, "MinorVersion", *state), "1");
    assert_string_equal(aten_xml_attribute(request, "IssueInstant", *state), "2016-09-01T08:00:00Z");
    assert_true(aten_xml_is(aten_xml_first(request), SAMLP, "AssertionArtifact"));
    assert_string_equal(aten_xml_text(aten_xml_first(request), *state), "ST-1.a_b");
    assert_null(strstr(fake.request.url, "ST-1")); /* not where access logs would have it */
}

static void the_saml_request_has_no_way_in(void **state)
{
    const aten_cas_server_t server = server_of(ATEN_CAS_SAML11);
    fake_http_t fake = answering(200, WHOLE);
    aten_cas_answer_t *answer;
    const char *why;
    xmlDocPtr doc;
    xmlNode *request;

    aten_cas_validate(&server, SERVICE, "ST-1", 0, "a\"><b>&'\n", NOW, fake_http, &fake, &answer, &why, *state);
    assert_int_equal(aten_xml_parse(&doc, fake.request.body, strlen(fake.request.body), *state), ATEN_V_OK);
    request = aten_xml_first(aten_xml_next(aten_xml_first(xmlDocGetRootElement(doc))));
    assert_string_equal(aten_xml_attribute(request, "RequestID", *state), "a\"><b>&' "); /* as XML reads a line end */
    assert_null(aten_xml_next(aten_xml_first(request)));
}

static void an_answer_to_another_request(void **state)
{
    static const struct { const char *id; aten_verdict_t verdict; } cases[] = {
        {"_id_1", ATEN_V_OK}, {" _id_1 ", ATEN_V_OK}, {"", ATEN_V_OK}, {"_id_2", ATEN_V_CAS_UNEXPECTED},
        {"_ID_1", ATEN_V_CAS_UNEXPECTED},
    };
    const aten_cas_server_t server = server_of(ATEN_CAS_SAML11);

    for (size_t i = 0; i < COUNT(cases); i++) {
        fake_http_t fake = answering(200, apr_psprintf(*state, ENVELOPE(RESPONSE(" InResponseTo='%s'", SUCCESS
                                                                                 LOGIN)),
                                                       cases[i].id));

        assert_int_equal(ask(&server, &fake, "ST-1", 0, *state).verdict, cases[i].verdict);
    }
}

static void an_accepted_ticket(void **state)
{
    const aten_cas_server_t server = server_of(ATEN_CAS_3);
    fake_http_t fake = answering(200, WITH("<cas:sn>Dupont</cas:sn>"));
    const result_t r = ask(&server, &fake, "ST-1", 0, *state);

    assert_int_equal(r.verdict, ATEN_V_OK);
    assert_int_equal(fake.calls, 1);
    assert_string_equal(r.answer->user, "jean.dupont");
    assert_string_equal(flat(r.answer->attributes, *state), "sn=Dupont");
}

static void a_ticket_that_is_none_is_not_sent(void **state)
{
    const aten_cas_server_t server = server_of(ATEN_CAS_3);
    fake_http_t fake = answering(200, GOOD(USER));

    assert_int_equal(ask(&server, &fake, "ST-1&service=x", 0, *state).verdict, ATEN_V_TICKET_MALFORMED);
    assert_int_equal(ask(&server, &fake, NULL, 0, *state).verdict, ATEN_V_TICKET_MALFORMED);
    assert_int_equal(fake.calls, 0);
}

static void a_server_without_a_protocol_is_not_asked(void **state)
{
    const aten_cas_server_t server = server_of(ATEN_CAS_UNSET);
    fake_http_t fake = answering(200, GOOD(USER));

    assert_int_equal(ask(&server, &fake, "ST-1", 0, *state).verdict, ATEN_V_INTERNAL);
    assert_int_equal(fake.calls, 0);
}

static void what_the_client_says_is_handed_on(void **state)
{
    static const aten_verdict_t verdicts[] = {ATEN_V_CAS_UNREACHABLE, ATEN_V_CAS_TLS, ATEN_V_CAS_TIMEOUT,
                                              ATEN_V_CAS_LARGE, ATEN_V_CAS_BUSY, ATEN_V_INTERNAL};
    const aten_cas_server_t server = server_of(ATEN_CAS_3);

    for (size_t i = 0; i < COUNT(verdicts); i++) {
        fake_http_t fake = answering(200, GOOD(USER));
        result_t r;

        fake.verdict = verdicts[i];
        fake.why = "the reason";
        r = ask(&server, &fake, "ST-1", 0, *state);
        assert_int_equal(r.verdict, verdicts[i]);
        assert_string_equal(r.why, "the reason");
    }
}

static void only_200_is_read(void **state)
{
    static const struct {
        aten_cas_protocol_t protocol;
        const char *validate_url;
        int status;
        const char *why_part;
    } cases[] = {
        {ATEN_CAS_3, NULL, 404, "AtenCASProtocol 2"},
        {ATEN_CAS_2, NULL, 404, "AtenCASServer"},
        {ATEN_CAS_3, "https://cas.example/x", 404, "AtenCASValidateURL"},
        {ATEN_CAS_3, NULL, 302, "redirects are not followed"},
        {ATEN_CAS_3, NULL, 301, "redirects are not followed"},
        {ATEN_CAS_3, NULL, 401, "401"},
        {ATEN_CAS_3, NULL, 500, "https://cas.example/cas answered 500"},
        {ATEN_CAS_3, NULL, 503, "503"},
        {ATEN_CAS_3, NULL, 201, "201"},
        {ATEN_CAS_3, NULL, 204, "204"},
        {ATEN_CAS_3, NULL, 100, "100"},
        {ATEN_CAS_3, NULL, 0, "0"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        aten_cas_server_t server = server_of(cases[i].protocol);
        fake_http_t fake = answering(cases[i].status, GOOD(USER));
        result_t r;

        server.validate_url = cases[i].validate_url;
        r = ask(&server, &fake, "ST-1", 0, *state);
        if (r.verdict != ATEN_V_CAS_HTTP_STATUS) fail_msg("%d: %s", cases[i].status, aten_verdict_tag(r.verdict));
        if (!strstr(r.why, cases[i].why_part)) fail_msg("%d: %s", cases[i].status, r.why);
    }
}

static void a_protocol_two_server_is_not_told_of_protocol_two(void **state)
{
    const aten_cas_server_t server = server_of(ATEN_CAS_2);
    fake_http_t fake = answering(404, "");

    assert_null(strstr(ask(&server, &fake, "ST-1", 0, *state).why, "AtenCASProtocol 2"));
}

#define WITH_POOL(test) cmocka_unit_test_setup_teardown(test, make_pool, drop_pool)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_POOL(protocols),
        WITH_POOL(addresses),
        WITH_POOL(login_and_logout),
        WITH_POOL(tickets),
        WITH_POOL(service_answers),
        WITH_POOL(a_nul_in_the_body),
        WITH_POOL(the_users_length_is_bounded),
        WITH_POOL(attributes_are_bounded),
        WITH_POOL(line_answers),
        WITH_POOL(without_a_protocol_nothing_is_read),
        WITH_POOL(saml_answers),
        WITH_POOL(saml_windows),
        WITH_POOL(half_an_answer_is_none),
        WITH_POOL(any_byte_may_be_wrong),
        WITH_POOL(each_protocol_has_its_address),
        WITH_POOL(the_saml_request_is_one),
        WITH_POOL(the_saml_request_has_no_way_in),
        WITH_POOL(an_answer_to_another_request),
        WITH_POOL(an_accepted_ticket),
        WITH_POOL(a_ticket_that_is_none_is_not_sent),
        WITH_POOL(a_server_without_a_protocol_is_not_asked),
        WITH_POOL(what_the_client_says_is_handed_on),
        WITH_POOL(only_200_is_read),
        WITH_POOL(a_protocol_two_server_is_not_told_of_protocol_two),
    };

    if (apr_initialize() != APR_SUCCESS) return EXIT_FAILURE;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
