/* XML signatures (xmldsig-core, saml-core section 5), by libxmlsec1. */
#ifndef ATEN_SAML_VERIFY_H
#define ATEN_SAML_VERIFY_H

#include <libxml/tree.h>

#include "aten_saml.h"
#include "aten_verdict.h"

/** The ds:Signature child of an element, where there is one. NULL: not signed.
 *  @param count if not NULL, set to how many there are */
xmlNode *aten_saml_signature(const xmlNode *element, int *count);

/** Verify the signature that is a child of element over element itself, and give back the very bytes that were
 *  digested: who wants to read what was signed parses these, and nothing else.
 *
 *  One form is taken (SIGNATURE_FORM otherwise): exactly one ds:Signature child; in it SignedInfo, SignatureValue and
 *  perhaps KeyInfo, once each and nothing else (no Object); one Reference, whose URI is "#" and the ID of element; two
 *  Transforms, enveloped-signature and exclusive canonicalization (with or without comments, perhaps with
 *  InclusiveNamespaces); no parameters elsewhere (an HMACOutputLength, XPath, ...). element's document is one in which
 *  no two elements have the same ID, ID or id attribute value (the caller saw to that); the function registers
 *  element's ID alone.
 *  Algorithms (ALGORITHM otherwise): RSA and ECDSA signatures with SHA-256, SHA-384 or SHA-512; digests SHA-256,
 *  SHA-384, SHA-512; exclusive canonicalization of SignedInfo.
 *  What canonicalization costs is bounded (SIGNATURE_FORM beyond it): 4,096 elements, 64 attributes and namespaces of
 *  one of them, 64 namespaces in scope, each of 256 bytes at most.
 *  Keys are those given, tried in their order; KeyInfo is never looked at; nothing is ever fetched.
 *
 *  @param keys  const aten_saml_key_t * (public); those that are too weak or of another type than the signature's
 *               algorithm are passed over
 *  @param bytes set with OK alone: len bytes from p and a NUL behind them
 *  @param why   on anything but OK a text for the log, escaped; never a value of the message beside an algorithm's name
 *  @return OK, SAML_UNSIGNED (no signature), SAML_SIGNATURE_FORM, SAML_ALGORITHM, SAML_SIGNATURE or INTERNAL */
aten_verdict_t aten_saml_verify(xmlNode *element, const apr_array_header_t *keys, const char **bytes, apr_size_t *len,
                                const char **why, apr_pool_t *p);

#endif
