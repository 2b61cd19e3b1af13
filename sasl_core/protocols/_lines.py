"""LineBuffer: octets in, whole lines out, in bounded memory."""

from __future__ import annotations

from .._value import Secretive


class LineBuffer(Secretive):
    """Collect octets and give them out line by line.

    `limit` is the most octets of a line, with its CRLF. A longer one comes out at once,
    cut to `limit` + 1 octets, so that its length alone tells; the rest of it is
    swallowed as it comes. `bare_lf` takes a lone LF for a line end too.
    Without it (servers: RFC 5321, section 2.3.8) a lone LF is an octet like any other,
    for what ends a line here and not there is how commands are smuggled.
    """

    __slots__ = ("_buffer", "_end", "_limit", "_searched", "_swallowing")

    def __init__(self, limit: int, *, bare_lf: bool = False) -> None:
        self._limit = limit
        self._end = b"\n" if bare_lf else b"\r\n"
        self._buffer = bytearray()
        self._searched = 0  # octets known to hold no line end: each is looked at once
        self._swallowing = False

    @property
    def pending(self) -> bool:
        """Whether anything has come that was not given out: after STARTTLS it was
        injected before the handshake (RFC 3207, section 6).
        """
        return bool(self._buffer) or self._swallowing

    def feed(self, data: bytes) -> None:
        """Take what came from the connection."""
        self._buffer += data
        if self._swallowing:
            self._swallow()

    def next(self) -> bytes | None:
        """Return the next line with its line end, None if there is no whole one."""
        buffer = self._buffer
        found = buffer.find(self._end, self._searched, self._limit)
        if found >= 0:
            return self._take(found + len(self._end))
        if len(buffer) > self._limit:
            cut = self._take(self._limit + 1)
            if not cut.endswith(self._end):
                self._swallowing = True
                # The line end may straddle the cut.
                buffer[:0] = b"\r" if cut.endswith(b"\r") else b""
                self._swallow()
            return cut
        self._searched = max(0, len(buffer) - len(self._end) + 1)
        return None

    def peek(self, count: int | None = None) -> bytes:
        """Return what is there, at most so many octets of it, and leave it there."""
        return bytes(self._buffer[:count])

    def take(self, count: int) -> bytes:
        """Return at most so many octets of what is there: a literal, not a line."""
        return self._take(min(count, len(self._buffer)))

    def unread(self) -> bytes:
        """Return all that was not given out, once: for whoever reads on."""
        return self._take(len(self._buffer))

    def _take(self, count: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        self._searched = 0
        return taken

    def _swallow(self) -> None:
        found = self._buffer.find(self._end)
        if found >= 0:
            del self._buffer[: found + len(self._end)]
            self._swallowing = False
        else:
            # A CR may be the first half of the line end.
            del self._buffer[: len(self._buffer) - self._buffer.endswith(b"\r")]
