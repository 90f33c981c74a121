#include "aten_identity_aten.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "aten_util.h"
#include "aten_variables.h"

#define USER_MAX_BYTES 256
#define OID_EDUCONNECT "urn:oid:1.3.6.1.4.1.20326.10.999.1."

/* --- attributes --- */

static const struct {
    const char *name;
    const char *oid;
} known[] = {
    [ATEN_A_VECTEUR] = {"FrEduVecteur", NULL},
    [ATEN_A_CT_ID] = {"FrEduCtId", OID_EDUCONNECT "57"},
    [ATEN_A_CT_AFFILIATION] = {"FrEduCtPersonAffiliation", OID_EDUCONNECT "7"},
    [ATEN_A_CT_ELEVE_UAI] = {"FrEduCtEleveUAI", OID_EDUCONNECT "72"},
    [ATEN_A_URL_RETOUR] = {"FrEduUrlRetour", OID_EDUCONNECT "5"},
    [ATEN_A_RNE] = {"FrEduRne", NULL},
    [ATEN_A_CTEMAIL] = {"ctemail", NULL},
    [ATEN_A_MAIL] = {"mail", "urn:oid:0.9.2342.19200300.100.1.3"},
    [ATEN_A_NOM] = {"sn", "urn:oid:2.5.4.4"},
    [ATEN_A_PRENOM] = {"givenName", "urn:oid:2.5.4.42"},
};
#define KNOWN_COUNT ((int)(sizeof(known) / sizeof(known[0])))

static const apr_array_header_t *values_named(const apr_array_header_t *attributes, const char *name)
{
    const apr_array_header_t *values = aten_attribute_values(attributes, name);

    return values && values->nelts ? values : NULL;
}

const apr_array_header_t *aten_known_attribute(const apr_array_header_t *attributes, aten_known_attribute_t which)
{
    const apr_array_header_t *values = values_named(attributes, known[which].name);

    return values ? values : values_named(attributes, known[which].oid);
}

/* The values under both names: where a rule must see each of them. */
static apr_array_header_t *every_value(const apr_array_header_t *attributes, aten_known_attribute_t which,
                                       apr_pool_t *p)
{
    const apr_array_header_t *named = values_named(attributes, known[which].name);
    const apr_array_header_t *by_oid = values_named(attributes, known[which].oid);
    apr_array_header_t *out = aten_variables_list((named ? named->nelts : 0) + (by_oid ? by_oid->nelts : 0), p);

    if (named) apr_array_cat(out, named);
    if (by_oid) apr_array_cat(out, by_oid);
    return out;
}

const char *aten_known_value(const apr_array_header_t *attributes, aten_known_attribute_t which)
{
    const apr_array_header_t *named = values_named(attributes, known[which].name);
    const apr_array_header_t *by_oid = values_named(attributes, known[which].oid);
    const apr_array_header_t *first = named ? named : by_oid;
    const char *value;

    if (!first || first->nelts != 1) return NULL;
    value = APR_ARRAY_IDX(first, 0, const char *);
    if (!named || !by_oid) return value;
    return by_oid->nelts == 1 && aten_same(value, APR_ARRAY_IDX(by_oid, 0, const char *)) ? value : NULL;
}

static int is_one_of(const aten_attribute_t *attribute, aten_known_attribute_t which)
{
    return aten_same(attribute->name, known[which].name) || aten_same(attribute->name, known[which].oid);
}

static int is_url_retour(const aten_attribute_t *attribute, const void *baton)
{
    (void)baton;
    return is_one_of(attribute, ATEN_A_URL_RETOUR);
}

static int is_needed(const aten_attribute_t *attribute, const void *baton)
{
    int i;

    (void)baton;
    for (i = 0; i < KNOWN_COUNT; i++) {
        if (i != ATEN_A_URL_RETOUR && is_one_of(attribute, (aten_known_attribute_t)i)) return 1;
    }
    return 0;
}

apr_array_header_t *aten_identity_aten_by_need(const apr_array_header_t *attributes, int *needed, apr_pool_t *p)
{
    const apr_array_header_t *sorted = aten_variables_by_need(attributes, is_url_retour, NULL, needed, p);

    return aten_variables_by_need(sorted, is_needed, NULL, needed, p);
}

/* --- what a person is --- */

enum { ELEVE_1D = 1, ELEVE_2D = 2, RESP_1D = 4, RESP_2D = 8, NOT_KNOWN = 16 };
#define ELEVE (ELEVE_1D | ELEVE_2D)
#define RESP (RESP_1D | RESP_2D)

typedef struct {
    apr_array_header_t *vecteurs;  /* aten_vecteur_t, perhaps none */
    const aten_vecteur_t *lowest;  /* in byte order, whatever order they came in; NULL without one */
    unsigned int affiliations;
    int contradiction;             /* pupil and parent at once */
    aten_person_kind_t kind;
} person_t;

static unsigned int read_affiliations(const apr_array_header_t *attributes, apr_pool_t *p)
{
    static const struct {
        const char *word;
        unsigned int bit;
    } words[] = {{"eleve1d", ELEVE_1D}, {"eleve2d", ELEVE_2D}, {"resp1d", RESP_1D}, {"resp2d", RESP_2D}};
    const apr_array_header_t *values = every_value(attributes, ATEN_A_CT_AFFILIATION, p);
    unsigned int bits = 0;
    int i, j;

    for (i = 0; i < values->nelts; i++) {
        unsigned int bit = NOT_KNOWN;

        for (j = 0; j < (int)(sizeof(words) / sizeof(words[0])); j++) {
            if (aten_same(words[j].word, APR_ARRAY_IDX(values, i, const char *))) bit = words[j].bit;
        }
        bits |= bit;
    }
    return bits;
}

static const aten_vecteur_t *lowest_of(const apr_array_header_t *vecteurs)
{
    const aten_vecteur_t *lowest = NULL;
    int i;

    for (i = 0; i < vecteurs->nelts; i++) {
        const aten_vecteur_t *vecteur = &APR_ARRAY_IDX(vecteurs, i, const aten_vecteur_t);

        if (!lowest || strcmp(vecteur->raw, lowest->raw) < 0) lowest = vecteur;
    }
    return lowest;
}

int aten_identity_is_family(const apr_array_header_t *attributes)
{
    static const aten_known_attribute_t family[] = {ATEN_A_VECTEUR, ATEN_A_CT_ID, ATEN_A_CT_AFFILIATION,
                                                    ATEN_A_CT_ELEVE_UAI};
    int i;

    for (i = 0; i < (int)(sizeof(family) / sizeof(family[0])); i++) {
        if (aten_known_attribute(attributes, family[i])) return 1;
    }
    return 0;
}

static aten_person_kind_t kind_of(const person_t *person, const apr_array_header_t *attributes)
{
    if (person->contradiction) return ATEN_KIND_NONE;
    if (person->lowest) return aten_vecteur_is_parent(person->lowest) ? ATEN_KIND_PARENT : ATEN_KIND_PUPIL;
    if (person->affiliations & NOT_KNOWN) return ATEN_KIND_NONE;
    if (person->affiliations) return person->affiliations & RESP ? ATEN_KIND_PARENT : ATEN_KIND_PUPIL;
    if (aten_identity_is_family(attributes)) return ATEN_KIND_NONE;
    if (aten_known_attribute(attributes, ATEN_A_CTEMAIL)) return ATEN_KIND_STAFF;
    return aten_known_attribute(attributes, ATEN_A_MAIL) ? ATEN_KIND_STAFF : ATEN_KIND_NONE;
}

/* Without OK the person is nobody: no vectors, no kind. */
static aten_verdict_t read_person(person_t *person, const apr_array_header_t *attributes, int *which, apr_pool_t *p)
{
    aten_verdict_t verdict;
    unsigned int says;

    memset(person, 0, sizeof(*person));
    verdict = aten_vecteurs_read(&person->vecteurs, aten_known_attribute(attributes, ATEN_A_VECTEUR), which, p);
    if (verdict != ATEN_V_OK) {
        person->vecteurs = apr_array_make(p, 0, sizeof(aten_vecteur_t));
        return verdict;
    }
    person->lowest = lowest_of(person->vecteurs);
    person->affiliations = says = read_affiliations(attributes, p);
    if (person->lowest) says |= aten_vecteur_is_parent(person->lowest) ? RESP : ELEVE;
    person->contradiction = (says & ELEVE) && (says & RESP);
    person->kind = kind_of(person, attributes);
    return ATEN_V_OK;
}

aten_person_kind_t aten_identity_kind(const apr_array_header_t *attributes, apr_pool_t *p)
{
    person_t person;
    int which = 0;

    return read_person(&person, attributes, &which, p) == ATEN_V_OK ? person.kind : ATEN_KIND_NONE;
}

/* --- REMOTE_USER ---
 *
 * The three kinds of names have nothing in common: those made of a vector have a ':', a staff member's has an '@' and
 * no ':', EduConnect's has neither. */

static int is_blank(const char *name)
{
    return !name[strspn(name, " ")];
}

/* ':' separates the parts of a name, '%' begins what stands for it. */
static const char *encode(const char *name, apr_pool_t *p)
{
    char *out = apr_palloc(p, 3 * strlen(name) + 1), *o = out;
    const char *c;

    for (c = name; *c; c++) {
        if (*c == ':' || *c == '%') {
            memcpy(o, *c == ':' ? "%3A" : "%25", 3);
            o += 3;
        }
        else *o++ = *c;
    }
    *o = '\0';
    return out;
}

static aten_verdict_t by_vecteur(const char **user, const aten_vecteur_t *v, const char **why, apr_pool_t *p)
{
    if (!aten_vecteur_is_parent(v)) {
        *user = apr_pstrcat(p, "eleve:", v->eleve_id, "@", v->uai, NULL);
        return ATEN_V_OK;
    }
    if (is_blank(v->nom) || is_blank(v->prenom)) {
        *why = "the parent's lowest FrEduVecteur has an empty nom or prenom, and its eleveId is the child's: nothing "
               "tells the parents of a child apart";
        return ATEN_V_IDENTITY_NAME;
    }
    *user = apr_pstrcat(p, "parent:", encode(v->nom, p), ":", encode(v->prenom, p), ":", v->eleve_id, "@", v->uai,
                        NULL);
    return ATEN_V_OK;
}

static aten_verdict_t by_ct_id(const char **user, const apr_array_header_t *attributes, const char **why)
{
    *user = aten_known_value(attributes, ATEN_A_CT_ID);
    if (*user && !strpbrk(*user, ":@")) return ATEN_V_OK;
    *why = *user ? "FrEduCtId has a ':' or '@': it could be somebody else's name" : "FrEduCtId has several values";
    return ATEN_V_IDENTITY_USER;
}

static aten_verdict_t by_mail(const char **user, const apr_array_header_t *attributes, const char **why, apr_pool_t *p)
{
    const int has_ctemail = aten_known_attribute(attributes, ATEN_A_CTEMAIL) != NULL;
    const aten_known_attribute_t which = has_ctemail ? ATEN_A_CTEMAIL : ATEN_A_MAIL;

    *user = aten_known_value(attributes, which);
    if (*user && strchr(*user, '@') && !strchr(*user, ':')) return ATEN_V_OK;
    *why = apr_pstrcat(p, known[which].name, *user ? " has no '@' or a ':': it could be somebody else's name"
                                                   : " has several values", NULL);
    return ATEN_V_IDENTITY_USER;
}

static const char *why_vecteurs(const apr_array_header_t *attributes, aten_verdict_t verdict, int which, apr_pool_t *p)
{
    const int count = aten_known_attribute(attributes, ATEN_A_VECTEUR)->nelts;

    if (verdict == ATEN_V_VECTEUR_MALFORMED && which > ATEN_VECTEURS_MAX) {
        return apr_psprintf(p, "%d values of FrEduVecteur: at most %d are taken", count, ATEN_VECTEURS_MAX);
    }
    if (verdict == ATEN_V_VECTEUR_MALFORMED) {
        return apr_psprintf(p, "value %d of %d of FrEduVecteur is not type|nom|prenom|eleveId|UAI: clean UTF-8 of at "
                            "most %d bytes, type 1 to 4, eleveId 1 to 64 of [A-Za-z0-9._-], UAI seven digits and a "
                            "capital letter", which, count, ATEN_VECTEUR_BYTES_MAX);
    }
    if (verdict == ATEN_V_VECTEUR_MIXED) {
        return apr_psprintf(p, "the %d values of FrEduVecteur are of types 1 or 2 (parent) and 3 or 4 (pupil)", count);
    }
    return apr_psprintf(p, "%d values of FrEduVecteur of type 3 or 4 (pupil)", count);
}

/* EduConnect's own name first, for it stays when a child changes school. */
static aten_verdict_t name_person(const char **user, const person_t *person, const apr_array_header_t *attributes,
                                  const char **why, apr_pool_t *p)
{
    if (person->contradiction) {
        *why = person->lowest ? "FrEduVecteur and FrEduCtPersonAffiliation contradict each other: pupil and parent"
                              : "the values of FrEduCtPersonAffiliation contradict each other: pupil and parent";
        return ATEN_V_IDENTITY_NONE;
    }
    if (aten_known_attribute(attributes, ATEN_A_CT_ID)) return by_ct_id(user, attributes, why);
    if (person->lowest) return by_vecteur(user, person->lowest, why, p);
    if (person->kind == ATEN_KIND_STAFF) return by_mail(user, attributes, why, p);
    *why = aten_identity_is_family(attributes)
               ? "no FrEduVecteur and no FrEduCtId: a pupil or a parent is not named by a mail address"
               : "no FrEduVecteur, FrEduCtId, ctemail or mail";
    return ATEN_V_IDENTITY_NONE;
}

aten_verdict_t aten_identity_user(const char **user, const apr_array_header_t *attributes, const char **why,
                                  apr_pool_t *p)
{
    const char *name = NULL;
    aten_verdict_t verdict;
    person_t person;
    int which = 0;

    *user = *why = NULL;
    verdict = read_person(&person, attributes, &which, p);
    if (verdict != ATEN_V_OK) {
        *why = why_vecteurs(attributes, verdict, which, p);
        return verdict;
    }
    verdict = name_person(&name, &person, attributes, why, p);
    if (verdict != ATEN_V_OK) return verdict;
    if (!aten_text_is_clean(name, USER_MAX_BYTES)) {
        *why = apr_psprintf(p, "the user name would have %" APR_SIZE_T_FMT " bytes: 1 to %d are taken, of UTF-8 "
                            "without control characters", strlen(name), USER_MAX_BYTES);
        return ATEN_V_IDENTITY_USER;
    }
    *user = name;
    return ATEN_V_OK;
}

int aten_identity_looks_made(const char *user)
{
    return !strncasecmp(user, "eleve:", strlen("eleve:")) || !strncasecmp(user, "parent:", strlen("parent:"));
}

/* --- schools --- */

static void add_once(apr_array_header_t *list, const char *value)
{
    int i;

    for (i = 0; i < list->nelts; i++) {
        if (aten_same(APR_ARRAY_IDX(list, i, const char *), value)) return;
    }
    APR_ARRAY_PUSH(list, const char *) = value;
}

/* Of a staff member's FrEduRne, UAI$UAJ$PU$ADM$..., what stands before the first '$'. */
static void add_schools(apr_array_header_t *list, const apr_array_header_t *attributes, aten_known_attribute_t which,
                        apr_pool_t *p)
{
    const apr_array_header_t *values = every_value(attributes, which, p);
    int i;

    for (i = 0; i < values->nelts; i++) {
        const char *value = APR_ARRAY_IDX(values, i, const char *);

        if (which == ATEN_A_RNE) value = apr_pstrmemdup(p, value, strcspn(value, "$"));
        add_once(list, value);
    }
}

apr_array_header_t *aten_identity_schools(const apr_array_header_t *attributes, apr_pool_t *p)
{
    apr_array_header_t *list = aten_variables_list(4, p);
    person_t person;
    int i, which = 0;

    if (read_person(&person, attributes, &which, p) != ATEN_V_OK) add_once(list, "");
    for (i = 0; i < person.vecteurs->nelts; i++) {
        add_once(list, APR_ARRAY_IDX(person.vecteurs, i, const aten_vecteur_t).uai);
    }
    add_schools(list, attributes, ATEN_A_CT_ELEVE_UAI, p);
    add_schools(list, attributes, ATEN_A_RNE, p);
    return list;
}

/* --- variables --- */

static void set_role(apr_table_t *vars, aten_person_kind_t kind)
{
    static const aten_role_t roles[] = {[ATEN_KIND_NONE] = ATEN_ROLE_COUNT,
                                        [ATEN_KIND_PUPIL] = ATEN_ROLE_ELEVE,
                                        [ATEN_KIND_PARENT] = ATEN_ROLE_PARENT,
                                        [ATEN_KIND_STAFF] = ATEN_ROLE_PERSONNEL};

    if (kind == ATEN_KIND_NONE) return;
    apr_table_addn(vars, "ATEN_ROLE", aten_role_name(roles[kind]));
    apr_table_addn(vars, "ATEN_ROLES", aten_role_name(roles[kind]));
}

static void set_name(apr_table_t *vars, const char *variable, const char *of_vecteur,
                     const apr_array_header_t *attributes, aten_known_attribute_t else_of)
{
    if (of_vecteur && !is_blank(of_vecteur)) apr_table_addn(vars, variable, of_vecteur);
    else aten_variables_set_first(vars, variable, aten_known_attribute(attributes, else_of));
}

static const char *degre_of_affiliations(unsigned int affiliations)
{
    if (affiliations == ELEVE_1D || affiliations == RESP_1D) return "1";
    return affiliations == ELEVE_2D || affiliations == RESP_2D ? "2" : "";
}

static void set_schools_alone(apr_table_t *vars, const person_t *person, const apr_array_header_t *attributes,
                              apr_pool_t *p)
{
    const apr_array_header_t *named = aten_identity_schools(attributes, p);
    apr_array_header_t *schools = aten_variables_list(named->nelts, p);
    apr_array_header_t *ids = aten_variables_list(named->nelts, p), *degres = aten_variables_list(named->nelts, p);
    int i;

    for (i = 0; i < named->nelts; i++) {
        if (!aten_uai_is(APR_ARRAY_IDX(named, i, const char *))) continue;
        APR_ARRAY_PUSH(schools, const char *) = APR_ARRAY_IDX(named, i, const char *);
    }
    aten_variables_push(ids, "", schools->nelts);
    aten_variables_push(degres, degre_of_affiliations(person->affiliations), schools->nelts);
    aten_variables_set_schools(vars, ids, schools, degres, p);
}

static void set_vecteurs(apr_table_t *vars, const apr_array_header_t *vecteurs, apr_pool_t *p)
{
    const int n = vecteurs->nelts;
    apr_array_header_t *ids = aten_variables_list(n, p), *schools = aten_variables_list(n, p);
    apr_array_header_t *degres = aten_variables_list(n, p), *raws = aten_variables_list(n, p);
    int i;

    for (i = 0; i < n; i++) {
        const aten_vecteur_t *vecteur = &APR_ARRAY_IDX(vecteurs, i, const aten_vecteur_t);

        APR_ARRAY_PUSH(ids, const char *) = vecteur->eleve_id;
        APR_ARRAY_PUSH(schools, const char *) = vecteur->uai;
        APR_ARRAY_PUSH(degres, const char *) = aten_vecteur_degre(vecteur) == 1 ? "1" : "2";
        APR_ARRAY_PUSH(raws, const char *) = vecteur->raw;
    }
    aten_variables_set_schools(vars, ids, schools, degres, p);
    aten_variables_set_list(vars, "ATEN_VECTEUR", raws, p);
}

apr_table_t *aten_identity_aten_variables(const aten_identity_t *identity, const char *profile, const char **clashes,
                                          apr_pool_t *p)
{
    const apr_array_header_t *attributes = identity->attributes;
    apr_table_t *vars = apr_table_make(p, 10 + (attributes ? attributes->nelts : 0));
    person_t person;
    int which = 0;

    if (clashes) *clashes = NULL;
    read_person(&person, attributes, &which, p); /* judged at login; what cannot be read now is nobody's */
    apr_table_addn(vars, "ATEN_BACKEND", "aten");
    if (profile) apr_table_addn(vars, "ATEN_PROFILE", profile);
    set_role(vars, person.kind);
    set_name(vars, "ATEN_NOM", person.lowest ? person.lowest->nom : NULL, attributes, ATEN_A_NOM);
    set_name(vars, "ATEN_PRENOM", person.lowest ? person.lowest->prenom : NULL, attributes, ATEN_A_PRENOM);
    if (person.lowest) set_vecteurs(vars, person.vecteurs, p);
    else set_schools_alone(vars, &person, attributes, p);
    aten_variables_set_attributes(vars, attributes, clashes, p);
    return vars;
}
