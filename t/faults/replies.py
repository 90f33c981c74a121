"""How an answer is put together: HTTP around a body, a CAS or SAML 1.1 body around a person.

A reply is a list or generator of steps: bytes to send, a number of seconds to wait, RESET, or HOLD.
"""

import datetime
from xml.sax.saxutils import escape, quoteattr

RESET = object()  # close the connection with a TCP reset
HOLD = object()   # wait until the control call /_control/release

CAS = "http://www.yale.edu/tp/cas"
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'

# Somebody whom no answer may let in: a test that meets this name has found a hole.
VICTIM = "admin"
# The value that no log and no page may show.
MARKER = "Zvaleurmarquee"


class Reply:
    """Steps, and whether the connection stays open afterwards as HTTP/1.1 promises."""

    def __init__(self, steps, keep=False):
        self.steps = steps
        self.keep = keep


def http(body, status="200 OK", content_type="text/xml;charset=UTF-8", headers=()):
    """A whole, honest HTTP answer as bytes."""
    if isinstance(body, str):
        body = body.encode()
    lines = ["HTTP/1.1 " + status, "Content-Type: " + content_type, "Content-Length: %d" % len(body), *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def ok(body, content_type="text/xml;charset=UTF-8"):
    return Reply([http(body, content_type=content_type)], keep=True)


def status(line, body="", headers=()):
    return Reply([http(body, status=line, content_type="text/html", headers=headers)], keep=True)


def head(*lines):
    """The head of a 200 answer with these header lines and no others."""
    return "\r\n".join(("HTTP/1.1 200 OK", "Content-Type: text/xml") + lines).encode() + b"\r\n\r\n"


def raw(*steps):
    return Reply(steps)


# --- CAS protocol 2 and 3 ---

def cas_attributes(attributes):
    inner = "".join("<cas:%s>%s</cas:%s>" % (name, escape(value), name)
                    for name, values in attributes.items() for value in values)
    return "<cas:attributes>%s</cas:attributes>" % inner if inner else ""


def success_of(inner):
    return "<cas:authenticationSuccess>%s</cas:authenticationSuccess>" % inner


def success(user=VICTIM, attributes=None):
    inner = "<cas:user>%s</cas:user>" % escape(user)
    return success_of(inner + cas_attributes(attributes or {"sn": [MARKER]}))


def failure(code="INVALID_TICKET", text="not recognized"):
    return "<cas:authenticationFailure code=%s>%s</cas:authenticationFailure>" % (quoteattr(code), escape(text))


def response(inner, declaration=DECLARATION):
    return '%s<cas:serviceResponse xmlns:cas="%s">%s</cas:serviceResponse>\n' % (declaration, CAS, inner)


def with_user(markup):
    """A success whose user element has this markup inside."""
    return response(success_of("<cas:user>%s</cas:user>" % markup + cas_attributes({"sn": [MARKER]})))


def with_attributes(markup, user="fautes"):
    return response(success_of("<cas:user>%s</cas:user><cas:attributes>%s</cas:attributes>" % (user, markup)))


# --- SAML 1.1 (appendix of the CAS protocol) ---

def instant(seconds):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def saml_attributes(attributes):
    return "".join(
        '<saml1:Attribute AttributeName=%s AttributeNamespace="http://www.ja-sig.org/products/cas/">%s'
        "</saml1:Attribute>" % (quoteattr(name), "".join(
            "<saml1:AttributeValue>%s</saml1:AttributeValue>" % escape(value) for value in values))
        for name, values in attributes.items())


def saml_subject(user):
    """user: text or markup that stands in the NameIdentifier."""
    return ("<saml1:Subject><saml1:NameIdentifier>%s</saml1:NameIdentifier><saml1:SubjectConfirmation>"
            "<saml1:ConfirmationMethod>urn:oasis:names:tc:SAML:1.0:cm:artifact</saml1:ConfirmationMethod>"
            "</saml1:SubjectConfirmation></saml1:Subject>" % user)


def saml_conditions(audience, before=-60, after=60):
    return ('<saml1:Conditions NotBefore="%s" NotOnOrAfter="%s"><saml1:AudienceRestrictionCondition>'
            "<saml1:Audience>%s</saml1:Audience></saml1:AudienceRestrictionCondition></saml1:Conditions>"
            % (instant(before), instant(after), escape(audience)))


def saml_statements(user, attributes=None, attribute_user=None):
    return ('<saml1:AuthenticationStatement AuthenticationInstant="%s" '
            'AuthenticationMethod="urn:oasis:names:tc:SAML:1.0:am:password">%s</saml1:AuthenticationStatement>'
            "<saml1:AttributeStatement>%s%s</saml1:AttributeStatement>"
            % (instant(0), saml_subject(user), saml_subject(attribute_user or user),
               saml_attributes(attributes or {"sn": [MARKER]})))


def saml_assertion(conditions, statements, major=1):
    return ('<saml1:Assertion xmlns:saml1="urn:oasis:names:tc:SAML:1.0:assertion" AssertionID="_a1" '
            'IssueInstant="%s" Issuer="localhost" MajorVersion="%d" MinorVersion="1">%s%s</saml1:Assertion>'
            % (instant(0), major, conditions, statements))


SAML_SUCCESS = '<saml1p:Status><saml1p:StatusCode Value="saml1p:Success"/></saml1p:Status>'


def saml_response(inner, recipient, in_response_to="_r0", status_markup=SAML_SUCCESS, major=1):
    return ('<saml1p:Response xmlns:saml1p="urn:oasis:names:tc:SAML:1.0:protocol" ResponseID="_r1" '
            'IssueInstant="%s" MajorVersion="%d" MinorVersion="1" InResponseTo=%s Recipient=%s>%s%s'
            "</saml1p:Response>"
            % (instant(0), major, quoteattr(in_response_to), quoteattr(recipient), status_markup, inner))


def soap(body, header=""):
    return ('%s<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/">'
            "<SOAP-ENV:Header>%s</SOAP-ENV:Header><SOAP-ENV:Body>%s</SOAP-ENV:Body></SOAP-ENV:Envelope>"
            % (DECLARATION, header, body))
