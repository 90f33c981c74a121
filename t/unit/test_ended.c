#include "unit.h"

#include "aten_ended.h"

#define KEY_1 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define CAS "https://cas.example/cas"
#define PORTAL "https://portal.example/idp"
#define NOW apr_time_from_sec(1488322800)
#define SECONDS(n) apr_time_from_sec(n)
#define LIFETIME SECONDS(28800)
#define DAY SECONDS(86400)

static aten_keyring_t *keyring;
static const aten_lifetimes_t last = {LIFETIME, SECONDS(3600)};
static const aten_bind_t bind_session = {"session", "__Host-aten", "https", "ent.example"};

/* -- A store that counts -- */

#define RECORDS_MAX 16

static struct {
    aten_store_write_t records[RECORDS_MAX];
    int count;
    apr_uint64_t version;     /* 0: it cannot be known */
    int reads, versions;
    apr_status_t read_status; /* what a read returns */
    int writes_while_read;    /* another process writes while the records are read */
} fake;

static aten_store_write_t *record_of(const aten_store_key_t *key)
{
    int i;

    for (i = 0; i < fake.count; i++) {
        if (!memcmp(&fake.records[i].key, key, sizeof(*key))) return &fake.records[i];
    }
    return NULL;
}

static int is_absent(const aten_store_write_t *record, apr_time_t now)
{
    return !record || record->until <= now;
}

static apr_time_t later(apr_time_t a, apr_time_t b)
{
    return a > b ? a : b;
}

/* By the rules of aten_store.h, for one record. */
static apr_status_t fake_write(void *baton, const aten_store_write_t *writes, int count, apr_time_t now)
{
    aten_store_write_t *there = record_of(&writes[0].key);

    assert_int_equal(count, 1);
    if (writes[0].until <= now || writes[0].value < 0) return APR_EINVAL;
    if (!is_absent(there, now) && !writes[0].raise) return APR_EEXIST;
    if (is_absent(there, now)) {
        if (!there) there = &fake.records[fake.count++];
        *there = writes[0];
    }
    else {
        there->value = later(there->value, writes[0].value);
        there->until = later(there->until, writes[0].until);
    }
    if (fake.version) fake.version++;
    return APR_SUCCESS;
}

static apr_status_t fake_read(void *baton, const aten_store_key_t *keys, int count, apr_time_t *values, apr_time_t now)
{
    int i;

    assert_true(count >= 1 && count <= ATEN_STORE_READ_MAX);
    fake.reads++;
    for (i = 0; i < count; i++) {
        const aten_store_write_t *there = record_of(&keys[i]);

        values[i] = is_absent(there, now) ? ATEN_STORE_ABSENT : there->value;
    }
    if (fake.writes_while_read) fake.version++;
    return fake.read_status;
}

static apr_uint64_t fake_version(void *baton)
{
    fake.versions++;
    return fake.version;
}

static const aten_store_t store = {NULL, fake_write, fake_read, fake_version, NULL, NULL};

static int empty_store(void **state)
{
    memset(&fake, 0, sizeof(fake));
    fake.version = 1;
    return 0;
}

static int set_up(void **state)
{
    if (setup(state)) return -1;
    return aten_keyring_parse(&keyring, KEY_1, strlen(KEY_1), pool) ? -1 : 0;
}

static void write_one(aten_store_write_t write, apr_time_t now)
{
    assert_int_equal(fake_write(NULL, &write, 1, now), APR_SUCCESS);
}

/* -- Sessions -- */

static unsigned char counter;

static apr_status_t counting(void *baton, unsigned char *buf, apr_size_t len)
{
    memset(buf, ++counter, len);
    return APR_SUCCESS;
}

static aten_session_t *session_of(aten_backend_t backend, const char *target, const char *credential, const char *user,
                                  apr_time_t login)
{
    const aten_identity_t identity = {user, apr_array_make(pool, 1, sizeof(aten_attribute_t))};
    aten_session_t *s = aten_session_make(backend, target, credential, "p", &identity, login, &last, counting, NULL,
                                          pool);

    assert_non_null(s);
    return s;
}

static aten_session_t *by_cas(apr_time_t login)
{
    return session_of(ATEN_BACKEND_CAS, CAS, "ST-1", "zoe", login);
}

static aten_session_t *by_portal(const char *name_id, const char *session_index, apr_time_t login)
{
    aten_saml_subject_t *subject = apr_pcalloc(pool, sizeof(*subject));
    aten_session_t *s;

    subject->name_id = name_id;
    subject->session_index = session_index;
    s = session_of(ATEN_BACKEND_ATEN, PORTAL, aten_session_credential(subject, pool), "zoe", login);
    s->subject = subject;
    return s;
}

static aten_verdict_t check_at(const aten_session_t *session, apr_time_t now)
{
    aten_ended_keys_t keys;

    assert_true(aten_ended_keys(&keys, session));
    return aten_ended_check(&store, &keys, session, now, NULL);
}

static aten_verdict_t check(const aten_session_t *session)
{
    return check_at(session, NOW);
}

static aten_store_key_t subject_key(aten_backend_t backend, const char *target, const char *user)
{
    aten_store_key_t key;

    assert_true(aten_ended_subject_key(&key, backend, target, user));
    return key;
}

static aten_store_key_t name_key(const char *entity_id, const char *name_id)
{
    aten_store_key_t key;

    assert_true(aten_ended_name_key(&key, entity_id, name_id));
    return key;
}

static aten_store_key_t everybody_key(void)
{
    aten_store_key_t key;

    assert_true(aten_ended_everybody_key(&key));
    return key;
}

static aten_store_key_t login_key(aten_backend_t backend, const char *target, const char *credential)
{
    aten_store_key_t key;

    assert_true(aten_ended_login_key(&key, backend, target, credential));
    return key;
}

/* -- Keys -- */

static void assert_bytes(const aten_store_key_t *key, const char *bytes)
{
    assert_memory_equal(key->bytes, bytes, sizeof(key->bytes));
}

/* Sessions, records and other servers outlive an upgrade: these bytes never change. The first bytes of a SHA-256 over
 * the parts, each behind its length as 8 bytes. */
static void the_bytes_of_keys_stay(void **state)
{
    aten_store_key_t key = login_key(ATEN_BACKEND_CAS, CAS, "ST-1");

    assert_bytes(&key, "\x6a\x6b\x8a\x05\x0d\x52\x08\x4a\x67\xf9\x71\x07\x75\x69\x79\xca");
    key = login_key(ATEN_BACKEND_ATEN, PORTAL, "5:_a1b2 -");
    assert_bytes(&key, "\xd3\x0b\x67\x22\xa9\x97\x8f\xe4\xf6\xd2\x75\xc8\x51\x2e\xe5\xba");
    key = subject_key(ATEN_BACKEND_CAS, CAS, "zoe");
    assert_bytes(&key, "\x14\x4b\xd6\x7c\xe7\x51\xbf\x1c\xc1\x11\x0d\x3f\x4a\x5d\x7f\x06");
    key = name_key(PORTAL, "_a1b2");
    assert_bytes(&key, "\x77\xb5\xb4\x2c\xcb\x76\x2e\x61\x25\xf3\x1a\xfb\x4c\x02\x9c\xdd");
    key = everybody_key();
    assert_bytes(&key, "\xa6\x91\xad\x6c\xe8\x6c\x06\x8a\xb5\xd5\x89\x1c\x97\x56\xf9\x05");
}

static void what_is_missing_has_no_key(void **state)
{
    static const aten_store_key_t zeros;
    aten_store_key_t key;

#define HAS_NONE(call) (memset(&key, 0xff, sizeof(key)), !(call) && !memcmp(&key, &zeros, sizeof(key)))
    assert_true(HAS_NONE(aten_ended_login_key(&key, ATEN_BACKEND_CAS, NULL, "ST-1")));
    assert_true(HAS_NONE(aten_ended_login_key(&key, ATEN_BACKEND_CAS, CAS, NULL)));
    assert_true(HAS_NONE(aten_ended_login_key(&key, ATEN_BACKEND_CLOSED, CAS, "ST-1")));
    assert_true(HAS_NONE(aten_ended_subject_key(&key, ATEN_BACKEND_CAS, NULL, "zoe")));
    assert_true(HAS_NONE(aten_ended_subject_key(&key, ATEN_BACKEND_CAS, CAS, NULL)));
    assert_true(HAS_NONE(aten_ended_name_key(&key, NULL, "_a1b2")));
    assert_true(HAS_NONE(aten_ended_name_key(&key, PORTAL, NULL)));
#undef HAS_NONE
}

static void a_session_has_its_keys(void **state)
{
    aten_session_t *s = by_cas(NOW);
    aten_ended_keys_t keys;
    aten_store_key_t key;
    int i, j;

    assert_true(aten_ended_keys(&keys, s));
    assert_int_equal(keys.count, 4);
    assert_memory_equal(&keys.keys[0], s->id, sizeof(s->id));
    key = login_key(ATEN_BACKEND_CAS, CAS, "ST-1");
    assert_memory_equal(&keys.keys[1], &key, sizeof(key));
    key = subject_key(ATEN_BACKEND_CAS, CAS, "zoe");
    assert_memory_equal(&keys.keys[2], &key, sizeof(key));
    key = everybody_key();
    assert_memory_equal(&keys.keys[3], &key, sizeof(key));

    assert_true(aten_ended_keys(&keys, by_portal(NULL, "_s", NOW)));
    assert_int_equal(keys.count, 4);
    assert_true(aten_ended_keys(&keys, by_portal("_n", NULL, NOW)));
    assert_int_equal(keys.count, 5);
    key = name_key(PORTAL, "_n");
    assert_memory_equal(&keys.keys[4], &key, sizeof(key));
    for (i = 0; i < keys.count; i++) {
        for (j = 0; j < i; j++) assert_memory_not_equal(&keys.keys[i], &keys.keys[j], sizeof(key));
    }
}

/* -- What is dead -- */

/* One write, and which of the sessions it ends: Zoé's by CAS (ST-1), by the portal (NameID _n, SessionIndex _s), and by
 * the portal without a NameID. */
static void each_write_ends_its_own(void **state)
{
    const aten_session_t *cas = by_cas(NOW - 5), *named = by_portal("_n", "_s", NOW - 5);
    const aten_session_t *nameless = by_portal(NULL, "_s", NOW - 5);
    const struct {
        aten_store_key_t key;
        int ends[3];
        const char *why;
    } rows[] = {
        {login_key(ATEN_BACKEND_CAS, CAS, "ST-1"), {1, 0, 0}, "its ticket"},
        {login_key(ATEN_BACKEND_CAS, CAS, "ST-2"), {0, 0, 0}, "another ticket"},
        {login_key(ATEN_BACKEND_CAS, CAS "2", "ST-1"), {0, 0, 0}, "the same ticket at another server"},
        {login_key(ATEN_BACKEND_ATEN, CAS, "ST-1"), {0, 0, 0}, "... at another kind of backend"},
        {login_key(ATEN_BACKEND_ATEN, PORTAL, "2:_n 2:_s"), {0, 1, 0}, "NameID and SessionIndex"},
        {login_key(ATEN_BACKEND_ATEN, PORTAL, "2:_n -"), {0, 0, 0}, "the NameID with no SessionIndex"},
        {login_key(ATEN_BACKEND_ATEN, PORTAL, "- 2:_s"), {0, 0, 1}, "the SessionIndex with no NameID"},
        {subject_key(ATEN_BACKEND_CAS, CAS, "zoe"), {1, 0, 0}, "the person at the CAS server"},
        {subject_key(ATEN_BACKEND_ATEN, PORTAL, "zoe"), {0, 1, 1}, "the person at the portal"},
        {subject_key(ATEN_BACKEND_CAS, CAS, "Zoe"), {0, 0, 0}, "somebody else"},
        {name_key(PORTAL, "_n"), {0, 1, 0}, "the NameID: no session that has none"},
        {name_key(PORTAL, "_m"), {0, 0, 0}, "another NameID"},
        {name_key(PORTAL "2", "_n"), {0, 0, 0}, "the NameID at another portal"},
        {name_key(CAS, "_n"), {0, 0, 0}, "a NameID of a CAS server, which has none"},
        {everybody_key(), {1, 1, 1}, "everybody"},
    };
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        empty_store(state);
        write_one(aten_ended_mark(&rows[i].key, NOW, LIFETIME, NOW), NOW);
        if ((check(cas) == ATEN_V_SESSION_ENDED) != rows[i].ends[0]) fail_msg("CAS: %s", rows[i].why);
        if ((check(named) == ATEN_V_SESSION_ENDED) != rows[i].ends[1]) fail_msg("portal: %s", rows[i].why);
        if ((check(nameless) == ATEN_V_SESSION_ENDED) != rows[i].ends[2]) fail_msg("nameless: %s", rows[i].why);
    }
}

static void one_session_is_ended(void **state)
{
    aten_session_t *s = by_cas(NOW - 5), *other = by_cas(NOW - 5);

    assert_int_equal(check(s), ATEN_V_OK);
    write_one(aten_ended_session(s, NOW), NOW);
    assert_int_equal(check(s), ATEN_V_SESSION_ENDED);
    assert_int_equal(check(other), ATEN_V_OK);
}

/* A ticket is good once, so what its clock says does not count. */
static void a_ticket_is_ended_at_whatever_time(void **state)
{
    static const apr_time_t logins[] = {-SECONDS(28799), -1, 0, 1, SECONDS(60)};
    const aten_store_key_t login = login_key(ATEN_BACKEND_CAS, CAS, "ST-1");
    int i;

    for (i = 0; i < COUNT(logins); i++) {
        empty_store(state);
        write_one(aten_ended_login(&login, LIFETIME, NOW), NOW);
        assert_int_equal(check(by_cas(NOW + logins[i])), ATEN_V_SESSION_ENDED);
    }
}

/* An answer that was on its way when the portal's session ended gives no session; one of a new proof does. */
static void what_a_portal_says_of_the_proof_counts(void **state)
{
    static const struct {
        apr_time_t proved, login;
        int dead;
        const char *why;
    } rows[] = {
        {-SECONDS(10), SECONDS(5), 1, "proved before the logout, arrived after it"},
        {-1, SECONDS(5), 1, "proved in the second before"},
        {0, SECONDS(5), 0, "proved in that second: it may have been after it"},
        {SECONDS(1), SECONDS(5), 0, "proved after it"},
        {SECONDS(5), -1, 1, "the portal's clock is ahead: our own says that the login was before"},
        {SECONDS(5), 1, 0, "... and that it was after"},
    };
    const aten_store_key_t login = login_key(ATEN_BACKEND_ATEN, PORTAL, "2:_n 2:_s");
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        aten_session_t *s = by_portal("_n", "_s", NOW + rows[i].login);
        aten_saml_subject_t subject = *s->subject;

        empty_store(state);
        subject.authn_instant = NOW + rows[i].proved;
        s->subject = &subject;
        write_one(aten_ended_login(&login, LIFETIME, NOW), NOW);
        if ((check(s) == ATEN_V_SESSION_ENDED) != rows[i].dead) fail_msg("%s", rows[i].why);
    }
}

/* An id that was ended is dead at whatever time; a mark, and a portal's login, end what began at it or before. */
static void at_the_microsecond(void **state)
{
    enum { OF_ID, OF_LOGIN, OF_SUBJECT, OF_NAME, OF_EVERYBODY };
    static const struct {
        int what;
        apr_time_t login; /* after the moment of the end, in microseconds */
        int dead;
        const char *why;
    } rows[] = {
        {OF_SUBJECT, -1, 1, "a microsecond before the mark"},
        {OF_SUBJECT, 0, 1, "at the mark"},
        {OF_SUBJECT, 1, 0, "a microsecond later"},
        {OF_NAME, -1, 1, "of a NameID: before"},
        {OF_NAME, 0, 1, "at it"},
        {OF_NAME, 1, 0, "later"},
        {OF_EVERYBODY, -1, 1, "of everybody: before"},
        {OF_EVERYBODY, 0, 1, "at it"},
        {OF_EVERYBODY, 1, 0, "later"},
        {OF_ID, 1, 1, "a session by its id: its clock does not count"},
        {OF_ID, SECONDS(60), 1, "made in the future by another server's clock"},
        {OF_LOGIN, 0, 1, "a portal's login, ended in that microsecond"},
        {OF_LOGIN, 1, 0, "a portal's NameID and SessionIndex that are used again later"},
        {OF_SUBJECT, SECONDS(60), 0, "a mark counts by the clocks alone: a login that says it began later is later"},
        {OF_SUBJECT, -SECONDS(28799), 1, "near its end"},
    };
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        const aten_session_t *s = by_portal("_n", "_s", NOW + rows[i].login);
        const aten_store_key_t login = login_key(ATEN_BACKEND_ATEN, PORTAL, "2:_n 2:_s");
        const aten_store_key_t marked[] = {login, login, subject_key(ATEN_BACKEND_ATEN, PORTAL, "zoe"),
                                           name_key(PORTAL, "_n"), everybody_key()};

        empty_store(state);
        if (rows[i].what == OF_ID) write_one(aten_ended_session(s, NOW), NOW);
        else if (rows[i].what == OF_LOGIN) write_one(aten_ended_login(&login, LIFETIME, NOW), NOW);
        else write_one(aten_ended_mark(&marked[rows[i].what], NOW, LIFETIME, NOW), NOW);
        if ((check(s) == ATEN_V_SESSION_ENDED) != rows[i].dead) fail_msg("%s", rows[i].why);
    }
}

static void any_of_several_is_enough(void **state)
{
    const aten_store_key_t subject = subject_key(ATEN_BACKEND_CAS, CAS, "zoe"), everybody = everybody_key();
    const aten_session_t *s = by_cas(NOW);

    write_one(aten_ended_mark(&everybody, NOW - 10, LIFETIME, NOW), NOW);
    assert_int_equal(check(s), ATEN_V_OK);
    write_one(aten_ended_mark(&subject, NOW, LIFETIME, NOW), NOW);
    assert_int_equal(check(s), ATEN_V_SESSION_ENDED);
    write_one(aten_ended_mark(&subject, NOW - 20, LIFETIME, NOW), NOW); /* an earlier mark takes nothing back */
    assert_int_equal(check(s), ATEN_V_SESSION_ENDED);
}

/* A cookie is sealed anew while the person works: what it is found by stays, and another that was on its way when the
 * session was ended is as dead. */
static void a_reissued_cookie_is_as_dead(void **state)
{
    aten_session_t *s = by_portal("_n", "_s", NOW - SECONDS(600)), *again;
    aten_ended_keys_t before, after;
    char *value;

    s->seen = NOW;
    assert_int_equal(aten_session_seal(&value, s, 0, keyring, &bind_session, counting, NULL, pool), ATEN_V_OK);
    assert_int_equal(aten_session_open(&again, value, strlen(value), keyring, &bind_session, pool), ATEN_V_OK);
    assert_true(aten_ended_keys(&before, s) && aten_ended_keys(&after, again));
    assert_memory_equal(&before, &after, sizeof(before));

    write_one(aten_ended_session(s, NOW - 1), NOW - 1); /* the re-issue came after it */
    assert_int_equal(check(again), ATEN_V_SESSION_ENDED);
    empty_store(state);
    write_one(aten_ended_mark(&after.keys[2], again->login, LIFETIME, NOW), NOW);
    assert_int_equal(check(again), ATEN_V_SESSION_ENDED); /* its login counts, not when the cookie was issued */
}

/* -- A ticket that is known -- */

static void a_known_ticket_ends_nothing(void **state)
{
    const aten_session_t *s = by_cas(NOW);
    aten_store_write_t known = aten_ended_known(s);
    const aten_store_key_t key = login_key(ATEN_BACKEND_CAS, CAS, "ST-1");

    assert_memory_equal(&known.key, &key, sizeof(key));
    assert_int_equal(known.raise, 0);
    assert_int_equal(known.quiet, 0);
    write_one(known, NOW);
    assert_int_equal(check(s), ATEN_V_OK);
    assert_int_equal(fake_write(NULL, &known, 1, NOW), APR_EEXIST); /* a ticket is used once */
    write_one(aten_ended_login(&key, LIFETIME, NOW), NOW);
    assert_int_equal(check(s), ATEN_V_SESSION_ENDED);
}

static void a_logout_before_the_login_stands(void **state)
{
    const aten_session_t *s = by_cas(NOW);
    const aten_store_write_t known = aten_ended_known(s);

    write_one(aten_ended_login(&known.key, LIFETIME, NOW - 1), NOW - 1);
    assert_int_equal(fake_write(NULL, &known, 1, NOW), APR_EEXIST);
    assert_int_equal(check(s), ATEN_V_SESSION_ENDED);
}

/* -- How long it is remembered, and clocks that jump -- */

static void records_outlive_the_cookie_by_a_day(void **state)
{
    const aten_session_t *s = by_cas(NOW);
    const aten_store_key_t key = everybody_key();
    const aten_store_write_t at_once = aten_ended_session(s, NOW), later_on = aten_ended_session(s, NOW + SECONDS(60));
    const aten_store_write_t login = aten_ended_login(&key, LIFETIME, NOW), known = aten_ended_known(s);
    const aten_store_write_t mark = aten_ended_mark(&key, NOW - SECONDS(60), LIFETIME, NOW);

    assert_true(at_once.until == s->end + DAY);
    assert_true(later_on.until == s->end + DAY); /* when the session ends, not when it was ended */
    assert_true(known.until == s->end + DAY);
    assert_true(login.until == NOW + LIFETIME + DAY);
    assert_true(mark.until == NOW + LIFETIME + DAY);
    assert_true(mark.value == NOW - SECONDS(60));
    assert_true(aten_ended_mark(&key, NOW + DAY, LIFETIME, NOW).until == NOW + DAY + LIFETIME + DAY);
    assert_true(at_once.value == NOW && login.value == NOW);
    assert_int_equal(at_once.raise + login.raise + mark.raise, 3);
    assert_int_equal(at_once.quiet + login.quiet + mark.quiet, 0);
}

static void clocks_jump(void **state)
{
    const aten_store_key_t key = everybody_key();
    const aten_session_t *s;

    /* An hour too late, a mark was set; then the clock was set right. It stands until time has come to it. */
    write_one(aten_ended_mark(&key, NOW + SECONDS(3600), LIFETIME, NOW), NOW);
    s = by_cas(NOW + SECONDS(10));
    assert_int_equal(check_at(s, NOW + SECONDS(10)), ATEN_V_SESSION_ENDED);
    s = by_cas(NOW + SECONDS(3600) + 1);
    assert_int_equal(check_at(s, NOW + SECONDS(3601)), ATEN_V_OK);
    s = by_cas(NOW + SECONDS(3600)); /* the last one that it ends, until its own end */
    assert_int_equal(check_at(s, s->end - 1), ATEN_V_SESSION_ENDED);

    /* A session of the time when the clock was a month ahead: its end is as far off, and so is the record's. */
    empty_store(state);
    s = by_cas(NOW + 30 * DAY);
    write_one(aten_ended_session(s, NOW), NOW);
    assert_int_equal(check_at(s, s->end - 1), ATEN_V_SESSION_ENDED);

    /* The clock goes a month ahead, a session is ended, and the clock is set back: it is found again. */
    empty_store(state);
    s = by_cas(NOW);
    write_one(aten_ended_session(s, NOW + 30 * DAY), NOW + 30 * DAY); /* a time that a store takes */
    assert_int_equal(check(s), ATEN_V_SESSION_ENDED);

    /* Set back by a day after the cookie's end, when a sweep may have been here: not yet forgotten. */
    empty_store(state);
    write_one(aten_ended_session(s, NOW), NOW);
    assert_int_equal(check_at(s, s->end + DAY - 1), ATEN_V_SESSION_ENDED);
    assert_int_equal(check_at(s, s->end + DAY), ATEN_V_OK); /* the session itself is long past its end */
}

static void a_clock_at_the_epoch_ends_all_the_same(void **state)
{
    const aten_session_t *s = by_cas(1);
    const aten_store_key_t everybody = everybody_key(), login = login_key(ATEN_BACKEND_CAS, CAS, "ST-1");

    write_one(aten_ended_login(&login, LIFETIME, 0), 0); /* a value of 0 would be a ticket that is known */
    assert_int_equal(check_at(s, 0), ATEN_V_SESSION_ENDED);
    assert_true(aten_ended_session(s, 0).value > 0);
    assert_true(aten_ended_mark(&everybody, -5, LIFETIME, 0).value > 0);
}

/* -- The store -- */

static void one_read_for_a_check(void **state)
{
    const aten_session_t *s = by_portal("_n", "_s", NOW);

    assert_int_equal(check(s), ATEN_V_OK);
    assert_int_equal(fake.reads, 1);
    assert_int_equal(fake.versions, 0);
}

static void an_unchanged_store_is_not_read(void **state)
{
    const aten_session_t *s = by_cas(NOW);
    const aten_store_key_t nobody = subject_key(ATEN_BACKEND_CAS, CAS, "nobody"), everybody = everybody_key();
    aten_ended_keys_t keys;
    apr_uint64_t version = 0;

    assert_true(aten_ended_keys(&keys, s));
#define CHECK() aten_ended_check(&store, &keys, s, NOW, &version)
    assert_int_equal(CHECK(), ATEN_V_OK);
    assert_true(version == fake.version);
    assert_int_equal(CHECK(), ATEN_V_OK);
    assert_int_equal(CHECK(), ATEN_V_OK);
    assert_int_equal(fake.reads, 1);
    write_one(aten_ended_mark(&nobody, NOW, LIFETIME, NOW), NOW); /* somebody else's */
    assert_int_equal(CHECK(), ATEN_V_OK);
    assert_int_equal(CHECK(), ATEN_V_OK);
    assert_int_equal(fake.reads, 2);
    write_one(aten_ended_mark(&everybody, NOW, LIFETIME, NOW), NOW);
    assert_int_equal(CHECK(), ATEN_V_SESSION_ENDED);
    assert_int_equal(CHECK(), ATEN_V_SESSION_ENDED); /* a dead one is never remembered as alive */
    assert_true(version == 0);
    assert_int_equal(fake.reads, 4);
}

static void a_write_during_the_read_is_seen_next_time(void **state)
{
    const aten_session_t *s = by_cas(NOW);
    aten_ended_keys_t keys;
    apr_uint64_t version = 0;

    assert_true(aten_ended_keys(&keys, s));
    fake.writes_while_read = 1;
    assert_int_equal(CHECK(), ATEN_V_OK);
    fake.writes_while_read = 0;
    assert_int_equal(CHECK(), ATEN_V_OK);
    assert_int_equal(fake.reads, 2);
    assert_int_equal(CHECK(), ATEN_V_OK);
    assert_int_equal(fake.reads, 2);
}

static void without_a_version_each_check_reads(void **state)
{
    const aten_session_t *s = by_cas(NOW);
    aten_ended_keys_t keys;
    apr_uint64_t version = 0;

    assert_true(aten_ended_keys(&keys, s));
    fake.version = 0;
    assert_int_equal(CHECK(), ATEN_V_OK);
    assert_int_equal(CHECK(), ATEN_V_OK);
    assert_int_equal(fake.reads, 2);
}

static void a_broken_store_lets_nobody_in(void **state)
{
    static const apr_status_t errors[] = {APR_EGENERAL, APR_NOTFOUND, APR_EAGAIN, APR_ENOMEM, APR_EEXIST};
    const aten_session_t *s = by_cas(NOW);
    aten_ended_keys_t keys;
    apr_uint64_t version = 0;
    int i;

    assert_true(aten_ended_keys(&keys, s));
    assert_int_equal(CHECK(), ATEN_V_OK);
    for (i = 0; i < COUNT(errors); i++) {
        fake.version++;
        fake.read_status = errors[i];
        assert_int_equal(CHECK(), ATEN_V_STORE);
        assert_true(version == 0);
        assert_int_equal(CHECK(), ATEN_V_STORE); /* and it stays unknown while nothing changes */
        fake.read_status = APR_SUCCESS;
        assert_int_equal(CHECK(), ATEN_V_OK);
    }
    assert_int_equal(aten_ended_check(NULL, &keys, s, NOW, &version), ATEN_V_STORE);
    assert_int_equal(aten_ended_check(NULL, &keys, s, NOW, NULL), ATEN_V_STORE);
#undef CHECK
}

static void keys_that_were_not_made_let_nobody_in(void **state)
{
    static const int counts[] = {0, 3, 6, -1};
    const aten_session_t *s = by_cas(NOW);
    aten_ended_keys_t keys = {.count = 0};
    int i;

    for (i = 0; i < COUNT(counts); i++) {
        keys.count = counts[i];
        assert_int_equal(aten_ended_check(&store, &keys, s, NOW, NULL), ATEN_V_STORE);
    }
    assert_int_equal(fake.reads, 0);
}

#define IN_AN_EMPTY_STORE(test) cmocka_unit_test_setup(test, empty_store)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bytes_of_keys_stay),
        cmocka_unit_test(what_is_missing_has_no_key),
        cmocka_unit_test(a_session_has_its_keys),
        IN_AN_EMPTY_STORE(each_write_ends_its_own),
        IN_AN_EMPTY_STORE(one_session_is_ended),
        IN_AN_EMPTY_STORE(at_the_microsecond),
        IN_AN_EMPTY_STORE(a_ticket_is_ended_at_whatever_time),
        IN_AN_EMPTY_STORE(what_a_portal_says_of_the_proof_counts),
        IN_AN_EMPTY_STORE(any_of_several_is_enough),
        IN_AN_EMPTY_STORE(a_reissued_cookie_is_as_dead),
        IN_AN_EMPTY_STORE(a_known_ticket_ends_nothing),
        IN_AN_EMPTY_STORE(a_logout_before_the_login_stands),
        IN_AN_EMPTY_STORE(records_outlive_the_cookie_by_a_day),
        IN_AN_EMPTY_STORE(clocks_jump),
        IN_AN_EMPTY_STORE(a_clock_at_the_epoch_ends_all_the_same),
        IN_AN_EMPTY_STORE(one_read_for_a_check),
        IN_AN_EMPTY_STORE(an_unchanged_store_is_not_read),
        IN_AN_EMPTY_STORE(a_write_during_the_read_is_seen_next_time),
        IN_AN_EMPTY_STORE(without_a_version_each_check_reads),
        IN_AN_EMPTY_STORE(a_broken_store_lets_nobody_in),
        IN_AN_EMPTY_STORE(keys_that_were_not_made_let_nobody_in),
    };

    return cmocka_run_group_tests(tests, set_up, teardown);
}
