"""Credentials, Identity, TokenError, and the errors that carry them."""

from __future__ import annotations

import copy
import unittest
from unittest import mock

import sasl_core as sasl
from sasl_core._scram_math import NAMES


class CredentialsTest(unittest.TestCase):
    """Everything that the user has."""

    def test_they_are_immutable(self) -> None:
        """And their own copy, so that an exchange that is copied shares them."""
        credentials = sasl.Credentials("user", "pencil")
        with self.assertRaises(AttributeError):
            credentials.password = "other"
        self.assertIs(copy.deepcopy(credentials), credentials)
        self.assertEqual(credentials, sasl.Credentials("user", "pencil"))
        self.assertNotEqual(credentials, sasl.Credentials("user", "pen"))

    def test_only_the_first_two_are_positional(self) -> None:
        """An authzid is never passed by mistake."""
        with self.assertRaises(TypeError):
            sasl.Credentials("user", "pencil", "boss")

    def test_what_they_have(self) -> None:
        """Empty fields are none."""
        self.assertNotIn("password", sasl.Credentials("user", "").has)
        self.assertLessEqual(set(NAMES.values()), sasl.Credentials("u", "p").has)
        keys = sasl.ScramClientKeys.derive("pencil", "sha1", iterations=1, salt=b"x")
        has = sasl.Credentials("user", keys=keys).has
        self.assertIn("SCRAM-SHA-1", has)
        self.assertNotIn("SCRAM-SHA-256", has)
        self.assertNotIn("password", has)

    def test_reprs(self) -> None:
        """Names are shown, secrets are not."""
        shown = repr(sasl.Credentials("user", "pencil", token="t0ken", authzid="boss"))
        self.assertIn("user", shown)
        self.assertIn("boss", shown)
        self.assertNotIn("pencil", shown)
        self.assertNotIn("t0ken", shown)


class RememberedKeysTest(unittest.TestCase):
    """A reconnecting client pays PBKDF2 once."""

    def setUp(self) -> None:
        """Count the slow step."""
        import hashlib

        self.slow = mock.Mock(side_effect=hashlib.pbkdf2_hmac)
        patch = mock.patch("hashlib.pbkdf2_hmac", self.slow)
        patch.start()
        self.addCleanup(patch.stop)

    def test_once_for_each_question(self) -> None:
        """The same hash, salt and count; another is another."""
        credentials = sasl.Credentials("user", "pencil")
        for _ in range(3):
            credentials.scram_keys("sha256", b"salt", 16)
        self.assertEqual(self.slow.call_count, 1)
        for question in (("sha1", b"salt", 16), ("sha256", b"pepper", 16)):
            credentials.scram_keys(*question)
        credentials.scram_keys("sha256", b"salt", 17)
        self.assertEqual(self.slow.call_count, 4)

    def test_not_for_other_credentials(self) -> None:
        """Nothing is shared between users, nor between equal passwords."""
        for _ in range(2):
            sasl.Credentials("user", "pencil").scram_keys("sha256", b"salt", 16)
        self.assertEqual(self.slow.call_count, 2)

    def test_preparation_is_part_of_the_question(self) -> None:
        """With SASLprep and without give different keys."""
        credentials = sasl.Credentials("user", "I\xadX")
        prepared = credentials.scram_keys("sha256", b"salt", 16)
        bare = credentials.scram_keys("sha256", b"salt", 16, prepare=False)
        self.assertNotEqual(prepared, bare)
        plain = sasl.Credentials("user", "IX")
        self.assertEqual(prepared, plain.scram_keys("sha256", b"salt", 16))

    def test_it_does_not_grow(self) -> None:
        """A server that changes its salt each time fills no memory."""
        credentials = sasl.Credentials("user", "pencil")
        for number in range(100):
            credentials.scram_keys("sha256", b"%d" % number, 1)
        self.assertLessEqual(len(credentials._derived), 16)

    def test_stored_keys(self) -> None:
        """They are good for one question only, and cost nothing."""
        keys = sasl.ScramClientKeys.derive("pencil", "sha1", iterations=9, salt=b"x")
        self.slow.reset_mock()
        credentials = sasl.Credentials("user", keys=keys)
        self.assertIs(credentials.scram_keys("sha1", b"x", 9), keys)
        for question in (("sha1", b"y", 9), ("sha1", b"x", 8), ("sha256", b"x", 9)):
            with self.assertRaises(ValueError):
                credentials.scram_keys(*question)
        self.slow.assert_not_called()
        both = sasl.Credentials("user", "pencil", keys=keys)
        self.assertEqual(both.scram_keys("sha1", b"y", 9).salt, b"y")


class IdentityTest(unittest.TestCase):
    """Who logged in."""

    def test_the_authzid_is_never_empty(self) -> None:
        """It is the authcid where nothing was said."""
        self.assertEqual(sasl.Identity("user").authzid, "user")
        self.assertEqual(sasl.Identity("user", "boss").authzid, "boss")
        self.assertEqual(sasl.Identity("user"), sasl.Identity("user", "user"))


class ErrorTest(unittest.TestCase):
    """The tree of exceptions."""

    def test_the_tree(self) -> None:
        """Catch SASLError for all; the standard kinds fit too."""
        for kind, bases in (
            (sasl.StateError, (sasl.SASLError, RuntimeError)),
            (sasl.CredentialsError, (sasl.SASLError, ValueError)),
            (sasl.ProtocolError, (sasl.SASLError, ValueError)),
            (sasl.NoMechanism, (sasl.SASLError,)),
            (sasl.AuthenticationError, (sasl.SASLError,)),
            (sasl.ServerNotAuthenticated, (sasl.AuthenticationError,)),
        ):
            for base in bases:
                self.assertTrue(issubclass(kind, base), (kind, base))

    def test_a_server_that_is_not_authenticated(self) -> None:
        """No other mechanism helps against it, whatever the reason says."""
        error = sasl.ServerNotAuthenticated("no", reason=sasl.Reason.UNAVAILABLE)
        self.assertFalse(error.try_another)

    def test_no_mechanism(self) -> None:
        """The refusals can be read by a program."""
        error = sasl.NoMechanism({"PLAIN": "needs an encrypted channel"})
        self.assertEqual(error.refusals, {"PLAIN": "needs an encrypted channel"})
        self.assertEqual(str(error), "PLAIN: needs an encrypted channel")


if __name__ == "__main__":
    unittest.main()
