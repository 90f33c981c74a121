#include "aten_variables.h"

#include <string.h>

#include <apr_cstr.h>
#include <apr_strings.h>

#include "aten_util.h"

#define VARIABLE_PREFIX "ATEN_ATTR_"

apr_array_header_t *aten_variables_list(int n, apr_pool_t *p)
{
    return apr_array_make(p, n, sizeof(const char *));
}

void aten_variables_push(apr_array_header_t *list, const char *value, int times)
{
    while (times-- > 0) APR_ARRAY_PUSH(list, const char *) = value;
}

/* Most lists have one value that needs no escaping: no copy then, for this may run on each request. */
static const char *joined(const apr_array_header_t *values, apr_pool_t *p)
{
    const char *first;

    if (values->nelts != 1) return aten_join(p, values);
    first = APR_ARRAY_IDX(values, 0, const char *);
    return strchr(first, ';') ? aten_join(p, values) : first;
}

void aten_variables_set_list(apr_table_t *vars, const char *variable, const apr_array_header_t *list, apr_pool_t *p)
{
    if (list->nelts) apr_table_addn(vars, variable, joined(list, p));
}

int aten_variables_set_first(apr_table_t *vars, const char *variable, const apr_array_header_t *values)
{
    int i;

    for (i = 0; values && i < values->nelts; i++) {
        const char *value = APR_ARRAY_IDX(values, i, const char *);

        if (!*value) continue;
        apr_table_addn(vars, variable, value);
        return 1;
    }
    return 0;
}

void aten_variables_set_schools(apr_table_t *vars, const apr_array_header_t *ids, const apr_array_header_t *schools,
                                const apr_array_header_t *degres, apr_pool_t *p)
{
    aten_variables_set_list(vars, "ATEN_ELEVE_ID", ids, p);
    aten_variables_set_list(vars, "ATEN_UAI", schools, p);
    aten_variables_set_list(vars, "ATEN_DEGRE", degres, p);
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

void aten_variables_set_attributes(apr_table_t *vars, const apr_array_header_t *attributes, const char **clashes,
                                   apr_pool_t *p)
{
    const int count = attributes ? attributes->nelts : 0;
    const char **names = apr_palloc(p, ((apr_size_t)count + 1) * sizeof(*names));
    int i;

    for (i = 0; i < count; i++) names[i] = variable_name(APR_ARRAY_IDX(attributes, i, aten_attribute_t).name, p);
    for (i = 0; i < count; i++) {
        const aten_attribute_t *attribute = &APR_ARRAY_IDX(attributes, i, aten_attribute_t);

        if (!clashes_at(names, count, i)) {
            aten_variables_set_list(vars, names[i], attribute->values, p);
        }
        else if (clashes) {
            *clashes = apr_psprintf(p, "%s%s'%s' (%s)", *clashes ? *clashes : "", *clashes ? ", " : "",
                                    aten_log_text(p, attribute->name, 64), names[i]);
        }
    }
}

apr_array_header_t *aten_variables_by_need(const apr_array_header_t *attributes,
                                           int (*is_needed)(const aten_attribute_t *attribute, const void *baton),
                                           const void *baton, int *needed, apr_pool_t *p)
{
    const int count = attributes ? attributes->nelts : 0;
    apr_array_header_t *out = apr_array_make(p, count, sizeof(aten_attribute_t));
    apr_array_header_t *others = apr_array_make(p, count, sizeof(aten_attribute_t));
    int i;

    for (i = 0; i < count; i++) {
        const aten_attribute_t *attribute = &APR_ARRAY_IDX(attributes, i, aten_attribute_t);

        APR_ARRAY_PUSH(is_needed(attribute, baton) ? out : others, aten_attribute_t) = *attribute;
    }
    *needed = out->nelts;
    apr_array_cat(out, others);
    return out;
}
