"""What IRC's two sides share: messages, chunks, and the reason behind a numeric."""

from __future__ import annotations

from ..._events import Request
from ..._reasons import Reason
from ..._value import Frozen, Secretive
from .._lines import LineBuffer
from .._replies import LineReply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..._profile import Profile

_set = object.__setattr__

# IRCv3 SASL 3.1: a message goes in lines of this many octets; a shorter one is the last.
CHUNK = 400
_CONTROLS = b"\0\r\n"  # what no message has (RFC 2812, section 2.3.1)
# With tags, 8191 octets, and 510 without (IRCv3 message tags).
_LONGEST = 8704


class Reply(LineReply):
    """Messages, without their CRLF; none at all where nothing is to be said."""

    __slots__ = ()


class Message(Frozen):
    """A message: its verb in capitals, or its numeric, and its parameters.

    Tags and prefix are left out: `line` is the whole, without line end.
    """

    __slots__ = __match_args__ = ("verb", "parameters", "line")

    verb: str
    parameters: tuple[bytes, ...]
    line: bytes

    def __init__(self, verb: str, parameters: tuple[bytes, ...], line: bytes) -> None:
        _set(self, "verb", verb)
        _set(self, "parameters", parameters)
        _set(self, "line", line)


class Command(Message):
    """A client's message that is not about authentication: the application answers."""

    __slots__ = ()


Action = Reply | Request | Command  # what a server is to do next


def parse(line: bytes) -> tuple[str, tuple[bytes, ...]] | None:
    """Return the verb and the parameters of a line (RFC 2812, section 2.3.1; IRCv3
    message tags), None for what is no message.
    """
    if line.translate(None, _CONTROLS) != line:
        return None
    rest = line
    for mark in (b"@", b":"):  # tags, prefix
        if rest.startswith(mark):
            rest = rest.partition(b" ")[2].lstrip(b" ")
    front, found, trailing = rest.partition(b" :")
    verb, *words = front.split(b" ")
    if not verb.isalnum():
        return None
    parameters = [word for word in words if word]
    if found:
        parameters.append(trailing)
    return verb.decode("ascii", "replace").upper(), tuple(parameters)


def chunks(text: bytes) -> list[bytes]:
    """Cut a message, in the profile's form, into what goes behind AUTHENTICATE."""
    cut = [text[at : at + CHUNK] for at in range(0, len(text), CHUNK)]
    # Without an end of its own, a full line would have another one to come.
    return [*cut, b"+"] if len(text) % CHUNK == 0 else cut


class Chunks(Secretive):
    """Collect a message from its lines, at most `limit` octets of it."""

    __slots__ = ("_limit", "_text")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._text = bytearray()

    def add(self, chunk: bytes) -> bytes | None:
        """Take what stood behind AUTHENTICATE; return the message when it is whole, in
        the profile's form. Raise OverflowError where there is too much of it.
        """
        text = self._text
        last = len(chunk) < CHUNK
        if len(chunk) > CHUNK or len(text) + len(chunk) > self._limit:
            text.clear()
            raise OverflowError
        if chunk != b"+" or not text:
            text += chunk
        if not last:
            return None
        whole = bytes(text)
        text.clear()
        return whole


class MessageBuffer(Secretive):
    """Collect octets and give out messages; what is none, or too long, is left out."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = LineBuffer(_LONGEST, bare_lf=True)

    @property
    def pending(self) -> bool:
        """Whether anything has come that was not given out."""
        return self._buffer.pending

    def feed(self, data: bytes) -> None:
        """Take what came from the connection."""
        self._buffer.feed(data)

    def next(self) -> tuple[Message] | None:
        """Return the next message, None if there is no whole one."""
        while (line := self._buffer.next()) is not None:
            text = line.rstrip(b"\r\n")
            found = parse(text) if len(line) <= _LONGEST else None
            if found is not None:
                return (Message(*found, text),)
        return None

    def unread(self) -> bytes:
        """Return all that was not given out, once."""
        return self._buffer.unread()


class Words:
    """How a client writes what it says, without the last line's CRLF."""

    __slots__ = ("_abort",)

    def __init__(self, profile: Profile) -> None:
        self._abort = profile.abort or b"*"

    def command(self, name: str, initial: bytes | None) -> bytes:
        """Begin an exchange; the profile has no initial response."""
        return b"AUTHENTICATE %b" % name.encode()

    def response(self, text: bytes) -> bytes:
        """Answer a challenge, in as many lines as it takes."""
        return b"\r\n".join(b"AUTHENTICATE %b" % chunk for chunk in chunks(text))

    def abort(self) -> bytes:
        """Cancel the exchange."""
        return b"AUTHENTICATE %b" % self._abort


_REASONS = {
    "902": Reason.DISABLED,
    "904": Reason.BAD_CREDENTIALS,
    "905": Reason.TOO_LONG,
    "906": Reason.ABORTED,
    "907": Reason.MALFORMED,  # not the time for AUTHENTICATE
    "908": Reason.UNSUPPORTED,
}


def reason_of(numeric: str) -> Reason:
    """Return the reason that a numeric stands for; BAD_CREDENTIALS for any other.

    904 says everything from a wrong password to a server without its services.
    """
    return _REASONS.get(numeric, Reason.BAD_CREDENTIALS)
