#include "aten_http.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <apr_thread_mutex.h>
#include <curl/curl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "aten_util.h"

#define HEADERS_MAX (64 * 1024) /* bytes of an answer's header, interim answers included */
#define FIRST_ROOM 8192         /* bytes of the body that are allocated at first */
#define WHY_MAX 200

struct aten_trust_t {
    X509_STORE *store;
};

typedef struct handle_t handle_t;
struct handle_t {
    CURL *curl;
    const aten_trust_t *trust; /* what its connections were verified by */
    char error[CURL_ERROR_SIZE];
    handle_t *next;
};

struct aten_http_t {
    apr_thread_mutex_t *lock;
    handle_t *idle; /* the last one used is taken first: its connection is the warmest */
    int idle_count;
    int busy;
    int max;
};

/* --- set-up --- */

static apr_status_t end_curl(void *unused)
{
    (void)unused;
    curl_global_cleanup();
    return APR_SUCCESS;
}

apr_status_t aten_http_global(apr_pool_t *p)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return APR_EGENERAL;
    apr_pool_cleanup_register(p, NULL, end_curl, apr_pool_cleanup_null);
    return APR_SUCCESS;
}

static void drop(handle_t *handle)
{
    curl_easy_cleanup(handle->curl);
    free(handle);
}

/* Handles that are in use at this moment stay with their thread, and go with the process. */
static apr_status_t close_idle(void *http_)
{
    aten_http_t *http = http_;

    apr_thread_mutex_lock(http->lock);
    while (http->idle) {
        handle_t *handle = http->idle;

        http->idle = handle->next;
        drop(handle);
    }
    http->idle_count = 0;
    apr_thread_mutex_unlock(http->lock);
    return APR_SUCCESS;
}

apr_status_t aten_http_create(aten_http_t **out, int max, apr_pool_t *p)
{
    aten_http_t *http = apr_pcalloc(p, sizeof(*http));
    const apr_status_t status = apr_thread_mutex_create(&http->lock, APR_THREAD_MUTEX_DEFAULT, p);

    if (status != APR_SUCCESS) return status;
    http->max = max;
    apr_pool_cleanup_register(p, http, close_idle, apr_pool_cleanup_null);
    *out = http;
    return APR_SUCCESS;
}

/* --- trust --- */

static apr_status_t free_trust(void *trust)
{
    X509_STORE_free(((aten_trust_t *)trust)->store);
    return APR_SUCCESS;
}

static int has_certificate(X509_STORE *store)
{
    STACK_OF(X509) *certificates = X509_STORE_get1_all_certs(store);
    const int count = sk_X509_num(certificates);

    sk_X509_pop_free(certificates, X509_free);
    return count > 0;
}

/* The file that libcurl was built to read by default (Debian: the bundle of ca-certificates), else OpenSSL's. One file
 * read now, rather than OpenSSL's directory, which would be searched at every handshake. */
static int load_system(X509_STORE *store)
{
    const char *const files[] = {curl_version_info(CURLVERSION_NOW)->cainfo, X509_get_default_cert_file()};
    apr_size_t i;

    for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (files[i] && X509_STORE_load_file(store, files[i]) == 1) return 1;
    }
    return X509_STORE_set_default_paths(store);
}

static const char *load(X509_STORE *store, const char *file, apr_pool_t *p)
{
    const char *reason;

    if (!file) return load_system(store) ? NULL : "the system's CA certificates cannot be read";
    if (X509_STORE_load_file(store, file) == 1 && has_certificate(store)) return NULL;
    reason = ERR_reason_error_string(ERR_peek_error());
    return apr_psprintf(p, "'%s' cannot be used: it has to be a readable file with CA certificates in PEM (%s)",
                        aten_log_text(p, file, WHY_MAX), reason ? reason : "no such file, or no certificate in it");
}

const char *aten_trust_load(aten_trust_t **out, const char *file, apr_pool_t *p)
{
    const char *key = apr_pstrcat(p, "aten_trust ", file ? file : "", NULL);
    const char *error;
    aten_trust_t *trust;
    void *known = NULL;

    apr_pool_userdata_get(&known, key, p);
    if (known) {
        *out = known;
        return NULL;
    }
    ERR_clear_error();
    trust = apr_pcalloc(p, sizeof(*trust));
    trust->store = X509_STORE_new();
    if (!trust->store) return "no memory for CA certificates";
    error = load(trust->store, file, p);
    /* Whoever uses OpenSSL next in this thread must not find an error of ours. */
    ERR_clear_error();
    if (error) {
        free_trust(trust);
        return error;
    }
    /* What the administrator names is trusted, be it no root. libcurl sets these two at every handshake, in several
     * threads: set now, they never change. */
    X509_STORE_set_flags(trust->store, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
    apr_pool_cleanup_register(p, trust, free_trust, apr_pool_cleanup_null);
    apr_pool_userdata_setn(trust, key, NULL, p);
    *out = trust;
    return NULL;
}

/* --- handles --- */

static handle_t *make(void)
{
    handle_t *handle = calloc(1, sizeof(*handle));

    if (!handle) return NULL;
    handle->curl = curl_easy_init();
    if (handle->curl) return handle;
    free(handle);
    return NULL;
}

/* The most recently used idle handle whose connections were verified by the same store: libcurl does not know of the
 * store, and would use a connection that another one vouched for. */
static handle_t *take_idle(aten_http_t *http, const aten_trust_t *trust)
{
    handle_t **at = &http->idle;
    handle_t *handle;

    while (*at && (*at)->trust != trust) at = &(*at)->next;
    handle = *at;
    if (!handle) return NULL;
    *at = handle->next;
    http->idle_count--;
    return handle;
}

/* One handle for every call that may run at once is enough; without this, each store would keep as many. */
static handle_t *take_surplus(aten_http_t *http)
{
    handle_t **last = &http->idle;
    handle_t *handle;

    if (http->idle_count + http->busy <= http->max) return NULL;
    while (*last && (*last)->next) last = &(*last)->next;
    handle = *last;
    *last = NULL;
    http->idle_count--;
    return handle;
}

static aten_verdict_t acquire(aten_http_t *http, const aten_trust_t *trust, handle_t **out)
{
    handle_t *handle, *surplus;

    apr_thread_mutex_lock(http->lock);
    if (http->busy >= http->max) {
        apr_thread_mutex_unlock(http->lock);
        return ATEN_V_CAS_BUSY;
    }
    http->busy++;
    handle = take_idle(http, trust);
    surplus = handle ? NULL : take_surplus(http);
    apr_thread_mutex_unlock(http->lock);

    if (surplus) drop(surplus); /* may write to its connection: not under the lock */
    if (!handle) handle = make();
    if (handle) {
        handle->trust = trust;
        *out = handle;
        return ATEN_V_OK;
    }
    apr_thread_mutex_lock(http->lock);
    http->busy--;
    apr_thread_mutex_unlock(http->lock);
    return ATEN_V_INTERNAL;
}

static void release(aten_http_t *http, handle_t *handle)
{
    /* Keeps connections, the TLS session and the names that were resolved; forgets all pointers into the call. */
    curl_easy_reset(handle->curl);
    apr_thread_mutex_lock(http->lock);
    handle->next = http->idle;
    http->idle = handle;
    http->idle_count++;
    http->busy--;
    apr_thread_mutex_unlock(http->lock);
}

/* --- a call --- */

typedef struct {
    char *body; /* len bytes and room for a NUL */
    apr_size_t len;
    apr_size_t room;
    apr_size_t header_len;
    int too_large;
    apr_pool_t *p;
} intake_t;

static size_t on_body(char *data, size_t size, size_t count, void *intake_)
{
    intake_t *intake = intake_;
    const apr_size_t n = size * count;

    if (n > ATEN_HTTP_BODY_MAX - intake->len) {
        intake->too_large = 1;
        return CURL_WRITEFUNC_ERROR;
    }
    if (intake->len + n > intake->room) {
        char *grown;

        while (intake->len + n > intake->room) intake->room *= 2;
        grown = apr_palloc(intake->p, intake->room + 1);
        memcpy(grown, intake->body, intake->len);
        intake->body = grown;
    }
    memcpy(intake->body + intake->len, data, n);
    intake->len += n;
    return n;
}

/* libcurl keeps every header line until the call ends, and has no limit for all of them together. */
static size_t on_header(char *data, size_t size, size_t count, void *intake_)
{
    intake_t *intake = intake_;
    const apr_size_t n = size * count;

    (void)data;
    intake->header_len += n;
    if (intake->header_len <= HEADERS_MAX) return n;
    intake->too_large = 1;
    return CURL_WRITEFUNC_ERROR;
}

static CURLcode on_ssl_ctx(CURL *curl, void *ctx, void *trust)
{
    (void)curl;
    SSL_CTX_set1_cert_store(ctx, ((const aten_trust_t *)trust)->store);
    return CURLE_OK;
}

/* A list that grew, or NULL: then the old one was freed. */
static struct curl_slist *append(struct curl_slist *list, const char *line)
{
    struct curl_slist *grown = curl_slist_append(list, line);

    if (!grown) curl_slist_free_all(list);
    return grown;
}

static struct curl_slist *make_headers(const aten_http_request_t *request, apr_pool_t *p)
{
    struct curl_slist *list = append(NULL, "Accept: text/xml, application/xml, text/plain, */*;q=0.1");

    if (!request->body) return list;
    if (list) list = append(list, apr_pstrcat(p, "Content-Type: ", request->content_type, NULL));
    if (list) list = append(list, "Expect:"); /* no waiting for a "100 Continue" */
    if (list && request->soap_action) list = append(list, apr_pstrcat(p, "SOAPAction: ", request->soap_action, NULL));
    return list;
}

static long milliseconds(apr_interval_time_t t)
{
    const apr_int64_t ms = apr_time_as_msec(t);

    return ms < 1 ? 1 : (long)ms; /* 0 would be libcurl's "for ever" */
}

#define SET(option, value) (rc != CURLE_OK ? rc : (rc = curl_easy_setopt(curl, option, value)))

static CURLcode set_tls(CURL *curl, const aten_trust_t *trust)
{
    CURLcode rc = CURLE_OK;

    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    /* The store comes by on_ssl_ctx. libcurl must have no files, for at the first byte from the server it would parse
     * them into whatever store is there: the system's bundle beside the administrator's file, for every connection.
     * Nor a cache of its own, which it would put in the store's place. */
    SET(CURLOPT_CAINFO, NULL);
    SET(CURLOPT_CAPATH, NULL);
    SET(CURLOPT_CA_CACHE_TIMEOUT, 0L);
    if (trust) {
        SET(CURLOPT_SSL_CTX_FUNCTION, on_ssl_ctx);
        SET(CURLOPT_SSL_CTX_DATA, (void *)(apr_uintptr_t)trust);
    }
    return rc;
}

static CURLcode set_call(handle_t *handle, const aten_http_request_t *request, struct curl_slist *headers,
                         intake_t *intake)
{
    CURL *curl = handle->curl;
    CURLcode rc = set_tls(curl, request->trust);

    SET(CURLOPT_ERRORBUFFER, handle->error);
    SET(CURLOPT_URL, request->url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    /* Plain http is for this machine alone: a proxy of the environment would see the ticket. */
    if (!strncmp(request->url, "http:", 5)) SET(CURLOPT_PROXY, "");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_NOSIGNAL, 1L); /* a signal would hit another thread */
    SET(CURLOPT_TIMEOUT_MS, milliseconds(request->timeout));
    SET(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(request->connect_timeout));
    SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)ATEN_HTTP_BODY_MAX);
    SET(CURLOPT_USERAGENT, "mod_auth_aten");
    SET(CURLOPT_HTTPHEADER, headers);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, intake);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, intake);
    if (request->body) {
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(request->body));
        SET(CURLOPT_POSTFIELDS, request->body);
    }
    return rc;
}

static aten_verdict_t verdict_of(CURLcode rc)
{
    switch (rc) {
    case CURLE_OK:
        return ATEN_V_OK;
    case CURLE_OPERATION_TIMEDOUT:
        return ATEN_V_CAS_TIMEOUT;
    case CURLE_FILESIZE_EXCEEDED:
    case CURLE_OUT_OF_MEMORY: /* what libcurl says of a header line beyond its own limit */
        return ATEN_V_CAS_LARGE;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return ATEN_V_CAS_TLS;
    case CURLE_FAILED_INIT:
    case CURLE_URL_MALFORMAT:
    case CURLE_UNKNOWN_OPTION:
    case CURLE_BAD_FUNCTION_ARGUMENT:
        return ATEN_V_INTERNAL;
    default:
        return ATEN_V_CAS_UNREACHABLE;
    }
}

static const char *explain(const aten_http_request_t *request, const char *what, apr_pool_t *p)
{
    const char *where = apr_pstrmemdup(p, request->url, strcspn(request->url, "?"));

    return apr_psprintf(p, "%s: %s", aten_log_text(p, where, WHY_MAX), aten_log_text(p, what, WHY_MAX));
}

static aten_verdict_t perform(handle_t *handle, const aten_http_request_t *request, struct curl_slist *headers,
                              aten_http_answer_t *answer, const char **why, apr_pool_t *p)
{
    intake_t intake = {.body = apr_palloc(p, FIRST_ROOM + 1), .room = FIRST_ROOM, .p = p};
    CURLcode rc;
    aten_verdict_t verdict;
    long status = 0;

    handle->error[0] = '\0';
    rc = set_call(handle, request, headers, &intake);
    if (rc == CURLE_OK) rc = curl_easy_perform(handle->curl);
    verdict = intake.too_large ? ATEN_V_CAS_LARGE : verdict_of(rc);
    if (verdict != ATEN_V_OK) {
        *why = explain(request, intake.too_large ? "the answer is too large"
                                : handle->error[0] ? handle->error : curl_easy_strerror(rc), p);
        return verdict;
    }
    curl_easy_getinfo(handle->curl, CURLINFO_RESPONSE_CODE, &status);
    intake.body[intake.len] = '\0';
    answer->status = (int)status;
    answer->body = intake.body;
    answer->len = intake.len;
    return ATEN_V_OK;
}

aten_verdict_t aten_http_call(void *baton, const aten_http_request_t *request, aten_http_answer_t *answer,
                              const char **why, apr_pool_t *p)
{
    aten_http_t *http = baton;
    struct curl_slist *headers = NULL;
    handle_t *handle = NULL;
    aten_verdict_t verdict = acquire(http, request->trust, &handle);

    *why = NULL;
    if (verdict == ATEN_V_CAS_BUSY) {
        *why = explain(request, apr_psprintf(p, "%d calls are in flight, more are not allowed", http->max), p);
    }
    if (verdict != ATEN_V_OK) return verdict;
    headers = make_headers(request, p);
    if (headers) verdict = perform(handle, request, headers, answer, why, p);
    else verdict = ATEN_V_INTERNAL;
    release(http, handle);
    curl_slist_free_all(headers);
    /* libcurl leaves a failed handshake's errors in the thread's queue, where mod_ssl would take them for its own. */
    ERR_clear_error();
    return verdict;
}
