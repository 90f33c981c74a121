/* What must be remembered across processes and restarts, each until a time: what was used once, which sessions were
 * ended, and marks ("whoever logged in before"). The logic sees this table of functions; aten_store_lmdb.c is the one
 * over LMDB, aten_store_shared.c the one that several servers share.
 *
 * A key is a hash that we compute over the kind of thing and what names it, or a random id: no byte from outside gets
 * into the store, and no name can be read out of it. */
#ifndef ATEN_STORE_H
#define ATEN_STORE_H

#include <apr_errno.h>
#include <apr_time.h>

#define ATEN_STORE_KEY_BYTES 16
#define ATEN_STORE_READ_MAX 8  /* keys of one read */
#define ATEN_STORE_WRITE_MAX 8 /* records of one write */
#define ATEN_STORE_ABSENT ((apr_time_t)-1)

typedef struct {
    unsigned char bytes[ATEN_STORE_KEY_BYTES];
} aten_store_key_t;

typedef struct {
    aten_store_key_t key;
    apr_time_t value;  /* 0: nothing but that it is there; above 0: a mark */
    apr_time_t until;  /* may be forgotten then */
    int raise;         /* 0: set if absent. 1: set, or raise what is there: of two writers in whichever order the later
                          mark and the later end stand */
    int quiet;         /* other servers need not hear of it */
} aten_store_write_t;

typedef struct {
    void *baton;

    /** Write records, 1 to ATEN_STORE_WRITE_MAX, one after the other, all of them or none: of two that set the same
     *  absent key at the same moment, in whichever processes, one wins. Durable when it returns.
     *  Those to be set if absent take less of the store's room than those that raise: when it fills up, logins stop
     *  before logouts do.
     *  @return APR_SUCCESS; APR_EEXIST if one that is to be absent is there (one whose time has come counts as absent);
     *          APR_EINVAL (no record, one that is set with until not after now, a negative time); another error:
     *          nothing may be believed */
    apr_status_t (*write)(void *baton, const aten_store_write_t *writes, int count, apr_time_t now);

    /** Look at keys, 1 to ATEN_STORE_READ_MAX, as they stand together at one moment on this server. Never waits: for a
     *  writer, for the disk's flush, for the network.
     *  @param values set to what each has, ATEN_STORE_ABSENT where it is not there (or its time has come)
     *  @return APR_SUCCESS, or an error: then values say nothing */
    apr_status_t (*read)(void *baton, const aten_store_key_t *keys, int count, apr_time_t *values, apr_time_t now);

    /** Which state the store is in: another number after each change by whichever process. Cheaper than a read.
     *  @return 0 if it cannot be known */
    apr_uint64_t (*version)(void *baton);

    /** Look for a key that a logout names, here and, where several servers share what they remember, with all of them:
     *  may wait a moment for the network.
     *  @return APR_SUCCESS; APR_NOTFOUND; APR_EINPROGRESS: it is only expected, and the write that sets it will be
     *          refused; APR_EAGAIN: not here, and the others cannot be asked now; another error */
    apr_status_t (*find)(void *baton, const aten_store_key_t *key, apr_time_t *value, apr_time_t now);

    /** A login is under way whose logout may arrive at any of the servers: they know of that key for
     *  ATEN_STORE_EXPECTED_SECONDS, though nothing is written here. Without other servers it does nothing. */
    void (*expect)(void *baton, const aten_store_key_t *key, apr_time_t now);
} aten_store_t;

#define ATEN_STORE_EXPECTED_SECONDS 30

/** The key of a thing. @param kind "assertion", "response", "login" @param parts what names it: 1 to 8, ends with NULL
 *  @return 1, or 0 if the hash failed or there are no or too many parts (out is then zeroed) */
int aten_store_key(aten_store_key_t *out, const char *kind, const char *const parts[]);

#endif
