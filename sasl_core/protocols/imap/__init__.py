"""IMAP authentication without a socket, both sides (RFC 9051, 3501, 4959, 5530).

A server feeds a `ServerSession`'s `incoming`; a client feeds a `ClientSession`, or, where
another library reads the responses, an `Authentication` or `Attempts`.
"""

from __future__ import annotations

from ._client import (
    Attempts,
    Authentication,
    capabilities,
    mechanisms,
    takes_initial,
)
from ._server import ServerSession
from ._session import ClientSession, ResponseBuffer
from ._words import Action, Command, Reply, reason_of, response_code

__all__ = [
    "Action",
    "Attempts",
    "Authentication",
    "ClientSession",
    "Command",
    "Reply",
    "ResponseBuffer",
    "ServerSession",
    "capabilities",
    "mechanisms",
    "reason_of",
    "response_code",
    "takes_initial",
]
