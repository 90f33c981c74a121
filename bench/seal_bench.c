/* What sealing and opening cost, in nanoseconds of CPU per operation: minimum, median and maximum over rounds.
 * The rows stand below each other as one contains the next: a session's opening is the seal's opening and the reading.
 *
 *   make build/libaten.a
 *   cc -std=c11 -O2 -D_GNU_SOURCE -Isrc $(apr-1-config --cppflags --includes) bench/seal_bench.c build/libaten.a \
 *      $(apu-1-config --link-ld) $(apr-1-config --link-ld) -lcrypto -o build/seal_bench && build/seal_bench */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <openssl/evp.h>

#include "aten_session.h"

#define ROUNDS 25
#define TIMES 4000
#define PLAIN_BYTES 400
#define NOW apr_time_from_sec(1488322800)

typedef struct {
    aten_keyring_t *keys;
    aten_bind_t bind;
    unsigned char plain[PLAIN_BYTES];
    const char *sealed;
    apr_size_t sealed_len;
    const char *cookie;
    apr_size_t cookie_len;
    EVP_CIPHER_CTX *bare;
    unsigned char cipher[PLAIN_BYTES];
    unsigned char tag[16];
    unsigned char aad[64];
} bench_t;

typedef int operation_fn(bench_t *b, apr_pool_t *p);

static apr_status_t count_up(void *baton, unsigned char *buf, apr_size_t len)
{
    apr_uint64_t *n = baton;

    memset(buf, 0, len);
    memcpy(buf, n, len < sizeof(*n) ? len : sizeof(*n));
    ++*n;
    return APR_SUCCESS;
}

static apr_uint64_t counter = 1;

/* AES-256-GCM alone with a kept context: what no sealing can be cheaper than. */
static int bare_open(bench_t *b, apr_pool_t *p)
{
    static const unsigned char nonce[12] = {1};
    unsigned char out[PLAIN_BYTES];
    int n;

    (void)p;
    return EVP_DecryptInit_ex(b->bare, NULL, NULL, NULL, nonce) == 1
           && EVP_DecryptUpdate(b->bare, NULL, &n, b->aad, (int)sizeof(b->aad)) == 1
           && EVP_DecryptUpdate(b->bare, out, &n, b->cipher, PLAIN_BYTES) == 1
           && EVP_CIPHER_CTX_ctrl(b->bare, EVP_CTRL_AEAD_SET_TAG, 16, b->tag) == 1
           && EVP_DecryptFinal_ex(b->bare, out, &n) == 1;
}

static int seal(bench_t *b, apr_pool_t *p)
{
    return aten_seal(b->keys, &b->bind, b->plain, PLAIN_BYTES, count_up, &counter, p) != NULL;
}

static int unseal(bench_t *b, apr_pool_t *p)
{
    unsigned char *plain;
    apr_size_t len;

    return aten_open(b->keys, &b->bind, b->sealed, b->sealed_len, &plain, &len, p) == ATEN_V_OK;
}

static int open_session(bench_t *b, apr_pool_t *p)
{
    aten_session_t *session;

    return aten_session_open(&session, b->cookie, b->cookie_len, b->keys, &b->bind, p) == ATEN_V_OK;
}

static double cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double round_of(operation_fn *operation, bench_t *b, apr_pool_t *scratch)
{
    const double start = cpu_ns();
    int i;

    for (i = 0; i < TIMES; i++) {
        if (!operation(b, scratch)) exit(1);
        if (i % 16 == 15) apr_pool_clear(scratch);
    }
    return (cpu_ns() - start) / TIMES;
}

static void set_up_bare(bench_t *b)
{
    static const unsigned char key[32] = {7}, nonce[12] = {1};
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n;

    EVP_EncryptInit_ex(ctx, cipher, NULL, key, nonce);
    EVP_EncryptUpdate(ctx, NULL, &n, b->aad, (int)sizeof(b->aad));
    EVP_EncryptUpdate(ctx, b->cipher, &n, b->plain, PLAIN_BYTES);
    EVP_EncryptFinal_ex(ctx, b->cipher, &n);
    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, b->tag);
    EVP_CIPHER_CTX_free(ctx);
    b->bare = EVP_CIPHER_CTX_new();
    EVP_DecryptInit_ex(b->bare, cipher, NULL, key, NULL);
    EVP_CIPHER_free(cipher);
}

static void set_up_session(bench_t *b, apr_pool_t *p)
{
    static const char *const attributes[][2] = {
        {"ENTPersonProfils", "National_2"}, {"sn", "Lefèvre"}, {"givenName", "Élodie"},
        {"ENTPersonStructRattachRNE", "0340039X"}, {"ENTEleveClasses", "3B"}, {"mail", "elodie.lefevre@example.fr"},
        {"uid", "elodie.lefevre"}, {"ENTPersonLogin", "elodie.lefevre2"}, {"displayName", "Élodie Lefèvre"},
        {"ENTPersonJointure", "AC-MONTPELLIER$12345"}};
    const aten_lifetimes_t last = {apr_time_from_sec(28800), apr_time_from_sec(3600)};
    aten_identity_t identity = {"elodie.lefevre", apr_array_make(p, 10, sizeof(aten_attribute_t))};
    aten_session_t *session;
    char *value = NULL;
    apr_size_t i;

    for (i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
        aten_attribute_t *attribute = apr_array_push(identity.attributes);

        attribute->name = attributes[i][0];
        attribute->values = apr_array_make(p, 1, sizeof(const char *));
        APR_ARRAY_PUSH(attribute->values, const char *) = attributes[i][1];
    }
    session = aten_session_make(ATEN_BACKEND_CAS, "https://cas.example.fr/cas", "ST-1", "autres-publics", &identity,
                                NOW, &last, count_up, &counter, p);
    if (!session) exit(1);
    if (aten_session_seal(&value, session, 10, b->keys, &b->bind, count_up, &counter, p) != ATEN_V_OK) exit(1);
    b->cookie = value;
    b->cookie_len = strlen(value);
}

int main(void)
{
    static const struct {
        const char *what;
        operation_fn *operation;
    } rows[] = {{"AES-256-GCM open, 400 bytes, kept context", bare_open},
                {"aten_open, 400 bytes", unseal},
                {"aten_session_open, 10 attributes", open_session},
                {"aten_seal, 400 bytes", seal}};
    enum { ROWS = sizeof(rows) / sizeof(rows[0]) };
    static double ns[ROWS][ROUNDS];
    static bench_t b;
    const char *error;
    apr_pool_t *p, *scratch;
    char *text;
    int row, i;

    apr_initialize();
    apr_pool_create(&p, NULL);
    apr_pool_create(&scratch, p);
    b.bind = (aten_bind_t){"session", "__Host-aten", "https", "ent.example.fr"};
    if (aten_keyring_text(&text, count_up, &counter, p) != APR_SUCCESS) return 1;
    error = aten_keyring_parse(&b.keys, text, strlen(text), p);
    if (error) return 1;
    b.sealed = aten_seal(b.keys, &b.bind, b.plain, PLAIN_BYTES, count_up, &counter, p);
    b.sealed_len = strlen(b.sealed);
    set_up_bare(&b);
    set_up_session(&b, p);

    for (i = 0; i < ROUNDS; i++) {
        for (row = 0; row < ROWS; row++) ns[row][i] = round_of(rows[row].operation, &b, scratch);
    }
    printf("cookie of the session: %lu bytes; %d rounds of %d\n", (unsigned long)b.cookie_len, ROUNDS, TIMES);
    printf("%-44s %8s %8s %8s\n", "ns of CPU per operation", "minimum", "median", "maximum");
    for (row = 0; row < ROWS; row++) {
        qsort(ns[row], ROUNDS, sizeof(double), by_value);
        printf("%-44s %8.0f %8.0f %8.0f\n", rows[row].what, ns[row][0], ns[row][ROUNDS / 2], ns[row][ROUNDS - 1]);
    }
    EVP_CIPHER_CTX_free(b.bare);
    apr_pool_destroy(p);
    apr_terminate();
    return 0;
}
