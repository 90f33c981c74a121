"""Single Logout messages of the forged portals, by both bindings: every part can be another one, or missing."""

import base64
import zlib
from urllib.parse import quote, unquote_to_bytes

import xmlsec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

import signature
from keys import entity_id
from message import Message, attributes_text, content, new_id, parse, text_of
from names import (DS, ECDSA_SHA1, ECDSA_SHA256, ECDSA_SHA384, ECDSA_SHA512, RSA_SHA1, RSA_SHA256, RSA_SHA384,
                   RSA_SHA512, SAML, SAMLP, SUCCESS, TRANSIENT)
from registry import Post

HASHES = {RSA_SHA1: hashes.SHA1, RSA_SHA256: hashes.SHA256, RSA_SHA384: hashes.SHA384, RSA_SHA512: hashes.SHA512,
          ECDSA_SHA1: hashes.SHA1, ECDSA_SHA256: hashes.SHA256, ECDSA_SHA384: hashes.SHA384,
          ECDSA_SHA512: hashes.SHA512}
ROOTS = {"request": "LogoutRequest", "response": "LogoutResponse"}
PARAMETERS = {"request": "SAMLRequest", "response": "SAMLResponse"}


class Logout:
    """One message. Fields are what it says; `parts` has markup that stands for a whole part ('' leaves it out)."""

    def __init__(self, forge, ask):
        self.forge, self.ask, self.now = forge, ask, ask["now"]
        self.kind, self.binding = ask.get("kind", "request"), ask.get("binding", "redirect")
        self.listener = ask.get("listener", "")
        self.portal = self.key = ask.get("portal", "familles")
        self.issuer = entity_id(self.portal)
        self.root = ROOTS[self.kind]
        self.id = ask.get("id") or new_id()
        self.version = "2.0"
        self.issued, self.not_after = self.at(0), self.at(300)
        self.address = self.destination = ask["address"]
        self.name_id = ask.get("name_id") or "_Znommarque" + new_id()
        self.session_indexes = ask.get("session_indexes") or []
        self.in_response_to = ask.get("in_response_to")
        self.status = ask.get("status") or [SUCCESS]
        self.relay_state = ask.get("relay_state")
        self.parts = {}

    def at(self, seconds):
        return Message.at(self, seconds)

    def set(self, **fields):
        for name, value in fields.items():
            if not hasattr(self, name):
                raise AttributeError(name)
            setattr(self, name, {**self.parts, **value} if name == "parts" else value)
        return self

    # --- parts ---

    def part(self, name):
        value = self.parts.get(name)
        if callable(value):
            value = value(self)
        return getattr(self, f"make_{name}")() if value is None else value

    def make_issuer(self):
        return f"<saml:Issuer>{content(self.issuer)}</saml:Issuer>"

    def make_extensions(self):
        return ""

    def make_name_id(self):
        return f'<saml:NameID Format="{TRANSIENT}">{content(self.name_id)}</saml:NameID>'

    def make_indexes(self):
        return "".join(f"<samlp:SessionIndex>{content(index)}</samlp:SessionIndex>" for index in self.session_indexes)

    def make_status(self):
        inside = ""
        for code in reversed(self.status):
            inside = f'<samlp:StatusCode Value="{code}">{inside}</samlp:StatusCode>'
        return f"<samlp:Status>{inside}</samlp:Status>"

    # --- the whole ---

    def text(self):
        """The message, not signed."""
        names = ("name_id", "indexes") if self.kind == "request" else ("status",)
        head = attributes_text(ID=self.id, Version=self.version, IssueInstant=self.issued,
                               Destination=self.destination,
                               NotOnOrAfter=self.not_after if self.kind == "request" else None,
                               InResponseTo=self.in_response_to if self.kind == "response" else None)
        return (f'<samlp:{self.root} xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}"{head}>'
                + "".join(map(self.part, ("issuer", "extensions") + names)) + f"</samlp:{self.root}>")

    def tree(self):
        return parse(self.text())

    def signed(self, **options):
        """A tree with its XML signature, as HTTP-POST has it."""
        root = self.tree()
        signature.sign(root, self.forge.keys[self.key], **options)
        return root

    def secrets(self):
        return ["Znommarque", str(self.name_id), *map(str, self.session_indexes)]


# --- HTTP-Redirect ---

def deflated(data, bits=-15):
    packer = zlib.compressobj(9, zlib.DEFLATED, bits)
    return packer.compress(data) + packer.flush()


def escaped(text):
    return quote(text, safe="")


def query_signature(key, algorithm, octets, form="plain"):
    """@param form of an ECDSA signature: plain (two numbers of one length, as XML signatures have it) or der"""
    if not key.is_ec():
        return key.private.sign(octets, padding.PKCS1v15(), HASHES.get(algorithm, hashes.SHA256)())
    made = key.private.sign(octets, ec.ECDSA(HASHES.get(algorithm, hashes.SHA256)()))
    if form == "der":
        return made
    size = (key.private.curve.key_size + 7) // 8
    return b"".join(number.to_bytes(size, "big") for number in decode_dss_signature(made))


class Redirect:
    """An address with a message. Options:
    text: instead of the message's; data: bytes instead of what DEFLATE makes of it; value: text instead of base64;
    parameter: its name; algorithm: SigAlg; key: a key's name; form: see query_signature; signed: 0, no signature;
    before, after: functions over the list of [name, raw value], before and after it is signed."""

    def __init__(self, message, **how):
        self.message, self.how = message, how

    def pairs(self):
        m, how = self.message, self.how
        text = how.get("text", m.text)
        text = text() if callable(text) else text
        data = how["data"] if "data" in how else deflated(text if isinstance(text, bytes) else text.encode())
        value = how["value"] if "value" in how else base64.b64encode(data).decode()
        pairs = [[how.get("parameter", PARAMETERS[m.kind]), escaped(value)]]
        if m.relay_state is not None:
            pairs.append(["RelayState", escaped(m.relay_state)])
        return pairs

    def signed(self, pairs):
        key, how = self.message.forge.keys[self.how.get("key", self.message.key)], self.how
        algorithm = how.get("algorithm", ECDSA_SHA256 if key.is_ec() else RSA_SHA256)
        pairs = [*pairs, ["SigAlg", escaped(algorithm)]]
        made = query_signature(key, algorithm, joined(pairs).encode(), how.get("form", "plain"))
        return [*pairs, ["Signature", escaped(base64.b64encode(made).decode())]]

    def query(self):
        pairs = self.how.get("before", same)(self.pairs())
        if self.how.get("signed", 1):
            pairs = self.signed(pairs)
        return joined(self.how.get("after", same)(pairs))

    def answer(self):
        return {"method": "GET", "query": self.query(), "type": None}, b""


def same(pairs):
    return pairs


def joined(pairs):
    return "&".join(name if value is None else f"{name}={value}" for name, value in pairs)


# --- HTTP-POST ---

class Form(Post):
    """A form with a message; Options: those of registry.Post."""

    def __init__(self, logout, message, **how):
        super().__init__(text_of(message) if not isinstance(message, (str, bytes)) else message, **how)
        self.logout = logout

    def answer(self):
        m = self.logout
        value = self.how["field"] if "field" in self.how else base64.b64encode(self.message).decode()
        fields = [(self.how.get("parameter", PARAMETERS[m.kind]), value)]
        if m.relay_state is not None:
            fields.append(("RelayState", m.relay_state))
        body = joined([(name, escaped(value)) for name, value in fields]).encode()
        return {"method": "POST", "query": "", "type": "application/x-www-form-urlencoded"}, body


# --- what the service sends ---

def holds(key, algorithm, octets, made):
    """Does the signature of an address hold? ECDSA signatures are two numbers of one length."""
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            half = len(made) // 2
            der = encode_dss_signature(int.from_bytes(made[:half], "big"), int.from_bytes(made[half:], "big"))
            key.verify(der, octets, ec.ECDSA(HASHES[algorithm]()))
        else:
            key.verify(made, octets, padding.PKCS1v15(), HASHES[algorithm]())
        return True
    except (InvalidSignature, KeyError):
        return False


def element_text(root, namespace, name):
    return [node.text for node in root.iter(f"{{{namespace}}}{name}")]


def holds_xml(root, keys):
    """Is the message signed as a whole, by one of the keys?"""
    node = root.find(f"{{{DS}}}Signature")
    if node is None or [one.get("URI") for one in node.iter(f"{{{DS}}}Reference")] != ["#" + root.get("ID")]:
        return False
    xmlsec.tree.add_ids(root, ["ID"])
    for key in keys:
        pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        context = xmlsec.SignatureContext()
        context.key = xmlsec.Key.from_memory(pem, xmlsec.constants.KeyDataFormatPem)
        try:
            context.verify(node)
            return True
        except xmlsec.Error:
            continue
    return False


def said(parameter, root, relay_state, signed):
    return {
        "parameter": parameter, "root": root.tag.split("}")[1], "id": root.get("ID"),
        "in_response_to": root.get("InResponseTo"), "destination": root.get("Destination"),
        "issued": root.get("IssueInstant"), "not_after": root.get("NotOnOrAfter"),
        "issuer": (element_text(root, SAML, "Issuer") or [None])[0],
        "name_id": (element_text(root, SAML, "NameID") or [None])[0],
        "session_indexes": element_text(root, SAMLP, "SessionIndex"),
        "status": [node.get("Value") for node in root.iter(f"{{{SAMLP}}}StatusCode")],
        "relay_state": relay_state, "signed": signed,
        "xml_signature": root.find(f"{{{DS}}}Signature") is not None,
    }


def read_query(forge, query):
    """What a query of the service's says, and whether one of its certificates holds for the signature."""
    raw = dict(pair.split("=", 1) for pair in query.split("&") if "=" in pair)
    plain = {name: unquote_to_bytes(value) for name, value in raw.items()}
    parameter = "SAMLRequest" if "SAMLRequest" in raw else "SAMLResponse"
    root = parse(zlib.decompress(base64.b64decode(plain[parameter]), -15))
    covered = "&".join(f"{name}={raw[name]}" for name in (parameter, "RelayState", "SigAlg") if name in raw)
    made = base64.b64decode(plain.get("Signature", b""))
    algorithm = plain.get("SigAlg", b"").decode()
    signed = bool(made) and any(holds(key, algorithm, covered.encode(), made) for key in forge.service)
    return said(parameter, root, plain["RelayState"].decode() if "RelayState" in plain else None, signed)


def read_form(forge, fields):
    """The same of a form: its fields by their names."""
    parameter = "SAMLRequest" if "SAMLRequest" in fields else "SAMLResponse"
    root = parse(base64.b64decode(fields[parameter]))
    return said(parameter, root, fields.get("RelayState"), holds_xml(root, forge.service))
