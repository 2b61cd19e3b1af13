"""Leave it to a Dovecot, or whatever speaks its protocol, who somebody is.

delegate = Delegate("/run/dovecot/auth-client")
session = smtp.ServerSession(channel)
session.forward(await delegate.mechanisms())
await streams.serve(
    session, reader, writer, delegate.answer, handle, decided=delegate.decided
)

`BlockingDelegate` is the same for `blocking.serve`: one for each connection.
"""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING

from .._errors import SASLError
from .._reasons import Reason
from ..protocols.dovecot import ClientSession, Refused
from ..protocols.forwarding import Forward
from ._delegates import GONE, Notes, refusal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .._events import Event, Failure, Request, Success
    from .._server import Server
    from ..mechanisms import Mechanism
    from ..protocols.dovecot import Answer, Outcome

__all__ = ["BlockingDelegate", "Delegate"]

_CHUNK = 65536


class Delegate:
    """One connection to the service at this socket, for all the sessions of a server.

    `service` is the protocol's name (smtp, imap, ...) where a session's channel does not
    say it; `parameters` go with every AUTH. `timeout` is for the handshake and for each
    answer. A connection that is lost is made again for the next exchange; those under
    way fail, for now.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        service: str = "",
        parameters: Mapping[str, str] | None = None,
        timeout: float = 60.0,
    ) -> None:
        self._path = str(path)
        self._timeout = timeout
        self._link: _Link | None = None
        self._connecting = asyncio.Lock()
        self._notes: Notes[_Link] = Notes(service, parameters)

    async def mechanisms(self) -> tuple[Mechanism, ...]:
        """Return what the service offers now: for `forward` of a session.

        Raise OSError where it cannot be asked, ProtocolError where it is no such service.
        """
        return (await self._linked()).session.forwarded()

    async def answer(self, request: Request) -> Event:
        """Answer a session's request: for `streams.serve`. Only what the service itself
        verified is a success; where it cannot be asked, that is a temporary failure.
        """
        if not isinstance(request, Forward):
            return self._notes.settled(request)
        return self._notes.answered(request, await self._forward(request))

    async def decided(self, exchange: Server, outcome: Success | Failure) -> None:
        """Take note that an exchange is over: for `streams.serve`, without which those
        that are broken off stay open at the service.
        """
        still = self._notes.over(exchange)
        if still is not None:
            link, identifier = still
            link.cancel(identifier)

    async def close(self) -> None:
        """End the connection; what is under way fails, for now."""
        link, self._link = self._link, None
        if link is not None:
            await link.close()

    async def _forward(self, request: Forward) -> Outcome:
        try:
            answer = None
            if request.begins:
                link = await self._linked()
                identifier = self._notes.begin(link.session, link, request)
            else:
                link, identifier = self._notes.running(request)
                answer = link.session.go_on(identifier, request.message or b"")
            if answer is not None:
                return answer.outcome
            return await link.hear(identifier, self._timeout)
        except (ValueError, OSError, SASLError) as error:
            return refusal(error)

    async def _linked(self) -> _Link:
        async with self._connecting:
            if self._link is None or self._link.lost:
                link = _Link()
                async with asyncio.timeout(self._timeout):
                    await link.connect(self._path)
                self._link = link
            return self._link


class _Link:
    """A connection: whoever waits for an answer gets it from the task that reads."""

    def __init__(self) -> None:
        self.session = ClientSession(pid=os.getpid())
        self.lost = False
        self._waiting: dict[int, asyncio.Future[Outcome]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None

    async def connect(self, path: str) -> None:
        reader, self._writer = await asyncio.open_unix_connection(path)
        try:
            self._flush()
            while not self.session.ready:
                data = await reader.read(_CHUNK)
                if not data:
                    raise ConnectionResetError("it is no authentication service")
                self.session.receive(data)
        except BaseException:
            self._writer.close()
            raise
        self._task = asyncio.create_task(self._read(reader))

    async def hear(self, identifier: int, timeout: float) -> Outcome:
        """Send what is to be sent, and return the answer."""
        if self.lost:
            return GONE
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting[identifier] = answer
        self._flush()
        try:
            async with asyncio.timeout(timeout):
                return await answer
        except TimeoutError:
            self.cancel(identifier)
            return Refused(Reason.UNAVAILABLE, "the service took too long")
        finally:
            self._waiting.pop(identifier, None)

    def cancel(self, identifier: int) -> None:
        self.session.cancel(identifier)
        self._flush()

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while data := await reader.read(_CHUNK):
                for answer in self.session.receive(data):
                    self._tell(answer)
                self._flush()  # a channel binding, say
        except (OSError, SASLError):
            pass  # whoever waits hears of it
        finally:
            self.lost = True
            for answer in self.session.closed():
                self._tell(answer)
            if self._writer is not None:
                self._writer.close()

    def _tell(self, answer: Answer) -> None:
        waiting = self._waiting.pop(answer.id, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer.outcome)

    def _flush(self) -> None:
        out = self.session.data_to_send()
        if out and self._writer is not None and not self.lost:
            with suppress(OSError):
                self._writer.write(out)


class BlockingDelegate:
    """A connection to the service for one session, as `Delegate`, in the thread that
    serves it: for `blocking.serve`.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        service: str = "",
        parameters: Mapping[str, str] | None = None,
        timeout: float = 60.0,
    ) -> None:
        self._path = str(path)
        self._timeout = timeout
        self._socket: socket.socket | None = None
        self._session = ClientSession(pid=os.getpid())
        self._notes: Notes[None] = Notes(service, parameters)

    def mechanisms(self) -> tuple[Mechanism, ...]:
        """Return what the service offers, as `Delegate.mechanisms`."""
        if self._socket is None:
            self._connect()
        return self._session.forwarded()

    def answer(self, request: Request) -> Event:
        """Answer a session's request, as `Delegate.answer`."""
        if not isinstance(request, Forward):
            return self._notes.settled(request)
        return self._notes.answered(request, self._forward(request))

    def decided(self, exchange: Server, outcome: Success | Failure) -> None:
        """Take note that an exchange is over, as `Delegate.decided`."""
        still = self._notes.over(exchange)
        if still is not None and self._socket is not None:
            self._session.cancel(still[1])
            with suppress(OSError):
                self._socket.sendall(self._session.data_to_send())

    def close(self) -> None:
        """End the connection."""
        sock, self._socket = self._socket, None
        if sock is not None:
            sock.close()

    def _connect(self) -> None:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        session = ClientSession(pid=os.getpid())
        try:
            sock.settimeout(self._timeout)
            sock.connect(self._path)
            sock.sendall(session.data_to_send())
            while not session.ready:
                data = sock.recv(_CHUNK)
                if not data:
                    raise ConnectionResetError("it is no authentication service")
                session.receive(data)
        except BaseException:
            sock.close()
            raise
        self._socket, self._session = sock, session

    def _forward(self, request: Forward) -> Outcome:
        try:
            if request.begins:
                if self._socket is None:
                    self._connect()
                identifier = self._notes.begin(self._session, None, request)
                answer = None
            else:
                _, identifier = self._notes.running(request)
                answer = self._session.go_on(identifier, request.message or b"")
            return answer.outcome if answer is not None else self._hear(identifier)
        except (ValueError, OSError, SASLError) as error:
            self.close()
            return refusal(error)

    def _hear(self, identifier: int) -> Outcome:
        sock, end = self._socket, monotonic() + self._timeout
        while sock is not None:
            sock.settimeout(max(end - monotonic(), 0.001))
            sock.sendall(self._session.data_to_send())
            data = sock.recv(_CHUNK)
            if not data:
                self.close()
                break
            for answer in self._session.receive(data):
                if answer.id == identifier:
                    return answer.outcome
        return GONE
