"""What ManageSieve's two sides share: responses, commands, and why there was a NO.

RFC 5804, sections 1.2 and 1.3.
"""

from __future__ import annotations

from ..._events import Request
from ..._reasons import Reason
from ..._strict import Malformed
from ..._value import Frozen
from .._replies import BaseReply
from ._items import Item, read_item, read_items, write_string

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_set = object.__setattr__

_CONDITIONS = ("OK", "NO", "BYE")


class Reply(BaseReply):
    """A response: `OK`, `NO` or `BYE`, a code, a text for humans; and lines before it.

    In `code` and in each of `lines`, bytes are strings and str are atoms; numbers stand
    for themselves. A `condition` of "" means that lines are all there is: a challenge.
    Raise ValueError for another condition, and for an atom that is none.
    """

    __slots__ = __match_args__ = ("condition", "text", "code", "lines", "close")

    condition: str
    text: str
    code: tuple[Item, ...]
    lines: tuple[tuple[Item, ...], ...]

    def __init__(
        self,
        condition: str,
        text: str = "",
        *,
        code: Iterable[Item] = (),
        lines: Iterable[Iterable[Item]] = (),
        close: bool = False,
    ) -> None:
        if condition not in ("", *_CONDITIONS):
            raise ValueError("a response is OK, NO or BYE (RFC 5804, section 1.2)")
        _set(self, "condition", condition)
        _set(self, "text", text)
        _set(self, "code", tuple(code))
        _set(self, "lines", tuple(map(tuple, lines)))
        _set(self, "close", close)
        for item in (*self.code, *(item for line in self.lines for item in line)):
            _check(item)

    def __bytes__(self) -> bytes:
        output = b"".join(_write(line) + b"\r\n" for line in self.lines)
        if not self.condition:
            return output
        output += self.condition.encode()
        if self.code:
            output += b" (%b)" % _write(self.code)
        if self.text:
            output += b" " + write_string(self.text.encode())
        return output + b"\r\n"


class Command(Frozen):
    """A command that is not about authentication: the application answers it.

    `verb` in upper case; in `arguments`, strings are bytes and numbers are int.
    """

    __slots__ = __match_args__ = ("verb", "arguments")

    verb: str
    arguments: tuple[Item, ...]

    def __init__(self, verb: str, arguments: tuple[Item, ...] = ()) -> None:
        _set(self, "verb", verb)
        _set(self, "arguments", arguments)


Action = Reply | Request | Command  # what a server is to do next


def _check(item: Item) -> None:
    if isinstance(item, str):
        try:
            sound = read_items(item.encode()) == (item,)
        except Malformed:
            sound = False
        if not sound:
            raise ValueError("not an atom (RFC 5804, section 4)")


def _write(items: tuple[Item, ...]) -> bytes:
    return b" ".join(
        write_string(item) if isinstance(item, bytes) else str(item).encode()
        for item in items
    )


def read_reply(text: bytes) -> Reply | None:
    """Read OK, NO or BYE, without its CRLF; None where a line begins with a string.

    Raise Malformed for anything else (RFC 5804, section 1.2).
    """
    if text[:1] in (b'"', b"{"):
        return None
    word, at = read_item(text, 0)
    code: tuple[Item, ...] = ()
    said: Item = b""
    if text[at : at + 2] == b" (":
        code, at = _read_code(text, at + 2)
    if text[at : at + 1] == b" ":
        said, at = read_item(text, at + 1)
    condition = word.upper() if isinstance(word, str) else ""
    if condition not in _CONDITIONS or at < len(text) or not isinstance(said, bytes):
        raise Malformed("not a response (RFC 5804, section 1.2)")
    return Reply(condition, said.decode("utf-8", "replace"), code=code)


def _read_code(text: bytes, at: int) -> tuple[tuple[Item, ...], int]:
    """Read a response code and what it holds; how it is nested means nothing here."""
    items: list[Item] = []
    depth = 1
    while depth:
        octet = text[at : at + 1]
        if octet in (b"(", b")", b" "):
            depth += {b"(": 1, b")": -1}.get(octet, 0)
            at += 1
        else:
            item, at = read_item(text, at)
            items.append(item)
    return tuple(items), at


# RFC 5804, section 1.3. A code that is not here says nothing of why.
_REASONS = {
    "AUTH-TOO-WEAK": Reason.TOO_WEAK,
    "ENCRYPT-NEEDED": Reason.ENCRYPTION_NEEDED,
    "REFERRAL": Reason.UNAVAILABLE,  # another server has the account
    "TRANSITION-NEEDED": Reason.TRANSITION_NEEDED,
    "TRYLATER": Reason.UNAVAILABLE,
}


def response_code(reply: Reply) -> str:
    """Return the name of a response's code, in upper case; "" if it has none."""
    return str(reply.code[0]).upper() if reply.code else ""


def reason_of(reply: Reply) -> Reason:
    """Return the reason that a refusal stands for.

    A NO without a code is a no to these credentials: to take it for anything milder is
    how accounts get locked. A BYE without one is about the connection.
    """
    known = _REASONS.get(response_code(reply))
    if known is not None:
        return known
    return Reason.UNAVAILABLE if reply.condition == "BYE" else Reason.BAD_CREDENTIALS


def shown(reply: Reply) -> str:
    """Return a refusal as an error shows it: with its code, where a REFERRAL points."""
    words = " ".join(
        item.decode("utf-8", "replace") if isinstance(item, bytes) else str(item)
        for item in reply.code
    )
    return " ".join(
        word for word in (reply.condition, words and f"({words})", reply.text) if word
    )
