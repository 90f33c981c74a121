/* aten_identity_aten.h: who a person of a portal is, their REMOTE_USER, their schools, their variables; and
 * aten_session_variables.h, which chooses between these and those of CAS. */

#include "unit.h"
#include "unit_attributes.h"
#include "aten_identity_aten.h"
#include "aten_session_variables.h"
#include "aten_util.h"

#define V "FrEduVecteur="
#define AFFILIATION "FrEduCtPersonAffiliation="
#define OID "urn:oid:1.3.6.1.4.1.20326.10.999.1."
#define OID_MAIL "urn:oid:0.9.2342.19200300.100.1.3"

static const char *list_of(const apr_array_header_t *strings)
{
    return strings ? apr_array_pstrcat(pool, strings, '|') : NULL;
}

/* --- known attributes --- */

static void known_attributes(void **state)
{
    static const struct { aten_known_attribute_t which; const char *name, *oid; } rows[] = {
        {ATEN_A_VECTEUR, "FrEduVecteur", NULL},
        {ATEN_A_CT_ID, "FrEduCtId", OID "57"},
        {ATEN_A_CT_AFFILIATION, "FrEduCtPersonAffiliation", OID "7"},
        {ATEN_A_CT_ELEVE_UAI, "FrEduCtEleveUAI", OID "72"},
        {ATEN_A_URL_RETOUR, "FrEduUrlRetour", OID "5"},
        {ATEN_A_RNE, "FrEduRne", NULL},
        {ATEN_A_CTEMAIL, "ctemail", NULL},
        {ATEN_A_MAIL, "mail", OID_MAIL},
        {ATEN_A_NOM, "sn", "urn:oid:2.5.4.4"},
        {ATEN_A_PRENOM, "givenName", "urn:oid:2.5.4.42"},
    };
    apr_array_header_t *empty = attributes_of_lines("mail=a\n" OID_MAIL "=b");
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        const char *plain = apr_pstrcat(pool, "x=0\n", rows[i].name, "=1\n", rows[i].name, "=2", NULL);

        assert_string_equal(list_of(aten_known_attribute(attributes_of_lines(plain), rows[i].which)), "1|2");
        assert_null(aten_known_attribute(attributes_of_lines("x=1"), rows[i].which));
        assert_null(aten_known_attribute(NULL, rows[i].which));
        if (!rows[i].oid) continue;
        plain = apr_pstrcat(pool, rows[i].oid, "=3", NULL);
        assert_string_equal(list_of(aten_known_attribute(attributes_of_lines(plain), rows[i].which)), "3");
        plain = apr_pstrcat(pool, rows[i].oid, "=3\n", rows[i].name, "=4", NULL);
        assert_string_equal(list_of(aten_known_attribute(attributes_of_lines(plain), rows[i].which)), "4");
    }
    assert_null(aten_known_attribute(attributes_of_lines("MAIL=a\nfreduvecteur=b\nsn =c"), ATEN_A_MAIL));
    assert_null(aten_known_attribute(attributes_of_lines(OID "70=a"), ATEN_A_CT_AFFILIATION));
    APR_ARRAY_IDX(empty, 0, aten_attribute_t).values->nelts = 0;
    assert_string_equal(list_of(aten_known_attribute(empty, ATEN_A_MAIL)), "b"); /* without a value it is not there */
}

static void one_value(void **state)
{
    static const struct { const char *attributes, *value, *why; } rows[] = {
        {"x=1", NULL, "not there"},
        {"FrEduUrlRetour=u", "u", "by name"},
        {OID "5=u", "u", "by OID"},
        {OID "5=", "", "empty"},
        {"FrEduUrlRetour=u\n" OID "5=u", "u", "by both, the same"},
        {"FrEduUrlRetour=u\n" OID "5=v", NULL, "by both, another"},
        {"FrEduUrlRetour=u\nFrEduUrlRetour=v", NULL, "two"},
        {OID "5=u\n" OID "5=u", NULL, "two, and be they the same"},
        {"FrEduUrlRetour=u\n" OID "5=u\n" OID "5=v", NULL, "by both, one of them twice"},
        {OID "57=u", NULL, "another OID"},
    };
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        const char *got = aten_known_value(attributes_of_lines(rows[i].attributes), ATEN_A_URL_RETOUR);

        if (got != rows[i].value && (!got || !rows[i].value || strcmp(got, rows[i].value))) fail_msg("%s", rows[i].why);
    }
    assert_null(aten_known_value(NULL, ATEN_A_URL_RETOUR));
}

static void need(void **state)
{
    static const struct { const char *attributes, *order; int needed; const char *why; } rows[] = {
        {"", "", 0, "none"},
        {"a=1\nb=2", "a b", 0, "none is known"},
        {"x=1\n" V "2\ny=3\nmail=4\nctemail=5\nFrEduRne=6", "FrEduVecteur mail ctemail FrEduRne x y", 4, "known first"},
        {"x=1\n" OID "57=2\n" OID "7=3\n" OID "72=4\n" OID "5=5\n" OID "67=6\n" OID "73=7",
         OID "57 " OID "7 " OID "72 " OID "5 x " OID "67 " OID "73", 3,
         "EduConnect's, known by OID; birth date and level are kept where they fit"},
        {"x=1\nFrEduCtId=2\n" OID "57=2", "FrEduCtId " OID "57 x", 2, "both names of one"},
        {"x=1\nFrEduUrlRetour=u\nFrEduCtPersonAffiliation=a\nFrEduCtEleveUAI=e",
         "FrEduCtPersonAffiliation FrEduCtEleveUAI FrEduUrlRetour x", 2, "EduConnect's by name"},
        {"x=1\ny=2\n" OID "5=3\nFrEduUrlRetour=4\nz=5", OID "5 FrEduUrlRetour x y z", 0,
         "where to after a logout comes first of what need not fit"},
        {"x=1\nsn=2\ngivenName=3\nurn:oid:2.5.4.4=4\nurn:oid:2.5.4.42=5\n" OID_MAIL "=6",
         "sn givenName urn:oid:2.5.4.4 urn:oid:2.5.4.42 " OID_MAIL " x", 5, "names"},
    };
    int i, j;

    for (i = 0; i < COUNT(rows); i++) {
        int needed = -1;
        const apr_array_header_t *out =
            aten_identity_aten_by_need(attributes_of_lines(rows[i].attributes), &needed, pool);
        const char *got = "";

        for (j = 0; j < out->nelts; j++) {
            got = apr_pstrcat(pool, got, j ? " " : "", APR_ARRAY_IDX(out, j, aten_attribute_t).name, NULL);
        }
        if (strcmp(got, rows[i].order) || needed != rows[i].needed) fail_msg("%s: %s, %d", rows[i].why, got, needed);
    }
    assert_int_equal(aten_identity_aten_by_need(NULL, &i, pool)->nelts, 0);
    assert_int_equal(i, 0);
}

/* --- kinds --- */

static void kinds(void **state)
{
    static const struct { const char *attributes; aten_person_kind_t kind; int family; const char *why; } rows[] = {
        {"", ATEN_KIND_NONE, 0, "nothing"},
        {"sn=A\ngivenName=B\nFrEduRne=0340039X", ATEN_KIND_NONE, 0, "a name and a school make nobody"},
        {V "1|A|B|1|0340039X", ATEN_KIND_PARENT, 1, "type 1"},
        {V "2|A|B|1|0340039X", ATEN_KIND_PARENT, 1, "type 2"},
        {V "3|A|B|1|0340039X", ATEN_KIND_PUPIL, 1, "type 3"},
        {V "4|A|B|1|0340039X", ATEN_KIND_PUPIL, 1, "type 4"},
        {V "4|A|B|1|0340039X\nctemail=a@b\nmail=a@b", ATEN_KIND_PUPIL, 1, "a mail address changes nothing"},
        {V "x\nctemail=a@b", ATEN_KIND_NONE, 1, "a malformed vector never makes staff"},
        {V "4|||1|0340039X\n" V "4|||1|0340039X", ATEN_KIND_NONE, 1, "a pupil with two"},
        {V "4|||1|0340039X\n" V "1|A|B|1|0340039X", ATEN_KIND_NONE, 1, "mixed"},
        {"ctemail=a@b", ATEN_KIND_STAFF, 0, "ctemail"},
        {"mail=a@b", ATEN_KIND_STAFF, 0, "mail"},
        {OID_MAIL "=a@b", ATEN_KIND_STAFF, 0, "mail by OID"},
        {"ctemail=a@b\nFrEduFonctAdm=4|A|B|1|0340039X", ATEN_KIND_STAFF, 0, "'|' in another attribute is no vector"},
        {AFFILIATION "eleve1d", ATEN_KIND_PUPIL, 1, "a pupil in primary school"},
        {AFFILIATION "eleve2d", ATEN_KIND_PUPIL, 1, "a pupil in secondary school"},
        {AFFILIATION "resp1d", ATEN_KIND_PARENT, 1, "a parent"},
        {AFFILIATION "resp2d", ATEN_KIND_PARENT, 1, "a parent"},
        {OID "7=resp2d", ATEN_KIND_PARENT, 1, "by OID"},
        {AFFILIATION "resp1d\n" AFFILIATION "resp2d", ATEN_KIND_PARENT, 1, "a parent in both degrees"},
        {AFFILIATION "eleve1d\n" AFFILIATION "eleve2d", ATEN_KIND_PUPIL, 1, "a pupil of both degrees is a pupil"},
        {AFFILIATION "eleve1d\n" AFFILIATION "resp2d", ATEN_KIND_NONE, 1, "pupil and parent at once"},
        {AFFILIATION "resp1d\n" AFFILIATION "eleve2d", ATEN_KIND_NONE, 1, "whatever the order"},
        {AFFILIATION "eleve1d\n" OID "7=resp1d", ATEN_KIND_NONE, 1, "also under two names"},
        {AFFILIATION "eleve3d\nmail=a@b", ATEN_KIND_NONE, 1, "an affiliation that is not known never makes staff"},
        {AFFILIATION "resp2d\n" AFFILIATION "x", ATEN_KIND_NONE, 1, "nor does it leave a role to what stands beside"},
        {AFFILIATION "RESP2D", ATEN_KIND_NONE, 1, "byte for byte"},
        {AFFILIATION "eleve2d\nmail=a@b", ATEN_KIND_PUPIL, 1, "a pupil with a mail address is no staff"},
        {"FrEduCtId=77\nmail=a@b", ATEN_KIND_NONE, 1, "nor is anybody of EduConnect's"},
        {OID "57=77\nmail=a@b", ATEN_KIND_NONE, 1, "by OID"},
        {"FrEduCtEleveUAI=0340039X\nctemail=a@b", ATEN_KIND_NONE, 1, "nor who has a pupil's school"},
        {V "1|A|B|1|0340039X\n" AFFILIATION "resp1d", ATEN_KIND_PARENT, 1, "both say the same"},
        {V "1|A|B|1|0340039X\n" AFFILIATION "resp2d", ATEN_KIND_PARENT, 1, "the degree makes no other person"},
        {V "1|A|B|1|0340039X\n" AFFILIATION "eleve1d", ATEN_KIND_NONE, 1, "a parent's vector, a pupil's affiliation"},
        {V "4|A|B|1|0340039X\n" AFFILIATION "resp2d", ATEN_KIND_NONE, 1, "vector of a pupil, affiliation of a parent"},
        {V "4|A|B|1|0340039X\n" AFFILIATION "new", ATEN_KIND_PUPIL, 1, "the vector says it, whatever a new word means"},
    };
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        const apr_array_header_t *attributes = attributes_of_lines(rows[i].attributes);

        if (aten_identity_kind(attributes, pool) != rows[i].kind) fail_msg("%s: %s", rows[i].attributes, rows[i].why);
        if (aten_identity_is_family(attributes) != rows[i].family) fail_msg("family: %s", rows[i].attributes);
    }
    assert_int_equal(aten_identity_kind(NULL, pool), ATEN_KIND_NONE);
    assert_false(aten_identity_is_family(NULL));
}

/* --- REMOTE_USER --- */

#define TEN "aaaaaaaaaa"
#define FIFTY TEN TEN TEN TEN TEN
#define TWO_HUNDRED FIFTY FIFTY FIFTY FIFTY

static void users(void **state)
{
    static const struct { const char *attributes, *user, *why; } rows[] = {
        {V "4|||701294|0790031E", "eleve:701294@0790031E", "a pupil without names"},
        {V "3|DURAND|Zo\xc3\xa9|1|0340039X\nmail=a@b\nctemail=c@d", "eleve:1@0340039X", "a pupil, mail or not"},
        {V "1|DURAND|Anne|1|0340039X", "parent:DURAND:Anne:1@0340039X", "a parent, with the child's id"},
        {V "1|DURAND|Luc|1|0340039X", "parent:DURAND:Luc:1@0340039X", "the other parent"},
        {V "1|D'ARC|L\xc3\xa9" "a|1|0340039X", "parent:D'ARC:L\xc3\xa9" "a:1@0340039X", "accents and apostrophes stay"},
        {V "1|D\xe2\x80\x99" "ARC|Le\xcc\x81" "a|1|0340039X", "parent:D\xe2\x80\x99" "ARC:Le\xcc\x81" "a:1@0340039X",
         "another apostrophe, another normalisation: another person"},
        {V "1|durand|anne|1|0340039X", "parent:durand:anne:1@0340039X", "another case: another person"},
        {V "1| DURAND |Anne|1|0340039X", "parent: DURAND :Anne:1@0340039X", "blanks stay"},
        {V "1|A:B|C|1|0340039X", "parent:A%3AB:C:1@0340039X", "a ':' in a nom ends nothing"},
        {V "1|A|B:C|1|0340039X", "parent:A:B%3AC:1@0340039X", "nor in a prenom"},
        {V "1|A%3AB|C|1|0340039X", "parent:A%253AB:C:1@0340039X", "what looks encoded is another name"},
        {V "1|A%25|C%|1|0340039X", "parent:A%2525:C%25:1@0340039X", "'%' in both"},
        {V "1|A@B|C|1|0340039X", "parent:A@B:C:1@0340039X", "'@' ends nothing before the last ':'"},
        {V "2|A|B|2|0340040Y\n" V "1|A|B|3|0340039X\n" V "1|A|B|10|0340039X", "parent:A:B:10@0340039X",
         "the lowest vector in byte order, not by number"},
        {V "1|\xc3\x89|B|1|0340039X\n" V "1|Z|B|2|0340039X", "parent:Z:B:2@0340039X", "bytes are compared unsigned"},
        {V "1|A|B|1|0340039X\n" V "1|A|B|1|0340039X", "parent:A:B:1@0340039X", "a vector twice"},
        {V "1|A|B|1|0340039X\n" V "2|||1|0340039X", "parent:A:B:1@0340039X", "only the lowest needs the names"},
        {"ctemail=jean.durand@ac.example", "jean.durand@ac.example", "staff"},
        {"mail=m@ac.example\nctemail=c@ac.example", "c@ac.example", "ctemail before mail"},
        {"mail=m@ac.example", "m@ac.example", "mail alone"},
        {OID_MAIL "=m@ac.example", "m@ac.example", "by OID"},
        {"mail=m@ac.example\n" OID_MAIL "=m@ac.example", "m@ac.example", "under both names, the same"},
        {"mail=Jean.Durand@AC.example", "Jean.Durand@AC.example", "case stays"},
        {"ctemail=c@ac.example\nFrEduRne=0340039X$UAJ$PU$ADM$111$T3$LYC$340\nFrEduFonctAdm=4|a|b|1|0340039X",
         "c@ac.example", "'|' and '$' in other attributes are nothing"},
        {"FrEduCtId=77ab\n" AFFILIATION "resp2d", "77ab", "EduConnect"},
        {"FrEduCtId=77ab", "77ab", "EduConnect with nothing else"},
        {OID "57=77ab\n" OID "7=eleve2d", "77ab", "EduConnect by OID"},
        {"FrEduCtId=77ab\n" OID "57=77ab", "77ab", "under both names, the same"},
        {"FrEduCtId=77ab\n" V "4|||1|0340039X", "77ab", "before a pupil's vector"},
        {V "1|A|B|1|0340039X\nFrEduCtId=77ab", "77ab", "before a parent's vector"},
        {V "1|||1|0340039X\nFrEduCtId=77ab", "77ab", "a parent needs no name then"},
        {"FrEduCtId=77ab\nmail=a@b\nctemail=a@b", "77ab", "before a mail address"},
        {"FrEduCtId=77ab\n" AFFILIATION "new", "77ab", "a new word of EduConnect's locks nobody out"},
        {V "1|" TWO_HUNDRED TEN TEN TEN "aaaaaa|b|1|0340039X", "parent:" TWO_HUNDRED TEN TEN TEN "aaaaaa:b:1@0340039X",
         "256 bytes"},
    };
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        const char *user = "x", *why = "x";
        const aten_verdict_t verdict = aten_identity_user(&user, attributes_of_lines(rows[i].attributes), &why, pool);

        if (verdict != ATEN_V_OK) fail_msg("%s (%s): %s", rows[i].attributes, rows[i].why, why);
        if (strcmp(user, rows[i].user)) fail_msg("%s (%s): %s", rows[i].attributes, rows[i].why, user);
        assert_null(why);
    }
}

/* A word of the attributes that must not stand in the log: "Secret" is part of every value that could. */
static void logins_that_are_refused(void **state)
{
    static const struct { const char *attributes; aten_verdict_t verdict; const char *says, *why; } rows[] = {
        {"", ATEN_V_IDENTITY_NONE, "no FrEduVecteur, FrEduCtId, ctemail or mail", "nothing"},
        {"sn=Secret\nFrEduRne=0340039X", ATEN_V_IDENTITY_NONE, "no FrEduVecteur", "a name is no identity"},
        {AFFILIATION "resp1d\nmail=Secret@b", ATEN_V_IDENTITY_NONE, "not named by a mail address",
         "a parent's mail address may be the child's, or the other parent's"},
        {AFFILIATION "Secret", ATEN_V_IDENTITY_NONE, "not named by a mail address", "nobody"},
        {AFFILIATION "resp1d\n" AFFILIATION "eleve1d\nFrEduCtId=Secret", ATEN_V_IDENTITY_NONE,
         "the values of FrEduCtPersonAffiliation contradict", "pupil and parent at once, with an id too"},
        {V "1|Secret|B|1|0340039X\n" AFFILIATION "eleve2d", ATEN_V_IDENTITY_NONE,
         "FrEduVecteur and FrEduCtPersonAffiliation contradict", "a parent's vector, a pupil's affiliation"},
        {V "4|Secret|B|1|0340039X\n" AFFILIATION "resp2d\nFrEduCtId=Secret", ATEN_V_IDENTITY_NONE,
         "FrEduVecteur and FrEduCtPersonAffiliation contradict", "a pupil's vector, a parent's affiliation"},

        {V "4|Secret|1|0340039X", ATEN_V_VECTEUR_MALFORMED, "value 1 of 1 of FrEduVecteur", "four fields"},
        {V "1|A|B|1|0340039X\n" V "1|Secret|B|1|0340039", ATEN_V_VECTEUR_MALFORMED, "value 2 of 2", "the second"},
        {V "Secret\nFrEduCtId=77", ATEN_V_VECTEUR_MALFORMED, "value 1 of 1", "beside EduConnect's id too"},
        {V "Secret\nctemail=a@b", ATEN_V_VECTEUR_MALFORMED, "value 1 of 1", "beside a mail address too"},
        {V "1|Secret|B|1|0340039X\n" V "4|A|B|1|0340039X", ATEN_V_VECTEUR_MIXED,
         "2 values of FrEduVecteur are of types 1 or 2", "mixed"},
        {V "4|Secret||1|0340039X\n" V "4|||2|0340039X\n" V "4|||2|0340039X", ATEN_V_VECTEUR_SEVERAL,
         "3 values of FrEduVecteur of type 3 or 4", "a pupil with three"},
        {V "4|||1|0340039X\n" V "4|||2|0340039X\nFrEduCtId=Secret", ATEN_V_VECTEUR_SEVERAL, "2 values",
         "with EduConnect's id too"},

        {V "1|||1|0340039X", ATEN_V_IDENTITY_NAME, "tells the parents of a child apart", "a parent without names"},
        {V "1|Secret||1|0340039X", ATEN_V_IDENTITY_NAME, "apart", "both parents may be called so"},
        {V "2||Secret|1|0340039X", ATEN_V_IDENTITY_NAME, "apart", "both parents may be called so"},
        {V "1|Secret|  |1|0340039X", ATEN_V_IDENTITY_NAME, "apart", "blanks are no name"},
        {V "1| |Secret|1|0340039X", ATEN_V_IDENTITY_NAME, "apart", "blanks are no name"},
        {V "1|||1|0340039X\n" V "2|Secret|B|1|0340039X", ATEN_V_IDENTITY_NAME, "apart", "the lowest has none"},
        {V "1|||1|0340039X\nsn=Secret\ngivenName=B", ATEN_V_IDENTITY_NAME, "apart", "the vector's own are meant"},

        {"ctemail=Secret", ATEN_V_IDENTITY_USER, "ctemail has no '@' or a ':'", "no address"},
        {"ctemail=eleve:Secret@0340039X", ATEN_V_IDENTITY_USER, "ctemail has no '@' or a ':'", "a pupil's name"},
        {"mail=parent:A:Secret:1@0340039X", ATEN_V_IDENTITY_USER, "mail has no '@' or a ':'", "a parent's name"},
        {"mail=a@Secret\nmail=c@d", ATEN_V_IDENTITY_USER, "mail has several values", "which of them?"},
        {"mail=a@Secret\nmail=a@Secret", ATEN_V_IDENTITY_USER, "mail has several values", "one value is one value"},
        {"mail=a@Secret\n" OID_MAIL "=c@d", ATEN_V_IDENTITY_USER, "mail has several values", "under two names"},
        {"mail=a@Secret\n" OID_MAIL "=a@Secret\n" OID_MAIL "=c@d", ATEN_V_IDENTITY_USER, "mail has several values",
         "a second one under the other name"},
        {"ctemail=a@Secret\nctemail=c@d\nmail=e@f", ATEN_V_IDENTITY_USER, "ctemail has several values",
         "mail does not help then"},
        {"ctemail=Secret\nmail=e@f", ATEN_V_IDENTITY_USER, "ctemail has no '@'", "mail does not help then"},
        {"mail=a\n@Secret=x", ATEN_V_IDENTITY_USER, "mail has no '@'", "another attribute does not help"},
        {"mail=a@Secret\r", ATEN_V_IDENTITY_USER, "without control characters", "CR"},
        {"mail=a@Secret\x01", ATEN_V_IDENTITY_USER, "without control characters", "a control character"},
        {"mail=a@Secret\xff", ATEN_V_IDENTITY_USER, "UTF-8", "not UTF-8"},
        {"mail=a@Secret" TWO_HUNDRED FIFTY, ATEN_V_IDENTITY_USER, "would have 258 bytes", "too long"},
        {V "1|Secret" TWO_HUNDRED "|" TEN TEN TEN "aa|1|0340039X", ATEN_V_IDENTITY_USER, "would have 257 bytes",
         "one byte too long"},
        {V "1|Secret:::::::::::::::::::::::::::" FIFTY FIFTY FIFTY "|" TEN TEN TEN "|1|0340039X", ATEN_V_IDENTITY_USER,
         "would have 286 bytes", "too long because of what is encoded"},
        {"FrEduCtId=Secret\nFrEduCtId=78", ATEN_V_IDENTITY_USER, "FrEduCtId has several values", "which of them?"},
        {"FrEduCtId=Secret\n" OID "57=78", ATEN_V_IDENTITY_USER, "FrEduCtId has several values", "under two names"},
        {"FrEduCtId=Secret\nFrEduCtId=78\n" V "4|||1|0340039X", ATEN_V_IDENTITY_USER, "FrEduCtId has several values",
         "a vector does not help then"},
        {"FrEduCtId=eleve:Secret", ATEN_V_IDENTITY_USER, "FrEduCtId has a ':' or '@'", "could be a pupil's name"},
        {"FrEduCtId=Secret@b", ATEN_V_IDENTITY_USER, "FrEduCtId has a ':' or '@'", "could be a staff member's name"},
        {"FrEduCtId=Secret\x7f", ATEN_V_IDENTITY_USER, "without control characters", "DEL"},
        {"FrEduCtId=\n" V "4|||1|0340039X", ATEN_V_IDENTITY_USER, "1 to 256", "an empty one"},
    };
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        const char *user = "x", *why = NULL;
        const aten_verdict_t verdict = aten_identity_user(&user, attributes_of_lines(rows[i].attributes), &why, pool);

        if (verdict != rows[i].verdict) {
            fail_msg("%s (%s): %s", rows[i].attributes, rows[i].why, aten_verdict_text(verdict));
        }
        assert_null(user);
        if (!why || !strstr(why, rows[i].says)) fail_msg("%s (%s): %s", rows[i].attributes, rows[i].why, why);
        assert_null(strstr(why, "Secret"));
    }
}

static void too_many_vectors(void **state)
{
    apr_array_header_t *attributes = attributes_of_lines("");
    const char *user, *why;
    int i;

    for (i = 0; i <= ATEN_VECTEURS_MAX; i++) {
        aten_attribute_add(attributes, "FrEduVecteur", apr_psprintf(pool, "1|A|B|%d|0340039X", i), pool);
    }
    assert_int_equal(aten_identity_user(&user, attributes, &why, pool), ATEN_V_VECTEUR_MALFORMED);
    assert_string_equal(why, "41 values of FrEduVecteur: at most 40 are taken");
    APR_ARRAY_IDX(attributes, 0, aten_attribute_t).values->nelts--;
    assert_int_equal(aten_identity_user(&user, attributes, &why, pool), ATEN_V_OK);
    assert_string_equal(user, "parent:A:B:0@0340039X");
}

static const char *user_of(const char *lines)
{
    const char *user, *why;

    assert_int_equal(aten_identity_user(&user, attributes_of_lines(lines), &why, pool), ATEN_V_OK);
    return user;
}

/* Each of these is another person: no two may have the same name. */
static void nobody_is_somebody_else(void **state)
{
    static const char *const people[] = {
        V "4|A|B|1|0340039X",                    /* the child */
        V "1|A|B|1|0340039X",                    /* a parent of the same name */
        V "1|A|C|1|0340039X",                    /* the other parent */
        V "4|A|B|2|0340039X",                    /* another child */
        V "4|A|B|1|0340040Y",                    /* the same id at another school */
        V "1|A|B|1|0340040Y",
        V "1|A:B|C|1|0340039X",                  /* what a ':' could shift from one name to the other */
        V "1|A|B:C|1|0340039X",
        V "1|A%3AB|C|1|0340039X",                /* what an encoding could hide */
        V "1|A|B%3AC|1|0340039X",
        V "1|A%253AB|C|1|0340039X",
        V "1|A%|3AB:C|1|0340039X",
        V "1|A%3|AB:C|1|0340039X",
        V "1|parent:A|B|1|0340039X",
        V "1|\xc3\x89|B|1|0340039X",             /* normalisation */
        V "1|E\xcc\x81|B|1|0340039X",
        V "1|E|B|1|0340039X",                    /* accents */
        V "1|\xc3\xa9|B|1|0340039X",             /* case */
        V "1|D'A|B|1|0340039X",                  /* apostrophes */
        V "1|D\xe2\x80\x99" "A|B|1|0340039X",
        V "1|DA|B|1|0340039X",
        V "1|A B|C|1|0340039X",                  /* blanks */
        V "1|A  B|C|1|0340039X",
        V "1|A |B|1|0340039X",
        V "1|A| B|1|0340039X",
        "mail=eleve@0340039X",
        "mail=1@0340039X",
        "ctemail=A@b",
        "ctemail=a@b",
        "FrEduCtId=1",
        "FrEduCtId=0340039X",
        "FrEduCtId=eleve",
    };
    int i, j;

    for (i = 0; i < COUNT(people); i++) {
        for (j = 0; j < i; j++) {
            if (!strcmp(user_of(people[i]), user_of(people[j]))) fail_msg("%s and %s", people[i], people[j]);
        }
    }
}

/* Three children in two schools: whatever order the portal sends them in. */
static void the_order_of_vectors_is_nothing(void **state)
{
    static const char *const vectors[] = {"2|D'ARC|Zo\xc3\xa9|30|0340039X", "1|D'ARC|Zo\xc3\xa9|21|0340500A",
                                          "1|D'ARC|Zo\xc3\xa9|9|0340500A"};
    static const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    int i, j;

    for (i = 0; i < COUNT(orders); i++) {
        const char *lines = "mail=a@b";

        for (j = 0; j < 3; j++) lines = apr_pstrcat(pool, lines, "\n" V, vectors[orders[i][j]], NULL);
        assert_string_equal(user_of(lines), "parent:D'ARC:Zo\xc3\xa9:21@0340500A");
    }
}

/* --- schools --- */

static void schools(void **state)
{
    static const struct { const char *attributes, *schools, *why; } rows[] = {
        {"", "", "none"},
        {V "4|||1|0340039X", "0340039X", "a pupil's"},
        {V "1|A|B|1|0340039X\n" V "2|A|B|2|0340040Y\n" V "2|A|B|3|0340039X", "0340039X|0340040Y", "each once"},
        {"FrEduRne=0340039X$UAJ$PU$ADM$111$T3$LYC$340", "0340039X", "what stands before the first '$'"},
        {"FrEduRne=0340039X$a\nFrEduRne=0340040Y$b\nFrEduRne=0340039X$c", "0340039X|0340040Y", "each once"},
        {"FrEduRne=0340039X", "0340039X", "without '$'"},
        {"FrEduRne=0340039XY$a", "0340039XY", "no UAI: as it stands, not cut to one"},
        {"FrEduRne=X", "X", "no UAI"},
        {"FrEduRne=$0340039X", "", "nothing before the '$'"},
        {"FrEduCtEleveUAI=0340039X\n" OID "72=0340040Y", "0340039X|0340040Y", "under both names"},
        {"FrEduCtEleveUAI=0340039X$a", "0340039X$a", "'$' ends FrEduRne alone"},
        {V "4|||1|0340039X\nFrEduCtEleveUAI=0340040Y\nFrEduRne=0340041Z$a", "0340039X|0340040Y|0340041Z", "all three"},
        {V "1|A|B|1|0340039X\n" V "0340040Y", "", "vectors that cannot be read"},
        {V "x\nFrEduRne=0340039X", "|0340039X", "the rest beside them"},
        {"FrEduRneResp=0340039X$a\nUAI=0340040Y", "", "other attributes"},
    };
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        const apr_array_header_t *list = aten_identity_schools(attributes_of_lines(rows[i].attributes), pool);

        if (strcmp(list_of(list), rows[i].schools)) {
            fail_msg("%s (%s): %s", rows[i].attributes, rows[i].why, list_of(list));
        }
    }
    assert_int_equal(aten_identity_schools(attributes_of_lines("FrEduRne=$"), pool)->nelts, 1);
    assert_int_equal(aten_identity_schools(attributes_of_lines(V "x"), pool)->nelts, 1);
    assert_int_equal(aten_identity_schools(NULL, pool)->nelts, 0);
}

/* --- variables --- */

#define CHILDREN V "2|D'ARC|Zo\xc3\xa9|30|0340039X\n" V "1|D'ARC|Zo\xc3\xa9|21|0340500A\n" \
                 V "1|D'ARC|Zo\xc3\xa9|9|0340500A\n" V "2|D'ARC|Zo\xc3\xa9|30|0340039X"

static const char *variables(const char *attributes, const char *profile, const char *start, const char **clashes)
{
    const aten_identity_t identity = {"somebody", attributes ? attributes_of_lines(attributes) : NULL};

    return shown_lines(aten_identity_aten_variables(&identity, profile, clashes, pool), start);
}

static void variables_of_people(void **state)
{
    static const struct { const char *attributes, *want, *why; } rows[] = {
        {CHILDREN,
         "ATEN_BACKEND=aten\nATEN_PROFILE=eleves-parents\nATEN_ROLE=parent\nATEN_ROLES=parent\nATEN_NOM=D'ARC\n"
         "ATEN_PRENOM=Zo\xc3\xa9\nATEN_ELEVE_ID=30;21;9;30\nATEN_UAI=0340039X;0340500A;0340500A;0340039X\n"
         "ATEN_DEGRE=2;1;1;2\nATEN_VECTEUR=2|D'ARC|Zo\xc3\xa9|30|0340039X;1|D'ARC|Zo\xc3\xa9|21|0340500A;"
         "1|D'ARC|Zo\xc3\xa9|9|0340500A;2|D'ARC|Zo\xc3\xa9|30|0340039X\n"
         "ATEN_ATTR_FrEduVecteur=2|D'ARC|Zo\xc3\xa9|30|0340039X;1|D'ARC|Zo\xc3\xa9|21|0340500A;"
         "1|D'ARC|Zo\xc3\xa9|9|0340500A;2|D'ARC|Zo\xc3\xa9|30|0340039X",
         "a parent of three children in two schools, both degrees: the answer's order, duplicates kept"},
        {V "4|||701294|0790031E",
         "ATEN_BACKEND=aten\nATEN_PROFILE=eleves-parents\nATEN_ROLE=eleve\nATEN_ROLES=eleve\n"
         "ATEN_ELEVE_ID=701294\nATEN_UAI=0790031E\nATEN_DEGRE=2\nATEN_VECTEUR=4|||701294|0790031E\n"
         "ATEN_ATTR_FrEduVecteur=4|||701294|0790031E", "a pupil without names"},
        {"ctemail=c@d\nsn=DURAND\ngivenName=Luc\nFrEduRne=0340039X$UAJ$PU$ADM$111$T3$LYC$340",
         "ATEN_BACKEND=aten\nATEN_PROFILE=eleves-parents\nATEN_ROLE=personnel\nATEN_ROLES=personnel\nATEN_NOM=DURAND\n"
         "ATEN_PRENOM=Luc\nATEN_ELEVE_ID=\nATEN_UAI=0340039X\nATEN_DEGRE=\nATEN_ATTR_ctemail=c@d\nATEN_ATTR_sn=DURAND\n"
         "ATEN_ATTR_givenName=Luc\nATEN_ATTR_FrEduRne=0340039X$UAJ$PU$ADM$111$T3$LYC$340", "staff"},
        {OID "57=77\n" OID "7=resp2d\n" OID "72=0340039X\n" OID "72=0340040Y\nurn:oid:2.5.4.4=A\nurn:oid:2.5.4.42=B",
         "ATEN_BACKEND=aten\nATEN_PROFILE=eleves-parents\nATEN_ROLE=parent\nATEN_ROLES=parent\nATEN_NOM=A\n"
         "ATEN_PRENOM=B\nATEN_ELEVE_ID=;\nATEN_UAI=0340039X;0340040Y\nATEN_DEGRE=2;2\n"
         "ATEN_ATTR_urn_oid_1_3_6_1_4_1_20326_10_999_1_57=77\nATEN_ATTR_urn_oid_1_3_6_1_4_1_20326_10_999_1_7=resp2d\n"
         "ATEN_ATTR_urn_oid_1_3_6_1_4_1_20326_10_999_1_72=0340039X;0340040Y\nATEN_ATTR_urn_oid_2_5_4_4=A\n"
         "ATEN_ATTR_urn_oid_2_5_4_42=B", "EduConnect without vectors"},
    };
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        const char *clashes = "x", *got = variables(rows[i].attributes, "eleves-parents", "", &clashes);

        if (strcmp(got, rows[i].want)) fail_msg("%s:\n%s", rows[i].why, got);
        assert_null(clashes);
    }
    assert_string_equal(variables(NULL, NULL, "", NULL), "ATEN_BACKEND=aten");
    assert_string_equal(variables("", "p", "", NULL), "ATEN_BACKEND=aten\nATEN_PROFILE=p");
}

static void variables_of_one_kind(void **state)
{
    static const struct { const char *attributes, *start, *want, *why; } rows[] = {
        {AFFILIATION "eleve1d\n" AFFILIATION "resp1d", "ATEN_ROLE", "", "who is both is neither"},
        {"FrEduCtId=77\nmail=a@b", "ATEN_ROLE", "", "EduConnect's are no staff"},
        {V "x", "ATEN_ROLE", "", "what cannot be read gives no role"},
        {V "x", "ATEN_VECTEUR", "", "nor a vector"},
        {V "x\nFrEduCtEleveUAI=0340039X", "ATEN_UAI", "ATEN_UAI=0340039X", "nor an empty school"},
        {V "4|A|B|1|0340039X\nsn=C", "ATEN_NOM", "ATEN_NOM=A", "the vector before sn"},
        {V "4|A|B|1|0340039X\ngivenName=C", "ATEN_PRENOM", "ATEN_PRENOM=B", "the vector before givenName"},
        {V "4||B|1|0340039X\nsn=C\ngivenName=D", "ATEN_NOM", "ATEN_NOM=C", "sn where the vector has none"},
        {V "4||B|1|0340039X\nsn=C\ngivenName=D", "ATEN_PRENOM", "ATEN_PRENOM=B", "each for itself"},
        {V "4|A||1|0340039X\nsn=C\ngivenName=D", "ATEN_PRENOM", "ATEN_PRENOM=D", "givenName where the vector has none"},
        {V "4| |B|1|0340039X\nsn=C", "ATEN_NOM", "ATEN_NOM=C", "blanks are no name"},
        {V "4||B|1|0340039X", "ATEN_NOM", "", "no name at all"},
        {"sn=\nsn=C\nsn=D\nmail=a@b", "ATEN_NOM", "ATEN_NOM=C", "the first that is not empty"},
        {V "2|A|B|1|0340039X\n" V "1|C|D|2|0340039X", "ATEN_NOM", "ATEN_NOM=C", "of the lowest vector, as in the user"},
        {V "2|A|B|1|0340039X\n" V "1|C|D|2|0340039X", "ATEN_PRENOM", "ATEN_PRENOM=D", "of the lowest vector"},
        {V "1|A|B|1|0340039X\nFrEduCtEleveUAI=0340040Y\nFrEduRne=0340041Z", "ATEN_UAI", "ATEN_UAI=0340039X",
         "the vectors' schools alone, so that the lists fit"},
        {V "1|A|B|1|0340039X\n" AFFILIATION "resp2d", "ATEN_DEGRE", "ATEN_DEGRE=1", "the vector's degree"},
        {V "1|A;B|C|1|0340039X", "ATEN_VECTEUR", "ATEN_VECTEUR=1|A\\;B|C|1|0340039X", "a ';' inside is escaped"},
        {V "1|A;B|C|1|0340039X", "ATEN_NOM", "ATEN_NOM=A;B", "a name is no list"},
        {AFFILIATION "eleve1d\nFrEduCtEleveUAI=0340039X", "ATEN_DEGRE", "ATEN_DEGRE=1", "the affiliation's degree"},
        {AFFILIATION "eleve2d\nFrEduCtEleveUAI=0340039X", "ATEN_DEGRE", "ATEN_DEGRE=2", "the affiliation's degree"},
        {AFFILIATION "resp1d\nFrEduCtEleveUAI=0340039X", "ATEN_DEGRE", "ATEN_DEGRE=1", "the affiliation's degree"},
        {AFFILIATION "resp1d\n" AFFILIATION "resp2d\nFrEduCtEleveUAI=0340039X\nFrEduCtEleveUAI=0340040Y", "ATEN_DEGRE",
         "ATEN_DEGRE=;", "two affiliations: nobody says which school is which"},
        {AFFILIATION "resp2d\n" OID "7=resp2d\nFrEduCtEleveUAI=0340039X", "ATEN_DEGRE", "ATEN_DEGRE=2",
         "the same twice"},
        {AFFILIATION "resp2d\n" AFFILIATION "x\nFrEduCtEleveUAI=0340039X", "ATEN_DEGRE", "ATEN_DEGRE=",
         "a word that is not known: no degree"},
        {"mail=a@b\nFrEduRne=X\nFrEduRne=0340039X$a", "ATEN_UAI", "ATEN_UAI=0340039X", "what is no UAI is left out"},
        {"mail=a@b\nFrEduRne=X\nFrEduRne=0340039X$a", "ATEN_ELEVE_ID", "ATEN_ELEVE_ID=", "and counts nowhere"},
        {"mail=a@b\nFrEduRne=X", "ATEN_UAI", "", "no UAI at all"},
        {"mail=a@b\nFrEduRne=X", "ATEN_DEGRE", "", "no UAI at all"},
        {"mail=a@b\nFrEduFonctAdm=DIR|A$b,c", "ATEN_ATTR_FrEdu", "ATEN_ATTR_FrEduFonctAdm=DIR|A$b,c",
         "other attributes as they come"},
        {OID "67=2010-01-31\n" OID "73=5EME", "ATEN_ATTR_",
         "ATEN_ATTR_urn_oid_1_3_6_1_4_1_20326_10_999_1_67=2010-01-31\n"
         "ATEN_ATTR_urn_oid_1_3_6_1_4_1_20326_10_999_1_73=5EME", "birth date and level by OID"},
    };
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        const char *got = variables(rows[i].attributes, "p", rows[i].start, NULL);

        if (strcmp(got, rows[i].want)) fail_msg("%s (%s): %s", rows[i].attributes, rows[i].why, got);
    }
}

static void names_that_become_one(void **state)
{
    const char *clashes = NULL;
    const char *got = variables("mail=a@b\nMail=c@d\nx=1", NULL, "", &clashes);

    assert_string_equal(got, "ATEN_BACKEND=aten\nATEN_ROLE=personnel\nATEN_ROLES=personnel\nATEN_ATTR_x=1");
    assert_string_equal(clashes, "'mail' (ATEN_ATTR_mail), 'Mail' (ATEN_ATTR_Mail)");
}

/* --- of a session --- */

static void variables_of_a_session(void **state)
{
    const aten_cas_fields_t *fields = aten_cas_fields_builtin(pool);
    const apr_array_header_t *staff = aten_population_builtin(pool);
    aten_session_t session = {.backend = ATEN_BACKEND_ATEN, .profile = "p"};
    const char *clashes = "x";

    session.identity.user = "somebody";
    session.identity.attributes = attributes_of_lines(V "4|A||1|0340039X\nsn=C\nx=1\nX=2");
    assert_string_equal(shown_lines(aten_session_variables(&session, staff, fields, &clashes, pool), ""),
                        "ATEN_BACKEND=aten\nATEN_PROFILE=p\nATEN_ROLE=eleve\nATEN_ROLES=eleve\nATEN_NOM=A\n"
                        "ATEN_ELEVE_ID=1\nATEN_UAI=0340039X\nATEN_DEGRE=2\nATEN_VECTEUR=4|A||1|0340039X\n"
                        "ATEN_ATTR_FrEduVecteur=4|A||1|0340039X\nATEN_ATTR_sn=C");
    assert_string_equal(clashes, "'x' (ATEN_ATTR_x), 'X' (ATEN_ATTR_X)");
    session.backend = ATEN_BACKEND_CAS;
    clashes = "x";
    assert_string_equal(shown_lines(aten_session_variables(&session, staff, fields, &clashes, pool), ""),
                        "ATEN_BACKEND=cas\nATEN_PROFILE=p\nATEN_ROLE=personnel\nATEN_ROLES=personnel;parent;eleve\n"
                        "ATEN_NOM=C\nATEN_ATTR_FrEduVecteur=4|A||1|0340039X\nATEN_ATTR_sn=C");
    assert_string_equal(clashes, "'x' (ATEN_ATTR_x), 'X' (ATEN_ATTR_X)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_attributes),
        cmocka_unit_test(one_value),
        cmocka_unit_test(need),
        cmocka_unit_test(kinds),
        cmocka_unit_test(users),
        cmocka_unit_test(logins_that_are_refused),
        cmocka_unit_test(too_many_vectors),
        cmocka_unit_test(nobody_is_somebody_else),
        cmocka_unit_test(the_order_of_vectors_is_nothing),
        cmocka_unit_test(schools),
        cmocka_unit_test(variables_of_people),
        cmocka_unit_test(variables_of_one_kind),
        cmocka_unit_test(names_that_become_one),
        cmocka_unit_test(variables_of_a_session),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
