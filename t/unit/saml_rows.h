/* Rows of answers, each judged as a service would that believes two portals. */
#ifndef ATEN_UNIT_SAML_ROWS_H
#define ATEN_UNIT_SAML_ROWS_H

#include "saml_message.h"

#include "aten_saml_response.h"
#include "aten_xml.h"

#define NOW APR_TIME_C(1795514400000000) /* 2026-11-24T10:00:00Z */
#define SECOND APR_USEC_PER_SEC
#define EVIL "Zevil"

static aten_saml_expect_t expect;
static aten_portal_t portal = {.entity_id = PORTAL}, other_portal = {.entity_id = OTHER_PORTAL};

/* --- what is believed here --- */

static inline aten_saml_entity_t *entity_of(const char *id, EVP_PKEY *key)
{
    aten_saml_entity_t *entity = apr_pcalloc(pool, sizeof(*entity));
    aten_saml_key_t *saml_key = apr_pcalloc(pool, sizeof(*saml_key));

    saml_key->pkey = key;
    entity->entity_id = id;
    entity->sso = "https://portail.example/sso";
    entity->keys = apr_array_make(pool, 1, sizeof(const aten_saml_key_t *));
    APR_ARRAY_PUSH(entity->keys, const aten_saml_key_t *) = saml_key;
    return entity;
}

static inline void add(aten_saml_metadata_t *metadata, const aten_saml_entity_t *entity)
{
    APR_ARRAY_PUSH(metadata->entities, const aten_saml_entity_t *) = entity;
    apr_hash_set(metadata->by_id, entity->entity_id, APR_HASH_KEY_STRING, entity);
}

static inline void expect_make(void)
{
    aten_saml_metadata_t *metadata = aten_saml_metadata_make(pool);
    apr_array_header_t *portals = apr_array_make(pool, 2, sizeof(const aten_portal_t *));
    apr_array_header_t *keys = apr_array_make(pool, 1, sizeof(const aten_saml_key_t *));
    aten_saml_key_t *key = apr_pcalloc(pool, sizeof(*key));

    add(metadata, entity_of(PORTAL, message_keys.portal));
    add(metadata, entity_of(OTHER_PORTAL, message_keys.other_portal));
    add(metadata, entity_of("https://x.example", message_keys.stranger));
    APR_ARRAY_PUSH(portals, const aten_portal_t *) = &other_portal;
    APR_ARRAY_PUSH(portals, const aten_portal_t *) = &portal;
    key->pkey = message_keys.service;
    APR_ARRAY_PUSH(keys, const aten_saml_key_t *) = key;
    expect = (aten_saml_expect_t){portals, metadata, keys, ACS, SERVICE, apr_time_from_sec(60), NOW};
}

/* --- rows --- */

/* A row leaves out what it does not need. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

typedef struct {
    const char *ops;        /* as saml_message.h has them; several ways with commas between: each gives the same */
    const char *from, *to;  /* replaced before that, if not NULL */
    aten_verdict_t verdict;
    const char *said;       /* words of `why` on a refusal, with '|' between them */
    const char *reason;
    apr_interval_time_t later;      /* than NOW */
    const char *from2, *to2;
    const char *after, *forged;     /* replaced after signing */
} row_t;

static inline void has_words(const char *reason, const char *why, const char *said)
{
    char *words[WORDS_MAX];
    const int n = said ? split(said, words) : 0;

    if (!why) fail_msg("%s: nothing is said", reason);
    for (const char *c = why; *c; c++) {
        if (*c < 0x20 || *c > 0x7E) fail_msg("%s: not fit for a log: %s", reason, why);
    }
    if (strstr(why, "Zname") || strstr(why, "701294") || strstr(why, EVIL)) {
        fail_msg("%s: says too much: %s", reason, why);
    }
    for (int i = 0; i < n; i++) {
        if (!strstr(why, words[i])) fail_msg("%s: '%s' is not in: %s", reason, words[i], why);
    }
}

static inline aten_saml_answer_t *judged(const char *reason, const char *text, aten_verdict_t verdict,
                                         const char *said, apr_time_t now)
{
    aten_saml_answer_t *answer = NULL;
    const aten_portal_t *believed = NULL;
    aten_saml_expect_t at = expect;
    const char *why = NULL;
    apr_pool_t *p;
    aten_verdict_t got;

    at.now = now;
    apr_pool_create(&p, pool);
    got = aten_saml_response_read(&answer, &at, text, strlen(text), &believed, &why, p);
    if (got != verdict) {
        fail_msg("%s: %s, not %s: %s", reason, aten_verdict_tag(got), aten_verdict_tag(verdict), why ? why : "-");
    }
    if (!answer != (verdict != ATEN_V_OK)) fail_msg("%s: verdict and answer disagree", reason);
    if (verdict != ATEN_V_OK) has_words(reason, why, said);
    else if (why || believed != answer->portal) fail_msg("%s: more is said than OK", reason);
    return answer;
}

static inline const char *made(const row_t *row, const char *ops)
{
    const char *text = row->from ? replaced(RESPONSE, row->from, row->to, 0) : RESPONSE;

    if (row->from2) text = replaced(text, row->from2, row->to2, 0);
    text = message_done(text, ops);
    return row->after ? replaced(text, row->after, row->forged, 0) : text;
}

static inline void run(const row_t *rows, int count)
{
    for (int i = 0; i < count; i++) {
        char *ways = apr_pstrdup(pool, rows[i].ops), *way;

        do {
            char *comma = strchr(ways, ',');

            way = ways;
            if (comma) *comma = '\0';
            ways = comma ? comma + 1 : NULL;
            judged(apr_pstrcat(pool, rows[i].reason, " (", way, ")", NULL), made(&rows[i], way), rows[i].verdict,
                   rows[i].said, NOW + rows[i].later);
        } while (ways);
    }
}

#define RUN(rows) run(rows, COUNT(rows))

static inline aten_saml_answer_t *read_ok(const char *text)
{
    return judged("a good answer", text, ATEN_V_OK, NULL, NOW);
}

/* The values of an attribute, '/' between them; "-" where there are none. */
static inline const char *values_of(const aten_saml_answer_t *answer, const char *name)
{
    const apr_array_header_t *values = aten_attribute_values(answer->attributes, name);

    return values ? apr_array_pstrcat(pool, values, '/') : "-";
}

static inline int setup_messages(void **state)
{
    if (setup(state) || !aten_saml_global()) return -1;
    message_keys_make();
    expect_make();
    return 0;
}

static inline int teardown_messages(void **state)
{
    message_keys_free();
    return teardown(state);
}

#endif
