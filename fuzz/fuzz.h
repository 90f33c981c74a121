/* What the fuzz targets share. Each defines LLVMFuzzerTestOneInput: libFuzzer drives it (make fuzz), or replay.c. */
#ifndef ATEN_FUZZ_H
#define ATEN_FUZZ_H

#include <stddef.h>
#include <stdlib.h>

#include <apr_general.h>
#include <apr_pools.h>
#include <apr_strings.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static inline void fuzz_require(int holds)
{
    if (!holds) abort();
}

/* One pool for the process, cleared by the target after each input. */
static inline apr_pool_t *fuzz_pool(void)
{
    static apr_pool_t *pool;

    if (!pool) {
        apr_initialize();
        apr_pool_create(&pool, NULL);
    }
    return pool;
}

/* A copy with a NUL behind it, of exactly that size, so that a read beyond it is seen. */
static inline char *fuzz_text(const unsigned char *data, size_t size, apr_pool_t *p)
{
    return apr_pstrmemdup(p, (const char *)data, size);
}

#endif
