"""Send a mail with the ticket that `kinit` has got: no password is typed, none is sent.

python3 -m examples.kerberos_send smtp.example.org alice@example.org bob@example.org

The ticket is for smtp/HOST, so HOST is the name that the KDC knows the server by. Needs the
package gssapi; `sasl_core.adapters.spnego` does the same with pyspnego.
"""

from __future__ import annotations

import smtplib
import ssl
import sys

import sasl_core as sasl
from sasl_core.adapters.gssapi import initiator
from sasl_core.adapters.smtplib import login


def main(host: str, sender: str, recipient: str, port: str = "587") -> None:
    with smtplib.SMTP(host, int(port), timeout=30) as smtp:
        smtp.starttls(context=ssl.create_default_context())
        try:
            mechanism = login(smtp, sasl.Credentials(gss=initiator()))
        except sasl.SASLError as error:  # no ticket, too: a CredentialsError
            print(error)
            return
        smtp.sendmail(sender, [recipient], "Subject: Hello\n\nBy a ticket.\n")
        print(f"Sent, after a login by {mechanism}.")


if __name__ == "__main__":
    main(*sys.argv[1:])
