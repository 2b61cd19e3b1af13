"""getmail6, which fetches mail with Python's imaplib and poplib, over TLS only."""

from __future__ import annotations

import functools
import subprocess

from .mail import APOP, LOGIN_COMMAND, USER_PASS, Attempt
from .process import HOST, Sandbox, must_run, need, run
from .tls import certificates

IMAP = frozenset({LOGIN_COMMAND, "CRAM-MD5", "XOAUTH2"})
POP3 = frozenset({USER_PASS, APOP})

_CONFIGURATION = """
[retriever]
type = Simple{kind}SSLRetriever
server = {host}
port = {port}
username = {user}
{secret}
ca_certs = {authority}
{options}

[destination]
type = Mboxrd
path = {here}/mbox

[options]
verbose = 2
delete = false
"""
_OPTIONS = {
    "CRAM-MD5": "use_cram_md5 = true",
    "XOAUTH2": "use_xoauth2 = true",
    APOP: "use_apop = true",
}

REFUSED = 127  # its exit status, as for whatever else fails


@functools.cache
def version() -> str:
    """Return the version; skip the test where it is not installed."""
    need("getmail")
    return must_run(["getmail", "--version"]).split()[1].decode()


def log_in(attempt: Attempt) -> subprocess.CompletedProcess[bytes]:
    """Log in and fetch all mail; status 0 is success."""
    mine, mechanism = attempt.mine, attempt.mechanism
    assert attempt.certificate is None
    with Sandbox("getmail") as sandbox:
        secret = f"password = {mine.password}"
        if mine.token is not None:
            # it has a command tell it the token
            secret = f'password_command = ("/bin/echo", "{mine.token}")'
        text = _CONFIGURATION.format(
            kind=attempt.plain_protocol.upper(),
            host=HOST,
            port=attempt.port,
            user=mine.username,
            secret=secret,
            authority=certificates().authority,
            options=_OPTIONS.get(mechanism, ""),
            here=sandbox.path,
        )
        sandbox.write("mbox", "").chmod(0o600)
        sandbox.write("getmailrc", text)
        return run(["getmail", f"--getmaildir={sandbox.path}", "--trace"])
