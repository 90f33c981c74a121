#include "aten_page.h"

#include <apr_strings.h>

#include "aten_util.h"

/* One list holds all choices, as the guide draws them: an entry, or a group with a list of its own inside. The heading
 * of a group and that of an entry without one have the same level, so that a screen reader hears where a group ends. */

static const aten_entry_t *entry_at(const apr_array_header_t *entries, int i)
{
    return &APR_ARRAY_IDX(entries, i, aten_entry_t);
}

static void write_notices(aten_html_t *html, const apr_array_header_t *notices)
{
    if (!notices || !notices->nelts)
        return;
    aten_html_markup(html, "<section class=\"notice\" aria-labelledby=\"notice\">\n<h2 id=\"notice\">");
    aten_html_say(html, ATEN_T_NOTICE_TITLE, NULL);
    aten_html_markup(html, "</h2>\n");
    aten_html_lines(html, notices, "line");
    aten_html_markup(html, "</section>\n");
}

static void add_button(aten_html_t *html, apr_array_header_t *buttons, const char *href, aten_text_t label, int primary)
{
    aten_button_t button = {href, aten_text(html->lang, label, NULL, html->p), NULL, primary};

    if (href)
        APR_ARRAY_PUSH(buttons, aten_button_t) = button;
}

static void write_connected(aten_html_t *html, const aten_chooser_t *chooser)
{
    apr_array_header_t *buttons = apr_array_make(html->p, 2, sizeof(aten_button_t));

    if (!chooser->connected_as)
        return;
    add_button(html, buttons, chooser->continue_href, ATEN_T_CONNECTED_CONTINUE, 1);
    add_button(html, buttons, chooser->switch_href, ATEN_T_NOT_YOU, 0);
    aten_html_markup(html, "<section class=\"connected\" aria-labelledby=\"connected\">\n<h2 id=\"connected\">");
    aten_html_say(html, ATEN_T_CONNECTED_AS, chooser->connected_as);
    aten_html_markup(html, "</h2>\n");
    if (chooser->connected_note) {
        aten_html_markup(html, "<p class=\"line\">");
        aten_html_text(html, chooser->connected_note);
        aten_html_markup(html, "</p>\n");
    }
    aten_html_buttons(html, buttons);
    aten_html_markup(html, "</section>\n");
}

/* Why it is closed or who may still use it. A closed entry says so in words: it is never told by its look alone. */
static void write_entry_lines(aten_html_t *html, const aten_entry_t *entry, const char *id)
{
    int has_lines = entry->lines && entry->lines->nelts;

    if (!has_lines && aten_href_is_safe(entry->href))
        return;
    aten_html_markup(html, "<div class=\"note\" id=\"");
    aten_html_markup(html, id);
    aten_html_markup(html, "\">\n");
    aten_html_lines(html, entry->lines, "line");
    if (!has_lines) {
        aten_html_markup(html, "<p class=\"line\">");
        aten_html_say(html, ATEN_T_CHOOSER_CLOSED, NULL);
        aten_html_markup(html, "</p>\n");
    }
    aten_html_markup(html, "</div>\n");
}

static void write_entry(aten_html_t *html, const apr_array_header_t *entries, int i)
{
    const aten_entry_t *entry = entry_at(entries, i);
    const char *id = apr_psprintf(html->p, "note-%d", i + 1);
    int described = entry->lines && entry->lines->nelts;

    aten_html_markup(html, aten_href_is_safe(entry->href) ? "<li class=\"entry\">" : "<li class=\"entry closed\">");
    aten_html_markup(html, entry->group ? "" : "<h2>");
    aten_html_link(html, "label", entry->href, entry->label,
                   described ? apr_pstrcat(html->p, " aria-describedby=\"", id, "\"", NULL) : "");
    aten_html_markup(html, entry->group ? "\n" : "</h2>\n");
    write_entry_lines(html, entry, id);
    aten_html_markup(html, "</li>\n");
}

/* The first entry of the same group, perhaps i itself. */
static int first_of_group(const apr_array_header_t *entries, int i)
{
    int first = 0;

    while (first < i && !aten_same(entry_at(entries, first)->group, entry_at(entries, i)->group))
        first++;
    return first;
}

static void write_group(aten_html_t *html, const apr_array_header_t *entries, int first)
{
    const char *group = entry_at(entries, first)->group;

    aten_html_markup(html, "<li class=\"group\">\n<h2>");
    aten_html_text(html, group);
    aten_html_markup(html, "</h2>\n<ul class=\"entries\">\n");
    for (int i = first; i < entries->nelts; i++) {
        if (aten_same(entry_at(entries, i)->group, group))
            write_entry(html, entries, i);
    }
    aten_html_markup(html, "</ul>\n</li>\n");
}

static void write_entries(aten_html_t *html, const apr_array_header_t *entries)
{
    if (!entries || !entries->nelts) {
        aten_html_markup(html, "<p class=\"line\">");
        aten_html_say(html, ATEN_T_CHOOSER_EMPTY, NULL);
        aten_html_markup(html, "</p>\n");
        return;
    }
    /* A nav: browsers that take an undecorated list for mere layout keep it a list there. */
    aten_html_markup(html, "<nav aria-labelledby=\"title\">\n<ul class=\"entries\">\n");
    for (int i = 0; i < entries->nelts; i++) {
        if (!entry_at(entries, i)->group)
            write_entry(html, entries, i);
        else if (first_of_group(entries, i) == i)
            write_group(html, entries, i);
    }
    aten_html_markup(html, "</ul>\n</nav>\n");
}

char *aten_chooser_render(const aten_chooser_t *chooser, apr_pool_t *p)
{
    aten_html_t html;

    aten_html_begin(&html, chooser->lang, chooser->style_url, aten_text(chooser->lang, ATEN_T_CHOOSER_TITLE, NULL, p),
                    "chooser", p);
    write_connected(&html, chooser);
    write_notices(&html, chooser->notices);
    write_entries(&html, chooser->entries);
    return aten_html_end(&html, chooser->help, NULL);
}
