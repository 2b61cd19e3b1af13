"""The change from asyncio's streams to new ones that go through a security layer."""

from __future__ import annotations

import asyncio
import unittest
from unittest import mock

import sasl_core as sasl
from sasl_core.adapters._layered_streams import protect
from sasl_core.adapters._layered_transport import LayeredTransport

from ..test_layers import toy


class Protect(unittest.TestCase):
    """The change from old streams to new ones."""

    async def streams(self):
        loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
        below = mock.create_autospec(asyncio.Transport, instance=True)
        below.get_extra_info.return_value = None
        protocol = asyncio.StreamReaderProtocol(reader)
        return reader, asyncio.StreamWriter(below, protocol, reader, loop)

    async def held(self) -> None:
        reader, writer = await self.streams()
        below = writer.transport
        _, above = await protect(reader, writer, toy())
        self.assertEqual(
            [name for name, *_ in below.method_calls if name.endswith("_reading")],
            ["pause_reading", "resume_reading"],
        )
        [[[under], _]] = below.set_protocol.call_args_list
        under.pause_writing()
        waiting = asyncio.ensure_future(above.drain())
        await asyncio.sleep(0)
        self.assertFalse(waiting.done())
        under.resume_writing()
        await waiting

    def test_reading_and_writing_can_wait(self) -> None:
        asyncio.run(self.held())

    async def cut(self) -> None:
        reader, writer = await self.streams()
        reader.feed_data(toy().wrap(b"hello") + b"\0\0\0\x20abc")
        reader.feed_eof()
        above, _ = await protect(reader, writer, toy())
        with self.assertRaises(ConnectionAbortedError):
            await above.read()

    def test_an_end_within_a_buffer_that_came_before(self) -> None:
        asyncio.run(self.cut())

    async def cancelled(self) -> None:
        work = asyncio.ensure_future(protect(*await self.streams(), toy()))
        await asyncio.sleep(0)
        work.cancel()
        await asyncio.wait([work])
        await asyncio.sleep(0)
        self.assertEqual(asyncio.all_tasks(), {asyncio.current_task()})

    def test_nobody_reads_on_after_a_cancellation(self) -> None:
        asyncio.run(self.cancelled())


class Transport(unittest.TestCase):
    """What the transport passes on, and what it says of the end."""

    def setUp(self) -> None:
        self.below = mock.create_autospec(asyncio.Transport, instance=True)
        self.protocol = mock.create_autospec(asyncio.Protocol, instance=True)
        self.layered = LayeredTransport(self.below, toy(), self.protocol)
        ((self.under,), _) = self.below.set_protocol.call_args

    def test_to_the_connection(self) -> None:
        for name in ("pause_reading", "resume_reading", "write_eof", "close", "abort"):
            getattr(self.layered, name)()
            getattr(self.below, name).assert_called_once_with()
        self.layered.write(b"abc")
        self.below.write.assert_called_once_with(toy().wrap(b"abc"))

    def test_the_end(self) -> None:
        """Within a buffer the connection is lost, and no half of it stays open."""
        self.protocol.eof_received.return_value = True
        self.assertIs(self.under.eof_received(), True)
        self.under.data_received(b"\0\0")
        self.assertIs(self.under.eof_received(), False)
        self.protocol.eof_received.assert_called_once_with()
        ((error,), _) = self.protocol.connection_lost.call_args
        self.assertIsInstance(error, ConnectionAbortedError)

    def test_it_is_lost_once(self) -> None:
        """By what was wrong, whatever the connection says then."""
        self.under.data_received(b"GET / HTTP/1.1\r\n")
        self.below.abort.assert_called_once_with()
        self.under.connection_lost(None)
        ((error,), _) = self.protocol.connection_lost.call_args
        self.assertIsInstance(error, sasl.ProtocolError)
        self.protocol.connection_lost.assert_called_once_with(error)
        self.protocol.data_received.assert_not_called()
