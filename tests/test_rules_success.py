"""The rules of the design, by number: success, and one exchange an object (4 to 6)."""

from __future__ import annotations

import copy
import pickle
import unittest
from typing import Any

import sasl_core as sasl
from sasl_core import profiles

from . import _accounts as accounts
from ._accounts import USER
from ._play import play
from ._points import points
from ._rules import RAW, scram_client, scram_first, scram_server


class Rule04NoSuccessWithoutADecision(unittest.TestCase):
    """Nobody succeeds without a yes; no client finishes without the promise kept."""

    def test_rule_04_deny_is_no(self) -> None:
        """Who denies everything lets nobody in but whom a fact has proven."""
        for name, entry in accounts.TABLE.items():
            client, server = accounts.make_client(name), accounts.make_server(name)
            nobody = accounts.Application("", "", "", ())
            outcome = play(client, server, nobody)
            with self.subTest(name):
                self.assertEqual(outcome.succeeded, entry.by_fact)

    def test_rule_04_scram_needs_the_signature(self) -> None:
        """A success that comes instead of v= is no success."""
        client = scram_client()
        first = scram_first()
        client.step(first)
        with self.assertRaises(sasl.ServerNotAuthenticated) as caught:
            client.finish()
        self.assertFalse(caught.exception.try_another)

    def test_rule_04_an_answered_error_challenge_is_a_failure(self) -> None:
        """OAUTHBEARER and XOAUTH2: success after the error challenge is a lie."""
        for name in ("OAUTHBEARER", "XOAUTH2"):
            client = accounts.make_client(name, profile=RAW)
            client.start()
            client.step(b'{"status":"invalid_token"}')
            with self.subTest(name), self.assertRaises(sasl.ServerNotAuthenticated):
                client.finish()

    def test_rule_04_a_discovery_never_succeeds(self) -> None:
        """An empty token asks where to get one: no answer to it is a yes."""
        server = accounts.make_server("OAUTHBEARER", profile=RAW)
        request = server.start(b"n,,\x01auth=\x01\x01")
        self.assertEqual(
            accounts.question(request), (sasl.CheckToken, "", "", None, None)
        )
        event = request.answer(USER)
        self.assertIsInstance(event, sasl.Challenge)
        self.assertIsInstance(server.step(b"\x01"), sasl.Failure)


class Rule05Early(unittest.TestCase):
    """Early success, late challenges, data where none can be."""

    def test_rule_05_early_success(self) -> None:
        """At every point before the end, in every mechanism with a promise."""
        for point in points():
            waits = isinstance(point.waiting, sasl.Client) and point.method == "step"
            if waits and point.name in accounts.SCRAMS:
                with self.assertRaises(sasl.ServerNotAuthenticated):
                    point.copy().finish()

    def test_rule_05_a_challenge_after_the_end(self) -> None:
        """The last message is the last."""
        for name in ("PLAIN", "CRAM-MD5", "EXTERNAL", "ANONYMOUS"):
            client = accounts.make_client(name, profile=RAW)
            client.start()
            if name == "CRAM-MD5":
                client.step(b"<x@y>")
            with self.subTest(name), self.assertRaises(sasl.ProtocolError):
                client.step(b"more?")

    def test_rule_05_data_with_success(self) -> None:
        """Refused where the protocol or the mechanism has none."""
        for profile in (profiles.BASE64, RAW):
            client = accounts.make_client("PLAIN", profile=profile)
            client.start()
            with self.subTest(profile.name), self.assertRaises(sasl.ProtocolError):
                client.finish(b"QQ==")

    def test_rule_05_an_acknowledgement_is_empty(self) -> None:
        """What a client says to server-final is nothing at all."""
        name = "SCRAM-SHA-256"

        def watch(machine: Any, method: str, arguments: tuple[Any, ...]) -> Any:
            acknowledges = isinstance(machine, sasl.Server) and arguments == (b"",)
            return (b"QQ==",) if acknowledges and method == "step" else None

        outcome = play(
            accounts.make_client(name), accounts.make_server(name), watch=watch
        )
        self.assertEqual(outcome.event.reason, sasl.Reason.MALFORMED)


class Rule06OneExchange(unittest.TestCase):
    """One exchange per object, copied at most, never pickled."""

    def test_rule_06_after_the_end(self) -> None:
        """Everything is a StateError."""
        server = accounts.make_server("PLAIN")
        server.start(b"*")
        for line in (b"", b"*", b"AHVzZXIAcGVuY2ls", b"!"):
            with self.assertRaises(sasl.StateError):
                server.step(line)

    def test_rule_06_copies_and_pickles(self) -> None:
        """A deep copy goes its own way; a pickle is refused."""
        server = scram_server()
        copied = copy.deepcopy(server)
        copied.abort()
        self.assertIsInstance(server.step(b"x"), sasl.Failure)
        for thing in (server, scram_client(), sasl.Credentials("user", "pencil")):
            with self.assertRaises(TypeError):
                pickle.dumps(thing)


if __name__ == "__main__":
    unittest.main()
