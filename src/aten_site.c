#include "aten_site.h"

#include <string.h>

#include <apr_strings.h>

#include "aten_util.h"

static const aten_cas_server_t *cas_server_at(const aten_site_t *site, int i)
{
    return APR_ARRAY_IDX(site->cas_servers, i, const aten_cas_server_t *);
}

const aten_cas_server_t *aten_site_cas_server(const aten_site_t *site, const aten_way_t *way)
{
    int i;

    if (!way || way->backend != ATEN_BACKEND_CAS || !site->cas_servers->nelts) return NULL;
    if (!way->target) return cas_server_at(site, 0);
    for (i = 0; i < site->cas_servers->nelts; i++) {
        if (aten_same(cas_server_at(site, i)->url, way->target)) return cas_server_at(site, i);
    }
    return NULL;
}

const aten_cas_server_t *aten_site_cas_by_key(const aten_site_t *site, const unsigned char key[ATEN_BACKEND_KEY_BYTES])
{
    int i;

    for (i = 0; i < site->cas_servers->nelts; i++) {
        if (!memcmp(cas_server_at(site, i)->key, key, ATEN_BACKEND_KEY_BYTES)) return cas_server_at(site, i);
    }
    return NULL;
}

static const aten_portal_t *portal_at(const aten_site_t *site, int i)
{
    return APR_ARRAY_IDX(site->portals, i, const aten_portal_t *);
}

const aten_portal_t *aten_site_portal(const aten_site_t *site, const aten_way_t *way)
{
    if (!way || way->backend != ATEN_BACKEND_ATEN) return NULL;
    if (way->target) return aten_portal_find(site->portals, way->target);
    return site->has_default_portal ? portal_at(site, 0) : NULL;
}

const aten_portal_t *aten_site_portal_by_key(const aten_site_t *site, const unsigned char key[ATEN_BACKEND_KEY_BYTES])
{
    int i;

    for (i = 0; i < site->portals->nelts; i++) {
        if (!memcmp(portal_at(site, i)->key, key, ATEN_BACKEND_KEY_BYTES)) return portal_at(site, i);
    }
    return NULL;
}

aten_verdict_t aten_site_allows(const aten_site_t *site, const aten_session_t *session, apr_pool_t *p)
{
    const aten_portal_t *portal = NULL;
    const char *why;

    if (session->backend == ATEN_BACKEND_ATEN) portal = aten_site_portal_by_key(site, session->backend_key);
    return portal ? aten_portal_allows(portal, &session->identity, &why, p) : ATEN_V_OK;
}

const aten_profile_t *aten_site_profile_of_portal(const aten_site_t *site, const aten_portal_t *portal, apr_time_t now)
{
    int i;

    for (i = 0; i < site->profiles->nelts; i++) {
        const aten_profile_t *profile = APR_ARRAY_IDX(site->profiles, i, const aten_profile_t *);

        if (aten_site_portal(site, aten_profile_way(profile, now)) == portal) return profile;
    }
    return NULL;
}

int aten_site_has_backend(const aten_site_t *site, aten_backend_t backend,
                          const unsigned char key[ATEN_BACKEND_KEY_BYTES])
{
    if (backend == ATEN_BACKEND_CAS) return aten_site_cas_by_key(site, key) != NULL;
    return backend == ATEN_BACKEND_ATEN && aten_site_portal_by_key(site, key);
}

int aten_site_is_active(const aten_site_t *site)
{
    return site->cas_servers->nelts || site->portals->nelts;
}

const char *aten_unsolicited_parse(aten_unsolicited_rule_t **out, int argc, char *const argv[], apr_pool_t *p)
{
    aten_unsolicited_rule_t *rule = apr_pcalloc(p, sizeof(*rule));
    aten_portal_t *portal;
    const char *error;
    int i;

    rule->from = apr_array_make(p, argc > 1 ? argc - 1 : 1, sizeof(const char *));
    if (argc == 1 && aten_same(argv[0], "restart")) rule->what = ATEN_UNSOLICITED_RESTART;
    else if (argc == 1 && aten_same(argv[0], "off")) rule->what = ATEN_UNSOLICITED_OFF;
    else if (argc > 1 && aten_same(argv[0], "accept")) rule->what = ATEN_UNSOLICITED_ACCEPT;
    else if (argc == 1 && aten_same(argv[0], "accept")) return "accept needs the entityID of a portal or more";
    else {
        return apr_psprintf(p, "'%s' is not restart, off or accept ENTITYID...",
                            aten_log_text(p, argc ? argv[0] : "", 64));
    }
    for (i = 1; i < argc; i++) {
        error = aten_portal_make(&portal, argv[i], p);
        if (error) return error;
        APR_ARRAY_PUSH(rule->from, const char *) = portal->entity_id;
    }
    *out = rule;
    return NULL;
}

aten_unsolicited_t aten_unsolicited_for(const aten_unsolicited_rule_t *rule, const aten_portal_t *portal)
{
    if (!rule) return ATEN_UNSOLICITED_RESTART;
    if (rule->what != ATEN_UNSOLICITED_ACCEPT) return rule->what;
    return aten_has(rule->from, portal->entity_id) ? ATEN_UNSOLICITED_ACCEPT : ATEN_UNSOLICITED_RESTART;
}

apr_array_header_t *aten_site_populations_of(const aten_site_t *site, const aten_session_t *session, apr_pool_t *p)
{
    if (session->backend != ATEN_BACKEND_CAS) return apr_array_make(p, 1, sizeof(const aten_population_t *));
    return aten_population_of(site->populations, session->identity.attributes, p);
}
