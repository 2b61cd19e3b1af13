"""SMTP AUTH without a socket, both sides (RFC 4954; RFC 5321, 3207, 2034).

A server feeds lines to a `ServerSession`; a client feeds replies to a `ClientSession`,
or, where another library reads them, to an `Authentication` or to `Attempts`.
"""

from __future__ import annotations

from .._lines import LineBuffer
from ._client import Attempts, Authentication, mechanisms
from ._replies import READY, TIMED_OUT
from ._server import ServerSession
from ._session import ClientSession
from ._words import Action, Command, Reply, reason_of
from ._xtext import read_identity, write_identity

__all__ = [
    "READY",
    "TIMED_OUT",
    "Action",
    "Attempts",
    "Authentication",
    "ClientSession",
    "Command",
    "LineBuffer",
    "Reply",
    "ServerSession",
    "mechanisms",
    "read_identity",
    "reason_of",
    "write_identity",
]
