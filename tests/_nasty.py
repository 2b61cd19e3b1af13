"""Messages and lines that break a rule each, and the small changes of a valid one."""

from __future__ import annotations

from collections.abc import Iterator

from . import _accounts as accounts
from ._points import Point

# Raw messages that break a rule each; some keep it, for some mechanism.
NASTY = (
    b"",
    b"\0",
    b"\0\0",
    b"\0\0\0",
    b"\0user\0",
    b"\0\0pencil",
    b"a\0b\0c\0d",
    b"user\0user\0wrong",
    b"\xff\xfe",
    b"\xc0\x80\0user\0pencil",
    b"\xed\xa0\x80",
    "\N{SOFT HYPHEN}".encode(),
    "a\N{COMBINING ACUTE ACCENT}\N{HEBREW LETTER ALEF}".encode(),
    b"user 0123456789abcdef0123456789abcdef",
    b"user 0123456789ABCDEF0123456789ABCDEF",
    b" 0123456789abcdef0123456789abcdef",
    b"n,,",
    b"n,,n=user,r=x",
    b"n,a=,n=user,r=x",
    b"n,a==2D,n=user,r=x",
    b"n,,n=,r=x",
    b"n,,m=x,n=user,r=x",
    b"n,,n=user,r=",
    b"n,,n=user,r=x,r=y",
    b"y,,n=user,r=x",
    b"p=tls-unique,,n=user,r=x",
    b"p=,,n=user,r=x",
    b"F,n,,n=user,r=x",
    b"c=biws,r=x,p=",
    b"c=biws,r=x,p=AAAA,p=AAAA",
    b"r=x,s=QQ==,i=4096",
    b"r=" + accounts.CLIENT_NONCE + b",s=QQ==,i=4096",
    b"r=" + accounts.CLIENT_NONCE + b"x,s=,i=4096",
    b"r=" + accounts.CLIENT_NONCE + b"x,s=QQ==,i=1",
    b"r=" + accounts.CLIENT_NONCE + b"x,s=QQ==,i=99999999999999999999",
    b"r=" + accounts.CLIENT_NONCE + b"x,s=QQ==,i=4_096",
    b"r=" + accounts.CLIENT_NONCE + b"x,s=QQ==,i=",
    b"r=" + accounts.CLIENT_NONCE + b"x,s=QR==,i=4096",
    b"v=",
    b"v=AAAA",
    b"e=other-error",
    b"e=\xff",
    b"\x01",
    b"\x01\x01",
    b"n,,\x01auth=Bearer x\x01\x01",
    b"n,,\x01auth=\x01\x01",
    b"n,,\x01auth=Basic x\x01\x01",
    b"n,,\x01auth=Bearer x\x01auth=Bearer x\x01\x01",
    b"n,,\x01port=+1\x01auth=Bearer x\x01\x01",
    b"n,,\x01port=\xd9\xa1\x01auth=Bearer x\x01\x01",
    b"user=user\x01auth=Bearer x\x01\x01",
    b"user=\x01auth=Bearer x\x01\x01",
    b"{}",
    b"[]",
    b'{"status":1}',
    b'{"status":"invalid_token"}',
    b"[" * 5000,
    b"1" * 5000,
    b"NaN",
    b"a@b@c",
    b"@",
    b"a" * 256,
)

# Lines that are not canonical base64, or mean something to a framing
LINES = (
    b"*",
    b"=",
    b"==",
    b"+",
    b"QR==",
    b"QQ",
    b" QQ==",
    b"QQ==\r\n",
    b"\xff",
    b"Q-==",
)


def framed(point: Point, message: bytes) -> bytes:
    """Write a raw message as it goes over the wire at this point."""
    return point.profile.encode(message)


def mutations(message: bytes) -> Iterator[bytes]:
    """Yield what is one small change away from a message."""
    for index in range(len(message)):
        before, octet, after = message[:index], message[index], message[index + 1 :]
        for changed in (octet ^ 1, octet ^ 0x20, octet ^ 0x80, 0):
            yield before + bytes([changed]) + after
        yield before + after
        for inserted in b",=\0\x01a ":
            yield before + bytes([inserted, octet]) + after
        yield before + after[:1] + bytes([octet]) + after[1:]
        yield message[:index]
    for separator in (b",", b"\0", b"\x01", b" "):
        yield from _attribute_mutations(message, separator)
    yield message + message


def _attribute_mutations(message: bytes, separator: bytes) -> Iterator[bytes]:
    parts = message.split(separator)
    for index, part in enumerate(parts):
        without = parts[:index] + parts[index + 1 :]
        yield separator.join(without)
        yield separator.join([*parts[: index + 1], part, *parts[index + 1 :]])
        yield separator.join([part, *without])
        yield separator.join([*without, part])
    yield message + separator + b"x=y"
    yield separator + message
    yield message + separator
