#include "aten_cas_read.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_uri.h>

#include "aten_url.h"
#include "aten_util.h"
#include "aten_xml.h"

#define CAS_NS "http://www.yale.edu/tp/cas"
#define CODE_MAX 40 /* characters of a failure's code that a log shows */
#define EXAMPLE "https://cas.example/cas"

static const struct {
    const char *word;
    aten_cas_protocol_t protocol;
    const char *path; /* of the validation, below the base URL */
} protocols[] = {
    {"3", ATEN_CAS_3, "/p3/serviceValidate"},
    {"2", ATEN_CAS_2, "/serviceValidate"},
    {"1", ATEN_CAS_1, "/validate"},
    {"saml1.1", ATEN_CAS_SAML11, "/samlValidate"},
};
#define PROTOCOLS (sizeof(protocols) / sizeof(protocols[0]))

const char *aten_cas_protocol_parse(aten_cas_protocol_t *out, const char *text, apr_pool_t *p)
{
    apr_size_t i;

    for (i = 0; i < PROTOCOLS; i++) {
        if (!aten_same(text, protocols[i].word)) continue;
        *out = protocols[i].protocol;
        return NULL;
    }
    return apr_psprintf(p, "'%s' is not a CAS protocol: write 3, 2, 1 or saml1.1", aten_log_text(p, text, 40));
}

/* --- addresses --- */

static const char *wrong_url(const char *text, const char *what, apr_pool_t *p)
{
    return apr_psprintf(p, "'%s' %s", aten_log_text(p, text, 200), what);
}

/* What RFC 3986 allows in a URL, and nothing that one reader of it repairs in another way than the next. */
static int is_url_text(const char *text)
{
    for (; *text; text++) {
        if (!apr_isalnum(*text) && !strchr("-._~:/?#[]@!$&'()*+,;=%", *text)) return 0;
    }
    return 1;
}

/* apr_uri_parse takes brackets off, whatever stands in them. */
static int is_host(const apr_uri_t *uri)
{
    const char *host = uri->hostname;
    struct in6_addr address;

    if (!host || (*uri->hostinfo == '[') != !!strchr(host, ':')) return 0;
    if (strchr(host, ':')) return inet_pton(AF_INET6, host, &address) == 1;
    return apr_isalnum(*host)
           && !host[strspn(host, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_")];
}

static const char *without_slash(const char *path, apr_pool_t *p)
{
    const apr_size_t len = path ? strlen(path) : 0;

    if (!len) return "";
    return path[len - 1] == '/' ? apr_pstrmemdup(p, path, len - 1) : path;
}

/* Empty and dot segments mean different things to a server, a proxy and a log. */
static int is_plain_path(const char *path, apr_pool_t *p)
{
    const char *closed = apr_pstrcat(p, path, "/", NULL);

    return !strstr(closed, "//") && !strstr(closed, "/./") && !strstr(closed, "/../");
}

static const char *check_url(const apr_uri_t *uri, apr_pool_t *p)
{
    apr_int64_t port;

    if (!uri->scheme || !is_host(uri)) return "is not an address: write " EXAMPLE;
    if (strcasecmp(uri->scheme, "https") && strcasecmp(uri->scheme, "http")) {
        return "is neither https nor http: write " EXAMPLE;
    }
    if (uri->user || uri->password) return "has a user name: write the address without, " EXAMPLE;
    if (uri->query || uri->fragment) return "has a query or a fragment: write the address without, " EXAMPLE;
    if (uri->port_str && !aten_parse_number(uri->port_str, 1, 65535, &port)) {
        return "has a port that does not exist: write 1 to 65535";
    }
    if (!is_plain_path(without_slash(uri->path, p), p)) {
        return "has an empty or a dot segment in its path: write " EXAMPLE;
    }
    if (!strcasecmp(uri->scheme, "http") && !aten_host_is_loopback(uri->hostname)) {
        return "is plain http, where anybody on the way can answer in the CAS server's place: write https (http only "
               "to this machine itself)";
    }
    return NULL;
}

static char *lower(char *text)
{
    char *at;

    for (at = text; *at; at++) *at = (char)apr_tolower(*at);
    return text;
}

const char *aten_cas_url_parse(const char **out, const char *text, apr_pool_t *p)
{
    const char *error, *port, *open, *close;
    apr_uri_t uri;
    int https;

    if (!text || !is_url_text(text)) {
        return wrong_url(text, "has a character that no address has: write " EXAMPLE, p);
    }
    if (apr_uri_parse(p, text, &uri) != APR_SUCCESS) return wrong_url(text, "is not an address: write " EXAMPLE, p);
    error = check_url(&uri, p);
    if (error) return wrong_url(text, error, p);
    https = !strcasecmp(uri.scheme, "https");
    open = strchr(uri.hostname, ':') ? "[" : "";
    close = *open ? "]" : "";
    port = !uri.port_str || uri.port == (https ? 443 : 80) ? "" : apr_psprintf(p, ":%d", (int)uri.port);
    *out = apr_pstrcat(p, https ? "https://" : "http://", open, lower(apr_pstrdup(p, uri.hostname)), close, port,
                       without_slash(uri.path, p), NULL);
    return NULL;
}

char *aten_cas_login_url(const aten_cas_server_t *server, const char *service, int renew, apr_pool_t *p)
{
    const char *params[] = {"service", service, "renew", renew ? "true" : NULL, NULL};

    return aten_url_with(p, server->url, "/login", params);
}

char *aten_cas_logout_url(const aten_cas_server_t *server, const char *service, apr_pool_t *p)
{
    const char *params[] = {"service", service, NULL};

    return aten_url_with(p, server->url, "/logout", params);
}

/* --- reading --- */

aten_verdict_t aten_cas_no(aten_cas_reading_t *reading, aten_verdict_t verdict, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    reading->why = apr_pvsprintf(reading->p, format, ap);
    va_end(ap);
    return verdict;
}

const char *aten_cas_shown(const aten_cas_reading_t *reading, const char *name)
{
    return aten_log_text(reading->p, name, 60);
}

aten_verdict_t aten_cas_take_user(aten_cas_reading_t *reading, const char *text)
{
    const char *user = aten_trim(reading->p, text);

    if (!user) return aten_cas_no(reading, ATEN_V_CAS_USER, "there is no user name, or it has elements inside");
    if (!*user) return aten_cas_no(reading, ATEN_V_CAS_USER, "the user name is empty");
    if (strlen(user) > ATEN_USER_MAX) {
        return aten_cas_no(reading, ATEN_V_CAS_USER, "the user name is longer than %d bytes", ATEN_USER_MAX);
    }
    if (!aten_text_is_clean(user, ATEN_USER_MAX)) {
        return aten_cas_no(reading, ATEN_V_CAS_USER, "the user name has control characters, or is not UTF-8");
    }
    reading->answer->user = user;
    return ATEN_V_OK;
}

/* Addresses of several lines occur in life, and would be refused as control characters. */
static char *fold(char *text)
{
    const char *from = text;
    char *to = text;

    while (*from) {
        const apr_size_t run = strspn(from, "\t\r\n");

        *to++ = run ? ' ' : *from;
        from += run ? run : 1;
    }
    *to = '\0';
    return text;
}

aten_verdict_t aten_cas_take_value(aten_cas_reading_t *reading, const char *name, const char *text)
{
    const char *value = fold(aten_trim(reading->p, text));
    apr_array_header_t *attributes = reading->answer->attributes;

    if (!name || !aten_text_is_clean(name, ATEN_CAS_NAME_MAX)) {
        return aten_cas_no(reading, ATEN_V_CAS_ATTRIBUTE, "an attribute's name is empty, longer than %d bytes, or has "
                           "control characters: '%s'", ATEN_CAS_NAME_MAX, aten_cas_shown(reading, name));
    }
    if (!*value) return ATEN_V_OK;
    if (!aten_text_is_clean(value, ATEN_XML_BYTES_MAX)) {
        return aten_cas_no(reading, ATEN_V_CAS_ATTRIBUTE, "a value of the attribute '%s' has control characters",
                           aten_cas_shown(reading, name));
    }
    if (reading->values++ >= ATEN_CAS_VALUES_MAX) {
        return aten_cas_no(reading, ATEN_V_CAS_ATTRIBUTE, "there are more than %d values", ATEN_CAS_VALUES_MAX);
    }
    if (attributes->nelts >= ATEN_CAS_ATTRIBUTES_MAX && !aten_attribute_values(attributes, name)) {
        return aten_cas_no(reading, ATEN_V_CAS_ATTRIBUTE, "there are more than %d attributes",
                           ATEN_CAS_ATTRIBUTES_MAX);
    }
    aten_attribute_add(attributes, apr_pstrdup(reading->p, name), value, reading->p);
    return ATEN_V_OK;
}

/* cas:attributes. An element with elements inside, or one of another namespace, is no attribute that this module can
 * hand on: it is left out. That never lets anybody in: it can take a population away from a person, never give one. */
static aten_verdict_t read_attributes(aten_cas_reading_t *reading, const xmlNode *attributes)
{
    const xmlNode *node;

    for (node = aten_xml_first(attributes); node; node = aten_xml_next(node)) {
        const char *text = aten_xml_text(node, reading->p);
        aten_verdict_t verdict;

        if (!text || !aten_xml_is(node, CAS_NS, (const char *)node->name)) continue;
        verdict = aten_cas_take_value(reading, (const char *)node->name, text);
        if (verdict != ATEN_V_OK) return verdict;
    }
    return ATEN_V_OK;
}

/* Section 2.5.2. What else a server sends in here (cas:proxyGrantingTicket, the cas:attribute elements that some send
 * beside cas:attributes) is passed over, save cas:proxies. */
static aten_verdict_t read_success(aten_cas_reading_t *reading, const xmlNode *success)
{
    int users, lists;
    const xmlNode *user = aten_xml_child(success, CAS_NS, "user", &users);
    const xmlNode *attributes = aten_xml_child(success, CAS_NS, "attributes", &lists);
    aten_verdict_t verdict;

    if (users != 1) return aten_cas_no(reading, ATEN_V_CAS_USER, "there are %d cas:user, not one", users);
    if (lists > 1) return aten_cas_no(reading, ATEN_V_CAS_UNEXPECTED, "there are %d cas:attributes", lists);
    /* Section 2.6.2: only a proxy ticket's answer has it, and the person did not come here themselves. */
    if (aten_xml_child(success, CAS_NS, "proxies", NULL)) {
        return aten_cas_no(reading, ATEN_V_CAS_UNEXPECTED, "it is for a proxy ticket (cas:proxies), which is not "
                           "supported");
    }
    verdict = aten_cas_take_user(reading, aten_xml_text(user, reading->p));
    return verdict == ATEN_V_OK && attributes ? read_attributes(reading, attributes) : verdict;
}

/* Section 2.5.3. The message is never shown: servers put the ticket into it. */
static aten_verdict_t read_failure(aten_cas_reading_t *reading, const xmlNode *failure)
{
    const char *code = aten_xml_attribute(failure, "code", reading->p);
    const apr_size_t len = code ? strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") : 0;

    if (aten_same(code, "INVALID_TICKET")) return aten_cas_no(reading, ATEN_V_CAS_TICKET_REFUSED, "%s", code);
    if (aten_same(code, "INVALID_SERVICE") || aten_same(code, "UNAUTHORIZED_SERVICE")) {
        return aten_cas_no(reading, ATEN_V_CAS_REFUSED, "%s: the CAS server's registry has to have the service "
                           "%.*s(\\?.*)?", code, (int)strcspn(reading->service, "?"), reading->service);
    }
    return aten_cas_no(reading, ATEN_V_CAS_REFUSED, "%s",
                       len && len <= CODE_MAX && !code[len] ? code : "a code that the protocol does not have");
}

/* The exact path: an element of that name somewhere else, a success that a failure quotes, decides nothing. */
static aten_verdict_t read_service_response(aten_cas_reading_t *reading, const xmlNode *root)
{
    const xmlNode *child = aten_xml_first(root);

    if (!aten_xml_is(root, CAS_NS, "serviceResponse")) {
        return aten_cas_no(reading, ATEN_V_CAS_UNEXPECTED, "its root is '%s' of the namespace '%s', not "
                           "serviceResponse of " CAS_NS, aten_cas_shown(reading, (const char *)root->name),
                           aten_cas_shown(reading, root->ns ? (const char *)root->ns->href : ""));
    }
    if (!child || aten_xml_next(child)) {
        return aten_cas_no(reading, ATEN_V_CAS_UNEXPECTED, "cas:serviceResponse has %s", child ? "several children"
                                                                                              : "no child");
    }
    if (aten_xml_is(child, CAS_NS, "authenticationSuccess")) return read_success(reading, child);
    if (aten_xml_is(child, CAS_NS, "authenticationFailure")) return read_failure(reading, child);
    return aten_cas_no(reading, ATEN_V_CAS_UNEXPECTED, "cas:serviceResponse has a '%s'",
                       aten_cas_shown(reading, (const char *)child->name));
}

/* The text behind a first line that is word and nothing else, or NULL. */
static const char *behind_line(const char *text, const char *word)
{
    const apr_size_t len = strlen(word);

    if (strncmp(text, word, len)) return NULL;
    text += len;
    if (*text == '\r') text++;
    return *text == '\n' ? text + 1 : NULL;
}

/* Section 2.4.2: two lines. The second has to be whole, for a body that was cut off would name somebody else. */
static aten_verdict_t read_lines(aten_cas_reading_t *reading, const char *body, apr_size_t len)
{
    const char *text = apr_pstrmemdup(reading->p, body, len);
    const char *user = behind_line(text, "yes");
    const char *end = user ? strchr(user, '\n') : NULL;

    if (!strncmp(text, "no", 2) && strspn(text + 2, "\r\n") == len - 2 && len <= 6) {
        return aten_cas_no(reading, ATEN_V_CAS_TICKET_REFUSED, "no");
    }
    if (!end || end + 1 != text + len) {
        return aten_cas_no(reading, ATEN_V_CAS_UNEXPECTED, "it is %" APR_SIZE_T_FMT " bytes that are neither 'no' nor "
                           "'yes' with one line behind it", len);
    }
    return aten_cas_take_user(reading, apr_pstrmemdup(reading->p, user, (apr_size_t)(end - user)));
}

static aten_verdict_t not_xml(aten_cas_reading_t *reading, aten_verdict_t verdict, const char *body, apr_size_t len)
{
    const char *start = apr_pstrmemdup(reading->p, body, len < 64 ? len : 64);

    start += strspn(start, " \t\r\n");
    if (!strncasecmp(start, "<html", 5) || !strncasecmp(start, "<!doctype html", 14)) {
        return aten_cas_no(reading, verdict, "it is an HTML page: is AtenCASServer the server's base URL?");
    }
    return aten_cas_no(reading, verdict, "it has %" APR_SIZE_T_FMT " bytes", len);
}

static aten_verdict_t read_xml(aten_cas_protocol_t protocol, aten_cas_reading_t *reading, const char *body,
                               apr_size_t len)
{
    apr_pool_t *scratch;
    aten_verdict_t verdict;
    xmlNode *root;
    xmlDocPtr doc;

    if (apr_pool_create(&scratch, reading->p) != APR_SUCCESS) {
        return aten_cas_no(reading, ATEN_V_INTERNAL, "no memory");
    }
    verdict = aten_xml_parse(&doc, body, len, scratch);
    if (verdict != ATEN_V_OK) {
        verdict = not_xml(reading, verdict, body, len);
        goto leave;
    }
    root = xmlDocGetRootElement(doc);
    verdict = protocol == ATEN_CAS_SAML11 ? aten_cas_saml1_read(reading, root) : read_service_response(reading, root);
leave:
    apr_pool_destroy(scratch);
    return verdict;
}

static aten_verdict_t read_answer(aten_cas_protocol_t protocol, aten_cas_reading_t *reading, const char *body,
                                  apr_size_t len)
{
    reading->answer = apr_pcalloc(reading->p, sizeof(*reading->answer));
    reading->answer->attributes = apr_array_make(reading->p, 8, sizeof(aten_attribute_t));
    if (!len) return aten_cas_no(reading, ATEN_V_CAS_UNEXPECTED, "it is empty");
    switch (protocol) {
    case ATEN_CAS_1:
        return read_lines(reading, body, len);
    case ATEN_CAS_2:
    case ATEN_CAS_3:
    case ATEN_CAS_SAML11:
        return read_xml(protocol, reading, body, len);
    case ATEN_CAS_UNSET:
        break;
    }
    return aten_cas_no(reading, ATEN_V_INTERNAL, "no CAS protocol is set");
}

aten_verdict_t aten_cas_read(aten_cas_protocol_t protocol, const char *service, const char *body, apr_size_t len,
                             apr_time_t now, aten_cas_answer_t **out, const char **why, apr_pool_t *p)
{
    aten_cas_reading_t reading = {.service = service, .now = now, .p = p};
    const aten_verdict_t verdict = read_answer(protocol, &reading, body, len);

    *out = verdict == ATEN_V_OK ? reading.answer : NULL;
    *why = reading.why;
    return verdict;
}

/* --- the call --- */

aten_verdict_t aten_cas_ticket_check(const char *ticket)
{
    apr_size_t len;

    if (!ticket) return ATEN_V_TICKET_MALFORMED;
    len = strspn(ticket, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
    return len && len <= ATEN_TICKET_MAX && !ticket[len] ? ATEN_V_OK : ATEN_V_TICKET_MALFORMED;
}

static const char *validate_path(aten_cas_protocol_t protocol)
{
    apr_size_t i;

    for (i = 0; i < PROTOCOLS; i++) {
        if (protocols[i].protocol == protocol) return protocols[i].path;
    }
    return NULL;
}

/* Protocol specification sections 2.4.1 (validate) and 2.5.1 (serviceValidate). samlValidate calls the service TARGET,
 * and has the ticket in the body. */
static char *validate_url(const aten_cas_server_t *server, const char *service, const char *ticket, int renew,
                          apr_pool_t *p)
{
    const int saml = server->protocol == ATEN_CAS_SAML11;
    const char *params[] = {saml ? "TARGET" : "service", service, "ticket", saml ? NULL : ticket,
                            "renew", renew ? "true" : NULL, NULL};

    if (server->validate_url) return aten_url_with(p, server->validate_url, "", params);
    return aten_url_with(p, server->url, validate_path(server->protocol), params);
}

static aten_verdict_t wrong_status(const aten_cas_server_t *server, int status, const char **why, apr_pool_t *p)
{
    const char *hint = "";

    if (status == 404 && server->validate_url) hint = ": is AtenCASValidateURL right?";
    else if (status == 404 && server->protocol == ATEN_CAS_3) {
        hint = ": the server may not know protocol 3, then 'AtenCASProtocol 2' is right; or AtenCASServer is not its "
               "base URL";
    }
    else if (status == 404) hint = ": is AtenCASServer the server's base URL, and AtenCASProtocol one that it knows?";
    else if (status >= 300 && status < 400) {
        hint = ": redirects are not followed, AtenCASServer has to be the address that it leads to";
    }
    *why = apr_psprintf(p, "%s answered %d%s", server->validate_url ? server->validate_url : server->url, status,
                        hint);
    return ATEN_V_CAS_HTTP_STATUS;
}

aten_verdict_t aten_cas_validate(const aten_cas_server_t *server, const char *service, const char *ticket, int renew,
                                 const char *request_id, apr_time_t now, aten_http_fn *http, void *baton,
                                 aten_cas_answer_t **out, const char **why, apr_pool_t *p)
{
    aten_cas_reading_t reading = {.service = service, .request_id = request_id, .now = now, .p = p};
    aten_http_request_t request = {.timeout = server->timeout, .connect_timeout = server->connect_timeout,
                                   .trust = server->trust};
    aten_http_answer_t reply = {0};
    aten_verdict_t verdict;

    *out = NULL;
    *why = "the ticket is not one";
    if (aten_cas_ticket_check(ticket) != ATEN_V_OK) return ATEN_V_TICKET_MALFORMED;
    *why = "no CAS protocol is set";
    if (!validate_path(server->protocol)) return ATEN_V_INTERNAL;
    request.url = validate_url(server, service, ticket, renew, p);
    if (server->protocol == ATEN_CAS_SAML11) aten_cas_saml1_request(&request, ticket, request_id, now, p);
    *why = NULL;
    verdict = http(baton, &request, &reply, why, p);
    if (verdict != ATEN_V_OK) return verdict;
    if (reply.status != 200) return wrong_status(server, reply.status, why, p);
    verdict = read_answer(server->protocol, &reading, reply.body, reply.len);
    *why = reading.why;
    if (verdict == ATEN_V_OK) *out = reading.answer;
    return verdict;
}
