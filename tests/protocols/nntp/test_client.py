"""The client: AUTHINFO, refusals, STARTTLS, and whatever a server says."""

from __future__ import annotations

import contextlib
import unittest
from base64 import b64encode

import sasl_core as sasl
from sasl_core import Reason, profiles
from sasl_core.protocols.nntp import (
    Attempts,
    Authentication,
    ClientSession,
    mechanisms,
    takes_passwords,
)

from .._client_cases import ClientCases
from .._client_words import USER, ClientCase, ClientWords
from . import _peer
from ._peer import CLEAR, PLAIN, TLS

GREETING = b"200 hello\r\n"


def listed(*lines: bytes) -> bytes:
    """Write a list of capabilities."""
    return b"101 list\r\nVERSION 2\r\n%b.\r\n" % b"".join(x + b"\r\n" for x in lines)


SASL_PLAIN = listed(b"AUTHINFO SASL", b"SASL PLAIN")
ONLY_USER = listed(b"READER", b"AUTHINFO USER")
STARTTLS = listed(b"STARTTLS")

WORDS = ClientWords(
    session=ClientSession,
    peer=_peer,
    offer=(GREETING, SASL_PLAIN),
    sent=(b"CAPABILITIES\r\n", PLAIN + b"\r\n"),
    bare=(GREETING, listed(b"READER")),
    cram_md5=(GREETING, listed(b"AUTHINFO SASL", b"SASL CRAM-MD5")),
    nonsense=b"383 !\r\n",
    cancel=b"*\r\n",
    yes=b"281 yes\r\n",
    starttls=(GREETING, listed(b"STARTTLS", b"AUTHINFO SASL", b"SASL PLAIN")),
    asks=b"STARTTLS\r\n",
    go=b"382 go\r\n",
    refusals=(b"580 no\r\n", b"502 no\r\n"),
    no_reply=b"281 go\r\n",
    first=b"CAPABILITIES\r\n",
    again=(SASL_PLAIN,),
    gone=listed(b"READER"),
    not_greetings=(b"220 ESMTP\r\n", b"281 yes\r\n", b"+OK\r\n", b"\r\n"),
    unavailable=b"400 later\r\n",
    out_of_turn=((GREETING + SASL_PLAIN,),),
    endless=(
        (b"200 " + b"A" * 1_000_000,),
        (GREETING, b"101 list\r\n" + b"A\r\n" * 30_000),
    ),
    replies=(
        ONLY_USER,
        listed(b"MODE-READER"),
        listed(b"AUTHINFO SASL", b"SASL CRAM-MD5 LOGIN SCRAM-SHA-256 XOAUTH2"),
        b"283 dj0=\r\n",
        b"381 more\r\n",
        b"383 =\r\n",
        b"383 PDFAeD4=\r\n",
        b"383 cj14LHM9eCxpPTE=\r\n",
        b"481 no\r\n",
        b"483 TLS\r\n",
        b"503 what\r\n",
    ),
    logs_in="AUTHINFO (SASL|USER) ",
    success=b"28",
)
session = WORDS.make


def authentication(
    name: str, credentials: sasl.Credentials = USER, **facts
) -> Authentication:
    return Authentication(
        sasl.client(
            name,
            credentials,
            channel=TLS,
            policy=sasl.Policy(allow=[name], iterations=(1, 10_000)),
            profile=profiles.NNTP.replace(**facts),
        )
    )


class Capabilities(unittest.TestCase):
    def test_the_mechanisms(self) -> None:
        for lines, names in (
            (["AUTHINFO USER SASL", "SASL PLAIN Cram-MD5"], ("PLAIN", "CRAM-MD5")),
            (["sasl plain plain", "authinfo sasl"], ("PLAIN",)),
            # For another time, or another port (RFC 4643, section 2.1).
            (["AUTHINFO USER", "SASL PLAIN"], ()),
            (["AUTHINFO", "SASL PLAIN"], ()),
            (["SASL PLAIN"], ()),
            (["AUTHINFO SASL"], ()),
            (["", " "], ()),
        ):
            with self.subTest(lines):
                self.assertEqual(mechanisms(lines), names)

    def test_passwords(self) -> None:
        self.assertTrue(takes_passwords(["authinfo sasl user"]))
        for lines in ([], ["AUTHINFO"], ["USER"], ["AUTHINFO SASL", "SASL USER"]):
            self.assertFalse(takes_passwords(lines))


class Commands(unittest.TestCase):
    def test_with_initial_response(self) -> None:
        self.assertEqual(authentication("PLAIN").command(), PLAIN)

    def test_without(self) -> None:
        exchange = authentication("CRAM-MD5")
        self.assertEqual(exchange.command(), b"AUTHINFO SASL CRAM-MD5")

    def test_an_empty_one(self) -> None:
        exchange = authentication("EXTERNAL", sasl.Credentials())
        self.assertEqual(exchange.command(), b"AUTHINFO SASL EXTERNAL =")

    def test_a_long_one_is_held_back(self) -> None:
        for size in range(330, 380):
            exchange = authentication("PLAIN", sasl.Credentials("u", "p" * size))
            response = b64encode(b"\0u\0" + b"p" * size)
            fits = len(b"AUTHINFO SASL PLAIN " + response + b"\r\n") <= 512
            with self.subTest(size):
                line = exchange.command()
                self.assertEqual(line.endswith(response), fits)
                self.assertLessEqual(len(line) + 2, 512)
                if not fits:
                    self.assertEqual(exchange.reply(383, b"="), response)
                self.assertIsNone(exchange.reply(281, b"yes"))

    def test_an_empty_challenge_and_an_empty_response(self) -> None:
        exchange = authentication(
            "EXTERNAL", sasl.Credentials(), initial_response=False
        )
        self.assertEqual(exchange.command(), b"AUTHINFO SASL EXTERNAL")
        self.assertEqual(exchange.reply(383, b"="), b"=")

    def test_no_line_ever_holds_a_line_end(self) -> None:
        for name in ("PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2"):
            who = sasl.Credentials("us\r\ner", "pen\r\ncil", token="t")
            lines = []
            with contextlib.suppress(sasl.SASLError):
                exchange = authentication(name, who)
                lines.append(exchange.command())
                lines.append(exchange.reply(383, b"=") or b"")
            for line in lines:
                self.assertNotIn(b"\n", line)
                self.assertNotIn(b"\r", line)


class Replies(unittest.TestCase):
    def test_success_that_is_too_early(self) -> None:
        for name in ("CRAM-MD5", "LOGIN", "SCRAM-SHA-256"):
            for code in (281, 283):
                exchange = authentication(name)
                exchange.command()
                with self.subTest(name), self.assertRaises(sasl.SASLError):
                    exchange.reply(code, b"=")

    def test_success_with_data_where_there_is_none(self) -> None:
        exchange = authentication("PLAIN")
        exchange.command()
        with self.assertRaises(sasl.ProtocolError):
            exchange.reply(283, b"dj0=")

    def test_no_other_code_is_success(self) -> None:
        for code in (100, 200, 201, 280, 282, 284, 381, 382, 384, 399, 600):
            exchange = authentication("PLAIN")
            exchange.command()
            with self.subTest(code), self.assertRaises(sasl.ProtocolError):
                exchange.reply(code, b"dj0=")

    def test_a_star_then_the_error(self) -> None:
        for code in (281, 283, 383, 381, 481, 482, 502):
            exchange = authentication("CRAM-MD5")
            exchange.command()
            self.assertEqual(exchange.reply(383, b"!"), b"*")
            with self.subTest(code), self.assertRaises(sasl.ProtocolError):
                exchange.reply(code, b"x")

    def test_a_refusal(self) -> None:
        exchange = authentication("PLAIN")
        exchange.command()
        with self.assertRaises(sasl.AuthenticationError) as caught:
            exchange.reply(481, b"no\x1b \xff")
        self.assertIs(caught.exception.reason, Reason.BAD_CREDENTIALS)
        self.assertEqual(caught.exception.reply, "481 no? \ufffd")
        self.assertFalse(caught.exception.try_another)


class Choosing(unittest.TestCase):
    def attempts(self, *offered: str, credentials=USER, **options) -> Attempts:
        return Attempts(offered, credentials, **{"channel": TLS} | options)

    def test_a_wrong_password_is_one_attempt(self) -> None:
        for code in (481, 482, 480, 502, 501, 400, 403, 599):
            attempts = self.attempts("CRAM-MD5", "PLAIN")
            attempts.command()
            with self.subTest(code), self.assertRaises(sasl.AuthenticationError):
                attempts.reply(code, b"no")

    def test_a_refused_mechanism_moves_on(self) -> None:
        for code in (483, 503, 500):
            attempts = self.attempts("CRAM-MD5", "PLAIN")
            attempts.command()
            with self.subTest(code):
                self.assertEqual(attempts.reply(code, b"no"), PLAIN)
                self.assertIsNone(attempts.reply(281, b"yes"))

    def test_user_and_pass(self) -> None:
        attempts = self.attempts("GSSAPI")
        self.assertEqual(attempts.command(), b"AUTHINFO USER user")
        self.assertEqual(attempts.reply(381, b"more"), b"AUTHINFO PASS pencil")
        self.assertIsNone(attempts.reply(281, b"yes"))
        self.assertEqual(attempts.name, "PLAIN")

    def test_a_server_that_needs_no_password(self) -> None:
        attempts = self.attempts()
        attempts.command()
        self.assertIsNone(attempts.reply(281, b"yes"))

    def test_a_password_is_asked_for_once(self) -> None:
        attempts = self.attempts()
        attempts.command()
        attempts.reply(381, b"more")
        with self.assertRaises(sasl.ProtocolError):
            attempts.reply(381, b"more")

    def test_user_and_pass_refused(self) -> None:
        for replies in ((481,), (502,), (381, 481), (381, 502), (383, 481)):
            attempts = self.attempts()
            attempts.command()
            with self.subTest(replies), self.assertRaises(sasl.SASLError):
                for code in replies:
                    attempts.reply(code, b"x")

    def test_only_where_a_password_may_be_shown(self) -> None:
        for options in (
            {"channel": CLEAR},
            {"user": False},
            {"policy": sasl.Policy(deny=["PLAIN"])},
            {"credentials": sasl.Credentials("user", token="t")},
        ):
            with self.subTest(options), self.assertRaises(sasl.NoMechanism):
                self.attempts(**options)

    def test_what_cannot_be_carried(self) -> None:
        for credentials in (
            USER.replace(authzid="boss"),
            USER.replace(password="pen\r\ncil"),
            USER.replace(username="user\nPOST"),
            USER.replace(password="x" * 600),
        ):
            with self.subTest(credentials), self.assertRaises(sasl.CredentialsError):
                self.attempts(credentials=credentials).command()


class Session(ClientCases, ClientCase):
    words = WORDS

    def feed(self, client: ClientSession, *replies: bytes) -> bytes:
        return b"".join(client.receive(reply) for reply in replies)

    def test_a_login(self) -> None:
        client = session()
        self.assertEqual(client.receive(b"201 hello\r\n"), b"CAPABILITIES\r\n")
        self.assertEqual(client.receive(SASL_PLAIN), PLAIN + b"\r\n")
        self.assertEqual(
            client.capabilities, ("VERSION 2", "AUTHINFO SASL", "SASL PLAIN")
        )
        self.assertEqual(client.receive(b"281 yes\r\n"), b"")
        self.assertTrue(client.authenticated)
        self.assertEqual(client.capabilities, ())

    def test_user_and_pass(self) -> None:
        for answer in (ONLY_USER, b"500 what\r\n", b"480 log in\r\n"):
            client = session()
            sent = self.feed(client, GREETING, answer, b"381 more\r\n", b"281 yes\r\n")
            with self.subTest(answer):
                self.assertTrue(sent.endswith(b"USER user\r\nAUTHINFO PASS pencil\r\n"))
                self.assertTrue(client.authenticated)

    def test_a_server_that_switches_its_mode(self) -> None:
        switching = listed(b"MODE-READER", b"AUTHINFO USER")
        client = session()
        self.feed(client, GREETING)
        self.assertEqual(client.receive(switching), b"MODE READER\r\n")
        self.assertEqual(client.receive(GREETING), b"CAPABILITIES\r\n")
        # Once, whatever it says now.
        self.assertEqual(client.receive(switching), b"AUTHINFO USER user\r\n")
        client = session(mode_reader=False)
        self.feed(client, GREETING)
        self.assertEqual(client.receive(switching), b"AUTHINFO USER user\r\n")
        client = session()
        with self.assertRaises(sasl.AuthenticationError):
            self.feed(client, GREETING, switching, b"502 no readers\r\n")

    def test_no_mode_is_switched_under_tls(self) -> None:
        client = session(encrypted=False)
        self.feed(client, GREETING, STARTTLS, b"382 go\r\n")
        client.secured(TLS)
        answer = listed(b"MODE-READER", b"AUTHINFO USER")
        self.assertEqual(client.receive(answer), b"AUTHINFO USER user\r\n")

    def test_a_greeting_that_says_never(self) -> None:
        self.assert_raises(sasl.AuthenticationError, b"502 never\r\n")

    def test_no_capabilities_and_no_tls(self) -> None:
        replies = GREETING, b"500 what\r\n"
        self.assert_raises(sasl.NoMechanism, *replies, encrypted=False)

    def test_the_capabilities_from_before_tls_count_no_more(self) -> None:
        client = session(encrypted=False)
        self.feed(client, GREETING, STARTTLS, b"382 go\r\n")
        client.secured(TLS)
        self.assertEqual(client.capabilities, ())

    def test_a_list_that_is_none(self) -> None:
        for answer in (b"200 hello\r\n", b"281 yes\r\n", b"400 later\r\n"):
            client = session()
            with self.subTest(answer), self.assertRaises(sasl.SASLError):
                self.feed(client, GREETING, answer)
            self.assertFalse(client.authenticated)

    def test_no_password_in_the_clear(self) -> None:
        for answer in (SASL_PLAIN, ONLY_USER, b"500 what\r\n"):
            with self.subTest(answer), self.assertRaises(sasl.NoMechanism):
                self.feed(
                    session(encrypted=False, starttls="opportunistic"), GREETING, answer
                )

    def test_an_expired_token_is_asked_for_again(self) -> None:
        credentials = sasl.Credentials("user", token=lambda error: "unused")
        client = session(credentials=credentials)
        self.feed(client, GREETING, listed(b"AUTHINFO SASL", b"SASL XOAUTH2"))
        self.assertTrue(client.wants_token)
        self.assertIn(b"AUTHINFO SASL XOAUTH2 ", client.give_token("old"))
        error = b64encode(b'{"status":"401"}')
        self.assertNotIn(b"*", client.receive(b"383 %b\r\n" % error))
        self.assertEqual(client.receive(b"481 no\r\n"), b"")
        self.assertEqual(client.token_error.status, "401")
        self.assertIn(b"AUTHINFO SASL XOAUTH2 ", client.give_token("new"))
        client.receive(b"281 yes\r\n")
        self.assertTrue(client.authenticated)
