/* The session: one sealed cookie that holds the identity (DESIGN section 5, "Session"). Nothing is stored on the
 * server for it. */
#ifndef ATEN_SESSION_H
#define ATEN_SESSION_H

#include <apr_pools.h>
#include <apr_time.h>

#include "aten_identity.h"
#include "aten_pack.h"
#include "aten_profile.h"
#include "aten_seal.h"
#include "aten_verdict.h"

#define ATEN_SESSION_ID_BYTES 16
#define ATEN_KEY_HASH_BYTES 16
#define ATEN_BACKEND_KEY_BYTES 8
#define ATEN_COOKIE_MAX 4096    /* bytes of name and value together: what every browser keeps (RFC 6265, 6.1) */

/* What a portal's answer says of the subject, kept for the single logout; members may be NULL, each a clean text of at
 * most 1024 bytes. */
typedef struct {
    const char *name_id;
    const char *format;
    const char *name_qualifier;
    const char *sp_name_qualifier;
    const char *session_index;
    const char *authn_context;      /* AuthnContextClassRef */
    apr_time_t authn_instant;       /* when the person typed their password at the portal */
} aten_saml_subject_t;

typedef struct {
    unsigned char id[ATEN_SESSION_ID_BYTES];        /* random; unchanged by re-issue, like the three below */
    unsigned char login_key[ATEN_KEY_HASH_BYTES];   /* hash of backend and ticket: how a single logout finds it */
    unsigned char subject_key[ATEN_KEY_HASH_BYTES]; /* hash of backend and user: ends all sessions of a person */
    apr_time_t login;                               /* when the person logged in */
    apr_time_t seen;                                /* when this cookie was issued: the idle time counts from here */
    apr_time_t end;                                 /* absolute end */
    aten_backend_t backend;
    unsigned char backend_key[ATEN_BACKEND_KEY_BYTES]; /* which CAS server or portal */
    const char *profile;
    const aten_saml_subject_t *subject;             /* a portal's answer has one, CAS none (NULL) */
    aten_identity_t identity;
    int attributes_left_out;                        /* attributes that did not fit */
} aten_session_t;

/* How long sessions last here. */
typedef struct {
    apr_interval_time_t lifetime;
    apr_interval_time_t idle;
} aten_lifetimes_t;

/** The key of a backend as cookies carry it: hash of its kind and address.
 *  @return 1, or 0 if the hash failed, target is NULL or the backend is none: out is then zeroed */
int aten_backend_key(unsigned char out[ATEN_BACKEND_KEY_BYTES], aten_backend_t backend, const char *target);

/** The keys that a session of that backend has, by which its end is found: of one login, of one user.
 *  @return 1, or 0 as above */
int aten_session_login_key(unsigned char out[ATEN_KEY_HASH_BYTES], aten_backend_t backend, const char *target,
                           const char *credential);
int aten_session_subject_key(unsigned char out[ATEN_KEY_HASH_BYTES], aten_backend_t backend, const char *target,
                             const char *user);

/** Make the session of a person who has just logged in.
 *  @param target     the CAS server's base URL, or the portal's entityID
 *  @param credential the CAS ticket, or what aten_session_credential makes of a portal's subject: only its hash is kept
 *  @param identity   its strings and arrays stay the caller's, and must live as long as the session
 *  @return NULL if the random source or the hash failed, or target, credential or user is missing */
aten_session_t *aten_session_make(aten_backend_t backend, const char *target, const char *credential,
                                  const char *profile, const aten_identity_t *identity, apr_time_t now,
                                  const aten_lifetimes_t *last, aten_random_fn *random, void *baton, apr_pool_t *p);

/** What a portal's session is found by at its single logout: NameID and SessionIndex as one text (the issuer is the
 *  target). A missing one and an empty one differ. */
char *aten_session_credential(const aten_saml_subject_t *subject, apr_pool_t *p);

/** Pack a session: what is sealed as a session, and (without a profile, in less room) as a portal's result.
 *  @param session  its profile may be NULL; of a portal it must have a subject, of CAS none. With OK its attributes are
 *                  those that are kept, and attributes_left_out has grown by the rest
 *  @param needed   the first so many attributes must fit
 *  @param room     bytes at most
 *  @return OK, SESSION_LARGE, or INTERNAL: something that opening would refuse */
aten_verdict_t aten_session_pack(aten_pack_t *pack, aten_session_t *session, int needed, apr_size_t room,
                                 apr_pool_t *p);

/** Read what aten_session_pack made: strictly, every length checked, nothing left over. Texts are used where they
 *  stand. @return OK and *session set (profile NULL if it was), or SESSION_MALFORMED */
aten_verdict_t aten_session_unpack(aten_session_t **session, const unsigned char *data, apr_size_t len, apr_pool_t *p);

/** Seal the session, which has a profile, into a cookie's value such that name and value take at most ATEN_COOKIE_MAX
 *  bytes. The first `needed` attributes of session->identity must fit; of the others those that fit are kept, in their
 *  order, and session->attributes_left_out grows by the rest (and they leave session->identity.attributes, which is
 *  then another array). For a re-issue all of them are needed, and fit.
 *  @return OK, SESSION_LARGE or INTERNAL (also for a text that is not clean UTF-8: opening would refuse it); *value and
 *          session are changed with OK alone */
aten_verdict_t aten_session_seal(char **value, aten_session_t *session, int needed, aten_keyring_t *keys,
                                 const aten_bind_t *bind, aten_random_fn *random, void *baton, apr_pool_t *p);

/** Open a cookie's value and read the session. One of an earlier packing is SESSION_MALFORMED. Does not judge time or
 *  backend: aten_session_check does, on every request, also for a session that was opened earlier.
 *  @return OK, SEAL_MALFORMED, SEAL_KEY, SEAL_BROKEN, SESSION_MALFORMED or INTERNAL */
aten_verdict_t aten_session_open(aten_session_t **session, const char *value, apr_size_t len, aten_keyring_t *keys,
                                 const aten_bind_t *bind, apr_pool_t *p);

/** Is it alive now? Its own end and the configured lifetime: the earlier wins. An instant that equals the end is past
 *  it. A login or an issue more than 60 seconds in the future is refused. Allocates nothing.
 *  @return OK, SESSION_EXPIRED, SESSION_IDLE or SESSION_FUTURE */
aten_verdict_t aten_session_check(const aten_session_t *session, const aten_lifetimes_t *last, apr_time_t now);

/** Should the cookie be issued anew (seen more than a twentieth of the idle time ago)? */
int aten_session_wants_reissue(const aten_session_t *session, const aten_lifetimes_t *last, apr_time_t now);

#endif
