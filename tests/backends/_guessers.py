"""Two processes that guess at the same time, against one throttle's state."""

from __future__ import annotations

import subprocess
import sys

_GUESSER = """
import sys
from sasl_core.backends.throttle import *
{imports}
pair = Limit(200)
throttle = Throttle({state}, clock=lambda: 1000.0, pair=pair, user=pair)
throttle.ask("nobody", None)
print("ready", flush=True)
sys.stdin.readline()
tickets = [throttle.ask("alice", "192.0.2.1") for _ in range(300)]
print(sum(not ticket.wait for ticket in tickets))
"""


def guess_together(
    state: str, argument: str, imports: str = "", limit: int = 200
) -> int:
    """Return how many of their 600 guesses may be made.

    `state` is an expression, in which `sys.argv[1]` is the argument.
    """
    code = _GUESSER.format(state=state, imports=imports)
    both = [
        subprocess.Popen(
            [sys.executable, "-c", code, argument],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in both:  # neither begins before both can
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            raise AssertionError("a guesser did not start")
    for process in both:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return sum(int(process.communicate(timeout=60)[0]) for process in both)
