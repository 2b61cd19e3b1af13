"""ServerSession: each rule of RFC 9051 (and 3501, 4959) for a server."""

from __future__ import annotations

import unittest
from base64 import b64encode
from copy import deepcopy

import sasl_core as sasl
from sasl_core import profiles
from sasl_core.protocols.imap import Command, ServerSession

from .._server_cases import ServerCases
from .._server_words import ServerWords
from . import _peer
from ._case import Case
from ._peer import CLEAR, PLAIN, TLS, WRONG, for_mechanism, server

ALL = sasl.Policy(allow=["PLAIN", "SCRAM-SHA-256"])
LONG = b"A" * 12288


class Common(ServerCases, unittest.TestCase):
    """What holds for every protocol."""

    words = ServerWords(
        peer=_peer,
        profile=profiles.IMAP,
        auth=b"AUTHENTICATE %b",
        initial=b" %b",
        success=b"a1 OK ",
        prompt=b"+ \r\n",
        noop=b"NOOP",
        already=b"a1 BAD ",
        too_many=b"* BYE ",
        goodbye=b"* BYE ",
        starttls=b"STARTTLS",
        go=b"a1 OK ",
        too_late=b"* BYE ",
        refuse=lambda command: command.bad("Not now"),
        tag=b"a1 ",
    )


class Capabilities(Case):
    def test_computed_from_the_channel(self) -> None:
        for on, words in {
            TLS: "IMAP4rev1 SASL-IR AUTH=SCRAM-SHA-256 AUTH=PLAIN",
            CLEAR: "IMAP4rev1 STARTTLS LOGINDISABLED SASL-IR AUTH=SCRAM-SHA-256",
        }.items():
            session = server(on, policy=ALL, starttls=True).session
            self.assertEqual(session.capabilities(), tuple(words.split()))

    def test_told_three_times(self) -> None:
        peer = server(policy=sasl.Policy(allow=["PLAIN"]))
        words = "IMAP4rev1 SASL-IR AUTH=PLAIN"
        self.assertEqual(
            bytes(peer.session.greeting("Hello")),
            f"* OK [CAPABILITY {words}] Hello\r\n".encode(),
        )
        self.assertEqual(
            bytes(peer.say(b"a1 capability\r\n")),
            f"* CAPABILITY {words}\r\na1 OK Done\r\n".encode(),
        )
        self.assertEqual(
            bytes(peer.say(b"a2 " + PLAIN)),
            b"a2 OK [CAPABILITY IMAP4rev1] Authenticated\r\n",
        )

    def test_told_inside_a_security_layer_not_in_front_of_it(self) -> None:
        session = server(policy=sasl.Policy(allow=["PLAIN"])).session
        session.receive(b"a1 " + PLAIN).deny()
        layered = sasl.Success(sasl.Identity("user"), layer=object())
        self.assertEqual(session.resume(layered).lines, ("a1 OK Authenticated",))
        self.assertEqual(session.capabilities(), ("IMAP4rev1", "AUTH=PLAIN"))

    def test_nothing_about_authentication_after_it(self) -> None:
        peer = server(capabilities=["IMAP4rev2", "MOVE"])
        peer.say(b"a1 " + PLAIN)
        self.assertEqual(peer.session.capabilities(), ("IMAP4rev2", "MOVE"))

    def test_nothing_on_offer(self) -> None:
        session = server(CLEAR, policy=sasl.Policy(allow=["PLAIN"])).session
        self.assertEqual(session.capabilities(), ("IMAP4rev1", "LOGINDISABLED"))

    def test_what_the_application_cannot_answer(self) -> None:
        session = server(answers=[sasl.FindScramKeys], policy=ALL).session
        self.assertIn("LOGINDISABLED", session.capabilities())
        self.assertNotIn("AUTH=PLAIN", session.capabilities())

    def test_without_login(self) -> None:
        session = server(login=False, policy=ALL).session
        self.assertIn("LOGINDISABLED", session.capabilities())
        self.assertIn("AUTH=PLAIN", session.capabilities())

    def test_without_initial_responses(self) -> None:
        profile = profiles.IMAP.replace(initial_response=False)
        peer = server(profile=profile)
        self.assertNotIn("SASL-IR", peer.session.capabilities())
        self.assert_reply(peer.say(b"a1 " + PLAIN), "a1 BAD ")
        self.assertEqual(peer.application.asked, [])

    def test_syntax(self) -> None:
        peer = server()
        self.assert_reply(peer.say(b"a1 CAPABILITY x"), "a1 BAD ")
        peer.say(b"a2 " + PLAIN)
        self.assert_reply(peer.say(b"a3 CAPABILITY x"), "a3 BAD ")


class Authenticate(Case):
    def test_the_last_message_of_scram_is_a_challenge(self) -> None:
        peer = for_mechanism("SCRAM-SHA-256")
        client = sasl.client(
            "SCRAM-SHA-256",
            sasl.Credentials("user", "pencil"),
            channel=TLS,
            policy=sasl.Policy(iterations=(1, 10000)),
            profile=profiles.IMAP,
        )
        reply = peer.say(b"a1 AUTHENTICATE SCRAM-SHA-256 " + client.start())
        for _ in range(2):
            self.assert_reply(reply, "+ ")
            reply = peer.say(client.step(reply.lines[0][2:].encode()))
        client.finish()
        self.assert_reply(reply, "a1 OK ")

    def test_a_space_behind_the_name(self) -> None:
        # mutt 2.2 does so where the server says SASL-IR and is to begin.
        peer = server()
        self.assert_reply(peer.say(b"a1 AUTHENTICATE CRAM-MD5 "), "+ P")
        peer.say(b"*")
        self.assert_reply(peer.say(b"a2 AUTHENTICATE PLAIN "), "+ ")

    def test_a_response_of_twelve_thousand_octets(self) -> None:
        peer = server()
        peer.application.token = "t" * 9000
        message = b"user=user\x01auth=Bearer " + b"t" * 9000 + b"\x01\x01"
        reply = peer.say(b"a1 AUTHENTICATE XOAUTH2 " + b64encode(message))
        self.assert_reply(reply, "a1 OK ")

    def test_only_once(self) -> None:
        peer = server()
        peer.say(b"a1 " + PLAIN)
        for line in (
            PLAIN,
            WRONG,
            b"LOGIN user pencil",
            b"AUTHENTICATE X",
            b"STARTTLS",
        ):
            with self.subTest(line):
                self.assert_reply(peer.say(b"a2 " + line), "a2 BAD ")
        self.assertEqual(peer.application.asked, ["CheckPassword"])

    def test_so_many_failures(self) -> None:
        peer = server(max_failures=2)
        for line in (WRONG, b"LOGIN user wrong"):
            self.assert_reply(peer.say(b"a1 " + line), "a1 NO ")
        self.assert_end(peer.say(b"a2 " + PLAIN), "* BYE ", "a2 NO ")
        self.assert_end(peer.say(b"a3 NOOP"), "* BYE ")


class Syntax(Case):
    def test_of_authenticate(self) -> None:
        for argument in (
            b"",
            b" ",
            b"  PLAIN",
            b" PLAIN  ",
            b" PLAIN  AHVzZXIAcGVuY2ls",
            b" PLAIN AHVzZXIAcGVuY2ls ",
            b" PLAIN AHVzZXIAcGVuY2ls x",
            b" (PLAIN",
            b' "PLAIN"',
            b" PLAIN*",
            b" PLAI\xce\x9d",
            b" PLAIN\t",
        ):
            peer = server()
            with self.subTest(argument):
                reply = peer.say(b"a1 AUTHENTICATE" + argument)
                self.assert_reply(reply, "a1 BAD ")
                self.assertEqual(peer.application.asked, [])
                self.assert_reply(peer.say(b"a2 " + PLAIN), "a2 OK ")

    def test_only_refused_for_want_of_encryption(self) -> None:
        peer = server(CLEAR)
        for line in (PLAIN, b"authenticate login", b"LOGIN user pencil"):
            with self.subTest(line):
                self.assert_reply(peer.say(b"a1 " + line), "a1 NO [PRIVACYREQUIRED] ")
        self.assertEqual(peer.application.asked, [])

    def test_not_base64(self) -> None:
        for text in (b"", b"=", b"{16}"):
            peer = server()
            peer.say(b"a1 AUTHENTICATE PLAIN")
            with self.subTest(text):
                self.assert_reply(peer.say(text + b"\r\n"), "a1 BAD ")
                self.assertEqual(peer.application.asked, [])
                self.assert_reply(peer.say(b"a2 " + PLAIN), "a2 OK ")

    def test_a_command_over_the_limit(self) -> None:
        # A literal may have been announced at its end, to be taken for commands.
        self.assert_end(server().say(b"a1 NOOP " + LONG), "* BYE ", "a1 BAD ")
        self.assert_end(server().say(LONG), "* BYE ", "* BAD ")

    def test_no_tag(self) -> None:
        for line in (b"", b"\r\n", b"NOOP", b" NOOP", b"* NOOP x", b"+ x", b"\xff x"):
            with self.subTest(line):
                self.assert_reply(server().say(line), "* BAD ")

    def test_no_command(self) -> None:
        for line in (b"a1 ", b"a1  NOOP", b"a1 NOOP ", b"a1 N(OP", b"a1 \xc3\xbc x"):
            with self.subTest(line):
                self.assert_reply(server().say(line), "a1 BAD ")

    def test_no_line_hides_another(self) -> None:
        for line in (
            b"a1 NOOP\na2 LOGOUT\r\n",
            b"a1 NOOP\ra2 LOGOUT\r\n",
            b"a1 NOOP\0\r\n",
            b"a1 ID \0\r\n",
            b"a1 NOOP\n",
        ):
            peer = server()
            with self.subTest(line):
                self.assert_reply(peer.say(line), "a1 BAD ")
                self.assertEqual(peer.commands, [])


class Commands(Case):
    def test_before_the_login(self) -> None:
        session = server().session
        self.assertEqual(session.receive(b"a1 noop"), Command("a1", "NOOP"))
        self.assertEqual(session.receive(b"a2 ID (x)"), Command("a2", "ID", b"(x)"))
        self.assertEqual(session.receive(b"a3 LOGOUT"), Command("a3", "LOGOUT"))
        for line in (b"SELECT INBOX", b"LIST x y", b"FOO", b"UID FETCH 1 ALL"):
            with self.subTest(line):
                self.assert_reply(server().say(b"a1 " + line), "a1 BAD ")

    def test_after_it_all_are_the_applications(self) -> None:
        peer = server()
        peer.say(b"a1 " + PLAIN)
        self.assertEqual(
            peer.session.receive(b"a2 uid FETCH 1 (FLAGS)"),
            Command("a2", "UID", b"FETCH 1 (FLAGS)"),
        )

    def test_the_end(self) -> None:
        peer = server()
        self.assert_end(peer.say(b"a1 LOGOUT"), "* BYE ", "a1 OK ")
        self.assert_end(peer.say(b"a2 NOOP"), "* BYE ")
        peer.session.closed()
        with self.assertRaises(sasl.StateError):
            peer.session.receive(b"a3 NOOP")

    def test_nobody_says_anything(self) -> None:
        self.assert_end(server().session.timed_out, "* BYE ")


class StartTLS(Case):
    def test_once(self) -> None:
        peer = server(CLEAR, starttls=True)
        self.assert_reply(peer.say(b"a1 STARTTLS"), "a1 OK ")
        peer.session.secured(TLS)
        self.assertNotIn("STARTTLS", peer.session.capabilities())
        self.assert_reply(peer.say(b"a2 STARTTLS"), "a2 BAD ")
        self.assert_reply(peer.say(b"a3 " + PLAIN), "a3 OK ")

    def test_not_offered(self) -> None:
        self.assert_reply(server(CLEAR).say(b"a1 STARTTLS"), "a1 BAD ")
        self.assert_reply(server(starttls=True).say(b"a1 STARTTLS"), "a1 BAD ")
        peer = server(CLEAR, starttls=True)
        self.assert_reply(peer.say(b"a1 STARTTLS now"), "a1 BAD ")
        self.assertFalse(peer.session.wants_tls)


class Values(Case):
    def test_its_repr_shows_no_secret(self) -> None:
        session = server().session
        session.receive(b"a1 LOGIN user {6+}")
        session.receive(b"pencil")
        self.assertNotIn("pencil", repr(session) + repr(session.incoming))

    def test_a_waiting_session_can_be_copied(self) -> None:
        session = server().session
        session.incoming.feed(b"a1 LOGIN user {6+}\r\npen")
        session.receive(session.incoming.next())
        twin = deepcopy(session)
        twin.incoming.feed(b"cil\r\n")
        self.assertEqual(bytes(twin.receive(twin.incoming.next())), b"")
        request = twin.receive(twin.incoming.next())
        self.assertEqual((request.username, request.password), ("user", "pencil"))
        self.assertIsNone(session.incoming.next())

    def test_options_go_where_they_belong(self) -> None:
        session = ServerSession(TLS, policy=sasl.Policy(allow=["PLAIN"]))
        self.assertEqual(session.line_limit, 12288)
        self.assertIs(session.channel, TLS)
