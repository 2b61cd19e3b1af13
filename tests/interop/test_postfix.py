"""Our client logs in to Postfix, whichever program checks the passwords."""

from __future__ import annotations

import unittest

from .cases import Case, each, matrix
from .checks import Checks
from .peers import dovecot
from .peers.postfix import BY_CYRUS, BY_DOVECOT, Postfix, running

postfix: Postfix


# It hands an empty initial response ("=") on as none at all, and gives up then.
NO_EMPTY_INITIAL = [("ANONYMOUS", "without trace")]


def setUpModule() -> None:
    global postfix
    checker = unittest.enterModuleContext(dovecot.running())
    postfix = unittest.enterModuleContext(running(checker.mta_socket))


tearDownModule = unittest.doModuleCleanups  # which pytest would not call


@each(matrix(BY_DOVECOT, masters=True))
class DovecotTest(Checks):
    """Dovecot's authentication service checks."""

    def check(self, mechanism: str, case: Case) -> None:
        server = f"Postfix {postfix.version} with Dovecot"
        self.log_in_by_smtp(server, postfix.by_dovecot, mechanism, case)

    def test_offered(self) -> None:
        self.assert_offered(postfix.by_dovecot, BY_DOVECOT)


@each(matrix(BY_CYRUS, without=NO_EMPTY_INITIAL))
class CyrusTest(Checks):
    """Cyrus SASL checks, in its password file."""

    def check(self, mechanism: str, case: Case) -> None:
        server = f"Postfix {postfix.version} with Cyrus"
        self.log_in_by_smtp(server, postfix.by_cyrus, mechanism, case)

    def test_offered(self) -> None:
        self.assert_offered(postfix.by_cyrus, BY_CYRUS)


if __name__ == "__main__":
    unittest.main()
