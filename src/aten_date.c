#include "aten_date.h"

#include <apr_strings.h>

#include "aten_util.h"

#define DAY_SECONDS APR_INT64_C(86400)

/* The widest offsets in use (and the limit of XML Schema's dateTime). */
#define OFFSET_MAX_HOURS 14

#define NOT_A_DATE \
    "is not a date: write 2017-03-01, 2017-03-01T08:00, 2017-03-01T08:00:00+01:00 or 2017-03-01T07:00:00Z"

static apr_int64_t floor_div(apr_int64_t a, apr_int64_t b)
{
    return a / b - (a % b < 0);
}

static apr_int64_t seconds_of(apr_time_t t)
{
    return floor_div(t, APR_USEC_PER_SEC);
}

static apr_time_exp_t local_at(apr_int64_t second)
{
    apr_time_exp_t x = {0};

    apr_time_exp_lt(&x, apr_time_from_sec(second));
    return x;
}

static apr_int32_t offset_at(apr_int64_t second)
{
    return local_at(second).tm_gmtoff;
}

/* The number of the local day: days since 1970-01-01 as the calendar on the wall shows it. */
static apr_int64_t day_of(apr_time_t t)
{
    const apr_int64_t second = seconds_of(t);

    return floor_div(second + offset_at(second), DAY_SECONDS);
}

/* The instants, earlier first, at which local clocks show wall (seconds, reckoned as if local time were UTC): none
 * where a change of clock skips it, two where one doubles it. No zone is a whole day from UTC, so that the right offset
 * is one of those in force a day before and a day after. */
static int instants_of(apr_int64_t wall, apr_int64_t at[2])
{
    const apr_int32_t before = offset_at(wall - DAY_SECONDS);
    const apr_int32_t after = offset_at(wall + DAY_SECONDS);
    int n = 0;

    if (offset_at(wall - before) == before) at[n++] = wall - before;
    if (after != before && offset_at(wall - after) == after) at[n++] = wall - after;
    return n;
}

/* The first instant at which local clocks show a time after wall, which a change of clock skips: the change itself. */
static apr_int64_t change_that_skips(apr_int64_t wall)
{
    apr_int64_t low = wall - DAY_SECONDS;  /* still before wall */
    apr_int64_t high = wall + DAY_SECONDS; /* already after it */

    while (high - low > 1) {
        const apr_int64_t middle = low + (high - low) / 2;

        if (middle + offset_at(middle) < wall) low = middle;
        else high = middle;
    }
    return high;
}

/* Exactly n digits. */
static int read_digits(const char **s, int n, apr_int32_t *out)
{
    apr_int32_t value = 0;

    for (; n; n--, (*s)++) {
        if (**s < '0' || **s > '9') return 0;
        value = value * 10 + (**s - '0');
    }
    *out = value;
    return 1;
}

static int read_char(const char **s, char c)
{
    if (**s != c) return 0;
    (*s)++;
    return 1;
}

static int read_day(const char **s, apr_time_exp_t *x)
{
    if (!read_digits(s, 4, &x->tm_year) || !read_char(s, '-')) return 0;
    if (!read_digits(s, 2, &x->tm_mon) || !read_char(s, '-') || !read_digits(s, 2, &x->tm_mday)) return 0;
    x->tm_year -= 1900;
    x->tm_mon -= 1;
    return 1;
}

static int read_hour(const char **s, apr_time_exp_t *x)
{
    if (!read_digits(s, 2, &x->tm_hour) || !read_char(s, ':') || !read_digits(s, 2, &x->tm_min)) return 0;
    return !read_char(s, ':') || read_digits(s, 2, &x->tm_sec);
}

/* What stands behind day and hour: an offset, or nothing. */
static const char *read_offset(const char *s, apr_int32_t *offset, int *has_offset)
{
    const int sign = *s == '-' ? -1 : 1;
    apr_int32_t hours = 0, minutes = 0;

    *has_offset = *s != '\0';
    if (!*s) return NULL;
    if (!read_char(&s, 'Z')) {
        if (!read_char(&s, '+') && !read_char(&s, '-')) return NOT_A_DATE;
        if (!read_digits(&s, 2, &hours) || !read_char(&s, ':') || !read_digits(&s, 2, &minutes)) return NOT_A_DATE;
    }
    if (*s) return NOT_A_DATE;
    if (minutes > 59 || hours * 60 + minutes > OFFSET_MAX_HOURS * 60) {
        return "has an offset that does not exist: write -14:00 to +14:00, or Z";
    }
    *offset = sign * (hours * 3600 + minutes * 60);
    return NULL;
}

/* Does the calendar have this day, and the day this hour? APR carries what is too much into the next field, so that a
 * date that does not exist comes back as another one. A leap second (23:59:60) does too: POSIX time has none. */
static const char *check_fields(apr_time_exp_t *x)
{
    apr_time_exp_t day = {.tm_year = x->tm_year, .tm_mon = x->tm_mon, .tm_mday = x->tm_mday};
    apr_time_exp_t back = {0};
    apr_time_t t;

    if (x->tm_year < 1970 - 1900) return "is outside of the years 1970 to 9999";
    if (apr_time_exp_get(&t, &day) != APR_SUCCESS) return "names a day that does not exist";
    apr_time_exp_gmt(&back, t);
    if (back.tm_mon != day.tm_mon || back.tm_mday != day.tm_mday) return "names a day that does not exist";
    if (x->tm_hour > 23 || x->tm_min > 59 || x->tm_sec > 59) {
        return "names an hour that does not exist: write 00:00:00 to 23:59:59";
    }
    return NULL;
}

static const char *find_local(apr_time_t *when, apr_time_exp_t *x, int has_hour)
{
    apr_int64_t at[2];
    apr_time_t wall;
    int n;

    if (apr_time_exp_get(&wall, x) != APR_SUCCESS) return NOT_A_DATE;
    n = instants_of(seconds_of(wall), at);
    if (n == 1) {
        *when = apr_time_from_sec(at[0]);
        return NULL;
    }
    if (!has_hour) {
        return n ? "begins at a local time that a change of clock doubles: give the hour and its offset, "
                   "like 2017-03-01T00:00+01:00"
                 : "begins at a local time that a change of clock skips: give the hour and its offset, "
                   "like 2017-03-01T00:00+01:00";
    }
    return n ? "is a local time that a change of clock doubles: give its offset, like 2017-03-01T08:00+01:00"
             : "is a local time that a change of clock skips: give its offset, like 2017-03-01T08:00+01:00";
}

const char *aten_date_parse(apr_time_t *when, int *has_offset, const char *text)
{
    apr_time_exp_t x = {0};
    const char *wrong;
    int has_hour, offset_given = 0;

    if (!text || !read_day(&text, &x)) return NOT_A_DATE;
    has_hour = read_char(&text, 'T');
    if (has_hour && !read_hour(&text, &x)) return NOT_A_DATE;
    if (!has_hour && *text) return NOT_A_DATE;
    wrong = read_offset(text, &x.tm_gmtoff, &offset_given);
    if (!wrong) wrong = check_fields(&x);
    if (wrong) return wrong;
    if (!offset_given) {
        wrong = find_local(when, &x, has_hour);
    }
    else if (apr_time_exp_gmt_get(when, &x) != APR_SUCCESS) {
        wrong = NOT_A_DATE;
    }
    if (!wrong) *has_offset = offset_given;
    return wrong;
}

char *aten_date_iso(apr_pool_t *p, apr_time_t t)
{
    const apr_time_exp_t x = local_at(seconds_of(t));
    const apr_int32_t minutes = (x.tm_gmtoff < 0 ? -x.tm_gmtoff : x.tm_gmtoff) / 60;

    return apr_psprintf(p, "%04d-%02d-%02dT%02d:%02d:%02d%c%02d:%02d", x.tm_year + 1900, x.tm_mon + 1, x.tm_mday,
                        x.tm_hour, x.tm_min, x.tm_sec, x.tm_gmtoff < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

static char *long_french(apr_pool_t *p, const apr_time_exp_t *x)
{
    static const char *const months[12] = {"janvier", "février", "mars",      "avril",   "mai",      "juin",
                                           "juillet", "août",    "septembre", "octobre", "novembre", "décembre"};
    char *day = apr_psprintf(p, "%d%s %s %d", x->tm_mday, x->tm_mday == 1 ? "er" : "", months[x->tm_mon],
                             x->tm_year + 1900);

    if (!x->tm_hour && !x->tm_min) return day;
    if (!x->tm_min) return apr_psprintf(p, "%s à %d h", day, x->tm_hour);
    return apr_psprintf(p, "%s à %d h %02d", day, x->tm_hour, x->tm_min);
}

static char *long_english(apr_pool_t *p, const apr_time_exp_t *x)
{
    static const char *const months[12] = {"January", "February", "March",     "April",   "May",      "June",
                                           "July",    "August",   "September", "October", "November", "December"};
    char *day = apr_psprintf(p, "%d %s %d", x->tm_mday, months[x->tm_mon], x->tm_year + 1900);

    if (!x->tm_hour && !x->tm_min) return day;
    return apr_psprintf(p, "%s at %02d:%02d", day, x->tm_hour, x->tm_min);
}

char *aten_date_long(apr_pool_t *p, apr_time_t t, const char *lang)
{
    const apr_time_exp_t x = local_at(seconds_of(t));

    return aten_same(lang, "fr") ? long_french(p, &x) : long_english(p, &x);
}

int aten_date_days_until(apr_time_t now, apr_time_t then)
{
    return (int)(day_of(then) - day_of(now));
}

apr_time_t aten_date_days_before(apr_time_t t, int days)
{
    const apr_int64_t midnight = (day_of(t) - days) * DAY_SECONDS;
    apr_int64_t at[2];

    return apr_time_from_sec(instants_of(midnight, at) ? at[0] : change_that_skips(midnight));
}

int aten_date_zone_is_utc(apr_time_t t)
{
    const apr_int64_t second = seconds_of(t);
    int month;

    /* London and Lisbon are at +00:00 for five months: only half a year to both sides tells. */
    for (month = -6; month <= 6; month++) {
        if (offset_at(second + month * 30 * DAY_SECONDS)) return 0;
    }
    return 1;
}
