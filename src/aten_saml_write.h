/* XML that we write: elements, attributes and text, escaped by libxml2. The bytes hang on the arguments alone, on no
 * setting of the process. What fails in between is remembered, and seen at the end. */
#ifndef ATEN_SAML_WRITE_H
#define ATEN_SAML_WRITE_H

#include <apr_pools.h>
#include <apr_time.h>

typedef struct aten_saml_writer_t aten_saml_writer_t;

/** @param page a document for people to look at too: with an XML declaration, and a line for each element */
aten_saml_writer_t *aten_saml_write(int page, apr_pool_t *p);

/** @param name with its prefix; what the prefix stands for is an attribute, "xmlns:md" */
void aten_saml_write_open(aten_saml_writer_t *writer, const char *name);
void aten_saml_write_close(aten_saml_writer_t *writer);

/** Clean UTF-8; NULL is a failure. */
void aten_saml_write_attribute(aten_saml_writer_t *writer, const char *name, const char *value);
void aten_saml_write_text(aten_saml_writer_t *writer, const char *text);

/** An attribute that is an xs:dateTime in UTC, of whole seconds (saml-core 1.3.3). */
void aten_saml_write_time(aten_saml_writer_t *writer, const char *name, apr_time_t when);

/** Close what is open. Nothing may be written any more.
 *  @return the whole text, or NULL if something failed */
char *aten_saml_write_end(aten_saml_writer_t *writer, apr_pool_t *p);

#endif
