#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "aten_pack.h"
#include "aten_session.h"

#define KEY_1 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define CAS "https://cas.example/cas"
#define PORTAL "https://portal.example/idp"
#define NOW apr_time_from_sec(1488322800)
#define SECONDS(n) apr_time_from_sec(n)

static apr_pool_t *pool;
static aten_keyring_t *keys;
static const aten_bind_t bind_session = {"session", "__Host-aten", "https", "ent.example"};
static const aten_lifetimes_t last = {SECONDS(28800), SECONDS(3600)};
static unsigned char counter;

static int set_up(void **state)
{
    apr_initialize();
    if (apr_pool_create(&pool, NULL) != APR_SUCCESS) return 1;
    return aten_keyring_parse(&keys, KEY_1, strlen(KEY_1), pool) ? 1 : 0;
}

static int tear_down(void **state)
{
    apr_pool_destroy(pool);
    apr_terminate();
    return 0;
}

static apr_status_t counting(void *baton, unsigned char *buf, apr_size_t len)
{
    memset(buf, ++counter, len);
    return APR_SUCCESS;
}

static apr_status_t failing(void *baton, unsigned char *buf, apr_size_t len)
{
    return APR_EGENERAL;
}

/* -- Identities -- */

/* values: NULL-terminated */
static void add(aten_identity_t *identity, const char *name, const char *const values[])
{
    aten_attribute_t *attribute = apr_array_push(identity->attributes);

    attribute->name = name;
    attribute->values = apr_array_make(pool, 4, sizeof(const char *));
    for (; *values; values++) APR_ARRAY_PUSH(attribute->values, const char *) = *values;
}

static void add_one(aten_identity_t *identity, const char *name, const char *value)
{
    const char *const values[] = {value, NULL};

    add(identity, name, values);
}

static aten_identity_t nobody(void)
{
    return (aten_identity_t){"nobody", apr_array_make(pool, 4, sizeof(aten_attribute_t))};
}

static aten_identity_t parent(void)
{
    static const char *const schools[] = {"0340039X", "0340040Y", "", "0340039X", NULL}, *const none[] = {NULL};
    aten_identity_t identity = {"élodie.lefèvre", apr_array_make(pool, 4, sizeof(aten_attribute_t))};

    add_one(&identity, "ENTPersonProfils", "National_2");
    add(&identity, "ENTPersonStructRattachRNE", schools);
    add_one(&identity, "sn", "Lefèvre");
    add(&identity, "nothing", none);
    return identity;
}

static char *repeat(char c, apr_size_t times)
{
    char *text = apr_palloc(pool, times + 1);

    memset(text, c, times);
    text[times] = '\0';
    return text;
}

static aten_session_t *made(const aten_identity_t *identity)
{
    aten_session_t *s = aten_session_make(ATEN_BACKEND_CAS, CAS, "ST-1", "autres-publics", identity, NOW, &last,
                                          counting, NULL, pool);

    assert_non_null(s);
    return s;
}

/* Every member set, or none. */
static const aten_saml_subject_t whole_subject = {
    "_a1b2", "urn:oasis:names:tc:SAML:2.0:nameid-format:transient", PORTAL, "https://ent.example/aten/saml/metadata",
    "_session-é", "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport", NOW - SECONDS(30),
};
static const aten_saml_subject_t empty_subject;

static aten_session_t *made_by_portal(const aten_identity_t *identity, const aten_saml_subject_t *subject)
{
    aten_session_t *s = aten_session_make(ATEN_BACKEND_ATEN, PORTAL, aten_session_credential(subject, pool),
                                          "eleves-parents", identity, NOW, &last, counting, NULL, pool);

    assert_non_null(s);
    s->subject = subject;
    return s;
}

static aten_verdict_t sealed(char **value, aten_session_t *s, int needed)
{
    return aten_session_seal(value, s, needed, keys, &bind_session, counting, NULL, pool);
}

static aten_verdict_t opened(aten_session_t **s, const char *value)
{
    return aten_session_open(s, value, strlen(value), keys, &bind_session, pool);
}

static void assert_same_attributes(const apr_array_header_t *a, const apr_array_header_t *b)
{
    int i, j;

    assert_int_equal(a->nelts, b->nelts);
    for (i = 0; i < a->nelts; i++) {
        const aten_attribute_t *x = &APR_ARRAY_IDX(a, i, aten_attribute_t), *y = &APR_ARRAY_IDX(b, i, aten_attribute_t);

        assert_string_equal(x->name, y->name);
        assert_int_equal(x->values->nelts, y->values->nelts);
        for (j = 0; j < x->values->nelts; j++) {
            assert_string_equal(APR_ARRAY_IDX(x->values, j, const char *), APR_ARRAY_IDX(y->values, j, const char *));
        }
    }
}

/* -- Making -- */

/* Cookies outlive an upgrade: these bytes never change. The first bytes of a SHA-256 over the parts ("login", "cas",
 * ...), each behind its length as 8 bytes. */
static void the_bytes_of_keys_stay(void **state)
{
    static const unsigned char zeros[ATEN_KEY_HASH_BYTES];
    unsigned char backend[ATEN_BACKEND_KEY_BYTES], key[ATEN_KEY_HASH_BYTES];

    assert_true(aten_backend_key(backend, ATEN_BACKEND_CAS, CAS));
    assert_memory_equal(backend, "\x5f\x22\xfc\x40\xdf\x5d\x2a\x70", sizeof(backend));
    assert_true(aten_session_login_key(key, ATEN_BACKEND_CAS, CAS, "ST-1"));
    assert_memory_equal(key, "\x6a\x6b\x8a\x05\x0d\x52\x08\x4a\x67\xf9\x71\x07\x75\x69\x79\xca", sizeof(key));
    assert_true(aten_session_subject_key(key, ATEN_BACKEND_CAS, CAS, "zoe"));
    assert_memory_equal(key, "\x14\x4b\xd6\x7c\xe7\x51\xbf\x1c\xc1\x11\x0d\x3f\x4a\x5d\x7f\x06", sizeof(key));

    assert_false(aten_session_login_key(key, ATEN_BACKEND_CAS, CAS, NULL));
    assert_memory_equal(key, zeros, sizeof(key));
    assert_false(aten_session_subject_key(key, ATEN_BACKEND_CLOSED, CAS, "zoe"));
    assert_false(aten_session_subject_key(key, ATEN_BACKEND_CAS, NULL, "zoe"));
}

static void a_session_is_made(void **state)
{
    aten_identity_t identity = parent();
    aten_session_t *s = made(&identity), *other = made(&identity);

    assert_true(s->login == NOW && s->seen == NOW && s->end == NOW + SECONDS(28800));
    assert_int_equal(s->backend, ATEN_BACKEND_CAS);
    assert_string_equal(s->profile, "autres-publics");
    assert_string_equal(s->identity.user, identity.user);
    assert_int_equal(s->attributes_left_out, 0);
    assert_memory_not_equal(s->id, other->id, sizeof(s->id)); /* a new login has a new id */
    assert_memory_equal(s->login_key, other->login_key, sizeof(s->login_key));
    assert_memory_equal(s->subject_key, other->subject_key, sizeof(s->subject_key));
}

static void keys_tell_apart(void **state)
{
    aten_identity_t identity = parent(), other_person = nobody();
    aten_session_t *s = made(&identity), *t;
    unsigned char key[ATEN_BACKEND_KEY_BYTES], other[ATEN_BACKEND_KEY_BYTES], hash[ATEN_KEY_HASH_BYTES];
    static const unsigned char zeros[ATEN_BACKEND_KEY_BYTES];

#define MAKE(backend, target, ticket, who) \
    aten_session_make(backend, target, ticket, "p", who, NOW, &last, counting, NULL, pool)
    t = MAKE(ATEN_BACKEND_CAS, CAS, "ST-2", &identity); /* another ticket */
    assert_memory_not_equal(s->login_key, t->login_key, sizeof(s->login_key));
    assert_memory_equal(s->subject_key, t->subject_key, sizeof(s->subject_key));
    t = MAKE(ATEN_BACKEND_CAS, CAS, "ST-1", &other_person);
    assert_memory_equal(s->login_key, t->login_key, sizeof(s->login_key));
    assert_memory_not_equal(s->subject_key, t->subject_key, sizeof(s->subject_key));
    t = MAKE(ATEN_BACKEND_CAS, CAS "2", "ST-1", &identity); /* the same name and ticket at another server */
    assert_memory_not_equal(s->login_key, t->login_key, sizeof(s->login_key));
    assert_memory_not_equal(s->subject_key, t->subject_key, sizeof(s->subject_key));
    assert_memory_not_equal(s->backend_key, t->backend_key, sizeof(s->backend_key));
    t = MAKE(ATEN_BACKEND_ATEN, CAS, "ST-1", &identity); /* the same address as another kind of backend */
    assert_memory_not_equal(s->backend_key, t->backend_key, sizeof(s->backend_key));
    t = MAKE(ATEN_BACKEND_CAS, CAS, identity.user, &identity); /* a ticket that reads as the user's name */
    assert_memory_not_equal(t->login_key, t->subject_key, sizeof(t->login_key));

    assert_true(aten_backend_key(key, ATEN_BACKEND_CAS, CAS));
    assert_memory_equal(key, s->backend_key, sizeof(key));
    assert_true(aten_session_login_key(hash, ATEN_BACKEND_CAS, CAS, "ST-1"));
    assert_memory_equal(hash, s->login_key, sizeof(hash));
    assert_true(aten_session_subject_key(hash, ATEN_BACKEND_CAS, CAS, identity.user));
    assert_memory_equal(hash, s->subject_key, sizeof(hash));
    assert_false(aten_backend_key(other, ATEN_BACKEND_CAS, NULL));
    assert_memory_equal(other, zeros, sizeof(zeros));
    assert_false(aten_backend_key(other, ATEN_BACKEND_CLOSED, CAS));

    assert_null(MAKE(ATEN_BACKEND_CLOSED, CAS, "ST-1", &identity));
    assert_null(MAKE(ATEN_BACKEND_CAS, NULL, "ST-1", &identity));
    assert_null(MAKE(ATEN_BACKEND_CAS, CAS, NULL, &identity));
    other_person.user = NULL;
    assert_null(MAKE(ATEN_BACKEND_CAS, CAS, "ST-1", &other_person));
    assert_null(aten_session_make(ATEN_BACKEND_CAS, CAS, "ST-1", "p", &identity, NOW, &last, failing, NULL, pool));
#undef MAKE
}

static void credentials_tell_apart(void **state)
{
    static const aten_saml_subject_t rows[] = {
        {.name_id = "a", .session_index = "b"},
        {.name_id = "a", .session_index = "c"},
        {.name_id = "b", .session_index = "b"},
        {.name_id = "b", .session_index = "a"},     /* exchanged */
        {.name_id = "a"},
        {.name_id = "a", .session_index = ""},
        {.name_id = "", .session_index = ""},
        {.session_index = "a"},
        {.name_id = "", .session_index = "a"},
        {0},
        {.name_id = "-", .session_index = "-"},     /* what stands for a missing one */
        {.name_id = "a 1:b"},                       /* what separates them, inside */
        {.name_id = "a 1:b", .session_index = "b"},
        {.name_id = "a", .session_index = "b 1:b"},
        {.name_id = "1:a 1:b"},
        {.name_id = "ab"}, {.session_index = "ab"},
    };
    const aten_saml_subject_t same = {"a", "f", "q", "sp", "b", "c", NOW};
    const int count = (int)(sizeof(rows) / sizeof(rows[0]));
    int i, j;

    for (i = 0; i < count; i++) {
        for (j = 0; j < i; j++) {
            if (strcmp(aten_session_credential(&rows[i], pool), aten_session_credential(&rows[j], pool))) continue;
            fail_msg("rows %d and %d: %s", i, j, aten_session_credential(&rows[i], pool));
        }
    }
    /* A logout names the subject by these two; the rest does not matter. */
    assert_string_equal(aten_session_credential(&same, pool), aten_session_credential(&rows[0], pool));
}

/* -- Sealing and opening -- */

static void everything_comes_back(void **state)
{
    aten_identity_t identity = parent();
    aten_session_t *s = made(&identity), *t = NULL;
    char *value;

    s->seen += 1;
    assert_int_equal(sealed(&value, s, 1), ATEN_V_OK);
    assert_int_equal(opened(&t, value), ATEN_V_OK);
    assert_memory_equal(t->id, s->id, sizeof(s->id));
    assert_memory_equal(t->login_key, s->login_key, sizeof(s->login_key));
    assert_memory_equal(t->subject_key, s->subject_key, sizeof(s->subject_key));
    assert_memory_equal(t->backend_key, s->backend_key, sizeof(s->backend_key));
    assert_true(t->login == s->login && t->seen == s->seen && t->end == s->end);
    assert_int_equal(t->backend, s->backend);
    assert_string_equal(t->profile, s->profile);
    assert_string_equal(t->identity.user, "élodie.lefèvre");
    assert_int_equal(t->attributes_left_out, 0);
    assert_same_attributes(t->identity.attributes, identity.attributes);
}

static void assert_same_text(const char *a, const char *b)
{
    assert_true(!a == !b);
    if (a) assert_string_equal(a, b);
}

static void the_subject_comes_back(void **state)
{
    const aten_saml_subject_t some = {.name_id = "x", .session_index = "", .authn_instant = NOW};
    const aten_saml_subject_t other = {.format = "f", .sp_name_qualifier = "sp"};
    const aten_saml_subject_t *const subjects[] = {&whole_subject, &empty_subject, &some, &other};
    aten_identity_t identity = parent();
    size_t i;

    for (i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
        aten_session_t *s = made_by_portal(&identity, subjects[i]), *t;
        char *value;

        assert_int_equal(sealed(&value, s, 1), ATEN_V_OK);
        assert_int_equal(opened(&t, value), ATEN_V_OK);
        assert_int_equal(t->backend, ATEN_BACKEND_ATEN);
        assert_non_null(t->subject);
        assert_same_text(t->subject->name_id, subjects[i]->name_id);
        assert_same_text(t->subject->format, subjects[i]->format);
        assert_same_text(t->subject->name_qualifier, subjects[i]->name_qualifier);
        assert_same_text(t->subject->sp_name_qualifier, subjects[i]->sp_name_qualifier);
        assert_same_text(t->subject->session_index, subjects[i]->session_index);
        assert_same_text(t->subject->authn_context, subjects[i]->authn_context);
        assert_true(t->subject->authn_instant == subjects[i]->authn_instant);
        assert_string_equal(t->identity.user, identity.user);
        assert_same_attributes(t->identity.attributes, identity.attributes);
        assert_int_equal(sealed(&value, t, t->identity.attributes->nelts), ATEN_V_OK); /* a re-issue */
        assert_int_equal(opened(&s, value), ATEN_V_OK);
        assert_same_text(s->subject->session_index, subjects[i]->session_index);
    }
}

static void cas_has_no_subject(void **state)
{
    aten_identity_t identity = parent();
    aten_session_t *s = made(&identity), *t;
    char *value = NULL;

    assert_null(s->subject);
    assert_int_equal(sealed(&value, s, 1), ATEN_V_OK);
    assert_int_equal(opened(&t, value), ATEN_V_OK);
    assert_null(t->subject);
    value = NULL;
    s->subject = &whole_subject;
    assert_int_equal(sealed(&value, s, 1), ATEN_V_INTERNAL);
    s = made_by_portal(&identity, &whole_subject);
    s->subject = NULL;
    assert_int_equal(sealed(&value, s, 1), ATEN_V_INTERNAL);
    assert_null(value);
}

static void a_session_has_a_profile(void **state)
{
    aten_identity_t identity = parent();
    aten_session_t *s = made(&identity), *t = NULL;
    aten_pack_t pack;
    char *value = NULL;

    s->profile = NULL;
    assert_int_equal(sealed(&value, s, 1), ATEN_V_INTERNAL);
    assert_null(value);
    assert_int_equal(aten_session_pack(&pack, s, 1, 2000, pool), ATEN_V_OK);
    assert_int_equal(aten_session_unpack(&t, pack.data, pack.len, pool), ATEN_V_OK);
    assert_null(t->profile);
    value = aten_seal(keys, &bind_session, pack.data, pack.len, counting, NULL, pool);
    t = NULL;
    assert_int_equal(opened(&t, value), ATEN_V_SESSION_MALFORMED);
    assert_null(t);
}

static void packing_keeps_to_its_room(void **state)
{
    apr_size_t room, whole;
    aten_identity_t identity = parent();
    aten_session_t *s = made_by_portal(&identity, &whole_subject), *t;
    aten_pack_t pack;

    assert_int_equal(aten_session_pack(&pack, s, 4, 2000, pool), ATEN_V_OK);
    whole = pack.len;
    for (room = 0; room <= whole; room++) {
        aten_verdict_t v;

        s = made_by_portal(&identity, &whole_subject);
        v = aten_session_pack(&pack, s, 4, room, pool);
        assert_int_equal(v, room < whole ? ATEN_V_SESSION_LARGE : ATEN_V_OK);
        assert_int_equal(s->attributes_left_out, 0);
        v = aten_session_pack(&pack, s, 0, room, pool);
        if (v != ATEN_V_OK) continue;
        assert_true(pack.len <= room);
        assert_int_equal(aten_session_unpack(&t, pack.data, pack.len, pool), ATEN_V_OK);
        assert_int_equal(t->attributes_left_out + t->identity.attributes->nelts, 4);
        assert_int_equal(s->attributes_left_out, t->attributes_left_out);
    }
}

static void an_opened_array_can_grow(void **state)
{
    aten_identity_t identity = parent();
    aten_session_t *s = made(&identity), *t;
    const apr_array_header_t *sn;
    char *value;
    int i;

    assert_int_equal(sealed(&value, s, 1), ATEN_V_OK);
    assert_int_equal(opened(&t, value), ATEN_V_OK);
    for (i = 0; i < 4; i++) { /* the values of all attributes stand side by side: growing one must not reach the next */
        apr_array_header_t *values = APR_ARRAY_IDX(t->identity.attributes, i, aten_attribute_t).values;

        APR_ARRAY_PUSH(values, const char *) = "more";
    }
    add_one(&t->identity, "more", "more");
    sn = APR_ARRAY_IDX(t->identity.attributes, 2, aten_attribute_t).values;
    assert_string_equal(APR_ARRAY_IDX(sn, 0, const char *), "Lefèvre");
}

static void a_person_without_attributes(void **state)
{
    aten_identity_t identity = nobody();
    aten_session_t *s = made(&identity), *t;
    char *value;

    assert_int_equal(sealed(&value, s, 0), ATEN_V_OK);
    assert_int_equal(opened(&t, value), ATEN_V_OK);
    assert_int_equal(t->identity.attributes->nelts, 0);
}

static void the_cookie_never_exceeds_its_limit(void **state)
{
    apr_size_t extra;
    int seen_in = 0, seen_out = 0;

    for (extra = 2800; extra < 3000; extra++) {
        aten_identity_t identity = nobody();
        aten_session_t *s;
        char *value = NULL;
        aten_verdict_t v;

        add_one(&identity, "long", repeat('x', extra));
        s = made(&identity);
        v = sealed(&value, s, 1);
        if (v == ATEN_V_OK) {
            assert_false(seen_out);
            assert_true(strlen(value) + strlen(bind_session.name) <= ATEN_COOKIE_MAX);
            assert_int_equal(opened(&s, value), ATEN_V_OK);
            seen_in++;
        }
        else {
            assert_int_equal(v, ATEN_V_SESSION_LARGE);
            assert_null(value);
            assert_int_equal(s->identity.attributes->nelts, 1);
            if (!seen_out) {
                /* The very next one did not fit: the limit is used up to less than one group of base64. */
                assert_true(seen_in > 0);
                s->identity.attributes = nobody().attributes;
                add_one(&s->identity, "long", repeat('x', extra - 1));
                assert_int_equal(sealed(&value, s, 1), ATEN_V_OK);
                assert_true(strlen(value) + strlen(bind_session.name) + 4 > ATEN_COOKIE_MAX);
            }
            seen_out++;
        }
    }
    assert_true(seen_in && seen_out);
}

static void what_does_not_fit_is_left_out(void **state)
{
    aten_identity_t identity = nobody();
    const apr_array_header_t *given = identity.attributes;
    const char *const pair[] = {"small", repeat('z', 3000), NULL};
    aten_session_t *s, *t;
    char *value, *again;

    add_one(&identity, "needed", "1");
    add_one(&identity, "big-a", repeat('a', 2000));
    add_one(&identity, "big-b", repeat('b', 2000));  /* does not fit beside big-a */
    add(&identity, "half", pair);                    /* its first value would fit: an attribute is whole or out */
    add_one(&identity, "small", "2");                /* fits behind them */
    s = made(&identity);
    assert_int_equal(sealed(&value, s, 1), ATEN_V_OK);
    assert_int_equal(s->attributes_left_out, 2);
    assert_int_equal(s->identity.attributes->nelts, 3);
    assert_int_equal(given->nelts, 5); /* the caller's own array stays */
    assert_int_equal(opened(&t, value), ATEN_V_OK);
    assert_int_equal(t->attributes_left_out, 2);
    assert_same_attributes(t->identity.attributes, s->identity.attributes);
    assert_string_equal(APR_ARRAY_IDX(t->identity.attributes, 0, aten_attribute_t).name, "needed");
    assert_string_equal(APR_ARRAY_IDX(t->identity.attributes, 1, aten_attribute_t).name, "big-a");
    assert_string_equal(APR_ARRAY_IDX(t->identity.attributes, 2, aten_attribute_t).name, "small");

    /* A re-issue keeps what is there, and the count. */
    t->seen = NOW + SECONDS(600);
    assert_int_equal(sealed(&again, t, t->identity.attributes->nelts), ATEN_V_OK);
    assert_int_equal(strlen(again), strlen(value));
    assert_string_not_equal(again, value);
    assert_int_equal(t->attributes_left_out, 2);
    assert_int_equal(opened(&s, again), ATEN_V_OK);
    assert_int_equal(s->attributes_left_out, 2);
    assert_true(s->seen == NOW + SECONDS(600));
    assert_memory_equal(s->id, t->id, sizeof(s->id));
}

static void needed_attributes_must_fit(void **state)
{
    aten_identity_t identity = nobody();
    char *value = NULL;

    add_one(&identity, "a", repeat('a', 2000));
    add_one(&identity, "b", repeat('b', 2000));
    add_one(&identity, "c", "small");
    assert_int_equal(sealed(&value, made(&identity), 2), ATEN_V_SESSION_LARGE);
    assert_int_equal(sealed(&value, made(&identity), 3), ATEN_V_SESSION_LARGE);
    assert_int_equal(sealed(&value, made(&identity), 99), ATEN_V_SESSION_LARGE);
    assert_null(value);
    assert_int_equal(sealed(&value, made(&identity), 1), ATEN_V_OK);
    identity.user = repeat('u', 4000);
    assert_int_equal(sealed(&value, made(&identity), 0), ATEN_V_SESSION_LARGE);
}

static void what_could_not_be_opened_is_not_sealed(void **state)
{
    static const struct {
        const char *user;
        const char *profile;
        const char *name;
        const char *value;
        const char *why;
    } rows[] = {
        {"", "p", "n", "v", "an empty user"},
        {"u\n", "p", "n", "v", "a user with a line end"},
        {"u", "", "n", "v", "an empty profile"},
        {"u", "p", "", "v", "an empty name"},
        {"u", "p", "n\xFF", "v", "a name that is no UTF-8"},
        {"u", "p", "n", "a\x01", "a value with a control character"},
        {"u", "p", "n", NULL, "no value"},
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        aten_identity_t identity = nobody();
        aten_session_t *s;
        char *value = NULL;

        add_one(&identity, rows[i].name, "v");
        *(const char **)apr_array_pop(APR_ARRAY_IDX(identity.attributes, 0, aten_attribute_t).values) = rows[i].value;
        APR_ARRAY_IDX(identity.attributes, 0, aten_attribute_t).values->nelts = 1;
        s = made(&identity);
        s->profile = rows[i].profile;
        s->identity.user = rows[i].user;
        if (sealed(&value, s, 0) != ATEN_V_INTERNAL || value) fail_msg("%s", rows[i].why);
        if (s->identity.attributes != identity.attributes) fail_msg("changed: %s", rows[i].why);
    }
}

static void what_a_portal_must_not_say_is_not_sealed(void **state)
{
    static const aten_saml_subject_t rows[] = {
        {.name_id = "a\n"}, {.format = "\x01"}, {.name_qualifier = "\xFF"}, {.sp_name_qualifier = "\xC0\x80"},
        {.session_index = "a\x7F"}, {.authn_context = "\xED\xA0\x80"}, {.authn_instant = -1},
    };
    aten_identity_t identity = parent();
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        aten_session_t *s = made_by_portal(&identity, &whole_subject);
        char *value = NULL;

        s->subject = &rows[i];
        if (sealed(&value, s, 0) != ATEN_V_INTERNAL || value) fail_msg("row %lu", (unsigned long)i);
    }
}

static void sealing_can_fail(void **state)
{
    aten_identity_t identity = nobody();
    aten_session_t *s = made(&identity);
    const apr_array_header_t *attributes = s->identity.attributes;
    char *value = NULL;

    assert_int_equal(aten_session_seal(&value, s, 0, keys, &bind_session, failing, NULL, pool), ATEN_V_INTERNAL);
    assert_true(s->identity.attributes == attributes && s->attributes_left_out == 0);
    s->backend = ATEN_BACKEND_CLOSED;
    assert_int_equal(sealed(&value, s, 0), ATEN_V_INTERNAL);
    s->backend = ATEN_BACKEND_CAS;
    s->seen = -1;
    assert_int_equal(sealed(&value, s, 0), ATEN_V_INTERNAL);
    assert_null(value);
}

static void every_flipped_bit_is_refused(void **state)
{
    aten_identity_t identity = parent();
    aten_session_t *s = made(&identity), *t = NULL;
    char *value;
    size_t i;
    int bit;

    assert_int_equal(sealed(&value, s, 1), ATEN_V_OK);
    for (i = 0; i < strlen(value); i++) {
        for (bit = 0; bit < 7; bit++) {
            value[i] = (char)(value[i] ^ (1 << bit));
            if (value[i] && opened(&t, value) == ATEN_V_OK) fail_msg("byte %lu, bit %d", (unsigned long)i, bit);
            value[i] = (char)(value[i] ^ (1 << bit));
        }
    }
    for (i = 0; i < strlen(value); i++) {
        assert_int_not_equal(aten_session_open(&t, value, i, keys, &bind_session, pool), ATEN_V_OK);
    }
    assert_null(t);
    assert_int_equal(opened(&t, repeat('A', ATEN_COOKIE_MAX + 1)), ATEN_V_SEAL_MALFORMED);
}

static void other_bindings_are_refused(void **state)
{
    static const aten_bind_t others[] = {{"pending", "__Host-aten", "https", "ent.example"},
                                         {"session", "__Host-aten-login-1", "https", "ent.example"},
                                         {"session", "__Host-aten", "http", "ent.example"},
                                         {"session", "__Host-aten", "https", "b.example"}};
    aten_identity_t identity = parent();
    aten_session_t *t = NULL;
    char *value;
    size_t i;

    assert_int_equal(sealed(&value, made(&identity), 1), ATEN_V_OK);
    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_int_equal(aten_session_open(&t, value, strlen(value), keys, &others[i], pool), ATEN_V_SEAL_BROKEN);
    }
    assert_null(t);
}

/* -- What stands inside is read strictly, although nobody else could have sealed it -- */

/* The packed session of sealed and opened text. */
static unsigned char *packed_of(aten_session_t *s, apr_size_t *len)
{
    unsigned char *plain;
    char *value;

    assert_int_equal(sealed(&value, s, 0), ATEN_V_OK);
    assert_int_equal(aten_open(keys, &bind_session, value, strlen(value), &plain, len, pool), ATEN_V_OK);
    return plain;
}

static unsigned char *packed(const aten_identity_t *identity, apr_size_t *len)
{
    return packed_of(made(identity), len);
}

static aten_verdict_t reads(const unsigned char *plain, apr_size_t len)
{
    aten_session_t *t = NULL;
    char *value = aten_seal(keys, &bind_session, plain, len, counting, NULL, pool);
    aten_verdict_t v = aten_session_open(&t, value, strlen(value), keys, &bind_session, pool);

    assert_true((v == ATEN_V_OK) == (t != NULL));
    return v;
}

static void is_read_strictly(const unsigned char *plain, apr_size_t len)
{
    apr_size_t i;
    unsigned char *longer = apr_palloc(pool, len + 1);

    assert_int_equal(reads(plain, len), ATEN_V_OK);
    for (i = 0; i < len; i++) {
        if (reads(plain, i) != ATEN_V_SESSION_MALFORMED) fail_msg("cut at %lu", (unsigned long)i);
    }
    memcpy(longer, plain, len);
    longer[len] = 0;
    assert_int_equal(reads(longer, len + 1), ATEN_V_SESSION_MALFORMED); /* a byte left over */
}

static void packed_sessions_are_read_strictly(void **state)
{
    aten_identity_t identity = parent();
    unsigned char *plain;
    apr_size_t len;

    plain = packed(&identity, &len);
    is_read_strictly(plain, len);
    plain = packed_of(made_by_portal(&identity, &whole_subject), &len);
    is_read_strictly(plain, len);
}

static void hurt_every_byte(unsigned char *plain, apr_size_t len)
{
    apr_size_t i;
    int value;

    /* Whatever stands there: read or refused, never read beyond (the sanitizer watches). */
    for (i = 0; i < len; i++) {
        const unsigned char right = plain[i];

        for (value = 0; value < 256; value += i < 84 ? 51 : 1) {
            plain[i] = (unsigned char)value;
            reads(plain, len);
        }
        plain[i] = right;
    }
}

static void no_byte_inside_can_hurt(void **state)
{
    aten_identity_t identity = parent();
    unsigned char *plain;
    apr_size_t len;

    plain = packed(&identity, &len);
    hurt_every_byte(plain, len);
    plain = packed_of(made_by_portal(&identity, &whole_subject), &len);
    hurt_every_byte(plain, len);
}

/* Behind profile and user, each of one byte. */
static void odd_subjects_are_refused(void **state)
{
    enum { THERE = 2 + 8 + 48 + 24 + 3 + 3, TEXT = THERE + 1 };
    static const struct {
        apr_size_t at;
        unsigned char byte;
        const char *why;
    } rows[] = {
        {THERE, 0x41, "a seventh text"},
        {THERE, 0x81, "an eighth"},
        {THERE, 0x00, "no text, and one left over"},
        {THERE, 0x03, "two texts, where one is"},
        {TEXT, 0x7F, "a longer text"},
        {TEXT, 0xFF, "a text far longer than the session"},
        {TEXT + 1, 0x0A, "a line end"},
        {TEXT + 1, 0xFF, "no UTF-8"},
        {TEXT + 2, 'x', "a text without its NUL"},
        {TEXT + 3, 0x80, "authenticated before the epoch"},
        {1, ATEN_BACKEND_CAS, "CAS with a subject"},
    };
    const aten_saml_subject_t subject = {.name_id = "n", .authn_instant = NOW};
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        aten_identity_t identity = {"u", nobody().attributes};
        aten_session_t *s = made_by_portal(&identity, &subject);
        unsigned char *plain;
        apr_size_t len;

        s->profile = "p";
        plain = packed_of(s, &len);
        assert_int_equal(plain[THERE], 1);
        assert_int_equal(reads(plain, len), ATEN_V_OK);
        plain[rows[i].at] = rows[i].byte;
        if (reads(plain, len) != ATEN_V_SESSION_MALFORMED) fail_msg("%s", rows[i].why);
    }
}

static void odd_heads_are_refused(void **state)
{
    enum { FORMAT = 0, BACKEND = 1, LOGIN = 2 + 8 + 48, PROFILE = LOGIN + 24 };
    static const struct {
        apr_size_t at;
        unsigned char byte;
        const char *why;
    } rows[] = {
        {FORMAT, 0, "format 0"},
        {FORMAT, 1, "the format of an earlier version, without a subject"},
        {FORMAT, 3, "a format of a later version"},
        {BACKEND, ATEN_BACKEND_ATEN, "a portal without a subject"},
        {BACKEND, ATEN_BACKEND_CLOSED, "no backend"},
        {BACKEND, 3, "an unknown backend"},
        {BACKEND, 255, "an unknown backend"},
        {LOGIN, 0x80, "a login before the epoch"},
        {LOGIN + 8, 0xFF, "seen before the epoch"},
        {LOGIN + 16, 0x80, "an end before the epoch"},
        {PROFILE, 0x7F, "a longer profile"},
        {PROFILE, 0xFF, "a profile far longer than the session"},
        {PROFILE + 1, 0x0A, "a line end in the profile"},
        {PROFILE + 1, 0, "a NUL in the profile"},
        {PROFILE + 1, 0xFF, "a profile that is no UTF-8"},
        {PROFILE + 2, 'x', "a profile without its NUL"},
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        aten_identity_t identity = nobody();
        aten_session_t *s = made(&identity);
        unsigned char *plain;
        apr_size_t len;
        char *value;

        s->profile = "p";
        assert_int_equal(sealed(&value, s, 0), ATEN_V_OK);
        assert_int_equal(aten_open(keys, &bind_session, value, strlen(value), &plain, &len, pool), ATEN_V_OK);
        assert_int_equal(plain[PROFILE], 1);
        plain[rows[i].at] = rows[i].byte;
        if (reads(plain, len) != ATEN_V_SESSION_MALFORMED) fail_msg("%s", rows[i].why);
    }
}

/* CVE-2024-24814: a count out of a cookie was a loop's bound. */
static void counts_are_held_against_what_is_there(void **state)
{
    static const struct {
        unsigned int attributes;
        unsigned int values;
        unsigned int first;
        int ok;
        const char *why;
    } rows[] = {
        {2, 3, 2, 1, "as it was sealed"},
        {3, 3, 2, 0, "one attribute more"},
        {1, 3, 2, 0, "one attribute less"},
        {0, 0, 2, 0, "none, and bytes left over"},
        {2, 4, 2, 0, "one value more"},
        {2, 2, 2, 0, "one value less"},
        {2, 3, 3, 0, "the first has all values: none is left for the second"},
        {2, 3, 1, 0, "the first has one less"},
        {2, 3, 0x7F, 0, "more values than all together"},
        {0xFFFF, 3, 2, 0, "far too many attributes"},
        {2, 0xFFFF, 2, 0, "far too many values"},
        {0xFFFF, 0xFFFF, 0x7F, 0, "far too many of everything"},
    };
    const char *const two[] = {"1", "2", NULL};
    aten_identity_t identity = nobody();
    unsigned char *plain, *counts;
    apr_size_t len;
    size_t i;

    add(&identity, "a", two);
    add_one(&identity, "b", "3");
    plain = packed(&identity, &len);
    counts = plain + len - (3 + 1 + 3 + 3) - (3 + 1 + 3) - 4; /* before the two attributes */
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        counts[0] = (unsigned char)(rows[i].attributes >> 8);
        counts[1] = (unsigned char)rows[i].attributes;
        counts[2] = (unsigned char)(rows[i].values >> 8);
        counts[3] = (unsigned char)rows[i].values;
        counts[4 + 3] = (unsigned char)rows[i].first;
        if ((reads(plain, len) == ATEN_V_OK) != rows[i].ok) fail_msg("%s", rows[i].why);
    }
}

/* There is room for as many values as the sum says, whatever an attribute says for itself. */
static void values_have_only_the_room_of_their_sum(void **state)
{
    enum { VALUES = 1400 };
    aten_identity_t identity = nobody();
    aten_attribute_t *attribute = apr_array_push(identity.attributes);
    unsigned char *plain;
    aten_session_t *s = NULL;
    apr_pool_t *fresh;
    apr_size_t len;
    char *value;
    int i;

    attribute->name = "a";
    attribute->values = apr_array_make(pool, VALUES, sizeof(const char *));
    for (i = 0; i < VALUES; i++) APR_ARRAY_PUSH(attribute->values, const char *) = "";
    plain = packed(&identity, &len);
    assert_int_equal(reads(plain, len), ATEN_V_OK);

    memset(plain + len - VALUES * 2 - 2 - 3 - 2, 0, 2); /* before the attribute, the last of the three counts */
    value = aten_seal(keys, &bind_session, plain, len, counting, NULL, pool);
    apr_pool_create(&fresh, NULL); /* so small that the sanitizer would see it overflow */
    assert_int_equal(aten_session_open(&s, value, strlen(value), keys, &bind_session, fresh), ATEN_V_SESSION_MALFORMED);
    apr_pool_destroy(fresh);
}

/* -- Judging -- */

static void time_is_judged(void **state)
{
    static const struct {
        apr_time_t login, seen, end, now; /* seconds after NOW; now in microseconds after it */
        aten_verdict_t verdict;
        const char *why;
    } rows[] = {
        {0, 0, 28800, 0, ATEN_V_OK, "just made"},
        {0, 0, 28800, SECONDS(3600) - 1, ATEN_V_OK, "idle, the last microsecond"},
        {0, 0, 28800, SECONDS(3600), ATEN_V_SESSION_IDLE, "idle: the instant itself is past it"},
        {0, 25300, 28800, SECONDS(28800) - 1, ATEN_V_OK, "alive to the last microsecond"},
        {0, 28700, 28800, SECONDS(28800), ATEN_V_SESSION_EXPIRED, "the end itself is past it"},
        {0, 900, 1000, SECONDS(1000), ATEN_V_SESSION_EXPIRED, "its own end is the earlier"},
        {0, 900, 1000, SECONDS(1000) - 1, ATEN_V_OK, "before its own end"},
        {0, 28700, 99999, SECONDS(28800), ATEN_V_SESSION_EXPIRED, "the configured lifetime is the earlier"},
        {0, 28700, 99999, SECONDS(28800) - 1, ATEN_V_OK, "before the configured lifetime"},
        {0, 0, 28800, SECONDS(90000), ATEN_V_SESSION_EXPIRED, "expired and idle: expired"},
        {60, 60, 28860, 0, ATEN_V_OK, "the clock of another front end is 60 seconds ahead"},
        {61, 61, 28861, 0, ATEN_V_SESSION_FUTURE, "61 seconds ahead"},
        {61, 0, 28861, 0, ATEN_V_SESSION_FUTURE, "the login alone in the future"},
        {0, 61, 28800, 0, ATEN_V_SESSION_FUTURE, "issued in the future: it would not become idle"},
        {28800, 28800, 90000, 0, ATEN_V_SESSION_FUTURE, "a clock was set back by hours"},
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        aten_session_t s = {.login = NOW + SECONDS(rows[i].login), .seen = NOW + SECONDS(rows[i].seen),
                            .end = NOW + SECONDS(rows[i].end)};

        if (aten_session_check(&s, &last, NOW + rows[i].now) != rows[i].verdict) fail_msg("%s", rows[i].why);
    }
}

static void a_cookie_is_issued_anew_when_a_twentieth_has_passed(void **state)
{
    aten_session_t s = {.login = NOW, .seen = NOW, .end = NOW + SECONDS(28800)};

    assert_false(aten_session_wants_reissue(&s, &last, NOW));
    assert_false(aten_session_wants_reissue(&s, &last, NOW + SECONDS(180)));
    assert_true(aten_session_wants_reissue(&s, &last, NOW + SECONDS(180) + 1));
    assert_false(aten_session_wants_reissue(&s, &last, NOW - SECONDS(30)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bytes_of_keys_stay),
        cmocka_unit_test(a_session_is_made),
        cmocka_unit_test(keys_tell_apart),
        cmocka_unit_test(credentials_tell_apart),
        cmocka_unit_test(everything_comes_back),
        cmocka_unit_test(the_subject_comes_back),
        cmocka_unit_test(cas_has_no_subject),
        cmocka_unit_test(a_session_has_a_profile),
        cmocka_unit_test(packing_keeps_to_its_room),
        cmocka_unit_test(an_opened_array_can_grow),
        cmocka_unit_test(a_person_without_attributes),
        cmocka_unit_test(the_cookie_never_exceeds_its_limit),
        cmocka_unit_test(what_does_not_fit_is_left_out),
        cmocka_unit_test(needed_attributes_must_fit),
        cmocka_unit_test(what_could_not_be_opened_is_not_sealed),
        cmocka_unit_test(what_a_portal_must_not_say_is_not_sealed),
        cmocka_unit_test(sealing_can_fail),
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(other_bindings_are_refused),
        cmocka_unit_test(packed_sessions_are_read_strictly),
        cmocka_unit_test(no_byte_inside_can_hurt),
        cmocka_unit_test(odd_heads_are_refused),
        cmocka_unit_test(odd_subjects_are_refused),
        cmocka_unit_test(counts_are_held_against_what_is_there),
        cmocka_unit_test(values_have_only_the_room_of_their_sum),
        cmocka_unit_test(time_is_judged),
        cmocka_unit_test(a_cookie_is_issued_anew_when_a_twentieth_has_passed),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
