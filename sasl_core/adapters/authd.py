"""Be the authentication service of mail servers, at UNIX sockets, by asyncio.

Postfix and Exim ask by Dovecot's protocol; Sendmail, OpenLDAP, and whatever else uses
Cyrus SASL, by saslauthd's.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from .._policy import DEFAULT
from ..protocols import dovecot as by_dovecot
from ..protocols import saslauthd as by_saslauthd
from ._calls import call
from ._dovecot_service import Application, Connection
from ._listeners import Listeners

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter
    from collections.abc import Awaitable, Callable, Collection, Iterable
    from pathlib import Path
    from typing import TypeAlias

    from .._events import Request
    from .._policy import Policy
    from ..protocols.dovecot import Found
    from ._dovecot_service import Answer, Decided

    Find: TypeAlias = Callable[
        [by_dovecot.FindUser], Found | Awaitable[Found | None] | None
    ]

__all__ = ["Service"]

_log = logging.getLogger(__name__)
_CHUNK = 65536


class Service:
    """Listen at sockets until `stop`, and answer whoever asks there.

    `answer(request)` and `decided(exchange, outcome)` are those of
    `adapters.streams.serve`: an `AsyncApplication`'s, for one. `policy`, `answers` and
    `realm` as in `sasl_core.server`. At most `connections` are open at a time, others
    wait; `at_once` requests are answered at a time. An exchange that waits for its client
    for `timeout` seconds, twice that at most, is failed.
    """

    def __init__(
        self,
        answer: Answer,
        *,
        decided: Decided | None = None,
        policy: Policy = DEFAULT,
        answers: Iterable[type[Request]] | None = None,
        realm: str | None = None,
        connections: int = 500,
        at_once: int = 100,
        timeout: float = 120.0,
    ) -> None:
        self._application = Application(answer, decided, at_once)
        self._policy = policy
        self._answers = None if answers is None else frozenset(answers)
        self._realm = realm
        self._timeout = timeout
        self._listeners = Listeners(connections)
        self._numbers = itertools.count(1)
        self._connections: set[Connection] = set()
        self._sweeper: asyncio.Task[None] | None = None
        self._asked = 0  # by saslauthd's protocol, and not answered yet
        self._stopping = False

    async def dovecot(
        self,
        path: str | Path,
        *,
        mode: int = 0o600,
        group: str | None = None,
        external: bool = False,
        binding: bool = False,
        logins: by_dovecot.Logins | None = None,
    ) -> None:
        """Listen there by Dovecot's protocol; who may write to the socket may ask.

        The rest as in `protocols.dovecot.ServerSession`. Raise OSError.
        """

        async def handle(reader: StreamReader, writer: StreamWriter) -> None:
            session = by_dovecot.ServerSession(
                pid=os.getpid(),
                number=next(self._numbers),
                policy=self._policy,
                answers=self._answers,
                realm=self._realm,
                external=external,
                binding=binding,
                logins=logins,
            )
            connection = Connection(
                session, reader, writer, self._application, self._timeout
            )
            if self._stopping:
                session.drain()
            self._connections.add(connection)
            try:
                await connection.run()
            finally:
                self._connections.discard(connection)

        await self._listeners.listen(str(path), mode, group, handle)
        if self._sweeper is None:
            self._sweeper = asyncio.create_task(self._sweep())

    async def master(
        self,
        path: str | Path,
        find: Find,
        *,
        mode: int = 0o600,
        group: str | None = None,
        logins: by_dovecot.Logins | None = None,
    ) -> None:
        """Listen there for masters, by Dovecot's protocol: they look users up.

        `find(question)` returns a `protocols.dovecot.Found`, or None for an unknown user: a
        coroutine function, or a plain one, which runs in a thread. `logins`: those of
        `dovecot`, which a master may then ask about. Raise OSError.
        """

        async def handle(reader: StreamReader, writer: StreamWriter) -> None:
            session = by_dovecot.MasterServer(pid=os.getpid(), logins=logins)
            writer.write(bytes(session.greeting()))
            while data := await reader.read(_CHUNK):
                session.incoming.feed(data)
                while (line := session.incoming.next()) is not None:
                    action = session.receive(line)
                    if isinstance(action, by_dovecot.FindUser):
                        action = await self._found(session, action, find)
                    writer.write(bytes(action))
                    if action.close:
                        return
                await writer.drain()

        await self._listeners.listen(str(path), mode, group, handle)

    async def saslauthd(
        self,
        path: str | Path,
        *,
        mode: int = 0o600,
        group: str | None = None,
        local_realms: Collection[str] = (),
    ) -> None:
        """Listen there by saslauthd's protocol: Cyrus asks at a socket named `mux`.

        The rest as in `protocols.saslauthd.ServerSession`. Raise OSError.
        """

        async def handle(reader: StreamReader, writer: StreamWriter) -> None:
            session = by_saslauthd.ServerSession(
                policy=self._policy, answers=self._answers, local_realms=local_realms
            )
            try:
                async with asyncio.timeout(self._timeout):
                    action = None
                    while action is None:
                        data = await reader.read(_CHUNK)
                        if not data:
                            return
                        action = session.receive(data)
                self._asked += 1
                try:
                    reply = await self._settled(session, action)
                finally:
                    self._asked -= 1
                writer.write(bytes(reply))
                async with asyncio.timeout(self._timeout):
                    await writer.drain()
            except TimeoutError:
                pass
            except asyncio.CancelledError:
                writer.write(bytes(session.shutdown()))
                raise
            finally:
                session.closed()
                await self._application.report(session)

        await self._listeners.listen(str(path), mode, group, handle)

    async def stop(self, grace: float = 5.0) -> None:
        """Take nothing new; let what is open end by itself for `grace` seconds; fail the
        rest for now. The sockets are removed.
        """
        self._stopping = True
        await self._listeners.close()
        if self._sweeper is not None:
            self._sweeper.cancel()
        for connection in self._connections:
            connection.session.drain()
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                while self._busy():  # noqa: ASYNC110  # many things end it
                    await asyncio.sleep(0.02)
        await asyncio.gather(*(c.shutdown() for c in self._connections))
        await self._listeners.end()

    def _busy(self) -> bool:
        return bool(self._asked) or any(c.session.open for c in self._connections)

    async def _found(
        self,
        session: by_dovecot.MasterServer,
        question: by_dovecot.FindUser,
        find: Find,
    ) -> by_dovecot.Reply:
        try:
            return session.resume(question, await call(find, question))
        except Exception:
            _log.exception("the application could not look a user up")
        return session.unavailable(question)

    async def _settled(
        self,
        session: by_saslauthd.ServerSession,
        action: by_saslauthd.Reply | Request,
    ) -> by_saslauthd.Reply:
        while not isinstance(action, by_saslauthd.Reply):
            event = await self._application.answer(action, lambda: True)
            if event is None:
                action = session.unavailable("the application failed")
            else:
                action = session.resume(event)
        await self._application.report(session)
        return action

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(self._timeout)
            for connection in list(self._connections):
                with suppress(OSError):
                    await connection.expire()
