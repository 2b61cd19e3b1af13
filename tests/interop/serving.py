"""Our server of any protocol, over asyncio streams, in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import queue
import re
import ssl
import threading
from typing import Any

import sasl_core as sasl
from sasl_core.adapters import streams

from .application import REQUESTS, settle
from .peers.process import HOST
from .peers.tls import certificates, server_context

NAME = "localhost"


class Outcomes:
    """What a test has of a server: `expect` before a connection, `outcome` after it.

    `port` is without TLS at first, `tls_port` within TLS.
    """

    port: int
    tls_port: int

    def __init__(self) -> None:
        self.policy = sasl.Policy()
        self.outcomes: queue.Queue[sasl.Success | sasl.Failure | None] = queue.Queue()

    def expect(self, policy: sasl.Policy) -> None:
        """Make a policy that of the connections to come; forget those before."""
        self.policy = policy
        with contextlib.suppress(queue.Empty):
            while True:
                self.outcomes.get_nowait()

    def outcome(self) -> sasl.Success | sasl.Failure | None:
        """Return how the next connection to end has fared; None: it did not log in."""
        return self.outcomes.get(timeout=10)


class Serving(Outcomes):
    """A running server.

    A protocol says what its session is, how it greets, and how the application answers
    commands.
    """

    service = ""
    requests = REQUESTS  # what `settle` answers
    settle = staticmethod(settle)
    host = NAME

    def __init__(self) -> None:
        super().__init__()
        self.tls = server_context(ask=True)
        self._certificate = ssl.PEM_cert_to_DER_cert(certificates().server.read_text())
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        started: queue.Queue[list[int]] = queue.Queue()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        self.port, self.tls_port = started.get(timeout=5)

    def new_session(self, channel: sasl.Channel) -> Any:
        """Make the session of a connection."""
        raise TypeError("a protocol says what its session is")

    def greeting(self, session: Any) -> Any:
        """Return what is said first."""
        raise TypeError("a protocol says how it greets")

    async def handle(self, session: Any, command: Any, ask: streams.Ask) -> Any:
        """Answer a command, as the application does."""
        raise TypeError("a protocol says how commands are answered")

    def close(self) -> None:
        """Stop the server and its thread."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def _run(self, started: queue.Queue[list[int]]) -> None:
        # at its end, it cancels the connections that are left
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve(started))

    async def _serve(self, started: queue.Queue[list[int]]) -> None:
        async with (
            await asyncio.start_server(self._connected, HOST, 0) as plain,
            await asyncio.start_server(self._connected, HOST, 0, ssl=self.tls) as tls,
        ):
            ports = [s.sockets[0].getsockname()[1] for s in (plain, tls)]
            started.put(ports)
            await self._stop.wait()

    async def _connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        tls = writer.get_extra_info("ssl_object")
        clear = sasl.Channel(False, service=self.service, host=self.host)
        session = self.new_session(self._secured(tls) if tls else clear)
        try:
            await streams.serve(
                session,
                reader,
                writer,
                self.settle,
                functools.partial(self.handle, session),
                greeting=self.greeting(session),
                tls=self.tls,
                secured=self._secured,
                timeout=10,
            )
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                async with asyncio.timeout(2):
                    await writer.wait_closed()
            self.outcomes.put(session.success or session.failure)

    def _secured(self, tls: ssl.SSLObject) -> sasl.Channel:
        return sasl.Channel.from_ssl(
            tls,
            service=self.service,
            host=self.host,
            certificate=self._certificate,
            external=_common_name(tls),
        )


def _common_name(tls: ssl.SSLObject) -> str | None:
    """Return whom our authority's certificate names, if the client showed one."""
    found = re.search(r"'commonName', '([^']+)'", str(tls.getpeercert()))
    return found[1] if found else None
