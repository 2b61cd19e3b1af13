"""Log in to an IRC network and say hello to somebody.

python3 -m examples.irc_hello irc.example.org alice bob

IRC needs no library: asyncio's streams, and the session that negotiates the login.
"""

from __future__ import annotations

import asyncio
import sys
from getpass import getpass

import sasl_core as sasl
from sasl_core.adapters import streams
from sasl_core.protocols.irc import ClientSession


async def main(host: str, nick: str, friend: str, port: str = "6697") -> None:
    who = sasl.Credentials(nick, getpass())
    reader, writer = await asyncio.open_connection(host, int(port), ssl=True)
    facts = writer.get_extra_info("ssl_object")
    channel = sasl.Channel.from_ssl(facts, service="host", host=host)
    hello = f"NICK {nick}\r\nUSER {nick} 0 * :{nick}\r\n".encode()
    session = ClientSession(who, channel=channel, registration=hello)
    try:
        await streams.authenticate(session, reader, writer)
        while b" 001 " not in await reader.readline():
            pass  # the welcome follows
        writer.write(f"PRIVMSG {friend} :Hello!\r\nQUIT\r\n".encode())
        await writer.drain()
        print(f"Said hello, after a login by {session.mechanism}.")
    except sasl.AuthenticationError as error:
        print(error)
    writer.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
