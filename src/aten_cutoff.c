#include "aten_cutoff.h"

#include <string.h>

#include <apr_cstr.h>
#include <apr_strings.h>

#include "aten_date.h"
#include "aten_util.h"

#define NEVER APR_INT64_MAX
#define NOTICE_DAYS_DEFAULT 30
#define NOTICE_DAYS_MAX 3650
#define ANNOUNCEMENT_MAX_BYTES 1000
#define SHOWN_MAX_BYTES 64

#define LINE_IS "DATE everyone|POPULATION... [report-only], announced \"TEXT\" POPULATION..., or off"

static int line_count(const aten_cutoff_t *cut)
{
    return cut && !cut->off && cut->lines ? cut->lines->nelts : 0;
}

static const aten_cutoff_line_t *line_at(const aten_cutoff_t *cut, int i)
{
    return &APR_ARRAY_IDX(cut->lines, i, aten_cutoff_line_t);
}

static int contains(const apr_array_header_t *names, const char *name)
{
    int i;

    for (i = 0; i < names->nelts; i++) {
        if (aten_same(APR_ARRAY_IDX(names, i, const char *), name)) return 1;
    }
    return 0;
}

/* ---- what the administrator writes ---- */

static int is_word(const char *text, const char *word)
{
    return !apr_cstr_casecmp(text, word);
}

static const char *add_off(aten_cutoff_t **cut, int argc, apr_pool_t *p)
{
    if (argc > 1) return "'off' takes no other word: write it alone";
    if (*cut) return "'off' stands beside another line of this section: remove one of the two";
    *cut = apr_pcalloc(p, sizeof(**cut));
    (*cut)->off = 1;
    (*cut)->lines = apr_array_make(p, 0, sizeof(aten_cutoff_line_t));
    return NULL;
}

static const char *parse_names(aten_cutoff_line_t *line, int argc, char *const argv[], apr_pool_t *p)
{
    int i;

    for (i = 0; i < argc; i++) {
        const char *shown = aten_log_text(p, argv[i], SHOWN_MAX_BYTES);

        if (is_word(argv[i], "report-only")) {
            return "'report-only' stands out of place: write it last, behind DATE and for whom";
        }
        if (is_word(argv[i], "everyone")) {
            return "'everyone' stands beside other words: write DATE everyone, in a line of its own";
        }
        if (contains(line->populations, argv[i])) return apr_psprintf(p, "'%s' stands twice: write it once", shown);
        APR_ARRAY_PUSH(line->populations, const char *) = apr_pstrdup(p, argv[i]);
    }
    return NULL;
}

static const char *parse_announced(aten_cutoff_line_t *line, int argc, char *const argv[], apr_pool_t *p)
{
    const char *text = argc > 1 ? aten_trim(p, argv[1]) : NULL;

    if (!aten_text_is_clean(text, ANNOUNCEMENT_MAX_BYTES)) {
        return apr_psprintf(p, "'%s' cannot be announced: write a text in quotes, 1 to %d bytes of UTF-8 without "
                            "control characters", aten_log_text(p, text, SHOWN_MAX_BYTES), ANNOUNCEMENT_MAX_BYTES);
    }
    if (argc < 3) {
        return apr_psprintf(p, "'%s' has nobody behind it: write populations such as pupils parents",
                            aten_log_text(p, text, SHOWN_MAX_BYTES));
    }
    line->announced = text;
    return parse_names(line, argc - 2, argv + 2, p);
}

static const char *parse_dated(aten_cutoff_line_t *line, int argc, char *const argv[], apr_pool_t *p)
{
    const char *shown = aten_log_text(p, argv[0], SHOWN_MAX_BYTES);
    const char *wrong = aten_date_parse(&line->from, &line->has_offset, argv[0]);

    if (wrong) return apr_psprintf(p, "'%s' %s; a line is " LINE_IS, shown, wrong);
    if (is_word(argv[argc - 1], "report-only")) {
        line->report_only = 1;
        argc--;
    }
    if (argc < 2) {
        return apr_psprintf(p, "'%s' has nobody behind it: write everyone, or populations such as pupils parents",
                            shown);
    }
    if (argc == 2 && is_word(argv[1], "everyone")) {
        line->everyone = 1;
        return NULL;
    }
    return parse_names(line, argc - 1, argv + 1, p);
}

/* One population, one date: which of two would hold? An announcement beside a date is another matter. */
static const char *check_repeated(const aten_cutoff_t *cut, const aten_cutoff_line_t *line, apr_pool_t *p)
{
    int i, k;

    for (i = 0; i < line_count(cut); i++) {
        const aten_cutoff_line_t *other = line_at(cut, i);

        if (!other->announced != !line->announced) continue;
        if (other->everyone && line->everyone) return "'everyone' has two dates in one section: write one of them";
        for (k = 0; k < line->populations->nelts; k++) {
            const char *name = APR_ARRAY_IDX(line->populations, k, const char *);

            if (!contains(other->populations, name)) continue;
            return apr_psprintf(p, "'%s' %s in one section: write it in one line",
                                aten_log_text(p, name, SHOWN_MAX_BYTES),
                                line->announced ? "is announced twice" : "has two dates");
        }
    }
    return NULL;
}

const char *aten_cutoff_add(aten_cutoff_t **cut, int argc, char *const argv[], apr_pool_t *p)
{
    aten_cutoff_line_t line = {0};
    const char *wrong;

    if (argc < 1) return "nothing is said: a line is " LINE_IS;
    if (is_word(argv[0], "off")) return add_off(cut, argc, p);
    if (*cut && (*cut)->off) return "a line 'off' stands in this section already: remove one of the two";
    line.populations = apr_array_make(p, 2, sizeof(const char *));
    wrong = is_word(argv[0], "announced") ? parse_announced(&line, argc, argv, p) : parse_dated(&line, argc, argv, p);
    if (!wrong) wrong = check_repeated(*cut, &line, p);
    if (wrong) return wrong;
    if (!*cut) {
        *cut = apr_pcalloc(p, sizeof(**cut));
        (*cut)->lines = apr_array_make(p, 2, sizeof(aten_cutoff_line_t));
    }
    APR_ARRAY_PUSH((*cut)->lines, aten_cutoff_line_t) = line;
    return NULL;
}

const char *aten_notice_parse(aten_notice_t **out, const char *text, apr_pool_t *p)
{
    aten_notice_t *notice = apr_pcalloc(p, sizeof(*notice));
    const char *wrong;
    apr_int64_t days;

    if (is_word(text, "off")) {
        notice->kind = ATEN_NOTICE_OFF;
    }
    else if (is_word(text, "always")) {
        notice->kind = ATEN_NOTICE_ALWAYS;
    }
    else if (aten_parse_number(text, 0, NOTICE_DAYS_MAX, &days)) {
        notice->kind = ATEN_NOTICE_DAYS;
        notice->days = (int)days;
    }
    else {
        notice->kind = ATEN_NOTICE_DATE;
        wrong = aten_date_parse(&notice->from, &notice->has_offset, text);
        if (wrong) {
            return apr_psprintf(p, "'%s' %s; a notice is a number of days from 0 to %d, a date, always or off",
                                aten_log_text(p, text, SHOWN_MAX_BYTES), wrong, NOTICE_DAYS_MAX);
        }
    }
    *out = notice;
    return NULL;
}

const char *aten_cutoff_unknown_population(const aten_cutoff_t *cut, const apr_array_header_t *populations)
{
    int i, k;

    for (i = 0; i < line_count(cut); i++) {
        const apr_array_header_t *names = line_at(cut, i)->populations;

        for (k = 0; k < names->nelts; k++) {
            const char *name = APR_ARRAY_IDX(names, k, const char *);

            if (!aten_population_find(populations, name)) return name;
        }
    }
    return NULL;
}

int aten_cutoff_needs_populations(const aten_cutoff_t *cut)
{
    int i;

    for (i = 0; i < line_count(cut); i++) {
        if (line_at(cut, i)->populations->nelts) return 1;
    }
    return 0;
}

int aten_cutoff_has_report_only(const aten_cutoff_t *cut)
{
    int i;

    for (i = 0; i < line_count(cut); i++) {
        if (line_at(cut, i)->report_only) return 1;
    }
    return 0;
}

/* ---- what it decides ---- */

/* Does the line have a date that counts? With rehearse, report-only lines count too. */
static int closes(const aten_cutoff_line_t *line, int rehearse)
{
    return !line->announced && (rehearse || !line->report_only);
}

static apr_time_t everyone_closes_at(const aten_cutoff_t *cut, int rehearse)
{
    apr_time_t first = NEVER;
    int i;

    for (i = 0; i < line_count(cut); i++) {
        const aten_cutoff_line_t *line = line_at(cut, i);

        if (closes(line, rehearse) && line->everyone && line->from < first) first = line->from;
    }
    return first;
}

/* The first date that concerns the population; with NULL, who belongs to none, whom every date concerns. */
static apr_time_t population_closes_at(const aten_cutoff_t *cut, const char *name, int rehearse)
{
    apr_time_t first = NEVER;
    int i;

    for (i = 0; i < line_count(cut); i++) {
        const aten_cutoff_line_t *line = line_at(cut, i);

        if (!closes(line, rehearse) || line->from >= first) continue;
        if (!name || line->everyone || contains(line->populations, name)) first = line->from;
    }
    return first;
}

static int population_count(const apr_array_header_t *person)
{
    return person ? person->nelts : 0;
}

static const aten_population_t *population_at(const apr_array_header_t *person, int i)
{
    return APR_ARRAY_IDX(person, i, const aten_population_t *);
}

/* The person is out when the last of their populations is. */
static apr_time_t person_closes_at(const aten_cutoff_t *cut, const apr_array_header_t *person, int rehearse)
{
    apr_time_t last;
    int i;

    if (!population_count(person)) return population_closes_at(cut, NULL, rehearse);
    last = population_closes_at(cut, population_at(person, 0)->name, rehearse);
    for (i = 1; i < person->nelts; i++) {
        const apr_time_t at = population_closes_at(cut, population_at(person, i)->name, rehearse);

        if (at > last) last = at;
    }
    return last;
}

/* "everyone" needs no population: who belongs to none is then closed like the others, not unknown. */
static aten_verdict_t judge(const aten_cutoff_t *cut, const apr_array_header_t *person, apr_time_t now, int rehearse)
{
    if (person_closes_at(cut, person, rehearse) > now) return ATEN_V_OK;
    if (population_count(person) || everyone_closes_at(cut, rehearse) <= now) return ATEN_V_CAS_CLOSED;
    return ATEN_V_POPULATION_UNKNOWN;
}

static void split_populations(const aten_cutoff_t *cut, const apr_array_header_t *person, apr_time_t now,
                              aten_standing_t *out, apr_pool_t *p)
{
    const int n = population_count(person);
    int i;

    out->open = apr_array_make(p, n, sizeof(const aten_population_t *));
    out->closed = apr_array_make(p, n, sizeof(const aten_population_t *));
    for (i = 0; i < n; i++) {
        const aten_population_t *pop = population_at(person, i);
        const apr_time_t at = population_closes_at(cut, pop->name, 0);
        const int closed = at <= now;

        if (closed && (out->closed->nelts == 0 || at < out->closed_since)) out->closed_since = at;
        APR_ARRAY_PUSH(closed ? out->closed : out->open, const aten_population_t *) = pop;
    }
}

/* Report-only lines count: to learn in time who belongs to none is what a rehearsal is for. */
static int has_dated_populations(const aten_cutoff_t *cut)
{
    int i;

    for (i = 0; i < line_count(cut); i++) {
        if (closes(line_at(cut, i), 1) && line_at(cut, i)->populations->nelts) return 1;
    }
    return 0;
}

static const char *announcement_for(const aten_cutoff_t *cut, const apr_array_header_t *person)
{
    int i, k;

    for (i = 0; i < line_count(cut); i++) {
        const aten_cutoff_line_t *line = line_at(cut, i);

        for (k = 0; line->announced && k < population_count(person); k++) {
            if (contains(line->populations, population_at(person, k)->name)) return line->announced;
        }
    }
    return NULL;
}

/* The calendar days to next (the eve is 1), or -1 before the time has come to warn of it. They begin at midnight, so
 * that most of the year a glance at the clock tells, which spares each request two look-ups of the time zone. */
static int notice_days(const aten_notice_t *notice, apr_time_t now, apr_time_t next)
{
    const aten_notice_kind_t kind = notice ? notice->kind : ATEN_NOTICE_DAYS;
    const int limit = notice ? notice->days : NOTICE_DAYS_DEFAULT;
    int days;

    if (kind == ATEN_NOTICE_OFF || (kind == ATEN_NOTICE_DATE && now < notice->from)) return -1;
    if (kind == ATEN_NOTICE_DAYS && next - now > apr_time_from_sec(86400) * (limit + 2)) return -1;
    days = aten_date_days_until(now, next);
    if (kind == ATEN_NOTICE_DAYS && days > limit) return -1;
    return days < 0 ? 0 : days; /* where clocks go back over midnight, the calendar does too */
}

static int announcements_are_due(const aten_notice_t *notice, apr_time_t now)
{
    if (!notice) return 1;
    if (notice->kind == ATEN_NOTICE_DATE) return now >= notice->from;
    return notice->kind != ATEN_NOTICE_OFF;
}

void aten_cutoff_judge(const aten_cutoff_t *cut, const aten_notice_t *notice, const apr_array_header_t *person,
                       apr_time_t now, aten_standing_t *out, apr_pool_t *p)
{
    const apr_time_t at = person_closes_at(cut, person, 0);

    memset(out, 0, sizeof(*out));
    out->verdict = judge(cut, person, now, 0);
    out->reported = judge(cut, person, now, 1);
    out->days_left = -1;
    out->belongs_to_none = !population_count(person) && has_dated_populations(cut);
    split_populations(cut, person, now, out, p);
    if (out->verdict != ATEN_V_OK) {
        out->since = at;
        return;
    }
    if (announcements_are_due(notice, now)) out->announced = announcement_for(cut, person);
    if (at == NEVER) return;
    out->next = at;
    out->days_left = notice_days(notice, now, at);
}

/* ---- what a chooser can say ---- */

static void look_at_closed(const aten_cutoff_t *cut, apr_time_t now, aten_outlook_t *out)
{
    int i;

    for (i = 0; i < line_count(cut); i++) {
        const aten_cutoff_line_t *line = line_at(cut, i);

        if (!closes(line, 0) || line->from > now) continue;
        apr_array_cat(out->closed_for, line->populations);
        if (!out->closed_since || line->from < out->closed_since) out->closed_since = line->from;
    }
}

static apr_time_t next_date(const aten_cutoff_t *cut, apr_time_t now)
{
    apr_time_t next = NEVER;
    int i;

    for (i = 0; i < line_count(cut); i++) {
        const aten_cutoff_line_t *line = line_at(cut, i);

        if (closes(line, 0) && line->from > now && line->from < next) next = line->from;
    }
    return next;
}

static void look_ahead(const aten_cutoff_t *cut, const aten_notice_t *notice, apr_time_t now, aten_outlook_t *out)
{
    const apr_time_t next = next_date(cut, now);
    int i;

    if (next == NEVER || notice_days(notice, now, next) < 0) return;
    out->next = next;
    out->next_everyone = everyone_closes_at(cut, 0) == next;
    for (i = 0; !out->next_everyone && i < line_count(cut); i++) {
        const aten_cutoff_line_t *line = line_at(cut, i);

        if (closes(line, 0) && line->from == next) apr_array_cat(out->next_for, line->populations);
    }
}

static void look_at_announcements(const aten_cutoff_t *cut, aten_outlook_t *out)
{
    int i;

    for (i = 0; i < line_count(cut); i++) {
        const char *text = line_at(cut, i)->announced;

        if (text) APR_ARRAY_PUSH(out->announced, const char *) = text;
    }
}

void aten_cutoff_outlook(const aten_cutoff_t *cut, const aten_notice_t *notice, apr_time_t now, aten_outlook_t *out,
                         apr_pool_t *p)
{
    const apr_time_t everyone = everyone_closes_at(cut, 0);

    memset(out, 0, sizeof(*out));
    out->closed_for = apr_array_make(p, 2, sizeof(const char *));
    out->next_for = apr_array_make(p, 2, sizeof(const char *));
    out->announced = apr_array_make(p, 1, sizeof(const char *));
    if (everyone <= now) {
        out->closed = 1;
        out->since = everyone;
        return;
    }
    look_at_closed(cut, now, out);
    look_ahead(cut, notice, now, out);
    if (announcements_are_due(notice, now)) look_at_announcements(cut, out);
}
