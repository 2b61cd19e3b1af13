r"""How long a search can take: expressions whose time is exponential in the key are told.

Python tries one way after the other to match. Where a repetition can match the same text
in two ways, as `([a-z0-9]+\.?)+` does, n repetitions have 2**n, and a key that fits none
has all of them tried. The C library's regexp has no such trouble, PCRE has a limit.

The rule: an expression is made an automaton of its characters (Glushkov's), and no two
different ways may lead from a character to itself by the same text (Weber and Seidl's
criterion EDA, "On the degree of ambiguity of finite automata", 1991). It errs on the safe
side: a count such as {2,5} is taken for any number, a group that does not backtrack for
one that does, what must come before or after is not looked at, and a repetition of what may
be nothing is refused in any case. It does not tell of powers: a.*b.*c takes the square.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from typing import NamedTuple

_TOO_SLOW = "a repetition that matches the same in several ways: it can take for ever"
_TOO_LARGE = "repetitions too large to tell how long they take"
_MAX_EDGES = 100_000
_MANY = 100_000
_WRITTEN_OUT = 8  # a count up to this is: ([0-9]{4})+ is as good as four of them
_ALL = (1 << 256) - 1

# Without one, no text is matched in two ways by the same characters.
_REPEATED_GROUP = re.compile(r"\)\s*[*+{]")
_REPEAT = re.compile(r"(?:[*+?]|\{(\d*)(,?)(\d*)\})[?+]?")
_REFERENCE = re.compile(r"\\[1-9]|\(\?P=\w+\)")
_NOTHING = re.compile(r"\^|\$|\\[AbBZ]|\(\?#[^)]*\)|\(\?[a-z]+\)")
_LOOK = re.compile(r"\(\?<?[=!]")
_GROUP = re.compile(r"\((?:\?(?:P<\w+>|>|\(\d+\)|[a-z]*(?:-[a-z]+)?:))?")
_OPTIONS = re.compile(r"\(\?[a-z]*-?[a-z]+[:)]")
_ATOM = re.compile(
    r"\\x[0-9A-Fa-f]{2}|\\.|\[\^?(?:\\x[0-9A-Fa-f]{2}|\\.|[^\]\\])*\]|.", re.DOTALL
)


class _Part(NamedTuple):
    """A part of an expression: in how many ways it matches nothing, and by which of its
    characters it begins and ends, each in how many ways.
    """

    empty: int
    first: Counter[int]
    last: Counter[int]


_NONE = _Part(1, Counter(), Counter())


def check_growth(text: str, flags: int) -> None:
    """Raise ValueError for an expression of Python's, in the forms that the translations
    in `_postfix_patterns.py` write, whose search can take exponential time.
    """
    if _REPEATED_GROUP.search(text) is None:
        return
    reader = _Reader(text, flags)
    reader.alternatives()
    for loop in _loops(reader.follow):
        if _ambiguous(reader, loop):
            raise ValueError(_TOO_SLOW)


class _Reader:
    """Reads an expression that Python has compiled; `follow` is the automaton."""

    def __init__(self, text: str, flags: int) -> None:
        self._text = text
        self._at = 0
        self._verbose = flags & re.VERBOSE
        ignores = flags & re.IGNORECASE
        # Options of a group's own: then each character is taken to be under either.
        self._ignores = (0, re.IGNORECASE) if _OPTIONS.search(text) else (ignores,)
        self._edges = 0
        self.atoms: list[str] = []
        self.follow: list[Counter[int]] = []

    def alternatives(self) -> _Part:
        """Read up to the end of a group, or of all."""
        empty, first, last = 0, Counter[int](), Counter[int]()
        while True:
            part = self._sequence()
            empty += part.empty
            first.update(part.first)
            last.update(part.last)
            if self._text[self._at : self._at + 1] != "|":
                return _Part(empty, first, last)
            self._at += 1

    def overlap(self, one: int, other: int) -> bool:
        """Tell whether an octet is of both characters."""
        mine, others = self._octets(one), self._octets(other)
        return bool(mine & others)

    def _octets(self, at: int) -> int:
        found = 0
        for ignores in self._ignores:
            found |= _octets(self.atoms[at], ignores)
        return found

    def _sequence(self) -> _Part:
        part = _NONE
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            if self._verbose and self._text[self._at].isspace():
                self._at += 1
                continue
            part = self._then(part, self._repeated())
        return part

    def _then(self, one: _Part, other: _Part) -> _Part:
        self._join(one.last, other.first)
        return _Part(
            min(one.empty * other.empty, 2),
            one.first + _times(other.first, one.empty),
            other.last + _times(one.last, other.empty),
        )

    def _repeated(self) -> _Part:
        start = self._at
        part = self._one()
        while self._verbose and self._text[self._at : self._at + 1].isspace():
            self._at += 1
        found = _REPEAT.match(self._text, self._at)
        if found is None:
            return part
        least, most = _bounds(found)
        if 1 < least == most <= _WRITTEN_OUT and self._is_one(part):
            for _ in range(least - 1):
                self._at = start
                part = self._then(part, self._one())
        else:
            part = self._repeat(part, least, most)
        self._at = found.end()
        return part

    def _is_one(self, part: _Part) -> bool:
        """Tell whether it is one character, and no repetition of it."""
        return (
            not part.empty
            and part.first == part.last
            and len(part.first) == 1
            and not any(self.follow[at] for at in part.first)
        )

    def _repeat(self, part: _Part, least: int, most: int) -> _Part:
        if most == 0:
            return _NONE
        if most > 1:
            if part.empty:
                raise ValueError("a repetition of what may be nothing")
            self._join(part.last, part.first)
        return part._replace(empty=part.empty + (least == 0))

    def _one(self) -> _Part:
        text, at = self._text, self._at
        if found := _REFERENCE.match(text, at):
            self._at = found.end()
            return self._character("")
        if found := _NOTHING.match(text, at):
            self._at = found.end()
            return _NONE
        if found := _LOOK.match(text, at):
            self._inside(found.end())
            return _NONE
        if found := _GROUP.match(text, at):
            return self._inside(found.end())
        found = _ATOM.match(text, at)
        self._at += len(found[0]) if found else 1
        return self._character(text[at : self._at])

    def _inside(self, at: int) -> _Part:
        self._at = at
        part = self.alternatives()
        self._at += 1  # its end
        return part

    def _character(self, atom: str) -> _Part:
        at = len(self.atoms)
        self.atoms.append(atom)
        self.follow.append(Counter())
        return _Part(0, Counter([at]), Counter([at]))

    def _join(self, last: Counter[int], first: Counter[int]) -> None:
        self._edges += len(last) * len(first)
        if self._edges > _MAX_EDGES:
            raise ValueError(_TOO_LARGE)
        for one, ways in last.items():
            self.follow[one].update(_times(first, ways))


def _times(counts: Counter[int], ways: int) -> Counter[int]:
    if not ways:
        return Counter()
    # Two are as bad as more.
    return Counter({each: min(count * ways, 2) for each, count in counts.items()})


def _bounds(found: re.Match[str]) -> tuple[int, int]:
    """Return the least and the most of a repetition; without end, more than any count."""
    match found[0][0]:
        case "?":
            return 0, 1
        case "*":
            return 0, _MANY
        case "+":
            return 1, _MANY
    least, comma, most = found[1], found[2], found[3]
    if not comma:
        most = least
    return int(least or 0), int(most or _MANY)


@lru_cache(4096)
def _octets(atom: str, ignores: int) -> int:
    """Return what an atom matches: a bit for each octet.

    A reference to a group ("" here) may begin with any.
    """
    if not atom:
        return _ALL
    one = re.compile(atom.encode("latin-1"), re.DOTALL | ignores)
    return sum(1 << octet for octet in range(256) if one.fullmatch(bytes([octet])))


def _loops(follow: list[Counter[int]]) -> list[set[int]]:
    """Return the sets of characters that lead to each other (Tarjan's algorithm)."""
    loops: list[set[int]] = []
    number: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    waiting: set[int] = set()
    for start in range(len(follow)):
        if start in number:
            continue
        path = [(start, iter(follow[start]))]
        number[start] = low[start] = len(number)
        stack.append(start)
        waiting.add(start)
        while path:
            one, others = path[-1]
            for other in others:
                if other not in number:
                    number[other] = low[other] = len(number)
                    stack.append(other)
                    waiting.add(other)
                    path.append((other, iter(follow[other])))
                    break
                if other in waiting:
                    low[one] = min(low[one], number[other])
            else:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[one])
                if low[one] == number[one]:
                    loop: set[int] = set()
                    while one not in loop:
                        loop.add(stack.pop())
                    waiting -= loop
                    loops.append(loop)
    return loops


def _ambiguous(reader: _Reader, loop: set[int]) -> bool:
    """Tell whether the same text leads in two ways from a character of a loop to itself."""
    follow = {
        one: [other for other in reader.follow[one] if other in loop] for one in loop
    }
    if any(reader.follow[one][other] > 1 for one in loop for other in follow[one]):
        return True
    # Two that walk by the same text; they part at one character, and meet at another.
    apart: list[tuple[int, int]] = [(one, one) for one in loop]
    seen = set(apart)
    steps = 0
    while apart:
        one, other = apart.pop()
        for here in follow[one]:
            for there in follow[other]:
                steps += 1
                if steps > _MAX_EDGES:
                    raise ValueError(_TOO_LARGE)
                if here == there:
                    if one != other:
                        return True
                    continue
                pair = min(here, there), max(here, there)
                if pair not in seen and reader.overlap(here, there):
                    seen.add(pair)
                    apart.append(pair)
    return False
