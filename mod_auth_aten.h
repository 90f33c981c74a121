/* What the httpd side shares: configuration structs, the state of a process and of a request. */
#ifndef MOD_AUTH_ATEN_H
#define MOD_AUTH_ATEN_H

#include <httpd.h>
#include <http_config.h>

#include "aten_ended.h"
#include "aten_flow.h"
#include "aten_redis.h"
#include "aten_store_shared.h"

#define MOD_ATEN_AUTH_TYPE "aten"
#define MOD_ATEN_VERSION "0.1.0"

/* The one symbol that is visible from outside. */
extern module AP_MODULE_DECLARE_DATA __attribute__((visibility("default"))) auth_aten_module;

/* For values of which every number is legal. */
#define MOD_ATEN_UNSET (-1)

/* The configuration of a server or virtual host. NULL or MOD_ATEN_UNSET: the directive was not given here. */
typedef struct {
    const char *cas_url;                     /* AtenCASServer */
    aten_cas_protocol_t cas_protocol;        /* ATEN_CAS_UNSET */
    const char *cas_validate_url;
    const char *cas_ca_file;
    apr_interval_time_t cas_timeout;         /* µs */
    aten_cas_fields_t *cas_fields;           /* only the fields that were given */
    apr_array_header_t *populations;         /* const aten_population_t *, those given here */
    apr_array_header_t *portal_files;        /* const char *: AtenPortalMetadata */
    apr_array_header_t *portals;             /* aten_portal_t *: AtenPortal, the first is the default */
    aten_unsolicited_rule_t *unsolicited;
    apr_interval_time_t clock_skew;          /* µs */
    const char *service_id;                  /* AtenServiceEntityID */
    apr_array_header_t *service_keys;        /* const char *: files */
    apr_array_header_t *service_certificates;
    apr_array_header_t *profiles;            /* aten_profile_t *; NULL: the built-in ones */
    apr_interval_time_t session_lifetime;    /* µs */
    apr_interval_time_t session_idle;        /* µs */
    const char *cookie_base;
    const char *cookie_domain;               /* "" after AtenSessionCookie without domain= */
    const char *path;
    aten_base_t *base;
    const server_rec *base_server;           /* the server in which AtenBaseURL stands */
    const char *home;
    apr_array_header_t *return_hosts;        /* const char *: AtenReturnURLAllow */
    int insecure_http;

    /* derived at the end of configuration, read-only afterwards */
    aten_site_t *site[2];                    /* as reached by http and by https; the same with AtenBaseURL */
    aten_trust_t *trust;                     /* CAs for the CAS server; set in post_config */
    struct mod_aten_portals_t *portal_source; /* the metadata files as they were read last; NULL without any */
    const aten_saml_service_t *service;      /* NULL: no AtenServiceKey */
    server_rec *server;
} mod_aten_server_conf;

/* The directives that stand in the main server alone. */
typedef struct {
    const char *keys_file;                   /* AtenSessionKeys */
    const char *state_dir;                   /* AtenStateDir */
    int cas_max_pending;                     /* AtenCASMaxPending */
    const aten_redis_address_t *redis;       /* AtenStore redis://...; NULL: lmdb */
    apr_array_header_t *sections;            /* mod_aten_section_t *: places to be judged in check_config */
} mod_aten_global_conf;

/* The configuration of a directory, location, file or <If>. */
typedef struct {
    int auth_type_aten;                      /* AuthType aten stands here (not inherited: for check_config alone) */
    apr_array_header_t *profile_ids;         /* AtenProfiles: const char * */
    aten_cutoff_t *cutoff;
    aten_notice_t *notice;
    apr_array_header_t *help;                /* aten_help_link_t: inner ones first */
    int optional;
    int pass_cookie;
    int force_authn;
    apr_array_header_t *authn_contexts;      /* const char *; empty after AtenPortalAuthnContext none */
} mod_aten_dir_conf;

/* A section that check_config judges: which server it stands in, and where. */
typedef struct {
    server_rec *server;
    mod_aten_dir_conf *conf;
    const char *where;                       /* file:line of the first of our directives in it */
} mod_aten_section_t;

/* mod_aten_conf.c: directives */
extern const command_rec mod_aten_commands[];
void *mod_aten_create_server(apr_pool_t *p, server_rec *s);
void *mod_aten_merge_server(apr_pool_t *p, void *base, void *over);
void *mod_aten_create_dir(apr_pool_t *p, char *path);
void *mod_aten_merge_dir(apr_pool_t *p, void *base, void *over);
/** Called before a configuration is read (pre_config): forgets the one before. */
void mod_aten_global_reset(apr_pool_t *p);
const mod_aten_global_conf *mod_aten_global(void);
mod_aten_server_conf *mod_aten_server(const server_rec *s);
const mod_aten_dir_conf *mod_aten_dir(const request_rec *r);

/* mod_aten_check.c: the configuration as a whole, judged in check_config without side effects */
int mod_aten_check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *main_server);
/** Would a browser take the session cookie from the site's host? */
int mod_aten_cookie_fits(const aten_site_t *site);
/** AtenStateDir or its default. */
const char *mod_aten_state_dir(void);
/** Read a file of secrets: a regular file of root's (or of who starts the server) that nobody else may read or write.
 *  @param text set to len bytes and a NUL; to be wiped by the caller
 *  @return NULL, or what is wrong; "" if it does not exist */
const char *mod_aten_read_secret(char **text, apr_size_t *len, const char *file, apr_pool_t *p);
/** Read and parse a key file. @return NULL, or what is wrong; "" if it does not exist */
const char *mod_aten_read_keys(aten_keyring_t **keys, const char *file, apr_pool_t *p);

/* mod_aten_portals.c: the metadata of portals, read again when a file changes */
/** Read the files for the first time. The result and its keys live as long as p.
 *  @return NULL and *out set, or a sentence that names the file */
const char *mod_aten_portals_read(struct mod_aten_portals_t **out, const apr_array_header_t *files, apr_pool_t *p);
/** As it was read for the first time: for check_config. */
const aten_saml_metadata_t *mod_aten_portals_first(const struct mod_aten_portals_t *source);
void mod_aten_portals_child_init(apr_pool_t *pchild, server_rec *main_server);
/** What the request's server has now, good as long as the request. Never NULL. */
const aten_saml_metadata_t *mod_aten_portals(request_rec *r);

/* mod_aten_store.c: the store of ended sessions and of what was used once */
/** Make the store's directory in the state directory, owned by the children, and what they share. @return 1, or 0:
 *  complained. A store that cannot be used is a loud log line of the children: then no login ends, and no session can
 *  be
 *  judged, until it can */
int mod_aten_store_make(server_rec *s, apr_pool_t *pconf, apr_pool_t *ptemp);
void mod_aten_store_child_init(apr_pool_t *pchild, server_rec *main_server);
/** NULL: it cannot be opened in this child; that is tried again now and then. */
const aten_store_t *mod_aten_store(void);
/** A file of the children's in the store's directory. */
const char *mod_aten_store_file(const char *name, apr_pool_t *p);
/** May sessions be judged by it?
 *  @return OK, STORE, or STORE_BEHIND (the other servers' ended sessions are not known yet) */
aten_verdict_t mod_aten_store_ready(void);
/** One line for each generation of children, when it is nearly full. */
void mod_aten_store_warn_full(server_rec *s);
/** The longest of all AtenSessionLifetime. */
apr_interval_time_t mod_aten_longest_lifetime(server_rec *main_server);

/* mod_aten_watchdog.c: what one thread of all children does beside the requests */
/** @return NULL, or what is missing (mod_watchdog) */
const char *mod_aten_watchdog_needs(void);
void mod_aten_watchdog_start(server_rec *main_server, apr_pool_t *pconf);
/** Carry until this server has caught up, or until then; at the start of a child. */
void mod_aten_carry_first(apr_time_t until, server_rec *main_server, apr_pool_t *pchild);
void mod_aten_watchdog_child_init(apr_pool_t *pchild);
aten_store_shared_state_t *mod_aten_shared_state(void);
/** Redis is away, or is there again: 1 for the first of all processes that says so. */
int mod_aten_away_is_new(int away);
aten_store_t *mod_aten_local_store(void);

/* mod_aten_info.c: what the command aten-session has to know */
void mod_aten_info_write(server_rec *main_server, apr_pool_t *ptemp);

/* mod_aten_state.c: what a process holds */
int mod_aten_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *main_server);
void mod_aten_child_init(apr_pool_t *pchild, server_rec *main_server);
aten_keyring_t *mod_aten_keys(void);
aten_random_fn mod_aten_random;
/** The HTTP client with the limit of AtenCASMaxPending around it. */
aten_http_fn mod_aten_http;
aten_validations_t *mod_aten_validations(void);
/* Lines that every child would write. */
typedef enum {
    MOD_ATEN_SAID_STORE,
    MOD_ATEN_SAID_METADATA,
    MOD_ATEN_SAID_BEHIND,
    MOD_ATEN_SAID_LOCK,
    MOD_ATEN_SAID_COUNT
} mod_aten_said_t;
/** 1 for the first child of this generation that asks. */
int mod_aten_first_to_say(mod_aten_said_t what);
/** Has an hour passed since a login without a population was logged? Counts it in any case. */
int mod_aten_note_unknown_population(apr_time_t now);

/* What one request, with its sub-requests and internal redirects, knows. Hangs on the first of the chain. */
typedef struct {
    const aten_site_t *site;                 /* where it came to */
    const char *cookies;                     /* the Cookie header as it came */
    int looked;                              /* person was looked for */
    const aten_person_t *person;             /* NULL: no session */
    const aten_ended_keys_t *ended;          /* of the person */
    aten_verdict_t unknown;                  /* OK; STORE, STORE_BEHIND: there may be a session, and cannot be judged */
    apr_table_t *variables;                  /* of the person when no population is closed */
    int stripped;                            /* what is left of cookies without ours is known: */
    const char *rest;                        /* ... this, or NULL */
    int probing;                             /* a sub-request is reading a place's configuration */
    const mod_aten_dir_conf *probed;         /* ... and found this one */
    int reissued;                            /* the sliding cookie was sent */
} mod_aten_chain_t;

/* mod_aten_request.c: request_rec <-> aten_request_t and aten_answer_t */
request_rec *mod_aten_first(request_rec *r);
mod_aten_chain_t *mod_aten_chain(request_rec *r);
const aten_site_t *mod_aten_site(request_rec *r);
/** The logic's view of a place. */
void mod_aten_place(aten_place_t *place, const mod_aten_dir_conf *conf);
aten_env_t mod_aten_env(request_rec *r);
aten_request_t mod_aten_request(request_rec *r);
/** Read the body of a request for a page that wants one, into request. */
void mod_aten_read_body(request_rec *r, apr_size_t max, aten_request_t *request);
/** Write an answer, with its log line. @return DONE */
int mod_aten_send(request_rec *r, const aten_answer_t *answer);
/** Is r a sub-request that only reads a place's configuration? Then notes what it found and ends it.
 *  @return DONE for a probe, DECLINED otherwise (a post_perdir_config hook) */
int mod_aten_end_probe(request_rec *r);

/* mod_aten_session.c: the session of a request */
const aten_person_t *mod_aten_person(request_rec *r);
/** Another live session beside the person's, in a second cookie of the name; NULL: none. */
const aten_session_t *mod_aten_second_session(request_rec *r);
/** Set r->user and AUTH_TYPE. */
void mod_aten_set_user(request_rec *r, const aten_person_t *person);
/** Set the ATEN_* variables for this request, with what the cut-off left open here. */
void mod_aten_set_variables(request_rec *r, const aten_person_t *person, const aten_standing_t *standing);
/** Our cookies leave the request before the handler (AtenPassCookie off). */
void mod_aten_strip_cookies(request_rec *r);
void mod_aten_register_filters(void);
/** Cache-Control: private on the answer, and the sliding cookie. */
void mod_aten_insert_filter(request_rec *r);

/* mod_aten_scrub.c: headers that pretend an identity */
void mod_aten_scrub(request_rec *r);
void mod_aten_register_scrub_filter(void);

#endif
