"""Put a security layer between a connection and new asyncio streams."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from .._errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from ..layers import Layer

_CHUNK = 65536


async def protect(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    layer: Layer,
    early: bytes = b"",
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Return streams whose octets go through the layer; the old ones are used up.
    `early` came through it and was read already.

    Where the peer's data was changed, reading raises ProtocolError, and the connection is
    closed.
    """
    early += await _drained(reader, writer)
    above = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(above)
    transport = _Transport(writer, layer, protocol)
    below = transport.below
    below.set_protocol(_Protocol(transport))
    protocol.connection_made(transport)
    if early:
        transport.received(early)
    if reader.at_eof():
        protocol.eof_received()
    below.resume_reading()
    loop = asyncio.get_running_loop()
    return above, asyncio.StreamWriter(transport, protocol, above, loop)


async def _drained(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """Stop reading, and return what has come already."""
    found = b""
    while True:
        cast("asyncio.Transport", writer.transport).pause_reading()
        probe = asyncio.ensure_future(reader.read(_CHUNK))
        await asyncio.sleep(0)
        if not probe.done():
            probe.cancel()
            await asyncio.wait([probe])
            return found
        data = probe.result()
        if not data:
            return found
        found += data


class _Transport(asyncio.Transport):
    """What the new streams write to."""

    def __init__(
        self,
        writer: asyncio.StreamWriter,
        layer: Layer,
        protocol: asyncio.StreamReaderProtocol,
    ) -> None:
        super().__init__()
        self._writer = writer  # kept: it may close its transport when it goes
        self.below = cast("asyncio.Transport", writer.transport)
        self._layer = layer
        self._protocol = protocol
        self._lost = False

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
        self.below.abort()

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
        self.below.write(self._layer.wrap(bytes(data)))

    def writelines(
        self, list_of_data: Iterable[bytes | bytearray | memoryview]
    ) -> None:
        """Send all of it."""
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        """Whether one half can be closed."""
        return self.below.can_write_eof()

    def write_eof(self) -> None:
        """Close the half that we write to."""
        self.below.write_eof()

    def close(self) -> None:
        """Close the connection, once all is sent."""
        self.below.close()

    def abort(self) -> None:
        """Close the connection."""
        self.below.abort()

    def is_closing(self) -> bool:
        """Whether it is being closed."""
        return self.below.is_closing()

    def is_reading(self) -> bool:
        """Whether it reads."""
        return self.below.is_reading()

    def pause_reading(self) -> None:
        """Read no more for now."""
        self.below.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        self.below.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return a fact about the connection."""
        return self.below.get_extra_info(name, default)


class _Protocol(asyncio.Protocol):
    """What the connection tells."""

    def __init__(self, above: _Transport) -> None:
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
