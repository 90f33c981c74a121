/* Single Logout messages of a portal; the first byte chooses: 0 a query, 1 what a form has of a request, 2 of a
 * response, 3 and 4 the XML of a request and of a response, signed as an address by a portal that is believed, so that
 * the rules behind the signature are reached. */
#include <string.h>

#include <openssl/ec.h>
#include <openssl/evp.h>

#include "aten_saml_logout.h"
#include "aten_saml_redirect.h"
#include "aten_saml_response.h"
#include "aten_util.h"
#include "fuzz.h"

#define NOW apr_time_from_sec(1472724000) /* 2016-09-01T10:00:00Z */
#define ENTITY "https://portail.example/idp"
#define ADDRESS "https://ent.example/aten/saml/logout"

/* For the whole process: EC, for it is made and used much quicker than RSA. */
static EVP_PKEY *the_key(void)
{
    static EVP_PKEY *pkey;

    if (pkey) return pkey;
    fuzz_require(aten_saml_global());
    pkey = EVP_EC_gen("P-256");
    fuzz_require(pkey != NULL);
    return pkey;
}

static aten_saml_logout_expect_t expectations(apr_pool_t *p)
{
    aten_saml_metadata_t *metadata = aten_saml_metadata_make(p);
    aten_saml_entity_t *entity = apr_pcalloc(p, sizeof(*entity));
    aten_saml_key_t *key = apr_pcalloc(p, sizeof(*key));
    apr_array_header_t *portals = apr_array_make(p, 1, sizeof(const aten_portal_t *));
    aten_portal_t *portal = NULL;

    key->pkey = the_key();
    entity->entity_id = ENTITY;
    entity->sso = "https://portail.example/sso";
    entity->keys = apr_array_make(p, 1, sizeof(const aten_saml_key_t *));
    APR_ARRAY_PUSH(entity->keys, const aten_saml_key_t *) = key;
    APR_ARRAY_PUSH(metadata->entities, const aten_saml_entity_t *) = entity;
    apr_hash_set(metadata->by_id, ENTITY, APR_HASH_KEY_STRING, entity);
    fuzz_require(!aten_portal_make(&portal, ENTITY, p));
    APR_ARRAY_PUSH(portals, const aten_portal_t *) = portal;
    return (aten_saml_logout_expect_t){portals, metadata, NULL, ADDRESS, apr_time_from_sec(60), NOW};
}

/* What is believed is whole. */
static void believed(const aten_saml_logout_message_t *message)
{
    int i;

    fuzz_require(message->portal && message->entity && aten_text_is_clean(message->id, 1024));
    if (message->is_response) {
        fuzz_require(aten_text_is_clean(message->in_response_to, 1024) && message->status);
        return;
    }
    fuzz_require(aten_text_is_clean(message->name_id, ATEN_SAML_NAMEID_BYTES_MAX));
    fuzz_require(message->session_indexes->nelts <= ATEN_SAML_LOGOUT_INDEXES_MAX);
    fuzz_require(message->valid_until > NOW && message->valid_until <= NOW + 2 * 60000000 + ATEN_SAML_LOGOUT_AGE_MAX);
    for (i = 0; i < message->session_indexes->nelts; i++) {
        fuzz_require(aten_text_is_clean(APR_ARRAY_IDX(message->session_indexes, i, const char *),
                                        ATEN_SAML_NAMEID_BYTES_MAX));
    }
}

/* @return verdict, which goes with the rest */
static aten_verdict_t checked(aten_verdict_t verdict, const aten_saml_logout_message_t *message, const char *why)
{
    fuzz_require(verdict != ATEN_V_REFUSED);
    fuzz_require((verdict == ATEN_V_OK) == (message != NULL));
    fuzz_require((verdict == ATEN_V_OK) == (why == NULL));
    if (message) believed(message);
    return verdict;
}

static aten_verdict_t query(const char *text, apr_pool_t *p)
{
    const aten_saml_logout_expect_t expect = expectations(p);
    aten_saml_logout_message_t *message;
    const char *why;
    const aten_verdict_t verdict = aten_saml_logout_read_redirect(&message, &expect, text, NULL, &why, p);

    return checked(verdict, message, why);
}

static aten_verdict_t form(const char *text, int is_response, apr_pool_t *p)
{
    const aten_saml_logout_expect_t expect = expectations(p);
    aten_saml_logout_message_t *message;
    const char *why;
    const aten_verdict_t verdict = aten_saml_logout_read_post(&message, &expect, text, is_response, "r", NULL, &why, p);

    return checked(verdict, message, why);
}

static void signed_message(const char *text, int is_response, apr_pool_t *p)
{
    const aten_saml_key_t key = {the_key(), 0, 0, NULL};
    const char *url = aten_saml_redirect_url(ADDRESS, is_response ? "SAMLResponse" : "SAMLRequest", text, "r", &key, p);
    aten_verdict_t verdict;

    if (!url) return;
    verdict = query(strchr(url, '?') + 1, p);
    fuzz_require(verdict != ATEN_V_SAML_SIGNATURE && verdict != ATEN_V_SAML_UNSIGNED);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    const char *text;

    if (!size) return 0;
    text = fuzz_text(data + 1, size - 1, p);
    the_key();
    switch (data[0] % 5) {
    case 0: fuzz_require(query(text, p) != ATEN_V_OK); break; /* nobody has the key */
    case 1: fuzz_require(form(text, 0, p) != ATEN_V_OK); break;
    case 2: fuzz_require(form(text, 1, p) != ATEN_V_OK); break;
    case 3: signed_message(text, 0, p); break;
    default: signed_message(text, 1, p);
    }
    apr_pool_clear(p);
    return 0;
}
