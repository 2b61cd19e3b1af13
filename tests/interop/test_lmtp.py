"""LMTP: our clients against Cyrus lmtpd; msmtp and swaks against our server."""

from __future__ import annotations

import smtplib
import socket
import unittest

import sasl_core as sasl
from sasl_core import profiles
from sasl_core.adapters import blocking
from sasl_core.adapters import smtplib as adapter
from sasl_core.protocols.smtp import ClientSession

from .cases import Case, each, matrix
from .checks import Checks, ProgramChecks
from .peers import cyrus_imapd, msmtp, swaks
from .peers.accounts import JUERGEN
from .peers.process import HOST
from .peers.tls import client_context
from .submission import Submission
from .test_clients import UNSAID

# Who may deliver may do so for anybody, so a foreign authzid by certificate gets in; by
# password it names a user whom Cyrus cannot spell.
WITHOUT = [("EXTERNAL", "foreign authzid")]
MECHANISMS = cyrus_imapd.MECHANISMS - {"ANONYMOUS"}

cyrus: cyrus_imapd.CyrusImapd


def setUpModule() -> None:
    global cyrus
    cyrus = unittest.enterModuleContext(cyrus_imapd.running())


tearDownModule = unittest.doModuleCleanups  # which pytest would not call


@each(
    (mechanism, case)
    for mechanism, case in matrix(MECHANISMS, without=WITHOUT)
    if case.credentials.username != JUERGEN.user
)
class CyrusTest(Checks):
    """LHLO, STARTTLS, LHLO again, AUTH, by the blocking adapter."""

    def check(self, mechanism: str, case: Case) -> None:
        context = client_context(case.certificate)
        context.maximum_version = context.maximum_version.TLSv1_2  # for tls-unique
        session = ClientSession(
            case.credentials,
            channel=sasl.Channel(
                False, service="lmtp", host="localhost", port=cyrus.lmtp
            ),
            policy=sasl.Policy(allow=[mechanism]),
            profile=profiles.LMTP,
        )
        server = f"Cyrus IMAP {cyrus.version} lmtp"
        plain = socket.create_connection((HOST, cyrus.lmtp), 10)
        with plain, self.attempt(server, mechanism, case):
            with blocking.authenticate(session, plain, tls=context):
                self.assertEqual(session.mechanism, mechanism)

    def assert_refused(self, error: sasl.AuthenticationError) -> None:
        """It says `501 5.5.4 undefined error!` of a wrong password."""
        self.assertIn(
            error.reason,
            (sasl.Reason.BAD_CREDENTIALS, sasl.Reason.MALFORMED),
        )
        self.assertFalse(error.try_another)


class SmtplibTest(Checks):
    """The standard library's LMTP client, by the adapter."""

    def test_log_in(self) -> None:
        with smtplib.LMTP(HOST, cyrus.lmtp) as client:
            client.starttls(context=client_context())
            policy = sasl.Policy(channel_binding="disable")
            name = adapter.login(
                client, sasl.Credentials("alice", "wonderland"), policy=policy
            )
            self.assertEqual(name, "SCRAM-SHA-512")
            self.assertEqual(client.mail("")[0], 250)


class OursTest(ProgramChecks):
    """Our LMTP server, over STARTTLS, and the programs that speak LMTP."""

    protocol = "lmtp"

    @classmethod
    def setUpClass(cls) -> None:
        cls.ours = Submission(profiles.LMTP)
        cls.addClassCleanup(cls.ours.close)


@each(matrix(msmtp.MECHANISMS, authzid=False, without=UNSAID))
class MsmtpTest(OursTest):
    """msmtp."""

    program = msmtp


@each(matrix(swaks.MECHANISMS, authzid=False))
class SwaksTest(OursTest):
    """swaks."""

    program = swaks


if __name__ == "__main__":
    unittest.main()
