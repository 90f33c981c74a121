"""How an answer gets to the service: the method, the form, its parameters, its size."""

import base64
from urllib.parse import quote

from registry import Group, Post, let_in, refused

transport = Group("transport")

REPEATED, FORM, METHOD, LARGE, ENCODING = "AT0103", "AT0104", "AT0105", "AT0114", "AT0300"


def row(name, why, expect, **how):
    transport.row(name, why, expect, lambda m: Post(m.text(), **how))


def body(name, why, expect, make, **how):
    """make(field, relay) gives the body."""
    row(name, why, expect, body=lambda field, m: make(quote(field, safe=""), quote(m.relay_state or "", safe="")),
        **how)


# --- method and type ---

for method in ("GET", "HEAD"):
    row(f"method-{method.lower()}", f"{method} with the message in the address", refused(METHOD), method=method,
        query=lambda field: "?SAMLResponse=" + quote(field[:2000], safe=""), body=lambda field, m: "", type=None)
for method in ("PUT", "DELETE", "PATCH"):
    row(f"method-{method.lower()}", method, refused(METHOD), method=method)
row("method-unknown", "a method of nobody", refused(METHOD), method="FORGE")
FORM_TYPE = "application/x-www-form-urlencoded"
for word, value in (("plain", "text/plain"), ("multipart", "multipart/form-data; boundary=x"),
    ("json", "application/json"),
                    ("longer", FORM_TYPE + "-x"), ("xml", "text/xml"), ("two", f"text/plain, {FORM_TYPE}")):
    row(f"type-{word}", f"the body's type is {value}", refused(FORM), type=value)
row("type-none", "the body has no type", refused(FORM), type=None)
row("type-letters", "the type in capital letters", let_in(), type=FORM_TYPE.upper())
row("type-charset", "the type with a charset", let_in(), type=FORM_TYPE + "; charset=UTF-8")
row("type-charset-odd", "the type with the charset UTF-7", let_in(),
    type=FORM_TYPE + ";charset=utf-7")

# --- parameters ---

body("twice", "SAMLResponse twice", refused(REPEATED), lambda field,
    relay: f"SAMLResponse={field}&SAMLResponse={field}&RelayState={relay}")
body("twice-first-empty", "an empty SAMLResponse first", refused(REPEATED), lambda field,
    relay: f"SAMLResponse=&SAMLResponse={field}")
body("twice-second-empty", "an empty SAMLResponse behind", refused(REPEATED), lambda field,
    relay: f"SAMLResponse={field}&SAMLResponse")
body("twice-encoded", "the name in two spellings", refused(REPEATED),
     lambda field, relay: f"SAMLResponse={field}&SAML%52esponse={field}")
body("relay-twice", "RelayState twice", refused(REPEATED), lambda field,
    relay: f"SAMLResponse={field}&RelayState={relay}&RelayState={relay}")
body("others", "parameters that nobody knows, twice", let_in(),
     lambda field, relay: f"a=1&a=2&SAMLResponse={field}&RelayState={relay}&samlresponse=x&SAMLRequest=y&SAMLart=z")
body("missing", "no SAMLResponse", refused(FORM), lambda field, relay: f"RelayState={relay}")
body("empty-body", "an empty body", refused(FORM), lambda field, relay: "")
body("empty", "an empty SAMLResponse", refused(ENCODING), lambda field,
    relay: f"SAMLResponse=&RelayState={relay}")
body("small-letters", "the name in small letters", refused(FORM), lambda field, relay: f"samlresponse={field}")
body("semicolon", "parameters separated by a semicolon", refused(FORM), lambda field,
    relay: f"RelayState={relay};SAMLResponse={field}")
body("nul-encoded", "a NUL behind the message", refused(FORM), lambda field,
    relay: f"SAMLResponse={field}%00")
body("nul", "a NUL in the body", refused(FORM), lambda field, relay: f"SAMLResponse={field}\0&RelayState={relay}")
body("nul-relay", "a NUL in RelayState", refused(FORM), lambda field,
    relay: f"SAMLResponse={field}&RelayState={relay}%00x")
body("bad-escape", "a broken escape", refused(FORM), lambda field, relay: f"SAMLResponse={field}%zz")
body("cut-escape", "an escape that is cut", refused(FORM), lambda field, relay: f"SAMLResponse={field}%4")
body("unquoted", "'+' that nobody encoded: blanks, by the form's rules", refused(ENCODING),
     lambda field, relay: "SAMLResponse=" + quote_less(field))


def quote_less(field):
    """Send base64 with raw '+': one is put in, so that there is one."""
    return field[:400] + "+" + field[401:]


body("query-too", "the message in the address as well", let_in(),
     lambda field, relay: f"SAMLResponse={field}&RelayState={relay}", query=lambda field: "?SAMLResponse=PHgvPg%3D%3D")
body("query-alone", "the message in the address alone", refused(FORM), lambda field, relay: "",
     query=lambda field: "?SAMLResponse=" + quote(field[:2000], safe=""))

# --- size ---

body("large", "a body of more than 512 KiB", refused(LARGE, status=413), lambda field,
    relay: f"SAMLResponse={field}&x={'x' * (512 * 1024)}")
body("large-megabytes", "a body of 8 MiB", refused(LARGE, status=413), lambda field,
    relay: "SAMLResponse=" + "A" * (8 * 1024 * 1024))
body("many-parameters", "50000 parameters", let_in(), lambda field,
    relay: f"SAMLResponse={field}&RelayState={relay}" + "&a=1" * 50000)
row("large-message", "300 KiB of base64 in a body that is small enough", refused("AT0113"),
    field=base64.b64encode(b"<x>" + b"a" * 300 * 1024 + b"</x>").decode())
