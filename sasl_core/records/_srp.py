"""SrpVerifier: what a server keeps of a password for SRP."""

from __future__ import annotations

import hmac
import os
from binascii import b2a_base64

from .. import _srp_math as math
from .._records import Secret
from .._strict import Malformed, base64, encoded, must_be_octets
from ._passwords import usable

_set = object.__setattr__


class SrpVerifier(Secret):
    """g^x of SRP, in the 2048-bit group with SHA-1; the password cannot be had from it.

    Good for just this user name, which is hashed with the password. Raise ValueError for
    one that is not of the group, and for a salt that is empty or has over 255 octets.
    """

    __slots__ = __match_args__ = ("username", "salt", "verifier")
    _secret = frozenset({"verifier"})

    username: str
    salt: bytes
    verifier: int
    scheme = "SRP"
    mechanisms = frozenset({"SRP"})

    def __init__(self, username: str, salt: bytes, verifier: int) -> None:
        must_be_octets(salt)
        if not 0 < len(salt) < 256:
            raise Malformed("a salt of SRP has 1 to 255 octets")
        if not 1 < verifier < math.N2048:
            raise Malformed("a verifier of SRP is not in the 2048-bit group")
        _set(self, "username", username)
        _set(self, "salt", salt)
        _set(self, "verifier", verifier)

    @classmethod
    def derive(
        cls, username: str, password: str, salt: bytes | None = None
    ) -> SrpVerifier:
        """Compute it; raise ValueError for a password that cannot be used."""
        octets = usable(password)
        if octets is None:
            raise ValueError("the password is empty, too long, or has no UTF-8")
        if salt is None:
            salt = os.urandom(16)
        x = math.secret(encoded(username), octets, salt)
        return cls(username, salt, math.verifier(x))

    def verify(self, password: str) -> bool:
        """Tell whether it was made of this password."""
        if usable(password) is None:
            return False
        twin = SrpVerifier.derive(self.username, password, self.salt)
        return hmac.compare_digest(
            math.octets_of(twin.verifier), math.octets_of(self.verifier)
        )

    def format(self) -> str:
        """Write {SRP} and what Cyrus SASL stores; the user's name is not part of it."""
        stored = math.buffer(
            math.text(b"SHA-1"), math.mpi(self.verifier), math.short(self.salt)
        )
        return "{SRP}" + b2a_base64(stored, newline=False).decode()

    def decoy(self) -> SrpVerifier:
        """Return the one of nobody's password."""
        x = int.from_bytes(os.urandom(math.SIZE))
        salt = os.urandom(len(self.salt))
        return SrpVerifier(self.username, salt, math.verifier(x))

    @classmethod
    def read(cls, username: str, digits: str) -> SrpVerifier:
        """Read what `format` writes after the scheme; raise ValueError."""
        reader = math.Reader(base64(encoded(digits)))
        if reader.text() != b"SHA-1":
            raise Malformed("a verifier of SRP with another hash than SHA-1")
        verifier, salt = int.from_bytes(reader.mpi("v")), reader.short()
        reader.end()
        return cls(username, salt, verifier)
