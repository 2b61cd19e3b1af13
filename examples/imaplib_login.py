"""Count the messages in the inbox, by the standard library's imaplib.

python3 -m examples.imaplib_login imap.example.org alice

The strongest mechanism is taken that the server offers; a SCRAM does not even show the
password to the server, and is bound to the TLS connection where the server can do that.
Without TLS no password would go out at all.
"""

from __future__ import annotations

import imaplib
import ssl
import sys
from getpass import getpass

import sasl_core as sasl
from sasl_core.adapters.imaplib import login


def main(host: str, user: str, port: str = "143") -> None:
    credentials = sasl.Credentials(user, getpass())
    with imaplib.IMAP4(host, int(port), timeout=30) as imap:
        imap.starttls(ssl.create_default_context())
        try:
            mechanism = login(imap, credentials)
        except sasl.AuthenticationError as error:
            print(error)
            return
        _, (count,) = imap.select(readonly=True)
        print(f"{int(count or 0)} messages, after a login by {mechanism}.")


if __name__ == "__main__":
    main(*sys.argv[1:])
