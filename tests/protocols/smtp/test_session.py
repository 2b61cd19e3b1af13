"""ClientSession: from the greeting to 235, whatever the server does."""

from __future__ import annotations

import pickle
import unittest
from copy import deepcopy

import sasl_core as sasl
from sasl_core import Reason, profiles
from sasl_core.protocols.smtp import ClientSession

from ..._hypothesis import given, settings, st
from ._peer import CLEAR, TLS, login, server

USER = sasl.Credentials("user", "pencil")
GREETING = b"220 mail.example.com ESMTP\r\n"
PLAIN = b"250-mail.example.com\r\n250 AUTH PLAIN\r\n"
STARTTLS = b"250-mail.example.com\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n"


def session(on: sasl.Channel = TLS, **options) -> ClientSession:
    """Make a client."""
    return ClientSession(options.pop("credentials", USER), channel=on, **options)


class Case(unittest.TestCase):
    def feed(self, client: ClientSession, *replies: bytes) -> bytes:
        """Feed replies; return what the client sends to the last one."""
        output = b""
        for reply in replies:
            output = client.receive(reply)
        return output


class Success(Case):
    def test_from_the_greeting(self) -> None:
        client = session(local_name="client.example")
        self.assertEqual(client.receive(GREETING), b"EHLO client.example\r\n")
        self.assertEqual(client.receive(PLAIN), b"AUTH PLAIN AHVzZXIAcGVuY2ls\r\n")
        self.assertFalse(client.authenticated)
        self.assertEqual(client.receive(b"235 2.7.0 OK\r\n"), b"")
        self.assertTrue(client.authenticated)
        self.assertEqual(client.mechanism, "PLAIN")
        self.assertEqual(client.ehlo, ("AUTH PLAIN",))

    def test_octet_by_octet(self) -> None:
        client = session()
        output = b""
        for octet in GREETING + PLAIN + b"235 2.7.0 OK\r\n":
            output += client.receive(bytes([octet]))
        self.assertTrue(client.authenticated)
        self.assertEqual(output.count(b"\r\n"), 2)

    def test_a_greeting_of_several_lines(self) -> None:
        client = session()
        self.assertEqual(client.receive(b"220-hello\r\n"), b"")
        self.assertEqual(client.receive(b"220 there\r\n"), b"EHLO localhost\r\n")

    def test_the_old_form_of_the_keyword(self) -> None:
        client = session()
        line = self.feed(client, GREETING, b"250-x\r\n250 AUTH=PLAIN\r\n")
        self.assertEqual(line, b"AUTH PLAIN AHVzZXIAcGVuY2ls\r\n")

    def test_lmtp_says_lhlo(self) -> None:
        client = session(profile=profiles.LMTP)
        self.assertEqual(client.receive(GREETING), b"LHLO localhost\r\n")

    def test_a_refused_mechanism_moves_on(self) -> None:
        client = session()
        output = self.feed(
            client,
            GREETING,
            b"250-x\r\n250 AUTH CRAM-MD5 PLAIN\r\n",
            b"504 5.5.4 no\r\n",
        )
        self.assertEqual(output, b"AUTH PLAIN AHVzZXIAcGVuY2ls\r\n")
        client.receive(b"235 ok\r\n")
        self.assertEqual(client.mechanism, "PLAIN")

    def test_the_end_of_a_session_is_its_end(self) -> None:
        client = session()
        self.feed(client, GREETING, PLAIN, b"235 ok\r\n")
        with self.assertRaises(sasl.StateError):
            client.receive(b"250 ok\r\n")


class Refusals(Case):
    def assert_raises(
        self, kind: type[Exception], *replies: bytes, **options
    ) -> Exception:
        client = session(**options)
        for reply in replies[:-1]:
            client.receive(reply)
        with self.assertRaises(kind) as caught:
            client.receive(replies[-1])
        self.assertFalse(client.authenticated)
        self.assertFalse(client.wants_tls)
        with self.assertRaises(sasl.StateError):
            client.receive(b"235 ok\r\n")
        return caught.exception

    def test_the_greeting(self) -> None:
        error = self.assert_raises(sasl.AuthenticationError, b"421 4.3.0 later\r\n")
        self.assertIs(error.reason, Reason.UNAVAILABLE)
        error = self.assert_raises(sasl.AuthenticationError, b"554 \x1b go away\r\n")
        self.assertEqual(error.reply, "554 ? go away")
        self.assert_raises(sasl.ProtocolError, b"250 hello\r\n")
        self.assert_raises(sasl.ProtocolError, b"235 you are in\r\n")

    def test_ehlo(self) -> None:
        self.assert_raises(sasl.AuthenticationError, GREETING, b"502 no\r\n")
        self.assert_raises(sasl.ProtocolError, GREETING, b"235 you are in\r\n")

    def test_nothing_on_offer(self) -> None:
        self.assert_raises(sasl.NoMechanism, GREETING, b"250 x\r\n")
        self.assert_raises(sasl.NoMechanism, GREETING, b"250-AUTH PLAIN\r\n250 x\r\n")

    def test_nothing_acceptable(self) -> None:
        error = self.assert_raises(
            sasl.NoMechanism, GREETING, PLAIN, on=CLEAR, starttls="never"
        )
        self.assertIn("encrypted", str(error))

    def test_a_wrong_password(self) -> None:
        error = self.assert_raises(
            sasl.AuthenticationError,
            GREETING,
            b"250-x\r\n250 AUTH CRAM-MD5 PLAIN LOGIN\r\n",
            b"334 PDFAeD4=\r\n",
            b"535 5.7.8 no\r\n",
        )
        self.assertFalse(error.try_another)

    def test_our_own_failure(self) -> None:
        client = session()
        self.feed(client, GREETING, b"250-x\r\n250 AUTH CRAM-MD5\r\n")
        self.assertEqual(client.receive(b"334 !\r\n"), b"*\r\n")
        self.assertIsInstance(deepcopy(client).closed(), sasl.ProtocolError)
        with self.assertRaises(sasl.ProtocolError):
            client.receive(b"235 ok\r\n")
        self.assertFalse(client.authenticated)

    def test_the_end_of_the_connection(self) -> None:
        client = session()
        self.feed(client, GREETING, PLAIN)
        error = client.closed()
        self.assertIsInstance(error, sasl.AuthenticationError)
        self.assertIs(error.reason, Reason.UNAVAILABLE)
        with self.assertRaises(sasl.StateError):
            client.receive(b"235 ok\r\n")

    def test_a_server_that_speaks_out_of_turn(self) -> None:
        self.assert_raises(sasl.ProtocolError, GREETING + PLAIN)
        self.assert_raises(sasl.ProtocolError, GREETING, PLAIN + b"2")
        self.assert_raises(sasl.ProtocolError, GREETING, PLAIN, b"235 ok\r\n250 x\r\n")

    def test_no_reply_at_all(self) -> None:
        self.assert_raises(sasl.ProtocolError, b"HTTP/1.1 400 Bad Request\r\n")

    def test_an_endless_reply(self) -> None:
        self.assert_raises(sasl.ProtocolError, GREETING, b"250-" + b"A" * 10_485_760)
        self.assert_raises(sasl.ProtocolError, GREETING, b"250-A\r\n" * 20_000)

    def test_endless_challenges(self) -> None:
        client = session()
        self.feed(client, GREETING, PLAIN)
        self.assertEqual(client.receive(b"334 \r\n"), b"*\r\n")
        with self.assertRaises(sasl.SASLError):
            client.receive(b"334 \r\n")


class StartTLS(Case):
    def test_before_auth(self) -> None:
        client = session(CLEAR)
        self.assertEqual(self.feed(client, GREETING, STARTTLS), b"STARTTLS\r\n")
        self.assertFalse(client.wants_tls)
        self.assertEqual(client.receive(b"220 go\r\n"), b"")
        self.assertTrue(client.wants_tls)
        self.assertEqual(client.secured(TLS), b"EHLO localhost\r\n")
        self.assertFalse(client.wants_tls)
        self.assertIs(client.channel, TLS)

    def test_the_list_from_before_counts_no_more(self) -> None:
        client = session(CLEAR)
        self.feed(client, GREETING, STARTTLS, b"220 go\r\n")
        client.secured(TLS)
        self.assertEqual(client.ehlo, ())
        output = client.receive(b"250-x\r\n250 AUTH LOGIN\r\n")
        self.assertEqual(output, b"AUTH LOGIN\r\n")

    def test_a_list_that_is_gone_after_tls(self) -> None:
        client = session(CLEAR)
        self.feed(client, GREETING, STARTTLS, b"220 go\r\n")
        client.secured(TLS)
        with self.assertRaises(sasl.NoMechanism):
            client.receive(b"250 x\r\n")

    def test_no_second_starttls(self) -> None:
        client = session(CLEAR)
        self.feed(client, GREETING, STARTTLS, b"220 go\r\n")
        client.secured(TLS)
        self.assertTrue(client.receive(STARTTLS).startswith(b"AUTH PLAIN"))

    def test_a_reply_injected_behind_the_220(self) -> None:
        for injected in (b"250-x\r\n250 AUTH PLAIN\r\n", b"2", b"\r\n"):
            client = session(CLEAR)
            self.feed(client, GREETING, STARTTLS)
            with self.subTest(injected), self.assertRaises(sasl.ProtocolError):
                client.receive(b"220 go\r\n" + injected)
            self.assertFalse(client.wants_tls)
            with self.assertRaises(sasl.StateError):
                client.secured(TLS)

    def test_a_reply_that_waits_in_the_connection(self) -> None:
        client = session(CLEAR)
        self.feed(client, GREETING, STARTTLS, b"220 go\r\n")
        with self.assertRaises(sasl.ProtocolError):
            client.start_tls(pending=True)
        with self.assertRaises(sasl.StateError):
            client.secured(TLS)

    def test_octets_before_the_handshake(self) -> None:
        client = session(CLEAR)
        self.feed(client, GREETING, STARTTLS, b"220 go\r\n")
        with self.assertRaises(sasl.StateError):
            client.receive(b"250 x\r\n")

    def test_required_and_not_offered(self) -> None:
        client = session(CLEAR, policy=sasl.Policy(cleartext="always"))
        client.receive(GREETING)
        with self.assertRaises(sasl.NoMechanism) as caught:
            client.receive(PLAIN)
        self.assertIn("STARTTLS", caught.exception.refusals)

    def test_required_and_refused(self) -> None:
        client = session(CLEAR, policy=sasl.Policy(cleartext="always"))
        self.feed(client, GREETING, STARTTLS)
        with self.assertRaises(sasl.NoMechanism):
            client.receive(b"454 4.7.0 no\r\n")

    def test_opportunistic_and_refused(self) -> None:
        client = session(
            CLEAR, starttls="opportunistic", policy=sasl.Policy(cleartext="always")
        )
        self.feed(client, GREETING, STARTTLS)
        output = client.receive(b"454 4.7.0 no\r\n")
        self.assertTrue(output.startswith(b"AUTH PLAIN"))

    def test_opportunistic_still_sends_no_password_in_the_clear(self) -> None:
        client = session(CLEAR, starttls="opportunistic")
        client.receive(GREETING)
        with self.assertRaises(sasl.NoMechanism):
            client.receive(PLAIN)

    def test_never(self) -> None:
        client = session(
            CLEAR, starttls="never", policy=sasl.Policy(cleartext="always")
        )
        self.assertTrue(self.feed(client, GREETING, STARTTLS).startswith(b"AUTH "))

    def test_never_inside_tls(self) -> None:
        self.assertTrue(self.feed(session(), GREETING, STARTTLS).startswith(b"AUTH "))

    def test_secured_out_of_order(self) -> None:
        client = session(CLEAR)
        with self.assertRaises(sasl.StateError):
            client.secured(TLS)
        self.feed(client, GREETING, STARTTLS, b"220 go\r\n")
        with self.assertRaises(sasl.StateError):
            client.secured(CLEAR)


class Values(Case):
    def test_local_names(self) -> None:
        for name in ("a b", "a\r\nQUIT", "a\0", "ü", "a\tb", ""):
            with self.subTest(name), self.assertRaises(ValueError):
                session(local_name=name)

    def test_starttls_is_one_of_three(self) -> None:
        with self.assertRaises(ValueError):
            session(starttls="maybe")

    def test_it_is_never_pickled(self) -> None:
        with self.assertRaises(TypeError):
            pickle.dumps(session())

    def test_its_repr_shows_no_secret(self) -> None:
        self.assertNotIn("pencil", repr(session()))

    def test_a_waiting_session_can_be_copied(self) -> None:
        client = session()
        client.receive(GREETING)
        twin = deepcopy(client)
        self.assertEqual(twin.receive(PLAIN), client.receive(PLAIN))
        twin.receive(b"235 ok\r\n")
        self.assertTrue(twin.authenticated)
        self.assertFalse(client.authenticated)


_LINES = st.sampled_from(
    [
        GREETING,
        PLAIN,
        STARTTLS,
        b"250-x\r\n250 AUTH CRAM-MD5 LOGIN SCRAM-SHA-256 PLAIN XOAUTH2\r\n",
        b"220 go\r\n",
        b"334 \r\n",
        b"334 PDFAeD4=\r\n",
        b"334 cj14LHM9eCxpPTE=\r\n",
        b"235 2.7.0 ok\r\n",
        b"504 5.5.4 no\r\n",
        b"535 5.7.8 no\r\n",
        b"454 4.7.0 later\r\n",
    ]
)


class Anything(Case):
    @given(st.lists(_LINES | st.binary(max_size=40), max_size=10), st.booleans())
    @settings(max_examples=300)
    def test_only_sasl_errors(self, replies: list[bytes], encrypted: bool) -> None:
        client = session(TLS if encrypted else CLEAR, starttls="opportunistic")
        sent = b""
        try:
            for reply in replies:
                if client.authenticated:
                    break
                if client.wants_tls:
                    sent = client.secured(TLS)
                    continue
                sent += client.receive(reply)
                self.assertTrue(sent == b"" or sent.endswith(b"\r\n"))
        except sasl.SASLError:
            self.assertFalse(client.authenticated)
        if client.authenticated:
            self.assertIn(b"235 2.7.0 ok\r\n", replies)
            self.assertIn(b"AUTH ", sent)


class Joined(Case):
    def test_over_starttls(self) -> None:
        peer = server(CLEAR, starttls=True, policy=sasl.Policy(allow=["PLAIN"]))
        client = session(CLEAR)
        wire = login(client, peer)
        self.assertEqual(
            [line.split()[0] for line in wire[1::2]],
            [b"EHLO", b"STARTTLS", b"EHLO", b"AUTH"],
        )
        self.assertEqual(peer.session.identity.authcid, "user")

    def test_a_wrong_password_is_one_attempt(self) -> None:
        peer = server(policy=sasl.Policy(allow=["PLAIN", "LOGIN", "XOAUTH2"]))
        client = session(credentials=sasl.Credentials("user", "wrong", token=None))
        with self.assertRaises(sasl.AuthenticationError):
            login(client, peer)
        self.assertEqual(len(peer.application.asked), 1)
