"""Events: values that show no secret, and requests that take what they promise."""

from __future__ import annotations

import unittest
from typing import Any

import sasl_core as sasl
from sasl_core import profiles

from . import _accounts as accounts
from ._points import points


def request(kind: type[sasl.Request]) -> Any:
    """Return a fresh pending request of a kind."""
    for point in points():
        if type(point.waiting) is kind:
            return point.copy()
    raise AssertionError(f"no mechanism asks {kind.__name__}")


KINDS = (
    sasl.CheckPassword,
    sasl.FindPassword,
    sasl.FindScramKeys,
    sasl.CheckToken,
    sasl.Authorize,
)


class ValueTest(unittest.TestCase):
    """Challenge, Success, Failure."""

    def test_positional_patterns(self) -> None:
        """The first fields are those that one matches."""
        self.assertEqual(sasl.Challenge.__match_args__, ("data",))
        self.assertEqual(sasl.Success.__match_args__[0], "identity")
        self.assertEqual(sasl.Failure.__match_args__, ("reason", "detail"))
        self.assertEqual(
            sasl.CheckPassword.__match_args__, ("username", "password", "realm")
        )
        self.assertEqual(
            sasl.CheckToken.__match_args__, ("token", "username", "host", "port")
        )
        self.assertEqual(sasl.Authorize.__match_args__, ("authcid", "authzid"))
        self.assertEqual(sasl.FindPassword.__match_args__, ("username", "realm"))
        self.assertEqual(sasl.FindScramKeys.__match_args__, ("username", "hash_name"))

    def test_equality(self) -> None:
        """By type and fields."""
        self.assertEqual(sasl.Challenge(b"x"), sasl.Challenge(b"x"))
        self.assertNotEqual(sasl.Challenge(b"x"), sasl.Challenge(b"y"))
        self.assertNotEqual(sasl.Challenge(b"x"), b"x")
        failure = sasl.Failure(sasl.Reason.ABORTED)
        self.assertEqual(failure, sasl.Failure(sasl.Reason.ABORTED, ""))
        self.assertEqual(len({failure, sasl.Failure(sasl.Reason.ABORTED)}), 1)

    def test_reprs(self) -> None:
        """They can be read, and leave out what is not there."""
        self.assertEqual(repr(sasl.Challenge(b"QQ==")), "Challenge(data=b'QQ==')")
        success = sasl.Success(sasl.Identity("user"))
        self.assertIn("authcid='user'", repr(success))
        self.assertNotIn("layer", repr(success))
        self.assertEqual(
            repr(sasl.CheckPassword("user", "pencil")),
            "CheckPassword(username='user', password=<hidden>)",
        )


class RequestTest(unittest.TestCase):
    """What each request takes."""

    def test_every_kind_is_asked_by_somebody(self) -> None:
        """So that these tests test something."""
        for kind in KINDS:
            self.assertIsInstance(request(kind), kind)

    def test_deny(self) -> None:
        """Always possible; never a Success."""
        for kind in KINDS:
            event = request(kind).deny()
            with self.subTest(kind.__name__):
                self.assertIsInstance(event, (sasl.Failure, sasl.Challenge))

    def test_unavailable_keeps_its_detail_for_the_log(self) -> None:
        """The reason is all that the peer may know."""
        for kind in KINDS:
            event = request(kind).unavailable("cannot reach db.internal")
            with self.subTest(kind.__name__):
                self.assertEqual(
                    event,
                    sasl.Failure(sasl.Reason.UNAVAILABLE, "cannot reach db.internal"),
                )
                self.assertNotIn("db", profiles.SMTP.reply(event.reason))

    def test_refuse(self) -> None:
        """Any reason of one's own."""
        for kind in KINDS:
            for reason in sasl.Reason:
                event = request(kind).refuse(reason, "why")
                self.assertEqual(event, sasl.Failure(reason, "why"))

    def test_token_errors(self) -> None:
        """What is wrong with a token goes to the client, as JSON."""
        event = request(sasl.CheckToken).answer(
            sasl.TokenError("insufficient_scope", "mail", "https://id.example.org/")
        )
        profile = profiles.BASE64
        for part in (b"insufficient_scope", b"mail", b"https://id.example.org/"):
            self.assertIn(part, profile.decode(event.data))

    def test_keys_of_another_hash(self) -> None:
        """They are the wrong answer, not a wrong password."""
        pending = request(sasl.FindScramKeys)
        other = "sha1" if pending.hash_name != "sha1" else "sha256"
        with self.assertRaises(sasl.StateError):
            pending.answer(accounts.keys("pencil", other))

    def test_an_empty_identity(self) -> None:
        """A token belongs to somebody."""
        with self.assertRaises(sasl.StateError):
            request(sasl.CheckToken).answer("")

    def test_an_unknown_kind_takes_a_bool(self) -> None:
        """A request of a mechanism of one's own fails closed."""

        class CheckCode(sasl.Request):
            """Is this the one-time code?"""

            __slots__ = __match_args__ = ("code",)
            _denial = False

        for answer in (1, "true", None, b""):
            self.assertFalse(CheckCode()._fits(answer))
        self.assertTrue(CheckCode()._fits(True))


class ReasonTest(unittest.TestCase):
    """One value for each different answer on the wire."""

    def test_the_values_of_the_contract(self) -> None:
        """They stay."""
        names = {reason.name for reason in sasl.Reason}
        self.assertLessEqual(
            {"BAD_CREDENTIALS", "NOT_AUTHORIZED", "MALFORMED", "ABORTED", "TOO_WEAK"}
            | {"ENCRYPTION_NEEDED", "PASSWORD_EXPIRED", "TRANSITION_NEEDED"}
            | {"TOO_LONG", "UNAVAILABLE"},
            names,
        )

    def test_refused_credentials_are_not_tried_again(self) -> None:
        """That is how accounts get locked."""
        for name in (
            "BAD_CREDENTIALS",
            "NOT_AUTHORIZED",
            "DISABLED",
            "PASSWORD_EXPIRED",
        ):
            self.assertFalse(sasl.Reason[name].try_another)
        for name in ("UNAVAILABLE", "TOO_WEAK", "ENCRYPTION_NEEDED"):
            self.assertTrue(sasl.Reason[name].try_another)


if __name__ == "__main__":
    unittest.main()
