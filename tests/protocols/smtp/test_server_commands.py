"""ServerSession: how commands are written (RFC 4954, 5321), and what they carry."""

from __future__ import annotations

from base64 import b64encode

import sasl_core as sasl
from sasl_core import profiles
from sasl_core.protocols import smtp
from sasl_core.protocols.smtp import Command

from ._case import LONG, Case
from ._peer import CLEAR, OK, PLAIN, TLS, for_mechanism, greeted


class Syntax(Case):
    def test_no_mechanism(self) -> None:
        self.assert_reply(greeted().say(b"AUTH"), "501 5.5.4 ")
        self.assert_reply(greeted().say(b"AUTH \r\n"), "501 5.5.4 ")

    def test_three_arguments(self) -> None:
        self.assert_reply(greeted().say(PLAIN + b" x"), "501 5.5.4 ")

    def test_two_spaces(self) -> None:
        self.assert_reply(greeted().say(b"AUTH  PLAIN"), "501 5.5.4 ")
        self.assert_reply(greeted().say(b"AUTH PLAIN  AHVzZXIAcGVuY2ls"), "501 5.5.4 ")

    def test_unknown_mechanism(self) -> None:
        for name in (b"FOO", b"PLAI\xce\x9d", b"A" * 5000, b"PLAIN\t", b"*", b"="):
            with self.subTest(name[:20]):
                self.assert_reply(greeted().say(b"AUTH " + name), "504 5.5.4 ")

    def test_empty_initial_response_of_plain(self) -> None:
        reply = greeted().say(b"AUTH PLAIN =")
        self.assertEqual(reply.code, 501)

    def test_an_empty_response(self) -> None:
        peer = greeted()
        peer.say(b"AUTH PLAIN")
        self.assert_reply(peer.say(b"\r\n"), "501 5.5.2 ")

    def test_cancel_of_a_scram_that_was_won(self) -> None:
        peer = for_mechanism("SCRAM-SHA-256")
        client = sasl.client(
            "SCRAM-SHA-256",
            sasl.Credentials("user", "pencil"),
            channel=TLS,
            policy=sasl.Policy(iterations=(1, 10000)),
            profile=profiles.SMTP,
        )
        reply = peer.say(b"AUTH SCRAM-SHA-256 " + client.start())
        peer.say(client.step(reply.lines[0].encode()))
        self.assert_reply(peer.say(b"*"), "501 ")
        self.assertIsNone(peer.session.identity)

    def test_a_star_outside_an_exchange_is_no_command(self) -> None:
        self.assert_reply(greeted().say(b"*"), "500 5.5.2 ")

    def test_a_cut_line_is_over_the_limit(self) -> None:
        peer = greeted()
        peer.say(b"AUTH PLAIN")
        self.assert_reply(peer.say(b"A" * 12289), "500 5.5.6 ")

    def test_a_command_line_over_the_limit(self) -> None:
        peer = greeted()
        self.assert_reply(peer.say(b"AUTH PLAIN " + LONG), "500 5.5.6 ")
        self.assertIsNone(peer.session.failure)

    def test_an_initial_response_over_512_octets_is_taken(self) -> None:
        # Clients MUST NOT send it (RFC 4954, section 4), and some do.
        peer = greeted()
        self.assert_reply(peer.say(b"AUTH PLAIN " + b"A" * 4000), "501 ")

    def test_no_command(self) -> None:
        for line in (
            *(b"", b"\r\n", b" NOOP", b"\xff\xfe", b"N\xd6OP", b"\tNOOP"),
            *(b"NOOP x\0", b"NOOP\nQUIT\r\n", b"NOOP\rQUIT\r\n", b"NOOP\n"),
        ):
            with self.subTest(line):
                self.assert_reply(greeted().say(line), "500 5.5.2 ")


class Commands(Case):
    def test_other_commands_are_the_applications(self) -> None:
        session = greeted().session
        self.assertEqual(session.receive(b"noop x y \r\n"), Command("NOOP", b"x y"))
        self.assertEqual(session.receive(b"X-FOO"), Command("X-FOO", b""))
        self.assertEqual(
            session.receive("RCPT TO:<ü@example.org>\r\n".encode()),
            Command("RCPT", "TO:<ü@example.org>".encode()),
        )

    def test_mail_with_an_identity(self) -> None:
        peer = greeted()
        peer.say(PLAIN)
        action = peer.session.receive(
            b"MAIL FROM:<e=mc2@example.com> AUTH=e+3Dmc2@example.com"
        )
        self.assertEqual(action.auth, "e=mc2@example.com")

    def test_mail_with_nobody(self) -> None:
        peer = greeted()
        peer.say(PLAIN)
        self.assertEqual(peer.session.receive(b"MAIL FROM:<a@b> AUTH=<>").auth, "")

    def test_mail_without_a_word(self) -> None:
        self.assertIsNone(greeted().session.receive(b"MAIL FROM:<a@b>").auth)

    def test_who_is_not_authenticated_asserts_nothing(self) -> None:
        action = greeted().session.receive(b"MAIL FROM:<a@b> AUTH=admin@example.com")
        self.assertEqual(action.auth, "")

    def test_mail_with_a_malformed_identity(self) -> None:
        peer = greeted()
        peer.say(PLAIN)
        for value in (
            b"",
            b"=",
            b"a",
            b"+0D+0A@b",
            b"x+0D+0AX-Evil:+201",
            b"e=mc2@b",
            b"a+@b",
        ):
            with self.subTest(value):
                line = b"MAIL FROM:<a@b> AUTH=" + value
                self.assert_reply(peer.say(line), "501 5.5.4 ")
                self.assertEqual(peer.commands[-1].verb, "EHLO")
        self.assert_reply(peer.say(b"MAIL FROM:<a@b> AUTH"), "501 5.5.4 ")

    def test_a_malformed_mail_opens_no_transaction(self) -> None:
        peer = greeted()
        peer.say(b"MAIL FROM:<a@b> AUTH=")
        self.assert_reply(peer.say(PLAIN), "235 ")

    def test_authentication_required(self) -> None:
        peer = greeted(require_auth=True)
        for line in (b"MAIL FROM:<a@b>", b"RCPT TO:<a@b>", b"DATA", b"VRFY x", b"FOO"):
            self.assert_reply(peer.say(line), "530 5.7.0 ")
        for line in (b"NOOP", b"RSET", b"EHLO x", b"HELO x", b"EHLO x"):
            self.assertEqual(peer.say(line).code, 250)
        self.assert_reply(peer.say(PLAIN), "235 ")
        self.assertEqual(peer.say(b"MAIL FROM:<a@b>"), OK)

    def test_required_authentication_lets_starttls_and_quit_through(self) -> None:
        peer = greeted(CLEAR, require_auth=True, starttls=True)
        self.assertEqual(peer.say(b"QUIT").code, 221)
        peer = greeted(CLEAR, require_auth=True, starttls=True)
        self.assertEqual(peer.say(b"STARTTLS"), smtp.READY)


class Failures(Case):
    def test_no_octet_of_the_client_is_in_a_reply(self) -> None:
        name = "us\r\n250 OK\r\ner"
        reply = greeted().say(b"AUTH PLAIN " + b64encode(f"\0{name}\0x".encode()))
        self.assertEqual(len(bytes(reply).splitlines()), 1)
        self.assertNotIn(b"us", bytes(reply))
        for line in (
            b"AUTH XYZZY",
            b"XYZZY\0",
            b"MAIL FROM:<a> AUTH=XYZZY",
            b"AUTH X Y XYZZY",
        ):
            self.assertNotIn(b"XYZZY", bytes(greeted().say(line)))

    def test_nothing_comes_after_the_applications_end(self) -> None:
        peer = greeted()
        peer.say(b"QUIT")
        self.assertEqual(peer.say(PLAIN).code, 421)
