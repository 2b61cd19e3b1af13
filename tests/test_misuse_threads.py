"""Calls from two threads, from within a call, and Ctrl-C in the middle of one.

None opens a way to Success.
"""

from __future__ import annotations

import sys
import threading
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import sasl_core as sasl
from sasl_core import profiles

from . import _accounts as accounts
from ._misuse import PLAIN, plain_request
from ._points import Point, is_sibling, points, points_of

_PACKAGE = str(Path(sasl.__file__).parent)


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


class ThreadTest(unittest.TestCase):
    """Two threads that use one object get one result and one StateError."""

    def point(self, name: str, kind: type, method: str, last: int) -> Point:
        """Return one of the waiting points of a mechanism."""
        return [
            point
            for point in points_of(name, profiles.BASE64)
            if isinstance(point.waiting, kind) and point.method == method
        ][last]

    def while_running(
        self, point: Point, target: str, meanwhile: Callable[[Any], Any]
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
            self.check(self.race(lambda s=server: s.start(PLAIN)))
            server = accounts.make_server("PLAIN")
            server.start()
            self.check(self.race(lambda s=server: s.step(PLAIN)))
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
        for point in points():
            if is_sibling(point.name):
                continue
            expected = repr(getattr(point.copy(), point.method)(*point.honest))
            number = 1
            while number < 200 and self.check(point, number, expected):
                number += 1
            with self.subTest(str(point)):
                self.assertIn(number, range(2, 200), "interrupted in no place, or all")

    def check(self, point: Point, number: int, expected: str) -> bool:
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
            for point in points_of("CRAM-MD5", profiles.BASE64)
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
            server.step(PLAIN)
        with self.assertRaises(sasl.StateError):
            server.step(PLAIN)


if __name__ == "__main__":
    unittest.main()
