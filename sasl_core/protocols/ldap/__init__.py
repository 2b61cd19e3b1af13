"""SASL in LDAP's bind, without a socket, both sides (RFC 4511, RFC 4513).

A server feeds a `ServerSession`'s `incoming`; a client feeds a `ClientSession`, or, where
another library reads the answers, an `Authentication` or `Attempts`.
"""

from __future__ import annotations

from ._client import Attempts, Authentication
from ._openldap import for_server
from ._reasons import reason_of
from ._server import ServerSession
from ._session import ClientSession
from ._words import Action, Command, Reply

__all__ = [
    "Action",
    "Attempts",
    "Authentication",
    "ClientSession",
    "Command",
    "Reply",
    "ServerSession",
    "for_server",
    "reason_of",
]
