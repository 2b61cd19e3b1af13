"""Limits on guessing: what is promised holds in any order of asking and telling."""

from __future__ import annotations

from typing import Any

from sasl_core.backends.throttle import Limit, Throttle, Ticket

from .._hypothesis import given, st
from ._throttle import AWAY, HOME, Base, Clock

_WIDE = Limit(10_000)


class Narrow(Base):
    """A throttle with limits where a test names them, and no others."""

    def make(self, state: Any = None, **settings: Any) -> Throttle:
        """Make it."""
        wide = {"user": _WIDE, "address": _WIDE, "pair": _WIDE}
        return super().make(state, **(wide | settings))


class ForgettingTest(Narrow):
    """What ends, and what is told after that."""

    def test_not_a_second_too_early(self) -> None:
        """It takes all of the time, since the last failure."""
        self.throttle = self.make(
            pair=Limit(1, delay=10.0, most=20.0, forget=100.0),
        )
        self.guess("alice")
        for _ in range(3):
            self.clock.now += 99
            self.assertEqual(self.guess("alice").wait, 0)
        self.assertEqual(self.throttle.ask("alice", HOME).wait, 20)
        self.clock.now += 101
        self.assertEqual(self.tries(9, "alice"), 2)

    def test_an_address_s_failures_are_those_since(self) -> None:
        """Of two attempts at once only the first was charged to the address; when the
        other is told, what was charged is forgotten: others fail there by now.
        """
        for outcome in ("success", "neither"):
            with self.subTest(outcome):
                self.throttle = self.make(
                    address=Limit(2, delay=10.0, most=20.0, forget=100.0)
                )
                first, second = (self.throttle.ask("alice", HOME) for _ in range(2))
                self.clock.now += 101
                for number in range(3):
                    self.guess(f"user-{number}")
                self.throttle.tell(first, "neither")
                self.throttle.tell(second, outcome)  # type: ignore[arg-type]  # is one
                self.assertEqual(self.throttle.ask("bob", HOME).wait, 10)

    def test_told_after_a_release(self) -> None:
        """It is not given back twice."""
        self.throttle = self.make(user=Limit(0, delay=10.0))
        late = self.throttle.ask("alice", HOME)
        self.throttle.release("alice")
        self.clock.now += 1
        self.guess("alice", AWAY)
        self.throttle.tell(late, "neither")
        self.assertEqual(self.throttle.ask("alice", AWAY).wait, 10)


class TrustTest(Narrow):
    """Where somebody has logged in before."""

    def test_it_ends_unless_it_is_renewed(self) -> None:
        """By each success; not by failures."""
        self.throttle = self.make(user=Limit(0, delay=10.0, most=10.0), trust=1000.0)
        self.guess("alice", outcome="success")
        for _ in range(3):
            self.clock.now += 900
            self.guess("alice", AWAY)
            self.assertEqual(self.guess("alice", outcome="success").wait, 0)
        self.clock.now += 999
        self.guess("alice", AWAY)
        self.assertEqual(self.guess("alice").wait, 0)
        self.clock.now += 1
        self.assertEqual(self.throttle.ask("alice", HOME).wait, 9)

    def test_its_failures_are_its_own(self) -> None:
        """An old password in a telephone slows that telephone, and nobody else."""
        self.throttle = self.make(
            user=Limit(2), address=Limit(0), pair=Limit(3, delay=10.0, most=10.0)
        )
        self.guess("alice", outcome="success")
        for _ in range(20):
            self.assertEqual(self.guess("alice").wait, 0)
            self.clock.now += 11
        self.guess("alice")
        self.assertEqual(self.throttle.ask("alice", HOME).wait, 10)
        self.assertEqual(self.guess("alice", AWAY, "success").wait, 0)
        self.assertEqual(self.guess("bob", outcome="success").wait, 0)


_LIMITS = st.builds(
    Limit,
    st.integers(0, 3),
    st.sampled_from([0.5, 1.0, 2.0]),
    st.sampled_from([1.0, 1.5, 2.0, 3.0]),
    st.sampled_from([4.0, 16.0]),
    st.sampled_from([20.0, 60.0, 1000.0]),
)
_STEPS = st.tuples(
    st.sampled_from([0.0, 0.0, 0.3, 1.0, 5.0, 21.0, 61.0]),
    st.sampled_from(["ask", "ask", "failure", "neither", "success"]),
    st.integers(0, 2),  # a user; or which of the open attempts is told
    st.integers(0, 2),  # an address
)


class BoundTest(Base):
    """`Limit.bound`, for whoever does not know the password."""

    @given(_LIMITS, _LIMITS, _LIMITS, st.lists(_STEPS, max_size=60))
    def test_any_order(
        self,
        user: Limit,
        address: Limit,
        pair: Limit,
        steps: list[tuple[float, str, int, int]],
    ) -> None:
        """Attempts overlap, are aborted, and the attacker has an account of his own."""
        clock = Clock()
        throttle = Throttle(clock=clock, user=user, address=address, pair=pair)
        opened: list[tuple[Ticket, tuple[float, str, str]]] = []
        failed: list[tuple[float, str, str]] = []
        for pause, word, number, place in steps:
            clock.now += pause
            name, remote = f"user-{number}", f"192.0.2.{place}"
            if word == "ask":
                ticket = throttle.ask(name, remote)
                self.assertTrue(0 <= ticket.wait <= 16)
                if not ticket.wait:
                    opened.append((ticket, (clock.now, name, remote)))
            elif word == "success":
                throttle.tell(throttle.ask("mallory", remote), "success")
            elif opened:
                ticket, attempt = opened.pop(number % len(opened))
                throttle.tell(ticket, word)  # type: ignore[arg-type]  # an outcome
                if word == "failure":
                    failed.append(attempt)
        failed += [attempt for _, attempt in opened]  # untold is failed
        for name in {name for _, name, _ in failed}:
            self.check(user, [at for at, who, _ in failed if who == name])
            for remote in {remote for *_, remote in failed}:
                self.check(pair, [at for at, *of in failed if of == [name, remote]])

    def check(self, limit: Limit, times: list[float]) -> None:
        """Check every span that begins and ends with a failure."""
        times.sort()
        for start, begin in enumerate(times):
            for count, end in enumerate(times[start:], 1):
                self.assertLessEqual(count, limit.bound(end - begin + 0.01))
