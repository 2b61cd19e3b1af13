"""Server: its events, limits, framing, and what it does with a Success."""

from __future__ import annotations

import unittest
from typing import Any

import sasl_core as sasl
from sasl_core import profiles
from sasl_core.mechanisms import find

from . import _accounts as accounts
from ._play import play
from ._points import points_of


class StartTest(unittest.TestCase):
    """The first call."""

    def test_without_an_initial_response(self) -> None:
        """The first challenge: empty where the client goes first."""
        for name in accounts.NAMES:
            server = accounts.make_server(name, profile=profiles.RAW)
            event = server.start()
            first = {"LOGIN": b"Username:"}.get(name, b"")
            if name == "CRAM-MD5":
                first = accounts.TABLE[name].server_nonce
            if name == "DIGEST-MD5":
                first = event.data
                self.assertIn(accounts.TABLE[name].server_nonce, first)
            with self.subTest(name):
                self.assertEqual(event, sasl.Challenge(first))

    def test_framing(self) -> None:
        """The empty challenge in each protocol's words."""
        for profile, text in (
            (profiles.SMTP, b""),
            (profiles.NNTP, b"="),
            (profiles.IRC, b"+"),
            (profiles.LDAP, b""),
        ):
            server = accounts.make_server("PLAIN", profile=profile)
            with self.subTest(profile.name):
                self.assertEqual(server.start(), sasl.Challenge(text))

    def test_abort_and_limits_hold_for_the_first_line(self) -> None:
        """As for every other."""
        for line, reason in (
            (b"*", sasl.Reason.ABORTED),
            (b"A" * 65537, sasl.Reason.TOO_LONG),
            (b"A", sasl.Reason.MALFORMED),
        ):
            event = accounts.make_server("PLAIN").start(line)
            self.assertIs(event.reason, reason)

    def test_the_facts_are_there(self) -> None:
        """What an adapter or a log reads off it."""
        channel = accounts.channel("PLAIN")
        server = sasl.server("plain", channel=channel, realm="example.org")
        self.assertEqual(server.name, "PLAIN")
        self.assertEqual(server.realm, "example.org")
        self.assertIs(server.channel, channel)


class StoryTest(unittest.TestCase):
    """The loop of the README, for every mechanism."""

    def login(self, name: str, profile: sasl.Profile) -> Any:
        """Run a server by `match`, against the honest client."""
        client = accounts.make_client(name, profile=profile)
        server = accounts.make_server(name, profile=profile)
        event = server.start(client.start())
        while True:
            match event:
                case sasl.Challenge(data):
                    try:
                        event = server.step(client.step(data))
                    except (
                        sasl.AuthenticationError
                    ) as error:  # HT says no in a challenge
                        return error.reason
                case sasl.CheckPassword(username, password):
                    event = event.answer((username, password) == ("user", "pencil"))
                case sasl.FindScramKeys(username, hash_name):
                    event = event.answer(accounts.keys("pencil", hash_name))
                case sasl.Request():
                    event = event.deny()
                case sasl.Success(identity):
                    return identity
                case sasl.Failure(reason):
                    return reason

    def test_match(self) -> None:
        """The events destructure as documented."""
        for name in accounts.NAMES:
            for profile in (profiles.BASE64, profiles.RAW):
                end = self.login(name, profile)
                with self.subTest(name, profile=profile.name):
                    if name == "ANONYMOUS":
                        self.assertEqual(end.authcid, "anonymous")
                    elif not self.knows(name):
                        self.assertIs(end, sasl.Reason.BAD_CREDENTIALS)
                    else:
                        self.assertEqual(end, sasl.Identity("user"))

    def knows(self, name: str) -> bool:
        """Whether the loop above answers what this mechanism asks."""
        asks = find(name).asks
        return set(asks) <= {sasl.CheckPassword, sasl.FindScramKeys}


class AuthorizeTest(unittest.TestCase):
    """Another authzid is asked about, whoever the mechanism is."""

    names = tuple(
        name for name in accounts.NAMES if find(name).authzid and name != "ANONYMOUS"
    )

    def requests(self, name: str) -> list[Any]:
        """Return every request of an exchange that succeeds."""
        asked: list[Any] = []

        def watch(machine: Any, method: str, _: Any) -> None:
            if method == "answer":
                asked.append(machine)

        play(
            accounts.make_client(name, authzid=accounts.OTHER),
            accounts.make_server(name),
            watch=watch,
        )
        return asked

    def test_it_is_the_last_question(self) -> None:
        """After the credential was settled, never before, and once."""
        for name in self.names:
            asked = self.requests(name)
            with self.subTest(name):
                self.assertEqual(
                    accounts.question(asked[-1]),
                    (sasl.Authorize, accounts.USER, accounts.OTHER),
                )
                kinds = [type(request) for request in asked]
                self.assertEqual(kinds.count(sasl.Authorize), 1)

    def test_no_is_not_authorized(self) -> None:
        """`deny` and `answer(False)`; unavailable is temporary."""
        for name in self.names:
            points = [
                point
                for point in points_of(name, profiles.BASE64, accounts.OTHER)
                if isinstance(point.waiting, sasl.Authorize)
            ]
            with self.subTest(name):
                self.assertEqual(len(points), 1)
                denied = points[0].copy().deny()
                self.assertIs(denied.reason, sasl.Reason.NOT_AUTHORIZED)
                self.assertEqual(points[0].copy().answer(False), denied)
                later = points[0].copy().unavailable()
                self.assertIs(later.reason, sasl.Reason.UNAVAILABLE)


class LastDataTest(unittest.TestCase):
    """The data that goes with success."""

    def final(self, profile: sasl.Profile) -> tuple[sasl.Server, Any]:
        """Return a server of SCRAM and its answer to the right proof."""
        point = next(
            point
            for point in points_of("SCRAM-SHA-256", profile)
            if isinstance(point.waiting, sasl.Server) and point.method == "step"
        )
        server = point.copy()
        return server, server.step(*point.honest)

    def test_with_success_where_the_protocol_can(self) -> None:
        """In the protocol's form."""
        _, event = self.final(profiles.XMPP)
        self.assertIsInstance(event, sasl.Success)
        self.assertTrue(event.data.startswith(b"dj1"))  # v=

    def test_else_as_one_more_challenge(self) -> None:
        """Success is not there before the client has answered it, with nothing."""
        server, event = self.final(profiles.SMTP)
        self.assertIsInstance(event, sasl.Challenge)
        success = server.step(b"")
        self.assertIsInstance(success, sasl.Success)
        self.assertIsNone(success.data)
        for line, reason in (
            (b"QQ==", sasl.Reason.MALFORMED),
            (b"*", sasl.Reason.ABORTED),
        ):
            server, _ = self.final(profiles.SMTP)
            self.assertIs(server.step(line).reason, reason)

    def test_a_denied_authorization_shows_no_signature(self) -> None:
        """The server's proof goes only to who is let in."""
        points = [
            point
            for point in points_of("SCRAM-SHA-256", profiles.RAW, accounts.OTHER)
            if isinstance(point.waiting, sasl.Authorize)
        ]
        event = points[0].copy().deny()
        self.assertIs(event.reason, sasl.Reason.NOT_AUTHORIZED)
        self.assertNotIn("v=", f"{event!r}")


if __name__ == "__main__":
    unittest.main()
