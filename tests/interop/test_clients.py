"""Other programs log in to our asyncio server."""

from __future__ import annotations

import functools
import subprocess
import unittest
from collections.abc import Callable

import sasl_core as sasl

from .cases import Case, each, matrix
from .checks import Checks
from .peers import curl, gsasl, msmtp, swaks
from .submission import Submission

ours: Submission

# Both write OAUTHBEARER's authorization identity as it is, not as =2C and =3D.
UNESCAPED = [("OAUTHBEARER", "comma and equals sign")]
# It answers an empty challenge with "=", which stands for an empty message on the command
# line only (RFC 4954, section 4).
EQUALS_SIGN = [*UNESCAPED, ("EXTERNAL", "right")]
# It begins the exchange and then, without a word, goes on as if it were over.
UNSAID = [*UNESCAPED, ("EXTERNAL", "right")]


def setUpModule() -> None:
    global ours
    ours = Submission()
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
    ) -> None:
        """Let the program log in; it must agree with our server about the outcome."""
        ours.expect(sasl.Policy(allow=[mechanism]))
        done = log_in(ours.port, mechanism, case.credentials, case.certificate)
        self.check_event(ours.outcome(), client, mechanism, case)
        expected = 0 if case.welcome else refused
        self.assertEqual(
            done.returncode, expected, done.stdout.decode(errors="replace")
        )


@each(matrix(swaks.MECHANISMS, authzid=False))
class SwaksTest(ClientTest):
    """swaks."""

    def check(self, mechanism: str, case: Case) -> None:
        name = f"swaks {swaks.version()}"
        self.check_login(name, swaks.log_in, swaks.REFUSED, mechanism, case)


@each(matrix(curl.MECHANISMS, masters=True, without=UNESCAPED))
class CurlInitialTest(ClientTest):
    """curl, with its initial response on the command line."""

    def check(self, mechanism: str, case: Case) -> None:
        name = f"curl {curl.version()}"
        log_in = functools.partial(curl.log_in, options=("--sasl-ir",))
        self.check_login(f"{name} --sasl-ir", log_in, curl.REFUSED, mechanism, case)


@each(matrix(curl.MECHANISMS, masters=True, without=EQUALS_SIGN))
class CurlTest(ClientTest):
    """curl, with its initial response as the answer to an empty challenge."""

    def check(self, mechanism: str, case: Case) -> None:
        name = f"curl {curl.version()}"
        self.check_login(name, curl.log_in, curl.REFUSED, mechanism, case)


@each(matrix(msmtp.MECHANISMS, authzid=False, without=UNSAID))
class MsmtpTest(ClientTest):
    """msmtp."""

    def check(self, mechanism: str, case: Case) -> None:
        name = f"msmtp {msmtp.version()}"
        self.check_login(name, msmtp.log_in, msmtp.REFUSED, mechanism, case)


@each(matrix(gsasl.CLIENT, masters=True, without=[("ANONYMOUS", "without trace")]))
class GsaslTest(ClientTest):
    """GNU SASL's own program, which can bind the channel, here by tls-unique."""

    def check(self, mechanism: str, case: Case) -> None:
        name = f"GNU SASL {gsasl.version()} smtp"
        self.check_login(name, gsasl.log_in, gsasl.REFUSED, mechanism, case)


if __name__ == "__main__":
    unittest.main()
