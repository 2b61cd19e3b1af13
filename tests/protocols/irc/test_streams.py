"""Both sides over asyncio's streams, and the example."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import unittest
from unittest import mock

import sasl_core as sasl
from examples import irc_hello
from sasl_core.adapters import streams
from sasl_core.protocols.irc import ClientSession

from ... import _accounts as accounts
from ...adapters._loopback import HOST, certificate, needs_tls
from ._peer import CLEAR, Network

POLICY = sasl.Policy(allow=["PLAIN"])
CHANNEL = sasl.Channel(False, host="localhost")


class Streams(unittest.IsolatedAsyncioTestCase):
    async def serve(self, *, implicit=False) -> int:
        """Start a server, with STARTTLS or TLS at once; return its port."""
        serving, _ = needs_tls()
        self.networks: list[Network] = []

        async def connected(reader, writer) -> None:
            tls = writer.get_extra_info("ssl_object")
            channel = CLEAR.over_tls(tls) if tls else CLEAR
            network = Network(channel, policy=POLICY, starttls=True)
            self.networks.append(network)

            async def handle(command, ask):
                network.commands.append(command)
                return network.answer(command)

            await streams.serve(
                network.session,
                reader,
                writer,
                network.accounts.settle,
                handle,
                tls=serving,
            )
            writer.close()

        tls = serving if implicit else None
        server = await asyncio.start_server(connected, HOST, 0, ssl=tls)
        self.addCleanup(server.close)
        return server.sockets[0].getsockname()[1]

    async def log_in(self, password: str) -> ClientSession:
        port = await self.serve()
        who = sasl.Credentials(accounts.USER, password)
        client = ClientSession(who, channel=CHANNEL, policy=POLICY)
        reader, writer = await asyncio.open_connection(HOST, port)
        with contextlib.closing(writer):
            tls = needs_tls()[1]
            await streams.authenticate(client, reader, writer, tls=tls, timeout=5)
            writer.write(b"PING x\r\n")
            self.assertIn(b" 001 ", await reader.readline())
        return client

    async def test_starttls_and_a_login(self) -> None:
        client = await self.log_in(accounts.PASSWORD)
        self.assertTrue(client.channel.encrypted)
        self.assertEqual(client.mechanism, "PLAIN")
        session = self.networks[0].session
        self.assertEqual(session.identity.authcid, accounts.USER)

    async def test_a_wrong_password(self) -> None:
        with self.assertRaises(sasl.AuthenticationError):
            await self.log_in("wrong")
        self.assertIsNone(self.networks[0].session.identity)

    async def example(self, password: str) -> str:
        port = await self.serve(implicit=True)
        shown = io.StringIO()
        with (
            mock.patch.dict(os.environ, SSL_CERT_FILE=str(certificate())),
            mock.patch.object(irc_hello, "getpass", return_value=password),
            contextlib.redirect_stdout(shown),
        ):
            await irc_hello.main("localhost", accounts.USER, "bob", str(port))
        return shown.getvalue()

    async def test_the_example(self) -> None:
        self.assertEqual(
            await self.example(accounts.PASSWORD),
            "Said hello, after a login by PLAIN.\n",
        )
        said = [command.verb for command in self.networks[0].commands]
        self.assertEqual(said[:5], ["CAP", "CAP", "NICK", "USER", "CAP"])
        self.assertIn("bad credentials", await self.example("wrong"))


if __name__ == "__main__":
    unittest.main()
