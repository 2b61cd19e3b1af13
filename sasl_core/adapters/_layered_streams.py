"""Put a security layer between a connection and new asyncio streams."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from ._layered_transport import LayeredTransport

if TYPE_CHECKING:
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
    below = cast("asyncio.Transport", writer.transport)
    transport = LayeredTransport(below, layer, protocol, kept=writer)
    protocol.connection_made(transport)
    if early:
        transport.received(early)
    if reader.at_eof():
        transport.ended()
    below.resume_reading()
    loop = asyncio.get_running_loop()
    return above, asyncio.StreamWriter(transport, protocol, above, loop)


async def _drained(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """Stop reading, and return what has come already."""
    found = b""
    while True:
        cast("asyncio.Transport", writer.transport).pause_reading()
        probe = asyncio.ensure_future(reader.read(_CHUNK))
        try:
            await asyncio.sleep(0)
        finally:
            waits = probe.cancel()  # no reading goes on, whatever ends this
        if waits:
            await asyncio.wait([probe])
            return found
        data = probe.result()
        if not data:
            return found
        found += data
