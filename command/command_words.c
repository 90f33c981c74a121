#include "command.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <apr_getopt.h>

#include "aten_util.h"

#define USER_BYTES_MAX 4096 /* a cookie has no room for a longer one */

const char command_usage[] =
    "usage: aten-session [--state-dir DIR] end user NAME [BACKEND]\n"
    "       aten-session [--state-dir DIR] end everybody\n"
    "       aten-session [--state-dir DIR] status [--json]\n"
    "       aten-session --help | --version\n"
    "\n"
    "end user NAME      ends every session of that REMOTE_USER that began before now, at\n"
    "                   each backend of the configuration, or at BACKEND alone: the URL of\n"
    "                   a CAS server, or the entityID of a portal\n"
    "end everybody      ends every session that began before now\n"
    "status             how full the store is, and what waits for other servers\n"
    "--state-dir DIR    AtenStateDir, if it is not " ATEN_STATE_DIR "\n"
    "\n"
    "Exit status: 0 done; 1 failed, standard error says why; 2 not used as above.\n";

void command_say(const char *format, ...)
{
    va_list ap;

    fputs("aten-session: ", stderr);
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fputc('\n', stderr);
}

static int wrong(const char *why)
{
    command_say("%s", why);
    fputs(command_usage, stderr);
    return 0;
}

static int read_end(command_t *out, int count, const char *const words[])
{
    if (count == 1 && !strcmp(words[0], "everybody")) {
        out->what = COMMAND_END_EVERYBODY;
        return 1;
    }
    if (count < 2 || count > 3 || strcmp(words[0], "user")) {
        return wrong("end takes 'user NAME [BACKEND]' or 'everybody'");
    }
    if (!*words[1]) return wrong("the NAME is empty");
    if (!aten_text_is_clean(words[1], USER_BYTES_MAX)) {
        return wrong("the NAME is not UTF-8, has control characters, or is too long: no session has such a user");
    }
    out->what = COMMAND_END_USER;
    out->user = words[1];
    out->backend = count == 3 ? words[2] : NULL;
    return 1;
}

static int read_status(command_t *out, int count, const char *const words[])
{
    if (count > 1 || (count && strcmp(words[0], "--json"))) return wrong("status takes nothing but --json");
    out->what = COMMAND_STATUS;
    out->json = count;
    return 1;
}

/* @return 1; 0: what is wrong was said; -1: the command is --help or --version, whatever follows */
static int read_options(command_t *out, apr_getopt_t *options)
{
    static const apr_getopt_option_t known[] = {
        {"state-dir", 'd', 1, NULL}, {"help", 'h', 0, NULL}, {"version", 'v', 0, NULL}, {NULL, 0, 0, NULL},
    };
    const char *value;
    int option;
    apr_status_t rv;

    while ((rv = apr_getopt_long(options, known, &option, &value)) == APR_SUCCESS) {
        if (option == 'd') {
            out->state_dir = value;
            continue;
        }
        out->what = option == 'h' ? COMMAND_HELP : COMMAND_VERSION;
        return -1;
    }
    if (APR_STATUS_IS_EOF(rv)) return *out->state_dir ? 1 : wrong("the DIR of --state-dir is empty");
    fputs(command_usage, stderr); /* what is wrong, apr_getopt_long said */
    return 0;
}

int command_read(command_t *out, int argc, const char *const argv[], apr_pool_t *p)
{
    apr_getopt_t *options;
    const char *const *words;
    int count, read;

    *out = (command_t){.state_dir = ATEN_STATE_DIR};
    if (apr_getopt_init(&options, p, argc, argv) != APR_SUCCESS) return 0;
    read = read_options(out, options);
    if (read <= 0) return read;
    words = argv + options->ind;
    count = argc - options->ind;
    if (count && !strcmp(words[0], "end")) return read_end(out, count - 1, words + 1);
    if (count && !strcmp(words[0], "status")) return read_status(out, count - 1, words + 1);
    return wrong(count ? "there are the commands end and status" : "there is no command");
}
