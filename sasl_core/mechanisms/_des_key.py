"""How seven octets become a key of DES (FIPS 46-3): DIGEST-MD5 and NTLM both do it."""

from __future__ import annotations


def des_key(part: bytes) -> bytes:
    """Spread seven octets over eight, and make the parity of each odd."""
    bits = int.from_bytes(part)
    septets = (bits >> shift & 0x7F for shift in range(49, -1, -7))
    return bytes(septet << 1 | (septet.bit_count() + 1 & 1) for septet in septets)
