"""Security layers on real connections: both adapters, both sides, and what ends them."""

from __future__ import annotations

import asyncio
import io
import socket
import threading

import sasl_core as sasl
from sasl_core.adapters import blocking, streams
from sasl_core.adapters._calls import unlayered
from sasl_core.adapters._layered_socket import LayeredSocket
from sasl_core.adapters.aiosmtpd import AuthHandler
from sasl_core.layers import Layer
from sasl_core.protocols import sieve

from ..test_layers import toy
from ._clients import session
from ._loopback import CLEAR, HOST, Case, connect

NAME = "DIGEST-MD5"
LAYERS = ("integrity", "confidentiality")


def policy(layer: str) -> sasl.Policy:
    """Make the policy of both sides."""
    return sasl.Policy(allow=[NAME], layers=[layer])


class Watched(socket.socket):
    """A socket that keeps what goes over the wire."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(fileno=sock.detach())
        self.settimeout(5)
        self.wire = b""

    def recv(self, *args) -> bytes:
        data = super().recv(*args)
        self.wire += data
        return data

    def sendall(self, data, *args) -> None:
        self.wire += bytes(data)
        super().sendall(data, *args)


class Blocking(Case):
    over = "blocking"

    def test_a_session_in_the_layer(self) -> None:
        """The session begins anew: EHLO, and the mechanisms to compare (RFC 4954)."""
        for layer in LAYERS:
            server = self.serve(over=self.over, policy=policy(layer))
            sock = Watched(connect(server.port))
            client = session(policy=policy(layer))
            with blocking.authenticate(client, sock) as layered:
                self.assertIsInstance(layered, LayeredSocket)
                sock.wire = b""
                with layered.makefile("rwb") as file:
                    for command, code in (
                        (b"NOOP", b"250"),
                        (b"MAIL FROM:<a@example.org>", b"503"),
                        (b"EHLO client", b"250-"),
                    ):
                        file.write(command + b"\r\n")
                        file.flush()
                        self.assertTrue(file.readline().startswith(code), command)
                    said = file.readline()
                self.assertEqual(said, b"250 AUTH DIGEST-MD5\r\n")
                hidden = layer == "confidentiality"
                self.assertEqual(b"EHLO client" not in sock.wire, hidden)
                self.assertEqual(b"AUTH DIGEST-MD5" not in sock.wire, hidden)
                layered.sendall(b"QUIT\r\n")
                self.assertEqual(layered.recv(3), b"221")
                self.assertEqual(layered.recv(100), b" 2.0.0 Bye\r\n")
                self.assertEqual(layered.recv(100), b"")
            self.assertEqual(sock.fileno(), -1)
            self.assertEqual(server.wait().session.layer.closed, False)

    def test_without_a_layer(self) -> None:
        """The socket is the same."""
        server = self.serve(over=self.over, policy=policy("none"))
        with connect(server.port) as sock:
            client = session(policy=policy("none"))
            self.assertIs(blocking.authenticate(client, sock), sock)
            self.assertIsNone(client.layer)

    def test_no_starttls_in_the_layer(self) -> None:
        """TLS lies below a layer, not within it."""
        both = policy("integrity")
        server = self.serve(over=self.over, policy=both, starttls=True)
        with (
            connect(server.port) as sock,
            blocking.authenticate(session(policy=both), sock) as layered,
        ):
            layered.sendall(b"EHLO x\r\n")
            layered.recv(1000)
            layered.sendall(b"STARTTLS\r\n")
            self.assertEqual(layered.recv(3), b"503")

    def test_a_changed_buffer_ends_it(self) -> None:
        """The server hangs up, without a word outside the layer."""
        both = policy("integrity")
        server = self.serve(over=self.over, policy=both)
        sock, client = connect(server.port), session(policy=both)
        with blocking.authenticate(client, sock):
            octets = client.layer.wrap(b"NOOP\r\n").replace(b"NOOP", b"QUIT")
            sock.sendall(octets)
            self.assertEqual(sock.recv(100), b"")
        self.assertTrue(server.wait().session.layer.closed)

    def test_plain_text_in_the_layer_ends_it(self) -> None:
        """So does what is no buffer at all."""
        both = policy("confidentiality")
        server = self.serve(over=self.over, policy=both)
        sock = connect(server.port)
        with blocking.authenticate(session(policy=both), sock):
            sock.sendall(b"EHLO x\r\n")
            self.assertEqual(sock.recv(100), b"")
        server.wait()

    def test_nothing_is_taken_that_came_before_it(self) -> None:
        """A command that was put behind the last response is not from the user."""
        both = policy("integrity")
        server = self.serve(over=self.over, policy=both)
        with connect(server.port) as sock:
            client = session(policy=both)
            client.connected()
            for _ in range(4):  # greeting, EHLO, challenge, rspauth
                answer = client.receive(sock.recv(1000))
                last = b"NOOP\r\n" if answer == b"\r\n" else b""
                sock.sendall(answer + last)
            self.assertEqual(sock.recv(3), b"235")
            self.assertEqual(sock.recv(100)[-2:], b"\r\n")
            self.assertEqual(sock.recv(100), b"")
        server.wait()


class Streams(Blocking):
    """The same of asyncio's server, and its client."""

    over = "streams"

    def run_client(self, port: int, both: sasl.Policy, talk) -> None:
        async def main() -> None:
            reader, writer = await asyncio.open_connection(HOST, port)
            client = session(policy=both)
            reader, writer = await streams.authenticate(client, reader, writer)
            try:
                await talk(reader, writer, client)
            finally:
                writer.close()
                await writer.wait_closed()

        asyncio.run(main())

    def test_streams_in_the_layer(self) -> None:
        """New streams, of which all that streams can do is true."""

        async def talk(reader, writer, client) -> None:
            writer.writelines([b"EHLO ", b"client\r\n"])
            await writer.drain()
            self.assertTrue((await reader.readline()).startswith(b"250-"))
            self.assertEqual(await reader.readline(), b"250 AUTH DIGEST-MD5\r\n")
            self.assertEqual(writer.get_extra_info("peername")[0], HOST)
            writer.write(b"NOOP\r\n" * 500)
            self.assertFalse(writer.is_closing())
            await writer.drain()
            replies = await reader.readexactly(len(b"250 2.0.0 Ok\r\n") * 500)
            self.assertEqual(replies[:3], b"250")
            writer.write(b"QUIT\r\n")
            self.assertTrue(writer.can_write_eof())
            writer.write_eof()
            self.assertEqual(await reader.read(), b"221 2.0.0 Bye\r\n")

        for layer in LAYERS:
            server = self.serve(policy=policy(layer))
            self.run_client(server.port, policy(layer), talk)
            server.wait()

    def scripted(self, both: sasl.Policy, *after: bytes) -> int:
        """Serve one login by hand, then send `after`, each when `more` is set."""
        self.more = threading.Semaphore(0)
        listening = socket.create_server((HOST, 0))
        self.addCleanup(listening.close)

        def serve() -> None:
            sock, _ = listening.accept()
            with sock, sock.makefile("rb") as file:
                sock.sendall(b"220 x\r\n")
                file.readline()
                sock.sendall(b"250-x\r\n250 AUTH DIGEST-MD5\r\n")
                file.readline()
                exchange = sasl.server(NAME, channel=CLEAR, policy=both)
                sock.sendall(b"334 " + exchange.start().data + b"\r\n")
                event = exchange.step(file.readline().strip()).answer("pencil")
                sock.sendall(b"334 " + event.data + b"\r\n")
                event = exchange.step(file.readline().strip())
                sock.sendall(b"235 ok\r\n")
                for data in after:
                    self.more.acquire(timeout=5)
                    sock.sendall(data if data[:1] == b"\0" else event.layer.wrap(data))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        self.addCleanup(thread.join, 5)
        return listening.getsockname()[1]

    def test_what_the_client_reads_when_it_ends(self) -> None:
        """A clean end, one within a buffer, and a buffer that was changed."""
        both = policy("integrity")
        for after, error in (
            ((b"hello",), None),
            ((b"hello", b"\0\0\0\x20abc"), ConnectionAbortedError),
            ((b"hello", b"\0\0\0\x10" + bytes(16)), sasl.ProtocolError),
        ):

            async def talk(reader, writer, client, error=error) -> None:
                self.more.release()
                self.assertEqual(await reader.readexactly(5), b"hello")
                self.more.release()
                if error is None:
                    self.assertEqual(await reader.read(), b"")
                else:
                    with self.assertRaises(error):
                        await reader.read()

            with self.subTest(after):
                try:
                    self.run_client(self.scripted(both, *after), both, talk)
                except (sasl.ProtocolError, ConnectionAbortedError) as ended:
                    self.assertIs(type(ended), error)  # of wait_closed()
            with self.subTest(after, blocking=True):
                sock = connect(self.scripted(both, *after))
                with blocking.authenticate(session(policy=both), sock) as layered:
                    self.more.release()
                    self.assertEqual(layered.recv(5), b"hello")
                    self.more.release()
                    if error is None:
                        self.assertEqual(layered.recv(5), b"")
                    else:
                        with self.assertRaises(error):
                            layered.recv(5)


class Sieve(Case):
    """ManageSieve's server speaks first inside the layer (RFC 5804, section 2.1)."""

    both = policy("confidentiality")
    channel = sasl.Channel(True, service="sieve", host="localhost")

    def setUp(self) -> None:
        self.mine, theirs = socket.socketpair()
        self.mine.settimeout(5)
        settle = self.serve(policy=self.both).mailbox().answer
        server = sieve.ServerSession(self.channel, policy=self.both)

        def serve() -> None:
            with theirs:
                greeting = server.greeting()
                blocking.serve(server, theirs, settle, print, greeting=greeting)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        self.addCleanup(thread.join, 5)
        self.addCleanup(self.mine.close)
        who = sasl.Credentials("user", "pencil")
        self.client = sieve.ClientSession(who, channel=self.channel, policy=self.both)

    def test_capabilities_again(self) -> None:
        """They come through the layer, with the reply or after it."""
        with blocking.authenticate(self.client, self.mine) as layered:
            self.assertIn(b'"IMPLEMENTATION"', layered.recv(1000))

    def test_with_the_reply(self) -> None:
        """What came in one piece with the success is not lost."""
        output, held = self.client.connected(), b""
        while not self.client.authenticated:
            self.mine.sendall(output)
            data = self.mine.recv(4096)
            if data.startswith(b"OK (SASL"):
                while b"\0" not in data:  # a layer's length
                    data += self.mine.recv(4096)
                held = data
            output = self.client.receive(data)
        self.assertTrue(held.endswith(self.client.early))
        with LayeredSocket(self.mine, self.client.layer, self.client.early) as layered:
            self.assertIn(b'"IMPLEMENTATION"', layered.recv(1000))

    def test_without_a_layer_nothing_comes_after_it(self) -> None:
        """What stands behind the success is then out of turn, and the login is none."""
        both = sasl.Policy(allow=["PLAIN"], layers=("none", "integrity"))
        who = sasl.Credentials("user", "pencil")
        client = sieve.ClientSession(who, channel=self.channel, policy=both)
        client.connected()
        client.receive(b'"IMPLEMENTATION" "x"\r\n"SASL" "PLAIN"\r\nOK\r\n')
        with self.assertRaises(sasl.ProtocolError):
            client.receive(b"OK\r\n\0\0\0\1x")
        self.assertFalse(client.authenticated)


class Pair:
    """A layered socket over one end, and a layer at the other."""

    def __init__(self) -> None:
        below, self.far = socket.socketpair()
        self.near = LayeredSocket(below, toy())
        self.layer: Layer = toy()

    def close(self) -> None:
        """Close both ends."""
        self.near.close()
        self.far.close()


class Sockets(Case):
    """What a LayeredSocket does as a socket."""

    def setUp(self) -> None:
        self.pair = Pair()
        self.addCleanup(self.pair.close)

    def test_receiving(self) -> None:
        """In small pieces, into buffers, through a file."""
        near, far, layer = self.pair.near, self.pair.far, self.pair.layer
        far.sendall(layer.wrap(b"0123456789"))
        self.assertEqual(near.recv(2), b"01")
        buffer = bytearray(4)
        self.assertEqual(near.recv_into(buffer, 3), 3)
        self.assertEqual(bytes(buffer), b"234\0")
        self.assertEqual(near.recv_into(buffer), 4)
        self.assertEqual(bytes(buffer), b"5678")
        far.sendall(layer.wrap(b"abc\n"))
        self.assertEqual(near.makefile("rb").readline(), b"9abc\n")

    def test_sending(self) -> None:
        """All at once, and files."""
        near, far, layer = self.pair.near, self.pair.far, self.pair.layer
        self.assertEqual(near.send(memoryview(b"abc")), 3)
        near.sendfile(io.BytesIO(b"0123456789"), 2, 5)
        near.sendfile(io.BytesIO(b"xyz"))
        near.shutdown(socket.SHUT_WR)
        self.assertEqual(layer.unwrap(far.makefile("rb").read()), b"abc23456xyz")

    def test_nothing_goes_round_the_layer(self) -> None:
        """Other calls, flags, and taking the descriptor away."""
        near = self.pair.near
        for call in (near.recvfrom, near.recvmsg, near.sendto, near.sendmsg, near.dup):
            with self.assertRaises(OSError):
                call(10)
        with self.assertRaises(OSError):
            near.detach()
        with self.assertRaises(ValueError):
            near.recv(10, socket.MSG_PEEK)
        with self.assertRaises(ValueError):
            near.sendall(b"x", socket.MSG_OOB)

    def test_timeouts(self) -> None:
        """They are those of the socket below."""
        near = self.pair.near
        near.settimeout(0.01)
        with self.assertRaises(TimeoutError):
            near.recv(1)
        near.setblocking(False)
        with self.assertRaises(BlockingIOError):
            near.recv(1)

    def test_closing(self) -> None:
        """The one below is closed with it, after its files."""
        file = self.pair.near.makefile("rb")
        self.pair.near.close()
        self.assertGreaterEqual(self.pair.near.fileno(), 0)
        file.close()
        self.assertEqual(self.pair.near.fileno(), -1)
        self.pair.far.settimeout(1)
        self.assertEqual(self.pair.far.recv(1), b"")


class Libraries(Case):
    """Where no layer can be put on the connection, none is agreed upon."""

    def test_of_a_server(self) -> None:
        """aiosmtpd's cannot be put through one."""
        with self.assertRaises(sasl.StateError):
            AuthHandler(print, policy=policy("integrity"))

    def test_the_policy(self) -> None:
        """The same, but for its layers."""
        default = sasl.Policy()
        self.assertIs(unlayered(default), default)
        given = sasl.Policy(layers=("integrity", "none"), max_message=7)
        self.assertEqual(unlayered(given), sasl.Policy(max_message=7))
