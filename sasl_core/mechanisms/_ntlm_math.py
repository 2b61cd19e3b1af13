"""The arithmetic of NTLM, in the words of MS-NLMP, sections 3.3 and 3.4.5.

NTOWFv1  = MD4(UNICODE(Passwd))
NTOWFv2  = HMAC_MD5(NTOWFv1, UNICODE(Uppercase(User) UserDom))
NTProofStr = HMAC_MD5(NTOWFv2, ServerChallenge temp)
"""

from __future__ import annotations

import hashlib

from .._md4 import md4
from .._rc4 import RC4
from .._scram_math import hmac_of
from ._des_key import des_key
from ._digest_math import md5

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .._channel import ChannelBinding
    from ..layers import Cipher, CipherMaker

HMAC_MD5 = hmac_of(hashlib.md5)
NO_BINDINGS = bytes(16)

_SIGN = b"session key to %b signing key magic constant\0"
_SEAL = b"session key to %b sealing key magic constant\0"
_TO_SERVER, _TO_CLIENT = b"client-to-server", b"server-to-client"
_KEY_SIZES = {128: 16, 56: 7, 40: 5}


_EPOCH = 11_644_473_600  # seconds from 1601 to 1970


def filetime(clock: Callable[[], float] | None) -> bytes:
    """Return the time as a FILETIME: tenths of microseconds since 1601.

    Zero without a clock: of the servers that send no timestamp, none is known to look.
    """
    seconds = 0 if clock is None else int(clock()) + _EPOCH
    return (seconds * 10_000_000).to_bytes(8, "little")


def unicode(text: str) -> bytes:
    """Encode UTF-16, with the lone surrogates that Windows lets pass."""
    return text.encode("utf-16-le", "surrogatepass")


def ntowf_v1(password: str) -> bytes:
    """Return what is kept of a password: worth as much as the password to NTLM."""
    return md4(unicode(password))


def ntowf_v2(nt_hash: bytes, user: str, domain: str) -> bytes:
    """Return the key of NTLMv2's answers."""
    return HMAC_MD5(nt_hash, unicode(_upper(user) + domain))


def _upper(text: str) -> str:
    """Map each character to one: Windows has no capital for the sharp s."""
    if text.isascii():
        return text.upper()
    pairs = ((char, char.upper()) for char in text)
    return "".join(upper if len(upper) == 1 else char for char, upper in pairs)


def temp(time: bytes, client_challenge: bytes, target_info: bytes) -> bytes:
    """Write the NTLMv2_CLIENT_CHALLENGE (section 2.2.2.7), and the four octets after."""
    return b"\1\1%b%b%b%b%b%b" % (
        bytes(6),
        time,
        client_challenge,
        bytes(4),
        target_info,
        bytes(4),
    )


def desl(maker: CipherMaker, key: bytes, data: bytes) -> bytes:
    """Encrypt eight octets by each third of a key of 16, filled up with zeros."""
    key = key.ljust(21, b"\0")
    thirds = (des_key(key[at : at + 7]) for at in (0, 7, 14))
    # One block of CBC, and an IV of zeros: that is ECB.
    return b"".join(
        maker(third, bytes(8), encrypt=True).update(data) for third in thirds
    )


def session_challenge(server_challenge: bytes, client_challenge: bytes) -> bytes:
    """Return what NTLMv1 answers if extended session security was agreed upon."""
    return md5(server_challenge + client_challenge)[:8]


def rc4k(key: bytes, data: bytes) -> bytes:
    """Encrypt or decrypt one key by another."""
    return RC4(key).update(data)


def sign_key(session_key: bytes, *, of_client: bool) -> bytes:
    """Return SIGNKEY of one side (section 3.4.5.2)."""
    way = _TO_SERVER if of_client else _TO_CLIENT
    return md5(session_key + _SIGN % way)


def seal_key(session_key: bytes, strength: int, *, of_client: bool) -> bytes:
    """Return SEALKEY of one side; strength in bits (section 3.4.5.3)."""
    way = _TO_SERVER if of_client else _TO_CLIENT
    part = session_key[: _KEY_SIZES[strength]]
    return md5(part + _SEAL % way)


def cipher(maker: CipherMaker | None, key: bytes) -> Cipher:
    """Make RC4 by what the policy has for it."""
    return RC4(key) if maker is None else maker(key, b"", encrypt=True)


def bindings_hash(bindings: tuple[ChannelBinding, ...]) -> bytes:
    """Return MsvAvChannelBindings: the MD5 of a gss_channel_bindings_struct (RFC 2744,
    section 3.11; RFC 5929, section 4); zeros where there is no such binding.

    Windows binds to the certificate alone, whatever else could be had.
    """
    for binding in bindings:
        if binding.type == "tls-server-end-point":
            data = b"tls-server-end-point:" + binding.data
            struct = bytes(16) + len(data).to_bytes(4, "little") + data
            return md5(struct)
    return NO_BINDINGS
