"""msmtp, which sends a message by SMTP or LMTP, and speaks SASL with the GNU library."""

from __future__ import annotations

import functools
import subprocess

from .mail import Attempt
from .process import Sandbox, must_run, need, run
from .tls import certificates

MECHANISMS = frozenset(
    [
        "PLAIN",
        "LOGIN",
        "CRAM-MD5",
        "SCRAM-SHA-1",
        "SCRAM-SHA-256",
        "EXTERNAL",
        "XOAUTH2",
        "OAUTHBEARER",
    ]
)

_CONFIGURATION = """
account default
protocol {protocol}
host 127.0.0.1
port {port}
tls on
tls_starttls {starttls}
tls_trust_file {authority}
from alice@example.org
auth {mechanism}
user "{user}"
password "{password}"
"""
_MESSAGE = (
    b"From: alice@example.org\nTo: carol@example.org\nSubject: a test\n\nHello.\n"
)

REFUSED = 77  # its exit status


@functools.cache
def version() -> str:
    """Return the version; skip the test where it is not installed."""
    need("msmtp")
    return must_run(["msmtp", "--version"]).split()[2].decode()


def log_in(attempt: Attempt) -> subprocess.CompletedProcess[bytes]:
    """Log in and send a message; status 0 is success."""
    mechanism = attempt.mechanism
    files = certificates()
    text = _CONFIGURATION.format(
        protocol=attempt.plain_protocol,
        port=attempt.port,
        starttls="off" if attempt.implicit_tls else "on",
        authority=files.authority,
        mechanism=mechanism.lower(),
        user=attempt.user,
        password=attempt.secret,
    )
    if attempt.certificate is not None:
        text += f"tls_cert_file {files.alice}\ntls_key_file {files.alice_key}\n"
    with Sandbox("msmtp") as sandbox:
        path = sandbox.write("msmtprc", text)
        path.chmod(0o600)  # it insists
        return run(
            ["msmtp", f"--file={path}", "--debug", "carol@example.org"], stdin=_MESSAGE
        )
