"""Both sides over real sockets, where the server speaks first after TLS; the example."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import socket
import tempfile
import threading
import unittest
from pathlib import Path
from unittest import mock

import sasl_core as sasl
from examples import sieve_login
from sasl_core.adapters import blocking, streams
from sasl_core.protocols.sieve import ClientSession, Command, Reply, ServerSession

from ..._accounts import PASSWORD, USER, Application
from ...adapters._loopback import HOST, certificate, needs_tls
from ._peer import CLEAR

POLICY = sasl.Policy(allow=["PLAIN"])


def answered(command: Command) -> Reply:
    """Answer as a server without scripts does."""
    return Reply("OK", "Fine", close=command.verb == "LOGOUT")


class Streams(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        folder = self.enterContext(tempfile.TemporaryDirectory())
        self.script = Path(folder, "my.sieve")
        self.script.write_bytes(b"keep;\r\n")

    async def serve(self) -> int:
        """Start a server with STARTTLS; return its port."""
        serving, _ = needs_tls()
        self.commands: list[Command] = []

        async def handle(command: Command, ask: streams.Ask) -> Reply:
            self.commands.append(command)
            return answered(command)

        async def connected(reader, writer) -> None:
            session = ServerSession(CLEAR, policy=POLICY, starttls=True)
            await streams.serve(
                session,
                reader,
                writer,
                Application().settle,
                handle,
                greeting=session.greeting(),
                tls=serving,
            )
            writer.close()

        server = await asyncio.start_server(connected, HOST, 0)
        self.addCleanup(server.close)
        return server.sockets[0].getsockname()[1]

    async def test_a_login(self) -> None:
        port = await self.serve()
        channel = sasl.Channel(False, host="localhost")
        client = ClientSession(sasl.Credentials(USER, PASSWORD), channel=channel)
        reader, writer = await asyncio.open_connection(HOST, port)
        with contextlib.closing(writer):
            tls = needs_tls()[1]
            await streams.authenticate(client, reader, writer, tls=tls, timeout=5)
            self.assertEqual(client.mechanism, "PLAIN")
            writer.write(b"LOGOUT\r\n")
            self.assertEqual(await reader.read(), b'OK "Fine"\r\n')

    async def example(self, password: str) -> str:
        port = await self.serve()
        shown = io.StringIO()
        with (
            mock.patch.dict(os.environ, SSL_CERT_FILE=str(certificate())),
            mock.patch.object(sieve_login, "getpass", return_value=password),
            contextlib.redirect_stdout(shown),
        ):
            arguments = "localhost", USER, str(self.script), str(port)
            await asyncio.to_thread(sieve_login.main, *arguments)
        return shown.getvalue()

    async def test_the_example(self) -> None:
        self.assertEqual(
            await self.example(PASSWORD), 'Logged in by PLAIN.\nOK "Fine"\n'
        )
        self.assertEqual(self.commands[-1], Command("CHECKSCRIPT", (b"keep;\r\n",)))
        self.assertIn("bad credentials", await self.example("wrong"))


class Blocking(unittest.TestCase):
    def test_a_login(self) -> None:
        serving, trusting = needs_tls()
        ours, theirs = socket.socketpair()
        session = ServerSession(CLEAR, policy=POLICY, starttls=True)

        def serve() -> None:
            with theirs:
                blocking.serve(
                    session,
                    theirs,
                    Application().settle,
                    lambda command, ask: answered(command),
                    greeting=session.greeting(),
                    tls=serving,
                    timeout=5,
                )

        thread = threading.Thread(target=serve)
        thread.start()
        self.addCleanup(thread.join)
        client = ClientSession(
            sasl.Credentials(USER, PASSWORD),
            channel=sasl.Channel(False, host="localhost"),
        )
        with ours:
            ours.settimeout(5)
            with blocking.authenticate(client, ours, tls=trusting) as secure:
                secure.sendall(b"LOGOUT\r\n")
                self.assertEqual(secure.recv(100), b'OK "Fine"\r\n')
        self.assertEqual(client.capabilities["SASL"], "PLAIN")
        self.assertEqual(session.identity.authcid, USER)
