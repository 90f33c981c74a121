#include "aten_saml_verify.h"

#include <string.h>

#include <apr_strings.h>
#include <libxml/valid.h>
#include <libxml/xmlerror.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <xmlsec/crypto.h>
#include <xmlsec/keys.h>
#include <xmlsec/openssl/evp.h>
#include <xmlsec/transforms.h>
#include <xmlsec/xmldsig.h>
#include <xmlsec/xmlsec.h>

#include "aten_saml_key.h"
#include "aten_saml_verify_private.h"
#include "aten_util.h"
#include "aten_xml.h"

xmlNode *aten_saml_signature(const xmlNode *element, int *count)
{
    return aten_xml_child(element, ATEN_NS_DS, "Signature", count);
}

/* --- keys --- */

/* Metadata lets no other key in; this does not depend on it. */
static int is_usable(const aten_saml_key_t *key, int type, apr_pool_t *p)
{
    return key && key->pkey && EVP_PKEY_get_base_id(key->pkey) == type && !aten_saml_key_weakness(key->pkey, p);
}

struct _xmlSecKey *aten_saml_wrap_key(EVP_PKEY *pkey)
{
    xmlSecKeyPtr key = xmlSecKeyCreate();
    xmlSecKeyDataPtr data;

    if (!key) return NULL;
    EVP_PKEY_up_ref(pkey);
    data = xmlSecOpenSSLEvpKeyAdopt(pkey);
    if (!data) EVP_PKEY_free(pkey);
    if (data && xmlSecKeySetValue(key, data) >= 0) return key;
    if (data) xmlSecKeyDataDestroy(data);
    xmlSecKeyDestroy(key);
    return NULL;
}

/* --- one try --- */

typedef enum {
    TRIED_ERROR,
    TRIED_DIGEST, /* does not hold, with this key or another */
    TRIED_KEY,    /* not signed by this key */
    TRIED_OK,
} tried_t;

/* The form has been judged by now; this holds even if libxmlsec1 should read it otherwise. */
static int restrict_context(xmlSecDSigCtxPtr ctx)
{
    const xmlSecTransformId of_reference[] = {
        xmlSecTransformEnvelopedId, xmlSecTransformExclC14NId, xmlSecTransformExclC14NWithCommentsId,
        xmlSecTransformSha256Id, xmlSecTransformSha384Id, xmlSecTransformSha512Id,
    };
    const xmlSecTransformId of_signature[] = {
        xmlSecTransformExclC14NId, xmlSecTransformExclC14NWithCommentsId, xmlSecTransformRsaSha256Id,
        xmlSecTransformRsaSha384Id, xmlSecTransformRsaSha512Id, xmlSecTransformEcdsaSha256Id,
        xmlSecTransformEcdsaSha384Id, xmlSecTransformEcdsaSha512Id,
    };
    size_t i;

    ctx->flags = XMLSEC_DSIG_FLAGS_IGNORE_MANIFESTS | XMLSEC_DSIG_FLAGS_STORE_SIGNEDINFO_REFERENCES;
    ctx->enabledReferenceUris = xmlSecTransformUriTypeSameDocument;
    for (i = 0; i < sizeof(of_reference) / sizeof(of_reference[0]); i++) {
        if (xmlSecDSigCtxEnableReferenceTransform(ctx, of_reference[i]) < 0) return 0;
    }
    for (i = 0; i < sizeof(of_signature) / sizeof(of_signature[0]); i++) {
        if (xmlSecDSigCtxEnableSignatureTransform(ctx, of_signature[i]) < 0) return 0;
    }
    return 1;
}

static xmlSecDSigReferenceCtxPtr only_reference(xmlSecDSigCtxPtr ctx)
{
    if (xmlSecPtrListGetSize(&ctx->signedInfoReferences) != 1) return NULL;
    return xmlSecPtrListGetItem(&ctx->signedInfoReferences, 0);
}

/* A canonicalization that fails may leave nothing behind, and the digest of nothing is known to everybody. */
static int copy_digested(xmlSecDSigReferenceCtxPtr reference, const char **bytes, apr_size_t *len, apr_pool_t *p)
{
    xmlSecBufferPtr buffer = xmlSecDSigReferenceCtxGetPreDigestBuffer(reference);
    const xmlSecSize size = buffer ? xmlSecBufferGetSize(buffer) : 0;

    if (!size) return 0;
    *len = size;
    *bytes = apr_pstrmemdup(p, (const char *)xmlSecBufferGetData(buffer), size);
    return 1;
}

static tried_t try_key(const aten_saml_signed_t *form, EVP_PKEY *pkey, const char **bytes, apr_size_t *len,
                       apr_pool_t *p)
{
    xmlSecDSigCtxPtr ctx = xmlSecDSigCtxCreate(NULL);
    xmlSecDSigReferenceCtxPtr reference;
    tried_t tried = TRIED_ERROR;
    int status;

    if (!ctx || !restrict_context(ctx)) goto leave;
    ctx->signKey = aten_saml_wrap_key(pkey);
    if (!ctx->signKey) goto leave;
    status = xmlSecDSigCtxVerify(ctx, form->signature);
    tried = TRIED_DIGEST;
    reference = only_reference(ctx);
    if (!reference || reference->status != xmlSecDSigStatusSucceeded) goto leave;
    tried = TRIED_KEY;
    if (status < 0 || ctx->status != xmlSecDSigStatusSucceeded) goto leave;
    if (copy_digested(reference, bytes, len, p)) tried = TRIED_OK;
leave:
    if (ctx) xmlSecDSigCtxDestroy(ctx);
    return tried;
}

static aten_verdict_t try_keys(const aten_saml_signed_t *form, const apr_array_header_t *keys, const char **bytes,
                               apr_size_t *len, const char **why, apr_pool_t *p)
{
    const char *kind = form->key_type == EVP_PKEY_RSA ? "RSA" : "EC";
    int i, tried = 0;

    for (i = 0; keys && i < keys->nelts; i++) {
        const aten_saml_key_t *key = APR_ARRAY_IDX(keys, i, const aten_saml_key_t *);
        tried_t result;

        if (!is_usable(key, form->key_type, p)) continue;
        tried++;
        result = try_key(form, key->pkey, bytes, len, p);
        if (result == TRIED_OK) return ATEN_V_OK;
        if (result == TRIED_ERROR) return ATEN_V_INTERNAL;
        if (result == TRIED_DIGEST) {
            *why = "the digest is not that of the element: it was changed after it was signed";
            return ATEN_V_SAML_SIGNATURE;
        }
    }
    *why = tried ? apr_psprintf(p, "the signature was made by none of the portal's %d %s keys", tried, kind)
                 : apr_psprintf(p, "the signature is one of an %s key, and the portal's metadata has none", kind);
    return ATEN_V_SAML_SIGNATURE;
}

/* --- around it --- */

static void drop_error(void *ctx, xmlErrorPtr error)
{
    (void)ctx;
    (void)error;
}

/* libxmlsec1 registers each Id below the signature it verifies. */
static void forget_ids(const xmlNode *element)
{
    const xmlNode *child;
    xmlAttr *attribute;

    for (attribute = element->properties; attribute; attribute = attribute->next) {
        if (attribute->atype == XML_ATTRIBUTE_ID && !strcmp((const char *)attribute->name, "Id")) {
            xmlRemoveID(element->doc, attribute);
        }
    }
    for (child = aten_xml_first(element); child; child = aten_xml_next(child)) forget_ids(child);
}

/* Errors go nowhere: neither to stderr by libxml2 (whose handlers are the thread's) nor into OpenSSL's queue, where
 * mod_ssl would take them for its own. */
static aten_verdict_t verify_silently(const aten_saml_signed_t *form, const apr_array_header_t *keys,
                                      const char **bytes, apr_size_t *len, const char **why, apr_pool_t *p)
{
    const xmlStructuredErrorFunc handler = xmlStructuredError;
    void *context = xmlStructuredErrorContext;
    aten_verdict_t verdict;

    xmlSetStructuredErrorFunc(NULL, drop_error);
    ERR_set_mark();
    verdict = try_keys(form, keys, bytes, len, why, p);
    ERR_pop_to_mark();
    xmlSetStructuredErrorFunc(context, handler);
    return verdict;
}

aten_verdict_t aten_saml_verify(xmlNode *element, const apr_array_header_t *keys, const char **bytes, apr_size_t *len,
                                const char **why, apr_pool_t *p)
{
    aten_saml_signed_t form;
    aten_verdict_t verdict;

    *bytes = NULL;
    *len = 0;
    verdict = aten_saml_signature_form(&form, element, why, p);
    if (verdict != ATEN_V_OK) return verdict;
    *why = "libxmlsec1 cannot be used";
    if (!xmlSecPtrListIsValid(xmlSecTransformIdsGet())) return ATEN_V_INTERNAL;
    /* Of two IDs libxml2 keeps the first, and an xml:id is one from the parse on: then the reference would be to it. */
    if (!xmlAddID(NULL, element->doc, (const xmlChar *)form.id, form.id_attribute)) {
        *why = "the ID of the element that is signed is the xml:id of another";
        return ATEN_V_SAML_SIGNATURE_FORM;
    }
    verdict = verify_silently(&form, keys, bytes, len, why, p);
    forget_ids(form.signature);
    xmlRemoveID(element->doc, form.id_attribute);
    if (verdict == ATEN_V_OK) *why = NULL;
    return verdict;
}
