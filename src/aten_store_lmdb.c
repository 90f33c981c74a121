#include "aten_store_lmdb_private.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include <apr_file_info.h>
#include <apr_strings.h>

#define OPEN_TRIES 5 /* two processes that open or close at the same moment can meet (lmdb.h, "Caveats") */
#define OPEN_PAUSE apr_time_from_msec(5)
#define BYTES_STEP 65536 /* a multiple of every page size */

apr_status_t aten_store_lmdb_status(int rc)
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

int aten_store_lmdb_finish(MDB_txn *txn, int rc)
{
    if (!rc) return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return rc;
}

/* -- Whose it is -- */

int aten_store_lmdb_is_ours(const aten_store_lmdb_t *store)
{
    return store->unforked ? *store->unforked : getpid() == store->pid;
}

/* A page that the kernel empties in a forked process: to look there costs no system call. */
static int *make_unforked(size_t bytes)
{
    int *page = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED) return NULL;
    if (madvise(page, bytes, MADV_WIPEONFORK) != 0) { /* not everywhere where Linux programs run */
        munmap(page, bytes);
        return NULL;
    }
    *page = 1;
    return page;
}

static size_t page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

/* A forked process shares the file's locks: closing would take its parent's away. */
static apr_status_t close_store(void *data)
{
    aten_store_lmdb_t *store = data;

    if (aten_store_lmdb_is_ours(store)) {
        aten_store_lmdb_end_places(store);
        mdb_env_close(store->env);
    }
    if (store->unforked) munmap((void *)store->unforked, page_bytes());
    return APR_SUCCESS;
}

/* -- Opening -- */

/* Here nobody else asks. */
static void expect_nothing(void *baton, const aten_store_key_t *key, apr_time_t now)
{
    (void)baton;
    (void)key;
    (void)now;
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
    store->unforked = make_unforked(page_bytes());
    store->table = (aten_store_t){
        store, aten_store_lmdb_write, aten_store_lmdb_read, aten_store_lmdb_version, aten_store_lmdb_find,
        expect_nothing,
    };
    apr_pool_cleanup_register(p, store, close_store, apr_pool_cleanup_null);
    *out = &store->table;
    return NULL;
}

int aten_store_lmdb_clear_dead(aten_store_t *table)
{
    const aten_store_lmdb_t *store = table->baton;
    int dead = 0;

    if (!aten_store_lmdb_is_ours(store)) return 0;
    return mdb_reader_check(store->env, &dead) ? 0 : dead;
}
