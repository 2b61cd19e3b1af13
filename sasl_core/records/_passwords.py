"""What every record asks of the password that is shown to it."""

from __future__ import annotations

from .._strict import encoded

MAX_OCTETS = 4096  # so that nobody can make a server hash a megabyte


def usable(password: str) -> bytes | None:
    """Return the password's octets; None for one that fits no record.

    One with a NUL does not: HMAC pads its key with them, so that PBKDF2 takes "x" and
    "x NUL" for the same, and crypt's relatives stop there.
    """
    try:
        octets = encoded(password)
    except ValueError:
        return None
    fits = 0 < len(octets) <= MAX_OCTETS and b"\0" not in octets
    return octets if fits else None
