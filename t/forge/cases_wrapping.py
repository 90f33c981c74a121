"""Signature wrapping: what was signed is still there, somewhere, and beside it stands what the forger wants read.
XSW1 to XSW8 as Somorovsky and others named them (On Breaking SAML: Be Whoever You Want to Be, USENIX Security 2012)."""

import copy

from lxml import etree

import signature
from message import PUPIL, assertion_of, new_id, parse, signature_of, text_of
from names import DS, SAML, SAMLP
from registry import Group, refused

wrapping = Group("wrapping")

SEVERAL, SAME_ID = "AT0304", "AT0303"
EVIL = PUPIL.replace("701294", "666666")


def evil_of(element):
    """The same with another pupil and IDs of its own."""
    evil = parse(text_of(element).replace("701294", "666666"))
    for each in evil.iter():
        if each.get("ID"):
            each.set("ID", new_id())
    return evil


def without_signature(element):
    plain = copy.deepcopy(element)
    plain.tail = None
    plain.remove(signature_of(plain))
    return plain


def behind_issuer(evil, node):
    old = signature_of(evil)
    if old is not None:
        evil.remove(old)
    return signature.place(evil, node)


# Each gets the element that is validly signed, and gives back what stands in its place: one element, or several.

def xsw1(signed):
    """The signed element inside the evil one's Signature, behind all that belongs there."""
    evil, node = evil_of(signed), copy.deepcopy(signature_of(signed))
    behind_issuer(evil, node).append(without_signature(signed))
    return [evil]


def xsw2(signed):
    """The signed element a child of the evil one, before its Signature."""
    evil, node = evil_of(signed), copy.deepcopy(signature_of(signed))
    behind_issuer(evil, node).addprevious(without_signature(signed))
    return [evil]


def xsw3(signed):
    """The evil element before the signed one."""
    evil = evil_of(signed)
    evil.remove(signature_of(evil))
    return [evil, copy.deepcopy(signed)]


def xsw4(signed):
    """The signed element, with its Signature, a child of the evil one."""
    evil = evil_of(signed)
    evil.remove(signature_of(evil))
    evil.append(copy.deepcopy(signed))
    return [evil]


def xsw5(signed):
    """The evil element has the Signature, the signed one follows without it."""
    evil, node = evil_of(signed), copy.deepcopy(signature_of(signed))
    behind_issuer(evil, node)
    return [evil, without_signature(signed)]


def xsw6(signed):
    """The evil element has the Signature, and in its KeyInfo the signed one."""
    evil, node = evil_of(signed), copy.deepcopy(signature_of(signed))
    info = etree.SubElement(node, f"{{{DS}}}KeyInfo")
    info.append(without_signature(signed))
    behind_issuer(evil, node)
    return [evil]


def xsw8(signed):
    """The signed element in an Object of the evil one's Signature."""
    evil, node = evil_of(signed), copy.deepcopy(signature_of(signed))
    etree.SubElement(node, f"{{{DS}}}Object").append(without_signature(signed))
    behind_issuer(evil, node)
    return [evil]


def into_assertion_place(m, forms):
    root = m.signed_tree()
    signed = assertion_of(root)
    for form in forms(signed):
        signed.addprevious(form)
    root.remove(signed)
    return root


def into_root(m, forms):
    """Of several responses the first is the root, with the others in its Extensions: a document has one root."""
    root, *others = forms(m.signed_tree())
    if others:
        extensions = etree.Element(f"{{{SAMLP}}}Extensions", nsmap={"samlp": SAMLP})
        extensions.extend(others)
        root.find(f"{{{SAMLP}}}Status").addprevious(extensions)
    return root


for number, forms in ((1, xsw1), (2, xsw2), (3, xsw3), (4, xsw4), (5, xsw5), (6, xsw6), (8, xsw8)):
    why = forms.__doc__.rstrip(".")
    wrapping.row(f"xsw{number}-assertion", f"XSW{number}, a signed assertion: {why}", refused(SEVERAL),
                 lambda m, forms=forms: into_assertion_place(m, forms))
    wrapping.row(f"xsw{number}-response", f"XSW{number}, a signed response: {why}", refused(SEVERAL),
                 lambda m, forms=forms: into_root(m, forms), signed=("response",))
    # The reference leads to two elements then, and which one is meant depends on who looks.
    wrapping.row(f"xsw{number}-assertion-same-id", f"XSW{number}, a signed assertion, both of the same ID: {why}",
                 refused(SAME_ID), lambda m, forms=forms: same_id(m, into_assertion_place(m, forms)))
    wrapping.row(f"xsw{number}-response-same-id", f"XSW{number}, a signed response, both of the same ID: {why}",
                 refused(SAME_ID), lambda m, forms=forms: same_id(m, into_root(m, forms)), signed=("response",))


def same_id(m, root):
    """Give every element of the kind that was signed the ID of the signed one."""
    name, value = (f"{{{SAMLP}}}Response", m.response_id) if m.signed == ("response",) else \
        (f"{{{SAML}}}Assertion", m.assertion_id)
    for each in root.iter(name):
        each.set("ID", value)
    return root


@wrapping.case("xsw7-assertion", "XSW7, a signed assertion: the evil one, of the same ID, in Extensions",
    refused(SAME_ID))
def _(m):
    root = m.set(parts={"extensions": "<samlp:Extensions/>"}).signed_tree()
    evil = evil_of(assertion_of(root))
    evil.remove(signature_of(evil))
    evil.set("ID", m.assertion_id)
    root.find(f"{{{SAMLP}}}Extensions").append(evil)
    return root


@wrapping.case("xsw7-response", "XSW7, a signed response: the evil assertion, of the same ID, in Extensions of an evil "
               "response around it", refused(SAME_ID), signed=("response",))
def _(m):
    signed = m.signed_tree()
    root = evil_of(signed)
    root.remove(signature_of(root))
    evil = assertion_of(root)
    evil.set("ID", m.assertion_id)
    extensions = etree.Element(f"{{{SAMLP}}}Extensions", nsmap={"samlp": SAMLP})
    extensions.append(evil)
    root.insert(1, extensions)
    root.append(signed)
    return root


@wrapping.case("xsw7-other-id", "the evil assertion, of another ID, in Extensions", refused(SEVERAL))
def _(m):
    root = m.set(parts={"extensions": "<samlp:Extensions/>"}).signed_tree()
    evil = evil_of(assertion_of(root))
    evil.remove(signature_of(evil))
    root.find(f"{{{SAMLP}}}Extensions").append(evil)
    return root


# --- IDs ---

for name in ("ID", "Id", "id", "{http://www.w3.org/XML/1998/namespace}id"):
    word = "xml-id" if name.startswith("{") else name.lower() if name != "ID" else "same"
    word = "mixed" if name == "Id" else word
    for what in ("response", "assertion"):
        @wrapping.case(f"double-{word}-{what}", f"another element has the {what}'s ID as {name.split('}')[-1]}",
                       refused(SAME_ID), signed=(what,),
                       parts={"extensions": "<samlp:Extensions><x/></samlp:Extensions>"})
        def _(m, name=name):
            root = m.tree()
            root.find("*/x").set(name, m.response_id if m.signed == ("response",) else m.assertion_id)
            return m.sign(root) if m.signed == ("assertion",) else twice(m, root, name)


def twice(m, root, name):
    """xmlsec would not sign what has an ID twice."""
    element = root.find("*/x")
    value = element.attrib.pop(name)
    m.sign(root)
    element.set(name, value)
    return root


wrapping.row("double-response-and-assertion", "response and assertion have the same ID", refused(SAME_ID),
             make=lambda m: m.set(assertion_id=m.response_id).text())

# --- two assertions ---


def second(m):
    other = type(m)(m.forge, m.ask)
    return other.set(attributes=[("FrEduVecteur", [EVIL])])


def added(m, *, sign_second=False, first=False, where=None):
    root = m.signed_tree()
    evil = second(m).signed_tree() if sign_second else second(m).tree()
    evil = assertion_of(evil)
    place = root.find(where) if where else root
    if first:
        assertion_of(root).addprevious(evil)
    else:
        place.append(evil)
    return root


wrapping.row("two-signed", "two assertions, each signed by the portal", refused(SEVERAL),
    lambda m: added(m, sign_second=True))
wrapping.row("two-second-unsigned", "a second assertion that is not signed", refused(SEVERAL), lambda m: added(m))
wrapping.row("two-first-unsigned", "a first assertion that is not signed", refused(SEVERAL),
    lambda m: added(m, first=True))


@wrapping.case("two-response-signed", "two assertions in a signed response", refused(SEVERAL), signed=("response",))
def _(m):
    root = m.tree()
    root.append(assertion_of(second(m).tree()))
    return m.sign(root)


for where, markup in (
        ("extensions", {"extensions": "<samlp:Extensions/>"}),
        ("advice", {"advice": "<saml:Advice/>"}),
        ("status", {"status": lambda m: m.make_status().replace(
            "</samlp:Status>", "<samlp:StatusDetail/></samlp:Status>")})):
    name = {"extensions": "Extensions", "advice": "Advice", "status": "StatusDetail"}[where]

    @wrapping.case(f"two-{where}", f"a second assertion in {name}", refused(SEVERAL), signed=("response",),
        parts=markup)
    def _(m, name=name):
        root = m.tree()
        [place] = [each for each in root.iter() if etree.QName(each).localname == name]
        place.append(assertion_of(second(m).tree()))
        return m.sign(root)

wrapping.row("two-evidence", "a second assertion as Evidence of a decision", refused(SEVERAL), parts={
    "authn": lambda m: m.make_authn() + '<saml:AuthzDecisionStatement Resource="urn:x" Decision="Permit"><saml:Action '
    f'Namespace="urn:x">x</saml:Action><saml:Evidence>{second(m).assertion()}</saml:Evidence>'
    "</saml:AuthzDecisionStatement>"})
wrapping.row("two-in-value", "a second assertion as the value of an attribute", refused(SEVERAL), parts={
    "attributes": lambda m: m.make_attributes().replace(
        "</saml:AttributeStatement>", '<saml:Attribute Name="x"><saml:AttributeValue>' + second(m).assertion()
        + "</saml:AttributeValue></saml:Attribute></saml:AttributeStatement>")})
wrapping.row("two-in-confirmation", "a second assertion in the confirmation's data", refused(SEVERAL), parts={
    "confirmations": lambda m: m.confirmation().replace("/></", ">" + second(m).assertion()
                                                        + "</saml:SubjectConfirmationData></")})


@wrapping.case("assertion-outside", "the signed assertion in Extensions, where no assertion belongs",
               refused(SEVERAL), parts={"extensions": "<samlp:Extensions/>"})
def _(m):
    root = m.signed_tree()
    root.find(f"{{{SAMLP}}}Extensions").append(assertion_of(root))
    return root


@wrapping.case("assertion-deeper", "the signed assertion inside a foreign element", refused(SEVERAL))
def _(m):
    root = m.signed_tree()
    box = etree.SubElement(root, "box")
    box.append(assertion_of(root))
    return root


wrapping.row("assertion-none", "no assertion", refused(SEVERAL), signed=("response",),
             make=lambda m: m.sign(parse(m.response(""))))
wrapping.row("assertion-other-namespace", "the assertion is of SAML 1.1", refused(SEVERAL), signed=("response",),
             make=lambda m: m.sign(parse(m.response(m.assertion().replace(SAML,
             "urn:oasis:names:tc:SAML:1.0:assertion")))))
wrapping.row("assertion-as-text", "the assertion as escaped text", refused(SEVERAL), signed=("response",),
             make=lambda m: m.sign(parse(m.response(m.assertion().replace("<", "&lt;")))))
wrapping.row("assertion-in-comment", "the assertion inside a comment", refused(SEVERAL), signed=("response",),
             make=lambda m: m.sign(parse(m.response(f"<!-- {m.assertion()} -->"))))
