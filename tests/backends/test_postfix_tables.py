"""Postfix's tables and patterns, line by line."""

from __future__ import annotations

import tempfile
import time
import unittest
from pathlib import Path

from sasl_core.backends._postfix_patterns import compile_pcre, compile_regexp
from sasl_core.backends._postfix_tables import Table, logical_lines

from .._hypothesis import example, given, st


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


class PosixTest(unittest.TestCase):
    """Extended expressions (regex(7))."""

    def test_same(self) -> None:
        """What it matches, and what not."""
        cases = {
            "": ["", "a"],
            "a.c": ["abc", "!ac"],
            "^a$": ["a", "A", "!ab", "!ba"],
            "a|b|": ["a", "x"],
            "[]a]x": ["]x", "ax", "!bx"],
            "[^]a]x": ["bx", "!]x"],
            r"[\d]": ["\\", "d", "!1"],
            "[a-c-]": ["-", "B", "!d"],
            "[[:alpha:]_]+@": ["x_@", "!1@"],
            "^[^[:space:][:digit:]]$": ["x", "! ", "!1"],
            "[.]": [".", "!x"],
            "a{2}": ["aa", "!a"],
            "^a{,2}b": ["b", "aab", "!aaab"],
            "^a{1,}$": ["aaa", "!"],
            "^a+?$": ["", "a", "aa"],
            "^(ab)+?$": ["", "abab", "!aba"],
            "^a{2}+b": ["aab", "aaaab", "!aaab"],
            r"\.\*\+\\\/\-\@": [r".*+\/-@"],
            r"^(a)(b)\2\1$": ["abba", "!abab"],
            r"\<a\>": ["x a x", "!xa"],
            r"\ba\b\w\W?": ["!ab"],
            "()": [""],
            "#x y": ["#x y", "!xy"],
            "(?:": [],
            "^[A-Z]$": ["a", "A", "!_"],
            "^[A-z]$": ["a", "Z", "!_"],
            "[ä]": ["ä", "!x"],
            "^ä*x": ["!x", "äx"],  # of an octet
        }
        for text, keys in cases.items():
            with self.subTest(text):
                if not keys:
                    self.assertRaises(ValueError, compile_regexp, text, "", False)
                    continue
                pattern = compile_regexp(text, "", False)
                for key in keys:
                    wanted = not key.startswith("!")
                    found = pattern(key.removeprefix("!").encode())
                    self.assertEqual(found is not None, wanted, key)

    def test_refused(self) -> None:
        """What Python cannot do, or POSIX leaves undefined."""
        for text in (
            "*a",
            "(*a)",
            "a|*b",
            "^*",
            "$+",
            "{1}",
            "a{",
            "a{x}",
            "a{}",
            "a{,}",
            "a{2,1}",
            "a{99999999}",
            "(",
            ")",
            "[a",
            "[",
            "[]",
            "[^]",
            "[[.a.]]",
            "[[=a=]]",
            "[[:foo:]]",
            "[[:alpha]",
            "[z-a]",
            "[a-[:digit:]]",
            "[@-_]",
            r"\d",
            r"\n",
            r"\1",
            "a\\",
            "(?=a)",
            "(?i)a",
            "(" * 200,
        ):
            with self.subTest(text), self.assertRaises(ValueError):
                compile_regexp(text, "", False)
        for flags in ("x", "s", "ii!", "xxx"):
            with self.subTest(flags), self.assertRaises(ValueError):
                compile_regexp("a", flags, False)
        self.assertIsNone(compile_regexp("a", "xix", False)(b"A"))

    def test_groups_that_differ(self) -> None:
        """POSIX takes the longest, Python the first: who owns it must not depend on it."""
        alike = ["(a|ab)(c|bcd)(d*)", "(a|)", "(.*|x)y", "(al|a[l])", "(a|A)x", "a|ab"]
        alike += ["(a*|b)", "(ab?|a)", "((x)|x)", "(a|b|ac)"]
        alike += ["(a)*b", "(b*c){1,}", "(x)(ab?){2}"]
        for text in alike:
            with self.subTest(text):
                compile_regexp(text, "", False)
                with self.assertRaises(ValueError):
                    compile_regexp(text, "", True)
        for text in (
            "(a)?b",
            "(a+)(b*)?",
            "(alice|bob)@",
            "(alice|alan)",
            "(a.*|b.*)",
            "(x(a|b)|y)",
            r"(\.|a)",
        ):
            with self.subTest(text):
                compile_regexp(text, "", True)

    @given(st.lists(st.sampled_from(list("ab|()[]{},*+?.^$\\-:1d=")), max_size=14))
    @example(["[", "^", "]", "]"])
    def test_any_text(self, letters: list[str]) -> None:
        """It is an expression or it is refused."""
        for compiler in (compile_regexp, compile_pcre):
            try:
                pattern = compiler("".join(letters), "", False)
            except ValueError:
                continue
            pattern(b"ab")


class PerlTest(unittest.TestCase):
    """Perl-compatible expressions (pcre2syntax(3))."""

    def test_same(self) -> None:
        """What it matches, and what not."""
        cases = {
            r"^\w+\.\d@\S": ["a.1@x", "!a.x@x"],
            r"^a\z": ["a", "!ab"],
            r"a\Z": ["a"],
            r"\bx\b": ["a x", "!ax"],
            "(?i:A)b": ["ab"],
            "(?-i)a": [],
            "(?i)a": ["A"],
            "(?<n>a)(?P=n)": ["aa", "!ab"],
            "(?<=a)b(?!c)": ["ab", "!abc"],
            "(?>a+)b": ["aab"],
            "a++b": ["aab"],
            "^(a)?(?(1)b|c)$": ["ab", "c", "!ac"],
            "a{x}": ["a{x}"],
            "[[:alpha:]]+@": ["a@", "!1@"],
            "[]a]": ["]"],
            r"[\w.-]+@": ["a.-@"],
            "[a&&b]": ["&", "b"],
            r"\x41": ["a"],
            "(?#note)a": ["a"],
            r"^a\/b": ["a/b"],
        }
        for text, keys in cases.items():
            with self.subTest(text):
                if not keys:
                    self.assertRaises(ValueError, compile_pcre, text, "", False)
                    continue
                pattern = compile_pcre(text, "", False)
                for key in keys:
                    wanted = not key.startswith("!")
                    found = pattern(key.removeprefix("!").encode())
                    self.assertEqual(found is not None, wanted, key)

    def test_flags(self) -> None:
        """Each turns its option round, twice is none."""
        self.assertIsNone(compile_pcre("a", "i", False)(b"A"))
        self.assertIsNotNone(compile_pcre("a", "ii", False)(b"A"))
        self.assertIsNone(compile_pcre("a", "A", False)(b"ba"))
        self.assertIsNotNone(compile_pcre("a", "A", False)(b"ab"))
        self.assertIsNotNone(compile_pcre("a b", "x", False)(b"ab"))
        self.assertIsNotNone(compile_pcre("^b$", "mEX", False)(b"a\nb"))
        self.assertIsNone(compile_pcre("a.b", "s", False)(b"a\nb"))

    def test_refused(self) -> None:
        """What Python has not, or means otherwise."""
        for text in (
            r"\Qa\E",
            r"a\Kb",
            r"\pL",
            r"\h",
            r"\R",
            r"\X",
            r"\N",
            r"\G",
            r"\v",
            r"\e",
            r"\012",
            r"\x{41}",
            r"\o{101}",
            r"\g{1}",
            r"\k<n>",
            r"\cA",
            "(?|a|b)",
            "(?R)",
            "(?1)",
            "(?&n)",
            "(?P>n)",
            "(*ACCEPT)",
            "(?'n'a)",
            "a(?i)b",
            "(?x)a",
            "(?<=a+)b",
            "a{,2}",
            "[[.a.]]",
            "[[:^alpha:]]",
            r"[\A]",
            r"[\1]",
            r"[\w-z]",
            "[a",
            "a\\",
            "(?C1)",
        ):
            with self.subTest(text), self.assertRaises(ValueError):
                compile_pcre(text, "", False)
        for flags in ("U", "g", "D"):
            with self.subTest(flags), self.assertRaises(ValueError):
                compile_pcre("a", flags, False)
        self.assertRaises(ValueError, compile_pcre, "a#b", "x", False)

    def test_groups_keep_their_numbers(self) -> None:
        """Those that only hold things together count for nothing."""
        pattern = compile_pcre("(?:a)(?<n>b)(c)", "", True)
        match = pattern(b"abc")
        assert match is not None
        self.assertEqual((pattern.groups, match[1], match[2]), (2, b"b", b"c"))


if __name__ == "__main__":
    unittest.main()
