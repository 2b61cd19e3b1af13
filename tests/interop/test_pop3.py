"""Our client logs in to the POP3 services of Dovecot and Cyrus IMAP."""

from __future__ import annotations

import poplib
import socket
import ssl
import unittest
from typing import ClassVar

import sasl_core as sasl
from sasl_core.adapters import blocking
from sasl_core.adapters import poplib as adapter
from sasl_core.protocols.pop3 import Attempts, ClientSession

from .cases import RIGHT, WRONG, Case, cases, each, matrix
from .checks import Checks
from .peers import cyrus_imapd, dovecot
from .peers.mail import APOP, USER_PASS
from .peers.process import HOST
from .peers.tls import client_context

# POP3 has no mailbox for anonymous; and no user name there is more than ASCII.
CYRUS = cyrus_imapd.MECHANISMS - {"ANONYMOUS"}
ASCII_ONLY = [
    (name, case.name)
    for name in CYRUS
    for case in cases(name, authzid=True, masters=False)
    if case.welcome and not case.credentials.username.isascii()
]
BEST = (RIGHT, WRONG)


class Pop3Test(Checks):
    """What is the same for each server."""

    server = ""
    ports: ClassVar[tuple[int, int]]  # with STLS, and with TLS from the beginning
    older_tls = False  # of TLS 1.3 it knows no binding

    def context(self, case: Case) -> ssl.SSLContext:
        context = client_context(case.certificate)
        if self.older_tls:
            context.maximum_version = ssl.TLSVersion.TLSv1_2
        return context

    def check(self, mechanism: str, case: Case) -> None:
        session = ClientSession(
            case.credentials,
            channel=sasl.Channel(False, service="pop", host="localhost"),
            policy=sasl.Policy(allow=[mechanism]),
        )
        with socket.create_connection((HOST, self.ports[0]), 10) as sock:
            with self.attempt(f"{self.server} pop3", mechanism, case):
                secure = blocking.authenticate(session, sock, tls=self.context(case))
            if case.welcome:
                self.assertEqual(session.mechanism, mechanism)
                with secure:
                    secure.sendall(b"STAT\r\n")
                    self.assertTrue(secure.recv(512).startswith(b"+OK 0 0"))

    def connect(self, how: str) -> poplib.POP3:
        port = self.ports[how == "pop3s"]
        if how == "pop3s":
            pop: poplib.POP3 = poplib.POP3_SSL("localhost", port, context=self.tls)
        else:
            pop = poplib.POP3("localhost", port)
        self.addCleanup(pop.close)
        if how == "pop3, STLS":
            pop.stls(context=self.tls)
        return pop

    @property
    def tls(self) -> ssl.SSLContext:
        return self.context(BEST[0])

    def by_poplib(self, how: str, best: str, policy: sasl.Policy) -> None:
        for case in BEST:
            pop = self.connect(how)
            with (
                self.subTest(how=how, case=case.name),
                self.attempt(f"{self.server} {how}, poplib", best, case),
            ):
                name = adapter.login(pop, case.credentials, policy=policy)
                self.assertEqual(name, best)
                self.assertEqual(pop.stat(), (0, 0))
                self.assertTrue(pop.quit().startswith(b"+OK"))

    def check_user_and_pass(self) -> None:
        """Dovecot and Cyrus offer AUTH as well: it is left out here."""
        for case in BEST:
            pop = self.connect("pop3s")
            attempts = Attempts(
                (), case.credentials, channel=sasl.Channel(True), user=True
            )
            with (
                self.subTest(case=case.name),
                self.attempt(f"{self.server} pop3s", USER_PASS, case),
            ):
                line: bytes | None = attempts.command()
                while line is not None:
                    pop.sock.sendall(line + b"\r\n")
                    line = attempts.reply(pop.file.readline().rstrip(b"\r\n"))
                self.assertEqual(pop.stat(), (0, 0))


@each(matrix(dovecot.MECHANISMS, masters=True))
class DovecotTest(Pop3Test):
    """Dovecot."""

    @classmethod
    def setUpClass(cls) -> None:
        peer = cls.enterClassContext(dovecot.running())
        cls.server = f"Dovecot {peer.version}"
        cls.ports = peer.pop3, peer.pop3s

    def test_poplib(self) -> None:
        for how in ("pop3, STLS", "pop3s"):
            self.by_poplib(how, "SCRAM-SHA-256", sasl.Policy())

    def test_apop(self) -> None:
        for how in ("pop3", "pop3s"):
            self.by_poplib(how, APOP, sasl.Policy(allow=[APOP]))

    def test_user_and_pass(self) -> None:
        self.check_user_and_pass()


@each(matrix(CYRUS, without=ASCII_ONLY))
class CyrusTest(Pop3Test):
    """Cyrus IMAP."""

    older_tls = True

    @classmethod
    def setUpClass(cls) -> None:
        peer = cls.enterClassContext(cyrus_imapd.running())
        cls.server = f"Cyrus IMAP {peer.version}"
        cls.ports = peer.pop3, peer.pop3s

    def test_poplib(self) -> None:
        for how in ("pop3, STLS", "pop3s"):
            self.by_poplib(how, "SCRAM-SHA-512-PLUS", sasl.Policy())

    def test_apop(self) -> None:
        for how in ("pop3", "pop3s"):
            self.by_poplib(how, APOP, sasl.Policy(allow=[APOP]))

    def test_user_and_pass(self) -> None:
        self.check_user_and_pass()


if __name__ == "__main__":
    unittest.main()
