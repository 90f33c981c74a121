/* The store over LMDB: one memory-mapped file shared by all processes, crash-safe, with reads that wait for no writer.
 *
 * What its functions return beside success, EEXIST and NOTFOUND: ENOSPC (the file has reached its maximum, or the disk
 * is full), EIO (the file is damaged), EAGAIN (no free reader slot), APR_EPROC_UNKNOWN (the environment belongs to
 * another process: it was opened before a fork), EINVAL, or what the system said.
 *
 * A power cut loses nothing that add or raise has returned from: data and meta page are flushed at each commit, the
 * directory when the store is opened. After a disk error during a commit every write of this process fails until it is
 * opened anew.
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
} aten_store_usage_t;

/** Open (and make, if need be) the store in a directory that exists. One environment for each process, and one at a
 *  time: opened after the fork, never used across one; closed by a cleanup of p (which does nothing in a forked one).
 *  Its functions may be called by several threads at once.
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

#endif
