"""Other clients log in to our ManageSieve server."""

from __future__ import annotations

import os
import ssl
import unittest
from unittest import mock

import sasl_core as sasl
from sasl_core import profiles
from sasl_core.adapters import streams
from sasl_core.protocols.sieve import Command, Reply, ServerSession

from .application import REQUESTS
from .cases import Case, each, matrix
from .checks import ClientChecks
from .packages import need_package
from .peers import imtest
from .peers.process import HOST
from .peers.tls import certificates, client_context
from .serving import Serving

SCRAMS = frozenset(
    f"SCRAM-{name}{plus}"
    for name in ("SHA-1", "SHA-224", "SHA-256", "SHA-384", "SHA-512", "SHA3-512")
    for plus in ("", "-PLUS")
)
# It writes OAUTHBEARER's authorization identity as it is, not as =2C and =3D, never
# answers its error, and puts a comma behind XOAUTH2's user.
SIEVELIB = ("PLAIN", "LOGIN", "OAUTHBEARER")
TOKENS_REFUSED = ("expired", "unknown token", "other scope", "of another user")
UNDONE = [("OAUTHBEARER", name) for name in ("comma and equals sign", *TOKENS_REFUSED)]
# It makes an address of what has an @ already.
TRACE = [("ANONYMOUS", "right")]
# Without the a= of SCRAM's authorization identity; and of EXTERNAL's, it awaits to be
# asked after it has said it.
SIEVEMGR = [
    *matrix(["PLAIN"], masters=True),
    *matrix([*SCRAMS, "LOGIN", "CRAM-MD5"], authzid=False),
    *matrix(
        ["EXTERNAL"],
        without=[("EXTERNAL", "own authzid"), ("EXTERNAL", "foreign authzid")],
    ),
]

ours: SieveServer


class SieveServer(Serving):
    """A running server, whose application says yes to all that is no log-in."""

    service = "sieve"
    success_data = True

    def new_session(self, channel: sasl.Channel) -> ServerSession:
        """Make the session of a connection."""
        profile = profiles.MANAGESIEVE.replace(success_data=self.success_data)
        return ServerSession(
            channel,
            policy=self.policy,
            answers=REQUESTS,
            starttls=True,
            profile=profile,
        )

    def greeting(self, session: ServerSession) -> Reply:
        """Greet with the capabilities."""
        return session.greeting()

    async def handle(
        self, session: ServerSession, command: Command, ask: streams.Ask
    ) -> Reply:
        """Answer as the owner of no scripts."""
        return Reply("OK", "Done", close=command.verb == "LOGOUT")


def setUpModule() -> None:
    global ours
    ours = ClientTest.ours = SieveServer()
    unittest.addModuleCleanup(ours.close)
    # The packages take the authorities that OpenSSL takes by default.
    authority = {"SSL_CERT_FILE": str(certificates().authority)}
    unittest.enterModuleContext(mock.patch.dict(os.environ, authority))


tearDownModule = unittest.doModuleCleanups  # which pytest would not call


class ClientTest(ClientChecks):
    """What is the same for each client."""

    # Whether the last message may come with success.
    success_data = True

    def expect(self, mechanism: str) -> None:
        self.ours.success_data = self.success_data
        super().expect(mechanism)


@each(matrix(imtest.SIEVE_MECHANISMS, masters=True, without=TRACE))
class SivtestTest(ClientTest):
    """sivtest, which writes the initial response as a literal."""

    def check(self, mechanism: str, case: Case) -> None:
        name = f"sivtest {imtest.version()}"

        def log_in() -> bool:
            mine, certificate = case.credentials, case.certificate
            return imtest.log_in("sivtest", ours.port, mechanism, mine, certificate)

        self.check_login(name, mechanism, case, log_in)


@each(SIEVEMGR)
class SievemgrTest(ClientTest):
    """sievemgr, by the SASL of its own; it gives up where success brings a message."""

    success_data = False

    def check(self, mechanism: str, case: Case) -> None:
        sievemgr = need_package("sievemgr")
        context = client_context(case.certificate)
        context.maximum_version = ssl.TLSVersion.TLSv1_2  # of 1.3 it knows no binding
        mine = case.credentials
        secret = () if case.certificate else (mine.password,)
        kind = next(
            found
            for found in _concrete(sievemgr.BaseAuth)
            if found.name.upper() == mechanism
        )

        def log_in() -> bool:
            connection = sievemgr.SieveConn()
            connection.sslcontext = context
            connection.open(HOST, ours.port, timeout=10, ocsp=False)
            try:
                connection.authenticate(
                    mine.username or case.certificate,
                    *secret,
                    owner=mine.authzid,
                    sasl=[kind],
                )
                connection.execute("HAVESPACE", "main", 100)
            except sievemgr.SieveOperationError:
                return False
            finally:
                connection.shutdown()
            return True

        self.check_login("sievemgr", mechanism, case, log_in)


@each(matrix(SIEVELIB, masters=True, without=UNDONE))
class SievelibTest(ClientTest):
    """sievelib, which says all of LOGIN at once."""

    def check(self, mechanism: str, case: Case) -> None:
        managesieve = need_package("sievelib.managesieve")
        mine = case.credentials

        def log_in() -> bool:
            client = managesieve.Client(HOST, ours.port)
            welcome: bool = client.connect(
                mine.username,
                mine.token or mine.password,
                mine.authzid,
                starttls=True,
                authmech=mechanism,
            )
            if welcome:
                self.assertTrue(client.havespace("main", 100))
            client.logout()
            client.sock.close()
            return welcome

        self.check_login("sievelib", mechanism, case, log_in)


@each(matrix(["PLAIN"], masters=True))
class ManagesieveTest(ClientTest):
    """managesieve, whose LOGIN is on one line, which RFC 5804 does not have."""

    def check(self, mechanism: str, case: Case) -> None:
        managesieve = need_package("managesieve")
        mine = case.credentials

        def log_in() -> bool:
            client = managesieve.MANAGESIEVE(HOST, ours.port, use_tls=True)
            words = mine.authzid, mine.username, mine.password
            welcome = client.authenticate(mechanism, *words) == "OK"
            if welcome:
                self.assertEqual(client.havespace("main", 100), "OK")
            client.logout()
            return welcome

        self.check_login("managesieve", mechanism, case, log_in)


def _concrete(kind: type) -> list[type]:
    """Return the classes below that stand for a mechanism."""
    below = [found for child in kind.__subclasses__() for found in _concrete(child)]
    return [*below, *([kind] if isinstance(vars(kind).get("name"), str) else [])]


if __name__ == "__main__":
    unittest.main()
