"""What is charged and what is given back, against a model, a hostile peer and the clock."""

from __future__ import annotations

import math
import unittest
from typing import Any

from sasl_core.backends.throttle import Limit, MemoryState, Throttle, Ticket

from .._hypothesis import given, st
from ._throttle import AWAY, HOME, Base, Clock

WIDE = Limit(10_000)
limits = st.builds(
    lambda free, delay, factor, most, forget: Limit(
        free, delay, factor, delay * most, delay * most * forget
    ),
    free=st.integers(0, 4),
    delay=st.floats(0.01, 10),
    factor=st.sampled_from([1.0, 1.05, 1.5, 2.0, 10.0, 1e6]),
    most=st.floats(1, 50),
    forget=st.floats(1, 3),
)


class LimitTest(unittest.TestCase):
    """The arithmetic of waiting."""

    def test_every_factor_reaches_the_most(self) -> None:
        """A slow one, a fast one; and no power is too large for a float."""
        for factor in (1.01, 1.05, 1.5, 2.0, 1e6, 1e300):
            with self.subTest(factor):
                limit = Limit(3, 1.0, factor)
                self.assertEqual(limit.wait(4, 0, 0), 1.0)
                self.assertEqual(limit.wait(100_000, 0, 0), 900.0)
                self.assertEqual(limit.wait(10**400, 0, 0), 900.0)
        self.assertEqual(Limit(3, 2.0, 1.0).wait(10_000, 0, 0), 2.0)
        self.assertEqual(Limit(3, lock=1).wait(1, 0, 0), math.inf)

    def test_limits_that_limit_nothing(self) -> None:
        """They are refused."""
        for wrong in (
            {"delay": math.nan},
            {"most": math.inf, "forget": math.inf},
            {"factor": math.inf},
            {"lock": 0},
        ):
            with self.subTest(wrong), self.assertRaises(ValueError):
                Limit(1, **wrong)  # type: ignore[arg-type]  # one of its fields

    @given(limits, st.integers(0, 10_000), st.floats(0, 1e9), st.floats(0, 1e9))
    def test_waits_are_bounded(
        self, limit: Limit, failures: int, last: float, now: float
    ) -> None:
        """Between nothing and the most, whatever the state says."""
        self.assertTrue(0.0 <= limit.wait(failures, last, now) <= limit.most)

    @given(limits, st.lists(st.floats(0, 3), min_size=1, max_size=60))
    def test_the_bound_holds(self, limit: Limit, pauses: list[float]) -> None:
        """However the guesses come: at once, by the wait, or after it is forgotten."""
        for settings in (
            {"pair": limit, "user": WIDE, "address": WIDE},
            {"pair": WIDE, "user": limit, "address": WIDE},
        ):
            clock = Clock()
            throttle = Throttle(clock=clock, **settings)
            start, passed = clock.now, 0
            for pause in pauses:
                wait = throttle.ask("alice", HOME).wait
                passed += not wait
                # 0 to 1: of what it was told to wait; more: of what makes it forget.
                if pause <= 1:
                    clock.now += wait * pause
                else:
                    clock.now += max(wait, limit.forget * (pause - 1) * 0.7)
            self.assertLessEqual(passed, limit.bound(clock.now - start) + 0.001)

    def test_the_bound_is_near(self) -> None:
        """Who guesses whenever he may comes close to it: it says something."""
        limit = Limit(3, most=60.0)
        clock = Clock()
        throttle = Throttle(clock=clock, pair=limit, user=WIDE, address=WIDE)
        start, passed = clock.now, 0
        while clock.now < start + 6000:
            wait = throttle.ask("alice", HOME).wait
            passed += not wait
            clock.now += wait
        self.assertGreater(passed, 0.9 * limit.bound(6000))

    def test_the_bound_knows_of_forgetting(self) -> None:
        """Who waits until all is forgotten has the free ones again."""
        limit, clock = Limit(10, most=60.0, forget=60.0), Clock()
        throttle = Throttle(clock=clock, pair=limit, user=WIDE, address=WIDE)
        start, passed = clock.now, 0
        for _ in range(20):
            passed += sum(not throttle.ask("alice", HOME).wait for _ in range(20))
            clock.now += 60.1
        self.assertEqual(passed, 220)
        self.assertLessEqual(passed, limit.bound(clock.now - start))

    def test_addresses_are_bounded_too(self) -> None:
        """In users that it fails for, whatever is aborted beside the guesses."""
        limit, clock = Limit(5, most=60.0), Clock()
        throttle = Throttle(clock=clock, address=limit, user=WIDE, pair=WIDE)
        failed = set()
        for number in range(400):
            name = f"user-{number}"
            beside, guess = throttle.ask(name, HOME), throttle.ask(name, HOME)
            if not guess.wait:
                failed.add(name)
            throttle.tell(guess, "failure")
            throttle.tell(beside, "neither")
            clock.now += 1
        self.assertLessEqual(len(failed), limit.bound(400))
        self.assertGreater(len(failed), 5)


class ChargeTest(Base):
    """What an attempt leaves behind."""

    @given(
        st.lists(
            st.tuples(
                st.integers(0, 2),
                st.integers(0, 2),
                st.sampled_from(["ask", "success", "failure", "neither"]),
                st.integers(0, 9),
            ),
            max_size=60,
        )
    )
    def test_the_model(self, steps: list[tuple[int, int, str, int]]) -> None:
        """A user's count is his attempts that are not given back; a pair's are those since
        its success; an address's are its users with such a pair.
        """
        state, clock = MemoryState(), Clock()
        wide: dict[str, Any] = {"user": WIDE, "address": WIDE, "pair": WIDE}
        throttle = Throttle(state, clock=clock, trust=0.0, **wide)
        users: dict[str, set[int]] = {f"u{n}": set() for n in range(3)}
        places = [f"192.0.2.{n}" for n in range(3)]
        pairs: dict[tuple[str, str], set[int]]
        pairs = {(user, place): set() for user in users for place in places}
        tickets: list[tuple[Ticket, str, str]] = []
        for user_at, place_at, what, which in steps:
            clock.now += 1
            user, place = f"u{user_at}", places[place_at]
            if what == "ask":
                users[user].add(len(tickets))
                pairs[user, place].add(len(tickets))
                tickets.append((throttle.ask(user, place), user, place))
            elif tickets:
                at = which % len(tickets)
                ticket, user, place = tickets[at]
                if not ticket._told and what != "failure":
                    users[user].discard(at)
                    pairs[user, place].discard(at)
                    if what == "success":
                        pairs[user, place].clear()
                throttle.tell(ticket, what)  # type: ignore[arg-type]  # an outcome
        for user, mine in users.items():
            for place in places:
                keys = throttle._rules.keys(user, place)
                texts = state.read([keys["user"], keys["pair"], keys["address"]])
                counts = [int((text or "0").split()[0]) for text in texts]
                there = sum(bool(pairs[name, place]) for name in users)
                self.assertEqual(counts, [len(mine), len(pairs[user, place]), there])

    def test_two_successes_side_by_side(self) -> None:
        """Leave nothing at the address, whichever of them is told last."""
        throttle = self.throttle = self.make(trust=0.0)
        state: Any = throttle._state
        first, second = (throttle.ask("alice", HOME) for _ in range(2))
        throttle.tell(second, "success")
        self.clock.now += 1
        throttle.ask("alice", HOME)
        throttle.tell(first, "success")
        self.assertEqual(
            state.read([throttle._rules.keys("alice", HOME)["address"]]), [None]
        )

    def test_what_is_told_first_counts(self) -> None:
        """A failure is not taken back by a success that is told after it."""
        for late in ("success", "neither"):
            self.throttle = self.make()
            for _ in range(4):
                ticket = self.throttle.ask("alice", HOME)
                self.throttle.tell(ticket, "failure")
                self.throttle.tell(ticket, late)
            self.assertGreater(self.throttle.ask("alice", HOME).wait, 0)

    def test_what_is_forgotten_is_not_given_back(self) -> None:
        """An attempt that lasts a day takes nothing off the failures of the next one."""
        for late in ("success", "neither"):
            self.throttle = self.make()
            ticket = self.throttle.ask("alice", AWAY)
            self.clock.now += 90_000
            done = [not self.guess("alice", f"203.0.113.{n}").wait for n in range(9)]
            self.assertEqual(sum(done), 7)
            self.throttle.tell(ticket, late)  # type: ignore[arg-type]  # an outcome
            self.assertGreater(self.throttle.ask("alice", "203.0.113.99").wait, 0)

    def test_another_word_is_refused(self) -> None:
        """And gives nothing back: a slip of the pen is not an amnesty."""
        for _ in range(4):
            ticket = self.throttle.ask("alice", HOME)
            for word in ("sucess", "", None, True):
                with self.assertRaises(ValueError):
                    self.throttle.tell(ticket, word)  # type: ignore[arg-type]  # the test
        self.assertGreater(self.throttle.ask("alice", HOME).wait, 0)

    def test_a_success_leaves_the_others_wait_alone(self) -> None:
        """It neither begins anew nor is remembered longer."""
        for number in range(12):
            self.guess(f"user-{number}")
        self.clock.now += 0.75
        self.assertAlmostEqual(self.throttle.ask("carol", HOME).wait, 0.25)
        self.clock.now += 0.25
        self.guess("bob", outcome="success")
        self.assertEqual(self.throttle.ask("carol", HOME).wait, 0)

        self.throttle = self.make()
        self.tries(12, "mallory", AWAY)
        for number in range(12):
            self.guess(f"user-{number}")
        for number in range(50):
            self.clock.now += 2000
            self.guess(f"new-{number}", outcome="success")
        for number in range(11):  # a day is over
            self.assertEqual(self.guess(f"other-{number}").wait, 0)

    def test_who_logs_in_at_last_leaves_no_trace(self) -> None:
        """Behind one address everybody mistypes once a day, for a month."""
        for day in range(30):
            for number in range(20):
                name = f"user-{day}-{number}"
                self.assertEqual(self.guess(name).wait, 0)
                self.assertEqual(self.guess(name, outcome="success").wait, 0)
                self.clock.now += 3600

    def test_one_user_fails_behind_an_address(self) -> None:
        """Fifty times, together with the address or not: bob, never seen there, may."""
        for _ in range(50):
            self.clock.now += self.guess("alice").wait
        self.assertEqual(self.throttle.ask("bob", HOME).wait, 0)

    def test_spellings_of_a_name_are_one(self) -> None:
        """Stores there are that take ALICE for alice."""
        names = ["alice", "Alice", "ALICE", "aLiCe"] * 5
        self.assertEqual(sum(not self.guess(name).wait for name in names), 4)

    def test_a_lock_is_kept(self) -> None:
        """For ten years, where a state has to say for how long."""
        lives: list[int] = []

        class State(MemoryState):
            def swap(self, keys: Any, old: Any, new: Any, ttl: int) -> bool:
                lives.append(ttl)
                return super().swap(keys, old, new, ttl)

        self.throttle = self.make(State(), user=Limit(2, lock=3))
        self.tries(3, "alice")
        self.assertEqual([life > 3e8 for life in lives], [False, False, True])

    def test_releasing(self) -> None:
        """A user, an address, or a pair; and nobody."""
        limits = {kind: Limit(1, lock=2) for kind in ("user", "address", "pair")}
        self.throttle = self.make(**limits)
        for name in ("alice", "bob"):
            self.assertEqual(self.tries(5, name), 2)
        self.assertEqual(self.throttle.ask("carol", HOME).wait, math.inf)
        self.throttle.release(remote=HOME)
        self.assertEqual(self.throttle.ask("carol", HOME).wait, 0)
        self.assertEqual(self.throttle.ask("alice", AWAY).wait, math.inf)
        self.throttle.release("alice")
        self.assertEqual(self.throttle.ask("alice", AWAY).wait, 0)
        self.assertEqual(self.throttle.ask("alice", HOME).wait, math.inf)
        self.throttle.release("alice", HOME)
        self.assertEqual(self.throttle.ask("alice", HOME).wait, 0)
        with self.assertRaises(TypeError):
            self.throttle.release()

    def test_settings_that_are_none(self) -> None:
        """They are refused at once, not with the first attempt."""
        for wrong in ({"secret": b"x" * 65}, {"trust": math.inf}, {"trust": -1.0}):
            with self.subTest(wrong), self.assertRaises(ValueError):
                self.make(**wrong)
        with self.assertRaises(TypeError):
            self.make(secret="text")


class ClockTest(Base):
    """A clock that does not run evenly."""

    def test_set_back(self) -> None:
        """Who waits as long as he was told gets through: nobody waits for the old time."""
        for back in (0.5, 50.0, 5000.0, 500_000.0):
            with self.subTest(back):
                self.throttle = self.make()
                for _ in range(12):
                    self.clock.now += self.guess("alice").wait
                self.clock.now -= back
                wait = self.throttle.ask("alice", HOME).wait
                self.assertLessEqual(wait, 100)
                self.clock.now += wait
                self.assertEqual(self.throttle.ask("alice", HOME).wait, 0)

    def test_set_back_again_and_again(self) -> None:
        """A wait that has begun is not begun anew while the clock runs."""
        self.tries(20, "alice")
        self.clock.now -= 1000
        first = self.throttle.ask("alice", HOME).wait
        self.clock.now += first / 2
        self.assertAlmostEqual(self.throttle.ask("alice", HOME).wait, first / 2, 2)

    def test_from_zero(self) -> None:
        """The first second is like any other."""
        self.clock.now = 0.0
        self.assertEqual(sum(not self.guess(f"u{n}").wait for n in range(40)), 11)
        self.assertEqual(self.tries(20, "alice", AWAY), 4)

    def test_a_clock_that_fails(self) -> None:
        """It is a reason not to know, too."""

        def broken() -> float:
            raise OSError

        self.throttle = Throttle(clock=broken, unavailable="open")
        with self.assertLogs("sasl_core.backends.throttle"):
            self.assertTrue(self.throttle.ask("alice", HOME).unavailable)


if __name__ == "__main__":
    unittest.main()
