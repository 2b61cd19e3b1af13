"""GNU SASL's program, which speaks base64 lines as a client or as a server.

It writes the mechanism's name, then its messages. Whoever may not begin writes an empty
line first. After the last message it waits for one more line, and its exit status tells
whether it is content.
"""

from __future__ import annotations

import base64
import functools
import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import sasl_core as sasl

from .accounts import Account
from .mail import Attempt
from .process import HOST, must_run, need, run
from .talk import Talk
from .tls import certificates

# Its program cannot say yes to ANONYMOUS and EXTERNAL as a server.
SERVER = frozenset(
    [
        "PLAIN",
        "LOGIN",
        "CRAM-MD5",
        "SCRAM-SHA-1",
        "SCRAM-SHA-1-PLUS",
        "SCRAM-SHA-256",
        "SCRAM-SHA-256-PLUS",
    ]
)
CLIENT = SERVER | {"ANONYMOUS", "EXTERNAL"}
KERBEROS = ("GSSAPI", "GS2-KRB5")  # it has no -PLUS of it
REFUSED = 1  # its exit status


@functools.cache
def version() -> str:
    """Return the version; skip the test where it is not installed."""
    need("gsasl")
    return must_run(["gsasl", "--version"]).split()[3].decode()


def client(
    mechanism: str, credentials: sasl.Credentials, binding: sasl.ChannelBinding | None
) -> Talk:
    """Start a client; with a binding, it knows that the channel could be bound."""
    given = _told(mechanism, credentials)
    talk = Talk(_command("--client", mechanism, binding is not None, given))
    if binding is not None:
        # It asks for both types, the exporter first, until it has one.
        for name in ("tls-exporter", "tls-unique"):
            data = binding.data if name == binding.type else b""
            talk.write(base64.b64encode(data))
            if data:
                break
    return talk


def log_in(
    attempt: Attempt, *, exporter: bool = False
) -> subprocess.CompletedProcess[bytes]:
    """Log in by SMTP over STARTTLS and leave; status 0 is success.

    It binds -PLUS by TLS 1.3's `exporter` or, as Python's ssl module knows nothing of
    that, by tls-unique of TLS 1.2.
    """
    mine, mechanism = attempt.mine, attempt.mechanism
    files = certificates()
    command = ["gsasl", "--smtp", f"--connect={HOST}:{attempt.port}", "--starttls"]
    command += [f"--x509-ca-file={files.authority}", f"--mechanism={mechanism}"]
    if attempt.certificate is not None:
        command += [f"--x509-cert-file={files.alice}"]
        command += [f"--x509-key-file={files.alice_key}"]
    if not mechanism.endswith("-PLUS"):
        # It refuses to run SCRAM without -PLUS where it could bind the channel.
        command.append("--no-cb")
    elif not exporter:
        command.append("--priority=NORMAL:-VERS-TLS1.3")
    return run([*command, *_told(mechanism, mine), "--application-data"])


def _told(mechanism: str, mine: sasl.Credentials) -> list[str]:
    # It asks the user for what it was not told.
    options = {
        "authentication-id": mine.username,
        "password": mine.password or "",
        "authorization-id": mine.authzid or None,
        "anonymous-token": mine.trace,
    }
    if mechanism == "EXTERNAL":
        options["authorization-id"] = mine.authzid
    return [f"--{name}={value}" for name, value in options.items() if value is not None]


def server(mechanism: str, account: Account, *, bindings: bool = False) -> Talk:
    """Start a server; it takes any user who has the password.

    With `bindings`, it knows that the channel could be bound, and asks for the data of
    the type that the client names, in a line of their own after the client's first.
    """
    given = [f"--password={account.password}", "--iteration-count=4096"]
    return Talk(_command("--server", mechanism, bindings, given))


def kerberos_client(mechanism: str, user: str, authzid: str, tickets: Path) -> Talk:
    """Start a client of GSSAPI or GS2-KRB5 that has these tickets."""
    given = _told(mechanism, sasl.Credentials(user, authzid=authzid))
    command = _command("--client", mechanism, False, given)
    return Talk(command, {"KRB5CCNAME": f"FILE:{tickets}"})


class Door(Talk):
    """A server of GSSAPI or GS2-KRB5: it has the keytab's keys, and asks its operator
    whom to let in, on the lines between the messages. `admit` answers in his place; it
    is told the principal and the authzid, empty for none.
    """

    def __init__(self, mechanism: str, admit: Callable[[str, str], bool]) -> None:
        super().__init__(_command("--server", mechanism, False, ()))
        self._admit = admit

    def read(self) -> bytes | None:
        """Return the next line that is no part of the question."""
        line = super().read()
        if line is None or not line.startswith(b"Authzid: "):
            return line
        authzid = line.removeprefix(b"Authzid: ").decode()
        principal = (super().read() or b"").removeprefix(b"Display Name: ").decode()
        # only this letter is a yes, and (null) is the program's word for nothing
        welcome = self._admit(principal, "" if authzid == "(null)" else authzid)
        self.write(b"y" if welcome else b"n")
        return super().read()


def _command(
    side: str, mechanism: str, bindings: bool, options: Sequence[str]
) -> list[str]:
    command = ["gsasl", side, f"--mechanism={mechanism}", "--quiet", *options]
    if mechanism in ("DIGEST-MD5", *KERBEROS):
        command += ["--service=imap", "--hostname=localhost"]
    if mechanism == "DIGEST-MD5":
        command += ["--realm=localhost", "--quality-of-protection=qop-auth"]
    # the option --application-data is on by default, and given switches it off
    command.append("--application-data")
    return command if bindings else [*command, "--no-cb"]


def read(talk: Talk) -> bytes | None:
    """Read a message; what it asks on the same line is not part of it."""
    line = talk.read()
    return line and re.sub(rb"Enter [^:]*: |Validate [^?]*\? \(y/n\) ", b"", line)
