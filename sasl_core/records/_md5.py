"""MD5 (RFC 1321) continued from a given state: what hashlib cannot do, and a secret that
was precomputed for HMAC-MD5 needs.
"""

from __future__ import annotations

import struct
from math import floor, sin

_T = tuple(floor(2**32 * abs(sin(i + 1))) for i in range(64))
_S = tuple(
    shift
    for round_ in ((7, 12, 17, 22), (5, 9, 14, 20), (4, 11, 16, 23), (6, 10, 15, 21))
    for shift in round_ * 4
)
_K = tuple(
    (i, (5 * i + 1) % 16, (3 * i + 5) % 16, 7 * i % 16)[i // 16] for i in range(64)
)
_MASK = 0xFFFFFFFF
BLOCK = 64
INITIAL = struct.pack("<4I", 0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476)


def compress(state: bytes, block: bytes) -> bytes:
    """Return the state after one more block (section 3.4); 16 and 64 octets."""
    before = a, b, c, d = struct.unpack("<4I", state)
    words = struct.unpack("<16I", block)
    for i in range(64):
        if i < 16:
            mixed = (b & c) | (~b & d)
        elif i < 32:
            mixed = (b & d) | (c & ~d)
        elif i < 48:
            mixed = b ^ c ^ d
        else:
            mixed = c ^ (b | (~d & _MASK))
        total = (a + mixed + words[_K[i]] + _T[i]) & _MASK
        turned = (total << _S[i] | total >> (32 - _S[i])) & _MASK
        a, d, c, b = d, c, b, (b + turned) & _MASK
    after = zip(before, (a, b, c, d), strict=True)
    return struct.pack("<4I", *((one + other) & _MASK for one, other in after))


def finish(state: bytes, done: int, message: bytes) -> bytes:
    """Return the digest: of `done` octets, which led to the state, and the message."""
    length = struct.pack("<Q", 8 * (done + len(message)))
    padded = message + b"\x80" + bytes(-(len(message) + 9) % BLOCK) + length
    for at in range(0, len(padded), BLOCK):
        state = compress(state, padded[at : at + BLOCK])
    return state
