"""The standard library's SMTP client under TLS, which counts its attempts to log in."""

from __future__ import annotations

import smtplib
import ssl

import sasl_core as sasl
from sasl_core.adapters import smtplib as adapter

from .peers.process import HOST


class Smtp(smtplib.SMTP):
    """A connection begun with STARTTLS; `attempts` counts the AUTH commands."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        super().__init__(HOST, port, local_hostname="localhost", timeout=10)
        self.attempts = 0
        self.starttls(context=context)
        self.ehlo()

    def __exit__(self, *_: object) -> None:
        """Hang up; QUIT would raise what hides the error of the block."""
        self.close()

    def send(self, s: str | bytes) -> None:  # type: ignore[override]  # any buffer
        """Count what begins with AUTH."""
        line = s.encode() if isinstance(s, str) else bytes(s)
        self.attempts += line.upper().startswith(b"AUTH ")
        super().send(s)

    def mechanisms(self) -> set[str]:
        """Return the names that the server offers now."""
        return set(self.esmtp_features.get("auth", "").split())

    def may_send(self) -> bool:
        """Whether the server takes a recipient from us, as it does from users only."""
        self.rset()
        self.mail("alice@example.org")
        return self.rcpt("carol@example.org")[0] == 250


def log_in(connection: Smtp, mechanism: str, mine: sasl.Credentials) -> None:
    """Log in with one mechanism; raise AuthenticationError when the server refuses."""
    name = adapter.login(connection, mine, policy=sasl.Policy(allow=[mechanism]))
    if name != mechanism:
        raise AssertionError(f"logged in with {name}, not {mechanism}")
