"""NTLM's session security, as a layer (MS-NLMP, section 3.4).

buffer   Version (1, four octets), Checksum (8), SeqNum (4), then the data
Checksum = RC4(SealingKey, HMAC_MD5(SigningKey, SeqNum data)[0..7])

Only with extended session security: without it the checksum is a CRC32, and both ways
are encrypted with one key stream.
"""

from __future__ import annotations

import hmac

from .._strict import Malformed
from ..layers import Layer
from . import _ntlm_math as math

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..layers import CipherMaker

_VERSION = b"\1\0\0\0"
_SIZE = 16


class Way:
    """One direction: its keys, its key stream, and its next sequence number.

    `seals`: the data is encrypted; `exchanged`: a session key was sent
    (NEGOTIATE_KEY_EXCH), and the checksum is encrypted too.
    """

    __slots__ = ("_handle", "_number", "_sign_key", "exchanged", "seals")

    def __init__(
        self,
        sign_key: bytes,
        seal_key: bytes,
        *,
        seals: bool,
        exchanged: bool,
        maker: CipherMaker | None = None,
    ) -> None:
        self._sign_key = sign_key
        self._handle = math.cipher(maker, seal_key)
        self._number = 0
        self.seals = seals
        self.exchanged = exchanged

    def protect(self, data: bytes) -> bytes:
        """Return the signature, and the data, encrypted if that was agreed upon."""
        sealed = self._handle.update(data) if self.seals else data
        return self._signature(data) + sealed

    def unprotect(self, sealed: bytes) -> bytes:
        """Return the data; raise Malformed."""
        signature, data = sealed[:_SIZE], sealed[_SIZE:]
        if self.seals:
            data = self._handle.update(data)
        if not hmac.compare_digest(self._signature(data), signature):
            raise Malformed("a buffer that was changed, left out or sent twice")
        return data

    def _signature(self, data: bytes) -> bytes:
        number = self._number.to_bytes(4, "little")
        self._number = (self._number + 1) & 0xFFFFFFFF
        checksum = math.HMAC_MD5(self._sign_key, number + data)[:8]
        if self.exchanged:
            checksum = self._handle.update(checksum)
        return _VERSION + checksum + number


class NtlmLayer(Layer):
    """What protects the data after NTLM; nobody agrees upon sizes there."""

    __slots__ = ("_mine", "_theirs")

    def __init__(
        self,
        session_key: bytes,
        *,
        is_client: bool,
        seals: bool,
        exchanged: bool,
        strength: int,
        maker: CipherMaker | None,
        size: int,
    ) -> None:
        """Make it of the ExportedSessionKey; `size`: the octets of one buffer."""
        super().__init__(confidential=seals, send_size=size - _SIZE, receive_size=size)
        self._mine, self._theirs = (
            Way(
                math.sign_key(session_key, of_client=of_client),
                math.seal_key(session_key, strength, of_client=of_client),
                seals=seals,
                exchanged=exchanged,
                maker=maker,
            )
            for of_client in (is_client, not is_client)
        )

    def _seal(self, data: bytes) -> bytes:
        return self._mine.protect(data)

    def _open(self, sealed: bytes) -> bytes:
        return self._theirs.unprotect(sealed)
