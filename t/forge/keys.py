"""Keys of the forged portals, and the metadata that the service reads of them."""

import base64
import concurrent.futures
import datetime
import os

import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

DOMAIN = "forge.example"

# The entities of the metadata. Which of them the service believes is its configuration's affair.
PORTALS = ("familles", "agents", "educonnect", "inconnu", "perime", "absent")


def entity_id(portal):
    return f"https://{portal}.{DOMAIN}/idp"


def sso(portal):
    return f"https://{portal}.{DOMAIN}/sso"


def slo(portal):
    """Single logout addresses of a portal, as its metadata has them where logout is asked for: familles takes
    responses at another address than requests, and HTTP-POST too; agents HTTP-Redirect alone; educonnect HTTP-POST
    alone; the others nothing."""
    at = f"https://{portal}.{DOMAIN}/slo"
    return {
        "familles": {"logout_redirect": at, "logout_redirect_response": at + "/answer", "logout_post": at + "/post"},
        "agents": {"logout_redirect": at},
        "educonnect": {"logout_post": at},
    }.get(portal, {})


def slo_elements(portal):
    """The same as markup."""
    found = slo(portal)
    more = f' ResponseLocation="{found["logout_redirect_response"]}"' if "logout_redirect_response" in found else ""
    return "".join(f'<md:SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:{binding}" '
                   f'Location="{found[name]}"{extra}/>'
                   for name, binding, extra in (("logout_redirect", "HTTP-Redirect", more),
                                                ("logout_post", "HTTP-POST", "")) if name in found)


def crypto_binary(value, size=None):
    size = size or (value.bit_length() + 7) // 8
    return base64.b64encode(value.to_bytes(size, "big")).decode()


class Key:
    """A private key, and a certificate that is a container for it and no more."""

    def __init__(self, private, ended=False):
        self.private = private
        self.certificate = self.make_certificate(ended)

    @classmethod
    def rsa(cls, bits=2048, **more):
        return cls(rsa.generate_private_key(65537, bits), **more)

    @classmethod
    def ec(cls, curve=ec.SECP256R1, **more):
        return cls(ec.generate_private_key(curve()), **more)

    def make_certificate(self, ended):
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "forge")])
        start = datetime.datetime(2010, 1, 1)
        end = datetime.datetime(2012, 1, 1) if ended else datetime.datetime(2040, 1, 1)
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(self.private.public_key())
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(start).not_valid_after(end)
        return builder.sign(self.private, hashes.SHA256())

    def pem(self):
        return self.private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                          serialization.NoEncryption())

    def public_pem(self):
        return self.private.public_key().public_bytes(serialization.Encoding.PEM,
                                                      serialization.PublicFormat.SubjectPublicKeyInfo)

    def certificate_pem(self):
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def certificate_text(self):
        return base64.b64encode(self.certificate.public_bytes(serialization.Encoding.DER)).decode()

    def is_ec(self):
        return isinstance(self.private, ec.EllipticCurvePrivateKey)

    def for_xmlsec(self):
        return xmlsec.Key.from_memory(self.pem(), xmlsec.constants.KeyDataFormatPem)

    def x509_data(self):
        return f"<ds:X509Data><ds:X509Certificate>{self.certificate_text()}</ds:X509Certificate></ds:X509Data>"

    def key_value(self):
        numbers = self.private.public_key().public_numbers()
        return (f"<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>{crypto_binary(numbers.n)}</ds:Modulus>"
                f"<ds:Exponent>{crypto_binary(numbers.e)}</ds:Exponent></ds:RSAKeyValue></ds:KeyValue>")


def hmac_key(data):
    return xmlsec.Key.from_binary_data(xmlsec.constants.KeyDataHmac, data)


class Keyring:
    """Every key by its name. What each is to the service stands in metadata()."""

    def __init__(self):
        made = {
            "familles": Key.rsa,
            "familles-next": lambda: Key.rsa(ended=True),   # for the roll-over; its certificate ended long ago
            "familles-ec": Key.ec,
            "familles-ec384": lambda: Key.ec(ec.SECP384R1),
            "familles-bare": Key.rsa,                       # in the metadata without a certificate
            "familles-weak": lambda: Key.rsa(1024),         # there, and too short to be used
            "familles-encryption": Key.rsa,                 # there, but not for signatures
            "agents": Key.rsa,
            "educonnect": Key.ec,
            "inconnu": Key.ec,
            "perime": Key.ec,
            "other": Key.rsa,                               # in nobody's metadata
        }
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            self.keys = dict(zip(made, pool.map(lambda make: make(), made.values())))
        self.keys["absent"] = self.keys["other"]

    def __getitem__(self, name):
        return self.keys[name]

    def descriptor(self, name, use="signing", bare=False):
        use = f' use="{use}"' if use else ""
        info = self[name].key_value() if bare else self[name].x509_data()
        return f"<md:KeyDescriptor{use}><ds:KeyInfo>{info}</ds:KeyInfo></md:KeyDescriptor>"

    def entity(self, portal, descriptors, more="", logout=""):
        return (f'<md:EntityDescriptor entityID="{entity_id(portal)}"{more}><md:IDPSSODescriptor '
                'WantAuthnRequestsSigned="true" protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">'
                + "".join(descriptors) + logout +
                '<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" '
                f'Location="{sso(portal)}"/></md:IDPSSODescriptor></md:EntityDescriptor>\n')

    def metadata(self, logout=False):
        """@param logout do the portals take part in Single Logout?"""
        of = self.descriptor
        slo_of = slo_elements if logout else lambda portal: ""
        families = [of("familles-weak"), of("familles-encryption", "encryption"), of("familles"),
                    of("familles-next", use=None), of("familles-ec"), of("familles-ec384"),
                    of("familles-bare", bare=True)]
        return ('<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" '
                'xmlns:ds="http://www.w3.org/2000/09/xmldsig#">\n'
                + self.entity("familles", families, logout=slo_of("familles"))
                + "".join(self.entity(name, [of(name)], logout=slo_of(name))
                          for name in ("agents", "educonnect", "inconnu"))
                + self.entity("perime", [of("perime")], ' validUntil="2016-09-01T00:00:00Z"')
                + "</md:EntitiesDescriptor>\n")


def write_metadata(keyring, path, logout=False):
    with open(path + ".new", "w", encoding="utf-8") as out:
        out.write(keyring.metadata(logout))
    os.chmod(path + ".new", 0o644)
    os.rename(path + ".new", path)
