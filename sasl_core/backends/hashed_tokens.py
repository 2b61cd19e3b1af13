"""HashedTokens: tokens of HT, issued after a login, for the next one of the device."""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
import time
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from .._hashed_token import HT_NAMES, HashedToken
from ._account import Unavailable, must_be_a_name
from ._sqlite import connect

if TYPE_CHECKING:
    from collections.abc import Callable

    _T = TypeVar("_T")

__all__ = ["HashedTokens"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS hashed_token (
    serial INTEGER PRIMARY KEY AUTOINCREMENT,
    username TEXT NOT NULL,
    device TEXT NOT NULL,
    mechanism TEXT NOT NULL,
    token TEXT NOT NULL,
    expires REAL NOT NULL,
    uses INTEGER NOT NULL,
    used INTEGER NOT NULL DEFAULT 0
)
"""
_INDEX = "CREATE INDEX IF NOT EXISTS hashed_token_user ON hashed_token (username)"


class HashedTokens:
    """Issue, find, use up and revoke tokens, in an SQLite file; for `Application`.

    `path`: ":memory:" loses them with the process, which costs each device one login by
    its password. `lifetime`: seconds; `uses`: logins for which a token is good (0: any
    number until the next one is used, as XMPP's FAST wants it). `most`: tokens that one
    user has, the oldest of which go first: each costs every login by his name an HMAC.
    `clock` as `time.time`.

    A token is the key of an HMAC, so the file holds it as it is: it is made readable to
    its owner only. Several processes may share it. Raise Unavailable, here and in every
    method, where the file cannot be used.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] = ":memory:",
        *,
        lifetime: float = 14 * 86400,
        uses: int = 1,
        most: int = 100,
        timeout: float = 5.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._lifetime = lifetime
        self._uses = uses
        self._most = most
        self._clock = clock
        self._lock = Lock()
        problem = ""
        try:
            if path != ":memory:":
                os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self._db = connect(path, timeout, autocommit=True)
            self._db.execute(_SCHEMA)
            self._db.execute(_INDEX)
        except (OSError, sqlite3.Error) as error:
            problem = f"the tokens cannot be had: {type(error).__name__}"
        if problem:
            raise Unavailable(problem)

    def issue(self, username: str, mechanism: str, *, device: str = "") -> HashedToken:
        """Make a token for this mechanism only; it is not shown again.

        The one that the device has stays good until this one is used: it may never
        arrive (XEP-0484, section 3.5). `device` is whatever tells a user's devices apart.
        Raise ValueError.
        """
        must_be_a_name(username)
        if mechanism not in HT_NAMES:
            raise ValueError("a token is for one of the HT mechanisms")
        token, now = secrets.token_urlsafe(32), self._clock()

        def work(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM hashed_token WHERE expires <= ?", (now,))
            # Of what was issued before, the one that was used last is in use; where
            # none was, the newest can be.
            db.execute(
                "DELETE FROM hashed_token WHERE username = ? AND device = ? AND"
                " serial != (SELECT serial FROM hashed_token WHERE username = ?"
                " AND device = ? ORDER BY used DESC, serial DESC LIMIT 1)",
                (username, device, username, device),
            )
            row = (
                username,
                device,
                mechanism,
                token,
                now + self._lifetime,
                self._uses,
            )
            db.execute(
                "INSERT INTO hashed_token (username, device, mechanism, token, expires,"
                " uses) VALUES (?, ?, ?, ?, ?, ?)",
                row,
            )
            db.execute(
                "DELETE FROM hashed_token WHERE username = ? AND serial <= (SELECT serial"
                " FROM hashed_token WHERE username = ? ORDER BY serial DESC"
                " LIMIT 1 OFFSET ?)",
                (username, username, self._most),
            )

        self._do(work)
        return HashedToken(token, mechanism)

    def find(
        self, username: str, *, device: str | None = None
    ) -> tuple[HashedToken, ...]:
        """Return the tokens of a user that have not expired: of all his devices, or of
        one, with those that were issued to none.
        """

        def work(db: sqlite3.Connection) -> list[tuple[str, str]]:
            return db.execute(
                "SELECT token, mechanism FROM hashed_token WHERE username = ?"
                " AND expires > ? AND device IN (coalesce(?, device), '')",
                (username, self._clock(), device),
            ).fetchall()

        return tuple(HashedToken(*row) for row in self._do(work))

    def use(self, username: str, token: HashedToken) -> bool:
        """Count a login, in one step: of two with a token's last use, one gets True.

        The older ones of the same device are good no longer.
        """

        def work(db: sqlite3.Connection) -> bool:
            found = db.execute(
                "SELECT serial, device FROM hashed_token WHERE username = ?"
                " AND token = ? AND mechanism = ? AND expires > ?",
                (username, token.token, token.mechanism, self._clock()),
            ).fetchone()
            if found is None:
                return False
            serial, device = found
            db.execute(
                "DELETE FROM hashed_token WHERE username = ? AND device = ?"
                " AND (serial < ? OR (serial = ? AND uses = 1))",
                (username, device, serial, serial),
            )
            db.execute(
                "UPDATE hashed_token SET used = 1, uses = max(uses - 1, 0)"
                " WHERE serial = ?",
                (serial,),
            )
            return True

        return self._do(work)

    def revoke(self, username: str, *, device: str | None = None) -> int:
        """Take away all tokens of a user, or of one of his devices; return how many.

        For a device that is lost, a password that was changed, an account that goes.
        """

        def work(db: sqlite3.Connection) -> int:
            return db.execute(
                "DELETE FROM hashed_token WHERE username = ?"
                " AND device = coalesce(?, device)",
                (username, device),
            ).rowcount

        return self._do(work)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def _do(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Run a transaction that nobody else writes into."""
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                try:
                    result = work(self._db)
                    self._db.execute("COMMIT")
                except BaseException:
                    with contextlib.suppress(sqlite3.Error):
                        self._db.execute("ROLLBACK")
                    raise
                return result
            except (sqlite3.Error, UnicodeEncodeError) as error:
                problem = f"the tokens cannot be had: {type(error).__name__}"
        # Outside the handler: the exception's frames hold a token.
        raise Unavailable(problem)
