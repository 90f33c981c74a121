#include <string.h>
#include <strings.h>

#include <apr_encode.h>
#include <apr_strings.h>

#include "aten_flow_private.h"

/* Does this person want what the request asks for, or has another site sent them (DESIGN section 2)? Asked before a
 * session is ended. */

#define CONFIRM_BYTES 16

const char *aten_wish_token(const aten_turn_t *turn)
{
    const aten_person_t *person = turn->request->person;
    const char *parts[] = {"logout-confirm", NULL, NULL};
    unsigned char bytes[CONFIRM_BYTES];

    if (!person) return NULL;
    parts[1] = apr_pencode_base64_binary(turn->p, person->session->id, sizeof(person->session->id), APR_ENCODE_NONE,
                                         NULL);
    if (!aten_digest(bytes, sizeof(bytes), parts)) return NULL;
    return apr_pencode_base64_binary(turn->p, bytes, sizeof(bytes), APR_ENCODE_BASE64URL, NULL);
}

static int is_confirmed(const aten_turn_t *turn, const char *given)
{
    const char *wanted = aten_wish_token(turn);

    return wanted && given && strlen(given) == strlen(wanted) && aten_equal_secret(given, wanted, strlen(wanted));
}

/* A page of this site, as older browsers say it: they have no Sec-Fetch-Site. */
static int comes_from_here(const aten_turn_t *turn)
{
    const char *base = turn->site->base->url, *referer = turn->request->referer;
    const apr_size_t len = strlen(base);

    return referer && !strncasecmp(referer, base, len) && (!referer[len] || strchr("/?#", referer[len]));
}

/* A picture, a frame, a page that is fetched in case somebody should want it: a link in a forum would do. A script's
 * own request ("empty") is the script's wish, and scripts run for this site alone. */
static int is_asked_for_by_a_page(const aten_request_t *request)
{
    const char *dest = request->sec_fetch_dest;

    if (request->purpose) return 1;
    return dest && !aten_same(dest, "document") && !aten_same(dest, "empty");
}

int aten_is_own_wish(const aten_turn_t *turn, const char *confirm)
{
    const char *from = turn->request->sec_fetch_site;

    if (is_asked_for_by_a_page(turn->request)) return 0;
    if (is_confirmed(turn, confirm)) return 1;
    if (!from) return comes_from_here(turn);
    return aten_same(from, "same-origin") || aten_same(from, "same-site") || aten_same(from, "none");
}

char *aten_switch_url(const aten_turn_t *turn, const char *to, const char *profile)
{
    const char *params[] = {"to", to, "profile", profile, "switch", "1", "confirm", aten_wish_token(turn), NULL};

    return aten_own_url(turn, "/login", params);
}
