"""What a server sends: the common base, and the replies of octets and of lines."""

from __future__ import annotations

from .._value import Frozen

_set = object.__setattr__


class BaseReply(Frozen):
    """A reply: `bytes()` gives its octets; `close`: the connection ends with it."""

    __slots__ = ()

    close: bool

    def __bytes__(self) -> bytes:
        raise TypeError("a reply says how it is written")


class OctetsReply(BaseReply):
    """Octets, framed already; none at all where nothing is to be said."""

    __slots__ = __match_args__ = ("octets", "close")

    octets: bytes

    def __init__(self, octets: bytes = b"", *, close: bool = False) -> None:
        _set(self, "octets", octets)
        _set(self, "close", close)

    def __bytes__(self) -> bytes:
        return self.octets


class LineReply(BaseReply):
    """Lines of text, without their CRLF; none at all where nothing is to be said.

    Text is printable, in UTF-8 beyond ASCII; raise ValueError for control characters.
    """

    __slots__ = __match_args__ = ("lines", "close")

    lines: tuple[str, ...]

    def __init__(self, *lines: str, close: bool = False) -> None:
        if not all(map(str.isprintable, lines)):
            raise ValueError("the lines of a reply are printable")
        _set(self, "lines", lines)
        _set(self, "close", close)

    def __bytes__(self) -> bytes:
        return "".join(f"{line}\r\n" for line in self.lines).encode()


def dot_stuffed(body: bytes) -> bytes:
    """Write the lines that follow a reply, and the dot that ends them: one more dot
    before each that begins with one (RFC 1939, section 3; RFC 3977, section 3.1.1).
    """
    # Behind a lone LF, too: there are clients to whom it ends a line.
    stuffed = body.replace(b"\n.", b"\n..")
    if body.startswith(b"."):
        stuffed = b"." + stuffed
    if body and not body.endswith(b"\r\n"):
        stuffed += b"\r\n"
    return stuffed + b".\r\n"
