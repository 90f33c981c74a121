"""Answers of every form that is allowed: who made them is logged in, and every value arrives whole."""

import base64

from lxml import etree

import signature
from message import MARKER, PUPIL, Raw, assertion_of, parse, text_of
from names import (ECDSA_SHA256, ECDSA_SHA384, ECDSA_SHA512, ENTITY, ENVELOPED, EXC, EXC_COMMENTS, NAME_URI, RSA_SHA256,
                   RSA_SHA384, RSA_SHA512, SAML, SAMLP, SHA384, SHA512, VOUCHES, XS, XSI)
from registry import Group, Post, either, let_in, refused

good = Group("good")

# --- signatures ---

for what in (("assertion",), ("response",), ("assertion", "response")):
    name = "-and-".join(what)
    good.row(f"signed-{name}", f"the {name} is signed", let_in(), signed=what)
    for method, digest, word in ((RSA_SHA384, SHA384, "sha384"), (RSA_SHA512, SHA512, "sha512"),
                                 (RSA_SHA256, SHA512, "sha256-over-sha512")):
        good.row(f"signed-{name}-{word}", f"RSA with {word}, the {name} is signed", let_in(), signed=what,
                 signing={"method": method, "digest": digest})
for method, word in ((ECDSA_SHA256, "sha256"), (ECDSA_SHA384, "sha384"), (ECDSA_SHA512, "sha512")):
    for key in ("familles-ec", "familles-ec384"):
        good.row(f"{key}-{word}", f"ECDSA with {word} by {key}", let_in(), key=key, signing={"method": method})
good.row("key-next", "the portal's second key; its certificate ended long ago, which says nothing about the key",
         let_in(), key="familles-next")
good.row("key-bare", "a key that stands in the metadata without a certificate", let_in(), key="familles-bare")
good.row("key-info", "the signature brings its certificate along", let_in(), signing={"key_info": "own"})
good.row("key-info-of-another", "KeyInfo has somebody else's certificate: it is not looked at", let_in(),
         signing=lambda m: {"key_info": m.forge.keys["other"].x509_data()})
good.row("key-info-name", "KeyInfo has a KeyName that nobody knows", let_in(),
         signing={"key_info": "<ds:KeyName>unknown</ds:KeyName>"})
good.row("comments-signed", "exclusive canonicalization with comments, and a comment in a value", let_in(),
         attributes=[("FrEduVecteur", [Raw(PUPIL.replace("701294", "701<!-- not this -->294"))])],
         signing={"transforms": signature.transform(ENVELOPED) + signature.transform(EXC_COMMENTS)})
good.row("comments-signed-info", "SignedInfo is canonicalized with comments", let_in(),
         signing={"c14n": EXC_COMMENTS})
good.row("signature-prefix", "the signature has no prefix", let_in(), signing={"prefix": ""})
good.row("signature-other-prefix", "the signature has another prefix", let_in(), signing={"prefix": "dsig"})
good.row("signature-last", "the signature is the last child: not where the schema has it",
         let_in(), signing={"where": "last"})


@good.case("inclusive-namespaces", "values with xsi:type, their prefixes in InclusiveNamespaces", let_in(),
           signing={"transforms": signature.transform(ENVELOPED)
                    + signature.transform(EXC, signature.inclusive("xs", "xsi"))})
def _(m):
    text = m.response(m.assertion()).replace(
        "<saml:Assertion ", f'<saml:Assertion xmlns:xs="{XS}" xmlns:xsi="{XSI}" ').replace(
        "<saml:AttributeValue>", '<saml:AttributeValue xsi:type="xs:string">')
    return m.sign(parse(text))


@good.case("inclusive-namespaces-from-outside", "the prefix in InclusiveNamespaces is declared on the response alone",
           let_in(), signing={"transforms": signature.transform(ENVELOPED)
                              + signature.transform(EXC, signature.inclusive("xs", "#default"))})
def _(m):
    return m.sign(parse(m.response(m.assertion()).replace("<samlp:Response ", f'<samlp:Response xmlns:xs="{XS}" ')))


@good.case("inclusive-namespaces-inner", "the assertion's signature needs a declaration that the response's leaves out",
           either(let_in(), refused("AT0313")), signed=("assertion", "response"))
def _(m):
    root = parse(m.response(m.assertion().replace("<saml:Assertion ", f'<saml:Assertion xmlns:xs="{XS}" ')))
    signature.sign(assertion_of(root), m.forge.keys[m.key], transforms=signature.transform(ENVELOPED)
                   + signature.transform(EXC, signature.inclusive("xs")))
    signature.sign(root, m.forge.keys[m.key])
    return root


# --- namespaces ---

def renamed(element, prefixes):
    """The same elements, each declaring its own namespace by another prefix."""
    namespace = etree.QName(element).namespace
    copy = etree.Element(element.tag, dict(element.attrib), nsmap={prefixes[namespace]: namespace})
    copy.text, copy.tail = element.text, element.tail
    for child in element:
        copy.append(renamed(child, prefixes))
    return copy


for name, why, prefixes in (
        ("default", "default namespaces, declared anew on each element", (None, None)),
        ("swapped", "the usual prefixes, each for the other namespace", ("saml", "samlp")),
        ("short", "prefixes of one letter", ("p", "a")),
        ("accents", "prefixes with accents", ("réponse", "été")),
        ("long", "prefixes of 1000 letters", ("p" * 1000, "a" * 1000)),
        ("xsi", "prefixes that usually mean something else", ("xs", "ds"))):
    for what in ("assertion", "response"):
        good.row(f"namespaces-{name}-{what}", f"{why}; the {what} is signed", let_in(), signed=(what,),
                 make=lambda m, prefixes=prefixes: m.sign(renamed(m.tree(), dict(zip((SAMLP, SAML), prefixes)))))

# --- text inside signed values ---

for name, why, value in (
        ("comment", "a comment inside the value", PUPIL.replace("701294", "701<!-- x -->294")),
        ("comment-end", "a comment behind the value", PUPIL + "<!-- x -->"),
        ("comment-start", "a comment before the value", "<!--x-->" + PUPIL),
        ("comments", "comments everywhere", "<!---->".join(PUPIL)),
        ("cdata", "the value is one CDATA section", f"<![CDATA[{PUPIL}]]>"),
        ("cdata-part", "a CDATA section inside the value", PUPIL.replace("701294", "<![CDATA[701]]>294")),
        ("cdata-parts", "many CDATA sections", "".join(f"<![CDATA[{letter}]]>" for letter in PUPIL)),
        ("cdata-and-comments", "CDATA and comments in turn", PUPIL.replace("|", "<![CDATA[|]]><!--|-->")),
        ("character-references", "every character is a reference", "".join(f"&#{ord(letter)};" for letter in PUPIL)),
        ("hexadecimal-references", "the same in hexadecimal", "".join(f"&#x{ord(letter):X};" for letter in PUPIL)),
        ("entity", "a predefined entity", PUPIL.replace("'", "&apos;")),
        ("pi", "a processing instruction inside the value", PUPIL.replace("701294", "701<?x 1?>294")),
        ("blanks", "blanks around the value", f"\n   {PUPIL}\t\n"),
        ("comment-blanks", "blanks and comments around the value", f" <!-- a --> {PUPIL} <!-- b --> ")):
    for what in ("assertion", "response"):
        good.row(f"value-{name}-{what}", f"{why}: it arrives whole; the {what} is signed", let_in(), signed=(what,),
                 attributes=[("FrEduVecteur", [Raw(value)])])

for name, cut in (("comment", "<!---->"), ("cdata", "<![CDATA[]]>"), ("pi", "<?cut?>")):
    good.row(f"value-cut-by-{name}", f"a value that would be somebody else's if {name} cut it",
             let_in("eleve:701294.autre@0340039X", {"ATEN_ELEVE_ID": "701294.autre"}),
             attributes=[("FrEduVecteur", [Raw(PUPIL.replace("701294", f"701294{cut}.autre"))])])
good.row("value-escaped-markup", "markup as text stays text",
         let_in(env={"ATEN_NOM": "<b>&amp;</b>", "ATEN_PRENOM": "]]>"}),
         attributes=[("FrEduVecteur", ["4|<b>&amp;</b>|]]>|701294|0340039X"])])
good.row("value-cdata-markup", "markup in CDATA stays text", let_in(env={"ATEN_NOM": "<!-- a --> &lt;"}),
         attributes=[("FrEduVecteur", [Raw("4|<![CDATA[<!-- a --> &lt;]]>|Zoé|701294|0340039X")])])


@good.case("comment-added", "a comment added after signing: canonicalization drops it, and so do we", let_in())
def _(m):
    return m.text().replace("701294|", "701<!-- added -->294<!-- too -->|")


@good.case("cdata-added", "a value turned into CDATA after signing: the digest is the same", let_in())
def _(m):
    return m.text().replace("701294|", "<![CDATA[701294]]>|")


@good.case("names-in-cdata", "issuer, audience and NameID are CDATA with comments", let_in())
def _(m):
    def cut(text):
        return f"<![CDATA[{text[:9]}]]><!-- x -->{text[9:]}"
    text = m.response(m.assertion())
    for value in (m.issuer, m.audience, m.name_id):
        text = text.replace(f">{value}<", f">{cut(value)}<")
    return m.sign(parse(text))


# --- what may stand in an assertion ---

good.row("audiences", "several audiences in one restriction", let_in(), parts={
    "restrictions": lambda m: m.audiences("https://autre.example", m.audience, "https://encore.example")})
good.row("restrictions", "two restrictions, each with us", let_in(), parts={
    "restrictions": lambda m: m.audiences(m.audience) + m.audiences("https://autre.example", m.audience)})
good.row("one-time-use", "OneTimeUse", let_in(), parts={
    "restrictions": lambda m: m.audiences(m.audience) + "<saml:OneTimeUse/>"})
good.row("proxy-restriction", "ProxyRestriction", let_in(), parts={
    "restrictions": lambda m: m.audiences(m.audience) + '<saml:ProxyRestriction Count="0"/>'})
good.row("confirmations", "a confirmation that is not ours beside the one that is", let_in(), parts={
    "confirmations": lambda m: m.confirmation(VOUCHES) + m.confirmation()})
good.row("confirmations-recipients", "a bearer confirmation for another service first", let_in(), parts={
    "confirmations": lambda m: m.confirmation(Recipient="https://autre.example/acs") + m.confirmation()})
good.row("confirmation-name-id", "the confirmation has a NameID of its own", let_in(), parts={
    "confirmations": lambda m: m.confirmation().replace(
        "<saml:SubjectConfirmationData", "<saml:NameID>confirmer</saml:NameID><saml:SubjectConfirmationData")})
good.row("name-id-none", "a subject without a NameID: the attributes name the person", let_in(), parts={"name_id": ""})
good.row("name-id-persistent", "a persistent NameID with its qualifiers", let_in(), parts={
    "name_id": lambda m: '<saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent" '
                         f'NameQualifier="{m.issuer}" SPNameQualifier="https://a.example">{m.name_id}</saml:NameID>'})
good.row("name-id-bare", "a NameID without a format", let_in(), parts={
    "name_id": lambda m: f"<saml:NameID>{m.name_id}</saml:NameID>"})
good.row("issuer-format", "the issuer has the format of an entity", let_in(), parts={
    "assertion_issuer": lambda m: f'<saml:Issuer Format="{ENTITY}">{m.issuer}</saml:Issuer>'})
good.row("session-index-none", "no SessionIndex", let_in(), session_index=None)
good.row("authn-statements", "two AuthnStatements: the first counts", let_in(), parts={
    "authn": lambda m: m.make_authn() + m.make_authn()})
good.row("authn-context-declaration", "an AuthnContextDeclRef instead of a class", let_in(), parts={
    "authn": lambda m: m.make_authn().replace("AuthnContextClassRef", "AuthnContextDeclRef")})
good.row("subject-locality", "a SubjectLocality", let_in(), parts={
    "authn": lambda m: m.make_authn().replace(
        "<saml:AuthnContext>", '<saml:SubjectLocality Address="192.0.2.1"/><saml:AuthnContext>')})
good.row("statements-order", "attributes stand before the AuthnStatement", let_in(), parts={
    "authn": "", "attributes": lambda m: m.make_attributes() + m.make_authn()})
good.row("attribute-statements", "three AttributeStatements; the values of one attribute are spread over them",
         let_in("parent:N:P:1@0340039X", {"ATEN_ELEVE_ID": "1;2", "ATEN_UAI": "0340039X;0340040Y",
                                          "ATEN_ATTR_FrEduMarque": MARKER, "ATEN_ROLE": "parent"}),
         attributes=[("FrEduVecteur", ["2|N|P|1|0340039X"])], parts={
             "attributes": lambda m: m.make_attributes() + "<saml:AttributeStatement>"
                                     + m.attribute("FrEduVecteur", ["2|N|P|2|0340040Y"])
                                     + "</saml:AttributeStatement>"})
good.row("attribute-names", "NameFormat and FriendlyName say nothing", let_in(),
         attributes=[("FrEduVecteur", [PUPIL], f' NameFormat="{NAME_URI}" FriendlyName="mail"')])
good.row("attribute-foreign", "an XML attribute of another namespace on an Attribute", let_in(),
         attributes=[("FrEduVecteur", [PUPIL], ' xmlns:x="urn:x" x:y="z"')])
good.row("attribute-name-id", "a value that is a NameID: its text is the value",
         let_in(ATEN_ATTR_cible="abc"), parts={
             "attributes": lambda m: m.make_attributes().replace(
                 "</saml:AttributeStatement>", '<saml:Attribute Name="cible"><saml:AttributeValue><saml:NameID>abc'
                 "</saml:NameID></saml:AttributeValue></saml:Attribute></saml:AttributeStatement>")})
good.row("attribute-empty", "an attribute with an empty value, and one without values", let_in(
    without=["ATEN_ATTR_vide", "ATEN_ATTR_rien"]), attributes=[("FrEduVecteur", [PUPIL]), ("vide", [""]), ("rien", [])])
good.row("response-unsigned-no-destination", "no Destination, where only the assertion is signed", let_in(),
         destination=None)
good.row("response-issuer-none", "no Issuer of the response, where only the assertion is signed",
         refused("AT0301"), issuer=None)
good.row("status-message", "Status with a message and a detail", let_in(), parts={
    "status": lambda m: m.make_status().replace(
        "</samlp:Status>", "<samlp:StatusMessage>ok</samlp:StatusMessage><samlp:StatusDetail><x/></samlp:StatusDetail>"
        "</samlp:Status>")})
good.row("extensions", "Extensions of the response, which say nothing", let_in(), parts={
    "extensions": '<samlp:Extensions><x xmlns="urn:x">y</x></samlp:Extensions>'})
good.row("advice", "Advice without an assertion, which says nothing", let_in(),
         parts={"advice": "<saml:Advice><saml:AssertionURIRef>urn:x</saml:AssertionURIRef></saml:Advice>"})
good.row("consent", "Consent and other attributes of the response", let_in(), make=lambda m: m.text().replace(
    "<samlp:Response ", '<samlp:Response Consent="urn:oasis:names:tc:SAML:2.0:consent:obtained" '))

# --- time ---

good.row("skew-late", "ended half a minute ago: within the clocks' difference", let_in(),
         make=lambda m: m.from_now(not_after=-30, confirmed_until=-30).text())
good.row("skew-early", "begins in half a minute", let_in(),
         make=lambda m: m.from_now(not_before=30, authn=30, issued=30).text())
good.row("time-fraction", "fractions of a second", let_in(), make=lambda m: m.from_now(
    not_after=m.at(300).replace("Z", ".123456789Z"), not_before=m.at(-60).replace("Z", ".9Z")).text())
good.row("time-open", "Conditions without a window: the confirmation has its end", let_in(), not_before=None,
         not_after=None)
good.row("time-session-end", "the portal's session ends in an hour", let_in(),
         make=lambda m: m.from_now(session_end=3600).text())
good.row("time-day", "valid for nearly a day", let_in(),
         make=lambda m: m.from_now(not_after=86000, confirmed_until=86000).text())
good.row("time-years-one", "Conditions for years, the confirmation for minutes", let_in(),
         make=lambda m: m.from_now(not_after=10**8).text())
good.row("time-long-ago", "the person logged in at the portal hours ago", let_in(),
         make=lambda m: m.from_now(authn=-20000).text())

# --- bytes ---


def lines(width, end):
    def fold(m):
        text = base64.b64encode(m.text().encode()).decode()
        return Post("", field=end.join(text[i:i + width] for i in range(0, len(text), width)) + end)
    return fold


good.row("base64-windows", "lines of 76 letters with CR LF", let_in(), lines(76, "\r\n"))
good.row("base64-unix", "lines of 64 letters", let_in(), lines(64, "\n"))
good.row("xml-declaration", "an XML declaration", let_in(), lambda m: '<?xml version="1.0"?>\n' + m.text())
good.row("xml-declaration-utf8", "a declaration with its encoding", let_in(),
         lambda m: '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>' + m.text())
good.row("xml-bom", "a byte order mark", let_in(), lambda m: "\ufeff" + m.text())
good.row("xml-latin1", "the message in ISO-8859-1", let_in(),
         lambda m: b'<?xml version="1.0" encoding="ISO-8859-1"?>' + m.text().encode("iso-8859-1"))
good.row("xml-around", "comments and instructions around the root", let_in(),
         lambda m: "<!-- a --><?b c?>\n" + m.text() + "\n<!-- d -->\n")

def indented(m):
    root = m.tree()
    etree.indent(root, "  ")
    return m.sign(root)


good.row("xml-indented", "the message indented", let_in(), indented)
good.row("xml-windows-lines", "CR LF inside the message: XML makes LF of it before anything is digested", let_in(),
         lambda m: text_of(indented(m)).replace("\n", "\r\n"))

# --- sizes ---

good.row("long-name-id", "a NameID of 1024 bytes", let_in(), make=lambda m: m.set(
    name_id=m.name_id.ljust(1024, "x")).text())
good.row("long-value", "a value of 4096 bytes", let_in(),
         attributes=[("FrEduVecteur", [PUPIL]), ("long", ["v" * 4096])])
good.row("many-attributes", "200 attributes", let_in(),
         attributes=[("FrEduVecteur", [PUPIL]), *((f"{chr(97 + number // 10)}{number % 10}", ["v"]) for number in range(198))])
good.row("many-values", "500 values", let_in(),
         attributes=[("FrEduVecteur", [PUPIL]), ("many", [str(number) for number in range(498)])])
good.row("many-children", "a parent of 40 children",
         let_in("parent:N:P:10@0340039X", {"ATEN_ELEVE_ID": ";".join(str(10 + number) for number in range(40))}),
         attributes=[("FrEduVecteur", [f"2|N|P|{10 + number}|0340039X" for number in range(40)])])
good.row("full-session", "more small attributes than a cookie holds", let_in(),
         attributes=[("FrEduVecteur", [PUPIL])] + [(f"full{number:02}", ["v" * 60]) for number in range(90)])
good.row("large-message", "a message of nearly 256 KiB", let_in(),
         attributes=[("FrEduVecteur", [PUPIL]), ("large", [f"{number:04}" * 1000 for number in range(60)])])
good.row("comment-large", "a comment of 200 KiB", let_in(), lambda m: m.text() + f"<!-- {'c' * 200000} -->")

# --- RelayState: routing alone ---

good.row("relay-missing", "no RelayState: the answer itself says which login it ends", let_in(),
         lambda m: Post(m.text(), relay_state=None))
good.row("relay-other", "a RelayState that nobody gave", let_in(), lambda m: Post(m.text(), relay_state="n'importe"))
good.row("relay-empty", "an empty RelayState", let_in(), lambda m: Post(m.text(), relay_state=""))
good.row("relay-long", "a RelayState of 5000 bytes", let_in(), lambda m: Post(m.text(), relay_state="r" * 5000))
good.row("relay-address", "a RelayState that is an address", let_in(),
         lambda m: Post(m.text(), relay_state="https://evil.example/"))
good.row("relay-lines", "a RelayState with CR LF and a header", let_in(),
         lambda m: Post(m.text(), relay_state="x\r\nX-Injected: 1\r\n\r\n<script>"))
