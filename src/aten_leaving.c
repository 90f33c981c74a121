#include "aten_leaving.h"

#include <string.h>

#include <apr_strings.h>

#include "aten_cookie.h"
#include "aten_pack.h"

#define LEAVING_SUFFIX "-logout"
#define LEAVING_FORMAT 1
#define COOKIES_TRIED 4 /* of the name: a neighbour domain can set some for us too */
#define CLOCK_SLACK apr_time_from_sec(60)
#define NONCE_CHARS (sizeof(((aten_leaving_t *)0)->nonce) - 2)

static const char *cookie_name(const aten_leaving_place_t *place, apr_pool_t *p)
{
    return aten_cookie_name(place->base, LEAVING_SUFFIX, place->https, 1, p);
}

static aten_bind_t bind_to(const aten_leaving_place_t *place, const char *name)
{
    return (aten_bind_t){"logout", name, place->https ? "https" : "http", place->host};
}

aten_leaving_t *aten_leaving_make(const aten_session_t *session, const char *to, apr_time_t now, aten_random_fn *random,
                                  void *baton, apr_pool_t *p)
{
    aten_leaving_t *leaving = apr_pcalloc(p, sizeof(*leaving));

    if (!aten_nonce_make(leaving->nonce, random, baton)) return NULL;
    leaving->begun = now;
    memcpy(leaving->backend_key, session->backend_key, sizeof(leaving->backend_key));
    memcpy(leaving->login_key, session->login_key, sizeof(leaving->login_key));
    leaving->to = to;
    return leaving;
}

aten_verdict_t aten_leaving_store(const aten_leaving_place_t *place, const aten_leaving_t *leaving,
                                  aten_random_fn *random, void *baton, const char **cookie, apr_pool_t *p)
{
    const char *name = cookie_name(place, p), *value;
    const aten_bind_t bind = bind_to(place, name);
    aten_pack_t pack;

    aten_pack_init(&pack, aten_seal_room(ATEN_LEAVING_MAX - strlen(name)), p);
    aten_pack_number(&pack, LEAVING_FORMAT, 1);
    aten_pack_name(&pack, leaving->nonce);
    aten_pack_time(&pack, leaving->begun);
    aten_pack_bytes(&pack, leaving->backend_key, sizeof(leaving->backend_key));
    aten_pack_bytes(&pack, leaving->login_key, sizeof(leaving->login_key));
    aten_pack_text(&pack, leaving->to ? leaving->to : "");
    if (pack.full) return ATEN_V_PARAM_MALFORMED;
    if (pack.bad) return ATEN_V_INTERNAL;
    value = aten_seal(place->keys, &bind, pack.data, pack.len, random, baton, p);
    if (!value) return ATEN_V_INTERNAL;
    *cookie = aten_cookie_set_at(name, value, place->https, place->path, ATEN_LEAVING_SECONDS, p);
    return ATEN_V_OK;
}

static aten_leaving_t *unpack(const unsigned char *data, apr_size_t len, apr_pool_t *p)
{
    aten_leaving_t *leaving = apr_pcalloc(p, sizeof(*leaving));
    const char *nonce;
    aten_unpack_t in;

    aten_unpack_init(&in, data, len);
    if (aten_unpack_number(&in, 1) != LEAVING_FORMAT) return NULL;
    nonce = aten_unpack_name(&in);
    leaving->begun = aten_unpack_time(&in);
    aten_unpack_bytes(&in, leaving->backend_key, sizeof(leaving->backend_key));
    aten_unpack_bytes(&in, leaving->login_key, sizeof(leaving->login_key));
    leaving->to = aten_unpack_text(&in);
    if (!*leaving->to) leaving->to = NULL;
    if (!aten_unpack_done(&in) || strlen(nonce) != NONCE_CHARS) return NULL;
    apr_cpystrn(leaving->nonce, nonce, sizeof(leaving->nonce));
    return leaving;
}

static int is_now(const aten_leaving_t *leaving, apr_time_t now)
{
    return leaving->begun <= now + CLOCK_SLACK && now - leaving->begun < apr_time_from_sec(ATEN_LEAVING_SECONDS);
}

aten_verdict_t aten_leaving_take(const aten_leaving_place_t *place, const char *nonce, const char *header,
                                 apr_time_t now, aten_leaving_t **out, apr_array_header_t *cookies, apr_pool_t *p)
{
    const char *name = cookie_name(place, p), *value;
    const aten_bind_t bind = bind_to(place, name);
    aten_leaving_t *leaving;
    unsigned char *plain;
    apr_size_t len;
    int nth;

    if (!nonce || strlen(nonce) != NONCE_CHARS) return ATEN_V_LOGOUT_NONE;
    for (nth = 0; nth < COOKIES_TRIED && aten_cookie_find(header, name, nth, &value, &len); nth++) {
        if (len > ATEN_LEAVING_MAX) continue;
        if (aten_open(place->keys, &bind, value, len, &plain, &len, p) != ATEN_V_OK) continue;
        leaving = unpack(plain, len, p);
        if (!leaving || !is_now(leaving, now) || !aten_equal_secret(leaving->nonce, nonce, NONCE_CHARS)) continue;
        *out = leaving;
        APR_ARRAY_PUSH(cookies, const char *) = aten_cookie_set_at(name, "", place->https, place->path, 0, p);
        return ATEN_V_OK;
    }
    return ATEN_V_LOGOUT_NONE;
}
