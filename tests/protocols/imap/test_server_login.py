"""ServerSession: LOGIN, and the literals it may come in (RFC 9051, 7888)."""

from __future__ import annotations

from sasl_core.protocols.imap import Command

from ._case import Case
from ._peer import CLEAR, PLAIN, server


class Login(Case):
    def test_words_and_strings(self) -> None:
        for argument in (
            b"user pencil",
            b'"user" "pencil"',
            b'user "pencil"',
            b'"us\\"er" pencil',
            b"{4+}\r\nuser {6+}\r\npencil",
            b'"user" {6+}\r\npencil',
        ):
            peer = server()
            peer.application.username = 'us"er' if b"\\" in argument else "user"
            with self.subTest(argument):
                sent = peer.feed(b"a1 login " + argument + b"\r\n")
                self.assertTrue(sent.startswith(b"a1 OK [CAPABILITY "), sent)
                self.assertEqual(peer.session.success.mechanism, "PLAIN")

    def test_literals_that_wait(self) -> None:
        peer = server()
        peer.application.username, peer.application.password = "jürgen", "pä 55"
        self.assertEqual(peer.feed(b"a1 LOGIN {7}\r\n")[:2], b"+ ")
        self.assertEqual(peer.feed("jürgen {6}\r\n".encode())[:2], b"+ ")
        self.assertEqual(peer.feed("pä 55".encode()), b"")
        self.assertTrue(peer.feed(b"\r\n").startswith(b"a1 OK "))
        self.assertEqual(peer.session.identity.authcid, "jürgen")

    def test_a_literal_is_no_line(self) -> None:
        peer = server()
        sent = peer.feed(b"a1 LOGIN user {14+}\r\n\r\na2 ID (EVIL)\r\n")
        self.assertRegex(sent, rb"^a1 NO [^\r]*\r\n$")
        self.assertEqual(peer.commands, [])

    def test_syntax(self) -> None:
        for argument in (
            b"",
            b" user",
            b" user pencil x",
            b" user  pencil",
            b' "user pencil',
            b' "user"pencil',
            b" us(er pencil",
            b' "us\\er" pencil',
            b" us\xc3\xbcr pencil",
            b" {4-}",
            b" user {6 }",
        ):
            peer = server()
            with self.subTest(argument):
                self.assert_reply(peer.say(b"a1 LOGIN" + argument), "a1 BAD ")
                self.assertEqual(peer.application.asked, [])

    def test_nul(self) -> None:
        for octets in (b'"us\0er" "pencil"\r\n', b"{5+}\r\nus\0er pencil\r\n"):
            peer = server()
            with self.subTest(octets):
                self.assertTrue(peer.feed(b"a1 LOGIN " + octets).startswith(b"a1 BAD "))
                self.assertEqual(peer.application.asked, [])

    def test_nobody_has_such_a_password(self) -> None:
        peer = server(max_failures=9)
        for argument in (b'user ""', b'"" pencil', b"user {0+}\r\n", b'user "\x7f"'):
            sent = peer.feed(b"a1 LOGIN " + argument + b"\r\n")
            with self.subTest(argument):
                self.assertTrue(sent.startswith(b"a1 NO [AUTHENTICATIONFAILED] "), sent)
        self.assertEqual(peer.application.asked, [])

    def test_wrong(self) -> None:
        reply = server().say(b"a1 LOGIN user wrong")
        self.assert_reply(reply, "a1 NO [AUTHENTICATIONFAILED] ")

    def test_not_in_the_clear_not_even_the_literal(self) -> None:
        for octets in (b"LOGIN {4}\r\n", b'login "user" {6}\r\n'):
            peer = server(CLEAR)
            with self.subTest(octets):
                sent = peer.feed(b"a1 " + octets)
                self.assertTrue(sent.startswith(b"a1 NO [PRIVACYREQUIRED] "), sent)
                self.assertTrue(peer.feed(b"a2 NOOP\r\n").startswith(b"a2 OK"))

    def test_not_in_the_clear_but_on_its_way(self) -> None:
        peer = server(CLEAR)
        sent = peer.feed(b"a1 LOGIN user {6+}\r\npencil\r\na2 NOOP\r\n")
        self.assertRegex(sent, rb"^a1 NO \[PRIVACYREQUIRED\] [^\r]*\r\na2 OK ")

    def test_switched_off(self) -> None:
        peer = server(login=False)
        self.assert_reply(peer.say(b"a1 LOGIN user pencil"), "a1 NO [CANNOT] ")
        self.assert_reply(peer.say(b"a2 LOGIN {4}"), "a2 NO [CANNOT] ")
        self.assert_reply(peer.say(b"a3 " + PLAIN), "a3 OK ")


class Literals(Case):
    def test_an_announced_size_costs_nothing(self) -> None:
        for size in (b"4294967295", b"9" * 30, b"12288"):
            peer = server()
            with self.subTest(size):
                sent = peer.feed(b"a1 LOGIN {" + size + b"}\r\n")
                self.assertTrue(sent.startswith(b"a1 BAD "))
                self.assertTrue(peer.feed(b"a2 NOOP\r\n").startswith(b"a2 OK"))

    def test_one_that_comes_all_the_same_is_the_end(self) -> None:
        for line in (
            b"a1 LOGIN {4294967295+}",
            b"a1 LOGIN {" + b"9" * 30 + b"+}",
            b"a1 LO\0GIN {14+}",
            b"* LOGIN {14+}",
            b"{14+}",
        ):
            peer = server()
            with self.subTest(line):
                sent = peer.feed(line + b"\r\na2 ID (EVIL)\r\n")
                self.assertRegex(sent, rb"^\* BYE [^\r]*\r\n(a1|\*) BAD [^\r]*\r\n$")
                self.assertEqual(peer.commands, [])

    def test_leading_zeros_are_no_way_around(self) -> None:
        peer = server()
        sent = peer.feed(b"a1 ID {00014+}\r\na2 ID (EVIL)\r\n\r\n")
        self.assertEqual(sent, b"a1 OK Done\r\n")
        self.assertEqual(len(peer.commands), 1)

    def test_of_the_applications(self) -> None:
        peer = server()
        peer.say(b"a1 " + PLAIN)
        self.assertEqual(peer.feed(b"a2 APPEND INBOX {20}\r\n")[:2], b"+ ")
        peer.feed(b"\0\r\n" + b"x" * 17 + b"\r\n")
        self.assertEqual(
            peer.commands,
            [Command("a2", "APPEND", b"INBOX {20}\r\n\0\r\n" + b"x" * 17)],
        )

    def test_more_of_them_after_the_login(self) -> None:
        peer = server(literal_limit=20_000)
        self.assertTrue(peer.feed(b"a1 NOOP {15000}\r\n").startswith(b"a1 BAD "))
        peer.say(b"a1 " + PLAIN)
        self.assertEqual(peer.feed(b"a2 APPEND x {15000}\r\n")[:2], b"+ ")
        sent = peer.feed(b"x" * 15_000 + b" {15000}\r\n")
        self.assertTrue(sent.startswith(b"a2 BAD "), sent)
        self.assertTrue(peer.feed(b"a3 NOOP\r\n").startswith(b"a3 OK"))

    def test_an_exchange_has_none(self) -> None:
        peer = server()
        peer.say(b"a1 AUTHENTICATE PLAIN")
        sent = peer.feed(b"{16+}\r\nAHVzZXIAcGVuY2ls\r\n")
        self.assertRegex(sent, rb"^a1 BAD [^\r]*\r\n\* BAD [^\r]*\r\n$")

    def test_a_line_over_the_limit_behind_one(self) -> None:
        peer = server()
        sent = peer.feed(b"a1 ID {1+}\r\nx" + b"y" * 13_000 + b"{14+}\r\na2 NOOP\r\n")
        self.assertRegex(sent, rb"^\* BYE [^\r]*\r\na1 BAD [^\r]*\r\n$")
