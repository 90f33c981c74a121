#include "aten_population.h"

#include <string.h>

#include <apr_cstr.h>
#include <apr_strings.h>

#include "aten_identity.h"
#include "aten_util.h"

#define NAME_MAX_BYTES 64
#define VALUE_MAX_BYTES 256
#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
#define ROLE_WORD "role="
#define BLANKS " \t\r\n"
#define BUILTIN_ATTRIBUTE "ENTPersonProfils"

static const char *const role_names[ATEN_ROLE_COUNT] = {"personnel", "parent", "eleve", "autre"};

/* Words to which AtenCASCutoff gives a meaning of its own. */
static const char *const reserved[] = {"everyone", "off", "announced", "report-only", NULL};

static const char *const pupil_values[] = {"National_1", "National_ELV", NULL};
static const char *const parent_values[] = {"National_2", "National_TUT", NULL};
static const char *const staff_values[] = {"National_3",   "National_4",   "National_5",   "National_6",
                                           "National_7",   "National_ENS", "National_DIR", "National_EVS",
                                           "National_ETA", "National_ACA", "National_DOC", "National_COL", NULL};

static const struct {
    const char *name;
    aten_role_t role;
    const char *const *values;
} builtins[] = {
    {"pupils", ATEN_ROLE_ELEVE, pupil_values},
    {"parents", ATEN_ROLE_PARENT, parent_values},
    {"staff", ATEN_ROLE_PERSONNEL, staff_values},
};

#define BUILTIN_COUNT ((int)(sizeof(builtins) / sizeof(builtins[0])))

const char *aten_role_name(aten_role_t role)
{
    return (unsigned int)role < ATEN_ROLE_COUNT ? role_names[role] : role_names[ATEN_ROLE_AUTRE];
}

static aten_population_t *make(const char *name, aten_role_t role, const char *attribute, apr_pool_t *p)
{
    aten_population_t *pop = apr_pcalloc(p, sizeof(*pop));

    pop->name = apr_pstrdup(p, name);
    pop->role = role;
    pop->attribute = apr_pstrdup(p, attribute);
    pop->values = apr_array_make(p, 12, sizeof(const char *));
    return pop;
}

apr_array_header_t *aten_population_builtin(apr_pool_t *p)
{
    apr_array_header_t *list = apr_array_make(p, BUILTIN_COUNT, sizeof(const aten_population_t *));
    const char *const *value;
    int i;

    for (i = 0; i < BUILTIN_COUNT; i++) {
        aten_population_t *pop = make(builtins[i].name, builtins[i].role, BUILTIN_ATTRIBUTE, p);

        for (value = builtins[i].values; *value; value++) APR_ARRAY_PUSH(pop->values, const char *) = *value;
        APR_ARRAY_PUSH(list, const aten_population_t *) = pop;
    }
    return list;
}

static const char *check_name(const char *name, apr_pool_t *p)
{
    const apr_size_t len = strlen(name);
    int i;

    if (!len || len > NAME_MAX_BYTES || name[strspn(name, NAME_LETTERS)]) {
        return apr_psprintf(p, "'%s' is not a population's name: write 1 to %d letters, digits, '-' or '_'",
                            aten_log_text(p, name, NAME_MAX_BYTES), NAME_MAX_BYTES);
    }
    for (i = 0; reserved[i]; i++) {
        if (apr_cstr_casecmp(name, reserved[i])) continue;
        return apr_psprintf(p, "'%s' cannot be a population's name: the word has a meaning in AtenCASCutoff", name);
    }
    return NULL;
}

/* A built-in population that is defined anew keeps its role, so that other values of ENTPersonProfils don't make
 * strangers of all pupils. */
static aten_role_t default_role(const char *name)
{
    int i;

    for (i = 0; i < BUILTIN_COUNT; i++) {
        if (aten_same(name, builtins[i].name)) return builtins[i].role;
    }
    return ATEN_ROLE_AUTRE;
}

static const char *parse_role(aten_role_t *role, const char *word, apr_pool_t *p)
{
    int i;

    for (i = 0; i < ATEN_ROLE_COUNT; i++) {
        if (!aten_same(word + strlen(ROLE_WORD), role_names[i])) continue;
        *role = (aten_role_t)i;
        return NULL;
    }
    return apr_psprintf(p, "'%s' is not a role: write role=eleve, role=parent, role=personnel or role=autre",
                        aten_log_text(p, word, NAME_MAX_BYTES));
}

static const char *add_value(aten_population_t *pop, const char *word, apr_pool_t *p)
{
    const char *value = aten_trim(p, word);

    if (!aten_text_is_clean(value, VALUE_MAX_BYTES)) {
        return apr_psprintf(p, "'%s' is not a value of the attribute %s: write 1 to %d bytes of UTF-8 without control "
                            "characters", aten_log_text(p, word, NAME_MAX_BYTES), pop->attribute, VALUE_MAX_BYTES);
    }
    APR_ARRAY_PUSH(pop->values, const char *) = value;
    return NULL;
}

const char *aten_population_parse(aten_population_t **out, int argc, char *const argv[], apr_pool_t *p)
{
    aten_population_t *pop;
    aten_role_t role;
    const char *err;
    int at = 1;

    if (argc < 1) return "a population needs a name, an attribute and one value or more";
    err = check_name(argv[0], p);
    if (err) return err;
    role = default_role(argv[0]);
    if (argc > at && !strncmp(argv[at], ROLE_WORD, strlen(ROLE_WORD))) {
        err = parse_role(&role, argv[at++], p);
        if (err) return err;
    }
    if (argc < at + 2) {
        return apr_psprintf(p, "the population '%s' needs an attribute and one value or more, such as "
                            "ENTPersonProfils National_1", argv[0]);
    }
    /* '=': a role= that stands twice or is misspelled must not become an attribute that nobody has. */
    if (!aten_text_is_clean(argv[at], VALUE_MAX_BYTES) || strpbrk(argv[at], BLANKS "=")) {
        return apr_psprintf(p, "'%s' is not an attribute's name: write it as the CAS server does, such as "
                            "ENTPersonProfils", aten_log_text(p, argv[at], NAME_MAX_BYTES));
    }
    pop = make(argv[0], role, argv[at++], p);
    for (; at < argc; at++) {
        err = add_value(pop, argv[at], p);
        if (err) return err;
    }
    *out = pop;
    return NULL;
}

static int index_of(const apr_array_header_t *list, const char *name)
{
    int i;

    for (i = 0; list && i < list->nelts; i++) {
        if (aten_same(APR_ARRAY_IDX(list, i, const aten_population_t *)->name, name)) return i;
    }
    return -1;
}

void aten_population_put(apr_array_header_t *list, const aten_population_t *pop)
{
    const int at = index_of(list, pop->name);

    if (at < 0) APR_ARRAY_PUSH(list, const aten_population_t *) = pop;
    else APR_ARRAY_IDX(list, at, const aten_population_t *) = pop;
}

apr_array_header_t *aten_population_merge(const apr_array_header_t *base, const apr_array_header_t *over,
                                          apr_pool_t *p)
{
    apr_array_header_t *out =
        base ? apr_array_copy(p, base) : apr_array_make(p, BUILTIN_COUNT, sizeof(const aten_population_t *));
    int i;

    for (i = 0; over && i < over->nelts; i++) {
        aten_population_put(out, APR_ARRAY_IDX(over, i, const aten_population_t *));
    }
    return out;
}

const aten_population_t *aten_population_find(const apr_array_header_t *list, const char *name)
{
    const int at = index_of(list, name);

    return at < 0 ? NULL : APR_ARRAY_IDX(list, at, const aten_population_t *);
}

/* Compares in place: this runs on each request of a session. */
static int same_trimmed(const char *value, const char *wanted)
{
    const apr_size_t len = strlen(wanted);

    value += strspn(value, BLANKS);
    return !strncmp(value, wanted, len) && !value[len + strspn(value + len, BLANKS)];
}

static int belongs(const aten_population_t *pop, const apr_array_header_t *values)
{
    int i, j;

    for (i = 0; i < values->nelts; i++) {
        for (j = 0; j < pop->values->nelts; j++) {
            if (same_trimmed(APR_ARRAY_IDX(values, i, const char *), APR_ARRAY_IDX(pop->values, j, const char *))) {
                return 1;
            }
        }
    }
    return 0;
}

apr_array_header_t *aten_population_of(const apr_array_header_t *list, const apr_array_header_t *attributes,
                                       apr_pool_t *p)
{
    apr_array_header_t *out = apr_array_make(p, BUILTIN_COUNT, sizeof(const aten_population_t *));
    int i;

    for (i = 0; list && i < list->nelts; i++) {
        const aten_population_t *pop = APR_ARRAY_IDX(list, i, const aten_population_t *);
        const apr_array_header_t *values = aten_attribute_values(attributes, pop->attribute);

        if (values && belongs(pop, values)) APR_ARRAY_PUSH(out, const aten_population_t *) = pop;
    }
    return out;
}
