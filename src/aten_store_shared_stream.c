#include "aten_store_shared_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <apr_escape.h>
#include <apr_strings.h>

#include "aten_util.h"

#define WORDS_MAX 16
#define HEX_BYTES (2 * ATEN_STORE_KEY_BYTES)
#define FIELDS 6 /* names and values; what stands behind them is of a later version */

/* --- ids --- */

static int read_part(const char **at, char end, apr_uint64_t *out)
{
    const apr_size_t digits = strspn(*at, "0123456789");

    if (!digits || (*at)[digits] != end) return 0;
    errno = 0;
    *out = strtoull(*at, NULL, 10);
    *at += digits + 1;
    return !errno;
}

int aten_shared_id_parse(aten_shared_id_t *id, const char *text)
{
    return read_part(&text, '-', &id->ms) && read_part(&text, '\0', &id->number);
}

void aten_shared_id_text(const aten_shared_id_t *id, char text[ATEN_SHARED_ID_TEXT])
{
    apr_snprintf(text, ATEN_SHARED_ID_TEXT, "%" APR_UINT64_T_FMT "-%" APR_UINT64_T_FMT, id->ms, id->number);
}

int aten_shared_id_is_after(const aten_shared_id_t *a, const aten_shared_id_t *b)
{
    return a->ms != b->ms ? a->ms > b->ms : a->number > b->number;
}

int aten_shared_id_is_none(const aten_shared_id_t *id)
{
    return !id->ms && !id->number;
}

/* --- commands --- */

aten_redis_command_t aten_shared_command(apr_pool_t *p, const char *const words[])
{
    const char **argv = apr_palloc(p, WORDS_MAX * sizeof(*argv));
    int argc = 0;

    for (; argc < WORDS_MAX && words[argc]; argc++) argv[argc] = words[argc];
    return (aten_redis_command_t){argc, argv, NULL};
}

static const char *hex(const aten_store_key_t *key, apr_pool_t *p)
{
    return apr_pescape_hex(p, key->bytes, sizeof(key->bytes), 0);
}

/* Redis measures the time itself: its clock need not be ours. */
static const char *milliseconds_left(apr_time_t until, apr_time_t now, apr_pool_t *p)
{
    return apr_psprintf(p, "%" APR_TIME_T_FMT, until > now ? (until - now + 999) / 1000 : 1);
}

aten_redis_command_t aten_shared_set_used(const aten_store_write_t *write, apr_time_t now, apr_pool_t *p)
{
    const char *const words[] = {
        "SET", apr_pstrcat(p, ATEN_SHARED_USED, hex(&write->key, p), NULL),
        apr_psprintf(p, "%" APR_TIME_T_FMT, write->until), "NX", "PX", milliseconds_left(write->until, now, p), NULL
    };

    return aten_shared_command(p, words);
}

aten_redis_command_t aten_shared_get(const char *prefix, const aten_store_key_t *key, apr_pool_t *p)
{
    const char *const words[] = {"GET", apr_pstrcat(p, prefix, hex(key, p), NULL), NULL};

    return aten_shared_command(p, words);
}

aten_redis_command_t aten_shared_set_expected(const aten_store_key_t *key, apr_pool_t *p)
{
    const char *const words[] = {
        "SET", apr_pstrcat(p, ATEN_SHARED_EXPECTED, hex(key, p), NULL), ATEN_SHARED_UNDER_WAY, "NX", "PX",
        apr_psprintf(p, "%d", ATEN_STORE_EXPECTED_SECONDS * 1000), NULL
    };

    return aten_shared_command(p, words);
}

aten_redis_command_t aten_shared_end_expected(const aten_store_key_t *key, apr_pool_t *p)
{
    const char *const words[] = {
        "SET", apr_pstrcat(p, ATEN_SHARED_EXPECTED, hex(key, p), NULL), ATEN_SHARED_LOGGED_OUT, "XX", "KEEPTTL", NULL
    };

    return aten_shared_command(p, words);
}

aten_redis_command_t aten_shared_add(const aten_store_write_t *write, apr_uint64_t oldest, apr_pool_t *p)
{
    const char *const words[] = {
        "XADD", ATEN_SHARED_STREAM, "MINID", "~", apr_psprintf(p, "%" APR_UINT64_T_FMT, oldest), "*",
        "key", hex(&write->key, p), "value", apr_psprintf(p, "%" APR_TIME_T_FMT, write->value),
        "until", apr_psprintf(p, "%" APR_TIME_T_FMT, write->until), NULL
    };

    return aten_shared_command(p, words);
}

const char *aten_shared_refused(const char *command, const redisReply *reply, apr_pool_t *p)
{
    const char *said = aten_redis_error(reply, p);

    /* "ERR" alone is how a Redis that does not know the words of a command says so. */
    return apr_pstrcat(p, command, " was refused: ", said,
                       strncmp(said, "ERR ", 4) ? "" : " (Redis 6.2 or later is needed)", NULL);
}

/* --- entries --- */

static int is_word(const redisReply *reply, const char *word)
{
    return reply->type == REDIS_REPLY_STRING && reply->len == strlen(word) && !memcmp(reply->str, word, reply->len);
}

static int read_key(const redisReply *reply, aten_store_key_t *key)
{
    apr_size_t len = 0;

    if (reply->type != REDIS_REPLY_STRING || reply->len != HEX_BYTES) return 0;
    if (strspn(reply->str, "0123456789abcdef") != HEX_BYTES) return 0;
    return apr_unescape_hex(key->bytes, reply->str, HEX_BYTES, 0, &len) == APR_SUCCESS && len == sizeof(key->bytes);
}

static int read_time(const redisReply *reply, apr_time_t *out)
{
    /* A NUL inside would hide the rest. */
    return reply->type == REDIS_REPLY_STRING && strlen(reply->str) == reply->len
           && aten_parse_number(reply->str, 0, APR_INT64_MAX, out);
}

static int read_fields(const redisReply *fields, aten_store_write_t *write)
{
    redisReply **field = fields->element;

    if (fields->type != REDIS_REPLY_ARRAY || fields->elements < FIELDS) return 0;
    if (!is_word(field[0], "key") || !is_word(field[2], "value") || !is_word(field[4], "until")) return 0;
    memset(write, 0, sizeof(*write));
    write->raise = 1;
    return read_key(field[1], &write->key) && read_time(field[3], &write->value)
           && read_time(field[5], &write->until);
}

aten_entry_t aten_shared_entry(const redisReply *entry, aten_shared_id_t *id, aten_store_write_t *write)
{
    if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2) return ATEN_ENTRY_NONE;
    if (entry->element[0]->type != REDIS_REPLY_STRING || !aten_shared_id_parse(id, entry->element[0]->str)) {
        return ATEN_ENTRY_NONE;
    }
    return read_fields(entry->element[1], write) ? ATEN_ENTRY_GOOD : ATEN_ENTRY_MALFORMED;
}
