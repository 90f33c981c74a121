/* Portals that are believed, and what each may say: AtenPortal. */
#ifndef ATEN_PORTAL_H
#define ATEN_PORTAL_H

#include <apr_pools.h>
#include <apr_tables.h>

#include "aten_identity.h"
#include "aten_session.h"
#include "aten_verdict.h"

typedef enum { ATEN_PORTAL_ANY, ATEN_PORTAL_VECTORS, ATEN_PORTAL_STAFF } aten_portal_kind_t;

typedef struct {
    const char *entity_id;
    unsigned char key[ATEN_BACKEND_KEY_BYTES]; /* aten_backend_key of it: how cookies name it */
    apr_array_header_t *uai;                   /* const char *: "0340039X" or "034*"; NULL: every school */
    aten_portal_kind_t kind;
    int names_by_ct_id;                        /* FrEduCtId: where it is limited at all, may it name people so? */
} aten_portal_t;

/** Is text what an entityID may be: an absolute URI of 1 to 1024 bytes of printable ASCII without blanks? */
int aten_entity_id_is(const char *text);

/** A portal by its entityID alone: every school, every kind.
 *  @return NULL and *out set, or a sentence: not an entityID (saml-core 8.3.6) */
const char *aten_portal_make(aten_portal_t **out, const char *entity_id, apr_pool_t *p);

/** AtenPortal ENTITYID [uai=034*,030*] [vectors|staff] [FrEduCtId] (argv without the directive's name). A pattern is a
 *  whole UAI or 1 to 7 digits and '*'. A word twice is an error, and so are both kinds.
 *  @return NULL and *out set, or a sentence */
const char *aten_portal_parse(aten_portal_t **out, int argc, char *const argv[], apr_pool_t *p);

/** May the portal say this of a person? A FrEduCtId, which becomes REMOTE_USER, belongs to no school and no kind: a
 *  portal that is limited in either may name people by it only where its line says so, or it could name those of
 *  others. Every
 *  school of the identity (of each vector, of FrEduRne, of FrEduCtEleveUAI) must be in its scope, where it has one,
 *  and a portal with one must name at least one school; `vectors` needs a pupil
 *  or a parent, `staff` somebody of whom nothing says that they are either (aten_identity_is_family).
 *  @param why set to a text for the log on a refusal: the school's UAI (no person's data), escaped; of what is no UAI
 *             only that; NULL with OK
 *  @return OK, PORTAL_SCOPE or PORTAL_KIND */
aten_verdict_t aten_portal_allows(const aten_portal_t *portal, const aten_identity_t *identity, const char **why,
                                  apr_pool_t *p);

/** @return the portal of that entityID, or NULL. @param portals aten_portal_t * */
const aten_portal_t *aten_portal_find(const apr_array_header_t *portals, const char *entity_id);

#endif
