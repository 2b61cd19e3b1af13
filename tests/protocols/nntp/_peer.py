"""An NNTP server's application in memory, and the wire between two sessions."""

from __future__ import annotations

import sasl_core as sasl
from sasl_core.protocols.nntp import ClientSession, Command, Reply, ServerSession

from ..._accounts import channel, policy
from .._sessions import BasePeer, join

PLAIN = b"AUTHINFO SASL PLAIN AHVzZXIAcGVuY2ls"  # user, pencil
WRONG = b"AUTHINFO SASL PLAIN AHVzZXIAd3Jvbmc="  # user, wrong
CLEAR = sasl.Channel(False, service="nntp")
TLS = sasl.Channel(True, service="nntp")
ACCEPTED = b"281 Authentication accepted\r\n"


class Peer(BasePeer):
    def answer(self, command: Command) -> Reply:
        close = command.verb == "QUIT"
        return Reply(205 if close else 200, "Done", close=close)


def server(on: sasl.Channel = TLS, **options) -> Peer:
    """Make a server."""
    return Peer(ServerSession(on, **options))


def for_mechanism(name: str, **options) -> Peer:
    """Make a server that runs one mechanism."""
    return server(channel(name), policy=policy(name), **options)


def login(client: ClientSession, peer: Peer, *, octets: int = 0) -> list[bytes]:
    """Log in, as `join` has it."""
    return join(client, peer, b"201 news.example.org\r\n", octets=octets)
