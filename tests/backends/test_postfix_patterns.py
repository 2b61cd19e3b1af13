"""Postfix's patterns: what an expression means to either library."""

from __future__ import annotations

import unittest

from sasl_core.backends._postfix_patterns import compile_pcre, compile_regexp

from .._hypothesis import example, given, st


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
