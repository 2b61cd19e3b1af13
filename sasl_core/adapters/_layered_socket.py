"""LayeredSocket: a socket whose octets go through a security layer."""

from __future__ import annotations

import contextlib
import socket
import ssl
from typing import TYPE_CHECKING, cast

from .._errors import ProtocolError

if TYPE_CHECKING:
    import io
    from typing import Any, BinaryIO

    from ..layers import Layer

_CHUNK = 65536


def over_file(
    sock: socket.socket, file: BinaryIO, layer: Layer, early: bytes = b""
) -> LayeredSocket:
    """Return the socket to go on with, where a file made of `sock` has been read: it is
    closed, and what it has read and not given out came through the layer, after `early`.
    """
    timeout = sock.gettimeout()
    sock.settimeout(0)  # what it holds it gives at once, and nobody waits for more
    try:
        with file, contextlib.suppress(ssl.SSLWantReadError):
            early += cast("io.BufferedReader", file).read1()
    finally:
        sock.settimeout(timeout)
    return LayeredSocket(sock, layer, early)


def _refuse(*_: object) -> None:
    raise OSError("not through a security layer")


_refused: Any = _refuse


class LayeredSocket(socket.socket):
    """What is sent through this goes out wrapped, what is received comes unwrapped.

    It takes the place of the socket that it is made of, closing included; it can be read
    by `makefile` too. Data may be here while `select` sees none. Where the peer's data was
    changed, `recv` raises ProtocolError (and to make this of `early` data, too) and ends
    the connection; then all raises OSError.
    """

    def __init__(self, sock: socket.socket, layer: Layer, early: bytes = b"") -> None:
        self._sock = sock
        self._layer = layer
        # Unwrapped, and not yet asked for; `early` was received before this was made.
        self._ready = bytearray(self._unwrap(early))
        # A descriptor of its own, for `select`; each closes what it has.
        mine = socket.dup(sock.fileno())
        super().__init__(sock.family, sock.type, sock.proto, fileno=mine)
        super().settimeout(sock.gettimeout())

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """Return at most so many octets, b"" at the end; the flags must be 0."""
        self._must_be_plain(flags)
        self._must_be_open()
        while not self._ready:
            data = self._sock.recv(_CHUNK)
            if not data:
                if self._layer.pending:
                    raise ConnectionAbortedError("the end came within a buffer")
                return b""
            self._ready += self._unwrap(data)
        taken = bytes(self._ready[:bufsize])
        del self._ready[:bufsize]
        return taken

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        """Fill a buffer, or the first octets of one; return how many."""
        with memoryview(buffer).cast("B") as view:
            data = self.recv(nbytes or len(view), flags)
            view[: len(data)] = data
            return len(data)

    def send(self, data: Any, flags: int = 0, /) -> int:
        """Send all of it: a half of a buffer is none."""
        self.sendall(data, flags)
        return len(memoryview(data).cast("B"))

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Send all of it."""
        self._must_be_plain(flags)
        self._must_be_open()
        self._sock.sendall(self._layer.wrap(bytes(data)))

    def settimeout(self, value: float | None, /) -> None:
        """Set the timeout of both."""
        super().settimeout(value)
        self._sock.settimeout(value)

    def setblocking(self, flag: bool, /) -> None:
        """Set whether calls wait."""
        self.settimeout(None if flag else 0.0)

    def shutdown(self, how: int, /) -> None:
        """Shut down one half of the connection, or both."""
        self._sock.shutdown(how)

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        """Send the rest of a file, or so much of it; return how many octets."""
        file.seek(offset)
        sent = 0
        while count is None or sent < count:
            data = file.read(_CHUNK if count is None else min(count - sent, _CHUNK))
            if not data:
                break
            sent += self.send(data)
        return sent

    # What would get round the layer.
    recvfrom = recvfrom_into = recvmsg = recvmsg_into = _refused
    sendto = sendmsg = detach = dup = _refused

    def close(self) -> None:
        """Close both, once the files are closed that were made of this."""
        super().close()
        if self.fileno() < 0:
            self._sock.close()

    def _unwrap(self, data: bytes) -> bytes:
        try:
            return self._layer.unwrap(data)
        except ProtocolError:
            # Nobody may go on without the layer. The peer may be gone.
            with contextlib.suppress(OSError):
                self._sock.shutdown(socket.SHUT_RDWR)
            raise

    def _must_be_open(self) -> None:
        if self._layer.closed:
            raise ConnectionAbortedError("the security layer has ended")

    def _must_be_plain(self, flags: int) -> None:
        if flags:
            raise ValueError("there are no flags through a security layer")
