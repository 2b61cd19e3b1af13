"""Throttle: how often somebody may guess, by user, by address, and by both.

An attempt is charged before the password is looked at, as if it had failed, and given
back when it has not: a thousand guesses at once do not all pass.
"""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass, field
from hashlib import blake2b
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING

from ._account import Unavailable
from ._throttle_states import AsyncRedisState, MemoryState, RedisState, SqliteState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Literal, TypeAlias

    from ._throttle_states import AsyncState, State

    Outcome: TypeAlias = Literal["success", "failure", "neither"]

__all__ = [
    "AsyncRedisState",
    "AsyncThrottle",
    "Limit",
    "MemoryState",
    "RedisState",
    "SqliteState",
    "Throttle",
    "Ticket",
]

_log = logging.getLogger(__name__)
_DAY = 86400.0
_TRIES = 1000  # against others who charge the same keys at the same time


@dataclass(frozen=True, slots=True)
class Limit:
    """How failures of one kind are slowed.

    `free` of them cost nothing; after that each makes the next attempt wait, `delay`
    seconds at first and `factor` times as long each time, `most` at most. `forget`
    seconds after the last one all are forgotten. `lock`: after so many, no attempt is
    let through until `release` (None, the default: never). In t seconds nobody gets more
    than free + 1 + log(most / delay, factor) + 1 + t / most attempts.
    """

    free: int
    delay: float = 1.0
    factor: float = 2.0
    most: float = 900.0
    forget: float = _DAY
    lock: int | None = None

    def __post_init__(self) -> None:
        """Refuse what would not limit."""
        if self.free < 0 or self.delay <= 0 or self.factor < 1:
            raise ValueError("free is at least 0, delay above 0, factor at least 1")
        if self.most < self.delay or self.forget < self.most:
            raise ValueError("delay is at most `most`, that at most `forget`")

    def wait(self, failures: int, last: float, now: float) -> float:
        """Return the seconds until the next attempt; infinite where it is locked."""
        if self.lock is not None and failures >= self.lock:
            return math.inf
        if failures <= self.free:
            return 0.0
        # The exponent is bounded: 2.0 ** 5000 is an OverflowError.
        steps = min(failures - self.free - 1, 64)
        pause = min(self.delay * self.factor**steps, self.most)
        # Where the clock was set back, no longer than from now.
        return min(max(last + pause - now, 0.0), pause)


@dataclass(slots=True)
class Ticket:
    """What an attempt was told: `wait` seconds (0.0: it may go on), and for the log why.

    `unavailable`: the state could not be asked, and the attempt goes on all the same.
    """

    wait: float = 0.0
    reason: str = ""
    unavailable: str = ""
    _charged: tuple[str, ...] = ()
    _pair: str = ""
    _trust: str = ""
    _told: bool = field(default=False, repr=False)


class _Rules:
    """What both throttles share: which keys, and what becomes of them."""

    def __init__(
        self,
        *,
        user: Limit,
        address: Limit,
        pair: Limit,
        trust: float,
        unavailable: Literal["open", "closed"],
        secret: bytes,
        clock: Callable[[], float],
    ) -> None:
        if unavailable not in ("open", "closed"):
            raise ValueError('unavailable is "open" or "closed"')
        self._limits = {"user": user, "address": address, "pair": pair}
        self._trust = trust
        self._open = unavailable == "open"
        self._secret = secret
        self._clock = clock
        self._down = False
        longest = max(trust, *(limit.forget for limit in self._limits.values()))
        self._ttl = math.ceil(longest) + 1

    def _keys(self, username: str, remote: str | None) -> dict[str, str]:
        place = _place(remote)
        keys = {"user": self._key("user", username)}
        if place:
            keys["address"] = self._key("address", place)
        both = f"{place}\0{username}"
        keys["pair"] = self._key("pair", both)
        keys["trust"] = self._key("trust", both)
        return keys

    def _key(self, kind: str, name: str) -> str:
        # Of one size, whatever the name is; and Redis holds no list of users.
        text = f"{kind}\0{name}".encode("utf-8", "surrogatepass")
        key = self._secret[:64]
        return blake2b(
            text, digest_size=16, key=key, person=b"sasl-throttle"
        ).hexdigest()

    def _charge(
        self, keys: dict[str, str], old: Sequence[str | None]
    ) -> tuple[Ticket, list[str | None] | None]:
        """Return the ticket, and the new texts; None: nothing is charged."""
        now = self._clock()
        texts = dict(zip(keys, old, strict=True))
        trusted = _number(texts["trust"], 0) > now
        failed = _count(texts["pair"], self._limits["pair"], now)[0] > 0
        new, charged, ticket = dict(texts), [], Ticket()
        for kind, limit in self._limits.items():
            # Who has logged in from there is held to his own mistakes: neither a botnet
            # nor a neighbour keeps him out.
            if kind not in keys or (trusted and kind != "pair"):
                continue
            count, last = _count(texts[kind], limit, now)
            # One user's mistakes count once for the address: those behind it are many.
            repeated = kind == "address" and failed
            wait = 0.0 if repeated else limit.wait(count, last, now)
            if wait > ticket.wait:
                ticket = Ticket(wait, f"too many failures of this {kind}")
            if not repeated:
                new[kind] = f"{count + 1} {now:.3f}"
                charged.append(keys[kind])
        if ticket.wait:
            return ticket, None
        ticket._charged = tuple(charged)
        ticket._pair, ticket._trust = keys["pair"], keys["trust"]
        return ticket, [new[kind] for kind in keys]

    def _settle(
        self, ticket: Ticket, old: Sequence[str | None], outcome: Outcome
    ) -> list[str | None]:
        """Return the new texts of the ticket's keys, and of its trust."""
        now, new = self._clock(), []
        for key, text in zip(ticket._charged, old, strict=False):
            count, last = int(_number(text, 0)), _number(text, 1)
            if key == ticket._pair and outcome == "success":
                count = 1
            new.append(f"{count - 1} {last:.3f}" if count > 1 else None)
        if outcome == "success":
            return [*new, f"{now + self._trust:.3f}"]
        return [*new, old[-1]]

    def _failed(self, error: Exception) -> str:
        problem = f"the throttle's state cannot tell: {type(error).__name__}"
        if not self._down:
            _log.warning(
                "%s; attempts are %s",
                problem,
                "not limited" if self._open else "refused for now",
            )
        self._down = True
        return problem

    def _worked(self) -> None:
        if self._down:
            _log.warning("the throttle's state can be asked again")
        self._down = False

    def _without(self, problem: str) -> Ticket:
        if not self._open:
            raise Unavailable(problem)
        return Ticket(unavailable=problem)


class Throttle(_Rules):
    """Ask it before a password is looked at, tell it after.

    A pair of user and address that has logged in is trusted for `trust` seconds: only its
    own failures count for it then. IPv6 addresses count by /64; a `remote` that is no
    address (a UNIX socket) is not limited as one. A success gives back its own charge,
    and never forgives what others did. `unavailable`: "open" lets attempts go on while
    the state cannot be asked, "closed" raises Unavailable; the log says so. `secret`
    (up to 64 octets, the same on all hosts) keys the digests that stand for names.
    """

    def __init__(
        self,
        state: State | None = None,
        *,
        user: Limit = Limit(20, most=60.0),
        address: Limit = Limit(50, most=300.0),
        pair: Limit = Limit(10),
        trust: float = 30 * _DAY,
        unavailable: Literal["open", "closed"] = "closed",
        secret: bytes = b"",
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(
            user=user,
            address=address,
            pair=pair,
            trust=trust,
            unavailable=unavailable,
            secret=secret,
            clock=clock,
        )
        self._state: State = MemoryState() if state is None else state

    def ask(self, username: str, remote: str | None) -> Ticket:
        """Charge an attempt, or say how long it must wait; raise Unavailable."""
        keys = self._keys(username, remote)
        names = list(keys.values())
        try:
            for _ in range(_TRIES):
                old = self._state.read(names)
                ticket, new = self._charge(keys, old)
                if new is None or self._state.swap(names, old, new, self._ttl):
                    self._worked()
                    return ticket
            problem = "the throttle's state is changed all the time"
        except Exception as error:
            problem = self._failed(error)
        return self._without(problem)

    def tell(self, ticket: Ticket, outcome: Outcome) -> None:
        """Say how an attempt ended: "neither" is one that tested no password. Once."""
        if ticket._told or not ticket._charged or outcome == "failure":
            return
        ticket._told = True
        names = [*ticket._charged, ticket._trust]
        try:
            for _ in range(_TRIES):
                old = self._state.read(names)
                new = self._settle(ticket, old, outcome)
                if self._state.swap(names, old, new, self._ttl):
                    return
        except Exception as error:
            self._failed(error)

    def release(self, username: str, remote: str | None = None) -> None:
        """Forget the failures of a user, and those from an address if one is given."""
        keys = self._keys(username, remote)
        names = [key for kind, key in keys.items() if kind != "trust"]
        try:
            for _ in range(_TRIES):
                old = self._state.read(names)
                if self._state.swap(names, old, [None] * len(names), self._ttl):
                    return
            problem = "the throttle's state is changed all the time"
        except Exception as error:
            problem = self._failed(error)
        raise Unavailable(problem)


class AsyncThrottle(_Rules):
    """The same with a state that is awaited."""

    def __init__(
        self,
        state: AsyncState,
        *,
        user: Limit = Limit(20, most=60.0),
        address: Limit = Limit(50, most=300.0),
        pair: Limit = Limit(10),
        trust: float = 30 * _DAY,
        unavailable: Literal["open", "closed"] = "closed",
        secret: bytes = b"",
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(
            user=user,
            address=address,
            pair=pair,
            trust=trust,
            unavailable=unavailable,
            secret=secret,
            clock=clock,
        )
        self._state = state

    async def ask(self, username: str, remote: str | None) -> Ticket:
        """Charge an attempt, as `Throttle.ask`."""
        keys = self._keys(username, remote)
        names = list(keys.values())
        try:
            for _ in range(_TRIES):
                old = await self._state.read(names)
                ticket, new = self._charge(keys, old)
                if new is None or await self._state.swap(names, old, new, self._ttl):
                    self._worked()
                    return ticket
            problem = "the throttle's state is changed all the time"
        except Exception as error:
            problem = self._failed(error)
        return self._without(problem)

    async def tell(self, ticket: Ticket, outcome: Outcome) -> None:
        """Say how an attempt ended, as `Throttle.tell`."""
        if ticket._told or not ticket._charged or outcome == "failure":
            return
        ticket._told = True
        names = [*ticket._charged, ticket._trust]
        try:
            for _ in range(_TRIES):
                old = await self._state.read(names)
                new = self._settle(ticket, old, outcome)
                if await self._state.swap(names, old, new, self._ttl):
                    return
        except Exception as error:
            self._failed(error)


def _place(remote: str | None) -> str:
    """Return the network that an address counts for; "" for what is no address."""
    try:
        address = ip_address((remote or "").partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped) if mapped else f"{int(address) >> 64:x}/64"
    return str(address)


def _number(text: str | None, at: int) -> float:
    fields = (text or "").split(" ")
    return float(fields[at]) if len(fields) > at and fields[at] else 0.0


def _count(text: str | None, limit: Limit, now: float) -> tuple[int, float]:
    """Return failures and the time of the last one, none where they are forgotten."""
    count, last = int(_number(text, 0)), _number(text, 1)
    locked = limit.lock is not None and count >= limit.lock
    return (0, 0.0) if now - last > limit.forget and not locked else (count, last)
