"""ECDSA on the curve P-256, for tests: slow, and open to whoever measures time.

SEC 1, sections 2.2.1 and 4.1; the curve is that of SP 800-186, section 3.2.1.3.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from dataclasses import dataclass

_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
_G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)

Point = tuple[int, int] | None  # None: at infinity


def _add(one: Point, other: Point) -> Point:
    if one is None or other is None:
        return one or other
    (x1, y1), (x2, y2) = one, other
    if x1 == x2:
        if (y1 + y2) % _P == 0:
            return None
        slope = 3 * (x1 * x1 - 1) * pow(2 * y1, -1, _P)
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, _P)
    x = (slope * slope - x1 - x2) % _P
    return x, (slope * (x1 - x) - y1) % _P


def _times(factor: int, point: Point) -> Point:
    total: Point = None
    while factor:
        if factor & 1:
            total = _add(total, point)
        point = _add(point, point)
        factor >>= 1
    return total


def _integer(value: int) -> bytes:
    octets = value.to_bytes(value.bit_length() // 8 + 1)
    return bytes([2, len(octets)]) + octets


def _numbers(signature: bytes) -> tuple[int, int]:
    size = signature[3]
    return int.from_bytes(signature[4 : 4 + size]), int.from_bytes(
        signature[6 + size :]
    )


@dataclass(frozen=True)
class PublicKey:
    """A point."""

    point: Point

    @classmethod
    def compressed(cls, octets: bytes) -> PublicKey:
        """Read SEC 1's compressed form, which Atheme stores."""
        x = int.from_bytes(octets[1:])
        y = pow(x**3 - 3 * x + _B, (_P + 1) // 4, _P)
        return cls((x, y if y % 2 == octets[0] % 2 else _P - y))

    @property
    def octets(self) -> bytes:
        """Return SEC 1's compressed form."""
        if self.point is None:
            raise ValueError("no key: the point at infinity")
        x, y = self.point
        return bytes([2 + y % 2]) + x.to_bytes(32)

    def verify(self, challenge: bytes, signature: bytes) -> bool:
        """Tell whether one signed a challenge, or its SHA-256: Atheme takes both."""
        hashed = hashlib.sha256(challenge).digest()
        return any(self._verify(each, signature) for each in (challenge, hashed))

    def _verify(self, digest: bytes, signature: bytes) -> bool:
        r, s = _numbers(signature)
        inverse = pow(s, -1, _N)
        left = _times(int.from_bytes(digest) * inverse % _N, _G)
        found = _add(left, _times(r * inverse % _N, self.point))
        return found is not None and found[0] % _N == r


@dataclass(frozen=True)
class PrivateKey:
    """A number."""

    number: int

    @classmethod
    def sec1(cls, der: bytes) -> PrivateKey:
        """Read the private key out of RFC 5915's structure."""
        return cls(int.from_bytes(der[7:39]))

    @property
    def pem(self) -> str:
        """Write RFC 5915's structure, with curve and point, in PEM."""
        point = self.public.point or (0, 0)
        body = bytes.fromhex("0201010420") + self.number.to_bytes(32)
        body += bytes.fromhex("a00a06082a8648ce3d030107a14403420004")
        body += b"".join(each.to_bytes(32) for each in point)
        text = b64encode(bytes([0x30, len(body)]) + body).decode()
        return f"-----BEGIN EC PRIVATE KEY-----\n{text}\n-----END EC PRIVATE KEY-----\n"

    @property
    def public(self) -> PublicKey:
        """Return the point that belongs to it."""
        return PublicKey(_times(self.number, _G))

    def sign(self, digest: bytes) -> bytes:
        """Sign 32 octets as they are."""
        secret = self.number.to_bytes(32)
        k = int.from_bytes(hmac.digest(secret, digest, "sha256")) % _N
        point = _times(k, _G)
        if point is None:
            raise ValueError("no signature: one in 2**256")
        r = point[0] % _N
        s = pow(k, -1, _N) * (int.from_bytes(digest) + r * self.number) % _N
        body = _integer(r) + _integer(s)
        return bytes([0x30, len(body)]) + body
