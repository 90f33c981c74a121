/* XML encryption (xmlenc-core 1.1, saml-core section 6). */
#ifndef ATEN_SAML_DECRYPT_H
#define ATEN_SAML_DECRYPT_H

#include <libxml/tree.h>

#include "aten_saml.h"
#include "aten_verdict.h"

/** Decrypt a saml:EncryptedAssertion or saml:EncryptedID.
 *
 *  One form is taken (ENCRYPTION_FORM otherwise): one EncryptedData (Type Element, or none) with EncryptionMethod,
 *  CipherData/CipherValue, and one EncryptedKey or more, each for some recipient: in its KeyInfo, or beside it (then
 *  KeyInfo may have a RetrievalMethod, which is not followed). A CipherReference, and any other element where it could
 *  change what is decrypted, is refused; nothing is ever fetched. At most 8 EncryptedKeys.
 *  Algorithms (ALGORITHM otherwise): content AES-128/192/256-GCM, and AES-128/192/256-CBC where cbc_allowed
 *  (ENCRYPTION_CBC otherwise); key transport RSA-OAEP (rsa-oaep-mgf1p, and xmlenc11's rsa-oaep with its MGF), digests
 *  SHA-1 to SHA-512 for both; PKCS#1 v1.5 never.
 *  Every failure of the decryption itself is ENCRYPTION with one and the same text, whatever went wrong.
 *
 *  @param keys        const aten_saml_key_t * (private, RSA): each is tried with each EncryptedKey
 *  @param cbc_allowed CBC has no integrity of its own: only where a signature around it was verified before
 *  @param text set with OK alone: len bytes from p and a NUL behind them; XML that is not parsed yet
 *  @return OK, SAML_ENCRYPTION_FORM, SAML_ALGORITHM, SAML_ENCRYPTION_CBC, SAML_ENCRYPTION or INTERNAL */
aten_verdict_t aten_saml_decrypt(const xmlNode *encrypted, const apr_array_header_t *keys, int cbc_allowed,
                                 const char **text, apr_size_t *len, const char **why, apr_pool_t *p);

#endif
