#include "aten_store_lmdb_private.h"

#include <string.h>

/* An entry of `times`. */
typedef struct {
    unsigned char until[ATEN_STORE_LMDB_NUMBER_BYTES];
    aten_store_key_t key;
} moment_t;

void aten_store_lmdb_pack(unsigned char *out, apr_uint64_t number)
{
    int i;

    for (i = ATEN_STORE_LMDB_NUMBER_BYTES - 1; i >= 0; i--) {
        out[i] = (unsigned char)number;
        number >>= 8;
    }
}

apr_uint64_t aten_store_lmdb_unpack(const unsigned char *in)
{
    apr_uint64_t number = 0;
    int i;

    for (i = 0; i < ATEN_STORE_LMDB_NUMBER_BYTES; i++) number = number << 8 | in[i];
    return number;
}

/* -- Records -- */

static int read_record(const aten_store_lmdb_t *store, MDB_txn *txn, const aten_store_key_t *key,
                       aten_store_lmdb_record_t *record)
{
    MDB_val name = {sizeof(key->bytes), (void *)key->bytes}, data;
    const int rc = mdb_get(txn, store->records, &name, &data);

    if (rc) return rc;
    if (data.mv_size != sizeof(*record)) return MDB_CORRUPTED;
    memcpy(record, data.mv_data, sizeof(*record)); /* it may stand on any address */
    return 0;
}

int aten_store_lmdb_get(const aten_store_lmdb_t *store, MDB_txn *txn, const aten_store_key_t *key, apr_time_t now,
                        aten_store_lmdb_record_t *record)
{
    const int rc = read_record(store, txn, key, record);

    return !rc && record->until <= now ? MDB_NOTFOUND : rc;
}

static void make_moment(moment_t *moment, apr_time_t until, const aten_store_key_t *key)
{
    aten_store_lmdb_pack(moment->until, (apr_uint64_t)until);
    moment->key = *key;
}

int aten_store_lmdb_put(const aten_store_lmdb_t *store, MDB_txn *txn, const aten_store_key_t *key,
                        const aten_store_lmdb_record_t *record)
{
    MDB_val name = {sizeof(key->bytes), (void *)key->bytes}, data = {sizeof(*record), (void *)record};
    moment_t moment;
    MDB_val at = {sizeof(moment), &moment}, nothing = {0, NULL};
    aten_store_lmdb_record_t old;
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
    return (apr_time_t)aten_store_lmdb_unpack(moment->until) <= now ? 0 : MDB_NOTFOUND;
}

int aten_store_lmdb_take_expired(const aten_store_lmdb_t *store, MDB_txn *txn, int max, apr_time_t now, int *swept)
{
    MDB_cursor *cursor;
    moment_t moment;
    MDB_val name = {sizeof(moment.key.bytes), moment.key.bytes};
    int rc = mdb_cursor_open(txn, store->times, &cursor);

    *swept = 0;
    if (rc) return rc;
    while (*swept < max && !(rc = first_expired(cursor, now, &moment))) {
        rc = mdb_cursor_del(cursor, 0);
        if (!rc) rc = mdb_del(txn, store->records, &name, NULL);
        if (rc && rc != MDB_NOTFOUND) break;
        ++*swept;
    }
    mdb_cursor_close(cursor);
    if (rc && rc != MDB_NOTFOUND) return rc;
    return aten_store_lmdb_post_expired(store, txn, max, now);
}
