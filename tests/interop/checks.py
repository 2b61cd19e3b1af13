"""What must be true of every attempt to log in: of ours to somebody else's server, and of
somebody else's client to ours.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import subprocess
import unittest
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from typing import Any
from unittest import mock

import sasl_core as sasl
from sasl_core.mechanisms import registered

from . import smtp
from .cases import RIGHT, WRONG, Case
from .outcomes import note
from .peers.mail import COMMANDS, Attempt
from .peers.tls import certificates, client_context

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

    def check_example(self, example: Any, said: str, *arguments: str) -> None:
        """Run an example's `main` with a right and with a wrong password typed."""
        trusted = {"SSL_CERT_FILE": str(certificates().authority)}
        for case in (RIGHT, WRONG):
            password, shown = case.credentials.password, io.StringIO()
            with (
                self.subTest(case.name),
                mock.patch.dict(os.environ, trusted),
                mock.patch.object(example, "getpass", return_value=password),
                contextlib.redirect_stdout(shown),
            ):
                asyncio.run(example.main(*arguments))
            expected = said if case.welcome else "bad credentials"
            self.assertIn(expected, shown.getvalue())

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


class ClientChecks(Checks):
    """The base of the tests of somebody else's clients, which log in to our server."""

    ours: Any  # a `serving.Outcomes`
    policy: sasl.Policy | None = None  # None: the mechanism of the case, and no other

    def expect(self, mechanism: str) -> None:
        """Make the server ready for the next connection."""
        self.ours.expect(self.policy or sasl.Policy(allow=[_by_sasl(mechanism)]))

    def check_login(
        self, client: str, mechanism: str, case: Case, log_in: Callable[[], bool]
    ) -> None:
        """Let the client log in; it must agree with our server about the outcome.

        It tries once: a second attempt would be how accounts get locked.
        """
        self.expect(mechanism)
        welcome = log_in()
        self.check_event(self.ours.outcome(), client, _by_sasl(mechanism), case)
        self.assertTrue(self.ours.outcomes.empty())
        self.assertEqual(welcome, case.welcome)


class ProgramChecks(ClientChecks):
    """The same for a program that is run, and says by its exit status how it fared."""

    program: Any  # its module among `peers`
    name = ""  # unless the module has it
    protocol = "smtp"
    options: tuple[str, ...] = ()

    def check(self, mechanism: str, case: Case) -> None:
        self.check_program(mechanism, case)

    def check_program(self, mechanism: str, case: Case, protocol: str = "") -> None:
        """Run the program, by another protocol than usual where one is named."""
        protocol = protocol or self.protocol

        def log_in() -> bool:
            mine, certificate = case.credentials, case.certificate
            done = self.run_program(mechanism, mine, certificate, protocol)
            return self.has_logged_in(done, mechanism, case)

        how = [mechanism] if mechanism in COMMANDS else []
        client = " ".join([self.client(), protocol, *self.options, *how])
        self.check_login(client, mechanism, case, log_in)

    def run_program(
        self,
        mechanism: str,
        mine: sasl.Credentials,
        certificate: str | None = None,
        protocol: str = "",
    ) -> subprocess.CompletedProcess[bytes]:
        """Run the program to its end, and expect nothing."""
        attempt = Attempt(
            self.ours.port,
            mechanism,
            mine,
            certificate,
            protocol or self.protocol,
            self.options,
        )
        if attempt.implicit_tls:
            attempt = attempt._replace(port=self.ours.tls_port)
        done: subprocess.CompletedProcess[bytes] = self.program.log_in(attempt)
        return done

    def client(self) -> str:
        """Return the program's name and version; skip where it is not installed."""
        name = self.name or self.program.__name__.rpartition(".")[2]
        return f"{name} {self.program.version()}"

    def has_logged_in(
        self, done: subprocess.CompletedProcess[bytes], mechanism: str, case: Case
    ) -> bool:
        """Tell what its exit status means."""
        output = done.stdout.decode(errors="replace")
        expected = 0 if case.welcome else self.program.REFUSED
        self.assertEqual(done.returncode, expected, output)
        return done.returncode == 0


def _by_sasl(mechanism: str) -> str:
    """Return what our server calls a way to log in."""
    return "PLAIN" if mechanism in COMMANDS else mechanism


def expected_user(mechanism: str, case: Case) -> str:
    """Return who one is after a login."""
    if mechanism == "ANONYMOUS":
        return "anonymous"
    user = case.credentials.authzid or case.credentials.username
    return user or case.certificate or ""
