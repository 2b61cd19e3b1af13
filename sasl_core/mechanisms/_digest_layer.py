"""DIGEST-MD5's security layer (RFC 2831, sections 2.3 and 2.4).

integrity:        msg, MAC
confidentiality:  CIPHER(Kc, msg, pad, HMAC(Ki, SeqNum msg)[0..9]), 0x0001, SeqNum
MAC(Ki, SeqNum, msg) = HMAC(Ki, SeqNum msg)[0..9], 0x0001, SeqNum
"""

from __future__ import annotations

import hashlib
import hmac

from .._rc4 import RC4
from .._scram_math import hmac_of
from .._strict import Malformed
from ..layers import Layer
from ._des_key import des_key
from ._digest_math import md5

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..layers import Cipher, CipherMaker

_HMAC = hmac_of(hashlib.md5)
_TYPE = b"\0\1"
_SIGN = b"Digest session key to %b signing key magic constant"
_SEAL = b"Digest H(A1) to %b sealing key magic constant"
_LEAST_OF_BLOCKS = 8 + 8 + 6  # of an octet with its padding and MAC; others fit in 17
_TO_SERVER, _TO_CLIENT = b"client-to-server", b"server-to-client"

# cipher -> how much of H(A1) its keys are made of, how much of a key it takes (in DES,
# seven octets are a key), and the size of a block, 1 where there are none
CIPHERS = {
    "3des": (16, 14, 8),
    "rc4": (16, 16, 1),
    "des": (16, 7, 8),
    "rc4-56": (7, 16, 1),
    "rc4-40": (5, 16, 1),
}


class DigestLayer(Layer):
    """What protects the data after DIGEST-MD5; `cipher` is "" for integrity alone."""

    __slots__ = (
        "_block",
        "_open_key",
        "_opener",
        "_opens",
        "_seal_key",
        "_sealer",
        "_seals",
        "cipher",
    )

    def __init__(
        self,
        session_key: bytes,
        *,
        is_client: bool,
        cipher: str,
        maker: CipherMaker | None,
        send_size: int,
        receive_size: int,
    ) -> None:
        """Make it of H(A1), and the buffer sizes of the two sides; raise Malformed where
        the peer's is too small for any data.
        """
        if cipher and CIPHERS[cipher][2] > 1 and send_size < _LEAST_OF_BLOCKS:
            raise Malformed("the peer's maxbuf has no room for a block of data")
        # The length in front may count, by some: an octet less does not hurt.
        room = max(1, send_size - 4 - 16 - (8 if cipher else 0))
        super().__init__(
            confidential=bool(cipher), send_size=room, receive_size=receive_size
        )
        ways = [_TO_SERVER, _TO_CLIENT]
        mine, theirs = ways if is_client else reversed(ways)
        self.cipher = cipher
        self._seals = self._opens = 0
        self._seal_key = md5(session_key + _SIGN % mine)
        self._open_key = md5(session_key + _SIGN % theirs)
        self._sealer: Cipher | None = None
        self._opener: Cipher | None = None
        self._block = 1
        if cipher:
            size, self._block = CIPHERS[cipher][0], CIPHERS[cipher][2]
            seal = md5(session_key[:size] + _SEAL % mine)
            opening = md5(session_key[:size] + _SEAL % theirs)
            self._sealer = _cipher(cipher, maker, seal, encrypt=True)
            self._opener = _cipher(cipher, maker, opening, encrypt=False)

    def _seal(self, data: bytes) -> bytes:
        number = self._seals.to_bytes(4)
        self._seals = (self._seals + 1) & 0xFFFFFFFF
        tag = _HMAC(self._seal_key, number + data)[:10]
        if self._sealer is None:
            return data + tag + _TYPE + number
        pad = self._block - (len(data) + 10) % self._block if self._block > 1 else 0
        sealed = self._sealer.update(data + bytes([pad]) * pad + tag)
        return sealed + _TYPE + number

    def _open(self, sealed: bytes) -> bytes:
        number = self._opens.to_bytes(4)
        self._opens = (self._opens + 1) & 0xFFFFFFFF
        body = sealed[:-6]
        if len(body) < 10 or len(body) % self._block:
            raise Malformed("a buffer without room for its MAC (RFC 2831, section 2.3)")
        if self._opener is not None:
            body = self._opener.update(body)
        data, tag = body[:-10], body[-10:]
        if self._block > 1:
            data = _without_padding(data)
        # One error, whatever is wrong: which it is would help who tries things out.
        expected = _HMAC(self._open_key, number + data)[:10] + _TYPE + number
        if not hmac.compare_digest(expected, tag + sealed[-6:]):
            raise Malformed("a buffer that was changed, left out or sent twice")
        return data


def _cipher(
    name: str, maker: CipherMaker | None, key: bytes, *, encrypt: bool
) -> Cipher:
    _, taken, block = CIPHERS[name]
    if maker is None:
        return RC4(key[:taken])
    if block == 1:
        return maker(key[:taken], b"", encrypt=encrypt)
    halves = (key[at : at + 7] for at in range(0, taken, 7))
    # Section 2.4: the IV is the last eight octets of the key.
    return maker(b"".join(map(des_key, halves)), key[8:], encrypt=encrypt)


def _without_padding(data: bytes) -> bytes:
    """Take the padding off; leave what has none for the MAC to find out."""
    count = data[-1] if data else 0
    if 1 <= count <= 8 and data.endswith(bytes([count]) * count):
        return data[:-count]
    return data
