"""What must be true of STARTTLS in the server's session of every line protocol."""

from __future__ import annotations

from typing import Any

import sasl_core as sasl
from sasl_core import Reason

from ._server_words import ServerCase, hear


class ServerTlsCases(ServerCase):
    """The cases, to mix into a TestCase."""

    def in_the_clear(self, **options: Any) -> Any:
        """Make a server that offers STARTTLS."""
        return self.words.server(self.words.peer.CLEAR, starttls=True, **options)

    def test_starttls(self) -> None:
        """Once, and with nothing that was learnt before it."""
        policy = sasl.Policy(allow=["PLAIN"])
        peer = self.in_the_clear(policy=policy)
        command = self.words.tag + self.words.starttls
        reply = peer.line(command)
        self.assertTrue(reply.startswith(self.words.go), reply)
        self.assertTrue(peer.session.wants_tls)
        peer.session.secured(self.words.peer.TLS)
        self.assertFalse(peer.session.wants_tls)
        self.assertIs(peer.session.channel, self.words.peer.TLS)
        self.words.greet(peer)
        self.assertFalse(peer.line(command).startswith(self.words.go))
        self.assert_logged_in(peer)
        self.assertFalse(peer.line(command).startswith(self.words.go))

    def test_failures_from_before_tls_count(self) -> None:
        policy = sasl.Policy(cleartext="always")
        peer = self.in_the_clear(max_failures=1, policy=policy)
        peer.line(self.words.wrong)
        peer.line(self.words.tag + self.words.starttls)
        peer.session.secured(self.words.peer.TLS)
        self.words.greet(peer)
        reply = peer.line(self.words.plain)
        self.assertTrue(reply.startswith(self.words.too_many), reply)

    def test_starttls_where_it_is_not_offered(self) -> None:
        command = self.words.tag + self.words.starttls
        policy = sasl.Policy(cleartext="always")
        late = self.in_the_clear(policy=policy)
        late.line(self.words.plain)
        for peer, line in (
            (self.words.server(self.words.peer.CLEAR), command),
            (self.words.server(self.words.peer.TLS, starttls=True), command),
            (self.in_the_clear(), command + b" now"),
            (late, command),
        ):
            if peer is late and self.words.begins_anew:
                continue
            with self.subTest(line):
                self.assertFalse(peer.line(line).startswith(self.words.go))
                self.assertFalse(peer.session.wants_tls)

    def test_what_was_put_behind_starttls(self) -> None:
        # CVE-2011-0411 and its like: run as if it had come over TLS.
        for injected in (self.words.plain + b"\r\n", b"x", b"\r\n", b"\x16\x03\x01"):
            peer = self.in_the_clear()
            line = self.words.tag + self.words.starttls + b"\r\n"
            with self.subTest(injected):
                reply = peer.feed(line + injected)
                self.assertTrue(reply.startswith(self.words.too_late), reply)
                self.assertEqual(peer.application.asked, [])
                self.assertFalse(peer.session.wants_tls)

    def test_a_line_before_the_handshake(self) -> None:
        starttls = self.words.tag + self.words.starttls
        for line in (b"", self.words.plain, starttls, b"\x16\x03\x01"):
            peer = self.in_the_clear()
            peer.line(starttls)
            with self.subTest(line):
                reply = hear(peer.session, line)
                self.assertTrue(bytes(reply).startswith(self.words.too_late), reply)
                self.assertTrue(reply.close)
                with self.assertRaises(sasl.StateError):
                    peer.session.secured(self.words.peer.TLS)

    def test_starttls_is_a_response_in_an_exchange(self) -> None:
        peer = self.in_the_clear()
        peer.line(self.words.command(b"CRAM-MD5"))
        peer.line(self.words.tag + self.words.starttls)
        self.assertFalse(peer.session.wants_tls)
        self.assertIs(peer.session.failure.reason, Reason.MALFORMED)

    def test_starttls_refused_by_the_application(self) -> None:
        session = self.in_the_clear().session
        command = hear(session, self.words.tag + self.words.starttls)
        session.replied(command, self.words.refuse(command))
        self.assertFalse(session.wants_tls)
        with self.assertRaises(sasl.StateError):
            session.secured(self.words.peer.TLS)

    def test_secured_out_of_order(self) -> None:
        session = self.in_the_clear().session
        with self.assertRaises(sasl.StateError):
            session.secured(self.words.peer.TLS)
        hear(session, self.words.tag + self.words.starttls)
        with self.assertRaises(sasl.StateError):
            session.secured(self.words.peer.CLEAR)
