"""Accounts: who is in the store, and what stands for those who are not."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from .._account import Unavailable, can_be_a_name
from .._population import Population

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..._events import Request
    from ...records import Record
    from .._account import Account
    from .parts import Parts

REFUSED = "the account is not to log in"
_ATTEMPTS = 10  # at an account that others change all the time


class Accounts:
    """The store, and how its unknown users look."""

    def __init__(self, parts: Parts, call: Callable[..., Any]) -> None:
        self._store = parts.store
        self._population = parts.population
        self._call = call

    async def find(self, username: str) -> Account | None:
        """Return the account of just this name; raise Unavailable."""
        if not can_be_a_name(username):
            return None
        account: Account | None = await self._call(self._store.find, username)
        return account

    async def replace(
        self, username: str, old: Account | None, new: Account | None
    ) -> bool:
        """Put one in the place of the other; see `Store.replace`."""
        changed: bool = await self._call(self._store.replace, username, old, new)
        return changed

    async def change(
        self, username: str, change: Callable[[Account], Account | None]
    ) -> bool:
        """Store what `change` makes of the account; return False where it is None, or
        there is no account.

        Others may change it meanwhile: then look again, but not for ever. Raise
        Unavailable.
        """
        for _ in range(_ATTEMPTS):
            account = await self.find(username)
            changed = None if account is None else change(account)
            if changed is None:
                return False
            if await self.replace(username, account, changed):
                return True
        raise Unavailable("an account changes too often")

    async def look_up(
        self, request: Request, username: str, *, proof: bool = False
    ) -> tuple[Account | None, tuple[Record, ...]]:
        """Return the account, and the records to work on: decoys where there is none.

        `proof`: the request asks for what the mechanism proves the password with, and
        has no second question; whoever may not log in is then nobody.
        """
        account = await self.find(username)
        if account is None or not account.records:
            population = await self.population()
            draw = request._exchange.policy.draw(username)
            return None, population.records(draw)
        if proof and account.refusal is not None:
            return None, tuple(record.decoy() for record in account.records)
        return account, account.records

    async def population(self) -> Population:
        """Return what unknown users look like; the first time, read it off the store."""
        if self._population is None:
            accounts = self._store.accounts
            if inspect.isasyncgenfunction(accounts):
                every = [item async for item in accounts()]
                self._population = await self._call(Population.of, every)
            else:
                self._population = await self._call(lambda: Population.of(accounts()))
        return self._population
