"""Cyrus' test clients sivtest and nntptest, which speak SASL with the Cyrus library.

They are among what `install` unpacks for Cyrus IMAP.
"""

from __future__ import annotations

import os
import subprocess

import sasl_core as sasl

from .cyrus_imapd import root
from .mail import USER_PASS
from .process import HOST, Sandbox, missing, run
from .tls import certificates

# sivtest reads a challenge only as a literal, which RFC 5804 leaves to the server's
# choice, so these remain; and it is nntptest that has a command of its own.
SIEVE_MECHANISMS = frozenset({"PLAIN", "ANONYMOUS", "EXTERNAL"})
NNTP_MECHANISMS = frozenset(
    [
        *SIEVE_MECHANISMS,
        "LOGIN",
        "CRAM-MD5",
        "SCRAM-SHA-1",
        "SCRAM-SHA-224",
        "SCRAM-SHA-256",
        "SCRAM-SHA-384",
        "SCRAM-SHA-512",
    ]
)


def version() -> str:
    """Return the version; skip the test where it is not unpacked."""
    facts = root() / "usr/lib/cyrus/cyrus-hardwired-config.txt"
    if not facts.exists():
        missing(f"Cyrus IMAP is not in {root()}")
    return facts.read_text().split()[1]


def log_in(
    program: str,
    port: int,
    mechanism: str,
    mine: sasl.Credentials,
    certificate: str | None,
) -> bool:
    """Log in over STARTTLS and leave; return whether it believes that it got in."""
    libraries = [path.parent for path in (root() / "usr/lib").glob("*/libcyrus.so.0")]
    name = mine.username or certificate or mine.trace or "guest"
    with Sandbox("imtest") as box:
        shown = ""
        if certificate is not None:
            files = certificates()
            both = files.alice.read_text() + files.alice_key.read_text()
            shown = str(box.write("client.pem", both))
        done = run(
            [
                root() / "usr/lib/cyrus/bin" / program,
                *(
                    "-p",
                    str(port),
                    "-m",
                    "user" if mechanism == USER_PASS else mechanism,
                ),
                *("-a", name, "-u", mine.authzid or name, "-w", mine.password or ""),
                *("-t", shown, HOST),
            ],
            env={"LD_LIBRARY_PATH": os.pathsep.join(map(str, libraries))},
        )
    if (b"\nAuthenticated." in done.stdout) == (
        b"Authentication failed" in done.stdout
    ):
        raise subprocess.SubprocessError(done.stdout[-2000:])
    return b"\nAuthenticated." in done.stdout
