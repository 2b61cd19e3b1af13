"""Send a mail by aiosmtplib.

python3 -m examples.aiosmtplib_send smtp.example.org alice@example.org bob@example.org

aiosmtplib knows PLAIN, LOGIN, CRAM-MD5 and XOAUTH2. Here the strongest mechanism is taken
that the server offers, and one wrong password is one attempt.
"""

from __future__ import annotations

import asyncio
import sys
from email.message import EmailMessage
from getpass import getpass

from aiosmtplib import SMTP

import sasl_core as sasl
from sasl_core.adapters.aiosmtplib import login


async def main(host: str, sender: str, recipient: str, port: str = "587") -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, recipient, "Hello"
    mail.set_content("Sent by a coroutine.\n")
    credentials = sasl.Credentials(sender, getpass())
    # start_tls=True: where the server has no STARTTLS, do not go on.
    async with SMTP(hostname=host, port=int(port), start_tls=True) as smtp:
        try:
            mechanism = await login(smtp, credentials)
        except sasl.AuthenticationError as error:
            print(error)
            return
        await smtp.send_message(mail)
        print(f"Sent, after a login by {mechanism}.")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
