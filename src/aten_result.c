#include "aten_result.h"

#include <string.h>

#include <apr_strings.h>

#include "aten_cookie.h"

#define RESULT_FORMAT 3 /* is not the first byte of a packed session, which a result was before */
#define RESULT_SUFFIX "-result"
#define LOOKED_AT_MAX 4 /* cookies of the name: a neighbour domain can set some for us too */
#define CLOCK_SLACK apr_time_from_sec(60)

/* __Secure- and not __Host-, which would need Path=/ */
static const char *cookie_name(const aten_result_place_t *place, apr_pool_t *p)
{
    return aten_cookie_name(place->base, RESULT_SUFFIX, place->https, 1, p);
}

/* A cookie's name has no blank, so that no other name and nonce give this one. */
static aten_bind_t bind_to(const aten_result_place_t *place, const char *name, const char *nonce, int unsolicited,
                           apr_pool_t *p)
{
    return (aten_bind_t){unsolicited ? "result-unsolicited" : "result", apr_pstrcat(p, name, " ", nonce, NULL),
                         place->https ? "https" : "http", place->host};
}

/* -- Storing -- */

static int is_sound(const aten_result_once_t *once)
{
    if (once->count < 0 || once->count > ATEN_RESULT_KEYS_MAX) return 0;
    return once->count ? once->until > 0 : !once->until;
}

static void pack_once(aten_pack_t *pack, const aten_result_once_t *once)
{
    int i;

    aten_pack_number(pack, RESULT_FORMAT, 1);
    aten_pack_number(pack, (apr_uint64_t)once->count, 1);
    for (i = 0; i < once->count; i++) aten_pack_bytes(pack, once->keys[i].bytes, ATEN_STORE_KEY_BYTES);
    if (once->count) aten_pack_time(pack, once->until);
}

/* What was used, then the session, which has the room that is left. */
static aten_verdict_t pack_result(aten_pack_t *pack, aten_session_t *session, int needed,
                                  const aten_result_once_t *once, apr_size_t room, apr_pool_t *p)
{
    aten_pack_t packed;
    aten_verdict_t v;

    if (!is_sound(once)) return ATEN_V_INTERNAL;
    aten_pack_init(pack, room, p);
    pack_once(pack, once);
    if (pack->full) return ATEN_V_SESSION_LARGE;
    v = aten_session_pack(&packed, session, needed, room - pack->len, p);
    if (v == ATEN_V_OK) aten_pack_bytes(pack, packed.data, packed.len);
    return v;
}

aten_verdict_t aten_result_store(const aten_result_place_t *place, aten_session_t *session, int needed,
                                 const char *nonce, int unsolicited, const aten_result_once_t *once,
                                 aten_random_fn *random, void *baton, const char **cookie, apr_pool_t *p)
{
    const char *name = cookie_name(place, p), *value;
    aten_session_t result = *session;
    aten_bind_t bind;
    aten_pack_t pack;
    aten_verdict_t v;

    if (!nonce || !*nonce || strlen(name) > ATEN_RESULT_MAX) return ATEN_V_INTERNAL;
    result.profile = NULL;
    v = pack_result(&pack, &result, needed, once, aten_seal_room(ATEN_RESULT_MAX - strlen(name)), p);
    if (v != ATEN_V_OK) return v;
    bind = bind_to(place, name, nonce, unsolicited, p);
    value = aten_seal(place->keys, &bind, pack.data, pack.len, random, baton, p);
    if (!value) return ATEN_V_INTERNAL;
    *cookie = aten_cookie_set_at(name, value, place->https, place->path, ATEN_RESULT_SECONDS, p);
    return ATEN_V_OK;
}

/* -- Taking -- */

typedef struct {
    const aten_result_place_t *place;
    const char *name;
    aten_bind_t binds[2]; /* of an answer that was asked for, of an unsolicited one */
    int has_nonce;
    apr_time_t now;
    apr_pool_t *p;
    int seen;
    aten_session_t *found;
    int unsolicited;
    aten_result_once_t once;
} search_t;

/* @return 0 if it is not of that form */
static int unpack_once(aten_unpack_t *in, aten_result_once_t *once)
{
    int i;

    *once = (aten_result_once_t){.count = 0};
    if (aten_unpack_number(in, 1) != RESULT_FORMAT) return 0;
    once->count = (int)aten_unpack_number(in, 1);
    if (once->count > ATEN_RESULT_KEYS_MAX) return 0;
    for (i = 0; i < once->count; i++) aten_unpack_bytes(in, once->keys[i].bytes, ATEN_STORE_KEY_BYTES);
    if (once->count) once->until = aten_unpack_time(in);
    return !in->failed;
}

/* @return NULL if it does not open so, or not now */
static aten_session_t *open_with(search_t *search, int unsolicited, const char *value, apr_size_t len)
{
    unsigned char *plain;
    apr_size_t plain_len;
    aten_unpack_t in;
    aten_session_t *s;

    if (aten_open(search->place->keys, &search->binds[unsolicited], value, len, &plain, &plain_len, search->p)
        != ATEN_V_OK) {
        return NULL;
    }
    aten_unpack_init(&in, plain, plain_len);
    if (!unpack_once(&in, &search->once)) return NULL;
    if (aten_session_unpack(&s, in.at, in.left, search->p) != ATEN_V_OK || s->profile) return NULL;
    if (s->login > search->now + CLOCK_SLACK) return NULL;
    return search->now - s->login < apr_time_from_sec(ATEN_RESULT_SECONDS) ? s : NULL;
}

static int look_at(void *baton, const char *name, apr_size_t name_len, const char *value, apr_size_t value_len)
{
    search_t *search = baton;
    int unsolicited;

    if (name_len != strlen(search->name) || memcmp(name, search->name, name_len)) return 1;
    search->seen++;
    if (!search->has_nonce) return 0;
    if (name_len + value_len > ATEN_RESULT_MAX) return search->seen < LOOKED_AT_MAX;
    for (unsolicited = 0; unsolicited < 2 && !search->found; unsolicited++) {
        search->found = open_with(search, unsolicited, value, value_len);
        search->unsolicited = unsolicited;
    }
    return !search->found && search->seen < LOOKED_AT_MAX;
}

aten_verdict_t aten_result_take(const aten_result_place_t *place, const char *nonce, const char *header, apr_time_t now,
                                aten_session_t **out, int *unsolicited, aten_result_once_t *once,
                                apr_array_header_t *cookies, apr_pool_t *p)
{
    search_t search = {.place = place, .name = cookie_name(place, p), .has_nonce = nonce && *nonce, .now = now, .p = p};
    int i;

    for (i = 0; search.has_nonce && i < 2; i++) search.binds[i] = bind_to(place, search.name, nonce, i, p);
    aten_cookie_each(header, look_at, &search);
    if (search.seen) {
        APR_ARRAY_PUSH(cookies, const char *) = aten_cookie_set_at(search.name, "", place->https, place->path, 0, p);
    }
    if (!search.found) return ATEN_V_RESULT_NONE;
    *out = search.found;
    *unsolicited = search.unsolicited;
    *once = search.once;
    return ATEN_V_OK;
}
