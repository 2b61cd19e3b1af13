"""A database server in memory, and the wire between two sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sasl_core as sasl
from sasl_core.protocols.postgresql import ClientSession, Command, Reply, ServerSession
from sasl_core.protocols.postgresql import _messages as messages

from ..._accounts import BINDINGS, Application

if TYPE_CHECKING:
    from sasl_core.protocols.postgresql import Action

CLEAR = sasl.Channel(False, service="postgres")
TLS = sasl.Channel(True, service="postgres")
BOUND = sasl.Channel(True, service="postgres", bindings=BINDINGS)
POLICY = sasl.Policy(iterations=(1, 5000), decoy=(16, 16))
SSL = messages.startup(messages.SSL)
STARTUP = messages.startup(messages.VERSION, {"user": b"user"})
FIRST = messages.initial_response("SCRAM-SHA-256", b"n,,n=,r=abc")
QUERY = messages.message("Q", b"SELECT 1\0")


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
        return Reply(messages.READY)


def server(on: sasl.Channel = TLS, **options) -> Peer:
    """Make a server that has heard nothing yet."""
    return Peer(ServerSession(on, **{"policy": POLICY} | options))


def split(octets: bytes) -> list[tuple[str, bytes]]:
    """Return the messages of a server, each as kind and body."""
    buffer = messages.MessageBuffer(100_000, typed=True)
    buffer.feed(octets)
    found = []
    while (frame := buffer.next()) is not None:
        found.append(messages.read(frame))
    if buffer.pending:
        raise AssertionError("half a message")
    return found


def state(reply: Reply) -> str:
    """Return the SQLSTATE of an error that ends the connection."""
    ((kind, body),) = split(bytes(reply))
    if kind != "E" or not reply.close:
        raise AssertionError("not a fatal error")
    return messages.read_error(body)[0]


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
        output = b""
        for piece in pieces(reply, octets):
            if client.authenticated:
                break
            output += client.receive(piece)
        if client.wants_tls:
            secure = sasl.Channel(True, bindings=BINDINGS)
            peer.session.secured(secure)
            output = client.secured(secure)
    return wire


def pieces(data: bytes, octets: int) -> list[bytes]:
    """Cut octets into pieces of one size."""
    size = octets or len(data)
    return [data[i : i + size] for i in range(0, len(data), size)]
