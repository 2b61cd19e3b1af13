"""Replies, written and read, and the reason behind a refusal."""

from __future__ import annotations

import contextlib
import unittest

import sasl_core as sasl
from sasl_core import Reason, profiles
from sasl_core.protocols.smtp import Command, Reply, reason_of
from sasl_core.protocols.smtp._words import ReplyBuffer

from ..._hypothesis import given, st

# What servers were heard to say to AUTH.
REAL = {
    Reason.BAD_CREDENTIALS: [
        "535 5.7.8 Error: authentication failed: (reason unavailable)",  # Postfix
        "535 5.7.8 Error: authentication failed: Invalid authentication mechanism",
        "535 Incorrect authentication data",  # Exim
        "535 5.7.8 Authentication failed.",  # Dovecot
        "535 5.7.8 Username and Password not accepted",  # Google
        "534 5.7.14 Please log in with your web browser",
        "535 5.7.3 Authentication unsuccessful",  # Exchange
        "535 5.7.139 Authentication unsuccessful, basic authentication is disabled.",
        "554 5.7.1 Access denied",
        "553 Initial data not expected",
    ],
    Reason.ENCRYPTION_NEEDED: [
        "530 5.7.0 Must issue a STARTTLS command first",  # Postfix
        "538 5.7.11 Encryption required for requested authentication mechanism",
    ],
    Reason.UNAVAILABLE: [
        "454 4.7.0 Temporary authentication failure: generic failure",  # Postfix
        "421 4.7.0 Too many errors",
        "451 4.3.0 Try again",
    ],
    Reason.TOO_LONG: ["500 5.5.6 SASL response limit exceeded"],  # Postfix
    Reason.MALFORMED: [
        "503 5.5.1 Error: MAIL transaction in progress",  # Postfix
        "503 5.5.1 Error: already authenticated",
        "503 AUTH command used when not advertised",  # Exim
        "500 5.5.2 Line too long",  # Dovecot
        "501 5.5.2 Invalid base64 data in initial response",
    ],
    Reason.UNSUPPORTED: [
        "504 X-NO-SUCH authentication mechanism not supported",  # Exim
        "504 5.5.4 Unsupported authentication mechanism.",  # Dovecot
        "500 unrecognized command",
        "502 5.5.1 Not implemented",
    ],
    Reason.TOO_WEAK: ["534 5.7.9 Application-specific password required"],  # Google
    Reason.TRANSITION_NEEDED: [
        "432 4.7.12 A password transition is needed",
        "432 transition",
    ],
}


class Replies(unittest.TestCase):
    def test_one_line(self) -> None:
        self.assertEqual(bytes(Reply(250, "2.0.0 Ok")), b"250 2.0.0 Ok\r\n")

    def test_several_lines(self) -> None:
        self.assertEqual(bytes(Reply(250, "a", "b")), b"250-a\r\n250 b\r\n")

    def test_an_empty_text_keeps_its_space(self) -> None:
        # RFC 4954, section 4.1: "there is a space after 334".
        self.assertEqual(bytes(Reply(334, "")), b"334 \r\n")
        self.assertEqual(bytes(Reply(334)), b"334 \r\n")

    def test_no_text_breaks_the_line(self) -> None:
        for text in ("a\r\n250 b", "a\n", "\r", "\0", "\x1b[2J", "\x7f", "é", "\x85"):
            with self.subTest(text), self.assertRaises(ValueError):
                Reply(250, text)

    def test_the_code_is_a_reply_code(self) -> None:
        for code in (0, 99, 100, 199, 600, 1000, -1):
            with self.subTest(code), self.assertRaises(ValueError):
                Reply(code, "x")

    def test_values(self) -> None:
        self.assertEqual(Reply(250, "a"), Reply(250, "a"))
        self.assertNotEqual(Reply(250, "a"), Reply(250, "a", close=True))
        with self.assertRaises(AttributeError):
            Reply(250, "a").code = 251
        match Command("MAIL", b"FROM:<>", ""):
            case Command("MAIL", argument, auth):
                self.assertEqual((argument, auth), (b"FROM:<>", ""))


class ReplyBuffers(unittest.TestCase):
    def read(self, *pieces: bytes, limit: int = 65536) -> list:
        buffer = ReplyBuffer(limit)
        found = []
        for piece in pieces:
            buffer.feed(piece)
            while (reply := buffer.next()) is not None:
                found.append(reply)
        return found

    def test_one_line(self) -> None:
        self.assertEqual(self.read(b"220 a b\r\n"), [(220, [b"a b"])])

    def test_without_text(self) -> None:
        self.assertEqual(self.read(b"334\r\n"), [(334, [b""])])
        self.assertEqual(self.read(b"334 \r\n"), [(334, [b""])])

    def test_several_lines_in_pieces(self) -> None:
        pieces = [b"250-", b"a\r", b"\n250 b\r\n", b"235 c\r\n"]
        self.assertEqual(self.read(*pieces), [(250, [b"a", b"b"]), (235, [b"c"])])

    def test_a_lone_lf_is_taken(self) -> None:
        self.assertEqual(self.read(b"250-a\n250 b\n"), [(250, [b"a", b"b"])])

    def test_what_is_no_reply(self) -> None:
        for line in (
            b"\r\n",
            b"25\r\n",
            b"25x a\r\n",
            b"250_a\r\n",
            b" 250 a\r\n",
            b"\xb2\xb2\xb2 \r\n",
        ):
            with self.subTest(line), self.assertRaises(sasl.ProtocolError):
                self.read(line)

    def test_lines_that_differ_in_code(self) -> None:
        with self.assertRaises(sasl.ProtocolError):
            self.read(b"250-a\r\n235 b\r\n")

    def test_an_endless_line(self) -> None:
        with self.assertRaises(sasl.ProtocolError):
            self.read(*[b"250-" + b"A" * 1000] * 100)

    def test_endless_lines(self) -> None:
        with self.assertRaises(sasl.ProtocolError):
            self.read(*[b"250-a\r\n"] * 10_000)

    def test_the_limit_is_for_each_reply(self) -> None:
        self.assertEqual(len(self.read(*[b"250 a\r\n"] * 100, limit=64)), 100)

    @given(st.lists(st.binary(max_size=20), max_size=8))
    def test_nothing_but_protocol_error(self, pieces: list[bytes]) -> None:
        with contextlib.suppress(sasl.ProtocolError):
            self.read(*pieces, limit=64)


class Reasons(unittest.TestCase):
    def test_every_reason_that_can_be_told_survives_the_wire(self) -> None:
        # What the profile says with the same code cannot be told apart.
        alike = {
            Reason.NOT_AUTHORIZED: Reason.BAD_CREDENTIALS,
            Reason.PASSWORD_EXPIRED: Reason.BAD_CREDENTIALS,
            Reason.ABORTED: Reason.MALFORMED,
        }
        for reason in Reason:
            code, _, text = profiles.SMTP.reply(reason).partition(" ")
            with self.subTest(reason):
                self.assertEqual(reason_of(int(code), text), alike.get(reason, reason))

    def test_replies_of_real_servers(self) -> None:
        for reason, replies in REAL.items():
            for reply in replies:
                with self.subTest(reply):
                    self.assertIs(reason_of(int(reply[:3]), reply[4:]), reason)

    def test_an_enhanced_code_of_another_class_does_not_count(self) -> None:
        # RFC 2034, section 4: the first digits agree.
        self.assertIs(reason_of(535, "4.7.12 x"), Reason.BAD_CREDENTIALS)
        self.assertIs(reason_of(454, "5.7.8 x"), Reason.UNAVAILABLE)

    @given(st.integers(400, 599), st.text(max_size=30))
    def test_what_is_unknown_never_lets_another_attempt_lock_the_account(
        self, code: int, text: str
    ) -> None:
        reason = reason_of(code, text)
        if code >= 500 and reason.try_another:
            known = {500, 501, 502, 504, 530, 534, 538}
            exact = text.startswith(("5.7.9", "5.7.11"))
            self.assertTrue(code in known or exact)
