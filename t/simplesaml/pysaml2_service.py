#!/usr/bin/python3
"""What pysaml2 makes of a service's metadata (standard input), as JSON."""
import json
import sys

from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.attribute_converter import ac_factory
from saml2.mdstore import InMemoryMetaData

metadata = InMemoryMetaData(ac_factory(), sys.stdin.read())
metadata.load()
(entity_id,) = metadata.keys()
role = metadata[entity_id]["spsso_descriptor"][0]


def addresses(service, binding):
    return [found["location"] for found in metadata.service(entity_id, "spsso_descriptor", service, binding) or []]


def certificates(use):
    return sorted("".join(certificate.split()) for certificate in metadata.certs(entity_id, "spsso", use))


print(json.dumps({
    "entityid": entity_id,
    "acs": addresses("assertion_consumer_service", BINDING_HTTP_POST),
    "logout": addresses("single_logout_service", BINDING_HTTP_REDIRECT)
    + addresses("single_logout_service", BINDING_HTTP_POST),
    "signing": certificates("signing"),
    "encryption": certificates("encryption"),
    "signs": role.get("authn_requests_signed"),
}))
