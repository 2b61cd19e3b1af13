"""Our server of submission, or of LMTP, which takes messages from users only."""

from __future__ import annotations

import sasl_core as sasl
from sasl_core import profiles
from sasl_core.adapters import streams
from sasl_core.protocols.smtp import Command, Reply, ServerSession

from .serving import NAME, Serving

_OK = Reply(250, "2.0.0 Ok")


class Submission(Serving):
    """A running server; by LMTP each recipient gets a reply to the message."""

    service = "smtp"

    def __init__(self, profile: sasl.Profile = profiles.SMTP) -> None:
        self._profile = profile
        super().__init__()

    def new_session(self, channel: sasl.Channel) -> ServerSession:
        """Make the session of a connection."""
        return ServerSession(
            channel,
            policy=self.policy,
            answers=self.requests,
            require_auth=True,
            starttls=True,
            profile=self._profile,
        )

    def greeting(self, session: ServerSession) -> Reply:
        """Greet."""
        return Reply(220, f"{NAME} ESMTP")

    async def handle(
        self, session: ServerSession, command: Command, ask: streams.Ask
    ) -> Reply:
        """Answer what is not about authentication; programs send to one recipient."""
        match command.verb:
            case "EHLO" | "LHLO":
                return Reply(250, NAME, *session.keywords())
            case "DATA":
                line = await ask(Reply(354, "Go on"))
                while line.rstrip(b"\r\n") != b".":
                    line = await ask()
            case "QUIT":
                return Reply(221, "2.0.0 Bye", close=True)
            case "MAIL" | "RCPT" | "RSET" | "NOOP":
                pass
            case _:
                return Reply(502, "5.5.1 Not implemented")
        return _OK
