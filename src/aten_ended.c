#include "aten_ended.h"

#include <string.h>

#include <apr_escape.h>

/* Where each stands in aten_ended_keys_t. */
enum { ID, LOGIN, SUBJECT, EVERYBODY, NAME };

/* -- Keys -- */

int aten_ended_login_key(aten_store_key_t *out, aten_backend_t backend, const char *target, const char *credential)
{
    return aten_session_login_key(out->bytes, backend, target, credential);
}

int aten_ended_subject_key(aten_store_key_t *out, aten_backend_t backend, const char *target, const char *user)
{
    return aten_session_subject_key(out->bytes, backend, target, user);
}

/* A session does not have the entityID, but the hash of it. */
static int name_key(aten_store_key_t *out, const unsigned char backend_key[ATEN_BACKEND_KEY_BYTES],
                    const char *name_id)
{
    char portal[2 * ATEN_BACKEND_KEY_BYTES + 1];
    const char *const parts[] = {portal, name_id, NULL};

    if (apr_escape_hex(portal, backend_key, ATEN_BACKEND_KEY_BYTES, 0, NULL) != APR_SUCCESS) portal[0] = '\0';
    return portal[0] && name_id && aten_store_key(out, "name", parts);
}

int aten_ended_name_key(aten_store_key_t *out, const char *entity_id, const char *name_id)
{
    unsigned char backend_key[ATEN_BACKEND_KEY_BYTES];

    memset(out, 0, sizeof(*out));
    return aten_backend_key(backend_key, ATEN_BACKEND_ATEN, entity_id) && name_key(out, backend_key, name_id);
}

int aten_ended_everybody_key(aten_store_key_t *out)
{
    static const char *const parts[] = {"", NULL};

    return aten_store_key(out, "everybody", parts);
}

static aten_store_key_t key_of(const unsigned char bytes[ATEN_STORE_KEY_BYTES])
{
    aten_store_key_t key;

    memcpy(key.bytes, bytes, sizeof(key.bytes));
    return key;
}

_Static_assert(ATEN_SESSION_ID_BYTES == ATEN_STORE_KEY_BYTES && ATEN_KEY_HASH_BYTES == ATEN_STORE_KEY_BYTES,
               "a session's id and keys are keys of the store");

int aten_ended_keys(aten_ended_keys_t *out, const aten_session_t *session)
{
    const char *name_id = session->subject ? session->subject->name_id : NULL;
    aten_ended_keys_t keys = {.count = NAME};

    memset(out, 0, sizeof(*out));
    keys.keys[ID] = key_of(session->id);
    keys.keys[LOGIN] = key_of(session->login_key);
    keys.keys[SUBJECT] = key_of(session->subject_key);
    if (!aten_ended_everybody_key(&keys.keys[EVERYBODY])) return 0;
    if (name_id) {
        if (!name_key(&keys.keys[NAME], session->backend_key, name_id)) return 0;
        keys.count = NAME + 1;
    }
    *out = keys;
    return 1;
}

/* -- Judging -- */

/* When the person proved who they are. A portal's answer may be on its way when the logout takes place, so its own time
 * counts there; it says no more than the second (saml-core 1.3.3), so the end of that. */
static apr_time_t proved_at(const aten_session_t *session)
{
    const apr_time_t said = session->subject ? session->subject->authn_instant : 0;
    const apr_time_t proved = said - said % APR_USEC_PER_SEC + APR_USEC_PER_SEC - 1;

    return said && proved < session->login ? proved : session->login;
}

/* A login key of value 0 is a ticket that is known (aten_ended_known), of a session that is alive. Above it the login
 * was ended, at whatever time: a ticket is good once. A portal may give the same NameID and SessionIndex again, or no
 * SessionIndex at all, so its login key is a mark. */
static int login_is_ended(apr_time_t value, const aten_session_t *session)
{
    if (value == ATEN_STORE_ABSENT || value == 0) return 0;
    return session->backend == ATEN_BACKEND_CAS || proved_at(session) <= value;
}

static int is_ended(const apr_time_t *values, int count, const aten_session_t *session)
{
    int i;

    if (values[ID] != ATEN_STORE_ABSENT || login_is_ended(values[LOGIN], session)) return 1;
    for (i = SUBJECT; i < count; i++) {
        if (values[i] != ATEN_STORE_ABSENT && session->login <= values[i]) return 1;
    }
    return 0;
}

aten_verdict_t aten_ended_check(const aten_store_t *store, const aten_ended_keys_t *keys, const aten_session_t *session,
                                apr_time_t now, apr_uint64_t *version)
{
    apr_time_t values[NAME + 1];
    apr_uint64_t current = 0;

    /* Keys that could not be made say nothing about the session. */
    if (!store || keys->count < NAME || keys->count > NAME + 1) return ATEN_V_STORE;
    if (version) {
        /* Asked before the read: what is written in between is seen the next time. */
        current = store->version(store->baton);
        if (current && current == *version) return ATEN_V_OK;
        *version = 0;
    }
    if (store->read(store->baton, keys->keys, keys->count, values, now) != APR_SUCCESS) return ATEN_V_STORE;
    if (is_ended(values, keys->count, session)) return ATEN_V_SESSION_ENDED;
    if (version) *version = current;
    return ATEN_V_OK;
}

/* -- What is written -- */

static apr_time_t later(apr_time_t a, apr_time_t b)
{
    return a > b ? a : b;
}

/* 0 would not be an end: what is raised has a value, whatever the clock says. */
static aten_store_write_t raise_to(const aten_store_key_t *key, apr_time_t value, apr_time_t last)
{
    return (aten_store_write_t){.key = *key, .value = later(value, 1), .until = last + ATEN_ENDED_KEPT_LONGER,
                                .raise = 1};
}

aten_store_write_t aten_ended_session(const aten_session_t *session, apr_time_t now)
{
    const aten_store_key_t key = key_of(session->id);

    return raise_to(&key, now, later(session->end, now));
}

aten_store_write_t aten_ended_login(const aten_store_key_t *login_key, apr_interval_time_t lifetime, apr_time_t now)
{
    return raise_to(login_key, now, now + lifetime);
}

aten_store_write_t aten_ended_mark(const aten_store_key_t *key, apr_time_t mark, apr_interval_time_t lifetime,
                                   apr_time_t now)
{
    return raise_to(key, mark, later(mark, now) + lifetime);
}

aten_store_write_t aten_ended_known(const aten_session_t *session)
{
    return (aten_store_write_t){.key = key_of(session->login_key), .until = session->end + ATEN_ENDED_KEPT_LONGER};
}
