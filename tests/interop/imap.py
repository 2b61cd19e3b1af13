"""An IMAP client just large enough to log in (RFC 9051, section 6.2)."""

from __future__ import annotations

import re
import socket
import ssl
from typing import Self

import sasl_core as sasl
from sasl_core import profiles

from .peers.process import HOST

_REASONS = {
    "AUTHENTICATIONFAILED": sasl.Reason.BAD_CREDENTIALS,
    "AUTHORIZATIONFAILED": sasl.Reason.NOT_AUTHORIZED,
    "UNAVAILABLE": sasl.Reason.UNAVAILABLE,
}


class Imap:
    """A connection under TLS, begun with STARTTLS; a context manager."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        self.attempts = 0
        self._tag = 0
        self._socket: socket.socket = socket.create_connection((HOST, port), 10)
        self._lines = self._socket.makefile("rb")
        self._read()
        self._command("STARTTLS")
        self._lines.close()
        self._socket = tls = context.wrap_socket(
            self._socket, server_hostname="localhost"
        )
        self._lines = tls.makefile("rb")
        self.channel = sasl.Channel.from_ssl(
            tls, service="imap", host="localhost", port=port
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()
        self._socket.close()

    def mechanisms(self) -> list[str]:
        """Ask for the mechanisms on offer."""
        return re.findall(r"\bAUTH=(\S+)", self._command("CAPABILITY"))

    def log_in(self, client: sasl.Client) -> None:
        """Run the exchange; raise AuthenticationError when the server refuses."""
        self.attempts += 1
        command = f"AUTHENTICATE {client.name}"
        initial = client.start()
        if initial is not None:
            command += " " + client.profile.initial(initial).decode()
        tag = self._send_command(command)
        while True:
            line = self._read()
            if line.startswith("+ "):
                self._send(client.step(line[2:].encode()))
            elif line.startswith(f"{tag} OK"):
                return client.finish()
            elif line.startswith(f"{tag} "):
                raise client.refused(_reason(line), line.removeprefix(f"{tag} "))

    def alive(self) -> bool:
        """Whether the server lets us do what only a user may."""
        return "STATUS INBOX" in self._command("STATUS INBOX (MESSAGES)")

    def _command(self, command: str) -> str:
        tag = self._send_command(command)
        lines = [self._read()]
        while not lines[-1].startswith(f"{tag} "):
            lines.append(self._read())
        return "\n".join(lines)

    def _send_command(self, command: str) -> str:
        self._tag += 1
        self._send(f"A{self._tag} {command}".encode())
        return f"A{self._tag}"

    def _send(self, line: bytes) -> None:
        self._socket.sendall(line + b"\r\n")

    def _read(self) -> str:
        line = self._lines.readline(65536)
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the server hung up")
        return line[:-2].decode()


def _reason(line: str) -> sasl.Reason:
    code = re.search(r"\[(\w+)", line)
    return _REASONS.get(code[1] if code else "", sasl.Reason.MALFORMED)


def client(imap: Imap, mechanism: str, credentials: sasl.Credentials) -> sasl.Client:
    """Make our client for one mechanism, if the server offers it."""
    return sasl.client(
        imap.mechanisms(),
        credentials,
        channel=imap.channel,
        policy=sasl.Policy(allow=[mechanism]),
        profile=profiles.IMAP,
    )
