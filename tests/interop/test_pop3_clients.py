"""Mail programs log in to our POP3 server, served by blocking sockets."""

from __future__ import annotations

import socketserver
import ssl
import threading
import unittest
from collections.abc import Callable

import sasl_core as sasl
from sasl_core.adapters.socketserver import RequestHandler
from sasl_core.protocols.pop3 import Command, Reply, ServerSession

from . import mailbox
from .application import REQUESTS, settle
from .cases import RIGHT, WRONG, each, matrix
from .checks import ProgramChecks
from .peers import curl, fetchmail, getmail, mpop, mutt
from .peers.accounts import ALICE
from .peers.mail import APOP, USER_PASS
from .peers.process import HOST
from .peers.tls import certificates, server_context
from .serving import Outcomes

# curl and mpop write OAUTHBEARER's authorization identity as it is, not as =2C and =3D.
UNESCAPED = [("OAUTHBEARER", "comma and equals sign")]
# curl answers an empty challenge with "=", which stands for an empty message on the command
# line only (RFC 5034, section 4); mpop begins the exchange and then, without a word, goes
# on as if it were over.
NO_ANSWER = [*UNESCAPED, ("EXTERNAL", "right")]
OWN = (USER_PASS, APOP)

ours: Pop3Server


class _BeforeAuth(ServerSession):
    """A server that does not tell of AUTH, so that USER and PASS are used."""

    def capabilities(self) -> tuple[str, ...]:
        return tuple(c for c in super().capabilities() if not c.startswith("SASL"))


class _Handler(RequestHandler[ServerSession]):
    """A connection, with STLS or TLS from the beginning, by the server's port."""

    timeout = 10
    host = "localhost"

    def channel(self, tls: ssl.SSLSocket | None) -> sasl.Channel:
        shown = str(tls and tls.getpeercert())
        external = ALICE.user if "('commonName', 'alice')" in shown else None
        return super().channel(tls).replace(external=external, service="pop")

    def begin(self, channel: sasl.Channel) -> ServerSession:
        kind = _BeforeAuth if ours.login else ServerSession
        session = kind(
            channel,
            policy=ours.policy,
            answers=REQUESTS,
            starttls=True,
            login=ours.login,
        )
        self.greeting = session.greeting()
        return session

    def answer(self, request: sasl.Request) -> sasl.Event:
        return settle(request)

    def respond(self, command: Command, ask: Callable[..., bytes]) -> Reply:
        if command.verb == "QUIT":
            return command.ok("Bye", close=True)
        said = mailbox.pop3(command.verb, command.argument)
        line, _, body = said.decode().partition("\r\n")
        return Reply(line, body=b"" if body else None)

    def finish(self) -> None:
        session = self.session
        ours.outcomes.put(session.success or session.failure)


class _Implicit(_Handler):
    implicit_tls = True


class Pop3Server(Outcomes):
    """Our server, at two ports; `login`: the next connections have USER and PASS only."""

    login = False

    def __init__(self) -> None:
        super().__init__()
        self._servers = [
            socketserver.ThreadingTCPServer((HOST, 0), handler)
            for handler in (_Handler, _Implicit)
        ]
        self.port, self.tls_port = (s.server_address[1] for s in self._servers)
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(0.05,)).start()

    def close(self) -> None:
        """Stop."""
        for server in self._servers:
            server.shutdown()
            server.server_close()


def setUpModule() -> None:
    global ours
    _Handler.tls = server_context(ask=True)
    _Handler.certificate = ssl.PEM_cert_to_DER_cert(certificates().server.read_text())
    ours = ClientTest.ours = Pop3Server()
    unittest.addModuleCleanup(ours.close)


tearDownModule = unittest.doModuleCleanups  # which pytest would not call


class ClientTest(ProgramChecks):
    """What is the same for each program."""

    protocol = "pop3"

    def expect(self, mechanism: str) -> None:
        self.ours.login = mechanism == USER_PASS
        super().expect(mechanism)


@each(matrix(curl.MECHANISMS, masters=True, without=NO_ANSWER))
@each(matrix(OWN, authzid=False))
class CurlTest(ClientTest):
    """curl."""

    program = curl

    def test_over_tls_from_the_beginning(self) -> None:
        for mechanism in ("PLAIN", APOP):
            for case in (RIGHT, WRONG):
                with self.subTest(mechanism, case=case.name):
                    self.check_program(mechanism, case, "pop3s")


@each(matrix(("PLAIN", "EXTERNAL"), masters=True))
class CurlInitialTest(ClientTest):
    """curl, with its initial response on the command line."""

    program = curl
    options = ("--sasl-ir",)


@each(matrix(mpop.MECHANISMS, authzid=False, without=NO_ANSWER))
class MpopTest(ClientTest):
    """mpop."""

    program = mpop

    def test_over_tls_from_the_beginning(self) -> None:
        for case in (RIGHT, WRONG):
            with self.subTest(case=case.name):
                self.check_program("SCRAM-SHA-256", case, "pop3s")


@each(matrix(fetchmail.POP3, authzid=False))
class FetchmailTest(ClientTest):
    """fetchmail."""

    program = fetchmail


@each(matrix(getmail.POP3, authzid=False))
class GetmailTest(ClientTest):
    """getmail."""

    program = getmail
    protocol = "pop3s"


MUTT_REFUSED = [("wrong password", m) for m in ("SCRAM-SHA-256", *OWN)]
# It waits for a user name to be typed where it was not told one.
MUTT = matrix(mutt.POP3 - {"EXTERNAL"}, authzid=False, without=UNESCAPED)


# After a refusal it sleeps.
@each((m, c) for m, c in MUTT if c.welcome or (c.name, m) in MUTT_REFUSED)
class MuttTest(ClientTest):
    """mutt."""

    program = mutt


if __name__ == "__main__":
    unittest.main()
