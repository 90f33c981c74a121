"""Single Logout messages: good ones in every form that is allowed, and forged ones. Each names the person and the
sessions that the test asks for, so that a forged one would end them if it were believed."""

import base64
import re

import signature
from encryption import encrypt
from keys import entity_id
from logout import Form, Logout, Redirect, deflated, escaped
from message import new_id, parse, signature_of, text_of
from names import (CBC, ECDSA_SHA256, ECDSA_SHA384, ENTITY, HMAC_SHA256, RSA_15, RSA_SHA1, RSA_SHA256, RSA_SHA384,
                   RSA_SHA512, SAML, SAMLP, SHA1)
from registry import refused

CASES = {}

REPEATED, FORM = "AT0103", "AT0104"
NOT_XML, DTD, DEEP, LARGE = "AT0110", "AT0111", "AT0112", "AT0113"
ENCODING, MALFORMED, VERSION, TWICE = "AT0300", "AT0301", "AT0302", "AT0303"
ISSUER, METADATA = "AT0306", "AT0307"
UNSIGNED, SIGNATURE_FORM, ALGORITHM, SIGNATURE = "AT0310", "AT0311", "AT0312", "AT0313"
UNREADABLE = "AT0315"
DESTINATION, NOT_YET, EXPIRED, SUBJECT, IN_RESPONSE_TO = "AT0320", "AT0323", "AT0324", "AT0325", "AT0327"


class Case:
    def __init__(self, name, why, expect, binding, kind, make, fields):
        self.name, self.why, self.expect, self.binding, self.kind = name, why, expect, binding, kind
        self.make, self.fields = make, fields

    def description(self):
        return {"name": self.name, "why": self.why, "expect": self.expect, "binding": self.binding, "kind": self.kind}


def good(outcome="done"):
    """Believed. Of a response: what became of the logout (done, partial, failed)."""
    return {"good": outcome}


def row(name, why, expect, make=None, *, binding="redirect", kind="request", **fields):
    """make(message) returns a Redirect or a Form; fields are the message's, each may be a function of it."""
    name = f"{binding}-{kind}-{name}"
    if name in CASES:
        raise KeyError(name)
    CASES[name] = Case(name, why, expect, binding, kind, make, fields)


def both(name, why, expect, kind="request", **fields):
    """The same by both bindings."""
    for binding in ("redirect", "post"):
        row(name, why, expect, binding=binding, kind=kind, **fields)


def way(name, why, expect, kind="request", fields=None, **how):
    """By HTTP-Redirect, with options of Redirect."""
    row(name, why, expect, lambda m: Redirect(m, **how), kind=kind, **(fields or {}))


def posted(name, why, expect, make=None, kind="request", fields=None, **signing):
    """By HTTP-POST. make(message) gives a tree or text; signing: options of signature.sign"""
    row(name, why, expect, lambda m: Form(m, make(m) if make else m.signed(**signing)), binding="post", kind=kind,
        **(fields or {}))


def usual(m):
    return Redirect(m) if m.binding == "redirect" else Form(m, m.signed())


def make(forge, name, ask):
    """@param name of a case, or None: a good message of the kind and by the binding that ask names
    @return how it is sent, and the body's bytes"""
    case = CASES[name] if name else Case(None, None, None, ask["binding"], ask["kind"], None, {})
    m = Logout(forge, {**ask, "binding": case.binding, "kind": case.kind})
    m.set(**{field: value(m) if callable(value) else value for field, value in case.fields.items()})
    said, body = (case.make or usual)(m).answer()
    return {**said, "binding": case.binding, "kind": case.kind, "id": m.id, "relay_state": m.relay_state,
            "secrets": [secret for secret in m.secrets() if len(secret) >= 6], "bytes": len(body)}, body


# --- good ---

both("good", "a request as most portals make it", good())
both("good", "a response as most portals make it", good(), kind="response")
for word, key, algorithm in (("sha384", "familles", RSA_SHA384), ("sha512", "familles", RSA_SHA512),
                             ("next-key", "familles-next", RSA_SHA256), ("ec", "familles-ec", ECDSA_SHA256),
                             ("ec384", "familles-ec384", ECDSA_SHA384)):
    way(word, f"signed by {key} with {algorithm.split('#')[1]}", good(), key=key, algorithm=algorithm)
way("ec-der", "an ECDSA signature in DER, as some senders make it", good(), key="familles-ec", form="der")
DEFLATE = "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE"
way("encoding-named", "SAMLEncoding says DEFLATE", good(),
    after=lambda pairs: [*pairs, ["SAMLEncoding", escaped(DEFLATE)]])
way("others", "parameters that nobody knows", good(), after=lambda pairs: [["a", "1"], *pairs, ["a", "2"], ["b", None]])
way("order", "the parameters in another order", good(), after=lambda pairs: pairs[::-1])
way("letters", "percent-encoding in small letters, signed so", good(),
    before=lambda pairs: [[name, lower(value)] for name, value in pairs])
both("format", "the Issuer with the format of an entity", good(), parts={
    "issuer": lambda m: f'<saml:Issuer Format="{ENTITY}">{m.issuer}</saml:Issuer>'})
both("cdata", "NameID and SessionIndex with CDATA and comments, read whole", good(), parts={
    "name_id": lambda m: f"<saml:NameID>{pieces(m.name_id)}</saml:NameID>",
    "indexes": lambda m: "".join(f"<samlp:SessionIndex>{pieces(index)}</samlp:SessionIndex>"
                                 for index in m.session_indexes)})
both("extensions", "Extensions that nobody knows", good(), parts={
    "extensions": "<samlp:Extensions><x:y xmlns:x='urn:x'/></samlp:Extensions>"})
both("no-end", "a request without NotOnOrAfter", good(), not_after=None)
both("encrypted", "an EncryptedID by GCM", good(), parts={"name_id": lambda m: encrypted_id(m)})
both("encrypted-cbc", "an EncryptedID by CBC in a message that is signed", good(), parts={
    "name_id": lambda m: encrypted_id(m, algorithm=CBC[128])})
STATUS = "urn:oasis:names:tc:SAML:2.0:status:"
both("partial", "Success, and below it PartialLogout", good("partial"), kind="response",
     status=[STATUS + "Success", STATUS + "PartialLogout"])
both("partial-responder", "Responder, and below it PartialLogout", good("partial"), kind="response",
     status=[STATUS + "Responder", STATUS + "PartialLogout"])
both("failed", "Responder alone", good("failed"), kind="response", status=[STATUS + "Responder"])


def lower(text):
    """Percent-encoding in small letters."""
    return re.sub("%..", lambda found: found[0].lower(), text)


def pieces(text):
    """The same text, cut by CDATA and a comment."""
    return f"{text[:2]}<![CDATA[{text[2:4]}]]><!-- x -->{text[4:]}"


def encrypted_id(m, **options):
    options.setdefault("wrap", "EncryptedID")
    return encrypt(f'<saml:NameID xmlns:saml="{SAML}">{m.name_id}</saml:NameID>', m.forge.service[0], **options)


# --- who says it ---

for kind in ("request", "response"):
    both("other-portal", "signed by a portal that is believed, in the name of another", refused(SIGNATURE), kind=kind,
         key="agents")
both("stranger", "signed by a key that is in nobody's metadata", refused(SIGNATURE), key="other")
both("encryption-key", "signed by the portal's key for encryption", refused(SIGNATURE), key="familles-encryption")
both("weak-key", "signed by a key of 1024 bits that the metadata has", refused(SIGNATURE), key="familles-weak")
both("not-believed", "a portal that is in the metadata, and not believed here", refused(ISSUER), key="inconnu",
     issuer=entity_id("inconnu"))
both("not-there", "a portal that is nowhere", refused(ISSUER), key="absent", issuer=entity_id("absent"))
both("expired-metadata", "a portal whose metadata is past its validUntil", refused(METADATA), key="perime",
     issuer=entity_id("perime"))
both("issuer-none", "no Issuer", refused(MALFORMED), parts={"issuer": ""})
both("issuer-two", "two Issuers", refused(MALFORMED), parts={
    "issuer": lambda m: m.make_issuer() + f"<saml:Issuer>{entity_id('agents')}</saml:Issuer>"})
both("issuer-namespace", "the Issuer in SAML's other namespace", refused(MALFORMED), parts={
    "issuer": lambda m: f"<samlp:Issuer>{m.issuer}</samlp:Issuer>"})
both("issuer-format", "an Issuer that is a person", refused(ISSUER), parts={
    "issuer": lambda m: '<saml:Issuer Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">'
                        f"{m.issuer}</saml:Issuer>"})

# --- for whom, when, about whom ---

for kind in ("request", "response"):
    both("destination-none", "no Destination", refused(DESTINATION), kind=kind, destination=None)
    both("destination-other", "for another service", refused(DESTINATION), kind=kind,
         destination="https://other.example/aten/saml/logout")
    both("destination-longer", "our address, and more", refused(DESTINATION), kind=kind,
         destination=lambda m: m.address + "/x")
    both("future", "issued in ten minutes", refused(NOT_YET), kind=kind, issued=lambda m: m.at(600))
    both("issued-none", "no IssueInstant", refused(MALFORMED), kind=kind, issued=None)
    both("issued-local", "an IssueInstant that is not UTC", refused(MALFORMED), kind=kind,
         issued=lambda m: m.at(0).replace("Z", "+02:00"))
    both("version", "version 1.1", refused(VERSION), kind=kind, version="1.1")
    row("id-none", "no ID", refused(MALFORMED), kind=kind, id=None)
both("old", "issued ten minutes ago", refused(EXPIRED), issued=lambda m: m.at(-600))
both("past", "NotOnOrAfter two minutes ago", refused(EXPIRED), not_after=lambda m: m.at(-120))
both("end-odd", "a NotOnOrAfter that is no time", refused(MALFORMED), not_after="tomorrow")
both("nobody", "no NameID", refused(SUBJECT), parts={"name_id": ""})
both("two-people", "two NameIDs", refused(SUBJECT), parts={
    "name_id": lambda m: m.make_name_id() + "<saml:NameID>autre</saml:NameID>"})
both("plain-and-encrypted", "a NameID and an EncryptedID", refused(SUBJECT), parts={
    "name_id": lambda m: m.make_name_id() + encrypted_id(m)})
both("base-id", "a BaseID", refused(SUBJECT), parts={"name_id": "<saml:BaseID/>"})
both("empty-name", "an empty NameID", refused(SUBJECT), name_id=" \n")
both("element-in-name", "an element inside the NameID", refused(SUBJECT), parts={
    "name_id": lambda m: f"<saml:NameID>{m.name_id}<x/></saml:NameID>"})
both("name-namespace", "a NameID in no namespace of SAML", refused(MALFORMED), parts={
    "name_id": lambda m: m.make_name_id() + f'<x:NameID xmlns:x="urn:x">{m.name_id}</x:NameID>'})
both("index-namespace", "a SessionIndex in the wrong namespace: no licence to end all sessions", refused(MALFORMED),
     parts={"indexes": "<saml:SessionIndex>_Znommarque</saml:SessionIndex>"})
both("index-empty", "an empty SessionIndex: nor is that", refused(SUBJECT), session_indexes=[""])
both("indexes-many", "101 SessionIndexes", refused(SUBJECT), session_indexes=lambda m: [new_id() for _ in range(101)])
both("encrypted-other", "an EncryptedID for somebody else", refused(UNREADABLE), parts={
    "name_id": lambda m: encrypt(m.make_name_id(), m.forge.keys["other"].private.public_key(), wrap="EncryptedID")})
both("encrypted-rsa15", "an EncryptedID whose key is wrapped by RSA 1.5", refused(ALGORITHM), parts={
    "name_id": lambda m: encrypted_id(m, transport={"algorithm": RSA_15})})
both("encrypted-fetched", "an EncryptedID with a CipherReference", refused("AT0314"), parts={
    "name_id": lambda m: encrypted_id(m, value=f'<xenc:CipherReference URI="{m.listener}"/>')})
both("in-response-to-none", "no InResponseTo", refused(IN_RESPONSE_TO), kind="response", in_response_to=None)
both("status-none", "no Status", refused(MALFORMED), kind="response", parts={"status": ""})
both("other-message", "an AuthnRequest", refused(MALFORMED), root="AuthnRequest")
both("other-kind", "a LogoutResponse where a request belongs", refused(MALFORMED), root="LogoutResponse")
both("other-kind", "a LogoutRequest where a response belongs", refused(MALFORMED), kind="response",
     root="LogoutRequest")
both("ids", "an ID that stands twice", refused(TWICE), parts={
    "extensions": lambda m: f'<samlp:Extensions><x:y xmlns:x="urn:x" ID="{m.id}"/></samlp:Extensions>'})

# --- by HTTP-Redirect: the signature over the address ---

way("unsigned", "not signed at all", refused(UNSIGNED), signed=0)
way("unsigned", "not signed at all", refused(UNSIGNED), kind="response", signed=0)
way("signature-dropped", "SigAlg without Signature", refused(FORM), after=lambda pairs: pairs[:-1])
way("algorithm-dropped", "Signature without SigAlg", refused(FORM),
    after=lambda pairs: [pair for pair in pairs if pair[0] != "SigAlg"])
way("signature-empty", "an empty Signature", refused(FORM), after=lambda pairs: [*pairs[:-1], ["Signature", ""]])
way("signature-odd", "a Signature that is no base64", refused(FORM),
    after=lambda pairs: [*pairs[:-1], ["Signature", "%21%21"]])
row("signature-of-other", "the signature of another message", refused(SIGNATURE),
    lambda m: Redirect(m, after=lambda pairs: [Redirect(m.set(id=new_id())).pairs()[0], *pairs[1:]]))
way("sha1", "signed with SHA-1", refused(ALGORITHM), algorithm=RSA_SHA1)
way("algorithm-unknown", "SigAlg is an algorithm of nobody", refused(ALGORITHM), algorithm="urn:x:none")
way("algorithm-none", "an empty SigAlg", refused(ALGORITHM), algorithm="")
way("algorithm-other", "SigAlg says ECDSA, the signature is RSA's", refused(SIGNATURE), algorithm=ECDSA_SHA256)
way("digest-other", "SigAlg says SHA-512, signed was SHA-256", refused(SIGNATURE),
    after=lambda pairs: [*pairs[:-2], ["SigAlg", escaped(RSA_SHA512)], pairs[-1]])
way("hmac", "HMAC, with the portal's certificate for its key", refused(ALGORITHM), algorithm=HMAC_SHA256)
way("relay-changed", "RelayState changed after it was signed", refused(SIGNATURE), fields={"relay_state": "abc"},
    after=lambda pairs: [[name, "abd" if name == "RelayState" else value] for name, value in pairs])
way("relay-dropped", "RelayState dropped after it was signed", refused(SIGNATURE), fields={"relay_state": "abc"},
    after=lambda pairs: [pair for pair in pairs if pair[0] != "RelayState"])
way("relay-added", "RelayState put in after it was signed", refused(SIGNATURE), fields={"relay_state": None},
    after=lambda pairs: [*pairs, ["RelayState", "abc"]])
way("encoded-again", "percent-encoded in another way than it was signed", refused(SIGNATURE),
    after=lambda pairs: [[pairs[0][0], "%" + format(ord(pairs[0][1][0]), "02X") + pairs[0][1][1:]], *pairs[1:]])
row("xml-signature", "an XML signature inside, as well", refused(SIGNATURE_FORM),
    lambda m: Redirect(m, text=text_of(m.signed())))
row("xml-signature-alone", "an XML signature inside alone", refused(SIGNATURE_FORM, UNSIGNED),
    lambda m: Redirect(m, text=text_of(m.signed()), signed=0))

# --- by HTTP-Redirect: parameters ---

EVIL = escaped(base64.b64encode(deflated(b"<x/>")).decode())
way("twice", "SAMLRequest twice", refused(REPEATED), after=lambda pairs: [["SAMLRequest", EVIL], *pairs])
way("twice-behind", "SAMLRequest twice, the signed one first", refused(REPEATED),
    after=lambda pairs: [*pairs, ["SAMLRequest", EVIL]])
way("twice-bare", "SAMLRequest twice, once without a value", refused(REPEATED),
    after=lambda pairs: [*pairs, ["SAMLRequest", None]])
way("both-kinds", "a SAMLResponse beside the SAMLRequest", refused(FORM),
    after=lambda pairs: [*pairs, ["SAMLResponse", EVIL]])
way("name-encoded", "a second one whose name is percent-encoded", refused(REPEATED),
    after=lambda pairs: [["SAML%52equest", EVIL], *pairs])
way("name-encoded-alone", "the name percent-encoded", refused(FORM),
    after=lambda pairs: [["SAML%52equest", pairs[0][1]], *pairs[1:]])
way("relay-twice", "RelayState twice", refused(REPEATED), fields={"relay_state": "abc"},
    after=lambda pairs: [*pairs, ["RelayState", "def"]])
way("relay-name-encoded", "a second RelayState whose name is percent-encoded", refused(REPEATED),
    after=lambda pairs: [*pairs, ["Relay%53tate", "def"]])
way("relay-long", "a RelayState of more than 2048 bytes", refused(FORM), fields={"relay_state": "a" * 2049})
way("algorithm-twice", "SigAlg twice", refused(REPEATED), after=lambda pairs: [*pairs, ["SigAlg", "x"]])
way("signature-twice", "Signature twice", refused(REPEATED), after=lambda pairs: [*pairs, ["Signature", "x"]])
way("escape-broken", "a broken escape", refused(FORM), before=lambda pairs: [[pairs[0][0], pairs[0][1] + "%zz"]])
way("nul", "a NUL behind the message", refused(FORM), before=lambda pairs: [[pairs[0][0], pairs[0][1] + "%00"]])
way("encoding-other", "SAMLEncoding of nobody", refused(ENCODING), after=lambda pairs: [*pairs, ["SAMLEncoding", "x"]])
way("none", "no message", refused(FORM), after=lambda pairs: pairs[1:])
way("kind-swapped", "a SAMLRequest named SAMLResponse after it was signed", refused(MALFORMED, SIGNATURE),
    after=lambda pairs: [["SAMLResponse", pairs[0][1]], *pairs[1:]])

# --- by HTTP-Redirect: DEFLATE ---

way("not-base64", "no base64", refused(ENCODING), value="!!!")
way("plus", "'+' that nobody encoded: a blank", refused(ENCODING),
    before=lambda pairs: [["SAMLRequest", "+" + pairs[0][1]]])
way("not-deflated", "not compressed", refused(ENCODING), data=b"<samlp:LogoutRequest>" * 20)
row("zlib", "with zlib's header", refused(ENCODING), lambda m: Redirect(m, data=deflated(m.text().encode(), 15)))
row("cut", "cut off", refused(ENCODING), lambda m: Redirect(m, data=deflated(m.text().encode())[:-8]))
row("behind", "bytes behind its end", refused(ENCODING), lambda m: Redirect(m, data=deflated(m.text().encode()) + b"x"))
way("bomb", "four megabytes out of four thousand bytes", refused(LARGE), data=deflated(b"<x>" + b" " * 4000000))
way("not-xml", "no XML", refused(NOT_XML), text="<samlp:LogoutRequest")
way("dtd", "a document type", refused(DTD), text='<!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]><x>&y;</x>')
way("deep", "nested too deep", refused(DEEP), text="<x>" * 100 + "</x>" * 100)

# --- by HTTP-POST ---


def moved(m, same_id=False):
    """A signed message in the Extensions of another one, which has its signature."""
    inner = m.signed()
    evil = Logout(m.forge, m.ask).set(id=inner.get("ID") if same_id else new_id())
    root = parse(evil.set(parts={"extensions": "<samlp:Extensions/>"}).text())
    node = signature_of(inner)
    signature.place(root, node)
    root.find(f"{{{SAMLP}}}Extensions").append(inner)
    return root


def inner_signed(m):
    """Only what is in the Extensions is signed."""
    inner = m.signed()
    root = parse(Logout(m.forge, m.ask).set(parts={"extensions": "<samlp:Extensions/>"}).text())
    root.find(f"{{{SAMLP}}}Extensions").append(inner)
    return root


def changed(m):
    """Changed after it was signed."""
    root = m.signed()
    root.set("IssueInstant", m.at(1))
    return root


def twice_signed(m):
    root = m.signed()
    signature.sign(root, m.forge.keys[m.key])
    return root


posted("unsigned", "not signed at all", refused(UNSIGNED), lambda m: m.text())
posted("unsigned", "not signed at all", refused(UNSIGNED), lambda m: m.text(), kind="response")
posted("changed", "changed after it was signed", refused(SIGNATURE), changed)
posted("wrapped", "the signed message inside another one", refused(SIGNATURE_FORM), moved)
posted("wrapped-id", "the same, with its ID", refused(TWICE), lambda m: moved(m, True))
posted("inner-signed", "only what is inside is signed", refused(SIGNATURE_FORM), inner_signed)
posted("signatures-two", "two signatures", refused(SIGNATURE_FORM), twice_signed)
posted("sha1", "signed with SHA-1", refused(ALGORITHM), method=RSA_SHA1, digest=SHA1)
posted("digest-sha1", "digested with SHA-1", refused(ALGORITHM), digest=SHA1)
posted("uri-empty", "a reference to the whole document", refused(SIGNATURE_FORM), uri="")
row("key-info", "a stranger's signature that brings its key along", refused(SIGNATURE),
    lambda m: Form(m, m.signed(key_info="own")), binding="post", key="other")
posted("dtd", "a document type", refused(DTD), lambda m: "<!DOCTYPE x>" + text_of(m.signed()))
posted("not-xml", "no XML", refused(NOT_XML), lambda m: text_of(m.signed())[:-5])
row("not-base64", "no base64", refused(ENCODING), lambda m: Form(m, "", field="%%%"), binding="post")
row("large", "300 KiB", refused(LARGE, "AT0114"), lambda m: Form(m, "<x>" + "a" * 300 * 1024 + "</x>"),
    binding="post")
row("deflated", "compressed, as for HTTP-Redirect", refused(NOT_XML), binding="post",
    make=lambda m: Form(m, deflated(text_of(m.signed()).encode())))
