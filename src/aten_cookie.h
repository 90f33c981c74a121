/* Cookies: names, finding ours in a Cookie header, taking ours out of it, writing Set-Cookie. */
#ifndef ATEN_COOKIE_H
#define ATEN_COOKIE_H

#include <apr_pools.h>

/** Parse AtenSessionCookie's NAME: a token of RFC 6265 of 1 to 64 characters; a prefix __Host- or __Secure- is taken
 *  off, for the module sets the right one itself (__Host-, with a domain __Secure-, on plain http none).
 *  @return NULL and *base set, or a sentence */
const char *aten_cookie_name_parse(const char **base, const char *name, apr_pool_t *p);

/** The full name: prefix + base + suffix.
 *  @param suffix "", "-login-3", "-result" or "-logout"
 *  @param shared it has a domain, or a Path other than "/": then a browser takes no __Host- (RFC 6265bis, 4.1.3.2), and
 *                with https the prefix is __Secure- */
char *aten_cookie_name(const char *base, const char *suffix, int https, int shared, apr_pool_t *p);

/** Find a cookie by its exact name (never by a prefix of it).
 *  @param header the Cookie header's value, or NULL; as a browser sent it: "a=1; b=2"
 *  @param nth    0 for the first one of that name, 1 for the second, ...
 *  @param value  set to the value inside header (quotes around it not included), not NUL-terminated
 *  @return 1 if found */
int aten_cookie_find(const char *header, const char *name, int nth, const char **value, apr_size_t *len);

/** Calls each for every cookie of the header, with name and value as spans inside it, until it returns 0. Malformed
 *  parts are passed over. */
void aten_cookie_each(const char *header,
                      int (*each)(void *baton, const char *name, apr_size_t name_len, const char *value,
                                  apr_size_t value_len),
                      void *baton);

/** The header without the module's cookies: the session's, every NAME-login-N, NAME-result and NAME-logout, all of
 *  them in
 *  all spellings of the prefix. The others stay as they are, in their order.
 *  @return header itself if none of ours is in it, NULL if nothing is left */
const char *aten_cookie_strip(const char *header, const char *base, apr_pool_t *p);

/** A Set-Cookie value: HttpOnly, SameSite=Lax, Path=/, Secure with https. No Domain unless given.
 *  @param max_age seconds; -1: none (it ends with the browser); 0: take the cookie away (value is then left empty) */
char *aten_cookie_set(const char *name, const char *value, int https, const char *domain, int max_age, apr_pool_t *p);

/** The same for one path alone, without a domain. @param name from aten_cookie_name as shared
 *  @param path begins with '/', from configuration */
char *aten_cookie_set_at(const char *name, const char *value, int https, const char *path, int max_age, apr_pool_t *p);

#endif
