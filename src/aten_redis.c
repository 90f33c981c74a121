#include "aten_redis.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <apr_escape.h>
#include <apr_file_io.h>
#include <apr_strings.h>
#include <curl/curl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "aten_url.h"
#include "aten_util.h"

#define PORT_DEFAULT ":6379"
#define PORT_MAX 65535
#define DB_MAX 65535
#define URL_MAX 2048
#define CHUNK 16384 /* bytes read at once */
#define WHY_MAX 200
#define GREETING_MAX 2 /* AUTH, SELECT */

#define FORM "it has to be redis://[user:password@]host[:port][/db], or rediss://... for TLS"

struct aten_redis_t {
    const aten_redis_address_t *address;
    apr_interval_time_t connect, answer;
    CURL *curl;           /* NULL: not connected */
    curl_socket_t fd;     /* libcurl's */
    int timer;            /* readable when the time of a connection or of a call is over; -1: none */
    redisReader *reader;
    redisReplyObjectFunctions functions; /* the reader's, with a limit for lists */
    redisReplyObjectFunctions *unlimited;
    apr_size_t received;  /* bytes of the answers to this call */
    unsigned int number;  /* of the latest connection */
    char error[CURL_ERROR_SIZE];
};

/* What became of an exchange, and in words; words NULL: it went well. */
typedef struct {
    apr_status_t status;
    const char *words;
} outcome_t;

static const outcome_t well = {APR_SUCCESS, NULL};

/* --- the address --- */

static const char *read_ca(aten_redis_address_t *address, const char *name, apr_pool_t *p)
{
    char *text = apr_palloc(p, ATEN_REDIS_CA_BYTES_MAX);
    apr_size_t len = ATEN_REDIS_CA_BYTES_MAX;
    apr_file_t *file;
    apr_status_t status = apr_file_open(&file, name, APR_FOPEN_READ | APR_FOPEN_BINARY, APR_FPROT_OS_DEFAULT, p);

    if (status == APR_SUCCESS) {
        status = apr_file_read_full(file, text, len, &len);
        apr_file_close(file);
    }
    /* The end of the file has to be seen, or a part of it would be taken for the whole. */
    if (status != APR_EOF) {
        return apr_psprintf(p, "'%s' cannot be used: it has to be a readable file with CA certificates in PEM",
                            aten_log_text(p, name, WHY_MAX));
    }
    address->ca = text;
    address->ca_len = len;
    return NULL;
}

static int has_certificate(const char *pem, apr_size_t len)
{
    BIO *bio = BIO_new_mem_buf(pem, (int)len);
    X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    const int found = certificate != NULL;

    X509_free(certificate);
    BIO_free(bio);
    /* Whoever uses OpenSSL next in this thread must not find an error of ours. */
    ERR_clear_error();
    return found;
}

static const char *load_ca(aten_redis_address_t *address, const char *name, apr_pool_t *p)
{
    const char *error = read_ca(address, name, p);

    if (error || has_certificate(address->ca, address->ca_len)) return error;
    return apr_psprintf(p, "'%s' cannot be used: no CA certificate in PEM stands in it",
                        aten_log_text(p, name, WHY_MAX));
}

/* @return NULL for a broken escape, a NUL or nothing at all */
static const char *decode(apr_pool_t *p, const char *text)
{
    const char *decoded = apr_punescape_url(p, text, NULL, NULL, 0);

    return decoded && *decoded ? decoded : NULL;
}

static const char *read_credentials(aten_redis_address_t *address, char *text, apr_pool_t *p)
{
    char *colon = strchr(text, ':');

    if (!colon || !colon[1]) return "a password is missing before '@': write user:password@, or :password@";
    *colon = '\0';
    address->password = decode(p, colon + 1);
    if (*text) address->user = decode(p, text);
    if (!address->password || (*text && !address->user)) {
        return "user or password are not rightly percent-encoded ('%' is %25, ':' %3A, '/' %2F, '@' %40)";
    }
    return NULL;
}

static const char *read_host(aten_redis_address_t *address, const char *text, apr_pool_t *p)
{
    const char *behind = strrchr(text, ']') ? strrchr(text, ']') : text;
    const char *port = strchr(behind, ':') ? "" : PORT_DEFAULT;
    aten_base_t *base;

    /* The same judgement as of any host name that an administrator writes. */
    if (strchr(text, '/') || aten_base_parse(&base, apr_pstrcat(p, "http://", text, port, NULL), p)) {
        return "host or port are not right: " FORM;
    }
    address->host = base->host;
    address->port = base->port;
    return NULL;
}

static const char *read_db(aten_redis_address_t *address, const char *text)
{
    apr_int64_t db = 0;

    if (text && *text && !aten_parse_number(text, 0, DB_MAX, &db)) {
        return "the number of the database is not right: " FORM;
    }
    address->db = (int)db;
    return NULL;
}

static const char *read_authority(aten_redis_address_t *address, char *text, apr_pool_t *p)
{
    char *at = strrchr(text, '@');
    const char *error;

    if (!at) return read_host(address, text, p);
    *at = '\0';
    error = read_credentials(address, text, p);
    return error ? error : read_host(address, at + 1, p);
}

const char *aten_redis_parse(aten_redis_address_t **out, const char *url, const char *ca_file, apr_pool_t *p)
{
    aten_redis_address_t *address = apr_pcalloc(p, sizeof(*address));
    const char *error;
    char *rest, *slash;

    if (!url || strlen(url) > URL_MAX) return FORM;
    address->tls = !strncmp(url, "rediss://", 9);
    if (!address->tls && strncmp(url, "redis://", 8)) return FORM;
    rest = apr_pstrdup(p, url + (address->tls ? 9 : 8));
    /* A '/' inside a password has to be encoded, as in any address: what stands before the first one is the host. */
    slash = strchr(rest, '/');
    if (slash) *slash++ = '\0';
    error = read_authority(address, rest, p);
    if (!error) error = read_db(address, slash);
    if (!error && address->tls && ca_file) error = load_ca(address, ca_file, p);
    if (error) return error;
    address->shown = apr_psprintf(p, "%s://%s:%d/%d", address->tls ? "rediss" : "redis", address->host, address->port,
                                  address->db);
    *out = address;
    return NULL;
}

/* --- making and closing --- */

void aten_redis_close(aten_redis_t *redis)
{
    if (redis->reader) redisReaderFree(redis->reader);
    if (redis->curl) curl_easy_cleanup(redis->curl);
    redis->reader = NULL;
    redis->curl = NULL;
    if (redis->address->tls) ERR_clear_error();
}

static apr_status_t end(void *redis_)
{
    aten_redis_t *redis = redis_;

    aten_redis_close(redis);
    if (redis->timer >= 0) close(redis->timer);
    return APR_SUCCESS;
}

aten_redis_t *aten_redis_make(const aten_redis_address_t *address, apr_interval_time_t connect,
                              apr_interval_time_t answer, apr_pool_t *p)
{
    aten_redis_t *redis = apr_pcalloc(p, sizeof(*redis));

    redis->address = address;
    redis->connect = connect;
    redis->answer = answer;
    redis->timer = -1;
    apr_pool_cleanup_register(p, redis, end, apr_pool_cleanup_null);
    return redis;
}

unsigned int aten_redis_connection(const aten_redis_t *redis)
{
    return redis->curl ? redis->number : 0;
}

/* The kernel measures the time: one descriptor that becomes readable then, beside the socket. */
static outcome_t start_timer(aten_redis_t *redis, apr_interval_time_t span)
{
    const struct itimerspec when = {
        .it_value = {.tv_sec = (time_t)apr_time_sec(span), .tv_nsec = (long)apr_time_usec(span) * 1000 + 1}
    };

    if (redis->timer < 0) redis->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (redis->timer < 0 || timerfd_settime(redis->timer, 0, &when, NULL) != 0) {
        return (outcome_t){errno, "no timer can be had from the system"};
    }
    return well;
}

/* --- the reader --- */

/* hiredis would allocate as many elements as the other side says there are. */
static void *make_list(const redisReadTask *task, int elements)
{
    const aten_redis_t *redis = task->privdata;

    return elements > ATEN_REDIS_ELEMENTS_MAX ? NULL : redis->unlimited->createArray(task, elements);
}

static outcome_t make_reader(aten_redis_t *redis)
{
    redis->reader = redisReaderCreate();
    if (!redis->reader) return (outcome_t){APR_ENOMEM, "no memory"};
    redis->unlimited = redis->reader->fn;
    redis->functions = *redis->reader->fn;
    redis->functions.createArray = make_list;
    redis->reader->fn = &redis->functions;
    redis->reader->privdata = redis;
    return well;
}

/* --- an exchange --- */

typedef struct {
    const char *out; /* what has to be sent, of len bytes */
    apr_size_t len, sent;
    redisReply **replies;
    int count, got;
} exchange_t;

static outcome_t closed(void)
{
    return (outcome_t){APR_EOF, "the server has closed the connection"};
}

static outcome_t of_curl(const aten_redis_t *redis, CURLcode rc)
{
    return (outcome_t){APR_EGENERAL, redis->error[0] ? redis->error : curl_easy_strerror(rc)};
}

static outcome_t send_some(aten_redis_t *redis, exchange_t *exchange)
{
    while (exchange->sent < exchange->len) {
        size_t n = 0;
        const CURLcode rc = curl_easy_send(redis->curl, exchange->out + exchange->sent,
                                           exchange->len - exchange->sent, &n);

        if (rc == CURLE_AGAIN) return well;
        if (rc != CURLE_OK) return of_curl(redis, rc);
        exchange->sent += n;
    }
    return well;
}

static outcome_t take_replies(aten_redis_t *redis, exchange_t *exchange)
{
    while (exchange->got < exchange->count) {
        void *reply = NULL;

        if (redisReaderGetReply(redis->reader, &reply) != REDIS_OK) {
            return (outcome_t){APR_EGENERAL, "what came is no answer of Redis"};
        }
        if (!reply) return well;
        exchange->replies[exchange->got++] = reply;
    }
    /* What nobody asked for would be taken for the next call's answer. */
    if (redis->reader->pos < redis->reader->len) {
        return (outcome_t){APR_EGENERAL, "what came is more than the answers"};
    }
    return well;
}

/* @param more set to 1 if there may be more to be read at once */
static outcome_t receive_some(aten_redis_t *redis, exchange_t *exchange, int *more)
{
    char chunk[CHUNK];
    size_t n = 0;
    const CURLcode rc = curl_easy_recv(redis->curl, chunk, sizeof(chunk), &n);

    *more = 0;
    if (rc == CURLE_AGAIN) return well;
    if (rc != CURLE_OK) return of_curl(redis, rc);
    if (!n) return closed();
    redis->received += n;
    if (redis->received > ATEN_REDIS_ANSWER_BYTES_MAX) {
        return (outcome_t){APR_ENOSPC, "the answer is too large"};
    }
    if (redisReaderFeed(redis->reader, chunk, n) != REDIS_OK) return (outcome_t){APR_ENOMEM, "no memory"};
    *more = 1;
    return take_replies(redis, exchange);
}

static outcome_t wait_for(aten_redis_t *redis, int writing)
{
    struct pollfd fds[] = {
        {.fd = redis->fd, .events = (short)(writing ? POLLIN | POLLOUT : POLLIN)},
        {.fd = redis->timer, .events = POLLIN},
    };

    while (poll(fds, 2, -1) < 0) {
        if (errno != EINTR) return (outcome_t){errno, "poll failed"};
    }
    if (fds[1].revents) return (outcome_t){APR_TIMEUP, "no answer in time"};
    return well;
}

/* Reads while it still has to send: a server that waits for its answers to be read would never read the rest. */
static outcome_t exchange_all(aten_redis_t *redis, exchange_t *exchange)
{
    outcome_t outcome = well;
    int more = 0;

    redis->received = 0;
    redis->error[0] = '\0';
    while (!outcome.words && exchange->got < exchange->count) {
        outcome = send_some(redis, exchange);
        if (outcome.words) break;
        /* With TLS, bytes may wait inside the library: it is asked until it has no more. */
        if (!more) outcome = wait_for(redis, exchange->sent < exchange->len);
        if (!outcome.words) outcome = receive_some(redis, exchange, &more);
    }
    if (outcome.words || exchange->sent == exchange->len) return outcome;
    return (outcome_t){APR_EGENERAL, "the answers came before the commands"};
}

/* --- connecting --- */

static curl_socket_t open_socket(void *unused, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)unused;
    (void)purpose;
    /* Not for CGI programs, whenever they are started. */
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static long milliseconds(apr_interval_time_t t)
{
    const apr_int64_t ms = apr_time_as_msec(t);

    return ms < 1 ? 1 : (long)ms; /* 0 would be libcurl's "for ever" */
}

#define SET(option, value) (rc != CURLE_OK ? rc : (rc = curl_easy_setopt(curl, option, value)))

static CURLcode set_tls(CURL *curl, const aten_redis_address_t *address)
{
    CURLcode rc = CURLE_OK;

    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_ENABLE_ALPN, 0L);
    if (address->ca) {
        struct curl_blob blob = {.data = (void *)(apr_uintptr_t)address->ca, .len = address->ca_len,
                                 .flags = CURL_BLOB_NOCOPY};

        /* The system's bundle and directory would be trusted beside the administrator's. */
        SET(CURLOPT_CAINFO, NULL);
        SET(CURLOPT_CAPATH, NULL);
        SET(CURLOPT_CAINFO_BLOB, &blob);
    }
    return rc;
}

static CURLcode set_connection(aten_redis_t *redis, const char *url)
{
    CURL *curl = redis->curl;
    CURLcode rc = set_tls(curl, redis->address);

    SET(CURLOPT_ERRORBUFFER, redis->error);
    SET(CURLOPT_URL, url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https"); /* neither is spoken: they name TCP and TLS */
    SET(CURLOPT_CONNECT_ONLY, 1L);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOPROXY, "*");
    SET(CURLOPT_NOSIGNAL, 1L); /* a signal would hit another thread */
    SET(CURLOPT_TIMEOUT_MS, milliseconds(redis->connect));
    SET(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(redis->connect));
    SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
    SET(CURLOPT_QUICK_EXIT, 1L); /* not to wait for a name server that does not answer */
#endif
    return rc;
}

static outcome_t reach(aten_redis_t *redis, apr_pool_t *p)
{
    const aten_redis_address_t *address = redis->address;
    const char *url = apr_psprintf(p, "%s://%s:%d/", address->tls ? "https" : "http", address->host, address->port);
    CURLcode rc;

    redis->error[0] = '\0';
    redis->curl = curl_easy_init();
    if (!redis->curl) return (outcome_t){APR_ENOMEM, "no memory"};
    rc = set_connection(redis, url);
    if (rc == CURLE_OK) rc = curl_easy_perform(redis->curl);
    if (rc == CURLE_OK) rc = curl_easy_getinfo(redis->curl, CURLINFO_ACTIVESOCKET, &redis->fd);
    if (rc != CURLE_OK) {
        outcome_t outcome = of_curl(redis, rc);

        if (rc == CURLE_OPERATION_TIMEDOUT) outcome.status = APR_TIMEUP;
        return outcome;
    }
    if (redis->fd == CURL_SOCKET_BAD) return closed();
    return make_reader(redis);
}

/* --- commands --- */

/* @return the bytes of all commands, to be freed by sdsfree, or NULL */
static sds format(const aten_redis_command_t *commands, int count)
{
    sds all = sdsempty();
    int i;

    for (i = 0; all && i < count; i++) {
        char *one = NULL;
        const int len = redisFormatCommandArgv(&one, commands[i].argc, commands[i].argv, commands[i].lengths);
        sds longer = len > 0 ? sdscatlen(all, one, (size_t)len) : NULL;

        if (len > 0) redisFreeCommand(one);
        if (!longer) sdsfree(all);
        all = longer;
    }
    return all;
}

static outcome_t send_and_wait(aten_redis_t *redis, const aten_redis_command_t *commands, int count,
                               redisReply **replies)
{
    exchange_t exchange = {.replies = replies, .count = count};
    sds out = format(commands, count);
    outcome_t outcome;

    memset(replies, 0, (size_t)count * sizeof(*replies));
    if (!out) return (outcome_t){APR_ENOMEM, "no memory"};
    exchange.out = out;
    exchange.len = sdslen(out);
    outcome = exchange_all(redis, &exchange);
    OPENSSL_cleanse(out, exchange.len); /* a password may stand in it */
    sdsfree(out);
    if (outcome.words) aten_redis_free(replies, exchange.got);
    return outcome;
}

void aten_redis_free(redisReply **replies, int count)
{
    int i;

    for (i = 0; i < count; i++) {
        if (replies[i]) freeReplyObject(replies[i]);
        replies[i] = NULL;
    }
}

const char *aten_redis_error(const redisReply *reply, apr_pool_t *p)
{
    if (reply->type != REDIS_REPLY_ERROR || !reply->str) return "an answer of another kind than expected";
    return aten_log_text(p, apr_pstrmemdup(p, reply->str, strcspn(reply->str, "'`\"")), WHY_MAX);
}

/* Of what is answered to AUTH only the first word is told: a server may repeat what it was sent. */
static outcome_t refused(const char *command, const redisReply *reply, apr_pool_t *p)
{
    const char *said = aten_redis_error(reply, p);

    if (reply->type == REDIS_REPLY_ERROR) {
        said = apr_pstrmemdup(p, said, strspn(said, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"));
    }
    return (outcome_t){APR_EACCES, apr_pstrcat(p, command, " was refused: ", said, NULL)};
}

static outcome_t greet(aten_redis_t *redis, apr_pool_t *p)
{
    const aten_redis_address_t *address = redis->address;
    const char *auth[3] = {"AUTH"}, *select[] = {"SELECT", apr_itoa(p, address->db)};
    aten_redis_command_t commands[GREETING_MAX];
    redisReply *replies[GREETING_MAX];
    outcome_t outcome;
    int count = 0, words = 1, i;

    if (address->user) auth[words++] = address->user;
    if (address->password) {
        auth[words++] = address->password;
        commands[count++] = (aten_redis_command_t){words, auth, NULL};
    }
    if (address->db) commands[count++] = (aten_redis_command_t){2, select, NULL};
    if (!count) return well;
    outcome = send_and_wait(redis, commands, count, replies);
    if (outcome.words) return outcome;
    for (i = 0; !outcome.words && i < count; i++) {
        if (replies[i]->type != REDIS_REPLY_STATUS) outcome = refused(commands[i].argv[0], replies[i], p);
    }
    aten_redis_free(replies, count);
    return outcome;
}

static outcome_t connect_anew(aten_redis_t *redis, apr_pool_t *p)
{
    outcome_t outcome = start_timer(redis, redis->connect);

    if (!outcome.words) outcome = reach(redis, p);
    if (!outcome.words) outcome = greet(redis, p);
    if (!outcome.words && !++redis->number) redis->number = 1;
    return outcome;
}

/* Has the other side closed, or sent what nobody asked for? Looked at before sending, for a command that was sent
 * into a closed connection may have been done or not. */
static int still_stands(aten_redis_t *redis)
{
    size_t n = 0;
    char byte;

    return redis->curl && curl_easy_recv(redis->curl, &byte, 1, &n) == CURLE_AGAIN;
}

apr_status_t aten_redis_call(aten_redis_t *redis, const aten_redis_command_t *commands, int count,
                             redisReply **replies, const char **why, apr_pool_t *p)
{
    outcome_t outcome = well;

    *why = NULL;
    if (!still_stands(redis)) {
        aten_redis_close(redis);
        outcome = connect_anew(redis, p);
    }
    if (!outcome.words) outcome = start_timer(redis, redis->answer);
    if (!outcome.words) outcome = send_and_wait(redis, commands, count, replies);
    if (outcome.words) {
        *why = apr_psprintf(p, "%s: %s", redis->address->shown, aten_log_text(p, outcome.words, WHY_MAX));
        aten_redis_close(redis);
    }
    /* libcurl leaves a failed handshake's errors in the thread's queue, where mod_ssl would take them for its own. */
    if (redis->address->tls) ERR_clear_error();
    return outcome.status;
}
