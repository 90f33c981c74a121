/* Between the files of the signature: the form that is taken. */
#ifndef ATEN_SAML_VERIFY_PRIVATE_H
#define ATEN_SAML_VERIFY_PRIVATE_H

#include <libxml/tree.h>

#include "aten_saml.h"
#include "aten_verdict.h"

/* Canonicalization comes before the signature is known to hold, so its time and what it gives are bounded: it writes a
 * namespace's URI out again at each element that uses it (256 KiB of message would become 2 GiB). */
#define ATEN_SAML_ELEMENTS_MAX 4096
#define ATEN_SAML_NAMES_MAX 64        /* attributes and namespaces that one element declares */
#define ATEN_SAML_NAMESPACES_MAX 64   /* declared by an element and those around it */
#define ATEN_SAML_NAMESPACE_BYTES_MAX 256
#define ATEN_SAML_PREFIXES_BYTES_MAX 128

typedef struct {
    xmlNode *signature;
    xmlAttr *id_attribute;  /* of the element that is signed */
    const char *id;
    int key_type;           /* EVP_PKEY_RSA or EVP_PKEY_EC, as SignatureMethod has it */
} aten_saml_signed_t;

/** See aten_saml_verify: everything that can be said before a key is tried.
 *  @return OK and *out set, SAML_UNSIGNED, SAML_SIGNATURE_FORM or SAML_ALGORITHM */
aten_verdict_t aten_saml_signature_form(aten_saml_signed_t *out, const xmlNode *element, const char **why,
                                        apr_pool_t *p);

/** A key as libxmlsec1 wants it, to be destroyed by it (xmlSecKeyDestroy, or with its context).
 *  @return NULL if that failed */
struct _xmlSecKey;
struct _xmlSecKey *aten_saml_wrap_key(struct evp_pkey_st *pkey);

#endif
