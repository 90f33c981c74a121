#include "aten_seal.h"

#include <string.h>

#include <apr_encode.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

/* What is sealed: format, key id, nonce, ciphertext, tag. */
#define SEAL_FORMAT 1
#define KEY_ID_BYTES 4
#define NONCE_BYTES 12 /* NIST SP 800-38D section 8.2.2: random; good for 2^32 messages of one key (section 8.3) */
#define TAG_BYTES 16
#define PREFIX_BYTES (1 + KEY_ID_BYTES)
#define HEAD_BYTES (PREFIX_BYTES + NONCE_BYTES)

#define AAD_MAX 1024
#define KEY_TEXT_MAX 44 /* base64 of 32 bytes with its padding */
#define HASH_BYTES 32
#define KEY_ID_LABEL "mod_auth_aten key id"

typedef struct {
    unsigned char id[KEY_ID_BYTES];
    unsigned char bytes[ATEN_KEY_BYTES];
} seal_key_t;

struct aten_keyring_t {
    EVP_CIPHER *cipher;       /* fetched once: OpenSSL 3 looks a cipher up by name at each use of EVP_aes_256_gcm() */
    apr_threadkey_t *threads; /* each thread's contexts_t */
    int count;
    seal_key_t keys[ATEN_KEYS_MAX];
    int lines[ATEN_KEYS_MAX]; /* where each key stands in the file */
};

/* The contexts of one thread, made at first use. They keep the key schedule; a message sets its nonce alone. */
typedef struct {
    EVP_CIPHER_CTX *seal;
    EVP_CIPHER_CTX *open[ATEN_KEYS_MAX];
} contexts_t;

/* RFC 4648 section 5. */
#define NO 0x80
static const unsigned char base64url[256] = {
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, 62, NO, NO,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, NO, NO, NO, NO, NO, NO,
    NO, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, NO, NO, NO, NO, 63,
    NO, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO
};

/* Runs at the end of a thread, and for the thread that cleans the pool up. */
static void contexts_free(void *data)
{
    contexts_t *mine = data;
    int i;

    EVP_CIPHER_CTX_free(mine->seal);
    for (i = 0; i < ATEN_KEYS_MAX; i++) EVP_CIPHER_CTX_free(mine->open[i]);
    OPENSSL_free(mine);
}

static contexts_t *contexts_of_thread(aten_keyring_t *keys)
{
    void *mine = NULL;

    if (apr_threadkey_private_get(&mine, keys->threads) == APR_SUCCESS && mine) return mine;
    mine = OPENSSL_zalloc(sizeof(contexts_t));
    if (mine && apr_threadkey_private_set(mine, keys->threads) != APR_SUCCESS) {
        OPENSSL_free(mine);
        mine = NULL;
    }
    return mine;
}

static EVP_CIPHER_CTX *context(EVP_CIPHER_CTX **slot, const aten_keyring_t *keys, int key, int sealing)
{
    EVP_CIPHER_CTX *ctx = *slot;

    if (ctx) return ctx;
    ctx = EVP_CIPHER_CTX_new();
    if (ctx && EVP_CipherInit_ex(ctx, keys->cipher, NULL, keys->keys[key].bytes, NULL, sealing) != 1) {
        EVP_CIPHER_CTX_free(ctx);
        ctx = NULL;
    }
    *slot = ctx;
    return ctx;
}

static apr_status_t keyring_cleanup(void *data)
{
    aten_keyring_t *keys = data;
    void *mine = NULL;

    if (keys->threads) {
        apr_threadkey_private_get(&mine, keys->threads);
        /* No destructor runs for a deleted key, and this thread may live on. */
        if (mine) contexts_free(mine);
        apr_threadkey_private_delete(keys->threads);
    }
    EVP_CIPHER_free(keys->cipher);
    OPENSSL_cleanse(keys, sizeof(*keys));
    return APR_SUCCESS;
}

/* -- Hashes -- */

/* Each part with its length before it, most significant byte first. */
static int digest_part(EVP_MD_CTX *md, const void *data, apr_size_t len)
{
    unsigned char size[8];
    int i;

    for (i = 0; i < 8; i++) size[i] = (unsigned char)((apr_uint64_t)len >> (8 * (7 - i)));
    return EVP_DigestUpdate(md, size, sizeof(size)) == 1 && EVP_DigestUpdate(md, data, len) == 1;
}

/* Frees md. */
static int digest_end(EVP_MD_CTX *md, int ok, unsigned char *out, apr_size_t out_len)
{
    unsigned char whole[HASH_BYTES];

    memset(out, 0, out_len);
    ok = ok && out_len <= sizeof(whole) && EVP_DigestFinal_ex(md, whole, NULL) == 1;
    if (ok) memcpy(out, whole, out_len);
    EVP_MD_CTX_free(md);
    return ok;
}

int aten_digest(unsigned char *out, apr_size_t out_len, const char *const parts[])
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    int ok = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1;

    for (; ok && *parts; parts++) ok = digest_part(md, *parts, strlen(*parts));
    return digest_end(md, ok, out, out_len);
}

static int key_id(unsigned char id[KEY_ID_BYTES], const unsigned char key[ATEN_KEY_BYTES])
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    const int ok = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1
                   && digest_part(md, KEY_ID_LABEL, strlen(KEY_ID_LABEL)) && digest_part(md, key, ATEN_KEY_BYTES);

    return digest_end(md, ok, id, KEY_ID_BYTES);
}

int aten_equal_secret(const void *a, const void *b, apr_size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}

/* -- The key file -- */

static int read_key(unsigned char key[ATEN_KEY_BYTES], const char *text, apr_size_t len)
{
    unsigned char bytes[KEY_TEXT_MAX];
    apr_size_t got = 0;
    int ok;

    if (len > KEY_TEXT_MAX) return 0;
    ok = apr_decode_base64_binary(bytes, text, (apr_ssize_t)len, APR_ENCODE_NONE, &got) == APR_SUCCESS
         && got == ATEN_KEY_BYTES;
    if (ok) memcpy(key, bytes, ATEN_KEY_BYTES);
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return ok;
}

/* @param text a line without the blanks around it */
static const char *add_key(aten_keyring_t *keys, const char *text, apr_size_t len, int line, apr_pool_t *p)
{
    seal_key_t *key = &keys->keys[keys->count];
    int i;

    if (keys->count == ATEN_KEYS_MAX) {
        return apr_psprintf(p, "line %d is one key too many: at most %d", line, ATEN_KEYS_MAX);
    }
    if (!read_key(key->bytes, text, len)) {
        return apr_psprintf(p, "line %d is not the base64 of %d bytes (openssl rand -base64 %d writes a key)", line,
                            ATEN_KEY_BYTES, ATEN_KEY_BYTES);
    }
    for (i = 0; i < keys->count; i++) {
        if (!aten_equal_secret(keys->keys[i].bytes, key->bytes, ATEN_KEY_BYTES)) continue;
        return apr_psprintf(p, "line %d has the same key as line %d: take one of them away", line, keys->lines[i]);
    }
    if (!key_id(key->id, key->bytes)) return "OpenSSL has no SHA-256";
    keys->lines[keys->count++] = line;
    return NULL;
}

static int is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static const char *read_keys(aten_keyring_t *keys, const char *text, apr_size_t len, apr_pool_t *p)
{
    const char *const end = text + len;
    const char *error = NULL;
    int line;

    for (line = 1; !error && text < end; line++) {
        const char *stop = memchr(text, '\n', (apr_size_t)(end - text));
        const char *next;

        if (!stop) stop = end;
        next = stop < end ? stop + 1 : end;
        while (text < stop && is_blank(*text)) text++;
        while (text < stop && is_blank(stop[-1])) stop--;
        if (text < stop && *text != '#') error = add_key(keys, text, (apr_size_t)(stop - text), line, p);
        text = next;
    }
    if (!error && !keys->count) {
        error = apr_psprintf(p, "there is no key: write the base64 of %d random bytes on a line "
                                "(openssl rand -base64 %d)", ATEN_KEY_BYTES, ATEN_KEY_BYTES);
    }
    return error;
}

const char *aten_keyring_parse(aten_keyring_t **out, const char *text, apr_size_t len, apr_pool_t *p)
{
    aten_keyring_t *keys = apr_pcalloc(p, sizeof(*keys));
    const char *error;

    apr_pool_cleanup_register(p, keys, keyring_cleanup, apr_pool_cleanup_null);
    error = read_keys(keys, text, len, p);
    if (!error) {
        keys->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
        if (!keys->cipher) error = "OpenSSL has no AES-256-GCM";
    }
    if (!error && apr_threadkey_private_create(&keys->threads, contexts_free, p) != APR_SUCCESS) {
        keys->threads = NULL;
        error = "the system has no room for another thread-specific key";
    }
    if (error) {
        apr_pool_cleanup_run(p, keys, keyring_cleanup);
        return error;
    }
    *out = keys;
    return NULL;
}

static apr_status_t wipe_text(void *text)
{
    OPENSSL_cleanse(text, strlen(text));
    return APR_SUCCESS;
}

apr_status_t aten_keyring_text(char **out, aten_random_fn *random, void *baton, apr_pool_t *p)
{
    static const char comment[] =
        "# Keys of mod_auth_aten: the base64 of 32 random bytes, one a line. The first seals, all open.\n";
    unsigned char key[ATEN_KEY_BYTES];
    char *text = apr_pcalloc(p, sizeof(comment) + KEY_TEXT_MAX + 1);
    char *end = text + sizeof(comment) - 1;
    apr_size_t len = 0;
    apr_status_t rv = random(baton, key, sizeof(key));

    apr_pool_cleanup_register(p, text, wipe_text, apr_pool_cleanup_null);
    if (rv == APR_SUCCESS) {
        memcpy(text, comment, sizeof(comment));
        rv = apr_encode_base64_binary(end, key, sizeof(key), APR_ENCODE_NONE, &len);
    }
    OPENSSL_cleanse(key, sizeof(key));
    if (rv != APR_SUCCESS) return rv;
    end[len] = '\n';
    *out = text;
    return APR_SUCCESS;
}

/* -- Sealing and opening -- */

apr_size_t aten_seal_length(apr_size_t plain_len)
{
    return ((ATEN_SEAL_OVERHEAD + plain_len) * 4 + 2) / 3;
}

apr_size_t aten_seal_room(apr_size_t text_len)
{
    const apr_size_t raw_len = text_len / 4 * 3 + text_len % 4 * 3 / 4;

    return raw_len > ATEN_SEAL_OVERHEAD ? raw_len - ATEN_SEAL_OVERHEAD : 0;
}

/* The prefix, then the four strings, each with its length, so that no two bindings give the same bytes.
 * @return the number of bytes, or 0 if they don't fit */
static int make_aad(unsigned char aad[AAD_MAX], const unsigned char *prefix, const aten_bind_t *bind)
{
    const char *const parts[] = {bind->purpose, bind->name, bind->scheme, bind->host};
    apr_size_t used = PREFIX_BYTES;
    apr_size_t i;

    memcpy(aad, prefix, PREFIX_BYTES);
    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        const apr_size_t len = strlen(parts[i]);

        if (len + 2 > AAD_MAX - used) return 0;
        aad[used++] = (unsigned char)(len >> 8);
        aad[used++] = (unsigned char)len;
        memcpy(aad + used, parts[i], len);
        used += len;
    }
    return (int)used;
}

/* Nonce and additional data, then the message itself from in to out. */
static int run_cipher(EVP_CIPHER_CTX *ctx, const unsigned char *head, const aten_bind_t *bind, unsigned char *out,
                      const unsigned char *in, apr_size_t len)
{
    unsigned char aad[AAD_MAX];
    const int aad_len = make_aad(aad, head, bind);
    int n;

    return aad_len && EVP_CipherInit_ex(ctx, NULL, NULL, NULL, head + PREFIX_BYTES, -1) == 1
           && EVP_CipherUpdate(ctx, NULL, &n, aad, aad_len) == 1
           && EVP_CipherUpdate(ctx, out, &n, in, (int)len) == 1;
}

char *aten_seal(aten_keyring_t *keys, const aten_bind_t *bind, const void *plain, apr_size_t len,
                aten_random_fn *random, void *baton, apr_pool_t *p)
{
    const apr_size_t raw_len = ATEN_SEAL_OVERHEAD + len;
    contexts_t *mine = contexts_of_thread(keys);
    EVP_CIPHER_CTX *ctx = mine ? context(&mine->seal, keys, 0, 1) : NULL;
    unsigned char *raw, *tag;
    int n;

    if (!ctx || len > ATEN_SEAL_MAX) return NULL;
    raw = apr_palloc(p, raw_len);
    tag = raw + HEAD_BYTES + len;
    raw[0] = SEAL_FORMAT;
    memcpy(raw + 1, keys->keys[0].id, KEY_ID_BYTES);
    if (random(baton, raw + PREFIX_BYTES, NONCE_BYTES) != APR_SUCCESS) return NULL;
    if (!run_cipher(ctx, raw, bind, raw + HEAD_BYTES, plain, len) || EVP_CipherFinal_ex(ctx, tag, &n) != 1
        || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, tag) != 1) {
        ERR_clear_error(); /* a TLS connection of this thread would take what is left there for its own */
        return NULL;
    }
    return (char *)apr_pencode_base64_binary(p, raw, (apr_ssize_t)raw_len, APR_ENCODE_BASE64URL, NULL);
}

/* The one text of these bytes, nothing else: no padding, no other alphabet, no bit set behind the last byte (RFC 4648
 * sections 3.2 to 3.5). apr_decode_base64 takes all of these, and twice as long.
 * @param len not 1 modulo 4 @param out len * 3 / 4 bytes */
static int decode(unsigned char *out, const char *text, apr_size_t len)
{
    const unsigned char *s = (const unsigned char *)text;
    const unsigned char *const last = s + len / 4 * 4;
    const apr_size_t rest = len % 4;
    unsigned int all = 0, v;

    for (; s < last; s += 4, out += 3) {
        const unsigned int a = base64url[s[0]], b = base64url[s[1]], c = base64url[s[2]], d = base64url[s[3]];

        all |= a | b | c | d;
        v = a << 18 | b << 12 | c << 6 | d;
        out[0] = (unsigned char)(v >> 16);
        out[1] = (unsigned char)(v >> 8);
        out[2] = (unsigned char)v;
    }
    if (rest) {
        const unsigned int a = base64url[s[0]], b = base64url[s[1]], c = rest == 3 ? base64url[s[2]] : 0;

        all |= a | b | c;
        v = a << 18 | b << 12 | c << 6;
        out[0] = (unsigned char)(v >> 16);
        if (rest == 3) out[1] = (unsigned char)(v >> 8);
        if (v & (rest == 3 ? 0xFF : 0xFFFF)) return 0;
    }
    return !(all & NO);
}

/* @param out as many bytes as the ciphertext of raw; wiped unless the tag holds */
static aten_verdict_t open_with(aten_keyring_t *keys, int key, const aten_bind_t *bind, const unsigned char *raw,
                                apr_size_t len, unsigned char *out)
{
    contexts_t *mine = contexts_of_thread(keys);
    EVP_CIPHER_CTX *ctx = mine ? context(&mine->open[key], keys, key, 0) : NULL;
    unsigned char tag[TAG_BYTES];
    int n;

    if (!ctx) return ATEN_V_INTERNAL;
    memcpy(tag, raw + HEAD_BYTES + len, TAG_BYTES);
    if (run_cipher(ctx, raw, bind, out, raw + HEAD_BYTES, len)
        && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag) == 1
        && EVP_CipherFinal_ex(ctx, tag, &n) == 1) {
        return ATEN_V_OK;
    }
    ERR_clear_error();
    OPENSSL_cleanse(out, len);
    return ATEN_V_SEAL_BROKEN;
}

aten_verdict_t aten_open(aten_keyring_t *keys, const aten_bind_t *bind, const char *text, apr_size_t len,
                         unsigned char **plain, apr_size_t *plain_len, apr_pool_t *p)
{
    const apr_size_t raw_len = len / 4 * 3 + len % 4 * 3 / 4;
    aten_verdict_t v = ATEN_V_SEAL_KEY;
    unsigned char *raw, *out;
    apr_size_t out_len;
    int i;

    if (len % 4 == 1 || raw_len < ATEN_SEAL_OVERHEAD || raw_len - ATEN_SEAL_OVERHEAD > ATEN_SEAL_MAX) {
        return ATEN_V_SEAL_MALFORMED;
    }
    out_len = raw_len - ATEN_SEAL_OVERHEAD;
    raw = apr_palloc(p, raw_len + out_len + 1);
    out = raw + raw_len;
    if (!decode(raw, text, len) || raw[0] != SEAL_FORMAT) return ATEN_V_SEAL_MALFORMED;
    /* Two keys may share an id (one pair in 2^32): the next one is tried too. */
    for (i = 0; i < keys->count && v != ATEN_V_OK; i++) {
        if (!memcmp(raw + 1, keys->keys[i].id, KEY_ID_BYTES)) v = open_with(keys, i, bind, raw, out_len, out);
    }
    if (v != ATEN_V_OK) return v;
    out[out_len] = '\0';
    *plain = out;
    *plain_len = out_len;
    return ATEN_V_OK;
}
