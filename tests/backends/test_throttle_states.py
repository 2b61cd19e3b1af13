"""Limits on guessing: where they are kept, and what if that cannot be asked."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import tempfile
import threading
import unittest
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sasl_core.backends import Unavailable
from sasl_core.backends.throttle import AsyncThrottle, Limit, MemoryState, SqliteState

from ._guessers import guess_together
from ._throttle import HOME, Base, Clock


class DownState(MemoryState):
    """A state that is down at times."""

    down = False

    def read(self, keys: Sequence[str]) -> Any:
        """Read, or not."""
        if self.down:
            raise ConnectionError("redis://user:secret@host")
        return super().read(keys)


class UnavailableTest(Base):
    """What becomes of attempts while the state cannot be asked."""

    def test_closed(self) -> None:
        """They fail for now; the log says so once."""
        state = DownState()
        self.throttle = self.make(state)
        state.down = True
        with self.assertLogs("sasl_core.backends.throttle", "WARNING") as logs:
            for _ in range(5):
                with self.assertRaises(Unavailable) as caught:
                    self.throttle.ask("alice", HOME)
                self.assertNotIn("secret", str(caught.exception))
            state.down = False
            self.assertEqual(self.throttle.ask("alice", HOME).wait, 0)
        self.assertEqual(len(logs.output), 2)
        self.assertNotIn("secret", "".join(logs.output))

    def test_open(self) -> None:
        """They go on, and the ticket says why."""
        state = DownState()
        self.throttle = self.make(state, unavailable="open")
        state.down = True
        with self.assertLogs("sasl_core.backends.throttle", "WARNING"):
            ticket = self.throttle.ask("alice", HOME)
        self.assertEqual(ticket.wait, 0)
        self.assertIn("ConnectionError", ticket.unavailable)
        self.throttle.tell(ticket, "failure")
        with self.assertRaises(ValueError):
            self.make(unavailable="ajar")

    def test_down_in_between(self) -> None:
        """What cannot be told is logged: the charge stays."""
        state = DownState()
        self.throttle = self.make(state)
        ticket = self.throttle.ask("alice", HOME)
        state.down = True
        with self.assertLogs("sasl_core.backends.throttle", "WARNING"):
            self.throttle.tell(ticket, "success")


class StatesTest(Base):
    """Memory and SQLite; Redis is in tests/interop."""

    def setUp(self) -> None:
        """Make a directory."""
        super().setUp()
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = Path(directory.name, "throttle.sqlite")

    def test_swap(self) -> None:
        """All or nothing."""
        for state in (MemoryState(), SqliteState(self.path)):
            with self.subTest(type(state).__name__):
                keys = ["a", "b", "c"]
                none = [None, None, None]
                self.assertEqual(state.read(keys), none)
                self.assertFalse(
                    state.swap(keys, ["x", None, None], ["y", "y", "y"], 9)
                )
                self.assertEqual(state.read(keys), none)
                self.assertTrue(state.swap(keys, none, ["1", "2", None], 9))
                self.assertEqual(state.read(keys), ["1", "2", None])
                self.assertTrue(state.swap(["b", "c"], ["2", None], [None, "3"], 9))
                self.assertEqual(state.read(keys), ["1", None, "3"])

    def test_threads(self) -> None:
        """Together they get what one would."""
        for state in (MemoryState(), SqliteState(self.path)):
            with self.subTest(type(state).__name__):
                self.throttle = self.make(state)
                done: list[int] = []
                threads = [
                    threading.Thread(
                        target=lambda done=done: done.append(self.tries(20, "alice"))
                    )
                    for _ in range(4)
                ]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                self.assertEqual(sum(done), 4)

    def test_two_processes(self) -> None:
        """Together they get what one would, too."""
        done = guess_together("SqliteState(sys.argv[1])", self.path)
        self.assertEqual(done, 201)

    @unittest.skipUnless(hasattr(os, "fork"), "needs os.fork")
    def test_fork(self) -> None:
        """The child opens the file anew."""
        state = SqliteState(self.path)
        self.throttle = self.make(state)
        self.guess("alice")
        mine = state._connection()
        child = os.fork()
        if child == 0:
            anew = state._connection() is not mine
            os._exit(self.tries(20, "alice") if anew else 99)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 3)
        self.assertEqual(self.tries(20, "alice"), 0)

    def test_a_full_disk(self) -> None:
        """It is an error once: no transaction is left open for the next attempt."""
        state = SqliteState(self.path)
        state.swap(["a"], [None], ["1"], 9)
        db = state._connection()
        (pages,) = db.execute("PRAGMA page_count").fetchone()
        db.execute(f"PRAGMA max_page_count={pages}")
        for _ in range(3):
            with self.assertRaises(sqlite3.Error):
                state.swap(["a", "b"], ["1", None], ["2", "x" * 1_000_000], 9)
        with self.assertRaises(ValueError):
            state.swap(["a"], ["1"], ["2", "more texts than keys"], 9)
        self.assertTrue(state.swap(["a"], ["1"], ["3"], 9))

    def test_what_has_ended_goes(self) -> None:
        """And is found by an index: a spray does not make every attempt slow."""
        state = SqliteState(self.path)
        state.swap(["a"], [None], ["1"], -9)
        state.swap(["b"], [None], ["1"], 9)
        self.assertEqual(state.read(["a", "b"]), [None, "1"])
        plan = state._connection().execute(
            "EXPLAIN QUERY PLAN DELETE FROM throttle WHERE ends < 1"
        )
        self.assertIn("INDEX throttle_ends", str(plan.fetchall()))

    def test_memory_is_bounded(self) -> None:
        """The oldest go first."""
        state = MemoryState(limit=30)
        self.throttle = self.make(state)
        for number in range(100):
            self.guess(f"user-{number}", f"203.0.113.{number}")
        self.assertEqual(len(state._texts), 30)
        self.assertEqual(self.tries(20, "user-99", "203.0.113.99"), 3)

    def test_a_file_that_cannot_be_opened(self) -> None:
        """It is unavailable, not a way in."""
        self.throttle = self.make(SqliteState(self.path / "none" / "such"))
        with (
            self.assertLogs("sasl_core.backends.throttle"),
            self.assertRaises(Unavailable),
        ):
            self.throttle.ask("alice", HOME)


class ContendedTest(Base):
    """A state in which others write all the time."""

    def test_it(self) -> None:
        """It is unavailable, as configured, and the log says so."""

        class State(MemoryState):
            def swap(self, *_: Any) -> bool:
                return False

        log = "sasl_core.backends.throttle"
        with self.assertLogs(log), self.assertRaises(Unavailable):
            self.make(State()).ask("alice", HOME)
        with self.assertLogs(log):
            ticket = self.make(State(), unavailable="open").ask("alice", HOME)
        self.assertTrue(ticket.unavailable)


class AsyncTest(unittest.IsolatedAsyncioTestCase):
    """The same rules with a state that is awaited."""

    async def test_it(self) -> None:
        """Charged, given back, and unavailable."""
        plain = DownState()

        class State:
            async def read(self, keys: Any) -> Any:
                await asyncio.sleep(0)
                return plain.read(keys)

            async def swap(self, *arguments: Any) -> bool:
                await asyncio.sleep(0)
                return plain.swap(*arguments)

        throttle = AsyncThrottle(State(), clock=Clock(), pair=Limit(3))
        tickets = await asyncio.gather(
            *(throttle.ask("alice", HOME) for _ in range(50))
        )
        good = [ticket for ticket in tickets if not ticket.wait]
        self.assertEqual(len(good), 4)
        await throttle.tell(good[0], "success")
        self.assertEqual((await throttle.ask("alice", HOME)).wait, 0)
        await throttle.release("alice", HOME)
        self.assertEqual(
            plain.read([throttle._rules.keys("alice", HOME)["pair"]]), [None]
        )
        plain.down = True
        with (
            self.assertLogs("sasl_core.backends.throttle"),
            self.assertRaises(Unavailable),
        ):
            await throttle.ask("alice", HOME)


if __name__ == "__main__":
    unittest.main()
