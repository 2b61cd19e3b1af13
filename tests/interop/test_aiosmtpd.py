"""Mail programs log in to aiosmtpd, which authenticates by our handler."""

from __future__ import annotations

import asyncio
import functools
import logging
import re
import smtplib
import ssl
import threading
import unittest
import warnings
from collections.abc import Callable
from typing import Any

import sasl_core as sasl
from sasl_core.adapters.aiosmtpd import AuthHandler
from sasl_core.adapters.smtplib import login

from .application import REQUESTS, settle
from .cases import CURRENT, RIGHT, WRONG, Case, each, matrix
from .checks import Checks, ProgramChecks
from .packages import need_package
from .peers import curl, msmtp, swaks
from .peers.accounts import ALICE
from .peers.process import HOST, free_ports
from .peers.tls import certificates, client_context, server_context
from .serving import Outcomes
from .smtp import Smtp
from .test_clients import EQUALS_SIGN, UNESCAPED, UNSAID

MECHANISMS = CURRENT

aiosmtpd: Any
ours: Aiosmtpd


class Handler(AuthHandler):
    """Asks an application that is asynchronous; takes every message of a user."""

    def channel(self, tls: ssl.SSLObject | None, remote: str | None) -> sasl.Channel:
        shown = str(tls and tls.getpeercert())
        found = re.search(r"'commonName', '([^']+)'", shown)
        return super().channel(tls, remote).replace(external=found and found[1])

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        return "250 2.0.0 Taken" if session.auth_data else "530 5.7.0 Log in"


async def answer(request: sasl.Request) -> sasl.Event:
    """Answer a request after a while."""
    await asyncio.sleep(0)
    return settle(request)


class Aiosmtpd(Outcomes):
    """A running server, with STARTTLS."""

    def __init__(self) -> None:
        super().__init__()
        self.version = aiosmtpd.__version__
        self._certificate = ssl.PEM_cert_to_DER_cert(certificates().server.read_text())
        self.loop = asyncio.new_event_loop()
        self._servers: list[asyncio.Server] = []
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self.expect(sasl.Policy())
        starttls = functools.partial(self._make, server_context(ask=True))
        self.port = self.listen(starttls)
        self.tls_port = self.listen(self._make, server_context(ask=True))

    def expect(self, policy: sasl.Policy) -> None:
        """Take a handler with this policy from now on."""
        super().expect(policy)
        self.handler = Handler(
            answer,
            decided=self._decided,
            policy=policy,
            answers=REQUESTS,
            host="localhost",
            certificate=self._certificate,
        )

    async def _decided(self, _: sasl.Server, outcome: Any) -> None:
        self.outcomes.put(outcome)

    def _make(self, starttls: ssl.SSLContext | None = None) -> Any:
        with warnings.catch_warnings(action="ignore"):  # of what the handler mends
            return aiosmtpd.smtp.SMTP(
                self.handler,
                hostname="localhost",
                loop=self.loop,
                tls_context=starttls,
                auth_required=True,
                auth_require_tls=False,
            )

    def listen(self, make: Callable[[], Any], tls: ssl.SSLContext | None = None) -> int:
        """Serve by what `make` makes for each connection; return the port."""
        made = self.loop.create_server(make, HOST, 0, ssl=tls)
        server = asyncio.run_coroutine_threadsafe(made, self.loop).result(10)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def _stop(self) -> None:
        for server in self._servers:
            server.close()
        self.loop.stop()

    def close(self) -> None:
        """Stop."""
        asyncio.run_coroutine_threadsafe(self._stop(), self.loop)
        self._thread.join(10)
        self.loop.close()


def setUpModule() -> None:
    global aiosmtpd, ours
    aiosmtpd = need_package("aiosmtpd")
    need_package("aiosmtpd.smtp")
    need_package("aiosmtpd.controller")
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)
    ours = ClientTest.ours = Aiosmtpd()
    unittest.addModuleCleanup(ours.close)


tearDownModule = unittest.doModuleCleanups  # which pytest would not call


class ClientTest(ProgramChecks):
    """What is the same for each program."""

    def client(self) -> str:
        return f"{super().client()} to aiosmtpd {ours.version}"


@each(matrix(swaks.MECHANISMS, authzid=False))
class SwaksTest(ClientTest):
    """swaks."""

    program = swaks


@each(matrix(curl.MECHANISMS, masters=True, without=UNESCAPED))
class CurlInitialTest(ClientTest):
    """curl, with its initial response on the command line."""

    program = curl
    options = ("--sasl-ir",)


@each(matrix(curl.MECHANISMS, masters=True, without=EQUALS_SIGN))
class CurlTlsTest(ClientTest):
    """curl, over TLS at once, and its initial response to an empty challenge."""

    program = curl
    protocol = "smtps"


@each(matrix(msmtp.MECHANISMS, authzid=False, without=UNSAID))
class MsmtpTest(ClientTest):
    """msmtp, which sends a message too."""

    program = msmtp


@each(matrix(MECHANISMS, masters=True))
class SmtplibTest(Checks):
    """The standard library's smtplib with our adapter, channel bindings included."""

    def check(self, mechanism: str, case: Case) -> None:
        ours.expect(sasl.Policy(allow=[mechanism]))
        server = f"aiosmtpd {ours.version} with sasl_core"
        self.log_in_by_smtp(server, ours.port, mechanism, case)
        self.check_event(ours.outcome(), "smtplib", mechanism, case)


class AdapterTest(Checks):
    """What is not a matter of mechanisms."""

    def test_without_tls_no_password_is_asked_for(self) -> None:
        ours.expect(sasl.Policy())
        with smtplib.SMTP(HOST, ours.port, timeout=10) as smtp:
            smtp.ehlo()
            offered = smtp.esmtp_features["auth"].split()
            self.assertNotIn("PLAIN", offered)
            self.assertIn("SCRAM-SHA-256", offered)
            self.assertEqual(smtp.docmd("AUTH", "PLAIN")[0], 538)

    def test_a_long_response(self) -> None:
        ours.expect(sasl.Policy(allow=["OAUTHBEARER"]))
        with Smtp(ours.port, client_context()) as smtp:
            credentials = sasl.Credentials(ALICE.user, token="t" * 6000)
            with self.assertRaises(sasl.AuthenticationError) as caught:
                login(smtp, credentials)
            self.assert_refused(caught.exception)
            login(smtp, sasl.Credentials(ALICE.user, token="token-of-alice"))
            self.assertTrue(smtp.may_send())

    def test_mail_that_names_its_sender(self) -> None:
        """As Postfix writes it after a login, with smtp_send_dummy_mail_auth."""
        ours.expect(sasl.Policy(allow=["PLAIN"]))
        with Smtp(ours.port, client_context()) as smtp:
            login(smtp, RIGHT.credentials)
            self.assertEqual(smtp.mail("a@example.org", ["AUTH=<>"])[0], 250)
            self.assertEqual(smtp.rcpt("b@example.org")[0], 250)
            self.assertEqual(smtp.data("Hello")[0], 250)

    def test_too_many_failures(self) -> None:
        ours.expect(sasl.Policy(allow=["PLAIN"]))
        with Smtp(ours.port, client_context()) as smtp:
            for code in (535, 535, 535, 421):
                self.assertEqual(smtp.docmd("AUTH", "PLAIN AGEAYg==")[0], code)
            with self.assertRaises(smtplib.SMTPServerDisconnected):
                smtp.noop()

    def test_its_own_mechanisms_cope_with_our_client(self) -> None:
        """Its prompts for LOGIN end in a NUL."""
        result = aiosmtpd.smtp.AuthResult

        def check(
            server: Any, session: Any, envelope: Any, name: str, data: Any
        ) -> Any:
            right = (data.login, data.password) == (b"alice", b"wonderland")
            return result(success=right, handled=False)

        port = ours.listen(
            lambda: aiosmtpd.smtp.SMTP(
                object(),
                hostname="localhost",
                loop=ours.loop,
                authenticator=check,
                tls_context=server_context(),
            )
        )
        for mechanism in ("LOGIN", "PLAIN"):
            for case in (RIGHT, WRONG):
                name = f"aiosmtpd {ours.version}"
                with self.subTest(mechanism, case=case.name):
                    with Smtp(port, client_context()) as smtp:
                        policy = sasl.Policy(allow=[mechanism])
                        with self.attempt(name, mechanism, case):
                            login(smtp, case.credentials, policy=policy)

    def test_the_example(self) -> None:
        from examples import aiosmtpd_submission

        files, [port] = certificates(), free_ports(1)
        running = aiosmtpd_submission.start(
            str(files.server), str(files.server_key), str(port)
        )
        self.addCleanup(running.stop)
        context = client_context()
        with smtplib.SMTP_SSL(HOST, port, timeout=10, context=context) as smtp:
            with self.assertRaises(smtplib.SMTPDataError):
                smtp.sendmail("a@example.org", ["b@example.org"], "Hello")
            login(smtp, RIGHT.credentials)
            self.assertEqual(smtp.mail("a@example.org")[0], 250)
            smtp.rcpt("b@example.org")
            self.assertEqual(smtp.data("Hello"), (250, b"2.0.0 Taken from alice"))


if __name__ == "__main__":
    unittest.main()
