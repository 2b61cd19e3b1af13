"""ServerSession: each rule of RFC 4954 (and 3207) for a server."""

from __future__ import annotations

import unittest
from base64 import b64encode

import sasl_core as sasl
from sasl_core import profiles
from sasl_core.mechanisms import registered
from sasl_core.protocols import smtp
from sasl_core.protocols.smtp import Reply, ServerSession

from .._server_cases import ServerCases
from .._server_words import ServerWords
from . import _peer
from ._case import LONG, Case
from ._peer import CLEAR, OK, PLAIN, TLS, for_mechanism, greeted, server


class Common(ServerCases, unittest.TestCase):
    """What holds for every protocol."""

    words = ServerWords(
        peer=_peer,
        profile=profiles.SMTP,
        auth=b"AUTH %b",
        initial=b" %b",
        success=b"235 2.7.0 ",
        prompt=b"334 \r\n",
        noop=b"NOOP",
        already=b"503 5.5.1 ",
        too_many=b"421 4.7.0 ",
        goodbye=b"421 ",
        starttls=b"STARTTLS",
        go=b"220 ",
        too_late=b"503 ",
        refuse=lambda _: Reply(454, "4.7.0 TLS not available"),
        hello=b"EHLO client.example",
        begins_anew=True,  # RFC 3207, section 4.2
    )


class Keywords(Case):
    def test_computed_from_the_channel(self) -> None:
        policy = sasl.Policy(allow=["PLAIN", "SCRAM-SHA-256"])
        self.assertEqual(
            server(TLS, policy=policy).session.keywords(),
            ("AUTH SCRAM-SHA-256 PLAIN",),
        )
        self.assertEqual(
            server(CLEAR, policy=policy).session.keywords(), ("AUTH SCRAM-SHA-256",)
        )

    def test_nothing_before_tls(self) -> None:
        policy = sasl.Policy(encryption="require", cleartext="always")
        peer = greeted(CLEAR, policy=policy, starttls=True)
        self.assertEqual(peer.session.keywords(), ("STARTTLS",))
        for name in (b"SCRAM-SHA-256", b"PLAIN"):
            self.assert_reply(peer.say(b"AUTH " + name), "538 5.7.11 ")
        names = server(TLS, policy=policy).session.keywords()
        self.assertEqual(names, server(TLS).session.keywords())

    def test_nothing_on_offer(self) -> None:
        policy = sasl.Policy(allow=["PLAIN"])
        self.assertEqual(server(CLEAR, policy=policy).session.keywords(), ())

    def test_what_the_application_cannot_answer_is_not_on_offer(self) -> None:
        session = ServerSession(TLS, answers=[sasl.CheckPassword])
        self.assertEqual(session.keywords(), ("AUTH PLAIN LOGIN",))

    def test_the_old_form_as_an_option(self) -> None:
        session = ServerSession(
            TLS, policy=sasl.Policy(allow=["PLAIN"]), legacy_keyword=True
        )
        self.assertEqual(session.keywords(), ("AUTH PLAIN", "AUTH=PLAIN"))

    def test_starttls_until_there_is_tls(self) -> None:
        peer = greeted(CLEAR, starttls=True)
        self.assertIn("STARTTLS", peer.session.keywords())
        peer.say(b"STARTTLS")
        peer.session.secured(TLS)
        self.assertNotIn("STARTTLS", peer.session.keywords())

    def test_no_auth_once_authenticated(self) -> None:
        peer = greeted()
        peer.say(PLAIN)
        self.assertEqual(peer.session.keywords(), ())

    def test_the_line_fits_into_a_reply_line(self) -> None:
        # RFC 5321, section 4.5.3.1.5: 512 octets, with code and CRLF.
        every = sasl.Policy(allow=[m.name for m in registered()])
        for line in ServerSession(TLS, policy=every, legacy_keyword=True).keywords():
            self.assertLessEqual(len(line) + 6, 512)


class Success(Case):
    def test_trailing_spaces_are_tolerated(self) -> None:
        peer = greeted()
        self.assertEqual(bytes(peer.say(b"AUTH PLAIN  \r\n")), b"334 \r\n")

    def test_initial_response_of_login(self) -> None:
        peer = greeted()
        self.assert_reply(peer.say(b"AUTH LOGIN dXNlcg=="), "334 ")
        self.assert_reply(peer.say(b"cGVuY2ls"), "235 ")

    def test_the_last_message_of_scram_is_a_challenge(self) -> None:
        # RFC 4954, section 4: success cannot carry data.
        peer = for_mechanism("SCRAM-SHA-256")
        client = sasl.client(
            "SCRAM-SHA-256",
            sasl.Credentials("user", "pencil"),
            channel=TLS,
            policy=sasl.Policy(iterations=(1, 10000)),
            profile=profiles.SMTP,
        )
        reply = peer.say(b"AUTH SCRAM-SHA-256 " + client.start())
        for _ in range(2):
            self.assert_reply(reply, "334 ")
            reply = peer.say(client.step(reply.lines[0].encode()))
        client.finish()
        self.assert_reply(reply, "235 ")

    def test_a_response_of_twelve_thousand_octets(self) -> None:
        peer = greeted()
        peer.application.token = "t" * 9000
        peer.say(b"AUTH XOAUTH2")
        message = b"user=user\x01auth=Bearer " + b"t" * 9000 + b"\x01\x01"
        line = b64encode(message) + b"\r\n"
        self.assertGreater(len(line), 12000)
        self.assert_reply(peer.say(line), "235 ")


class Order(Case):
    def test_auth_before_ehlo(self) -> None:
        peer = server()
        self.assert_reply(peer.say(PLAIN), "503 5.5.1 ")
        self.assertEqual(peer.application.asked, [])

    def test_auth_after_helo(self) -> None:
        peer = server()
        peer.say(b"HELO client.example")
        self.assert_reply(peer.say(PLAIN), "503 5.5.1 ")

    def test_helo_takes_back_ehlo(self) -> None:
        peer = greeted()
        peer.say(b"HELO client.example")
        self.assert_reply(peer.say(PLAIN), "503 5.5.1 ")

    def test_a_refused_ehlo_is_none(self) -> None:
        session = ServerSession(TLS)
        command = session.receive(b"EHLO bad")
        session.replied(command, Reply(550, "5.7.1 go away"))
        self.assert_reply(session.receive(PLAIN), "503 5.5.1 ")

    def test_ehlo_without_argument(self) -> None:
        peer = server()
        self.assert_reply(peer.say(b"EHLO"), "501 5.5.4 ")
        self.assert_reply(peer.say(PLAIN), "503 5.5.1 ")

    def test_auth_twice_even_after_ehlo(self) -> None:
        peer = greeted()
        peer.say(PLAIN)
        peer.say(b"EHLO again")
        self.assert_reply(peer.say(PLAIN), "503 5.5.1 ")

    def test_auth_in_a_transaction(self) -> None:
        peer = greeted()
        peer.say(b"MAIL FROM:<a@example.org>")
        self.assert_reply(peer.say(PLAIN), "503 5.5.1 ")
        self.assertIsNone(peer.session.identity)

    def test_what_ends_a_transaction(self) -> None:
        for line in (b"RSET", b"EHLO again", b"DATA"):
            with self.subTest(line):
                peer = greeted()
                peer.say(b"MAIL FROM:<a@example.org>")
                peer.say(line)
                self.assert_reply(peer.say(PLAIN), "235 ")

    def test_what_does_not_end_a_transaction(self) -> None:
        for line in (b"RCPT TO:<b@c>", b"NOOP", b"FOO", b"\0", LONG, b"STARTTLS"):
            with self.subTest(line[:20]):
                peer = greeted()
                peer.say(b"MAIL FROM:<a@example.org>")
                peer.say(line)
                self.assert_reply(peer.say(PLAIN), "503 ")

    def test_a_refused_mail_opens_no_transaction(self) -> None:
        session = greeted().session
        command = session.receive(b"MAIL FROM:<a@example.org>")
        session.replied(command, Reply(550, "5.7.1 not you"))
        self.assertIsInstance(session.receive(PLAIN), sasl.CheckPassword)

    def test_data_out_of_order_keeps_the_transaction(self) -> None:
        session = greeted().session
        session.receive(b"MAIL FROM:<a@example.org>")
        session.replied(session.receive(b"DATA"), Reply(503, "5.5.1 RCPT first"))
        self.assert_reply(session.receive(PLAIN), "503 ")

    def test_mail_before_hello(self) -> None:
        self.assert_reply(server().say(b"MAIL FROM:<>"), "503 5.5.1 ")


class StartTLS(Case):
    def secured(self, **options):
        peer = greeted(CLEAR, starttls=True, **options)
        self.assertEqual(peer.say(b"STARTTLS"), smtp.READY)
        self.assertTrue(peer.session.wants_tls)
        peer.session.secured(TLS)
        self.assertFalse(peer.session.wants_tls)
        return peer

    def test_everything_is_dropped(self) -> None:
        policy = sasl.Policy(cleartext="always")
        peer = greeted(CLEAR, starttls=True, require_auth=True, policy=policy)
        peer.say(PLAIN)
        self.assertEqual(peer.say(b"MAIL FROM:<a@b>"), OK)
        peer.say(b"STARTTLS")
        peer.session.secured(TLS)
        self.assertIsNone(peer.session.identity)
        self.assertIsNone(peer.session.success)
        self.assert_reply(peer.say(b"MAIL FROM:<a@b>"), "503 ")
        self.assert_reply(peer.say(PLAIN), "503 ")
        peer.say(b"EHLO x")
        self.assert_reply(peer.say(b"MAIL FROM:<a@b>"), "530 ")
        self.assert_reply(peer.say(PLAIN), "235 ")

    def test_not_offered(self) -> None:
        self.assert_reply(greeted(CLEAR).say(b"STARTTLS"), "502 5.5.1 ")

    def test_not_twice(self) -> None:
        peer = self.secured()
        self.assert_reply(peer.say(b"STARTTLS"), "503 5.5.1 ")

    def test_not_inside_tls(self) -> None:
        self.assert_reply(greeted(TLS, starttls=True).say(b"STARTTLS"), "503 5.5.1 ")

    def test_no_argument(self) -> None:
        peer = greeted(CLEAR, starttls=True)
        self.assert_reply(peer.say(b"STARTTLS now"), "501 5.5.4 ")
        self.assertEqual(peer.say(b"EHLO x").code, 250)

    def test_the_new_channel_counts(self) -> None:
        peer = self.secured(policy=sasl.Policy(allow=["PLAIN"]))
        self.assertEqual(peer.session.channel, TLS)
        self.assertEqual(peer.session.keywords(), ("AUTH PLAIN",))


class LMTP(Case):
    def test_its_hello_is_lhlo(self) -> None:
        peer = server(profile=profiles.LMTP)
        self.assertEqual(peer.say(b"LHLO client.example").code, 250)
        self.assert_reply(peer.say(PLAIN), "235 ")

    def test_ehlo_is_not(self) -> None:
        peer = server(profile=profiles.LMTP)
        peer.say(b"EHLO client.example")
        self.assert_reply(peer.say(PLAIN), "503 ")

    def test_lhlo_is_not_smtps(self) -> None:
        peer = server()
        peer.say(b"LHLO client.example")
        self.assert_reply(peer.say(PLAIN), "503 ")


class Layer(Case):
    def test_the_session_begins_anew_inside_a_layer(self) -> None:
        # RFC 4954, section 4: EHLO again, and the list again, to compare.
        session = greeted().session
        request = session.receive(PLAIN)
        self.assertIsInstance(request, sasl.CheckPassword)
        request.answer(True)
        identity = sasl.Identity("user")
        session.resume(sasl.Success(identity, None, "GSSAPI", False, object()))
        self.assertEqual(session.identity, identity)
        self.assert_reply(session.receive(b"MAIL FROM:<a@b>"), "503 ")
        self.assertTrue(session.keywords())
