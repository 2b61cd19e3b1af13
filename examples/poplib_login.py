"""Count the messages in a mailbox, by the standard library's poplib.

python3 -m examples.poplib_login pop.example.org alice

poplib knows USER, PASS and APOP only. Here the strongest mechanism is taken that the
server offers; a SCRAM does not even show the password to the server, and is bound to
the TLS connection where the server can do that.
"""

from __future__ import annotations

import poplib
import ssl
import sys
from getpass import getpass

import sasl_core as sasl
from sasl_core.adapters.poplib import login


def main(host: str, user: str, port: str = "995") -> None:
    credentials = sasl.Credentials(user, getpass())
    pop = poplib.POP3_SSL(host, int(port), context=ssl.create_default_context())
    try:
        mechanism = login(pop, credentials)
        count, size = pop.stat()
        pop.quit()
    except sasl.AuthenticationError as error:
        print(error)
    else:
        print(f"{count} messages of {size} octets, after a login by {mechanism}.")
    finally:
        pop.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
