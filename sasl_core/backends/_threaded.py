"""ThreadedStore: any Store for asyncio, in a few threads of its own."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ._account import Account, Store


class ThreadedStore:
    """An AsyncStore that asks a Store in at most `threads` threads.

    `AsyncApplication` takes a plain Store as well, and asks it in the loop's default
    threads; this bounds how many a slow database can keep, and so its connections.
    """

    def __init__(self, store: Store, threads: int = 4) -> None:
        self._store = store
        self._threads = ThreadPoolExecutor(threads, "sasl-store")

    async def find(self, username: str) -> Account | None:
        """Return the account; see `Store.find`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._store.find, username)

    async def replace(
        self, username: str, old: Account | None, new: Account | None
    ) -> bool:
        """Put `new` in the place of `old`; see `Store.replace`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._threads, self._store.replace, username, old, new
        )

    async def accounts(self) -> AsyncIterator[tuple[str, Account]]:
        """Yield every account; see `Store.accounts`."""
        loop = asyncio.get_running_loop()
        every = await loop.run_in_executor(
            self._threads, lambda: list(self._store.accounts())
        )
        for account in every:
            yield account

    def close(self) -> None:
        """End the threads, once what they do is done."""
        self._threads.shutdown(wait=True)
