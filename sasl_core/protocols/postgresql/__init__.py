"""SASL in PostgreSQL's protocol 3, without a socket, both sides (its manual, chapter
"Frontend/Backend Protocol").

A server feeds a `ServerSession`'s `incoming`; a client feeds a `ClientSession`, or, where
another library reads the messages, an `Attempts`.
"""

from __future__ import annotations

from ._client import MECHANISMS, Attempts
from ._messages import READY, error, message, reason_of
from ._server import Action, Command, Reply, ServerSession
from ._session import ClientSession

__all__ = [
    "MECHANISMS",
    "READY",
    "Action",
    "Attempts",
    "ClientSession",
    "Command",
    "Reply",
    "ServerSession",
    "error",
    "message",
    "reason_of",
]
