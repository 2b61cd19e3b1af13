"""SRP out of a store: by verifiers, and by passwords that are stored."""

from __future__ import annotations

import unittest
from typing import Any

import sasl_core as sasl
from sasl_core import _srp_math as math
from sasl_core import records
from sasl_core.backends import Account, Application
from sasl_core.backends.memory import MemoryStore

CHANNEL = sasl.Channel(True, host="mail.example.org")
POLICY = sasl.Policy(allow=["SRP"])


def account(username: str, scheme: str) -> Account:
    """Make an account with one record."""
    return Account(records.derive("wonderland", [scheme], username=username))


class SrpTest(unittest.TestCase):
    """A login, and those who do not exist."""

    def setUp(self) -> None:
        names = {"alice": "SRP", "bob": "PLAIN"}
        self.store = MemoryStore({name: account(name, names[name]) for name in names})
        self.application = Application(self.store)
        self.addCleanup(self.application.close)

    def attempt(self, name: str, password: str) -> tuple[bytes, Any]:
        """Return the salt that a client is shown, and how it ends for the server."""
        client = sasl.client(
            "SRP",
            sasl.Credentials(name, password),
            channel=CHANNEL,
            policy=POLICY,
            profile=sasl.profiles.RAW,
        )
        server = sasl.server(
            "SRP", channel=CHANNEL, policy=POLICY, profile=sasl.profiles.RAW
        )
        event: Any = self.application.answer(server.start(client.start()))
        reader = math.Reader(event.data)
        reader.take(1)
        reader.mpi("N")
        reader.mpi("g")
        return reader.short(), server.step(client.step(event.data))

    def test_logins(self) -> None:
        """With either record, and not with another password."""
        for name in ("alice", "bob"):
            _, event = self.attempt(name, "wonderland")
            self.assertIsInstance(event, sasl.Success)
            _, event = self.attempt(name, "looking-glass")
            self.assertIs(event.reason, sasl.Reason.BAD_CREDENTIALS)

    def test_unknown_users(self) -> None:
        """Each has a salt of its own, the same each time, as those who exist."""
        salts = set()
        for name in ("alice", "bob", "carol", "dave", "eve", "mallory"):
            salt, _ = self.attempt(name, "x")
            self.assertEqual(self.attempt(name, "x")[0], salt)
            self.assertEqual(len(salt), 16)
            salts.add(salt)
        self.assertEqual(len(salts), 6)
        self.assertIs(self.attempt("carol", "x")[1].reason, sasl.Reason.BAD_CREDENTIALS)


if __name__ == "__main__":
    unittest.main()
