"""The adapter of the standard library's poplib, over loopback sockets."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import poplib
import socket
import threading
from unittest import mock

import sasl_core as sasl
from examples import poplib_login
from sasl_core import profiles
from sasl_core.adapters import blocking
from sasl_core.adapters.poplib import authenticate, login
from sasl_core.protocols.pop3 import Command, Reply, ServerSession

from .._accounts import TOKEN, Application
from ._clients import plain_source
from ._loopback import (
    ALWAYS,
    CLEAR,
    HOST,
    PATIENCE,
    Case,
    Script,
    certificate,
    needs_tls,
    secrets_shown,
)

USER = sasl.Credentials("user", "pencil")
GREETING = b"+OK ready\r\n"
FAST = (1, 1_000_000)  # iterations
NAMELESS = sasl.Channel(False, service="pop")  # the token is for another host


def capa(*names: str) -> bytes:
    """Write a reply to CAPA that offers mechanisms."""
    return f"+OK\r\nSASL {' '.join(names)}\r\n.\r\n".encode()


class Server:
    """Our server, one connection after the other, in a thread."""

    def __init__(self, *, implicit: bool = False, tls=None, **options) -> None:
        self.options = options
        self.implicit, self.tls = implicit, tls
        self.accounts = Application()
        self.sessions: list[ServerSession] = []
        self._listening = socket.create_server((HOST, 0))
        self.port = self._listening.getsockname()[1]
        self._stopped = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop."""
        self._stopped = True
        with socket.socket() as knock:  # wakes accept()
            knock.connect_ex((HOST, self.port))
        self._thread.join(PATIENCE)
        self._listening.close()

    def _run(self) -> None:
        while True:
            sock, _ = self._listening.accept()
            with sock:
                if self._stopped:
                    return
                with contextlib.suppress(OSError):
                    self._serve(sock)

    def _serve(self, sock: socket.socket) -> None:
        channel = CLEAR
        if self.implicit:
            sock = self.tls.wrap_socket(sock, server_side=True)
            channel = channel.over_tls(sock)
        session = ServerSession(channel, starttls=not self.implicit, **self.options)
        self.sessions.append(session)
        blocking.serve(
            session,
            sock,
            self.accounts.settle,
            self._handle,
            greeting=session.greeting(),
            tls=self.tls,
            timeout=PATIENCE,
        )
        sock.close()

    def _handle(self, command: Command, ask: blocking.Ask) -> Reply:
        match command.verb:
            case "STAT":
                return command.ok("1 3")
            case "RETR":
                return command.ok(body=b".x\r\n")
            case "QUIT":
                return command.ok("Bye", close=True)
        return command.err("what?")


class POP3Case(Case):
    def start(self, **options) -> Server:
        server = Server(**options)
        self.addCleanup(server.close)
        return server

    def connect(self, server: Server | Script, host: str = HOST) -> poplib.POP3:
        pop = poplib.POP3(host, server.port, timeout=PATIENCE)
        self.addCleanup(pop.close)
        return pop


class Login(POP3Case):
    def test_every_mechanism(self) -> None:
        for name, credentials in {
            "PLAIN": USER,
            "LOGIN": USER,
            "APOP": USER,
            "CRAM-MD5": USER,
            "SCRAM-SHA-256": USER,
            "XOAUTH2": sasl.Credentials("user", token=TOKEN),
        }.items():
            policy = sasl.Policy(allow=[name], cleartext="always", iterations=FAST)
            server = self.start(policy=policy)
            pop = self.connect(server)
            with self.subTest(name):
                self.assertEqual(login(pop, credentials, policy=policy), name)
                self.assertEqual(server.sessions[0].success.mechanism, name)
                self.assertEqual(pop.stat(), (1, 3))
                self.assertEqual(pop.retr(1)[1], [b".x"])
                self.assertEqual(pop.quit(), b"+OK Bye")

    def test_a_server_without_capa(self) -> None:
        no = b"-ERR what?\r\n"
        server = self.script(GREETING, no, no, b"+OK\r\n", b"+OK\r\n", b"+OK 2 9\r\n")
        pop = self.connect(server)
        self.assertEqual(login(pop, USER, policy=ALWAYS), "PLAIN")
        self.assertEqual(pop.stat(), (2, 9))
        pop.close()
        server.close()
        self.assertEqual(
            server.heard,
            [
                b"CAPA\r\n",
                b"AUTH\r\n",
                b"USER user\r\n",
                b"PASS pencil\r\n",
                b"STAT\r\n",
            ],
        )

    def test_what_poplib_itself_breaks_on(self) -> None:
        """Its `capa` raises UnicodeDecodeError and IndexError for these."""
        listed = b"+OK\r\n\xff\r\n\r\n" + capa("PLAIN")[5:]
        server = self.script(GREETING, listed, b"+OK\r\n", None)
        self.assertEqual(login(self.connect(server), USER, policy=ALWAYS), "PLAIN")

    def test_a_token_is_asked_for_again_when_it_has_expired(self) -> None:
        policy = sasl.Policy(allow=["OAUTHBEARER"], cleartext="always")
        server = self.start(policy=policy)
        asked: list[object] = []
        who = sasl.Credentials("user", token=plain_source(asked))
        name = login(self.connect(server), who, channel=NAMELESS, policy=policy)
        self.assertEqual(name, "OAUTHBEARER")
        self.assertEqual([error and error.scope for error in asked], [None, "mail"])

    def test_non_ascii_names_and_passwords(self) -> None:
        server = self.start(policy=ALWAYS)
        who = sasl.Credentials("jürgen", "pä55 wörd ")
        server.accounts.username, server.accounts.password = "jürgen", "pä55 wörd "
        policy = sasl.Policy(allow=["PLAIN"], cleartext="always")
        login(self.connect(server), who, policy=policy)
        self.assertEqual(server.sessions[0].identity.authcid, "jürgen")

    def test_credentials_that_would_be_commands(self) -> None:
        """CVE-2025-15367."""
        for who in (
            sasl.Credentials("user\r\nDELE 1", "pencil"),
            sasl.Credentials("user", "pencil\r\nDELE 1"),
        ):
            server = self.script(GREETING, b"+OK\r\nUSER\r\n.\r\n", None)
            pop = self.connect(server)
            with self.assertRaises(sasl.CredentialsError):
                login(pop, who, policy=ALWAYS)
            pop.close()
            server.close()
            self.assertEqual(server.heard, [b"CAPA\r\n"])

    def test_no_password_in_the_clear(self) -> None:
        server = self.start(policy=sasl.Policy(cleartext="always", allow=["PLAIN"]))
        with self.assertRaises(sasl.NoMechanism):
            login(self.connect(server), USER)

    def test_a_wrong_password_is_one_attempt(self) -> None:
        server = self.start(policy=ALWAYS)
        pop = self.connect(server)
        wrong = sasl.Credentials("user", "wrong")
        policy = sasl.Policy(cleartext="always", iterations=FAST)
        with self.assertRaises(sasl.AuthenticationError) as caught:
            login(pop, wrong, policy=policy)
        self.assertIs(caught.exception.reason, sasl.Reason.BAD_CREDENTIALS)
        self.assertEqual(len(server.accounts.asked), 1)
        # The connection is as good as before.
        self.assertEqual(login(pop, USER, policy=policy), "SCRAM-SHA-512")

    def test_early_success_is_none(self) -> None:
        server = self.script(GREETING, capa("CRAM-MD5"), b"+OK\r\n", None)
        with self.assertRaises(sasl.ServerNotAuthenticated):
            login(self.connect(server), USER, policy=ALWAYS)

    def test_a_server_that_hangs_up(self) -> None:
        for steps in ((GREETING, None), (GREETING, capa("CRAM-MD5"), None)):
            with self.assertRaises(poplib.error_proto):
                login(self.connect(self.script(*steps)), USER, policy=ALWAYS)

    def test_a_server_that_hangs_up_on_our_cancel(self) -> None:
        server = self.script(GREETING, capa("CRAM-MD5"), b"+ !\r\n", None)
        with self.assertRaises(sasl.ProtocolError) as caught:
            login(self.connect(server), USER, policy=ALWAYS)
        self.assertIsNone(caught.exception.__cause__)

    def test_endless_lines(self) -> None:
        server = self.script(GREETING, b"+OK" + b"A" * 100_000, None)
        with self.assertRaises(sasl.ProtocolError):
            login(self.connect(server), USER, policy=ALWAYS)

    def test_no_secret_is_in_the_traceback(self) -> None:
        who = sasl.Credentials("user", "hunter2")
        for listed in (capa("PLAIN"), capa("CRAM-MD5"), b"+OK\r\nUSER\r\n.\r\n"):
            for last in (b"-ERR no\r\n", b"+ !\r\n", b"what\r\n"):
                server = self.script(GREETING, listed, last, b"-ERR no\r\n", None)
                pop = self.connect(server)
                act = functools.partial(login, pop, who, policy=ALWAYS)
                with self.subTest(listed, last=last):
                    shown = secrets_shown(act, "hunter2", "\0user\0hunter2")
                    self.assertEqual(shown, [])

    def test_the_channel_can_be_said(self) -> None:
        server = self.start(policy=sasl.Policy(cleartext="always", allow=["PLAIN"]))
        pop = self.connect(server)
        self.assertEqual(login(pop, USER, channel=sasl.Channel(True)), "PLAIN")


class TLS(POP3Case):
    def test_after_stls(self) -> None:
        """APOP's timestamp, which came before, counts no more."""
        serving, trusting = needs_tls()
        names = sasl.Policy(allow=["APOP", "PLAIN"])
        server = self.start(tls=serving, policy=names)
        pop = self.connect(server, "localhost")
        self.assertIn(b"@", pop.welcome)
        pop.stls(context=trusting)
        self.assertEqual(login(pop, USER, policy=names), "PLAIN")
        self.assertTrue(server.sessions[0].channel.encrypted)
        self.assertEqual(pop.stat(), (1, 3))

    def test_over_tls_from_the_beginning(self) -> None:
        serving, trusting = needs_tls()
        names = sasl.Policy(allow=["APOP", "PLAIN"])
        server = self.start(tls=serving, implicit=True, policy=names)
        pop = poplib.POP3_SSL("localhost", server.port, context=trusting)
        self.addCleanup(pop.close)
        self.assertEqual(login(pop, USER, policy=names), "APOP")
        self.assertEqual(pop.stat(), (1, 3))

    def example(self, password: str) -> str:
        serving, _ = needs_tls()
        policy = sasl.Policy(allow=["PLAIN"])
        server = self.start(tls=serving, implicit=True, policy=policy)
        shown = io.StringIO()
        with (
            mock.patch.dict(os.environ, SSL_CERT_FILE=str(certificate())),
            mock.patch.object(poplib_login, "getpass", return_value=password),
            contextlib.redirect_stdout(shown),
        ):
            poplib_login.main("localhost", "user", str(server.port))
        return shown.getvalue()

    def test_the_example(self) -> None:
        self.assertEqual(
            self.example("pencil"),
            "1 messages of 3 octets, after a login by PLAIN.\n",
        )
        self.assertIn("bad credentials", self.example("wrong"))


class Authenticate(POP3Case):
    def client(self, password: str) -> sasl.Client:
        return sasl.client(
            "PLAIN",
            sasl.Credentials("user", password),
            channel=sasl.Channel(False),
            policy=ALWAYS,
            profile=profiles.POP3,
        )

    def test_one_mechanism(self) -> None:
        server = self.start(policy=ALWAYS)
        pop = self.connect(server)
        authenticate(pop, self.client("pencil"))
        self.assertEqual(pop.stat(), (1, 3))
        self.assertEqual(server.sessions[0].identity.authcid, "user")

    def test_refused(self) -> None:
        pop = self.connect(self.start(policy=ALWAYS))
        with self.assertRaises(sasl.AuthenticationError):
            authenticate(pop, self.client("wrong"))

    def test_endless_lines(self) -> None:
        server = self.script(GREETING, b"+OK" + b"A" * 100_000, None)
        with self.assertRaises(sasl.ProtocolError):
            authenticate(self.connect(server), self.client("pencil"))

    def test_a_server_that_hangs_up(self) -> None:
        with self.assertRaises(poplib.error_proto):
            authenticate(self.connect(self.script(GREETING, None)), self.client("p"))
