"""What IMAP's two sides share: lines with literals, strings, and response codes.

astring = 1*ASTRING-CHAR / string          string = quoted / literal
quoted  = DQUOTE *QUOTED-CHAR DQUOTE       literal = "{" number ["+"] "}" CRLF *CHAR8
"""

from __future__ import annotations

from ..._events import Request
from ..._reasons import Reason
from ..._strict import Malformed
from ..._value import Frozen, Secretive
from .._lines import LineBuffer
from .._quoted import read_quoted
from .._replies import LineReply

_set = object.__setattr__

_SPECIALS = b'(){%*"\\]'
_ATOM = bytes(range(0x21, 0x7F)).translate(None, _SPECIALS)
_ASTRING = _ATOM + b"]"
_TAG = _ASTRING.replace(b"+", b"")
_LONGEST_TAG = 64
_LONGEST_NUMBER = 19  # digits: of number64 (RFC 9051, section 9)


class Reply(LineReply):
    """The lines of a response, tags and `*` included, without their CRLF."""

    __slots__ = ()


class Command(Frozen):
    """A command that is not about authentication: the application answers it.

    `verb` in upper case; `argument` the octets after the space, literals as they came.
    `ok`, `no` and `bad` make the tagged response, after lines of untagged ones.
    """

    __slots__ = __match_args__ = ("tag", "verb", "argument")

    tag: str
    verb: str
    argument: bytes

    def __init__(self, tag: str, verb: str, argument: bytes = b"") -> None:
        _set(self, "tag", tag)
        _set(self, "verb", verb)
        _set(self, "argument", argument)

    def ok(self, text: str = "Done", *untagged: str, close: bool = False) -> Reply:
        """Say that it was done; `untagged` is what goes before, without its `* `."""
        return self._reply(f"OK {text}", untagged, close)

    def no(self, text: str, *untagged: str) -> Reply:
        """Say that it could not be done."""
        return self._reply(f"NO {text}", untagged)

    def bad(self, text: str, *untagged: str) -> Reply:
        """Say that it is no command, or not now."""
        return self._reply(f"BAD {text}", untagged)

    def _reply(
        self, text: str, untagged: tuple[str, ...], close: bool = False
    ) -> Reply:
        lines = (f"* {line}" for line in untagged)
        return Reply(*lines, f"{self.tag} {text}", close=close)


Action = Reply | Request | Command  # what a server is to do next


class CommandBuffer(Secretive):
    """Lines from a client, and literals where the session expects one.

    As LineBuffer; after `expect(n)` the next thing out is a literal of n octets.
    """

    __slots__ = ("_expected", "_lines", "_literal")

    def __init__(self, limit: int) -> None:
        self._lines = LineBuffer(limit)
        self._literal = bytearray()
        self._expected: int | None = None

    @property
    def pending(self) -> bool:
        """Whether anything has come that was not given out."""
        return self._lines.pending or bool(self._literal)

    def expect(self, count: int) -> None:
        """Take the next octets as a literal, whatever they are."""
        self._expected = count

    def feed(self, data: bytes) -> None:
        """Take what came from the connection."""
        self._lines.feed(data)

    def next(self) -> bytes | None:
        """Return the next line, or the whole literal; None if it is not there yet."""
        if self._expected is None:
            return self._lines.next()
        self._literal += self._lines.take(self._expected - len(self._literal))
        if len(self._literal) < self._expected:
            return None
        literal, self._expected = bytes(self._literal), None
        self._literal.clear()
        return literal


def split_tag(line: bytes) -> tuple[str, bytes]:
    """Split a command's tag from the rest; raise Malformed where there is none."""
    tag, space, rest = line.partition(b" ")
    if not space or not 0 < len(tag) <= _LONGEST_TAG or tag.translate(None, _TAG):
        raise Malformed("a command begins with its tag (RFC 9051, section 2.2.1)")
    return tag.decode(), rest


def literal_size(line: bytes) -> tuple[int, bool] | None:
    """Return the size of the literal that a line announces at its end, and whether the
    client waits for leave to send it; None if it announces none (RFC 9051, section 4.3).

    Leading zeros are right. A size beyond any number is still a size: who took the line
    for something else would take the literal for commands.
    """
    if not line.endswith(b"}"):
        return None
    start = line.rfind(b"{")
    digits = line[start + 1 : -1]
    waits = not digits.endswith(b"+")
    digits = digits if waits else digits[:-1]
    if start < 0 or not digits.isdigit():
        return None  # a brace that is no more than that
    digits = digits.lstrip(b"0") or b"0"
    return int(digits[: _LONGEST_NUMBER + 1]), waits


def is_atom(text: bytes) -> bool:
    """Whether this is an atom, as the name of a mechanism is."""
    return bool(text) and not text.translate(None, _ATOM)


def two_strings(text: bytes) -> tuple[bytes, bytes]:
    """Read two strings, separated by a space; raise Malformed for anything else.

    Literals stand as they came, announcement and CRLF included. NUL is in none of them.
    """
    first, rest = _astring(text)
    if rest[:1] != b" ":
        raise Malformed("strings are separated by a space (RFC 9051)")
    second, rest = _astring(rest[1:])
    if rest:
        raise Malformed("there is more than two strings")
    if b"\0" in first + second:
        raise Malformed("a string has no NUL (RFC 9051, section 4.3)")
    return first, second


def _astring(text: bytes) -> tuple[bytes, bytes]:
    if text[:1] == b'"':
        found = read_quoted(text)
        if found is None:
            raise Malformed("not a quoted string (RFC 9051, section 4.3)")
        return found[0], text[found[1] :]
    if text[:1] == b"{":
        line, _, rest = text.partition(b"\r\n")
        size, _ = literal_size(line) or (len(rest) + 1, True)
        if len(rest) < size:
            raise Malformed("not a literal (RFC 9051, section 4.3)")
        return rest[:size], rest[size:]
    atom, space, rest = text.partition(b" ")
    if not atom or atom.translate(None, _ASTRING):
        raise Malformed("not a string (RFC 9051, section 4.3)")
    return atom, space + rest


# RFC 5530, section 3. Codes that are not here say nothing of why.
_REASONS = {
    "AUTHENTICATIONFAILED": Reason.BAD_CREDENTIALS,
    "AUTHORIZATIONFAILED": Reason.NOT_AUTHORIZED,
    "CANNOT": Reason.UNSUPPORTED,
    "CLIENTBUG": Reason.MALFORMED,
    "CONTACTADMIN": Reason.DISABLED,
    "CORRUPTION": Reason.UNAVAILABLE,
    "EXPIRED": Reason.PASSWORD_EXPIRED,
    "INUSE": Reason.UNAVAILABLE,
    "LIMIT": Reason.UNAVAILABLE,
    "NOPERM": Reason.NOT_AUTHORIZED,
    "PRIVACYREQUIRED": Reason.ENCRYPTION_NEEDED,
    "SERVERBUG": Reason.UNAVAILABLE,
    "UNAVAILABLE": Reason.UNAVAILABLE,
}
_CONDITIONS = {"BAD": Reason.MALFORMED, "BYE": Reason.UNAVAILABLE}


def response_code(text: str) -> tuple[str, str]:
    """Return the response code at the beginning of a text, and what it holds."""
    if not text.startswith("["):
        return "", ""
    code, _, rest = text[1:].partition("]")[0].partition(" ")
    return code.upper(), rest


def reason_of(condition: str, text: str) -> Reason:
    """Return the reason that a refusal stands for: `NO`, `BAD` or `BYE`, and the text
    behind.

    A NO without a code is a no to these credentials: to take it for anything milder is
    how accounts get locked.
    """
    known = _REASONS.get(response_code(text)[0])
    return known or _CONDITIONS.get(condition, Reason.BAD_CREDENTIALS)
