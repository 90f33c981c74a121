"""Encrypted assertions and NameIDs: every way that is allowed, and what must not be decrypted."""

import xmlsec
from cryptography.hazmat.primitives import serialization
from lxml import etree

import signature
from encryption import cipher_data, encrypt, encrypted_key
from message import PUPIL, assertion_of, parse, signature_of, text_of
from names import (CBC, DS, GCM, MGF, OAEP, OAEP11, RSA_15, SAML, SAMLP, SHA1, SHA224, SHA256, SHA384, SHA512, XENC)
from registry import Group, again, either, let_in, refused

encrypted = Group("encryption")

SEVERAL, FORM, ALGORITHM, UNREADABLE, CBC_OUTSIDE = "AT0304", "AT0314", "AT0312", "AT0315", "AT0316"
RESPONSE, ASSERTION, BOTH = ("response",), ("assertion",), ("assertion", "response")


def sealed(m, markup=None, recipient=0, text=None, **options):
    """The message with its assertion encrypted, signed as `signed` has it. Options: those of encrypt(), with %LISTENER%
    for the address where nobody may look; markup: a function over the EncryptedAssertion's text; text: what is
    encrypted."""
    inside = parse(m.assertion())
    if "assertion" in m.signed:
        signature.sign(inside, m.forge.keys[m.key], **m.signing)
    text = text_of(inside) if text is None else text
    made = encrypt(text, m.forge.service[recipient], **options).replace("%LISTENER%", m.listener)
    root = parse(m.response(markup(made) if markup else made))
    if "response" in m.signed:
        signature.sign(root, m.forge.keys[m.key])
    return root


def row(name, why, expect, signed=ASSERTION, fields=None, **options):
    encrypted.row(name, why, expect, lambda m: sealed(m, **options), signed=signed, **(fields or {}))


def for_service(name, why, expect, make, signed=ASSERTION):
    """make(key, service) gives the EncryptedKeys: service is the list of the service's public keys."""
    encrypted.row(name, why, expect, lambda m: sealed(m, keys=lambda key: make(key, m.forge.service)), signed=signed)


def public_pem(key):
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


# --- good ---

for signed in (ASSERTION, RESPONSE, BOTH):
    word = "-and-".join(signed)
    for bits in (128, 192, 256):
        row(f"gcm{bits}-{word}", f"AES-{bits}-GCM, signed: {word}", let_in(), signed, algorithm=GCM[bits])
        if signed != ASSERTION:
            row(f"cbc{bits}-{word}", f"AES-{bits}-CBC inside a signed response, signed: {word}", let_in(), signed,
                algorithm=CBC[bits])
for word, digest in (("sha1", SHA1), ("sha224", SHA224), ("sha256", SHA256), ("sha384", SHA384), ("sha512", SHA512)):
    row(f"oaep-{word}", f"rsa-oaep-mgf1p with a digest of {word}", let_in(), transport={"digest": digest})
    row(f"oaep11-{word}", f"rsa-oaep of xmlenc 1.1, digest and mask of {word}", let_in(),
        transport={"algorithm": OAEP11, "digest": digest, "mgf": MGF[word]})
row("oaep-bare", "rsa-oaep-mgf1p without a DigestMethod", let_in())
row("oaep11-bare", "rsa-oaep of xmlenc 1.1 without digest and mask: SHA-1 both", let_in(),
    transport={"algorithm": OAEP11})
row("oaep11-mixed", "a digest of SHA-512 with a mask of SHA-1", let_in(),
    transport={"algorithm": OAEP11, "digest": SHA512, "mgf": MGF["sha1"]})
row("key-beside", "the EncryptedKey stands beside EncryptedData", let_in(), beside=True)
row("key-beside-retrieval", "the same, and KeyInfo says where: not followed", let_in(), beside=True,
    key_info=f'<ds:KeyInfo><ds:RetrievalMethod URI="#_key" Type="{XENC}EncryptedKey"/></ds:KeyInfo>',
    transport={"more": ' Id="_key"'})
row("key-second", "encrypted for the service's second key", let_in(), recipient=1)
row("type-none", "EncryptedData without a Type", let_in(), more="")
row("empty-key-info", "the EncryptedKey has a KeyInfo of its own", let_in(),
    transport={"key_info": "<ds:KeyInfo><ds:KeyName>service</ds:KeyName></ds:KeyInfo>"})
for_service("keys-two", "two EncryptedKeys: for the second key, and for the first", let_in(),
            lambda key, service: encrypted_key(key, service[1]) + encrypted_key(key, service[0]))
encrypted.row("keys-other-first", "two EncryptedKeys: for somebody else, and for us", let_in(), lambda m: sealed(
    m, keys=lambda key: encrypted_key(key, stranger(m)) + encrypted_key(key, m.forge.service[0])))
encrypted.row("keys-eight", "eight EncryptedKeys, the last is ours", let_in(), lambda m: sealed(
    m, keys=lambda key: encrypted_key(key, stranger(m)) * 7 + encrypted_key(key, m.forge.service[0])))


def stranger(m):
    return m.forge.keys["other"].private.public_key()


def by_xmlsec(m, algorithm, bits, declared=True):
    """Encrypted by xmlsec's own code. declared: the assertion declares its prefix itself, as what is encrypted must."""
    assertion = m.assertion() if declared else m.assertion().replace(f' xmlns:saml="{SAML}"', "", 1)
    root = parse(m.response(f"<saml:EncryptedAssertion>{assertion}</saml:EncryptedAssertion>"))
    assertion = root.find(f".//{{{SAML}}}Assertion")
    if m.signed == ASSERTION:
        signature.sign(assertion, m.forge.keys[m.key])
    manager = xmlsec.KeysManager()
    manager.add_key(xmlsec.Key.from_memory(public_pem(m.forge.service[0]), xmlsec.constants.KeyDataFormatPem))
    data = xmlsec.template.encrypted_data_create(root, algorithm, type=xmlsec.constants.TypeEncElement, ns="xenc")
    xmlsec.template.encrypted_data_ensure_cipher_value(data)
    info = xmlsec.template.encrypted_data_ensure_key_info(data, ns="ds")
    key = xmlsec.template.add_encrypted_key(info, xmlsec.constants.TransformRsaOaep)
    xmlsec.template.encrypted_data_ensure_cipher_value(key)
    context = xmlsec.EncryptionContext(manager)
    context.key = xmlsec.Key.generate(xmlsec.constants.KeyDataAes, bits, xmlsec.constants.KeyDataTypeSession)
    context.encrypt_xml(data, assertion)
    if m.signed == RESPONSE:
        signature.sign(root, m.forge.keys[m.key])
    return root


encrypted.row("by-xmlsec", "encrypted by xmlsec's own code", let_in(),
              lambda m: by_xmlsec(m, xmlsec.constants.TransformAes256Gcm, 256))
encrypted.row("by-xmlsec-cbc", "the same by AES-128-CBC, then signed", let_in(),
              lambda m: by_xmlsec(m, xmlsec.constants.TransformAes128Cbc, 128), signed=RESPONSE)
encrypted.row("by-xmlsec-undeclared", "what is encrypted needs a prefix that only the response declares",
              either(let_in(), refused("AT0110", UNREADABLE)),
              lambda m: by_xmlsec(m, xmlsec.constants.TransformAes256Gcm, 256, declared=False))


# --- the NameID ---


def named(m, **options):
    """Markup of an EncryptedID."""
    options.setdefault("wrap", "EncryptedID")
    name = m.make_name_id().replace("<saml:NameID", f'<saml:NameID xmlns:saml="{SAML}"', 1)
    return encrypt(options.pop("text", name), m.forge.service[0], **options).replace("%LISTENER%", m.listener)


def name_row(name, why, expect, signed=ASSERTION, **options):
    encrypted.row(name, why, expect, signed=signed, parts={"name_id": lambda m: named(m, **options)})


for signed in (ASSERTION, RESPONSE):
    name_row(f"name-id-{signed[0]}", f"an EncryptedID, signed: {signed[0]}", let_in(), signed)
encrypted.row("name-id-inside-encrypted", "an EncryptedID inside an encrypted assertion", let_in(), lambda m: sealed(m),
              parts={"name_id": named})
name_row("name-id-cbc", "an EncryptedID by CBC inside a signed assertion", let_in(),
    algorithm=CBC[128])
name_row("name-id-comment", "a comment inside the encrypted NameID", let_in(),
         text=f'<saml:NameID xmlns:saml="{SAML}">_Znommarque<!-- x -->1</saml:NameID>')
name_row("name-id-other", "the EncryptedID is an assertion", refused("AT0325"),
         text=f'<saml:Assertion xmlns:saml="{SAML}"/>')
name_row("name-id-text", "the EncryptedID is text", refused("AT0110"), text="Znommarque")
name_row("name-id-two", "the EncryptedID is two NameIDs", refused("AT0110"),
         text=f'<saml:NameID xmlns:saml="{SAML}">a</saml:NameID><saml:NameID xmlns:saml="{SAML}">b</saml:NameID>')
name_row("name-id-dtd", "a document type inside the EncryptedID", refused("AT0111"),
         text=f'<!DOCTYPE NameID [<!ENTITY e "x">]><saml:NameID xmlns:saml="{SAML}">&e;</saml:NameID>')
name_row("name-id-fetched", "an EncryptedID with a CipherReference", refused(FORM),
         value='<xenc:CipherReference URI="%LISTENER%/name"/>')
encrypted.row("name-id-and-plain", "an EncryptedID and a NameID", refused("AT0325"), parts={
    "name_id": lambda m: named(m) + m.make_name_id()})
encrypted.row("name-id-for-other", "an EncryptedID for somebody else", refused(UNREADABLE), parts={
    "name_id": lambda m: encrypt(m.make_name_id(), stranger(m), wrap="EncryptedID")})

# --- nothing is fetched ---

for signed in (ASSERTION, RESPONSE):
    row(f"fetched-{signed[0]}", "the cipher is at an address", refused(FORM), signed,
        value='<xenc:CipherReference URI="%LISTENER%/cipher"/>')
    row(f"fetched-key-{signed[0]}", "the key's cipher is at an address", refused(FORM), signed,
        transport={"value": '<xenc:CipherReference URI="%LISTENER%/key"/>'})
    row(f"fetched-retrieval-{signed[0]}", "the key is at an address", refused(FORM), signed,
        key_info=f'<ds:KeyInfo><ds:RetrievalMethod URI="%LISTENER%/key" Type="{XENC}EncryptedKey"/></ds:KeyInfo>')
row("fetched-file", "the cipher is a file", refused(FORM), value='<xenc:CipherReference URI="file:///etc/passwd"/>')
row("fetched-here", "the cipher is elsewhere in the message", refused(FORM), value=(
    f'<xenc:CipherReference URI="#_c"><xenc:Transforms><ds:Transform Algorithm="{DS}base64"/></xenc:Transforms>'
    "</xenc:CipherReference>"))
row("fetched-beside", "a good cipher, and an address beside it", refused(FORM), markup=lambda text: text.replace(
    "</xenc:CipherData></xenc:EncryptedData>",
    '<xenc:CipherReference URI="%LISTENER%/x"/></xenc:CipherData></xenc:EncryptedData>'))

# --- algorithms ---

row("cbc-outside", "CBC, and only the assertion inside it is signed", refused(CBC_OUTSIDE), algorithm=CBC[256])
row("cbc-outside-unsigned", "CBC, and nothing is signed", refused(CBC_OUTSIDE), (), algorithm=CBC[256])
for signed in (ASSERTION, RESPONSE):
    row(f"rsa15-{signed[0]}", "the key by PKCS#1 v1.5", refused(ALGORITHM), signed, transport={"algorithm": RSA_15})
    for word, name in (("3des", XENC + "tripledes-cbc"), ("unknown", "urn:none"), ("empty", ""),
        ("kw", XENC + "kw-aes256")):
        row(f"content-{word}-{signed[0]}", f"the content's algorithm: {word}", refused(ALGORITHM), signed,
            method=f'<xenc:EncryptionMethod Algorithm="{name}"/>')
row("content-none", "no EncryptionMethod", refused(FORM), method="")
row("transport-unknown", "the key's algorithm is nobody's", refused(ALGORITHM),
    markup=lambda text: text.replace(OAEP, "urn:none"))
row("transport-kw", "the key by AES key wrap", refused(ALGORITHM), markup=lambda text: text.replace(OAEP,
    XENC + "kw-aes128"))
row("digest-md5", "OAEP with MD5", refused(ALGORITHM), markup=lambda text: text.replace(
    "</xenc:EncryptionMethod>", f'<ds:DigestMethod Algorithm="{DS}md5"/></xenc:EncryptionMethod>'))
row("mgf-unknown", "a mask of nobody", refused(ALGORITHM), transport={"algorithm": OAEP11},
    markup=lambda text: text.replace(
    "</xenc:EncryptionMethod>",
    '<x:MGF xmlns:x="http://www.w3.org/2009/xmlenc11#" Algorithm="urn:none"/></xenc:EncryptionMethod>'))
row("oaep-params", "OAEPparams", refused(UNREADABLE), markup=lambda text: text.replace(
    "</xenc:EncryptionMethod>", "<xenc:OAEPparams>AAAA</xenc:OAEPparams></xenc:EncryptionMethod>"))

# --- what cannot be read: one verdict, whatever it is ---


def flipped(value, place):
    return value[:place] + bytes([value[place] ^ 1]) + value[place + 1:]


for bits, algorithm, word in ((256, GCM[256], "gcm"), (256, CBC[256], "cbc")):
    signed = ASSERTION if word == "gcm" else RESPONSE
    for how, why, change in (
            ("cut", "cut", lambda value: value[:-1]),
            ("short", "shorter than a nonce", lambda value: value[:8]),
            ("empty", "empty", lambda value: b""),
            ("tag", "with its last byte changed", lambda value: flipped(value, len(value) - 1)),
            ("first", "with its first byte changed", lambda value: flipped(value, 0)),
            ("middle", "with a byte in the middle changed", lambda value: flipped(value, 50))):
        # CBC has no integrity of its own: a changed byte gives other text, or text that cannot be read.
        more = ("AT0110", SEVERAL, "AT0301", FORM, "AT0313") if word == "cbc" else (FORM,)
        row(f"{word}-{how}", f"{word.upper()} {why}", refused(UNREADABLE, *more), signed, algorithm=algorithm,
            change=change)
row("other-recipient", "encrypted for somebody else", refused(UNREADABLE), markup=lambda text: text,
    transport={"value": bytes(256)})
encrypted.row("for-other", "encrypted for another service", refused(UNREADABLE), lambda m: sealed(
    m, keys=lambda key: encrypted_key(key, stranger(m))))
for how, size in (("short", 16), ("long", 48), ("none", 0), ("huge", 180)):
    for_service(f"content-key-{how}", f"a content key of {size} bytes for AES-256", refused(UNREADABLE),
                lambda key, service, size=size: encrypted_key(bytes(size), service[0]))
row("cipher-no-base64", "the cipher is no base64", refused(FORM),
    value="<xenc:CipherValue>%%%</xenc:CipherValue>")
row("key-no-base64", "the key is no base64", refused(FORM),
    transport={"value": "<xenc:CipherValue>%%%</xenc:CipherValue>"})
row("key-cut", "the key's cipher is too short", refused(UNREADABLE), transport={"value": bytes(100)})
row("key-zeros", "the key's cipher is zeros", refused(UNREADABLE), transport={"value": bytes(256)})
row("key-long", "the key's cipher has 10000 bytes", refused(UNREADABLE), transport={"value": bytes(10000)})

# --- form ---

encrypted.row("keys-nine", "nine EncryptedKeys", refused(FORM), lambda m: sealed(
    m, keys=lambda key: encrypted_key(key, stranger(m)) * 8 + encrypted_key(key, m.forge.service[0])))
encrypted.row("keys-thousand", "a hundred EncryptedKeys", refused(FORM), lambda m: sealed(
    m, keys=lambda key: encrypted_key(key, m.forge.service[0]) * 100))
for_service("keys-none", "no EncryptedKey", refused(FORM), lambda key, service: "")
row("data-none", "no EncryptedData", refused(FORM),
    markup=lambda text: f'<saml:EncryptedAssertion xmlns:saml="{SAML}"/>')
row("data-two", "two EncryptedData", refused(FORM), markup=lambda text: doubled(text, "EncryptedData"))
row("method-two", "two EncryptionMethods", refused(FORM), markup=lambda text: text.replace(
    f'<xenc:EncryptionMethod Algorithm="{GCM[256]}"/>', f'<xenc:EncryptionMethod Algorithm="{GCM[256]}"/>' * 2))
row("cipher-two", "two CipherData", refused(FORM), markup=lambda text: text.replace(
    "</xenc:EncryptedData>", cipher_data(b"x" * 40) + "</xenc:EncryptedData>"))
row("type-content", "Type is Content", refused(FORM), more=f' Type="{XENC}Content"')
row("type-other", "Type is something else", refused(FORM), more=' Type="urn:none"')
row("namespace", "EncryptedData is in another namespace", refused(FORM),
    markup=lambda text: text.replace(XENC + '"', 'urn:none"'))


def doubled(text, name):
    start, end = text.index(f"<xenc:{name}"), text.index(f"</xenc:{name}>") + len(f"</xenc:{name}>")
    return text[:start] + text[start:end] * 2 + text[end:]


# --- what was inside ---

row("inside-unsigned", "nothing is signed: everybody can encrypt for us", refused("AT0310"), ())
row("inside-other-key", "the assertion inside is signed by a key of nobody", refused("AT0313"), fields={"key": "other"})
row("inside-sha1", "the assertion inside is signed with SHA-1", refused(ALGORITHM), fields={
    "signing": {"method": DS + "rsa-sha1"}})
row("inside-audience", "the assertion inside is for another service", refused("AT0321"), fields={
    "parts": {"restrictions": lambda m: m.audiences("https://autre.example")}})
row("inside-text", "text inside", refused("AT0110"), RESPONSE, text="bonjour")
row("inside-nothing", "nothing inside", refused("AT0110"), RESPONSE, text="")
row("inside-other", "another element inside", refused("AT0301"), RESPONSE,
    text=f'<samlp:Response xmlns:samlp="{SAMLP}"/>')
row("inside-dtd", "a document type inside", refused("AT0111"), RESPONSE,
    text=f'<!DOCTYPE Assertion [<!ENTITY e "x">]><saml:Assertion xmlns:saml="{SAML}">&e;</saml:Assertion>')
row("inside-deep", "too deep inside", refused("AT0112"), RESPONSE,
    text=f'<saml:Assertion xmlns:saml="{SAML}">{"<x>" * 1000}{"</x>" * 1000}</saml:Assertion>')
row("inside-nul", "a NUL inside", refused("AT0110"), RESPONSE,
    text=f'<saml:Assertion xmlns:saml="{SAML}"/>\0')
row("inside-binary", "what is no text inside", refused("AT0110"), RESPONSE, text=bytes(range(1, 256)))


@encrypted.case("inside-two", "two assertions inside", refused("AT0110"), signed=ASSERTION)
def _(m):
    text = text_of(assertion_of(m.signed_tree()))
    other = type(m)(m.forge, m.ask)
    return parse(m.response(encrypt(text + text_of(assertion_of(other.signed_tree())), m.forge.service[0])))


@encrypted.case("inside-encrypted", "an encrypted assertion inside an encrypted one", refused("AT0301"))
def _(m):
    text = encrypt(text_of(assertion_of(m.signed_tree())), m.forge.service[0])
    return parse(m.response(encrypt(text, m.forge.service[0])))


@encrypted.case("beside-plain", "an encrypted assertion, and one that is not", refused(SEVERAL))
def _(m):
    root = m.signed_tree()
    other = type(m)(m.forge, m.ask).set(attributes=[("FrEduVecteur", [PUPIL.replace("701294", "666666")])])
    root.append(parse(encrypt(other.assertion(), m.forge.service[0])))
    return root


@encrypted.case("beside-encrypted", "two encrypted assertions", refused(SEVERAL))
def _(m):
    text = encrypt(text_of(assertion_of(m.signed_tree())), m.forge.service[0])
    return parse(m.response(text * 2))


@encrypted.case("wrapped", "the evil assertion inside has the signature of the one in its Object",
    refused(SEVERAL))
def _(m):
    signed = assertion_of(m.signed_tree())
    evil = parse(text_of(signed).replace("701294", "666666").replace(m.assertion_id, "_evil"))
    node = signature_of(evil)
    evil.replace(node, parse(text_of(signature_of(signed))))
    plain = parse(text_of(signed))
    plain.remove(signature_of(plain))
    etree.SubElement(signature_of(evil), f"{{{DS}}}Object").append(plain)
    return parse(m.response(encrypt(text_of(evil), m.forge.service[0])))


@encrypted.case("wrapped-outside", "the signed assertion stands in Extensions, an evil one is encrypted",
    refused(SEVERAL),
                parts={"extensions": "<samlp:Extensions/>"})
def _(m):
    signed = assertion_of(m.signed_tree())
    evil = text_of(signed).replace("701294", "666666")
    root = parse(m.response(encrypt(evil, m.forge.service[0])))
    root.find(f"{{{SAMLP}}}Extensions").append(signed)
    return root


@encrypted.case("same-id", "the encrypted assertion has the response's ID",
                let_in(), signed=ASSERTION)
def _(m):
    m.set(assertion_id=m.response_id)
    return sealed(m)


encrypted.row("ended", "an encrypted answer that comes late", again("AT0324"),
    lambda m: sealed(m.from_now(not_before=-600, not_after=-300)))
