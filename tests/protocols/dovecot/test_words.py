"""Escapes, fields, flags: what a line is made of."""

from __future__ import annotations

import unittest

from sasl_core._strict import Malformed
from sasl_core.mechanisms import find
from sasl_core.protocols.dovecot import Fields
from sasl_core.protocols.dovecot._words import (
    escape,
    flags,
    number,
    parameter,
    read_parameters,
    read_version,
    split,
    unescape,
    write,
)

from ..._hypothesis import given, st


class Escapes(unittest.TestCase):
    @given(st.lists(st.binary(max_size=20), min_size=2, max_size=5))
    def test_whatever_it_is_it_stays(self, fields) -> None:
        written = write(*fields)
        self.assertNotIn(b"\n", written)
        self.assertNotIn(b"\0", written)
        self.assertEqual(split(written), fields)

    @given(st.binary(max_size=40))
    def test_reading_never_fails(self, octets) -> None:
        self.assertLessEqual(len(unescape(octets)), len(octets))
        self.assertEqual(unescape(escape(octets)), octets)

    def test_an_escaped_escape(self) -> None:
        self.assertEqual(unescape(b"a\x01\x01t"), b"a\x01t")
        self.assertEqual(unescape(b"\x01\x01"), b"\x01")


class Parameters(unittest.TestCase):
    def test_the_first_of_a_name_counts(self) -> None:
        found = read_parameters([b"user=a", b"user=b", b"nologin", b"x=1=2"])
        self.assertEqual(found.get("user"), "a")
        self.assertEqual(found.get("x"), "1=2")
        self.assertIn("nologin", found)
        self.assertEqual(found.get("none", "default"), "default")

    def test_no_utf_8(self) -> None:
        with self.assertRaises(Malformed):
            read_parameters([b"user=\xff"])
        with self.assertRaises(ValueError):
            parameter("user", "\udcff")

    def test_secrets_are_not_shown(self) -> None:
        self.assertEqual(repr(Fields({"pass": "secret"})), "Fields(pass)")


class Numbers(unittest.TestCase):
    def test_ids(self) -> None:
        self.assertEqual(number(b"4294967295"), 2**32 - 1)
        for text in (b"0", b"4294967296", b"", b"+1", b" 1", b"1e3"):
            with self.assertRaises(Malformed):
                number(text)

    def test_versions(self) -> None:
        self.assertEqual(read_version([b"VERSION", b"1", b"99"]), 99)
        for fields in (
            [b"VERSION", b"2", b"0"],
            [b"VERSION", b"0", b"0"],
            [b"VERSION", b"1"],
            [b"version", b"1", b"0"],
            [],
        ):
            with self.assertRaises(Malformed):
                read_version(fields)


class Flags(unittest.TestCase):
    def test_each(self) -> None:
        for name, said in (
            ("PLAIN", [b"plaintext"]),
            ("XOAUTH2", [b"plaintext"]),
            ("CRAM-MD5", [b"dictionary", b"active"]),
            ("SCRAM-SHA-256", [b"mutual-auth"]),
            ("SCRAM-SHA-256-PLUS", [b"mutual-auth", b"channel-binding"]),
            ("ANONYMOUS", [b"anonymous"]),
            ("EXTERNAL", []),
        ):
            self.assertEqual(flags(find(name)), said)


if __name__ == "__main__":
    unittest.main()
