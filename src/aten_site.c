#include "aten_site.h"

#include <string.h>

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
