/* Sealing: AES-256-GCM with a random 96-bit nonce, by keys from a file. What is sealed can be neither read nor changed
 * by the browser that carries it, and opens only for the purpose, name, scheme and host that it was sealed for.
 * The only file (with session's hashes) that knows OpenSSL's EVP. */
#ifndef ATEN_SEAL_H
#define ATEN_SEAL_H

#include <apr_pools.h>

#include "aten_util.h"
#include "aten_verdict.h"

#define ATEN_KEY_BYTES 32     /* AES-256 */
#define ATEN_KEYS_MAX 16      /* keys in one file */
#define ATEN_SEAL_OVERHEAD (1 + 4 + 12 + 16) /* format, key id, nonce, tag: bytes before base64url */
#define ATEN_SEAL_MAX 65536   /* bytes of what is sealed */

/* The keys of a file and, for each thread that uses them, the cipher contexts with their key schedules.
 * Made in the parent, used in its children and their threads at the same time. A thread's contexts are freed when it
 * ends, or with the pool for the thread that cleans that up: the other threads have to end before the pool. */
typedef struct aten_keyring_t aten_keyring_t;

/* What a sealed value is bound to (additional authenticated data). No member may be NULL. */
typedef struct {
    const char *purpose; /* "session", "pending" */
    const char *name;    /* the cookie's name */
    const char *scheme;  /* "https" or "http" */
    const char *host;    /* the base URL's host, or the cookie's domain; "vhost a" never opens what "vhost b" made */
} aten_bind_t;

/** Read keys from the text of a key file: base64 of 32 bytes, one a line; blank lines and lines that begin with '#'
 *  are passed over. The first seals, all open. The bytes are wiped when p is cleaned up.
 *  @return NULL and *out set, or a sentence with the line's number and never a byte of the line ("line 3 is not the
 *          base64 of 32 bytes"); no key at all, more than ATEN_KEYS_MAX and a key that stands twice are errors too */
const char *aten_keyring_parse(aten_keyring_t **out, const char *text, apr_size_t len, apr_pool_t *p);

/** The text of a new key file with one random key (a comment line, the key, a newline). */
apr_status_t aten_keyring_text(char **out, aten_random_fn *random, void *baton, apr_pool_t *p);

/** Bytes of the base64url text (without the final NUL) that sealing plain_len bytes gives. */
apr_size_t aten_seal_length(apr_size_t plain_len);

/** Bytes that can be sealed into a text of at most text_len bytes, 0 if none. */
apr_size_t aten_seal_room(apr_size_t text_len);

/** Seal plain, at most ATEN_SEAL_MAX bytes.
 *  @return the base64url text, or NULL if the random source or the cipher failed, or plain or bind is too long */
char *aten_seal(aten_keyring_t *keys, const aten_bind_t *bind, const void *plain, apr_size_t len,
                aten_random_fn *random, void *baton, apr_pool_t *p);

/** Open a sealed text of len bytes (it need not end in NUL). Strict: exactly one text opens to what was sealed.
 *  @param plain set to plain_len bytes from p, with a NUL behind them, when the verdict is OK; untouched otherwise
 *  @return OK, SEAL_MALFORMED, SEAL_KEY, SEAL_BROKEN or INTERNAL */
aten_verdict_t aten_open(aten_keyring_t *keys, const aten_bind_t *bind, const char *text, apr_size_t len,
                         unsigned char **plain, apr_size_t *plain_len, apr_pool_t *p);

/** The first out_len (at most 32) bytes of the SHA-256 over the parts, each preceded by its length, so that ("a","bc")
 *  and ("ab","c") differ. parts ends with NULL. @return 1, or 0 if the hash failed (out is then zeroed) */
int aten_digest(unsigned char *out, apr_size_t out_len, const char *const parts[]);

/** Are the len bytes the same? Takes as long for any bytes. */
int aten_equal_secret(const void *a, const void *b, apr_size_t len);

#endif
