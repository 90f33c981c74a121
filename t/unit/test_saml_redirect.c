/* aten_saml_redirect.h: what addresses may look like and what not, what the signature covers, and by whom it is. */
#include "unit.h"

#include <apr_base64.h>
#include <openssl/ecdsa.h>
#include <zlib.h>

#include "aten_saml_redirect.h"
#include "aten_util.h"
#include "aten_xml.h"
#include "unit_key.h"

#define MESSAGE "<samlp:LogoutRequest ID=\"_a\">Zname</samlp:LogoutRequest>"
#define SLO "https://portail.example/slo"
#define MORE "http://www.w3.org/2001/04/xmldsig-more#"
#define DEFLATE "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE"

static const struct { const char *name, *kind; } kinds[] = {
    {"rsa", "rsa2048"}, {"rsa2", "rsa3072"}, {"weak", "rsa1024"}, {"p256", "P-256"}, {"p384", "P-384"},
    {"p521", "P-521"}, {"p256b", "P-256"}, {"k1", "secp256k1"}, {"ed", "ed25519"},
};
static EVP_PKEY *keys[COUNT(kinds)];

static int setup_keys(void **state)
{
    int i;

    if (setup(state)) return -1;
    for (i = 0; i < COUNT(kinds); i++) keys[i] = make_key(kinds[i].kind);
    return 0;
}

static EVP_PKEY *key(const char *name)
{
    int i;

    for (i = 0; i < COUNT(kinds); i++) {
        if (!strcmp(kinds[i].name, name)) return keys[i];
    }
    fail_msg("no key '%s'", name);
    return NULL;
}

static const aten_saml_key_t *saml_key(const char *name)
{
    aten_saml_key_t *made = apr_pcalloc(pool, sizeof(*made));

    if (strcmp(name, "none")) made->pkey = key(name);
    return made;
}

/* Names with '|' between them. */
static apr_array_header_t *key_list(const char *names)
{
    apr_array_header_t *list = apr_array_make(pool, 2, sizeof(const aten_saml_key_t *));
    char *words[WORDS_MAX];
    int i, n = split(names, words);

    for (i = 0; i < n; i++) APR_ARRAY_PUSH(list, const aten_saml_key_t *) = saml_key(words[i]);
    return list;
}

/* --- an address, made here --- */

static const char *escaped(const char *text, const char *hex)
{
    char *out = apr_palloc(pool, 3 * strlen(text) + 1), *end = out;

    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;

        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || strchr("-_.~", c)) {
            *end++ = (char)c;
            continue;
        }
        *end++ = '%';
        *end++ = hex[c >> 4];
        *end++ = hex[c & 15];
    }
    *end = '\0';
    return out;
}

#define UPPER "0123456789ABCDEF"
#define LOWER "0123456789abcdef"

static const char *base64(const unsigned char *bytes, apr_size_t len)
{
    char *out = apr_palloc(pool, (apr_size_t)apr_base64_encode_len((int)len) + 1);

    apr_base64_encode_binary(out, bytes, (int)len);
    return out;
}

/* @param bits -15: DEFLATE alone, 15: in zlib's frame, 31: in gzip's */
static const unsigned char *squeezed(const char *text, apr_size_t text_len, int bits, apr_size_t *len)
{
    unsigned char *out = apr_palloc(pool, text_len + 1000);
    z_stream stream = {0};

    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = (unsigned char *)(uintptr_t)text;
    stream.avail_in = (uInt)text_len;
    stream.next_out = out;
    stream.avail_out = (uInt)(text_len + 1000);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    *len = stream.total_out;
    deflateEnd(&stream);
    return out;
}

static const char *packed_bytes(const char *text, apr_size_t text_len)
{
    apr_size_t len;
    const unsigned char *bytes = squeezed(text, text_len, -15, &len);

    return escaped(base64(bytes, len), UPPER);
}

static const char *packed(const char *text)
{
    return packed_bytes(text, strlen(text));
}

/* --- reading --- */

typedef struct {
    const char *query; /* '@' stands for the message's value */
    aten_verdict_t verdict;
    const char *said, *reason;
} row_t;

static const char *filled(const char *query, const char *value)
{
    const char *out = "", *at;

    if (!query) return NULL;
    while ((at = strchr(query, '@')) != NULL) {
        out = apr_pstrcat(pool, out, apr_pstrmemdup(pool, query, (apr_size_t)(at - query)), value, NULL);
        query = at + 1;
    }
    return apr_pstrcat(pool, out, query, NULL);
}

static void check_row(const row_t *row, const char *value)
{
    aten_saml_redirect_t out;
    const char *why;
    const aten_verdict_t got = aten_saml_redirect_read(&out, filled(row->query, value), &why, pool);

    if (got != row->verdict) {
        fail_msg("%s: %s, not %s: %s", row->reason, aten_verdict_tag(got), aten_verdict_tag(row->verdict),
                 why ? why : "-");
    }
    if (got == ATEN_V_OK) {
        if (why || strcmp(out.message, MESSAGE) || out.len != strlen(MESSAGE)) fail_msg("%s: not read", row->reason);
        return;
    }
    if (!why || (row->said && !strstr(why, row->said))) fail_msg("%s: %s", row->reason, why ? why : "-");
    if (strstr(why, "Zname") || strstr(why, "Zstate")) fail_msg("%s: says too much: %s", row->reason, why);
    if (out.message || out.relay_state || out.signed_query) fail_msg("%s: something is left", row->reason);
}

static void parameters(void **state)
{
    static const row_t rows[] = {
        {"SAMLRequest=@", ATEN_V_OK, NULL, "the message alone"},
        {"SAMLResponse=@", ATEN_V_OK, NULL, "a response"},
        {"SAMLRequest=@&SAMLEncoding=" DEFLATE, ATEN_V_OK, NULL, "DEFLATE by name"},
        {"SAMLRequest=@&SAMLEncoding=urn%3Aoasis%3Anames%3Atc%3ASAML%3A2.0%3Abindings%3AURL-Encoding%3ADEFLATE",
         ATEN_V_OK, NULL, "the same, encoded"},
        {"a=1&&SAMLRequest=@&a=2&&b", ATEN_V_OK, NULL, "parameters that nobody knows, empty ones too"},
        {"samlrequest=x&SAMLRequest=@", ATEN_V_OK, NULL, "names have their case"},
        {"SAMLRequest%20=x&SAMLRequest=@", ATEN_V_OK, NULL, "a name with a blank is another one"},
        {"%=x&SAMLRequest=@", ATEN_V_OK, NULL, "another's name that cannot be decoded"},
        {NULL, ATEN_V_PARAM_MALFORMED, "neither", "no query"},
        {"", ATEN_V_PARAM_MALFORMED, "neither", "an empty one"},
        {"RelayState=x&SigAlg=y&Signature=eA%3D%3D", ATEN_V_PARAM_MALFORMED, "neither", "no message"},
        {"SAMLRequest=@&SAMLResponse=@", ATEN_V_PARAM_MALFORMED, "both", "a request and a response"},
        {"SAMLResponse=&SAMLRequest=@", ATEN_V_PARAM_MALFORMED, "both", "the other one empty"},
        {"SAMLRequest=@&SAMLRequest=@", ATEN_V_PARAM_REPEATED, "SAMLRequest", "twice"},
        {"SAMLRequest&SAMLRequest=@", ATEN_V_PARAM_REPEATED, "SAMLRequest", "twice, once without a value"},
        {"SAMLRequest=@&SAML%52equest=@", ATEN_V_PARAM_REPEATED, "SAMLRequest", "twice, in two spellings"},
        {"SAML%52equest=@&SAMLRequest=@", ATEN_V_PARAM_REPEATED, "SAMLRequest", "the other way round"},
        {"SAML%52equest=@", ATEN_V_PARAM_MALFORMED, "percent-encoded", "the other spelling alone"},
        {"%53%41%4d%4c%52%65%71%75%65%73%74=@", ATEN_V_PARAM_MALFORMED, "percent-encoded", "all of it"},
        {"SAMLRequest=@&Relay%53tate=x", ATEN_V_PARAM_MALFORMED, "RelayState", "that of another parameter"},
        {"SAMLRequest=@&RelayState=x&RelayState=y", ATEN_V_PARAM_REPEATED, "RelayState", "RelayState twice"},
        {"SAMLRequest=@&SigAlg=x&SigAlg=y&Signature=eA%3D%3D", ATEN_V_PARAM_REPEATED, "SigAlg", "SigAlg twice"},
        {"SAMLRequest=@&SigAlg=x&Signature=eA%3D%3D&Signature=eA%3D%3D", ATEN_V_PARAM_REPEATED, "Signature",
         "Signature twice"},
        {"SAMLRequest=@&SAMLEncoding=" DEFLATE "&SAMLEncoding=" DEFLATE, ATEN_V_PARAM_REPEATED, "SAMLEncoding",
         "SAMLEncoding twice"},
        {"SAMLRequest=@&SAMLEncoding=", ATEN_V_SAML_ENCODING, "SAMLEncoding", "an empty encoding"},
        {"SAMLRequest=@&SAMLEncoding=" DEFLATE "x", ATEN_V_SAML_ENCODING, "DEFLATEx", "an encoding of nobody"},
        {"SAMLRequest=@%zz", ATEN_V_PARAM_MALFORMED, "SAMLRequest", "a broken escape"},
        {"SAMLRequest=@%00", ATEN_V_PARAM_MALFORMED, "SAMLRequest", "a NUL"},
        {"SAMLRequest=@&RelayState=%ff", ATEN_V_PARAM_MALFORMED, "RelayState", "no UTF-8"},
        {"SAMLRequest=@&RelayState=Zstate%0a", ATEN_V_PARAM_MALFORMED, "RelayState", "a line feed in RelayState"},
        {"SAMLRequest=@;RelayState=x", ATEN_V_SAML_ENCODING, "not base64", "a semicolon separates nothing"},
        {"SAMLRequest=", ATEN_V_SAML_ENCODING, "not base64", "an empty message"},
        {"SAMLRequest", ATEN_V_SAML_ENCODING, "not base64", "one without a value"},
        {"SAMLRequest=!!!!", ATEN_V_SAML_ENCODING, "not base64", "no base64"},
        {"SAMLRequest=@A", ATEN_V_SAML_ENCODING, "not base64", "a digit too many"},
        {"SAMLRequest=+@", ATEN_V_SAML_ENCODING, "not base64", "a '+' that nobody encoded is a blank"},
        {"SAMLRequest=@&SigAlg=x", ATEN_V_PARAM_MALFORMED, "without a Signature", "an algorithm alone"},
        {"SAMLRequest=@&Signature=eA%3D%3D", ATEN_V_PARAM_MALFORMED, "without a SigAlg", "a signature alone"},
        {"SAMLRequest=@&SigAlg=x&Signature=", ATEN_V_PARAM_MALFORMED, "not base64", "an empty signature"},
        {"SAMLRequest=@&SigAlg=x&Signature=%21", ATEN_V_PARAM_MALFORMED, "not base64", "a signature of nothing"},
        {"SAMLRequest=@&SigAlg=x&Signature=eA", ATEN_V_PARAM_MALFORMED, "not base64", "one that is cut"},
    };
    const char *value = packed(MESSAGE);
    int i;

    for (i = 0; i < COUNT(rows); i++) check_row(&rows[i], value);
}

static const char *of_bytes(const unsigned char *bytes, apr_size_t len)
{
    return escaped(base64(bytes, len), UPPER);
}

static void compression(void **state)
{
    static const row_t refused = {"SAMLRequest=@", ATEN_V_SAML_ENCODING, "DEFLATE", NULL};
    row_t row = refused;
    apr_size_t len, i;
    const unsigned char *bytes = squeezed(MESSAGE, strlen(MESSAGE), 15, &len);

    row.reason = "in zlib's frame";
    check_row(&row, of_bytes(bytes, len));
    row.reason = "in gzip's frame";
    bytes = squeezed(MESSAGE, strlen(MESSAGE), 31, &len);
    check_row(&row, of_bytes(bytes, len));
    row.reason = "not compressed";
    check_row(&row, of_bytes((const unsigned char *)MESSAGE, strlen(MESSAGE)));
    bytes = squeezed(MESSAGE, strlen(MESSAGE), -15, &len);
    for (i = 1; i < len; i++) {
        row.reason = apr_psprintf(pool, "cut off after %d bytes", (int)i);
        check_row(&row, of_bytes(bytes, i));
    }
}

static void behind_the_end(void **state)
{
    static const row_t row = {"SAMLRequest=@", ATEN_V_SAML_ENCODING, "behind", "bytes behind the end"};
    apr_size_t len;
    const unsigned char *bytes = squeezed(MESSAGE, strlen(MESSAGE), -15, &len);
    unsigned char *more = apr_pcalloc(pool, 2 * len);

    memcpy(more, bytes, len);
    check_row(&row, of_bytes(more, len + 1));
    memcpy(more + len, bytes, len);
    check_row(&row, of_bytes(more, 2 * len)); /* a second message */
}

static void sizes(void **state)
{
    const struct { apr_size_t size; aten_verdict_t verdict; const char *reason; } cases[] = {
        {1, ATEN_V_OK, "a byte"},
        {1024, ATEN_V_OK, "as much as is made room for at first, or about"},
        {ATEN_XML_BYTES_MAX - 1, ATEN_V_OK, "less by one"},
        {ATEN_XML_BYTES_MAX, ATEN_V_OK, "what is taken at most"},
        {ATEN_XML_BYTES_MAX + 1, ATEN_V_XML_LARGE, "more by one"},
        {40 * ATEN_XML_BYTES_MAX, ATEN_V_XML_LARGE, "a bomb: ten megabytes out of ten thousand bytes"},
    };
    char *text = apr_palloc(pool, 40 * ATEN_XML_BYTES_MAX);
    int i;

    memset(text, ' ', 40 * ATEN_XML_BYTES_MAX);
    for (i = 0; i < COUNT(cases); i++) {
        const char *query = apr_pstrcat(pool, "SAMLRequest=", packed_bytes(text, cases[i].size), NULL), *why;
        aten_saml_redirect_t out;
        const aten_verdict_t got = aten_saml_redirect_read(&out, query, &why, pool);

        if (got != cases[i].verdict) fail_msg("%s: %s", cases[i].reason, aten_verdict_tag(got));
        if (got != ATEN_V_OK) continue;
        if (out.len != cases[i].size || out.message[out.len]) fail_msg("%s: not whole", cases[i].reason);
    }
}

/* A message that does not get smaller needs other room than one that does. */
static void noise(void **state)
{
    char *text = apr_palloc(pool, 100000);
    unsigned int number = 1;
    aten_saml_redirect_t out;
    const char *why;
    int i;

    for (i = 0; i < 100000; i++) {
        number = number * 1103515245u + 12345u;
        text[i] = (char)(number >> 16);
    }
    assert_int_equal(aten_saml_redirect_read(&out, apr_pstrcat(pool, "SAMLResponse=", packed_bytes(text, 100000), NULL),
                                             &why, pool), ATEN_V_OK);
    assert_int_equal(out.len, 100000);
    assert_memory_equal(out.message, text, 100000);
    assert_true(out.is_response);
}

static void relay_states(void **state)
{
    static const struct { const char *raw, *value, *reason; } cases[] = {
        {NULL, NULL, "none"},
        {"", NULL, "an empty one is none"},
        {"abc", "abc", "one"},
        {"a%26b%3Dc+d%20e%25", "a&b=c d e%", "decoded once"},
        {"https%3A%2F%2Fx.example%2F%3Fa", "https://x.example/?a", "an address of the portal's"},
        {"a=b=c", "a=b=c", "an equals sign that nobody encoded"},
        {"%C3%A9", "\xC3\xA9", "UTF-8"},
    };
    char *most = apr_pcalloc(pool, ATEN_SAML_FOREIGN_RELAY_STATE_MAX + 2);
    const char *why, *value = packed(MESSAGE);
    aten_saml_redirect_t out;
    int i;

    for (i = 0; i < COUNT(cases); i++) {
        const char *query = apr_pstrcat(pool, "SAMLRequest=", value, cases[i].raw ? "&RelayState=" : NULL,
                                        cases[i].raw, NULL);

        assert_int_equal(aten_saml_redirect_read(&out, query, &why, pool), ATEN_V_OK);
        if (cases[i].value ? !aten_same(out.relay_state, cases[i].value) : out.relay_state != NULL) {
            fail_msg("%s: %s", cases[i].reason, out.relay_state);
        }
    }
    memset(most, 'r', ATEN_SAML_FOREIGN_RELAY_STATE_MAX);
    value = apr_pstrcat(pool, "SAMLRequest=", value, "&RelayState=", NULL);
    assert_int_equal(aten_saml_redirect_read(&out, apr_pstrcat(pool, value, most, NULL), &why, pool), ATEN_V_OK);
    assert_string_equal(out.relay_state, most);
    assert_int_equal(aten_saml_redirect_read(&out, apr_pstrcat(pool, value, most, "r", NULL), &why, pool),
                     ATEN_V_PARAM_MALFORMED);
}

/* --- what the signature covers --- */

static void covered(void **state)
{
    static const struct { const char *query, *octets, *reason; } cases[] = {
        {"SAMLRequest=@", NULL, "not signed"},
        {"SAMLRequest=@&SigAlg=x&Signature=eA%3D%3D", "SAMLRequest=@&SigAlg=x", "no RelayState"},
        {"SAMLResponse=@&SigAlg=x&Signature=eA%3D%3D", "SAMLResponse=@&SigAlg=x", "a response by its own name"},
        {"SAMLRequest=@&RelayState=r&SigAlg=x&Signature=eA%3D%3D", "SAMLRequest=@&RelayState=r&SigAlg=x", "all"},
        {"SAMLRequest=@&RelayState=&SigAlg=x&Signature=eA%3D%3D", "SAMLRequest=@&RelayState=&SigAlg=x",
         "an empty RelayState as it stands there"},
        {"SAMLRequest=@&RelayState&SigAlg=x&Signature=eA%3D%3D", "SAMLRequest=@&RelayState&SigAlg=x",
         "one without a value"},
        {"Signature=eA%3D%3D&SigAlg=x&RelayState=r&SAMLRequest=@", "SAMLRequest=@&RelayState=r&SigAlg=x",
         "in its own order, not that of the address"},
        {"a=b&SAMLRequest=@&c=d&RelayState=r&SAMLEncoding=" DEFLATE "&SigAlg=x&Signature=eA%3D%3D&e",
         "SAMLRequest=@&RelayState=r&SigAlg=x", "and nothing else"},
        {"SAMLRequest=@&RelayState=%c3%A9+%41&SigAlg=%78&Signature=%65A%3d%3D",
         "SAMLRequest=@&RelayState=%c3%A9+%41&SigAlg=%78", "octets as they came, however they are encoded"},
        {"SAMLRequest=@&RelayState=a=b&SigAlg=x&Signature=eA==", "SAMLRequest=@&RelayState=a=b&SigAlg=x",
         "up to the next '&'"},
        {"SAMLRequestx=1&xSAMLRequest=2&SAMLRequest=@&SigAlg=x&SigAlgx=y&Signature=eA==", "SAMLRequest=@&SigAlg=x",
         "names that only begin or end like one"},
    };
    const char *value = packed(MESSAGE), *why;
    int i;

    for (i = 0; i < COUNT(cases); i++) {
        aten_saml_redirect_t out;
        const char *octets = filled(cases[i].octets, value);

        assert_int_equal(aten_saml_redirect_read(&out, filled(cases[i].query, value), &why, pool), ATEN_V_OK);
        if (octets ? !aten_same(out.signed_query, octets) : out.signed_query != NULL) {
            fail_msg("%s: %s", cases[i].reason, out.signed_query);
        }
        if (octets && (strcmp(out.algorithm, "x") || out.signature_len != 1 || out.signature[0] != 'x')) {
            fail_msg("%s: the signature", cases[i].reason);
        }
    }
}

/* --- by whom it is --- */

static const char *plain_of(EVP_PKEY *pkey, const unsigned char *der, apr_size_t der_len, apr_size_t *len)
{
    const int half = (EVP_PKEY_get_bits(pkey) + 7) / 8;
    ECDSA_SIG *both = d2i_ECDSA_SIG(NULL, &der, (long)der_len);
    unsigned char *out = apr_palloc(pool, 2 * (apr_size_t)half);

    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(both), out, half), half);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(both), out + half, half), half);
    ECDSA_SIG_free(both);
    *len = 2 * (apr_size_t)half;
    return (const char *)out;
}

/* @param form "plain", "der", or "der+": with a byte behind it */
static const char *signed_as(const char *octets, EVP_PKEY *pkey, const EVP_MD *md, const char *form)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char *bytes = apr_pcalloc(pool, 1024);
    size_t len = 1000;

    assert_int_equal(EVP_DigestSignInit(ctx, NULL, md, NULL, pkey), 1);
    assert_int_equal(EVP_DigestSign(ctx, bytes, &len, (const unsigned char *)octets, strlen(octets)), 1);
    EVP_MD_CTX_free(ctx);
    if (!strcmp(form, "plain") && EVP_PKEY_get_base_id(pkey) == EVP_PKEY_EC) {
        bytes = (unsigned char *)(uintptr_t)plain_of(pkey, bytes, len, &len);
    }
    if (!strcmp(form, "der+")) len++;
    return base64(bytes, len);
}

static const EVP_MD *digest(const char *name)
{
    return strcmp(name, "-") ? EVP_get_digestbyname(name) : NULL;
}

static void signatures(void **state)
{
    static const struct {
        const char *algorithm, *signer, *digest, *form, *trusted;
        aten_verdict_t verdict;
        const char *said, *reason;
    } cases[] = {
        {MORE "rsa-sha256", "rsa", "sha256", "plain", "rsa", ATEN_V_OK, NULL, "RSA"},
        {MORE "rsa-sha384", "rsa", "sha384", "plain", "rsa", ATEN_V_OK, NULL, "with SHA-384"},
        {MORE "rsa-sha512", "rsa", "sha512", "plain", "rsa", ATEN_V_OK, NULL, "with SHA-512"},
        {MORE "rsa-sha256", "rsa2", "sha256", "plain", "rsa|rsa2", ATEN_V_OK, NULL, "the second key"},
        {MORE "rsa-sha256", "rsa", "sha256", "plain", "none|ed|p256|weak|rsa", ATEN_V_OK, NULL,
         "keys that are not tried are passed over"},
        {MORE "ecdsa-sha256", "p256", "sha256", "plain", "rsa|p256b|p256", ATEN_V_OK, NULL, "ECDSA"},
        {MORE "ecdsa-sha384", "p384", "sha384", "plain", "p256|p384", ATEN_V_OK, NULL, "on P-384"},
        {MORE "ecdsa-sha512", "p521", "sha512", "plain", "p521", ATEN_V_OK, NULL, "on P-521"},
        {MORE "ecdsa-sha256", "p521", "sha256", "plain", "p521", ATEN_V_OK, NULL, "a digest that is shorter"},
        {MORE "ecdsa-sha512", "p256", "sha512", "plain", "p256", ATEN_V_OK, NULL, "or longer than the curve"},
        {MORE "ecdsa-sha256", "p256", "sha256", "der", "p256", ATEN_V_OK, NULL,
         "in DER, as OpenSAML and lasso send it"},
        {MORE "ecdsa-sha512", "p521", "sha512", "der", "p384|p521", ATEN_V_OK, NULL, "on P-521"},
        {MORE "ecdsa-sha256", "p256", "sha256", "der+", "p256", ATEN_V_SAML_SIGNATURE, "1 EC key", "a byte behind it"},
        {MORE "rsa-sha256", "rsa2", "sha256", "plain", "rsa", ATEN_V_SAML_SIGNATURE, "1 RSA key", "another's key"},
        {MORE "ecdsa-sha256", "p256b", "sha256", "plain", "p256", ATEN_V_SAML_SIGNATURE, "1 EC key", "another's key"},
        {MORE "rsa-sha256", "weak", "sha256", "plain", "weak|rsa", ATEN_V_SAML_SIGNATURE, "1 RSA key",
         "a key of 1024 bits is not tried"},
        {MORE "rsa-sha256", "weak", "sha256", "plain", "weak", ATEN_V_SAML_SIGNATURE, "has none", "nor alone"},
        {MORE "ecdsa-sha256", "k1", "sha256", "plain", "k1", ATEN_V_SAML_SIGNATURE, "has none", "a curve of nobody's"},
        {MORE "rsa-sha256", "rsa", "sha256", "plain", "", ATEN_V_SAML_SIGNATURE, "has none", "no keys"},
        {MORE "rsa-sha256", "rsa", "sha256", "plain", "p256", ATEN_V_SAML_SIGNATURE, "has none", "none of that type"},
        {MORE "ecdsa-sha256", "rsa", "sha256", "plain", "rsa|p256", ATEN_V_SAML_SIGNATURE, "1 EC key",
         "the algorithm is of another type than the signature"},
        {MORE "rsa-sha256", "p256", "sha256", "der", "rsa|p256", ATEN_V_SAML_SIGNATURE, "1 RSA key", "and again"},
        {MORE "rsa-sha512", "rsa", "sha256", "plain", "rsa", ATEN_V_SAML_SIGNATURE, "1 RSA key", "another digest"},
        {"http://www.w3.org/2000/09/xmldsig#rsa-sha1", "rsa", "sha1", "plain", "rsa", ATEN_V_SAML_ALGORITHM, "rsa-sha1",
         "SHA-1"},
        {MORE "ecdsa-sha1", "p256", "sha1", "plain", "p256", ATEN_V_SAML_ALGORITHM, "ecdsa-sha1", "ECDSA with SHA-1"},
        {MORE "rsa-sha224", "rsa", "sha224", "plain", "rsa", ATEN_V_SAML_ALGORITHM, "rsa-sha224", "SHA-224"},
        {MORE "rsa-md5", "rsa", "md5", "plain", "rsa", ATEN_V_SAML_ALGORITHM, "rsa-md5", "MD5"},
        {MORE "hmac-sha256", "rsa", "sha256", "plain", "rsa", ATEN_V_SAML_ALGORITHM, "hmac", "HMAC"},
        {"http://www.w3.org/2021/04/xmldsig-more#eddsa-ed25519", "ed", "-", "plain", "ed", ATEN_V_SAML_ALGORITHM,
         "ed25519", "Ed25519"},
        {"", "rsa", "sha256", "plain", "rsa", ATEN_V_SAML_ALGORITHM, "''", "an empty algorithm"},
        {MORE "rsa-sha256 ", "rsa", "sha256", "plain", "rsa", ATEN_V_SAML_ALGORITHM, "'", "a blank behind it"},
        {MORE "RSA-SHA256", "rsa", "sha256", "plain", "rsa", ATEN_V_SAML_ALGORITHM, "'", "in capital letters"},
    };
    int i;

    for (i = 0; i < COUNT(cases); i++) {
        const char *octets = apr_pstrcat(pool, "SAMLRequest=", packed(MESSAGE), "&RelayState=r&SigAlg=",
                                         escaped(cases[i].algorithm, UPPER), NULL);
        const char *made = signed_as(octets, key(cases[i].signer), digest(cases[i].digest), cases[i].form), *why;
        aten_saml_redirect_t out;
        aten_verdict_t got;

        assert_int_equal(aten_saml_redirect_read(&out, apr_pstrcat(pool, octets, "&Signature=", escaped(made, UPPER),
                                                                   NULL), &why, pool), ATEN_V_OK);
        got = aten_saml_redirect_verify(&out, key_list(cases[i].trusted), &why, pool);
        if (got != cases[i].verdict) fail_msg("%s: %s: %s", cases[i].reason, aten_verdict_tag(got), why ? why : "-");
        if (!why != (got == ATEN_V_OK)) fail_msg("%s: verdict and why disagree", cases[i].reason);
        if (why && !strstr(why, cases[i].said)) fail_msg("%s: %s", cases[i].reason, why);
        assert_int_equal(ERR_peek_error(), 0);
    }
}

/* Each 256th of the two numbers is a byte shorter than the curve, and each second has a sign to be kept off. */
static void many_curves(void **state)
{
    const char *octets = apr_pstrcat(pool, "SAMLRequest=", packed(MESSAGE), "&SigAlg=", escaped(MORE "ecdsa-sha256",
                                                                                                UPPER), NULL);
    int i;

    for (i = 0; i < 600; i++) {
        const char *form = i % 2 ? "der" : "plain", *why;
        const char *made = signed_as(octets, key("p256"), EVP_sha256(), form);
        aten_saml_redirect_t out;

        assert_int_equal(aten_saml_redirect_read(&out, apr_pstrcat(pool, octets, "&Signature=", escaped(made, UPPER),
                                                                   NULL), &why, pool), ATEN_V_OK);
        if (aten_saml_redirect_verify(&out, key_list("p256"), &why, pool) != ATEN_V_OK) fail_msg("%s: %s", form, made);
    }
}

/* Nothing of this is DER, nor two numbers that could be a signature. */
static void odd_curves(void **state)
{
    static const apr_size_t lengths[] = {1, 2, 8, 63, 64, 65, 72, 96, 132, 200};
    const char *octets = apr_pstrcat(pool, "SAMLRequest=", packed(MESSAGE), "&SigAlg=", escaped(MORE "ecdsa-sha256",
                                                                                                UPPER), NULL);
    int i, fill;

    for (i = 0; i < COUNT(lengths); i++) {
        for (fill = 0; fill < 256; fill += 51) {
            unsigned char *bytes = apr_palloc(pool, lengths[i]);
            aten_saml_redirect_t out;
            const char *why;

            memset(bytes, fill, lengths[i]);
            assert_int_equal(aten_saml_redirect_read(&out, apr_pstrcat(pool, octets, "&Signature=",
                                                                       of_bytes(bytes, lengths[i]), NULL), &why, pool),
                             ATEN_V_OK);
            assert_int_equal(aten_saml_redirect_verify(&out, key_list("p256|p384|p521"), &why, pool),
                             ATEN_V_SAML_SIGNATURE);
            assert_int_equal(ERR_peek_error(), 0);
        }
    }
}

/* The signature holds over what came: nothing may be other, and how it is encoded is part of it. */
static void changed(void **state)
{
    static const struct { const char *from, *to, *reason; } cases[] = {
        {"RelayState=a%C3%A9", "RelayState=b%C3%A9", "another RelayState"},
        {"RelayState=a%C3%A9", "RelayState=a%c3%a9", "the same RelayState, encoded in small letters"},
        {"RelayState=a%C3%A9", "RelayState=%61%C3%A9", "encoded where it need not be"},
        {"RelayState=a%C3%A9", "RelayState=", "an empty one"},
        {"&RelayState=a%C3%A9", "", "none"},
        {"SAMLRequest=", "SAMLResponse=", "another name"},
        {"%23rsa-sha256", "%23rsa-sha512", "another algorithm"},
        {"%23rsa-sha256", "#rsa-sha256", "the same one, not encoded"},
    };
    const char *algorithm = escaped(MORE "rsa-sha256", UPPER), *why;
    const char *octets = apr_pstrcat(pool, "SAMLRequest=", packed(MESSAGE), "&RelayState=a%C3%A9&SigAlg=", algorithm,
                                     NULL);
    const char *query = apr_pstrcat(pool, octets, "&Signature=",
                                    escaped(signed_as(octets, key("rsa"), EVP_sha256(), "plain"), UPPER), NULL);
    aten_saml_redirect_t out;
    int i;

    assert_int_equal(aten_saml_redirect_read(&out, query, &why, pool), ATEN_V_OK);
    assert_int_equal(aten_saml_redirect_verify(&out, key_list("rsa"), &why, pool), ATEN_V_OK);
    for (i = 0; i < COUNT(cases); i++) {
        const char *at = strstr(query, cases[i].from);
        const char *other = apr_pstrcat(pool, apr_pstrmemdup(pool, query, (apr_size_t)(at - query)), cases[i].to,
                                        at + strlen(cases[i].from), NULL);

        assert_int_equal(aten_saml_redirect_read(&out, other, &why, pool), ATEN_V_OK);
        if (aten_saml_redirect_verify(&out, key_list("rsa"), &why, pool) != ATEN_V_SAML_SIGNATURE) {
            fail_msg("%s: the signature holds", cases[i].reason);
        }
    }
}

/* What a sender signed in small letters is verified in small letters. */
static void small_letters(void **state)
{
    apr_size_t len;
    const unsigned char *bytes = squeezed(MESSAGE, strlen(MESSAGE), -15, &len);
    const char *octets = apr_pstrcat(pool, "SAMLResponse=", escaped(base64(bytes, len), LOWER), "&RelayState=%c3%a9+x",
                                     "&SigAlg=", escaped(MORE "rsa-sha256", LOWER), NULL), *why;
    aten_saml_redirect_t out;

    assert_int_equal(aten_saml_redirect_read(&out, apr_pstrcat(pool, "Signature=",
                                                               escaped(signed_as(octets, key("rsa"), EVP_sha256(),
                                                                                 "plain"), LOWER), "&", octets, NULL),
                                             &why, pool), ATEN_V_OK);
    assert_int_equal(aten_saml_redirect_verify(&out, key_list("rsa"), &why, pool), ATEN_V_OK);
    assert_string_equal(out.relay_state, "\xC3\xA9 x");
}

static void unsigned_address(void **state)
{
    const char *query = apr_pstrcat(pool, "SAMLRequest=", packed(MESSAGE), NULL), *why;
    aten_saml_redirect_t out;

    assert_int_equal(aten_saml_redirect_read(&out, query, &why, pool), ATEN_V_OK);
    assert_int_equal(aten_saml_redirect_verify(&out, key_list("rsa"), &why, pool), ATEN_V_SAML_UNSIGNED);
    assert_non_null(why);
    assert_int_equal(aten_saml_redirect_verify(&out, NULL, &why, pool), ATEN_V_SAML_UNSIGNED);
}

/* --- written, and read again --- */

static void there_and_back(void **state)
{
    static const struct { const char *parameter, *destination, *relay, *key; } cases[] = {
        {"SAMLRequest", SLO, NULL, NULL},
        {"SAMLRequest", SLO "?a=b", "", "rsa"},
        {"SAMLResponse", SLO "?", "nonce", "rsa2"},
        {"SAMLRequest", SLO, "a&b=c+d e%\xC3\xA9", "p256"},
        {"SAMLResponse", SLO "?a=b&", NULL, "p384"},
        {"SAMLResponse", SLO, "r", "p521"},
    };
    int i;

    for (i = 0; i < COUNT(cases); i++) {
        const aten_saml_key_t *by = cases[i].key ? saml_key(cases[i].key) : NULL;
        const char *relay = cases[i].relay && *cases[i].relay ? cases[i].relay : NULL, *why;
        const char *url = aten_saml_redirect_url(cases[i].destination, cases[i].parameter, MESSAGE, cases[i].relay, by,
                                                 pool);
        aten_saml_redirect_t out;

        assert_non_null(url);
        assert_memory_equal(url, cases[i].destination, strlen(cases[i].destination));
        assert_int_equal(aten_saml_redirect_read(&out, strchr(url, '?') + 1, &why, pool), ATEN_V_OK);
        assert_string_equal(out.message, MESSAGE);
        assert_int_equal(out.is_response, !strcmp(cases[i].parameter, "SAMLResponse"));
        assert_true(relay ? aten_same(out.relay_state, relay) : !out.relay_state);
        assert_int_equal(aten_saml_redirect_verify(&out, key_list(cases[i].key ? cases[i].key : "rsa"), &why, pool),
                         by ? ATEN_V_OK : ATEN_V_SAML_UNSIGNED);
    }
}

static void nothing(void **state)
{
    assert_null(aten_saml_redirect_url(NULL, "SAMLRequest", MESSAGE, NULL, NULL, pool));
    assert_null(aten_saml_redirect_url(SLO, "SAMLRequest", NULL, NULL, NULL, pool));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters),     cmocka_unit_test(compression), cmocka_unit_test(behind_the_end),
        cmocka_unit_test(sizes),          cmocka_unit_test(noise),       cmocka_unit_test(relay_states),
        cmocka_unit_test(covered),        cmocka_unit_test(signatures),  cmocka_unit_test(many_curves),
        cmocka_unit_test(odd_curves),     cmocka_unit_test(changed),     cmocka_unit_test(small_letters),
        cmocka_unit_test(unsigned_address), cmocka_unit_test(there_and_back), cmocka_unit_test(nothing),
    };

    return cmocka_run_group_tests_name("saml_redirect", tests, setup_keys, teardown);
}
