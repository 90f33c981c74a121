/* The command aten-session: what its files share. It looks at the store as httpd's children do, as their user; it knows
 * of httpd's configuration what stands in info.json. */
#ifndef ATEN_COMMAND_H
#define ATEN_COMMAND_H

#include <apr_pools.h>
#include <apr_time.h>

#include "aten_info.h"
#include "aten_store_lmdb.h"

/* Exit statuses. */
enum { COMMAND_DONE = 0, COMMAND_FAILED = 1, COMMAND_USAGE = 2 };

typedef enum { COMMAND_HELP, COMMAND_VERSION, COMMAND_END_USER, COMMAND_END_EVERYBODY, COMMAND_STATUS } command_what_t;

typedef struct {
    command_what_t what;
    const char *state_dir;
    const char *user;     /* COMMAND_END_USER: clean UTF-8, not empty */
    const char *backend;  /* COMMAND_END_USER: URL or entityID; NULL: all */
    int json;             /* COMMAND_STATUS */
} command_t;

/* --- command_words.c --- */

/** Read the command's words. @return 1, or 0: what is wrong was said */
int command_read(command_t *out, int argc, const char *const argv[], apr_pool_t *p);

/** How the command is used. */
extern const char command_usage[];

/** A failure's sentence, to standard error. */
void command_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* --- command_store.c --- */

/** Become the owner of the store's directory, for good: root must not map a file that a child could have prepared.
 *  Nothing is opened before. @return NULL, or a sentence */
const char *command_become_owner(const char *state_dir, apr_pool_t *p);

/** @param make make the store's file where there is none yet @return NULL and *out set, or a sentence */
const char *command_open_store(aten_store_t **out, const char *state_dir, int make, apr_pool_t *p);

/** @return NULL and *out set, or a sentence */
const char *command_read_info(aten_info_t **out, const char *state_dir, apr_pool_t *p);

/** What an error of the store means, as a sentence. */
const char *command_store_error(apr_status_t rv, apr_pool_t *p);

/* --- command_end.c, command_status.c: do it and say what was done. @return an exit status --- */

int command_end_user(aten_store_t *store, const aten_info_t *info, const char *user, const char *backend,
                     apr_time_t now, apr_pool_t *p);
int command_end_everybody(aten_store_t *store, const aten_info_t *info, apr_time_t now, apr_pool_t *p);
int command_status(aten_store_t *store, const char *state_dir, int json, apr_pool_t *p);

#endif
