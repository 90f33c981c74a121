/* The closed list of answers to a question of security.
 *
 * One list gives the enum, the tag that stands in the log (AT0102) and the words behind it. A tag is never used
 * again for something else; wording may change, the tag stays; tests assert on tags. */
#ifndef ATEN_VERDICT_H
#define ATEN_VERDICT_H

#define ATEN_VERDICTS(X) \
    X(REFUSED,            "AT0100", "nothing was decided") /* 0: zeroed memory refuses */ \
    X(OK,                 "AT0101", "accepted") \
    X(INTERNAL,           "AT0102", "an error inside the module") \
    X(PARAM_REPEATED,     "AT0103", "a parameter stands twice in the request") \
    X(PARAM_MALFORMED,    "AT0104", "a parameter of the request is malformed") \
    X(METHOD,             "AT0105", "the page does not take this method") \
    X(NOT_FOUND,          "AT0106", "no page of ours has this address") \
    X(COOKIES_REFUSED,    "AT0107", "the browser came back without the cookie that began the login, twice in a row") \
    X(INSECURE_HTTP,      "AT0108", "plain http without AtenInsecureHTTP") \
    X(CONFIG,             "AT0109", "the configuration cannot be used") \
    X(XML_MALFORMED,      "AT0110", "not well-formed XML") \
    X(XML_DTD,            "AT0111", "the XML has a document type declaration") \
    X(XML_DEEP,           "AT0112", "the XML is nested too deep") \
    X(XML_LARGE,          "AT0113", "the XML, or an element of it, is too large") \
    X(BODY_LARGE,         "AT0114", "the body of the request is too large") \
    X(BODY_BROKEN,        "AT0115", "the body of the request did not arrive whole") \
    X(SEAL_MALFORMED,     "AT0120", "not something that this module sealed") \
    X(SEAL_KEY,           "AT0121", "sealed by a key that is not, or no longer, in use") \
    X(SEAL_BROKEN,        "AT0122", "the seal does not hold") \
    X(SESSION_MALFORMED,  "AT0130", "the session cannot be read") \
    X(SESSION_EXPIRED,    "AT0131", "the session has reached its end") \
    X(SESSION_IDLE,       "AT0132", "the session was idle for too long") \
    X(SESSION_BACKEND,    "AT0133", "the session's backend is not configured here") \
    X(SESSION_LARGE,      "AT0134", "the identity does not fit into a session cookie") \
    X(SESSION_FUTURE,     "AT0135", "the session was made in the future: a clock was set back") \
    X(SESSION_ENDED,      "AT0136", "the session was ended") \
    X(PENDING_NONE,       "AT0140", "no login of this browser waits for this answer") \
    X(PENDING_EXPIRED,    "AT0141", "the login was begun too long ago") \
    X(PENDING_OTHER,      "AT0142", "the answer is from another portal than the one where the login began") \
    X(PENDING_USED,       "AT0143", "the login has ended already") \
    X(RESULT_NONE,        "AT0144", "the browser brings no answer of a portal") \
    X(TICKET_MALFORMED,   "AT0150", "not a CAS ticket") \
    X(STORE,              "AT0160", "the store of ended sessions and of what was used once cannot be used") \
    X(STORE_BEHIND,       "AT0161", "this server has not yet heard from the others which sessions were ended") \
    X(LOGOUT_FOREIGN,     "AT0170", "another site asked for the logout: the person is asked first") \
    X(LOGOUT_NONE,        "AT0171", "no logout of this browser waits for this answer") \
    X(CAS_UNREACHABLE,    "AT0200", "the CAS server could not be reached") \
    X(CAS_TLS,            "AT0201", "the CAS server's TLS certificate was not accepted") \
    X(CAS_TIMEOUT,        "AT0202", "the CAS server did not answer in time") \
    X(CAS_HTTP_STATUS,    "AT0203", "the CAS server answered with an unexpected HTTP status") \
    X(CAS_LARGE,          "AT0204", "the CAS server's answer is too large") \
    X(CAS_UNEXPECTED,     "AT0205", "the answer is not one of the CAS protocol that is configured") \
    X(CAS_TICKET_REFUSED, "AT0206", "the CAS server does not know the ticket") \
    X(CAS_REFUSED,        "AT0207", "the CAS server refused the validation") \
    X(CAS_USER,           "AT0208", "the CAS server's answer has no usable user name") \
    X(CAS_ATTRIBUTE,      "AT0209", "the CAS server's answer has an attribute that cannot be used") \
    X(CAS_BUSY,           "AT0210", "too many validations are in flight") \
    X(CAS_WINDOW,         "AT0211", "the CAS server's answer is not valid now") \
    X(CAS_AUDIENCE,       "AT0212", "the CAS server's answer is for another service") \
    X(CAS_LOGOUT,         "AT0213", "not a logout request of the CAS protocol") \
    X(CAS_LOGOUT_UNKNOWN, "AT0214", "the logout request names no ticket that is known here") \
    X(SAML_ENCODING,      "AT0300", "not the base64 of a SAML message") \
    X(SAML_MALFORMED,     "AT0301", "not a SAML 2.0 message of the form that is taken") \
    X(SAML_VERSION,       "AT0302", "not version 2.0 of SAML") \
    X(SAML_DUPLICATE_ID,  "AT0303", "an ID stands twice in the message") \
    X(SAML_ASSERTIONS,    "AT0304", "the response has not exactly one assertion") \
    X(SAML_STATUS,        "AT0305", "the portal did not log the person in") \
    X(SAML_ISSUER,        "AT0306", "the issuer is no portal that is believed here") \
    X(SAML_METADATA,      "AT0307", "the metadata has no valid entry for the portal") \
    X(SAML_UNSIGNED,      "AT0310", "neither the message nor its assertion is signed") \
    X(SAML_SIGNATURE_FORM, "AT0311", "a signature is not of the one form that is taken") \
    X(SAML_ALGORITHM,     "AT0312", "an algorithm that is not allowed") \
    X(SAML_SIGNATURE,     "AT0313", "the signature does not hold with any key of the portal's metadata") \
    X(SAML_ENCRYPTION_FORM, "AT0314", "encrypted data is not of the form that is taken") \
    X(SAML_ENCRYPTION,    "AT0315", "encrypted data cannot be read") \
    X(SAML_ENCRYPTION_CBC, "AT0316", "CBC encryption is taken inside a signed message alone") \
    X(SAML_DESTINATION,   "AT0320", "the message was made for another address") \
    X(SAML_AUDIENCE,      "AT0321", "the assertion was made for another service") \
    X(SAML_CONDITIONS,    "AT0322", "the assertion's conditions are missing or cannot be met") \
    X(SAML_NOT_YET,       "AT0323", "the message is not valid yet") \
    X(SAML_EXPIRED,       "AT0324", "the message is no longer valid") \
    X(SAML_SUBJECT,       "AT0325", "the subject is missing or cannot be used") \
    X(SAML_CONFIRMATION,  "AT0326", "no bearer confirmation of the subject holds here") \
    X(SAML_IN_RESPONSE_TO, "AT0327", "the answer does not say which request it answers, or says it in two ways") \
    X(SAML_UNSOLICITED,   "AT0328", "an answer that nobody here asked for") \
    X(SAML_AUTHN,         "AT0329", "the assertion does not say when and how the person logged in") \
    X(SAML_AUTHN_OLD,     "AT0330", "the portal was asked to log the person in anew, and did not") \
    X(SAML_AUTHN_CONTEXT, "AT0331", "the person did not log in by a way that is asked for here") \
    X(SAML_ATTRIBUTE,     "AT0332", "an attribute of the assertion cannot be used") \
    X(SAML_REPLAYED,      "AT0333", "the answer was used before") \
    X(SAML_LOGOUT_STATUS, "AT0334", "the portal did not end all of the person's sessions") \
    X(VECTEUR_MALFORMED,  "AT0340", "a FrEduVecteur is malformed") \
    X(VECTEUR_MIXED,      "AT0341", "the answer mixes vectors of parents and of pupils") \
    X(VECTEUR_SEVERAL,    "AT0342", "a pupil has more than one vector") \
    X(IDENTITY_NONE,      "AT0343", "the answer does not say who the person is") \
    X(IDENTITY_NAME,      "AT0344", "a parent without nom and prenom cannot be told from the other parent") \
    X(IDENTITY_USER,      "AT0345", "what should name the person cannot be used as a user name") \
    X(PORTAL_SCOPE,       "AT0346", "the portal may not speak for that school") \
    X(PORTAL_KIND,        "AT0347", "the portal may not speak for such a person") \
    X(CAS_CLOSED,         "AT0400", "the CAS path is closed here for this person") \
    X(POPULATION_UNKNOWN, "AT0401", "the CAS server's answer names no population, and the CAS path is being closed here") \
    X(PROFILE_CLOSED,     "AT0402", "the profile is closed") \
    X(PROFILE_NOT_HERE,   "AT0403", "the profile is not one of this path") \
    X(PROFILE_UNKNOWN,    "AT0404", "no profile has this id") \
    X(FORBIDDEN,          "AT0405", "the person lacks a right that the path requires") \
    X(NO_SESSION,         "AT0406", "no session") \
    X(FRAMED,             "AT0407", "a login cannot take place inside a frame") \
    X(CONTEXT_NOT_HERE,   "AT0408", "the person logged in by a way that this path does not take")

typedef enum {
#define X(name, tag, text) ATEN_V_##name,
    ATEN_VERDICTS(X)
#undef X
    ATEN_V_COUNT
} aten_verdict_t;

/** The verdict's tag, "AT0102". Never NULL. */
const char *aten_verdict_tag(aten_verdict_t v);

/** The words behind the tag, for a log line. Never NULL. */
const char *aten_verdict_text(aten_verdict_t v);

#endif
