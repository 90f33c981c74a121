/* Pending logins: begun in this browser, and not finished yet. They live in the browser, sealed, in a bounded number
 * of cookies (slots), so that a login ends only in the browser that began it, parallel tabs don't overwrite each other,
 * and the server stores nothing for people who only look at the chooser. */
#ifndef ATEN_PENDING_H
#define ATEN_PENDING_H

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

#include "aten_profile.h"
#include "aten_seal.h"
#include "aten_session.h"
#include "aten_verdict.h"

#define ATEN_NONCE_BYTES 16
#define ATEN_PENDING_SLOTS 13        /* slot 0 for long addresses, 1 to 12 for short ones */
#define ATEN_PENDING_SHORT_MAX 512   /* bytes of a cookie's value in a slot for short ones */
#define ATEN_PENDING_ALL 3584        /* ... in all slots together: with a session they stay below httpd's
                                        LimitRequestFieldSize, 8190 */
#define ATEN_PENDING_LONG_MAX 3072   /* ... in slot 0 */
#define ATEN_PENDING_CAS_SECONDS 600
#define ATEN_PENDING_SAML_SECONDS 3600
#define ATEN_PENDING_RETRY_SECONDS 30
#define ATEN_PENDING_KEPT_SECONDS 14400 /* Max-Age: a late answer still finds where the person wanted to go */

typedef struct {
    char nonce[24];                 /* base64url of ATEN_NONCE_BYTES, 22 characters and NUL */
    apr_time_t begun;
    aten_backend_t backend;
    unsigned char backend_key[ATEN_BACKEND_KEY_BYTES]; /* the server that the answer must come from, and go to */
    const char *profile;
    const char *to;                 /* where to afterwards, already judged by aten_return_path */
    int renew;                      /* the person asked to log in again */
    int retry;                      /* begun by itself, after an answer that was not believed */
} aten_pending_t;

/** Fresh random bytes as base64url. @return 1, or 0 if the random source failed */
int aten_nonce_make(char nonce[24], aten_random_fn *random, void *baton);

/** Make one. @return NULL if the random source failed */
aten_pending_t *aten_pending_make(aten_backend_t backend, const char *target, const char *profile, const char *to,
                                  int renew, apr_time_t now, aten_random_fn *random, void *baton, apr_pool_t *p);

/** The `state` parameter of the service URL: nonce, whether this is already the second try in a row, and the profile:
 *  "NONCE.0.autres-publics". Letters, digits, '.', '-' and '_' only. */
char *aten_pending_state(const aten_pending_t *pending, int retry, apr_pool_t *p);

/* What a state says. Nothing of it is believed: the nonce is looked for among the pending logins, and retry and
 * profile serve only to begin anew. */
typedef struct {
    const char *nonce;
    int retry;
    const char *profile;
} aten_state_t;

/** @return 1 and *out set, or 0: not of that form */
int aten_pending_state_parse(aten_state_t *out, const char *state, apr_pool_t *p);

/** The RelayState of a SAML request: nonce and whether this is the second try, "NONCE.0". A state without the profile,
 *  for a RelayState has at most 80 bytes (saml-bindings 3.4.3). */
char *aten_pending_relay(const aten_pending_t *pending, int retry, apr_pool_t *p);

/** @return 1 and nonce and retry of *out set (profile NULL), or 0: not of that form */
int aten_pending_relay_parse(aten_state_t *out, const char *relay, apr_pool_t *p);

/* How the pending cookies of a vhost are named and sealed. */
typedef struct {
    aten_keyring_t *keys;
    const char *base;    /* the session cookie's name without prefix */
    int https;
    const char *host;
    apr_size_t all;      /* bytes in all slots together: ATEN_PENDING_ALL, or less where more must fit beside them */
} aten_pending_place_t;

/** Put a pending login into the browser's cookies.
 *  The slot is a free one, else the oldest one's; expired ones count as free. Where several are free the nonce picks,
 *  so that tabs that begin at the same moment rarely meet. Where all together would be too long, the oldest
 *  are taken away.
 *  @param header  the request's Cookie header, or NULL
 *  @param cookies array of const char *: Set-Cookie values are added, the new login's last
 *  @return OK, PARAM_MALFORMED (does not fit) or INTERNAL */
aten_verdict_t aten_pending_store(const aten_pending_place_t *place, const aten_pending_t *pending, const char *header,
                                  apr_time_t now, apr_array_header_t *cookies, aten_random_fn *random, void *baton,
                                  apr_pool_t *p);

/** Take the pending login with that nonce out of the browser's cookies: a Set-Cookie that removes it is added, also
 *  when it had expired. Nonces are compared in constant time.
 *  @return OK; PENDING_EXPIRED with *out set all the same (where the person wanted to go); PENDING_NONE */
aten_verdict_t aten_pending_take(const aten_pending_place_t *place, const char *nonce, const char *header,
                                 apr_time_t now, aten_pending_t **out, apr_array_header_t *cookies, apr_pool_t *p);

/** Does the browser have a login that began by itself (retry) less than ATEN_PENDING_RETRY_SECONDS ago, and waits
 *  still? Then the answer to it came in a form that leads nowhere, and a third try would make a loop. */
int aten_pending_tried_again(const aten_pending_place_t *place, const char *header, apr_time_t now, apr_pool_t *p);

#endif
