"""FrameBuffer: octets in, whole frames out, in bounded memory."""

from __future__ import annotations

from .._value import Secretive


class FrameBuffer(Secretive):
    """Collect octets and give them out frame by frame, as each protocol measures them.

    `limit` is the most octets of a frame. A longer one, or what can be none, comes out
    at once, cut to `limit` + 1 octets: whoever reads it sees that it is not what its
    header says. Nobody can tell then where the next one begins: the session is over.
    """

    __slots__ = ("_buffer", "_limit")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buffer = bytearray()

    def _size(self, buffer: bytearray) -> int | None:
        """Return the octets of the frame that begins here: None where its header is not
        there yet, 0 where it can be none.
        """
        raise TypeError("a protocol says how its frames are measured")

    @property
    def pending(self) -> bool:
        """Whether anything has come that was not given out: after STARTTLS it was
        injected before the handshake.
        """
        return bool(self._buffer)

    def feed(self, data: bytes) -> None:
        """Take what came from the connection."""
        self._buffer += data

    def next(self) -> bytes | None:
        """Return the next frame, None if there is no whole one."""
        size = self._size(self._buffer)
        if size is None:
            return None
        if not 0 < size <= self._limit:
            return self.take(self._limit + 1)
        return self.take(size) if len(self._buffer) >= size else None

    def take(self, count: int) -> bytes:
        """Return at most so many octets of what is there."""
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def unread(self) -> bytes:
        """Return all that was not given out, once: for whoever reads on."""
        return self.take(len(self._buffer))
