"""Our client logs in to Exim: its own authenticators, and its two drivers."""

from __future__ import annotations

import unittest

from .cases import Case, each, matrix
from .checks import Checks
from .peers import dovecot
from .peers.exim import BY_CYRUS, BY_DOVECOT, NATIVE, Exim, running

exim: Exim


# Its drivers take an empty initial response ("=") for bad base64.
NO_EMPTY_INITIAL = [("ANONYMOUS", "without trace")]


def setUpModule() -> None:
    global exim
    checker = unittest.enterModuleContext(dovecot.running())
    exim = unittest.enterModuleContext(running(checker.mta_socket))


tearDownModule = unittest.doModuleCleanups  # which pytest would not call


@each(matrix(NATIVE))
class NativeTest(Checks):
    """Exim checks by itself."""

    def check(self, mechanism: str, case: Case) -> None:
        server = f"Exim {exim.version}"
        self.log_in_by_smtp(server, exim.native, mechanism, case)

    def test_offered(self) -> None:
        self.assert_offered(exim.native, NATIVE)


@each(matrix(BY_DOVECOT, masters=True))
class DovecotTest(Checks):
    """Dovecot's authentication service checks."""

    def check(self, mechanism: str, case: Case) -> None:
        server = f"Exim {exim.version} with Dovecot"
        self.log_in_by_smtp(server, exim.by_dovecot, mechanism, case)

    def test_offered(self) -> None:
        self.assert_offered(exim.by_dovecot, BY_DOVECOT)


@each(matrix(BY_CYRUS, without=NO_EMPTY_INITIAL))
class CyrusTest(Checks):
    """Cyrus SASL checks, in its password file."""

    def check(self, mechanism: str, case: Case) -> None:
        server = f"Exim {exim.version} with Cyrus"
        self.log_in_by_smtp(server, exim.by_cyrus, mechanism, case)

    def test_offered(self) -> None:
        self.assert_offered(exim.by_cyrus, BY_CYRUS)


if __name__ == "__main__":
    unittest.main()
