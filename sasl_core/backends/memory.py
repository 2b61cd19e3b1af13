"""MemoryStore: accounts in a dict, for tests, and for servers with a handful of them."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from ._account import Account, must_be_a_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["MemoryStore"]


class MemoryStore:
    """Keep accounts in this process; may be used by many threads. A `Store`."""

    def __init__(self, accounts: Mapping[str, Account] | None = None) -> None:
        self._accounts = dict(accounts or {})
        self._lock = Lock()

    def find(self, username: str) -> Account | None:
        """Return the account of just this name."""
        return self._accounts.get(username)

    def replace(self, username: str, old: Account | None, new: Account | None) -> bool:
        """Put `new` in the place of `old`; see `Store.replace`."""
        must_be_a_name(username)
        with self._lock:
            if self._accounts.get(username) != old:
                return False
            if new is None:
                self._accounts.pop(username, None)
            else:
                self._accounts[username] = new
            return True

    def accounts(self) -> Iterator[tuple[str, Account]]:
        """Yield every account there is now."""
        with self._lock:
            accounts = list(self._accounts.items())
        yield from accounts
