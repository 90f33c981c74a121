/* aten_vecteur.h: the grammar of FrEduVecteur, and which vectors may stand together. */

#include "unit.h"
#include "aten_vecteur.h"

#define TEN "0123456789"
#define SIXTY_FOUR TEN TEN TEN TEN TEN TEN "abcd"

static void vectors_that_are_taken(void **state)
{
    static const struct { const char *text; int type; const char *nom, *prenom, *id, *uai, *why; } rows[] = {
        {"4|DURAND|Zo\xc3\xa9|701294|0790031E", 4, "DURAND", "Zo\xc3\xa9", "701294", "0790031E", "accents stay"},
        {"4|||701294|0790031E", 4, "", "", "701294", "0790031E", "pupils have no names since 2018"},
        {"1|D'ARC|Jeanne|1|0340039X", 1, "D'ARC", "Jeanne", "1", "0340039X", "an apostrophe stays"},
        {"2|L\xe2\x80\x99H\xc3\x89RITIER|A|1|0340039X", 2, "L\xe2\x80\x99H\xc3\x89RITIER", "A", "1", "0340039X",
         "a typographic apostrophe stays"},
        {"3|DUPONT||1|0340039X", 3, "DUPONT", "", "1", "0340039X", "no first name"},
        {"3||Anne|1|0340039X", 3, "", "Anne", "1", "0340039X", "no family name"},
        {"3| de la  Tour | Anne |1|0340039X", 3, " de la  Tour ", " Anne ", "1", "0340039X", "blanks stay"},
        {"3|E\xcc\x81|e|1|0340039X", 3, "E\xcc\x81", "e", "1", "0340039X", "decomposed letters stay so"},
        {"1|a:b%3A;$,\\|&<>\"|1|0340039X", 1, "a:b%3A;$,\\", "&<>\"", "1", "0340039X", "nothing is decoded"},
        {"3|a|b|aZ09._-|0340039X", 3, "a", "b", "aZ09._-", "0340039X", "every kind of character of an eleveId"},
        {"3|a|b|" SIXTY_FOUR "|0340039X", 3, "a", "b", SIXTY_FOUR, "0340039X", "the longest eleveId"},
        {"3|a|b|1|9999999Z", 3, "a", "b", "1", "9999999Z", "the last UAI"},
        {"3|a|b|1|0000000A", 3, "a", "b", "1", "0000000A", "the first UAI"},
    };
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        aten_vecteur_t v;

        if (aten_vecteur_parse(&v, rows[i].text, pool) != ATEN_V_OK) fail_msg("%s (%s)", rows[i].text, rows[i].why);
        assert_int_equal(v.type, rows[i].type);
        assert_string_equal(v.nom, rows[i].nom);
        assert_string_equal(v.prenom, rows[i].prenom);
        assert_string_equal(v.eleve_id, rows[i].id);
        assert_string_equal(v.uai, rows[i].uai);
        assert_string_equal(v.raw, rows[i].text);
    }
}

static void vectors_that_are_malformed(void **state)
{
    static const struct { const char *text, *why; } rows[] = {
        {NULL, "nothing"},
        {"", "empty"},
        {"|", "two empty fields"},
        {"||||", "five empty fields"},
        {"4|a|b|1", "four fields"},
        {"4|701294|0790031E", "separators merged by whoever wrote it"},
        {"4||701294|0790031E", "one separator missing"},
        {"4||||701294|0790031E", "a separator too many"},
        {"4|a|b|1|0790031E|", "a sixth, empty field"},
        {"4|a|b|1|0790031E|x", "a sixth field"},
        {"|4|a|b|1|0790031E", "an empty field before"},
        {"|a|b|1|0790031E", "no type"},
        {"0|a|b|1|0790031E", "below the types"},
        {"5|a|b|1|0790031E", "above the types"},
        {"44|a|b|1|0790031E", "two digits"},
        {"04|a|b|1|0790031E", "a zero before"},
        {"4 |a|b|1|0790031E", "a blank behind the type"},
        {" 4|a|b|1|0790031E", "a blank before the type"},
        {"-4|a|b|1|0790031E", "a sign"},
        {"x|a|b|1|0790031E", "no digit"},
        {"4|a|b||0790031E", "no eleveId"},
        {"4|a|b| |0790031E", "a blank eleveId"},
        {"4|a|b|1 2|0790031E", "a blank inside"},
        {"4|a|b|1@2|0790031E", "'@' would end the id in a user name"},
        {"4|a|b|1:2|0790031E", "':' would end a part of a user name"},
        {"4|a|b|1/2|0790031E", "a slash"},
        {"4|a|b|\xc3\xa9|0790031E", "a letter that is not ASCII"},
        {"4|a|b|" SIXTY_FOUR "e|0790031E", "an eleveId one byte too long"},
        {"4|a|b|1|", "no UAI"},
        {"4|a|b|1|0790031", "no letter"},
        {"4|a|b|1|0790031e", "a small letter"},
        {"4|a|b|1|0790031EE", "two letters"},
        {"4|a|b|1|790031E", "six digits"},
        {"4|a|b|1|00790031E", "eight digits"},
        {"4|a|b|1|0790031E ", "a blank behind"},
        {"4|a|b|1| 0790031E", "a blank before"},
        {"4|a|b|1|079003AE", "a letter among the digits"},
        {"4|a|b|1|0790031\xc3\x89", "a letter that is not ASCII"},
        {"4|a|b|1|0790031[", "right behind Z"},
        {"4|a|b|1|0790031@", "right before A"},
        {"4|a\r|b|1|0790031E", "CR"},
        {"4|a\nb|b|1|0790031E", "LF"},
        {"4|a|b\t|1|0790031E", "a tab"},
        {"4|a|b\x7f|1|0790031E", "DEL"},
        {"4|a|b\xc2\x85|1|0790031E", "NEL, a control character beyond ASCII"},
        {"4|a|b|1|0790031E\n", "a line break behind"},
        {"4|a\xff|b|1|0790031E", "not UTF-8"},
        {"4|\xc0\xbc|b|1|0790031E", "an overlong form"},
        {"4|\xc3|b|1|0790031E", "half a character"},
    };
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        aten_vecteur_t v;

        if (aten_vecteur_parse(&v, rows[i].text, pool) != ATEN_V_VECTEUR_MALFORMED) fail_msg("%s", rows[i].why);
    }
}

static void the_longest_vector(void **state)
{
    char text[ATEN_VECTEUR_BYTES_MAX + 2];
    static const char head[] = "4|", tail[] = "|b|1|0790031E";
    aten_vecteur_t v;

    memset(text, 'a', sizeof(text));
    memcpy(text, head, sizeof(head) - 1);
    memcpy(text + ATEN_VECTEUR_BYTES_MAX - (sizeof(tail) - 1), tail, sizeof(tail));
    assert_int_equal(aten_vecteur_parse(&v, text, pool), ATEN_V_OK);
    memmove(text + 3, text + 2, strlen(text + 2) + 1);
    assert_int_equal(strlen(text), ATEN_VECTEUR_BYTES_MAX + 1);
    assert_int_equal(aten_vecteur_parse(&v, text, pool), ATEN_V_VECTEUR_MALFORMED);
}

static void types(void **state)
{
    static const struct { int type, parent, degre; } rows[] = {{1, 1, 1}, {2, 1, 2}, {3, 0, 1}, {4, 0, 2}};
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        const aten_vecteur_t v = {.type = rows[i].type};

        assert_int_equal(aten_vecteur_is_parent(&v), rows[i].parent);
        assert_int_equal(aten_vecteur_degre(&v), rows[i].degre);
    }
}

static void schools(void **state)
{
    assert_true(aten_uai_is("0340039X"));
    assert_false(aten_uai_is(NULL));
    assert_false(aten_uai_is(""));
    assert_false(aten_uai_is("0340039"));
    assert_false(aten_uai_is("0340039X$UAJ"));
    assert_false(aten_uai_is("034*"));
}

/* --- those of an answer --- */

#define PARENT "1|DURAND|Anne|1|0340039X"
#define PARENT2 "2|DURAND|Anne|2|0340040Y"
#define PUPIL "4|||1|0340039X"

static void vectors_together(void **state)
{
    static const struct {
        const char *values[4];
        aten_verdict_t verdict;
        int which;
        const char *why;
    } rows[] = {
        {{NULL}, ATEN_V_OK, 0, "none"},
        {{PUPIL}, ATEN_V_OK, 0, "a pupil has one"},
        {{PARENT}, ATEN_V_OK, 0, "a parent of one child"},
        {{PARENT, PARENT2, PARENT2}, ATEN_V_OK, 0, "a parent has one for each child and school; duplicates stay"},
        {{PARENT2, PARENT}, ATEN_V_OK, 0, "types 1 and 2 are both a parent's"},
        {{PUPIL, PUPIL}, ATEN_V_VECTEUR_SEVERAL, 0, "a pupil has exactly one, not even the same twice"},
        {{PUPIL, "3|||2|0340039X"}, ATEN_V_VECTEUR_SEVERAL, 0, "two pupils"},
        {{PARENT, PUPIL}, ATEN_V_VECTEUR_MIXED, 0, "a parent and a pupil"},
        {{PUPIL, PARENT}, ATEN_V_VECTEUR_MIXED, 0, "whatever the order"},
        {{PUPIL, PUPIL, PARENT}, ATEN_V_VECTEUR_MIXED, 0, "mixed counts before several"},
        {{"x"}, ATEN_V_VECTEUR_MALFORMED, 1, "one that is malformed"},
        {{PARENT, PARENT2, "2|DURAND|Anne|2|0340040"}, ATEN_V_VECTEUR_MALFORMED, 3, "one is enough: the last"},
        {{"", PARENT}, ATEN_V_VECTEUR_MALFORMED, 1, "an empty one is not passed over"},
        {{PARENT, PUPIL, "x"}, ATEN_V_VECTEUR_MALFORMED, 3, "malformed counts before mixed"},
    };
    int i, j;

    for (i = 0; i < COUNT(rows); i++) {
        apr_array_header_t *values = apr_array_make(pool, 4, sizeof(const char *)), *out = values;
        aten_verdict_t verdict;
        int which = 0;

        for (j = 0; j < 4 && rows[i].values[j]; j++) APR_ARRAY_PUSH(values, const char *) = rows[i].values[j];
        verdict = aten_vecteurs_read(&out, values, &which, pool);
        if (verdict != rows[i].verdict) fail_msg("%s: %s", rows[i].why, aten_verdict_text(verdict));
        if (verdict == ATEN_V_VECTEUR_MALFORMED) assert_int_equal(which, rows[i].which);
        assert_true((out != NULL) == (verdict == ATEN_V_OK));
        if (!out) continue;
        assert_int_equal(out->nelts, values->nelts);
        for (j = 0; j < out->nelts; j++) {
            assert_string_equal(APR_ARRAY_IDX(out, j, aten_vecteur_t).raw, rows[i].values[j]);
        }
    }
}

static void no_values(void **state)
{
    apr_array_header_t *out = NULL;
    int which;

    assert_int_equal(aten_vecteurs_read(&out, NULL, &which, pool), ATEN_V_OK);
    assert_int_equal(out->nelts, 0);
}

static void too_many(void **state)
{
    apr_array_header_t *values = apr_array_make(pool, 4, sizeof(const char *)), *out = NULL;
    int i, which = 0;

    for (i = 0; i < ATEN_VECTEURS_MAX; i++) APR_ARRAY_PUSH(values, const char *) = PARENT;
    assert_int_equal(aten_vecteurs_read(&out, values, &which, pool), ATEN_V_OK);
    assert_int_equal(out->nelts, ATEN_VECTEURS_MAX);
    APR_ARRAY_PUSH(values, const char *) = PARENT2;
    assert_int_equal(aten_vecteurs_read(&out, values, &which, pool), ATEN_V_VECTEUR_MALFORMED);
    assert_int_equal(which, ATEN_VECTEURS_MAX + 1);
    assert_null(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_that_are_taken),
        cmocka_unit_test(vectors_that_are_malformed),
        cmocka_unit_test(the_longest_vector),
        cmocka_unit_test(types),
        cmocka_unit_test(schools),
        cmocka_unit_test(vectors_together),
        cmocka_unit_test(no_values),
        cmocka_unit_test(too_many),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
