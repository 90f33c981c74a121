#include "aten_saml_decrypt_private.h"

#include <string.h>

#include <apr_strings.h>

#include "aten_saml_form.h"
#include "aten_util.h"
#include "aten_xml.h"

#define MORE "http://www.w3.org/2001/04/xmldsig-more#"
#define OAEP_MGF1P ATEN_NS_XENC "rsa-oaep-mgf1p"
#define OAEP ATEN_NS_XENC11 "rsa-oaep"
#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

typedef struct {
    const char **why;
    apr_pool_t *p;
} reading_t;

typedef struct {
    const char *uri;
    const EVP_MD *(*digest)(void);
} digest_t;

/* xmlenc-core 1.1 sections 5.2 and 5.8, and RFC 4051 for those of the former version. */
static const struct { const char *uri; const EVP_CIPHER *(*algorithm)(void); int is_cbc; } contents[] = {
    {ATEN_NS_XENC11 "aes128-gcm", EVP_aes_128_gcm, 0}, {ATEN_NS_XENC "aes128-cbc", EVP_aes_128_cbc, 1},
    {ATEN_NS_XENC11 "aes192-gcm", EVP_aes_192_gcm, 0}, {ATEN_NS_XENC "aes192-cbc", EVP_aes_192_cbc, 1},
    {ATEN_NS_XENC11 "aes256-gcm", EVP_aes_256_gcm, 0}, {ATEN_NS_XENC "aes256-cbc", EVP_aes_256_cbc, 1},
};
static const digest_t digests[] = {
    {ATEN_NS_DS "sha1", EVP_sha1},        {MORE "sha224", EVP_sha224},
    {ATEN_NS_XENC "sha256", EVP_sha256},  {MORE "sha384", EVP_sha384},
    {ATEN_NS_XENC "sha384", EVP_sha384},  {ATEN_NS_XENC "sha512", EVP_sha512},
    {NULL, NULL},
};
static const digest_t masks[] = {
    {ATEN_NS_XENC11 "mgf1sha1", EVP_sha1},     {ATEN_NS_XENC11 "mgf1sha224", EVP_sha224},
    {ATEN_NS_XENC11 "mgf1sha256", EVP_sha256}, {ATEN_NS_XENC11 "mgf1sha384", EVP_sha384},
    {ATEN_NS_XENC11 "mgf1sha512", EVP_sha512}, {NULL, NULL},
};

static aten_verdict_t no(const reading_t *reading, const char *text)
{
    *reading->why = text;
    return ATEN_V_SAML_ENCRYPTION_FORM;
}

static aten_verdict_t no_algorithm(const reading_t *reading, const char *what, const char *algorithm)
{
    *reading->why = apr_psprintf(reading->p, "the %s is '%s', which is not allowed", what,
                                 aten_log_text(reading->p, algorithm, 120));
    return ATEN_V_SAML_ALGORITHM;
}

static const char *algorithm_of(const reading_t *reading, const xmlNode *element)
{
    return aten_xml_attribute(element, "Algorithm", reading->p);
}

/* --- EncryptionMethod --- */

static aten_verdict_t read_digest(const reading_t *reading, const EVP_MD **out, const xmlNode *element,
                                  const digest_t *known, const char *what)
{
    const char *algorithm;

    *out = EVP_sha1(); /* where nothing is said (xmlenc-core 1.1 section 5.5.2) */
    if (!element) return ATEN_V_OK;
    algorithm = algorithm_of(reading, element);
    while (known->uri && !aten_same(algorithm, known->uri)) known++;
    if (!known->uri) return no_algorithm(reading, what, algorithm);
    if (aten_xml_first(element) || !aten_saml_attributes_are(element, NAMES("Algorithm"))) {
        return no(reading, apr_psprintf(reading->p, "the %s has parameters", what));
    }
    *out = known->digest();
    return ATEN_V_OK;
}

static int read_bytes(const reading_t *reading, aten_saml_bytes_t *out, const xmlNode *element)
{
    out->bytes = aten_saml_base64(element, &out->len, reading->p);
    return out->bytes != NULL;
}

/* PKCS#1 v1.5 padding tells whoever sends often enough what was encrypted; AES key wrap has no key here. */
static aten_verdict_t read_transport(const reading_t *reading, aten_saml_encrypted_key_t *out, const xmlNode *method)
{
    const char *algorithm = algorithm_of(reading, method);
    const int has_mask = aten_same(algorithm, OAEP);
    xmlNode *at = aten_xml_first(method), *label, *digest, *mask;
    aten_verdict_t verdict;

    if (!has_mask && !aten_same(algorithm, OAEP_MGF1P)) return no_algorithm(reading, "key transport", algorithm);
    label = aten_saml_take(&at, ATEN_NS_XENC, "OAEPparams");
    digest = aten_saml_take(&at, ATEN_NS_DS, "DigestMethod");
    mask = has_mask ? aten_saml_take(&at, ATEN_NS_XENC11, "MGF") : NULL;
    /* The schema has the label first, and some write it last. */
    if (!label) label = aten_saml_take(&at, ATEN_NS_XENC, "OAEPparams");
    if (at || !aten_saml_attributes_are(method, NAMES("Algorithm"))) {
        return no(reading, "EncryptionMethod of an EncryptedKey has parameters that are not taken");
    }
    verdict = read_digest(reading, &out->digest, digest, digests, "DigestMethod of the key transport");
    if (verdict != ATEN_V_OK) return verdict;
    verdict = read_digest(reading, &out->mask, mask, masks, "MGF of the key transport");
    if (verdict != ATEN_V_OK) return verdict;
    return !label || read_bytes(reading, &out->label, label) ? ATEN_V_OK : no(reading, "OAEPparams is not base64");
}

static aten_verdict_t read_content(const reading_t *reading, aten_saml_encrypted_t *out, const xmlNode *method)
{
    const char *algorithm = algorithm_of(reading, method);
    apr_size_t i;

    for (i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
        if (!aten_same(algorithm, contents[i].uri)) continue;
        if (aten_xml_first(method) || !aten_saml_attributes_are(method, NAMES("Algorithm"))) {
            return no(reading, "EncryptionMethod of EncryptedData has parameters");
        }
        out->algorithm = contents[i].algorithm();
        out->is_cbc = contents[i].is_cbc;
        return ATEN_V_OK;
    }
    return no_algorithm(reading, "encryption", algorithm);
}

/* --- CipherData, EncryptedKey, KeyInfo --- */

static aten_verdict_t read_cipher(const reading_t *reading, aten_saml_bytes_t *out, const xmlNode *data)
{
    xmlNode *at = aten_xml_first(data);
    const xmlNode *value = aten_saml_take(&at, ATEN_NS_XENC, "CipherValue");

    if (!value || at || data->properties || value->properties) return no(reading, "CipherData is not one CipherValue");
    return read_bytes(reading, out, value) ? ATEN_V_OK : no(reading, "CipherValue is not base64");
}

/* Says which of our keys was taken. All are tried, so nobody looks; but it must not lead elsewhere. */
static int is_hint(const xmlNode *info)
{
    const xmlNode *hint;

    for (hint = aten_xml_first(info); hint; hint = aten_xml_next(hint)) {
        if (!aten_xml_is(hint, ATEN_NS_DS, "KeyName") && !aten_xml_is(hint, ATEN_NS_DS, "KeyValue") &&
            !aten_xml_is(hint, ATEN_NS_DS, "X509Data")) return 0;
    }
    return 1;
}

static aten_verdict_t read_key(const reading_t *reading, aten_saml_encrypted_t *out, const xmlNode *element)
{
    xmlNode *at = aten_xml_first(element);
    const xmlNode *method = aten_saml_take(&at, ATEN_NS_XENC, "EncryptionMethod");
    const xmlNode *info = aten_saml_take(&at, ATEN_NS_DS, "KeyInfo");
    const xmlNode *data = aten_saml_take(&at, ATEN_NS_XENC, "CipherData");
    aten_saml_encrypted_key_t *key;
    aten_verdict_t verdict;

    if (out->keys_count == ATEN_ENCRYPTED_KEYS_MAX) return no(reading, "there are more than 8 EncryptedKeys");
    key = &out->keys[out->keys_count++];
    /* These two say where the key is used (xmlenc-core 1.1 section 3.5.1), which is here or nowhere. */
    aten_saml_take(&at, ATEN_NS_XENC, "ReferenceList");
    aten_saml_take(&at, ATEN_NS_XENC, "CarriedKeyName");
    if (!method || !data || at || !is_hint(info) || !aten_saml_attributes_are(element, NAMES("Id", "Recipient"))) {
        return no(reading, "an EncryptedKey is not of the form that is taken");
    }
    verdict = read_transport(reading, key, method);
    return verdict == ATEN_V_OK ? read_cipher(reading, &key->cipher, data) : verdict;
}

static aten_verdict_t read_keys(const reading_t *reading, aten_saml_encrypted_t *out, xmlNode **at)
{
    const xmlNode *key;
    aten_verdict_t verdict;

    while ((key = aten_saml_take(at, ATEN_NS_XENC, "EncryptedKey"))) {
        verdict = read_key(reading, out, key);
        if (verdict != ATEN_V_OK) return verdict;
    }
    return ATEN_V_OK;
}

/* To an EncryptedKey in the message, which is read where it stands. */
static int is_retrieval_form(const reading_t *reading, const xmlNode *method)
{
    const char *uri = aten_xml_attribute(method, "URI", reading->p);
    const char *type = aten_xml_attribute(method, "Type", reading->p);

    return uri && *uri == '#' && (!type || !strcmp(type, ATEN_NS_XENC "EncryptedKey")) && !aten_xml_first(method) &&
           aten_saml_attributes_are(method, NAMES("URI", "Type"));
}

static aten_verdict_t read_key_info(const reading_t *reading, aten_saml_encrypted_t *out, const xmlNode *info)
{
    xmlNode *at = aten_xml_first(info);
    const xmlNode *method;
    aten_verdict_t verdict;

    while (aten_saml_take(&at, ATEN_NS_DS, "KeyName")) continue;
    while ((method = aten_saml_take(&at, ATEN_NS_DS, "RetrievalMethod"))) {
        if (!is_retrieval_form(reading, method)) return no(reading, "a RetrievalMethod leads out of the message");
    }
    verdict = read_keys(reading, out, &at);
    if (verdict != ATEN_V_OK) return verdict;
    return at ? no(reading, "KeyInfo has something else than EncryptedKeys") : ATEN_V_OK;
}

/* --- the whole --- */

static int is_type_form(const reading_t *reading, const xmlNode *data)
{
    const char *type = aten_xml_attribute(data, "Type", reading->p);

    return (!type || !strcmp(type, ATEN_NS_XENC "Element")) &&
           aten_saml_attributes_are(data, NAMES("Id", "Type", "MimeType"));
}

static aten_verdict_t read_data(const reading_t *reading, aten_saml_encrypted_t *out, const xmlNode *element)
{
    xmlNode *at = aten_xml_first(element);
    const xmlNode *method = aten_saml_take(&at, ATEN_NS_XENC, "EncryptionMethod");
    const xmlNode *info = aten_saml_take(&at, ATEN_NS_DS, "KeyInfo");
    const xmlNode *data = aten_saml_take(&at, ATEN_NS_XENC, "CipherData");
    aten_verdict_t verdict;

    if (!method || !data || at || !is_type_form(reading, element)) {
        return no(reading, "EncryptedData is not EncryptionMethod, KeyInfo and CipherData of an element");
    }
    verdict = read_content(reading, out, method);
    if (verdict == ATEN_V_OK && info) verdict = read_key_info(reading, out, info);
    return verdict == ATEN_V_OK ? read_cipher(reading, &out->cipher, data) : verdict;
}

aten_verdict_t aten_saml_encrypted_read(aten_saml_encrypted_t *out, const xmlNode *encrypted, const char **why,
                                        apr_pool_t *p)
{
    const reading_t reading = {why, p};
    xmlNode *at = aten_xml_first(encrypted);
    const xmlNode *data = aten_saml_take(&at, ATEN_NS_XENC, "EncryptedData");
    aten_verdict_t verdict;

    memset(out, 0, sizeof(*out));
    if (!data || (!aten_xml_is(encrypted, ATEN_NS_SAML, "EncryptedAssertion") &&
                  !aten_xml_is(encrypted, ATEN_NS_SAML, "EncryptedID"))) {
        return no(&reading, "there is no EncryptedData in it");
    }
    verdict = read_data(&reading, out, data);
    if (verdict == ATEN_V_OK) verdict = read_keys(&reading, out, &at);
    if (verdict != ATEN_V_OK) return verdict;
    if (at) return no(&reading, "there is something else than EncryptedData and EncryptedKeys in it");
    return out->keys_count ? ATEN_V_OK : no(&reading, "there is no EncryptedKey in it");
}
