/* What the assertion consumer service found out, on its way through the browser to /saml/done: a cross-site POST brings
 * no cookie of ours, so it cannot know which browser began the login. It is the session that will be granted, with what
 * has to be noted as used when it is, sealed for another purpose and bound to the login's nonce, for 60 seconds and one
 * use. */
#ifndef ATEN_RESULT_H
#define ATEN_RESULT_H

#include "aten_seal.h"
#include "aten_session.h"
#include "aten_store.h"
#include "aten_verdict.h"

#define ATEN_RESULT_SECONDS 60
#define ATEN_RESULT_MAX 3072  /* bytes of the cookie's name and value: beside a session and a pending login it stays
                                 below httpd's LimitRequestFieldSize */

/* How the cookie is named and sealed: NAME-result, for one path alone. */
typedef struct {
    aten_keyring_t *keys;
    const char *base;   /* the session cookie's name without prefix */
    int https;
    const char *host;
    const char *path;   /* AtenPath + "/saml/done" */
} aten_result_place_t;

#define ATEN_RESULT_KEYS_MAX 2

/* What of the portal's answer may be used once: its assertion, its response. */
typedef struct {
    aten_store_key_t keys[ATEN_RESULT_KEYS_MAX];
    int count;         /* 0 to ATEN_RESULT_KEYS_MAX; no more of keys means anything */
    apr_time_t until;  /* so long they must be remembered; 0 with no key */
} aten_result_once_t;

/** Seal a session as a result.
 *  @param session     stays as it is. Its profile is not known yet: NULL, and stays out; session->login is the moment
 *                     of the result; attributes beyond the first `needed` are left out where they don't fit
 *  @param nonce       of the pending login that is answered; of an unsolicited answer a random one
 *  @param unsolicited nobody here asked: taken again only as such
 *  @param once        never NULL
 *  @param cookie      set to a Set-Cookie value with OK alone: __Secure- with https, Path, Max-Age, HttpOnly, Lax
 *  @return OK, SESSION_LARGE or INTERNAL (also for a once that is not as above) */
aten_verdict_t aten_result_store(const aten_result_place_t *place, aten_session_t *session, int needed,
                                 const char *nonce, int unsolicited, const aten_result_once_t *once,
                                 aten_random_fn *random, void *baton, const char **cookie, apr_pool_t *p);

/** Take the result for that nonce out of the browser's cookies.
 *  @param header      the Cookie header, or NULL; several cookies of the name are each looked at (4 at most)
 *  @param unsolicited set to what aten_result_store was told
 *  @param once        set to what it was given; keys that mean nothing are zeroed
 *  @param cookies     array of const char *: where the browser has one, a Set-Cookie that removes it is added, whatever
 *                     the verdict
 *  @return OK and *out, *unsolicited and *once set, or RESULT_NONE (none, another nonce's, not younger than
 *          ATEN_RESULT_SECONDS, more than a minute from the future, not ours) */
aten_verdict_t aten_result_take(const aten_result_place_t *place, const char *nonce, const char *header, apr_time_t now,
                                aten_session_t **out, int *unsolicited, aten_result_once_t *once,
                                apr_array_header_t *cookies, apr_pool_t *p);

#endif
