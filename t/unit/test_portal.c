/* aten_portal.h: AtenPortal lines, and what a portal may say of a person. */

#include "unit.h"
#include "unit_attributes.h"
#include "aten_portal.h"

#define ID "https://portal.example/idp"
#define V "FrEduVecteur="

static const char *scope_of(const aten_portal_t *portal)
{
    return portal->uai ? apr_array_pstrcat(pool, portal->uai, ' ') : NULL;
}

static const char *parse(aten_portal_t **out, const char *line)
{
    char *words[WORDS_MAX];
    const int n = split(line, words);

    return aten_portal_parse(out, n, words, pool);
}

/* --- lines --- */

static void lines_that_are_taken(void **state)
{
    static const struct { const char *line, *id, *scope; aten_portal_kind_t kind; const char *why; } rows[] = {
        {ID, ID, NULL, ATEN_PORTAL_ANY, "the entityID alone"},
        {ID "|uai=034*,0300002T", ID, "034* 0300002T", ATEN_PORTAL_ANY, "a prefix and a school"},
        {ID "|uai=0*", ID, "0*", ATEN_PORTAL_ANY, "the shortest prefix"},
        {ID "|uai=0340039*", ID, "0340039*", ATEN_PORTAL_ANY, "the longest prefix"},
        {ID "|vectors", ID, NULL, ATEN_PORTAL_VECTORS, "pupils and parents"},
        {ID "|staff", ID, NULL, ATEN_PORTAL_STAFF, "staff"},
        {ID "|vectors|uai=034*", ID, "034*", ATEN_PORTAL_VECTORS, "in any order"},
        {ID "|uai=034*|staff", ID, "034*", ATEN_PORTAL_STAFF, "in any order"},
        {"urn:portal:34", "urn:portal:34", NULL, ATEN_PORTAL_ANY, "a URN"},
        {"x+y-1.z:?", "x+y-1.z:?", NULL, ATEN_PORTAL_ANY, "any scheme"},
    };
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        aten_portal_t *portal = NULL;
        const char *err = parse(&portal, rows[i].line);

        if (err) fail_msg("%s (%s): %s", rows[i].line, rows[i].why, err);
        assert_string_equal(portal->entity_id, rows[i].id);
        assert_int_equal(portal->kind, rows[i].kind);
        if (rows[i].scope) assert_string_equal(scope_of(portal), rows[i].scope);
        else assert_null(portal->uai);
    }
}

static void lines_that_are_wrong(void **state)
{
    static const struct { const char *line, *says, *why; } rows[] = {
        {"", "a portal is ENTITYID", "nothing"},
        {"|vectors", "'' is not a portal's entityID", "an empty word"},
        {"uai=034*", "'uai=034*' is not a portal's entityID", "the entityID was forgotten"},
        {"portal.example", "an absolute URI", "no scheme"},
        {"/idp", "an absolute URI", "a path"},
        {"https:", "an absolute URI", "nothing behind the scheme"},
        {":x", "an absolute URI", "nothing before the colon"},
        {"3a:x", "an absolute URI", "a scheme begins with a letter"},
        {"a_b:x", "an absolute URI", "a scheme has no '_'"},
        {"https://portal example/", "without blanks", "a blank"},
        {"https://portal\x01/", "'https://portal\\x01/'", "a control character, escaped"},
        {"https://p\xc3\xa9/", "printable ASCII", "not ASCII"},
        {"https://p\x7f/", "printable ASCII", "DEL"},
        {ID "|uai=", "'' in 'uai=' is not a school's UAI", "no school"},
        {ID "|uai=034*,", "'' in 'uai=034*,' is not", "a comma behind"},
        {ID "|uai=,034*", "'' in 'uai=,034*' is not", "a comma before"},
        {ID "|uai=034*,,030*", "'' in", "two commas"},
        {ID "|uai=*", "'*' in", "every school: leave uai= out"},
        {ID "|uai=034", "'034' in", "a prefix without '*'"},
        {ID "|uai=034**", "'034**' in", "two stars"},
        {ID "|uai=034*9", "'034*9' in", "something behind the star"},
        {ID "|uai=03400399*", "'03400399*' in", "eight digits"},
        {ID "|uai=0340039X*", "'0340039X*' in", "a letter before the star"},
        {ID "|uai=0340039x", "'0340039x' in", "a small letter"},
        {ID "|uai=034*, 030*", "' 030*' in", "a blank"},
        {ID "|uai=034*;030*", "'034*;030*' in", "another separator"},
        {ID "|UAI=034*", "'UAI=034*' is not understood", "another spelling"},
        {ID "|uai=034*|uai=030*", "'uai=030*': the schools stand twice", "twice"},
        {ID "|vectors|vectors", "'vectors': the kind of people stands twice", "twice"},
        {ID "|staff|staff", "'staff': the kind of people stands twice", "twice"},
        {ID "|FrEduCtId|FrEduCtId", "'FrEduCtId' stands twice", "twice"},
        {ID "|vectors|staff", "'staff': the kind of people stands twice", "both"},
        {ID "|everybody", "'everybody' is not understood", "no word of ours"},
        {ID "|Staff", "'Staff' is not understood", "another spelling"},
        {ID "|", "'' is not understood", "an empty word"},
        {ID "|034*", "'034*' is not understood", "uai= was forgotten"},
    };
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        aten_portal_t *portal = NULL;
        const char *err = parse(&portal, rows[i].line);

        if (!err || !strstr(err, rows[i].says)) {
            fail_msg("%s (%s): %s", rows[i].line, rows[i].why, err ? err : "accepted");
        }
        assert_null(portal);
    }
}

static void the_longest_entity_id(void **state)
{
    char id[1026];
    aten_portal_t *portal = NULL;

    memset(id, 'a', sizeof(id));
    memcpy(id, "urn:", 4);
    id[1024] = '\0';
    assert_null(aten_portal_make(&portal, id, pool));
    assert_string_equal(portal->entity_id, id);
    id[1024] = 'a';
    id[1025] = '\0';
    assert_non_null(aten_portal_make(&portal, id, pool));
}

static void a_portal_by_its_id_alone(void **state)
{
    unsigned char key[ATEN_BACKEND_KEY_BYTES];
    char id[] = ID;
    aten_portal_t *portal = NULL;

    assert_null(aten_portal_make(&portal, id, pool));
    id[0] = 'X'; /* the portal has its own copy */
    assert_string_equal(portal->entity_id, ID);
    assert_null(portal->uai);
    assert_int_equal(portal->kind, ATEN_PORTAL_ANY);
    assert_true(aten_backend_key(key, ATEN_BACKEND_ATEN, ID));
    assert_memory_equal(portal->key, key, sizeof(key));
}

/* --- what it may say --- */

static void what_a_portal_may_say(void **state)
{
    static const struct { const char *words, *attributes; aten_verdict_t verdict; const char *says, *why; } rows[] = {
        {"", V "4|||1|0750001A", ATEN_V_OK, NULL, "no scope: every school"},
        {"", "mail=a@b", ATEN_V_OK, NULL, "no kind: everybody"},
        {"", "", ATEN_V_OK, NULL, "who it is, is judged elsewhere"},
        {"", V "x", ATEN_V_OK, NULL, "likewise"},

        {"|uai=034*", V "4|||1|0340039X", ATEN_V_OK, NULL, "a school of the prefix"},
        {"|uai=034*", V "4|||1|0300002T", ATEN_V_PORTAL_SCOPE, "0300002T is not one of uai=034*",
         "another département"},
        {"|uai=034*", V "4|||1|3034003X", ATEN_V_PORTAL_SCOPE, "3034003X", "a prefix stands at the beginning"},
        {"|uai=034*,0300002T", V "4|||1|0300002T", ATEN_V_OK, NULL, "the second of the list"},
        {"|uai=034*,0300002T", V "4|||1|0300003U", ATEN_V_PORTAL_SCOPE, "0300003U is not one of uai=034*,0300002T",
         "its neighbour"},
        {"|uai=0300002T", V "4|||1|0300002A", ATEN_V_PORTAL_SCOPE, "0300002A", "a whole UAI, its letter too"},
        {"|uai=0300002*", V "4|||1|0300002A", ATEN_V_OK, NULL, "any letter"},
        {"|uai=034*", V "1|A|B|1|0340039X\n" V "2|A|B|2|0340040Y", ATEN_V_OK, NULL, "all vectors"},
        {"|uai=034*", V "1|A|B|1|0340039X\n" V "2|A|B|2|0750001A", ATEN_V_PORTAL_SCOPE, "0750001A",
         "one vector of another académie: the last"},
        {"|uai=034*", V "1|A|B|2|0750001A\n" V "1|A|B|1|0340039X", ATEN_V_PORTAL_SCOPE, "0750001A", "or the first"},
        {"|uai=034*", V "1|A|B|1|0340039X\nFrEduCtEleveUAI=0750001A", ATEN_V_PORTAL_SCOPE, "0750001A",
         "EduConnect's school beside a vector"},
        {"|uai=034*|FrEduCtId", "FrEduCtId=1\nFrEduCtPersonAffiliation=resp2d\nFrEduCtEleveUAI=0340039X", ATEN_V_OK,
         NULL, "EduConnect without vectors"},
        {"|uai=034*|FrEduCtId", "FrEduCtId=1\nFrEduCtEleveUAI=0340039X\nurn:oid:1.3.6.1.4.1.20326.10.999.1.72=0750001A",
         ATEN_V_PORTAL_SCOPE, "0750001A", "under the other name"},
        {"|uai=034*", "mail=a@b\nFrEduRne=0340039X$UAJ$PU$ADM$111$T3$LYC$340", ATEN_V_OK, NULL, "staff of a school"},
        {"|uai=034*", "mail=a@b\nFrEduRne=0750001A$UAJ$PU$ADM$111$T3$LYC$340", ATEN_V_PORTAL_SCOPE, "0750001A",
         "staff of another school"},
        {"|uai=034*", V "4|||1|0340039X\nFrEduRne=0750001A$x", ATEN_V_PORTAL_SCOPE, "0750001A", "FrEduRne of a pupil"},
        {"|uai=034*", "mail=a@b\nFrEduRne=0340039X$a\nFrEduRne=0750001A$a", ATEN_V_PORTAL_SCOPE, "0750001A",
         "one of several"},
        {"|uai=034*", "mail=a@b", ATEN_V_PORTAL_SCOPE, "names no school, and the portal speaks for uai=034* alone",
         "staff without any school"},
        {"|uai=034*|FrEduCtId", "FrEduCtId=1\nFrEduCtPersonAffiliation=resp2d", ATEN_V_PORTAL_SCOPE, "names no school",
         "a parent without any school"},
        {"|uai=034*", "mail=a@b\nFrEduRne=034 Secret", ATEN_V_PORTAL_SCOPE, "a school that is no UAI is not one of",
         "no UAI, though it begins like one; and it is not logged"},
        {"|uai=034*", "mail=a@b\nFrEduRne=0340039XY$a", ATEN_V_PORTAL_SCOPE, "no UAI", "not cut to one"},
        {"|uai=034*", V "0340039X", ATEN_V_PORTAL_SCOPE, "no UAI", "a vector that cannot be read"},
        {"|uai=034*", V "1|Secret|B|1|0340039X\n" V "4|||1|0340039X", ATEN_V_PORTAL_SCOPE, "no UAI", "mixed vectors"},

        {"|vectors", V "4|||1|0340039X", ATEN_V_OK, NULL, "a pupil"},
        {"|vectors", V "2|A|B|1|0340039X", ATEN_V_OK, NULL, "a parent"},
        {"|vectors|FrEduCtId", "FrEduCtId=1\nFrEduCtPersonAffiliation=eleve1d", ATEN_V_OK, NULL,
         "a pupil of EduConnect"},
        {"|vectors", V "4|||1|0340039X\nFrEduCtId=Secret", ATEN_V_PORTAL_KIND, "AtenPortal line",
         "a name that may be anybody's, from a portal for pupils"},
        {"|uai=034*", V "4|||1|0340039X\nFrEduCtId=Secret", ATEN_V_PORTAL_KIND, "AtenPortal line", "or for a school"},
        {"|staff", "urn:oid:1.3.6.1.4.1.20326.10.999.1.57=Secret\nmail=a@b", ATEN_V_PORTAL_KIND, "AtenPortal line",
         "under the other name"},
        {"", V "4|||1|0340039X\nFrEduCtId=1", ATEN_V_OK, NULL, "a portal without limits"},
        {"|vectors", "mail=Secret@b", ATEN_V_PORTAL_KIND, "neither a pupil nor a parent", "staff"},
        {"|vectors|FrEduCtId", "FrEduCtId=Secret", ATEN_V_PORTAL_KIND, "neither a pupil nor a parent", "nobody knows"},
        {"|vectors", V "Secret", ATEN_V_PORTAL_KIND, "neither", "a vector that cannot be read"},
        {"|vectors", "", ATEN_V_PORTAL_KIND, "neither", "nobody"},
        {"|staff", "mail=a@b", ATEN_V_OK, NULL, "staff"},
        {"|staff", "FrEduFonctAdm=4|A|B|1|0340039X", ATEN_V_OK, NULL, "no pupil and no parent"},
        {"|staff", V "4|||1|0340039X", ATEN_V_PORTAL_KIND, "one of staff alone", "a pupil"},
        {"|staff", V "1|Secret|B|1|0340039X\nctemail=Secret@b", ATEN_V_PORTAL_KIND, "staff alone", "a parent"},
        {"|staff", V "Secret\nctemail=a@b", ATEN_V_PORTAL_KIND, "staff alone", "a vector that cannot be read"},
        {"|staff", "FrEduCtPersonAffiliation=resp1d\nmail=a@b", ATEN_V_PORTAL_KIND, "staff alone",
         "EduConnect's parent"},
        {"|staff", "FrEduCtPersonAffiliation=x\nmail=a@b", ATEN_V_PORTAL_KIND, "staff alone", "some family's"},
        {"|staff|FrEduCtId", "FrEduCtId=Secret\nmail=a@b", ATEN_V_PORTAL_KIND, "staff alone",
         "an account of EduConnect's"},

        {"|vectors|uai=034*", V "4|||1|0340039X", ATEN_V_OK, NULL, "both hold"},
        {"|vectors|uai=034*", V "4|||1|0750001A", ATEN_V_PORTAL_SCOPE, "0750001A", "the school does not"},
        {"|vectors|uai=034*", "mail=a@b\nFrEduRne=0340039X", ATEN_V_PORTAL_KIND, "neither", "the kind does not"},
        {"|staff|uai=034*", "mail=a@b\nFrEduRne=0340039X", ATEN_V_OK, NULL, "both hold"},
        {"|staff|uai=034*", "mail=a@b", ATEN_V_PORTAL_SCOPE, "names no school", "a scope, and no school"},
    };
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        const aten_identity_t identity = {"somebody", attributes_of_lines(rows[i].attributes)};
        aten_portal_t *portal = NULL;
        const char *why = "x";
        aten_verdict_t verdict;

        assert_null(parse(&portal, apr_pstrcat(pool, ID, rows[i].words, NULL)));
        verdict = aten_portal_allows(portal, &identity, &why, pool);
        if (verdict != rows[i].verdict) {
            fail_msg("%s, %s (%s): %s", rows[i].words, rows[i].attributes, rows[i].why, aten_verdict_text(verdict));
        }
        if (!rows[i].says) assert_null(why);
        else if (!why || !strstr(why, rows[i].says)) fail_msg("%s (%s): %s", rows[i].attributes, rows[i].why, why);
        if (why) assert_null(strstr(why, "Secret"));
    }
}

static void portals_are_found(void **state)
{
    apr_array_header_t *portals = apr_array_make(pool, 2, sizeof(aten_portal_t *));
    aten_portal_t *first = NULL, *second = NULL;

    assert_null(aten_portal_make(&first, ID, pool));
    assert_null(aten_portal_make(&second, ID "/", pool));
    APR_ARRAY_PUSH(portals, aten_portal_t *) = first;
    APR_ARRAY_PUSH(portals, aten_portal_t *) = second;
    assert_ptr_equal(aten_portal_find(portals, ID), first);
    assert_ptr_equal(aten_portal_find(portals, ID "/"), second);
    assert_null(aten_portal_find(portals, "HTTPS://portal.example/idp")); /* an entityID is compared byte for byte */
    assert_null(aten_portal_find(portals, ""));
    assert_null(aten_portal_find(portals, NULL));
    assert_null(aten_portal_find(NULL, ID));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_that_are_taken),
        cmocka_unit_test(lines_that_are_wrong),
        cmocka_unit_test(the_longest_entity_id),
        cmocka_unit_test(a_portal_by_its_id_alone),
        cmocka_unit_test(what_a_portal_may_say),
        cmocka_unit_test(portals_are_found),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
