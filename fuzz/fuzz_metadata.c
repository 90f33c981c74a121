/* Metadata files of portals. */
#include <string.h>

#include <apr_general.h>

#include "aten_saml_key.h"
#include "aten_saml_metadata.h"
#include "aten_util.h"
#include "fuzz.h"

static int is_address(const char *text)
{
    return !strncasecmp(text, "https://", 8) || !strncasecmp(text, "http://", 7);
}

static void require_entity(const aten_saml_metadata_t *metadata, const aten_saml_entity_t *entity, apr_pool_t *p)
{
    const char *const logout[] = {entity->logout_redirect, entity->logout_redirect_response, entity->logout_post,
                                  entity->logout_post_response};
    const char *why = NULL;
    int i;

    fuzz_require(aten_text_is_clean(entity->entity_id, 1024));
    fuzz_require(aten_saml_metadata_find(metadata, entity->entity_id) == entity);
    fuzz_require(entity->unusable || (entity->sso && is_address(entity->sso) && entity->keys->nelts));
    for (i = 0; i < 4; i++) fuzz_require(!logout[i] || is_address(logout[i]));
    for (i = 0; i < entity->keys->nelts; i++) {
        fuzz_require(!aten_saml_key_weakness(APR_ARRAY_IDX(entity->keys, i, const aten_saml_key_t *)->pkey, p));
    }
    fuzz_require(!entity->remarks || aten_text_is_clean(entity->remarks, 65536));
    fuzz_require(!entity->unusable || aten_text_is_clean(entity->unusable, 65536));
    fuzz_require(aten_saml_entity_check(entity, entity->valid_until, &why, p) == ATEN_V_OK || why);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    aten_saml_metadata_t *metadata = aten_saml_metadata_make(p);
    const char *error = aten_saml_metadata_add(metadata, fuzz_text(data, size, p), size, p);
    int i;

    fuzz_require(error ? aten_text_is_clean(error, 65536) : metadata->entities->nelts > 0);
    for (i = 0; i < metadata->entities->nelts; i++) {
        require_entity(metadata, APR_ARRAY_IDX(metadata->entities, i, const aten_saml_entity_t *), p);
    }
    apr_pool_clear(p);
    return 0;
}
