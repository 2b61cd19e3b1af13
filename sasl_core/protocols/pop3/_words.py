"""What POP3's two sides share: replies, commands, and the reason behind a refusal."""

from __future__ import annotations

from ..._events import Request
from ..._reasons import Reason
from ..._value import Frozen
from .. import _reply_buffer as neutral
from .._replies import LineReply, dot_stuffed

_set = object.__setattr__


class Reply(LineReply):
    """A reply: its one line, and what follows where that is a list or a message.

    `body` is what follows, as octets: its lines are stuffed here, and the last dot is
    added (RFC 1939, section 3). No line at all says nothing. Text is printable; raise
    ValueError for control characters.
    """

    __slots__ = ("body",)
    __match_args__ = ("lines", "body", "close")

    body: bytes | None

    def __init__(
        self, *lines: str, body: bytes | None = None, close: bool = False
    ) -> None:
        super().__init__(*lines, close=close)
        _set(self, "body", body)

    def __bytes__(self) -> bytes:
        first = super().__bytes__()
        return first if self.body is None else first + dot_stuffed(self.body)


class Command(Frozen):
    """A command that is not about authentication: the application answers it.

    `verb` in upper case; `argument` the octets after the space, without CR, LF or NUL.
    `ok` and `err` make the reply.
    """

    __slots__ = __match_args__ = ("verb", "argument")

    verb: str
    argument: bytes

    def __init__(self, verb: str, argument: bytes = b"") -> None:
        _set(self, "verb", verb)
        _set(self, "argument", argument)

    def ok(
        self, text: str = "", *, body: bytes | None = None, close: bool = False
    ) -> Reply:
        """Say that it was done; `body` is the list or the message that it asked for."""
        return Reply(f"+OK {text}".rstrip(), body=body, close=close)

    def err(self, text: str, *, close: bool = False) -> Reply:
        """Say that it could not be done."""
        return Reply(f"-ERR {text}", close=close)


Action = Reply | Request | Command  # what a server is to do next


class ReplyBuffer(neutral.ReplyBuffer[tuple[bytes, list[bytes]]]):
    """As the neutral one; a reply is its first line, and those of the list behind it
    where `expect_list` said that one follows a yes.
    """

    __slots__ = ("_first", "_list", "_lists")

    def __init__(self, limit: int = 65536) -> None:
        super().__init__(limit)
        self._lists = False
        self._first: bytes | None = None  # the line before the list
        self._list: list[bytes] = []

    def expect_list(self) -> None:
        """Take the next reply for one with a list."""
        self._lists = True

    def _add(self, line: bytes) -> tuple[bytes, list[bytes]] | None:
        if self._first is None and self._lists and is_yes(line):
            self._first = line
        elif self._first is None:
            return self._whole(line)
        elif line == b".":
            return self._whole(self._first)
        else:
            self._list.append(line.removeprefix(b"."))
        return None

    def _whole(self, first: bytes) -> tuple[bytes, list[bytes]]:
        reply = first, self._list
        self._first, self._list, self._lists = None, [], False
        return reply


def is_yes(line: bytes) -> bool:
    """Whether a reply says yes."""
    return line.partition(b" ")[0] == b"+OK"


def is_no(line: bytes) -> bool:
    """Whether a reply says no."""
    return line.partition(b" ")[0] == b"-ERR"


# RFC 2449, section 8.1; RFC 3206, section 4.
_REASONS = {
    "AUTH": Reason.BAD_CREDENTIALS,
    "IN-USE": Reason.UNAVAILABLE,
    "LOGIN-DELAY": Reason.UNAVAILABLE,
    "SYS/PERM": Reason.DISABLED,
    "SYS/TEMP": Reason.UNAVAILABLE,
}


def response_code(text: str) -> str:
    """Return the response code that a text begins with, in capitals; "" for none."""
    code, end, _ = text[1:].partition("]")
    return code.upper() if text.startswith("[") and end else ""


def reason_of(text: str, *, coded: bool = False) -> Reason:
    """Return the reason that a refusal stands for, by the text behind `-ERR`.

    One without a code is a no to these credentials: to take it for anything milder is
    how accounts get locked. But a server that announces AUTH-RESP-CODE (`coded`) says
    `[AUTH]` wherever the credentials are at fault (RFC 3206, section 6): without a code
    it speaks of the mechanism. Of a code, the levels behind those that are known are
    details (RFC 2449, section 8).
    """
    code = response_code(text)
    if coded and not code:
        return Reason.UNSUPPORTED
    while code and code not in _REASONS:
        code = code.rpartition("/")[0]
    return _REASONS.get(code, Reason.BAD_CREDENTIALS)
