/* A real redis-server for the unit tests, on a free port of this machine; and a directory for it and for stores. */
#ifndef ATEN_UNIT_REDIS_H
#define ATEN_UNIT_REDIS_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

#include "unit.h"

/* The server and the tool that looks at its files are one program, which goes by its name. */
#define REDIS_PROGRAM "/usr/bin/redis-check-rdb"
#define REDIS_NAME "redis-server"
#define REDIS_WORDS_MAX 48
#define REDIS_TRIES 500 /* of 20 ms: until it answers */
#define TIME_LIMIT 300  /* seconds: nothing that hangs may stop the suite */

static char *dir; /* of one test program */

static inline int make_dir(void)
{
    const char *base = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm"; /* thousands of commits: not on a slow disk */

    dir = apr_pstrcat(pool, base, "/aten-redis-XXXXXX", NULL);
    alarm(TIME_LIMIT);
    return mkdtemp(dir) ? 0 : -1;
}

static inline int remove_dir(void)
{
    char *const argv[] = {(char *)"rm", (char *)"-rf", dir, NULL};
    const pid_t pid = fork();
    int status = -1;

    if (!pid) {
        execv("/bin/rm", argv);
        _exit(127);
    }
    waitpid(pid, &status, 0);
    return status;
}

static inline const char *in_dir(const char *name)
{
    return apr_pstrcat(pool, dir, "/", name, NULL);
}

/* @return a socket that listens, or only has the port (backlog 0) */
static inline int listen_somewhere(int backlog, int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    if (backlog) assert_int_equal(listen(fd, backlog), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static inline int free_port(void)
{
    int port;

    close(listen_somewhere(0, &port));
    return port;
}

typedef struct {
    pid_t pid;
    int port;
    const char *more; /* words of its command line, separated by '|' */
} redis_server_t;

static inline int answers(int port)
{
    const struct timeval second = {1, 0};
    redisContext *context = redisConnectWithTimeout("127.0.0.1", port, second);
    redisReply *reply = NULL;
    int ok;

    if (context && !context->err) reply = redisCommand(context, "PING");
    /* One that asks for a password is up as well. */
    ok = reply && (reply->type == REDIS_REPLY_STATUS || !strncmp(reply->str, "NOAUTH", 6));
    if (reply) freeReplyObject(reply);
    if (context) redisFree(context);
    return ok;
}

static inline void redis_run(redis_server_t *server)
{
    char *more[WORDS_MAX + 1] = {NULL}, *argv[REDIS_WORDS_MAX] = {(char *)REDIS_NAME};
    char *port = apr_itoa(pool, server->port);
    const char *const fixed[] = {"--port", port, "--bind", "127.0.0.1", "--daemonize", "no", "--dir", dir, "--logfile",
                                 in_dir("redis.log"), "--save", "", "--dbfilename", "test.rdb"};
    const int words = split(server->more, more);
    int argc = 1, i;

    for (i = 0; i < COUNT(fixed); i++) argv[argc++] = (char *)(uintptr_t)fixed[i];
    for (i = 0; i < words; i++) argv[argc++] = more[i];
    server->pid = fork();
    assert_true(server->pid >= 0);
    if (server->pid) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execv(REDIS_PROGRAM, argv);
    _exit(127);
}

static inline void redis_wait(const redis_server_t *server)
{
    int i;

    for (i = 0; i < REDIS_TRIES; i++) {
        if (answers(server->port)) return;
        if (waitpid(server->pid, NULL, WNOHANG) == server->pid) fail_msg("redis-server ended: see its log");
        usleep(20000);
    }
    fail_msg("redis-server does not answer");
}

/* At its port, which it has for its life. */
static inline void redis_start_again(redis_server_t *server)
{
    redis_run(server);
    redis_wait(server);
}

static inline void redis_start(redis_server_t *server, const char *more)
{
    server->port = free_port();
    server->more = more;
    redis_start_again(server);
}

static inline void redis_stop(redis_server_t *server)
{
    if (server->pid <= 0) return;
    kill(server->pid, SIGKILL);
    waitpid(server->pid, NULL, 0);
    server->pid = 0;
}

/* What somebody types at redis-cli. @return an answer to be freed by freeReplyObject */
static inline redisReply *redis_say(const redis_server_t *server, const char *line)
{
    char *words[WORDS_MAX] = {NULL};
    redisContext *context = redisConnect("127.0.0.1", server->port);
    redisReply *reply;
    int count;

    assert_non_null(context);
    assert_int_equal(context->err, 0);
    count = split(line, words);
    reply = redisCommandArgv(context, count, (const char **)(uintptr_t)words, NULL);
    redisFree(context);
    assert_non_null(reply);
    return reply;
}

static inline void redis_do(const redis_server_t *server, const char *line)
{
    redisReply *reply = redis_say(server, line);

    if (reply->type == REDIS_REPLY_ERROR) fail_msg("%s: %s", line, reply->str);
    freeReplyObject(reply);
}

static inline long long redis_number(const redis_server_t *server, const char *line)
{
    redisReply *reply = redis_say(server, line);
    const long long number = reply->integer;

    if (reply->type != REDIS_REPLY_INTEGER) fail_msg("%s: no number", line);
    freeReplyObject(reply);
    return number;
}

#endif
