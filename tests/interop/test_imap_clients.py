"""Other programs log in to our IMAP server."""

from __future__ import annotations

import functools
import subprocess
import unittest
from collections.abc import Callable

import sasl_core as sasl

from .cases import Case, each, matrix
from .checks import Checks
from .imap_server import ImapServer
from .peers import curl, fetchmail, getmail, mbsync, mutt
from .peers.mail import LOGIN_COMMAND

ours: ImapServer

# They write OAUTHBEARER's authorization identity as it is, not as =2C and =3D.
UNESCAPED = [("OAUTHBEARER", "comma and equals sign")]
# Without a user name they do not begin.
NAMELESS = [("EXTERNAL", "right")]
# Python's imaplib writes the LOGIN command in ASCII.
ASCII_ONLY = [
    (LOGIN_COMMAND, "non-ASCII"),
    (LOGIN_COMMAND, "non-ASCII, wrong password"),
]
# After a refusal it sleeps for two seconds: so it is refused by these only.
REFUSED_BY_MUTT = [
    ("SCRAM-SHA-256", "wrong password"),
    ("PLAIN", "unknown user"),
    ("OAUTHBEARER", "expired"),
    (LOGIN_COMMAND, "wrong password"),
]


def setUpModule() -> None:
    global ours
    ours = ImapServer()
    unittest.addModuleCleanup(ours.close)


tearDownModule = unittest.doModuleCleanups  # which pytest would not call


class ClientTest(Checks):
    """What is the same for each program."""

    def check_login(
        self,
        client: str,
        log_in: Callable[..., subprocess.CompletedProcess[bytes]],
        refused: int,
        mechanism: str,
        case: Case,
        *,
        protocol: str = "imap",
    ) -> None:
        """Let the program log in; it must agree with our server about the outcome."""
        by_command = mechanism == LOGIN_COMMAND
        ours.login = by_command
        ours.expect(sasl.Policy(allow=["PLAIN" if by_command else mechanism]))
        port = ours.tls_port if protocol == "imaps" else ours.port
        done = log_in(
            port, mechanism, case.credentials, case.certificate, protocol=protocol
        )
        name = "PLAIN" if by_command else mechanism
        how = f"{client} {protocol}{', LOGIN' * by_command}"
        self.check_event(ours.outcome(), how, name, case)
        expected = 0 if case.welcome else refused
        self.assertEqual(
            done.returncode, expected, done.stdout.decode(errors="replace")
        )


@each(matrix(curl.MECHANISMS, masters=True, without=UNESCAPED))
class CurlTest(ClientTest):
    """curl, with its initial response in a line of its own."""

    def check(self, mechanism: str, case: Case) -> None:
        name = f"curl {curl.version()}"
        self.check_login(name, curl.log_in, curl.REFUSED, mechanism, case)


@each(matrix(curl.MECHANISMS, masters=True, without=UNESCAPED))
class CurlInitialTest(ClientTest):
    """curl, with its initial response on the command line, over implicit TLS."""

    def check(self, mechanism: str, case: Case) -> None:
        name = f"curl {curl.version()} --sasl-ir"
        log_in = functools.partial(curl.log_in, options=("--sasl-ir",))
        self.check_login(name, log_in, curl.REFUSED, mechanism, case, protocol="imaps")


@each(matrix(mbsync.MECHANISMS, authzid=False, without=NAMELESS))
class MbsyncTest(ClientTest):
    """mbsync."""

    def check(self, mechanism: str, case: Case) -> None:
        name = f"mbsync {mbsync.version()}"
        self.check_login(name, mbsync.log_in, mbsync.REFUSED, mechanism, case)


@each(matrix(fetchmail.IMAP, authzid=False))
class FetchmailTest(ClientTest):
    """fetchmail."""

    def check(self, mechanism: str, case: Case) -> None:
        name = f"fetchmail {fetchmail.version()}"
        self.check_login(name, fetchmail.log_in, fetchmail.REFUSED, mechanism, case)


@each(matrix(getmail.IMAP, authzid=False, without=ASCII_ONLY))
class GetmailTest(ClientTest):
    """getmail, over implicit TLS."""

    def check(self, mechanism: str, case: Case) -> None:
        name = f"getmail {getmail.version()}"
        self.check_login(
            name, getmail.log_in, getmail.REFUSED, mechanism, case, protocol="imaps"
        )


@each(
    (mechanism, case)
    for mechanism, case in matrix(
        mutt.IMAP, authzid=False, without=UNESCAPED + NAMELESS
    )
    if case.welcome or (mechanism, case.name) in REFUSED_BY_MUTT
)
class MuttTest(ClientTest):
    """mutt."""

    def check(self, mechanism: str, case: Case) -> None:
        name = f"mutt {mutt.version()}"
        self.check_login(name, mutt.log_in, mutt.REFUSED, mechanism, case)


if __name__ == "__main__":
    unittest.main()
