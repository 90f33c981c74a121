/* What one thread of all children does beside the requests: it carries records between the store and Redis, and takes
 * out of the store what has expired. Each child has a thread of mod_watchdog that would do it; the one
 * whose child holds the lock does. mod_watchdog has singletons of its own, but one that takes over waits for ten seconds
 * first: too long for a logout, each time that a child ends.
 * Without Redis there is none: each write takes out more than it puts in, and that is enough. */
#include <apr_atomic.h>
#include <apr_file_io.h>
#include <apr_optional.h>
#include <httpd.h>
#include <http_log.h>
#include <mod_watchdog.h>

#include "mod_auth_aten.h"

APLOG_USE_MODULE(auth_aten);

#define WATCHDOG_NAME "_aten_"
#define TURNS_BETWEEN 4                    /* two tries to get the lock */
#define SWEEP_INTERVAL apr_time_from_sec(60)
#define SWEEP_MAX 10000                    /* records in one go */
#define STEPS_IN_A_ROW 20                  /* of ATEN_STORE_BATCH_MAX records; then the watchdog may be stopped */
#define PAUSE apr_time_from_msec(50)
#define END_PAUSE apr_time_from_msec(10)
#define END_TURNS 100

/* Used by the watchdog's thread alone, which makes it, for the store may be open only later. It goes with the
 * process. */
static aten_store_carrier_t *carrier;

/* Has the lock, in this pool, as long as this child is the one. */
static apr_pool_t *chosen;
static unsigned int turns;

static apr_uint32_t stepping, closing;

const char *mod_aten_watchdog_needs(void)
{
    if (APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_get_instance)) return NULL;
    return "AtenStore redis://... needs mod_watchdog, which is not loaded";
}

static void say_away(server_rec *s, const char *why)
{
    if (!mod_aten_away_is_new(1)) return;
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, "AtenStore: %s cannot be used: %s. Logins, requests and logouts go on "
                 "with this server's own store; the others hear of them afterwards", mod_aten_global()->redis->shown,
                 why ? why : "no reason is known");
}

static void say_back(server_rec *s)
{
    if (!mod_aten_away_is_new(0)) return;
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s, "AtenStore: %s can be used again", mod_aten_global()->redis->shown);
}

/* @return what the step said */
static aten_carried_t carry(aten_store_carrier_t *by, server_rec *s, apr_pool_t *p)
{
    const apr_interval_time_t kept = mod_aten_longest_lifetime(s) + ATEN_ENDED_KEPT_LONGER;
    const char *why = NULL;
    const aten_carried_t carried = aten_store_carry(by, kept, apr_time_now(), &why, p);

    if (carried == ATEN_CARRIED_NONE) {
        say_away(s, why);
        return carried;
    }
    say_back(s);
    if (why) ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s, "AtenStore: %s", why);
    return carried;
}

static void make_carrier(void)
{
    apr_pool_t *p;

    if (mod_aten_store_ready() == ATEN_V_STORE || apr_pool_create_unmanaged(&p) != APR_SUCCESS) return;
    carrier = aten_store_carrier_make(mod_aten_local_store(), mod_aten_global()->redis, mod_aten_shared_state(), p);
}

static void say_lock(const char *file, const char *what, apr_status_t rv, server_rec *s)
{
    if (!mod_aten_first_to_say(MOD_ATEN_SAID_LOCK)) return;
    ap_log_error(APLOG_MARK, APLOG_CRIT, rv, s, "AtenStore: '%s' cannot be %s: nothing is carried to the other servers. It "
                 "belongs to the user that the children run as", file, what);
}

/* The kernel gives the lock back when the process ends, however it does. @return 1 if this child is the one */
static int is_chosen(server_rec *s)
{
    static const apr_int32_t how = APR_FOPEN_CREATE | APR_FOPEN_READ | APR_FOPEN_WRITE;
    const char *name;
    apr_file_t *file;
    apr_status_t rv;
    apr_pool_t *p;

    if (chosen) return 1;
    if (turns++ % TURNS_BETWEEN || apr_pool_create_unmanaged(&p) != APR_SUCCESS) return 0;
    name = mod_aten_store_file("carrier.lock", p);
    rv = apr_file_open(&file, name, how, APR_FPROT_UREAD | APR_FPROT_UWRITE, p);
    if (rv != APR_SUCCESS) say_lock(name, "opened", rv, s);
    else rv = apr_file_lock(file, APR_FLOCK_EXCLUSIVE | APR_FLOCK_NONBLOCK);
    if (rv == APR_SUCCESS) {
        chosen = p;
        return 1;
    }
    if (!APR_STATUS_IS_EAGAIN(rv) && !APR_STATUS_IS_EACCES(rv)) say_lock(name, "locked", rv, s);
    apr_pool_destroy(p);
    return 0;
}

/* Another child takes over at once, while this one still ends its requests. */
static void give_up(void)
{
    if (chosen) apr_pool_destroy(chosen);
    chosen = NULL;
}

/* One of the two sees the other: the thread that begins a step, the child that ends. */
static int may_step(void)
{
    apr_atomic_set32(&stepping, 1);
    if (!apr_atomic_read32(&closing)) return 1;
    apr_atomic_set32(&stepping, 0);
    return 0;
}

static void steps(server_rec *s, apr_pool_t *p)
{
    apr_pool_t *scratch;
    int i;

    if (!carrier) make_carrier();
    if (!carrier || !is_chosen(s) || apr_pool_create(&scratch, p) != APR_SUCCESS) return;
    for (i = 0; i < STEPS_IN_A_ROW && !apr_atomic_read32(&closing); i++) {
        if (carry(carrier, s, scratch) != ATEN_CARRIED_SOME) break;
        apr_pool_clear(scratch);
    }
    apr_pool_destroy(scratch);
}

static apr_status_t carry_step(int state, void *data, apr_pool_t *p)
{
    if (state == AP_WATCHDOG_STATE_STOPPING) give_up();
    if (state != AP_WATCHDOG_STATE_RUNNING || !may_step()) return APR_SUCCESS;
    steps(data, p);
    apr_atomic_set32(&stepping, 0);
    return APR_SUCCESS;
}

/* mod_watchdog's thread may go on while the child's pools go: no step begins any more, and one that is under way is
 * waited for, but not for a Redis that hangs. */
static apr_status_t end_steps(void *data)
{
    int i;

    (void)data;
    apr_atomic_set32(&closing, 1);
    for (i = 0; i < END_TURNS && apr_atomic_read32(&stepping); i++) apr_sleep(END_PAUSE);
    return APR_SUCCESS;
}

void mod_aten_watchdog_child_init(apr_pool_t *pchild)
{
    apr_atomic_set32(&closing, 0);
    apr_pool_pre_cleanup_register(pchild, NULL, end_steps);
}

/* In small transactions, between which others write; and reader slots of children that were killed are given back. */
static apr_status_t sweep_step(int state, void *data, apr_pool_t *p)
{
    aten_store_t *local = mod_aten_local_store();
    int swept = 0;

    (void)p;
    if (state != AP_WATCHDOG_STATE_RUNNING || !local || !chosen || !may_step()) return APR_SUCCESS;
    aten_store_lmdb_clear_dead(local);
    mod_aten_store_warn_full(data);
    if (aten_store_lmdb_sweep(local, SWEEP_MAX, &swept, apr_time_now()) != APR_SUCCESS) swept = 0;
    apr_atomic_set32(&stepping, 0);
    if (!swept) return APR_SUCCESS;
    ap_log_error(APLOG_MARK, APLOG_DEBUG, 0, (server_rec *)data, "%d records of the store had expired", swept);
    return APR_SUCCESS;
}

void mod_aten_watchdog_start(server_rec *main_server, apr_pool_t *pconf)
{
    APR_OPTIONAL_FN_TYPE(ap_watchdog_get_instance) *get = APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_get_instance);
    APR_OPTIONAL_FN_TYPE(ap_watchdog_register_callback) *add = APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_register_callback);
    ap_watchdog_t *watchdog;
    apr_status_t rv;

    rv = get(&watchdog, WATCHDOG_NAME, 0, 0, pconf);
    if (rv == APR_SUCCESS) rv = add(watchdog, AP_WD_TM_SLICE, main_server, carry_step);
    if (rv == APR_SUCCESS) rv = add(watchdog, SWEEP_INTERVAL, main_server, sweep_step);
    if (rv == APR_SUCCESS) return;
    ap_log_error(APLOG_MARK, APLOG_CRIT, rv, main_server, "AtenStore: mod_watchdog refused; nothing is carried to the "
                 "other servers");
}

void mod_aten_carry_first(apr_time_t until, server_rec *main_server, apr_pool_t *pchild)
{
    aten_store_carrier_t *first;
    apr_pool_t *p, *scratch;

    apr_pool_create(&p, pchild);
    apr_pool_create(&scratch, p);
    first = aten_store_carrier_make(mod_aten_local_store(), mod_aten_global()->redis, mod_aten_shared_state(), p);
    while (first && carry(first, main_server, scratch) != ATEN_CARRIED_ALL && apr_time_now() < until) {
        if (apr_atomic_read32(&mod_aten_shared_state()->caught_up)) break; /* by another child */
        apr_pool_clear(scratch);
        apr_sleep(PAUSE);
    }
    apr_pool_destroy(p);
}
