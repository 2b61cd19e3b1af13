"""The Basic Encoding Rules, as far as LDAP restricts them (RFC 4511, section 5.1).

Definite lengths only, strings primitive, TRUE as FF. A length may be longer than it must
be: Active Directory writes all of them in five octets.
"""

from __future__ import annotations

from ..._strict import Malformed

BOOLEAN, INTEGER, OCTET_STRING, ENUMERATED = 0x01, 0x02, 0x04, 0x0A
SEQUENCE, SET = 0x30, 0x31

_MOST = 0x7FFFFFFF  # maxInt


def tlv(tag: int, *parts: bytes) -> bytes:
    """Write a value: its tag, its length in the shortest form, its octets."""
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def string(text: str) -> bytes:
    """Write an LDAPString."""
    return tlv(OCTET_STRING, text.encode())


def number(value: int, tag: int = INTEGER) -> bytes:
    """Write a number that is not negative."""
    return tlv(tag, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def extent(octets: bytes | bytearray, at: int = 0) -> tuple[int, int] | None:
    """Return where the content of the value at `at` begins, and where it ends.

    None where too few octets are there to tell. Raise Malformed for a tag of more than
    one octet, an indefinite length, or one of more than four octets.
    """
    if len(octets) < at + 2:
        return None
    tag, first = octets[at], octets[at + 1]
    if tag & 0x1F == 0x1F:
        raise Malformed("a tag has one octet (RFC 4511)")
    begin = at + 2
    if first < 0x80:
        return begin, begin + first
    count = first & 0x7F
    if not 1 <= count <= 4:
        raise Malformed("a length is definite, in four octets at most (RFC 4511)")
    begin += count
    if len(octets) < begin:
        return None
    return begin, begin + int.from_bytes(octets[begin - count : begin], "big")


class Reader:
    """Take values one after the other; each method raises Malformed."""

    __slots__ = ("_at", "_octets")

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    @property
    def tag(self) -> int:
        """The tag of the next value, -1 at the end."""
        return self._octets[self._at] if self._at < len(self._octets) else -1

    def take(self, tag: int) -> bytes:
        """Return the content of the next value, which must have this tag."""
        if self.tag != tag:
            raise Malformed("a value of another type is due (RFC 4511)")
        found = extent(self._octets, self._at)
        if found is None or found[1] > len(self._octets):
            raise Malformed("a value is longer than what holds it (X.690)")
        begin, self._at = found
        return self._octets[begin : self._at]

    def optional(self, tag: int) -> bytes | None:
        """Return the content of the next value if it has this tag, else None."""
        return self.take(tag) if self.tag == tag else None

    def number(self, tag: int = INTEGER) -> int:
        """Return the next value, a number from 0 to maxInt."""
        content = self.take(tag)
        short = len(content) < 2 or content[0] or content[1] >= 0x80
        value = int.from_bytes(content[:5], "big")
        if not content or content[0] >= 0x80 or not short or value > _MOST:
            raise Malformed("a number is from 0 to 2147483647, in its shortest form")
        return value

    def flag(self) -> bool:
        """Return the next value, a BOOLEAN."""
        content = self.take(BOOLEAN)
        if content not in (b"\x00", b"\xff"):
            raise Malformed("TRUE is FF, FALSE is 00 (RFC 4511, section 5.1)")
        return content == b"\xff"

    def skip(self) -> None:
        """Pass over the rest: unknown components are ignored, but well-formed (RFC 4511,
        section 4).
        """
        while self.tag >= 0:
            self.take(self.tag)
