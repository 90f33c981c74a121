#include "aten_profile.h"

#include <string.h>

#include <apr_cstr.h>
#include <apr_strings.h>
#include <apr_uri.h>

#include "aten_date.h"
#include "aten_util.h"

#define ID_MAX_BYTES 64
#define ID_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
#define TEXT_MAX_BYTES 200
#define TARGET_MAX_BYTES 1024 /* of an entityID: SAML core, section 8.3.6 */
#define LINK_MAX_BYTES 2048
#define SHOWN 100 /* bytes of a wrong value that an error repeats */

static const char *const languages[] = {"fr", "en", NULL};
static const char *const kinds[] = {"no-identifier", "first-login", "lost-password", "no-email",
                                    "locked",        "contact",     NULL};

/* The list's own copy of word, or NULL. */
static const char *known_word(const char *const *list, const char *word)
{
    for (; *list; list++) {
        if (aten_same(*list, word)) return *list;
    }
    return NULL;
}

static int is_printable(const char *text, apr_size_t max)
{
    const char *c;

    for (c = text; *c; c++) {
        if (*c < 0x21 || *c > 0x7e) return 0;
    }
    return c != text && (apr_size_t)(c - text) <= max;
}

/* NULL and NULL are the same here, unlike in aten_same: both stand for every language. */
static int same_language(const char *a, const char *b)
{
    return (!a && !b) || aten_same(a, b);
}

static aten_profile_t *new_profile(const char *id, apr_pool_t *p)
{
    aten_profile_t *profile = apr_pcalloc(p, sizeof(*profile));

    profile->id = apr_pstrdup(p, id);
    profile->labels = apr_array_make(p, 2, sizeof(aten_label_t));
    profile->ways = apr_array_make(p, 2, sizeof(aten_way_t));
    profile->help = apr_array_make(p, 2, sizeof(aten_help_link_t));
    return profile;
}

const char *aten_profile_make(aten_profile_t **out, const char *id, apr_pool_t *p)
{
    if (!*id || strlen(id) > ID_MAX_BYTES || id[strspn(id, ID_LETTERS)]) {
        return apr_psprintf(p, "'%s' is not a profile's id: write 1 to %d letters, digits, '-' or '_'",
                            aten_log_text(p, id, SHOWN), ID_MAX_BYTES);
    }
    *out = new_profile(id, p);
    return NULL;
}

static const char *parse_language(const char **lang, const char *word, apr_pool_t *p)
{
    *lang = known_word(languages, word);
    if (*lang) return NULL;
    return apr_psprintf(p, "'%s' is not a language of the pages: write fr or en", aten_log_text(p, word, SHOWN));
}

static const char *parse_text(aten_label_t *label, const char *text, apr_pool_t *p)
{
    const char *mark = strchr(text, '>');

    if (!aten_text_is_clean(text, TEXT_MAX_BYTES)) {
        return apr_psprintf(p, "'%s' is not a label: write 1 to %d bytes of UTF-8 without control characters",
                            aten_log_text(p, text, SHOWN), TEXT_MAX_BYTES);
    }
    if (mark && strchr(mark + 1, '>')) {
        return apr_psprintf(p, "'%s' nests more than once: write \"group > label\" or \"label\"",
                            aten_log_text(p, text, SHOWN));
    }
    label->group = mark ? aten_trim(p, apr_pstrmemdup(p, text, (apr_size_t)(mark - text))) : NULL;
    label->text = aten_trim(p, mark ? mark + 1 : text);
    if (!*label->text || (label->group && !*label->group)) {
        return apr_psprintf(p, "'%s' has an empty part: write \"group > label\" or \"label\"",
                            aten_log_text(p, text, SHOWN));
    }
    return NULL;
}

const char *aten_profile_label(aten_profile_t *profile, int argc, char *const argv[], apr_pool_t *p)
{
    aten_label_t label = {NULL, NULL, NULL};
    const char *err;
    int i;

    if (argc < 1 || argc > 2) return "a label is [fr|en] \"label\" or [fr|en] \"group > label\", in quotes";
    if (argc == 2) {
        err = parse_language(&label.lang, argv[0], p);
        if (err) return err;
    }
    err = parse_text(&label, argv[argc - 1], p);
    if (err) return err;
    for (i = 0; i < profile->labels->nelts; i++) {
        if (!same_language(APR_ARRAY_IDX(profile->labels, i, aten_label_t).lang, label.lang)) continue;
        return apr_psprintf(p, "'%s': the profile '%s' has a label %s%s already",
                            aten_log_text(p, argv[argc - 1], SHOWN), profile->id,
                            label.lang ? "in the language " : "without a language", label.lang ? label.lang : "");
    }
    APR_ARRAY_PUSH(profile->labels, aten_label_t) = label;
    return NULL;
}

static const char *parse_way(aten_way_t *way, int argc, char *const argv[], apr_pool_t *p)
{
    static const char *const words[] = {"closed", "cas", "aten", NULL};
    const char *word = argc ? known_word(words, argv[0]) : NULL;

    if (!word) {
        return apr_psprintf(p, "'%s' is not a way to log in: write aten [ENTITYID], cas [URL] or closed",
                            argc ? aten_log_text(p, argv[0], SHOWN) : "");
    }
    way->backend = word == words[0] ? ATEN_BACKEND_CLOSED : word == words[1] ? ATEN_BACKEND_CAS : ATEN_BACKEND_ATEN;
    if (argc == 1) return NULL;
    if (argc > 2 || way->backend == ATEN_BACKEND_CLOSED) {
        return apr_psprintf(p, "'%s' is one word too many: write aten [ENTITYID], cas [URL] or closed",
                            aten_log_text(p, argv[argc - 1], SHOWN));
    }
    if (!is_printable(argv[1], TARGET_MAX_BYTES)) {
        return apr_psprintf(p, "'%s' is not %s: write at most %d printable ASCII characters without blanks",
                            aten_log_text(p, argv[1], SHOWN),
                            way->backend == ATEN_BACKEND_CAS ? "the address of a CAS server" : "a portal's entityID",
                            TARGET_MAX_BYTES);
    }
    way->target = apr_pstrdup(p, argv[1]);
    return NULL;
}

/* Puts the way where its date belongs; a profile has a handful of them. */
static void insert_way(apr_array_header_t *ways, const aten_way_t *way)
{
    int at = ways->nelts;

    apr_array_push(ways);
    for (; at > 0 && APR_ARRAY_IDX(ways, at - 1, aten_way_t).from > way->from; at--) {
        APR_ARRAY_IDX(ways, at, aten_way_t) = APR_ARRAY_IDX(ways, at - 1, aten_way_t);
    }
    APR_ARRAY_IDX(ways, at, aten_way_t) = *way;
}

static int has_way_from(const aten_profile_t *profile, apr_time_t from)
{
    int i;

    for (i = 0; i < profile->ways->nelts; i++) {
        if (APR_ARRAY_IDX(profile->ways, i, aten_way_t).from == from) return 1;
    }
    return 0;
}

const char *aten_profile_backend(aten_profile_t *profile, int argc, char *const argv[], apr_pool_t *p)
{
    aten_way_t way = {ATEN_BACKEND_CLOSED, NULL, 0, 0};
    const char *err = parse_way(&way, argc, argv, p);

    if (err) return err;
    if (has_way_from(profile, 0)) {
        return apr_psprintf(p, "'%s': the profile '%s' has an AtenBackend already; another way from a date on is "
                            "AtenBackendFrom", aten_log_text(p, argv[0], SHOWN), profile->id);
    }
    insert_way(profile->ways, &way);
    return NULL;
}

const char *aten_profile_backend_from(aten_profile_t *profile, int argc, char *const argv[], apr_pool_t *p)
{
    aten_way_t way = {ATEN_BACKEND_CLOSED, NULL, 0, 0};
    const char *err;

    if (argc < 1) return "a date and a way to log in are needed: DATE aten [ENTITYID], DATE cas [URL] or DATE closed";
    err = aten_date_parse(&way.from, &way.has_offset, argv[0]);
    if (err) return apr_psprintf(p, "'%s' %s", aten_log_text(p, argv[0], SHOWN), err);
    /* The instant 0 stands for AtenBackend itself. */
    if (way.from <= 0) {
        return apr_psprintf(p, "'%s' is too early: write a date after 1970-01-01, or use AtenBackend", argv[0]);
    }
    err = parse_way(&way, argc - 1, argv + 1, p);
    if (err) return err;
    if (has_way_from(profile, way.from)) {
        return apr_psprintf(p, "'%s' stands twice in the profile '%s': one way begins at one date", argv[0],
                            profile->id);
    }
    insert_way(profile->ways, &way);
    return NULL;
}

static int web_address_is_fit(const char *url, apr_pool_t *p)
{
    apr_uri_t uri;

    return apr_uri_parse(p, url, &uri) == APR_SUCCESS && uri.hostname && *uri.hostname && !uri.user && !uri.password;
}

/* An administrator's own words, not a stranger's: the check finds what would not work as a link, and keeps out schemes
 * that run something. */
static int address_is_fit(const char *url, apr_pool_t *p)
{
    const char *at;

    if (!is_printable(url, LINK_MAX_BYTES) || strchr(url, '\\')) return 0;
    if (*url == '/') return url[1] != '/';
    if (!apr_cstr_casecmpn(url, "https://", 8) || !apr_cstr_casecmpn(url, "http://", 7)) {
        return web_address_is_fit(url, p);
    }
    if (!apr_cstr_casecmpn(url, "tel:", 4)) return url[4] && !url[4 + strspn(url + 4, "+0123456789-.()")];
    if (apr_cstr_casecmpn(url, "mailto:", 7)) return 0;
    at = strchr(url + 7, '@');
    return at && at != url + 7 && at[1];
}

static const char *check_link(const aten_help_link_t *link, apr_pool_t *p)
{
    if (!address_is_fit(link->url, p)) {
        return apr_psprintf(p, "'%s' is not the address of a help page: write https://HOST/..., mailto:NAME@HOST, "
                            "tel:NUMBER or a path of this host such as /help, other letters percent-encoded",
                            aten_log_text(p, link->url, SHOWN));
    }
    if (link->text && !aten_text_is_clean(link->text, TEXT_MAX_BYTES)) {
        return apr_psprintf(p, "'%s' is not a link's text: write 1 to %d bytes of UTF-8 without control characters",
                            aten_log_text(p, link->text, SHOWN), TEXT_MAX_BYTES);
    }
    return NULL;
}

static const aten_help_link_t *find_exactly(const apr_array_header_t *list, const char *kind, const char *lang)
{
    int i;

    for (i = 0; list && i < list->nelts; i++) {
        const aten_help_link_t *link = &APR_ARRAY_IDX(list, i, aten_help_link_t);

        if (aten_same(link->kind, kind) && same_language(link->lang, lang)) return link;
    }
    return NULL;
}

const char *aten_help_link_add(apr_array_header_t **list, int argc, char *const argv[], apr_pool_t *p)
{
    aten_help_link_t link = {NULL, NULL, NULL, NULL};
    const char *err;
    int at = 1;

    if (argc < 2) return "a help link is KIND [fr|en] URL [\"text\"]";
    link.kind = known_word(kinds, argv[0]);
    if (!link.kind) {
        return apr_psprintf(p, "'%s' is not a kind of help: write no-identifier, first-login, lost-password, no-email, "
                            "locked or contact", aten_log_text(p, argv[0], SHOWN));
    }
    link.lang = known_word(languages, argv[at]);
    if (link.lang) at++;
    if (argc - at < 1 || argc - at > 2) {
        return apr_psprintf(p, "the help link '%s' needs an address, and may have one text: KIND [fr|en] URL "
                            "[\"text\"]", link.kind);
    }
    link.url = apr_pstrdup(p, argv[at]);
    link.text = argc - at == 2 ? aten_trim(p, argv[at + 1]) : NULL;
    err = check_link(&link, p);
    if (err) return err;
    if (find_exactly(*list, link.kind, link.lang)) {
        return apr_psprintf(p, "'%s': the kind %s has a link %s%s already", aten_log_text(p, link.url, SHOWN),
                            link.kind, link.lang ? "in the language " : "without a language",
                            link.lang ? link.lang : "");
    }
    if (!*list) *list = apr_array_make(p, 4, sizeof(aten_help_link_t));
    APR_ARRAY_PUSH(*list, aten_help_link_t) = link;
    return NULL;
}

const aten_help_link_t *aten_help_link_find(apr_array_header_t *const lists[], int count, const char *kind,
                                            const char *lang)
{
    int i;

    for (i = 0; i < count; i++) {
        const aten_help_link_t *link = find_exactly(lists[i], kind, lang);

        if (!link) link = find_exactly(lists[i], kind, NULL);
        if (link) return link;
    }
    return NULL;
}

const char *const *aten_help_kinds(void)
{
    return kinds;
}

static void add_label(aten_profile_t *profile, const char *lang, const char *group, const char *text)
{
    const aten_label_t label = {lang, group, text};

    APR_ARRAY_PUSH(profile->labels, aten_label_t) = label;
}

static aten_profile_t *add_builtin(apr_array_header_t *list, const char *id, aten_backend_t backend, apr_pool_t *p)
{
    const aten_way_t way = {backend, NULL, 0, 0};
    aten_profile_t *profile = new_profile(id, p);

    insert_way(profile->ways, &way);
    APR_ARRAY_PUSH(list, aten_profile_t *) = profile;
    return profile;
}

apr_array_header_t *aten_profile_builtin(int has_aten, int has_cas, apr_pool_t *p)
{
    apr_array_header_t *list = apr_array_make(p, 2, sizeof(aten_profile_t *));
    aten_profile_t *profile;

    if (has_aten || has_cas) {
        profile = add_builtin(list, "eleves-parents", has_aten ? ATEN_BACKEND_ATEN : ATEN_BACKEND_CAS, p);
        add_label(profile, "fr", "élèves ou parents", "établissement Education Nationale");
        add_label(profile, "en", "pupils or parents", "Education Nationale school");
    }
    if (has_cas) {
        profile = add_builtin(list, "autres-publics", ATEN_BACKEND_CAS, p);
        add_label(profile, "fr", NULL, "Autres publics");
        add_label(profile, "en", NULL, "Everyone else");
    }
    return list;
}

const aten_way_t *aten_profile_way(const aten_profile_t *profile, apr_time_t now)
{
    const aten_way_t *found = NULL;
    int i;

    for (i = 0; i < profile->ways->nelts; i++) {
        const aten_way_t *way = &APR_ARRAY_IDX(profile->ways, i, aten_way_t);

        if (way->from <= now || !way->from) found = way;
    }
    return found;
}

static aten_profile_t *find(const apr_array_header_t *profiles, const char *id)
{
    int i;

    for (i = 0; profiles && i < profiles->nelts; i++) {
        aten_profile_t *profile = APR_ARRAY_IDX(profiles, i, aten_profile_t *);

        if (aten_same(profile->id, id)) return profile;
    }
    return NULL;
}

const aten_profile_t *aten_profile_find(const apr_array_header_t *profiles, const char *id)
{
    return find(profiles, id);
}

static const aten_label_t *label_in(const aten_profile_t *profile, const char *lang)
{
    int i;

    for (i = 0; i < profile->labels->nelts; i++) {
        const aten_label_t *label = &APR_ARRAY_IDX(profile->labels, i, aten_label_t);

        if (same_language(label->lang, lang)) return label;
    }
    return NULL;
}

const aten_label_t *aten_profile_label_for(const aten_profile_t *profile, const char *lang)
{
    const aten_label_t *label = label_in(profile, lang);

    if (!label) label = label_in(profile, NULL);
    if (label || !profile->labels->nelts) return label;
    return &APR_ARRAY_IDX(profile->labels, 0, aten_label_t);
}

apr_array_header_t *aten_profile_select(const apr_array_header_t *profiles, const apr_array_header_t *ids,
                                        const char **unknown, apr_pool_t *p)
{
    apr_array_header_t *out = apr_array_make(p, profiles->nelts, sizeof(aten_profile_t *));
    int i;

    if (unknown) *unknown = NULL;
    if (!ids) return apr_array_copy(p, profiles);
    for (i = 0; i < ids->nelts; i++) {
        const char *id = APR_ARRAY_IDX(ids, i, const char *);
        aten_profile_t *profile = find(profiles, id);

        if (!profile) {
            if (unknown && !*unknown) *unknown = id;
        }
        else if (!find(out, id)) {
            APR_ARRAY_PUSH(out, aten_profile_t *) = profile;
        }
    }
    return out;
}
