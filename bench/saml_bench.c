/* What the parts of a SAML login cost, in nanoseconds of CPU per call, one row of tab-separated figures a line:
 * minimum, median and maximum over rounds of many calls; the median of single calls that find nothing in the
 * processor's caches, as a server's do that has little to do; and the median of the time that passed.
 * bench/saml makes the directory with what a portal answered, prints the rows as a table, and counts instructions by
 * running this once more under callgrind: measured() is what counts there.
 *
 *   build/bench/saml_bench DIRECTORY ACS ENTITYID PORTAL NOW ROUNDS */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <apr_file_io.h>
#include <apr_general.h>
#include <apr_strings.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "aten_identity_aten.h"
#include "aten_result.h"
#include "aten_saml_decrypt.h"
#include "aten_saml_request.h"
#include "aten_saml_response.h"
#include "aten_saml_service.h"
#include "aten_saml_verify.h"
#include "aten_store_lmdb_private.h"
#include "aten_xml.h"

#define NONCE "AAAAAAAAAAAAAAAAAAAAAA"
#define RELAY_STATE NONCE ".0.eleves-parents"
#define SIGNED_BYTES 600     /* as much as a SignedInfo has */
#define KEPT 360             /* seconds that the store remembers an answer */
#define LOGINS_A_SECOND 10
#define RSA_BYTES 256
#define EVICTING_BYTES (64 * 1024 * 1024) /* more than the caches hold */
#define LINE_BYTES 64

/* A portal's answer in one of its forms. */
typedef struct {
    const char *base64;
    const char *text;
    apr_size_t len;
    xmlNode *element;        /* the outermost one that is signed, in a tree that stays */
    const char *digested;
    apr_size_t digested_len;
} message_t;

typedef struct {
    message_t assertion, response, both, encrypted;
    xmlNode *encrypted_assertion;
    aten_saml_expect_t expect;
    const aten_saml_entity_t *entity;
    const aten_saml_service_t *service;
    const aten_saml_key_t *key;
    const char *metadata;
    aten_saml_answer_t *answer;
    aten_keyring_t *keys;
    aten_result_place_t place;
    const char *result;      /* a Cookie header */
    unsigned char text[SIGNED_BYTES];
    unsigned char signature[RSA_BYTES];
    size_t signature_len;
    unsigned char wrapped[RSA_BYTES];
    aten_store_t *store;     /* on the disk */
    apr_time_t now;          /* of the store */
} bench_t;

typedef int operation_fn(bench_t *b, apr_pool_t *p);

static apr_status_t random_bytes(void *baton, unsigned char *buf, apr_size_t len)
{
    (void)baton;
    return RAND_bytes(buf, (int)len) == 1 ? APR_SUCCESS : APR_EGENERAL;
}

/* -- the operations -- */

static int decode(bench_t *b, apr_pool_t *p)
{
    const char *text;
    apr_size_t len;

    return aten_saml_response_decode(b->response.base64, &text, &len, p) == ATEN_V_OK;
}

static int read_message(const bench_t *b, const message_t *message, apr_pool_t *p)
{
    aten_saml_answer_t *answer;
    const char *why;

    return aten_saml_response_read(&answer, &b->expect, message->text, message->len, NULL, &why, p) == ATEN_V_OK;
}

static int read_assertion(bench_t *b, apr_pool_t *p) { return read_message(b, &b->assertion, p); }
static int read_response(bench_t *b, apr_pool_t *p) { return read_message(b, &b->response, p); }
static int read_both(bench_t *b, apr_pool_t *p) { return read_message(b, &b->both, p); }
static int read_encrypted(bench_t *b, apr_pool_t *p) { return read_message(b, &b->encrypted, p); }

static int parse(bench_t *b, apr_pool_t *p)
{
    xmlDocPtr doc;

    return aten_xml_parse(&doc, b->response.text, b->response.len, p) == ATEN_V_OK;
}

static int parse_digested(bench_t *b, apr_pool_t *p)
{
    xmlDocPtr doc;

    return aten_xml_parse(&doc, b->response.digested, b->response.digested_len, p) == ATEN_V_OK;
}

static int verify_message(const bench_t *b, const message_t *message, apr_pool_t *p)
{
    const char *bytes, *why;
    apr_size_t len;

    return aten_saml_verify(message->element, b->entity->keys, &bytes, &len, &why, p) == ATEN_V_OK;
}

static int verify_assertion(bench_t *b, apr_pool_t *p) { return verify_message(b, &b->assertion, p); }
static int verify_response(bench_t *b, apr_pool_t *p) { return verify_message(b, &b->response, p); }

static int verify_rsa(bench_t *b, apr_pool_t *p)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const int good = EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, b->key->pkey) == 1
                     && EVP_DigestVerify(ctx, b->signature, b->signature_len, b->text, sizeof(b->text)) == 1;

    (void)p;
    EVP_MD_CTX_free(ctx);
    return good;
}

static int sign_rsa(bench_t *b, apr_pool_t *p)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char out[RSA_BYTES];
    size_t len = sizeof(out);
    const int good = EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, b->key->pkey) == 1
                     && EVP_DigestSign(ctx, out, &len, b->text, sizeof(b->text)) == 1;

    (void)p;
    EVP_MD_CTX_free(ctx);
    return good;
}

static int digest(bench_t *b, apr_pool_t *p)
{
    unsigned char out[EVP_MAX_MD_SIZE];

    (void)p;
    return EVP_Digest(b->response.digested, b->response.digested_len, out, NULL, EVP_sha256(), NULL) == 1;
}

static int decrypt(bench_t *b, apr_pool_t *p)
{
    const char *text, *why;
    apr_size_t len;

    return aten_saml_decrypt(b->encrypted_assertion, b->service->keys, 0, &text, &len, &why, p) == ATEN_V_OK;
}

static int decrypt_rsa(bench_t *b, apr_pool_t *p)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(b->key->pkey, NULL);
    unsigned char out[RSA_BYTES];
    size_t len = sizeof(out);
    const int good = EVP_PKEY_decrypt_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1
                     && EVP_PKEY_decrypt(ctx, out, &len, b->wrapped, sizeof(b->wrapped)) == 1;

    (void)p;
    EVP_PKEY_CTX_free(ctx);
    return good;
}

static int request(const bench_t *b, const aten_saml_key_t *key, apr_pool_t *p)
{
    const aten_saml_request_t asked = {
        .nonce = NONCE, .destination = b->entity->sso, .acs = b->expect.acs, .service_id = b->expect.service_id,
        .relay_state = RELAY_STATE, .now = b->expect.now, .key = key,
    };

    return aten_saml_request_url(&asked, p) != NULL;
}

static int request_unsigned(bench_t *b, apr_pool_t *p) { return request(b, NULL, p); }
static int request_signed(bench_t *b, apr_pool_t *p) { return request(b, b->key, p); }

static int read_metadata(bench_t *b, apr_pool_t *p)
{
    return !aten_saml_metadata_add(aten_saml_metadata_make(p), b->metadata, strlen(b->metadata), p);
}

/* Who it is, the session, and the cookie that carries it to /saml/done. */
static const char *seal_result(const bench_t *b, apr_pool_t *p)
{
    const aten_lifetimes_t last = {apr_time_from_sec(28800), apr_time_from_sec(3600)};
    const aten_result_once_t used = {.count = 2, .until = b->expect.now + apr_time_from_sec(KEPT)};
    const char *why, *cookie;
    aten_identity_t identity = {NULL, b->answer->attributes};
    aten_session_t *session;
    int needed;

    if (aten_identity_user(&identity.user, b->answer->attributes, &why, p) != ATEN_V_OK) return NULL;
    identity.attributes = aten_identity_aten_by_need(b->answer->attributes, &needed, p);
    session = aten_session_make(ATEN_BACKEND_ATEN, b->answer->portal->entity_id,
                                aten_session_credential(&b->answer->subject, p), NULL, &identity, b->expect.now, &last,
                                random_bytes, NULL, p);
    if (!session) return NULL;
    session->subject = &b->answer->subject;
    if (aten_result_store(&b->place, session, needed, NONCE, 0, &used, random_bytes, NULL, &cookie, p) != ATEN_V_OK) {
        return NULL;
    }
    return cookie;
}

static int make_result(bench_t *b, apr_pool_t *p)
{
    return seal_result(b, p) != NULL;
}

static int take_result(bench_t *b, apr_pool_t *p)
{
    apr_array_header_t *cookies = apr_array_make(p, 1, sizeof(const char *));
    aten_result_once_t used;
    aten_session_t *session;
    int unsolicited;

    return aten_result_take(&b->place, NONCE, b->result, b->expect.now, &session, &unsolicited, &used, cookies, p)
           == ATEN_V_OK;
}

/* As many come as are forgotten: the store neither grows nor shrinks. */
static int add_record(bench_t *b, apr_pool_t *p)
{
    aten_store_write_t writes[2] = {{{{0}}, 0, 0, 0, 0}};
    int i;

    (void)p;
    b->now += apr_time_from_sec(1) / LOGINS_A_SECOND;
    for (i = 0; i < 2; i++) {
        writes[i].until = b->now + apr_time_from_sec(KEPT);
        if (random_bytes(NULL, writes[i].key.bytes, sizeof(writes[i].key.bytes)) != APR_SUCCESS) return 0;
    }
    return b->store->write(b->store->baton, writes, 2, b->now) == APR_SUCCESS;
}

static void sync_store(const bench_t *b, int on)
{
    const aten_store_lmdb_t *store = b->store->baton;

    if (mdb_env_set_flags(store->env, MDB_NOSYNC, !on)) exit(1);
}

static int add_synced(bench_t *b, apr_pool_t *p)
{
    sync_store(b, 1);
    return add_record(b, p);
}

static int add_unsynced(bench_t *b, apr_pool_t *p)
{
    sync_store(b, 0);
    return add_record(b, p);
}

static const struct row {
    const char *what;
    operation_fn *operation;
    int times; /* in a round */
} rows[] = {
    {"read-assertion", read_assertion, 50},
    {"read-response", read_response, 50},
    {"read-both", read_both, 30},
    {"read-encrypted", read_encrypted, 10},
    {"decode", decode, 1000},
    {"parse", parse, 200},
    {"parse-digested", parse_digested, 200},
    {"verify-assertion", verify_assertion, 50},
    {"verify-response", verify_response, 50},
    {"rsa-verify", verify_rsa, 100},
    {"digest", digest, 1000},
    {"decrypt", decrypt, 10},
    {"rsa-decrypt", decrypt_rsa, 10},
    {"make-result", make_result, 200},
    {"take-result", take_result, 200},
    {"store-unsynced", add_unsynced, 100},
    {"store-synced", add_synced, 10},
    {"request-unsigned", request_unsigned, 100},
    {"request-signed", request_signed, 10},
    {"rsa-sign", sign_rsa, 10},
    {"metadata", read_metadata, 50},
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]), COUNTED = 10, WARM = 3, ROUNDS_MAX = 1000 };
enum { STRIDE = 8 }; /* what is alike does not run one behind the other */
_Static_assert(ROWS % 2, "STRIDE reaches every row");

/* -- measuring -- */

static double ns_of(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

/* Its name is known to bench/saml. */
__attribute__((noinline)) void measured(const struct row *row, int times, bench_t *b, apr_pool_t *scratch);

void measured(const struct row *row, int times, bench_t *b, apr_pool_t *scratch)
{
    int i;

    for (i = 0; i < times; i++) {
        if (!row->operation(b, scratch)) {
            fprintf(stderr, "%s failed\n", row->what);
            exit(1);
        }
        apr_pool_clear(scratch);
    }
}

static double cpu[ROWS][ROUNDS_MAX], cold[ROWS][ROUNDS_MAX], wall[ROWS][ROUNDS_MAX];

/* Line by line: memset would pass the caches by. */
static void fill_caches(void)
{
    static volatile unsigned char other[EVICTING_BYTES];
    apr_size_t i;

    for (i = 0; i < sizeof(other); i += LINE_BYTES) other[i]++;
}

static void measure_round(int i, bench_t *b, apr_pool_t *scratch)
{
    int row, k;

    for (row = 0; row < ROWS; row++) {
        double start = ns_of(CLOCK_PROCESS_CPUTIME_ID), wall_start = ns_of(CLOCK_MONOTONIC);

        measured(&rows[row], rows[row].times, b, scratch);
        cpu[row][i] = (ns_of(CLOCK_PROCESS_CPUTIME_ID) - start) / rows[row].times;
        wall[row][i] = (ns_of(CLOCK_MONOTONIC) - wall_start) / rows[row].times;
    }
    for (k = 0; k < ROWS; k++) {
        double start;

        row = (k * STRIDE + i) % ROWS;
        fill_caches();
        start = ns_of(CLOCK_PROCESS_CPUTIME_ID);
        measured(&rows[row], 1, b, scratch);
        cold[row][i] = ns_of(CLOCK_PROCESS_CPUTIME_ID) - start;
    }
}

static void print_rows(bench_t *b, int rounds, apr_pool_t *scratch)
{
    const size_t count = (size_t)rounds;
    int i, row;

    for (row = 0; row < ROWS; row++) measured(&rows[row], WARM, b, scratch);
    for (i = 0; i < rounds; i++) measure_round(i, b, scratch);
    for (row = 0; row < ROWS; row++) {
        qsort(cpu[row], count, sizeof(double), by_value);
        qsort(cold[row], count, sizeof(double), by_value);
        qsort(wall[row], count, sizeof(double), by_value);
        printf("%s\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\n", rows[row].what, cpu[row][0], cpu[row][count / 2],
               cpu[row][count - 1], cold[row][count / 2], wall[row][count / 2]);
    }
}

/* Under callgrind: each call of measured() gives a file of its own, in the order of the rows. */
static void count_rows(bench_t *b, apr_pool_t *scratch)
{
    int row;

    for (row = 0; row < ROWS; row++) {
        if (!rows[row].operation(b, scratch)) exit(1); /* what happens the first time alone */
        apr_pool_clear(scratch);
        measured(&rows[row], COUNTED, b, scratch);
        printf("%s\t%d\n", rows[row].what, COUNTED);
    }
}

/* -- the set-up -- */

static void fail(const char *what)
{
    fprintf(stderr, "saml_bench: %s\n", what);
    exit(1);
}

static char *file_text(const char *directory, const char *name, apr_pool_t *p)
{
    const char *path = apr_pstrcat(p, directory, "/", name, NULL);
    apr_finfo_t info;
    apr_file_t *file;
    char *text;

    if (apr_file_open(&file, path, APR_FOPEN_READ, 0, p) != APR_SUCCESS
        || apr_file_info_get(&info, APR_FINFO_SIZE, file) != APR_SUCCESS) fail(path);
    text = apr_pcalloc(p, (apr_size_t)info.size + 1);
    if (apr_file_read_full(file, text, (apr_size_t)info.size, NULL) != APR_SUCCESS) fail(path);
    apr_file_close(file);
    return text;
}

/* The element below root, or root itself, that is signed. */
static xmlNode *signed_element(xmlDocPtr doc)
{
    xmlNode *root = xmlDocGetRootElement(doc);

    return aten_saml_signature(root, NULL) ? root : aten_xml_child(root, ATEN_NS_SAML, "Assertion", NULL);
}

static void load_message(bench_t *b, message_t *message, const char *directory, const char *name, apr_pool_t *p)
{
    xmlDocPtr doc;
    const char *why;

    message->base64 = file_text(directory, name, p);
    if (aten_saml_response_decode(message->base64, &message->text, &message->len, p) != ATEN_V_OK) fail(name);
    if (aten_xml_parse(&doc, message->text, message->len, p) != ATEN_V_OK) fail(name);
    message->element = signed_element(doc);
    if (aten_saml_verify(message->element, b->entity->keys, &message->digested, &message->digested_len, &why, p)
        != ATEN_V_OK) fail(why);
}

static void load_service(bench_t *b, const char *directory, apr_pool_t *p)
{
    apr_array_header_t *keys = apr_array_make(p, 1, sizeof(const char *));
    apr_array_header_t *certificates = apr_array_make(p, 1, sizeof(const char *));
    aten_saml_service_t *service;
    const char *which, *error;
    int nth;

    APR_ARRAY_PUSH(keys, const char *) = file_text(directory, "service.key", p);
    APR_ARRAY_PUSH(certificates, const char *) = file_text(directory, "service.pem", p);
    error = aten_saml_service_load(&service, keys, certificates, &which, &nth, p);
    if (error) fail(error);
    b->service = service;
    b->key = APR_ARRAY_IDX(service->keys, 0, const aten_saml_key_t *);
}

static void load_portal(bench_t *b, char *argv[], apr_pool_t *p)
{
    aten_saml_metadata_t *metadata = aten_saml_metadata_make(p);
    apr_array_header_t *portals = apr_array_make(p, 1, sizeof(const aten_portal_t *));
    aten_portal_t *portal;
    const char *error;

    b->metadata = file_text(argv[1], "metadata.xml", p);
    error = aten_saml_metadata_add(metadata, b->metadata, strlen(b->metadata), p);
    if (!error) error = aten_portal_make(&portal, argv[4], p);
    if (error) fail(error);
    APR_ARRAY_PUSH(portals, const aten_portal_t *) = portal;
    b->entity = aten_saml_metadata_find(metadata, argv[4]);
    if (!b->entity) fail("the portal is not in the metadata");
    b->expect = (aten_saml_expect_t){portals, metadata, b->service->keys, argv[2], argv[3],
                                     ATEN_SAML_CLOCK_SKEW_DEFAULT, apr_time_from_sec(apr_atoi64(argv[5]))};
}

static void load_messages(bench_t *b, const char *directory, apr_pool_t *p)
{
    const char *why;
    xmlDocPtr doc;

    load_message(b, &b->assertion, directory, "assertion", p);
    load_message(b, &b->response, directory, "response", p);
    load_message(b, &b->both, directory, "both", p);
    load_message(b, &b->encrypted, directory, "encrypted", p);
    if (aten_saml_response_read(&b->answer, &b->expect, b->response.text, b->response.len, NULL, &why, p)
        != ATEN_V_OK) fail(why);
    if (aten_xml_parse(&doc, b->encrypted.text, b->encrypted.len, p) != ATEN_V_OK) fail("encrypted");
    b->encrypted_assertion = aten_xml_child(xmlDocGetRootElement(doc), ATEN_NS_SAML, "EncryptedAssertion", NULL);
}

static void set_up_rsa(bench_t *b)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *to = EVP_PKEY_CTX_new(b->key->pkey, NULL);
    size_t len = sizeof(b->wrapped);

    b->signature_len = sizeof(b->signature);
    if (EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, b->key->pkey) != 1
        || EVP_DigestSign(ctx, b->signature, &b->signature_len, b->text, sizeof(b->text)) != 1) fail("signing");
    if (EVP_PKEY_encrypt_init(to) != 1 || EVP_PKEY_CTX_set_rsa_padding(to, RSA_PKCS1_OAEP_PADDING) != 1
        || EVP_PKEY_encrypt(to, b->wrapped, &len, b->text, 32) != 1) fail("encrypting");
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_CTX_free(to);
}

static void set_up_result(bench_t *b, apr_pool_t *p)
{
    const char *error, *cookie;
    char *text;

    if (aten_keyring_text(&text, random_bytes, NULL, p) != APR_SUCCESS) fail("no random bytes");
    error = aten_keyring_parse(&b->keys, text, strlen(text), p);
    if (error) fail(error);
    b->place = (aten_result_place_t){b->keys, "aten", 0, "localhost", "/aten/saml/done"};
    cookie = seal_result(b, p);
    if (!cookie) fail("no result");
    b->result = apr_pstrmemdup(p, cookie, strcspn(cookie, ";"));
}

/* As full as it is once the first answers are forgotten. */
static void set_up_store(bench_t *b, const char *directory, apr_pool_t *p)
{
    const char *error = aten_store_lmdb_open(&b->store, directory, ATEN_STORE_BYTES_MAX, 10, p);
    int i;

    if (error) fail(error);
    b->now = b->expect.now;
    sync_store(b, 0);
    for (i = 0; i < 2 * KEPT * LOGINS_A_SECOND; i++) {
        if (!add_record(b, p)) fail("the store takes no record");
    }
}

int main(int argc, char *argv[])
{
    static bench_t b;
    apr_int64_t rounds;
    apr_pool_t *p, *scratch;

    if (argc != 7 || !aten_parse_number(argv[6], 0, ROUNDS_MAX, &rounds)) {
        fail("usage: saml_bench DIRECTORY ACS ENTITYID PORTAL NOW ROUNDS (0: run each once, to be counted)");
    }
    apr_initialize();
    apr_pool_create(&p, NULL);
    apr_pool_create(&scratch, p);
    if (!aten_saml_global()) fail("libxmlsec1 cannot be set up");
    load_service(&b, argv[1], p);
    load_portal(&b, argv, p);
    load_messages(&b, argv[1], p);
    set_up_rsa(&b);
    set_up_result(&b, p);
    set_up_store(&b, argv[1], p);
    if (rounds) print_rows(&b, (int)rounds, scratch);
    else count_rows(&b, scratch);
    apr_pool_destroy(p);
    apr_terminate();
    return 0;
}
