"""WatchedFile: the octets of a file, read again when it is another one or has changed."""

from __future__ import annotations

import os
import time
from threading import Lock

# A file changed twice within the tick of its time stamp looks unchanged: what was read
# so soon after a change is read again.
_TICK = 2_000_000_000  # ns; FAT's, the coarsest


class WatchedFile:
    """A file that others write; may be asked by many threads."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = Lock()
        self._seen: object = None
        self._octets: bytes | None = None

    def octets(self, *, anew: bool = False) -> bytes:
        """Return what is in it now: the same object while nothing has changed.

        `anew`: read it in any case. Raise OSError.
        """
        seen = _signature(os.stat(self._path))
        with self._lock:
            if anew or self._octets is None or seen != self._seen:
                self._octets = self._read()
            return self._octets

    def _read(self) -> bytes:
        with open(self._path, "rb") as file:
            status = os.fstat(file.fileno())
            octets = file.read()
        settled = time.time_ns() - status.st_mtime_ns > _TICK
        self._seen = _signature(status) if settled else None
        known = self._octets
        return octets if known is None or known != octets else known


def _signature(status: os.stat_result) -> object:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
