/* aten_saml_response.h: what an assertion has to say, when, for whom and about whom, and how its values are read. */
#include "saml_rows.h"

#define VOUCHES "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"
#define XMLNS_XSI " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\""
#define ATTRIBUTES(markup) "<saml:AttributeStatement>" markup "</saml:AttributeStatement>"
#define ONE(markup) ATTRIBUTES("<saml:Attribute Name=\"a\">" markup "</saml:Attribute>")

/* --- for whom --- */

static void audiences(void **state)
{
    static const row_t rows[] = {
        {"r,a,ag", "<saml:Audience>" SERVICE, "<saml:Audience>https://autre.example", ATEN_V_SAML_AUDIENCE,
         "'https://autre.example'|expected: '" SERVICE "'|AtenServiceEntityID", "another service"},
        {"r,a", SERVICE "<", SERVICE "/<", ATEN_V_SAML_AUDIENCE, SERVICE "/'", "a slash more"},
        {"r,a", SERVICE "<", SERVICE "<!-- -->.evil.example<", ATEN_V_SAML_AUDIENCE, ".evil.example'",
         "a comment cuts nothing"},
        {"r,a", SERVICE "<", SERVICE "<x/><", ATEN_V_SAML_AUDIENCE, "'-'", "an element inside"},
        {"r,a", SERVICE "<", "<", ATEN_V_SAML_AUDIENCE, "''", "an empty one"},
        {"r,a", "<saml:Audience>" SERVICE "</saml:Audience>", "", ATEN_V_SAML_AUDIENCE, "none|" SERVICE, "none in it"},
        {"r,a", RESTRICTION, "", ATEN_V_SAML_AUDIENCE, "no AudienceRestriction|" SERVICE, "no restriction"},
        {"r,a", RESTRICTION, RESTRICTION
         "<saml:AudienceRestriction><saml:Audience>urn:x</saml:Audience></saml:AudienceRestriction>",
         ATEN_V_SAML_AUDIENCE, "'urn:x'", "a second restriction, without us"},
        {"r,a", "<saml:Audience>" SERVICE "</saml:Audience>", "<x:Audience xmlns:x=\"urn:x\">" SERVICE "</x:Audience>",
         ATEN_V_SAML_AUDIENCE, "none", "an Audience of another namespace"},
        {"r,a", "<saml:Audience>" SERVICE "</saml:Audience>",
         "<saml:Audience>urn:a</saml:Audience><saml:Audience>urn:b\n</saml:Audience>",
         ATEN_V_SAML_AUDIENCE, "'urn:a' 'urn:b'", "two, and neither is ours"},
        {"r,a", "<saml:Audience>" SERVICE, "<saml:Audience>\n  <![CDATA[" SERVICE "]]> ", ATEN_V_OK, NULL,
         "CDATA, with blanks around"},
    };

    (void)state;
    RUN(rows);
}

/* --- conditions and times --- */

static void conditions(void **state)
{
    static const row_t rows[] = {
        {"r,a", CONDITIONS, "", ATEN_V_SAML_CONDITIONS, "0 Conditions", "none"},
        {"r,a", CONDITIONS, CONDITIONS CONDITIONS, ATEN_V_SAML_CONDITIONS, "2 Conditions", "two"},
        {"r,a", CONDITIONS, "<x:Conditions xmlns:x=\"urn:x\"/>", ATEN_V_SAML_CONDITIONS, "0 Conditions",
         "of another namespace"},
        {"r,a", RESTRICTION, RESTRICTION "<saml:Condition/>", ATEN_V_SAML_CONDITIONS, "'Condition'",
         "one that nobody knows"},
        {"r,a", RESTRICTION, RESTRICTION "<x:OneTimeUse xmlns:x=\"urn:x\"/>", ATEN_V_SAML_CONDITIONS,
         "'OneTimeUse' of 'urn:x'",
         "a known name of another namespace"},
        {"r,a", "<saml:AudienceRestriction>", "<x:AudienceRestriction xmlns:x=\"urn:x\">", ATEN_V_SAML_CONDITIONS,
         "'AudienceRestriction' of 'urn:x'", "a restriction of another namespace",
         .from2 = "</saml:AudienceRestriction>",
         .to2 = "</x:AudienceRestriction>"},
        {"r,a", WINDOW, " NotBefore=\"2026-11-24T10:00:10Z\" NotOnOrAfter=\"2026-11-24T09:59:50Z\"",
         ATEN_V_SAML_CONDITIONS,
         "after NotOnOrAfter", "it ends before it begins, both within the skew"},
        {"r,a", "NotBefore=\"2026-11-24T09:59:00Z", "NotBefore=\"2026-11-24T09:59:00", ATEN_V_SAML_CONDITIONS,
         "NotBefore is not a time in UTC|'2026-11-24T09:59:00'", "a beginning without a zone"},
        {"r,a", "NotOnOrAfter=\"2026-11-24T10:04:00Z", "NotOnOrAfter=\"", ATEN_V_SAML_CONDITIONS, "NotOnOrAfter|''",
         "an empty end"},
        {"r,a", "NotOnOrAfter=\"2026-11-24T10:04:00Z", "NotOnOrAfter=\"tomorrow", ATEN_V_SAML_CONDITIONS, "'tomorrow'",
         "a word"},
    };

    (void)state;
    RUN(rows);
}

/* Each window to the microsecond. The clock skew is 60 seconds. */
static void windows(void **state)
{
#define CONFIRMED_ALONE .from = WINDOW, .to = ""
    static const row_t rows[] = {
        {.ops = "r,a", .later = -120 * SECOND, .verdict = ATEN_V_OK, .reason = "NotBefore and skew: the first instant",
         .from = "AuthnInstant=\"2026-11-24T09:58", .to = "AuthnInstant=\"2026-11-24T09:50"},
        {.ops = "r,a", .later = -120 * SECOND - 1, .verdict = ATEN_V_SAML_NOT_YET,
         .said = "NotBefore|60 seconds|60 apart",
         .reason = "one microsecond before", .from = "AuthnInstant=\"2026-11-24T09:58",
         .to = "AuthnInstant=\"2026-11-24T09:50"},
        {.ops = "r,a", .later = 300 * SECOND - 1, .verdict = ATEN_V_OK,
         .reason = "NotOnOrAfter and skew: the last instant"},
        {.ops = "r,a", .later = 300 * SECOND, .verdict = ATEN_V_SAML_EXPIRED,
         .said = "NotOnOrAfter of the Conditions|60 seconds ago|60 apart",
         .reason = "the end itself"},
        {.ops = "r,a", .verdict = ATEN_V_OK, .from = " NotOnOrAfter=\"2026-11-24T10:04:00Z\"", .to = "",
         .reason = "a beginning without an end"},
        {.ops = "r,a", .verdict = ATEN_V_OK, .from = " NotBefore=\"2026-11-24T09:59:00Z\"", .to = "",
         .reason = "an end without a beginning"},
        {.ops = "r,a", .later = 3600 * SECOND, .verdict = ATEN_V_SAML_EXPIRED, .said = "3360 seconds ago",
         .reason = "long after"},
        {.ops = "r,a", .later = 359 * SECOND + 999999, .verdict = ATEN_V_OK, CONFIRMED_ALONE,
         .reason = "the confirmation alone: its last instant"},
        {.ops = "r,a", .later = 360 * SECOND, .verdict = ATEN_V_SAML_EXPIRED,
         .said = "of the confirmation|60 seconds ago", CONFIRMED_ALONE,
         .reason = "its end"},
        {.ops = "r,a", .later = 300 * SECOND - 1, .verdict = ATEN_V_OK, .from = "10:04:00Z", .to = "10:04:00.999Z",
         .reason = "a fraction of the end is dropped: the last instant"},
        {.ops = "r,a", .later = 300 * SECOND, .verdict = ATEN_V_SAML_EXPIRED, .said = "60 seconds", .from = "10:04:00Z",
         .to = "10:04:00.999Z",
         .reason = "and does not lengthen it"},
        {.ops = "r,a", .later = -120 * SECOND, .verdict = ATEN_V_OK, .from = "09:59:00Z", .to = "09:59:00.999Z",
         .from2 = "AuthnInstant=\"2026-11-24T09:58", .to2 = "AuthnInstant=\"2026-11-24T09:50",
         .reason = "a fraction of the beginning is dropped towards the past"},
        {.ops = "r,a", .verdict = ATEN_V_OK, .from = "AuthnInstant=\"2026-11-24T09:58:00",
         .to = "AuthnInstant=\"2026-11-24T10:01:00",
         .reason = "AuthnInstant and skew: as far as it goes"},
        {.ops = "r,a", .later = -1, .verdict = ATEN_V_SAML_AUTHN, .said = "AuthnInstant|60 seconds|60 apart",
         .from = "AuthnInstant=\"2026-11-24T09:58:00", .to = "AuthnInstant=\"2026-11-24T10:01:00", .reason = "further"},
        {.ops = "r,a", .verdict = ATEN_V_OK, .from = "AuthnInstant=\"2026-11-24", .to = "AuthnInstant=\"2020-11-24",
         .reason = "logged in years ago: for the caller to judge"},
        {.ops = "r,a", .later = -1, .verdict = ATEN_V_OK, .from = " SessionIndex",
         .to = " SessionNotOnOrAfter=\"2026-11-24T10:00:00Z\" SessionIndex",
         .reason = "the portal's session: its last instant, without skew"},
        {.ops = "r,a", .verdict = ATEN_V_SAML_EXPIRED, .said = "SessionNotOnOrAfter|0 seconds ago",
         .from = " SessionIndex",
         .to = " SessionNotOnOrAfter=\"2026-11-24T10:00:00Z\" SessionIndex", .reason = "its end"},
    };
#undef CONFIRMED_ALONE

    (void)state;
    RUN(rows);
}

/* Until when the IDs must be remembered: as long as the same answer could be believed. */
static void remembered(void **state)
{
#define LATER_ONE "<saml:SubjectConfirmation Method=\"" BEARER "\"><saml:SubjectConfirmationData Recipient=\"" ACS \
    "\" NotOnOrAfter=\"2026-11-24T10:09:00Z\" InResponseTo=\"_q\"/></saml:SubjectConfirmation>"
    static const struct { const char *from, *to; int seconds; const char *why; } cases[] = {
        {"10:04:00Z", "10:20:00Z", 360, "the confirmation ends first"},
        {WINDOW, "", 360, "Conditions without an end"},
        {"10:05:00Z", "10:20:00Z", 300, "the conditions end first"},
        {CONFIRMATION, CONFIRMATION LATER_ONE, 300, "a later confirmation does not lengthen the conditions"},
    };

    (void)state;
    for (int i = 0; i < COUNT(cases); i++) {
        const char *text = message_done(replaced(RESPONSE, cases[i].from, cases[i].to, 0), "a");

        if (read_ok(text)->valid_until != NOW + cases[i].seconds * SECOND) fail_msg("%s", cases[i].why);
    }
    for (int i = 0; i < 2; i++) {
        const char *text = replaced(RESPONSE, CONFIRMATION, i ? CONFIRMATION LATER_ONE : LATER_ONE CONFIRMATION, 0);

        text = message_done(replaced(text, WINDOW, "", 0), "a");
        assert_int_equal(read_ok(text)->valid_until, NOW + (540 + 60) * SECOND);
    }
#undef LATER_ONE
}

/* --- the subject --- */

static void subjects(void **state)
{
    static const row_t rows[] = {
        {"r,a", SUBJECT, "", ATEN_V_SAML_SUBJECT, "0 Subject", "none"},
        {"r,a", SUBJECT, SUBJECT SUBJECT, ATEN_V_SAML_SUBJECT, "2 Subject", "two"},
        {"r,a", SUBJECT, "<saml:Subject/>", ATEN_V_SAML_CONFIRMATION, BEARER, "an empty one"},
        {"r,a", NAMEID, NAMEID NAMEID, ATEN_V_SAML_SUBJECT, "more than one", "two NameIDs"},
        {"r,a", NAMEID, "<saml:BaseID/>", ATEN_V_SAML_SUBJECT, "'BaseID'", "a BaseID"},
        {"r,a", NAMEID, "<x:NameID xmlns:x=\"urn:x\">x</x:NameID>" NAMEID, ATEN_V_SAML_SUBJECT, "'NameID'",
         "another namespace"},
        {"r,a", NAME_ID "<", "<", ATEN_V_SAML_SUBJECT, "empty", "an empty NameID"},
        {"r,a", NAME_ID "<", " \n<", ATEN_V_SAML_SUBJECT, "empty", "a NameID of blanks"},
        {"r,a", NAME_ID "<", NAME_ID "<b>x</b><", ATEN_V_SAML_SUBJECT, "element", "an element inside"},
        {"r,a", NAME_ID "<", NAME_ID "&#x85;<", ATEN_V_SAML_SUBJECT, "control", "a control character"},
        {"r,a", NAME_ID "<", NAME_ID "\n" NAME_ID "<", ATEN_V_SAML_SUBJECT, "control", "a line end inside"},
        {"r,a", " Format=\"" ATEN_NAMEID_TRANSIENT "\"", " Format=\"x&#9;y\"", ATEN_V_SAML_SUBJECT, "Format",
         "its Format"},
        {"r,a", "<saml:NameID ", "<saml:NameID NameQualifier=\"x&#9;y\" ", ATEN_V_SAML_SUBJECT, "NameQualifier",
         "its qualifier"},
        {"r,a", "<saml:NameID ", "<saml:NameID SPNameQualifier=\"x&#9;y\" ", ATEN_V_SAML_SUBJECT, "SPNameQualifier",
         "the other one"},
    };
    char long_id[ATEN_SAML_NAMEID_BYTES_MAX + 2];

    (void)state;
    RUN(rows);
    memset(long_id, 'n', sizeof(long_id));
    long_id[sizeof(long_id) - 1] = '\0';
    judged("a NameID of 1025 bytes", message_done(replaced(RESPONSE, NAME_ID, long_id, 0), "a"), ATEN_V_SAML_SUBJECT,
           "1024", NOW);
    judged("a SessionIndex of 1025 bytes", message_done(replaced(RESPONSE, "\"_s\"", apr_pstrcat(pool, "\"", long_id,
                                                                                                 "\"", NULL), 0),
           "a"), ATEN_V_SAML_AUTHN, "SessionIndex|1024", NOW);
    judged("a class of 1025 bytes", message_done(replaced(RESPONSE, PASSWORD, long_id, 0), "a"), ATEN_V_SAML_AUTHN,
           "ClassRef|1024", NOW);
    judged("an InResponseTo of 1025 bytes", message_done(replaced(RESPONSE, "\"_q\"", apr_pstrcat(pool, "\"", long_id,
                                                                                                  "\"", NULL), 1),
           "a"), ATEN_V_SAML_IN_RESPONSE_TO, "1024", NOW);
    judged("an ID of 1025 bytes", replaced(RESPONSE, "\"_r\"", apr_pstrcat(pool, "\"", long_id, "\"", NULL), 0),
           ATEN_V_SAML_MALFORMED, "1024", NOW);
    long_id[ATEN_SAML_NAMEID_BYTES_MAX] = '\0';
    assert_string_equal(read_ok(message_done(replaced(RESPONSE, NAME_ID, long_id, 0), "a"))->subject.name_id, long_id);
}

/* A name is read whole, whatever it is cut up by, before and after it was signed. */
static void whole_names(void **state)
{
    static const struct { const char *written, *read, *why; } cases[] = {
        {"admin<!-- -->.evil", "admin.evil", "a comment"},
        {"admin<![CDATA[]]>.evil", "admin.evil", "empty CDATA"},
        {"admin<![CDATA[.evil]]>", "admin.evil", "CDATA"},
        {"<![CDATA[admin]]>.evil", "admin.evil", "CDATA in front"},
        {"admin<?x y?>.evil", "admin.evil", "a processing instruction"},
        {"<!-- -->admin<!-- --><![CDATA[.]]><?x?>evil<!-- -->", "admin.evil", "all of them"},
        {"&#97;dmin&#x2E;evil", "admin.evil", "references"},
        {"a&amp;b&lt;c&gt;&apos;&quot;", "a&b<c>'\"", "the five entities of XML"},
        {"<![CDATA[<!-- a -->&lt;]]>", "<!-- a -->&lt;", "markup as text"},
        {"\n  admin\t ", "admin", "blanks at the ends"},
        {"ad min", "ad min", "a blank inside"},
        {"\xC3\x89l\xC3\xA9onore", "\xC3\x89l\xC3\xA9onore", "accents"},
    };

    (void)state;
    for (int i = 0; i < COUNT(cases); i++) {
        const char *name = replaced(RESPONSE, NAME_ID, cases[i].written, 0),
        *value = replaced(RESPONSE, VALUE, cases[i].written, 0);

        for (const char *const *ops = (const char *const[]){"a", "r", "ar", "ag", "gr", NULL}; *ops; ops++) {
            const char *got = judged(cases[i].why, message_done(name, *ops), ATEN_V_OK, NULL, NOW)->subject.name_id;

            if (strcmp(got, cases[i].read)) fail_msg("NameID, %s (%s): %s", cases[i].why, *ops, got);
            got = values_of(judged(cases[i].why, message_done(value, *ops), ATEN_V_OK, NULL, NOW), "FrEduVecteur");
            if (strcmp(got, cases[i].read)) fail_msg("value, %s (%s): %s", cases[i].why, *ops, got);
        }
    }
    assert_string_equal(read_ok(replaced(message_done(RESPONSE, "a"), NAME_ID, "Zna<!-- x -->me-<![CDATA[1]]>",
                                         0))->subject.name_id,
                        NAME_ID);
}

static void qualifiers(void **state)
{
    const aten_saml_answer_t *answer = read_ok(message_done(replaced(RESPONSE, "<saml:NameID ",
        "<saml:NameID NameQualifier=\"urn:n\" SPNameQualifier=\"urn:s\" ", 0), "a"));

    (void)state;
    assert_string_equal(answer->subject.name_qualifier, "urn:n");
    assert_string_equal(answer->subject.sp_name_qualifier, "urn:s");
    answer = read_ok(message_done(replaced(RESPONSE, "<saml:NameID ", "<saml:NameID NameQualifier=\"\" ", 0), "a"));
    assert_null(answer->subject.name_qualifier);
    answer = read_ok(message_done(replaced(RESPONSE, NAMEID, "", 0), "a"));
    assert_null(answer->subject.name_id);
    assert_null(answer->subject.format);
}

#define DATA_WITH(attributes) "<saml:SubjectConfirmationData " attributes "/>"
#define CONFIRMED(method, data) "<saml:SubjectConfirmation Method=\"" method "\">" data "</saml:SubjectConfirmation>"
#define RECIPIENT "Recipient=\"" ACS "\" "
#define UNTIL "NotOnOrAfter=\"2026-11-24T10:05:00Z\" "
#define ANSWERS "InResponseTo=\"_q\" "
#define ELSEWHERE CONFIRMED(BEARER, DATA_WITH("Recipient=\"https://autre.example/acs\" " UNTIL ANSWERS))
#define OLD CONFIRMED(BEARER, DATA_WITH(RECIPIENT "NotOnOrAfter=\"2026-11-24T09:50:00Z\" " ANSWERS))

static void confirmations(void **state)
{
    static const row_t rows[] = {
        {"r,a", CONFIRMATION, "", ATEN_V_SAML_CONFIRMATION, "no SubjectConfirmation|" BEARER, "none"},
        {"r,a", CONFIRMATION, CONFIRMED(VOUCHES, DATA), ATEN_V_SAML_CONFIRMATION, "no SubjectConfirmation",
         "another method"},
        {"r,a", CONFIRMATION, CONFIRMED("", DATA), ATEN_V_SAML_CONFIRMATION, "no SubjectConfirmation", "an empty one"},
        {"r,a", " Method=\"" BEARER "\"", "", ATEN_V_SAML_CONFIRMATION, "no SubjectConfirmation", "no method"},
        {"r,a", CONFIRMATION, CONFIRMED(BEARER, ""), ATEN_V_SAML_CONFIRMATION, "0 SubjectConfirmationData", "no data"},
        {"r,a", CONFIRMATION, CONFIRMED(BEARER, DATA DATA), ATEN_V_SAML_CONFIRMATION, "2 SubjectConfirmationData",
         "two"},
        {"r,a", CONFIRMATION, CONFIRMED(BEARER, DATA_WITH(UNTIL ANSWERS)), ATEN_V_SAML_CONFIRMATION,
         "Recipient is '-'|" ACS,
         "no Recipient"},
        {"r,a", CONFIRMATION, ELSEWHERE, ATEN_V_SAML_CONFIRMATION, "autre.example|" ACS, "another Recipient"},
        {"r,a", CONFIRMATION, CONFIRMED(BEARER, DATA_WITH("Recipient=\"" ACS "/\" " UNTIL ANSWERS)),
         ATEN_V_SAML_CONFIRMATION,
         ACS "/'", "a slash more"},
        {"r,a", CONFIRMATION, CONFIRMED(BEARER, DATA_WITH(RECIPIENT ANSWERS)), ATEN_V_SAML_CONFIRMATION,
         "no NotOnOrAfter", "no end"},
        {"r,a", CONFIRMATION, CONFIRMED(BEARER, DATA_WITH(RECIPIENT "NotOnOrAfter=\"x\" " ANSWERS)),
         ATEN_V_SAML_CONFIRMATION,
         "NotOnOrAfter|'x'", "an end that is no time"},
        {"r,a", CONFIRMATION, CONFIRMED(BEARER, DATA_WITH(RECIPIENT UNTIL ANSWERS
                                                          "NotBefore=\"2026-11-24T09:00:00Z\"")),
         ATEN_V_SAML_CONFIRMATION, "NotBefore", "a beginning, which it must not have"},
        {"r,a", CONFIRMATION, CONFIRMED(BEARER, DATA_WITH(RECIPIENT UNTIL ANSWERS "NotBefore=\"\"")),
         ATEN_V_SAML_CONFIRMATION,
         "NotBefore", "an empty one"},
        {"r,a", CONFIRMATION, OLD, ATEN_V_SAML_EXPIRED, "confirmation was 600 seconds ago", "over"},
        {"r,a", CONFIRMATION, ELSEWHERE OLD, ATEN_V_SAML_EXPIRED, "600 seconds", "one for another, and ours is over"},
        {"r,a", CONFIRMATION, OLD ELSEWHERE, ATEN_V_SAML_EXPIRED, "600 seconds", "in the other order"},
        {"r,a", CONFIRMATION, CONFIRMED(BEARER, DATA_WITH(RECIPIENT ANSWERS)) ELSEWHERE, ATEN_V_SAML_CONFIRMATION,
         "no NotOnOrAfter", "what the two lack does not add up: the first says why"},
        {"r,a", CONFIRMATION, ELSEWHERE CONFIRMATION, ATEN_V_OK, NULL, "one for another service, then ours"},
        {"r,a", CONFIRMATION, CONFIRMATION ELSEWHERE, ATEN_V_OK, NULL, "in the other order"},
        {"r,a", CONFIRMATION, OLD CONFIRMATION, ATEN_V_OK, NULL, "one that is over, then ours"},
        {"r,a", CONFIRMATION, CONFIRMED(VOUCHES, "") CONFIRMATION, ATEN_V_OK, NULL, "another method, then ours"},
        {"r,a", CONFIRMATION, CONFIRMED(BEARER, "<saml:NameID>confirmer</saml:NameID>" DATA), ATEN_V_OK, NULL,
         "with a name of who confirms"},
        {"r,a", CONFIRMATION, CONFIRMED(BEARER, DATA_WITH(RECIPIENT UNTIL ANSWERS "Address=\"192.0.2.1\"")), ATEN_V_OK,
         NULL,
         "with an address, which says nothing behind a proxy"},
    };

    (void)state;
    RUN(rows);
    assert_string_equal(read_ok(message_done(replaced(RESPONSE, CONFIRMATION,
        CONFIRMED(BEARER, "<saml:NameID>confirmer</saml:NameID>" DATA), 0), "a"))->subject.name_id, NAME_ID);
}

/* --- which request --- */

static void in_response_to(void **state)
{
#define OF_RESPONSE " InResponseTo=\"_q\">" ISSUER
#define SILENT ">" ISSUER
#define OF_DATA " InResponseTo=\"_q\"/>"
    static const row_t rows[] = {
        {"r,ar,a", OF_RESPONSE, SILENT, ATEN_V_OK, NULL, "nobody asked", .from2 = OF_DATA, .to2 = "/>"},
        {"r,ar,a", NULL, NULL, ATEN_V_OK, NULL, "both say the same"},
        {"r,ar", OF_RESPONSE, SILENT, ATEN_V_SAML_IN_RESPONSE_TO,
         "SubjectConfirmationData has an InResponseTo|the response has none",
         "a signed response that does not say it"},
        {"a,ag", OF_RESPONSE, SILENT, ATEN_V_OK, NULL, "an unsigned one may leave it to the assertion"},
        {"r,ar,a", OF_DATA, "/>", ATEN_V_SAML_IN_RESPONSE_TO,
         "the response has an InResponseTo|SubjectConfirmationData has none",
         "the response alone"},
        {"r,ar,a", OF_DATA, " InResponseTo=\"_p\"/>", ATEN_V_SAML_IN_RESPONSE_TO, "are two", "two requests"},
        {"r,a", OF_DATA, " InResponseTo=\"_q \"/>", ATEN_V_SAML_IN_RESPONSE_TO, "are two", "a blank behind it"},
        {"r,a", OF_RESPONSE, " InResponseTo=\"\">" ISSUER, ATEN_V_SAML_IN_RESPONSE_TO, "are two",
         "an empty one in the response"},
        {"r,a", OF_RESPONSE, " InResponseTo=\"\">" ISSUER, ATEN_V_SAML_IN_RESPONSE_TO, "empty", "both empty",
         .from2 = OF_DATA,
         .to2 = " InResponseTo=\"\"/>"},
        {"r,a", OF_RESPONSE, SILENT, ATEN_V_SAML_IN_RESPONSE_TO, "empty", "an empty one in the assertion alone",
         .from2 = OF_DATA,
         .to2 = " InResponseTo=\"\"/>"},
        {"r,a", OF_RESPONSE, " InResponseTo=\"_q&#x85;\">" ISSUER, ATEN_V_SAML_IN_RESPONSE_TO, "control",
         "a control character",
         .from2 = OF_DATA, .to2 = " InResponseTo=\"_q&#x85;\"/>"},
        {"r,a", CONFIRMATION, CONFIRMATION CONFIRMED(BEARER, DATA_WITH(RECIPIENT UNTIL "InResponseTo=\"_p\"")),
         ATEN_V_SAML_IN_RESPONSE_TO, "two bearer confirmations", "two confirmations that hold, of two requests"},
        {"r,a", CONFIRMATION, CONFIRMATION CONFIRMED(BEARER, DATA_WITH(RECIPIENT UNTIL)), ATEN_V_SAML_IN_RESPONSE_TO,
         "two bearer confirmations", "two that hold, one of no request"},
        {"r,a", CONFIRMATION, CONFIRMED(BEARER, DATA_WITH(RECIPIENT UNTIL)) CONFIRMATION, ATEN_V_SAML_IN_RESPONSE_TO,
         "two bearer confirmations", "in the other order"},
        {"r,a", CONFIRMATION, CONFIRMATION CONFIRMATION, ATEN_V_OK, NULL, "two that hold, of one request"},
        {"r,a", CONFIRMATION, CONFIRMATION CONFIRMED(BEARER, DATA_WITH("Recipient=\"urn:x\" " UNTIL
                                                                       "InResponseTo=\"_p\"")),
         ATEN_V_OK, NULL, "what a confirmation says that does not hold is nothing to us"},
    };

    (void)state;
    RUN(rows);
    for (const char *const *ops = (const char *const[]){"a", "r", NULL}; *ops; ops++) {
        const char *text = replaced(replaced(RESPONSE, OF_RESPONSE, SILENT, 0), OF_DATA, "/>", 0);

        assert_null(read_ok(message_done(text, *ops))->in_response_to);
    }
    assert_string_equal(read_ok(message_done(replaced(RESPONSE, OF_RESPONSE, SILENT, 0), "a"))->in_response_to, "_q");
}

/* --- how the person logged in --- */

static void authn(void **state)
{
    static const row_t rows[] = {
        {"r,a", AUTHN, "", ATEN_V_SAML_AUTHN, "no AuthnStatement", "none"},
        {"r,a", "<saml:AuthnStatement ", "<x:AuthnStatement xmlns:x=\"urn:x\" ", ATEN_V_SAML_AUTHN, "no AuthnStatement",
         "of another namespace", .from2 = "</saml:AuthnStatement>", .to2 = "</x:AuthnStatement>"},
        {"r,a", " AuthnInstant=\"2026-11-24T09:58:00Z\"", "", ATEN_V_SAML_AUTHN, "no AuthnInstant", "no instant"},
        {"r,a", "09:58:00Z", "09:58:00+00:00", ATEN_V_SAML_AUTHN, "AuthnInstant|09:58:00+00:00",
         "an instant that is no time"},
        {"r,a", " SessionIndex", " SessionNotOnOrAfter=\"x\" SessionIndex", ATEN_V_SAML_AUTHN,
         "SessionNotOnOrAfter|'x'",
         "an end that is no time"},
        {"r,a", "SessionIndex=\"_s\"", "SessionIndex=\"_s&#9;\"", ATEN_V_SAML_AUTHN, "SessionIndex",
         "a control character"},
        {"r,a", CLASS, CLASS CLASS, ATEN_V_SAML_AUTHN, "more than one", "two classes"},
        {"r,a", "<saml:AuthnContext>", "<saml:AuthnContext/><saml:AuthnContext>", ATEN_V_SAML_AUTHN, "more than one",
         "two contexts"},
        {"r,a", PASSWORD, "urn:<x/>", ATEN_V_SAML_AUTHN, "element", "an element in the class"},
        {"r,a", PASSWORD, "urn:x\nurn:y", ATEN_V_SAML_AUTHN, "control", "a line end in it"},
        {"r,a", AUTHN, "<saml:AuthnStatement/>" AUTHN, ATEN_V_SAML_AUTHN, "no AuthnInstant", "the first counts"},
        {"r,a", AUTHN, AUTHN "<saml:AuthnStatement/>", ATEN_V_OK, NULL, "and no other"},
    };
    const aten_saml_answer_t *answer;

    (void)state;
    RUN(rows);
    answer = read_ok(message_done(replaced(RESPONSE, " SessionIndex=\"_s\"",
                                           " SessionIndex=\"\" SessionNotOnOrAfter=\"2026-11-24T18:00:00.5Z\"", 0),
                                           "a"));
    assert_null(answer->subject.session_index);
    assert_int_equal(answer->session_end, NOW + 8 * 3600 * SECOND);
    answer = read_ok(message_done(replaced(RESPONSE, CLASS, "", 0), "a"));
    assert_null(answer->subject.authn_context);
    answer = read_ok(message_done(replaced(RESPONSE, PASSWORD, " ", 0), "a"));
    assert_null(answer->subject.authn_context);
    answer = read_ok(message_done(replaced(RESPONSE, PASSWORD, "\n urn:<!-- -->x\n", 0), "a"));
    assert_string_equal(answer->subject.authn_context, "urn:x");
    answer = read_ok(message_done(replaced(RESPONSE, AUTHN,
                                           "<saml:AuthnStatement AuthnInstant=\"2026-11-24T09:00:00Z\"/>" AUTHN, 0),
                                           "a"));
    assert_int_equal(answer->authn_instant, NOW - 3600 * SECOND);
    assert_null(answer->subject.session_index);
}

/* --- attributes --- */

static void attributes(void **state)
{
    static const row_t rows[] = {
        {"r,a,ag", STATEMENT, ATTRIBUTES("<saml:EncryptedAttribute/>"), ATEN_V_SAML_ATTRIBUTE,
         "EncryptedAttribute|not supported",
         "an EncryptedAttribute"},
        {"r,a", STATEMENT, ATTRIBUTES("<x:Attribute xmlns:x=\"urn:x\" Name=\"a\"/>"), ATEN_V_SAML_ATTRIBUTE,
         "'Attribute'",
         "an attribute of another namespace"},
        {"r,a", " Name=\"FrEduVecteur\"", "", ATEN_V_SAML_ATTRIBUTE, "Name|'-'", "no Name"},
        {"r,a", "Name=\"FrEduVecteur\"", "Name=\"\"", ATEN_V_SAML_ATTRIBUTE, "Name|''", "an empty one"},
        {"r,a", "Name=\"FrEduVecteur\"", "Name=\"x&#10;y\"", ATEN_V_SAML_ATTRIBUTE, "'x\\ny'", "a line end in it"},
        {"r,a", VALUE, VALUE "<x/>", ATEN_V_SAML_ATTRIBUTE, "'FrEduVecteur'|element", "an element inside a value"},
        {"r,a", VALUE, "<saml:AttributeValue>" VALUE "</saml:AttributeValue>", ATEN_V_SAML_ATTRIBUTE, "element",
         "a value in a value"},
        {"r,a", VALUE, "<x:NameID xmlns:x=\"urn:x\">x</x:NameID>", ATEN_V_SAML_ATTRIBUTE, "element",
         "a NameID of another namespace"},
        {"r,a", VALUE, "<saml:NameID>x</saml:NameID><saml:NameID>y</saml:NameID>", ATEN_V_SAML_ATTRIBUTE, "element",
         "two NameIDs"},
        {"r,a", VALUE, "x<saml:NameID>y</saml:NameID>", ATEN_V_SAML_ATTRIBUTE, "element", "text before a NameID"},
        {"r,a", VALUE, "<saml:NameID>y</saml:NameID><![CDATA[x]]>", ATEN_V_SAML_ATTRIBUTE, "element", "text behind it"},
        {"r,a", VALUE, "<saml:NameID>y<z/></saml:NameID>", ATEN_V_SAML_ATTRIBUTE, "element", "an element in it"},
        {"r,a", VALUE, "x&#x9f;y", ATEN_V_SAML_ATTRIBUTE, "'FrEduVecteur'|control", "a control character"},
        {"r,a", VALUE, "x\nX-Injected: y", ATEN_V_SAML_ATTRIBUTE, "line ends", "a line end inside"},
        {"r,a", "<saml:AttributeValue>", "<x/><saml:AttributeValue>", ATEN_V_SAML_ATTRIBUTE, "'x'|no AttributeValue",
         "another element beside a value"},
        {"r,a", "<saml:AttributeValue>", "<AttributeValue xmlns=\"urn:x\">y</AttributeValue><saml:AttributeValue>",
         ATEN_V_SAML_ATTRIBUTE, "'AttributeValue'|no AttributeValue", "a value of another namespace"},
    };

    (void)state;
    RUN(rows);
}

static void attribute_values(void **state)
{
#define V(value) "<saml:AttributeValue>" value "</saml:AttributeValue>"
    static const struct { const char *statements, *values, *why; } cases[] = {
        {ONE(V("x")), "x", "one"},
        {ONE(V("x") V("y")), "x/y", "two, in their order"},
        {ONE(V("x") V("x")), "x/x", "the same twice"},
        {ONE(V("x")) ONE(V("y")), "x/y", "over two statements"},
        {ATTRIBUTES("<saml:Attribute Name=\"a\">" V("x") "</saml:Attribute><saml:Attribute Name=\"b\">" V("z")
                    "</saml:Attribute><saml:Attribute Name=\"a\">" V("y") "</saml:Attribute>"), "x/y",
                    "two of the same Name"},
        {ATTRIBUTES("<saml:Attribute Name=\"a\" NameFormat=\"urn:x\" FriendlyName=\"b\">" V("x") "</saml:Attribute>"
                    "<saml:Attribute Name=\"a\" NameFormat=\"urn:y\">" V("y") "</saml:Attribute>"), "x/y",
                    "NameFormat says nothing"},
        {ATTRIBUTES("<saml:Attribute Name=\"A\">" V("x") "</saml:Attribute>"), "-", "case counts"},
        {ATTRIBUTES("<saml:Attribute Name=\" a\">" V("x") "</saml:Attribute>"), "-", "so does a blank"},
        {ATTRIBUTES("<saml:Attribute Name=\"b\" FriendlyName=\"a\">" V("x") "</saml:Attribute>"), "-",
         "FriendlyName is none"},
        {ONE(""), "-", "no value"},
        {ONE(V("")), "-", "an empty one"},
        {ONE("<saml:AttributeValue/>"), "-", "an empty element"},
        {ONE(V(" \n\t ")), "-", "blanks"},
        {ONE(V("") V("x") V("")), "x", "empty ones beside another"},
        {ONE(V("\n  x y  \n")), "x y", "trimmed, but not inside"},
        {ONE("<saml:AttributeValue" XMLNS_XSI " xsi:nil=\"true\"/>"), "-", "nil"},
        {ONE("<saml:AttributeValue" XMLNS_XSI " xsi:nil=\"true\">x</saml:AttributeValue>"), "-", "with something in it"},
        {ONE("<saml:AttributeValue" XMLNS_XSI " xsi:nil=\"1\">x</saml:AttributeValue>"), "-",
         "the other way to say it"},
        {ONE("<saml:AttributeValue" XMLNS_XSI " xsi:nil=\"false\">x</saml:AttributeValue>"), "x", "not nil"},
        {ONE("<saml:AttributeValue nil=\"true\">x</saml:AttributeValue>"), "x", "nil of no namespace"},
        {ONE("<saml:AttributeValue" XMLNS_XSI " xsi:type=\"xs:integer\">7</saml:AttributeValue>"), "7",
         "a type, its prefix unknown"},
        {ONE(V("<saml:NameID NameQualifier=\"urn:q\">x</saml:NameID>")), "x", "a NameID"},
        {ONE(V("\n <!-- a --> <saml:NameID> x<!-- b -->y </saml:NameID>\n")), "xy",
         "a NameID, with blanks and comments"},
        {ONE(V("<saml:NameID/>")), "-", "an empty NameID"},
        {ONE(V("$;|,\\&quot;")), "$;|,\\\"", "signs that separate elsewhere"},
        {ONE(V("\xF0\x9F\x98\x80\xC3\xA9")), "\xF0\x9F\x98\x80\xC3\xA9", "beyond ASCII"},
        {ONE("<!-- a -->" V("x") "<?b?>"), "x", "a comment between values"},
        {ONE(V("x")) "<x:AttributeStatement xmlns:x=\"urn:x\"><saml:Attribute Name=\"a\">" V("y")
         "</saml:Attribute></x:AttributeStatement>", "x", "a statement of another namespace says nothing"},
    };

    (void)state;
    for (int i = 0; i < COUNT(cases); i++) {
        for (const char *const *ops = (const char *const[]){"a", "r", "gr", NULL}; *ops; ops++) {
            const char *text = message_done(replaced(RESPONSE, STATEMENT, cases[i].statements, 0), *ops);
            const aten_saml_answer_t *answer = judged(cases[i].why, text, ATEN_V_OK, NULL, NOW);

            if (strcmp(values_of(answer, "a"), cases[i].values)) fail_msg("%s: %s", cases[i].why,
                                                                          values_of(answer, "a"));
        }
    }
#undef V
}

/* CDATA is what shows whose tree is read: of the digested bytes it is text, as it came it is not. */
static void digested_bytes(void **state)
{
    static const row_t rows[] = {
        {"a,r,ar,ag", VALUE, "<saml:NameID>x</saml:NameID><![CDATA[ ]]>", ATEN_V_OK, NULL, "read as it was digested"},
        {"gr", VALUE, "<saml:NameID>x</saml:NameID><![CDATA[ ]]>", ATEN_V_SAML_ATTRIBUTE, "element",
         "only its cipher was digested"},
    };

    (void)state;
    RUN(rows);
}

static const char *times_of(const char *text, int count)
{
    apr_array_header_t *parts = apr_array_make(pool, count + 1, sizeof(const char *));

    for (int i = 0; i < count; i++) {
        APR_ARRAY_PUSH(parts, const char *) = strstr(text, "%d") ? replaced(text, "%d", apr_itoa(pool, i), 0) : text;
    }
    return apr_array_pstrcat(pool, parts, '\0');
}

static void limits_of(const char *reason, const char *statements, aten_verdict_t verdict, const char *said)
{
    judged(reason, message_done(replaced(RESPONSE, STATEMENT, statements, 0), "a"), verdict, said, NOW);
}

static void limits(void **state)
{
    const char *named = "<saml:Attribute Name=\"a%d\"/>", *value = "<saml:AttributeValue>x</saml:AttributeValue>";
    const char *empty = "<saml:AttributeValue/>", *statement = "<saml:AttributeStatement>%d</saml:AttributeStatement>";

    (void)state;
    limits_of("200 attributes", replaced(statement, "%d", times_of(named, 200), 0), ATEN_V_OK, NULL);
    limits_of("201", replaced(statement, "%d", times_of(named, 201), 0), ATEN_V_SAML_ATTRIBUTE,
              "more than 200 attributes");
    limits_of("201 over 201 statements", times_of(replaced(statement, "%d", named, 0), 201), ATEN_V_SAML_ATTRIBUTE,
              "200");
    limits_of("500 values", replaced(ONE("%d"), "%d", times_of(value, 500), 0), ATEN_V_OK, NULL);
    limits_of("501", replaced(ONE("%d"), "%d", times_of(value, 501), 0), ATEN_V_SAML_ATTRIBUTE, "more than 500 values");
    limits_of("501 over two attributes", apr_pstrcat(pool, replaced(ONE("%d"), "%d", times_of(value, 250), 0),
              replaced(ONE("%d"), "%d", times_of(value, 251), 0), NULL), ATEN_V_SAML_ATTRIBUTE, "500");
    limits_of("501 empty ones", replaced(ONE("%d"), "%d", times_of(empty, 501), 0), ATEN_V_SAML_ATTRIBUTE, "500");
    limits_of("a value of 4096 bytes", replaced(ONE("<saml:AttributeValue>%d</saml:AttributeValue>"), "%d",
              times_of("vvvvvvvv", 512), 0), ATEN_V_OK, NULL);
    limits_of("4097", replaced(ONE("<saml:AttributeValue>%dv</saml:AttributeValue>"), "%d", times_of("vvvvvvvv", 512),
                               0),
              ATEN_V_SAML_ATTRIBUTE, "'a'|4096");
    limits_of("a Name of 256 bytes", replaced(ATTRIBUTES("<saml:Attribute Name=\"%d\"/>"), "%d", times_of("nnnnnnnn",
                                                                                                          32), 0),
              ATEN_V_OK, NULL);
    limits_of("257", replaced(ATTRIBUTES("<saml:Attribute Name=\"%dn\"/>"), "%d", times_of("nnnnnnnn", 32), 0),
              ATEN_V_SAML_ATTRIBUTE, "256|nnn...");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(audiences),
        cmocka_unit_test(conditions),
        cmocka_unit_test(windows),
        cmocka_unit_test(remembered),
        cmocka_unit_test(subjects),
        cmocka_unit_test(whole_names),
        cmocka_unit_test(qualifiers),
        cmocka_unit_test(confirmations),
        cmocka_unit_test(in_response_to),
        cmocka_unit_test(authn),
        cmocka_unit_test(attributes),
        cmocka_unit_test(attribute_values),
        cmocka_unit_test(digested_bytes),
        cmocka_unit_test(limits),
    };

    return cmocka_run_group_tests(tests, setup_messages, teardown_messages);
}
