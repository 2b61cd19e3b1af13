"""Profiles: how each protocol writes messages, and answers each Reason."""

from __future__ import annotations

import contextlib
import copy
import unittest

import sasl_core as sasl
from sasl_core import profiles

from ._hypothesis import given, st

ALL = {name: getattr(profiles, name) for name in profiles.__all__ if name.isupper()}


class FramingTest(unittest.TestCase):
    """Messages written and read."""

    @given(st.sampled_from(sorted(ALL)), st.binary(max_size=100))
    def test_what_is_written_is_read(self, name: str, message: bytes) -> None:
        """Every message, the empty one too."""
        profile = ALL[name]
        text = profile.encode(message)
        self.assertEqual(profile.decode(text), message)
        if profile.base64:
            self.assertFalse(set(text) & set(b"\r\n\0 "))
            self.assertNotEqual(text, profile.abort)

    @given(st.sampled_from(sorted(ALL)), st.binary(max_size=30))
    def test_nothing_but_value_errors(self, name: str, text: bytes) -> None:
        """Any line at all."""
        with contextlib.suppress(ValueError):
            ALL[name].decode(text)

    def test_empty_messages(self) -> None:
        """Each protocol has its word for one."""
        empty = {"NNTP": b"=", "IRC": b"+"}
        for name, profile in ALL.items():
            with self.subTest(name):
                self.assertEqual(profile.encode(b""), empty.get(name, b""))
                self.assertEqual(profile.decode(profile.encode(b"")), b"")

    def test_initial_responses(self) -> None:
        """`=` where a command needs something to stand there."""
        equals = {"SMTP", "LMTP", "IMAP", "POP3", "NNTP", "XMPP", "BASE64"}
        for name, profile in ALL.items():
            with self.subTest(name):
                self.assertEqual(profile.initial(b"QQ=="), b"QQ==")
                word = profile.initial(profile.encode(b"") and b"")
                self.assertEqual(word, b"=" if name in equals else b"")

    def test_raw(self) -> None:
        """Octets as they are; nothing has a second meaning."""
        for message in (b"=", b"*", b"\0", b"\xff"):
            self.assertEqual(profiles.RAW.encode(message), message)
            self.assertEqual(profiles.RAW.decode(message), message)


class ReplyTest(unittest.TestCase):
    """The words for each Reason."""

    def test_every_protocol_answers_every_reason(self) -> None:
        """One line each, in ASCII."""
        for name, profile in ALL.items():
            for reason in sasl.Reason:
                with self.subTest(name, reason=reason.name):
                    reply = profile.reply(reason)
                    self.assertTrue(reply.isascii() and reply.isprintable() and reply)

    def test_a_reason_without_words_is_a_refusal(self) -> None:
        """A profile of one's own need not name them all; none ever means success."""
        profile = sasl.Profile("own", replies={sasl.Reason.BAD_CREDENTIALS: "no"})
        for reason in sasl.Reason:
            self.assertEqual(profile.reply(reason), "no")

    def test_no_refusal_looks_like_success(self) -> None:
        """No reply for a failure begins as the success does, by its first word."""
        for name, profile in ALL.items():
            success = profile.success.split()[0]
            for reason in sasl.Reason:
                with self.subTest(name, reason=reason.name):
                    self.assertNotEqual(profile.reply(reason).split()[0], success)

    def test_smtp_codes(self) -> None:
        """RFC 4954: permanent failures are 5yz, a dead database is 454."""
        reply = profiles.SMTP.reply
        self.assertEqual(reply(sasl.Reason.BAD_CREDENTIALS)[:9], "535 5.7.8")
        self.assertEqual(reply(sasl.Reason.UNAVAILABLE)[:9], "454 4.7.0")
        self.assertEqual(reply(sasl.Reason.ENCRYPTION_NEEDED)[:3], "538")
        self.assertEqual(reply(sasl.Reason.TOO_WEAK)[:9], "534 5.7.9")
        self.assertEqual(reply(sasl.Reason.ABORTED)[:3], "501")
        for reason in sasl.Reason:
            temporary = reply(reason)[0] == "4"
            self.assertEqual(temporary, reply(reason)[4] == "4")


class ValueTest(unittest.TestCase):
    """A profile is a value."""

    def test_it_is_immutable(self) -> None:
        """Shared by every exchange, changed by none."""
        with self.assertRaises(AttributeError):
            profiles.SMTP.abort = b"!"
        self.assertIs(copy.deepcopy(profiles.SMTP), profiles.SMTP)
        self.assertEqual(len(set(ALL.values())), len(ALL))

    def test_it_is_shown_in_a_line(self) -> None:
        """Every signature has one: without its words, and what is as usual."""
        self.assertEqual(repr(sasl.Profile("base64")), "Profile(name='base64')")
        shown = repr(profiles.IMAP)
        self.assertIn("command_limit=8192", shown)
        self.assertNotIn("replies", shown)


if __name__ == "__main__":
    unittest.main()
