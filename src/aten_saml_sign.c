#include "aten_saml_sign.h"

#include <string.h>

#include <apr_encode.h>
#include <apr_strings.h>
#include <libxml/tree.h>
#include <libxml/valid.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <xmlsec/crypto.h>
#include <xmlsec/templates.h>
#include <xmlsec/transforms.h>
#include <xmlsec/xmldsig.h>
#include <xmlsec/xmlsec.h>

#include "aten_saml_verify_private.h"
#include "aten_xml.h"

static xmlSecTransformId algorithm_of(const aten_saml_key_t *key)
{
    return EVP_PKEY_get_base_id(key->pkey) == EVP_PKEY_EC ? xmlSecTransformEcdsaSha256Id : xmlSecTransformRsaSha256Id;
}

/* An empty signature over root, put behind its Issuer. @return NULL if it cannot be made */
static xmlNode *put_template(xmlDocPtr doc, xmlNode *issuer, const char *id, const aten_saml_key_t *key, apr_pool_t *p)
{
    xmlNode *signature = xmlSecTmplSignatureCreateNsPref(doc, xmlSecTransformExclC14NId, algorithm_of(key), NULL,
                                                         BAD_CAST "ds");
    xmlNode *reference;

    if (!signature) return NULL;
    xmlAddNextSibling(issuer, signature);
    reference = xmlSecTmplSignatureAddReference(signature, xmlSecTransformSha256Id, NULL,
                                                BAD_CAST apr_pstrcat(p, "#", id, NULL), NULL);
    if (!reference || !xmlSecTmplReferenceAddTransform(reference, xmlSecTransformEnvelopedId)
        || !xmlSecTmplReferenceAddTransform(reference, xmlSecTransformExclC14NId)) {
        return NULL;
    }
    return signature;
}

static int sign(xmlNode *signature, const aten_saml_key_t *key)
{
    xmlSecDSigCtxPtr ctx = xmlSecDSigCtxCreate(NULL);
    int good = 0;

    if (!ctx) return 0;
    ctx->signKey = aten_saml_wrap_key(key->pkey);
    good = ctx->signKey && xmlSecDSigCtxSign(ctx, signature) >= 0 && ctx->status == xmlSecDSigStatusSucceeded;
    xmlSecDSigCtxDestroy(ctx);
    return good;
}

static char *base64_of(xmlDocPtr doc, apr_pool_t *p)
{
    xmlChar *bytes = NULL;
    int len = 0;
    char *base64 = NULL;

    xmlDocDumpMemory(doc, &bytes, &len);
    if (bytes && len > 0) base64 = apr_pstrdup(p, apr_pencode_base64_binary(p, bytes, len, APR_ENCODE_NONE, NULL));
    xmlFree(bytes);
    return base64;
}

char *aten_saml_sign(const char *text, const aten_saml_key_t *key, apr_pool_t *p)
{
    const char *id;
    xmlNode *root, *issuer, *signature;
    char *base64 = NULL;
    xmlDocPtr doc;

    if (!text || !key || aten_xml_parse(&doc, text, strlen(text), p) != ATEN_V_OK) return NULL;
    root = xmlDocGetRootElement(doc);
    issuer = aten_xml_first(root);
    id = aten_xml_attribute(root, "ID", p);
    if (!id || !aten_xml_is(issuer, ATEN_NS_SAML, "Issuer")) return NULL;
    ERR_set_mark();
    signature = put_template(doc, issuer, id, key, p);
    if (signature && xmlAddID(NULL, doc, BAD_CAST id, xmlHasProp(root, BAD_CAST "ID")) && sign(signature, key)) {
        base64 = base64_of(doc, p);
    }
    ERR_pop_to_mark();
    return base64;
}
