"""WeeChat logs in to our IRC server."""

from __future__ import annotations

import unittest

import sasl_core as sasl

from .cases import Case, each, matrix
from .checks import Checks
from .irc_server import IrcServer
from .peers import weechat

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


if __name__ == "__main__":
    unittest.main()
