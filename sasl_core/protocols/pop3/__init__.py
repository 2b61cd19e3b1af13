"""POP3 authentication without a socket, both sides (RFC 5034, 1939, 2449, 2595, 3206).

A server feeds a `ServerSession`'s `incoming`; a client feeds a `ClientSession`, or, where
another library reads the replies, an `Authentication` or `Attempts`.
"""

from __future__ import annotations

from ...mechanisms.apop import APOP, find_timestamp
from ._client import Attempts, Authentication, mechanisms
from ._server import ServerSession
from ._session import ClientSession
from ._words import Action, Command, Reply, reason_of, response_code

__all__ = [
    "APOP",
    "Action",
    "Attempts",
    "Authentication",
    "ClientSession",
    "Command",
    "Reply",
    "ServerSession",
    "find_timestamp",
    "mechanisms",
    "reason_of",
    "response_code",
]
