"""ReplyBuffer: octets from a server in, whole replies out; what is none: ProtocolError."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .._errors import ProtocolError
from .._strict import Malformed
from .._value import Secretive
from ._lines import LineBuffer

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")


class ReplyBuffer(Secretive, Generic[_T]):
    """Collect octets and give out whole replies, each of one line or more.

    Raise ProtocolError for what is not a reply, and for one of more than `limit` octets:
    no standard sets an end to the lines of a reply, and a hostile server has none.
    """

    __slots__ = ("_left", "_limit", "_lines")

    def __init__(self, limit: int = 65536) -> None:
        self._lines = LineBuffer(limit, bare_lf=True)
        self._limit = self._left = limit

    def _add(self, line: bytes) -> _T | None:
        """Take a line, without its end; return the reply that is whole with it."""
        raise TypeError("a protocol says where its replies end")

    @property
    def pending(self) -> bool:
        """Whether anything has come that was not given out."""
        return self._lines.pending or self._left < self._limit

    def feed(self, data: bytes) -> None:
        """Take what came from the connection."""
        self._lines.feed(data)

    def next(self) -> _T | None:
        """Return the next reply, None if there is no whole one."""
        while (line := self._lines.next()) is not None:
            self._left -= len(line)
            if self._left < 0:
                raise ProtocolError(f"a reply of more than {self._limit} octets")
            reply = self._add(line.rstrip(b"\r\n"))
            if reply is not None:
                self._left = self._limit
                return reply
        return None


def strictly(read: Callable[..., _T], *octets: Any) -> _T:
    """Return what a reader makes of a server's octets; raise ProtocolError where they
    are malformed.
    """
    try:
        return read(*octets)
    except Malformed as error:
        problem = str(error)  # raised outside: its traceback holds the octets
    raise ProtocolError(problem)
