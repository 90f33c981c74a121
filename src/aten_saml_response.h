/* The portal's answer: a samlp:Response by HTTP-POST, judged by the rules of the Web Browser SSO profile
 * (saml-profiles 4.1.4) and read. */
#ifndef ATEN_SAML_RESPONSE_H
#define ATEN_SAML_RESPONSE_H

#include "aten_portal.h"
#include "aten_saml.h"
#include "aten_saml_metadata.h"
#include "aten_session.h"
#include "aten_verdict.h"

#define ATEN_SAML_ATTRIBUTES_MAX 200     /* attributes of an assertion */
#define ATEN_SAML_VALUES_MAX 500         /* values of all of them together */
#define ATEN_SAML_VALUE_BYTES_MAX 4096
#define ATEN_SAML_NAMEID_BYTES_MAX 1024  /* also of a SessionIndex */
#define ATEN_SAML_VALIDITY_MAX apr_time_from_sec(86400) /* from now until both windows have ended, skew included */

/* What an answer must fit. From configuration alone. */
typedef struct {
    const apr_array_header_t *portals;   /* const aten_portal_t *: those that are believed here */
    const aten_saml_metadata_t *metadata;
    const apr_array_header_t *keys;      /* const aten_saml_key_t *: ours, private, to decrypt; may be NULL */
    const char *acs;                     /* our assertion consumer service's whole address */
    const char *service_id;              /* our entityID */
    apr_interval_time_t skew;            /* how far the clocks may be apart */
    apr_time_t now;
} aten_saml_expect_t;

typedef struct {
    const aten_portal_t *portal;
    const char *response_id;             /* NULL where the response is not signed: then its ID says nothing */
    const char *assertion_id;
    const char *in_response_to;          /* the request's ID, from what was signed; NULL: nobody asked */
    aten_saml_subject_t subject;
    apr_time_t authn_instant;
    apr_time_t session_end;              /* SessionNotOnOrAfter, 0: none */
    apr_time_t valid_until;              /* until then the IDs must be remembered, skew included */
    apr_array_header_t *attributes;      /* aten_attribute_t: clean UTF-8, values trimmed, empty ones left out (but of
                                            FrEduVecteur, where an empty one is a broken one), values of
                                            attributes with the same Name together */
} aten_saml_answer_t;

/** From the form parameter's base64 (RFC 4648, line breaks allowed) to the message's bytes.
 *  @return OK, SAML_ENCODING or XML_LARGE (before anything is decoded) */
aten_verdict_t aten_saml_response_decode(const char *base64, const char **text, apr_size_t *len, apr_pool_t *p);

/** Judge and read a response. In this order: XML; the form of the message (Response, Version 2.0, IDs that stand
 *  once, one Issuer, Status, one Assertion or EncryptedAssertion in it and no other anywhere); the issuer is believed
 *  and its
 *  metadata valid; every signature that is there holds, and one is there that covers the assertion (a signed response
 *  covers what is in it, decrypted too); from then on only what was signed is read, parsed anew from the digested
 *  bytes, and what an unsigned response says around it (Destination, InResponseTo, Issuer, Status) must agree, and can
 *  refuse but never grant. Then:
 *  - Status is Success (STATUS otherwise, with both codes and the portal's message in why, escaped);
 *  - Issuer of the assertion is the portal, Format absent or entity;
 *  - Destination: our acs; required where the response is signed (saml-bindings 3.5.5.2);
 *  - Conditions: there once; NotBefore and NotOnOrAfter with skew, where they are; at least one AudienceRestriction,
 *  our
 *    entityID in each; OneTimeUse and ProxyRestriction are known, anything else refuses;
 *  - Subject: one, with NameID or EncryptedID (a subject without either is taken as one without a NameID: then nothing
 *    but attributes names the person), and a bearer SubjectConfirmation whose data has Recipient acs, NotOnOrAfter with
 *    skew, no NotBefore;
 *  - it is not valid for more than ATEN_SAML_VALIDITY_MAX from now on (CONDITIONS otherwise);
 *  - InResponseTo of the confirmation and of the response: both absent, or both the same (an unsigned response must not
 *    say other than the assertion);
 *  - AuthnStatement: one or more, the first counts; AuthnInstant not in the future (skew); SessionNotOnOrAfter not
 *    past; AuthnContextClassRef is read where it is;
 *  - attributes within the limits above; a value is text, whole (CDATA, comments never cut it), an element inside one
 *    refuses unless it is a saml:NameID (its text is the value).
 *  @param why on anything but OK a text for the log, escaped: what came and what was expected, how far the clocks are
 *             apart (in seconds); never an attribute's value, a NameID or the message
 *  @param portal if not NULL: set as soon as the issuer is known and believed, also when the answer is refused
 *                afterwards: for routing and the log alone
 *  @return OK and *out set; XML_*, SAML_*, INTERNAL otherwise */
aten_verdict_t aten_saml_response_read(aten_saml_answer_t **out, const aten_saml_expect_t *expect, const char *text,
                                       apr_size_t len, const aten_portal_t **portal, const char **why, apr_pool_t *p);

/** An xs:dateTime in UTC ("2026-11-24T10:00:00Z", fraction allowed and dropped towards the past; saml-core 1.3.3).
 *  @return 1 and *out set, or 0 */
int aten_saml_time(const char *text, apr_time_t *out);

#endif
