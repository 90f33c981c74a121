"""Answers whose signature holds and that say something wrong, and messages that are no answer at all."""

import base64
import zlib

from keys import entity_id
from message import PUPIL, Raw, assertion_of, parse, text_of
from names import AUTHN_FAILED, BEARER, HOLDER, PASSWORD, RESPONDER, SAMLP, SUCCESS, VOUCHES, XSI
from registry import Group, Post, again, let_in, refused

message = Group("message")

MALFORMED, VERSION, STATUS, ISSUER = "AT0301", "AT0302", "AT0305", "AT0306"
DESTINATION, AUDIENCE, CONDITIONS, NOT_YET, EXPIRED = "AT0320", "AT0321", "AT0322", "AT0323", "AT0324"
SUBJECT, CONFIRMATION, IN_RESPONSE_TO, AUTHN = "AT0325", "AT0326", "AT0327", "AT0329"
ATTRIBUTE, ENCODING = "AT0332", "AT0300"
WHOLE = ("response",)
ELSEWHERE = "https://autre.example/saml/acs"


def row(name, why, expect, make=None, **fields):
    message.row(name, why, expect, make, **fields)


def both(name, why, expect, make=None, **fields):
    for what in ("response", "assertion"):
        row(f"{name}-{what}", f"{why} (signed: {what})", expect, make, signed=(what,), **fields)


def substituted(*pairs):
    """Change the text before it is signed."""
    def make(m):
        text = m.response(m.assertion())
        for old, new in pairs:
            if old not in text:
                raise ValueError(f"nothing to replace: {old}")
            text = text.replace(old, new)
        return m.sign(parse(text))
    return make


# --- the form of the message ---

row("root-assertion", "a signed assertion without a response", refused(MALFORMED),
    lambda m: text_of(assertion_of(m.signed_tree())))
row("root-request", "a request", refused(MALFORMED),
    lambda m: f'<samlp:AuthnRequest xmlns:samlp="{SAMLP}" ID="_r" Version="2.0" IssueInstant="{m.at(0)}"/>')
row("root-logout", "an answer to a logout, with an assertion inside", refused(MALFORMED),
    substituted(("samlp:Response", "samlp:LogoutResponse")), signed=WHOLE)
row("root-artifact", "the response inside an ArtifactResponse", refused(MALFORMED), lambda m: (
    f'<samlp:ArtifactResponse xmlns:samlp="{SAMLP}" ID="_art" Version="2.0" IssueInstant="{m.at(0)}">'
    f"{m.text()}</samlp:ArtifactResponse>"))
row("root-envelope", "the response inside a SOAP envelope", refused(MALFORMED), lambda m: (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>' + m.text() + "</s:Body></s:Envelope>"))
row("root-metadata", "the portal's own metadata", refused(MALFORMED), lambda m: m.forge.keys.metadata())
row("root-html", "a page", refused(MALFORMED), lambda m: "<html><body><p>Erreur</p></body></html>")
row("root-namespace", "the response is of SAML 1.1", refused(MALFORMED),
    substituted((SAMLP, "urn:oasis:names:tc:SAML:1.0:protocol")))
row("root-no-namespace", "the response has no namespace", refused(MALFORMED),
    substituted(("<samlp:Response", '<Response xmlns=""'), ("</samlp:Response", "</Response")))
row("root-lower-case", "the response in small letters", refused(MALFORMED),
    substituted(("samlp:Response", "samlp:response")))
row("status-none", "no Status", refused(MALFORMED), parts={"status": ""}, signed=WHOLE)
row("status-two", "two Status", refused(MALFORMED), signed=WHOLE,
    parts={"status": lambda m: m.make_status() + m.make_status()})
row("status-two-second-failed", "a second Status that says failure", refused(MALFORMED), signed=WHOLE,
    parts={"status": lambda m: m.make_status() + m.make_status().replace(SUCCESS, RESPONDER)})
row("status-no-code", "a Status without a code", refused(MALFORMED), signed=WHOLE,
    parts={"status": "<samlp:Status/>"})
row("issuers-two-response", "two Issuers of the response", refused(MALFORMED), signed=WHOLE,
    parts={"response_issuer": lambda m: m.make_response_issuer() * 2})
row("issuers-two-assertion", "two Issuers of the assertion", refused(MALFORMED), signed=WHOLE,
    parts={"assertion_issuer": lambda m: m.make_assertion_issuer() * 2})
row("issuer-none-assertion", "no Issuer of the assertion", refused(MALFORMED), signed=WHOLE,
    parts={"assertion_issuer": ""})
row("issuer-none-both", "no Issuer anywhere", refused(MALFORMED), signed=WHOLE, parts={"assertion_issuer": ""},
    issuer=None)
row("id-none-response", "a response without an ID", refused(MALFORMED), response_id=None)
row("id-empty-response", "a response with an empty ID", refused(MALFORMED), response_id="")
row("id-none-assertion", "an assertion without an ID", refused(MALFORMED), assertion_id=None, signed=WHOLE)
row("id-empty-assertion", "an assertion with an empty ID", refused(MALFORMED), assertion_id="", signed=WHOLE)
row("id-long", "an ID of 10000 letters", refused(MALFORMED), assertion_id="_" + "i" * 10000)
row("id-blank", "an ID with a blank and a quote", let_in(),
    assertion_id="_a b'c", signed=WHOLE)
for value in ("1.1", "2.1", "2", "3.0", " 2.0", ""):
    word = value.strip().replace(".", "") or "empty"
    word = "blank" if value.startswith(" ") else word
    row(f"version-response-{word}", f"the response is of version '{value}'", refused(VERSION), version=value,
        signed=WHOLE)
    row(f"version-assertion-{word}", f"the assertion is of version '{value}'", refused(VERSION),
        assertion_version=value)
row("version-none-response", "the response has no version", refused(VERSION), version=None, signed=WHOLE)
row("version-none-assertion", "the assertion has no version", refused(VERSION), assertion_version=None)

# --- who says it ---

row("issuer-not-believed", "a portal of the same metadata that is not believed, by its own key", refused(ISSUER),
    issuer=entity_id("inconnu"), assertion_issuer=entity_id("inconnu"), key="inconnu")
row("issuer-unknown", "a portal of nobody's metadata", refused(ISSUER), issuer=entity_id("absent"),
    assertion_issuer=entity_id("absent"), key="absent")
row("issuer-ended", "a portal whose metadata is valid no longer", refused("AT0307"), issuer=entity_id("perime"),
    assertion_issuer=entity_id("perime"), key="perime")
row("issuer-empty", "an empty Issuer", refused(ISSUER), issuer="", assertion_issuer="", signed=WHOLE)
row("issuer-slash", "the issuer with a slash behind", refused(ISSUER), issuer=entity_id("familles") + "/",
    assertion_issuer=entity_id("familles") + "/")
row("issuer-letters", "the issuer in capital letters", refused(ISSUER), issuer=entity_id("familles").upper(),
    assertion_issuer=entity_id("familles").upper())
row("issuer-long", "an issuer of 5000 letters", refused(ISSUER), issuer="https://x.example/" + "x" * 5000,
    assertion_issuer="https://x.example/" + "x" * 5000)
row("issuer-cut", "the believed issuer, a comment, and more", refused(ISSUER), parts={
    "response_issuer": lambda m: f"<saml:Issuer>{m.issuer}<!-- -->.evil.example</saml:Issuer>",
    "assertion_issuer": lambda m: f"<saml:Issuer>{m.issuer}<!-- -->.evil.example</saml:Issuer>"})
row("issuer-element", "an element inside the Issuer", refused(ISSUER), parts={
    "response_issuer": lambda m: f"<saml:Issuer>{m.issuer}<x/></saml:Issuer>"}, signed=WHOLE)
row("issuer-format", "an Issuer of another format", refused(ISSUER), signed=WHOLE, parts={
    "assertion_issuer": lambda m: '<saml:Issuer Format="urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress">'
                                  f"{m.issuer}</saml:Issuer>"})
row("issuer-other-assertion", "a response of one portal with an assertion that says another one", refused(ISSUER),
    signed=WHOLE, assertion_issuer=entity_id("agents"))
row("issuer-other-response", "a signed assertion in a response that says another portal", refused("AT0313"),
    issuer=entity_id("agents"))
row("issuer-other-key", "says to be the staff's portal, by the families' key", refused("AT0313"),
    issuer=entity_id("agents"), assertion_issuer=entity_id("agents"), key="familles")
row("portal-other", "the answer of another portal that is believed, to a login begun with this one", refused("AT0142"),
    issuer=entity_id("agents"), assertion_issuer=entity_id("agents"), key="agents",
    attributes=[("ctemail", ["p.durand@ac.example"]), ("FrEduRne", ["0340039X$x"])])

# --- status ---

for what in ("response", "assertion"):
    row(f"status-responder-{what}", "the portal says that it failed", refused(STATUS), status=RESPONDER, signed=(what,))
    row(f"status-empty-{what}", "an empty status code", refused(STATUS), status="", signed=(what,))
    row(f"status-letters-{what}", "success in small letters", refused(STATUS), status=SUCCESS.lower(), signed=(what,))
    row(f"status-nested-{what}", "success inside a failure", refused(STATUS), signed=(what,), parts={
        "status": f'<samlp:Status><samlp:StatusCode Value="{RESPONDER}"><samlp:StatusCode Value="{SUCCESS}"/>'
                  "</samlp:StatusCode></samlp:Status>"})
row("status-failed", "the portal's own way to say no: signed, without an assertion", refused(STATUS),
    signed=WHOLE, make=lambda m: m.sign(parse(m.response("").replace(
        f'<samlp:StatusCode Value="{SUCCESS}"/>', f'<samlp:StatusCode Value="{RESPONDER}"><samlp:StatusCode '
        f'Value="{AUTHN_FAILED}"/></samlp:StatusCode><samlp:StatusMessage>refus\n[x] forged</samlp:StatusMessage>'))))
row("status-failed-unsigned", "the same without a signature", refused(STATUS),
    make=lambda m: m.set(status=RESPONDER).response(""))

# --- for whom ---

for word, value in (("other", ELSEWHERE), ("empty", ""), ("longer", None), ("query", None), ("host", None)):
    both(f"destination-{word}", f"Destination: {word}", refused(DESTINATION), destination=lambda m, word=word,
        value=value: {
        "longer": m.acs + "/", "query": m.acs + "?x=y", "host": m.acs.replace("localhost", "LOCALHOST")}.get(word,
        value))
row("destination-none", "no Destination in a signed response", refused(DESTINATION), destination=None, signed=WHOLE)
row("destination-scheme", "Destination is https", refused(DESTINATION), signed=WHOLE,
    destination=lambda m: m.acs.replace("http:", "https:"))

for word, names in (("other", lambda m: ["https://autre.example"]), ("slash", lambda m: [m.audience + "/"]),
                    ("letters", lambda m: [m.audience.upper()]), ("acs", lambda m: [m.acs]),
                    ("part", lambda m: [m.audience[:-1]]), ("empty", lambda m: [""]), ("none", lambda m: [])):
    both(f"audience-{word}", f"Audience: {word}", refused(AUDIENCE),
         parts={"restrictions": lambda m, names=names: m.audiences(*names(m))})
row("audience-no-restriction", "no AudienceRestriction", refused(AUDIENCE), parts={"restrictions": ""})
row("audience-second", "a second restriction, without us", refused(AUDIENCE), parts={
    "restrictions": lambda m: m.audiences(m.audience) + m.audiences("https://autre.example")})
row("audience-cut", "our name, a comment, and more", refused(AUDIENCE), parts={
    "restrictions": lambda m: m.audiences("XX").replace("XX", f"{m.audience}<!-- -->.evil.example")})
row("audience-elsewhere", "our name in a condition of another namespace", refused(CONDITIONS), parts={
    "restrictions": lambda m: m.audiences(m.audience).replace(
        "<saml:AudienceRestriction>", '<x:AudienceRestriction xmlns:x="urn:x">').replace(
        "</saml:AudienceRestriction>", "</x:AudienceRestriction>")})

# --- conditions ---

row("conditions-none", "no Conditions", refused(CONDITIONS), parts={"conditions": ""})
row("conditions-two", "two Conditions", refused(CONDITIONS), parts={
    "conditions": lambda m: m.make_conditions() * 2})
row("conditions-unknown", "a condition that nobody knows", refused(CONDITIONS), parts={
    "restrictions": lambda m: m.audiences(m.audience)
    + f'<saml:Condition xmlns:xsi="{XSI}" xmlns:x="urn:x" xsi:type="x:Never"/>'})
row("conditions-foreign", "a foreign element among the conditions", refused(CONDITIONS), parts={
    "restrictions": lambda m: m.audiences(m.audience) + '<x:Never xmlns:x="urn:x"/>'})
row("conditions-ended", "ended five minutes ago: comes late, a fresh request is made", again(EXPIRED),
    make=lambda m: m.from_now(not_before=-600, not_after=-300).text())
row("conditions-ended-second", "the same at the second try", refused(EXPIRED),
    make=lambda m: Post(m.from_now(not_before=-600, not_after=-300).text(), relay_state=second_try(m)))
row("conditions-ended-long-ago", "ended a year ago", again(EXPIRED), make=lambda m: m.from_now(
    not_after=-86400 * 366, not_before=-86400 * 367).text())
row("conditions-ended-unsigned", "ended, and nobody signed it", refused("AT0310"), signed=(),
    make=lambda m: m.from_now(not_after=-300).text())
row("conditions-not-yet", "begins in five minutes", refused(NOT_YET), make=lambda m: m.from_now(not_before=300).text())
row("conditions-never", "ends before it begins", refused(CONDITIONS),
    make=lambda m: m.from_now(not_before=400, not_after=-400).text())


def second_try(m):
    return (m.relay_state or "").rsplit(".", 1)[0] + ".1"


row("time-years", "valid for years, and to be remembered as long", refused(CONDITIONS),
    lambda m: m.from_now(not_after=10**8, confirmed_until=10**8).text())
TIMES = {"word": "tomorrow", "number": "1479980000", "empty": "", "no-zone": "2099-01-01T00:00:00",
         "offset": "2099-01-01T00:00:00+01:00", "date": "2099-01-01", "month-13": "2099-13-01T00:00:00Z",
         "hour-25": "2099-01-01T25:00:00Z", "behind": "2099-01-01T00:00:00Z x",
         "day-30-february": "2099-02-30T00:00:00Z",
         "year-huge": "99999999999999-01-01T00:00:00Z", "minus": "-2099-01-01T00:00:00Z",
         "nul": "2099-01-01T00:00:00Z&#x85;"}
for word, value in TIMES.items():
    expected = refused(CONDITIONS)
    row(f"time-after-{word}", f"NotOnOrAfter is '{word}'", expected, parts={
        "conditions": lambda m, value=value: m.set(not_after="AFTER").make_conditions().replace("AFTER", value)})
    row(f"time-before-{word}", f"NotBefore is '{word}'", expected, parts={
        "conditions": lambda m, value=value: m.set(not_before="BEFORE").make_conditions().replace(
            "BEFORE", value.replace("2099", "2015"))})
    row(f"time-confirmed-{word}", f"NotOnOrAfter of the confirmation is '{word}'", refused(CONFIRMATION),
        parts={
        "confirmations": lambda m, value=value: m.confirmation(NotOnOrAfter="AFTER").replace("AFTER", value)})
    row(f"time-authn-{word}", f"AuthnInstant is '{word}'", refused(AUTHN), parts={
        "authn": lambda m, value=value: m.set(authn="AUTHN").make_authn().replace("AUTHN",
        value.replace("2099", "2015"))})

# --- the subject and its confirmation ---

row("subject-none", "no Subject", refused(SUBJECT), parts={"subject": ""})
row("subject-two", "two Subjects", refused(SUBJECT), parts={"subject": lambda m: m.make_subject() * 2})
row("subject-empty", "an empty Subject", refused(CONFIRMATION), parts={"subject": "<saml:Subject/>"})
row("name-id-two", "two NameIDs", refused(SUBJECT), parts={"name_id": lambda m: m.make_name_id() * 2})
row("name-id-base", "a BaseID instead of a NameID", refused(SUBJECT), parts={
    "name_id": f'<saml:BaseID xmlns:xsi="{XSI}" xmlns:x="urn:x" xsi:type="x:Id">x</saml:BaseID>'})
row("name-id-empty", "an empty NameID", refused(SUBJECT), name_id="")
row("name-id-element", "an element inside the NameID", refused(SUBJECT), name_id=Raw("_Znommarque<b>x</b>"))
row("name-id-long", "a NameID of 1025 bytes", refused(SUBJECT), name_id="_Znommarque" + "n" * 1014)
row("name-id-control", "a control character inside the NameID", refused(SUBJECT), name_id=Raw("_Znommarque&#x85;x"))
row("session-index-long", "a SessionIndex of 1025 bytes", refused(AUTHN), session_index="s" * 1025)

for word, make in (
        ("none", lambda m: ""), ("holder", lambda m: m.confirmation(HOLDER)),
        ("vouches", lambda m: m.confirmation(VOUCHES)),
        ("method-empty", lambda m: m.confirmation("")), ("method-letters", lambda m: m.confirmation(BEARER.upper())),
        ("method-none", lambda m: m.confirmation().replace(f' Method="{BEARER}"', "")),
        ("no-data", lambda m: m.confirmation(data="")), ("data-empty", lambda m: m.confirmation(
            data="<saml:SubjectConfirmationData/>")),
        ("no-recipient", lambda m: m.confirmation(Recipient=None)), ("recipient",
        lambda m: m.confirmation(Recipient=ELSEWHERE)),
        ("recipient-longer", lambda m: m.confirmation(Recipient=m.acs + "/")),
        ("recipient-empty", lambda m: m.confirmation(Recipient="")),
        ("no-end", lambda m: m.confirmation(NotOnOrAfter=None)),
        ("not-before", lambda m: m.confirmation(NotBefore=m.at(-600)))):
    row(f"confirmation-{word}", f"confirmation: {word}", refused(CONFIRMATION), parts={"confirmations": make})
row("confirmation-ended", "the confirmation ended five minutes ago", again(EXPIRED),
    make=lambda m: m.from_now(confirmed_until=-300).text())
row("confirmation-in-two", "one confirmation has the recipient, the other one the end", refused(CONFIRMATION), parts={
    "confirmations": lambda m: m.confirmation(NotOnOrAfter=None) + m.confirmation(Recipient=ELSEWHERE)})

# --- which request ---

row("request-other", "answers a request of ours that this browser did not make", again(), make=lambda m: answering(
    m, "_AAAAAAAAAAAAAAAAAAAAAA").text())
row("request-other-response", "the same with a signed response", again(), signed=WHOLE, make=lambda m: answering(
    m, "_AAAAAAAAAAAAAAAAAAAAAA").text())
for word, value in (("form", "_nobody"), ("empty", ""), ("long", "_" + "A" * 5000),
    ("no-underscore", "AAAAAAAAAAAAAAAAAAAAAA"),
                    ("letters", "_AAAAAAAAAAAAAAAAAAAAA/"), ("blank", "_AAAAAAAAAAAAAAAAAAAAA ")):
    row(f"request-{word}", f"InResponseTo is no request of ours: {word}", refused(IN_RESPONSE_TO), signed=WHOLE,
        make=lambda m, value=value: answering(m, value).text())
row("request-none-assertion", "InResponseTo in a signed response, not in its assertion", refused(IN_RESPONSE_TO),
    signed=WHOLE,
    in_response_to=None)
row("request-none-response", "InResponseTo in the assertion, not in the signed response", refused(IN_RESPONSE_TO),
    signed=WHOLE,
    response_in_response_to=None)
row("request-none-unsigned-response", "InResponseTo in the signed assertion, not in the response around it",
    let_in(), response_in_response_to=None)
row("request-none-signed-assertion", "an unsolicited assertion in a response that says to be an answer",
    refused(IN_RESPONSE_TO), in_response_to=None)
both("request-two", "response and assertion answer two requests", refused(IN_RESPONSE_TO),
     response_in_response_to="_AAAAAAAAAAAAAAAAAAAAAA")
both("request-unsolicited", "an answer that nobody asked for: a fresh request is made", again("AT0328"),
     lambda m: answering(m, None))
row("request-relay-of-another", "the RelayState of another login", let_in(),
    make=lambda m: Post(m.text(), relay_state="AAAAAAAAAAAAAAAAAAAAAA.0"))
row("request-relay-says-ours", "RelayState is this login, InResponseTo is not", again(), make=lambda m: answering(
    m, "_BBBBBBBBBBBBBBBBBBBBBA").text())


def answering(m, request):
    m.set(in_response_to=request, response_in_response_to=request)
    return m if request is not None else m.text()


# --- how the person logged in ---

row("authn-none", "no AuthnStatement", refused(AUTHN), parts={"authn": ""})
row("authn-no-instant", "no AuthnInstant", refused(AUTHN), authn=None)
row("authn-future", "the person logs in in five minutes", refused(AUTHN), make=lambda m: m.from_now(authn=300).text())
row("authn-no-context", "an AuthnStatement without a context", let_in(), parts={
    "authn": lambda m: f'<saml:AuthnStatement AuthnInstant="{m.authn}"/>'})
row("session-ended", "the portal's session ended five minutes ago", again(EXPIRED),
    make=lambda m: m.from_now(session_end=-300).text())
row("authn-second-future", "a second AuthnStatement in the future: the first counts", let_in(),
    parts={
    "authn": lambda m: m.make_authn() + m.make_authn().replace(m.authn, m.at(300))})
FORT = {"to": "/fort"}
row("authn-anew", "the path wants a login anew, and the person logged in hours ago", refused("AT0330"), options=FORT,
    make=lambda m: m.from_now(authn=-20000).text())
row("authn-context", "the path wants another way of logging in", refused("AT0331"), options=FORT,
    context="urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified")
row("authn-context-none", "the path wants a way of logging in, and the answer names none", refused("AT0331"),
    options=FORT,
    parts={"authn": lambda m: m.make_authn().replace("AuthnContextClassRef", "AuthnContextDeclRef")})
row("authn-as-asked", "anew and by the right way", let_in(), options=FORT, context=PASSWORD,
    make=lambda m: m.from_now(authn=0).text())

# --- attributes that cannot be used ---

row("attributes-201", "201 attributes", refused(ATTRIBUTE),
    attributes=[("FrEduVecteur", [PUPIL]), *((f"a{number}", ["v"]) for number in range(199))])
row("attributes-501-values", "501 values", refused(ATTRIBUTE),
    attributes=[("FrEduVecteur", [PUPIL]), ("many", [str(number) for number in range(499)])])
row("attributes-spread", "201 attributes over 201 statements", refused(ATTRIBUTE), parts={
    "attributes": lambda m: m.make_attributes() + "".join(
        f"<saml:AttributeStatement>{m.attribute(f'b{n}', ['v'])}</saml:AttributeStatement>" for n in range(199))})
row("attribute-long", "a value of 4097 bytes", refused(ATTRIBUTE), attributes=[("FrEduVecteur", [PUPIL]),
    ("long", ["v" * 4097])])
row("attribute-element", "an element inside a value", refused(ATTRIBUTE),
    attributes=[("FrEduVecteur", [Raw(f"{PUPIL}<x/>")])])
row("attribute-nested", "the value is inside another AttributeValue", refused(ATTRIBUTE), attributes=[
    ("FrEduVecteur", [Raw(f"<saml:AttributeValue>{PUPIL}</saml:AttributeValue>")])])
row("attribute-xinclude", "an XInclude of an address", refused(ATTRIBUTE), parts={
    "attributes": lambda m: m.set(attributes=[("FrEduVecteur", [Raw(
        f'<x:include xmlns:x="http://www.w3.org/2001/XInclude" href="{m.listener}/x" parse="text"/>')])])
    .make_attributes()})
row("attribute-no-name", "an attribute without a Name", refused(ATTRIBUTE),
    substituted((' Name="FrEduVecteur"', "")))
row("attribute-empty-name", "an attribute with an empty Name", refused(ATTRIBUTE),
    substituted((' Name="FrEduVecteur"', ' Name=""')))
row("attribute-name-control", "a line end inside a Name", refused(ATTRIBUTE),
    substituted((' Name="FrEduMarque"', ' Name="x&#10;y"')))
row("attribute-name-long", "a Name of 5000 letters", refused(ATTRIBUTE),
    substituted((' Name="FrEduMarque"', f' Name="{"n" * 5000}"')))
row("attribute-control", "a control character inside a value", refused(ATTRIBUTE),
    attributes=[("FrEduVecteur", [PUPIL]), ("a", [Raw("x&#x9f;y")])])
row("attribute-line", "a line end inside a value", refused(ATTRIBUTE),
    attributes=[("FrEduVecteur", [PUPIL]), ("a", [Raw("x\nX-Injected: 1")])])
row("attribute-encrypted", "an EncryptedAttribute", refused(ATTRIBUTE), parts={
    "attributes": lambda m: m.make_attributes().replace(
        "</saml:AttributeStatement>",
        "<saml:EncryptedAttribute><x/></saml:EncryptedAttribute></saml:AttributeStatement>")})
row("attribute-outside", "the vector outside of an AttributeStatement", refused("AT0343"),
    attributes=[], parts={"advice": lambda m: f"<saml:Advice>{m.attribute('FrEduVecteur', [PUPIL])}</saml:Advice>"})
row("attribute-other-namespace", "the vector in an Attribute of another namespace",
    refused(ATTRIBUTE),
    substituted(('<saml:Attribute Name="FrEduVecteur">', '<x:Attribute xmlns:x="urn:x" Name="FrEduVecteur">'),
                ("0340039X</saml:AttributeValue></saml:Attribute>", "0340039X</saml:AttributeValue></x:Attribute>")))

# --- XML ---

DTD = "AT0111"
row("dtd-plain", "a document type and nothing in it", refused(DTD), lambda m: f"<!DOCTYPE Response>{m.text()}")
row("dtd-declared", "a document type behind a declaration", refused(DTD),
    lambda m: f'<?xml version="1.0"?>\n<!-- x -->\n<!DOCTYPE samlp:Response>{m.text()}')
row("dtd-external", "a document type at an address", refused(DTD),
    lambda m: f'<!DOCTYPE Response SYSTEM "{m.listener}/dtd">{m.text()}')
row("dtd-public", "a public document type at an address", refused(DTD),
    lambda m: f'<!DOCTYPE Response PUBLIC "-//x//x//EN" "{m.listener}/dtd">{m.text()}')
row("dtd-entity", "an entity inside a value", refused(DTD), lambda m: (
    '<!DOCTYPE Response [<!ENTITY e "701294">]>' + m.text().replace("701294", "&e;")))
row("dtd-entity-external", "an entity at an address", refused(DTD), lambda m: (
    f'<!DOCTYPE Response [<!ENTITY e SYSTEM "{m.listener}/entity">]>' + m.text().replace("701294", "&e;")))
row("dtd-entity-file", "an entity that is a file", refused(DTD), lambda m: (
    '<!DOCTYPE Response [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + m.text().replace("701294", "&e;")))
row("dtd-entity-parameter", "a parameter entity at an address", refused(DTD), lambda m: (
    f'<!DOCTYPE Response [<!ENTITY % e SYSTEM "{m.listener}/parameter">%e;]>' + m.text()))
row("dtd-bomb", "entities that double ten times ten times", refused(DTD), lambda m: (
    '<!DOCTYPE Response [<!ENTITY a0 "aaaaaaaaaa">' + "".join(
        f'<!ENTITY a{n} "{"&a%d;" % (n - 1) * 10}">' for n in range(1, 12)) + "]>" + m.text().replace("701294",
        "&a11;")))
row("dtd-id", "a document type that makes another attribute the ID", refused(DTD), lambda m: (
    "<!DOCTYPE Response [<!ATTLIST saml:Subject x ID #IMPLIED>]>" + m.text().replace(
        "<saml:Subject>", f'<saml:Subject x="{m.assertion_id}">')))
row("dtd-default", "a document type with a default attribute", refused(DTD), lambda m: (
    f'<!DOCTYPE Response [<!ATTLIST saml:Assertion ID CDATA "{m.assertion_id}">]>' + m.text()))
row("entity-unknown", "an entity that nobody declared", refused("AT0110"), lambda m: m.text().replace("701294", "&e;"))
row("schema-location", "a schema at an address: nothing is fetched", let_in(),
    lambda m: m.text().replace(
    "<samlp:Response ", f'<samlp:Response xmlns:xsi="{XSI}" xsi:schemaLocation="{SAMLP} {m.listener}/schema" '))
row("stylesheet", "a stylesheet at an address: nothing is fetched", let_in(), lambda m: (
    f'<?xml-stylesheet type="text/xsl" href="{m.listener}/style"?>' + m.text()))

for word, make in (
        ("cut", lambda text: text[:-20]), ("cut-start", lambda text: text[20:]), ("behind", lambda text: text + "x"),
        ("two-roots", lambda text: text + "<x/>"), ("before", lambda text: "x" + text),
        ("empty-root", lambda text: "<>"),
        ("control", lambda text: text.replace("701294", "701\x01294")), ("no-utf8", lambda text: text.encode().replace(
            b"701294", b"701\xff294")),
        ("overlong", lambda text: text.encode().replace(b"701294", b"701\xc0\xb1294")),
        ("surrogate", lambda text: text.encode().replace(b"701294", b"701\xed\xa0\x80294")),
        ("nul", lambda text: text.replace("701294", "701\0294")), ("nul-behind", lambda text: text + "\0"),
        ("nul-behind-junk", lambda text: text + "\0<x/>"), ("nul-reference",
        lambda text: text.replace("701294", "701&#0;294")),
        ("utf16", lambda text: text.encode("utf-16")), ("utf16-be", lambda text: text.encode("utf-16-be")),
        ("utf16-declared", lambda text: ('<?xml version="1.0" encoding="UTF-16"?>' + text).encode("utf-16")),
        ("utf32", lambda text: text.encode("utf-32")),
        ("utf7", lambda text: ('<?xml version="1.0" encoding="UTF-7"?>' + text.replace("<", "+ADw-"))),
        ("utf7-declared", lambda text: '<?xml version="1.0" encoding="UTF-7"?>' + text),
        ("ebcdic", lambda text: ('<?xml version="1.0" encoding="cp500"?>' + text).encode("cp500", "replace")),
        ("encoding-unknown", lambda text: '<?xml version="1.0" encoding="x-none"?>' + text),
        ("latin1-undeclared", lambda text: text.encode("iso-8859-1")),
        ("attribute-twice", lambda text: text.replace(' Version="2.0"', ' Version="2.0" Version="2.0"')),
        ("prefix-unknown", lambda text: text.replace("saml:Subject>", "none:Subject>")),
        ("text", lambda text: "bonjour"), ("json", lambda text: '{"a": 1}'), ("one-byte", lambda text: "<")):
    row(f"xml-{word}", f"not well-formed: {word}", refused("AT0110"), lambda m, make=make: Post(make(m.text())))
row("xml-empty", "an empty message", refused(ENCODING), lambda m: Post(""))
row("xml-version-1.1", "XML 1.1", let_in(), lambda m: '<?xml version="1.1"?>' + m.text())

row("deep-32", "nested as deep as is allowed, in Extensions", let_in(),
    parts={"extensions": f"<samlp:Extensions>{'<x>' * 30}{'</x>' * 30}</samlp:Extensions>"})
row("deep-33", "nested too deep by one", refused("AT0112"),
    parts={"extensions": f"<samlp:Extensions>{'<x>' * 31}{'</x>' * 31}</samlp:Extensions>"})
row("deep-20000", "nested 20000 deep", refused("AT0112"), lambda m: "<x>" * 20000 + "</x>" * 20000)
row("deep-unfinished", "nested 60000 deep, never closed", refused("AT0112"), lambda m: "<x>" * 60000)
row("large", "a message of more than 256 KiB", refused("AT0113"), lambda m: m.text() + f"<!-- {'c' * 262144} -->")
row("wide", "20000 elements", refused("AT0304"), lambda m: m.response("<x/>" * 20000), signed=())
row("xml-attributes", "5000 XML attributes on the response", refused("AT0113"),
    lambda m: m.text().replace("<samlp:Response ",
    "<samlp:Response " + " ".join(f'a{n}="v"' for n in range(5000)) + " "))
row("xml-namespaces", "5000 namespaces on the response", refused("AT0113"),
    lambda m: m.text().replace(
    "<samlp:Response ", "<samlp:Response " + " ".join(f'xmlns:a{n}="urn:{n}"' for n in range(5000)) + " "))
row("xml-long-name", "an element whose name has 100000 letters", refused("AT0110"),
    lambda m: m.response(f"<{'n' * 100000}/>"))
row("xml-long-attribute", "an XML attribute of 200000 letters", let_in(),
    lambda m: m.text().replace("<samlp:Response ", f'<samlp:Response a="{"v" * 200000}" '))

# --- base64 ---


def encoded(text):
    return base64.b64encode(text.encode()).decode()


def with_signs(m):
    """A message whose base64 has both '+' and '/'."""
    text = m.text()
    for fill in range(64):
        for letters in ("", "ÿ", "þÿ", "~?>"):
            value = encoded(f"{text}<!--{' ' * fill}{letters}-->")
            if "+" in value and "/" in value:
                return value
    raise ValueError("no such message")


for word, make in (
        ("url", lambda m: with_signs(m).replace("+", "-").replace("/", "_")),
        ("url-unpadded", lambda m: with_signs(m).replace("+", "-").replace("/", "_").rstrip("=")),
        ("signs", lambda m: "%%%" + encoded(m.text())), ("behind",
        lambda m: encoded(m.text() + "   "[:-len(m.text()) % 3]) + "!"),
        ("inside", lambda m: encoded(m.text())[:100] + "*" + encoded(m.text())[100:]),
        ("padding-inside", lambda m: encoded("<x/>") + encoded(m.text())),
        ("accents", lambda m: "é" + encoded(m.text())), ("xml", lambda m: m.text()),
        ("only-padding", lambda m: "===="), ("one-letter", lambda m: "A")):
    row(f"base64-{word}", f"not base64: {word}", refused(ENCODING), lambda m, make=make: Post("", field=make(m)))
row("base64-twice", "base64 of base64", refused("AT0110"), lambda m: encoded(m.text()))
row("base64-deflated", "compressed, as by HTTP-Redirect", refused("AT0110"),
    lambda m: Post(zlib.compress(m.text().encode())[2:-4]))
row("base64-bomb", "compressed zeros", refused("AT0110"), lambda m: Post(zlib.compress(bytes(50_000_000))))
row("base64-unpadded", "the padding is missing", refused(ENCODING), lambda m: Post(
    "", field=encoded(m.text() + " " * ((1 - len(m.text().encode())) % 3)).rstrip("=")))
