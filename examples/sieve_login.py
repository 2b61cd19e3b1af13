"""Check a Sieve script on a mail server, by ManageSieve.

python3 -m examples.sieve_login imap.example.org alice my.sieve

ManageSieve needs no library: a socket, and the session that begins TLS and logs in.
"""

from __future__ import annotations

import socket
import sys
from getpass import getpass
from pathlib import Path

import sasl_core as sasl
from sasl_core.adapters import blocking
from sasl_core.protocols.sieve import ClientSession


def main(host: str, user: str, script: str, port: str = "4190") -> None:
    channel = sasl.Channel(False, service="sieve", host=host, port=int(port))
    session = ClientSession(sasl.Credentials(user, getpass()), channel=channel)
    with socket.create_connection((host, int(port)), timeout=30) as plain:
        try:
            secure = blocking.authenticate(session, plain)
        except sasl.AuthenticationError as error:
            print(error)
            return
        with secure, secure.makefile("rb") as replies:
            print(f"Logged in by {session.mechanism}.")
            text = Path(script).read_bytes()
            size = f"CHECKSCRIPT {{{len(text)}+}}\r\n".encode()
            secure.sendall(size + text + b"\r\n")
            print(replies.readline().decode().rstrip())


if __name__ == "__main__":
    main(*sys.argv[1:])
