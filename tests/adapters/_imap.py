"""An IMAP server of ours on 127.0.0.1, with an empty mailbox behind the login."""

from __future__ import annotations

import asyncio
import imaplib

import sasl_core as sasl
from sasl_core.protocols.imap import Command, Reply, ServerSession

from .._accounts import Application
from . import _loopback

CLEAR = sasl.Channel(False, service="imap", host="localhost")
TOKEN = Application.token


class Mailbox:
    """The application of a server: what it handles, and what it saw."""

    def __init__(self, session: ServerSession) -> None:
        self.session = session
        self.accounts = Application(username="user", password="pencil")
        self.commands: list[Command] = []

    def handle(self, command: Command, ask: object) -> Reply:
        """Answer a command."""
        self.commands.append(command)
        match command.verb:
            case "LOGOUT":
                return command.ok("Done", "BYE See you", close=True)
            case "SELECT":
                return command.ok("[READ-WRITE] Done", "0 EXISTS", "FLAGS ()")
        return command.ok()

    async def handle_async(self, command: Command, ask: object) -> Reply:
        """Answer a command, for asyncio."""
        return self.handle(command, ask)

    def answer(self, request: sasl.Request) -> object:
        """Answer a request."""
        return self.accounts.settle(request)


class Server(_loopback.Server):
    """Our server, over either adapter, in a thread."""

    def mailbox(self) -> Mailbox:
        """Make a session and its application."""
        options = dict(self.options)
        for name in ("tls", "timeout", "secured", "answer", "handle"):
            options.pop(name, None)
        channel = options.pop("channel", CLEAR)
        mailbox = Mailbox(ServerSession(channel, **options))
        self.mailboxes.append(mailbox)
        return mailbox

    def serving(self) -> dict:
        """Return the options of serve()."""
        greeting = self.mailboxes[-1].session.greeting()
        return super().serving() | {"greeting": greeting}


class Case(_loopback.Case):
    """Start servers that are gone after the test."""

    def serve(self, **options) -> Server:
        """Start our server."""
        server = Server(**options)
        self.addCleanup(server.close)
        return server


def greeting(*words: str) -> bytes:
    """Write a greeting with capabilities."""
    return f"* OK [CAPABILITY IMAP4rev1 {' '.join(words)}] hello\r\n".encode()


class Buffered(imaplib.IMAP4):
    """Reads as IMAP4 does since Python 3.14: by a buffer of its own, beside a file that
    nobody reads.
    """

    file = property(lambda self: self._file)

    def open(self, host="", port=143, timeout=None) -> None:
        self.host, self.port = host, port
        self.sock = self._create_socket(timeout)
        self._file = self.sock.makefile("rb")
        self._readbuf: list[bytes] = []

    def readline(self) -> bytes:
        while b"\n" not in b"".join(self._readbuf):
            self._readbuf.append(self.sock.recv(8192))
            if not self._readbuf[-1]:
                return b""
        line, end, rest = b"".join(self._readbuf).partition(b"\n")
        self._readbuf = [rest]
        return line + end

    def shutdown(self) -> None:
        self._file.close()
        self.sock.close()


class Connection(asyncio.Protocol):
    """Stands in for aioimaplib.IMAP4ClientProtocol: what the adapter uses of it."""

    def __init__(self, capabilities: set[str]) -> None:
        self.transport: asyncio.Transport | None = None
        self.state = "NONAUTH"
        self.state_condition = asyncio.Condition()
        self.capabilities = capabilities
        self.pending_sync_command = None
        self.pending_async_commands: dict[str, object] = {}
        self.received: asyncio.Queue[bytes] = asyncio.Queue()
        self.lost = False
        self.asked = 0

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received.put_nowait(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True

    async def capability(self) -> None:
        """Ask, as aioimaplib does."""
        self.asked += 1
        self.capabilities = {"IMAP4rev1", "ASKED"}
