"""A portal's answer, put together from parts: every part can be another one, or missing."""

import datetime
import secrets
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

import signature
from keys import entity_id
from names import BEARER, DS, PASSWORD, SAML, SAMLP, SUCCESS, TRANSIENT

# What no log may show: it stands in every message.
MARKER = "Zvaleurmarquee"

PUPIL = "4|L'Hérault|Zoé|701294|0340039X"

parser = etree.XMLParser(strip_cdata=False, resolve_entities=False, no_network=True, huge_tree=True)


def parse(text):
    return etree.fromstring(text.encode() if isinstance(text, str) else text, parser)


def text_of(root):
    return etree.tostring(root, encoding="unicode")


def new_id():
    return "_" + secrets.token_hex(16)


def attributes_text(**values):
    """Attributes of a tag: those that are None are left out; recipient_ is written Recipient by its caller."""
    return "".join(f" {name}={quoteattr(value)}" for name, value in values.items() if value is not None)


class Raw(str):
    """Markup that goes into the message as it is."""


def content(value):
    return value if isinstance(value, Raw) else escape(value)


class Message:
    """One answer. Fields are what it says; `parts` has markup that stands for a whole part ('' leaves it out)."""

    def __init__(self, forge, ask):
        self.forge, self.ask = forge, ask
        self.acs, self.audience, self.now = ask["acs"], ask["audience"], ask["now"]
        self.listener = ask.get("listener", "")
        self.relay_state = ask.get("relay_state")
        self.portal = self.key = ask.get("portal", "familles")
        self.issuer = self.assertion_issuer = entity_id(self.portal)
        self.signed = ("assertion",)
        self.signing = {}                       # options of signature.sign, for each signature
        self.response_id, self.assertion_id = new_id(), new_id()
        self.destination = self.recipient = self.acs
        self.in_response_to = self.response_in_response_to = ask.get("in_response_to")
        self.version = self.assertion_version = "2.0"
        self.status = SUCCESS
        self.name_id = ask.get("name_id") or "_Znommarque" + secrets.token_hex(12)
        self.session_index = ask.get("session_index") or "_" + secrets.token_hex(8)
        self.context = PASSWORD
        self.from_now(not_before=-60, not_after=300, confirmed_until=300, authn=-5, issued=0)
        self.confirmed_from = self.session_end = None
        self.attributes = [("FrEduVecteur", [PUPIL])]
        self.parts = {}

    def from_now(self, **seconds):
        """Set times, as seconds from now, or as text."""
        for name, value in seconds.items():
            setattr(self, name, self.at(value) if isinstance(value, (int, float)) else value)
        return self

    def at(self, seconds):
        when = datetime.datetime.fromtimestamp(int(self.now) + seconds, datetime.timezone.utc)
        return when.strftime("%Y-%m-%dT%H:%M:%SZ")

    def set(self, **fields):
        """Change fields; `parts` are added to those that are there."""
        for name, value in fields.items():
            if not hasattr(self, name):
                raise AttributeError(name)
            if name in ("parts", "signing"):
                value = {**getattr(self, name), **value}
            setattr(self, name, value)
        return self

    # --- parts ---

    def part(self, name, *arguments):
        value = self.parts.get(name)
        if callable(value):
            value = value(self)
        return getattr(self, f"make_{name}")(*arguments) if value is None else value

    def make_response_issuer(self):
        return f"<saml:Issuer>{escape(self.issuer)}</saml:Issuer>" if self.issuer is not None else ""

    def make_extensions(self):
        return ""

    def make_status(self):
        return f'<samlp:Status><samlp:StatusCode Value="{self.status}"/></samlp:Status>'

    def make_assertion_issuer(self):
        return f"<saml:Issuer>{escape(self.assertion_issuer)}</saml:Issuer>"

    def make_name_id(self):
        return f'<saml:NameID Format="{TRANSIENT}">{content(self.name_id)}</saml:NameID>'

    def confirmation(self, method=BEARER, data=None, **changes):
        """A SubjectConfirmation; changes are attributes of its data."""
        if data is None:
            values = {"Recipient": self.recipient, "NotBefore": self.confirmed_from,
                      "NotOnOrAfter": self.confirmed_until, "InResponseTo": self.in_response_to, **changes}
            data = f"<saml:SubjectConfirmationData{attributes_text(**values)}/>"
        return f'<saml:SubjectConfirmation Method="{method}">{data}</saml:SubjectConfirmation>'

    def make_confirmations(self):
        return self.confirmation()

    def make_subject(self):
        return f"<saml:Subject>{self.part('name_id')}{self.part('confirmations')}</saml:Subject>"

    def audiences(self, *names):
        inside = "".join(f"<saml:Audience>{escape(name)}</saml:Audience>" for name in names)
        return f"<saml:AudienceRestriction>{inside}</saml:AudienceRestriction>"

    def make_restrictions(self):
        return self.audiences(self.audience)

    def make_conditions(self):
        window = attributes_text(NotBefore=self.not_before, NotOnOrAfter=self.not_after)
        return f"<saml:Conditions{window}>{self.part('restrictions')}</saml:Conditions>"

    def make_advice(self):
        return ""

    def make_authn(self):
        when = attributes_text(AuthnInstant=self.authn, SessionIndex=self.session_index,
                               SessionNotOnOrAfter=self.session_end)
        return (f"<saml:AuthnStatement{when}><saml:AuthnContext><saml:AuthnContextClassRef>{escape(self.context)}"
                "</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>")

    def attribute(self, name, values, more=""):
        inside = "".join(f"<saml:AttributeValue>{content(value)}</saml:AttributeValue>" for value in values)
        return f"<saml:Attribute Name={quoteattr(name)}{more}>{inside}</saml:Attribute>"

    def make_attributes(self):
        inside = "".join(self.attribute(*each) for each in [*self.attributes, ("FrEduMarque", [MARKER])])
        return f"<saml:AttributeStatement>{inside}</saml:AttributeStatement>"

    # --- the whole ---

    def assertion(self):
        head = attributes_text(ID=self.assertion_id, Version=self.assertion_version, IssueInstant=self.issued)
        parts = ("assertion_issuer", "subject", "conditions", "advice", "authn", "attributes")
        return (f'<saml:Assertion xmlns:saml="{SAML}"{head}>' + "".join(map(self.part, parts))
                + "</saml:Assertion>")

    def response(self, inside):
        """The response around what is given."""
        head = attributes_text(ID=self.response_id, Version=self.version, IssueInstant=self.issued,
                               Destination=self.destination, InResponseTo=self.response_in_response_to)
        return (f'<samlp:Response xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}"{head}>'
                + "".join(map(self.part, ("response_issuer", "extensions", "status")))
                + inside + "</samlp:Response>")

    def tree(self):
        """The whole message, not signed yet."""
        return parse(self.response(self.assertion()))

    def sign(self, root, **options):
        """Sign what `signed` names, the inner one first. @return root"""
        for what in ("assertion", "response"):
            if what in self.signed:
                element = root if what == "response" else assertion_of(root)
                signature.sign(element, self.forge.keys[self.key], **{**self.signing, **options})
        return root

    def signed_tree(self, **options):
        return self.sign(self.tree(), **options)

    def text(self):
        return text_of(self.signed_tree())

    def secrets(self):
        """Pieces of what it says that no log may have."""
        values = [value for _, values, *_ in self.attributes for value in values]
        return [MARKER, "Znommarque", *values]


def assertion_of(root):
    return root.find(f"{{{SAML}}}Assertion")


def signature_of(element):
    return element.find(f"{{{DS}}}Signature")
