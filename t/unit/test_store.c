#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lmdb.h>

#include "aten_store.h"
#include "aten_store_lmdb.h"

#define NOW apr_time_from_sec(1488322800)
#define LATER (NOW + apr_time_from_sec(3600))
#define READERS 64
#define BYTES ((apr_size_t)64 << 20)
#define PROCESSES 8
#define SAME_KEYS 200
#define TIME_LIMIT 300 /* seconds: a lock that nobody gives back must not stop the suite */

/* -- A directory for each test, one open store at a time -- */

static char *dir;
static apr_pool_t *open_pool;
static aten_store_t *store;

static int make_dir(void **state)
{
    const char *base = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm"; /* thousands of commits: not on a slow disk */

    dir = apr_pstrcat(pool, base, "/aten-store-XXXXXX", NULL);
    return mkdtemp(dir) ? 0 : -1;
}

static const char *in_dir(const char *name)
{
    return apr_pstrcat(pool, dir, "/", name, NULL);
}

static void close_store(void)
{
    if (open_pool) apr_pool_destroy(open_pool);
    open_pool = NULL;
    store = NULL;
}

static int remove_dir(void **state)
{
    close_store();
    unlink(in_dir(ATEN_STORE_FILE));
    rmdir(in_dir(ATEN_STORE_FILE));
    unlink(in_dir(ATEN_STORE_LOCK_FILE));
    return rmdir(dir);
}

static const char *try_open(apr_size_t bytes_max, unsigned int readers)
{
    const char *error;

    apr_pool_create(&open_pool, NULL);
    error = aten_store_lmdb_open(&store, dir, bytes_max, readers, open_pool);
    if (!error) return NULL;
    error = apr_pstrdup(pool, error);
    close_store();
    return error;
}

static void open_store(apr_size_t bytes_max)
{
    const char *error = try_open(bytes_max, READERS);

    if (error) fail_msg("%s", error);
}

static aten_store_key_t key_of(const char *kind, int number)
{
    const char *const parts[] = {apr_itoa(pool, number), NULL};
    aten_store_key_t key;

    assert_true(aten_store_key(&key, kind, parts));
    return key;
}

/* Without a hash, where thousands are made. */
static aten_store_key_t quick_key(unsigned int series, unsigned int number)
{
    aten_store_key_t key = {{0}};
    const unsigned int mixed = number * 2654435761u; /* spread over the tree, as hashes are */

    memcpy(key.bytes, &mixed, sizeof(mixed));
    memcpy(key.bytes + 4, &number, sizeof(number));
    memcpy(key.bytes + 8, &series, sizeof(series));
    return key;
}

static apr_status_t add(const aten_store_key_t *keys, int count, apr_time_t until, apr_time_t now)
{
    return store->add(store->baton, keys, count, until, now);
}

static apr_status_t add_one(aten_store_key_t key, apr_time_t until, apr_time_t now)
{
    return add(&key, 1, until, now);
}

static apr_status_t raise_to(aten_store_key_t key, apr_time_t value, apr_time_t until, apr_time_t now)
{
    return store->raise(store->baton, &key, value, until, now);
}

static apr_status_t get(aten_store_key_t key, apr_time_t *value, apr_time_t now)
{
    return store->get(store->baton, &key, value, now);
}

static aten_store_usage_t usage(void)
{
    aten_store_usage_t u = {0};

    assert_int_equal(aten_store_lmdb_usage(store, &u), APR_SUCCESS);
    return u;
}

/* -- Other processes -- */

static pid_t start(int (*work)(int arg), int arg)
{
    const pid_t pid = fork();

    assert_true(pid >= 0);
    if (!pid) {
        alarm(TIME_LIMIT);
        _exit(work(arg));
    }
    return pid;
}

/* @return its exit code; 128 and the signal's number if one ended it */
static int end_of(pid_t pid)
{
    int status = 0;

    while (waitpid(pid, &status, 0) < 0) assert_int_equal(errno, EINTR);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* -- Keys -- */

static void keys_tell_apart(void **state)
{
    static const struct {
        const char *kind;
        const char *parts[4];
        const char *why;
    } rows[] = {
        {"assertion", {"https://portal.example", "_1"}, "the first"},
        {"response", {"https://portal.example", "_1"}, "another kind"},
        {"assertion", {"https://portal.example", "_2"}, "another ID"},
        {"assertion", {"https://other.example", "_1"}, "the same ID of another portal"},
        {"assertion", {"https://portal.example_1"}, "one part that reads as the two"},
        {"assertion", {"https://portal.example_", "1"}, "the same letters, otherwise divided"},
        {"assertion", {"https://portal.example", "_1", ""}, "a part more"},
    };
    static const aten_store_key_t zeros;
    aten_store_key_t keys[COUNT(rows)], again;
    const char *const none[] = {NULL}, *many[] = {"1", "2", "3", "4", "5", "6", "7", "8", "9", NULL};
    int i, j;

    for (i = 0; i < COUNT(rows); i++) {
        assert_true(aten_store_key(&keys[i], rows[i].kind, rows[i].parts));
        assert_true(aten_store_key(&again, rows[i].kind, rows[i].parts));
        assert_memory_equal(&keys[i], &again, sizeof(again));
        for (j = 0; j < i; j++) {
            if (!memcmp(&keys[i], &keys[j], sizeof(again))) fail_msg("%s: as row %d", rows[i].why, j);
        }
    }
    assert_false(aten_store_key(&again, "login", none)); /* a missing name must not be everybody's */
    assert_memory_equal(&again, &zeros, sizeof(zeros));
    assert_false(aten_store_key(&again, "login", many));
    assert_memory_equal(&again, &zeros, sizeof(zeros));
    many[8] = NULL;
    assert_true(aten_store_key(&again, "login", many));
}

/* -- Add and get -- */

static void a_key_is_won_once(void **state)
{
    aten_store_key_t a = key_of("login", 1);
    apr_time_t value = 7;

    open_store(BYTES);
    assert_int_equal(get(a, &value, NOW), APR_NOTFOUND);
    assert_true(value == 7);
    assert_int_equal(add_one(a, LATER, NOW), APR_SUCCESS);
    assert_int_equal(add_one(a, LATER, NOW), APR_EEXIST);
    assert_int_equal(get(a, &value, NOW), APR_SUCCESS);
    assert_true(value == 0);
    assert_int_equal(get(key_of("login", 2), &value, NOW), APR_NOTFOUND);
    assert_int_equal(get(key_of("assertion", 1), &value, NOW), APR_NOTFOUND);
}

static void all_keys_or_none(void **state)
{
    const aten_store_key_t a = key_of("x", 1), b = key_of("x", 2), c = key_of("x", 3), d = key_of("x", 4);
    const aten_store_key_t ab[] = {a, b}, cb[] = {c, b}, bd[] = {b, d}, cd[] = {c, d};
    apr_time_t value;

    open_store(BYTES);
    assert_int_equal(add(ab, 2, LATER, NOW), APR_SUCCESS);
    assert_int_equal(add_one(a, LATER, NOW), APR_EEXIST);
    assert_int_equal(add_one(b, LATER, NOW), APR_EEXIST);
    assert_int_equal(add(cb, 2, LATER, NOW), APR_EEXIST);
    assert_int_equal(get(c, &value, NOW), APR_NOTFOUND);
    assert_int_equal(add(bd, 2, LATER, NOW), APR_EEXIST);
    assert_int_equal(get(d, &value, NOW), APR_NOTFOUND);
    assert_int_equal(add(cd, 2, LATER, NOW), APR_SUCCESS);
    assert_int_equal(usage().records, 4);
}

static void a_record_ends_in_time(void **state)
{
    const aten_store_key_t a = key_of("x", 1);
    apr_time_t value;

    open_store(BYTES);
    assert_int_equal(add_one(a, LATER, NOW), APR_SUCCESS);
    assert_int_equal(get(a, &value, LATER - 1), APR_SUCCESS);
    assert_int_equal(add_one(a, LATER + 1, LATER - 1), APR_EEXIST);
    assert_int_equal(get(a, &value, LATER), APR_NOTFOUND); /* not swept, and absent all the same */
    assert_int_equal(usage().records, 1);
    assert_int_equal(add_one(a, LATER + 100, LATER), APR_SUCCESS);
    assert_int_equal(usage().records, 1);
    assert_int_equal(add_one(a, LATER + 200, LATER + 99), APR_EEXIST);
    assert_int_equal(get(a, &value, LATER + 99), APR_SUCCESS);
    assert_int_equal(get(a, &value, LATER + 100), APR_NOTFOUND);
}

/* The second life of a key is not ended by the sweep of its first. */
static void a_record_that_came_again_is_not_swept_too_early(void **state)
{
    const aten_store_key_t a = key_of("x", 1);
    apr_time_t value;
    int i;

    open_store(BYTES);
    for (i = 0; i < 2 * ATEN_STORE_SWEEP; i++) assert_int_equal(add_one(key_of("old", i), NOW + 10, NOW), APR_SUCCESS);
    assert_int_equal(add_one(a, NOW + 11, NOW), APR_SUCCESS);
    assert_int_equal(add_one(a, LATER, NOW + 20), APR_SUCCESS); /* this write sweeps older ones first */
    assert_int_equal(raise_to(a, 5, LATER + 10, NOW + 20), APR_SUCCESS);
    for (i = 0; i < 4; i++) assert_int_equal(add_one(key_of("new", i), LATER, NOW + 20), APR_SUCCESS);
    assert_int_equal(get(a, &value, LATER), APR_SUCCESS);
    assert_true(value == 5);
    assert_int_equal(usage().records, 5);
}

static void odd_calls_are_refused(void **state)
{
    const aten_store_key_t a = key_of("x", 1);
    apr_time_t value;

    open_store(BYTES);
    assert_int_equal(add(&a, 0, LATER, NOW), APR_EINVAL);
    assert_int_equal(add(&a, -1, LATER, NOW), APR_EINVAL);
    assert_int_equal(add_one(a, NOW, NOW), APR_EINVAL); /* would be absent at once, and be won again */
    assert_int_equal(add_one(a, NOW - 1, NOW), APR_EINVAL);
    assert_int_equal(add_one(a, LATER, -1), APR_EINVAL);
    assert_int_equal(raise_to(a, 1, -1, NOW), APR_EINVAL);
    assert_int_equal(raise_to(a, 1, LATER, -1), APR_EINVAL);
    assert_int_equal(get(a, &value, NOW), APR_NOTFOUND);
}

/* -- Raise -- */

static void marks_are_only_raised(void **state)
{
    /* Two writers, then what stands. */
    static const struct {
        apr_time_t value[2], until[2];
        apr_time_t want_value, want_until;
        const char *why;
    } rows[] = {
        {{10, 20}, {100, 200}, 20, 200, "both later"},
        {{20, 10}, {200, 100}, 20, 200, "the same out of order"},
        {{10, 20}, {200, 100}, 20, 200, "a later mark with an earlier end"},
        {{20, 10}, {100, 200}, 20, 200, "an earlier mark with a later end"},
        {{10, 10}, {100, 100}, 10, 100, "the same twice"},
        {{10, 30}, {100, 0}, 30, 100, "one whose end has passed cannot shorten, and its mark counts"},
        {{-5, -9}, {100, 100}, -5, 100, "before the epoch"},
    };
    apr_time_t value;
    int i;

    open_store(BYTES);
    for (i = 0; i < COUNT(rows); i++) {
        const aten_store_key_t key = key_of("mark", i);

        assert_int_equal(raise_to(key, rows[i].value[0], NOW + rows[i].until[0], NOW), APR_SUCCESS);
        assert_int_equal(raise_to(key, rows[i].value[1], NOW + rows[i].until[1], NOW), APR_SUCCESS);
        if (get(key, &value, NOW + rows[i].want_until - 1) != APR_SUCCESS) fail_msg("%s: ended early", rows[i].why);
        if (value != rows[i].want_value) fail_msg("%s: %d", rows[i].why, (int)value);
        if (get(key, &value, NOW + rows[i].want_until) != APR_NOTFOUND) fail_msg("%s: ended late", rows[i].why);
    }
    assert_int_equal(usage().records, COUNT(rows));
}

static void a_mark_that_ended_is_absent(void **state)
{
    const aten_store_key_t a = key_of("mark", 1), b = key_of("mark", 2), c = key_of("x", 3);
    apr_time_t value;

    open_store(BYTES);
    assert_int_equal(raise_to(a, 10, NOW, NOW), APR_SUCCESS); /* nothing to remember */
    assert_int_equal(usage().records, 0);
    assert_int_equal(raise_to(b, 10, NOW + 5, NOW), APR_SUCCESS);
    assert_int_equal(raise_to(b, 4, NOW + 20, NOW + 5), APR_SUCCESS); /* the old one had ended */
    assert_int_equal(get(b, &value, NOW + 5), APR_SUCCESS);
    assert_true(value == 4);
    assert_int_equal(add_one(b, LATER, NOW + 5), APR_EEXIST);
    assert_int_equal(add_one(c, NOW + 50, NOW), APR_SUCCESS);
    assert_int_equal(raise_to(c, 3, NOW + 40, NOW), APR_SUCCESS);
    assert_int_equal(get(c, &value, NOW + 49), APR_SUCCESS);
    assert_true(value == 3);
}

/* -- Sweeping -- */

static void a_write_sweeps_a_few_the_oldest_first(void **state)
{
    apr_time_t value;
    int i, left = 100;

    open_store(BYTES);
    for (i = 0; i < 100; i++) assert_int_equal(add_one(key_of("x", i), NOW + 200 - i, NOW), APR_SUCCESS);
    assert_int_equal(usage().records, 100); /* nothing had expired */
    assert_int_equal(add_one(key_of("y", 0), LATER, NOW + 1000), APR_SUCCESS);
    left -= ATEN_STORE_SWEEP;
    assert_int_equal(usage().records, left + 1);
    for (i = 0; i < 100; i++) { /* looked at from before their end: the last of the hundred ended first */
        assert_int_equal(get(key_of("x", i), &value, NOW), i < left ? APR_SUCCESS : APR_NOTFOUND);
    }
    assert_int_equal(raise_to(key_of("y", 1), 1, LATER, NOW + 1000), APR_SUCCESS);
    left -= ATEN_STORE_SWEEP;
    assert_int_equal(usage().records, left + 2);
    assert_int_equal(add_one(key_of("y", 0), LATER, NOW + 1000), APR_EEXIST);
    for (i = 2; i < 10; i++) assert_int_equal(add_one(key_of("y", i), LATER, NOW + 1000), APR_SUCCESS);
    assert_int_equal(usage().records, 10);
}

static void short_lived_records_take_no_room(void **state)
{
    apr_size_t most = 0;
    struct stat file;
    unsigned int i;

    open_store(BYTES);
    for (i = 0; i < 10000; i++) {
        const aten_store_key_t two[] = {quick_key(1, i), quick_key(2, i)};
        const apr_time_t now = NOW + i * 1000;

        if (add(two, 2, now + 300 * 1000, now) != APR_SUCCESS) fail_msg("%u", i);
        if (i % 500 == 0 && usage().records > most) most = usage().records;
    }
    assert_true(most > 300 && most <= 2 * 301);
    assert_int_equal(stat(in_dir(ATEN_STORE_FILE), &file), 0);
    assert_true(file.st_size < 4 << 20);
    assert_true(usage().bytes_used < 1 << 19);
}

/* -- A full store -- */

static unsigned int fill(unsigned int series, apr_time_t now, apr_time_t until)
{
    unsigned int i;
    apr_status_t rv = APR_SUCCESS;

    for (i = 0; i < 200000; i++) {
        rv = add_one(quick_key(series, i), until, now);
        if (rv != APR_SUCCESS) break;
    }
    assert_int_equal(rv, APR_ENOSPC);
    return i;
}

static void a_full_store_says_so_and_recovers(void **state)
{
    struct stat file;
    apr_time_t value;
    unsigned int first = 0, count, round, tries;

    open_store(1); /* the least there is */
    assert_int_equal(usage().bytes_max, ATEN_STORE_BYTES_MIN);
    for (round = 0; round < 4; round++) {
        const apr_time_t now = NOW + round * 1000, until = now + 500;

        for (tries = 0; add_one(quick_key(99, round), LATER, now) != APR_SUCCESS; tries++) assert_true(tries < 2000);
        count = fill(round, now, until);
        if (!round) first = count;
        assert_true(count > 10000 && count > first / 2);
        assert_int_equal(stat(in_dir(ATEN_STORE_FILE), &file), 0);
        assert_true((apr_size_t)file.st_size <= ATEN_STORE_BYTES_MIN);
        assert_int_equal(get(quick_key(round, count / 2), &value, now), APR_SUCCESS);
        assert_int_equal(get(quick_key(round, count), &value, now), APR_NOTFOUND);
        assert_int_equal(add_one(quick_key(round, 0), until, now), APR_EEXIST); /* full or not: used is used */
        assert_int_equal(raise_to(quick_key(98, round), 1, until, now), APR_ENOSPC);
        close_store();
        open_store(1);
        assert_int_equal(add_one(quick_key(97, round), until, now), APR_ENOSPC);
    }
    for (round = 0; round < 4; round++) assert_int_equal(get(quick_key(99, round), &value, NOW), APR_SUCCESS);
}

/* -- Several processes, and the same one again -- */

static void it_remembers_after_everything_was_closed(void **state)
{
    const aten_store_key_t a = key_of("x", 1), b = key_of("mark", 2);
    struct stat file;
    apr_time_t value;

    open_store(BYTES);
    assert_int_equal(add_one(a, LATER, NOW), APR_SUCCESS);
    assert_int_equal(raise_to(b, 42, LATER, NOW), APR_SUCCESS);
    close_store();
    open_store(BYTES);
    assert_int_equal(add_one(a, LATER, NOW), APR_EEXIST);
    assert_int_equal(get(b, &value, NOW), APR_SUCCESS);
    assert_true(value == 42);
    assert_int_equal(stat(in_dir(ATEN_STORE_FILE), &file), 0);
    assert_int_equal(file.st_mode & 0777, 0600);
    assert_int_equal(stat(in_dir(ATEN_STORE_LOCK_FILE), &file), 0);
    assert_int_equal(file.st_mode & 0777, 0600);
}

static int pipe_ends[2];

/* Adds the same keys as everybody, from another one on, and tells which it won. */
static int add_the_same(int process)
{
    int i;

    if (try_open(BYTES, READERS)) return 1;
    for (i = 0; i < SAME_KEYS; i++) {
        const unsigned char number = (unsigned char)((i + process * 25) % SAME_KEYS);
        const aten_store_key_t two[] = {quick_key(1, number), quick_key(2, number)};
        const apr_status_t rv = add(two, 2, LATER, NOW);

        if (rv == APR_SUCCESS && write(pipe_ends[1], &number, 1) != 1) return 2;
        if (rv != APR_SUCCESS && rv != APR_EEXIST) return 3;
    }
    close_store();
    return 0;
}

static void each_key_is_won_by_one_process(void **state)
{
    int won[SAME_KEYS] = {0};
    pid_t pids[PROCESSES];
    unsigned char number;
    int i;

    assert_int_equal(pipe(pipe_ends), 0); /* nobody has the store open: they make it all at once */
    for (i = 0; i < PROCESSES; i++) pids[i] = start(add_the_same, i);
    close(pipe_ends[1]);
    while (read(pipe_ends[0], &number, 1) == 1) won[number]++;
    close(pipe_ends[0]);
    for (i = 0; i < PROCESSES; i++) assert_int_equal(end_of(pids[i]), 0);
    for (i = 0; i < SAME_KEYS; i++) {
        if (won[i] != 1) fail_msg("key %d was won %d times", i, won[i]);
    }
}

static int write_for_ever(int series)
{
    unsigned int i;

    if (try_open(BYTES, READERS)) return 1;
    for (i = 0;; i++) {
        const aten_store_key_t two[] = {quick_key((unsigned int)series, i), quick_key((unsigned int)series + 1000, i)};

        if (add(two, 2, LATER, NOW) != APR_SUCCESS) return 2;
        if (write(pipe_ends[1], "", 1) != 1) return 3;
    }
}

/* Also one that dies with the lock in its hands, and while others have the store open. */
static void a_killed_writer_stops_nobody(void **state)
{
    int round, others_are_there;
    unsigned int i, told;
    char byte;
    pid_t pid;

    for (round = 0; round < 40; round++) {
        others_are_there = round % 4 != 3;
        if (others_are_there && !store) open_store(BYTES);
        if (!others_are_there) close_store();
        assert_int_equal(pipe(pipe_ends), 0);
        pid = start(write_for_ever, round);
        close(pipe_ends[1]);
        for (told = 0; told < 20u + (unsigned int)round * 3; told++) assert_int_equal(read(pipe_ends[0], &byte, 1), 1);
        kill(pid, SIGKILL);
        assert_int_equal(end_of(pid), 128 + SIGKILL);
        while (read(pipe_ends[0], &byte, 1) == 1) told++;
        close(pipe_ends[0]);

        if (!store) open_store(BYTES);
        assert_int_equal(add_one(quick_key(5000, (unsigned int)round), LATER, NOW), APR_SUCCESS);
        for (i = 0; i < told + 2; i++) { /* what it was told is there; the last one whole or not at all */
            apr_time_t value;
            const apr_status_t one = get(quick_key((unsigned int)round, i), &value, NOW);

            assert_int_equal(get(quick_key((unsigned int)round + 1000, i), &value, NOW), one);
            if (i < told) assert_int_equal(one, APR_SUCCESS);
            if (i > told) assert_int_equal(one, APR_NOTFOUND);
        }
    }
}

/* Has the one lock of all writers when it is killed, and half of a change. */
static int hold_the_lock(int arg)
{
    MDB_val key = {1, "k"}, value = {1, "v"};
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;

    if (mdb_env_create(&env) || mdb_env_set_maxdbs(env, 2) || mdb_env_open(env, dir, MDB_NOTLS, 0600)) return 1;
    if (mdb_txn_begin(env, NULL, 0, &txn) || mdb_dbi_open(txn, "half", MDB_CREATE, &dbi)) return 2;
    if (mdb_put(txn, dbi, &key, &value, 0) || write(pipe_ends[1], "", 1) != 1) return 3;
    for (;;) pause();
}

static void a_lock_is_taken_from_the_dead(void **state)
{
    apr_time_t value;
    char byte;
    pid_t pid;

    open_store(BYTES);
    assert_int_equal(add_one(quick_key(1, 1), LATER, NOW), APR_SUCCESS);
    assert_int_equal(pipe(pipe_ends), 0);
    pid = start(hold_the_lock, 0);
    assert_int_equal(read(pipe_ends[0], &byte, 1), 1);
    assert_int_equal(get(quick_key(1, 1), &value, NOW), APR_SUCCESS); /* a writer stops no reader */
    kill(pid, SIGKILL);
    assert_int_equal(end_of(pid), 128 + SIGKILL);
    assert_int_equal(add_one(quick_key(1, 2), LATER, NOW), APR_SUCCESS);
    assert_int_equal(add_one(quick_key(1, 1), LATER, NOW), APR_EEXIST);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
}

static int count_descriptors(void)
{
    DIR *fds = opendir("/proc/self/fd");
    int count = 0;

    while (fds && readdir(fds)) count++;
    if (fds) closedir(fds);
    return count;
}

static int use_what_the_parent_opened(int arg)
{
    const aten_store_key_t key = quick_key(2, 2);
    aten_store_usage_t u;
    apr_time_t value;
    int before;

    if (add_one(key, LATER, NOW) != APR_EPROC_UNKNOWN) return 1;
    if (raise_to(key, 1, LATER, NOW) != APR_EPROC_UNKNOWN) return 2;
    if (get(key, &value, NOW) != APR_EPROC_UNKNOWN) return 3;
    if (aten_store_lmdb_usage(store, &u) != APR_EPROC_UNKNOWN) return 4;
    if (aten_store_lmdb_clear_dead(store)) return 5;
    before = count_descriptors();
    close_store();
    return before == count_descriptors() ? 0 : 6;
}

static void an_environment_is_not_used_across_a_fork(void **state)
{
    const aten_store_key_t key = quick_key(2, 2);
    apr_time_t value;

    open_store(BYTES);
    assert_int_equal(get(key, &value, NOW), APR_NOTFOUND); /* this process stands in the table of readers */
    assert_int_equal(end_of(start(use_what_the_parent_opened, 0)), 0);
    assert_int_equal(get(key, &value, NOW), APR_NOTFOUND);
    assert_int_equal(add_one(key, LATER, NOW), APR_SUCCESS);
    assert_int_equal(get(key, &value, NOW), APR_SUCCESS);
}

static void nothing_is_left_open_for_other_programs(void **state)
{
    struct stat files[2], open_file;
    int fd, found = 0;

    open_store(BYTES);
    assert_int_equal(stat(in_dir(ATEN_STORE_FILE), &files[0]), 0);
    assert_int_equal(stat(in_dir(ATEN_STORE_LOCK_FILE), &files[1]), 0);
    for (fd = 0; fd < 256; fd++) {
        if (fstat(fd, &open_file) != 0 || open_file.st_dev != files[0].st_dev) continue;
        if (open_file.st_ino != files[0].st_ino && open_file.st_ino != files[1].st_ino) continue;
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        found++;
    }
    assert_true(found >= 2);
}

/* Holds a reader slot until it is killed, as our own reads never do for long. */
static int hold_a_slot(int arg)
{
    MDB_env *env;
    MDB_txn *txn;

    if (mdb_env_create(&env) || mdb_env_open(env, dir, MDB_NOTLS, 0600)) return 1;
    if (mdb_txn_begin(env, NULL, MDB_RDONLY, &txn)) return 2;
    if (write(pipe_ends[1], "", 1) != 1) return 3;
    for (;;) pause();
}

static void slots_of_dead_readers_are_cleared(void **state)
{
    const char *error = try_open(BYTES, 1); /* one slot */
    aten_store_usage_t u;
    apr_time_t value;
    char byte;
    pid_t pid;

    if (error) fail_msg("%s", error);
    assert_int_equal(pipe(pipe_ends), 0);
    pid = start(hold_a_slot, 0);
    assert_int_equal(read(pipe_ends[0], &byte, 1), 1);
    assert_int_equal(aten_store_lmdb_clear_dead(store), 0);
    assert_int_equal(get(quick_key(1, 1), &value, NOW), APR_EAGAIN);
    assert_int_equal(aten_store_lmdb_usage(store, &u), APR_EAGAIN);
    assert_int_equal(add_one(quick_key(1, 1), LATER, NOW), APR_SUCCESS); /* a reader stops no writer */
    kill(pid, SIGKILL);
    assert_int_equal(end_of(pid), 128 + SIGKILL);
    assert_int_equal(get(quick_key(1, 1), &value, NOW), APR_SUCCESS); /* cleared when no slot was free */

    pid = start(hold_a_slot, 0);
    assert_int_equal(read(pipe_ends[0], &byte, 1), 1);
    kill(pid, SIGKILL);
    assert_int_equal(end_of(pid), 128 + SIGKILL);
    assert_int_equal(aten_store_lmdb_clear_dead(store), 1);
    assert_int_equal(aten_store_lmdb_clear_dead(store), 0);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
}

/* -- Threads -- */

typedef struct {
    pthread_t thread;
    unsigned int number;
    int won[SAME_KEYS];
    int errors;
} adder_t;

static void *add_in_thread(void *data)
{
    adder_t *me = data;
    apr_time_t value;
    unsigned int i;

    for (i = 0; i < SAME_KEYS; i++) {
        const unsigned int number = (i + me->number * 25) % SAME_KEYS;
        const aten_store_key_t key = quick_key(1, number), mark = quick_key(2, 0);
        const apr_status_t rv = store->add(store->baton, &key, 1, LATER, NOW);

        if (rv == APR_SUCCESS) me->won[number]++;
        else if (rv != APR_EEXIST) me->errors++;
        if (store->get(store->baton, &key, &value, NOW) != APR_SUCCESS) me->errors++;
        if (store->raise(store->baton, &mark, i * 8 + me->number, LATER, NOW) != APR_SUCCESS) me->errors++;
    }
    return NULL;
}

static void each_key_is_won_by_one_thread(void **state)
{
    adder_t adders[PROCESSES];
    apr_time_t value;
    int i, j, won;

    open_store(BYTES);
    memset(adders, 0, sizeof(adders));
    for (i = 0; i < PROCESSES; i++) {
        adders[i].number = (unsigned int)i;
        assert_int_equal(pthread_create(&adders[i].thread, NULL, add_in_thread, &adders[i]), 0);
    }
    for (i = 0; i < PROCESSES; i++) {
        pthread_join(adders[i].thread, NULL);
        assert_int_equal(adders[i].errors, 0);
    }
    for (j = 0; j < SAME_KEYS; j++) {
        for (won = i = 0; i < PROCESSES; i++) won += adders[i].won[j];
        if (won != 1) fail_msg("key %d was won %d times", j, won);
    }
    assert_int_equal(get(quick_key(2, 0), &value, NOW), APR_SUCCESS);
    assert_true(value == (SAME_KEYS - 1) * 8 + PROCESSES - 1);
}

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

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_tell_apart),
        TEST(a_key_is_won_once),
        TEST(all_keys_or_none),
        TEST(a_record_ends_in_time),
        TEST(a_record_that_came_again_is_not_swept_too_early),
        TEST(odd_calls_are_refused),
        TEST(marks_are_only_raised),
        TEST(a_mark_that_ended_is_absent),
        TEST(a_write_sweeps_a_few_the_oldest_first),
        TEST(short_lived_records_take_no_room),
        TEST(a_full_store_says_so_and_recovers),
        TEST(it_remembers_after_everything_was_closed),
        TEST(each_key_is_won_by_one_process),
        TEST(a_killed_writer_stops_nobody),
        TEST(a_lock_is_taken_from_the_dead),
        TEST(an_environment_is_not_used_across_a_fork),
        TEST(nothing_is_left_open_for_other_programs),
        TEST(slots_of_dead_readers_are_cleared),
        TEST(each_key_is_won_by_one_thread),
        TEST(directories_are_judged),
        TEST(what_may_not_be_opened_is_said),
        TEST(meta_pages_are_judged),
        TEST(meta_pages_are_judged_together),
        TEST(other_files_are_refused),
        TEST(a_file_that_lost_its_end_is_refused),
        TEST(the_file_is_longer_than_its_pages),
    };

    alarm(TIME_LIMIT);
    return cmocka_run_group_tests(tests, setup, teardown);
}
