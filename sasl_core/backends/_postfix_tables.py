"""Tables of Postfix, read as they are: postmap(1), regexp_table(5), pcre_table(5).

What Postfix would skip with a warning is refused, with the number of its line: a table
that is half read says other things than its author meant.
"""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, NamedTuple

from ._account import Unavailable
from ._postfix_patterns import Pattern, compile_pcre, compile_regexp
from ._watched_file import WatchedFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    Logins: TypeAlias = tuple[str, ...]
    Find: TypeAlias = Callable[[str, bool], Logins | None]
    Compile: TypeAlias = Callable[[str, str, bool], Pattern]

_SPACE = " \t\n\v\f\r"  # C's isspace
_SEPARATORS = re.compile(r"[, \t\r\n]+")
_KEY = re.compile(r'(?:\\.|"(?:\\.|[^"\\])*"|[^\s"\\])*\\?', re.ASCII | re.DOTALL)
_WORD = re.compile(r"(endif|if)(?![0-9A-Za-z])", re.IGNORECASE)
_DOLLAR = re.compile(r"\$(?:(\$)|\{(\d+)\}|\((\d+)\)|(\w+))?", re.ASCII)
_TEXTS = frozenset({"btree", "cdb", "dbm", "hash", "lmdb", "sdbm", "texthash"})


def fold(text: str) -> str:
    """Return a key or login as Postfix's casefold(3) leaves it for comparison."""
    return text.casefold()


class Table:
    """One table, read again when its file is another one or has changed."""

    def __init__(self, path: str, read: Callable[[bytes], Find]) -> None:
        self._file = WatchedFile(path)
        self._read = read
        self._lock = threading.Lock()
        self._octets: bytes | None = None
        self._problem = ""
        self._find: Find = _nothing
        self._load(self._file.octets())
        if self._problem:
            raise ValueError(self._problem)

    @classmethod
    def open(cls, name: str) -> Table:
        """Open "type:path"; a path alone is one of hash:.

        Raise ValueError for another type, or what a file has; OSError if it cannot be
        read.
        """
        if name.startswith("/"):
            name = f"hash:{name}"
        kind, _, path = name.removeprefix("proxy:").partition(":")
        if not path:
            raise ValueError("a table is written type:path")
        if kind in _TEXTS:
            # postmap keeps the first of two equal keys; texthash: will not have it.
            return cls(path, lambda text: _texts(text, unique=kind == "texthash"))
        if kind == "regexp":
            return cls(path, lambda text: _patterns(text, compile_regexp))
        if kind == "pcre":
            return cls(path, lambda text: _patterns(text, compile_pcre))
        known = ", ".join(sorted(_TEXTS | {"regexp", "pcre"}))
        raise ValueError(f"the type of a table is one of {known}")

    def find(self, key: str, whole: bool) -> Logins | None:
        """Return the logins that the key has, None where it is not there.

        `whole`: it is the whole address; patterns see no part of one. Raise Unavailable.
        """
        with self._lock:
            try:
                octets = self._file.octets()
            except OSError as error:
                why = error.strerror
            else:
                if octets is not self._octets:
                    self._load(octets)
                why = self._problem
            if why:
                raise Unavailable(f"a table of senders cannot be read: {why}")
            find = self._find
        return find(key, whole)

    def _load(self, octets: bytes) -> None:
        try:
            self._find = self._read(octets)
            self._problem = ""
        except ValueError as error:
            self._problem = str(error)
        self._octets = octets


def _nothing(key: str, whole: bool) -> Logins | None:
    return None


def logical_lines(octets: bytes) -> Iterator[tuple[int, str]]:
    """Return each logical line and the number of its first: what begins with white space
    continues it, comments and empty lines even within it are left out.
    """
    first, parts = 0, [b""]
    for number, line in enumerate(octets.split(b"\n"), 1):
        start = line.lstrip(_SPACE.encode())[:1]
        if not start or start == b"#":
            continue
        if b"\0" in line:
            raise ValueError(f"line {number}: a NUL")
        if start == line[:1]:
            if first:
                yield first, _decoded(first, b"".join(parts))
            first, parts = number, [line]
        elif first:
            parts.append(line)
        else:
            raise ValueError(f"line {number}: white space before the first line")
    if first:
        yield first, _decoded(first, b"".join(parts))


def _decoded(number: int, line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise ValueError(f"line {number}: not UTF-8") from None


def _texts(octets: bytes, *, unique: bool) -> Find:
    table: dict[str, Logins] = {}
    for number, line in logical_lines(octets):
        found = _KEY.match(line)
        key = fold(found[0]) if found else ""
        rest = line[len(found[0]) if found else 0 :]
        if rest.startswith('"'):
            raise ValueError(f"line {number}: an odd number of quotes")
        value = rest.strip(_SPACE)
        if not key or not value:
            raise ValueError(f"line {number}: not a key, white space and a value")
        if unique and key in table:
            raise ValueError(f"line {number}: a key that there is already")
        table.setdefault(key, _split(value))
    return lambda key, whole: table.get(fold(key))


def _split(value: str) -> Logins:
    return tuple(login for login in _SEPARATORS.split(value) if login)


class _Rule(NamedTuple):
    """A pattern, and the logins where it matches; an `if` has none, but an end."""

    pattern: Pattern
    negated: bool
    logins: tuple[tuple[str | int, ...], ...] | None


def _patterns(octets: bytes, compiler: Compile) -> Find:
    rules: list[_Rule] = []
    ends: dict[int, int] = {}  # of each `if`: the rule after its `endif`
    open_: list[tuple[int, int]] = []
    for number, line in logical_lines(octets):
        try:
            word = _WORD.match(line)
            if word and word[1].lower() == "endif":
                _must_end(line[word.end() :])
                if not open_:
                    raise ValueError("an endif without if")
                ends[open_.pop()[1]] = len(rules)
            elif word:
                open_.append((number, len(rules)))
                rules.append(_if(line[word.end() :], compiler))
            else:
                rules.append(_rule(line, compiler))
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None
    if open_:
        raise ValueError(f"line {open_[-1][0]}: an if without endif")

    def find(key: str, whole: bool) -> Logins | None:
        if not whole:
            return None
        octets = key.encode()
        at = 0
        while at < len(rules):
            pattern, negated, logins = rules[at]
            match = pattern(octets)
            if (match is None) == negated:
                if logins is not None:
                    expanded = (_expanded(login, match) for login in logins)
                    return tuple(login for login in expanded if login)
                at += 1
            else:
                at = ends.get(at, at + 1)
        return None

    return find


def _if(text: str, compiler: Compile) -> _Rule:
    negated, pattern, flags, rest = _delimited(text)
    _must_end(rest)
    return _Rule(compiler(pattern, flags, False), negated, None)


def _rule(text: str, compiler: Compile) -> _Rule:
    if text[0].isascii() and text[0].isalnum():
        raise ValueError("neither a pattern nor if or endif")
    negated, pattern, flags, rest = _delimited(text)
    value = rest.strip(_SPACE)
    if not value:
        raise ValueError("no result")
    # Split before anything is put in: a comma in an address separates no logins.
    logins = tuple(map(_template, _split(value)))
    most = max(
        (part for login in logins for part in login if isinstance(part, int)), default=0
    )
    if most and negated:
        raise ValueError("a $number, but nothing matches")
    compiled = compiler(pattern, flags, bool(most))
    if most > compiled.groups:
        raise ValueError("a $number of no group")
    return _Rule(compiled, negated, logins)


def _delimited(text: str) -> tuple[bool, str, str, str]:
    """Split "!/pattern/flags rest"."""
    body = text.lstrip("!" + _SPACE)
    negated = text[: len(text) - len(body)].count("!") % 2 == 1
    if not body:
        raise ValueError("no pattern")
    delimiter, at = body[0], 1
    while at < len(body) and body[at] != delimiter:
        at += 2 if body[at] == "\\" else 1
    if at >= len(body):
        raise ValueError("no end of the pattern")
    flags = re.split(r"\s", body[at + 1 :], maxsplit=1, flags=re.ASCII)[0]
    return negated, body[1:at], flags, body[at + 1 + len(flags) :]


def _must_end(text: str) -> None:
    if text.strip(_SPACE):
        raise ValueError("text after an if or endif")


def _template(login: str) -> tuple[str | int, ...]:
    """Split a login into texts and the numbers of groups."""
    parts: list[str | int] = []
    end = 0
    for found in _DOLLAR.finditer(login):
        parts.append(login[end : found.start()])
        end = found.end()
        if found[1]:
            parts.append("$")
            continue
        number = found[2] or found[3] or found[4] or ""
        if not number.isdigit() or len(number) > 3 or int(number) < 1:
            raise ValueError("a $ that is neither $$ nor before a number")
        parts.append(int(number))
    parts.append(login[end:])
    return tuple(parts)


def _expanded(login: tuple[str | int, ...], match: re.Match[bytes] | None) -> str:
    return "".join(
        part
        if isinstance(part, str)
        # Half a character may be in a group: then it is nobody's name.
        else ((match and match[part]) or b"").decode(errors="surrogateescape")
        for part in login
    )
