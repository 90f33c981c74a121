/* Opening a store: what cannot be opened, files that are damaged, and what a version before left. */
#include "store.h"

#include <fcntl.h>

#include <lmdb.h>

/* -- What cannot be opened -- */

static void assert_says(const char *error, const char *what, const char *why)
{
    if (!error) fail_msg("opened: %s", why);
    if (!strstr(error, dir) || !strstr(error, what)) fail_msg("%s: %s", why, error);
}

static void directories_are_judged(void **state)
{
    char *const right = dir;
    FILE *file;

    dir = apr_pstrcat(pool, right, "/missing", NULL);
    assert_says(try_open(BYTES, READERS), "no directory", "missing");
    dir = apr_pstrcat(pool, right, "/" ATEN_STORE_FILE, NULL);
    file = fopen(dir, "w");
    assert_non_null(file);
    fclose(file);
    assert_says(try_open(BYTES, READERS), "no directory", "a file");
    dir = right;
    assert_null(try_open(BYTES, READERS)); /* an empty file is one that was not made yet */
    close_store();
    assert_says(try_open(BYTES, 0), "cannot be opened", "no reader slot at all");

    unlink(in_dir(ATEN_STORE_FILE));
    assert_int_equal(mkdir(in_dir(ATEN_STORE_FILE), 0700), 0);
    assert_says(try_open(BYTES, READERS), "no regular file", "a directory in its place");
    rmdir(in_dir(ATEN_STORE_FILE));
    assert_int_equal(symlink("/dev/null", in_dir(ATEN_STORE_FILE)), 0);
    assert_says(try_open(BYTES, READERS), "no regular file", "a link");
    unlink(in_dir(ATEN_STORE_FILE));
    unlink(in_dir(ATEN_STORE_LOCK_FILE));
    assert_int_equal(symlink("elsewhere", in_dir(ATEN_STORE_LOCK_FILE)), 0);
    assert_says(try_open(BYTES, READERS), "no regular file", "a link for the lock file");
    assert_int_not_equal(access(in_dir("elsewhere"), F_OK), 0);
}

/* As somebody who may not. @return 0 if it was said */
static int open_as_nobody(int mode)
{
    const char *error;

    if (!geteuid() && (setgid(65534) || setuid(65534))) return 1;
    error = try_open(BYTES, READERS);
    if (!error) return 2;
    return strstr(error, dir) && strstr(error, mode == 0700 ? "no directory" : "Permission denied") ? 0 : 3;
}

static void what_may_not_be_opened_is_said(void **state)
{
    open_store(BYTES);
    close_store();
    if (!geteuid()) { /* otherwise this user owns it */
        chmod(dir, 0700);
        assert_int_equal(end_of(start(open_as_nobody, 0755)), 0);
    }
    chmod(dir, 0555);
    chmod(in_dir(ATEN_STORE_FILE), 0);
    assert_int_equal(end_of(start(open_as_nobody, 0555)), 0);
    chmod(in_dir(ATEN_STORE_FILE), 0444);
    chmod(in_dir(ATEN_STORE_LOCK_FILE), 0444);
    assert_int_equal(end_of(start(open_as_nobody, 0555)), 0);
    unlink(in_dir(ATEN_STORE_FILE));
    unlink(in_dir(ATEN_STORE_LOCK_FILE));
    assert_int_equal(end_of(start(open_as_nobody, 0555)), 0); /* there is nothing, and nothing can be made */
    chmod(dir, 0700);
}

/* 0: it opens and remembers everything; 10: a sentence; 11: it opened, and says that it cannot read; 12: it forgot. */
static int open_and_read(int records)
{
    int i, broken = 0;
    const char *error = try_open(BYTES, READERS);

    if (error) return strstr(error, dir) ? 10 : 13;
    for (i = 0; i < records; i++) {
        apr_time_t value;
        const apr_status_t rv = get(quick_key(1, (unsigned int)i), &value, NOW);

        if (rv == APR_NOTFOUND) return 12;
        if (rv != APR_SUCCESS) broken = 11;
    }
    return add_one(quick_key(3, 3), LATER, NOW) == APR_SUCCESS ? broken : 11;
}

static void write_all(const void *data, size_t len)
{
    FILE *file = fopen(in_dir(ATEN_STORE_FILE), "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static unsigned char *read_all(size_t *len)
{
    FILE *file = fopen(in_dir(ATEN_STORE_FILE), "rb");
    unsigned char *data = apr_palloc(pool, 8 << 20);

    assert_non_null(file);
    *len = fread(data, 1, 8 << 20, file);
    fclose(file);
    return data;
}

#define WHOLE_RECORDS 3000

static unsigned char *whole_file(size_t *len)
{
    unsigned int i;

    open_store(BYTES);
    for (i = 0; i < WHOLE_RECORDS; i++) assert_int_equal(add_one(quick_key(1, i), LATER, NOW), APR_SUCCESS);
    close_store();
    return read_all(len);
}

/* Where the numbers stand on a 64-bit machine, which is where they matter. */
enum { FLAGS = 10, MAGIC = 16, VERSION = 20, PAGE_SIZE = 40, FREE_ROOT = 80, MAIN_ROOT = 128, LAST_PAGE = 136 };

static void put_number(unsigned char *file, size_t at, size_t bytes, apr_uint64_t value)
{
    memcpy(file + at, &value, bytes);
    memcpy(file + 4096 + at, &value, bytes);
}

static void meta_pages_are_judged_together(void **state)
{
    size_t len;
    unsigned char *data, *copy;

    if (sizeof(size_t) != 8) skip();
    data = whole_file(&len);
    copy = apr_pmemdup(pool, data, len);
    put_number(copy, VERSION, 4, 2);
    put_number(copy, PAGE_SIZE, 4, 0);
    write_all(copy, len);
    assert_says(try_open(BYTES, READERS), "version", "what stands elsewhere in another version is not judged");

    memcpy(copy, data, len);
    put_number(copy, FREE_ROOT, 8, (apr_uint64_t)-1);
    put_number(copy, MAIN_ROOT, 8, (apr_uint64_t)-1);
    put_number(copy, LAST_PAGE, 8, 0);
    write_all(copy, len);
    assert_says(try_open(BYTES, READERS), "damaged", "no trees, and the next page would be the second meta page");
}

static void meta_pages_are_judged(void **state)
{
    static const struct {
        size_t at;
        size_t bytes;
        apr_uint64_t value;
        const char *why;
    } rows[] = {
        {FLAGS, 2, 2, "a page that is no meta page"},
        {MAGIC, 4, 0xBEEFC0DF, "another program's file"},
        {VERSION, 4, 2, "another version"},
        {PAGE_SIZE, 4, 0, "a page size that LMDB would divide by"},
        {PAGE_SIZE, 4, 1, "a page size that is too small"},
        {PAGE_SIZE, 4, 4095, "a page size that is no power of two"},
        {PAGE_SIZE, 4, 0x10000, "a page size that is too large"},
        {FREE_ROOT, 8, 0x7FFFFFFF, "a root behind the last page"},
        {MAIN_ROOT, 8, 0x7FFFFFFF, "another"},
        {MAIN_ROOT, 8, 1, "a root that is a meta page"},
        {LAST_PAGE, 8, 0, "no pages at all"},
        {LAST_PAGE, 8, (apr_uint64_t)-1, "more pages than there are numbers"},
    };
    size_t len;
    unsigned char *data, *copy;
    int i, meta;

    if (sizeof(size_t) != 8) skip();
    data = whole_file(&len);
    copy = apr_palloc(pool, len);
    for (i = 0; i < COUNT(rows); i++) {
        for (meta = 0; meta < 2; meta++) {
            memcpy(copy, data, len);
            memcpy(copy + meta * 4096 + rows[i].at, &rows[i].value, rows[i].bytes);
            write_all(copy, len);
            assert_says(try_open(BYTES, READERS), rows[i].at == VERSION ? "version" : "damaged", rows[i].why);
        }
    }
    write_all(data, len);
    assert_int_equal(end_of(start(open_and_read, WHOLE_RECORDS)), 0);
}

static void other_files_are_refused(void **state)
{
    static const char text[] = "# Keys of mod_auth_aten\n";
    char *zeros = apr_pcalloc(pool, 20000), *noise = apr_palloc(pool, 20000);
    unsigned int i;

    for (i = 0; i < 20000; i++) noise[i] = (char)(i * 2654435761u >> 13);
    write_all(text, sizeof(text) - 1);
    assert_says(try_open(BYTES, READERS), "damaged", "a text");
    write_all(zeros, 20000);
    assert_says(try_open(BYTES, READERS), "damaged", "zeros");
    write_all(noise, 20000);
    assert_says(try_open(BYTES, READERS), "damaged", "noise");
}

/* Bytes of the pages in use. */
static size_t used_bytes(const unsigned char *file)
{
    apr_uint64_t last_page, newest = 0;
    int meta;

    for (meta = 0; meta < 2; meta++) {
        memcpy(&last_page, file + meta * 4096 + LAST_PAGE, sizeof(last_page));
        if (last_page > newest) newest = last_page;
    }
    return (newest + 1) * 4096;
}

/* Wherever it was cut: a sentence, also the second time, and no process dies of it. */
static void a_file_that_lost_its_end_is_refused(void **state)
{
    size_t len, cut;
    unsigned char *data;
    int end;

    if (sizeof(size_t) != 8) skip();
    data = whole_file(&len);
    assert_true(used_bytes(data) > 60 * 4096);
    for (cut = used_bytes(data); cut > 0; cut -= cut > used_bytes(data) - 20 * 4096 ? 4096 : cut / 4 + 1) {
        if (cut == used_bytes(data)) continue;
        write_all(data, cut);
        end = end_of(start(open_and_read, WHOLE_RECORDS));
        if (end != 10) fail_msg("cut from %lu to %lu: %d", (unsigned long)len, (unsigned long)cut, end);
        assert_int_equal(end_of(start(open_and_read, WHOLE_RECORDS)), 10);
    }
    write_all(data, used_bytes(data));
    assert_int_equal(end_of(start(open_and_read, WHOLE_RECORDS)), 0);
}

/* LMDB does not write a page that was free again before it was needed: such a file would end too early by rights. */
static void the_file_is_longer_than_its_pages(void **state)
{
    size_t len;
    unsigned char *data;
    int i;

    if (sizeof(size_t) != 8) skip();
    open_store(BYTES);
    data = read_all(&len);
    assert_true(len > used_bytes(data) + 100 * 4096);
    for (i = 0; i < 30000; i++) assert_int_equal(add_one(quick_key(2, (unsigned int)i), LATER, NOW), APR_SUCCESS);
    data = read_all(&len);
    assert_true(used_bytes(data) > 512 * 4096);
    assert_true(len > used_bytes(data) + 100 * 4096);
}


/* -- What the version before left: it knew neither outbox nor notes -- */

typedef struct {
    apr_int64_t until, value;
} old_record_t;

static int put_old(MDB_txn *txn, MDB_dbi records, MDB_dbi times, aten_store_key_t key, const old_record_t *record)
{
    unsigned char moment[8 + ATEN_STORE_KEY_BYTES];
    MDB_val name = {sizeof(key.bytes), key.bytes}, data = {sizeof(*record), (void *)record};
    MDB_val at = {sizeof(moment), moment}, nothing = {0, NULL};
    int i;

    for (i = 0; i < 8; i++) moment[i] = (unsigned char)((apr_uint64_t)record->until >> (8 * (7 - i)));
    memcpy(moment + 8, key.bytes, sizeof(key.bytes));
    return mdb_put(txn, records, &name, &data, 0) || mdb_put(txn, times, &at, &nothing, 0);
}

static void make_old(void)
{
    const old_record_t used = {LATER, 0}, ended = {NOW, 0};
    MDB_dbi records, times;
    MDB_env *env;
    MDB_txn *txn;

    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_mapsize(env, BYTES), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 2), 0);
    assert_int_equal(mdb_env_open(env, dir, MDB_NOTLS, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, "records-1", MDB_CREATE, &records), 0);
    assert_int_equal(mdb_dbi_open(txn, "times-1", MDB_CREATE, &times), 0);
    assert_int_equal(put_old(txn, records, times, quick_key(1, 1), &used), 0);
    assert_int_equal(put_old(txn, records, times, quick_key(1, 2), &ended), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

static void the_store_of_the_version_before_opens(void **state)
{
    make_old();
    /* it left the file longer than LMDB does by itself */
    assert_int_equal(truncate(in_dir(ATEN_STORE_FILE), 1 << 20), 0);
    open_store(BYTES);
    assert_true(value_of(quick_key(1, 1), NOW) == 0);
    assert_int_equal(add_one(quick_key(1, 1), LATER, NOW), APR_EEXIST);
    assert_int_equal(usage().records, 2);
    assert_int_equal(aten_store_lmdb_is_shared(store), 0);
    assert_int_equal(aten_store_lmdb_share(store, 1), APR_SUCCESS);
    assert_int_equal(add_one(quick_key(1, 2), LATER, NOW), APR_SUCCESS); /* its time had come */
    assert_int_equal(usage().records, 2);
    assert_int_equal(usage().outbox, 1);
    close_store();
    open_store(BYTES);
    assert_int_equal(aten_store_lmdb_is_shared(store), 1);
    assert_int_equal(usage().records, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(directories_are_judged),
        TEST(what_may_not_be_opened_is_said),
        TEST(meta_pages_are_judged),
        TEST(meta_pages_are_judged_together),
        TEST(other_files_are_refused),
        TEST(a_file_that_lost_its_end_is_refused),
        TEST(the_file_is_longer_than_its_pages),
        TEST(the_store_of_the_version_before_opens),
    };

    alarm(TIME_LIMIT);
    return cmocka_run_group_tests(tests, setup, teardown);
}
