"""Calls in the wrong order, twice, after the end, from two threads, of the wrong type.

Each is a StateError or TypeError; none opens a way to Success.
"""

from __future__ import annotations

import copy
import pickle
import sys
import threading
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import sasl_core as sasl
from sasl_core import profiles
from sasl_core._states import SATISFIED, ServerRecord
from sasl_core.mechanisms import Mechanism, find

from . import _accounts as accounts

_PACKAGE = str(Path(sasl.__file__).parent)
_PLAIN = b"AHVzZXIAcGVuY2ls"  # NUL user NUL pencil


def plain_request() -> sasl.CheckPassword:
    """Return the request of a PLAIN server that waits for its application."""
    request = accounts.make_server("PLAIN").start(_PLAIN)
    if not isinstance(request, sasl.CheckPassword):
        raise AssertionError(f"no question about a password: {request!r}")
    return request


def finished(name: str) -> tuple[sasl.Client, sasl.Server]:
    """Run an exchange to its good end and return both sides."""
    client, server = accounts.make_client(name), accounts.make_server(name)
    if not accounts.play(client, server).succeeded:
        raise AssertionError(f"the honest exchange of {name} failed")
    return client, server


def failed(name: str) -> tuple[sasl.Client, sasl.Server]:
    """Run an exchange to a bad end and return both sides."""
    client, server = accounts.make_client(name), accounts.make_server(name)
    accounts.play(client, server, accounts.Application("nobody", "", "", ()))
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
        for point in accounts.points():
            if isinstance(point.waiting, sasl.Client):
                client = point.copy()
                error = client.refused(sasl.Reason.UNAVAILABLE, "later\r\n\x1b[2J")
                self.assertIsInstance(error, sasl.AuthenticationError)
                self.assertTrue(error.try_another)
                self.assertEqual(error.reply, "later???[2J")
                self.assert_over(client)

    def test_an_aborted_server_is_over(self) -> None:
        """`abort` works everywhere and leaves nothing to do, twice included."""
        for point in accounts.points():
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


# What may be answered None: it was looked up, and there is nothing.
_NONE_IS_NO = (sasl.FindPassword, sasl.FindScramKeys, sasl.FindOtp)
_NONE_IS_NO += (sasl.FindHashedTokens, sasl.FindPublicKey)
_NONE_IS_NO += (sasl.AcceptSecurityContext, sasl.BeginRedirect, sasl.FinishRedirect)


class RequestTest(unittest.TestCase):
    """A request is answered once, in its turn, with the type that it promised."""

    def test_a_step_does_not_pass_a_pending_request(self) -> None:
        """The client cannot hurry past the application; nor does the yes count then."""
        request = plain_request()
        with self.assertRaises(sasl.StateError):
            request._server.step(b"")
        with self.assertRaises(sasl.StateError):
            request.answer(True)

    def test_a_request_is_answered_once(self) -> None:
        """Every second word on it is a StateError."""
        ways: list[Callable[[sasl.Request], Any]] = [
            lambda request: request.answer(True),
            lambda request: request.deny(),
            lambda request: request.unavailable(),
            lambda request: request.refuse(sasl.Reason.DISABLED),
        ]
        for first in ways:
            for second in ways:
                request = plain_request()
                self.assertIsInstance(first(request), (sasl.Success, sasl.Failure))
                with self.assertRaises(sasl.StateError):
                    second(request)

    def test_an_old_request_does_not_answer_a_newer_one(self) -> None:
        """A second yes to CheckPassword is no yes to Authorize."""
        server = accounts.make_server("PLAIN")
        request = server.start(b"Ym9zcwB1c2VyAHBlbmNpbA==")  # boss NUL user NUL pencil
        newer = request.answer(True)
        self.assertEqual(accounts.question(newer), (sasl.Authorize, "user", "boss"))
        with self.assertRaises(sasl.StateError):
            request.answer(True)
        with self.assertRaises(sasl.StateError):
            newer.answer(True)

    def test_a_request_of_another_exchange_is_not_taken(self) -> None:
        """Requests with equal fields are still two."""
        one, other = plain_request(), plain_request()
        self.assertIsInstance(one.answer(False), sasl.Failure)
        self.assertIsInstance(other.answer(True), sasl.Success)

    def test_answers_of_the_wrong_type(self) -> None:
        """They are a StateError and a closed exchange, never a truth value."""
        keys = accounts.keys(accounts.PASSWORD, "sha512")
        wrong = [1, 0, "false", "true", "", b"pencil", 1.0, [], [True], object()]
        wrong += [mock.Mock(), mock.MagicMock(), keys, sasl.TokenError, lambda: True]
        for point in accounts.points():
            if not isinstance(point.waiting, sasl.Request):
                continue
            for answer in wrong:
                self.check_wrong(point, answer)

    def check_wrong(self, point: accounts.Point, answer: Any) -> None:
        """Give one answer; skip those that are right for this request."""
        right: dict[type, tuple[type, ...]] = {
            sasl.FindPassword: (str,),
            sasl.CheckToken: (str,),
            sasl.FindScramKeys: (sasl.ScramKeys,),
        }
        fits = isinstance(answer, right.get(type(point.waiting), ()))
        if fits and answer != "" and getattr(answer, "hash_name", "") != "sha512":
            return
        if fits and isinstance(point.waiting, sasl.FindPassword):
            return
        if fits and getattr(point.waiting, "hash_name", "") == "sha512":
            return
        request = point.copy()
        server = request._server
        with self.subTest(str(point), answer=repr(answer)):
            with self.assertRaises(sasl.StateError):
                request.answer(answer)
            with self.assertRaises(sasl.StateError):
                request.answer(True)
            with self.assertRaises(sasl.StateError):
                server.step(b"")

    def test_a_coroutine_is_no_answer(self) -> None:
        """A forgotten `await` does not log anybody in."""

        async def check() -> bool:
            return True

        for point in accounts.points():
            if isinstance(point.waiting, sasl.Request):
                coroutine = check()
                with self.subTest(str(point)), self.assertRaises(sasl.StateError):
                    point.copy().answer(coroutine)
                coroutine.close()

    def test_none_is_a_no_or_no_answer(self) -> None:
        """A function that forgot to return does not log anybody in."""
        for point in accounts.points():
            if not isinstance(point.waiting, sasl.Request):
                continue
            request = point.copy()
            with self.subTest(str(point)):
                if isinstance(request, _NONE_IS_NO):
                    event = request.answer(None)
                    self.assertIsInstance(event, (sasl.Challenge, sasl.Failure))
                else:
                    with self.assertRaises(sasl.StateError):
                        request.answer(None)

    def test_subclasses_of_the_promised_type_are_no_answer(self) -> None:
        """Only the type itself: a subclass may lie about what it is equal to."""

        class Text(str):
            __slots__ = ()

        for point in accounts.points():
            if isinstance(point.waiting, (sasl.FindPassword, sasl.CheckToken)):
                with self.subTest(str(point)), self.assertRaises(sasl.StateError):
                    point.copy().answer(Text("user"))


class TypeTest(unittest.TestCase):
    """A str is no octets: TypeError before anything changes."""

    def test_the_exchange_goes_on_after_a_type_error(self) -> None:
        """Wherever octets are due, everything else is refused and nothing is lost."""
        for point in accounts.points():
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
        things: list[Any] = [point.copy() for point in accounts.points()]
        things.append(sasl.Credentials("user", "pencil"))
        for thing in things:
            for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
                with self.subTest(repr(thing)), self.assertRaises(TypeError) as caught:
                    pickle.dumps(thing, protocol)
                self.assertNotIn("pencil", str(caught.exception))

    def test_a_deep_copy_goes_on_like_the_original(self) -> None:
        """In every state, and the original is not touched by it."""
        for point in accounts.points():
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
        for point in accounts.points_of("PLAIN", profiles.BASE64):
            one, other = point.copy(), point.copy()
            with self.subTest(repr(one)):
                self.assertNotEqual(one, other)
                self.assertEqual(len({one, other}), 2)


class _Gate:
    """Stand in for a function: stop the first caller inside until it is let through."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.entered, self.open = threading.Event(), threading.Event()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not self.entered.is_set():
            self.entered.set()
            self.open.wait(10)
        return self.function(*args, **kwargs)


class HandMadeTest(unittest.TestCase):
    """What an application's own tests may do."""

    def test_a_request_of_no_exchange(self) -> None:
        """It can be made and looked at, not answered."""
        request = sasl.CheckPassword("user", "pencil")
        self.assertEqual(request.username, "user")
        for call in (request.deny, request.unavailable, lambda: request.answer(True)):
            with self.assertRaises(sasl.StateError):
                call()

    def test_a_reason_is_a_reason(self) -> None:
        """A str would be sent to nobody knows whom."""
        channel = sasl.Channel(encrypted=True)
        request = sasl.server("PLAIN", channel=channel).start(b"AGEAYg==")
        with self.assertRaises(TypeError):
            request.refuse("disabled")
        self.assertFalse(request.answered)
        self.assertIsInstance(request.refuse(sasl.Reason.DISABLED), sasl.Failure)
        self.assertTrue(request.answered)

    def test_values_of_the_wrong_kind(self) -> None:
        """A str is no truth value, no octets and no list of names."""
        with self.assertRaises(TypeError):
            sasl.Channel(encrypted="false")
        with self.assertRaises(TypeError):
            sasl.ScramKeys("sha256", "salt", 4096, bytes(32), bytes(32))
        with self.assertRaises(TypeError):
            sasl.client(
                [b"PLAIN"],
                sasl.Credentials("user", "pencil"),
                channel=sasl.Channel(encrypted=True),
            )
        with self.assertRaises(TypeError):  # a server's record: an easy mix-up
            sasl.Credentials("user", keys=sasl.ScramKeys.derive("pencil"))
        for wrong in ({"iterations": (5, 1)}, {"decoy": (0, 0)}, {"max_message": 0}):
            with self.subTest(wrong), self.assertRaises(ValueError):
                sasl.Policy(**wrong)

    def test_a_mechanism_cannot_settle_the_authorization(self) -> None:
        """A third party's Success with a name in it is asked about all the same."""

        class Proof(ServerRecord):
            __slots__ = ()

            def receive(self, response: bytes, terms: Any) -> Any:
                identity = sasl.Identity("user", "boss")
                return sasl.Success(identity, mechanism="X-PROOF"), None

        mine = Mechanism(
            "X-PROOF",
            lambda *_: (b"", SATISFIED),
            lambda *_: (b"", Proof()),
            strength=1,
        )
        channel = sasl.Channel(encrypted=True)
        server = sasl.Server(
            mine, channel, sasl.Policy(), sasl.profiles.RAW, False, None, None
        )
        event = server.start(b"x")
        self.assertIsInstance(event, sasl.Authorize)
        self.assertIsInstance(event.deny(), sasl.Failure)


class ThreadTest(unittest.TestCase):
    """Two threads that use one object get one result and one StateError."""

    def point(self, name: str, kind: type, method: str, last: int) -> accounts.Point:
        """Return one of the waiting points of a mechanism."""
        return [
            point
            for point in accounts.points_of(name, profiles.BASE64)
            if isinstance(point.waiting, kind) and point.method == method
        ][last]

    def while_running(
        self, point: accounts.Point, target: str, meanwhile: Callable[[Any], Any]
    ) -> tuple[Any, Any]:
        """Do something while another thread is inside a step; return that one's end."""
        module, name = target.split(".")
        gate = _Gate(getattr(sys.modules[module], name))
        machine, results = point.copy(), []

        def run() -> None:
            try:
                results.append(getattr(machine, point.method)(*point.honest))
            except sasl.SASLError as error:
                results.append(error)

        with mock.patch(target, gate):
            thread = threading.Thread(target=run)
            thread.start()
            try:
                self.assertTrue(gate.entered.wait(10), f"{target} was not called")
                meanwhile(machine)
            finally:
                gate.open.set()
                thread.join()
        return machine, results[0]

    def refused(self, machine: Any) -> None:
        """Check that every call is refused while another one runs."""
        for line in (b"", b"*", b"!", b"A" * 100_000):
            with self.assertRaises(sasl.StateError):
                machine.step(line)
        with self.assertRaises(sasl.StateError):
            machine.start()

    def test_a_server_that_is_busy(self) -> None:
        """The second thread is refused, the first one gets its result."""
        point = self.point("SCRAM-SHA-256", sasl.Server, "step", 0)
        _, event = self.while_running(point, "hmac.compare_digest", self.refused)
        self.assertIsInstance(event, sasl.Challenge)

    def test_a_client_that_is_busy(self) -> None:
        """The second thread is refused, the first one gets its result."""
        point = self.point("SCRAM-SHA-256", sasl.Client, "step", -1)
        _, response = self.while_running(point, "hmac.compare_digest", self.refused)
        self.assertIsInstance(response, bytes)

    def test_a_request_that_is_being_answered(self) -> None:
        """The second answer is refused, the first one counts."""
        point = self.point("CRAM-MD5", sasl.Request, "answer", 0)

        def again(request: sasl.Request) -> None:
            with self.assertRaises(sasl.StateError):
                request.deny()

        _, event = self.while_running(point, "hmac.compare_digest", again)
        self.assertIsInstance(event, sasl.Success)

    def test_an_abort_during_a_step_is_final(self) -> None:
        """Whatever the running step returns, nothing follows it."""
        point = self.point("SCRAM-SHA-256", sasl.Server, "step", 0)
        server, _ = self.while_running(
            point, "hmac.compare_digest", lambda server: server.abort()
        )
        with self.assertRaises(sasl.StateError):
            server.step(b"")

    def race(self, call: Callable[[], Any]) -> list[Any]:
        """Make a call in two threads at once; return both ends."""
        barrier, ends = threading.Barrier(2), []

        def run() -> None:
            barrier.wait()
            try:
                ends.append(call())
            except Exception as error:
                ends.append(error)

        threads = [threading.Thread(target=run) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return ends

    def test_races(self) -> None:
        """The same call from two threads, many times: one result, one StateError."""
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        self.addCleanup(sys.setswitchinterval, interval)
        for _ in range(60):
            server = accounts.make_server("PLAIN")
            self.check(self.race(lambda s=server: s.start(_PLAIN)))
            server = accounts.make_server("PLAIN")
            server.start()
            self.check(self.race(lambda s=server: s.step(_PLAIN)))
            request = plain_request()
            self.check(self.race(lambda r=request: r.answer(True)))
            for name in ("PLAIN", "LOGIN", "SCRAM-SHA-256"):
                client = accounts.make_client(name)
                self.check(self.race(client.start))

    def check(self, ends: list[Any]) -> None:
        """Check that one of two got a result and the other a StateError."""
        errors = [end for end in ends if isinstance(end, Exception)]
        self.assertEqual([type(error) for error in errors], [sasl.StateError], ends)


class InterruptTest(unittest.TestCase):
    """Ctrl-C anywhere in a call leaves the exchange closed, or as it was before."""

    def interrupted(self, call: Callable[[], Any], number: int) -> bool:
        """Make a call that is interrupted where the library calls its n-th function."""
        seen = 0

        def profile(frame: Any, event: str, _: Any) -> None:
            nonlocal seen
            inside = frame.f_code.co_filename.startswith(_PACKAGE)
            if event == "call" and inside:
                seen += 1
                if seen == number:
                    raise KeyboardInterrupt

        before = sys.getprofile()
        sys.setprofile(profile)
        try:
            call()
        except KeyboardInterrupt:
            return True
        finally:
            sys.setprofile(before)
        return False

    def test_every_call_of_every_step(self) -> None:
        """Every waiting point, interrupted at each function of the library in turn."""
        for point in accounts.points():
            if accounts.is_sibling(point.name):
                continue
            expected = repr(getattr(point.copy(), point.method)(*point.honest))
            number = 1
            while number < 200 and self.check(point, number, expected):
                number += 1
            with self.subTest(str(point)):
                self.assertIn(number, range(2, 200), "interrupted in no place, or all")

    def check(self, point: accounts.Point, number: int, expected: str) -> bool:
        """Interrupt one call, then make it again."""
        machine = point.copy()
        call = getattr(machine, point.method)
        if not self.interrupted(lambda: call(*point.honest), number):
            return False
        with self.subTest(str(point), number=number):
            again = ""
            try:
                again = repr(call(*point.honest))
            except sasl.SASLError as error:
                if type(error) is not sasl.StateError:
                    self.fail(f"neither closed nor as before: {error}")
            if again:
                self.assertEqual(again, expected)
        return True

    def test_an_interrupted_server_does_not_log_in(self) -> None:
        """Neither the interrupted step nor what follows it is a Success."""
        point = next(
            point
            for point in accounts.points_of("CRAM-MD5", profiles.BASE64)
            if isinstance(point.waiting, sasl.Request)
        )
        request = point.copy()
        with (
            mock.patch("hmac.compare_digest", side_effect=KeyboardInterrupt),
            self.assertRaises(KeyboardInterrupt),
        ):
            request.answer(*point.honest)
        with self.assertRaises(sasl.StateError):
            request.answer(*point.honest)


class _Reentrant(sasl.Profile):
    """A profile that steps the exchange again, while it is being stepped."""

    __slots__ = ()
    machine: Any = None

    def decode(self, text: bytes) -> bytes:
        machine, _Reentrant.machine = _Reentrant.machine, None
        if machine is not None:
            machine.step(text)
        return super().decode(text)


class ReentrantTest(unittest.TestCase):
    """A call from within a call is refused."""

    def test_a_server_that_steps_itself(self) -> None:
        """The inner call is a StateError, and so is all that follows."""
        server = accounts.make_server("PLAIN", profile=_Reentrant("reentrant"))
        server.start()
        _Reentrant.machine = server
        with self.assertRaises(sasl.StateError):
            server.step(_PLAIN)
        with self.assertRaises(sasl.StateError):
            server.step(_PLAIN)


if __name__ == "__main__":
    unittest.main()
