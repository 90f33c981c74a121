#include "aten_store_shared_private.h"

#include <string.h>

#include <apr_strings.h>

#define NOT_GIVEN "-" /* in place of an epoch */
#define PROCESS_IN_EPOCH 8

/* --- what was noted --- */

static int is_epoch(const char *text, apr_size_t len)
{
    apr_size_t i;

    if (len < 2 || len > ATEN_SHARED_EPOCH_MAX) return 0;
    for (i = 0; i < len; i++) {
        if (text[i] <= ' ' || text[i] > '~') return 0;
    }
    return 1;
}

static void read_note(aten_shared_noted_t *noted, char *text)
{
    char *read = strchr(text, ' '), *seen;

    if (!read) return;
    *read++ = '\0';
    seen = strchr(read, ' ');
    if (!seen) return;
    *seen++ = '\0';
    if (!is_epoch(text, strlen(text))) return;
    if (!aten_shared_id_parse(&noted->read, read) || !aten_shared_id_parse(&noted->seen, seen)) return;
    apr_cpystrn(noted->epoch, text, sizeof(noted->epoch));
}

apr_status_t aten_shared_noted(aten_shared_noted_t *noted, aten_store_t *local)
{
    char text[ATEN_STORE_NOTE_BYTES_MAX + 1];
    apr_status_t status;

    memset(noted, 0, sizeof(*noted));
    status = aten_store_lmdb_noted(local, ATEN_SHARED_NOTE_STREAM, text);
    if (status == APR_SUCCESS) read_note(noted, text);
    else if (status != APR_NOTFOUND) return status;
    status = aten_store_lmdb_noted(local, ATEN_SHARED_NOTE_PROCESS, text);
    if (status == APR_SUCCESS) apr_cpystrn(noted->process, text, sizeof(noted->process));
    return status == APR_NOTFOUND ? APR_SUCCESS : status;
}

void aten_shared_note_text(const aten_shared_noted_t *noted, int given, char text[ATEN_STORE_NOTE_BYTES_MAX + 1])
{
    char read[ATEN_SHARED_ID_TEXT], seen[ATEN_SHARED_ID_TEXT];

    aten_shared_id_text(&noted->read, read);
    aten_shared_id_text(&noted->seen, seen);
    apr_snprintf(text, ATEN_STORE_NOTE_BYTES_MAX + 1, "%s %s %s", given ? noted->epoch : NOT_GIVEN, read, seen);
}

/* --- what this Redis says --- */

const char *aten_shared_epoch_in(const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_NIL) return "";
    return reply->type == REDIS_REPLY_STRING && is_epoch(reply->str, reply->len) ? reply->str : NULL;
}

/* Who may not ask for it gets an error: then each connection counts as one to another process. */
static void read_process(const redisReply *info, char *process)
{
    const char *at = info->type == REDIS_REPLY_STRING ? strstr(info->str, "\nrun_id:") : NULL;
    apr_size_t len;

    *process = '\0';
    if (!at) return;
    at += strlen("\nrun_id:");
    len = strspn(at, "0123456789abcdef");
    if (len && len <= ATEN_SHARED_EPOCH_MAX) apr_cpystrn(process, at, len + 1);
}

static const char *wrong_epoch(const redisReply *reply, apr_pool_t *p)
{
    if (reply->type == REDIS_REPLY_ERROR) return aten_shared_refused(ATEN_SHARED_EPOCH, reply, p);
    return ATEN_SHARED_EPOCH " has a text that this module never writes";
}

/* Of several servers that find none, the first one's stands. */
static const char *set_epoch(aten_redis_t *redis, const redisReply *time, aten_shared_noted_t *now_there,
                             apr_pool_t *p)
{
    const char *set[] = {"SET", ATEN_SHARED_EPOCH, NULL, "NX", NULL}, *const get[] = {"GET", ATEN_SHARED_EPOCH, NULL};
    aten_redis_command_t commands[2];
    redisReply *replies[2];
    const char *error, *epoch;

    if (time->type != REDIS_REPLY_ARRAY || time->elements != 2 || time->element[0]->type != REDIS_REPLY_STRING
        || time->element[1]->type != REDIS_REPLY_STRING) return aten_shared_refused("TIME", time, p);
    set[2] = apr_psprintf(p, "%.12s.%.6s.%.*s", time->element[0]->str, time->element[1]->str, PROCESS_IN_EPOCH,
                          now_there->process);
    commands[0] = aten_shared_command(p, set);
    commands[1] = aten_shared_command(p, get);
    if (aten_redis_call(redis, commands, 2, replies, &error, p) != APR_SUCCESS) return error;
    epoch = replies[0]->type == REDIS_REPLY_ERROR ? NULL : aten_shared_epoch_in(replies[1]);
    if (epoch && *epoch) apr_cpystrn(now_there->epoch, epoch, sizeof(now_there->epoch));
    else error = wrong_epoch(replies[replies[0]->type != REDIS_REPLY_ERROR], p);
    aten_redis_free(replies, 2);
    return error;
}

/* --- comparing --- */

static int is_there(const redisReply *range)
{
    return range->type == REDIS_REPLY_ARRAY && range->elements == 1;
}

/* Everything before an entry that is there is there: a saved state, and a replica, has a beginning of the stream. */
static aten_lost_t judge(const aten_shared_noted_t *noted, const aten_shared_noted_t *now_there, int seen_there,
                         apr_uint64_t oldest)
{
    if (!*noted->epoch) return ATEN_LOST_UNKNOWN;
    if (strcmp(noted->epoch, now_there->epoch)) return ATEN_LOST_ALL;
    if (!aten_shared_id_is_none(&noted->seen) && !seen_there && noted->seen.ms >= oldest) return ATEN_LOST_ALL;
    if (!*now_there->process || strcmp(noted->process, now_there->process)) return ATEN_LOST_USED;
    return ATEN_LOST_NOTHING;
}

enum { EPOCH, INFO, TIME, SEEN, QUESTIONS };

static const char *read_answers(aten_redis_t *redis, redisReply **replies, aten_shared_noted_t *now_there,
                                apr_pool_t *p)
{
    const char *epoch = aten_shared_epoch_in(replies[EPOCH]);

    if (!epoch) return wrong_epoch(replies[EPOCH], p);
    if (replies[SEEN]->type != REDIS_REPLY_ARRAY) {
        return aten_shared_refused("XRANGE " ATEN_SHARED_STREAM, replies[SEEN], p);
    }
    read_process(replies[INFO], now_there->process);
    apr_cpystrn(now_there->epoch, epoch, sizeof(now_there->epoch));
    return *epoch ? NULL : set_epoch(redis, replies[TIME], now_there, p);
}

const char *aten_shared_compare(aten_redis_t *redis, aten_shared_noted_t *noted, apr_uint64_t oldest,
                                aten_lost_t *lost, apr_pool_t *p)
{
    char seen[ATEN_SHARED_ID_TEXT];
    const char *const epoch[] = {"GET", ATEN_SHARED_EPOCH, NULL}, *const info[] = {"INFO", "server", NULL};
    const char *const time[] = {"TIME", NULL};
    const char *const range[] = {"XRANGE", ATEN_SHARED_STREAM, seen, seen, "COUNT", "1", NULL};
    const aten_redis_command_t commands[QUESTIONS] = {
        [EPOCH] = aten_shared_command(p, epoch), [INFO] = aten_shared_command(p, info),
        [TIME] = aten_shared_command(p, time), [SEEN] = aten_shared_command(p, range),
    };
    aten_shared_noted_t now_there = *noted;
    redisReply *replies[QUESTIONS];
    const char *error;

    aten_shared_id_text(&noted->seen, seen);
    if (aten_redis_call(redis, commands, QUESTIONS, replies, &error, p) != APR_SUCCESS) return error;
    error = read_answers(redis, replies, &now_there, p);
    if (!error) *lost = judge(noted, &now_there, is_there(replies[SEEN]), oldest);
    if (!error) *noted = now_there;
    aten_redis_free(replies, QUESTIONS);
    return error;
}
