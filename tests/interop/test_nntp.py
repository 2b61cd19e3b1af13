"""Our client logs in to the news service of Cyrus IMAP."""

from __future__ import annotations

import socket
import ssl
import unittest

import sasl_core as sasl
from sasl_core.adapters import blocking
from sasl_core.protocols.nntp import Attempts, ClientSession

from .cases import RIGHT, WRONG, Case, cases, each, matrix
from .checks import Checks
from .peers import cyrus_imapd
from .peers.mail import USER_PASS
from .peers.process import HOST
from .peers.tls import client_context

MECHANISMS = cyrus_imapd.MECHANISMS
# No user name there is more than ASCII.
ASCII_ONLY = [
    (name, case.name)
    for name in MECHANISMS
    for case in cases(name, authzid=True, masters=False)
    if case.welcome and not case.credentials.username.isascii()
]

cyrus: cyrus_imapd.CyrusImapd


def setUpModule() -> None:
    global cyrus
    cyrus = unittest.enterModuleContext(cyrus_imapd.running())


tearDownModule = unittest.doModuleCleanups  # which pytest would not call


@each(matrix(MECHANISMS, without=ASCII_ONLY))
class CyrusTest(Checks):
    """Over STARTTLS, by the blocking adapter."""

    def check(self, mechanism: str, case: Case) -> None:
        context = client_context(case.certificate)
        context.maximum_version = ssl.TLSVersion.TLSv1_2  # of 1.3 it knows no binding
        session = ClientSession(
            case.credentials,
            channel=sasl.Channel(
                False, service="nntp", host="localhost", port=cyrus.nntp
            ),
            policy=sasl.Policy(allow=[mechanism]),
        )
        server = f"Cyrus IMAP {cyrus.version} nntp"
        with socket.create_connection((HOST, cyrus.nntp), 10) as sock:
            with self.attempt(server, mechanism, case):
                secure = blocking.authenticate(session, sock, tls=context)
            if case.welcome:
                self.assertEqual(session.mechanism, mechanism)
                with secure:
                    secure.sendall(b"DATE\r\n")
                    self.assertEqual(secure.recv(512)[:4], b"111 ")

    def test_user_and_pass(self) -> None:
        """Cyrus offers AUTHINFO SASL as well: it is left out here."""
        for case in (RIGHT, WRONG):
            attempts = Attempts((), case.credentials, channel=sasl.Channel(True))
            server = f"Cyrus IMAP {cyrus.version} nntps"
            with (
                self.subTest(case.name),
                socket.create_connection((HOST, cyrus.nntps), 10) as sock,
                client_context().wrap_socket(sock, server_hostname="localhost") as tls,
                tls.makefile("rb") as lines,
                self.attempt(server, USER_PASS, case),
            ):
                lines.readline()
                line: bytes | None = attempts.command()
                while line is not None:
                    tls.sendall(line + b"\r\n")
                    reply = lines.readline().rstrip(b"\r\n")
                    line = attempts.reply(int(reply[:3]), reply[4:])


if __name__ == "__main__":
    unittest.main()
