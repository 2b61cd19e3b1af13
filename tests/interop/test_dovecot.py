"""Our client logs in to Dovecot's IMAP and submission services, over STARTTLS."""

from __future__ import annotations

import contextlib
import unittest
from collections.abc import Iterator

from . import imap
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
    """AUTHENTICATE, with the initial response on the command line."""

    def check(self, mechanism: str, case: Case) -> None:
        context = client_context(case.certificate)
        with imap.Imap(dovecot.imap, context) as connection:
            client = imap.client(connection, mechanism, case.credentials)
            self.assertEqual(client.name, mechanism)
            server = f"Dovecot {dovecot.version} imap"
            with (
                self.attempt(server, mechanism, case),
                seen_by_dovecot(mechanism, case),
            ):
                connection.log_in(client)
            self.assertEqual(connection.attempts, 1)
            self.assertEqual(connection.alive(), case.welcome)

    def test_offered(self) -> None:
        with imap.Imap(dovecot.imap, client_context()) as connection:
            self.assertEqual(MECHANISMS, set(connection.mechanisms()))


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
