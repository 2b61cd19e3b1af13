"""Secrets that serve some mechanism beside PLAIN, and are worth the password to it."""

from __future__ import annotations

import hashlib
import hmac
import os
from binascii import a2b_hex, b2a_base64

from .._records import Secret
from .._strict import encoded, must_be_octets
from .._value import Frozen
from ._md5 import BLOCK, INITIAL, compress, finish
from ._passwords import usable

_set = object.__setattr__


class Plaintext(Frozen):
    """The password itself: what every mechanism can be fed with, APOP too."""

    __slots__ = __match_args__ = ("password",)
    _secret = frozenset({"password"})

    password: str
    scheme = "PLAIN"

    def __init__(self, password: str) -> None:
        _set(self, "password", password)

    def verify(self, password: str) -> bool:
        """Tell whether it is this password."""
        given = usable(password)
        mine = encoded(self.password)
        return given is not None and hmac.compare_digest(given, mine)

    def format(self) -> str:
        """Write Dovecot's {PLAIN}, or {PLAIN.b64} for what its files cannot hold."""
        text = self.password
        if (
            text.isascii()
            and text.isprintable()
            and ":" not in text
            and " " not in text
        ):
            return "{PLAIN}" + text
        return "{PLAIN.b64}" + b2a_base64(encoded(text), newline=False).decode()

    def decoy(self) -> Plaintext:
        """Return another password of the same length."""
        return Plaintext(os.urandom(len(self.password)).hex()[: len(self.password)])


class CramMd5Secret(Secret):
    """HMAC-MD5's two states after the padded password: 16 octets each.

    Whoever has it can log in by CRAM-MD5, but does not have the password.
    """

    __slots__ = __match_args__ = ("inner", "outer")
    _secret = frozenset({"inner", "outer"})

    inner: bytes
    outer: bytes
    scheme = "CRAM-MD5"
    mechanisms = frozenset({"CRAM-MD5"})

    def __init__(self, inner: bytes, outer: bytes) -> None:
        for octets in (inner, outer):
            must_be_octets(octets)
            if len(octets) != 16:
                raise ValueError("a state of MD5 has 16 octets")
        _set(self, "inner", inner)
        _set(self, "outer", outer)

    @classmethod
    def derive(cls, password: str) -> CramMd5Secret:
        """Precompute it; raise ValueError for a password that cannot be used."""
        octets = usable(password)
        if octets is None:
            raise ValueError("the password is empty, too long, or has no UTF-8")
        if len(octets) > BLOCK:
            octets = hashlib.md5(octets, usedforsecurity=False).digest()
        key = octets.ljust(BLOCK, b"\0")
        return cls(*(_after(key, pad) for pad in (0x36, 0x5C)))

    def hmac(self, message: bytes) -> bytes:
        """Return the HMAC-MD5 of a message (RFC 2104): 16 octets."""
        return finish(self.outer, BLOCK, finish(self.inner, BLOCK, message))

    def verify(self, password: str) -> bool:
        """Tell whether it was made of this password."""
        if usable(password) is None:
            return False
        other = CramMd5Secret.derive(password)
        return hmac.compare_digest(other.inner + other.outer, self.inner + self.outer)

    def format(self) -> str:
        """Write Dovecot's {CRAM-MD5}: the outer state, then the inner."""
        return "{CRAM-MD5}" + self.outer.hex() + self.inner.hex()

    def decoy(self) -> CramMd5Secret:
        """Return the one of nobody's password."""
        return CramMd5Secret(os.urandom(16), os.urandom(16))

    @classmethod
    def read(cls, digits: str) -> CramMd5Secret:
        """Read what `format` writes after the scheme; raise ValueError."""
        octets = a2b_hex(digits)
        return cls(octets[16:], octets[:16])


def _after(key: bytes, pad: int) -> bytes:
    return compress(INITIAL, bytes(octet ^ pad for octet in key))


class DigestMd5Secret(Secret):
    """H(user:realm:password) of DIGEST-MD5 and HTTP Digest (RFC 2831, 2.1.2.1).

    Good for just this user and realm; whoever has it can log in there.
    """

    __slots__ = __match_args__ = ("username", "realm", "ha1")
    _secret = frozenset({"ha1"})

    username: str
    realm: str
    ha1: bytes
    scheme = "DIGEST-MD5"
    mechanisms = frozenset({"DIGEST-MD5"})

    def __init__(self, username: str, realm: str, ha1: bytes) -> None:
        must_be_octets(ha1)
        if len(ha1) != 16:
            raise ValueError("H(user:realm:password) has 16 octets")
        _set(self, "username", username)
        _set(self, "realm", realm)
        _set(self, "ha1", ha1)

    @classmethod
    def derive(cls, username: str, realm: str, password: str) -> DigestMd5Secret:
        """Compute it; raise ValueError for a password that cannot be used.

        Each of the three is taken in ISO 8859-1 if it fits there, else in UTF-8.
        """
        if usable(password) is None:
            raise ValueError("the password is empty, too long, or has no UTF-8")
        text = b":".join(map(_latin, (username, realm, password)))
        return cls(username, realm, hashlib.md5(text, usedforsecurity=False).digest())

    def verify(self, password: str) -> bool:
        """Tell whether it was made of this password."""
        if usable(password) is None:
            return False
        twin = DigestMd5Secret.derive(self.username, self.realm, password)
        if hmac.compare_digest(twin.ha1, self.ha1):
            return True
        # doveadm, htdigest and others hash UTF-8, whatever fits where.
        text = encoded(f"{self.username}:{self.realm}:{password}")
        plain = hashlib.md5(text, usedforsecurity=False).digest()
        return hmac.compare_digest(plain, self.ha1)

    def format(self) -> str:
        """Write Dovecot's {DIGEST-MD5}; user and realm are not part of it."""
        return "{DIGEST-MD5}" + self.ha1.hex()

    def decoy(self) -> DigestMd5Secret:
        """Return the one of nobody's password."""
        return DigestMd5Secret(self.username, self.realm, os.urandom(16))


def _latin(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        pass
    return encoded(text)
