/* Attributes written as lines, for tests of what is made of them. */
#ifndef ATEN_UNIT_ATTRIBUTES_H
#define ATEN_UNIT_ATTRIBUTES_H

#include "unit.h"
#include "aten_identity.h"

/* "name=value\nname=value" as attributes: '|' stands in vectors. No line gives no attribute. */
static inline apr_array_header_t *attributes_of_lines(const char *lines)
{
    apr_array_header_t *attributes = apr_array_make(pool, 4, sizeof(aten_attribute_t));
    char *line = apr_pstrdup(pool, lines);

    while (line && *line) {
        char *end = strchr(line, '\n'), *equals = strchr(line, '=');

        if (end) *end = '\0';
        assert_non_null(equals);
        *equals = '\0';
        aten_attribute_add(attributes, line, equals + 1, pool);
        line = end ? end + 1 : NULL;
    }
    return attributes;
}

/* All variables whose name begins with start, "NAME=value" and a line break between them. */
static inline const char *shown_lines(const apr_table_t *vars, const char *start)
{
    const apr_array_header_t *entries = apr_table_elts(vars);
    const char *out = "";
    int i;

    for (i = 0; i < entries->nelts; i++) {
        const apr_table_entry_t *entry = &APR_ARRAY_IDX(entries, i, apr_table_entry_t);

        if (strncmp(entry->key, start, strlen(start))) continue;
        out = apr_pstrcat(pool, out, *out ? "\n" : "", entry->key, "=", entry->val, NULL);
    }
    return out;
}

#endif
