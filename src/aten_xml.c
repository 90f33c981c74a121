#include "aten_xml.h"

#include <limits.h>
#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>
#include <libxml/SAX2.h>
#include <libxml/parser.h>

#define DECLARATION_MAX 256 /* bytes up to the end of the XML declaration */

/* What a parse has to remember beside libxml2's own state. It is the context's _private. */
typedef struct {
    aten_verdict_t stopped; /* why a handler of ours stopped the parse, or OK */
} watch_t;

/* libxml2 leaves a stopped parse "well-formed" with half a tree: the verdict must be asked before the tree. */
static void stop(void *ctx, aten_verdict_t verdict)
{
    xmlParserCtxtPtr ctxt = ctx;
    watch_t *watch = ctxt->_private;

    if (watch->stopped == ATEN_V_OK) watch->stopped = verdict;
    xmlStopParser(ctxt);
}

static void on_subset(void *ctx, const xmlChar *name, const xmlChar *external_id, const xmlChar *system_id)
{
    (void)name;
    (void)external_id;
    (void)system_id;
    stop(ctx, ATEN_V_XML_DTD);
}

/* Never reached, for on_subset stops the parse before any declaration; here so that nothing hangs on that order. */
static void on_entity(void *ctx, const xmlChar *name, int type, const xmlChar *public_id, const xmlChar *system_id,
                      xmlChar *content)
{
    (void)name;
    (void)type;
    (void)public_id;
    (void)system_id;
    (void)content;
    stop(ctx, ATEN_V_XML_DTD);
}

static void on_start(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int namespaces_count,
                     const xmlChar **namespaces, int attributes_count, int defaulted_count,
                     const xmlChar **attributes)
{
    xmlParserCtxtPtr ctxt = ctx;

    if (ctxt->nodeNr >= ATEN_XML_DEPTH_MAX) {
        stop(ctx, ATEN_V_XML_DEEP);
        return;
    }
    /* A prefix is looked for among all of them, in turn: of nsTab two entries are one namespace. */
    if (ctxt->nsNr > 2 * ATEN_XML_NAMESPACES_MAX) {
        stop(ctx, ATEN_V_XML_LARGE);
        return;
    }
    xmlSAX2StartElementNs(ctx, name, prefix, uri, namespaces_count, namespaces, attributes_count, defaulted_count,
                          attributes);
}

/* A handler of the context's own: without one libxml2 writes to stderr, or calls whatever another module has set for
 * the whole process. The text is dropped, for it may quote the document. */
static void on_error(void *ctx, xmlErrorPtr error)
{
    (void)ctx;
    (void)error;
}

static void guard(xmlParserCtxtPtr ctxt, watch_t *watch)
{
    ctxt->_private = watch;
    /* xmlKeepBlanksDefault is the one default of the process that no option of ours overrides. */
    ctxt->keepBlanks = 1;
    ctxt->sax->ignorableWhitespace = ctxt->sax->characters;
    ctxt->sax->internalSubset = on_subset;
    ctxt->sax->externalSubset = on_subset;
    ctxt->sax->entityDecl = on_entity;
    ctxt->sax->startElementNs = on_start;
    ctxt->sax->serror = on_error;
}

static apr_status_t free_doc(void *doc)
{
    xmlFreeDoc(doc);
    return APR_SUCCESS;
}

/* UTF-7 and the like hide '<' from whoever looks at the bytes; no server of ours sends them. */
static int is_usual_encoding(const xmlChar *encoding)
{
    static const char *const usual[] = {"UTF-8", "US-ASCII", "ISO-8859-1", "ISO-8859-15", "Windows-1252"};
    apr_size_t i;

    if (!encoding) return 1;
    for (i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
        if (!xmlStrcasecmp(encoding, (const xmlChar *)usual[i])) return 1;
    }
    return 0;
}

/* Before libxml2 sees it: for an encoding of the sender's choice it would load a converter into the process, at the
 * declaration already. What the tree says afterwards is judged all the same. */
static int begins_usually(const char *text, apr_size_t len, apr_pool_t *p)
{
    const char *start = apr_pstrmemdup(p, text, len < DECLARATION_MAX ? len : DECLARATION_MAX);
    const char *name, *quote;

    if (!strncmp(start, "\xEF\xBB\xBF", 3)) start += 3;
    start += strspn(start, " \t\r\n");
    if (*start != '<') return 0; /* EBCDIC is known by its first bytes */
    if (strncmp(start, "<?xml", 5) || !strchr(" \t\r\n", start[5])) return 1;
    if (!strstr(start, "?>")) return 0;
    name = strstr(start, "encoding");
    if (!name) return 1;
    quote = name + strcspn(name, "'\"?");
    if (!*quote || *quote == '?') return 0;
    name = apr_pstrmemdup(p, quote + 1, strcspn(quote + 1, "'\"?"));
    return is_usual_encoding((const xmlChar *)name);
}

aten_verdict_t aten_xml_parse(xmlDocPtr *doc, const char *text, apr_size_t len, apr_pool_t *p)
{
    return aten_xml_parse_large(doc, text, len, ATEN_XML_BYTES_MAX, p);
}

/* libxml2 compares each attribute of an element with all others before it asks anybody: 25,000 of them, a message of
 * 240 KB, take a second. No '<' stands inside a tag, so what is counted is never less than an element's attributes. */
static int has_crowded_element(const char *text, apr_size_t len)
{
    const char *end = text + len;
    int count = 0;

    for (; text < end; text++) {
        if (*text == '<') count = 0;
        else if (*text == '=' && ++count > ATEN_XML_ATTRIBUTES_MAX) return 1;
    }
    return 0;
}

aten_verdict_t aten_xml_parse_large(xmlDocPtr *doc, const char *text, apr_size_t len, apr_size_t max, apr_pool_t *p)
{
    watch_t watch = {ATEN_V_OK};
    aten_verdict_t verdict = ATEN_V_INTERNAL;
    xmlParserCtxtPtr ctxt;
    xmlDocPtr tree = NULL;

    *doc = NULL;
    if (len > max || len > INT_MAX) return ATEN_V_XML_LARGE;
    /* libxml2 takes a NUL behind the root element for the end of the text and does not look at the rest. So UTF-16 is
     * refused too; no CAS server and no portal sends it. */
    if (!len || memchr(text, 0, len)) return ATEN_V_XML_MALFORMED;
    if (!begins_usually(text, len, p)) return ATEN_V_XML_MALFORMED;
    if (has_crowded_element(text, len)) return ATEN_V_XML_LARGE;
    ctxt = xmlNewParserCtxt();
    if (!ctxt) return ATEN_V_INTERNAL;
    guard(ctxt, &watch);
    tree = xmlCtxtReadMemory(ctxt, text, (int)len, NULL, NULL,
                             XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    verdict = watch.stopped;
    if (verdict != ATEN_V_OK) goto leave;
    verdict = ATEN_V_XML_MALFORMED;
    if (!tree || !ctxt->wellFormed || !ctxt->nsWellFormed || !xmlDocGetRootElement(tree)) goto leave;
    if (!is_usual_encoding(tree->encoding)) goto leave;
    verdict = ATEN_V_OK;
    apr_pool_cleanup_register(p, tree, free_doc, apr_pool_cleanup_null);
    *doc = tree;
    tree = NULL;
leave:
    if (tree) xmlFreeDoc(tree);
    xmlFreeParserCtxt(ctxt);
    return verdict;
}

int aten_xml_is(const xmlNode *node, const char *ns, const char *name)
{
    const char *href;

    if (!node || node->type != XML_ELEMENT_NODE || strcmp((const char *)node->name, name)) return 0;
    href = node->ns ? (const char *)node->ns->href : NULL;
    return ns && href ? !strcmp(ns, href) : !ns && !href;
}

static xmlNode *element_from(xmlNode *node)
{
    while (node && node->type != XML_ELEMENT_NODE) node = node->next;
    return node;
}

xmlNode *aten_xml_first(const xmlNode *node)
{
    return node ? element_from(node->children) : NULL;
}

xmlNode *aten_xml_next(const xmlNode *node)
{
    return node ? element_from(node->next) : NULL;
}

xmlNode *aten_xml_child(const xmlNode *node, const char *ns, const char *name, int *count)
{
    xmlNode *child, *found = NULL;
    int seen = 0;

    for (child = aten_xml_first(node); child; child = aten_xml_next(child)) {
        if (!aten_xml_is(child, ns, name)) continue;
        if (!seen++) found = child;
    }
    if (count) *count = seen;
    return found;
}

/* 1: has text to be read; 0: to be passed over; -1: the text cannot be read as one. */
static int text_kind(const xmlNode *node)
{
    switch (node->type) {
    case XML_TEXT_NODE:
    case XML_CDATA_SECTION_NODE:
        return 1;
    case XML_COMMENT_NODE:
    case XML_PI_NODE:
        return 0;
    default:
        return -1;
    }
}

const char *aten_xml_text(const xmlNode *node, apr_pool_t *p)
{
    apr_array_header_t *parts;
    const xmlNode *child;

    if (!node || node->type != XML_ELEMENT_NODE) return NULL;
    parts = apr_array_make(p, 1, sizeof(const char *));
    for (child = node->children; child; child = child->next) {
        int kind = text_kind(child);

        if (kind < 0) return NULL;
        if (kind && child->content) APR_ARRAY_PUSH(parts, const char *) = (const char *)child->content;
    }
    return apr_array_pstrcat(p, parts, '\0');
}

const char *aten_xml_attribute(const xmlNode *node, const char *name, apr_pool_t *p)
{
    xmlChar *value;
    const char *copy;

    if (!node || node->type != XML_ELEMENT_NODE) return NULL;
    value = xmlGetNoNsProp(node, (const xmlChar *)name);
    if (!value) return NULL;
    copy = apr_pstrdup(p, (const char *)value);
    xmlFree(value);
    return copy;
}
