"""An SMTP server's application in memory, and the wire between two sessions."""

from __future__ import annotations

import sasl_core as sasl
from sasl_core.protocols.smtp import ClientSession, Command, Reply, ServerSession

from ..._accounts import channel, policy
from .._sessions import BasePeer, join

PLAIN = b"AUTH PLAIN AHVzZXIAcGVuY2ls"  # user, pencil
WRONG = b"AUTH PLAIN AHVzZXIAd3Jvbmc="  # user, wrong
CLEAR = sasl.Channel(False, service="smtp")
TLS = sasl.Channel(True, service="smtp")
OK = Reply(250, "2.0.0 Ok")


class Peer(BasePeer):
    def answer(self, command: Command) -> Reply:
        if command.verb == "QUIT":
            return Reply(221, "2.0.0 Bye", close=True)
        if command.verb in ("EHLO", "LHLO"):
            return Reply(250, "mail.example.org", *self.session.keywords())
        return OK


def server(on: sasl.Channel = TLS, **options) -> Peer:
    """Make a server that has said nothing yet."""
    return Peer(ServerSession(on, **options))


def greeted(on: sasl.Channel = TLS, **options) -> Peer:
    """Make a server that has seen EHLO."""
    peer = server(on, **options)
    peer.say(b"EHLO client.example")
    return peer


def for_mechanism(name: str, **options) -> Peer:
    """Make a server that runs one mechanism, and has seen EHLO."""
    return greeted(channel(name), policy=policy(name), **options)


def login(client: ClientSession, peer: Peer, *, octets: int = 0) -> list[bytes]:
    """Log in, as `join` has it."""
    return join(client, peer, b"220 mail.example.org ESMTP\r\n", octets=octets)
