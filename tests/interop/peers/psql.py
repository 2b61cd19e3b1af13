"""psql, the program of PostgreSQL's own client library, which does SCRAM itself."""

from __future__ import annotations

import functools
import subprocess

from .mail import Attempt
from .process import HOST, must_run, need, run
from .tls import certificates

MECHANISMS = frozenset({"SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"})

REFUSED = 2  # its exit status, as for whatever else keeps it from connecting


@functools.cache
def version() -> str:
    """Return the version; skip the test where it is not installed."""
    need("psql")
    return must_run(["psql", "--version"]).split()[2].decode()


def log_in(attempt: Attempt) -> subprocess.CompletedProcess[bytes]:
    """Log in over TLS and run an empty statement; status 0 is success.

    By a -PLUS it demands that the channel is bound, else it says that it cannot bind.
    """
    mine, mechanism = attempt.mine, attempt.mechanism
    assert attempt.certificate is None
    bound = "require" if mechanism.endswith("-PLUS") else "disable"
    return run(
        ["psql", "--no-psqlrc", "--no-password", "--command", ";"],
        env={
            "PGHOST": HOST,
            "PGPORT": str(attempt.port),
            "PGDATABASE": "postgres",
            "PGUSER": mine.username,
            "PGPASSWORD": mine.password or "",
            "PGSSLMODE": "verify-full",
            "PGSSLROOTCERT": str(certificates().authority),
            "PGCHANNELBINDING": bound,
            "PGCONNECT_TIMEOUT": "10",
            "PGGSSENCMODE": "disable",
        },
    )
