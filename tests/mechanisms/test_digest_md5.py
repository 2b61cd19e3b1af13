"""DIGEST-MD5 (RFC 2831): realms, characters, places."""

from __future__ import annotations

import unittest
from typing import Any

import sasl_core as sasl
from sasl_core.mechanisms import _digest_messages as messages
from sasl_core.records import DigestMd5Secret

from .. import _accounts as accounts
from .._drive import HashCalls
from ._both import client, reason, server
from ._digest import CHALLENGE, NAME, exchange, response


class RealmTest(unittest.TestCase):
    """One, several, none; and what a client chooses."""

    def test_one(self) -> None:
        """The channel's host, if nothing else is said."""
        _, event, said = exchange()
        self.assertIn(b'realm="mail.example.org"', said[0])
        self.assertIn(b'realm="mail.example.org"', said[1])
        self.assertEqual(event.identity, sasl.Identity("user"))

    def test_none(self) -> None:
        """No word of it on either side: curl gives up on realm=""."""
        for realm in ("", ()):
            _, event, said = exchange(realm=realm)
            self.assertNotIn(b"realm", said[0] + said[1])
            self.assertIsInstance(event, sasl.Success)

    def test_an_empty_one(self) -> None:
        """Dovecot sends one: it is sent back, as RFC 2831 wants it, and taken."""
        response = client(NAME).step(b'realm="",' + CHALLENGE)
        self.assertIn(b',realm="",', response)
        asked = server(NAME, on=sasl.Channel(True, service="imap"))
        challenge = asked.start().data
        self.assertNotIn(b"realm", challenge)
        event: Any = asked.step(client(NAME).step(b'realm="",' + challenge))
        self.assertEqual(accounts.question(event)[1:], ("user", None))
        self.assertIsInstance(event.answer(accounts.PASSWORD), sasl.Success)

    def test_several(self) -> None:
        """The credentials' choice, the host's, the first; and two users of one name."""
        two = ("a.example", "b.example")
        for realms, wanted, chosen in (
            (two, None, "a.example"),
            (two, "b.example", "b.example"),
            ((*two, accounts.HOST), None, accounts.HOST),
        ):
            _, event, said = exchange(realm=realms, realm_wanted=wanted)
            with self.subTest(realms, wanted=wanted):
                self.assertIn(f'realm="{chosen}"'.encode(), said[1])
                self.assertEqual(event.identity.authcid, f"user@{chosen}")

    def test_one_that_was_not_offered(self) -> None:
        """A client may ask for it, our server has none but its own."""
        _, event, said = exchange(realm="a.example", realm_wanted="c.example")
        self.assertIn(b'realm="c.example"', said[1])
        self.assertIs(reason(event), sasl.Reason.MALFORMED)

    def test_one_where_none_was_offered(self) -> None:
        """Who comes from there is not the user of that name here."""
        for wanted, authcid in (
            ("c.example", "user@c.example"),
            (accounts.HOST, "user"),
        ):
            _, event, said = exchange(realm="", realm_wanted=wanted)
            self.assertIn(f'realm="{wanted}"'.encode(), said[1])
            self.assertEqual(event.identity, sasl.Identity(authcid))
        _, event, _ = exchange(realm="", realm_wanted="c\x7f")
        self.assertIs(reason(event), sasl.Reason.MALFORMED)

    def test_none_at_all_is_wanted(self) -> None:
        """Said where one is offered, and not a word of it otherwise."""
        has = {"username": "user", "password": "p", "realm": ""}
        self.assertIn(b',realm="",', client(NAME, has).step(b'realm="r",' + CHALLENGE))
        self.assertNotIn(b"realm", client(NAME, has).step(CHALLENGE))

    def test_which_is_asked_about(self) -> None:
        """The one that the client chose, whatever its user is called."""
        for realms in (("a.example",), ("b.example", "a.example")):
            asked = sasl.server(
                NAME,
                channel=accounts.channel(NAME),
                policy=accounts.policy(NAME),
                profile=sasl.profiles.RAW,
                realm=realms,
            )
            nonce = messages.read_challenge(asked.start().data).nonce
            event: Any = asked.step(response(nonce, realm="a.example"))
            self.assertEqual(accounts.question(event)[1:], ("user", "a.example"))

    def test_a_realm_that_nobody_can_name(self) -> None:
        """It breaks nothing but the logins."""
        _, event, said = exchange(realm="\udc80")
        self.assertIn(b'realm="?"', said[0])
        self.assertIs(reason(event), sasl.Reason.MALFORMED)

    def test_the_secret_of_a_realm(self) -> None:
        """It stands in for the password, there and for that user only."""
        for realm, user, password, welcome in (
            (accounts.HOST, "user", accounts.PASSWORD, True),
            ("elsewhere", "user", accounts.PASSWORD, False),
            (accounts.HOST, "boss", accounts.PASSWORD, False),
            (accounts.HOST, "user", "other", False),
        ):
            stored = DigestMd5Secret.derive(user, realm, password)
            _, event, _ = exchange(password=stored)
            with self.subTest(realm, user=user):
                self.assertEqual(isinstance(event, sasl.Success), welcome)

    def test_nobody_costs_the_same(self) -> None:
        """Whether there is a secret, a password, or no such user."""
        stored = DigestMd5Secret.derive("user", accounts.HOST, "other")
        costs = []
        for answer in (None, "", "other", stored):
            asked = server(NAME)
            request: Any = asked.step(client(NAME).step(asked.start().data))
            with HashCalls() as calls:
                event = request.answer(answer)
            self.assertIs(reason(event), sasl.Reason.BAD_CREDENTIALS)
            costs.append(calls.names)
        self.assertEqual(costs, costs[:1] * 4)


class CharacterTest(unittest.TestCase):
    """The rule of ISO 8859-1 (section 2.1.2.1)."""

    def test_names_and_passwords(self) -> None:
        """Within ISO 8859-1, beyond it, and one of each."""
        for username in ("j\xfcrgen", "j\u0151rgen"):
            for password in ("p\xe453w\xf6rd", "p\xe453w\u0151rd"):
                for stored in (
                    password,
                    DigestMd5Secret.derive(username, accounts.HOST, password),
                ):
                    _, event, _ = exchange(
                        username=username,
                        password_typed=password,
                        password=stored,
                        authzid="j\u0151",
                    )
                    with self.subTest(username, password=password):
                        self.assertEqual(event.identity.authcid, username)
                        self.assertEqual(event.identity.authzid, "j\u0151")

    def test_a_server_without_charset(self) -> None:
        """It takes ISO 8859-1, so we send that, or nothing."""
        challenge = b'nonce="n",algorithm=md5-sess'
        response = client(NAME, {"username": "j\xfc", "password": "p\xe4"}).step(
            challenge
        )
        self.assertIn(b'username="j\xfc"', response)
        self.assertNotIn(b"charset", response)
        self.assertIn(
            b'"\xff"',
            client(NAME, {"username": "\xff", "password": "p"}).step(challenge),
        )
        for has in (
            {"username": "j\u0151", "password": "p"},
            {"username": "j", "password": "p\u0151"},
            {"username": "j", "password": "p", "realm": "\u0151"},
        ):
            with self.subTest(has), self.assertRaises(sasl.CredentialsError) as caught:
                client(NAME, has).step(challenge)
            self.assertNotIn("\u0151", str(caught.exception))

    def test_a_client_without_charset(self) -> None:
        """It means ISO 8859-1; the same user logs in."""
        asked = server(NAME)
        challenge = asked.start().data.replace(b",charset=utf-8", b"")
        response = client(NAME, {"username": "j\xfc", "password": "p\xe4"}).step(
            challenge
        )
        event: Any = asked.step(response)
        self.assertEqual(event.username, "j\xfc")
        self.assertIsInstance(event.answer("p\xe4"), sasl.Success)

    def test_what_cannot_be_sent(self) -> None:
        """Controls, lone surrogates, nothing; and a service that nobody knows."""
        for has in (
            {"username": "a\0", "password": "p"},
            {"username": "a", "password": "p\0"},
            {"username": "a", "password": "p\udc80"},
            {"username": "a", "password": "p", "realm": "r\n"},
            {"username": "a", "password": "p", "authzid": "\udc80"},
        ):
            with self.subTest(has), self.assertRaises(sasl.CredentialsError):
                client(NAME, has)
        for channel in (
            sasl.Channel(True, host="h"),
            sasl.Channel(True, service="imap"),
        ):
            with self.assertRaises(sasl.CredentialsError):
                client(NAME, on=channel)


class URITest(unittest.TestCase):
    """The digest-uri says where the client believes to be."""

    def event(self, uri: bytes, on: sasl.Channel, realm: str | None = None) -> Any:
        asked = sasl.server(
            NAME,
            channel=on,
            policy=accounts.policy(NAME),
            profile=sasl.profiles.RAW,
            realm=realm,
        )
        response = client(NAME).step(asked.start().data)
        return asked.step(response.replace(b"imap/mail.example.org", uri))

    def test_which_are_ours(self) -> None:
        """Service and host in any case, whatever its replicated name; or our realm."""
        here = sasl.Channel(True, service="imap", host="mail.example.org")
        for uri in (
            b"imap/mail.example.org",
            b"IMAP/Mail.Example.Org",
            b"imap/mail.example.org/example.org",
            b"imap/example.org",
        ):
            with self.subTest(uri):
                event = self.event(uri, here, "example.org")
                self.assertIsInstance(event, sasl.FindPassword)
        for uri in (
            b"smtp/mail.example.org",
            b"imap/evil.example",
            b"imap/evil.example/mail.example.org",
            b"imap",
            b"imap/",
            b"imap/mail.example.org/",
            b"imap/mail.example.org/x/y",
            b"/mail.example.org",
            b"\xff/\xff",
        ):
            with self.subTest(uri):
                failure = self.event(uri, here, "example.org")
                self.assertIs(reason(failure), sasl.Reason.BAD_CREDENTIALS)

    def test_the_service_of_the_protocol(self) -> None:
        """It is ours where the channel names none, and so it is said."""
        asking = sasl.client(
            NAME,
            sasl.Credentials("user", "p"),
            channel=sasl.Channel(True, host="h\udc80"),
            policy=accounts.policy(NAME),
            profile=sasl.profiles.RAW.replace(service="imap"),
        )
        self.assertIn(b'digest-uri="imap/h?"', asking.step(CHALLENGE))
        for uri, welcome in ((b"imap/h.example", True), (b"smtp/h.example", False)):
            asked = sasl.server(
                NAME,
                channel=sasl.Channel(True, host="h.example"),
                policy=accounts.policy(NAME),
                profile=sasl.profiles.RAW.replace(service="imap"),
                nonce=b"n",
            )
            asked.start()
            event: Any = asked.step(response(b"n", uri=uri, realm="h.example"))
            with self.subTest(uri):
                self.assertEqual(isinstance(event, sasl.FindPassword), welcome)

    def test_what_the_channel_does_not_know(self) -> None:
        """It is not compared."""
        for channel in (
            sasl.Channel(True, service="imap"),
            sasl.Channel(True, host="mail.example.org"),
            sasl.Channel(True),
        ):
            event = self.event(b"imap/mail.example.org", channel)
            self.assertIsInstance(event, sasl.FindPassword)
            self.assertIsInstance(self.event(b"imap/", channel), sasl.Failure)


if __name__ == "__main__":
    unittest.main()
