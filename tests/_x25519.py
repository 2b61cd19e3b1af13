"""X25519, for tests: slow, and open to whoever measures time.

RFC 7748, section 5.
"""

from __future__ import annotations

from functools import lru_cache

BASE = b"\x09" + bytes(31)

_P = 2**255 - 19


@lru_cache(4096)  # each takes a millisecond, and most are the same ones
def x25519(secret: bytes, u: bytes) -> bytes:
    """Multiply the point of this u-coordinate."""
    k = int.from_bytes(secret, "little") & ~7 & (1 << 254) - 1 | 1 << 254
    x1 = int.from_bytes(u, "little") & (1 << 255) - 1
    x2, z2, x3, z3 = 1, 0, x1, 1
    for bit in range(254, -1, -1):
        swap = k >> bit & 1
        if swap:
            x2, z2, x3, z3 = x3, z3, x2, z2
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        da, cb = d * a, c * b
        x3, z3 = (da + cb) ** 2 % _P, x1 * (da - cb) ** 2 % _P
        aa, bb = a * a % _P, b * b % _P
        x2, z2 = aa * bb % _P, (aa - bb) * (aa + 121665 * (aa - bb)) % _P
        if swap:
            x2, z2, x3, z3 = x3, z3, x2, z2
    return (x2 * pow(z2, -1, _P) % _P if z2 else 0).to_bytes(32, "little")
