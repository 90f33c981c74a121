/* What the administrator wrote, resolved: a site is a virtual host as browsers see it, a place is a path of it.
 * Made by the httpd side once per configuration; the logic only reads. */
#ifndef ATEN_SITE_H
#define ATEN_SITE_H

#include <apr_pools.h>
#include <apr_tables.h>

#include "aten_cas.h"
#include "aten_cutoff.h"
#include "aten_identity.h"
#include "aten_population.h"
#include "aten_portal.h"
#include "aten_profile.h"
#include "aten_saml_service.h"
#include "aten_seal.h"
#include "aten_session.h"
#include "aten_url.h"

/* AtenPortalUnsolicited: what becomes of an answer that nobody here asked for. */
typedef enum { ATEN_UNSOLICITED_RESTART, ATEN_UNSOLICITED_OFF, ATEN_UNSOLICITED_ACCEPT } aten_unsolicited_t;

typedef struct {
    aten_unsolicited_t what;
    apr_array_header_t *from;           /* const char *: the entityIDs that ACCEPT believes; others are RESTART */
} aten_unsolicited_rule_t;

typedef struct {
    const aten_base_t *base;
    const char *path;                   /* AtenPath */
    const char *home;                   /* AtenHome */
    const apr_array_header_t *return_hosts; /* AtenReturnURLAllow: const char *; NULL: none */
    apr_array_header_t *cas_servers;    /* aten_cas_server_t *: AtenCASServer first (where set), then those of profiles */
    apr_array_header_t *portals;        /* aten_portal_t *: those that are believed; the default (if any) first */
    int has_default_portal;
    aten_saml_self_t self;              /* our side of SAML: entityID, addresses, keys */
    apr_interval_time_t clock_skew;
    const aten_unsolicited_rule_t *unsolicited;
    apr_array_header_t *profiles;       /* aten_profile_t * */
    apr_array_header_t *populations;    /* const aten_population_t * */
    const aten_cas_fields_t *fields;
    aten_lifetimes_t last;
    apr_interval_time_t longest;        /* lifetime of all sites: what ends sessions may concern those of another one */
    const char *cookie_base;            /* AtenSessionCookie without prefix */
    const char *cookie_domain;          /* or NULL */
    const char *cookie_name;            /* the session cookie's whole name on this site */
    aten_bind_t bind;                   /* what the session cookie is bound to */
    int insecure_http;                  /* AtenInsecureHTTP on */
    int populations_matter;             /* some path of this site closes CAS for a population */
} aten_site_t;

typedef struct {
    const apr_array_header_t *profile_ids; /* AtenProfiles: const char *; NULL: all */
    const aten_cutoff_t *cutoff;
    const aten_notice_t *notice;
    apr_array_header_t *help;              /* aten_help_link_t */
    int optional;                          /* AtenOptional on */
    int force_authn;                       /* AtenPortalForceAuthn on */
    const apr_array_header_t *authn_contexts; /* AtenPortalAuthnContext: const char *; NULL: any */
} aten_place_t;

/** The CAS server that a way leads to, or NULL if the way is not CAS or the server is not configured. */
const aten_cas_server_t *aten_site_cas_server(const aten_site_t *site, const aten_way_t *way);

/** The configured CAS server whose key (aten_backend_key) this is, or NULL. */
const aten_cas_server_t *aten_site_cas_by_key(const aten_site_t *site,
                                              const unsigned char key[ATEN_BACKEND_KEY_BYTES]);

/** The portal that a way leads to, or NULL if the way is not ATEN or no portal is meant. */
const aten_portal_t *aten_site_portal(const aten_site_t *site, const aten_way_t *way);

/** The believed portal whose key (aten_backend_key) this is, or NULL. */
const aten_portal_t *aten_site_portal_by_key(const aten_site_t *site,
                                             const unsigned char key[ATEN_BACKEND_KEY_BYTES]);

/** May the portal that made a session say here what the session says? A cookie is shared by hosts of one domain and by
 *  ports of one host, and lives on when AtenPortal is changed. Asked once for a cookie.
 *  @return OK (also for a session by CAS, and for a portal that is not of this site), PORTAL_SCOPE or PORTAL_KIND */
aten_verdict_t aten_site_allows(const aten_site_t *site, const aten_session_t *session, apr_pool_t *p);

/** The populations of a session's person, const aten_population_t *. Populations are what a CAS answer says: who came by
 *  a portal is in none, for the cut-off does not concern them. */
apr_array_header_t *aten_site_populations_of(const aten_site_t *site, const aten_session_t *session, apr_pool_t *p);

/** The first profile that leads to the portal at that moment, or NULL. */
const aten_profile_t *aten_site_profile_of_portal(const aten_site_t *site, const aten_portal_t *portal,
                                                  apr_time_t now);

/** Is the backend that made a session one of this site's? */
int aten_site_has_backend(const aten_site_t *site, aten_backend_t backend,
                          const unsigned char key[ATEN_BACKEND_KEY_BYTES]);

/** Is there any backend at all? Otherwise the module leaves the site's paths alone. */
int aten_site_is_active(const aten_site_t *site);

/** AtenPortalUnsolicited restart | off | accept ENTITYID... (argv without the directive's name).
 *  @return NULL and *out set, or a sentence */
const char *aten_unsolicited_parse(aten_unsolicited_rule_t **out, int argc, char *const argv[], apr_pool_t *p);

/** What becomes of an unsolicited answer of that portal here. */
aten_unsolicited_t aten_unsolicited_for(const aten_unsolicited_rule_t *rule, const aten_portal_t *portal);

#endif
