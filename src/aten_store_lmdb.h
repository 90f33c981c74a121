/* The store over LMDB: one memory-mapped file shared by all processes, crash-safe, with reads that take no lock. */
#ifndef ATEN_STORE_LMDB_H
#define ATEN_STORE_LMDB_H

#include <apr_pools.h>

#include "aten_store.h"

#define ATEN_STORE_BYTES_MAX ((apr_size_t)1 << 30) /* of the file at most; it grows as it is filled */
#define ATEN_STORE_SWEEP 16 /* expired records that one write takes away at most, so that no write waits long */

typedef struct {
    apr_size_t bytes_used, bytes_max;
    apr_size_t records;
} aten_store_usage_t;

/** Open (and make, if need be) the store in a directory that exists. One environment for each process: opened after
 *  the fork, never used across one; closed by a cleanup of p.
 *  @param readers how many reader slots the file has: threads of all children and of the generation being drained. The
 *                 process that opens first decides
 *  @return NULL and *out set, or a sentence that names the directory */
const char *aten_store_lmdb_open(aten_store_t **out, const char *dir, apr_size_t bytes_max, unsigned int readers,
                                 apr_pool_t *p);

/** Clear the reader slots of processes that died. @return how many were cleared */
int aten_store_lmdb_clear_dead(aten_store_t *store);

/** How full it is. @return APR_SUCCESS or an error */
apr_status_t aten_store_lmdb_usage(aten_store_t *store, aten_store_usage_t *usage);

#endif
