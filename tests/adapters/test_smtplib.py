"""The adapter of the standard library's smtplib, over loopback sockets."""

from __future__ import annotations

import functools
import smtplib
from base64 import b64encode
from unittest import mock

import sasl_core as sasl
from sasl_core import profiles
from sasl_core.adapters import smtplib as adapter
from sasl_core.adapters.smtplib import authenticate, login
from sasl_core.protocols import quirks

from ._clients import plain_source
from ._loopback import ALWAYS, HOST, Case, Script, Server, needs_tls, secrets_shown

USER = sasl.Credentials("user", "pencil")
GREETING = b"220 mail.example.com ESMTP\r\n"


def ehlo(*names: str) -> bytes:
    """Write a reply to EHLO that offers mechanisms."""
    return f"250-mail.example.com\r\n250 AUTH {' '.join(names)}\r\n".encode()


class SMTPCase(Case):
    def connect(self, server: Server | Script) -> smtplib.SMTP:
        smtp = smtplib.SMTP(HOST, server.port, "client.example", timeout=5)
        self.addCleanup(smtp.close)
        return smtp


class Login(SMTPCase):
    def test_every_mechanism(self) -> None:
        for name, credentials in {
            "PLAIN": USER,
            "LOGIN": USER,
            "CRAM-MD5": USER,
            "SCRAM-SHA-256": USER,
            "XOAUTH2": sasl.Credentials(
                "user", token="vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="
            ),
        }.items():
            policy = sasl.Policy(allow=[name], cleartext="always", iterations=(1, 5000))
            server = self.serve(policy=policy)
            smtp = self.connect(server)
            with self.subTest(name):
                self.assertEqual(login(smtp, credentials, policy=policy), name)
                self.assertEqual(smtp.noop()[0], 250)
                smtp.quit()
                success = server.wait().session.success
                self.assertEqual(success.mechanism, name)

    def test_a_message_goes_out_after_it(self) -> None:
        server = self.serve(policy=ALWAYS, require_auth=True)
        smtp = self.connect(server)
        login(smtp, USER, policy=ALWAYS)
        smtp.sendmail("a@example.org", ["b@example.org"], "Subject: x\n\n.y\n")
        smtp.quit()
        self.assertEqual(server.wait().message[-1], b"..y\r\n")

    def test_a_token_is_asked_for_again_when_it_has_expired(self) -> None:
        policy = sasl.Policy(allow=["XOAUTH2", "OAUTHBEARER"], cleartext="always")
        server = self.serve(policy=policy)
        asked: list[object] = []
        who = sasl.Credentials("user", token=plain_source(asked))
        nowhere = sasl.Channel(False, service="smtp")  # or the token is for this host
        name = login(self.connect(server), who, channel=nowhere, policy=policy)
        self.assertEqual(name, "OAUTHBEARER")
        self.assertEqual([error and error.scope for error in asked], [None, "mail"])

    def test_an_expired_token_from_a_source_that_has_no_other(self) -> None:
        policy = sasl.Policy(allow=["XOAUTH2", "OAUTHBEARER"], cleartext="always")
        server = self.serve(policy=policy)
        who = sasl.Credentials("user", token=lambda error: "expired")
        smtp = self.connect(server)
        with self.assertRaises(sasl.AuthenticationError) as caught:
            login(smtp, who, policy=policy)
        self.assertEqual(caught.exception.token_error.status, "invalid_token")
        self.assertEqual(caught.exception.tried, ("OAUTHBEARER",))
        asked = server.mailboxes[0].accounts.asked
        self.assertEqual(asked, ["CheckToken"])

    def test_non_ascii_names_and_passwords(self) -> None:
        server = self.serve(policy=ALWAYS)
        who = sasl.Credentials("jürgen", "pä55wörd")
        smtp = self.connect(server)
        accounts = server.mailboxes[0].accounts
        accounts.username, accounts.password = who.username, who.password
        login(
            smtp,
            who,
            policy=sasl.Policy(
                cleartext="always", deny=["CRAM-MD5"], iterations=(1, 5000)
            ),
        )
        self.assertEqual(server.mailboxes[0].session.identity.authcid, "jürgen")

    def test_a_server_that_says_go_ahead(self) -> None:
        strict = quirks.NO_INITIAL_RESPONSE.apply(profiles.SMTP)
        lenient = quirks.OPENING_TEXT.apply(strict)
        for given, outcome in ((lenient, "PLAIN"), (strict, None)):
            server = self.script(
                GREETING, ehlo("PLAIN"), b"334 Go ahead.\r\n", b"235 ok\r\n", None
            )
            smtp = self.connect(server)
            with self.subTest(outcome):
                if outcome is None:
                    with self.assertRaises(sasl.ProtocolError):
                        login(smtp, USER, policy=ALWAYS, profile=given)
                    self.assertEqual(server.heard[-1], b"*\r\n")
                else:
                    name = login(smtp, USER, policy=ALWAYS, profile=given)
                    self.assertEqual(name, outcome)
                    self.assertEqual(server.heard[-1], b"AHVzZXIAcGVuY2ls\r\n")

    def test_an_empty_initial_response(self) -> None:
        server = self.script(GREETING, ehlo("EXTERNAL"), b"235 ok\r\n", None)
        login(self.connect(server), sasl.Credentials())
        self.assertEqual(server.heard[-1], b"AUTH EXTERNAL =\r\n")

    def test_a_long_initial_response_is_held_back(self) -> None:
        server = self.script(
            GREETING, ehlo("PLAIN"), b"334 \r\n", b"235 2.7.0 ok\r\n", None
        )
        who = sasl.Credentials("user", "p" * 600)
        login(self.connect(server), who, policy=ALWAYS)
        self.assertEqual(server.heard[-2], b"AUTH PLAIN\r\n")
        self.assertEqual(
            server.heard[-1], b64encode(b"\0user\0" + b"p" * 600) + b"\r\n"
        )

    def test_the_old_form_of_the_keyword(self) -> None:
        server = self.script(
            GREETING, b"250-x\r\n250 AUTH=PLAIN\r\n", b"235 ok\r\n", None
        )
        self.assertEqual(login(self.connect(server), USER, policy=ALWAYS), "PLAIN")

    def test_no_password_in_the_clear(self) -> None:
        server = self.serve(policy=sasl.Policy(cleartext="always", allow=["PLAIN"]))
        with self.assertRaises(sasl.NoMechanism):
            login(self.connect(server), USER)

    def test_a_server_without_esmtp(self) -> None:
        server = self.script(
            GREETING, b"502-no\r\n502 AUTH PLAIN\r\n", b"250 hello\r\n", None
        )
        with self.assertRaises(sasl.NoMechanism):
            login(self.connect(server), USER, policy=ALWAYS)

    def test_a_wrong_password_is_one_attempt(self) -> None:
        server = self.serve(policy=ALWAYS)
        smtp = self.connect(server)
        wrong = sasl.Credentials("user", "wrong")
        policy = sasl.Policy(
            cleartext="always", deny=["CRAM-MD5"], iterations=(1, 5000)
        )
        with self.assertRaises(sasl.AuthenticationError) as caught:
            login(smtp, wrong, policy=policy)
        self.assertIs(caught.exception.reason, sasl.Reason.BAD_CREDENTIALS)
        self.assertEqual(len(server.mailboxes[0].accounts.asked), 1)

    def test_an_unsupported_mechanism_moves_on(self) -> None:
        server = self.script(
            GREETING, ehlo("CRAM-MD5", "PLAIN"), b"504 no\r\n", b"235 ok\r\n", None
        )
        self.assertEqual(login(self.connect(server), USER, policy=ALWAYS), "PLAIN")

    def test_503_is_not_success(self) -> None:
        server = self.script(GREETING, ehlo("PLAIN"), b"503 already\r\n", None)
        with self.assertRaises(sasl.AuthenticationError):
            login(self.connect(server), USER, policy=ALWAYS)

    def test_early_success_is_none(self) -> None:
        server = self.script(GREETING, ehlo("CRAM-MD5"), b"235 ok\r\n", None)
        with self.assertRaises(sasl.ServerNotAuthenticated):
            login(self.connect(server), USER, policy=ALWAYS)

    def test_lenient_base64_is_not_answered(self) -> None:
        server = self.script(
            GREETING, ehlo("CRAM-MD5"), b"334 PDF\tAeD4=\r\n", b"501 ok\r\n", None
        )
        with self.assertRaises(sasl.ProtocolError):
            login(self.connect(server), USER, policy=ALWAYS)
        self.assertEqual(server.heard[-1], b"*\r\n")

    def test_a_server_that_hangs_up_on_our_cancel(self) -> None:
        server = self.script(GREETING, ehlo("CRAM-MD5"), b"334 !\r\n", None)
        with self.assertRaises(sasl.ProtocolError) as caught:
            login(self.connect(server), USER, policy=ALWAYS)
        self.assertIsNone(caught.exception.__cause__)

    def test_a_server_that_hangs_up(self) -> None:
        server = self.script(GREETING, ehlo("CRAM-MD5"), None)
        with self.assertRaises(smtplib.SMTPServerDisconnected):
            login(self.connect(server), USER, policy=ALWAYS)

    def test_no_secret_is_in_the_traceback(self) -> None:
        who = sasl.Credentials("user", "hunter2")
        for last in (b"535 no\r\n", b"334 !\r\n", b"250 no\r\n"):
            for name in ("PLAIN", "CRAM-MD5", "LOGIN"):
                server = self.script(GREETING, ehlo(name), last, b"501 no\r\n", None)
                smtp = self.connect(server)
                act = functools.partial(login, smtp, who, policy=ALWAYS)
                with self.subTest(last, name=name):
                    shown = secrets_shown(act, "hunter2", "\0user\0hunter2")
                    self.assertEqual(shown, [])

    def test_no_password_just_sent_is_in_the_traceback(self) -> None:
        replies = ehlo("LOGIN"), b"334 \r\n", b"334 \r\n", b"535 no\r\n"
        smtp = self.connect(self.script(GREETING, *replies, None))
        who = sasl.Credentials("user", "hunter2")
        act = functools.partial(login, smtp, who, policy=ALWAYS)
        self.assertEqual(secrets_shown(act, "hunter2"), [])

    def test_smtplibs_own_is_not_used(self) -> None:
        server = self.serve(policy=ALWAYS)
        smtp = self.connect(server)
        with (
            mock.patch.object(smtp, "auth", side_effect=AssertionError),
            mock.patch.object(smtp, "login", side_effect=AssertionError),
        ):
            login(smtp, USER, policy=ALWAYS)

    def test_the_channel_can_be_said(self) -> None:
        server = self.serve(policy=sasl.Policy(cleartext="always", allow=["PLAIN"]))
        smtp = self.connect(server)
        self.assertEqual(login(smtp, USER, channel=sasl.Channel(True)), "PLAIN")

    def test_the_servers_name_is_known_without_tls(self) -> None:
        policy = sasl.Policy(allow=["DIGEST-MD5"])
        smtp = self.connect(self.serve(policy=policy))
        with mock.patch.object(adapter, "Attempts", side_effect=OSError) as attempts:
            self.assertRaises(OSError, login, smtp, USER, policy=policy)
        self.assertEqual(
            attempts.call_args.kwargs["channel"],
            sasl.Channel(False, service="smtp", host=HOST),
        )


class StartTLS(SMTPCase):
    def test_after_starttls(self) -> None:
        serving, trusting = needs_tls()
        server = self.serve(
            tls=serving, starttls=True, policy=sasl.Policy(allow=["PLAIN"])
        )
        smtp = smtplib.SMTP("localhost", server.port, timeout=5)
        self.addCleanup(smtp.close)
        smtp.starttls(context=trusting)
        self.assertEqual(login(smtp, USER), "PLAIN")
        self.assertTrue(server.mailboxes[-1].session.channel.encrypted)

    def test_binds_to_the_channel(self) -> None:
        serving, trusting = needs_tls()
        der = trusting.get_ca_certs(binary_form=True)[0]
        server = self.serve(
            tls=serving,
            starttls=True,
            secured=lambda tls: sasl.Channel.from_ssl(tls, certificate=der),
        )
        smtp = smtplib.SMTP("localhost", server.port, timeout=5)
        self.addCleanup(smtp.close)
        smtp.starttls(context=trusting)
        name = login(smtp, USER, policy=sasl.Policy(iterations=(1, 5000)))
        self.assertEqual(name, "SCRAM-SHA-512-PLUS")
        self.assertTrue(server.mailboxes[-1].session.success.bound)


class Authenticate(SMTPCase):
    def test_one_mechanism(self) -> None:
        server = self.serve(policy=ALWAYS)
        smtp = self.connect(server)
        smtp.ehlo()
        client = sasl.client(
            "PLAIN",
            USER,
            channel=sasl.Channel(False),
            policy=ALWAYS,
            profile=profiles.SMTP,
        )
        authenticate(smtp, client)
        self.assertEqual(server.mailboxes[0].session.identity.authcid, "user")

    def test_refused(self) -> None:
        server = self.serve(policy=ALWAYS)
        smtp = self.connect(server)
        smtp.ehlo()
        client = sasl.client(
            "PLAIN",
            sasl.Credentials("user", "wrong"),
            channel=sasl.Channel(False),
            policy=ALWAYS,
            profile=profiles.SMTP,
        )
        with self.assertRaises(sasl.AuthenticationError):
            authenticate(smtp, client)
