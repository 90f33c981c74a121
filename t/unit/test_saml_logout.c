/* aten_saml_logout.h: what a portal's logout may say by both bindings, what not, and what we say to it. */
#include "saml_rows.h"

#include <openssl/err.h>

#include "aten_saml_logout.h"
#include "aten_saml_redirect.h"
#include "aten_util.h"

#define ADDRESS "https://ent.example/aten/saml/logout"
#define NONCE "AbCdEfGhIjKlMnOpQrSt-_"
#define INDEX "Zindex-1"
#define HEAD(name, more) "<samlp:" name " xmlns:samlp=\"" ATEN_NS_SAMLP "\"" XMLNS_SAML " ID=\"_l\" Version=\"2.0\"" \
    " IssueInstant=\"2026-11-24T10:00:00Z\" Destination=\"" ADDRESS "\"" more ">" ISSUER
#define SESSION "<samlp:SessionIndex>" INDEX "</samlp:SessionIndex>"
#define END " NotOnOrAfter=\"2026-11-24T10:02:00Z\""
#define REQUEST HEAD("LogoutRequest", END) NAMEID SESSION "</samlp:LogoutRequest>"
#define ANSWERS " InResponseTo=\"l" NONCE "\""
#define ANSWER HEAD("LogoutResponse", ANSWERS) STATUS "</samlp:LogoutResponse>"
#define CODE(value, inside) "<samlp:StatusCode Value=\"" value "\">" inside "</samlp:StatusCode>"
#define URN_STATUS "urn:oasis:names:tc:SAML:2.0:status:"
#define IN_STATUS(code) "<samlp:Status>" code "</samlp:Status>"

/* --- by which way a message comes, the last letter ---
 *  d  HTTP-Redirect, signed by the portal    D  by nobody's key    o  by the other portal    u  not signed
 *  p  HTTP-POST, signed by the portal        P  by nobody's key    q  by the other portal    v  not signed
 * and before it: n, m  the NameID encrypted by GCM, by CBC */
typedef struct {
    const char *query;  /* of a message by HTTP-Redirect */
    const char *base64; /* of one by HTTP-POST */
    int is_response;
} sent_t;

static EVP_PKEY *signer(char way)
{
    switch (way) {
    case 'd': case 'p': return message_keys.portal;
    case 'D': case 'P': return message_keys.stranger;
    case 'o': case 'q': return message_keys.other_portal;
    default: return NULL;
    }
}

static const char *query_of(const char *text, int is_response, const char *relay_state, EVP_PKEY *pkey)
{
    const aten_saml_key_t key = {pkey, 0, 0, NULL};
    const char *url = aten_saml_redirect_url(ADDRESS, is_response ? "SAMLResponse" : "SAMLRequest", text, relay_state,
                                             pkey ? &key : NULL, pool);

    assert_non_null(url);
    return strchr(url, '?') + 1;
}

static sent_t sent(const char *text, const char *way, int is_response)
{
    const char *start = is_response ? "<samlp:LogoutResponse" : "<samlp:LogoutRequest";
    sent_t out = {NULL, NULL, is_response};

    for (; way[1]; way++) text = encrypted_element(text, "NameID", "EncryptedID", *way == 'm');
    if (strchr("dDou", *way)) {
        out.query = query_of(text, is_response, "r", signer(*way));
        return out;
    }
    if (signer(*way)) text = sign(text, start, "_l", signer(*way));
    out.base64 = base64((const unsigned char *)text, strlen(text));
    return out;
}

static aten_saml_logout_expect_t at(apr_time_t now)
{
    aten_saml_logout_expect_t out = {expect.portals, expect.metadata, expect.keys, ADDRESS, expect.skew, now};

    return out;
}

static aten_saml_logout_message_t *judged_logout(const char *reason, const sent_t *came, aten_verdict_t verdict,
                                                 const char *said, apr_time_t now)
{
    const aten_saml_logout_expect_t rules = at(now);
    aten_saml_logout_message_t *out = (void *)&rules;
    const aten_portal_t *believed = &portal;
    const char *why = "x";
    apr_pool_t *p;
    aten_verdict_t got;

    apr_pool_create(&p, pool);
    if (came->query) got = aten_saml_logout_read_redirect(&out, &rules, came->query, &believed, &why, p);
    else got = aten_saml_logout_read_post(&out, &rules, came->base64, came->is_response, "r", &believed, &why, p);
    if (got != verdict) {
        fail_msg("%s: %s, not %s: %s", reason, aten_verdict_tag(got), aten_verdict_tag(verdict), why ? why : "-");
    }
    if (!out != (got != ATEN_V_OK)) fail_msg("%s: verdict and message disagree", reason);
    assert_int_equal(ERR_peek_error(), 0);
    if (got == ATEN_V_OK) {
        if (why || believed != out->portal) fail_msg("%s: more is said than OK", reason);
        if (out->is_response != came->is_response) fail_msg("%s: not as it came", reason);
        return out;
    }
    has_words(reason, why, said);
    if (strstr(why, "Zindex")) fail_msg("%s: says too much: %s", reason, why);
    return NULL;
}

typedef struct {
    const char *ways;       /* with commas between */
    int is_response;
    const char *from, *to;  /* replaced before it is signed, if not NULL */
    aten_verdict_t verdict;
    const char *said;       /* words of `why`, '|' between them */
    const char *reason;
    apr_interval_time_t later;
} logout_row_t;

/* The next of ways, or NULL behind the last one. */
static const char *next_way(const char **ways)
{
    const apr_size_t len = strcspn(*ways, ",");
    const char *way = len ? apr_pstrmemdup(pool, *ways, len) : NULL;

    *ways += len + ((*ways)[len] == ',');
    return way;
}

static const char *changed(const char *text, const char *from, const char *to)
{
    return from ? replaced(text, from, to, 0) : text;
}

static void run_logout(const logout_row_t *rows, int count)
{
    int i;

    for (i = 0; i < count; i++) {
        const logout_row_t *row = &rows[i];
        const char *text = changed(row->is_response ? ANSWER : REQUEST, row->from, row->to), *ways = row->ways, *way;

        while ((way = next_way(&ways)) != NULL) {
            const sent_t came = sent(text, way, row->is_response);

            judged_logout(apr_pstrcat(pool, row->reason, " (", way, ")", NULL), &came, row->verdict, row->said,
                          NOW + row->later);
        }
    }
}

#define RUN_LOGOUT(rows) run_logout(rows, COUNT(rows))
#define BOTH "d,p"
#define OK ATEN_V_OK

/* --- good ones --- */

static void good_requests(void **state)
{
    static const struct { const char *ways, *from, *to, *name, *indexes, *reason; } cases[] = {
        {BOTH, NULL, NULL, NAME_ID, INDEX, "as most portals make it"},
        {"nd,np", NULL, NULL, NAME_ID, INDEX, "an EncryptedID by GCM"},
        {"md,mp", NULL, NULL, NAME_ID, INDEX, "by CBC: the signature holds before it is decrypted"},
        {BOTH, SESSION, "", NAME_ID, "", "no SessionIndex: all sessions"},
        {BOTH, SESSION, SESSION "<samlp:SessionIndex>Zindex-2</samlp:SessionIndex>" SESSION, NAME_ID,
         INDEX "|Zindex-2|" INDEX, "several, one twice"},
        {BOTH, SESSION, "<samlp:SessionIndex>\n Zin<![CDATA[dex]]><!-- x -->-1<?y z?> </samlp:SessionIndex>", NAME_ID,
         INDEX, "a SessionIndex is read whole, and trimmed"},
        {BOTH, NAME_ID, "Zn<!-- x -->ame<![CDATA[-1]]>", NAME_ID, INDEX, "a NameID is read whole"},
        {BOTH, NAME_ID, "victim@x<!-- -->.evil.example", "victim@x.evil.example", INDEX,
         "and not to where a comment stands"},
        {BOTH, NAME_ID, "<![CDATA[Zname]]>-<![CDATA[1]]>", NAME_ID, INDEX, "all of its CDATA"},
        {BOTH, NAME_ID, "Zoé &amp; &lt;Co&gt;", "Zoé & <Co>", INDEX, "characters of any kind"},
        {BOTH, "<saml:NameID", "<saml:NameID NameQualifier=\"q\" SPNameQualifier=\"s\"", NAME_ID, INDEX, "qualifiers"},
        {BOTH, NAMEID, "<saml:NameID>" NAME_ID "</saml:NameID>", NAME_ID, INDEX, "no Format"},
        {BOTH, END, "", NAME_ID, INDEX, "no NotOnOrAfter"},
        {BOTH, END, END " Reason=\"urn:oasis:names:tc:SAML:2.0:logout:user\" Consent=\"urn:x\"", NAME_ID, INDEX,
         "Reason and Consent"},
        {BOTH, ISSUER, ISSUER "<samlp:Extensions><x:SessionIndex xmlns:x=\"urn:x\">y</x:SessionIndex>"
         "</samlp:Extensions>", NAME_ID, INDEX, "Extensions are nobody's SessionIndex"},
        {BOTH, NAMEID SESSION, SESSION NAMEID, NAME_ID, INDEX, "in another order than the schema's"},
        {BOTH, "<saml:Issuer>", "<saml:Issuer Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:entity\">", NAME_ID,
         INDEX, "an Issuer that says that it is an entity"},
        {BOTH, SESSION, "<x:SessionIndex xmlns:x=\"" ATEN_NS_SAMLP "\">" INDEX "</x:SessionIndex>", NAME_ID, INDEX,
         "another prefix of the same namespace"},
        {BOTH, SESSION, "<SessionIndex xmlns=\"" ATEN_NS_SAMLP "\">" INDEX "</SessionIndex>", NAME_ID, INDEX,
         "none"},
    };
    int i;

    for (i = 0; i < COUNT(cases); i++) {
        const char *text = changed(REQUEST, cases[i].from, cases[i].to), *ways = cases[i].ways, *way;

        while ((way = next_way(&ways)) != NULL) {
            const sent_t came = sent(text, way, 0);
            const aten_saml_logout_message_t *out = judged_logout(cases[i].reason, &came, OK, NULL, NOW);

            if (!aten_same(out->name_id, cases[i].name)) fail_msg("%s: NameID '%s'", cases[i].reason, out->name_id);
            if (!aten_same(apr_array_pstrcat(pool, out->session_indexes, '|'), cases[i].indexes)) {
                fail_msg("%s: SessionIndex %s", cases[i].reason, apr_array_pstrcat(pool, out->session_indexes, '|'));
            }
            assert_ptr_equal(out->portal, &portal);
            assert_string_equal(out->entity->entity_id, PORTAL);
            assert_string_equal(out->id, "_l");
            assert_string_equal(out->relay_state, "r");
            assert_null(out->in_response_to);
        }
    }
}

static void good_answers(void **state)
{
    static const struct { const char *from, *to; aten_logout_t outcome; const char *reason; } cases[] = {
        {NULL, NULL, ATEN_LOGOUT_DONE, "done"},
        {STATUS, IN_STATUS(CODE(SUCCESS, CODE(URN_STATUS "PartialLogout", ""))), ATEN_LOGOUT_PARTIAL,
         "PartialLogout below Success"},
        {STATUS, IN_STATUS(CODE(URN_STATUS "Responder", CODE(URN_STATUS "PartialLogout", ""))), ATEN_LOGOUT_PARTIAL,
         "below Responder"},
        {STATUS, IN_STATUS(CODE(URN_STATUS "Requester", CODE(URN_STATUS "PartialLogout", ""))), ATEN_LOGOUT_PARTIAL,
         "below Requester"},
        {STATUS, IN_STATUS(CODE(URN_STATUS "VersionMismatch", CODE(URN_STATUS "PartialLogout", ""))),
         ATEN_LOGOUT_FAILED, "below anything else"},
        {STATUS, IN_STATUS(CODE(URN_STATUS "PartialLogout", "")), ATEN_LOGOUT_FAILED, "as an outer code"},
        {STATUS, IN_STATUS(CODE(URN_STATUS "Responder", "")), ATEN_LOGOUT_FAILED, "failed"},
        {STATUS, IN_STATUS(CODE(URN_STATUS "Requester", CODE(URN_STATUS "UnknownPrincipal", ""))), ATEN_LOGOUT_FAILED,
         "not known there"},
        {STATUS, IN_STATUS(CODE(URN_STATUS "Responder", CODE(SUCCESS, ""))), ATEN_LOGOUT_FAILED,
         "Success below a failure"},
        {STATUS, IN_STATUS(CODE("success", "")), ATEN_LOGOUT_FAILED, "a code of nobody's"},
        {STATUS, IN_STATUS("<samlp:StatusCode/>"), ATEN_LOGOUT_FAILED, "a code without a value"},
        {STATUS, IN_STATUS(CODE(SUCCESS, "") "<samlp:StatusMessage>x</samlp:StatusMessage>"
         "<samlp:StatusDetail><x/></samlp:StatusDetail>"), ATEN_LOGOUT_DONE, "a message and a detail"},
    };
    static const char *const ways[] = {"d", "p"};
    int i, k;

    for (i = 0; i < COUNT(cases); i++) {
        const char *text = changed(ANSWER, cases[i].from, cases[i].to);

        for (k = 0; k < 2; k++) {
            const sent_t came = sent(text, ways[k], 1);
            const aten_saml_logout_message_t *out = judged_logout(cases[i].reason, &came, OK, NULL, NOW);

            if (out->outcome != cases[i].outcome) fail_msg("%s: %d", cases[i].reason, (int)out->outcome);
            assert_string_equal(out->in_response_to, "l" NONCE);
            assert_non_null(strstr(out->status, "StatusCode '"));
            assert_null(out->session_indexes);
            assert_ptr_equal(out->portal, &portal);
        }
    }
}

/* --- who says it --- */

static void senders(void **state)
{
    static const logout_row_t rows[] = {
        {"D,P", 0, NULL, NULL, ATEN_V_SAML_SIGNATURE, "LogoutRequest|RSA", "a key of nobody's"},
        {"D,P", 1, NULL, NULL, ATEN_V_SAML_SIGNATURE, "LogoutResponse|RSA", "of a response too"},
        {"o,q", 0, NULL, NULL, ATEN_V_SAML_SIGNATURE, "LogoutRequest", "another portal in the name of this one"},
        {"o,q", 1, NULL, NULL, ATEN_V_SAML_SIGNATURE, "LogoutResponse", "of a response too"},
        {"o,q", 0, ISSUER, "<saml:Issuer>" OTHER_PORTAL "</saml:Issuer>", OK, NULL, "another portal in its own name"},
        {"d,p", 0, ISSUER, "<saml:Issuer>" OTHER_PORTAL "</saml:Issuer>", ATEN_V_SAML_SIGNATURE, NULL,
         "this portal in the name of another"},
        {"u,v", 0, NULL, NULL, ATEN_V_SAML_UNSIGNED, NULL, "not signed"},
        {"u,v", 1, NULL, NULL, ATEN_V_SAML_UNSIGNED, NULL, "a response that is not"},
        {"D,P,u,v", 0, ISSUER, "<saml:Issuer>https://x.example</saml:Issuer>", ATEN_V_SAML_ISSUER,
         "https://x.example|" PORTAL "|" OTHER_PORTAL, "an entity of the metadata that is not believed"},
        {"d,p", 0, ISSUER, "<saml:Issuer>https://y.example</saml:Issuer>", ATEN_V_SAML_ISSUER, "https://y.example",
         "one that is nowhere"},
        {"d,p", 0, ISSUER, "<saml:Issuer></saml:Issuer>", ATEN_V_SAML_ISSUER, "''", "an empty one"},
        {"d,p", 0, PORTAL, PORTAL "/", ATEN_V_SAML_ISSUER, PORTAL "/", "nearly this one"},
        {"d,p", 0, PORTAL, "https://portail<!-- -->.example/idp", OK, NULL, "its name is read whole"},
        {"d,p", 0, ISSUER, ISSUER "<saml:Issuer>" OTHER_PORTAL "</saml:Issuer>", ATEN_V_SAML_MALFORMED, "2 Issuer",
         "two"},
        {"d,v", 0, ISSUER, "", ATEN_V_SAML_MALFORMED, "0 Issuer", "none"},
        {"d,v", 0, ISSUER, "<samlp:Issuer>" PORTAL "</samlp:Issuer>", ATEN_V_SAML_MALFORMED, "0 Issuer",
         "one in the other namespace"},
        {"d,p", 0, "<saml:Issuer>", "<saml:Issuer Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\">",
         ATEN_V_SAML_ISSUER, "Format|persistent", "one that is a person"},
        {"D,P", 0, "<saml:Issuer>", "<saml:Issuer Format=\"urn:x\">", ATEN_V_SAML_SIGNATURE, NULL,
         "the signature is looked at before what it covers"},
    };

    RUN_LOGOUT(rows);
}

static void metadata_ended(void **state)
{
    aten_saml_entity_t *entity = (aten_saml_entity_t *)(uintptr_t)aten_saml_metadata_find(expect.metadata, PORTAL);
    const sent_t redirect = sent(REQUEST, "d", 0), post = sent(REQUEST, "p", 0);
    const apr_array_header_t *keys = entity->keys;

    entity->valid_until = NOW;
    judged_logout("past its end", &redirect, ATEN_V_SAML_METADATA, NULL, NOW);
    judged_logout("past its end", &post, ATEN_V_SAML_METADATA, NULL, NOW);
    entity->valid_until = 0;
    entity->keys = NULL;
    judged_logout("no keys", &redirect, ATEN_V_SAML_SIGNATURE, "none", NOW);
    judged_logout("no keys", &post, ATEN_V_SAML_SIGNATURE, "none", NOW);
    entity->keys = (apr_array_header_t *)(uintptr_t)keys;
    judged_logout("as before", &redirect, OK, NULL, NOW);
}

/* For the log: who it claims to be, once that is somebody who is believed. */
static void sender_known(void **state)
{
    static const struct { const char *way, *from, *to; int known; } cases[] = {
        {"D", NULL, NULL, 1}, {"P", NULL, NULL, 1}, {"u", NULL, NULL, 1}, {"v", NULL, NULL, 1},
        {"d", " Destination=\"" ADDRESS "\"", "", 1}, {"d", PORTAL, "https://y.example", 0},
        {"d", "Version=\"2.0\"", "Version=\"1.1\"", 0},
    };
    int i;

    for (i = 0; i < COUNT(cases); i++) {
        const aten_saml_logout_expect_t rules = at(NOW);
        const sent_t came = sent(changed(REQUEST, cases[i].from, cases[i].to), cases[i].way, 0);
        const aten_portal_t *believed = &other_portal;
        aten_saml_logout_message_t *out;
        const char *why;

        if (came.query) aten_saml_logout_read_redirect(&out, &rules, came.query, &believed, &why, pool);
        else aten_saml_logout_read_post(&out, &rules, came.base64, 0, NULL, &believed, &why, pool);
        assert_null(out);
        assert_ptr_equal(believed, cases[i].known ? &portal : NULL);
        if (came.query) aten_saml_logout_read_redirect(&out, &rules, came.query, NULL, &why, pool);
        else aten_saml_logout_read_post(&out, &rules, came.base64, 0, NULL, NULL, &why, pool);
        assert_non_null(why);
    }
}

/* --- the form --- */

static void forms(void **state)
{
    static const logout_row_t rows[] = {
        {BOTH, 0, "Version=\"2.0\"", "Version=\"1.1\"", ATEN_V_SAML_VERSION, "1.1", "SAML 1.1"},
        {BOTH, 1, "Version=\"2.0\"", "Version=\"2.00\"", ATEN_V_SAML_VERSION, "2.00", "nearly 2.0"},
        {BOTH, 0, " Version=\"2.0\"", "", ATEN_V_SAML_VERSION, NULL, "no Version"},
        {"d,v", 0, " ID=\"_l\"", "", ATEN_V_SAML_MALFORMED, "no ID", "no ID"},
        {"d,v", 1, " ID=\"_l\"", " ID=\"\"", ATEN_V_SAML_MALFORMED, "no ID", "an empty one"},
        {"d,v", 0, NAMEID, "<saml:NameID ID=\"_l\">" NAME_ID "</saml:NameID>", ATEN_V_SAML_DUPLICATE_ID, "_l",
         "an ID that stands twice"},
        {"d,v", 0, NAMEID, "<saml:NameID xml:id=\"_l\">" NAME_ID "</saml:NameID>", ATEN_V_SAML_DUPLICATE_ID, "_l",
         "of another kind"},
        {"d,v", 0, ISSUER, ISSUER "<samlp:Extensions><x Id=\"_l\"/></samlp:Extensions>", ATEN_V_SAML_DUPLICATE_ID, "_l",
         "in a place where nobody looks"},
        {BOTH, 0, SESSION, "<saml:SessionIndex>" INDEX "</saml:SessionIndex>", ATEN_V_SAML_MALFORMED,
         "SessionIndex|assertion", "a SessionIndex in the wrong namespace is no request to end all sessions"},
        {BOTH, 0, SESSION, "<SessionIndex>" INDEX "</SessionIndex>", ATEN_V_SAML_MALFORMED, "SessionIndex|'-'",
         "nor is one in none"},
        {BOTH, 0, SESSION, "<samlp:sessionindex>" INDEX "</samlp:sessionindex>", ATEN_V_SAML_MALFORMED, "sessionindex",
         "nor one in small letters"},
        {BOTH, 0, NAMEID, NAMEID "<samlp:NameID>x</samlp:NameID>", ATEN_V_SAML_MALFORMED, "NameID", "nor a NameID"},
        {BOTH, 0, NAMEID, "<samlp:Status/>" NAMEID, ATEN_V_SAML_MALFORMED, "Status", "a Status in a request"},
        {BOTH, 1, STATUS, STATUS SESSION, ATEN_V_SAML_MALFORMED, "SessionIndex", "a SessionIndex in a response"},
        {BOTH, 1, STATUS, STATUS STATUS, ATEN_V_SAML_MALFORMED, "2 Status", "two Status"},
        {BOTH, 1, STATUS, "", ATEN_V_SAML_MALFORMED, "0 Status", "no Status"},
        {BOTH, 1, STATUS, "<samlp:Status/>", ATEN_V_SAML_MALFORMED, "0 StatusCode", "no StatusCode"},
        {BOTH, 1, STATUS, IN_STATUS(CODE(SUCCESS, "") CODE(SUCCESS, "")), ATEN_V_SAML_MALFORMED, "2 StatusCode",
         "two of them"},
        {"d,v", 0, "xmlns:samlp=\"" ATEN_NS_SAMLP "\"", "xmlns:samlp=\"urn:x\"", ATEN_V_SAML_MALFORMED, "urn:x",
         "the root in a namespace of nobody's"},
        {BOTH, 0, ISSUER, ISSUER "<x/>", ATEN_V_SAML_MALFORMED, "'x'", "an element of nobody's"},
    };

    RUN_LOGOUT(rows);
}

static void roots(void **state)
{
    static const struct { const char *text; int is_response; const char *reason; } cases[] = {
        {ANSWER, 0, "a response where a request belongs"},
        {REQUEST, 1, "a request where a response belongs"},
        {RESPONSE, 1, "the answer to a login"},
        {ASSERTION, 0, "an assertion"},
        {"<x/>", 0, "anything"},
        {"<LogoutRequest/>", 0, "the name without the namespace"},
        {"<saml:LogoutRequest" XMLNS_SAML "/>", 0, "the name in the other namespace"},
    };
    int i;

    for (i = 0; i < COUNT(cases); i++) {
        const sent_t redirect = {query_of(cases[i].text, cases[i].is_response, NULL, message_keys.portal), NULL,
                                 cases[i].is_response};
        const sent_t post = {NULL, base64((const unsigned char *)cases[i].text, strlen(cases[i].text)),
                             cases[i].is_response};

        judged_logout(cases[i].reason, &redirect, ATEN_V_SAML_MALFORMED, "the element is", NOW);
        judged_logout(cases[i].reason, &post, ATEN_V_SAML_MALFORMED, "the element is", NOW);
    }
}

static void xml(void **state)
{
    static const struct { const char *text; aten_verdict_t verdict; const char *reason; } cases[] = {
        {"<samlp:LogoutRequest", ATEN_V_XML_MALFORMED, "cut off"},
        {"x", ATEN_V_XML_MALFORMED, "text"},
        {REQUEST "<x/>", ATEN_V_XML_MALFORMED, "something behind it"},
        {"<!DOCTYPE samlp:LogoutRequest>" REQUEST, ATEN_V_XML_DTD, "a document type"},
        {"<!DOCTYPE x [<!ENTITY y \"" NAME_ID "\">]>" REQUEST, ATEN_V_XML_DTD, "one with an entity"},
        {"<!DOCTYPE x SYSTEM \"http://127.0.0.1:9/\">" REQUEST, ATEN_V_XML_DTD, "one from elsewhere"},
    };
    const char *deep = "";
    int i;

    for (i = 0; i < COUNT(cases); i++) {
        const sent_t redirect = {query_of(cases[i].text, 0, NULL, message_keys.portal), NULL, 0};
        const sent_t post = {NULL, base64((const unsigned char *)cases[i].text, strlen(cases[i].text)), 0};

        judged_logout(cases[i].reason, &redirect, cases[i].verdict, NULL, NOW);
        judged_logout(cases[i].reason, &post, cases[i].verdict, NULL, NOW);
    }
    for (i = 0; i < 40; i++) deep = apr_pstrcat(pool, deep, "<x>", NULL);
    judged_logout("nested too deep", &(sent_t){query_of(deep, 0, NULL, message_keys.portal), NULL, 0}, ATEN_V_XML_DEEP,
                  NULL, NOW);
}

/* --- for whom, when --- */

static void destinations(void **state)
{
    static const char set[] = " Destination=\"" ADDRESS "\"";
    static const logout_row_t rows[] = {
        {BOTH, 0, set, "", ATEN_V_SAML_DESTINATION, "'-'|" ADDRESS, "none: whoever got it could send it on"},
        {BOTH, 1, set, "", ATEN_V_SAML_DESTINATION, "'-'|" ADDRESS, "nor of a response"},
        {BOTH, 0, set, " Destination=\"\"", ATEN_V_SAML_DESTINATION, "''", "an empty one"},
        {BOTH, 0, set, " Destination=\"" ACS "\"", ATEN_V_SAML_DESTINATION, ACS "|" ADDRESS, "our other address"},
        {BOTH, 1, set, " Destination=\"https://other.example/aten/saml/logout\"", ATEN_V_SAML_DESTINATION, "other",
         "another service's"},
        {BOTH, 0, set, " Destination=\"" ADDRESS "/\"", ATEN_V_SAML_DESTINATION, ADDRESS "/", "nearly ours"},
        {BOTH, 0, set, " Destination=\"HTTPS://ent.example/aten/saml/logout\"", ATEN_V_SAML_DESTINATION, "HTTPS",
         "in capital letters"},
        {BOTH, 0, set, " destination=\"" ADDRESS "\"", ATEN_V_SAML_DESTINATION, "'-'", "in small ones"},
        {BOTH, 0, set, " samlp:Destination=\"" ADDRESS "\"", ATEN_V_SAML_DESTINATION, "'-'", "in a namespace"},
    };

    RUN_LOGOUT(rows);
}

#define ISSUED " IssueInstant=\"2026-11-24T10:00:00Z\""

static void times(void **state)
{
    static const apr_interval_time_t skew = 60 * SECOND, age = ATEN_SAML_LOGOUT_AGE_MAX;
    const logout_row_t rows[] = {
        {BOTH, 0, ISSUED, "", ATEN_V_SAML_MALFORMED, "IssueInstant", "no IssueInstant"},
        {BOTH, 1, ISSUED, "", ATEN_V_SAML_MALFORMED, "IssueInstant", "of a response"},
        {BOTH, 0, ISSUED, " IssueInstant=\"2026-11-24T10:00:00+01:00\"", ATEN_V_SAML_MALFORMED, "+01:00", "not UTC"},
        {BOTH, 1, ISSUED, " IssueInstant=\"now\"", ATEN_V_SAML_MALFORMED, "now", "no time"},
        {BOTH, 0, ISSUED, " IssueInstant=\"2026-11-24T10:00:00.999Z\"", OK, NULL, "a fraction"},
        {BOTH, 0, NULL, NULL, OK, NULL, "from the future, by as much as clocks may be apart", -skew},
        {BOTH, 0, NULL, NULL, ATEN_V_SAML_NOT_YET, "IssueInstant|60", "by more", -skew - 1},
        {BOTH, 1, NULL, NULL, OK, NULL, "a response from the future", -skew},
        {BOTH, 1, NULL, NULL, ATEN_V_SAML_NOT_YET, "IssueInstant|60", "by more", -skew - 1},
        {BOTH, 0, NULL, NULL, OK, NULL, "before NotOnOrAfter", 120 * SECOND + skew - 1},
        {BOTH, 0, NULL, NULL, ATEN_V_SAML_EXPIRED, "NotOnOrAfter", "on it", 120 * SECOND + skew},
        {BOTH, 0, END, "", OK, NULL, "old, without a NotOnOrAfter", age + skew - 1},
        {BOTH, 0, END, "", ATEN_V_SAML_EXPIRED, "IssueInstant|300", "too old", age + skew},
        {BOTH, 0, END, " NotOnOrAfter=\"2026-12-24T10:00:00Z\"", OK, NULL, "its own end is later", age + skew - 1},
        {BOTH, 0, END, " NotOnOrAfter=\"2026-12-24T10:00:00Z\"", ATEN_V_SAML_EXPIRED, "IssueInstant",
         "which changes nothing", age + skew},
        {BOTH, 0, END, " NotOnOrAfter=\"soon\"", ATEN_V_SAML_MALFORMED, "soon", "a NotOnOrAfter that is no time"},
        {BOTH, 1, NULL, NULL, OK, NULL, "a response may be old: what it answers has an end", 3600 * SECOND},
    };

    RUN_LOGOUT(rows);
}

/* How long its ID has to be remembered: until it would be refused anyway. */
static void remembered(void **state)
{
    static const struct { const char *from, *to; apr_interval_time_t until; } cases[] = {
        {NULL, NULL, 180 * SECOND},
        {END, "", 360 * SECOND},
        {END, " NotOnOrAfter=\"2026-12-24T10:00:00Z\"", 360 * SECOND},
    };
    int i;

    for (i = 0; i < COUNT(cases); i++) {
        const sent_t came = sent(changed(REQUEST, cases[i].from, cases[i].to), "d", 0);

        assert_int_equal(judged_logout("good", &came, OK, NULL, NOW)->valid_until, NOW + cases[i].until);
        judged_logout("just before", &came, OK, NULL, NOW + cases[i].until - 1);
        judged_logout("then", &came, ATEN_V_SAML_EXPIRED, NULL, NOW + cases[i].until);
    }
}

/* --- about whom --- */

static void people(void **state)
{
    const char *many = "", *long_name;
    char *filler = apr_pcalloc(pool, 1026);
    int i;
    static const logout_row_t rows[] = {
        {BOTH, 0, NAMEID, "", ATEN_V_SAML_SUBJECT, "0 NameID", "nobody"},
        {BOTH, 0, NAMEID, NAMEID NAMEID, ATEN_V_SAML_SUBJECT, "2 NameID", "twice"},
        {BOTH, 0, NAMEID, "<saml:BaseID/>", ATEN_V_SAML_SUBJECT, "1 NameID, EncryptedID and BaseID", "a BaseID"},
        {BOTH, 0, NAMEID, NAMEID "<saml:BaseID/>", ATEN_V_SAML_SUBJECT, "2 NameID", "a BaseID too"},
        {BOTH, 0, NAME_ID, "", ATEN_V_SAML_SUBJECT, "empty", "an empty name"},
        {BOTH, 0, NAME_ID, " \n\t ", ATEN_V_SAML_SUBJECT, "empty", "nothing but blanks"},
        {BOTH, 0, NAME_ID, "<!-- " NAME_ID " -->", ATEN_V_SAML_SUBJECT, "empty", "nothing but a comment"},
        {BOTH, 0, NAME_ID, "Zna<b/>me", ATEN_V_SAML_SUBJECT, "element", "an element in it"},
        {BOTH, 0, NAME_ID, "Zna&#x85;me", ATEN_V_SAML_SUBJECT, "control", "a control character in it"},
        {BOTH, 0, SESSION, "<samlp:SessionIndex/>", ATEN_V_SAML_SUBJECT, "SessionIndex is empty",
         "an empty SessionIndex is no request to end all sessions"},
        {BOTH, 0, INDEX, "<!-- -->\n", ATEN_V_SAML_SUBJECT, "SessionIndex is empty", "nor one of blanks"},
        {BOTH, 0, INDEX, "Zin<b>dex</b>", ATEN_V_SAML_SUBJECT, "element", "an element in it"},
        {BOTH, 0, SESSION, SESSION "<samlp:SessionIndex/>", ATEN_V_SAML_SUBJECT, "empty", "an empty one beside others"},
        {"nd,np", 0, NAMEID, NAMEID "<saml:EncryptedID/>", ATEN_V_SAML_SUBJECT, "2 NameID", "an EncryptedID too"},
        {BOTH, 0, NAMEID, "<saml:EncryptedID/>", ATEN_V_SAML_ENCRYPTION_FORM, "NameID", "an empty EncryptedID"},
        {"nD,nP,mD,mP", 0, NULL, NULL, ATEN_V_SAML_SIGNATURE, NULL, "nothing is decrypted before the signature holds"},
        {BOTH, 1, ANSWERS, "", ATEN_V_SAML_IN_RESPONSE_TO, "InResponseTo", "no InResponseTo"},
        {BOTH, 1, ANSWERS, " InResponseTo=\"\"", ATEN_V_SAML_IN_RESPONSE_TO, "InResponseTo", "an empty one"},
        {BOTH, 1, ANSWERS, " InResponseTo=\"_other\"", OK, NULL, "somebody else's: that is for the caller to see"},
    };

    RUN_LOGOUT(rows);
    for (i = 0; i < ATEN_SAML_LOGOUT_INDEXES_MAX; i++) many = apr_pstrcat(pool, many, SESSION, NULL);
    memset(filler, 'n', 1025);
    long_name = apr_pstrmemdup(pool, filler, 1024);
    run_logout((const logout_row_t[]){
        {BOTH, 0, SESSION, many, OK, NULL, "as many SessionIndex as are taken"},
        {BOTH, 0, SESSION, apr_pstrcat(pool, many, SESSION, NULL), ATEN_V_SAML_SUBJECT, "100", "one more"},
        {BOTH, 0, NAME_ID, long_name, OK, NULL, "the longest name"},
        {BOTH, 0, NAME_ID, filler, ATEN_V_SAML_SUBJECT, "1024", "a longer one"},
        {BOTH, 0, INDEX, long_name, OK, NULL, "the longest SessionIndex"},
        {BOTH, 0, INDEX, filler, ATEN_V_SAML_SUBJECT, "1024", "a longer one"},
    }, 6);
}

static const char *with_encrypted(const char *inside)
{
    return replaced(REQUEST, NAMEID, encrypted("EncryptedID", inside, 0), 0);
}

static void encrypted_people(void **state)
{
    static const struct { const char *inside; aten_verdict_t verdict; const char *said, *reason; } cases[] = {
        {"<saml:NameID" XMLNS_SAML ">" NAME_ID "</saml:NameID>", OK, NULL, "a NameID"},
        {"<saml:BaseID" XMLNS_SAML "/>", ATEN_V_SAML_SUBJECT, "BaseID", "a BaseID"},
        {ASSERTION, ATEN_V_SAML_SUBJECT, "Assertion", "an assertion"},
        {"<NameID>" NAME_ID "</NameID>", ATEN_V_SAML_SUBJECT, "NameID", "a NameID of nobody's namespace"},
        {NAME_ID, ATEN_V_XML_MALFORMED, "decrypted NameID", "text"},
        {"<!DOCTYPE x><saml:NameID" XMLNS_SAML ">x</saml:NameID>", ATEN_V_XML_DTD, "decrypted NameID",
         "a document type"},
        {"<saml:NameID" XMLNS_SAML "/>", ATEN_V_SAML_SUBJECT, "empty", "an empty NameID"},
    };
    int i;

    for (i = 0; i < COUNT(cases); i++) {
        const sent_t redirect = sent(with_encrypted(cases[i].inside), "d", 0);
        const sent_t post = sent(with_encrypted(cases[i].inside), "p", 0);

        judged_logout(cases[i].reason, &redirect, cases[i].verdict, cases[i].said, NOW);
        judged_logout(cases[i].reason, &post, cases[i].verdict, cases[i].said, NOW);
    }
}

static void no_keys(void **state)
{
    const apr_array_header_t *keys = expect.keys;
    const sent_t encrypted_one = sent(REQUEST, "nd", 0), plain = sent(REQUEST, "d", 0);

    expect.keys = NULL;
    judged_logout("no key of ours", &encrypted_one, ATEN_V_SAML_ENCRYPTION, "AtenServiceKey", NOW);
    judged_logout("none is needed", &plain, OK, NULL, NOW);
    expect.keys = keys;
}

/* --- what of a message is signed --- */

#define INSIDE(text) ISSUER "<samlp:Extensions>" text "</samlp:Extensions>"

static const char *evil(const char *text)
{
    return replaced(replaced(text, NAME_ID, EVIL, 0), "_l\"", "_e\"", 0);
}

/* A signed message put elsewhere, and another one around it. */
static void wrapped(void **state)
{
    const char *good = sign(REQUEST, "<samlp:LogoutRequest", "_l", message_keys.portal);
    const char *signature = piece(good, "<ds:Signature", "</ds:Signature>");
    const char *bare = replaced(good, signature, "", 0), *around = evil(REQUEST);
    const char *beside = apr_pstrcat(pool, ISSUER, signature, "<samlp:Extensions>", bare, "</samlp:Extensions>", NULL);
    const char *object = replaced(signature, "</ds:Signature>", apr_pstrcat(pool, "<ds:Object>", bare, "</ds:Object>"
                                                                            "</ds:Signature>", NULL), 0);
    const struct { const char *text; aten_verdict_t verdict; const char *reason; } cases[] = {
        {good, OK, "as it was signed"},
        {replaced(around, ISSUER, beside, 0), ATEN_V_SAML_SIGNATURE_FORM, "the signature around, the signed inside"},
        {replaced(around, ISSUER, apr_pstrcat(pool, ISSUER "<samlp:Extensions>", good, "</samlp:Extensions>", NULL), 0),
         ATEN_V_SAML_SIGNATURE_FORM, "both inside"},
        {replaced(replaced(around, "_e\"", "_l\"", 0), ISSUER, beside, 0), ATEN_V_SAML_DUPLICATE_ID,
         "with the same ID"},
        {replaced(around, ISSUER, apr_pstrcat(pool, ISSUER, object, NULL), 0), ATEN_V_SAML_SIGNATURE_FORM,
         "the signed inside the signature"},
        {replaced(good, NAME_ID, EVIL, 0), ATEN_V_SAML_SIGNATURE, "another name"},
        {replaced(good, INDEX, EVIL, 0), ATEN_V_SAML_SIGNATURE, "another session"},
        {replaced(good, SESSION, "", 0), ATEN_V_SAML_SIGNATURE, "all sessions"},
        {replaced(good, NAMEID, apr_pstrcat(pool, signature, NAMEID, NULL), 0), ATEN_V_SAML_SIGNATURE_FORM,
         "two signatures"},
        {replaced(good, signature, "<ds:Signature xmlns:ds=\"" ATEN_NS_DS "\"/>", 0), ATEN_V_SAML_SIGNATURE_FORM,
         "an empty signature"},
        {replaced(good, "xmlns:ds=\"" ATEN_NS_DS, "xmlns:ds=\"urn:x", 0), ATEN_V_SAML_MALFORMED,
         "a signature of nobody's namespace"},
        {replaced(good, NAME_ID, "Z<!-- x -->name-1", 0), OK, "a comment changes nothing: it is not digested"},
        {replaced(good, NAME_ID, "<![CDATA[Zname]]>-1", 0), OK, "nor does CDATA"},
    };
    int i;

    for (i = 0; i < COUNT(cases); i++) {
        const sent_t came = {NULL, base64((const unsigned char *)cases[i].text, strlen(cases[i].text)), 0};
        const aten_saml_logout_message_t *out = judged_logout(cases[i].reason, &came, cases[i].verdict, NULL, NOW);

        if (out) assert_string_equal(out->name_id, NAME_ID);
    }
}

/* Whose key a message brings along does not matter. */
static void key_info(void **state)
{
    const char *made = sign(REQUEST, "<samlp:LogoutRequest", "_l", message_keys.stranger);
    const char *text = replaced(made, "</ds:Signature>", "<ds:KeyInfo><ds:KeyName>portal</ds:KeyName></ds:KeyInfo>"
                                "</ds:Signature>", 0);
    const sent_t came = {NULL, base64((const unsigned char *)text, strlen(text)), 0};

    judged_logout("a stranger's", &came, ATEN_V_SAML_SIGNATURE, NULL, NOW);
}

/* saml-bindings 3.4.4.1 */
static void xml_signature_in_an_address(void **state)
{
    const char *text = sign(REQUEST, "<samlp:LogoutRequest", "_l", message_keys.portal);
    const sent_t signed_twice = {query_of(text, 0, NULL, message_keys.portal), NULL, 0};
    const sent_t signed_inside = {query_of(text, 0, NULL, NULL), NULL, 0};
    const sent_t elsewhere = {query_of(replaced(REQUEST, ISSUER, INSIDE("<ds:Signature xmlns:ds=\"" ATEN_NS_DS "\"/>"),
                                                0), 0, NULL, message_keys.portal), NULL, 0};

    judged_logout("signed twice", &signed_twice, ATEN_V_SAML_SIGNATURE_FORM, "HTTP-Redirect", NOW);
    judged_logout("signed inside alone", &signed_inside, ATEN_V_SAML_SIGNATURE_FORM, "HTTP-Redirect", NOW);
    judged_logout("a signature anywhere else", &elsewhere, ATEN_V_SAML_SIGNATURE_FORM, "Extensions", NOW);
}

/* --- how it comes --- */

static void addresses(void **state)
{
    const char *query = query_of(REQUEST, 0, "r", message_keys.portal);
    const struct { const char *query; aten_verdict_t verdict; const char *reason; } cases[] = {
        {NULL, ATEN_V_PARAM_MALFORMED, "no query"},
        {"SAMLRequest=%21", ATEN_V_SAML_ENCODING, "no base64"},
        {apr_pstrcat(pool, query, "&SAMLRequest=x", NULL), ATEN_V_PARAM_REPEATED, "a parameter twice"},
        {apr_pstrcat(pool, query, "&SAMLResponse=x", NULL), ATEN_V_PARAM_MALFORMED, "a response beside it"},
        {replaced(query, "SAMLRequest=", "SAMLResponse=", 0), ATEN_V_SAML_MALFORMED, "under the other name"},
        {replaced(query, "RelayState=r", "RelayState=s", 0), ATEN_V_SAML_SIGNATURE, "another RelayState"},
        {apr_pstrcat(pool, query, "&x=y", NULL), OK, "a parameter of nobody's"},
    };
    int i;

    for (i = 0; i < COUNT(cases); i++) {
        const aten_saml_logout_expect_t rules = at(NOW);
        aten_saml_logout_message_t *out;
        const char *why;
        const aten_verdict_t got = aten_saml_logout_read_redirect(&out, &rules, cases[i].query, NULL, &why, pool);

        if (got != cases[i].verdict) fail_msg("%s: %s: %s", cases[i].reason, aten_verdict_tag(got), why ? why : "-");
        if (!why != (got == OK)) fail_msg("%s: nothing is said", cases[i].reason);
    }
}

static void posted(void **state)
{
    const sent_t came = sent(REQUEST, "p", 0);
    char *relay = apr_pcalloc(pool, ATEN_SAML_FOREIGN_RELAY_STATE_MAX + 2);
    const aten_saml_logout_expect_t rules = at(NOW);
    aten_saml_logout_message_t *out;
    const char *why;

    memset(relay, 'r', ATEN_SAML_FOREIGN_RELAY_STATE_MAX + 1);
    assert_int_equal(aten_saml_logout_read_post(&out, &rules, came.base64, 0, relay, NULL, &why, pool),
                     ATEN_V_PARAM_MALFORMED);
    relay[ATEN_SAML_FOREIGN_RELAY_STATE_MAX] = '\0';
    assert_int_equal(aten_saml_logout_read_post(&out, &rules, came.base64, 0, relay, NULL, &why, pool), OK);
    assert_string_equal(out->relay_state, relay);
    assert_int_equal(aten_saml_logout_read_post(&out, &rules, came.base64, 0, "a\nb", NULL, &why, pool),
                     ATEN_V_PARAM_MALFORMED);
    assert_int_equal(aten_saml_logout_read_post(&out, &rules, came.base64, 0, "", NULL, &why, pool), OK);
    assert_null(out->relay_state);
    assert_int_equal(aten_saml_logout_read_post(&out, &rules, came.base64, 0, NULL, NULL, &why, pool), OK);
    assert_null(out->relay_state);
    assert_int_equal(aten_saml_logout_read_post(&out, &rules, came.base64, 1, NULL, NULL, &why, pool),
                     ATEN_V_SAML_MALFORMED);
    assert_int_equal(aten_saml_logout_read_post(&out, &rules, "", 0, NULL, NULL, &why, pool), ATEN_V_SAML_ENCODING);
    assert_int_equal(aten_saml_logout_read_post(&out, &rules, "!", 1, NULL, NULL, &why, pool), ATEN_V_SAML_ENCODING);
    assert_non_null(strstr(why, "SAMLResponse"));
    why = base64((const unsigned char *)apr_pcalloc(pool, 300 * 1024), 300 * 1024);
    assert_int_equal(aten_saml_logout_read_post(&out, &rules, why, 1, NULL, NULL, &why, pool), ATEN_V_XML_LARGE);
}

/* --- what we say --- */

static void identifiers(void **state)
{
    static const char *const others[] = {
        "", "l", "_" NONCE, "r" NONCE, NONCE, "L" NONCE, "ll" NONCE, "l" NONCE "A", "l" NONCE "/",
        "lAbCdEfGhIjKlMnOpQrSt-", "lAbCdEfGhIjKlMnOpQrSt-/", " l" NONCE,
    };
    int i;

    assert_string_equal(aten_saml_logout_id(NONCE, pool), "l" NONCE);
    assert_string_equal(aten_saml_logout_nonce("l" NONCE, pool), NONCE);
    assert_null(aten_saml_logout_nonce(NULL, pool));
    for (i = 0; i < COUNT(others); i++) {
        if (aten_saml_logout_nonce(others[i], pool)) fail_msg("'%s' is not ours", others[i]);
    }
}

static xmlNode *root_of(const char *text)
{
    xmlDocPtr doc;

    assert_non_null(text);
    assert_int_equal(aten_xml_parse(&doc, text, strlen(text), pool), OK);
    return xmlDocGetRootElement(doc);
}

static void has_attributes(const xmlNode *node, const char *const expected[])
{
    const xmlAttr *attribute;
    int count = 0, wanted = 0;

    for (; expected[0]; expected += 2, wanted++) {
        const char *value = aten_xml_attribute(node, expected[0], pool);

        if (!aten_same(value, expected[1])) fail_msg("%s is '%s', not '%s'", expected[0], value, expected[1]);
    }
    for (attribute = node->properties; attribute; attribute = attribute->next) count++;
    assert_int_equal(count, wanted);
}

static const aten_saml_subject_t person = {NAME_ID, ATEN_NAMEID_TRANSIENT, "q&", "s\"", INDEX, NULL, 0};

static aten_saml_logout_request_t our_request(const aten_saml_subject_t *subject)
{
    aten_saml_logout_request_t out = {"l" NONCE, ADDRESS, PORTAL, subject, NOW};

    return out;
}

static void our_requests(void **state)
{
    static const char *const root_has[] = {"ID", "l" NONCE, "Version", "2.0", "IssueInstant", "2026-11-24T10:00:00Z",
                                           "Destination", ADDRESS, "NotOnOrAfter", "2026-11-24T10:05:00Z", NULL};
    static const char *const name_has[] = {"Format", ATEN_NAMEID_TRANSIENT, "NameQualifier", "q&", "SPNameQualifier",
                                           "s\"", NULL};
    static const char *const nothing[] = {NULL};
    const aten_saml_logout_request_t request = our_request(&person);
    const xmlNode *root = root_of(aten_saml_logout_request(&request, pool)), *node;

    assert_true(aten_xml_is(root, ATEN_NS_SAMLP, "LogoutRequest"));
    has_attributes(root, root_has);
    node = aten_xml_first(root);
    assert_true(aten_xml_is(node, ATEN_NS_SAML, "Issuer"));
    has_attributes(node, nothing);
    assert_string_equal(aten_xml_text(node, pool), PORTAL);
    node = aten_xml_next(node);
    assert_true(aten_xml_is(node, ATEN_NS_SAML, "NameID"));
    has_attributes(node, name_has);
    assert_string_equal(aten_xml_text(node, pool), NAME_ID);
    node = aten_xml_next(node);
    assert_true(aten_xml_is(node, ATEN_NS_SAMLP, "SessionIndex"));
    assert_string_equal(aten_xml_text(node, pool), INDEX);
    assert_null(aten_xml_next(node));
}

static void our_requests_without(void **state)
{
    const aten_saml_subject_t bare = {.name_id = "Zoé & <Co>"}, nobody = {.session_index = INDEX};
    aten_saml_logout_request_t request = our_request(&bare);
    const xmlNode *root = root_of(aten_saml_logout_request(&request, pool)), *node;
    static const char *const nothing[] = {NULL};

    node = aten_xml_next(aten_xml_first(root));
    has_attributes(node, nothing);
    assert_string_equal(aten_xml_text(node, pool), "Zoé & <Co>");
    assert_null(aten_xml_next(node));
    request = our_request(&nobody);
    assert_null(aten_saml_logout_request(&request, pool));
    request = our_request(NULL);
    assert_null(aten_saml_logout_request(&request, pool));
    request = our_request(&bare);
    request.destination = NULL;
    assert_null(aten_saml_logout_request(&request, pool)); /* rather nothing than half of it */
}

static void our_responses(void **state)
{
    static const char *const root_has[] = {"ID", "_x", "Version", "2.0", "IssueInstant", "2026-11-24T10:00:00Z",
                                           "Destination", ADDRESS, "InResponseTo", "_a&b", NULL};
    static const struct { aten_logout_t outcome; const char *outer, *inner; } cases[] = {
        {ATEN_LOGOUT_DONE, "Success", NULL},
        {ATEN_LOGOUT_PARTIAL, "Responder", "PartialLogout"},
        {ATEN_LOGOUT_FAILED, "Responder", NULL},
    };
    int i;

    for (i = 0; i < COUNT(cases); i++) {
        aten_saml_logout_response_t response = {"_x", ADDRESS, PORTAL, "_a&b", cases[i].outcome, NOW};
        const xmlNode *root = root_of(aten_saml_logout_response(&response, pool)), *node;

        assert_true(aten_xml_is(root, ATEN_NS_SAMLP, "LogoutResponse"));
        has_attributes(root, root_has);
        node = aten_xml_first(root);
        assert_true(aten_xml_is(node, ATEN_NS_SAML, "Issuer"));
        node = aten_xml_next(node);
        assert_true(aten_xml_is(node, ATEN_NS_SAMLP, "Status"));
        assert_null(aten_xml_next(node));
        node = aten_xml_first(node);
        assert_string_equal(aten_xml_attribute(node, "Value", pool),
                            apr_pstrcat(pool, URN_STATUS, cases[i].outer, NULL));
        assert_null(aten_xml_next(node));
        node = aten_xml_first(node);
        assert_true(!node == !cases[i].inner);
        if (node) assert_string_equal(aten_xml_attribute(node, "Value", pool), URN_STATUS "PartialLogout");
    }
    assert_null(aten_saml_logout_response(&(aten_saml_logout_response_t){"_x", ADDRESS, PORTAL, NULL, ATEN_LOGOUT_DONE,
                                                                         NOW}, pool));
}

/* What we write is what we read: as if we were the portal. */
static void there_and_back(void **state)
{
    const aten_saml_logout_request_t request = our_request(&person);
    const char *text = aten_saml_logout_request(&request, pool);
    const sent_t came = {query_of(text, 0, "r", message_keys.portal), NULL, 0};
    const aten_saml_logout_message_t *out = judged_logout("ours", &came, OK, NULL, NOW);
    int i;

    assert_string_equal(out->id, "l" NONCE);
    assert_string_equal(out->name_id, NAME_ID);
    assert_int_equal(out->session_indexes->nelts, 1);
    assert_string_equal(APR_ARRAY_IDX(out->session_indexes, 0, const char *), INDEX);
    assert_int_equal(out->valid_until, NOW + 360 * SECOND);
    for (i = ATEN_LOGOUT_DONE; i <= ATEN_LOGOUT_FAILED; i++) {
        const aten_saml_logout_response_t response = {"_x", ADDRESS, PORTAL, out->id, (aten_logout_t)i, NOW};
        const char *said = aten_saml_logout_response(&response, pool);
        const sent_t back = {query_of(said, 1, NULL, message_keys.portal), NULL, 1};
        const aten_saml_logout_message_t *answer = judged_logout("ours", &back, OK, NULL, NOW);

        assert_int_equal(answer->outcome, i);
        assert_string_equal(aten_saml_logout_nonce(answer->in_response_to, pool), NONCE);
        assert_null(answer->relay_state);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_requests),  cmocka_unit_test(good_answers),  cmocka_unit_test(senders),
        cmocka_unit_test(metadata_ended), cmocka_unit_test(sender_known),  cmocka_unit_test(forms),
        cmocka_unit_test(roots),          cmocka_unit_test(xml),           cmocka_unit_test(destinations),
        cmocka_unit_test(times),          cmocka_unit_test(remembered),    cmocka_unit_test(people),
        cmocka_unit_test(encrypted_people), cmocka_unit_test(no_keys),     cmocka_unit_test(wrapped),
        cmocka_unit_test(key_info),       cmocka_unit_test(xml_signature_in_an_address),
        cmocka_unit_test(addresses),      cmocka_unit_test(posted),        cmocka_unit_test(identifiers),
        cmocka_unit_test(our_requests),   cmocka_unit_test(our_requests_without), cmocka_unit_test(our_responses),
        cmocka_unit_test(there_and_back),
    };

    return cmocka_run_group_tests_name("saml_logout", tests, setup_messages, teardown_messages);
}
