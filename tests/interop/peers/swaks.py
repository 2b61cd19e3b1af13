"""swaks, the SMTP test client."""

from __future__ import annotations

import functools
import subprocess

import sasl_core as sasl

from .process import HOST, must_run, need, run

MECHANISMS = frozenset({"PLAIN", "LOGIN", "CRAM-MD5"})

REFUSED = 28  # its exit status


@functools.cache
def version() -> str:
    """Return the version; skip the test where it is not installed."""
    need("swaks")
    return must_run(["swaks", "--version"]).split()[2].decode()


def log_in(
    port: int, mechanism: str, mine: sasl.Credentials, certificate: str | None
) -> subprocess.CompletedProcess[bytes]:
    """Log in over STARTTLS and leave; status 0 is success, `REFUSED` a refusal."""
    assert certificate is None
    return run(
        [
            *("swaks", "--server", HOST, "--port", str(port), "--tls"),
            *("--auth", mechanism, "--auth-user", mine.username),
            *("--auth-password", mine.password or "", "--quit-after", "AUTH"),
        ]
    )
