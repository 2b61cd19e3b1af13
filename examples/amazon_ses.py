"""Send a mail through Amazon SES, with an access key of an IAM user.

export AWS_ACCESS_KEY_ID=AKIA... AWS_SECRET_ACCESS_KEY=...
python3 -m examples.amazon_ses eu-central-1 me@example.org you@example.org
"""

from __future__ import annotations

import os
import smtplib
import ssl
import sys
from email.message import EmailMessage

import sasl_core as sasl
from sasl_core.adapters.smtplib import login
from sasl_core.ses import smtp_password


def main(
    region: str, sender: str, recipient: str, *, host: str = "", port: int = 587
) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, recipient, "Hello from SES"
    mail.set_content("The password for this was derived a moment ago.\n")

    user = sasl.Credentials(
        os.environ["AWS_ACCESS_KEY_ID"],
        smtp_password(os.environ["AWS_SECRET_ACCESS_KEY"], region),
    )
    with smtplib.SMTP(host or f"email-smtp.{region}.amazonaws.com", port) as client:
        client.starttls(context=ssl.create_default_context())
        mechanism = login(client, user)
        client.send_message(mail)
    print(f"Sent, after a login by {mechanism}.")


if __name__ == "__main__":
    main(*sys.argv[1:])
