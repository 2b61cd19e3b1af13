"""Throttle: how often somebody may guess, by user, by address, and by both.

An attempt is charged before the password is looked at, as if it had failed, and given
back when it has not: a thousand guesses at once do not all pass.
"""

from __future__ import annotations

import logging
import time
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from .._worlds import run
from ._account import Unavailable
from ._throttle_rules import Limit, Rules, Ticket
from ._throttle_states import AsyncRedisState, MemoryState, RedisState, SqliteState

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from typing import Literal

    from ._throttle_rules import Outcome, Texts
    from ._throttle_states import AsyncState, State

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

_T = TypeVar("_T")
_log = logging.getLogger(__name__)
_DAY = 86400.0
_USER, _ADDRESS, _PAIR = Limit(20, most=60.0), Limit(50, most=300.0), Limit(10)
_OUTCOMES = ("success", "failure", "neither")
_TRIES = 1000  # against others who charge the same keys at the same time


class _Contended(Exception):
    """Others have changed the same keys in between, every time."""


class _Throttling:
    """The logic of both throttles: written once, as coroutines."""

    def __init__(
        self,
        rules: Rules,
        unavailable: Literal["open", "closed"],
        clock: Callable[[], float],
    ) -> None:
        if unavailable not in ("open", "closed"):
            raise ValueError('unavailable is "open" or "closed"')
        self._rules = rules
        self._open = unavailable == "open"
        self._clock = clock
        self._down = False
        self._lock = Lock()

    # Each world has its own way to ask the state.
    async def _read(self, keys: list[str]) -> Sequence[str | None]:
        raise TypeError("a world says how it reads")

    async def _swap(self, *arguments: Any) -> bool:
        raise TypeError("a world says how it swaps")

    async def _ask(self, username: str | None, remote: str | None) -> Ticket:
        keys = self._rules.keys(username, remote)
        try:
            ticket = await self._change(keys, partial(self._rules.charge, keys))
        except Exception as error:
            problem = self._failed(error)
        else:
            self._worked()
            return ticket
        if not self._open:
            raise Unavailable(problem)
        return Ticket(unavailable=problem)

    async def _tell(self, ticket: Ticket, outcome: Outcome) -> None:
        if outcome not in _OUTCOMES:
            raise ValueError(f"an outcome is one of {', '.join(_OUTCOMES)}")
        with self._lock:
            told, ticket._told = ticket._told, True
        if told or not ticket._keys or outcome == "failure":
            return
        try:
            await self._change(
                ticket._keys, partial(self._rules.settle, ticket, outcome)
            )
        except Exception as error:
            self._failed(error)

    async def _release(self, username: str | None, remote: str | None) -> None:
        if username is None and remote is None:
            raise TypeError("whom to release: a username, a remote, or both")
        keys = self._rules.keys(username, remote)
        keys.pop("trust", None)
        try:
            await self._change(keys, lambda old, _: (None, dict.fromkeys(old)))
        except Exception as error:
            problem = self._failed(error)
        else:
            return
        raise Unavailable(problem)

    async def _change(
        self,
        keys: dict[str, str],
        decide: Callable[[Texts, float], tuple[_T, Texts]],
    ) -> _T:
        """Read, decide, and write if nobody else has written in between."""
        names = list(keys.values())
        for _ in range(_TRIES):
            read = await self._read(names)
            old = dict(zip(keys, read, strict=True))
            result, new = decide(old, self._clock())
            if new == old:
                return result
            before, after = list(old.values()), list(new.values())
            if await self._swap(names, before, after, self._rules.life(new)):
                return result
        raise _Contended

    def _failed(self, error: Exception) -> str:
        # Its type, not its text: that may hold the URL of a server, and its password.
        problem = f"the throttle's state cannot tell: {type(error).__name__}"
        with self._lock:
            news, self._down = not self._down, True
        if news:
            effect = "not limited" if self._open else "refused for now"
            _log.warning("%s; attempts are %s", problem, effect)
        return problem

    def _worked(self) -> None:
        if not self._down:
            return
        with self._lock:
            news, self._down = self._down, False
        if news:
            _log.warning("the throttle's state can be asked again")


class Throttle(_Throttling):
    """Ask it before a password is looked at, tell it after.

    A user has at most `user.bound(t)` failures in t seconds, and `pair.bound(t)` from each
    trusted place; an address fails for at most `address.bound(t)` users. A pair of user
    and address is trusted for `trust` seconds after it logged in: only its own failures
    count for it then. IPv6 addresses count by /64; a `remote` that is no address (a UNIX
    socket) is not limited as one. A success never forgives what others did.
    `unavailable`: "open" lets attempts go on while the state cannot be asked, "closed"
    raises Unavailable; the log says so once. `secret` (up to 64 octets, the same on all
    hosts) keys the digests that stand for names. `clock`: seconds since the epoch.
    """

    def __init__(
        self,
        state: State | None = None,
        *,
        user: Limit = _USER,
        address: Limit = _ADDRESS,
        pair: Limit = _PAIR,
        trust: float = 30 * _DAY,
        unavailable: Literal["open", "closed"] = "closed",
        secret: bytes | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        rules = Rules(user, address, pair, trust, b"" if secret is None else secret)
        super().__init__(rules, unavailable, clock)
        self._state: State = MemoryState() if state is None else state

    def ask(self, username: str | None, remote: str | None) -> Ticket:
        """Charge an attempt, or say how long it must wait; raise Unavailable.

        `username` None: nobody knows it yet, so each such failure counts for the address,
        and for nothing else.
        """
        return _run(self._ask(username, remote))

    def tell(self, ticket: Ticket, outcome: Outcome) -> None:
        """Say how an attempt ended: "success", "failure", or "neither" for one that
        tested no password. The first time counts; where the state cannot be told, the
        charge stays. Raise ValueError for any other word.
        """
        _run(self._tell(ticket, outcome))

    def release(self, username: str | None = None, remote: str | None = None) -> None:
        """Forget the failures of a user, of an address, and of the pair of both.

        Raise Unavailable, and TypeError where neither is given.
        """
        _run(self._release(username, remote))

    async def _read(self, keys: list[str]) -> Sequence[str | None]:
        return self._state.read(keys)

    async def _swap(self, *arguments: Any) -> bool:
        return self._state.swap(*arguments)


class AsyncThrottle(_Throttling):
    """The same with a state that is awaited."""

    def __init__(
        self,
        state: AsyncState,
        *,
        user: Limit = _USER,
        address: Limit = _ADDRESS,
        pair: Limit = _PAIR,
        trust: float = 30 * _DAY,
        unavailable: Literal["open", "closed"] = "closed",
        secret: bytes | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        rules = Rules(user, address, pair, trust, b"" if secret is None else secret)
        super().__init__(rules, unavailable, clock)
        self._state = state

    async def ask(self, username: str | None, remote: str | None) -> Ticket:
        """Charge an attempt, as `Throttle.ask`."""
        return await self._ask(username, remote)

    async def tell(self, ticket: Ticket, outcome: Outcome) -> None:
        """Say how an attempt ended, as `Throttle.tell`."""
        await self._tell(ticket, outcome)

    async def release(
        self, username: str | None = None, remote: str | None = None
    ) -> None:
        """Forget failures, as `Throttle.release`."""
        await self._release(username, remote)

    async def _read(self, keys: list[str]) -> Sequence[str | None]:
        return await self._state.read(keys)

    async def _swap(self, *arguments: Any) -> bool:
        return await self._state.swap(*arguments)


def _run(coroutine: Coroutine[Any, Any, _T]) -> _T:
    return run(coroutine, TypeError("an AsyncState is for an AsyncThrottle"))
