"""SASLprep (RFC 4013): the examples of its section 3, and what holds for any text."""

from __future__ import annotations

import unittest

from sasl_core._saslprep import MAX_OCTETS, PrepError, saslprep, trace

from ._hypothesis import given, st

_SURROGATES = st.characters(categories=["Cs"])


class ExampleTest(unittest.TestCase):
    """The table of RFC 4013, section 3."""

    def test_prepared(self) -> None:
        """Rows 1 to 5."""
        for text, prepared in (
            ("I\N{SOFT HYPHEN}X", "IX"),
            ("user", "user"),
            ("USER", "USER"),
            ("\N{FEMININE ORDINAL INDICATOR}", "a"),
            ("\N{ROMAN NUMERAL NINE}", "IX"),
        ):
            with self.subTest(ascii(text)):
                self.assertEqual(saslprep(text), prepared)

    def test_refused(self) -> None:
        """Rows 6 and 7, and one of each table."""
        tables = {
            "\x07": "C.2.1",
            "\x7f": "C.2.1",
            "\x80": "C.2.2",
            "\N{MONGOLIAN VOWEL SEPARATOR}": "C.2.2",
            "\ue000": "C.3",
            "\ufdd0": "C.4",
            chr(0xD800): "C.5",
            "\N{REPLACEMENT CHARACTER}": "C.6",
            "\u2ff0": "C.7",
            "\N{RIGHT-TO-LEFT MARK}": "C.8",
            "\U000e0001": "C.9",
            "\u0627\u0031": "section 6",
        }
        for text, table in tables.items():
            with self.subTest(ascii(text)), self.assertRaises(PrepError) as caught:
                saslprep(text)
            if text != "\N{MONGOLIAN VOWEL SEPARATOR}":
                self.assertIn(table, str(caught.exception))


class RuleTest(unittest.TestCase):
    """The steps of section 2."""

    def test_spaces(self) -> None:
        """Non-ASCII spaces become one; U+200B is a space, not nothing."""
        for space in ("\u00a0", "\u1680", "\u2000", "\u200b", "\u3000"):
            self.assertEqual(saslprep(f"a{space}b"), "a b")

    def test_mapped_to_nothing(self) -> None:
        """What is mapped to nothing can leave nothing: the caller's business."""
        self.assertEqual(saslprep("\N{SOFT HYPHEN}\N{ZERO WIDTH JOINER}"), "")

    def test_unassigned(self) -> None:
        """Stored strings have no code point that Unicode 3.2 did not know."""
        self.assertEqual(saslprep("\u0221", stored=False), "\u0221")
        with self.assertRaises(PrepError):
            saslprep("\u0221")

    def test_the_normalization_is_that_of_unicode_3_2(self) -> None:
        """U+2F868 differs between the two data versions (corrigendum 4)."""
        self.assertEqual(saslprep("\U0002f868"), "\U0002136a")

    def test_right_to_left(self) -> None:
        """Wholly so, or not at all; digits in the middle do no harm."""
        self.assertEqual(saslprep("\u0627\u0031\u0628"), "\u0627\u0031\u0628")
        for text in ("\u0627a\u0628", "a\u0627", "1\u0627"):
            with self.subTest(ascii(text)), self.assertRaises(PrepError):
                saslprep(text)

    def test_the_limit(self) -> None:
        """By octets, and only for what needs tables."""
        self.assertEqual(len(saslprep("a" * 100_000)), 100_000)
        self.assertEqual(len(saslprep("\xe9" * (MAX_OCTETS // 2))), MAX_OCTETS // 2)
        with self.assertRaises(PrepError):
            saslprep("\xe9" * (MAX_OCTETS // 2 + 1))

    @given(st.text(max_size=40))
    def test_preparing_twice_changes_nothing(self, text: str) -> None:
        """The result is its own preparation, unless normalization made it mixed."""
        try:
            once = saslprep(text)
        except PrepError:
            return
        self.assertEqual(saslprep(once), once)

    @given(st.text(st.one_of(st.characters(), _SURROGATES), max_size=30))
    def test_nothing_but_prep_errors(self, text: str) -> None:
        """Any text at all, and the error never shows it."""
        for prepare in (saslprep, trace):
            try:
                prepare(text)
            except PrepError as error:
                self.assertTrue(str(error).isascii())

    @given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E)))
    def test_printable_ascii_is_its_own_form(self, text: str) -> None:
        """The fast way and the tables agree."""
        self.assertEqual(saslprep(text), text)


class TraceTest(unittest.TestCase):
    """The trace of ANONYMOUS: checked, not mapped."""

    def test_nothing_is_mapped(self) -> None:
        """Full-width letters stay what they are."""
        self.assertEqual(trace("\uff41\xad"), "\uff41\xad")

    def test_controls_are_refused(self) -> None:
        """And private use, and surrogates."""
        for text in ("\n", "a\x00", "\ue000", "\ud800"):
            with self.subTest(ascii(text)), self.assertRaises(PrepError):
                trace(text)


if __name__ == "__main__":
    unittest.main()
