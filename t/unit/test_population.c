/* aten_population.h: who is who in a CAS answer. */

#include "unit.h"
#include "aten_identity.h"
#include "aten_population.h"
#include "aten_util.h"

static const char *parse(aten_population_t **out, const char *line)
{
    char *words[WORDS_MAX];
    const int n = split(line, words);

    return aten_population_parse(out, n, words, pool);
}

static const aten_population_t *at(const apr_array_header_t *list, int i)
{
    return APR_ARRAY_IDX(list, i, const aten_population_t *);
}

static const char *names_of(const apr_array_header_t *list)
{
    const char *out = "";
    int i;

    for (i = 0; i < list->nelts; i++) out = apr_pstrcat(pool, out, i ? " " : "", at(list, i)->name, NULL);
    return out;
}

static const char *values_of(const aten_population_t *pop)
{
    return apr_array_pstrcat(pool, pop->values, '|');
}

/* --- built in --- */

static void roles_have_names(void **state)
{
    assert_string_equal(aten_role_name(ATEN_ROLE_PERSONNEL), "personnel");
    assert_string_equal(aten_role_name(ATEN_ROLE_PARENT), "parent");
    assert_string_equal(aten_role_name(ATEN_ROLE_ELEVE), "eleve");
    assert_string_equal(aten_role_name(ATEN_ROLE_AUTRE), "autre");
    assert_string_equal(aten_role_name(ATEN_ROLE_COUNT), "autre");
    /* ATEN_ROLE takes the first in this order. */
    assert_true(ATEN_ROLE_PERSONNEL < ATEN_ROLE_PARENT && ATEN_ROLE_PARENT < ATEN_ROLE_ELEVE);
    assert_true(ATEN_ROLE_ELEVE < ATEN_ROLE_AUTRE);
}

static void three_are_built_in(void **state)
{
    const apr_array_header_t *list = aten_population_builtin(pool);
    int i;

    assert_string_equal(names_of(list), "pupils parents staff");
    assert_int_equal(at(list, 0)->role, ATEN_ROLE_ELEVE);
    assert_int_equal(at(list, 1)->role, ATEN_ROLE_PARENT);
    assert_int_equal(at(list, 2)->role, ATEN_ROLE_PERSONNEL);
    assert_string_equal(values_of(at(list, 0)), "National_1|National_ELV");
    assert_string_equal(values_of(at(list, 1)), "National_2|National_TUT");
    assert_string_equal(values_of(at(list, 2)), "National_3|National_4|National_5|National_6|National_7|National_ENS|"
                                                "National_DIR|National_EVS|National_ETA|National_ACA|National_DOC|"
                                                "National_COL");
    for (i = 0; i < 3; i++) assert_string_equal(at(list, i)->attribute, "ENTPersonProfils");
}

/* --- a line --- */

static void lines_that_are_right(void **state)
{
    static const struct { const char *line, *name, *attribute, *values; aten_role_t role; const char *why; } rows[] = {
        {"tuteurs|ENTPersonProfils|National_2", "tuteurs", "ENTPersonProfils", "National_2", ATEN_ROLE_AUTRE,
         "no role: nobody knows"},
        {"tuteurs|role=parent|ENTPersonProfils|National_2", "tuteurs", "ENTPersonProfils", "National_2",
         ATEN_ROLE_PARENT, "a role"},
        {"a|role=eleve|b|c", "a", "b", "c", ATEN_ROLE_ELEVE, "a role"},
        {"a|role=personnel|b|c", "a", "b", "c", ATEN_ROLE_PERSONNEL, "a role"},
        {"a|role=autre|b|c", "a", "b", "c", ATEN_ROLE_AUTRE, "a role"},
        {"pupils|categorie|eleve", "pupils", "categorie", "eleve", ATEN_ROLE_ELEVE, "a built-in name keeps its role"},
        {"parents|categorie|resp", "parents", "categorie", "resp", ATEN_ROLE_PARENT, "a built-in name keeps its role"},
        {"staff|categorie|prof", "staff", "categorie", "prof", ATEN_ROLE_PERSONNEL, "a built-in name keeps its role"},
        {"pupils|role=autre|categorie|eleve", "pupils", "categorie", "eleve", ATEN_ROLE_AUTRE, "unless one is given"},
        {"Pupils|a|b", "Pupils", "a", "b", ATEN_ROLE_AUTRE, "names have a case: another population"},
        {"a|b|c|d|e", "a", "b", "c|d|e", ATEN_ROLE_AUTRE, "several values"},
        {"a|b| c |d e|\tf\r\n", "a", "b", "c|d e|f", ATEN_ROLE_AUTRE, "values are trimmed, and may have blanks inside"},
        {"a|b|role=eleve", "a", "b", "role=eleve", ATEN_ROLE_AUTRE, "behind the attribute it is a value"},
        {"a|b|\xc3\xa9l\xc3\xa8ve", "a", "b", "\xc3\xa9l\xc3\xa8ve", ATEN_ROLE_AUTRE, "UTF-8"},
        {"A-z_09|b|c", "A-z_09", "b", "c", ATEN_ROLE_AUTRE, "what a name may have"},
        {"everyones|b|c", "everyones", "b", "c", ATEN_ROLE_AUTRE, "only the whole word is taken"},
        {"n234567890123456789012345678901234567890123456789012345678901234|b|c",
         "n234567890123456789012345678901234567890123456789012345678901234", "b", "c", ATEN_ROLE_AUTRE, "64 letters"},
    };
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        aten_population_t *pop = NULL;
        const char *err = parse(&pop, rows[i].line);

        if (err) fail_msg("%s (%s): %s", rows[i].line, rows[i].why, err);
        if (pop->role != rows[i].role) fail_msg("%s (%s)", rows[i].line, rows[i].why);
        assert_string_equal(pop->name, rows[i].name);
        assert_string_equal(pop->attribute, rows[i].attribute);
        assert_string_equal(values_of(pop), rows[i].values);
    }
}

static void lines_that_are_wrong(void **state)
{
    static const struct { const char *line, *says, *why; } rows[] = {
        {"", "an attribute and one value", "nothing"},
        {"a", "'a' needs an attribute", "a name alone"},
        {"a|b", "'a' needs an attribute", "no value"},
        {"a|role=eleve", "'a' needs an attribute", "a role alone"},
        {"a|role=eleve|b", "'a' needs an attribute", "no value"},
        {"|b|c", "'' is not a population's name", "an empty name"},
        {"a b|b|c", "'a b' is not a population's name", "a blank"},
        {"a.b|b|c", "'a.b' is not a population's name", "a dot"},
        {"\xc3\xa9|b|c", "is not a population's name", "an accent"},
        {"n2345678901234567890123456789012345678901234567890123456789012345|b|c", "1 to 64 letters", "65 letters"},
        {"everyone|b|c", "'everyone' cannot be", "AtenCASCutoff has this word"},
        {"off|b|c", "'off' cannot be", "AtenCASCutoff has this word"},
        {"announced|b|c", "'announced' cannot be", "AtenCASCutoff has this word"},
        {"report-only|b|c", "'report-only' cannot be", "AtenCASCutoff has this word"},
        {"Everyone|b|c", "'Everyone' cannot be", "in any case"},
        {"a|role=|b|c", "role=eleve, role=parent, role=personnel or role=autre", "an empty role"},
        {"a|role=prof|b|c", "'role=prof' is not a role", "an unknown role"},
        {"a|role=Eleve|b|c", "'role=Eleve' is not a role", "another spelling"},
        {"a|role=eleve|role=parent|c", "'role=parent' is not an attribute's name", "two roles"},
        {"a|Role=parent|b|c", "'Role=parent' is not an attribute's name", "a role misspelled"},
        {"a||c", "'' is not an attribute's name", "an empty attribute"},
        {"a|b c|d", "'b c' is not an attribute's name", "a blank in an attribute"},
        {"a|b\x01|d", "is not an attribute's name", "a control character"},
        {"a|b|", "'' is not a value of the attribute b", "an empty value"},
        {"a|b|c|  ", "is not a value of the attribute b", "a value of blanks, which everybody would have"},
        {"a|b|c\x7f", "is not a value of the attribute b", "a control character"},
        {"a|b|\xff", "'\\xff' is not a value of the attribute b", "not UTF-8"},
    };
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        aten_population_t *pop = NULL;
        const char *err = parse(&pop, rows[i].line);

        if (!err || !strstr(err, rows[i].says)) {
            fail_msg("%s (%s): %s", rows[i].line, rows[i].why, err ? err : "accepted");
        }
        assert_null(pop);
    }
}

/* --- lists --- */

static aten_population_t *made(const char *line)
{
    aten_population_t *pop = NULL;

    assert_null(parse(&pop, line));
    return pop;
}

static void put_replaces_by_name(void **state)
{
    apr_array_header_t *list = aten_population_builtin(pool);

    aten_population_put(list, made("tuteurs|a|b"));
    assert_string_equal(names_of(list), "pupils parents staff tuteurs");
    aten_population_put(list, made("parents|a|b"));
    assert_string_equal(names_of(list), "pupils parents staff tuteurs");
    assert_string_equal(at(list, 1)->attribute, "a");
    aten_population_put(list, made("Parents|a|b"));
    assert_string_equal(names_of(list), "pupils parents staff tuteurs Parents");
}

static void merge_leaves_its_arguments(void **state)
{
    apr_array_header_t *base = aten_population_builtin(pool);
    apr_array_header_t *over = apr_array_make(pool, 2, sizeof(const aten_population_t *));
    const apr_array_header_t *out;

    aten_population_put(over, made("staff|a|b"));
    aten_population_put(over, made("tuteurs|a|b"));
    out = aten_population_merge(base, over, pool);
    assert_string_equal(names_of(out), "pupils parents staff tuteurs");
    assert_string_equal(at(out, 2)->attribute, "a");
    assert_string_equal(names_of(base), "pupils parents staff");
    assert_string_equal(at(base, 2)->attribute, "ENTPersonProfils");
    assert_string_equal(names_of(over), "staff tuteurs");
    assert_string_equal(names_of(aten_population_merge(base, NULL, pool)), "pupils parents staff");
    assert_string_equal(names_of(aten_population_merge(NULL, over, pool)), "staff tuteurs");
    assert_int_equal(aten_population_merge(NULL, NULL, pool)->nelts, 0);
    aten_population_put(aten_population_merge(base, NULL, pool), made("tuteurs|a|b"));
    assert_int_equal(base->nelts, 3);
}

static void find_is_by_the_whole_name(void **state)
{
    const apr_array_header_t *list = aten_population_builtin(pool);

    assert_ptr_equal(aten_population_find(list, "parents"), at(list, 1));
    assert_null(aten_population_find(list, "parent"));
    assert_null(aten_population_find(list, "parentsx"));
    assert_null(aten_population_find(list, "Parents"));
    assert_null(aten_population_find(list, ""));
    assert_null(aten_population_find(list, NULL));
    assert_null(aten_population_find(NULL, "parents"));
}

/* --- who belongs where --- */

static apr_array_header_t *person(const char *line)
{
    apr_array_header_t *attributes = apr_array_make(pool, 4, sizeof(aten_attribute_t));
    char *words[WORDS_MAX];
    const int n = split(line, words);
    int i;

    for (i = 0; i < n; i++) {
        char *equals = strchr(words[i], '=');

        *equals = '\0';
        aten_attribute_add(attributes, words[i], equals + 1, pool);
    }
    return attributes;
}

static void belonging(void **state)
{
    static const struct { const char *attributes, *names, *why; } rows[] = {
        {"ENTPersonProfils=National_1", "pupils", "a pupil, SDET"},
        {"ENTPersonProfils=National_ELV", "pupils", "a pupil, later spelling"},
        {"ENTPersonProfils=National_2", "parents", "a parent"},
        {"ENTPersonProfils=National_TUT", "parents", "a parent, later spelling"},
        {"ENTPersonProfils=National_3", "staff", "a teacher"},
        {"ENTPersonProfils=National_7", "staff", "the last number of staff"},
        {"ENTPersonProfils=National_DOC", "staff", "a documentalist"},
        {"ENTPersonProfils=National_ETA", "staff", "in the middle of the list"},
        {"ENTPersonProfils=National_3|ENTPersonProfils=National_2", "parents staff",
         "a teacher who is a parent: in the order of the list, not of the answer"},
        {"ENTPersonProfils=x|ENTPersonProfils=y|ENTPersonProfils=National_2", "parents", "all values are read"},
        {"ENTPersonProfils=National_1|ENTPersonProfils=National_ELV", "pupils", "two values of one population"},
        {"ENTPersonProfils= National_1 ", "pupils", "trimmed"},
        {"ENTPersonProfils=\t\nNational_1\r\n", "pupils", "trimmed, line breaks too"},
        {"ENTPersonProfils=National_10", "", "whole: not a prefix"},
        {"ENTPersonProfils=xNational_1", "", "whole: not an end"},
        {"ENTPersonProfils=National_1 x", "", "whole: nothing behind a blank"},
        {"ENTPersonProfils=National_1,National_2", "", "whole: no lists inside a value"},
        {"ENTPersonProfils=National_1;National_2", "", "whole: no lists inside a value"},
        {"ENTPersonProfils=national_1", "", "byte for byte"},
        {"ENTPersonProfils=National_01", "", "no natural order"},
        {"ENTPersonProfils=National_8", "", "an unknown value"},
        {"ENTPersonProfils=National_", "", "less than a value"},
        {"ENTPersonProfils=", "", "an empty value"},
        {"ENTPersonProfils=  ", "", "a value of blanks"},
        {"entpersonprofils=National_1", "", "the attribute's name byte for byte"},
        {"ENTPersonProfil=National_1", "", "another attribute"},
        {"sn=National_1", "", "the value in another attribute"},
        {"", "", "no attributes"},
    };
    const apr_array_header_t *list = aten_population_builtin(pool);
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        const char *got = names_of(aten_population_of(list, person(rows[i].attributes), pool));

        if (strcmp(got, rows[i].names)) fail_msg("%s (%s): '%s'", rows[i].attributes, rows[i].why, got);
    }
}

static void belonging_by_other_attributes(void **state)
{
    apr_array_header_t *list = aten_population_builtin(pool);

    aten_population_put(list, made("pupils|categorie|eleve de lyc\xc3\xa9" "e|apprenti"));
    aten_population_put(list, made("interns|role=autre|groupe|g1|g2"));
    assert_string_equal(names_of(aten_population_of(list, person("categorie=apprenti|groupe=g2"), pool)),
                        "pupils interns");
    assert_string_equal(names_of(aten_population_of(list, person("categorie= eleve de lyc\xc3\xa9" "e"), pool)),
                        "pupils");
    assert_string_equal(names_of(aten_population_of(list, person("ENTPersonProfils=National_1"), pool)), "");
    assert_int_equal(aten_population_of(list, NULL, pool)->nelts, 0);
    assert_int_equal(aten_population_of(NULL, person("groupe=g1"), pool)->nelts, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roles_have_names),
        cmocka_unit_test(three_are_built_in),
        cmocka_unit_test(lines_that_are_right),
        cmocka_unit_test(lines_that_are_wrong),
        cmocka_unit_test(put_replaces_by_name),
        cmocka_unit_test(merge_leaves_its_arguments),
        cmocka_unit_test(find_is_by_the_whole_name),
        cmocka_unit_test(belonging),
        cmocka_unit_test(belonging_by_other_attributes),
    };

    return cmocka_run_group_tests_name("population", tests, setup, teardown);
}
