/* aten_cutoff.h: the decision table of AtenCASCutoff and AtenCASNotice. The server's local time is Europe/Paris. */
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

#include "aten_cutoff.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SECOND APR_INT64_C(1000000)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)

/* 00:00 local time of days in 2017; the test checks them against the C library. */
#define JAN_30 (1485730800 * SECOND)
#define FEB_28 (1488236400 * SECOND)
#define MAR_01 (1488322800 * SECOND)
#define MAR_26 (1490482800 * SECOND) /* has 23 hours */
#define MAR_27 (1490565600 * SECOND)
#define APR_01 (1490997600 * SECOND)
#define SEP_01 (1504216800 * SECOND)
#define OCT_29 (1509228000 * SECOND) /* has 25 hours */
#define OCT_30 (1509318000 * SECOND)

#define OK ATEN_V_OK
#define CLOSED ATEN_V_CAS_CLOSED
#define UNKNOWN ATEN_V_POPULATION_UNKNOWN

static int setup(void **state)
{
    return apr_pool_create((apr_pool_t **)state, NULL) != APR_SUCCESS;
}

static int teardown(void **state)
{
    apr_pool_destroy(*state);
    return 0;
}

static void local_midnights_are_right(void **state)
{
    static const struct { apr_time_t t; int month, day; } cases[] = {
        {JAN_30, 1, 30}, {FEB_28, 2, 28}, {MAR_01, 3, 1}, {MAR_26, 3, 26}, {MAR_27, 3, 27},
        {APR_01, 4, 1}, {SEP_01, 9, 1}, {OCT_29, 10, 29}, {OCT_30, 10, 30},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct tm tm = {.tm_year = 117, .tm_mon = cases[i].month - 1, .tm_mday = cases[i].day, .tm_isdst = -1};

        if (mktime(&tm) != apr_time_sec(cases[i].t)) {
            fail_msg("%d/%d is not at its place in Europe/Paris: is the package tzdata installed?", cases[i].month,
                     cases[i].day);
        }
    }
}

/* ---- building what is judged ---- */

static const char *add_line(aten_cutoff_t **cut, const char *line, apr_pool_t *p)
{
    char **argv;
    int argc = 0;

    assert_int_equal(apr_tokenize_to_argv(line, &argv, p), APR_SUCCESS);
    while (argv[argc]) argc++;
    return aten_cutoff_add(cut, argc, argv, p);
}

/* Lines are separated by '|'. */
static aten_cutoff_t *cutoff(const char *lines, apr_pool_t *p)
{
    aten_cutoff_t *cut = NULL;
    char *rest = lines ? apr_pstrdup(p, lines) : NULL;

    while (rest) {
        char *line = strsep(&rest, "|");
        const char *wrong = add_line(&cut, line, p);

        if (wrong) fail_msg("AtenCASCutoff %s: %s", line, wrong);
    }
    return cut;
}

static aten_notice_t *notice(const char *text, apr_pool_t *p)
{
    aten_notice_t *out = NULL;
    const char *wrong = text ? aten_notice_parse(&out, text, p) : NULL;

    if (wrong) fail_msg("AtenCASNotice %s: %s", text, wrong);
    return out;
}

/* The populations are named with blanks between them; "" is nobody's, NULL no array at all. */
static apr_array_header_t *person(const char *names, apr_pool_t *p)
{
    apr_array_header_t *out = names ? apr_array_make(p, 3, sizeof(const aten_population_t *)) : NULL;
    char *rest = names && *names ? apr_pstrdup(p, names) : NULL;

    while (rest) {
        aten_population_t *pop = apr_pcalloc(p, sizeof(*pop));

        pop->name = strsep(&rest, " ");
        APR_ARRAY_PUSH(out, const aten_population_t *) = pop;
    }
    return out;
}

static const char *names_of(const apr_array_header_t *populations, apr_pool_t *p)
{
    const char *out = "";

    assert_non_null(populations);
    for (int i = 0; i < populations->nelts; i++) {
        out = apr_pstrcat(p, out, i ? " " : "", APR_ARRAY_IDX(populations, i, const aten_population_t *)->name, NULL);
    }
    return out;
}

static const char *words(const apr_array_header_t *strings, apr_pool_t *p)
{
    assert_non_null(strings);
    return apr_array_pstrcat(p, strings, ' ');
}

static int same_or_both_null(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

/* ---- judging a person ---- */

typedef struct {
    const char *lines, *notice, *person;
    apr_time_t now;
    aten_verdict_t verdict, reported;
    apr_time_t since, next;
    int days_left, none;
    const char *announced, *open, *closed;
    const char *why;
} judge_case_t;

static void check_judge(const judge_case_t *c, apr_pool_t *p)
{
    aten_standing_t out;
    const char *wrong = NULL;

    memset(&out, 0x5A, sizeof(out)); /* every member is to be set */
    aten_cutoff_judge(cutoff(c->lines, p), notice(c->notice, p), person(c->person, p), c->now, &out, p);
    if (out.verdict != c->verdict) wrong = "verdict";
    else if (out.reported != c->reported) wrong = "reported";
    else if (out.since != c->since) wrong = "since";
    else if (out.next != c->next) wrong = "next";
    else if (out.days_left != c->days_left) wrong = "days_left";
    else if (out.belongs_to_none != c->none) wrong = "belongs_to_none";
    else if (!same_or_both_null(out.announced, c->announced)) wrong = "announced";
    else if (strcmp(names_of(out.open, p), c->open)) wrong = "open";
    else if (strcmp(names_of(out.closed, p), c->closed)) wrong = "closed";
    if (!wrong) return;
    fail_msg("%s: %s (%s; %s; %s at %ld): verdict %s, days_left %d, next %ld", c->why, wrong,
             c->lines ? c->lines : "no cut-off", c->notice ? c->notice : "default notice",
             c->person ? c->person : "NULL", (long)c->now, aten_verdict_tag(out.verdict), out.days_left,
             (long)out.next);
}

#define CHECK_JUDGE(cases) \
    for (size_t i = 0; i < COUNT(cases); i++) check_judge(&(cases)[i], *state)

#define FAMILIES "2017-03-01 pupils parents"

static void without_a_cutoff_everybody_is_in(void **state)
{
    static const judge_case_t cases[] = {
        {NULL, NULL, "pupils", MAR_01, OK, OK, 0, 0, -1, 0, NULL, "pupils", "", "no cut-off"},
        {NULL, "always", "pupils", MAR_01, OK, OK, 0, 0, -1, 0, NULL, "pupils", "", "a notice of nothing"},
        {NULL, NULL, "", MAR_01, OK, OK, 0, 0, -1, 0, NULL, "", "", "nobody's populations matter"},
        {NULL, NULL, NULL, MAR_01, OK, OK, 0, 0, -1, 0, NULL, "", "", "no array at all"},
        {"off", NULL, "pupils", MAR_01, OK, OK, 0, 0, -1, 0, NULL, "pupils", "", "off"},
        {"off", "always", "", MAR_01, OK, OK, 0, 0, -1, 0, NULL, "", "", "off, who belongs to none"},
    };

    CHECK_JUDGE(cases);
}

static void an_empty_cutoff_closes_nothing(void **state)
{
    aten_cutoff_t cut = {0};
    aten_standing_t out;

    aten_cutoff_judge(&cut, NULL, person("pupils", *state), MAR_01, &out, *state);
    assert_int_equal(out.verdict, OK);
    cut.off = 1; /* whatever stands beside it */
    cut.lines = cutoff("2017-03-01 everyone", *state)->lines;
    aten_cutoff_judge(&cut, NULL, person("pupils", *state), MAR_01, &out, *state);
    assert_int_equal(out.verdict, OK);
}

/* The rows of the table, at the instant, a microsecond before and after. */
static void the_date_acts_at_its_instant(void **state)
{
    static const judge_case_t cases[] = {
        {FAMILIES, NULL, "pupils", MAR_01 - 1, OK, OK, 0, MAR_01, 1, 0, NULL, "pupils", "", "inside, right before"},
        {FAMILIES, NULL, "pupils", MAR_01, CLOSED, CLOSED, MAR_01, 0, -1, 0, NULL, "", "pupils", "inside, at it"},
        {FAMILIES, NULL, "pupils", MAR_01 + 1, CLOSED, CLOSED, MAR_01, 0, -1, 0, NULL, "", "pupils", "inside, after"},
        {FAMILIES, NULL, "parents", MAR_01 - 1, OK, OK, 0, MAR_01, 1, 0, NULL, "parents", "", "the second name too"},
        {FAMILIES, NULL, "parents", MAR_01, CLOSED, CLOSED, MAR_01, 0, -1, 0, NULL, "", "parents", "... at it"},
        {FAMILIES, NULL, "staff", MAR_01 - 1, OK, OK, 0, 0, -1, 0, NULL, "staff", "", "outside, before"},
        {FAMILIES, NULL, "staff", MAR_01, OK, OK, 0, 0, -1, 0, NULL, "staff", "", "outside, at it"},
        {FAMILIES, NULL, "staff", MAR_01 + 3650 * DAY, OK, OK, 0, 0, -1, 0, NULL, "staff", "", "outside, for ever"},
        {FAMILIES, NULL, "pupil", MAR_01, OK, OK, 0, 0, -1, 0, NULL, "pupil", "", "a name's beginning is another name"},
        {FAMILIES, NULL, "", MAR_01 - 1, OK, OK, 0, MAR_01, 1, 1, NULL, "", "", "of none, before: in, counted"},
        {FAMILIES, NULL, "", MAR_01, UNKNOWN, UNKNOWN, MAR_01, 0, -1, 1, NULL, "", "", "of none, at it: refused"},
        {FAMILIES, NULL, NULL, MAR_01, UNKNOWN, UNKNOWN, MAR_01, 0, -1, 1, NULL, "", "", "no array: of none"},
        {FAMILIES, NULL, "", MAR_01 - 2000 * DAY, OK, OK, 0, MAR_01, -1, 1, NULL, "", "",
         "of none is counted from the first day that a cut-off is configured"},
        {FAMILIES, NULL, "pupils", SEP_01, CLOSED, CLOSED, MAR_01, 0, -1, 0, NULL, "", "pupils",
         "a date that was past when it was configured acts at once"},
        {"2017-03-01T08:30 pupils", NULL, "pupils", MAR_01 + 8 * HOUR + HOUR / 2 - 1, OK, OK, 0,
         MAR_01 + 8 * HOUR + HOUR / 2, 0, 0, NULL, "pupils", "", "the morning of the day: no day left, but in"},
        {"2017-03-01T08:30 pupils", NULL, "pupils", MAR_01 + 8 * HOUR + HOUR / 2, CLOSED, CLOSED,
         MAR_01 + 8 * HOUR + HOUR / 2, 0, -1, 0, NULL, "", "pupils", "... until half past eight"},
        {"2017-03-01T00:00Z pupils", NULL, "pupils", MAR_01 + HOUR - 1, OK, OK, 0, MAR_01 + HOUR, 0, 0, NULL,
         "pupils", "", "an offset other than the server's"},
        {"2017-03-01T00:00Z pupils", NULL, "pupils", MAR_01 + HOUR, CLOSED, CLOSED, MAR_01 + HOUR, 0, -1, 0, NULL,
         "", "pupils", "... acts at its own instant"},
    };

    CHECK_JUDGE(cases);
}

static void everyone(void **state)
{
    static const char all[] = "2017-03-01 everyone";
    static const judge_case_t cases[] = {
        {all, NULL, "staff", MAR_01 - 1, OK, OK, 0, MAR_01, 1, 0, NULL, "staff", "", "before"},
        {all, NULL, "staff", MAR_01, CLOSED, CLOSED, MAR_01, 0, -1, 0, NULL, "", "staff", "at it"},
        {all, NULL, "pupils staff", MAR_01, CLOSED, CLOSED, MAR_01, 0, -1, 0, NULL, "", "pupils staff", "all of them"},
        {all, NULL, "", MAR_01 - 1, OK, OK, 0, MAR_01, 1, 0, NULL, "", "",
         "of none: not to be counted, as no line asks for populations"},
        {all, NULL, "", MAR_01, CLOSED, CLOSED, MAR_01, 0, -1, 0, NULL, "", "", "of none: closed, not unknown"},
        {all, NULL, NULL, MAR_01, CLOSED, CLOSED, MAR_01, 0, -1, 0, NULL, "", "", "no array at all"},
    };

    CHECK_JUDGE(cases);
}

static void a_person_of_several_populations(void **state)
{
    static const char two[] = "2017-03-01 parents|2017-09-01 staff";
    static const char reversed[] = "2017-09-01 staff|2017-03-01 parents";
    static const judge_case_t cases[] = {
        {FAMILIES, NULL, "parents staff", MAR_01 - 1, OK, OK, 0, 0, -1, 0, NULL, "parents staff", "",
         "a teacher who is a parent is not warned: CAS stays"},
        {FAMILIES, NULL, "parents staff", MAR_01, OK, OK, 0, 0, -1, 0, NULL, "staff", "parents", "in, as staff"},
        {FAMILIES, NULL, "staff parents", MAR_01, OK, OK, 0, 0, -1, 0, NULL, "staff", "parents", "in either order"},
        {FAMILIES, NULL, "pupils parents", MAR_01 - 1, OK, OK, 0, MAR_01, 1, 0, NULL, "pupils parents", "",
         "both will be closed"},
        {FAMILIES, NULL, "pupils parents", MAR_01, CLOSED, CLOSED, MAR_01, 0, -1, 0, NULL, "", "pupils parents",
         "both are"},
        {two, NULL, "parents staff", MAR_01 - 1, OK, OK, 0, SEP_01, -1, 0, NULL, "parents staff", "",
         "the last of them counts"},
        {two, NULL, "parents staff", MAR_01, OK, OK, 0, SEP_01, -1, 0, NULL, "staff", "parents", "one is closed"},
        {two, NULL, "parents staff", SEP_01 - 1, OK, OK, 0, SEP_01, 1, 0, NULL, "staff", "parents", "the eve"},
        {two, NULL, "parents staff", SEP_01, CLOSED, CLOSED, SEP_01, 0, -1, 0, NULL, "", "parents staff",
         "out since the last of them closed"},
        {reversed, NULL, "parents staff", SEP_01, CLOSED, CLOSED, SEP_01, 0, -1, 0, NULL, "", "parents staff",
         "the order of the lines does not matter"},
        {reversed, NULL, "staff parents", MAR_01, OK, OK, 0, SEP_01, -1, 0, NULL, "staff", "parents",
         "nor the person's"},
        {two, NULL, "parents", MAR_01, CLOSED, CLOSED, MAR_01, 0, -1, 0, NULL, "", "parents", "one alone"},
        {two, NULL, "", MAR_01 - 1, OK, OK, 0, MAR_01, 1, 1, NULL, "", "", "of none: the earliest date"},
        {reversed, NULL, "", MAR_01, UNKNOWN, UNKNOWN, MAR_01, 0, -1, 1, NULL, "", "", "... in either order"},
        {two, NULL, "", SEP_01, UNKNOWN, UNKNOWN, MAR_01, 0, -1, 1, NULL, "", "", "... since the earliest"},
        {two, NULL, "parents staff guests", SEP_01, OK, OK, 0, 0, -1, 0, NULL, "guests", "parents staff",
         "a population that no line names is never closed"},
    };

    CHECK_JUDGE(cases);
}

static void everyone_beside_populations(void **state)
{
    static const char later[] = "2017-03-01 pupils|2017-09-01 everyone";
    static const char earlier[] = "2017-03-01 everyone|2017-09-01 pupils";
    static const judge_case_t cases[] = {
        {later, NULL, "pupils", MAR_01, CLOSED, CLOSED, MAR_01, 0, -1, 0, NULL, "", "pupils", "its own date first"},
        {later, NULL, "staff", MAR_01, OK, OK, 0, SEP_01, -1, 0, NULL, "staff", "", "others: later"},
        {later, NULL, "staff", SEP_01 - 1, OK, OK, 0, SEP_01, 1, 0, NULL, "staff", "", "... the eve"},
        {later, NULL, "staff", SEP_01, CLOSED, CLOSED, SEP_01, 0, -1, 0, NULL, "", "staff", "... at it"},
        {later, NULL, "pupils staff", SEP_01 - 1, OK, OK, 0, SEP_01, 1, 0, NULL, "staff", "pupils", "one of each"},
        {later, NULL, "pupils staff", SEP_01, CLOSED, CLOSED, SEP_01, 0, -1, 0, NULL, "", "pupils staff",
         "out since everyone is"},
        {later, NULL, "", MAR_01, UNKNOWN, UNKNOWN, MAR_01, 0, -1, 1, NULL, "", "", "of none: unknown first"},
        {later, NULL, "", SEP_01, CLOSED, CLOSED, MAR_01, 0, -1, 1, NULL, "", "", "... then closed like everyone"},
        {earlier, NULL, "pupils", MAR_01, CLOSED, CLOSED, MAR_01, 0, -1, 0, NULL, "", "pupils",
         "a population's later date keeps nothing open"},
        {earlier, NULL, "pupils", MAR_01 - 1, OK, OK, 0, MAR_01, 1, 0, NULL, "pupils", "", "... and is not announced"},
        {earlier, NULL, "", MAR_01, CLOSED, CLOSED, MAR_01, 0, -1, 1, NULL, "", "", "of none: closed"},
    };

    CHECK_JUDGE(cases);
}

static void report_only_changes_reported_alone(void **state)
{
    static const char dry[] = "2017-03-01 pupils parents report-only";
    static const char all[] = "2017-03-01 everyone report-only";
    static const char mixed[] = "2017-03-01 parents report-only|2017-09-01 pupils";
    static const char both[] = "2017-03-01 pupils|2017-03-01 everyone report-only";
    static const judge_case_t cases[] = {
        {dry, "always", "pupils", MAR_01 - 1, OK, OK, 0, 0, -1, 0, NULL, "pupils", "", "before: not even a notice"},
        {dry, NULL, "pupils", MAR_01, OK, CLOSED, 0, 0, -1, 0, NULL, "pupils", "", "would be closed"},
        {dry, NULL, "staff", MAR_01, OK, OK, 0, 0, -1, 0, NULL, "staff", "", "outside"},
        {dry, NULL, "pupils staff", MAR_01, OK, OK, 0, 0, -1, 0, NULL, "pupils staff", "", "would stay in, as staff"},
        {dry, NULL, "", MAR_01 - 1, OK, OK, 0, 0, -1, 1, NULL, "", "", "of none: counted in a rehearsal too"},
        {dry, NULL, "", MAR_01, OK, UNKNOWN, 0, 0, -1, 1, NULL, "", "", "of none: would be refused"},
        {all, NULL, "staff", MAR_01 - 1, OK, OK, 0, 0, -1, 0, NULL, "staff", "", "everyone, before"},
        {all, NULL, "staff", MAR_01, OK, CLOSED, 0, 0, -1, 0, NULL, "staff", "", "everyone would be closed"},
        {all, NULL, "", MAR_01, OK, CLOSED, 0, 0, -1, 0, NULL, "", "", "... who belongs to none too"},
        {mixed, NULL, "pupils parents", MAR_01, OK, OK, 0, 0, -1, 0, NULL, "pupils parents", "",
         "one rehearsed, one to come"},
        {mixed, NULL, "pupils parents", SEP_01, OK, CLOSED, 0, 0, -1, 0, NULL, "parents", "pupils",
         "kept in by the population that is only rehearsed"},
        {mixed, NULL, "pupils", SEP_01, CLOSED, CLOSED, SEP_01, 0, -1, 0, NULL, "", "pupils", "the real line is real"},
        {mixed, NULL, "", MAR_01, OK, UNKNOWN, 0, SEP_01, -1, 1, NULL, "", "", "of none: next is the real date"},
        {both, NULL, "", MAR_01, UNKNOWN, CLOSED, MAR_01, 0, -1, 1, NULL, "", "", "each by its own lines"},
        {both, NULL, "staff", MAR_01, OK, CLOSED, 0, 0, -1, 0, NULL, "staff", "", "everyone is rehearsed"},
    };

    CHECK_JUDGE(cases);
}

static void announcements(void **state)
{
    static const char one[] = "announced \"Bientôt\" pupils parents";
    static const char beside[] = "2017-03-01 pupils|announced \"Bientôt\" pupils parents";
    static const char several[] = "announced \"A\" staff|announced \"B\" parents|announced \"C\" pupils";
    static const judge_case_t cases[] = {
        {one, NULL, "pupils", MAR_01, OK, OK, 0, 0, -1, 0, "Bientôt", "pupils", "", "no notice configured: shown"},
        {one, "always", "parents", MAR_01, OK, OK, 0, 0, -1, 0, "Bientôt", "parents", "", "always"},
        {one, "0", "parents", MAR_01, OK, OK, 0, 0, -1, 0, "Bientôt", "parents", "", "days, even none"},
        {one, "off", "pupils", MAR_01, OK, OK, 0, 0, -1, 0, NULL, "pupils", "", "off"},
        {one, "2017-03-01", "pupils", MAR_01 - 1, OK, OK, 0, 0, -1, 0, NULL, "pupils", "", "before the notice's date"},
        {one, "2017-03-01", "pupils", MAR_01, OK, OK, 0, 0, -1, 0, "Bientôt", "pupils", "", "from it on"},
        {one, NULL, "staff", MAR_01, OK, OK, 0, 0, -1, 0, NULL, "staff", "", "other people"},
        {one, NULL, "staff parents", MAR_01, OK, OK, 0, 0, -1, 0, "Bientôt", "staff parents", "", "one of two"},
        {one, NULL, "", MAR_01, OK, OK, 0, 0, -1, 0, NULL, "", "",
         "of none: in, not counted, for an announcement closes nothing"},
        {one, NULL, NULL, MAR_01, OK, OK, 0, 0, -1, 0, NULL, "", "", "no array at all"},
        {beside, NULL, "pupils", MAR_01 - 1, OK, OK, 0, MAR_01, 1, 0, "Bientôt", "pupils", "", "a date and a text"},
        {beside, NULL, "pupils", MAR_01, CLOSED, CLOSED, MAR_01, 0, -1, 0, NULL, "", "pupils",
         "who is refused is past announcements"},
        {beside, NULL, "parents", MAR_01, OK, OK, 0, 0, -1, 0, "Bientôt", "parents", "", "the date is not theirs"},
        {several, NULL, "pupils parents", MAR_01, OK, OK, 0, 0, -1, 0, "B", "pupils parents", "", "the first line"},
    };

    CHECK_JUDGE(cases);
}

static void notice_time_and_days_left(void **state)
{
    static const judge_case_t cases[] = {
        {FAMILIES, NULL, "pupils", JAN_30 - 1, OK, OK, 0, MAR_01, -1, 0, NULL, "pupils", "", "30 days by default"},
        {FAMILIES, NULL, "pupils", JAN_30, OK, OK, 0, MAR_01, 30, 0, NULL, "pupils", "", "from midnight on"},
        {FAMILIES, "30", "pupils", JAN_30 - 1, OK, OK, 0, MAR_01, -1, 0, NULL, "pupils", "", "the same, written"},
        {FAMILIES, "30", "pupils", JAN_30 + 12 * HOUR, OK, OK, 0, MAR_01, 30, 0, NULL, "pupils", "", "noon"},
        {FAMILIES, "1", "pupils", FEB_28 - 1, OK, OK, 0, MAR_01, -1, 0, NULL, "pupils", "", "one day: not before"},
        {FAMILIES, "1", "pupils", FEB_28, OK, OK, 0, MAR_01, 1, 0, NULL, "pupils", "", "one day: the eve"},
        {FAMILIES, "1", "pupils", MAR_01 - 1, OK, OK, 0, MAR_01, 1, 0, NULL, "pupils", "", "the eve's last moment"},
        {FAMILIES, "0", "pupils", MAR_01 - 1, OK, OK, 0, MAR_01, -1, 0, NULL, "pupils", "", "none: no notice"},
        {"2017-03-01T08:00 pupils", "0", "pupils", MAR_01 - 1, OK, OK, 0, MAR_01 + 8 * HOUR, -1, 0, NULL, "pupils",
         "", "0 with an hour: the eve is too early"},
        {"2017-03-01T08:00 pupils", "0", "pupils", MAR_01, OK, OK, 0, MAR_01 + 8 * HOUR, 0, 0, NULL, "pupils", "",
         "... the day itself"},
        {"2017-03-01T08:00 pupils", "1", "pupils", FEB_28, OK, OK, 0, MAR_01 + 8 * HOUR, 1, 0, NULL, "pupils", "",
         "calendar days: from midnight, 32 hours before"},
        {FAMILIES, "always", "pupils", MAR_01 - 400 * DAY, OK, OK, 0, MAR_01, 400, 0, NULL, "pupils", "", "always"},
        {FAMILIES, "off", "pupils", MAR_01 - 1, OK, OK, 0, MAR_01, -1, 0, NULL, "pupils", "",
         "off: next is known all the same"},
        {FAMILIES, "3650", "pupils", MAR_01 - 3000 * DAY, OK, OK, 0, MAR_01, 3000, 0, NULL, "pupils", "", "the most"},
        {FAMILIES, "2017-02-28", "pupils", FEB_28 - 1, OK, OK, 0, MAR_01, -1, 0, NULL, "pupils", "", "before a date"},
        {FAMILIES, "2017-02-28", "pupils", FEB_28, OK, OK, 0, MAR_01, 1, 0, NULL, "pupils", "", "from a date on"},
        {FAMILIES, "2017-02-28T12:00Z", "pupils", FEB_28 + 13 * HOUR - 1, OK, OK, 0, MAR_01, -1, 0, NULL, "pupils", "",
         "a date with an offset"},
        {FAMILIES, "2017-02-28T12:00Z", "pupils", FEB_28 + 13 * HOUR, OK, OK, 0, MAR_01, 1, 0, NULL, "pupils", "",
         "... at its instant"},
        {FAMILIES, "2018-01-01", "pupils", MAR_01 - 1, OK, OK, 0, MAR_01, -1, 0, NULL, "pupils", "",
         "a notice that comes too late never comes"},
        {FAMILIES, "always", "pupils", MAR_01, CLOSED, CLOSED, MAR_01, 0, -1, 0, NULL, "", "pupils",
         "nothing is left for who is refused"},
        {FAMILIES, "always", "staff", MAR_01 - 1, OK, OK, 0, 0, -1, 0, NULL, "staff", "", "nothing ends for staff"},
        {FAMILIES, "always", "", MAR_01 - 1, OK, OK, 0, MAR_01, 1, 1, NULL, "", "", "who belongs to none is warned"},
        /* changes of clock */
        {"2017-03-27 pupils", NULL, "pupils", MAR_26 - 1, OK, OK, 0, MAR_27, 2, 0, NULL, "pupils", "", "spring"},
        {"2017-03-27 pupils", NULL, "pupils", MAR_26, OK, OK, 0, MAR_27, 1, 0, NULL, "pupils", "", "23 hours: one day"},
        {"2017-03-27 pupils", "1", "pupils", MAR_26 - 1, OK, OK, 0, MAR_27, -1, 0, NULL, "pupils", "", "its notice"},
        {"2017-03-27 pupils", "1", "pupils", MAR_26, OK, OK, 0, MAR_27, 1, 0, NULL, "pupils", "", "... at midnight"},
        {"2017-10-30 pupils", NULL, "pupils", OCT_29 - 1, OK, OK, 0, OCT_30, 2, 0, NULL, "pupils", "", "autumn"},
        {"2017-10-30 pupils", NULL, "pupils", OCT_29, OK, OK, 0, OCT_30, 1, 0, NULL, "pupils", "", "25 hours: one day"},
        {"2017-10-30 pupils", "1", "pupils", OCT_29 - 1, OK, OK, 0, OCT_30, -1, 0, NULL, "pupils", "", "its notice"},
        {"2017-10-30 pupils", "1", "pupils", OCT_29, OK, OK, 0, OCT_30, 1, 0, NULL, "pupils", "", "... at midnight"},
        {"2017-10-30T23:30 pupils", "1", "pupils", OCT_29, OK, OK, 0, OCT_30 + 47 * HOUR / 2, 1, 0, NULL, "pupils", "",
         "the eve is 1 also 48 hours and a half before"},
        {"2017-04-01 pupils", NULL, "pupils", MAR_01, OK, OK, 0, APR_01, -1, 0, NULL, "pupils", "",
         "31 days, one hour less"},
        {"2017-04-01 pupils", "31", "pupils", MAR_01, OK, OK, 0, APR_01, 31, 0, NULL, "pupils", "", "... are 31 days"},
        /* the date itself beside a change of clock */
        {"2017-03-26T03:00 pupils", NULL, "pupils", MAR_26 + 2 * HOUR - 1, OK, OK, 0, MAR_26 + 2 * HOUR, 0, 0, NULL,
         "pupils", "", "the last moment of winter time"},
        {"2017-03-26T03:00 pupils", NULL, "pupils", MAR_26 + 2 * HOUR, CLOSED, CLOSED, MAR_26 + 2 * HOUR, 0, -1, 0,
         NULL, "", "pupils", "the first of summer time"},
        {"2017-10-29T02:30+02:00 pupils", NULL, "pupils", OCT_29 + 5 * HOUR / 2, CLOSED, CLOSED, OCT_29 + 5 * HOUR / 2,
         0, -1, 0, NULL, "", "pupils", "the first half past two"},
        {"2017-10-29T02:30+01:00 pupils", NULL, "pupils", OCT_29 + 5 * HOUR / 2, OK, OK, 0, OCT_29 + 7 * HOUR / 2, 0,
         0, NULL, "pupils", "", "the second half past two is not yet there"},
        {"2017-10-29T02:30+01:00 pupils", NULL, "pupils", OCT_29 + 7 * HOUR / 2, CLOSED, CLOSED, OCT_29 + 7 * HOUR / 2,
         0, -1, 0, NULL, "", "pupils", "... now it is"},
    };

    CHECK_JUDGE(cases);
}

/* Where clocks go back over midnight (America/St_Johns until 2011), the 7th is there for a minute, 00:00:30-02:30 in
 * it, and the 6th comes back. */
static void days_left_are_never_negative(void **state)
{
    const apr_time_t next = 1289097900 * SECOND; /* 2010-11-06T23:15-03:30, in the hour that comes twice */
    aten_cutoff_t *cut;
    aten_standing_t out;

    setenv("TZ", "America/St_Johns", 1);
    tzset();
    cut = cutoff("2010-11-06T23:15-03:30 pupils", *state);
    aten_cutoff_judge(cut, NULL, person("pupils", *state), 1289097030 * SECOND, &out, *state);
    assert_true(out.next == next);
    assert_int_equal(out.days_left, 0);
    setenv("TZ", "Europe/Paris", 1);
    tzset();
}

/* ---- what the chooser can say ---- */

typedef struct {
    const char *lines, *notice;
    apr_time_t now;
    int closed;
    apr_time_t since;
    const char *closed_for;
    apr_time_t closed_since, next;
    int next_everyone;
    const char *next_for, *announced;
    const char *why;
} outlook_case_t;

static void check_outlook(const outlook_case_t *c, apr_pool_t *p)
{
    aten_outlook_t out;
    const char *wrong = NULL;

    memset(&out, 0x5A, sizeof(out));
    aten_cutoff_outlook(cutoff(c->lines, p), notice(c->notice, p), c->now, &out, p);
    if (out.closed != c->closed) wrong = "closed";
    else if (out.since != c->since) wrong = "since";
    else if (strcmp(words(out.closed_for, p), c->closed_for)) wrong = "closed_for";
    else if (out.closed_since != c->closed_since) wrong = "closed_since";
    else if (out.next != c->next) wrong = "next";
    else if (out.next_everyone != c->next_everyone) wrong = "next_everyone";
    else if (strcmp(words(out.next_for, p), c->next_for)) wrong = "next_for";
    else if (strcmp(words(out.announced, p), c->announced)) wrong = "announced";
    if (wrong) fail_msg("%s: %s (%s at %ld)", c->why, wrong, c->lines ? c->lines : "no cut-off", (long)c->now);
}

static void outlook(void **state)
{
    static const char all[] = "2017-03-01 everyone";
    static const char two[] = "2017-03-01 pupils|2017-04-01 parents";
    static const char later[] = "2017-03-01 pupils|2017-04-01 everyone";
    static const char same_day[] = "2017-03-01 pupils|2017-03-01 parents staff";
    static const char with_all[] = "2017-03-01 pupils|2017-03-01 everyone";
    static const char soon[] = "announced \"Bientôt\" pupils";
    static const outlook_case_t cases[] = {
        {NULL, "always", MAR_01, 0, 0, "", 0, 0, 0, "", "", "no cut-off"},
        {"off", "always", MAR_01, 0, 0, "", 0, 0, 0, "", "", "off"},
        {FAMILIES, NULL, JAN_30 - 1, 0, 0, "", 0, 0, 0, "", "", "not yet time for the notice"},
        {FAMILIES, NULL, JAN_30, 0, 0, "", 0, MAR_01, 0, "pupils parents", "", "the notice"},
        {FAMILIES, NULL, MAR_01 - 1, 0, 0, "", 0, MAR_01, 0, "pupils parents", "", "right before"},
        {FAMILIES, NULL, MAR_01, 0, 0, "pupils parents", MAR_01, 0, 0, "", "", "at it: offered, with who may not"},
        {FAMILIES, NULL, MAR_01 + 1, 0, 0, "pupils parents", MAR_01, 0, 0, "", "", "after"},
        {FAMILIES, "off", MAR_01 - 1, 0, 0, "", 0, 0, 0, "", "", "no notice wanted"},
        {FAMILIES, "off", MAR_01, 0, 0, "pupils parents", MAR_01, 0, 0, "", "",
         "... what is closed is said all the same"},
        {FAMILIES, "always", MAR_01 - 400 * DAY, 0, 0, "", 0, MAR_01, 0, "pupils parents", "", "always"},
        {FAMILIES, "2017-02-28", FEB_28 - 1, 0, 0, "", 0, 0, 0, "", "", "before the notice's date"},
        {FAMILIES, "2017-02-28", FEB_28, 0, 0, "", 0, MAR_01, 0, "pupils parents", "", "from it on"},
        {all, NULL, MAR_01 - 1, 0, 0, "", 0, MAR_01, 1, "", "", "everyone: the notice"},
        {all, NULL, MAR_01, 1, MAR_01, "", 0, 0, 0, "", "", "everyone: closed"},
        {all, "off", MAR_01, 1, MAR_01, "", 0, 0, 0, "", "", "... whatever the notice"},
        {two, NULL, MAR_01 - 1, 0, 0, "", 0, MAR_01, 0, "pupils", "", "only the next date"},
        {two, "31", MAR_01, 0, 0, "pupils", MAR_01, APR_01, 0, "parents", "", "one closed, one to come"},
        {two, "30", MAR_01, 0, 0, "pupils", MAR_01, 0, 0, "", "", "... but not yet warned of"},
        {two, NULL, APR_01, 0, 0, "pupils parents", MAR_01, 0, 0, "", "", "both closed: since the earliest"},
        {"2017-04-01 parents|2017-03-01 pupils", NULL, APR_01, 0, 0, "parents pupils", MAR_01, 0, 0, "", "",
         "... in any order"},
        {later, "31", MAR_01, 0, 0, "pupils", MAR_01, APR_01, 1, "", "", "then everyone"},
        {later, NULL, APR_01, 1, APR_01, "", 0, 0, 0, "", "", "closed for everyone says it all"},
        {same_day, NULL, FEB_28, 0, 0, "", 0, MAR_01, 0, "pupils parents staff", "", "two lines of one date"},
        {same_day, NULL, MAR_01, 0, 0, "pupils parents staff", MAR_01, 0, 0, "", "", "... closed"},
        {with_all, NULL, FEB_28, 0, 0, "", 0, MAR_01, 1, "", "", "everyone on the same date includes the others"},
        {"2017-03-01 everyone|2017-04-01 pupils", "always", MAR_01, 1, MAR_01, "", 0, 0, 0, "", "",
         "closed for everyone: a later date says nothing"},
        {"2017-03-01 pupils report-only", "always", FEB_28, 0, 0, "", 0, 0, 0, "", "", "report-only gives no notice"},
        {"2017-03-01 pupils report-only", NULL, MAR_01, 0, 0, "", 0, 0, 0, "", "", "... and closes nothing"},
        {"2017-03-01 everyone report-only", NULL, MAR_01, 0, 0, "", 0, 0, 0, "", "", "... for everyone neither"},
        {"2017-03-01 everyone report-only|2017-04-01 pupils", "40", MAR_01, 0, 0, "", 0, APR_01, 0, "pupils", "",
         "the real line is announced beside a rehearsal"},
        {"2017-03-01 parents report-only|2017-03-01 pupils", NULL, FEB_28, 0, 0, "", 0, MAR_01, 0, "pupils", "",
         "... on the same date too"},
        {soon, NULL, MAR_01, 0, 0, "", 0, 0, 0, "", "Bientôt", "an announcement without a date"},
        {soon, "0", MAR_01, 0, 0, "", 0, 0, 0, "", "Bientôt", "with days"},
        {soon, "always", MAR_01, 0, 0, "", 0, 0, 0, "", "Bientôt", "always"},
        {soon, "off", MAR_01, 0, 0, "", 0, 0, 0, "", "", "off"},
        {soon, "2017-03-01", MAR_01 - 1, 0, 0, "", 0, 0, 0, "", "", "before the notice's date"},
        {soon, "2017-03-01", MAR_01, 0, 0, "", 0, 0, 0, "", "Bientôt", "from it on"},
        {"announced A pupils|announced B parents", NULL, MAR_01, 0, 0, "", 0, 0, 0, "", "A B", "all of them, in order"},
        {"2017-03-01 pupils|announced A pupils parents", NULL, FEB_28, 0, 0, "", 0, MAR_01, 0, "pupils", "A",
         "a date and an announcement"},
        {"2017-03-01 pupils|announced A pupils parents", NULL, MAR_01, 0, 0, "pupils", MAR_01, 0, 0, "", "A",
         "... which others may still need"},
        {"2017-03-01 everyone|announced A pupils", NULL, MAR_01, 1, MAR_01, "", 0, 0, 0, "", "",
         "closed for everyone: nothing is left to announce"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) check_outlook(&cases[i], *state);
}

/* ---- what the administrator writes ---- */

static void lines_are_kept(void **state)
{
    aten_cutoff_t *cut = NULL;
    const aten_cutoff_line_t *line;
    char name[] = "pupils";
    char *argv[] = {(char[]){"2017-03-01T00:00+01:00"}, name, (char[]){"Report-Only"}};

    assert_null(aten_cutoff_add(&cut, 3, argv, *state));
    name[0] = 'x'; /* words are copied */
    assert_null(add_line(&cut, "2017-09-01 Everyone", *state));
    assert_null(add_line(&cut, "Announced \" Les parents ; bientôt \" parents staff", *state));
    assert_int_equal(cut->off, 0);
    assert_int_equal(cut->lines->nelts, 3);
    line = &APR_ARRAY_IDX(cut->lines, 0, aten_cutoff_line_t);
    assert_null(line->announced);
    assert_true(line->from == MAR_01 && line->has_offset && !line->everyone && line->report_only);
    assert_string_equal(words(line->populations, *state), "pupils");
    line = &APR_ARRAY_IDX(cut->lines, 1, aten_cutoff_line_t);
    assert_true(line->from == SEP_01 && !line->has_offset && line->everyone && !line->report_only);
    assert_int_equal(line->populations->nelts, 0);
    line = &APR_ARRAY_IDX(cut->lines, 2, aten_cutoff_line_t);
    assert_string_equal(line->announced, "Les parents ; bientôt");
    assert_true(line->from == 0 && !line->everyone && !line->report_only);
    assert_string_equal(words(line->populations, *state), "parents staff");
}

static void off_is_an_object_of_its_own(void **state)
{
    aten_cutoff_t *cut = NULL;

    assert_null(add_line(&cut, "Off", *state));
    assert_int_equal(cut->off, 1);
    assert_int_equal(cut->lines->nelts, 0);
}

static void wrong_lines_are_refused(void **state)
{
    static const char syntax[] = "a line is DATE everyone|POPULATION... [report-only]";
    static const char nobody[] = "has nobody behind it";
    static const struct { const char *before, *line, *says, *why; } cases[] = {
        {NULL, "01/03/2017 pupils", "'01/03/2017' is not a date: write 2017-03-01", "as the French write it"},
        {NULL, "pupils 2017-03-01", syntax, "the wrong way round"},
        {NULL, "pupils", "'pupils' is not a date", "no date"},
        {NULL, "on", "'on' is not a date", "not a switch"},
        {NULL, "2017-02-30 pupils", "'2017-02-30' names a day that does not exist", "no such day"},
        {NULL, "2017-03-26T02:30 pupils", "'2017-03-26T02:30' is a local time that a change of clock skips", "skipped"},
        {NULL, "2017-10-29T02:30 pupils", "'2017-10-29T02:30' is a local time that a change of clock doubles",
         "doubled"},
        {NULL, "2017-03-01\x1b pupils", "'2017-03-01\\x1b' is not a date", "nothing raw goes to a terminal"},
        {NULL, "2017-03-01", nobody, "for whom?"},
        {NULL, "2017-03-01 report-only", nobody, "for whom is it rehearsed?"},
        {NULL, "2017-03-01 report-only pupils", "'report-only' stands out of place", "not last"},
        {NULL, "2017-03-01 pupils report-only parents", "'report-only' stands out of place", "not last"},
        {NULL, "2017-03-01 pupils report-only report-only", "'report-only' stands out of place", "twice"},
        {NULL, "2017-03-01 everyone pupils", "'everyone' stands beside other words", "everyone and one more"},
        {NULL, "2017-03-01 pupils everyone", "'everyone' stands beside other words", "... in the other order"},
        {NULL, "2017-03-01 everyone everyone", "'everyone' stands beside other words", "everyone twice"},
        {NULL, "2017-03-01 pupils parents pupils", "'pupils' stands twice", "twice in a line"},
        {"2017-03-01 pupils", "2017-09-01 parents pupils", "'pupils' has two dates", "twice in the section"},
        {"2017-03-01 pupils", "2017-03-01 pupils", "'pupils' has two dates", "... with the same date too"},
        {"2017-03-01 pupils", "2017-09-01 pupils report-only", "'pupils' has two dates", "... report-only too"},
        {"2017-03-01 everyone", "2017-09-01 everyone", "'everyone' has two dates", "everyone twice in the section"},
        {"announced A pupils", "announced B pupils", "'pupils' is announced twice", "announced twice"},
        {NULL, "announced A pupils pupils", "'pupils' stands twice", "announced twice in a line"},
        {NULL, "announced", "cannot be announced", "no text"},
        {NULL, "announced \"\" pupils", "cannot be announced", "an empty text"},
        {NULL, "announced \" \" pupils", "cannot be announced", "a blank text"},
        {NULL, "announced \"a\x01\" pupils", "'a\\x01' cannot be announced", "a control character"},
        {NULL, "announced \"caf\xe9\" pupils", "'caf\\xe9' cannot be announced", "Latin-1"},
        {NULL, "announced \"A\"", nobody, "to whom?"},
        {NULL, "announced \"A\" everyone", "'everyone' stands beside other words", "populations only"},
        {NULL, "announced \"A\" pupils report-only", "'report-only' stands out of place", "nothing to rehearse"},
        {NULL, "off pupils", "'off' takes no other word", "off for some"},
        {"2017-03-01 pupils", "off", "'off' stands beside another line", "off behind a line"},
        {"announced A pupils", "off", "'off' stands beside another line", "off behind an announcement"},
        {"off", "2017-03-01 pupils", "'off' stands in this section already", "a line behind off"},
        {"off", "announced A pupils", "'off' stands in this section already", "an announcement behind off"},
        {"off", "off", "'off' stands beside another line", "off twice"},
        {NULL, "", syntax, "nothing"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        aten_cutoff_t *cut = cutoff(cases[i].before, *state);
        aten_cutoff_t *const made = cut;
        const int lines = cut ? cut->lines->nelts : 0;
        const char *wrong = add_line(&cut, cases[i].line, *state);

        if (!wrong) fail_msg("'%s' was taken: %s", cases[i].line, cases[i].why);
        if (!strstr(wrong, cases[i].says)) fail_msg("'%s': %s", cases[i].line, wrong);
        if (cut != made || (cut && cut->lines->nelts != lines)) fail_msg("'%s' left a trace", cases[i].line);
    }
}

static void an_announcement_has_a_limit(void **state)
{
    aten_cutoff_t *cut = NULL;
    char text[1002];
    char *argv[] = {(char[]){"announced"}, text, (char[]){"pupils"}};

    memset(text, 'a', sizeof(text));
    text[1001] = '\0';
    assert_non_null(aten_cutoff_add(&cut, 3, argv, *state));
    text[1000] = '\0';
    assert_null(aten_cutoff_add(&cut, 3, argv, *state));
}

static void a_population_may_have_a_date_and_an_announcement(void **state)
{
    aten_cutoff_t *cut = cutoff("2017-03-01 pupils|announced A pupils|2017-09-01 everyone", *state);

    assert_int_equal(cut->lines->nelts, 3);
}

static void notices(void **state)
{
    static const struct { const char *text; aten_notice_t is; } cases[] = {
        {"30", {ATEN_NOTICE_DAYS, 30, 0, 0}},
        {"0", {ATEN_NOTICE_DAYS, 0, 0, 0}},
        {"3650", {ATEN_NOTICE_DAYS, 3650, 0, 0}},
        {"always", {ATEN_NOTICE_ALWAYS, 0, 0, 0}},
        {"off", {ATEN_NOTICE_OFF, 0, 0, 0}},
        {"Off", {ATEN_NOTICE_OFF, 0, 0, 0}},
        {"2017-03-01", {ATEN_NOTICE_DATE, 0, MAR_01, 0}},
        {"2017-03-01T01:00+02:00", {ATEN_NOTICE_DATE, 0, MAR_01, 1}},
    };
    static const struct { const char *text, *says; } wrong[] = {
        {"3651", "'3651' is not a date"},
        {"3651", "a notice is a number of days from 0 to 3650, a date, always or off"},
        {"-1", "'-1' is not a date"},
        {"30d", "'30d' is not a date"},
        {"", "'' is not a date"},
        {"never", "'never' is not a date"},
        {"2017-02-30", "'2017-02-30' names a day that does not exist"},
        {"2017-03-26T02:30", "a change of clock skips"},
        {"99999999999999999999", "is not a date"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const aten_notice_t *out = notice(cases[i].text, *state);

        if (out->kind != cases[i].is.kind || out->days != cases[i].is.days || out->from != cases[i].is.from
            || out->has_offset != cases[i].is.has_offset) {
            fail_msg("AtenCASNotice %s", cases[i].text);
        }
    }
    for (size_t i = 0; i < COUNT(wrong); i++) {
        aten_notice_t *out = NULL;
        const char *error = aten_notice_parse(&out, wrong[i].text, *state);

        if (!error || out) fail_msg("AtenCASNotice %s was taken", wrong[i].text);
        if (!strstr(error, wrong[i].says)) fail_msg("AtenCASNotice %s: %s", wrong[i].text, error);
    }
}

static void questions_about_the_lines(void **state)
{
    static const struct { const char *lines, *unknown; int needs, report_only; } cases[] = {
        {NULL, NULL, 0, 0},
        {"off", NULL, 0, 0},
        {"2017-03-01 everyone", NULL, 0, 0},
        {"2017-03-01 everyone report-only", NULL, 0, 1},
        {"2017-03-01 pupils", NULL, 1, 0},
        {"2017-03-01 pupils report-only", NULL, 1, 1},
        {"2017-03-01 everyone|2017-01-01 pupils report-only", NULL, 1, 1},
        {"announced A pupils", NULL, 1, 0},
        {"2017-03-01 pupils parents", "parents", 1, 0},
        {"2017-03-01 guests pupils strangers", "guests", 1, 0},
        {"2017-03-01 pupils|2017-04-01 staff Pupils", "Pupils", 1, 0},
        {"2017-03-01 pupils|announced A guests", "guests", 1, 0},
    };
    const apr_array_header_t *known = person("pupils staff", *state);

    for (size_t i = 0; i < COUNT(cases); i++) {
        const aten_cutoff_t *cut = cutoff(cases[i].lines, *state);
        const char *lines = cases[i].lines ? cases[i].lines : "no cut-off";

        if (!same_or_both_null(aten_cutoff_unknown_population(cut, known), cases[i].unknown)) fail_msg("%s", lines);
        if (aten_cutoff_needs_populations(cut) != cases[i].needs) fail_msg("%s: populations", lines);
        if (aten_cutoff_has_report_only(cut) != cases[i].report_only) fail_msg("%s: report-only", lines);
    }
    assert_string_equal(aten_cutoff_unknown_population(cutoff("2017-03-01 pupils", *state), NULL), "pupils");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(local_midnights_are_right),
        cmocka_unit_test_setup_teardown(without_a_cutoff_everybody_is_in, setup, teardown),
        cmocka_unit_test_setup_teardown(an_empty_cutoff_closes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(the_date_acts_at_its_instant, setup, teardown),
        cmocka_unit_test_setup_teardown(everyone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_person_of_several_populations, setup, teardown),
        cmocka_unit_test_setup_teardown(everyone_beside_populations, setup, teardown),
        cmocka_unit_test_setup_teardown(report_only_changes_reported_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(announcements, setup, teardown),
        cmocka_unit_test_setup_teardown(notice_time_and_days_left, setup, teardown),
        cmocka_unit_test_setup_teardown(days_left_are_never_negative, setup, teardown),
        cmocka_unit_test_setup_teardown(outlook, setup, teardown),
        cmocka_unit_test_setup_teardown(lines_are_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(off_is_an_object_of_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_lines_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(an_announcement_has_a_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(a_population_may_have_a_date_and_an_announcement, setup, teardown),
        cmocka_unit_test_setup_teardown(notices, setup, teardown),
        cmocka_unit_test_setup_teardown(questions_about_the_lines, setup, teardown),
    };

    if (apr_initialize() != APR_SUCCESS) return EXIT_FAILURE;
    setenv("TZ", "Europe/Paris", 1);
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
