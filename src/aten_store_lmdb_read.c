#include "aten_store_lmdb_private.h"

#include <string.h>

/* -- Read transactions: kept, renewed, and reset at once, so that none holds pages back -- */

static aten_store_lmdb_place_t *take_place(aten_store_lmdb_t *store)
{
    int i;

    for (i = 0; i < ATEN_STORE_LMDB_PLACES; i++) {
        int free_one = 0;

        if (atomic_compare_exchange_strong_explicit(&store->places[i].taken, &free_one, 1, memory_order_acquire,
                                                    memory_order_relaxed)) return &store->places[i];
    }
    return NULL;
}

static void leave_place(aten_store_lmdb_place_t *place)
{
    atomic_store_explicit(&place->taken, 0, memory_order_release);
}

static int begin(MDB_env *env, MDB_txn **txn)
{
    int rc = mdb_txn_begin(env, NULL, MDB_RDONLY, txn);

    if (rc != MDB_READERS_FULL) return rc;
    mdb_reader_check(env, NULL);
    return mdb_txn_begin(env, NULL, MDB_RDONLY, txn);
}

int aten_store_lmdb_start_reading(aten_store_lmdb_t *store, aten_store_lmdb_reading_t *reading)
{
    aten_store_lmdb_place_t *place = take_place(store);
    int rc;

    reading->place = place;
    if (!place) return begin(store->env, &reading->txn);
    rc = place->txn ? mdb_txn_renew(place->txn) : begin(store->env, &place->txn);
    reading->txn = place->txn;
    if (rc) leave_place(place);
    return rc;
}

void aten_store_lmdb_stop_reading(aten_store_lmdb_reading_t *reading)
{
    if (!reading->place) {
        mdb_txn_abort(reading->txn);
        return;
    }
    mdb_txn_reset(reading->txn);
    leave_place(reading->place);
}

void aten_store_lmdb_end_places(aten_store_lmdb_t *store)
{
    int i;

    for (i = 0; i < ATEN_STORE_LMDB_PLACES; i++) mdb_txn_abort(store->places[i].txn);
}

/* -- Reading -- */

static int read_all(const aten_store_lmdb_t *store, MDB_txn *txn, const aten_store_key_t *keys, int count,
                    apr_time_t *values, apr_time_t now)
{
    aten_store_lmdb_record_t record;
    int i;

    for (i = 0; i < count; i++) {
        const int rc = aten_store_lmdb_get(store, txn, &keys[i], now, &record);

        if (rc && rc != MDB_NOTFOUND) return rc;
        values[i] = rc ? ATEN_STORE_ABSENT : record.value;
    }
    return 0;
}

apr_status_t aten_store_lmdb_read(void *baton, const aten_store_key_t *keys, int count, apr_time_t *values,
                                  apr_time_t now)
{
    aten_store_lmdb_t *store = baton;
    aten_store_lmdb_reading_t reading;
    int rc;

    if (count < 1 || count > ATEN_STORE_READ_MAX) return APR_EINVAL;
    if (!aten_store_lmdb_is_ours(store)) return APR_EPROC_UNKNOWN;
    rc = aten_store_lmdb_start_reading(store, &reading);
    if (rc) return aten_store_lmdb_status(rc);
    rc = read_all(store, reading.txn, keys, count, values, now);
    aten_store_lmdb_stop_reading(&reading);
    return aten_store_lmdb_status(rc);
}

apr_status_t aten_store_lmdb_find(void *baton, const aten_store_key_t *key, apr_time_t *value, apr_time_t now)
{
    apr_time_t found;
    const apr_status_t rv = aten_store_lmdb_read(baton, key, 1, &found, now);

    if (rv != APR_SUCCESS) return rv;
    if (found == ATEN_STORE_ABSENT) return APR_NOTFOUND;
    *value = found;
    return APR_SUCCESS;
}

/* The number of the transaction that a reader sees. mdb_env_info's me_last_txnid will not do: it is read from the meta
 * page, which shows a new number as soon as a commit has written it, while readers see the state before until the disk
 * has flushed it. Who read in between would keep the old state under the new number. */
apr_uint64_t aten_store_lmdb_version(void *baton)
{
    aten_store_lmdb_t *store = baton;
    aten_store_lmdb_reading_t reading;
    apr_uint64_t version;

    if (!aten_store_lmdb_is_ours(store) || aten_store_lmdb_start_reading(store, &reading)) return 0;
    version = mdb_txn_id(reading.txn);
    aten_store_lmdb_stop_reading(&reading);
    return version;
}

/* -- Walking -- */

/* @param from not looked at again: it may stand where the records go @return 0: at the first record behind it */
static int go_behind(MDB_cursor *cursor, const aten_store_key_t *from, MDB_val *name, MDB_val *data)
{
    int rc;

    if (!from) return mdb_cursor_get(cursor, name, data, MDB_FIRST);
    *name = (MDB_val){sizeof(from->bytes), (void *)from->bytes};
    rc = mdb_cursor_get(cursor, name, data, MDB_SET_RANGE);
    if (rc || name->mv_size != sizeof(from->bytes) || memcmp(name->mv_data, from->bytes, name->mv_size)) return rc;
    return mdb_cursor_get(cursor, name, data, MDB_NEXT);
}

static int take_record(aten_store_write_t *out, const MDB_val *name, const MDB_val *data)
{
    aten_store_lmdb_record_t record;

    if (name->mv_size != sizeof(out->key.bytes) || data->mv_size != sizeof(record)) return MDB_CORRUPTED;
    memcpy(&record, data->mv_data, sizeof(record));
    *out = (aten_store_write_t){.value = record.value, .until = record.until, .raise = record.value > 0};
    memcpy(out->key.bytes, name->mv_data, sizeof(out->key.bytes));
    return 0;
}

static int walk(const aten_store_lmdb_t *store, MDB_txn *txn, const aten_store_key_t *from, aten_store_write_t *writes,
                int max, int *count, apr_time_t now)
{
    MDB_cursor *cursor;
    MDB_val name, data;
    int rc = mdb_cursor_open(txn, store->records, &cursor);

    if (rc) return rc;
    rc = go_behind(cursor, from, &name, &data);
    while (!rc) {
        rc = take_record(&writes[*count], &name, &data);
        if (!rc && writes[*count].until > now) ++*count;
        if (rc || *count == max) break;
        rc = mdb_cursor_get(cursor, &name, &data, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

apr_status_t aten_store_lmdb_walk(aten_store_t *table, const aten_store_key_t *from, aten_store_write_t *writes,
                                  int max, int *count, apr_time_t now)
{
    aten_store_lmdb_t *store = table->baton;
    aten_store_lmdb_reading_t reading;
    int rc;

    *count = 0;
    if (max < 1 || max > ATEN_STORE_BATCH_MAX) return APR_EINVAL;
    if (!aten_store_lmdb_is_ours(store)) return APR_EPROC_UNKNOWN;
    rc = aten_store_lmdb_start_reading(store, &reading);
    if (rc) return aten_store_lmdb_status(rc);
    rc = walk(store, reading.txn, from, writes, max, count, now);
    aten_store_lmdb_stop_reading(&reading);
    return aten_store_lmdb_status(rc);
}
