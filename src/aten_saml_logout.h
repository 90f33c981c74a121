/* SAML 2.0 Single Logout (saml-core 3.7, saml-profiles 4.4): LogoutRequest and LogoutResponse, written and read. */
#ifndef ATEN_SAML_LOGOUT_H
#define ATEN_SAML_LOGOUT_H

#include "aten_portal.h"
#include "aten_saml.h"
#include "aten_saml_metadata.h"
#include "aten_session.h"
#include "aten_verdict.h"

#define ATEN_SAML_LOGOUT_AGE_MAX apr_time_from_sec(300) /* of a request's IssueInstant: an older one is a replay */
#define ATEN_SAML_LOGOUT_INDEXES_MAX 100                /* SessionIndex elements of one request */

/* What became of a logout. */
typedef enum {
    ATEN_LOGOUT_DONE,     /* status Success */
    ATEN_LOGOUT_PARTIAL,  /* Success or Responder or Requester with PartialLogout below it */
    ATEN_LOGOUT_FAILED,   /* any other status */
} aten_logout_t;

/* --- written --- */

typedef struct {
    const char *id;                    /* an xs:ID of ours */
    const char *destination;
    const char *service_id;
    const aten_saml_subject_t *subject; /* whom: its NameID (required) with format and qualifiers, its SessionIndex */
    apr_time_t now;
} aten_saml_logout_request_t;

/** A LogoutRequest as XML, with NotOnOrAfter in ATEN_SAML_LOGOUT_AGE_MAX. @return NULL if something failed, or there is
 *  no NameID */
char *aten_saml_logout_request(const aten_saml_logout_request_t *request, apr_pool_t *p);

typedef struct {
    const char *id;
    const char *destination;
    const char *service_id;
    const char *in_response_to;
    aten_logout_t outcome;             /* PARTIAL: Responder with PartialLogout below; FAILED: Responder */
    apr_time_t now;
} aten_saml_logout_response_t;

char *aten_saml_logout_response(const aten_saml_logout_response_t *response, apr_pool_t *p);

/** Our own ID for a LogoutRequest, and back: "l" and the nonce (22 characters of base64url).
 *  @return NULL for one that is no request of ours */
char *aten_saml_logout_id(const char *nonce, apr_pool_t *p);
const char *aten_saml_logout_nonce(const char *id, apr_pool_t *p);

/* --- read --- */

/* What a message must fit. From configuration alone. */
typedef struct {
    const apr_array_header_t *portals;  /* const aten_portal_t *: those that are believed here */
    const aten_saml_metadata_t *metadata;
    const apr_array_header_t *keys;     /* const aten_saml_key_t *: ours, private, for an EncryptedID; may be NULL */
    const char *address;                /* our single logout service's whole address */
    apr_interval_time_t skew;
    apr_time_t now;
} aten_saml_logout_expect_t;

typedef struct {
    int is_response;
    const aten_portal_t *portal;
    const aten_saml_entity_t *entity;
    const char *id;
    const char *relay_state;            /* as it came, NULL: none */
    /* of a request */
    const char *name_id;                /* clean UTF-8, 1024 bytes at most */
    apr_array_header_t *session_indexes; /* const char *; empty: all sessions of the NameID */
    apr_time_t valid_until;             /* until then its ID must be remembered, skew included */
    /* of a response */
    const char *in_response_to;
    aten_logout_t outcome;
    const char *status;                 /* the codes, for the log, escaped */
} aten_saml_logout_message_t;

/** Read what came by HTTP-Redirect: the raw query. Nothing is believed before the signature holds, which is required.
 *  Rules of both bindings: XML by the one hardened parser; the root is a samlp:LogoutRequest or samlp:LogoutResponse of
 *  Version 2.0, as the parameter says; no ID stands twice; one Issuer, a portal that is believed, of valid metadata,
 *  Format absent or entity; the signature holds with one of its keys; Destination is there and is our address;
 *  IssueInstant is not in the future (skew).
 *  A request: IssueInstant is not older than ATEN_SAML_LOGOUT_AGE_MAX (skew), NotOnOrAfter not past; one NameID or
 *  EncryptedID (decrypted with our keys; by CBC too, for nothing is decrypted before the signature holds), no BaseID;
 *  at most ATEN_SAML_LOGOUT_INDEXES_MAX SessionIndex, none of them empty. Reason, Consent and Extensions are passed
 *  over, any other element is refused.
 *  A response: InResponseTo is there; Status is read.
 *  By HTTP-Redirect a ds:Signature inside the message is an error (saml-bindings 3.4.4.1: it must be removed).
 *  @param portal if not NULL: set as soon as the issuer is known and believed, also when the message is refused
 *                afterwards: for the log alone
 *  @param why    for the log: what came and what was expected; never a NameID or a SessionIndex
 *  @return OK and *out set; PARAM_*, XML_*, SAML_*, INTERNAL */
aten_verdict_t aten_saml_logout_read_redirect(aten_saml_logout_message_t **out, const aten_saml_logout_expect_t *expect,
                                              const char *query, const aten_portal_t **portal, const char **why,
                                              apr_pool_t *p);

/** Read what came by HTTP-POST (saml-bindings 3.5), with an XML signature of the root: from the moment it holds only
 *  the digested bytes are read, parsed anew.
 *  @param base64 the form parameter SAMLRequest or SAMLResponse, decoded from the form @param is_response which of them
 *  @param relay_state the form's, may be NULL */
aten_verdict_t aten_saml_logout_read_post(aten_saml_logout_message_t **out, const aten_saml_logout_expect_t *expect,
                                          const char *base64, int is_response, const char *relay_state,
                                          const aten_portal_t **portal, const char **why, apr_pool_t *p);

#endif
