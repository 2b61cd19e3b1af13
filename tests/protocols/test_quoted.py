"""Strings between quotes."""

from __future__ import annotations

import unittest

from sasl_core.protocols._quoted import is_quotable, quoted, read_quoted

from .._hypothesis import given, settings, st


class Quoted(unittest.TestCase):
    @settings(max_examples=100)
    @given(
        st.text('a"\\{é', max_size=8).map(str.encode),
        st.binary(max_size=4),
        st.binary(max_size=4),
    )
    def test_round_trip(self, value: bytes, before: bytes, after: bytes) -> None:
        text = before + quoted(value)
        found = read_quoted(text + after, len(before))
        self.assertEqual(found, (value, len(text)))

    def test_what_fits(self) -> None:
        self.assertTrue(is_quotable('"\\é'.encode()))
        for octet in (b"\0", b"\r", b"\n"):
            self.assertFalse(is_quotable(b"a" + octet))

    def test_what_is_none(self) -> None:
        for text in (b"", b"a", b'"', b'"a', b'"a\\"', b'"\\a"', b'"a\nb"', b'a"b"'):
            with self.subTest(text):
                self.assertIsNone(read_quoted(text))

    def test_nothing_between(self) -> None:
        self.assertEqual(read_quoted(b'""'), (b"", 2))
