"""ClientSession: from the greeting to the tagged OK, whatever the server does."""

from __future__ import annotations

import pickle
import unittest
from copy import deepcopy

import sasl_core as sasl
from sasl_core import Reason, profiles
from sasl_core.protocols.imap import ClientSession

from ..._hypothesis import given, settings, st
from ._peer import CLEAR, TLS, login, server

USER = sasl.Credentials("user", "pencil")
GREETING = b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\n"
STARTTLS = b"* OK [CAPABILITY IMAP4rev1 SASL-IR STARTTLS LOGINDISABLED] ready\r\n"
BARE = b"* OK ready\r\n"
LIST = b"* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN\r\nC1 OK done\r\n"
PLAIN = b"A1 AUTHENTICATE PLAIN AHVzZXIAcGVuY2ls\r\n"
ANYHOW = sasl.Policy(cleartext="always")


def session(on: sasl.Channel = TLS, **options) -> ClientSession:
    """Make a client."""
    return ClientSession(options.pop("credentials", USER), channel=on, **options)


def feed(client: ClientSession, *replies: bytes) -> bytes:
    """Feed replies; return what the client sends to the last one."""
    output = b""
    for reply in replies:
        output = client.receive(reply)
    return output


class Success(unittest.TestCase):
    def test_capabilities_in_the_greeting(self) -> None:
        client = session()
        self.assertEqual(client.receive(GREETING), PLAIN)
        self.assertFalse(client.authenticated)
        self.assertEqual(client.receive(b"A1 OK in\r\n"), b"")
        self.assertTrue(client.authenticated)
        self.assertEqual(client.mechanism, "PLAIN")

    def test_capabilities_asked_for(self) -> None:
        client = session()
        self.assertEqual(client.receive(BARE), b"C1 CAPABILITY\r\n")
        self.assertEqual(client.receive(LIST), PLAIN)

    def test_octet_by_octet(self) -> None:
        client = session()
        output = b""
        for octet in BARE + LIST + b"* OK still here\r\nA1 OK in\r\n":
            output += client.receive(bytes([octet]))
        self.assertTrue(client.authenticated)
        self.assertEqual(output, b"C1 CAPABILITY\r\n" + PLAIN)

    def test_capabilities_after_it(self) -> None:
        for last, found in {
            b"A1 OK [CAPABILITY IMAP4rev1 MOVE] in\r\n": ("IMAP4REV1", "MOVE"),
            b"* CAPABILITY IMAP4rev1 MOVE\r\nA1 OK in\r\n": ("IMAP4REV1", "MOVE"),
            b"* CAPABILITY A\r\nA1 OK [CAPABILITY B] in\r\n": ("B",),
            b"A1 OK in\r\n": (),
        }.items():
            client = session()
            feed(client, GREETING, last)
            with self.subTest(last):
                self.assertEqual(client.capabilities, found)

    def test_untagged_responses_at_any_time(self) -> None:
        client = session()
        feed(client, BARE + b"* OK [ALERT] news\r\n", b"* 1 EXISTS\r\n")
        self.assertEqual(client.receive(LIST + b"* NO full\r\n* O"), PLAIN)
        feed(client, b"K x\r\n", b"A1 OK in\r\n* 2 EXI")
        self.assertTrue(client.authenticated)
        self.assertEqual(client.unread(), b"* 2 EXI")

    def test_login_where_there_is_no_mechanism(self) -> None:
        client = session(credentials=sasl.Credentials("jürgen", "pä55"))
        line = feed(client, b"* OK [CAPABILITY IMAP4rev1] x\r\n")
        self.assertEqual(line, b"A1 LOGIN {7}\r\n")
        self.assertEqual(client.receive(b"+ go\r\n"), "jürgen {5}\r\n".encode())
        self.assertEqual(client.receive(b"+ go\r\n"), "pä55\r\n".encode())
        client.receive(b"A1 OK in\r\n")
        self.assertTrue(client.authenticated)

    def test_a_profile_without_initial_responses(self) -> None:
        client = session(profile=profiles.IMAP.replace(initial_response=False))
        self.assertEqual(client.receive(GREETING), b"A1 AUTHENTICATE PLAIN\r\n")

    def test_a_token_from_a_source(self) -> None:
        client = session(credentials=sasl.Credentials("user", token=lambda error: "t"))
        self.assertEqual(client.receive(GREETING.replace(b"PLAIN", b"XOAUTH2")), b"")
        self.assertTrue(client.wants_token)
        line = client.give_token("t")
        self.assertTrue(line.startswith(b"A1 AUTHENTICATE XOAUTH2 "))
        self.assertEqual(feed(client, b"+ eyJzdGF0dXMiOiI0MDEifQ==\r\n"), b"\r\n")
        self.assertEqual(client.receive(b"A1 NO no\r\n"), b"")
        self.assertEqual(client.token_error.status, "401")
        with self.assertRaises(sasl.AuthenticationError):
            client.give_token("t")  # the very token that was refused

    def test_the_end_of_a_session_is_its_end(self) -> None:
        client = session()
        feed(client, GREETING, b"A1 OK in\r\n")
        with self.assertRaises(sasl.StateError):
            client.receive(b"* 1 EXISTS\r\n")


class Refusals(unittest.TestCase):
    def assert_raises(
        self, kind: type[Exception], *replies: bytes, **options
    ) -> Exception:
        client = session(**options)
        feed(client, *replies[:-1])
        with self.assertRaises(kind) as caught:
            client.receive(replies[-1])
        self.assertFalse(client.authenticated)
        self.assertFalse(client.wants_tls)
        with self.assertRaises(sasl.StateError):
            client.receive(b"A1 OK in\r\n")
        return caught.exception

    def test_the_greeting(self) -> None:
        error = self.assert_raises(sasl.AuthenticationError, b"* BYE \x1b later\r\n")
        self.assertIs(error.reason, Reason.UNAVAILABLE)
        self.assertEqual(error.reply, "BYE ? later")
        for line in (b"* PREAUTH hello\r\n", b"* preauth [CAPABILITY X] hello\r\n"):
            self.assert_raises(sasl.NoMechanism, line)
            self.assert_raises(sasl.NoMechanism, line, on=CLEAR)
        for line in (b"220 x\r\n", b"* \r\n", b"+ OK\r\n", b"A1 OK\r\n", b"* NO\r\n"):
            with self.subTest(line):
                self.assert_raises(sasl.ProtocolError, line)

    def test_capability(self) -> None:
        self.assert_raises(sasl.AuthenticationError, BARE, b"C1 BAD what\r\n")
        for line in (b"C2 OK\r\n", b"+ \r\n", b"A1 OK\r\n", b"C1 YES\r\n", b"\r\n"):
            with self.subTest(line):
                self.assert_raises(sasl.ProtocolError, BARE, line)

    def test_nothing_on_offer(self) -> None:
        nothing = b"* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] x\r\n"
        self.assert_raises(sasl.NoMechanism, nothing)
        self.assert_raises(
            sasl.NoMechanism, GREETING, on=CLEAR, starttls="never", policy=sasl.Policy()
        )

    def test_bye_at_any_time(self) -> None:
        for replies in (
            (BARE, b"* BYE\r\n"),
            (BARE, b"* CAPABILITY x\r\n* BYE later\r\nC1 OK done\r\n"),
            (GREETING, b"* bye later\r\n"),
            (GREETING, b"* BYE later\r\nA1 OK in\r\n"),
            (GREETING, b"* BYE later\r\n+ \r\n"),
            (GREETING, b"* BYE later\r\nA1 N"),
            (GREETING, b"* BYE later\r\n\0"),
        ):
            with self.subTest(replies):
                error = self.assert_raises(sasl.AuthenticationError, *replies)
                self.assertIs(error.reason, Reason.UNAVAILABLE)

    def test_what_is_said_with_bye(self) -> None:
        for last in (
            b"* BYE enough\r\nA1 NO [AUTHENTICATIONFAILED] x\r\n",
            b"* BYE [AUTHENTICATIONFAILED] enough\r\n",
        ):
            error = self.assert_raises(sasl.AuthenticationError, GREETING, last)
            self.assertIs(error.reason, Reason.BAD_CREDENTIALS)
        # A word that begins like it is another.
        client = session()
        feed(client, GREETING, b"* BYEBYE x\r\n", b"A1 OK in\r\n")
        self.assertTrue(client.authenticated)

    def test_our_own_failure(self) -> None:
        client = session()
        feed(client, GREETING.replace(b"PLAIN", b"CRAM-MD5"))
        self.assertEqual(client.receive(b"+ !\r\n"), b"*\r\n")
        self.assertIsInstance(deepcopy(client).closed(), sasl.ProtocolError)
        for last in (b"A1 OK in\r\n", b"A1 BAD aborted\r\n", b"* BYE x\r\n", b"x\r\n"):
            with self.subTest(last), self.assertRaises(sasl.ProtocolError):
                deepcopy(client).receive(last)

    def test_the_end_of_the_connection(self) -> None:
        client = session()
        client.receive(GREETING)
        self.assertIs(client.closed().reason, Reason.UNAVAILABLE)

    def test_a_server_that_speaks_out_of_turn(self) -> None:
        self.assert_raises(sasl.ProtocolError, GREETING + b"A1 OK in\r\n")
        self.assert_raises(sasl.ProtocolError, GREETING + b"A")
        self.assert_raises(sasl.ProtocolError, GREETING + b"+ \r\n")
        self.assert_raises(sasl.ProtocolError, BARE, LIST + b"A1 OK in\r\n")
        self.assert_raises(sasl.ProtocolError, GREETING, b"A1 OK in\r\nA2 OK x\r\n")

    def test_no_end(self) -> None:
        self.assert_raises(sasl.ProtocolError, b"* OK " + b"x" * 70_000)
        self.assert_raises(sasl.ProtocolError, BARE, b"* 1 EXISTS\r\n" * 10_000)


class StartTLS(unittest.TestCase):
    def test_before_authenticate(self) -> None:
        client = session(CLEAR)
        self.assertEqual(client.receive(STARTTLS), b"C1 STARTTLS\r\n")
        self.assertEqual(client.receive(b"C1 OK go\r\n"), b"")
        self.assertTrue(client.wants_tls)
        self.assertEqual(client.secured(TLS), b"C2 CAPABILITY\r\n")
        self.assertEqual(client.capabilities, ())
        self.assertEqual(client.receive(LIST.replace(b"C1", b"C2")), PLAIN)
        self.assertIs(client.channel, TLS)

    def test_a_list_that_is_gone_after_tls(self) -> None:
        client = session(CLEAR)
        feed(client, STARTTLS.replace(b"LOGINDISABLED", b"AUTH=PLAIN"), b"C1 OK\r\n")
        client.secured(TLS)
        with self.assertRaises(sasl.NoMechanism):
            client.receive(b"* CAPABILITY LOGINDISABLED\r\nC2 OK\r\n")

    def test_what_was_put_behind_it(self) -> None:
        # CVE-2011-1926 and its like: read as if it had come over TLS.
        for injected in (
            b"* CAPABILITY AUTH=PLAIN\r\nC2 OK\r\n",
            b"* CAPABILITY AUTH=PLAIN\r\n",
            b"*",
            b"C",
            b"\r\n",
        ):
            client = session(CLEAR)
            client.receive(STARTTLS)
            with self.subTest(injected), self.assertRaises(sasl.ProtocolError):
                client.receive(b"C1 OK go\r\n" + injected)
            self.assertFalse(client.wants_tls)
            with self.assertRaises(sasl.StateError):
                client.secured(TLS)

    def test_required(self) -> None:
        for replies in (
            (GREETING,),
            (STARTTLS, b"C1 NO not now\r\n"),
            (STARTTLS, b"C1 BAD what\r\n"),
        ):
            client = session(CLEAR, policy=ANYHOW)
            with self.subTest(replies), self.assertRaises(sasl.NoMechanism) as caught:
                feed(client, *replies)
            self.assertIn("STARTTLS", caught.exception.refusals)

    def test_opportunistic_and_refused(self) -> None:
        client = session(CLEAR, starttls="opportunistic", policy=ANYHOW)
        client.receive(STARTTLS.replace(b"LOGINDISABLED", b"AUTH=PLAIN"))
        self.assertEqual(client.receive(b"C1 NO no\r\n"), PLAIN)

    def test_bye_is_no_refusal_to_go_on_from(self) -> None:
        client = session(CLEAR, starttls="opportunistic", policy=ANYHOW)
        client.receive(STARTTLS.replace(b"LOGINDISABLED", b"AUTH=PLAIN"))
        with self.assertRaises(sasl.AuthenticationError):
            client.receive(b"* BYE later\r\n")

    def test_no_response_to_it(self) -> None:
        client = session(CLEAR)
        client.receive(STARTTLS)
        with self.assertRaises(sasl.ProtocolError):
            client.receive(b"A1 OK\r\n")

    def test_never_inside_tls(self) -> None:
        greeting = STARTTLS.replace(b"LOGINDISABLED", b"AUTH=PLAIN")
        self.assertEqual(session().receive(greeting), PLAIN)


class Values(unittest.TestCase):
    def test_it_is_never_pickled(self) -> None:
        with self.assertRaises(TypeError):
            pickle.dumps(session())

    def test_its_repr_shows_no_secret(self) -> None:
        self.assertNotIn("pencil", repr(session()))

    def test_a_waiting_session_can_be_copied(self) -> None:
        client = session()
        client.receive(GREETING)
        twin = deepcopy(client)
        twin.receive(b"A1 OK in\r\n")
        self.assertTrue(twin.authenticated)
        self.assertFalse(client.authenticated)


_RESPONSES = st.sampled_from(
    [
        GREETING,
        STARTTLS,
        BARE,
        b"* OK [CAPABILITY AUTH=CRAM-MD5 AUTH=LOGIN AUTH=SCRAM-SHA-256] x\r\n",
        b"* OK [CAPABILITY IMAP4rev1] x\r\n",
        b"* CAPABILITY AUTH=PLAIN\r\nC2 OK\r\n",
        LIST,
        b"* 1 EXISTS\r\n",
        b"C1 OK go\r\n",
        b"+ \r\n",
        b"+\r\n",
        b"+ PDFAeD4=\r\n",
        b"+ cj14LHM9eCxpPTE=\r\n",
        b"A1 OK in\r\n",
        b"A1 NO [CANNOT] no\r\n",
        b"A2 OK in\r\n",
        b"A1 NO no\r\n",
        b"A1 BAD no\r\n",
        b"* BYE\r\n",
    ]
)


class Anything(unittest.TestCase):
    @given(
        st.sampled_from([GREETING, STARTTLS, BARE]) | _RESPONSES,
        st.lists(_RESPONSES | st.binary(max_size=40), max_size=8),
        st.booleans(),
    )
    @settings(max_examples=150)
    def test_only_sasl_errors(
        self, first: bytes, replies: list[bytes], encrypted: bool
    ) -> None:
        client = session(TLS if encrypted else CLEAR, starttls="opportunistic")
        sent = b""
        try:
            for reply in [first, *replies]:
                if client.authenticated:
                    break
                if client.wants_tls:
                    sent += client.secured(TLS)
                    continue
                sent += client.receive(reply)
                self.assertTrue(sent == b"" or sent.endswith(b"\r\n"))
        except sasl.SASLError as error:
            self.assertFalse(client.authenticated)
            self.assertTrue(str(error).isprintable())
        if client.authenticated:
            self.assertRegex(sent, rb"A\d (AUTHENTICATE|LOGIN) ")
            self.assertTrue({b"A1 OK in\r\n", b"A2 OK in\r\n"} & set(replies))
        if not encrypted and b"STARTTLS" not in sent:
            self.assertNotIn(b"cGVuY2ls", sent)


class Joined(unittest.TestCase):
    def test_over_starttls(self) -> None:
        peer = server(CLEAR, starttls=True, policy=sasl.Policy(allow=["PLAIN"]))
        client = session(CLEAR)
        wire = login(client, peer)
        self.assertEqual(
            [line.split()[1] for line in wire[1::2]],
            [b"STARTTLS", b"CAPABILITY", b"AUTHENTICATE"],
        )
        self.assertEqual(peer.session.identity.authcid, "user")
        self.assertEqual(client.capabilities, ("IMAP4REV1",))

    def test_a_wrong_password_is_one_attempt(self) -> None:
        peer = server(policy=sasl.Policy(allow=["PLAIN", "LOGIN"]))
        with self.assertRaises(sasl.AuthenticationError):
            login(session(credentials=sasl.Credentials("user", "wrong")), peer)
        self.assertEqual(peer.application.asked, ["CheckPassword"])

    def test_too_many_attempts(self) -> None:
        peer = server(policy=sasl.Policy(allow=["PLAIN"]), max_failures=0)
        with self.assertRaises(sasl.AuthenticationError) as caught:
            login(session(), peer)
        self.assertIs(caught.exception.reason, Reason.UNAVAILABLE)
