"""Say hello over XMPP, by slixmpp.

python3 -m examples.slixmpp_hello alice@example.org bob@example.org

slixmpp has a SASL of its own. Here the login is bound to the connection under TLS 1.3
too, and one wrong password is one attempt.
"""

from __future__ import annotations

import asyncio
import sys
from getpass import getpass

from slixmpp import JID, ClientXMPP

import sasl_core as sasl
from sasl_core.adapters.slixmpp import login


async def main(sender: str, recipient: str, host: str = "", port: str = "0") -> None:
    credentials = sasl.Credentials(JID(sender).user, getpass())
    xmpp = ClientXMPP(sender, "")
    started = asyncio.Event()
    xmpp.add_event_handler("session_start", lambda _: started.set())
    xmpp.connect(host or None, int(port) or None)
    try:
        mechanism = await login(xmpp, credentials)
    except sasl.AuthenticationError as error:
        print(error)
        return
    await started.wait()
    xmpp.send_message(JID(recipient), "Hello!")
    await xmpp.disconnect()
    print(f"Said hello, after a login by {mechanism}.")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
