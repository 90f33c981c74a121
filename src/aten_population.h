/* Populations: who is who in a CAS answer (AtenPopulation, DESIGN section 2, "Who is inside"). */
#ifndef ATEN_POPULATION_H
#define ATEN_POPULATION_H

#include <apr_pools.h>
#include <apr_tables.h>

/* In the order in which ATEN_ROLE takes the first. */
typedef enum {
    ATEN_ROLE_PERSONNEL,
    ATEN_ROLE_PARENT,
    ATEN_ROLE_ELEVE,
    ATEN_ROLE_AUTRE,
    ATEN_ROLE_COUNT
} aten_role_t;

/** "personnel", "parent", "eleve", "autre". */
const char *aten_role_name(aten_role_t role);

typedef struct {
    const char *name;           /* letters, digits, '-' and '_' */
    aten_role_t role;
    const char *attribute;      /* the CAS attribute whose values are looked at */
    apr_array_header_t *values; /* const char *: one whole, trimmed value is enough */
} aten_population_t;

/** The built-in populations pupils, parents and staff.
 *  @return array of const aten_population_t *, allocated from p */
apr_array_header_t *aten_population_builtin(apr_pool_t *p);

/** Parse the words of one AtenPopulation line: NAME [role=...] ATTRIBUTE VALUE...
 *  Without role= a built-in name keeps its built-in role, any other name has "autre". Values are trimmed.
 *  "everyone", "off", "announced" and "report-only" (in any case) are no names: AtenCASCutoff gives these words a
 *  meaning of its own.
 *  @return NULL and *out set, or a sentence that says what is wrong */
const char *aten_population_parse(aten_population_t **out, int argc, char *const argv[], apr_pool_t *p);

/** Put pop into list: in the place of the one with the same name, else at the end. */
void aten_population_put(apr_array_header_t *list, const aten_population_t *pop);

/** base with over's entries put into it; either may be NULL. Neither argument is changed. */
apr_array_header_t *aten_population_merge(const apr_array_header_t *base, const apr_array_header_t *over,
                                          apr_pool_t *p);

/** @return the population of that name, or NULL */
const aten_population_t *aten_population_find(const apr_array_header_t *list, const char *name);

/** The populations that a person belongs to: those one of whose values is one of the person's values of that
 *  attribute (whole, trimmed, byte for byte; all values are read; the attribute's name byte for byte).
 *  @param attributes array of aten_attribute_t (aten_identity.h)
 *  @return array of const aten_population_t *, in the order of list, perhaps empty, never NULL */
apr_array_header_t *aten_population_of(const apr_array_header_t *list, const apr_array_header_t *attributes,
                                       apr_pool_t *p);

#endif
