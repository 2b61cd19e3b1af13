"""IMAP's sessions over what drives any protocol's: asyncio streams, and sockets."""

from __future__ import annotations

import asyncio

import sasl_core as sasl
from sasl_core.adapters import blocking, streams
from sasl_core.protocols.imap import ClientSession

from ._imap import CLEAR, TOKEN, Case
from ._loopback import ALWAYS, HOST, connect, needs_tls

USER = sasl.Credentials("user", "pencil")
PLAIN = sasl.Policy(allow=["PLAIN"])


class Sessions(Case):
    def test_over_starttls(self) -> None:
        serving, trusting = needs_tls()
        for over in ("blocking", "streams"):
            for log_in in (self.by_blocking, self.by_streams):
                server = self.serve(over=over, tls=serving, starttls=True, policy=PLAIN)
                client = ClientSession(USER, channel=CLEAR)
                with self.subTest(over, client=log_in.__name__):
                    log_in(client, server.port, trusting)
                    self.assertEqual(client.mechanism, "PLAIN")
                    self.assertTrue(client.channel.encrypted)
                    self.assertEqual(client.capabilities, ("IMAP4REV1",))
                    self.assertTrue(server.wait().session.success)
                    self.assertEqual(server.errors, [])

    def test_a_token_from_a_source(self) -> None:
        for log_in in (self.by_blocking, self.by_streams):
            tokens = ["old", TOKEN]
            who = sasl.Credentials("user", token=lambda error, t=tokens: t.pop(0))
            server = self.serve(policy=ALWAYS)
            # the token is for another host than this one
            on = sasl.Channel(False, service="imap")
            client = ClientSession(who, channel=on, starttls="never", policy=ALWAYS)
            with self.subTest(log_in.__name__):
                log_in(client, server.port, None)
                self.assertEqual(client.mechanism, "OAUTHBEARER")
                self.assertEqual(tokens, [])

    def test_literals_and_a_heap_of_commands(self) -> None:
        for over in ("blocking", "streams"):
            server = self.serve(over=over, policy=ALWAYS)
            with self.subTest(over), connect(server.port) as sock:
                file = sock.makefile("rb")
                self.addCleanup(file.close)
                self.assertTrue(file.readline().startswith(b"* OK [CAPABILITY "))
                sock.sendall(
                    b"a1 NOOP\r\na2 LOGIN user {6+}\r\npencil\r\na3 ID {3+}\r\n\r\n\0\r\n"
                    b"a4 LOGOUT\r\n"
                )
                told = [file.readline()[:8] for _ in range(6)]
                self.assertEqual(
                    told,
                    [
                        b"a1 OK Do",
                        b"a2 OK [C",
                        b"a3 OK Do",
                        b"* BYE Se",
                        b"a4 OK Do",
                        b"",
                    ],
                )
                self.assertEqual(server.wait().commands[1].argument, b"{3+}\r\n\r\n\0")

    def by_blocking(self, client, port, tls) -> None:
        with connect(port) as sock:
            after = blocking.authenticate(client, sock, tls=tls)
            if after is not sock:
                after.close()

    def by_streams(self, client, port, tls) -> None:
        async def main() -> None:
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                await streams.authenticate(client, reader, writer, tls=tls, timeout=5)
            finally:
                writer.transport.abort()

        asyncio.run(main())
