"""Authenticate the standard library's `poplib.POP3` (and `POP3_SSL`).

It stands in for `POP3.user`, `pass_` and `apop`, which know no SASL, show the password
on any connection, and put it as it is on the line. Nothing of it is in poplib's debug
output.
"""

from __future__ import annotations

import poplib
import ssl
from typing import TYPE_CHECKING

from .._channel import Channel
from .._errors import ProtocolError
from .._policy import DEFAULT
from ..profiles import POP3
from ..protocols.pop3 import Authentication, ClientSession
from ._calls import token_now
from ._layered_socket import over_file

if TYPE_CHECKING:
    from .._client import Client
    from .._policy import Policy
    from .._profile import Profile
    from .._values import Credentials
    from ..layers import Layer

__all__ = ["authenticate", "login"]

_LONGEST = 65536


def authenticate(pop: poplib.POP3, client: Client) -> None:
    """Run an exchange, begun by `sasl_core.client(..., profile=profiles.POP3)`.

    Raise SASLError where it fails; `poplib.error_proto` or OSError when the connection
    does.
    """
    attempt = Authentication(client)
    line: bytes | None = attempt.command()
    while line is not None:
        reply = _say(pop, attempt, line + b"\r\n")
        del line  # a traceback shows locals: no password may be among them
        if not reply.endswith(b"\n"):
            raise ProtocolError(f"a reply of more than {_LONGEST} octets")
        line = attempt.reply(reply.rstrip(b"\r\n"))
    _protect(pop, attempt.layer)


def login(
    pop: poplib.POP3,
    credentials: Credentials,
    *,
    channel: Channel | None = None,
    policy: Policy = DEFAULT,
    profile: Profile = POP3,
) -> str:
    """Authenticate by the best mechanism that the server offers; return its name.

    `channel` is read off the socket if None. Call `pop.stls(context=...)` before: in the
    clear the default policy sends no password. USER and PASS, where only they are left,
    count as PLAIN; APOP is used where the policy names it. Where a security layer was
    agreed on, `pop.sock` goes through it. Raise NoMechanism, AuthenticationError or
    another SASLError; `poplib.error_proto` or OSError where the connection fails.
    """
    session = ClientSession(
        credentials,
        channel=channel or _channel(pop),
        policy=policy,
        starttls="never",
        profile=profile,
    )
    output = session.receive(_greeting(pop) + b"\r\n")
    while not session.authenticated:
        while session.wants_token:
            output = session.give_token(token_now(session))
        received = _say(pop, session, output)
        del output  # a traceback shows locals: no password may be among them
        output = session.receive(received)
    _protect(pop, session.layer)
    return session.mechanism


def _protect(pop: poplib.POP3, layer: Layer | None) -> None:
    if layer is not None:
        pop.sock = over_file(pop.sock, pop.file, layer)
        pop.file = pop.sock.makefile("rb")


def _say(
    pop: poplib.POP3, exchange: Authentication | ClientSession, output: bytes
) -> bytes:
    """Send what is due; return one line, or as much of it as may be."""
    try:
        pop.sock.sendall(output)
        del output
        line: bytes = pop.file.readline(_LONGEST + 1)
        if not line:
            raise poplib.error_proto("-ERR EOF")
        return line
    except (OSError, poplib.error_proto):
        # A server may close on our "*": what went wrong came before.
        if exchange.error is None:
            raise
    raise exchange.error


def _greeting(pop: poplib.POP3) -> bytes:
    # STLS makes all that came before it worthless: APOP's timestamp, too.
    after_stls = isinstance(pop.sock, ssl.SSLSocket) and not isinstance(
        pop, poplib.POP3_SSL
    )
    return b"+OK" if after_stls else pop.welcome


def _channel(pop: poplib.POP3) -> Channel:
    sock = pop.sock
    if not isinstance(sock, ssl.SSLSocket):
        return Channel(False, service="pop", host=pop.host, port=pop.port)
    return Channel.from_ssl(
        sock,
        service="pop",
        host=sock.server_hostname or "",
        port=sock.getpeername()[1],
    )
