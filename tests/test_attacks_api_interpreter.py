"""The property cases of `attacks/api.json`: however Python is run."""

from __future__ import annotations

import random
import subprocess
import sys
import unittest
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

import sasl_core as sasl
from sasl_core import Reason

from ._api_cases import (
    CHANNEL,
    NAMES,
    PASSWORD,
    REQUESTS,
    SALT,
    USER,
    Pair,
    asked,
    new_server,
)
from ._drive import HashCalls, hash_of

ROOT = Path(__file__).parent.parent


class InterpreterTest(unittest.TestCase):
    """Things that must not depend on how Python is run."""

    def test_API_12_no_assert_guards_anything(self) -> None:
        """The library passes its vectors under -O; test_purity finds no assert in it."""
        parts = [f"vectors_{part}" for part in ("parts", "bindings", "registry")]
        suites = [f"tests.test_{name}" for name in ("vectors", *parts, "attacks")]
        command = [sys.executable, "-O", "-m", "unittest", "-q", *suites]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr.decode()[-2000:])

    def test_API_13_secrets_are_compared_in_constant_time(self) -> None:
        """Each side that checks a proof calls compare_digest."""
        expected = {"CRAM-MD5": 1} | dict.fromkeys(
            (name for name in NAMES if name.startswith("SCRAM")),
            2,  # the server's StoredKey, the client's ServerSignature
        )
        for name, times in expected.items():
            pair = Pair(name)
            with HashCalls() as calls:
                self.assertIsInstance(pair.run(), sasl.Success)
            self.assertEqual(calls.names.count("compare_digest"), times, name)

    def test_API_14_an_unknown_user_costs_the_same(self) -> None:
        """Unknown user and wrong password make the same hash calls in the server."""
        for name in ("CRAM-MD5", *(n for n in NAMES if n.startswith("SCRAM"))):
            costs = []
            for user in (USER, "somebody-else"):
                pair = Pair(name)
                pair.store.passwords = {user: "another"}
                if pair.store.keys:
                    other = sasl.ScramKeys.derive("another", hash_of(name), salt=SALT)
                    pair.store.keys = {user: other}
                costs.append(self._cost(pair))
            self.assertEqual(costs[0], costs[1], name)
            self.assertNotIn("pbkdf2_hmac", costs[0])

    def _cost(self, pair: Pair) -> list[str]:
        cost = []
        with HashCalls() as calls:
            event: Any = pair.server.start(pair.client.start())
        while not isinstance(event, sasl.Failure):
            cost += calls.names
            response = None
            if isinstance(event, sasl.Challenge):
                response = pair.client.step(event.data)
            with HashCalls() as calls:
                if response is None:
                    event = pair.store.settle(event)
                else:
                    event = pair.server.step(response)
        self.assertIs(event.reason, Reason.BAD_CREDENTIALS)
        return cost + calls.names

    def test_API_15_threads_do_not_disturb_each_other(self) -> None:
        """A thousand exchanges in eight threads end each with its own identity."""

        def one(number: int) -> bool:
            user = f"user-{number}"
            name = ("PLAIN", "CRAM-MD5", "LOGIN", "XOAUTH2")[number % 4]
            success = Pair(name, user=user).run()
            return bool(success.identity == sasl.Identity(user))

        with ThreadPoolExecutor(8) as pool:
            self.assertEqual(sum(pool.map(one, range(1000))), 1000)

    def test_API_15_one_object_gives_one_result_to_two_threads(self) -> None:
        """Of two threads that step one object, one gets a StateError."""
        for _ in range(50):
            request = REQUESTS[sasl.CheckPassword]()
            with ThreadPoolExecutor(2) as pool:
                calls = [pool.submit(request.answer, True) for _ in range(2)]
            errors = [call.exception() for call in calls]
            self.assertEqual([type(e) for e in errors].count(sasl.StateError), 1)

    def test_API_18_nonces_are_fresh(self) -> None:
        """A thousand are distinct, and no seed of `random` repeats them."""
        for name in ("CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"):
            drawn: list[bytes] = []
            with mock.patch("random.random", return_value=0.5):
                for _ in range(2):
                    random.seed(0)
                    drawn += [self._nonce(name) for _ in range(500)]
            self.assertEqual(len(set(drawn)), 1000, name)
            self.assertGreaterEqual(min(map(len, drawn)), 16)

    def _nonce(self, name: str) -> bytes:
        if name == "CRAM-MD5":
            return new_server(name).start().data
        client = sasl.client(name, sasl.Credentials(USER, PASSWORD), channel=CHANNEL)
        mine = b64decode(client.start() or b"").partition(b"r=")[2]
        request = asked(name, b"n,,n=user,r=" + mine)
        both = request.answer(None).data.split(b",")[0]
        self.assertGreaterEqual(len(both), len(mine) + 18)
        return bytes(both)


if __name__ == "__main__":
    unittest.main()
