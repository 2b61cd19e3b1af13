"""mbsync (isync), which copies mail by IMAP and speaks SASL with the Cyrus library."""

from __future__ import annotations

import functools
import os
import subprocess

import sasl_core as sasl

from .mail import LOGIN_COMMAND, implicit_tls, quoted, secret_of, user_of
from .process import Sandbox, must_run, need, run
from .tls import certificates

MECHANISMS = frozenset(
    [
        "ANONYMOUS",
        "PLAIN",
        "CRAM-MD5",
        "SCRAM-SHA-1",
        "SCRAM-SHA-224",
        "SCRAM-SHA-256",
        "SCRAM-SHA-384",
        "SCRAM-SHA-512",
        "EXTERNAL",
        LOGIN_COMMAND,
    ]
)

_CONFIGURATION = """
IMAPAccount peer
Host localhost
Port {port}
User {user}
Pass {password}
SSLType {tls}
SSLVersions TLSv1.2 TLSv1.3
SystemCertificates no
CertificateFile {authority}
AuthMechs {mechanism}
Timeout 10
{certificate}

IMAPStore far
Account peer

MaildirStore near
Path {here}/mail/
Inbox {here}/mail/INBOX

Channel all
Far :far:
Near :near:
Patterns INBOX
SyncState *
"""

REFUSED = 1  # its exit status


@functools.cache
def version() -> str:
    """Return the version; skip the test where it is not installed."""
    need("mbsync")
    return must_run(["mbsync", "--version"]).split()[1].decode()


def log_in(
    port: int,
    mechanism: str,
    mine: sasl.Credentials,
    certificate: str | None,
    *,
    protocol: str = "imap",
) -> subprocess.CompletedProcess[bytes]:
    """Log in and fetch the mail of INBOX; status 0 is success."""
    files = certificates()
    shown = f"ClientCertificate {files.alice}\nClientKey {files.alice_key}"
    with Sandbox("mbsync") as sandbox:
        for name in ("cur", "new", "tmp"):
            # a directory that has just changed makes it wait for a second
            os.utime(sandbox.directory(f"mail/INBOX/{name}"), (0, 0))
        text = _CONFIGURATION.format(
            here=sandbox.path,
            port=port,
            user=quoted(user_of(mine)),
            password=quoted(secret_of(mine)),
            tls="IMAPS" if implicit_tls(protocol) else "STARTTLS",
            authority=files.authority,
            certificate=shown if certificate else "",
            mechanism=mechanism.removesuffix(" command"),
        )
        path = sandbox.write("mbsyncrc", text)
        return run(["mbsync", "--config", path, "-D", "all"])
