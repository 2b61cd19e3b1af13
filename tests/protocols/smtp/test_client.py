"""Authentication and Attempts: a client's half of AUTH (RFC 4954)."""

from __future__ import annotations

import contextlib
import pickle
import unittest
from base64 import b64decode, b64encode
from copy import deepcopy

import sasl_core as sasl
from sasl_core import Reason, profiles
from sasl_core.protocols.smtp import Attempts, Authentication, mechanisms

from ..._hypothesis import given, st
from ._peer import CLEAR, TLS

USER = sasl.Credentials("user", "pencil")


def authentication(name: str, credentials: sasl.Credentials = USER) -> Authentication:
    """Make one exchange."""
    return Authentication(
        sasl.client(
            name,
            credentials,
            channel=TLS,
            policy=sasl.Policy(allow=[name], iterations=(1, 10_000)),
            profile=profiles.SMTP,
        )
    )


class Mechanisms(unittest.TestCase):
    def test_both_forms_each_name_once(self) -> None:
        ehlo = ["SIZE 1000", "AUTH LOGIN PLAIN", "AUTH=LOGIN CRAM-MD5", "HELP"]
        self.assertEqual(mechanisms(ehlo), ("LOGIN", "PLAIN", "CRAM-MD5"))

    def test_octets_and_text(self) -> None:
        self.assertEqual(mechanisms([b"AUTH PLAIN", "AUTH LOGIN"]), ("PLAIN", "LOGIN"))

    def test_any_case(self) -> None:
        self.assertEqual(mechanisms(["auth plain", "Auth=pLain"]), ("PLAIN",))

    def test_the_old_form_with_a_space(self) -> None:
        self.assertEqual(mechanisms(["AUTH=LOGIN", "AUTH= PLAIN"]), ("LOGIN", "PLAIN"))

    def test_only_the_keyword_itself(self) -> None:
        ehlo = ["", "AUTHENTICATE PLAIN", "XAUTH PLAIN", "HELP AUTH PLAIN", "AUTH", "="]
        self.assertEqual(mechanisms(ehlo), ())

    def test_what_cannot_be_a_name(self) -> None:
        ehlo = ["AUTH PLAIN \x1b[2J PL\0AIN \uff30LAIN " + "A" * 65]
        self.assertEqual(mechanisms(ehlo), ("PLAIN",))

    def test_a_hostile_list_has_an_end(self) -> None:
        hostile = "AUTH " + " ".join(f"X-{i}" for i in range(100_000))
        self.assertEqual(len(mechanisms([hostile])), 100)

    @given(st.lists(st.binary(max_size=30) | st.text(max_size=30)))
    def test_anything(self, ehlo: list[str | bytes]) -> None:
        for name in mechanisms(ehlo):
            self.assertTrue(name.isascii() and name.isprintable() and " " not in name)


class Command(unittest.TestCase):
    def test_with_initial_response(self) -> None:
        self.assertEqual(
            authentication("PLAIN").command(), b"AUTH PLAIN AHVzZXIAcGVuY2ls"
        )

    def test_without(self) -> None:
        self.assertEqual(authentication("CRAM-MD5").command(), b"AUTH CRAM-MD5")

    def test_an_empty_one(self) -> None:
        exchange = authentication("EXTERNAL", sasl.Credentials())
        self.assertEqual(exchange.command(), b"AUTH EXTERNAL =")

    def test_a_long_one_is_held_back(self) -> None:
        # RFC 4954, section 4: MUST NOT, where the command would be over 512 octets.
        for size in range(300, 420):
            exchange = authentication("PLAIN", sasl.Credentials("u", "p" * size))
            response = b64encode(b"\0u\0" + b"p" * size)
            fits = len(b"AUTH PLAIN " + response + b"\r\n") <= 512
            with self.subTest(size):
                expected = b"AUTH PLAIN " + response if fits else b"AUTH PLAIN"
                self.assertEqual(exchange.command(), expected)
                if not fits:
                    self.assertEqual(exchange.reply(334, b""), response)
                self.assertIsNone(exchange.reply(235, b"2.7.0 Ok"))

    def test_credentials_that_cannot_be_sent(self) -> None:
        with self.assertRaises(sasl.CredentialsError):
            authentication("PLAIN", sasl.Credentials("user", "pen\0cil")).command()

    def test_no_line_ever_holds_a_line_end(self) -> None:
        for name in ("PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2"):
            who = sasl.Credentials("us\r\ner", "pen\r\ncil", token="tok")
            lines = []
            with contextlib.suppress(sasl.SASLError):
                exchange = authentication(name, who)
                lines.append(exchange.command())
                lines.append(exchange.reply(334, b"") or b"")
                lines.append(exchange.reply(334, b"") or b"")
            for line in lines:
                self.assertNotIn(b"\n", line)
                self.assertNotIn(b"\r", line)

    def test_twice(self) -> None:
        exchange = authentication("PLAIN")
        exchange.command()
        with self.assertRaises(sasl.StateError):
            exchange.command()


class Refusals(unittest.TestCase):
    def refuse(self, code: int, text: bytes) -> sasl.SASLError:
        exchange = authentication("PLAIN")
        exchange.command()
        with self.assertRaises(sasl.SASLError) as caught:
            exchange.reply(code, text)
        return caught.exception

    def test_the_reason_and_the_words(self) -> None:
        error = self.refuse(535, b"5.7.8 Sorry")
        self.assertIsInstance(error, sasl.AuthenticationError)
        self.assertIs(error.reason, Reason.BAD_CREDENTIALS)
        self.assertEqual(error.reply, "535 5.7.8 Sorry")
        self.assertFalse(error.try_another)

    def test_503_is_not_success(self) -> None:
        error = self.refuse(503, b"5.5.1 already authenticated")
        self.assertIsInstance(error, sasl.AuthenticationError)
        self.assertFalse(error.try_another)

    def test_no_other_code_is_success(self) -> None:
        for code in (-1, 0, 100, 200, 220, 234, 236, 250, 251, 252, 299, 335, 354, 600):
            with self.subTest(code):
                self.assertIsInstance(self.refuse(code, b"ok"), sasl.ProtocolError)

    def test_controls_never_reach_the_error(self) -> None:
        error = self.refuse(535, b"5.7.8 \x1b]0;pwn\x07\x9b31m\r\nbad\xff")
        for text in (str(error), error.reply):
            self.assertTrue(text.isprintable(), text)

    def test_a_long_text_is_cut(self) -> None:
        self.assertLess(len(str(self.refuse(535, b"x" * 60_000))), 1000)

    def test_the_password_is_not_in_the_error(self) -> None:
        self.assertNotIn("pencil", repr(self.refuse(535, b"no")))


class TooEarly(unittest.TestCase):
    def test_235_before_the_challenge(self) -> None:
        for name in ("CRAM-MD5", "LOGIN", "SCRAM-SHA-256"):
            exchange = authentication(name)
            exchange.command()
            with self.subTest(name), self.assertRaises(sasl.ServerNotAuthenticated):
                exchange.reply(235, b"2.7.0 Ok")

    def test_235_before_a_response_that_was_held_back(self) -> None:
        exchange = authentication("PLAIN", sasl.Credentials("u", "p" * 400))
        exchange.command()
        with self.assertRaises(sasl.ServerNotAuthenticated):
            exchange.reply(235, b"2.7.0 Ok")

    def test_235_before_the_servers_signature(self) -> None:
        exchange = authentication("SCRAM-SHA-256")
        first = exchange.command().split()[-1]
        nonce = b64decode(first).rpartition(b"r=")[2]
        challenge = b64encode(b"r=%bx,s=c2FsdA==,i=16" % nonce)
        self.assertNotEqual(exchange.reply(334, challenge), b"*")
        with self.assertRaises(sasl.ServerNotAuthenticated):
            # RFC 4954 has no room for data with success: what looks so is text.
            exchange.reply(235, b"2.7.0 dj02cnJpVFJCaTIzV3BSUg==")


class OurOwnFailure(unittest.TestCase):
    def test_a_star_then_the_error(self) -> None:
        exchange = authentication("CRAM-MD5")
        exchange.command()
        self.assertEqual(exchange.reply(334, b"!PDFAeD4="), b"*")
        self.assertIsInstance(exchange.error, sasl.ProtocolError)
        with self.assertRaises(sasl.ProtocolError):
            exchange.reply(501, b"cancelled")

    def test_whatever_the_server_says_to_the_star(self) -> None:
        for code in (235, 250, 334, 421, 501, 535):
            exchange = authentication("CRAM-MD5")
            exchange.command()
            exchange.reply(334, b"!")
            with self.subTest(code), self.assertRaises(sasl.ProtocolError):
                exchange.reply(code, b"")

    def test_a_challenge_that_is_text(self) -> None:
        exchange = authentication("PLAIN", sasl.Credentials("u", "p" * 400))
        exchange.command()
        self.assertEqual(exchange.reply(334, b"ok, go ahead"), b"*")

    def test_a_challenge_of_several_lines(self) -> None:
        exchange = authentication("CRAM-MD5")
        exchange.command()
        self.assertEqual(exchange.reply(334, b"PDFA\neD4="), b"*")

    def test_plain_is_sent_once(self) -> None:
        exchange = authentication("PLAIN")
        exchange.command()
        self.assertEqual(exchange.reply(334, b"UGFzc3dvcmQ6"), b"*")

    def test_a_held_response_is_sent_once(self) -> None:
        exchange = authentication("PLAIN", sasl.Credentials("u", "p" * 400))
        exchange.command()
        self.assertNotEqual(exchange.reply(334, b""), b"*")
        self.assertEqual(exchange.reply(334, b""), b"*")

    def test_login_says_two_things_only(self) -> None:
        exchange = authentication("LOGIN")
        exchange.command()
        self.assertEqual(exchange.reply(334, b"VXNlcm5hbWU6"), b64encode(b"user"))
        self.assertEqual(exchange.reply(334, b"UGFzc3dvcmQ6"), b64encode(b"pencil"))
        self.assertEqual(exchange.reply(334, b"UGFzc3dvcmQ6"), b"*")

    def test_a_mechanism_without_end_has_one(self) -> None:
        class Endless:
            name, profile = "ENDLESS", profiles.SMTP
            initial_optional = True

            def start(self):
                return None

            def step(self, challenge):
                return b""

        exchange = Authentication(Endless())
        exchange.command()
        for _ in range(32):
            self.assertEqual(exchange.reply(334, b""), b"")
        self.assertEqual(exchange.reply(334, b""), b"*")
        with self.assertRaises(sasl.ProtocolError):
            exchange.reply(334, b"")


class Choosing(unittest.TestCase):
    def attempts(self, *offered: str, **options) -> Attempts:
        options = {"channel": TLS} | options
        return Attempts(offered, USER, **options)

    def test_the_strongest_first(self) -> None:
        attempts = self.attempts("PLAIN", "CRAM-MD5", "LOGIN")
        self.assertEqual(attempts.name, "CRAM-MD5")
        self.assertEqual(attempts.command(), b"AUTH CRAM-MD5")

    def test_nothing_acceptable(self) -> None:
        with self.assertRaises(sasl.NoMechanism) as caught:
            self.attempts("PLAIN", "FOO", channel=CLEAR)
        self.assertIn("encrypted", caught.exception.refusals["PLAIN"])

    def test_a_wrong_password_is_one_attempt(self) -> None:
        for code, text in (
            (535, b"5.7.8 no"),
            (535, b"no"),
            (554, b"no"),
            (525, b"5.7.13 no"),
            (501, b"5.5.2 what?"),
            (534, b"5.7.14 use the browser"),
        ):
            attempts = self.attempts("CRAM-MD5", "PLAIN", "LOGIN")
            attempts.command()
            with self.subTest(code), self.assertRaises(sasl.AuthenticationError):
                attempts.reply(code, text)

    def test_a_refused_mechanism_moves_on(self) -> None:
        for code, text in (
            (504, b"5.5.4 no"),
            (534, b"5.7.9 too weak"),
            (538, b"5.7.11 TLS"),
        ):
            attempts = self.attempts("CRAM-MD5", "PLAIN")
            attempts.command()
            with self.subTest(code):
                self.assertEqual(
                    attempts.reply(code, text), b"AUTH PLAIN AHVzZXIAcGVuY2ls"
                )
                self.assertEqual(attempts.name, "PLAIN")
                self.assertIsNone(attempts.reply(235, b"ok"))

    def test_no_mechanism_twice(self) -> None:
        attempts = self.attempts("CRAM-MD5", "PLAIN", "PLAIN", "cram-md5")
        attempts.command()
        self.assertTrue(attempts.reply(504, b"no").startswith(b"AUTH PLAIN"))
        with self.assertRaises(sasl.AuthenticationError) as caught:
            attempts.reply(504, b"no")
        self.assertIs(caught.exception.reason, Reason.UNSUPPORTED)

    def test_three_at_most(self) -> None:
        attempts = self.attempts(
            "SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN"
        )
        attempts.command()
        sent = [attempts.reply(504, b"no"), attempts.reply(504, b"no")]
        self.assertEqual(
            [line.split()[1] for line in sent], [b"SCRAM-SHA-256", b"SCRAM-SHA-1"]
        )
        with self.assertRaises(sasl.AuthenticationError):
            attempts.reply(504, b"no")

    def test_a_refusal_of_auth_altogether_is_the_end(self) -> None:
        for code, text in (
            (500, b"what?"),
            (502, b"no"),
            (503, b"no"),
            (530, b"5.7.0 TLS"),
        ):
            attempts = self.attempts("CRAM-MD5", "PLAIN")
            attempts.command()
            with self.subTest(code), self.assertRaises(sasl.AuthenticationError):
                attempts.reply(code, text)

    def test_a_temporary_failure_is_the_end(self) -> None:
        for code in (421, 451, 454):
            attempts = self.attempts("CRAM-MD5", "PLAIN")
            attempts.command()
            with (
                self.subTest(code),
                self.assertRaises(sasl.AuthenticationError) as caught,
            ):
                attempts.reply(code, b"4.7.0 later")
            self.assertTrue(caught.exception.try_another)

    def test_a_transition_goes_to_plain(self) -> None:
        # RFC 4954, section 6: authenticate once with PLAIN.
        attempts = self.attempts("SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN")
        attempts.command()
        self.assertEqual(
            attempts.reply(432, b"4.7.12 x"), b"AUTH PLAIN AHVzZXIAcGVuY2ls"
        )

    def test_a_transition_obeys_the_policy(self) -> None:
        attempts = self.attempts("SCRAM-SHA-256", "CRAM-MD5", "PLAIN", channel=CLEAR)
        attempts.command()
        with self.assertRaises(sasl.AuthenticationError) as caught:
            attempts.reply(432, b"4.7.12 x")
        self.assertIs(caught.exception.reason, Reason.TRANSITION_NEEDED)

    def test_the_policys_own_denials_still_count(self) -> None:
        attempts = self.attempts(
            "CRAM-MD5", "PLAIN", "LOGIN", policy=sasl.Policy(deny=["PLAIN"])
        )
        attempts.command()
        self.assertEqual(attempts.reply(504, b"no"), b"AUTH LOGIN")

    def test_our_own_failure_is_the_end(self) -> None:
        attempts = self.attempts("CRAM-MD5", "PLAIN")
        attempts.command()
        self.assertEqual(attempts.reply(334, b"!"), b"*")
        with self.assertRaises(sasl.ProtocolError):
            attempts.reply(504, b"no")

    def test_a_server_that_did_not_prove_itself_is_the_end(self) -> None:
        attempts = self.attempts("SCRAM-SHA-256", "PLAIN")
        attempts.command()
        with self.assertRaises(sasl.ServerNotAuthenticated):
            attempts.reply(235, b"ok")

    def test_a_refused_plus_is_not_taken_for_one_that_was_not_offered(self) -> None:
        # RFC 5802, section 6: "y" would make the server suspect a downgrade.
        channel = sasl.Channel(
            True, bindings=[sasl.ChannelBinding("tls-exporter", b"x" * 32)]
        )
        attempts = self.attempts("SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", channel=channel)
        attempts.command()
        line = attempts.reply(504, b"no")
        name, initial = line.split()[1:]
        self.assertEqual(name, b"SCRAM-SHA-256")
        self.assertEqual(b64decode(initial)[:2], b"n,")


class Values(unittest.TestCase):
    def test_they_can_be_copied(self) -> None:
        attempts = Attempts(["PLAIN"], USER, channel=TLS)
        twin = deepcopy(attempts)
        self.assertEqual(attempts.command(), twin.command())

    def test_they_are_never_pickled(self) -> None:
        for value in (authentication("PLAIN"), Attempts(["PLAIN"], USER, channel=TLS)):
            with self.assertRaises(TypeError):
                pickle.dumps(value)

    def test_their_repr_shows_no_secret(self) -> None:
        for value in (authentication("PLAIN"), Attempts(["PLAIN"], USER, channel=TLS)):
            self.assertIn("PLAIN", repr(value))
            self.assertNotIn("pencil", repr(value))
