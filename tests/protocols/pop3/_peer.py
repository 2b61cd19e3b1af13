"""A POP3 server's application in memory, and the wire between two sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sasl_core as sasl
from sasl_core.protocols.pop3 import ClientSession, Command, Reply, ServerSession

from ..._accounts import Application, channel, policy

if TYPE_CHECKING:
    from sasl_core.protocols.pop3 import Action

PLAIN = b"AUTH PLAIN AHVzZXIAcGVuY2ls"  # user, pencil
WRONG = b"AUTH PLAIN AHVzZXIAd3Jvbmc="  # user, wrong
CLEAR = sasl.Channel(False, service="pop")
TLS = sasl.Channel(True, service="pop")
TIMESTAMP = b"<1896.697170952@dbc.mtview.ca.us>"


class Peer:
    """A server session with its application; `say` takes a line, gives its reply."""

    def __init__(self, session: ServerSession, application: Application | None = None):
        self.session = session
        self.application = application or Application()
        self.commands: list[Command] = []

    def say(self, line: bytes) -> bytes:
        """Take a line to its reply, as a well-behaved application does."""
        return bytes(self.settle(self.session.receive(line)))

    def settle(self, action: Action) -> Reply:
        """Take an action to the reply that it ends in."""
        while isinstance(action, sasl.Request):
            action = self.session.resume(self.application.settle(action))
        if isinstance(action, Reply):
            return action
        self.commands.append(action)
        if action.verb == "STLS":
            return self.session.start_tls(pending=False)
        reply = action.ok("Bye", close=True) if action.verb == "QUIT" else action.ok()
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
    wire = [bytes(peer.session.greeting())]
    while not client.authenticated:
        reply = wire[-1]
        size = octets or len(reply)
        pieces = [reply[i : i + size] for i in range(0, len(reply), size)]
        output = b"".join(client.receive(piece) for piece in pieces)
        if client.wants_tls:
            secure = sasl.Channel(True, bindings=peer.session.channel.bindings)
            peer.session.secured(secure)
            output = client.secured(secure)
        if output:
            wire += [output, peer.say(output)]
    return wire
