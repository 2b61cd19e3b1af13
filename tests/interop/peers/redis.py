"""Redis, as the state of a throttle."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator

from .process import HOST, Sandbox, free_ports, listening, need, wait_until


class Redis(Sandbox):
    """A server of its own, that keeps nothing on disk."""

    def __init__(self) -> None:
        need("redis-server")
        super().__init__("redis")
        (self.port,) = free_ports(1)
        self.begin()

    def begin(self) -> None:
        """Start the server; also after `kill`."""
        self.start(
            [
                *("redis-server", "--port", str(self.port), "--bind", HOST),
                *("--save", "", "--appendonly", "no"),
            ],
            [self.port],
        )

    def kill(self) -> None:
        """End it at once."""
        os.kill(self._daemons[-1][0].pid, signal.SIGKILL)
        wait_until(lambda: not listening(self.port), "the end of redis-server")

    @contextlib.contextmanager
    def hanging(self) -> Iterator[None]:
        """Let it answer nothing for a while."""
        pid = self._daemons[-1][0].pid
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)
