"""The portals as a WSGI application: what each address does."""
import os
import sys
import urllib.parse

import leave
import pages
from accounts import birth_iso, email_is, password_faults
from idp import Demand, Refused
from visits import Visit, Visits

HERE = os.path.dirname(os.path.abspath(__file__))
BODY_MAX = 64 * 1024
# Where the answer's form goes is another site, which may send the browser further: no form-action on that page.
CSP = "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
HEADERS = [
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "strict-origin"),
]
STATIC = {"/guichet.css": "text/css; charset=utf-8", "/guichet.js": "text/javascript; charset=utf-8"}
WORDS = {400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 200: "OK", 303: "See Other",
         500: "Internal Server Error", 502: "Bad Gateway"}


class Answer:
    def __init__(self, body="", status=200, location=None, kind="text/html; charset=utf-8", form_action="'self'"):
        self.body = body if isinstance(body, bytes) else body.encode("utf-8")
        self.status = status
        self.headers = [("Content-Type", kind), ("Content-Length", str(len(self.body)))] + HEADERS
        self.headers.append(("Content-Security-Policy", CSP + ("; form-action " + form_action if form_action else "")))
        if location:
            self.headers.append(("Location", location))


class Request:
    """One request to a portal: its fields, and the visit that its cookie names."""

    def __init__(self, environ, guichet):
        self.method = environ["REQUEST_METHOD"]
        self.query = environ.get("QUERY_STRING", "")
        self.guichet = guichet
        self.fields = dict(urllib.parse.parse_qsl(self.query, keep_blank_values=True, max_num_fields=50))
        if self.method == "POST":
            self.fields.update(read_form(environ))
        # By hand: Python's parser stops at the first odd cookie, and every port of this host shares its cookies.
        pairs = (pair.strip().partition("=") for pair in environ.get("HTTP_COOKIE", "").split(";"))
        cookies = {name: value for name, _, value in pairs}
        self.sent_visit = guichet.visits.find(cookies.get("guichet-" + guichet.name))
        self.visit = self.sent_visit or guichet.visits.keep(Visit())

    def field(self, name):
        return self.fields.get(name, "")

    @property
    def demand_name(self):
        """The demand that this page belongs to, if it is this visit's."""
        name = self.field("demande")
        return name if self.visit.demand(name) else None


def read_form(environ):
    if not environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        return {}
    length = environ.get("CONTENT_LENGTH", "")
    if not length.isdigit() or int(length) > BODY_MAX:
        raise Refused("Le formulaire est trop long.")
    body = environ["wsgi.input"].read(int(length)).decode("utf-8", "replace")
    return dict(urllib.parse.parse_qsl(body, keep_blank_values=True, max_num_fields=50))


class Guichet:
    """One portal: its SAML entity, accounts, visits and pages."""

    def __init__(self, name, portal, accounts):
        self.name = name
        self.portal = portal
        self.accounts = accounts
        self.look = pages.LOOKS[name]
        self.visits = Visits()
        self.places = {
            ("GET", ""): self.home,
            ("GET", "saml/metadata"): self.metadata,
            ("GET", "saml/sso"): self.sso,
            ("GET", "saml/slo"): self.slo,
            ("GET", "connexion"): self.login_page,
            ("POST", "connexion"): self.login,
            ("GET", "premiere-connexion"): self.first_login_page,
            ("POST", "premiere-connexion"): self.first_login,
            ("GET", "mot-de-passe-perdu"): self.lost_page,
            ("POST", "mot-de-passe-perdu"): self.lost,
            ("GET", "nouveau-mot-de-passe"): self.new_password_page,
            ("POST", "nouveau-mot-de-passe"): self.new_password,
            ("GET", "suite"): self.onward,
            ("POST", "service"): self.service,
            ("GET", "deconnexion"): self.logged_out,
            ("POST", "deconnexion"): self.logout,
        }

    def __call__(self, environ, place):
        method = "GET" if environ["REQUEST_METHOD"] == "HEAD" else environ["REQUEST_METHOD"]
        handler = self.places.get((method, place))
        if handler is None:
            known = any(name == place for _, name in self.places)
            return Answer(pages.plain("Page inconnue", ["Cette page n’existe pas."], self.look), 405 if known else 404)
        request = Request(environ, self)
        # A form is taken from this browser's own page alone.
        if method == "POST" and (not request.sent_visit or request.field("jeton") != request.visit.token):
            answer = Answer(pages.plain("Page périmée", [
                "Cette page est trop ancienne, ou votre navigateur refuse les cookies. Recommencez."], self.look), 403)
        else:
            answer = handler(request)
        if not request.sent_visit or request.visit is not request.sent_visit:
            answer.headers.append(("Set-Cookie", "guichet-%s=%s; Path=/%s/; HttpOnly; SameSite=Lax" % (
                self.name, request.visit.id, self.name)))
        return answer

    def log(self, what, login=""):
        print("%s: %s %s" % (self.name, what, repr(login) if login else ""), file=sys.stderr, flush=True)

    def account(self, request):
        return self.accounts.find(self.name, request.visit.login) if request.visit.login else None

    def go(self, place, demand=None):
        return Answer(status=303, location="/%s/%s%s" % (self.name, place, "?demande=" + demand if demand else ""))

    def go_on(self, request):
        return self.go("suite", request.demand_name) if request.demand_name else self.go("")

    # --- from a service ---

    def metadata(self, request):
        return Answer(str(self.portal.descriptor()), kind="application/samlmetadata+xml")

    def sso(self, request):
        demand = self.portal.read_request(request.query)
        name = request.visit.add_demand(demand)
        if not demand.context_fits():
            return self.send(request, name, self.portal.no_context(demand))
        if self.account(request) and not demand.force:
            return self.go("suite", name)
        if demand.passive:
            return self.send(request, name, self.portal.no_passive(demand))
        return self.go("connexion", name)

    def onward(self, request):
        demand = request.visit.demand(request.field("demande"))
        account = self.account(request)
        if demand is None:
            return Answer(pages.plain("Demande finie", [
                "Cette demande a déjà reçu sa réponse, ou elle est trop ancienne. Retournez au service."], self.look))
        if account is None or demand.force and request.visit.authenticated_at < demand.made:
            return self.go("connexion", request.field("demande"))
        message = self.portal.answer(demand, account, request.visit)
        self.log("answer to %s for" % demand.service, account.login)
        return self.send(request, request.field("demande"), message)

    def send(self, request, name, message):
        demand = request.visit.demands.pop(name)
        return Answer(pages.onward(self.look, demand.address, message, demand.relay_state), form_action=None)

    # --- logging in ---

    def service_of(self, request):
        demand = request.visit.demand(request.field("demande"))
        return urllib.parse.urlsplit(demand.address).netloc if demand else None

    def show_login(self, request, faults=()):
        return Answer(pages.login(self.look, request.visit, request.demand_name, self.service_of(request), faults,
                                  request.field("identifiant")))

    def login_page(self, request):
        return self.show_login(request)

    def login(self, request):
        account, verdict = self.accounts.check(self.name, request.field("identifiant"), request.field("motdepasse"))
        self.log("login %s" % verdict, account.login if account else "")
        if verdict == "locked":
            return self.locked(request)
        if verdict == "wrong":
            return self.show_login(request, ["L’identifiant ou le mot de passe est faux."])
        if account.provisional:
            request.visit.first_login = account.login
            return self.go("premiere-connexion", request.demand_name)
        return self.logged_in(request, account)

    def logged_in(self, request, account):
        request.visit = self.visits.log_in(request.visit, account.login)
        return self.go_on(request)

    def locked(self, request):
        return Answer(pages.locked(self.look, self.accounts.lock_seconds, request.demand_name), 403)

    def first_login_page(self, request, faults=()):
        account = self.accounts.find(self.name, request.visit.first_login or "")
        if account is None or not account.provisional:
            return self.go("connexion", request.demand_name)
        return Answer(pages.first_login(self.look, request.visit, request.demand_name, account, faults,
                                        request.field("courriel")))

    def first_login(self, request):
        account = self.accounts.find(self.name, request.visit.first_login or "")
        if account is None or not account.provisional:
            return self.go("connexion", request.demand_name)
        if self.accounts.locked(account):
            return self.locked(request)
        email = request.field("courriel").strip()
        without = account.kind == "pupil" and request.field("sans-courriel") == "oui" and not email
        faults = password_faults(account, request.field("nouveau"), request.field("encore"))
        if not without and not email_is(email):
            faults.append("Donnez une adresse de messagerie, par exemple nom@fournisseur.fr.")
        birth = birth_iso(request.field("naissance"))
        if not birth:
            faults.append("Donnez la date de naissance.")
        elif birth not in account.births:
            # Counted like a wrong password: a date can be guessed.
            _, verdict = self.accounts.failed(self.name, account)
            self.log("wrong date of birth", account.login)
            if verdict == "locked":
                return self.locked(request)
            faults.append("La date de naissance n’est pas celle que connaît l’établissement.")
        if faults:
            return self.first_login_page(request, faults)
        self.accounts.activate(self.name, account, request.field("nouveau"), email)
        self.log("account activated", account.login)
        return self.logged_in(request, account)

    # --- a lost password ---

    def lost_page(self, request, faults=()):
        return Answer(pages.lost(self.look, request.visit, request.demand_name, faults, request.field("identifiant")))

    def lost(self, request):
        account = self.accounts.find(self.name, request.field("identifiant"))
        email = request.field("courriel").strip()
        if account and account.kind == "pupil" and not account.email:
            return Answer(pages.no_email(self.look, request.demand_name))
        if not email_is(email):
            return self.lost_page(request, ["Donnez l’adresse de messagerie de votre compte."])
        mail = None
        # Who has not done the first login has proved nothing yet: no way around it by mail.
        if account and not account.provisional and account.email.lower() == email.lower():
            seconds = self.accounts.link_seconds
            mail = {"to": account.email, "name": account.name, "login": account.login,
                    "minutes": "%d minutes" % (seconds // 60) if seconds >= 120 else "%d secondes" % seconds,
                    "secret": self.accounts.make_link(self.name, account.login)}
            self.log("mail for a lost password", account.login)
        return Answer(pages.sent(self.look, request.demand_name, mail))

    def new_password_page(self, request, faults=()):
        account = self.accounts.link_account(self.name, request.field("lien"))
        if account is None:
            return Answer(pages.bad_link(self.look, request.demand_name), 403)
        return Answer(pages.new_password(self.look, request.visit, request.demand_name, account, request.field("lien"),
                                         faults))

    def new_password(self, request):
        account = self.accounts.link_account(self.name, request.field("lien"))
        faults = account and password_faults(account, request.field("nouveau"), request.field("encore"))
        if account is None or faults:
            return self.new_password_page(request, faults)
        account = self.accounts.use_link(self.name, request.field("lien"), request.field("nouveau"))
        if account is None:
            return Answer(pages.bad_link(self.look, request.demand_name), 403)
        # Whoever was logged in by the old password is so no longer.
        self.visits.end_all_of(account.login)
        self.log("new password", account.login)
        return Answer(pages.password_changed(self.look, request.demand_name))

    # --- the portal's own pages ---

    def home(self, request):
        account = self.account(request)
        if account is None:
            return self.go("connexion")
        try:
            services = self.portal.service_names()
        except Refused:
            services = []
        # The button that ends the session leads through the services, and browsers hold form-action against redirects.
        return Answer(pages.home(self.look, request.visit, account, services), form_action=None)

    def service(self, request):
        """To a service that did not ask: many people begin at the portal."""
        account = self.account(request)
        addresses = self.portal.known(request.field("service"))
        if account is None or not addresses:
            return self.go("")
        name = request.visit.add_demand(Demand(None, request.field("service"), addresses[0], ""))
        return self.go("suite", name)

    # --- the end of a session ---

    def end(self, request, visits):
        """The browser's own visit goes on as one of nobody."""
        for visit in visits:
            self.log("logout", visit.login or "")
            self.visits.end(visit)
            if visit is request.visit:
                request.visit = self.visits.keep(Visit())

    def slo(self, request):
        if "SAMLResponse" in request.fields:
            return self.service_left(request)
        if "SAMLRequest" not in request.fields:
            raise Refused("La demande n’a pas la forme attendue.")
        departure = leave.read_request(self.portal, request.query)
        ended = self.visits.named(departure.service, departure.name, departure.indexes)
        self.end(request, ended)
        whole = all(set(visit.names) == {departure.service} for visit in ended)
        self.log("logout for %s, sessions: %d" % (departure.service, len(ended)))
        return Answer(status=303, location=leave.answer(self.portal, departure, whole))

    def logout(self, request):
        leaving = leave.Leaving(request.visit)
        self.end(request, [request.visit])
        request.visit.leaving = leaving
        return self.go_round(request, leaving)

    def go_round(self, request, leaving):
        """To the next service, or to the end."""
        address = leave.next_request(self.portal, leaving)
        return Answer(status=303, location=address) if address else self.go("deconnexion")

    def service_left(self, request):
        leaving = request.visit.leaving
        if leaving is None or leaving.asked is None:
            raise Refused("Aucune déconnexion n’attend cette réponse.")
        leaving.over_at(leaving.asked[0], leave.read_response(self.portal, request.query, leaving))
        return self.go_round(request, leaving)

    def logged_out(self, request):
        leaving = request.visit.leaving
        return Answer(pages.logged_out(self.look, leaving.ended, leaving.failed)) if leaving else self.go("")


class App:
    def __init__(self, guichets):
        self.guichets = {guichet.name: guichet for guichet in guichets}

    def __call__(self, environ, start_response):
        try:
            answer = self.route(environ)
        except Refused as refused:
            print("refused: %r" % str(refused), file=sys.stderr, flush=True)
            answer = Answer(pages.plain("Demande refusée", [refused]), 400)
        start_response("%d %s" % (answer.status, WORDS[answer.status]), answer.headers)
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else answer.body]

    def route(self, environ):
        path = environ.get("PATH_INFO", "/")
        if path == "/":
            return Answer(pages.index(self.guichets))
        if path in STATIC:
            with open(os.path.join(HERE, "static", path[1:]), "rb") as file:
                return Answer(file.read(), kind=STATIC[path])
        name, slash, place = path[1:].partition("/")
        if name not in self.guichets:
            return Answer(pages.plain("Page inconnue", ["Cette page n’existe pas."]), 404)
        if not slash:
            return Answer(status=303, location="/%s/" % name)
        return self.guichets[name](environ, place)
