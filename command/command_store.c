#include "command.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_file_io.h>
#include <apr_strings.h>

/* Reader slots, if this is the first process that opens the store: httpd may start meanwhile. */
#define READERS 4096
#define IN_IT "/store"

static const char *store_dir(const char *state_dir, apr_pool_t *p)
{
    return apr_pstrcat(p, state_dir, IN_IT, NULL);
}

static const char *name_of(uid_t user, apr_pool_t *p)
{
    const struct passwd *entry = getpwuid(user);

    return entry ? apr_pstrdup(p, entry->pw_name) : apr_psprintf(p, "the user %lu", (unsigned long)user);
}

/* -- Becoming the owner -- */

static const char *judge_directory(struct stat *info, const char *dir, apr_pool_t *p)
{
    if (lstat(dir, info)) {
        return apr_psprintf(p, "'%s' cannot be looked at: %s; %s", dir, strerror(errno),
                            errno == EACCES ? "run this as root, or as the user that httpd's children run as"
                                            : "httpd makes it when it starts: is that its AtenStateDir?");
    }
    if (!S_ISDIR(info->st_mode)) return apr_psprintf(p, "'%s' is a link or no directory: it is not followed", dir);
    return NULL;
}

/* httpd gives the directory to its children. Where it is root's all the same, nobody else may have had a hand in it. */
static const char *judge_roots(const struct stat *info, const char *dir, apr_pool_t *p)
{
    const char *file = apr_pstrcat(p, dir, "/" ATEN_STORE_FILE, NULL);
    struct stat there;

    if (info->st_mode & (S_IWGRP | S_IWOTH)) {
        return apr_psprintf(p, "'%s' belongs to root, and others may write in it: it is not opened as root", dir);
    }
    if (lstat(file, &there)) {
        return apr_psprintf(p, "'%s' belongs to root and has no store yet: httpd gives it to the user of its children "
                            "when it starts", dir);
    }
    if (!S_ISREG(there.st_mode) || there.st_uid) {
        return apr_psprintf(p, "'%s' belongs to root, and what is in it does not: it is not opened as root", dir);
    }
    fprintf(stderr, "aten-session: '%s' belongs to root: it is opened as root\n", dir);
    return NULL;
}

/* No way back: real, effective and saved ids. */
static const char *become(uid_t user, gid_t group, apr_pool_t *p)
{
    uid_t ids[3];
    gid_t groups[3];

    if (setgroups(1, &group) || setgid(group) || setuid(user)) {
        return apr_psprintf(p, "root cannot become %s: %s", name_of(user, p), strerror(errno));
    }
    if (getresuid(&ids[0], &ids[1], &ids[2]) || getresgid(&groups[0], &groups[1], &groups[2])
        || ids[0] != user || ids[1] != user || ids[2] != user
        || groups[0] != group || groups[1] != group || groups[2] != group || !setuid(0)) {
        return apr_psprintf(p, "root did not become %s", name_of(user, p));
    }
    return NULL;
}

const char *command_become_owner(const char *state_dir, apr_pool_t *p)
{
    const char *dir = store_dir(state_dir, p);
    struct stat info;
    const char *error = judge_directory(&info, dir, p);

    if (error) return error;
    if (!geteuid()) return info.st_uid ? become(info.st_uid, info.st_gid, p) : judge_roots(&info, dir, p);
    if (geteuid() == info.st_uid) return NULL;
    return apr_psprintf(p, "'%s' belongs to %s: run this as root, or as %s", dir, name_of(info.st_uid, p),
                        name_of(info.st_uid, p));
}

/* -- The store -- */

const char *command_open_store(aten_store_t **out, const char *state_dir, int make, apr_pool_t *p)
{
    const char *dir = store_dir(state_dir, p);

    if (!make && access(apr_pstrcat(p, dir, "/" ATEN_STORE_FILE, NULL), F_OK)) {
        return apr_psprintf(p, "'%s' has no store yet: no child of httpd has opened it", dir);
    }
    return aten_store_lmdb_open(out, dir, ATEN_STORE_BYTES_MAX, READERS, p);
}

const char *command_store_error(apr_status_t rv, apr_pool_t *p)
{
    char message[128];

    if (APR_STATUS_IS_ENOSPC(rv)) return "the store is full, or its disk is (aten-session status says which)";
    return apr_psprintf(p, "the store failed: %s", apr_strerror(rv, message, sizeof(message)));
}

/* -- info.json -- */

/* At most one byte more than it may have: then it is refused for its size. A pipe in its place is not waited for. */
static apr_status_t read_whole(const char *name, char **text, apr_size_t *len, apr_pool_t *p)
{
    apr_file_t *file;
    apr_status_t rv = apr_file_open(&file, name, APR_FOPEN_READ | APR_FOPEN_NONBLOCK, APR_FPROT_OS_DEFAULT, p);

    if (rv != APR_SUCCESS) return rv;
    *text = apr_palloc(p, ATEN_INFO_BYTES_MAX + 1);
    rv = apr_file_read_full(file, *text, ATEN_INFO_BYTES_MAX + 1, len);
    apr_file_close(file);
    return APR_STATUS_IS_EOF(rv) ? APR_SUCCESS : rv;
}

const char *command_read_info(aten_info_t **out, const char *state_dir, apr_pool_t *p)
{
    const char *file = apr_pstrcat(p, state_dir, "/" ATEN_INFO_FILE, NULL), *error;
    char message[128], *text = NULL;
    apr_size_t len = 0;
    const apr_status_t rv = read_whole(file, &text, &len, p);

    if (rv != APR_SUCCESS) {
        return apr_psprintf(p, "'%s' cannot be read: %s; httpd writes it when it starts", file,
                            apr_strerror(rv, message, sizeof(message)));
    }
    error = aten_info_parse(out, text, len, p);
    return error ? apr_psprintf(p, "'%s' cannot be used: %s; httpd writes it anew when it starts", file, error) : NULL;
}
