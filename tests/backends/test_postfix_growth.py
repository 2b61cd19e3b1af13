"""Which expressions could be searched for ever, and which are taken all the same."""

from __future__ import annotations

import unittest

from sasl_core.backends._postfix_patterns import compile_pcre, compile_regexp

from .test_postfix_tables import Case

# Each has 2**n ways, or C(n, k), to match some key of n characters.
SLOW = r"""
    ([a-z0-9]+\.?)+
    (a+)+$
    (a|a)*b
    (a|ab|b)*c
    (foo|foobar|bar)*$
    (.+\.)*x
    (.*,){11}P
    (.*,){3}P
    (a?b?)*c
    (a?){30}a{30}
    (|a)+b
    ((a|b)*c?)*d
    (a(b*)*c)+d
    ((a?)?c)+d
    (-?[0-9]+){3,}
    ^(([a-z])+.)+[A-Z]([a-z])+$
    (x+x+)+y
    (a.?|b)*
    ([a-z]+[a-z0-9]*)+@
    ([[:alpha:]]*@?a)*$
    (([a-f]|[e-k])x)*
    (a|A)*b
    (a{2}|aa)*b
    (.)(a|\1)*b
""".split()
SLOW_IN_PERL = r"""
    (?:\w+\s?)*$
    (?:a+?)+?b
    (?:(?=a)a|ab?)*c
    (?P<x>a*b?)+c
    (?>a+)+b
    (?i:a|A)*b
    (?:\x61|[a-c])*d
    (?:[\w.]|-|_)*@
    (?:(a)?b(?(1)c|c?))*x
""".split()
# Of Postfix's manual pages (regexp_table(5), pcre_table(5), header_checks(5)), of lists
# of dynamic names that people share, and what is built like the above but is harmless.
TAKEN = r"""
    ^(.*)-outgoing-(.*)@(.*)$
    [%!@].*[%!@]
    ^friend@(my\.domain)$
    ^owner-(.*)@
    ^<?([^@<>]+)@(example\.(com|org))>?$
    ^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$
    ^([0-9]{1,3}[.-]){4}[a-z]+
    ^(dsl|dhcp|dial)[0-9]+-([0-9]{1,3}\.){3}
    ^([^@.]+\.)+example\.com$
    ^([a-z]+-){2,}[a-z]+@
    (foo|bar)+
    (\.[a-z]+)*$
    (ab*c)+$
    (a[^ab]*b)*
    ([0-9]{4})+
    ([0-9]{2})+
    (a|b|c)*d
    ^(a{0}b)*$
    (\)*a)
    .*.*=.*
    (a)\1*
""".split()
TAKEN_IN_PERL = r"""
    ^(?:[a-z0-9-]+\.)*example\.org$
    ^(?=[^@]*[0-9])(?:\w+[.+-])*\w+@
    ^(?:\d{1,3}\.){3}\d{1,3}$
    (?:(?#a)\x41|b)+
    (?:a++b)+
    ((?:a|b)+)@
    (?<!x)(?:foo|bar)*?$
""".split()


class GrowthTest(Case):
    """The time is never measured: it is what the expression is."""

    def test_slow(self) -> None:
        """Refused, in either form."""
        for compiler, texts in (
            (compile_regexp, SLOW),
            (compile_pcre, [*SLOW, *SLOW_IN_PERL]),
        ):
            for text in texts:
                with (
                    self.subTest(text),
                    self.assertRaisesRegex(ValueError, "repetition"),
                ):
                    compiler(text, "", False)

    def test_taken(self) -> None:
        """They load; with captures where POSIX and Python agree on them."""
        for text in TAKEN:
            with self.subTest(text):
                compile_regexp(text, "", False)
        for text in [*TAKEN, *TAKEN_IN_PERL]:
            with self.subTest(text):
                compile_pcre(text, "", False)

    def test_case_and_white_space(self) -> None:
        """As the flags of the line say."""
        compile_pcre("(a|A)*b", "i", False)  # Postfix's i is for "case counts"
        compile_regexp("(a|A)*b", "i", False)
        compile_pcre("( a | A b ) * c", "xi", False)
        for flags in ("", "i"):  # there, a space is a character
            compile_pcre("( |a)*b", flags, False)
        for text, flags in (("( a + ) * c", "x"), ("(?i:x)(a|A)*b", "i")):
            with self.subTest(text), self.assertRaises(ValueError):
                compile_pcre(text, flags, False)

    def test_the_line_is_named(self) -> None:
        """With what is the matter with it."""
        text = "/^a@/ alice\n/^([a-z]+\\.?)+@/ bob\n"
        for kind in ("regexp", "pcre"):
            with self.assertRaisesRegex(
                ValueError, "^line 2: a repetition .* for ever$"
            ):
                self.table(text, kind)

    def test_what_is_too_large_to_tell(self) -> None:
        """It is refused: a table cannot be made to load for ever instead."""
        words = "|".join(f"{number:03}" for number in range(400))
        with self.assertRaisesRegex(ValueError, "too large"):
            compile_regexp(f"^({words})+@", "", False)


if __name__ == "__main__":
    unittest.main()
