"""Visits: what a portal remembers of a browser, by its cookie. In memory: a restart logs everybody out.

A visit holds the portal's session (who is logged in, and by which name each service knows them), the demands that still
want an answer, the step between a provisional password and an account of one's own, and a logout that goes from service
to service.
"""
import collections
import secrets
import threading
import time

VISITS_MAX = 10000
DEMANDS_MAX = 20
DEMAND_SECONDS = 3600
IDLE_SECONDS = 3600


class Visit:
    def __init__(self):
        self.id = secrets.token_urlsafe(24)
        self.token = secrets.token_urlsafe(16)  # stands in every form: only this browser's pages have it
        self.login = None
        self.authenticated_at = 0.0
        self.session_index = None
        self.first_login = None  # gave a provisional password, and has no session yet
        self.demands = collections.OrderedDict()
        self.names = {}  # by service
        self.leaving = None
        self.seen = time.time()

    def name_for(self, service):
        """A transient name: another one in each session and for each service."""
        return self.names.setdefault(service, "_" + secrets.token_hex(20))

    def add_demand(self, demand):
        name = secrets.token_urlsafe(12)
        self.demands[name] = demand
        while len(self.demands) > DEMANDS_MAX:
            self.demands.popitem(last=False)
        return name

    def demand(self, name):
        demand = self.demands.get(name)
        return demand if demand and time.time() < demand.made + DEMAND_SECONDS else None


class Visits:
    """The visits of one portal."""

    def __init__(self):
        self.lock = threading.Lock()
        self.visits = collections.OrderedDict()

    def find(self, cookie):
        with self.lock:
            visit = self.visits.get(cookie)
            if visit is None or time.time() > visit.seen + IDLE_SECONDS:
                return None
            visit.seen = time.time()
            self.visits.move_to_end(cookie)
            return visit

    def keep(self, visit):
        with self.lock:
            self.visits[visit.id] = visit
            while len(self.visits) > VISITS_MAX:
                self.visits.popitem(last=False)
            return visit

    def log_in(self, before, login):
        """A session in a visit of a new id, so that nobody can have known it before. The demands come along."""
        visit = Visit()
        visit.demands = before.demands
        visit.login = login
        visit.authenticated_at = time.time()
        visit.session_index = "_" + secrets.token_hex(16)
        self.end(before)
        return self.keep(visit)

    def end(self, visit):
        with self.lock:
            self.visits.pop(visit.id, None)

    def named(self, service, name, indexes):
        """The visits that a service's logout is about; without indexes: all of that name."""
        with self.lock:
            return [visit for visit in self.visits.values() if visit.login and visit.names.get(service) == name
                    and (not indexes or visit.session_index in indexes)]

    def end_all_of(self, login):
        with self.lock:
            for key in [key for key, visit in self.visits.items() if visit.login == login]:
                del self.visits[key]
