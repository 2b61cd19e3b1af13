"""Drive any protocol's sessions over asyncio streams.

Key derivation, and answers that are plain functions, run in a thread: the loop never
stalls.

A server speaks first in SMTP, IMAP, POP3, NNTP and ManageSieve: there `serve` needs its
`greeting`, or both wait.

After STARTTLS (`serve(tls=...)`) a server offers -PLUS if it says what certificate it
shows, in DER, for the ssl module cannot tell:

    serve(..., tls=context, secured=lambda tls: channel.over_tls(tls, certificate=der))
"""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from .._errors import ProtocolError
from .._events import Request
from ..protocols._replies import BaseReply
from ..protocols._server_session import CommandT, ReplyT
from ._calls import token_later
from ._layered_streams import protect
from ._settling import report, settle

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any, TypeAlias

    from .._channel import Channel
    from ..layers import Layer
    from ..protocols._client_session import ClientBase
    from ..protocols._server_session import ServerBase
    from ._settling import Answer, Decided

    Ask: TypeAlias = Callable[..., Awaitable[bytes]]
    Handle: TypeAlias = Callable[[CommandT, Ask], Awaitable[ReplyT]]

__all__ = ["authenticate", "serve"]

_T = TypeVar("_T")
_CHUNK = 65536


async def authenticate(
    session: ClientBase[Any],
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    *,
    tls: ssl.SSLContext | None = None,
    timeout: float = 60.0,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Log in, by the ClientSession of any protocol; STARTTLS by `tls` (None:
    `ssl.create_default_context()`) where it is due. Return the streams to go on with:
    the same, or new ones where a security layer was agreed upon.

    The name that the certificate must have is the host of the session's channel.
    `timeout` is for each reply. The connection is left open, but by a handshake that
    fails. Raise SASLError, and OSError (so ssl.SSLError, TimeoutError) where the
    connection fails.
    """
    output = session.connected()
    while True:
        while session.wants_token:
            output = session.give_token(await token_later(session))
        writer.write(output)
        del output  # a traceback shows locals: no password may be among them
        async with asyncio.timeout(timeout):
            await writer.drain()
        if session.authenticated:
            layer = session.layer
            if layer is None:
                return reader, writer
            return await protect(reader, writer, layer, session.early)
        async with asyncio.timeout(timeout):
            data = await reader.read(_CHUNK)
        if not data:
            raise session.closed()
        output = await asyncio.to_thread(session.receive, data)
        if session.wants_tls:
            session.start_tls(pending=await _injected(reader, writer))
            if tls is None:
                tls = await asyncio.to_thread(ssl.create_default_context)
            host = session.channel.host or None
            async with asyncio.timeout(timeout):
                await writer.start_tls(tls, server_hostname=host)
            facts = writer.get_extra_info("ssl_object")
            output = session.secured(session.channel.over_tls(facts))


async def serve(
    session: ServerBase[ReplyT, CommandT],
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    answer: Answer,
    handle: Handle[CommandT, ReplyT],
    *,
    decided: Decided | None = None,
    greeting: ReplyT | None = None,
    tls: ssl.SSLContext | None = None,
    secured: Callable[[ssl.SSLObject], Channel] | None = None,
    timeout: float = 300.0,
) -> None:
    """Serve a connection to its end, by the ServerSession of any protocol, and leave
    closing it to the caller.

    `answer(request)` returns the event that the answered request gave; where it raises,
    the client hears of a temporary failure. `decided(exchange, outcome)` hears how each
    exchange ended, before the client does. Both may be plain functions. `await
    handle(command, ask)` returns the reply to every other command; in it, `await
    ask(reply)` sends one and returns the next line, `await ask()` the one after that, as
    DATA needs it (one over the limit comes cut to an octet more). `tls` is for STARTTLS;
    it, `secured` and `timeout` are as in `blocking.serve`.
    """
    talk = _Talk(session, reader, writer, timeout)
    try:
        if greeting is not None:
            await talk.send(greeting)
        while True:
            action = session.receive(await talk.ask())
            while isinstance(action, Request):
                action = await settle(session, action, answer)
            await report(session, decided)
            if isinstance(action, BaseReply):
                reply = cast("ReplyT", action)  # no command is one
            elif session.wants_tls and tls is not None:
                reply = session.start_tls(pending=await talk.injected())
            else:
                reply = await handle(action, talk.ask)
                session.replied(action, reply)
            await talk.send(reply)
            if reply.close:
                return
            if session.wants_tls and tls is not None:
                facts = await talk.start_tls(tls)
                channel = secured(facts) if secured else session.channel.over_tls(facts)
                first = session.secured(channel)
                if first is not None:
                    await talk.send(first)
            elif session.layer is not talk.layer:
                talk.protect(session.layer)
                first = session.protected()
                if first is not None:
                    await talk.send(first)
    except _GoneError as ended:
        writer.write(ended.last)  # no drain: it may be what timed out
    finally:
        session.closed()
        await report(session, decided)


class _GoneError(Exception):
    """The connection is over; a class of its own, for `handle` may raise any other."""

    def __init__(self, last: bytes = b"") -> None:
        super().__init__()
        self.last = last


class _Talk(Generic[ReplyT]):
    """A connection, line by line, each in its time."""

    def __init__(
        self,
        session: ServerBase[ReplyT, Any],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        timeout: float,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._timeout = timeout
        self._timed_out = bytes(session.timed_out)
        self._incoming = session.incoming
        self.layer: Layer | None = None

    async def ask(self, reply: ReplyT | None = None) -> bytes:
        if reply is not None:
            await self.send(reply)
        # A heap of pipelined commands holds up nobody else, one by one.
        await asyncio.sleep(0)
        line = self._incoming.next()
        return await self._in_time(self._line()) if line is None else line

    async def send(self, reply: ReplyT) -> None:
        self._writer.write(self._wrapped(bytes(reply)))
        await self._in_time(self._writer.drain())

    def protect(self, layer: Layer | None) -> None:
        if self._incoming.pending:
            raise _GoneError  # it came before the layer: nobody knows from whom
        self.layer = layer

    async def injected(self) -> bool:
        return self._incoming.pending or await _injected(self._reader, self._writer)

    async def start_tls(self, tls: ssl.SSLContext) -> ssl.SSLObject:
        await self._in_time(self._writer.start_tls(tls))
        facts: ssl.SSLObject = self._writer.get_extra_info("ssl_object")
        return facts

    async def _line(self) -> bytes:
        while (line := self._incoming.next()) is None:
            data = await self._reader.read(_CHUNK)
            if not data:
                raise _GoneError
            if self.layer is not None:
                try:
                    data = self.layer.unwrap(data)
                except ProtocolError:
                    raise _GoneError from None
            self._incoming.feed(data)
        return line

    def _wrapped(self, data: bytes) -> bytes:
        return data if self.layer is None else self.layer.wrap(data)

    async def _in_time(self, work: Awaitable[_T]) -> _T:
        try:
            async with asyncio.timeout(self._timeout):
                return await work
        except TimeoutError:
            raise _GoneError(self._wrapped(self._timed_out)) from None
        except OSError:
            raise _GoneError from None  # the client went away, or failed to shake hands


async def _injected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Stop reading, and tell whether the reader holds plaintext: a handshake would
    leave it there, to be read as if it had come over TLS.
    """
    cast("asyncio.Transport", writer.transport).pause_reading()
    probe = asyncio.ensure_future(reader.read(1))
    await asyncio.sleep(0)
    if probe.done():
        return True
    probe.cancel()
    await asyncio.wait([probe])
    return False
