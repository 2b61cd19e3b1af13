"""Serve logins by SMTP with the standard library's socketserver, a thread for each.

python3 -m examples.socketserver_submission 4587

In the clear, so what is offered is SCRAM, which shows the password to nobody.
"""

from __future__ import annotations

import sys
from socketserver import ThreadingTCPServer

import sasl_core as sasl
from sasl_core.adapters.socketserver import RequestHandler
from sasl_core.backends import Application, set_password
from sasl_core.backends.memory import MemoryStore
from sasl_core.protocols import smtp

ACCOUNTS = MemoryStore()
set_password(ACCOUNTS, "alice", "wonderland")
APPLICATION = Application(ACCOUNTS)


class Handler(RequestHandler[smtp.ServerSession]):  # noqa: D101
    greeting = smtp.Reply(220, "localhost ESMTP")
    answer = staticmethod(APPLICATION.answer)

    def begin(self, channel: sasl.Channel) -> smtp.ServerSession:
        return smtp.ServerSession(channel, policy=APPLICATION.policy())

    def respond(self, command: smtp.Command, ask: object) -> smtp.Reply:
        if command.verb == "EHLO":
            return smtp.Reply(250, "localhost", *self.session.keywords())
        if command.verb == "QUIT":
            return smtp.Reply(221, "2.0.0 Bye", close=True)
        return smtp.Reply(550, f"5.7.1 No mail here, {self.session.identity}")


if __name__ == "__main__":
    ThreadingTCPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
