"""Our authentication service at its sockets, in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import sasl_core as sasl
from sasl_core.adapters.authd import Service

from .application import REQUESTS, settle
from .peers.cyrus import REALM
from .peers.process import Sandbox

# What needs no certificate, no ticket and no token card.
MECHANISMS = frozenset(
    [
        "PLAIN",
        "LOGIN",
        "CRAM-MD5",
        "DIGEST-MD5",
        "SCRAM-SHA-1",
        "SCRAM-SHA-224",
        "SCRAM-SHA-256",
        "SCRAM-SHA-384",
        "SCRAM-SHA-512",
        "SCRAM-SHA3-512",
        "XOAUTH2",
        "OAUTHBEARER",
        "ANONYMOUS",
    ]
)
_POLICY = sasl.Policy(allow=MECHANISMS)


class Authd(NamedTuple):
    """A running service: its sockets, and how exchanges have ended there."""

    dovecot: Path
    mux: Path
    outcomes: queue.Queue[tuple[sasl.Server, sasl.Success | sasl.Failure]]


@contextlib.contextmanager
def running(policy: sasl.Policy = _POLICY) -> Iterator[Authd]:
    """Run the service; its sockets are everybody's."""
    with Sandbox("authd") as box:
        ours = Authd(box.path / "auth", box.path / "mux", queue.Queue())
        loop = asyncio.new_event_loop()
        stop = asyncio.Event()
        started: queue.Queue[None] = queue.Queue()

        async def answer(request: sasl.Request) -> sasl.Event:
            return settle(request)

        async def decided(
            exchange: sasl.Server, outcome: sasl.Success | sasl.Failure
        ) -> None:
            ours.outcomes.put((exchange, outcome))

        async def serve() -> None:
            service = Service(
                answer, decided=decided, policy=policy, answers=REQUESTS, timeout=20
            )
            await service.dovecot(ours.dovecot, mode=0o666)
            await service.saslauthd(ours.mux, mode=0o666, local_realms=[REALM])
            started.put(None)
            await stop.wait()
            await service.stop(0)

        def run() -> None:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                runner.run(serve())

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            started.get(timeout=5)
            yield ours
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join(10)
