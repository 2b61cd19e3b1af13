"""The adapter of asyncio streams, over loopback."""

from __future__ import annotations

import asyncio
import functools
import threading
import time
from unittest import mock

import sasl_core as sasl
from sasl_core.adapters import streams
from sasl_core.protocols.smtp import ClientSession, Reply, ServerSession

from ._clients import (
    GREETING,
    STARTTLS,
    Clients,
    coroutine_source,
    plain_source,
    session,
)
from ._loopback import ALWAYS, HOST, Case, needs_tls
from ._servers import PLAIN, Servers


async def login(client, port, **options) -> None:
    """Connect and log in."""
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        await streams.authenticate(client, reader, writer, **options)
    finally:
        writer.close()


class Client(Clients, Case):
    over = "streams"
    sources = (plain_source, coroutine_source)

    def login(self, client, port, **options) -> None:
        asyncio.run(login(client, port, **options))


class Server(Servers, Case):
    over = "streams"


class Loop(Case):
    """What only asyncio has."""

    def test_key_derivation_does_not_stall_the_loop(self) -> None:
        receive = ClientSession.receive

        def slow(client: ClientSession, data: bytes) -> bytes:
            time.sleep(0.05)
            return receive(client, data)

        ticks = 0

        async def main() -> None:
            async def tick() -> None:
                nonlocal ticks
                while True:
                    await asyncio.sleep(0.005)
                    ticks += 1

            ticking = asyncio.ensure_future(tick())
            await login(session(), server.port)
            ticking.cancel()

        server = self.serve(policy=ALWAYS)
        with mock.patch.object(ClientSession, "receive", slow):
            asyncio.run(main())
        self.assertGreater(ticks, 10)

    def test_a_plain_answer_runs_in_a_thread(self) -> None:
        threads = []

        def answer(request: sasl.Request) -> object:
            threads.append(threading.current_thread())
            return request.answer(True)

        server = self.serve(policy=ALWAYS, answer=answer)
        talk = self.talk(server)
        talk.say(b"EHLO x")
        self.assertEqual(talk.say(PLAIN)[:3], b"235")
        self.assertNotIn(server._threads[0], threads)

    def test_a_coroutine_runs_on_the_loop(self) -> None:
        threads = []

        async def answer(request: sasl.Request) -> object:
            threads.append(threading.current_thread())
            return request.answer(True)

        class Callable:
            async def __call__(self, request: sasl.Request) -> object:
                return await answer(request)

        for given in (answer, functools.partial(answer), Callable()):
            server = self.serve(policy=ALWAYS, answer=given)
            talk = self.talk(server)
            talk.say(b"EHLO x")
            self.assertEqual(talk.say(PLAIN)[:3], b"235")
            self.assertEqual(threads.pop(), server._threads[0])

    def test_one_slow_answer_holds_up_nobody_else(self) -> None:
        slow = threading.Event()

        def answer(request: sasl.Request) -> object:
            slow.wait(5)
            return request.answer(True)

        server = self.serve(policy=ALWAYS, answer=answer)
        first, second = self.talk(server), self.talk(server)
        first.say(b"EHLO x")
        first.send(PLAIN + b"\r\n")
        self.assertEqual(second.say(b"NOOP")[:3], b"250")
        slow.set()
        self.assertEqual(first.reply()[:3], b"235")

    def test_a_heap_of_commands_holds_up_nobody_else(self) -> None:
        # One write that is never drained to the other side, and one turn for each line.
        turns = 0

        async def main() -> None:
            nonlocal turns

            async def turn() -> None:
                nonlocal turns
                while True:
                    await asyncio.sleep(0)
                    turns += 1

            async def handle(command, ask) -> Reply:
                return Reply(250, "ok")

            reader = asyncio.StreamReader()
            reader.feed_data(b"NOOP\r\n" * 500)
            reader.feed_eof()
            writer = mock.Mock(drain=mock.AsyncMock())
            turning = asyncio.ensure_future(turn())
            server = ServerSession(sasl.Channel(True))
            await streams.serve(server, reader, writer, None, handle)
            turning.cancel()

        asyncio.run(main())
        self.assertGreater(turns, 400)

    def test_a_cancelled_connection_authenticates_nobody(self) -> None:
        waiting = asyncio.Event()

        async def answer(request: sasl.Request) -> object:
            waiting.set()
            await asyncio.sleep(60)
            return request.answer(True)

        server = self.serve(policy=ALWAYS, answer=answer)
        talk = self.talk(server)
        talk.say(b"EHLO x")
        talk.send(PLAIN + b"\r\n")
        while not waiting.is_set():
            time.sleep(0.001)
        server.close()
        session = server.mailboxes[0].session
        self.assertIsNone(session.identity)
        self.assertIs(session.failure.reason, sasl.Reason.ABORTED)

    def test_a_reply_that_already_waits_in_the_reader(self) -> None:
        # It came in a segment of its own, before the handshake, after our last read.
        _, trusting = needs_tls()

        server = self.script(GREETING, STARTTLS, b"220 go\r\n", None)
        receive = ClientSession.receive

        async def main() -> None:
            loop = asyncio.get_running_loop()
            reader, writer = await asyncio.open_connection(HOST, server.port)

            def late(client: ClientSession, data: bytes) -> bytes:
                output = receive(client, data)
                if client.wants_tls:
                    loop.call_soon_threadsafe(reader.feed_data, b"250 AUTH PLAIN\r\n")
                return output

            client = session(starttls="require")
            with mock.patch.object(ClientSession, "receive", late):
                try:
                    await streams.authenticate(client, reader, writer, tls=trusting)
                finally:
                    writer.close()

        with self.assertRaises(sasl.ProtocolError):
            asyncio.run(main())

    def test_a_command_that_already_waits_in_the_reader(self) -> None:
        serving, _ = needs_tls()

        async def main() -> bytes:
            served = asyncio.Event()

            async def connected(reader, writer) -> None:
                class Late(ServerSession):
                    def receive(self, line: bytes):
                        action = super().receive(line)
                        if line.startswith(b"STARTTLS"):
                            reader.feed_data(b"EHLO evil\r\n")
                        return action

                async def handle(command, ask) -> Reply:
                    return Reply(250, "ok")

                late = Late(sasl.Channel(False), starttls=True)
                await streams.serve(late, reader, writer, None, handle, tls=serving)
                writer.close()
                served.set()

            server = await asyncio.start_server(connected, HOST, 0)
            port = server.sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(b"EHLO x\r\n")
            await reader.readline()
            writer.write(b"STARTTLS\r\n")
            reply = await reader.read()
            await served.wait()
            writer.close()
            server.close()
            return reply

        self.assertEqual(asyncio.run(main())[:3], b"503")
