/* The dates of directives: parsing, calendar arithmetic in the server's local time, and how people read them.
 * The zone is the C library's (TZ); the clock is never read here. */
#ifndef ATEN_DATE_H
#define ATEN_DATE_H

#include <apr_pools.h>
#include <apr_time.h>

/** Parse 2017-03-01, 2017-03-01T08:00, 2017-03-01T08:00:00+01:00 or ...Z (DESIGN section 2, "Dates"). Seconds and
 *  offset are optional and independent; a bare day takes no offset and begins at 00:00 local time.
 *  Years 1970 to 9999. Refused: any other form, a day or an hour that does not exist, a local time (no offset) that a
 *  change of clock skips or doubles.
 *  @param when       set to the instant on success, otherwise untouched
 *  @param has_offset set to 1 if the text gave an offset or Z
 *  @return NULL, or what is wrong and what would be right, as a sentence part without the value itself
 *          ("is not a date: write 2017-03-01, ..."), a constant string */
const char *aten_date_parse(apr_time_t *when, int *has_offset, const char *text);

/** "2017-03-01T00:00:00+01:00": the instant in local time with its offset. */
char *aten_date_iso(apr_pool_t *p, apr_time_t t);

/** As people read it: "1er mars 2017", "1er mars 2017 à 8 h 30" (lang "fr"), "1 March 2017", "1 March 2017 at 08:30"
 *  (any other lang). Local time; the hour only where it is not midnight. */
char *aten_date_long(apr_pool_t *p, apr_time_t t, const char *lang);

/** Calendar days from now's day to then's day, local time; the eve gives 1, the same day 0, and a day past a negative
 *  number. A change of clock in between changes nothing. */
int aten_date_days_until(apr_time_t now, apr_time_t then);

/** 00:00 local time of the day that is days calendar days before the day of t (the first instant of that day where a
 *  change of clock skips 00:00). */
apr_time_t aten_date_days_before(apr_time_t t, int days);

/** Is the server's local time UTC without a change of clock around t? Then a date without an offset is probably not
 *  what a French administrator meant, and the start log says so. */
int aten_date_zone_is_utc(apr_time_t t);

#endif
