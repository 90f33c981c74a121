#include "aten_verdict.h"

static const struct {
    const char *tag;
    const char *text;
} verdicts[ATEN_V_COUNT] = {
#define X(name, tag, text) {tag, text},
    ATEN_VERDICTS(X)
#undef X
};

const char *aten_verdict_tag(aten_verdict_t v)
{
    return (unsigned int)v < ATEN_V_COUNT ? verdicts[v].tag : verdicts[ATEN_V_REFUSED].tag;
}

const char *aten_verdict_text(aten_verdict_t v)
{
    return (unsigned int)v < ATEN_V_COUNT ? verdicts[v].text : verdicts[ATEN_V_REFUSED].text;
}
