/* A Cookie header: found, taken apart, stripped; the pending logins, the result and the session in it opened. The same
 * bytes as what stands inside a sealed session. */
#include <apr_general.h>

#include "aten_cookie.h"
#include "aten_pending.h"
#include "aten_result.h"
#include "aten_session.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    static const char keys_text[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";
    static const char nonce[] = "AAAAAAAAAAAAAAAAAAAAAA";
    apr_pool_t *p = fuzz_pool();
    aten_keyring_t *keys = NULL;
    aten_bind_t bind = {"session", "aten", "http", "localhost"};
    aten_pending_place_t place;
    aten_result_place_t result_place;
    apr_array_header_t *cookies = apr_array_make(p, 2, sizeof(const char *));
    const char *header = fuzz_text(data, size, p), *value = NULL;
    aten_pending_t *pending = NULL;
    aten_session_t *session = NULL;
    apr_size_t len = 0;
    aten_result_once_t once;
    int unsolicited = 0;

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
    fuzz_require(aten_pending_take(&place, nonce, header, 1, &pending, cookies, p) != ATEN_V_OK);
    result_place = (aten_result_place_t){keys, "aten", 0, "localhost", "/aten/saml/done"};
    fuzz_require(aten_result_take(&result_place, nonce, header, 1, &session, &unsolicited, &once, cookies, p)
                 != ATEN_V_OK);
    session = NULL;
    if (aten_session_unpack(&session, data, size, p) == ATEN_V_OK) {
        fuzz_require(aten_text_is_clean(session->identity.user, size));
        fuzz_require(!session->subject == (session->backend == ATEN_BACKEND_CAS));
    }
    apr_pool_clear(p);
    return 0;
}
