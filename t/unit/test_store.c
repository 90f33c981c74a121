/* The store over LMDB: what its functions promise, in one process. */
#include "store.h"

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

/* -- Set if absent -- */

static void a_key_is_won_once(void **state)
{
    aten_store_key_t a = key_of("login", 1);

    open_store(BYTES);
    assert_true(value_of(a, NOW) == ATEN_STORE_ABSENT);
    assert_int_equal(add_one(a, LATER, NOW), APR_SUCCESS);
    assert_int_equal(add_one(a, LATER, NOW), APR_EEXIST);
    assert_true(value_of(a, NOW) == 0);
    assert_true(value_of(key_of("login", 2), NOW) == ATEN_STORE_ABSENT);
    assert_true(value_of(key_of("assertion", 1), NOW) == ATEN_STORE_ABSENT);
}

static void all_keys_or_none(void **state)
{
    const aten_store_key_t a = key_of("x", 1), b = key_of("x", 2), c = key_of("x", 3), d = key_of("x", 4);

    open_store(BYTES);
    assert_int_equal(add_two(a, b, LATER, NOW), APR_SUCCESS);
    assert_int_equal(add_one(a, LATER, NOW), APR_EEXIST);
    assert_int_equal(add_one(b, LATER, NOW), APR_EEXIST);
    assert_int_equal(add_two(c, b, LATER, NOW), APR_EEXIST);
    assert_true(value_of(c, NOW) == ATEN_STORE_ABSENT);
    assert_int_equal(add_two(b, d, LATER, NOW), APR_EEXIST);
    assert_true(value_of(d, NOW) == ATEN_STORE_ABSENT);
    assert_int_equal(add_two(c, d, LATER, NOW), APR_SUCCESS);
    assert_int_equal(usage().records, 4);
}

static void a_record_ends_in_time(void **state)
{
    const aten_store_key_t a = key_of("x", 1);

    open_store(BYTES);
    assert_int_equal(add_one(a, LATER, NOW), APR_SUCCESS);
    assert_true(value_of(a, LATER - 1) == 0);
    assert_int_equal(add_one(a, LATER + 1, LATER - 1), APR_EEXIST);
    assert_true(value_of(a, LATER) == ATEN_STORE_ABSENT); /* not swept, and absent all the same */
    assert_int_equal(usage().records, 1);
    assert_int_equal(add_one(a, LATER + 100, LATER), APR_SUCCESS);
    assert_int_equal(usage().records, 1);
    assert_int_equal(add_one(a, LATER + 200, LATER + 99), APR_EEXIST);
    assert_true(value_of(a, LATER + 99) == 0);
    assert_true(value_of(a, LATER + 100) == ATEN_STORE_ABSENT);
}

/* The second life of a key is not ended by the sweep of its first. */
static void a_record_that_came_again_is_not_swept_too_early(void **state)
{
    const aten_store_key_t a = key_of("x", 1);
    int i;

    open_store(BYTES);
    for (i = 0; i < 2 * ATEN_STORE_SWEEP; i++) assert_int_equal(add_one(key_of("old", i), NOW + 10, NOW), APR_SUCCESS);
    assert_int_equal(add_one(a, NOW + 11, NOW), APR_SUCCESS);
    assert_int_equal(add_one(a, LATER, NOW + 20), APR_SUCCESS); /* this write sweeps older ones first */
    assert_int_equal(raise_to(a, 5, LATER + 10, NOW + 20), APR_SUCCESS);
    for (i = 0; i < 4; i++) assert_int_equal(add_one(key_of("new", i), LATER, NOW + 20), APR_SUCCESS);
    assert_true(value_of(a, LATER) == 5);
    assert_int_equal(usage().records, 5);
}

static void odd_calls_are_refused(void **state)
{
    static const struct {
        apr_time_t value, until;
        int raise;
        apr_time_t now;
        const char *why;
    } rows[] = {
        {0, NOW, 0, NOW, "would be absent at once, and be won again"},
        {0, NOW - 1, 0, NOW, "the same"},
        {0, LATER, 0, -1, "a time before the epoch"},
        {-1, LATER, 0, NOW, "a value that means absent"},
        {-1, LATER, 1, NOW, "a mark that means absent"},
        {1, -1, 1, NOW, "an end before the epoch"},
        {1, LATER, 1, -1, "a time before the epoch"},
    };
    const aten_store_key_t a = key_of("x", 1);
    aten_store_write_t many[ATEN_STORE_WRITE_MAX + 1];
    aten_store_key_t keys[ATEN_STORE_READ_MAX + 1];
    apr_time_t values[ATEN_STORE_READ_MAX + 1];
    apr_uint64_t before;
    int i;

    open_store(BYTES);
    before = version();
    for (i = 0; i < COUNT(many); i++) many[i] = set_of(key_of("many", i), LATER);
    for (i = 0; i < COUNT(keys); i++) keys[i] = key_of("many", i);
    assert_int_equal(put(many, 0, NOW), APR_EINVAL);
    assert_int_equal(put(many, -1, NOW), APR_EINVAL);
    assert_int_equal(put(many, COUNT(many), NOW), APR_EINVAL);
    for (i = 0; i < COUNT(rows); i++) {
        const aten_store_write_t odd = {a, rows[i].value, rows[i].until, rows[i].raise, 0}, both[] = {many[0], odd};

        if (put(&odd, 1, rows[i].now) != APR_EINVAL) fail_msg("%s: alone", rows[i].why);
        if (put(both, 2, rows[i].now) != APR_EINVAL) fail_msg("%s: behind a good one", rows[i].why);
    }
    assert_int_equal(store->read(store->baton, keys, 0, values, NOW), APR_EINVAL);
    assert_int_equal(store->read(store->baton, keys, COUNT(keys), values, NOW), APR_EINVAL);
    assert_true(value_of(keys[0], NOW) == ATEN_STORE_ABSENT);
    assert_true(version() == before);
    assert_int_equal(put(many, ATEN_STORE_WRITE_MAX, NOW), APR_SUCCESS);
    assert_int_equal(store->read(store->baton, keys, ATEN_STORE_READ_MAX, values, NOW), APR_SUCCESS);
    assert_int_equal(usage().records, ATEN_STORE_WRITE_MAX);
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
        {{0, 10}, {100, 50}, 10, 100, "one that only was there"},
        {{10, 0}, {50, 100}, 10, 100, "a mark does not become one that only is there"},
    };
    int i;

    open_store(BYTES);
    for (i = 0; i < COUNT(rows); i++) {
        const aten_store_key_t key = key_of("mark", i);

        assert_int_equal(raise_to(key, rows[i].value[0], NOW + rows[i].until[0], NOW), APR_SUCCESS);
        assert_int_equal(raise_to(key, rows[i].value[1], NOW + rows[i].until[1], NOW), APR_SUCCESS);
        if (value_of(key, NOW + rows[i].want_until - 1) != rows[i].want_value) fail_msg("%s", rows[i].why);
        if (value_of(key, NOW + rows[i].want_until) != ATEN_STORE_ABSENT) fail_msg("%s: ended late", rows[i].why);
    }
    assert_int_equal(usage().records, COUNT(rows));
}

static void a_mark_that_ended_is_absent(void **state)
{
    const aten_store_key_t a = key_of("mark", 1), b = key_of("mark", 2);

    open_store(BYTES);
    assert_int_equal(raise_to(a, 10, NOW, NOW), APR_SUCCESS); /* nothing to remember */
    assert_int_equal(usage().records, 0);
    assert_int_equal(raise_to(b, 10, NOW + 5, NOW), APR_SUCCESS);
    assert_int_equal(raise_to(b, 4, NOW + 20, NOW + 5), APR_SUCCESS); /* the old one had ended */
    assert_true(value_of(b, NOW + 5) == 4);
    assert_int_equal(add_one(b, LATER, NOW + 5), APR_EEXIST);
}

/* A login that is known, then ended: one key. */
static void both_kinds_share_the_keys(void **state)
{
    const aten_store_key_t known = key_of("login", 1), ended = key_of("login", 2);

    open_store(BYTES);
    assert_int_equal(add_one(known, NOW + 50, NOW), APR_SUCCESS);
    assert_int_equal(raise_to(known, 3, NOW + 40, NOW), APR_SUCCESS);
    assert_true(value_of(known, NOW + 49) == 3);
    assert_true(value_of(known, NOW + 50) == ATEN_STORE_ABSENT);
    assert_int_equal(add_one(known, LATER, NOW), APR_EEXIST);
    assert_true(value_of(known, NOW) == 3);
    assert_int_equal(raise_to(ended, 4, NOW + 40, NOW), APR_SUCCESS);
    assert_int_equal(add_one(ended, LATER, NOW), APR_EEXIST); /* the logout was first: no login any more */
    assert_true(value_of(ended, NOW + 40) == ATEN_STORE_ABSENT);
    assert_int_equal(usage().records, 2);
}

/* -- Several in one write -- */

static void both_kinds_in_one_write(void **state)
{
    const aten_store_key_t used = key_of("x", 1), known = key_of("x", 2), old = key_of("x", 3), mark = key_of("x", 4);
    const aten_store_write_t login[] = {
        set_of(used, NOW + 10), set_of(known, NOW + 20), raise_of(old, 1, NOW + 30), raise_of(mark, 7, NOW + 40),
    };
    const aten_store_write_t again[] = {
        raise_of(mark, 9, NOW + 99), set_of(key_of("x", 5), NOW + 99), set_of(used, NOW + 99),
    };
    const aten_store_write_t past[] = {raise_of(key_of("x", 6), 9, NOW), set_of(key_of("x", 7), NOW + 50)};

    open_store(BYTES);
    assert_int_equal(put(login, COUNT(login), NOW), APR_SUCCESS);
    assert_true(value_of(used, NOW + 9) == 0 && value_of(used, NOW + 10) == ATEN_STORE_ABSENT);
    assert_true(value_of(known, NOW + 19) == 0 && value_of(known, NOW + 20) == ATEN_STORE_ABSENT);
    assert_true(value_of(old, NOW + 29) == 1 && value_of(old, NOW + 30) == ATEN_STORE_ABSENT);
    assert_true(value_of(mark, NOW + 39) == 7 && value_of(mark, NOW + 40) == ATEN_STORE_ABSENT);

    assert_int_equal(put(again, COUNT(again), NOW + 5), APR_EEXIST); /* the last was there: nothing of the rest */
    assert_true(value_of(mark, NOW + 39) == 7);
    assert_true(value_of(key_of("x", 5), NOW + 5) == ATEN_STORE_ABSENT);
    assert_int_equal(put(past, 2, NOW), APR_SUCCESS); /* a mark that is over hinders nothing */
    assert_int_equal(usage().records, 5);
}

static void one_key_twice_in_one_write(void **state)
{
    const aten_store_key_t a = key_of("x", 1), b = key_of("x", 2);
    const aten_store_write_t twice[] = {set_of(a, LATER), set_of(a, LATER)};
    const aten_store_write_t set_then_raised[] = {set_of(a, LATER), raise_of(a, 5, LATER)};
    const aten_store_write_t raised_then_set[] = {raise_of(b, 5, LATER), set_of(b, LATER)};
    const aten_store_write_t raised[] = {raise_of(b, 5, NOW + 10), raise_of(b, 3, NOW + 20)};

    open_store(BYTES);
    assert_int_equal(put(twice, 2, NOW), APR_EEXIST);
    assert_true(value_of(a, NOW) == ATEN_STORE_ABSENT);
    assert_int_equal(put(set_then_raised, 2, NOW), APR_SUCCESS);
    assert_true(value_of(a, NOW) == 5);
    assert_int_equal(put(raised_then_set, 2, NOW), APR_EEXIST);
    assert_true(value_of(b, NOW) == ATEN_STORE_ABSENT);
    assert_int_equal(put(raised, 2, NOW), APR_SUCCESS);
    assert_true(value_of(b, NOW + 19) == 5);
    assert_int_equal(usage().records, 2);
}

/* -- Reading -- */

static void several_keys_are_read_together(void **state)
{
    const aten_store_key_t keys[] = {key_of("x", 1), key_of("x", 2), key_of("x", 3), key_of("x", 2), key_of("x", 4)};
    apr_time_t values[COUNT(keys)] = {99, 99, 99, 99, 99};

    open_store(BYTES);
    assert_int_equal(store->read(store->baton, keys, 5, values, NOW), APR_SUCCESS);
    assert_true(values[0] == ATEN_STORE_ABSENT && values[4] == ATEN_STORE_ABSENT);
    assert_int_equal(add_one(keys[0], LATER, NOW), APR_SUCCESS);
    assert_int_equal(raise_to(keys[1], 6, LATER, NOW), APR_SUCCESS);
    assert_int_equal(raise_to(keys[4], 8, NOW + 10, NOW), APR_SUCCESS);
    assert_int_equal(store->read(store->baton, keys, 5, values, NOW + 9), APR_SUCCESS);
    assert_true(values[0] == 0 && values[1] == 6 && values[2] == ATEN_STORE_ABSENT && values[3] == 6 && values[4] == 8);
    assert_int_equal(store->read(store->baton, keys, 5, values, NOW + 10), APR_SUCCESS);
    assert_true(values[0] == 0 && values[4] == ATEN_STORE_ABSENT);
}

static void find_looks_here_alone(void **state)
{
    const aten_store_key_t a = key_of("login", 1), b = key_of("login", 2);
    apr_time_t value = 99;

    open_store(BYTES);
    store->expect(store->baton, &a, NOW);
    assert_int_equal(store->find(store->baton, &a, &value, NOW), APR_NOTFOUND);
    assert_true(value == 99);
    assert_int_equal(add_one(a, LATER, NOW), APR_SUCCESS);
    assert_int_equal(raise_to(b, 4, LATER, NOW), APR_SUCCESS);
    assert_int_equal(store->find(store->baton, &a, &value, NOW), APR_SUCCESS);
    assert_true(value == 0);
    assert_int_equal(store->find(store->baton, &b, &value, NOW), APR_SUCCESS);
    assert_true(value == 4);
    assert_int_equal(store->find(store->baton, &b, &value, LATER), APR_NOTFOUND);
}

static void the_version_tells_whether_something_changed(void **state)
{
    const aten_store_key_t a = key_of("x", 1), b = key_of("x", 2);
    apr_uint64_t last, next;

    open_store(BYTES);
    last = version();
    assert_true(last != 0);
    assert_true(value_of(a, NOW) == ATEN_STORE_ABSENT);
    assert_true(version() == last); /* a read changes nothing */
    assert_int_equal(add_one(a, LATER, NOW), APR_SUCCESS);
    next = version();
    assert_true(next > last);
    assert_int_equal(add_one(a, LATER, NOW), APR_EEXIST);
    assert_int_equal(raise_to(b, 1, NOW, NOW), APR_SUCCESS); /* nothing to remember */
    assert_true(version() == next);
    assert_int_equal(raise_to(b, 1, LATER, NOW), APR_SUCCESS);
    last = version();
    assert_true(last > next);
    assert_int_equal(raise_to(b, 1, LATER - 1, NOW), APR_SUCCESS); /* stands already: a flood of them writes nothing */
    assert_true(version() == last);
    assert_int_equal(aten_store_lmdb_sweep(store, 10, NULL, NOW), APR_SUCCESS);
    assert_true(version() == last);
    assert_int_equal(aten_store_lmdb_sweep(store, 10, NULL, LATER), APR_SUCCESS);
    next = version();
    assert_true(next > last);
    close_store();
    open_store(BYTES);
    assert_true(version() == next); /* to open what is there writes nothing */
}

/* -- Sweeping -- */

static void a_write_sweeps_a_few_the_oldest_first(void **state)
{
    int i, left = 100;

    open_store(BYTES);
    for (i = 0; i < 100; i++) assert_int_equal(add_one(key_of("x", i), NOW + 200 - i, NOW), APR_SUCCESS);
    assert_int_equal(usage().records, 100); /* nothing had expired */
    assert_int_equal(add_one(key_of("y", 0), LATER, NOW + 1000), APR_SUCCESS);
    left -= ATEN_STORE_SWEEP;
    assert_int_equal(usage().records, left + 1);
    for (i = 0; i < 100; i++) { /* looked at from before their end: the last of the hundred ended first */
        assert_true(value_of(key_of("x", i), NOW) == (i < left ? 0 : ATEN_STORE_ABSENT));
    }
    assert_int_equal(raise_to(key_of("y", 1), 1, LATER, NOW + 1000), APR_SUCCESS);
    left -= ATEN_STORE_SWEEP;
    assert_int_equal(usage().records, left + 2);
    assert_int_equal(add_one(key_of("y", 0), LATER, NOW + 1000), APR_EEXIST);
    for (i = 2; i < 10; i++) assert_int_equal(add_one(key_of("y", i), LATER, NOW + 1000), APR_SUCCESS);
    assert_int_equal(usage().records, 10);
}

static void a_sweep_takes_as_many_as_it_was_told(void **state)
{
    aten_store_write_t batch[ATEN_STORE_BATCH_MAX];
    int i, swept = 99;

    open_store(BYTES);
    assert_int_equal(aten_store_lmdb_sweep(store, 0, &swept, NOW), APR_EINVAL);
    assert_int_equal(aten_store_lmdb_sweep(store, 1, &swept, -1), APR_EINVAL);
    assert_int_equal(aten_store_lmdb_sweep(store, 1, &swept, NOW), APR_SUCCESS);
    assert_int_equal(swept, 0);
    for (i = 0; i < ATEN_STORE_BATCH_MAX; i++) batch[i] = set_of(quick_key(1, (unsigned int)i), NOW + 10 + i % 2 * 10);
    assert_int_equal(aten_store_lmdb_apply(store, batch, ATEN_STORE_BATCH_MAX, NULL, NULL, NOW), APR_SUCCESS);
    assert_int_equal(add_one(quick_key(2, 0), LATER, NOW), APR_SUCCESS);

    assert_int_equal(aten_store_lmdb_sweep(store, 300, &swept, NOW + 10), APR_SUCCESS); /* several transactions */
    assert_int_equal(swept, 300);
    assert_int_equal(usage().records, 701);
    assert_int_equal(aten_store_lmdb_sweep(store, 1000, &swept, NOW + 10), APR_SUCCESS);
    assert_int_equal(swept, 200); /* the other half has not expired */
    assert_int_equal(aten_store_lmdb_sweep(store, 5, &swept, LATER - 1), APR_SUCCESS);
    assert_int_equal(swept, 5);
    assert_int_equal(aten_store_lmdb_sweep(store, 100000, &swept, LATER - 1), APR_SUCCESS);
    assert_int_equal(swept, 495);
    assert_int_equal(usage().records, 1);
    assert_true(value_of(quick_key(2, 0), NOW) == 0);
}

static void short_lived_records_take_no_room(void **state)
{
    apr_size_t most = 0;
    struct stat file;
    unsigned int i;

    open_store(BYTES);
    for (i = 0; i < 10000; i++) {
        const apr_time_t now = NOW + i * 1000;

        if (add_two(quick_key(1, i), quick_key(2, i), now + 300 * 1000, now) != APR_SUCCESS) fail_msg("%u", i);
        if (i % 500 == 0 && usage().records > most) most = usage().records;
    }
    assert_true(most > 300 && most <= 2 * 301);
    assert_int_equal(stat(in_dir(ATEN_STORE_FILE), &file), 0);
    assert_true(file.st_size < 4 << 20);
    assert_true(usage().bytes_used < 1 << 19);
}

/* -- Many -- */

#define MANY 100000u

static void many_records(void **state)
{
    aten_store_write_t batch[ATEN_STORE_BATCH_MAX];
    unsigned int i;

    open_store(ATEN_STORE_BYTES_MAX);
    for (i = 0; i < MANY; i++) {
        batch[i % ATEN_STORE_BATCH_MAX] = raise_of(quick_key(1, i), i + 1, LATER + i);
        if ((i + 1) % ATEN_STORE_BATCH_MAX) continue;
        assert_int_equal(aten_store_lmdb_apply(store, batch, ATEN_STORE_BATCH_MAX, NULL, NULL, NOW), APR_SUCCESS);
    }
    assert_int_equal(usage().records, MANY);
    for (i = 0; i < MANY; i += 7) {
        if (value_of(quick_key(1, i), NOW) != i + 1) fail_msg("%u", i);
        if (value_of(quick_key(2, i), NOW) != ATEN_STORE_ABSENT) fail_msg("%u of another kind", i);
    }
    for (i = 0; i < MANY; i += 997) assert_int_equal(raise_to(quick_key(1, i), MANY + 1, LATER, NOW), APR_SUCCESS);
    assert_int_equal(usage().records, MANY);
}

/* -- A full store -- */

/* @return how many went in before it said that it is full */
static unsigned int fill(unsigned int series, int raise, apr_time_t now, apr_time_t until)
{
    unsigned int i;
    apr_status_t rv = APR_SUCCESS;

    for (i = 0; i < 200000; i++) {
        const aten_store_write_t one = {quick_key(series, i), raise, until, raise, 0};

        rv = put_one(one, now);
        if (rv != APR_SUCCESS) break;
    }
    assert_int_equal(rv, APR_ENOSPC);
    return i;
}

static void a_full_store_says_so_and_recovers(void **state)
{
    struct stat file;
    unsigned int first = 0, count, round, tries;

    open_store(1); /* the least there is */
    assert_int_equal(usage().bytes_max, ATEN_STORE_BYTES_MIN);
    for (round = 0; round < 4; round++) {
        const apr_time_t now = NOW + round * 1000, until = now + 500;

        for (tries = 0; add_one(quick_key(99, round), LATER, now) != APR_SUCCESS; tries++) assert_true(tries < 2000);
        count = fill(round, 0, now, until);
        if (!round) first = count;
        assert_true(count > 8000 && count > first / 2);
        assert_int_equal(stat(in_dir(ATEN_STORE_FILE), &file), 0);
        assert_true((apr_size_t)file.st_size <= ATEN_STORE_BYTES_MIN);
        assert_true(value_of(quick_key(round, count / 2), now) == 0);
        assert_true(value_of(quick_key(round, count), now) == ATEN_STORE_ABSENT);
        assert_int_equal(add_one(quick_key(round, 0), until, now), APR_EEXIST); /* full or not: used is used */
        fill(80 - round, 1, now, until);
        assert_int_equal(raise_to(quick_key(80 - round, 0), 1, until, now), APR_SUCCESS); /* it stands already */
        close_store();
        open_store(1);
        assert_int_equal(add_one(quick_key(97, round), until, now), APR_ENOSPC);
        assert_int_equal(raise_to(quick_key(90, round), 1, until, now), APR_ENOSPC);
    }
    for (round = 0; round < 4; round++) assert_true(value_of(quick_key(99, round), NOW) == 0);
}

/* An eighth of the file is left to those that raise. */
static void logouts_go_on_when_logins_are_refused(void **state)
{
    const aten_store_key_t used = quick_key(10, 0), mark = quick_key(10, 1);
    const aten_store_write_t login[] = {raise_of(mark, 9, LATER), set_of(used, LATER)};
    unsigned int logins, logouts;
    apr_size_t full;

    open_store(1);
    logins = fill(1, 0, NOW, LATER);
    full = usage().bytes_used;
    assert_true(full < ATEN_STORE_BYTES_MIN - ATEN_STORE_BYTES_MIN / 8);
    assert_int_equal(put(login, 2, NOW), APR_ENOSPC); /* nor its part that raises */
    assert_true(value_of(mark, NOW) == ATEN_STORE_ABSENT);
    assert_int_equal(put(login, 1, NOW), APR_SUCCESS);
    logouts = fill(2, 1, NOW, LATER);
    assert_true(logins > 10000 && logouts > 1000);
    assert_true(usage().bytes_used - full > ATEN_STORE_BYTES_MIN / 10);
    assert_int_equal(add_one(used, LATER, NOW), APR_ENOSPC);
    assert_true(value_of(quick_key(2, logouts - 1), NOW) == 1);
    assert_int_equal(raise_to(quick_key(1, 0), 4, LATER + 1, NOW), APR_ENOSPC);
}

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
        TEST(both_kinds_share_the_keys),
        TEST(both_kinds_in_one_write),
        TEST(one_key_twice_in_one_write),
        TEST(several_keys_are_read_together),
        TEST(find_looks_here_alone),
        TEST(the_version_tells_whether_something_changed),
        TEST(a_write_sweeps_a_few_the_oldest_first),
        TEST(a_sweep_takes_as_many_as_it_was_told),
        TEST(short_lived_records_take_no_room),
        TEST(many_records),
        TEST(a_full_store_says_so_and_recovers),
        TEST(logouts_go_on_when_logins_are_refused),
    };

    alarm(TIME_LIMIT);
    return cmocka_run_group_tests(tests, setup, teardown);
}
