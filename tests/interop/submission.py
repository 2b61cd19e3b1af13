"""Our server: submission over asyncio streams, with STARTTLS, in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import re
import ssl
import threading

import sasl_core as sasl
from sasl_core.adapters import streams
from sasl_core.protocols.smtp import Command, Reply, ServerSession

from .application import REQUESTS, settle
from .peers.process import HOST
from .peers.tls import certificates, server_context

_OK = Reply(250, "2.0.0 Ok")
_NAME = "localhost"


class Submission:
    """A running server: `expect` before each connection, `outcome` after it."""

    def __init__(self) -> None:
        self.policy = sasl.Policy()
        self.tls = server_context(ask=True)
        self._certificate = ssl.PEM_cert_to_DER_cert(certificates().server.read_text())
        self._outcomes: queue.Queue[sasl.Success | sasl.Failure | None] = queue.Queue()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        started: queue.Queue[int] = queue.Queue()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        self.port = started.get(timeout=5)

    def expect(self, policy: sasl.Policy) -> None:
        """Make a policy that of the next connection; forget those before."""
        self.policy = policy
        with contextlib.suppress(queue.Empty):
            while True:
                self._outcomes.get_nowait()

    def outcome(self) -> sasl.Success | sasl.Failure | None:
        """Return how the next connection to end has fared; None: it did not log in."""
        return self._outcomes.get(timeout=10)

    def close(self) -> None:
        """Stop the server and its thread."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def _run(self, started: queue.Queue[int]) -> None:
        # at its end, it cancels the connections that are left
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve(started))

    async def _serve(self, started: queue.Queue[int]) -> None:
        async with await asyncio.start_server(self._connected, HOST, 0) as server:
            started.put(int(server.sockets[0].getsockname()[1]))
            await self._stop.wait()

    async def _connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        session = ServerSession(
            sasl.Channel(False, service="smtp", host=_NAME),
            policy=self.policy,
            answers=REQUESTS,
            require_auth=True,
            starttls=True,
        )

        async def handle(command: Command, ask: streams.Ask) -> Reply:
            return await _handle(session, command, ask)

        try:
            await streams.serve(
                session,
                reader,
                writer,
                settle,
                handle,
                greeting=Reply(220, f"{_NAME} ESMTP"),
                tls=self.tls,
                secured=self._secured,
                timeout=10,
            )
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                async with asyncio.timeout(2):
                    await writer.wait_closed()
            self._outcomes.put(session.success or session.failure)

    def _secured(self, tls: ssl.SSLObject) -> sasl.Channel:
        return sasl.Channel.from_ssl(
            tls,
            service="smtp",
            host=_NAME,
            certificate=self._certificate,
            external=_common_name(tls),
        )


def _common_name(tls: ssl.SSLObject) -> str | None:
    """Return whom our authority's certificate names, if the client showed one."""
    found = re.search(r"'commonName', '([^']+)'", str(tls.getpeercert()))
    return found[1] if found else None


async def _handle(session: ServerSession, command: Command, ask: streams.Ask) -> Reply:
    match command.verb:
        case "EHLO":
            return Reply(250, _NAME, *session.keywords())
        case "DATA":
            line = await ask(Reply(354, "Go on"))
            while line.rstrip(b"\r\n") != b".":
                line = await ask()
        case "QUIT":
            return Reply(221, "2.0.0 Bye", close=True)
        case "MAIL" | "RCPT" | "RSET" | "NOOP":
            pass
        case _:
            return Reply(502, "5.5.1 Not implemented")
    return _OK
