/* aten_date.h: the dates of directives, in zones with and without a change of clock. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "aten_date.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define HOUR apr_time_from_sec(3600)
#define UNTOUCHED (-77)

static int make_pool(void **state)
{
    return apr_pool_create((apr_pool_t **)state, NULL) != APR_SUCCESS;
}

static int drop_pool(void **state)
{
    apr_pool_destroy(*state);
    return 0;
}

/* An instant by the C library, which shares no code with what is tested. */
static apr_time_t utc(const char *text)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);

    if (!end || *end) fail_msg("the test's own date is wrong: %s", text);
    return apr_time_from_sec(timegm(&tm));
}

/* A zone that the system does not know is UTC to the C library, and a test in it would prove nothing. */
static void use_zone(const char *zone)
{
    static const struct { const char *zone, *at; long offset; } known[] = {
        {"UTC", "2017-07-01T00:00:00Z", 0},
        {"Europe/Paris", "2017-07-01T00:00:00Z", 7200},
        {"Europe/London", "2017-07-01T00:00:00Z", 3600},
        {"Africa/Abidjan", "2017-07-01T00:00:00Z", 0},
        {"Africa/Casablanca", "2026-07-01T00:00:00Z", 3600},
        {"Africa/Sao_Tome", "2018-07-01T00:00:00Z", 3600},
        {"Asia/Kolkata", "2017-07-01T00:00:00Z", 19800},
        {"Australia/Lord_Howe", "2017-07-01T00:00:00Z", 37800},
        {"America/New_York", "2017-07-01T00:00:00Z", -14400},
        {"America/St_Johns", "2017-07-01T00:00:00Z", -9000},
        {"America/Sao_Paulo", "2017-12-01T00:00:00Z", -7200},
        {"America/Havana", "2017-07-01T00:00:00Z", -14400},
        {"Pacific/Apia", "2012-07-01T00:00:00Z", 46800},
        {"Pacific/Kiritimati", "2017-07-01T00:00:00Z", 50400},
    };

    setenv("TZ", zone, 1);
    tzset();
    for (size_t i = 0; i < COUNT(known); i++) {
        if (!strcmp(known[i].zone, zone)) {
            const time_t at = apr_time_sec(utc(known[i].at));
            struct tm tm;

            if (localtime_r(&at, &tm)->tm_gmtoff == known[i].offset) return;
            fail_msg("zone %s is not as it should be: is the package tzdata installed?", zone);
        }
    }
    fail_msg("zone %s is not in the test's table", zone);
}

static void dates_and_the_instants_that_they_name(void **state)
{
    static const struct { const char *zone, *text, *instant; int has_offset; const char *why; } cases[] = {
        {"Europe/Paris", "2017-03-01", "2017-02-28T23:00:00Z", 0, "a bare day begins at 00:00 local time"},
        {"Europe/Paris", "2017-07-01", "2017-06-30T22:00:00Z", 0, "... in summer too"},
        {"Europe/Paris", "2017-03-01T08:00", "2017-03-01T07:00:00Z", 0, "an hour, local time"},
        {"Europe/Paris", "2017-03-01T08:00:30", "2017-03-01T07:00:30Z", 0, "seconds without an offset"},
        {"Europe/Paris", "2017-03-01T08:00:00+01:00", "2017-03-01T07:00:00Z", 1, "all of it"},
        {"Europe/Paris", "2017-03-01T08:00+01:00", "2017-03-01T07:00:00Z", 1, "an offset without seconds"},
        {"Europe/Paris", "2017-03-01T08:00Z", "2017-03-01T08:00:00Z", 1, "Z without seconds"},
        {"Europe/Paris", "2017-03-01T08:00:00Z", "2017-03-01T08:00:00Z", 1, "Z with seconds"},
        {"Europe/Paris", "2017-03-01T08:00-05:30", "2017-03-01T13:30:00Z", 1, "west of UTC, half an hour"},
        {"Europe/Paris", "2017-03-01T08:00+14:00", "2017-02-28T18:00:00Z", 1, "the easternmost offset"},
        {"Europe/Paris", "2017-03-01T08:00-14:00", "2017-03-01T22:00:00Z", 1, "as far to the west"},
        {"Europe/Paris", "2017-03-01T08:00-00:00", "2017-03-01T08:00:00Z", 1, "a zero with a sign is a zero"},
        {"Europe/Paris", "2017-03-01T00:00:00", "2017-02-28T23:00:00Z", 0, "midnight in full"},
        {"Europe/Paris", "2017-03-01T23:59:59", "2017-03-01T22:59:59Z", 0, "the last second of a day"},
        {"Europe/Paris", "2016-02-29", "2016-02-28T23:00:00Z", 0, "a leap day"},
        {"Europe/Paris", "2000-02-29T00:00Z", "2000-02-29T00:00:00Z", 1, "2000 was a leap year"},
        {"Europe/Paris", "1970-01-01T00:00Z", "1970-01-01T00:00:00Z", 1, "the first"},
        {"Europe/Paris", "1970-01-01", "1969-12-31T23:00:00Z", 0, "the first day, east of UTC"},
        {"America/New_York", "1970-01-01", "1970-01-01T05:00:00Z", 0, "the first day, west of UTC"},
        {"Europe/Paris", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z", 1, "the last"},
        {"Europe/Paris", "2038-01-19T03:14:08Z", "2038-01-19T03:14:08Z", 1, "one second beyond 32 bits"},
        /* both changes of 2017 and 2026, local times right beside them */
        {"Europe/Paris", "2017-03-26", "2017-03-25T23:00:00Z", 0, "the day of the change begins before it"},
        {"Europe/Paris", "2017-03-26T01:59:59", "2017-03-26T00:59:59Z", 0, "the last second of winter time"},
        {"Europe/Paris", "2017-03-26T03:00", "2017-03-26T01:00:00Z", 0, "the first second of summer time"},
        {"Europe/Paris", "2017-10-29T01:59:59", "2017-10-28T23:59:59Z", 0, "the last time that is not doubled"},
        {"Europe/Paris", "2017-10-29T03:00", "2017-10-29T02:00:00Z", 0, "the first time after the doubled hour"},
        {"Europe/Paris", "2026-03-29T01:59:59", "2026-03-29T00:59:59Z", 0, "spring 2026, before"},
        {"Europe/Paris", "2026-03-29T03:00", "2026-03-29T01:00:00Z", 0, "spring 2026, after"},
        {"Europe/Paris", "2026-10-25T01:59:59", "2026-10-24T23:59:59Z", 0, "autumn 2026, before"},
        {"Europe/Paris", "2026-10-25T03:00", "2026-10-25T02:00:00Z", 0, "autumn 2026, after"},
        {"Europe/Paris", "2017-10-30", "2017-10-29T23:00:00Z", 0, "the day after the change"},
        /* an offset names the instant where local time alone would not */
        {"Europe/Paris", "2017-10-29T02:30+02:00", "2017-10-29T00:30:00Z", 1, "the first half past two"},
        {"Europe/Paris", "2017-10-29T02:30+01:00", "2017-10-29T01:30:00Z", 1, "the second half past two"},
        {"Europe/Paris", "2017-03-26T02:30+01:00", "2017-03-26T01:30:00Z", 1, "not on the clock, but an instant"},
        {"UTC", "2017-03-01", "2017-03-01T00:00:00Z", 0, "a server in UTC"},
        {"UTC", "2017-03-26T02:30", "2017-03-26T02:30:00Z", 0, "... skips nothing"},
        {"UTC", "2017-10-29T02:30", "2017-10-29T02:30:00Z", 0, "... and doubles nothing"},
        {"Asia/Kolkata", "2017-03-01", "2017-02-28T18:30:00Z", 0, "half an hour, no change"},
        {"Australia/Lord_Howe", "2017-10-01T01:59:59", "2017-09-30T15:29:59Z", 0, "before half an hour is skipped"},
        {"Australia/Lord_Howe", "2017-10-01T02:30", "2017-09-30T15:30:00Z", 0, "behind it"},
        {"Australia/Lord_Howe", "2017-04-02T01:29:59", "2017-04-01T14:29:59Z", 0, "before half an hour is doubled"},
        {"Australia/Lord_Howe", "2017-04-02T02:00", "2017-04-01T15:30:00Z", 0, "behind it"},
        {"Pacific/Apia", "2011-12-29T23:59:59", "2011-12-30T09:59:59Z", 0, "before a whole day is skipped"},
        {"Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z", 0, "behind it"},
        {"Pacific/Kiritimati", "2017-03-01", "2017-02-28T10:00:00Z", 0, "14 hours east"},
        {"America/Sao_Paulo", "2018-02-18", "2018-02-18T03:00:00Z", 0, "the hour before midnight is doubled, not it"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        apr_time_t when = UNTOUCHED;
        int has_offset = UNTOUCHED;
        const char *wrong;

        use_zone(cases[i].zone);
        wrong = aten_date_parse(&when, &has_offset, cases[i].text);
        if (wrong) fail_msg("%s %s (%s): %s", cases[i].text, wrong, cases[i].zone, cases[i].why);
        if (when != utc(cases[i].instant)) fail_msg("%s (%s): %s", cases[i].text, cases[i].zone, cases[i].why);
        if (has_offset != cases[i].has_offset) fail_msg("%s, offset: %s", cases[i].text, cases[i].why);
    }
}

static void expect_refused(const char *zone, const char *text, const char *says, const char *why)
{
    apr_time_t when = UNTOUCHED;
    int has_offset = UNTOUCHED;
    const char *wrong;

    use_zone(zone);
    wrong = aten_date_parse(&when, &has_offset, text);
    if (!wrong) fail_msg("'%s' was taken in %s: %s", text, zone, why);
    if (!strstr(wrong, says)) fail_msg("'%s' %s: %s", text, wrong, why);
    if (when != UNTOUCHED || has_offset != UNTOUCHED) fail_msg("'%s' was refused, but the result set", text);
}

static void other_forms_are_refused(void **state)
{
    static const struct { const char *text, *why; } cases[] = {
        {"", "empty"},
        {"01/03/2017", "as the French write it"},
        {"03/01/2017", "as Americans write it"},
        {"2017/03/01", "slashes"},
        {"20170301", "ISO 8601's short form"},
        {"2017-3-1", "no leading zeros"},
        {"17-03-01", "two digits for the year"},
        {"12017-03-01", "five digits for the year"},
        {"2017-03", "no day"},
        {"2017-W09-3", "a week"},
        {"2017-060", "a day of the year"},
        {"2017-03-01 08:00", "a blank for T"},
        {"2017-03-01t08:00", "a small t"},
        {"2017-03-01T08:00z", "a small z"},
        {"2017-03-01T", "nothing behind T"},
        {"2017-03-01T08", "no minutes"},
        {"2017-03-01T0800", "no colon"},
        {"2017-03-01T8:00", "one digit for the hour"},
        {"2017-03-01T08:0", "one digit for the minute"},
        {"2017-03-01T08:00:", "nothing behind the colon"},
        {"2017-03-01T08:00:0", "one digit for the second"},
        {"2017-03-01T08:00:00.5", "a fraction"},
        {"2017-03-01T08:00:00,5", "a fraction with a comma"},
        {"2017-03-01T08:00+01", "an offset without minutes"},
        {"2017-03-01T08:00+0100", "an offset without a colon"},
        {"2017-03-01T08:00+1:00", "one digit in the offset"},
        {"2017-03-01T08:00 +01:00", "a blank before the offset"},
        {"2017-03-01T08:00+01:00Z", "two offsets"},
        {"2017-03-01T08:00ZZ", "two offsets"},
        {"2017-03-01T08:00[Europe/Paris]", "a zone's name"},
        {"2017-03-01T08:00 CET", "a zone's short name"},
        {"2017-03-01Z", "a bare day takes no offset"},
        {"2017-03-01+01:00", "a bare day takes no offset"},
        {" 2017-03-01", "a blank before"},
        {"2017-03-01 ", "a blank behind"},
        {"2017-03-01\n", "a new line"},
        {"2017-03-01x", "junk"},
        {"+2017-03-01", "a sign"},
        {"-2017-03-01", "a sign"},
        {"2017--3-01", "a sign inside"},
        {"2017-03-01T+8:00", "a sign inside"},
        {"2017\xe2\x80\x93" "03\xe2\x80\x93" "01", "dashes of a word processor"},
        {"tomorrow", "a word"},
        {"2017-03-01T08:00:00+01:00:00", "seconds in the offset"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        expect_refused("Europe/Paris", cases[i].text, "is not a date: write 2017-03-01", cases[i].why);
    }
    expect_refused("Europe/Paris", NULL, "is not a date", "missing");
}

static void what_does_not_exist_is_refused(void **state)
{
    static const char day[] = "a day that does not exist";
    static const char hour[] = "an hour that does not exist";
    static const char offset[] = "an offset that does not exist";
    static const char years[] = "outside of the years 1970 to 9999";
    static const struct { const char *text, *says, *why; } cases[] = {
        {"2017-02-29", day, "no leap year"},
        {"2100-02-29", day, "a century is none"},
        {"2017-02-30", day, "never"},
        {"2017-04-31", day, "April has 30"},
        {"2017-03-32", day, "32"},
        {"2017-12-32", day, "it would be in the next year"},
        {"2017-03-00", day, "no day 0"},
        {"2017-03-00T08:00Z", day, "... with an offset either"},
        {"1970-01-00", day, "no day 0, before the epoch"},
        {"2017-00-01", day, "no month 0"},
        {"2017-13-01", day, "no month 13"},
        {"2017-99-99", day, "far off"},
        {"2017-02-29T08:00+01:00", day, "an offset does not make a day"},
        {"2017-03-01T24:00", hour, "24:00 is the next day's 00:00"},
        {"2017-03-01T24:00Z", hour, "... with an offset too"},
        {"2017-03-01T25:00", hour, "25"},
        {"2017-03-01T08:60", hour, "minute 60"},
        {"2017-03-01T08:00:60", hour, "second 60"},
        {"2016-12-31T23:59:60Z", hour, "a leap second that took place"},
        {"2017-03-01T08:00+14:01", offset, "beyond the easternmost"},
        {"2017-03-01T08:00-14:01", offset, "as far to the west"},
        {"2017-03-01T08:00+01:60", offset, "minute 60 in the offset"},
        {"2017-03-01T08:00+99:99", offset, "far off"},
        {"0000-01-01", years, "year 0"},
        {"1969-12-31", years, "before the epoch"},
        {"1969-12-31T23:59:59Z", years, "right before it"},
        {"0017-03-01", years, "a short year with zeros"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        expect_refused("Europe/Paris", cases[i].text, cases[i].says, cases[i].why);
    }
}

static void skipped_and_doubled_local_times_are_refused(void **state)
{
    static const char skips[] = "is a local time that a change of clock skips: give its offset";
    static const char doubles[] = "is a local time that a change of clock doubles: give its offset";
    static const struct { const char *zone, *text, *says, *why; } cases[] = {
        {"Europe/Paris", "2017-03-26T02:00", skips, "the first second of the hour"},
        {"Europe/Paris", "2017-03-26T02:30:15", skips, "inside it"},
        {"Europe/Paris", "2017-03-26T02:59:59", skips, "the last second of it"},
        {"Europe/Paris", "2017-10-29T02:00", doubles, "the first second of the hour"},
        {"Europe/Paris", "2017-10-29T02:30:15", doubles, "inside it"},
        {"Europe/Paris", "2017-10-29T02:59:59", doubles, "the last second of it"},
        {"Europe/Paris", "2026-03-29T02:30", skips, "2026"},
        {"Europe/Paris", "2026-10-25T02:30", doubles, "2026"},
        {"Australia/Lord_Howe", "2017-10-01T02:00", skips, "half an hour only, its first second"},
        {"Australia/Lord_Howe", "2017-10-01T02:29:59", skips, "its last"},
        {"Australia/Lord_Howe", "2017-04-02T01:30", doubles, "half an hour only, its first second"},
        {"Australia/Lord_Howe", "2017-04-02T01:59:59", doubles, "its last"},
        {"America/New_York", "2017-03-12T02:30", skips, "west of UTC"},
        {"America/New_York", "2017-11-05T01:30", doubles, "west of UTC"},
        {"America/Sao_Paulo", "2017-10-15T00:30", skips, "right behind midnight"},
        {"America/Sao_Paulo", "2017-10-15", "begins at a local time that a change of clock skips", "no midnight"},
        {"America/Sao_Paulo", "2018-02-17T23:30", doubles, "right before midnight"},
        {"America/Havana", "2017-11-05", "begins at a local time that a change of clock doubles", "two midnights"},
        {"Pacific/Apia", "2011-12-30", "begins at a local time that a change of clock skips", "a whole day"},
        {"Pacific/Apia", "2011-12-30T12:00", skips, "noon of that day"},
        {"Pacific/Apia", "2011-12-30T23:59:59", skips, "its last second"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        expect_refused(cases[i].zone, cases[i].text, cases[i].says, cases[i].why);
    }
}

static void iso_gives_local_time_with_its_offset(void **state)
{
    static const struct { const char *zone, *instant; apr_time_t microseconds; const char *iso; } cases[] = {
        {"Europe/Paris", "2017-02-28T23:00:00Z", 0, "2017-03-01T00:00:00+01:00"},
        {"Europe/Paris", "2017-02-28T23:00:00Z", 999999, "2017-03-01T00:00:00+01:00"},
        {"Europe/Paris", "2017-02-28T23:00:00Z", -1, "2017-02-28T23:59:59+01:00"},
        {"Europe/Paris", "2017-03-26T00:59:59Z", 0, "2017-03-26T01:59:59+01:00"},
        {"Europe/Paris", "2017-03-26T01:00:00Z", 0, "2017-03-26T03:00:00+02:00"},
        {"Europe/Paris", "2017-10-29T00:59:59Z", 0, "2017-10-29T02:59:59+02:00"},
        {"Europe/Paris", "2017-10-29T01:00:00Z", 0, "2017-10-29T02:00:00+01:00"},
        {"UTC", "2017-03-01T00:00:00Z", 0, "2017-03-01T00:00:00+00:00"},
        {"Asia/Kolkata", "2017-02-28T18:30:00Z", 0, "2017-03-01T00:00:00+05:30"},
        {"Australia/Lord_Howe", "2017-09-30T15:30:00Z", 0, "2017-10-01T02:30:00+11:00"},
        {"America/St_Johns", "2017-03-01T12:00:00Z", 0, "2017-03-01T08:30:00-03:30"},
        {"Europe/Paris", "1970-01-01T00:00:00Z", -1, "1970-01-01T00:59:59+01:00"},
        {"Europe/Paris", "9999-12-31T22:59:59Z", 0, "9999-12-31T23:59:59+01:00"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        use_zone(cases[i].zone);
        assert_string_equal(aten_date_iso(*state, utc(cases[i].instant) + cases[i].microseconds), cases[i].iso);
    }
}

/* Does another instant within two hours have the same local fields? By the C library, half an hour at a time. */
static int libc_says_doubled(apr_time_t t)
{
    const time_t here = apr_time_sec(t);
    struct tm tm, other;

    localtime_r(&here, &tm);
    for (int half = -4; half <= 4; half++) {
        const time_t there = here + half * 1800;

        localtime_r(&there, &other);
        if (half && !memcmp(&tm, &other, offsetof(struct tm, tm_wday))) return 1;
    }
    return 0;
}

/* Every half hour of a year: what iso writes, parse reads back, with its offset; without it unless it is doubled. */
static void parse_reads_what_iso_writes(void **state)
{
    static const char *const zones[] = {"Europe/Paris", "UTC", "Asia/Kolkata", "Australia/Lord_Howe",
                                        "America/New_York", "America/Havana", "America/Sao_Paulo"};

    for (size_t i = 0; i < COUNT(zones); i++) {
        const apr_time_t end = utc("2018-03-01T00:00:00Z");

        use_zone(zones[i]);
        for (apr_time_t t = utc("2017-03-01T00:00:00Z"); t < end; t += HOUR / 2) {
            char *iso = aten_date_iso(*state, t);
            apr_time_t when;
            int has_offset;

            if (aten_date_parse(&when, &has_offset, iso) || when != t || !has_offset) fail_msg("%s %s", zones[i], iso);
            iso[strlen("2017-03-01T00:00:00")] = '\0';
            if (libc_says_doubled(t)) {
                if (!aten_date_parse(&when, &has_offset, iso)) fail_msg("%s %s is doubled", zones[i], iso);
            }
            else if (aten_date_parse(&when, &has_offset, iso) || when != t || has_offset) {
                fail_msg("%s %s without its offset", zones[i], iso);
            }
        }
        apr_pool_clear(*state);
    }
}

static void long_form(void **state)
{
    static const struct { const char *instant, *lang, *text; } cases[] = {
        {"2017-02-28T23:00:00Z", "fr", "1er mars 2017"},
        {"2017-03-01T23:00:00Z", "fr", "2 mars 2017"},
        {"2017-03-01T07:30:00Z", "fr", "1er mars 2017 à 8 h 30"},
        {"2017-03-01T07:00:00Z", "fr", "1er mars 2017 à 8 h"},
        {"2017-03-01T07:05:00Z", "fr", "1er mars 2017 à 8 h 05"},
        {"2017-02-28T23:05:00Z", "fr", "1er mars 2017 à 0 h 05"},
        {"2017-02-28T23:00:30Z", "fr", "1er mars 2017"},
        {"2017-02-28T22:59:59Z", "fr", "28 février 2017 à 23 h 59"},
        {"2017-01-20T23:00:00Z", "fr", "21 janvier 2017"},
        {"2017-03-31T22:00:00Z", "fr", "1er avril 2017"},
        {"2017-05-10T22:00:00Z", "fr", "11 mai 2017"},
        {"2017-06-10T22:00:00Z", "fr", "11 juin 2017"},
        {"2017-07-10T22:00:00Z", "fr", "11 juillet 2017"},
        {"2017-07-31T22:00:00Z", "fr", "1er août 2017"},
        {"2017-08-30T22:00:00Z", "fr", "31 août 2017"},
        {"2017-09-03T22:00:00Z", "fr", "4 septembre 2017"},
        {"2017-10-30T23:00:00Z", "fr", "31 octobre 2017"},
        {"2017-10-31T23:00:00Z", "fr", "1er novembre 2017"},
        {"2017-12-24T23:00:00Z", "fr", "25 décembre 2017"},
        {"2017-02-28T23:00:00Z", "en", "1 March 2017"},
        {"2017-03-01T07:30:00Z", "en", "1 March 2017 at 08:30"},
        {"2017-03-01T07:00:00Z", "en", "1 March 2017 at 08:00"},
        {"2017-02-28T23:05:00Z", "en", "1 March 2017 at 00:05"},
        {"2017-01-20T23:00:00Z", "en", "21 January 2017"},
        {"2017-02-10T23:00:00Z", "en", "11 February 2017"},
        {"2017-03-31T22:00:00Z", "en", "1 April 2017"},
        {"2017-05-10T22:00:00Z", "en", "11 May 2017"},
        {"2017-06-10T22:00:00Z", "en", "11 June 2017"},
        {"2017-07-10T22:00:00Z", "en", "11 July 2017"},
        {"2017-08-30T22:00:00Z", "en", "31 August 2017"},
        {"2017-09-03T22:00:00Z", "en", "4 September 2017"},
        {"2017-10-30T23:00:00Z", "en", "31 October 2017"},
        {"2017-10-31T23:00:00Z", "en", "1 November 2017"},
        {"2017-12-24T23:00:00Z", "en", "25 December 2017"},
        {"2017-02-28T23:00:00Z", "oc", "1 March 2017"},
        {"2017-02-28T23:00:00Z", NULL, "1 March 2017"},
    };

    use_zone("Europe/Paris");
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_string_equal(aten_date_long(*state, utc(cases[i].instant), cases[i].lang), cases[i].text);
    }
}

static void days_until_are_calendar_days(void **state)
{
    static const struct { const char *zone, *now, *then; int days; const char *why; } cases[] = {
        {"Europe/Paris", "2017-02-27T23:00:00Z", "2017-02-28T23:00:00Z", 1, "the eve, its first second"},
        {"Europe/Paris", "2017-02-28T22:59:59Z", "2017-02-28T23:00:00Z", 1, "the eve, its last second"},
        {"Europe/Paris", "2017-02-27T22:59:59Z", "2017-02-28T23:00:00Z", 2, "a second earlier"},
        {"Europe/Paris", "2017-02-28T23:00:00Z", "2017-03-01T07:00:00Z", 0, "the morning of the day"},
        {"Europe/Paris", "2017-03-01T22:59:59Z", "2017-02-28T23:00:00Z", 0, "the evening of the day"},
        {"Europe/Paris", "2017-03-01T23:00:00Z", "2017-02-28T23:00:00Z", -1, "the day after"},
        {"Europe/Paris", "2017-02-28T22:59:59Z", "2017-03-01T22:59:59Z", 1, "24 hours"},
        {"Europe/Paris", "2017-03-24T23:00:00Z", "2017-03-25T23:00:00Z", 1, "the eve of a day of 23 hours"},
        {"Europe/Paris", "2017-03-25T23:30:00Z", "2017-03-26T22:00:00Z", 1, "a day of 23 hours is a day"},
        {"Europe/Paris", "2017-03-26T21:59:59Z", "2017-03-26T22:00:00Z", 1, "... to its last second"},
        {"Europe/Paris", "2017-10-28T22:00:00Z", "2017-10-29T23:00:00Z", 1, "a day of 25 hours is one day"},
        {"Europe/Paris", "2017-10-28T21:59:59Z", "2017-10-29T23:00:00Z", 2, "a second before it"},
        {"Europe/Paris", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", 1, "spring 2026"},
        {"Europe/Paris", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", 1, "autumn 2026"},
        {"Europe/Paris", "2017-03-01T00:00:00Z", "2017-04-01T00:00:00Z", 31, "over the change in spring"},
        {"Europe/Paris", "2017-10-01T00:00:00Z", "2017-11-01T00:00:00Z", 31, "over the change in autumn"},
        {"Europe/Paris", "2016-02-28T12:00:00Z", "2016-03-01T12:00:00Z", 2, "over a leap day"},
        {"Europe/Paris", "2016-09-01T12:00:00Z", "2017-09-01T12:00:00Z", 365, "a year"},
        {"UTC", "2017-02-28T23:00:00Z", "2017-03-01T00:00:00Z", 1, "UTC's own midnight"},
        {"Asia/Kolkata", "2017-02-28T18:29:59Z", "2017-02-28T18:30:00Z", 1, "Kolkata's own midnight"},
        {"America/New_York", "2017-03-01T04:59:59Z", "2017-03-01T05:00:00Z", 1, "west of UTC"},
        {"Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-30T10:00:00Z", 2, "the calendar itself jumps"},
        {"Europe/Paris", "1969-12-31T22:59:59Z", "1970-01-01T12:00:00Z", 1, "before the epoch"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        use_zone(cases[i].zone);
        if (aten_date_days_until(utc(cases[i].now), utc(cases[i].then)) != cases[i].days) fail_msg("%s", cases[i].why);
    }
}

static void days_until_counts_microseconds(void **state)
{
    const apr_time_t day = utc("2017-02-28T23:00:00Z");

    use_zone("Europe/Paris");
    assert_int_equal(aten_date_days_until(day - 1, day), 1);
    assert_int_equal(aten_date_days_until(day, day), 0);
    assert_int_equal(aten_date_days_until(day + 1, day), 0);
}

static void days_before_begin_at_midnight(void **state)
{
    static const struct { const char *zone, *t; int days; const char *start, *why; } cases[] = {
        {"Europe/Paris", "2017-02-28T23:00:00Z", 30, "2017-01-29T23:00:00Z", "the default notice"},
        {"Europe/Paris", "2017-03-01T07:30:00Z", 30, "2017-01-29T23:00:00Z", "an hour of the day does not matter"},
        {"Europe/Paris", "2017-03-01T07:30:00Z", 0, "2017-02-28T23:00:00Z", "0: the day itself, from its start"},
        {"Europe/Paris", "2017-03-01T07:30:00Z", -1, "2017-03-01T23:00:00Z", "the day behind"},
        {"Europe/Paris", "2017-04-10T22:00:00Z", 30, "2017-03-11T23:00:00Z", "over the change in spring"},
        {"Europe/Paris", "2017-11-10T23:00:00Z", 30, "2017-10-11T22:00:00Z", "over the change in autumn"},
        {"Europe/Paris", "2017-03-26T22:00:00Z", 1, "2017-03-25T23:00:00Z", "the day of the change in spring"},
        {"Europe/Paris", "2017-10-29T23:00:00Z", 1, "2017-10-28T22:00:00Z", "... and in autumn"},
        {"Europe/Paris", "2026-03-29T22:00:00Z", 1, "2026-03-28T23:00:00Z", "2026, spring"},
        {"Europe/Paris", "2026-10-25T23:00:00Z", 1, "2026-10-24T22:00:00Z", "2026, autumn"},
        {"Europe/Paris", "2017-02-28T23:00:00Z", 3650, "2007-03-03T23:00:00Z", "the longest notice"},
        {"Europe/Paris", "1970-01-02T12:00:00Z", 3650, "1960-01-04T23:00:00Z", "before the epoch"},
        {"UTC", "2017-03-01T00:00:00Z", 1, "2017-02-28T00:00:00Z", "UTC"},
        {"Asia/Kolkata", "2017-03-01T00:00:00Z", 1, "2017-02-27T18:30:00Z", "half an hour"},
        {"America/Sao_Paulo", "2017-10-16T12:00:00Z", 1, "2017-10-15T03:00:00Z", "00:00 is skipped: 01:00"},
        {"America/Sao_Paulo", "2018-02-19T12:00:00Z", 1, "2018-02-18T03:00:00Z", "the hour before is doubled"},
        {"America/Havana", "2017-11-06T12:00:00Z", 1, "2017-11-05T04:00:00Z", "00:00 is doubled: the first"},
        {"Pacific/Apia", "2011-12-31T00:00:00Z", 1, "2011-12-30T10:00:00Z", "the whole day is skipped"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        use_zone(cases[i].zone);
        if (aten_date_days_before(utc(cases[i].t), cases[i].days) != utc(cases[i].start)) {
            fail_msg("%s, %d days before %s: %s", cases[i].zone, cases[i].days, cases[i].t, cases[i].why);
        }
    }
}

/* Both ways to ask for notice time agree at every hour of a year, at the second before it and at it. */
static void days_before_and_days_until_agree(void **state)
{
    static const char *const zones[] = {"Europe/Paris", "UTC", "Asia/Kolkata", "Australia/Lord_Howe"};

    for (size_t i = 0; i < COUNT(zones); i++) {
        use_zone(zones[i]);
        for (apr_time_t t = utc("2017-01-01T00:00:00Z"); t < utc("2018-01-01T00:00:00Z"); t += HOUR) {
            const apr_time_t start = aten_date_days_before(t, 30);

            if (aten_date_days_until(start, t) != 30) fail_msg("%s at %ld", zones[i], (long)apr_time_sec(t));
            if (aten_date_days_until(start - 1, t) != 31) fail_msg("%s before %ld", zones[i], (long)apr_time_sec(t));
        }
    }
}

static void zone_is_utc(void **state)
{
    static const struct { const char *zone, *at; int is_utc; const char *why; } cases[] = {
        {"UTC", "2017-03-01T00:00:00Z", 1, "UTC"},
        {"Africa/Abidjan", "2017-03-01T00:00:00Z", 1, "always at +00:00"},
        {"Europe/Paris", "2017-03-01T00:00:00Z", 0, "winter"},
        {"Europe/Paris", "2017-07-01T00:00:00Z", 0, "summer"},
        {"Europe/London", "2017-07-01T00:00:00Z", 0, "summer time"},
        {"Europe/London", "2017-01-01T00:00:00Z", 0, "+00:00, but only in winter"},
        {"Europe/London", "2016-10-31T00:00:00Z", 0, "the first day of winter time"},
        {"Europe/London", "2017-03-25T00:00:00Z", 0, "the last one"},
        {"Africa/Casablanca", "2026-03-01T00:00:00Z", 0, "+00:00, but only in Ramadan"},
        {"Africa/Sao_Tome", "2019-02-01T00:00:00Z", 0, "+00:00 for good, but only for a month"},
        {"Africa/Sao_Tome", "2019-12-01T00:00:00Z", 1, "... for a year"},
        {"Asia/Kolkata", "2017-03-01T00:00:00Z", 0, "no change, another offset"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        use_zone(cases[i].zone);
        if (aten_date_zone_is_utc(utc(cases[i].at)) != cases[i].is_utc) fail_msg("%s: %s", cases[i].zone, cases[i].why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_and_the_instants_that_they_name),
        cmocka_unit_test(other_forms_are_refused),
        cmocka_unit_test(what_does_not_exist_is_refused),
        cmocka_unit_test(skipped_and_doubled_local_times_are_refused),
        cmocka_unit_test_setup_teardown(iso_gives_local_time_with_its_offset, make_pool, drop_pool),
        cmocka_unit_test_setup_teardown(parse_reads_what_iso_writes, make_pool, drop_pool),
        cmocka_unit_test_setup_teardown(long_form, make_pool, drop_pool),
        cmocka_unit_test(days_until_are_calendar_days),
        cmocka_unit_test(days_until_counts_microseconds),
        cmocka_unit_test(days_before_begin_at_midnight),
        cmocka_unit_test(days_before_and_days_until_agree),
        cmocka_unit_test(zone_is_utc),
    };

    if (apr_initialize() != APR_SUCCESS) return EXIT_FAILURE;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
