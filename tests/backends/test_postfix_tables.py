"""Postfix's tables, line by line."""

from __future__ import annotations

import tempfile
import time
import unittest
from pathlib import Path

from sasl_core.backends._postfix_tables import Table, logical_lines


class Case(unittest.TestCase):
    """A table from its text."""

    kind = ""

    def setUp(self) -> None:
        """Have a file."""
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = Path(directory.name) / "table"

    def table(self, text: str | bytes, kind: str = "") -> Table:
        """Write and open it."""
        octets = text.encode() if isinstance(text, str) else text
        self.path.write_bytes(octets)
        return Table.open(f"{kind or self.kind}:{self.path}")

    def assert_refused(self, text: str | bytes, line: int, kind: str = "") -> None:
        """Check that it cannot be opened, and that the line is named."""
        with self.assertRaisesRegex(ValueError, f"^line {line}: "):
            self.table(text, kind)


class LinesTest(unittest.TestCase):
    """Logical lines (postmap(1), readllines(3))."""

    def test_continuations_and_comments(self) -> None:
        """Comments and empty lines do not end a line; indented ones are no start."""
        text = b"# c\n\na b\n  c\n#d\n\n \t\n\td \r\n  # e\nf\n f\n"
        self.assertEqual(list(logical_lines(text)), [(3, "a b  c\td \r"), (10, "f f")])
        self.assertEqual(list(logical_lines(b"a")), [(1, "a")])
        for empty in (b"", b"\n\n", b" # only\n", b"#", b"\r\n"):
            self.assertEqual(list(logical_lines(empty)), [])

    def test_what_is_no_line(self) -> None:
        """White space at the start, a NUL, other octets than UTF-8."""
        cases = {b"\n a\n": 2, b"a\nb\0\n": 2, b"a\n \xff\n": 1, b"a\n\xe4\nb": 2}
        for text, line in cases.items():
            with self.assertRaisesRegex(ValueError, f"line {line}: "):
                list(logical_lines(text))


class TextTest(Case):
    """Tables that postmap(1) makes."""

    kind = "hash"

    def test_keys_and_values(self) -> None:
        """White space ends a key but in quotes, or after a backslash."""
        table = self.table(
            'a@d x\nb@d\t x , y\n  z \n"c d"@d ,x,,y,\ne\\ f x\n"g\\" h" x\r\nü@d x\n'
        )
        cases = {
            "a@d": ("x",),
            "A@D": ("x",),
            "b@d": ("x", "y", "z"),
            '"c d"@d': ("x", "y"),
            "e\\ f": ("x",),
            '"g\\" h"': ("x",),
            "Ü@D": ("x",),
            "a": None,
            "": None,
        }
        for key, logins in cases.items():
            with self.subTest(key):
                self.assertEqual(table.find(key, True), logins)
                self.assertEqual(table.find(key, False), logins)

    def test_a_value_of_separators_is_nobodys(self) -> None:
        """It is found, though: what else would match is not asked."""
        self.assertEqual(self.table("a ,\n").find("a", True), ())

    def test_equal_keys(self) -> None:
        """postmap takes the first; texthash: refuses the file."""
        self.assertEqual(self.table("a x\nA y\n").find("a", True), ("x",))
        self.assert_refused("a x\nA y\n", 2, "texthash")

    def test_refused(self) -> None:
        """What Postfix would skip."""
        for text in ("a\n", "a \n", 'a"b c\n', '"a b c\n', '"a\\" x\n', "a\\\n"):
            with self.subTest(text):
                self.assert_refused(f"x x\n{text}", 2)

    def test_linear(self) -> None:
        """Long lines and many of them are read in no time."""
        begin = time.process_time()
        self.table("a" * 500_000 + " x")
        self.table("a x\n" + " x,\n" * 100_000)
        for text in ('"' * 500_001 + " x", '\\"' * 250_000, '"\\' * 250_000):
            self.assert_refused(text, 1)
        self.assertLess(time.process_time() - begin, 3)


class PatternTableTest(Case):
    """What regexp: and pcre: have in common."""

    def both(self, text: str, keys: dict[str, tuple[str, ...] | None]) -> None:
        """Check what is found in either."""
        for kind in ("regexp", "pcre"):
            table = self.table(text, kind)
            for key, logins in keys.items():
                with self.subTest(kind, key=key):
                    self.assertEqual(table.find(key, True), logins)
                    self.assertIsNone(table.find(key, False))

    def test_the_first_match_decides(self) -> None:
        """Anywhere in the key, in any case unless the flag is off."""
        self.both(
            "/^b/ one, two\n/B/i three\n!/a/ four\n",
            {
                "bx": ("one", "two"),
                "Bx": ("one", "two"),
                "xB": ("three",),
                "xb": ("four",),
                "ab": None,
            },
        )

    def test_substitution(self) -> None:
        """In each way to write it; what did not match is empty."""
        self.both(
            "/^(a+)(b)?@(.)/ $1 ${2} $(3)x,$$1, $1$3\n",
            {"aab@c": ("aa", "b", "cx", "$1", "aac"), "A@c": ("A", "cx", "$1", "Ac")},
        )

    def test_delimiters(self) -> None:
        """Any character; escaped, it is a part of the pattern."""
        self.both(
            "/a\\/b/ one\n|c\\.d| two\n! !#e#  three\n",
            {"a/b": ("one",), "c.d": ("two",), "cxde": ("three",)},
        )

    def test_conditions(self) -> None:
        """They nest, and may be negated; the rest is looked at after them."""
        text = "if /@a$/\nIF !/^x/\n/^y/ y\nendif\n/^z/ z\nEndIf\n/./ rest\n"
        self.both(
            text,
            {
                "y@a": ("y",),
                "z@a": ("z",),
                "x@a": ("rest",),
                "w@a": ("rest",),
                "y@b": ("rest",),
            },
        )

    def test_refused(self) -> None:
        """What Postfix would skip with a warning."""
        for text in (
            "/a/",
            "/a/ ",
            "/a x",
            "/a\\/ x",
            "!",
            "a x",
            "ifx /a/",
            "/a/q x",
            "/(/ x",
            "/a/ $1",
            "/(a)/ $2",
            "!/(a)/ $1",
            "/(a)/ $0",
            "/(a)/ $x",
            "/(a)/ $",
            "/(a)/ ${1",
            "/(a)/ $1x",
            "/(a)/ ${}",
            "/(a)/ ${1234567}",
            "endif",
            "if /a/ x",
            "if",
            "if /a/",
        ):
            for kind in ("regexp", "pcre"):
                with self.subTest(text, kind=kind):
                    self.assert_refused(f"/x/ x\n{text}\n", 2, kind)
        self.assert_refused("if /a/\n/b/ c\nif /c/\nendif\n", 1, "regexp")

    def test_half_a_character_is_nobodys_name(self) -> None:
        """Octets are matched, as in Postfix; names are characters."""
        self.both("/^(.)/ $1\n", {"ü": ("\udcc3",)})


if __name__ == "__main__":
    unittest.main()
