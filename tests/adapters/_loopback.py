"""Servers on 127.0.0.1 for the adapters' tests: ours, and one that follows a script."""

from __future__ import annotations

import asyncio
import atexit
import functools
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import traceback
import unittest
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import sasl_core as sasl
from sasl_core.adapters import blocking, streams
from sasl_core.protocols.smtp import Command, Reply, ServerSession

from .._accounts import Application

HOST = "127.0.0.1"
GREETING = Reply(220, "mail.example.org ESMTP")
CLEAR = sasl.Channel(False, service="smtp", host="localhost")
ALWAYS = sasl.Policy(cleartext="always", iterations=(1, 1_000_000))
PATIENCE = 5.0


@functools.cache
def certificate() -> Path | None:
    """Make a certificate with its key for localhost; None without openssl."""
    if shutil.which("openssl") is None:
        return None
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)
    pem = folder / "localhost.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"),
            *("-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost", "-keyout", pem, "-out", pem),
        ],
        check=True,
        capture_output=True,
    )
    return pem


def needs_tls() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return contexts for a server and a client; skip the test without openssl."""
    pem = certificate()
    if pem is None:
        raise unittest.SkipTest("no openssl program to make a certificate with")
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(pem)
    return serving, ssl.create_default_context(cafile=str(pem))


class Mailbox:
    """The application of a submission server: what it handles, and what it saw."""

    def __init__(self, session: ServerSession) -> None:
        self.session = session
        self.accounts = Application(username="user", password="pencil")
        self.message: list[bytes] = []
        self.commands: list[Command] = []

    def reply(self, command: Command) -> Reply:
        """Answer everything but DATA."""
        self.commands.append(command)
        match command.verb:
            case "EHLO":
                return Reply(250, "mail.example.org", *self.session.keywords())
            case "QUIT":
                return Reply(221, "2.0.0 Bye", close=True)
            case "NOOP" | "MAIL" | "RCPT" | "RSET" | "HELO":
                return Reply(250, "2.0.0 Ok")
        return Reply(500, "5.5.1 What?")

    def handle(self, command: Command, ask: blocking.Ask) -> Reply:
        """Answer a command, for the blocking adapter."""
        if command.verb != "DATA":
            return self.reply(command)
        line = ask(Reply(354, "Go ahead"))
        while line != b".\r\n":
            self.message.append(line)
            line = ask()
        return Reply(250, "2.0.0 Queued")

    async def handle_async(self, command: Command, ask: streams.Ask) -> Reply:
        """Answer a command, for asyncio."""
        if command.verb != "DATA":
            return self.reply(command)
        line = await ask(Reply(354, "Go ahead"))
        while line != b".\r\n":
            self.message.append(line)
            line = await ask()
        return Reply(250, "2.0.0 Queued")

    def answer(self, request: sasl.Request) -> object:
        """Answer a request."""
        return self.accounts.settle(request)

    async def answer_async(self, request: sasl.Request) -> object:
        """Answer a request in a coroutine."""
        await asyncio.sleep(0)
        return self.accounts.settle(request)


class Server:
    """Our server, over either adapter, in a thread; `port` is where it listens."""

    def __init__(self, *, over: str = "streams", **options) -> None:
        self.options = options
        self.mailboxes: list[Mailbox] = []
        self.errors: list[BaseException] = []
        self._ended = threading.Semaphore(0)
        self._listening = socket.create_server((HOST, 0))
        self.port = self._listening.getsockname()[1]
        self._blocks = over == "blocking"
        run = self._blocking if self._blocks else self._streams
        self._threads = [threading.Thread(target=run, daemon=True)]
        self._tasks: set[asyncio.Task[None] | None] = set()
        self._stop = threading.Event()
        self._threads[0].start()

    def wait(self) -> Mailbox:
        """Wait until a connection has been served to its end; return the last one's."""
        if not self._ended.acquire(timeout=PATIENCE):
            raise AssertionError("the server does not come to an end")
        return self.mailboxes[-1]

    def shrink(self) -> None:
        """Give the connections to come small buffers."""
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)

    def close(self) -> None:
        """Stop listening and serving."""
        self._stop.set()
        if self._blocks:
            with socket.socket() as knock:  # wakes accept()
                knock.connect_ex((HOST, self.port))
        for thread in self._threads:
            thread.join(PATIENCE)
        self._listening.close()

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
        names = ("tls", "timeout", "secured")
        given = {name: self.options[name] for name in names if name in self.options}
        return {"greeting": GREETING, "timeout": PATIENCE} | given

    def _streams(self) -> None:
        asyncio.run(self._main())

    async def _main(self) -> None:
        server = await asyncio.start_server(self._connected, sock=self._listening)
        await asyncio.to_thread(self._stop.wait)
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks)

    async def _connected(self, reader, writer) -> None:
        self._tasks.add(asyncio.current_task())
        mailbox = self.mailbox()
        answer = self.options.get("answer") or mailbox.answer
        handle = self.options.get("handle") or mailbox.handle_async
        try:
            await streams.serve(
                mailbox.session, reader, writer, answer, handle, **self.serving()
            )
        except BaseException as error:
            self.errors.append(error)
        finally:
            writer.close()
            self._ended.release()

    def _blocking(self) -> None:
        while not self._stop.is_set():
            sock, _ = self._listening.accept()
            if self._stop.is_set():
                sock.close()
                return
            thread = threading.Thread(target=self._serve, args=[sock], daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        mailbox = self.mailbox()
        answer = self.options.get("answer") or mailbox.answer
        handle = self.options.get("handle") or mailbox.handle
        try:
            with sock:
                blocking.serve(mailbox.session, sock, answer, handle, **self.serving())
        except BaseException as error:
            self.errors.append(error)
        finally:
            self._ended.release()


class Script:
    """A server that says what it was told to, whatever it hears.

    Each step is what it sends; after each but the last it waits for a line. None: close.
    """

    def __init__(self, *steps: bytes | None) -> None:
        self.heard: list[bytes] = []
        self._steps = steps
        self._listening = socket.create_server((HOST, 0))
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        sock, _ = self._listening.accept()
        sock.settimeout(PATIENCE)
        with sock, sock.makefile("rb") as file:
            for step in self._steps:
                if step is None:
                    return
                sock.sendall(step)
                try:
                    line = file.readline()
                except OSError:
                    return
                if not line:
                    return
                self.heard.append(line)

    def close(self) -> None:
        """Wait until it has come to its end."""
        self._thread.join(PATIENCE)
        self._listening.close()


def connect(port: int) -> socket.socket:
    """Connect to a server here."""
    return socket.create_connection((HOST, port), timeout=PATIENCE)


class Talk:
    """A client by hand: lines out, replies in."""

    def __init__(self, port: int) -> None:
        self.sock = connect(port)
        self.file = self.sock.makefile("rb")

    def send(self, octets: bytes) -> None:
        """Send octets as they are."""
        self.sock.sendall(octets)

    def reply(self) -> bytes:
        """Return one reply, all its lines."""
        lines = [self.file.readline()]
        while lines[-1][3:4] == b"-":
            lines.append(self.file.readline())
        return b"".join(lines)

    def say(self, line: bytes) -> bytes:
        """Send a line; return the reply."""
        self.send(line + b"\r\n")
        return self.reply()

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Shake hands."""
        self.file.close()
        self.sock = context.wrap_socket(self.sock, server_hostname="localhost")
        self.file = self.sock.makefile("rb")

    def close(self) -> None:
        """Hang up."""
        self.file.close()
        self.sock.close()


def secrets_shown(act: Callable[[], object], *secrets: str) -> list[str]:
    """Return where a secret, or its base64, is in the traceback of what `act` raises."""
    try:
        act()
    except sasl.SASLError as error:  # assertRaises would clear the frames
        return _secrets_in(error, *secrets)
    raise AssertionError("it raises nothing")


def _secrets_in(error: BaseException, *secrets: str) -> list[str]:
    wanted = [*secrets, *(b64encode(secret.encode()).decode() for secret in secrets)]
    found = []
    pending: list[BaseException | None] = [error]
    while pending:
        one = pending.pop()
        if one is None:
            continue
        pending += [one.__cause__, one.__context__]
        for frame, _ in traceback.walk_tb(one.__traceback__):
            if "sasl_core" in Path(frame.f_code.co_filename).parts:
                shown = {name: repr(value) for name, value in frame.f_locals.items()}
                found += [
                    f"{frame.f_code.co_qualname}: {name}"
                    for name, text in shown.items()
                    if any(secret in text for secret in wanted)
                ]
    return found


class Case(unittest.TestCase):
    """Start servers and clients that are gone after the test."""

    def serve(self, **options) -> Server:
        """Start our server."""
        server = Server(**options)
        self.addCleanup(server.close)
        return server

    def script(self, *steps: bytes | None) -> Script:
        """Start a server that follows a script."""
        server = Script(*steps)
        self.addCleanup(server.close)
        return server

    def talk(self, server: Server) -> Talk:
        """Connect by hand, up to the greeting."""
        talk = Talk(server.port)
        self.addCleanup(talk.close)
        self.assertEqual(talk.reply(), bytes(GREETING))
        return talk
