"""What every record asks of the password that is shown to it."""

from __future__ import annotations

from .._strict import encoded

MAX_OCTETS = 4096  # so that nobody can make a server hash a megabyte


def usable(password: str) -> bytes | None:
    """Return the password's octets; None for one that fits no record."""
    try:
        octets = encoded(password)
    except ValueError:
        return None
    return octets if 0 < len(octets) <= MAX_OCTETS else None
