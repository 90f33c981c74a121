/* The one hardened XML parser (libxml2): no DTD, no entity, no network, bounded size and depth. */
#ifndef ATEN_XML_H
#define ATEN_XML_H

#include <apr_pools.h>
#include <libxml/tree.h>

#include "aten_verdict.h"

#define ATEN_XML_BYTES_MAX (256 * 1024)
#define ATEN_XML_DEPTH_MAX 32
#define ATEN_XML_ATTRIBUTES_MAX 1000 /* of an element; counted roughly: every '=' between two '<' */
#define ATEN_XML_NAMESPACES_MAX 256  /* declared by an element and those around it */

/** Parse len bytes. A document type declaration stops the parse where it begins, before anything of it is expanded.
 *  @param doc set with OK alone; freed by a cleanup of p
 *  @return OK, XML_MALFORMED, XML_DTD, XML_DEEP or XML_LARGE */
aten_verdict_t aten_xml_parse(xmlDocPtr *doc, const char *text, apr_size_t len, apr_pool_t *p);

/** The same with another limit of bytes: for files of the administrator's. */
aten_verdict_t aten_xml_parse_large(xmlDocPtr *doc, const char *text, apr_size_t len, apr_size_t max, apr_pool_t *p);

/** Is node an element of that local name in that namespace? NULL is not. */
int aten_xml_is(const xmlNode *node, const char *ns, const char *name);

/** The first element child of node that has that name; *count, if not NULL, is set to how many there are. */
xmlNode *aten_xml_child(const xmlNode *node, const char *ns, const char *name, int *count);

/** The first child that is an element, whatever it is; the next sibling that is one. */
xmlNode *aten_xml_first(const xmlNode *node);
xmlNode *aten_xml_next(const xmlNode *node);

/** The text of an element, whole: text and CDATA put together in document order, comments and processing instructions
 *  passed over, never cut by them. @return NULL if it has an element or an entity reference inside */
const char *aten_xml_text(const xmlNode *node, apr_pool_t *p);

/** The value of an attribute without namespace, or NULL. */
const char *aten_xml_attribute(const xmlNode *node, const char *name, apr_pool_t *p);

#endif
