"""Cyrus SASL's sample programs: how both of our sides speak with them."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import sasl_core as sasl
from sasl_core import profiles

from .application import settle
from .peers.cyrus import REALM, Cyrus
from .peers.talk import Talk

# The programs put base64 around messages of their own framing, in which there is no "="
# for an empty one. Without the option -l, their success carries no data.
_PROFILE = sasl.Profile("sample", base64=False, empty_initial=None, abort=None)
_SUCCESS = b"Negotiation complete"
# After so many challenges the client asks for the password; it needs it.
_ASKS_AFTER = {"LOGIN": 2, "CRAM-MD5": 1, "DIGEST-MD5": 1, "NTLM": 1}
# What the programs say to each other after a login.
_SERVER_SAYS = b"srv message 1\0"
_CLIENT_SAYS = b"client message 1\0"


def client(
    mechanism: str,
    mine: sasl.Credentials,
    *options: str,
    policy: sasl.Policy | None = None,
    bindings: tuple[sasl.ChannelBinding, ...] = (),
) -> sasl.Client:
    """Make our client for a server with these options."""
    return sasl.client(
        mechanism,
        mine,
        channel=_channel(bindings),
        policy=policy or sasl.Policy(allow=[mechanism]),
        profile=_profile(options),
    )


def server(
    mechanism: str,
    *options: str,
    policy: sasl.Policy | None = None,
    bindings: tuple[sasl.ChannelBinding, ...] = (),
    external: str | None = None,
) -> sasl.Server:
    """Make our server for a client with these options."""
    return sasl.server(
        mechanism,
        channel=_channel(bindings, external),
        policy=policy or sasl.Policy(allow=[mechanism]),
        profile=_profile(options),
    )


def _channel(
    bindings: tuple[sasl.ChannelBinding, ...], external: str | None = None
) -> sasl.Channel:
    return sasl.Channel(
        True, service="smtp", host=REALM, bindings=bindings, external=external
    )


def _profile(options: tuple[str, ...]) -> sasl.Profile:
    return profiles.RAW if "-l" in options else _PROFILE


def log_in(cyrus: Cyrus, ours: sasl.Client, *options: str) -> str:
    """Log in to the server, and exchange a message each way, inside the layer if any.

    Return the user; raise AuthenticationError.
    """
    with Talk(cyrus.server(*options), cyrus.environment) as talk:
        user = step_in(talk, ours)
        said = _unwrap(ours.layer, receive(talk, b"S"))
        assert said == _SERVER_SAYS, said
        send(talk, b"C", _wrap(ours.layer, _CLIENT_SAYS))
        lines = list(iter(talk.read, None))
        # so it is spelled
        assert b"recieved decoded message 'client message 1'" in lines, lines
    return user


def serve(
    cyrus: Cyrus,
    ours: sasl.Server,
    mine: sasl.Credentials,
    *options: str,
    settle: Callable[[sasl.Request], sasl.Event] = settle,
) -> Any:
    """Let the client log in, then exchange a message each way; return the last event."""
    if mine.authzid:
        options += "-u", mine.authzid
    command = cyrus.client(ours.name, mine.username, *options)
    with Talk(command, cyrus.environment) as talk:
        event = admit(talk, ours, mine.password, settle)
        if isinstance(event, sasl.Success):
            send(talk, b"S", _wrap(event.layer, _SERVER_SAYS))
            said = _unwrap(event.layer, receive(talk, b"C"))
            assert said == _CLIENT_SAYS, said
    return event


def step_in(talk: Talk, ours: sasl.Client) -> str:
    """Run our client's side; return the user, or raise AuthenticationError."""
    offered = receive(talk, b"S") or b""
    assert ours.name.encode() in offered.split(), offered
    initial = ours.start()
    parts = [ours.name.encode(), *([] if initial is None else [initial])]
    send(talk, b"C", b"\0".join(parts))
    data: bytes | None = None
    while (line := talk.read()) is not None:
        if line.startswith(b"S:"):
            data = base64.b64decode(line[2:])
        elif line == b"Waiting for client reply...":
            assert data is not None
            send(talk, b"C", ours.step(data))
            data = None
        elif line.startswith(b"Username: "):  # after it told of the success
            ours.finish(data)
            return line.removeprefix(b"Username: ").decode(errors="replace")
    raise ours.refused(sasl.Reason.BAD_CREDENTIALS)


def admit(
    talk: Talk,
    ours: sasl.Server,
    password: str | None,
    settle: Callable[[sasl.Request], sasl.Event] = settle,
) -> Any:
    """Run our server's side; return the last event.

    The client must be content with a success. None as the password: it asks for none.
    """
    send(talk, b"S", ours.name.encode())
    left = _ASKS_AFTER.get(ours.name, 0)
    if left == 0 and password is not None:
        talk.write(password.encode())
    name, sent, initial = (receive(talk, b"C") or b"").partition(b"\0")
    assert name == ours.name.encode(), name
    event = ours.start(initial if sent else None)
    while not isinstance(event, sasl.Success | sasl.Failure):
        if isinstance(event, sasl.Request):
            event = settle(event)
            continue
        send(talk, b"S", event.data)
        left -= 1
        if left == 0 and password is not None:
            talk.write(password.encode())
        response = receive(talk, b"C")
        event = ours.abort() if response is None else ours.step(response)
    if isinstance(event, sasl.Success):
        if event.data is not None:
            send(talk, b"S", event.data)
        assert receive(talk, b"C") == _SUCCESS, "the client is not content"
    return event


def send(talk: Talk, letter: bytes, message: bytes) -> None:
    """Send a message as the side of this letter."""
    talk.write(letter + b": " + base64.b64encode(message))


def receive(talk: Talk, letter: bytes) -> bytes | None:
    """Read until a message, or the word of success, which is returned; None at the end."""
    while (line := talk.read()) is not None:
        if line.startswith(letter + b":"):
            return base64.b64decode(line[2:])
        if line == _SUCCESS:
            return _SUCCESS
    return None


def _wrap(layer: Any, message: bytes) -> bytes:
    return bytes(layer.wrap(message)) if layer else message


def _unwrap(layer: Any, message: bytes | None) -> bytes:
    return bytes(layer.unwrap(message or b"")) if layer else message or b""
