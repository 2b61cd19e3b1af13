"""The adapter of blocking sockets, over loopback."""

from __future__ import annotations

import ssl

import sasl_core as sasl
from sasl_core.adapters import blocking

from ._clients import GREETING, STARTTLS, Clients, coroutine_source, session
from ._loopback import Case, connect, needs_tls
from ._servers import Servers


class Client(Clients, Case):
    over = "blocking"

    def login(self, client, port, *, tls=None, timeout=5.0) -> None:
        with connect(port) as sock:
            sock.settimeout(timeout)
            after = blocking.authenticate(client, sock, tls=tls)
            if after is not sock:
                after.close()


class Server(Servers, Case):
    over = "blocking"


class Sockets(Case):
    def test_a_coroutine_function_is_no_source_here(self) -> None:
        policy = sasl.Policy(cleartext="always", allow=["XOAUTH2"])
        server = self.serve(over="blocking", policy=policy)
        who = sasl.Credentials("user", token=coroutine_source([]))
        with connect(server.port) as sock, self.assertRaises(sasl.StateError):
            blocking.authenticate(session(credentials=who, policy=policy), sock)

    def test_the_socket_after_starttls_is_a_new_one(self) -> None:
        serving, trusting = needs_tls()
        server = self.serve(
            over="blocking",
            tls=serving,
            starttls=True,
            policy=sasl.Policy(allow=["PLAIN"]),
        )
        with connect(server.port) as sock:
            client = session(starttls="require", policy=sasl.Policy())
            with blocking.authenticate(client, sock, tls=trusting) as secure:
                self.assertIsNot(secure, sock)
                secure.sendall(b"NOOP\r\n")
                self.assertEqual(secure.recv(100)[:3], b"250")

    def test_what_starttls_opened_is_closed(self) -> None:
        serving, trusting = needs_tls()
        opened = []

        class Watched(ssl.SSLSocket):
            def do_handshake(self, *args) -> None:
                opened.append(self)
                super().do_handshake(*args)

        serving.sslsocket_class = trusting.sslsocket_class = Watched
        plain = sasl.Policy(allow=["PLAIN"])
        server = self.serve(over="blocking", tls=serving, starttls=True, policy=plain)
        client = session(
            starttls="require", policy=plain, credentials=sasl.Credentials("a", "b")
        )
        with connect(server.port) as sock:
            with self.assertRaises(sasl.AuthenticationError):
                blocking.authenticate(client, sock, tls=trusting)
            server.wait()
        self.assertEqual([sock.fileno() for sock in opened], [-1, -1])

    def test_without_starttls_it_is_the_same(self) -> None:
        server = self.script(
            GREETING, b"250-x\r\n250 AUTH PLAIN\r\n", b"235 2.7.0 ok\r\n", None
        )
        with connect(server.port) as sock:
            self.assertIs(blocking.authenticate(session(), sock), sock)

    def test_a_refusal_leaves_the_socket_open(self) -> None:
        server = self.script(
            GREETING, b"250-x\r\n250 AUTH PLAIN\r\n", b"535 no\r\n", b"221 bye\r\n"
        )
        with connect(server.port) as sock:
            with self.assertRaises(sasl.AuthenticationError):
                blocking.authenticate(session(), sock)
            sock.sendall(b"QUIT\r\n")
            self.assertEqual(sock.recv(100), b"221 bye\r\n")

    def test_a_failed_handshake_closes_the_socket(self) -> None:
        _, trusting = needs_tls()
        server = self.script(
            GREETING, STARTTLS, b"220 go\r\n", b"no TLS here\r\n", None
        )
        sock = connect(server.port)
        self.addCleanup(sock.close)
        with self.assertRaises(OSError):
            blocking.authenticate(session(starttls="require"), sock, tls=trusting)
        self.assertEqual(sock.fileno(), -1)
