"""Other programs log in to our IMAP server."""

from __future__ import annotations

import unittest

from .cases import each, matrix
from .checks import ProgramChecks
from .imap_server import ImapServer
from .peers import curl, fetchmail, getmail, mbsync, mutt
from .peers.mail import LOGIN_COMMAND

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
    ClientTest.ours = ImapServer()
    unittest.addModuleCleanup(ClientTest.ours.close)


tearDownModule = unittest.doModuleCleanups  # which pytest would not call


class ClientTest(ProgramChecks):
    """What is the same for each program."""

    protocol = "imap"

    def expect(self, mechanism: str) -> None:
        self.ours.login = mechanism == LOGIN_COMMAND
        super().expect(mechanism)


@each(matrix(curl.MECHANISMS, masters=True, without=UNESCAPED))
class CurlTest(ClientTest):
    """curl, with its initial response in a line of its own."""

    program = curl


@each(matrix(curl.MECHANISMS, masters=True, without=UNESCAPED))
class CurlInitialTest(ClientTest):
    """curl, with its initial response on the command line, over implicit TLS."""

    program = curl
    protocol = "imaps"
    options = ("--sasl-ir",)


@each(matrix(mbsync.MECHANISMS, authzid=False, without=NAMELESS))
class MbsyncTest(ClientTest):
    """mbsync."""

    program = mbsync


@each(matrix(fetchmail.IMAP, authzid=False))
class FetchmailTest(ClientTest):
    """fetchmail."""

    program = fetchmail


@each(matrix(getmail.IMAP, authzid=False, without=ASCII_ONLY))
class GetmailTest(ClientTest):
    """getmail, over implicit TLS."""

    program = getmail
    protocol = "imaps"


@each(
    (mechanism, case)
    for mechanism, case in matrix(
        mutt.IMAP, authzid=False, without=UNESCAPED + NAMELESS
    )
    if case.welcome or (mechanism, case.name) in REFUSED_BY_MUTT
)
class MuttTest(ClientTest):
    """mutt."""

    program = mutt


if __name__ == "__main__":
    unittest.main()
