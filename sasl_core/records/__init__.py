"""What servers store of a password, or a public key: read whatever form it has, verify,
write it again.

`parse` recognises a form by what it sees; each record verifies passwords, and some feed
mechanisms that do not show them.
"""

from __future__ import annotations

from .._records import ScramKeys, Secret
from ..otp import OtpState
from ._derive import ITERATIONS, derive, weak
from ._foreign import ForeignHash, Unverifiable
from ._hashes import Digest, Hashed, Pbkdf2, Scrypt
from ._nt_hash import NtHash
from ._parse import parse
from ._public_key import EcdsaPublicKey, PublicKey, X25519PublicKey
from ._scram_fields import ejabberd, mongodb, passlib, prosody
from ._secrets import CramMd5Secret, DigestMd5Secret, Plaintext
from ._srp import SrpVerifier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Protocol, TypeAlias

    # family -> (stored text, password) -> whether it fits. The families are those of
    # `ForeignHash`: BCRYPT, ARGON2, CRYPT, APR1.
    Verifiers: TypeAlias = Mapping[str, Callable[[str, str], bool]]

    class Record(Protocol):
        """What is stored of one password, in one form; immutable."""

        @property
        def scheme(self) -> str:
            """The name of the form in upper case: SCRAM-SHA-256, BCRYPT, SSHA, ..."""

        def verify(self, password: str) -> bool:
            """Tell whether it is of this password: as slow as the form is."""

        def format(self) -> str:
            """Write the text that `parse` reads again: one line, no control characters."""

        def decoy(self) -> Record:
            """Return one of the same form, size and cost, that no password fits."""


__all__ = [
    "ITERATIONS",
    "CramMd5Secret",
    "Digest",
    "DigestMd5Secret",
    "EcdsaPublicKey",
    "ForeignHash",
    "Hashed",
    "NtHash",
    "OtpState",
    "Pbkdf2",
    "Plaintext",
    "PublicKey",
    "ScramKeys",
    "Scrypt",
    "Secret",
    "SrpVerifier",
    "Unverifiable",
    "X25519PublicKey",
    "derive",
    "ejabberd",
    "mongodb",
    "parse",
    "passlib",
    "prosody",
    "weak",
]
