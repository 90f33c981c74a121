/* Drives a fuzz target without libFuzzer: every seed file, every prefix of it, and a bounded number of changes of it,
 * the same ones at each run. For make test, with the sanitizers.
 *   replay CHANGES-PER-SEED SEED... */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "fuzz.h"

#define SEED_MAX 65536

static uint64_t state = 88172645463325252u;

static unsigned int next(unsigned int below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned int)(state % below);
}

/* One of: a byte changed, removed, doubled; a piece moved; a byte that parsers care about put in. */
static size_t change(unsigned char *data, size_t size, size_t room)
{
    static const unsigned char odd[] = "<>&\"'/\\%;=.:?#,-\n\r\t \0\x7f\x80\xc3\xff[]!";
    size_t at, len;

    if (!size) return 0;
    at = next((unsigned int)size);
    switch (next(5)) {
    case 0:
        data[at] = (unsigned char)next(256);
        return size;
    case 1:
        memmove(data + at, data + at + 1, size - at - 1);
        return size - 1;
    case 2:
        data[at] = odd[next(sizeof(odd) - 1)];
        return size;
    case 3:
        len = 1 + next(32);
        if (at + len > size) len = size - at;
        if (size + len > room) return size;
        memmove(data + at + len, data + at, size - at);
        return size + len;
    default:
        return at;
    }
}

static void run(const unsigned char *data, size_t size)
{
    unsigned char *exact = malloc(size ? size : 1);

    if (!exact) abort();
    memcpy(exact, data, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

static int replay(const char *file, unsigned long changes)
{
    static unsigned char seed[SEED_MAX], data[SEED_MAX];
    FILE *in = fopen(file, "rb");
    size_t size, changed, i;

    if (!in) return 0;
    size = fread(seed, 1, sizeof(seed), in);
    fclose(in);
    for (i = 0; i <= size; i++) run(seed, i);
    for (; changes; changes--) {
        memcpy(data, seed, size);
        changed = size;
        for (i = 1 + next(4); i; i--) changed = change(data, changed, sizeof(data));
        run(data, changed);
    }
    return 1;
}

int main(int argc, char **argv)
{
    unsigned long changes = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    int i;

    for (i = 2; i < argc; i++) {
        if (!replay(argv[i], changes)) {
            fprintf(stderr, "%s cannot be read\n", argv[i]);
            return 1;
        }
    }
    printf("%d seeds, %lu changes of each\n", argc - 2, changes);
    return argc > 2 ? 0 : 1;
}
