/* aten_identity.h: attributes, the fields of a CAS answer, and the variables that an application sees. */

#include "unit.h"
#include "aten_identity.h"

/* "name=value|name=value" as attributes. */
static apr_array_header_t *attributes_of(const char *line)
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

static const char *names_of(const apr_array_header_t *attributes)
{
    const char *out = "";
    int i;

    for (i = 0; i < attributes->nelts; i++) {
        out = apr_pstrcat(pool, out, i ? " " : "", APR_ARRAY_IDX(attributes, i, aten_attribute_t).name, NULL);
    }
    return out;
}

static const char *list_of(const apr_array_header_t *strings)
{
    return strings ? apr_array_pstrcat(pool, strings, '|') : NULL;
}

static const char *set(aten_cas_fields_t *fields, const char *line)
{
    char *words[WORDS_MAX];
    const int n = split(line, words);

    return aten_cas_fields_set(fields, n, words, pool);
}

/* Fields that also read an eleveId, which the built-in ones don't. */
static aten_cas_fields_t *fields_with_id(void)
{
    aten_cas_fields_t *fields = aten_cas_fields_builtin(pool);

    assert_null(set(fields, "eleveId|ENTEleveId|SiecleId"));
    return fields;
}

/* --- attributes --- */

static void attributes_gather_values(void **state)
{
    apr_array_header_t *attributes = attributes_of("a=1|b=2|a=3|A=4|a=1|c=");

    assert_string_equal(names_of(attributes), "a b A c");
    assert_string_equal(list_of(aten_attribute_values(attributes, "a")), "1|3|1");
    assert_string_equal(list_of(aten_attribute_values(attributes, "A")), "4");
    assert_string_equal(list_of(aten_attribute_values(attributes, "c")), "");
    assert_null(aten_attribute_values(attributes, "d"));
    assert_null(aten_attribute_values(attributes, ""));
    assert_null(aten_attribute_values(attributes, NULL));
    assert_null(aten_attribute_values(NULL, "a"));
}

/* --- fields --- */

static void fields_built_in(void **state)
{
    const aten_cas_fields_t *fields = aten_cas_fields_builtin(pool);

    assert_string_equal(list_of(fields->uai), "ENTPersonStructRattachRNE|ENTPersonStructRattachUAI");
    assert_string_equal(list_of(fields->nom), "sn");
    assert_string_equal(list_of(fields->prenom), "givenName");
    assert_null(fields->eleve_id);
}

static void fields_are_set_and_merged(void **state)
{
    const aten_cas_fields_t *base = aten_cas_fields_builtin(pool);
    aten_cas_fields_t *over = apr_pcalloc(pool, sizeof(*over));
    const aten_cas_fields_t *out;

    assert_null(set(over, "uai|a|b"));
    assert_null(set(over, "uai|c"));
    assert_null(set(over, "eleveId|d"));
    assert_string_equal(list_of(over->uai), "c"); /* the last line of a section counts */
    assert_null(over->nom);
    out = aten_cas_fields_merge(base, over, pool);
    assert_string_equal(list_of(out->uai), "c");
    assert_string_equal(list_of(out->nom), "sn");
    assert_string_equal(list_of(out->prenom), "givenName");
    assert_string_equal(list_of(out->eleve_id), "d");
    assert_string_equal(list_of(base->uai), "ENTPersonStructRattachRNE|ENTPersonStructRattachUAI");
    assert_null(set(over, "nom|e"));
    assert_null(set(over, "prenom|f|g"));
    out = aten_cas_fields_merge(base, over, pool);
    assert_string_equal(list_of(out->nom), "e");
    assert_string_equal(list_of(out->prenom), "f|g");
}

static void fields_that_are_wrong(void **state)
{
    static const struct { const char *line, *says, *why; } rows[] = {
        {"", "a field needs", "nothing"},
        {"uai", "the field uai needs", "no attribute"},
        {"name|a", "'name' is not a field: write uai, nom, prenom or eleveId", "no field"},
        {"UAI|a", "'UAI' is not a field", "another spelling"},
        {"eleveid|a", "'eleveid' is not a field", "another spelling"},
        {"|a", "'' is not a field", "an empty word"},
        {"uai|", "'' is not an attribute's name", "an empty attribute"},
        {"uai|a|b c", "'b c' is not an attribute's name", "a blank"},
        {"uai|a|b\x1f", "is not an attribute's name", "a control character"},
        {"uai|\xc0\xaf", "is not an attribute's name", "not UTF-8"},
    };
    aten_cas_fields_t *fields = apr_pcalloc(pool, sizeof(*fields));
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        const char *err = set(fields, rows[i].line);

        if (!err || !strstr(err, rows[i].says)) {
            fail_msg("%s (%s): %s", rows[i].line, rows[i].why, err ? err : "accepted");
        }
        assert_null(fields->uai);
    }
}

/* --- what a session must keep --- */

static void need(void **state)
{
    static const struct { const char *attributes, *order; int needed; const char *why; } rows[] = {
        {"mail=a|ENTPersonProfils=b|sn=c|tel=d|givenName=e", "ENTPersonProfils sn givenName mail tel", 3,
         "populations and names first, else in the order of the answer"},
        {"ENTPersonStructRattachUAI=a|x=b|ENTPersonStructRattachRNE=c",
         "ENTPersonStructRattachRNE ENTPersonStructRattachUAI x", 1, "the spare attribute of a field is not read"},
        {"ENTPersonStructRattachUAI=a|x=b", "ENTPersonStructRattachUAI x", 1, "unless the first is missing"},
        {"a=1|b=2", "a b", 0, "none is needed"},
        {"sn=1|ENTPersonProfils=2", "sn ENTPersonProfils", 2, "all are needed"},
        {"", "", 0, "none at all"},
        {"SN=1|entpersonprofils=2", "SN entpersonprofils", 0, "names byte for byte"},
        {"x=1|ENTEleveId=1|SiecleId=2", "ENTEleveId x SiecleId", 1, "a field that was set"},
        {"x=1|groupe=2", "groupe x", 1, "the attribute of a population of the administrator's"},
    };
    apr_array_header_t *populations = aten_population_builtin(pool);
    aten_population_t *own = apr_pmemdup(pool, APR_ARRAY_IDX(populations, 0, aten_population_t *), sizeof(*own));
    int i;

    own->name = "own";
    own->attribute = "groupe";
    aten_population_put(populations, own);
    for (i = 0; i < COUNT(rows); i++) {
        int needed = -1;
        apr_array_header_t *in = attributes_of(rows[i].attributes);
        const char *before = names_of(in), *got;

        got = names_of(aten_attributes_by_need(in, populations, fields_with_id(), &needed, pool));
        if (strcmp(got, rows[i].order) || needed != rows[i].needed) {
            fail_msg("%s (%s): %s, %d needed", rows[i].attributes, rows[i].why, got, needed);
        }
        assert_string_equal(names_of(in), before);
    }
}

static void need_keeps_values(void **state)
{
    int needed;
    apr_array_header_t *out = aten_attributes_by_need(attributes_of("x=1|sn=2|sn=3"), NULL,
                                                      aten_cas_fields_builtin(pool), &needed, pool);

    assert_int_equal(needed, 1);
    assert_string_equal(list_of(aten_attribute_values(out, "sn")), "2|3");
    assert_string_equal(list_of(aten_attribute_values(out, "x")), "1");
}

/* --- variables --- */

static apr_table_t *variables(const char *attributes, const char *open, const char **clashes)
{
    const aten_identity_t identity = {"jean", attributes_of(attributes)};
    apr_array_header_t *builtin = aten_population_builtin(pool);
    apr_array_header_t *populations = apr_array_make(pool, 4, sizeof(const aten_population_t *));
    aten_population_t *extra = apr_pmemdup(pool, APR_ARRAY_IDX(builtin, 0, aten_population_t *), sizeof(*extra));
    char *words[WORDS_MAX];
    const int n = split(open, words);
    int i;

    extra->name = "others";
    extra->role = ATEN_ROLE_AUTRE;
    aten_population_put(builtin, extra);
    extra = apr_pmemdup(pool, APR_ARRAY_IDX(builtin, 1, aten_population_t *), sizeof(*extra));
    extra->name = "guardians"; /* a second one with the role of parents */
    aten_population_put(builtin, extra);
    for (i = 0; i < n; i++) {
        APR_ARRAY_PUSH(populations, const aten_population_t *) = aten_population_find(builtin, words[i]);
    }
    return aten_identity_variables(&identity, "autres-publics", populations, fields_with_id(), clashes, pool);
}

/* All variables whose name begins with start, "NAME=value|NAME=value". */
static const char *shown(const apr_table_t *vars, const char *start)
{
    const apr_array_header_t *entries = apr_table_elts(vars);
    const char *out = "";
    int i;

    for (i = 0; i < entries->nelts; i++) {
        const apr_table_entry_t *entry = &APR_ARRAY_IDX(entries, i, apr_table_entry_t);

        if (strncmp(entry->key, start, strlen(start))) continue;
        out = apr_pstrcat(pool, out, *out ? "|" : "", entry->key, "=", entry->val, NULL);
    }
    return out;
}

static void variables_of_one_kind(void **state)
{
    static const struct { const char *attributes, *open, *start, *want, *why; } rows[] = {
        {"", "", "", "ATEN_BACKEND=cas|ATEN_PROFILE=autres-publics", "what everybody has"},

        {"", "parents", "ATEN_ROLE", "ATEN_ROLE=parent|ATEN_ROLES=parent", "one population"},
        {"", "parents|staff", "ATEN_ROLE", "ATEN_ROLE=personnel|ATEN_ROLES=personnel;parent",
         "staff before parents, whatever the order of populations"},
        {"", "others|pupils|parents|staff", "ATEN_ROLE",
         "ATEN_ROLE=personnel|ATEN_ROLES=personnel;parent;eleve;autre", "the whole order"},
        {"", "parents|guardians", "ATEN_ROLE", "ATEN_ROLE=parent|ATEN_ROLES=parent", "a role once"},
        {"ENTPersonProfils=National_2", "", "ATEN_ROLE", "", "a role that the cut-off closed is left out"},

        {"sn=Durand|givenName=Zo\xc3\xa9", "", "ATEN_NOM", "ATEN_NOM=Durand", "a name"},
        {"sn=Durand|givenName=Zo\xc3\xa9", "", "ATEN_PRENOM", "ATEN_PRENOM=Zo\xc3\xa9", "a first name"},
        {"sn=Durand|sn=Martin", "", "ATEN_NOM", "ATEN_NOM=Durand", "one name, not a list"},
        {"sn=|sn=Martin", "", "ATEN_NOM", "ATEN_NOM=Martin", "an empty value is no name"},
        {"sn=", "", "ATEN_NOM", "", "no name: no variable"},
        {"cn=Durand", "", "ATEN_NOM", "", "another attribute"},
        {"sn=a;b", "", "ATEN_NOM", "ATEN_NOM=a;b", "no list: nothing to escape"},

        {"ENTPersonStructRattachRNE=0340039X", "", "ATEN_UAI", "ATEN_UAI=0340039X", "a school"},
        {"ENTPersonStructRattachRNE=0340039X", "", "ATEN_ELEVE_ID", "ATEN_ELEVE_ID=", "beside an empty id"},
        {"ENTPersonStructRattachRNE=0340039X", "", "ATEN_DEGRE", "ATEN_DEGRE=", "and an unknown level"},
        {"ENTPersonStructRattachUAI=2|ENTPersonStructRattachRNE=1", "", "ATEN_UAI", "ATEN_UAI=1",
         "the first of the list that is there, not the first of the answer"},
        {"ENTPersonStructRattachUAI=2", "", "ATEN_UAI", "ATEN_UAI=2", "the second of the list"},
        {"ENTPersonStructRattachRNE=1|ENTPersonStructRattachRNE=2|ENTPersonStructRattachRNE=1", "", "ATEN_UAI",
         "ATEN_UAI=1;2;1", "duplicates are kept"},
        {"ENTPersonStructRattachRNE=1|ENTPersonStructRattachRNE=2|ENTPersonStructRattachRNE=1", "", "ATEN_ELEVE_ID",
         "ATEN_ELEVE_ID=;;", "as many empty ids"},
        {"ENTPersonStructRattachRNE=1|ENTPersonStructRattachRNE=2|ENTPersonStructRattachRNE=1", "", "ATEN_DEGRE",
         "ATEN_DEGRE=;;", "as many empty levels"},
        {"ENTPersonStructRattachRNE=a;b", "", "ATEN_UAI", "ATEN_UAI=a\\;b", "a ';' inside is escaped"},

        {"ENTPersonStructRattachRNE=A|ENTPersonStructRattachRNE=B|ENTEleveId=1|ENTEleveId=2", "", "ATEN_UAI",
         "ATEN_UAI=A;B", "as many schools as ids: pairs"},
        {"ENTPersonStructRattachRNE=A|ENTPersonStructRattachRNE=B|ENTEleveId=1|ENTEleveId=2", "", "ATEN_ELEVE_ID",
         "ATEN_ELEVE_ID=1;2", "as many schools as ids: pairs"},
        {"ENTPersonStructRattachRNE=A|ENTPersonStructRattachRNE=B|ENTEleveId=1|ENTEleveId=2", "", "ATEN_DEGRE",
         "ATEN_DEGRE=;", "a level for each pair"},
        {"ENTPersonStructRattachRNE=A|ENTEleveId=1|ENTEleveId=2", "", "ATEN_UAI", "ATEN_UAI=;;A",
         "no pairs: nobody says which child is in which school"},
        {"ENTPersonStructRattachRNE=A|ENTEleveId=1|ENTEleveId=2", "", "ATEN_ELEVE_ID", "ATEN_ELEVE_ID=1;2;",
         "no pairs: nobody says which child is in which school"},
        {"ENTPersonStructRattachRNE=A|ENTEleveId=1|ENTEleveId=2", "", "ATEN_DEGRE", "ATEN_DEGRE=;;",
         "no pairs: three entries"},
        {"ENTEleveId=1", "", "ATEN_UAI", "ATEN_UAI=", "an id without a school"},
        {"ENTEleveId=1", "", "ATEN_ELEVE_ID", "ATEN_ELEVE_ID=1", "an id without a school"},
        {"SiecleId=7|ENTEleveId=1", "", "ATEN_ELEVE_ID", "ATEN_ELEVE_ID=1", "the first of the list"},
        {"mail=a", "", "ATEN_UAI", "", "neither: no variable"},
        {"mail=a", "", "ATEN_ELEVE_ID", "", "neither: no variable"},
        {"mail=a", "", "ATEN_DEGRE", "", "neither: no variable"},

        {"mail=a@b|tel=1|tel=2", "", "ATEN_ATTR_", "ATEN_ATTR_mail=a@b|ATEN_ATTR_tel=1;2", "every attribute"},
        {"urn:oid:1.2-3=x", "", "ATEN_ATTR_", "ATEN_ATTR_urn_oid_1_2_3=x", "other characters become '_'"},
        {"\xc3\xa9=x", "", "ATEN_ATTR_", "ATEN_ATTR___=x", "each byte of them"},
        {"a=1;2|a=3", "", "ATEN_ATTR_", "ATEN_ATTR_a=1\\;2;3", "joined as Shibboleth does"},
        {"a=1;2", "", "ATEN_ATTR_", "ATEN_ATTR_a=1\\;2", "one value too"},
        {"a=", "", "ATEN_ATTR_", "ATEN_ATTR_a=", "an empty value"},
        {"a=1\\", "", "ATEN_ATTR_", "ATEN_ATTR_a=1\\", "a backslash stays"},
    };
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        const char *clashes = "x";
        const char *got = shown(variables(rows[i].attributes, rows[i].open, &clashes), rows[i].start);

        if (strcmp(got, rows[i].want)) fail_msg("%s (%s): %s", rows[i].attributes, rows[i].why, got);
        assert_null(clashes);
    }
}

static void names_that_become_one(void **state)
{
    static const struct { const char *attributes, *want, *says, *why; } rows[] = {
        {"a-b=1|a.b=2|c=3", "ATEN_ATTR_c=3", "'a-b' (ATEN_ATTR_a_b), 'a.b' (ATEN_ATTR_a_b)", "neither is exported"},
        {"a-b=1|x=2|a_b=3|a.b=4", "ATEN_ATTR_x=2",
         "'a-b' (ATEN_ATTR_a_b), 'a_b' (ATEN_ATTR_a_b), 'a.b' (ATEN_ATTR_a_b)", "nor is one that needed no change"},
        {"Mail=1|mail=2|c=3", "ATEN_ATTR_c=3", "'Mail' (ATEN_ATTR_Mail), 'mail' (ATEN_ATTR_mail)",
         "a table of variables takes no notice of case"},
        {"a-b=1|A.b=2|x y=3|x-y=4", "",
         "'a-b' (ATEN_ATTR_a_b), 'A.b' (ATEN_ATTR_A_b), 'x y' (ATEN_ATTR_x_y), 'x-y' (ATEN_ATTR_x_y)", "two clashes"},
        {"a\"\n=1|a__=2", "", "'a\\\"\\n' (ATEN_ATTR_a__), 'a__' (ATEN_ATTR_a__)", "names are escaped for the log"},
        {"ab=1|a_b=2", "ATEN_ATTR_ab=1|ATEN_ATTR_a_b=2", NULL, "no clash"},
    };
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        const char *clashes = "x";
        const char *got = shown(variables(rows[i].attributes, "", &clashes), "ATEN_ATTR_");

        if (strcmp(got, rows[i].want)) fail_msg("%s (%s): %s", rows[i].attributes, rows[i].why, got);
        if (rows[i].says) assert_string_equal(clashes, rows[i].says);
        else assert_null(clashes);
        assert_string_equal(shown(variables(rows[i].attributes, "", NULL), "ATEN_ATTR_"), rows[i].want);
    }
}

static void a_clash_leaves_the_rest(void **state)
{
    const char *clashes;
    const apr_table_t *vars = variables("sn=Durand|SN=x|ENTPersonStructRattachRNE=1", "staff", &clashes);

    assert_string_equal(shown(vars, ""),
                        "ATEN_BACKEND=cas|ATEN_PROFILE=autres-publics|ATEN_ROLE=personnel|ATEN_ROLES=personnel|"
                        "ATEN_NOM=Durand|ATEN_ELEVE_ID=|ATEN_UAI=1|ATEN_DEGRE=|"
                        "ATEN_ATTR_ENTPersonStructRattachRNE=1");
    assert_non_null(clashes);
}

static void variables_without_anything(void **state)
{
    const aten_identity_t identity = {"jean", NULL};
    const aten_cas_fields_t *fields = aten_cas_fields_builtin(pool);

    assert_string_equal(shown(aten_identity_variables(&identity, NULL, NULL, fields, NULL, pool), ""),
                        "ATEN_BACKEND=cas");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attributes_gather_values),
        cmocka_unit_test(fields_built_in),
        cmocka_unit_test(fields_are_set_and_merged),
        cmocka_unit_test(fields_that_are_wrong),
        cmocka_unit_test(need),
        cmocka_unit_test(need_keeps_values),
        cmocka_unit_test(variables_of_one_kind),
        cmocka_unit_test(names_that_become_one),
        cmocka_unit_test(a_clash_leaves_the_rest),
        cmocka_unit_test(variables_without_anything),
    };

    return cmocka_run_group_tests_name("identity", tests, setup, teardown);
}
