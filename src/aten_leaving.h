/* A logout under way at a portal: it waits in the browser, sealed, until the portal's answer comes back. One at a time:
 * there is one session to leave. */
#ifndef ATEN_LEAVING_H
#define ATEN_LEAVING_H

#include "aten_pending.h"
#include "aten_seal.h"
#include "aten_session.h"
#include "aten_verdict.h"

#define ATEN_LEAVING_SECONDS 600 /* a person may be asked something at the portal */
#define ATEN_LEAVING_MAX 3584    /* bytes of the cookie's name and value: `to` is the longest part */

typedef struct {
    char nonce[24];             /* base64url of ATEN_NONCE_BYTES: the LogoutRequest's ID and RelayState are made of it */
    apr_time_t begun;
    unsigned char backend_key[ATEN_BACKEND_KEY_BYTES]; /* the portal that the answer must come from */
    unsigned char login_key[ATEN_KEY_HASH_BYTES];      /* of the session that ended here */
    const char *to;             /* where to afterwards, already judged by aten_return_path or aten_return_url; NULL: to
                                   the page that says what was ended */
} aten_leaving_t;

/* How the cookie is named and sealed: NAME-logout, for one path alone. */
typedef struct {
    aten_keyring_t *keys;
    const char *base;   /* the session cookie's name without prefix */
    int https;
    const char *host;
    const char *path;   /* AtenPath + "/saml/logout" */
} aten_leaving_place_t;

/** @param session the one that is left @return NULL if the random source failed */
aten_leaving_t *aten_leaving_make(const aten_session_t *session, const char *to, apr_time_t now, aten_random_fn *random,
                                  void *baton, apr_pool_t *p);

/** @param cookie set to a Set-Cookie value with OK alone @return OK, PARAM_MALFORMED (does not fit) or INTERNAL */
aten_verdict_t aten_leaving_store(const aten_leaving_place_t *place, const aten_leaving_t *leaving,
                                  aten_random_fn *random, void *baton, const char **cookie, apr_pool_t *p);

/** Take the logout with that nonce out of the browser's cookies.
 *  @param header  the Cookie header, or NULL
 *  @param cookies array of const char *: where the browser has one, a Set-Cookie that removes it is added with OK
 *  @return OK and *out set, or LOGOUT_NONE (none, another nonce's, too old, not ours) */
aten_verdict_t aten_leaving_take(const aten_leaving_place_t *place, const char *nonce, const char *header,
                                 apr_time_t now, aten_leaving_t **out, apr_array_header_t *cookies, apr_pool_t *p);

#endif
