"""The certificates of the TLS listeners, made at start by the openssl command in a directory of their own."""

import os
import subprocess

NAMES = "subjectAltName=DNS:localhost,IP:127.0.0.1"
SERVER = "extendedKeyUsage=serverAuth"
# Wide enough for tests that run under another clock.
LONG_AGO, FAR_AWAY = "20100101000000Z", "20491231235959Z"

CA_NAME = "faults test CA"

# name: (issuer or None for itself, subject's common name, extensions, first second, last second)
LEAVES = {
    "tls-good": ("ca", "localhost", (NAMES, SERVER), LONG_AGO, FAR_AWAY),
    "tls-wrong-name": ("ca", "localhost", ("subjectAltName=DNS:cas.example", SERVER), LONG_AGO, FAR_AWAY),
    "tls-expired": ("ca", "localhost", (NAMES, SERVER), LONG_AGO, "20110101000000Z"),
    "tls-future": ("ca", "localhost", (NAMES, SERVER), "20480101000000Z", FAR_AWAY),
    "tls-other-ca": ("impostor", "localhost", (NAMES, SERVER), LONG_AGO, FAR_AWAY),
    "tls-self-signed": (None, "localhost", (NAMES, SERVER), LONG_AGO, FAR_AWAY),
    "tls-client-only": ("ca", "localhost", (NAMES, "extendedKeyUsage=clientAuth"), LONG_AGO, FAR_AWAY),
}

CA_CONFIG = """[ca]
default_ca = d
[d]
dir = {dir}
database = {dir}/index-{ca}
new_certs_dir = {dir}
rand_serial = yes
default_md = sha256
policy = p
unique_subject = no
certificate = {dir}/{ca}.pem
private_key = {dir}/key.pem
[p]
commonName = supplied
"""
CA_EXTENSIONS = ("basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign",
                 "subjectKeyIdentifier=hash")


def openssl(*arguments):
    subprocess.run(("openssl",) + arguments, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.PIPE)


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


class Workshop:
    """Makes certificates in a directory."""

    def __init__(self, directory):
        self.directory = directory
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", self.path("key.pem"))
        os.chmod(self.path("key.pem"), 0o600)

    def path(self, name):
        return os.path.join(self.directory, name)

    def request(self, name, subject):
        openssl("req", "-new", "-key", self.path("key.pem"), "-subj", "/CN=" + subject, "-out",
                self.path(name + ".csr"))

    def sign(self, name, issuer, extensions, first, last):
        """issuer None: by itself."""
        config = self.path("config-" + (issuer or name))
        if not os.path.exists(config):
            write(config, CA_CONFIG.format(dir=self.directory, ca=issuer or name))
            write(self.path("index-" + (issuer or name)), "")
        write(self.path(name + ".ext"), "\n".join(extensions) + "\n")
        openssl("ca", "-batch", "-notext", "-config", config, *(() if issuer else ("-selfsign",)),
                "-startdate", first, "-enddate", last, "-extfile", self.path(name + ".ext"),
                "-in", self.path(name + ".csr"), "-out", self.path(name + ".pem"))

    def authority(self, name, subject):
        self.request(name, subject)
        self.sign(name, None, CA_EXTENSIONS, LONG_AGO, FAR_AWAY)


def leaf(shop, name):
    issuer, subject, extensions, first, last = LEAVES[name]
    shop.request(name, subject)
    shop.sign(name, issuer, extensions, first, last)
    return shop.path(name + ".pem"), shop.path("key.pem")


def impostor(directory):
    """A leaf of a CA that has the name of the test's CA and another key."""
    os.mkdir(directory)
    shop = Workshop(directory)
    shop.authority("impostor", CA_NAME)
    return leaf(shop, "tls-other-ca")


def make(directory):
    """@return {listener: (certificate, key)}, the file of the test's CA"""
    shop = Workshop(directory)
    shop.authority("ca", CA_NAME)
    made = {name: leaf(shop, name) for name in LEAVES if name != "tls-other-ca"}
    made["tls-other-ca"] = impostor(shop.path("impostor"))
    return made, shop.path("ca.pem")
