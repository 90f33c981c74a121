#include "unit.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aten_validations.h"

#define NOW apr_time_from_sec(1488322800)
#define SECONDS(n) apr_time_from_sec(n)
#define PLACES 4
#define TIME_LIMIT 120 /* seconds: what never ends must not stop the suite */

static void *memory;
static apr_size_t bytes;
static aten_validations_t *validations;

static int make_places(int places)
{
    bytes = aten_validations_bytes(places);
    memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return -1;
    validations = aten_validations_make(memory, places);
    return validations == memory ? 0 : -1;
}

static int make(void **state)
{
    return make_places(PLACES);
}

static int unmake(void **state)
{
    return munmap(memory, bytes);
}

static aten_store_key_t key_of(unsigned int number)
{
    aten_store_key_t key = {{0}};

    memcpy(key.bytes, &number, sizeof(number));
    memcpy(key.bytes + 12, &number, sizeof(number));
    return key;
}

static apr_uint64_t begin_at(unsigned int number, apr_time_t now)
{
    const aten_store_key_t key = key_of(number);

    return aten_validations_begin(validations, &key, now);
}

static apr_uint64_t begin(unsigned int number)
{
    return begin_at(number, NOW);
}

static int logout_at(unsigned int number, apr_time_t now)
{
    const aten_store_key_t key = key_of(number);

    return aten_validations_logout(validations, &key, now);
}

static int logout(unsigned int number)
{
    return logout_at(number, NOW);
}

static int finish(apr_uint64_t place)
{
    return aten_validations_finish(validations, place);
}

/* -- One process -- */

static void a_logout_finds_the_login(void **state)
{
    const apr_uint64_t one = begin(1), two = begin(2);

    assert_true(one && two && one != two);
    assert_int_equal(logout(1), 1);
    assert_int_equal(logout(1), 1); /* a server that asks twice */
    assert_int_equal(logout(3), 0);
    assert_int_equal(finish(one), 1);
    assert_int_equal(finish(two), 0);
    assert_int_equal(logout(1), 0); /* what became of it stands in the store */
    assert_int_equal(logout(2), 0);
}

static void every_byte_of_the_key_counts(void **state)
{
    aten_store_key_t key = key_of(7);
    int i;

    assert_true(begin(7));
    for (i = 0; i < ATEN_STORE_KEY_BYTES; i++) {
        key.bytes[i] ^= 0x80;
        if (aten_validations_logout(validations, &key, NOW)) fail_msg("byte %d", i);
        key.bytes[i] ^= 0x80;
    }
    assert_int_equal(aten_validations_logout(validations, &key, NOW), 1);
}

static void a_key_of_zeros_is_none_of_a_free_place(void **state)
{
    static const aten_store_key_t zeros;

    assert_int_equal(aten_validations_logout(validations, &zeros, NOW), 0);
    assert_int_equal(aten_validations_logout(validations, &zeros, 0), 0);
}

static void a_ticket_validated_twice_at_once(void **state)
{
    const apr_uint64_t one = begin(1), again = begin(1);

    assert_true(one && again && one != again);
    assert_int_equal(logout(1), 1);
    assert_int_equal(finish(again), 1);
    assert_int_equal(finish(one), 1);
}

static void all_places_can_be_taken(void **state)
{
    apr_uint64_t places[PLACES];
    unsigned int i, round;

    for (round = 0; round < 3; round++) {
        for (i = 0; i < PLACES; i++) places[i] = begin(i * 1000 + round);
        for (i = 0; i < PLACES; i++) assert_true(places[i]);
        assert_true(begin(5) == 0); /* full: it goes on without a place */
        assert_int_equal(finish(0), 0);
        assert_int_equal(logout(5), 0);
        for (i = 0; i < PLACES; i++) assert_int_equal(logout(i * 1000 + round), 1);
        for (i = 0; i < PLACES; i++) assert_int_equal(finish(places[i]), 1);
    }
}

static void a_place_given_back_is_not_mistaken(void **state)
{
    apr_uint64_t first = begin(1), second;
    int i;

    for (i = 0; i < PLACES * 3; i++) { /* each place has been somebody else's since */
        assert_int_equal(finish(first), 0);
        second = begin(1);
        assert_true(second && second != first);
        assert_int_equal(finish(first), 1); /* not its own any more, and what came cannot be known */
        assert_int_equal(logout(1), 1);     /* nor did that give the other's place back */
        assert_int_equal(finish(second), 1);
        first = begin(1);
    }
    assert_int_equal(finish(first), 0);
}

static void numbers_that_no_begin_gave(void **state)
{
    static const apr_uint64_t odd[] = {1, PLACES, PLACES + 1, 0xFFFFFFFFull, 1ull << 32, ~0ull, (5ull << 32) | 1};
    const apr_uint64_t place = begin(1);
    int i;

    for (i = 0; i < COUNT(odd); i++) {
        if (odd[i] != place && finish(odd[i]) != 1) fail_msg("row %d", i);
    }
    assert_int_equal(logout(1), 1);
    assert_int_equal(finish(place), 1);
}

static void without_places(void **state)
{
    static const int counts[] = {0, -1};
    int i;

    for (i = 0; i < COUNT(counts); i++) {
        unmake(state);
        make_places(counts[i]);
        assert_true(begin(1) == 0);
        assert_int_equal(logout(1), 0);
        assert_int_equal(finish(1), 1);
    }
    assert_true(aten_validations_bytes(100) > aten_validations_bytes(99));
}

/* -- Time -- */

static void an_old_place_is_free(void **state)
{
    static const struct {
        apr_time_t after; /* it was taken */
        int held;
        const char *why;
    } rows[] = {
        {0, 1, "at once"},
        {SECONDS(ATEN_VALIDATION_SECONDS), 1, "not longer ago than that"},
        {SECONDS(ATEN_VALIDATION_SECONDS + 1), 0, "longer ago"},
        {SECONDS(86400), 0, "a day ago: its process died"},
        {-SECONDS(ATEN_VALIDATION_SECONDS), 1, "a clock was set back a little"},
        {-SECONDS(ATEN_VALIDATION_SECONDS + 1), 0, "by more: it would be held until time has come to it again"},
        {-SECONDS(86400), 0, "by a day"},
    };
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        const apr_time_t now = NOW + rows[i].after;
        apr_uint64_t places[PLACES], again;
        unsigned int n;

        for (n = 0; n < PLACES; n++) places[n] = begin_at(n, NOW);
        again = begin_at(9, now);
        if ((again == 0) != rows[i].held) fail_msg("taken: %s", rows[i].why);
        if (again) assert_int_equal(logout_at(9, now), 1);
        if (again) assert_int_equal(finish(again), 1);
        for (n = 0; n < PLACES; n++) {
            /* One of them lost its place, and cannot know. */
            const int lost = again && (places[n] & 0xFFFFFFFF) == (again & 0xFFFFFFFF);

            if (logout_at(n, now) != rows[i].held) fail_msg("found: %s", rows[i].why);
            if (finish(places[n]) != (rows[i].held || lost)) fail_msg("finished: %s", rows[i].why);
        }
    }
}

/* -- Threads and processes at once -- */

#define WORKERS 4
#define ROUNDS 30000

/* What workers share beside the places: which key each is validating, and what the one that logs people out found. */
typedef struct {
    _Atomic unsigned int working_on[WORKERS]; /* 0: nothing */
    _Atomic int ended;                        /* workers that have done their rounds */
    _Atomic int failures;
    _Atomic unsigned int found, told;         /* logouts that found a login; logins that were told */
} shared_t;

static shared_t *shared;

/* Of one worker, a number of its own for each round. It logs out every third of its own logins itself. */
static void work(unsigned int worker)
{
    unsigned int round;

    for (round = 1; round <= ROUNDS; round++) {
        const unsigned int number = worker << 24 | round;
        const apr_uint64_t place = begin(number);
        const int logs_out = round % 3 == 0;
        int told;

        /* There are as many places as workers, but while one looks at the last, the first may become free. */
        if (!place) continue;
        atomic_store(&shared->working_on[worker], number);
        if (logs_out && !logout(number)) atomic_fetch_add(&shared->failures, 1);
        atomic_store(&shared->working_on[worker], 0);
        told = finish(place);
        if (logs_out && !told) atomic_fetch_add(&shared->failures, 1);
        if (told && !logs_out) atomic_fetch_add(&shared->told, 1);
        if (finish(place) != 1) atomic_fetch_add(&shared->failures, 1);
    }
    atomic_fetch_add(&shared->ended, 1);
}

/* Of those that do not do it themselves, so that as many logins are told as logouts found one. */
static int log_out_once(unsigned int number, unsigned int *last)
{
    if (number <= *last || (number & 0xFFFFFF) % 3 == 0 || !logout(number)) return 0;
    *last = number;
    return 1;
}

/* Logs out what it sees being validated, what comes next, in the middle of its beginning too, and what nobody does. */
static void log_people_out(int workers)
{
    unsigned int seen[WORKERS], last[WORKERS] = {0};
    int i;

    for (i = 0; i < workers; i++) seen[i] = (unsigned int)i << 24;
    while (atomic_load(&shared->ended) < workers) {
        for (i = 0; i < workers; i++) {
            const unsigned int number = atomic_load(&shared->working_on[i]);

            if (logout(0x7f000000u | number)) atomic_fetch_add(&shared->failures, 1);
            if (number) seen[i] = number;
            if (log_out_once(seen[i], &last[i])) atomic_fetch_add(&shared->found, 1);
            if (log_out_once(seen[i] + 1, &last[i])) atomic_fetch_add(&shared->found, 1);
        }
    }
}

static int share(void **state)
{
    if (make_places(WORKERS)) return -1;
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return shared == MAP_FAILED ? -1 : 0;
}

static int stop_sharing(void **state)
{
    return munmap(shared, sizeof(*shared)) || unmake(state);
}

/* Nobody was told wrongly, and no place was left behind. */
static void assert_good_work(void)
{
    unsigned int i;

    assert_int_equal(atomic_load(&shared->failures), 0);
    assert_int_equal(atomic_load(&shared->found), atomic_load(&shared->told));
    for (i = 0; i < WORKERS; i++) assert_true(begin(i));
}

static void *thread_of(void *worker)
{
    work((unsigned int)(uintptr_t)worker);
    return NULL;
}

static void threads_at_once(void **state)
{
    pthread_t threads[WORKERS];
    uintptr_t i;

    alarm(TIME_LIMIT);
    for (i = 0; i < WORKERS; i++) assert_int_equal(pthread_create(&threads[i], NULL, thread_of, (void *)i), 0);
    log_people_out(WORKERS);
    for (i = 0; i < WORKERS; i++) pthread_join(threads[i], NULL);
    alarm(0);
    assert_good_work();
}

static pid_t process_of(void (*what)(unsigned int), unsigned int worker)
{
    const pid_t pid = fork();

    assert_true(pid >= 0);
    if (!pid) {
        alarm(TIME_LIMIT);
        what(worker);
        _exit(0);
    }
    return pid;
}

static void processes_at_once(void **state)
{
    pid_t pids[WORKERS];
    unsigned int i;
    int status;

    for (i = 0; i < WORKERS; i++) pids[i] = process_of(work, i);
    alarm(TIME_LIMIT);
    log_people_out(WORKERS);
    alarm(0);
    for (i = 0; i < WORKERS; i++) {
        assert_true(waitpid(pids[i], &status, 0) == pids[i]);
        assert_int_equal(status, 0);
    }
    assert_good_work();
}

/* For ever, until it is killed, wherever it may be then. */
static void work_for_ever(unsigned int worker)
{
    unsigned int round;

    for (round = 1;; round++) {
        const apr_uint64_t place = begin(worker << 24 | (round & 0xFFFFFF));

        atomic_fetch_add(&shared->working_on[worker], 1);
        logout(worker << 24 | (round & 0xFFFFFF));
        finish(place);
    }
}

static void killed_holders_leave_no_place_behind(void **state)
{
    apr_uint64_t places[WORKERS];
    unsigned int i, round;
    int status;

    alarm(TIME_LIMIT);
    for (round = 0; round < 40; round++) {
        const pid_t pid = process_of(work_for_ever, round % WORKERS);

        while (atomic_load(&shared->working_on[round % WORKERS]) < 10 + round * 7) usleep(50);
        kill(pid, SIGKILL);
        assert_true(waitpid(pid, &status, 0) == pid);
        atomic_store(&shared->working_on[round % WORKERS], 0);
    }
    alarm(0);
    for (i = 0; i < WORKERS; i++) {
        places[i] = begin_at(i, NOW + SECONDS(ATEN_VALIDATION_SECONDS + 1));
        if (!places[i]) fail_msg("place %u is lost", i);
    }
    for (i = 0; i < WORKERS; i++) {
        assert_int_equal(logout_at(i, NOW + SECONDS(ATEN_VALIDATION_SECONDS + 1)), 1);
        assert_int_equal(finish(places[i]), 1);
    }
}

/* Workers whose clocks are hours apart take each other's places all the time, in the middle of taking them too. Each
 * then has its own key in its place or has lost it: a logout never finds another's, and who was found is told. */
static void take_from_others(unsigned int worker)
{
    const apr_time_t now = NOW + worker * SECONDS(3600);
    unsigned int round;

    for (round = 1; round <= ROUNDS; round++) {
        const unsigned int number = worker << 24 | round;
        const apr_uint64_t place = begin_at(number, now);
        const int found = logout_at(number, now), told = finish(place);

        if (place && !told) atomic_fetch_add(&shared->failures, 1); /* neither found nor lost */
        if (found && (!place || !told)) atomic_fetch_add(&shared->failures, 1);
        if (logout_at(number, now)) atomic_fetch_add(&shared->failures, 1);
        if (found) atomic_fetch_add(&shared->found, 1);
    }
}

static void places_taken_from_the_living(void **state)
{
    pid_t pids[WORKERS];
    unsigned int i;
    int status;

    unmake(state);
    make_places(1); /* all want the same */
    for (i = 0; i < WORKERS; i++) pids[i] = process_of(take_from_others, i);
    for (i = 0; i < WORKERS; i++) {
        assert_true(waitpid(pids[i], &status, 0) == pids[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(atomic_load(&shared->failures), 0);
    assert_true(atomic_load(&shared->found) > 0);
}

#define WITH_PLACES(test) cmocka_unit_test_setup_teardown(test, make, unmake)
#define TOGETHER(test) cmocka_unit_test_setup_teardown(test, share, stop_sharing)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PLACES(a_logout_finds_the_login),
        WITH_PLACES(every_byte_of_the_key_counts),
        WITH_PLACES(a_key_of_zeros_is_none_of_a_free_place),
        WITH_PLACES(a_ticket_validated_twice_at_once),
        WITH_PLACES(all_places_can_be_taken),
        WITH_PLACES(a_place_given_back_is_not_mistaken),
        WITH_PLACES(numbers_that_no_begin_gave),
        WITH_PLACES(without_places),
        WITH_PLACES(an_old_place_is_free),
        TOGETHER(threads_at_once),
        TOGETHER(processes_at_once),
        TOGETHER(killed_holders_leave_no_place_behind),
        TOGETHER(places_taken_from_the_living),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
