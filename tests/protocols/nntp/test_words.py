"""Replies, read and written, and the reason behind a code (RFC 3977, RFC 4643)."""

from __future__ import annotations

import unittest

import sasl_core as sasl
from sasl_core import Reason, profiles
from sasl_core.protocols.nntp import Reply, reason_of
from sasl_core.protocols.nntp._words import ReplyBuffer


class Writing(unittest.TestCase):
    def test_each_form(self) -> None:
        for reply, octets in (
            (Reply(281, "Yes"), b"281 Yes\r\n"),
            (Reply(383, "="), b"383 =\r\n"),
            (Reply(0), b""),
            (Reply(101, "List", body=b""), b"101 List\r\n.\r\n"),
            (Reply(101, "x", body=b"a\r\nb\r\n"), b"101 x\r\na\r\nb\r\n.\r\n"),
            (Reply(220, "x", body=b".\r\n..b"), b"220 x\r\n..\r\n...b\r\n.\r\n"),
            (Reply(220, "x", body=b"a\r\n\r\n"), b"220 x\r\na\r\n\r\n.\r\n"),
        ):
            with self.subTest(octets):
                self.assertEqual(bytes(reply), octets)

    def test_what_cannot_be(self) -> None:
        for code, text in ((99, ""), (600, ""), (-1, ""), (200, "a\r\nb"), (200, "\0")):
            with self.subTest(code, text=text), self.assertRaises(ValueError):
                Reply(code, text)


class Reading(unittest.TestCase):
    def read(self, octets: bytes) -> object:
        buffer = ReplyBuffer()
        buffer.feed(octets)
        return buffer.next()

    def test_each_form(self) -> None:
        for octets, found in (
            (b"200 x\r\n", (200, b"x", [])),
            (b"200\n", (200, b"", [])),
            (b"383 =\r\n", (383, b"=", [])),
            (b"101 x\r\nA\r\n..B\r\n.\r\n", (101, b"x", [b"A", b".B"])),
            (b"101 x\r\nA\r\n", None),
            (b"20", None),
        ):
            with self.subTest(octets):
                self.assertEqual(self.read(octets), found)

    def test_what_is_none(self) -> None:
        for octets in (b"\r\n", b"20\r\n", b"2000 x\r\n", b"200-x\r\n", b"OK\r\n"):
            with self.subTest(octets), self.assertRaises(sasl.ProtocolError):
                self.read(octets)

    def test_an_endless_list(self) -> None:
        with self.assertRaises(sasl.ProtocolError):
            self.read(b"101 x\r\n" + b"A\r\n" * 30_000)
        with self.assertRaises(sasl.ProtocolError):
            self.read(b"101 " + b"x" * 70_000)


class Reasons(unittest.TestCase):
    def test_each_code(self) -> None:
        known = {
            400: Reason.UNAVAILABLE,
            403: Reason.UNAVAILABLE,
            482: Reason.MALFORMED,
            483: Reason.ENCRYPTION_NEEDED,
            500: Reason.UNSUPPORTED,
            501: Reason.MALFORMED,
            503: Reason.UNSUPPORTED,
        }
        for code in range(400, 600):
            with self.subTest(code):
                expected = known.get(code, Reason.BAD_CREDENTIALS)
                self.assertIs(reason_of(code), expected)

    def test_each_reason_of_ours(self) -> None:
        # A code stands for more than one reason.
        meant = {
            Reason.MALFORMED: Reason.MALFORMED,
            Reason.UNEXPECTED_INITIAL: Reason.MALFORMED,
            Reason.TOO_LONG: Reason.MALFORMED,
            Reason.TOO_WEAK: Reason.ENCRYPTION_NEEDED,
            Reason.ENCRYPTION_NEEDED: Reason.ENCRYPTION_NEEDED,
            Reason.UNSUPPORTED: Reason.UNSUPPORTED,
            Reason.UNAVAILABLE: Reason.UNAVAILABLE,
        }
        for reason in Reason:
            code = int(profiles.NNTP.reply(reason)[:3])
            with self.subTest(reason):
                expected = meant.get(reason, Reason.BAD_CREDENTIALS)
                self.assertIs(reason_of(code), expected)
