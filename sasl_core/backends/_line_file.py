"""LineFile: a file of lines that is read again when it changed, and replaced whole.

Who writes holds a lock, reads anew, and renames a complete file over the old one: a
reader, and a crash at any moment, sees the old file or the new one.
"""

from __future__ import annotations

import errno
import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from ._account import Unavailable
from ._watched_file import WatchedFile

if TYPE_CHECKING:
    from collections.abc import Iterator


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
        self._file = WatchedFile(self.path)
        self._split: tuple[bytes, tuple[bytes, ...]] = b"", ()

    def lines(self) -> tuple[bytes, ...]:
        """Return the lines as they are now: the same tuple while nothing has changed.

        Raise Unavailable if the file cannot be read.
        """
        problem = ""
        try:
            return self._lines(self._file.octets())
        except OSError as error:
            problem = _told(error)
        raise Unavailable(f"the file of accounts cannot be read: {problem}")

    def _lines(self, octets: bytes) -> tuple[bytes, ...]:
        of, lines = self._split
        if of is not octets:
            lines = tuple(octets.removesuffix(b"\n").split(b"\n")) if octets else ()
            self._split = octets, lines
        return lines

    @contextmanager
    def changing(self) -> Iterator[list[bytes]]:
        """Give the lines as they are now, to be changed in place: nobody else writes.

        What they are at the end of the block is written. Raise Unavailable if that
        cannot be, or if the lock is not to be had.
        """
        problem = ""
        try:
            with self._locked():
                found = self._lines(self._file.octets(anew=True))
                lines = list(found)
                yield lines
                if lines != list(found):
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
