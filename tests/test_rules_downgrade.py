"""The rules of the design, by number: downgrade (10 to 13)."""

from __future__ import annotations

import unittest
from typing import Any
from unittest import mock

import sasl_core as sasl
from sasl_core.mechanisms import find, registered

from . import _accounts as accounts
from ._accounts import PASSWORD, TOKEN, USER
from ._rules import BOUND, ENCRYPTED, PLAINTEXT, RAW


class Rule10Cleartext(unittest.TestCase):
    """What shows the password or token needs an encrypted channel."""

    showing = tuple(m.name for m in registered() if m.shows)

    def test_rule_10_there_are_such_mechanisms(self) -> None:
        """The registry marks the four that everyone knows."""
        known = {"PLAIN", "LOGIN", "OAUTHBEARER", "XOAUTH2"}
        self.assertLessEqual(known, set(self.showing))

    def test_rule_10_neither_offered_nor_used(self) -> None:
        """Not by `offer`, not by `server`, not by `client`, named or in a list."""
        for name in self.showing:
            with self.subTest(name):
                self.assertNotIn(name, sasl.offer(channel=PLAINTEXT))
                self.refused(name, PLAINTEXT, accounts.policy(name))
                self.refused(name, ENCRYPTED, accounts.policy(name, cleartext="never"))

    def refused(self, name: str, channel: sasl.Channel, policy: sasl.Policy) -> None:
        """Check that neither side runs it."""
        credentials = sasl.Credentials(USER, PASSWORD, token=TOKEN)
        for offered in (name, [name]):
            with self.assertRaises(sasl.NoMechanism):
                sasl.client(offered, credentials, channel=channel, policy=policy)
        with self.assertRaises(sasl.NoMechanism):
            sasl.server(name, channel=channel, policy=policy)

    def test_rule_10_unless_the_policy_says_so(self) -> None:
        """`cleartext="always"` is in so many words."""
        for name in self.showing:
            policy = accounts.policy(name, cleartext="always")
            self.assertIn(name, sasl.offer(channel=PLAINTEXT, policy=policy))


class Rule11ChannelBinding(unittest.TestCase):
    """y says "I could have", a server that offered -PLUS refuses it, require is no wish."""

    def test_rule_11_a_client_that_could_bind_sends_y(self) -> None:
        """And n where it could not, or where -PLUS was on offer but not wanted."""
        for channel, wish, flag in (
            (BOUND, "prefer", b"y,,"),
            (ENCRYPTED, "prefer", b"n,,"),
            (BOUND, "disable", b"n,,"),
        ):
            client = sasl.client(
                ["SCRAM-SHA-256"],
                sasl.Credentials(USER, PASSWORD),
                channel=channel,
                policy=sasl.Policy(channel_binding=wish),
                profile=RAW,
            )
            self.assertEqual(client.start()[:3], flag)

    def test_rule_11_a_server_that_offered_plus_refuses_y(self) -> None:
        """Somebody took -PLUS out of the list; a server that did not offer it agrees."""
        for channel, kind in ((BOUND, sasl.Failure), (ENCRYPTED, sasl.FindScramKeys)):
            server = sasl.server("SCRAM-SHA-256", channel=channel, profile=RAW)
            self.assertIsInstance(server.start(b"y,,n=user,r=x"), kind)

    def test_rule_11_require_never_falls_back(self) -> None:
        """Not without a binding, not where -PLUS is not on offer, not on a server."""
        policy = sasl.Policy(channel_binding="require")
        credentials = sasl.Credentials(USER, PASSWORD)
        for offered, channel in (
            (["SCRAM-SHA-256", "PLAIN"], BOUND),
            (["SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"], ENCRYPTED),
        ):
            with self.assertRaises(sasl.NoMechanism):
                sasl.client(offered, credentials, channel=channel, policy=policy)
        names = sasl.offer(channel=BOUND, policy=policy)
        self.assertTrue(names)
        self.assertTrue(all(find(name).plus for name in names), names)
        self.assertEqual(sasl.offer(channel=ENCRYPTED, policy=policy), ())

    def test_rule_11_plus_without_data_is_an_error(self) -> None:
        """Never n under a -PLUS name."""
        with self.assertRaises(sasl.NoMechanism):
            accounts.make_client("SCRAM-SHA-256-PLUS", on=ENCRYPTED)
        server = accounts.make_server("SCRAM-SHA-256-PLUS", profile=RAW)
        self.assertIsInstance(server.start(b"n,,n=user,r=x"), sasl.Failure)


class Rule12Iterations(unittest.TestCase):
    """A client computes within its window only."""

    def ask(self, count: int, **policy: Any) -> bytes:
        """Ask a client for a number of iterations."""
        client = sasl.client(
            "SCRAM-SHA-256",
            sasl.Credentials(USER, PASSWORD),
            channel=ENCRYPTED,
            policy=sasl.Policy(**policy),
            profile=RAW,
            nonce=accounts.CLIENT_NONCE,
        )
        client.start()
        return client.step(b"r=%bx,s=QQ==,i=%d" % (accounts.CLIENT_NONCE, count))

    def test_rule_12_the_default_window(self) -> None:
        """4,096 to 1,000,000, both ends included."""
        with mock.patch("hashlib.pbkdf2_hmac", return_value=bytes(32)) as slow:
            for count in (4096, 1_000_000):
                self.assertIn(b",p=", self.ask(count))
            self.assertEqual(slow.call_count, 2)
            for count in (0, 1, 4095, 1_000_001, 2**31, 2**32, 2**64):
                with self.subTest(count), self.assertRaises(sasl.ProtocolError):
                    self.ask(count)
            self.assertEqual(slow.call_count, 2)

    def test_rule_12_both_ends_can_be_set(self) -> None:
        """Real servers exist below, and above."""
        self.assertIn(b",p=", self.ask(1, iterations=(1, 1)))
        with self.assertRaises(sasl.ProtocolError):
            self.ask(2, iterations=(1, 1))


class Rule13OnlyWhatWasOffered(unittest.TestCase):
    """A server runs what it offered on this channel, nothing else."""

    def test_rule_13_offer_and_server_agree(self) -> None:
        """On every kind of channel, under many policies, for every name."""
        channels = [
            ENCRYPTED,
            PLAINTEXT,
            BOUND,
            sasl.Channel(True, external=USER, bindings=accounts.BINDINGS),
            sasl.Channel(False, external=USER, bindings=accounts.BINDINGS),
        ]
        policies = [
            sasl.Policy(**settings)
            for settings in (
                {},
                {"allow": ["PLAIN", "ANONYMOUS", "CRAM-MD5"]},
                {"deny": ["PLAIN", "SCRAM-SHA-256-PLUS"]},
                {"cleartext": "always"},
                {"cleartext": "never"},
                {"channel_binding": "disable"},
                {"channel_binding": "require"},
                {"allow": []},
            )
        ]
        answers = (None, (sasl.CheckPassword,), (sasl.FindScramKeys, sasl.CheckToken))
        for channel in channels:
            for policy in policies:
                for able in answers:
                    self.compare(channel=channel, policy=policy, answers=able)

    def compare(self, **facts: Any) -> None:
        """Compare what is offered with what is run."""
        offered = sasl.offer(**facts)
        self.assertEqual(len(offered), len(set(offered)))
        for name in accounts.NAMES:
            try:
                sasl.server(name, **facts)
            except sasl.NoMechanism:
                self.assertNotIn(name, offered)
            else:
                self.assertIn(name, offered)

    def test_rule_13_nobody_in_particular_by_default(self) -> None:
        """ANONYMOUS, and EXTERNAL without a fact, are not on offer."""
        channel = sasl.Channel(True)
        for name in ("ANONYMOUS", "EXTERNAL"):
            self.assertNotIn(name, sasl.offer(channel=channel))
            with self.assertRaises(sasl.NoMechanism):
                sasl.server(name, channel=channel)


if __name__ == "__main__":
    unittest.main()
