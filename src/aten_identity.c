#include "aten_identity.h"

#include <string.h>

#include <apr_cstr.h>
#include <apr_strings.h>

#include "aten_util.h"

#define ATTRIBUTE_MAX_BYTES 256
#define VARIABLE_PREFIX "ATEN_ATTR_"

static apr_array_header_t *strings(apr_pool_t *p, int n)
{
    return apr_array_make(p, n, sizeof(const char *));
}

aten_cas_fields_t *aten_cas_fields_builtin(apr_pool_t *p)
{
    aten_cas_fields_t *fields = apr_pcalloc(p, sizeof(*fields));

    fields->uai = strings(p, 2);
    APR_ARRAY_PUSH(fields->uai, const char *) = "ENTPersonStructRattachRNE";
    APR_ARRAY_PUSH(fields->uai, const char *) = "ENTPersonStructRattachUAI";
    fields->nom = strings(p, 1);
    APR_ARRAY_PUSH(fields->nom, const char *) = "sn";
    fields->prenom = strings(p, 1);
    APR_ARRAY_PUSH(fields->prenom, const char *) = "givenName";
    return fields;
}

static apr_array_header_t **field_of(aten_cas_fields_t *fields, const char *word)
{
    if (aten_same(word, "uai")) return &fields->uai;
    if (aten_same(word, "nom")) return &fields->nom;
    if (aten_same(word, "prenom")) return &fields->prenom;
    return aten_same(word, "eleveId") ? &fields->eleve_id : NULL;
}

const char *aten_cas_fields_set(aten_cas_fields_t *fields, int argc, char *const argv[], apr_pool_t *p)
{
    apr_array_header_t **field;
    apr_array_header_t *names;
    int i;

    if (argc < 1) return "a field needs its name and one attribute or more, such as uai ENTPersonStructRattachRNE";
    field = field_of(fields, argv[0]);
    if (!field) {
        return apr_psprintf(p, "'%s' is not a field: write uai, nom, prenom or eleveId",
                            aten_log_text(p, argv[0], 64));
    }
    if (argc < 2) return apr_psprintf(p, "the field %s needs one attribute of the CAS answer or more", argv[0]);
    names = strings(p, argc - 1);
    for (i = 1; i < argc; i++) {
        if (!aten_text_is_clean(argv[i], ATTRIBUTE_MAX_BYTES) || strchr(argv[i], ' ')) {
            return apr_psprintf(p, "'%s' is not an attribute's name: write it as the CAS server does, such as sn",
                                aten_log_text(p, argv[i], 64));
        }
        APR_ARRAY_PUSH(names, const char *) = apr_pstrdup(p, argv[i]);
    }
    *field = names;
    return NULL;
}

aten_cas_fields_t *aten_cas_fields_merge(const aten_cas_fields_t *base, const aten_cas_fields_t *over, apr_pool_t *p)
{
    aten_cas_fields_t *out = apr_pcalloc(p, sizeof(*out));

    out->uai = over->uai ? over->uai : base->uai;
    out->nom = over->nom ? over->nom : base->nom;
    out->prenom = over->prenom ? over->prenom : base->prenom;
    out->eleve_id = over->eleve_id ? over->eleve_id : base->eleve_id;
    return out;
}

static aten_attribute_t *find(const apr_array_header_t *attributes, const char *name)
{
    int i;

    for (i = 0; attributes && i < attributes->nelts; i++) {
        if (aten_same(APR_ARRAY_IDX(attributes, i, aten_attribute_t).name, name)) {
            return &APR_ARRAY_IDX(attributes, i, aten_attribute_t);
        }
    }
    return NULL;
}

const apr_array_header_t *aten_attribute_values(const apr_array_header_t *attributes, const char *name)
{
    const aten_attribute_t *attribute = find(attributes, name);

    return attribute ? attribute->values : NULL;
}

void aten_attribute_add(apr_array_header_t *attributes, const char *name, const char *value, apr_pool_t *p)
{
    aten_attribute_t *attribute = find(attributes, name);

    if (!attribute) {
        attribute = apr_array_push(attributes);
        attribute->name = name;
        attribute->values = strings(p, 1);
    }
    APR_ARRAY_PUSH(attribute->values, const char *) = value;
}

/* The attribute that a field is read from: the first of its list that is there, or NULL. */
static const aten_attribute_t *source_of(const apr_array_header_t *attributes, const apr_array_header_t *field)
{
    int i;

    for (i = 0; field && i < field->nelts; i++) {
        const aten_attribute_t *attribute = find(attributes, APR_ARRAY_IDX(field, i, const char *));

        if (attribute && attribute->values->nelts) return attribute;
    }
    return NULL;
}

static int is_needed(const aten_attribute_t *attribute, const apr_array_header_t *attributes,
                     const apr_array_header_t *populations, const aten_cas_fields_t *fields)
{
    int i;

    for (i = 0; populations && i < populations->nelts; i++) {
        const aten_population_t *pop = APR_ARRAY_IDX(populations, i, const aten_population_t *);

        if (aten_same(pop->attribute, attribute->name)) return 1;
    }
    return source_of(attributes, fields->uai) == attribute || source_of(attributes, fields->nom) == attribute ||
           source_of(attributes, fields->prenom) == attribute || source_of(attributes, fields->eleve_id) == attribute;
}

static void add_by_need(apr_array_header_t *out, const apr_array_header_t *attributes,
                        const apr_array_header_t *populations, const aten_cas_fields_t *fields, int needed)
{
    int i;

    for (i = 0; i < attributes->nelts; i++) {
        const aten_attribute_t *attribute = &APR_ARRAY_IDX(attributes, i, aten_attribute_t);

        if (is_needed(attribute, attributes, populations, fields) != needed) continue;
        APR_ARRAY_PUSH(out, aten_attribute_t) = *attribute;
    }
}

apr_array_header_t *aten_attributes_by_need(const apr_array_header_t *attributes, const apr_array_header_t *populations,
                                            const aten_cas_fields_t *fields, int *needed, apr_pool_t *p)
{
    apr_array_header_t *out = apr_array_make(p, attributes->nelts, sizeof(aten_attribute_t));

    add_by_need(out, attributes, populations, fields, 1);
    *needed = out->nelts;
    add_by_need(out, attributes, populations, fields, 0);
    return out;
}

/* Most attributes have one value that needs no escaping: no copy then, for this runs on each request. */
static const char *joined(const apr_array_header_t *values, apr_pool_t *p)
{
    const char *first;

    if (values->nelts != 1) return aten_join(p, values);
    first = APR_ARRAY_IDX(values, 0, const char *);
    return strchr(first, ';') ? aten_join(p, values) : first;
}

/* The first value that is not empty: a name is one, whatever else the directory holds beside it. */
static void set_name(apr_table_t *vars, const char *variable, const apr_array_header_t *attributes,
                     const apr_array_header_t *field)
{
    const aten_attribute_t *source = source_of(attributes, field);
    int i;

    for (i = 0; source && i < source->values->nelts; i++) {
        const char *value = APR_ARRAY_IDX(source->values, i, const char *);

        if (!*value) continue;
        apr_table_addn(vars, variable, value);
        return;
    }
}

static void set_roles(apr_table_t *vars, const apr_array_header_t *open, apr_pool_t *p)
{
    apr_array_header_t *roles = strings(p, ATEN_ROLE_COUNT);
    unsigned int have = 0;
    int i;

    for (i = 0; open && i < open->nelts; i++) have |= 1u << APR_ARRAY_IDX(open, i, const aten_population_t *)->role;
    for (i = 0; i < ATEN_ROLE_COUNT; i++) {
        if (have & (1u << i)) APR_ARRAY_PUSH(roles, const char *) = aten_role_name((aten_role_t)i);
    }
    if (!roles->nelts) return;
    apr_table_addn(vars, "ATEN_ROLE", APR_ARRAY_IDX(roles, 0, const char *));
    apr_table_addn(vars, "ATEN_ROLES", joined(roles, p));
}

static void push_times(apr_array_header_t *list, const char *value, int times)
{
    while (times-- > 0) APR_ARRAY_PUSH(list, const char *) = value;
}

static void set_schools(apr_table_t *vars, const apr_array_header_t *attributes, const aten_cas_fields_t *fields,
                        apr_pool_t *p)
{
    const aten_attribute_t *ids = source_of(attributes, fields->eleve_id);
    const aten_attribute_t *schools = source_of(attributes, fields->uai);
    const int n_ids = ids ? ids->values->nelts : 0;
    const int n_schools = schools ? schools->values->nelts : 0;
    const int pairs = n_ids == n_schools;
    const int n = pairs ? n_ids : n_ids + n_schools;
    apr_array_header_t *id_list = strings(p, n), *school_list = strings(p, n), *degre_list = strings(p, n);

    if (!n) return;
    if (ids) apr_array_cat(id_list, ids->values);
    push_times(id_list, "", n - n_ids);
    push_times(school_list, "", n - n_schools);
    if (schools) apr_array_cat(school_list, schools->values);
    push_times(degre_list, "", n);
    apr_table_addn(vars, "ATEN_ELEVE_ID", joined(id_list, p));
    apr_table_addn(vars, "ATEN_UAI", joined(school_list, p));
    apr_table_addn(vars, "ATEN_DEGRE", joined(degre_list, p));
}

static int is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static const char *variable_name(const char *attribute, apr_pool_t *p)
{
    const apr_size_t prefix = strlen(VARIABLE_PREFIX), len = strlen(attribute);
    char *variable = apr_palloc(p, prefix + len + 1);
    apr_size_t i;

    memcpy(variable, VARIABLE_PREFIX, prefix);
    for (i = 0; i < len; i++) variable[prefix + i] = is_letter(attribute[i]) ? attribute[i] : '_';
    variable[prefix + len] = '\0';
    return variable;
}

/* Does another attribute give the same variable? Tables of variables, and CGI on some systems, take no notice of case,
 * so "Mail" and "mail" are one. */
static int clashes_at(const char *const *names, int count, int at)
{
    const apr_size_t skip = strlen(VARIABLE_PREFIX);
    int i;

    for (i = 0; i < count; i++) {
        if (i != at && !apr_cstr_casecmp(names[i] + skip, names[at] + skip)) return 1;
    }
    return 0;
}

static void set_attributes(apr_table_t *vars, const apr_array_header_t *attributes, const char **clashes,
                           apr_pool_t *p)
{
    const int count = attributes ? attributes->nelts : 0;
    const char **names = apr_palloc(p, ((apr_size_t)count + 1) * sizeof(*names));
    int i;

    for (i = 0; i < count; i++) names[i] = variable_name(APR_ARRAY_IDX(attributes, i, aten_attribute_t).name, p);
    for (i = 0; i < count; i++) {
        const aten_attribute_t *attribute = &APR_ARRAY_IDX(attributes, i, aten_attribute_t);

        if (!clashes_at(names, count, i)) {
            if (attribute->values->nelts) apr_table_addn(vars, names[i], joined(attribute->values, p));
        }
        else if (clashes) {
            *clashes = apr_psprintf(p, "%s%s'%s' (%s)", *clashes ? *clashes : "", *clashes ? ", " : "",
                                    aten_log_text(p, attribute->name, 64), names[i]);
        }
    }
}

apr_table_t *aten_identity_variables(const aten_identity_t *identity, const char *profile,
                                     const apr_array_header_t *open, const aten_cas_fields_t *fields,
                                     const char **clashes, apr_pool_t *p)
{
    const int expected = 10 + (identity->attributes ? identity->attributes->nelts : 0);
    apr_table_t *vars = apr_table_make(p, expected);

    if (clashes) *clashes = NULL;
    apr_table_addn(vars, "ATEN_BACKEND", "cas");
    if (profile) apr_table_addn(vars, "ATEN_PROFILE", profile);
    set_roles(vars, open, p);
    set_name(vars, "ATEN_NOM", identity->attributes, fields->nom);
    set_name(vars, "ATEN_PRENOM", identity->attributes, fields->prenom);
    set_schools(vars, identity->attributes, fields, p);
    set_attributes(vars, identity->attributes, clashes, p);
    return vars;
}
