"""The arithmetic of SCRAM in the names of RFC 5802, section 3: H, HMAC, Hi, XOR."""

from __future__ import annotations

import hashlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_OUTER = bytes(octet ^ 0x5C for octet in range(256))
_INNER = bytes(octet ^ 0x36 for octet in range(256))

# hashlib's name -> the mechanism's part of it (RFC 5802, RFC 7677, drafts for the rest)
NAMES = {
    "sha1": "SCRAM-SHA-1",
    "sha224": "SCRAM-SHA-224",
    "sha256": "SCRAM-SHA-256",
    "sha384": "SCRAM-SHA-384",
    "sha512": "SCRAM-SHA-512",
    "sha3_512": "SCRAM-SHA3-512",
}


class Suite:
    """H, HMAC and Hi for one hash function."""

    __slots__ = ("H", "HMAC", "hash_name", "size")

    def __init__(self, hash_name: str) -> None:
        new = getattr(hashlib, hash_name)
        self.hash_name = hash_name
        self.size: int = new().digest_size
        self.H: Callable[[bytes], bytes] = _digest_of(new)
        self.HMAC: Callable[[bytes, bytes], bytes] = hmac_of(new)

    def Hi(self, password: bytes, salt: bytes, iterations: int) -> bytes:
        """Derive the SaltedPassword; the slow step, `iterations` HMACs."""
        return hashlib.pbkdf2_hmac(self.hash_name, password, salt, iterations)

    def XOR(self, one: bytes, other: bytes) -> bytes:
        """Combine two strings of `size` octets."""
        return (int.from_bytes(one) ^ int.from_bytes(other)).to_bytes(self.size)

    def __deepcopy__(self, memo: dict[int, object]) -> Suite:
        return self


def _digest_of(new: Callable[..., hashlib._Hash]) -> Callable[[bytes], bytes]:
    def H(message: bytes) -> bytes:
        return new(message).digest()

    return H


def hmac_of(new: Callable[..., hashlib._Hash]) -> Callable[[bytes, bytes], bytes]:
    """Make the HMAC (RFC 2104) of one hash.

    Two plain hashes: with OpenSSL 3 `hmac.digest` and `hmac.new` both cost half as
    much again, in set-up.
    """
    block = new().block_size

    def HMAC(key: bytes, message: bytes) -> bytes:
        if len(key) > block:
            key = new(key).digest()
        key = key.ljust(block, b"\0")
        inner = new(key.translate(_INNER) + message).digest()
        return new(key.translate(_OUTER) + inner).digest()

    return HMAC


_suites: dict[str, Suite] = {}


def suite(hash_name: str) -> Suite:
    """Return the arithmetic of a hash by `hashlib`'s name.

    Raise ValueError if it is not one of SCRAM's, or not in this Python (FIPS).
    """
    found = _suites.get(hash_name)
    if found is None:
        if hash_name not in NAMES:
            raise ValueError(
                f"no SCRAM mechanism uses the hash {hash_name!r}: {', '.join(NAMES)} do"
            )
        found = _suites[hash_name] = Suite(hash_name)
    return found
