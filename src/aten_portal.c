#include "aten_portal.h"

#include <string.h>

#include <apr_strings.h>

#include "aten_identity_aten.h"
#include "aten_util.h"
#include "aten_vecteur.h"

#define ENTITY_ID_MAX_BYTES 1024 /* saml-core, section 8.3.6 */
#define SCOPE_WORD "uai="
#define CT_ID_WORD "FrEduCtId"
#define PREFIX_DIGITS_MAX 7
#define DIGITS "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define SHOWN 100 /* bytes of a wrong value that an error repeats */

/* --- from configuration --- */

/* A scheme and something behind its colon (RFC 3986, section 3.1). */
static int is_absolute_uri(const char *text)
{
    const apr_size_t scheme = strspn(text, LETTERS DIGITS "+-.");

    return strspn(text, LETTERS) > 0 && text[scheme] == ':' && text[scheme + 1];
}

static int is_printable(const char *text)
{
    const char *c;

    for (c = text; *c; c++) {
        if (*c < 0x21 || *c > 0x7e) return 0;
    }
    return c - text <= ENTITY_ID_MAX_BYTES;
}

int aten_entity_id_is(const char *text)
{
    return is_printable(text) && is_absolute_uri(text);
}

const char *aten_portal_make(aten_portal_t **out, const char *entity_id, apr_pool_t *p)
{
    aten_portal_t *portal = apr_pcalloc(p, sizeof(*portal));

    if (!aten_entity_id_is(entity_id)) {
        return apr_psprintf(p, "'%s' is not a portal's entityID: write the entityID of its metadata, an absolute URI of"
                            " at most %d printable ASCII characters without blanks, such as https://idp.example/saml",
                            aten_log_text(p, entity_id, SHOWN), ENTITY_ID_MAX_BYTES);
    }
    if (!aten_backend_key(portal->key, ATEN_BACKEND_ATEN, entity_id)) return "the portal's key could not be computed";
    portal->entity_id = apr_pstrdup(p, entity_id);
    portal->kind = ATEN_PORTAL_ANY;
    *out = portal;
    return NULL;
}

static int is_pattern(const char *text)
{
    const apr_size_t digits = strspn(text, DIGITS);

    if (aten_uai_is(text)) return 1;
    return digits >= 1 && digits <= PREFIX_DIGITS_MAX && text[digits] == '*' && !text[digits + 1];
}

static const char *parse_scope(aten_portal_t *portal, const char *word, apr_pool_t *p)
{
    char *item = apr_pstrdup(p, word + strlen(SCOPE_WORD)), *comma;

    if (portal->uai) {
        return apr_psprintf(p, "'%s': the schools stand twice: write them in one uai=, separated by commas",
                            aten_log_text(p, word, SHOWN));
    }
    portal->uai = apr_array_make(p, 4, sizeof(const char *));
    for (;;) {
        comma = strchr(item, ',');
        if (comma) *comma = '\0';
        if (!is_pattern(item)) {
            return apr_psprintf(p, "'%s' in '%s' is not a school's UAI: write seven digits and a capital letter "
                                "(0340039X), or 1 to 7 digits and '*' (034*), separated by commas without blanks",
                                aten_log_text(p, item, SHOWN), aten_log_text(p, word, SHOWN));
        }
        APR_ARRAY_PUSH(portal->uai, const char *) = item;
        if (!comma) return NULL;
        item = comma + 1;
    }
}

static const char *parse_word(aten_portal_t *portal, const char *word, apr_pool_t *p)
{
    if (!strncmp(word, SCOPE_WORD, strlen(SCOPE_WORD))) return parse_scope(portal, word, p);
    if (aten_same(word, CT_ID_WORD)) {
        if (portal->names_by_ct_id) return "'" CT_ID_WORD "' stands twice";
        portal->names_by_ct_id = 1;
        return NULL;
    }
    if (!aten_same(word, "vectors") && !aten_same(word, "staff")) {
        return apr_psprintf(p, "'%s' is not understood: write AtenPortal ENTITYID [uai=034*,030*] [vectors|staff] "
                            "[FrEduCtId]",
                            aten_log_text(p, word, SHOWN));
    }
    if (portal->kind != ATEN_PORTAL_ANY) {
        return apr_psprintf(p, "'%s': the kind of people stands twice: write vectors or staff, once",
                            aten_log_text(p, word, SHOWN));
    }
    portal->kind = aten_same(word, "staff") ? ATEN_PORTAL_STAFF : ATEN_PORTAL_VECTORS;
    return NULL;
}

const char *aten_portal_parse(aten_portal_t **out, int argc, char *const argv[], apr_pool_t *p)
{
    aten_portal_t *portal = NULL;
    const char *err;
    int i;

    if (argc < 1) return "a portal is ENTITYID [uai=034*,030*] [vectors|staff] [FrEduCtId]";
    err = aten_portal_make(&portal, argv[0], p);
    for (i = 1; !err && i < argc; i++) err = parse_word(portal, argv[i], p);
    if (!err) *out = portal;
    return err;
}

/* --- what it may say --- */

static int matches(const char *pattern, const char *uai)
{
    const apr_size_t len = strlen(pattern);

    if (pattern[len - 1] != '*') return aten_same(pattern, uai);
    return !strncmp(pattern, uai, len - 1);
}

static int is_in_scope(const apr_array_header_t *scope, const char *school)
{
    int i;

    if (!aten_uai_is(school)) return 0;
    for (i = 0; i < scope->nelts; i++) {
        if (matches(APR_ARRAY_IDX(scope, i, const char *), school)) return 1;
    }
    return 0;
}

static aten_verdict_t check_schools(const aten_portal_t *portal, const apr_array_header_t *schools, const char **why,
                                    apr_pool_t *p)
{
    const char *scope = apr_array_pstrcat(p, portal->uai, ',');
    int i;

    for (i = 0; i < schools->nelts; i++) {
        const char *school = APR_ARRAY_IDX(schools, i, const char *);

        if (is_in_scope(portal->uai, school)) continue;
        *why = apr_psprintf(p, "%s is not one of uai=%s", aten_uai_is(school) ? school : "a school that is no UAI",
                            scope);
        return ATEN_V_PORTAL_SCOPE;
    }
    if (schools->nelts) return ATEN_V_OK;
    *why = apr_psprintf(p, "the answer names no school, and the portal speaks for uai=%s alone", scope);
    return ATEN_V_PORTAL_SCOPE;
}

static aten_verdict_t check_kind(const aten_portal_t *portal, const apr_array_header_t *attributes, const char **why,
                                 apr_pool_t *p)
{
    aten_person_kind_t kind;

    if (portal->kind == ATEN_PORTAL_ANY) return ATEN_V_OK;
    if (portal->kind == ATEN_PORTAL_STAFF) {
        if (!aten_identity_is_family(attributes)) return ATEN_V_OK;
        *why = "the answer speaks of a pupil or a parent, and the portal is one of staff alone";
        return ATEN_V_PORTAL_KIND;
    }
    kind = aten_identity_kind(attributes, p);
    if (kind == ATEN_KIND_PUPIL || kind == ATEN_KIND_PARENT) return ATEN_V_OK;
    *why = "the answer makes neither a pupil nor a parent of the person, and the portal speaks for these alone";
    return ATEN_V_PORTAL_KIND;
}

aten_verdict_t aten_portal_allows(const aten_portal_t *portal, const aten_identity_t *identity, const char **why,
                                  apr_pool_t *p)
{
    const apr_array_header_t *attributes = identity->attributes;
    aten_verdict_t verdict;

    *why = NULL;
    if ((portal->uai || portal->kind != ATEN_PORTAL_ANY) && !portal->names_by_ct_id
        && aten_known_attribute(attributes, ATEN_A_CT_ID)) {
        *why = "the answer names the person by " CT_ID_WORD ", and the AtenPortal line, which limits the portal, does "
               "not have that word";
        return ATEN_V_PORTAL_KIND;
    }
    verdict = check_kind(portal, attributes, why, p);
    if (verdict != ATEN_V_OK || !portal->uai) return verdict;
    return check_schools(portal, aten_identity_schools(attributes, p), why, p);
}

const aten_portal_t *aten_portal_find(const apr_array_header_t *portals, const char *entity_id)
{
    int i;

    for (i = 0; portals && i < portals->nelts; i++) {
        const aten_portal_t *portal = APR_ARRAY_IDX(portals, i, const aten_portal_t *);

        if (aten_same(portal->entity_id, entity_id)) return portal;
    }
    return NULL;
}
