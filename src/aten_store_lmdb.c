#include "aten_store_lmdb_private.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <apr_file_info.h>
#include <apr_strings.h>

#define OPEN_TRIES 5 /* two processes that open or close at the same moment can meet (lmdb.h, "Caveats") */
#define OPEN_PAUSE apr_time_from_msec(5)
#define TIME_BYTES 8
#define BYTES_STEP 65536 /* a multiple of every page size */

/* Pages that adding leaves free: also deleting copies pages before the old ones can be used again (two transactions
 * later), and a file that is full to the last page could never be emptied. */
#define RESERVE_PAGES ATEN_STORE_LMDB_AHEAD
#define SWEEPS_WHEN_FULL 8

typedef struct {
    apr_int64_t until;
    apr_int64_t value;
} record_t;

/* An entry of `times`. */
typedef struct {
    unsigned char until[TIME_BYTES];
    aten_store_key_t key;
} moment_t;

static apr_status_t status_of(int rc)
{
    switch (rc) {
    case MDB_KEYEXIST:
        return APR_EEXIST;
    case MDB_NOTFOUND:
        return APR_NOTFOUND;
    case MDB_MAP_FULL:
        return APR_ENOSPC;
    case MDB_READERS_FULL:
        return APR_EAGAIN;
    case MDB_PAGE_NOTFOUND:
    case MDB_CORRUPTED:
    case MDB_INVALID:
    case MDB_PANIC:
        return EIO;
    default:
        return rc >= 0 ? rc : APR_EGENERAL;
    }
}

static int is_ours(const aten_store_lmdb_t *store)
{
    return getpid() == store->pid;
}

/* -- Records -- */

static int read_record(const aten_store_lmdb_t *store, MDB_txn *txn, const aten_store_key_t *key, record_t *record)
{
    MDB_val name = {sizeof(key->bytes), (void *)key->bytes}, data;
    const int rc = mdb_get(txn, store->records, &name, &data);

    if (rc) return rc;
    if (data.mv_size != sizeof(*record)) return MDB_CORRUPTED;
    memcpy(record, data.mv_data, sizeof(*record)); /* it may stand on any address */
    return 0;
}

/* One whose time has come is not there. */
static int read_alive(const aten_store_lmdb_t *store, MDB_txn *txn, const aten_store_key_t *key, apr_time_t now,
                      record_t *record)
{
    const int rc = read_record(store, txn, key, record);

    return !rc && record->until <= now ? MDB_NOTFOUND : rc;
}

static void make_moment(moment_t *moment, apr_time_t until, const aten_store_key_t *key)
{
    int i;

    for (i = 0; i < TIME_BYTES; i++) {
        moment->until[i] = (unsigned char)((apr_uint64_t)until >> (8 * (TIME_BYTES - 1 - i)));
    }
    moment->key = *key;
}

static apr_time_t moment_time(const moment_t *moment)
{
    apr_uint64_t until = 0;
    int i;

    for (i = 0; i < TIME_BYTES; i++) until = until << 8 | moment->until[i];
    return (apr_time_t)until;
}

/* Also over an old one, which leaves the order of ends. */
static int put_record(const aten_store_lmdb_t *store, MDB_txn *txn, const aten_store_key_t *key, const record_t *record)
{
    MDB_val name = {sizeof(key->bytes), (void *)key->bytes}, data = {sizeof(*record), (void *)record};
    moment_t moment;
    MDB_val at = {sizeof(moment), &moment}, nothing = {0, NULL};
    record_t old;
    int rc = read_record(store, txn, key, &old);

    if (!rc) {
        make_moment(&moment, old.until, key);
        rc = mdb_del(txn, store->times, &at, NULL);
    }
    if (rc && rc != MDB_NOTFOUND) return rc;
    rc = mdb_put(txn, store->records, &name, &data, 0);
    if (rc) return rc;
    make_moment(&moment, record->until, key);
    return mdb_put(txn, store->times, &at, &nothing, 0);
}

/* -- Sweeping -- */

/* @return 0 and *moment set; MDB_NOTFOUND: nothing has expired */
static int first_expired(MDB_cursor *cursor, apr_time_t now, moment_t *moment)
{
    MDB_val at, data;
    const int rc = mdb_cursor_get(cursor, &at, &data, MDB_FIRST);

    if (rc) return rc;
    if (at.mv_size != sizeof(*moment)) return MDB_CORRUPTED;
    memcpy(moment, at.mv_data, sizeof(*moment));
    return moment_time(moment) <= now ? 0 : MDB_NOTFOUND;
}

/* Take away what expired, the oldest first, at most ATEN_STORE_SWEEP. */
static int sweep(const aten_store_lmdb_t *store, MDB_txn *txn, apr_time_t now, int *swept)
{
    MDB_cursor *cursor;
    moment_t moment;
    MDB_val name = {sizeof(moment.key.bytes), moment.key.bytes};
    int rc = mdb_cursor_open(txn, store->times, &cursor);

    *swept = 0;
    if (rc) return rc;
    while (*swept < ATEN_STORE_SWEEP && !(rc = first_expired(cursor, now, &moment))) {
        rc = mdb_cursor_del(cursor, 0);
        if (!rc) rc = mdb_del(txn, store->records, &name, NULL);
        if (rc && rc != MDB_NOTFOUND) break;
        ++*swept;
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* Several transactions, for each may use no more pages than the reserve has. */
static int sweep_more(const aten_store_lmdb_t *store, apr_time_t now)
{
    int swept = ATEN_STORE_SWEEP, rc = 0, i;
    MDB_txn *txn;

    mdb_reader_check(store->env, NULL); /* a dead reader keeps pages from being used again */
    for (i = 0; i < SWEEPS_WHEN_FULL && swept == ATEN_STORE_SWEEP; i++) {
        rc = mdb_txn_begin(store->env, NULL, 0, &txn);
        if (rc) return rc;
        rc = aten_store_lmdb_lengthen(store->env);
        if (!rc) rc = sweep(store, txn, now, &swept);
        if (rc) {
            mdb_txn_abort(txn);
            return rc;
        }
        rc = mdb_txn_commit(txn);
        if (rc) return rc;
    }
    return 0;
}

static int begin_reading(const aten_store_lmdb_t *store, MDB_txn **txn)
{
    int rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, txn);

    if (rc != MDB_READERS_FULL) return rc;
    mdb_reader_check(store->env, NULL);
    return mdb_txn_begin(store->env, NULL, MDB_RDONLY, txn);
}

/* @param enough stop there @return 0 and *count set, or LMDB's error */
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

/* Asked inside a write transaction, so that the answer holds as long as that. Free pages are looked for only where the
 * file has reached its size.
 * @return 0, MDB_MAP_FULL, or another error */
static int has_room(const aten_store_lmdb_t *store)
{
    MDB_envinfo info;
    MDB_txn *reading;
    MDB_stat pages;
    size_t unused, count;
    int rc;

    mdb_env_info(store->env, &info);
    mdb_env_stat(store->env, &pages);
    unused = info.me_mapsize / pages.ms_psize - info.me_last_pgno - 1;
    if (unused >= RESERVE_PAGES) return 0;
    rc = begin_reading(store, &reading);
    if (rc) return rc;
    rc = count_free(reading, RESERVE_PAGES - unused, &count);
    mdb_txn_abort(reading);
    if (rc) return rc;
    return count + unused >= RESERVE_PAGES ? 0 : MDB_MAP_FULL;
}

/* -- Writing -- */

typedef struct {
    const aten_store_key_t *keys;
    int count;
    int raises;      /* over what is there, upwards; otherwise nothing may be there */
    record_t record;
    apr_time_t now;
} write_t;

/* What raising one key makes of it. @return 0, MDB_NOTFOUND: nothing is to be written, or an error */
static int raised(const aten_store_lmdb_t *store, MDB_txn *txn, const write_t *write, record_t *out)
{
    record_t old;
    int rc = read_alive(store, txn, write->keys, write->now, &old);

    *out = write->record;
    if (rc == MDB_NOTFOUND) return out->until > write->now ? 0 : MDB_NOTFOUND;
    if (rc) return rc;
    if (old.value > out->value) out->value = old.value;
    if (old.until > out->until) out->until = old.until;
    return old.value == out->value && old.until == out->until ? MDB_NOTFOUND : 0;
}

static int none_there(const aten_store_lmdb_t *store, MDB_txn *txn, const write_t *write)
{
    record_t old;
    int i;

    for (i = 0; i < write->count; i++) {
        const int rc = read_alive(store, txn, &write->keys[i], write->now, &old);

        if (rc != MDB_NOTFOUND) return rc ? rc : MDB_KEYEXIST;
    }
    return 0;
}

static int put_all(const aten_store_lmdb_t *store, MDB_txn *txn, const write_t *write, const record_t *record)
{
    int i, rc = 0;

    for (i = 0; !rc && i < write->count; i++) rc = put_record(store, txn, &write->keys[i], record);
    return rc;
}

static int write_once(const aten_store_lmdb_t *store, const write_t *write)
{
    record_t record = write->record;
    MDB_txn *txn;
    int swept;
    int rc = mdb_txn_begin(store->env, NULL, 0, &txn);

    if (rc) return rc;
    rc = write->raises ? raised(store, txn, write, &record) : none_there(store, txn, write);
    if (!rc) rc = has_room(store);
    if (!rc) rc = aten_store_lmdb_lengthen(store->env);
    if (!rc) rc = sweep(store, txn, write->now, &swept);
    if (!rc) rc = put_all(store, txn, write, &record);
    if (!rc) return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return write->raises && rc == MDB_NOTFOUND ? 0 : rc;
}

static apr_status_t write_records(const aten_store_lmdb_t *store, const write_t *write)
{
    int rc;

    if (!is_ours(store)) return APR_EPROC_UNKNOWN;
    rc = write_once(store, write);
    if (rc == MDB_MAP_FULL) {
        rc = sweep_more(store, write->now);
        if (!rc) rc = write_once(store, write);
    }
    return status_of(rc);
}

/* -- The table of functions -- */

static apr_status_t lmdb_add(void *baton, const aten_store_key_t *keys, int count, apr_time_t until, apr_time_t now)
{
    const write_t write = {.keys = keys, .count = count, .record = {until, 0}, .now = now};

    /* What has expired already would be absent at once: a second one would win as well. */
    if (count < 1 || now < 0 || until <= now) return APR_EINVAL;
    return write_records(baton, &write);
}

static apr_status_t lmdb_raise(void *baton, const aten_store_key_t *key, apr_time_t value, apr_time_t until,
                               apr_time_t now)
{
    const write_t write = {.keys = key, .count = 1, .raises = 1, .record = {until, value}, .now = now};

    if (now < 0 || until < 0) return APR_EINVAL;
    return write_records(baton, &write);
}

static apr_status_t lmdb_get(void *baton, const aten_store_key_t *key, apr_time_t *value, apr_time_t now)
{
    const aten_store_lmdb_t *store = baton;
    record_t record;
    MDB_txn *txn;
    int rc;

    if (!is_ours(store)) return APR_EPROC_UNKNOWN;
    rc = begin_reading(store, &txn);
    if (rc) return status_of(rc);
    rc = read_alive(store, txn, key, now, &record);
    mdb_txn_abort(txn);
    if (rc) return status_of(rc);
    *value = record.value;
    return APR_SUCCESS;
}

/* -- Opening, closing, looking -- */

/* A forked process shares the file's locks: closing would take its parent's away. */
static apr_status_t close_store(void *data)
{
    aten_store_lmdb_t *store = data;

    if (is_ours(store)) mdb_env_close(store->env);
    return APR_SUCCESS;
}

const char *aten_store_lmdb_open(aten_store_t **out, const char *dir, apr_size_t bytes_max, unsigned int readers,
                                 apr_pool_t *p)
{
    aten_store_lmdb_t *store = apr_pcalloc(p, sizeof(*store));
    const char *error = "";
    apr_finfo_t info;
    int i;

    if (apr_stat(&info, dir, APR_FINFO_TYPE, p) != APR_SUCCESS || info.filetype != APR_DIR) {
        return apr_psprintf(p, "'%s' is no directory that can be entered: the store needs one that exists", dir);
    }
    if (bytes_max < ATEN_STORE_BYTES_MIN) bytes_max = ATEN_STORE_BYTES_MIN;
    bytes_max -= bytes_max % BYTES_STEP;
    for (i = 0; error && i < OPEN_TRIES; i++) {
        if (i) apr_sleep(OPEN_PAUSE);
        error = aten_store_lmdb_begin(store, dir, bytes_max, readers, p);
    }
    if (error) return error;
    store->pid = getpid();
    store->table = (aten_store_t){store, lmdb_add, lmdb_raise, lmdb_get};
    apr_pool_cleanup_register(p, store, close_store, apr_pool_cleanup_null);
    *out = &store->table;
    return NULL;
}

int aten_store_lmdb_clear_dead(aten_store_t *table)
{
    const aten_store_lmdb_t *store = table->baton;
    int dead = 0;

    if (!is_ours(store)) return 0;
    return mdb_reader_check(store->env, &dead) ? 0 : dead;
}

apr_status_t aten_store_lmdb_usage(aten_store_t *table, aten_store_usage_t *usage)
{
    const aten_store_lmdb_t *store = table->baton;
    size_t unused = 0, all;
    MDB_envinfo info;
    MDB_txn *txn;
    MDB_stat stat;
    int rc;

    if (!is_ours(store)) return APR_EPROC_UNKNOWN;
    rc = begin_reading(store, &txn);
    if (rc) return status_of(rc);
    rc = mdb_stat(txn, store->records, &stat);
    if (!rc) rc = count_free(txn, (size_t)-1, &unused);
    mdb_txn_abort(txn);
    if (rc) return status_of(rc);
    mdb_env_info(store->env, &info);
    all = info.me_last_pgno + 1;
    usage->bytes_used = (all > unused ? all - unused : 0) * stat.ms_psize;
    usage->bytes_max = info.me_mapsize;
    usage->records = stat.ms_entries;
    return APR_SUCCESS;
}
