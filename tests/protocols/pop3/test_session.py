"""ClientSession: from the greeting to the login, whatever the server does."""

from __future__ import annotations

import hashlib
import unittest

import sasl_core as sasl
from sasl_core import Reason, profiles
from sasl_core.protocols.pop3 import ClientSession

from .._client_cases import ClientCases
from .._client_words import ClientCase, ClientWords, feed
from . import _peer
from ._peer import CLEAR, TIMESTAMP, TLS, login, server

GREETING = b"+OK ready\r\n"
BANNER = b"+OK ready %b\r\n" % TIMESTAMP
PLAIN = b"+OK\r\nSASL PLAIN\r\nUIDL\r\n.\r\n"
STLS = b"+OK\r\nSTLS\r\nSASL PLAIN\r\n.\r\n"
ONLY_USER = b"+OK\r\nUSER\r\n.\r\n"
AUTH_PLAIN = b"AUTH PLAIN AHVzZXIAcGVuY2ls\r\n"
APOP = sasl.Policy(allow=["APOP", "PLAIN", "CRAM-MD5"])
DIGEST = hashlib.md5(TIMESTAMP + b"pencil").hexdigest().encode()

WORDS = ClientWords(
    session=ClientSession,
    peer=_peer,
    offer=(GREETING, PLAIN),
    sent=(b"CAPA\r\n", AUTH_PLAIN),
    bare=(GREETING, b"+OK\r\nSASL FOO\r\n.\r\n"),
    cram_md5=(GREETING, b"+OK\r\nSASL CRAM-MD5\r\n.\r\n"),
    nonsense=b"+ !\r\n",
    cancel=b"*\r\n",
    yes=b"+OK Logged in\r\n",
    starttls=(GREETING, STLS),
    asks=b"STLS\r\n",
    go=b"+OK\r\n",
    refusals=(b"-ERR\r\n",),
    no_reply=b"+ \r\n",
    first=b"CAPA\r\n",
    again=(PLAIN,),
    gone=b"+OK\r\n.\r\n",
    not_greetings=(
        b"+ \r\n",
        b"220 smtp\r\n",
        b"* OK imap\r\n",
        b"\r\n",
        b"+OK " + b"x" * 512 + b"\r\n",
    ),
    unavailable=b"-ERR [SYS/TEMP] later\r\n",
    out_of_turn=((GREETING + PLAIN,),),
    endless=(
        (GREETING, b"+OK " + b"A" * 10_485_760),
        (GREETING, b"+OK\r\n" + b"A\r\n" * 30_000),
    ),
    replies=(
        BANNER,
        ONLY_USER,
        b"+OK\r\nAUTH-RESP-CODE\r\nSASL SCRAM-SHA-256 CRAM-MD5 PLAIN\r\n.\r\n",
        b"-ERR [AUTH] no\r\n",
        b"+ \r\n",
        b"+\r\n",
        b"+ PDFAeD4=\r\n",
        b"+OK half",
    ),
    logs_in="(AUTH|PASS|APOP) ",
    success=b"+OK",
)
session = WORDS.make


class Case(ClientCase):
    words = WORDS


class Common(ClientCases, Case):
    """What holds for every protocol."""


class Success(Case):
    def test_lines_that_end_with_lf_alone(self) -> None:
        line = feed(session(), b"+OK\n", PLAIN.replace(b"\r", b""))
        self.assertEqual(line, AUTH_PLAIN)

    def test_odd_lists(self) -> None:
        """In any case, in several lines, a stuffed one among them."""
        for listed in (
            b"sasl Plain\r\n",
            b"SASL\r\nSASL FOO PLAIN\r\n",
            b"SASL  PLAIN \r\n",
            b"..SASL FOO\r\n\r\nSASL PLAIN\r\n",
            b"\xff\x1b\r\nSASL PLAIN\r\n",
        ):
            with self.subTest(listed):
                self.assertEqual(
                    feed(session(), GREETING, b"+OK\r\n%b.\r\n" % listed),
                    AUTH_PLAIN,
                )

    def test_challenges_with_and_without_a_space(self) -> None:
        for challenge in (b"+ ", b"+"):
            profile = profiles.POP3.replace(initial_response=False)
            client = session(profile=profile)
            self.assertEqual(feed(client, GREETING, PLAIN), b"AUTH PLAIN\r\n")
            output = client.receive(challenge + b"\r\n")
            self.assertEqual(output, b"AHVzZXIAcGVuY2ls\r\n")

    def test_an_initial_response_that_would_be_too_long(self) -> None:
        """A command has 255 octets at most (RFC 2449, section 4)."""
        for size, held in ((170, False), (200, True)):
            client = session(credentials=sasl.Credentials("user", "p" * size))
            line = feed(client, GREETING, PLAIN)
            self.assertEqual(line == b"AUTH PLAIN\r\n", held)
            self.assertLessEqual(len(line), 255)
            if held:
                self.assertGreater(len(client.receive(b"+ \r\n")), 255)

    def test_an_empty_initial_response(self) -> None:
        client = session(credentials=sasl.Credentials())
        line = feed(client, GREETING, b"+OK\r\nSASL EXTERNAL\r\n.\r\n")
        self.assertEqual(line, b"AUTH EXTERNAL =\r\n")


class WithoutCapa(Case):
    def test_auth_alone_lists(self) -> None:
        client = session()
        self.assertEqual(feed(client, GREETING, b"-ERR what?\r\n"), b"AUTH\r\n")
        self.assertEqual(client.receive(b"+OK\r\nPLAIN\r\n.\r\n"), AUTH_PLAIN)

    def test_user_and_pass(self) -> None:
        client = session()
        line = feed(client, GREETING, b"-ERR what?\r\n", b"-ERR what?\r\n")
        self.assertEqual(line, b"USER user\r\n")
        self.assertEqual(client.receive(b"+OK\r\n"), b"PASS pencil\r\n")
        self.assertEqual(client.receive(b"+OK\r\n"), b"")
        self.assertTrue(client.authenticated)
        self.assertEqual(client.capabilities, ())

    def test_no_stls_then(self) -> None:
        error = self.assert_raises(
            sasl.NoMechanism, GREETING, b"-ERR\r\n", b"-ERR\r\n", encrypted=False
        )
        self.assertIn("STARTTLS", str(error))


class UserAndPass(Case):
    def test_only_where_user_is_announced(self) -> None:
        line = feed(session(), GREETING, ONLY_USER)
        self.assertEqual(line, b"USER user\r\n")
        self.assert_raises(sasl.NoMechanism, GREETING, b"+OK\r\n.\r\n")

    def test_only_where_plain_would_do(self) -> None:
        for options in (
            {"encrypted": False, "starttls": "never"},
            {"policy": sasl.Policy(allow=["SCRAM-SHA-256"])},
            {"policy": sasl.Policy(cleartext="never")},
            {"credentials": sasl.Credentials("user", token="t")},
        ):
            with self.subTest(options):
                self.assert_raises(sasl.NoMechanism, GREETING, ONLY_USER, **options)

    def test_auth_is_preferred(self) -> None:
        both = b"+OK\r\nUSER\r\nSASL PLAIN\r\n.\r\n"
        self.assertEqual(feed(session(), GREETING, both), AUTH_PLAIN)

    def test_spaces_and_beyond_ascii(self) -> None:
        who = sasl.Credentials("böb", " pen cil ")
        client = session(credentials=who)
        line = feed(client, GREETING, ONLY_USER)
        self.assertEqual(line, "USER böb\r\n".encode())
        self.assertEqual(client.receive(b"+OK\r\n"), b"PASS  pen cil \r\n")

    def test_what_they_cannot_carry(self) -> None:
        for who in (
            sasl.Credentials("user\r\nDELE 1", "pencil"),
            sasl.Credentials("user", "pencil\r\nDELE 1"),
            sasl.Credentials("user", "pencil\n"),
            sasl.Credentials("user", "pen\0cil"),
            sasl.Credentials("user", "pencil", authzid="boss"),
        ):
            with self.subTest(who):
                self.assert_raises(
                    sasl.CredentialsError, GREETING, ONLY_USER, credentials=who
                )

    def test_refused(self) -> None:
        user = (GREETING, ONLY_USER)
        error = self.assert_raises(sasl.AuthenticationError, *user, b"-ERR never\r\n")
        self.assertFalse(error.try_another)
        error = self.assert_raises(
            sasl.AuthenticationError, *user, b"+OK\r\n", b"-ERR [AUTH] no\r\n"
        )
        self.assertIs(error.reason, Reason.BAD_CREDENTIALS)

    def test_a_challenge_in_between(self) -> None:
        client = session()
        feed(client, GREETING, ONLY_USER)
        self.assertEqual(client.receive(b"+ \r\n"), b"*\r\n")
        with self.assertRaises(sasl.ProtocolError):
            client.receive(b"+OK\r\n")


class Apop(Case):
    def test_where_the_policy_names_it(self) -> None:
        """Before what shows the password, after what does not."""
        client = session(policy=APOP)
        line = feed(client, BANNER, PLAIN)
        self.assertEqual(line, b"APOP user %b\r\n" % DIGEST)
        client.receive(b"+OK\r\n")
        self.assertEqual((client.mechanism, client.authenticated), ("APOP", True))
        stronger = b"+OK\r\nSASL PLAIN CRAM-MD5\r\n.\r\n"
        line = feed(session(policy=APOP), BANNER, stronger)
        self.assertEqual(line, b"AUTH CRAM-MD5\r\n")

    def test_in_the_clear_and_without_capa(self) -> None:
        client = session(encrypted=False, policy=APOP, starttls="never")
        line = feed(client, BANNER, b"-ERR\r\n", b"-ERR\r\n")
        self.assertEqual(line, b"APOP user %b\r\n" % DIGEST)

    def test_nowhere_else(self) -> None:
        plain = (BANNER, PLAIN)
        self.assertEqual(feed(session(), *plain), AUTH_PLAIN)
        denied = APOP.replace(deny=["APOP"])
        self.assertEqual(feed(session(policy=denied), *plain), AUTH_PLAIN)
        for banner in (GREETING, b"+OK <1x>\r\n", b"+OK <\x80@x>\r\n"):
            self.assertEqual(feed(session(policy=APOP), banner, PLAIN), AUTH_PLAIN)

    def test_nothing_but_apop(self) -> None:
        only = sasl.Policy(allow=["APOP"])
        line = feed(session(policy=only), BANNER, b"+OK\r\n.\r\n")
        self.assertTrue(line.startswith(b"APOP "))
        self.assert_raises(sasl.NoMechanism, GREETING, PLAIN, policy=only)

    def test_never_after_stls(self) -> None:
        """The timestamp came before it."""
        client = session(encrypted=False, policy=APOP)
        feed(client, BANNER, STLS, b"+OK\r\n")
        client.secured(TLS)
        self.assertEqual(client.receive(PLAIN), AUTH_PLAIN)

    def test_refused(self) -> None:
        error = self.assert_raises(
            sasl.AuthenticationError, BANNER, PLAIN, b"-ERR no\r\n", policy=APOP
        )
        self.assertEqual(error.tried, ("APOP",))
        self.assertFalse(error.try_another)

    def test_refused_without_a_word_of_the_credentials(self) -> None:
        listed = b"+OK\r\nAUTH-RESP-CODE\r\nSASL PLAIN\r\n.\r\n"
        client = session(policy=APOP)
        line = feed(client, BANNER, listed, b"-ERR not today\r\n")
        self.assertEqual(line, AUTH_PLAIN)
        with self.assertRaises(sasl.AuthenticationError) as caught:
            client.receive(b"-ERR neither\r\n")
        self.assertEqual(caught.exception.tried, ("APOP", "PLAIN"))

    def test_a_challenge(self) -> None:
        client = session(policy=APOP)
        feed(client, BANNER, PLAIN)
        self.assertEqual(client.receive(b"+ \r\n"), b"*\r\n")
        with self.assertRaises(sasl.ProtocolError):
            client.receive(b"+OK\r\n")


class Refusals(Case):
    def test_the_greeting(self) -> None:
        error = self.assert_raises(
            sasl.AuthenticationError, b"-ERR [SYS/TEMP] \x1b later\r\n"
        )
        self.assertEqual(error.reply, "-ERR [SYS/TEMP] ? later")

    def test_replies_that_are_none(self) -> None:
        for line in (b"+ok\r\n", b"+OKAY\r\n", b"-ERRR\r\n", b"250 ok\r\n", b"\r\n"):
            for before in (
                (GREETING,),
                (GREETING, b"-ERR\r\n"),
                (GREETING, b"+OK\r\nSASL CRAM-MD5\r\n.\r\n"),
            ):
                client = session()
                feed(client, *before)
                with self.subTest(line=line, before=before):
                    with self.assertRaises(sasl.ProtocolError):
                        # What looks like a challenge is cancelled first.
                        self.assertEqual(client.receive(line), b"*\r\n")
                        client.receive(b"-ERR\r\n")
        self.assert_raises(
            sasl.ProtocolError, GREETING, STLS, b"+ \r\n", encrypted=False
        )

    def test_every_code(self) -> None:
        for said, reason in (
            (b"[AUTH] no", Reason.BAD_CREDENTIALS),
            (b"[auth/x] no", Reason.BAD_CREDENTIALS),
            (b"[SYS/TEMP] no", Reason.UNAVAILABLE),
            (b"[SYS/TEMP/DISK] no", Reason.UNAVAILABLE),
            (b"[SYS/PERM] no", Reason.DISABLED),
            (b"[IN-USE] no", Reason.UNAVAILABLE),
            (b"[LOGIN-DELAY] no", Reason.UNAVAILABLE),
            (b"[SYS/OTHER] no", Reason.BAD_CREDENTIALS),
            (b"[XYZ] no", Reason.BAD_CREDENTIALS),
            (b"[AUTH no", Reason.BAD_CREDENTIALS),
            (b"no", Reason.BAD_CREDENTIALS),
            (b"", Reason.BAD_CREDENTIALS),
        ):
            reply = b"-ERR %b\r\n" % said
            error = self.assert_raises(sasl.AuthenticationError, GREETING, PLAIN, reply)
            with self.subTest(said):
                self.assertIs(error.reason, reason)
                self.assertEqual(error.reply, reply.decode().rstrip("\r\n"))

    def test_every_reason_of_our_server(self) -> None:
        """What our server says, our client understands, as far as there is a code."""
        for reason in Reason:
            said = profiles.POP3.reply(reason).encode() + b"\r\n"
            error = self.assert_raises(sasl.AuthenticationError, GREETING, PLAIN, said)
            with self.subTest(reason):
                exact = (Reason.BAD_CREDENTIALS, Reason.DISABLED, Reason.UNAVAILABLE)
                wanted = reason if reason in exact else Reason.BAD_CREDENTIALS
                self.assertIs(error.reason, wanted)

    def test_a_wrong_password_is_one_attempt(self) -> None:
        """With and without its code, where codes are announced and where not."""
        names = b"SASL CRAM-MD5 PLAIN LOGIN\r\nUSER\r\n.\r\n"
        for listed, said in (
            (b"+OK\r\n" + names, b"-ERR no\r\n"),
            (b"+OK\r\n" + names, b"-ERR [AUTH] no\r\n"),
            (b"+OK\r\nAUTH-RESP-CODE\r\n" + names, b"-ERR [AUTH] no\r\n"),
        ):
            error = self.assert_raises(
                sasl.AuthenticationError, GREETING, listed, b"+ PDFAeD4=\r\n", said
            )
            self.assertEqual(error.tried, ("CRAM-MD5",))

    def test_a_mechanism_that_is_refused(self) -> None:
        """A no without a code, of a server that would say `[AUTH]` (RFC 3206)."""
        listed = b"+OK\r\nAUTH-RESP-CODE\r\nSASL CRAM-MD5 PLAIN\r\n.\r\n"
        client = session()
        line = feed(client, GREETING, listed, b"-ERR not this one\r\n")
        self.assertEqual(line, AUTH_PLAIN)
        client.receive(b"+OK\r\n")
        self.assertEqual(client.mechanism, "PLAIN")

    def test_success_that_comes_too_early(self) -> None:
        for listed in (b"SASL SCRAM-SHA-256", b"SASL CRAM-MD5"):
            self.assert_raises(
                sasl.ServerNotAuthenticated,
                GREETING,
                b"+OK\r\n%b\r\n.\r\n" % listed,
                b"+OK\r\n",
            )


class Stls(Case):
    def test_what_was_learnt_before_counts_no_more(self) -> None:
        client = session(encrypted=False)
        self.assertEqual(feed(client, GREETING, STLS), b"STLS\r\n")
        self.assertEqual(client.receive(b"+OK\r\n"), b"")
        self.assertTrue(client.wants_tls)
        self.assertEqual(client.secured(TLS), b"CAPA\r\n")
        self.assertEqual(client.capabilities, ())
        self.assertEqual(client.receive(PLAIN), AUTH_PLAIN)

    def test_both_sides(self) -> None:
        peer = server(CLEAR, starttls=True)
        client = session(encrypted=False, policy=sasl.Policy(iterations=(1, 1_000_000)))
        wire = login(client, peer)
        self.assertEqual(wire[1::2][:2], [b"CAPA\r\n", b"STLS\r\n"])
        self.assertEqual(client.mechanism, "SCRAM-SHA-512")
        self.assertEqual(peer.session.identity.authcid, "user")


if __name__ == "__main__":
    unittest.main()
