/* AtenCASCutoff and AtenCASNotice: may the CAS path still be used here, by whom, and since when not.
 * The one place where this is decided: the request path, the chooser, the refusal page and later the report and the
 * preview all ask it. The time is an argument. */
#ifndef ATEN_CUTOFF_H
#define ATEN_CUTOFF_H

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

#include "aten_population.h"
#include "aten_verdict.h"

typedef struct {
    const char *announced;           /* the text of an announcement without a date, else NULL */
    apr_time_t from;                 /* from this instant on the path is closed; 0 with announced */
    int has_offset;                  /* the date gave an offset */
    int everyone;
    apr_array_header_t *populations; /* const char *; empty with everyone */
    int report_only;
} aten_cutoff_line_t;

typedef struct {
    int off;                    /* an explicit "off": no cut-off here, whatever an outer section says */
    apr_array_header_t *lines;  /* aten_cutoff_line_t */
} aten_cutoff_t;

typedef enum { ATEN_NOTICE_OFF, ATEN_NOTICE_ALWAYS, ATEN_NOTICE_DAYS, ATEN_NOTICE_DATE } aten_notice_kind_t;

typedef struct {
    aten_notice_kind_t kind;
    int days;           /* calendar days before the date */
    apr_time_t from;
    int has_offset;
} aten_notice_t;

/** Add the words of one AtenCASCutoff line to the section's cut-off, which is made if *cut is NULL:
 *    DATE everyone|POPULATION... [report-only]  |  announced "TEXT" POPULATION...  |  off
 *  @return NULL, or a sentence with the value and what would be right: not a date; no population; a population twice
 *          in the section among dated lines, or twice among announced ones; "off" beside other lines */
const char *aten_cutoff_add(aten_cutoff_t **cut, int argc, char *const argv[], apr_pool_t *p);

/** Parse AtenCASNotice DAYS|DATE|always|off (DAYS 0 to 3650). @return NULL and *out set, or a sentence */
const char *aten_notice_parse(aten_notice_t **out, const char *text, apr_pool_t *p);

/** The first population that a line names and that populations does not have, or NULL. */
const char *aten_cutoff_unknown_population(const aten_cutoff_t *cut, const apr_array_header_t *populations);

/** Does a line name a population (so that the backend must tell who is who: not with CAS protocol 1)? */
int aten_cutoff_needs_populations(const aten_cutoff_t *cut);

/** Is a line report-only? The start log and the status say so. */
int aten_cutoff_has_report_only(const aten_cutoff_t *cut);

/* What the cut-off means for one person at one moment. */
typedef struct {
    aten_verdict_t verdict;     /* OK, CAS_CLOSED or POPULATION_UNKNOWN: what happens */
    aten_verdict_t reported;    /* what would happen if report-only lines counted too; equals verdict without any */
    apr_time_t since;           /* refused: since when for this person; otherwise 0 */
    apr_time_t next;            /* in: when this person will be refused, or 0. Report-only lines don't count */
    int days_left;              /* in and notice time has come: calendar days to next (the eve is 1), else -1 */
    int belongs_to_none;        /* dated population lines exist here and the person is in no population at all: to be
                                   logged and counted, from the first day that a cut-off is configured */
    const char *announced;      /* in, and an announcement for one of the person's populations may be shown, or NULL */
    apr_array_header_t *open;   /* const aten_population_t *: the person's populations that are not closed here */
    apr_array_header_t *closed; /* ... and those that are */
    apr_time_t closed_since;    /* the earliest date of these, or 0 */
} aten_standing_t;

/** Judge one person (DESIGN section 2, the table "What the cut-off decides").
 *  A line that is in force (from <= now) closes its populations; an "everyone" line closes all of them and also who
 *  belongs to none. A person is refused when every one of their populations is closed; who belongs to none is refused
 *  (POPULATION_UNKNOWN) once any dated population line is in force. report-only lines change `reported` alone.
 *  next/since for a person of several populations: the instant at which the last of them closes (0: never); for one
 *  who belongs to none: the earliest dated line.
 *  The notice: always; or from `days` calendar days before `next`; or from a date; or off. An announcement is shown
 *  with always and with days, from its date with a date, never with off.
 *  @param cut    NULL or off: everybody is in
 *  @param notice NULL: the default, 30 days
 *  @param person the person's populations, array of const aten_population_t *
 *  @param out    filled; arrays from p */
void aten_cutoff_judge(const aten_cutoff_t *cut, const aten_notice_t *notice, const apr_array_header_t *person,
                       apr_time_t now, aten_standing_t *out, apr_pool_t *p);

/* What a chooser can say before it knows who somebody is. Report-only lines never show. */
typedef struct {
    int closed;                     /* closed for everyone */
    apr_time_t since;               /* ... since then */
    apr_array_header_t *closed_for; /* const char *: names of the populations that are closed now (not with closed) */
    apr_time_t closed_since;        /* the earliest date of these, or 0 */
    apr_time_t next;                /* the next date of which people are to be warned now, or 0 */
    int next_everyone;              /* ... concerns everyone */
    apr_array_header_t *next_for;   /* const char *: else these populations */
    apr_array_header_t *announced;  /* const char *: texts of the announcements to show now */
} aten_outlook_t;

void aten_cutoff_outlook(const aten_cutoff_t *cut, const aten_notice_t *notice, apr_time_t now, aten_outlook_t *out,
                         apr_pool_t *p);

#endif
