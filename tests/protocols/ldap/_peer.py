"""A directory in memory, and the wire between two sessions."""

from __future__ import annotations

import sasl_core as sasl
from sasl_core.protocols.ldap import ClientSession, Command, Reply, ServerSession
from sasl_core.protocols.ldap import _messages as messages

from .._sessions import BasePeer, join

CLEAR = sasl.Channel(False, service="ldap")
TLS = sasl.Channel(True, service="ldap")
PLAIN = messages.bind_request(1, "PLAIN", b"\0user\0pencil")
WRONG = messages.bind_request(1, "PLAIN", b"\0user\0wrong")
SCRAM = messages.bind_request(1, "SCRAM-SHA-256", b"n,,n=user,r=abc")
START_TLS = messages.extended_request(1, messages.START_TLS)
UNBIND = bytes(messages.Message(1, messages.UNBIND))
DELETE = bytes(messages.Message(1, 0x4A, b"cn=x"))


class Peer(BasePeer):
    def answer(self, command: Command) -> Reply:
        return command.done()

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
    """Log in, as `join` has it."""
    return join(client, peer, octets=octets)


def bind(
    mechanism: str, credentials: bytes | None = None, message_id: int = 1
) -> bytes:
    return messages.bind_request(message_id, mechanism, credentials)
