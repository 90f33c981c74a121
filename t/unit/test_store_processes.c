/* The store used by several processes and threads. */
#include "store.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "aten_store_lmdb_private.h"

#define PROCESSES 8
#define SAME_KEYS 200

static int pipe_ends[2];

/* -- Several processes, and the same one again -- */

static void it_remembers_after_everything_was_closed(void **state)
{
    const aten_store_key_t a = key_of("x", 1), b = key_of("mark", 2);
    struct stat file;

    open_store(BYTES);
    assert_int_equal(add_one(a, LATER, NOW), APR_SUCCESS);
    assert_int_equal(raise_to(b, 42, LATER, NOW), APR_SUCCESS);
    close_store();
    open_store(BYTES);
    assert_int_equal(add_one(a, LATER, NOW), APR_EEXIST);
    assert_true(value_of(b, NOW) == 42);
    assert_int_equal(stat(in_dir(ATEN_STORE_FILE), &file), 0);
    assert_int_equal(file.st_mode & 0777, 0600);
    assert_int_equal(stat(in_dir(ATEN_STORE_LOCK_FILE), &file), 0);
    assert_int_equal(file.st_mode & 0777, 0600);
}

/* Adds the same keys as everybody, from another one on, and tells which it won. */
static int add_the_same(int process)
{
    int i;

    if (try_open(BYTES, READERS)) return 1;
    for (i = 0; i < SAME_KEYS; i++) {
        const unsigned char number = (unsigned char)((i + process * 25) % SAME_KEYS);
        const apr_status_t rv = add_two(quick_key(1, number), quick_key(2, number), LATER, NOW);

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
        const aten_store_key_t a = quick_key((unsigned int)series, i), b = quick_key((unsigned int)series + 1000, i);

        if (add_two(a, b, LATER, NOW) != APR_SUCCESS) return 2;
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
    char byte;
    pid_t pid;

    open_store(BYTES);
    assert_int_equal(add_one(quick_key(1, 1), LATER, NOW), APR_SUCCESS);
    assert_int_equal(pipe(pipe_ends), 0);
    pid = start(hold_the_lock, 0);
    assert_int_equal(read(pipe_ends[0], &byte, 1), 1);
    assert_true(value_of(quick_key(1, 1), NOW) == 0); /* a writer stops no reader */
    kill(pid, SIGKILL);
    assert_int_equal(end_of(pid), 128 + SIGKILL);
    assert_int_equal(add_one(quick_key(1, 2), LATER, NOW), APR_SUCCESS);
    assert_int_equal(add_one(quick_key(1, 1), LATER, NOW), APR_EEXIST);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
}


/* -- Forks, and programs that are started -- */

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
    char text[ATEN_STORE_NOTE_BYTES_MAX + 1];
    aten_store_write_t letter;
    aten_store_usage_t u;
    apr_uint64_t last;
    apr_time_t value;
    int before, count;

    if (add_one(key, LATER, NOW) != APR_EPROC_UNKNOWN) return 1;
    if (raise_to(key, 1, LATER, NOW) != APR_EPROC_UNKNOWN) return 2;
    if (get(key, &value, NOW) != APR_EPROC_UNKNOWN) return 3;
    if (store->find(store->baton, &key, &value, NOW) != APR_EPROC_UNKNOWN) return 4;
    if (version()) return 5;
    if (aten_store_lmdb_usage(store, &u) != APR_EPROC_UNKNOWN) return 6;
    if (aten_store_lmdb_clear_dead(store)) return 7;
    if (aten_store_lmdb_sweep(store, 10, NULL, LATER) != APR_EPROC_UNKNOWN) return 8;
    if (aten_store_lmdb_share(store, 1) != APR_EPROC_UNKNOWN || aten_store_lmdb_is_shared(store) != -1) return 9;
    if (aten_store_lmdb_outbox(store, &letter, 1, &count, &last) != APR_EPROC_UNKNOWN) return 10;
    if (aten_store_lmdb_delivered(store, 1) != APR_EPROC_UNKNOWN) return 11;
    if (aten_store_lmdb_apply(store, NULL, 0, "a", "b", NOW) != APR_EPROC_UNKNOWN) return 12;
    if (aten_store_lmdb_note(store, "a", "b") != APR_EPROC_UNKNOWN) return 13;
    if (aten_store_lmdb_noted(store, "a", text) != APR_EPROC_UNKNOWN) return 14;
    if (aten_store_lmdb_walk(store, NULL, &letter, 1, &count, NOW) != APR_EPROC_UNKNOWN) return 15;
    before = count_descriptors();
    close_store();
    return before == count_descriptors() ? 0 : 16;
}

static void an_environment_is_not_used_across_a_fork(void **state)
{
    const aten_store_key_t key = quick_key(2, 2);

    open_store(BYTES);
    assert_true(value_of(key, NOW) == ATEN_STORE_ABSENT); /* this process stands in the table of readers */
    assert_int_equal(end_of(start(use_what_the_parent_opened, 0)), 0);
    assert_true(value_of(key, NOW) == ATEN_STORE_ABSENT);
    assert_int_equal(add_one(key, LATER, NOW), APR_SUCCESS);
    assert_true(value_of(key, NOW) == 0);
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

/* -- Reader slots -- */

/* Reads until it is killed, as our own reads never do for long. */
static int hold_a_slot(int arg)
{
    MDB_env *env;
    MDB_txn *txn;

    if (mdb_env_create(&env) || mdb_env_open(env, dir, MDB_NOTLS, 0600)) return 1;
    if (mdb_txn_begin(env, NULL, MDB_RDONLY, &txn)) return 2;
    if (write(pipe_ends[1], "", 1) != 1) return 3;
    for (;;) pause();
}

static pid_t start_holding(void)
{
    char byte;
    pid_t pid;

    assert_int_equal(pipe(pipe_ends), 0);
    pid = start(hold_a_slot, 0);
    close(pipe_ends[1]);
    assert_int_equal(read(pipe_ends[0], &byte, 1), 1);
    close(pipe_ends[0]);
    return pid;
}

static void end_holding(pid_t pid)
{
    kill(pid, SIGKILL);
    assert_int_equal(end_of(pid), 128 + SIGKILL);
}

static void slots_of_dead_readers_are_cleared(void **state)
{
    const char *error = try_open(BYTES, 1); /* one slot */
    aten_store_usage_t u;
    apr_time_t value;
    pid_t pid;

    if (error) fail_msg("%s", error);
    pid = start_holding();
    assert_int_equal(aten_store_lmdb_clear_dead(store), 0);
    assert_int_equal(get(quick_key(1, 1), &value, NOW), APR_EAGAIN);
    assert_int_equal(aten_store_lmdb_usage(store, &u), APR_EAGAIN);
    assert_true(version() == 0);
    assert_int_equal(add_one(quick_key(1, 1), LATER, NOW), APR_SUCCESS); /* a reader stops no writer */
    end_holding(pid);
    assert_true(value_of(quick_key(1, 1), NOW) == 0); /* cleared when no slot was free */
    assert_int_equal(usage().readers, 1);
    assert_int_equal(usage().readers_max, 1);
    close_store();

    open_store(BYTES);
    pid = start_holding();
    assert_int_equal(usage().readers, 2);
    assert_int_equal(usage().readers_max, READERS);
    end_holding(pid);
    assert_int_equal(aten_store_lmdb_clear_dead(store), 1);
    assert_int_equal(aten_store_lmdb_clear_dead(store), 0);
    assert_int_equal(usage().readers, 1);
}

static int open_only(int arg)
{
    return try_open(BYTES, READERS) != NULL;
}

static void a_store_opens_where_no_slot_is_free(void **state)
{
    const char *error = try_open(BYTES, 1);
    pid_t pid;

    if (error) fail_msg("%s", error);
    pid = start_holding();
    assert_int_equal(end_of(start(open_only, 0)), 0);
    end_holding(pid);
    assert_true(value_of(quick_key(1, 1), NOW) == ATEN_STORE_ABSENT);
}

/* What a reader saw may not be written over while it lives: one that died must not fill the file. */
static void a_dead_reader_does_not_fill_the_file(void **state)
{
    unsigned int i;

    open_store(1);
    assert_int_equal(add_one(quick_key(1, 0), LATER, NOW), APR_SUCCESS);
    end_holding(start_holding());
    for (i = 1; i < 5000; i++) {
        const apr_time_t now = NOW + i * 1000;

        if (add_one(quick_key(1, i), now + 100000, now) != APR_SUCCESS) fail_msg("%u", i);
    }
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
    unsigned int i;

    for (i = 0; i < SAME_KEYS; i++) {
        const unsigned int number = (i + me->number * 25) % SAME_KEYS;
        const aten_store_key_t key = quick_key(1, number), mark = quick_key(2, 0);
        const apr_status_t rv = add_one(key, LATER, NOW);

        if (rv == APR_SUCCESS) me->won[number]++;
        else if (rv != APR_EEXIST) me->errors++;
        if (value_of(key, NOW) != 0) me->errors++;
        if (raise_to(mark, i * 8 + me->number + 1, LATER, NOW) != APR_SUCCESS) me->errors++;
    }
    return NULL;
}

static void each_key_is_won_by_one_thread(void **state)
{
    adder_t adders[PROCESSES];
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
    assert_true(value_of(quick_key(2, 0), NOW) == (SAME_KEYS - 1) * 8 + PROCESSES);
}

#define MANY_THREADS 80 /* more than read transactions are kept for */
#define READS 300

typedef struct {
    pthread_t thread;
    pthread_barrier_t *together;
    int errors;
} reader_t;

/* Two marks that one write raises together: seen together, never going back, and the same while the version is. */
static void *read_in_thread(void *data)
{
    const aten_store_key_t keys[] = {quick_key(3, 0), quick_key(9, 9), quick_key(3, 1)};
    apr_time_t values[3], last = 0;
    apr_uint64_t seen = 0, now_at;
    reader_t *me = data;
    int i;

    pthread_barrier_wait(me->together);
    for (i = 0; i < READS; i++) {
        now_at = version();
        if (!now_at || now_at < seen) me->errors++;
        if (store->read(store->baton, keys, 3, values, NOW) != APR_SUCCESS) me->errors++;
        if (values[0] != values[2] || values[1] != ATEN_STORE_ABSENT || values[0] < last) me->errors++;
        if (version() == now_at && now_at == seen && values[0] != last) me->errors++;
        seen = now_at;
        last = values[0];
    }
    return NULL;
}

static void many_threads_read_beside_one_that_writes(void **state)
{
    reader_t readers[MANY_THREADS];
    pthread_barrier_t together;
    const char *error = try_open(BYTES, 2 * MANY_THREADS);
    int i;

    if (error) fail_msg("%s", error);
    assert_int_equal(pthread_barrier_init(&together, NULL, MANY_THREADS + 1), 0);
    assert_int_equal(put((aten_store_write_t[]){raise_of(quick_key(3, 0), 1, LATER),
                                                raise_of(quick_key(3, 1), 1, LATER)}, 2, NOW), APR_SUCCESS);
    for (i = 0; i < MANY_THREADS; i++) {
        readers[i] = (reader_t){.together = &together};
        assert_int_equal(pthread_create(&readers[i].thread, NULL, read_in_thread, &readers[i]), 0);
    }
    pthread_barrier_wait(&together);
    for (i = 2; i < READS; i++) {
        const aten_store_write_t both[] = {raise_of(quick_key(3, 0), i, LATER), raise_of(quick_key(3, 1), i, LATER)};

        assert_int_equal(put(both, 2, NOW), APR_SUCCESS);
    }
    for (i = 0; i < MANY_THREADS; i++) {
        pthread_join(readers[i].thread, NULL);
        assert_int_equal(readers[i].errors, 0);
    }
    pthread_barrier_destroy(&together);
    assert_true(usage().readers <= 64); /* those beyond were given back */
}

/* Where all kept ones are in use, a read makes its own, and gives its slot back. */
static void reads_beyond_the_kept_ones(void **state)
{
    aten_store_lmdb_reading_t readings[ATEN_STORE_LMDB_PLACES + 2];
    const char *error = try_open(BYTES, COUNT(readings) + 1);
    int i;

    if (error) fail_msg("%s", error);
    assert_int_equal(add_one(quick_key(1, 1), LATER, NOW), APR_SUCCESS);
    for (i = 0; i < COUNT(readings); i++) {
        assert_int_equal(aten_store_lmdb_start_reading(store->baton, &readings[i]), 0);
        assert_int_equal(readings[i].place == NULL, i >= ATEN_STORE_LMDB_PLACES);
    }
    assert_true(value_of(quick_key(1, 1), NOW) == 0);
    assert_true(version() != 0);
    assert_int_equal(usage().readers, COUNT(readings));
    for (i = 0; i < COUNT(readings); i++) aten_store_lmdb_stop_reading(&readings[i]);
    assert_int_equal(usage().readers, ATEN_STORE_LMDB_PLACES);
    for (i = 0; i < 10 * ATEN_STORE_LMDB_PLACES; i++) assert_true(value_of(quick_key(1, 1), NOW) == 0);
    assert_int_equal(usage().readers, ATEN_STORE_LMDB_PLACES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_remembers_after_everything_was_closed),
        TEST(each_key_is_won_by_one_process),
        TEST(a_killed_writer_stops_nobody),
        TEST(a_lock_is_taken_from_the_dead),
        TEST(an_environment_is_not_used_across_a_fork),
        TEST(nothing_is_left_open_for_other_programs),
        TEST(slots_of_dead_readers_are_cleared),
        TEST(a_store_opens_where_no_slot_is_free),
        TEST(a_dead_reader_does_not_fill_the_file),
        TEST(each_key_is_won_by_one_thread),
        TEST(many_threads_read_beside_one_that_writes),
        TEST(reads_beyond_the_kept_ones),
    };

    alarm(TIME_LIMIT);
    return cmocka_run_group_tests(tests, setup, teardown);
}
