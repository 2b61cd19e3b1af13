"""Our client logs in to the IMAP services of Dovecot and Cyrus IMAP, by every adapter."""

from __future__ import annotations

import asyncio
import contextlib
import imaplib
import io
import socket
import ssl
import unittest
from typing import Any, ClassVar
from unittest import mock

import sasl_core as sasl
from sasl_core import profiles
from sasl_core.adapters import aioimaplib as aio_adapter
from sasl_core.adapters import blocking, streams
from sasl_core.adapters import imapclient as client_adapter
from sasl_core.adapters import imaplib as adapter
from sasl_core.protocols.imap import Attempts, ClientSession, ResponseBuffer

from .cases import RIGHT, WRONG, Case, cases, each, matrix
from .checks import Checks
from .packages import need_package
from .peers import cyrus_imapd, dovecot
from .peers.accounts import ALICE, CAROL, JUERGEN
from .peers.mail import LOGIN_COMMAND
from .peers.process import HOST
from .peers.tls import client_context

# No user name of Cyrus is more than ASCII.
ASCII_ONLY = [
    (name, case.name)
    for name in cyrus_imapd.MECHANISMS
    for case in cases(name, authzid=True, masters=False)
    if case.welcome and not case.credentials.username.isascii()
]
HELD_BACK = profiles.IMAP.replace(initial_response=False)


class ImapTests:
    """What is the same for each server: mixed into test cases."""

    server = ""
    ports: ClassVar[tuple[int, int]]  # with STARTTLS, and with TLS from the beginning
    best = ""
    accounts = (ALICE, CAROL)
    older_tls = False  # of TLS 1.3 it knows no binding

    def context(self, certificate: str | None = None) -> ssl.SSLContext:
        context = client_context(certificate)
        if self.older_tls:
            context.maximum_version = ssl.TLSVersion.TLSv1_2
        return context

    def check(self, mechanism: str, case: Case) -> None:
        """Log in by a session, with the initial response in a line of its own."""
        session = new_session(
            case, profile=HELD_BACK, policy=sasl.Policy(allow=[mechanism])
        )
        context = self.context(case.certificate)
        with socket.create_connection((HOST, self.ports[0]), 10) as sock:
            with self.attempt(f"{self.server} imap", mechanism, case):
                secure = blocking.authenticate(session, sock, tls=context)
            if case.welcome:
                self.assertEqual(session.mechanism, mechanism)
                with secure:
                    self.assert_alive(secure, mechanism)

    def assert_alive(self, sock: socket.socket, mechanism: str) -> None:
        sock.sendall(b"x NOOP\r\n")
        self.assertIn(b"x OK", sock.recv(4096))

    def test_streams(self) -> None:
        for case in (RIGHT, WRONG):
            with (
                self.subTest(case=case.name),
                self.attempt(f"{self.server} imap (streams)", self.best, case),
            ):
                asyncio.run(self.by_streams(case))

    async def by_streams(self, case: Case) -> None:
        session = new_session(case)
        reader, writer = await asyncio.open_connection(HOST, self.ports[0])
        try:
            await streams.authenticate(session, reader, writer, tls=self.context())
            self.assertEqual(session.mechanism, self.best)
        finally:
            writer.transport.abort()

    def connect(self, how: str) -> imaplib.IMAP4:
        if how == "imaps":
            context = self.context()
            imap: imaplib.IMAP4 = imaplib.IMAP4_SSL(
                "localhost", self.ports[1], ssl_context=context, timeout=10
            )
        else:
            imap = imaplib.IMAP4("localhost", self.ports[0], timeout=10)
            imap.starttls(self.context())
        self.addCleanup(hang_up, imap)
        return imap

    def test_imaplib(self) -> None:
        for how in ("imap", "imaps"):
            for case in (RIGHT, WRONG):
                imap = self.connect(how)
                with (
                    self.subTest(how=how, case=case.name),
                    self.attempt(f"{self.server} {how}, imaplib", self.best, case),
                ):
                    before = imap.capabilities
                    self.assertEqual(adapter.login(imap, case.credentials), self.best)
                    self.assertNotEqual(imap.capabilities, before)
                    self.assertIn("UIDPLUS", imap.capabilities)
                    self.assertEqual(imap.select(readonly=True), ("OK", [b"0"]))
                    self.assertEqual(imap.logout()[0], "BYE")

    def test_a_wrong_password_and_then_the_right_one(self) -> None:
        imap = self.connect("imap")
        with self.assertRaises(sasl.AuthenticationError):
            adapter.login(imap, WRONG.credentials)
        self.assertEqual(imap.state, "NONAUTH")
        self.assertEqual(adapter.login(imap, RIGHT.credentials), self.best)

    def test_the_login_command(self) -> None:
        for user, password in self.accounts:
            for tried in (password, "wrong"):
                case = Case(user, sasl.Credentials(user, tried), tried == password)
                imap = self.connect("imaps")
                with (
                    self.subTest(user, welcome=case.welcome),
                    self.attempt(f"{self.server} imaps", LOGIN_COMMAND, case),
                ):
                    by_login_command(imap, case.credentials)

    def test_imapclient(self) -> None:
        package = need_package("imapclient")
        for how, case in (("imap", RIGHT), ("imaps", RIGHT), ("imaps", WRONG)):
            implicit = how == "imaps"
            context = self.context()
            options: dict[str, Any] = {"ssl_context": context} if implicit else {}
            port = self.ports[implicit]
            client = package.IMAPClient("localhost", port, ssl=implicit, **options)
            self.addCleanup(client.shutdown)
            if not implicit:
                client.starttls(context)
            server = f"{self.server} {how}, IMAPClient {package.__version__}"
            with (
                self.subTest(how=how, case=case.name),
                self.attempt(server, self.best, case),
            ):
                before = client.capabilities()
                name = client_adapter.login(client, case.credentials)
                self.assertEqual(name, self.best)
                self.assertNotEqual(client.capabilities(), before)
                self.assertTrue(client.has_capability("UIDPLUS"))
                self.assertEqual(client.select_folder("INBOX", True)[b"EXISTS"], 0)

    def test_aioimaplib(self) -> None:
        package = need_package("aioimaplib")
        for case in (RIGHT, WRONG):
            with (
                self.subTest(case=case.name),
                self.attempt(f"{self.server} imaps, aioimaplib", self.best, case),
            ):
                asyncio.run(self.by_aioimaplib(package, case))

    async def by_aioimaplib(self, package: Any, case: Case) -> None:
        imap = package.IMAP4_SSL(
            "localhost", self.ports[1], ssl_context=self.context(), timeout=10
        )
        try:
            await imap.wait_hello_from_server()
            name = await aio_adapter.login(imap, case.credentials)
            self.assertEqual(name, self.best)
            self.assertEqual(imap.get_state(), "AUTH")
            self.assertTrue(imap.has_capability("UIDPLUS"))
            self.assertEqual((await imap.select()).result, "OK")
            self.assertEqual((await imap.logout()).result, "OK")
        finally:
            imap.protocol.transport.abort()


@each(matrix(dovecot.MECHANISMS, masters=True))
class DovecotTest(ImapTests, Checks):
    """Dovecot."""

    best = "SCRAM-SHA-256"
    accounts = (ALICE, CAROL, JUERGEN)

    @classmethod
    def setUpClass(cls) -> None:
        peer = cls.enterClassContext(dovecot.running())
        cls.server = f"Dovecot {peer.version}"
        cls.ports = peer.imap, peer.imaps

    def test_tokens_from_a_source(self) -> None:
        for second, case in (
            ("token-of-alice", Case("token from a source", RIGHT.credentials, True)),
            ("no-such-token", Case("no better token", RIGHT.credentials, False)),
        ):
            tokens = ["token-expired", second]
            told = []

            def source(error: sasl.TokenError | None) -> str:
                told.append(error)  # noqa: B023
                return tokens.pop(0)  # noqa: B023

            async def later(error: sasl.TokenError | None) -> str:
                return source(error)

            imap = self.connect("imap")
            who = sasl.Credentials(ALICE.user, token=source)
            with self.attempt(f"{self.server} imap, imaplib", "OAUTHBEARER", case):
                self.assertEqual(adapter.login(imap, who), "OAUTHBEARER")
            self.assertEqual([e and e.status for e in told], [None, "invalid_token"])
            tokens += ["token-expired", second]
            package = need_package("aioimaplib")
            asynchronous = case._replace(
                credentials=sasl.Credentials(ALICE.user, token=later)
            )
            self.best = "OAUTHBEARER"
            with self.attempt(f"{self.server} imaps, aioimaplib", self.best, case):
                asyncio.run(self.by_aioimaplib(package, asynchronous))

    def test_the_examples(self) -> None:
        need_package("imapclient")
        need_package("aioimaplib")
        from examples import aioimaplib_login, imapclient_login

        port = str(self.ports[1])
        with (
            mock.patch("ssl.create_default_context", return_value=self.context()),
            mock.patch.dict("os.environ", ACCESS_TOKEN="token-of-alice"),
            mock.patch.object(aioimaplib_login, "getpass", return_value=ALICE.password),
            contextlib.redirect_stdout(io.StringIO()) as shown,
        ):
            imapclient_login.main("localhost", ALICE.user, port)
            asyncio.run(aioimaplib_login.main("localhost", ALICE.user, port))
            imapclient_login.main("localhost", JUERGEN.user, port)
        lines = shown.getvalue().splitlines()
        self.assertEqual(lines[0], "INBOX, after a login by OAUTHBEARER.")
        self.assertEqual(lines[1], "0 messages, after a login by SCRAM-SHA-256.")
        self.assertIn("bad credentials", lines[-1])


@each(matrix(cyrus_imapd.MECHANISMS, without=ASCII_ONLY))
class CyrusTest(ImapTests, Checks):
    """Cyrus IMAP."""

    best = "SCRAM-SHA-512-PLUS"
    older_tls = True

    @classmethod
    def setUpClass(cls) -> None:
        peer = cls.enterClassContext(cyrus_imapd.running())
        cls.server = f"Cyrus IMAP {peer.version}"
        cls.ports = peer.imap, peer.imaps

    def assert_alive(self, sock: socket.socket, mechanism: str) -> None:
        # An assertion of its own fails then, and it says BYE.
        if mechanism != "ANONYMOUS":
            super().assert_alive(sock, mechanism)


def new_session(case: Case, **options: Any) -> ClientSession:
    channel = sasl.Channel(False, service="imap", host="localhost")
    return ClientSession(case.credentials, channel=channel, **options)


def by_login_command(imap: imaplib.IMAP4, who: sasl.Credentials) -> None:
    """Both servers have mechanisms as well: they are left out here."""
    attempts = Attempts((), who, channel=sasl.Channel(True))
    responses = ResponseBuffer(greeted=True)
    line = attempts.command()
    while line is not None:
        imap.send(line + b"\r\n")
        while (response := responses.next()) is None:
            responses.feed(imap.readline())
        line = attempts.reply(response[1])


def hang_up(imap: imaplib.IMAP4) -> None:
    with contextlib.suppress(OSError):
        imap.shutdown()


if __name__ == "__main__":
    unittest.main()
