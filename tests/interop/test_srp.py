"""SRP with Cyrus SASL, both ways, and with the verifiers that we make.

Nobody offers it unasked: here the peer and our policies name it.
"""

from __future__ import annotations

import unittest

import sasl_core as sasl
from sasl_core.records import SrpVerifier

from . import sample
from .cases import Case, each, matrix
from .checks import OURS, Checks
from .outcomes import note
from .peers.accounts import ALICE
from .peers.cyrus import REALM, Cyrus, installed
from .peers.process import need

NAME = "SRP"

cyrus: Cyrus
CYRUS = ""


def setUpModule() -> None:
    global cyrus, CYRUS
    cyrus = unittest.enterModuleContext(installed([NAME]))
    CYRUS = f"Cyrus SASL {cyrus.version}"


tearDownModule = unittest.doModuleCleanups  # which pytest would not call


@each(matrix([NAME]))
class ServerTest(Checks):
    """Our client logs in to sasl-sample-server."""

    options: tuple[str, ...] = ()

    def check(self, mechanism: str, case: Case) -> None:
        client = sample.client(mechanism, case.credentials, *self.options)
        with self.attempt(" ".join([CYRUS, *self.options]), mechanism, case):
            user = sample.log_in(cyrus, client, *self.options)
            self.assertEqual(user, f"{case.credentials.username}@{REALM}")


class ServerLastTest(ServerTest):
    """The same, with the server's last message in its success."""

    options = ("-l",)


@each(matrix([NAME], masters=True))
class ClientTest(Checks):
    """sasl-sample-client logs in to our server."""

    options: tuple[str, ...] = ()

    def check(self, mechanism: str, case: Case) -> None:
        server = sample.server(mechanism, *self.options)
        event = sample.serve(cyrus, server, case.credentials, *self.options)
        self.check_event(event, " ".join([CYRUS, *self.options]), mechanism, case)


class ClientLastTest(ClientTest):
    """The same, with the server's last message in its success."""

    options = ("-l",)


class OptionsTest(Checks):
    """What the server's list of options has: layers, which we leave, and digests."""

    mine = sasl.Credentials(*ALICE)

    def log_in(self, *options: str) -> None:
        sample.log_in(cyrus, sample.client(NAME, self.mine), *options)

    def test_layers_that_may_be(self) -> None:
        for most in (0, 1, 128, 256):
            with self.subTest(most):
                self.log_in("-b", f"min=0,max={most}")
                note(CYRUS, OURS, NAME, f"layers up to {most} bits", "accepted")

    def test_layers_that_must_be(self) -> None:
        for least in (1, 56):
            with self.subTest(least), self.assertRaises(sasl.ProtocolError):
                self.log_in("-b", f"min={least},max=256")
            event = sample.serve(
                cyrus, sample.server(NAME), self.mine, "-b", f"min={least},max=256"
            )
            self.assertIsInstance(event, sasl.Failure)

    def test_digests(self) -> None:
        """SHA-1 is what it asks for unless it is told otherwise."""
        self.addCleanup(cyrus.file.configure, "sample", mechanisms=[NAME])
        for name in ("SHA-1", "MD5", "RIPEMD-160"):
            more = f"srp_mda: {name}\n"
            cyrus.file.configure("sample", mechanisms=[NAME], more=more)
            with self.subTest(name):
                if name == "SHA-1":
                    self.log_in()
                else:
                    with self.assertRaises(sasl.ProtocolError):
                        self.log_in()


class RecordTest(Checks):
    """A verifier in place of the password, at their server and at ours.

    Cyrus's own saslpasswd2 crashes where it is to make one.
    """

    def test_log_in(self) -> None:
        need("db_load")
        verifier = SrpVerifier.derive("dora", "d0r4")
        stored = verifier.format().removeprefix("{SRP}")
        cyrus.file.load("dora", "cmusaslsecretSRP", stored)

        def settle(request: sasl.Request) -> sasl.Event:
            return request.answer(verifier)

        for password, welcome in (("d0r4", True), ("D0r4", False)):
            mine = sasl.Credentials("dora", password)
            name = f"verifier, {'right' if welcome else 'wrong'} password"
            case = Case(name, mine, welcome)
            with self.subTest(name), self.attempt(CYRUS, NAME, case):
                sample.log_in(cyrus, sample.client(NAME, mine))
            with self.subTest(name, side="server"):
                event = sample.serve(cyrus, sample.server(NAME), mine, settle=settle)
                self.check_event(event, CYRUS, NAME, case)


if __name__ == "__main__":
    unittest.main()
