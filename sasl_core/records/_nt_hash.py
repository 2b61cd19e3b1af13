"""NtHash: what Windows and Samba keep of a password, for NTLM."""

from __future__ import annotations

import hmac
import os
from binascii import a2b_hex

from .._md4 import md4
from .._records import Secret
from .._strict import must_be_octets
from ._passwords import usable

_set = object.__setattr__


class NtHash(Secret):
    """The MD4 of a password in UTF-16 (MS-NLMP, section 3.3.1: NTOWFv1), 16 octets.

    Whoever has it can log in by NTLM; and a password is guessed from it as fast as from
    any hash without salt.
    """

    __slots__ = __match_args__ = ("nt_hash",)
    _secret = frozenset({"nt_hash"})

    nt_hash: bytes
    scheme = "NTLM"
    mechanisms = frozenset({"NTLM"})

    def __init__(self, nt_hash: bytes) -> None:
        must_be_octets(nt_hash)
        if len(nt_hash) != 16:
            raise ValueError("an NT hash has 16 octets")
        _set(self, "nt_hash", nt_hash)

    @classmethod
    def derive(cls, password: str) -> NtHash:
        """Compute it; raise ValueError for a password that cannot be used."""
        if usable(password) is None:
            raise ValueError("the password is empty, too long, or has no UTF-8")
        return cls(md4(password.encode("utf-16-le")))

    def verify(self, password: str) -> bool:
        """Tell whether it is of this password."""
        if usable(password) is None:
            return False
        return hmac.compare_digest(NtHash.derive(password).nt_hash, self.nt_hash)

    def format(self) -> str:
        """Write Dovecot's {NTLM}."""
        return "{NTLM}" + self.nt_hash.hex()

    def decoy(self) -> NtHash:
        """Return the one of nobody's password."""
        return NtHash(os.urandom(16))

    @classmethod
    def read(cls, digits: str) -> NtHash:
        """Read 32 hexadecimal digits in either case: Samba's are upper; raise
        ValueError.
        """
        return cls(a2b_hex(digits))
