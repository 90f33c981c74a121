/* The metadata of portals: read at the start, and again by each child when a file changes. A broken new file never
 * replaces a good one. */
#include <string.h>

#include <apr_file_io.h>
#include <apr_strings.h>
#include <apr_thread_mutex.h>
#include <httpd.h>
#include <http_log.h>

#include "mod_auth_aten.h"

APLOG_USE_MODULE(auth_aten);

#define LOOK_EVERY apr_time_from_sec(1) /* a portal's metadata is needed at logins alone: one stat a second at most */

/* What a file looked like. Replaced by renaming it has another inode, rewritten in place another time or size. */
typedef struct {
    apr_time_t mtime;
    apr_off_t size;
    apr_ino_t inode;
    int missing;
} stamp_t;

/* Metadata as it was read at one moment. It goes when it was replaced and no request uses it any more. */
typedef struct {
    aten_saml_metadata_t *metadata;
    apr_pool_t *pool;   /* NULL: of the configuration */
    int users;
    int replaced;
} reading_t;

typedef struct mod_aten_portals_t {
    apr_array_header_t *files;
    stamp_t *stamps;             /* of the last attempt, good or bad */
    reading_t *current;
    apr_thread_mutex_t *lock;    /* made in the child */
    apr_time_t looked;
} portals_t;

/* --- reading --- */

static void look_at(stamp_t *stamp, const char *file, apr_pool_t *p)
{
    apr_finfo_t info;

    memset(stamp, 0, sizeof(*stamp));
    stamp->missing = apr_stat(&info, file, APR_FINFO_MTIME | APR_FINFO_SIZE | APR_FINFO_INODE, p) != APR_SUCCESS;
    if (stamp->missing) return;
    stamp->mtime = info.mtime;
    stamp->size = info.size;
    stamp->inode = info.inode;
}

static int is_same_stamp(const stamp_t *a, const stamp_t *b)
{
    return a->mtime == b->mtime && a->size == b->size && a->inode == b->inode && a->missing == b->missing;
}

static const char *cannot(const char *file, apr_status_t rv, apr_pool_t *p)
{
    char message[128];

    return apr_psprintf(p, "'%s' cannot be read: %s", file, apr_strerror(rv, message, sizeof(message)));
}

static const char *read_file(aten_saml_metadata_t *metadata, const char *file, apr_pool_t *p)
{
    apr_finfo_t info;
    apr_file_t *fd;
    apr_size_t len;
    apr_pool_t *scratch;
    const char *error;
    char *text;
    apr_status_t rv = apr_file_open(&fd, file, APR_FOPEN_READ, 0, p);

    if (rv == APR_SUCCESS) rv = apr_file_info_get(&info, APR_FINFO_SIZE | APR_FINFO_TYPE, fd);
    if (rv != APR_SUCCESS) return cannot(file, rv, p);
    if (info.filetype != APR_REG) return apr_psprintf(p, "'%s' is not a file", file);
    if (info.size > ATEN_METADATA_BYTES_MAX) return apr_psprintf(p, "'%s' is larger than %d MiB", file,
                                                                 ATEN_METADATA_BYTES_MAX >> 20);
    len = (apr_size_t)info.size;
    apr_pool_create(&scratch, p);
    text = apr_palloc(scratch, len + 1);
    rv = apr_file_read_full(fd, text, len, &len);
    apr_file_close(fd);
    text[len] = '\0';
    if (rv != APR_SUCCESS && rv != APR_EOF) return cannot(file, rv, p);
    error = aten_saml_metadata_add(metadata, text, len, p);
    apr_pool_destroy(scratch);
    return error ? apr_psprintf(p, "'%s': %s", file, error) : NULL;
}

static const char *read_files(aten_saml_metadata_t **out, const apr_array_header_t *files, apr_pool_t *p)
{
    aten_saml_metadata_t *metadata = aten_saml_metadata_make(p);
    const char *error = NULL;
    int i;

    for (i = 0; !error && i < files->nelts; i++) error = read_file(metadata, APR_ARRAY_IDX(files, i, const char *), p);
    if (!error) *out = metadata;
    return error;
}

const char *mod_aten_portals_read(struct mod_aten_portals_t **out, const apr_array_header_t *files, apr_pool_t *p)
{
    portals_t *source = apr_pcalloc(p, sizeof(*source));
    const char *error;
    int i;

    source->files = apr_array_copy(p, files);
    source->stamps = apr_pcalloc(p, (apr_size_t)files->nelts * sizeof(stamp_t));
    source->current = apr_pcalloc(p, sizeof(reading_t));
    /* Before the reading: what changes in between is read once too often, and not once too few. */
    for (i = 0; i < files->nelts; i++) look_at(&source->stamps[i], APR_ARRAY_IDX(files, i, const char *), p);
    error = read_files(&source->current->metadata, files, p);
    if (!error) *out = source;
    return error;
}

const aten_saml_metadata_t *mod_aten_portals_first(const struct mod_aten_portals_t *source)
{
    return source->current->metadata;
}

/* --- in the children --- */

/* In one line, whichever files they are: every child would write it. */
static void tell_unreadable(server_rec *s, const portals_t *source, apr_pool_t *p)
{
    const char *names = NULL;
    apr_status_t why = APR_SUCCESS;
    int i;

    for (i = 0; i < source->files->nelts; i++) {
        const char *file = APR_ARRAY_IDX(source->files, i, const char *);
        apr_file_t *fd;
        apr_status_t rv = apr_file_open(&fd, file, APR_FOPEN_READ, 0, p);

        if (rv == APR_SUCCESS) {
            apr_file_close(fd);
            continue;
        }
        why = rv;
        names = apr_pstrcat(p, names ? names : "", names ? "', '" : "'", file, NULL);
    }
    if (!names || !mod_aten_first_to_say(MOD_ATEN_SAID_METADATA)) return;
    ap_log_error(APLOG_MARK, APLOG_WARNING, why, s, "AtenPortalMetadata: %s' cannot be read by the children (User): "
                 "they go on with what was read at the start, and will not see changes", names);
}

void mod_aten_portals_child_init(apr_pool_t *pchild, server_rec *main_server)
{
    server_rec *s;

    for (s = main_server; s; s = s->next) {
        portals_t *source = mod_aten_server(s)->portal_source;

        if (!source || source->lock) continue; /* virtual hosts share one */
        if (apr_thread_mutex_create(&source->lock, APR_THREAD_MUTEX_DEFAULT, pchild) != APR_SUCCESS) {
            ap_log_error(APLOG_MARK, APLOG_ERR, 0, s, "AtenPortalMetadata: no lock; changes will not be seen");
            source->lock = NULL;
        }
        tell_unreadable(s, source, pchild);
    }
}

static int has_changed(portals_t *source, apr_pool_t *p)
{
    int changed = 0, i;

    for (i = 0; i < source->files->nelts; i++) {
        stamp_t now;

        look_at(&now, APR_ARRAY_IDX(source->files, i, const char *), p);
        if (is_same_stamp(&now, &source->stamps[i])) continue;
        source->stamps[i] = now;
        changed = 1;
    }
    return changed;
}

static void forget(reading_t *reading)
{
    if (reading->replaced && !reading->users && reading->pool) apr_pool_destroy(reading->pool);
}

/* A pool of its own, with an allocator of its own: it lives from one change of the file to the next. */
static apr_pool_t *make_pool(void)
{
    apr_allocator_t *allocator;
    apr_pool_t *pool;

    if (apr_allocator_create(&allocator) != APR_SUCCESS) return NULL;
    if (apr_pool_create_ex(&pool, NULL, NULL, allocator) != APR_SUCCESS) {
        apr_allocator_destroy(allocator);
        return NULL;
    }
    apr_allocator_owner_set(allocator, pool);
    apr_pool_tag(pool, "aten_portals");
    return pool;
}

static void read_again(portals_t *source, request_rec *r)
{
    apr_pool_t *pool = make_pool();
    reading_t *fresh, *old = source->current;
    const char *error;

    if (!pool) return;
    fresh = apr_pcalloc(pool, sizeof(*fresh));
    fresh->pool = pool;
    error = read_files(&fresh->metadata, source->files, pool);
    if (error) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, r->server, "AtenPortalMetadata: %s; what was read before goes on",
                     error);
        apr_pool_destroy(pool);
        return;
    }
    ap_log_error(APLOG_MARK, APLOG_INFO, 0, r->server, "AtenPortalMetadata: read again, %d portals",
                 fresh->metadata->entities->nelts);
    source->current = fresh;
    old->replaced = 1;
    forget(old);
}

typedef struct {
    portals_t *source;
    reading_t *reading;
} use_t;

static apr_status_t end_use(void *data)
{
    const use_t *use = data;

    apr_thread_mutex_lock(use->source->lock);
    use->reading->users--;
    forget(use->reading);
    apr_thread_mutex_unlock(use->source->lock);
    return APR_SUCCESS;
}

const aten_saml_metadata_t *mod_aten_portals(request_rec *r)
{
    portals_t *source = mod_aten_server(r->server)->portal_source;
    use_t *use;

    if (!source) return aten_saml_metadata_make(r->pool);
    if (!source->lock) return source->current->metadata;
    use = apr_palloc(r->pool, sizeof(*use));
    use->source = source;
    apr_thread_mutex_lock(source->lock);
    if (r->request_time - source->looked >= LOOK_EVERY || r->request_time < source->looked) {
        source->looked = r->request_time;
        if (has_changed(source, r->pool)) read_again(source, r);
    }
    use->reading = source->current;
    use->reading->users++;
    apr_thread_mutex_unlock(source->lock);
    apr_pool_cleanup_register(r->pool, use, end_use, apr_pool_cleanup_null);
    return use->reading->metadata;
}
