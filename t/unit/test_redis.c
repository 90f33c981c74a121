#include "unit_redis.h"

#include <sys/timerfd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <curl/curl.h>

#include "aten_redis.h"

#define CONNECT apr_time_from_sec(5)
#define ANSWER apr_time_from_sec(5)
#define SHORT apr_time_from_msec(200)
#define SECRET "hidden-S3cret"

/* --- the address --- */

static const struct {
    const char *url, *host, *user, *password, *shown;
    int port, db, tls;
    const char *reason;
} good_addresses[] = {
    {"redis://r.example", "r.example", NULL, NULL, "redis://r.example:6379/0", 6379, 0, 0, "the shortest"},
    {"redis://r.example/", "r.example", NULL, NULL, "redis://r.example:6379/0", 6379, 0, 0, "a final slash"},
    {"redis://R.Example:7000/3", "r.example", NULL, NULL, "redis://r.example:7000/3", 7000, 3, 0, "lower case"},
    {"rediss://r.example:80", "r.example", NULL, NULL, "rediss://r.example:80/0", 80, 0, 1, "TLS; http's port"},
    {"redis://127.0.0.1", "127.0.0.1", NULL, NULL, "redis://127.0.0.1:6379/0", 6379, 0, 0, "IPv4"},
    {"redis://[::1]", "[::1]", NULL, NULL, "redis://[::1]:6379/0", 6379, 0, 0, "IPv6"},
    {"redis://[::1]:7000/15", "[::1]", NULL, NULL, "redis://[::1]:7000/15", 7000, 15, 0, "IPv6 and port"},
    {"redis://:pw@h", "h", NULL, "pw", "redis://h:6379/0", 6379, 0, 0, "no user"},
    {"redis://u:pw@h:1/2", "h", "u", "pw", "redis://h:1/2", 1, 2, 0, "everything"},
    {"redis://u:p%40%3A%2F%25w@h", "h", "u", "p@:/%w", "redis://h:6379/0", 6379, 0, 0, "percent-encoded"},
    {"redis://u:p:w@h", "h", "u", "p:w", "redis://h:6379/0", 6379, 0, 0, "the first ':' separates"},
    {"redis://u:p@w@h", "h", "u", "p@w", "redis://h:6379/0", 6379, 0, 0, "the last '@' separates"},
    {"redis://u%3Av:pw@h", "h", "u:v", "pw", "redis://h:6379/0", 6379, 0, 0, "':' in a user"},
};

static void good_addresses_are_read(void **state)
{
    int i;

    for (i = 0; i < COUNT(good_addresses); i++) {
        aten_redis_address_t *address = NULL;
        const char *error = aten_redis_parse(&address, good_addresses[i].url, NULL, pool);

        if (error) fail_msg("%s: %s", good_addresses[i].reason, error);
        assert_string_equal(address->host, good_addresses[i].host);
        assert_string_equal(address->shown, good_addresses[i].shown);
        assert_int_equal(address->port, good_addresses[i].port);
        assert_int_equal(address->db, good_addresses[i].db);
        assert_int_equal(address->tls, good_addresses[i].tls);
        assert_int_equal(!address->user, !good_addresses[i].user);
        assert_int_equal(!address->password, !good_addresses[i].password);
        if (address->user) assert_string_equal(address->user, good_addresses[i].user);
        if (address->password) assert_string_equal(address->password, good_addresses[i].password);
        assert_null(address->ca);
    }
}

static const struct {
    const char *url, *reason;
} bad_addresses[] = {
    {"", "nothing"},
    {"lmdb", "another word"},
    {"redis:", "no host"},
    {"redis://", "no host"},
    {"redis:///1", "no host, but a database"},
    {"REDIS://h", "the scheme is written small"},
    {"http://h", "another scheme"},
    {"redis://h:", "a port is missing"},
    {"redis://h:0", "no port"},
    {"redis://h:65536", "no port"},
    {"redis://h:12a", "no number"},
    {"redis://h/x", "no number"},
    {"redis://h/-1", "a sign"},
    {"redis://h/65536", "too many databases"},
    {"redis://h/1/", "something behind"},
    {"redis://h?db=1", "a query"},
    {"redis://h#1", "a fragment"},
    {"redis://h h", "a blank"},
    {"redis://h\n", "a control character"},
    {"redis://[::1", "an open bracket"},
    {"redis://::1", "IPv6 without brackets"},
    {"redis://[::g]", "no IPv6"},
    {"redis://-h", "no name of a host"},
    {"redis://u@h", "a user without a password"},
    {"redis://" SECRET "@h", "perhaps a password alone"},
    {"redis://:@h", "an empty password"},
    {"redis://u:@h", "an empty password"},
    {"redis://u:" SECRET "%4@h", "a broken escape"},
    {"redis://u:" SECRET "%00@h", "a NUL"},
    {"redis://%zz:" SECRET "@h", "a broken escape in the user"},
    {"redis://u:" SECRET "/x@h", "a slash that is not encoded"},
    {"redis://u:" SECRET "@h:x", "a wrong port behind a password"},
    {"redis://u:" SECRET "@h/x", "a wrong database behind a password"},
    {"redis://u:" SECRET "@", "no host behind a password"},
    {"redis:/u:" SECRET "@h", "a slash is missing"},
};

static void bad_addresses_are_refused_without_their_text(void **state)
{
    int i;

    for (i = 0; i < COUNT(bad_addresses); i++) {
        aten_redis_address_t *address = NULL;
        const char *error = aten_redis_parse(&address, bad_addresses[i].url, NULL, pool);

        if (!error) fail_msg("taken: %s", bad_addresses[i].reason);
        if (strstr(error, "hidden") || strstr(error, "S3cret")) fail_msg("%s: %s", bad_addresses[i].reason, error);
        assert_null(address);
    }
}

/* --- calls --- */

static redis_server_t plain, tls;

/* @param url with '#' for the port */
static aten_redis_t *client_of(const char *url, int port, apr_interval_time_t connect, apr_interval_time_t answer)
{
    const char *hash = strchr(url, '#');
    const char *whole = apr_pstrcat(pool, apr_pstrmemdup(pool, url, (apr_size_t)(hash - url)), apr_itoa(pool, port),
                                    hash + 1, NULL);
    aten_redis_address_t *address;
    const char *error = aten_redis_parse(&address, whole, NULL, pool);

    if (error) fail_msg("%s", error);
    return aten_redis_make(address, connect, answer, pool);
}

static aten_redis_t *client(const redis_server_t *server)
{
    return client_of("redis://127.0.0.1:#", server->port, CONNECT, ANSWER);
}

static const char *last_why;

/* One command, its words separated by '|'. @return its answer as text, or NULL and last_why */
static const char *ask(aten_redis_t *redis, const char *line)
{
    char *words[WORDS_MAX] = {NULL};
    const int count = split(line, words);
    const aten_redis_command_t command = {count, (const char **)(uintptr_t)words, NULL};
    redisReply *reply;
    const char *text;

    if (aten_redis_call(redis, &command, 1, &reply, &last_why, pool) != APR_SUCCESS) {
        assert_non_null(last_why);
        if (strstr(last_why, SECRET)) fail_msg("the password stands in: %s", last_why);
        assert_int_equal(aten_redis_connection(redis), 0);
        assert_int_equal(ERR_peek_error(), 0);
        return NULL;
    }
    assert_null(last_why);
    assert_int_equal(ERR_peek_error(), 0);
    text = reply->type == REDIS_REPLY_NIL ? "(nil)"
           : reply->type == REDIS_REPLY_INTEGER ? apr_ltoa(pool, (long)reply->integer)
           : reply->str ? apr_pstrmemdup(pool, reply->str, reply->len) : "(list)";
    aten_redis_free(&reply, 1);
    assert_null(reply);
    return text;
}

static void assert_says(aten_redis_t *redis, const char *line, const char *expected)
{
    const char *text = ask(redis, line);

    if (!text) fail_msg("%s: %s", line, last_why);
    assert_string_equal(text, expected);
}

static void assert_fails(aten_redis_t *redis, const char *part)
{
    const char *text = ask(redis, "PING");

    if (text) fail_msg("answered: %s", text);
    if (!strstr(last_why, part)) fail_msg("'%s' does not say: %s", last_why, part);
}

static void a_connection_is_made_when_needed_and_kept(void **state)
{
    aten_redis_t *redis = client(&plain);
    unsigned int number;

    assert_int_equal(aten_redis_connection(redis), 0);
    assert_says(redis, "PING", "PONG");
    number = aten_redis_connection(redis);
    assert_int_not_equal(number, 0);
    assert_says(redis, "SET|a|b c", "OK");
    assert_says(redis, "GET|a", "b c");
    assert_says(redis, "GET|none", "(nil)");
    assert_says(redis, "INCR|n", "1");
    assert_int_equal(aten_redis_connection(redis), number);
}

static void errors_are_answers(void **state)
{
    aten_redis_t *redis = client(&plain);

    assert_says(redis, "SET|a|b", "OK");
    assert_true(!strncmp(ask(redis, "XADD|a|*|b|c"), "WRONGTYPE", 9));
    assert_says(redis, "PING", "PONG");
}

static void bytes_of_any_kind_pass(void **state)
{
    aten_redis_t *redis = client(&plain);
    const char *set[] = {"SET", "k\0\r\n", "\0\xff\r\n$5"}, *get[] = {"GET", "k\0\r\n"};
    const size_t lengths[] = {3, 4, 6};
    const aten_redis_command_t commands[] = {{3, set, lengths}, {2, get, lengths}};
    redisReply *replies[2];

    assert_int_equal(aten_redis_call(redis, commands, 2, replies, &last_why, pool), APR_SUCCESS);
    assert_int_equal(replies[1]->type, REDIS_REPLY_STRING);
    assert_int_equal(replies[1]->len, 6);
    assert_memory_equal(replies[1]->str, set[2], 6);
    aten_redis_free(replies, 2);
}

enum { MANY = 3000, BYTES = 1000 };

/* Each of so many bytes, for answers of BYTES. */
static apr_status_t send_many(aten_redis_t *redis, apr_size_t bytes)
{
    aten_redis_command_t *commands = apr_palloc(pool, MANY * sizeof(*commands));
    redisReply **replies = apr_palloc(pool, MANY * sizeof(*replies));
    char *long_text = apr_palloc(pool, bytes + 1);
    const char *argv[] = {"ECHO", long_text};
    apr_status_t status;
    int i;

    memset(long_text, 'x', bytes);
    long_text[bytes] = '\0';
    for (i = 0; i < MANY; i++) commands[i] = (aten_redis_command_t){2, argv, NULL};
    status = aten_redis_call(redis, commands, MANY, replies, &last_why, pool);
    if (status != APR_SUCCESS) return status;
    for (i = 0; i < MANY; i++) assert_int_equal(replies[i]->len, BYTES);
    aten_redis_free(replies, MANY);
    return status;
}

static void many_commands_go_at_once(void **state)
{
    aten_redis_t *redis = client(&plain);

    if (send_many(redis, BYTES)) fail_msg("%s", last_why);
    assert_says(redis, "PING", "PONG");
}

static int send_all(int fd, const char *bytes, size_t len)
{
    while (len) {
        const ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

        if (n < 0) return 0;
        bytes += n;
        len -= (size_t)n;
    }
    return 1;
}

/* A server whose sockets hold little, and that reads on when all its answers have been taken. */
static void serve_answers_first(int listening)
{
    char line[BYTES + 4] = "+", received[BYTES];
    const int fd = accept(listening, NULL, NULL), little = 4096;
    int i;

    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &little, sizeof(little));
    memset(line + 1, 'x', BYTES);
    memcpy(line + 1 + BYTES, "\r\n", 3);
    for (i = 0; i < MANY; i++) {
        if (!i && recv(fd, received, sizeof(received), 0) <= 0) _exit(1);
        if (!send_all(fd, line, BYTES + 3)) _exit(1);
    }
    while (recv(fd, received, sizeof(received), 0) > 0) {}
    _exit(0);
}

/* Who only sent, and read afterwards, would wait for it and it for him; what it says is no answer all the same. */
static void answers_to_what_was_not_sent_are_none(void **state)
{
    int port;
    const int listening = listen_somewhere(5, &port), little = 4096;
    const pid_t pid = fork();
    apr_status_t status;

    assert_true(pid >= 0);
    if (!pid) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setsockopt(listening, SOL_SOCKET, SO_RCVBUF, &little, sizeof(little));
        serve_answers_first(listening);
    }
    close(listening);
    status = send_many(client_of("redis://127.0.0.1:#", port, CONNECT, ANSWER), 8 * BYTES);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    assert_int_not_equal(status, APR_SUCCESS);
    assert_non_null(strstr(last_why, "before the commands"));
}

static void an_answer_too_large_is_an_error(void **state)
{
    aten_redis_t *redis = client(&plain);
    char *line = apr_psprintf(pool, "SETRANGE|large|%d|x", (int)ATEN_REDIS_ANSWER_BYTES_MAX);
    const char *argv[] = {"GET", "large"};
    const aten_redis_command_t command = {2, argv, NULL};
    redisReply *reply;

    assert_non_null(ask(redis, line));
    assert_int_equal(aten_redis_call(redis, &command, 1, &reply, &last_why, pool), APR_ENOSPC);
    assert_non_null(strstr(last_why, "too large"));
    assert_says(redis, "DEL|large", "1");
}

/* Redis closes what was idle (timeout), or an administrator does. */
static void a_connection_that_was_closed_is_made_anew(void **state)
{
    aten_redis_t *redis = client(&plain);
    unsigned int number;

    assert_says(redis, "PING", "PONG");
    number = aten_redis_connection(redis);
    redis_do(&plain, "CLIENT|KILL|TYPE|normal");
    usleep(50000);
    assert_says(redis, "PING", "PONG");
    assert_int_not_equal(aten_redis_connection(redis), number);
    aten_redis_close(redis);
    assert_int_equal(aten_redis_connection(redis), 0);
    assert_says(redis, "PING", "PONG");
}

static void a_server_that_was_away_is_found_again(void **state)
{
    redis_server_t own = {0};
    aten_redis_t *redis;

    redis_start(&own, "");
    redis = client(&own);
    assert_says(redis, "PING", "PONG");
    redis_stop(&own);
    assert_fails(redis, "redis://127.0.0.1:");
    assert_fails(redis, "onnect"); /* refused */
    redis_start_again(&own);
    assert_says(redis, "PING", "PONG");
    redis_stop(&own);
}

static void a_server_that_stops_answering_is_not_waited_for(void **state)
{
    aten_redis_t *redis = client_of("redis://127.0.0.1:#", plain.port, CONNECT, SHORT);

    assert_says(redis, "PING", "PONG");
    kill(plain.pid, SIGSTOP);
    assert_fails(redis, "no answer in time");
    assert_fails(redis, "no answer in time"); /* the system accepts the connection in its place */
    kill(plain.pid, SIGCONT);
    assert_says(redis, "PING", "PONG");
}

static void a_greeting_that_is_not_answered_is_not_waited_for(void **state)
{
    aten_redis_t *redis = client_of("redis://:" SECRET "@127.0.0.1:#/1", plain.port, SHORT, CONNECT);

    kill(plain.pid, SIGSTOP);
    assert_fails(redis, "no answer in time");
    kill(plain.pid, SIGCONT);
}

static void databases_are_apart(void **state)
{
    aten_redis_t *zero = client(&plain), *one = client_of("redis://127.0.0.1:#/1", plain.port, CONNECT, ANSWER);
    aten_redis_t *none = client_of("redis://127.0.0.1:#/999", plain.port, CONNECT, ANSWER);

    assert_says(zero, "SET|where|zero", "OK");
    assert_says(one, "SET|where|one", "OK");
    assert_says(zero, "GET|where", "zero");
    assert_says(one, "GET|where", "one");
    assert_fails(none, "SELECT was refused: ERR");
}

static void passwords_are_given(void **state)
{
    static const struct {
        const char *url, *part; /* part NULL: it is let in */
    } rows[] = {
        {"redis://:" SECRET "@127.0.0.1:#", NULL},
        {"redis://default:" SECRET "@127.0.0.1:#", NULL},
        {"redis://aten:p%40ss@127.0.0.1:#/2", NULL},
        {"redis://aten:" SECRET "@127.0.0.1:#", "AUTH was refused: WRONGPASS"},
        {"redis://:" SECRET "x@127.0.0.1:#/1", "AUTH was refused: WRONGPASS"},
        {"redis://nobody:" SECRET "@127.0.0.1:#", "AUTH was refused: WRONGPASS"},
        {"redis://127.0.0.1:#/1", "SELECT was refused: NOAUTH"},
    };
    redis_server_t own = {0};
    int i;

    redis_start(&own, "--requirepass|" SECRET "|--user|aten|on|>p@ss|~*|+@all");
    for (i = 0; i < COUNT(rows); i++) {
        aten_redis_t *redis = client_of(rows[i].url, own.port, CONNECT, ANSWER);

        if (rows[i].part) assert_fails(redis, rows[i].part);
        else assert_says(redis, "PING", "PONG");
    }
    /* Without a database there is no greeting: the command itself is answered so. */
    assert_true(!strncmp(ask(client(&own), "PING"), "NOAUTH", 6));
    redis_stop(&own);
}

/* --- descriptors, environment --- */

/* Sockets to other machines, and timers; libcurl also has pairs of sockets of its own, which lead nowhere. */
static int is_ours(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof(address);
    struct itimerspec when;

    if (!getsockname(fd, (struct sockaddr *)&address, &len)) return address.ss_family != AF_UNIX;
    return !timerfd_gettime(fd, &when);
}

/* @param inherited set to how many of them programs started from here would get */
static int count_ours(int *inherited)
{
    int fd, count = 0;

    *inherited = 0;
    for (fd = 3; fd < 256; fd++) {
        if (!is_ours(fd)) continue;
        count++;
        if (!(fcntl(fd, F_GETFD) & FD_CLOEXEC)) ++*inherited;
    }
    return count;
}

static void descriptors_are_not_inherited(void **state)
{
    int inherited;
    const int before = count_ours(&inherited);

    assert_says(client(&plain), "PING", "PONG");
    assert_int_equal(count_ours(&inherited), before + 2);
    assert_int_equal(inherited, 0);
}

static void no_proxy_of_the_environment_is_used(void **state)
{
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("all_proxy", "http://127.0.0.1:1", 1);
    assert_says(client(&plain), "PING", "PONG");
    unsetenv("http_proxy");
    unsetenv("all_proxy");
}

/* --- a server that is none --- */

typedef struct {
    const char *text;
    const char *part; /* of what is said */
    int endless, stays;
    const char *reason;
} nonsense_t;

static const nonsense_t nonsense[] = {
    {"HTTP/1.1 400 Bad Request\r\n\r\n", "no answer of Redis", 0, 1, "a web server"},
    {"", "closed", 0, 0, "closed at once"},
    {"", "in time", 0, 1, "never a word"},
    {"+PO", "in time", 0, 1, "half a word"},
    {"+PO", "closed", 0, 0, "half a word, and closed"},
    {"+PONG\r\n+PONG\r\n", "more than", 0, 1, "an answer too many"},
    {"$-5\r\n", "no answer of Redis", 0, 1, "a negative length"},
    {"$99999999999999999999\r\n", "no answer of Redis", 0, 1, "no length"},
    {"*2147483647\r\n", "no answer of Redis", 0, 1, "a list of 2^31 - 1"},
    {"*1000000\r\n", "no answer of Redis", 0, 1, "a list of a million"},
    {"*-2\r\n", "no answer of Redis", 0, 1, "a list of less than none"},
    {"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", "no answer of Redis", 0, 1, "lists in lists"},
    {"$5000000\r\n", "in time", 0, 1, "a text that never comes"},
    {"$2000000000\r\n", "too large", 1, 1, "a text without end"},
    {"+", "too large", 1, 1, "a line without end"},
    {"*60000\r\n", "no answer of Redis", 1, 1, "a list of nonsense"},
    {"\x16\x03\x01\x02", "no answer of Redis", 0, 1, "TLS where none is expected"},
    {"-ERR unknown command 'AUTH', with args beginning with: '" SECRET "'\r\n", "AUTH was refused: ERR", 0, 1,
     "the password repeated"},
    {"-" SECRET "\r\n", "AUTH was refused: ", 0, 1, "the password for an error"},
    {"*0\r\n", "AUTH was refused: an answer of another kind", 0, 1, "a list for an answer"},
};

static void talk_nonsense(int fd, const nonsense_t *row)
{
    static const char filling[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
    char received[4096];
    int i;

    if (recv(fd, received, sizeof(received), 0) <= 0) return;
    if (send(fd, row->text, strlen(row->text), MSG_NOSIGNAL) < 0) return;
    for (i = 0; row->endless && i < 200000; i++) {
        if (send(fd, filling, sizeof(filling) - 1, MSG_NOSIGNAL) < 0) return;
    }
    while (row->stays && recv(fd, received, sizeof(received), 0) > 0) {}
}

static pid_t serve_nonsense(int listening, const nonsense_t *row)
{
    const pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid) return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        const int fd = accept(listening, NULL, NULL);

        if (fd < 0) _exit(0);
        talk_nonsense(fd, row);
        close(fd);
    }
}

static void nonsense_ends_in_an_error(void **state)
{
    int i;

    for (i = 0; i < COUNT(nonsense); i++) {
        int port;
        const int listening = listen_somewhere(5, &port);
        const pid_t pid = serve_nonsense(listening, &nonsense[i]);
        aten_redis_t *redis;

        close(listening);
        redis = client_of("redis://:" SECRET "@127.0.0.1:#", port,
                          strstr(nonsense[i].part, "in time") ? SHORT : CONNECT, ANSWER);
        if (ask(redis, "PING")) fail_msg("taken: %s", nonsense[i].reason);
        if (!strstr(last_why, nonsense[i].part)) fail_msg("%s: %s", nonsense[i].reason, last_why);
        aten_redis_close(redis);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
}

/* Bytes that come slowly, one by one, do not make the time longer. */
static void time_is_limited_for_all_answers_together(void **state)
{
    int port, fd, i;
    const int listening = listen_somewhere(5, &port);
    const pid_t pid = fork();

    assert_true(pid >= 0);
    if (!pid) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        fd = accept(listening, NULL, NULL);
        for (i = 0; i < 6000 && send(fd, "+", 1, MSG_NOSIGNAL) == 1; i++) usleep(10000);
        _exit(0);
    }
    close(listening);
    assert_fails(client_of("redis://127.0.0.1:#", port, CONNECT, SHORT), "in time");
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void errors_are_told_without_what_was_sent(void **state)
{
    static const struct {
        const char *said, *told;
    } rows[] = {
        {"OOM command not allowed when used memory > 'maxmemory'.", "OOM command not allowed when used memory > "},
        {"ERR unknown command `XADD`, with args beginning with: `" SECRET "`", "ERR unknown command "},
        {"READONLY You can't write", "READONLY You can"},
        {"ERR a\nb\x01", "ERR a\\nb\\x01"},
    };
    redisReply list = {.type = REDIS_REPLY_ARRAY};
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        char *said = apr_pstrdup(pool, rows[i].said);
        redisReply reply = {.type = REDIS_REPLY_ERROR, .str = said, .len = strlen(said)};

        assert_string_equal(aten_redis_error(&reply, pool), rows[i].told);
    }
    assert_non_null(strstr(aten_redis_error(&list, pool), "another kind"));
}

/* --- TLS --- */

typedef struct {
    X509 *certificate;
    EVP_PKEY *key;
} identity_t;

static void extend(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *extension;

    X509V3_set_ctx(&ctx, issuer, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

/* @param names NULL: a CA @param days until it ends */
static identity_t certify(const char *subject, const char *names, const identity_t *ca, int days)
{
    identity_t id = {X509_new(), EVP_EC_gen("P-256")};
    X509 *issuer = ca ? ca->certificate : id.certificate;

    X509_set_version(id.certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(id.certificate), ca ? 2 : 1);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(id.certificate), "CN", MBSTRING_ASC,
                               (const unsigned char *)subject, -1, -1, 0);
    X509_set_issuer_name(id.certificate, X509_get_subject_name(issuer));
    X509_gmtime_adj(X509_getm_notBefore(id.certificate), -86400L * 30);
    X509_gmtime_adj(X509_getm_notAfter(id.certificate), 86400L * days);
    X509_set_pubkey(id.certificate, id.key);
    extend(id.certificate, issuer, names ? NID_subject_alt_name : NID_basic_constraints, names ? names : "CA:TRUE");
    assert_true(X509_sign(id.certificate, ca ? ca->key : id.key, EVP_sha256()) > 0);
    return id;
}

static void forget(identity_t *id)
{
    X509_free(id->certificate);
    EVP_PKEY_free(id->key);
}

static const char *write_pem(const char *name, const identity_t *id, int with_key)
{
    const char *path = in_dir(name);
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    if (id) PEM_write_X509(file, id->certificate);
    if (with_key) PEM_write_PrivateKey(file, id->key, NULL, NULL, 0, NULL, NULL);
    fclose(file);
    return path;
}

static const char *ca_file, *foreign_file;

static void make_certificates(void)
{
    identity_t ca = certify("test CA", NULL, NULL, 30), foreign = certify("another CA", NULL, NULL, 30);
    identity_t good = certify("redis", "DNS:localhost,IP:127.0.0.1", &ca, 30);
    identity_t other = certify("localhost", "DNS:other.example,IP:192.0.2.1", &ca, 30);
    identity_t expired = certify("redis", "DNS:localhost,IP:127.0.0.1", &ca, -1);

    ca_file = write_pem("ca.pem", &ca, 0);
    foreign_file = write_pem("foreign.pem", &foreign, 0);
    write_pem("good.pem", &good, 1);
    write_pem("other.pem", &other, 1);
    write_pem("expired.pem", &expired, 1);
    forget(&ca);
    forget(&foreign);
    forget(&good);
    forget(&other);
    forget(&expired);
}

static int tls_port;

static void tls_start(const char *certificate)
{
    tls_port = free_port();
    redis_start(&tls, apr_pstrcat(pool, "--tls-port|", apr_itoa(pool, tls_port), "|--tls-cert-file|",
                                  in_dir(certificate), "|--tls-key-file|", in_dir(certificate),
                                  "|--tls-ca-cert-file|", ca_file, "|--tls-auth-clients|no", NULL));
}

static aten_redis_t *tls_client_in(const char *host, int port, const char *file, apr_interval_time_t connect)
{
    aten_redis_address_t *address;
    const char *url = apr_psprintf(pool, "rediss://%s:%d/1", host, port);
    const char *error = aten_redis_parse(&address, url, file, pool);

    if (error) fail_msg("%s", error);
    return aten_redis_make(address, connect, ANSWER, pool);
}

static aten_redis_t *tls_client(const char *host, int port, const char *file)
{
    return tls_client_in(host, port, file, CONNECT);
}

static void tls_is_verified(void **state)
{
    static const struct {
        const char *certificate, *reason;
    } bad[] = {
        {"other.pem", "a name that is not the server's"},
        {"expired.pem", "expired"},
    };
    aten_redis_t *redis;
    int i;

    tls_start("good.pem");
    redis = tls_client("127.0.0.1", tls_port, ca_file);
    assert_says(redis, "PING", "PONG");
    for (i = 0; i < 20; i++) assert_says(redis, "ECHO|again", "again");
    assert_int_equal(aten_redis_connection(redis), 1); /* tickets of TLS 1.3 are not taken for nonsense */
    assert_says(tls_client("localhost", tls_port, ca_file), "PING", "PONG");
    assert_fails(tls_client("127.0.0.1", tls_port, foreign_file), "certificate");
    assert_fails(tls_client("127.0.0.1", tls_port, NULL), "certificate"); /* the system's does not vouch for it */
    assert_fails(tls_client_in("127.0.0.1", tls.port, ca_file, SHORT), "timed out"); /* no TLS there */
    assert_fails(client_of("redis://127.0.0.1:#/1", tls_port, SHORT, SHORT), "");
    redis_stop(&tls);
    for (i = 0; i < COUNT(bad); i++) {
        tls_start(bad[i].certificate);
        if (ask(tls_client("127.0.0.1", tls_port, ca_file), "PING")) fail_msg("let in: %s", bad[i].reason);
        redis_stop(&tls);
    }
}

static void tls_carries_much_and_its_end_is_seen(void **state)
{
    aten_redis_t *redis;

    tls_start("good.pem");
    redis = tls_client("127.0.0.1", tls_port, ca_file);
    if (send_many(redis, BYTES)) fail_msg("%s", last_why);
    redis_do(&tls, "CLIENT|KILL|TYPE|normal");
    usleep(50000);
    assert_says(redis, "PING", "PONG");
    assert_int_equal(aten_redis_connection(redis), 2);
    redis_stop(&tls);
    assert_fails(redis, "rediss://127.0.0.1:");
}

static void ca_files_are_judged_when_they_are_named(void **state)
{
    static const char *const names[] = {"missing.pem", "empty.pem", "text.pem", "large.pem", ""};
    FILE *file = fopen(write_pem("large.pem", NULL, 0), "w");
    aten_redis_address_t *address = NULL;
    int i;

    write_pem("empty.pem", NULL, 0);
    assert_non_null(file);
    for (i = 0; i < 1 << 17; i++) fputs("filling\n", file);
    fclose(file);
    file = fopen(write_pem("text.pem", NULL, 0), "w");
    assert_non_null(file);
    fputs("-----BEGIN CERTIFICATE-----\nnone\n", file);
    fclose(file);
    for (i = 0; i < COUNT(names); i++) {
        const char *error = aten_redis_parse(&address, "rediss://h", in_dir(names[i]), pool);

        assert_non_null(error);
        assert_non_null(strstr(error, in_dir(names[i])));
        assert_int_equal(ERR_peek_error(), 0);
    }
    assert_null(address);
    assert_null(aten_redis_parse(&address, "redis://h", in_dir("missing.pem"), pool)); /* without TLS not looked at */
}

static int begin(void **state)
{
    if (setup(state) || make_dir() || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return -1;
    make_certificates();
    redis_start(&plain, "");
    return 0;
}

static int finish(void **state)
{
    redis_stop(&plain);
    redis_stop(&tls);
    remove_dir();
    teardown(state);
    curl_global_cleanup();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_addresses_are_read),
        cmocka_unit_test(bad_addresses_are_refused_without_their_text),
        cmocka_unit_test(a_connection_is_made_when_needed_and_kept),
        cmocka_unit_test(errors_are_answers),
        cmocka_unit_test(bytes_of_any_kind_pass),
        cmocka_unit_test(many_commands_go_at_once),
        cmocka_unit_test(answers_to_what_was_not_sent_are_none),
        cmocka_unit_test(an_answer_too_large_is_an_error),
        cmocka_unit_test(a_connection_that_was_closed_is_made_anew),
        cmocka_unit_test(a_server_that_was_away_is_found_again),
        cmocka_unit_test(a_server_that_stops_answering_is_not_waited_for),
        cmocka_unit_test(a_greeting_that_is_not_answered_is_not_waited_for),
        cmocka_unit_test(databases_are_apart),
        cmocka_unit_test(passwords_are_given),
        cmocka_unit_test(descriptors_are_not_inherited),
        cmocka_unit_test(no_proxy_of_the_environment_is_used),
        cmocka_unit_test(nonsense_ends_in_an_error),
        cmocka_unit_test(time_is_limited_for_all_answers_together),
        cmocka_unit_test(errors_are_told_without_what_was_sent),
        cmocka_unit_test(tls_is_verified),
        cmocka_unit_test(tls_carries_much_and_its_end_is_seen),
        cmocka_unit_test(ca_files_are_judged_when_they_are_named),
    };

    return cmocka_run_group_tests(tests, begin, finish);
}
