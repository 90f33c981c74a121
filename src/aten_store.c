#include "aten_store.h"

#include <string.h>

#include "aten_seal.h"

#define PARTS_MAX 8

int aten_store_key(aten_store_key_t *out, const char *kind, const char *const parts[])
{
    const char *all[PARTS_MAX + 2] = {kind};
    int n = 0;

    memset(out, 0, sizeof(*out));
    while (n < PARTS_MAX && parts[n]) {
        all[n + 1] = parts[n];
        n++;
    }
    return n && !parts[n] && aten_digest(out->bytes, sizeof(out->bytes), all);
}
