"""Writers that are killed in the middle."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable


def kill_writers(
    write: Callable[[], None], check: Callable[[], None], times: int
) -> None:
    """Start `write`, which never ends, in a child; kill -9 it at a point that moves from
    time to time, and check what it left.
    """
    for turn in range(times):
        ready, told = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(told, b"!")
            try:
                write()
            finally:
                os._exit(1)
        os.close(told)
        os.read(ready, 1)
        os.close(ready)
        time.sleep((turn % 50) * 0.0002)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            raise AssertionError("the writer ended by itself")
        check()
