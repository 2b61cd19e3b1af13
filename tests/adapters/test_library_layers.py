"""Security layers on the connections of the standard library, and of ldap3."""

from __future__ import annotations

import imaplib
import poplib
import smtplib
import socket
import unittest
from unittest import mock

import sasl_core as sasl
from sasl_core import profiles
from sasl_core.adapters import imaplib as ours_imap
from sasl_core.adapters import ldap3 as ours_ldap
from sasl_core.adapters import poplib as ours_pop
from sasl_core.adapters import smtplib as ours_smtp
from sasl_core.adapters._layered_socket import LayeredSocket, over_file
from sasl_core.layers import Layer

from ..protocols.ldap._peer import server as directory
from ..test_layers import toy
from . import _imap, _loopback, test_imaplib, test_ldap3, test_poplib
from ._loopback import HOST, needs_tls

NAME = "DIGEST-MD5"
USER = sasl.Credentials("user", "pencil")
LAYERS = ("integrity", "confidentiality")


def policy(*layers: str) -> sasl.Policy:
    """Make the policy of both sides; small buffers, so that what is sent is cut."""
    return sasl.Policy(allow=[NAME], layers=layers, max_buffer=512)


class Wire(socket.socket):
    """A socket that keeps what is sent, and changes what comes when that is `wrong`."""

    def __init__(self, address: tuple[str, int], *_: object) -> None:
        super().__init__()
        self.settimeout(5)
        self.connect(address)
        self.sent = b""
        self.wrong = False

    def recv(self, *args) -> bytes:
        data = super().recv(*args)
        return data[:-7] + bytes([data[-7] ^ 1]) + data[-6:] if self.wrong else data

    def sendall(self, data, *args) -> None:
        self.sent += bytes(data)
        super().sendall(data, *args)


class Smtp(_loopback.Case):
    """smtplib; the base of the others, which say what differs."""

    channel = _loopback.CLEAR
    profile = profiles.SMTP
    ours = ours_smtp
    lost: type[Exception] = smtplib.SMTPServerDisconnected
    word = b"noop"  # of what `ask` sends

    def start(self, given: sasl.Policy) -> object:
        return self.serve(policy=given, require_auth=True)

    def connect(self, server):
        with mock.patch("socket.create_connection", Wire):
            connection = self.make(server.port)
        self.addCleanup(self.close, connection)
        self.wire: Wire = connection.sock
        return connection

    def make(self, port: int):
        smtp = smtplib.SMTP(HOST, port, "client.example")
        smtp.ehlo()
        return smtp

    def close(self, smtp: smtplib.SMTP) -> None:
        smtp.close()

    def ask(self, smtp: smtplib.SMTP) -> bool:
        return smtp.noop()[0] == 250

    def check_afterwards(self, smtp: smtplib.SMTP) -> None:
        """The session begins anew (RFC 4954, section 4)."""
        self.assertIsNone(smtp.ehlo_resp)
        self.assertFalse(smtp.does_esmtp or smtp.esmtp_features)
        smtp.sendmail(
            "a@example.org", ["b@example.org"], "Subject: x\n\n" + "y\n" * 999
        )
        self.assertEqual(smtp.esmtp_features, {"auth": f" {NAME}"})

    def test_through_the_layer(self) -> None:
        for layer in LAYERS:
            connection = self.connect(self.start(policy(layer)))
            name = self.ours.login(
                connection, USER, channel=self.channel, policy=policy(layer)
            )
            with self.subTest(layer):
                self.assertEqual(name, NAME)
                self.assertIsInstance(connection.sock, LayeredSocket)
                self.wire.sent = b""
                self.assertTrue(self.ask(connection))
                hidden = layer == "confidentiality"
                self.assertEqual(self.word not in self.wire.sent, hidden)
                self.check_afterwards(connection)
                connection.quit()
                self.assertEqual(self.wire.fileno(), -1)

    def test_an_exchange_begun_elsewhere(self) -> None:
        given = policy("integrity")
        connection = self.connect(self.start(given))
        client = sasl.client(
            NAME, USER, channel=self.channel, policy=given, profile=self.profile
        )
        self.ours.authenticate(connection, client)
        self.assertTrue(self.ask(connection))

    def test_none_unless_the_policy_asks(self) -> None:
        connection = self.connect(self.start(policy("confidentiality", "none")))
        one = sasl.Policy(allow=[NAME])
        self.ours.login(connection, USER, channel=self.channel, policy=one)
        self.assertIs(connection.sock, self.wire)
        self.assertTrue(self.ask(connection))

    def test_a_changed_buffer_ends_the_connection(self) -> None:
        given = policy("integrity")
        server = self.start(given)
        connection = self.connect(server)
        self.ours.login(connection, USER, channel=self.channel, policy=given)
        self.wire.wrong = True
        with self.assertRaises(sasl.ProtocolError):
            self.ask(connection)
        self.assertEqual(socket.socket.recv(self.wire, 100), b"")
        with self.assertRaises(self.lost):
            self.ask(connection)


class Imap(Smtp):
    """imaplib."""

    channel = _imap.CLEAR
    profile = profiles.IMAP
    ours = ours_imap
    lost = imaplib.IMAP4.abort
    word = b"SELECT"

    def start(self, given: sasl.Policy) -> object:
        server = _imap.Server(policy=given)
        self.addCleanup(server.close)
        return server

    def make(self, port: int, kind=imaplib.IMAP4) -> imaplib.IMAP4:
        imap = kind(HOST, port)
        imap.quit = imap.logout
        return imap

    def close(self, imap: imaplib.IMAP4) -> None:
        test_imaplib.close(imap)

    def ask(self, imap: imaplib.IMAP4) -> bool:
        return imap.select()[0] == "OK"

    def check_afterwards(self, imap: imaplib.IMAP4) -> None:
        """What the server can do was asked again, through the layer."""
        self.assertIn(f"AUTH={NAME}", imap.capabilities)

    def test_a_stream_takes_none(self) -> None:
        imap = mock.create_autospec(imaplib.IMAP4_stream, instance=True)
        imap.configure_mock(sock=None, capabilities=(f"AUTH={NAME}",))
        imap.configure_mock(host=None, port=None)
        imap.socket.return_value = None
        client = sasl.client(
            NAME, USER, channel=self.channel, policy=policy("integrity", "none")
        )
        with self.assertRaises(sasl.StateError):
            ours_imap.authenticate(imap, client)
        with self.assertRaises(sasl.StateError):
            ours_imap.login(imap, USER, policy=policy("integrity"))
        imap.send.assert_not_called()


class LaterImap(Imap):
    """imaplib of Python 3.14."""

    def make(self, port: int, kind=_imap.Buffered) -> imaplib.IMAP4:
        return super().make(port, kind)


class Pop(Smtp):
    """poplib."""

    profile = profiles.POP3
    ours = ours_pop
    lost = ConnectionAbortedError
    word = b"STAT"

    def start(self, given: sasl.Policy) -> object:
        server = test_poplib.Server(policy=given)
        self.addCleanup(server.close)
        return server

    def make(self, port: int) -> poplib.POP3:
        return poplib.POP3(HOST, port)

    def ask(self, pop: poplib.POP3) -> bool:
        return pop.stat() == (1, 3)

    def check_afterwards(self, pop: poplib.POP3) -> None:
        """The list of mechanisms is there to be compared."""
        self.assertEqual(pop.capa()["SASL"], [NAME])


class Ldap(test_ldap3.Case):
    """ldap3, played in memory."""

    channel = sasl.Channel(False, service="ldap", host="ldap.example.org")

    def test_through_the_layer(self) -> None:
        given = policy("confidentiality")
        for strategy in ("SYNC", "SAFE_SYNC"):
            peer = directory(self.channel, policy=given)
            connection = test_ldap3.Connection(peer, strategy)
            connection.socket, far = socket.socketpair()
            ours_ldap.login(connection, USER, policy=given)
            with far, connection.socket as near:
                near.sendall(b"question" * 100)
                data = b""
                while len(data) < 800:
                    data += peer.session.layer.unwrap(far.recv(4096))
                self.assertEqual(data, b"question" * 100)
                far.sendall(peer.session.layer.wrap(b"answer"))
                self.assertEqual(near.recv(100), b"answer")
            self.check_end(connection, bound=True)

    def test_not_while_a_thread_reads(self) -> None:
        peer = directory(self.channel, policy=policy("integrity", "none"))
        connection = test_ldap3.Connection(peer, "ASYNC")
        with self.assertRaises(sasl.StateError):
            ours_ldap.login(connection, USER, policy=policy("integrity"))
        client = sasl.client(
            NAME, USER, channel=self.channel, policy=policy("integrity", "none")
        )
        with self.assertRaises(sasl.StateError):
            ours_ldap.authenticate(connection, client)
        ours_ldap.login(connection, USER, policy=policy("integrity", "none"))
        self.assertIsNone(connection.socket)
        self.assertIsNone(peer.session.layer)


class OverFile(unittest.TestCase):
    """The change from what a file has read to the layer."""

    def setUp(self) -> None:
        self.below, self.far = socket.socketpair()
        self.below.settimeout(5)
        self.addCleanup(self.below.close)
        self.addCleanup(self.far.close)
        self.layer: Layer = toy()

    def check(self, below: socket.socket, far: socket.socket, late: bytes) -> None:
        file = below.makefile("rb")
        self.assertEqual(file.readline(), b"OK\r\n")
        with over_file(below, file, toy()) as near:
            far.sendall(late + self.layer.wrap(b" world"))
            self.assertEqual(near.makefile("rb").read(11), b"hello world")
            self.assertEqual(near.gettimeout(), 5)
        self.assertTrue(file.closed)
        self.assertEqual(below.fileno(), -1)

    def test_what_came_with_the_success(self) -> None:
        hello = self.layer.wrap(b"hello")
        for early in range(len(hello) + 1):
            self.setUp()
            self.far.sendall(b"OK\r\n" + hello[:early])
            self.check(self.below, self.far, hello[early:])
            self.layer = toy()

    def test_what_was_put_behind_the_success(self) -> None:
        """Nobody goes on in the clear: the connection has ended."""
        self.far.sendall(b"OK\r\n250 forged\r\n")
        file = self.below.makefile("rb")
        file.readline()
        with self.assertRaises(sasl.ProtocolError):
            over_file(self.below, file, toy())
        self.far.settimeout(5)
        self.assertEqual(self.far.recv(100), b"")
        with self.assertRaises(OSError):
            self.below.sendall(b"QUIT\r\n")

    def test_within_tls(self) -> None:
        serving, trusting = needs_tls()
        server = self.start_tls(serving, trusting)
        server.sendall(b"OK\r\n")
        self.check(self.below, server, self.layer.wrap(b"hello"))

    def start_tls(self, serving, trusting):
        """Shake hands, both in this thread."""
        self.below.setblocking(False)
        self.far.setblocking(False)
        options = {"do_handshake_on_connect": False}
        server = serving.wrap_socket(self.far, server_side=True, **options)
        client = trusting.wrap_socket(
            self.below, server_hostname="localhost", **options
        )
        self.addCleanup(server.close)
        self.addCleanup(client.close)
        pending = [client, server]
        while pending:
            for side in list(pending):
                try:
                    side.do_handshake()
                    pending.remove(side)
                except OSError:  # it waits for the other one
                    continue
        client.settimeout(5)
        server.settimeout(5)
        self.below = client
        return server
