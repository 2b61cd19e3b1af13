"""Drive the machines over asyncio streams.

Key derivation, and answers that are plain functions, run in a thread: the loop never
stalls.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import ssl
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple, cast

from .._events import Request
from ..protocols.smtp import LineBuffer, Reply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeAlias

    from .._channel import Channel
    from .._events import Event, Failure, Success
    from .._server import Server
    from ..protocols.smtp import Action, ClientSession, Command, ServerSession

    Answer: TypeAlias = Callable[[Request], Event | Awaitable[Event]]
    Decided: TypeAlias = Callable[[Server, Success | Failure], Awaitable[None] | None]
    Ask: TypeAlias = Callable[..., Awaitable[bytes]]
    Handle: TypeAlias = Callable[[Command, Ask], Awaitable[Reply]]

__all__ = ["authenticate", "serve"]

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")
_log = logging.getLogger(__name__)
_CHUNK = 65536


async def authenticate(
    session: ClientSession,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    *,
    tls: ssl.SSLContext | None = None,
    timeout: float = 60.0,
) -> None:
    """Log in; STARTTLS by `tls` (None: `ssl.create_default_context()`) where it is due.

    The name that the certificate must have is the host of the session's channel.
    `timeout` is for each reply. The connection is left open, but by a handshake that
    fails. Raise SASLError, and OSError (so ssl.SSLError, TimeoutError) where the
    connection fails.
    """
    while not session.authenticated:
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
        writer.write(output)
        del output  # a traceback shows locals: no password may be among them
        async with asyncio.timeout(timeout):
            await writer.drain()


async def serve(
    session: ServerSession,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    answer: Answer,
    handle: Handle,
    *,
    decided: Decided | None = None,
    greeting: Reply | None = None,
    tls: ssl.SSLContext | None = None,
    secured: Callable[[ssl.SSLObject], Channel] | None = None,
    timeout: float = 300.0,
) -> None:
    """Serve a connection to its end, and leave closing it to the caller.

    `answer(request)` returns the event that the answered request gave: a coroutine
    function, or a plain one, which runs in a thread; where it raises, the client is
    told 454. `decided(exchange, outcome)`, of either kind, hears how each exchange
    ended before the client does. `await handle(command, ask)` returns the Reply to
    every other command; in it, `await ask(reply)` sends a reply and returns the next
    line, `await ask()` the one after that, as DATA needs it (one over the limit comes
    cut to an octet more).
    `tls` is for STARTTLS, `secured` makes the Channel after it (None: from the TLS
    object). `timeout` is for each whole line, and for each reply to be taken.
    """
    talk = _Talk(session, reader, writer, timeout)
    try:
        if greeting is not None:
            await talk.send(greeting)
        while True:
            action = session.receive(await talk.ask())
            while isinstance(action, Request):
                action = await _settle(session, action, answer)
            await _report(session, decided)
            if isinstance(action, Reply):
                reply = action
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
                session.secured(channel)
    except _GoneError as ended:
        writer.write(ended.last)  # no drain: it may be what timed out
    finally:
        session.closed()
        await _report(session, decided)


class _GoneError(Exception):
    """The connection is over; a class of its own, for `handle` may raise any other."""

    def __init__(self, last: bytes = b"") -> None:
        super().__init__()
        self.last = last


class _Talk:
    """A connection, line by line, each in its time."""

    def __init__(
        self,
        session: ServerSession,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        timeout: float,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._timeout = timeout
        self._timed_out = bytes(session.timed_out)
        self._lines = LineBuffer(session.line_limit)

    async def ask(self, reply: Reply | None = None) -> bytes:
        if reply is not None:
            await self.send(reply)
        # A heap of pipelined commands holds up nobody else, one by one.
        await asyncio.sleep(0)
        line = self._lines.next()
        return await self._in_time(self._line()) if line is None else line

    async def send(self, reply: Reply) -> None:
        self._writer.write(bytes(reply))
        await self._in_time(self._writer.drain())

    async def injected(self) -> bool:
        return self._lines.pending or await _injected(self._reader, self._writer)

    async def start_tls(self, tls: ssl.SSLContext) -> ssl.SSLObject:
        await self._in_time(self._writer.start_tls(tls))
        facts: ssl.SSLObject = self._writer.get_extra_info("ssl_object")
        return facts

    async def _line(self) -> bytes:
        while (line := self._lines.next()) is None:
            data = await self._reader.read(_CHUNK)
            if not data:
                raise _GoneError
            self._lines.feed(data)
        return line

    async def _in_time(self, work: Awaitable[_T]) -> _T:
        try:
            async with asyncio.timeout(self._timeout):
                return await work
        except TimeoutError:
            raise _GoneError(self._timed_out) from None
        except OSError:
            raise _GoneError from None  # the client went away, or failed to shake hands


async def _settle(session: ServerSession, request: Request, answer: Answer) -> Action:
    try:
        return session.resume(await _call(answer, request))
    except Exception as error:
        _log.exception("the application could not answer")
        return session.unavailable(type(error).__name__)


async def _report(session: ServerSession, decided: Decided | None) -> None:
    decision = session.decision()
    if decision is not None and decided is not None:
        try:
            await _call(decided, *decision)
        except Exception:
            _log.exception("the application could not take note of a decision")


async def _call(function: Callable[[*_Ts], _T | Awaitable[_T]], *arguments: *_Ts) -> _T:
    """Await a coroutine function here, run a plain one in a thread."""
    if inspect.iscoroutinefunction(function):
        return cast("_T", await function(*arguments))
    result = await asyncio.to_thread(function, *arguments)
    return await result if inspect.isawaitable(result) else result


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
