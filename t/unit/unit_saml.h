/* Records of t/data/saml (see make.py there), their keys, and elements of a message. */
#ifndef ATEN_UNIT_SAML_H
#define ATEN_UNIT_SAML_H

#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "aten_saml.h"
#include "aten_xml.h"
#include "unit.h"

/* The text of a file below t/data/saml, from the repository's top or from t. */
static inline const char *data_file(const char *name)
{
    FILE *file = fopen(apr_pstrcat(pool, "t/data/saml/", name, NULL), "r");
    char *text = apr_pcalloc(pool, 512 * 1024);

    if (!file) file = fopen(apr_pstrcat(pool, "data/saml/", name, NULL), "r");
    if (!file) fail_msg("t/data/saml/%s is missing", name);
    assert_true(fread(text, 1, 512 * 1024 - 1, file) > 0);
    fclose(file);
    return text;
}

static inline const char *record_of(const char *records, const char *name)
{
    const char *start = strstr(records, apr_pstrcat(pool, "== ", name, "\n", NULL));
    const char *end;

    if (!start) fail_msg("no record '%s'", name);
    start = strchr(start, '\n') + 1;
    end = strstr(start, "\n== ");
    return apr_pstrmemdup(pool, start, end ? (apr_size_t)(end - start) : strlen(start));
}

static inline apr_status_t free_key(void *pkey)
{
    EVP_PKEY_free(pkey);
    return APR_SUCCESS;
}

static inline aten_saml_key_t *key_of(const char *records, const char *name, int is_private)
{
    aten_saml_key_t *key = apr_pcalloc(pool, sizeof(*key));
    const char *pem = record_of(records, apr_pstrcat(pool, "key ", name, NULL));
    BIO *bio = BIO_new_mem_buf(pem, -1);

    key->pkey = is_private ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL)
                           : PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    BIO_free(bio);
    assert_non_null(key->pkey);
    apr_pool_cleanup_register(pool, key->pkey, free_key, apr_pool_cleanup_null);
    return key;
}

/* Names with '|' between them; "-" stands for an entry without a key. */
static inline apr_array_header_t *keys_of(const char *records, const char *names, int is_private)
{
    apr_array_header_t *keys = apr_array_make(pool, 2, sizeof(const aten_saml_key_t *));
    char *words[WORDS_MAX];
    int i, n = split(names, words);

    for (i = 0; i < n; i++) {
        APR_ARRAY_PUSH(keys, const aten_saml_key_t *) =
            strcmp(words[i], "-") ? key_of(records, words[i], is_private) : apr_pcalloc(pool, sizeof(aten_saml_key_t));
    }
    return keys;
}

static inline xmlNode *root_of(const char *text)
{
    xmlDocPtr doc;
    aten_verdict_t verdict = aten_xml_parse(&doc, text, strlen(text), pool);

    if (verdict != ATEN_V_OK) fail_msg("does not parse (%s): %.2000s", aten_verdict_tag(verdict), text);
    return xmlDocGetRootElement(doc);
}

/* text with the first old replaced, which must be there. Without old, text. */
static inline const char *replaced(const char *text, const char *old, const char *new)
{
    const char *at;

    if (!old) return text;
    at = strstr(text, old);
    if (!at) fail_msg("'%s' is not in the message", old);
    return apr_pstrcat(pool, apr_pstrmemdup(pool, text, (apr_size_t)(at - text)), new, at + strlen(old), NULL);
}

/* What stands on standard error from quiet_begin on; nothing is expected to. */
typedef struct {
    FILE *file;
    int saved;
} quiet_t;

static inline quiet_t quiet_begin(void)
{
    quiet_t quiet = {tmpfile(), dup(2)};

    assert_non_null(quiet.file);
    fflush(stderr);
    assert_true(dup2(fileno(quiet.file), 2) == 2);
    return quiet;
}

static inline long quiet_end(quiet_t quiet)
{
    long written;

    fflush(stderr);
    written = (long)lseek(2, 0, SEEK_END);
    dup2(quiet.saved, 2);
    close(quiet.saved);
    fclose(quiet.file);
    return written;
}

#endif
