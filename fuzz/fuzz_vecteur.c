/* What portals say of people: a line that begins with a letter is an attribute (name=value), any other
 * a FrEduVecteur. */
#include <string.h>

#include "aten_identity_aten.h"
#include "aten_portal.h"
#include "aten_util.h"
#include "fuzz.h"

#define LINES_MAX 60
#define USER_MAX 256

static int is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int read_lines(char *lines[LINES_MAX], char *text)
{
    int n = 0;

    while (text && n < LINES_MAX) {
        char *end = strchr(text, '\n');

        if (end) *end = '\0';
        lines[n++] = text;
        text = end ? end + 1 : NULL;
    }
    return n;
}

static void add_line(apr_array_header_t *attributes, const char *line, apr_pool_t *p)
{
    const char *equals = is_letter(*line) ? strchr(line, '=') : NULL;

    if (equals) aten_attribute_add(attributes, apr_pstrmemdup(p, line, (apr_size_t)(equals - line)), equals + 1, p);
    else aten_attribute_add(attributes, "FrEduVecteur", line, p);
}

/* What parses gives its raw text back when joined. */
static void check_vecteur(const char *line, apr_pool_t *p)
{
    aten_vecteur_t v;

    if (aten_vecteur_parse(&v, line, p) != ATEN_V_OK) return;
    fuzz_require(aten_same(v.raw, line));
    fuzz_require(aten_same(v.raw, apr_psprintf(p, "%d|%s|%s|%s|%s", v.type, v.nom, v.prenom, v.eleve_id, v.uai)));
    fuzz_require(v.type >= 1 && v.type <= 4 && *v.eleve_id && aten_uai_is(v.uai));
    fuzz_require(aten_text_is_clean(v.raw, ATEN_VECTEUR_BYTES_MAX) && !strpbrk(v.eleve_id, ":@|%"));
}

static const char *decode(const char *from, apr_size_t len, apr_pool_t *p)
{
    char *out = apr_pstrmemdup(p, from, len), *o = out;
    const char *c;

    for (c = from; c < from + len; c++, o++) {
        *o = *c;
        if (*c != '%') continue;
        fuzz_require(!strncmp(c, "%3A", 3) || !strncmp(c, "%25", 3));
        *o = c[1] == '3' ? ':' : '%';
        c += 2;
    }
    *o = '\0';
    return out;
}

/* A user name gives back what it was made of: so no two people share one. */
static void check_user(const char *user, const apr_array_header_t *attributes, apr_pool_t *p)
{
    const apr_array_header_t *vectors = aten_known_attribute(attributes, ATEN_A_VECTEUR);
    const char *nom, *prenom, *id;
    aten_vecteur_t v;
    int i;

    fuzz_require(aten_text_is_clean(user, USER_MAX));
    if (!strchr(user, ':')) {
        fuzz_require(!strchr(user, '@') == (aten_known_attribute(attributes, ATEN_A_CT_ID) != NULL));
        return;
    }
    for (i = 0; i < vectors->nelts; i++) {
        fuzz_require(aten_vecteur_parse(&v, APR_ARRAY_IDX(vectors, i, const char *), p) == ATEN_V_OK);
        if (!aten_vecteur_is_parent(&v)) {
            fuzz_require(aten_same(user, apr_pstrcat(p, "eleve:", v.eleve_id, "@", v.uai, NULL)));
            return;
        }
        fuzz_require(!strncmp(user, "parent:", 7));
        nom = user + 7;
        prenom = strchr(nom, ':') + 1;
        id = strchr(prenom, ':') + 1;
        if (aten_same(v.nom, decode(nom, (apr_size_t)(prenom - nom) - 1, p)) &&
            aten_same(v.prenom, decode(prenom, (apr_size_t)(id - prenom) - 1, p)) &&
            aten_same(id, apr_pstrcat(p, v.eleve_id, "@", v.uai, NULL))) return;
    }
    abort();
}

/* The entries of a joined list; -1 if there is none. */
static int length_of(const apr_table_t *vars, const char *variable)
{
    const char *value = apr_table_get(vars, variable), *c;
    int n = 1;

    if (!value) return -1;
    for (c = value; *c; c++) n += *c == ';' && (c == value || c[-1] != '\\');
    return n;
}

static void check_variables(const apr_array_header_t *attributes, apr_pool_t *p)
{
    const aten_identity_t identity = {"somebody", (apr_array_header_t *)attributes};
    const char *clashes = NULL;
    const apr_table_t *vars = aten_identity_aten_variables(&identity, "p", &clashes, p);
    const int n = length_of(vars, "ATEN_UAI");

    fuzz_require(length_of(vars, "ATEN_ELEVE_ID") == n && length_of(vars, "ATEN_DEGRE") == n);
    fuzz_require((apr_table_get(vars, "ATEN_ROLE") != NULL) == (aten_identity_kind(attributes, p) != ATEN_KIND_NONE));
}

static void check_portal(const apr_array_header_t *attributes, apr_pool_t *p)
{
    char words[][24] = {"https://portal.example/", "uai=034*"};
    char *const argv[] = {words[0], words[1]};
    const aten_identity_t identity = {"somebody", (apr_array_header_t *)attributes};
    const apr_array_header_t *schools = aten_identity_schools(attributes, p);
    aten_portal_t *portal = NULL;
    const char *why = NULL;
    int i;

    fuzz_require(!aten_portal_parse(&portal, 2, argv, p));
    if (aten_portal_allows(portal, &identity, &why, p) != ATEN_V_OK) {
        fuzz_require(why != NULL);
        return;
    }
    fuzz_require(schools->nelts > 0);
    for (i = 0; i < schools->nelts; i++) {
        fuzz_require(aten_uai_is(APR_ARRAY_IDX(schools, i, const char *)));
        fuzz_require(!strncmp(APR_ARRAY_IDX(schools, i, const char *), "034", 3));
    }
}

/* A portal's line: what is taken, is an entityID in printable ASCII. */
static void check_portal_line(char *lines[LINES_MAX], int count, apr_pool_t *p)
{
    aten_portal_t *portal = NULL;
    const char *err = aten_portal_parse(&portal, count, lines, p);

    fuzz_require((err == NULL) == (portal != NULL));
    if (portal) fuzz_require(aten_text_is_clean(portal->entity_id, 1024) && strchr(portal->entity_id, ':'));
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    apr_array_header_t *forward = apr_array_make(p, 8, sizeof(aten_attribute_t));
    apr_array_header_t *backward = apr_array_make(p, 8, sizeof(aten_attribute_t));
    const char *user, *again, *why;
    char *lines[LINES_MAX];
    const int count = read_lines(lines, fuzz_text(data, size, p));
    aten_verdict_t verdict;
    int i;

    for (i = 0; i < count; i++) {
        check_vecteur(lines[i], p);
        add_line(forward, lines[i], p);
        add_line(backward, lines[count - 1 - i], p);
    }
    verdict = aten_identity_user(&user, backward, &why, p);
    again = user;
    fuzz_require(aten_identity_user(&user, forward, &why, p) == verdict);
    fuzz_require((user != NULL) == (verdict == ATEN_V_OK) && (why != NULL) == (verdict != ATEN_V_OK));
    fuzz_require(user ? aten_same(user, again) : !again);
    if (user) check_user(user, forward, p);
    check_variables(forward, p);
    check_portal(forward, p);
    check_portal_line(lines, count, p);
    apr_pool_clear(p);
    return 0;
}
