"""Accounts in SQLite: what the guide says of them, with hashed passwords, a first login, locks and one-use links.

Durations are judged when they are asked for, by the clock given: nothing runs in the background.
"""
import hashlib
import hmac
import json
import re
import secrets
import sqlite3
import threading
import time

FAILURES_MAX = 5

SCHEMA = """
CREATE TABLE IF NOT EXISTS account (
    portal TEXT, login TEXT, name TEXT, kind TEXT, password TEXT, provisional INTEGER, email TEXT, births TEXT,
    attributes TEXT, failures INTEGER DEFAULT 0, failed_at REAL DEFAULT 0, PRIMARY KEY (portal, login));
CREATE TABLE IF NOT EXISTS link (
    digest TEXT PRIMARY KEY, portal TEXT, login TEXT, made_at REAL);
"""


class Account:
    def __init__(self, row):
        self.login = row["login"]
        self.name = row["name"]
        self.kind = row["kind"]  # pupil, parent or staff
        self.password = row["password"]
        self.provisional = bool(row["provisional"])
        self.email = row["email"]
        self.births = json.loads(row["births"])
        self.attributes = json.loads(row["attributes"])
        self.failures = row["failures"]
        self.failed_at = row["failed_at"]


class Accounts:
    def __init__(self, path, lock_seconds=30, link_seconds=600, clock=time.time):
        self.lock_seconds = lock_seconds
        self.link_seconds = link_seconds
        self.clock = clock
        self.mutex = threading.RLock()
        self.db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self.db.row_factory = sqlite3.Row
        self.db.executescript(SCHEMA)
        # Somebody who does not exist takes as long as somebody who does.
        self.nobody = hash_password(secrets.token_hex(8))

    def fill(self, text):
        """The accounts of a JSON file; those that are there already stay as they are."""
        for portal, accounts in json.loads(text).items():
            for login, account in accounts.items():
                self.db.execute(
                    "INSERT OR IGNORE INTO account (portal, login, name, kind, password, provisional, email, births,"
                    " attributes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (portal, login, account["name"], account["kind"], hash_password(account["password"]),
                     account.get("provisional", False), account.get("email", ""), json.dumps(account.get("births", [])),
                     json.dumps(account["attributes"])))

    def ask(self, sql, *values):
        """One statement, by one thread at a time; the rows that it gives."""
        with self.mutex:
            return self.db.execute(sql, values).fetchall()

    def find(self, portal, login):
        rows = self.ask("SELECT * FROM account WHERE portal = ? AND login = ?", portal, tidy(login))
        return Account(rows[0]) if rows else None

    # --- passwords ---

    def locked(self, account):
        return account.failures >= FAILURES_MAX and self.clock() < account.failed_at + self.lock_seconds

    def check(self, portal, login, password):
        """Returns (account, "ok"), (None, "wrong") or (account, "locked"). One at a time, so that guesses made at the
        same moment are all counted."""
        with self.mutex:
            account = self.find(portal, login)
            if account is None:
                same_password(self.nobody, password)
                return None, "wrong"
            if self.locked(account):
                return account, "locked"
            if same_password(account.password, password):
                self.forgive(portal, account.login)
                return account, "ok"
            return self.failed(portal, account)

    def failed(self, portal, account):
        """Count a wrong answer: (account, "locked") when it was one too many."""
        with self.mutex:
            account = self.find(portal, account.login)
            failures = (account.failures if account.failures < FAILURES_MAX else 0) + 1
            self.ask("UPDATE account SET failures = ?, failed_at = ? WHERE portal = ? AND login = ?",
                     failures, self.clock(), portal, account.login)
            return (account, "locked") if failures >= FAILURES_MAX else (None, "wrong")

    def forgive(self, portal, login):
        self.ask("UPDATE account SET failures = 0 WHERE portal = ? AND login = ?", portal, login)

    def set_password(self, portal, login, password):
        self.ask("UPDATE account SET password = ?, provisional = 0, failures = 0 WHERE portal = ? AND login = ?",
                 hash_password(password), portal, login)

    def activate(self, portal, account, password, email):
        with self.mutex:
            self.set_password(portal, account.login, password)
            self.ask("UPDATE account SET email = ? WHERE portal = ? AND login = ?", email, portal, account.login)

    # --- links in a mail ---

    def make_link(self, portal, login):
        """A secret for one new password. An earlier one of the same account is void."""
        secret = secrets.token_urlsafe(24)
        with self.mutex:
            self.ask("DELETE FROM link WHERE portal = ? AND login = ?", portal, login)
            self.ask("INSERT INTO link VALUES (?, ?, ?, ?)", digest(secret), portal, login, self.clock())
        return secret

    def link_account(self, portal, secret):
        """Whose link it is, or None: unknown, used or too old."""
        rows = self.ask("SELECT login FROM link WHERE digest = ? AND portal = ? AND made_at > ?",
                        digest(secret), portal, self.clock() - self.link_seconds)
        return self.find(portal, rows[0]["login"]) if rows else None

    def use_link(self, portal, secret, password):
        with self.mutex:
            account = self.link_account(portal, secret)
            if account is None:
                return None
            self.ask("DELETE FROM link WHERE digest = ?", digest(secret))
            self.set_password(portal, account.login, password)
            return account


def tidy(login):
    return login.strip().lower()


def digest(secret):
    return hashlib.sha256(secret.encode()).hexdigest()


def scrypt(password, salt):
    return hashlib.scrypt(password.encode(), salt=salt, n=2 ** 14, r=8, p=1).hex()


def hash_password(password):
    salt = secrets.token_bytes(16)
    return "%s$%s" % (salt.hex(), scrypt(password, salt))


def same_password(hashed, password):
    salt, expected = hashed.split("$")
    return hmac.compare_digest(scrypt(password, bytes.fromhex(salt)), expected)


PASSWORD_RULES = (
    "au moins 8 caractères",
    "au moins une lettre et un chiffre",
    "ni votre identifiant, ni votre mot de passe actuel",
)


def password_faults(account, first, second):
    """What is wrong with a new password, as sentences."""
    faults = []
    if len(first) < 8 or len(first) > 200:
        faults.append("Le mot de passe doit avoir au moins 8 caractères.")
    if not re.search(r"[^\W\d_]", first) or not re.search(r"\d", first):
        faults.append("Le mot de passe doit avoir au moins une lettre et un chiffre.")
    if account.login in first.lower():
        faults.append("Le mot de passe ne doit pas contenir votre identifiant.")
    elif same_password(account.password, first):
        faults.append("Choisissez un autre mot de passe que l’actuel.")
    if first != second:
        faults.append("Les deux mots de passe ne sont pas les mêmes.")
    return faults


def email_is(text):
    return len(text) <= 200 and re.fullmatch(r"[^\s@<>\"']+@[^\s@<>\"']+\.[^\s@<>\"'.]+", text) is not None


def birth_iso(text):
    """A date as browsers send it (2011-05-12) or as people write it (12/05/2011), as the first."""
    match = re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})", text.strip())
    return "%s-%02d-%02d" % (match[3], int(match[2]), int(match[1])) if match else text.strip()
