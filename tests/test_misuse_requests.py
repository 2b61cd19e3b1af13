"""Requests that are answered twice, out of turn, with the wrong type, or made by hand.

None opens a way to Success.
"""

from __future__ import annotations

import unittest
from collections.abc import Callable
from typing import Any
from unittest import mock

import sasl_core as sasl
from sasl_core._states import SATISFIED, ServerRecord
from sasl_core.mechanisms import Mechanism

from . import _accounts as accounts
from ._misuse import plain_request
from ._points import Point, points

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
        for point in points():
            if not isinstance(point.waiting, sasl.Request):
                continue
            for answer in wrong:
                self.check_wrong(point, answer)

    def check_wrong(self, point: Point, answer: Any) -> None:
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

        for point in points():
            if isinstance(point.waiting, sasl.Request):
                coroutine = check()
                with self.subTest(str(point)), self.assertRaises(sasl.StateError):
                    point.copy().answer(coroutine)
                coroutine.close()

    def test_none_is_a_no_or_no_answer(self) -> None:
        """A function that forgot to return does not log anybody in."""
        for point in points():
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

        for point in points():
            if isinstance(point.waiting, (sasl.FindPassword, sasl.CheckToken)):
                with self.subTest(str(point)), self.assertRaises(sasl.StateError):
                    point.copy().answer(Text("user"))


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


if __name__ == "__main__":
    unittest.main()
