"""fetchmail, which asks whether there is mail."""

from __future__ import annotations

import functools
import subprocess

from .mail import APOP, LOGIN_COMMAND, USER_PASS, Attempt, quoted
from .process import Sandbox, must_run, need, run
from .tls import certificates

# By the name of its option; it has no name for PLAIN and LOGIN.
_IMAP = {"CRAM-MD5": "cram-md5", "EXTERNAL": "external", LOGIN_COMMAND: "password"}
_POP3 = {"CRAM-MD5": "cram-md5", USER_PASS: "password", APOP: "any"}
IMAP = frozenset(_IMAP)
POP3 = frozenset(_POP3)

_CONFIGURATION = """
poll localhost port {port} protocol {protocol} auth {auth} timeout 10
  user {user} password {password}
  {tls} sslproto TLS1.2+ sslcertck sslcertfile {authority} {certificate}
"""

REFUSED = 3  # its exit status
_NO_MAIL = 1


@functools.cache
def version() -> str:
    """Return the version; skip the test where it is not installed."""
    need("fetchmail")
    return (
        must_run(["fetchmail", "--version"], env={"HOME": "/"})  # it wants one
        .split(b"release ")[1]
        .split(b"+")[0]
        .decode()
    )


def log_in(attempt: Attempt) -> subprocess.CompletedProcess[bytes]:
    """Log in and look for mail; status 0 is success, there being no mail.

    With APOP it knows no STLS, whatever it is told: `pop3` is then without TLS.
    """
    mechanism = attempt.mechanism
    files = certificates()
    shown = f"sslcert {files.alice} sslkey {files.alice_key}"
    text = _CONFIGURATION.format(
        port=attempt.port,
        protocol="apop" if mechanism == APOP else attempt.plain_protocol,
        auth={**_IMAP, **_POP3}[mechanism],
        user=quoted(attempt.user),
        password=quoted(attempt.secret),
        tls="ssl" if attempt.implicit_tls else "",
        authority=files.authority,
        certificate=shown if attempt.certificate else "",
    )
    with Sandbox("fetchmail") as sandbox:
        path = sandbox.write("fetchmailrc", text)
        path.chmod(0o600)  # it insists
        done = run(
            [
                *("fetchmail", "--fetchmailrc", path, "--check", "--verbose"),
                *("--pidfile", sandbox.path / "pid", "--idfile", sandbox.path / "ids"),
            ],
            env={"HOME": str(sandbox.path)},
        )
    if done.returncode == _NO_MAIL:
        done.returncode = 0
    return done
