"""The table of cases: name, what is special about it, what has to become of it, and how it is made."""

import base64
import re
from urllib.parse import quote

from lxml import etree

from message import MARKER, PUPIL, Message, text_of

CASES = {}

# The pupil of message.py, as an application sees them.
PUPIL_USER = "eleve:701294@0340039X"
PUPIL_ENV = {
    "ATEN_BACKEND": "aten", "ATEN_ROLE": "eleve", "ATEN_ROLES": "eleve", "ATEN_NOM": "L'Hérault", "ATEN_PRENOM": "Zoé",
    "ATEN_ELEVE_ID": "701294", "ATEN_UAI": "0340039X", "ATEN_DEGRE": "2", "ATEN_VECTEUR": PUPIL,
    "ATEN_ATTR_FrEduMarque": MARKER,
}


# --- what has to become of a case ---

def let_in(user=PUPIL_USER, env=None, without=(), **more):
    """Logged in as user; the environment has these variables, and not those of `without`."""
    expected = dict(PUPIL_ENV) if user == PUPIL_USER and env is None else {}
    expected.update(env or {}, **more)
    return {"in": {"user": user, "env": expected, "without": list(without)}}


def refused(*tags, status=None):
    """A page with a reference, one line in the log with it: the first tag by the contract, the others are right too."""
    return {"refused": list(tags), "status": status}


def again(*tags):
    """Never believed and no error: a fresh request to the portal. Tags, if any, stand in the log."""
    return {"again": list(tags)}


def either(*ways):
    """Where the rules leave it open: any of these."""
    return {key: value for way in ways for key, value in way.items()}


# --- the table ---

class Case:
    def __init__(self, group, name, why, expect, make, options):
        self.group, self.name, self.why, self.expect, self.make = group, name, why, expect, make
        self.options = options      # profile, to: how the login begins

    def description(self):
        return {"group": self.group, "name": self.name, "why": self.why, "expect": self.expect, **self.options}


class Group:
    """Cases of one subject, in the order in which they are written."""

    def __init__(self, name):
        self.name = name

    def row(self, name, why, expect, make=None, options=None, **fields):
        """A message with fields changed; make, if given, goes on from there and returns what is posted (see posted)."""
        def made(message):
            message.set(**{field: value(message) if callable(value) else value for field, value in fields.items()})
            return make(message) if make else None
        whole = f"{self.name}/{name}"
        if whole in CASES:
            raise KeyError(whole)
        CASES[whole] = Case(self.name, whole, why, expect, made, options or {})

    def case(self, name, why, expect, options=None, **fields):
        """The same as a decorator of make."""
        def register(make):
            self.row(name, why, expect, make, options, **fields)
            return make
        return register


# --- how it gets to the service ---

class Post:
    """What is sent. Every detail of the form can be another one."""

    def __init__(self, message, **how):
        self.message = message.encode() if isinstance(message, str) else message
        self.how = how

    def answer(self, asked):
        how = self.how
        field = how["field"] if "field" in how else base64.b64encode(self.message).decode()
        fields = how.get("fields")
        if fields is None:
            relay = how["relay_state"] if "relay_state" in how else asked.relay_state
            fields = [("SAMLResponse", field)] + ([("RelayState", relay)] if relay is not None else [])
        body = how["body"](field, asked) if "body" in how else encode(fields)
        body = body if isinstance(body, bytes) else body.encode()
        return {
            "type": how.get("type", "application/x-www-form-urlencoded"), "method": how.get("method", "POST"),
            "query": how["query"](field) if "query" in how else "", "headers": how.get("headers", {}),
            "secrets": parts(*asked.secrets(), field[100:160]), "bytes": len(body),
        }, body


def parts(*secrets):
    """Pieces that are long enough not to stand in a log by chance. A school's code may: it names no person."""
    found = dict.fromkeys(piece[:60] for secret in secrets for piece in re.findall("[A-Za-z0-9@.+-]{6,}", secret))
    return [piece for piece in found if not re.fullmatch("[0-9]{7}[A-Z]", piece)][:100]


def encode(fields):
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in fields)


def posted(result, message):
    """What a case's function may return: nothing (the message as it stands), a tree, text, bytes, or a Post."""
    if result is None:
        result = message.text()
    if isinstance(result, etree._Element):
        result = text_of(result)
    return result if isinstance(result, Post) else Post(result)


def make(forge, name, ask):
    """@return how it is sent, and the body's bytes"""
    message = Message(forge, ask)
    return posted(CASES[name].make(message), message).answer(message)
