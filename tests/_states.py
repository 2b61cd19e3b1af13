"""Every waiting point by who waits, and the invariants of each."""

from __future__ import annotations

import itertools
import unittest
from collections.abc import Iterator
from functools import cache
from typing import Any

import sasl_core as sasl
from sasl_core.mechanisms import find

from . import _accounts as accounts
from ._points import Point, points

EVENTS = (sasl.Challenge, sasl.Success, sasl.Failure, sasl.Request)


def machines(kind: type) -> tuple[Point, ...]:
    """Return the points where a client, a server or a request waits."""
    return tuple(point for point in points() if isinstance(point.waiting, kind))


@cache
def server_points() -> tuple[Point, ...]:
    """Return the points where a server waits for octets."""
    return machines(sasl.Server)


@cache
def request_points() -> tuple[Point, ...]:
    """Return the points where a server waits for its application."""
    return machines(sasl.Request)


@cache
def client_points() -> tuple[Point, ...]:
    """Return the points where a client waits for octets."""
    return tuple(p for p in machines(sasl.Client) if p.method != "start")


_LATE = itertools.cycle((b"", b"*", b"QQ==", b"!", b"A" * 100_000))


class Invariants(unittest.TestCase):
    def assert_over(self, machine: Any) -> None:
        """Check that nothing more can be done with an exchange.

        One message each time, of several in turn: what is over looks at none.
        """
        with self.assertRaises(sasl.StateError):
            machine.step(next(_LATE))
        if isinstance(machine, sasl.Client):
            with self.assertRaises(sasl.StateError):
                machine.finish()
        else:
            with self.assertRaises(sasl.StateError):
                machine.start()

    def follow(self, server: sasl.Server, event: Any, replies: Iterator[bytes]) -> Any:
        """Deny every request and answer every challenge; return the last event."""
        for _ in range(8):
            self.assertIsInstance(event, EVENTS)
            if isinstance(event, sasl.Request):
                event = event.deny()
            elif isinstance(event, sasl.Challenge):
                event = server.step(next(replies, b""))
            else:
                break
        if isinstance(event, sasl.Failure):
            self.assertIsInstance(event.reason, sasl.Reason)
        self.assertIsInstance(event, (sasl.Success, sasl.Failure))
        self.assert_over(server)
        return event

    def check_server(self, point: Point, *lines: bytes) -> None:
        """Give a waiting server lines; it may succeed by a yes from before only."""
        server = point.copy()
        event = getattr(server, point.method)(lines[0])
        event = self.follow(server, event, iter(lines[1:]))
        if not isinstance(event, sasl.Success):
            return
        entry = accounts.TABLE[point.name]
        honest = lines[:1] == point.honest
        self.assertTrue(
            entry.by_fact or point.decided or honest, "a Success that nobody decided"
        )

    def check_client(self, point: Point, line: bytes) -> None:
        """Give a waiting client a line; it answers, or raises SASLError and is over."""
        client = point.copy()
        try:
            if point.method == "finish":
                client.finish(line)
            else:
                self.assertIsInstance(client.step(line), bytes)
        except sasl.SASLError:
            self.assert_over(client)
            return
        self.check_promise(point, client, line)

    def check_promise(self, point: Point, client: sasl.Client, line: bytes) -> None:
        """A client of mutual authentication is not finished by a forged message."""
        if not find(point.name).mutual or point.method == "finish":
            return
        if point.profile.decode(line) == point.profile.decode(point.honest[0]):
            return
        with self.assertRaises(sasl.SASLError):
            client.finish()
