"""IRC authentication without a socket, both sides (IRCv3 SASL 3.1 and 3.2).

A client feeds a `ClientSession` from the connection's first octet on; a server feeds a
`ServerSession`'s `incoming`.
"""

from __future__ import annotations

from ._client import Attempts, ClientSession
from ._server import ServerSession
from ._words import Action, Command, Message, Reply, reason_of

__all__ = [
    "Action",
    "Attempts",
    "ClientSession",
    "Command",
    "Message",
    "Reply",
    "ServerSession",
    "reason_of",
]
