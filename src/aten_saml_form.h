/* Elements whose form is prescribed: what may stand in them, in which order, and nothing else. */
#ifndef ATEN_SAML_FORM_H
#define ATEN_SAML_FORM_H

#include <apr_pools.h>
#include <libxml/tree.h>

/** If *at is an element of that name, it is given back and *at moves on to the next element. NULL otherwise. */
xmlNode *aten_saml_take(xmlNode **at, const char *ns, const char *name);

/** Has element no attribute but those named? One in a namespace is none of them, for libxml2's look-ups take no notice
 *  of the namespace. @param names ends with NULL */
int aten_saml_attributes_are(const xmlNode *element, const char *const *names);

/** Is there nothing in it but elements and white space: no text, no comment, no CDATA? */
int aten_saml_has_elements(const xmlNode *element);

/** Is there nothing in it but plain text? */
int aten_saml_has_text(const xmlNode *element);

/** The bytes of an element that has base64 in it, white space passed over; one byte at least.
 *  @return NULL if it is none, or there is an element inside */
const unsigned char *aten_saml_base64(const xmlNode *element, apr_size_t *len, apr_pool_t *p);

#endif
