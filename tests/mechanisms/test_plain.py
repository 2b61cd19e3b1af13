"""PLAIN (RFC 4616)."""

from __future__ import annotations

import unittest

import sasl_core as sasl

from .. import _accounts as accounts
from .._hypothesis import given, st
from ._both import client, reason, server

_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


class ClientTest(unittest.TestCase):
    """One message with everything in it."""

    def test_the_examples_of_the_rfc(self) -> None:
        """Section 4: with an authzid and without."""
        has = {"username": "tim", "password": "tanstaaftanstaaf"}
        self.assertEqual(client("PLAIN", has).start(), b"\0tim\0tanstaaftanstaaf")
        has = {"authzid": "Ursel", "username": "Kurt", "password": "xipj3plmq"}
        self.assertEqual(client("PLAIN", has).start(), b"Ursel\0Kurt\0xipj3plmq")

    def test_what_it_cannot_carry(self) -> None:
        """A NUL in any field, a lone surrogate."""
        for field in ("username", "password", "authzid"):
            for text in ("a\0b", "\0", "\ud800"):
                has = {"username": "u", "password": "p"} | {field: text}
                refused = self.assertRaises(sasl.CredentialsError)
                with self.subTest(field, text=ascii(text)), refused:
                    client("PLAIN", has)


class ServerTest(unittest.TestCase):
    """Three fields, two NULs."""

    def test_the_question(self) -> None:
        """The password is as it was sent."""
        request = server("PLAIN").start("boss\0user\0pä=,".encode())
        self.assertEqual(
            accounts.question(request), (sasl.CheckPassword, "user", "pä=,", None)
        )
        self.assertEqual(
            accounts.question(request.answer(True)), (sasl.Authorize, "user", "boss")
        )

    def test_malformed(self) -> None:
        """NULs too few and too many, empty fields, bad text."""
        for message in (
            b"",
            b"user",
            b"user\0pencil",
            b"\0user\0pencil\0",
            b"\0\0",
            b"\0user\0",
            b"\0\0pencil",
            b"boss\0\0pencil",
            b"\0us\xffer\0pencil",
            b"\0user\0\xc0\x80",
            b"\xed\xa0\x80\0user\0pencil",
            b"\0user\0" + b"p" * 5000,
            b"\0" + b"u" * 2000 + b"\0pencil",
        ):
            with self.subTest(message[:30]):
                event = server("PLAIN").start(message)
                self.assertIs(reason(event), sasl.Reason.MALFORMED)

    @given(_TEXT, _TEXT, _TEXT)
    def test_fields_do_not_mix(
        self, authzid: str, username: str, password: str
    ) -> None:
        """What is asked was a field, prepared at most; nothing moves over a NUL."""
        message = f"{authzid}\0{username}\0{password}".encode()
        event = server("PLAIN", prepare=False).start(message)
        if isinstance(event, sasl.CheckPassword):
            self.assertEqual((event.username, event.password), (username, password))
        else:
            self.assertIs(reason(event), sasl.Reason.MALFORMED)

    def test_new_code_points(self) -> None:
        """No account is made of what Unicode 3.2 did not know; a password may be."""
        event = server("PLAIN").start("\0us\u0221er\0pencil".encode())
        self.assertIs(reason(event), sasl.Reason.MALFORMED)
        event = server("PLAIN").start("\0user\0\u0221".encode())
        self.assertIsInstance(event, sasl.CheckPassword)


if __name__ == "__main__":
    unittest.main()
