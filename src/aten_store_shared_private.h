/* What the files of the shared store have in common: names in Redis, commands, entries of the stream. */
#ifndef ATEN_STORE_SHARED_PRIVATE_H
#define ATEN_STORE_SHARED_PRIVATE_H

#include "aten_store_shared.h"

#define ATEN_SHARED_STREAM "aten:ended"
#define ATEN_SHARED_EPOCH "aten:epoch"
#define ATEN_SHARED_USED "aten:used:"         /* and the key, hexadecimal */
#define ATEN_SHARED_EXPECTED "aten:expected:" /* likewise */
#define ATEN_SHARED_LOGGED_OUT "ended"        /* its value after a logout; before, ATEN_SHARED_UNDER_WAY */
#define ATEN_SHARED_UNDER_WAY "1"
#define ATEN_SHARED_EPOCH_MAX 40              /* letters */

/* Notes in the local store. */
#define ATEN_SHARED_NOTE_STREAM "stream"       /* epoch, id read last, highest id that was seen to exist */
#define ATEN_SHARED_NOTE_PROCESS "redis"       /* the run_id of the Redis process that has what was used once */
#define ATEN_SHARED_NOTE_CAUGHT_UP "caught-up"

/* --- ids of stream entries: milliseconds by Redis's clock, and a number --- */

typedef struct {
    apr_uint64_t ms, number;
} aten_shared_id_t;

#define ATEN_SHARED_ID_TEXT 44 /* room for one as text */

/** @return 1, or 0 if it is none */
int aten_shared_id_parse(aten_shared_id_t *id, const char *text);
void aten_shared_id_text(const aten_shared_id_t *id, char text[ATEN_SHARED_ID_TEXT]);
int aten_shared_id_is_after(const aten_shared_id_t *a, const aten_shared_id_t *b);
int aten_shared_id_is_none(const aten_shared_id_t *id);

/* --- commands; their words live in p --- */

/** @param words ends with NULL */
aten_redis_command_t aten_shared_command(apr_pool_t *p, const char *const words[]);
aten_redis_command_t aten_shared_set_used(const aten_store_write_t *write, apr_time_t now, apr_pool_t *p);
aten_redis_command_t aten_shared_get(const char *prefix, const aten_store_key_t *key, apr_pool_t *p);
/** Not over the mark of a logout that has arrived already. */
aten_redis_command_t aten_shared_set_expected(const aten_store_key_t *key, apr_pool_t *p);
/** Where it is expected: marked as logged out, for as long as it would have been expected. */
aten_redis_command_t aten_shared_end_expected(const aten_store_key_t *key, apr_pool_t *p);

/** To the stream. @param oldest entries before that many milliseconds may go */
aten_redis_command_t aten_shared_add(const aten_store_write_t *write, apr_uint64_t oldest, apr_pool_t *p);

/** What Redis answered instead of doing it, for the log. */
const char *aten_shared_refused(const char *command, const redisReply *reply, apr_pool_t *p);

/* --- entries --- */

typedef enum {
    ATEN_ENTRY_GOOD,
    ATEN_ENTRY_MALFORMED, /* it has an id, and is passed over */
    ATEN_ENTRY_NONE,      /* no entry of a stream at all */
} aten_entry_t;

aten_entry_t aten_shared_entry(const redisReply *entry, aten_shared_id_t *id, aten_store_write_t *write);

/* --- what Redis has lost --- */

typedef enum {
    ATEN_LOST_NOTHING,
    ATEN_LOST_USED,   /* perhaps: another process has the data, as old as its last save */
    ATEN_LOST_ALL,    /* the stream is not the one that was read, or ends before what was seen in it */
    ATEN_LOST_UNKNOWN /* this server has never shared with it: it has nothing of this server */
} aten_lost_t;

typedef struct {
    char epoch[ATEN_SHARED_EPOCH_MAX + 1];   /* "" none */
    char process[ATEN_SHARED_EPOCH_MAX + 1]; /* "" not known */
    aten_shared_id_t read, seen;             /* seen: not before read */
} aten_shared_noted_t;

/** What the local store has noted. What cannot be understood is as if it were not noted. */
apr_status_t aten_shared_noted(aten_shared_noted_t *noted, aten_store_t *local);

/** The text of the note. @param given 0: this Redis does not yet have what it has lost */
void aten_shared_note_text(const aten_shared_noted_t *noted, int given, char text[ATEN_STORE_NOTE_BYTES_MAX + 1]);

/** Ask a Redis that has just been connected to, and compare. Where it has no epoch it gets one.
 *  @param noted its epoch and process are set to those of this Redis
 *  @param oldest entries of before that may have been trimmed
 *  @return NULL and *lost set, or a sentence */
const char *aten_shared_compare(aten_redis_t *redis, aten_shared_noted_t *noted, apr_uint64_t oldest,
                                aten_lost_t *lost, apr_pool_t *p);

/** The epoch in an answer to GET. @return "" where there is none; NULL for anything else than one of ours */
const char *aten_shared_epoch_in(const redisReply *reply);

#endif
