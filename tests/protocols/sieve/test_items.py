"""Strings, atoms and numbers: their grammar, and nothing but that (RFC 5804)."""

from __future__ import annotations

import time
import unittest

from sasl_core._strict import Malformed
from sasl_core.protocols.sieve._items import announced, read_items, write_string

from ..._hypothesis import given, settings, st


class Reading(unittest.TestCase):
    def test_each_kind(self) -> None:
        for text, items in (
            (b'"abc"', (b"abc",)),
            (b'""', (b"",)),
            (b'"a\\"b\\\\c"', (b'a"b\\c',)),
            (b'"\xc3\xbc"', ("ü".encode(),)),
            (b'"' + b"a" * 5000 + b'"', (b"a" * 5000,)),  # as Dovecot has them
            (b"{3}\r\nabc", (b"abc",)),
            (b"{3+}\r\na\0\n", (b"a\0\n",)),
            (b"{0+}\r\n", (b"",)),
            (b'{4+}\r\n"{3} {0}\r\n "x"', (b'"{3}', b"", b"x")),
            (b"ACTIVE", ("ACTIVE",)),
            (b"QUOTA/MAXSIZE 12", ("QUOTA/MAXSIZE", 12)),
            (b"4294967295 12345678901", (4294967295, "12345678901")),
        ):
            with self.subTest(text[:40]):
                self.assertEqual(read_items(text), items)

    def test_what_is_none(self) -> None:
        for text in (
            b"",
            b" ",
            b'"',
            b'"abc',
            b'"abc\\"',
            b'"a\\bc"',
            b'"a\rb"',
            b'"a\nb"',
            b'"a\0b"',
            b"{3}\r\nab",
            b"{3}abc",
            b"{3 }\r\nabc",
            b"{-1}\r\n",
            b"{3-}\r\nabc",
            b"{99999999999}\r\nabc",
            b"{\xd9\xa3}\r\nabc",
            b'"a"  "b"',
            b'"a""b"',
            b'"a"b',
            b'"a" ',
            b' "a"',
            b"a\tb",
            b"(a)",
            b"\xc3\xbc",
        ):
            with self.subTest(text), self.assertRaises(Malformed):
                read_items(text)

    @given(st.lists(st.binary(max_size=20), min_size=1, max_size=4), st.booleans())
    @settings(max_examples=50)
    def test_what_was_written(self, strings: list[bytes], client: bool) -> None:
        text = b" ".join(write_string(string, client=client) for string in strings)
        self.assertEqual(read_items(text), tuple(strings))


class Writing(unittest.TestCase):
    def test_quoted_where_it_may_be(self) -> None:
        self.assertEqual(write_string(b""), b'""')
        self.assertEqual(write_string(b'a"b\\'), b'"a\\"b\\\\"')
        self.assertEqual(write_string(b"a" * 1024), b'"' + b"a" * 1024 + b'"')

    def test_a_literal_elsewhere(self) -> None:
        for value in (b"a" * 1025, b"a\r\nb", b"\0"):
            size = len(value)
            self.assertEqual(write_string(value), b"{%d}\r\n%b" % (size, value))
            mine = write_string(value, client=True)
            self.assertEqual(mine, b"{%d+}\r\n%b" % (size, value))


class Announced(unittest.TestCase):
    def test_a_literal_at_the_end(self) -> None:
        for line, size in (
            (b"{3+}", 3),
            (b"{3}", 3),
            (b"{0+}", 0),
            (b'PUTSCRIPT "x" {31+}', 31),
            (b'PUTSCRIPT "x\\"{2}" {31+}', 31),
            (b'NOOP "{3+}', None),  # inside quotes
            (b'NOOP "{3+}"', None),
            (b"NOOP {x+}", None),
            (b"NOOP {+}", None),
            (b"NOOP 3}", None),
            (b"NOOP {3}+", None),
            (b"}", None),
            (b"", None),
        ):
            with self.subTest(line):
                self.assertEqual(announced(line), size)

    def test_more_than_will_ever_come(self) -> None:
        for digits in (b"9" * 11, b"9" * 9000):
            self.assertGreater(announced(b"{%b+}" % digits), 1 << 60)

    def test_linear(self) -> None:
        for unit in (b'"', b'\\"', b'"\\', b'"a" ', b"{", b"{1}"):
            line = unit * (400_000 // len(unit)) + b" {3+}"
            start = time.perf_counter()
            announced(line)
            try:
                read_items(line)
            except Malformed:
                pass
            self.assertLess(time.perf_counter() - start, 1, unit)
