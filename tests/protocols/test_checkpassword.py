"""checkpassword: what stands on descriptor 3, and what an exit code means."""

from __future__ import annotations

import unittest

import sasl_core as sasl
from sasl_core.protocols import checkpassword
from sasl_core.protocols.checkpassword import Input, Refused, Verified, read, write

from .._accounts import Application
from .._hypothesis import given, settings, st
from .test_saslauthd import shown


class Octets(unittest.TestCase):
    def test_written_and_read(self) -> None:
        self.assertEqual(write("tim", "tanstaaftanstaaf"), b"tim\0tanstaaftanstaaf\0\0")
        found = read(write("j\xfcrgen", "p\xe4ss", "<1@x>") + b"more\0still")
        self.assertEqual(found.username, "j\xfcrgen".encode())
        self.assertEqual(found.password, "p\xe4ss".encode())
        self.assertEqual(found.timestamp, b"<1@x>")
        self.assertEqual(found.rest, b"more\0still")
        self.assertNotIn("xa4ss", repr(found))

    def test_limits(self) -> None:
        longest = write("u", "p" * 508)
        self.assertEqual(len(longest), 512)
        self.assertEqual(len(read(longest).password), 508)
        with self.assertRaises(sasl.CredentialsError):
            write("u", "p" * 509)
        with self.assertRaises(sasl.ProtocolError):
            read(longest + b"\0")

    def test_what_cannot_be_written(self) -> None:
        for name, password, timestamp in (
            ("", "x", ""),
            ("u", "", ""),
            ("u\0v", "x", ""),
            ("u", "x\0y", ""),
            ("u", "x", "\0"),
            ("u", "\udcff", ""),
            ("", "s3cret", ""),
            ("u", "s3cret", "\0"),
            ("u", "s3cret" * 100, ""),
        ):
            with self.assertRaises(sasl.CredentialsError) as caught:
                write(name, password, timestamp)
            self.assertNotIn("s3cret", shown(caught.exception, "/checkpassword.py"))
        for octets in (b"tim\0s3cret", b"tim\0s3cret\0" + bytes(600)):
            with self.assertRaises(sasl.ProtocolError) as caught:
                read(octets)
            self.assertNotIn("s3cret", shown(caught.exception, "/checkpassword.py"))

    @settings(max_examples=60)
    @given(st.binary(max_size=40))
    def test_reading_raises_only_our_error(self, octets) -> None:
        try:
            found = read(octets)
        except sasl.ProtocolError:
            self.assertLess(octets.count(b"\0"), 2)
        else:
            self.assertTrue(octets.startswith(found.username + b"\0" + found.password))


class Program(unittest.TestCase):
    def outcome(self, name=b"user", password=b"pencil", **options) -> sasl.Event:
        given = Input(name, password, b"", b"")
        _, event = checkpassword.begin(given, **options)
        while isinstance(event, sasl.Request):
            event = Application().settle(event)
        return event

    def test_exit_codes(self) -> None:
        for event, code in (
            (self.outcome(), 0),
            (self.outcome(password=b"wrong"), 1),
            (self.outcome(name=b"nobody"), 1),
            (self.outcome(password=b""), 2),
            (self.outcome(name=b""), 2),
            (self.outcome(name=b"\xff"), 2),
            (self.outcome(policy=sasl.Policy(deny=["PLAIN"])), 2),
            (sasl.Failure(sasl.Reason.DISABLED), 1),
            (sasl.Failure(sasl.Reason.PASSWORD_EXPIRED), 1),
            (sasl.Failure(sasl.Reason.NOT_AUTHORIZED), 1),
            (sasl.Failure(sasl.Reason.UNAVAILABLE), 111),
            (sasl.Challenge(b""), 111),
        ):
            self.assertEqual(checkpassword.exit_code(event), code)

    def test_only_a_success_is_0(self) -> None:
        for reason in sasl.Reason:
            self.assertNotEqual(checkpassword.exit_code(sasl.Failure(reason)), 0)

    def test_facts(self) -> None:
        given = Input(b"user", b"pencil", b"", b"")
        exchange, request = checkpassword.begin(given, service="pop3", remote="::1")
        self.assertEqual(
            exchange.channel, sasl.Channel(True, service="pop3", remote="::1")
        )
        self.assertIsInstance(request, sasl.CheckPassword)


class Caller(unittest.TestCase):
    def test_verdicts(self) -> None:
        self.assertEqual(
            checkpassword.verdict("tim", 0), Verified(sasl.Identity("tim"))
        )
        self.assertIs(
            checkpassword.verdict("tim", 1).reason, sasl.Reason.BAD_CREDENTIALS
        )
        for code in (2, 3, 100, 111, 127, 255, -9, -15):
            found = checkpassword.verdict("tim", code)
            self.assertIsInstance(found, Refused)
            self.assertIs(found.reason, sasl.Reason.UNAVAILABLE)


if __name__ == "__main__":
    unittest.main()
