"""The regular expressions of Postfix's tables in Python's: POSIX extended ones, and Perl's.

Both match octets, as Postfix does. What Python has not, or means otherwise, is refused;
so is what it could search for ever (`_postfix_growth.py`).
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from ._postfix_growth import check_growth

if TYPE_CHECKING:
    from collections.abc import Callable

_CLASSES = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "blank": r" \t",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r" \t-\r",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}
_CLASS = re.compile(r"\[:(\w+):\]")
_COUNT = re.compile(r"\{(\d{1,5}(,\d{0,5})?|,\d{1,5})\}")
_POSIX_ESCAPES = {
    "w": r"\w",
    "W": r"\W",
    "s": r"\s",
    "S": r"\S",
    "b": r"\b",
    "B": r"\B",
    "<": r"\b(?=\w)",
    ">": r"\b(?<=\w)",
    "`": r"\A",
    "'": r"\Z",
}
_PERL_GROUP = re.compile(
    r"\((?:\?(?::|=|!|<=|<!|>|P<\w+>|P=\w+\)|<[A-Za-z_]\w*>|[ims]*(?:-[ims]+)?:"
    r"|#[^)]*\)|\(\d+\)))?(?![?*])",
    re.ASCII,
)
_PERL_ESCAPE = re.compile(r"\\(?:[dDwWsSAnrtfa]|x[0-9A-Fa-f]{2}|[^\w])", re.ASCII)
_PERL_ASSERTION = re.compile(r"\\(?:[bBzZ]|[1-9](?!\d))")


class Pattern:
    """A compiled expression: called with a key, it returns the match or None."""

    def __init__(self, text: str, flags: int, *, anchored: bool = False) -> None:
        try:
            compiled = re.compile(text.encode("latin-1"), flags)
            check_growth(text, flags)
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"not an expression of Python's: {_why(error)}") from None
        self.groups = compiled.groups
        self._match: Callable[[bytes], re.Match[bytes] | None] = (
            compiled.match if anchored else compiled.search
        )

    def __call__(self, key: bytes) -> re.Match[bytes] | None:
        """Return where it matches."""
        return self._match(key)


def _why(error: Exception) -> str:
    return error.msg if isinstance(error, re.error) else type(error).__name__


def compile_regexp(pattern: str, flags: str, substitutes: bool) -> Pattern:
    """Translate a POSIX extended expression (regex(7)), case ignored by default.

    `substitutes`: what its groups match is used. Raise ValueError: for a basic one (flag
    x), for [.x.] and [=x=], escaped letters, repetition of nothing or by odd braces; and
    for groups in use beside a repeated one, or beside alternatives of which one may begin
    as another does: POSIX takes the longest match, Python the first.
    """
    if flags.strip("imx"):
        raise ValueError("a flag that is none of i, m, x")
    if flags.count("x") % 2:
        raise ValueError("a basic expression (flag x)")
    ignore_case = flags.count("i") % 2 == 0
    text, ambiguous = _Posix(pattern, ignore_case).translate()
    if substitutes and ambiguous:
        raise ValueError("a $number beside what POSIX and Python match differently")
    # A key has no line breaks, so m changes nothing.
    return Pattern(text, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def compile_pcre(pattern: str, flags: str, substitutes: bool) -> Pattern:
    r"""Translate a Perl-compatible expression (pcre2syntax(3)), case ignored by default.

    Raise ValueError: for the flag U, recursion, verbs, (?|...), \Q, \K, \p, \h, \R and
    other escapes that Python has not or means otherwise, octal numbers, options set
    within an expression but (?i:...), and {,n}.
    """
    if flags.strip("imsxAEX"):
        raise ValueError("a flag that is none of i, m, s, x, A, E, X")
    odd = {flag for flag in flags if flags.count(flag) % 2}
    options = 0 if "i" in odd else re.IGNORECASE
    options |= 0 if "s" in odd else re.DOTALL
    options |= re.MULTILINE if "m" in odd else 0
    options |= re.VERBOSE if "x" in odd else 0
    if "x" in odd and "#" in pattern:
        raise ValueError("a # in an expression with the flag x")
    return Pattern(_perl(_octets(pattern)), options, anchored="A" in odd)


def _octets(pattern: str) -> str:
    """Return one character for each octet."""
    return pattern.encode().decode("latin-1")


class _Posix:
    """A translation under way.

    `out` are the pieces so far, `atom` is where the last thing that can be repeated
    begins among them. For each open group: where it begins, the literals with which its
    alternatives begin, and whether the last of these still grows.
    """

    def __init__(self, pattern: str, ignore_case: bool) -> None:
        self._text = _octets(pattern)
        self._at = 0
        self._ignore_case = ignore_case
        self._out: list[str] = []
        self._atom: int | None = None
        self._repeated = False
        self._groups: list[tuple[int, list[str]]] = [(0, [""])]
        self._growing = True
        self._ambiguous = False

    def translate(self) -> tuple[str, bool]:
        while self._at < len(self._text):
            char = self._text[self._at]
            self._at += 1
            match char:
                case "(":
                    self._growing = False
                    self._groups.append((len(self._out), [""]))
                    self._put("(", atom=False)
                    self._growing = True
                case ")":
                    self._close()
                case "|":
                    self._put("|", atom=False)
                    self._groups[-1][1].append("")
                    self._growing = True
                case "*" | "+" | "?":
                    self._repeat(char)
                case "{":
                    count = _COUNT.match(self._text, self._at - 1)
                    if count is None:
                        raise ValueError("braces that count nothing")
                    self._at = count.end()
                    self._repeat(count[0])
                case "[":
                    self._put(self._bracket())
                case ".":
                    self._put(".")
                case "^" | "$":
                    self._put("^" if char == "^" else r"\Z", atom=False)
                case "\\":
                    self._escape()
                case _:
                    self._literal(char)
        if len(self._groups) > 1:
            raise ValueError("a group without end")
        self._compare(self._groups[0][1])
        return "".join(self._out), self._ambiguous

    def _put(self, piece: str, *, atom: bool = True) -> None:
        self._growing = False
        self._atom = len(self._out) if atom else None
        self._repeated = False
        self._out.append(piece)

    def _literal(self, char: str) -> None:
        growing = self._growing
        self._put(re.escape(char))
        if growing:
            self._groups[-1][1][-1] += _lower(char)
            self._growing = True

    def _repeat(self, count: str) -> None:
        if self._atom is None:
            raise ValueError("a repetition of nothing")
        if self._growing:  # what may be there or not is no beginning
            begins = self._groups[-1][1]
            begins[-1] = begins[-1][:-1]
            self._growing = False
        if self._out[self._atom].startswith("(") and count != "?":
            # What a repeated group has matched in the end: there, too, they differ.
            self._ambiguous = True
        if self._repeated:  # Python would take a second one for "lazy" or "possessive"
            self._out[self._atom :] = ["(?:" + "".join(self._out[self._atom :]) + ")"]
        self._out.append(count)
        self._repeated = True

    def _close(self) -> None:
        if len(self._groups) == 1:
            raise ValueError("an end of no group")
        start, begins = self._groups.pop()
        self._compare(begins)
        self._put(")")
        self._atom = start

    def _compare(self, begins: list[str]) -> None:
        # In their order, whatever begins as another does comes right after such a one.
        for one, other in pairwise(sorted(begins)):
            self._ambiguous |= other.startswith(one)

    def _escape(self) -> None:
        char = self._text[self._at : self._at + 1]
        self._at += 1
        if char in _POSIX_ESCAPES:
            self._put(_POSIX_ESCAPES[char], atom=char in "wWsS")
        elif char in "123456789" and char:
            self._put(f"(?:\\{char})")
        elif not char or char.isalnum():
            raise ValueError("a backslash before a letter or nothing")
        else:
            self._literal(char)

    def _bracket(self) -> str:
        """Translate up to the "]": a backslash is a character like any other."""
        text, at = self._text, self._at
        negated = text[at : at + 1] == "^"
        at += negated
        members = ""
        first = True
        while first or text[at : at + 1] != "]":
            if at >= len(text):
                raise ValueError("a bracket without end")
            first = False
            if text[at : at + 2] in ("[.", "[="):
                raise ValueError("a collating symbol or equivalence class")
            if text[at : at + 2] == "[:":
                name, at = _class(text, at)
                members += name
                continue
            low = high = text[at]
            at += 1
            if text[at : at + 1] == "-" and text[at + 1 : at + 2] not in ("]", ""):
                high = text[at + 1]
                at += 2
                if high == "[":
                    raise ValueError("a range up to a bracket")
            members += self._range(low, high)
        self._at = at + 1
        return f"[{'^' * negated}{members}]"

    def _range(self, low: str, high: str) -> str:
        if self._ignore_case:
            # POSIX puts both sides into lower case first; Python looks for either case.
            low, high = _lower(low), _lower(high)
            inside = {chr(code) for code in range(ord(low), ord(high) + 1)}
            if any(
                c.isupper() and c.lower() not in inside for c in inside if c < "\x80"
            ):
                raise ValueError("a range with some capital letters, case ignored")
        if low > high:
            raise ValueError("a range that ends before it begins")
        return _member(low) if low == high else f"{_member(low)}-{_member(high)}"


def _lower(char: str) -> str:
    return char.lower() if char.isascii() else char  # an octet, no letter


def _member(char: str) -> str:
    return char if char.isalnum() and char.isascii() else f"\\x{ord(char):02x}"


def _class(text: str, at: int) -> tuple[str, int]:
    found = _CLASS.match(text, at)
    if found is None or found[1] not in _CLASSES:
        raise ValueError("no such class of characters")
    return _CLASSES[found[1]], found.end()


def _perl(text: str) -> str:
    out: list[str] = []
    options = re.match(r"\(\?[ims]+\)", text)
    at = options.end() if options else 0
    out.append(text[:at])
    while at < len(text):
        match text[at]:
            case "\\":
                piece, at = _perl_escape(text, at)
            case "[":
                piece, at = _perl_bracket(text, at)
            case "(":
                piece, at = _perl_group(text, at)
            case "{":
                piece, at = _perl_count(text, at)
            case char:
                piece, at = char, at + 1
        out.append(piece)
    return "".join(out)


def _perl_escape(text: str, at: int) -> tuple[str, int]:
    if found := _PERL_ESCAPE.match(text, at):
        return found[0], found.end()
    if found := _PERL_ASSERTION.match(text, at):
        # Before a line break at the end, or after it: a key has none.
        return found[0].replace("z", "Z"), found.end()
    raise ValueError("an escape that Python has not, or means otherwise")


def _perl_group(text: str, at: int) -> tuple[str, int]:
    found = _PERL_GROUP.match(text, at)
    if found is None:
        raise ValueError("a kind of group that Python has not, or means otherwise")
    named = re.fullmatch(r"\(\?<(\w+)>", found[0], re.ASCII)
    return f"(?P<{named[1]}>" if named else found[0], found.end()


def _perl_count(text: str, at: int) -> tuple[str, int]:
    found = _COUNT.match(text, at)
    if found is None:
        return r"\{", at + 1
    if found[1].startswith(","):
        raise ValueError("{,n}, which old PCREs take for text")
    return found[0], found.end()


def _perl_bracket(text: str, at: int) -> tuple[str, int]:
    start = at
    at += 2 if text[at + 1 : at + 2] == "^" else 1
    out = [text[start:at]]
    first = True
    while first or text[at : at + 1] != "]":
        if at >= len(text):
            raise ValueError("a bracket without end")
        first = False
        if text[at : at + 2] in ("[.", "[="):
            raise ValueError("a collating symbol or equivalence class")
        if text[at : at + 2] == "[:":
            piece, at = _class(text, at)
        elif text[at] == "\\":
            found = _PERL_ESCAPE.match(text, at)
            if found is None or found[0] == r"\A":
                raise ValueError("an escape that Python has not, or means otherwise")
            piece, at = found[0], found.end()
        else:
            # Doubled, some of these would be reserved in Python.
            piece, at = ("\\" * (text[at] in "[]&|~") + text[at]), at + 1
        out.append(piece)
    return "".join(out) + "]", at + 1
