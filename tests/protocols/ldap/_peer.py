"""A directory in memory, and the wire between two sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sasl_core as sasl
from sasl_core.protocols.ldap import ClientSession, Command, Reply, ServerSession
from sasl_core.protocols.ldap import _messages as messages

from ..._accounts import Application

if TYPE_CHECKING:
    from sasl_core.protocols.ldap import Action

CLEAR = sasl.Channel(False, service="ldap")
TLS = sasl.Channel(True, service="ldap")
PLAIN = messages.bind_request(1, "PLAIN", b"\0user\0pencil")
WRONG = messages.bind_request(1, "PLAIN", b"\0user\0wrong")
SCRAM = messages.bind_request(1, "SCRAM-SHA-256", b"n,,n=user,r=abc")
START_TLS = messages.extended_request(1, messages.START_TLS)
UNBIND = bytes(messages.Message(1, messages.UNBIND))
DELETE = bytes(messages.Message(1, 0x4A, b"cn=x"))


class Peer:
    """A server session with its application; `say` takes a frame, gives its reply."""

    def __init__(self, session: ServerSession, application: Application | None = None):
        self.session = session
        self.application = application or Application()
        self.commands: list[Command] = []

    def say(self, frame: bytes) -> Reply:
        """Take a frame to its reply, as a well-behaved application does."""
        action = self.session.receive(frame)
        while isinstance(action, sasl.Request):
            action = self.session.resume(self.application.settle(action))
        return self.settle(action)

    def settle(self, action: Action) -> Reply:
        """Answer a command."""
        if isinstance(action, Reply):
            return action
        self.commands.append(action)
        if self.session.wants_tls:
            return self.session.start_tls(pending=False)
        reply = action.done()
        self.session.replied(action, reply)
        return reply

    def result(self, frame: bytes) -> tuple[int, str, bytes | None]:
        """Take a frame; return the code, the text and the credentials of the answer."""
        return outcome(self.say(frame))

    def code(self, frame: bytes) -> int:
        """Take a frame; return the result code of the answer."""
        return self.result(frame)[0]


def server(on: sasl.Channel = TLS, **options) -> Peer:
    """Make a server."""
    return Peer(ServerSession(on, **options))


def outcome(reply: Reply) -> tuple[int, str, bytes | None]:
    """Return the code, the text and the credentials of an answer."""
    return messages.read_result(messages.read(bytes(reply)).body)


def login(client: ClientSession, peer: Peer, *, octets: int = 0) -> list[bytes]:
    """Join two sessions until one has enough; return what went over the wire.

    `octets` is the size of the pieces in which each side gets the other's (0: whole).
    """
    output, wire = client.connected(), []
    while output:
        wire.append(output)
        for piece in pieces(output, octets):
            peer.session.incoming.feed(piece)
        reply = bytes(peer.say(peer.session.incoming.next()))
        wire.append(reply)
        output = b"".join(client.receive(piece) for piece in pieces(reply, octets))
        if client.wants_tls:
            secure = sasl.Channel(True, bindings=peer.session.channel.bindings)
            peer.session.secured(secure)
            output = client.secured(secure)
    return wire


def pieces(data: bytes, octets: int) -> list[bytes]:
    """Cut octets into pieces of one size."""
    size = octets or len(data)
    return [data[i : i + size] for i in range(0, len(data), size)]
