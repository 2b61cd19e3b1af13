"""Send a mail through Google Workspace; the access token is had when it is needed.

export CLIENT_ID=... CLIENT_SECRET=... REFRESH_TOKEN=...   (scope https://mail.google.com/)
python3 -m examples.google_workspace me@example.org you@example.org
"""

import json
import os
import smtplib
import ssl
import sys
from urllib.parse import urlencode
from urllib.request import urlopen

import sasl_core as sasl
from sasl_core.adapters.smtplib import login

# IMAP and POP3 take the same token: imap.gmail.com:993, pop.gmail.com:995.
HOST, PORT = "smtp.gmail.com", 587
TOKENS = "https://oauth2.googleapis.com/token"


def access_token(expired: sasl.TokenError | None) -> str:
    names = ("client_id", "client_secret", "refresh_token")
    form = {name: os.environ[name.upper()] for name in names}
    data = urlencode(form | {"grant_type": "refresh_token"}).encode()
    with urlopen(TOKENS, data, timeout=30) as reply:
        return str(json.load(reply)["access_token"])


def main(sender: str, recipient: str) -> None:
    with smtplib.SMTP(HOST, PORT, timeout=30) as smtp:
        smtp.starttls(context=ssl.create_default_context())
        name = login(smtp, sasl.Credentials(sender, token=access_token))
        smtp.sendmail(sender, [recipient], f"Subject: Hello\n\nBy {name}.\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
