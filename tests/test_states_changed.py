"""Every honest message x every small change of it."""

from __future__ import annotations

import unittest
from collections.abc import Iterator
from typing import Any

import sasl_core as sasl
from sasl_core import profiles
from sasl_core.mechanisms import find

from . import _accounts as accounts
from ._nasty import framed, mutations
from ._points import Point, is_sibling, points
from ._states import client_points, server_points


def _honest_message(point: Point) -> bytes | None:
    """Return the raw message that the honest exchange has here, None for none."""
    if not point.honest or not isinstance(point.honest[0], bytes):
        return None
    if point.method == "start" and point.honest[0] == point.profile.empty_initial:
        return b""
    return point.profile.decode(point.honest[0])


class MutationTest(unittest.TestCase):
    """One small change in a valid message is noticed, or means the same."""

    def points(self, points: tuple[Point, ...]) -> Iterator[Any]:
        """Yield a point and each raw mutation of its honest message, framed raw.

        All changes, but a sample of siblings', of long messages, and of those that
        differ by their framing.
        """
        for point in points:
            message = _honest_message(point)
            if not message:
                continue
            most = 250 if point.name == "SCRAM-SHA-256" else 120
            sampled = is_sibling(point.name) or len(message) > most
            sampled = sampled or point.profile is not profiles.RAW
            for number, changed in enumerate(mutations(message)):
                if changed != message and not (sampled and number % 17):
                    yield point, changed

    def test_client_messages(self) -> None:
        """A changed client message gives no Success, or the very same identity."""
        for point, changed in self.points(server_points()):
            event = self.go_on(point, framed(point, changed))
            if isinstance(event, sasl.Success):
                self.check_success(point, changed, event)

    def go_on(self, point: Point, line: bytes) -> Any:
        """Play the rest of the honest exchange after a changed message."""
        server, application = point.copy(), accounts.Application()
        event = getattr(server, point.method)(line)
        rest = iter(_later_responses(point))
        while not isinstance(event, (sasl.Success, sasl.Failure)):
            if isinstance(event, sasl.Request):
                event = application.settle(event)
            else:
                event = server.step(next(rest, b""))
        return event

    def check_success(self, point: Point, changed: bytes, event: sasl.Success) -> None:
        """Where a change was accepted, nothing that matters was changed."""
        text = f"{point}: {changed!r}"
        entry = accounts.TABLE[point.name]
        self.assertFalse(entry.sealed and not entry.spellings, text)
        if point.name == "ANONYMOUS":
            self.assertEqual(event.identity.authcid, "anonymous", text)
            return
        self.assertEqual(event.identity.authcid, accounts.USER, text)
        self.assertIn(event.identity.authzid, (accounts.USER, accounts.OTHER), text)

    def test_server_messages(self) -> None:
        """A changed server message never lets a client of SCRAM finish."""
        for point, changed in self.points(client_points()):
            # Other spellings: see tests/mechanisms/test_digest_messages.py.
            spellings = accounts.TABLE[point.name].spellings
            if spellings or not find(point.name).mutual:
                continue
            if changed.split(b",")[0] == _honest_message(point) != changed:
                continue  # an extension after the verifier, which may be ignored
            with self.assertRaises(sasl.SASLError, msg=f"{point}: {changed!r}"):
                self.finish(point, framed(point, changed))

    def finish(self, point: Point, line: bytes) -> None:
        """Give a client a changed message, then the rest of the honest exchange."""
        client = point.copy()
        getattr(client, point.method)(line)
        if point.method == "finish":
            return
        for challenge in _later_challenges(point):
            client.step(challenge)
        client.finish()


def _siblings(point: Point) -> list[Point]:
    """Return the points of the same exchange and the same side after this one."""
    every = list(points())
    here = next(index for index, other in enumerate(every) if other is point)
    later = []
    for other in every[here + 1 :]:
        if isinstance(other.waiting, sasl.Server) and other.method == "start":
            break
        if type(other.waiting) is type(point.waiting) and other.method == "step":
            later.append(other)
        if isinstance(other.waiting, sasl.Client) and other.method == "finish":
            break
    return later


def _later_responses(point: Point) -> list[bytes]:
    found = _LATER.get(id(point))
    if found is None:
        found = _LATER[id(point)] = [p.honest[0] for p in _siblings(point)]
    return found


_later_challenges = _later_responses
_LATER: dict[int, list[bytes]] = {}


if __name__ == "__main__":
    unittest.main()
