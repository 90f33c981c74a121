"""Accounts from a JSON file: {"name": {"password": "...", "attributes": {"sn": "...", "x": ["a", "b"]}}, ...}."""
import json

from cas_server.auth import AuthUser
from django.conf import settings


class JsonAuthUser(AuthUser):
    """The file is read at each call: a test may add an account, or change its attributes, while the server runs."""

    def _account(self):
        with open(settings.ACCOUNTS, encoding="utf-8") as accounts:
            return json.load(accounts).get(self.username)

    def test_password(self, password):
        account = self._account()
        return account is not None and password == account["password"]

    def attributs(self):
        account = self._account()
        return account["attributes"] if account else {}
