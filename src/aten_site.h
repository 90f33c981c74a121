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
#include "aten_profile.h"
#include "aten_seal.h"
#include "aten_session.h"
#include "aten_url.h"

typedef struct {
    const aten_base_t *base;
    const char *path;                   /* AtenPath */
    const char *home;                   /* AtenHome */
    apr_array_header_t *cas_servers;    /* aten_cas_server_t *: AtenCASServer first (where set), then those of profiles */
    apr_array_header_t *profiles;       /* aten_profile_t * */
    apr_array_header_t *populations;    /* const aten_population_t * */
    const aten_cas_fields_t *fields;
    aten_lifetimes_t last;
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
} aten_place_t;

/** The CAS server that a way leads to, or NULL if the way is not CAS or the server is not configured. */
const aten_cas_server_t *aten_site_cas_server(const aten_site_t *site, const aten_way_t *way);

/** The configured CAS server whose key (aten_backend_key) this is, or NULL. */
const aten_cas_server_t *aten_site_cas_by_key(const aten_site_t *site,
                                              const unsigned char key[ATEN_BACKEND_KEY_BYTES]);

#endif
