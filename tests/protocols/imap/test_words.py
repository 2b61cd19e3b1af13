"""Tags, strings, literals, capabilities and response codes."""

from __future__ import annotations

import unittest

from sasl_core import Reason
from sasl_core.profiles import IMAP
from sasl_core.protocols._quoted import is_quotable, quoted
from sasl_core.protocols.imap import mechanisms, reason_of, response_code
from sasl_core.protocols.imap._client import capabilities, takes_initial
from sasl_core.protocols.imap._words import (
    Command,
    CommandBuffer,
    Malformed,
    Reply,
    literal_size,
    split_tag,
    two_strings,
)

from ..._hypothesis import given, settings, st


class Tags(unittest.TestCase):
    def test_right(self) -> None:
        self.assertEqual(split_tag(b"a1 NOOP x"), ("a1", b"NOOP x"))
        self.assertEqual(split_tag(b"a.b-]:/ NOOP"), ("a.b-]:/", b"NOOP"))
        self.assertEqual(split_tag(b"a "), ("a", b""))

    def test_wrong(self) -> None:
        for line in (b"", b"a1", b" NOOP", b"+ NOOP", b"* NOOP", b"a+ x", b"\xff x"):
            with self.subTest(line), self.assertRaises(Malformed):
                split_tag(line)
        with self.assertRaises(Malformed):
            split_tag(b"a" * 65 + b" NOOP")


class Literals(unittest.TestCase):
    def test_announced(self) -> None:
        for line, found in {
            b"a {3}": (3, True),
            b"a {3+}": (3, False),
            b"a {0}": (0, True),
            b"a {003+}": (3, False),
            b"~{5}": (5, True),
            b"{1}{2}": (2, True),
        }.items():
            with self.subTest(line):
                self.assertEqual(literal_size(line), found)

    def test_not_announced(self) -> None:
        for line in (
            b"",
            b"{3",
            b"3}",
            b"{}",
            b"{+}",
            b"{-3}",
            b"{3-}",
            b"{3} ",
            b"{ 3}",
        ):
            with self.subTest(line):
                self.assertIsNone(literal_size(line))

    def test_a_size_beyond_any_number_is_a_size(self) -> None:
        size, waits = literal_size(b"{" + b"9" * 5000 + b"+}")
        self.assertGreater(size, 2**63)
        self.assertFalse(waits)

    def test_they_come_out_whole(self) -> None:
        buffer = CommandBuffer(64)
        buffer.feed(b"a {5}\r\n\r\n")
        self.assertEqual(buffer.next(), b"a {5}\r\n")
        buffer.expect(5)
        self.assertIsNone(buffer.next())
        self.assertTrue(buffer.pending)
        buffer.feed(b"\0\n\rb\r\n")
        self.assertEqual(buffer.next(), b"\r\n\0\n\r")
        self.assertEqual(buffer.next(), b"b\r\n")
        self.assertFalse(buffer.pending)

    def test_an_empty_one(self) -> None:
        buffer = CommandBuffer(64)
        buffer.expect(0)
        self.assertEqual(buffer.next(), b"")
        self.assertIsNone(buffer.next())


class Strings(unittest.TestCase):
    def test_right(self) -> None:
        for text, found in {
            b"user pencil": (b"user", b"pencil"),
            b'"us er" "a\\"b\\\\c"': (b"us er", b'a"b\\c'),
            b'"" a]': (b"", b"a]"),
            b'{4}\r\nu"\r\n {2+}\r\n\xc3\xbc': (b'u"\r\n', b"\xc3\xbc"),
            b'"\xc3\xbc" x': (b"\xc3\xbc", b"x"),
            b'{0}\r\n ""': (b"", b""),
        }.items():
            with self.subTest(text):
                self.assertEqual(two_strings(text), found)

    def test_wrong(self) -> None:
        for text in (
            b"",
            b"user",
            b"user ",
            b" user pencil",
            b"user  pencil",
            b"user pencil ",
            b"user pencil x",
            b'"user pencil',
            b'"user"pencil',
            b'"us\\er" x',
            b'"user\\',
            b'user "a',
            b'"a\r\nb" x',
            b"us(er x",
            b"us\xc3\xbcr x",
            b'"us\0er" x',
            b"{4}\r\nus\0r x",
            b"{4}user x",
            b"{9}\r\nuser x",
            b"{4\r\nuser x",
            b"{-4}\r\nuser x",
            b"NIL",
        ):
            with self.subTest(text), self.assertRaises(Malformed):
                two_strings(text)

    @given(st.binary(max_size=12).filter(is_quotable), st.binary(max_size=12))
    @settings(max_examples=50)
    def test_there_and_back(self, first: bytes, second: bytes) -> None:
        second = second.replace(b"\0", b"")
        text = quoted(first) + b" {%d}\r\n%b" % (len(second), second)
        self.assertEqual(two_strings(text), (first, second))

    @given(st.binary(max_size=40))
    @settings(max_examples=100)
    def test_nothing_else_is_raised(self, text: bytes) -> None:
        try:
            found = two_strings(text)
        except Malformed as error:
            self.assertTrue(str(error).isprintable())
        else:
            self.assertNotIn(0, b"".join(found))


class Capabilities(unittest.TestCase):
    def test_from_responses(self) -> None:
        for response in (
            b"CAPABILITY IMAP4rev1 auth=plain",
            b"OK [CAPABILITY IMAP4rev1 auth=plain] ready",
            b"ok [capability IMAP4rev1  auth=plain] ready",
        ):
            with self.subTest(response):
                found = capabilities([b"OK x", response, b"NO [CAPABILITY no] x"])
                self.assertEqual(found, ("IMAP4REV1", "AUTH=PLAIN"))

    def test_the_last_word_counts(self) -> None:
        self.assertEqual(capabilities([b"CAPABILITY A", b"CAPABILITY B"]), ("B",))

    def test_nothing_said(self) -> None:
        said = [b"", b"OK", b"OK done", b"FLAGS ()", b"\xff\xfe"]
        self.assertEqual(capabilities(said), ())

    def test_a_long_list(self) -> None:
        # Cyrus IMAP says its mechanisms behind 700 octets of other words.
        words = b" ".join(b"EXTENSION-%d" % i for i in range(200))
        found = capabilities([b"CAPABILITY " + words + b" AUTH=PLAIN"])
        self.assertEqual(mechanisms(found), ("PLAIN",))

    def test_mechanisms(self) -> None:
        words = ("IMAP4rev1", "Auth=plain", "AUTH=PLAIN", "AUTH=", "auth=SCRAM-SHA-1")
        self.assertEqual(mechanisms(words), ("PLAIN", "SCRAM-SHA-1"))

    def test_initial_responses(self) -> None:
        self.assertTrue(takes_initial(["sasl-ir"]))
        self.assertTrue(takes_initial(["IMAP4rev2"]))
        self.assertFalse(takes_initial(["IMAP4rev1", "AUTH=PLAIN"]))


# RFC 5530, section 3, and what is said of none of them.
REASONS = {
    "NO [UNAVAILABLE] x": Reason.UNAVAILABLE,
    "NO [AUTHENTICATIONFAILED] x": Reason.BAD_CREDENTIALS,
    "NO [AUTHORIZATIONFAILED] x": Reason.NOT_AUTHORIZED,
    "NO [EXPIRED] x": Reason.PASSWORD_EXPIRED,
    "NO [PRIVACYREQUIRED] x": Reason.ENCRYPTION_NEEDED,
    "NO [CONTACTADMIN] x": Reason.DISABLED,
    "NO [NOPERM] x": Reason.NOT_AUTHORIZED,
    "NO [INUSE] x": Reason.UNAVAILABLE,
    "NO [CORRUPTION] x": Reason.UNAVAILABLE,
    "NO [SERVERBUG] x": Reason.UNAVAILABLE,
    "NO [CLIENTBUG] x": Reason.MALFORMED,
    "NO [CANNOT] x": Reason.UNSUPPORTED,
    "NO [LIMIT] x": Reason.UNAVAILABLE,
    "NO [unavailable text] x": Reason.UNAVAILABLE,
    "NO [ALERT] Application-specific password required": Reason.BAD_CREDENTIALS,
    "NO [WEBALERT https://example.org] x": Reason.BAD_CREDENTIALS,
    "NO AUTHENTICATE failed.": Reason.BAD_CREDENTIALS,
    "NO ": Reason.BAD_CREDENTIALS,
    "NO [UNAVAILABLE": Reason.UNAVAILABLE,
    "BAD [AUTHENTICATIONFAILED] x": Reason.BAD_CREDENTIALS,
    "BAD x": Reason.MALFORMED,
    "BYE x": Reason.UNAVAILABLE,
    "BYE [AUTHENTICATIONFAILED] x": Reason.BAD_CREDENTIALS,
}


class Reasons(unittest.TestCase):
    def test_from_a_response(self) -> None:
        for response, reason in REASONS.items():
            condition, _, text = response.partition(" ")
            with self.subTest(response):
                self.assertIs(reason_of(condition, text), reason)

    def test_codes(self) -> None:
        self.assertEqual(
            response_code("[Referral imap://x] y"), ("REFERRAL", "imap://x")
        )
        self.assertEqual(response_code("x [ALERT] y"), ("", ""))

    def test_there_and_back(self) -> None:
        # What IMAP has no word for, and what it stands for then.
        poorer = {
            Reason.UNEXPECTED_INITIAL: Reason.MALFORMED,
            Reason.ABORTED: Reason.MALFORMED,
            Reason.TOO_LONG: Reason.MALFORMED,
            Reason.TOO_WEAK: Reason.BAD_CREDENTIALS,
            Reason.TRANSITION_NEEDED: Reason.DISABLED,
        }
        for reason in Reason:
            condition, _, text = IMAP.reply(reason).partition(" ")
            with self.subTest(reason):
                self.assertIn(condition, ("NO", "BAD"))
                self.assertIs(reason_of(condition, text), poorer.get(reason, reason))


class Answers(unittest.TestCase):
    def test_what_a_command_makes(self) -> None:
        command = Command("a1", "STATUS", b"INBOX (MESSAGES)")
        self.assertEqual(
            bytes(command.ok("Done", "STATUS INBOX (MESSAGES 0)")),
            b"* STATUS INBOX (MESSAGES 0)\r\na1 OK Done\r\n",
        )
        self.assertEqual(bytes(command.no("[CANNOT] No")), b"a1 NO [CANNOT] No\r\n")
        self.assertEqual(bytes(command.bad("What?")), b"a1 BAD What?\r\n")
        self.assertTrue(command.ok(close=True).close)

    def test_no_line_in_a_line(self) -> None:
        with self.assertRaises(ValueError):
            Reply("a1 OK\r\na2 OK")
        with self.assertRaises(ValueError):
            Command("a1", "NOOP").no("x\n")
