#include "unit_redis.h"

#include <pthread.h>

#include <curl/curl.h>

#include "aten_store_shared.h"

#define START apr_time_from_sec(1488322800)
#define KEPT apr_time_from_sec(115200)
#define STEP apr_time_from_msec(100)
#define ROUNDS_MAX 400
#define READERS 64
#define BYTES ((apr_size_t)64 << 20)

/* --- servers: a local store, the table of functions, a carrier --- */

typedef struct {
    const char *dir;
    apr_pool_t *pool;
    aten_store_t *local, *table;
    aten_store_carrier_t *carrier;
    aten_store_shared_state_t state;
    aten_carried_t carried;
    const char *why;   /* of the last step; NULL */
    const char *said;  /* what was told last, with success */
    int times_said;
} node_t;

#define NODES 4

static node_t nodes[NODES];
static redis_server_t redis;
static aten_redis_address_t *address;
static apr_time_t now;

static void open_node(node_t *node)
{
    const char *error;

    apr_pool_create(&node->pool, NULL);
    error = aten_store_lmdb_open(&node->local, node->dir, BYTES, READERS, node->pool);
    if (!error) error = aten_store_shared_make(&node->table, node->local, address, &node->state, node->pool);
    if (error) fail_msg("%s", error);
    node->carrier = aten_store_carrier_make(node->local, address, &node->state, node->pool);
}

static void close_node(node_t *node)
{
    if (node->pool) apr_pool_destroy(node->pool);
    node->pool = NULL;
}

/* A new process on the same machine. */
static void open_again(node_t *node)
{
    close_node(node);
    memset(&node->state, 0, sizeof(node->state));
    open_node(node);
}

static void add_node(int i)
{
    static int number;

    nodes[i] = (node_t){.dir = in_dir(apr_psprintf(pool, "node-%d", number++))};
    assert_int_equal(mkdir(nodes[i].dir, 0700), 0);
    open_node(&nodes[i]);
}

static aten_carried_t step(node_t *node)
{
    apr_pool_t *p;
    const char *why = "untouched";

    apr_pool_create(&p, NULL);
    node->carried = aten_store_carry(node->carrier, KEPT, now, &why, p);
    node->why = why ? apr_pstrdup(pool, why) : NULL;
    if (why && node->carried != ATEN_CARRIED_NONE) {
        node->said = node->why;
        node->times_said++;
    }
    if (node->carried == ATEN_CARRIED_NONE) assert_non_null(why);
    apr_pool_destroy(p);
    now += STEP;
    return node->carried;
}

/* Until all have carried all, and once more: the first has to hear from the last. */
static void settle(int count)
{
    int round, i, all, calm = 0;

    for (round = 0; round < ROUNDS_MAX; round++) {
        for (i = 0, all = 0; i < count; i++) all += step(&nodes[i]) == ATEN_CARRIED_ALL;
        calm = all == count ? calm + 1 : 0;
        if (calm == 2) return;
    }
    for (i = 0; i < count; i++) print_error("%d: %s\n", i, nodes[i].why ? nodes[i].why : "");
    fail_msg("never at the end");
}

static aten_store_key_t key_of(unsigned int series, unsigned int number)
{
    aten_store_key_t key = {{0}};
    const unsigned int mixed = number * 2654435761u;

    memcpy(key.bytes, &mixed, sizeof(mixed));
    memcpy(key.bytes + 4, &number, sizeof(number));
    memcpy(key.bytes + 8, &series, sizeof(series));
    return key;
}

static aten_store_write_t used(unsigned int number)
{
    return (aten_store_write_t){.key = key_of(1, number), .until = now + apr_time_from_sec(3600)};
}

static aten_store_write_t ended(unsigned int number)
{
    return (aten_store_write_t){.key = key_of(2, number), .value = now, .until = now + apr_time_from_sec(7200),
                                .raise = 1};
}

static apr_status_t write_one(node_t *node, aten_store_write_t write)
{
    return node->table->write(node->table->baton, &write, 1, now);
}

static void end(node_t *node, unsigned int from, unsigned int to)
{
    unsigned int i;

    for (i = from; i < to; i += ATEN_STORE_WRITE_MAX) {
        aten_store_write_t writes[ATEN_STORE_WRITE_MAX];
        unsigned int n = 0;

        for (; n < ATEN_STORE_WRITE_MAX && i + n < to; n++) writes[n] = ended(i + n);
        assert_int_equal(node->table->write(node->table->baton, writes, (int)n, now), APR_SUCCESS);
    }
}

static apr_time_t value_of(const node_t *node, aten_store_key_t key)
{
    apr_time_t value;

    assert_int_equal(node->table->read(node->table->baton, &key, 1, &value, now), APR_SUCCESS);
    return value;
}

static int has_ended(const node_t *node, unsigned int number)
{
    return value_of(node, key_of(2, number)) > 0;
}

static unsigned int count_ended(const node_t *node, unsigned int from, unsigned int to)
{
    unsigned int i, count = 0;

    for (i = from; i < to; i++) count += (unsigned int)has_ended(node, i);
    return count;
}

static apr_size_t outbox(const node_t *node)
{
    aten_store_usage_t usage;

    assert_int_equal(aten_store_lmdb_usage(node->local, &usage), APR_SUCCESS);
    return usage.outbox;
}

static const char *in_redis(const char *prefix, aten_store_key_t key)
{
    char *text = apr_pcalloc(pool, 2 * sizeof(key.bytes) + 1);
    unsigned int i;

    for (i = 0; i < sizeof(key.bytes); i++) apr_snprintf(text + 2 * i, 3, "%02x", key.bytes[i]);
    return apr_pstrcat(pool, prefix, text, NULL);
}

static void assert_why(const node_t *node, const char *part)
{
    if (!node->why || !strstr(node->why, part)) fail_msg("'%s' does not say: %s", node->why ? node->why : "", part);
}

static void redis_parse(const char *url)
{
    const char *error = aten_redis_parse(&address, url, NULL, pool);

    if (error) fail_msg("%s", error);
}

/* Each test has a Redis and three servers of its own. */
static void begin_with(const char *words)
{
    int i;

    now = START;
    unlink(in_dir("test.rdb"));
    redis_start(&redis, words);
    redis_parse(apr_psprintf(pool, "redis://127.0.0.1:%d", redis.port));
    for (i = 0; i < 3; i++) add_node(i);
}

static int begin_test(void **state)
{
    begin_with("");
    return 0;
}

static int begin_durable(void **state)
{
    begin_with("--appendonly|yes|--appendfsync|always|--appenddirname|durable");
    return 0;
}

static int end_test(void **state)
{
    int i;

    for (i = 0; i < NODES; i++) close_node(&nodes[i]);
    kill(redis.pid, SIGCONT);
    redis_stop(&redis);
    return 0;
}

/* --- what was ended --- */

static void what_one_ends_all_know(void **state)
{
    aten_store_write_t mark = {.key = key_of(3, 1), .value = START - 5, .until = START + KEPT, .raise = 1};

    settle(3);
    end(&nodes[0], 1, 2);
    assert_int_equal(write_one(&nodes[1], mark), APR_SUCCESS);
    assert_int_equal(has_ended(&nodes[1], 1), 0);
    settle(3);
    assert_int_equal(has_ended(&nodes[1], 1), 1);
    assert_int_equal(has_ended(&nodes[2], 1), 1);
    assert_int_equal(value_of(&nodes[0], mark.key), START - 5);
    assert_int_equal(value_of(&nodes[2], mark.key), START - 5);
    assert_int_equal(outbox(&nodes[0]), 0);
    assert_int_equal(redis_number(&redis, "XLEN|aten:ended"), 2);
    assert_null(nodes[0].said);
}

static void the_database_is_that_of_the_address(void **state)
{
    int i;

    redis_parse(apr_psprintf(pool, "redis://127.0.0.1:%d/1", redis.port));
    for (i = 0; i < 3; i++) open_again(&nodes[i]);
    end(&nodes[0], 1, 2);
    assert_int_equal(write_one(&nodes[0], used(1)), APR_SUCCESS);
    settle(3);
    assert_int_equal(has_ended(&nodes[1], 1), 1);
    assert_int_equal(redis_number(&redis, "DBSIZE"), 0);
}

static void the_later_mark_stands_everywhere(void **state)
{
    aten_store_write_t early = {.key = key_of(3, 1), .value = START, .until = START + KEPT, .raise = 1}, late = early;

    late.value += 7;
    settle(3);
    write_one(&nodes[0], late);
    write_one(&nodes[1], early);
    settle(3);
    assert_int_equal(value_of(&nodes[0], early.key), START + 7);
    assert_int_equal(value_of(&nodes[1], early.key), START + 7);
    assert_int_equal(value_of(&nodes[2], early.key), START + 7);
}

static void quiet_records_stay(void **state)
{
    aten_store_write_t quiet_end = ended(1), quiet_use = used(1);

    quiet_end.quiet = quiet_use.quiet = 1;
    settle(3);
    assert_int_equal(write_one(&nodes[0], quiet_end), APR_SUCCESS);
    assert_int_equal(write_one(&nodes[0], quiet_use), APR_SUCCESS);
    settle(3);
    assert_int_equal(has_ended(&nodes[1], 1), 0);
    assert_int_equal(write_one(&nodes[1], used(1)), APR_SUCCESS);
}

/* Ten thousand, and one that comes later and starts from nothing. */
static void ten_thousand_are_carried(void **state)
{
    enum { MANY = 10000 };
    int i;

    settle(3);
    end(&nodes[0], 0, 4000);
    end(&nodes[1], 4000, 7000);
    end(&nodes[2], 7000, MANY);
    settle(3);
    for (i = 0; i < 3; i++) assert_int_equal(count_ended(&nodes[i], 0, MANY), MANY);
    add_node(3);
    assert_int_equal(aten_store_has_caught_up(nodes[3].local), 0);
    assert_int_equal(step(&nodes[3]), ATEN_CARRIED_SOME);
    assert_int_equal(nodes[3].state.caught_up, 0);
    settle(4);
    assert_int_equal(count_ended(&nodes[3], 0, MANY), MANY);
    assert_int_equal(nodes[3].state.caught_up, 1);
    for (i = 0; i < 4; i++) assert_int_equal(outbox(&nodes[i]), 0);
    assert_int_equal(redis_number(&redis, "XLEN|aten:ended"), MANY);
}

/* --- what is used once --- */

static void only_one_server_uses_a_key(void **state)
{
    assert_int_equal(write_one(&nodes[0], used(1)), APR_SUCCESS);
    assert_int_equal(write_one(&nodes[0], used(1)), APR_EEXIST);
    assert_int_equal(write_one(&nodes[1], used(1)), APR_EEXIST);
    assert_int_equal(value_of(&nodes[0], key_of(1, 1)), 0);
    assert_int_equal(value_of(&nodes[1], key_of(1, 1)), ATEN_STORE_ABSENT);
    assert_int_equal(outbox(&nodes[0]), 0); /* Redis has it already */
    assert_int_equal(write_one(&nodes[1], used(2)), APR_SUCCESS);
    assert_int_equal(write_one(&nodes[0], used(2)), APR_EEXIST);
}

static void of_several_keys_one_that_is_there_refuses_all(void **state)
{
    const aten_store_write_t writes[] = {used(1), used(2), ended(1)};
    aten_store_t *table = nodes[0].table;

    assert_int_equal(write_one(&nodes[1], used(2)), APR_SUCCESS);
    assert_int_equal(table->write(table->baton, writes, 3, now), APR_EEXIST);
    assert_int_equal(has_ended(&nodes[0], 1), 0);
    assert_int_equal(value_of(&nodes[0], key_of(1, 1)), ATEN_STORE_ABSENT);
    /* What was set before the other was found stays set: rather a login too few than one too many. */
    assert_int_equal(write_one(&nodes[0], used(1)), APR_EEXIST);
}

static void used_and_ended_in_one_write_take_their_ways(void **state)
{
    const aten_store_write_t writes[] = {used(1), ended(1), used(2)};
    aten_store_t *table = nodes[0].table;

    settle(3);
    assert_int_equal(table->write(table->baton, writes, 3, now), APR_SUCCESS);
    assert_int_equal(outbox(&nodes[0]), 1);
    settle(3);
    assert_int_equal(has_ended(&nodes[1], 1), 1);
    assert_int_equal(write_one(&nodes[1], used(2)), APR_EEXIST);
}

static void what_makes_no_sense_never_reaches_redis(void **state)
{
    aten_store_write_t past = used(1), negative = used(1), nine[ATEN_STORE_WRITE_MAX + 1];
    aten_store_t *table = nodes[0].table;
    int i;

    past.until = now;
    negative.value = -1;
    for (i = 0; i < COUNT(nine); i++) nine[i] = used((unsigned int)i);
    assert_int_equal(write_one(&nodes[0], past), APR_EINVAL);
    assert_int_equal(write_one(&nodes[0], negative), APR_EINVAL);
    assert_int_equal(table->write(table->baton, nine, COUNT(nine), now), APR_EINVAL);
    assert_int_equal(table->write(table->baton, nine, 0, now), APR_EINVAL);
    assert_int_equal(write_one(&nodes[1], used(1)), APR_SUCCESS);
}

typedef struct {
    node_t *node;
    int won;
} runner_t;

#define RUNNERS 8
#define RACES 100

static void *race(void *runner_)
{
    runner_t *runner = runner_;
    unsigned int i;

    for (i = 0; i < RACES; i++) {
        const apr_status_t status = write_one(runner->node, used(i));

        if (status == APR_SUCCESS) runner->won++;
        else if (status != APR_EEXIST) runner->won += RUNNERS * RACES;
    }
    return NULL;
}

static void of_many_at_the_same_moment_one_wins(void **state)
{
    runner_t runners[RUNNERS];
    pthread_t threads[RUNNERS];
    int i, won = 0;

    for (i = 0; i < RUNNERS; i++) {
        runners[i] = (runner_t){&nodes[i % 2], 0};
        assert_int_equal(pthread_create(&threads[i], NULL, race, &runners[i]), 0);
    }
    for (i = 0; i < RUNNERS; i++) {
        pthread_join(threads[i], NULL);
        won += runners[i].won;
    }
    assert_int_equal(won, RACES);
    assert_int_equal(nodes[0].state.away + nodes[1].state.away, 0);
}

/* --- find and expect --- */

static apr_status_t find(node_t *node, aten_store_key_t key, apr_time_t *value)
{
    *value = -7;
    return node->table->find(node->table->baton, &key, value, now);
}

static void others_are_asked_for_a_key(void **state)
{
    apr_time_t value;

    settle(3);
    assert_int_equal(find(&nodes[1], key_of(1, 1), &value), APR_NOTFOUND);
    write_one(&nodes[0], used(1));
    assert_int_equal(find(&nodes[1], key_of(1, 1), &value), APR_SUCCESS);
    assert_int_equal(value, 0);
    end(&nodes[0], 1, 2);
    assert_int_equal(find(&nodes[0], key_of(2, 1), &value), APR_SUCCESS);
    assert_true(value > 0);
    redis_stop(&redis);
    assert_int_equal(find(&nodes[0], key_of(2, 1), &value), APR_SUCCESS); /* here it is: nobody is asked */
    assert_int_equal(find(&nodes[1], key_of(1, 1), &value), APR_EAGAIN);
    assert_int_equal(find(&nodes[1], key_of(1, 1), &value), APR_EAGAIN);
    assert_int_equal(nodes[1].state.away, 1);
}

static void an_expected_key_is_found_for_a_while(void **state)
{
    const aten_store_key_t key = key_of(4, 1);
    const char *name = in_redis("aten:expected:", key);
    apr_time_t value;
    long long left;

    nodes[0].table->expect(nodes[0].table->baton, &key, now);
    assert_int_equal(find(&nodes[1], key, &value), APR_EINPROGRESS);
    assert_int_equal(find(&nodes[0], key, &value), APR_EINPROGRESS);
    assert_int_equal(value_of(&nodes[0], key), ATEN_STORE_ABSENT);
    left = redis_number(&redis, apr_pstrcat(pool, "PTTL|", name, NULL));
    assert_in_range(left, 1000, ATEN_STORE_EXPECTED_SECONDS * 1000);
    redis_do(&redis, apr_pstrcat(pool, "DEL|", name, NULL));
    assert_int_equal(find(&nodes[1], key, &value), APR_NOTFOUND);
    assert_int_equal(redis_number(&redis, apr_pstrcat(pool, "EXISTS|", name, NULL)), 0);
    redis_stop(&redis);
    nodes[0].table->expect(nodes[0].table->baton, &key, now);
    assert_int_equal(nodes[0].state.away, 1);
}

/* A logout of a login that is under way at another server: nothing is written for it, and the login is refused. */
static void a_logout_of_what_is_expected_refuses_its_login(void **state)
{
    apr_time_t value;
    aten_store_key_t ended, other;

    settle(3);
    ended = used(1).key;
    other = used(2).key;
    nodes[0].table->expect(nodes[0].table->baton, &ended, now);
    nodes[0].table->expect(nodes[0].table->baton, &other, now);
    assert_int_equal(find(&nodes[1], ended, &value), APR_EINPROGRESS);
    assert_int_equal(outbox(&nodes[1]), 0);
    assert_int_equal(redis_number(&redis, "XLEN|aten:ended"), 0);
    assert_int_equal(write_one(&nodes[0], used(1)), APR_EEXIST);
    assert_int_equal(value_of(&nodes[0], ended), ATEN_STORE_ABSENT);
    assert_int_equal(write_one(&nodes[0], used(2)), APR_SUCCESS);
    /* From now on it is known, and a logout ends it everywhere. */
    assert_int_equal(find(&nodes[1], other, &value), APR_SUCCESS);
}

/* --- away --- */

static void while_redis_is_away_the_local_store_decides(void **state)
{
    settle(3);
    redis_stop(&redis);
    assert_int_equal(write_one(&nodes[0], used(1)), APR_SUCCESS);
    assert_int_equal(nodes[0].state.away, 1);
    assert_int_equal(write_one(&nodes[0], used(1)), APR_EEXIST);
    assert_int_equal(outbox(&nodes[0]), 1);
    assert_int_equal(step(&nodes[0]), ATEN_CARRIED_NONE);
    assert_why(&nodes[0], "redis://127.0.0.1:");
    assert_int_equal(nodes[0].state.away, 1);
    assert_int_equal(outbox(&nodes[0]), 1);
    redis_start_again(&redis);
    settle(3);
    assert_int_equal(nodes[0].state.away, 0);
    assert_int_equal(outbox(&nodes[0]), 0);
    assert_int_equal(write_one(&nodes[1], used(1)), APR_EEXIST); /* the others have heard of it */
    assert_int_equal(write_one(&nodes[1], used(2)), APR_SUCCESS);
}

/* Two have used the same key while they did not know of each other: both are told on, and none is stuck. */
static void what_two_have_used_is_no_error_afterwards(void **state)
{
    settle(3);
    redis_stop(&redis);
    assert_int_equal(write_one(&nodes[0], used(1)), APR_SUCCESS);
    assert_int_equal(write_one(&nodes[1], used(1)), APR_SUCCESS);
    redis_start_again(&redis);
    settle(3);
    assert_int_equal(outbox(&nodes[0]) + outbox(&nodes[1]), 0);
    assert_int_equal(write_one(&nodes[2], used(1)), APR_EEXIST);
}

/* An answer that came too late, or was lost: the login goes on, and Redis has its key once. */
static void a_lost_answer_refuses_nobody(void **state)
{
    settle(3);
    assert_int_equal(write_one(&nodes[0], used(1)), APR_SUCCESS); /* connected */
    kill(redis.pid, SIGSTOP);
    assert_int_equal(write_one(&nodes[0], used(2)), APR_SUCCESS);
    assert_int_equal(nodes[0].state.away, 1);
    kill(redis.pid, SIGCONT);
    now += apr_time_from_sec(5);
    settle(3);
    assert_int_equal(outbox(&nodes[0]), 0);
    assert_int_equal(write_one(&nodes[1], used(2)), APR_EEXIST);
}

static void a_redis_that_stops_answering_is_away(void **state)
{
    settle(3);
    end(&nodes[0], 1, 2);
    kill(redis.pid, SIGSTOP);
    assert_int_equal(step(&nodes[0]), ATEN_CARRIED_NONE);
    assert_why(&nodes[0], "no answer in time");
    assert_int_equal(outbox(&nodes[0]), 1);
    kill(redis.pid, SIGCONT);
    settle(3);
    assert_int_equal(has_ended(&nodes[2], 1), 1);
}

static void it_is_not_tried_at_each_call(void **state)
{
    const char *first;

    settle(3);
    redis_stop(&redis);
    step(&nodes[0]);
    first = nodes[0].why;
    redis_start_again(&redis);
    assert_int_equal(step(&nodes[0]), ATEN_CARRIED_NONE);
    assert_string_equal(nodes[0].why, first);
    now -= apr_time_from_sec(60); /* a clock that is set back does not make it wait */
    assert_int_not_equal(step(&nodes[0]), ATEN_CARRIED_NONE);
}

static void outage(unsigned int from)
{
    int i;

    redis_stop(&redis);
    for (i = 0; i < 3; i++) {
        end(&nodes[i], from + 1000 * (unsigned int)i, from + 1000 * (unsigned int)i + 700);
        assert_int_equal(step(&nodes[i]), ATEN_CARRIED_NONE);
    }
    redis_start_again(&redis);
    settle(3);
    for (i = 0; i < 3; i++) assert_int_equal(count_ended(&nodes[i], from, from + 3000), 2100);
}

static void what_an_outage_delayed_is_delivered(void **state)
{
    settle(3);
    end(&nodes[0], 0, 100);
    settle(3);
    outage(10000);
    assert_int_equal(count_ended(&nodes[2], 0, 100), 100);
    assert_null(nodes[0].said); /* nothing was lost */
    add_node(3);
    settle(4);
    assert_int_equal(count_ended(&nodes[3], 0, 20000), 2200);
}

/* --- a Redis that has lost its data --- */

static void assert_all_is_there_again(unsigned int to)
{
    add_node(3);
    settle(4);
    assert_int_equal(count_ended(&nodes[3], 0, to), to);
}

static void a_redis_without_its_data_is_given_them_back(void **state)
{
    settle(3);
    end(&nodes[0], 0, 1500);
    assert_int_equal(write_one(&nodes[1], used(1)), APR_SUCCESS);
    settle(3);
    close_node(&nodes[0]); /* those that it wrote, the others have as well */
    redis_stop(&redis);
    redis_start_again(&redis);
    while (!nodes[1].said) assert_int_equal(step(&nodes[1]), ATEN_CARRIED_SOME);
    assert_non_null(strstr(nodes[1].said, "lost its data"));
    while (step(&nodes[1]) == ATEN_CARRIED_SOME) {}
    assert_non_null(strstr(nodes[1].said, "1501 records"));
    assert_int_equal(nodes[1].times_said, 2);
    assert_int_equal(write_one(&nodes[2], used(1)), APR_EEXIST);
    add_node(0);
    settle(3);
    assert_int_equal(count_ended(&nodes[0], 0, 1500), 1500);
    assert_int_equal(nodes[1].times_said, 2);
}

static void a_redis_without_its_data_and_an_outage(void **state)
{
    settle(3);
    end(&nodes[0], 0, 100);
    settle(3);
    outage(100);
    assert_non_null(nodes[0].said);
    add_node(3);
    settle(4);
    assert_int_equal(count_ended(&nodes[3], 0, 20000), 2200);
}

static void flushing_is_noticed_at_once(void **state)
{
    settle(3);
    end(&nodes[0], 0, 50);
    settle(3);
    redis_do(&redis, "FLUSHALL");
    end(&nodes[1], 50, 60); /* goes into the new stream before anybody has looked */
    settle(3);
    assert_non_null(strstr(nodes[0].said, "were given"));
    assert_all_is_there_again(60);
}

/* No stream yet: what was used is all that Redis has. */
static void used_keys_that_were_flushed_are_given_back(void **state)
{
    settle(3);
    assert_int_equal(write_one(&nodes[0], used(1)), APR_SUCCESS);
    redis_do(&redis, "FLUSHALL");
    settle(3);
    assert_int_equal(write_one(&nodes[1], used(1)), APR_EEXIST);
}

/* The stream alone is gone: an eviction, or somebody's hand. */
static void a_stream_that_is_gone_is_noticed(void **state)
{
    settle(3);
    end(&nodes[0], 0, 50);
    settle(3);
    redis_do(&redis, "DEL|aten:ended");
    settle(3);
    assert_non_null(nodes[1].said);
    assert_all_is_there_again(50);
}

/* Redis is back with an old save: what came after that is lost, though epoch and stream are there. */
static void an_old_save_is_noticed(void **state)
{
    settle(3);
    end(&nodes[0], 0, 20);
    settle(3);
    redis_do(&redis, "SAVE");
    end(&nodes[1], 20, 40);
    assert_int_equal(write_one(&nodes[2], used(1)), APR_SUCCESS);
    settle(3);
    close_node(&nodes[2]);
    redis_stop(&redis);
    redis_start_again(&redis);
    /* One writes before the others look: the end of the stream is behind what they have read again. */
    end(&nodes[0], 40, 41);
    settle(2);
    assert_non_null(strstr(nodes[0].said, "lost"));
    assert_non_null(strstr(nodes[1].said, "given"));
    open_node(&nodes[2]);
    assert_all_is_there_again(41);
}

/* The stream is as it was, but a key that was used since the save is missing. */
static void used_keys_that_an_old_save_lacks_are_given_back(void **state)
{
    settle(3);
    end(&nodes[0], 0, 20);
    settle(3);
    redis_do(&redis, "SAVE");
    assert_int_equal(write_one(&nodes[1], used(1)), APR_SUCCESS);
    redis_stop(&redis);
    redis_start_again(&redis);
    settle(3);
    assert_int_equal(write_one(&nodes[0], used(1)), APR_EEXIST);
    assert_null(nodes[0].said);
    assert_null(nodes[1].said);
}

/* Redis goes between the sending of a record and the reading of it: the sender knows what it has sent. */
static void what_was_sent_and_not_yet_read_is_not_lost(void **state)
{
    settle(3);
    redis_do(&redis, "SAVE");
    end(&nodes[0], 0, 30);
    step(&nodes[0]);
    assert_int_equal(outbox(&nodes[0]), 0);
    redis_stop(&redis);
    redis_start_again(&redis);
    settle(3);
    assert_int_equal(count_ended(&nodes[1], 0, 30), 30);
}

/* Redis is back with a save that has what this server has read, but not what it has sent. The first that it hears of
 * it is in the answers to a step that sends more. */
static void what_was_sent_ahead_of_reading_is_not_lost(void **state)
{
    settle(3);
    end(&nodes[1], 0, 1500);
    while (step(&nodes[1]) != ATEN_CARRIED_ALL) {}
    redis_do(&redis, "SAVE");
    end(&nodes[0], 5000, 5001);
    assert_int_equal(step(&nodes[0]), ATEN_CARRIED_SOME);
    assert_int_equal(outbox(&nodes[0]), 0);
    redis_stop(&redis);
    redis_start_again(&redis);
    end(&nodes[0], 5001, 5002);
    settle(3);
    assert_int_equal(count_ended(&nodes[2], 5000, 5002), 2);
    assert_int_equal(count_ended(&nodes[0], 0, 1500), 1500);
}

/* The process ends in the middle of giving: the next one begins anew. */
static void giving_back_survives_a_restart(void **state)
{
    settle(3);
    end(&nodes[0], 0, 3000);
    settle(3);
    close_node(&nodes[1]);
    close_node(&nodes[2]);
    redis_do(&redis, "FLUSHALL");
    assert_int_equal(step(&nodes[0]), ATEN_CARRIED_SOME);
    assert_int_equal(step(&nodes[0]), ATEN_CARRIED_SOME);
    open_again(&nodes[0]);
    assert_int_equal(step(&nodes[0]), ATEN_CARRIED_SOME);
    open_again(&nodes[0]);
    settle(1);
    open_node(&nodes[1]);
    open_node(&nodes[2]);
    assert_all_is_there_again(3000);
}

/* Records of the time before the store was shared. */
static void a_server_brings_its_records_along(void **state)
{
    aten_store_write_t write = ended(1);

    assert_int_equal(aten_store_lmdb_share(nodes[0].local, 0), APR_SUCCESS);
    assert_int_equal(nodes[0].local->write(nodes[0].local->baton, &write, 1, now), APR_SUCCESS);
    open_again(&nodes[0]);
    settle(3);
    assert_int_equal(has_ended(&nodes[1], 1), 1);
    assert_non_null(strstr(nodes[0].said, "1 records"));
    assert_null(nodes[1].said);
}

static void connections_that_break_lose_nothing(void **state)
{
    int i;

    settle(3);
    for (i = 0; i < 20; i++) {
        end(&nodes[i % 3], (unsigned int)i * 10, (unsigned int)i * 10 + 10);
        redis_do(&redis, "CLIENT|KILL|TYPE|normal");
        step(&nodes[(i + 1) % 3]);
    }
    settle(3);
    for (i = 0; i < 3; i++) assert_int_equal(count_ended(&nodes[i], 0, 200), 200);
    assert_null(nodes[0].said);
}

/* Two carriers for one store, as where httpd's old generation has not ended yet. */
static void two_carriers_do_no_harm(void **state)
{
    node_t second;
    int i;

    settle(3);
    second = nodes[0];
    second.carrier = aten_store_carrier_make(second.local, address, &second.state, second.pool);
    for (i = 0; i < 10; i++) {
        end(&nodes[0], (unsigned int)i * 100, (unsigned int)i * 100 + 100);
        step(i % 2 ? &second : &nodes[0]);
        end(&nodes[1], 5000 + (unsigned int)i, 5001 + (unsigned int)i);
        step(&nodes[1]);
        step(i % 3 ? &second : &nodes[0]);
    }
    settle(3);
    assert_int_equal(count_ended(&nodes[2], 0, 1000), 1000);
    assert_int_equal(count_ended(&nodes[0], 5000, 5010), 10);
    assert_null(nodes[0].said);
    assert_null(second.said);
}

/* --- a Redis that refuses --- */

static const struct {
    const char *before, *after, *part;
} refusals[] = {
    {"SELECT|0", "SELECT|0", NULL}, /* none */
    {"CONFIG|SET|maxmemory|1", "CONFIG|SET|maxmemory|0", "OOM"},
    {"REPLICAOF|127.0.0.1|1", "REPLICAOF|NO|ONE", "READONLY"},
    {"ACL|SETUSER|default|-xadd", "ACL|SETUSER|default|+xadd", "NOPERM"},
    {"ACL|SETUSER|default|-xrange", "ACL|SETUSER|default|+xrange", "NOPERM"},
    {"ACL|SETUSER|default|-get", "ACL|SETUSER|default|+get", "NOPERM"},
};

static void what_is_refused_is_kept(void **state)
{
    unsigned int i;

    settle(3);
    for (i = 0; i < (unsigned int)COUNT(refusals); i++) {
        redis_do(&redis, refusals[i].before);
        end(&nodes[0], i * 10, i * 10 + 10);
        if (refusals[i].part) {
            assert_int_equal(step(&nodes[0]), ATEN_CARRIED_NONE);
            assert_why(&nodes[0], refusals[i].part);
            assert_int_equal(nodes[0].state.away, 1);
            assert_int_equal(outbox(&nodes[0]), 10);
            assert_int_equal(write_one(&nodes[0], used(i)), APR_SUCCESS);
        }
        redis_do(&redis, refusals[i].after);
        settle(3);
        assert_int_equal(count_ended(&nodes[1], i * 10, i * 10 + 10), 10);
    }
    assert_int_equal(nodes[0].state.away, 0);
}

static void set_that_is_refused_leaves_it_to_the_local_store(void **state)
{
    settle(3);
    redis_do(&redis, "ACL|SETUSER|default|-set");
    assert_int_equal(write_one(&nodes[0], used(1)), APR_SUCCESS);
    assert_int_equal(nodes[0].state.away, 1);
    assert_int_equal(outbox(&nodes[0]), 1);
    end(&nodes[0], 0, 5);
    assert_int_equal(step(&nodes[0]), ATEN_CARRIED_NONE);
    assert_why(&nodes[0], "SET was refused: NOPERM");
    redis_do(&redis, "ACL|SETUSER|default|+set");
    settle(3);
    assert_int_equal(write_one(&nodes[1], used(1)), APR_EEXIST);
}

/* What comes before the one that is refused is sent again and again, but ever less of it. */
static void what_is_refused_for_long_does_not_fill_the_stream(void **state)
{
    int i;

    settle(3);
    end(&nodes[0], 0, 24);
    nodes[0].state.away = 1;
    assert_int_equal(write_one(&nodes[0], used(1)), APR_SUCCESS);
    redis_do(&redis, "ACL|SETUSER|default|-set");
    for (i = 0; i < 30; i++) {
        step(&nodes[0]);
        now += apr_time_from_sec(1);
    }
    assert_int_equal(nodes[0].carried, ATEN_CARRIED_NONE);
    assert_int_equal(outbox(&nodes[0]), 1);
    assert_in_range(redis_number(&redis, "XLEN|aten:ended"), 24, 4 * 24);
}

/* Who may not ask INFO still carries. */
static void a_user_with_few_rights_is_enough(void **state)
{
    redis_do(&redis, "ACL|SETUSER|aten|on|>pw|resetkeys|~aten:*|+get|+set|+xadd|+xrange|+time|+select");
    redis_parse(apr_psprintf(pool, "redis://aten:pw@127.0.0.1:%d/1", redis.port));
    open_again(&nodes[0]);
    open_again(&nodes[1]);
    end(&nodes[0], 0, 10);
    settle(2);
    assert_int_equal(count_ended(&nodes[1], 0, 10), 10);
    redis_do(&redis, "ACL|SETUSER|aten|resetpass|>other");
    redis_do(&redis, "CLIENT|KILL|USER|aten");
    end(&nodes[0], 10, 20);
    assert_int_equal(step(&nodes[0]), ATEN_CARRIED_NONE);
    assert_why(&nodes[0], "WRONGPASS");
    assert_int_equal(outbox(&nodes[0]), 10);
}

/* --- what others have written into the stream and beside it --- */

#define HEX "00112233445566778899aabbccddeeff"

static const aten_store_key_t hex_key = {
    {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}
};

static const struct {
    const char *entry, *reason;
} malformed[] = {
    {"a|b", "other fields"},
    {"key|" HEX "|value|1", "one is missing"},
    {"value|1|key|" HEX "|until|9000000000000000", "another order"},
    {"key|" HEX "00|value|1|until|9000000000000000", "a key too long"},
    {"key|" HEX "z|value|1|until|9000000000000000", "a key and something behind"},
    {"key|0011|value|1|until|9000000000000000", "a key too short"},
    {"key|00112233445566778899AABBCCDDEEFF|value|1|until|9000000000000000", "capitals"},
    {"key|zz112233445566778899aabbccddeeff|value|1|until|9000000000000000", "not hexadecimal"},
    {"key|" HEX "|value|-1|until|9000000000000000", "a value below 0"},
    {"key|" HEX "|value||until|9000000000000000", "no value"},
    {"key|" HEX "|value|1x|until|9000000000000000", "no number"},
    {"key|" HEX "|value|1|until|99999999999999999999", "no such number"},
    {"key|" HEX "|value| 1|until|9000000000000000", "a blank"},
};

static void malformed_entries_are_passed_over(void **state)
{
    int i;

    settle(3);
    for (i = 0; i < COUNT(malformed); i++) {
        redis_do(&redis, apr_pstrcat(pool, "XADD|aten:ended|*|", malformed[i].entry, NULL));
        settle(3);
        if (value_of(&nodes[0], hex_key) != ATEN_STORE_ABSENT) fail_msg("taken: %s", malformed[i].reason);
    }
    assert_int_equal(nodes[0].times_said, 1); /* once, not once an entry */
    assert_non_null(strstr(nodes[0].said, "none of this module's"));
    end(&nodes[1], 0, 5);
    settle(3);
    assert_int_equal(count_ended(&nodes[0], 0, 5), 5);
    now += apr_time_from_sec(3601);
    redis_do(&redis, "XADD|aten:ended|*|a|b");
    settle(3);
    assert_int_equal(nodes[0].times_said, 2);
}

static void fields_of_a_later_version_do_not_matter(void **state)
{
    settle(3);
    redis_do(&redis, "XADD|aten:ended|*|key|" HEX "|value|5|until|1488326400000000|more|x");
    settle(3);
    assert_int_equal(value_of(&nodes[2], hex_key), 5);
}

/* It counts for a minute more, and not for ever; nor does it stand for ever. */
static void marks_of_the_future_are_of_now(void **state)
{
    apr_time_t value;

    settle(3);
    redis_do(&redis, "XADD|aten:ended|*|key|" HEX "|value|9000000000000000|until|9100000000000000");
    settle(3);
    value = value_of(&nodes[0], hex_key);
    assert_true(value > START);
    assert_true(value <= now + apr_time_from_sec(60));
    assert_int_equal(nodes[0].times_said, 1);
    assert_non_null(strstr(nodes[0].said, "future"));
    now += KEPT + apr_time_from_sec(1);
    assert_int_equal(value_of(&nodes[0], hex_key), ATEN_STORE_ABSENT);
}

static void expired_records_are_not_carried(void **state)
{
    settle(3);
    end(&nodes[0], 0, 10);
    write_one(&nodes[0], used(1));
    now += apr_time_from_sec(7201);
    settle(3);
    assert_int_equal(outbox(&nodes[0]), 0);
    assert_int_equal(redis_number(&redis, "XLEN|aten:ended"), 0);
}

static void what_is_no_stream_is_told(void **state)
{
    settle(3);
    end(&nodes[0], 0, 10);
    redis_do(&redis, "SET|aten:ended|x");
    assert_int_equal(step(&nodes[0]), ATEN_CARRIED_NONE);
    assert_why(&nodes[0], "WRONGTYPE");
    assert_int_equal(outbox(&nodes[0]), 10);
    redis_do(&redis, "DEL|aten:ended");
    settle(3);
    assert_int_equal(count_ended(&nodes[1], 0, 10), 10);
}

static void what_is_no_epoch_is_told(void **state)
{
    settle(3);
    redis_do(&redis, "SET|aten:epoch|with blanks");
    step(&nodes[0]);
    assert_int_equal(step(&nodes[0]), ATEN_CARRIED_NONE);
    assert_why(&nodes[0], "aten:epoch");
    redis_do(&redis, "DEL|aten:epoch");
    redis_do(&redis, "LPUSH|aten:epoch|x");
    now += apr_time_from_sec(1);
    assert_int_equal(step(&nodes[0]), ATEN_CARRIED_NONE);
    assert_why(&nodes[0], "WRONGTYPE");
    redis_do(&redis, "DEL|aten:epoch");
    settle(3);
}

static void add_large(int count, int kilobytes)
{
    char *large = apr_palloc(pool, (apr_size_t)kilobytes * 1024 + 1);
    int i;

    memset(large, 'x', (apr_size_t)kilobytes * 1024);
    large[kilobytes * 1024] = '\0';
    for (i = 0; i < count; i++) redis_do(&redis, apr_pstrcat(pool, "XADD|aten:ended|*|a|", large, NULL));
}

static void large_entries_are_passed_over(void **state)
{
    settle(3);
    end(&nodes[1], 0, 10);
    step(&nodes[1]);
    add_large(30, 700);
    end(&nodes[1], 10, 20);
    settle(3);
    assert_int_equal(count_ended(&nodes[0], 0, 20), 20);
}

static void an_entry_too_large_is_named(void **state)
{
    redisReply *reply;
    int i;

    settle(3);
    end(&nodes[0], 0, 10);
    settle(3);
    add_large(1, 5000);
    for (i = 0; i < 20 && step(&nodes[0]) != ATEN_CARRIED_NONE; i++) {}
    assert_int_equal(nodes[0].carried, ATEN_CARRIED_NONE);
    assert_why(&nodes[0], "XDEL");
    reply = redis_say(&redis, "XREVRANGE|aten:ended|+|-|COUNT|1");
    redis_do(&redis, apr_pstrcat(pool, "XDEL|aten:ended|", reply->element[0]->element[0]->str, NULL));
    freeReplyObject(reply);
    end(&nodes[1], 10, 20);
    settle(3);
    assert_int_equal(count_ended(&nodes[0], 0, 20), 20);
}

/* --- trimming --- */

static void add_old(apr_time_t when, int count)
{
    int i;

    for (i = 1; i <= count; i++) {
        redis_do(&redis, apr_psprintf(pool, "XADD|aten:ended|%" APR_TIME_T_FMT "-%d|key|" HEX "|value|1|until|1",
                                      apr_time_as_msec(when), i));
    }
}

static void old_entries_are_trimmed(void **state)
{
    settle(3);
    add_old(START - KEPT - apr_time_from_sec(10800), 300);
    add_old(START - apr_time_from_sec(3600), 100);
    settle(3);
    end(&nodes[0], 0, 1);
    settle(3);
    assert_in_range(redis_number(&redis, "XLEN|aten:ended"), 101, 201);
    assert_null(nodes[1].said);
}

/* A server whose clock is years ahead takes nothing away that others have not read. */
static void a_clock_that_is_ahead_trims_nothing(void **state)
{
    const apr_time_t right = now;

    settle(3);
    add_old(START, 300);
    step(&nodes[0]);
    now += apr_time_from_sec(10 * 365 * 86400);
    end(&nodes[0], 0, 1);
    step(&nodes[0]);
    now = right + apr_time_from_sec(60);
    assert_int_equal(redis_number(&redis, "XLEN|aten:ended"), 301);
}

/* The last entry that a server has read was trimmed after a long silence: nothing is lost. */
static void silence_is_no_loss(void **state)
{
    settle(3);
    add_old(START, 150);
    settle(3);
    redis_do(&redis, "XTRIM|aten:ended|MAXLEN|0");
    now += KEPT + apr_time_from_sec(60);
    end(&nodes[0], 0, 2500);
    open_again(&nodes[2]); /* on a new connection as well */
    settle(1);
    settle(3);
    assert_int_equal(count_ended(&nodes[1], 0, 2500), 2500);
    assert_int_equal(count_ended(&nodes[2], 0, 2500), 2500);
    assert_null(nodes[0].said);
    assert_null(nodes[1].said);
    assert_null(nodes[2].said);
}

/* --- catching up; what a step costs --- */

static void catching_up_is_noted(void **state)
{
    redis_stop(&redis);
    assert_int_equal(step(&nodes[0]), ATEN_CARRIED_NONE);
    assert_int_equal(nodes[0].state.caught_up, 0);
    assert_int_equal(aten_store_has_caught_up(nodes[0].local), 0);
    redis_start_again(&redis);
    settle(3);
    assert_int_equal(nodes[0].state.caught_up, 1);
    assert_int_equal(aten_store_has_caught_up(nodes[0].local), 1);
    redis_stop(&redis);
    open_again(&nodes[0]);
    assert_int_equal(step(&nodes[0]), ATEN_CARRIED_NONE);
    assert_int_equal(nodes[0].state.caught_up, 0); /* since it started */
    assert_int_equal(aten_store_has_caught_up(nodes[0].local), 1);
}

static long long commands_done(void)
{
    redisReply *reply = redis_say(&redis, "INFO|stats");
    const char *at = strstr(reply->str, "total_commands_processed:");
    const long long count = strtoll(strchr(at, ':') + 1, NULL, 10);

    freeReplyObject(reply);
    return count;
}

static void a_step_without_news_is_cheap(void **state)
{
    apr_uint64_t version;
    long long before;
    int i;

    settle(3);
    end(&nodes[0], 0, 10);
    settle(3);
    version = nodes[0].local->version(nodes[0].local->baton);
    before = commands_done();
    for (i = 0; i < 50; i++) assert_int_equal(step(&nodes[0]), ATEN_CARRIED_ALL);
    assert_int_equal(commands_done() - before, 2 * 50 + 1); /* GET and XRANGE; INFO is the test's */
    assert_int_equal(nodes[0].local->version(nodes[0].local->baton), version); /* nothing was written here */
}

/* One server's store is full: it says so, the others go on, and it misses nothing once there is room. */
static void a_full_local_store_loses_nothing(void **state)
{
    enum { MANY = 60000 };
    const char *error;
    int i;

    settle(3);
    close_node(&nodes[1]);
    end(&nodes[0], 0, MANY);
    end(&nodes[0], MANY, MANY + 1);
    while (step(&nodes[0]) == ATEN_CARRIED_SOME) {}
    apr_pool_create(&nodes[1].pool, NULL);
    error = aten_store_lmdb_open(&nodes[1].local, nodes[1].dir, ATEN_STORE_BYTES_MIN, READERS, nodes[1].pool);
    assert_null(error);
    nodes[1].carrier = aten_store_carrier_make(nodes[1].local, address, &nodes[1].state, nodes[1].pool);
    nodes[1].state.away = 0;
    for (i = 0; i < 2 * MANY / ATEN_STORE_BATCH_MAX && step(&nodes[1]) != ATEN_CARRIED_NONE; i++) {}
    assert_int_equal(nodes[1].carried, ATEN_CARRIED_NONE);
    assert_why(&nodes[1], "the local store failed");
    assert_int_equal(nodes[1].state.away, 0); /* Redis is there */
    open_again(&nodes[1]);                    /* with more room */
    settle(3);
    assert_int_equal(count_ended(&nodes[1], 0, MANY + 1), MANY + 1);
}

static int begin(void **state)
{
    if (setup(state) || make_dir() || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return -1;
    return 0;
}

static int finish(void **state)
{
    remove_dir();
    teardown(state);
    curl_global_cleanup();
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_test, end_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_one_ends_all_know),
        TEST(the_database_is_that_of_the_address),
        TEST(the_later_mark_stands_everywhere),
        TEST(quiet_records_stay),
        TEST(ten_thousand_are_carried),
        TEST(only_one_server_uses_a_key),
        TEST(of_several_keys_one_that_is_there_refuses_all),
        TEST(used_and_ended_in_one_write_take_their_ways),
        TEST(what_makes_no_sense_never_reaches_redis),
        TEST(of_many_at_the_same_moment_one_wins),
        TEST(others_are_asked_for_a_key),
        TEST(an_expected_key_is_found_for_a_while),
        TEST(a_logout_of_what_is_expected_refuses_its_login),
        TEST(while_redis_is_away_the_local_store_decides),
        TEST(what_two_have_used_is_no_error_afterwards),
        TEST(a_lost_answer_refuses_nobody),
        TEST(a_redis_that_stops_answering_is_away),
        TEST(it_is_not_tried_at_each_call),
        cmocka_unit_test_setup_teardown(what_an_outage_delayed_is_delivered, begin_durable, end_test),
        TEST(a_redis_without_its_data_is_given_them_back),
        TEST(a_redis_without_its_data_and_an_outage),
        TEST(flushing_is_noticed_at_once),
        TEST(used_keys_that_were_flushed_are_given_back),
        TEST(a_stream_that_is_gone_is_noticed),
        TEST(an_old_save_is_noticed),
        TEST(used_keys_that_an_old_save_lacks_are_given_back),
        TEST(what_was_sent_and_not_yet_read_is_not_lost),
        TEST(what_was_sent_ahead_of_reading_is_not_lost),
        TEST(giving_back_survives_a_restart),
        TEST(a_server_brings_its_records_along),
        TEST(connections_that_break_lose_nothing),
        TEST(two_carriers_do_no_harm),
        TEST(what_is_refused_is_kept),
        TEST(set_that_is_refused_leaves_it_to_the_local_store),
        TEST(what_is_refused_for_long_does_not_fill_the_stream),
        TEST(a_user_with_few_rights_is_enough),
        TEST(malformed_entries_are_passed_over),
        TEST(fields_of_a_later_version_do_not_matter),
        TEST(marks_of_the_future_are_of_now),
        TEST(expired_records_are_not_carried),
        TEST(what_is_no_stream_is_told),
        TEST(what_is_no_epoch_is_told),
        TEST(large_entries_are_passed_over),
        TEST(an_entry_too_large_is_named),
        TEST(old_entries_are_trimmed),
        TEST(a_clock_that_is_ahead_trims_nothing),
        TEST(silence_is_no_loss),
        TEST(catching_up_is_noted),
        TEST(a_step_without_news_is_cheap),
        TEST(a_full_local_store_loses_nothing),
    };

    return cmocka_run_group_tests(tests, begin, finish);
}
