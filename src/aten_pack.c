#include "aten_pack.h"

#include <string.h>

#include "aten_util.h"

#define SHORT_SIZE 0x80 /* below: one byte. The first of two bytes has this bit */

/* -- Packing -- */

void aten_pack_init(aten_pack_t *pack, apr_size_t max, apr_pool_t *p)
{
    memset(pack, 0, sizeof(*pack));
    pack->data = apr_palloc(p, max);
    pack->max = max;
}

void aten_pack_bytes(aten_pack_t *pack, const void *data, apr_size_t len)
{
    if (len > pack->max - pack->len) {
        pack->full = 1;
        return;
    }
    memcpy(pack->data + pack->len, data, len);
    pack->len += len;
}

void aten_pack_number(aten_pack_t *pack, apr_uint64_t value, int bytes)
{
    unsigned char out[8];
    int i;

    for (i = 0; i < bytes; i++) out[i] = (unsigned char)(value >> (8 * (bytes - 1 - i)));
    aten_pack_bytes(pack, out, (apr_size_t)bytes);
}

void aten_pack_size(aten_pack_t *pack, apr_size_t size)
{
    if (size > ATEN_PACK_TEXT_MAX) {
        pack->full = 1;
        return;
    }
    if (size < SHORT_SIZE) {
        aten_pack_number(pack, size, 1);
    }
    else {
        aten_pack_number(pack, size | SHORT_SIZE << 8, 2);
    }
}

void aten_pack_text(aten_pack_t *pack, const char *text)
{
    apr_size_t len;

    if (!text || (*text && !aten_text_is_clean(text, strlen(text)))) {
        pack->bad = 1;
        return;
    }
    len = strlen(text);
    aten_pack_size(pack, len);
    aten_pack_bytes(pack, text, len + 1);
}

void aten_pack_name(aten_pack_t *pack, const char *text)
{
    if (text && !*text) pack->bad = 1;
    aten_pack_text(pack, text);
}

void aten_pack_time(aten_pack_t *pack, apr_time_t t)
{
    if (t < 0) pack->bad = 1;
    aten_pack_number(pack, (apr_uint64_t)t, 8);
}

/* -- Reading -- */

void aten_unpack_init(aten_unpack_t *in, const unsigned char *data, apr_size_t len)
{
    in->at = data;
    in->left = len;
    in->failed = 0;
}

/* @return the next len bytes, or NULL */
static const unsigned char *take(aten_unpack_t *in, apr_size_t len)
{
    const unsigned char *at = in->at;

    if (in->failed || len > in->left) {
        in->failed = 1;
        return NULL;
    }
    in->at += len;
    in->left -= len;
    return at;
}

apr_uint64_t aten_unpack_number(aten_unpack_t *in, int bytes)
{
    const unsigned char *at = take(in, (apr_size_t)bytes);
    apr_uint64_t value = 0;
    int i;

    for (i = 0; at && i < bytes; i++) value = value << 8 | at[i];
    return value;
}

void aten_unpack_bytes(aten_unpack_t *in, void *out, apr_size_t len)
{
    const unsigned char *at = take(in, len);

    if (at) {
        memcpy(out, at, len);
    }
    else {
        memset(out, 0, len);
    }
}

apr_time_t aten_unpack_time(aten_unpack_t *in)
{
    const apr_uint64_t value = aten_unpack_number(in, 8);

    if (value > (apr_uint64_t)APR_INT64_MAX) {
        in->failed = 1;
        return 0;
    }
    return (apr_time_t)value;
}

apr_size_t aten_unpack_size(aten_unpack_t *in, apr_size_t each)
{
    const unsigned char *at = take(in, 1);
    apr_size_t size = at ? *at : 0;

    if (size >= SHORT_SIZE) {
        size = (size - SHORT_SIZE) << 8 | (apr_size_t)aten_unpack_number(in, 1);
        if (size < SHORT_SIZE) in->failed = 1;
    }
    if (in->failed || size > in->left / each) {
        in->failed = 1;
        return 0;
    }
    return size;
}

#define EACH_BYTE(n) (APR_UINT64_C(0x0101010101010101) * (n))

/* A byte has its high bit set in the result if it is no printable ASCII: what is below 0x20 borrows, 0x7F carries, and
 * what is above has the bit. Its neighbour may get one too, but never without such a byte. */
static apr_uint64_t odd_bytes(apr_uint64_t bytes)
{
    return (bytes - EACH_BYTE(0x20)) | (bytes + EACH_BYTE(1)) | bytes;
}

static apr_uint64_t load(const char *text)
{
    apr_uint64_t bytes;

    memcpy(&bytes, text, sizeof(bytes));
    return bytes;
}

/* Eight bytes at a time, for every request reads the texts of its session, and most are ASCII. */
static int is_ascii(const char *text, apr_size_t len)
{
    apr_uint64_t odd = 0;
    apr_size_t i;

    for (i = 0; i + 8 <= len; i += 8) odd |= odd_bytes(load(text + i));
    if (len >= 8) {
        odd |= odd_bytes(load(text + len - 8));
    }
    else {
        for (; i < len; i++) odd |= odd_bytes(EACH_BYTE((unsigned char)text[i]));
    }
    return !(odd & EACH_BYTE(0x80));
}

static int is_readable(const char *text, apr_size_t len)
{
    if (text[len]) return 0;
    return is_ascii(text, len) || (strlen(text) == len && aten_text_is_clean(text, len));
}

const char *aten_unpack_text(aten_unpack_t *in)
{
    const apr_size_t len = aten_unpack_size(in, 1);
    const char *text = (const char *)take(in, len + 1);

    if (text && is_readable(text, len)) return text;
    in->failed = 1;
    return "";
}

const char *aten_unpack_name(aten_unpack_t *in)
{
    const char *text = aten_unpack_text(in);

    if (!*text) in->failed = 1;
    return text;
}

int aten_unpack_done(const aten_unpack_t *in)
{
    return !in->failed && !in->left;
}
