#include "command.h"

#include <stdio.h>
#include <stdlib.h>

#include <apr_strings.h>
#include <jansson.h>

#include "aten_store_shared.h"

typedef struct {
    const char *dir;
    aten_store_usage_t usage;
    int shared;
    int caught_up;
} status_t;

static void print_text(const status_t *status)
{
    const aten_store_usage_t *usage = &status->usage;

    printf("store          %s\n", status->dir);
    printf("used           %.1f MiB of %.1f MiB (%.0f %%)\n", (double)usage->bytes_used / (1 << 20),
           (double)usage->bytes_max / (1 << 20), 100.0 * (double)usage->bytes_used / (double)usage->bytes_max);
    printf("records        %" APR_SIZE_T_FMT " (with expired ones that were not swept yet)\n", usage->records);
    printf("reader slots   %u of %u in use\n", usage->readers, usage->readers_max);
    if (!status->shared) {
        puts("other servers  none");
        return;
    }
    printf("other servers  %" APR_SIZE_T_FMT " record%s for them; this server has %s\n", usage->outbox,
           usage->outbox == 1 ? " waits" : "s wait",
           status->caught_up ? "caught up with them" : "never yet caught up with them");
}

static int print_json(const status_t *status)
{
    const aten_store_usage_t *usage = &status->usage;
    json_t *root = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:b}",
                             "store", status->dir,
                             "bytes_used", (json_int_t)usage->bytes_used, "bytes_max", (json_int_t)usage->bytes_max,
                             "records", (json_int_t)usage->records, "waiting", (json_int_t)usage->outbox,
                             "readers", (json_int_t)usage->readers, "readers_max", (json_int_t)usage->readers_max,
                             "shared", status->shared, "caught_up", status->shared && status->caught_up);
    char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;

    if (text) puts(text);
    free(text);
    json_decref(root);
    return text != NULL;
}

int command_status(aten_store_t *store, const char *state_dir, int json, apr_pool_t *p)
{
    status_t status = {.dir = apr_pstrcat(p, state_dir, "/store", NULL)};
    const apr_status_t rv = aten_store_lmdb_usage(store, &status.usage);

    if (rv != APR_SUCCESS) {
        command_say("%s", command_store_error(rv, p));
        return COMMAND_FAILED;
    }
    status.shared = aten_store_lmdb_is_shared(store);
    if (status.shared < 0) {
        command_say("the store cannot be read");
        return COMMAND_FAILED;
    }
    status.caught_up = status.shared && aten_store_has_caught_up(store);
    if (!json) {
        print_text(&status);
        return COMMAND_DONE;
    }
    if (print_json(&status)) return COMMAND_DONE;
    command_say("'%s' cannot be written as JSON: is it UTF-8?", status.dir);
    return COMMAND_FAILED;
}
