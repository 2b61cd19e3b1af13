"""Hashes that the standard library cannot compute: a verifier is passed in."""

from __future__ import annotations

import os

from .._value import Frozen
from ._passwords import usable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Verifier = Callable[[str, str], bool]

_set = object.__setattr__

# What a text begins with -> the family, which is the verifier's name
_FAMILIES = {
    "$2a$": "BCRYPT",
    "$2b$": "BCRYPT",
    "$2y$": "BCRYPT",
    "$argon2i$": "ARGON2",
    "$argon2d$": "ARGON2",
    "$argon2id$": "ARGON2",
    "$apr1$": "APR1",
    "$1$": "CRYPT",
    "$5$": "CRYPT",
    "$6$": "CRYPT",
    "$7$": "CRYPT",
    "$y$": "CRYPT",
    "$gy$": "CRYPT",
}
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz012345"


class Unverifiable(ValueError):
    """No verifier was passed in for this kind of hash."""


class ForeignHash(Frozen):
    """A hash by bcrypt, argon2 or crypt, as its text; `scheme` is the family."""

    __slots__ = __match_args__ = ("scheme", "text", "verifier")
    _secret = frozenset({"text"})

    scheme: str
    text: str
    verifier: Verifier | None

    def __init__(self, scheme: str, text: str, verifier: Verifier | None) -> None:
        _set(self, "scheme", scheme)
        _set(self, "text", text)
        _set(self, "verifier", verifier)

    def verify(self, password: str) -> bool:
        """Tell whether it is of this password; raise Unverifiable without a verifier.

        Only True from it is a yes.
        """
        if self.verifier is None:
            raise Unverifiable(f"no verifier was passed in for {self.scheme}")
        return usable(password) is not None and (
            self.verifier(self.text, password) is True
        )

    def format(self) -> str:
        """Write the text as it was; crypt's oldest with {CRYPT} in front."""
        return self.text if self.text.startswith("$") else "{CRYPT}" + self.text

    def decoy(self) -> ForeignHash:
        """Return one of the same cost, whose digest is nobody's."""
        start = self.text.rfind("$") + 1 or 2  # the oldest crypt's salt has two letters
        size = min(22, len(self.text) - start - 1)
        digest = "".join(_LETTERS[octet % len(_LETTERS)] for octet in os.urandom(size))
        # The last character stays: not every one can stand there.
        text = self.text[: -size - 1] + digest + self.text[-1]
        return ForeignHash(self.scheme, text, self.verifier)


def family(text: str) -> str:
    """Return the family of a text by its beginning; "" for none of these."""
    for beginning, name in _FAMILIES.items():
        if text.startswith(beginning):
            return name
    return ""
