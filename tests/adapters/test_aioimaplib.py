"""The adapter of aioimaplib, on what it uses of one: tests/interop has the package."""

from __future__ import annotations

import asyncio
import types
import unittest

import sasl_core as sasl
from sasl_core import profiles
from sasl_core.adapters.aioimaplib import authenticate, login

from ._imap import TOKEN, Case, Connection, Server, greeting
from ._loopback import ALWAYS, HOST, Script, needs_tls, secrets_shown

USER = sasl.Credentials("user", "pencil")
PLAIN = sasl.Policy(cleartext="always", allow=["PLAIN"])
OFFER = {"IMAP4rev1", "SASL-IR", "AUTH=PLAIN", "AUTH=CRAM-MD5"}


class AioCase(Case, unittest.IsolatedAsyncioTestCase):
    async def connect(
        self,
        server: Server | Script,
        capabilities: set[str] = OFFER,
        *,
        patience: float = 5,
    ) -> types.SimpleNamespace:
        """Connect, up to the greeting."""
        loop = asyncio.get_running_loop()
        transport, connection = await loop.create_connection(
            lambda: Connection(capabilities), HOST, server.port
        )
        self.addAsyncCleanup(self.hang_up, transport)
        await connection.received.get()
        return types.SimpleNamespace(
            protocol=connection, timeout=patience, host="localhost", port=server.port
        )

    async def hang_up(self, transport: asyncio.Transport) -> None:
        transport.abort()
        await asyncio.sleep(0)

    async def assert_raises(self, kind: type[Exception], *steps, **options):
        server = self.script(greeting(), *steps)
        imap = await self.connect(server, **options)
        with self.assertRaises(kind) as caught:
            await login(imap, USER, policy=ALWAYS)
        self.assertEqual(imap.protocol.state, "NONAUTH")
        self.assertFalse(imap.protocol.state_condition.locked())
        return imap, server, caught.exception


class Login(AioCase):
    async def test_every_mechanism(self) -> None:
        token = sasl.Credentials("user", token=TOKEN)
        for name, credentials in {
            "PLAIN": USER,
            "LOGIN": USER,
            "CRAM-MD5": USER,
            "SCRAM-SHA-256": USER,
            "XOAUTH2": token,
        }.items():
            policy = sasl.Policy(allow=[name], cleartext="always", iterations=(1, 5000))
            server = self.serve(policy=policy)
            imap = await self.connect(server, {"SASL-IR", f"AUTH={name}"})
            with self.subTest(name):
                self.assertEqual(await login(imap, credentials, policy=policy), name)
                self.assertEqual(imap.protocol.state, "AUTH")
                self.assertEqual(imap.protocol.capabilities, {"IMAP4REV1"})
                self.assertEqual(imap.protocol.asked, 0)
                success = server.mailboxes[0].session.success
                self.assertEqual(success.mechanism, name)

    async def test_the_connection_is_given_back(self) -> None:
        imap = await self.connect(self.serve(policy=ALWAYS))
        await login(imap, USER, policy=ALWAYS)
        imap.protocol.transport.write(b"x NOOP\r\n")
        self.assertEqual(await imap.protocol.received.get(), b"x OK Done\r\n")

    async def test_what_comes_behind_it_is_handed_over(self) -> None:
        server = self.script(greeting(), b"A1 OK in\r\n* 1 EXI", b"")
        imap = await self.connect(server)
        await login(imap, USER, policy=PLAIN)
        self.assertEqual(await imap.protocol.received.get(), b"* 1 EXI")

    async def test_capabilities_are_asked_for(self) -> None:
        server = self.script(greeting(), b"A1 OK in\r\n", b"")
        imap = await self.connect(server)
        await login(imap, USER, policy=PLAIN)
        self.assertEqual(imap.protocol.capabilities, {"IMAP4rev1", "ASKED"})

    async def test_who_waits_for_the_state_hears_of_it(self) -> None:
        imap = await self.connect(self.serve(policy=ALWAYS))
        connection = imap.protocol

        async def wait() -> None:
            async with connection.state_condition:
                await connection.state_condition.wait_for(
                    lambda: connection.state == "AUTH"
                )

        waiting = asyncio.create_task(wait())
        await asyncio.sleep(0)
        await login(imap, USER, policy=ALWAYS)
        await asyncio.wait_for(waiting, 5)

    async def test_tokens_from_a_source_of_either_kind(self) -> None:
        async def later(error: sasl.TokenError | None) -> str:
            return "old" if error is None else TOKEN

        for source in (later, lambda error: TOKEN):
            server = self.serve(policy=ALWAYS)
            imap = await self.connect(server, {"AUTH=XOAUTH2", "AUTH=OAUTHBEARER"})
            who = sasl.Credentials("user", token=source)
            name = await login(imap, who, policy=ALWAYS)
            self.assertEqual(name, "OAUTHBEARER")

    async def test_over_tls(self) -> None:
        serving, trusting = needs_tls()
        policy = sasl.Policy(allow=["SCRAM-SHA-256-PLUS"], iterations=(1, 5000))

        async def serve(reader, writer) -> None:
            await reader.readuntil(b"SCRAM-SHA-256-PLUS ")
            seen.set_result(await reader.readline())
            writer.close()

        seen = asyncio.get_running_loop().create_future()
        server = await asyncio.start_server(serve, HOST, 0, ssl=serving)
        self.addAsyncCleanup(server.wait_closed)
        self.addCleanup(server.close)
        port = server.sockets[0].getsockname()[1]
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            lambda: Connection({"SASL-IR", "AUTH=SCRAM-SHA-256-PLUS"}),
            HOST,
            port,
            ssl=trusting,
            server_hostname="localhost",
        )
        imap = types.SimpleNamespace(
            protocol=connection, timeout=5, host="x", port=port
        )
        with self.assertRaises(ConnectionError):
            await login(imap, USER, policy=policy)
        message = sasl.profiles.IMAP.decode((await seen).strip())
        self.assertRegex(message, rb"^p=tls-")
        self.assertTrue(connection.lost)

    async def test_authenticate(self) -> None:
        client = sasl.client(
            "PLAIN",
            USER,
            channel=sasl.Channel(False),
            policy=ALWAYS,
            profile=profiles.IMAP,
        )
        server = self.script(greeting(), b"+ \r\n", b"A1 OK [CAPABILITY X] in\r\n", b"")
        imap = await self.connect(server, {"AUTH=PLAIN"})
        await authenticate(imap, client)
        self.assertEqual(server.heard[0], b"A1 AUTHENTICATE PLAIN\r\n")
        self.assertEqual(imap.protocol.capabilities, {"X"})


class Refusals(AioCase):
    async def test_a_wrong_password_is_one_attempt(self) -> None:
        server = self.serve(policy=ALWAYS)
        imap = await self.connect(server)
        with self.assertRaises(sasl.AuthenticationError):
            await login(imap, sasl.Credentials("user", "wrong"), policy=ALWAYS)
        self.assertEqual(len(server.mailboxes[0].accounts.asked), 1)
        await login(imap, USER, policy=ALWAYS)  # the connection is none the worse
        self.assertEqual(imap.protocol.state, "AUTH")

    async def test_no_password_in_the_clear(self) -> None:
        imap = await self.connect(self.serve(policy=ALWAYS), {"AUTH=PLAIN"})
        with self.assertRaises(sasl.NoMechanism):
            await login(imap, USER)

    async def test_bad_lines(self) -> None:
        for kind, steps in (
            (sasl.ProtocolError, [b"+ !\r\n", b"A1 BAD cancelled\r\n", b""]),
            (sasl.ProtocolError, [b"+ !\r\n", None]),
            (sasl.ProtocolError, [b"+ !\r\n", b"* BYE x\r\n", b""]),
            (sasl.ProtocolError, [b"+ PDFAeD4=\r\nA1 OK in\r\n", b""]),
            (sasl.ProtocolError, [b"A2 OK in\r\n", b""]),
            (sasl.ProtocolError, [b"* 1 EXISTS\r\n" * 10_000, b""]),
            (sasl.ServerNotAuthenticated, [b"A1 OK in\r\n", b""]),
            (ConnectionError, [None]),
            (ConnectionError, [b"* BYE later\r\n", b""]),
        ):
            with self.subTest(kind, steps=str(steps)[:80]):
                await self.assert_raises(kind, *steps, capabilities={"AUTH=CRAM-MD5"})

    async def test_the_owner_hears_of_the_end(self) -> None:
        imap, _, _ = await self.assert_raises(ConnectionError, None)
        self.assertTrue(imap.protocol.lost)

    async def test_a_server_that_says_nothing(self) -> None:
        imap, _, _ = await self.assert_raises(TimeoutError, b"", patience=0.02)
        self.assertTrue(imap.protocol.transport.is_closing())

    async def test_given_up_half_way(self) -> None:
        imap = await self.connect(self.script(greeting(), b""))
        task = asyncio.create_task(login(imap, USER, policy=ALWAYS))
        await asyncio.sleep(0.01)
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task
        self.assertTrue(imap.protocol.transport.is_closing())

    async def test_not_now(self) -> None:
        imap = await self.connect(self.serve(policy=ALWAYS))
        connection = imap.protocol
        for name, value in (
            ("state", "AUTH"),
            ("pending_sync_command", object()),
            ("pending_async_commands", {"NOOP": object()}),
        ):
            before = getattr(connection, name)
            setattr(connection, name, value)
            with self.subTest(name), self.assertRaises(sasl.StateError):
                await login(imap, USER, policy=ALWAYS)
            setattr(connection, name, before)


class Secrets(Case):
    def test_none_is_in_the_traceback(self) -> None:
        for words, *steps in (
            ("AUTH=PLAIN", b"A1 NO no\r\n", b""),
            ("AUTH=PLAIN", b"x\r\n", b""),
            ("AUTH=LOGIN", b"+ \r\n", b"+ \r\n", b"A1 NO no\r\n", b""),
            ("AUTH=CRAM-MD5", b"+ !\r\n", b"A1 BAD no\r\n", b""),
            ("X", b"A1 NO no\r\n", b""),
        ):
            server = self.script(greeting(), *steps)
            with self.subTest(words, steps=steps):
                shown = secrets_shown(
                    lambda: asyncio.run(self.log_in(server, words)),  # noqa: B023
                    "hunter2",
                    "\0user\0hunter2",
                )
                self.assertEqual(shown, [])

    async def log_in(self, server: Script, words: str) -> None:
        loop = asyncio.get_running_loop()
        transport, connection = await loop.create_connection(
            lambda: Connection({"SASL-IR", words}), HOST, server.port
        )
        await connection.received.get()
        imap = types.SimpleNamespace(
            protocol=connection, timeout=5, host="localhost", port=server.port
        )
        try:
            who = sasl.Credentials("user", "hunter2")
            await login(imap, who, policy=ALWAYS)
        finally:
            transport.abort()
