"""Coroutines for those who do not await."""

from __future__ import annotations

import types
import unittest

import sasl_core as sasl
from sasl_core._worlds import run


@types.coroutine
def wait():
    """Wait for something that never comes."""
    yield


class RunTest(unittest.TestCase):
    def test_what_it_comes_to(self) -> None:
        async def work() -> int:
            return 42

        self.assertEqual(run(work(), sasl.StateError("no")), 42)

    def test_what_it_raises(self) -> None:
        async def work() -> None:
            raise KeyError("mine")

        with self.assertRaises(KeyError):
            run(work(), sasl.StateError("no"))

    def test_what_waits_is_ended(self) -> None:
        ended = []

        async def work() -> None:
            try:
                await wait()
            finally:
                ended.append(True)

        waiting = work()
        with self.assertRaisesRegex(sasl.StateError, "nobody awaits"):
            run(waiting, sasl.StateError("nobody awaits"))
        self.assertEqual(ended, [True])
