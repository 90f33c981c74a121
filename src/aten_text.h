/* The catalogue of what the pages say, in French and English. */
#ifndef ATEN_TEXT_H
#define ATEN_TEXT_H

#include <apr_pools.h>

/* id, French, English. Plain words, written for families; no markup; {0} to {3} are arguments. */
#define ATEN_TEXTS(X) \
    X(CHOOSER_TITLE, "Indiquez votre profil", "Choose your profile") \
    X(REFERENCE, "Référence à donner si vous demandez de l'aide : {0}", "Reference to give if you ask for help: {0}")

typedef enum {
#define X(id, fr, en) ATEN_T_##id,
    ATEN_TEXTS(X)
#undef X
    ATEN_T_COUNT
} aten_text_t;

/** The text in that language ("fr", otherwise English), with {0}.. replaced by args in one pass (an argument's own
 *  braces stay). args ends with NULL; a missing argument gives "". args may be NULL.
 *  @return UTF-8, not escaped, from p or constant */
const char *aten_text(const char *lang, aten_text_t id, const char *const args[], apr_pool_t *p);

#endif
