"""A database server in memory, and the wire between two sessions."""

from __future__ import annotations

import sasl_core as sasl
from sasl_core.protocols.postgresql import ClientSession, Command, Reply, ServerSession
from sasl_core.protocols.postgresql import _messages as messages

from ..._accounts import BINDINGS
from .._sessions import BasePeer, pieces

CLEAR = sasl.Channel(False, service="postgres")
TLS = sasl.Channel(True, service="postgres")
BOUND = sasl.Channel(True, service="postgres", bindings=BINDINGS)
POLICY = sasl.Policy(iterations=(1, 5000), decoy=(16, 16))
SSL = messages.startup(messages.SSL)
STARTUP = messages.startup(messages.VERSION, {"user": b"user"})
FIRST = messages.initial_response("SCRAM-SHA-256", b"n,,n=,r=abc")
QUERY = messages.message("Q", b"SELECT 1\0")


class Peer(BasePeer):
    def answer(self, command: Command) -> Reply:
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
        said = b"".join(map(peer.feed, pieces(output, octets)))
        wire += [output, said]
        output = b""
        for piece in pieces(said, octets):
            if client.authenticated:
                break  # what comes behind it is not the session's
            output += client.receive(piece)
        if client.wants_tls:
            secure = sasl.Channel(True, bindings=BINDINGS)
            peer.session.secured(secure)
            output = client.secured(secure)
    return wire
