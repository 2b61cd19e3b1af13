"""aiosmtplib logs in by our adapter: to our server, Dovecot, and Postfix."""

from __future__ import annotations

import asyncio
import contextlib
import unittest
from collections.abc import AsyncIterator
from typing import Any

import sasl_core as sasl
from sasl_core.adapters.aiosmtplib import login

from .cases import CURRENT, RIGHT, WRONG, Case, each, matrix
from .checks import Checks
from .packages import need_package
from .peers import dovecot, postfix
from .peers.accounts import ALICE
from .peers.process import HOST
from .peers.tls import client_context
from .submission import Submission

MECHANISMS = CURRENT
# Whoever submits mail has a name.
BY_DOVECOT = dovecot.MECHANISMS - {"ANONYMOUS"}

aiosmtplib: Any
ours: Submission


def setUpModule() -> None:
    global aiosmtplib, ours
    aiosmtplib = need_package("aiosmtplib")
    ours = Submission()
    unittest.addModuleCleanup(ours.close)


tearDownModule = unittest.doModuleCleanups  # which pytest would not call


@contextlib.asynccontextmanager
async def connected(port: int, case: Case, **options: Any) -> AsyncIterator[Any]:
    """Connect, with STARTTLS unless told otherwise; hang up in the end."""
    options = {"start_tls": True} | options
    smtp = aiosmtplib.SMTP(
        hostname=HOST,
        port=port,
        local_hostname="localhost",
        timeout=10,
        tls_context=client_context(case.certificate),
        **options,
    )
    await smtp.connect()
    try:
        yield smtp
    finally:
        smtp.close()


async def may_send(smtp: Any) -> bool:
    """Whether the server takes a recipient, as it does from users only."""
    try:
        await smtp.mail("alice@example.org")
        await smtp.rcpt("carol@example.org")
    except aiosmtplib.SMTPResponseException:
        return False
    return True


class ClientTest(Checks):
    """What is the same for each server."""

    def log_in(
        self, server: str, port: int, mechanism: str, case: Case, **more: Any
    ) -> None:
        asyncio.run(self._log_in(server, port, mechanism, case, **more))

    async def _log_in(
        self,
        server: str,
        port: int,
        mechanism: str,
        case: Case,
        policy: sasl.Policy | None = None,
        **options: Any,
    ) -> None:
        said: list[bytes] = []
        async with connected(port, case, **options) as smtp:
            execute = smtp.execute_command

            async def noted(*words: bytes, **more: Any) -> Any:
                said.append(b" ".join(words))
                return await execute(*words, **more)

            smtp.execute_command = noted
            name = f"{server}, by aiosmtplib {aiosmtplib.__version__}"
            with self.attempt(name, mechanism, case):
                policy = policy or sasl.Policy(allow=[mechanism])
                taken = await login(smtp, case.credentials, policy=policy)
                self.assertEqual(taken, mechanism)
            self.assertEqual(sum(line.startswith(b"AUTH ") for line in said), 1)
            self.assertEqual(await may_send(smtp), case.welcome)


@each(matrix(MECHANISMS, masters=True))
class OursTest(ClientTest):
    """Our server, over asyncio streams."""

    def check(self, mechanism: str, case: Case) -> None:
        ours.expect(sasl.Policy(allow=[mechanism]))
        self.log_in("sasl_core", ours.port, mechanism, case)
        self.check_event(ours.outcome(), "aiosmtplib", mechanism, case)


@each(matrix(BY_DOVECOT, masters=True))
class DovecotTest(ClientTest):
    """Dovecot's submission service, over STARTTLS, and some over TLS at once."""

    peer: dovecot.Dovecot

    @classmethod
    def setUpClass(cls) -> None:
        cls.peer = cls.enterClassContext(dovecot.running())

    def check(self, mechanism: str, case: Case) -> None:
        name = f"Dovecot {self.peer.version} submission"
        self.log_in(name, self.peer.submission, mechanism, case)

    def test_over_tls_at_once(self) -> None:
        name, port = f"Dovecot {self.peer.version} submissions", self.peer.submissions
        for case in (RIGHT, WRONG):
            with self.subTest(case.name):
                options = {"start_tls": False, "use_tls": True, "policy": sasl.Policy()}
                self.log_in(name, port, "SCRAM-SHA-256", case, **options)

    def test_postfix(self) -> None:
        with postfix.running(self.peer.mta_socket) as peer:
            name = f"Postfix {peer.version}"
            for case in (RIGHT, WRONG):
                for port, best in (
                    (peer.by_dovecot, "SCRAM-SHA-256"),
                    (peer.by_cyrus, "SCRAM-SHA-512"),
                ):
                    with self.subTest(case.name, best=best):
                        self.log_in(name, port, best, case, policy=sasl.Policy())

    def test_the_example(self) -> None:
        from examples import aiosmtplib_send

        ours.expect(sasl.Policy(allow=["SCRAM-SHA-256"]))
        arguments = HOST, ALICE.user, "bob@example.org", str(ours.port)
        self.check_example(aiosmtplib_send, "Sent, after a login", *arguments)


if __name__ == "__main__":
    unittest.main()
