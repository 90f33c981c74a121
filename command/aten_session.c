/* aten-session: ends a person's sessions, or everybody's, and says how full the store is. See aten-session.8. */
#include <stdio.h>
#include <stdlib.h>

#include <apr_general.h>

#include "command.h"

static int run_on_store(const command_t *command, apr_pool_t *p)
{
    const int ends = command->what != COMMAND_STATUS;
    aten_info_t *info = NULL;
    aten_store_t *store = NULL;
    const char *error = command_become_owner(command->state_dir, p);

    if (!error && ends) error = command_read_info(&info, command->state_dir, p);
    if (!error) error = command_open_store(&store, command->state_dir, ends, p);
    if (error) {
        command_say("%s%s", error, ends ? "; nothing was ended" : "");
        return COMMAND_FAILED;
    }
    switch (command->what) {
    case COMMAND_END_USER:
        return command_end_user(store, info, command->user, command->backend, apr_time_now(), p);
    case COMMAND_END_EVERYBODY:
        return command_end_everybody(store, info, apr_time_now(), p);
    default:
        return command_status(store, command->state_dir, command->json, p);
    }
}

int main(int argc, const char *const argv[])
{
    command_t command;
    apr_pool_t *p;

    if (apr_initialize() != APR_SUCCESS) return COMMAND_FAILED;
    atexit(apr_terminate);
    if (apr_pool_create(&p, NULL) != APR_SUCCESS) return COMMAND_FAILED;
    if (!command_read(&command, argc, argv, p)) return COMMAND_USAGE;
    if (command.what == COMMAND_HELP) {
        fputs(command_usage, stdout);
        return COMMAND_DONE;
    }
    if (command.what == COMMAND_VERSION) {
        puts("aten-session " ATEN_VERSION);
        return COMMAND_DONE;
    }
    return run_on_store(&command, p);
}
