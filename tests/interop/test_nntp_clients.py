"""Other clients log in to our news server."""

from __future__ import annotations

import unittest
import warnings

import sasl_core as sasl
from sasl_core.adapters import streams
from sasl_core.protocols.nntp import Command, Reply, ServerSession

from .application import REQUESTS
from .cases import RIGHT, WRONG, Case, each, matrix
from .checks import ClientChecks
from .packages import need_package
from .peers import imtest
from .peers.mail import USER_PASS
from .peers.tls import client_context
from .serving import Serving

# nntptest makes an address of what has an @ already.
TRACE = [("ANONYMOUS", "right")]
PASSWORDS = matrix(["PLAIN"], authzid=False)

ours: NewsServer


class NewsServer(Serving):
    """A running server without any news."""

    service = "nntp"

    def new_session(self, channel: sasl.Channel) -> ServerSession:
        """Make the session of a connection."""
        return ServerSession(
            channel,
            policy=self.policy,
            answers=REQUESTS,
            require_auth=True,
            starttls=True,
        )

    def greeting(self, session: ServerSession) -> Reply:
        """Greet whoever comes."""
        return Reply(201, "localhost")

    async def handle(
        self, session: ServerSession, command: Command, ask: streams.Ask
    ) -> Reply:
        """Answer what the clients say beside the log-in."""
        match command.verb:
            case "QUIT":
                return Reply(205, "Bye", close=True)
            case "MODE":
                return Reply(201, "No posting")
            case "DATE":
                return Reply(111, "20260101000000")
        return Reply(503, "Not here")


def setUpModule() -> None:
    global ours
    ours = ClientTest.ours = NewsServer()
    unittest.addModuleCleanup(ours.close)


tearDownModule = unittest.doModuleCleanups  # which pytest would not call


class ClientTest(ClientChecks):
    """What is the same for each client."""


@each(matrix(imtest.NNTP_MECHANISMS, masters=True, without=TRACE))
class NntptestTest(ClientTest):
    """nntptest."""

    def check(self, mechanism: str, case: Case) -> None:
        self.log_in(mechanism, mechanism, case)

    def log_in(self, command: str, mechanism: str, case: Case) -> None:
        name = f"nntptest {imtest.version()}"

        def log_in() -> bool:
            mine, certificate = case.credentials, case.certificate
            return imtest.log_in("nntptest", ours.port, command, mine, certificate)

        self.check_login(name, mechanism, case, log_in)

    def test_user_and_pass(self) -> None:
        """AUTHINFO USER and PASS."""
        for case in (RIGHT, WRONG):
            with self.subTest(case.name):
                self.log_in(USER_PASS, "PLAIN", case)


@each(PASSWORDS)
class NntplibTest(ClientTest):
    """nntplib, of the standard library until Python 3.12: USER and PASS."""

    def check(self, mechanism: str, case: Case) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            nntplib = need_package("nntplib")
        mine = case.credentials

        def log_in() -> bool:
            with nntplib.NNTP("localhost", ours.port, usenetrc=False) as news:
                news.starttls(client_context())
                try:
                    news.login(mine.username, mine.password, usenetrc=False)
                except (nntplib.NNTPTemporaryError, nntplib.NNTPPermanentError):
                    return False
                self.assertEqual(str(news.date()[1]), "2026-01-01 00:00:00")
                return True

        self.check_login("nntplib", mechanism, case, log_in)


if __name__ == "__main__":
    unittest.main()
