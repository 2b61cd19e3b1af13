"""Our authentication service behind real mail servers.

The configurations are in `peers`: to let Postfix ask our service, an administrator
writes in main.cf

    smtpd_sasl_auth_enable = yes
    smtpd_sasl_type = dovecot
    smtpd_sasl_path = private/authd
"""

from __future__ import annotations

import contextlib
import queue
import smtplib
import subprocess
import unittest

import sasl_core as sasl
from sasl_core.adapters import smtplib as adapter

from . import smtp
from .authd import MECHANISMS, Authd, running
from .cases import Case, each, matrix
from .checks import OURS, Checks, expected_user
from .outcomes import note
from .peers import checkpassword, exim, postfix, saslauthd
from .peers.accounts import ALICE, CAROL, JUERGEN
from .peers.cyrus import REALM
from .peers.process import HOST
from .peers.tls import client_context

ours: Authd
by_postfix: postfix.Postfix
by_exim: exim.Exim

PASSWORDS = {"PLAIN", "LOGIN"}


def setUpModule() -> None:
    global ours, by_postfix, by_exim
    ours = unittest.enterModuleContext(running())
    by_postfix = unittest.enterModuleContext(
        postfix.running(ours.dovecot, saslauthd=ours.mux)
    )
    by_exim = unittest.enterModuleContext(exim.running(ours.dovecot))


tearDownModule = unittest.doModuleCleanups  # which pytest would not call


class Behind(Checks):
    """A mail server asks our service, which must agree about the outcome."""

    def setUp(self) -> None:
        """Forget what was before."""
        with contextlib.suppress(queue.Empty):
            while True:
                ours.outcomes.get_nowait()

    def check_at(self, server: str, port: int, mechanism: str, case: Case) -> None:
        """Log in over STARTTLS."""
        self.log_in_by_smtp(f"{server} with {OURS}", port, mechanism, case)
        exchange, outcome = ours.outcomes.get(timeout=5)
        self.assertEqual(isinstance(outcome, sasl.Success), case.welcome, outcome)
        self.assertTrue(exchange.channel.encrypted)
        if case.welcome:
            self.assertEqual(outcome.identity.authzid, expected_user(mechanism, case))
        self.assertTrue(ours.outcomes.empty())


@each(matrix(MECHANISMS, masters=True))
class PostfixTest(Behind):
    """Postfix, by Dovecot's protocol: every mechanism passes through."""

    def check(self, mechanism: str, case: Case) -> None:
        server = f"Postfix {by_postfix.version}"
        self.check_at(server, by_postfix.by_dovecot, mechanism, case)

    def test_offered(self) -> None:
        self.assert_offered(by_postfix.by_dovecot, MECHANISMS)


@each(matrix(exim.BY_DOVECOT, masters=True))
class EximTest(Behind):
    """Exim's dovecot driver: the mechanisms that its configuration names."""

    def check(self, mechanism: str, case: Case) -> None:
        server = f"Exim {by_exim.version}"
        self.check_at(server, by_exim.by_dovecot, mechanism, case)


@each(matrix(PASSWORDS, authzid=False))
class PostfixSaslauthdTest(Behind):
    """Postfix with Cyrus SASL, which asks by saslauthd's protocol."""

    def check(self, mechanism: str, case: Case) -> None:
        server = f"Postfix {by_postfix.version}, Cyrus saslauthd"
        self.check_at(server, by_postfix.by_cyrus, mechanism, case)

    def test_offered(self) -> None:
        self.assert_offered(by_postfix.by_cyrus, PASSWORDS)


class CleartextTest(Checks):
    """Without TLS: what shows the password is refused, whatever the mail server offers."""

    def attempt_at(self, port: int, mechanism: str) -> sasl.SASLError | None:
        with smtplib.SMTP(HOST, port, local_hostname="localhost", timeout=10) as client:
            channel = sasl.Channel(False, service="smtp", host="localhost")
            policy = sasl.Policy(allow=[mechanism], cleartext="always")
            try:
                adapter.login(
                    client, sasl.Credentials(*ALICE), channel=channel, policy=policy
                )
            except sasl.SASLError as error:
                return error
        return None

    def test_postfix(self) -> None:
        settings = "smtpd_tls_security_level = may\nsmtpd_tls_auth_only = no\n"
        with postfix.running(ours.dovecot, settings) as peer:
            for mechanism in sorted(MECHANISMS):
                if mechanism in ("ANONYMOUS", "OAUTHBEARER", "XOAUTH2"):
                    continue
                error = self.attempt_at(peer.by_dovecot, mechanism)
                if mechanism in PASSWORDS:
                    self.assertIsInstance(error, sasl.AuthenticationError)
                else:
                    self.assertIsNone(error, mechanism)
                said = "refused" if error else "accepted"
                note(f"Postfix with {OURS}, no TLS", OURS, mechanism, "right", said)


class TestsaslauthdTest(unittest.TestCase):
    """Cyrus's own client asks our service."""

    def ask(self, user: str, password: str, welcome: bool, realm: str = "") -> None:
        done: subprocess.CompletedProcess[bytes] = saslauthd.ask(
            ours.mux, user, password, realm
        )
        self.assertEqual(done.returncode == 0, welcome, done.stdout)
        expected = 0 if welcome else saslauthd.REFUSED
        self.assertEqual(done.returncode, expected, done.stdout)
        note(OURS, "testsaslauthd", "saslauthd", user, "ok" if welcome else "refused")

    def test_right(self) -> None:
        for user, password in (ALICE, JUERGEN, CAROL):
            self.ask(user, password, True)
            self.ask(user, password, True, REALM)

    def test_wrong(self) -> None:
        self.ask(ALICE.user, "Wonderland", False)
        self.ask("nobody", ALICE.password, False)
        self.ask(*ALICE, False, "elsewhere")
        self.ask(ALICE.user, "", False)


class CheckpasswordTest(unittest.TestCase):
    """Dovecot runs a checkpassword program of ours for each login."""

    def test_logins(self) -> None:
        with checkpassword.running() as peer:
            for user, password, welcome in (
                (*ALICE, True),
                (*CAROL, True),
                (*JUERGEN, True),
                (ALICE.user, "Wonderland", False),
                ("nobody", ALICE.password, False),
            ):
                said = peer.log_in(user, password)
                self.assertEqual(said, welcome, user)
                outcome = "accepted" if welcome else "refused"
                note(f"Dovecot {peer.version}", OURS, "checkpassword", user, outcome)
            # A user is looked up, too, without any password; then he is only known.
            self.assertTrue(peer.looks_up(ALICE.user))
            self.assertFalse(peer.looks_up("nobody"))


class ManyTest(Checks):
    """One Postfix process after the other, and several at a time."""

    def test_connections_in_parallel(self) -> None:
        context = client_context()
        with contextlib.ExitStack() as stack:
            connections = [
                stack.enter_context(smtp.Smtp(by_postfix.by_dovecot, context))
                for _ in range(8)
            ]
            for connection in connections:
                smtp.log_in(connection, "SCRAM-SHA-256", sasl.Credentials(*ALICE))


if __name__ == "__main__":
    unittest.main()
