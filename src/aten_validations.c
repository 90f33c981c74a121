#include "aten_validations.h"

#include <stdatomic.h>
#include <string.h>

/* A lock for all children is what this avoids; one for each process, which an emulated atomic takes, would be none. */
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "64-bit atomics without a lock");

typedef _Atomic unsigned long long cell_t;

/* A place's state in one cell, so that whoever changes it does so from the very state that was seen:
 * when it was taken (32 bits of seconds), how often so far (30 bits, the generation), and the phase. */
enum { FREE, TAKING, TAKEN, ENDED };

#define PHASE_BITS 2
#define GENERATION_BITS 30
#define GENERATION_MASK ((1ull << GENERATION_BITS) - 1)
#define SECONDS_SHIFT (PHASE_BITS + GENERATION_BITS)

/* The key in three cells of 6, 6 and 4 bytes. Above them stands the lower part of the generation: a holder that was
 * stopped while it wrote its key, and goes on when the place is somebody else's, changes nothing. */
#define KEY_CELLS 3
#define KEY_CELL_BYTES 6
#define TAG_SHIFT (8 * KEY_CELL_BYTES)

typedef struct {
    cell_t state;
    cell_t key[KEY_CELLS];
} place_t;

struct aten_validations_t {
    apr_uint64_t places; /* as wide as a cell: the places behind it are aligned */
    place_t place[];
};

/* -- A state -- */

static unsigned long long state_of(apr_int64_t seconds, unsigned long long generation, int phase)
{
    return ((unsigned long long)seconds & 0xFFFFFFFFull) << SECONDS_SHIFT
           | (generation & GENERATION_MASK) << PHASE_BITS | (unsigned long long)phase;
}

static int phase_of(unsigned long long state)
{
    return (int)(state & ((1u << PHASE_BITS) - 1));
}

static unsigned long long generation_of(unsigned long long state)
{
    return state >> PHASE_BITS & GENERATION_MASK;
}

static apr_int64_t seconds_of(unsigned long long state)
{
    return (apr_int64_t)(state >> SECONDS_SHIFT);
}

static unsigned long long with_phase(unsigned long long state, int phase)
{
    return state_of(seconds_of(state), generation_of(state), phase);
}

/* One that was taken by a clock which has been set back since is as good as an old one. */
static int is_held(unsigned long long state, apr_time_t now)
{
    const apr_int64_t age = apr_time_sec(now) - seconds_of(state);

    return phase_of(state) != FREE && age <= ATEN_VALIDATION_SECONDS && age >= -ATEN_VALIDATION_SECONDS;
}

/* -- The key in a place -- */

static unsigned long long key_cell(const aten_store_key_t *key, int i, unsigned long long generation)
{
    unsigned long long cell = generation << TAG_SHIFT;
    int at;

    for (at = i * KEY_CELL_BYTES; at < (i + 1) * KEY_CELL_BYTES && at < ATEN_STORE_KEY_BYTES; at++) {
        cell |= (unsigned long long)key->bytes[at] << 8 * (at - i * KEY_CELL_BYTES);
    }
    return cell;
}

/* @return 0 if the place was taken by another in the meantime */
static int put_key(place_t *place, const aten_store_key_t *key, unsigned long long taking)
{
    int i;

    for (i = 0; i < KEY_CELLS; i++) {
        unsigned long long there = atomic_load(&place->key[i]);

        /* What was read before the place was seen to be ours still is older than anything another holder writes. */
        do {
            if (atomic_load(&place->state) != taking) return 0;
        } while (!atomic_compare_exchange_strong(&place->key[i], &there, key_cell(key, i, generation_of(taking))));
    }
    return 1;
}

static int has_key(place_t *place, const aten_store_key_t *key, unsigned long long generation)
{
    int i;

    for (i = 0; i < KEY_CELLS; i++) {
        if (atomic_load(&place->key[i]) != key_cell(key, i, generation)) return 0;
    }
    return 1;
}

/* -- The memory -- */

apr_size_t aten_validations_bytes(int places)
{
    return sizeof(aten_validations_t) + (places > 0 ? (apr_size_t)places : 0) * sizeof(place_t);
}

aten_validations_t *aten_validations_make(void *memory, int places)
{
    aten_validations_t *validations = memory;

    validations->places = places > 0 ? (apr_uint64_t)places : 0;
    return validations;
}

/* -- Validations and logouts -- */

/* A place is named by its generation and where it stands, from 1. */
static apr_uint64_t name_of(apr_uint64_t at, unsigned long long state)
{
    return (apr_uint64_t)generation_of(state) << 32 | (at + 1);
}

apr_uint64_t aten_validations_begin(aten_validations_t *validations, const aten_store_key_t *key, apr_time_t now)
{
    const apr_uint64_t places = validations->places;
    apr_uint64_t first = 0, i;

    /* Not all at the first one: keys are spread evenly. */
    memcpy(&first, key->bytes, sizeof(first));
    for (i = 0; i < places; i++) {
        const apr_uint64_t at = (first % places + i) % places;
        place_t *place = &validations->place[at];
        unsigned long long seen = atomic_load(&place->state);
        const unsigned long long taking = state_of(apr_time_sec(now), generation_of(seen) + 1, TAKING);
        unsigned long long expected = taking;

        if (is_held(seen, now) || !atomic_compare_exchange_strong(&place->state, &seen, taking)) continue;
        if (!put_key(place, key, taking)) continue;
        if (atomic_compare_exchange_strong(&place->state, &expected, with_phase(taking, TAKEN))) {
            return name_of(at, taking);
        }
    }
    return 0;
}

int aten_validations_finish(aten_validations_t *validations, apr_uint64_t place)
{
    const apr_uint64_t at = (place & 0xFFFFFFFFu) - 1;
    const unsigned long long generation = place >> 32;
    unsigned long long state;
    cell_t *cell;

    if (!place) return 0;
    if (at >= validations->places) return 1;
    cell = &validations->place[at].state;
    state = atomic_load(cell);
    while (phase_of(state) != FREE && generation_of(state) == generation) {
        const int ended = phase_of(state) == ENDED;

        if (atomic_compare_exchange_strong(cell, &state, with_phase(state, FREE))) return ended;
    }
    return 1;
}

/* @return 1 if the validation in that place, which was seen in that state, will say that a logout arrived */
static int end_place(place_t *place, unsigned long long state)
{
    const unsigned long long ended = with_phase(state, ENDED);

    /* It fails if the place was given back, or another logout was quicker. */
    return state == ended || atomic_compare_exchange_strong(&place->state, &state, ended) || state == ended;
}

int aten_validations_logout(aten_validations_t *validations, const aten_store_key_t *key, apr_time_t now)
{
    apr_uint64_t i;
    int found = 0;

    /* All of them: a ticket may be validated twice at the same moment. */
    for (i = 0; i < validations->places; i++) {
        place_t *place = &validations->place[i];
        const unsigned long long state = atomic_load(&place->state);

        if (!is_held(state, now) || phase_of(state) == TAKING || !has_key(place, key, generation_of(state))) continue;
        found |= end_place(place, state);
    }
    return found;
}
