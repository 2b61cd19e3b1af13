"""AMQPLAIN: a table of two fields, and no other."""

from __future__ import annotations

import unittest
from typing import Any

import sasl_core as sasl
from sasl_core import profiles

from .. import _accounts as accounts

NAME = "AMQPLAIN"
LOGIN = b"\x05LOGINS\0\0\0\x04user"
PASSWORD = b"\x08PASSWORDS\0\0\0\x06pencil"


def served(message: bytes) -> Any:
    """Return what a server makes of a message."""
    return accounts.make_server(NAME, profile=profiles.RAW).start(message)


class TableTest(unittest.TestCase):
    """What is written, and what is read."""

    def test_what_is_written(self) -> None:
        """As amqp, of Python, and RabbitMQ's own client write it."""
        client = accounts.make_client(NAME, profile=profiles.RAW)
        self.assertEqual(client.start(), LOGIN + PASSWORD)
        client.finish()

    def test_any_order(self) -> None:
        """It is a table."""
        for message in (LOGIN + PASSWORD, PASSWORD + LOGIN):
            asked = accounts.question(served(message))
            self.assertEqual(asked, (sasl.CheckPassword, "user", "pencil", None))

    def test_what_is_none(self) -> None:
        """A field too few or too many, twice, of another type, cut, too long."""
        whole = LOGIN + PASSWORD
        for message in (
            *(whole[:size] for size in range(len(whole))),
            whole + b"\0",
            whole + LOGIN,
            LOGIN + LOGIN,
            LOGIN + PASSWORD.replace(b"PASS", b"pass"),
            LOGIN + PASSWORD.replace(b"DS", b"Ds"),
            LOGIN + PASSWORD.replace(b"\x06p", b"\x07p"),
            LOGIN + PASSWORD.replace(b"S\0\0", b"S\xff\xff"),
            len(whole).to_bytes(4)
            + whole,  # with its length, as in a method's arguments
            b"\0user\0pencil",
        ):
            with self.subTest(message):
                self.assertIs(served(message).reason, sasl.Reason.MALFORMED)

    def test_names_and_passwords(self) -> None:
        """Empty ones, and NULs, come to nobody."""
        empty = b"\x08PASSWORDS\0\0\0\0"
        for message in (
            LOGIN + empty,
            b"\x05LOGINS\0\0\0\0" + PASSWORD,
            LOGIN.replace(b"user", b"us\0r") + PASSWORD,
            LOGIN.replace(b"user", "us\u0221".encode()) + PASSWORD,  # not assigned
        ):
            self.assertIs(served(message).reason, sasl.Reason.MALFORMED)


if __name__ == "__main__":
    unittest.main()
