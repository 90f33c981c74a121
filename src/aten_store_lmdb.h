/* The store over LMDB: one memory-mapped file shared by all processes, crash-safe, with reads that wait for no writer.
 *
 * What its functions return beside success, EEXIST and NOTFOUND: ENOSPC (the file has reached its maximum, or the disk
 * is full), EIO (the file is damaged), EAGAIN (no free reader slot), APR_EPROC_UNKNOWN (the environment belongs to
 * another process: it was opened before a fork), EINVAL, or what the system said.
 *
 * A power cut loses nothing that write has returned from: data and meta page are flushed at each commit, the directory
 * when the store is opened. After a disk error during a commit every call of this process fails until it is opened
 * anew.
 *
 * Room: 1 MiB (256 pages of 4 KiB) stays free, for a file that is full to its last page could not be emptied any more.
 * A write that sets an absent key leaves an eighth of bytes_max beside that, to those that only raise: so logouts go on
 * when logins are refused. What other servers wrote counts as raised: it stood within the same limits there.
 *
 * Opening finds a file that is no LMDB database, meta pages that cannot be right, and a file that lost its end. Not
 * found: a damaged page inside the trees (reads that meet it give EIO, and LMDB ends the process where it asserts), and
 * a file that somebody changes or shortens while it is open (SIGBUS). */
#ifndef ATEN_STORE_LMDB_H
#define ATEN_STORE_LMDB_H

#include <apr_pools.h>

#include "aten_store.h"

#define ATEN_STORE_FILE "data.mdb"       /* in the directory, mode 0600 */
#define ATEN_STORE_LOCK_FILE "lock.mdb"  /* mutexes and reader slots; made anew when nobody has it open */
#define ATEN_STORE_BYTES_MAX ((apr_size_t)1 << 30) /* of the file at most; it grows as it is filled, 1 to 2 MiB ahead */
#define ATEN_STORE_BYTES_MIN ((apr_size_t)1 << 22) /* bytes_max is at least this */
#define ATEN_STORE_SWEEP 16 /* expired records that one write takes away at most, so that no write waits long */

typedef struct {
    apr_size_t bytes_used, bytes_max;   /* of pages in use; the file keeps the size that it once had */
    apr_size_t records;                 /* expired ones that were not swept yet are among them */
    apr_size_t outbox;                  /* records that wait for the other servers */
    unsigned int readers, readers_max;  /* reader slots that processes have, and how many there are */
} aten_store_usage_t;

/** Open (and make, if need be) the store in a directory that exists. One environment for each process, and one at a
 *  time: opened after the fork, never used across one; closed by a cleanup of p (which does nothing in a forked one).
 *  Where the store exists already, opening waits for no writer.
 *  Its functions may be called by several threads at once. Reads use transactions that are kept and renewed, as many as
 *  read at the same moment (beyond 64, ones of their own): no allocation and no system call. Nothing is held between
 *  two reads but the reader slots.
 *  Its find looks here alone, its expect does nothing. Its version is the number of the transaction that a read at the
 *  same moment sees: a state read after it was asked is at least that new.
 *  @param bytes_max the same in all processes
 *  @param readers   how many reader slots the file has: threads of all children and of the generation being drained.
 *                   The process that opens first decides
 *  @return NULL and *out set, or a sentence that names the directory */
const char *aten_store_lmdb_open(aten_store_t **out, const char *dir, apr_size_t bytes_max, unsigned int readers,
                                 apr_pool_t *p);

/** Clear the reader slots of processes that died. Opening does it too, and a write that finds the file full, and a read
 *  that finds no free slot. @return how many were cleared */
int aten_store_lmdb_clear_dead(aten_store_t *store);

/** How full it is. @return APR_SUCCESS or an error */
apr_status_t aten_store_lmdb_usage(aten_store_t *store, aten_store_usage_t *usage);

/** Take away what expired, more than a write does: at most so many records (1 or more), in transactions of bounded size
 *  between which other writers get their turn. @param swept set to how many, may be NULL */
apr_status_t aten_store_lmdb_sweep(aten_store_t *store, int max, int *swept, apr_time_t now);

/* --- for a store that several servers share (aten_store_shared.c) --- */

#define ATEN_STORE_BATCH_MAX 1000     /* records of one of the calls below */
#define ATEN_STORE_NOTE_BYTES_MAX 128

/** From now on, in all processes and after restarts: what is written and not quiet also goes, in the same transaction,
 *  to the end of a list for the other servers, the outbox (on), or not (off; the outbox is then emptied).
 *  A note like any other, named "shared": an unchanged one writes nothing. */
apr_status_t aten_store_lmdb_share(aten_store_t *store, int on);
/** @return 1 or 0 as it was set last; -1 if it cannot be read */
int aten_store_lmdb_is_shared(aten_store_t *store);

/** The oldest records of the outbox, in the order in which they were written, each as it then stood here (a raise may
 *  have met a later mark). A raise that changed nothing is not there. What has expired leaves it unheard, with the
 *  writes that sweep.
 *  @param writes room for max (ATEN_STORE_BATCH_MAX at most) @param count how many it gave
 *  @param last   the number of the last one, for aten_store_lmdb_delivered; 0: none. Numbers never come again */
apr_status_t aten_store_lmdb_outbox(aten_store_t *store, aten_store_write_t *writes, int max, int *count,
                                    apr_uint64_t *last);
/** Those up to that number have arrived, and leave the outbox. */
apr_status_t aten_store_lmdb_delivered(aten_store_t *store, apr_uint64_t last);

/** What other servers wrote: each record is set or raised (one that is there already is no error; what has expired, or
 *  has a negative value, is passed over), nothing goes to the outbox, and in the same transaction the note of that name
 *  is set. Where the file has no room for all at once, it takes several, and the note is set with the last.
 *  @param count 0 to ATEN_STORE_BATCH_MAX @param name of the note, may be NULL */
apr_status_t aten_store_lmdb_apply(aten_store_t *store, const aten_store_write_t *writes, int count, const char *name,
                                   const char *text, apr_time_t now);

/** Small texts that the store keeps beside the records: where a reader of the stream has come to.
 *  @param name at most ATEN_STORE_NOTE_BYTES_MAX bytes, not ""
 *  @param text "" takes the note away; at most ATEN_STORE_NOTE_BYTES_MAX bytes */
apr_status_t aten_store_lmdb_note(aten_store_t *store, const char *name, const char *text);
/** @param text room for ATEN_STORE_NOTE_BYTES_MAX + 1 bytes @return APR_SUCCESS, APR_NOTFOUND (text is then "") or an
 *  error */
apr_status_t aten_store_lmdb_noted(aten_store_t *store, const char *name, char *text);

/** Records that are alive, in the order of their keys, from behind *from (NULL: from the first): to be given again to
 *  others that have lost them. Those with a value above 0 come as ones that raise.
 *  @param max 1 to ATEN_STORE_BATCH_MAX @param count set to how many; less than max: there are no more */
apr_status_t aten_store_lmdb_walk(aten_store_t *store, const aten_store_key_t *from, aten_store_write_t *writes,
                                  int max, int *count, apr_time_t now);

#endif
