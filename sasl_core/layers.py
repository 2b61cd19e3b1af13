"""Layer: what a mechanism puts on the connection after the exchange, without the socket.

    buffer = 4OCTET *OCTET      its length in network byte order, then protected data

RFC 4422, section 3.7. What protects the data, and proves whose it is, is each
mechanism's own business; cutting, joining and limits are here.
"""

from __future__ import annotations

from ._errors import ProtocolError, StateError
from ._strict import Malformed
from ._value import Secretive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Cipher(Protocol):
        """One direction of a connection; each call goes on where the last one ended."""

        def update(self, data: bytes, /) -> bytes:
            """Return the data encrypted or decrypted, as much of it as was given."""

    class CipherMaker(Protocol):
        """What `Policy.ciphers` holds; an encryptor of `cryptography` is a Cipher."""

        def __call__(self, key: bytes, iv: bytes, *, encrypt: bool) -> Cipher:
            """Make a cipher; in CBC mode with this IV if it works on blocks."""


__all__ = ["Layer"]

_LENGTH = 4


class Layer(Secretive):
    """What all data goes through, both ways, once the exchange has succeeded.

    `confidential`: the data is encrypted, not only protected against change.
    `send_size`: the most octets of ours that go into one buffer; `receive_size`: the
    most that a buffer from the peer may have. `closed`: an error has ended it; nothing
    passes any more. One thread may wrap while another unwraps.

    A mechanism's layer says how one buffer is sealed and opened.
    """

    __slots__ = ("_incoming", "closed", "confidential", "receive_size", "send_size")
    __match_args__ = ("confidential", "send_size", "receive_size", "closed")

    def __init__(
        self, *, confidential: bool, send_size: int, receive_size: int
    ) -> None:
        if send_size < 1 or receive_size < 1:
            raise ValueError("a buffer has at least one octet")
        self.confidential = confidential
        self.send_size = send_size
        self.receive_size = receive_size
        self.closed = False
        self._incoming = bytearray()

    def wrap(self, data: bytes) -> bytes:
        """Return the buffers to send for this data: none for no data.

        Raise StateError after the layer's end. An error is its end, too: the peer would
        miss what was sealed and not sent.
        """
        self._must_be_open()
        size = self.send_size
        parts: list[bytes] = []
        try:
            for at in range(0, len(data), size):
                sealed = self._seal(data[at : at + size])
                parts += len(sealed).to_bytes(_LENGTH), sealed
        except BaseException:
            self.closed = True
            raise
        return b"".join(parts)

    def unwrap(self, data: bytes) -> bytes:
        """Take what has come, in whatever pieces; return the data of the whole buffers.

        Raise ProtocolError for a buffer that is too long, was changed, or comes out of
        order, and end the layer: close the connection then. StateError after that.
        """
        self._must_be_open()
        self._incoming += data
        problem = ""
        try:
            return b"".join(self._opened())
        except Malformed as error:
            problem = str(error)
        except BaseException:
            self.closed = True
            raise
        self.closed = True
        self._incoming.clear()
        raise ProtocolError(problem)

    @property
    def pending(self) -> bool:
        """Whether the last buffer is not whole: at the connection's end it was cut."""
        return bool(self._incoming)

    def _seal(self, data: bytes) -> bytes:
        """Return one protected buffer, without its length."""
        raise TypeError("a layer says how a buffer is sealed")

    def _open(self, sealed: bytes) -> bytes:
        """Return the data of one protected buffer; raise Malformed."""
        raise TypeError("a layer says how a buffer is opened")

    def _opened(self) -> list[bytes]:
        incoming, at, found = self._incoming, 0, []
        while len(incoming) - at >= _LENGTH:
            size = int.from_bytes(incoming[at : at + _LENGTH])
            # Before it is waited for: it is what we told the peer that we can take.
            if size > self.receive_size:
                raise Malformed("a buffer that is longer than was agreed upon")
            end = at + _LENGTH + size
            if end > len(incoming):
                break
            found.append(self._open(bytes(incoming[at + _LENGTH : end])))
            at = end
        del incoming[:at]
        return found

    def _must_be_open(self) -> None:
        if self.closed:
            raise StateError("the security layer has ended: close the connection")
