"""XML encryption, written out by hand over the primitives, so that every choice can be a wrong one."""

import base64
import os

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from names import CBC, DS, GCM, MGF, OAEP, RSA_15, SAML, SHA1, SHA224, SHA256, SHA384, SHA512, XENC, XENC11

HASHES = {SHA1: hashes.SHA1, SHA224: hashes.SHA224, SHA256: hashes.SHA256, SHA384: hashes.SHA384,
          SHA512: hashes.SHA512}
MGF_HASHES = {MGF["sha1"]: hashes.SHA1, MGF["sha224"]: hashes.SHA224, MGF["sha256"]: hashes.SHA256,
              MGF["sha384"]: hashes.SHA384, MGF["sha512"]: hashes.SHA512}
BITS = {name: bits for names in (CBC, GCM) for bits, name in names.items()}


def base64_of(data):
    return base64.b64encode(data).decode()


def seal(data, key, algorithm):
    """What stands in CipherValue."""
    if algorithm in GCM.values():
        nonce = os.urandom(12)
        return nonce + AESGCM(key).encrypt(nonce, data, None)
    vector = os.urandom(16)
    fill = 16 - len(data) % 16
    data += os.urandom(fill - 1) + bytes([fill])
    encryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).encryptor()
    return vector + encryptor.update(data) + encryptor.finalize()


def wrapped_key(key, public, algorithm, digest, mgf):
    if algorithm == RSA_15:
        return public.encrypt(key, padding.PKCS1v15())
    mask = MGF_HASHES[mgf] if mgf else hashes.SHA1
    return public.encrypt(key, padding.OAEP(padding.MGF1(mask()), (HASHES[digest] if digest else hashes.SHA1)(), None))


def cipher_data(value):
    """@param value bytes, or markup"""
    if isinstance(value, bytes):
        value = f"<xenc:CipherValue>{base64_of(value)}</xenc:CipherValue>"
    return f"<xenc:CipherData>{value}</xenc:CipherData>"


def encrypted_key(key, public, *, algorithm=OAEP, digest=None, mgf=None, value=None, key_info="", more=""):
    """An EncryptedKey for one recipient. digest and mgf: None is the algorithm's own, SHA-1, and isn't written."""
    inside = f'<ds:DigestMethod Algorithm="{digest}"/>' if digest else ""
    inside += f'<xenc11:MGF xmlns:xenc11="{XENC11}" Algorithm="{mgf}"/>' if mgf else ""
    if value is None:
        value = wrapped_key(key, public, algorithm, digest, mgf)
    return (f'<xenc:EncryptedKey{more}><xenc:EncryptionMethod Algorithm="{algorithm}">{inside}</xenc:EncryptionMethod>'
            f"{key_info}{cipher_data(value)}</xenc:EncryptedKey>")


def encrypt(text, public, *, wrap="EncryptedAssertion", algorithm=GCM[256], content_key=None, value=None,
    transport=None,
            keys=None, beside=False, more=f' Type="{XENC}Element"', change=None, key_info=None, method=None):
    """Encrypt markup for a public key.
    transport: options of encrypted_key(); keys: a function of the content key that makes the EncryptedKeys' markup;
    beside: these stand beside EncryptedData; change: a function over CipherValue's bytes; value: what stands in
    CipherData instead; key_info, method: markup instead of KeyInfo and EncryptionMethod; more: attributes of
    EncryptedData. @return markup of an EncryptedAssertion, or what wrap says"""
    key = content_key or os.urandom(BITS.get(algorithm, 256) // 8)
    inside = keys(key) if keys else encrypted_key(key, public, **(transport or {}))
    if value is None:
        value = seal(text.encode() if isinstance(text, str) else text, key, algorithm)
        value = change(value) if change else value
    if key_info is None:
        key_info = "" if beside else f"<ds:KeyInfo>{inside}</ds:KeyInfo>"
    if method is None:
        method = f'<xenc:EncryptionMethod Algorithm="{algorithm}"/>'
    return (f'<saml:{wrap} xmlns:saml="{SAML}" xmlns:xenc="{XENC}" xmlns:ds="{DS}"><xenc:EncryptedData{more}>{method}'
            f"{key_info}{cipher_data(value)}</xenc:EncryptedData>{inside if beside else ''}</saml:{wrap}>")
