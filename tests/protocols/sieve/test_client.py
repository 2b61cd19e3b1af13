"""The client: AUTHENTICATE, refusals, STARTTLS, and whatever a server says."""

from __future__ import annotations

import contextlib
import unittest
from base64 import b64encode
from copy import deepcopy

import sasl_core as sasl
from sasl_core import Reason, profiles
from sasl_core.protocols.sieve import (
    Attempts,
    Authentication,
    ClientSession,
    Reply,
    mechanisms,
    read_reply,
)

from .._client_cases import ClientCases
from .._client_words import USER, ClientCase, ClientWords
from . import _peer
from ._peer import PLAIN, TLS

TOKEN = sasl.Credentials("user", token="tok")
GREETING = b'"IMPLEMENTATION" "x"\r\n"SASL" "PLAIN"\r\n"VERSION" "1.0"\r\nOK\r\n'
STARTTLS = b'"SASL" ""\r\n"STARTTLS"\r\nOK "hello"\r\n'

WORDS = ClientWords(
    session=ClientSession,
    peer=_peer,
    offer=(GREETING,),
    sent=(PLAIN + b"\r\n",),
    bare=(b'"SASL" ""\r\nOK\r\n',),
    cram_md5=(b'"SASL" "CRAM-MD5"\r\nOK\r\n',),
    nonsense=b'"!"\r\n',
    cancel=b'"*"\r\n',
    yes=b"OK\r\n",
    starttls=(b'"SASL" "PLAIN"\r\n"STARTTLS"\r\nOK\r\n',),
    asks=b"STARTTLS\r\n",
    go=b"OK\r\n",
    refusals=(b"NO\r\n",),
    no_reply=GREETING,
    first=b"",  # the server speaks first there, too
    again=(b'"SASL" "PLAIN"\r\nOK\r\n',),
    gone=b'"SASL" ""\r\nOK\r\n',
    not_greetings=(b"* OK\r\n", b"220 x\r\n", b"\r\n", b'"a\r\n', b'"a"b\r\n'),
    unavailable=b'NO (TRYLATER) "later"\r\n',
    out_of_turn=(),
    endless=(),
    replies=(
        STARTTLS,
        b'"SASL" "CRAM-MD5 LOGIN SCRAM-SHA-256 PLAIN XOAUTH2"\r\nOK\r\n',
        b'OK (SASL "dj0=")\r\n',
        b'""\r\n',
        b'"PDFAeD4="\r\n',
        b"{16}\r\ncj14LHM9eCxpPTE=\r\n",
        b"NO (AUTH-TOO-WEAK)\r\n",
        b"NO (TRYLATER)\r\n",
        b"BYE\r\n",
    ),
    logs_in="AUTHENTICATE ",
    success=b"OK",
)
session = WORDS.make


def authentication(name: str, credentials: sasl.Credentials = USER) -> Authentication:
    return Authentication(
        sasl.client(
            name,
            credentials,
            channel=TLS,
            policy=sasl.Policy(allow=[name], iterations=(1, 10_000)),
            profile=profiles.MANAGESIEVE,
        )
    )


def challenge(text: bytes) -> Reply:
    return Reply("", lines=[(text,)])


class Commands(unittest.TestCase):
    def test_with_initial_response(self) -> None:
        self.assertEqual(authentication("PLAIN").command(), PLAIN)

    def test_without(self) -> None:
        self.assertEqual(
            authentication("CRAM-MD5").command(), b'AUTHENTICATE "CRAM-MD5"'
        )

    def test_an_empty_one_is_the_empty_string(self) -> None:
        exchange = authentication("EXTERNAL", sasl.Credentials())
        self.assertEqual(exchange.command(), b'AUTHENTICATE "EXTERNAL" ""')

    def test_a_long_one_is_a_literal(self) -> None:
        exchange = authentication("PLAIN", sasl.Credentials("u", "p" * 1000))
        text = b64encode(b"\0u\0" + b"p" * 1000)
        self.assertEqual(
            exchange.command(),
            b'AUTHENTICATE "PLAIN" {%d+}\r\n%b' % (len(text), text),
        )

    def test_responses_are_strings(self) -> None:
        exchange = authentication("LOGIN")
        exchange.command()
        self.assertEqual(
            exchange.reply(challenge(b"VXNlcm5hbWU6")), b'"%b"' % b64encode(b"user")
        )

    def test_no_line_ever_holds_a_line_end_of_a_credential(self) -> None:
        for name in ("PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2"):
            who = sasl.Credentials("us\r\ner", "pen\r\ncil", token="t")
            lines = []
            with contextlib.suppress(sasl.SASLError):
                exchange = authentication(name, who)
                lines.append(exchange.command())
                lines.append(exchange.reply(challenge(b"")) or b"")
            for line in lines:
                self.assertNotIn(b"\n", line)
                self.assertNotIn(b"\r", line)

    def test_names(self) -> None:
        self.assertEqual(mechanisms({"SASL": "plain  X Plain"}), ("PLAIN", "X"))
        self.assertEqual(mechanisms({}), ())


class Success(unittest.TestCase):
    def test_with_the_last_message(self) -> None:
        client = authentication("SCRAM-SHA-256")
        server = sasl.server(
            "SCRAM-SHA-256",
            channel=TLS,
            policy=sasl.Policy(decoy=(16, 16)),
            profile=profiles.MANAGESIEVE,
        )
        initial = client.command().split(b'"')[3]
        keys = sasl.ScramKeys.derive("pencil", "sha256", iterations=16)
        event = server.start(initial).answer(keys)
        response = client.reply(challenge(event.data)).strip(b'"')
        success = server.step(response)
        twin = deepcopy(client)
        reply = read_reply(b'OK (SASL "%b")' % success.data)
        self.assertIsNone(client.reply(reply))
        with self.assertRaises(sasl.ServerNotAuthenticated):
            twin.reply(Reply("OK", code=("TAG", success.data)))  # another code

    def test_too_early(self) -> None:
        for name in ("CRAM-MD5", "LOGIN", "SCRAM-SHA-256"):
            exchange = authentication(name)
            exchange.command()
            with self.subTest(name), self.assertRaises(sasl.ServerNotAuthenticated):
                exchange.reply(Reply("OK"))

    def test_data_where_there_can_be_none(self) -> None:
        exchange = authentication("PLAIN")
        exchange.command()
        with self.assertRaises(sasl.ProtocolError):
            exchange.reply(Reply("OK", code=("SASL", b"dj0=")))

    def test_empty_data_where_there_can_be_none(self) -> None:
        exchange = authentication("PLAIN")
        exchange.command()
        self.assertIsNone(exchange.reply(Reply("OK", code=("SASL", b""))))


class OurOwnFailure(unittest.TestCase):
    def test_a_star_then_the_error(self) -> None:
        for answer in (Reply("NO", "cancelled"), Reply("OK"), Reply("BYE")):
            exchange = authentication("CRAM-MD5")
            exchange.command()
            self.assertEqual(exchange.reply(challenge(b"!")), b'"*"')
            with self.subTest(answer), self.assertRaises(sasl.ProtocolError):
                exchange.reply(answer)

    def test_what_is_no_challenge(self) -> None:
        for lines in (
            [],
            [(b"", b"")],
            [(b"",), (b"",)],
            [("ATOM",)],
            [(1,)],
        ):
            exchange = authentication("CRAM-MD5")
            exchange.command()
            with self.subTest(lines), self.assertRaises(sasl.ProtocolError):
                exchange.reply(Reply("", lines=lines))


class Choosing(unittest.TestCase):
    def attempts(self, *offered: str) -> Attempts:
        attempts = Attempts(offered, USER, channel=TLS)
        attempts.command()
        return attempts

    def test_a_wrong_password_is_one_attempt(self) -> None:
        for text in (
            b"NO",
            b'NO "Authentication failed"',
            b"NO (TRYLATER)",
            b"NO (X)",
            b"BYE (AUTH-TOO-WEAK)",
            b"BYE",
        ):
            with self.subTest(text), self.assertRaises(sasl.AuthenticationError) as e:
                self.attempts("CRAM-MD5", "PLAIN").reply(read_reply(text))
            self.assertEqual(e.exception.tried, ("CRAM-MD5",))

    def test_a_refused_mechanism_moves_on(self) -> None:
        for text in (b"NO (AUTH-TOO-WEAK)", b"NO (ENCRYPT-NEEDED)"):
            attempts = self.attempts("CRAM-MD5", "PLAIN")
            with self.subTest(text):
                self.assertEqual(attempts.reply(read_reply(text)), PLAIN)
                self.assertIsNone(attempts.reply(Reply("OK")))

    def test_a_transition_shows_the_password_once(self) -> None:
        attempts = self.attempts("SCRAM-SHA-256", "CRAM-MD5", "PLAIN")
        self.assertEqual(attempts.reply(read_reply(b"NO (TRANSITION-NEEDED)")), PLAIN)

    def test_the_error_says_where_a_referral_points(self) -> None:
        with self.assertRaises(sasl.AuthenticationError) as caught:
            self.attempts("PLAIN").reply(
                read_reply(b'BYE (REFERRAL "sieve://b.example") "Go\x1b there"')
            )
        self.assertEqual(
            caught.exception.reply, "BYE (REFERRAL sieve://b.example) Go? there"
        )


class Session(ClientCases, ClientCase):
    words = WORDS

    def feed(self, client: ClientSession, *replies: bytes) -> bytes:
        return b"".join(client.receive(reply) for reply in replies)

    def test_a_login(self) -> None:
        client = session()
        self.assertEqual(client.receive(GREETING), PLAIN + b"\r\n")
        self.assertEqual(
            client.capabilities,
            {"IMPLEMENTATION": "x", "SASL": "PLAIN", "VERSION": "1.0"},
        )
        self.assertEqual(client.receive(b"OK\r\n"), b"")
        self.assertTrue(client.authenticated)
        self.assertEqual(client.mechanism, "PLAIN")

    def test_odd_lines_among_the_capabilities(self) -> None:
        client = session()
        client.receive(b'"sasl" "PLAIN" "x"\r\n"a\x1bb" ATOM 7\r\n"" "\xff"\r\nOK\r\n')
        self.assertEqual(
            client.capabilities, {"SASL": "PLAIN", "A?B": "", "": "\ufffd"}
        )

    def test_octet_by_octet_and_with_literals(self) -> None:
        client = session()
        greeting = b'{4}\r\nSASL {8}\r\nCRAM-MD5\r\n"x"\nOK {3}\r\na\r\n\r\n'
        output = b"".join(client.receive(bytes([octet])) for octet in greeting)
        self.assertEqual(output, b'AUTHENTICATE "CRAM-MD5"\r\n')
        text = b64encode(b"<1@x>")
        output = client.receive(b"{%d}\r\n%b\r\n" % (len(text), text))
        self.assertRegex(output, rb'^"[^"]+"\r\n$')

    def test_a_line_of_one_string_is_a_challenge_only_in_an_exchange(self) -> None:
        client = session()
        client.receive(b'"SASL" "CRAM-MD5"\r\n"PDFAeD4="\r\nOK\r\n')
        self.assertNotEqual(client.receive(b'"PDFAeD4="\r\n'), b"")

    def test_a_greeting_that_says_bye(self) -> None:
        error = self.assert_raises(sasl.AuthenticationError, b"BYE\r\n")
        self.assertIs(error.reason, Reason.UNAVAILABLE)

    def test_an_endless_greeting(self) -> None:
        for unit in (b'"X" "y"\r\n', b'"XXXXXXXX', b"{99999999}\r\n" + b"x" * 5000):
            client = session()
            with self.subTest(unit), self.assertRaises(sasl.SASLError):
                for _ in range(100_000_000 // len(unit)):
                    client.receive(unit * 100)

    def test_bye_is_no_refusal_of_starttls(self) -> None:
        replies = STARTTLS, b"BYE\r\n"
        self.assert_raises(sasl.AuthenticationError, *replies, encrypted=False)

    def test_the_capabilities_from_before_tls_count_no_more(self) -> None:
        client = session(encrypted=False)
        self.assertEqual(client.receive(STARTTLS), b"STARTTLS\r\n")
        self.assertEqual(client.receive(b"OK\r\n"), b"")
        self.assertTrue(client.wants_tls)
        self.assertEqual(client.secured(TLS), b"")
        self.assertEqual(client.capabilities, {})
        # The server speaks first, and only what it says now counts.
        self.assertEqual(
            client.receive(b'"SASL" "LOGIN"\r\nOK\r\n'), b'AUTHENTICATE "LOGIN"\r\n'
        )

    def test_an_expired_token_is_asked_for_again(self) -> None:
        client = session(credentials=TOKEN.replace(token=lambda error: "unused"))
        client.receive(b'"SASL" "OAUTHBEARER"\r\nOK\r\n')
        self.assertTrue(client.wants_token)
        self.assertIn(b"AUTHENTICATE", client.give_token("old"))
        error = b64encode(b'{"status":"invalid_token"}')
        self.assertEqual(client.receive(b'"%b"\r\n' % error), b'"AQ=="\r\n')
        self.assertEqual(client.receive(b"NO\r\n"), b"")
        self.assertEqual(client.token_error.status, "invalid_token")
        self.assertIn(b"AUTHENTICATE", client.give_token("new"))
        self.assertEqual(client.receive(b"OK\r\n"), b"")
        self.assertTrue(client.authenticated)
