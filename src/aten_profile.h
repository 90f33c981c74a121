/* Profiles: the entries of the chooser « Indiquez votre profil », their labels, and which way each logs in when. */
#ifndef ATEN_PROFILE_H
#define ATEN_PROFILE_H

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

typedef enum { ATEN_BACKEND_CLOSED, ATEN_BACKEND_CAS, ATEN_BACKEND_ATEN } aten_backend_t;

typedef struct {
    const char *lang;  /* "fr", "en"; NULL: for every language that has no label of its own */
    const char *group; /* what stands before " > ", or NULL */
    const char *text;
} aten_label_t;

typedef struct {
    aten_backend_t backend;
    const char *target; /* CAS: the server's base URL, as written (whoever configures runs aten_cas_url_parse over it),
                           NULL for AtenCASServer; ATEN: the entityID, NULL for the default */
    apr_time_t from;    /* 0 for AtenBackend itself */
    int has_offset;
} aten_way_t;

typedef struct {
    const char *kind;   /* one of aten_help_kinds() */
    const char *lang;   /* NULL: every language */
    const char *url;    /* https, http, mailto or tel, or a path on this host */
    const char *text;   /* NULL: the module's own words for the kind */
} aten_help_link_t;

typedef struct {
    const char *id;
    apr_array_header_t *labels; /* aten_label_t */
    apr_array_header_t *ways;   /* aten_way_t, by date, the first with from 0 */
    apr_array_header_t *help;   /* aten_help_link_t */
    const char *home;           /* AtenHome of the profile, or NULL */
} aten_profile_t;

/** A new profile without labels, ways or help.
 *  @return NULL and *out set, or a sentence: an id is 1 to 64 letters, digits, '-' or '_' */
const char *aten_profile_make(aten_profile_t **out, const char *id, apr_pool_t *p);

/** AtenLabel [LANG] "group > label" (argc 1 or 2). LANG is fr or en. « > » nests once, with or without blanks around;
 *  surrounding blanks go; neither part empty; the text clean UTF-8 of at most 200 bytes; a language twice is an error.
 *  @return NULL or a sentence */
const char *aten_profile_label(aten_profile_t *profile, int argc, char *const argv[], apr_pool_t *p);

/** AtenBackend aten [ENTITYID] | cas [URL] | closed: sets the way from the beginning (a second one is an error).
 *  @return NULL or a sentence */
const char *aten_profile_backend(aten_profile_t *profile, int argc, char *const argv[], apr_pool_t *p);

/** AtenBackendFrom DATE + the same words; a date twice is an error, and so is one that is not after the epoch. Keeps
 *  ways sorted by date.
 *  @return NULL or a sentence */
const char *aten_profile_backend_from(aten_profile_t *profile, int argc, char *const argv[], apr_pool_t *p);

/** AtenHelpLink KIND [LANG] URL ["text"]: adds to *list, made if NULL; a kind twice in one language is an error.
 *  @return NULL or a sentence */
const char *aten_help_link_add(apr_array_header_t **list, int argc, char *const argv[], apr_pool_t *p);

/** The link of that kind: inner lists first (lists is an array of apr_array_header_t *, entries may be NULL), and in a
 *  list the one of this language before one for every language. @return NULL if there is none */
const aten_help_link_t *aten_help_link_find(apr_array_header_t *const lists[], int count, const char *kind,
                                            const char *lang);

/** The kinds, NULL-terminated: no-identifier, first-login, lost-password, no-email, locked, contact. */
const char *const *aten_help_kinds(void);

/** The two profiles of the guide: eleves-parents and autres-publics, with labels in French and English.
 *  @param has_aten a portal is configured: the first leads there, otherwise to CAS
 *  @param has_cas  a CAS server is configured: with a portal alone only the first profile stands
 *  @return array of aten_profile_t *, empty with neither */
apr_array_header_t *aten_profile_builtin(int has_aten, int has_cas, apr_pool_t *p);

/** The way that the profile logs in at that moment. Never NULL for a profile that has an AtenBackend. */
const aten_way_t *aten_profile_way(const aten_profile_t *profile, apr_time_t now);

/** @return the profile of that id, or NULL (also for a NULL id) */
const aten_profile_t *aten_profile_find(const apr_array_header_t *profiles, const char *id);

/** The label for a language: its own, else one without a language, else the first. NULL if the profile has none. */
const aten_label_t *aten_profile_label_for(const aten_profile_t *profile, const char *lang);

/** The profiles of a path: those that ids names, in ids' order (AtenProfiles); all when ids is NULL.
 *  @param unknown if not NULL, set to the first id that no profile has, or to NULL
 *  @return array of aten_profile_t *, each once */
apr_array_header_t *aten_profile_select(const apr_array_header_t *profiles, const apr_array_header_t *ids,
                                        const char **unknown, apr_pool_t *p);

#endif
