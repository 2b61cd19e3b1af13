"""How each protocol carries SASL: lines in, lines out, both sides, still sans-I/O.

Each has a ClientSession and a ServerSession, which `adapters.streams` and
`adapters.blocking` drive; `ClientBase` and `ServerBase` are what they have in common. By
hand, a client:

    send(session.connected())
    while not session.authenticated:
        send(session.receive(receive()))    # raises SASLError; see also `wants_tls`

and a server:

    session.incoming.feed(receive())
    while (line := session.incoming.next()) is not None:
        action = session.receive(line)
        while isinstance(action, sasl_core.Request):
            action = session.resume(answer(action))
        if isinstance(action, Command):
            reply = handle(action)          # the application's own
            session.replied(action, reply)
            action = reply
        send(bytes(action))                 # see also `wants_tls`, `decision`, `layer`

XMPP's take and give Elements, and have no commands.
"""

from __future__ import annotations

from ._client_session import ClientBase
from ._server_session import ServerBase

__all__ = ["ClientBase", "ServerBase"]
