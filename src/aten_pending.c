#include "aten_pending.h"

#include <string.h>

#include <apr_encode.h>
#include <apr_strings.h>

#include "aten_cookie.h"
#include "aten_pack.h"
#include "aten_profile.h"

#define PENDING_FORMAT 1
#define NONCE_CHARS 22 /* base64url of ATEN_NONCE_BYTES */
#define LOGIN_SUFFIX "-login-"
#define CLOCK_SLACK apr_time_from_sec(60)
#define NONCE_SET "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
#define PROFILE_MAX 64
#define PROFILE_SET NONCE_SET /* letters, digits, '-' and '_', as aten_profile_make has it */

int aten_nonce_make(char nonce[24], aten_random_fn *random, void *baton)
{
    unsigned char bytes[ATEN_NONCE_BYTES];

    return random(baton, bytes, sizeof(bytes)) == APR_SUCCESS
           && apr_encode_base64_binary(nonce, bytes, sizeof(bytes), APR_ENCODE_BASE64URL, NULL) == APR_SUCCESS;
}

aten_pending_t *aten_pending_make(aten_backend_t backend, const char *target, const char *profile, const char *to,
                                  int renew, apr_time_t now, aten_random_fn *random, void *baton, apr_pool_t *p)
{
    aten_pending_t *pending = apr_pcalloc(p, sizeof(*pending));

    if (!aten_nonce_make(pending->nonce, random, baton)) return NULL;
    if (!aten_backend_key(pending->backend_key, backend, target)) return NULL;
    pending->begun = now;
    pending->backend = backend;
    pending->profile = apr_pstrdup(p, profile);
    pending->to = apr_pstrdup(p, to);
    pending->renew = renew != 0;
    return pending;
}

/* -- The state parameter -- */

char *aten_pending_state(const aten_pending_t *pending, int retry, apr_pool_t *p)
{
    return apr_pstrcat(p, pending->nonce, retry ? ".1." : ".0.", pending->profile, NULL);
}

/* @return what stands behind nonce and try, or NULL */
static const char *parse_start(aten_state_t *out, const char *state, apr_pool_t *p)
{
    const char *mark;

    if (!state || strspn(state, NONCE_SET) != NONCE_CHARS) return NULL;
    mark = state + NONCE_CHARS;
    if (strncmp(mark, ".0", 2) && strncmp(mark, ".1", 2)) return NULL;
    out->nonce = apr_pstrmemdup(p, state, NONCE_CHARS);
    out->retry = mark[1] == '1';
    out->profile = NULL;
    return mark + 2;
}

int aten_pending_state_parse(aten_state_t *out, const char *state, apr_pool_t *p)
{
    const char *rest = parse_start(out, state, p);
    apr_size_t profile_len;

    if (!rest || *rest++ != '.') return 0;
    profile_len = strspn(rest, PROFILE_SET);
    if (!profile_len || profile_len > PROFILE_MAX || rest[profile_len]) return 0;
    out->profile = apr_pstrdup(p, rest);
    return 1;
}

char *aten_pending_relay(const aten_pending_t *pending, int retry, apr_pool_t *p)
{
    return apr_pstrcat(p, pending->nonce, retry ? ".1" : ".0", NULL);
}

int aten_pending_relay_parse(aten_state_t *out, const char *relay, apr_pool_t *p)
{
    const char *rest = parse_start(out, relay, p);

    return rest && !*rest;
}

/* -- Packing -- */

static void pack_pending(aten_pack_t *pack, const aten_pending_t *pending, apr_pool_t *p)
{
    aten_pack_init(pack, aten_seal_room(ATEN_PENDING_LONG_MAX), p);
    aten_pack_number(pack, PENDING_FORMAT, 1);
    aten_pack_bytes(pack, pending->nonce, NONCE_CHARS);
    aten_pack_time(pack, pending->begun);
    aten_pack_number(pack, (apr_uint64_t)pending->backend, 1);
    aten_pack_bytes(pack, pending->backend_key, sizeof(pending->backend_key));
    aten_pack_number(pack, (pending->renew ? 1u : 0u) | (pending->retry ? 2u : 0u), 1);
    aten_pack_name(pack, pending->profile);
    aten_pack_name(pack, pending->to);
}

static int unpack_pending(aten_pending_t *pending, const unsigned char *data, apr_size_t len)
{
    aten_unpack_t in;
    unsigned int flags;

    memset(pending, 0, sizeof(*pending));
    aten_unpack_init(&in, data, len);
    if (aten_unpack_number(&in, 1) != PENDING_FORMAT) return 0;
    aten_unpack_bytes(&in, pending->nonce, NONCE_CHARS);
    pending->begun = aten_unpack_time(&in);
    pending->backend = (aten_backend_t)aten_unpack_number(&in, 1);
    aten_unpack_bytes(&in, pending->backend_key, sizeof(pending->backend_key));
    flags = (unsigned int)aten_unpack_number(&in, 1);
    pending->renew = flags & 1;
    pending->retry = (flags >> 1) & 1;
    pending->profile = aten_unpack_name(&in);
    pending->to = aten_unpack_name(&in);
    return aten_unpack_done(&in) && strspn(pending->nonce, NONCE_SET) == NONCE_CHARS && flags <= 3
           && (pending->backend == ATEN_BACKEND_CAS || pending->backend == ATEN_BACKEND_ATEN);
}

static int is_expired(const aten_pending_t *pending, apr_time_t now)
{
    const int seconds = pending->backend == ATEN_BACKEND_ATEN ? ATEN_PENDING_SAML_SECONDS : ATEN_PENDING_CAS_SECONDS;

    /* From the future: a clock was set back, and how old it is cannot be known. */
    return pending->begun > now + CLOCK_SLACK || now - pending->begun >= apr_time_from_sec(seconds);
}

/* -- Slots -- */

static const char *slot_name(const aten_pending_place_t *place, int slot, apr_pool_t *p)
{
    return aten_cookie_name(place->base, apr_psprintf(p, LOGIN_SUFFIX "%d", slot), place->https, 0, p);
}

static aten_bind_t slot_bind(const aten_pending_place_t *place, const char *name)
{
    return (aten_bind_t){"pending", name, place->https ? "https" : "http", place->host};
}

/* Every pending login that the browser sent, from whichever slot it opens in. A name may stand there several times (a
 * neighbour domain can set cookies for us too): each of them is looked at, and what does not open is passed over. The
 * header's length bounds the work. */
typedef struct {
    const aten_pending_place_t *place;
    apr_pool_t *p;
    const char *names[ATEN_PENDING_SLOTS];
    int (*visit)(void *baton, int slot, const aten_pending_t *pending, apr_size_t len); /* 0: enough */
    void *baton;
} reader_t;

static int read_cookie(void *data, const char *name, apr_size_t name_len, const char *value, apr_size_t value_len)
{
    const reader_t *reader = data;
    aten_pending_t pending;
    aten_bind_t bind;
    unsigned char *plain;
    apr_size_t plain_len;
    int slot;

    for (slot = 0; slot < ATEN_PENDING_SLOTS; slot++) {
        if (strlen(reader->names[slot]) == name_len && !memcmp(reader->names[slot], name, name_len)) break;
    }
    if (slot == ATEN_PENDING_SLOTS || value_len > ATEN_PENDING_LONG_MAX) return 1;
    bind = slot_bind(reader->place, reader->names[slot]);
    if (aten_open(reader->place->keys, &bind, value, value_len, &plain, &plain_len, reader->p) != ATEN_V_OK) return 1;
    if (!unpack_pending(&pending, plain, plain_len)) return 1;
    return reader->visit(reader->baton, slot, &pending, value_len);
}

static void read_slots(const aten_pending_place_t *place, const char *header,
                       int (*visit)(void *baton, int slot, const aten_pending_t *pending, apr_size_t len), void *baton,
                       apr_pool_t *p)
{
    reader_t reader = {place, p, {NULL}, visit, baton};
    int slot;

    for (slot = 0; slot < ATEN_PENDING_SLOTS; slot++) reader.names[slot] = slot_name(place, slot, p);
    aten_cookie_each(header, read_cookie, &reader);
}

/* -- Was there a second try just now? -- */

typedef struct {
    apr_time_t since;
    int found;
} recent_t;

static int note_retry(void *baton, int slot, const aten_pending_t *pending, apr_size_t len)
{
    recent_t *recent = baton;

    (void)slot;
    (void)len;
    recent->found |= pending->retry && pending->begun > recent->since;
    return !recent->found;
}

int aten_pending_tried_again(const aten_pending_place_t *place, const char *header, apr_time_t now, apr_pool_t *p)
{
    recent_t recent = {now - apr_time_from_sec(ATEN_PENDING_RETRY_SECONDS), 0};

    read_slots(place, header, note_retry, &recent, p);
    return recent.found;
}

/* -- Storing -- */

/* Since when each slot is taken, 0 for a free one, and the bytes of its cookie's value, an expired one's too. */
typedef struct {
    apr_time_t now;
    apr_time_t taken[ATEN_PENDING_SLOTS];
    apr_size_t bytes[ATEN_PENDING_SLOTS];
} occupancy_t;

static int note_taken(void *baton, int slot, const aten_pending_t *pending, apr_size_t len)
{
    occupancy_t *slots = baton;

    slots->bytes[slot] = len;
    if (!is_expired(pending, slots->now) && pending->begun > slots->taken[slot]) slots->taken[slot] = pending->begun;
    return 1;
}

/* Among the slots for short ones. The nonce is random, so the tabs that begin at once start looking in different
 * places. */
static int pick_slot(const occupancy_t *slots, const char *nonce)
{
    const int count = ATEN_PENDING_SLOTS - 1;
    const int start = (unsigned char)nonce[0] % count;
    int best = 1 + start;
    int i;

    for (i = 0; i < count; i++) {
        const int slot = 1 + (start + i) % count;

        if (slots->taken[slot] < slots->taken[best]) best = slot;
    }
    return best;
}

/* The new one of len bytes is to stand in slot. */
static void make_room(const aten_pending_place_t *place, occupancy_t *slots, int slot, apr_size_t len,
                      apr_array_header_t *cookies, apr_pool_t *p)
{
    apr_size_t all = 0;
    int i, oldest;

    slots->bytes[slot] = 0;
    for (i = 0; i < ATEN_PENDING_SLOTS; i++) all += slots->bytes[i];
    while (all && all + len > place->all) {
        oldest = -1;
        for (i = 0; i < ATEN_PENDING_SLOTS; i++) {
            if (slots->bytes[i] && (oldest < 0 || slots->taken[i] < slots->taken[oldest])) oldest = i;
        }
        all -= slots->bytes[oldest];
        slots->bytes[oldest] = 0;
        APR_ARRAY_PUSH(cookies, const char *) =
            aten_cookie_set(slot_name(place, oldest, p), "", place->https, NULL, 0, p);
    }
}

aten_verdict_t aten_pending_store(const aten_pending_place_t *place, const aten_pending_t *pending, const char *header,
                                  apr_time_t now, apr_array_header_t *cookies, aten_random_fn *random, void *baton,
                                  apr_pool_t *p)
{
    occupancy_t slots = {now, {0}, {0}};
    const char *name, *value;
    aten_bind_t bind;
    aten_pack_t pack;
    int slot = 0;

    pack_pending(&pack, pending, p);
    if (pack.full || pack.bad) return ATEN_V_PARAM_MALFORMED;
    read_slots(place, header, note_taken, &slots, p);
    if (aten_seal_length(pack.len) <= ATEN_PENDING_SHORT_MAX) slot = pick_slot(&slots, pending->nonce);
    name = slot_name(place, slot, p);
    bind = slot_bind(place, name);
    value = aten_seal(place->keys, &bind, pack.data, pack.len, random, baton, p);
    if (!value) return ATEN_V_INTERNAL;
    make_room(place, &slots, slot, strlen(value), cookies, p);
    APR_ARRAY_PUSH(cookies, const char *) =
        aten_cookie_set(name, value, place->https, NULL, ATEN_PENDING_KEPT_SECONDS, p);
    return ATEN_V_OK;
}

/* -- Taking -- */

typedef struct {
    const char *nonce;
    aten_pending_t *found;
    int slot;
} search_t;

static int is_wanted(void *baton, int slot, const aten_pending_t *pending, apr_size_t len)
{
    search_t *search = baton;

    (void)len;
    if (!aten_equal_secret(pending->nonce, search->nonce, NONCE_CHARS)) return 1;
    *search->found = *pending;
    search->slot = slot;
    return 0;
}

aten_verdict_t aten_pending_take(const aten_pending_place_t *place, const char *nonce, const char *header,
                                 apr_time_t now, aten_pending_t **out, apr_array_header_t *cookies, apr_pool_t *p)
{
    search_t search = {nonce, apr_palloc(p, sizeof(aten_pending_t)), -1};

    if (!nonce || strlen(nonce) != NONCE_CHARS) return ATEN_V_PENDING_NONE;
    read_slots(place, header, is_wanted, &search, p);
    if (search.slot < 0) return ATEN_V_PENDING_NONE;
    APR_ARRAY_PUSH(cookies, const char *) =
        aten_cookie_set(slot_name(place, search.slot, p), "", place->https, NULL, 0, p);
    *out = search.found;
    return is_expired(search.found, now) ? ATEN_V_PENDING_EXPIRED : ATEN_V_OK;
}
