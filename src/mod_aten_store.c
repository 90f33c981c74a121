/* The store of what was used once: its directory made by the parent for the children, opened by each child for
 * itself. */
#include <errno.h>
#include <unistd.h>

#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_strings.h>
#include <ap_mpm.h>
#include <httpd.h>
#include <http_log.h>
#include <unixd.h>

#include "aten_store_lmdb.h"
#include "mod_auth_aten.h"

APLOG_USE_MODULE(auth_aten);

/* Set in child_init, read-only afterwards. */
static aten_store_t *child_store;

const aten_store_t *mod_aten_store(void)
{
    return child_store;
}

static const char *store_dir(apr_pool_t *p)
{
    return apr_pstrcat(p, mod_aten_state_dir(), "/store", NULL);
}

/* For the threads of all children, and of the generation that is being drained beside them. */
static unsigned int readers(void)
{
    int processes = 0, threads = 0;

    ap_mpm_query(AP_MPMQ_HARD_LIMIT_DAEMONS, &processes);
    ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    if (processes < 1) processes = 1;
    if (threads < 1) threads = 1;
    return 2 * (unsigned int)processes * (unsigned int)threads;
}

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

/* Root makes the directory and no more: what stands in it belongs to the children, and root does not map or lock a file
 * that a child could have prepared. */
int mod_aten_store_make(server_rec *s, apr_pool_t *ptemp)
{
    const char *dir = store_dir(ptemp);
    apr_status_t rv = apr_dir_make_recursive(dir, APR_FPROT_UREAD | APR_FPROT_UWRITE | APR_FPROT_UEXECUTE, ptemp);

    if (rv == APR_SUCCESS) rv = let_children_in(mod_aten_state_dir(), dir, ptemp);
    if (rv == APR_SUCCESS) return 1;
    ap_log_error(APLOG_MARK, APLOG_CRIT, rv, s, "AtenStateDir: the store's directory '%s' cannot be made for the "
                 "children", dir);
    return 0;
}

void mod_aten_store_child_init(apr_pool_t *pchild, server_rec *main_server)
{
    const char *error = aten_store_lmdb_open(&child_store, store_dir(pchild), ATEN_STORE_BYTES_MAX, readers(), pchild);

    if (!error) {
        aten_store_lmdb_clear_dead(child_store);
        return;
    }
    child_store = NULL;
    if (!mod_aten_first_to_say(MOD_ATEN_SAID_STORE)) return;
    ap_log_error(APLOG_MARK, APLOG_CRIT, 0, main_server, "AtenStateDir: %s; no login can end in this child. Sessions "
                 "go on", error);
}
