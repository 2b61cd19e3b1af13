"""XOAUTH2 (Google, Microsoft)."""

from __future__ import annotations

import json
import unittest

import sasl_core as sasl

from .. import _accounts as accounts
from ._both import client, reason, server

HAS = {"username": "someuser@example.com", "token": "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhd"}
MESSAGE = (
    b"user=someuser@example.com\x01auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckBhdHRhd\x01\x01"
)


class ClientTest(unittest.TestCase):
    """One message; the error challenge gets an empty answer."""

    def test_the_message(self) -> None:
        """As Google documents it."""
        self.assertEqual(client("XOAUTH2", HAS).start(), MESSAGE)

    def test_the_authzid_is_the_user(self) -> None:
        """Shared mailboxes are opened so."""
        one = client("XOAUTH2", HAS | {"authzid": "shared@example.com"})
        self.assertTrue(one.start().startswith(b"user=shared@example.com\x01"))

    def test_what_could_inject(self) -> None:
        """A %x01 in the name, anything odd in the token."""
        for field, text in (
            ("username", "a\x01auth=Bearer x"),
            ("username", "a\0"),
            ("token", "a\x01"),
            ("token", "a b"),
        ):
            with self.subTest(field), self.assertRaises(sasl.CredentialsError):
                client("XOAUTH2", HAS | {field: text})

    def test_the_error_challenge(self) -> None:
        """Google's form of it."""
        one = client("XOAUTH2")
        one.start()
        said = b'{"status":"401","schemes":"bearer","scope":"https://mail.google.com/"}'
        self.assertEqual(one.step(said), b"")
        error = one.refused(sasl.Reason.BAD_CREDENTIALS)
        self.assertEqual(
            error.token_error, sasl.TokenError("401", "https://mail.google.com/")
        )


class ServerTest(unittest.TestCase):
    """Two fields in their order."""

    def test_the_question(self) -> None:
        """A user and a token."""
        request = server("XOAUTH2").start(MESSAGE)
        self.assertEqual(
            accounts.question(request),
            (sasl.CheckToken, HAS["token"], HAS["username"], None, None),
        )

    def test_malformed(self) -> None:
        """Order, separators, scheme, empty fields."""
        for message in (
            b"",
            b"user=u",
            b"user=u|auth=Bearer x",
            b"user=u|auth=Bearer x|",
            b"user=u|auth=Bearer x|||",
            b"auth=Bearer x|user=u||",
            b"user=|auth=Bearer x||",
            b"user=u|auth=||",
            b"user=u|auth=Basic x||",
            b"user=u|auth=Bearer a b||",
            b"user=\xff|auth=Bearer x||",
            b"User=u|auth=Bearer x||",
            b"user=u|x=y|auth=Bearer x||",
        ):
            event = server("XOAUTH2").start(message.replace(b"|", b"\x01"))
            with self.subTest(message):
                self.assertIs(reason(event), sasl.Reason.MALFORMED)

    def test_the_error_challenge(self) -> None:
        """A status in digits and the schemes, as clients of Google know it."""
        one = server("XOAUTH2")
        challenge = one.start(MESSAGE).deny()
        said = json.loads(challenge.data)
        self.assertEqual(said["status"], "401")
        self.assertEqual(said["schemes"], "bearer")
        self.assertIs(reason(one.step(b"")), sasl.Reason.BAD_CREDENTIALS)


if __name__ == "__main__":
    unittest.main()
