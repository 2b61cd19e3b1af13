"""Log in to a Microsoft 365 mailbox by IMAP (SMTP: smtp.office365.com, scope SMTP.Send).

CLIENT_ID=... REFRESH_TOKEN=... python3 -m examples.microsoft_365 me@example.org
"""

import asyncio
import json
import os
import sys
from urllib.parse import urlencode
from urllib.request import urlopen

import sasl_core as sasl
from sasl_core.adapters import streams
from sasl_core.protocols import imap

HOST, PORT = "outlook.office365.com", 993
SCOPE = "https://outlook.office.com/IMAP.AccessAsUser.All offline_access"
TOKENS = "https://login.microsoftonline.com/common/oauth2/v2.0/token"


def access_token(expired: sasl.TokenError | None) -> str:
    form = {name: os.environ[name.upper()] for name in ("client_id", "refresh_token")}
    form |= {"grant_type": "refresh_token", "scope": SCOPE}
    with urlopen(TOKENS, urlencode(form).encode(), timeout=30) as reply:
        return str(json.load(reply)["access_token"])


async def main(user: str) -> None:
    reader, writer = await asyncio.open_connection(HOST, PORT, ssl=True)
    facts = sasl.Channel.from_ssl(writer.get_extra_info("ssl_object"), host=HOST)
    who = sasl.Credentials(user, token=access_token)
    session = imap.ClientSession(who, channel=facts)
    await streams.authenticate(session, reader, writer)
    print(f"Logged in by {session.mechanism}.")
    writer.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
