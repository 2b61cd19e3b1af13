"""LayeredTransport: an asyncio transport whose octets go through a security layer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from .._errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from ..layers import Layer


class LayeredTransport(asyncio.Transport):
    """What the protocol of a connection writes to, in the place of the transport below,
    and by which it reads from then on.

    Where the peer's data was changed, the protocol loses the connection by a
    ProtocolError. `kept` is what must not go before this: a StreamWriter closes its
    transport when it goes.
    """

    def __init__(
        self,
        below: asyncio.Transport,
        layer: Layer,
        protocol: asyncio.Protocol,
        kept: object = None,
    ) -> None:
        super().__init__()
        self._below = below
        self._layer = layer
        self._protocol = protocol
        self._kept = kept
        self._lost = False
        below.set_protocol(_Below(self))

    def received(self, data: bytes) -> None:
        """Take what came from the connection."""
        problem: Exception | None = None
        try:
            plain = self._layer.unwrap(data)
        except ProtocolError as error:
            problem = error
        if problem is None:
            if plain:
                self._protocol.data_received(plain)
            return
        self.lost(problem)
        self._below.abort()

    def begin(self, early: bytes) -> None:
        """Take what came behind the success; raise ProtocolError where it did not come
        through the layer: it is nobody's, and the connection is lost.
        """
        self.received(early)
        if self._layer.closed:
            raise ProtocolError("what came behind the success is not of the layer")

    def ended(self) -> bool | None:
        """Take the end of what the peer sends."""
        if self._layer.pending:
            self.lost(ConnectionAbortedError("the end came within a buffer"))
            return False
        return self._protocol.eof_received()

    def lost(self, error: Exception | None) -> None:
        """Take the end of the connection, the first time."""
        if not self._lost:
            self._lost = True
            self._protocol.connection_lost(error)

    def hold(self, full: bool) -> None:
        """Make the writer wait while the connection does not take more."""
        if full:
            self._protocol.pause_writing()
        else:
            self._protocol.resume_writing()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send data through the layer."""
        self._below.write(self._layer.wrap(bytes(data)))

    def writelines(
        self, list_of_data: Iterable[bytes | bytearray | memoryview]
    ) -> None:
        """Send all of it."""
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        """Whether one half can be closed."""
        return self._below.can_write_eof()

    def write_eof(self) -> None:
        """Close the half that we write to."""
        self._below.write_eof()

    def close(self) -> None:
        """Close the connection, once all is sent."""
        self._below.close()

    def abort(self) -> None:
        """Close the connection."""
        self._below.abort()

    def is_closing(self) -> bool:
        """Whether it is being closed."""
        return self._below.is_closing()

    def is_reading(self) -> bool:
        """Whether it reads."""
        return self._below.is_reading()

    def pause_reading(self) -> None:
        """Read no more for now."""
        self._below.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        self._below.resume_reading()

    def set_write_buffer_limits(
        self, high: int | None = None, low: int | None = None
    ) -> None:
        """Set when the writer is to wait, and when no longer."""
        self._below.set_write_buffer_limits(high, low)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return both limits, the low one first."""
        return self._below.get_write_buffer_limits()

    def get_write_buffer_size(self) -> int:
        """Return how many octets wait to be sent, wrapped."""
        return self._below.get_write_buffer_size()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Let another protocol read from now on."""
        self._protocol = cast("asyncio.Protocol", protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the protocol that reads."""
        return self._protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return a fact about the connection."""
        return self._below.get_extra_info(name, default)


class _Below(asyncio.Protocol):
    """What the connection tells."""

    def __init__(self, above: LayeredTransport) -> None:
        self._above = above

    def data_received(self, data: bytes) -> None:
        self._above.received(data)

    def eof_received(self) -> bool | None:
        return self._above.ended()

    def connection_lost(self, exc: Exception | None) -> None:
        self._above.lost(exc)

    def pause_writing(self) -> None:
        self._above.hold(True)

    def resume_writing(self) -> None:
        self._above.hold(False)
