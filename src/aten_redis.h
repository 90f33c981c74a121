/* A connection to a Redis server: the transport is libcurl's (TCP, or TLS with the server's certificate verified; no
 * proxy), the protocol hiredis's (its formatter and its reader). Debian's hiredis has no TLS of its own. libcurl was
 * initialised for the process before (aten_http_global). */
#ifndef ATEN_REDIS_H
#define ATEN_REDIS_H

#include <apr_pools.h>
#include <apr_time.h>
#include <hiredis/hiredis.h>

#define ATEN_REDIS_ANSWER_BYTES_MAX ((apr_size_t)4 << 20) /* of all answers to one call */
#define ATEN_REDIS_ELEMENTS_MAX 65536                     /* of one list in an answer */
#define ATEN_REDIS_CA_BYTES_MAX ((apr_size_t)1 << 20)     /* of ca_file */

typedef struct {
    const char *host;      /* lower case, IPv6 in brackets */
    int port;              /* 6379 */
    const char *user;      /* NULL: the default user */
    const char *password;  /* NULL: none. Never logged */
    int db;                /* 0 */
    int tls;               /* rediss:// */
    const char *ca;        /* NULL: the system's; the CA certificates (PEM) that ca_file had, ca_len bytes: who connects
                              need not be able to read that file */
    apr_size_t ca_len;
    const char *shown;     /* scheme, host, port and db, without user and password: for the log */
} aten_redis_address_t;

/** Parse redis://[user:password@]host[:port][/db] or rediss://...; user may be empty (":password@"), user and password
 *  may be percent-encoded; an IPv6 address stands in brackets.
 *  @param ca_file read now; NULL: the system's; for rediss:// alone
 *  @return NULL and *out set, or a sentence, in which nothing of the address stands: it has a password */
const char *aten_redis_parse(aten_redis_address_t **out, const char *url, const char *ca_file, apr_pool_t *p);

/* One connection, used by one thread at a time. It is made when it is first needed, and anew after an error. */
typedef struct aten_redis_t aten_redis_t;

/** @param connect how long a connection may take, with TLS, AUTH and SELECT @param answer how long all answers of one
 *  call may take. Closed by a cleanup of p */
aten_redis_t *aten_redis_make(const aten_redis_address_t *address, apr_interval_time_t connect,
                              apr_interval_time_t answer, apr_pool_t *p);

typedef struct {
    int argc;
    const char **argv;
    const size_t *lengths; /* NULL: strings that end with NUL */
} aten_redis_command_t;

/** Send commands in one go and wait for all their answers. Whether a kept connection still stands is looked at before
 *  anything is sent; nothing is ever sent twice.
 *  @param count   1 or more
 *  @param replies count answers, to be freed by aten_redis_free; an answer of type REDIS_REPLY_ERROR is an answer
 *  @param why     on an error: what happened, for the log, escaped, without password or key
 *  @return APR_SUCCESS, or an error (APR_ENOSPC: the answers are larger than is read): the connection is then closed,
 *          there are no replies, and what was sent may have been done or not */
apr_status_t aten_redis_call(aten_redis_t *redis, const aten_redis_command_t *commands, int count,
                             redisReply **replies, const char **why, apr_pool_t *p);
void aten_redis_free(redisReply **replies, int count);

/** What an answer of type REDIS_REPLY_ERROR says, for the log: up to the first quotation mark, behind which Redis may
 *  repeat what it was sent. */
const char *aten_redis_error(const redisReply *reply, apr_pool_t *p);

/** The next call connects anew: to be called where answers say that this server is not the right one (READONLY). */
void aten_redis_close(aten_redis_t *redis);

/** Is it connected as far as is known? A number that is another one after each new connection; 0: not connected. */
unsigned int aten_redis_connection(const aten_redis_t *redis);

#endif
