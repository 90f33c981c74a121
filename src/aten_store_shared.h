/* The store that several servers share: each has its own over LMDB, which answers all reads; a Redis server (6.2 or
 * later) carries what one of them writes to the others.
 *
 * - Marks and ended sessions go through the outbox of the local store into a Redis Stream (aten:ended), which each
 *   server reads from where it has come to, into its own store.
 * - What is used once is set in Redis with SET NX at the moment of use (aten:used:KEY), and in the local store. Where
 *   Redis cannot be reached, the local store alone decides, and Redis hears of it from the outbox afterwards.
 * - A Redis that has lost its data is given each server's own records back: aten:epoch is then another text, or the
 *   last entry that this server has seen in the stream is not there. Where another Redis process has the data
 *   (run_id), as old as its last save perhaps, it is given what was used once.
 *
 * Keys and values in Redis are hashes and times: nothing about a person. Nothing of them expires early if Redis is set
 * to evict nothing (maxmemory-policy noeviction); its user needs GET, SET, XADD, XRANGE, TIME on aten:*, and INFO, so
 * that not each new connection counts as one to another process. */
#ifndef ATEN_STORE_SHARED_H
#define ATEN_STORE_SHARED_H

#include "aten_redis.h"
#include "aten_store.h"
#include "aten_store_lmdb.h"

/* In memory that all children share, zeroed before the first of them: what they know of Redis. */
typedef struct {
    apr_uint32_t away;        /* 1: it could not be reached; then writes do not try */
    apr_uint32_t caught_up;   /* 1: this server has had everything once since it started */
} aten_store_shared_state_t;

#define ATEN_REDIS_CONNECT_TIMEOUT apr_time_from_msec(500)
#define ATEN_REDIS_ANSWER_TIMEOUT apr_time_from_msec(500)

/** The table of functions for children: writes that set an absent key ask Redis first (those with raise go through the
 *  outbox alone), find asks Redis where the local store has nothing, expect tells Redis. Connections are kept, as many
 *  as are used at the same moment; a write waits for Redis ATEN_REDIS_CONNECT_TIMEOUT and ATEN_REDIS_ANSWER_TIMEOUT at
 *  most, and not at all while it is known to be away. reads are the local store's own.
 *  May be called by several threads at once.
 *
 *  Of several keys that a write sets, those before one that is there stay set in Redis: APR_EEXIST, and a login too few
 *  rather than one too many. The same where the local store fails afterwards. A command is never sent twice; where its
 *  answer is lost or late, the local store decides, and Redis has the key once, by that command or from the outbox, for
 *  which one that is there is no error: nobody is refused because an answer was lost.
 *  An answer that is an error (LOADING, READONLY, OOM, NOPERM, NOAUTH ...) counts as Redis being away.
 *  @param local of aten_store_lmdb_open; aten_store_lmdb_share is called with on
 *  @return NULL and *out set, or a sentence */
const char *aten_store_shared_make(aten_store_t **out, aten_store_t *local, const aten_redis_address_t *address,
                                   aten_store_shared_state_t *state, apr_pool_t *p);

/* The one of all children's threads that carries records: its own connection, and where it has come to. */
typedef struct aten_store_carrier_t aten_store_carrier_t;

aten_store_carrier_t *aten_store_carrier_make(aten_store_t *local, const aten_redis_address_t *address,
                                              aten_store_shared_state_t *state, apr_pool_t *p);

typedef enum {
    ATEN_CARRIED_ALL,   /* the outbox is empty, the stream read to its end */
    ATEN_CARRIED_SOME,  /* there is more: call again at once */
    ATEN_CARRIED_NONE,  /* Redis is away, or the local store failed */
} aten_carried_t;

/** Carry once: what stands in the outbox to Redis, what is new in the stream to the local store; at most
 *  ATEN_STORE_BATCH_MAX records each way, and fewer after a failure. A new connection is first looked at: has this
 *  Redis lost data? Each step asks for the epoch and for the entry that was read last, so that a loss is noticed on a
 *  connection that stands, too. What was lost goes to Redis again from the local store, in batches over several calls.
 *  Entries older than kept (and an hour), by the clock of Redis and by ours, are trimmed.
 *
 *  A step that fails has lost nothing: the outbox forgets after Redis has answered and the local store has noted it;
 *  what comes twice into the stream changes nothing. After a failure it does not try for half a second, and says the
 *  same again. It may wait 1 s for a connection and 2 s for answers.
 *
 *  Entries that are none of ours are passed over. A mark of more than a minute after now counts as one of now and a
 *  minute: it ends what it should, and does not go on ending each new session. Both are told once an hour at most. An
 *  entry of more than ATEN_REDIS_ANSWER_BYTES_MAX cannot be passed over: it is named, for somebody to take it away.
 *
 *  Sets state->away and state->caught_up, and notes in the local store that it has once caught up.
 *  @param kept how long a record may stand at most (longest lifetime and a day): older entries may be trimmed, later
 *              ends are cut to it
 *  @param why  with ATEN_CARRIED_NONE: for the log; otherwise NULL, or what an administrator should know ("Redis has
 *              lost its data", how many records were given back)
 *  @param p    of this call alone */
aten_carried_t aten_store_carry(aten_store_carrier_t *carrier, apr_interval_time_t kept, apr_time_t now,
                                const char **why, apr_pool_t *p);

/** The store is shared no more: nothing waits for others, and when it is shared again all of it is given and read anew,
 *  for what is written meanwhile nobody hears of. Writes nothing where it was not shared.
 *  @return APR_SUCCESS or an error */
apr_status_t aten_store_shared_end(aten_store_t *local);

/** Has the local store ever had everything that the others had? Then it may be served from alone. */
int aten_store_has_caught_up(aten_store_t *local);

#endif
