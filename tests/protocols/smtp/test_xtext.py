"""The AUTH parameter of MAIL (RFC 4954, section 5; xtext: RFC 3461, section 4)."""

from __future__ import annotations

import contextlib
import unittest

from sasl_core.protocols.smtp import read_identity, write_identity
from sasl_core.protocols.smtp._xtext import (
    asserted_identity,
    decode,
    encode,
    without_identity,
)

from ..._hypothesis import given, st


class Xtext(unittest.TestCase):
    @given(st.text(st.characters(codec="utf-8")))
    def test_what_is_encoded_decodes(self, text: str) -> None:
        self.assertEqual(decode(encode(text).encode()), text.encode())

    @given(st.text(st.characters(codec="utf-8")))
    def test_encoded_text_is_safe_on_a_command_line(self, text: str) -> None:
        self.assertTrue(all(0x21 <= ord(c) <= 0x7E and c != "=" for c in encode(text)))

    @given(st.binary(max_size=40))
    def test_octets_decode_or_raise_value_error(self, octets: bytes) -> None:
        with contextlib.suppress(ValueError):
            decode(octets)

    def test_lower_case_hexadecimal_is_taken(self) -> None:
        # RFC 3461 writes capitals; RFC 4954, section 8, takes HEXDIG of either case.
        self.assertEqual(decode(b"e+3dmc2"), b"e=mc2")

    def test_malformed(self) -> None:
        for xtext in (
            b"a+",
            b"a+2",
            b"a+G0",
            b"a+0g",
            b"a=b",
            b"a b",
            b"\xe9",
            b"\x7f",
        ):
            with self.subTest(xtext), self.assertRaises(ValueError):
                decode(xtext)

    def test_the_error_does_not_show_the_octets(self) -> None:
        with self.assertRaises(ValueError) as caught:
            decode(b"secret=secret")
        self.assertNotIn("secret", str(caught.exception))


class Identity(unittest.TestCase):
    def test_the_example_of_the_rfc(self) -> None:
        self.assertEqual(
            write_identity("e=mc2@example.com"), "AUTH=e+3Dmc2@example.com"
        )
        self.assertEqual(read_identity(b"e+3Dmc2@example.com"), "e=mc2@example.com")

    def test_nobody(self) -> None:
        self.assertEqual(write_identity(""), "AUTH=<>")
        self.assertEqual(read_identity(b"<>"), "")

    def test_nobody_encoded(self) -> None:
        self.assertEqual(read_identity(b"+3C+3E"), "")

    def test_non_ascii(self) -> None:
        self.assertEqual(write_identity("ü@example.com"), "AUTH=+C3+BC@example.com")
        self.assertEqual(read_identity(b"+C3+BC@example.com"), "ü@example.com")

    def test_quoted_local_part(self) -> None:
        self.assertEqual(read_identity(b'"a+20b"@example.org'), '"a b"@example.org')

    def test_no_control_character_ever_comes_out(self) -> None:
        for code in (*range(32), 127, 0x85, 0x2028):
            text = encode(f"x{chr(code)}@example.com").encode()
            with self.subTest(code), self.assertRaises(ValueError):
                read_identity(text)

    def test_no_crlf_ever_goes_in(self) -> None:
        for text in ("a\r\n@example.org", "a\0@example.org", "a", "a b@c", "@c", "a@"):
            with self.subTest(text), self.assertRaises(ValueError):
                write_identity(text)

    def test_malformed(self) -> None:
        for value in (b"", b"a", b"@", b"a@", b"@b", b"<a@b>", b"+FF@b", b"a@b+20c"):
            with self.subTest(value), self.assertRaises(ValueError):
                read_identity(value)


class Asserted(unittest.TestCase):
    def test_absent(self) -> None:
        for argument in (
            b"FROM:<a@b>",
            b"FROM:<> SIZE=5",
            b"FROM: <a@b> BODY=8BITMIME",
            b"from:a@b",
            b'FROM:<"AUTH=x@y>"@b>',
            b'FROM:<"\\" AUTH=x@y>"@b>',
        ):
            with self.subTest(argument):
                self.assertIsNone(asserted_identity(argument))

    def test_present(self) -> None:
        for argument in (
            b"FROM:<a@b> AUTH=c@d",
            b"FROM:<a@b> auth=c@d SIZE=5",
            b"FROM:<a@b> SIZE=5 Auth=c@d",
            b'FROM:<"a >"@b> AUTH=c@d',
            b"FROM:a@b AUTH=c@d",
        ):
            with self.subTest(argument):
                self.assertEqual(asserted_identity(argument), "c@d")

    def test_malformed(self) -> None:
        for argument in (
            b"",
            b"TO:<a@b>",
            b"FROM:",
            b"FROM:<a@b",
            b'FROM:<"a>@b>',
            b"FROM:<a@b>AUTH=c@d",
            b"FROM:<a@b> AUTH",
            b"FROM:<a@b> AUTH=",
            b"FROM:<a@b> AUTH=c=d@e",
            b"FROM:<a@b> AUTH=c@d AUTH=c@d",
            b"FROM:<a@b> AUTH=<> auth=c@d",
        ):
            with self.subTest(argument), self.assertRaises(ValueError):
                asserted_identity(argument)

    @given(st.binary(max_size=60))
    def test_nothing_but_value_error(self, octets: bytes) -> None:
        for argument in (octets, b"FROM:" + octets, b"FROM:<> AUTH=" + octets):
            try:
                found = asserted_identity(argument)
            except ValueError:
                continue
            if found:
                self.assertTrue(found.isprintable())

    def test_without_it(self) -> None:
        for argument, rest in {
            b"FROM:<a@b>": b"FROM:<a@b>",
            b"FROM:<a@b> AUTH=<>": b"FROM:<a@b>",
            b"FROM:<a@b> SIZE=1 auth=c@d BODY=7BIT": b"FROM:<a@b> SIZE=1 BODY=7BIT",
            b"FROM:<a@b> XAUTH=c AUTH=c": b"FROM:<a@b> XAUTH=c",
            b'FROM:<"x AUTH=c y"@b> AUTH=c': b'FROM:<"x AUTH=c y"@b>',
            b'FROM:<"x AUTH=c"@b>': b'FROM:<"x AUTH=c"@b>',
        }.items():
            with self.subTest(argument):
                self.assertEqual(without_identity(argument), rest)
        with self.assertRaises(ValueError):
            without_identity(b"TO:<a@b> AUTH=<>")

    def test_linear_in_the_argument(self) -> None:
        with self.assertRaises(ValueError):
            asserted_identity(b"FROM:<" + b"<" * 1_000_000)
