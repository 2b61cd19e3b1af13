"""mbsync (isync), which copies mail by IMAP and speaks SASL with the Cyrus library."""

from __future__ import annotations

import functools
import os
import subprocess

from .mail import LOGIN_COMMAND, Attempt, quoted
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


def log_in(attempt: Attempt) -> subprocess.CompletedProcess[bytes]:
    """Log in and fetch the mail of INBOX; status 0 is success."""
    mechanism = attempt.mechanism
    files = certificates()
    shown = f"ClientCertificate {files.alice}\nClientKey {files.alice_key}"
    with Sandbox("mbsync") as sandbox:
        for name in ("cur", "new", "tmp"):
            # a directory that has just changed makes it wait for a second
            os.utime(sandbox.directory(f"mail/INBOX/{name}"), (0, 0))
        text = _CONFIGURATION.format(
            here=sandbox.path,
            port=attempt.port,
            user=quoted(attempt.user),
            password=quoted(attempt.secret),
            tls="IMAPS" if attempt.implicit_tls else "STARTTLS",
            authority=files.authority,
            certificate=shown if attempt.certificate else "",
            mechanism=mechanism.removesuffix(" command"),
        )
        path = sandbox.write("mbsyncrc", text)
        return run(["mbsync", "--config", path, "-D", "all"])
