"""Client: what start, step, finish and refused give to an adapter."""

from __future__ import annotations

import unittest

import sasl_core as sasl
from sasl_core import profiles

from . import _accounts as accounts
from ._play import play
from ._points import Point, points_of


def plain(profile: sasl.Profile = profiles.BASE64) -> sasl.Client:
    """Make a client of PLAIN."""
    return accounts.make_client("PLAIN", profile=profile)


class StartTest(unittest.TestCase):
    """The initial response: None, empty, or not."""

    def test_none_where_the_server_speaks_first(self) -> None:
        """LOGIN and CRAM-MD5."""
        for name in ("LOGIN", "CRAM-MD5"):
            self.assertIsNone(accounts.make_client(name).start())

    def test_empty_is_not_none(self) -> None:
        """EXTERNAL has one, in every framing; the profile writes it."""
        for profile in (profiles.BASE64, profiles.NNTP, profiles.IRC, profiles.RAW):
            client = accounts.make_client("EXTERNAL", profile=profile)
            with self.subTest(profile.name):
                self.assertEqual(client.start(), b"")

    def test_it_is_in_the_form_of_the_profile(self) -> None:
        """Base64 by default, octets where the protocol has none."""
        self.assertEqual(plain().start(), b"AHVzZXIAcGVuY2ls")
        self.assertEqual(plain(profiles.RAW).start(), b"\0user\0pencil")

    def test_step_does_it_too(self) -> None:
        """The empty challenge gets the same, written as a response."""
        self.assertEqual(plain().step(b""), b"AHVzZXIAcGVuY2ls")
        self.assertEqual(plain(profiles.IRC).step(b"+"), b"AHVzZXIAcGVuY2ls")
        empty = accounts.make_client("EXTERNAL", profile=profiles.IRC)
        self.assertEqual(empty.step(b"+"), b"+")

    def test_a_first_challenge_that_says_something(self) -> None:
        """It does not get the password; the exchange is over."""
        client = plain()
        with self.assertRaises(sasl.ProtocolError):
            client.step(b"R28gYWhlYWQu")
        with self.assertRaises(sasl.StateError):
            client.step(b"")

    def test_the_names(self) -> None:
        """What an adapter reads off it."""
        client = plain()
        self.assertEqual(client.name, "PLAIN")
        self.assertIsNone(client.layer)
        self.assertIs(client.profile, profiles.BASE64)


class FinishTest(unittest.TestCase):
    """The protocol said success."""

    def test_satisfied(self) -> None:
        """Nothing is returned, nothing is raised."""
        client = plain()
        client.start()
        self.assertIsNone(client.finish())

    def test_success_data(self) -> None:
        """SCRAM's signature may come with the success, where the protocol can."""
        for profile in (profiles.RAW, profiles.MANAGESIEVE, profiles.XMPP):
            client = accounts.make_client("SCRAM-SHA-256", profile=profile)
            server = accounts.make_server("SCRAM-SHA-256", profile=profile)
            outcome = play(client, server)
            with self.subTest(profile.name):
                self.assertTrue(outcome.succeeded)
                self.assertTrue(profile.decode(outcome.event.data).startswith(b"v="))

    def test_empty_success_data_is_nothing(self) -> None:
        """Some servers send it always."""
        client = plain(profiles.RAW)
        client.start()
        client.finish(b"")

    def test_data_that_is_not_the_signature(self) -> None:
        """A wrong one, an error in its place, nothing."""
        for data, error in (
            (b"v=" + b"A" * 43 + b"=", sasl.ServerNotAuthenticated),
            (b"e=invalid-proof", sasl.AuthenticationError),
            (b"", sasl.ProtocolError),
            (b"x=y", sasl.ProtocolError),
        ):
            point = [
                point
                for point in points_of("SCRAM-SHA-256", profiles.RAW)
                if isinstance(point.waiting, sasl.Client)
            ][-1]
            with self.subTest(data), self.assertRaises(error):
                point.copy().finish(data)

    def last(self, profile: sasl.Profile) -> Point:
        """Return a client of SCRAM that waits for the signature."""
        return [
            point
            for point in points_of("SCRAM-SHA-256", profile)
            if isinstance(point.waiting, sasl.Client) and point.method == "step"
        ][-1]

    def test_the_right_signature_where_no_data_can_be(self) -> None:
        """SMTP's success has none: whatever it is, it did not come by the protocol."""
        point = self.last(profiles.BASE64)
        with self.assertRaises(sasl.ProtocolError):
            point.copy().finish(*point.honest)

    def test_a_challenge_as_success_data(self) -> None:
        """What still wants an answer is no last message."""
        for name in ("CRAM-MD5", "LOGIN"):
            client = accounts.make_client(name, profile=profiles.RAW)
            client.start()
            with self.subTest(name), self.assertRaises(sasl.SASLError):
                client.finish(b"<1896.697170952@postoffice.reston.mci.net>")

    def test_it_is_no_truth_value(self) -> None:
        """A success that came too early raises: it cannot be overlooked."""
        client = plain()
        with self.assertRaises(sasl.ServerNotAuthenticated) as caught:
            client.finish()
        self.assertFalse(caught.exception.try_another)


class RefusedTest(unittest.TestCase):
    """The protocol said no."""

    def test_every_reason(self) -> None:
        """The error carries it, and whether it is worth another try."""
        worth = {"UNEXPECTED_INITIAL", "UNSUPPORTED", "TOO_WEAK", "ENCRYPTION_NEEDED"}
        worth |= {"TRANSITION_NEEDED", "UNAVAILABLE"}
        for reason in sasl.Reason:
            client = plain()
            client.start()
            error = client.refused(reason, "the server's words")
            with self.subTest(reason.name):
                self.assertIs(type(error), sasl.AuthenticationError)
                self.assertIs(error.reason, reason)
                self.assertEqual(error.reply, "the server's words")
                self.assertEqual(error.try_another, reason.name in worth)
                self.assertIn(reason.value, str(error))

    def test_untrusted_text(self) -> None:
        """Control characters are replaced, long replies cut."""
        error = plain().refused(sasl.Reason.DISABLED, "\x1b[31m\r\n" + "x" * 10_000)
        self.assertTrue(str(error).isprintable())
        self.assertLess(len(str(error)), 1000)

    def test_what_an_oauth_server_said(self) -> None:
        """The error challenge comes with the refusal."""
        client = accounts.make_client("OAUTHBEARER", profile=profiles.RAW)
        client.start()
        client.step(b'{"status":"insufficient_scope","scope":"mail\\u001b"}')
        error = client.refused(sasl.Reason.BAD_CREDENTIALS)
        self.assertEqual(error.token_error.status, "insufficient_scope")
        self.assertIn("insufficient_scope", str(error))

    def test_without_an_error_challenge(self) -> None:
        """There is nothing to tell."""
        self.assertIsNone(plain().refused(sasl.Reason.DISABLED).token_error)


if __name__ == "__main__":
    unittest.main()
