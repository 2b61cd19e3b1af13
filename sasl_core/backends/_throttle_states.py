"""Where a throttle keeps its counts: here, in SQLite, or in Redis.

A state reads texts under keys, and swaps all of them at once for others if none has
changed since: what is decided in between is written once, in `throttle.py`.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from threading import Lock, local
from typing import TYPE_CHECKING

from ._sqlite import connect

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence
    from typing import Any, Protocol

    Texts = Sequence[str | None]

    class State(Protocol):
        """What a `Throttle` keeps its counts in; safe for many threads."""

        def read(self, keys: Sequence[str]) -> Texts:
            """Return the text under each key, None where there is none."""

        def swap(self, keys: Sequence[str], old: Texts, new: Texts, ttl: int) -> bool:
            """Put `new` in the place of `old`, in one atomic step, for `ttl` seconds.

            Return False, and change nothing, where another text than in `old` stands by
            now. None is no text.
            """

    class AsyncState(Protocol):
        """The same for an `AsyncThrottle`."""

        async def read(self, keys: Sequence[str]) -> Texts:
            """Return the texts, as `State.read`."""

        async def swap(
            self, keys: Sequence[str], old: Texts, new: Texts, ttl: int
        ) -> bool:
            """Put `new` in the place of `old`, as `State.swap`."""

    class Redis(Protocol):
        """A client of the package `redis`, made with or without decode_responses."""

        def eval(self, script: str, numkeys: int, /, *args: Any) -> Any: ...

    class AsyncRedis(Protocol):
        """A client of `redis.asyncio`."""

        def eval(self, script: str, numkeys: int, /, *args: Any) -> Awaitable[Any]: ...


class MemoryState:
    """Counts in this process: of at most `limit` keys, the oldest of which go first.

    An attempt has up to four. Who can fill it makes it forget: raise it for many users.
    """

    def __init__(self, limit: int = 100_000) -> None:
        self._limit = limit
        self._texts: dict[str, str] = {}
        self._lock = Lock()

    def read(self, keys: Sequence[str]) -> Texts:
        """Return the texts; see `State.read`."""
        with self._lock:
            return [self._texts.get(key) for key in keys]

    def swap(self, keys: Sequence[str], old: Texts, new: Texts, ttl: int) -> bool:
        """Put `new` in the place of `old`; see `State.swap`."""
        texts = self._texts
        with self._lock:
            if [texts.get(key) for key in keys] != list(old):
                return False
            for key, text in zip(keys, new, strict=True):
                texts.pop(key, None)  # what is set last stands last
                if text is not None:
                    texts[key] = text
            while len(texts) > self._limit:
                del texts[next(iter(texts))]
            return True


_TABLE = """
CREATE TABLE IF NOT EXISTS throttle
    (key TEXT PRIMARY KEY, text TEXT NOT NULL, ends INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS throttle_ends ON throttle (ends);
"""
_inherited: list[object] = []


class SqliteState:
    """Counts in an SQLite file: for the threads and processes of one host.

    `timeout`: seconds to wait for another writer.
    """

    def __init__(self, path: str | os.PathLike[str], *, timeout: float = 5.0) -> None:
        self._path = path
        self._timeout = timeout
        self._local = local()

    def read(self, keys: Sequence[str]) -> Texts:
        """Return the texts; see `State.read`."""
        return _select(self._connection(), keys)

    def swap(self, keys: Sequence[str], old: Texts, new: Texts, ttl: int) -> bool:
        """Put `new` in the place of `old`; see `State.swap`."""
        db = self._connection()
        try:
            db.execute("BEGIN IMMEDIATE")
            same = _select(db, keys) == list(old)
            if same:
                # By the host's clock, not the throttle's: that one may be any.
                now = int(time.time())
                db.execute("DELETE FROM throttle WHERE ends < ?", (now,))
                db.executemany("DELETE FROM throttle WHERE key = ?", _each(keys))
                db.executemany(
                    "INSERT INTO throttle VALUES (?, ?, ?)",
                    [
                        (key, text, now + ttl)
                        for key, text in zip(keys, new, strict=True)
                        if text is not None
                    ],
                )
            db.execute("COMMIT")
        finally:
            # Some errors have ended it already; none may leave it open for the next.
            if db.in_transaction:
                db.execute("ROLLBACK")
        return same

    def _connection(self) -> sqlite3.Connection:
        # One a thread, and none that came through a fork.
        mine: tuple[int, sqlite3.Connection] | None
        mine = getattr(self._local, "connection", None)
        if mine is None or mine[0] != os.getpid():
            if mine is not None:
                _inherited.append(mine)  # never closed: to close it is the parent's
            db = connect(self._path, self._timeout, autocommit=True)
            try:
                # What a power cut loses are the last counts, never the file.
                db.execute("PRAGMA synchronous=NORMAL")
                db.executescript(_TABLE)
            except BaseException:
                db.close()
                raise
            mine = self._local.connection = os.getpid(), db
        return mine[1]


def _select(db: sqlite3.Connection, keys: Sequence[str]) -> list[str | None]:
    found: list[str | None] = []
    with closing(db.cursor()) as cursor:
        for key in keys:
            cursor.execute("SELECT text FROM throttle WHERE key = ?", (key,))
            row = cursor.fetchone()
            found.append(row[0] if row else None)
    return found


def _each(keys: Sequence[str]) -> list[tuple[str]]:
    return [(key,) for key in keys]


_READ = """
local texts = {}
for at, key in ipairs(KEYS) do texts[at] = redis.call('GET', key) or '' end
return texts
"""
_SWAP = """
local count = #KEYS
for at, key in ipairs(KEYS) do
  if (redis.call('GET', key) or '') ~= ARGV[at] then return 0 end
end
for at, key in ipairs(KEYS) do
  local text = ARGV[count + at]
  if text == '' then redis.call('DEL', key)
  else redis.call('SET', key, text, 'EX', ARGV[2 * count + 1]) end
end
return 1
"""


class RedisState:
    """Counts in Redis: for many hosts. Each key lives as long as it counts.

    Give the client a `socket_timeout`: a server that hangs is unavailable only then. The
    keys have one hash tag, so that a cluster keeps them together: they are few.
    """

    def __init__(self, client: Redis, *, prefix: str = "sasl") -> None:
        self._client = client
        self._prefix = prefix

    def read(self, keys: Sequence[str]) -> Texts:
        """Return the texts; see `State.read`."""
        found = self._client.eval(_READ, len(keys), *_named(self._prefix, keys))
        return [_text(text) for text in found]

    def swap(self, keys: Sequence[str], old: Texts, new: Texts, ttl: int) -> bool:
        """Put `new` in the place of `old`; see `State.swap`."""
        arguments = _arguments(self._prefix, keys, old, new, ttl)
        return bool(self._client.eval(_SWAP, len(keys), *arguments) == 1)


class AsyncRedisState:
    """The same with a client of `redis.asyncio`."""

    def __init__(self, client: AsyncRedis, *, prefix: str = "sasl") -> None:
        self._client = client
        self._prefix = prefix

    async def read(self, keys: Sequence[str]) -> Texts:
        """Return the texts; see `State.read`."""
        found = await self._client.eval(_READ, len(keys), *_named(self._prefix, keys))
        return [_text(text) for text in found]

    async def swap(self, keys: Sequence[str], old: Texts, new: Texts, ttl: int) -> bool:
        """Put `new` in the place of `old`; see `State.swap`."""
        arguments = _arguments(self._prefix, keys, old, new, ttl)
        return bool(await self._client.eval(_SWAP, len(keys), *arguments) == 1)


def _named(prefix: str, keys: Sequence[str]) -> list[str]:
    return [f"{{{prefix}}}:{key}" for key in keys]


def _arguments(
    prefix: str, keys: Sequence[str], old: Texts, new: Texts, ttl: int
) -> list[str]:
    texts = [text or "" for text in (*old, *new)]
    return [*_named(prefix, keys), *texts, str(ttl)]


def _text(value: Any) -> str | None:
    return (value.decode() if isinstance(value, bytes) else value) or None
