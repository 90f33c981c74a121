/* Small things that several files need and that APR does not have. */
#ifndef ATEN_UTIL_H
#define ATEN_UTIL_H

#include <apr_pools.h>
#include <apr_tables.h>

/** Bytes of randomness from the caller's source. The logic never reads a random source itself.
 *  @return APR_SUCCESS, or an error: then nothing in buf may be used */
typedef apr_status_t aten_random_fn(void *baton, unsigned char *buf, apr_size_t len);

/** Are the strings the same, byte for byte? NULL equals nothing, not even NULL: a missing value never matches. */
int aten_same(const char *a, const char *b);

/** Does the list (const char *) have that text, as aten_same has it? */
int aten_has(const apr_array_header_t *list, const char *text);

/** A whole number, decimal digits only, from min to max.
 *  @return 1 and *out set, or 0: empty, a sign, a blank, junk behind it, out of range */
int aten_parse_number(const char *text, apr_int64_t min, apr_int64_t max, apr_int64_t *out);

/** Is text one byte or more of valid UTF-8 (RFC 3629: no overlong form, no surrogate), without a control character
 *  (U+0000 to U+001F, U+007F to U+009F), at most max bytes? */
int aten_text_is_clean(const char *text, apr_size_t max);

/** A copy without white space (space, tab, CR, LF) at both ends. NULL gives NULL. */
char *aten_trim(apr_pool_t *p, const char *text);

/** values joined as Shibboleth joins them: ';' between them, '\;' for one inside a value.
 *  @param values array of const char *; empty strings keep their place
 *  @return "" for an empty array */
char *aten_join(apr_pool_t *p, const apr_array_header_t *values);

/** Make text fit for a log line: every byte outside printable ASCII becomes \xNN (or \n, \t and the like), double
 *  quotes and backslashes are escaped, and of what is longer than max bytes only these stand, with "..." behind them.
 *  NULL gives "-". */
const char *aten_log_text(apr_pool_t *p, const char *text, apr_size_t max);

#endif
