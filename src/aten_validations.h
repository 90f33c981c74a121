/* Logins by CAS that are being validated just now, in memory that all children of this server share: a logout of a
 * ticket that arrives before its login has ended finds nothing in the store yet, and must count all the same.
 * No lock and no system call: atomics alone. A place whose process died is taken again after a while.
 *
 * Nothing is missed in this order: a login begins, validates, writes what came of it into the store, finishes, and ends
 * what it wrote if a logout arrived; a logout looks here first and in the store afterwards. */
#ifndef ATEN_VALIDATIONS_H
#define ATEN_VALIDATIONS_H

#include <apr_time.h>

#include "aten_store.h"

typedef struct aten_validations_t aten_validations_t;

#define ATEN_VALIDATION_SECONDS 60 /* a place taken longer ago than that is free: no validation lasts as long. So is one
                                      that was taken as much later, by a clock that was set back since */

/** How much memory so many places take. */
apr_size_t aten_validations_bytes(int places);

/** Make them in memory of aten_validations_bytes(places) zeroed bytes, aligned for any type. Once, before the fork.
 *  @return the same memory */
aten_validations_t *aten_validations_make(void *memory, int places);

/** A login with that key begins to be validated.
 *  @return its place, for finish and its ended; 0 if none is free (the login may go on: it is merely not found here) */
apr_uint64_t aten_validations_begin(aten_validations_t *validations, const aten_store_key_t *key, apr_time_t now);

/** The validation is over (and what came of it stands in the store by now). Gives the place back.
 *  @param place of begin; 0 is allowed
 *  @return 1 if a logout for it arrived in the meantime, or that cannot be known: the place, held for too long, was
 *          taken by another, or was given back before */
int aten_validations_finish(aten_validations_t *validations, apr_uint64_t place);

/** A logout for that key has arrived. @return 1 if such a login is being validated: its finish will say so */
int aten_validations_logout(aten_validations_t *validations, const aten_store_key_t *key, apr_time_t now);

#endif
