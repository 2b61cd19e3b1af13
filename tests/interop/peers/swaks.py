"""swaks, the test client for SMTP and LMTP."""

from __future__ import annotations

import functools
import subprocess

from .mail import Attempt
from .process import HOST, must_run, need, run

MECHANISMS = frozenset({"PLAIN", "LOGIN", "CRAM-MD5"})

REFUSED = 28  # its exit status


@functools.cache
def version() -> str:
    """Return the version; skip the test where it is not installed."""
    need("swaks")
    return must_run(["swaks", "--version"]).split()[2].decode()


def log_in(attempt: Attempt) -> subprocess.CompletedProcess[bytes]:
    """Log in and leave; status 0 is success, `REFUSED` a refusal."""
    mine, mechanism = attempt.mine, attempt.mechanism
    assert attempt.certificate is None
    return run(
        [
            *("swaks", "--server", HOST, "--port", str(attempt.port)),
            # it greets by EHLO, or by LHLO
            *("--protocol", "LMTP" if attempt.protocol == "lmtp" else "ESMTP"),
            "--tls-on-connect" if attempt.implicit_tls else "--tls",
            *("--auth", mechanism, "--auth-user", mine.username),
            *("--auth-password", mine.password or "", "--quit-after", "AUTH"),
        ]
    )
