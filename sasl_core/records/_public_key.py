"""PublicKey: what a server keeps of a user who has a key in place of a password."""

from __future__ import annotations

from binascii import b2a_base64

from .._strict import base64, encoded, must_be_octets
from .._value import Frozen
from .._x25519 import BASE, SIZE, is_low_order

_set = object.__setattr__
# P-256 (SP 800-186, section 3.2.1.3): y^2 = x^3 - 3x + b, and a point of it.
_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
_B = 0x5AC635D8_AA3A93E7_B3EBBD55_769886BC_651D06B0_CC53B0F6_3BCE3C3E_27D2604B
_GENERATOR = "036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
# SubjectPublicKeyInfo (RFC 5480, section 2) of a point in 33 or 65 octets, but for it.
_KEY_INFO = tuple(
    bytes.fromhex(f"30{size}301306072a8648ce3d020106082a8648ce3d030107{bits}00")
    for size, bits in (("39", "0322"), ("59", "0342"))
)
# That of a u-coordinate (RFC 8410, section 4).
_X25519_INFO = bytes.fromhex("302a300506032b656e032100")
_BEGIN, _END = "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"


class PublicKey(Frozen):
    """A key that is no secret; an account can have several, beside the records of its
    password or alone.
    """

    __slots__ = ()

    def verify(self, password: str) -> bool:
        """Return False: it is no password's."""
        return False


class EcdsaPublicKey(PublicKey):
    """A public key on the curve P-256, for ECDSA-NIST256P-CHALLENGE.

    `point`: a point of SEC 1, section 2.3.3, in 33 octets, or in 65, which are shortened
    to that. Raise ValueError for one that is not on the curve.
    """

    __slots__ = __match_args__ = ("point",)

    point: bytes
    scheme = "ECDSA-NIST256P"

    def __init__(self, point: bytes) -> None:
        must_be_octets(point)
        kind, x = point[:1], int.from_bytes(point[1:33])
        cube = (x**3 - 3 * x + _B) % _P
        if len(point) == 65 and kind == b"\4":
            y = int.from_bytes(point[33:])
            fits = y < _P and y * y % _P == cube
            kind = bytes([2 + y % 2])
        else:
            square = pow(cube, (_P - 1) // 2, _P) == 1  # Euler's criterion
            fits = len(point) == 33 and kind in (b"\2", b"\3") and square
        if not fits or x >= _P:
            raise ValueError("not a point of P-256 (SEC 1, section 2.3.3)")
        _set(self, "point", kind + point[1:33])

    def format(self) -> str:
        """Write {ECDSA-NIST256P} and the 33 octets in base64, as Atheme stores them."""
        return "{ECDSA-NIST256P}" + b2a_base64(self.point, newline=False).decode()

    def decoy(self) -> EcdsaPublicKey:
        """Return one to verify by for nobody: what that gives, does not count."""
        return NOBODY

    @classmethod
    def read(cls, digits: str) -> EcdsaPublicKey:
        """Read what `format` writes after the scheme, or a SubjectPublicKeyInfo in
        base64; raise ValueError.
        """
        octets = base64(encoded(digits))
        for info in _KEY_INFO:
            octets = octets.removeprefix(info)
        return cls(octets)


class X25519PublicKey(PublicKey):
    """A public key of X25519 (RFC 7748), for ECDH-X25519-CHALLENGE.

    `u`: its u-coordinate, in 32 octets. Raise ValueError for another size, and for a
    point of low order: with such a key anybody could log in. Of several that an account
    has, the first one is used.
    """

    __slots__ = __match_args__ = ("u",)

    u: bytes
    scheme = "X25519"

    def __init__(self, u: bytes) -> None:
        must_be_octets(u)
        if len(u) != SIZE or is_low_order(u):
            raise ValueError("not a public key of X25519 (RFC 7748, section 6.1)")
        _set(self, "u", u)

    def format(self) -> str:
        """Write {X25519} and the 32 octets in base64, as Atheme stores them."""
        return "{X25519}" + b2a_base64(self.u, newline=False).decode()

    def decoy(self) -> X25519PublicKey:
        """Return one that nobody uses."""
        return X25519PublicKey(BASE)

    @classmethod
    def read(cls, digits: str) -> X25519PublicKey:
        """Read what `format` writes after the scheme, or a SubjectPublicKeyInfo in
        base64; raise ValueError.
        """
        return cls(base64(encoded(digits)).removeprefix(_X25519_INFO))


def read_pem(text: str) -> EcdsaPublicKey | X25519PublicKey:
    """Read a public key in PEM (RFC 7468, section 13); raise ValueError."""
    lines = text.split()
    begin, end = " ".join(lines[:3]), " ".join(lines[-3:])
    if (begin, end) != (_BEGIN, _END):
        raise ValueError("not one public key in PEM")
    digits = "".join(lines[3:-3])
    if base64(encoded(digits)).startswith(_X25519_INFO):
        return X25519PublicKey.read(digits)
    return EcdsaPublicKey.read(digits)


NOBODY = EcdsaPublicKey(bytes.fromhex(_GENERATOR))
