"""What must be true of every attempt to log in to somebody else's server."""

from __future__ import annotations

import contextlib
import unittest
from collections.abc import Iterator
from collections.abc import Set as AbstractSet

import sasl_core as sasl
from sasl_core.mechanisms import registered

from . import smtp
from .cases import Case
from .outcomes import note
from .peers.tls import client_context

OURS = "sasl_core"
REFUSALS = (sasl.Reason.BAD_CREDENTIALS, sasl.Reason.NOT_AUTHORIZED)


class Checks(unittest.TestCase):
    """The base of the tests of our client."""

    @contextlib.contextmanager
    def attempt(self, server: str, mechanism: str, case: Case) -> Iterator[None]:
        """Expect what the case says of the log-in in the block, and note it."""
        outcome = "FAILED"
        try:
            if case.welcome:
                yield
                outcome = "accepted"
                return
            with self.assertRaises(sasl.AuthenticationError) as caught:
                yield
            self.assert_refused(caught.exception)
            outcome = f"refused ({caught.exception.reason.value})"
        finally:
            note(server, OURS, mechanism, case.name, outcome)

    def log_in_by_smtp(
        self, server: str, port: int, mechanism: str, case: Case
    ) -> None:
        """Log in to a submission service over STARTTLS, in one attempt.

        Then, and only then, it takes a message; Postfix never does from anonymous.
        """
        with smtp.Smtp(port, client_context(case.certificate)) as connection:
            with self.attempt(server, mechanism, case):
                smtp.log_in(connection, mechanism, case.credentials)
            self.assertEqual(connection.attempts, 1)
            nameless = "Postfix" in server and mechanism == "ANONYMOUS"
            self.assertEqual(connection.may_send(), case.welcome and not nameless)

    def assert_offered(self, port: int, mechanisms: AbstractSet[str]) -> None:
        """Expect just these mechanisms on offer, in case one is forgotten here."""
        with smtp.Smtp(port, client_context("alice")) as connection:
            ours = {m.name for m in registered()}
            self.assertEqual(connection.mechanisms() & ours, mechanisms)

    def assert_refused(self, error: sasl.AuthenticationError) -> None:
        """Expect the error of a user who is unknown or not allowed."""
        self.assertNotIsInstance(error, sasl.ServerNotAuthenticated)
        self.assertIn(error.reason, REFUSALS)
        # a second attempt would be how accounts get locked
        self.assertFalse(error.try_another)

    def check_event(
        self, event: object, client: str, mechanism: str, case: Case
    ) -> None:
        """Expect what the case says of an exchange with our server, and note it."""
        outcome = "FAILED"
        try:
            if case.welcome:
                assert isinstance(event, sasl.Success), event
                self.assertEqual(event.mechanism, mechanism)
                self.assertEqual(event.bound, mechanism.endswith("-PLUS"))
                self.assertEqual(event.identity.authzid, expected_user(mechanism, case))
                if case.credentials.username:
                    self.assertEqual(event.identity.authcid, case.credentials.username)
                outcome = "accepted"
                return
            assert isinstance(event, sasl.Failure), event
            self.assertIn(event.reason, REFUSALS)
            outcome = f"refused ({event.reason.value})"
        finally:
            note(OURS, client, mechanism, case.name, outcome)


def expected_user(mechanism: str, case: Case) -> str:
    """Return who one is after a login."""
    if mechanism == "ANONYMOUS":
        return "anonymous"
    user = case.credentials.authzid or case.credentials.username
    return user or case.certificate or ""
