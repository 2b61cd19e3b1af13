"""One password, every record: derive them, and say which are too weak to keep."""

from __future__ import annotations

import os

from .._records import ScramKeys
from .._scram_math import NAMES, suite
from ..otp import OtpState
from ._foreign import ForeignHash
from ._hashes import Digest, Pbkdf2
from ._nt_hash import NtHash
from ._passwords import usable
from ._secrets import CramMd5Secret, DigestMd5Secret, Plaintext
from ._srp import SrpVerifier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from . import Record

# RFC 7677, section 4, asks for at least 4096 and for more as machines get faster; 10,000
# costs a phone some milliseconds. PBKDF2 is not limited by what clients will compute:
# OWASP's Password Storage Cheat Sheet.
ITERATIONS = {
    **dict.fromkeys(NAMES.values(), 10_000),
    "PBKDF2-SHA1": 1_300_000,
    "PBKDF2-SHA256": 600_000,
    "PBKDF2-SHA512": 210_000,
}
_SCRAM = {name: hash_name for hash_name, name in NAMES.items()}
_FAST = ("$1$", "$apr1$")


def derive(
    password: str,
    schemes: Iterable[str] = tuple(NAMES.values()),
    *,
    iterations: int | Mapping[str, int] = ITERATIONS,
    username: str = "",
    realm: str | None = None,
) -> tuple[Record, ...]:
    """Make a record for each scheme, in their order; slow: call it in a thread.

    Schemes are the six SCRAMs' names, PBKDF2-SHA1, -SHA256 and -SHA512, CRAM-MD5,
    DIGEST-MD5, SRP, OTP (its 500 one-time passwords), NTLM and PLAIN.
    DIGEST-MD5's is for `username` in the `realm` that the server announces (which is its
    channel's host, if it says no other), None: in the part of the name after its @; SRP's
    is for `username`. `iterations`: for all, or by scheme. Raise ValueError for a password
    that a scheme can make nothing of, and for an unknown scheme.
    """
    if isinstance(schemes, str):
        raise TypeError("schemes come as a list or tuple, not as one str")
    return tuple(
        _one(password, scheme, _count(scheme, iterations), username, realm)
        for scheme in schemes
    )


def weak(record: Record, *, iterations: int | Mapping[str, int] = ITERATIONS) -> bool:
    """Tell whether a stolen record is soon guessed: a fast hash, or too few iterations.

    A password in the clear, and the secrets of CRAM-MD5, DIGEST-MD5 and NTLM, are not
    called so: they are stored on purpose, for a mechanism that needs them.
    """
    if isinstance(record, Digest):
        return True
    if isinstance(record, ForeignHash):
        return record.text.startswith(_FAST) or "$" not in record.text
    if isinstance(record, ScramKeys | Pbkdf2):
        return record.iterations < _count(record.scheme, iterations)
    return False


def realm_of(username: str) -> str:
    """Return the realm that is part of a user's name, as Dovecot takes it."""
    return username.rpartition("@")[2] if "@" in username else ""


def _count(scheme: str, iterations: int | Mapping[str, int]) -> int:
    if isinstance(iterations, int):
        return iterations
    return iterations.get(scheme) or ITERATIONS.get(scheme, 1)


def _one(
    password: str, scheme: str, count: int, username: str, realm: str | None
) -> Record:
    octets = usable(password)
    if octets is None:
        raise ValueError("the password is empty, too long, or has no UTF-8")
    if scheme in _SCRAM:
        suite(_SCRAM[scheme])
        return ScramKeys.derive(password, _SCRAM[scheme], iterations=count)
    match scheme.split("-"):
        case ["PBKDF2", ("SHA1" | "SHA256" | "SHA512") as name]:
            size = {"SHA1": 20, "SHA256": 32, "SHA512": 64}[name]
            blank = Pbkdf2(name.lower(), count, os.urandom(16), bytes(size))
            return blank.replace(digest=blank.compute(octets))
        case ["CRAM", "MD5"]:
            return CramMd5Secret.derive(password)
        case ["DIGEST", "MD5"]:
            if realm is None:
                realm, username = realm_of(username), username.rpartition("@")[0]
            return DigestMd5Secret.derive(username, realm, password)
        case ["SRP"]:
            return SrpVerifier.derive(username, password)
        case ["OTP"]:
            return OtpState.derive(password)
        case ["NTLM"]:
            return NtHash.derive(password)
        case ["PLAIN"]:
            return Plaintext(password)
    raise ValueError(
        f"no record of that scheme can be derived, but of {', '.join(ITERATIONS)},"
        " CRAM-MD5, DIGEST-MD5, SRP, OTP, NTLM, PLAIN"
    )
