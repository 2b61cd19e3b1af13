"""Our client logs in to the ManageSieve services of Dovecot and Cyrus IMAP."""

from __future__ import annotations

import imaplib
import socket
import ssl
import unittest
from typing import ClassVar

import sasl_core as sasl
from sasl_core.adapters import blocking
from sasl_core.protocols.sieve import ClientSession

from .cases import Case, cases, each, matrix
from .checks import Checks
from .peers import cyrus_imapd, dovecot
from .peers.accounts import ALICE, CAROL
from .peers.process import HOST
from .peers.tls import client_context

DOVECOT = dovecot.MECHANISMS - {"ANONYMOUS"}
CYRUS = cyrus_imapd.MECHANISMS
# No user name there is more than ASCII.
ASCII_ONLY = [
    (name, case.name)
    for name in CYRUS
    for case in cases(name, authzid=True, masters=False)
    if case.welcome and not case.credentials.username.isascii()
]


class SieveTest(Checks):
    """What is the same for each server."""

    server = ""
    port: ClassVar[int]
    older_tls = False  # of TLS 1.3 it knows no binding

    def log_in(
        self, mine: sasl.Credentials, policy: sasl.Policy, certificate: str | None
    ) -> str:
        """Log in over STARTTLS, use what only a user may; return the mechanism."""
        context = client_context(certificate)
        if self.older_tls:
            context.maximum_version = ssl.TLSVersion.TLSv1_2
        channel = sasl.Channel(False, service="sieve", host="localhost", port=self.port)
        session = ClientSession(mine, channel=channel, policy=policy)
        with socket.create_connection((HOST, self.port), 10) as sock:
            secure = blocking.authenticate(session, sock, tls=context)
            with secure:
                secure.sendall(b'CHECKSCRIPT "keep;"\r\n')
                self.assertRegex(secure.recv(512), rb"^OK\b")
        return session.mechanism

    def check(self, mechanism: str, case: Case) -> None:
        policy = sasl.Policy(allow=[mechanism])
        with self.attempt(f"{self.server} sieve", mechanism, case):
            used = self.log_in(case.credentials, policy, case.certificate)
            self.assertEqual(used, mechanism)

    def check_best(self, best: str) -> None:
        """Log in without a choice of ours."""
        used = self.log_in(sasl.Credentials(*ALICE), sasl.Policy(), None)
        self.assertEqual(used, best)


@each(matrix(DOVECOT, masters=True))
class DovecotTest(SieveTest):
    """Dovecot, which says the last message with its success."""

    @classmethod
    def setUpClass(cls) -> None:
        peer = cls.enterClassContext(dovecot.running())
        cls.server = f"Dovecot {peer.version}"
        cls.port = peer.sieve

    def test_best(self) -> None:
        self.check_best("SCRAM-SHA-256")


@each(matrix(CYRUS, without=ASCII_ONLY))
class CyrusTest(SieveTest):
    """Cyrus IMAP, which writes each challenge as a literal."""

    older_tls = True

    @classmethod
    def setUpClass(cls) -> None:
        peer = cls.enterClassContext(cyrus_imapd.running())
        cls.server = f"Cyrus IMAP {peer.version}"
        cls.port = peer.sieve
        for user, password in (ALICE, CAROL):
            # A mailbox, without which there are no scripts, is made at the first login.
            with imaplib.IMAP4("localhost", peer.imap) as first:
                first.starttls(client_context())
                first.login(user, password)

    def test_best(self) -> None:
        self.check_best("SCRAM-SHA-512-PLUS")


if __name__ == "__main__":
    unittest.main()
