"""Security layers on the connections of aiosmtplib and aioimaplib, by their stand-ins."""

from __future__ import annotations

import asyncio
import types
from unittest import mock

import sasl_core as sasl
from sasl_core.adapters import aioimaplib as ours_aioimap
from sasl_core.adapters import aiosmtplib as ours_aiosmtp
from sasl_core.adapters._layered_transport import LayeredTransport

from . import _imap, _loopback, test_aiosmtplib
from ._loopback import HOST
from .test_library_layers import LAYERS, NAME, USER, policy


class AioSmtp(_loopback.Case):
    """aiosmtplib, by its stand-in; the base of aioimaplib's, which says what differs."""

    channel = _loopback.CLEAR
    ours = ours_aiosmtp
    lost: type[Exception] = test_aiosmtplib.Disconnected

    def start(self, given: sasl.Policy):
        return self.serve(policy=given, require_auth=True)

    async def connect(self, server):
        smtp = test_aiosmtplib.SMTP(server.port)
        await smtp.connect()
        return smtp

    def transport(self, smtp) -> asyncio.Transport:
        return smtp.transport

    async def ask(self, smtp) -> bool:
        return (await smtp.execute_command(b"NOOP")).code == 250

    def check_afterwards(self, smtp) -> None:
        self.assertEqual(
            smtp.last_ehlo_response.message.splitlines()[1:], [f"AUTH {NAME}"]
        )

    async def through_the_layer(self, layer: str) -> None:
        connection = await self.connect(self.start(policy(layer)))
        below = self.transport(connection)
        name = await self.ours.login(
            connection, USER, channel=self.channel, policy=policy(layer)
        )
        self.assertEqual(name, NAME)
        self.assertIsInstance(self.transport(connection), LayeredTransport)
        self.assertTrue(await self.ask(connection))
        self.check_afterwards(connection)
        # a buffer without its length, which ends it
        below.get_protocol().data_received(bytes(20))
        with self.assertRaises(self.lost):
            await self.ask(connection)
        self.assertTrue(below.is_closing())

    def test_through_the_layer(self) -> None:
        for layer in LAYERS:
            with self.subTest(layer):
                asyncio.run(self.through_the_layer(layer))

    def put_behind_the_success(self, connection, data: bytes) -> None:
        """As aiosmtplib keeps it."""
        connection.protocol._buffer = bytearray(data)

    async def nothing_behind_the_success(self) -> None:
        connection = await self.connect(self.start(policy("integrity")))
        below = self.transport(connection)
        self.put_behind_the_success(connection, b"250 forged\r\n")
        with self.assertRaises(sasl.ProtocolError):
            await self.ours.login(
                connection, USER, channel=self.channel, policy=policy("integrity")
            )
        self.assertTrue(below.is_closing())

    def test_nothing_behind_the_success_is_a_reply(self) -> None:
        """Who stands in between could have put it there."""
        asyncio.run(self.nothing_behind_the_success())

    async def all_of_a_transport(self) -> None:
        connection = await self.connect(self.start(policy("integrity")))
        await self.ours.login(
            connection, USER, channel=self.channel, policy=policy("integrity")
        )
        layered = self.transport(connection)
        layered.set_write_buffer_limits(high=90, low=30)
        self.assertEqual(layered.get_write_buffer_limits(), (30, 90))
        self.assertEqual(layered.get_write_buffer_size(), 0)
        before, other = layered.get_protocol(), mock.create_autospec(asyncio.Protocol)
        layered.set_protocol(other)
        self.assertIs(layered.get_protocol(), other)
        self.assertIsNot(before, other)
        layered.abort()
        await asyncio.sleep(0)
        other.connection_lost.assert_called_once_with(None)
        before.connection_lost(None)

    def test_all_of_a_transport(self) -> None:
        asyncio.run(self.all_of_a_transport())

    async def none_unless_the_policy_asks(self) -> None:
        connection = await self.connect(self.start(policy("integrity", "none")))
        below = self.transport(connection)
        one = sasl.Policy(allow=[NAME])
        await self.ours.login(connection, USER, channel=self.channel, policy=one)
        self.assertIs(self.transport(connection), below)
        self.assertTrue(await self.ask(connection))
        below.abort()

    def test_none_unless_the_policy_asks(self) -> None:
        asyncio.run(self.none_unless_the_policy_asks())


class AioImap(AioSmtp):
    """aioimaplib."""

    channel = _imap.CLEAR
    ours = ours_aioimap
    lost = ConnectionError

    def start(self, given: sasl.Policy):
        server = _imap.Server(policy=given)
        self.addCleanup(server.close)
        return server

    async def connect(self, server):
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            lambda: _imap.Connection({"SASL-IR", f"AUTH={NAME}"}), HOST, server.port
        )
        await connection.received.get()
        return types.SimpleNamespace(
            protocol=connection, timeout=5, host="localhost", port=server.port
        )

    def transport(self, imap) -> asyncio.Transport:
        return imap.protocol.transport

    async def ask(self, imap) -> bool:
        if imap.protocol.lost:
            raise ConnectionError("it was lost")
        imap.protocol.transport.write(b"x NOOP\r\n")
        return await imap.protocol.received.get() == b"x OK Done\r\n"

    def put_behind_the_success(self, imap, data: bytes) -> None:
        finish = sasl.Client.finish

        def finished(client: sasl.Client, success: bytes | None) -> None:
            finish(client, success)
            imap.protocol.transport.get_protocol().data_received(data)

        patched = mock.patch.object(sasl.Client, "finish", finished)
        patched.start()
        self.addCleanup(patched.stop)

    def check_afterwards(self, imap) -> None:
        """What the server can do was asked again, through the layer."""
        self.assertEqual(imap.protocol.asked, 1)

    async def early(self) -> None:
        given = policy("integrity")
        server = self.start(given)
        imap = await self.connect(server)
        below, finish = imap.protocol.transport, sasl.Client.finish
        client = sasl.client(NAME, USER, channel=self.channel, policy=given)

        def finished(client: sasl.Client, data: bytes | None) -> None:
            # In its thread; meanwhile the server says something through the layer.
            finish(client, data)
            said = server.mailboxes[-1].session.layer.wrap(b"* 5 EXISTS\r\n")
            below.get_protocol().data_received(said)

        with mock.patch.object(sasl.Client, "finish", finished):
            await ours_aioimap.authenticate(imap, client)
        self.assertEqual(await imap.protocol.received.get(), b"* 5 EXISTS\r\n")
        imap.protocol.transport.abort()

    def test_what_came_while_the_end_was_checked(self) -> None:
        asyncio.run(self.early())
