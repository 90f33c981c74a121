#!/usr/bin/python3
"""Makes logout.txt: Single Logout messages as portals of other software send them, for the unit tests.

Debian's python3-pysaml2 (with xmlsec1) and simplesamlphp (make_logout.php beside this file); nothing of the module.
Each run makes new keys. Records as in make.py. All messages are of 2026-11-24T10:00:00Z."""

import base64
import os
import subprocess
import sys
import tempfile

from cryptography.hazmat.primitives.asymmetric import rsa
from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.config import IdPConfig
from saml2.pack import http_redirect_message
from saml2.saml import NAMEID_FORMAT_TRANSIENT, Issuer, NameID
from saml2.samlp import STATUS_PARTIAL_LOGOUT, STATUS_RESPONDER, LogoutResponse
from saml2.s_utils import sid, status_message_factory, success_status_factory
from saml2.server import Server
from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256, SIG_RSA_SHA512

from make import Records, private_pem, public_pem

HERE = os.path.dirname(os.path.abspath(__file__))
PORTAL = "https://portail.example/idp"
SERVICE = "https://ent.example/aten/saml/metadata"
ADDRESS = "https://ent.example/aten/saml/logout"
WHEN = "2026-11-24T10:00:00Z"
REQUEST_ID = "lAbCdEfGhIjKlMnOpQrSt-_"


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, stderr=subprocess.DEVNULL)


class Pysaml2:
    def __init__(self, key_file, certificate):
        config = IdPConfig().load({
            "entityid": PORTAL, "key_file": key_file, "cert_file": certificate, "xmlsec_binary": "/usr/bin/xmlsec1",
            "service": {"idp": {"endpoints": {"single_logout_service": [
                ("https://portail.example/slo", BINDING_HTTP_REDIRECT),
                ("https://portail.example/slo", BINDING_HTTP_POST)]}}},
        })
        self.server = Server(config=config)

    def request(self):
        name = NameID(format=NAMEID_FORMAT_TRANSIENT, sp_name_qualifier=SERVICE, text="Zname-1")
        _, made = self.server.create_logout_request(ADDRESS, SERVICE, name_id=name, sign=False,
                                                    session_indexes=["Zindex-1", "Zindex-2"],
                                                    expire="2026-11-24T10:02:00Z", reason="user")
        return made

    def response(self, status):
        return LogoutResponse(id=sid(), version="2.0", issuer=Issuer(text=PORTAL), destination=ADDRESS,
                              in_response_to=REQUEST_ID, status=status)

    def redirect(self, message, kind, algorithm):
        message.issue_instant = WHEN
        made = http_redirect_message(str(message), ADDRESS, "an opaque state/+", typ=kind, sigalg=algorithm,
                                     sign=True, backend=self.server.sec.sec_backend)
        return dict(made["headers"])["Location"].split("?", 1)[1]

    def post(self, message):
        message.issue_instant = WHEN
        signed = self.server.sign(message, sign_alg=SIG_RSA_SHA256, digest_alg=DIGEST_SHA256)
        return base64.b64encode(str(signed).encode()).decode()

    def add(self, records):
        partial = status_message_factory("not all", STATUS_PARTIAL_LOGOUT, STATUS_RESPONDER)
        records.add("pysaml2 request redirect", self.redirect(self.request(), "SAMLRequest", SIG_RSA_SHA256))
        records.add("pysaml2 request redirect sha512", self.redirect(self.request(), "SAMLRequest", SIG_RSA_SHA512))
        records.add("pysaml2 request post", self.post(self.request()))
        records.add("pysaml2 response redirect",
                    self.redirect(self.response(success_status_factory()), "SAMLResponse", SIG_RSA_SHA256))
        records.add("pysaml2 response post partial", self.post(self.response(partial)))


def main():
    records = Records()
    key, service = (rsa.generate_private_key(65537, 2048) for _ in range(2))
    records.add("key portal", public_pem(key).decode())
    records.add("key service", private_pem(service).decode())
    with tempfile.TemporaryDirectory() as at:
        path = {name: os.path.join(at, name) for name in ("key", "certificate", "service")}
        for name, data in (("key", private_pem(key)), ("service", public_pem(service))):
            with open(path[name], "wb") as out:
                out.write(data)
        openssl("req", "-new", "-x509", "-key", path["key"], "-subj", "/CN=portal", "-out", path["certificate"])
        Pysaml2(path["key"], path["certificate"]).add(records)
        made = subprocess.run(["php", os.path.join(HERE, "make_logout.php"), path["key"], path["service"]], check=True,
                              stdout=subprocess.PIPE, text=True).stdout
    for record in made.split("== ")[1:]:
        records.add(*record.split("\n", 1))
    records.write(sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "logout.txt"))


main()
