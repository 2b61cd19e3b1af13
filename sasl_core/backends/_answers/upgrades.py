"""Upgrades: better records, made in the background of a login that shows the password."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from .._account import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from .._account import Account
    from .accounts import Accounts
    from .parts import Parts

_log = logging.getLogger("sasl_core.backends")


class Upgrades:
    """The upgrades under way, one at a time of an account."""

    def __init__(
        self,
        parts: Parts,
        accounts: Accounts,
        call: Callable[..., Any],
        later: Callable[[Callable[[], Coroutine[Any, Any, None]]], None],
    ) -> None:
        self._upgrade = parts.upgrade
        self._accounts = accounts
        self._call = call
        self._later = later
        self._running: set[str] = set()

    def begin(self, username: str, account: Account, password: str) -> None:
        """Make what is missing of this password, which is the account's; return at once."""
        upgrade = self._upgrade
        if upgrade is None or username in self._running or not upgrade.due(account):
            return
        self._running.add(username)

        async def work() -> None:
            try:
                better = await self._call(upgrade.apply, username, account, password)
                # By comparison: a password changed since then stays as it is.
                if not await self._accounts.replace(username, account, better):
                    _log.info("an account changed while it was upgraded")
            except (Unavailable, ValueError) as error:
                _log.warning("an account could not be upgraded: %s", error)
            finally:
                self._running.discard(username)

        self._later(work)
