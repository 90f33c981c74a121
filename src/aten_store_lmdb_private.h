/* What the files of the LMDB store share. */
#ifndef ATEN_STORE_LMDB_PRIVATE_H
#define ATEN_STORE_LMDB_PRIVATE_H

#include <lmdb.h>

#include "aten_store_lmdb.h"

typedef struct {
    aten_store_t table;
    MDB_env *env;
    MDB_dbi records; /* key -> record */
    MDB_dbi times;   /* until (most significant byte first) and key -> nothing: records in the order of their end */
    pid_t pid;       /* of the process that opened it */
} aten_store_lmdb_t;

/** Open the environment and its databases, making what is missing. Where the file is shorter than its meta page says,
 *  everything in it is read once.
 *  @return NULL, or a sentence: then nothing is left open */
const char *aten_store_lmdb_begin(aten_store_lmdb_t *store, const char *dir, apr_size_t bytes_max,
                                  unsigned int readers, apr_pool_t *p);

/** Count the file's free pages.
 *  @param enough stop there @return 0, or LMDB's error (MDB_CORRUPTED: a page that cannot be a free one) */
int aten_store_lmdb_count_free(MDB_txn *reading, size_t enough, size_t *count);

#endif
