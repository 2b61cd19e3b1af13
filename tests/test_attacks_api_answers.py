"""The property cases of `attacks/api.json`: what is answered, and what is given."""

from __future__ import annotations

import itertools
import tracemalloc
import unittest
from typing import Any
from unittest import mock

import sasl_core as sasl
from sasl_core import Reason

from ._api_cases import CHANNEL, NAMES, PASSWORD, REQUESTS, TOKEN, USER, Pair, asked
from ._drive import PROFILES

TAKE_TEXT = (sasl.CheckToken, sasl.FindPassword)


class AnswersTest(unittest.TestCase):
    """What an application answers."""

    def test_API_09_only_the_promised_type_is_an_answer(self) -> None:
        """A truthy value of another type is a StateError and a closed exchange."""

        async def coroutine() -> bool:
            return True

        wrong = ["false", 1, 1.0, object(), mock.Mock(), [True], b"yes", {"ok": True}]
        for kind, make in REQUESTS.items():
            pending = coroutine()
            for answer in [*wrong, pending]:
                if isinstance(answer, str) and kind in TAKE_TEXT:
                    continue
                with self.subTest(kind=kind.__name__, answer=type(answer).__name__):
                    request = make()
                    self.assertIsInstance(request, kind)
                    with self.assertRaises(sasl.StateError):
                        request.answer(answer)
                    with self.assertRaises(sasl.StateError):
                        request.answer(True)
            pending.close()

    def test_API_10_a_verifier_that_raises_is_a_temporary_failure(self) -> None:
        """Its exception passes by; the request can still be settled, without secrets."""
        for make in REQUESTS.values():
            request = make()
            try:
                raise ConnectionError("the database is gone")
            except ConnectionError as error:
                event = request.unavailable(str(error))
            self.assertEqual(
                event, sasl.Failure(Reason.UNAVAILABLE, "the database is gone")
            )
            with self.assertRaises(sasl.StateError):
                request.answer(True)

    def test_API_11_none_is_no_yes(self) -> None:
        """None ends in a failure or is no answer at all."""
        for kind in (sasl.CheckPassword, sasl.CheckToken, sasl.Authorize):
            with self.assertRaises(sasl.StateError):
                REQUESTS[kind]().answer(None)
        pair = Pair("SCRAM-SHA-256")
        pair.store.keys = {}
        self.assertEqual(pair.run().reason, Reason.BAD_CREDENTIALS)

    def test_API_34_the_whole_name_is_compared(self) -> None:
        """The same local part in another domain is somebody else."""
        request = asked("PLAIN", b"admin@b.example\0admin@a.example\0secret-p")
        event = request.answer(True)
        self.assertIsInstance(event, sasl.Authorize)
        self.assertEqual(
            (event.authcid, event.authzid), ("admin@a.example", "admin@b.example")
        )


class ArgumentsTest(unittest.TestCase):
    """Arguments of the wrong type, and too much of the right one."""

    def test_API_20_str_for_bytes_changes_nothing(self) -> None:
        """It is a TypeError, after which the exchange goes on."""
        for name in NAMES:
            pair = Pair(name)
            text: Any = "text"
            for call in (pair.client.step, pair.client.finish):
                with self.assertRaises(TypeError):
                    call(text)
            for call in (pair.server.start, pair.server.step):
                with self.assertRaises(TypeError):
                    call(text)
            self.assertIsInstance(pair.run(), sasl.Success)

    def test_API_20_bytes_for_str_are_refused(self) -> None:
        """Credentials are text: octets are a TypeError, whatever the mechanism."""
        wrong: Any
        for name in ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256", "XOAUTH2"):
            for wrong in ((b"user", PASSWORD), (USER, b"secret-p")):
                with self.subTest(name=name, wrong=wrong), self.assertRaises(TypeError):
                    client = sasl.client(
                        name,
                        sasl.Credentials(*wrong, token=TOKEN),
                        channel=CHANNEL,
                        nonce=b"abc",
                    )
                    client.start()

    def test_API_21_no_layer_is_there(self) -> None:
        """No mechanism has negotiated a layer, on either side, at any time."""
        for name in NAMES:
            pair = Pair(name)
            for event in pair.events():
                self.assertIsNone(pair.client.layer)
                self.assertIsNone(getattr(event, "layer", None))

    def test_API_22_too_long_messages_are_not_looked_at(self) -> None:
        """One octet over the limit fails at every waiting point, without copies."""
        too_long = b"A" * 65537
        for name, profile in itertools.product(NAMES, PROFILES):
            with self.subTest(name=name, profile=profile.name):
                for turns in itertools.count():
                    pair = Pair(name, profile=profile)
                    if not self._waits_for_client(pair, turns):
                        break
                    with self._no_copies():
                        event = pair.server.step(too_long)
                    self.assertEqual(event.reason, Reason.TOO_LONG)
                with self._no_copies(), self.assertRaises(sasl.ProtocolError):
                    Pair(name, profile=profile).client.step(too_long)

    def _waits_for_client(self, pair: Pair, turns: int) -> bool:
        event: Any = pair.server.start(None)
        response = pair.client.start()
        for _ in range(turns):
            if response is None or not isinstance(event, sasl.Challenge):
                response = pair.client.step(event.data)
            event = pair.store.settle(pair.server.step(response))
            response = None
            if not isinstance(event, sasl.Challenge):
                return False
        return True

    def _no_copies(self) -> Any:
        return _Traced(self, 65536)


class _Traced:
    """Hold a block to a peak of memory."""

    def __init__(self, test: unittest.TestCase, limit: int) -> None:
        self.test, self.limit = test, limit

    def __enter__(self) -> None:
        tracemalloc.start()

    def __exit__(self, kind: object, *_: object) -> None:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        if kind is None:
            self.test.assertLess(peak, self.limit)


if __name__ == "__main__":
    unittest.main()
