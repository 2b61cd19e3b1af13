"""LineFile: a file of lines that is read again when it changed, and replaced whole.

Who writes holds a lock, reads anew, and renames a complete file over the old one: a
reader, and a crash at any moment, sees the old file or the new one.
"""

from __future__ import annotations

import errno
import os
import time
from contextlib import contextmanager, suppress
from threading import Lock
from typing import TYPE_CHECKING

from ._account import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

# A file changed twice within the tick of its time stamp looks unchanged: what was read
# so soon after a change is read again.
_TICK = 2_000_000_000  # ns; FAT's, the coarsest


class LineFile:
    """The lines of a file, as octets without their ends.

    `timeout`: seconds to wait for another process's lock.
    """

    def __init__(self, path: str | os.PathLike[str], timeout: float = 10.0) -> None:
        # A link is followed now: it is its target that is replaced.
        self.path = os.path.realpath(path)
        directory, name = os.path.split(self.path)
        self._lock_path = os.path.join(directory, f".{name}.lock")
        self._new_path = os.path.join(directory, f".{name}.new")
        self._timeout = timeout
        self._reading = Lock()
        self._seen: tuple[int, int, int] | None = None
        self._lines: tuple[bytes, ...] = ()

    def lines(self) -> tuple[bytes, ...]:
        """Return the lines as they are now: the same tuple while nothing has changed.

        Raise Unavailable if the file cannot be read.
        """
        problem = ""
        try:
            found = os.stat(self.path)
            now = (found.st_mtime_ns, found.st_size, found.st_ino)
            if now != self._seen:
                with self._reading:
                    self._read()
        except OSError as error:
            problem = _told(error)
        if problem:
            raise Unavailable(f"the file of accounts cannot be read: {problem}")
        return self._lines

    def _read(self) -> None:
        with open(self.path, "rb") as file:
            facts = os.fstat(file.fileno())
            content = file.read()
        lines = tuple(content.removesuffix(b"\n").split(b"\n")) if content else ()
        if lines != self._lines:
            self._lines = lines
        settled = time.time_ns() - facts.st_mtime_ns > _TICK
        seen = (facts.st_mtime_ns, facts.st_size, facts.st_ino)
        self._seen = seen if settled else None

    @contextmanager
    def changing(self) -> Iterator[list[bytes]]:
        """Give the lines as they are now, to be changed in place: nobody else writes.

        What they are at the end of the block is written. Raise Unavailable if that
        cannot be, or if the lock is not to be had.
        """
        problem = ""
        try:
            with self._locked():
                with self._reading:
                    self._read()
                lines = list(self._lines)
                yield lines
                if lines != list(self._lines):
                    self._write(lines)
        except OSError as error:
            problem = _told(error)
        if problem:
            raise Unavailable(f"the file of accounts cannot be written: {problem}")

    def _write(self, lines: list[bytes]) -> None:
        old = os.stat(self.path)
        # One name for the new file: what a crash left there is written over.
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
        with open(os.open(self._new_path, flags, 0o600), "wb") as file:
            os.fchmod(file.fileno(), old.st_mode & 0o7777)
            with suppress(PermissionError):  # not ours to give away
                os.fchown(file.fileno(), old.st_uid, old.st_gid)
            file.write(b"".join(line + b"\n" for line in lines))
            file.flush()
            os.fsync(file.fileno())
        os.replace(self._new_path, self.path)
        directory = os.open(os.path.dirname(self.path), os.O_RDONLY)
        try:
            os.fsync(directory)  # or the old name could come back after a power cut
        finally:
            os.close(directory)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        import fcntl  # POSIX only: elsewhere such files can be read, not written

        # On a file of its own: the one that is replaced has no lasting inode.
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        lock = os.open(self._lock_path, flags, 0o600)
        try:
            end = time.monotonic() + self._timeout
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > end:
                        raise
                time.sleep(0.002)
            yield
        finally:
            os.close(lock)


def _told(error: OSError) -> str:
    # The kernel's word for it: the exception's own text has the path.
    return errno.errorcode.get(error.errno or 0, type(error).__name__)
