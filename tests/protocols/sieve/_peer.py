"""A ManageSieve server's application in memory, and the wire between two sessions."""

from __future__ import annotations

import sasl_core as sasl
from sasl_core.protocols.sieve import ClientSession, Command, Reply, ServerSession

from ..._accounts import channel, policy
from .._sessions import BasePeer, join

PLAIN = b'AUTHENTICATE "PLAIN" "AHVzZXIAcGVuY2ls"'  # user, pencil
WRONG = b'AUTHENTICATE "PLAIN" "AHVzZXIAd3Jvbmc="'  # user, wrong
CLEAR = sasl.Channel(False, service="sieve")
TLS = sasl.Channel(True, service="sieve")
OK = Reply("OK", "Done")


class Peer(BasePeer):
    def answer(self, command: Command) -> Reply:
        return Reply("OK", "Bye", close=True) if command.verb == "LOGOUT" else OK


def server(on: sasl.Channel = TLS, **options) -> Peer:
    """Make a server."""
    return Peer(ServerSession(on, **options))


def for_mechanism(name: str, **options) -> Peer:
    """Make a server that runs one mechanism."""
    return server(channel(name), policy=policy(name), **options)


def login(client: ClientSession, peer: Peer, *, octets: int = 0) -> list[bytes]:
    """Log in, as `join` has it."""
    return join(client, peer, bytes(peer.session.greeting()), octets=octets)
