#include "aten_store_lmdb_private.h"

#include <string.h>

/* No room is asked for: they are few and small, and the pages of the old text come back. */

int aten_store_lmdb_can_note(const char *name, const char *text)
{
    return name && *name && strlen(name) <= ATEN_STORE_NOTE_BYTES_MAX && text
           && strlen(text) <= ATEN_STORE_NOTE_BYTES_MAX;
}

int aten_store_lmdb_get_note(const aten_store_lmdb_t *store, MDB_txn *txn, const char *name, char *text)
{
    MDB_val key = {strlen(name), (void *)name}, data;
    const int rc = mdb_get(txn, store->notes, &key, &data);

    text[0] = '\0';
    if (rc) return rc;
    if (data.mv_size > ATEN_STORE_NOTE_BYTES_MAX) return MDB_CORRUPTED;
    memcpy(text, data.mv_data, data.mv_size);
    text[data.mv_size] = '\0';
    return 0;
}

int aten_store_lmdb_set_note(const aten_store_lmdb_t *store, MDB_txn *txn, const char *name, const char *text)
{
    char old[ATEN_STORE_NOTE_BYTES_MAX + 1];
    MDB_val key = {strlen(name), (void *)name}, data = {strlen(text), (void *)text};
    const int rc = aten_store_lmdb_get_note(store, txn, name, old);

    if (rc && rc != MDB_NOTFOUND) return rc;
    if (!strcmp(old, text)) return 0;
    return *text ? mdb_put(txn, store->notes, &key, &data, 0) : mdb_del(txn, store->notes, &key, NULL);
}

apr_status_t aten_store_lmdb_note(aten_store_t *table, const char *name, const char *text)
{
    return aten_store_lmdb_apply(table, NULL, 0, name ? name : "", text, 0);
}

apr_status_t aten_store_lmdb_noted(aten_store_t *table, const char *name, char *text)
{
    aten_store_lmdb_t *store = table->baton;
    aten_store_lmdb_reading_t reading;
    int rc;

    text[0] = '\0';
    if (!aten_store_lmdb_can_note(name, "")) return APR_EINVAL;
    if (!aten_store_lmdb_is_ours(store)) return APR_EPROC_UNKNOWN;
    rc = aten_store_lmdb_start_reading(store, &reading);
    if (rc) return aten_store_lmdb_status(rc);
    rc = aten_store_lmdb_get_note(store, reading.txn, name, text);
    aten_store_lmdb_stop_reading(&reading);
    return aten_store_lmdb_status(rc);
}
