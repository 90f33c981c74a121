"""Signatures that must not hold: missing, by other keys, by other algorithms, over something else, of another form."""

import re

from lxml import etree

import signature
from keys import entity_id, hmac_key
from message import assertion_of, parse, signature_of, text_of
from names import (DS, ECDSA_SHA1, ENVELOPED, EXC, HMAC_SHA1, HMAC_SHA256, INC, INC11, INC_COMMENTS, MD5, RSA_MD5,
    RSA_SHA1,
                   RSA_SHA224, SAML, SAMLP, SHA1, SHA224)
from registry import Group, let_in, refused
from signature import reference, transform

signatures = Group("signature")

FORM, ALGORITHM, BROKEN, UNSIGNED = "AT0311", "AT0312", "AT0313", "AT0310"


def both(name, why, expect, make=None, **fields):
    """The same with the response signed, and with the assertion signed."""
    for what in ("response", "assertion"):
        signatures.row(f"{name}-{what}", f"{why} (signed: {what})", expect, make, signed=(what,), **fields)


def signed_element(m, root):
    return root if m.signed == ("response",) else assertion_of(root)


def edit(change):
    """Sign, then change the Signature of what was signed: change(signature, message)."""
    def make(m):
        root = m.signed_tree()
        change(signature_of(signed_element(m, root)), m)
        return root
    return make


def replace(*pairs):
    """Sign, then change the text."""
    def make(m):
        text = m.text()
        for old, new in pairs:
            if old not in text:
                raise ValueError(f"nothing to replace: {old}")
            text = text.replace(old, new)
        return text
    return make


def child(node, name):
    return node.find(f".//{{{DS}}}{name}")


# --- missing ---

signatures.row("unsigned", "nothing is signed", refused(UNSIGNED), signed=())
both("removed", "the signature was taken out", refused(UNSIGNED), edit(lambda node, m: node.getparent().remove(node)))


@signatures.case("elsewhere-subject", "the assertion's signature stands inside its Subject", refused(FORM))
def _(m):
    root = m.signed_tree()
    assertion = assertion_of(root)
    assertion.find(f"{{{SAML}}}Subject").append(signature_of(assertion))
    return root


@signatures.case("elsewhere-extensions", "the response's signature stands in its Extensions",
                 refused(FORM), signed=("response",), parts={"extensions": "<samlp:Extensions/>"})
def _(m):
    root = m.signed_tree()
    root.find(f"{{{SAMLP}}}Extensions").append(signature_of(root))
    return root


@signatures.case("elsewhere-response", "the assertion's signature is a child of the response", refused(FORM))
def _(m):
    root = m.signed_tree()
    root.insert(1, signature_of(assertion_of(root)))
    return root


@signatures.case("elsewhere-assertion", "the response's signature is a child of the assertion", refused(FORM),
                 signed=("response",))
def _(m):
    root = m.signed_tree()
    assertion_of(root).insert(1, signature_of(root))
    return root


both("other-namespace", "the signature is in another namespace", refused(UNSIGNED),
     replace((DS + '"', DS.rstrip("#") + '"')))

# --- by another key ---

for key, why in (("other", "a key of nobody"), ("agents", "the key of another portal that is believed"),
                 ("familles-encryption", "the portal's key for encryption"),
                 ("familles-weak", "a key of 1024 bits, which the metadata has"),
                 ("inconnu", "the key of an entity that is not believed")):
    both(f"key-{key}", f"signed by {why}", refused(BROKEN), key=key)
for key in ("other", "agents"):
    both(f"key-info-{key}", f"signed by {key}, whose certificate is in KeyInfo", refused(BROKEN), key=key,
         signing={"key_info": "own"})
both("key-info-value", "signed by a key of nobody, which is in KeyInfo as KeyValue", refused(BROKEN), key="other",
     signing=lambda m: {"key_info": m.forge.keys["other"].key_value()})
both("key-info-name", "signed by a key of nobody, KeyName is the portal", refused(BROKEN), key="other",
     signing={"key_info": f"<ds:KeyName>{entity_id('familles')}</ds:KeyName>"})
both("key-info-fetched", "KeyInfo says where to fetch the key", refused(BROKEN), key="other", signing=lambda m: {
    "key_info": f'<ds:RetrievalMethod URI="{m.listener}/key" Type="{DS}X509Data"/>'})
both("key-info-fetched-good", "a good signature whose KeyInfo says where to fetch a key: nothing is fetched",
     let_in(),
     signing=lambda m: {"key_info": f'<ds:RetrievalMethod URI="{m.listener}/key" Type="{DS}rawX509Certificate"/>'})
for word, data in (("certificate", lambda key: key.certificate_pem()), ("key", lambda key: key.public_pem()),
                   ("base64", lambda key: key.certificate_text().encode())):
    both(f"hmac-{word}", f"HMAC with the portal's public {word} as the secret", refused(ALGORITHM),
         lambda m, data=data: m.signed_tree(method=HMAC_SHA256, sign_with=hmac_key(data(m.forge.keys["familles"]))))
both("hmac-short", "HMAC cut to 80 bits", refused(ALGORITHM), lambda m: m.signed_tree(
    method=HMAC_SHA1, method_inside="<ds:HMACOutputLength>80</ds:HMACOutputLength>", sign_with=hmac_key(b"k")))


# --- by an algorithm that is not allowed ---

for word, method in (("sha1", RSA_SHA1), ("sha224", RSA_SHA224)):
    both(f"method-{word}", f"RSA with {word}", refused(ALGORITHM), signing={"method": method})
both("method-ecdsa-sha1", "ECDSA with SHA-1", refused(ALGORITHM), key="familles-ec", signing={"method": ECDSA_SHA1})
both("method-hidden", "signed with SHA-1, and SHA-256 written there afterwards", refused(BROKEN),
     edit(lambda node, m: child(node, "SignatureMethod").set("Algorithm", signature.RSA_SHA256)),
     signing={"method": RSA_SHA1})
both("method-md5", "RSA with MD5", refused(ALGORITHM),
     edit(lambda node, m: child(node, "SignatureMethod").set("Algorithm", RSA_MD5)))
both("method-unknown", "an algorithm of nobody", refused(ALGORITHM),
     edit(lambda node, m: child(node, "SignatureMethod").set("Algorithm", "urn:none")))
both("method-empty", "no algorithm", refused(ALGORITHM),
     edit(lambda node, m: child(node, "SignatureMethod").attrib.clear()))
both("method-missing", "no SignatureMethod", refused(FORM),
     edit(lambda node, m: child(node, "SignedInfo").remove(child(node, "SignatureMethod"))))
both("method-of-ecdsa", "RSA's value, ECDSA's name", refused(BROKEN),
     edit(lambda node, m: child(node, "SignatureMethod").set("Algorithm", signature.ECDSA_SHA256)))
for word, digest in (("sha1", SHA1), ("sha224", SHA224)):
    both(f"digest-{word}", f"a digest with {word}", refused(ALGORITHM), signing={"digest": digest})
both("digest-md5", "a digest with MD5", refused(ALGORITHM),
     edit(lambda node, m: child(node, "DigestMethod").set("Algorithm", MD5)))
both("digest-unknown", "a digest of nobody", refused(ALGORITHM),
     edit(lambda node, m: child(node, "DigestMethod").set("Algorithm", "urn:none")))
for word, c14n in (("inclusive", INC), ("inclusive-comments", INC_COMMENTS), ("inclusive11", INC11)):
    both(f"canonical-{word}", f"SignedInfo canonicalized by {word}", refused(ALGORITHM), signing={"c14n": c14n})
both("canonical-unknown", "SignedInfo canonicalized by nobody's algorithm", refused(ALGORITHM),
     edit(lambda node, m: child(node, "CanonicalizationMethod").set("Algorithm", "urn:none")))

# --- other transforms ---

ENV, EXCLUSIVE = transform(ENVELOPED), transform(EXC)
XPATH = transform("http://www.w3.org/TR/1999/REC-xpath-19991116",
                  "<ds:XPath>not(ancestor-or-self::ds:Signature)</ds:XPath>")
XPATH_NOTHING = transform("http://www.w3.org/TR/1999/REC-xpath-19991116",
                          '<ds:XPath xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">'
                          "not(ancestor-or-self::saml:AttributeStatement)</ds:XPath>")
FILTER2 = transform("http://www.w3.org/2002/06/xmldsig-filter2",
                    '<f:XPath xmlns:f="http://www.w3.org/2002/06/xmldsig-filter2" Filter="subtract">'
                    "here()/ancestor::ds:Signature[1]</f:XPath>")


def stylesheet(inside):
    return transform("http://www.w3.org/TR/1999/REC-xslt-19991116",
                     '<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">'
                     f"{inside}</xsl:stylesheet>")


for word, why, transforms in (
        ("enveloped-only", "no canonicalization", ENV),
        ("twice-enveloped", "enveloped-signature twice", ENV + ENV + EXCLUSIVE),
        ("three", "a canonicalization more", ENV + EXCLUSIVE + EXCLUSIVE),
        ("inclusive", "inclusive canonicalization", ENV + transform(INC)),
        ("inclusive11", "inclusive canonicalization 1.1", ENV + transform(INC11)),
        ("inclusive-comments", "inclusive canonicalization with comments", ENV + transform(INC_COMMENTS)),
        ("xpath", "XPath for the enveloped signature", XPATH + EXCLUSIVE),
        ("xpath-nothing", "XPath that takes the attributes out of what is signed", ENV + XPATH_NOTHING + EXCLUSIVE),
        ("filter2", "XPath Filter 2", FILTER2 + EXCLUSIVE),
        ("xslt", "XSLT", ENV + stylesheet('<xsl:template match="/"><a/></xsl:template>') + EXCLUSIVE)):
    both(f"transforms-{word}", f"transforms: {why}", refused(FORM),
         lambda m, transforms=transforms: m.signed_tree(transforms=transforms))
both("transforms-order", "transforms: canonicalization before enveloped-signature", refused(FORM),
     edit(lambda node, m: child(node, "Transforms").append(child(node, "Transform"))))
both("transforms-none", "no transforms at all", refused(FORM),
     edit(lambda node, m: child(node, "Reference").remove(child(node, "Transforms"))))
both("transforms-unknown", "a transform of nobody", refused(FORM),
     edit(lambda node, m: child(node, "Transform").set("Algorithm", "urn:none")))
both("transforms-base64", "the base64 transform", refused(FORM),
     edit(lambda node, m: child(node, "Transform").set("Algorithm", DS + "base64")))
both("transforms-xslt-fetches", "XSLT that fetches a document", refused(FORM),
     lambda m: inserted(m, stylesheet('<xsl:template match="/"><xsl:copy-of select="document(\''
                                      f"{m.listener}/xslt')\"/></xsl:template>")))
both("transforms-xslt-includes", "XSLT that includes another one", refused(FORM),
     lambda m: inserted(m, stylesheet(f'<xsl:include href="{m.listener}/include"/>')))
both("transforms-many", "a thousand transforms", refused(FORM), lambda m: inserted(m, EXCLUSIVE * 1000))
both("transform-inside", "something inside enveloped-signature", refused(FORM),
     edit(lambda node, m: etree.SubElement(child(node, "Transform"), "x")))
both("transform-inclusive-inside", "InclusiveNamespaces twice", refused(FORM), edit(
    lambda node, m: child(node, "Transforms")[-1].append(parse(signature.inclusive("ds")))),
     signing={"transforms": ENV + transform(EXC, signature.inclusive("ds"))})


def inserted(m, transforms):
    """A good signature, and transforms put between its two."""
    root = m.signed_tree()
    place = child(signature_of(signed_element(m, root)), "Transforms")
    for number, each in enumerate(parse(f'<x xmlns:ds="{DS}">{transforms}</x>')):
        place.insert(1 + number, each)
    return root


# --- other references ---

both("uri-empty", "the reference is to the whole document", refused(FORM), lambda m: m.signed_tree(uri=""))
both("uri-none", "the reference has no URI", refused(FORM), edit(lambda node,
    m: child(node, "Reference").attrib.clear()))
both("uri-hash", "the reference is to no ID", refused(FORM), edit(lambda node,
    m: child(node, "Reference").set("URI", "#")))
both("uri-xpointer", "the reference is an XPointer of the ID", refused(FORM), edit(
    lambda node, m: child(node, "Reference").set("URI", f"#xpointer(id('{m.assertion_id}'))")))
both("uri-root", "the reference is an XPointer of the root", refused(FORM),
     edit(lambda node, m: child(node, "Reference").set("URI", "#xpointer(/)")))
both("uri-fetched", "the reference is to an address", refused(FORM),
     edit(lambda node, m: child(node, "Reference").set("URI", f"{m.listener}/reference")))
both("uri-fetched-with-id", "the reference is to an address with the ID behind", refused(FORM), edit(
    lambda node, m: child(node, "Reference").set("URI",
    f"{m.listener}/reference{child(node, 'Reference').get('URI')}")))
both("uri-file", "the reference is to a file", refused(FORM),
     edit(lambda node, m: child(node, "Reference").set("URI", "file:///etc/passwd")))
both("uri-blank", "a blank behind the ID", refused(FORM),
     edit(lambda node, m: child(node, "Reference").set("URI", child(node, "Reference").get("URI") + " ")))
both("uri-letters", "the ID in capital letters", refused(FORM),
     edit(lambda node, m: child(node, "Reference").set("URI", child(node, "Reference").get("URI").upper())))
signatures.row("uri-inside", "the response's signature is over its assertion", refused(FORM), signed=("response",),
               make=lambda m: m.signed_tree(uri="#" + m.assertion_id))
signatures.row("uri-outside", "the assertion's signature is over the response", refused(FORM),
               make=lambda m: m.signed_tree(uri="#" + m.response_id))
for what in ("Subject", "Conditions", "AttributeStatement", "AuthnStatement"):
    @signatures.case(f"other-element-{what.lower()}", f"the assertion's signature is over its {what} alone",
                     refused(FORM))
    def _(m, what=what):
        root = m.tree()
        assertion_of(root).find(f"{{{SAML}}}{what}").set("ID", "_part")
        return m.sign(root, uri="#_part", transforms=EXCLUSIVE)


@signatures.case("other-element-status", "the response's signature is over its Status", refused(FORM),
                 signed=("response",))
def _(m):
    root = m.tree()
    root.find(f"{{{SAMLP}}}Status").set("ID", "_part")
    return m.sign(root, uri="#_part", transforms=EXCLUSIVE)


def with_references(m, make):
    """Signed with a SignedInfo of other references."""
    root = m.tree()
    uri = "#" + signed_element(m, root).get("ID")
    return m.sign(root, references=make(m, uri))


both("references-two", "two references to the same", refused(FORM),
     lambda m: with_references(m, lambda m, uri: reference(uri) + reference(uri)))
both("references-other", "a second reference to something else", refused(FORM), lambda m: m.signed_tree(
    references=reference("#" + (m.response_id if m.signed == ("response",) else m.assertion_id))
    + reference("#_object", transforms=EXCLUSIVE), objects='<ds:Object ID="_object">x</ds:Object>'))
both("references-none", "no reference", refused(FORM),
     edit(lambda node, m: child(node, "SignedInfo").remove(child(node, "Reference"))))
both("references-object", "the reference is to an Object inside the signature", refused(FORM), lambda m: m.signed_tree(
    references=reference("#_object", transforms=EXCLUSIVE), objects='<ds:Object ID="_object">x</ds:Object>'))
both("references-manifest", "the reference is to a Manifest, which refers to the rest", refused(FORM),
     lambda m: m.signed_tree(
         references=reference("#_manifest", transforms=EXCLUSIVE, more=f' Type="{DS}Manifest"'),
         objects=f'<ds:Object><ds:Manifest ID="_manifest">{reference("#" + m.assertion_id)}</ds:Manifest></ds:Object>'))

# --- another form ---

both("object", "an Object in the signature", refused(FORM), lambda m: m.signed_tree(objects="<ds:Object>x</ds:Object>"))
both("signature-twice", "the signature stands twice", refused(FORM),
     edit(lambda node, m: node.addnext(parse(text_of(node)))))
both("signature-second-foreign", "a second signature by somebody else", refused(FORM), edit(
    lambda node, m: signature.sign(node.getparent(), m.forge.keys["other"], where="last")))
both("signature-first-foreign", "a first signature by somebody else", refused(FORM), edit(
    lambda node, m: signature.sign(node.getparent(), m.forge.keys["other"], where="first")))
for name in ("SignedInfo", "SignatureValue", "KeyInfo"):
    both(f"twice-{name.lower()}", f"{name} stands twice", refused(FORM),
         edit(lambda node, m, name=name: child(node, name).addnext(parse(text_of(child(node, name))))),
         signing={"key_info": "own"})
for name in ("SignedInfo", "SignatureValue"):
    both(f"without-{name.lower()}", f"no {name}", refused(FORM),
         edit(lambda node, m, name=name: node.remove(child(node, name))))
for name in ("DigestMethod", "DigestValue"):
    both(f"without-{name.lower()}", f"no {name}", refused(FORM),
         edit(lambda node, m, name=name: child(node, "Reference").remove(child(node, name))))
both("empty", "an empty Signature", refused(FORM), edit(lambda node, m: node.clear()))
both("foreign-child", "a foreign element in the signature", refused(FORM),
    edit(lambda node, m: etree.SubElement(node, "x")))
both("signed-info-child", "a foreign element in SignedInfo", refused(FORM),
     edit(lambda node, m: etree.SubElement(child(node, "SignedInfo"), "x")))
both("value-empty", "an empty SignatureValue", refused(FORM), edit(lambda node,
    m: text_to(node, "SignatureValue", "")))
both("value-short", "a SignatureValue that was cut", refused(BROKEN), edit(
    lambda node, m: text_to(node, "SignatureValue", child(node, "SignatureValue").text.strip()[:100])))
both("value-no-base64", "a SignatureValue that is no base64", refused(FORM),
     edit(lambda node, m: text_to(node, "SignatureValue", "%%%")))
both("value-zeros", "a SignatureValue of zeros", refused(BROKEN),
     edit(lambda node, m: text_to(node, "SignatureValue", "A" * 342 + "==")))
both("value-long", "a SignatureValue of 100 KiB", refused(BROKEN),
     edit(lambda node, m: text_to(node, "SignatureValue", "A" * 102400)))
both("value-element", "an element inside SignatureValue", refused(FORM),
     edit(lambda node, m: etree.SubElement(child(node, "SignatureValue"), "x")))
both("digest-other", "another DigestValue", refused(BROKEN),
     edit(lambda node, m: text_to(node, "DigestValue", "A" * 43 + "=")))
both("digest-empty", "an empty DigestValue", refused(FORM), edit(lambda node,
    m: text_to(node, "DigestValue", "")))


def text_to(node, name, text):
    child(node, name).text = text


@signatures.case("digest-comment", "another digest before a comment in DigestValue, on a message that was changed",
                 refused(FORM))
def _(m):
    root = m.signed_tree()
    value = child(signature_of(assertion_of(root)), "DigestValue")
    good, text = value.text, text_of(root).replace("701294", "701295")
    # What the changed assertion would digest to.
    changed = m.sign(parse(re.sub(r"<ds:Signature.*</ds:Signature>", "", text, flags=re.S)))
    forged = child(signature_of(assertion_of(changed)), "DigestValue").text
    return text.replace(f"<ds:DigestValue>{good}<", f"<ds:DigestValue><!--{good}-->{forged}<")


@signatures.case("digest-comment-behind", "the good digest in the text, the forged one in a comment",
    refused(FORM))
def _(m):
    text = m.text().replace("701294", "701295")
    return re.sub("<ds:DigestValue>([^<]*)<", r"<ds:DigestValue><!--x-->\1<!--y--><", text)


# --- changed after signing ---

for word, why, old, new in (
        ("name-id", "another NameID", "_Znommarque", "_Znommarquf"), ("vector", "another pupil", "701294", "701295"),
        ("school", "another school", "0340039X", "0340040Y"), ("type", "a parent", "4|L", "2|L"),
        ("blank", "a blank more", "<saml:Conditions ", "\n<saml:Conditions "),
        ("element", "an element more", "</saml:AttributeStatement>",
         '<saml:Attribute Name="x"/></saml:AttributeStatement>'),
        ("pi", "a processing instruction inside a value", "701294", "701<?x?>294"),
        ("attribute", "an XML attribute more", "<saml:Subject>", '<saml:Subject x="y">'),
        ("namespace", "another prefix", "saml:Subject>", "sam:Subject>"),
        ("accent", "the same accent written in two characters", "Zoé", "Zoe\u0301"),
        ("case", "another letter", "Zoé", "zoé")):
    change = (old, new)
    if word == "namespace":
        change = ("<saml:Subject>", f'<sam:Subject xmlns:sam="{SAML}">'), ("</saml:Subject>", "</sam:Subject>")
    both(f"changed-{word}", f"changed after signing: {why}", refused(BROKEN),
         replace(*(change if isinstance(change[0], tuple) else (change,))))
for word, old, new in (("destination", "Destination=", "x="),
    ("status", "<samlp:StatusCode ", '<samlp:StatusCode x="y" ')):
    signatures.row(f"changed-{word}", f"changed in a signed response: {word}", refused(BROKEN), replace((old, new)),
                   signed=("response",))


def other_attributes(m):
    """What another answer says, under this one's signature."""
    other = type(m)(m.forge, m.ask).set(attributes=[("FrEduVecteur", ["4|A|B|999999|0340039X"])])
    return re.sub("<saml:AttributeStatement>.*</saml:AttributeStatement>", other.make_attributes(), m.text())


both("changed-attributes", "the attributes of another answer", refused(BROKEN), other_attributes)

# --- two signatures ---

TWO = ("assertion", "response")


@signatures.case("both-inner-broken", "the response's signature holds, its assertion's does not", refused(BROKEN),
    signed=TWO)
def _(m):
    root = parse(m.set(signed=("assertion",)).text().replace("701294", "701295"))
    return m.set(signed=("response",)).sign(root)


@signatures.case("both-inner-other", "the response's signature holds, its assertion's is by a key of nobody",
    refused(BROKEN),
                 signed=TWO)
def _(m):
    root = m.set(signed=("assertion",), key="other").signed_tree()
    return m.set(signed=("response",), key="familles").sign(root)


@signatures.case("both-outer-other", "the assertion's signature holds, the response's is by a key of nobody",
                 refused(BROKEN), signed=TWO)
def _(m):
    root = m.set(signed=("assertion",)).signed_tree()
    return m.set(signed=("response",), key="other").sign(root)


signatures.row("both-outer-broken", "the assertion's signature holds, the response was changed", refused(BROKEN),
               replace(("Destination=", 'x="y" Destination=')), signed=TWO)
signatures.row("both-inner-sha1", "the response's signature holds, its assertion's is with SHA-1", refused(ALGORITHM),
               make=lambda m: inner_by(m, method=RSA_SHA1))


def inner_by(m, **options):
    """The assertion signed with these options, the response as usual."""
    root = m.set(signed=("assertion",)).signed_tree(**options)
    return m.set(signed=("response",)).sign(root)


# --- a signature of something else of the same portal ---


def transplanted(m, uri):
    """The signature of another answer of the same portal, in one that nobody signed."""
    root = m.tree()
    what = m.signed[0]
    other = type(m)(m.forge, m.ask).set(signed=m.signed)
    if uri == "same":
        other.set(assertion_id=m.assertion_id, response_id=m.response_id)
    m.set(attributes=[("FrEduVecteur", ["4|A|B|999|0340039X"])])
    root = m.tree()
    node = signature_of(signed_element(other, other.signed_tree()))
    signature.place(root if what == "response" else assertion_of(root), node)
    return root


both("transplanted", "the signature of another answer", refused(FORM), lambda m: transplanted(m, "other"))
both("transplanted-id", "the signature of another answer that had the same ID", refused(BROKEN),
     lambda m: transplanted(m, "same"))


@signatures.case("logout-request", "the assertion's signature is over a logout request of the portal", refused(FORM))
def _(m):
    request = parse(f'<samlp:LogoutRequest xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}" ID="_logout" Version="2.0" '
                    f'IssueInstant="{m.at(0)}"><saml:Issuer>{m.issuer}</saml:Issuer></samlp:LogoutRequest>')
    signature.sign(request, m.forge.keys[m.key])
    node = signature_of(request)
    root = m.set(parts={"extensions": "<samlp:Extensions/>"}).tree()
    root.find(f"{{{SAMLP}}}Extensions").append(request)
    request.remove(node)
    signature.place(assertion_of(root), node)
    return root
