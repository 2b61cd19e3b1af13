"""The change from asyncio's streams to new ones that go through a security layer."""

from __future__ import annotations

import asyncio
import unittest
from unittest import mock

from sasl_core.adapters._layered_streams import protect

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
