/* The module's pages: HTML shell, texts in French and English, escaping. Server-rendered, no script, one style sheet.
 * Text goes in as plain UTF-8 and is escaped here, in one place; no caller writes markup. */
#ifndef ATEN_PAGE_H
#define ATEN_PAGE_H

#include <apr_pools.h>
#include <apr_tables.h>

/* What the pages say. Each has a French and an English wording in aten_text.c; {0}, {1} stand for arguments. */
#include "aten_text.h"

typedef struct {
    const char *href;       /* path or absolute URL, already judged; NULL: text only (a closed entry) */
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
    const char *top_target;      /* buttons open in the top window (a page inside a frame): "_top", else NULL */
} aten_page_t;

/** @return a whole HTML document, NUL-terminated, from p */
char *aten_page_render(const aten_page_t *page, apr_pool_t *p);

/* An entry of the chooser. */
typedef struct {
    const char *group;      /* or NULL; entries of the same group stand together, under it as a heading, in the place of the first */
    const char *label;
    const char *href;       /* NULL: closed */
    apr_array_header_t *lines; /* const char *: why it is closed, who may still use it; may be NULL */
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

/** The style sheet, a constant. */
const char *aten_page_style(void);

/** The Content-Security-Policy of every page. */
const char *aten_page_csp(void);

/** "fr" or "en" by Accept-Language (RFC 9110, 12.5.4: quality values, '*', en-GB counts as en); French for anything
 *  else, for NULL and for a header that cannot be read. */
const char *aten_page_language(const char *accept_language);

#endif
