/* The pages: escaping, structure, links, language, the style sheet's contrasts. */

#include "unit.h"
#include "aten_page.h"
#include "aten_util.h"

#define STYLE "/aten/style.css"
#define DEPTH_MAX 16
#define HOSTILE "</title></p><script>alert('x')</script><img src=x onerror=\"y\">&amp;\" onclick=\"z"

/* --- making pages --- */

static apr_array_header_t *lines_of(const char *first, const char *second)
{
    apr_array_header_t *lines = apr_array_make(pool, 2, sizeof(const char *));

    if (first) APR_ARRAY_PUSH(lines, const char *) = first;
    if (second) APR_ARRAY_PUSH(lines, const char *) = second;
    return lines;
}

static apr_array_header_t *no_buttons(void)
{
    return apr_array_make(pool, 2, sizeof(aten_button_t));
}

static void add_button(apr_array_header_t *buttons, const char *href, const char *label, const char *note, int primary)
{
    aten_button_t button = {href, label, note, primary};

    APR_ARRAY_PUSH(buttons, aten_button_t) = button;
}

static aten_page_t page_with(const char *line)
{
    aten_page_t page = {0};

    page.lang = "fr";
    page.style_url = STYLE;
    page.title = "Un titre";
    page.lines = lines_of(line, NULL);
    page.buttons = no_buttons();
    return page;
}

static aten_chooser_t chooser_empty(void)
{
    aten_chooser_t chooser = {0};

    chooser.lang = "fr";
    chooser.style_url = STYLE;
    chooser.entries = apr_array_make(pool, 4, sizeof(aten_entry_t));
    return chooser;
}

static void add_entry(aten_chooser_t *chooser, const char *group, const char *label, const char *href,
                      apr_array_header_t *lines)
{
    aten_entry_t entry = {group, label, href, lines};

    APR_ARRAY_PUSH(chooser->entries, aten_entry_t) = entry;
}

/* --- looking at pages --- */

static void assert_has(const char *html, const char *part)
{
    if (!strstr(html, part)) fail_msg("'%s' is missing in:\n%s", part, html);
}

static void assert_lacks(const char *html, const char *part)
{
    if (strstr(html, part)) fail_msg("'%s' must not stand in:\n%s", part, html);
}

static int count_of(const char *html, const char *part)
{
    int count = 0;

    for (const char *s = strstr(html, part); s; s = strstr(s + 1, part)) count++;
    return count;
}

/* The parts stand in this order. */
static void assert_order(const char *html, const char *const parts[], int count)
{
    const char *from = html;

    for (int i = 0; i < count; i++) {
        const char *at = strstr(from, parts[i]);

        if (!at) fail_msg("'%s' is missing or too early in:\n%s", parts[i], html);
        from = at + 1;
    }
}

static int in_list(const char *const list[], int count, const char *word)
{
    for (int i = 0; i < count; i++) {
        if (!strcmp(list[i], word)) return 1;
    }
    return 0;
}

/* Checks name="value" pairs up to '>'. @return behind the '>' */
static const char *check_attributes(const char *s, const char *html)
{
    static const char *const allowed[] = {"lang", "charset", "name", "content", "rel", "href", "class", "id", "target",
                                          "aria-labelledby", "aria-describedby"};

    while (*s == ' ') {
        size_t len = strcspn(s + 1, "=");
        const char *name = apr_pstrmemdup(pool, s + 1, len);

        if (!in_list(allowed, COUNT(allowed), name)) fail_msg("attribute '%s' in:\n%s", name, html);
        s += 1 + len + 1;
        if (*s != '"') fail_msg("value of '%s' not in quotes in:\n%s", name, html);
        s++;
        s += strcspn(s, "\"<>");
        if (*s != '"') fail_msg("value of '%s' not escaped in:\n%s", name, html);
        s++;
    }
    if (*s != '>') fail_msg("a tag that does not end in:\n%s", html);
    return s + 1;
}

/* Every tag is one that the module writes, closed in its order; nothing from outside became one. */
static void check_structure(const char *html)
{
    static const char *const allowed[] = {"html", "head", "meta", "title", "link", "body", "header", "main", "footer",
                                          "aside", "section", "nav", "h1", "h2", "p", "ul", "li", "a", "span", "div"};
    static const char *const empty[] = {"meta", "link"};
    const char *open[DEPTH_MAX];
    int depth = 0;

    assert_int_equal(strncmp(html, "<!DOCTYPE html>\n<html lang=\"", 28), 0);
    for (const char *s = strchr(html + 2, '<'); s; s = strchr(s, '<')) {
        int closing = s[1] == '/';
        const char *name = s + 1 + closing;
        size_t len = strcspn(name, " >\n");

        name = apr_pstrmemdup(pool, name, len);
        s = check_attributes(s + 1 + closing + len, html);
        if (!in_list(allowed, COUNT(allowed), name)) fail_msg("element '%s' in:\n%s", name, html);
        if (closing) {
            if (!depth || strcmp(open[--depth], name)) fail_msg("'%s' closed out of turn in:\n%s", name, html);
        }
        else if (!in_list(empty, COUNT(empty), name)) {
            assert_true(depth < DEPTH_MAX);
            open[depth++] = name;
        }
    }
    assert_int_equal(depth, 0);
    assert_string_equal(html + strlen(html) - 8, "</html>\n");
}

/* An id stands once, and what refers to one finds it. */
static void check_ids(const char *html)
{
    static const char *const references[] = {" aria-labelledby=\"", " aria-describedby=\""};

    for (const char *s = strstr(html, " id=\""); s; s = strstr(s + 1, " id=\"")) {
        size_t len = strcspn(s + 5, "\"") + 6;

        if (count_of(html, apr_pstrmemdup(pool, s, len)) != 1) fail_msg("an id twice in:\n%s", html);
    }
    for (int i = 0; i < COUNT(references); i++) {
        for (const char *s = strstr(html, references[i]); s; s = strstr(s + 1, references[i])) {
            const char *id = s + strlen(references[i]);

            assert_has(html, apr_pstrcat(pool, " id=\"", apr_pstrmemdup(pool, id, strcspn(id, "\"")), "\"", NULL));
        }
    }
}

/* What every page is. */
static void check_page(const char *html)
{
    check_structure(html);
    check_ids(html);
    assert_int_equal(count_of(html, "<h1"), 1);
    assert_int_equal(count_of(html, "<main>"), 1);
    assert_int_equal(count_of(html, "<header>"), 1);
    assert_int_equal(count_of(html, "<title>"), 1);
    assert_int_equal(count_of(html, "<link rel=\"stylesheet\""), 1);
    assert_has(html, "<meta charset=\"utf-8\">");
    assert_has(html, "content=\"width=device-width, initial-scale=1\"");
    assert_lacks(html, "<ul>\n</ul>");
    assert_lacks(html, "entries\">\n</ul>");
    assert_lacks(html, "buttons\">\n</ul>");
}

static char *rendered(const aten_page_t *page)
{
    char *html = aten_page_render(page, pool);

    check_page(html);
    return html;
}

static char *chosen(const aten_chooser_t *chooser)
{
    char *html = aten_chooser_render(chooser, pool);

    check_page(html);
    return html;
}

/* --- a page that tells something --- */

static void test_message(void **state)
{
    aten_page_t page = page_with("Première ligne");
    char *html;

    APR_ARRAY_PUSH(page.lines, const char *) = "Deuxième ligne";
    page.help = no_buttons();
    page.reference = "0a1b2c";
    add_button(page.buttons, "/aten/login?to=%2F&profile=a", "Se connecter", NULL, 1);
    add_button(page.buttons, "/", "Accueil", "La page du début", 0);
    add_button(page.help, "mailto:college@example.org", "Contacter", NULL, 0);
    html = rendered(&page);
    {
        const char *const parts[] = {
            "<html lang=\"fr\">", "<title>Un titre – ENT</title>", "href=\"" STYLE "\"", "<body class=\"message\">",
            "<main>", "<h1 id=\"title\">Un titre</h1>", "<p class=\"line\">Première ligne</p>",
            "<p class=\"line\">Deuxième ligne</p>", "<ul class=\"buttons\">",
            "<a class=\"button primary\" href=\"/aten/login?to=%2F&amp;profile=a\">Se connecter</a>",
            "<a class=\"button\" href=\"/\">Accueil</a>\n<p class=\"note\">La page du début</p>", "</main>", "<aside",
            "Besoin d’aide", "href=\"mailto:college@example.org\">Contacter</a>", "</aside>", "<footer>",
            "de l’aide\xc2\xa0: 0a1b2c</p>", "</footer>"};

        assert_order(html, parts, COUNT(parts));
    }
}

static void test_message_bare(void **state)
{
    aten_page_t page = page_with("Une ligne");
    char *html;

    page.help = no_buttons();
    html = rendered(&page);
    assert_lacks(html, "<aside");
    assert_lacks(html, "<footer");
    assert_lacks(html, "buttons");
    page.lines = NULL;
    page.buttons = NULL;
    page.help = NULL;
    html = rendered(&page);
    assert_lacks(html, "class=\"line\"");
}

static void test_languages_of_pages(void **state)
{
    static const struct {
        const char *lang;
        const char *want;
        const char *help;
    } rows[] = {
        {"fr", "<html lang=\"fr\">", "Besoin d’aide"},
        {"en", "<html lang=\"en\">", "Need help?"},
        {"de", "<html lang=\"en\">", "Need help?"}, /* what the catalogue gives is what the page says it is */
        {NULL, "<html lang=\"en\">", "Need help?"},
        {"fr\"><script>", "<html lang=\"en\">", "Need help?"},
    };

    for (int i = 0; i < COUNT(rows); i++) {
        aten_page_t page = page_with("x");
        char *html;

        page.lang = rows[i].lang;
        page.help = no_buttons();
        add_button(page.help, "/aide", "Aide", NULL, 0);
        html = rendered(&page);
        assert_has(html, rows[i].want);
        assert_has(html, rows[i].help);
    }
}

static void test_top_window(void **state)
{
    aten_page_t page = page_with("x");
    char *html;

    add_button(page.buttons, "/ent", "Ouvrir", NULL, 1);
    assert_lacks(rendered(&page), "target=");
    page.top_target = "_top";
    page.help = no_buttons();
    add_button(page.help, "/aide", "Aide", NULL, 0);
    html = rendered(&page);
    assert_has(html, "<a class=\"button primary\" href=\"/ent\" target=\"_top\">Ouvrir</a>");
    assert_has(html, "<a class=\"link\" href=\"/aide\" target=\"_top\">Aide</a>");
}

/* --- nothing from outside becomes markup --- */

static void test_escaping_of_messages(void **state)
{
    aten_page_t page = page_with(HOSTILE);
    char *html;

    page.title = HOSTILE;
    page.style_url = "/" HOSTILE;
    page.reference = HOSTILE;
    page.top_target = HOSTILE;
    page.help = no_buttons();
    add_button(page.buttons, "/" HOSTILE, HOSTILE, HOSTILE, 1);
    add_button(page.help, "https://" HOSTILE, HOSTILE, HOSTILE, 0);
    html = rendered(&page);
    assert_lacks(html, "<script");
    assert_has(html, "&lt;script&gt;alert(");
    assert_has(html, "&amp;amp;&quot; onclick=&quot;z"); /* an entity is not taken for one, quotes don't end a value */
}

static void test_escaping_of_choosers(void **state)
{
    aten_chooser_t chooser = chooser_empty();

    chooser.style_url = "/" HOSTILE;
    chooser.notices = lines_of(HOSTILE, HOSTILE);
    chooser.connected_as = HOSTILE;
    chooser.connected_note = HOSTILE;
    chooser.continue_href = "/" HOSTILE;
    chooser.switch_href = "/" HOSTILE;
    chooser.help = no_buttons();
    add_button(chooser.help, "tel:" HOSTILE, HOSTILE, HOSTILE, 0);
    add_entry(&chooser, HOSTILE, HOSTILE, "/" HOSTILE, lines_of(HOSTILE, NULL));
    add_entry(&chooser, NULL, HOSTILE, HOSTILE, lines_of(HOSTILE, NULL));
    assert_lacks(chosen(&chooser), "<script");
}

/* UTF-8 stays as it is: "é" and not "&eacute;", and no format characters are looked for. */
static void test_text_as_it_is(void **state)
{
    aten_page_t page = page_with("Élèves, «\xc2\xa0ça\xc2\xa0» 100 %s %n 日本 🎒");

    assert_has(rendered(&page), ">Élèves, «\xc2\xa0ça\xc2\xa0» 100 %s %n 日本 🎒</p>");
}

static void test_hrefs(void **state)
{
    static const struct {
        const char *href;
        int safe;
        const char *why;
    } rows[] = {
        {"/", 1, "a path"},
        {"/ent?a=1&b=2", 1, "a path with a query"},
        {"https://portail.example/x", 1, "https"},
        {"HTTPS://portail.example/x", 1, "a scheme in capitals"},
        {"http://127.0.0.1:8080/", 1, "http"},
        {"mailto:college@example.org", 1, "an e-mail address"},
        {"tel:+33467000000", 1, "a telephone number"},
        {NULL, 0, "none"},
        {"", 0, "empty: the page itself"},
        {"javascript:alert(1)", 0, "a script"},
        {"JavaScript:alert(1)", 0, "a script in capitals"},
        {" javascript:alert(1)", 0, "browsers drop leading blanks"},
        {"\x01javascript:alert(1)", 0, "and control characters"},
        {"java\tscript:alert(1)", 0, "and tabs inside"},
        {"data:text/html,x", 0, "a document in the address"},
        {"vbscript:x", 0, "another script"},
        {"blob:https://x/", 0, "not a scheme that we know"},
        {"ftp://x/", 0, "not a scheme that we know"},
        {"https:portail", 0, "a scheme without a host: relative to browsers"},
        {"https:/portail", 0, "likewise"},
        {"http:portail", 0, "likewise"},
        {"//portail.example/", 0, "a host without a scheme"},
        {"/\\portail.example/", 0, "the same to browsers"},
        {"/\t/portail.example/", 0, "the same, for browsers drop the tab"},
        {"/\n/portail.example/", 0, "the same with a line feed"},
        {"/x\x7f", 0, "a control character anywhere"},
        {"ent", 0, "relative"},
        {"?a", 0, "relative"},
        {"#a", 0, "a fragment"},
        {"\\\\portail", 0, "a host to browsers"},
    };

    for (int i = 0; i < COUNT(rows); i++) {
        aten_page_t page = page_with("x");

        if (aten_href_is_safe(rows[i].href) != rows[i].safe) fail_msg("row %d (%s)", i, rows[i].why);
        add_button(page.buttons, rows[i].href, "Suite", NULL, 0);
        if (count_of(rendered(&page), "<a ") != rows[i].safe) fail_msg("row %d (%s): linked", i, rows[i].why);
        if (!rows[i].safe) assert_has(rendered(&page), "<span class=\"button\">Suite</span>");
    }
}

/* --- the chooser --- */

static void test_chooser_of_the_guide(void **state)
{
    static const char *const parts[] = {
        "<title>Indiquez votre profil – ENT</title>", "<body class=\"chooser\">", "<main>",
        "<h1 id=\"title\">Indiquez votre profil</h1>", "<nav aria-labelledby=\"title\">", "<ul class=\"entries\">",
        "<li class=\"group\">\n<h2>élèves ou parents</h2>\n<ul class=\"entries\">",
        "<li class=\"entry\"><a class=\"label\" href=\"/l?to=%2F&amp;profile=eleves-parents\">établissement</a>",
        "</ul>\n</li>", "<li class=\"entry\"><h2><a class=\"label\" href=\"/l?profile=autres\">Autres publics</a></h2>",
        "</nav>\n</main>"};
    aten_chooser_t chooser = chooser_empty();
    char *html;

    add_entry(&chooser, "élèves ou parents", "établissement", "/l?to=%2F&profile=eleves-parents", NULL);
    add_entry(&chooser, NULL, "Autres publics", "/l?profile=autres", NULL);
    html = chosen(&chooser);
    assert_order(html, parts, COUNT(parts));
    assert_lacks(html, "closed");
    assert_lacks(html, "class=\"note\"");
    assert_lacks(html, "notice");
    assert_lacks(html, "connected");
    assert_lacks(html, "<aside");
    assert_lacks(html, "<footer");
}

/* Entries of a group stand together, in the place of the first, in their order. */
static void test_groups(void **state)
{
    static const char *const parts[] = {"<h2>A</h2>", ">a1<", ">a2<", ">a3<", ">solo<", "<h2>B</h2>", ">b1<", ">b2<",
                                        ">last<"};
    aten_chooser_t chooser = chooser_empty();
    char *html;

    add_entry(&chooser, "A", "a1", "/1", NULL);
    add_entry(&chooser, NULL, "solo", "/2", NULL);
    add_entry(&chooser, "B", "b1", "/3", NULL);
    add_entry(&chooser, "A", "a2", "/4", NULL);
    add_entry(&chooser, NULL, "last", "/5", NULL);
    add_entry(&chooser, "B", "b2", "/6", NULL);
    add_entry(&chooser, "A", "a3", "/7", NULL);
    html = chosen(&chooser);
    assert_order(html, parts, COUNT(parts));
    assert_int_equal(count_of(html, "<li class=\"group\">"), 2);
    assert_int_equal(count_of(html, "<li class=\"entry\">"), 7);
    assert_int_equal(count_of(html, "<h2>"), 4); /* two groups, two entries without one */
}

static void test_closed_entries(void **state)
{
    aten_chooser_t chooser = chooser_empty();
    char *html;

    add_entry(&chooser, NULL, "Autres publics", NULL, lines_of("Fermé depuis le 1er mars 2017.", NULL));
    html = chosen(&chooser);
    assert_lacks(html, "<a ");
    assert_has(html, "<li class=\"entry closed\"><h2><span class=\"label\">Autres publics</span></h2>");
    assert_has(html, "<p class=\"line\">Fermé depuis le 1er mars 2017.</p>");
}

/* That it is closed is said in words whatever the caller gave: a look alone does not tell a screen reader. */
static void test_closed_without_reason(void **state)
{
    const char *const hrefs[] = {NULL, "javascript:alert(1)"};
    apr_array_header_t *const lines[] = {NULL, lines_of(NULL, NULL)};

    for (int i = 0; i < COUNT(hrefs) * COUNT(lines); i++) {
        aten_chooser_t chooser = chooser_empty();
        char *html;

        add_entry(&chooser, i == 3 ? "g" : NULL, "Autres", hrefs[i % 2], lines[i / 2]);
        html = chosen(&chooser);
        assert_lacks(html, "<a ");
        assert_has(html, "<li class=\"entry closed\">");
        assert_has(html, "<p class=\"line\">Fermé.");
    }
}

/* The line about who may still use an entry belongs to its link, for those who hear the page link by link. */
static void test_described_entries(void **state)
{
    aten_chooser_t chooser = chooser_empty();
    char *html;

    add_entry(&chooser, NULL, "Un", "/1", lines_of("Plus pour les élèves.", "Ni pour les parents."));
    add_entry(&chooser, "G", "Deux", "/2", lines_of("Bientôt fermé.", NULL));
    add_entry(&chooser, NULL, "Trois", "/3", NULL);
    html = chosen(&chooser);
    assert_has(html, "href=\"/1\" aria-describedby=\"note-1\">Un</a>");
    assert_has(html, "<div class=\"note\" id=\"note-1\">\n<p class=\"line\">Plus pour les élèves.</p>\n"
                     "<p class=\"line\">Ni pour les parents.</p>");
    assert_has(html, "href=\"/2\" aria-describedby=\"note-2\">Deux</a>");
    assert_has(html, "href=\"/3\">Trois</a>");
    assert_lacks(html, "closed");
}

static void test_notices_and_connected(void **state)
{
    static const char *const parts[] = {
        "<h1", "<section class=\"connected\" aria-labelledby=\"connected\">", "connectée\xc2\xa0: Camille Durand</h2>",
        "<p class=\"line\">Pour votre travail, rien ne change.</p>",
        "<a class=\"button primary\" href=\"/ent\">Continuer avec ce compte</a>",
        "<a class=\"button\" href=\"/l?switch=1\">Ce n’est pas vous", "</section>", "<section class=\"notice\"",
        "À savoir", "<p class=\"line\">Un</p>", "<p class=\"line\">Deux</p>", "</section>",
        "<nav", "</main>", "<aside"};
    aten_chooser_t chooser = chooser_empty();

    add_entry(&chooser, NULL, "Autres publics", "/l", NULL);
    chooser.notices = lines_of("Un", "Deux");
    chooser.connected_as = "Camille Durand";
    chooser.connected_note = "Pour votre travail, rien ne change.";
    chooser.continue_href = "/ent";
    chooser.switch_href = "/l?switch=1";
    chooser.help = no_buttons();
    add_button(chooser.help, "/aide", "Aide", NULL, 0);
    assert_order(chosen(&chooser), parts, COUNT(parts));
}

static void test_connected_without_ways(void **state)
{
    aten_chooser_t chooser = chooser_empty();
    char *html;

    add_entry(&chooser, NULL, "Autres publics", "/l", NULL);
    chooser.connected_as = "Camille";
    chooser.notices = lines_of(NULL, NULL);
    html = chosen(&chooser);
    assert_has(html, "Camille");
    assert_lacks(html, "buttons");
    assert_lacks(html, "notice");
    chooser.switch_href = "/l?switch=1";
    html = chosen(&chooser);
    assert_lacks(html, "Continuer");
    assert_has(html, "Ce n’est pas vous");
    /* Nobody is connected: what would belong to somebody does not show. */
    chooser.connected_as = NULL;
    chooser.connected_note = "Une note";
    html = chosen(&chooser);
    assert_lacks(html, "Ce n’est pas vous");
    assert_lacks(html, "Une note");
}

static void test_chooser_without_entries(void **state)
{
    aten_chooser_t chooser = chooser_empty();

    assert_has(chosen(&chooser), "Aucun choix n’est ouvert");
    chooser.entries = NULL;
    chooser.lang = "en";
    assert_has(chosen(&chooser), "No choice is open");
}

/* --- the policy --- */

static void test_csp(void **state)
{
    assert_string_equal(aten_page_csp(), "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
                                         "form-action 'none'; frame-ancestors 'none'");
    assert_string_equal(aten_page_csp_framed(), "default-src 'none'; style-src 'self'; img-src 'self'; "
                                                "base-uri 'none'; form-action 'none'; frame-ancestors *");
}

/* --- Accept-Language --- */

static void test_accept_language(void **state)
{
    static const struct {
        const char *header;
        const char *want;
        const char *why;
    } rows[] = {
        {NULL, "fr", "no header"},
        {"", "fr", "an empty one"},
        {" , ,", "fr", "empty list elements alone"},
        {"fr", "fr", "French"},
        {"en", "en", "English"},
        {"EN", "en", "tags know no case"},
        {"en-GB", "en", "English of a country"},
        {"en-Latn-GB", "en", "three subtags"},
        {"fr-FR,fr;q=0.9,en-US;q=0.8,en;q=0.7", "fr", "a French browser"},
        {"en-US,en;q=0.9,fr;q=0.8", "en", "an American browser"},
        {"de-DE,de;q=0.9,en;q=0.8", "en", "a German one that reads English"},
        {"de-DE,de;q=0.9,en;q=0.7,fr;q=0.8", "fr", "... and French better"},
        {"de, es", "fr", "neither"},
        {"*", "fr", "anything"},
        {"de, *;q=0.5", "fr", "anything else"},
        {"en, *;q=0.5", "en", "English before anything"},
        {"en;q=0.5, *", "fr", "anything before English is French"},
        {"fr;q=0, *", "en", "anything but French"},
        {"fr;q=0.2, *;q=0.3", "en", "the range of its own counts for French, '*' for English"},
        {"en;q=0, *", "fr", "anything but English"},
        {"en;q=0", "fr", "not English"},
        {"en;q=0.0", "fr", "not English"},
        {"en;q=0,fr;q=0", "fr", "nothing acceptable: French all the same"},
        {"fr,en", "fr", "the same weight"},
        {"en,fr", "fr", "the same weight: order tells nothing (RFC 9110, 12.5.4)"},
        {"en;q=0.3,en-GB;q=0.9,fr;q=0.5", "en", "the best range of a language counts"},
        {"en-GB;q=0.9,en;q=0.3,fr;q=0.5", "en", "... in any order"},
        {"fr;q=0.001,en;q=0.002", "en", "thousandths"},
        {"fr;q=0.999,en;q=1.000", "en", "thousandths"},
        {"fr;q=0.5,en;q=0.51", "en", "decimals, not digits"},
        {"fr;q=0.3,en;q=0.29", "fr", "decimals, not their sum"},
        {"fr;q=1.,en;q=0.", "fr", "no decimals behind the point are allowed"},
        {"de ; q=0.5 , en ; q=0.4", "en", "blanks where they may be"},
        {"\ten\t;\tQ=1\t", "en", "tabs and a capital Q"},
        {",,en,,", "en", "empty list elements"},
        {"eng", "fr", "not English by its tag"},
        {"enx-GB", "fr", "likewise"},
        {"fry, en;q=0.1", "en", "Frisian is not French"},
        {"x-en", "fr", "a private tag"},
        {"i-klingon, en", "en", "an old tag"},
        {"es-419, en", "en", "digits in a later subtag"},
        {"abcdefgh, en", "en", "eight letters"},
        /* what cannot be read */
        {"en;q=2", "fr", "a weight above 1"},
        {"en;q=1.001", "fr", "a weight above 1"},
        {"en;q=0.1234", "fr", "four decimals"},
        {"en;q=.5", "fr", "a point without a digit before it"},
        {"en;q=-1", "fr", "a sign"},
        {"en;q=", "fr", "no weight"},
        {"en;q", "fr", "no weight"},
        {"en;", "fr", "no weight"},
        {"en;x=1", "fr", "another parameter"},
        {"en;q=1;q=1", "fr", "two weights"},
        {"en q=1", "fr", "no semicolon"},
        {"en fr", "fr", "no comma"},
        {"en de", "fr", "no comma, and no French in it"},
        {"en-", "fr", "an empty subtag"},
        {"-en", "fr", "an empty subtag"},
        {"en--GB", "fr", "an empty subtag"},
        {"en_GB", "fr", "not a tag's character"},
        {"1en, en", "fr", "a digit in the first subtag"},
        {"en, 1", "fr", "one bad element spoils it"},
        {"en-abcdefghi", "fr", "nine letters in a subtag"},
        {"abcdefghi, en", "fr", "nine letters"},
        {"*-GB, en", "fr", "not a basic range"},
        {"en, \xff", "fr", "a byte outside ASCII"},
        {"en\r\nX: y", "fr", "a line end"},
        {"en, <script>", "fr", "markup"},
    };

    for (int i = 0; i < COUNT(rows); i++) {
        const char *got = aten_page_language(rows[i].header);

        if (strcmp(got, rows[i].want)) fail_msg("row %d '%s' (%s): %s", i, rows[i].header, rows[i].why, got);
    }
}

/* --- the style sheet --- */

/* The value of a custom property behind from, "#rrggbb". */
static const char *colour_of(const char *from, const char *name)
{
    const char *at = strstr(from, apr_pstrcat(pool, "--aten-", name, ": #", NULL));

    if (!at) fail_msg("no colour --aten-%s", name);
    return strchr(at, '#') + 1;
}

static double fifth_root(double x)
{
    double root = 1.0;

    for (int i = 0; i < 60; i++) root -= (root - x / (root * root * root * root)) / 5.0;
    return root;
}

/* WCAG 2.2, "relative luminance": ((c + 0.055) / 1.055) ^ 2.4 */
static double linear(const char *hex)
{
    double c = (double)strtol(apr_pstrmemdup(pool, hex, 2), NULL, 16) / 255.0;

    if (c <= 0.04045) return c / 12.92;
    c = (c + 0.055) / 1.055;
    return c * c * fifth_root(c * c);
}

static double luminance(const char *hex)
{
    return 0.2126 * linear(hex) + 0.7152 * linear(hex + 2) + 0.0722 * linear(hex + 4);
}

static double contrast(const char *one, const char *other)
{
    double a = luminance(one), b = luminance(other);

    return a > b ? (a + 0.05) / (b + 0.05) : (b + 0.05) / (a + 0.05);
}

static void test_contrast_formula(void **state)
{
    assert_true(contrast("000000", "ffffff") > 20.99 && contrast("000000", "ffffff") < 21.01);
    assert_true(contrast("777777", "ffffff") > 4.47 && contrast("777777", "ffffff") < 4.49);
}

/* WCAG 2.2: 1.4.3 for text (4.5), 1.4.11 for what must be seen without being text (3). */
static void test_contrasts(void **state)
{
    static const struct {
        const char *front;
        const char *ground;
        double least;
    } rows[] = {
        {"brand-text", "brand", 4.5},    {"text", "page", 4.5},          {"text", "card", 4.5},
        {"text", "notice", 4.5},         {"text", "hover", 4.5},         {"muted", "page", 4.5},
        {"muted", "card", 4.5},          {"muted", "closed", 4.5},       {"link", "page", 4.5},
        {"link", "card", 4.5},           {"link", "hover", 4.5},         {"button-text", "button", 4.5},
        {"button-text", "button-hover", 4.5},                            {"button", "card", 3.0},
        {"focus", "page", 3.0},          {"focus", "card", 3.0},         {"notice-line", "page", 3.0},
        {"notice-line", "notice", 3.0},
    };
    const char *light = aten_page_style();
    const char *dark = strstr(light, "prefers-color-scheme: dark");

    assert_non_null(dark);
    for (int i = 0; i < COUNT(rows); i++) {
        double by_day = contrast(colour_of(light, rows[i].front), colour_of(light, rows[i].ground));
        double by_night = contrast(colour_of(dark, rows[i].front), colour_of(dark, rows[i].ground));

        if (by_day < rows[i].least || by_night < rows[i].least) {
            fail_msg("%s on %s: %.2f, dark %.2f", rows[i].front, rows[i].ground, by_day, by_night);
        }
    }
}

/* An establishment overrides properties at the top; a colour anywhere else would stay. Black is for print. */
static void test_colours_stand_at_the_top(void **state)
{
    const char *style = aten_page_style();
    const char *rules = strstr(style, "*, *::before");

    assert_int_equal(strncmp(style, ":root {", 7), 0);
    assert_non_null(rules);
    for (const char *s = strchr(rules, '#'); s; s = strchr(s + 1, '#')) assert_int_equal(strncmp(s, "#000000", 7), 0);
    for (const char *s = strstr(rules, "var(--"); s; s = strstr(s + 1, "var(--")) {
        const char *name = apr_pstrmemdup(pool, s + 4, strcspn(s + 4, ")"));

        if (strstr(style, apr_pstrcat(pool, name, ": ", NULL)) > rules
            || !strstr(style, apr_pstrcat(pool, name, ": ", NULL))) {
            fail_msg("%s is not set at the top", name);
        }
    }
}

static void test_style_sheet(void **state)
{
    const char *style = aten_page_style();

    assert_int_equal(count_of(style, "{"), count_of(style, "}"));
    assert_lacks(style, "url(");    /* the policy lets nothing else be loaded */
    assert_lacks(style, "@import");
    assert_lacks(style, "outline: none");
    assert_lacks(style, "<");
    assert_has(style, ":focus-visible { outline: 3px");
    assert_has(style, "@media print");
    assert_has(style, "min-height: 2.75rem"); /* 44 px and more */
}

/* Every class that a page uses is one that the sheet knows, so that neither loses the other. */
static void test_classes_are_styled(void **state)
{
    static const char *const classes[] = {"notice", "connected", "panel", "entries", "group", "entry", "closed",
                                          "label", "note", "line", "buttons", "button", "primary", "help", "link"};

    for (int i = 0; i < COUNT(classes); i++) {
        assert_has(aten_page_style(), apr_pstrcat(pool, ".", classes[i], NULL));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_message),
        cmocka_unit_test(test_message_bare),
        cmocka_unit_test(test_languages_of_pages),
        cmocka_unit_test(test_top_window),
        cmocka_unit_test(test_escaping_of_messages),
        cmocka_unit_test(test_escaping_of_choosers),
        cmocka_unit_test(test_text_as_it_is),
        cmocka_unit_test(test_hrefs),
        cmocka_unit_test(test_chooser_of_the_guide),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_closed_entries),
        cmocka_unit_test(test_closed_without_reason),
        cmocka_unit_test(test_described_entries),
        cmocka_unit_test(test_notices_and_connected),
        cmocka_unit_test(test_connected_without_ways),
        cmocka_unit_test(test_chooser_without_entries),
        cmocka_unit_test(test_csp),
        cmocka_unit_test(test_accept_language),
        cmocka_unit_test(test_contrast_formula),
        cmocka_unit_test(test_contrasts),
        cmocka_unit_test(test_colours_stand_at_the_top),
        cmocka_unit_test(test_style_sheet),
        cmocka_unit_test(test_classes_are_styled),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
