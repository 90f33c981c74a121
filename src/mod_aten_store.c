/* The store of ended sessions and of what was used once: its directory made by the parent for the children, opened by
 * each child for itself; with AtenStore redis://... shared with other servers. */
#include <errno.h>
#include <unistd.h>

#include <apr_atomic.h>
#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_shm.h>
#include <apr_strings.h>
#include <ap_mpm.h>
#include <httpd.h>
#include <http_log.h>
#include <unixd.h>

#include "aten_store_lmdb.h"
#include "mod_auth_aten.h"

APLOG_USE_MODULE(auth_aten);

/* With the form of what it names: a reload may bring another version of the module. The pool copies it, for this
 * module is unloaded meanwhile. */
#define SHARED_KEY "mod_auth_aten: state of AtenStore, form 1"
#define FIRST_CATCH_UP apr_time_from_sec(5) /* how long a server waits for it at its start */
#define OPEN_AGAIN_SECONDS 5
#define FULL_PERCENT 80

/* In shared memory that outlives reloads: a server that has caught up stays so. */
typedef struct {
    aten_store_shared_state_t state;
    apr_uint32_t said_away; /* that Redis is away was logged */
    apr_time_t wait_until;
} shared_t;

/* Set in post_config and child_init, the stores also when they could be opened at last. */
static struct {
    aten_store_t *local;      /* over LMDB */
    aten_store_t *store;      /* what is asked: the same, or the shared one over it */
    apr_uint32_t opening;     /* when that was last tried, in seconds; 0: it is open */
    int caught_up_before;     /* the store has had everything once, in whichever run of the server */
    shared_t *shared;
    server_rec *main_server;
} children;

aten_store_t *mod_aten_local_store(void)
{
    return children.local;
}

aten_store_shared_state_t *mod_aten_shared_state(void)
{
    return &children.shared->state;
}

int mod_aten_away_is_new(int away)
{
    return apr_atomic_cas32(&children.shared->said_away, away ? 1 : 0, away ? 0 : 1) == (away ? 0 : 1);
}

apr_interval_time_t mod_aten_longest_lifetime(server_rec *main_server)
{
    apr_interval_time_t longest = 0;
    server_rec *s;

    for (s = main_server; s; s = s->next) {
        const apr_interval_time_t lifetime = mod_aten_server(s)->site[0]->last.lifetime;

        if (lifetime > longest) longest = lifetime;
    }
    return longest;
}

static const char *store_dir(apr_pool_t *p)
{
    return apr_pstrcat(p, mod_aten_state_dir(), "/store", NULL);
}

const char *mod_aten_store_file(const char *name, apr_pool_t *p)
{
    return apr_pstrcat(p, store_dir(p), "/", name, NULL);
}

/* --- the parent --- */

/* The children may pass through the state directory to the store, and read nothing else of it. */
static apr_status_t let_children_in(const char *state_dir, const char *dir, apr_pool_t *p)
{
    apr_finfo_t info;
    apr_status_t rv;

    if (geteuid()) return APR_SUCCESS; /* children run as who starts the server */
    rv = apr_stat(&info, state_dir, APR_FINFO_PROT, p);
    if (rv == APR_SUCCESS && !(info.protection & APR_FPROT_WEXECUTE)) {
        rv = apr_file_perms_set(state_dir, info.protection | APR_FPROT_GEXECUTE | APR_FPROT_WEXECUTE);
    }
    if (rv == APR_SUCCESS) rv = apr_stat(&info, dir, APR_FINFO_LINK | APR_FINFO_OWNER, p);
    if (rv != APR_SUCCESS) return rv;
    /* Only where it has to be: a reload must not end the server because the disk has become read-only, or because root
     * may not give files away (in a container). */
    if (info.user == ap_unixd_config.user_id && info.group == ap_unixd_config.group_id) return APR_SUCCESS;
    return lchown(dir, ap_unixd_config.user_id, ap_unixd_config.group_id) ? APR_FROM_OS_ERROR(errno) : APR_SUCCESS;
}

/* Made once for the process, and found again after a reload. */
static apr_status_t make_shared(apr_pool_t *process)
{
    apr_shm_t *shm;
    void *found = NULL;
    apr_status_t rv;

    apr_pool_userdata_get(&found, SHARED_KEY, process);
    children.shared = found;
    if (found) return APR_SUCCESS;
    rv = apr_shm_create(&shm, sizeof(shared_t), NULL, process);
    if (rv != APR_SUCCESS) return rv;
    children.shared = apr_shm_baseaddr_get(shm);
    memset(children.shared, 0, sizeof(*children.shared));
    return apr_pool_userdata_set(children.shared, SHARED_KEY, NULL, process);
}

/* Root makes the directory and no more: what stands in it belongs to the children, and root does not map or lock a file
 * that a child could have prepared. */
int mod_aten_store_make(server_rec *s, apr_pool_t *pconf, apr_pool_t *ptemp)
{
    const char *dir = store_dir(ptemp);
    apr_status_t rv = apr_dir_make_recursive(dir, APR_FPROT_UREAD | APR_FPROT_UWRITE | APR_FPROT_UEXECUTE, ptemp);

    if (rv == APR_SUCCESS) rv = let_children_in(mod_aten_state_dir(), dir, ptemp);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, s, "AtenStateDir: the store's directory '%s' cannot be made for the "
                     "children", dir);
        return 0;
    }
    rv = make_shared(s->process->pool);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, s, "no shared memory for the state of AtenStore");
        return 0;
    }
    if (!mod_aten_global()->redis) {
        apr_atomic_set32(&children.shared->state.caught_up, 0); /* what others wrote meanwhile is not heard of */
        return 1;
    }
    if (!apr_atomic_read32(&children.shared->state.caught_up)) {
        children.shared->wait_until = apr_time_now() + FIRST_CATCH_UP;
    }
    mod_aten_watchdog_start(s, pconf);
    return 1;
}

/* --- each child --- */

/* For the threads of all children, and of the generation that is being drained beside them. */
static unsigned int readers(void)
{
    int processes = 0, threads = 0;

    ap_mpm_query(AP_MPMQ_HARD_LIMIT_DAEMONS, &processes);
    ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    if (processes < 1) processes = 1;
    if (threads < 1) threads = 1;
    return 2 * (unsigned int)processes * (unsigned int)(threads + 1);
}

static const char *open_in(aten_store_t **local, aten_store_t **store, apr_pool_t *p)
{
    const aten_redis_address_t *redis = mod_aten_global()->redis;
    const char *error = aten_store_lmdb_open(local, store_dir(p), ATEN_STORE_BYTES_MAX, readers(), p);

    if (error) return error;
    *store = *local;
    if (redis) return aten_store_shared_make(store, *local, redis, &children.shared->state, p);
    return aten_store_shared_end(*local) == APR_SUCCESS ? NULL : "the store cannot be written";
}

/* In a pool of their own, so that nothing stays open where it fails: a process must not open an LMDB file twice. With
 * Redis it ends with the process, for the thread of mod_watchdog may still use it while the child's pool goes.
 * @return NULL, or what is wrong, in the parent */
static const char *open_both(aten_store_t **local, aten_store_t **store, apr_pool_t *parent)
{
    const char *error;
    apr_pool_t *p;
    const apr_status_t rv = mod_aten_global()->redis ? apr_pool_create_unmanaged(&p) : apr_pool_create(&p, parent);

    if (rv != APR_SUCCESS) return "no memory";
    error = open_in(local, store, p);
    if (!error) return NULL;
    error = parent ? apr_pstrdup(parent, error) : "";
    apr_pool_destroy(p);
    return error;
}

/* In the order in which requests look at them. */
static void use(aten_store_t *local, aten_store_t *store)
{
    children.local = local;
    children.caught_up_before = mod_aten_global()->redis && aten_store_has_caught_up(local);
    apr_atomic_set32(&children.opening, 0);
    apr_atomic_casptr((volatile void **)(void *)&children.store, store, NULL);
}

void mod_aten_store_warn_full(server_rec *s)
{
    aten_store_t *local = children.local;
    aten_store_usage_t usage;

    if (aten_store_lmdb_usage(local, &usage) != APR_SUCCESS) return;
    if (usage.bytes_used < usage.bytes_max / 100 * FULL_PERCENT) return;
    if (!mod_aten_first_to_say(MOD_ATEN_SAID_STORE)) return;
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, "AtenStateDir: the store has used %" APR_SIZE_T_FMT " of %"
                 APR_SIZE_T_FMT " bytes for %" APR_SIZE_T_FMT " records; when it is full no login ends, then no logout",
                 usage.bytes_used, usage.bytes_max, usage.records);
}

void mod_aten_store_child_init(apr_pool_t *pchild, server_rec *main_server)
{
    aten_store_t *local, *store;
    const char *error = open_both(&local, &store, pchild);

    children.main_server = main_server;
    if (error) {
        apr_atomic_set32(&children.opening, (apr_uint32_t)apr_time_sec(apr_time_now()));
        if (!mod_aten_first_to_say(MOD_ATEN_SAID_STORE)) return;
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, main_server, "AtenStateDir: %s; no login can end in this child, and "
                     "requests with a session get 503. It is tried again every %d seconds", error, OPEN_AGAIN_SECONDS);
        return;
    }
    use(local, store);
    aten_store_lmdb_clear_dead(local);
    mod_aten_store_warn_full(main_server);
    if (!mod_aten_global()->redis || apr_atomic_read32(&children.shared->state.caught_up)) return;
    mod_aten_carry_first(children.shared->wait_until, main_server, pchild);
    if (apr_atomic_read32(&children.shared->state.caught_up) || !mod_aten_first_to_say(MOD_ATEN_SAID_BEHIND)) return;
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, main_server, "AtenStore: %s has not told in time which sessions were "
                 "ended; %s", mod_aten_global()->redis->shown, children.caught_up_before
                 ? "this server goes on with what its own store knows"
                 : "this server has no store of its own yet: requests with a session and logins get 503 until it has");
}

/* By one thread at a time, which is the one that gets to note the time. */
static void open_again(void)
{
    const apr_uint32_t now = (apr_uint32_t)apr_time_sec(apr_time_now());
    const apr_uint32_t last = apr_atomic_read32(&children.opening);
    aten_store_t *local, *store;

    if (!last || now - last < OPEN_AGAIN_SECONDS) return;
    if (apr_atomic_cas32(&children.opening, now, last) != last) return;
    if (open_both(&local, &store, NULL)) return;
    use(local, store);
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, children.main_server, "AtenStateDir: the store could be opened at last");
}

const aten_store_t *mod_aten_store(void)
{
    if (!children.store) open_again();
    return children.store;
}

aten_verdict_t mod_aten_store_ready(void)
{
    if (!mod_aten_store()) return ATEN_V_STORE;
    if (!mod_aten_global()->redis || children.caught_up_before) return ATEN_V_OK;
    return apr_atomic_read32(&children.shared->state.caught_up) ? ATEN_V_OK : ATEN_V_STORE_BEHIND;
}
