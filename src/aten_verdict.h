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
    X(XML_LARGE,          "AT0113", "the XML is too large") \
    X(SEAL_MALFORMED,     "AT0120", "not something that this module sealed") \
    X(SEAL_KEY,           "AT0121", "sealed by a key that is not, or no longer, in use") \
    X(SEAL_BROKEN,        "AT0122", "the seal does not hold") \
    X(SESSION_MALFORMED,  "AT0130", "the session cannot be read") \
    X(SESSION_EXPIRED,    "AT0131", "the session has reached its end") \
    X(SESSION_IDLE,       "AT0132", "the session was idle for too long") \
    X(SESSION_BACKEND,    "AT0133", "the session's backend is not configured here") \
    X(SESSION_LARGE,      "AT0134", "the identity does not fit into a session cookie") \
    X(SESSION_FUTURE,     "AT0135", "the session was made in the future: a clock was set back") \
    X(PENDING_NONE,       "AT0140", "no login of this browser waits for this answer") \
    X(PENDING_EXPIRED,    "AT0141", "the login was begun too long ago") \
    X(TICKET_MALFORMED,   "AT0150", "not a CAS ticket") \
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
    X(CAS_CLOSED,         "AT0400", "the CAS path is closed here for this person") \
    X(POPULATION_UNKNOWN, "AT0401", "the CAS server's answer names no population, and the CAS path is being closed here") \
    X(PROFILE_CLOSED,     "AT0402", "the profile is closed") \
    X(PROFILE_NOT_HERE,   "AT0403", "the profile is not one of this path") \
    X(PROFILE_UNKNOWN,    "AT0404", "no profile has this id") \
    X(FORBIDDEN,          "AT0405", "the person lacks a right that the path requires") \
    X(NO_SESSION,         "AT0406", "no session") \
    X(FRAMED,             "AT0407", "a login cannot take place inside a frame")

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
