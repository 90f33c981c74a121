/* What the files of the LMDB store share. Those that return an int return 0 or an error of LMDB or errno. */
#ifndef ATEN_STORE_LMDB_PRIVATE_H
#define ATEN_STORE_LMDB_PRIVATE_H

#include <stdatomic.h>

#include <lmdb.h>

#include "aten_store_lmdb.h"

#define ATEN_STORE_LMDB_PLACES 64
#define ATEN_STORE_LMDB_NUMBER_BYTES 8

/* A read transaction that is kept. On a cache line of its own, nearly: threads that read must not slow each other. */
typedef struct {
    MDB_txn *txn;     /* NULL: not made yet. Read and set by who has taken the place */
    atomic_int taken;
    char unused[64 - sizeof(void *) - sizeof(atomic_int)];
} aten_store_lmdb_place_t;

typedef struct {
    aten_store_t table;
    MDB_env *env;
    MDB_dbi records; /* key -> record */
    MDB_dbi times;   /* until (most significant byte first) and key -> nothing: records in the order of their end */
    MDB_dbi outbox;  /* number (most significant byte first) -> what the other servers are to hear */
    MDB_dbi notes;   /* name -> text */
    pid_t pid;       /* of the process that opened it */
    const volatile int *unforked; /* 1; 0 in a process forked since. NULL: ask for the pid, which is a system call */
    aten_store_lmdb_place_t places[ATEN_STORE_LMDB_PLACES];
} aten_store_lmdb_t;

/* As it stands in the file. */
typedef struct {
    apr_int64_t until;
    apr_int64_t value;
} aten_store_lmdb_record_t;

/* Pages that a write of ATEN_STORE_WRITE_MAX records never needs as many of, what it sweeps included. */
#define ATEN_STORE_LMDB_AHEAD 256

/** May this process use it? */
int aten_store_lmdb_is_ours(const aten_store_lmdb_t *store);

apr_status_t aten_store_lmdb_status(int rc);

/** Commit if rc is 0, otherwise abort. @return rc, or why it could not be committed */
int aten_store_lmdb_finish(MDB_txn *txn, int rc);

/* --- aten_store_lmdb_open.c --- */

/** Open the environment and its databases, making what is missing.
 *  @return NULL, or a sentence: then nothing is left open */
const char *aten_store_lmdb_begin(aten_store_lmdb_t *store, const char *dir, apr_size_t bytes_max,
                                  unsigned int readers, apr_pool_t *p);

/** Make the file longer than the pages that are in use, by more than the write transaction that asks will add (ahead).
 *  LMDB alone leaves a file too short where its last pages were free again before they were written; so, a file that is
 *  too short has lost something, and reading it would end the process (SIGBUS). */
int aten_store_lmdb_lengthen(MDB_env *env, size_t ahead);

/* --- aten_store_lmdb_read.c --- */

typedef struct {
    MDB_txn *txn;
    aten_store_lmdb_place_t *place; /* NULL: made for this one time */
} aten_store_lmdb_reading_t;

/** A read transaction, to be given back soon. Waits for nobody. */
int aten_store_lmdb_start_reading(aten_store_lmdb_t *store, aten_store_lmdb_reading_t *reading);
void aten_store_lmdb_stop_reading(aten_store_lmdb_reading_t *reading);
/** Give up the kept ones, when the store is closed. */
void aten_store_lmdb_end_places(aten_store_lmdb_t *store);

apr_status_t aten_store_lmdb_read(void *baton, const aten_store_key_t *keys, int count, apr_time_t *values,
                                  apr_time_t now);
apr_status_t aten_store_lmdb_find(void *baton, const aten_store_key_t *key, apr_time_t *value, apr_time_t now);
apr_uint64_t aten_store_lmdb_version(void *baton);

/* --- aten_store_lmdb_record.c --- */

/** Numbers whose order is that of their bytes. */
void aten_store_lmdb_pack(unsigned char *out, apr_uint64_t number);
apr_uint64_t aten_store_lmdb_unpack(const unsigned char *in);

/** @return 0; MDB_NOTFOUND, also for one whose time has come */
int aten_store_lmdb_get(const aten_store_lmdb_t *store, MDB_txn *txn, const aten_store_key_t *key, apr_time_t now,
                        aten_store_lmdb_record_t *record);
/** Also over an old one, which leaves the order of ends. */
int aten_store_lmdb_put(const aten_store_lmdb_t *store, MDB_txn *txn, const aten_store_key_t *key,
                        const aten_store_lmdb_record_t *record);
/** Take away what expired, the oldest first, at most max. */
int aten_store_lmdb_take_expired(const aten_store_lmdb_t *store, MDB_txn *txn, int max, apr_time_t now, int *swept);

/* --- aten_store_lmdb_room.c --- */

/** Are so many pages free? Asked inside a write transaction, so that the answer holds as long as that.
 *  @param sets something is set if absent: that leaves an eighth of the file more
 *  @return 0, MDB_MAP_FULL, or another error */
int aten_store_lmdb_room(aten_store_lmdb_t *store, size_t pages, int sets);
/** Some transactions that sweep, for a write that has found no room. */
int aten_store_lmdb_make_room(aten_store_lmdb_t *store, apr_time_t now);

/* --- aten_store_lmdb_write.c --- */

apr_status_t aten_store_lmdb_write(void *baton, const aten_store_write_t *writes, int count, apr_time_t now);

/* --- aten_store_lmdb_outbox.c --- */

/** @return 1 if what is written also goes to the outbox; 0; -1: an error */
int aten_store_lmdb_shares(const aten_store_lmdb_t *store, MDB_txn *txn);
/** @param nth which one of its transaction, below ATEN_STORE_WRITE_MAX */
int aten_store_lmdb_post(const aten_store_lmdb_t *store, MDB_txn *txn, int nth, const aten_store_write_t *write);
/** What has expired leaves the front of the outbox unheard, at most max. */
int aten_store_lmdb_post_expired(const aten_store_lmdb_t *store, MDB_txn *txn, int max, apr_time_t now);

/* --- aten_store_lmdb_note.c --- */

/** Can this be a note? */
int aten_store_lmdb_can_note(const char *name, const char *text);
/** An unchanged one writes nothing. */
int aten_store_lmdb_set_note(const aten_store_lmdb_t *store, MDB_txn *txn, const char *name, const char *text);
/** @param text room for ATEN_STORE_NOTE_BYTES_MAX + 1 bytes */
int aten_store_lmdb_get_note(const aten_store_lmdb_t *store, MDB_txn *txn, const char *name, char *text);

#endif
