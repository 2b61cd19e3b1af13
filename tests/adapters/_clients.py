"""What is true of both adapters that drive a client's session, asyncio's and blocking.

The class is mixed into test cases, each of which names its adapter.
"""

from __future__ import annotations

import functools
import ssl

import sasl_core as sasl
from sasl_core.protocols.smtp import ClientSession

from .._accounts import TOKEN
from ._loopback import ALWAYS, CLEAR, needs_tls, secrets_shown

USER = sasl.Credentials("user", "pencil")
GREETING = b"220 mail.example.com ESMTP\r\n"
STARTTLS = b"250-x\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n"


def session(on: sasl.Channel = CLEAR, **options) -> ClientSession:
    """Make a client, which does without TLS unless told otherwise."""
    options = {"starttls": "never", "policy": ALWAYS} | options
    return ClientSession(options.pop("credentials", USER), channel=on, **options)


def plain_source(asked):
    """Make a plain function that gives an expired token, and then a good one."""

    def source(error):
        asked.append(error)
        return TOKEN if error else "expired"

    return source


def coroutine_source(asked):
    """Make a coroutine function that does the same."""
    plain = plain_source(asked)

    async def source(error):
        return plain(error)

    return source


class Clients:
    """`self.login(session, port)` logs in by the adapter under test."""

    over = ""
    sources = (plain_source,)

    def test_every_mechanism(self) -> None:
        for name in ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"):
            policy = sasl.Policy(allow=[name], cleartext="always", iterations=(1, 5000))
            server = self.serve(over=self.over, policy=policy)
            client = session(policy=policy)
            with self.subTest(name):
                self.login(client, server.port)
                self.assertTrue(client.authenticated)
                self.assertEqual(server.wait().session.success.mechanism, name)

    def test_a_wrong_password_is_one_attempt(self) -> None:
        server = self.serve(over=self.over, policy=ALWAYS)
        wrong = sasl.Credentials("user", "wrong")
        policy = sasl.Policy(cleartext="always", allow=["PLAIN", "LOGIN"])
        with self.assertRaises(sasl.AuthenticationError):
            self.login(session(credentials=wrong, policy=policy), server.port)
        self.assertEqual(server.wait().accounts.asked, ["CheckPassword"])

    def test_a_token_is_asked_for_again_when_it_has_expired(self) -> None:
        for name in ("OAUTHBEARER", "XOAUTH2"):
            policy = sasl.Policy(cleartext="always", allow=[name])
            for source in self.sources:
                asked: list[object] = []
                who = sasl.Credentials("user", token=source(asked))
                server = self.serve(over=self.over, policy=policy)
                client = session(CLEAR.replace(host=""), credentials=who, policy=policy)
                with self.subTest(name, source=source.__name__):
                    self.login(client, server.port)
                    self.assertEqual(server.wait().session.success.mechanism, name)
                    self.assertIsNone(asked[0])
                    self.assertIn(asked[1].status, ("invalid_token", "401"))
                    self.assertEqual(len(asked), 2)

    def test_a_source_that_fails_is_heard(self) -> None:
        def source(error):
            raise LookupError("no consent")

        policy = sasl.Policy(cleartext="always", allow=["XOAUTH2"])
        server = self.serve(over=self.over, policy=policy)
        who = sasl.Credentials("user", token=source)
        with self.assertRaises(LookupError):
            self.login(session(credentials=who, policy=policy), server.port)

    def test_no_secret_is_in_the_traceback(self) -> None:
        who = sasl.Credentials("user", "hunter2")
        plain = sasl.Policy(cleartext="always", allow=["PLAIN"])
        for last in (b"535 no\r\n", b"334 !\r\n", b"235 a\r\n235 b\r\n", b"???\r\n"):
            for policy in (ALWAYS, plain):
                offer = b"250-x\r\n250 AUTH PLAIN CRAM-MD5\r\n"
                server = self.script(GREETING, offer, last, b"501 no\r\n", None)
                client = session(credentials=who, policy=policy)
                act = functools.partial(self.login, client, server.port)
                with self.subTest(last, policy=policy):
                    shown = secrets_shown(act, "hunter2", "\0user\0hunter2")
                    self.assertEqual(shown, [])

    def test_no_password_just_sent_is_in_the_traceback(self) -> None:
        offer = b"250-x\r\n250 AUTH LOGIN\r\n"
        server = self.script(
            GREETING, offer, b"334 \r\n", b"334 \r\n", b"535 no\r\n", None
        )
        client = session(credentials=sasl.Credentials("user", "hunter2"))
        act = functools.partial(self.login, client, server.port)
        self.assertEqual(secrets_shown(act, "hunter2"), [])

    def test_starttls(self) -> None:
        serving, trusting = needs_tls()
        server = self.serve(
            over=self.over,
            tls=serving,
            starttls=True,
            policy=sasl.Policy(allow=["PLAIN"]),
        )
        client = session(starttls="require", policy=sasl.Policy())
        self.login(client, server.port, tls=trusting)
        self.assertEqual(client.channel.host, "localhost")
        self.assertTrue(client.channel.encrypted)
        self.assertTrue(client.channel.bindings)
        self.assertTrue(server.wait().session.success)

    def test_a_certificate_that_nobody_vouches_for(self) -> None:
        serving, _ = needs_tls()
        server = self.serve(over=self.over, tls=serving, starttls=True)
        client = session(starttls="require")
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.login(client, server.port)
        self.assertFalse(client.authenticated)
        self.assertIsNone(server.wait().session.identity)

    def test_a_reply_injected_behind_the_220(self) -> None:
        _, trusting = needs_tls()
        injected = b"220 go\r\n250-x\r\n250 AUTH PLAIN\r\n"
        server = self.script(GREETING, STARTTLS, injected, None)
        with self.assertRaises(sasl.ProtocolError):
            self.login(session(starttls="require"), server.port, tls=trusting)
        self.assertNotIn(b"AUTH", b"".join(server.heard))

    def test_the_end_of_the_connection(self) -> None:
        server = self.script(GREETING, b"250-x\r\n250 AUTH PLAIN\r\n", None)
        with self.assertRaises(sasl.AuthenticationError) as caught:
            self.login(session(), server.port)
        self.assertIs(caught.exception.reason, sasl.Reason.UNAVAILABLE)

    def test_the_end_of_the_connection_after_our_cancel(self) -> None:
        offer = b"250-x\r\n250 AUTH CRAM-MD5\r\n"
        server = self.script(GREETING, offer, b"334 !\r\n", None)
        with self.assertRaises(sasl.ProtocolError):
            self.login(session(), server.port)
        self.assertEqual(server.heard[-1], b"*\r\n")

    def test_a_server_that_says_nothing(self) -> None:
        server = self.script(b"", None)
        with self.assertRaises(TimeoutError):
            self.login(session(), server.port, timeout=0.05)

    def test_an_endless_reply(self) -> None:
        server = self.script(b"220-" + b"x" * 200_000, None)
        with self.assertRaises(sasl.ProtocolError):
            self.login(session(), server.port)
