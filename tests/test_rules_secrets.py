"""The rules of the design, by number: secrets (7 to 9)."""

from __future__ import annotations

import base64
import unittest
from unittest import mock

import sasl_core as sasl

from . import _accounts as accounts
from ._accounts import PASSWORD, TOKEN, USER
from ._play import play
from ._rules import RAW, scram_client, scram_server


class Rule07CompareDigest(unittest.TestCase):
    """Secret-derived octets are compared by `hmac.compare_digest`."""

    def test_rule_07_its_word_is_final(self) -> None:
        """When it says no, the right proof fails; on both sides."""
        for name in ("SCRAM-SHA-256", "CRAM-MD5"):
            client, server = accounts.make_client(name), accounts.make_server(name)
            with mock.patch("hmac.compare_digest", return_value=False):
                outcome = play(client, server)
            with self.subTest(name):
                self.assertIs(outcome.event.reason, sasl.Reason.BAD_CREDENTIALS)

    def test_rule_07_its_yes_does_not_make_a_user(self) -> None:
        """An unknown user fails even where every comparison says yes."""
        for name in ("SCRAM-SHA-256", "CRAM-MD5"):
            client, server = accounts.make_client(name), accounts.make_server(name)
            nobody = accounts.Application(username="nobody")
            with mock.patch("hmac.compare_digest", return_value=True):
                outcome = play(client, server, nobody)
            with self.subTest(name):
                self.assertIsInstance(outcome.event, sasl.Failure)


class Rule08UnknownUsers(unittest.TestCase):
    """An unknown user looks like a known one until the proof."""

    def test_rule_08_the_challenge_has_the_same_form(self) -> None:
        """The same size, the same count, and the same salt each time."""
        challenges = []
        for answer in (accounts.keys(PASSWORD, "sha256"), None, None):
            server = accounts.make_server("SCRAM-SHA-256", profile=RAW)
            request = server.start(b"n,,n=user,r=x")
            challenges.append(request.answer(answer).data)
        known, unknown, again = challenges
        self.assertEqual(len(known), len(unknown))
        self.assertEqual(known.split(b",")[2], unknown.split(b",")[2])
        self.assertEqual(unknown, again)

    def test_rule_08_deny_is_the_same_as_none(self) -> None:
        """A database that knows nobody answers neither earlier nor otherwise."""
        ends = []
        for settle in (lambda r: r.deny(), lambda r: r.answer(None)):
            server = accounts.make_server("SCRAM-SHA-256", profile=RAW)
            ends.append(settle(server.start(b"n,,n=user,r=x")))
        self.assertEqual(*ends)

    def test_rule_08_a_wrong_proof_and_no_user_fail_alike(self) -> None:
        """One failure, in every word."""
        bound = b"c=biws,r=" + accounts.CLIENT_NONCE + accounts.SERVER_NONCE
        final = bound + b",p=" + base64.b64encode(bytes(32))
        ends = [scram_server(known=known).step(final) for known in (True, False)]
        self.assertEqual(*ends)
        self.assertIs(ends[0].reason, sasl.Reason.BAD_CREDENTIALS)


class Rule09NoSecretShows(unittest.TestCase):
    """No secret in a repr, an error or a log line."""

    def test_rule_09_reprs(self) -> None:
        """Credentials, requests, keys, exchanges."""
        keys = accounts.keys(PASSWORD, "sha256")
        things = [
            sasl.Credentials(USER, PASSWORD, token=TOKEN),
            sasl.CheckPassword(USER, PASSWORD),
            sasl.CheckToken(TOKEN, USER, None, None),
            scram_client(),
            scram_server(),
            keys,
        ]
        for thing in things:
            shown = f"{thing!r} {thing!s} {thing}"
            for secret in (PASSWORD, TOKEN, repr(keys.stored_key)[2:-1]):
                self.assertNotIn(secret, shown)

    def test_rule_09_errors_have_no_chain(self) -> None:
        """A chained exception would show the frames and octets behind it."""
        client = scram_client()
        with self.assertRaises(sasl.ProtocolError) as caught:
            client.step(b"r=" + b"\xff")
        self.assertIsNone(caught.exception.__context__)
        self.assertIsNone(caught.exception.__cause__)


if __name__ == "__main__":
    unittest.main()
