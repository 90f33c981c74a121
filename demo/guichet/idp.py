"""The SAML 2.0 side of a portal: Debian's python3-pysaml2, which this project did not write.

A portal is one entity with a key of its own. It answers the services whose metadata stands at the address that it was
given; that is read when somebody first comes from there, for the service may start later than the portal.
"""
import base64
import os
import subprocess
import threading
import time
import urllib.parse
import urllib.request

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509 import load_der_x509_certificate
from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT, samlp
from saml2.attribute_converter import AttributeConverter
from saml2.authn_context import PASSWORD, PASSWORDPROTECTEDTRANSPORT, UNSPECIFIED
from saml2.config import IdPConfig
from saml2.metadata import entities_descriptor, entity_descriptor
from saml2.s_utils import do_ava
from saml2.saml import NAME_FORMAT_UNSPECIFIED, NAMEID_FORMAT_TRANSIENT, Attribute, NameID
from saml2.server import Server
from saml2.sigver import get_pem_wrapped_unwrapped, make_temp, pre_encryption_part
from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256

XMLSEC = "/usr/bin/xmlsec1"
AES256_GCM = "http://www.w3.org/2009/xmlenc11#aes256-gcm"
METADATA_BYTES_MAX = 1024 * 1024
SIGNATURE_HASHES = {
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256": (rsa.RSAPublicKey, hashes.SHA256()),
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512": (rsa.RSAPublicKey, hashes.SHA512()),
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256": (ec.EllipticCurvePublicKey, hashes.SHA256()),
}


class Refused(Exception):
    """A request that gets no answer; the text is for the person and the log."""


class Demand:
    """Somebody came from a service to be identified: what the answer needs."""

    def __init__(self, request_id, service, address, relay_state, force=False, passive=False, contexts=()):
        self.request_id = request_id
        self.service = service
        self.address = address
        self.relay_state = relay_state
        self.force = force
        self.passive = passive
        self.contexts = contexts
        self.made = time.time()

    def context_fits(self):
        fitting = (PASSWORDPROTECTEDTRANSPORT, PASSWORD, UNSPECIFIED)
        return not self.contexts or any(context in fitting for context in self.contexts)


class PlainNames(AttributeConverter):
    """Attributes by the names that ATEN portals give them, as they stand; pysaml2's own tables know none of these."""

    def to_(self, attrvals):
        return [Attribute(name=name, name_format=self.name_format, attribute_value=do_ava(values))
                for name, values in attrvals.items()]


class Engine(Server):
    """pysaml2's server, but for three things: it keeps no assertion, gives the session's own index, and encrypts by
    AES-GCM (pysaml2 knows Triple-DES alone)."""

    def support_AssertionIDRequest(self):
        return False

    def support_AuthnQuery(self):
        return False

    def setup_assertion(self, authn, *args, **kwargs):
        assertion = super().setup_assertion(authn, *args, **kwargs)
        assertion.authn_statement[0].session_index = authn["session_index"]
        return assertion

    def _encrypt_assertion(self, encrypt_cert, sp_entity_id, response, node_xpath=None):
        certificate = encrypt_cert or self.metadata.certs(sp_entity_id, "spsso", "encryption")[0]
        pem, bare = get_pem_wrapped_unwrapped(certificate)
        file = make_temp(pem.encode("ascii"), decode=False)
        template = pre_encryption_part(msg_enc=AES256_GCM, encrypt_cert=bare)
        return self.sec.encrypt_assertion(response, file.name, template, key_type="aes-256", node_xpath=node_xpath)


class Portal:
    def __init__(self, base, state, services, signed_requests=False):
        """base: the portal's own address; state: directory of its key; services: address or file of the metadata of
        those that it answers."""
        self.base = base
        self.entity_id = base + "/saml/metadata"
        self.services = services
        self.signed_requests = signed_requests
        self.key = os.path.join(state, "key.pem")
        self.certificate = os.path.join(state, "certificate.pem")
        self.lock = threading.RLock()
        self.engine = None
        self.read_at = 0.0
        self.make_key()

    def make_key(self):
        if os.path.exists(self.certificate):
            return
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-sha256", "-days", "3650",
                        "-subj", "/CN=guichet de demonstration", "-keyout", self.key, "-out", self.certificate],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        os.chmod(self.key, 0o600)

    def config(self, metadata=None):
        config = IdPConfig()
        config.load({
            "entityid": self.entity_id,
            "xmlsec_binary": XMLSEC,
            "key_file": self.key,
            "cert_file": self.certificate,
            "metadata": {"inline": [metadata]} if metadata else {},
            "signing_algorithm": SIG_RSA_SHA256,
            "digest_algorithm": DIGEST_SHA256,
            "accepted_time_diff": 60,
            "service": {"idp": {
                "endpoints": {
                    "single_sign_on_service": [(self.base + "/saml/sso", BINDING_HTTP_REDIRECT)],
                    "single_logout_service": [(self.base + "/saml/slo", BINDING_HTTP_REDIRECT)],
                },
                "name_id_format": [NAMEID_FORMAT_TRANSIENT],
                "policy": {"default": {"lifetime": {"minutes": 5}, "attribute_restrictions": None,
                                       "name_form": NAME_FORMAT_UNSPECIFIED}},
            }},
        })
        config.attribute_converters = [PlainNames(NAME_FORMAT_UNSPECIFIED)]
        return config

    def descriptor(self):
        descriptor = entity_descriptor(self.config())
        descriptor.extensions = None  # what xmlsec1 could do, MD5 included, is no business of ours
        # Signatures of the Redirect binding are checked here; pysaml2's own switch would look for one inside the XML.
        descriptor.idpsso_descriptor.want_authn_requests_signed = "true" if self.signed_requests else "false"
        return descriptor

    # --- services ---

    def read_services(self):
        if "://" in self.services:
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(self.services, timeout=10) as answer:
                return answer.read(METADATA_BYTES_MAX).decode("utf-8")
        with open(self.services, encoding="utf-8") as file:
            return file.read(METADATA_BYTES_MAX)

    def load(self):
        """Read the services' metadata, again where a first reading may be out of date; at most once a second."""
        if time.time() - self.read_at < 1 and self.engine:
            return False
        try:
            self.engine = Engine(config=self.config(self.read_services()))
        except Exception as error:
            raise Refused("Les métadonnées du service ne peuvent pas être lues : %s" % error) from error
        self.read_at = time.time()
        return True

    def known(self, service):
        """The addresses to which an answer for a service may go; none: it is unknown."""
        try:
            return [acs["location"] for acs in
                    self.engine.metadata.assertion_consumer_service(service, BINDING_HTTP_POST)]
        except Exception:
            return []

    def service_names(self):
        with self.lock:
            if self.engine is None:
                self.load()
            return sorted(self.engine.metadata.with_descriptor("spsso"))

    # --- requests ---

    def read_request(self, query):
        """An AuthnRequest by HTTP-Redirect. query: the raw query string. Returns a Demand, or raises Refused."""
        fields = fields_of(query)
        if "SAMLRequest" not in fields:
            raise Refused("La demande n’a pas la forme attendue.")
        with self.lock:
            if self.engine is None:
                self.load()
            try:
                request = self.engine.parse_authn_request(fields["SAMLRequest"], BINDING_HTTP_REDIRECT).message
                service = request.issuer.text.strip()
            except Exception as error:
                raise Refused("La demande ne peut pas être lue (%s)." % type(error).__name__) from error
            address = self.again_with_new_metadata(
                lambda: self.judge(service, request.assertion_consumer_service_url, query))
        wanted = request.requested_authn_context
        contexts = [reference.text for reference in wanted.authn_context_class_ref] if wanted else []
        return Demand(request.id, service, address, fields.get("RelayState", ""), request.force_authn == "true",
                      request.is_passive == "true", contexts)

    def again_with_new_metadata(self, judge):
        """The service may have changed its address or its key since its metadata was read."""
        try:
            return judge()
        except Refused:
            if not self.load():
                raise
            return judge()

    def judge(self, service, address, query):
        """Where the answer to a request goes; raises Refused."""
        addresses = self.known(service)
        if not addresses:
            raise Refused("Le service %s n’est pas connu ici." % service)
        descriptors = self.engine.metadata[service]["spsso_descriptor"]
        says_signed = any(d.get("authn_requests_signed") in ("true", "1") for d in descriptors)
        self.check_signature(service, query, "SAMLRequest", self.signed_requests or says_signed)
        if address and address not in addresses:
            raise Refused("L’adresse de retour %s n’est pas celle du service." % address)
        return address or addresses[0]

    def check_signature(self, service, query, message, required):
        # saml-bindings 3.4.4.1: what is signed is the parameters as they were sent, in this order.
        raw = dict(pair.split("=", 1) for pair in query.split("&") if "=" in pair)
        certificates = self.engine.metadata.certs(service, "spsso", "signing")
        if "Signature" not in raw:
            if required:
                raise Refused("La demande n’est pas signée.")
            return
        order = (message, "RelayState", "SigAlg")
        signed = "&".join("%s=%s" % (name, raw[name]) for name in order if name in raw)
        algorithm = urllib.parse.unquote(raw.get("SigAlg", ""))
        try:
            signature = base64.b64decode(urllib.parse.unquote(raw["Signature"]), validate=True)
        except ValueError:
            signature = b""
        if not any(verified(certificate, algorithm, signature, signed.encode()) for certificate in certificates):
            raise Refused("La signature de la demande n’est pas celle du service.")

    # --- answers ---

    def name_id(self, service, name):
        return NameID(format=NAMEID_FORMAT_TRANSIENT, text=name, name_qualifier=self.entity_id,
                      sp_name_qualifier=service)

    def answer(self, demand, account, visit):
        """A signed response with a signed assertion, encrypted where the service has a key for it, in base64."""
        authn = {"class_ref": PASSWORDPROTECTEDTRANSPORT, "authn_instant": int(visit.authenticated_at),
                 "session_index": visit.session_index}
        name = self.name_id(demand.service, visit.name_for(demand.service))
        with self.lock:
            response = self.engine.create_authn_response(
                account.attributes, demand.request_id, demand.address, demand.service, name_id=name, authn=authn,
                sign_response=True, sign_assertion=True, sign_alg=SIG_RSA_SHA256, digest_alg=DIGEST_SHA256,
                encrypt_assertion=self.engine.has_encrypt_cert_in_metadata(demand.service))
        return base64.b64encode(str(response).encode("utf-8")).decode("ascii")

    def error(self, demand, code, text):
        with self.lock:
            response = self.engine.create_error_response(demand.request_id, demand.address, (code, text), sign=True,
                                                         sign_alg=SIG_RSA_SHA256, digest_alg=DIGEST_SHA256)
        return base64.b64encode(str(response).encode("utf-8")).decode("ascii")

    def no_passive(self, demand):
        return self.error(demand, samlp.STATUS_NO_PASSIVE, "Nobody is logged in.")

    def no_context(self, demand):
        return self.error(demand, samlp.STATUS_NO_AUTHN_CONTEXT, "This portal knows passwords alone.")


def fields_of(query):
    """The parameters of a message by HTTP-Redirect, each once."""
    fields = urllib.parse.parse_qs(query, keep_blank_values=True, max_num_fields=20)
    if any(len(values) > 1 for values in fields.values()):
        raise Refused("La demande n’a pas la forme attendue.")
    return {name: values[0] for name, values in fields.items()}


def verified(certificate, algorithm, signature, signed):
    kind, digest = SIGNATURE_HASHES.get(algorithm, (None, None))
    key = load_der_x509_certificate(base64.b64decode(certificate)).public_key()
    if kind is None or not isinstance(key, kind):
        return False
    try:
        if kind is rsa.RSAPublicKey:
            key.verify(signature, signed, padding.PKCS1v15(), digest)
        else:
            key.verify(signature, signed, ec.ECDSA(digest))
    except InvalidSignature:
        return False
    return True


def write_metadata(portals, path):
    """All portals in one file, whole or not at all: httpd may read it at any moment."""
    entities, _ = entities_descriptor([portal.descriptor() for portal in portals], 0, "guichets de demonstration", None,
                                      False, None)
    with open(path + ".new", "w", encoding="utf-8") as out:
        out.write(str(entities))
    os.chmod(path + ".new", 0o644)
    os.replace(path + ".new", path)
