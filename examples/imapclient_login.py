"""List the folders of a mailbox by IMAPClient, with an access token for a password.

export ACCESS_TOKEN=...
python3 -m examples.imapclient_login imap.example.org alice@example.org

The token comes from a function: it is asked when the token is needed, and once more
where the server says that it has expired. See examples.google_workspace and
examples.microsoft_365 for where such tokens are had.
"""

from __future__ import annotations

import os
import sys

from imapclient import IMAPClient

import sasl_core as sasl
from sasl_core.adapters.imapclient import login


def access_token(expired: sasl.TokenError | None) -> str:
    if expired:
        print(f"The server wants another token: {expired.status}.")
    return os.environ["ACCESS_TOKEN"]


def main(host: str, user: str, port: str = "993") -> None:
    with IMAPClient(host, int(port), timeout=30) as imap:
        try:
            mechanism = login(imap, sasl.Credentials(user, token=access_token))
        except sasl.AuthenticationError as error:
            print(error)
            return
        folders = [name for _, _, name in imap.list_folders()]
        print(f"{', '.join(folders)}, after a login by {mechanism}.")


if __name__ == "__main__":
    main(*sys.argv[1:])
