"""Other programs log in to our asyncio server."""

from __future__ import annotations

import unittest

from .cases import each, matrix
from .checks import ProgramChecks
from .peers import curl, gsasl, msmtp, swaks
from .submission import Submission

# Both write OAUTHBEARER's authorization identity as it is, not as =2C and =3D.
UNESCAPED = [("OAUTHBEARER", "comma and equals sign")]
# It answers an empty challenge with "=", which stands for an empty message on the command
# line only (RFC 4954, section 4).
EQUALS_SIGN = [*UNESCAPED, ("EXTERNAL", "right")]
# It begins the exchange and then, without a word, goes on as if it were over.
UNSAID = [*UNESCAPED, ("EXTERNAL", "right")]


def setUpModule() -> None:
    ClientTest.ours = Submission()
    unittest.addModuleCleanup(ClientTest.ours.close)


tearDownModule = unittest.doModuleCleanups  # which pytest would not call


class ClientTest(ProgramChecks):
    """What is the same for each program."""


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
class CurlTest(ClientTest):
    """curl, with its initial response as the answer to an empty challenge."""

    program = curl


@each(matrix(msmtp.MECHANISMS, authzid=False, without=UNSAID))
class MsmtpTest(ClientTest):
    """msmtp."""

    program = msmtp


@each(matrix(gsasl.CLIENT, masters=True, without=[("ANONYMOUS", "without trace")]))
class GsaslTest(ClientTest):
    """GNU SASL's own program, which can bind the channel, here by tls-unique."""

    program = gsasl
    name = "GNU SASL"


if __name__ == "__main__":
    unittest.main()
