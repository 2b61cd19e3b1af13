"""ClientSession: from the greeting to the tagged OK, whatever the server does."""

from __future__ import annotations

from copy import deepcopy

import sasl_core as sasl
from sasl_core import Reason, profiles
from sasl_core.protocols.imap import ClientSession

from .._client_cases import ANYHOW, ClientCases
from .._client_words import ClientCase, ClientWords, feed
from . import _peer

GREETING = b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\n"
STARTTLS = b"* OK [CAPABILITY IMAP4rev1 SASL-IR STARTTLS AUTH=PLAIN] ready\r\n"
BARE = b"* OK ready\r\n"
LIST = b"* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN\r\nC1 OK done\r\n"
PLAIN = b"A1 AUTHENTICATE PLAIN AHVzZXIAcGVuY2ls\r\n"

WORDS = ClientWords(
    session=ClientSession,
    peer=_peer,
    offer=(BARE, LIST),
    sent=(b"C1 CAPABILITY\r\n", PLAIN),
    bare=(b"* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] x\r\n",),
    cram_md5=(GREETING.replace(b"PLAIN", b"CRAM-MD5"),),
    nonsense=b"+ !\r\n",
    cancel=b"*\r\n",
    yes=b"A1 OK in\r\n",
    starttls=(STARTTLS,),
    asks=b"C1 STARTTLS\r\n",
    go=b"C1 OK go\r\n",
    refusals=(b"C1 NO not now\r\n", b"C1 BAD what\r\n"),
    no_reply=b"A1 OK\r\n",
    first=b"C2 CAPABILITY\r\n",
    again=(LIST.replace(b"C1", b"C2"),),
    gone=b"* CAPABILITY LOGINDISABLED\r\nC2 OK\r\n",
    not_greetings=(b"220 x\r\n", b"* \r\n", b"+ OK\r\n", b"A1 OK\r\n", b"* NO\r\n"),
    unavailable=b"* BYE later\r\n",
    out_of_turn=(
        (GREETING + b"A1 OK in\r\n",),
        (GREETING + b"A",),
        (GREETING + b"+ ",),
    ),
    endless=((b"* OK " + b"x" * 70_000,), (BARE, b"* 1 EXISTS\r\n" * 10_000)),
    replies=(
        GREETING,
        b"* OK [CAPABILITY AUTH=CRAM-MD5 AUTH=LOGIN AUTH=SCRAM-SHA-256] x\r\n",
        b"* OK [CAPABILITY IMAP4rev1] x\r\n",
        b"* 1 EXISTS\r\n",
        b"+ \r\n",
        b"+\r\n",
        b"+ PDFAeD4=\r\n",
        b"+ cj14LHM9eCxpPTE=\r\n",
        b"A2 OK in\r\n",
        b"A1 NO [CANNOT] no\r\n",
        b"A1 NO no\r\n",
        b"A1 BAD no\r\n",
        b"* BYE\r\n",
    ),
    logs_in=r"A\d (AUTHENTICATE|LOGIN) ",
    success=b" OK in\r\n",
)
session = WORDS.make


class Case(ClientCase):
    words = WORDS


class Common(ClientCases, Case):
    """What holds for every protocol."""


class Success(Case):
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


class Refusals(Case):
    def test_the_greeting(self) -> None:
        error = self.assert_raises(sasl.AuthenticationError, b"* BYE \x1b later\r\n")
        self.assertEqual(error.reply, "BYE ? later")
        for line in (b"* PREAUTH hello\r\n", b"* preauth [CAPABILITY X] hello\r\n"):
            self.assert_raises(sasl.NoMechanism, line)
            self.assert_raises(sasl.NoMechanism, line, encrypted=False)

    def test_capability(self) -> None:
        self.assert_raises(sasl.AuthenticationError, BARE, b"C1 BAD what\r\n")
        for line in (b"C2 OK\r\n", b"+ \r\n", b"A1 OK\r\n", b"C1 YES\r\n", b"\r\n"):
            with self.subTest(line):
                self.assert_raises(sasl.ProtocolError, BARE, line)

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

    def test_whatever_follows_our_own_failure(self) -> None:
        client = session()
        feed(client, GREETING.replace(b"PLAIN", b"CRAM-MD5"))
        self.assertEqual(client.receive(b"+ !\r\n"), b"*\r\n")
        self.assertIsInstance(deepcopy(client).closed(), sasl.ProtocolError)
        for last in (b"A1 OK in\r\n", b"A1 BAD aborted\r\n", b"* BYE x\r\n", b"x\r\n"):
            with self.subTest(last), self.assertRaises(sasl.ProtocolError):
                deepcopy(client).receive(last)


class StartTLS(Case):
    def test_the_capabilities_from_before_count_no_more(self) -> None:
        client = session(encrypted=False)
        feed(client, STARTTLS, b"C1 OK go\r\n")
        client.secured(_peer.TLS)
        self.assertEqual(client.capabilities, ())

    def test_bye_is_no_refusal_to_go_on_from(self) -> None:
        client = session(encrypted=False, starttls="opportunistic", policy=ANYHOW)
        client.receive(STARTTLS)
        with self.assertRaises(sasl.AuthenticationError):
            client.receive(b"* BYE later\r\n")


class OurServer(Case):
    def test_too_many_attempts(self) -> None:
        peer = _peer.server(policy=sasl.Policy(allow=["PLAIN"]), max_failures=0)
        with self.assertRaises(sasl.AuthenticationError) as caught:
            _peer.login(session(), peer)
        self.assertIs(caught.exception.reason, Reason.UNAVAILABLE)
