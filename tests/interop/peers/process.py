"""Processes, ports and directories of a peer; ends only what it started itself."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn, Self

HOST = "127.0.0.1"
NAME = "localhost"  # for ldap3, which since Python 3.12 knows names only
_SBIN = "/usr/local/sbin:/usr/sbin:/sbin"

# The daemons speak of nothing but the test: no proxy, no locale, no user's settings.
ENVIRONMENT = {
    "PATH": f"{os.environ.get('PATH', '/usr/bin:/bin')}:{_SBIN}",
    "LC_ALL": "C.UTF-8",
    "HOME": "/nonexistent",
}


def missing(why: str) -> NoReturn:
    """Skip the test; fail it where SASL_CORE_INTEROP=required promises all peers."""
    if os.environ.get("SASL_CORE_INTEROP") == "required":
        raise AssertionError(f"{why}, and SASL_CORE_INTEROP=required")
    raise unittest.SkipTest(f"{why} (see tests/interop/install)")


def need(*programs: str, root: bool = False) -> None:
    """Skip unless the programs are installed and, for most daemons, we are root."""
    for program in programs:
        if shutil.which(program, path=ENVIRONMENT["PATH"]) is None:
            missing(f"{program} is not installed")
    if root and os.geteuid() != 0:
        missing(f"{programs[0]} can only be started by root")


def cached(name: str) -> Path:
    """Return where `install` puts what it cannot install under the system's own paths."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "sasl-core-interop" / name


def free_ports(count: int) -> list[int]:
    """Choose ports that nobody listens on at this moment."""
    with contextlib.ExitStack() as stack:
        found = [
            stack.enter_context(socket.create_server((HOST, 0))) for _ in range(count)
        ]
        return [int(server.getsockname()[1]) for server in found]


def wait_until(check: Callable[[], bool], what: str, seconds: float = 20) -> None:
    """Poll until `check` holds; raise TimeoutError naming `what` when it never does."""
    end = time.monotonic() + seconds
    while not check():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} took longer than {seconds} s")
        time.sleep(0.03)


def listening(port: int) -> bool:
    """Whether something accepts connections on this port."""
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), 1):
        return True
    return False


def run(
    argv: Sequence[str | Path],
    *,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    seconds: float = 30,
) -> subprocess.CompletedProcess[bytes]:
    """Run a program to its end, both outputs in `stdout`."""
    return subprocess.run(
        argv,
        input=stdin,
        env={**ENVIRONMENT, **(env or {})},
        timeout=seconds,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        start_new_session=True,  # no controlling terminal to prompt on
    )


def must_run(argv: Sequence[str | Path], **options: object) -> bytes:
    """Run a program that has to succeed; return its output."""
    done = run(argv, **options)  # type: ignore[arg-type]  # options of run()
    if done.returncode != 0:
        raise RuntimeError(f"{argv[0]} said {done.returncode}: {done.stdout[-2000:]!r}")
    return done.stdout


class Sandbox:
    """A temporary directory and the daemons that live in it; a context manager."""

    def __init__(self, name: str) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=f"interop-{name}-"))
        self.path.chmod(0o755)  # the daemons change to users of their own
        atexit.register(self.close)  # also after Ctrl-C, which skips the tests' own end
        self._daemons: list[tuple[subprocess.Popen[bytes], Sequence[str | Path]]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, name: str, text: str) -> Path:
        """Write a file below the directory."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def directory(self, name: str, owner: str | None = None) -> Path:
        """Make a directory below the directory, of another user where one is named."""
        path = self.path / name
        path.mkdir(parents=True, exist_ok=True)
        if owner:
            shutil.chown(path, owner, owner)
        return path

    def start(
        self,
        argv: Sequence[str | Path],
        ports: Sequence[int],
        env: Mapping[str, str] | None = None,
        stop: Sequence[str | Path] = (),
    ) -> None:
        """Start a daemon that stays in the foreground; wait until it listens.

        `stop` is the command that ends it, where a signal to its pid does not.
        """
        _end_by_sigterm_as_by_ctrl_c()
        with (self.path / "output.log").open("ab") as log:
            daemon = subprocess.Popen(
                argv,
                env={**ENVIRONMENT, **(env or {})},
                cwd=self.path,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._daemons.append((daemon, stop))

        def ready() -> bool:
            if daemon.poll() is not None:
                raise RuntimeError(f"{argv[0]} ended with {daemon.returncode}")
            return all(map(listening, ports))

        try:
            wait_until(ready, f"the start of {argv[0]}")
        except Exception as error:
            error.add_note(self.logs())
            self.close()
            raise

    def logs(self) -> str:
        """Return the end of every log, for the report of a failure."""
        return "\n".join(
            f"== {path}\n{path.read_text(errors='replace')[-3000:]}"
            for path in sorted(self.path.rglob("*log"))
            if path.is_file()
        )

    def close(self) -> None:
        """End the daemons, last one first, and remove the directory."""
        atexit.unregister(self.close)
        while self._daemons:
            daemon, stop = self._daemons.pop()
            if stop:
                run(stop)
            _end(daemon)
        shutil.rmtree(self.path, ignore_errors=True)


def _end_by_sigterm_as_by_ctrl_c() -> None:
    # A time limit must not leave daemons behind.
    main = threading.current_thread() is threading.main_thread()
    if main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def _end(process: subprocess.Popen[bytes]) -> None:
    # start_new_session made the pid also the number of a group that is ours alone;
    # the helpers that a daemon forked are in it. A daemon is asked first: it ends
    # its own helpers best.
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.terminate()
        process.wait(5)
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        time.sleep(0.1)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(5)
