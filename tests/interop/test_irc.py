"""Our client logs in to InspIRCd, whose users Atheme's services check."""

from __future__ import annotations

import asyncio
import unittest

import sasl_core as sasl
from sasl_core.adapters import streams
from sasl_core.protocols.irc import ClientSession

from .._p256 import PrivateKey
from .cases import RIGHT, WRONG, Case, each
from .checks import Checks
from .peers import irc
from .peers.accounts import ALICE, JUERGEN, KEY
from .peers.process import HOST
from .peers.tls import client_context

_CASES = [
    RIGHT,
    WRONG,
    Case("unknown user", sasl.Credentials("nobody", ALICE.password), False),
    Case("non-ASCII", sasl.Credentials(*JUERGEN), True),
    Case("long", sasl.Credentials(*irc.LONG), True),
    Case("own authzid", sasl.Credentials(*ALICE, authzid=ALICE.user), True),
    Case("long, own authzid", sasl.Credentials(*irc.LONG, authzid=irc.LONG.user), True),
    Case("foreign authzid", sasl.Credentials(*ALICE, authzid="l" * 24), False),
]
_EXTERNAL = [
    Case("right", sasl.Credentials(), True, "alice"),
    Case("no certificate", sasl.Credentials(), False),
]

_OTHER = PrivateKey(4711)
_SIGNED = [
    Case("right", sasl.Credentials(ALICE.user, signer=KEY.sign), True),
    Case("wrong key", sasl.Credentials(ALICE.user, signer=_OTHER.sign), False),
    Case("no key there", sasl.Credentials(JUERGEN.user, signer=KEY.sign), False),
    Case("unknown user", sasl.Credentials("nobody", signer=KEY.sign), False),
    Case(
        "own authzid",
        sasl.Credentials(ALICE.user, authzid=ALICE.user, signer=KEY.sign),
        True,
    ),
    Case(
        "foreign authzid",
        sasl.Credentials(ALICE.user, authzid="l" * 24, signer=KEY.sign),
        False,
    ),
]

peer: irc.Irc


def setUpModule() -> None:
    global peer
    peer = unittest.enterModuleContext(irc.running())


tearDownModule = unittest.doModuleCleanups  # which pytest would not call


@each([("PLAIN", case) for case in _CASES])
@each([("EXTERNAL", case) for case in _EXTERNAL])
@each([("ECDSA-NIST256P-CHALLENGE", case) for case in _SIGNED])
class IrcTest(Checks):
    """Over TLS; the server tells the account that it knows then."""

    def check(self, mechanism: str, case: Case) -> None:
        asyncio.run(self.log_in(mechanism, case))

    async def log_in(self, mechanism: str, case: Case) -> None:
        tls = client_context(case.certificate)
        reader, writer = await asyncio.open_connection(HOST, peer.tls_port, ssl=tls)
        channel = sasl.Channel.from_ssl(
            writer.get_extra_info("ssl_object"), service="host", host="irc.localhost"
        )
        session = ClientSession(
            case.credentials,
            channel=channel.replace(external=case.certificate or "anybody"),
            policy=sasl.Policy(allow=[mechanism]),
            registration=b"NICK tester\r\nUSER tester 0 * :tester\r\n",
        )
        name = f"InspIRCd {peer.version} with Atheme"
        try:
            with self.attempt(name, mechanism, case):
                await streams.authenticate(session, reader, writer, timeout=10)
                self.assertEqual(session.mechanism, mechanism)
                [said] = [line for line in session.others if b" 900 " in line]
                account = said.decode().split(" ")[4]
                who = case.credentials.authzid or case.credentials.username
                self.assertEqual(account, who or "alice")
        finally:
            writer.transport.abort()

    def test_what_it_offers(self) -> None:
        session = ClientSession(
            sasl.Credentials("x", "y"),
            channel=sasl.Channel(False, host="irc.localhost"),
            starttls="never",
        )

        async def negotiate() -> None:
            reader, writer = await asyncio.open_connection(HOST, peer.port)
            try:
                await streams.authenticate(session, reader, writer, timeout=10)
            finally:
                writer.transport.abort()

        # Without TLS no password goes out, and the error names what is there.
        with self.assertRaises(sasl.NoMechanism) as caught:
            asyncio.run(negotiate())
        for mechanism in irc.MECHANISMS:
            self.assertIn(mechanism, str(caught.exception))

    def test_the_example(self) -> None:
        from examples import irc_hello

        arguments = "localhost", ALICE.user, "bob", str(peer.tls_port)
        self.check_example(irc_hello, "Said hello", *arguments)


if __name__ == "__main__":
    unittest.main()
