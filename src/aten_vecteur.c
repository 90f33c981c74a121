#include "aten_vecteur.h"

#include <string.h>

#include <apr_strings.h>

#include "aten_util.h"

#define FIELDS 5
#define TYPE_FIRST '1'
#define TYPE_LAST '4'
#define ELEVE_ID_MAX_BYTES 64
#define ELEVE_ID_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
#define UAI_DIGITS 7

int aten_vecteur_is_parent(const aten_vecteur_t *vecteur)
{
    return vecteur->type <= 2;
}

int aten_vecteur_degre(const aten_vecteur_t *vecteur)
{
    return vecteur->type % 2 ? 1 : 2;
}

int aten_uai_is(const char *text)
{
    if (!text || strspn(text, "0123456789") != UAI_DIGITS) return 0;
    return text[UAI_DIGITS] >= 'A' && text[UAI_DIGITS] <= 'Z' && !text[UAI_DIGITS + 1];
}

/* Each bar ends a field, also where another stands right behind it: strtok and its like would merge the two.
 * @return 1 if there are exactly FIELDS */
static int split(char *fields[FIELDS], char *text)
{
    int n = 0;

    for (;;) {
        char *bar = strchr(text, '|');

        fields[n++] = text;
        if (!bar) return n == FIELDS;
        if (n == FIELDS) return 0;
        *bar = '\0';
        text = bar + 1;
    }
}

static int is_type(const char *text)
{
    return text[0] >= TYPE_FIRST && text[0] <= TYPE_LAST && !text[1];
}

static int is_eleve_id(const char *text)
{
    const apr_size_t len = strlen(text);

    return len && len <= ELEVE_ID_MAX_BYTES && strspn(text, ELEVE_ID_LETTERS) == len;
}

aten_verdict_t aten_vecteur_parse(aten_vecteur_t *out, const char *text, apr_pool_t *p)
{
    char *fields[FIELDS] = {NULL};

    if (!aten_text_is_clean(text, ATEN_VECTEUR_BYTES_MAX)) return ATEN_V_VECTEUR_MALFORMED;
    if (!split(fields, apr_pstrdup(p, text))) return ATEN_V_VECTEUR_MALFORMED;
    if (!is_type(fields[0]) || !is_eleve_id(fields[3]) || !aten_uai_is(fields[4])) return ATEN_V_VECTEUR_MALFORMED;
    out->type = fields[0][0] - '0';
    out->nom = fields[1];
    out->prenom = fields[2];
    out->eleve_id = fields[3];
    out->uai = fields[4];
    out->raw = apr_pstrdup(p, text);
    return ATEN_V_OK;
}

/* All of them, so that the verdict does not depend on their order. */
static aten_verdict_t parse_all(apr_array_header_t *out, const apr_array_header_t *values, int *which, apr_pool_t *p)
{
    int i;

    for (i = 0; i < values->nelts; i++) {
        *which = i + 1;
        if (i == ATEN_VECTEURS_MAX) return ATEN_V_VECTEUR_MALFORMED;
        if (aten_vecteur_parse(apr_array_push(out), APR_ARRAY_IDX(values, i, const char *), p) != ATEN_V_OK) {
            return ATEN_V_VECTEUR_MALFORMED;
        }
    }
    return ATEN_V_OK;
}

aten_verdict_t aten_vecteurs_read(apr_array_header_t **out, const apr_array_header_t *values, int *which,
                                  apr_pool_t *p)
{
    apr_array_header_t *list = apr_array_make(p, values ? values->nelts : 0, sizeof(aten_vecteur_t));
    int i, parents = 0;

    *out = NULL;
    if (values && parse_all(list, values, which, p) != ATEN_V_OK) return ATEN_V_VECTEUR_MALFORMED;
    for (i = 0; i < list->nelts; i++) parents += aten_vecteur_is_parent(&APR_ARRAY_IDX(list, i, aten_vecteur_t));
    if (parents && parents != list->nelts) return ATEN_V_VECTEUR_MIXED;
    if (!parents && list->nelts > 1) return ATEN_V_VECTEUR_SEVERAL;
    *out = list;
    return ATEN_V_OK;
}
