"""Every place of an honest exchange where somebody waits."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any

import sasl_core as sasl
from sasl_core import profiles
from sasl_core.mechanisms import find

from ._accounts import NAMES, OTHER, Application, make_client, make_server
from ._play import play


@dataclass(frozen=True)
class Point:
    """A place in an honest exchange where somebody waits, and what came there."""

    name: str
    waiting: Any
    method: str
    arguments: tuple[Any, ...]
    decided: bool  # the application had said yes to a credential before
    authzid: str = ""

    @property
    def honest(self) -> tuple[Any, ...]:
        """What came, which may be used up."""
        return deepcopy(self.arguments)

    @property
    def profile(self) -> sasl.Profile:
        """How messages are written here."""
        waiting = self.waiting
        return getattr(waiting, "_server", waiting).profile

    def copy(self) -> Any:
        """Return a fresh copy of who waits."""
        return deepcopy(self.waiting)

    def __str__(self) -> str:
        kind = type(self.waiting).__name__
        return f"{self.name} {self.profile.name} {kind}.{self.method}{self.honest!r}"


_CREDENTIAL = {"CheckPassword", "CheckToken", "VerifySignature"}
_CREDENTIAL |= {"CheckPasscode", "ConsumeOtp", "FinishRedirect"}


def points_of(
    name: str, profile: sasl.Profile, authzid: str = "", *, initial: bool = True
) -> Iterator[Point]:
    """Yield every waiting point of one honest exchange."""
    found: list[Point] = []
    application = Application()

    def watch(machine: Any, method: str, arguments: tuple[Any, ...]) -> None:
        decided = not _CREDENTIAL.isdisjoint(application.yes)
        twin = deepcopy(machine)
        found.append(Point(name, twin, method, arguments, decided, authzid))

    outcome = play(
        make_client(name, profile=profile, authzid=authzid),
        make_server(name, profile=profile),
        application,
        initial=initial,
        watch=watch,
    )
    if not outcome.succeeded:
        raise AssertionError(f"the honest exchange of {name} failed: {outcome}")
    yield from found


def is_sibling(name: str) -> bool:
    """Tell whether a mechanism is another one by its hash or binding alone."""
    family = name.startswith(("SCRAM-", "HT-", "HT2-"))
    return family and ("SHA-256" not in name or name.endswith(("-UNIQ", "-ENDP")))


def _variants(name: str) -> Iterator[tuple[sasl.Profile, str, bool]]:
    """Yield the exchanges that differ; one of a sibling."""
    yield profiles.BASE64, "", True
    if is_sibling(name):
        return
    yield profiles.RAW, "", False
    if find(name).authzid:
        yield profiles.RAW, OTHER, True
        yield profiles.BASE64, OTHER, False


@cache
def points() -> tuple[Point, ...]:
    """Return every waiting point of every mechanism."""
    return tuple(
        point
        for name in NAMES
        for profile, authzid, initial in _variants(name)
        for point in points_of(name, profile, authzid, initial=initial)
    )
