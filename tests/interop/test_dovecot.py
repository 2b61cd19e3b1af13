"""Our client logs in to Dovecot's IMAP and submission services, over STARTTLS."""

from __future__ import annotations

import contextlib
import imaplib
import unittest
from collections.abc import Iterator

import sasl_core as sasl
from sasl_core.adapters.imaplib import login
from sasl_core.protocols.imap import mechanisms

from .cases import Case, each, matrix
from .checks import Checks, expected_user
from .peers.dovecot import MECHANISMS, Dovecot, running
from .peers.process import wait_until
from .peers.tls import client_context

# Whoever submits mail has a name.
SUBMISSION_MECHANISMS = MECHANISMS - {"ANONYMOUS"}

dovecot: Dovecot


def setUpModule() -> None:
    global dovecot
    dovecot = unittest.enterModuleContext(running())


tearDownModule = unittest.doModuleCleanups  # which pytest would not call


@contextlib.contextmanager
def seen_by_dovecot(mechanism: str, case: Case) -> Iterator[None]:
    """Expect its log to name one more login: the user and the mechanism it saw."""
    user = expected_user(mechanism, case)
    before = dovecot.logins(user, mechanism)
    yield
    if case.welcome:
        wait_until(lambda: dovecot.logins(user, mechanism) == before + 1, "the log", 5)


@each(matrix(MECHANISMS, masters=True))
class ImapTest(Checks):
    """AUTHENTICATE by imaplib, with the initial response on the command line."""

    def connect(self, certificate: str | None) -> imaplib.IMAP4:
        connection = imaplib.IMAP4("localhost", dovecot.imap, timeout=10)
        self.addCleanup(connection.shutdown)
        connection.starttls(client_context(certificate))
        return connection

    def check(self, mechanism: str, case: Case) -> None:
        connection = self.connect(case.certificate)
        policy = sasl.Policy(allow=[mechanism])
        server = f"Dovecot {dovecot.version} imap, imaplib"
        with (
            self.attempt(server, mechanism, case),
            seen_by_dovecot(mechanism, case),
        ):
            login(connection, case.credentials, policy=policy)
        self.assertEqual(connection.state, "AUTH" if case.welcome else "NONAUTH")
        if case.welcome:
            self.assertEqual(connection.status("INBOX", "(MESSAGES)")[0], "OK")

    def test_offered(self) -> None:
        offered = mechanisms(self.connect(None).capabilities)
        self.assertEqual(MECHANISMS, set(offered))


@each(matrix(SUBMISSION_MECHANISMS, masters=True))
class SubmissionTest(Checks):
    """AUTH."""

    def check(self, mechanism: str, case: Case) -> None:
        server = f"Dovecot {dovecot.version} submission"
        with seen_by_dovecot(mechanism, case):
            self.log_in_by_smtp(server, dovecot.submission, mechanism, case)

    def test_offered(self) -> None:
        self.assert_offered(dovecot.submission, SUBMISSION_MECHANISMS)


if __name__ == "__main__":
    unittest.main()
