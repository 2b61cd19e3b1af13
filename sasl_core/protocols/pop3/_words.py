"""What POP3's two sides share: replies, commands, and the reason behind a refusal."""

from __future__ import annotations

from ..._errors import ProtocolError
from ..._events import Request
from ..._reasons import Reason
from ..._value import Frozen, Secretive
from .._lines import LineBuffer
from .._replies import LineReply

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
        return first if self.body is None else first + _stuffed(self.body)


def _stuffed(body: bytes) -> bytes:
    stuffed = body.replace(b"\n.", b"\n..")
    if body.startswith(b"."):
        stuffed = b"." + stuffed
    if body and not body.endswith(b"\r\n"):
        stuffed += b"\r\n"
    return stuffed + b".\r\n"


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


class ReplyBuffer(Secretive):
    """Collect octets and give out whole replies: the first line, and those of the list
    behind it where `expect_list` said that one follows a yes.

    Raise ProtocolError for one of more than `limit` octets.
    """

    __slots__ = ("_buffer", "_first", "_left", "_limit", "_lines", "_lists")

    def __init__(self, limit: int = 65536) -> None:
        self._buffer = LineBuffer(limit, bare_lf=True)
        self._limit = self._left = limit
        self._lists = False
        self._first: bytes | None = None  # the line before the list
        self._lines: list[bytes] = []

    @property
    def pending(self) -> bool:
        """Whether anything has come that was not given out."""
        return self._buffer.pending or self._first is not None

    def expect_list(self) -> None:
        """Take the next reply for one with a list."""
        self._lists = True

    def feed(self, data: bytes) -> None:
        """Take what came from the connection."""
        self._buffer.feed(data)

    def next(self) -> tuple[bytes, list[bytes]] | None:
        """Return the next reply, None if there is no whole one."""
        while (line := self._buffer.next()) is not None:
            self._left -= len(line)
            if self._left < 0:
                raise ProtocolError(f"a reply of more than {self._limit} octets")
            line = line.rstrip(b"\r\n")
            if self._first is None and self._lists and is_yes(line):
                self._first = line
            elif self._first is None:
                return self._whole(line)
            elif line == b".":
                return self._whole(self._first)
            else:
                self._lines.append(line.removeprefix(b"."))
        return None

    def _whole(self, first: bytes) -> tuple[bytes, list[bytes]]:
        reply = first, self._lines
        self._first, self._lines, self._lists = None, [], False
        self._left = self._limit
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
