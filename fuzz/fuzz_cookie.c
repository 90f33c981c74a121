/* A Cookie header: found, taken apart, stripped; the pending logins and the session in it opened. */
#include <apr_general.h>

#include "aten_cookie.h"
#include "aten_pending.h"
#include "aten_session.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    static const char keys_text[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";
    apr_pool_t *p = fuzz_pool();
    aten_keyring_t *keys = NULL;
    aten_bind_t bind = {"session", "aten", "http", "localhost"};
    aten_pending_place_t place;
    apr_array_header_t *cookies = apr_array_make(p, 2, sizeof(const char *));
    const char *header = fuzz_text(data, size, p), *value = NULL;
    aten_pending_t *pending = NULL;
    aten_session_t *session = NULL;
    apr_size_t len = 0;

    fuzz_require(!aten_keyring_parse(&keys, keys_text, sizeof(keys_text) - 1, p));
    if (aten_cookie_find(header, "aten", 0, &value, &len)) {
        aten_session_open(&session, value, len, keys, &bind, p);
        aten_cookie_find(header, "aten", 1, &value, &len);
    }
    aten_cookie_strip(header, "aten", p);
    place.keys = keys;
    place.base = "aten";
    place.https = 0;
    place.host = "localhost";
    fuzz_require(aten_pending_take(&place, "AAAAAAAAAAAAAAAAAAAAAA", header, 1, &pending, cookies, p) != ATEN_V_OK);
    apr_pool_clear(p);
    return 0;
}
