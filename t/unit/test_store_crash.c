/* Processes that are killed or stopped in the middle of what they do with the store: what was answered stays, what was
 * not is whole or not there, and nobody waits for them. */
#include "store.h"

#include <unistd.h>

#define WAIT_LIMIT 20 /* seconds for what must not wait at all */

static int pipe_ends[2];

/* -- In the middle of a commit: by this call LMDB writes its meta page, and what was written becomes the state -- */

static void (*at_meta)(int written);

__attribute__((visibility("default"))) ssize_t pwrite_of_lmdb(int fd, const void *data, size_t len, off_t at)
    __asm__("pwrite");

ssize_t pwrite_of_lmdb(int fd, const void *data, size_t len, off_t at)
{
    const int meta = at < 2 * 4096;
    ssize_t done;

    if (meta && at_meta) at_meta(0);
    done = pwrite(fd, data, len, at);
    if (meta && at_meta) at_meta(1);
    return done;
}

/* -- Killed at a certain moment: a login's end, of which others are told -- */

#define USED quick_key(20, 0)
#define KNOWN quick_key(20, 1)
#define OLD quick_key(20, 2)

static apr_status_t end_login(void)
{
    const aten_store_write_t login[] = {set_of(USED, LATER), quietly(set_of(KNOWN, LATER)), raise_of(OLD, 1, LATER)};

    return put(login, COUNT(login), NOW);
}

/* @return 1: it is there, and in the outbox; 0: nothing of it; -1: a part of it */
static int login_ended(void)
{
    const aten_store_key_t keys[] = {USED, KNOWN, OLD};
    aten_store_write_t letters[10];
    apr_time_t values[3];
    apr_uint64_t last;
    int count;

    assert_int_equal(store->read(store->baton, keys, 3, values, NOW), APR_SUCCESS);
    assert_int_equal(aten_store_lmdb_outbox(store, letters, 10, &count, &last), APR_SUCCESS);
    if (values[0] == 0 && values[1] == 0 && values[2] == 1 && count == 2) return 1;
    if (values[0] != ATEN_STORE_ABSENT || values[1] != ATEN_STORE_ABSENT || values[2] != ATEN_STORE_ABSENT) return -1;
    return count ? -1 : 0;
}

static void die_before(int written)
{
    if (!written) raise(SIGKILL);
}

static void die_after(int written)
{
    if (written) raise(SIGKILL);
}

static int die_in_a_commit(int after)
{
    if (try_open(BYTES, READERS)) return 1;
    at_meta = after ? die_after : die_before;
    return end_login() == APR_SUCCESS ? 2 : 3;
}

static void a_write_is_whole_wherever_it_was_killed(void **state)
{
    static const struct {
        int after, others_are_there;
        int want;
        const char *why;
    } rows[] = {
        {0, 0, 0, "before the meta page, and nobody else has the store open"},
        {0, 1, 0, "before the meta page"},
        {1, 0, 1, "behind it, and nobody else has the store open"},
        {1, 1, 1, "behind it, before readers were told"},
    };
    apr_uint64_t before, after;
    int i, then;

    for (i = 0; i < COUNT(rows); i++) {
        remove_dir(NULL);
        assert_int_equal(mkdir(dir, 0700), 0);
        open_store(BYTES);
        assert_int_equal(aten_store_lmdb_share(store, 1), APR_SUCCESS);
        before = version();
        if (!rows[i].others_are_there) close_store();
        assert_int_equal(end_of(start(die_in_a_commit, rows[i].after)), 128 + SIGKILL);
        if (!store) open_store(BYTES);
        then = login_ended();
        after = version();
        if (then < 0 || (then != 0) != (after != before)) fail_msg("%s: half of it at once", rows[i].why);
        assert_int_equal(put_one(quietly(set_of(quick_key(21, 0), LATER)), NOW), APR_SUCCESS); /* takes the lock over */
        if (version() <= after) fail_msg("%s: the version stood still", rows[i].why);
        if (login_ended() != rows[i].want) fail_msg("%s: %d", rows[i].why, login_ended());
        assert_int_equal(end_login(), rows[i].want ? APR_EEXIST : APR_SUCCESS);
        assert_int_equal(login_ended(), 1);
    }
}

/* -- The version of a state, while it is being replaced -- */

static apr_uint64_t version_then[2];
static int state_then[2];

static void look_in_between(int written)
{
    version_then[written] = version();
    state_then[written] = login_ended();
}

/* Who keeps "alive as of version 7" must not have seen the state of version 6. */
static void no_version_has_two_states(void **state)
{
    apr_uint64_t before;
    int i;

    open_store(BYTES);
    assert_int_equal(aten_store_lmdb_share(store, 1), APR_SUCCESS);
    before = version();
    at_meta = look_in_between;
    assert_int_equal(end_login(), APR_SUCCESS);
    at_meta = NULL;
    assert_int_equal(login_ended(), 1);
    assert_true(version_then[0] == before && version_then[1] != 0); /* it was looked at */
    for (i = 0; i < 2; i++) {
        if (version_then[i] == before && state_then[i] != 0) fail_msg("the old version, and another state: %d", i);
        if (version_then[i] == version() && state_then[i] != 1) fail_msg("the new version, and another state: %d", i);
    }
}

/* -- Stopped with the one lock of all writers, in the middle of a commit -- */

static void stop_before(int written)
{
    if (!written) raise(SIGSTOP);
}

static int stop_in_a_commit(int arg)
{
    if (try_open(BYTES, READERS)) return 1;
    at_meta = stop_before;
    return end_login() == APR_SUCCESS ? 0 : 2;
}

/* As a process that comes while the lock is held. */
static int read_everything(int arg)
{
    const aten_store_key_t used = USED;
    aten_store_write_t writes[10];
    char text[ATEN_STORE_NOTE_BYTES_MAX + 1];
    aten_store_usage_t u;
    apr_uint64_t last;
    apr_time_t value;
    int i, count;

    alarm(WAIT_LIMIT);
    if (try_open(BYTES, READERS)) return 1;
    for (i = 0; i < 1000; i++) {
        if (get(quick_key(1, 1), &value, NOW) != APR_SUCCESS || get(USED, &value, NOW) != APR_NOTFOUND) return 2;
        if (!version()) return 3;
    }
    if (store->find(store->baton, &used, &value, NOW) != APR_NOTFOUND) return 4;
    if (aten_store_lmdb_outbox(store, writes, 10, &count, &last) != APR_SUCCESS || count != 1) return 5;
    if (aten_store_lmdb_walk(store, NULL, writes, 10, &count, NOW) != APR_SUCCESS || count != 1) return 6;
    if (aten_store_lmdb_noted(store, "position", text) != APR_SUCCESS || strcmp(text, "17-0")) return 7;
    if (aten_store_lmdb_is_shared(store) != 1 || aten_store_lmdb_usage(store, &u) != APR_SUCCESS) return 8;
    aten_store_lmdb_clear_dead(store);
    close_store();
    return 0;
}

static void readers_wait_for_no_writer(void **state)
{
    int status;
    pid_t pid;

    open_store(BYTES);
    assert_int_equal(aten_store_lmdb_share(store, 1), APR_SUCCESS);
    assert_int_equal(aten_store_lmdb_note(store, "position", "17-0"), APR_SUCCESS);
    assert_int_equal(add_one(quick_key(1, 1), LATER, NOW), APR_SUCCESS);
    pid = start(stop_in_a_commit, 0);
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    assert_true(WIFSTOPPED(status));
    assert_int_equal(end_of(start(read_everything, 0)), 0);
    kill(pid, SIGCONT);
    assert_int_equal(end_of(pid), 0);
    assert_true(value_of(USED, NOW) == 0);
    assert_int_equal(usage().outbox, 3);
}

/* -- Killed again and again -- */

#define WRITERS 3
#define ROUNDS 40
enum { SET, QUIET, RAISED, PARTS };

typedef struct {
    int writer;
    unsigned int number;
} answer_t;

/* What a process wrote and what came out of the outbox, in one round. */
typedef struct {
    unsigned int answered; /* writes that the process said had returned */
    unsigned int letters;  /* two a write, in order */
} written_t;

static unsigned int series_of(int round, int writer, int part)
{
    return (unsigned int)((round * WRITERS + writer) * PARTS + part);
}

static int write_and_tell(int which)
{
    const int round = which / WRITERS, writer = which % WRITERS;
    answer_t answer = {writer, 0};

    if (try_open(BYTES, READERS)) return 1;
    for (;; answer.number++) {
        const aten_store_write_t writes[] = {
            set_of(quick_key(series_of(round, writer, SET), answer.number), LATER),
            quietly(set_of(quick_key(series_of(round, writer, QUIET), answer.number), LATER)),
            raise_of(quick_key(series_of(round, writer, RAISED), answer.number), answer.number + 1, LATER),
        };

        if (put(writes, COUNT(writes), NOW) != APR_SUCCESS) return 2;
        if (write(pipe_ends[1], &answer, sizeof(answer)) != sizeof(answer)) return 3;
    }
}

static int read_for_ever(int arg)
{
    aten_store_write_t writes[ATEN_STORE_BATCH_MAX];
    apr_uint64_t last;
    int count;

    if (try_open(BYTES, READERS)) return 1;
    for (;;) {
        if (value_of(quick_key(0, 0), NOW) == -2 || !version()) return 2;
        if (aten_store_lmdb_walk(store, NULL, writes, COUNT(writes), &count, NOW) != APR_SUCCESS) return 3;
        if (aten_store_lmdb_outbox(store, writes, COUNT(writes), &count, &last) != APR_SUCCESS) return 4;
    }
}

/* As whoever carries them to other servers: each comes once, in the order of its writer. */
static void carry(int round, written_t *written)
{
    aten_store_write_t letters[ATEN_STORE_BATCH_MAX];
    apr_uint64_t last;
    int count, i, w;

    assert_int_equal(aten_store_lmdb_outbox(store, letters, ATEN_STORE_BATCH_MAX, &count, &last), APR_SUCCESS);
    for (i = 0; i < count; i++) {
        for (w = 0; w < WRITERS; w++) {
            const unsigned int number = written[w].letters / 2;
            const int part = written[w].letters % 2 ? RAISED : SET;
            const aten_store_key_t key = quick_key(series_of(round, w, part), number);

            if (memcmp(&key, &letters[i].key, sizeof(key))) continue;
            assert_int_equal(letters[i].raise, part == RAISED);
            assert_true(letters[i].value == (part == RAISED ? number + 1 : 0) && letters[i].until == LATER);
            written[w].letters++;
            break;
        }
        if (w == WRITERS) fail_msg("round %d: a letter that nobody wrote, or twice, or out of order", round);
    }
    assert_int_equal(aten_store_lmdb_delivered(store, last), APR_SUCCESS);
}

static int is_there(int round, int writer, int part, unsigned int number)
{
    const apr_time_t value = value_of(quick_key(series_of(round, writer, part), number), NOW);

    if (value == ATEN_STORE_ABSENT) return 0;
    assert_true(value == (part == RAISED ? number + 1 : 0));
    return 1;
}

/* What was answered is there; the write behind that whole or not at all; the outbox told of each that is there. */
static void check_written(int round, int writer, const written_t *written)
{
    unsigned int i, there = 0;

    for (i = 0; i < written->answered + 2; i++) {
        const int set = is_there(round, writer, SET, i);

        if (is_there(round, writer, QUIET, i) != set || is_there(round, writer, RAISED, i) != set) {
            fail_msg("round %d: a part of write %u", round, i);
        }
        if (i < written->answered && !set) fail_msg("round %d: write %u was answered, and is lost", round, i);
        if (i > written->answered && set) fail_msg("round %d: write %u was never begun", round, i);
        there += (unsigned int)set;
    }
    if (written->letters != 2 * there) fail_msg("round %d: %u letters of %u writes", round, written->letters, there);
}

/* @return whether there was one */
static int take_answer(written_t *written)
{
    answer_t answer;

    if (read(pipe_ends[0], &answer, sizeof(answer)) != sizeof(answer)) return 0;
    assert_int_equal(answer.number, written[answer.writer].answered);
    written[answer.writer].answered++;
    return 1;
}

static void killed_writers_lose_nothing_that_was_answered(void **state)
{
    pid_t pids[WRITERS + 1];
    int round, i;

    open_store(BYTES);
    assert_int_equal(aten_store_lmdb_share(store, 1), APR_SUCCESS);
    for (round = 0; round < ROUNDS; round++) {
        const int carried_meanwhile = round % 2, others_are_there = round % 4 != 2;
        written_t written[WRITERS] = {{0, 0}};

        if (!others_are_there) close_store();
        assert_int_equal(pipe(pipe_ends), 0);
        for (i = 0; i < WRITERS; i++) pids[i] = start(write_and_tell, round * WRITERS + i);
        pids[i] = start(read_for_ever, 0);
        close(pipe_ends[1]);
        for (i = 0; i < 100 + 7 * round; i++) {
            assert_true(take_answer(written));
            if (carried_meanwhile && i % 10 == 0) carry(round, written);
        }
        for (i = 0; i <= WRITERS; i++) kill(pids[i], SIGKILL);
        for (i = 0; i <= WRITERS; i++) assert_int_equal(end_of(pids[i]), 128 + SIGKILL);
        while (take_answer(written)) continue;
        close(pipe_ends[0]);

        if (!store) open_store(BYTES);
        while (usage().outbox) carry(round, written);
        for (i = 0; i < WRITERS; i++) check_written(round, i, &written[i]);
        aten_store_lmdb_clear_dead(store);
        assert_int_equal(usage().readers, 1); /* ours */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_write_is_whole_wherever_it_was_killed),
        TEST(no_version_has_two_states),
        TEST(readers_wait_for_no_writer),
        TEST(killed_writers_lose_nothing_that_was_answered),
    };

    alarm(TIME_LIMIT);
    return cmocka_run_group_tests(tests, setup, teardown);
}
