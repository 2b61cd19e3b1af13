"""An NNTP server's application in memory, and the wire between two sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sasl_core as sasl
from sasl_core.protocols.nntp import ClientSession, Command, Reply, ServerSession

from ..._accounts import Application, channel, policy

if TYPE_CHECKING:
    from sasl_core.protocols.nntp import Action

PLAIN = b"AUTHINFO SASL PLAIN AHVzZXIAcGVuY2ls"  # user, pencil
WRONG = b"AUTHINFO SASL PLAIN AHVzZXIAd3Jvbmc="  # user, wrong
CLEAR = sasl.Channel(False, service="nntp")
TLS = sasl.Channel(True, service="nntp")
ACCEPTED = b"281 Authentication accepted\r\n"


class Peer:
    """A server session with its application; `say` takes octets, gives its replies."""

    def __init__(self, session: ServerSession, application: Application | None = None):
        self.session = session
        self.application = application or Application()
        self.commands: list[Command] = []

    def say(self, octets: bytes) -> bytes:
        """Feed octets; return what a well-behaved server says to them."""
        self.session.incoming.feed(octets)
        output = b""
        while (line := self.session.incoming.next()) is not None:
            output += bytes(self.settle(self.session.receive(line)))
        return output

    def line(self, line: bytes) -> bytes:
        """Say one line."""
        return self.say(line + b"\r\n")

    def settle(self, action: Action) -> Reply:
        """Take an action to the reply that it ends in."""
        while isinstance(action, sasl.Request):
            action = self.session.resume(self.application.settle(action))
        if isinstance(action, Reply):
            return action
        self.commands.append(action)
        if action.verb == "STARTTLS":
            return self.session.start_tls(pending=self.session.incoming.pending)
        close = action.verb == "QUIT"
        reply = Reply(205 if close else 200, "Done", close=close)
        self.session.replied(action, reply)
        return reply


def server(on: sasl.Channel = TLS, **options) -> Peer:
    """Make a server."""
    return Peer(ServerSession(on, **options))


def for_mechanism(name: str, **options) -> Peer:
    """Make a server that runs one mechanism."""
    return server(channel(name), policy=policy(name), **options)


def login(client: ClientSession, peer: Peer, *, octets: int = 0) -> list[bytes]:
    """Join two sessions until one has enough; return what went over the wire.

    `octets` is the size of the pieces in which the client gets the replies (0: whole).
    """
    wire = [b"201 news.example.org\r\n"]
    while not client.authenticated:
        reply = wire[-1]
        size = octets or len(reply)
        pieces = [reply[i : i + size] for i in range(0, len(reply), size)]
        output = b"".join(client.receive(piece) for piece in pieces)
        if client.wants_tls:
            secure = sasl.Channel(True, bindings=peer.session.channel.bindings)
            assert peer.session.secured(secure) is None
            output = client.secured(secure)
        if output:
            wire += [output, peer.say(output)]
    return wire
