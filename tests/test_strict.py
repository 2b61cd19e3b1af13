"""The strict readers: base64, integers, text, and what may be shown."""

from __future__ import annotations

import base64 as standard
import contextlib
import unittest

from sasl_core._strict import Malformed, base64, integer, printable, utf8

from ._hypothesis import given, st


class Base64Test(unittest.TestCase):
    """One text for each message."""

    @given(st.binary(max_size=200))
    def test_what_is_written_is_read(self, octets: bytes) -> None:
        """Every message has its text."""
        self.assertEqual(base64(standard.b64encode(octets)), octets)

    @given(st.binary(max_size=40))
    def test_what_is_read_is_what_would_be_written(self, text: bytes) -> None:
        """No other text is read as a message."""
        try:
            octets = base64(text)
        except Malformed:
            return
        self.assertEqual(standard.b64encode(octets), text)

    @given(
        st.binary(min_size=1, max_size=40), st.integers(0, 60), st.binary(max_size=2)
    )
    def test_nothing_is_skipped(self, octets: bytes, at: int, dirt: bytes) -> None:
        """Octets put between the letters are not passed over."""
        text = standard.b64encode(octets)
        dirty = text[:at] + dirt + text[at:]
        if dirty != text:
            with contextlib.suppress(Malformed):
                self.assertNotEqual(base64(dirty), octets)


class IntegerTest(unittest.TestCase):
    """Decimal ASCII digits, without a leading zero, within bounds."""

    @given(st.integers(0, 2**32))
    def test_numbers(self, number: int) -> None:
        """Every number within the bounds is read."""
        self.assertEqual(integer(b"%d" % number, 0, 2**32), number)

    @given(st.text(max_size=8))
    def test_only_canonical_digits(self, text: str) -> None:
        """Whatever `int` would make of it, only the canonical form is read."""
        try:
            number = integer(text.encode(errors="surrogatepass"), 0, 10**9)
        except Malformed:
            return
        self.assertEqual(text, str(number))

    def test_bounds(self) -> None:
        """Both ends are within; a thousand digits are not converted at all."""
        self.assertEqual(integer(b"1", 1, 9), 1)
        self.assertEqual(integer(b"9", 1, 9), 9)
        for digits in (b"0", b"10", b"9" * 100_000):
            with self.assertRaises(Malformed):
                integer(digits, 1, 9)


class TextTest(unittest.TestCase):
    """UTF-8, and what may stand in a log."""

    @given(st.text(st.characters(exclude_categories=["Cs"])))
    def test_utf8(self, text: str) -> None:
        """Every text comes through."""
        self.assertEqual(utf8(text.encode()), text)

    def test_the_error_does_not_hold_the_octets(self) -> None:
        """Neither the Unicode error nor its object hangs on it."""
        with self.assertRaises(Malformed) as caught:
            utf8(b"secret\xff")
        self.assertIsNone(caught.exception.__context__)
        self.assertNotIn("secret", str(caught.exception))

    @given(st.text())
    def test_printable(self, text: str) -> None:
        """Nothing is left that rewrites a terminal, and it is not long."""
        shown = printable(text)
        self.assertTrue(shown.isprintable())
        self.assertEqual(len(shown), min(len(text), 512))


if __name__ == "__main__":
    unittest.main()
