"""Calls in the wrong order, twice, after the end, of the wrong type.

Each is a StateError or TypeError; none opens a way to Success.
"""

from __future__ import annotations

import copy
import pickle
import unittest
from collections.abc import Callable
from typing import Any

import sasl_core as sasl
from sasl_core import profiles
from sasl_core.mechanisms import find

from . import _accounts as accounts
from ._misuse import plain_request
from ._play import play
from ._points import points, points_of


def finished(name: str) -> tuple[sasl.Client, sasl.Server]:
    """Run an exchange to its good end and return both sides."""
    client, server = accounts.make_client(name), accounts.make_server(name)
    if not play(client, server).succeeded:
        raise AssertionError(f"the honest exchange of {name} failed")
    return client, server


def failed(name: str) -> tuple[sasl.Client, sasl.Server]:
    """Run an exchange to a bad end and return both sides."""
    client, server = accounts.make_client(name), accounts.make_server(name)
    play(client, server, accounts.Application("nobody", "", "", ()))
    return client, server


class WordsTest(unittest.TestCase):
    """What a StateError says: what was due, so that whoever wrote the loop can mend it."""

    def test_what_was_due(self) -> None:
        """The first call, a response, an answer; and after that, that it is over."""
        for machine, due in (
            (accounts.make_server("PLAIN"), r"start\(\)"),
            (plain_request()._server, "the answer to CheckPassword"),
        ):
            with self.assertRaisesRegex(sasl.StateError, f"waited for {due}"):
                machine.step(b"")
            with self.assertRaisesRegex(sasl.StateError, "over"):
                machine.step(b"")
        server = accounts.make_server("PLAIN")
        server.start()
        with self.assertRaisesRegex(sasl.StateError, r"waited for step\(\)"):
            server.start()

    def test_keys_of_another_hash(self) -> None:
        """They are of the right type, and still no answer."""
        server = accounts.make_server("SCRAM-SHA-256", profile=profiles.RAW)
        request = server.start(b"n,,n=user,r=abcdef")
        with self.assertRaisesRegex(sasl.StateError, "keys of sha1 .* for sha256"):
            request.answer(accounts.keys(accounts.PASSWORD, "sha1"))


class OrderTest(unittest.TestCase):
    """A call out of its turn is a StateError and ends the exchange."""

    def assert_over(self, machine: Any) -> None:
        """Check that every call is refused, whatever it is given."""
        calls: list[Callable[[], Any]] = [
            lambda: machine.step(b""),
            lambda: machine.step(b"*"),
            lambda: machine.step(b"not base64"),
            lambda: machine.step(b"A" * 100_000),
            machine.start,
        ]
        if isinstance(machine, sasl.Client):
            calls += [machine.finish, lambda: machine.finish(b"")]
        else:
            calls += [lambda: machine.start(b""), lambda: machine.start(b"*")]
        for call in calls:
            with self.assertRaises(sasl.StateError):
                call()

    def test_everything_after_success_is_refused(self) -> None:
        """Both sides, every mechanism."""
        for name in accounts.NAMES:
            for machine in finished(name):
                with self.subTest(repr(machine)):
                    self.assert_over(machine)

    def test_everything_after_failure_is_refused(self) -> None:
        """Both sides, every mechanism that has a credential."""
        for name in accounts.NAMES:
            if accounts.TABLE[name].by_fact:
                continue
            for machine in failed(name):
                with self.subTest(repr(machine)):
                    self.assert_over(machine)

    def test_a_server_is_stepped_after_its_start_only(self) -> None:
        """Step first: StateError, and start is too late after it."""
        for name in accounts.NAMES:
            with self.subTest(name):
                server = accounts.make_server(name)
                with self.assertRaises(sasl.StateError):
                    server.step(b"")
                self.assert_over(server)

    def test_a_server_starts_once(self) -> None:
        """Start twice: StateError."""
        for name in accounts.NAMES:
            with self.subTest(name):
                server = accounts.make_server(name)
                server.start()
                with self.assertRaises(sasl.StateError):
                    server.start()
                self.assert_over(server)

    def test_a_client_starts_once(self) -> None:
        """Start twice, or after a step: StateError."""
        for name in accounts.NAMES:
            client = accounts.make_client(name)
            client.start()
            with self.subTest(name), self.assertRaises(sasl.StateError):
                client.start()
            client = accounts.make_client(name)
            server_first = accounts.make_server(name).start().data
            client.step(b"" if find(name).client_first else server_first)
            with self.subTest(name), self.assertRaises(sasl.StateError):
                client.start()

    def test_a_client_is_not_finished_before_it_began(self) -> None:
        """A success out of nothing authenticates nobody, with data or without."""
        for name in accounts.NAMES:
            for data in (None, b""):
                client = accounts.make_client(name, profile=profiles.RAW)
                with self.subTest(name, data=data), self.assertRaises(sasl.SASLError):
                    client.finish(data)

    def test_a_client_finishes_once(self) -> None:
        """Finish twice: StateError."""
        client, _ = finished("PLAIN")
        with self.assertRaises(sasl.StateError):
            client.finish()

    def test_a_refused_client_is_over(self) -> None:
        """After `refused` nothing can be done, and it never raises itself."""
        for point in points():
            if isinstance(point.waiting, sasl.Client):
                client = point.copy()
                error = client.refused(sasl.Reason.UNAVAILABLE, "later\r\n\x1b[2J")
                self.assertIsInstance(error, sasl.AuthenticationError)
                self.assertTrue(error.try_another)
                self.assertEqual(error.reply, "later???[2J")
                self.assert_over(client)

    def test_an_aborted_server_is_over(self) -> None:
        """`abort` works everywhere and leaves nothing to do, twice included."""
        for point in points():
            waiting = point.copy()
            server = getattr(waiting, "_server", waiting)
            if isinstance(server, sasl.Server):
                with self.subTest(str(point)):
                    failure = server.abort("gone")
                    self.assertEqual(failure, sasl.Failure(sasl.Reason.ABORTED, "gone"))
                    self.assert_over(server)
                    self.assertIsInstance(server.abort(), sasl.Failure)

    def test_an_abort_outdates_the_pending_request(self) -> None:
        """An answer that comes after `abort` is a StateError, not a Success."""
        request = plain_request()
        request._server.abort()
        with self.assertRaises(sasl.StateError):
            request.answer(True)


class TypeTest(unittest.TestCase):
    """A str is no octets: TypeError before anything changes."""

    def test_the_exchange_goes_on_after_a_type_error(self) -> None:
        """Wherever octets are due, everything else is refused and nothing is lost."""
        for point in points():
            if isinstance(point.waiting, sasl.Request) or not point.honest:
                continue
            machine, other = point.copy(), point.copy()
            wrong: list[Any] = ["", "QQ==", bytearray(b""), memoryview(b""), 0, ["a"]]
            if point.method == "step":
                wrong.append(None)
            with self.subTest(str(point)):
                for value in wrong:
                    with self.assertRaises(TypeError):
                        getattr(machine, point.method)(value)
                self.assertEqual(
                    repr(getattr(machine, point.method)(*point.honest)),
                    repr(getattr(other, point.method)(*point.honest)),
                )

    def test_names_come_as_a_list(self) -> None:
        """A policy does not read a str as a list of letters."""
        for keyword in ("allow", "deny"):
            with self.subTest(keyword), self.assertRaises(TypeError):
                sasl.Policy(**{keyword: "PLAIN"})


class CopyTest(unittest.TestCase):
    """An exchange can be deep-copied, never pickled."""

    def test_nothing_that_carries_secrets_is_pickled(self) -> None:
        """Clients, servers and requests in every state, and credentials."""
        things: list[Any] = [point.copy() for point in points()]
        things.append(sasl.Credentials("user", "pencil"))
        for thing in things:
            for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
                with self.subTest(repr(thing)), self.assertRaises(TypeError) as caught:
                    pickle.dumps(thing, protocol)
                self.assertNotIn("pencil", str(caught.exception))

    def test_a_deep_copy_goes_on_like_the_original(self) -> None:
        """In every state, and the original is not touched by it."""
        for point in points():
            one = point.copy()
            other = copy.deepcopy(one)
            with self.subTest(str(point)):
                self.assertIsNot(one, other)
                results = [
                    repr(getattr(machine, point.method)(*point.honest))
                    for machine in (one, other)
                ]
                self.assertEqual(*results)

    def test_two_exchanges_are_never_equal(self) -> None:
        """An exchange is a key in a dict of connections: it is equal to itself only."""
        for point in points_of("PLAIN", profiles.BASE64):
            one, other = point.copy(), point.copy()
            with self.subTest(repr(one)):
                self.assertNotEqual(one, other)
                self.assertEqual(len({one, other}), 2)


if __name__ == "__main__":
    unittest.main()
