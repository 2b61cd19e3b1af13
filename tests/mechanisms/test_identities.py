"""Identities and passwords: read in one way, written in one way."""

from __future__ import annotations

import contextlib
import unittest

import sasl_core as sasl
from sasl_core._saslprep import PrepError, saslprep
from sasl_core._strict import Malformed
from sasl_core.mechanisms import _identities as identities

from .._hypothesis import given, st

PREPARE, BARE = sasl.Policy(), sasl.Policy(prepare=False)
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


class ReadTest(unittest.TestCase):
    """What a client sent."""

    @given(_TEXT)
    def test_prepared(self, text: str) -> None:
        """It is SASLprep's result, or malformed."""
        try:
            expected = saslprep(text, stored=False)
        except PrepError:
            expected = ""
        if not expected:
            with self.assertRaises(Malformed):
                identities.read(text.encode(), "user name", PREPARE)
        else:
            found = identities.read(text.encode(), "user name", PREPARE)
            self.assertEqual(found, expected)

    @given(_TEXT)
    def test_bare(self, text: str) -> None:
        """It is unchanged; NUL, CR, LF and nothing do not pass."""
        if not text or set(text) & set("\0\r\n"):
            with self.assertRaises(Malformed):
                identities.read(text.encode(), "user name", BARE)
        else:
            self.assertEqual(identities.read(text.encode(), "user name", BARE), text)

    @given(st.binary(max_size=30))
    def test_any_octets(self, octets: bytes) -> None:
        """Malformed or a text that is not empty."""
        for policy in (PREPARE, BARE):
            with contextlib.suppress(Malformed):
                self.assertTrue(identities.read(octets, "password", policy))

    def test_what_would_break_a_line(self) -> None:
        """Never passes, wherever it stands; other controls only where nothing is
        prepared.
        """
        for char in "\0\r\n":
            for octets in (char.encode(), f"a{char}".encode(), f"{char}\xe9".encode()):
                for policy in (PREPARE, BARE):
                    with self.subTest(octets), self.assertRaises(Malformed):
                        identities.read(octets, "user name", policy)
        for octets in (b"a\t", b"\x7fa"):
            with self.subTest(octets), self.assertRaises(Malformed):
                identities.read(octets, "user name", PREPARE)
            self.assertEqual(
                identities.read(octets, "user name", BARE), octets.decode()
            )

    def test_the_error_names_the_field(self) -> None:
        """And nothing else."""
        with self.assertRaisesRegex(Malformed, "password"):
            identities.read(b"", "password", PREPARE)

    def test_stored_names(self) -> None:
        """No account has a code point that Unicode 3.2 did not know."""
        octets = "\u0221".encode()
        self.assertEqual(identities.read(octets, "user name", PREPARE), "\u0221")
        with self.assertRaises(Malformed):
            identities.read(octets, "user name", PREPARE, stored=True)

    def test_what_is_too_long_for_anybody(self) -> None:
        """Even in plain ASCII."""
        readers = (
            (lambda octets: identities.read(octets, "user name", PREPARE), 1025),
            (lambda octets: identities.read_password(octets, PREPARE), 4097),
        )
        for read, size in readers:
            with self.subTest(size), self.assertRaises(Malformed):
                read(b"a" * size)
            self.assertTrue(read(b"a" * (size - 1)))


class WriteTest(unittest.TestCase):
    """Our own."""

    @given(_TEXT)
    def test_written_as_it_is(self, text: str) -> None:
        """Everything but nothing and NUL."""
        if not text or "\0" in text:
            with self.assertRaises(Malformed):
                identities.write_password(text)
        else:
            self.assertEqual(identities.write_password(text), text.encode())

    def test_a_name_holds_no_line_end(self) -> None:
        """What a name can be a part of is a command line."""
        for text in ("a\rb", "a\nb", "a\0b", ""):
            with self.subTest(text), self.assertRaises(Malformed):
                identities.write(text, "user name")

    def test_lone_surrogates(self) -> None:
        """No octets are theirs, and the error does not hold the text."""
        with self.assertRaises(Malformed) as caught:
            identities.write("secret\ud800", "password")
        self.assertIsNone(caught.exception.__context__)
        self.assertNotIn("secret", str(caught.exception))

    def test_prepared(self) -> None:
        """SASLprep, or malformed."""
        self.assertEqual(identities.prepared("I\xadX", "authzid", PREPARE), b"IX")
        self.assertEqual(
            identities.prepared("I\xadX", "authzid", BARE), "I\xadX".encode()
        )
        for text in ("", "\xad", "\x07"):
            with self.subTest(ascii(text)), self.assertRaises(Malformed):
                identities.prepared(text, "authzid", PREPARE)


if __name__ == "__main__":
    unittest.main()
