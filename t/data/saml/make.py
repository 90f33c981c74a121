#!/usr/bin/python3
"""Makes signed.txt and encrypted.txt, what the unit tests of signature and decryption read: keys and messages by name.

python3-lxml, python3-xmlsec and python3-cryptography; nothing of the module. Each run makes new keys.
A record is a line "== name", its text, and the next record or the end of the file."""

import base64
import os
import sys

import xmlsec
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from lxml import etree

DS = "http://www.w3.org/2000/09/xmldsig#"
MORE = "http://www.w3.org/2001/04/xmldsig-more#"
XENC = "http://www.w3.org/2001/04/xmlenc#"
XENC11 = "http://www.w3.org/2009/xmlenc11#"
SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
SAMLP = "urn:oasis:names:tc:SAML:2.0:protocol"
EXC = "http://www.w3.org/2001/10/xml-exc-c14n#"
INC = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
DIGEST = {"sha1": DS + "sha1", "md5": MORE + "md5", "sha224": MORE + "sha224", "sha256": XENC + "sha256",
          "sha384": MORE + "sha384", "sha512": XENC + "sha512"}
HASH = {"sha1": hashes.SHA1, "sha224": hashes.SHA224, "sha256": hashes.SHA256, "sha384": hashes.SHA384,
        "sha512": hashes.SHA512}


class Records:
    def __init__(self):
        self.parts = []

    def add(self, name, text):
        self.parts.append(f"== {name}\n{text.strip()}\n")

    def write(self, path):
        with open(path, "w", encoding="utf-8") as out:
            out.write("".join(self.parts))


def private_pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())


def public_pem(key):
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


# --- signed.txt ---

def transform(algorithm, inside=""):
    return f'<ds:Transform Algorithm="{algorithm}">{inside}</ds:Transform>'


def inclusive(prefixes):
    return f'<ec:InclusiveNamespaces xmlns:ec="{EXC}" PrefixList="{prefixes}"/>'


ENVELOPED = transform(DS + "enveloped-signature")
XPATH = transform("http://www.w3.org/TR/1999/REC-xpath-19991116",
                  "<ds:XPath>not(ancestor-or-self::ds:Signature)</ds:XPath>")
XSLT = transform("http://www.w3.org/TR/1999/REC-xslt-19991116",
                 '<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">'
                 '<xsl:template match="/"><a>signed</a></xsl:template></xsl:stylesheet>')


def reference(uri, transforms=ENVELOPED + transform(EXC), digest="sha256", more=""):
    target = "" if uri is None else f' URI="{uri}"'
    return (f"<ds:Reference{target}{more}><ds:Transforms>{transforms}</ds:Transforms>"
            f'<ds:DigestMethod Algorithm="{DIGEST[digest]}"/><ds:DigestValue/></ds:Reference>')


def template(references, method=MORE + "rsa-sha256", c14n=EXC, c14n_inside="", method_inside="", after=""):
    return (f'<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{c14n}">{c14n_inside}'
            f'</ds:CanonicalizationMethod><ds:SignatureMethod Algorithm="{method}">{method_inside}</ds:SignatureMethod>'
            f"{references}</ds:SignedInfo><ds:SignatureValue/>{after}</ds:Signature>")


def response(value="4|||701294|0790031E", assertion_more="", response_more="", inside="", extensions=""):
    return (f'<samlp:Response xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}" xmlns:xs="http://www.w3.org/2001/XMLSchema" '
            f'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ID="_r" Version="2.0"{response_more}>'
            f"<saml:Issuer>https://idp.example/</saml:Issuer>{extensions}"
            f'<saml:Assertion ID="_a" Version="2.0"{assertion_more}><saml:Issuer>https://idp.example/</saml:Issuer>'
            f'{inside}<saml:AttributeStatement><saml:Attribute Name="FrEduVecteur">'
            f'<saml:AttributeValue xsi:type="xs:string">{value}</saml:AttributeValue></saml:Attribute>'
            "</saml:AttributeStatement></saml:Assertion></samlp:Response>")


def find(root, what):
    return root if what == "response" else root.find(f"{{{SAML}}}Assertion")


def sign(key, references=None, what="assertion", root=None, message=None, **options):
    """Sign the response or its assertion of a message; the references default to the one that is right."""
    if root is None:
        root = etree.fromstring(message or response())
    element = find(root, what)
    node = etree.fromstring(template(references or reference("#" + element.get("ID")), **options))
    element.insert(1, node)
    context = xmlsec.SignatureContext()
    xmlsec.tree.add_ids(root, ["ID"])
    context.key = key
    try:
        context.sign(node)
    except xmlsec.Error:
        # Refused in any case: values that look like some are enough.
        for value in node.iter(f"{{{DS}}}DigestValue", f"{{{DS}}}SignatureValue"):
            value.text = "AAAA"
        print("not signed:", references, file=sys.stderr)
    return root


def text_of(root):
    return etree.tostring(root, encoding="unicode")


class Signed:
    def __init__(self):
        self.records = Records()
        self.keys = {}
        for name, key in (("rsa", rsa.generate_private_key(65537, 2048)),
                          ("rsa-other", rsa.generate_private_key(65537, 2048)),
                          ("rsa-short", rsa.generate_private_key(65537, 1024)),
                          ("ec256", ec.generate_private_key(ec.SECP256R1())),
                          ("ec384", ec.generate_private_key(ec.SECP384R1())),
                          ("ec521", ec.generate_private_key(ec.SECP521R1())),
                          ("ec256k1", ec.generate_private_key(ec.SECP256K1()))):
            self.records.add("key " + name, public_pem(key).decode())
            self.keys[name] = xmlsec.Key.from_memory(private_pem(key), xmlsec.constants.KeyDataFormatPem)
            if name == "rsa":
                self.public = public_pem(key)
            if name == "rsa-other":
                numbers = key.public_key().public_numbers()
                self.other_value = "<ds:KeyInfo><ds:KeyValue><ds:RSAKeyValue><ds:Modulus>" + base64.b64encode(
                    numbers.n.to_bytes(256, "big")).decode() + ("</ds:Modulus><ds:Exponent>AQAB</ds:Exponent>"
                                                                "</ds:RSAKeyValue></ds:KeyValue></ds:KeyInfo>")

    def add(self, name, key="rsa", **options):
        if isinstance(key, str):
            key = self.keys[key]
        self.records.add(name, text_of(sign(key, **options)))

    def good(self):
        for bits in ("256", "384", "512"):
            self.add("rsa-sha" + bits, method=MORE + "rsa-sha" + bits, references=reference("#_a", digest="sha" + bits))
        for key, bits in (("ec256", "256"), ("ec384", "384"), ("ec521", "512"), ("ec256", "512")):
            self.add(f"{key}-sha{bits}", key, method=f"{MORE}ecdsa-sha{bits}")
        self.add("response", what="response")
        self.add("other-key", "rsa-other")
        both = sign(self.keys["rsa"])
        self.records.add("both", text_of(sign(self.keys["rsa"], root=both, what="response")))
        self.add("with-comments", c14n=EXC + "WithComments",
                 references=reference("#_a", ENVELOPED + transform(EXC + "WithComments")),
                 message=response("4|||<!-- one -->701294|0790031E"))
        self.add("inclusive-namespaces", c14n_inside=inclusive("saml"),
                 references=reference("#_a", ENVELOPED + transform(EXC, inclusive("xs xsi"))))
        self.add("reference-id", references=reference("#_a", more=' Id="_ref"'),
                 after='<ds:KeyInfo Id="_a"><ds:KeyName>nobody</ds:KeyName></ds:KeyInfo>')
        self.add("cdata", message=response("<![CDATA[4|||]]>701294|0790031E"))
        self.add("no-prefix", message=response().replace(
            "<saml:Assertion", f'<saml:Assertion xmlns="{SAML}"').replace("<saml:Attribute", "<Attribute").replace(
                "</saml:Attribute", "</Attribute"))
        self.add("xml-id-of-itself", message=response(assertion_more=' xml:id="_x"'))

    def bad_keys(self):
        self.add("key-info", "rsa-other", after=self.other_value)
        self.add("key-short", "rsa-short")
        self.add("key-curve", "ec256k1", method=MORE + "ecdsa-sha256")
        for name, data in (("hmac-pem", self.public), ("hmac-der", base64.b64decode(
                b"".join(self.public.splitlines()[1:-1])))):
            self.add(name, xmlsec.Key.from_binary_data(xmlsec.constants.KeyDataHmac, data), method=MORE + "hmac-sha256")
        self.add("hmac-length", xmlsec.Key.from_binary_data(xmlsec.constants.KeyDataHmac, self.public),
                 method=MORE + "hmac-sha256", method_inside="<ds:HMACOutputLength>80</ds:HMACOutputLength>")

    def bad_algorithms(self):
        self.add("rsa-sha1", method=DS + "rsa-sha1")
        self.add("rsa-sha224", method=MORE + "rsa-sha224")
        self.add("ecdsa-sha1", "ec256", method=MORE + "ecdsa-sha1")
        for digest in ("sha1", "md5", "sha224"):
            self.add("digest-" + digest, references=reference("#_a", digest=digest))
        self.add("info-inclusive", c14n=INC)
        self.add("info-inclusive-comments", c14n=INC + "#WithComments")

    def bad_forms(self):
        exclusive = transform(EXC)
        for name, transforms in (("inclusive", ENVELOPED + transform(INC)), ("enveloped-alone", ENVELOPED),
                                 ("xpath", XPATH + exclusive), ("xpath-third", ENVELOPED + XPATH + exclusive),
                                 ("xslt", ENVELOPED + XSLT + exclusive), ("twice", ENVELOPED + ENVELOPED),
                                 ("base64", ENVELOPED + transform(DS + "base64"))):
            self.add("transform-" + name, references=reference("#_a", transforms))
        self.add("uri-empty", references=reference(""), what="response")
        self.add("uri-none", references=reference(None), what="response")
        self.add("uri-root", references=reference("#xpointer(/)"), what="response")
        self.add("uri-xpointer", references=reference("#xpointer(id('_a'))"))
        self.add("uri-response", references=reference("#_r"))
        self.add("uri-other", references=reference("#_e", exclusive), message=response(
            extensions='<samlp:Extensions><saml:Assertion ID="_e"/></samlp:Extensions>'))
        self.add("two-references", references=reference("#_a") + reference("#_a"))
        self.add("manifest", after="<ds:Object><ds:Manifest>" + reference("#_a") + "</ds:Manifest></ds:Object>")
        self.add("object", references=reference("#_o", exclusive), after='<ds:Object ID="_o">signed</ds:Object>')
        self.add("type", references=reference("#_a", more=f' Type="{DS}Object"'))
        self.add("too-many-prefixes", references=reference("#_a", ENVELOPED + transform(EXC, inclusive("p " * 200))))
        self.add("relative-namespace", message=response(inside='<a xmlns="relative"/>'))

    def write(self, directory):
        self.good()
        self.bad_keys()
        self.bad_algorithms()
        self.bad_forms()
        self.records.write(os.path.join(directory, "signed.txt"))


# --- encrypted.txt ---

TEXT = f'<saml:Assertion xmlns:saml="{SAML}" ID="_a">d\u00e9chiffr\u00e9</saml:Assertion>'


def seal(data, key, algorithm, fill=None):
    if algorithm.endswith("-gcm"):
        nonce = os.urandom(12)
        return nonce + AESGCM(key).encrypt(nonce, data, None)
    vector = os.urandom(16)
    if fill is None:
        count = 16 - len(data) % 16
        fill = os.urandom(count - 1) + bytes([count])
    encryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).encryptor()
    return vector + encryptor.update(data + fill) + encryptor.finalize()


def cipher_data(value):
    if isinstance(value, bytes):
        value = f"<xenc:CipherValue>{base64.b64encode(value).decode()}</xenc:CipherValue>"
    return f"<xenc:CipherData>{value}</xenc:CipherData>"


class Encrypted:
    def __init__(self):
        self.records = Records()
        self.service = rsa.generate_private_key(65537, 2048)
        self.other = rsa.generate_private_key(65537, 2048)
        self.records.add("key service", private_pem(self.service).decode())
        self.records.add("key other", private_pem(self.other).decode())
        self.records.add("key ec", private_pem(ec.generate_private_key(ec.SECP256R1())).decode())
        self.records.add("text", TEXT)

    def transport(self, content_key, to=None, digest=None, mask=None, v11=False, label=None, v15=False, value=None,
                  info="", more="", after="", scheme=None):
        public = (to or self.service).public_key()
        if v15:
            sealed, algorithm = public.encrypt(content_key, padding.PKCS1v15()), XENC + "rsa-1_5"
        else:
            sealed = public.encrypt(content_key, padding.OAEP(padding.MGF1(HASH[mask or "sha1"]()),
                                                              HASH[digest or "sha1"](), label))
            algorithm = XENC11 + "rsa-oaep" if v11 else XENC + "rsa-oaep-mgf1p"
        inside = f"<xenc:OAEPparams>{base64.b64encode(label).decode()}</xenc:OAEPparams>" if label else ""
        inside += f'<ds:DigestMethod Algorithm="{DIGEST[digest]}"/>' if digest else ""
        inside += f'<xenc11:MGF xmlns:xenc11="{XENC11}" Algorithm="{XENC11}mgf1{mask}"/>' if mask else ""
        return (f'<xenc:EncryptedKey{more}><xenc:EncryptionMethod Algorithm="{scheme or algorithm}">{inside}'
                f"</xenc:EncryptionMethod>{info}{cipher_data(sealed if value is None else value)}{after}"
                "</xenc:EncryptedKey>")

    def message(self, algorithm=XENC11 + "aes256-gcm", wrap="EncryptedAssertion", text=TEXT, size=None, value=None,
                change=None, fill=None, keys=None, beside=None, info=None, named=None,
                more=f' Type="{XENC}Element"', **options):
        bits = int(algorithm.rsplit("aes", 1)[1][:3])
        key = os.urandom(bits // 8)
        sent = key if size is None else (key + os.urandom(64))[:size]
        if value is None:
            value = seal(text.encode(), key, algorithm, fill)
            value = change(value) if change else value
        if keys is None:
            keys = "" if beside else self.transport(sent, **options)
        else:
            keys = keys(sent)
        if info is None:
            info = f"<ds:KeyInfo>{keys}</ds:KeyInfo>" if keys else ""
        return (f'<saml:{wrap} xmlns:saml="{SAML}" xmlns:xenc="{XENC}" xmlns:ds="{DS}"><xenc:EncryptedData{more}>'
                f'<xenc:EncryptionMethod Algorithm="{named or algorithm}"/>{info}{cipher_data(value)}'
                "</xenc:EncryptedData>"
                + (beside(sent) if beside else "") + f"</saml:{wrap}>")

    def add(self, name, **options):
        self.records.add(name, self.message(**options))

    def good(self):
        for bits in (128, 192, 256):
            self.add(f"aes{bits}-gcm", algorithm=f"{XENC11}aes{bits}-gcm")
            self.add(f"aes{bits}-cbc", algorithm=f"{XENC}aes{bits}-cbc")
        self.add("cbc-whole-block", algorithm=XENC + "aes128-cbc", text=TEXT + " " * (-len(TEXT.encode()) % 16))
        for name in HASH:
            self.add("mgf1p-" + name, digest=name)
            self.add("oaep-" + name, v11=True, digest=name, mask=name)
            self.add("oaep-mask-" + name, v11=True, mask=name)
        self.add("oaep-mixed", v11=True, digest="sha256", mask="sha1")
        self.add("label", label=b"a label")
        self.add("label-11", label=b"a label", v11=True, digest="sha256", mask="sha256")
        self.add("name-id", wrap="EncryptedID")
        self.add("no-type", more="")
        self.add("beside", beside=lambda key: self.transport(key, more=' Id="_k" Recipient="https://ent.example/"'),
                 info=f'<ds:KeyInfo><ds:RetrievalMethod URI="#_k" Type="{XENC}EncryptedKey"/></ds:KeyInfo>',
                 more=' Id="_d"')
        self.add("beside-without-info", beside=lambda key: self.transport(
            key, after='<xenc:ReferenceList><xenc:DataReference URI="#_d"/></xenc:ReferenceList>'
            "<xenc:CarriedKeyName>k</xenc:CarriedKeyName>"), more=' Id="_d"')
        self.add("hint", keys=lambda key: self.transport(
            key, info="<ds:KeyInfo><ds:KeyName>ours</ds:KeyName><ds:X509Data/></ds:KeyInfo>"))
        self.add("several-recipients", keys=lambda key: self.transport(key, self.other) * 7 + self.transport(key))
        self.records.add("spaced", self.message().replace("<xenc:CipherValue>", "<xenc:CipherValue>\n   ").replace(
            "</xenc:CipherValue>", "\n</xenc:CipherValue>"))

    def bad_keys(self):
        self.add("to-other", to=self.other)
        self.add("nine-keys", keys=lambda key: self.transport(key, self.other) * 8 + self.transport(key))
        self.add("no-key", keys=lambda key: "")
        self.add("rsa-1_5", v15=True)
        self.add("rsa-1_5-first", keys=lambda key: self.transport(key, self.other, v15=True) + self.transport(key))
        self.add("rsa-1_5-hidden", v15=True, scheme=XENC + "rsa-oaep-mgf1p")
        self.add("mask-of-mgf1p", digest="sha256", mask="sha256")
        for size in (0, 15, 16, 24, 31, 33, 64):
            self.add(f"key-of-{size}", size=size)
        self.add("key-of-32-for-128", algorithm=XENC11 + "aes128-gcm", size=32)
        self.add("key-reference", value=None, keys=lambda key: self.transport(
            key, value='<xenc:CipherReference URI="http://127.0.0.1:9/k"/>'))
        self.add("key-cut", keys=lambda key: self.transport(key, value=b"x" * 255))
        self.add("key-zeros", keys=lambda key: self.transport(key, value=bytes(256)))
        self.add("retrieval", info='<ds:KeyInfo><ds:RetrievalMethod URI="http://127.0.0.1:9/k" '
                 f'Type="{XENC}EncryptedKey"/></ds:KeyInfo>', beside=self.transport)
        self.add("retrieval-raw", info=f'<ds:KeyInfo><ds:RetrievalMethod URI="#_k" Type="{DS}rawX509Certificate"/>'
                 "</ds:KeyInfo>", beside=self.transport)
        self.add("retrieval-transforms", info='<ds:KeyInfo><ds:RetrievalMethod URI="#_k"><ds:Transforms>' + XPATH +
                 "</ds:Transforms></ds:RetrievalMethod></ds:KeyInfo>", beside=self.transport)
        agreement = f'<xenc:AgreementMethod Algorithm="{XENC11}ECDH-ES"/>'
        self.add("agreement", info=f"<ds:KeyInfo>{agreement}</ds:KeyInfo>", beside=self.transport)
        self.add("agreement-of-key", keys=lambda key: self.transport(key, info=f"<ds:KeyInfo>{agreement}</ds:KeyInfo>"))
        self.add("key-of-key", keys=lambda key: self.transport(
            key, info=f"<ds:KeyInfo>{self.transport(key)}</ds:KeyInfo>"))

    def bad_content(self):
        self.add("reference", value='<xenc:CipherReference URI="http://127.0.0.1:9/c"/>')
        self.add("reference-inside", value='<xenc:CipherReference URI="#_c"><xenc:Transforms>'
                 + transform(DS + "base64") + "</xenc:Transforms></xenc:CipherReference>")
        self.add("empty", value="<xenc:CipherValue/>")
        self.add("no-base64", value="<xenc:CipherValue>&lt;not base64&gt;</xenc:CipherValue>")
        self.add("half-base64", value="<xenc:CipherValue>AAAA=AAA</xenc:CipherValue>")
        self.add("element-inside", value="<xenc:CipherValue>AAAA<a/>AAAA</xenc:CipherValue>")
        self.add("two-values", value="<xenc:CipherValue>AAAA</xenc:CipherValue>" * 2)
        self.add("3des", named=XENC + "tripledes-cbc")
        self.add("unknown", named="urn:none")
        self.add("content", more=f' Type="{XENC}Content"')
        self.add("encoding", more=' Encoding="http://www.w3.org/2000/09/xmldsig#base64"')
        for name, change in (("cut", lambda value: value[:-1]), ("cut-16", lambda value: value[:-16]),
                             ("short", lambda value: value[:27]), ("nonce", lambda value: value[:12]),
                             ("one", lambda value: value[:1]),
                             ("tag", lambda value: value[:-1] + bytes([value[-1] ^ 1])),
                             ("text", lambda value: value[:20] + bytes([value[20] ^ 1]) + value[21:]),
                             ("nonce-changed", lambda value: bytes([value[0] ^ 1]) + value[1:]),
                             ("longer", lambda value: value + b"x")):
            self.add("gcm-" + name, change=change)
        cbc = XENC + "aes256-cbc"
        body = "x" * 32
        for name, fill in (("0", bytes(16)), ("17", bytes([17]) * 16), ("255", b"\xff" * 16)):
            self.add("cbc-fill-" + name, algorithm=cbc, text=body, fill=fill)
        for name, change in (("cut", lambda value: value[:-1]), ("vector", lambda value: value[:16]),
                             ("short", lambda value: value[:15])):
            self.add("cbc-" + name, algorithm=cbc, change=change)

    def write(self, directory):
        self.good()
        self.bad_keys()
        self.bad_content()
        self.records.write(os.path.join(directory, "encrypted.txt"))


if __name__ == "__main__":
    target = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
    Signed().write(target)
    Encrypted().write(target)
