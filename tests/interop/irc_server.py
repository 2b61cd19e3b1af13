"""Our IRC server: it logs in, welcomes, and hangs up."""

from __future__ import annotations

import sasl_core as sasl
from sasl_core.adapters import streams
from sasl_core.protocols.irc import Command, Reply, ServerSession

from .application import REQUESTS
from .serving import Serving


class IrcServer(Serving):
    """A running server; see Serving."""

    service = "host"

    def new_session(self, channel: sasl.Channel) -> ServerSession:
        return ServerSession(
            channel, policy=self.policy, answers=REQUESTS, starttls=True, name="irc"
        )

    def greeting(self, session: ServerSession) -> Reply:
        return Reply(":irc NOTICE * :Hello")

    async def handle(
        self, session: ServerSession, command: Command, ask: streams.Ask
    ) -> Reply:
        nick = session.nick
        match command.verb, *command.parameters:
            case "STARTTLS", *_:
                return session.start_tls(pending=session.incoming.pending)
            case "CAP", b"LS", *_:
                return Reply(f":irc CAP {nick} LS :{' '.join(session.capabilities())}")
            case "CAP", b"REQ", words:
                return Reply(f":irc CAP {nick} ACK :{words.decode()}")
            case "CAP", b"END":
                said = session.registered().lines
                return Reply(*said, f":irc 001 {nick} :Welcome", close=True)
            case "NICK", name:
                session.nick = name.decode()
            case "PING", word:
                return Reply(f":irc PONG irc :{word.decode()}")
            case "QUIT", *_:
                return Reply("ERROR :Bye", close=True)
        return Reply()
