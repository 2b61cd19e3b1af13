"""WeeChat logs in to our IRC server."""

from __future__ import annotations

import unittest

import sasl_core as sasl
from sasl_core.adapters.cryptography import verify
from sasl_core.backends import Account, Application
from sasl_core.backends.memory import MemoryStore
from sasl_core.records import EcdsaPublicKey

from .._p256 import PrivateKey
from .cases import Case, each, matrix
from .checks import Checks
from .irc_server import IrcServer
from .packages import need_package
from .peers import weechat
from .peers.accounts import ALICE, KEY

# It asks for no other identity by EXTERNAL.
NEVER_ASKED = [("EXTERNAL", "own authzid"), ("EXTERNAL", "foreign authzid")]

ours: IrcServer


def setUpModule() -> None:
    global ours
    weechat.version()
    ours = IrcServer()
    unittest.addModuleCleanup(ours.close)


tearDownModule = unittest.doModuleCleanups  # which pytest would not call


@each(matrix(weechat.MECHANISMS, authzid=False, without=NEVER_ASKED))
class WeechatTest(Checks):
    """WeeChat, over TLS."""

    def check(self, mechanism: str, case: Case) -> None:
        ours.expect(sasl.Policy(allow=[mechanism]))
        name = f"WeeChat {weechat.version()}"
        with weechat.connecting(
            ours.tls_port, mechanism, case.credentials, case.certificate
        ):
            self.check_event(ours.outcome(), name, mechanism, case)

    def test_a_signature(self) -> None:
        """Verified by an application, whose store has the public key."""
        need_package("cryptography")
        account = Account([EcdsaPublicKey(KEY.public.octets)])
        application = Application(MemoryStore({ALICE.user: account}), signatures=verify)
        self.addCleanup(setattr, ours, "settle", ours.settle)
        ours.settle = application.answer
        for case, key in (
            (Case("right", sasl.Credentials(ALICE.user), True), KEY),
            (Case("wrong key", sasl.Credentials(ALICE.user), False), PrivateKey(4711)),
            (Case("unknown user", sasl.Credentials("nobody"), False), KEY),
        ):
            with self.subTest(case.name):
                ours.expect(sasl.Policy(allow=[weechat.SIGNS]))
                name = f"WeeChat {weechat.version()}"
                with weechat.connecting(
                    ours.tls_port, weechat.SIGNS, case.credentials, None, key
                ):
                    self.check_event(ours.outcome(), name, weechat.SIGNS, case)


if __name__ == "__main__":
    unittest.main()
