#!/usr/bin/python3
"""Makes answers of portals, good and bad ones. See README."""

import argparse
import functools
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from cryptography import x509  # noqa: E402 (the path is set above)

import cases_encryption  # noqa: E402,F401 (registers its cases, like those below)
import cases_good  # noqa: E402,F401
import cases_identity  # noqa: E402,F401
import cases_logout  # noqa: E402
import cases_message  # noqa: E402,F401
import cases_signature  # noqa: E402,F401
import cases_transport  # noqa: E402,F401
import cases_wrapping  # noqa: E402,F401
import logout  # noqa: E402
import registry  # noqa: E402
from keys import Keyring, entity_id, slo, sso, write_metadata  # noqa: E402


class Forge:
    """What all cases share: the portals' keys, and the service's certificates to encrypt for."""

    def __init__(self, certificates):
        self.keys = Keyring()
        self.certificates = certificates

    @functools.cached_property
    def service(self):
        """The service's public keys. They may be made while we make ours: looked at when the first answer needs one."""
        keys = []
        for path in self.certificates:
            with open(path, "rb") as file:
                keys.append(x509.load_pem_x509_certificate(file.read()).public_key())
        return keys


def answer(forge, ask):
    """@return what is said, and bytes that follow it"""
    if ask["do"] == "list":
        return {"cases": [case.description() for case in registry.CASES.values()]}, b""
    if ask["do"] == "metadata":
        write_metadata(forge.keys, ask["file"], ask.get("logout"))
        return {"entities": {name: {"entity_id": entity_id(name), "sso": sso(name), **slo(name)}
                             for name in ("familles", "agents", "educonnect", "inconnu", "perime")}}, b""
    if ask["do"] == "make":
        return registry.make(forge, ask["case"], ask)
    if ask["do"] == "logout-list":
        return {"cases": [case.description() for case in cases_logout.CASES.values()]}, b""
    if ask["do"] == "logout":
        return cases_logout.make(forge, ask.get("case"), ask)
    if ask["do"] == "logout-read":
        if "fields" in ask:
            return logout.read_form(forge, ask["fields"]), b""
        return logout.read_query(forge, ask["query"]), b""
    raise ValueError(f"no such request: {ask['do']}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--service-certificate", action="append", default=[], metavar="FILE")
    forge = Forge(parser.parse_args().service_certificate)
    for line in sys.stdin:
        try:
            said, body = answer(forge, json.loads(line))
        except Exception as error:  # the test that asked has to know, whatever it is
            said, body = {"error": f"{type(error).__name__}: {error}"}, b""
        sys.stdout.buffer.write(json.dumps(said).encode() + b"\n" + body)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
