"""X-OAUTH2: PLAIN with a token."""

from __future__ import annotations

import unittest
from typing import Any

import sasl_core as sasl
from sasl_core import profiles

from .. import _accounts as accounts

NAME = "X-OAUTH2"


def served(message: bytes) -> Any:
    """Return what a server makes of a message."""
    return accounts.make_server(NAME, profile=profiles.RAW).start(message)


class MessageTest(unittest.TestCase):
    """What is written, read, and refused."""

    def test_what_is_written(self) -> None:
        """With an authzid, and without."""
        for authzid in ("", "boss"):
            mine = sasl.Credentials("user", token="tok", authzid=authzid)
            client = accounts.make_client(NAME, credentials=mine, profile=profiles.RAW)
            self.assertEqual(client.start(), authzid.encode() + b"\0user\0tok")
            client.finish()

    def test_who_it_is(self) -> None:
        """Whose token it is, says the application; who he is to be, the client."""
        for sent, owner, expected in (
            (b"\0user\0tok", "user", sasl.Identity("user")),
            (b"user\0user\0tok", "user", sasl.Identity("user")),
            (b"boss\0user\0tok", "user", (sasl.Authorize, "user", "boss")),
            (b"\0user\0tok", "other", (sasl.Authorize, "other", "user")),
        ):
            request = served(sent)
            asked = (sasl.CheckToken, "tok", "user", None, None)
            self.assertEqual(accounts.question(request), asked)
            event = request.answer(owner)
            with self.subTest(sent, owner=owner):
                if isinstance(expected, tuple):
                    self.assertEqual(accounts.question(event), expected)
                else:
                    self.assertEqual(event.identity, expected)

    def test_a_refusal_is_one(self) -> None:
        """There is no challenge to say why."""
        event = served(b"\0user\0tok").answer(sasl.TokenError("invalid_token", "mail"))
        self.assertIs(event.reason, sasl.Reason.BAD_CREDENTIALS)
        self.assertEqual(served(b"\0user\0tok").deny(), event)

    def test_what_is_none(self) -> None:
        """NULs, names and tokens that are missing, or no such thing."""
        for message in (
            b"",
            b"\0user",
            b"\0\0tok",
            b"\0user\0",
            b"\0user\0to k",
            b"\0user\0tok\0",
            b"\0us\xffer\0tok",
        ):
            with self.subTest(message):
                self.assertIs(served(message).reason, sasl.Reason.MALFORMED)

    def test_only_by_name(self) -> None:
        """It is what OAUTHBEARER has replaced."""
        with self.assertRaises(sasl.NoMechanism):
            sasl.server(NAME, channel=sasl.Channel(True))


if __name__ == "__main__":
    unittest.main()
