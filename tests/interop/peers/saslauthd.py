"""Cyrus's saslauthd, which logs in to an IMAP server, and testsaslauthd, which asks one."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from .process import HOST, Sandbox, must_run, need, run, wait_until

REFUSED = 255  # testsaslauthd's exit code


def ask(
    socket: Path, user: str, password: str, realm: str = "", service: str = "smtp"
) -> subprocess.CompletedProcess[bytes]:
    """Let testsaslauthd ask about a password."""
    need("testsaslauthd")
    more = ["-r", realm] if realm else []
    argv = ["testsaslauthd", "-f", socket, "-s", service, "-u", user, "-p", password]
    return run([*argv, *more])


def version() -> str:
    """Return the version of saslauthd."""
    need("saslauthd")
    said = run(["saslauthd", "-v"]).stdout.decode().split()
    return next(word for word in said if word[:1].isdigit())


@contextlib.contextmanager
def running(imap: int) -> Iterator[Path]:
    """Run a saslauthd that checks passwords at this port's IMAP server; give its socket."""
    need("saslauthd", root=True)
    with Sandbox("saslauthd") as box:
        # with -d it stays in the foreground; -l: one process
        argv = ["saslauthd", "-d", "-m", str(box.path), "-n", "2"]
        box.start([*argv, "-a", "rimap", "-O", f"{HOST}/{imap}"], [])
        mux = box.path / "mux"
        wait_until(mux.exists, "the socket of saslauthd")
        must_run(["chmod", "666", mux])
        yield mux
