"""An IRC server's application, and both sides in one process."""

from __future__ import annotations

import sasl_core as sasl
from sasl_core.protocols.irc import ClientSession, Command, Reply, ServerSession

from ... import _accounts as accounts

CLEAR = sasl.Channel(False, host="irc.example.org")
SECURE = sasl.Channel(True, host="irc.example.org")
QUICK = sasl.Policy(cleartext="always", iterations=(1, 5000), decoy=(4096, 16))
REGISTRATION = b"NICK dan\r\nUSER d 0 * :dan\r\n"


class Network:
    """A server: what its session does not answer, and the accounts."""

    def __init__(self, channel=SECURE, *, on=SECURE, application=None, **options):
        options = {"policy": QUICK} | options
        self.session = ServerSession(channel, **options)
        self.accounts = application or accounts.Application()
        self.over_tls = on
        self.commands: list[Command] = []
        self.closed = False

    def feed(self, data: bytes) -> bytes:
        """Take octets; return what the server says."""
        said = b""
        self.session.incoming.feed(data)
        while not self.closed and (line := self.session.incoming.next()) is not None:
            said += self.line(line)
        return said

    def line(self, line: bytes) -> bytes:
        """Take one line."""
        session = self.session
        action = session.receive(line)
        while isinstance(action, sasl.Request):
            action = session.resume(self.accounts.settle(action))
        if isinstance(action, Command):
            self.commands.append(action)
            reply = self.answer(action)
            session.replied(action, reply)
            action = reply
        assert isinstance(action, Reply), action
        self.closed = action.close
        return bytes(action)

    def answer(self, command: Command) -> Reply:
        """Answer what is not about authentication."""
        session = self.session
        match command.verb, *command.parameters:
            case "STARTTLS", *_:
                return session.start_tls(pending=session.incoming.pending)
            case "CAP", b"LS", *_:
                words = " ".join(["multi-prefix", *session.capabilities()])
                return Reply(f":irc CAP {session.nick} LS :{words}")
            case "CAP", b"REQ", words:
                return Reply(f":irc CAP {session.nick} ACK :{words.decode()}")
            case "CAP", b"END":
                lines = session.registered().lines
                return Reply(*lines, f":irc 001 {session.nick} :Welcome")
            case "NICK", nick:
                session.nick = nick.decode()
        return Reply()


def client(credentials=None, *, channel=SECURE, **options) -> ClientSession:
    """Make a client that may do anything."""
    options = {"policy": QUICK, "starttls": "never"} | options
    who = credentials or sasl.Credentials(accounts.USER, accounts.PASSWORD)
    return ClientSession(who, channel=channel, **options)


def run(mine: ClientSession, network: Network) -> list[bytes]:
    """Log in; return what the client sent, each time."""
    sent = [mine.connected()]
    while sent[-1]:
        said = network.feed(sent[-1])
        if mine.authenticated:
            assert b" 001 " in said, said
            break
        sent.append(mine.receive(said))
        if mine.wants_tls:
            network.session.secured(network.over_tls)
            sent.append(mine.secured(network.over_tls))
    return sent
