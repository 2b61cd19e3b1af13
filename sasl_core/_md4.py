"""MD4 (RFC 1320): what NTLM keeps of a password, and what OpenSSL 3 has given up.

It is broken, and here because nothing else is defined for NTLM.
"""

from __future__ import annotations

import hashlib
import struct

_MASK = 0xFFFFFFFF
_INITIAL = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476)
# Of each round: the order of the words, the shifts, the constant (section 3.4).
_ROUNDS = (
    (tuple(range(16)), (3, 7, 11, 19), 0),
    (tuple(4 * i % 16 + i // 4 for i in range(16)), (3, 5, 9, 13), 0x5A827999),
    (
        tuple(int(f"{i:04b}"[::-1], 2) for i in range(16)),
        (3, 9, 11, 15),
        0x6ED9EBA1,
    ),
)


def _compress(state: tuple[int, ...], block: bytes) -> tuple[int, ...]:
    words = struct.unpack("<16I", block)
    a, b, c, d = state
    for number, (order, shifts, constant) in enumerate(_ROUNDS):
        for step, place in enumerate(order):
            if number == 0:
                mixed = b & c | ~b & d
            elif number == 1:
                mixed = b & c | b & d | c & d
            else:
                mixed = b ^ c ^ d
            total = (a + mixed + words[place] + constant) & _MASK
            shift = shifts[step & 3]
            a, d, c, b = d, c, b, (total << shift | total >> 32 - shift) & _MASK
    return tuple(
        (one + other) & _MASK for one, other in zip(state, (a, b, c, d), strict=True)
    )


def pure_md4(message: bytes) -> bytes:
    """Return the digest, 16 octets, with nothing but Python's integers."""
    length = struct.pack("<Q", 8 * len(message))
    padded = message + b"\x80" + bytes(-(len(message) + 9) % 64) + length
    state: tuple[int, ...] = _INITIAL
    for at in range(0, len(padded), 64):
        state = _compress(state, padded[at : at + 64])
    return struct.pack("<4I", *state)


def _openssl_md4(message: bytes) -> bytes:
    return hashlib.new("md4", message, usedforsecurity=False).digest()


def _chosen() -> bool:
    try:
        _openssl_md4(b"")
    except ValueError:
        return False
    return True


md4 = _openssl_md4 if _chosen() else pure_md4
