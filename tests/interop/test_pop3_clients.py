"""Mail programs log in to our POP3 server, served by blocking sockets."""

from __future__ import annotations

import functools
import queue
import socketserver
import ssl
import subprocess
import threading
import unittest
from collections.abc import Callable

import sasl_core as sasl
from sasl_core.adapters.socketserver import RequestHandler
from sasl_core.protocols.pop3 import Command, Reply, ServerSession

from . import mailbox
from .application import REQUESTS, settle
from .cases import Case, each, matrix
from .checks import Checks
from .peers import curl, fetchmail, getmail, mpop, mutt
from .peers.accounts import ALICE
from .peers.mail import APOP, USER_PASS
from .peers.process import HOST
from .peers.tls import certificates, server_context

# curl and mpop write OAUTHBEARER's authorization identity as it is, not as =2C and =3D.
UNESCAPED = [("OAUTHBEARER", "comma and equals sign")]
# curl answers an empty challenge with "=", which stands for an empty message on the command
# line only (RFC 5034, section 4); mpop begins the exchange and then, without a word, goes
# on as if it were over.
NO_ANSWER = [*UNESCAPED, ("EXTERNAL", "right")]
OWN = (USER_PASS, APOP)
RIGHT = Case("right", sasl.Credentials(*ALICE), True)
WRONG = Case("wrong password", sasl.Credentials(ALICE.user, "Wonderland"), False)

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
        mechanism = ours.mechanism
        kind = _BeforeAuth if mechanism == USER_PASS else ServerSession
        name = "PLAIN" if mechanism == USER_PASS else mechanism
        session = kind(
            channel,
            policy=sasl.Policy(allow=[name]),
            answers=REQUESTS,
            starttls=True,
            login=mechanism == USER_PASS,
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


class Pop3Server:
    """Our server, at two ports; `mechanism` is what the next connections may use."""

    def __init__(self) -> None:
        self.mechanism = ""
        self.outcomes: queue.Queue[sasl.Success | sasl.Failure | None] = queue.Queue()
        self._servers = [
            socketserver.ThreadingTCPServer((HOST, 0), handler)
            for handler in (_Handler, _Implicit)
        ]
        clear, secure = (server.server_address[1] for server in self._servers)
        self.ports = {"pop3": clear, "pop3s": secure}
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
    ours = Pop3Server()
    unittest.addModuleCleanup(ours.close)


tearDownModule = unittest.doModuleCleanups  # which pytest would not call


class ClientTest(Checks):
    """What is the same for each program."""

    client = ""
    log_in: Callable[..., subprocess.CompletedProcess[bytes]]
    refused = 1
    protocol = "pop3"

    def check(self, mechanism: str, case: Case) -> None:
        self.check_over(self.protocol, mechanism, case)

    def check_over(self, protocol: str, mechanism: str, case: Case) -> None:
        """Let the program log in; it must agree with our server about the outcome."""
        ours.mechanism = mechanism
        done = type(self).log_in(
            ours.ports[protocol],
            mechanism,
            case.credentials,
            case.certificate,
            protocol=protocol,
        )
        name, actual = f"{self.client} {protocol}", mechanism
        if mechanism == USER_PASS:
            name, actual = f"{name}, {USER_PASS}", "PLAIN"
        shown = done.stdout.decode(errors="replace")
        self.check_event(ours.outcomes.get(timeout=10), name, actual, case)
        self.assertTrue(ours.outcomes.empty(), shown)  # one connection, one attempt
        expected = 0 if case.welcome else self.refused
        self.assertEqual(done.returncode, expected, shown)


@each(matrix(curl.MECHANISMS, masters=True, without=NO_ANSWER))
@each(matrix(OWN, authzid=False))
class CurlTest(ClientTest):
    """curl."""

    log_in = curl.log_in
    refused = curl.REFUSED

    @classmethod
    def setUpClass(cls) -> None:
        cls.client = f"curl {curl.version()}"

    def test_over_tls_from_the_beginning(self) -> None:
        for mechanism in ("PLAIN", APOP):
            for case in (RIGHT, WRONG):
                with self.subTest(mechanism, case=case.name):
                    self.check_over("pop3s", mechanism, case)


@each(matrix(("PLAIN", "EXTERNAL"), masters=True))
class CurlInitialTest(ClientTest):
    """curl, with its initial response on the command line."""

    log_in = functools.partial(curl.log_in, options=("--sasl-ir",))
    refused = curl.REFUSED

    @classmethod
    def setUpClass(cls) -> None:
        cls.client = f"curl {curl.version()} --sasl-ir"


@each(matrix(mpop.MECHANISMS, authzid=False, without=NO_ANSWER))
class MpopTest(ClientTest):
    """mpop."""

    log_in = mpop.log_in
    refused = mpop.REFUSED

    @classmethod
    def setUpClass(cls) -> None:
        cls.client = f"mpop {mpop.version()}"

    def test_over_tls_from_the_beginning(self) -> None:
        for case in (RIGHT, WRONG):
            with self.subTest(case=case.name):
                self.check_over("pop3s", "SCRAM-SHA-256", case)


@each(matrix(fetchmail.POP3, authzid=False))
class FetchmailTest(ClientTest):
    """fetchmail."""

    log_in = fetchmail.log_in
    refused = fetchmail.REFUSED

    @classmethod
    def setUpClass(cls) -> None:
        cls.client = f"fetchmail {fetchmail.version()}"


@each(matrix(getmail.POP3, authzid=False))
class GetmailTest(ClientTest):
    """getmail."""

    log_in = getmail.log_in
    refused = getmail.REFUSED
    protocol = "pop3s"

    @classmethod
    def setUpClass(cls) -> None:
        cls.client = f"getmail {getmail.version()}"


MUTT_REFUSED = [("wrong password", m) for m in ("SCRAM-SHA-256", *OWN)]
# It waits for a user name to be typed where it was not told one.
MUTT = matrix(mutt.POP3 - {"EXTERNAL"}, authzid=False, without=UNESCAPED)


# After a refusal it sleeps.
@each((m, c) for m, c in MUTT if c.welcome or (c.name, m) in MUTT_REFUSED)
class MuttTest(ClientTest):
    """mutt."""

    log_in = mutt.log_in
    refused = mutt.REFUSED

    @classmethod
    def setUpClass(cls) -> None:
        cls.client = f"mutt {mutt.version()}"


if __name__ == "__main__":
    unittest.main()
