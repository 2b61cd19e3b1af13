"""Octets in, whole commands or responses out, literals included, in bounded memory.

Nobody waits for leave to send a literal, so they are none of the sessions' business.
"""

from __future__ import annotations

from ..._errors import ProtocolError
from ..._value import Secretive
from .._lines import LineBuffer
from .._reply_buffer import strictly
from ._items import Item, announced, read_items
from ._words import Reply, read_reply


class LiteralBuffer(Secretive):
    """Collect octets and give out lines, each with the literals that it announces.

    `limit`: the most octets of what comes out, with its CRLF; what is longer is read to
    its end and comes out cut to `limit` + 1 octets. No line may by itself, without
    literals, have more than `line_limit`: one that has may have announced a literal, so
    where the next command begins is `lost`.
    """

    __slots__ = ("_lines", "_literal", "_text", "limit", "lost")

    def __init__(self, line_limit: int, *, bare_lf: bool = False) -> None:
        self._lines = LineBuffer(line_limit, bare_lf=bare_lf)
        self._text = bytearray()
        # How much of a literal is still to come; None outside of one.
        self._literal: int | None = None
        self.limit = line_limit
        self.lost = False

    @property
    def pending(self) -> bool:
        """Whether anything has come that was not given out."""
        return self._lines.pending or bool(self._text)

    @property
    def due(self) -> int:
        """How much at least will come out next, as far as it is known."""
        return len(self._text) + (self._literal or 0)

    def feed(self, data: bytes) -> None:
        """Take what came from the connection."""
        self._lines.feed(data)

    def next(self) -> bytes | None:
        """Return the next line with its literals, None if there is no whole one."""
        while True:
            if self._literal is not None:
                octets = self._lines.take(self._literal)
                self._literal -= len(octets)
                self._add(octets)
                if self._literal:
                    return None
                self._literal = None
            line = self._lines.next()
            if line is None:
                return None
            self.lost = not line.endswith(b"\n")
            if self.lost:
                self._add(line)
            else:
                line = line.removesuffix(b"\n").removesuffix(b"\r")
                self._literal = announced(line)
                self._add(line + b"\r\n")
            if self._literal is None:
                text = bytes(self._text)
                self._text.clear()
                return text

    def _add(self, octets: bytes) -> None:
        self._text += octets[: self.limit + 1 - len(self._text)]


class ResponseBuffer(Secretive):
    """Collect octets and give out whole responses: the lines of strings, and OK, NO or
    BYE; where `challenges` are expected, a line of strings by itself.

    Raise ProtocolError for what is no response, and for one of more than `limit` octets.
    """

    __slots__ = ("_found", "_left", "_limit", "_lines", "challenges")

    def __init__(self, limit: int = 65536) -> None:
        self._lines = LiteralBuffer(limit, bare_lf=True)
        self._limit = self._left = limit
        self._found: list[tuple[Item, ...]] = []
        self.challenges = False

    @property
    def pending(self) -> bool:
        """Whether anything has come that was not given out."""
        return self._lines.pending or bool(self._found)

    def feed(self, data: bytes) -> None:
        """Take what came from the connection."""
        self._lines.feed(data)

    def next(self) -> tuple[Reply] | None:
        """Return the next response, None if there is no whole one."""
        while (line := self._lines.next()) is not None:
            self._spend(len(line))
            reply = self._read(line.removesuffix(b"\r\n"))
            if reply is not None:
                self._found, self._left = [], self._limit
                return (reply,)
        self._spend(0)
        return None

    def _spend(self, octets: int) -> None:
        self._left -= octets
        if self._left < self._lines.due:
            raise ProtocolError(f"a response of more than {self._limit} octets")

    def _read(self, text: bytes) -> Reply | None:
        """Take a line; return the response that it ends, None if it does not."""
        ending = strictly(read_reply, text)
        if ending is not None:
            return ending.replace(lines=self._found)
        self._found.append(strictly(read_items, text))
        return Reply("", lines=self._found) if self.challenges else None
