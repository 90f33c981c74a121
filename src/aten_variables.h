/* What the variables of every backend have in common: how lists are joined, and ATEN_ATTR_<name> with its clashes.
 * For aten_identity.c and aten_identity_aten.c alone. */
#ifndef ATEN_VARIABLES_H
#define ATEN_VARIABLES_H

#include "aten_identity.h"

/** An empty array of const char * with room for n. */
apr_array_header_t *aten_variables_list(int n, apr_pool_t *p);

/** Add a value so many times. */
void aten_variables_push(apr_array_header_t *list, const char *value, int times);

/** Set a variable to the joined list (aten_join), where the list is not empty. */
void aten_variables_set_list(apr_table_t *vars, const char *variable, const apr_array_header_t *list, apr_pool_t *p);

/** Set a variable to the first value that is not empty: a name is one, whatever else a directory holds beside it.
 *  @param values may be NULL @return 1 if there was one */
int aten_variables_set_first(apr_table_t *vars, const char *variable, const apr_array_header_t *values);

/** ATEN_ELEVE_ID, ATEN_UAI and ATEN_DEGRE: lists of the same length; nothing where they are empty. */
void aten_variables_set_schools(apr_table_t *vars, const apr_array_header_t *ids, const apr_array_header_t *schools,
                                const apr_array_header_t *degres, apr_pool_t *p);

/** ATEN_ATTR_<name> of each attribute that has a value.
 *  @param attributes may be NULL
 *  @param clashes    as aten_identity_variables has it; grows, and is set to NULL by the caller first */
void aten_variables_set_attributes(apr_table_t *vars, const apr_array_header_t *attributes, const char **clashes,
                                   apr_pool_t *p);

/** The attributes that are needed, then the others, each in their order.
 *  @param is_needed asked once for each attribute
 *  @param needed    set to the number of those that are
 *  @return a new array of aten_attribute_t */
apr_array_header_t *aten_variables_by_need(const apr_array_header_t *attributes,
                                           int (*is_needed)(const aten_attribute_t *attribute, const void *baton),
                                           const void *baton, int *needed, apr_pool_t *p);

#endif
