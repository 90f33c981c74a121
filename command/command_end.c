#include "command.h"

#include <stdio.h>

#include <apr_strings.h>

#include "aten_cas.h"
#include "aten_ended.h"
#include "aten_util.h"

/* UTC, to the microsecond: whoever logged in later is in. */
static const char *instant(apr_time_t t, apr_pool_t *p)
{
    apr_time_exp_t e;

    apr_time_exp_gmt(&e, t);
    return apr_psprintf(p, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", e.tm_year + 1900, e.tm_mon + 1, e.tm_mday, e.tm_hour,
                        e.tm_min, e.tm_sec, e.tm_usec);
}

static void tell_others(const aten_info_t *info)
{
    puts("They can log in again at once, where the backend lets them.");
    if (info->shared) puts("The other servers hear of it from httpd on this one: it has to be running.");
}

static int failed(const char *why)
{
    command_say("%s; nothing was ended", why);
    return COMMAND_FAILED;
}

/* -- One person -- */

/* The address as it stands there, or a CAS server's as an administrator may write it (with a final slash). */
static int is_meant(const aten_info_backend_t *backend, const char *text, apr_pool_t *p)
{
    const char *url = NULL;

    if (!text || aten_same(backend->target, text)) return 1;
    return backend->backend == ATEN_BACKEND_CAS && !aten_cas_url_parse(&url, text, p)
           && aten_same(backend->target, url);
}

/* @return array of aten_info_backend_t */
static apr_array_header_t *backends_meant(const aten_info_t *info, const char *text, apr_pool_t *p)
{
    apr_array_header_t *meant = apr_array_make(p, info->backends->nelts, sizeof(aten_info_backend_t));
    int i;

    for (i = 0; i < info->backends->nelts; i++) {
        const aten_info_backend_t *backend = &APR_ARRAY_IDX(info->backends, i, const aten_info_backend_t);

        if (is_meant(backend, text, p)) APR_ARRAY_PUSH(meant, aten_info_backend_t) = *backend;
    }
    return meant;
}

static void list(FILE *to, const apr_array_header_t *backends, int count)
{
    int i;

    for (i = 0; i < count; i++) fprintf(to, "  %s\n", APR_ARRAY_IDX(backends, i, const aten_info_backend_t).target);
}

/* @return how many of the backends the store has marks for now; *why set if not for all */
static int mark(aten_store_t *store, const aten_info_t *info, const apr_array_header_t *backends, const char *user,
                apr_time_t now, const char **why, apr_pool_t *p)
{
    aten_store_write_t writes[ATEN_STORE_WRITE_MAX];
    int done = 0;

    while (done < backends->nelts) {
        int count = 0;
        apr_status_t rv;

        for (; count < ATEN_STORE_WRITE_MAX && done + count < backends->nelts; count++) {
            const aten_info_backend_t *one = &APR_ARRAY_IDX(backends, done + count, const aten_info_backend_t);
            aten_store_key_t key;

            *why = "a hash failed";
            if (!aten_ended_subject_key(&key, one->backend, one->target, user)) return done;
            writes[count] = aten_ended_mark(&key, now, info->lifetime, now);
        }
        rv = store->write(store->baton, writes, count, now);
        if (rv != APR_SUCCESS) {
            *why = command_store_error(rv, p);
            return done;
        }
        done += count;
    }
    return done;
}

static int no_backend(const aten_info_t *info, const char *text)
{
    if (!text) return failed("the configuration has no backend");
    command_say("the configuration has no backend '%s'; nothing was ended. It has:", text);
    list(stderr, info->backends, info->backends->nelts);
    return COMMAND_FAILED;
}

int command_end_user(aten_store_t *store, const aten_info_t *info, const char *user, const char *backend,
                     apr_time_t now, apr_pool_t *p)
{
    const apr_array_header_t *meant = backends_meant(info, backend, p);
    const char *why = NULL;
    int done;

    if (!meant->nelts) return no_backend(info, backend && aten_text_is_clean(backend, ATEN_INFO_TARGET_MAX) ? backend
                                               : backend ? "(not UTF-8, empty or too long)" : NULL);
    done = mark(store, info, meant, user, now, &why, p);
    if (!done) return failed(why);
    printf("All sessions of %s that began before %s are ended, at %d backend%s:\n", user, instant(now, p), done,
           done == 1 ? "" : "s");
    list(stdout, meant, done);
    if (done < meant->nelts) {
        fflush(stdout);
        command_say("%s; at %d more backends nothing was ended: run this again", why, meant->nelts - done);
        return COMMAND_FAILED;
    }
    puts("Whether there were any, nobody can know: nothing is stored for a session that is alive.");
    tell_others(info);
    return COMMAND_DONE;
}

/* -- Everybody -- */

int command_end_everybody(aten_store_t *store, const aten_info_t *info, apr_time_t now, apr_pool_t *p)
{
    aten_store_write_t write;
    aten_store_key_t key;
    apr_status_t rv;

    if (!aten_ended_everybody_key(&key)) return failed("a hash failed");
    write = aten_ended_mark(&key, now, info->lifetime, now);
    rv = store->write(store->baton, &write, 1, now);
    if (rv != APR_SUCCESS) return failed(command_store_error(rv, p));
    printf("All sessions of everybody that began before %s are ended, at every backend.\n", instant(now, p));
    tell_others(info);
    return COMMAND_DONE;
}
