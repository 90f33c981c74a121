/* Who a person is who came by a portal: from the attributes of a verified assertion to REMOTE_USER and to the variables
 * that applications read (DESIGN section 2, Identity). */
#ifndef ATEN_IDENTITY_ATEN_H
#define ATEN_IDENTITY_ATEN_H

#include "aten_identity.h"
#include "aten_vecteur.h"
#include "aten_verdict.h"

/* Attributes as portals name them: FrEduVecteur and the like by their plain Name, EduConnect's by OID too
 * (urn:oid:1.3.6.1.4.1.20326.10.999.1.N). A reader asks for one by this, and finds it under either name. */
typedef enum {
    ATEN_A_VECTEUR,           /* FrEduVecteur */
    ATEN_A_CT_ID,             /* FrEduCtId, OID 57 */
    ATEN_A_CT_AFFILIATION,    /* FrEduCtPersonAffiliation, OID 7: eleve1d, eleve2d, resp1d, resp2d */
    ATEN_A_CT_ELEVE_UAI,      /* FrEduCtEleveUAI, OID 72 */
    ATEN_A_URL_RETOUR,        /* FrEduUrlRetour, OID 5 */
    ATEN_A_RNE,               /* FrEduRne: UAI$... */
    ATEN_A_CTEMAIL,           /* ctemail */
    ATEN_A_MAIL,              /* mail, urn:oid:0.9.2342.19200300.100.1.3 */
    ATEN_A_NOM,               /* sn, urn:oid:2.5.4.4 */
    ATEN_A_PRENOM             /* givenName, urn:oid:2.5.4.42 */
} aten_known_attribute_t;

/** The values of a known attribute, under whichever of its names (the plain one first); NULL if it is not there, or has
 *  no value. */
const apr_array_header_t *aten_known_attribute(const apr_array_header_t *attributes, aten_known_attribute_t which);

/** The one value of a known attribute, which careful portals send under both names; NULL if it is not there, or if
 *  there
 *  are several. */
const char *aten_known_value(const apr_array_header_t *attributes, aten_known_attribute_t which);

typedef enum { ATEN_KIND_NONE, ATEN_KIND_PUPIL, ATEN_KIND_PARENT, ATEN_KIND_STAFF } aten_person_kind_t;

/** What the attributes make of a person: by their vectors; without one by FrEduCtPersonAffiliation; else staff, where
 *  ctemail or mail is there and the portal does not speak of a family (aten_identity_is_family: a pupil's mail address
 *  makes no staff of them); else NONE. Vectors and affiliations that contradict each other are NONE, and so are
 *  affiliations one of which is not known. */
aten_person_kind_t aten_identity_kind(const apr_array_header_t *attributes, apr_pool_t *p);

/** Do the attributes speak of a pupil or a parent, whether or not they can be read: is there a FrEduVecteur, FrEduCtId,
 *  FrEduCtPersonAffiliation or FrEduCtEleveUAI? */
int aten_identity_is_family(const apr_array_header_t *attributes);

/** Judge the attributes of an answer and find the person's name for REMOTE_USER.
 *  - EduConnect: its FrEduCtId, where it is there (one value), without ':' and '@', so that it is none of the names
 *    below; vectors that come with it are judged all the same;
 *  - a pupil: eleve:eleveId@UAI;
 *  - a parent: parent:nom:prenom:eleveId@UAI of the lowest vector in byte order, whatever order they come in; ':' and
 *    '%' inside a name are percent-encoded (%3A, %25), so that no two people share a name;
 *  - staff: ctemail, else mail: one value. No ':' in it, and an '@', so that it is never the name of somebody else.
 *  A parent is never the child, nor the other parent: the login is refused where nom or prenom is empty or blank, for
 *  parents often share one of them.
 *  A value that must be one may stand under both names of its attribute, if it is the same.
 *  @param user set with OK alone, otherwise NULL
 *  @param why  for the log: which rule; never a value. NULL with OK
 *  @return OK, VECTEUR_*, IDENTITY_NONE, IDENTITY_NAME or IDENTITY_USER (not clean, several values, longer than 256
 *          bytes) */
aten_verdict_t aten_identity_user(const char **user, const apr_array_header_t *attributes, const char **why,
                                  apr_pool_t *p);

/** Does a name from elsewhere (a CAS server) begin as those that are made of a vector do, in any case of letters? */
int aten_identity_looks_made(const char *user);

/** Every school that the attributes name: of each vector, of FrEduCtEleveUAI, of FrEduRne (what stands before the first
 *  '$'). What is no UAI there is given as it stands, and "" stands for vectors that cannot be read, so that a scope
 *  refuses them. Attributes that come under both of their names are read under both.
 *  @return array of const char *, each once */
apr_array_header_t *aten_identity_schools(const apr_array_header_t *attributes, apr_pool_t *p);

/** The attributes in the order in which a session must keep them: the known ones above, which must fit, then
 *  FrEduUrlRetour, for which no login has to fail, then the others. @param needed set to the number of those that must
 *  fit @return a new array of aten_attribute_t */
apr_array_header_t *aten_identity_aten_by_need(const apr_array_header_t *attributes, int *needed, apr_pool_t *p);

/** The variables for a person who came by a portal: ATEN_BACKEND=aten, ATEN_PROFILE, ATEN_ROLE and ATEN_ROLES (eleve,
 *  parent or personnel), ATEN_NOM and ATEN_PRENOM (of the lowest vector; where one is empty or blank there, from sn or
 *  givenName), ATEN_ELEVE_ID, ATEN_UAI, ATEN_DEGRE (one entry a vector, in the answer's order, duplicates kept; without
 *  a vector the schools that are UAIs, with empty ids, and the degree where a single affiliation says it), ATEN_VECTEUR
 *  (raw), ATEN_ATTR_<name>. As aten_identity_variables has it: joined by aten_join, what has no value is left out.
 *  @param clashes as there */
apr_table_t *aten_identity_aten_variables(const aten_identity_t *identity, const char *profile, const char **clashes,
                                          apr_pool_t *p);

#endif
