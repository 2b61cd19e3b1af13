"""The adapters drive these sessions, too: here the client speaks first."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
import unittest
from pathlib import Path

import sasl_core as sasl
from sasl_core.adapters import blocking, streams
from sasl_core.protocols.ldap import ClientSession, ServerSession

from ..._accounts import TABLE, Application
from ._peer import DELETE, TLS, UNBIND

_ROOT = Path(__file__).parents[3]


class Source:
    """A source of tokens, of which the first has expired."""

    def __init__(self) -> None:
        self.asked: list[str | None] = []

    def __call__(self, expired: sasl.TokenError | None) -> str:
        self.asked.append(expired and expired.status)
        return TABLE["OAUTHBEARER"].right["token"] if expired else "old"


class Blocking(unittest.TestCase):
    def login(self, session: ClientSession) -> ServerSession:
        server = ServerSession(TLS)
        ours, theirs = socket.socketpair()
        application = Application()

        def serve() -> None:
            with theirs:
                blocking.serve(
                    server,
                    theirs,
                    application.settle,
                    lambda command, _: command.done(),
                )

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            with ours:
                ours.settimeout(5)
                blocking.authenticate(session, ours)
                ours.sendall(DELETE + UNBIND)
                self.assertEqual(ours.recv(100)[5], 0x6B)
                self.assertEqual(ours.recv(100), b"")
        finally:
            thread.join()
        return server

    def test_a_password(self) -> None:
        credentials = sasl.Credentials("user", "pencil")
        policy = sasl.Policy(iterations=(1, 5000))
        server = self.login(ClientSession(credentials, channel=TLS, policy=policy))
        self.assertEqual(server.success.mechanism, "SCRAM-SHA-512")

    def test_a_token_that_is_wanted_at_once(self) -> None:
        source = Source()
        credentials = sasl.Credentials("user", token=source)
        for options in ({"mechanisms": ["OAUTHBEARER"]}, {}):
            source.asked.clear()
            self.login(ClientSession(credentials, channel=TLS, **options))
            self.assertEqual(source.asked, [None, "invalid_token"])


class Streams(unittest.IsolatedAsyncioTestCase):
    async def test_a_token_that_is_wanted_at_once(self) -> None:
        server, source, application = ServerSession(TLS), Source(), Application()

        async def handle(command, ask):
            return command.done()

        async def serve(reader, writer) -> None:
            await streams.serve(server, reader, writer, application.settle, handle)
            writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
            port = listening.sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            credentials = sasl.Credentials("user", token=source)
            session = ClientSession(
                credentials, channel=TLS, mechanisms=["OAUTHBEARER"]
            )
            await streams.authenticate(session, reader, writer, timeout=5)
            self.assertEqual(source.asked, [None, "invalid_token"])
            writer.write(UNBIND)
            self.assertEqual(await reader.read(), b"")
            writer.close()
            await writer.wait_closed()
        self.assertEqual(server.success.mechanism, "OAUTHBEARER")


class Example(unittest.TestCase):
    def test_it(self) -> None:
        """examples.ldap_bind, both sides."""
        shown = subprocess.run(
            [sys.executable, "-m", "examples.ldap_bind"],
            cwd=_ROOT,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        self.assertEqual(shown.stderr, "")
        self.assertIn("Bound by SCRAM-SHA-", shown.stdout)
        self.assertIn("(0x4a) of Identity(authcid='alice'", shown.stdout)


if __name__ == "__main__":
    unittest.main()
