"""curl, as an SMTP client."""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Sequence

import sasl_core as sasl

from .process import HOST, must_run, need, run
from .tls import certificates

# Debian builds it without GNU SASL, and so without SCRAM.
MECHANISMS = frozenset(
    {"PLAIN", "LOGIN", "CRAM-MD5", "EXTERNAL", "XOAUTH2", "OAUTHBEARER"}
)

REFUSED = 67  # its exit status


@functools.cache
def version() -> str:
    """Return the version; skip the test where it is not installed."""
    need("curl")
    return must_run(["curl", "--version"]).split()[1].decode()


def log_in(
    port: int,
    mechanism: str,
    mine: sasl.Credentials,
    certificate: str | None,
    options: Sequence[str] = (),
) -> subprocess.CompletedProcess[bytes]:
    """Log in over STARTTLS and do nothing; status 0 is success, `REFUSED` a refusal."""
    files = certificates()
    # EXTERNAL takes the user name for the authorization identity
    user = mine.username if mine.password else mine.authzid
    secrets = ["--user", f"{user}:{mine.password or ''}"]
    if mine.password and mine.authzid:
        secrets += ["--sasl-authzid", mine.authzid]
    if mine.token is not None:
        secrets = ["--user", mine.username, "--oauth2-bearer", mine.token]
    if certificate is not None:
        secrets += ["--cert", str(files.alice), "--key", str(files.alice_key)]
    return run(
        [
            *("curl", "--silent", "--show-error", "--verbose"),
            *("--noproxy", "*", "--ssl-reqd", "--cacert", str(files.authority)),
            *secrets,
            *options,
            *("--login-options", f"AUTH={mechanism}", "--request", "NOOP"),
            f"smtp://{HOST}:{port}/client.example.org",
        ]
    )
