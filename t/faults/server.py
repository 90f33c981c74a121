#!/usr/bin/python3
"""A CAS server on 127.0.0.1 that misbehaves on demand. See README; scenarios.py has the table of what it can do."""

import argparse
import copy
import http.server
import json
import os
import re
import select
import shutil
import signal
import socket
import ssl
import struct
import sys
import tempfile
import threading
import time
import uuid
from urllib.parse import parse_qsl, quote, urlsplit

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import certificates  # noqa: E402 (the path is set above)
from replies import HOLD, RESET, Reply, http as http_bytes, ok, status  # noqa: E402
from scenarios import SCENARIOS  # noqa: E402

HOLD_SECONDS = 120
PERSON = {"user": "fautes", "attributes": {"ENTPersonProfils": ["National_2"], "sn": ["Zvaleurmarquee"],
                                           "givenName": ["Camille"]}}


class Journal:
    """Events, one JSON object a line, in a file and in memory."""

    def __init__(self, path):
        self.file = open(path, "w", encoding="utf-8")
        self.events = []
        self.lock = threading.Lock()

    def write(self, event, **fields):
        """@return the number of the event"""
        with self.lock:
            entry = {"n": len(self.events), "time": round(time.time(), 3), "event": event, **fields}
            self.events.append(entry)
            self.file.write(json.dumps(entry) + "\n")
            self.file.flush()
            return entry["n"]

    def since(self, number):
        with self.lock:
            return self.events[number:]


class World:
    """What the threads share."""

    def __init__(self, journal):
        self.journal = journal
        self.ports = {}
        self.lock = threading.Lock()
        self.person = copy.deepcopy(PERSON)
        self.tickets = {}          # ticket: (service, person)
        self.slow_seconds = 30.0
        self.holding = 0
        self.released = threading.Event()

    def new_ticket(self, service):
        ticket = "ST-%s" % uuid.uuid4().hex
        with self.lock:
            self.tickets[ticket] = (service, copy.deepcopy(self.person))
        return ticket

    def spend(self, ticket, service):
        """@return (error code or None, person)"""
        with self.lock:
            if not ticket or not service:
                return "INVALID_REQUEST", None
            known = self.tickets.pop(ticket, None)
        if not known:
            return "INVALID_TICKET", None
        if known[0] != service:
            return "INVALID_SERVICE", None
        return None, known[1]

    def release(self):
        """Let everybody go who holds now; who comes later holds again."""
        with self.lock:
            self.released.set()
            self.released = threading.Event()

    def count_holding(self, change):
        with self.lock:
            self.holding += change
            return self.released


class Call:
    """One request to a scenario, as scenarios.py sees it."""

    def __init__(self, world, listener, scenario, endpoint, target, body):
        self.world = world
        self.listener = listener
        self.scenario = scenario
        self.endpoint = endpoint
        self.target = target
        self.body = body
        self.parameters = parse_qsl(urlsplit(target).query, keep_blank_values=True)
        self.person = world.person
        self.ports = world.ports
        self.slow_seconds = world.slow_seconds
        self.trap = "http://127.0.0.1:%d" % world.ports["trap"]

    def parameter(self, name):
        return next((value for key, value in self.parameters if key == name), None)

    def in_body(self, pattern):
        found = re.search(pattern, self.body)
        return found.group(1) if found else None

    def ticket(self):
        return self.parameter("ticket") or self.in_body(r"AssertionArtifact>\s*([^<\s]+)\s*<") or ""

    def request_id(self):
        return self.in_body(r"""RequestID=["']([^"']*)["']""") or ""

    def ticket_error(self):
        """Spend the ticket. @return a CAS error code, or None and self.person is who owned it"""
        error, person = self.world.spend(self.ticket(), self.parameter("service") or self.parameter("TARGET"))
        self.person = person or self.person
        return error

    def own_url(self):
        return "http://127.0.0.1:%d%s" % (self.world.ports["http"], self.target)

    def service_with(self, tail):
        service = self.parameter("service") or ""
        if not tail:
            return service
        return service + ("&" if "?" in service else "?") + tail

    def redirect(self, location):
        return Reply([http_bytes("", status="302 Found", headers=("Location: " + location,))], keep=True)

    def login(self):
        service = self.parameter("service")
        if not service:
            return status("400 Bad Request", "no service")
        if self.scenario.login:
            return self.scenario.login(self)
        return self.redirect(self.service_with("ticket=" + quote(self.world.new_ticket(service), safe="")))

    def answer(self):
        if self.endpoint == "login":
            return self.login()
        if self.endpoint == "logout":
            return ok("logged out", "text/plain")
        return self.scenario.validate(self)


class Control:
    """/_control/...: how a test asks and steers."""

    def __init__(self, world):
        self.world = world

    def answer(self, action, query, body):
        call = getattr(self, "do_" + action, None)
        return call(dict(parse_qsl(query)), body) if call else status("404 Not Found", "no such control call")

    @staticmethod
    def json(value):
        return ok(json.dumps(value), "application/json")

    def do_person(self, _query, body):
        """POST {"user":..., "attributes":{name:[value,...]}}: who logs in from now on; an empty body: the first one."""
        self.world.person = json.loads(body) if body else copy.deepcopy(PERSON)
        return self.json(self.world.person)

    def do_log(self, query, _body):
        return self.json(self.world.journal.since(int(query.get("since", "0"))))

    def do_count(self, _query, _body):
        return self.json(len(self.world.journal.events))

    def do_slow(self, query, _body):
        self.world.slow_seconds = float(query["wait"])
        return self.json(self.world.slow_seconds)

    def do_holding(self, _query, _body):
        return self.json(self.world.holding)

    def do_release(self, _query, _body):
        self.world.release()
        return self.json(self.world.holding)


class PeerClosed(Exception):
    pass


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = HOLD_SECONDS

    def log_message(self, *_args):
        """The journal says it all."""

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode("utf-8", "replace")
        path, _, query = self.path.partition("?")
        scenario, _, endpoint = path.lstrip("/").partition("/")
        world = self.server.world
        if scenario == "_control" and self.server.listener == "http":
            return self.play(Control(world).answer(endpoint, query, body), None)
        number = world.journal.write(
            "request", listener=self.server.listener, scenario=scenario, endpoint=endpoint, method=self.command,
            target=self.path, query=query, parameters=parse_qsl(query, keep_blank_values=True),
            headers=self.headers.items(), body=body)
        if scenario not in SCENARIOS:
            return self.play(status("404 Not Found", "no such scenario"), number)
        call = Call(world, self.server.listener, SCENARIOS[scenario], endpoint, self.path, body)
        return self.play(call.answer(), number)

    do_GET = do_POST = do_HEAD = do_PUT = do_OPTIONS = handle_any

    def play(self, reply, number):
        """Do the steps of a reply and note how it ended. number None: a control call, not noted."""
        began, sent, closed = time.monotonic(), 0, False
        try:
            for step in reply.steps:
                if step is RESET:
                    self.reset()
                    break
                if step is HOLD:
                    self.hold()
                elif isinstance(step, bytes):
                    self.wfile.write(step)
                    sent += len(step)
                else:
                    self.wait(step)
        except (OSError, PeerClosed):
            closed = True
        self.close_connection = closed or not reply.keep
        if number is not None:
            self.server.world.journal.write("done", request=number, sent=sent, peer_closed=closed,
                                            seconds=round(time.monotonic() - began, 3))

    def reset(self):
        """Close by RST. Behind the back of socketserver, whose shutdown() would send a FIN before it."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())

    def wait(self, seconds):
        """Wait, and notice that the other side has gone."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.notice_close(min(left, 0.5))

    def notice_close(self, seconds):
        if isinstance(self.connection, ssl.SSLSocket):  # has no MSG_PEEK
            time.sleep(seconds)
            return
        if not select.select([self.connection], [], [], seconds)[0]:
            return
        if self.connection.recv(1, socket.MSG_PEEK) == b"":
            raise PeerClosed
        time.sleep(seconds)

    def hold(self):
        world = self.server.world
        released = world.count_holding(1)
        try:
            end = time.monotonic() + HOLD_SECONDS
            while not released.is_set() and time.monotonic() < end:
                self.notice_close(0.05)
        finally:
            world.count_holding(-1)


class Listener(http.server.ThreadingHTTPServer):
    """One port. Connections to the trap and TLS ones are noted even when no request comes."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, name, world, port=0, context=None):
        self.listener = name
        self.world = world
        self.context = context
        super().__init__(("127.0.0.1", port), Handler)
        world.ports[name] = self.server_port

    def finish_request(self, request, client_address):
        if self.listener != "http":
            self.world.journal.write("connect", listener=self.listener)
        if not self.context:
            return super().finish_request(request, client_address)
        request.settimeout(HOLD_SECONDS)
        try:
            secured = self.context.wrap_socket(request, server_side=True)
        except OSError as error:  # ssl.SSLError is one
            self.world.journal.write("tls-failed", listener=self.listener, error=str(error))
            return None
        try:
            super().finish_request(secured, client_address)
            secured.unwrap()
        except OSError:
            return None
        finally:
            secured.close()

    def handle_error(self, request, client_address):
        """A client that goes away in the middle of a request is no error here; anything else is."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def server_socket(backlog=None):
    made = socket.socket()
    made.bind(("127.0.0.1", 0))
    if backlog is not None:
        made.listen(backlog)
    return made


def odd_ports(world):
    """Ports that are no HTTP server. @return the sockets, to be kept"""
    closed = server_socket()           # bound, never listens: connection refused, and nobody else gets the port
    silent = server_socket(256)        # the kernel accepts, nobody ever answers
    full = server_socket(0)            # a full queue: connecting takes for ever
    kept = [closed, silent, full]
    for name, made in zip(("closed", "silent", "full"), kept):
        world.ports[name] = made.getsockname()[1]
    for _ in range(4):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(full.getsockname())
        kept.append(filler)
    return kept


def tls_context(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def listeners(world, port, directory):
    """Start them all. @return the file of the test's CA, or None without TLS"""
    made = [Listener("http", world, port), Listener("trap", world)]
    authority = None
    if directory:
        pairs, authority = certificates.make(directory)
        made += [Listener(name, world, context=tls_context(*pair)) for name, pair in pairs.items()]
    for listener in made:
        threading.Thread(target=listener.serve_forever, args=(0.5,), daemon=True).start()
    return authority


def options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="of the plain listener; 0: any")
    parser.add_argument("--log", help="the journal; by default in a directory that goes at the end")
    parser.add_argument("--no-tls", action="store_true", help="no certificates, no TLS listeners")
    parser.add_argument("--max-seconds", type=float, default=900)
    parser.add_argument("--list", action="store_true", help="print the scenarios as JSON and stop")
    return parser.parse_args()


def run(chosen, directory, stop):
    log = chosen.log or os.path.join(directory, "journal.jsonl")
    world = World(Journal(log))
    kept = odd_ports(world)
    authority = listeners(world, chosen.port, None if chosen.no_tls else directory)
    print(json.dumps({"pid": os.getpid(), "ports": world.ports, "ca": authority, "log": log}), flush=True)
    stop.wait(chosen.max_seconds)
    for made in kept:
        made.close()


def main():
    chosen = options()
    if chosen.list:
        print(json.dumps({name: scenario.text for name, scenario in SCENARIOS.items()}, indent=1))
        return
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    directory = tempfile.mkdtemp(prefix="faults-")
    try:
        run(chosen, directory, stop)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
