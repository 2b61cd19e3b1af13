"""mpop, msmtp's sister for POP3, which speaks SASL with the GNU library, too."""

from __future__ import annotations

import functools
import subprocess

from .mail import APOP, USER_PASS, Attempt
from .process import HOST, Sandbox, must_run, need, run
from .tls import certificates

# It takes no APOP timestamp with an equals sign in it, such as Dovecot's.
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
        USER_PASS,
        APOP,
    ]
)

_CONFIGURATION = """
account default
host {host}
port {port}
tls on
tls_starttls {starttls}
tls_trust_file {authority}
{certificate}
auth {mechanism}
user "{user}"
password "{password}"
uidls_file {here}/uidls
delivery mbox {here}/mbox
"""

REFUSED = 77  # its exit status


@functools.cache
def version() -> str:
    """Return the version; skip the test where it is not installed."""
    need("mpop")
    return must_run(["mpop", "--version"]).split()[2].decode()


def log_in(attempt: Attempt) -> subprocess.CompletedProcess[bytes]:
    """Log in and fetch all mail; status 0 is success."""
    mechanism = attempt.mechanism
    files = certificates()
    shown = f"tls_cert_file {files.alice}\ntls_key_file {files.alice_key}"
    with Sandbox("mpop") as sandbox:
        text = _CONFIGURATION.format(
            here=sandbox.path,
            host=HOST,
            port=attempt.port,
            starttls="off" if attempt.implicit_tls else "on",
            authority=files.authority,
            certificate=shown if attempt.certificate else "",
            mechanism="user" if mechanism == USER_PASS else mechanism.lower(),
            user=attempt.user,
            password=attempt.secret,
        )
        path = sandbox.write("mpoprc", text)
        path.chmod(0o600)  # it insists
        return run(["mpop", f"--file={path}", "--debug"])
