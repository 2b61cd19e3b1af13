"""ANONYMOUS (RFC 4505)."""

from __future__ import annotations

import unittest

import sasl_core as sasl

from ._both import client, reason, server

GOOD = ("", "sirhc", "sirhc@example.org", "x" * 255, "\u212b", "a b", "\N{SOFT HYPHEN}")
BAD = ("@", "a@", "@b", "a@b@c", "x" * 256, "a\x07", "\ue000", "\u0627a")


class AnonymousTest(unittest.TestCase):
    """A trace is an e-mail address, or a token without an @."""

    def test_good_traces(self) -> None:
        """They go over unchanged, and into the identity as unproven text."""
        for trace in GOOD:
            message = client("ANONYMOUS", {"trace": trace}).start()
            event = server("ANONYMOUS").start(message)
            with self.subTest(ascii(trace)):
                self.assertEqual(message, trace.encode())
                self.assertEqual(event.identity.authcid, "anonymous")
                self.assertEqual(event.identity.authzid, "anonymous")
                self.assertEqual(event.identity.trace, trace)

    def test_bad_traces(self) -> None:
        """Both sides refuse them."""
        for trace in BAD:
            with self.subTest(ascii(trace)):
                with self.assertRaises(sasl.CredentialsError):
                    client("ANONYMOUS", {"trace": trace})
                event = server("ANONYMOUS").start(trace.encode())
                self.assertIs(reason(event), sasl.Reason.MALFORMED)

    def test_octets_that_are_no_text(self) -> None:
        """A failure; a client cannot even have them."""
        for message in (b"\xff", b"\0", b"\xed\xa0\x80"):
            event = server("ANONYMOUS").start(message)
            self.assertIs(reason(event), sasl.Reason.MALFORMED)
        with self.assertRaises(sasl.CredentialsError):
            client("ANONYMOUS", {"trace": "\ud800"})

    def test_the_user_name_is_not_the_trace(self) -> None:
        """Who wants to be anonymous is."""
        has = {"username": "user", "password": "pencil"}
        self.assertEqual(client("ANONYMOUS", has).start(), b"")


if __name__ == "__main__":
    unittest.main()
