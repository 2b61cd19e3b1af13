"""The server: what it answers itself, and when (RFC 4643, RFC 4642, RFC 3977)."""

from __future__ import annotations

import unittest

import sasl_core as sasl
from sasl_core import Reason, profiles
from sasl_core.protocols.nntp import Command, Reply

from ..._data import vectors
from .._server_cases import ServerCases
from .._server_words import ServerWords
from . import _peer
from ._peer import ACCEPTED, CLEAR, PLAIN, TLS, WRONG, server

SYNTAX = b"501 Syntax: AUTHINFO USER, PASS or SASL, and its argument\r\n"
NO = b"481 Authentication failed\r\n"
MORE = b"381 Password required\r\n"


class Common(ServerCases, unittest.TestCase):
    """What holds for every protocol."""

    words = ServerWords(
        peer=_peer,
        profile=profiles.NNTP,
        auth=b"AUTHINFO SASL %b",
        initial=b" %b",
        success=ACCEPTED,
        prompt=b"383 =\r\n",
        noop=b"HELP",
        already=b"502 ",
        too_many=b"400 Too many",
        goodbye=b"400 ",
        starttls=b"STARTTLS",
        go=b"382 ",
        too_late=b"580 ",
        refuse=lambda _: Reply(580, "Not now"),
        empty=b"=",
    )


class Capabilities(unittest.TestCase):
    def listed(self, peer, line: bytes = b"CAPABILITIES") -> list[bytes]:
        first, *lines, dot, end = peer.line(line).split(b"\r\n")
        self.assertEqual((first[:4], dot, end), (b"101 ", b".", b""))
        return lines

    def test_before_the_login(self) -> None:
        peer = server(policy=sasl.Policy(allow=["PLAIN", "LOGIN"]), require_auth=True)
        for line in (b"CAPABILITIES", b"capabilities", b"Capabilities x \t"):
            self.assertEqual(
                self.listed(peer, line),
                [b"VERSION 2", b"READER", b"AUTHINFO USER SASL", b"SASL PLAIN LOGIN"],
            )

    def test_without_passwords(self) -> None:
        for options in (
            {"login": False, "policy": sasl.Policy(allow=["PLAIN"])},
            {"policy": sasl.Policy(allow=["CRAM-MD5"])},
        ):
            peer = server(capabilities=["VERSION 2"], **options)
            self.assertIn(b"AUTHINFO SASL", self.listed(peer))

    def test_before_tls(self) -> None:
        peer = server(CLEAR, starttls=True, policy=sasl.Policy(allow=["PLAIN"]))
        self.assertEqual(self.listed(peer), [b"VERSION 2", b"READER", b"STARTTLS"])

    def test_after_the_login(self) -> None:
        peer = server(CLEAR, starttls=True, policy=sasl.Policy(cleartext="always"))
        peer.line(PLAIN)
        self.assertEqual(self.listed(peer), [b"VERSION 2", b"READER"])

    def test_inside_a_layer(self) -> None:
        # RFC 4643, section 2.1: the mechanisms again, to compare.
        peer = server(policy=sasl.Policy(allow=["PLAIN"]))
        peer.session.receive(PLAIN).answer(True)
        identity = sasl.Identity("user")
        peer.session.resume(sasl.Success(identity, None, "GSSAPI", False, object()))
        self.assertEqual(self.listed(peer), [b"VERSION 2", b"READER", b"SASL PLAIN"])


class Sasl(unittest.TestCase):
    def test_an_empty_message(self) -> None:
        on = sasl.Channel(True, external="user")
        self.assertEqual(server(on).line(b"AUTHINFO SASL EXTERNAL ="), ACCEPTED)
        peer = server(on)
        self.assertEqual(peer.line(b"AUTHINFO SASL EXTERNAL"), b"383 =\r\n")
        self.assertEqual(peer.line(b"="), ACCEPTED)
        peer = server(on)
        peer.line(b"AUTHINFO SASL EXTERNAL")
        self.assertEqual(peer.line(b""), b"482 SASL protocol error\r\n")

    def test_success_with_data(self) -> None:
        peer = server()
        client = sasl.client(
            "SCRAM-SHA-256",
            sasl.Credentials("user", "pencil"),
            channel=TLS,
            policy=sasl.Policy(iterations=(1, 10_000)),
            profile=profiles.NNTP,
        )
        said = peer.line(b"AUTHINFO SASL SCRAM-SHA-256 " + client.start())
        said = peer.line(client.step(said[4:-2]))
        self.assertRegex(said, rb"^283 [A-Za-z0-9+/=]+\r\n$")
        client.finish(said[4:-2])

    def test_names(self) -> None:
        peer = server(CLEAR, starttls=True)
        for name, code in (
            (b"PLAIN", b"483"),
            (b"NONSENSE", b"503"),
            ("\uff30LAIN".encode(), b"503"),
        ):
            with self.subTest(name):
                self.assertEqual(peer.line(b"AUTHINFO SASL " + name)[:3], code)
        self.assertEqual(peer.application.asked, [])

    def test_no_initial_response_where_the_profile_has_none(self) -> None:
        peer = server(profile=profiles.NNTP.replace(initial_response=False))
        self.assertEqual(peer.line(PLAIN)[:3], b"482")

    def test_too_many(self) -> None:
        peer = server(max_failures=2)
        peer.line(WRONG)
        peer.line(b"AUTHINFO USER user")
        peer.line(b"AUTHINFO PASS wrong")
        self.assertEqual(peer.line(PLAIN), b"400 Too many failed attempts\r\n")
        self.assertEqual(peer.line(b"HELP")[:3], b"400")
        self.assertIsNone(peer.session.identity)


class UserAndPass(unittest.TestCase):
    def test_a_login(self) -> None:
        peer = server()
        self.assertEqual(peer.line(b"AUTHINFO USER user"), MORE)
        self.assertEqual(peer.line(b"authinfo pass pencil"), ACCEPTED)
        self.assertEqual(peer.session.success.mechanism, "PLAIN")

    def test_spaces_and_more_than_ascii(self) -> None:
        peer = server()
        peer.application.username, peer.application.password = "j ü", " p ä "
        peer.line("AUTHINFO USER j ü".encode())
        self.assertEqual(peer.line("AUTHINFO PASS  p ä ".encode()), ACCEPTED)

    def test_a_wrong_password_and_an_unknown_user(self) -> None:
        for user, password in ((b"user", b"wrong"), (b"nobody", b"pencil")):
            peer = server()
            self.assertEqual(peer.line(b"AUTHINFO USER " + user), MORE)
            self.assertEqual(peer.line(b"AUTHINFO PASS " + password), NO)
            # The name is used up.
            self.assertEqual(peer.line(b"AUTHINFO PASS pencil")[:3], b"482")

    def test_out_of_sequence(self) -> None:
        peer = server()
        self.assertEqual(peer.line(b"AUTHINFO PASS pencil")[:3], b"482")
        for between in (b"HELP", b"", b"AUTHINFO PASS", b"CAPABILITIES", b"x" * 13_000):
            peer.line(b"AUTHINFO USER user")
            peer.line(between)
            with self.subTest(between[:20]):
                self.assertEqual(peer.line(b"AUTHINFO PASS pencil")[:3], b"482")
        self.assertEqual(peer.application.asked, [])

    def test_the_last_name_counts(self) -> None:
        peer = server()
        peer.line(b"AUTHINFO USER nobody")
        peer.line(b"AUTHINFO USER user")
        self.assertEqual(peer.line(b"AUTHINFO PASS pencil"), ACCEPTED)

    def test_what_is_not_utf_8(self) -> None:
        peer = server()
        peer.line(b"AUTHINFO USER \xff")
        self.assertEqual(peer.line(b"AUTHINFO PASS x"), b"482 SASL protocol error\r\n")

    def test_refused_before_the_password_is_shown(self) -> None:
        for peer, code in (
            (server(CLEAR, starttls=True), b"483"),
            (server(policy=sasl.Policy(deny=["PLAIN"])), b"503"),
            (server(login=False), b"503"),
        ):
            self.assertEqual(peer.line(b"AUTHINFO USER user")[:3], code)
            self.assertEqual(peer.line(b"AUTHINFO PASS pencil")[:3], b"482")
            self.assertEqual(peer.application.asked, [])

    def test_the_name_from_before_tls(self) -> None:
        peer = server(CLEAR, starttls=True, policy=sasl.Policy(cleartext="always"))
        peer.line(b"AUTHINFO USER user")
        peer.line(b"STARTTLS")
        peer.session.secured(TLS)
        self.assertEqual(peer.line(b"AUTHINFO PASS pencil")[:3], b"482")

    def test_syntax(self) -> None:
        for line in (
            b"AUTHINFO",
            b"AUTHINFO ",
            b"AUTHINFO USER",
            b"AUTHINFO USER ",
            b"AUTHINFO PASS",
            b"AUTHINFO SASL",
            b"AUTHINFO SASL  ",
            b"AUTHINFO SASL PLAIN a b",
            b"AUTHINFO SIMPLE",
            b"AUTHINFO GENERIC x",
            b"AUTHINFO \xff",
        ):
            with self.subTest(line):
                self.assertEqual(server().line(line), SYNTAX)


class Commands(unittest.TestCase):
    def test_all_else_is_the_applications(self) -> None:
        peer = server()
        self.assertEqual(peer.line(b"mode reader"), b"200 Done\r\n")
        self.assertEqual(peer.line(b"XOVER\t1-2 "), b"200 Done\r\n")
        self.assertEqual(peer.line(b"QUIT"), b"205 Done\r\n")
        self.assertEqual(
            peer.commands,
            [Command("MODE", b"reader"), Command("XOVER", b"1-2 "), Command("QUIT")],
        )
        self.assertEqual(peer.line(b"HELP"), b"400 The connection is being closed\r\n")

    def test_a_login_that_is_required(self) -> None:
        peer = server(require_auth=True)
        for line in (b"GROUP misc.test", b"POST", b"NOSUCH", b"LIST"):
            self.assertEqual(peer.line(line), b"480 Authentication required\r\n")
        for line in (b"HELP", b"MODE READER", b"DATE"):
            self.assertEqual(peer.line(line), b"200 Done\r\n")
        peer.line(PLAIN)
        self.assertEqual(peer.line(b"GROUP misc.test"), b"200 Done\r\n")

    def test_after_the_login(self) -> None:
        peer = server(CLEAR, starttls=True, policy=sasl.Policy(cleartext="always"))
        peer.line(PLAIN)
        for line in (PLAIN, b"AUTHINFO USER user", b"AUTHINFO", b"STARTTLS"):
            with self.subTest(line):
                self.assertEqual(peer.line(line)[:3], b"502")

    def test_what_is_no_command(self) -> None:
        for line in (b"", b" HELP", b"HE", b"2HELP", b"HE\0LP", b"HELP a\nb", b"a\rb"):
            with self.subTest(line):
                self.assertEqual(server().line(line), b"501 Not a command\r\n")

    def test_a_line_over_the_limit(self) -> None:
        peer = server()
        self.assertEqual(peer.line(b"HELP " + b"x" * 12_290), b"501 Line too long\r\n")
        peer.line(b"AUTHINFO SASL PLAIN")
        self.assertEqual(peer.line(b"x" * 12_290), b"482 SASL protocol error\r\n")
        self.assertIs(peer.session.failure.reason, Reason.TOO_LONG)
        self.assertEqual(peer.line(PLAIN), ACCEPTED)

    def test_the_end_of_an_idle_connection(self) -> None:
        reply = server().session.timed_out
        self.assertEqual((bytes(reply), reply.close), (b"", True))


class StartTLS(unittest.TestCase):
    def test_where_it_is_not_offered(self) -> None:
        self.assertEqual(server(CLEAR).line(b"STARTTLS")[:3], b"500")
        self.assertEqual(server(TLS, starttls=True).line(b"STARTTLS")[:3], b"502")
        peer = server(CLEAR, starttls=True)
        self.assertEqual(peer.line(b"STARTTLS now")[:3], b"501")
        self.assertFalse(peer.session.wants_tls)


class Published(unittest.TestCase):
    """The dialogs of RFC 4643, with our server in the server's place."""

    def test_each(self) -> None:
        found = [v for v in vectors("smtp_profile") if v.get("profile") == "nntp"]
        self.assertEqual(len(found), 4)
        for vector in found:
            clear = vector["id"] == "nntp-neg-plaintext"
            peer = server(CLEAR if clear else TLS, starttls=True)
            peer.application.username = "test"
            peer.application.password = "1234"
            said = b""
            for line in vector["wire"]["lines"]:
                side, _, text = line.partition(": ")
                if side == "C":
                    # PLAIN begins with the client, too.
                    said = peer.line(text.replace("GSSAPI", "PLAIN").encode())
                    continue
                words = text.split(maxsplit=1)[0] if clear else text
                with self.subTest(vector["id"], line=line):
                    self.assertTrue(said.startswith(words.encode()), said)
            succeeded = vector["expect"]["outcome"] == "success"
            self.assertEqual(peer.session.identity is not None, succeeded)
