"""A program that is spoken to line by line, on its standard input and output."""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import Self

from .process import ENVIRONMENT

_SECONDS = 10


class Talk:
    """One run of a program; a context manager that ends it."""

    def __init__(
        self, argv: Sequence[str], env: Mapping[str, str] | None = None
    ) -> None:
        self._program = subprocess.Popen(
            argv,
            env={**ENVIRONMENT, **(env or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # without a terminal, passwords come from stdin
        )
        assert self._program.stdin
        assert self._program.stdout
        self._input = self._program.stdin
        self._output = self._program.stdout.fileno()
        self._read = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._program.kill()
        self._program.wait(_SECONDS)
        assert self._program.stdout
        self._program.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            self._input.close()

    def write(self, line: bytes) -> None:
        """Send a line; a program that is gone does not read it, that is no error."""
        with contextlib.suppress(BrokenPipeError):
            self._input.write(line + b"\n")
            self._input.flush()

    def read(self) -> bytes | None:
        """Return the next line without its end, None after the last one."""
        end = time.monotonic() + _SECONDS
        with selectors.DefaultSelector() as selector:
            selector.register(self._output, selectors.EVENT_READ)
            while b"\n" not in self._read:
                if not selector.select(end - time.monotonic()):
                    raise TimeoutError(f"no line came, only {self._read!r}")
                octets = os.read(self._output, 65536)
                if not octets:
                    return None
                self._read += octets
        line, self._read = self._read.split(b"\n", 1)
        return line.rstrip(b"\r")

    def end(self) -> int:
        """Close the input, return the exit status."""
        with contextlib.suppress(BrokenPipeError):
            self._input.close()
        return self._program.wait(_SECONDS)
