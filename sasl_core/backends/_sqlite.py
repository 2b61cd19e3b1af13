"""Open an SQLite file in WAL mode, in which readers and the writer do not wait."""

from __future__ import annotations

import os
import sqlite3
import time


def connect(
    path: str | os.PathLike[str], timeout: float, *, autocommit: bool = False
) -> sqlite3.Connection:
    """Return a connection that any thread may use, one at a time.

    `timeout`: seconds to wait for another writer. Raise sqlite3.Error.
    """
    db = sqlite3.connect(
        path,
        timeout=timeout,
        isolation_level=None if autocommit else "DEFERRED",
        check_same_thread=False,
    )
    end = time.monotonic() + timeout
    while True:
        try:
            db.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            # To switch the mode, SQLite does not wait for another who does.
            if time.monotonic() > end:
                db.close()
                raise
            time.sleep(0.005)
        else:
            return db
