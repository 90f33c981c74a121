#include "aten_saml_service.h"

#include <string.h>

#include <apr_strings.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "aten_saml_key.h"
#include "aten_saml_metadata.h"
#include "aten_saml_write.h"

/* --- keys --- */

#define KEY "AtenServiceKey"
#define CERTIFICATE "AtenServiceCertificate"

/* While the keys look for their certificates. */
typedef struct {
    aten_saml_key_t *certificates[ATEN_SERVICE_KEYS_MAX]; /* NULL: has found its key */
    apr_pool_t *p;
} pairing_t;

static int is_pair(const aten_saml_key_t *key, const aten_saml_key_t *certificate)
{
    int same;

    ERR_set_mark();
    same = EVP_PKEY_eq(key->pkey, certificate->pkey) == 1;
    ERR_pop_to_mark();
    return same;
}

/* @return 1 and the key has what its certificate says, which is then taken out of the list */
static int find_certificate(pairing_t *pairing, aten_saml_key_t *key)
{
    int i;

    for (i = 0; i < ATEN_SERVICE_KEYS_MAX; i++) {
        const aten_saml_key_t *certificate = pairing->certificates[i];

        if (!certificate || !is_pair(key, certificate)) continue;
        key->certificate = certificate->certificate;
        key->not_before = certificate->not_before;
        key->not_after = certificate->not_after;
        pairing->certificates[i] = NULL;
        return 1;
    }
    return 0;
}

static const char *too_many(const apr_array_header_t *texts, int *nth)
{
    *nth = ATEN_SERVICE_KEYS_MAX;
    return texts->nelts > ATEN_SERVICE_KEYS_MAX ? "one too many; there are two at most, during a roll-over" : NULL;
}

static const char *read_certificates(pairing_t *pairing, const apr_array_header_t *texts, int *nth)
{
    const char *error = too_many(texts, nth);

    if (error) return error;
    for (*nth = 0; *nth < texts->nelts; (*nth)++) {
        const char *text = APR_ARRAY_IDX(texts, *nth, const char *);

        error = aten_saml_key_from_certificate(&pairing->certificates[*nth], text, strlen(text), 1, pairing->p);
        if (error) return error;
    }
    return NULL;
}

static const char *read_keys(apr_array_header_t *keys, pairing_t *pairing, const apr_array_header_t *texts, int *nth)
{
    const char *error = too_many(texts, nth);

    if (error) return error;
    for (*nth = 0; *nth < texts->nelts; (*nth)++) {
        aten_saml_key_t *key = NULL;

        error = aten_saml_key_from_pem(&key, APR_ARRAY_IDX(texts, *nth, const char *), pairing->p);
        if (error) return error;
        if (!find_certificate(pairing, key)) return "no " CERTIFICATE " belongs to this key";
        APR_ARRAY_PUSH(keys, const aten_saml_key_t *) = key;
    }
    return NULL;
}

const char *aten_saml_service_load(aten_saml_service_t **out, const apr_array_header_t *keys,
                                   const apr_array_header_t *certificates, const char **which, int *nth,
                                   apr_pool_t *p)
{
    pairing_t pairing = {{NULL}, p};
    aten_saml_service_t *service = apr_pcalloc(p, sizeof(*service));
    const char *error;

    service->keys = apr_array_make(p, ATEN_SERVICE_KEYS_MAX, sizeof(const aten_saml_key_t *));
    *which = CERTIFICATE;
    error = read_certificates(&pairing, certificates, nth);
    if (error) return error;
    *which = KEY;
    error = read_keys(service->keys, &pairing, keys, nth);
    if (error) return error;
    *which = CERTIFICATE;
    for (*nth = 0; *nth < ATEN_SERVICE_KEYS_MAX; (*nth)++) {
        if (pairing.certificates[*nth]) return "no " KEY " belongs to this certificate";
    }
    *out = service;
    return NULL;
}

/* --- metadata --- */

/* CBC is not offered: it is taken in a signed response alone. In the order of preference. */
static void write_methods(aten_saml_writer_t *to)
{
    static const char *const methods[] = {
        ATEN_NS_XENC11 "aes128-gcm", ATEN_NS_XENC11 "aes256-gcm", ATEN_NS_XENC11 "aes192-gcm",
        ATEN_NS_XENC "rsa-oaep-mgf1p", ATEN_NS_XENC11 "rsa-oaep",
    };
    apr_size_t i;

    for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        aten_saml_write_open(to, "md:EncryptionMethod");
        aten_saml_write_attribute(to, "Algorithm", methods[i]);
        aten_saml_write_close(to);
    }
}

static void write_key(aten_saml_writer_t *to, const aten_saml_key_t *key, int encrypts)
{
    aten_saml_write_open(to, "md:KeyDescriptor");
    aten_saml_write_attribute(to, "use", encrypts ? "encryption" : "signing");
    aten_saml_write_open(to, "ds:KeyInfo");
    aten_saml_write_open(to, "ds:X509Data");
    aten_saml_write_open(to, "ds:X509Certificate");
    aten_saml_write_text(to, key->certificate);
    aten_saml_write_close(to);
    aten_saml_write_close(to);
    aten_saml_write_close(to);
    if (encrypts) write_methods(to);
    aten_saml_write_close(to);
}

static void write_keys(aten_saml_writer_t *to, const aten_saml_service_t *service, int encrypts)
{
    int i;

    for (i = 0; service && i < service->keys->nelts; i++) {
        const aten_saml_key_t *key = APR_ARRAY_IDX(service->keys, i, const aten_saml_key_t *);

        if (!encrypts || EVP_PKEY_get_base_id(key->pkey) == EVP_PKEY_RSA) write_key(to, key, encrypts);
    }
}

static void write_endpoint(aten_saml_writer_t *to, const char *name, const char *binding, const char *location)
{
    aten_saml_write_open(to, name);
    aten_saml_write_attribute(to, "Binding", binding);
    aten_saml_write_attribute(to, "Location", location);
}

/* The order of elements is the schema's (saml-metadata 2.4.1, 2.4.2 and 2.4.4). */
static void write_role(aten_saml_writer_t *to, const aten_saml_self_t *self)
{
    const int signs = aten_saml_self_key(self) != NULL;

    aten_saml_write_open(to, "md:SPSSODescriptor");
    aten_saml_write_attribute(to, "AuthnRequestsSigned", signs ? "true" : "false");
    aten_saml_write_attribute(to, "WantAssertionsSigned", "true");
    aten_saml_write_attribute(to, "protocolSupportEnumeration", ATEN_NS_SAMLP);
    write_keys(to, self->service, 0);
    write_keys(to, self->service, 1);
    write_endpoint(to, "md:SingleLogoutService", ATEN_BINDING_REDIRECT, self->logout);
    aten_saml_write_close(to);
    write_endpoint(to, "md:SingleLogoutService", ATEN_BINDING_POST, self->logout);
    aten_saml_write_close(to);
    aten_saml_write_open(to, "md:NameIDFormat");
    aten_saml_write_text(to, ATEN_NAMEID_TRANSIENT);
    aten_saml_write_close(to);
    write_endpoint(to, "md:AssertionConsumerService", ATEN_BINDING_POST, self->acs);
    aten_saml_write_attribute(to, "index", "0");
    aten_saml_write_attribute(to, "isDefault", "true");
    aten_saml_write_close(to);
    aten_saml_write_close(to);
}

const aten_saml_key_t *aten_saml_self_key(const aten_saml_self_t *self)
{
    const aten_saml_service_t *service = self->service;

    return service && service->keys->nelts ? APR_ARRAY_IDX(service->keys, 0, const aten_saml_key_t *) : NULL;
}

char *aten_saml_service_metadata(const aten_saml_self_t *self, apr_pool_t *p)
{
    aten_saml_writer_t *to = aten_saml_write(1, p);

    aten_saml_write_open(to, "md:EntityDescriptor");
    aten_saml_write_attribute(to, "xmlns:md", ATEN_NS_MD);
    aten_saml_write_attribute(to, "xmlns:ds", ATEN_NS_DS);
    aten_saml_write_attribute(to, "entityID", self->service_id);
    write_role(to, self);
    return aten_saml_write_end(to, p);
}
