"""curl, as a client of SMTP, IMAP and POP3."""

from __future__ import annotations

import functools
import subprocess

from .mail import APOP, LOGIN_COMMAND, USER_PASS, Attempt
from .process import HOST, must_run, need, run
from .tls import certificates

# Debian builds it without GNU SASL, and so without SCRAM.
MECHANISMS = frozenset(
    {"PLAIN", "LOGIN", "CRAM-MD5", "EXTERNAL", "XOAUTH2", "OAUTHBEARER"}
)
# Where the server offers no mechanism, it logs in without SASL. LOGINDISABLED it remembers
# from before STARTTLS: where the server says so there, only `imaps` is left for LOGIN.
IMAP = MECHANISMS | {LOGIN_COMMAND}
POP3 = MECHANISMS | {USER_PASS, APOP}

REFUSED = 67  # its exit status


@functools.cache
def version() -> str:
    """Return the version; skip the test where it is not installed."""
    need("curl")
    return must_run(["curl", "--version"]).split()[1].decode()


def log_in(attempt: Attempt) -> subprocess.CompletedProcess[bytes]:
    """Log in and do next to nothing; status 0 is success, `REFUSED` a refusal."""
    mine, mechanism = attempt.mine, attempt.mechanism
    files = certificates()
    # EXTERNAL takes the user name for the authorization identity
    user = mine.username if mine.password else mine.authzid
    secrets = ["--user", f"{user}:{mine.password or ''}"]
    if mine.password and mine.authzid:
        secrets += ["--sasl-authzid", mine.authzid]
    if mine.token is not None:
        secrets = ["--user", mine.username, "--oauth2-bearer", mine.token]
    if attempt.certificate is not None:
        secrets += ["--cert", str(files.alice), "--key", str(files.alice_key)]
    if mechanism in MECHANISMS:
        secrets += ["--login-options", f"AUTH={mechanism}"]
    elif mechanism == APOP:
        secrets += ["--login-options", "AUTH=+APOP"]
    # the path is the name to greet with, or the mailbox, or the message: none
    path = "client.example.org" if attempt.plain_protocol == "smtp" else ""
    # by POP3 it lists the messages, and whatever it is told to ask, it awaits a list
    command = [] if attempt.plain_protocol == "pop3" else ["--request", "NOOP"]
    return run(
        [
            *("curl", "--silent", "--show-error", "--verbose"),
            *("--noproxy", "*", "--cacert", str(files.authority)),
            *([] if attempt.implicit_tls else ["--ssl-reqd"]),
            *secrets,
            *attempt.options,
            *command,
            f"{attempt.protocol}://{HOST}:{attempt.port}/{path}",
        ]
    )
