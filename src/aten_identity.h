/* Who a person is, as a backend said it, and the variables that an application sees (DESIGN section 2, "Identity"). */
#ifndef ATEN_IDENTITY_H
#define ATEN_IDENTITY_H

#include <apr_pools.h>
#include <apr_tables.h>

#include "aten_population.h"

typedef struct {
    const char *name;
    apr_array_header_t *values; /* const char *, valid UTF-8, in the order of the answer */
} aten_attribute_t;

typedef struct {
    const char *user;               /* REMOTE_USER */
    apr_array_header_t *attributes; /* aten_attribute_t, each name once */
} aten_identity_t;

/* AtenCASField: which attributes of a CAS answer have these; the first of the list that is there wins. */
typedef struct {
    apr_array_header_t *uai;       /* const char * */
    apr_array_header_t *nom;
    apr_array_header_t *prenom;
    apr_array_header_t *eleve_id;
} aten_cas_fields_t;

/** The built-in fields: uai ENTPersonStructRattachRNE ENTPersonStructRattachUAI, nom sn, prenom givenName, eleveId
 *  none. */
aten_cas_fields_t *aten_cas_fields_builtin(apr_pool_t *p);

/** Set one field from the words of an AtenCASField line (uai|nom|prenom|eleveId ATTRIBUTE...).
 *  @return NULL or a sentence */
const char *aten_cas_fields_set(aten_cas_fields_t *fields, int argc, char *const argv[], apr_pool_t *p);

/** over's fields where set (not NULL), base's elsewhere. */
aten_cas_fields_t *aten_cas_fields_merge(const aten_cas_fields_t *base, const aten_cas_fields_t *over, apr_pool_t *p);

/** @return the values of the attribute (const char *), or NULL */
const apr_array_header_t *aten_attribute_values(const apr_array_header_t *attributes, const char *name);

/** Add a value to the attribute of that name, which is made if need be. The strings are not copied. */
void aten_attribute_add(apr_array_header_t *attributes, const char *name, const char *value, apr_pool_t *p);

/** The attributes in the order in which a session must keep them: first those that the populations and fields read,
 *  which must fit, then the others.
 *  @param needed set to the number of those that must fit
 *  @return a new array of aten_attribute_t */
apr_array_header_t *aten_attributes_by_need(const apr_array_header_t *attributes, const apr_array_header_t *populations,
                                            const aten_cas_fields_t *fields, int *needed, apr_pool_t *p);

/** The variables for a person who came by CAS: ATEN_BACKEND, ATEN_PROFILE, ATEN_ROLE, ATEN_ROLES, ATEN_NOM,
 *  ATEN_PRENOM, ATEN_UAI, ATEN_ELEVE_ID, ATEN_DEGRE, ATEN_ATTR_<name>. A variable without a value is left out.
 *  ATEN_ELEVE_ID, ATEN_UAI and ATEN_DEGRE have the same length: where CAS gives as many ids as schools they are pairs;
 *  otherwise nothing says which belongs to which, and each id stands beside an empty school and each school beside an
 *  empty id. ATEN_DEGRE is empty entries (CAS does not say it); all three are left out where CAS gives neither.
 *  ATEN_NOM and ATEN_PRENOM are the first value that is not empty; the lists have ids before schools where they are no
 *  pairs. In ATEN_ATTR_<name> every byte outside [A-Za-z0-9_] of the name becomes '_'; names that differ in case alone
 *  clash too, for a table of variables takes them for one.
 *  @param open     the populations that the cut-off left open here: array of const aten_population_t *
 *  @param clashes  if not NULL, set to a text that names attributes whose variables have the same name (neither is
 *                  exported), or to NULL
 *  @return a table of variables, its strings allocated from p or owned by identity */
apr_table_t *aten_identity_variables(const aten_identity_t *identity, const char *profile,
                                     const apr_array_header_t *open, const aten_cas_fields_t *fields,
                                     const char **clashes, apr_pool_t *p);

#endif
