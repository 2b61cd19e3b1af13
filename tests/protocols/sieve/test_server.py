"""The server: what it answers itself, and when (RFC 5804)."""

from __future__ import annotations

import unittest
from base64 import b64decode, b64encode

import sasl_core as sasl
from sasl_core import Reason, profiles
from sasl_core.protocols.sieve import Command, Reply, ServerSession

from .._server_cases import ServerCases
from .._server_words import ServerWords
from . import _peer
from ._peer import CLEAR, PLAIN, TLS, server

YES = b'OK "Done"\r\n'
SYNTAX = b'NO "Arguments are strings and numbers"\r\n'


class Common(ServerCases, unittest.TestCase):
    """What holds for every protocol."""

    words = ServerWords(
        peer=_peer,
        profile=profiles.MANAGESIEVE,
        auth=b'AUTHENTICATE "%b"',
        initial=b' "%b"',
        success=b"OK\r\n",
        prompt=b'""\r\n',
        noop=b'NOOP "x"',
        already=b'NO "Already authenticated"',
        too_many=b'BYE "Too many',
        goodbye=b"BYE ",
        starttls=b"STARTTLS",
        go=b"OK ",
        too_late=b'BYE "Nothing may follow STARTTLS"',
        refuse=lambda _: Reply("NO", "Not now"),
        response=b'"%b"',
        empty=b'""',
        empty_initial=b"",
        long_response=b"{13000+}\r\n" + b"x" * 13_000,
    )


class Greeting(unittest.TestCase):
    def test_the_capabilities(self) -> None:
        peer = server(policy=sasl.Policy(allow=["PLAIN", "LOGIN"]))
        self.assertEqual(
            bytes(peer.session.greeting("Hello")),
            b'"IMPLEMENTATION" "sasl_core"\r\n"SIEVE" ""\r\n"VERSION" "1.0"\r\n'
            b'"SASL" "PLAIN LOGIN"\r\nOK "Hello"\r\n',
        )

    def test_before_tls(self) -> None:
        peer = server(
            CLEAR, starttls=True, capabilities={}, policy=sasl.Policy(allow=["PLAIN"])
        )
        self.assertEqual(
            peer.line(b"CAPABILITY"), b'"SASL" ""\r\n"STARTTLS"\r\nOK "Done"\r\n'
        )

    def test_after_the_login(self) -> None:
        peer = server(
            capabilities={"NOTIFY": "mailto"}, policy=sasl.Policy(allow=["PLAIN"])
        )
        peer.line(PLAIN)
        self.assertEqual(
            peer.line(b"capability"),
            b'"NOTIFY" "mailto"\r\n"SASL" "PLAIN"\r\n"OWNER" "user"\r\nOK "Done"\r\n',
        )


class Authenticate(unittest.TestCase):
    def test_plain(self) -> None:
        for line in (
            PLAIN,
            b'authenticate "plain" "AHVzZXIAcGVuY2ls"',
            b"AUTHENTICATE {5+}\r\nPLAIN {16+}\r\nAHVzZXIAcGVuY2ls",
            b'AUTHENTICATE "PLAIN"\r\n"AHVzZXIAcGVuY2ls"',
            b'AUTHENTICATE "PLAIN"\r\n{16+}\r\nAHVzZXIAcGVuY2ls',
        ):
            peer = server()
            said = peer.line(line).removeprefix(b'""\r\n')
            with self.subTest(line):
                self.assertEqual(said, b"OK\r\n")
                self.assertEqual(peer.session.identity.authcid, "user")

    def test_a_quoted_string_over_1024(self) -> None:
        peer = server()
        text = b64encode(b"\0user\0" + b"x" * 800)
        self.assertIn(b"NO ", peer.line(b'AUTHENTICATE "PLAIN" "%b"' % text))
        self.assertEqual(peer.session.failure.reason, Reason.BAD_CREDENTIALS)

    def test_an_empty_initial_response(self) -> None:
        peer = server(sasl.Channel(True, external="user"))
        self.assertEqual(peer.line(b'AUTHENTICATE "EXTERNAL" ""'), b"OK\r\n")
        peer = server(sasl.Channel(True, external="user"))
        # The equals sign is other protocols' word for it.
        peer.line(b'AUTHENTICATE "EXTERNAL" "="')
        self.assertIs(peer.session.failure.reason, Reason.MALFORMED)

    def test_success_with_data(self) -> None:
        peer = server()
        client = sasl.client(
            "SCRAM-SHA-256",
            sasl.Credentials("user", "pencil"),
            channel=TLS,
            policy=sasl.Policy(iterations=(1, 10_000)),
            profile=profiles.MANAGESIEVE,
        )
        said = peer.line(b'AUTHENTICATE "SCRAM-SHA-256" "%b"' % client.start())
        said = peer.line(b'"%b"' % client.step(said.strip().strip(b'"')))
        self.assertRegex(said, rb'^OK \(SASL "[A-Za-z0-9+/=]+"\)\r\n$')
        client.finish(said.split(b'"')[1])

    def test_aborted(self) -> None:
        for star in (b'"*"', b"{1+}\r\n*"):
            peer = server()
            peer.line(b'AUTHENTICATE "PLAIN"')
            self.assertEqual(peer.line(star), b'NO "Authentication aborted"\r\n')
            self.assertIs(peer.session.failure.reason, Reason.ABORTED)

    def test_a_response_that_is_none(self) -> None:
        for line in (
            b"",
            b"*",
            b"AHVzZXIAcGVuY2ls",
            b'"AHVzZXIAcGVuY2ls" ',
            b'"a" "b"',
            b'"AHVzZXIAcGVuY2l"',
            b'"!"',
            b'"\xff"',
            b'"\0"',
            b"LOGOUT",
            b'NOOP "x"',
            PLAIN,
        ):
            peer = server()
            self.assertEqual(peer.line(b'AUTHENTICATE "PLAIN"'), b'""\r\n')
            with self.subTest(line):
                self.assertEqual(
                    peer.line(line), b'NO "Malformed authentication response"\r\n'
                )
                self.assertEqual(peer.line(PLAIN), b"OK\r\n")

    def test_syntax(self) -> None:
        for arguments in (b"", b" ", b' "PLAIN" "a" "b"', b" 12", b" PLAIN", b" ()"):
            peer = server()
            with self.subTest(arguments):
                said = peer.line(b"AUTHENTICATE" + arguments)
                self.assertTrue(said.startswith(b"NO "))
                self.assertEqual(said.count(b"\r\n"), 1)
                self.assertIsNone(peer.session.failure)

    def test_names(self) -> None:
        peer = server(CLEAR, starttls=True)
        for name, start in (
            (b"PLAIN", b"NO (ENCRYPT-NEEDED) "),
            (b"NONSENSE", b'NO "Unsupported'),
            (b"", b'NO "Unsupported'),
            ("\uff30LAIN".encode(), b'NO "Unsupported'),
            (b"PL\\\\AIN", b'NO "Unsupported'),
        ):
            with self.subTest(name):
                said = peer.line(b'AUTHENTICATE "%b" "AHVzZXIAcGVuY2ls"' % name)
                self.assertTrue(said.startswith(start), said)
        self.assertEqual(peer.application.asked, [])

    def test_no_initial_response_where_the_profile_has_none(self) -> None:
        peer = server(profile=profiles.MANAGESIEVE.replace(initial_response=False))
        self.assertIn(b"takes no initial response", peer.line(PLAIN))

    def test_twice(self) -> None:
        peer = server(CLEAR, policy=sasl.Policy(cleartext="always"), starttls=True)
        peer.line(PLAIN)
        self.assertEqual(peer.line(PLAIN), b'NO "Already authenticated"\r\n')
        self.assertEqual(peer.line(b"STARTTLS"), b'NO "Already authenticated"\r\n')
        self.assertEqual(len(peer.application.asked), 1)


class Commands(unittest.TestCase):
    def test_before_the_login(self) -> None:
        peer = server()
        self.assertEqual(peer.line(b'NOOP "tag"'), YES)
        self.assertEqual(peer.line(b"noop"), YES)
        for line in (b"LISTSCRIPTS", b'PUTSCRIPT "a" {1+}\r\nx', b"UNAUTHENTICATE"):
            with self.subTest(line):
                self.assertEqual(peer.line(line), b'NO "Authenticate first"\r\n')
        self.assertEqual(peer.line(b"LOGOUT"), b'OK "Bye"\r\n')
        self.assertEqual(
            peer.commands,
            [Command("NOOP", (b"tag",)), Command("NOOP"), Command("LOGOUT")],
        )

    def test_after_the_login(self) -> None:
        peer = server()
        peer.line(PLAIN)
        script = b'keep;\r\n# "{3+}\r\nLOGOUT\r\n\0\xff'
        self.assertEqual(
            peer.line(b'PutScript "m\\"" {%d+}\r\n%b' % (len(script), script)), YES
        )
        self.assertEqual(peer.line(b'HAVESPACE "x" 1234567890'), YES)
        self.assertEqual(
            peer.commands,
            [
                Command("PUTSCRIPT", (b'm"', script)),
                Command("HAVESPACE", (b"x", 1234567890)),
            ],
        )

    def test_what_is_no_command(self) -> None:
        for line in (
            b"",
            b" ",
            b'"AUTHENTICATE"',
            b"NO\0OP",
            b"NOOP\t",
            b"\xffNOOP",
            b"EHLO\n",
        ):
            with self.subTest(line):
                self.assertEqual(server().line(line), b'NO "Not a command"\r\n')
        for line in (
            b"NOOP ",
            b"NOOP x",
            b'NOOP "x',
            b'NOOP "x" ',
            b'NOOP "a\nb"',
            b'NOOP "a\0b"',
            b'NOOP "\\a"',
            b"NOOP {3x}",
            b'NOOP "{2+}',
        ):
            with self.subTest(line):
                self.assertEqual(server().line(line), SYNTAX)

    def test_pipelined(self) -> None:
        peer = server()
        said = peer.feed(PLAIN + b"\r\nNOOP\r\nPUTSCRIPT {1+}\r\na {2+}\r\nbc\r\n")
        self.assertEqual(said, b"OK\r\n" + YES + YES)
        self.assertEqual(peer.commands[-1], Command("PUTSCRIPT", (b"a", b"bc")))

    def test_the_end_of_an_idle_connection(self) -> None:
        self.assertTrue(server().session.timed_out.close)
        self.assertEqual(server().session.timed_out.condition, "BYE")

    def test_a_profile_that_says_nonsense(self) -> None:
        peer = server(profile=profiles.MANAGESIEVE.replace(success='"OK"'))
        with self.assertRaises(ValueError):
            peer.line(PLAIN)


class Limits(unittest.TestCase):
    def test_a_command_with_literals_before_the_login(self) -> None:
        peer = server()
        for size in (12300, 1_000_000):
            said = peer.feed(b"NOOP {%d+}\r\n" % size)
            for _ in range(size // 100):
                said += peer.feed(b"LOGOUT\r\n" + b"x" * 92)
            said += peer.feed(b"y" * (size % 100))
            self.assertEqual(said, b"")
            self.assertLess(len(peer.session.incoming._text), 12_300)
            self.assertEqual(
                peer.feed(b"\r\n"), b'NO (QUOTA/MAXSIZE) "Command too long"\r\n'
            )
        self.assertEqual(peer.line(PLAIN), b"OK\r\n")

    def test_a_script(self) -> None:
        peer = server(script_limit=20_000)
        peer.line(PLAIN)
        for size, said in ((20_000, b"OK"), (40_000, b"NO (QUOTA/MAXSIZE)")):
            line = b'PUTSCRIPT "x" {%d+}\r\n%b' % (size, b"x" * size)
            with self.subTest(size):
                self.assertTrue(peer.line(line).startswith(said))
        self.assertEqual(peer.line(b"NOOP"), YES)

    def test_a_line_without_end(self) -> None:
        peer = server()
        peer.feed(b"NOOP " + b"x" * 12_283)
        self.assertEqual(peer.feed(b"x"), b'BYE "Line too long"\r\n')
        self.assertTrue(peer.feed(b"x" * 70_000 + b"\r\nNOOP\r\n").startswith(b"BYE"))

    def test_a_line_of_the_limit(self) -> None:
        line = b'NOOP "' + b"x" * (12_288 - 9) + b'"'
        self.assertEqual(len(line), 12_286)
        self.assertEqual(server().line(line), YES)

    def test_a_response_over_the_limit(self) -> None:
        peer = server()
        peer.line(b'AUTHENTICATE "PLAIN"')
        self.assertEqual(
            peer.line(b"{13000+}\r\n" + b"x" * 13_000),
            b'NO "Authentication response is too long"\r\n',
        )
        self.assertEqual(peer.line(b'AUTHENTICATE "PLAIN"'), b'""\r\n')
        self.assertEqual(peer.line(b"x" * 13_000)[:3], b"BYE")

    def test_a_literal_that_never_ends(self) -> None:
        peer = server()
        self.assertEqual(peer.feed(b"NOOP {99999999999999+}\r\nLOGOUT\r\n"), b"")
        self.assertTrue(peer.session.incoming.pending)


class StartTLS(unittest.TestCase):
    def test_the_server_speaks_first_after_it(self) -> None:
        peer = server(CLEAR, starttls=True, policy=sasl.Policy(allow=["PLAIN"]))
        self.assertEqual(peer.line(b"STARTTLS"), b'OK "Begin TLS negotiation now"\r\n')
        self.assertTrue(peer.session.wants_tls)
        first = bytes(peer.session.secured(TLS))
        self.assertIn(b'"SASL" "PLAIN"\r\n', first)
        self.assertNotIn(b"STARTTLS", first)
        self.assertEqual(peer.line(PLAIN), b"OK\r\n")

    def test_the_beginning_of_a_literal_behind_it(self) -> None:
        peer = server(CLEAR, starttls=True)
        said = peer.feed(b"STARTTLS\r\n{5+}\r\nNOO")
        self.assertTrue(said.startswith(b"BYE "), said)

    def test_where_it_is_not_offered(self) -> None:
        for peer in (server(CLEAR), server(TLS, starttls=True)):
            self.assertEqual(
                peer.line(b"STARTTLS"), b'NO "STARTTLS is not offered"\r\n'
            )
        peer = server(CLEAR, starttls=True)
        self.assertTrue(peer.line(b'STARTTLS "now"').startswith(b"NO "))
        self.assertFalse(peer.session.wants_tls)


class Challenges(unittest.TestCase):
    def test_a_long_one_is_a_literal(self) -> None:
        session = ServerSession(TLS)
        text = b64encode(b"x" * 900)
        octets = bytes(session._challenge(text))
        self.assertEqual(octets, b"{1200}\r\n%b\r\n" % text)

    def test_cram_md5(self) -> None:
        said = server().line(b'AUTHENTICATE "CRAM-MD5"')
        self.assertRegex(b64decode(said.strip().strip(b'"')), rb"^<.*@.*>$")
