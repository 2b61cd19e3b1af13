"""Ask a saslauthd whether a password is right: blocking, or by asyncio."""

from __future__ import annotations

import asyncio
import socket
from time import monotonic
from typing import TYPE_CHECKING

from .._errors import ProtocolError
from .._reasons import Reason
from ..protocols.saslauthd import ClientSession, Refused, Verified

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Refused", "Verified", "verify", "verify_async"]

_CHUNK = 2048
_UNAVAILABLE = Refused(Reason.UNAVAILABLE, "saslauthd cannot be asked")


def verify(
    path: str | Path,
    username: str,
    password: str,
    *,
    service: str = "smtp",
    realm: str | None = None,
    timeout: float = 30.0,
) -> Verified | Refused:
    """Ask the saslauthd at this socket (`/run/saslauthd/mux`); the rest as in
    `protocols.saslauthd.ClientSession`.

    Where it cannot be asked, or says nothing within `timeout` seconds, that is a Refused
    for now. Raise CredentialsError.
    """
    try:
        session = ClientSession(username, password, service=service, realm=realm)
    finally:
        del password  # a traceback shows locals
    end = monotonic() + timeout
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        try:
            sock.settimeout(timeout)
            sock.connect(str(path))
            sock.sendall(session.request)
            while True:
                sock.settimeout(max(end - monotonic(), 0.001))
                data = sock.recv(_CHUNK)
                if not data:
                    return session.closed()
                verdict = session.receive(data)
                if verdict is not None:
                    return verdict
        except (OSError, ProtocolError):
            return _UNAVAILABLE


async def verify_async(
    path: str | Path,
    username: str,
    password: str,
    *,
    service: str = "smtp",
    realm: str | None = None,
    timeout: float = 30.0,
) -> Verified | Refused:
    """Ask, as `verify`."""
    try:
        session = ClientSession(username, password, service=service, realm=realm)
    finally:
        del password  # a traceback shows locals
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_unix_connection(str(path))
            try:
                writer.write(session.request)
                while data := await reader.read(_CHUNK):
                    verdict = session.receive(data)
                    if verdict is not None:
                        return verdict
                return session.closed()
            finally:
                writer.close()
    except (OSError, ProtocolError):  # TimeoutError is an OSError
        return _UNAVAILABLE
