#include "aten_saml_write.h"

#include <apr_strings.h>
#include <libxml/xmlwriter.h>

#define X(text) ((const xmlChar *)(text))

struct aten_saml_writer_t {
    xmlBufferPtr bytes;
    xmlTextWriterPtr to;
    int failed;
};

static apr_status_t free_writer(void *data)
{
    aten_saml_writer_t *writer = data;

    if (writer->to) xmlFreeTextWriter(writer->to);
    if (writer->bytes) xmlBufferFree(writer->bytes);
    return APR_SUCCESS;
}

static void note(aten_saml_writer_t *writer, int status)
{
    if (status < 0) writer->failed = 1;
}

aten_saml_writer_t *aten_saml_write(int page, apr_pool_t *p)
{
    aten_saml_writer_t *writer = apr_pcalloc(p, sizeof(*writer));

    apr_pool_cleanup_register(p, writer, free_writer, apr_pool_cleanup_null);
    writer->bytes = xmlBufferCreate();
    if (writer->bytes) writer->to = xmlNewTextWriterMemory(writer->bytes, 0);
    writer->failed = !writer->to;
    if (writer->failed || !page) return writer;
    note(writer, xmlTextWriterSetIndent(writer->to, 1));
    note(writer, xmlTextWriterSetIndentString(writer->to, X("  ")));
    note(writer, xmlTextWriterStartDocument(writer->to, "1.0", "UTF-8", NULL));
    return writer;
}

void aten_saml_write_open(aten_saml_writer_t *writer, const char *name)
{
    if (!writer->failed) note(writer, xmlTextWriterStartElement(writer->to, X(name)));
}

void aten_saml_write_close(aten_saml_writer_t *writer)
{
    if (!writer->failed) note(writer, xmlTextWriterEndElement(writer->to));
}

void aten_saml_write_attribute(aten_saml_writer_t *writer, const char *name, const char *value)
{
    if (!value) writer->failed = 1;
    if (!writer->failed) note(writer, xmlTextWriterWriteAttribute(writer->to, X(name), X(value)));
}

void aten_saml_write_time(aten_saml_writer_t *writer, const char *name, apr_time_t when)
{
    char text[sizeof("-2147483648-12-31T23:59:60Z")];
    apr_time_exp_t t;

    if (apr_time_exp_gmt(&t, when) != APR_SUCCESS) {
        writer->failed = 1;
        return;
    }
    apr_snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02dZ", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday,
                 t.tm_hour, t.tm_min, t.tm_sec);
    aten_saml_write_attribute(writer, name, text);
}

void aten_saml_write_text(aten_saml_writer_t *writer, const char *text)
{
    if (!text) writer->failed = 1;
    if (!writer->failed) note(writer, xmlTextWriterWriteString(writer->to, X(text)));
}

char *aten_saml_write_end(aten_saml_writer_t *writer, apr_pool_t *p)
{
    char *text = NULL;

    if (!writer->failed) note(writer, xmlTextWriterEndDocument(writer->to));
    if (!writer->failed) note(writer, xmlTextWriterFlush(writer->to));
    if (!writer->failed) {
        text = apr_pstrmemdup(p, (const char *)xmlBufferContent(writer->bytes),
                              (apr_size_t)xmlBufferLength(writer->bytes));
    }
    writer->failed = 1;
    return text;
}
