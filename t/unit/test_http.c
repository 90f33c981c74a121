/* aten_http.h: the client over libcurl, against a server of the test's own: plain sockets, and TLS with certificates
 * that are made at the start. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <curl/curl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "aten_http.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define REQUEST_MAX 16384

/* --- a server --- */

typedef struct {
    int fd;
    int port;
    SSL_CTX *tls; /* NULL: plain http */
    pthread_t thread;
    atomic_int accepted;
    atomic_int live;
    pthread_mutex_t lock;
    char request[REQUEST_MAX]; /* the last one, header and body */
} server_t;

typedef struct {
    server_t *server;
    int fd;
    SSL *ssl;
    int requests; /* on this connection */
    char request[REQUEST_MAX];
} connection_t;

static int put(connection_t *c, const char *data, size_t len)
{
    if (c->ssl) return SSL_write(c->ssl, data, (int)len) == (int)len;
    return send(c->fd, data, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static int say(connection_t *c, const char *text)
{
    return put(c, text, strlen(text));
}

static ssize_t take(connection_t *c, char *data, size_t len)
{
    return c->ssl ? SSL_read(c->ssl, data, (int)len) : recv(c->fd, data, len, 0);
}

/* A whole request into c->request. */
static int hear(connection_t *c)
{
    size_t len = 0;

    for (;;) {
        const ssize_t n = take(c, c->request + len, REQUEST_MAX - 1 - len);
        const char *end, *length;

        if (n <= 0) return 0;
        len += (size_t)n;
        c->request[len] = '\0';
        if (c->request[0] == 0x16) return say(c, "HTTP/1.1 400 Not TLS\r\n\r\n"), 0; /* a ClientHello */
        end = strstr(c->request, "\r\n\r\n");
        if (!end) continue;
        length = strstr(c->request, "Content-Length: ");
        if (!length || strlen(end + 4) >= (size_t)strtol(length + 16, NULL, 10)) break;
    }
    c->requests++;
    pthread_mutex_lock(&c->server->lock);
    memcpy(c->server->request, c->request, len + 1);
    pthread_mutex_unlock(&c->server->lock);
    return 1;
}

static int is_path(const connection_t *c, const char *path)
{
    const char *at = strchr(c->request, ' ');

    return at && !strncmp(at + 1, path, strlen(path));
}

static long number_behind(const connection_t *c, const char *path)
{
    return strtol(strstr(c->request, path) + strlen(path), NULL, 10);
}

#define HEAD(more) "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n" more "\r\n"

static int say_bytes(connection_t *c, long n)
{
    char head[128], *bytes = malloc((size_t)n);
    int ok;

    memset(bytes, 'x', (size_t)n);
    snprintf(head, sizeof(head), HEAD("Content-Length: %ld\r\n"), n);
    ok = say(c, head) && put(c, bytes, (size_t)n);
    free(bytes);
    return ok;
}

static int say_again_and_again(connection_t *c, const char *first, const char *text, useconds_t pause)
{
    if (!say(c, first)) return 0;
    for (int i = 0; i < 200000; i++) {
        if (!say(c, text)) return 0;
        if (pause) usleep(pause);
    }
    return 0;
}

/* The kinds of answers. @return 1 to keep the connection */
static int answer_to(connection_t *c)
{
    char text[256], rest;

    if (is_path(c, "/ok")) return say(c, HEAD("Content-Length: 5\r\n") "hello");
    if (is_path(c, "/empty")) return say(c, HEAD("Content-Length: 0\r\n"));
    if (is_path(c, "/nul")) return say(c, HEAD("Content-Length: 3\r\n")) && put(c, "a\0b", 3);
    if (is_path(c, "/chunks")) {
        return say(c, HEAD("Transfer-Encoding: chunked\r\n") "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n");
    }
    if (is_path(c, "/one-interim")) {
        return say(c, "HTTP/1.1 100 Continue\r\n\r\n" HEAD("Content-Length: 5\r\n") "hello");
    }
    if (is_path(c, "/until-close")) return say(c, HEAD("Connection: close\r\n") "hello"), 0;
    if (is_path(c, "/status/")) {
        snprintf(text, sizeof(text), "HTTP/1.1 %ld X\r\nLocation: /ok\r\nSet-Cookie: a=b; Path=/\r\n"
                 "WWW-Authenticate: Basic realm=x\r\nContent-Length: 4\r\n\r\nbody", number_behind(c, "/status/"));
        return say(c, text);
    }
    if (is_path(c, "/bytes/")) return say_bytes(c, number_behind(c, "/bytes/"));
    if (is_path(c, "/long")) return say_again_and_again(c, HEAD("Content-Length: 10485760\r\n"), "xxxxxxxxxxxxxxxx", 0);
    if (is_path(c, "/endless-chunks")) {
        return say_again_and_again(c, HEAD("Transfer-Encoding: chunked\r\n"), "10\r\nxxxxxxxxxxxxxxxx\r\n", 0);
    }
    if (is_path(c, "/endless")) return say_again_and_again(c, HEAD("Connection: close\r\n"), "xxxxxxxxxxxxxxxx", 0);
    if (is_path(c, "/headers")) return say_again_and_again(c, "HTTP/1.1 200 OK\r\n", "X-A: xxxxxxxxxxxxxxxxxxx\r\n", 0);
    if (is_path(c, "/interims")) return say_again_and_again(c, "", "HTTP/1.1 100 Continue\r\nX-A: xxxxxxx\r\n\r\n", 0);
    if (is_path(c, "/drip-body")) return say_again_and_again(c, HEAD("Content-Length: 1000\r\n"), "x", 50000);
    if (is_path(c, "/drip-head")) return say_again_and_again(c, "HTTP/1.1 200 OK\r\nX: ", "x", 50000);
    if (is_path(c, "/silent")) return take(c, &rest, 1), 0;
    if (is_path(c, "/short")) return say(c, HEAD("Content-Length: 100\r\n") "hello"), 0;
    if (is_path(c, "/garbage")) return say(c, "hello\r\n\r\n"), 0;
    if (is_path(c, "/then-close")) return say(c, HEAD("Content-Length: 5\r\n") "hello"), 0;
    if (is_path(c, "/only-first")) return c->requests == 1 ? say(c, HEAD("Content-Length: 5\r\n") "hello") : 0;
    return 0; /* /close */
}

static void *serve_connection(void *connection)
{
    connection_t *c = connection;
    const struct timeval patience = {.tv_sec = 10};

    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (c->server->tls) {
        c->ssl = SSL_new(c->server->tls);
        SSL_set_fd(c->ssl, c->fd);
    }
    if (!c->ssl || SSL_accept(c->ssl) == 1) {
        while (hear(c) && answer_to(c)) continue;
        if (c->ssl) SSL_shutdown(c->ssl);
    }
    SSL_free(c->ssl);
    close(c->fd);
    c->server->live--;
    free(c);
    return NULL;
}

static void *serve(void *server_)
{
    server_t *server = server_;

    for (;;) {
        connection_t *c;
        pthread_t thread;
        const int fd = accept(server->fd, NULL, NULL);

        if (fd < 0) return NULL;
        c = calloc(1, sizeof(*c));
        c->server = server;
        c->fd = fd;
        server->accepted++;
        server->live++;
        pthread_create(&thread, NULL, serve_connection, c);
        pthread_detach(thread);
    }
}

static void listen_on_loopback(int *fd, int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);

    *fd = socket(AF_INET, SOCK_STREAM, 0);
    if (*fd < 0 || bind(*fd, (struct sockaddr *)&address, len) || listen(*fd, 64)
        || getsockname(*fd, (struct sockaddr *)&address, &len)) {
        perror("listen");
        exit(EXIT_FAILURE);
    }
    *port = ntohs(address.sin_port);
}

static server_t *server_start(SSL_CTX *tls)
{
    server_t *server = calloc(1, sizeof(*server));

    server->tls = tls;
    pthread_mutex_init(&server->lock, NULL);
    listen_on_loopback(&server->fd, &server->port);
    pthread_create(&server->thread, NULL, serve, server);
    return server;
}

static void server_stop(server_t *server)
{
    shutdown(server->fd, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->fd);
    for (int i = 0; i < 1200 && server->live; i++) usleep(10000);
    SSL_CTX_free(server->tls);
    free(server);
}

/* --- certificates --- */

typedef struct {
    X509 *cert;
    EVP_PKEY *key;
} identity_t;

static void add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *extension;

    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
}

/* @param names a subjectAltName, or NULL for a CA @param issuer NULL: self-signed @param days until it ends */
static identity_t certify(const char *subject, const char *names, const identity_t *issuer, int days)
{
    static long serial = 1000;
    identity_t id = {X509_new(), EVP_EC_gen("P-256")};
    X509 *issuer_cert = issuer ? issuer->cert : id.cert;

    X509_set_version(id.cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(id.cert), serial++);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(id.cert), "CN", MBSTRING_ASC, (const unsigned char *)subject, -1,
                               -1, 0);
    X509_set_issuer_name(id.cert, X509_get_subject_name(issuer_cert));
    X509_gmtime_adj(X509_getm_notBefore(id.cert), -86400L * 30);
    X509_gmtime_adj(X509_getm_notAfter(id.cert), 86400L * days);
    X509_set_pubkey(id.cert, id.key);
    if (names) add_extension(id.cert, issuer_cert, NID_subject_alt_name, names);
    else add_extension(id.cert, issuer_cert, NID_basic_constraints, "critical,CA:TRUE");
    X509_sign(id.cert, issuer ? issuer->key : id.key, EVP_sha256());
    return id;
}

static void identity_free(identity_t *id)
{
    X509_free(id->cert);
    EVP_PKEY_free(id->key);
}

static server_t *tls_server(identity_t id)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());

    SSL_CTX_use_certificate(tls, id.cert);
    SSL_CTX_use_PrivateKey(tls, id.key);
    identity_free(&id);
    return server_start(tls);
}

/* --- what all tests share --- */

static struct {
    apr_pool_t *p;
    char dir[64];
    server_t *plain;
    server_t *good, *wrong_name, *expired, *self_signed, *foreign;
    const char *ca_file, *foreign_ca_file, *self_signed_file, *good_file, *crl_file;
    aten_trust_t *trust;
} world;

static const char *write_file(const char *name, const char *text, X509 *cert)
{
    const char *path = apr_psprintf(world.p, "%s/%s", world.dir, name);
    FILE *file = fopen(path, "w");

    if (!file) fail_msg("%s", path);
    if (text) fputs(text, file);
    if (cert) PEM_write_X509(file, cert);
    fclose(file);
    return path;
}

static const char *write_crl(const char *name, const identity_t *ca)
{
    const char *path = write_file(name, NULL, NULL);
    FILE *file = fopen(path, "w");
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *now = X509_gmtime_adj(NULL, 0);

    X509_CRL_set_version(crl, X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->cert));
    X509_CRL_set1_lastUpdate(crl, now);
    X509_CRL_set1_nextUpdate(crl, now);
    X509_CRL_sign(crl, ca->key, EVP_sha256());
    PEM_write_X509_CRL(file, crl);
    fclose(file);
    ASN1_TIME_free(now);
    X509_CRL_free(crl);
    return path;
}

static int set_up(void **state)
{
    identity_t ca, foreign_ca, self_signed, good;

    (void)state;
    apr_pool_create(&world.p, NULL);
    strncpy(world.dir, "/tmp/test_http.XXXXXX", sizeof(world.dir) - 1);
    if (!mkdtemp(world.dir) || aten_http_global(world.p) != APR_SUCCESS) return 1;
    ca = certify("test CA", NULL, NULL, 30);
    foreign_ca = certify("another CA", NULL, NULL, 30);
    self_signed = certify("localhost", "DNS:localhost,IP:127.0.0.1", NULL, 30);
    world.ca_file = write_file("ca.pem", NULL, ca.cert);
    world.foreign_ca_file = write_file("foreign.pem", NULL, foreign_ca.cert);
    world.self_signed_file = write_file("self.pem", NULL, self_signed.cert);
    world.plain = server_start(NULL);
    good = certify("cas", "DNS:localhost,IP:127.0.0.1", &ca, 30);
    world.good_file = write_file("good.pem", NULL, good.cert);
    world.crl_file = write_crl("crl.pem", &ca);
    world.good = tls_server(good);
    world.wrong_name = tls_server(certify("localhost", "DNS:other.example,IP:192.0.2.1", &ca, 30));
    world.expired = tls_server(certify("cas", "DNS:localhost,IP:127.0.0.1", &ca, -1));
    world.foreign = tls_server(certify("cas", "DNS:localhost,IP:127.0.0.1", &foreign_ca, 30));
    world.self_signed = tls_server(self_signed);
    identity_free(&ca);
    identity_free(&foreign_ca);
    return aten_trust_load(&world.trust, world.ca_file, world.p) != NULL;
}

static int tear_down(void **state)
{
    server_t *const servers[] = {world.plain, world.good, world.wrong_name, world.expired, world.self_signed,
                                 world.foreign};
    const char *const files[] = {"ca.pem", "foreign.pem", "self.pem", "good.pem", "crl.pem", "x.pem"};

    (void)state;
    for (size_t i = 0; i < COUNT(servers); i++) server_stop(servers[i]);
    for (size_t i = 0; i < COUNT(files); i++) unlink(apr_psprintf(world.p, "%s/%s", world.dir, files[i]));
    rmdir(world.dir);
    apr_pool_destroy(world.p);
    return 0;
}

typedef struct {
    apr_pool_t *p;
    aten_http_t *http;
    aten_http_answer_t answer;
    const char *why;
    apr_interval_time_t took;
} client_t;

static int make_client(void **state)
{
    apr_pool_t *p;
    client_t *client;

    apr_pool_create(&p, NULL);
    *state = client = apr_pcalloc(p, sizeof(*client));
    client->p = p;
    return aten_http_create(&client->http, 2, p) != APR_SUCCESS;
}

static int drop_client(void **state)
{
    apr_pool_destroy(((client_t *)*state)->p);
    return 0;
}

static aten_http_request_t request_to(const server_t *server, const char *host, const char *path, apr_pool_t *p)
{
    return (aten_http_request_t){
        .url = apr_psprintf(p, "%s://%s:%d%s", server->tls ? "https" : "http", host, server->port, path),
        .timeout = apr_time_from_sec(5), .connect_timeout = apr_time_from_sec(2), .trust = world.trust};
}

static aten_verdict_t call(client_t *client, const aten_http_request_t *request)
{
    const apr_time_t start = apr_time_now();
    aten_verdict_t verdict;

    memset(&client->answer, 0, sizeof(client->answer));
    client->why = "untouched";
    verdict = aten_http_call(client->http, request, &client->answer, &client->why, client->p);
    client->took = apr_time_now() - start;
    assert_int_equal(ERR_peek_error(), 0); /* mod_ssl would take it for its own */
    if (verdict == ATEN_V_OK) {
        assert_non_null(client->answer.body);
        assert_int_equal(client->answer.body[client->answer.len], '\0');
        return verdict;
    }
    if (!client->why || !*client->why || strstr(client->why, "ST-secret")) {
        fail_msg("%s: why: %s", aten_verdict_tag(verdict), client->why ? client->why : "(none)");
    }
    for (const char *s = client->why; *s; s++) assert_in_range(*s, 0x20, 0x7E);
    return verdict;
}

static aten_verdict_t get(client_t *client, const server_t *server, const char *path)
{
    const aten_http_request_t request = request_to(server, "127.0.0.1", path, client->p);

    return call(client, &request);
}

static void expect(client_t *client, const server_t *server, const char *path, aten_verdict_t expected)
{
    const aten_verdict_t verdict = get(client, server, path);

    if (verdict != expected) {
        fail_msg("%s: %s %s", path, aten_verdict_tag(verdict), client->why ? client->why : "");
    }
}

static const char *last_request(server_t *server, apr_pool_t *p)
{
    const char *copy;

    pthread_mutex_lock(&server->lock);
    copy = apr_pstrdup(p, server->request);
    pthread_mutex_unlock(&server->lock);
    return copy;
}

/* --- what is asked --- */

static void a_get(void **state)
{
    client_t *client = *state;
    const char *request;

    expect(client, world.plain, "/ok?service=a%26b&ticket=ST-secret", ATEN_V_OK);
    assert_int_equal(client->answer.status, 200);
    assert_int_equal(client->answer.len, 5);
    assert_string_equal(client->answer.body, "hello");
    request = last_request(world.plain, client->p);
    assert_ptr_equal(strstr(request, "GET /ok?service=a%26b&ticket=ST-secret HTTP/1.1\r\n"), request);
    assert_non_null(strstr(request, "\r\nUser-Agent: mod_auth_aten\r\n"));
    assert_non_null(strstr(request, "\r\nAccept: text/xml, "));
    assert_null(strstr(request, "Accept-Encoding")); /* nothing to inflate */
    assert_null(strstr(request, "Cookie"));
    assert_null(strstr(request, "Authorization"));
}

static void a_post(void **state)
{
    client_t *client = *state;
    aten_http_request_t request = request_to(world.plain, "127.0.0.1", "/ok?TARGET=x", client->p);
    const char *sent;

    request.body = "<a>\xC3\xA9</a>";
    request.content_type = "text/xml; charset=utf-8";
    request.soap_action = "http://soap.example/action";
    assert_int_equal(call(client, &request), ATEN_V_OK);
    sent = last_request(world.plain, client->p);
    assert_ptr_equal(strstr(sent, "POST /ok?TARGET=x HTTP/1.1\r\n"), sent);
    assert_non_null(strstr(sent, "\r\nContent-Type: text/xml; charset=utf-8\r\n"));
    assert_non_null(strstr(sent, "\r\nSOAPAction: http://soap.example/action\r\n"));
    assert_non_null(strstr(sent, "\r\nContent-Length: 9\r\n"));
    assert_non_null(strstr(sent, "\r\n\r\n<a>\xC3\xA9</a>"));
    assert_null(strstr(sent, "Expect"));

    /* Nothing of it is left for the next one. */
    expect(client, world.plain, "/ok", ATEN_V_OK);
    sent = last_request(world.plain, client->p);
    assert_ptr_equal(strstr(sent, "GET /ok HTTP/1.1\r\n"), sent);
    assert_null(strstr(sent, "SOAPAction"));
    assert_null(strstr(sent, "Content-Type"));
}

static void a_long_post_does_not_wait_for_leave(void **state)
{
    client_t *client = *state;
    aten_http_request_t request = request_to(world.plain, "127.0.0.1", "/ok", client->p);
    char *body = apr_palloc(client->p, 8001);

    memset(body, 'x', 8000);
    body[8000] = '\0';
    request.body = body;
    request.content_type = "text/plain";
    assert_int_equal(call(client, &request), ATEN_V_OK);
    assert_null(strstr(last_request(world.plain, client->p), "SOAPAction"));
    assert_non_null(strstr(last_request(world.plain, client->p), body));
}

static void no_cookie_comes_back(void **state)
{
    client_t *client = *state;

    expect(client, world.plain, "/status/200", ATEN_V_OK);
    expect(client, world.plain, "/ok", ATEN_V_OK);
    assert_null(strstr(last_request(world.plain, client->p), "ookie"));
}

/* --- what is answered --- */

static void every_status_is_an_answer(void **state)
{
    static const int statuses[] = {200, 201, 301, 302, 303, 307, 308, 400, 401, 403, 404, 407, 500, 503};
    client_t *client = *state;

    for (size_t i = 0; i < COUNT(statuses); i++) {
        expect(client, world.plain, apr_psprintf(client->p, "/status/%d", statuses[i]), ATEN_V_OK);
        assert_int_equal(client->answer.status, statuses[i]); /* so no redirect was followed */
        assert_string_equal(client->answer.body, "body");
        assert_non_null(strstr(last_request(world.plain, client->p), "GET /status/"));
    }
}

static void bodies(void **state)
{
    client_t *client = *state;
    static const char *const hello[] = {"/ok", "/chunks", "/one-interim", "/until-close"};

    for (size_t i = 0; i < COUNT(hello); i++) {
        expect(client, world.plain, hello[i], ATEN_V_OK);
        assert_int_equal(client->answer.status, 200);
        assert_string_equal(client->answer.body, "hello");
    }
    expect(client, world.plain, "/empty", ATEN_V_OK);
    assert_int_equal(client->answer.len, 0);
    assert_string_equal(client->answer.body, "");
    expect(client, world.plain, "/nul", ATEN_V_OK);
    assert_int_equal(client->answer.len, 3);
    assert_memory_equal(client->answer.body, "a\0b", 4);
}

static void a_body_grows_to_its_limit(void **state)
{
    static const int lengths[] = {8191, 8192, 8193, 16385, 100000, ATEN_HTTP_BODY_MAX};
    client_t *client = *state;

    for (size_t i = 0; i < COUNT(lengths); i++) {
        expect(client, world.plain, apr_psprintf(client->p, "/bytes/%d", lengths[i]), ATEN_V_OK);
        assert_int_equal(client->answer.len, lengths[i]);
        assert_int_equal(strspn(client->answer.body, "x"), lengths[i]);
    }
    expect(client, world.plain, apr_psprintf(client->p, "/bytes/%d", ATEN_HTTP_BODY_MAX + 1), ATEN_V_CAS_LARGE);
}

static void what_has_no_end_is_too_large(void **state)
{
    static const char *const paths[] = {"/long?ticket=ST-secret", "/endless-chunks?ticket=ST-secret",
                                        "/endless?ticket=ST-secret", "/headers?ticket=ST-secret",
                                        "/interims?ticket=ST-secret"};
    client_t *client = *state;

    for (size_t i = 0; i < COUNT(paths); i++) {
        expect(client, world.plain, paths[i], ATEN_V_CAS_LARGE);
        assert_true(client->took < apr_time_from_sec(4));
    }
    expect(client, world.plain, "/ok", ATEN_V_OK); /* and the handle is as good as before */
}

static void the_time_is_for_the_whole_call(void **state)
{
    static const char *const paths[] = {"/drip-body?ticket=ST-secret", "/drip-head?ticket=ST-secret",
                                        "/silent?ticket=ST-secret"};
    client_t *client = *state;

    for (size_t i = 0; i < COUNT(paths); i++) {
        aten_http_request_t request = request_to(world.plain, "127.0.0.1", paths[i], client->p);

        request.timeout = apr_time_from_msec(400);
        assert_int_equal(call(client, &request), ATEN_V_CAS_TIMEOUT);
        assert_in_range(client->took, apr_time_from_msec(350), apr_time_from_msec(2500));
    }
    expect(client, world.plain, "/ok", ATEN_V_OK);
}

/* A time of less than a millisecond is not libcurl's 0, which is for ever. */
static void no_time_is_not_for_ever(void **state)
{
    client_t *client = *state;
    aten_http_request_t request = request_to(world.plain, "127.0.0.1", "/silent", client->p);

    request.timeout = 999;
    assert_int_equal(call(client, &request), ATEN_V_CAS_TIMEOUT);
    assert_true(client->took < apr_time_from_sec(2));
}

static void connecting_has_a_time_of_its_own(void **state)
{
    client_t *client = *state;
    aten_http_request_t request;
    server_t mute = {.tls = world.good->tls};

    listen_on_loopback(&mute.fd, &mute.port); /* the system accepts, nobody shakes hands */
    request = request_to(&mute, "127.0.0.1", "/?ticket=ST-secret", client->p);
    request.connect_timeout = apr_time_from_msec(300);
    assert_int_equal(call(client, &request), ATEN_V_CAS_TIMEOUT);
    assert_in_range(client->took, apr_time_from_msec(250), apr_time_from_msec(2500));
    close(mute.fd);
}

static void servers_that_are_not_there(void **state)
{
    static const char *const paths[] = {"/close?ticket=ST-secret", "/short?ticket=ST-secret",
                                        "/garbage?ticket=ST-secret"};
    client_t *client = *state;
    server_t gone = {0};
    aten_http_request_t request;

    for (size_t i = 0; i < COUNT(paths); i++) expect(client, world.plain, paths[i], ATEN_V_CAS_UNREACHABLE);
    listen_on_loopback(&gone.fd, &gone.port);
    close(gone.fd);
    expect(client, &gone, "/?ticket=ST-secret", ATEN_V_CAS_UNREACHABLE);
    request = request_to(world.plain, "no-such-host.invalid", "/?ticket=ST-secret", client->p);
    assert_int_equal(call(client, &request), ATEN_V_CAS_UNREACHABLE);
    assert_non_null(strstr(client->why, "no-such-host.invalid"));
    expect(client, world.plain, "/ok", ATEN_V_OK);
}

static void only_http_and_https(void **state)
{
    static const char *const urls[] = {"file:///etc/passwd", "ftp://127.0.0.1:9/x", "gopher://127.0.0.1:9/x",
                                       "dict://127.0.0.1:9/x", "telnet://127.0.0.1:9", "", "http://"};
    client_t *client = *state;

    for (size_t i = 0; i < COUNT(urls); i++) {
        aten_http_request_t request = request_to(world.plain, "127.0.0.1", "/ok", client->p);

        request.url = urls[i];
        assert_int_not_equal(call(client, &request), ATEN_V_OK);
    }
}

/* --- connections --- */

static void a_connection_is_kept(void **state)
{
    client_t *client = *state;
    server_t *const servers[] = {world.plain, world.good};

    for (size_t i = 0; i < COUNT(servers); i++) {
        const int before = servers[i]->accepted;

        for (int n = 0; n < 5; n++) expect(client, servers[i], "/ok", ATEN_V_OK);
        expect(client, servers[i], "/empty", ATEN_V_OK);
        expect(client, servers[i], "/status/404", ATEN_V_OK);
        assert_int_equal(servers[i]->accepted - before, 1);
    }
}

static void a_connection_that_the_server_closed(void **state)
{
    client_t *client = *state;
    server_t *const servers[] = {world.plain, world.good};

    for (size_t i = 0; i < COUNT(servers); i++) {
        const int before = servers[i]->accepted;

        expect(client, servers[i], "/then-close", ATEN_V_OK);
        usleep(50000);
        expect(client, servers[i], "/ok", ATEN_V_OK);
        assert_int_equal(servers[i]->accepted - before, 2);
    }
}

/* The server closes when the second request is already on its way. */
static void a_connection_that_dies_under_the_request(void **state)
{
    client_t *client = *state;
    const int before = world.plain->accepted;
    aten_http_request_t request = request_to(world.plain, "127.0.0.1", "/only-first", client->p);

    expect(client, world.plain, "/only-first", ATEN_V_OK);
    expect(client, world.plain, "/only-first", ATEN_V_OK);
    assert_int_equal(world.plain->accepted - before, 2);
    request.body = "x";
    request.content_type = "text/plain";
    assert_int_equal(call(client, &request), ATEN_V_OK);
    assert_int_equal(world.plain->accepted - before, 3);
}

/* --- handles --- */

typedef struct {
    aten_http_t *http;
    aten_verdict_t verdict;
    atomic_int running;
} caller_t;

static void *call_silent(void *caller_)
{
    caller_t *caller = caller_;
    aten_http_answer_t answer;
    const char *why;
    aten_http_request_t request;
    apr_pool_t *p;

    apr_pool_create(&p, NULL);
    request = request_to(world.plain, "127.0.0.1", "/silent", p);
    request.timeout = apr_time_from_msec(800);
    caller->running = 1;
    caller->verdict = aten_http_call(caller->http, &request, &answer, &why, p);
    apr_pool_destroy(p);
    return NULL;
}

static void no_more_calls_at_once_than_allowed(void **state)
{
    client_t *client = *state;
    caller_t callers[2] = {{.http = client->http}, {.http = client->http}};
    pthread_t threads[2];

    for (size_t i = 0; i < COUNT(callers); i++) {
        pthread_create(&threads[i], NULL, call_silent, &callers[i]);
        while (!callers[i].running) usleep(1000);
    }
    usleep(200000); /* both are in their call */
    expect(client, world.plain, "/ok?ticket=ST-secret", ATEN_V_CAS_BUSY);
    assert_true(client->took < apr_time_from_msec(200)); /* told at once, not after waiting */
    assert_non_null(strstr(client->why, "2 calls"));
    for (size_t i = 0; i < COUNT(callers); i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(callers[i].verdict, ATEN_V_CAS_TIMEOUT);
    }
    for (int i = 0; i < 3; i++) expect(client, world.plain, "/ok", ATEN_V_OK);
}

static void *call_much(void *caller_)
{
    caller_t *caller = caller_;
    apr_pool_t *p;

    apr_pool_create(&p, NULL);
    caller->verdict = ATEN_V_OK;
    for (int i = 0; i < 30 && caller->verdict == ATEN_V_OK; i++) {
        const aten_http_request_t request = request_to(i % 2 ? world.good : world.plain, "127.0.0.1",
                                                       apr_psprintf(p, "/bytes/%d", 1000 + i), p);
        aten_http_answer_t answer;
        const char *why;

        caller->verdict = aten_http_call(caller->http, &request, &answer, &why, p);
        if (caller->verdict == ATEN_V_OK && answer.len != (apr_size_t)(1000 + i)) caller->verdict = ATEN_V_REFUSED;
    }
    apr_pool_destroy(p);
    return NULL;
}

static void threads_share_the_handles(void **state)
{
    client_t *client = *state;
    aten_http_t *http;
    caller_t callers[4];
    pthread_t threads[4];

    assert_int_equal(aten_http_create(&http, 4, client->p), APR_SUCCESS);
    for (size_t i = 0; i < COUNT(callers); i++) {
        callers[i] = (caller_t){.http = http};
        pthread_create(&threads[i], NULL, call_much, &callers[i]);
    }
    for (size_t i = 0; i < COUNT(callers); i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(callers[i].verdict, ATEN_V_OK);
    }
}

static int connections_of(const server_t *server, int expected)
{
    for (int i = 0; i < 300 && server->live != expected; i++) usleep(10000);
    return server->live;
}

static void the_pools_end_closes_connections(void **state)
{
    client_t *client = *state;
    aten_http_answer_t answer;
    aten_http_t *http;
    apr_pool_t *p;
    const char *why;
    aten_http_request_t request;

    apr_pool_create(&p, client->p);
    request = request_to(world.good, "127.0.0.1", "/ok", p);
    assert_int_equal(connections_of(world.good, 0), 0);
    assert_int_equal(aten_http_create(&http, 2, p), APR_SUCCESS);
    assert_int_equal(aten_http_call(http, &request, &answer, &why, p), ATEN_V_OK);
    assert_int_equal(connections_of(world.good, 1), 1);
    apr_pool_destroy(p);
    assert_int_equal(connections_of(world.good, 0), 0);
}

/* What prefork does to a child that waits for a server: the pool goes while a handle is in use. */
static void the_pools_end_in_the_middle_of_a_call(void **state)
{
    client_t *client = *state;
    int status;
    const pid_t pid = fork();

    if (!pid) {
        apr_pool_t *p;
        caller_t caller = {0};
        pthread_t thread;

        apr_pool_create(&p, NULL);
        aten_http_create(&caller.http, 1, p);
        pthread_create(&thread, NULL, call_silent, &caller);
        while (!caller.running) usleep(1000);
        usleep(200000);
        apr_pool_destroy(p);
        raise(SIGKILL); /* so far it came; exit would look for leaks of threads that a fork does not take along */
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    expect(client, world.plain, "/ok", ATEN_V_OK);
}

/* --- TLS --- */

static void certificates(void **state)
{
    client_t *client = *state;
    const struct { server_t *server; const char *host; aten_verdict_t verdict; const char *why; } cases[] = {
        {world.good, "localhost", ATEN_V_OK, "its name"},
        {world.good, "127.0.0.1", ATEN_V_OK, "its address"},
        {world.wrong_name, "localhost", ATEN_V_CAS_TLS, "a name that is not in it; its CN does not count"},
        {world.wrong_name, "127.0.0.1", ATEN_V_CAS_TLS, "nor the address"},
        {world.expired, "localhost", ATEN_V_CAS_TLS, "ended yesterday"},
        {world.self_signed, "localhost", ATEN_V_CAS_TLS, "vouches for itself"},
        {world.foreign, "localhost", ATEN_V_CAS_TLS, "of a CA that is not trusted"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const aten_http_request_t request = request_to(cases[i].server, cases[i].host, "/ok?ticket=ST-secret",
                                                       client->p);
        const aten_verdict_t verdict = call(client, &request);

        if (verdict != cases[i].verdict) fail_msg("%s: %s", cases[i].why, aten_verdict_tag(verdict));
        if (verdict == ATEN_V_CAS_TLS) assert_null(strstr(last_request(cases[i].server, client->p), "ST-secret"));
    }
}

static void nothing_but_tls_on_a_tls_address(void **state)
{
    client_t *client = *state;
    server_t as_tls = {.tls = world.good->tls, .port = world.plain->port};

    expect(client, &as_tls, "/ok?ticket=ST-secret", ATEN_V_CAS_TLS);
}

static void without_a_store_nobody_is_trusted(void **state)
{
    client_t *client = *state;
    aten_http_request_t request = request_to(world.good, "localhost", "/ok", client->p);

    request.trust = NULL;
    assert_int_equal(call(client, &request), ATEN_V_CAS_TLS);
    request = request_to(world.plain, "127.0.0.1", "/ok", client->p);
    request.trust = NULL;
    assert_int_equal(call(client, &request), ATEN_V_OK); /* plain http does not ask for it */
}

/* libcurl would use a kept connection for whoever asks next: another CA file must not. */
static void a_connection_is_not_lent_to_another_store(void **state)
{
    client_t *client = *state;
    aten_http_request_t request = request_to(world.good, "127.0.0.1", "/ok", client->p);
    aten_trust_t *other;
    const int before = world.good->accepted;

    assert_null(aten_trust_load(&other, world.foreign_ca_file, client->p));
    for (int i = 0; i < 3; i++) {
        request.trust = world.trust;
        assert_int_equal(call(client, &request), ATEN_V_OK);
        request.trust = other;
        assert_int_equal(call(client, &request), ATEN_V_CAS_TLS);
    }
    assert_int_equal(world.good->accepted - before, 4); /* one kept, three refused */
}

/* With more stores than handles allowed, the oldest connection gives way and nothing else happens. */
static void more_stores_than_handles(void **state)
{
    client_t *client = *state;
    aten_trust_t *trusts[3];
    apr_pool_t *pools[3];

    for (size_t i = 0; i < COUNT(trusts); i++) {
        apr_pool_create(&pools[i], client->p);
        assert_null(aten_trust_load(&trusts[i], world.ca_file, pools[i]));
    }
    assert_int_equal(connections_of(world.good, 0), 0);
    for (int n = 0; n < 9; n++) {
        aten_http_request_t request = request_to(world.good, "127.0.0.1", "/ok", client->p);

        request.trust = trusts[n % 3];
        assert_int_equal(call(client, &request), ATEN_V_OK);
    }
    assert_int_equal(connections_of(world.good, 2), 2);
}

static void a_self_signed_certificate_by_name(void **state)
{
    client_t *client = *state;
    aten_http_request_t request = request_to(world.self_signed, "localhost", "/ok", client->p);

    assert_null(aten_trust_load(&request.trust, world.self_signed_file, client->p));
    assert_int_equal(call(client, &request), ATEN_V_OK);
    request = request_to(world.good, "localhost", "/ok", client->p);
    assert_null(aten_trust_load(&request.trust, world.self_signed_file, client->p));
    assert_int_equal(call(client, &request), ATEN_V_CAS_TLS); /* and nobody else's */
}

static void what_is_named_is_trusted_be_it_no_root(void **state)
{
    client_t *client = *state;
    aten_http_request_t request = request_to(world.good, "localhost", "/ok", client->p);

    assert_null(aten_trust_load(&request.trust, world.good_file, client->p));
    assert_int_equal(call(client, &request), ATEN_V_OK);
}

/* The system's bundle has 140 certificates; to parse it takes longer than all the rest of a login. */
static void no_call_opens_the_systems_bundle(void **state)
{
    client_t *client = *state;
    aten_http_request_t request;
    const char *bundle = curl_version_info(CURLVERSION_NOW)->cainfo;
    const int watch = inotify_init1(IN_NONBLOCK);
    char event[4096];
    int fd, opened = 1;

    if (!bundle || watch < 0 || inotify_add_watch(watch, bundle, IN_OPEN) < 0) {
        if (watch >= 0) close(watch);
        skip();
    }
    for (int tries = 0; opened && tries < 10; tries++) { /* somebody else on the machine may open it too */
        while (read(watch, event, sizeof(event)) > 0) continue;
        request = request_to(world.expired, "localhost", "/ok", client->p);
        assert_int_equal(call(client, &request), ATEN_V_CAS_TLS);
        request.trust = NULL;
        assert_int_equal(call(client, &request), ATEN_V_CAS_TLS);
        opened = read(watch, event, sizeof(event)) > 0;
    }
    assert_false(opened);
    fd = open(bundle, O_RDONLY); /* and the watch does see it */
    assert_true(read(watch, event, sizeof(event)) > 0);
    close(fd);
    close(watch);
}

static void the_systems_store(void **state)
{
    client_t *client = *state;
    aten_http_request_t request = request_to(world.good, "localhost", "/ok", client->p);
    aten_trust_t *again;

    assert_null(aten_trust_load(&request.trust, NULL, client->p));
    assert_int_equal(call(client, &request), ATEN_V_CAS_TLS);
    assert_null(aten_trust_load(&again, NULL, client->p));
    assert_ptr_equal(again, request.trust); /* parsed once */
}

static void ca_files(void **state)
{
    client_t *client = *state;
    const struct { const char *text, *why; } broken[] = {
        {"", "empty"},
        {"hello\n", "not PEM"},
        {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "PEM around nothing"},
        {"-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----\n", "a key"},
    };
    aten_trust_t *trust = NULL, *again = NULL;
    const char *error;

    for (size_t i = 0; i < COUNT(broken); i++) {
        const char *file = write_file("x.pem", broken[i].text, NULL);

        error = aten_trust_load(&trust, file, client->p);
        if (!error || !strstr(error, file) || !strstr(error, "PEM")) fail_msg("%s: %s", broken[i].why, error);
        assert_null(trust);
        assert_int_equal(ERR_peek_error(), 0);
    }
    error = aten_trust_load(&trust, "/nowhere/ca.pem", client->p);
    assert_non_null(strstr(error, "/nowhere/ca.pem"));
    assert_non_null(aten_trust_load(&trust, world.dir, client->p)); /* a directory */
    error = aten_trust_load(&trust, world.crl_file, client->p);
    assert_non_null(strstr(error, "no certificate"));
    assert_null(aten_trust_load(&trust, world.ca_file, client->p));
    assert_null(aten_trust_load(&again, world.ca_file, client->p));
    assert_ptr_equal(trust, again);
    assert_null(aten_trust_load(&again, world.foreign_ca_file, client->p));
    assert_ptr_not_equal(trust, again);
}

#define WITH_CLIENT(test) cmocka_unit_test_setup_teardown(test, make_client, drop_client)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_CLIENT(a_get),
        WITH_CLIENT(a_post),
        WITH_CLIENT(a_long_post_does_not_wait_for_leave),
        WITH_CLIENT(no_cookie_comes_back),
        WITH_CLIENT(every_status_is_an_answer),
        WITH_CLIENT(bodies),
        WITH_CLIENT(a_body_grows_to_its_limit),
        WITH_CLIENT(what_has_no_end_is_too_large),
        WITH_CLIENT(the_time_is_for_the_whole_call),
        WITH_CLIENT(no_time_is_not_for_ever),
        WITH_CLIENT(connecting_has_a_time_of_its_own),
        WITH_CLIENT(servers_that_are_not_there),
        WITH_CLIENT(only_http_and_https),
        WITH_CLIENT(a_connection_is_kept),
        WITH_CLIENT(a_connection_that_the_server_closed),
        WITH_CLIENT(a_connection_that_dies_under_the_request),
        WITH_CLIENT(no_more_calls_at_once_than_allowed),
        WITH_CLIENT(threads_share_the_handles),
        WITH_CLIENT(the_pools_end_closes_connections),
        WITH_CLIENT(the_pools_end_in_the_middle_of_a_call),
        WITH_CLIENT(certificates),
        WITH_CLIENT(nothing_but_tls_on_a_tls_address),
        WITH_CLIENT(without_a_store_nobody_is_trusted),
        WITH_CLIENT(a_connection_is_not_lent_to_another_store),
        WITH_CLIENT(more_stores_than_handles),
        WITH_CLIENT(a_self_signed_certificate_by_name),
        WITH_CLIENT(what_is_named_is_trusted_be_it_no_root),
        WITH_CLIENT(no_call_opens_the_systems_bundle),
        WITH_CLIENT(the_systems_store),
        WITH_CLIENT(ca_files),
    };
    static const char *const proxies[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};

    for (size_t i = 0; i < COUNT(proxies); i++) unsetenv(proxies[i]);
    signal(SIGPIPE, SIG_IGN); /* as httpd does */
    if (apr_initialize() != APR_SUCCESS) return EXIT_FAILURE;
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
