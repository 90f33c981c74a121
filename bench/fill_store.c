/* Records for a store, without the logouts that they would come from: for measurements and tests.
 *
 *   fill_store fill DIR COUNT     ended sessions of random ids, as if other servers had written them
 *   fill_store end DIR COUNT      the same as this server's own: the other servers hear of them
 *   fill_store churn DIR SECONDS  change the store all the time, until SIGTERM or so long; says how often in a second
 *   fill_store count DIR          how many records it has, how many wait for the other servers, bytes in use
 *
 * It has to run as the user whose store it is. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <openssl/rand.h>

#include "aten_store_lmdb.h"

#define READERS 64 /* another process has opened it before, mostly; then this says nothing */
#define KEPT apr_time_from_sec(2 * 86400)

static volatile sig_atomic_t stopped;

static void stop(int number)
{
    stopped = number;
}

static int failed(const char *what, apr_status_t rv)
{
    char text[128];

    fprintf(stderr, "fill_store: %s: %s\n", what, apr_strerror(rv, text, sizeof(text)));
    return 1;
}

/* Keys are hashes: they lie anywhere in the tree. */
static int make_records(aten_store_write_t *writes, int count, apr_time_t now)
{
    int i;

    memset(writes, 0, (size_t)count * sizeof(*writes));
    for (i = 0; i < count; i++) {
        if (RAND_bytes(writes[i].key.bytes, ATEN_STORE_KEY_BYTES) != 1) return 0;
        writes[i].value = now;
        writes[i].until = now + KEPT;
        writes[i].raise = 1;
    }
    return 1;
}

static int fill(aten_store_t *store, int count, apr_pool_t *p)
{
    aten_store_write_t *writes = apr_palloc(p, ATEN_STORE_BATCH_MAX * sizeof(*writes));

    while (count > 0) {
        const int now_many = count < ATEN_STORE_BATCH_MAX ? count : ATEN_STORE_BATCH_MAX;
        const apr_time_t now = apr_time_now();
        apr_status_t rv;

        if (!make_records(writes, now_many, now)) return failed("random bytes", APR_EGENERAL);
        rv = aten_store_lmdb_apply(store, writes, now_many, NULL, NULL, now);
        if (rv != APR_SUCCESS) return failed("apply", rv);
        count -= now_many;
    }
    return 0;
}

static int end_many(aten_store_t *store, int count)
{
    while (count > 0) {
        aten_store_write_t writes[ATEN_STORE_WRITE_MAX];
        const int now_many = count < ATEN_STORE_WRITE_MAX ? count : ATEN_STORE_WRITE_MAX;
        const apr_time_t now = apr_time_now();
        apr_status_t rv;

        if (!make_records(writes, now_many, now)) return failed("random bytes", APR_EGENERAL);
        rv = store->write(store->baton, writes, now_many, now);
        if (rv != APR_SUCCESS) return failed("write", rv);
        count -= now_many;
    }
    return 0;
}

/* One record that grows later and later: the store changes, and does not grow. */
static int churn(aten_store_t *store, int seconds)
{
    const apr_time_t start = apr_time_now();
    aten_store_write_t write;
    apr_time_t now = start;
    double times = 0;

    if (!make_records(&write, 1, start)) return failed("random bytes", APR_EGENERAL);
    write.quiet = 1;
    signal(SIGTERM, stop);
    while (!stopped && now < start + apr_time_from_sec(seconds)) {
        apr_status_t rv;

        write.value++;
        rv = store->write(store->baton, &write, 1, start);
        if (rv != APR_SUCCESS) return failed("write", rv);
        times++;
        now = apr_time_now();
    }
    printf("%.0f changes a second\n", times / ((double)(now - start) / APR_USEC_PER_SEC));
    return 0;
}

static int count_records(aten_store_t *store)
{
    aten_store_usage_t usage;
    const apr_status_t rv = aten_store_lmdb_usage(store, &usage);

    if (rv != APR_SUCCESS) return failed("usage", rv);
    printf("%lu records, %lu outbox, %lu bytes\n", (unsigned long)usage.records, (unsigned long)usage.outbox,
           (unsigned long)usage.bytes_used);
    return 0;
}

static int run(const char *what, const char *dir, int number, apr_pool_t *p)
{
    aten_store_t *store;
    const char *error = aten_store_lmdb_open(&store, dir, ATEN_STORE_BYTES_MAX, READERS, p);

    if (error) {
        fprintf(stderr, "fill_store: %s\n", error);
        return 1;
    }
    if (!strcmp(what, "fill")) return fill(store, number, p);
    if (!strcmp(what, "end")) return end_many(store, number);
    if (!strcmp(what, "churn")) return churn(store, number);
    return count_records(store);
}

static int known(const char *what, int argc)
{
    if (!strcmp(what, "count")) return argc == 3;
    return argc == 4 && (!strcmp(what, "fill") || !strcmp(what, "end") || !strcmp(what, "churn"));
}

int main(int argc, const char *const argv[])
{
    const apr_int64_t number = argc == 4 ? apr_strtoi64(argv[3], NULL, 10) : 0;
    apr_pool_t *pool;
    int status;

    if (argc < 3 || !known(argv[1], argc) || number < 0 || number > 100000000) {
        fprintf(stderr, "usage: fill_store fill|end DIR COUNT | churn DIR SECONDS | count DIR\n");
        return 2;
    }
    if (apr_initialize() != APR_SUCCESS) return 1;
    apr_pool_create(&pool, NULL);
    status = run(argv[1], argv[2], (int)number, pool);
    apr_pool_destroy(pool);
    apr_terminate();
    return status;
}
