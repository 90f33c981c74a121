/* What the unit tests share: cmocka and its headers, one pool for a group of tests, words of a directive. */
#ifndef ATEN_UNIT_H
#define ATEN_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_pools.h>
#include <apr_strings.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))
#define WORDS_MAX 20

static apr_pool_t *pool;

static inline int setup(void **state)
{
    (void)state;
    if (apr_initialize() != APR_SUCCESS) return -1;
    return apr_pool_create(&pool, NULL) == APR_SUCCESS ? 0 : -1;
}

static inline int teardown(void **state)
{
    (void)state;
    apr_pool_destroy(pool);
    apr_terminate();
    return 0;
}

/* The words of a line, as httpd hands them over. A '|' separates, so that words can have blanks. */
static inline int split(const char *line, char *words[WORDS_MAX])
{
    char *copy = apr_pstrdup(pool, line), *bar;
    int n = 0;

    if (!*line) return 0;
    for (;;) {
        assert_true(n < WORDS_MAX);
        words[n++] = copy;
        bar = strchr(copy, '|');
        if (!bar) return n;
        *bar = '\0';
        copy = bar + 1;
    }
}

#endif
