/* aten_saml_time: xs:dateTime in UTC, and nothing else that calls itself a time. */
#include "unit.h"

#include <time.h>

#include "aten_saml_response.h"

#define T0 APR_TIME_C(1479981600000000) /* 2016-11-24T10:00:00Z */

static void times(void **state)
{
    static const struct { const char *text; apr_time_t when; const char *why; } cases[] = {
        {"2016-11-24T10:00:00Z", T0, "as every portal writes it"},
        {"2016-11-24T10:00:59Z", T0 + apr_time_from_sec(59), "seconds"},
        {"2016-11-24T10:00:00.0Z", T0, "a fraction"},
        {"2016-11-24T10:00:00.999Z", T0, "a fraction is dropped towards the past"},
        {"2016-11-24T10:00:00.123456789012345678901234567890Z", T0, "however long it is"},
        {"2016-11-24T23:59:59.999999Z", T0 + apr_time_from_sec(50399), "it does not carry into the next day"},
        {"2016-02-29T00:00:00Z", APR_TIME_C(1456704000000000), "a leap day"},
        {"1970-01-01T00:00:01Z", APR_USEC_PER_SEC, "the first second that is a time"},
        {"9999-12-31T23:59:59Z", APR_TIME_C(253402300799000000), "the last one"},

        {NULL, 0, "no text"},
        {"", 0, "an empty one"},
        {"2016-11-24T10:00:00", 0, "without a zone: nobody says that it is UTC (saml-core 1.3.3)"},
        {"2016-11-24T10:00:00+00:00", 0, "an offset, even of nothing"},
        {"2016-11-24T10:00:00-00:00", 0, "nor so"},
        {"2016-11-24T11:00:00+01:00", 0, "an offset"},
        {"2016-11-24T10:00:00z", 0, "a small z"},
        {"2016-11-24t10:00:00Z", 0, "a small t"},
        {"2016-11-24 10:00:00Z", 0, "a blank instead of T"},
        {"2016-11-24T10:00:00.Z", 0, "a point without a fraction"},
        {"2016-11-24T10:00:00,5Z", 0, "a comma"},
        {"2016-11-24T10:00:00.5", 0, "a fraction without a zone"},
        {"2016-11-24T10:00:00.5.5Z", 0, "two fractions"},
        {"2016-11-24T10:00:00.-5Z", 0, "a sign in the fraction"},
        {"2016-11-24T10:00:00ZZ", 0, "more behind it"},
        {"2016-11-24T10:00:00Z ", 0, "a blank behind it"},
        {" 2016-11-24T10:00:00Z", 0, "a blank before it"},
        {"2016-11-24T10:00Z", 0, "without seconds"},
        {"2016-11-24Z", 0, "a day"},
        {"2016-11-24", 0, "a day without a zone"},
        {"2016-11-31T10:00:00Z", 0, "a day that does not exist"},
        {"2015-02-29T10:00:00Z", 0, "nor this one"},
        {"2016-00-24T10:00:00Z", 0, "no month"},
        {"2016-13-24T10:00:00Z", 0, "nor this one"},
        {"2016-11-00T10:00:00Z", 0, "no day"},
        {"2016-11-24T24:00:00Z", 0, "an hour that belongs to the next day"},
        {"2016-11-24T10:60:00Z", 0, "no minute"},
        {"2016-11-24T10:00:60Z", 0, "a leap second, which POSIX time does not have"},
        {"1969-12-31T23:59:59Z", 0, "before 1970"},
        {"0000-01-01T00:00:00Z", 0, "before everything"},
        {"-2016-11-24T10:00:00Z", 0, "a negative year"},
        {"+2016-11-24T10:00:00Z", 0, "a sign"},
        {"12016-11-24T10:00:00Z", 0, "five digits"},
        {"16-11-24T10:00:00Z", 0, "two digits"},
        {"2016-1-24T10:00:00Z", 0, "one digit"},
        {"2016-11-24T1a:00:00Z", 0, "a letter"},
        {"2016-11-24T\xD9\xA1\xD9\xA0:00:00Z", 0, "digits of another script"},
        {"20161124T100000Z", 0, "the basic form of ISO 8601"},
        {"1479981600", 0, "seconds since 1970"},
        {"tomorrow", 0, "a word"},
    };

    (void)state;
    for (int i = 0; i < COUNT(cases); i++) {
        apr_time_t when = 0;
        const int ok = aten_saml_time(cases[i].text, &when);

        if (ok != (cases[i].when != 0)) fail_msg("%s: %s", cases[i].why, ok ? "taken" : "refused");
        if (ok && when != cases[i].when) fail_msg("%s: %" APR_INT64_T_FMT, cases[i].why, when);
    }
}

/* The server's own zone has no part in it. */
static void zones(void **state)
{
    static const char *const zones_of[] = {"Europe/Paris", "Pacific/Auckland", "America/Lima"};

    for (int i = 0; i < COUNT(zones_of); i++) {
        setenv("TZ", zones_of[i], 1);
        tzset();
        times(state);
    }
    unsetenv("TZ");
    tzset();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times),
        cmocka_unit_test(zones),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
