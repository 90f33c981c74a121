/* What must be remembered across processes and restarts, each until a time: what was used once, and (for sessions that
 * were ended) marks. The logic sees this table of functions; aten_store_lmdb.c is the one over LMDB.
 *
 * A key is a hash that we compute over the kind of thing and what names it: no byte from outside gets into the store,
 * and no name can be read out of it. */
#ifndef ATEN_STORE_H
#define ATEN_STORE_H

#include <apr_errno.h>
#include <apr_time.h>

#define ATEN_STORE_KEY_BYTES 16

typedef struct {
    unsigned char bytes[ATEN_STORE_KEY_BYTES];
} aten_store_key_t;

typedef struct {
    void *baton;

    /** Set if absent, for all keys together or for none: of two at the same moment, in whichever processes, one wins.
     *  Durable when it returns.
     *  @param until when the records may be forgotten, after now; one whose time has come counts as absent
     *  @return APR_SUCCESS; APR_EEXIST if one of them is there already; another error: nothing may be believed */
    apr_status_t (*add)(void *baton, const aten_store_key_t *keys, int count, apr_time_t until, apr_time_t now);

    /** Set or replace a value (a time: a mark). Never lowers a value nor shortens a record's life: of two writers in
     *  whichever order the later mark and the later end stand. */
    apr_status_t (*raise)(void *baton, const aten_store_key_t *key, apr_time_t value, apr_time_t until, apr_time_t now);

    /** @param value set to what was put, 0 after add
     *  @return APR_SUCCESS; APR_NOTFOUND (also for a record whose time has come); another error */
    apr_status_t (*get)(void *baton, const aten_store_key_t *key, apr_time_t *value, apr_time_t now);
} aten_store_t;

/** The key of a thing. @param kind "assertion", "response", "login" @param parts what names it: 1 to 8, ends with NULL
 *  @return 1, or 0 if the hash failed or there are no or too many parts (out is then zeroed) */
int aten_store_key(aten_store_key_t *out, const char *kind, const char *const parts[]);

#endif
