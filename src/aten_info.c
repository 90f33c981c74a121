#include "aten_info.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <jansson.h>

#include "aten_util.h"

#define LIFETIME_MAX ((apr_int64_t)10 * 366 * 86400) /* seconds: far beyond any that can be configured */

static const struct {
    aten_backend_t backend;
    const char *word;
} words[] = {{ATEN_BACKEND_CAS, "cas"}, {ATEN_BACKEND_ATEN, "aten"}};

#define WORDS ((int)(sizeof(words) / sizeof(words[0])))

static const char *word_of(aten_backend_t backend)
{
    int i;

    for (i = 0; i < WORDS; i++) {
        if (words[i].backend == backend) return words[i].word;
    }
    return NULL;
}

static aten_backend_t backend_of(const char *word)
{
    int i;

    for (i = 0; i < WORDS; i++) {
        if (!strcmp(words[i].word, word)) return words[i].backend;
    }
    return ATEN_BACKEND_CLOSED;
}

static int is_target(const char *text)
{
    return text && aten_text_is_clean(text, ATEN_INFO_TARGET_MAX);
}

/* Does one of the first count have that? */
static int has_backend(const apr_array_header_t *backends, int count, aten_backend_t backend, const char *target)
{
    int i;

    for (i = 0; i < count; i++) {
        const aten_info_backend_t *one = &APR_ARRAY_IDX(backends, i, const aten_info_backend_t);

        if (one->backend == backend && aten_same(one->target, target)) return 1;
    }
    return 0;
}

/* -- Writing -- */

static int are_sound(const apr_array_header_t *backends)
{
    int i;

    for (i = 0; i < backends->nelts; i++) {
        const aten_info_backend_t *one = &APR_ARRAY_IDX(backends, i, const aten_info_backend_t);

        if (!word_of(one->backend) || !is_target(one->target)) return 0;
        if (has_backend(backends, i, one->backend, one->target)) return 0;
    }
    return backends->nelts <= ATEN_INFO_BACKENDS_MAX;
}

static json_t *backends_json(const apr_array_header_t *backends)
{
    json_t *list = json_array();
    int i;

    for (i = 0; i < backends->nelts; i++) {
        const aten_info_backend_t *one = &APR_ARRAY_IDX(backends, i, const aten_info_backend_t);

        json_array_append_new(list, json_pack("{s:s, s:s}", "backend", word_of(one->backend), "target", one->target));
    }
    return list;
}

char *aten_info_text(const aten_info_t *info, apr_pool_t *p)
{
    const apr_int64_t lifetime = apr_time_sec(info->lifetime);
    json_t *root;
    char *json, *text = NULL;

    if (lifetime < 1 || lifetime > LIFETIME_MAX || apr_time_from_sec(lifetime) != info->lifetime) return NULL;
    if (!are_sound(info->backends)) return NULL;
    root = json_pack("{s:i, s:I, s:b, s:o}", "version", ATEN_INFO_VERSION, "lifetime", (json_int_t)lifetime, "shared",
                     info->shared != 0, "backends", backends_json(info->backends));
    json = root ? json_dumps(root, JSON_COMPACT) : NULL;
    if (json && strlen(json) < ATEN_INFO_BYTES_MAX) text = apr_pstrcat(p, json, "\n", NULL);
    free(json);
    json_decref(root);
    return text;
}

/* -- Reading -- */

static const char *parse_backend(apr_array_header_t *backends, json_t *item, apr_pool_t *p)
{
    const char *word, *target;
    aten_backend_t backend;

    if (json_unpack_ex(item, NULL, JSON_STRICT, "{s:s, s:s}", "backend", &word, "target", &target)) {
        return "a backend is not an object of the two texts backend and target";
    }
    backend = backend_of(word);
    if (backend == ATEN_BACKEND_CLOSED) return "a backend is neither cas nor aten";
    if (!is_target(target)) return "a backend's target is empty, too long, or has control characters";
    if (has_backend(backends, backends->nelts, backend, target)) return "a backend stands twice";
    APR_ARRAY_PUSH(backends, aten_info_backend_t) = (aten_info_backend_t){backend, apr_pstrdup(p, target)};
    return NULL;
}

static const char *parse_root(aten_info_t *info, json_t *root, apr_pool_t *p)
{
    int version, shared;
    json_int_t lifetime;
    json_t *list;
    const char *error = NULL;
    size_t i;

    /* The version alone first: another one may have other members. */
    if (json_unpack(root, "{s:i}", "version", &version) || version != ATEN_INFO_VERSION) {
        return apr_psprintf(p, "it is not of version %d", ATEN_INFO_VERSION);
    }
    if (json_unpack_ex(root, NULL, JSON_STRICT, "{s:i, s:I, s:b, s:o}", "version", &version, "lifetime", &lifetime,
                       "shared", &shared, "backends", &list) || !json_is_array(list)) {
        return "it has not exactly the members version, lifetime, shared and backends";
    }
    if (lifetime < 1 || lifetime > LIFETIME_MAX) return "its lifetime is out of range";
    if (json_array_size(list) > ATEN_INFO_BACKENDS_MAX) return "it has too many backends";
    info->lifetime = apr_time_from_sec(lifetime);
    info->shared = shared;
    info->backends = apr_array_make(p, (int)json_array_size(list), sizeof(aten_info_backend_t));
    for (i = 0; !error && i < json_array_size(list); i++) {
        error = parse_backend(info->backends, json_array_get(list, i), p);
    }
    return error;
}

const char *aten_info_parse(aten_info_t **out, const char *text, apr_size_t len, apr_pool_t *p)
{
    aten_info_t *info = apr_pcalloc(p, sizeof(*info));
    json_error_t where;
    json_t *root;
    const char *error;

    if (len > ATEN_INFO_BYTES_MAX) return "it is too large";
    root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
    if (!root) return apr_psprintf(p, "it is not JSON (line %d)", where.line);
    error = parse_root(info, root, p);
    json_decref(root);
    if (!error) *out = info;
    return error;
}
