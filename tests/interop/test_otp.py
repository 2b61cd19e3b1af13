"""OTP with Cyrus SASL, both ways, and its records with Dovecot's doveadm."""

from __future__ import annotations

import unittest
from typing import Any
from unittest import mock

import sasl_core as sasl
from sasl_core import records
from sasl_core.mechanisms import _otp_messages as messages
from sasl_core.otp import OtpState, to_words

from . import sample
from .checks import OURS
from .outcomes import note
from .peers.accounts import ALICE
from .peers.cyrus import REALM, Cyrus, PasswordFile
from .peers.process import Sandbox, missing, must_run, need
from .peers.talk import Talk

MECHANISM = "OTP"
WRONG = "wonderlands"

cyrus: Cyrus
NAME = ""


def setUpModule() -> None:
    global cyrus, NAME
    need("sasl-sample-server", "sasl-sample-client", "stdbuf")
    file = PasswordFile(unittest.enterModuleContext(Sandbox("otp")))
    cyrus = Cyrus(file, [MECHANISM])
    NAME = f"Cyrus SASL {cyrus.version}"
    # The program makes a state only for mechanisms that it is configured for.
    file.configure("saslpasswd", mechanisms=[MECHANISM])
    file.store(ALICE)
    with Talk(cyrus.server(), cyrus.environment) as talk:
        if MECHANISM.encode() not in (sample.receive(talk, b"S") or b""):
            missing("libsasl2-modules-otp is not installed")


tearDownModule = unittest.doModuleCleanups  # which pytest would not call


def client(password: str = ALICE.password) -> sasl.Client:
    return sample.client(MECHANISM, sasl.Credentials(ALICE.user, password))


class ServerTest(unittest.TestCase):
    """Our client logs in to Cyrus's server, whose state moves on each time."""

    def log_in(self, one: sasl.Client) -> str:
        return sample.log_in(cyrus, one)

    def test_one_after_another(self) -> None:
        for _ in range(3):
            self.assertEqual(self.log_in(client()), f"{ALICE.user}@{REALM}")
        note(NAME, OURS, MECHANISM, "three logins", "accepted")

    def test_wrong_passphrase(self) -> None:
        with self.assertRaises(sasl.AuthenticationError):
            self.log_in(client(WRONG))
        note(NAME, OURS, MECHANISM, "wrong passphrase", "refused")
        self.log_in(client())

    def test_begin_anew(self) -> None:
        """What our client does when few are left; then it goes on from there."""
        with mock.patch("sasl_core.mechanisms.otp._RENEW_AT", 9999):
            self.log_in(client())
        self.log_in(client())
        note(NAME, OURS, MECHANISM, "init-hex", "accepted")

    def test_words(self) -> None:
        """Six of the dictionary, and new ones by init-word."""

        def in_words(octets: bytes, new: OtpState) -> bytes:
            terms = f"{new.algorithm} {new.sequence} {new.seed}"
            words = to_words(octets), terms, to_words(new.last)
            return f"init-word:{':'.join(words)}".encode()

        with (
            mock.patch("sasl_core.mechanisms.otp._RENEW_AT", 9999),
            mock.patch.object(messages, "write_renewal", in_words),
        ):
            self.log_in(client())
        self.log_in(client())
        note(NAME, OURS, MECHANISM, "init-word", "accepted")


class ClientTest(unittest.TestCase):
    """Cyrus's client logs in to our server.

    The library's, that is: of its sample client it asks the one-time password itself, by
    a call in which that one misses a parameter, so that it gives up.
    """

    def serve(self, state: OtpState, password: str) -> tuple[Any, OtpState]:
        """Return the last event, and what is then stored."""

        def settle(request: sasl.Request) -> sasl.Event:
            nonlocal state
            match request:
                case sasl.FindOtp():
                    return request.answer(state)
                case sasl.ConsumeOtp(new=new):
                    state = new
                    return request.answer(True)
            return request.deny()

        command = cyrus.bound("client", MECHANISM, "tls-exporter", "00", ALICE.user)
        with Talk(command, cyrus.environment) as talk:
            event = sample.admit(talk, sample.server(MECHANISM), password, settle)
        return event, state

    def test_algorithms(self) -> None:
        """While many are left it sends hexadecimal digits, and then init-hex."""
        for algorithm in ("md5", "sha1"):
            for sequence, after in ((500, 499), (400, 499)):
                state = OtpState.derive(
                    ALICE.password, algorithm, sequence=sequence, seed="ke1234"
                )
                with self.subTest(algorithm, sequence=sequence):
                    event, stored = self.serve(state, ALICE.password)
                    self.assertIsInstance(event, sasl.Success)
                    self.assertEqual(stored.sequence, after)
                    self.assertEqual(stored.seed == "ke1234", sequence == 500)
                    self.assertTrue(stored.verify(ALICE.password))
                    case = f"{algorithm}, {'init-hex' if sequence == 400 else 'hex'}"
                    note(OURS, NAME, MECHANISM, case, "accepted")

    def test_wrong_passphrase(self) -> None:
        state = OtpState.derive(ALICE.password, "md5", seed="ke1234")
        event, stored = self.serve(state, WRONG)
        self.assertIs(event.reason, sasl.Reason.BAD_CREDENTIALS)
        self.assertEqual(stored, state)
        note(OURS, NAME, MECHANISM, "wrong passphrase", "refused")


class RecordTest(unittest.TestCase):
    """What Dovecot writes, we read, and the other way round."""

    def test_doveadm(self) -> None:
        need("doveadm", "dovecot")
        text = must_run(
            ["doveadm", "pw", "-s", "OTP", "-u", ALICE.user, "-p", ALICE.password]
        )
        (state,) = records.parse(text.decode())
        assert isinstance(state, OtpState)
        self.assertTrue(state.verify(ALICE.password))
        for algorithm in ("md5", "sha1"):
            mine = OtpState.derive(ALICE.password, algorithm).format()
            command = ["doveadm", "pw", "-u", ALICE.user, "-t", mine]
            must_run([*command, "-p", ALICE.password])
        version = must_run(["dovecot", "--version"]).decode().split()[0]
        note(OURS, f"Dovecot {version}", MECHANISM, "records", "accepted")


if __name__ == "__main__":
    unittest.main()
