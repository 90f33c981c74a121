#include "aten_result.h"

#include <string.h>

#include <apr_strings.h>

#include "aten_cookie.h"

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

aten_verdict_t aten_result_store(const aten_result_place_t *place, aten_session_t *session, int needed,
                                 const char *nonce, int unsolicited, aten_random_fn *random, void *baton,
                                 const char **cookie, apr_pool_t *p)
{
    const char *name = cookie_name(place, p), *value;
    aten_session_t result = *session;
    aten_bind_t bind;
    aten_pack_t pack;
    aten_verdict_t v;

    if (!nonce || !*nonce || strlen(name) > ATEN_RESULT_MAX) return ATEN_V_INTERNAL;
    result.profile = NULL;
    v = aten_session_pack(&pack, &result, needed, aten_seal_room(ATEN_RESULT_MAX - strlen(name)), p);
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
} search_t;

/* @return NULL if it does not open so, or not now */
static aten_session_t *open_with(const search_t *search, int unsolicited, const char *value, apr_size_t len)
{
    unsigned char *plain;
    apr_size_t plain_len;
    aten_session_t *s;

    if (aten_open(search->place->keys, &search->binds[unsolicited], value, len, &plain, &plain_len, search->p)
        != ATEN_V_OK) {
        return NULL;
    }
    if (aten_session_unpack(&s, plain, plain_len, search->p) != ATEN_V_OK || s->profile) return NULL;
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
                                aten_session_t **out, int *unsolicited, apr_array_header_t *cookies, apr_pool_t *p)
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
    return ATEN_V_OK;
}
