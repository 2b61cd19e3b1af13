"""SRP's passwords and verifiers: what is prepared, what is stored, and nobody's."""

from __future__ import annotations

import unittest
from base64 import b64encode
from typing import Any
from unittest import mock

import sasl_core as sasl
from sasl_core import _srp_math as math
from sasl_core import records
from sasl_core.records import SrpVerifier

from .. import _accounts as accounts
from ._both import client, reason, server
from .test_srp import NAMES, SALT, VERIFIER


class PasswordTest(unittest.TestCase):
    """What is prepared of a password, and what is taken as it is."""

    def log_in(self, mine: str, theirs: str, **more: Any) -> sasl.Reason | None:
        """Log in with one password where the other is stored; return why not."""
        one = client("SRP", {"username": "user", "password": mine}, **more)
        other = server("SRP", **more)
        event: Any = other.start(one.start()).answer(theirs)
        event = other.step(one.step(event.data))
        return None if isinstance(event, sasl.Success) else reason(event)

    def test_prepared(self) -> None:
        """On both sides; what cannot be is taken as Cyrus SASL takes any password."""
        wrong = sasl.Reason.BAD_CREDENTIALS
        for mine, theirs, outcome in (
            ("I\N{SOFT HYPHEN}X", "IX", None),
            ("IX", "I\N{SOFT HYPHEN}X", None),
            ("\N{SOFT HYPHEN}", "\N{SOFT HYPHEN}", None),
            ("a\x07", "a\x07", None),
            ("a\x07", "a", wrong),
        ):
            with self.subTest(mine, theirs=theirs):
                self.assertIs(self.log_in(mine, theirs), outcome)
        self.assertIs(self.log_in("I\N{SOFT HYPHEN}X", "IX", prepare=False), wrong)

    def test_for_another_identity(self) -> None:
        """The password is hashed with the authcid; the authzid is asked about."""
        one = client("SRP", accounts.TABLE["SRP"].right | {"authzid": "boss"})
        other = server("SRP")
        event: Any = other.start(one.start()).answer(accounts.PASSWORD)
        event = other.step(one.step(event.data))
        self.assertEqual(accounts.question(event), (sasl.Authorize, "user", "boss"))

    def test_a_salt_that_is_shown_of_nobody(self) -> None:
        """Not longer than there is room for."""
        event: Any = server("SRP", decoy=(4096, 300)).start(NAMES).answer(None)
        reader = math.Reader(event.data)
        reader.take(1)
        reader.mpi("N")
        reader.mpi("g")
        self.assertEqual(len(reader.short()), 255)

    def test_nobody_s_password(self) -> None:
        """Whoever had it could not log in as a user who does not exist."""
        one, other = client("SRP"), server("SRP")
        password = accounts.PASSWORD.encode()
        event: Any = other.start(one.start())
        with mock.patch("os.urandom", return_value=password):
            event = event.answer(None)
        event = other.step(one.step(event.data))
        self.assertIs(reason(event), sasl.Reason.BAD_CREDENTIALS)


class VerifierTest(unittest.TestCase):
    """What is stored."""

    def test_text(self) -> None:
        """Written as Cyrus SASL stores it, and read again."""
        text = VERIFIER.format()
        self.assertEqual(records.parse(text, username="user"), (VERIFIER,))
        self.assertTrue(text.startswith("{SRP}"))
        other = math.buffer(math.text(b"MD5"), math.mpi(5), math.short(SALT))
        elements = math.text(b"SHA-1"), math.mpi(5), math.short(SALT)
        longer = math.buffer(*elements, b"\0")
        for bad in (
            *("", "====", text[5:-8]),
            *(b64encode(octets).decode() for octets in (other, longer)),
        ):
            with self.subTest(bad[:9]), self.assertRaises(ValueError):
                records.parse("{SRP}" + bad, username="user")

    def test_passwords(self) -> None:
        """It is of one user's one password."""
        self.assertTrue(VERIFIER.verify(accounts.PASSWORD))
        for wrong in ("", "pencil ", "\ud800"):
            self.assertFalse(VERIFIER.verify(wrong))
        with self.assertRaises(ValueError):
            SrpVerifier.derive("user", "")
        self.assertNotEqual(SrpVerifier.derive("user", "pencil").salt, SALT)

    def test_what_is_none(self) -> None:
        """Salts and numbers outside their sizes, and a salt that is no octets."""
        for right in ({"salt": bytes(255)}, {"salt": b"1"}, {"verifier": 2}):
            VERIFIER.replace(**right)
        with self.assertRaises(TypeError):
            VERIFIER.replace(salt="text")
        for wrong in (
            {"salt": b""},
            {"salt": bytes(256)},
            {"verifier": 1},
            {"verifier": math.N2048},
        ):
            with self.subTest(wrong), self.assertRaises(ValueError):
                VERIFIER.replace(**wrong)

    def test_nothing_shows(self) -> None:
        """The verifier is hidden, and decoys are of the same size."""
        self.assertNotIn(str(VERIFIER.verifier), repr(VERIFIER))
        self.assertEqual(len(VERIFIER.decoy().salt), len(SALT))
        self.assertFalse(VERIFIER.decoy().verify(accounts.PASSWORD))


if __name__ == "__main__":
    unittest.main()
