#include "aten_store_shared_private.h"

#include <string.h>

#include <apr_atomic.h>
#include <apr_strings.h>

#define CONNECT_TIMEOUT apr_time_from_sec(1)
#define ANSWER_TIMEOUT apr_time_from_sec(2)
#define PAUSE apr_time_from_msec(500) /* between two attempts while something is wrong */
#define AHEAD_MAX apr_time_from_sec(60) /* how far another server's clock may be before ours */
#define SAY_AGAIN apr_time_from_sec(3600)
/* Trimmed are entries that are older than any record by this much: whoever reads them is to find, rather than miss, one
 * that is just about to go. */
#define TRIM_LATER apr_time_from_sec(3600)
#define WHY_MAX 400

/* Records of the local store that Redis is given again. */
typedef struct {
    aten_lost_t what; /* ATEN_LOST_NOTHING: none, or done */
    int begun;
    aten_store_key_t from; /* up to here they are given, if begun */
    apr_uint64_t count;
} giving_t;

struct aten_store_carrier_t {
    aten_store_t *local;
    const aten_redis_address_t *address;
    aten_store_shared_state_t *state;
    aten_redis_t *redis;
    unsigned int judged; /* the connection that was compared with what is noted; 0: none */
    aten_shared_noted_t noted;
    giving_t giving;
    int budget;  /* records that one step sends: few after a failure, for those before the one that failed come twice */
    int asked;   /* entries that one step asks for: fewer after an answer that was too large */
    apr_time_t failed_at; /* 0: the last step went well */
    apr_time_t said_at;
    int has_caught_up;
    char why[WHY_MAX];
};

/* One step: what it has read, and what is to be remembered once it stands in the local store. */
typedef struct {
    aten_store_carrier_t *carrier;
    apr_interval_time_t kept;
    apr_time_t now;
    apr_pool_t *p;
    aten_store_write_t *out;     /* to Redis: posted of the outbox, then given */
    int posted, walked, given;
    apr_uint64_t last_posted;
    aten_store_key_t last_walked;
    int walk_ended;
    aten_store_write_t *in;      /* from Redis */
    int received;
    int more_to_post, more_to_read;
    int malformed, ahead;
    int is_local;                /* what failed is the local store */
    aten_shared_noted_t noted;   /* as it is to be noted */
    const char *said;
} step_t;

/* --- making --- */

aten_store_carrier_t *aten_store_carrier_make(aten_store_t *local, const aten_redis_address_t *address,
                                              aten_store_shared_state_t *state, apr_pool_t *p)
{
    aten_store_carrier_t *carrier = apr_pcalloc(p, sizeof(*carrier));

    carrier->local = local;
    carrier->address = address;
    carrier->state = state;
    carrier->redis = aten_redis_make(address, CONNECT_TIMEOUT, ANSWER_TIMEOUT, p);
    carrier->budget = carrier->asked = ATEN_STORE_BATCH_MAX;
    return carrier;
}

int aten_store_has_caught_up(aten_store_t *local)
{
    char text[ATEN_STORE_NOTE_BYTES_MAX + 1];

    return aten_store_lmdb_noted(local, ATEN_SHARED_NOTE_CAUGHT_UP, text) == APR_SUCCESS;
}

/* --- small things --- */

static void say(step_t *step, const char *text)
{
    step->said = step->said ? apr_pstrcat(step->p, step->said, "; ", text, NULL) : text;
}

static const char *local_failed(step_t *step, apr_status_t status)
{
    char text[120];

    if (status == APR_SUCCESS) return NULL;
    step->is_local = 1;
    return apr_pstrcat(step->p, "the local store failed: ", apr_strerror(status, text, sizeof(text)), NULL);
}

static const char *of_redis(const step_t *step, const char *text)
{
    return apr_pstrcat(step->p, step->carrier->address->shown, ": ", text, NULL);
}

static int is_same(const aten_shared_id_t *a, const aten_shared_id_t *b)
{
    return a->ms == b->ms && a->number == b->number;
}

/* Entries of before then may be gone from the stream. */
static apr_uint64_t oldest(const step_t *step)
{
    const apr_int64_t ms = apr_time_as_msec(step->now - step->kept);

    return ms > 0 ? (apr_uint64_t)ms : 0;
}

/* By the clock that made the ids, and not by ours where that is ahead: it would take away what others have not read. */
static apr_uint64_t trim_before(const step_t *step)
{
    const apr_uint64_t span = (apr_uint64_t)apr_time_as_msec(step->kept + TRIM_LATER);
    const apr_uint64_t ours = (apr_uint64_t)apr_time_as_msec(step->now);
    const apr_uint64_t theirs = step->carrier->noted.read.ms;
    const apr_uint64_t ms = theirs < ours ? theirs : ours;

    return ms > span ? ms - span : 0;
}

/* --- what Redis has lost --- */

static int has_lost_all(aten_lost_t what)
{
    return what == ATEN_LOST_ALL || what == ATEN_LOST_UNKNOWN;
}

static void give_again(step_t *step, aten_lost_t what)
{
    aten_store_carrier_t *carrier = step->carrier;

    carrier->giving = (giving_t){.what = what};
    if (!has_lost_all(what)) return;
    memset(&carrier->noted.read, 0, sizeof(carrier->noted.read));
    memset(&carrier->noted.seen, 0, sizeof(carrier->noted.seen));
    if (what == ATEN_LOST_ALL) say(step, of_redis(step, "Redis has lost its data: this server gives its records back"));
}

/* A connection that was not looked at yet: nothing is sent before it is known what that Redis has. */
static const char *judge_connection(step_t *step)
{
    aten_store_carrier_t *carrier = step->carrier;
    const unsigned int number = aten_redis_connection(carrier->redis);
    aten_lost_t lost = ATEN_LOST_NOTHING;
    const char *error;

    if (number && number == carrier->judged) return NULL;
    error = local_failed(step, aten_shared_noted(&carrier->noted, carrier->local));
    if (!error) error = aten_shared_compare(carrier->redis, &carrier->noted, oldest(step), &lost, step->p);
    if (error) return error;
    carrier->judged = aten_redis_connection(carrier->redis);
    give_again(step, lost);
    return NULL;
}

/* --- what goes to Redis --- */

static int is_to_be_given(const giving_t *giving, const aten_store_write_t *write)
{
    return giving->what != ATEN_LOST_USED || !write->raise;
}

static const char *collect_given(step_t *step, int max)
{
    const aten_store_carrier_t *carrier = step->carrier;
    const giving_t *giving = &carrier->giving;
    aten_store_write_t *found = step->out + step->posted;
    apr_status_t status;
    int i;

    if (giving->what == ATEN_LOST_NOTHING || max < 1) return NULL;
    status = aten_store_lmdb_walk(carrier->local, giving->begun ? &giving->from : NULL, found, max, &step->walked,
                                  step->now);
    if (status != APR_SUCCESS) return local_failed(step, status);
    step->walk_ended = step->walked < max;
    if (step->walked) step->last_walked = found[step->walked - 1].key;
    for (i = 0; i < step->walked; i++) {
        if (is_to_be_given(giving, &found[i])) found[step->given++] = found[i];
    }
    return NULL;
}

static const char *collect(step_t *step)
{
    const aten_store_carrier_t *carrier = step->carrier;
    apr_status_t status;

    step->out = apr_palloc(step->p, (apr_size_t)carrier->budget * sizeof(*step->out));
    status = aten_store_lmdb_outbox(carrier->local, step->out, carrier->budget, &step->posted, &step->last_posted);
    if (status != APR_SUCCESS) return local_failed(step, status);
    step->more_to_post = step->posted == carrier->budget;
    return collect_given(step, carrier->budget - step->posted);
}

/* --- the commands of a step: GET epoch, the records, XRANGE --- */

/* From the entry that was read last, that one included: it shows that the stream is the same. */
static aten_redis_command_t range_command(const step_t *step)
{
    const aten_store_carrier_t *carrier = step->carrier;
    char *from = apr_palloc(step->p, ATEN_SHARED_ID_TEXT);
    const int one_more = !aten_shared_id_is_none(&carrier->noted.read);
    const char *const words[] = {
        "XRANGE", ATEN_SHARED_STREAM, from, "+", "COUNT", apr_itoa(step->p, carrier->asked + one_more), NULL
    };

    aten_shared_id_text(&carrier->noted.read, from);
    return aten_shared_command(step->p, words);
}

static int make_commands(const step_t *step, aten_redis_command_t *commands)
{
    const char *const epoch[] = {"GET", ATEN_SHARED_EPOCH, NULL};
    const apr_uint64_t before = trim_before(step);
    int count = 0, i;

    commands[count++] = aten_shared_command(step->p, epoch);
    for (i = 0; i < step->posted + step->given; i++) {
        const aten_store_write_t *write = &step->out[i];

        if (write->until <= step->now) continue;
        commands[count++] = write->raise ? aten_shared_add(write, before, step->p)
                                         : aten_shared_set_used(write, step->now, step->p);
    }
    commands[count++] = range_command(step);
    return count;
}

/* --- the answers --- */

/* Of a record: an id for XADD; OK or nothing for SET NX, where what is there already is as good. */
static const char *read_sent(step_t *step, const aten_redis_command_t *command, const redisReply *reply)
{
    aten_shared_id_t id;

    if (!strcmp(command->argv[0], "SET")) {
        if (reply->type == REDIS_REPLY_STATUS || reply->type == REDIS_REPLY_NIL) return NULL;
    } else if (reply->type == REDIS_REPLY_STRING && aten_shared_id_parse(&id, reply->str)) {
        if (aten_shared_id_is_after(&id, &step->noted.seen)) step->noted.seen = id;
        return NULL;
    }
    return of_redis(step, aten_shared_refused(command->argv[0], reply, step->p));
}

static void take_in(step_t *step, aten_entry_t kind, aten_store_write_t *write)
{
    if (kind == ATEN_ENTRY_MALFORMED) {
        step->malformed++;
        return;
    }
    /* A mark in the future would go on ending each new session until then. It is not thrown away, for it ends sessions
     * of before as well. */
    if (write->value > step->now + AHEAD_MAX) {
        write->value = step->now + AHEAD_MAX;
        step->ahead++;
    }
    /* No session is older than that, and the store is not to be filled by what never expires. */
    if (write->until > step->now + step->kept) write->until = step->now + step->kept;
    step->in[step->received++] = *write;
}

/* @param first_is_other set to 1 if the answer does not begin with the entry that was read last */
static const char *read_entries(step_t *step, const redisReply *range, int *first_is_other)
{
    const aten_shared_id_t before = step->noted.read;
    apr_size_t i;

    *first_is_other = !aten_shared_id_is_none(&before);
    step->in = apr_palloc(step->p, (range->elements + 1) * sizeof(*step->in));
    /* Where the entry that was read last was trimmed, the answer has one more than is asked for: the next step's. */
    for (i = 0; i < range->elements && step->received + step->malformed < step->carrier->asked; i++) {
        aten_store_write_t write;
        aten_shared_id_t id;
        const aten_entry_t kind = aten_shared_entry(range->element[i], &id, &write);

        if (kind == ATEN_ENTRY_NONE) return of_redis(step, "XRANGE gave what is no entry of a stream");
        if (!i && is_same(&id, &before)) {
            *first_is_other = 0;
            continue;
        }
        if (!aten_shared_id_is_after(&id, &step->noted.read)) return of_redis(step, "XRANGE gave no order");
        step->noted.read = id;
        take_in(step, kind, &write);
    }
    if (aten_shared_id_is_after(&step->noted.read, &step->noted.seen)) step->noted.seen = step->noted.read;
    return NULL;
}

static const char *read_range(step_t *step, const redisReply *range)
{
    const aten_store_carrier_t *carrier = step->carrier;
    const apr_uint64_t before = carrier->noted.read.ms;
    const char *error;
    int first_is_other;

    if (range->type != REDIS_REPLY_ARRAY || range->elements > ATEN_STORE_BATCH_MAX + 1) {
        return of_redis(step, aten_shared_refused("XRANGE", range, step->p));
    }
    step->more_to_read = range->elements >= (apr_size_t)carrier->asked;
    error = read_entries(step, range, &first_is_other);
    if (error || !first_is_other || before < oldest(step)) return error;
    /* The entry was taken away, and others with it: everything is read from the beginning. */
    give_again(step, ATEN_LOST_ALL);
    step->noted = step->carrier->noted;
    step->received = step->walked = step->given = step->walk_ended = 0;
    step->more_to_read = 1;
    return NULL;
}

/* What was sent is not forgotten, and what was read not believed, before this Redis has been looked at again. */
static int is_another(step_t *step, const redisReply *epoch)
{
    aten_store_carrier_t *carrier = step->carrier;
    const char *text = aten_shared_epoch_in(epoch);

    if (aten_redis_connection(carrier->redis) == carrier->judged && text && !strcmp(text, carrier->noted.epoch)) {
        return 0;
    }
    carrier->judged = 0;
    return 1;
}

static const char *read_answers(step_t *step, const aten_redis_command_t *commands, redisReply **replies, int count)
{
    const char *error = NULL;
    int i;

    for (i = 1; !error && i < count - 1; i++) error = read_sent(step, &commands[i], replies[i]);
    return error ? error : read_range(step, replies[count - 1]);
}

/* Answers that are too large come from entries that others have made: fewer at once, and so up to a single one. */
static const char *too_large(step_t *step, const char *error)
{
    aten_store_carrier_t *carrier = step->carrier;
    char id[ATEN_SHARED_ID_TEXT];

    if (carrier->asked > 1) {
        carrier->asked /= 2;
        carrier->budget = 1;
        carrier->judged = 0;
        return NULL;
    }
    aten_shared_id_text(&carrier->noted.read, id);
    return apr_psprintf(step->p, "%s: the entry of " ATEN_SHARED_STREAM " behind %s has to be taken away (XDEL)", error,
                        id);
}

/* @param again set to 1 if nothing of this step counts, and the next one is to look at Redis anew */
static const char *exchange(step_t *step, int *again)
{
    aten_store_carrier_t *carrier = step->carrier;
    const apr_size_t most = (apr_size_t)(step->posted + step->given) + 2;
    aten_redis_command_t *commands = apr_palloc(step->p, most * sizeof(*commands));
    redisReply **replies = apr_palloc(step->p, most * sizeof(*replies));
    const int count = make_commands(step, commands);
    const char *error;
    const apr_status_t status = aten_redis_call(carrier->redis, commands, count, replies, &error, step->p);

    *again = 1;
    if (status == APR_ENOSPC) return too_large(step, error);
    if (status != APR_SUCCESS) return error;
    if (replies[0]->type == REDIS_REPLY_ERROR) {
        error = of_redis(step, aten_shared_refused("GET " ATEN_SHARED_EPOCH, replies[0], step->p));
    } else if (!is_another(step, replies[0])) {
        *again = 0;
        error = read_answers(step, commands, replies, count);
    }
    aten_redis_free(replies, count);
    return error;
}

/* --- what is remembered --- */

/* The records and where they end in one transaction; then, and not before, the outbox may forget: what was seen to
 * exist is noted by now. */
static const char *remember(step_t *step)
{
    aten_store_carrier_t *carrier = step->carrier;
    char text[ATEN_STORE_NOTE_BYTES_MAX + 1];
    apr_status_t status = APR_SUCCESS;

    if (!is_same(&step->noted.read, &carrier->noted.read) || !is_same(&step->noted.seen, &carrier->noted.seen)) {
        aten_shared_note_text(&step->noted, !has_lost_all(carrier->giving.what), text);
        status = aten_store_lmdb_apply(carrier->local, step->in, step->received, ATEN_SHARED_NOTE_STREAM, text,
                                       step->now);
    }
    if (status == APR_SUCCESS) {
        carrier->noted = step->noted;
        if (step->posted) status = aten_store_lmdb_delivered(carrier->local, step->last_posted);
    }
    return local_failed(step, status);
}

static const char *end_giving(step_t *step)
{
    aten_store_carrier_t *carrier = step->carrier;
    giving_t *giving = &carrier->giving;
    char text[ATEN_STORE_NOTE_BYTES_MAX + 1];
    apr_status_t status;

    aten_shared_note_text(&carrier->noted, 1, text);
    status = aten_store_lmdb_note(carrier->local, ATEN_SHARED_NOTE_STREAM, text);
    if (status == APR_SUCCESS) {
        status = aten_store_lmdb_note(carrier->local, ATEN_SHARED_NOTE_PROCESS, carrier->noted.process);
    }
    if (status != APR_SUCCESS) return local_failed(step, status);
    if (giving->count && has_lost_all(giving->what)) {
        say(step, of_redis(step, apr_psprintf(step->p, "%" APR_UINT64_T_FMT " records of this server were given to "
                                              "Redis", giving->count)));
    }
    giving->what = ATEN_LOST_NOTHING;
    return NULL;
}

static const char *remember_given(step_t *step)
{
    giving_t *giving = &step->carrier->giving;

    giving->count += (apr_uint64_t)step->given;
    if (step->walked) {
        giving->begun = 1;
        giving->from = step->last_walked;
    }
    return step->walk_ended ? end_giving(step) : NULL;
}

static const char *remember_caught_up(step_t *step)
{
    aten_store_carrier_t *carrier = step->carrier;
    apr_status_t status;

    if (carrier->has_caught_up || step->more_to_read) return NULL;
    status = aten_store_lmdb_note(carrier->local, ATEN_SHARED_NOTE_CAUGHT_UP, "1");
    if (status != APR_SUCCESS) return local_failed(step, status);
    carrier->has_caught_up = 1;
    apr_atomic_set32(&carrier->state->caught_up, 1);
    return NULL;
}

/* --- a step --- */

static void say_odd(step_t *step)
{
    aten_store_carrier_t *carrier = step->carrier;
    const apr_time_t since = step->now - carrier->said_at;

    if (!step->malformed && !step->ahead) return;
    if (carrier->said_at && since >= 0 && since < SAY_AGAIN) return;
    carrier->said_at = step->now;
    if (step->malformed) {
        say(step, of_redis(step, apr_psprintf(step->p, "%d entries of " ATEN_SHARED_STREAM " are none of this module's,"
                                              " and are passed over", step->malformed)));
    }
    if (step->ahead) {
        say(step, of_redis(step, apr_psprintf(step->p, "%d marks are more than a minute in the future, and are taken "
                                              "for marks of now: the clock of a server is wrong", step->ahead)));
    }
}

static int doubled(int n)
{
    return n > ATEN_STORE_BATCH_MAX / 2 ? ATEN_STORE_BATCH_MAX : 2 * n;
}

static const char *carry_out(step_t *step, int *again)
{
    aten_store_carrier_t *carrier = step->carrier;
    const char *error = judge_connection(step);

    *again = 0;
    if (!error) error = collect(step);
    step->noted = carrier->noted;
    if (!error) error = exchange(step, again);
    if (error || *again) return error;
    error = remember(step);
    if (!error) error = remember_given(step);
    if (!error) error = remember_caught_up(step);
    if (error) return error;
    say_odd(step);
    carrier->budget = doubled(carrier->budget);
    carrier->asked = doubled(carrier->asked);
    return NULL;
}

/* A server that refuses may be the wrong one by now (a replica that was the master): the next attempt connects anew. */
static aten_carried_t fail(step_t *step, const char *error, const char **why)
{
    aten_store_carrier_t *carrier = step->carrier;

    carrier->budget = 1;
    carrier->failed_at = step->now;
    apr_cpystrn(carrier->why, error, sizeof(carrier->why));
    *why = error;
    if (step->is_local) return ATEN_CARRIED_NONE;
    aten_redis_close(carrier->redis);
    carrier->judged = 0;
    apr_atomic_set32(&carrier->state->away, 1);
    return ATEN_CARRIED_NONE;
}

static int waits(const aten_store_carrier_t *carrier, apr_time_t now)
{
    const apr_time_t since = now - carrier->failed_at;

    return carrier->failed_at && since >= 0 && since < PAUSE;
}

aten_carried_t aten_store_carry(aten_store_carrier_t *carrier, apr_interval_time_t kept, apr_time_t now,
                                const char **why, apr_pool_t *p)
{
    step_t step = {.carrier = carrier, .kept = kept, .now = now, .p = p};
    const char *error;
    int again;

    if (waits(carrier, now)) {
        *why = apr_pstrdup(p, carrier->why);
        return ATEN_CARRIED_NONE;
    }
    error = carry_out(&step, &again);
    if (error) return fail(&step, error, why);
    carrier->failed_at = 0;
    apr_atomic_set32(&carrier->state->away, 0);
    *why = step.said;
    if (again || step.more_to_post || step.more_to_read || carrier->giving.what != ATEN_LOST_NOTHING) {
        return ATEN_CARRIED_SOME;
    }
    return ATEN_CARRIED_ALL;
}
