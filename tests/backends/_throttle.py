"""A throttle whose clock stands still until it is told."""

from __future__ import annotations

import unittest
from typing import Any

from sasl_core.backends.throttle import Limit, Throttle, Ticket

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
