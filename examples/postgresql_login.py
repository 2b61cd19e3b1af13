"""Log in to PostgreSQL with nothing but a socket, and ask who one is.

python3 -m examples.postgresql_login db.example.org alice postgres

SCRAM-SHA-256-PLUS where the server binds the TLS connection. A driver of one's own would
go on from here; what the server says after the login begins with `session.unread()`.
"""

from __future__ import annotations

import socket
import sys
from getpass import getpass

import sasl_core as sasl
from sasl_core.adapters import blocking
from sasl_core.protocols import postgresql


def main(host: str, user: str, database: str, port: str = "5432") -> None:
    credentials = sasl.Credentials(user, getpass())
    channel = sasl.Channel(encrypted=False, service="postgres", host=host)
    session = postgresql.ClientSession(credentials, channel=channel, database=database)
    plain = socket.create_connection((host, int(port)), timeout=10)
    try:
        with plain, blocking.authenticate(session, plain) as sock:
            said = session.unread()
            sock.sendall(postgresql.message("Q", b"SELECT current_user\0"))
            while said.count(postgresql.READY) < 2:
                said += sock.recv(65536)
    except sasl.AuthenticationError as error:
        print(error)
        return
    # DataRow: its kind, its length, one column, the column's length.
    row = said[said.index(b"D\0\0\0", said.index(postgresql.READY)) :]
    print(f"{row[11 : 11 + row[10]].decode()}, by {session.mechanism}")


if __name__ == "__main__":
    main(*sys.argv[1:])
