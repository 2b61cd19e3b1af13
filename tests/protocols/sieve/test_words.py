"""Responses, read and written, and the reason behind a NO (RFC 5804, 1.2 and 1.3)."""

from __future__ import annotations

import unittest

from sasl_core import Reason, profiles
from sasl_core._strict import Malformed
from sasl_core.protocols.sieve import Reply, read_reply, reason_of, response_code

WRITTEN = (
    (Reply("OK"), b"OK\r\n"),
    (Reply("OK", "Done"), b'OK "Done"\r\n'),
    (Reply("NO", 'a "b"\r\nc'), b'NO {8}\r\na "b"\r\nc\r\n'),
    (Reply("OK", code=("SASL", b"dj0=")), b'OK (SASL "dj0=")\r\n'),
    (Reply("OK", "x", code=("TAG", b"1")), b'OK (TAG "1") "x"\r\n'),
    (Reply("NO", code=("QUOTA/MAXSIZE",)), b"NO (QUOTA/MAXSIZE)\r\n"),
    (Reply("BYE", "x", close=True), b'BYE "x"\r\n'),
    (Reply("", lines=[(b"",)]), b'""\r\n'),
    (
        Reply("OK", lines=[(b"main", "ACTIVE"), (b"a\r\n",)]),
        b'"main" ACTIVE\r\n{3}\r\na\r\n\r\nOK\r\n',
    ),
)


class Writing(unittest.TestCase):
    def test_each_form(self) -> None:
        for reply, octets in WRITTEN:
            with self.subTest(octets):
                self.assertEqual(bytes(reply), octets)

    def test_what_cannot_be(self) -> None:
        for arguments in (("YES",), ("ok",), ("OK (X)",)):
            with self.subTest(arguments), self.assertRaises(ValueError):
                Reply(*arguments)
        for atom in ("", "a b", 'a"b', "a\r\nb", "(", "ü", "1"):
            with self.subTest(atom), self.assertRaises(ValueError):
                Reply("OK", code=(atom,))
            with self.subTest(atom), self.assertRaises(ValueError):
                Reply("OK", lines=[(b"x", atom)])


class Reading(unittest.TestCase):
    def test_what_was_written(self) -> None:
        for reply, octets in WRITTEN:
            if reply.condition and not reply.lines:
                with self.subTest(octets):
                    found = read_reply(octets[:-2])
                    self.assertEqual(found, reply.replace(close=False))

    def test_any_case_and_nested_codes(self) -> None:
        reply = read_reply(b'no (x-y 1 ("a)" (b)) {2}\r\n)() "t\xff"')
        self.assertEqual(reply.condition, "NO")
        self.assertEqual(reply.code, ("x-y", 1, b"a)", "b", b")("))
        self.assertEqual(reply.text, "t\ufffd")
        self.assertEqual(response_code(reply), "X-Y")

    def test_a_line_of_strings_is_none(self) -> None:
        self.assertIsNone(read_reply(b'"OK"'))
        self.assertIsNone(read_reply(b"{2}\r\nOK"))

    def test_malformed(self) -> None:
        for text in (
            b"",
            b"OKAY",
            b"FINE",
            b"1",
            b"OK ",
            b"OK x",
            b'OK "x" ',
            b'OK "x" "y"',
            b"OK (X",
            b"OK (X))",
            b"OK (X)y",
            b'OK (X) (Y) "x"',
            b"OK (" + b"(" * 5000,
            b'OK "x',
            b"* OK",
        ):
            with self.subTest(text[:20]), self.assertRaises(Malformed):
                read_reply(text)


class Reasons(unittest.TestCase):
    def test_each_code(self) -> None:
        for text, reason in (
            (b"NO", Reason.BAD_CREDENTIALS),
            (b'NO "Authentication failed."', Reason.BAD_CREDENTIALS),
            (b"NO (X-NEW)", Reason.BAD_CREDENTIALS),
            (b"NO (AUTH-TOO-WEAK)", Reason.TOO_WEAK),
            (b"NO (auth-too-weak)", Reason.TOO_WEAK),
            (b"NO (ENCRYPT-NEEDED)", Reason.ENCRYPTION_NEEDED),
            (b"NO (TRANSITION-NEEDED)", Reason.TRANSITION_NEEDED),
            (b"NO (TRYLATER)", Reason.UNAVAILABLE),
            (b"BYE (TRYLATER)", Reason.UNAVAILABLE),
            (b'BYE (REFERRAL "sieve://b.example")', Reason.UNAVAILABLE),
            (b"BYE", Reason.UNAVAILABLE),
        ):
            with self.subTest(text):
                self.assertIs(reason_of(read_reply(text)), reason)

    def test_each_reason_of_ours_is_read_as_it_was_meant(self) -> None:
        # What has no code of its own is a no to the credentials.
        told = {
            Reason.TOO_WEAK,
            Reason.ENCRYPTION_NEEDED,
            Reason.TRANSITION_NEEDED,
            Reason.UNAVAILABLE,
        }
        for reason in Reason:
            reply = read_reply(profiles.MANAGESIEVE.reply(reason).encode())
            expected = reason if reason in told else Reason.BAD_CREDENTIALS
            with self.subTest(reason):
                self.assertIs(reason_of(reply), expected)
