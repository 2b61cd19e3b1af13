"""One mail server's connection to our service, with its many exchanges at a time."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from ..protocols.dovecot import Question
from ._calls import call

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeAlias

    from .._events import Event, Failure, Request, Success
    from .._server import Server
    from ..protocols.dovecot import Action, Reply, ServerSession

    Answer: TypeAlias = Callable[[Request], Event | Awaitable[Event]]
    Decided: TypeAlias = Callable[[Server, Success | Failure], Awaitable[None] | None]

_log = logging.getLogger(__name__)
_CHUNK = 65536
_MOST_UNSENT = 1 << 20  # octets for a mail server that asks and asks, and never reads


class Application:
    """Those functions of the application, never more than so many at a time."""

    def __init__(self, answer: Answer, decided: Decided | None, at_once: int) -> None:
        self._answer = answer
        self._decided = decided
        self.at_once = at_once
        self._free = asyncio.Semaphore(at_once)

    async def answer(self, request: Request, waits: Callable[[], bool]) -> Event | None:
        """Return the event that the answer gave; None where the application failed, and
        where nobody waits for it any more.
        """
        async with self._free:
            try:
                return await call(self._answer, request) if waits() else None
            except Exception:
                if waits():
                    _log.exception("the application could not answer")
        return None

    async def report(self, session: Any) -> None:
        """Tell how exchanges ended, before the mail server hears of it."""
        # All of them at once: what another task finds is then its own.
        for decision in list(iter(session.decision, None)):
            if self._decided is not None:
                try:
                    await call(self._decided, *decision)
                except Exception:
                    _log.exception("the application could not take note of a decision")


class Connection:
    """Read lines, settle each question in a task of its own, write what comes of it."""

    def __init__(
        self,
        session: ServerSession,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        application: Application,
        timeout: float,
    ) -> None:
        self.session = session
        self._reader = reader
        self._writer = writer
        self._application = application
        self._timeout = timeout
        self._tasks: set[asyncio.Task[None]] = set()
        self._unsent: list[bytes] = []

    async def run(self) -> None:
        """Serve it to its end."""
        try:
            self._write(self.session.greeting())
            async with asyncio.timeout(self._timeout):
                while self.session.client_pid is None:
                    if not await self._read():
                        return
            while await self._read():
                pass
        except TimeoutError:
            pass  # it does not shake hands, or does not read
        finally:
            self.session.closed()
            for task in self._tasks:
                task.cancel()
            await self._application.report(self.session)

    async def expire(self) -> None:
        """Fail the exchanges whose clients are not heard of any more."""
        await self._send(self.session.expire())

    async def shutdown(self) -> None:
        """Fail what is open, for now."""
        await self._send(self.session.shutdown())
        self._flush()
        try:
            async with asyncio.timeout(1.0):
                await self._writer.drain()
        except OSError:  # TimeoutError is one
            self._writer.transport.abort()

    async def _read(self) -> bool:
        data = await self._reader.read(_CHUNK)
        self.session.incoming.feed(data)
        while (line := self.session.incoming.next()) is not None:
            action = self.session.receive(line)
            if isinstance(action, Question):
                await self._begin(action)
                continue
            await self._send(action)
            if action.close:
                self._flush()
                return False
        if self._writer.transport.get_write_buffer_size():
            async with asyncio.timeout(self._timeout):
                await self._writer.drain()
        return bool(data)

    async def _begin(self, question: Question) -> None:
        # Cancelled ones count until they are done: to ask and cancel costs us nothing
        # but a wait.
        while len(self._tasks) >= self._application.at_once * 100:
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        task = asyncio.create_task(self._settle(question))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _settle(self, question: Question) -> None:
        action: Action = question
        while isinstance(action, Question):
            asked = action

            def waits(asked: Question = asked) -> bool:
                return self.session.waits(asked)

            event = await self._application.answer(asked.request, waits)
            if event is None:
                action = self.session.unavailable(asked, "the application failed")
            else:
                action = self.session.resume(asked, event)
        await self._send(action)

    async def _send(self, reply: Reply) -> None:
        await self._application.report(self.session)
        self._write(reply)

    def _write(self, reply: Reply) -> None:
        self._unsent.append(bytes(reply))
        # What many tasks have to say at a time goes out at once.
        if len(self._tasks) <= 1:
            self._flush()
        elif len(self._unsent) == 1:
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        if not self._unsent:
            return
        if self._writer.transport.get_write_buffer_size() > _MOST_UNSENT:
            self._writer.transport.abort()
        self._writer.write(b"".join(self._unsent))
        self._unsent.clear()
