"""Limits on guessing: charged before, given back after."""

from __future__ import annotations

import asyncio
import math
import os
import sqlite3
import tempfile
import threading
import unittest
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sasl_core.backends import Unavailable
from sasl_core.backends.throttle import (
    AsyncThrottle,
    Limit,
    MemoryState,
    SqliteState,
    Throttle,
    Ticket,
)

from ._guessers import guess_together

HOME, AWAY = "192.0.2.1", "198.51.100.1"


class Clock:
    """Time that stands still until it is told."""

    now = 1_000_000.0

    def __call__(self) -> float:
        """Return it."""
        return self.now


class Base(unittest.TestCase):
    """A throttle with a clock."""

    def setUp(self) -> None:
        """Make it, with small limits."""
        self.clock = Clock()
        self.throttle = self.make()

    def make(self, state: Any = None, **settings: Any) -> Throttle:
        """Make one; pairs may fail 3 times, users 6, addresses 10."""
        limits = {
            "pair": Limit(3, most=100.0),
            "user": Limit(6, most=60.0),
            "address": Limit(10, most=300.0),
        }
        return Throttle(state, clock=self.clock, **(limits | settings))

    def guess(
        self,
        username: str | None,
        remote: str | None = HOME,
        outcome: Any = "failure",
    ) -> Ticket:
        """Try a password."""
        ticket = self.throttle.ask(username, remote)
        if not ticket.wait:
            self.throttle.tell(ticket, outcome)
        return ticket

    def tries(self, count: int, username: str | None, remote: str | None = HOME) -> int:
        """Guess at once, again and again; return how many were let through."""
        return sum(not self.guess(username, remote).wait for _ in range(count))


class RulesTest(Base):
    """Each rule."""

    def test_the_delay_grows(self) -> None:
        """Some are free, then each costs twice as long, up to the most."""
        self.assertEqual(self.tries(20, "alice"), 4)
        waits = []
        for _ in range(10):
            wait = self.throttle.ask("alice", HOME).wait
            waits.append(wait)
            self.clock.now += wait / 2
            self.assertGreater(self.throttle.ask("alice", HOME).wait, 0)
            self.clock.now += wait / 2 + 0.01
            self.assertEqual(self.guess("alice").wait, 0)
        self.assertEqual([round(wait) for wait in waits[:5]], [1, 2, 4, 8, 16])
        self.assertEqual(round(waits[-1]), 100)

    def test_it_is_forgotten(self) -> None:
        """After a day without."""
        self.tries(20, "alice")
        self.clock.now += 86401
        self.assertEqual(self.tries(20, "alice"), 4)

    def test_a_success_clears_the_pair(self) -> None:
        """A user who mistypes and then does not has a clean sheet."""
        for _ in range(5):
            self.assertEqual(self.tries(3, "alice"), 3)
            self.assertEqual(self.guess("alice", outcome="success").wait, 0)

    def test_parallel_guesses_do_not_all_pass(self) -> None:
        """Each is charged before it is looked at."""
        tickets = [self.throttle.ask("alice", HOME) for _ in range(1000)]
        self.assertEqual(sum(not ticket.wait for ticket in tickets), 4)

    def test_what_tested_no_password_costs_nothing(self) -> None:
        """An abort, a dead database."""
        for _ in range(50):
            self.assertEqual(self.guess("alice", outcome="neither").wait, 0)
        self.assertEqual(self.tries(20, "alice"), 4)

    def test_telling_twice_is_telling_once(self) -> None:
        """A charge is given back once."""
        self.tries(3, "alice")
        ticket = self.throttle.ask("alice", HOME)
        for _ in range(5):
            self.throttle.tell(ticket, "neither")
        self.assertEqual(self.tries(20, "alice"), 1)

    def test_a_botnet_does_not_lock_alice_out(self) -> None:
        """Where she has logged in before, only her own mistakes count."""
        self.guess("alice", outcome="success")
        for number in range(50):
            self.guess("alice", f"203.0.113.{number}")
        self.assertGreater(self.throttle.ask("alice", AWAY).wait, 0)
        self.assertEqual(self.throttle.ask("alice", HOME).wait, 0)
        self.clock.now += 30 * 86400
        self.guess("alice", outcome="success")  # trust ends, unless it is renewed

    def test_a_botnet_gets_few_guesses(self) -> None:
        """However many addresses it has."""
        done = sum(
            not self.guess("alice", f"203.0.113.{number}").wait for number in range(200)
        )
        self.assertEqual(done, 7)

    def test_a_neighbour_s_mistakes_are_his(self) -> None:
        """One user behind an address may fail for ever; the others log in."""
        for _ in range(50):
            self.guess("alice")
            self.clock.now += 101
        self.assertEqual(self.guess("bob", outcome="success").wait, 0)
        self.assertEqual(self.guess("carol", outcome="success").wait, 0)

    def test_a_spray_is_slowed(self) -> None:
        """One password for many users; who has logged in there is not concerned."""
        self.guess("bob", outcome="success")
        done = sum(not self.guess(f"user-{number}").wait for number in range(200))
        self.assertEqual(done, 11)
        self.assertEqual(self.guess("bob", outcome="success").wait, 0)
        self.assertEqual(self.throttle.ask("carol", AWAY).wait, 0)

    def test_one_s_own_success_forgives_nobody_else(self) -> None:
        """An attacker with an account does not reset the counters with it."""
        for number in range(11):
            self.guess(f"user-{number}")
            self.guess("mallory", outcome="success")
        self.assertGreater(self.throttle.ask("another", HOME).wait, 0)
        for number in range(7):
            self.guess("alice", f"203.0.113.{number}")
        self.guess("mallory", AWAY, "success")
        self.assertGreater(self.throttle.ask("alice", AWAY).wait, 0)

    def test_networks(self) -> None:
        """IPv6 by /64, mapped IPv4 as itself; what is no address is none."""
        for same in (
            ("2001:db8::1", "2001:db8::ffff:2", "2001:db8::3%eth0", "2001:db8::4%"),
            ("192.0.2.9", "::ffff:192.0.2.9"),
        ):
            self.throttle = self.make()
            done = [
                not self.guess(f"u{n}", same[n % len(same)]).wait for n in range(40)
            ]
            self.assertEqual(sum(done), 11)
        for other in ("2001:db8:0:1::1", "192.0.2.10"):
            self.assertEqual(self.throttle.ask("u99", other).wait, 0)
        self.throttle = self.make()
        for remote in (None, "/run/imap.sock", "", "192.0.2.1:25", "x" * 100_000):
            done = [not self.guess(f"u{n}", remote).wait for n in range(40)]
            self.assertEqual(sum(done), 40)
            self.throttle = self.make()

    def test_a_lock_out_is_a_choice(self) -> None:
        """And ends by hand only."""
        self.throttle = self.make(user=Limit(2, lock=4))
        for _ in range(4):
            self.clock.now += 1000
            self.assertEqual(self.guess("alice", AWAY).wait, 0)
        self.clock.now += 1_000_000
        ticket = self.throttle.ask("alice", AWAY)
        self.assertEqual(ticket.wait, math.inf)
        self.throttle.release("alice", AWAY)
        self.assertEqual(self.guess("alice", AWAY).wait, 0)

    def test_a_clock_that_goes_back(self) -> None:
        """Nobody waits longer than the most for it."""
        self.tries(20, "alice")
        self.clock.now -= 1_000_000
        wait = self.throttle.ask("alice", HOME).wait
        self.assertLessEqual(wait, 100)

    def test_before_a_name_is_known(self) -> None:
        """Each failure counts for the address, and for nobody else."""
        for outcome, passed in (("failure", 11), ("success", 30), ("neither", 30)):
            self.throttle = self.make()
            done = [not self.guess(None, HOME, outcome).wait for _ in range(30)]
            self.assertEqual(sum(done), passed)
            self.assertEqual(bool(self.guess("alice", HOME).wait), passed == 11)
            self.assertEqual(self.tries(9, "alice", AWAY), 4)
            self.assertEqual(self.tries(30, None, AWAY), 10)
        self.assertEqual(self.tries(30, None, None), 30)
        self.throttle.release(remote=AWAY)
        self.assertEqual(self.tries(30, None, AWAY), 11)

    def test_charges_at_once_before_a_name_is_known(self) -> None:
        """Only one's own is given back, and nothing that was forgotten since."""
        tickets = [self.throttle.ask(None, HOME) for _ in range(12)]
        self.assertEqual([bool(each.wait) for each in tickets], [False] * 11 + [True])
        for ticket in tickets[:9]:
            self.throttle.tell(ticket, "success")
        self.assertEqual(self.tries(30, None), 9)
        self.clock.now += 2 * 86400
        self.assertEqual(self.tries(30, None), 11)
        self.throttle.tell(tickets[9], "success")
        self.assertGreater(self.throttle.ask(None, HOME).wait, 0)

    def test_hostile_names(self) -> None:
        """They are only hashed."""
        for name in ("", "\0", "a\r\nb", "\ud800", "x" * 1_000_000, "'; --", "\u2028"):
            self.assertEqual(self.tries(10, name), 4)
            self.throttle = self.make()

    def test_no_names_lie_around(self) -> None:
        """Nor addresses; another secret makes other keys."""
        state = MemoryState()
        self.throttle = self.make(state)
        self.guess("alice", outcome="success")
        self.guess("bob")
        shown = repr(state._texts)
        for word in ("alice", "bob", HOME):
            self.assertNotIn(word, shown)
        before = set(state._texts)
        self.throttle = self.make(state, secret=b"of this site")
        self.guess("alice", outcome="success")
        self.assertEqual(len(set(state._texts) - before), len({"trust"}))

    def test_limits_that_limit_nothing(self) -> None:
        """They are refused."""
        for wrong in (
            {"free": -1},
            {"free": 1, "delay": 0},
            {"free": 1, "factor": 0.5},
            {"free": 1, "delay": 10, "most": 5},
            {"free": 1, "most": 10, "forget": 5},
        ):
            with self.assertRaises(ValueError):
                Limit(**wrong)


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
