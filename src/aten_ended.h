/* Ended sessions (DESIGN section 5): when a session is dead before its time, and what has to be written so that it is.
 *
 * A session is dead when its id or its login key was ended, at whatever time, or when its login is not after the mark
 * of its subject, of its NameID, or of everybody. The store has them until a day after the cookie would have ended
 * anyway, so that a clock that is set back finds them still. */
#ifndef ATEN_ENDED_H
#define ATEN_ENDED_H

#include "aten_session.h"
#include "aten_store.h"
#include "aten_verdict.h"

#define ATEN_ENDED_KEPT_LONGER apr_time_from_sec(86400)

/* What a session's end is looked for by. Computed once for a cookie that was opened. */
typedef struct {
    aten_store_key_t keys[5]; /* id, login key, subject, everybody; by a portal that gave one: NameID */
    int count;
} aten_ended_keys_t;

/** @return 1, or 0 if a hash failed: then the session must not be believed */
int aten_ended_keys(aten_ended_keys_t *out, const aten_session_t *session);

/** Was the session ended? Reads the store at most once.
 *  @param store   NULL: it could not be opened
 *  @param version what the store's version was when this session was last found alive, 0: never; set when it is. While
 *                 nothing changes in the store, nothing is read. NULL: always read
 *  @return OK, SESSION_ENDED or STORE (cannot be known: not to be let in) */
aten_verdict_t aten_ended_check(const aten_store_t *store, const aten_ended_keys_t *keys, const aten_session_t *session,
                                apr_time_t now, apr_uint64_t *version);

/** To be written: this one session is ended (logged out here, or replaced by a new one). */
aten_store_write_t aten_ended_session(const aten_session_t *session, apr_time_t now);

/** To be written: the login of that key is ended (a single logout of the backend). @param lifetime AtenSessionLifetime:
 *  when its session began is not known */
aten_store_write_t aten_ended_login(const aten_store_key_t *login_key, apr_interval_time_t lifetime, apr_time_t now);

/** To be written: everything is ended that began at mark or before: of a subject, of a NameID, of everybody.
 *  @param mark not after now, but for a clock that was set back: then the mark stays in force */
aten_store_write_t aten_ended_mark(const aten_store_key_t *key, apr_time_t mark, apr_interval_time_t lifetime,
                                   apr_time_t now);

/** To be written where a CAS login ends: the ticket is known, and used. A logout for a ticket that is not known writes
 *  nothing. @param session the new one */
aten_store_write_t aten_ended_known(const aten_session_t *session);

/* The keys. Each gives 1, or 0 if a hash failed or something is missing (out is then zeroed). */

/** @param credential the CAS ticket, or what aten_session_credential makes of a portal's subject */
int aten_ended_login_key(aten_store_key_t *out, aten_backend_t backend, const char *target, const char *credential);
int aten_ended_subject_key(aten_store_key_t *out, aten_backend_t backend, const char *target, const char *user);
/** All sessions of one NameID of a portal, whatever their SessionIndex (saml-core 3.7.1). */
int aten_ended_name_key(aten_store_key_t *out, const char *entity_id, const char *name_id);
int aten_ended_everybody_key(aten_store_key_t *out);

#endif
