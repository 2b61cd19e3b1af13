"""The arithmetic of DIGEST-MD5 in the names of RFC 2831, section 2.1.2.1."""

from __future__ import annotations

import hashlib
from functools import lru_cache

FIRST = b"00000001"  # the nonce count
_NO_BODY = b":00000000000000000000000000000000"


def digests(
    secret: bytes,
    nonce: bytes,
    cnonce: bytes,
    authzid: bytes | None,
    qop: bytes,
    uri: bytes,
    count: bytes = FIRST,
) -> tuple[bytes, bytes, bytes]:
    """Return H(A1), and the response and rspauth in hexadecimal digits.

    `secret` is H(user:realm:password). What stands in quotes comes without them and
    without its backslashes: so Cyrus, GNU SASL and RFC 2831bis read unq().
    """
    new = hashlib.md5
    a1 = b"%b:%b:%b" % (secret, nonce, cnonce)
    if authzid is not None:
        a1 += b":" + authzid
    asked, told = _places(uri if qop == b"auth" else uri + _NO_BODY)
    key = new(a1)
    ha1 = key.hexdigest().encode()
    middle = b"%b:%b:%b:%b:%b:" % (ha1, nonce, count, cnonce, qop)
    return (
        key.digest(),
        new(middle + asked).hexdigest().encode(),
        new(middle + told).hexdigest().encode(),
    )


@lru_cache(maxsize=64)
def _places(uri: bytes) -> tuple[bytes, bytes]:
    """Return H(A2) of the response and of rspauth, the same for all who log in here."""
    return md5(b"AUTHENTICATE:" + uri).hex().encode(), md5(b":" + uri).hex().encode()


def secret(username: str, realm: str, password: str) -> bytes:
    """Return H(user:realm:password), each in ISO 8859-1 where all of it fits.

    So section 2.1.2.1 has it, Cyrus and `records` do, and HTTP's databases are shared. Two
    peers do otherwise: Dovecot converts nothing, GNU SASL the password only, which no
    server understands.
    """
    try:
        octets = f"{username}:{realm}:{password}".encode("latin-1")
    except UnicodeEncodeError:
        octets = b":".join(map(_latin, (username, realm, password)))
    return md5(octets)


def md5(octets: bytes) -> bytes:
    """Return the MD5 of octets."""
    return hashlib.md5(octets, usedforsecurity=False).digest()


def _latin(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode(errors="replace")
