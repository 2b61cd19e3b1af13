"""The adapter of the standard library's imaplib, over loopback sockets."""

from __future__ import annotations

import contextlib
import functools
import imaplib
import io
from unittest import mock

import sasl_core as sasl
from examples import imaplib_login
from sasl_core import profiles
from sasl_core.adapters.imaplib import authenticate, login

from ._imap import TOKEN, Case, Server, greeting
from ._loopback import ALWAYS, HOST, Script, needs_tls, secrets_shown

USER = sasl.Credentials("user", "pencil")
PLAIN = sasl.Policy(cleartext="always", allow=["PLAIN"])
NAMELESS = sasl.Channel(False, service="imap")  # the token is for another host
MESSAGE = b"AHVzZXIAcGVuY2ls"


def close(imap: imaplib.IMAP4) -> None:
    """Hang up, even after a logout."""
    with contextlib.suppress(OSError):
        imap.shutdown()


class ImapScript(Script):
    """A script that answers imaplib's own commands, whose tags nobody knows before."""

    def __init__(self, words: str, *steps: bytes | None) -> None:
        self.words = words
        super().__init__(*steps)

    def _run(self) -> None:
        sock, _ = self._listening.accept()
        sock.settimeout(5)
        steps = list(self._steps)
        with sock, sock.makefile("rb") as file:
            sock.sendall(greeting(self.words))
            while line := self._line(file):
                tag, _, rest = line.partition(b" ")
                if rest.startswith((b"CAPABILITY", b"NOOP")):
                    told = f"* CAPABILITY IMAP4rev1 {self.words}\r\n".encode()
                    sock.sendall(told + tag + b" OK done\r\n")
                    continue
                self.heard.append(line)
                step = steps.pop(0) if steps else None
                if step is None:
                    return
                sock.sendall(step)

    def _line(self, file) -> bytes:
        try:
            return file.readline()
        except OSError:
            return b""


class IMAPCase(Case):
    def connect(self, server: Server | Script) -> imaplib.IMAP4:
        imap = imaplib.IMAP4(HOST, server.port, timeout=5)
        self.addCleanup(close, imap)
        return imap

    def script(self, words: str, *steps: bytes | None) -> ImapScript:
        server = ImapScript(words, *steps)
        self.addCleanup(server.close)
        return server

    def assert_raises(self, kind: type[Exception], words: str, *steps, **options):
        server = self.script(words, *steps)
        imap = self.connect(server)
        with self.assertRaises(kind) as caught:
            login(imap, USER, **{"policy": ALWAYS} | options)
        self.assertEqual(imap.state, "NONAUTH")
        return server, caught.exception


class Login(IMAPCase):
    def test_every_mechanism(self) -> None:
        token = sasl.Credentials("user", token=TOKEN)
        for name, credentials in {
            "PLAIN": USER,
            "LOGIN": USER,
            "CRAM-MD5": USER,
            "SCRAM-SHA-256": USER,
            "XOAUTH2": token,
        }.items():
            policy = sasl.Policy(allow=[name], cleartext="always", iterations=(1, 5000))
            server = self.serve(policy=policy)
            imap = self.connect(server)
            with self.subTest(name):
                self.assertEqual(login(imap, credentials, policy=policy), name)
                self.assertEqual(imap.state, "AUTH")
                self.assertEqual(imap.select()[0], "OK")
                imap.logout()
                success = server.wait().session.success
                self.assertEqual(success.mechanism, name)

    def test_the_login_command(self) -> None:
        # RFC 3501, section 6.2.3: where the server has no mechanism of ours.
        who = sasl.Credentials("jürgen", "pä55wörd")
        steps = (b"+ go\r\n", b"+ go\r\n", b"A1 OK in\r\n")
        server = self.script("AUTH=X-OWN", *steps)
        imap = self.connect(server)
        self.assertEqual(login(imap, who, policy=ALWAYS), "PLAIN")
        self.assertEqual(server.heard[0], b"A1 LOGIN {7}\r\n")
        self.assertEqual(server.heard[2], "pä55wörd\r\n".encode())

    def test_non_ascii_names_and_passwords(self) -> None:
        server = self.serve(policy=PLAIN)
        imap = self.connect(server)
        accounts = server.mailboxes[0].accounts
        accounts.username, accounts.password = "jürgen", "pä55wörd"
        login(imap, sasl.Credentials("jürgen", "pä55wörd"), policy=PLAIN)
        self.assertEqual(server.mailboxes[0].session.identity.authcid, "jürgen")

    def test_the_initial_response(self) -> None:
        off = profiles.IMAP.replace(initial_response=False)
        line = b"A1 AUTHENTICATE PLAIN"
        for words, options, heard in (
            ("SASL-IR AUTH=PLAIN", {}, [line + b" " + MESSAGE]),
            ("AUTH=PLAIN", {}, [line, MESSAGE]),
            ("SASL-IR AUTH=PLAIN", {"profile": off}, [line, MESSAGE]),
        ):
            steps = [b"+ \r\n"] * (len(heard) - 1)
            server = self.script(words, *steps, b"A1 OK in\r\n")
            login(self.connect(server), USER, policy=PLAIN, **options)
            with self.subTest(words, **options):
                self.assertEqual(server.heard, [line + b"\r\n" for line in heard])

    def test_capabilities_after_it(self) -> None:
        for last, found in {
            b"A1 OK [CAPABILITY IMAP4rev1 move] in\r\n": ("IMAP4REV1", "MOVE"),
            b"* CAPABILITY MOVE\r\n* OK news\r\nA1 OK in\r\n": ("MOVE",),
            b"A1 OK in\r\n": ("IMAP4REV1", "SASL-IR", "AUTH=PLAIN"),
        }.items():
            imap = self.connect(self.script("SASL-IR AUTH=PLAIN", last))
            login(imap, USER, policy=PLAIN)
            with self.subTest(last):
                self.assertEqual(imap.capabilities, found)
                self.assertNotIn("CAPABILITY", imap.untagged_responses)

    def test_a_token_from_a_source(self) -> None:
        server = self.serve(policy=ALWAYS)
        tokens = ["old", TOKEN]
        told = []

        def source(error: sasl.TokenError | None) -> str:
            told.append(error and error.status)
            return tokens.pop(0)

        who = sasl.Credentials("user", token=source)
        name = login(self.connect(server), who, channel=NAMELESS, policy=ALWAYS)
        self.assertEqual(name, "OAUTHBEARER")
        self.assertEqual(told, [None, "invalid_token"])

    def test_a_source_that_needs_asyncio(self) -> None:
        async def source(error: sasl.TokenError | None) -> str:
            return TOKEN

        who = sasl.Credentials("user", token=source)
        imap = self.connect(self.serve(policy=ALWAYS))
        with self.assertRaises(sasl.StateError):
            login(imap, who, policy=ALWAYS)
        self.assertEqual(imap.noop()[0], "OK")  # nothing was said

    def test_imaplibs_own_is_not_used(self) -> None:
        imap = self.connect(self.serve(policy=ALWAYS))
        with (
            mock.patch.object(imap, "authenticate", side_effect=AssertionError),
            mock.patch.object(imap, "login", side_effect=AssertionError),
        ):
            login(imap, USER, policy=ALWAYS)

    def test_the_channel_can_be_said(self) -> None:
        imap = self.connect(self.serve(policy=PLAIN))
        self.assertEqual(login(imap, USER, channel=sasl.Channel(True)), "PLAIN")


class Refusals(IMAPCase):
    def test_no_password_in_the_clear(self) -> None:
        imap = self.connect(self.serve(policy=PLAIN))
        with self.assertRaises(sasl.NoMechanism):
            login(imap, USER)
        self.assertEqual(imap.noop()[0], "OK")

    def test_a_wrong_password_is_one_attempt(self) -> None:
        server = self.serve(policy=ALWAYS)
        imap = self.connect(server)
        policy = sasl.Policy(
            cleartext="always", deny=["CRAM-MD5"], iterations=(1, 5000)
        )
        with self.assertRaises(sasl.AuthenticationError) as caught:
            login(imap, sasl.Credentials("user", "wrong"), policy=policy)
        self.assertIs(caught.exception.reason, sasl.Reason.BAD_CREDENTIALS)
        self.assertEqual(len(server.mailboxes[0].accounts.asked), 1)
        login(imap, USER, policy=policy)  # the connection is none the worse
        self.assertEqual(imap.state, "AUTH")

    def test_the_servers_reason(self) -> None:
        _, error = self.assert_raises(
            sasl.AuthenticationError, "AUTH=PLAIN", b"A1 NO [EXPIRED] \x1b old\r\n"
        )
        self.assertIs(error.reason, sasl.Reason.PASSWORD_EXPIRED)
        self.assertEqual(error.reply, "NO [EXPIRED] ? old")

    def test_an_unsupported_mechanism_moves_on(self) -> None:
        server = self.script(
            "AUTH=CRAM-MD5 AUTH=PLAIN SASL-IR",
            b"A1 NO [CANNOT] no\r\n",
            b"A2 OK in\r\n",
        )
        self.assertEqual(login(self.connect(server), USER, policy=ALWAYS), "PLAIN")

    def test_early_success_is_none(self) -> None:
        self.assert_raises(
            sasl.ServerNotAuthenticated, "AUTH=CRAM-MD5", b"A1 OK in\r\n"
        )

    def test_lenient_base64_is_not_answered(self) -> None:
        server, _ = self.assert_raises(
            sasl.ProtocolError,
            "AUTH=CRAM-MD5",
            b"+ PDF\tAeD4=\r\n",
            b"A1 BAD cancelled\r\n",
        )
        self.assertEqual(server.heard[-1], b"*\r\n")

    def test_no_response_to_this_command(self) -> None:
        for line in (b"A2 OK in\r\n", b"\r\n", b"OK\r\n"):
            with self.subTest(line):
                self.assert_raises(sasl.ProtocolError, "AUTH=CRAM-MD5", line)

    def test_an_endless_response(self) -> None:
        endless = b"* 1 EXISTS\r\n" * 10_000
        self.assert_raises(sasl.ProtocolError, "AUTH=CRAM-MD5", endless)

    def test_a_server_that_hangs_up(self) -> None:
        self.assert_raises(imaplib.IMAP4.abort, "AUTH=CRAM-MD5", None)
        _, error = self.assert_raises(
            imaplib.IMAP4.abort, "AUTH=CRAM-MD5", b"* BYE \x1b later\r\n"
        )
        self.assertEqual(str(error), "BYE ? later")

    def test_a_server_that_hangs_up_on_our_cancel(self) -> None:
        for last in (None, b"* BYE nonsense\r\n"):
            _, error = self.assert_raises(
                sasl.ProtocolError, "AUTH=CRAM-MD5", b"+ !\r\n", last
            )
            self.assertIsNone(error.__cause__)

    def test_only_before_a_login(self) -> None:
        imap = self.connect(self.serve(policy=ALWAYS))
        login(imap, USER, policy=ALWAYS)
        with self.assertRaises(sasl.StateError):
            login(imap, USER, policy=ALWAYS)

    def test_no_secret_is_in_the_traceback(self) -> None:
        who = sasl.Credentials("user", "hunter2")
        for last in (b"A1 NO no\r\n", b"+ !\r\n", b"x\r\n"):
            for words in ("AUTH=PLAIN SASL-IR", "AUTH=CRAM-MD5", "AUTH=LOGIN", ""):
                server = self.script(words, last, b"A1 BAD no\r\n", b"A1 BAD no\r\n")
                imap = self.connect(server)
                act = functools.partial(login, imap, who, policy=ALWAYS)
                with self.subTest(last, words=words):
                    shown = secrets_shown(act, "hunter2", "\0user\0hunter2")
                    self.assertEqual(shown, [])

    def test_nothing_of_it_is_in_the_debug_output(self) -> None:
        imap = self.connect(self.serve(policy=PLAIN))
        imap.debug = 9
        with mock.patch.object(imap, "_mesg") as said:
            login(imap, USER, policy=PLAIN)
        shown = str(said.mock_calls)
        self.assertNotIn("pencil", shown)
        self.assertNotIn(MESSAGE.decode(), shown)


class TLS(IMAPCase):
    def test_after_starttls(self) -> None:
        serving, trusting = needs_tls()
        policy = sasl.Policy(allow=["PLAIN"])
        server = self.serve(tls=serving, starttls=True, policy=policy)
        imap = imaplib.IMAP4("localhost", server.port, timeout=5)
        self.addCleanup(close, imap)
        imap.starttls(trusting)
        self.assertEqual(login(imap, USER), "PLAIN")
        self.assertTrue(server.mailboxes[-1].session.channel.encrypted)

    def test_binds_to_the_channel(self) -> None:
        serving, trusting = needs_tls()
        der = trusting.get_ca_certs(binary_form=True)[0]
        server = self.serve(
            tls=serving,
            starttls=True,
            secured=lambda tls: sasl.Channel.from_ssl(tls, certificate=der),
        )
        imap = imaplib.IMAP4("localhost", server.port, timeout=5)
        self.addCleanup(close, imap)
        imap.starttls(trusting)
        name = login(imap, USER, policy=sasl.Policy(iterations=(1, 5000)))
        self.assertEqual(name, "SCRAM-SHA-512-PLUS")
        self.assertTrue(server.mailboxes[-1].session.success.bound)


class Authenticate(IMAPCase):
    def client(self, password: str) -> sasl.Client:
        return sasl.client(
            "PLAIN",
            sasl.Credentials("user", password),
            channel=sasl.Channel(False),
            policy=ALWAYS,
            profile=profiles.IMAP,
        )

    def test_one_mechanism(self) -> None:
        server = self.serve(policy=ALWAYS)
        imap = self.connect(server)
        authenticate(imap, self.client("pencil"))
        self.assertEqual(server.mailboxes[0].session.identity.authcid, "user")
        self.assertEqual(imap.capabilities, ("IMAP4REV1",))

    def test_without_sasl_ir(self) -> None:
        server = self.script("AUTH=PLAIN", b"+\r\n", b"A1 OK in\r\n")
        authenticate(self.connect(server), self.client("pencil"))
        self.assertEqual(server.heard[-1], MESSAGE + b"\r\n")

    def test_refused(self) -> None:
        imap = self.connect(self.serve(policy=ALWAYS))
        with self.assertRaises(sasl.AuthenticationError):
            authenticate(imap, self.client("wrong"))
        self.assertEqual(imap.state, "NONAUTH")


class Example(IMAPCase):
    """`examples.imaplib_login`."""

    def run_it(self, password: str) -> str:
        serving, trusting = needs_tls()
        policy = sasl.Policy(allow=["PLAIN"])
        server = self.serve(tls=serving, starttls=True, policy=policy)
        with (
            mock.patch.object(imaplib_login, "getpass", return_value=password),
            mock.patch("ssl.create_default_context", return_value=trusting),
            contextlib.redirect_stdout(io.StringIO()) as shown,
        ):
            imaplib_login.main("localhost", "user", str(server.port))
        return shown.getvalue()

    def test_right_and_wrong(self) -> None:
        self.assertEqual(self.run_it("pencil"), "0 messages, after a login by PLAIN.\n")
        self.assertIn("bad credentials", self.run_it("wrong"))
