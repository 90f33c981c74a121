/* Strict binary packing of what is sealed into cookies: numbers of a fixed width, bytes, and texts with their length
 * before them and a NUL behind them, so that a reader can use them where they stand.
 * A failure stays: pack or read everything, then ask once. */
#ifndef ATEN_PACK_H
#define ATEN_PACK_H

#include <apr_pools.h>
#include <apr_time.h>

#define ATEN_PACK_TEXT_MAX 0x7FFF /* bytes of a text */

typedef struct {
    unsigned char *data;
    apr_size_t len;
    apr_size_t max;
    int full;   /* something did not fit into max */
    int bad;    /* something may not be packed: a text that is not clean UTF-8, a time before the epoch */
} aten_pack_t;

/** An empty one with room for max bytes. */
void aten_pack_init(aten_pack_t *pack, apr_size_t max, apr_pool_t *p);

/** The low bytes (1 to 8) of value, most significant first. */
void aten_pack_number(aten_pack_t *pack, apr_uint64_t value, int bytes);

/** A length or a count, up to ATEN_PACK_TEXT_MAX: one byte below 128, otherwise two. */
void aten_pack_size(aten_pack_t *pack, apr_size_t size);

void aten_pack_bytes(aten_pack_t *pack, const void *data, apr_size_t len);

/** Clean UTF-8 (aten_text_is_clean) or empty. NULL is bad. */
void aten_pack_text(aten_pack_t *pack, const char *text);

/** The same, but empty is bad. */
void aten_pack_name(aten_pack_t *pack, const char *text);

void aten_pack_time(aten_pack_t *pack, apr_time_t t);

typedef struct {
    const unsigned char *at;
    apr_size_t left;
    int failed;
} aten_unpack_t;

void aten_unpack_init(aten_unpack_t *in, const unsigned char *data, apr_size_t len);

/* Each gives 0, zeroed bytes or "" once something has failed. */
apr_uint64_t aten_unpack_number(aten_unpack_t *in, int bytes);
void aten_unpack_bytes(aten_unpack_t *in, void *out, apr_size_t len);
apr_time_t aten_unpack_time(aten_unpack_t *in);

/** A length or a count, in its one shortest form.
 *  @param each what every counted thing takes at least: a count that the remaining bytes cannot hold fails, so that it
 *              may be a loop's bound */
apr_size_t aten_unpack_size(aten_unpack_t *in, apr_size_t each);

/** A clean or empty text, used where it stands: it lives as long as the data. Never NULL. */
const char *aten_unpack_text(aten_unpack_t *in);

/** The same, but empty fails. */
const char *aten_unpack_name(aten_unpack_t *in);

/** Was everything read, nothing left over, and nothing wrong? */
int aten_unpack_done(const aten_unpack_t *in);

#endif
