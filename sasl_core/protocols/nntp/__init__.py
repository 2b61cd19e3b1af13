"""NNTP's AUTHINFO without a socket, both sides (RFC 4643; RFC 3977, 4642).

A server feeds lines to a `ServerSession`; a client feeds replies to a `ClientSession`,
or, where another library reads them, to an `Authentication` or to `Attempts`.
"""

from __future__ import annotations

from ._client import Attempts, Authentication, mechanisms, takes_passwords
from ._server import ServerSession
from ._session import ClientSession
from ._words import Action, Command, Reply, reason_of

__all__ = [
    "Action",
    "Attempts",
    "Authentication",
    "ClientSession",
    "Command",
    "Reply",
    "ServerSession",
    "mechanisms",
    "reason_of",
    "takes_passwords",
]
