#include "aten_store_lmdb_private.h"

#include <string.h>

/* Pages that a record of a large transaction may take: in the order of keys a leaf and the branch above it, the same in
 * the order of ends, and there again for the end that it had. */
#define RECORD_PAGES 6

typedef struct {
    const aten_store_write_t *writes;
    int count;
    int from_others;        /* what is there already is right, what makes no sense is passed over, none is told on */
    const char *name, *text; /* a note to be set with them; NULL */
    apr_time_t now;
} change_t;

/* What a record becomes. @return 0; MDB_NOTFOUND: nothing is to be written; MDB_KEYEXIST; or an error */
static int next_record(const aten_store_lmdb_t *store, MDB_txn *txn, const aten_store_write_t *write, apr_time_t now,
                       aten_store_lmdb_record_t *out)
{
    aten_store_lmdb_record_t old;
    const int rc = aten_store_lmdb_get(store, txn, &write->key, now, &old);

    *out = (aten_store_lmdb_record_t){write->until, write->value};
    if (rc == MDB_NOTFOUND) return out->until > now ? 0 : MDB_NOTFOUND;
    if (rc) return rc;
    if (!write->raise) return MDB_KEYEXIST;
    if (old.value > out->value) out->value = old.value;
    if (old.until > out->until) out->until = old.until;
    return old.value == out->value && old.until == out->until ? MDB_NOTFOUND : 0;
}

static int is_passed_over(const change_t *change, const aten_store_write_t *write)
{
    return change->from_others && (write->value < 0 || write->until <= change->now);
}

/* @return as next_record, without what others may do */
static int judge(const aten_store_lmdb_t *store, MDB_txn *txn, const change_t *change, int i,
                 aten_store_lmdb_record_t *out)
{
    int rc;

    if (is_passed_over(change, &change->writes[i])) return MDB_NOTFOUND;
    rc = next_record(store, txn, &change->writes[i], change->now, out);
    return rc == MDB_KEYEXIST && change->from_others ? MDB_NOTFOUND : rc;
}

/* Before there is a question of room: what was used is used also where the file is full.
 * @param changes set to 1 if a record is to be written @param sets set to 1 if it is one that has to be absent */
static int judge_all(const aten_store_lmdb_t *store, MDB_txn *txn, const change_t *change, int *changes, int *sets)
{
    aten_store_lmdb_record_t record;
    int i;

    *changes = *sets = 0;
    for (i = 0; i < change->count; i++) {
        const int rc = judge(store, txn, change, i, &record);

        if (rc == MDB_NOTFOUND) continue;
        if (rc) return rc;
        *changes = 1;
        /* The other servers' have stood in the same room there: were they refused here, ended sessions behind them
         * would not arrive. */
        if (!change->writes[i].raise && !change->from_others) *sets = 1;
    }
    return 0;
}

static int put_one(const aten_store_lmdb_t *store, MDB_txn *txn, const change_t *change, int i, int shared)
{
    aten_store_write_t write = change->writes[i];
    aten_store_lmdb_record_t record;
    int rc = judge(store, txn, change, i, &record);

    if (rc) return rc == MDB_NOTFOUND ? 0 : rc;
    rc = aten_store_lmdb_put(store, txn, &write.key, &record);
    if (rc || !shared || write.quiet) return rc;
    write.value = record.value;
    write.until = record.until;
    return aten_store_lmdb_post(store, txn, i, &write);
}

static int put_all(const aten_store_lmdb_t *store, MDB_txn *txn, const change_t *change)
{
    const int shared = change->from_others ? 0 : aten_store_lmdb_shares(store, txn);
    int i, rc = 0;

    if (shared < 0) return MDB_CORRUPTED;
    for (i = 0; !rc && i < change->count; i++) rc = put_one(store, txn, change, i, shared);
    return rc;
}

static int write_in(aten_store_lmdb_t *store, MDB_txn *txn, const change_t *change)
{
    const size_t more = change->count > ATEN_STORE_WRITE_MAX ? (size_t)change->count * RECORD_PAGES : 0;
    const size_t pages = ATEN_STORE_LMDB_AHEAD + more;
    int changes, sets, swept;
    int rc = judge_all(store, txn, change, &changes, &sets);

    if (!rc && changes) rc = aten_store_lmdb_room(store, pages, sets);
    if (!rc) rc = aten_store_lmdb_lengthen(store->env, pages);
    if (!rc && changes) rc = aten_store_lmdb_take_expired(store, txn, ATEN_STORE_SWEEP, change->now, &swept);
    if (!rc && changes) rc = put_all(store, txn, change);
    if (!rc && change->name) rc = aten_store_lmdb_set_note(store, txn, change->name, change->text);
    return rc;
}

static int write_once(aten_store_lmdb_t *store, const change_t *change)
{
    MDB_txn *txn;
    const int rc = mdb_txn_begin(store->env, NULL, 0, &txn);

    return rc ? rc : aten_store_lmdb_finish(txn, write_in(store, txn, change));
}

/* Where there is no room for all at once; the note with the last. What write gives is one part. */
static int write_parts(aten_store_lmdb_t *store, const change_t *change)
{
    change_t part = *change;
    int rc = 0, left = change->count;

    for (; !rc && left > 0; left -= part.count) {
        part.count = left > ATEN_STORE_WRITE_MAX ? ATEN_STORE_WRITE_MAX : left;
        part.writes = change->writes + (change->count - left);
        part.name = part.count == left ? change->name : NULL;
        rc = write_once(store, &part);
    }
    return rc;
}

static apr_status_t write_change(aten_store_lmdb_t *store, const change_t *change)
{
    int rc;

    if (!aten_store_lmdb_is_ours(store)) return APR_EPROC_UNKNOWN;
    rc = write_once(store, change);
    if (rc == MDB_MAP_FULL) {
        rc = aten_store_lmdb_make_room(store, change->now);
        if (!rc) rc = write_parts(store, change);
    }
    return aten_store_lmdb_status(rc);
}

/* What has expired already would be absent at once: a second one would win as well. */
static int can_be(const aten_store_write_t *write, apr_time_t now)
{
    return write->value >= 0 && write->until >= 0 && (write->raise || write->until > now);
}

apr_status_t aten_store_lmdb_write(void *baton, const aten_store_write_t *writes, int count, apr_time_t now)
{
    const change_t change = {.writes = writes, .count = count, .now = now};
    int i;

    if (count < 1 || count > ATEN_STORE_WRITE_MAX || now < 0) return APR_EINVAL;
    for (i = 0; i < count; i++) {
        if (!can_be(&writes[i], now)) return APR_EINVAL;
    }
    return write_change(baton, &change);
}

apr_status_t aten_store_lmdb_apply(aten_store_t *table, const aten_store_write_t *writes, int count, const char *name,
                                   const char *text, apr_time_t now)
{
    const change_t change = {writes, count, 1, name, text, now};

    if (count < 0 || count > ATEN_STORE_BATCH_MAX || now < 0) return APR_EINVAL;
    if (name && !aten_store_lmdb_can_note(name, text)) return APR_EINVAL;
    return write_change(table->baton, &change);
}
