"""Authentication and Attempts: AUTHENTICATE and LOGIN from the client's side."""

from __future__ import annotations

import unittest
from base64 import b64encode

import sasl_core as sasl
from sasl_core import Reason, profiles
from sasl_core.protocols.imap import Attempts, Authentication

from ._peer import CLEAR, TLS

USER = sasl.Credentials("user", "pencil")
MESSAGE = b"AHVzZXIAcGVuY2ls"
IR = ("IMAP4rev1", "SASL-IR")
QUIRK = profiles.IMAP.replace(opening_text=True)


def attempts(*capabilities: str, credentials: sasl.Credentials = USER, **options):
    """Make the attempts of a client."""
    return Attempts(capabilities, credentials, **{"channel": TLS} | options)


def one(name: str, credentials: sasl.Credentials = USER, **options) -> Authentication:
    """Make one exchange."""
    profile = options.pop("profile", profiles.IMAP)
    client = sasl.client(name, credentials, channel=TLS, profile=profile)
    return Authentication(client, **options)


class Command(unittest.TestCase):
    def test_the_initial_response(self) -> None:
        for words, line in {
            IR: b"A1 AUTHENTICATE PLAIN " + MESSAGE,
            ("IMAP4rev2",): b"A1 AUTHENTICATE PLAIN " + MESSAGE,
            ("imap4rev1", "sasl-ir"): b"A1 AUTHENTICATE PLAIN " + MESSAGE,
            ("IMAP4rev1",): b"A1 AUTHENTICATE PLAIN",
        }.items():
            with self.subTest(words):
                self.assertEqual(attempts(*words, "AUTH=PLAIN").command(), line)

    def test_it_can_be_switched_off(self) -> None:
        # For servers that say SASL-IR and refuse one.
        profile = profiles.IMAP.replace(initial_response=False)
        login = attempts(*IR, "AUTH=PLAIN", profile=profile)
        self.assertEqual(login.command(), b"A1 AUTHENTICATE PLAIN")
        self.assertEqual(login.reply(b"+ "), MESSAGE)

    def test_of_one_exchange(self) -> None:
        self.assertEqual(one("PLAIN").command(), b"A1 AUTHENTICATE PLAIN " + MESSAGE)
        login = one("PLAIN", tag="T", initial_response=False)
        self.assertEqual(login.command(), b"T1 AUTHENTICATE PLAIN")
        self.assertEqual(login.reply(b"+ "), MESSAGE)
        self.assertIsNone(login.reply(b"T1 OK done"))

    def test_an_empty_one(self) -> None:
        login = attempts(*IR, "AUTH=EXTERNAL", credentials=sasl.Credentials())
        self.assertEqual(login.command(), b"A1 AUTHENTICATE EXTERNAL =")

    def test_an_empty_one_on_its_own_line(self) -> None:
        login = attempts("AUTH=EXTERNAL", credentials=sasl.Credentials())
        self.assertEqual(login.command(), b"A1 AUTHENTICATE EXTERNAL")
        self.assertEqual(login.reply(b"+ "), b"")

    def test_a_long_one_is_held_back(self) -> None:
        who = sasl.Credentials("user", token="t" * 7000)
        login = attempts(*IR, "AUTH=XOAUTH2", credentials=who)
        self.assertEqual(login.command(), b"A2 AUTHENTICATE XOAUTH2")
        self.assertGreater(len(login.reply(b"+ ")), 8192)

    def test_names_twice_and_in_any_case(self) -> None:
        login = attempts(*IR, "AUTH=plain", "auth=PLAIN", "Auth=Login")
        self.assertEqual(login.command(), b"A1 AUTHENTICATE PLAIN " + MESSAGE)

    def test_nothing_acceptable(self) -> None:
        for words in ((), ("AUTH=PLAIN",), ("AUTH=GSSAPI", "AUTH=X-OWN")):
            with self.subTest(words), self.assertRaises(sasl.NoMechanism):
                attempts(*words, channel=CLEAR)


class Continuations(unittest.TestCase):
    def test_with_a_space_and_without(self) -> None:
        for line in (b"+ ", b"+"):
            login = attempts("AUTH=PLAIN")
            login.command()
            with self.subTest(line):
                self.assertEqual(login.reply(line), MESSAGE)
        challenge = b64encode(b"<1@x>")
        for line in (b"+ " + challenge, b"+" + challenge):
            login = attempts("AUTH=CRAM-MD5")
            login.command()
            with self.subTest(line):
                self.assertTrue(login.reply(line).startswith(b"dXNlci"))

    def test_text_in_place_of_an_empty_one(self) -> None:
        for line in (b"+ Go ahead", b"+ idling", b"+ " + b64encode(b"x"), b"+ ="):
            login = attempts("AUTH=PLAIN")
            login.command()
            with self.subTest(line):
                self.assertEqual(login.reply(line), b"*")
                with self.assertRaises(sasl.ProtocolError):
                    login.reply(b"A1 BAD cancelled")
            login = attempts("AUTH=PLAIN", profile=QUIRK)
            login.command()
            with self.subTest(line, quirk=True):
                self.assertEqual(login.reply(line), MESSAGE)

    def test_not_base64(self) -> None:
        for text in (
            b"!",
            b" ",
            b"PDFAeD4",
            b"PDF AeD4=",
            b"PDFAeD4=\0",
            b"\xff",
            b"=",
        ):
            login = attempts("AUTH=CRAM-MD5")
            login.command()
            with self.subTest(text):
                self.assertEqual(login.reply(b"+ " + text), b"*")
                with self.assertRaises(sasl.ProtocolError):
                    login.reply(b"A1 OK fine")

    def test_the_prompts_of_login(self) -> None:
        for first, second in (
            (b"User Name\0", b"Password\0"),  # draft-murchison-sasl-login
            (b"Username:", b"Password:"),
            (b"", b""),
        ):
            login = attempts("AUTH=LOGIN")
            self.assertEqual(login.command(), b"A1 AUTHENTICATE LOGIN")
            with self.subTest(first):
                self.assertEqual(login.reply(b"+ " + b64encode(first)), b"dXNlcg==")
                self.assertEqual(login.reply(b"+ " + b64encode(second)), b"cGVuY2ls")
                self.assertIsNone(login.reply(b"A1 OK in"))

    def test_a_loop_ends(self) -> None:
        login = attempts("AUTH=LOGIN")
        line = login.command()
        for _ in range(100):
            line = login.reply(b"+ ")
            if line == b"*":
                break
        self.assertEqual(line, b"*")


class Ends(unittest.TestCase):
    def test_success_in_any_case(self) -> None:
        for line in (b"A1 OK", b"A1 ok done", b"A1 OK [CAPABILITY IMAP4rev1] \xff"):
            login = attempts(*IR, "AUTH=PLAIN")
            login.command()
            with self.subTest(line):
                self.assertIsNone(login.reply(line))
                self.assertEqual(login.name, "PLAIN")

    def test_success_too_early(self) -> None:
        for words in (("AUTH=PLAIN",), ("AUTH=CRAM-MD5",), (*IR, "AUTH=SCRAM-SHA-256")):
            login = attempts(*words)
            login.command()
            with self.subTest(words), self.assertRaises(sasl.ServerNotAuthenticated):
                login.reply(b"A1 OK")

    def test_no_response_to_this_command(self) -> None:
        for line in (
            b"",
            b"A2 OK done",
            b"A OK done",
            b"a1 OK done",
            b"A1",
            b"A1 YES",
            b"A1 PREAUTH x",
            b"A1  OK",
            b"* OK done",
            b"* A1 OK",
            b"\0",
        ):
            login = attempts(*IR, "AUTH=PLAIN")
            login.command()
            with self.subTest(line), self.assertRaises(sasl.ProtocolError):
                login.reply(line)

    def test_a_wrong_password_is_the_end(self) -> None:
        for line in (b"A1 NO [AUTHENTICATIONFAILED] x", b"A1 NO no", b"A1 BAD x"):
            login = attempts(*IR, "AUTH=PLAIN", "AUTH=LOGIN")
            login.command()
            with self.subTest(line):
                with self.assertRaises(sasl.AuthenticationError) as caught:
                    login.reply(line)
                self.assertFalse(caught.exception.try_another)

    def test_a_temporary_failure_is_the_end_for_now(self) -> None:
        login = attempts(*IR, "AUTH=PLAIN", "AUTH=LOGIN")
        login.command()
        with self.assertRaises(sasl.AuthenticationError) as caught:
            login.reply(b"A1 NO [UNAVAILABLE] \x1b[2Jlater")
        self.assertIs(caught.exception.reason, Reason.UNAVAILABLE)
        self.assertEqual(caught.exception.reply, "NO [UNAVAILABLE] ?[2Jlater")

    def test_a_refused_mechanism_moves_on_with_a_new_tag(self) -> None:
        login = attempts(*IR, "AUTH=CRAM-MD5", "AUTH=PLAIN")
        self.assertEqual(login.command(), b"A1 AUTHENTICATE CRAM-MD5")
        line = login.reply(b"A1 NO [CANNOT] not here")
        self.assertEqual(line, b"A2 AUTHENTICATE PLAIN " + MESSAGE)
        with self.assertRaises(sasl.AuthenticationError) as caught:
            login.reply(b"A2 NO")
        self.assertEqual(caught.exception.tried, ("CRAM-MD5", "PLAIN"))

    def test_a_late_response_to_the_attempt_before(self) -> None:
        login = attempts(*IR, "AUTH=CRAM-MD5", "AUTH=PLAIN")
        login.command()
        login.reply(b"A1 NO [CANNOT] not here")
        with self.assertRaises(sasl.ProtocolError):
            login.reply(b"A1 OK")


class Tokens(unittest.TestCase):
    def source(self, *words: str) -> Attempts:
        who = sasl.Credentials("user", token=lambda error: "never called here")
        return attempts(*IR, *words, credentials=who)

    def test_asked_before_anything_is_said(self) -> None:
        login = self.source("AUTH=XOAUTH2", "AUTH=OAUTHBEARER")
        self.assertEqual(login.command(), b"")
        self.assertTrue(login.wants_token)
        self.assertTrue(
            login.take_token("t").startswith(b"A1 AUTHENTICATE OAUTHBEARER ")
        )

    def test_asked_once_more_after_it_expired(self) -> None:
        login = self.source("AUTH=OAUTHBEARER")
        login.command()
        login.take_token("old")
        error = b64encode(b'{"status":"invalid_token","scope":"mail"}')
        self.assertEqual(login.reply(b"+ " + error), b"AQ==")
        self.assertEqual(login.reply(b"A1 NO [AUTHENTICATIONFAILED] x"), b"")
        self.assertEqual(login.token_error.scope, "mail")
        line = login.take_token("new")
        self.assertTrue(line.startswith(b"A2 AUTHENTICATE OAUTHBEARER "))
        login.reply(b"+ " + error)
        with self.assertRaises(sasl.AuthenticationError) as caught:
            login.reply(b"A2 NO [AUTHENTICATIONFAILED] x")
        self.assertEqual(caught.exception.token_error.status, "invalid_token")

    def test_gmail_says_400_and_outlook_says_nothing(self) -> None:
        login = self.source("AUTH=XOAUTH2")
        login.command()
        login.take_token("old")
        error = b64encode(b'{"status":"400","schemes":"Bearer","scope":"https://mail"}')
        self.assertEqual(login.reply(b"+ " + error), b"")
        self.assertEqual(login.reply(b"A1 NO [AUTHENTICATIONFAILED] Invalid"), b"")
        login.take_token("new")
        with self.assertRaises(sasl.AuthenticationError):
            login.reply(b"A2 NO AUTHENTICATE failed.")


class LoginCommand(unittest.TestCase):
    def line(self, username: str, password: str, *words: str) -> Attempts:
        return attempts(*words, credentials=sasl.Credentials(username, password))

    def test_where_there_is_no_mechanism(self) -> None:
        login = self.line("user", "pencil", "IMAP4rev1")
        self.assertEqual(login.command(), b'A1 LOGIN "user" "pencil"')
        self.assertIsNone(login.reply(b"A1 OK in"))

    def test_where_no_mechanism_will_do(self) -> None:
        login = self.line("user", "pencil", "AUTH=GSSAPI", "AUTH=XOAUTH2")
        self.assertEqual(login.command(), b'A1 LOGIN "user" "pencil"')

    def test_not_where_a_mechanism_will_do(self) -> None:
        login = self.line("user", "pencil", "AUTH=PLAIN")
        self.assertEqual(login.command(), b"A1 AUTHENTICATE PLAIN")
        with self.assertRaises(sasl.AuthenticationError):
            login.reply(b"A1 NO [CANNOT] not here")  # LOGIN would show it again

    def test_quotes(self) -> None:
        login = self.line("us er", 'a"b\\c')
        self.assertEqual(login.command(), b'A1 LOGIN "us er" "a\\"b\\\\c"')

    def test_literals(self) -> None:
        login = self.line("jürgen", "pä55wörd")
        self.assertEqual(login.command(), b"A1 LOGIN {7}")
        self.assertEqual(login.reply(b"+ OK"), "jürgen {10}".encode())
        self.assertEqual(login.reply(b"+"), "pä55wörd".encode())
        self.assertIsNone(login.reply(b"A1 OK in"))

    def test_no_line_in_a_line(self) -> None:
        for name in ("user\r\nA2 DELETE INBOX", "user\n", "\ruser", "us\0er"):
            with self.subTest(name), self.assertRaises(sasl.CredentialsError):
                self.line(name, "pencil")
        # A password may have a line end: it goes out as a literal of so many octets.
        login = self.line("user", "pen\r\nA2 DELETE INBOX")
        self.assertEqual(login.command(), b'A1 LOGIN "user" {20}')
        self.assertEqual(login.reply(b"+ "), b"pen\r\nA2 DELETE INBOX")

    def test_refused_before_the_literal(self) -> None:
        login = self.line("jürgen", "pä55wörd")
        login.command()
        with self.assertRaises(sasl.AuthenticationError):
            login.reply(b"A1 NO [PRIVACYREQUIRED] not here")

    def test_success_before_the_literal(self) -> None:
        login = self.line("jürgen", "pä55wörd")
        login.command()
        with self.assertRaises(sasl.ProtocolError):
            login.reply(b"A1 OK in")

    def test_a_continuation_that_nobody_asked_for(self) -> None:
        login = self.line("user", "pencil")
        login.command()
        self.assertEqual(login.reply(b"+ "), b"*")
        with self.assertRaises(sasl.ProtocolError):
            login.reply(b"A1 OK in")

    def test_disabled(self) -> None:
        for words in (("LOGINDISABLED",), ("logindisabled", "AUTH=GSSAPI")):
            with self.subTest(words), self.assertRaises(sasl.NoMechanism):
                self.line("user", "pencil", *words)

    def test_not_in_the_clear(self) -> None:
        with self.assertRaises(sasl.NoMechanism):
            attempts("IMAP4rev1", channel=CLEAR)

    def test_not_where_the_policy_denies_plain(self) -> None:
        with self.assertRaises(sasl.NoMechanism):
            attempts("IMAP4rev1", policy=sasl.Policy(deny=["PLAIN"]))

    def test_it_has_no_authzid(self) -> None:
        who = sasl.Credentials("user", "pencil", authzid="boss")
        with self.assertRaises(sasl.CredentialsError):
            attempts("IMAP4rev1", credentials=who).command()


class Values(unittest.TestCase):
    def test_their_repr_shows_no_secret(self) -> None:
        login = attempts("IMAP4rev1")
        login.command()
        for value in (login, login.words, one("PLAIN")):
            self.assertNotIn("pencil", repr(value))
