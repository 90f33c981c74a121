#include "aten_page.h"

#include <string.h>

#include <apr_cstr.h>
#include <apr_escape.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "aten_util.h"

#define CSP_COMMON "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
#define CSP_NO_FORM "form-action 'none'; "

const char *aten_page_csp(void)
{
    return CSP_COMMON CSP_NO_FORM "frame-ancestors 'none'";
}

const char *aten_page_csp_framed(void)
{
    return CSP_COMMON CSP_NO_FORM "frame-ancestors *";
}

const char *aten_page_csp_form(void)
{
    return CSP_COMMON "frame-ancestors 'none'";
}

/* --- links --- */

static int begins_with(const char *text, const char *prefix)
{
    return apr_cstr_casecmpn(text, prefix, strlen(prefix)) == 0;
}

int aten_href_is_safe(const char *href)
{
    static const char *const schemes[] = {"https://", "http://", "mailto:", "tel:"};

    if (!href)
        return 0;
    /* Browsers drop tabs and line ends from an address before they read it: "/\t/host" is "//host" to them. */
    for (const char *s = href; *s; s++) {
        if (apr_iscntrl(*s))
            return 0;
    }
    if (href[0] == '/')
        return href[1] != '/' && href[1] != '\\';
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        if (begins_with(href, schemes[i]))
            return 1;
    }
    return 0;
}

/* --- building --- */

void aten_html_markup(aten_html_t *html, const char *constant)
{
    APR_ARRAY_PUSH(html->parts, const char *) = constant;
}

void aten_html_text(aten_html_t *html, const char *text)
{
    if (text)
        aten_html_markup(html, apr_pescape_entity(html->p, text, 0));
}

void aten_html_say(aten_html_t *html, aten_text_t id, const char *argument)
{
    const char *const args[] = {argument, NULL};

    aten_html_text(html, aten_text(html->lang, id, args, html->p));
}

void aten_html_link(aten_html_t *html, const char *css_class, const char *href, const char *label, const char *extra)
{
    int linked = aten_href_is_safe(href);

    aten_html_markup(html, linked ? "<a" : "<span");
    aten_html_markup(html, " class=\"");
    aten_html_markup(html, css_class);
    if (linked) {
        aten_html_markup(html, "\" href=\"");
        aten_html_text(html, href);
        aten_html_markup(html, html->target ? "\" target=\"" : "");
        aten_html_text(html, html->target);
    }
    aten_html_markup(html, "\"");
    aten_html_markup(html, linked ? extra : "");
    aten_html_markup(html, ">");
    aten_html_text(html, label);
    aten_html_markup(html, linked ? "</a>" : "</span>");
}

void aten_html_lines(aten_html_t *html, const apr_array_header_t *lines, const char *css_class)
{
    for (int i = 0; lines && i < lines->nelts; i++) {
        aten_html_markup(html, "<p class=\"");
        aten_html_markup(html, css_class);
        aten_html_markup(html, "\">");
        aten_html_text(html, APR_ARRAY_IDX(lines, i, const char *));
        aten_html_markup(html, "</p>\n");
    }
}

void aten_html_begin(aten_html_t *html, const char *lang, const char *style_url, const char *title, const char *kind,
                     apr_pool_t *p)
{
    html->lang = aten_same(lang, "fr") ? "fr" : "en";
    html->target = NULL;
    html->parts = apr_array_make(p, 128, sizeof(const char *));
    html->p = p;
    aten_html_markup(html, "<!DOCTYPE html>\n<html lang=\"");
    aten_html_markup(html, html->lang);
    aten_html_markup(html, "\">\n<head>\n<meta charset=\"utf-8\">\n<title>");
    aten_html_text(html, title);
    aten_html_markup(html, " – ");
    aten_html_say(html, ATEN_T_PORTAL_SHORT, NULL);
    aten_html_markup(html, "</title>\n"
                           "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                           "<meta name=\"color-scheme\" content=\"light dark\">\n"
                           "<meta name=\"robots\" content=\"noindex\">\n"
                           "<link rel=\"stylesheet\" href=\"");
    aten_html_text(html, style_url);
    aten_html_markup(html, "\">\n</head>\n<body class=\"");
    aten_html_markup(html, kind);
    aten_html_markup(html, "\">\n<header>\n<p>");
    aten_html_say(html, ATEN_T_PORTAL, NULL);
    aten_html_markup(html, "</p>\n</header>\n<main>\n<h1 id=\"title\">");
    aten_html_text(html, title);
    aten_html_markup(html, "</h1>\n");
}

/* A list of links, each with its smaller line. primary marks the one that most people want. */
static void write_links(aten_html_t *html, const apr_array_header_t *links, const char *css_class, const char *primary)
{
    for (int i = 0; i < links->nelts; i++) {
        const aten_button_t *link = &APR_ARRAY_IDX(links, i, aten_button_t);

        aten_html_markup(html, "<li>");
        aten_html_link(html, link->primary ? primary : css_class, link->href, link->label, "");
        if (link->note) {
            aten_html_markup(html, "\n<p class=\"note\">");
            aten_html_text(html, link->note);
            aten_html_markup(html, "</p>");
        }
        aten_html_markup(html, "</li>\n");
    }
}

void aten_html_buttons(aten_html_t *html, const apr_array_header_t *buttons)
{
    if (!buttons || !buttons->nelts)
        return;
    aten_html_markup(html, "<ul class=\"buttons\">\n");
    write_links(html, buttons, "button", "button primary");
    aten_html_markup(html, "</ul>\n");
}

static void write_help(aten_html_t *html, const apr_array_header_t *help)
{
    aten_html_markup(html, "<aside class=\"help\" aria-labelledby=\"help\">\n<h2 id=\"help\">");
    aten_html_say(html, ATEN_T_HELP_TITLE, NULL);
    aten_html_markup(html, "</h2>\n<ul>\n");
    write_links(html, help, "link", "link");
    aten_html_markup(html, "</ul>\n</aside>\n");
}

char *aten_html_end(aten_html_t *html, const apr_array_header_t *help, const char *reference)
{
    aten_html_markup(html, "</main>\n");
    if (help && help->nelts)
        write_help(html, help);
    if (reference) {
        aten_html_markup(html, "<footer>\n<p>");
        aten_html_say(html, ATEN_T_REFERENCE, reference);
        aten_html_markup(html, "</p>\n</footer>\n");
    }
    aten_html_markup(html, "</body>\n</html>\n");
    return apr_array_pstrcat(html->p, html->parts, 0);
}

static void write_form(aten_html_t *html, const aten_form_t *form)
{
    int i;

    if (!form || !aten_href_is_safe(form->action))
        return;
    aten_html_markup(html, "<form method=\"post\" action=\"");
    aten_html_text(html, form->action);
    aten_html_markup(html, "\">\n");
    for (i = 0; form->fields[i]; i += 2) {
        if (!form->fields[i + 1])
            break;
        aten_html_markup(html, "<input type=\"hidden\" name=\"");
        aten_html_text(html, form->fields[i]);
        aten_html_markup(html, "\" value=\"");
        aten_html_text(html, form->fields[i + 1]);
        aten_html_markup(html, "\">\n");
    }
    aten_html_markup(html, "<button class=\"button primary\" type=\"submit\">");
    aten_html_text(html, form->label);
    aten_html_markup(html, "</button>\n</form>\n");
}

char *aten_page_render(const aten_page_t *page, apr_pool_t *p)
{
    aten_html_t html;

    aten_html_begin(&html, page->lang, page->style_url, page->title, "message", p);
    html.target = page->top_target;
    aten_html_markup(&html, "<div class=\"panel\">\n");
    aten_html_lines(&html, page->lines, "line");
    write_form(&html, page->form);
    aten_html_buttons(&html, page->buttons);
    aten_html_markup(&html, "</div>\n");
    return aten_html_end(&html, page->help, page->reference);
}

/* --- Accept-Language, RFC 9110 section 12.5.4, with the weights of 12.4.2 in thousandths --- */

#define WEIGHT_NONE (-1)
#define SUBTAG_MAX 8 /* RFC 4647 section 2.1 */

typedef struct {
    int fr;
    int en;
    int any; /* '*' */
} weights_t;

static const char *skip_blanks(const char *s)
{
    return s + strspn(s, " \t");
}

/* qvalue: "0" or "1" with up to three decimals. @return behind it, or NULL */
static const char *read_qvalue(const char *s, int *weight)
{
    int value = s[0] - '0';
    int scale = 1000;

    if (s[0] != '0' && s[0] != '1')
        return NULL;
    value *= scale;
    s++;
    if (*s == '.') {
        for (s++; apr_isdigit(*s) && scale > 1; s++) {
            scale /= 10;
            value += (*s - '0') * scale;
        }
    }
    *weight = value;
    return value <= 1000 ? s : NULL;
}

static const char *read_weight(const char *s, int *weight)
{
    *weight = 1000;
    s = skip_blanks(s);
    if (*s != ';')
        return s;
    s = skip_blanks(s + 1);
    if ((s[0] != 'q' && s[0] != 'Q') || s[1] != '=')
        return NULL;
    s = read_qvalue(s + 2, weight);
    return s ? skip_blanks(s) : NULL;
}

/* language-range: subtags of letters, after the first of digits too. @return behind it, or NULL */
static const char *read_range(const char *s)
{
    const char *subtag = s;

    if (*s == '*')
        return s + 1;
    while (apr_isalpha(*s))
        s++;
    while (s > subtag && s - subtag <= SUBTAG_MAX) {
        if (*s != '-')
            return s;
        subtag = ++s;
        while (apr_isalnum(*s))
            s++;
    }
    return NULL;
}

static int names_language(const char *range, size_t len, const char *lang)
{
    return len >= 2 && apr_cstr_casecmpn(range, lang, 2) == 0 && (len == 2 || range[2] == '-');
}

static void raise_to(int *weight, int to)
{
    if (*weight < to)
        *weight = to;
}

static void note_range(weights_t *weights, const char *range, size_t len, int weight)
{
    if (*range == '*')
        raise_to(&weights->any, weight);
    else if (names_language(range, len, "fr"))
        raise_to(&weights->fr, weight);
    else if (names_language(range, len, "en"))
        raise_to(&weights->en, weight);
}

/* @return 1, or 0 if the header cannot be read */
static int read_languages(weights_t *weights, const char *s)
{
    for (;;) {
        const char *range = s + strspn(s, " \t,"); /* empty list elements: section 5.6.1.2 */
        const char *end;
        int weight;

        if (!*range)
            return 1;
        end = read_range(range);
        s = end ? read_weight(end, &weight) : NULL;
        if (!s || (*s && *s != ','))
            return 0;
        note_range(weights, range, (size_t)(end - range), weight);
    }
}

const char *aten_page_language(const char *accept_language)
{
    weights_t weights = {WEIGHT_NONE, WEIGHT_NONE, WEIGHT_NONE};

    if (!accept_language || !read_languages(&weights, accept_language))
        return "fr";
    if (weights.fr == WEIGHT_NONE)
        weights.fr = weights.any;
    if (weights.en == WEIGHT_NONE)
        weights.en = weights.any;
    return weights.en > weights.fr && weights.en > 0 ? "en" : "fr";
}
