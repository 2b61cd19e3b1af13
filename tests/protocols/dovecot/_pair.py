"""Both halves of the protocol against each other, and an application in between."""

from __future__ import annotations

import sasl_core as sasl
from sasl_core.protocols.dovecot import ClientSession, Question, ServerSession

from ..._accounts import NAMES, Application
from ..._x25519 import x25519

HELLO = b"VERSION\t1\t3\nCPID\t4711\n"
COOKIE = bytes(range(16))
POLICY = sasl.Policy(
    allow=NAMES,
    iterations=(16, 1_000_000),
    decoy=(16, 16),
    cleartext="encrypted",
    x25519=x25519,
)
PLAIN = "AHVzZXIAcGVuY2ls"  # user, pencil
SECURE = "service=smtp secured"


def service(*, hello=HELLO, policy=POLICY, **options) -> ServerSession:
    """Make the service, which has shaken hands unless `hello` is empty."""
    session = ServerSession(pid=9, number=3, cookie=COOKIE, policy=policy, **options)
    assert not say(session, hello)
    return session


def say(session, data, application=None) -> bytes:
    """Tell the service something, settle what it asks; return what it says."""
    session.incoming.feed(data)
    said = b""
    while (line := session.incoming.next()) is not None:
        said += reply(session, session.receive(line), application)
    return said


def reply(session, action, application=None) -> bytes:
    """Settle what there is to settle."""
    application = application or Application()
    while isinstance(action, Question):
        action = session.resume(action, application.settle(action.request))
    return bytes(action)


def lines(session, *texts, application=None) -> list[str]:
    """The same for lines of text, written with spaces for TABs."""
    said = say(session, b"".join(map(line, texts)), application)
    return said.decode().replace("\t", " ").splitlines()


def line(text: str) -> bytes:
    return text.replace(" ", "\t").encode() + b"\n"


def mail_server(handshake: bytes) -> ClientSession:
    """Make a mail server that has heard this."""
    session = ClientSession(pid=4711)
    session.data_to_send()
    assert session.receive(handshake) == []
    assert session.ready
    return session


def meet(**options) -> tuple[ClientSession, ServerSession]:
    """Let both shake hands."""
    server = service(hello=b"", **options)
    client = ClientSession(pid=4711)
    first = bytes(server.greeting())
    client.receive(first)
    client.receive(say(server, client.data_to_send()))
    assert client.ready
    return client, server
