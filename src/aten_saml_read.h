/* Reading a portal's message: what the parts of that share. Only aten_saml_{response,message,assertion,attributes,
 * logout}.c include it. Every step returns OK, or a verdict with reading->why set. */
#ifndef ATEN_SAML_READ_H
#define ATEN_SAML_READ_H

#include <libxml/tree.h>

#include "aten_saml_response.h"

#define ATEN_SAML_ID_BYTES_MAX 1024        /* an ID, InResponseTo */
#define ATEN_SAML_NAME_BYTES_MAX 256       /* an attribute's Name */

/* One message while it is read. Of a logout `expect` has no service_id, its acs is the logout's address, and there is
 * no answer and no assertion. */
typedef struct {
    const aten_saml_expect_t *expect;
    const aten_portal_t *portal;       /* the one that the response's Issuer names, once it is believed */
    const aten_saml_entity_t *entity;  /* its metadata */
    int response_signed;
    const xmlNode *response;           /* of the digested bytes where response_signed; otherwise as it came: then it can
                                          refuse and never grant */
    const xmlNode *assertion;          /* of bytes that some signature covers */
    aten_saml_answer_t *answer;        /* strings are copied from p: nothing in it points into a tree */
    const char *why;
    apr_pool_t *p;
} aten_saml_reading_t;

/* The elements of a message of the form that is taken. */
typedef struct {
    xmlNode *response;
    xmlNode *assertion; /* a saml:Assertion or saml:EncryptedAssertion; NULL only where Status is a failure */
} aten_saml_message_t;

/** Note why the answer is refused. @return verdict */
aten_verdict_t aten_saml_no(aten_saml_reading_t *reading, aten_verdict_t verdict, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** What a text of the answer looks like in a log: escaped, 200 bytes at most, "-" for NULL. */
const char *aten_saml_shown(const aten_saml_reading_t *reading, const char *text);

/* --- aten_saml_message.c --- */

/** Is doc a response of the form that is taken: the root, Version, IDs, one Issuer, Status, one assertion, signatures
 *  where they belong? Asks nothing of what the values say. */
aten_verdict_t aten_saml_message_response(aten_saml_reading_t *reading, aten_saml_message_t *message, xmlDocPtr doc);

/** The same of a document that is one assertion, decrypted or digested. @param assertion its root */
aten_verdict_t aten_saml_message_assertion(aten_saml_reading_t *reading, xmlNode **assertion, xmlDocPtr doc);

/** Is root this element? @return OK or SAML_MALFORMED */
aten_verdict_t aten_saml_message_root(aten_saml_reading_t *reading, const xmlNode *root, const char *ns,
                                      const char *name);

/** Does the element have Version 2.0? @return OK or SAML_VERSION */
aten_verdict_t aten_saml_message_version(aten_saml_reading_t *reading, const xmlNode *element);

/** Its ID. @return OK or SAML_MALFORMED */
aten_verdict_t aten_saml_message_id(aten_saml_reading_t *reading, const xmlNode *element, const char **id);

/** Does no ID, of whatever kind, stand twice in the element and below it? @return OK or SAML_DUPLICATE_ID */
aten_verdict_t aten_saml_message_ids(aten_saml_reading_t *reading, const xmlNode *root);

/** Has element exactly one such child? @return OK or SAML_MALFORMED */
aten_verdict_t aten_saml_message_only(aten_saml_reading_t *reading, const xmlNode *element, const char *ns,
                                      const char *name);

/** Does a ds:Signature stand nowhere but, once, in root itself and, once, in assertion (which may be NULL)?
 *  @return OK or SAML_SIGNATURE_FORM */
aten_verdict_t aten_saml_message_signatures(aten_saml_reading_t *reading, const xmlNode *root,
                                            const xmlNode *assertion);

/** Has it one Status with one StatusCode? @return OK or SAML_MALFORMED */
aten_verdict_t aten_saml_message_status(aten_saml_reading_t *reading, const xmlNode *response);

/** Is Status's top-level code Success? @param code set to the code */
int aten_saml_message_is_success(const aten_saml_reading_t *reading, const xmlNode *response, const char **code);

/* --- aten_saml_response.c --- */

/** Parse. @param what for why: "message" @return OK or XML_* */
aten_verdict_t aten_saml_parse(aten_saml_reading_t *reading, xmlDocPtr *doc, const char *text, apr_size_t len,
                               const char *what, apr_pool_t *p);

/** Whom the message names as its sender: sets portal and entity of reading, and *portal if it is not NULL.
 *  @return OK, SAML_ISSUER or SAML_METADATA */
aten_verdict_t aten_saml_believe(aten_saml_reading_t *reading, const xmlNode *message, const aten_portal_t **portal);

/** What the element's own signature covers by a key of the entity, and nothing else: a document of the digested bytes.
 *  @return OK, SAML_* or XML_* */
aten_verdict_t aten_saml_verified(aten_saml_reading_t *reading, xmlDocPtr *doc, xmlNode *element);

/** Decrypt and parse. @param what for why: "assertion", "NameID" @return OK, SAML_* or XML_* */
aten_verdict_t aten_saml_open(aten_saml_reading_t *reading, xmlDocPtr *doc, const xmlNode *encrypted, int cbc_allowed,
                              const char *what);

/** Is the element's one Issuer the portal, as an entity? @return OK, SAML_MALFORMED or SAML_ISSUER */
aten_verdict_t aten_saml_check_issuer(aten_saml_reading_t *reading, const xmlNode *element);

/* --- aten_saml_assertion.c --- */

/** An attribute that is a time. @return 1; *out 0 where there is none; 0 and why where it is no time */
int aten_saml_read_time(aten_saml_reading_t *reading, const xmlNode *node, const char *name, apr_time_t *out);

/** Skew included: an instant that equals the end is past it. @param what for why @return OK or SAML_EXPIRED */
aten_verdict_t aten_saml_not_past(aten_saml_reading_t *reading, const char *what, apr_time_t end);

/** @return OK or verdict */
aten_verdict_t aten_saml_not_future(aten_saml_reading_t *reading, aten_verdict_t verdict, const char *what,
                                    apr_time_t begin);

/** Is it a NameID or an EncryptedID? */
int aten_saml_is_name_id(const xmlNode *node);

/** Read one that stands in verified bytes: the NameID, Format and qualifiers of subject. @return OK, SAML_* or XML_* */
aten_verdict_t aten_saml_read_name_id(aten_saml_reading_t *reading, aten_saml_subject_t *subject, const xmlNode *node);

/* --- aten_saml_assertion.c, aten_saml_attributes.c: steps, in this order --- */

/** Version, ID and Issuer of the assertion. Sets answer->assertion_id. */
aten_verdict_t aten_saml_read_head(aten_saml_reading_t *reading);

/** Sets answer->valid_until by NotOnOrAfter, or 0. */
aten_verdict_t aten_saml_read_conditions(aten_saml_reading_t *reading);

/** NameID and confirmation. Sets answer->in_response_to as the confirmation has it, and valid_until to the earlier. */
aten_verdict_t aten_saml_read_subject(aten_saml_reading_t *reading);

aten_verdict_t aten_saml_read_authn(aten_saml_reading_t *reading);

aten_verdict_t aten_saml_read_attributes(aten_saml_reading_t *reading);

#endif
