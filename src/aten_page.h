/* The module's pages: HTML shell, texts in French and English, escaping. Server-rendered, no script, one style sheet.
 * Text goes in as plain UTF-8 and is escaped here, in one place; no caller writes markup. */
#ifndef ATEN_PAGE_H
#define ATEN_PAGE_H

#include <apr_pools.h>
#include <apr_tables.h>

/* What the pages say. Each has a French and an English wording in aten_text.c; {0}, {1} stand for arguments. */
#include "aten_text.h"

typedef struct {
    const char *href;       /* path or absolute URL, already judged; NULL or not aten_href_is_safe: text only */
    const char *label;
    const char *note;       /* a smaller line below, or NULL */
    int primary;            /* the one that most people want */
} aten_button_t;

/* A page that tells something: refusal, error, logged out. */
typedef struct {
    const char *lang;            /* "fr" or "en" */
    const char *style_url;       /* address of the style sheet */
    const char *title;
    apr_array_header_t *lines;   /* const char *: paragraphs, what happened and what to do now */
    apr_array_header_t *buttons; /* aten_button_t */
    apr_array_header_t *help;    /* aten_button_t: links in a list « Besoin d'aide ? », may be NULL */
    const char *reference;       /* for a call to the school: stands in the log too; NULL: none */
    const char *top_target;      /* all links open in the top window (a page inside a frame): "_top", else NULL */
    const struct aten_form_t *form; /* above the buttons, or NULL */
} aten_page_t;

/* A form that the person sends on to another site. The answer's policy must allow it (aten_page_csp_form). */
typedef struct aten_form_t {
    const char *action;          /* absolute address, already judged */
    const char *const *fields;   /* name, value, name, value, ..., NULL: hidden; the last pair is left out
                                  where its value is NULL */
    const char *label;           /* of its button */
} aten_form_t;

/** @return a whole HTML document, NUL-terminated, from p */
char *aten_page_render(const aten_page_t *page, apr_pool_t *p);

/* An entry of the chooser. */
typedef struct {
    const char *group;      /* or NULL; entries of the same group stand together, under it as a heading, in the place
                               of the first */
    const char *label;
    const char *href;       /* NULL: closed */
    apr_array_header_t *lines; /* const char *: why it is closed, who may still use it; may be NULL: then a closed entry
                                  says CHOOSER_CLOSED */
} aten_entry_t;

typedef struct {
    const char *lang;
    const char *style_url;
    apr_array_header_t *notices; /* const char *: announcements and warnings before the entries; may be NULL */
    apr_array_header_t *entries; /* aten_entry_t */
    const char *connected_as;    /* the name of who is connected, or NULL */
    const char *connected_note;  /* a line below it, or NULL */
    const char *continue_href;   /* go on as this person */
    const char *switch_href;     /* « Ce n'est pas vous ? » */
    apr_array_header_t *help;    /* aten_button_t; may be NULL */
} aten_chooser_t;

/** The page « Indiquez votre profil ». @return a whole HTML document */
char *aten_chooser_render(const aten_chooser_t *chooser, apr_pool_t *p);

/** The style sheet, a constant. Its colours are custom properties at its top. */
const char *aten_page_style(void);

/** The Content-Security-Policy of every page but one: no script, nothing from elsewhere, not in a frame. */
const char *aten_page_csp(void);

/** The one of the page that says that a login cannot take place inside a frame (FRAMED): the same, save that a frame
 *  may show it, or nobody would ever see it. That page only has links to the top window. */
const char *aten_page_csp_framed(void);

/** The one of a page with a form (aten_form_t): the same, without a limit for forms, for browsers apply it to every
 *  redirect that follows, and where a portal sends on to is not known here. */
const char *aten_page_csp_form(void);

/** "fr" or "en" by Accept-Language (RFC 9110, 12.5.4: quality values, '*', en-GB counts as en); French for anything
 *  else, for NULL and for a header that cannot be read. */
const char *aten_page_language(const char *accept_language);

/** May this stand in an href? A path ("/", not "//" or "/\") or https://, http://, mailto:, tel:, without control
 *  characters. NULL may not. A javascript: or data: address never gets here; this is the last lock. */
int aten_href_is_safe(const char *href);

/* --- Building a page: for this file and the pages that have files of their own. --- */

typedef struct {
    const char *lang;          /* "fr" or "en" */
    const char *target;        /* of every link, or NULL */
    apr_array_header_t *parts; /* const char *: what was written so far */
    apr_pool_t *p;
} aten_html_t;

/** Everything up to and with the h1, whose id is "title".
 *  @param kind class of the body, a constant */
void aten_html_begin(aten_html_t *html, const char *lang, const char *style_url, const char *title, const char *kind,
                     apr_pool_t *p);

/** Markup of the module's own, a constant. The only way in for '<'. */
void aten_html_markup(aten_html_t *html, const char *constant);

/** Text, escaped for content and for quoted attribute values. NULL writes nothing. */
void aten_html_text(aten_html_t *html, const char *text);

/** A text of the catalogue, escaped; argument is {0}, or NULL. */
void aten_html_say(aten_html_t *html, aten_text_t id, const char *argument);

/** A link, or where href is not safe the label in a span of the same class.
 *  @param extra attributes of the link, a constant or escaped by the caller ("" for none) */
void aten_html_link(aten_html_t *html, const char *css_class, const char *href, const char *label, const char *extra);

/** A paragraph for each line; lines may be NULL. */
void aten_html_lines(aten_html_t *html, const apr_array_header_t *lines, const char *css_class);

/** A list of buttons (aten_button_t); NULL or an empty one writes nothing. */
void aten_html_buttons(aten_html_t *html, const apr_array_header_t *buttons);

/** The end of the page: help links and the reference, either may be NULL. @return the document */
char *aten_html_end(aten_html_t *html, const apr_array_header_t *help, const char *reference);

#endif
