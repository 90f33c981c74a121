#include "aten_store_lmdb_private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_strings.h>

/* The names say how records are packed: another packing gets other databases. */
#define RECORDS_NAME "records-1"
#define TIMES_NAME "times-1"
#define OUTBOX_NAME "outbox-1"
#define NOTES_NAME "notes-1"
#define DATABASES 4

#define META_PAGES 2
#define META_MAGIC 0xBEEFC0DEu
#define META_VERSION 1u
#define PAGE_BYTES_MIN 512u
#define PAGE_BYTES_MAX 32768u
#define NO_PAGE ((size_t)-1)

#define ADVICE "stop the server, move it away, and start again (what was used once, and which sessions were ended, " \
               "is then forgotten)"

/* -- Before LMDB opens it -- */

/* LMDB asks for its magic number and version, but divides by the page size that stands behind them, and multiplies by
 * the number of pages, before it has looked at either. So these are judged here. Meta pages of this version stand so in
 * the file since LMDB 0.9.0; numbers are the machine's. */
typedef struct {
    apr_uint32_t page_bytes; /* in the first tree */
    apr_uint16_t flags, depth;
    size_t branch_pages, leaf_pages, overflow_pages, entries, root;
} tree_t;

typedef struct {
    size_t page;
    apr_uint16_t pad, flags;
    apr_uint32_t free_bounds;
    apr_uint32_t magic, version;
    void *address;
    size_t bytes_max;
    tree_t trees[2];
    size_t last_page, transaction;
} meta_t;

static int is_root(size_t page, size_t last_page)
{
    return page == NO_PAGE || (page >= META_PAGES && page <= last_page);
}

static int can_be(const meta_t *meta, apr_uint32_t page_bytes)
{
    return page_bytes >= PAGE_BYTES_MIN && page_bytes <= PAGE_BYTES_MAX && meta->trees[0].page_bytes == page_bytes
           && meta->last_page >= META_PAGES - 1 && meta->last_page < NO_PAGE / PAGE_BYTES_MAX
           && is_root(meta->trees[0].root, meta->last_page) && is_root(meta->trees[1].root, meta->last_page);
}

/* @return 1 also for a file that LMDB will refuse by itself */
static int metas_can_be(apr_file_t *file)
{
    apr_uint32_t page_bytes = 0;
    meta_t meta;
    int i;

    for (i = 0; i < META_PAGES; i++) {
        apr_off_t at = (apr_off_t)page_bytes * i;

        if (apr_file_seek(file, APR_SET, &at) != APR_SUCCESS) return 0;
        if (apr_file_read_full(file, &meta, sizeof(meta), NULL) != APR_SUCCESS) return 1;
        if (meta.magic != META_MAGIC || meta.version != META_VERSION) return 1;
        if (!i) page_bytes = meta.trees[0].page_bytes;
        if (!can_be(&meta, page_bytes)) return 0;
    }
    return 1;
}

static const char *cannot_be(const char *file, const char *done, apr_status_t rv, apr_pool_t *p)
{
    char message[128];

    return apr_psprintf(p, "'%s' cannot be %s: %s", file, done, apr_strerror(rv, message, sizeof(message)));
}

/* @param exists set to 1 if something is in it */
static const char *judge_regular(const char *file, int *exists, apr_pool_t *p)
{
    apr_finfo_t info;
    const apr_status_t rv = apr_stat(&info, file, APR_FINFO_LINK | APR_FINFO_TYPE | APR_FINFO_SIZE, p);

    *exists = 0;
    if (APR_STATUS_IS_ENOENT(rv)) return NULL;
    if (rv != APR_SUCCESS) return cannot_be(file, "looked at", rv, p);
    if (info.filetype != APR_REG) return apr_psprintf(p, "'%s' is no regular file: " ADVICE, file);
    *exists = info.size > 0;
    return NULL;
}

/* Before anything is opened, for LMDB follows links. */
static const char *judge(const char *file, const char *lock_file, apr_pool_t *p)
{
    apr_file_t *opened;
    int ok, exists;
    const char *error = judge_regular(lock_file, &exists, p);
    apr_status_t rv;

    if (!error) error = judge_regular(file, &exists, p);
    if (error || !exists) return error;
    rv = apr_file_open(&opened, file, APR_FOPEN_READ | APR_FOPEN_BINARY, APR_FPROT_OS_DEFAULT, p);
    if (rv != APR_SUCCESS) return cannot_be(file, "read", rv, p);
    ok = metas_can_be(opened);
    apr_file_close(opened);
    return ok ? NULL : apr_psprintf(p, "'%s' is damaged: " ADVICE, file);
}

/* -- The length of the file -- */

static int file_length(MDB_env *env, int *fd, off_t *length)
{
    struct stat file;
    const int rc = mdb_env_get_fd(env, fd);

    if (rc) return rc;
    if (fstat(*fd, &file) != 0) return errno;
    *length = file.st_size;
    return 0;
}

/* Up to that many pages behind the last one that was committed, within the file's maximum. */
static off_t length_with(MDB_env *env, size_t ahead)
{
    MDB_envinfo info;
    MDB_stat pages;
    size_t length;

    mdb_env_info(env, &info);
    mdb_env_stat(env, &pages);
    length = (info.me_last_pgno + 1 + ahead) * pages.ms_psize;
    return (off_t)(ahead && length > info.me_mapsize ? info.me_mapsize : length);
}

int aten_store_lmdb_lengthen(MDB_env *env, size_t ahead)
{
    off_t length;
    int fd;
    const int rc = file_length(env, &fd, &length);

    if (rc) return rc;
    if (length >= length_with(env, ahead)) return 0;
    return ftruncate(fd, length_with(env, 2 * ahead)) == 0 ? 0 : errno;
}

/* What it has to be is asked first: meanwhile others may make it longer. */
static int is_whole(MDB_env *env)
{
    const off_t needed = length_with(env, 0);
    off_t length;
    int fd;

    return !file_length(env, &fd, &length) && length >= needed;
}

/* -- Opening -- */

static const char *say(int rc, const char *file, apr_pool_t *p)
{
    switch (rc) {
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
        return apr_psprintf(p, "'%s' is damaged, or no file of LMDB: " ADVICE, file);
    case MDB_VERSION_MISMATCH:
        return apr_psprintf(p, "'%s' is of another version of LMDB, or in use by a process with one: stop all of them, "
                               "then move it away", file);
    case EACCES:
    case EPERM:
        return apr_psprintf(p, "'%s' cannot be opened: %s; it, " ATEN_STORE_LOCK_FILE " and the directory must belong "
                               "to the user that the server runs as", file, mdb_strerror(rc));
    default:
        return apr_psprintf(p, "'%s' cannot be opened: %s", file, mdb_strerror(rc));
    }
}

/* A new file survives a power cut once its directory is on the disk. */
static int sync_directory(const char *dir)
{
    const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = 0;

    if (fd < 0) return errno;
    if (fsync(fd) != 0 && errno != EINVAL) rc = errno; /* EINVAL: a file system that has nothing to flush there */
    close(fd);
    return rc;
}

/* LMDB leaves this one descriptor open for programs that are started from here: a CGI program must not get it. */
static int close_on_exec(MDB_env *env)
{
    int fd;
    const int rc = mdb_env_get_fd(env, &fd);

    if (rc) return rc;
    return fcntl(fd, F_SETFD, FD_CLOEXEC) == -1 ? errno : 0;
}

static int open_databases(aten_store_lmdb_t *store, MDB_txn *txn, unsigned int flags)
{
    int rc = mdb_dbi_open(txn, RECORDS_NAME, flags, &store->records);

    if (!rc) rc = mdb_dbi_open(txn, TIMES_NAME, flags, &store->times);
    if (!rc) rc = mdb_dbi_open(txn, OUTBOX_NAME, flags, &store->outbox);
    return rc ? rc : mdb_dbi_open(txn, NOTES_NAME, flags, &store->notes);
}

/* As a reader: a process that hangs in the middle of a write stops no new one. */
static int open_what_is_there(aten_store_lmdb_t *store)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn);

    if (rc) return rc;
    if (!is_whole(store->env)) rc = MDB_CORRUPTED;
    if (!rc) rc = open_databases(store, txn, 0);
    return aten_store_lmdb_finish(txn, rc);
}

static int make_databases(aten_store_lmdb_t *store)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(store->env, NULL, 0, &txn);

    if (rc) return rc;
    if (!is_whole(store->env)) rc = MDB_CORRUPTED;
    if (!rc) rc = aten_store_lmdb_lengthen(store->env, ATEN_STORE_LMDB_AHEAD);
    if (!rc) rc = open_databases(store, txn, MDB_CREATE);
    return aten_store_lmdb_finish(txn, rc);
}

static int start(aten_store_lmdb_t *store, const char *dir, apr_size_t bytes_max, unsigned int readers)
{
    int rc = mdb_env_set_mapsize(store->env, bytes_max);

    if (!rc) rc = mdb_env_set_maxreaders(store->env, readers);
    if (!rc) rc = mdb_env_set_maxdbs(store->env, DATABASES);
    if (!rc) rc = mdb_env_open(store->env, dir, MDB_NOTLS, 0600);
    if (!rc) rc = close_on_exec(store->env);
    if (rc) return rc;
    mdb_reader_check(store->env, NULL);
    rc = open_what_is_there(store);
    return rc == MDB_NOTFOUND || rc == MDB_READERS_FULL ? make_databases(store) : rc;
}

const char *aten_store_lmdb_begin(aten_store_lmdb_t *store, const char *dir, apr_size_t bytes_max,
                                  unsigned int readers, apr_pool_t *p)
{
    const char *file = apr_pstrcat(p, dir, "/" ATEN_STORE_FILE, NULL);
    const char *error = judge(file, apr_pstrcat(p, dir, "/" ATEN_STORE_LOCK_FILE, NULL), p);
    int rc;

    if (error) return error;
    rc = mdb_env_create(&store->env);
    if (rc) return say(rc, file, p);
    rc = start(store, dir, bytes_max, readers);
    if (!rc) rc = sync_directory(dir);
    if (!rc) return NULL;
    mdb_env_close(store->env);
    return say(rc, file, p);
}
