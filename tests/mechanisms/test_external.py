"""EXTERNAL (RFC 4422, appendix A)."""

from __future__ import annotations

import unittest

import sasl_core as sasl

from .. import _accounts as accounts
from ._both import client, reason, server


class ExternalTest(unittest.TestCase):
    """The identity was proven elsewhere; the message says who to act as."""

    def test_the_message(self) -> None:
        """Empty, or the authzid."""
        self.assertEqual(client("EXTERNAL", {}).start(), b"")
        self.assertEqual(
            client("EXTERNAL", {"authzid": "böss"}).start(), "böss".encode()
        )
        with self.assertRaises(sasl.CredentialsError):
            client("EXTERNAL", {"authzid": "a\0b"})

    def test_the_identity_is_the_proven_one(self) -> None:
        """Whatever the client says of itself."""
        self.assertEqual(server("EXTERNAL").start(b"").identity, sasl.Identity("user"))
        request = server("EXTERNAL").start(b"boss")
        self.assertEqual(accounts.question(request), (sasl.Authorize, "user", "boss"))
        event = request.answer(True)
        self.assertEqual(event.identity, sasl.Identity("user", "boss"))

    def test_a_confirmation(self) -> None:
        """Where the policy wants it, once, before it is asked who may act as whom."""
        for message in (b"", b"boss"):
            request = server("EXTERNAL", confirm=True).start(message)
            self.assertEqual(accounts.question(request), (sasl.Confirm, "user"))
            self.assertIs(reason(request.deny()), sasl.Reason.BAD_CREDENTIALS)
        request = server("EXTERNAL", confirm=True).start(b"")
        self.assertEqual(request.answer(True).identity, sasl.Identity("user"))
        request = server("EXTERNAL", confirm=True).start(b"boss").answer(True)
        self.assertEqual(accounts.question(request), (sasl.Authorize, "user", "boss"))
        self.assertIs(reason(request.deny()), sasl.Reason.NOT_AUTHORIZED)
        event = server("PLAIN", confirm=True).start(b"\0user\0x")
        self.assertIsInstance(event.answer(True), sasl.Success)  # the answer was that

    def test_malformed(self) -> None:
        """NUL, bad text, nothing left of it."""
        for message in (b"\0", b"a\0b", b"\xff", "\xad".encode(), b"a\r\nb"):
            with self.subTest(message):
                event = server("EXTERNAL").start(message)
                self.assertIs(reason(event), sasl.Reason.MALFORMED)

    def test_without_a_fact(self) -> None:
        """None, or an empty one: it is not run."""
        for external in (None, ""):
            channel = sasl.Channel(True, external=external)
            with self.subTest(external), self.assertRaises(sasl.NoMechanism):
                sasl.server("EXTERNAL", channel=channel)


if __name__ == "__main__":
    unittest.main()
