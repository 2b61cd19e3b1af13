"""ManageSieve authentication without a socket, both sides (RFC 5804).

A server feeds a `ServerSession`'s `incoming`; a client feeds a `ClientSession`, or, where
another library reads the responses, an `Authentication` or `Attempts`.
"""

from __future__ import annotations

from ._client import Attempts, Authentication, mechanisms
from ._server import ServerSession
from ._session import ClientSession
from ._words import Action, Command, Reply, read_reply, reason_of, response_code

__all__ = [
    "Action",
    "Attempts",
    "Authentication",
    "ClientSession",
    "Command",
    "Reply",
    "ServerSession",
    "mechanisms",
    "read_reply",
    "reason_of",
    "response_code",
]
