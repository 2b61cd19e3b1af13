"""Other clients log in to our news server."""

from __future__ import annotations

import unittest
import warnings
from collections.abc import Callable

import sasl_core as sasl
from sasl_core.adapters import streams
from sasl_core.protocols.nntp import Command, Reply, ServerSession

from .application import REQUESTS
from .cases import Case, each, matrix
from .checks import Checks
from .packages import need_package
from .peers import imtest
from .peers.accounts import ALICE
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
    ours = NewsServer()
    unittest.addModuleCleanup(ours.close)


tearDownModule = unittest.doModuleCleanups  # which pytest would not call


class ClientTest(Checks):
    """What is the same for each client."""

    def check_login(
        self, client: str, mechanism: str, case: Case, log_in: Callable[[], bool]
    ) -> None:
        """Let it log in; it must agree with our server about the outcome."""
        ours.expect(sasl.Policy(allow=[mechanism]))
        welcome = log_in()
        self.check_event(ours.outcome(), client, mechanism, case)
        self.assertEqual(welcome, case.welcome)


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
        for case in (
            Case("right", sasl.Credentials(*ALICE), True),
            Case("wrong password", sasl.Credentials(ALICE.user, "Wonderland"), False),
        ):
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
