#include "aten_session.h"

#include <string.h>

#include <apr_strings.h>

#include "aten_pack.h"

#define SESSION_FORMAT 2
#define VALUE_BYTES_MIN 2     /* of an empty one: length and NUL */
#define ATTRIBUTE_BYTES_MIN 4 /* a name of one byte, and the number of its values */
#define COUNT_BYTES 2
#define COUNT_MAX 0xFFFF
#define CLOCK_SLACK apr_time_from_sec(60) /* between the clocks of several front ends */
#define REISSUES_PER_IDLE 20
#define SUBJECT_TEXTS 6

/* -- Making -- */

static const char *backend_word(aten_backend_t backend)
{
    return backend == ATEN_BACKEND_CAS ? "cas" : backend == ATEN_BACKEND_ATEN ? "aten" : NULL;
}

/* The hash of one thing at one backend. The purpose keeps a login from ever having the key of a subject.
 * @return 0 for a backend that is none, or if target or detail is missing */
static int backend_hash(unsigned char *out, apr_size_t len, const char *purpose, aten_backend_t backend,
                        const char *target, const char *detail)
{
    const char *const word = backend_word(backend);
    const char *const parts[] = {purpose, word, target, detail, NULL};

    memset(out, 0, len);
    return word && target && detail && aten_digest(out, len, parts);
}

int aten_backend_key(unsigned char out[ATEN_BACKEND_KEY_BYTES], aten_backend_t backend, const char *target)
{
    return backend_hash(out, ATEN_BACKEND_KEY_BYTES, "backend", backend, target, "");
}

int aten_session_login_key(unsigned char out[ATEN_KEY_HASH_BYTES], aten_backend_t backend, const char *target,
                           const char *credential)
{
    return backend_hash(out, ATEN_KEY_HASH_BYTES, "login", backend, target, credential);
}

int aten_session_subject_key(unsigned char out[ATEN_KEY_HASH_BYTES], aten_backend_t backend, const char *target,
                             const char *user)
{
    return backend_hash(out, ATEN_KEY_HASH_BYTES, "subject", backend, target, user);
}

aten_session_t *aten_session_make(aten_backend_t backend, const char *target, const char *credential,
                                  const char *profile, const aten_identity_t *identity, apr_time_t now,
                                  const aten_lifetimes_t *last, aten_random_fn *random, void *baton, apr_pool_t *p)
{
    aten_session_t *s = apr_pcalloc(p, sizeof(*s));

    if (random(baton, s->id, sizeof(s->id)) != APR_SUCCESS) return NULL;
    if (!aten_backend_key(s->backend_key, backend, target)) return NULL;
    if (!aten_session_login_key(s->login_key, backend, target, credential)) return NULL;
    if (!aten_session_subject_key(s->subject_key, backend, target, identity->user)) return NULL;
    s->login = s->seen = now;
    s->end = now + last->lifetime;
    s->backend = backend;
    s->profile = apr_pstrdup(p, profile);
    s->identity = *identity;
    return s;
}

/* With its length before it, so that no two pairs give the same text. */
static const char *credential_part(const char *text, apr_pool_t *p)
{
    return text ? apr_psprintf(p, "%" APR_SIZE_T_FMT ":%s", strlen(text), text) : "-";
}

char *aten_session_credential(const aten_saml_subject_t *subject, apr_pool_t *p)
{
    return apr_pstrcat(p, credential_part(subject->name_id, p), " ", credential_part(subject->session_index, p), NULL);
}

/* -- Packing -- */

/* Of what was left out, of the attributes, of the values of all attributes together. */
static void pack_counts(aten_pack_t *pack, int left_out, int attributes, int values)
{
    aten_pack_number(pack, (apr_uint64_t)left_out, COUNT_BYTES);
    aten_pack_number(pack, (apr_uint64_t)attributes, COUNT_BYTES);
    aten_pack_number(pack, (apr_uint64_t)values, COUNT_BYTES);
}

/* Which of its texts are there, one bit each, then those. */
static void pack_subject(aten_pack_t *pack, const aten_saml_subject_t *subject)
{
    const char *const texts[SUBJECT_TEXTS] = {subject->name_id, subject->format, subject->name_qualifier,
                                              subject->sp_name_qualifier, subject->session_index,
                                              subject->authn_context};
    apr_uint64_t there = 0;
    int i;

    for (i = 0; i < SUBJECT_TEXTS; i++) there |= texts[i] ? (apr_uint64_t)1 << i : 0;
    aten_pack_number(pack, there, 1);
    for (i = 0; i < SUBJECT_TEXTS; i++) {
        if (texts[i]) aten_pack_text(pack, texts[i]);
    }
    aten_pack_time(pack, subject->authn_instant);
}

/* Format and times, the two names, a portal's subject, then three counts, which are known only when the attributes are
 * packed. @return where the counts stand */
static apr_size_t pack_head(aten_pack_t *pack, const aten_session_t *s)
{
    apr_size_t counts_at;

    aten_pack_number(pack, SESSION_FORMAT, 1);
    aten_pack_number(pack, (apr_uint64_t)s->backend, 1);
    aten_pack_bytes(pack, s->backend_key, sizeof(s->backend_key));
    aten_pack_bytes(pack, s->id, sizeof(s->id));
    aten_pack_bytes(pack, s->login_key, sizeof(s->login_key));
    aten_pack_bytes(pack, s->subject_key, sizeof(s->subject_key));
    aten_pack_time(pack, s->login);
    aten_pack_time(pack, s->seen);
    aten_pack_time(pack, s->end);
    aten_pack_text(pack, s->profile ? s->profile : "");
    aten_pack_name(pack, s->identity.user);
    if (s->subject) pack_subject(pack, s->subject);
    counts_at = pack->len;
    pack_counts(pack, 0, 0, 0);
    return counts_at;
}

static void pack_attribute(aten_pack_t *pack, const aten_attribute_t *attribute)
{
    int i;

    aten_pack_name(pack, attribute->name);
    aten_pack_size(pack, (apr_size_t)attribute->values->nelts);
    for (i = 0; i < attribute->values->nelts; i++) {
        aten_pack_text(pack, APR_ARRAY_IDX(attribute->values, i, const char *));
    }
}

/* One that does not fit is passed over whole; among the first `needed` ones it leaves pack full.
 * @return the attributes that are packed */
static apr_array_header_t *pack_attributes(aten_pack_t *pack, const apr_array_header_t *attributes, int needed,
                                           apr_pool_t *p)
{
    apr_array_header_t *kept = apr_array_make(p, attributes->nelts, sizeof(aten_attribute_t));
    int i;

    for (i = 0; i < attributes->nelts; i++) {
        const aten_attribute_t *attribute = &APR_ARRAY_IDX(attributes, i, const aten_attribute_t);
        const apr_size_t before = pack->len;

        pack_attribute(pack, attribute);
        if (!pack->full) {
            APR_ARRAY_PUSH(kept, aten_attribute_t) = *attribute;
            continue;
        }
        if (i < needed) break;
        pack->len = before;
        pack->full = 0;
    }
    return kept;
}

static int count_values(const apr_array_header_t *attributes)
{
    int count = 0;
    int i;

    for (i = 0; i < attributes->nelts; i++) count += APR_ARRAY_IDX(attributes, i, aten_attribute_t).values->nelts;
    return count;
}

aten_verdict_t aten_session_pack(aten_pack_t *pack, aten_session_t *session, int needed, apr_size_t room,
                                 apr_pool_t *p)
{
    apr_array_header_t *kept;
    apr_size_t end, counts_at;
    int left_out;

    if (!backend_word(session->backend) || !session->subject != (session->backend == ATEN_BACKEND_CAS)) {
        return ATEN_V_INTERNAL;
    }
    aten_pack_init(pack, room, p);
    counts_at = pack_head(pack, session);
    if (pack->full) return ATEN_V_SESSION_LARGE;
    kept = pack_attributes(pack, session->identity.attributes, needed, p);
    /* What opening would refuse is not sealed: the person would be logged in and out again for ever. */
    if (pack->bad) return ATEN_V_INTERNAL;
    if (pack->full) return ATEN_V_SESSION_LARGE;

    left_out = session->attributes_left_out + session->identity.attributes->nelts - kept->nelts;
    if (left_out > COUNT_MAX) left_out = COUNT_MAX;
    end = pack->len;
    pack->len = counts_at;
    pack_counts(pack, left_out, kept->nelts, count_values(kept));
    pack->len = end;
    session->identity.attributes = kept;
    session->attributes_left_out = left_out;
    return ATEN_V_OK;
}

/* -- Reading what was packed -- */

static const aten_saml_subject_t *unpack_subject(aten_unpack_t *in, apr_pool_t *p)
{
    aten_saml_subject_t *subject = apr_pcalloc(p, sizeof(*subject));
    const char **const texts[SUBJECT_TEXTS] = {&subject->name_id, &subject->format, &subject->name_qualifier,
                                               &subject->sp_name_qualifier, &subject->session_index,
                                               &subject->authn_context};
    const apr_uint64_t there = aten_unpack_number(in, 1);
    int i;

    if (there >> SUBJECT_TEXTS) in->failed = 1;
    for (i = 0; i < SUBJECT_TEXTS; i++) {
        if (there >> i & 1) *texts[i] = aten_unpack_text(in);
    }
    subject->authn_instant = aten_unpack_time(in);
    return subject;
}

static void unpack_head(aten_unpack_t *in, aten_session_t *s, apr_pool_t *p)
{
    if (aten_unpack_number(in, 1) != SESSION_FORMAT) in->failed = 1;
    s->backend = (aten_backend_t)aten_unpack_number(in, 1);
    if (!backend_word(s->backend)) in->failed = 1;
    aten_unpack_bytes(in, s->backend_key, sizeof(s->backend_key));
    aten_unpack_bytes(in, s->id, sizeof(s->id));
    aten_unpack_bytes(in, s->login_key, sizeof(s->login_key));
    aten_unpack_bytes(in, s->subject_key, sizeof(s->subject_key));
    s->login = aten_unpack_time(in);
    s->seen = aten_unpack_time(in);
    s->end = aten_unpack_time(in);
    s->profile = aten_unpack_text(in);
    if (!*s->profile) s->profile = NULL;
    s->identity.user = aten_unpack_name(in);
    s->subject = s->backend == ATEN_BACKEND_ATEN ? unpack_subject(in, p) : NULL;
    s->attributes_left_out = (int)aten_unpack_number(in, COUNT_BYTES);
}

/* All arrays of a session in three allocations, as every request reads one. Both counts are held against the bytes
 * that are there before anything is made for them. */
static apr_array_header_t *unpack_attributes(aten_unpack_t *in, apr_pool_t *p)
{
    const apr_size_t count = (apr_size_t)aten_unpack_number(in, COUNT_BYTES);
    apr_size_t values_left = (apr_size_t)aten_unpack_number(in, COUNT_BYTES);
    apr_array_header_t *attributes, *heads;
    const char **values;
    apr_size_t i, j, n;

    if (count * ATTRIBUTE_BYTES_MIN + values_left * VALUE_BYTES_MIN > in->left) in->failed = 1;
    if (in->failed) return NULL;
    attributes = apr_array_make(p, (int)count, sizeof(aten_attribute_t));
    heads = apr_palloc(p, count * sizeof(*heads));
    values = apr_palloc(p, values_left * sizeof(*values));
    for (i = 0; i < count && !in->failed; i++) {
        const char *name = aten_unpack_name(in);

        n = aten_unpack_size(in, VALUE_BYTES_MIN);
        if (n > values_left) break;
        heads[i] = (apr_array_header_t){p, sizeof(*values), (int)n, (int)n, (char *)values};
        APR_ARRAY_PUSH(attributes, aten_attribute_t) = (aten_attribute_t){name, &heads[i]};
        for (j = 0; j < n; j++) *values++ = aten_unpack_text(in);
        values_left -= n;
    }
    if (i < count || values_left) in->failed = 1;
    return attributes;
}

aten_verdict_t aten_session_unpack(aten_session_t **session, const unsigned char *data, apr_size_t len, apr_pool_t *p)
{
    aten_session_t *s = apr_palloc(p, sizeof(*s));
    aten_unpack_t in;

    aten_unpack_init(&in, data, len);
    unpack_head(&in, s, p);
    s->identity.attributes = unpack_attributes(&in, p);
    if (!aten_unpack_done(&in)) return ATEN_V_SESSION_MALFORMED;
    *session = s;
    return ATEN_V_OK;
}

/* -- Sealing and opening -- */

aten_verdict_t aten_session_seal(char **value, aten_session_t *session, int needed, aten_keyring_t *keys,
                                 const aten_bind_t *bind, aten_random_fn *random, void *baton, apr_pool_t *p)
{
    const apr_size_t name_len = strlen(bind->name);
    aten_session_t packed = *session;
    aten_pack_t pack;
    aten_verdict_t v;
    char *text;

    if (name_len > ATEN_COOKIE_MAX || !session->profile || !*session->profile) return ATEN_V_INTERNAL;
    v = aten_session_pack(&pack, &packed, needed, aten_seal_room(ATEN_COOKIE_MAX - name_len), p);
    if (v != ATEN_V_OK) return v;
    text = aten_seal(keys, bind, pack.data, pack.len, random, baton, p);
    if (!text) return ATEN_V_INTERNAL;
    *session = packed;
    *value = text;
    return ATEN_V_OK;
}

aten_verdict_t aten_session_open(aten_session_t **session, const char *value, apr_size_t len, aten_keyring_t *keys,
                                 const aten_bind_t *bind, apr_pool_t *p)
{
    unsigned char *plain;
    apr_size_t plain_len;
    aten_session_t *s;
    aten_verdict_t v;

    if (len > ATEN_COOKIE_MAX) return ATEN_V_SEAL_MALFORMED;
    v = aten_open(keys, bind, value, len, &plain, &plain_len, p);
    if (v == ATEN_V_OK) v = aten_session_unpack(&s, plain, plain_len, p);
    if (v != ATEN_V_OK) return v;
    if (!s->profile) return ATEN_V_SESSION_MALFORMED;
    *session = s;
    return ATEN_V_OK;
}

/* -- Judging -- */

aten_verdict_t aten_session_check(const aten_session_t *session, const aten_lifetimes_t *last, apr_time_t now)
{
    if (session->login > now + CLOCK_SLACK || session->seen > now + CLOCK_SLACK) return ATEN_V_SESSION_FUTURE;
    if (now >= session->end || now - session->login >= last->lifetime) return ATEN_V_SESSION_EXPIRED;
    if (now - session->seen >= last->idle) return ATEN_V_SESSION_IDLE;
    return ATEN_V_OK;
}

int aten_session_wants_reissue(const aten_session_t *session, const aten_lifetimes_t *last, apr_time_t now)
{
    return now - session->seen > last->idle / REISSUES_PER_IDLE;
}
