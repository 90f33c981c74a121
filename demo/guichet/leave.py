"""Single logout by HTTP-Redirect (saml-profiles 4.4): a portal's session and those of its services end together.

From a service: its LogoutRequest ends the portal's session. From the portal's own page: each service of the session is
asked in turn.
"""
import calendar
import secrets
import time

from saml2 import BINDING_HTTP_REDIRECT, samlp
from saml2.s_utils import error_status_factory
from saml2.time_util import in_a_while, str_to_time
from saml2.xmldsig import SIG_RSA_SHA256

from idp import Refused, fields_of

REQUEST_SECONDS = 300


class Leaving:
    """The logout of a session on its way through its services."""

    def __init__(self, visit):
        self.session_index = visit.session_index
        self.todo = sorted(visit.names.items())
        self.asked = None  # (service, ID of the request)
        self.ended = []
        self.failed = []

    def over_at(self, service, ended):
        self.asked = None
        (self.ended if ended else self.failed).append(service)


class Departure:
    """A service's LogoutRequest: whom it is about, and what the answer needs."""

    def __init__(self, message, service, relay_state):
        self.message = message
        self.service = service
        self.relay_state = relay_state
        self.name = message.name_id.text
        self.indexes = [index.text for index in message.session_index]


def read_request(portal, query):
    """A LogoutRequest. query: the raw query string. Returns a Departure, or raises Refused."""
    fields = fields_of(query)
    with portal.lock:
        message, service = parse(portal, lambda: portal.engine.parse_logout_request(
            fields["SAMLRequest"], BINDING_HTTP_REDIRECT).message)
        judge(portal, message, service, query, "SAMLRequest")
    name = message.name_id
    if name is None or name.sp_name_qualifier != service or name.name_qualifier != portal.entity_id:
        raise Refused("La demande de déconnexion ne nomme personne d’ici.")
    if message.not_on_or_after and calendar.timegm(str_to_time(message.not_on_or_after)) <= time.time():
        raise Refused("La demande de déconnexion est trop ancienne.")
    return Departure(message, service, fields.get("RelayState", ""))


def read_response(portal, query, leaving):
    """A service's answer to the request that it was asked by: did it end the person's session? Raises Refused."""
    fields = fields_of(query)
    with portal.lock:
        # Not by pysaml2's own reader of answers: it stops at a status that is no success, before anything is verified.
        message, service = parse(portal, lambda: samlp.logout_response_from_string(
            portal.engine.unravel(fields["SAMLResponse"], BINDING_HTTP_REDIRECT)))
        judge(portal, message, service, query, "SAMLResponse")
    if message.version != "2.0" or (service, message.in_response_to) != leaving.asked:
        raise Refused("Cette réponse n’est pas celle qui est attendue.")
    code = message.status.status_code
    return code.value == samlp.STATUS_SUCCESS and code.status_code is None


def parse(portal, read):
    if portal.engine is None:
        portal.load()
    try:
        message = read()
        return message, message.issuer.text.strip()
    except Exception as error:
        raise Refused("Le message ne peut pas être lu (%s)." % type(error).__name__) from error


def judge(portal, message, service, query, parameter):
    if message.destination != portal.base + "/saml/slo":
        raise Refused("Le message n’est pas adressé à ce guichet.")

    def signed():
        if not portal.known(service):
            raise Refused("Le service %s n’est pas connu ici." % service)
        portal.check_signature(service, query, parameter, True)
    portal.again_with_new_metadata(signed)


def address_of(portal, service):
    """(address for requests, address for answers) of a service's single logout by HTTP-Redirect, or (None, None)."""
    try:
        found = portal.engine.metadata.single_logout_service(service, BINDING_HTTP_REDIRECT, "spsso")[0]
        return found["location"], found.get("response_location") or found["location"]
    except Exception:
        return None, None


def send(portal, message, address, relay_state, response):
    arguments = portal.engine.apply_binding(BINDING_HTTP_REDIRECT, str(message), address, relay_state,
                                            response=response, sign=True, sigalg=SIG_RSA_SHA256)
    return dict(arguments["headers"])["Location"]


def answer(portal, departure, whole):
    """The address that takes the answer to a service. whole: nobody else is left in the session."""
    _, address = address_of(portal, departure.service)
    if address is None:
        raise Refused("Le service %s n’a pas d’adresse pour la déconnexion." % departure.service)
    status = None
    if not whole:
        status = error_status_factory((samlp.STATUS_PARTIAL_LOGOUT, "Other services of the session were not asked."))
    with portal.lock:
        message = portal.engine.create_logout_response(departure.message, [BINDING_HTTP_REDIRECT], status, sign=False)
        message.destination = address
        return send(portal, message, address, departure.relay_state, True)


def next_request(portal, leaving):
    """The address that asks the next service; None when all were asked."""
    while leaving.todo:
        service, name = leaving.todo.pop(0)
        address, _ = address_of(portal, service)
        if address is None:
            leaving.over_at(service, False)
            continue
        with portal.lock:
            identifier, message = portal.engine.create_logout_request(
                address, service, name_id=portal.name_id(service, name), session_indexes=[leaving.session_index],
                expire=in_a_while(seconds=REQUEST_SECONDS), sign=False)
            leaving.asked = (service, identifier)
            return send(portal, message, address, secrets.token_urlsafe(12), False)
    return None
