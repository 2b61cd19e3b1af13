"""DIGEST-MD5 with Cyrus SASL, GNU SASL, Dovecot, curl, msmtp and swaks; Cyrus's layers.

Nobody offers it unasked: here the peers and our policies name it.
"""

from __future__ import annotations

import imaplib
import unittest
from typing import Any

import sasl_core as sasl
from sasl_core.adapters.cryptography import des
from sasl_core.adapters.imaplib import login

from .. import _des
from . import sample, test_gsasl
from .application import settle
from .cases import Case, each, matrix
from .checks import OURS, Checks, ProgramChecks
from .outcomes import note
from .packages import need_package
from .peers import curl, gsasl, msmtp, swaks
from .peers.accounts import ALICE, USERS
from .peers.cyrus import REALM, Cyrus
from .peers.cyrus import installed as cyrus_installed
from .peers.dovecot import Dovecot
from .peers.dovecot import running as dovecot_running
from .peers.process import HOST
from .peers.tls import client_context
from .submission import Submission

NAME = "DIGEST-MD5"
POLICY = sasl.Policy(allow=[NAME])
# Cyrus's words for its programs: how many bits each layer counts as.
BITS = {
    "integrity": 1,
    "rc4-40": 40,
    "des": 55,
    "rc4-56": 56,
    "3des": 112,
    "rc4": 128,
}

cyrus: Cyrus
dovecot: Dovecot
CYRUS = GSASL = ""


def setUpModule() -> None:
    global cyrus, dovecot, CYRUS, GSASL
    cyrus = unittest.enterModuleContext(cyrus_installed([NAME]))
    dovecot = unittest.enterModuleContext(dovecot_running([NAME]))
    SubmissionTest.ours = Numbered()
    unittest.addModuleCleanup(SubmissionTest.ours.close)
    CYRUS = f"Cyrus SASL {cyrus.version}"
    GSASL = f"GNU SASL {gsasl.version()}"


tearDownModule = unittest.doModuleCleanups  # which pytest would not call


def policy(layer: str, ciphers: dict[str, Any] = _des.MAKERS) -> sasl.Policy:
    """Make a policy with this layer alone: "none", "integrity", or a cipher."""
    if layer in ("none", "integrity"):
        return POLICY.replace(layers=(layer,))
    return POLICY.replace(layers=("confidentiality",), ciphers={layer: ciphers[layer]})


# --- Cyrus SASL


def log_in_to_cyrus(
    layer: str, mine: sasl.Credentials, ciphers: dict[str, Any] = _des.MAKERS
) -> str:
    """Log in to sasl-sample-server; exchange a message through the layer."""
    client = sample.client(NAME, mine, policy=policy(layer, ciphers))
    most = 0 if layer == "none" else 256
    return sample.log_in(cyrus, client, "-b", f"min=0,max={most}")


def serve_cyrus(layer: str, mine: sasl.Credentials) -> Any:
    """Let sasl-sample-client log in; exchange a message through the layer."""
    server = sample.server(NAME, policy=policy(layer))
    bits = BITS.get(layer, 0)
    return sample.serve(cyrus, server, mine, "-b", f"min={bits},max={bits}")


@each(matrix([NAME]))
class CyrusServerTest(Checks):
    """Our client logs in to sasl-sample-server."""

    def check(self, mechanism: str, case: Case) -> None:
        with self.attempt(CYRUS, mechanism, case):
            user = log_in_to_cyrus("none", case.credentials)
            self.assertEqual(user, f"{case.credentials.username}@{REALM}")

    def test_layers(self) -> None:
        for layer in BITS:
            with self.subTest(layer):
                log_in_to_cyrus(layer, sasl.Credentials(*ALICE))
                note(CYRUS, OURS, NAME, f"layer {layer}", "accepted")

    def test_ciphers_of_cryptography(self) -> None:
        for layer in ("des", "3des"):
            with self.subTest(layer):
                log_in_to_cyrus(layer, sasl.Credentials(*ALICE), makers())
                note(CYRUS, OURS, NAME, f"layer {layer}, cryptography", "accepted")

    def test_cryptography_and_ours_are_the_same(self) -> None:
        for name, size in (("des", 8), ("3des", 16)):
            key, iv, data = bytes(range(1, size + 1)), b"ivivivix", bytes(range(80))
            made, plain = (
                maker[name](key, iv, encrypt=True).update(data)
                for maker in (makers(), _des.MAKERS)
            )
            self.assertEqual(made, plain)


def makers() -> dict[str, Any]:
    """Return the block ciphers of `cryptography`, as a program would pass them."""
    need_package("cryptography")
    return {"des": des, "3des": des}


@each(matrix([NAME]))
class CyrusClientTest(Checks):
    """sasl-sample-client logs in to our server."""

    def check(self, mechanism: str, case: Case) -> None:
        event = serve_cyrus("none", case.credentials)
        self.check_event(event, CYRUS, mechanism, case)

    def test_layers(self) -> None:
        case = Case("layer", sasl.Credentials(*ALICE), True)
        for layer in BITS:
            with self.subTest(layer):
                event = serve_cyrus(layer, case.credentials)
                self.check_event(
                    event, CYRUS, NAME, case._replace(name=f"layer {layer}")
                )
                self.assertEqual(event.layer.confidential, layer != "integrity")


# --- GNU SASL

# It converts the password to ISO 8859-1, but not the name, which nobody understands;
# curl and swaks, as Dovecot, convert neither. RFC 2831, section 2.1.2.1, wants both.
NOT_CONVERTED = [(NAME, "non-ASCII")]
INDIFFERENT = [(NAME, "unknown user"), (NAME, "foreign authzid")]


@each(matrix([NAME], without=[*INDIFFERENT, *NOT_CONVERTED]))
class GsaslServerTest(Checks):
    """Our client logs in to gsasl --server."""

    def check(self, mechanism: str, case: Case) -> None:
        (account,) = (a for a in USERS if a.user == case.credentials.username)
        client = sasl.client(
            NAME,
            case.credentials,
            channel=sasl.Channel(True, service="imap", host="localhost"),
            policy=POLICY,
        )
        with (
            self.attempt(GSASL, mechanism, case),
            gsasl.server(mechanism, account) as talk,
        ):
            test_gsasl.log_in(talk, client)


@each(matrix([NAME], masters=True, without=NOT_CONVERTED))
class GsaslClientTest(Checks):
    """gsasl --client logs in to our server."""

    def check(self, mechanism: str, case: Case) -> None:
        event = self.served(case)
        self.check_event(event, GSASL, mechanism, case)

    def served(self, case: Case) -> sasl.Success | sasl.Failure:
        server = sasl.server(
            NAME,
            channel=sasl.Channel(True, service="imap", host="localhost"),
            policy=POLICY,
        )
        with gsasl.client(NAME, case.credentials, None) as talk:
            assert gsasl.read(talk) == NAME.encode()
            gsasl.read(talk)
            event: Any = server.start()
            while not isinstance(event, (sasl.Success, sasl.Failure)):
                if isinstance(event, sasl.Request):
                    event = settle(event)
                    continue
                talk.write(event.data)
                response = gsasl.read(talk)
                event = server.abort() if response is None else server.step(response)
            if isinstance(event, sasl.Success):
                talk.write(b"")
                assert talk.end() == 0, "the client is not content"
            return event


# --- Dovecot


@each(matrix([NAME], masters=True, without=NOT_CONVERTED))
class DovecotTest(Checks):
    """Our client logs in to Dovecot, which sends an empty realm, and converts nothing."""

    def check(self, mechanism: str, case: Case) -> None:
        connection = imaplib.IMAP4("localhost", dovecot.imap, timeout=10)
        self.addCleanup(connection.shutdown)
        connection.starttls(client_context())
        with self.attempt(f"Dovecot {dovecot.version} imap", mechanism, case):
            login(connection, case.credentials, policy=POLICY)
        self.assertEqual(connection.state, "AUTH" if case.welcome else "NONAUTH")


# --- clients of our submission server


class Numbered(Submission):
    """A server whose name is its address: swaks and msmtp connect to that, and say so."""

    host = HOST


class SubmissionTest(ProgramChecks):
    """What is the same for each program."""


@each(matrix([NAME], authzid=False, without=NOT_CONVERTED))
class SwaksTest(SubmissionTest):
    """swaks."""

    program = swaks


@each(matrix([NAME], authzid=False, without=NOT_CONVERTED))
class CurlTest(SubmissionTest):
    """curl, which has no authzid here, and writes the realm for the host."""

    program = curl
    options = ("--login-options", f"AUTH={NAME}")


@each(matrix([NAME], authzid=False, without=NOT_CONVERTED))
class MsmtpTest(SubmissionTest):
    """msmtp."""

    program = msmtp


if __name__ == "__main__":
    unittest.main()
