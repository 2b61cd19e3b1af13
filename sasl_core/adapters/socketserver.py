"""Serve any protocol's ServerSession by the standard library's `socketserver`.

    class Handler(RequestHandler[smtp.ServerSession]):
        greeting = smtp.Reply(220, "mail.example.org ESMTP")

        def begin(self, channel):
            return smtp.ServerSession(channel, require_auth=True)
        ...

    ThreadingTCPServer(("", 587), Handler).serve_forever()

The server must be one that gives each connection a thread or a process of its own.
"""

from __future__ import annotations

import ssl
from socketserver import BaseRequestHandler
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from .._channel import Channel
from ..protocols._server_session import ServerBase
from . import blocking

if TYPE_CHECKING:
    from .._events import Event, Failure, Request, Success
    from .._server import Server
    from ..protocols._replies import BaseReply
    from .blocking import Ask

__all__ = ["RequestHandler"]

SessionT = TypeVar("SessionT", bound=ServerBase[Any, Any])


class RequestHandler(BaseRequestHandler, Generic[SessionT]):
    """The base of a handler: say what `begin`, `answer` and `respond` are.

    `greeting`, `tls` and `timeout` as in `blocking.serve`. `implicit_tls`: shake hands
    at once, here in the connection's thread, where a slow client holds up nobody else;
    else `tls` is for STARTTLS. `host`: the server's name. `certificate`: its own, in
    DER, for the mechanisms that bind to the channel.
    """

    tls: ClassVar[ssl.SSLContext | None] = None
    implicit_tls: ClassVar[bool] = False
    timeout: ClassVar[float] = 300.0
    host: ClassVar[str] = ""
    certificate: ClassVar[bytes | None] = None

    greeting: BaseReply | None = None  # `begin` may set the connection's own
    session: SessionT  # of this connection

    def begin(self, channel: Channel) -> SessionT:
        """Make the session of a connection."""
        raise TypeError("a handler says what its session is")

    def answer(self, request: Request) -> Event:
        """Answer a request, as in `blocking.serve`. Unless overridden, deny."""
        return request.deny()

    def respond(self, command: Any, ask: Ask) -> Any:
        """Return the reply to a command that is not about authentication: what
        `blocking.serve` calls `handle`.
        """
        raise TypeError("a handler says how it responds")

    def decided(self, exchange: Server, outcome: Success | Failure) -> None:
        """Take note of how an exchange ended, before the client hears it."""

    def channel(self, tls: ssl.SSLSocket | None) -> Channel:
        """Tell the facts about the connection: to override for EXTERNAL. `tls` is None
        in the clear.
        """
        address = self.client_address
        remote = address[0] if isinstance(address, tuple) else None
        clear = Channel(False, host=self.host, remote=remote)
        if tls is None:
            return clear
        return clear.over_tls(tls, certificate=self.certificate)

    def handle(self) -> None:
        """Serve the connection to its end; socketserver calls it, and closes it."""
        if self.tls is None or not self.implicit_tls:
            self._serve(self.request, None, self.tls)
            return
        self.request.settimeout(self.timeout)
        try:
            secure = self.tls.wrap_socket(self.request, server_side=True)
        except OSError:
            return  # the client went away, or failed to shake hands
        with secure:
            self._serve(secure, secure, None)

    def _serve(
        self, sock: Any, secure: ssl.SSLSocket | None, tls: ssl.SSLContext | None
    ) -> None:
        self.session = self.begin(self.channel(secure))
        blocking.serve(
            self.session,
            sock,
            self.answer,
            self.respond,
            decided=self.decided,
            greeting=self.greeting,
            tls=tls,
            secured=self.channel,
            timeout=self.timeout,
        )
