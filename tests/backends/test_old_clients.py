"""DIGEST-MD5, NTLM and OTP out of one password, for clients that know nothing better."""

from __future__ import annotations

import unittest

import sasl_core as sasl
from sasl_core import records
from sasl_core.backends import Account, Upgrade, set_password
from sasl_core.backends.memory import MemoryStore

from ._worlds import CHANNEL, AsyncWorld, SyncWorld

OLD = ("DIGEST-MD5", "NTLM", "OTP")
PASSWORD = "through the looking-glass"


class OldClients(SyncWorld, unittest.TestCase):
    """With an Application."""

    def setUp(self) -> None:
        self.store = MemoryStore()

    def set(self, realm: str | None) -> None:
        """Store what every mechanism needs."""
        schemes = ("SCRAM-SHA-256", *OLD)
        set_password(self.store, "alice", PASSWORD, schemes, iterations=2, realm=realm)

    def test_one_password(self) -> None:
        """The realm is the one that the server announces: its host."""
        self.set(CHANNEL.host)
        app = self.make(self.store)
        policy = self.policy(app, also=["digest-md5", "NTLM"])
        for name in (*OLD, "SCRAM-SHA-256", "PLAIN"):
            with self.subTest(name):
                event = self.login(app, name, "alice", PASSWORD, policy=policy)
                self.assertIsInstance(event, sasl.Success)
        self.close(app)

    def test_what_is_offered(self) -> None:
        """Nothing obsolete unless it was asked for, and nothing that is impossible."""
        self.set(CHANNEL.host)
        app = self.make(self.store)
        usual = self.policy(app).allow
        self.assertEqual(usual & set(OLD), {"OTP"})
        self.assertEqual(self.policy(app, also=OLD).allow, usual | set(OLD))
        set_password(self.store, "bob", PASSWORD, iterations=2)
        app = self.make(self.store)
        self.assertFalse(self.policy(app, also=OLD).allow & set(OLD))
        with self.assertRaises(TypeError):
            self.policy(app, also="NTLM")

    def test_another_realm(self) -> None:
        """The secret is of no use there, and the log says so."""
        self.set(None)
        app = self.make(self.store)
        event = self.login(app, "DIGEST-MD5", "alice", PASSWORD)
        self.assertEqual(event.reason, sasl.Reason.BAD_CREDENTIALS)
        self.assertIn("another realm", event.detail)


class AsyncOldClients(AsyncWorld, OldClients):
    """With an AsyncApplication."""


class SchemesTest(unittest.TestCase):
    """What can be derived is told."""

    def test_a_name_that_is_none(self) -> None:
        with self.assertRaisesRegex(ValueError, "but of .*SCRAM-SHA-1,.* OTP"):
            records.derive("x", ["SCRAM"])
        with self.assertRaises(TypeError):
            set_password(MemoryStore(), "alice", "x", "SCRAM-SHA-256")

    def test_upgrade(self) -> None:
        """A login that shows the password makes the secret, in the realm."""
        made = Upgrade(("DIGEST-MD5",), realm="example.org").apply(
            "alice", Account(), PASSWORD
        )
        wanted = records.DigestMd5Secret.derive("alice", "example.org", PASSWORD)
        self.assertEqual(made.records, (wanted,))


if __name__ == "__main__":
    unittest.main()
