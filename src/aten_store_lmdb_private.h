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

/* Pages that one write transaction never needs as many of. */
#define ATEN_STORE_LMDB_AHEAD 256

/** Open the environment and its databases, making what is missing.
 *  @return NULL, or a sentence: then nothing is left open */
const char *aten_store_lmdb_begin(aten_store_lmdb_t *store, const char *dir, apr_size_t bytes_max,
                                  unsigned int readers, apr_pool_t *p);

/** Make the file longer than the pages that are in use, by more than the write transaction that asks will add. LMDB
 *  alone leaves a file too short where its last pages were free again before they were written; so, a file that is too
 *  short has lost something, and reading it would end the process (SIGBUS).
 *  @return 0, or an errno */
int aten_store_lmdb_lengthen(MDB_env *env);

#endif
