/* What the tests of the store share: a directory for each test, one open store at a time, other processes. */
#ifndef ATEN_UNIT_STORE_H
#define ATEN_UNIT_STORE_H

#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aten_store.h"
#include "aten_store_lmdb.h"

#define NOW apr_time_from_sec(1488322800)
#define LATER (NOW + apr_time_from_sec(3600))
#define READERS 64
#define BYTES ((apr_size_t)64 << 20)
#define TIME_LIMIT 300 /* seconds: a lock that nobody gives back must not stop the suite */

static char *dir;
static apr_pool_t *open_pool;
static aten_store_t *store;

static inline int make_dir(void **state)
{
    const char *base = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm"; /* thousands of commits: not on a slow disk */

    (void)state;
    dir = apr_pstrcat(pool, base, "/aten-store-XXXXXX", NULL);
    return mkdtemp(dir) ? 0 : -1;
}

static inline const char *in_dir(const char *name)
{
    return apr_pstrcat(pool, dir, "/", name, NULL);
}

static inline void close_store(void)
{
    if (open_pool) apr_pool_destroy(open_pool);
    open_pool = NULL;
    store = NULL;
}

static inline int remove_dir(void **state)
{
    (void)state;
    close_store();
    unlink(in_dir(ATEN_STORE_FILE));
    rmdir(in_dir(ATEN_STORE_FILE));
    unlink(in_dir(ATEN_STORE_LOCK_FILE));
    return rmdir(dir);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)

static inline const char *try_open(apr_size_t bytes_max, unsigned int readers)
{
    const char *error;

    apr_pool_create(&open_pool, NULL);
    error = aten_store_lmdb_open(&store, dir, bytes_max, readers, open_pool);
    if (!error) return NULL;
    error = apr_pstrdup(pool, error);
    close_store();
    return error;
}

static inline void open_store(apr_size_t bytes_max)
{
    const char *error = try_open(bytes_max, READERS);

    if (error) fail_msg("%s", error);
}

/* -- Records -- */

static inline aten_store_key_t key_of(const char *kind, int number)
{
    const char *const parts[] = {apr_itoa(pool, number), NULL};
    aten_store_key_t key;

    assert_true(aten_store_key(&key, kind, parts));
    return key;
}

/* Without a hash, where thousands are made. */
static inline aten_store_key_t quick_key(unsigned int series, unsigned int number)
{
    aten_store_key_t key = {{0}};
    const unsigned int mixed = number * 2654435761u; /* spread over the tree, as hashes are */

    memcpy(key.bytes, &mixed, sizeof(mixed));
    memcpy(key.bytes + 4, &number, sizeof(number));
    memcpy(key.bytes + 8, &series, sizeof(series));
    return key;
}

static inline aten_store_write_t set_of(aten_store_key_t key, apr_time_t until)
{
    return (aten_store_write_t){key, 0, until, 0, 0};
}

static inline aten_store_write_t raise_of(aten_store_key_t key, apr_time_t value, apr_time_t until)
{
    return (aten_store_write_t){key, value, until, 1, 0};
}

static inline aten_store_write_t quietly(aten_store_write_t write)
{
    write.quiet = 1;
    return write;
}

static inline apr_status_t put(const aten_store_write_t *writes, int count, apr_time_t now)
{
    return store->write(store->baton, writes, count, now);
}

static inline apr_status_t put_one(aten_store_write_t write, apr_time_t now)
{
    return put(&write, 1, now);
}

static inline apr_status_t add_one(aten_store_key_t key, apr_time_t until, apr_time_t now)
{
    return put_one(set_of(key, until), now);
}

static inline apr_status_t add_two(aten_store_key_t a, aten_store_key_t b, apr_time_t until, apr_time_t now)
{
    const aten_store_write_t two[] = {set_of(a, until), set_of(b, until)};

    return put(two, 2, now);
}

static inline apr_status_t raise_to(aten_store_key_t key, apr_time_t value, apr_time_t until, apr_time_t now)
{
    return put_one(raise_of(key, value, until), now);
}

/* @return the value, ATEN_STORE_ABSENT, or -2 with whatever error */
static inline apr_time_t value_of(aten_store_key_t key, apr_time_t now)
{
    apr_time_t value;

    return store->read(store->baton, &key, 1, &value, now) == APR_SUCCESS ? value : -2;
}

static inline apr_status_t get(aten_store_key_t key, apr_time_t *value, apr_time_t now)
{
    apr_time_t found;
    const apr_status_t rv = store->read(store->baton, &key, 1, &found, now);

    if (rv != APR_SUCCESS) return rv;
    if (found == ATEN_STORE_ABSENT) return APR_NOTFOUND;
    *value = found;
    return APR_SUCCESS;
}

static inline apr_uint64_t version(void)
{
    return store->version(store->baton);
}

static inline aten_store_usage_t usage(void)
{
    aten_store_usage_t u = {0};

    assert_int_equal(aten_store_lmdb_usage(store, &u), APR_SUCCESS);
    return u;
}

/* -- Other processes -- */

static inline pid_t start(int (*work)(int arg), int arg)
{
    const pid_t pid = fork();

    assert_true(pid >= 0);
    if (!pid) {
        alarm(TIME_LIMIT);
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* where the test fails before it ends this one */
        _exit(work(arg));
    }
    return pid;
}

/* @return its exit code; 128 and the signal's number if one ended it */
static inline int end_of(pid_t pid)
{
    int status = 0;

    while (waitpid(pid, &status, 0) < 0) assert_int_equal(errno, EINTR);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#endif
