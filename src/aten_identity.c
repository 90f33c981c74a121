#include "aten_identity.h"

#include <string.h>

#include <apr_strings.h>

#include "aten_util.h"
#include "aten_variables.h"

#define ATTRIBUTE_MAX_BYTES 256

aten_cas_fields_t *aten_cas_fields_builtin(apr_pool_t *p)
{
    aten_cas_fields_t *fields = apr_pcalloc(p, sizeof(*fields));

    fields->uai = aten_variables_list(2, p);
    APR_ARRAY_PUSH(fields->uai, const char *) = "ENTPersonStructRattachRNE";
    APR_ARRAY_PUSH(fields->uai, const char *) = "ENTPersonStructRattachUAI";
    fields->nom = aten_variables_list(1, p);
    APR_ARRAY_PUSH(fields->nom, const char *) = "sn";
    fields->prenom = aten_variables_list(1, p);
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
    names = aten_variables_list(argc - 1, p);
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
        attribute->values = aten_variables_list(1, p);
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

typedef struct {
    const apr_array_header_t *attributes;
    const apr_array_header_t *populations;
    const aten_cas_fields_t *fields;
} readers_t;

static int is_needed(const aten_attribute_t *attribute, const void *baton)
{
    const readers_t *readers = baton;
    const aten_cas_fields_t *fields = readers->fields;
    int i;

    for (i = 0; readers->populations && i < readers->populations->nelts; i++) {
        const aten_population_t *pop = APR_ARRAY_IDX(readers->populations, i, const aten_population_t *);

        if (aten_same(pop->attribute, attribute->name)) return 1;
    }
    return source_of(readers->attributes, fields->uai) == attribute ||
           source_of(readers->attributes, fields->nom) == attribute ||
           source_of(readers->attributes, fields->prenom) == attribute ||
           source_of(readers->attributes, fields->eleve_id) == attribute;
}

apr_array_header_t *aten_attributes_by_need(const apr_array_header_t *attributes, const apr_array_header_t *populations,
                                            const aten_cas_fields_t *fields, int *needed, apr_pool_t *p)
{
    const readers_t readers = {attributes, populations, fields};

    return aten_variables_by_need(attributes, is_needed, &readers, needed, p);
}

static const apr_array_header_t *values_of(const apr_array_header_t *attributes, const apr_array_header_t *field)
{
    const aten_attribute_t *source = source_of(attributes, field);

    return source ? source->values : NULL;
}

static void set_roles(apr_table_t *vars, const apr_array_header_t *open, apr_pool_t *p)
{
    apr_array_header_t *roles = aten_variables_list(ATEN_ROLE_COUNT, p);
    unsigned int have = 0;
    int i;

    for (i = 0; open && i < open->nelts; i++) have |= 1u << APR_ARRAY_IDX(open, i, const aten_population_t *)->role;
    for (i = 0; i < ATEN_ROLE_COUNT; i++) {
        if (have & (1u << i)) APR_ARRAY_PUSH(roles, const char *) = aten_role_name((aten_role_t)i);
    }
    if (!roles->nelts) return;
    apr_table_addn(vars, "ATEN_ROLE", APR_ARRAY_IDX(roles, 0, const char *));
    aten_variables_set_list(vars, "ATEN_ROLES", roles, p);
}

static void set_schools(apr_table_t *vars, const apr_array_header_t *attributes, const aten_cas_fields_t *fields,
                        apr_pool_t *p)
{
    const apr_array_header_t *ids = values_of(attributes, fields->eleve_id);
    const apr_array_header_t *schools = values_of(attributes, fields->uai);
    const int n_ids = ids ? ids->nelts : 0;
    const int n_schools = schools ? schools->nelts : 0;
    const int pairs = n_ids == n_schools;
    const int n = pairs ? n_ids : n_ids + n_schools;
    apr_array_header_t *id_list = aten_variables_list(n, p), *school_list = aten_variables_list(n, p);
    apr_array_header_t *degre_list = aten_variables_list(n, p);

    if (ids) apr_array_cat(id_list, ids);
    aten_variables_push(id_list, "", n - n_ids);
    aten_variables_push(school_list, "", n - n_schools);
    if (schools) apr_array_cat(school_list, schools);
    aten_variables_push(degre_list, "", n);
    aten_variables_set_schools(vars, id_list, school_list, degre_list, p);
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
    aten_variables_set_first(vars, "ATEN_NOM", values_of(identity->attributes, fields->nom));
    aten_variables_set_first(vars, "ATEN_PRENOM", values_of(identity->attributes, fields->prenom));
    set_schools(vars, identity->attributes, fields, p);
    aten_variables_set_attributes(vars, identity->attributes, clashes, p);
    return vars;
}
