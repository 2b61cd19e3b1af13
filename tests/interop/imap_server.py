"""Our IMAP server, with an empty mailbox behind the login."""

from __future__ import annotations

import sasl_core as sasl
from sasl_core.adapters import streams
from sasl_core.protocols.imap import Command, Reply, ServerSession

from . import mailbox
from .serving import Serving


class ImapServer(Serving):
    """A running server; `login`: it takes the LOGIN command, where it takes PLAIN."""

    service = "imap"
    login = True
    initial_response = True

    def new_session(self, channel: sasl.Channel) -> ServerSession:
        """Make the session of a connection."""
        profile = sasl.profiles.IMAP.replace(initial_response=self.initial_response)
        return ServerSession(
            channel,
            policy=self.policy,
            answers=self.requests,
            starttls=True,
            login=self.login,
            profile=profile,
        )

    def greeting(self, session: ServerSession) -> Reply:
        """Greet with the capabilities."""
        return session.greeting()

    async def handle(
        self, session: ServerSession, command: Command, ask: streams.Ask
    ) -> Reply:
        """Answer as the owner of an empty mailbox."""
        if command.verb == "LOGOUT":
            return command.ok("Done", "BYE See you", close=True)
        octets = mailbox.imap(command.tag, command.verb, command.argument)
        return Reply(*octets.decode().splitlines())
