/* The flow: decides what a request gets. Knows no httpd: a request comes as a struct, an answer goes as one. */
#ifndef ATEN_FLOW_H
#define ATEN_FLOW_H

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

#include "aten_http.h"
#include "aten_saml_metadata.h"
#include "aten_session.h"
#include "aten_site.h"
#include "aten_store.h"
#include "aten_util.h"
#include "aten_validations.h"
#include "aten_verdict.h"

/* The world, as the logic sees it. */
typedef struct {
    apr_time_t now;             /* arrival time of the request, read once by the caller */
    aten_keyring_t *keys;
    aten_random_fn *random;
    void *random_baton;
    aten_http_fn *http;
    void *http_baton;
    const aten_store_t *store;  /* NULL: it could not be opened; then no login ends */
    aten_validations_t *validations; /* CAS logins that are being validated on this server */
    /* the metadata of the site's portals as the files have it now; never NULL, good as long as the request */
    const aten_saml_metadata_t *(*metadata_of)(void *baton);
    void *metadata_baton;
    /* the place that a path of this site is in; never NULL */
    const aten_place_t *(*place_of)(void *baton, const char *to);
    void *place_baton;
} aten_env_t;

/* A person who has a session, judged alive (aten_session_check) and made by a backend of this site. */
typedef struct {
    aten_session_t *session;
    apr_array_header_t *populations; /* const aten_population_t *: aten_population_of */
} aten_person_t;

/* What of a request matters here; NULL where the request has none. */
typedef struct {
    const char *method;
    const char *uri;              /* path and query, as sent */
    const char *query;            /* of our own pages: behind the '?' */
    const char *cookies;          /* the Cookie header, before ours were taken out */
    const char *accept;
    const char *accept_language;
    const char *sec_fetch_mode;
    const char *sec_fetch_dest;
    const char *sec_fetch_site;
    const char *requested_with;   /* X-Requested-With */
    const char *purpose;          /* Sec-Purpose or Purpose: fetched in case somebody should want it */
    const char *referer;
    const char *content_type;
    const char *body;             /* of a page for which aten_flow_body_max is not 0; len bytes and a NUL */
    apr_size_t body_len;
    aten_verdict_t body_verdict;  /* OK, BODY_LARGE or BODY_BROKEN */
    const aten_person_t *person;  /* NULL: no session */
    const aten_session_t *second; /* another live session in a second cookie of the name; NULL: none, or not looked for
                                     (httpd looks for our own pages) */
    aten_verdict_t unknown;       /* OK; or STORE, STORE_BEHIND: whether a session was ended cannot be known, so there
                                     is no person */
} aten_request_t;

/* How an answer is logged. Info and above is what an administrator sees in normal operation. */
typedef enum { ATEN_LOG_NONE, ATEN_LOG_DEBUG, ATEN_LOG_INFO, ATEN_LOG_WARN, ATEN_LOG_ERROR } aten_log_level_t;

typedef struct {
    int status;
    const char *location;         /* of a redirect */
    const char *content_type;
    const char *body;             /* NUL-terminated, never NULL */
    apr_table_t *headers;         /* beyond the usual ones */
    apr_array_header_t *cookies;  /* const char *: Set-Cookie values */
    int cacheable;                /* the style sheet; everything else is no-store */
    aten_verdict_t verdict;
    aten_log_level_t level;
    const char *why;              /* for the log, escaped; may be NULL */
    const char *reference;        /* stands on the page and in the log; may be NULL */
    int has_form;                 /* the page has a form that leads to another site */
    const char *unknown_user;     /* a login of somebody in no population, where that will matter: to be counted */
} aten_answer_t;

/** May this person in, at this place, now? The one decision that every request with a session makes.
 *  @param standing filled where the session came by CAS and the place has a cut-off; otherwise all populations are open
 *  @return OK, PROFILE_NOT_HERE, CAS_CLOSED, POPULATION_UNKNOWN or CONTEXT_NOT_HERE */
aten_verdict_t aten_flow_admit(const aten_place_t *place, const aten_person_t *person, apr_time_t now,
                               aten_standing_t *standing, apr_pool_t *p);

/** The answer to a request for a protected path from somebody without a session: the chooser, straight to the backend,
 *  401 for a script, a small page inside a frame (DESIGN section 2, "A request without a session"). */
aten_answer_t *aten_flow_challenge(const aten_env_t *env, const aten_site_t *site, const aten_place_t *place,
                                   const aten_request_t *request, apr_pool_t *p);

/** The answer to somebody with a session whom aten_flow_admit refused. */
aten_answer_t *aten_flow_refuse(const aten_env_t *env, const aten_site_t *site, const aten_place_t *place,
                                const aten_request_t *request, aten_verdict_t verdict,
                                const aten_standing_t *standing, apr_pool_t *p);

/** The answer to somebody with a session who lacks a right that the path requires: 403, never a 401 that asks to log in
 *  again. */
aten_answer_t *aten_flow_forbid(const aten_env_t *env, const aten_site_t *site, const aten_request_t *request,
                                apr_pool_t *p);

/** An answer for what has nothing to do with a person: plain http, a broken configuration.
 *  @param why for the log */
aten_answer_t *aten_flow_fail(const aten_env_t *env, const aten_site_t *site, const aten_request_t *request,
                              aten_verdict_t verdict, const char *why, apr_pool_t *p);

/** How many bytes of a request's body one of the module's own pages reads; 0: none, and it must not be read. */
apr_size_t aten_flow_body_max(const char *page, const char *method);

/** One of the module's own pages. @param page what stands behind AtenPath: "/login" */
aten_answer_t *aten_flow_page(const aten_env_t *env, const aten_site_t *site, const aten_request_t *request,
                              const char *page, apr_pool_t *p);

#endif
