/* FrEduVecteur: type|nom|prenom|eleveId|UAI (annuaire fédérateur, SDET). */
#ifndef ATEN_VECTEUR_H
#define ATEN_VECTEUR_H

#include <apr_pools.h>
#include <apr_tables.h>

#include "aten_verdict.h"

#define ATEN_VECTEURS_MAX 40
#define ATEN_VECTEUR_BYTES_MAX 1024

typedef struct {
    int type;              /* 1, 2: parent of a pupil in primary, secondary school; 3, 4: pupil there */
    const char *nom;       /* the person's own; may be empty */
    const char *prenom;
    const char *eleve_id;  /* of the pupil in SIECLE; in a parent's vector the child's. [A-Za-z0-9._-]{1,64} */
    const char *uai;       /* seven digits and a capital letter */
    const char *raw;
} aten_vecteur_t;

/** Is the vector a parent's? Otherwise it is a pupil's. */
int aten_vecteur_is_parent(const aten_vecteur_t *vecteur);

/** 1 for the first degree (primary), 2 for the second. */
int aten_vecteur_degre(const aten_vecteur_t *vecteur);

/** Is text a school's code: seven digits and a capital letter? */
int aten_uai_is(const char *text);

/** Split one: clean UTF-8 of at most ATEN_VECTEUR_BYTES_MAX bytes. Exactly five fields; nom and prenom may be empty,
 *  and no separator is ever merged. Names stay as they are: no trimming, no other case, no normalisation.
 *  @return OK or VECTEUR_MALFORMED */
aten_verdict_t aten_vecteur_parse(aten_vecteur_t *out, const char *text, apr_pool_t *p);

/** All vectors of an answer, duplicates kept, in the answer's order.
 *  @param values const char *; NULL is none
 *  @param out    aten_vecteur_t; set with OK alone, otherwise NULL
 *  @param which  on VECTEUR_MALFORMED: set to the number of the value, from 1
 *  @return OK; VECTEUR_MALFORMED (one is enough; also more than ATEN_VECTEURS_MAX); VECTEUR_MIXED; VECTEUR_SEVERAL (a
 *          pupil has exactly one) */
aten_verdict_t aten_vecteurs_read(apr_array_header_t **out, const apr_array_header_t *values, int *which,
                                  apr_pool_t *p);

#endif
