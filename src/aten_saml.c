#include "aten_saml.h"

#include <libxml/parser.h>
#include <xmlsec/crypto.h>
#include <xmlsec/errors.h>
#include <xmlsec/io.h>
#include <xmlsec/transforms.h>
#include <xmlsec/xmlsec.h>

/* xmlSecInit sets an entity loader for the whole process, which is not ours to set: PHP, for one, has its own. */
static int init_core(void)
{
    const xmlExternalEntityLoader loader = xmlGetExternalEntityLoader();
    const int status = xmlSecInit();

    xmlSetExternalEntityLoader(loader);
    if (status < 0) return 0;
    xmlSecIOCleanupCallbacks();
    return 1;
}

static int has_openssl(void)
{
    return xmlSecTransformIdListFind(xmlSecTransformIdsGet(), xmlSecTransformRsaSha256Id) == 1;
}

/* Another module (one of lasso's, say) may have been here before: then its callbacks and lists stay as they are. What
 * it lets libxmlsec1 fetch does not matter, for no message with an address in it is ever handed over. */
int aten_saml_global(void)
{
    xmlSecErrorsDefaultCallbackEnableOutput(0); /* to stderr; a callback that somebody has set of his own stays */
    if (!xmlSecPtrListIsValid(xmlSecTransformIdsGet()) && !init_core()) return 0;
    if (!has_openssl() && xmlSecCryptoInit() < 0) return 0;
    /* By name too: with another engine's set before OpenSSL's, no key of ours would ever fit. */
    return xmlSecTransformIdListFindByHref(xmlSecTransformIdsGet(), xmlSecHrefRsaSha256,
                                           xmlSecTransformUsageSignatureMethod) == xmlSecTransformRsaSha256Id;
}
