#!/usr/bin/python3
"""Two ATEN portals for the demo: « Guichet ATEN » for families and « Guichet des agents » for staff.

SAML 2.0 by Debian's python3-pysaml2 and xmlsec1, pages by Python's own library. Makes its keys, its database and the
metadata of both portals in the state directory, and then serves until it is told to stop.
Addresses: /familles/, /agents/, each with saml/sso and saml/metadata.
"""
import argparse
import os
import signal
import socketserver
import sys
import threading
import wsgiref.simple_server

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", required=True, help="directory for keys and database, empty or from an earlier run")
    parser.add_argument("--metadata", required=True, help="file to write, with the metadata of both portals")
    parser.add_argument("--service", required=True, metavar="URL|FILE",
                        help="metadata of the service, read when somebody first comes from there")
    parser.add_argument("--accounts", default=os.path.join(HERE, "accounts.json"))
    parser.add_argument("--lock-seconds", type=int, default=30, help="how long five wrong passwords lock an account")
    parser.add_argument("--link-seconds", type=int, default=600, help="how long the link in a mail is good")
    parser.add_argument("--signed-requests", action="store_true", help="take signed requests alone")
    return parser.parse_args()


class Server(socketserver.ThreadingMixIn, wsgiref.simple_server.WSGIServer):
    daemon_threads = True
    request_queue_size = 128


class Handler(wsgiref.simple_server.WSGIRequestHandler):
    timeout = 20

    def address_string(self):
        return self.client_address[0]  # no look-up of names

    def log_request(self, code="-", size="-"):
        # Without the query, which may hold the secret of a link.
        self.log_message("%s %s %s", self.command, self.path.split("?")[0], code)


def make_app(args):
    from accounts import Accounts
    from app import App, Guichet
    from idp import Portal, write_metadata
    accounts = Accounts(os.path.join(args.state, "accounts.sqlite"), args.lock_seconds, args.link_seconds)
    with open(args.accounts, encoding="utf-8") as file:
        accounts.fill(file.read())
    guichets = []
    for name in ("familles", "agents"):
        state = os.path.join(args.state, name)
        os.makedirs(state, mode=0o700, exist_ok=True)
        portal = Portal("http://%s:%d/%s" % (args.address, args.port, name), state, args.service, args.signed_requests)
        guichets.append(Guichet(name, portal, accounts))
    write_metadata([guichet.portal for guichet in guichets], args.metadata)
    return App(guichets)


def main():
    args = parse_arguments()
    os.makedirs(args.state, exist_ok=True)
    app = make_app(args)  # first: who can connect finds the metadata written
    try:
        server = Server((args.address, args.port), Handler)
    except OSError as error:
        sys.exit("guichet: cannot listen on %s:%d: %s" % (args.address, args.port, error.strerror))
    server.set_app(app)
    # shutdown() waits for serve_forever() to end, and so must not be called from its own thread.
    stop = lambda *ignored: threading.Thread(target=server.shutdown).start()
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    server.serve_forever(poll_interval=0.1)


if __name__ == "__main__":
    main()
