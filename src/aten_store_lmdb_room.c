#include "aten_store_lmdb_private.h"

#include <string.h>

#define SWEEPS_WHEN_FULL 8
#define SETS_LEAVE 8       /* the part of the file that is left to those that raise: an eighth */
#define STEP 256           /* records swept by one transaction where there is room for that */
#define STEP_PAGES (2 * STEP)
#define TURN apr_time_from_msec(1)

/* @param enough stop there */
static int count_free(MDB_txn *reading, size_t enough, size_t *count)
{
    const MDB_dbi free_pages = 0; /* LMDB's own: a transaction -> how many pages it freed, then their numbers */
    MDB_cursor *cursor;
    MDB_val key, data;
    size_t n;
    int rc = mdb_cursor_open(reading, free_pages, &cursor);

    *count = 0;
    if (rc) return rc;
    while (*count < enough && !(rc = mdb_cursor_get(cursor, &key, &data, MDB_NEXT))) {
        if (data.mv_size < sizeof(n)) rc = MDB_CORRUPTED;
        if (rc) break;
        memcpy(&n, data.mv_data, sizeof(n));
        *count += n;
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* Free pages are looked for only where the file has nearly reached its size. */
int aten_store_lmdb_room(aten_store_lmdb_t *store, size_t pages, int sets)
{
    aten_store_lmdb_reading_t reading;
    MDB_envinfo info;
    MDB_stat stat;
    size_t unused, count;
    int rc;

    mdb_env_info(store->env, &info);
    mdb_env_stat(store->env, &stat);
    unused = info.me_mapsize / stat.ms_psize - info.me_last_pgno - 1;
    if (sets) pages += info.me_mapsize / stat.ms_psize / SETS_LEAVE;
    if (unused >= pages) return 0;
    rc = aten_store_lmdb_start_reading(store, &reading);
    if (rc) return rc;
    rc = count_free(reading.txn, pages - unused, &count);
    aten_store_lmdb_stop_reading(&reading);
    if (rc) return rc;
    return count + unused >= pages ? 0 : MDB_MAP_FULL;
}

/* Also deleting copies pages before the old ones can be used again: what one transaction sweeps depends on the room. */
static int sweep_once(aten_store_lmdb_t *store, int max, apr_time_t now, int *swept)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(store->env, NULL, 0, &txn);

    *swept = 0;
    if (rc) return rc;
    if (max > ATEN_STORE_SWEEP) rc = aten_store_lmdb_room(store, ATEN_STORE_LMDB_AHEAD + STEP_PAGES, 0);
    if (rc == MDB_MAP_FULL) {
        max = ATEN_STORE_SWEEP;
        rc = 0;
    }
    if (!rc) rc = aten_store_lmdb_lengthen(store->env, ATEN_STORE_LMDB_AHEAD + STEP_PAGES);
    if (!rc) rc = aten_store_lmdb_take_expired(store, txn, max < STEP ? max : STEP, now, swept);
    return aten_store_lmdb_finish(txn, rc);
}

int aten_store_lmdb_make_room(aten_store_lmdb_t *store, apr_time_t now)
{
    int swept = ATEN_STORE_SWEEP, rc = 0, i;

    mdb_reader_check(store->env, NULL); /* a dead reader keeps pages from being used again */
    for (i = 0; !rc && i < SWEEPS_WHEN_FULL && swept == ATEN_STORE_SWEEP; i++) {
        rc = sweep_once(store, ATEN_STORE_SWEEP, now, &swept);
    }
    return rc;
}

apr_status_t aten_store_lmdb_sweep(aten_store_t *table, int max, int *swept, apr_time_t now)
{
    aten_store_lmdb_t *store = table->baton;
    int all = 0, some = 0, rc;

    if (swept) *swept = 0;
    if (max < 1 || now < 0) return APR_EINVAL;
    if (!aten_store_lmdb_is_ours(store)) return APR_EPROC_UNKNOWN;
    do {
        if (all) apr_sleep(TURN); /* the lock goes to whoever is awake when it is free */
        rc = sweep_once(store, max - all, now, &some);
        if (!rc) all += some;
    } while (!rc && some && all < max);
    if (swept) *swept = all;
    return aten_store_lmdb_status(rc);
}

/* -- How full it is -- */

/* LMDB says a line for each slot, and one before them. */
static int count_line(const char *line, void *count)
{
    (void)line;
    ++*(unsigned int *)count;
    return 0;
}

static int look(const aten_store_lmdb_t *store, MDB_txn *txn, aten_store_usage_t *usage)
{
    size_t unused, all;
    MDB_envinfo info;
    MDB_stat stat;
    int rc = mdb_stat(txn, store->outbox, &stat);

    if (rc) return rc;
    usage->outbox = stat.ms_entries;
    rc = mdb_stat(txn, store->records, &stat);
    if (rc) return rc;
    usage->records = stat.ms_entries;
    rc = count_free(txn, (size_t)-1, &unused);
    if (rc) return rc;
    mdb_env_info(store->env, &info);
    all = info.me_last_pgno + 1;
    usage->bytes_used = (all > unused ? all - unused : 0) * stat.ms_psize;
    usage->bytes_max = info.me_mapsize;
    usage->readers_max = info.me_maxreaders;
    return 0;
}

apr_status_t aten_store_lmdb_usage(aten_store_t *table, aten_store_usage_t *usage)
{
    aten_store_lmdb_t *store = table->baton;
    aten_store_lmdb_reading_t reading;
    unsigned int lines = 0;
    int rc;

    *usage = (aten_store_usage_t){0};
    if (!aten_store_lmdb_is_ours(store)) return APR_EPROC_UNKNOWN;
    rc = aten_store_lmdb_start_reading(store, &reading);
    if (rc) return aten_store_lmdb_status(rc);
    rc = look(store, reading.txn, usage);
    aten_store_lmdb_stop_reading(&reading);
    mdb_reader_list(store->env, count_line, &lines);
    usage->readers = lines - 1;
    return aten_store_lmdb_status(rc);
}
