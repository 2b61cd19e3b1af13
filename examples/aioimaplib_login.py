"""Count the messages in the inbox, by aioimaplib.

python3 -m examples.aioimaplib_login imap.example.org alice

The strongest mechanism is taken that the server offers. Keys are derived in a thread:
the event loop never stalls. aioimaplib knows TLS from the start only, no STARTTLS.
"""

from __future__ import annotations

import asyncio
import sys
from getpass import getpass

from aioimaplib import IMAP4_SSL

import sasl_core as sasl
from sasl_core.adapters.aioimaplib import login


async def main(host: str, user: str, port: str = "993") -> None:
    credentials = sasl.Credentials(user, getpass())
    imap = IMAP4_SSL(host, int(port), timeout=30)
    await imap.wait_hello_from_server()
    try:
        mechanism = await login(imap, credentials)
    except sasl.AuthenticationError as error:
        print(error)
    else:
        _, lines = await imap.select()
        (count,) = (int(line[:-7]) for line in lines if line.endswith(b" EXISTS"))
        print(f"{count} messages, after a login by {mechanism}.")
    await imap.logout()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
