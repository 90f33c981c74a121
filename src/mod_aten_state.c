/* What the server and its children hold beyond the configuration: keys, CA store, HTTP handles, the limit of
 * validations in flight, counters. Made in post_config (parent, before privileges drop) and child_init. */
#include <errno.h>
#include <limits.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <unistd.h>

#include <apr_atomic.h>
#include <apr_file_io.h>
#include <apr_shm.h>
#include <apr_strings.h>
#include <ap_mpm.h>
#include <http_core.h>
#include <http_log.h>
#include <libxml/parser.h>
#include <openssl/rand.h>
#include <unixd.h>

#include "mod_aten_check.h"

APLOG_USE_MODULE(auth_aten);

#define HTTP_HANDLES_MAX 1024
#define UNKNOWN_LOG_SECONDS 3600
#define PLACES_PER_CALL 4
#define VALIDATIONS_KEY "mod_auth_aten: validations, form 1"

/* In shared memory: every child counts here. */
typedef struct {
    apr_uint32_t unknown_population;       /* CAS logins and requests of people in no population */
    apr_uint32_t unknown_population_logged; /* when that was last logged, seconds since the epoch */
    apr_uint32_t said[MOD_ATEN_SAID_COUNT]; /* a child has said what all of them would */
} counters_t;

/* Set in post_config and child_init, read-only between. */
static struct {
    aten_keyring_t *keys;
    aten_http_t *http;
    int semaphore;
    int max_pending;
    counters_t *counters;
    aten_validations_t *validations;
} state = {NULL, NULL, -1, 0, NULL, NULL};

aten_validations_t *mod_aten_validations(void)
{
    return state.validations;
}

aten_keyring_t *mod_aten_keys(void)
{
    return state.keys;
}

apr_status_t mod_aten_random(void *baton, unsigned char *buf, apr_size_t len)
{
    (void)baton;
    return len <= 65536 && RAND_bytes(buf, (int)len) == 1 ? APR_SUCCESS : APR_EGENERAL;
}

/* --- keys --- */

static apr_status_t write_new(const char *file, const char *text, apr_pool_t *p)
{
    char *temp = apr_pstrcat(p, file, ".XXXXXX", NULL);
    apr_file_t *fd;
    apr_status_t rv = apr_file_mktemp(&fd, temp, APR_FOPEN_CREATE | APR_FOPEN_EXCL | APR_FOPEN_WRITE, p); /* 0600 */

    if (rv != APR_SUCCESS) return rv;
    rv = apr_file_write_full(fd, text, strlen(text), NULL);
    if (rv == APR_SUCCESS) rv = apr_file_sync(fd);
    if (rv == APR_SUCCESS) rv = apr_file_link(temp, file); /* never over another start's file */
    apr_file_close(fd);
    apr_file_remove(temp, p);
    return rv;
}

static int make_keys(server_rec *s, const char *file, apr_pool_t *ptemp)
{
    const char *dir = mod_aten_state_dir();
    char *text = NULL;
    apr_status_t rv;

    rv = apr_dir_make_recursive(dir, APR_FPROT_UREAD | APR_FPROT_UWRITE | APR_FPROT_UEXECUTE, ptemp);
    if (rv == APR_SUCCESS) rv = aten_keyring_text(&text, mod_aten_random, NULL, ptemp);
    if (rv == APR_SUCCESS) rv = write_new(file, text, ptemp);
    if (text) OPENSSL_cleanse(text, strlen(text));
    if (rv != APR_SUCCESS && !APR_STATUS_IS_EEXIST(rv)) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, s, "AtenStateDir: the session keys cannot be made in '%s'", dir);
        return 0;
    }
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s, "new session keys in '%s'", file);
    return 1;
}

static int load_keys(server_rec *s, apr_pool_t *pconf, apr_pool_t *ptemp)
{
    const char *given = mod_aten_global()->keys_file;
    const char *file = given ? given : apr_pstrcat(ptemp, mod_aten_state_dir(), "/keys", NULL);
    const char *error = mod_aten_read_keys(&state.keys, file, pconf);

    if (error && !*error && !given) {
        if (!make_keys(s, file, ptemp)) return 0;
        error = mod_aten_read_keys(&state.keys, file, pconf);
    }
    if (!error) return 1;
    ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s, "AtenSessionKeys: %s", *error ? error : "the file does not exist");
    return 0;
}

/* --- AtenCASMaxPending --- */

/* A System V semaphore: the kernel gives back what a child held that was killed (SEM_UNDO), which no counter of ours
 * could do. */
union semun {
    int val;
    struct semid_ds *buf;
};

typedef struct {
    int id;
    pid_t owner;
} semaphore_t;

static apr_status_t remove_semaphore(void *data)
{
    const semaphore_t *semaphore = data;
    union semun none = {0};

    /* A process forked from this one (a CGI daemon) cleans its copy of the pool too. */
    if (semaphore->owner == getpid()) semctl(semaphore->id, 0, IPC_RMID, none);
    return APR_SUCCESS;
}

static int default_max_pending(void)
{
    int processes = 0, threads = 0;

    ap_mpm_query(AP_MPMQ_MAX_DAEMONS, &processes);
    ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    if (threads < 1) threads = 1;
    return processes * threads >= 4 ? processes * threads / 4 : 1;
}

static int make_semaphore(server_rec *s, apr_pool_t *pconf)
{
    semaphore_t *semaphore = apr_pcalloc(pconf, sizeof(*semaphore));
    struct semid_ds mode;
    union semun argument;

    state.max_pending = mod_aten_global()->cas_max_pending;
    if (state.max_pending == MOD_ATEN_UNSET) state.max_pending = default_max_pending();
    semaphore->owner = getpid();
    semaphore->id = state.semaphore = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
    argument.val = state.max_pending;
    if (semaphore->id < 0 || semctl(semaphore->id, 0, SETVAL, argument) < 0) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, errno, s, "AtenCASMaxPending: no semaphore can be made");
        return 0;
    }
    apr_pool_cleanup_register(pconf, semaphore, remove_semaphore, apr_pool_cleanup_null);
    if (geteuid()) return 1;
    argument.buf = &mode;
    if (semctl(semaphore->id, 0, IPC_STAT, argument) < 0) return 1;
    mode.sem_perm.uid = ap_unixd_config.user_id;
    mode.sem_perm.gid = ap_unixd_config.group_id;
    if (semctl(semaphore->id, 0, IPC_SET, argument) == 0) return 1;
    ap_log_error(APLOG_MARK, APLOG_CRIT, errno, s, "AtenCASMaxPending: the semaphore cannot be given to the children");
    return 0;
}

/* @return 1 taken, 0 none free, -1 there is no limit any more (the semaphore of a generation that is being drained) */
static int take_place(void)
{
    struct sembuf down = {0, -1, IPC_NOWAIT | SEM_UNDO};

    for (;;) {
        if (semop(state.semaphore, &down, 1) == 0) return 1;
        if (errno == EAGAIN) return 0;
        if (errno != EINTR) return -1;
    }
}

static void give_place_back(void)
{
    struct sembuf up = {0, 1, SEM_UNDO};

    while (semop(state.semaphore, &up, 1) < 0 && errno == EINTR) continue;
}

aten_verdict_t mod_aten_http(void *baton, const aten_http_request_t *request, aten_http_answer_t *answer,
                             const char **why, apr_pool_t *p)
{
    aten_verdict_t verdict;
    int place;

    (void)baton;
    if (!state.http) return ATEN_V_INTERNAL;
    place = take_place();
    if (!place) {
        *why = apr_psprintf(p, "%d validations are in flight already (AtenCASMaxPending)", state.max_pending);
        return ATEN_V_CAS_BUSY;
    }
    verdict = aten_http_call(state.http, request, answer, why, p);
    if (place > 0) give_place_back();
    return verdict;
}

/* --- counters --- */

static int make_counters(server_rec *s, apr_pool_t *pconf)
{
    apr_shm_t *shm;
    apr_status_t rv = apr_shm_create(&shm, sizeof(counters_t), NULL, pconf);

    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, s, "no shared memory for the counters");
        return 0;
    }
    state.counters = apr_shm_baseaddr_get(shm);
    memset(state.counters, 0, sizeof(*state.counters));
    return 1;
}

/* In memory that outlives reloads: a logout that comes to a new child must find the login that one of the generation
 * before is still validating. */
typedef struct {
    aten_validations_t *validations;
    int places;
} kept_validations_t;

/* Beyond AtenCASMaxPending, for a login stands there a little longer than its call to the CAS server lasts. */
static int make_validations(server_rec *s, apr_pool_t *process)
{
    const int places = state.max_pending < INT_MAX / PLACES_PER_CALL ? state.max_pending * PLACES_PER_CALL : INT_MAX;
    const apr_size_t bytes = aten_validations_bytes(places);
    kept_validations_t *kept;
    void *found = NULL;
    apr_shm_t *shm;
    apr_status_t rv;

    apr_pool_userdata_get(&found, VALIDATIONS_KEY, process);
    kept = found;
    if (kept && kept->places >= places) {
        state.validations = kept->validations;
        return 1;
    }
    rv = apr_shm_create(&shm, bytes, NULL, process);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, s, "no shared memory for %d validations (AtenCASMaxPending)", places);
        return 0;
    }
    memset(apr_shm_baseaddr_get(shm), 0, bytes);
    kept = apr_pcalloc(process, sizeof(*kept));
    kept->places = places;
    kept->validations = state.validations = aten_validations_make(apr_shm_baseaddr_get(shm), places);
    apr_pool_userdata_set(kept, VALIDATIONS_KEY, NULL, process);
    return 1;
}

int mod_aten_first_to_say(mod_aten_said_t what)
{
    return apr_atomic_cas32(&state.counters->said[what], 1, 0) == 0;
}

int mod_aten_note_unknown_population(apr_time_t now)
{
    apr_uint32_t seconds = (apr_uint32_t)apr_time_sec(now);
    apr_uint32_t last = apr_atomic_read32(&state.counters->unknown_population_logged);

    apr_atomic_inc32(&state.counters->unknown_population);
    if (last && seconds - last < UNKNOWN_LOG_SECONDS) return 0;
    return apr_atomic_cas32(&state.counters->unknown_population_logged, seconds, last) == last;
}

/* --- what the start log says of dates --- */

static void tell_utc(server_rec *s, const char *directive, const char *where, apr_time_t when, int has_offset)
{
    if (has_offset || !aten_date_zone_is_utc(when)) return;
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, "%s (%s): the date has no offset and this server's local time is "
                 "UTC; if French time is meant, write +01:00 or +02:00 behind it", directive, where);
}

static void tell_cutoff(const mod_aten_section_t *section, apr_pool_t *ptemp)
{
    const aten_cutoff_t *cutoff = section->conf->cutoff;
    int i;

    for (i = 0; cutoff && i < cutoff->lines->nelts; i++) {
        const aten_cutoff_line_t *line = &APR_ARRAY_IDX(cutoff->lines, i, aten_cutoff_line_t);

        if (line->announced) continue;
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, section->server, "AtenCASCutoff (%s): from %s for %s%s",
                     section->where, aten_date_iso(ptemp, line->from),
                     line->everyone ? "everyone" : apr_array_pstrcat(ptemp, line->populations, ' '),
                     line->report_only ? ", report-only" : "");
        tell_utc(section->server, "AtenCASCutoff", section->where, line->from, line->has_offset);
        if (!line->report_only) continue;
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, section->server, "AtenCASCutoff (%s): report-only, nobody is refused "
                     "by this line", section->where);
    }
}

static void tell_notice(const mod_aten_section_t *section, apr_pool_t *ptemp)
{
    const aten_notice_t *notice = section->conf->notice;

    if (!notice || notice->kind != ATEN_NOTICE_DATE) return;
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, section->server, "AtenCASNotice (%s): from %s", section->where,
                 aten_date_iso(ptemp, notice->from));
    tell_utc(section->server, "AtenCASNotice", section->where, notice->from, notice->has_offset);
}

static void tell_profile(server_rec *s, const aten_profile_t *profile, apr_pool_t *ptemp)
{
    static const char *const words[] = {"closed", "cas", "aten"}; /* aten_backend_t */
    int i;

    for (i = 0; i < profile->ways->nelts; i++) {
        const aten_way_t *way = &APR_ARRAY_IDX(profile->ways, i, aten_way_t);

        if (!way->from) continue;
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s, "AtenBackendFrom (profile %s): from %s %s", profile->id,
                     aten_date_iso(ptemp, way->from), words[way->backend]);
        tell_utc(s, "AtenBackendFrom", profile->id, way->from, way->has_offset);
    }
}

static void tell_dates(server_rec *main_server, apr_pool_t *ptemp)
{
    const apr_array_header_t *sections = mod_aten_global()->sections;
    server_rec *s;
    int i;

    for (i = 0; i < sections->nelts; i++) {
        tell_cutoff(APR_ARRAY_IDX(sections, i, mod_aten_section_t *), ptemp);
        tell_notice(APR_ARRAY_IDX(sections, i, mod_aten_section_t *), ptemp);
    }
    for (s = main_server; s; s = s->next) {
        const apr_array_header_t *profiles = mod_aten_server(s)->profiles;

        if (s != main_server && profiles == mod_aten_server(main_server)->profiles) continue;
        for (i = 0; profiles && i < profiles->nelts; i++) {
            tell_profile(s, APR_ARRAY_IDX(profiles, i, aten_profile_t *), ptemp);
        }
    }
}

static void tell_portals(server_rec *main_server, apr_pool_t *ptemp)
{
    server_rec *s;

    for (s = main_server; s; s = s->next) mod_aten_saml_tell(s, main_server, ptemp);
}

static int stands_in_tree(const ap_directive_t *d, const char *name)
{
    for (; d; d = d->next) {
        if (!ap_cstr_casecmp(d->directive, name) || stands_in_tree(d->first_child, name)) return 1;
    }
    return 0;
}

/* A cache that answers before authentication (mod_cache as a quick handler) would serve one person's page to
 * another. */
static void warn_cache(server_rec *main_server)
{
    int protects = 0, i;

    for (i = 0; i < mod_aten_global()->sections->nelts; i++) {
        protects |= APR_ARRAY_IDX(mod_aten_global()->sections, i, mod_aten_section_t *)->conf->auth_type_aten;
    }
    if (!protects || !stands_in_tree(ap_conftree, "CacheEnable")) return;
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, main_server, "CacheEnable stands beside AuthType aten: answers under a "
                 "session are marked Cache-Control: private; keep CacheEnable away from protected paths");
}

/* --- start --- */

static int load_trust(server_rec *main_server, apr_pool_t *pconf)
{
    mod_aten_server_conf *main_conf = mod_aten_server(main_server);
    server_rec *s;
    int i, k;

    for (s = main_server; s; s = s->next) {
        mod_aten_server_conf *conf = mod_aten_server(s);
        const char *error = NULL;

        if (s != main_server && conf->cas_ca_file == main_conf->cas_ca_file) conf->trust = main_conf->trust;
        else error = aten_trust_load(&conf->trust, conf->cas_ca_file, pconf);
        if (error) {
            ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s, "AtenCASCAFile: %s", error);
            return 0;
        }
        for (i = 0; i < 2; i++) {
            const apr_array_header_t *servers = conf->site[i]->cas_servers;

            for (k = 0; k < servers->nelts; k++) {
                APR_ARRAY_IDX(servers, k, aten_cas_server_t *)->trust = conf->trust;
            }
        }
    }
    return 1;
}

int mod_aten_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *main_server)
{
    (void)plog;
    /* httpd reads its configuration twice at the first start: the first time is only a rehearsal. */
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) return OK;
    xmlInitParser(); /* before there are threads */
    if (aten_http_global(pconf) != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, main_server, "libcurl cannot be set up");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    if (!load_keys(main_server, pconf, ptemp) || !load_trust(main_server, pconf)
        || !make_semaphore(main_server, pconf) || !make_counters(main_server, pconf)
        || !make_validations(main_server, main_server->process->pool)
        || !mod_aten_store_make(main_server, pconf, ptemp)) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    mod_aten_info_write(main_server, ptemp);
    tell_dates(main_server, ptemp);
    tell_portals(main_server, ptemp);
    warn_cache(main_server);
    return OK;
}

void mod_aten_child_init(apr_pool_t *pchild, server_rec *main_server)
{
    int handles = state.max_pending < HTTP_HANDLES_MAX ? state.max_pending : HTTP_HANDLES_MAX;
    apr_status_t rv = aten_http_create(&state.http, handles, pchild);

    if (rv != APR_SUCCESS) ap_log_error(APLOG_MARK, APLOG_CRIT, rv, main_server, "no HTTP handles in this child");
    if (!aten_saml_global()) ap_log_error(APLOG_MARK, APLOG_CRIT, 0, main_server, "libxmlsec1 cannot be set up");
    mod_aten_portals_child_init(pchild, main_server);
    mod_aten_store_child_init(pchild, main_server);
    if (mod_aten_global()->redis) mod_aten_watchdog_child_init(pchild);
}
