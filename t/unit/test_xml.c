/* aten_xml.h: what the parser takes, what it refuses and how soon, and reading elements, text and attributes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>
#include <libxml/parser.h>
#include <libxml/xmlerror.h>

#include "aten_xml.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NS "urn:test:a"
#define OTHER_NS "urn:test:b"

static int make_pool(void **state)
{
    return apr_pool_create((apr_pool_t **)state, NULL) != APR_SUCCESS;
}

static int drop_pool(void **state)
{
    apr_pool_destroy(*state);
    return 0;
}

static aten_verdict_t parse(const char *text, xmlDocPtr *doc, apr_pool_t *p)
{
    return aten_xml_parse(doc, text, strlen(text), p);
}

static xmlNode *root_of(const char *text, apr_pool_t *p)
{
    xmlDocPtr doc;

    if (parse(text, &doc, p) != ATEN_V_OK) fail_msg("does not parse: %s", text);
    return xmlDocGetRootElement(doc);
}

/* The libraries among others. */
static char *maps_of_this_process(apr_pool_t *p)
{
    char *text = apr_pcalloc(p, 256 * 1024);
    FILE *file = fopen("/proc/self/maps", "r");

    if (file) {
        text[fread(text, 1, 256 * 1024 - 1, file)] = '\0';
        fclose(file);
    }
    return text;
}

/* --- what is taken and what is not --- */

typedef struct {
    const char *text;
    aten_verdict_t verdict;
    const char *why;
} parse_case_t;

static const parse_case_t parse_cases[] = {
    {"<a/>", ATEN_V_OK, "the smallest document"},
    {"<?xml version=\"1.0\"?><a/>", ATEN_V_OK, "with a declaration"},
    {"\xEF\xBB\xBF<a>\xC3\xA9</a>", ATEN_V_OK, "with a byte order mark"},
    {"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xE9</a>", ATEN_V_OK, "in Latin-1, which XML allows"},
    {"<?xml version='1.0' encoding='iso-8859-15'?><a>\xA4</a>", ATEN_V_OK, "its later form, in lower case"},
    {"<?xml version='1.0' encoding='windows-1252'?><a>\x80</a>", ATEN_V_OK, "that of Windows"},
    {"<?xml version='1.0' encoding='us-ascii'?><a>x</a>", ATEN_V_OK, "ASCII"},
    {"<?xml version=\"1.0\"\n encoding\t= \"utf-8\" standalone='yes' ?>\n<a/>", ATEN_V_OK, "as long as it may be"},
    {"<?xml-stylesheet href='encoding=EUC-JP'?><a/>", ATEN_V_OK, "an instruction is no declaration"},
    {"<a>encoding='EUC-JP'?></a>", ATEN_V_OK, "nor is text"},
    {"<!-- c --><?pi x?><a/><!-- c -->\n", ATEN_V_OK, "comments and instructions around the root"},
    {"<a>&lt;&amp;&gt;&quot;&apos;&#233;&#xE9;</a>", ATEN_V_OK, "what XML predefines needs no declaration"},
    {"<a><!-- <!DOCTYPE a> --></a>", ATEN_V_OK, "a comment is no declaration: nothing is searched for as text"},
    {"<a><![CDATA[<!DOCTYPE a [<!ENTITY e 'x'>]>]]></a>", ATEN_V_OK, "nor is CDATA"},
    {"<a b='&lt;!DOCTYPE'/>", ATEN_V_OK, "nor an attribute"},

    {"", ATEN_V_XML_MALFORMED, "nothing"},
    {" \n", ATEN_V_XML_MALFORMED, "only blanks"},
    {"yes\njean\n", ATEN_V_XML_MALFORMED, "not XML at all"},
    {"<a>", ATEN_V_XML_MALFORMED, "not closed: a body that was cut off"},
    {"<a></b>", ATEN_V_XML_MALFORMED, "closed by another name"},
    {"<a/><b/>", ATEN_V_XML_MALFORMED, "two roots"},
    {"<a/>x", ATEN_V_XML_MALFORMED, "text behind the root"},
    {"x<a/>", ATEN_V_XML_MALFORMED, "text before it"},
    {"\n<?xml version='1.0'?><a/>", ATEN_V_XML_MALFORMED, "a declaration that is not at the start"},
    {"<a b='1' b='2'/>", ATEN_V_XML_MALFORMED, "an attribute twice"},
    {"<a xmlns:p='u' xmlns:q='u' p:b='1' q:b='2'/>", ATEN_V_XML_MALFORMED, "the same by two prefixes"},
    {"<a b=1/>", ATEN_V_XML_MALFORMED, "an attribute without quotes"},
    {"<a>&e;</a>", ATEN_V_XML_MALFORMED, "an entity that nobody declared"},
    {"<a b='&e;'/>", ATEN_V_XML_MALFORMED, "the same in an attribute"},
    {"<a>&nbsp;</a>", ATEN_V_XML_MALFORMED, "HTML's entities are not XML's"},
    {"<a>&</a>", ATEN_V_XML_MALFORMED, "an ampersand that is none"},
    {"<a>&#0;</a>", ATEN_V_XML_MALFORMED, "NUL by reference"},
    {"<a>&#1;</a>", ATEN_V_XML_MALFORMED, "a control character by reference"},
    {"<a>\x01</a>", ATEN_V_XML_MALFORMED, "a control character"},
    {"<a>\xE9</a>", ATEN_V_XML_MALFORMED, "not UTF-8"},
    {"<a>\xC0\xBC</a>", ATEN_V_XML_MALFORMED, "an overlong form"},
    {"<a>\xED\xA0\x80</a>", ATEN_V_XML_MALFORMED, "a surrogate"},
    {"<?xml version='1.0' encoding='x-none'?><a/>", ATEN_V_XML_MALFORMED, "an encoding that nobody knows"},
    {"<?xml version='1.0' encoding='UTF-7'?><a>+ADw-b/+AD4-</a>", ATEN_V_XML_MALFORMED,
     "one that hides what stands there from whoever looks at the bytes"},
    {"<?xml version='1.0' encoding='UTF-7'?><a/>", ATEN_V_XML_MALFORMED, "be there nothing to hide"},
    {"<?xml version='1.0' encoding='EUC-JP'?><a/>", ATEN_V_XML_MALFORMED, "one that no server of ours has"},
    {"<?xml version=\"1.0\" encoding = \"EUC-JP\"?><a/>", ATEN_V_XML_MALFORMED, "however it is written"},
    {"\xEF\xBB\xBF<?xml version='1.0' encoding='EUC-JP'?><a/>", ATEN_V_XML_MALFORMED, "behind a byte order mark"},
    {"<?xml version='1.0' encoding='UTF-8EUC-JP'?><a/>", ATEN_V_XML_MALFORMED, "a longer name is another one"},
    {"<?xml version='1.0' encoding=UTF-8?><a/>", ATEN_V_XML_MALFORMED, "without quotes"},
    {"<?xml version='1.0' encoding=''?><a/>", ATEN_V_XML_MALFORMED, "nothing"},
    {"<?xml version='1.0'", ATEN_V_XML_MALFORMED, "a declaration that does not end"},
    {"\x4C\x6F\xA7\x94\x93", ATEN_V_XML_MALFORMED, "EBCDIC's declaration"},
    {"<?xml version='1.0' encoding='UTF-16'?><a/>", ATEN_V_XML_MALFORMED, "not what the bytes are"},
    {"<p:a/>", ATEN_V_XML_MALFORMED, "a prefix that nobody declared"},
    {"<a p:b='1'/>", ATEN_V_XML_MALFORMED, "the same on an attribute"},
    {"<p:a:b xmlns:p='u'/>", ATEN_V_XML_MALFORMED, "two colons: not a name with a namespace"},
    {"<a xmlns:p=''/>", ATEN_V_XML_MALFORMED, "a prefix cannot be undeclared (Namespaces 1.0)"},
    {"<a><![CDATA[x</a>", ATEN_V_XML_MALFORMED, "CDATA without an end"},
    {"<a><!-- x</a>", ATEN_V_XML_MALFORMED, "a comment without an end"},
    {"<a>]]></a>", ATEN_V_XML_MALFORMED, "an end of CDATA without a beginning"},
    {"<!DOCTYPE>", ATEN_V_XML_MALFORMED, "a document type declaration without a name is not even one"},

    {"<!DOCTYPE a><a/>", ATEN_V_XML_DTD, "the shortest declaration"},
    {"<!DOCTYPE html><html><p>no end</html>", ATEN_V_XML_DTD, "a web page"},
    {"<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>", ATEN_V_XML_DTD, "an entity"},
    {"<!DOCTYPE a [<!ELEMENT a ANY>]><a/>", ATEN_V_XML_DTD, "a harmless one, all the same"},
    {"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", ATEN_V_XML_DTD, "a file of the machine"},
    {"<!DOCTYPE a SYSTEM 'http://127.0.0.1:9/x.dtd'><a/>", ATEN_V_XML_DTD, "an address on the network"},
    {"<!DOCTYPE a PUBLIC '-//W3C//DTD XHTML 1.0 Strict//EN' 'x'><a/>", ATEN_V_XML_DTD, "one that a catalogue knows"},
    {"<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><a>&e;</a>", ATEN_V_XML_DTD, "an external entity"},
    {"<!DOCTYPE a [<!ENTITY % p SYSTEM 'file:///etc/passwd'> %p;]><a/>", ATEN_V_XML_DTD, "a parameter entity"},
    {"<!DOCTYPE a [<!ATTLIST a b CDATA 'x'>]><a/>", ATEN_V_XML_DTD, "an attribute by default"},
    {"<!DOCTYPE a [", ATEN_V_XML_DTD, "stopped where it begins: what is broken behind it is not looked at"},
    {"<!DOCTYPE a [<!ENTITY a0 'xxxxxxxx'><!ENTITY a1 '&a0;&a0;&a0;&a0;&a0;&a0;&a0;&a0;'>"
     "<!ENTITY a2 '&a1;&a1;&a1;&a1;&a1;&a1;&a1;&a1;'><!ENTITY a3 '&a2;&a2;&a2;&a2;&a2;&a2;&a2;&a2;'>"
     "<!ENTITY a4 '&a3;&a3;&a3;&a3;&a3;&a3;&a3;&a3;'><!ENTITY a5 '&a4;&a4;&a4;&a4;&a4;&a4;&a4;&a4;'>"
     "<!ENTITY a6 '&a5;&a5;&a5;&a5;&a5;&a5;&a5;&a5;'><!ENTITY a7 '&a6;&a6;&a6;&a6;&a6;&a6;&a6;&a6;'>"
     "<!ENTITY a8 '&a7;&a7;&a7;&a7;&a7;&a7;&a7;&a7;'>]><a>&a8;</a>", ATEN_V_XML_DTD, "an entity bomb"},
};

static void check_parse_cases(apr_pool_t *p)
{
    for (size_t i = 0; i < COUNT(parse_cases); i++) {
        xmlDocPtr doc = (xmlDocPtr)&doc;
        const aten_verdict_t verdict = parse(parse_cases[i].text, &doc, p);

        if (verdict != parse_cases[i].verdict) {
            fail_msg("%s: %s: '%s'", parse_cases[i].why, aten_verdict_tag(verdict), parse_cases[i].text);
        }
        if (!doc != (verdict != ATEN_V_OK)) fail_msg("%s: doc is set with OK alone", parse_cases[i].why);
    }
}

static void verdicts(void **state)
{
    check_parse_cases(*state);
}

static void a_nul_never_hides_what_stands_behind_it(void **state)
{
    static const char cases[][16] = {"<a/>\0<b/>", "<a/>\0", "\0<a/>", "<a>\0</a>", "<a b='\0'/>", "<\0a/>"};
    static const size_t lens[] = {9, 5, 5, 8, 10, 5};
    xmlDocPtr doc;

    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(aten_xml_parse(&doc, cases[i], lens[i], *state), ATEN_V_XML_MALFORMED);
        assert_null(doc);
    }
}

/* A converter that the sender chose would be loaded as a library into the process. */
static void no_converter_is_loaded(void **state)
{
    static const char *const names[] = {"EUC-JP", "UTF-7", "ISO-2022-CN-EXT"};
    xmlDocPtr doc;

    for (size_t i = 0; i < COUNT(names); i++) {
        const char *text = apr_psprintf(*state, "<?xml version='1.0' encoding='%s'?><a/>", names[i]);

        assert_int_equal(parse(text, &doc, *state), ATEN_V_XML_MALFORMED);
        assert_null(strstr(maps_of_this_process(*state), names[i]));
    }
}

static void the_length_counts_not_a_nul(void **state)
{
    xmlDocPtr doc;

    assert_int_equal(aten_xml_parse(&doc, "<a/>junk", 4, *state), ATEN_V_OK);
    assert_int_equal(aten_xml_parse(&doc, "<a></a>", 3, *state), ATEN_V_XML_MALFORMED);
}

static char *nested(apr_pool_t *p, int depth)
{
    char *text = apr_palloc(p, (apr_size_t)depth * 7 + 1), *at = text;

    for (int i = 0; i < depth; i++) at = apr_cpystrn(at, "<a>", 4);
    for (int i = 0; i < depth; i++) at = apr_cpystrn(at, "</a>", 5);
    return text;
}

static void depth_is_bounded(void **state)
{
    xmlDocPtr doc;

    assert_int_equal(parse(nested(*state, ATEN_XML_DEPTH_MAX), &doc, *state), ATEN_V_OK);
    assert_int_equal(parse(nested(*state, ATEN_XML_DEPTH_MAX + 1), &doc, *state), ATEN_V_XML_DEEP);
    assert_null(doc);
    assert_int_equal(parse(nested(*state, 30000), &doc, *state), ATEN_V_XML_DEEP);
    assert_int_equal(parse("<a b='1' c='2'><d e='3'/></a>", &doc, *state), ATEN_V_OK);
}

static void breadth_is_not_depth(void **state)
{
    char *text = apr_palloc(*state, 4 * 1000 + 8), *at = apr_cpystrn(text, "<a>", 4);
    xmlDocPtr doc;

    for (int i = 0; i < 1000; i++) at = apr_cpystrn(at, "<b/>", 5);
    apr_cpystrn(at, "</a>", 5);
    assert_int_equal(parse(text, &doc, *state), ATEN_V_OK);
}

static void the_declaration_is_short(void **state)
{
    xmlDocPtr doc;

    assert_int_equal(parse(apr_psprintf(*state, "<?xml version='1.0'%230s?><a/>", ""), &doc, *state), ATEN_V_OK);
    assert_int_equal(parse(apr_psprintf(*state, "<?xml version='1.0'%250s?><a/>", ""), &doc, *state),
                     ATEN_V_XML_MALFORMED);
}

static void size_is_bounded(void **state)
{
    char *text = apr_palloc(*state, ATEN_XML_BYTES_MAX + 1);
    xmlDocPtr doc;

    memset(text, ' ', ATEN_XML_BYTES_MAX + 1);
    memcpy(text, "<a/>", 4);
    assert_int_equal(aten_xml_parse(&doc, text, ATEN_XML_BYTES_MAX, *state), ATEN_V_OK);
    assert_int_equal(aten_xml_parse(&doc, text, ATEN_XML_BYTES_MAX + 1, *state), ATEN_V_XML_LARGE);
    assert_null(doc);
}

/* --- a process that has other users of libxml2 --- */

static int loads;

static xmlParserInputPtr count_load(const char *url, const char *id, xmlParserCtxtPtr ctxt)
{
    loads++;
    return NULL;
}

/* libxml2 alone would take a second for the largest message that fits. */
static void an_element_is_not_crowded(void **state)
{
    static const struct {
        int attributes;
        aten_verdict_t verdict;
    } rows[] = {{ATEN_XML_ATTRIBUTES_MAX, ATEN_V_OK}, {ATEN_XML_ATTRIBUTES_MAX + 1, ATEN_V_XML_LARGE},
                {20000, ATEN_V_XML_LARGE}};
    xmlDocPtr doc;
    size_t i;
    int n;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        apr_array_header_t *parts = apr_array_make(*state, rows[i].attributes + 2, sizeof(const char *));
        const char *text;

        APR_ARRAY_PUSH(parts, const char *) = "<a>======<b ";
        for (n = 0; n < rows[i].attributes; n++) {
            APR_ARRAY_PUSH(parts, const char *) = apr_psprintf(*state, " a%d = ''", n);
        }
        APR_ARRAY_PUSH(parts, const char *) = "/></a>";
        text = apr_array_pstrcat(*state, parts, 0);
        assert_int_equal(aten_xml_parse(&doc, text, strlen(text), *state), rows[i].verdict);
    }
}

static void nothing_is_ever_loaded(void **state)
{
    xmlExternalEntityLoader before = xmlGetExternalEntityLoader();

    loads = 0;
    xmlSetExternalEntityLoader(count_load);
    check_parse_cases(*state);
    xmlSetExternalEntityLoader(before);
    assert_int_equal(loads, 0);
}

static void the_processs_defaults_change_nothing(void **state)
{
    const int entities = xmlSubstituteEntitiesDefault(1);
    const int load = xmlLoadExtDtdDefaultValue, validate = xmlDoValidityCheckingDefaultValue;
    const int blanks = xmlKeepBlanksDefault(0);
    const char *text;

    xmlLoadExtDtdDefaultValue = 6;
    xmlDoValidityCheckingDefaultValue = 1;
    check_parse_cases(*state);
    text = aten_xml_text(root_of("<a><!-- -->x<!-- --> <!-- -->y</a>", *state), *state);
    xmlSubstituteEntitiesDefault(entities);
    xmlLoadExtDtdDefaultValue = load;
    xmlDoValidityCheckingDefaultValue = validate;
    xmlKeepBlanksDefault(blanks);
    assert_string_equal(text, "x y");
}

static int heard;

static void hear(void *baton, xmlErrorPtr error)
{
    heard++;
}

static void hear_text(void *baton, const char *format, ...)
{
    heard++;
}

static void no_error_is_told_to_anybody(void **state)
{
    int fds[2], saved;
    char byte;
    ssize_t n;

    heard = 0;
    assert_int_equal(pipe(fds), 0);
    saved = dup(STDERR_FILENO);
    dup2(fds[1], STDERR_FILENO);
    close(fds[1]);
    check_parse_cases(*state);
    xmlSetStructuredErrorFunc(&heard, hear);
    xmlSetGenericErrorFunc(&heard, hear_text);
    check_parse_cases(*state);
    dup2(saved, STDERR_FILENO);
    close(saved);
    n = read(fds[0], &byte, 1);
    close(fds[0]);
    assert_int_equal(n, 0);     /* nothing on stderr */
    assert_int_equal(heard, 0); /* nothing to the handlers of another user */
    assert_ptr_equal(xmlStructuredError, hear); /* which are still his */
    assert_ptr_equal(xmlStructuredErrorContext, &heard);
    assert_ptr_equal(xmlGenericError, hear_text);
    xmlSetStructuredErrorFunc(NULL, NULL);
    xmlSetGenericErrorFunc(NULL, NULL);
}

static void *APR_THREAD_FUNC parse_much(apr_thread_t *thread, void *failures)
{
    apr_pool_t *p;

    apr_pool_create(&p, NULL);
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < COUNT(parse_cases); i++) {
            xmlDocPtr doc;

            if (parse(parse_cases[i].text, &doc, p) != parse_cases[i].verdict) ++*(int *)failures;
        }
        apr_pool_clear(p);
    }
    apr_pool_destroy(p);
    return NULL;
}

static void threads_do_not_disturb_each_other(void **state)
{
    apr_thread_t *threads[4];
    int failures[4] = {0};

    for (size_t i = 0; i < COUNT(threads); i++) {
        assert_int_equal(apr_thread_create(&threads[i], NULL, parse_much, &failures[i], *state), APR_SUCCESS);
    }
    for (size_t i = 0; i < COUNT(threads); i++) {
        apr_status_t unused;

        apr_thread_join(&unused, threads[i]);
        assert_int_equal(failures[i], 0);
    }
}

/* --- reading --- */

static void elements_are_known_by_name_and_namespace(void **state)
{
    static const struct { const char *text, *ns, *name; int is; const char *why; } cases[] = {
        {"<a xmlns='" NS "'/>", NS, "a", 1, "by the default namespace"},
        {"<p:a xmlns:p='" NS "'/>", NS, "a", 1, "by a prefix, whichever"},
        {"<a/>", NS, "a", 0, "no namespace is not that namespace"},
        {"<a xmlns='" NS "'/>", NULL, "a", 0, "that namespace is not none"},
        {"<a/>", NULL, "a", 1, "none is none"},
        {"<a xmlns=''/>", NULL, "a", 1, "an empty namespace is none"},
        {"<a xmlns='" OTHER_NS "'/>", NS, "a", 0, "another namespace"},
        {"<a xmlns='" NS "/'/>", NS, "a", 0, "nearly the same namespace"},
        {"<a xmlns='URN:TEST:A'/>", NS, "a", 0, "its case counts"},
        {"<b xmlns='" NS "'/>", NS, "a", 0, "another name"},
        {"<A xmlns='" NS "'/>", NS, "a", 0, "the name's case counts"},
        {"<ab xmlns='" NS "'/>", NS, "a", 0, "a longer name"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        if (aten_xml_is(root_of(cases[i].text, *state), cases[i].ns, cases[i].name) != cases[i].is) {
            fail_msg("%s", cases[i].why);
        }
    }
    assert_int_equal(aten_xml_is(NULL, NS, "a"), 0);
    assert_int_equal(aten_xml_is(root_of("<a>a</a>", *state)->children, NULL, "text"), 0); /* a text node's own name */
}

static void children_are_elements_of_that_name(void **state)
{
    xmlNode *root = root_of("<r xmlns='" NS "' xmlns:o='" OTHER_NS "'> text <!-- <a/> --><o:a>1</o:a><a>2</a>"
                            "<b><a>3</a></b><a>4</a><?a x?></r>", *state);
    int count = -1;

    assert_string_equal(aten_xml_text(aten_xml_child(root, NS, "a", &count), *state), "2");
    assert_int_equal(count, 2);
    assert_string_equal(aten_xml_text(aten_xml_child(root, NS, "a", NULL), *state), "2");
    assert_null(aten_xml_child(root, NS, "c", &count));
    assert_int_equal(count, 0);
    assert_null(aten_xml_child(NULL, NS, "a", &count));
    assert_int_equal(count, 0);
}

static void children_in_their_order(void **state)
{
    xmlNode *root = root_of("<r> <!-- c --><a/>text<b/><?pi?><![CDATA[x]]><c/> </r>", *state);
    xmlNode *a = aten_xml_first(root), *b = aten_xml_next(a), *c = aten_xml_next(b);

    assert_string_equal((const char *)a->name, "a");
    assert_string_equal((const char *)b->name, "b");
    assert_string_equal((const char *)c->name, "c");
    assert_null(aten_xml_next(c));
    assert_null(aten_xml_first(a));
    assert_null(aten_xml_first(root_of("<a>text</a>", *state)));
    assert_null(aten_xml_first(NULL));
    assert_null(aten_xml_next(NULL));
}

static void text_is_read_whole(void **state)
{
    static const struct { const char *xml, *text, *why; } cases[] = {
        {"<a>jean.dupont</a>", "jean.dupont", "plain"},
        {"<a/>", "", "nothing is the empty text"},
        {"<a></a>", "", "likewise"},
        {"<a> \n x </a>", " \n x ", "blanks stay"},
        {"<a>jean<!-- c -->.dupont</a>", "jean.dupont", "a comment never cuts it (CVE-2018-0489)"},
        {"<a><!-- c -->jean</a>", "jean", "nor one in front"},
        {"<a>jean<?pi x?>.dupont</a>", "jean.dupont", "nor an instruction"},
        {"<a><![CDATA[jean]]>.dupont</a>", "jean.dupont", "CDATA is text"},
        {"<a>jean<![CDATA[.dupont]]></a>", "jean.dupont", "also at the end"},
        {"<a>j<![CDATA[ea]]><!-- c --><![CDATA[n]]>&#46;d</a>", "jean.d", "all of it together"},
        {"<a><![CDATA[]]></a>", "", "CDATA without anything"},
        {"<a><![CDATA[<b>&amp;</b>]]></a>", "<b>&amp;</b>", "what is in CDATA is nothing but text"},
        {"<a>&lt;b&gt; &amp; &#xE9;</a>", "<b> & \xC3\xA9", "references are their character"},
        {"<a>a\r\nb\rc</a>", "a\nb\nc", "line ends as XML reads them"},
        {"<a>jean<b/>.dupont</a>", NULL, "an element inside: no text to be trusted"},
        {"<a><b>jean</b></a>", NULL, "also around all of it"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *text = aten_xml_text(root_of(cases[i].xml, *state), *state);

        if (!text != !cases[i].text || (text && strcmp(text, cases[i].text))) {
            fail_msg("%s: '%s'", cases[i].why, text ? text : "(none)");
        }
    }
    assert_null(aten_xml_text(NULL, *state));
}

/* A tree that did not come from aten_xml_parse may have them: they are never passed over. */
static void an_entity_reference_is_no_text(void **state)
{
    xmlNode *root = root_of("<a>x</a>", *state);

    xmlAddChild(root, xmlNewReference(root->doc, (const xmlChar *)"e"));
    assert_null(aten_xml_text(root, *state));
}

static void text_is_a_copy(void **state)
{
    apr_pool_t *scratch;
    xmlDocPtr doc;
    const char *text, *value;

    apr_pool_create(&scratch, *state);
    assert_int_equal(parse("<a b='value'>text</a>", &doc, scratch), ATEN_V_OK);
    text = aten_xml_text(xmlDocGetRootElement(doc), *state);
    value = aten_xml_attribute(xmlDocGetRootElement(doc), "b", *state);
    apr_pool_destroy(scratch);
    assert_string_equal(text, "text");
    assert_string_equal(value, "value");
}

static void attributes_without_a_namespace(void **state)
{
    xmlNode *root = root_of("<a xmlns:p='" NS "' code='1&amp;2' empty='' p:other='x' p:code='3'/>", *state);

    assert_string_equal(aten_xml_attribute(root, "code", *state), "1&2");
    assert_string_equal(aten_xml_attribute(root, "empty", *state), "");
    assert_null(aten_xml_attribute(root, "other", *state)); /* only with a namespace */
    assert_null(aten_xml_attribute(root, "p:code", *state));
    assert_null(aten_xml_attribute(root, "CODE", *state));
    assert_null(aten_xml_attribute(root, "p", *state)); /* a namespace declaration is no attribute */
    assert_null(aten_xml_attribute(NULL, "code", *state));
}

#define WITH_POOL(test) cmocka_unit_test_setup_teardown(test, make_pool, drop_pool)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_POOL(verdicts),
        WITH_POOL(a_nul_never_hides_what_stands_behind_it),
        WITH_POOL(no_converter_is_loaded),
        WITH_POOL(the_length_counts_not_a_nul),
        WITH_POOL(depth_is_bounded),
        WITH_POOL(breadth_is_not_depth),
        WITH_POOL(the_declaration_is_short),
        WITH_POOL(size_is_bounded),
        WITH_POOL(an_element_is_not_crowded),
        WITH_POOL(nothing_is_ever_loaded),
        WITH_POOL(the_processs_defaults_change_nothing),
        WITH_POOL(no_error_is_told_to_anybody),
        WITH_POOL(threads_do_not_disturb_each_other),
        WITH_POOL(elements_are_known_by_name_and_namespace),
        WITH_POOL(children_are_elements_of_that_name),
        WITH_POOL(children_in_their_order),
        WITH_POOL(text_is_read_whole),
        WITH_POOL(an_entity_reference_is_no_text),
        WITH_POOL(text_is_a_copy),
        WITH_POOL(attributes_without_a_namespace),
    };

    if (apr_initialize() != APR_SUCCESS) return EXIT_FAILURE;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
