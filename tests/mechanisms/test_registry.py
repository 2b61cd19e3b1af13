"""The registry: every mechanism as data."""

from __future__ import annotations

import copy
import unittest

import sasl_core as sasl
from sasl_core import mechanisms
from sasl_core._hashed_token import HT_NAMES

from .. import _accounts as accounts


class FactsTest(unittest.TestCase):
    """What is said of the built-in mechanisms."""

    def each(self) -> list[mechanisms.Mechanism]:
        """Return the built-in mechanisms."""
        return [mechanisms.find(name) for name in accounts.NAMES]

    def test_strengths_differ(self) -> None:
        """Which is chosen is never left to chance."""
        strengths = [mechanism.strength for mechanism in self.each()]
        self.assertEqual(len(set(strengths)), len(strengths))

    def test_what_shows_a_secret_is_weaker_than_what_does_not(self) -> None:
        """SCRAM before tokens before digests before passwords; binding above all SCRAM."""
        strength = {m.name: m.strength for m in self.each()}
        scram = [strength[name] for name in accounts.SCRAMS if "PLUS" not in name]
        plus = [strength[name] for name in accounts.SCRAMS if "PLUS" in name]
        self.assertGreater(min(plus), max(scram))
        self.assertGreater(min(scram), strength["OAUTHBEARER"])
        self.assertGreater(strength["OAUTHBEARER"], strength["XOAUTH2"])
        self.assertGreater(strength["XOAUTH2"], strength["CRAM-MD5"])
        self.assertGreater(strength["CRAM-MD5"], strength["PLAIN"])
        self.assertGreater(strength["PLAIN"], strength["LOGIN"])
        self.assertGreater(strength["LOGIN"], strength["ANONYMOUS"])

    def test_facts_agree_with_each_other(self) -> None:
        """Who shows something needs it; who proves something is mutual."""
        for mechanism in self.each():
            with self.subTest(mechanism.name):
                self.assertTrue(mechanism.specification)
                self.assertTrue(mechanism.available)
                if mechanism.shows:
                    self.assertIn(mechanism.shows, mechanism.needs)
                bound = mechanism.name.endswith("-PLUS") or mechanism.binding
                self.assertEqual(mechanism.plus, bool(bound))
                mutual = (
                    *accounts.SCRAMS,
                    *HT_NAMES,
                    "DIGEST-MD5",
                    "SRP",
                    *accounts.SECURITY_CONTEXTS,
                )
                self.assertEqual(mechanism.mutual, mechanism.name in mutual)
                self.assertEqual(
                    mechanism.anonymous or mechanism.external, not mechanism.asks
                )

    def test_a_server_begins_as_it_is_registered(self) -> None:
        """Client-first means an empty first challenge."""
        for mechanism in self.each():
            event = accounts.make_server(mechanism.name).start()
            with self.subTest(mechanism.name):
                self.assertEqual(event.data == b"", mechanism.client_first)


class LookupTest(unittest.TestCase):
    """Names."""

    def test_find(self) -> None:
        """In any case; None for the unknown."""
        self.assertIs(mechanisms.find("plain"), mechanisms.find("PLAIN"))
        for name in ("", "PLAI", "PLAIN ", "PLAIN\0", "pla\u0131n"):
            self.assertIsNone(mechanisms.find(name))

    def test_registered(self) -> None:
        """The strongest first."""
        strengths = [mechanism.strength for mechanism in mechanisms.registered()]
        self.assertEqual(strengths, sorted(strengths, reverse=True))

    def test_is_name(self) -> None:
        """RFC 4422, section 3.1: one to twenty letters, digits, "-" and "_"."""
        for name in (
            "A",
            "SCRAM-SHA-256-PLUS",
            "KERBEROS_V4",
            "9798-M-DSA-SHA1",
            "A" * 20,
        ):
            self.assertTrue(mechanisms.is_name(name))
        for name in ("", "a", "A" * 21, "A B", "A.B", "\xc9", "A\n", "\uff21"):
            self.assertFalse(mechanisms.is_name(name))

    def test_a_mechanism_is_shared(self) -> None:
        """A copied exchange has the same one."""
        plain = mechanisms.find("PLAIN")
        self.assertIs(copy.deepcopy(plain), plain)
        self.assertIn("PLAIN", repr(plain))

    def test_asks_are_requests(self) -> None:
        """So that an application can say which it answers."""
        for name in accounts.NAMES:
            for request in mechanisms.find(name).asks:
                self.assertTrue(issubclass(request, sasl.Request))


if __name__ == "__main__":
    unittest.main()
