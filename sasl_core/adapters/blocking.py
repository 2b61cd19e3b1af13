"""Drive any protocol's sessions over blocking sockets; a thread for each connection.

A server speaks first in SMTP, IMAP, POP3, NNTP and ManageSieve: there `serve` needs its
`greeting`, or both wait.

After STARTTLS (`serve(tls=...)`) a server offers -PLUS if it says what certificate it
shows, in DER, for the ssl module cannot tell:

    serve(..., tls=context, secured=lambda tls: channel.over_tls(tls, certificate=der))
"""

from __future__ import annotations

import ssl
from time import monotonic
from typing import TYPE_CHECKING, Generic, cast

from .._errors import ProtocolError
from .._events import Request
from ..protocols._replies import BaseReply
from ..protocols._server_session import CommandT, ReplyT
from ._calls import at_once, call_now, token_now
from ._layered_socket import LayeredSocket
from ._settling import report, settle

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from typing import Any, TypeAlias

    from .._channel import Channel
    from .._events import Event, Failure, Success
    from .._server import Server
    from ..layers import Layer
    from ..protocols._client_session import ClientBase
    from ..protocols._server_session import ServerBase

    Answer: TypeAlias = Callable[[Request], Event]
    Decided: TypeAlias = Callable[[Server, Success | Failure], None]
    Ask: TypeAlias = Callable[..., bytes]
    Handle: TypeAlias = Callable[[CommandT, Ask], ReplyT]

__all__ = ["authenticate", "serve"]

_CHUNK = 65536


def authenticate(
    session: ClientBase[Any],
    sock: socket.socket,
    *,
    tls: ssl.SSLContext | None = None,
) -> socket.socket:
    """Log in, by the ClientSession of any protocol; return the socket to go on with:
    another one after STARTTLS, and where a security layer was agreed upon.

    STARTTLS by `tls` (None: `ssl.create_default_context()`) where it is due; the name
    that the certificate must have is the host of the session's channel. The timeout is
    the socket's own. After an error the connection is left open, unless STARTTLS was
    begun. Raise SASLError, and OSError where the connection fails.
    """
    given = sock
    try:
        output = session.connected()
        while True:
            while session.wants_token:
                output = session.give_token(token_now(session))
            sock.sendall(output)
            del output  # a traceback shows locals: no password may be among them
            if session.authenticated:
                layer = session.layer
                if layer is None:
                    return sock
                return LayeredSocket(sock, layer, session.early)
            data = sock.recv(_CHUNK)
            if not data:
                raise session.closed()
            output = session.receive(data)
            if session.wants_tls:
                context = tls or ssl.create_default_context()
                host = session.channel.host or None
                sock = secure = context.wrap_socket(sock, server_hostname=host)
                output = session.secured(session.channel.over_tls(secure))
    except BaseException:
        if sock is not given:
            sock.close()
        raise


def serve(
    session: ServerBase[ReplyT, CommandT],
    sock: socket.socket,
    answer: Answer,
    handle: Handle[CommandT, ReplyT],
    *,
    decided: Decided | None = None,
    greeting: ReplyT | None = None,
    tls: ssl.SSLContext | None = None,
    secured: Callable[[ssl.SSLSocket], Channel] | None = None,
    timeout: float = 300.0,
) -> None:
    """Serve a connection to its end, by the ServerSession of any protocol, and leave
    closing it to the caller (but after STARTTLS the socket is a new one, closed here).

    `answer(request)` returns the event that the answered request gave; where it raises,
    the client hears of a temporary failure. `decided(exchange, outcome)` hears how each
    exchange ended before the client does. `handle(command, ask)` returns the reply to
    every other command; in it, `ask(reply)` sends one and returns the next line, `ask()`
    the one after that, as DATA needs it (one over the limit comes cut to an octet more).
    `tls` is for STARTTLS, `secured` makes the Channel after it (None: from the TLS
    socket). `timeout` is for each whole line, and for each reply to be taken.
    """
    talk = _Talk(session, sock, timeout)
    try:
        if greeting is not None:
            talk.send(greeting)
        while True:
            action = session.receive(talk.ask())
            while isinstance(action, Request):
                settling = settle(session, action, answer, call_now)
                action = at_once(settling)
            at_once(report(session, decided, call_now))
            if isinstance(action, BaseReply):
                reply = cast("ReplyT", action)  # no command is one
            elif session.wants_tls and tls is not None:
                reply = session.start_tls(pending=session.incoming.pending)
            else:
                reply = handle(action, talk.ask)
                session.replied(action, reply)
            talk.send(reply)
            if reply.close:
                return
            if session.wants_tls and tls is not None:
                facts = talk.start_tls(tls)
                channel = secured(facts) if secured else session.channel.over_tls(facts)
                first = session.secured(channel)
                if first is not None:
                    talk.send(first)
            elif session.layer is not talk.layer:
                talk.protect(session.layer)
                first = session.protected()
                if first is not None:
                    talk.send(first)
    except _GoneError:
        pass
    finally:
        session.closed()
        at_once(report(session, decided, call_now))
        if talk.sock is not sock:
            talk.sock.close()


class _GoneError(Exception):
    """The connection is over; a class of its own, for `handle` may raise any other."""


class _Talk(Generic[ReplyT]):
    """A connection, line by line, each in its time."""

    def __init__(
        self, session: ServerBase[ReplyT, Any], sock: socket.socket, timeout: float
    ) -> None:
        self.sock = sock
        self.layer: Layer | None = None
        self._incoming = session.incoming
        self._timeout = timeout
        self._timed_out = session.timed_out

    def ask(self, reply: ReplyT | None = None) -> bytes:
        if reply is not None:
            self.send(reply)
        end = monotonic() + self._timeout
        while (line := self._incoming.next()) is None:
            try:
                # For the whole line: who sends one octet a minute holds no thread.
                self.sock.settimeout(max(end - monotonic(), 0.001))
                data = self.sock.recv(_CHUNK)
            except TimeoutError:
                self.send(self._timed_out)
                raise _GoneError from None
            except OSError:
                raise _GoneError from None
            if not data:
                raise _GoneError
            self._feed(data)
        return line

    def send(self, reply: ReplyT) -> None:
        try:
            self.sock.settimeout(self._timeout)
            data = bytes(reply)
            self.sock.sendall(self.layer.wrap(data) if self.layer else data)
        except OSError:
            raise _GoneError from None

    def protect(self, layer: Layer | None) -> None:
        if self._incoming.pending:
            raise _GoneError  # it came before the layer: nobody knows from whom
        self.layer = layer

    def _feed(self, data: bytes) -> None:
        if self.layer is not None:
            try:
                data = self.layer.unwrap(data)
            except ProtocolError:
                raise _GoneError from None
        self._incoming.feed(data)

    def start_tls(self, tls: ssl.SSLContext) -> ssl.SSLSocket:
        try:
            self.sock.settimeout(self._timeout)
            self.sock = secure = tls.wrap_socket(self.sock, server_side=True)
        except OSError:
            raise _GoneError from None
        return secure
