"""What NNTP's two sides share: replies, commands, and the reason behind a refusal.

RFC 3977, section 3; RFC 4643 for the codes of AUTHINFO.
"""

from __future__ import annotations

from ..._errors import ProtocolError
from ..._events import Request
from ..._reasons import Reason
from ..._value import Frozen
from .. import _reply_buffer as neutral
from .._replies import BaseReply, dot_stuffed

_set = object.__setattr__


class Reply(BaseReply):
    """A reply: its code and text, and the multi-line data block behind it, if any.

    `body` is the block as octets: its lines are stuffed here, and the last dot is added
    (RFC 3977, section 3.1.1). Text is printable; raise ValueError for control
    characters, and for a code outside 100 to 599. The code 0 says nothing.
    """

    __slots__ = __match_args__ = ("code", "text", "body", "close")

    code: int
    text: str
    body: bytes | None

    def __init__(
        self,
        code: int,
        text: str = "",
        *,
        body: bytes | None = None,
        close: bool = False,
    ) -> None:
        if code and not 100 <= code <= 599:
            raise ValueError("a reply's code is 100 to 599 (RFC 3977, section 3.2)")
        if not text.isprintable():
            raise ValueError("a reply's text is printable (RFC 3977, section 3.1)")
        _set(self, "code", code)
        _set(self, "text", text)
        _set(self, "body", body)
        _set(self, "close", close)

    def __bytes__(self) -> bytes:
        if not self.code:
            return b""
        first = f"{self.code} {self.text}\r\n".encode()
        return first if self.body is None else first + dot_stuffed(self.body)


class Command(Frozen):
    """A command that is not about authentication: the application answers it.

    `verb` in upper case; `argument` the octets after the space, without CR, LF or NUL.
    """

    __slots__ = __match_args__ = ("verb", "argument")

    verb: str
    argument: bytes

    def __init__(self, verb: str, argument: bytes = b"") -> None:
        _set(self, "verb", verb)
        _set(self, "argument", argument)


Action = Reply | Request | Command  # what a server is to do next


class ReplyBuffer(neutral.ReplyBuffer[tuple[int, bytes, list[bytes]]]):
    """As the neutral one; a reply is its code, its text, and the lines of the list
    behind the codes that have one.
    """

    __slots__ = ("_first", "_list")

    def __init__(self, limit: int = 65536) -> None:
        super().__init__(limit)
        self._first: tuple[int, bytes] | None = None  # the line before the list
        self._list: list[bytes] = []

    def _add(self, line: bytes) -> tuple[int, bytes, list[bytes]] | None:
        if self._first is None:
            self._first = _split(line)
            if self._first[0] != CAPABILITY_LIST:
                return self._whole(*self._first)
        elif line == b".":
            return self._whole(*self._first)
        else:
            self._list.append(line.removeprefix(b"."))
        return None

    def _whole(self, code: int, text: bytes) -> tuple[int, bytes, list[bytes]]:
        reply = code, text, self._list
        self._first, self._list = None, []
        return reply


def _split(line: bytes) -> tuple[int, bytes]:
    code = line[:3]
    if len(code) != 3 or not code.isdigit() or line[3:4] not in (b"", b" "):
        raise ProtocolError("not a reply (RFC 3977, section 3.2)")
    return int(code), line[4:]


CAPABILITY_LIST = 101
AUTHENTICATED = 281
AUTHENTICATED_WITH_DATA = 283
PASSWORD_WANTED = 381
CONTINUE_TLS = 382
CHALLENGE = 383

# RFC 4643, section 2.4.2; RFC 3977, section 3.2.1.
_REASONS = {
    400: Reason.UNAVAILABLE,
    403: Reason.UNAVAILABLE,
    482: Reason.MALFORMED,
    483: Reason.ENCRYPTION_NEEDED,
    500: Reason.UNSUPPORTED,  # AUTHINFO itself is unknown
    501: Reason.MALFORMED,
    503: Reason.UNSUPPORTED,
}


def reason_of(code: int) -> Reason:
    """Return the reason that a refusal of AUTHINFO stands for.

    Of 4xx, too, only some are temporary. A code that is not known, and 502, which many
    servers say of a wrong password, is a no to these credentials: to take it for
    anything milder is how accounts get locked.
    """
    return _REASONS.get(code, Reason.BAD_CREDENTIALS)
