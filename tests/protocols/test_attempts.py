"""Attempts in any protocol's words: token sources, the fallback, what an error says."""

from __future__ import annotations

import contextlib
import json
import unittest
from base64 import b64encode

import sasl_core as sasl
from sasl_core import Reason, profiles
from sasl_core.protocols.imap import Attempts as ImapAttempts
from sasl_core.protocols.smtp import Attempts

from .smtp._peer import TLS

EXPIRED = b64encode(
    json.dumps(
        {
            "status": "invalid_token",
            "scope": "mail",
            "openid-configuration": "https://op.example/.well-known/x",
        }
    ).encode()
)


class Source:
    """A source of tokens, which notes what it was asked with."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)
        self.asked: list[sasl.TokenError | None] = []

    def __call__(self, error: sasl.TokenError | None) -> str:
        self.asked.append(error)
        return self.tokens.pop(0)


def attempts(source: object, *offered: str, **options) -> Attempts:
    """Make attempts by whatever token the source gives."""
    return Attempts(
        offered or ("OAUTHBEARER", "XOAUTH2"),
        sasl.Credentials("user", token=source),
        channel=options.pop("channel", TLS),
        **options,
    )


def ask(attempt: Attempts, source: Source) -> bytes:
    """Do what an adapter does when a token is wanted."""
    assert attempt.wants_token
    return attempt.take_token(source(attempt.token_error))


def refuse(attempt: Attempts, challenge: bytes = EXPIRED) -> bytes | None:
    """Refuse the token as RFC 7628 has it: an error challenge, then the refusal."""
    attempt.reply(334, challenge)
    return attempt.reply(535, b"5.7.8 no")


class TokenSource(unittest.TestCase):
    def test_it_is_asked_when_its_time_has_come(self) -> None:
        source = Source("one")
        attempt = attempts(source)
        self.assertEqual((attempt.name, attempt.command()), ("OAUTHBEARER", b""))
        self.assertEqual(source.asked, [])
        line = ask(attempt, source)
        self.assertTrue(line.startswith(b"AUTH OAUTHBEARER "))
        self.assertIsNone(attempt.reply(235, b"ok"))
        self.assertEqual(source.asked, [None])

    def test_it_is_asked_once_more_after_an_expired_token(self) -> None:
        source = Source("one", "two")
        attempt = attempts(source)
        first = ask(attempt, source)
        self.assertEqual(refuse(attempt), b"")
        second = ask(attempt, source)
        self.assertNotEqual(first, second)
        self.assertIsNone(attempt.reply(235, b"ok"))
        none, error = source.asked
        self.assertIsNone(none)
        self.assertEqual(
            (error.status, error.scope, error.openid_configuration),
            ("invalid_token", "mail", "https://op.example/.well-known/x"),
        )

    def test_and_never_more(self) -> None:
        source = Source("one", "two", "three")
        attempt = attempts(source)
        ask(attempt, source)
        refuse(attempt)
        ask(attempt, source)
        with self.assertRaises(sasl.AuthenticationError) as caught:
            refuse(attempt)
        self.assertEqual(caught.exception.token_error.status, "invalid_token")
        self.assertEqual(source.tokens, ["three"])
        self.assertFalse(attempt.wants_token)

    def test_the_same_token_is_not_sent_again(self) -> None:
        source = Source("one", "one")
        attempt = attempts(source)
        ask(attempt, source)
        refuse(attempt)
        with self.assertRaises(sasl.AuthenticationError) as caught:
            ask(attempt, source)
        self.assertIs(caught.exception.reason, Reason.BAD_CREDENTIALS)
        self.assertEqual(caught.exception.token_error.scope, "mail")

    def test_only_after_an_error_that_says_so(self) -> None:
        for status in ("insufficient_scope", "invalid_request", "403", "500", ""):
            source = Source("one", "two")
            attempt = attempts(source)
            ask(attempt, source)
            challenge = b64encode(json.dumps({"status": status}).encode())
            with self.subTest(status), self.assertRaises(sasl.AuthenticationError):
                refuse(attempt, challenge)
            self.assertEqual(len(source.asked), 1)

    def test_what_google_says_of_an_expired_token(self) -> None:
        for status in ("400", "401"):
            source = Source("one", "two")
            attempt = attempts(source, "XOAUTH2")
            ask(attempt, source)
            challenge = b64encode(json.dumps({"status": status}).encode())
            with self.subTest(status):
                self.assertEqual(refuse(attempt, challenge), b"")
                self.assertTrue(ask(attempt, source).startswith(b"AUTH XOAUTH2 "))

    def test_not_after_a_refusal_without_an_error_challenge(self) -> None:
        source = Source("one", "two")
        attempt = attempts(source)
        ask(attempt, source)
        with self.assertRaises(sasl.AuthenticationError):
            attempt.reply(535, b"5.7.3 Authentication unsuccessful")
        self.assertEqual(len(source.asked), 1)

    def test_a_fixed_token_is_never_renewed(self) -> None:
        attempt = attempts("one")
        attempt.command()
        with self.assertRaises(sasl.AuthenticationError):
            refuse(attempt)
        self.assertFalse(attempt.wants_token)

    def test_xoauth2_where_it_alone_is_offered(self) -> None:
        self.assertEqual(attempts(Source("t"), "PLAIN", "XOAUTH2").name, "XOAUTH2")

    def test_a_mechanism_that_is_refused_moves_on_with_the_token(self) -> None:
        source = Source("one")
        attempt = attempts(source)
        ask(attempt, source)
        line = attempt.reply(504, b"5.5.4 no such mechanism")
        self.assertTrue(line.startswith(b"AUTH XOAUTH2 "))
        self.assertEqual(len(source.asked), 1)

    def test_a_long_token_is_held_back(self) -> None:
        source = Source("t" * 600)
        attempt = attempts(source)
        self.assertEqual(ask(attempt, source), b"AUTH OAUTHBEARER")
        self.assertIn(b64encode(b"t" * 600)[8:-8], attempt.reply(334, b"") or b"")

    def test_a_source_that_gives_something_else(self) -> None:
        for wrong in (None, b"t", 1):
            attempt = attempts(lambda error: error)
            with self.subTest(wrong), self.assertRaises(sasl.StateError):
                attempt.take_token(wrong)

    def test_a_source_whose_token_cannot_be_sent(self) -> None:
        attempt = attempts(Source())
        with self.assertRaises(sasl.CredentialsError):
            attempt.take_token("a\r\nb")

    def test_a_token_that_nobody_asked_for(self) -> None:
        attempt = attempts("fixed")
        with self.assertRaises(sasl.StateError):
            attempt.take_token("other")

    def test_no_reply_is_due_while_a_token_is_waited_for(self) -> None:
        attempt = attempts(Source("one"))
        with self.assertRaises(sasl.StateError):
            attempt.reply(235, b"ok")

    def test_no_source_is_asked_in_the_clear(self) -> None:
        source = Source("one")
        with self.assertRaises(sasl.NoMechanism):
            attempts(source, channel=sasl.Channel(False))
        self.assertEqual(source.asked, [])

    def test_the_core_has_nobody_to_ask(self) -> None:
        with self.assertRaises(sasl.CredentialsError) as caught:
            sasl.client(
                "OAUTHBEARER", sasl.Credentials("u", token=Source("t")), channel=TLS
            )
        self.assertIn("source", str(caught.exception))


class WhatTheErrorSays(unittest.TestCase):
    def test_which_mechanisms_were_tried(self) -> None:
        attempt = Attempts(
            ["SCRAM-SHA-256", "CRAM-MD5", "PLAIN"],
            sasl.Credentials("user", "pencil"),
            channel=TLS,
        )
        attempt.command()
        attempt.reply(504, b"no")
        attempt.reply(504, b"no")
        with self.assertRaises(sasl.AuthenticationError) as caught:
            attempt.reply(535, b"no")
        error = caught.exception
        self.assertEqual(error.tried, ("SCRAM-SHA-256", "CRAM-MD5", "PLAIN"))
        self.assertIn("refused PLAIN", str(error))
        self.assertIn("before that, SCRAM-SHA-256, CRAM-MD5", str(error))
        self.assertFalse(error.try_another)

    def test_one_alone(self) -> None:
        attempt = Attempts(["PLAIN"], sasl.Credentials("user", "pencil"), channel=TLS)
        attempt.command()
        with self.assertRaises(sasl.AuthenticationError) as caught:
            attempt.reply(535, b"no")
        self.assertEqual(caught.exception.tried, ("PLAIN",))
        self.assertNotIn("before", str(caught.exception))

    def test_a_password_too_weak_is_not_shown_again(self) -> None:
        attempt = Attempts(
            ["PLAIN", "LOGIN"], sasl.Credentials("user", "pencil"), channel=TLS
        )
        attempt.command()
        with self.assertRaises(sasl.AuthenticationError) as caught:
            attempt.reply(534, b"5.7.9 Application-specific password required")
        self.assertEqual(caught.exception.tried, ("PLAIN",))

    def test_a_mechanism_too_weak_gives_way_to_another(self) -> None:
        attempt = Attempts(
            ["CRAM-MD5", "PLAIN"], sasl.Credentials("user", "pencil"), channel=TLS
        )
        attempt.command()
        line = attempt.reply(534, b"5.7.9 too weak")
        self.assertTrue(line.startswith(b"AUTH PLAIN "))


class Fallback(unittest.TestCase):
    """IMAP's LOGIN: what PLAIN would say, where no mechanism will do."""

    def attempts(self, *words: str, **options) -> ImapAttempts:
        who = options.pop("credentials", sasl.Credentials("user", "pencil"))
        channel = options.pop("channel", TLS)
        return ImapAttempts(words, who, channel=channel, **options)

    def test_only_where_no_mechanism_will_do(self) -> None:
        self.assertIn(b"AUTHENTICATE PLAIN", self.attempts("AUTH=PLAIN").command())
        line = self.attempts("IMAP4REV1", "AUTH=GSSAPI").command()
        self.assertEqual(line, b'A1 LOGIN "user" "pencil"')

    def test_by_the_policy_of_plain(self) -> None:
        for options in (
            {"channel": sasl.Channel(False)},
            {"policy": sasl.Policy(deny=["PLAIN"])},
            {"policy": sasl.Policy(cleartext="never")},
            {"credentials": sasl.Credentials("user")},
        ):
            with self.subTest(options), self.assertRaises(sasl.NoMechanism) as caught:
                self.attempts("AUTH=GSSAPI", **options)
            self.assertEqual(set(caught.exception.refusals), {"GSSAPI"})

    def test_never_where_it_is_disabled(self) -> None:
        with self.assertRaises(sasl.NoMechanism):
            self.attempts("LOGINDISABLED")

    def test_nothing_else_comes_after_it(self) -> None:
        attempt = self.attempts()
        attempt.command()
        for reply in (b"A1 NO no", b"A1 NO [CANNOT] no", b"A1 BAD no"):
            with self.subTest(reply), contextlib.ExitStack() as stack:
                again = self.attempts()
                again.command()
                stack.enter_context(self.assertRaises(sasl.AuthenticationError))
                again.reply(reply)


class OpeningText(unittest.TestCase):
    """The challenge that only asks for the first message, in the core."""

    def test_it_is_empty(self) -> None:
        client = sasl.client("PLAIN", sasl.Credentials("u", "p"), channel=TLS)
        with self.assertRaises(sasl.ProtocolError):
            client.step(b"R28gYWhlYWQ=")

    def test_or_anything_where_the_profile_says_so(self) -> None:
        profile = profiles.SMTP.replace(opening_text=True)
        for text in (b"", b"Go ahead.", b"R28gYWhlYWQ=", b"\xff"):
            client = sasl.client(
                "PLAIN", sasl.Credentials("u", "p"), channel=TLS, profile=profile
            )
            with self.subTest(text):
                self.assertEqual(client.step(text), b"AHUAcA==")

    def test_no_later_challenge_is(self) -> None:
        profile = profiles.SMTP.replace(opening_text=True)
        for name in ("CRAM-MD5", "LOGIN"):
            client = sasl.client(
                name, sasl.Credentials("u", "p"), channel=TLS, profile=profile
            )
            with self.subTest(name), self.assertRaises(sasl.ProtocolError):
                client.step(b"Go ahead.")


if __name__ == "__main__":
    unittest.main()
