#!/usr/bin/python3
"""A CAS server for the demo and the tests: Debian's python3-django-cas-server, which this project did not write.

Makes its database in the state directory, allows the services given, and serves until it is told to stop.
Addresses: /cas/login, /cas/logout, /cas/validate, /cas/serviceValidate, /cas/p3/serviceValidate, /cas/samlValidate.
"""
import argparse
import os
import signal
import socket
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", required=True, help="directory for the database, empty or from an earlier run")
    parser.add_argument("--accounts", default=os.path.join(HERE, "accounts.json"))
    parser.add_argument("--service", action="append", required=True, metavar="REGEX",
                        help="a service that may ask for tickets; repeatable")
    parser.add_argument("--ticket-seconds", type=int, default=60, help="how long a ticket may wait to be validated")
    parser.add_argument("--ca", metavar="FILE", help="authority to trust when a service is told of a logout by https")
    return parser.parse_args()


def stay_here(args):
    """Who logs out is logged out of the services too, which are told by a POST. Names for tests are this machine: none
    is asked of the network, and no proxy is."""
    os.environ["no_proxy"] = "*"
    if args.ca:
        os.environ["REQUESTS_CA_BUNDLE"] = os.path.abspath(args.ca)
    look_up = socket.getaddrinfo

    def look_up_here(host, *rest, **named):
        ours = isinstance(host, str) and host.endswith((".test", ".example", ".localhost"))
        return look_up(args.address if ours else host, *rest, **named)

    socket.getaddrinfo = look_up_here


def start_django(args):
    os.environ["ATEN_CAS_STATE"] = os.path.abspath(args.state)
    os.environ["ATEN_CAS_ACCOUNTS"] = os.path.abspath(args.accounts)
    os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
    sys.dont_write_bytecode = True
    sys.path.insert(0, HERE)
    import django
    from django.conf import settings
    settings.CAS_TICKET_VALIDITY = args.ticket_seconds
    django.setup()


def tune_sqlite(sender, connection, **kwargs):
    # The data is worth nothing after the run; readers must not wait for the writer.
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=OFF")


def prepare_database(services):
    from django.core.management import call_command
    from django.db.backends.signals import connection_created
    from cas_server.models import ReplaceAttributName, ServicePattern
    connection_created.connect(tune_sqlite)
    call_command("migrate", run_syncdb=True, verbosity=0)
    ServicePattern.objects.all().delete()
    for number, regex in enumerate(services):
        pattern = ServicePattern.objects.create(pos=number, name="ENT %d" % (number + 1) if number else "ENT",
                                                pattern=regex, single_log_out=True)
        ReplaceAttributName.objects.create(name="*", service_pattern=pattern)


def make_server(address, port):
    from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
    from django.core.wsgi import get_wsgi_application

    class Handler(WSGIRequestHandler):
        def address_string(self):
            return self.client_address[0]  # no look-up of names

    # A thread for each connection, kept alive: django's own development server.
    ThreadedWSGIServer.request_queue_size = 128
    server = ThreadedWSGIServer((address, port), Handler)
    server.set_app(get_wsgi_application())
    return server


def main():
    args = parse_arguments()
    os.makedirs(args.state, exist_ok=True)
    stay_here(args)
    start_django(args)
    prepare_database(args.service)
    try:
        server = make_server(args.address, args.port)
    except OSError as error:
        sys.exit("CAS server: cannot listen on %s:%d: %s" % (args.address, args.port, error.strerror))
    # shutdown() waits for serve_forever() to end, and so must not be called from its own thread.
    stop = lambda *ignored: threading.Thread(target=server.shutdown).start()
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    server.serve_forever(poll_interval=0.1)


if __name__ == "__main__":
    main()
