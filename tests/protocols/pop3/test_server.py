"""ServerSession: CAPA, AUTH, USER and PASS, APOP, STLS, and the states."""

from __future__ import annotations

import hashlib
import unittest
from copy import deepcopy

import sasl_core as sasl
from sasl_core import profiles
from sasl_core.protocols.pop3 import Command, Reply, ServerSession

from .._server_cases import ServerCases
from .._server_words import ServerWords
from . import _peer
from ._peer import CLEAR, PLAIN, TIMESTAMP, TLS, WRONG, Peer, server

APOP = sasl.Policy(allow=["APOP", "PLAIN"])
DIGEST = hashlib.md5(TIMESTAMP + b"pencil").hexdigest().encode()


def listed(reply: bytes) -> list[bytes]:
    """Return the lines of a reply with a list."""
    first, *lines = reply.split(b"\r\n")
    assert first[:3] == b"+OK"
    assert lines[-2:] == [b".", b""]
    return lines[:-2]


class Case(unittest.TestCase):
    def assert_no(self, reply: bytes, text: str = "") -> None:
        """It is one line that says no."""
        self.assertTrue(reply.startswith(b"-ERR "), reply)
        self.assertEqual(reply.count(b"\r\n"), 1)
        self.assertIn(text, reply.decode())

    def assert_yes(self, reply: bytes) -> None:
        """It says yes."""
        self.assertTrue(reply.startswith(b"+OK"), reply)


class Common(ServerCases, unittest.TestCase):
    """What holds for every protocol."""

    words = ServerWords(
        peer=_peer,
        profile=profiles.POP3,
        auth=b"AUTH %b",
        initial=b" %b",
        success=b"+OK Authenticated",
        prompt=b"+ \r\n",
        noop=b"LANG en",
        already=b"-ERR Already",
        too_many=b"-ERR [SYS/TEMP] Too many",
        goodbye=b"-ERR ",
        starttls=b"STLS",
        go=b"+OK ",
        too_late=b"-ERR Nothing may follow",
        refuse=lambda command: command.err("not now"),
    )


class Greeting(Case):
    def test_without_a_timestamp(self) -> None:
        self.assertEqual(
            bytes(server().session.greeting()), b"+OK POP3 server ready\r\n"
        )

    def test_a_timestamp_where_the_policy_names_apop(self) -> None:
        session = server(policy=APOP, nonce=TIMESTAMP).session
        self.assertEqual(bytes(session.greeting("Hi")), b"+OK Hi %b\r\n" % TIMESTAMP)
        fresh = {bytes(server(policy=APOP).session.greeting()) for _ in range(5)}
        self.assertEqual(len(fresh), 5)

    def test_none_where_the_application_has_no_passwords(self) -> None:
        peer = server(policy=APOP, answers=[sasl.CheckPassword])
        self.assertNotIn(b"<", bytes(peer.session.greeting()))
        self.assert_no(peer.line(b"APOP user " + DIGEST))


class Capabilities(Case):
    def test_over_tls(self) -> None:
        peer = server(
            policy=sasl.Policy(allow=["PLAIN", "SCRAM-SHA-256"]), capabilities=["TOP"]
        )
        self.assertEqual(
            listed(peer.feed(b"capa\r\n")),
            [
                b"TOP",
                b"RESP-CODES",
                b"AUTH-RESP-CODE",
                b"USER",
                b"SASL SCRAM-SHA-256 PLAIN",
            ],
        )
        self.assertEqual(listed(peer.line(b"AUTH")), [b"SCRAM-SHA-256", b"PLAIN"])

    def test_in_the_clear(self) -> None:
        names = ["PLAIN", "SCRAM-SHA-256"]
        peer = server(CLEAR, policy=sasl.Policy(allow=names), starttls=True)
        lines = listed(peer.line(b"CAPA"))
        self.assertEqual(lines[-2:], [b"STLS", b"SASL SCRAM-SHA-256"])
        self.assertNotIn(b"USER", lines)

    def test_nothing_on_offer(self) -> None:
        peer = server(CLEAR, policy=sasl.Policy(allow=["PLAIN"]))
        self.assertNotIn(b"SASL", peer.line(b"CAPA"))
        self.assertEqual(listed(peer.line(b"AUTH")), [])

    def test_without_login(self) -> None:
        self.assertNotIn(b"USER", server(login=False).line(b"CAPA"))

    def test_after_the_login(self) -> None:
        """USER and SASL are announced in both states, STLS is not (RFC 2449, 2595)."""
        always = sasl.Policy(cleartext="always")
        peer = server(CLEAR, policy=always, starttls=True)
        before = listed(peer.line(b"CAPA"))
        peer.line(PLAIN)
        after = listed(peer.line(b"CAPA"))
        self.assertEqual(after, [line for line in before if line != b"STLS"])

    def test_an_argument(self) -> None:
        self.assert_no(server().line(b"CAPA x"))


class Auth(Case):
    def test_syntax(self) -> None:
        for line in (b"AUTH ", b"AUTH PLAIN ", b"AUTH PLAIN a b", b"AUTH  PLAIN"):
            with self.subTest(line):
                self.assert_no(server().line(line), "Syntax")

    def test_unsupported_and_not_here(self) -> None:
        self.assert_no(server().line(b"AUTH FOO"), "Unsupported")
        self.assert_no(server(CLEAR).line(PLAIN), "Encryption required")
        self.assert_no(server(policy=APOP).line(b"AUTH APOP"), "Unsupported")

    def test_too_many_failures(self) -> None:
        peer = server(policy=APOP, max_failures=2, nonce=TIMESTAMP)
        peer.session.greeting()
        for _ in range(2):
            self.assert_no(peer.line(WRONG), "[AUTH]")
        for line in (PLAIN, b"APOP user " + DIGEST):
            twin = Peer(deepcopy(peer.session))
            self.assert_no(twin.line(line), "Too many")
            self.assert_no(twin.line(b"CAPA"), "being closed")
        peer.line(b"USER user")
        reply = peer.session.receive(b"PASS pencil")
        self.assertTrue(reply.close)
        self.assertIsNone(peer.session.identity)


class UserAndPass(Case):
    def test_they_are_plain(self) -> None:
        peer = server()
        self.assert_yes(peer.line(b"USER user"))
        self.assert_yes(peer.line(b"PASS pencil"))
        self.assertEqual(peer.session.success.mechanism, "PLAIN")
        self.assertEqual(peer.session.identity.authcid, "user")

    def test_the_rest_of_the_line(self) -> None:
        """A password holds spaces, a name may (RFC 1939, section 7)."""
        session = ServerSession(TLS)
        session.receive(b"user tim the beaver")
        request = session.receive(b"pass  two  spaces ")
        self.assertEqual(
            (request.username, request.password), ("tim the beaver", " two  spaces ")
        )

    def test_wrong(self) -> None:
        for user, password in ((b"user", b"wrong"), (b"nobody", b"pencil")):
            peer = server()
            self.assert_yes(peer.line(b"USER " + user))
            self.assert_no(peer.line(b"PASS " + password), "[AUTH]")
            self.assert_no(peer.line(b"PASS pencil"), "USER comes before")

    def test_no_empty_password_reaches_the_backend(self) -> None:
        for line in (b"PASS", b"PASS "):
            peer = server()
            peer.line(b"USER user")
            with self.subTest(line):
                self.assert_no(peer.line(line))
                self.assertEqual(peer.application.asked, [])

    def test_an_empty_name(self) -> None:
        self.assert_no(server().line(b"USER"), "Syntax")
        self.assert_no(server().line(b"USER "), "Syntax")

    def test_pass_comes_immediately_after_user(self) -> None:
        for between in (b"CAPA", b"NOOP", b"USER", b"A" * 20_000, b"\0"):
            peer = server()
            peer.line(b"USER user")
            peer.line(between)
            with self.subTest(between[:10]):
                self.assert_no(peer.line(b"PASS pencil"), "USER comes before")

    def test_no_octet_of_them_ends_a_line(self) -> None:
        for line in (b"USER a\0b", b"USER a\nb", b"USER a\rb"):
            self.assert_no(server().line(line), "Not a command")
        peer = server()
        peer.line(b"USER user")
        self.assert_no(peer.line(b"PASS pencil\0x"), "Not a command")
        self.assertEqual(peer.application.asked, [])

    def test_where_plain_is_not_on_offer(self) -> None:
        """Told before the password comes."""
        self.assert_no(server(CLEAR).line(b"USER user"), "Encryption required")
        scram = sasl.Policy(allow=["SCRAM-SHA-256"])
        self.assert_no(server(policy=scram).line(b"USER user"), "Unsupported")
        self.assert_no(server(login=False).line(b"USER user"), "Unsupported")


class Apop(Case):
    def peer(self, **options) -> Peer:
        peer = server(policy=APOP, nonce=TIMESTAMP, **options)
        peer.session.greeting()
        return peer

    def test_right(self) -> None:
        peer = self.peer()
        self.assert_yes(peer.line(b"apop user " + DIGEST))
        self.assertEqual(peer.session.success.mechanism, "APOP")
        self.assertEqual(peer.session.identity.authzid, "user")
        self.assert_no(peer.line(b"APOP user " + DIGEST), "Already")

    def test_a_timestamp_is_good_for_one_attempt(self) -> None:
        for attempt in (
            b"APOP user " + DIGEST[::-1],
            b"APOP nobody " + DIGEST,
            b"APOP",
            b"APOP user",
            b"APOP user " + DIGEST.upper(),
        ):
            peer = self.peer()
            with self.subTest(attempt):
                self.assert_no(peer.line(attempt))
                self.assertEqual(peer.session.decision()[0].name, "APOP")
                self.assert_no(peer.line(b"APOP user " + DIGEST), "tried before")
                self.assertIsNone(peer.session.identity)
                self.assert_yes(peer.line(PLAIN))

    def test_without_a_banner(self) -> None:
        self.assert_no(server(policy=APOP).line(b"APOP user " + DIGEST), "not offered")
        peer = server()
        peer.session.greeting()
        self.assert_no(peer.line(b"APOP user " + DIGEST), "not offered")

    def test_after_stls(self) -> None:
        """The timestamp is the server's own word: curl and fetchmail use it then too."""
        always = sasl.Policy(allow=["APOP"])
        peer = server(CLEAR, policy=always, nonce=TIMESTAMP, starttls=True)
        peer.session.greeting()
        peer.line(b"STLS")
        peer.session.secured(TLS)
        self.assert_yes(peer.line(b"APOP user " + DIGEST))
        self.assertIs(peer.session.decision()[0].channel, TLS)

    def test_an_application_that_fails(self) -> None:
        peer = self.peer()
        peer.session.receive(b"APOP user " + DIGEST)
        reply = peer.session.unavailable("the database is gone")
        self.assert_no(bytes(reply), "[SYS/TEMP]")


class Stls(Case):
    def test_what_was_learnt_before_counts_no_more(self) -> None:
        peer = server(CLEAR, starttls=True)
        peer.line(b"USER user")
        self.assert_yes(peer.line(b"STLS"))
        peer.session.secured(TLS)
        self.assert_no(peer.line(b"PASS pencil"))
        self.assertNotIn(b"STLS", peer.line(b"CAPA"))
        self.assert_no(peer.line(b"STLS"), "not offered")
        self.assert_yes(peer.line(PLAIN))

    def test_not_offered(self) -> None:
        self.assert_no(server(CLEAR).line(b"STLS"))
        self.assert_no(server(TLS, starttls=True).line(b"STLS"))
        self.assert_no(server(CLEAR, starttls=True).line(b"STLS now"))


class States(Case):
    def test_before_the_login(self) -> None:
        for line in (b"STAT", b"NOOP", b"RETR 1", b"DELE 1", b"XTND", b"LIST", b"RSET"):
            peer = server()
            with self.subTest(line):
                self.assert_no(peer.line(line), "not before the login")
                self.assertEqual(peer.commands, [])

    def test_the_applications_own(self) -> None:
        for line in (b"QUIT", b"UTF8", b"LANG en"):
            peer = server()
            self.assert_yes(peer.line(line))
            self.assertEqual(peer.commands[0].verb.encode(), line[:4])

    def test_after_the_login(self) -> None:
        peer = server()
        peer.line(PLAIN)
        peer.line(b"retr 1")
        self.assertEqual(peer.commands, [Command("RETR", b"1")])
        for line in (
            PLAIN,
            b"AUTH",
            b"USER user",
            b"PASS pencil",
            b"APOP a b",
            b"STLS",
        ):
            with self.subTest(line):
                self.assert_no(peer.line(line), "Already")
        self.assertEqual(peer.session.identity.authcid, "user")

    def test_no_commands(self) -> None:
        for line in (b"", b" ", b" QUIT", b"\xff", b"QU\0IT", b"NOOP a\nb", b"QUIT\r"):
            with self.subTest(line):
                self.assert_no(server().line(line), "Not a command")

    def test_too_long(self) -> None:
        peer = server()
        self.assert_no(peer.line(b"CAPA" + b" " * 20_000), "too long")
        self.assert_yes(peer.line(PLAIN))

    def test_quit_is_the_end(self) -> None:
        peer = server()
        peer.line(b"QUIT")
        self.assert_no(peer.line(b"CAPA"), "being closed")

    def test_an_autologout_says_nothing(self) -> None:
        """RFC 1939, section 3."""
        reply = server().session.timed_out
        self.assertEqual(bytes(reply), b"")
        self.assertTrue(reply.close)


class Replies(Case):
    def test_a_body_is_stuffed(self) -> None:
        command = Command("RETR", b"1")
        for body, sent in (
            (b"", b".\r\n"),
            (b"a\r\n", b"a\r\n.\r\n"),
            (b"a", b"a\r\n.\r\n"),
            (b".\r\n", b"..\r\n.\r\n"),
            (b"a\r\n.b\r\n..c\r\n", b"a\r\n..b\r\n...c\r\n.\r\n"),
            (b"a\n.\nb", b"a\n..\nb\r\n.\r\n"),
            (b"\xff\0", b"\xff\0\r\n.\r\n"),
        ):
            with self.subTest(body):
                self.assertEqual(bytes(command.ok("x", body=body)), b"+OK x\r\n" + sent)

    def test_lines(self) -> None:
        self.assertEqual(bytes(Command("STAT").ok()), b"+OK\r\n")
        reply = Command("STAT").err("no", close=True)
        self.assertEqual(reply, Reply("-ERR no", close=True))
        self.assertNotEqual(reply, Reply("-ERR no"))
        with self.assertRaises(ValueError):
            Command("STAT").ok("0\r\n+OK")


if __name__ == "__main__":
    unittest.main()
