#include "aten_saml_request.h"

#include <string.h>

#include <apr_strings.h>

#include "aten_pending.h"
#include "aten_saml_redirect.h"
#include "aten_saml_write.h"

#define ID_START "_" /* of one letter each */
#define RETRY_START "r"
#define NONCE_CHARS ((ATEN_NONCE_BYTES * 8 + 5) / 6)
#define NONCE_SET "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

char *aten_saml_request_id(const char *nonce, int retry, apr_pool_t *p)
{
    return apr_pstrcat(p, retry ? RETRY_START : ID_START, nonce, NULL);
}

const char *aten_saml_id_nonce(const char *id, const char *starts, apr_pool_t *p)
{
    if (!id || !*id || !strchr(starts, *id)) return NULL;
    if (strlen(id) != 1 + NONCE_CHARS || strspn(id + 1, NONCE_SET) != NONCE_CHARS) return NULL;
    return apr_pstrdup(p, id + 1);
}

const char *aten_saml_request_nonce(const char *id, int *retry, apr_pool_t *p)
{
    const char *nonce = aten_saml_id_nonce(id, ID_START RETRY_START, p);

    if (nonce) *retry = *id == *RETRY_START;
    return nonce;
}

/* --- the message --- */

static void write_contexts(aten_saml_writer_t *to, const apr_array_header_t *contexts)
{
    int i;

    if (!contexts || !contexts->nelts) return;
    aten_saml_write_open(to, "samlp:RequestedAuthnContext");
    aten_saml_write_attribute(to, "Comparison", "exact");
    for (i = 0; i < contexts->nelts; i++) {
        aten_saml_write_open(to, "saml:AuthnContextClassRef");
        aten_saml_write_text(to, APR_ARRAY_IDX(contexts, i, const char *));
        aten_saml_write_close(to);
    }
    aten_saml_write_close(to);
}

/* The order of elements is the schema's (saml-core 3.2.1, 3.4.1). */
static char *message(const aten_saml_request_t *request, apr_pool_t *p)
{
    aten_saml_writer_t *to = aten_saml_write(0, p);

    aten_saml_write_open(to, "samlp:AuthnRequest");
    aten_saml_write_attribute(to, "xmlns:samlp", ATEN_NS_SAMLP);
    aten_saml_write_attribute(to, "xmlns:saml", ATEN_NS_SAML);
    aten_saml_write_attribute(to, "ID", aten_saml_request_id(request->nonce, request->retry, p));
    aten_saml_write_attribute(to, "Version", "2.0");
    aten_saml_write_time(to, "IssueInstant", request->now);
    aten_saml_write_attribute(to, "Destination", request->destination);
    aten_saml_write_attribute(to, "AssertionConsumerServiceURL", request->acs);
    aten_saml_write_attribute(to, "ProtocolBinding", ATEN_BINDING_POST);
    if (request->force) aten_saml_write_attribute(to, "ForceAuthn", "true");
    aten_saml_write_open(to, "saml:Issuer");
    aten_saml_write_text(to, request->service_id);
    aten_saml_write_close(to);
    aten_saml_write_open(to, "samlp:NameIDPolicy");
    aten_saml_write_attribute(to, "Format", ATEN_NAMEID_TRANSIENT);
    aten_saml_write_attribute(to, "AllowCreate", "true");
    aten_saml_write_close(to);
    write_contexts(to, request->contexts);
    return aten_saml_write_end(to, p);
}

/* --- the address --- */

char *aten_saml_request_url(const aten_saml_request_t *request, apr_pool_t *p)
{
    const char *relay = request->relay_state, *text;

    if (relay && strlen(relay) > ATEN_SAML_RELAY_STATE_BYTES_MAX) return NULL;
    text = message(request, p);
    return text ? aten_saml_redirect_url(request->destination, "SAMLRequest", text, relay, request->key, p) : NULL;
}
