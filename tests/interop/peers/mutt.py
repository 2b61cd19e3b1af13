"""mutt, which reads by IMAP and POP3, in a terminal, and sends by SMTP.

It speaks SASL with the GNU library. After a refusal it sleeps for a second or two. (NeoMutt
is no help: what is refused it tries again, by other mechanisms than those it is told.)
"""

from __future__ import annotations

import contextlib
import functools
import os
import pty
import subprocess
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from .mail import APOP, LOGIN_COMMAND, USER_PASS, Attempt, quoted
from .process import ENVIRONMENT, Sandbox, must_run, need, run
from .tls import certificates

SMTP = frozenset(
    [
        "ANONYMOUS",
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
IMAP = SMTP | {LOGIN_COMMAND}
POP3 = SMTP - {"ANONYMOUS"} | {USER_PASS, APOP}

# What it calls that which is no mechanism of SASL.
_NAMES = {LOGIN_COMMAND: "login", USER_PASS: "user"}
_CONFIGURATION = """
set ssl_starttls = yes
set ssl_force_tls = yes
set certificate_file = "{authority}"
{certificate}
set {kind}_authenticators = "{mechanism}"
set {kind}_pass = {password}
set {kind}_oauth_refresh_command = "echo {token}"
{account}
set folder = "{here}"
set sleep_time = 0
set header_cache = ""
set record = ""
set wait_key = no
set from = alice@example.org
"""

REFUSED = 1  # its exit status


@functools.cache
def version() -> str:
    """Return the version; skip the test where it is not installed."""
    need("mutt")
    return must_run(["mutt", "-v"]).split()[1].decode()


def log_in(attempt: Attempt) -> subprocess.CompletedProcess[bytes]:
    """Log in and open INBOX, or send a message; status 0 is success.

    Without a user name it waits for one to be typed, until it is ended.
    """
    mine, mechanism = attempt.mine, attempt.mechanism
    files = certificates()
    kind = attempt.plain_protocol.removesuffix("3")
    address = f"localhost:{attempt.port}/"
    scheme = f"{kind}s://" if attempt.implicit_tls else f"{kind}://"
    account = f"set {kind}_user = {quoted(attempt.user)}"
    if kind == "smtp":
        account = f"set smtp_url = {scheme}{quote(attempt.user, safe='')}@{address}"
    with Sandbox("mutt") as sandbox:
        shown = ""
        if attempt.certificate is not None:
            both = files.alice.read_text() + files.alice_key.read_text()
            shown = f'set ssl_client_cert = "{sandbox.write("alice.pem", both)}"'
        text = _CONFIGURATION.format(
            here=sandbox.path,
            authority=files.authority,
            certificate=shown,
            kind=kind,
            mechanism=_NAMES.get(mechanism, mechanism.lower()),
            password=quoted(attempt.secret),
            token=mine.token or "",
            account=account,
        )
        mutt = ["mutt", "-n", "-F", sandbox.write("muttrc", text)]
        if kind == "smtp":
            argv = [*mutt, "-s", "a test", "carol@example.org"]
            return run(argv, stdin=b"Hello.\n", env={"HOME": str(sandbox.path)})
        # It ends with 0 as well where it could not log in, but does not come to this.
        opened = sandbox.path / "opened"
        keys = f'push "<shell-escape>touch {opened}<enter><exit>"'
        argv = [*mutt, "-f", f"{scheme}{address}", "-e", keys]
        done = _run_in_terminal(argv, sandbox.path)
        if not opened.exists():
            done.returncode = done.returncode or REFUSED
        return done


def _run_in_terminal(
    argv: Sequence[str | Path], home: Path
) -> subprocess.CompletedProcess[bytes]:
    ours, theirs = pty.openpty()
    with open(ours, "rb", buffering=0) as screen:
        with subprocess.Popen(
            ["timeout", "--foreground", "20", *argv],
            env={**ENVIRONMENT, "HOME": str(home), "TERM": "xterm"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        ) as process:
            os.close(theirs)
            written = b""
            with contextlib.suppress(OSError):  # its end, on Linux
                while octets := screen.read(4096):
                    written += octets
        return subprocess.CompletedProcess(argv, process.returncode, written)
