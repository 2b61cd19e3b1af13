"""Leave it to a Dovecot, or whatever speaks its protocol, who somebody is: by asyncio.

delegate = Delegate("/run/dovecot/auth-client")
session = smtp.ServerSession(channel)
session.forward(await delegate.mechanisms())
await streams.serve(
    session, reader, writer, delegate.answer, handle, decided=delegate.decided
)
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from .._errors import ProtocolError, SASLError
from .._events import Authorize
from .._reasons import Reason
from ..protocols.dovecot import ClientSession, Continue, Refused, Verified
from ..protocols.forwarding import Forward

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .._events import Event, Failure, Request, Success
    from .._server import Server
    from .._values import Identity
    from ..mechanisms import Mechanism
    from ..protocols.dovecot import Answer, Outcome

__all__ = ["Delegate"]

_CHUNK = 65536
_GONE = Refused(Reason.UNAVAILABLE, "the authentication service is gone")


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
        self._service = service
        self._parameters = dict(parameters or {})
        self._timeout = timeout
        self._link: _Link | None = None
        self._connecting = asyncio.Lock()
        self._running: dict[Server, tuple[_Link, int]] = {}
        self._verified: dict[Server, Identity] = {}

    async def mechanisms(self) -> tuple[Mechanism, ...]:
        """Return what the service offers now: for `forward` of a session.

        Raise OSError where it cannot be asked, ProtocolError where it is no such service.
        """
        return (await self._linked()).session.forwarded()

    async def answer(self, request: Request) -> Event:
        """Answer a session's request: for `streams.serve`. Only what the service itself
        verified is a success; where it cannot be asked, that is a temporary failure.
        """
        if isinstance(request, Authorize):
            # Whom somebody may act as, the service has decided, too.
            found = self._verified.get(request._exchange)
            asked = (request.authcid, request.authzid)
            known = found is not None and (found.authcid, found.authzid) == asked
            return request.answer(known)
        if not isinstance(request, Forward):
            return request.deny()
        outcome = await self._forward(request)
        if not isinstance(outcome, Continue):
            self._running.pop(request.exchange, None)
        if isinstance(outcome, Verified):
            self._verified[request.exchange] = outcome.identity
        return request.answer(outcome)

    async def decided(self, exchange: Server, outcome: Success | Failure) -> None:
        """Take note that an exchange is over: for `streams.serve`, without which those
        that are broken off stay open at the service.
        """
        self._verified.pop(exchange, None)
        link, identifier = self._running.pop(exchange, (None, 0))
        if link is not None:
            link.cancel(identifier)

    async def close(self) -> None:
        """End the connection; what is under way fails, for now."""
        link, self._link = self._link, None
        if link is not None:
            await link.close()

    async def _forward(self, request: Forward) -> Outcome:
        try:
            if request.begins:
                link = await self._linked()
                identifier = link.session.begin(
                    request.mechanism,
                    request.message,
                    request.channel,
                    service=self._service,
                    parameters=self._parameters,
                )
                self._running[request.exchange] = link, identifier
                answer = None
            else:
                link, identifier = self._running[request.exchange]
                answer = link.session.go_on(identifier, request.message or b"")
            if answer is not None:
                return answer.outcome
            return await link.hear(identifier, self._timeout)
        except ValueError as error:
            if isinstance(error, ProtocolError):
                return _GONE
            return Refused(Reason.TOO_LONG, "more than the service takes")
        except (OSError, SASLError) as error:
            return Refused(Reason.UNAVAILABLE, type(error).__name__)

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
            return _GONE
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
