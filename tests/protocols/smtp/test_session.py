"""ClientSession: from the greeting to 235, whatever the server does."""

from __future__ import annotations

import sasl_core as sasl
from sasl_core import profiles
from sasl_core.protocols.smtp import ClientSession

from .._client_cases import ClientCases
from .._client_words import ClientCase, ClientWords, feed
from . import _peer

GREETING = b"220 mail.example.com ESMTP\r\n"
PLAIN = b"250-mail.example.com\r\n250 AUTH PLAIN\r\n"
STARTTLS = b"250-mail.example.com\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n"

WORDS = ClientWords(
    session=ClientSession,
    peer=_peer,
    offer=(GREETING, PLAIN),
    sent=(b"EHLO localhost\r\n", b"AUTH PLAIN AHVzZXIAcGVuY2ls\r\n"),
    bare=(GREETING, b"250 x\r\n"),
    cram_md5=(GREETING, b"250-x\r\n250 AUTH CRAM-MD5\r\n"),
    nonsense=b"334 !\r\n",
    cancel=b"*\r\n",
    yes=b"235 2.7.0 OK\r\n",
    starttls=(GREETING, STARTTLS),
    asks=b"STARTTLS\r\n",
    go=b"220 go\r\n",
    refusals=(b"454 4.7.0 no\r\n", b"502 no\r\n"),
    no_reply=b"2\r\n",
    first=b"EHLO localhost\r\n",
    again=(PLAIN,),
    gone=b"250 x\r\n",
    not_greetings=(b"250 hello\r\n", b"235 you are in\r\n", b"HTTP/1.1 400 No\r\n"),
    unavailable=b"421 4.3.0 later\r\n",
    out_of_turn=((GREETING + PLAIN,),),
    endless=(
        (GREETING, b"250-" + b"A" * 10_485_760),
        (GREETING, b"250-A\r\n" * 20_000),
    ),
    replies=(
        b"250-x\r\n250 AUTH CRAM-MD5 LOGIN SCRAM-SHA-256 PLAIN XOAUTH2\r\n",
        b"334 \r\n",
        b"334 PDFAeD4=\r\n",
        b"334 cj14LHM9eCxpPTE=\r\n",
        b"504 5.5.4 no\r\n",
        b"535 5.7.8 no\r\n",
    ),
    logs_in="AUTH ",
    success=b"235 2.7.0 OK\r\n",
)
session = WORDS.make


class Case(ClientCase):
    words = WORDS


class Common(ClientCases, Case):
    """What holds for every protocol."""


class Success(Case):
    def test_its_name_and_the_keywords(self) -> None:
        client = session(local_name="client.example")
        self.assertEqual(client.receive(GREETING), b"EHLO client.example\r\n")
        feed(client, PLAIN, b"235 2.7.0 OK\r\n")
        self.assertEqual(client.ehlo, ("AUTH PLAIN",))

    def test_a_greeting_of_several_lines(self) -> None:
        client = session()
        self.assertEqual(client.receive(b"220-hello\r\n"), b"")
        self.assertEqual(client.receive(b"220 there\r\n"), b"EHLO localhost\r\n")

    def test_the_old_form_of_the_keyword(self) -> None:
        client = session()
        line = feed(client, GREETING, b"250-x\r\n250 AUTH=PLAIN\r\n")
        self.assertEqual(line, b"AUTH PLAIN AHVzZXIAcGVuY2ls\r\n")

    def test_lmtp_says_lhlo(self) -> None:
        client = session(profile=profiles.LMTP)
        self.assertEqual(client.receive(GREETING), b"LHLO localhost\r\n")

    def test_a_refused_mechanism_moves_on(self) -> None:
        client = session()
        output = feed(
            client,
            GREETING,
            b"250-x\r\n250 AUTH CRAM-MD5 PLAIN\r\n",
            b"504 5.5.4 no\r\n",
        )
        self.assertEqual(output, b"AUTH PLAIN AHVzZXIAcGVuY2ls\r\n")
        client.receive(b"235 ok\r\n")
        self.assertEqual(client.mechanism, "PLAIN")


class Refusals(Case):
    def test_the_greeting(self) -> None:
        error = self.assert_raises(sasl.AuthenticationError, b"554 \x1b go away\r\n")
        self.assertEqual(error.reply, "554 ? go away")

    def test_ehlo(self) -> None:
        self.assert_raises(sasl.AuthenticationError, GREETING, b"502 no\r\n")
        self.assert_raises(sasl.ProtocolError, GREETING, b"235 you are in\r\n")

    def test_a_mechanism_in_the_line_of_the_name(self) -> None:
        self.assert_raises(sasl.NoMechanism, GREETING, b"250-AUTH PLAIN\r\n250 x\r\n")

    def test_a_wrong_password(self) -> None:
        error = self.assert_raises(
            sasl.AuthenticationError,
            GREETING,
            b"250-x\r\n250 AUTH CRAM-MD5 PLAIN LOGIN\r\n",
            b"334 PDFAeD4=\r\n",
            b"535 5.7.8 no\r\n",
        )
        self.assertFalse(error.try_another)

    def test_endless_challenges(self) -> None:
        client = session()
        feed(client, GREETING, PLAIN)
        self.assertEqual(client.receive(b"334 \r\n"), b"*\r\n")
        with self.assertRaises(sasl.SASLError):
            client.receive(b"334 \r\n")


class Values(Case):
    def test_local_names(self) -> None:
        for name in ("a b", "a\r\nQUIT", "a\0", "ü", "a\tb", ""):
            with self.subTest(name), self.assertRaises(ValueError):
                session(local_name=name)

    def test_the_keywords_from_before_tls_count_no_more(self) -> None:
        client = session(encrypted=False)
        feed(client, GREETING, STARTTLS, b"220 go\r\n")
        client.secured(_peer.TLS)
        self.assertEqual(client.ehlo, ())
        output = client.receive(b"250-x\r\n250 AUTH LOGIN\r\n")
        self.assertEqual(output, b"AUTH LOGIN\r\n")
