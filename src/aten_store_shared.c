#include "aten_store_shared_private.h"

#include <string.h>

#include <apr_atomic.h>
#include <apr_strings.h>
#include <apr_thread_mutex.h>

/* A connection with pools of its own, which hang on no other: the one of the process may be destroyed while a thread
 * waits for Redis (prefork stops so). */
typedef struct connection_t connection_t;
struct connection_t {
    aten_redis_t *redis;
    apr_pool_t *pool, *scratch;
    connection_t *next;
};

typedef struct {
    aten_store_t table;
    aten_store_t *local;
    const aten_redis_address_t *address;
    aten_store_shared_state_t *state;
    apr_thread_mutex_t *lock;
    connection_t *idle;
} shared_t;

/* --- connections --- */

static connection_t *make_connection(const shared_t *shared)
{
    connection_t *connection;
    apr_pool_t *pool;

    if (apr_pool_create_unmanaged(&pool) != APR_SUCCESS) return NULL;
    connection = apr_pcalloc(pool, sizeof(*connection));
    connection->pool = pool;
    connection->redis = aten_redis_make(shared->address, ATEN_REDIS_CONNECT_TIMEOUT, ATEN_REDIS_ANSWER_TIMEOUT, pool);
    if (apr_pool_create(&connection->scratch, pool) == APR_SUCCESS) return connection;
    apr_pool_destroy(pool);
    return NULL;
}

static connection_t *take(shared_t *shared)
{
    connection_t *connection;

    apr_thread_mutex_lock(shared->lock);
    connection = shared->idle;
    if (connection) shared->idle = connection->next;
    apr_thread_mutex_unlock(shared->lock);
    return connection ? connection : make_connection(shared);
}

static void put_back(shared_t *shared, connection_t *connection)
{
    apr_pool_clear(connection->scratch);
    apr_thread_mutex_lock(shared->lock);
    connection->next = shared->idle;
    shared->idle = connection;
    apr_thread_mutex_unlock(shared->lock);
}

/* Connections that are in use at this moment stay with their thread, and go with the process. */
static apr_status_t close_idle(void *shared_)
{
    shared_t *shared = shared_;

    apr_thread_mutex_lock(shared->lock);
    while (shared->idle) {
        connection_t *connection = shared->idle;

        shared->idle = connection->next;
        apr_pool_destroy(connection->pool);
    }
    apr_thread_mutex_unlock(shared->lock);
    return APR_SUCCESS;
}

/* --- asking Redis --- */

static int is_away(shared_t *shared)
{
    return apr_atomic_read32(&shared->state->away) != 0;
}

typedef enum { SAID_NOTHING, SAID_DONE, SAID_ENDED } said_t; /* nil; OK or a value; the mark of a logout */

#define ASKED_MAX (2 * ATEN_STORE_WRITE_MAX)

/* @return 1, or 0 for an error */
static int read_answer(const redisReply *reply, said_t *said)
{
    *said = reply->type == REDIS_REPLY_NIL ? SAID_NOTHING : SAID_DONE;
    if (reply->type == REDIS_REPLY_STRING && !strcmp(reply->str, ATEN_SHARED_LOGGED_OUT)) *said = SAID_ENDED;
    return reply->type == REDIS_REPLY_NIL || reply->type == REDIS_REPLY_STATUS || reply->type == REDIS_REPLY_STRING;
}

/* An error among the answers is as good as no answer.
 * @param said set to what each answer says
 * @return APR_SUCCESS, or APR_EAGAIN: it is away by now, and the others need not try */
static apr_status_t ask(shared_t *shared, connection_t *connection, const aten_redis_command_t *commands, int count,
                        said_t *said)
{
    redisReply *replies[ASKED_MAX];
    apr_status_t status;
    const char *why;
    int i;

    status = aten_redis_call(connection->redis, commands, count, replies, &why, connection->scratch);
    if (status == APR_SUCCESS) {
        for (i = 0; i < count; i++) {
            if (!read_answer(replies[i], &said[i])) status = APR_EAGAIN;
        }
        aten_redis_free(replies, count);
    }
    if (status == APR_SUCCESS) return APR_SUCCESS;
    aten_redis_close(connection->redis);
    apr_atomic_set32(&shared->state->away, 1);
    return APR_EAGAIN;
}

/* --- writing --- */

static int is_for_redis(const aten_store_write_t *write)
{
    return !write->raise && !write->quiet;
}

/* What the local store refuses by itself never goes to Redis. */
static int can_be(const aten_store_write_t *write, apr_time_t now)
{
    return write->value >= 0 && write->until >= 0 && (write->raise || write->until > now);
}

static int has_to_ask(shared_t *shared, const aten_store_write_t *writes, int count, apr_time_t now)
{
    int any = 0, i;

    if (count < 1 || count > ATEN_STORE_WRITE_MAX || now < 0 || is_away(shared)) return 0;
    for (i = 0; i < count; i++) {
        if (!can_be(&writes[i], now)) return 0;
        any |= is_for_redis(&writes[i]);
    }
    return any;
}

/* What was used here already need not be asked for. */
static apr_status_t none_there(const shared_t *shared, const aten_store_write_t *writes, int count, apr_time_t now)
{
    aten_store_key_t keys[ATEN_STORE_WRITE_MAX];
    apr_time_t values[ATEN_STORE_WRITE_MAX];
    apr_status_t status;
    int i;

    for (i = 0; i < count; i++) keys[i] = writes[i].key;
    status = shared->local->read(shared->local->baton, keys, count, values, now);
    for (i = 0; status == APR_SUCCESS && i < count; i++) {
        if (!writes[i].raise && values[i] != ATEN_STORE_ABSENT) status = APR_EEXIST;
    }
    return status;
}

/* Set, and only then looked at: a logout marks a key as ended, and only then looks whether it is set (shared_find). One
 * of the two sees the other.
 * @return APR_SUCCESS; APR_EEXIST: a server has used one of them, or a logout of it has arrived; APR_EAGAIN: Redis
 * could
 *         not say */
static apr_status_t use(shared_t *shared, const aten_store_write_t *writes, int count, apr_time_t now)
{
    aten_redis_command_t commands[ASKED_MAX];
    connection_t *connection = take(shared);
    said_t said[ASKED_MAX];
    int asked = 0, set, i;
    apr_status_t status;

    if (!connection) return APR_EAGAIN;
    for (i = 0; i < count; i++) {
        if (is_for_redis(&writes[i])) commands[asked++] = aten_shared_set_used(&writes[i], now, connection->scratch);
    }
    set = asked;
    for (i = 0; i < count; i++) {
        if (!is_for_redis(&writes[i])) continue;
        commands[asked++] = aten_shared_get(ATEN_SHARED_EXPECTED, &writes[i].key, connection->scratch);
    }
    status = ask(shared, connection, commands, asked, said);
    put_back(shared, connection);
    for (i = 0; status == APR_SUCCESS && i < asked; i++) {
        if (said[i] == SAID_ENDED || (i < set && said[i] == SAID_NOTHING)) return APR_EEXIST;
    }
    return status;
}

static apr_status_t shared_write(void *baton, const aten_store_write_t *writes, int count, apr_time_t now)
{
    shared_t *shared = baton;
    aten_store_t *local = shared->local;
    aten_store_write_t told[ATEN_STORE_WRITE_MAX];
    apr_status_t status;
    int i;

    if (!has_to_ask(shared, writes, count, now)) return local->write(local->baton, writes, count, now);
    status = none_there(shared, writes, count, now);
    if (status != APR_SUCCESS) return status;
    status = use(shared, writes, count, now);
    if (status == APR_EEXIST) return APR_EEXIST;
    if (status != APR_SUCCESS) return local->write(local->baton, writes, count, now);
    for (i = 0; i < count; i++) {
        told[i] = writes[i];
        if (!told[i].raise) told[i].quiet = 1;
    }
    return local->write(local->baton, told, count, now);
}

/* --- reading --- */

static apr_status_t shared_read(void *baton, const aten_store_key_t *keys, int count, apr_time_t *values,
                                apr_time_t now)
{
    const aten_store_t *local = ((const shared_t *)baton)->local;

    return local->read(local->baton, keys, count, values, now);
}

static apr_uint64_t shared_version(void *baton)
{
    const aten_store_t *local = ((const shared_t *)baton)->local;

    return local->version(local->baton);
}

/* Who invents tickets leaves nothing behind: a key that is only expected is marked for the rest of its seconds. */
static apr_status_t shared_find(void *baton, const aten_store_key_t *key, apr_time_t *value, apr_time_t now)
{
    shared_t *shared = baton;
    const aten_store_t *local = shared->local;
    aten_redis_command_t commands[2];
    connection_t *connection;
    said_t said[2];
    apr_status_t status = local->find(local->baton, key, value, now);

    if (status != APR_NOTFOUND) return status;
    connection = is_away(shared) ? NULL : take(shared);
    if (!connection) return APR_EAGAIN;
    commands[0] = aten_shared_end_expected(key, connection->scratch);
    commands[1] = aten_shared_get(ATEN_SHARED_USED, key, connection->scratch);
    status = ask(shared, connection, commands, 2, said);
    put_back(shared, connection);
    if (status != APR_SUCCESS) return status;
    *value = 0;
    if (said[1] != SAID_NOTHING) return APR_SUCCESS;
    return said[0] == SAID_NOTHING ? APR_NOTFOUND : APR_EINPROGRESS;
}

static void shared_expect(void *baton, const aten_store_key_t *key, apr_time_t now)
{
    shared_t *shared = baton;
    connection_t *connection = is_away(shared) ? NULL : take(shared);
    aten_redis_command_t command;
    said_t said;

    (void)now;
    if (!connection) return;
    command = aten_shared_set_expected(key, connection->scratch);
    ask(shared, connection, &command, 1, &said);
    put_back(shared, connection);
}

/* --- making --- */

const char *aten_store_shared_make(aten_store_t **out, aten_store_t *local, const aten_redis_address_t *address,
                                   aten_store_shared_state_t *state, apr_pool_t *p)
{
    shared_t *shared = apr_pcalloc(p, sizeof(*shared));
    apr_status_t status = apr_thread_mutex_create(&shared->lock, APR_THREAD_MUTEX_DEFAULT, p);
    char text[120];

    if (status == APR_SUCCESS) status = aten_store_lmdb_share(local, 1);
    if (status != APR_SUCCESS) {
        return apr_pstrcat(p, "the store cannot be shared: ", apr_strerror(status, text, sizeof(text)), NULL);
    }
    shared->local = local;
    shared->address = address;
    shared->state = state;
    shared->table = (aten_store_t){
        .baton = shared, .write = shared_write, .read = shared_read, .version = shared_version, .find = shared_find,
        .expect = shared_expect,
    };
    apr_pool_cleanup_register(p, shared, close_idle, apr_pool_cleanup_null);
    *out = &shared->table;
    return NULL;
}

apr_status_t aten_store_shared_end(aten_store_t *local)
{
    static const char *const names[] = {
        ATEN_SHARED_NOTE_STREAM, ATEN_SHARED_NOTE_PROCESS, ATEN_SHARED_NOTE_CAUGHT_UP
    };
    char text[ATEN_STORE_NOTE_BYTES_MAX + 1];
    apr_status_t status;
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        status = aten_store_lmdb_noted(local, names[i], text);
        if (status == APR_SUCCESS && *text) status = aten_store_lmdb_note(local, names[i], "");
        if (status != APR_SUCCESS && status != APR_NOTFOUND) return status;
    }
    return aten_store_lmdb_share(local, 0);
}
