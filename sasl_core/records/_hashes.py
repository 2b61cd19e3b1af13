"""Password hashes that the standard library can verify; how they are written is in
`_hash_texts.py`.
"""

from __future__ import annotations

import hashlib
import hmac
import os

from .._strict import must_be_octets
from .._value import Frozen
from ._passwords import usable

_set = object.__setattr__
MAX_MEMORY = 256 * 1024 * 1024  # octets, of scrypt; N=2**17, r=8 takes half of it


class Hashed(Frozen):
    """A salted hash, and the form that it is written in."""

    __slots__ = ()
    _secret = frozenset({"digest"})

    hash_name: str
    salt: bytes
    digest: bytes
    form: str

    @property
    def scheme(self) -> str:
        """Return the name of the kind: PBKDF2-SHA256, SCRYPT, SSHA, ..."""
        raise TypeError("a kind of hash has a name")

    def compute(self, password: bytes) -> bytes:
        """Return the digest of another password with the same salt and cost."""
        raise TypeError("a kind of hash says how it is computed")

    def verify(self, password: str) -> bool:
        """Tell whether it is of this password."""
        octets = usable(password)
        if octets is None:
            return False
        return hmac.compare_digest(self.compute(octets), self.digest)

    def format(self) -> str:
        """Write it in the form that it was read in."""
        from ._hash_texts import write

        return write(self)

    def decoy(self) -> Hashed:
        """Return one of the same form and cost, that no password fits."""
        salt, digest = (os.urandom(len(octets)) for octets in (self.salt, self.digest))
        if self.form in ("django", "werkzeug", "dovecot"):  # whose salts are text
            salt = salt.hex()[: len(self.salt)].encode()
        return self.replace(salt=salt, digest=digest)


class Pbkdf2(Hashed):
    """PBKDF2 (RFC 8018); `form`: passlib, django, dovecot, ldap."""

    __slots__ = __match_args__ = ("hash_name", "iterations", "salt", "digest", "form")

    iterations: int

    def __init__(
        self,
        hash_name: str,
        iterations: int,
        salt: bytes,
        digest: bytes,
        form: str = "passlib",
    ) -> None:
        must_be_octets(salt)
        must_be_octets(digest)
        if iterations < 1 or not digest:
            raise ValueError("at least one iteration, and a digest, are needed")
        _set(self, "hash_name", hash_name)
        _set(self, "iterations", iterations)
        _set(self, "salt", salt)
        _set(self, "digest", digest)
        _set(self, "form", form)

    @property
    def scheme(self) -> str:
        """Return the name of the kind."""
        return f"PBKDF2-{self.hash_name.upper()}"

    def compute(self, password: bytes) -> bytes:
        """Return the digest of another password."""
        return hashlib.pbkdf2_hmac(
            self.hash_name, password, self.salt, self.iterations, len(self.digest)
        )


class Scrypt(Hashed):
    """scrypt (RFC 7914), of at most 256 MiB; `form`: passlib, django, werkzeug."""

    __slots__ = __match_args__ = ("n", "r", "p", "salt", "digest", "form")

    n: int
    r: int
    p: int
    scheme = "SCRYPT"

    def __init__(
        self, n: int, r: int, p: int, salt: bytes, digest: bytes, form: str = "passlib"
    ) -> None:
        must_be_octets(salt)
        must_be_octets(digest)
        if n < 2 or n & (n - 1) or r < 1 or p < 1 or not digest:
            raise ValueError("scrypt's N is a power of two, r and p at least 1")
        if 128 * r * (n + p + 2) > MAX_MEMORY or p > 64:
            raise ValueError("scrypt would take more than 256 MiB, or too long")
        for name, value in zip(
            self.__match_args__, (n, r, p, salt, digest, form), strict=True
        ):
            _set(self, name, value)

    def compute(self, password: bytes) -> bytes:
        """Return the digest of another password."""
        return hashlib.scrypt(
            password,
            salt=self.salt,
            n=self.n,
            r=self.r,
            p=self.p,
            maxmem=MAX_MEMORY + 2**20,
            dklen=len(self.digest),
        )


class Digest(Hashed):
    """A fast hash of password and salt, as directories have it; weak by today's measure.

    `form`: "ldap" ({SSHA}: the salt comes last), or "django" (md5$salt$: it comes first).
    """

    __slots__ = __match_args__ = ("hash_name", "salt", "digest", "form")

    def __init__(
        self, hash_name: str, salt: bytes, digest: bytes, form: str = "ldap"
    ) -> None:
        must_be_octets(salt)
        must_be_octets(digest)
        size = hashlib.new(hash_name, usedforsecurity=False).digest_size
        if len(digest) != size:
            raise ValueError("the digest has not the size of its hash")
        for name, value in zip(
            self.__match_args__, (hash_name, salt, digest, form), strict=True
        ):
            _set(self, name, value)

    @property
    def scheme(self) -> str:
        """Return the name that directories have for it: SSHA256, MD5, ..."""
        return DIGESTS[self.hash_name, bool(self.salt)]

    def compute(self, password: bytes) -> bytes:
        """Return the digest of another password."""
        first = self.form == "django"
        text = self.salt + password if first else password + self.salt
        return hashlib.new(self.hash_name, text, usedforsecurity=False).digest()


# hash, salted or not -> scheme
DIGESTS = {
    ("md5", False): "MD5",
    ("md5", True): "SMD5",
    ("sha1", False): "SHA",
    ("sha1", True): "SSHA",
    ("sha256", False): "SHA256",
    ("sha256", True): "SSHA256",
    ("sha384", False): "SHA384",
    ("sha384", True): "SSHA384",
    ("sha512", False): "SHA512",
    ("sha512", True): "SSHA512",
}
