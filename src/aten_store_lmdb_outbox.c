#include "aten_store_lmdb_private.h"

#include <string.h>

#define SHARED_NOTE "shared"
#define SHARED_TEXT "1"

/* As it stands in the file. */
typedef struct {
    aten_store_key_t key;
    apr_int64_t value;
    apr_int64_t until;
    apr_int64_t raise;
} letter_t;

static int read_letter(const MDB_val *at, const MDB_val *data, apr_uint64_t *number, letter_t *letter)
{
    if (at->mv_size != ATEN_STORE_LMDB_NUMBER_BYTES || data->mv_size != sizeof(*letter)) return MDB_CORRUPTED;
    memcpy(letter, data->mv_data, sizeof(*letter));
    *number = aten_store_lmdb_unpack(at->mv_data);
    return 0;
}

/* -- Written with the records -- */

int aten_store_lmdb_shares(const aten_store_lmdb_t *store, MDB_txn *txn)
{
    char text[ATEN_STORE_NOTE_BYTES_MAX + 1];
    const int rc = aten_store_lmdb_get_note(store, txn, SHARED_NOTE, text);

    if (rc && rc != MDB_NOTFOUND) return -1;
    return !rc;
}

/* Numbers never come again, also where the outbox was empty in between: who has delivered up to one takes away nothing
 * that was written since. */
int aten_store_lmdb_post(const aten_store_lmdb_t *store, MDB_txn *txn, int nth, const aten_store_write_t *write)
{
    const letter_t letter = {write->key, write->value, write->until, write->raise ? 1 : 0};
    unsigned char number[ATEN_STORE_LMDB_NUMBER_BYTES];
    MDB_val at = {sizeof(number), number}, data = {sizeof(letter), (void *)&letter};

    int rc;

    aten_store_lmdb_pack(number, (apr_uint64_t)mdb_txn_id(txn) * ATEN_STORE_WRITE_MAX + (apr_uint64_t)nth);
    rc = mdb_put(txn, store->outbox, &at, &data, MDB_APPEND);
    return rc == MDB_KEYEXIST ? MDB_CORRUPTED : rc; /* it is no record that was there */
}

/* -- Taken away from the front: up to a number, or what has expired -- */

typedef struct {
    int max;
    apr_uint64_t last; /* 0: none */
    apr_time_t now;    /* 0: never mind */
} front_t;

static int take_front(const aten_store_lmdb_t *store, MDB_txn *txn, const front_t *front, int *taken)
{
    MDB_cursor *cursor;
    MDB_val at, data;
    apr_uint64_t number;
    letter_t letter;
    int rc = mdb_cursor_open(txn, store->outbox, &cursor);

    *taken = 0;
    if (rc) return rc;
    while (*taken < front->max && !(rc = mdb_cursor_get(cursor, &at, &data, MDB_FIRST))) {
        rc = read_letter(&at, &data, &number, &letter);
        if (rc || (number > front->last && letter.until > front->now)) break;
        rc = mdb_cursor_del(cursor, 0);
        if (rc) break;
        ++*taken;
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

int aten_store_lmdb_post_expired(const aten_store_lmdb_t *store, MDB_txn *txn, int max, apr_time_t now)
{
    const front_t front = {max, 0, now};
    int taken;

    return take_front(store, txn, &front, &taken);
}

static int take_delivered(const aten_store_lmdb_t *store, apr_uint64_t last, int *taken)
{
    const front_t front = {ATEN_STORE_BATCH_MAX, last, 0};
    MDB_txn *txn;
    int rc = mdb_txn_begin(store->env, NULL, 0, &txn);

    if (rc) return rc;
    rc = aten_store_lmdb_lengthen(store->env, ATEN_STORE_LMDB_AHEAD);
    if (!rc) rc = take_front(store, txn, &front, taken);
    return aten_store_lmdb_finish(txn, rc);
}

apr_status_t aten_store_lmdb_delivered(aten_store_t *table, apr_uint64_t last)
{
    const aten_store_lmdb_t *store = table->baton;
    int taken, rc;

    if (!aten_store_lmdb_is_ours(store)) return APR_EPROC_UNKNOWN;
    do {
        taken = 0;
        rc = take_delivered(store, last, &taken);
    } while (!rc && taken == ATEN_STORE_BATCH_MAX);
    return aten_store_lmdb_status(rc);
}

/* -- Read -- */

static int read_front(const aten_store_lmdb_t *store, MDB_txn *txn, aten_store_write_t *writes, int max, int *count,
                      apr_uint64_t *last)
{
    MDB_cursor *cursor;
    MDB_val at, data;
    letter_t letter;
    int rc = mdb_cursor_open(txn, store->outbox, &cursor);

    if (rc) return rc;
    while (*count < max && !(rc = mdb_cursor_get(cursor, &at, &data, MDB_NEXT))) {
        rc = read_letter(&at, &data, last, &letter);
        if (rc) break;
        writes[*count] = (aten_store_write_t){letter.key, letter.value, letter.until, letter.raise != 0, 0};
        ++*count;
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

apr_status_t aten_store_lmdb_outbox(aten_store_t *table, aten_store_write_t *writes, int max, int *count,
                                    apr_uint64_t *last)
{
    aten_store_lmdb_t *store = table->baton;
    aten_store_lmdb_reading_t reading;
    int rc;

    *count = 0;
    *last = 0;
    if (max < 1 || max > ATEN_STORE_BATCH_MAX) return APR_EINVAL;
    if (!aten_store_lmdb_is_ours(store)) return APR_EPROC_UNKNOWN;
    rc = aten_store_lmdb_start_reading(store, &reading);
    if (rc) return aten_store_lmdb_status(rc);
    rc = read_front(store, reading.txn, writes, max, count, last);
    aten_store_lmdb_stop_reading(&reading);
    return aten_store_lmdb_status(rc);
}

/* -- Whether there is one -- */

apr_status_t aten_store_lmdb_share(aten_store_t *table, int on)
{
    const aten_store_lmdb_t *store = table->baton;
    MDB_txn *txn;
    int rc, shared;

    if (!aten_store_lmdb_is_ours(store)) return APR_EPROC_UNKNOWN;
    rc = mdb_txn_begin(store->env, NULL, 0, &txn);
    if (rc) return aten_store_lmdb_status(rc);
    shared = aten_store_lmdb_shares(store, txn);
    if (shared < 0) rc = MDB_CORRUPTED;
    if (!rc) rc = aten_store_lmdb_lengthen(store->env, ATEN_STORE_LMDB_AHEAD);
    if (!rc) rc = aten_store_lmdb_set_note(store, txn, SHARED_NOTE, on ? SHARED_TEXT : "");
    if (!rc && shared && !on) rc = mdb_drop(txn, store->outbox, 0);
    return aten_store_lmdb_status(aten_store_lmdb_finish(txn, rc));
}

int aten_store_lmdb_is_shared(aten_store_t *table)
{
    aten_store_lmdb_t *store = table->baton;
    aten_store_lmdb_reading_t reading;
    int shared;

    if (!aten_store_lmdb_is_ours(store) || aten_store_lmdb_start_reading(store, &reading)) return -1;
    shared = aten_store_lmdb_shares(store, reading.txn);
    aten_store_lmdb_stop_reading(&reading);
    return shared;
}
