"""An IMAP server's application in memory, and the wire between two sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sasl_core as sasl
from sasl_core.protocols.imap import ClientSession, Command, Reply, ServerSession

from ..._accounts import Application, channel, policy

if TYPE_CHECKING:
    from sasl_core.protocols.imap import Action

PLAIN = b"AUTHENTICATE PLAIN AHVzZXIAcGVuY2ls"  # user, pencil
WRONG = b"AUTHENTICATE PLAIN AHVzZXIAd3Jvbmc="  # user, wrong
CLEAR = sasl.Channel(False, service="imap")
TLS = sasl.Channel(True, service="imap")


class Peer:
    """A server session with its application; `say` takes a line, gives its reply."""

    def __init__(self, session: ServerSession) -> None:
        self.session = session
        self.application = Application()
        self.commands: list[Command] = []

    def say(self, line: bytes) -> Reply:
        """Take a line to its reply, as a well-behaved application does."""
        return self.settle(self.session.receive(line))

    def feed(self, octets: bytes) -> bytes:
        """Take octets as they come; return all that is sent."""
        self.session.incoming.feed(octets)
        sent = b""
        while (line := self.session.incoming.next()) is not None:
            reply = self.say(line)
            sent += bytes(reply)
            if reply.close:
                break
        return sent

    def settle(self, action: Action) -> Reply:
        """Take an action to the reply that it ends in."""
        while isinstance(action, sasl.Request):
            action = self.session.resume(self.application.settle(action))
        if isinstance(action, Reply):
            return action
        self.commands.append(action)
        if action.verb == "STARTTLS":
            return self.session.start_tls(pending=self.session.incoming.pending)
        reply = action.ok()
        if action.verb == "LOGOUT":
            reply = action.ok("Done", "BYE See you", close=True)
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
        if output:
            wire += [output, peer.feed(output)]
        elif client.wants_tls:
            peer.session.secured(TLS)
            output = client.secured(TLS)
            wire += [output, peer.feed(output)]
    return wire
