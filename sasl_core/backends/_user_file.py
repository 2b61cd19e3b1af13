"""UserFile: a Store on a file with one line per user; what a line says, subclasses know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import records
from ._account import Account, can_be_a_name, must_be_a_name
from ._line_file import LineFile

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from ..records import Record, Verifiers


class UserFile:
    """Accounts in a file of lines `name:...`, those with `#` in front left as they are.

    The file must exist. It is read again when it changed; to write, a lock beside it is
    held, and it is replaced whole. Of two lines for one name, the first counts.
    `verifiers` as in `records.parse`; a line that this cannot read is a user without a
    record, who cannot log in. May be used by many threads and processes. A `Store`.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        verifiers: Verifiers | None = None,
        timeout: float = 10.0,
    ) -> None:
        self._file = LineFile(path, timeout)
        self._verifiers = verifiers
        self._index: tuple[tuple[bytes, ...], dict[bytes, int]] = ((), {})

    def find(self, username: str) -> Account | None:
        """Return the account of just this name; raise Unavailable."""
        if not can_be_a_name(username):
            return None
        lines, index = self._indexed()
        at = index.get(username.encode())
        return None if at is None else self._read(username, lines[at])

    def replace(self, username: str, old: Account | None, new: Account | None) -> bool:
        """Put `new` in the place of `old`; see `Store.replace`.

        Raise ValueError for what the form cannot hold, and Unavailable.
        """
        must_be_a_name(username)
        name = username.encode()
        if b":" in name or name.startswith(b"#"):
            raise ValueError("a line cannot begin with that name")
        with self._file.changing() as lines:
            at = _index(lines).get(name)
            now = None if at is None else self._read(username, lines[at])
            if now != old:
                return False
            line = None if at is None else lines[at]
            written = None
            if new is not None:
                written = self._write(name, new, line)
                if b"\n" in written or self._read(username, written) != new:
                    raise ValueError("a line of this file cannot hold that account")
            if at is not None:
                lines[at : at + 1] = [] if written is None else [written]
            elif written is not None:
                lines.append(written)
        return True

    def accounts(self) -> Iterator[tuple[str, Account]]:
        """Yield every account; raise Unavailable."""
        lines, index = self._indexed()
        for name, at in index.items():
            try:
                username = name.decode()
            except UnicodeDecodeError:
                continue  # nobody can log in by it
            if can_be_a_name(username):
                yield username, self._read(username, lines[at])

    def _indexed(self) -> tuple[tuple[bytes, ...], dict[bytes, int]]:
        lines = self._file.lines()
        if self._index[0] is not lines:
            self._index = lines, _index(lines)
        return self._index

    def _records(self, username: str, text: str) -> tuple[Record, ...]:
        try:
            return records.parse(text, username=username, verifiers=self._verifiers)
        except ValueError:
            return ()

    def _read(self, username: str, line: bytes) -> Account:
        raise TypeError("a form says how it reads a line")

    def _write(self, name: bytes, account: Account, line: bytes | None) -> bytes:
        raise TypeError("a form says how it writes a line")


def _index(lines: tuple[bytes, ...] | list[bytes]) -> dict[bytes, int]:
    found: dict[bytes, int] = {}
    for at, line in enumerate(lines):
        name = line.partition(b":")[0].rstrip(b"\r")
        if name and not name.startswith(b"#"):
            found.setdefault(name, at)
    return found
